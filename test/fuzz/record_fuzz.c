/*-------------------------------------------------------------------------
 *
 * record_fuzz.c
 *	  Voter files of any bytes: is every byte in just one record, whatever of
 *	  the file is in memory?
 *
 * The first two bytes say the delimiter and whether there are quotes, and how
 * many fields there are.
 *
 * FUZZ_SOURCES: src/voter/record.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS 8

#define CHECK(condition)  \
	do                    \
	{                     \
		if (!(condition)) \
			abort();      \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A field lies within its record, and copying it makes nothing longer. */
static void
check_field(const RecordField *field, const RecordFormat *format,
			const char *data, const Record *record)
{
	char *copy = malloc(field->len + 1);
	size_t len;

	CHECK(copy != NULL);
	CHECK(field->data >= data &&
		  field->data + field->len <= data + record->len);
	len = record_copy(field, format->quote, copy);
	CHECK(len <= field->len);
	CHECK(field->doubled || memcmp(copy, field->data, len) == 0);
	free(copy);
}

/* With less in memory the answer is the same, or that more is needed. */
static void
check_shorter(const RecordFormat *format, const char *data, size_t len,
			  RecordStatus status, const Record *record)
{
	size_t shorter[] = {1, len / 2, len - 1, record->size};

	for (size_t i = 0; i < sizeof(shorter) / sizeof(shorter[0]); i++)
	{
		Record other;
		char *copy;
		RecordStatus again;

		if (shorter[i] == 0 || shorter[i] > len)
			continue;
		copy = malloc(shorter[i]);
		CHECK(copy != NULL);
		memcpy(copy, data, shorter[i]);
		again = record_next(format, copy, shorter[i], false, NULL, 0, &other);
		CHECK(again == RECORD_MORE ||
			  (again == status && other.size == record->size &&
			   other.lines == record->lines &&
			   other.n_fields == record->n_fields));
		free(copy);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char delimiters[] = "\t,|;";
	RecordFormat format = {.line_end = '\n'};
	RecordField fields[MAX_FIELDS];
	const char *data;
	size_t at = 0;

	if (size < 2)
		return 0;
	format.delimiter = delimiters[input[0] & 3];
	format.quote = input[0] & 4 ? '"' : '\0';
	format.n_fields = input[1] % (MAX_FIELDS + 1);
	data = (const char *) input + 2;
	size -= 2;
	if (input[0] & 8)
	{
		if (input[0] & 16)
			format.delimiter = '\0';
		record_sniff(data, size, (input[0] & 32) != 0, &format);
		CHECK(format.delimiter != '\0');
	}
	while (at < size)
	{
		Record record;
		RecordStatus status = record_next(&format, data + at, size - at, true,
										  fields, MAX_FIELDS, &record);

		CHECK(status != RECORD_MORE && status != RECORD_TOO_LONG);
		CHECK(record.size > 0 && record.size <= size - at);
		CHECK(record.len <= record.size && record.size - record.len <= 2);
		if (status == RECORD_OK)
		{
			CHECK(record.n_fields > 0);
			CHECK(format.n_fields == 0 || record.n_fields == format.n_fields);
			for (int i = 0; i < record.n_fields && i < MAX_FIELDS; i++)
				check_field(&fields[i], &format, data + at, &record);
		}
		else
			CHECK(record.lines <= 1);
		check_shorter(&format, data + at, size - at, status, &record);
		at += record.size;
	}
	return 0;
}
