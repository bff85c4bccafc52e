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
#include "utils/typcache.h"

#include "text/core/script.h"

typedef enum ValueHow
{
	HOW_UNKNOWN, /* not looked at yet */
	HOW_TEXT,
	HOW_BPCHAR,
	HOW_BOOL,
	HOW_ROW, /* any composite type; which one is in the value */
	HOW_ARRAY,
	HOW_JSON,
	HOW_JSONB,
	HOW_OUTPUT /* through its output function */
} ValueHow;

/* How values of one SQL type are read. */
typedef struct ValueType
{
	ValueHow how;
	FmgrInfo output;		   /* HOW_ARRAY, HOW_OUTPUT */
	struct ValueType *element; /* HOW_ARRAY */
	Oid element_oid;
	int16 element_len;
	bool element_byval;
	char element_align;
} ValueType;

#define ATT_UNKNOWN (-1) /* not looked up yet */
#define ATT_ABSENT 0

/* A name of the script that is a text column of its row. */
typedef struct TextColumn
{
	int name_id;
	int16 attnum;
} TextColumn;

/* The layout of one composite type. */
typedef struct RowType
{
	ValueType type; /* must be first; how is HOW_ROW */
	Oid typid;
	int32 typmod;
	TypeCacheEntry *entry; /* of a named type, else NULL */
	uint64 identifier;	   /* the entry's, while the layout is the same */
	TupleDesc desc;
	ValueType *columns;
	int16 *att_of_name; /* by name number of the script */
	int ntexts;			/* what know_members() is to do */
	TextColumn *texts;
	Datum *values; /* for heap_deform_tuple */
	bool *nulls;
	struct RowType *next;
} RowType;

/* The layouts met by one call site. */
typedef struct ValueCache
{
	MemoryContext context;
	const ScriptCode *code;
	ScriptValue *members; /* see ScriptSource */
	const RowType *members_of;
	RowType *rows;
} ValueCache;

/* A script source over rows and jsonb; embed it first. */
typedef struct ValueSource
{
	ScriptSource base;
	ValueCache *cache;
} ValueSource;

/* Sets the source up for one root value, and *root to it. */
extern void value_source_init(ValueSource *source, ValueCache *cache,
							  const ValueType *type, Datum datum,
							  ScriptValue *root);

extern void value_type_init(ValueCache *cache, Oid typid, ValueType *type);

#endif
