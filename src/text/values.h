/*-------------------------------------------------------------------------
 *
 * values.h
 *	  Rows and jsonb documents as values a script can name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_VALUES_H
#define P2PTEXT_VALUES_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/jsonb.h"

#include "text/core/script.h"

typedef enum ValueHow
{
	HOW_UNKNOWN, /* not looked at yet */
	HOW_TEXT,
	HOW_BPCHAR,
	HOW_BOOL,
	HOW_ROW,	 /* any composite type; which one is in the value */
	HOW_ARRAY,
	HOW_JSON,
	HOW_JSONB,
	HOW_OUTPUT	 /* through its output function */
} ValueHow;

/* How values of one SQL type are read. */
typedef struct ValueType
{
	ValueHow how;
	FmgrInfo output;			/* HOW_ARRAY, HOW_OUTPUT */
	struct ValueType *element;	/* HOW_ARRAY */
	Oid element_oid;
	int16 element_len;
	bool element_byval;
	char element_align;
} ValueType;

/* The layout of one composite type. */
typedef struct RowType
{
	ValueType type;		/* must be first; how is HOW_ROW */
	Oid typid;
	int32 typmod;
	uint64 identifier;	/* changes when the layout does */
	TupleDesc desc;
	ValueType *columns;
	int16 *att_of_name; /* by name number of the script; see below */
	struct RowType *next;
} RowType;

#define ATT_UNKNOWN (-1) /* not looked up yet */
#define ATT_ABSENT 0

/* The layouts met by one call site. */
typedef struct ValueCache
{
	MemoryContext context;
	int nnames; /* names of the script, for att_of_name */
	RowType *rows;
} ValueCache;

/* A script source over rows and jsonb; embed it first. */
typedef struct ValueSource
{
	ScriptSource base;
	ValueCache *cache;
} ValueSource;

extern void value_source_init(ValueSource *source, ValueCache *cache);
extern void value_type_init(ValueCache *cache, Oid typid, ValueType *type);
extern void value_from_datum(ValueCache *cache, const ValueType *type,
							 Datum datum, ScriptValue *value);
extern void value_from_jsonb(Jsonb *jsonb, ScriptValue *value);

#endif
