/*-------------------------------------------------------------------------
 *
 * values.c
 *	  Rows and jsonb documents as values a script can name.
 *
 * Attributes are found by name once per call site and read by number after
 * that; jsonb is walked in its binary form.
 *
 *-------------------------------------------------------------------------
 */
#include "text/values.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "compat.h"

static const ValueType jsonb_type = {.how = HOW_JSONB};

#define MAX_DEFORMED 40 /* columns of a row that is read as a whole */

/* The elements of an array value. */
typedef struct ArrayElements
{
	Datum datum; /* the array itself */
	Datum *elements;
	bool *nulls;
} ArrayElements;

static void value_from_jsonb(Jsonb *jsonb, ScriptValue *value);

static inline void
set_text(ScriptValue *value, const char *str, size_t len)
{
	value->kind = VALUE_TEXT;
	value->str = str;
	value->len = len;
}

static inline void
set_text_datum(ScriptValue *value, Datum datum)
{
	text *str = (text *) DatumGetPointer(datum);

	if (VARATT_IS_EXTENDED(str) && !VARATT_IS_SHORT(str))
		str = DatumGetTextPP(datum);
	set_text(value, VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str));
}

void
value_type_init(ValueCache *cache, Oid typid, ValueType *type)
{
	Oid base = getBaseType(typid);
	Oid output;
	bool is_varlena;
	Oid element = get_element_type(base);

	if (base == TEXTOID || base == VARCHAROID)
		type->how = HOW_TEXT;
	else if (base == BPCHAROID)
		type->how = HOW_BPCHAR;
	else if (base == BOOLOID)
		type->how = HOW_BOOL;
	else if (base == JSONBOID)
		type->how = HOW_JSONB;
	else if (base == JSONOID)
		type->how = HOW_JSON;
	else if (type_is_rowtype(base))
		type->how = HOW_ROW;
	else
	{
		getTypeOutputInfo(base, &output, &is_varlena);
		fmgr_info_cxt(output, &type->output, cache->context);
		type->how = HOW_OUTPUT;
		if (OidIsValid(element))
		{
			type->how = HOW_ARRAY;
			type->element_oid = element;
			get_typlenbyvalalign(element, &type->element_len,
								 &type->element_byval, &type->element_align);
			type->element =
				MemoryContextAllocZero(cache->context, sizeof(ValueType));
			value_type_init(cache, element, type->element);
		}
	}
}

static int16
find_column(TupleDesc desc, const char *name, size_t len)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && len < NAMEDATALEN &&
			strncmp(NameStr(att->attname), name, len) == 0 &&
			NameStr(att->attname)[len] == '\0')
			return att->attnum;
	}
	return ATT_ABSENT;
}

/*
 * Lists the fields of the script that are text columns of this row, which is
 * nearly all fields of nearly all scripts.  A wide row is better read column
 * by column.
 */
static void
list_texts(ValueCache *cache, RowType *row)
{
	const ScriptField *fields = SCRIPT_FIELDS(cache->code);

	if (row->desc->natts > MAX_DEFORMED)
		return;
	row->texts = palloc(sizeof(TextColumn) * (cache->code->nfields + 1));
	row->values = palloc(sizeof(Datum) * (row->desc->natts + 1));
	row->nulls = palloc(sizeof(bool) * (row->desc->natts + 1));
	for (int i = 0; i < cache->code->nfields; i++)
	{
		int id = fields[i].first;
		const ScriptSpan *name = SCRIPT_NAMES(cache->code) + id;
		int16 attnum;

		if (fields[i].nnames == 0)
			continue;
		attnum = find_column(row->desc, SCRIPT_SOURCE(cache->code) + name->off,
							 name->len);
		if (attnum == ATT_ABSENT || row->columns[attnum - 1].how != HOW_TEXT)
			continue;
		row->texts[row->ntexts].name_id = id;
		row->texts[row->ntexts++].attnum = attnum;
	}
}

static RowType *
add_row_type(ValueCache *cache, Oid typid, int32 typmod)
{
	MemoryContext old = MemoryContextSwitchTo(cache->context);
	RowType *row = palloc0(sizeof(RowType));
	int nnames = cache->code->nnames;

	row->type.how = HOW_ROW;
	row->typid = typid;
	row->typmod = typmod;
	row->desc = lookup_rowtype_tupdesc_copy(typid, typmod);
	if (typid != RECORDOID)
	{
		row->entry = lookup_type_cache(typid, TYPECACHE_TUPDESC);
		row->identifier = row->entry->tupDesc_identifier;
	}
	row->columns = palloc0(sizeof(ValueType) * (row->desc->natts + 1));
	for (int i = 0; i < row->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->desc, i);

		if (!att->attisdropped)
			value_type_init(cache, att->atttypid, &row->columns[i]);
	}
	row->att_of_name = palloc(sizeof(int16) * (nnames + 1));
	for (int i = 0; i < nnames; i++)
		row->att_of_name[i] = ATT_UNKNOWN;
	list_texts(cache, row);
	row->next = cache->rows;
	cache->rows = row;
	MemoryContextSwitchTo(old);
	return row;
}

/*
 * The layout of a row value, by what its header says.  Entries of the type
 * cache stay where they are, and lose their identifier when the type changes;
 * an anonymous record type never does.
 */
static const RowType *
row_type(ValueCache *cache, HeapTupleHeader row)
{
	Oid typid = HeapTupleHeaderGetTypeId(row);
	int32 typmod = HeapTupleHeaderGetTypMod(row);

	for (RowType *known = cache->rows; known != NULL; known = known->next)
	{
		if (known->typid == typid && known->typmod == typmod &&
			(known->entry == NULL ||
			 known->entry->tupDesc_identifier == known->identifier))
			return known;
	}
	return add_row_type(cache, typid, typmod);
}

static void
value_from_array(const ValueType *type, Datum datum, ScriptValue *value)
{
	ArrayElements *list = palloc(sizeof(ArrayElements));
	ArrayType *array = DatumGetArrayTypeP(datum);
	int n;

	deconstruct_array(array, type->element_oid, type->element_len,
					  type->element_byval, type->element_align, &list->elements,
					  &list->nulls, &n);
	list->datum = PointerGetDatum(array);
	value->kind = VALUE_LIST;
	value->len = n;
	value->datum = (uintptr_t) list;
	value->type = type;
}

static void
value_from_datum(ValueCache *cache, const ValueType *type, Datum datum,
				 ScriptValue *value)
{
	switch (type->how)
	{
		case HOW_TEXT:
			set_text_datum(value, datum);
			break;
		case HOW_BPCHAR:
			/* as its cast to text: the padding is not part of the value */
			set_text_datum(value, datum);
			value->len = bpchartruelen((char *) value->str, value->len);
			break;
		case HOW_BOOL:
			set_text(value, DatumGetBool(datum) ? "t" : "f", 1);
			if (!DatumGetBool(datum))
				value->kind = VALUE_FALSE;
			break;
		case HOW_ROW:
		{
			HeapTupleHeader row = DatumGetHeapTupleHeader(datum);

			value->kind = VALUE_OBJECT;
			value->datum = (uintptr_t) row;
			value->type = row_type(cache, row);
			break;
		}
		case HOW_ARRAY:
			value_from_array(type, datum, value);
			break;
		case HOW_JSON:
			datum = DirectFunctionCall1(
				jsonb_in, CStringGetDatum(TextDatumGetCString(datum)));
			value_from_jsonb(DatumGetJsonbP(datum), value);
			break;
		case HOW_JSONB:
			value_from_jsonb(DatumGetJsonbP(datum), value);
			break;
		default:
			value->kind = VALUE_SCALAR;
			value->datum = datum;
			value->type = type;
			break;
	}
}

static HeapTupleData
row_tuple(HeapTupleHeader header)
{
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	return tuple;
}

static void
row_member(ValueCache *cache, const ScriptValue *object, const char *name,
		   size_t len, int name_id, ScriptValue *result)
{
	const RowType *row = object->type;
	HeapTupleHeader header = (HeapTupleHeader) object->datum;
	HeapTupleData tuple;
	int16 attnum;
	Datum datum;
	bool isnull;

	attnum = name_id < 0 ? ATT_UNKNOWN : row->att_of_name[name_id];
	if (attnum == ATT_UNKNOWN)
	{
		attnum = find_column(row->desc, name, len);
		if (name_id >= 0)
			row->att_of_name[name_id] = attnum;
	}
	if (attnum == ATT_ABSENT)
		return;

	tuple = row_tuple(header);
	datum = heap_getattr(&tuple, attnum, row->desc, &isnull);
	if (!isnull)
		value_from_datum(cache, &row->columns[attnum - 1], datum, result);
}

static void
value_from_jsonb_value(const JsonbValue *json, ScriptValue *value)
{
	JsonbContainer *container;

	value->type = &jsonb_type;
	switch (json->type)
	{
		case jbvString:
			set_text(value, json->val.string.val, json->val.string.len);
			break;
		case jbvBool:
			if (json->val.boolean)
				set_text(value, "true", 4);
			else
			{
				set_text(value, "false", 5);
				value->kind = VALUE_FALSE;
			}
			break;
		case jbvNumeric:
			value->kind = VALUE_SCALAR;
			value->datum = (uintptr_t) json->val.numeric;
			break;
		case jbvBinary:
			container = json->val.binary.data;
			value->kind =
				JsonContainerIsObject(container) ? VALUE_OBJECT : VALUE_LIST;
			value->len = JsonContainerSize(container);
			value->datum = (uintptr_t) container;
			break;
		default:
			value->kind = VALUE_MISSING; /* null */
			break;
	}
}

static void
value_from_jsonb(Jsonb *jsonb, ScriptValue *value)
{
	JsonbValue root;

	if (JB_ROOT_IS_SCALAR(jsonb))
		root = *getIthJsonbValueFromContainer(&jsonb->root, 0);
	else
	{
		root.type = jbvBinary;
		root.val.binary.data = &jsonb->root;
		root.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	}
	value_from_jsonb_value(&root, value);
}

static void
member(ScriptSource *source, const ScriptValue *object, const char *name,
	   size_t len, int name_id, ScriptValue *result)
{
	JsonbValue json;

	if (((const ValueType *) object->type)->how == HOW_ROW)
		row_member(((ValueSource *) source)->cache, object, name, len, name_id,
				   result);
	else if (getKeyJsonValueFromContainer((JsonbContainer *) object->datum,
										  name, len, &json) != NULL)
		value_from_jsonb_value(&json, result);
}

static void
element(ScriptSource *source, const ScriptValue *list, size_t i,
		ScriptValue *result)
{
	const ValueType *type = list->type;

	CHECK_FOR_INTERRUPTS();
	result->kind = VALUE_MISSING;
	if (type->how == HOW_ARRAY)
	{
		ArrayElements *array = (ArrayElements *) list->datum;

		if (!array->nulls[i])
			value_from_datum(((ValueSource *) source)->cache, type->element,
							 array->elements[i], result);
	}
	else
		value_from_jsonb_value(
			getIthJsonbValueFromContainer((JsonbContainer *) list->datum, i),
			result);
}

static char *
print_jsonb(const ScriptValue *value)
{
	JsonbContainer *container = (JsonbContainer *) value->datum;

	if (value->kind == VALUE_SCALAR)
		return DatumGetCString(DirectFunctionCall1(
			numeric_out, PointerGetDatum((void *) value->datum)));
	return JsonbToCString(NULL, container, 0);
}

static void
print(ScriptSource *source, ScriptValue *value)
{
	const ValueType *type = value->type;
	char *str;

	if (value->kind == VALUE_FALSE)
		return;
	if (type->how == HOW_JSONB)
		str = print_jsonb(value);
	else if (type->how == HOW_ROW)
		str = OidOutputFunctionCall(F_RECORD_OUT, (Datum) value->datum);
	else if (type->how == HOW_ARRAY)
		str = OutputFunctionCall((FmgrInfo *) &type->output,
								 ((ArrayElements *) value->datum)->datum);
	else
		str = OutputFunctionCall((FmgrInfo *) &type->output,
								 (Datum) value->datum);
	set_text(value, str, strlen(str));
}

/* Reads all text columns at once, which is cheaper than one by one. */
static void
know_members(ValueCache *cache, const ScriptValue *root)
{
	const RowType *row = root->type;
	HeapTupleData tuple = row_tuple((HeapTupleHeader) root->datum);

	if (cache->members_of != row)
	{
		memset(cache->members, 0,
			   sizeof(ScriptValue) * cache->code->nnames); /* VALUE_UNKNOWN */
		cache->members_of = row;
	}
	heap_deform_tuple(&tuple, row->desc, row->values, row->nulls);
	for (int i = 0; i < row->ntexts; i++)
	{
		int column = row->texts[i].attnum - 1;
		ScriptValue *value = &cache->members[row->texts[i].name_id];

		if (row->nulls[column])
			value->kind = VALUE_MISSING;
		else
			set_text_datum(value, row->values[column]);
	}
}

void
value_source_init(ValueSource *source, ValueCache *cache, const ValueType *type,
				  Datum datum, ScriptValue *root)
{
	source->base.members = NULL;
	source->base.member = member;
	source->base.element = element;
	source->base.print = print;
	source->base.partial = NULL;
	source->base.missing = NULL;
	source->cache = cache;
	value_from_datum(cache, type, datum, root);
	if (type->how == HOW_ROW && ((const RowType *) root->type)->ntexts > 0)
	{
		know_members(cache, root);
		source->base.members = cache->members;
	}
}
