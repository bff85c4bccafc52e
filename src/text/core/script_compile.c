/*-------------------------------------------------------------------------
 *
 * script_compile.c
 *	  From the text of a script to its compiled form.
 *
 * One pass over the source.  Implements the core of the Mustache
 * specification (interpolation, sections, inverted sections, comments,
 * set-delimiters, partials, standalone lines) plus {{field|fallback}}.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/script.h"

#include <string.h>

#define MAX_DELIMITER 16

typedef struct Vector
{
	void *items;
	size_t n;
	size_t cap;
} Vector;

typedef struct Compiler
{
	const ScriptMemory *memory;
	ScriptError *error;
	const char *src;
	size_t len;
	char open[MAX_DELIMITER];
	size_t open_len;
	char close[MAX_DELIMITER];
	size_t close_len;
	Vector ops;
	Vector fields;
	Vector names;
	size_t text_start; /* literal text not yet emitted begins here */
	size_t text_len;
	int depth;
	uint16_t section[SCRIPT_MAX_NESTING]; /* open sections' ops */
	size_t section_at[SCRIPT_MAX_NESTING];
} Compiler;

/* A tag as found in the source; offsets are of bytes. */
typedef struct Tag
{
	size_t start;
	size_t end;
	char sigil; /* '\0' for a plain field, '{' for a triple */
	ScriptSpan body;
} Tag;

static bool
fail(Compiler *c, size_t offset, const char *message, const char *hint)
{
	c->error->message = message;
	c->error->hint = hint;
	c->error->offset = offset;
	return false;
}

static bool
fail_name(Compiler *c, size_t offset, ScriptSpan name, const char *message,
		  const char *hint)
{
	c->error->name = name;
	return fail(c, offset, message, hint);
}

static void *
push(Compiler *c, Vector *v, size_t item_size)
{
	if (v->n == v->cap)
	{
		v->cap = v->cap == 0 ? 16 : v->cap * 2;
		v->items = c->memory->resize(v->items, v->cap * item_size);
	}
	return (char *) v->items + item_size * v->n++;
}

static ScriptOp *
push_op(Compiler *c, ScriptOpKind kind)
{
	ScriptOp *op = push(c, &c->ops, sizeof(ScriptOp));

	memset(op, 0, sizeof(ScriptOp));
	op->kind = kind;
	return op;
}

static bool
is_space(char ch)
{
	return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

static ScriptSpan
trim(const char *src, size_t start, size_t end)
{
	ScriptSpan span;

	while (start < end && is_space(src[start]))
		start++;
	while (end > start && is_space(src[end - 1]))
		end--;
	span.off = start;
	span.len = end - start;
	return span;
}

static bool
same_text(const char *src, ScriptSpan a, ScriptSpan b)
{
	return a.len == b.len && memcmp(src + a.off, src + b.off, a.len) == 0;
}

/* Find needle at or after from; len when there is none. */
static size_t
find(const Compiler *c, size_t from, const char *needle, size_t needle_len)
{
	while (from + needle_len <= c->len)
	{
		const char *hit =
			memchr(c->src + from, needle[0], c->len - needle_len + 1 - from);

		if (hit == NULL)
			break;
		if (memcmp(hit, needle, needle_len) == 0)
			return hit - c->src;
		from = hit - c->src + 1;
	}
	return c->len;
}

static void
flush_text(Compiler *c, size_t end)
{
	if (end > c->text_start)
	{
		ScriptOp *op = push_op(c, OP_TEXT);

		op->text.off = c->text_start;
		op->text.len = end - c->text_start;
		c->text_len += op->text.len;
	}
}

/* The number of the field called so, new or known. */
static bool
add_field(Compiler *c, size_t offset, ScriptSpan path, uint16_t *number)
{
	ScriptField *field = c->fields.items;
	size_t start = path.off;
	size_t end = (size_t) path.off + path.len;

	if (path.len == 0)
		return fail(c, offset, "field without a name",
					"Write the name of a field between the delimiters, "
					"such as {{first_name}}.");
	for (size_t i = 0; i < c->fields.n; i++)
	{
		if (same_text(c->src, field[i].path, path))
		{
			*number = i;
			return true;
		}
	}

	field = push(c, &c->fields, sizeof(ScriptField));
	field->path = path;
	field->first = c->names.n;
	field->nnames = 0;
	*number = c->fields.n - 1;
	if (path.len == 1 && c->src[path.off] == '.')
		return true;

	for (size_t i = start; i <= end; i++)
	{
		ScriptSpan *name;

		if (i < end && c->src[i] != '.')
			continue;
		if (i == start)
			return fail_name(c, offset, path, "invalid field name \"%s\"",
							 "Each dot must stand between two names, such as "
							 "{{texter.first_name}}.");
		name = push(c, &c->names, sizeof(ScriptSpan));
		name->off = start;
		name->len = i - start;
		field->nnames++;
		start = i + 1;
	}
	return true;
}

/* {{name}}, {{{name}}}, {{&name}}, each with or without |fallback */
static bool
compile_field(Compiler *c, const Tag *tag)
{
	size_t end = (size_t) tag->body.off + tag->body.len;
	const char *bar = memchr(c->src + tag->body.off, '|', tag->body.len);
	size_t name_end = bar == NULL ? end : (size_t) (bar - c->src);
	uint16_t number;
	ScriptOp *op;

	if (!add_field(c, tag->start, trim(c->src, tag->body.off, name_end),
				   &number))
		return false;
	op = push_op(c, OP_FIELD);
	op->arg = number;
	if (tag->sigil != '\0')
		op->flags |= OPF_RAW;
	if (bar != NULL)
	{
		op->flags |= OPF_FALLBACK;
		op->text = trim(c->src, name_end + 1, end);
	}
	return true;
}

static bool
compile_section(Compiler *c, const Tag *tag)
{
	uint16_t number;
	ScriptOp *op;

	if (c->depth == SCRIPT_MAX_NESTING)
	{
		c->error->too_large = true;
		return fail_name(c, tag->start, tag->body,
						 "section \"%s\" is nested too deeply",
						 "At most 32 sections can be open at once.");
	}
	if (!add_field(c, tag->start, tag->body, &number))
		return false;
	c->section[c->depth] = c->ops.n;
	c->section_at[c->depth] = tag->start;
	c->depth++;
	op = push_op(c, tag->sigil == '#' ? OP_SECTION : OP_INVERTED);
	op->arg = number;
	return true;
}

static bool
compile_end(Compiler *c, const Tag *tag)
{
	const ScriptField *fields = c->fields.items;
	ScriptOp *begin;
	ScriptSpan name;

	if (c->depth == 0)
		return fail_name(c, tag->start, tag->body,
						 "section \"%s\" is closed but was never opened",
						 "Open it with {{#name}} or {{^name}}, or remove the "
						 "closing tag.");
	begin = (ScriptOp *) c->ops.items + c->section[c->depth - 1];
	name = fields[begin->arg].path;
	if (!same_text(c->src, name, tag->body))
		return fail_name(c, c->section_at[c->depth - 1], name,
						 "unclosed section \"%s\"",
						 "Sections must be closed in the reverse of the order "
						 "in which they were opened.");
	c->depth--;
	begin->extra.off = c->ops.n;
	push_op(c, OP_END);
	return true;
}

/* {{=<% %>=}}: body is what stands between the equals signs */
static bool
compile_delimiters(Compiler *c, const Tag *tag)
{
	const char *p = c->src + tag->body.off;
	size_t first = 0;
	size_t second;

	while (first < tag->body.len && !is_space(p[first]))
		first++;
	second = first;
	while (second < tag->body.len && is_space(p[second]))
		second++;
	if (first == 0 || second == tag->body.len || first > MAX_DELIMITER ||
		tag->body.len - second > MAX_DELIMITER ||
		memchr(p, '=', tag->body.len) != NULL)
		return fail(c, tag->start, "invalid set-delimiter tag",
					"Write two delimiters of at most 16 bytes with a space "
					"between them and no equals sign, such as {{=<% %>=}}.");
	for (size_t i = second; i < tag->body.len; i++)
	{
		if (is_space(p[i]))
			return fail(c, tag->start, "invalid set-delimiter tag",
						"Write exactly two delimiters, such as {{=<% %>=}}.");
	}
	memcpy(c->open, p, first);
	c->open_len = first;
	memcpy(c->close, p + second, tag->body.len - second);
	c->close_len = tag->body.len - second;
	return true;
}

/* Reads the tag whose opening delimiter stands at start. */
static bool
read_tag(Compiler *c, size_t start, Tag *tag)
{
	static const char sigils[] = "#^/>&!=";
	size_t body = start + c->open_len;
	size_t close;
	char ending[MAX_DELIMITER + 1];
	size_t ending_len = 0;

	tag->start = start;
	tag->sigil = '\0';

	/* Triple braces exist only beside the standard delimiters. */
	if (body < c->len && c->src[body] == '{' && c->open_len == 2 &&
		memcmp(c->open, "{{", 2) == 0)
		tag->sigil = '{';
	else
	{
		size_t at = body;

		while (at < c->len && is_space(c->src[at]))
			at++;
		if (at < c->len && strchr(sigils, c->src[at]) && c->src[at] != '\0')
		{
			tag->sigil = c->src[at];
			body = at;
		}
	}
	if (tag->sigil != '\0')
		body++;
	if (tag->sigil == '{')
		ending[ending_len++] = '}';
	else if (tag->sigil == '=')
		ending[ending_len++] = '=';
	memcpy(ending + ending_len, c->close, c->close_len);
	ending_len += c->close_len;

	close = find(c, body, ending, ending_len);
	if (close == c->len)
		return fail(c, start, "unclosed tag",
					tag->sigil == '{'	? "Close it with }}}."
					: tag->sigil == '=' ? "Close it with =}}."
										: "Close it with the closing "
										  "delimiter, normally }}.");
	tag->body = trim(c->src, body, close);
	tag->end = close + ending_len;
	return true;
}

/*
 * A tag alone on its line takes the line with it.  Returns whether it is, with
 * the bounds of what goes.
 */
static bool
standalone(const Compiler *c, const Tag *tag, size_t *line, size_t *next)
{
	size_t start = tag->start;
	size_t end = tag->end;

	while (start > 0 && (c->src[start - 1] == ' ' || c->src[start - 1] == '\t'))
		start--;
	if (start > 0 && c->src[start - 1] != '\n')
		return false;
	while (end < c->len && (c->src[end] == ' ' || c->src[end] == '\t'))
		end++;
	if (end < c->len && c->src[end] == '\r' && end + 1 < c->len &&
		c->src[end + 1] == '\n')
		end++;
	if (end < c->len)
	{
		if (c->src[end] != '\n')
			return false;
		end++;
	}
	*line = start;
	*next = end;
	return true;
}

static bool
compile_partial(Compiler *c, const Tag *tag, size_t indent)
{
	ScriptOp *op;

	if (tag->body.len == 0)
		return fail(c, tag->start, "snippet without a name",
					"Write the name of a snippet, such as {{> paid_for_by}}.");
	op = push_op(c, OP_PARTIAL);
	op->text = tag->body;
	op->extra.off = indent;
	op->extra.len = tag->start - indent;
	return true;
}

static bool
compile_tag(Compiler *c, const Tag *tag)
{
	size_t line = tag->start;
	size_t next = tag->end;
	bool is_field =
		tag->sigil == '\0' || tag->sigil == '{' || tag->sigil == '&';

	if (is_field || !standalone(c, tag, &line, &next))
		line = tag->start;
	flush_text(c, line);
	c->text_start = next;

	switch (tag->sigil)
	{
		case '#':
		case '^':
			return compile_section(c, tag);
		case '/':
			return compile_end(c, tag);
		case '>':
			return compile_partial(c, tag, line);
		case '=':
			return compile_delimiters(c, tag);
		case '!':
			return true;
		default:
			return compile_field(c, tag);
	}
}

static bool
compile(Compiler *c)
{
	size_t at = 0;
	Tag tag;

	if (c->len > SCRIPT_MAX_LENGTH)
	{
		c->error->too_large = true;
		return fail(c, 0, "script is too long",
					"A script can have at most 65535 bytes.");
	}
	while ((at = find(c, at, c->open, c->open_len)) < c->len)
	{
		if (!read_tag(c, at, &tag) || !compile_tag(c, &tag))
			return false;
		at = tag.end;
	}
	flush_text(c, c->len);
	if (c->depth > 0)
	{
		const ScriptOp *op =
			(ScriptOp *) c->ops.items + c->section[c->depth - 1];
		const ScriptField *field = (ScriptField *) c->fields.items + op->arg;

		return fail_name(c, c->section_at[c->depth - 1], field->path,
						 "unclosed section \"%s\"",
						 "Close it with {{/name}}, repeating its name.");
	}
	return true;
}

/* Lays the parts out as one block. */
static void *
assemble(Compiler *c, size_t prefix, size_t *size)
{
	size_t ops_size = c->ops.n * sizeof(ScriptOp);
	size_t fields_size = c->fields.n * sizeof(ScriptField);
	size_t names_size = c->names.n * sizeof(ScriptSpan);
	char *block;
	char *p;
	ScriptCode *code;

	*size = prefix + sizeof(ScriptCode) + ops_size + fields_size + names_size +
			c->len;
	block = c->memory->resize(NULL, *size);
	memset(block, 0, prefix);
	code = (ScriptCode *) (block + prefix);
	code->version = SCRIPT_VERSION;
	code->source_len = c->len;
	code->nops = c->ops.n;
	code->nfields = c->fields.n;
	code->nnames = c->names.n;
	code->text_len = c->text_len;
	p = (char *) (code + 1);
	if (ops_size > 0)
		memcpy(p, c->ops.items, ops_size);
	p += ops_size;
	if (fields_size > 0)
		memcpy(p, c->fields.items, fields_size);
	p += fields_size;
	if (names_size > 0)
		memcpy(p, c->names.items, names_size);
	p += names_size;
	if (c->len > 0)
		memcpy(p, c->src, c->len);
	return block;
}

void *
script_compile(const char *source, size_t len, size_t prefix, size_t *size,
			   const ScriptMemory *memory, ScriptError *error)
{
	Compiler c = {.memory = memory,
				  .error = error,
				  .src = source,
				  .len = len,
				  .open = "{{",
				  .open_len = 2,
				  .close = "}}",
				  .close_len = 2};
	void *block = NULL;

	memset(error, 0, sizeof(ScriptError));
	if (compile(&c))
		block = assemble(&c, prefix, size);
	if (c.ops.items != NULL)
		memory->release(c.ops.items);
	if (c.fields.items != NULL)
		memory->release(c.fields.items);
	if (c.names.items != NULL)
		memory->release(c.names.items);
	return block;
}
