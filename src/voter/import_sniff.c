/*-------------------------------------------------------------------------
 *
 * import_sniff.c
 *	  Importing voter files: what the beginning of a file tells.
 *
 * src/voter/import_sniff.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/import.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(p2ptext_import_file);
PG_FUNCTION_INFO_V1(p2ptext_import_sniff);

/* How large a file is, when it was changed, and how it begins. */
Datum
p2ptext_import_file(PG_FUNCTION_ARGS)
{
	ImportInput *in = input_open_file(text_to_cstring(PG_GETARG_TEXT_PP(0)), 0);
	TupleDesc desc;
	Datum values[3];
	bool nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(in->size);
	values[1] = TimestampTzGetDatum(in->modified);
	values[2] = PointerGetDatum(input_head(in));
	input_close(in);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* The fields of the first record that is not blank, as text. */
static Datum
first_fields(const RecordFormat *format, ImportEncoding *encoding,
			 const char *data, size_t len, size_t *size, int *lines)
{
	RecordField *fields;
	Record record = {0};
	RecordStatus status = RECORD_MORE;
	Datum *texts;
	char *room;

	*size = 0;
	*lines = 0;
	while (*size < len)
	{
		status = record_next(format, data + *size, len - *size, true, NULL, 0,
							 &record);
		if (status != RECORD_BLANK)
			break;
		*size += record.size;
		*lines += record.lines;
	}
	if (status == RECORD_MORE || status == RECORD_BLANK)
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("the file is empty")));
	if (status != RECORD_OK || (record.lines == 0 && len >= IMPORT_HEAD))
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("the first line of the file cannot be read"),
				 status == RECORD_UNTERMINATED
					 ? errdetail("A quote opens a field and nothing closes it.")
					 : errdetail("It is longer than %d bytes.", IMPORT_HEAD)));
	fields = palloc(record.n_fields * sizeof(RecordField));
	texts = palloc(record.n_fields * sizeof(Datum));
	room = palloc(record.len * MAX_CONVERSION_GROWTH + 1);
	data += *size;
	(void) record_next(format, data, len - *size, true, fields, record.n_fields,
					   &record);
	encoding_decide(encoding, data, record.len);
	for (int i = 0; i < record.n_fields; i++)
	{
		int n = (int) record_copy(&fields[i], format->quote, room);
		const char *from = room;

		if (pg_encoding_verifymbstr(encoding->id, room, n) < n)
			n = -1;
		else if (OidIsValid(encoding->conversion) && !is_ascii(room, n))
		{
			from = palloc((size_t) n * MAX_CONVERSION_GROWTH + 1);
			n = encoding_convert(encoding, pnstrdup(room, n), n,
								 unconstify(char *, from),
								 (size_t) n * MAX_CONVERSION_GROWTH + 1);
		}
		if (n < 0)
			ereport(ERROR,
					(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
					 errmsg("field %d of the first line is not text in "
							"encoding \"%s\"",
							i + 1, pg_encoding_to_char(encoding->id)),
					 errhint("Pass another encoding, such as LATIN1, WIN1252 "
							 "or UTF8.")));
		texts[i] = PointerGetDatum(cstring_to_text_with_len(from, n));
	}
	*size += record.size;
	*lines += record.lines;
	return PointerGetDatum(construct_array(texts, record.n_fields, TEXTOID, -1,
										   false, TYPALIGN_INT));
}

/*
 * What the beginning of a file tells: delimiter and quote, when not given,
 * the line end, and the first line's fields with what bytes and lines they
 * take.  No quote is ''; one of more characters is to be guessed.
 */
Datum
p2ptext_import_sniff(PG_FUNCTION_ARGS)
{
	bytea *head = PG_GETARG_BYTEA_PP(0);
	const char *data = VARDATA_ANY(head);
	size_t len = VARSIZE_ANY_EXHDR(head);
	RecordFormat format = {0};
	char character[2] = {0};
	TupleDesc desc;
	Datum values[8];
	bool nulls[8] = {false};
	size_t size;
	int lines;
	ImportEncoding encoding;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	format.delimiter = text_to_cstring(PG_GETARG_TEXT_PP(1))[0];
	format.quote = text_to_cstring(PG_GETARG_TEXT_PP(2))[0];
	record_sniff(data, len, VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(2)) > 1,
				 &format);
	encoding_open(&encoding, text_to_cstring(PG_GETARG_TEXT_PP(3)),
				  PG_GETARG_BOOL(4));
	values[5] = first_fields(&format, &encoding, data, len, &size, &lines);
	character[0] = format.delimiter;
	values[0] = CStringGetTextDatum(character);
	character[0] = format.quote;
	values[1] = CStringGetTextDatum(character);
	values[2] = CStringGetTextDatum(pg_encoding_to_char(encoding.id));
	values[3] = BoolGetDatum(encoding.sure);
	values[4] = CStringGetTextDatum(format.line_end == '\r' ? "CR" : "LF");
	values[6] = Int32GetDatum((int32) size);
	values[7] = Int32GetDatum(lines);
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
