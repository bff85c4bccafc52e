/*-------------------------------------------------------------------------
 *
 * script_type.c
 *	  The SQL type p2ptext.script and the functions that look inside it.
 *
 * A script compiles when it is read in, so that a bad one is never stored.
 *
 *-------------------------------------------------------------------------
 */
#include "text/script_type.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

static void *
resize(void *ptr, size_t size)
{
	return ptr == NULL ? palloc(size) : repalloc(ptr, size);
}

static const ScriptMemory script_memory = {resize, pfree};

/* The error as the core reports it, with the place where it is. */
static void
report_error(const char *source, const ScriptError *error, Node *escontext)
{
	char *name = pnstrdup(source + error->name.off, error->name.len);
	int at = pg_mbstrlen_with_len(source, error->offset) + 1;

	errsave(escontext,
			(errcode(error->too_large ? ERRCODE_PROGRAM_LIMIT_EXCEEDED
									  : ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg_internal(error->message, name),
			 error->too_large && error->offset == 0
				 ? 0
				 : errdetail("The error is at character %d of the script.", at),
			 errhint("%s", error->hint),
			 error->too_large && error->offset == 0
				 ? 0
				 : (internalerrposition(at), internalerrquery(source))));
}

struct varlena *
script_from_text(const char *source, size_t len, Node *escontext)
{
	ScriptError error;
	size_t size;
	struct varlena *script;

	script =
		script_compile(source, len, VARHDRSZ, &size, &script_memory, &error);
	if (script == NULL)
		report_error(pnstrdup(source, len), &error, escontext);
	else
		SET_VARSIZE(script, size);
	return script;
}

const ScriptCode *
script_code(struct varlena *datum)
{
	const ScriptCode *code = (const ScriptCode *) VARDATA(datum);

	if (code->version == SCRIPT_VERSION)
		return code;

	/* The source is the tail of the block in every version. */
	datum = script_from_text((char *) datum + VARSIZE(datum) - code->source_len,
							 code->source_len, NULL);
	return (const ScriptCode *) VARDATA(datum);
}

static text *
source_text(const ScriptCode *code)
{
	return cstring_to_text_with_len(SCRIPT_SOURCE(code), code->source_len);
}

PG_FUNCTION_INFO_V1(p2ptext_script_in);
Datum
p2ptext_script_in(PG_FUNCTION_ARGS)
{
	char *source = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(
		script_from_text(source, strlen(source), fcinfo->context));
}

PG_FUNCTION_INFO_V1(p2ptext_script_out);
Datum
p2ptext_script_out(PG_FUNCTION_ARGS)
{
	const ScriptCode *code = PG_GETARG_SCRIPT(0);

	PG_RETURN_CSTRING(pnstrdup(SCRIPT_SOURCE(code), code->source_len));
}

/* On the wire a script is its source. */
PG_FUNCTION_INFO_V1(p2ptext_script_recv);
Datum
p2ptext_script_recv(PG_FUNCTION_ARGS)
{
	StringInfo buf = (StringInfo) PG_GETARG_POINTER(0);
	int len;
	char *source = pq_getmsgtext(buf, buf->len - buf->cursor, &len);

	PG_RETURN_POINTER(script_from_text(source, len, NULL));
}

PG_FUNCTION_INFO_V1(p2ptext_script_send);
Datum
p2ptext_script_send(PG_FUNCTION_ARGS)
{
	const ScriptCode *code = PG_GETARG_SCRIPT(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, SCRIPT_SOURCE(code), code->source_len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

PG_FUNCTION_INFO_V1(p2ptext_script_from_text);
Datum
p2ptext_script_from_text(PG_FUNCTION_ARGS)
{
	text *source = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(
		script_from_text(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), NULL));
}

PG_FUNCTION_INFO_V1(p2ptext_script_to_text);
Datum
p2ptext_script_to_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(source_text(PG_GETARG_SCRIPT(0)));
}

/* Two scripts are equal when their sources are, byte for byte. */
static bool
scripts_equal(const ScriptCode *a, const ScriptCode *b)
{
	return a->source_len == b->source_len &&
		   memcmp(SCRIPT_SOURCE(a), SCRIPT_SOURCE(b), a->source_len) == 0;
}

PG_FUNCTION_INFO_V1(p2ptext_script_eq);
Datum
p2ptext_script_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scripts_equal(PG_GETARG_SCRIPT(0), PG_GETARG_SCRIPT(1)));
}

PG_FUNCTION_INFO_V1(p2ptext_script_ne);
Datum
p2ptext_script_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!scripts_equal(PG_GETARG_SCRIPT(0), PG_GETARG_SCRIPT(1)));
}

PG_FUNCTION_INFO_V1(p2ptext_script_hash);
Datum
p2ptext_script_hash(PG_FUNCTION_ARGS)
{
	const ScriptCode *code = PG_GETARG_SCRIPT(0);

	return hash_any((const unsigned char *) SCRIPT_SOURCE(code),
					code->source_len);
}

static Datum
span_text(const ScriptCode *code, ScriptSpan span)
{
	return PointerGetDatum(
		cstring_to_text_with_len(SCRIPT_SOURCE(code) + span.off, span.len));
}

PG_FUNCTION_INFO_V1(p2ptext_script_fields);
Datum
p2ptext_script_fields(PG_FUNCTION_ARGS)
{
	const ScriptCode *code = PG_GETARG_SCRIPT(0);
	const ScriptField *fields = SCRIPT_FIELDS(code);
	Datum *names = palloc(sizeof(Datum) * (code->nfields + 1));
	int n = 0;

	for (int i = 0; i < code->nfields; i++)
	{
		if (fields[i].nnames > 0)
			names[n++] = span_text(code, fields[i].path);
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(p2ptext_script_snippets);
Datum
p2ptext_script_snippets(PG_FUNCTION_ARGS)
{
	const ScriptCode *code = PG_GETARG_SCRIPT(0);
	const ScriptOp *ops = SCRIPT_OPS(code);
	const char *src = SCRIPT_SOURCE(code);
	Datum *names = palloc(sizeof(Datum) * (code->nops + 1));
	int n = 0;

	for (int i = 0; i < code->nops; i++)
	{
		bool seen = ops[i].kind != OP_PARTIAL;

		for (int j = 0; j < i && !seen; j++)
			seen = ops[j].kind == OP_PARTIAL &&
				   ops[j].text.len == ops[i].text.len &&
				   memcmp(src + ops[j].text.off, src + ops[i].text.off,
						  ops[i].text.len) == 0;
		if (!seen)
			names[n++] = span_text(code, ops[i].text);
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}
