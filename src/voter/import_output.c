/*-------------------------------------------------------------------------
 *
 * import_output.c
 *	  Importing voter files: rows into the table, and rejected lines beside it.
 *
 * Rows go to the table access method many at a time, as COPY's do.  The table
 * is one that an import made: nothing but text columns, with neither indexes
 * nor triggers nor constraints to ask.
 *
 * src/voter/import_output.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/import.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/rls.h"

/* How much is kept before it goes to the table. */
#define BATCH_ROWS 1000
#define BATCH_BYTES (128 * 1024)
#define BATCH_REJECTS 500

/* So much of a rejected line is kept, in bytes. */
#define KEPT_LINE 1000

/* The toaster leaves alone what is no larger than this. */
#define SMALL MAXALIGN(TOAST_POINTER_SIZE)

const char *const reject_reasons[N_REJECT_REASONS] = {
	"too_few_fields", "too_many_fields", "unterminated_quote", "line_too_long",
	"nul_byte",		  "bad_encoding",	 "row_too_big"};

struct ImportOutput
{
	int32 import_id;
	Relation rel;
	BulkInsertState bulk;
	MemoryContext context; /* of one batch going to the table */
	TupleTableSlot *slots[BATCH_ROWS];
	int n_rows;
	char *room; /* the values of those rows */
	size_t room_size;
	size_t used;
	MemoryContext reject_context;
	int n_rejects;
	Datum lines[BATCH_REJECTS];
	Datum reasons[BATCH_REJECTS];
	Datum details[BATCH_REJECTS];
	Datum contents[BATCH_REJECTS];
};

/* The table must be as the import made it. */
static void
check_relation(Relation rel, int n_columns)
{
	TupleDesc desc = RelationGetDescr(rel);
	const char *why = NULL;
	AclResult acl =
		pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_INSERT);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_TABLE, RelationGetRelationName(rel));
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		why = "It is not an ordinary table.";
	else if (RelationGetIndexList(rel) != NIL)
		why = "It has an index.";
	else if (rel->trigdesc != NULL || rel->rd_rules != NULL)
		why = "It has a trigger or a rule.";
	else if (rel->rd_rel->relispartition)
		why = "It is a partition.";
	else if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) !=
			 RLS_NONE)
		why = "It has row security.";
	else if (desc->constr != NULL)
		why = "It has a constraint, a default or a generated column.";
	else if (desc->natts != n_columns)
		why = "Columns were added or removed.";
	for (int i = 0; why == NULL && i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped ||
			TupleDescAttr(desc, i)->atttypid != TEXTOID)
			why = "A column was removed or is not of type text.";
	}
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" was altered before its import was done",
						RelationGetRelationName(rel)),
				 errdetail("%s", why),
				 errhint("Undo that, or drop the table and import the file "
						 "from its beginning. A table may be altered when "
						 "its import is done.")));
}

ImportOutput *
output_open(int32 import_id, Oid relid, int n_columns)
{
	ImportOutput *output = palloc0(sizeof(ImportOutput));

	output->import_id = import_id;
	output->rel = table_open(relid, RowExclusiveLock);
	check_relation(output->rel, n_columns);
	output->bulk = GetBulkInsertState();
	output->context = AllocSetContextCreate(
		CurrentMemoryContext, "p2ptext import batch", ALLOCSET_DEFAULT_SIZES);
	output->reject_context = AllocSetContextCreate(
		CurrentMemoryContext, "p2ptext import rejects", ALLOCSET_DEFAULT_SIZES);
	output->room_size = BATCH_BYTES;
	output->room = palloc(output->room_size);
	return output;
}

static void
flush_rows(ImportOutput *output)
{
	MemoryContext old = MemoryContextSwitchTo(output->context);

	CHECK_FOR_INTERRUPTS();
	if (output->n_rows > 0)
		table_multi_insert(output->rel, output->slots, output->n_rows,
						   GetCurrentCommandId(true), TABLE_INSERT_SKIP_FSM,
						   output->bulk);
	MemoryContextSwitchTo(old);
	MemoryContextReset(output->context);
	for (int i = 0; i < output->n_rows; i++)
		ExecClearTuple(output->slots[i]);
	output->n_rows = 0;
	output->used = 0;
}

/*
 * Room for the values of one row, good until the next call; they may be as
 * large as size.
 */
char *
output_room(ImportOutput *output, size_t size)
{
	if (output->n_rows == BATCH_ROWS || output->used + size > output->room_size)
		flush_rows(output);
	if (size > output->room_size)
	{
		pfree(output->room);
		output->room_size = size;
		output->room = palloc(size);
	}
	return output->room + output->used;
}

static TupleTableSlot *
fill_slot(ImportOutput *output, const Datum *values, const bool *nulls)
{
	TupleTableSlot **slot = &output->slots[output->n_rows];
	int natts = RelationGetDescr(output->rel)->natts;

	if (*slot == NULL)
		*slot = table_slot_create(output->rel, NULL);
	ExecClearTuple(*slot);
	memcpy((*slot)->tts_values, values, sizeof(Datum) * natts);
	memcpy((*slot)->tts_isnull, nulls, sizeof(bool) * natts);
	return ExecStoreVirtualTuple(*slot);
}

/*
 * A row that fits a page or not, depending on how well its values compress.
 * Only trying tells; what was tried in vain leaves nothing behind.
 */
static bool
try_row(ImportOutput *output, const Datum *values, const bool *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	TupleTableSlot *slot;
	volatile bool fits = true;

	flush_rows(output);
	slot = fill_slot(output, values, nulls);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		table_tuple_insert(output->rel, slot, GetCurrentCommandId(true), 0,
						   NULL);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		FlushErrorState();
		FreeErrorData(error);
		RollbackAndReleaseCurrentSubTransaction();
		fits = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	ExecClearTuple(slot);
	return fits;
}

/* The values are in the room; whether the row can be stored at all. */
bool
output_row(ImportOutput *output, const Datum *values, const bool *nulls)
{
	int natts = RelationGetDescr(output->rel)->natts;
	size_t head = MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(natts));
	size_t plain = head;	/* at most so large as it is */
	size_t smallest = head; /* at least so large when toasted ... */
	size_t largest = head;	/* ... and at most */
	size_t used = 0;

	for (int i = 0; i < natts; i++)
	{
		size_t size;

		if (nulls[i])
			continue;
		size = VARSIZE_ANY(DatumGetPointer(values[i]));
		used =
			DatumGetPointer(values[i]) + size - (output->room + output->used);
		plain += size + (VARATT_IS_SHORT(DatumGetPointer(values[i])) ? 0 : 3);
		smallest += size > SMALL ? TOAST_POINTER_SIZE : size;
		largest += Min(size, SMALL);
	}
	if (plain > MaxHeapTupleSize)
	{
		if (smallest > MaxHeapTupleSize)
			return false;
		if (largest > MaxHeapTupleSize)
			return try_row(output, values, nulls);
	}
	fill_slot(output, values, nulls);
	output->n_rows++;
	output->used = MAXALIGN(output->used + used);
	return true;
}

/* Arrays of one column of the rejects. */
static Datum
column_of(Datum *values, int n, Oid type)
{
	int16 len;
	bool by_value;
	char align;

	get_typlenbyvalalign(type, &len, &by_value, &align);
	return PointerGetDatum(
		construct_array(values, n, type, len, by_value, align));
}

static void
flush_rejects(ImportOutput *output)
{
	Oid types[] = {INT4OID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID};
	Datum args[5];

	if (output->n_rejects == 0)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	args[0] = Int32GetDatum(output->import_id);
	args[1] = column_of(output->lines, output->n_rejects, INT8OID);
	args[2] = column_of(output->reasons, output->n_rejects, TEXTOID);
	args[3] = column_of(output->details, output->n_rejects, TEXTOID);
	args[4] = column_of(output->contents, output->n_rejects, TEXTOID);
	if (SPI_execute_with_args(
			"INSERT INTO p2ptext.import_reject"
			" (import_id, line, reason, detail, content)"
			" SELECT $1, u.* FROM ROWS FROM (pg_catalog.unnest($2),"
			" pg_catalog.unnest($3), pg_catalog.unnest($4),"
			" pg_catalog.unnest($5)) AS u",
			5, types, args, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not keep rejected lines");
	SPI_finish();
	output->n_rejects = 0;
	MemoryContextReset(output->reject_context);
}

/* Text that can be stored and read, whatever the bytes are. */
static text *
readable(const char *content, size_t len)
{
	bool whole = len <= KEPT_LINE;
	const char *end = content + Min(len, KEPT_LINE);
	StringInfoData out;

	initStringInfo(&out);
	for (const char *p = content; p < end;)
	{
		unsigned char c = (unsigned char) *p;
		int size = 1;

		if (IS_HIGHBIT_SET(c))
		{
			size = pg_encoding_mblen(GetDatabaseEncoding(), p);
			if (size > end - p || !pg_verifymbstr(p, size, true))
				size = 0;
		}
		if (c == '\\')
			appendStringInfoString(&out, "\\\\");
		else if (size == 0 || (c < ' ' && c != '\t') || c == 0x7F)
			appendStringInfo(&out, "\\x%02x", c);
		else
			appendBinaryStringInfo(&out, p, size);
		p += Max(size, 1);
	}
	if (!whole)
		appendStringInfoString(&out, "...");
	return cstring_to_text_with_len(out.data, out.len);
}

void
output_reject(ImportOutput *output, int64 line, RejectReason reason,
			  const char *detail, const char *content, size_t len)
{
	int n = output->n_rejects++;
	MemoryContext old = MemoryContextSwitchTo(output->reject_context);

	output->lines[n] = Int64GetDatum(line);
	output->reasons[n] = CStringGetTextDatum(reject_reasons[reason]);
	output->details[n] = CStringGetTextDatum(detail);
	output->contents[n] = PointerGetDatum(readable(content, len));
	MemoryContextSwitchTo(old);
	if (output->n_rejects == BATCH_REJECTS)
		flush_rejects(output);
}

void
output_close(ImportOutput *output)
{
	flush_rows(output);
	flush_rejects(output);
	for (int i = 0; i < BATCH_ROWS && output->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(output->slots[i]);
	FreeBulkInsertState(output->bulk);
	table_close(output->rel, NoLock);
	MemoryContextDelete(output->context);
	MemoryContextDelete(output->reject_context);
	pfree(output->room);
	pfree(output);
}
