/*-------------------------------------------------------------------------
 *
 * text_script_fuzz.c
 *	  Scripts of any bytes: compile, look at the result, render.
 *
 * FUZZ_SOURCES: src/text/core/script_compile.c src/text/core/script_render.c
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/script.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)  \
	do                    \
	{                     \
		if (!(condition)) \
			abort();      \
	} while (0)

static void *
resize(void *ptr, size_t size)
{
	ptr = realloc(ptr, size);
	CHECK(ptr != NULL);
	return ptr;
}

static const ScriptMemory memory = {resize, free};

/* A world in which the first letter of a name says what it stands for. */
typedef struct World
{
	ScriptSource base;
	const ScriptCode *self; /* what every snippet is */
} World;

static void
member(ScriptSource *source, const ScriptValue *object, const char *name,
	   size_t len, int name_id, ScriptValue *result)
{
	(void) source;
	(void) name_id;
	CHECK(object->kind == VALUE_OBJECT);
	memset(result, 0, sizeof(*result));
	result->kind = VALUE_MISSING;
	if (len == 0)
		return;
	result->kind = VALUE_MISSING + (unsigned char) name[0] % 6;
	result->str = name;
	result->len = result->kind == VALUE_LIST ? len % 4 : len;
}

static void
element(ScriptSource *source, const ScriptValue *list, size_t i,
		ScriptValue *result)
{
	CHECK(i < list->len);
	member(source, &(ScriptValue){.kind = VALUE_OBJECT}, "abcdef" + i, 1, -1,
		   result);
}

static void
print(ScriptSource *source, ScriptValue *value)
{
	(void) source;
	value->str = "<&>";
	value->len = 3;
}

static const ScriptCode *
partial(ScriptSource *source, const char *name, size_t len, const char *indent,
		size_t indent_len)
{
	CHECK(len > 0);
	for (size_t i = 0; i < indent_len; i++)
		CHECK(indent[i] == ' ' || indent[i] == '\t');
	return name[0] == 'x' ? NULL : ((World *) source)->self;
}

static void
grow(ScriptOutput *out, size_t more)
{
	out->cap = out->cap * 2 > out->len + more ? out->cap * 2 : out->len + more;
	out->data = resize(out->data, out->cap);
}

static void
check_spans(const ScriptCode *code)
{
	const ScriptOp *ops = SCRIPT_OPS(code);

	for (int i = 0; i < code->nops; i++)
	{
		CHECK(ops[i].text.off + ops[i].text.len <= code->source_len);
		if (ops[i].kind == OP_SECTION || ops[i].kind == OP_INVERTED)
			CHECK(ops[i].extra.off > i && ops[i].extra.off < code->nops &&
				  ops[ops[i].extra.off].kind == OP_END);
		if (ops[i].kind == OP_FIELD || ops[i].kind == OP_SECTION)
			CHECK(ops[i].arg < code->nfields);
	}
	for (int i = 0; i < code->nfields; i++)
	{
		const ScriptField *field = &SCRIPT_FIELDS(code)[i];

		CHECK(field->first + field->nnames <= code->nnames);
		CHECK(field->path.off + field->path.len <= code->source_len);
	}
}

static void
try_rendering(const ScriptCode *code, int flags)
{
	World world = {{NULL, member, element, print, partial, NULL}, code};
	ScriptOutput out = {resize(NULL, 16), 0, 16, grow};
	ScriptValue root = {.kind = VALUE_OBJECT};
	ScriptResult result = script_render(code, &root, &world.base, flags, &out);

	CHECK(out.len <= out.cap && out.len <= SCRIPT_MAX_OUTPUT);
	CHECK(result != RENDER_MISSING || (flags & RENDER_STRICT) != 0);
	free(out.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *source = resize(NULL, size + 1);
	ScriptError error;
	size_t code_size;
	ScriptCode *code;

	memcpy(source, data, size);
	code = script_compile(source, size, 0, &code_size, &memory, &error);
	if (code == NULL)
	{
		CHECK(error.message != NULL && error.hint != NULL);
		CHECK(error.offset <= size &&
			  (size_t) error.name.off + error.name.len <= size);
	}
	else
	{
		CHECK(code->source_len == size &&
			  memcmp(SCRIPT_SOURCE(code), source, size) == 0);
		CHECK(SCRIPT_SOURCE(code) + size == (char *) code + code_size);
		check_spans(code);
		for (int flags = 0; flags < 4; flags++)
			try_rendering(code, flags);
	}
	free(code);
	free(source);
	return 0;
}
