/*-------------------------------------------------------------------------
 *
 * script.h
 *	  Mustache scripts: compile a text once, render it many times.
 *
 * The compiled form is one flat block without pointers, so that it can be
 * stored, compared and mapped as it is.  This file and its .c files know
 * nothing of PostgreSQL: memory and data come through callbacks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_SCRIPT_H
#define P2PTEXT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_VERSION 1
#define SCRIPT_MAX_LENGTH 65535	 /* bytes of source, so offsets fit 16 bits */
#define SCRIPT_MAX_NESTING 32	 /* sections within sections */
#define SCRIPT_MAX_PARTIALS 32	 /* snippets within snippets */
#define SCRIPT_MAX_INCLUDED 1000 /* snippets in one rendering, all told */

typedef enum ScriptOpKind
{
	OP_TEXT,	 /* copy text */
	OP_FIELD,	 /* print a field */
	OP_SECTION,	 /* {{#field}} */
	OP_INVERTED, /* {{^field}} */
	OP_END,		 /* {{/field}} */
	OP_PARTIAL	 /* {{>name}} */
} ScriptOpKind;

#define OPF_RAW 0x01	  /* {{{field}}} or {{&field}}: never HTML-escaped */
#define OPF_FALLBACK 0x02 /* {{field|fallback}} */

typedef struct ScriptSpan
{
	uint16_t off; /* into the source */
	uint16_t len;
} ScriptSpan;

typedef struct ScriptOp
{
	uint8_t kind;
	uint8_t flags;
	uint16_t arg;	  /* field number; for OP_PARTIAL unused */
	ScriptSpan text;  /* literal, fallback, or the partial's name */
	ScriptSpan extra; /* the partial's indentation; a section's end op in off */
} ScriptOp;

typedef struct ScriptField
{
	ScriptSpan path; /* the dotted name as written; "." has no names */
	uint16_t first;	 /* its names, in order */
	uint16_t nnames;
} ScriptField;

/*
 * Header of the compiled form; the arrays follow, then the source.  In every
 * version the first two members and the source at the end stay where they are,
 * so that another version can be compiled anew.
 */
typedef struct ScriptCode
{
	uint16_t version;
	uint16_t source_len;
	uint16_t nops;
	uint16_t nfields;
	uint16_t nnames;
	uint16_t text_len; /* bytes of literal text: a first guess at the output */
} ScriptCode;

#define SCRIPT_OPS(c) ((const ScriptOp *) ((c) + 1))
#define SCRIPT_FIELDS(c) ((const ScriptField *) (SCRIPT_OPS(c) + (c)->nops))
#define SCRIPT_NAMES(c) ((const ScriptSpan *) (SCRIPT_FIELDS(c) + (c)->nfields))
#define SCRIPT_SOURCE(c) ((const char *) (SCRIPT_NAMES(c) + (c)->nnames))

typedef struct ScriptError
{
	const char *message; /* lower case; %s stands for the name below */
	const char *hint;
	size_t offset; /* byte in the source */
	ScriptSpan name;
	bool too_large; /* a limit of ours rather than a mistake */
} ScriptError;

typedef struct ScriptMemory
{
	void *(*resize)(void *ptr, size_t size); /* like realloc, never NULL */
	void (*release)(void *ptr);
} ScriptMemory;

/*
 * Returns the block, after "prefix" bytes left free for the caller's header
 * (a multiple of four), or NULL with *error filled.
 */
extern void *script_compile(const char *source, size_t len, size_t prefix,
							size_t *size, const ScriptMemory *memory,
							ScriptError *error);

/* What a name stands for while rendering. */
typedef enum ScriptKind
{
	VALUE_UNKNOWN, /* only among ScriptSource's members: ask member() */
	VALUE_MISSING, /* no such name, or NULL */
	VALUE_FALSE,
	VALUE_TEXT,	  /* str, len */
	VALUE_SCALAR, /* becomes text through print() */
	VALUE_OBJECT, /* has members */
	VALUE_LIST	  /* has len elements */
} ScriptKind;

typedef struct ScriptValue
{
	ScriptKind kind;
	const char *str;
	size_t len;
	uintptr_t datum;  /* for the source's own use */
	const void *type; /* for the source's own use */
} ScriptValue;

typedef struct ScriptSource ScriptSource;

struct ScriptSource
{
	/* by name number, the root's members that are known already; or NULL */
	const ScriptValue *members;
	/* name_id: position in SCRIPT_NAMES of the main script, or -1 */
	void (*member)(ScriptSource *source, const ScriptValue *object,
				   const char *name, size_t len, int name_id,
				   ScriptValue *result);
	void (*element)(ScriptSource *source, const ScriptValue *list, size_t i,
					ScriptValue *result);
	/* gives any value but a missing one its str and len */
	void (*print)(ScriptSource *source, ScriptValue *value);
	/* the named snippet, indented, or NULL when there is none */
	const ScriptCode *(*partial)(ScriptSource *source, const char *name,
								 size_t len, const char *indent,
								 size_t indent_len);
	/* called for each field without a value and without a fallback */
	void (*missing)(ScriptSource *source, const char *name, size_t len,
					bool is_partial);
};

typedef struct ScriptOutput
{
	char *data; /* never NULL */
	size_t len;
	size_t cap;
	void (*grow)(struct ScriptOutput *out, size_t more); /* cap >= len + more */
} ScriptOutput;

#define RENDER_HTML 0x01   /* escape as the specification wants for HTML */
#define RENDER_STRICT 0x02 /* stop at the first missing field */

typedef enum ScriptResult
{
	RENDER_OK,
	RENDER_MISSING,	 /* only with RENDER_STRICT */
	RENDER_TOO_DEEP, /* snippets call each other without end */
	RENDER_TOO_LONG	 /* more than SCRIPT_MAX_OUTPUT bytes */
} ScriptResult;

#define SCRIPT_MAX_OUTPUT (16 * 1024 * 1024)

extern ScriptResult script_render(const ScriptCode *code,
								  const ScriptValue *root, ScriptSource *source,
								  int flags, ScriptOutput *out);

/* Writes source with every line indented; returns its length. */
extern size_t script_indent(const char *source, size_t len, const char *indent,
							size_t indent_len, char *out);

/* Nothing but white space? */
extern bool script_blank(const char *str, size_t len);

#endif
