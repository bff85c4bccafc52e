/*-------------------------------------------------------------------------
 *
 * render.c
 *	  p2ptext.render, render_strict and missing_fields, from rows and jsonb.
 *
 * What one call site learns (the layout of its rows, the snippets it includes)
 * is kept in fn_extra; all else lives in the caller's short-lived context, so
 * memory stays flat over any number of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "text/script_type.h"
#include "text/snapshot.h"
#include "text/values.h"

typedef struct Snippet
{
	const char *name;
	size_t name_len;
	const char *indent;
	size_t indent_len;
	const ScriptCode *code; /* NULL: there is none of this name */
	struct Snippet *next;
} Snippet;

/* What is kept between calls. */
typedef struct RenderPlan
{
	struct varlena *script; /* our copy */
	const ScriptCode *code;
	bool constant; /* the same script throughout the query */
	ValueCache values;
	ValueType root;
	MemoryContext snippet_context;
	Snippet *snippets;
	SnapshotStamp stamp;
} RenderPlan;

/* One call. */
typedef struct RenderCall
{
	ValueSource source; /* must be first */
	RenderPlan *plan;
	ArrayBuildState *missing;
} RenderCall;

/*
 * A parameter would not do: PL/pgSQL evaluates one expression many times with
 * other values of its variables.
 */
static bool
script_is_constant(Node *call)
{
	return call != NULL && IsA(call, FuncExpr) &&
		   IsA(linitial(((FuncExpr *) call)->args), Const);
}

static RenderPlan *
new_plan(FunctionCallInfo fcinfo, struct varlena *script)
{
	MemoryContext context;
	MemoryContext old;
	RenderPlan *plan = fcinfo->flinfo->fn_extra;

	if (plan != NULL)
	{
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(plan->values.context);
	}
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "p2ptext render",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	plan = palloc0(sizeof(RenderPlan));
	plan->script = palloc(VARSIZE(script));
	memcpy(plan->script, script, VARSIZE(script));
	plan->code = script_code(plan->script);
	plan->constant = script_is_constant(fcinfo->flinfo->fn_expr);
	plan->values.context = context;
	plan->values.code = plan->code;
	plan->values.members =
		palloc0(sizeof(ScriptValue) * (plan->code->nnames + 1));
	plan->snippet_context = AllocSetContextCreate(context, "p2ptext snippets",
												  ALLOCSET_SMALL_SIZES);
	value_type_init(&plan->values, get_fn_expr_argtype(fcinfo->flinfo, 1),
					&plan->root);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = plan;
	return plan;
}

/* The plan of this call site, made anew when the script is another one. */
static RenderPlan *
get_plan(FunctionCallInfo fcinfo)
{
	RenderPlan *plan = fcinfo->flinfo->fn_extra;
	struct varlena *script;

	if (plan != NULL && plan->constant)
		return plan;
	script = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	if (plan != NULL && VARSIZE(plan->script) == VARSIZE(script) &&
		memcmp(plan->script, script, VARSIZE(script)) == 0)
		return plan;
	return new_plan(fcinfo, script);
}

/* Reads a snippet's source in the current memory context; NULL if none. */
static char *
read_snippet(const char *name, size_t len, size_t *source_len)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid argtypes[1] = {TEXTOID};
	Datum args[1] = {PointerGetDatum(cstring_to_text_with_len(name, len))};
	char *source = NULL;
	bool isnull;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args("SELECT body FROM p2ptext.snippet"
							  " WHERE name OPERATOR(pg_catalog.=) $1",
							  1, argtypes, args, NULL, true,
							  1) != SPI_OK_SELECT)
		elog(ERROR, "could not read p2ptext.snippet");
	if (SPI_processed > 0)
	{
		Datum body = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								   1, &isnull);
		const ScriptCode *code = DatumGetScript(body);

		*source_len = code->source_len;
		source = MemoryContextAlloc(caller, code->source_len + 1);
		memcpy(source, SCRIPT_SOURCE(code), code->source_len);
	}
	SPI_finish();
	return source;
}

/* Every line of the snippet is indented as its tag was. */
static const ScriptCode *
compile_snippet(const char *source, size_t len, const char *indent,
				size_t indent_len)
{
	size_t lines = 1;
	char *indented;

	for (size_t i = 0; i < len; i++)
		lines += source[i] == '\n';
	indented = palloc(len + lines * indent_len + 1);
	len = script_indent(source, len, indent, indent_len, indented);
	return script_code(script_from_text(indented, len, NULL));
}

static Snippet *
add_snippet(RenderPlan *plan, const char *name, size_t len, const char *indent,
			size_t indent_len)
{
	MemoryContext old = MemoryContextSwitchTo(plan->snippet_context);
	Snippet *snippet = palloc0(sizeof(Snippet));
	size_t source_len;
	char *source = read_snippet(name, len, &source_len);

	snippet->name = pnstrdup(name, len);
	snippet->name_len = len;
	snippet->indent = pnstrdup(indent, indent_len);
	snippet->indent_len = indent_len;
	if (source != NULL)
		snippet->code = compile_snippet(source, source_len, indent, indent_len);
	snippet->next = plan->snippets;
	plan->snippets = snippet;
	MemoryContextSwitchTo(old);
	return snippet;
}

static const ScriptCode *
partial(ScriptSource *source, const char *name, size_t len, const char *indent,
		size_t indent_len)
{
	RenderPlan *plan = ((RenderCall *) source)->plan;
	Snippet *snippet = plan->snippets;

	CHECK_FOR_INTERRUPTS();
	while (snippet != NULL &&
		   (snippet->name_len != len || snippet->indent_len != indent_len ||
			memcmp(snippet->name, name, len) != 0 ||
			memcmp(snippet->indent, indent, indent_len) != 0))
		snippet = snippet->next;
	if (snippet == NULL)
		snippet = add_snippet(plan, name, len, indent, indent_len);
	return snippet->code;
}

/* A missing snippet is named with the sign that includes it. */
static void
collect_missing(ScriptSource *source, const char *name, size_t len,
				bool is_partial)
{
	RenderCall *call = (RenderCall *) source;
	text *item = cstring_to_text_with_len(name, len);

	if (is_partial)
		item = cstring_to_text(psprintf("> %.*s", (int) len, name));
	call->missing = accumArrayResult(call->missing, PointerGetDatum(item),
									 false, TEXTOID, CurrentMemoryContext);
}

static void
grow(ScriptOutput *out, size_t more)
{
	out->cap = Max(out->cap * 2, out->len + more);
	out->data = VARDATA(repalloc(out->data - VARHDRSZ, out->cap + VARHDRSZ));
}

static void
start_call(RenderCall *call, FunctionCallInfo fcinfo, ScriptValue *root)
{
	RenderPlan *plan = get_plan(fcinfo);

	if (plan->snippets != NULL && snapshot_moved(&plan->stamp))
	{
		MemoryContextReset(plan->snippet_context);
		plan->snippets = NULL;
	}
	value_source_init(&call->source, &plan->values, &plan->root,
					  PG_GETARG_DATUM(1), root);
	call->source.base.partial = partial;
	call->plan = plan;
	call->missing = NULL;
}

static ScriptResult
render(RenderCall *call, const ScriptValue *root, int flags, ScriptOutput *out)
{
	const ScriptCode *code = call->plan->code;
	ScriptResult result;

	out->len = 0;
	out->cap = code->text_len + 32 * code->nfields + 32;
	out->data = VARDATA(palloc(out->cap + VARHDRSZ));
	out->grow = grow;
	result = script_render(code, root, &call->source.base, flags, out);
	if (result == RENDER_TOO_DEEP)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("snippets are nested too deeply"),
				 errhint("A snippet that includes itself, directly or through "
						 "another, must stop at some depth.")));
	if (result == RENDER_TOO_LONG)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("rendered script is longer than %d bytes",
							   SCRIPT_MAX_OUTPUT)));
	return result;
}

static Datum
render_text(FunctionCallInfo fcinfo, int flags)
{
	RenderCall call;
	ScriptValue root;
	ScriptOutput out;

	start_call(&call, fcinfo, &root);
	if (render(&call, &root, flags, &out) == RENDER_MISSING)
		PG_RETURN_NULL();
	SET_VARSIZE(out.data - VARHDRSZ, out.len + VARHDRSZ);
	PG_RETURN_TEXT_P((text *) (out.data - VARHDRSZ));
}

PG_FUNCTION_INFO_V1(p2ptext_render);
Datum
p2ptext_render(PG_FUNCTION_ARGS)
{
	return render_text(fcinfo, 0);
}

PG_FUNCTION_INFO_V1(p2ptext_render_strict);
Datum
p2ptext_render_strict(PG_FUNCTION_ARGS)
{
	return render_text(fcinfo, RENDER_STRICT);
}

/* Not declared in SQL: what the specification's HTML cases are tested with. */
PG_FUNCTION_INFO_V1(p2ptext_render_html);
Datum
p2ptext_render_html(PG_FUNCTION_ARGS)
{
	return render_text(fcinfo, RENDER_HTML);
}

/* Each name once, in the order in which it was missed. */
static ArrayType *
distinct_names(ArrayBuildState *all)
{
	Datum *names;
	int n = 0;

	if (all == NULL)
		return construct_empty_array(TEXTOID);
	names = palloc(sizeof(Datum) * all->nelems);
	for (int i = 0; i < all->nelems; i++)
	{
		bool seen = false;

		for (int j = 0; j < n && !seen; j++)
			seen = DatumGetBool(DirectFunctionCall2Coll(
				texteq, C_COLLATION_OID, names[j], all->dvalues[i]));
		if (!seen)
			names[n++] = all->dvalues[i];
	}
	return construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
}

PG_FUNCTION_INFO_V1(p2ptext_missing_fields);
Datum
p2ptext_missing_fields(PG_FUNCTION_ARGS)
{
	RenderCall call;
	ScriptValue root;
	ScriptOutput out;

	start_call(&call, fcinfo, &root);
	call.source.base.missing = collect_missing;
	(void) render(&call, &root, 0, &out);
	PG_RETURN_ARRAYTYPE_P(distinct_names(call.missing));
}
