/*-------------------------------------------------------------------------
 *
 * import.c
 *	  Importing voter files, at the speed of COPY and forgiving bad lines.
 *
 * The SQL side (import.sql) finds out what the file is, makes the table, and
 * has one part of the file after the other read, each in a transaction.  A
 * part ends between two records, so the place where the next begins, kept in
 * the same transaction, is all that must be known to go on.
 *
 * src/voter/import.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/import.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(p2ptext_import_rows);
PG_FUNCTION_INFO_V1(p2ptext_import_program);
PG_FUNCTION_INFO_V1(p2ptext_import_alone);

/* Without max_rejects: so many are always fine, and so great a share. */
#define FEW_REJECTS 1000
#define SHARE_OF_REJECTS 0.1

typedef struct Import
{
	RecordFormat format;
	ImportEncoding encoding;
	int *kept; /* which field each column has */
	int n_columns;
	RecordField *fields;
	Datum *values;
	bool *nulls;
	ImportInput *in;
	ImportOutput *out;
	int64 lines; /* of the file, before the next */
	int64 bytes;
	int64 rows;
	int64 rejected;
	int64 max_rejects; /* or -1 */
	int64 by_reason[N_REJECT_REASONS];
	int64 first_rejected; /* line of this part */
	char *first_detail;
} Import;

/*
 * Lines that are no rows
 */

static void
reject(Import *import, RejectReason reason, const char *detail,
	   const char *content, size_t len)
{
	import->rejected++;
	import->by_reason[reason]++;
	if (import->first_detail == NULL)
	{
		import->first_rejected = import->lines + 1;
		import->first_detail =
			psprintf("%s, %s", reject_reasons[reason], detail);
	}
	output_reject(import->out, import->lines + 1, reason, detail, content, len);
}

static void
reject_encoding(Import *import, const char *content, size_t len)
{
	const char *nul = memchr(content, '\0', len);
	char detail[100];
	int good;

	if (nul != NULL)
	{
		snprintf(detail, sizeof(detail), "byte %d of the line is zero",
				 (int) (nul - content) + 1);
		reject(import, REJECT_NUL_BYTE, detail, content, len);
		return;
	}
	good = pg_encoding_verifymbstr(import->encoding.id, content, (int) len);
	if (good < (int) len)
		snprintf(detail, sizeof(detail), "byte %d, 0x%02x, is not %s", good + 1,
				 (unsigned char) content[good],
				 pg_encoding_to_char(import->encoding.id));
	else
		snprintf(detail, sizeof(detail), "a character of %s is not known in %s",
				 pg_encoding_to_char(import->encoding.id),
				 GetDatabaseEncodingName());
	reject(import, REJECT_BAD_ENCODING, detail, content, len);
}

/* Whether the file is taken for something that it is not. */
static bool
too_many(const Import *import, bool at_end)
{
	if (import->max_rejects >= 0)
		return import->rejected > import->max_rejects;
	if (at_end && import->rows == 0)
		return import->rejected > 0;
	return import->rejected > FEW_REJECTS &&
		   import->rejected >
			   SHARE_OF_REJECTS * (import->rejected + import->rows);
}

static void
complain(const Import *import)
{
	StringInfoData counts;
	RejectReason worst = 0;

	initStringInfo(&counts);
	for (int i = 0; i < N_REJECT_REASONS; i++)
	{
		if (import->by_reason[i] > import->by_reason[worst])
			worst = i;
		if (import->by_reason[i] > 0)
			appendStringInfo(&counts, "%s%s: " INT64_FORMAT,
							 counts.len > 0 ? ", " : "", reject_reasons[i],
							 import->by_reason[i]);
	}
	ereport(
		ERROR,
		(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
		 errmsg(INT64_FORMAT " of the first " INT64_FORMAT
							 " lines of \"%s\" had to be rejected",
				import->rejected, import->rejected + import->rows,
				import->in->name),
		 errdetail("Lately %s. Line " INT64_FORMAT ": %s.", counts.data,
				   import->first_rejected,
				   import->first_detail ? import->first_detail : ""),
		 worst == REJECT_BAD_ENCODING || worst == REJECT_NUL_BYTE
			 ? errhint("The file was read as %s: pass another encoding, such "
					   "as LATIN1 or WIN1252; or max_rejects, if so many lines "
					   "are bad.",
					   pg_encoding_to_char(import->encoding.id))
			 : errhint("The file was read with delimiter %s and %s: pass "
					   "delimiter, quote or header, if that is wrong; or "
					   "max_rejects, if so many lines are bad.",
					   import->format.delimiter == '\t'
						   ? "tab"
						   : psprintf("\"%c\"", import->format.delimiter),
					   import->format.quote == '\0'
						   ? "without quotes"
						   : psprintf("quote %c", import->format.quote))));
}

/*
 * Lines that are
 */

/* The values of the columns, into the room; false when one is not text. */
static bool
make_values(Import *import, char *room, bool plain)
{
	for (int i = 0; i < import->n_columns; i++)
	{
		const RecordField *field = &import->fields[import->kept[i]];
		char *data;
		int len;

		import->nulls[i] = field->len == 0;
		if (field->len == 0)
			continue;
		if (!plain && !is_ascii(field->data, field->len))
		{
			const char *from = field->data;
			size_t from_len = field->len;
			char *copy = NULL;

			if (field->doubled)
			{
				from = copy = palloc(field->len);
				from_len = record_copy(field, import->format.quote, copy);
			}
			room = (char *) INTALIGN(room);
			data = room + VARHDRSZ;
			len = encoding_convert(&import->encoding, from, from_len, data,
								   from_len * MAX_CONVERSION_GROWTH + 1);
			if (copy != NULL)
				pfree(copy);
			if (len < 0)
				return false;
			SET_VARSIZE(room, len + VARHDRSZ);
		}
		else if (field->len <= VARATT_SHORT_MAX - VARHDRSZ_SHORT)
		{
			data = room + VARHDRSZ_SHORT;
			len = (int) record_copy(field, import->format.quote, data);
			SET_VARSIZE_SHORT(room, len + VARHDRSZ_SHORT);
		}
		else
		{
			room = (char *) INTALIGN(room);
			data = room + VARHDRSZ;
			len = (int) record_copy(field, import->format.quote, data);
			SET_VARSIZE(room, len + VARHDRSZ);
		}
		import->values[i] = PointerGetDatum(room);
		room = data + len;
	}
	return true;
}

static void
take_record(Import *import, const char *data, const Record *record)
{
	bool plain;
	size_t growth;

	encoding_decide(&import->encoding, data, record->len);
	plain = !OidIsValid(import->encoding.conversion);
	if (pg_encoding_verifymbstr(import->encoding.id, data, (int) record->len) <
		(int) record->len)
	{
		reject_encoding(import, data, record->len);
		return;
	}
	if (!plain && is_ascii(data, record->len))
		plain = true;
	growth = plain ? 1 : MAX_CONVERSION_GROWTH;
	if (!make_values(import,
					 output_room(import->out,
								 record->len * growth + import->n_columns * 9),
					 plain))
		reject_encoding(import, data, record->len);
	else if (!output_row(import->out, import->values, import->nulls))
		reject(import, REJECT_ROW_TOO_BIG,
			   "PostgreSQL stores rows of 8 kB, and only long values apart",
			   data, record->len);
	else
		import->rows++;
}

/* A line of any length, in what memory there is. */
static void
skip_line(Import *import)
{
	ImportInput *in = import->in;
	char *kept = pnstrdup(in->buffer + in->start, 2048);
	int64 size = 0;

	for (;;)
	{
		const char *data = in->buffer + in->start;
		const char *found =
			memchr(data, import->format.line_end, in->end - in->start);
		size_t used = found ? (size_t) (found - data) + 1 : in->end - in->start;

		size += used;
		in->start += used;
		if (found || !input_fill(in))
			break;
	}
	import->bytes += size;
	reject(import, REJECT_LINE_TOO_LONG,
		   psprintf(INT64_FORMAT " bytes, more than %zu", size, RECORD_MAX),
		   kept, 2048);
	pfree(kept);
}

/*
 * Read records until max_bytes were, or all.  Returns whether it was all.
 */
static bool
read_part(Import *import, int64 max_bytes)
{
	ImportInput *in = import->in;
	int64 next_report = 0;

	while (import->bytes < max_bytes)
	{
		const char *data = in->buffer + in->start;
		size_t len = in->end - in->start;
		Record record;
		RecordStatus status = RECORD_MORE;

		if (import->bytes >= next_report)
		{
			const int counters[] = {PROGRESS_COPY_BYTES_PROCESSED,
									PROGRESS_COPY_TUPLES_PROCESSED,
									PROGRESS_COPY_TUPLES_EXCLUDED};
			const int64 values[] = {in->position - (int64) len, import->rows,
									import->rejected};

			pgstat_progress_update_multi_param(3, counters, values);
			CHECK_FOR_INTERRUPTS();
			next_report = import->bytes + 1024 * 1024;
		}
		if (len > 0)
			status =
				record_next(&import->format, data, len, in->at_end,
							import->fields, import->format.n_fields, &record);
		if (status == RECORD_MORE)
		{
			if (!input_fill(in) && in->start == in->end)
				return true;
			continue;
		}
		if (status == RECORD_TOO_LONG)
		{
			skip_line(import);
			import->lines++;
		}
		else
		{
			if (status == RECORD_OK)
				take_record(import, data, &record);
			else if (status == RECORD_UNTERMINATED)
				reject(import, REJECT_UNTERMINATED_QUOTE,
					   "a quote opens a field and nothing closes it", data,
					   record.len);
			else if (status != RECORD_BLANK)
			{
				if (memchr(data, '\0', record.len) != NULL)
					reject_encoding(import, data, record.len);
				else
					reject(import,
						   status == RECORD_TOO_FEW ? REJECT_TOO_FEW_FIELDS
													: REJECT_TOO_MANY_FIELDS,
						   psprintf("%d fields instead of %d", record.n_fields,
									import->format.n_fields),
						   data, record.len);
			}
			in->start += record.size;
			import->bytes += record.size;
			import->lines += record.lines;
			if (status != RECORD_OK && status != RECORD_BLANK &&
				too_many(import, false))
				complain(import);
		}
	}
	return false;
}

/*
 * SQL
 */

static Datum
get(HeapTupleHeader row, const char *name)
{
	bool isnull;
	Datum value = GetAttributeByName(row, name, &isnull);

	if (isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the import's %s is null", name)));
	return value;
}

/* A text of one character or none. */
static char
get_character(HeapTupleHeader row, const char *name)
{
	bool isnull;
	Datum value = GetAttributeByName(row, name, &isnull);

	return isnull ? '\0' : text_to_cstring(DatumGetTextPP(value))[0];
}

static int
array_size(Datum array)
{
	ArrayType *value = DatumGetArrayTypeP(array);

	return ArrayGetNItems(ARR_NDIM(value), ARR_DIMS(value));
}

/* What a row of p2ptext.import says, checked as if anybody had written it. */
static Import *
make_import(HeapTupleHeader row, int64 max_rejects)
{
	Import *import = palloc0(sizeof(Import));
	Datum kept = get(row, "kept");
	Datum *positions;
	bool *nulls;

	import->format.delimiter = get_character(row, "delimiter");
	import->format.quote = get_character(row, "quote");
	import->format.line_end =
		strcmp(TextDatumGetCString(get(row, "line_end")), "CR") == 0 ? '\r'
																	 : '\n';
	import->format.n_fields = array_size(get(row, "fields"));
	encoding_open(&import->encoding, TextDatumGetCString(get(row, "encoding")),
				  DatumGetBool(get(row, "encoding_sure")));
	import->fields =
		palloc(Max(import->format.n_fields, 1) * sizeof(RecordField));
	deconstruct_array(DatumGetArrayTypeP(kept), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &positions, &nulls, &import->n_columns);
	import->kept = palloc(Max(import->n_columns, 1) * sizeof(int));
	import->values = palloc(Max(import->n_columns, 1) * sizeof(Datum));
	import->nulls = palloc(Max(import->n_columns, 1) * sizeof(bool));
	for (int i = 0; i < import->n_columns; i++)
	{
		int position = nulls[i] ? 0 : DatumGetInt32(positions[i]);

		if (position < 1 || position > import->format.n_fields)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the file has no field %d", position)));
		import->kept[i] = position - 1;
	}
	import->lines = DatumGetInt64(get(row, "lines_done"));
	import->rows = DatumGetInt64(get(row, "rows"));
	import->rejected = DatumGetInt64(get(row, "rejected"));
	import->max_rejects = max_rejects;
	import->out =
		output_open(DatumGetInt32(get(row, "id")),
					DatumGetObjectId(get(row, "table_oid")), import->n_columns);
	return import;
}

/* Reads, and gives back what the row is to say of it. */
static Datum
run_import(FunctionCallInfo fcinfo, Import *import, HeapTupleHeader row,
		   int64 max_bytes)
{
	const int counters[] = {PROGRESS_COPY_COMMAND, PROGRESS_COPY_TYPE,
							PROGRESS_COPY_BYTES_TOTAL};
	const int64 start[] = {PROGRESS_COPY_COMMAND_FROM,
						   import->in->program ? PROGRESS_COPY_TYPE_PROGRAM
											   : PROGRESS_COPY_TYPE_FILE,
						   import->in->size};
	TupleDesc desc;
	bool finished;
	Datum values[8];
	bool nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY,
								  DatumGetObjectId(get(row, "table_oid")));
	pgstat_progress_update_multi_param(3, counters, start);
	finished = read_part(import, max_bytes);
	if (too_many(import, finished))
		complain(import);
	output_close(import->out);
	input_close(import->in);
	pgstat_progress_end_command();

	values[0] = get(row, "id");
	values[1] =
		Int64GetDatum(DatumGetInt64(get(row, "bytes_done")) + import->bytes);
	values[2] = Int64GetDatum(import->lines);
	values[3] = Int64GetDatum(import->rows);
	values[4] = Int64GetDatum(import->rejected);
	values[5] = CStringGetTextDatum(pg_encoding_to_char(import->encoding.id));
	values[6] = BoolGetDatum(import->encoding.sure);
	values[7] = BoolGetDatum(finished);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* One part of a file. */
Datum
p2ptext_import_rows(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	int64 done = DatumGetInt64(get(row, "bytes_done"));
	Import *import;
	ImportInput *in =
		input_open_file(TextDatumGetCString(get(row, "path")), done);

	input_expect(in, DatumGetInt64(get(row, "bytes_total")),
				 DatumGetTimestampTz(get(row, "modified_at")));
	import = make_import(row, PG_GETARG_INT64(2));
	import->in = in;
	return run_import(fcinfo, import, row, PG_GETARG_INT64(1));
}

/*
 * All that a program prints.  SQL is asked what to make of its beginning, and
 * makes the table.
 */
Datum
p2ptext_import_program(PG_FUNCTION_ARGS)
{
	HeapTupleHeader wanted = PG_GETARG_HEAPTUPLEHEADER(0);
	Oid types[] = {HeapTupleHeaderGetTypeId(wanted), BYTEAOID};
	Datum args[2];
	ImportInput *in =
		input_open_program(TextDatumGetCString(get(wanted, "program")));
	MemoryContext context = CurrentMemoryContext;
	HeapTupleHeader row;
	Import *import;
	bool isnull;

	args[0] = PG_GETARG_DATUM(0);
	args[1] = PointerGetDatum(input_head(in));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args("SELECT p2ptext.import_begin($1, $2)", 2, types,
							  args, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not begin the import");
	row = DatumGetHeapTupleHeader(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	MemoryContextSwitchTo(context);
	row = (HeapTupleHeader) PG_DETOAST_DATUM_COPY(PointerGetDatum(row));
	SPI_finish();

	in->start = (size_t) DatumGetInt64(get(row, "bytes_done"));
	import = make_import(row, PG_GETARG_INT64(1));
	import->in = in;
	return run_import(fcinfo, import, row, PG_INT64_MAX);
}

/* Before anything is done that is to be committed by and by. */
Datum
p2ptext_import_alone(PG_FUNCTION_ARGS)
{
	if (IsTransactionBlock())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("import_voters() cannot run inside a transaction "
						"block"),
				 errhint("It commits part by part, so that it can be resumed. "
						 "Call it by itself.")));
	PG_RETURN_VOID();
}
