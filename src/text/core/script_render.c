/*-------------------------------------------------------------------------
 *
 * script_render.c
 *	  From a compiled script and a source of values to text.
 *
 * Values are copied, never parsed: braces, backslashes or dollar signs in a
 * name stay what they are.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/script.h"

#include <string.h>

/* Contexts that can be open at once, over all snippets. */
#define MAX_CONTEXTS (SCRIPT_MAX_NESTING * 4)

/*
 * The state of one rendering; the contexts last, for they are many and few
 * are used.
 */
typedef struct Renderer
{
	ScriptSource *source;
	ScriptOutput *out;
	int flags;
	int ncontexts;
	int nesting;  /* snippets we are inside of */
	int included; /* snippets so far */
	ScriptValue contexts[MAX_CONTEXTS];
} Renderer;

static ScriptResult run(Renderer *r, const ScriptCode *code, size_t from,
						size_t to);

bool
script_blank(const char *str, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		unsigned char ch = str[i];

		/* no-break space (C2 A0) is blank to whoever reads the text */
		if (ch == 0xC2 && i + 1 < len && (unsigned char) str[i + 1] == 0xA0)
			i++;
		else if (ch != ' ' && (ch < '\t' || ch > '\r'))
			return false;
	}
	return true;
}

static bool
make_room(ScriptOutput *out, size_t len)
{
	if (len > SCRIPT_MAX_OUTPUT - out->len)
		return false;
	out->grow(out, len);
	return true;
}

static inline bool
append(Renderer *r, const char *str, size_t len)
{
	ScriptOutput *out = r->out;

	if (out->cap - out->len < len && !make_room(out, len))
		return false;
	memcpy(out->data + out->len, str, len);
	out->len += len;
	return true;
}

static bool
append_html(Renderer *r, const char *str, size_t len)
{
	size_t done = 0;

	for (size_t i = 0; i < len; i++)
	{
		const char *entity = str[i] == '&'	 ? "&amp;"
							 : str[i] == '"' ? "&quot;"
							 : str[i] == '<' ? "&lt;"
							 : str[i] == '>' ? "&gt;"
											 : NULL;

		if (entity == NULL)
			continue;
		if (!append(r, str + done, i - done) ||
			!append(r, entity, strlen(entity)))
			return false;
		done = i + 1;
	}
	return append(r, str + done, len - done);
}

/*
 * The first name is looked for from the innermost context outwards; the rest
 * of a dotted name only inside what the first one found.
 */
static void
look_up(Renderer *r, const ScriptCode *code, const ScriptField *field,
		ScriptValue *value)
{
	const ScriptSpan *name = SCRIPT_NAMES(code) + field->first;
	const char *src = SCRIPT_SOURCE(code);
	int id = r->nesting == 0 ? field->first : -1;

	value->kind = VALUE_MISSING;
	for (int i = r->ncontexts - 1; i >= 0 && value->kind == VALUE_MISSING; i--)
	{
		if (r->contexts[i].kind == VALUE_OBJECT)
			r->source->member(r->source, &r->contexts[i], src + name->off,
							  name->len, id, value);
	}
	for (int i = 1; i < field->nnames && value->kind != VALUE_MISSING; i++)
	{
		ScriptValue object = *value;

		value->kind = VALUE_MISSING;
		if (object.kind != VALUE_OBJECT)
			return;
		r->source->member(r->source, &object, src + name[i].off, name[i].len,
						  id < 0 ? -1 : id + i, value);
	}
}

/* What the field stands for; *space is there to hold it. */
static inline const ScriptValue *
resolve(Renderer *r, const ScriptCode *code, const ScriptField *field,
		ScriptValue *space)
{
	const ScriptValue *members = r->source->members;

	if (field->nnames == 0)
		return &r->contexts[r->ncontexts - 1];
	if (members != NULL && field->nnames == 1 && r->ncontexts == 1 &&
		r->nesting == 0 && members[field->first].kind != VALUE_UNKNOWN)
		return &members[field->first];
	look_up(r, code, field, space);
	return space;
}

static ScriptResult
miss(Renderer *r, const char *name, size_t len, bool is_partial)
{
	if (r->source->missing != NULL)
		r->source->missing(r->source, name, len, is_partial);
	return (r->flags & RENDER_STRICT) != 0 ? RENDER_MISSING : RENDER_OK;
}

/* Nearly always a look at the first character tells. */
static inline bool
is_blank(const ScriptValue *value)
{
	return (value->len == 0 || (unsigned char) value->str[0] <= ' ' ||
			(unsigned char) value->str[0] == 0xC2) &&
		   script_blank(value->str, value->len);
}

static inline bool
append_field(Renderer *r, const ScriptOp *op, const char *str, size_t len)
{
	if ((r->flags & RENDER_HTML) != 0 && (op->flags & OPF_RAW) == 0)
		return append_html(r, str, len);
	return append(r, str, len);
}

static ScriptResult
render_field(Renderer *r, const ScriptCode *code, const ScriptOp *op)
{
	const ScriptField *field = SCRIPT_FIELDS(code) + op->arg;
	const char *src = SCRIPT_SOURCE(code);
	ScriptValue space;
	const ScriptValue *value = resolve(r, code, field, &space);
	ScriptResult result = RENDER_OK;

	if (value->kind != VALUE_TEXT && value->kind != VALUE_MISSING)
	{
		space = *value;
		r->source->print(r->source, &space);
		value = &space;
	}
	if (value->kind == VALUE_MISSING || is_blank(value))
	{
		if ((op->flags & OPF_FALLBACK) != 0)
			return append_field(r, op, src + op->text.off, op->text.len)
					   ? RENDER_OK
					   : RENDER_TOO_LONG;
		result = miss(r, src + field->path.off, field->path.len, false);
		if (result != RENDER_OK || value->kind == VALUE_MISSING)
			return result;
	}
	return append_field(r, op, value->str, value->len) ? RENDER_OK
													   : RENDER_TOO_LONG;
}

/* Missing, false, blank and empty lists are false. */
static bool
truthy(const ScriptValue *value)
{
	switch (value->kind)
	{
		case VALUE_MISSING:
		case VALUE_FALSE:
			return false;
		case VALUE_TEXT:
			return !script_blank(value->str, value->len);
		case VALUE_LIST:
			return value->len > 0;
		default:
			return true;
	}
}

static ScriptResult
render_section(Renderer *r, const ScriptCode *code, size_t at)
{
	const ScriptOp *op = SCRIPT_OPS(code) + at;
	size_t end = op->extra.off;
	ScriptResult result = RENDER_OK;
	ScriptValue space;
	ScriptValue value;
	ScriptValue *context;

	value = *resolve(r, code, SCRIPT_FIELDS(code) + op->arg, &space);
	if (op->kind == OP_INVERTED)
		return truthy(&value) ? RENDER_OK : run(r, code, at + 1, end);
	if (!truthy(&value))
		return RENDER_OK;
	if (r->ncontexts == MAX_CONTEXTS)
		return RENDER_TOO_DEEP;

	context = &r->contexts[r->ncontexts++];
	if (value.kind != VALUE_LIST)
	{
		*context = value;
		result = run(r, code, at + 1, end);
	}
	else
	{
		for (size_t i = 0; i < value.len && result == RENDER_OK; i++)
		{
			r->source->element(r->source, &value, i, context);
			result = run(r, code, at + 1, end);
		}
	}
	r->ncontexts--;
	return result;
}

static ScriptResult
render_partial(Renderer *r, const ScriptCode *code, const ScriptOp *op)
{
	const char *src = SCRIPT_SOURCE(code);
	const ScriptCode *partial;
	ScriptResult result;

	if (r->nesting == SCRIPT_MAX_PARTIALS ||
		r->included++ == SCRIPT_MAX_INCLUDED)
		return RENDER_TOO_DEEP;
	partial = r->source->partial(r->source, src + op->text.off, op->text.len,
								 src + op->extra.off, op->extra.len);
	if (partial == NULL)
		return miss(r, src + op->text.off, op->text.len, true);
	r->nesting++;
	result = run(r, partial, 0, partial->nops);
	r->nesting--;
	return result;
}

static ScriptResult
run(Renderer *r, const ScriptCode *code, size_t from, size_t to)
{
	const ScriptOp *ops = SCRIPT_OPS(code);
	const char *src = SCRIPT_SOURCE(code);
	ScriptResult result = RENDER_OK;

	for (size_t i = from; i < to && result == RENDER_OK; i++)
	{
		const ScriptOp *op = &ops[i];

		switch (op->kind)
		{
			case OP_TEXT:
				if (!append(r, src + op->text.off, op->text.len))
					result = RENDER_TOO_LONG;
				break;
			case OP_FIELD:
				result = render_field(r, code, op);
				break;
			case OP_SECTION:
			case OP_INVERTED:
				result = render_section(r, code, i);
				i = op->extra.off;
				break;
			case OP_PARTIAL:
				result = render_partial(r, code, op);
				break;
			case OP_END:
				break;
		}
	}
	return result;
}

ScriptResult
script_render(const ScriptCode *code, const ScriptValue *root,
			  ScriptSource *source, int flags, ScriptOutput *out)
{
	Renderer r;

	r.source = source;
	r.out = out;
	r.flags = flags;
	r.ncontexts = 1;
	r.nesting = 0;
	r.included = 0;
	r.contexts[0] = *root;
	return run(&r, code, 0, code->nops);
}

size_t
script_indent(const char *source, size_t len, const char *indent,
			  size_t indent_len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (i == 0 || source[i - 1] == '\n')
		{
			memcpy(out + n, indent, indent_len);
			n += indent_len;
		}
		out[n++] = source[i];
	}
	return n;
}
