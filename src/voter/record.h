/*-------------------------------------------------------------------------
 *
 * record.h
 *	  Taking a voter file apart: records, and the fields of each.
 *
 * Plain C over bytes in memory, without PostgreSQL.  What a record is does
 * not depend on how much of the file happens to be in memory, so that an
 * import that was interrupted goes on as if it had not been.
 *
 * src/voter/record.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_RECORD_H
#define P2PTEXT_RECORD_H

#include <stdbool.h>
#include <stddef.h>

/* No record is longer, in bytes; it bounds what a lost quote can swallow. */
#define RECORD_MAX ((size_t) 1 << 20)

typedef struct RecordFormat
{
	char delimiter;
	char quote;	   /* NUL where quotes are ordinary characters */
	char line_end; /* \n, which may have a \r before it, or \r */
	int n_fields;  /* of each record; 0 when not known */
} RecordFormat;

typedef struct RecordField
{
	const char *data;
	size_t len;
	bool doubled; /* has quotes in it, perhaps doubled: see record_copy() */
} RecordField;

typedef enum RecordStatus
{
	RECORD_OK,
	RECORD_MORE,		 /* the end is not in sight: needs more bytes */
	RECORD_BLANK,		 /* an empty line */
	RECORD_TOO_FEW,		 /* fields */
	RECORD_TOO_MANY,	 /* fields */
	RECORD_UNTERMINATED, /* a quote that nothing closes; the line alone */
	RECORD_TOO_LONG		 /* no line end within RECORD_MAX */
} RecordStatus;

typedef struct Record
{
	size_t size;  /* bytes, with the line end; of TOO_LONG, what was seen */
	size_t len;	  /* ... without the line end */
	int lines;	  /* how many line ends are in it */
	int n_fields; /* how many there are, even if not that many fit */
} Record;

/*
 * The record at the start of data, of which len > 0 bytes are in memory; with
 * more than RECORD_MAX of them, or at_end, the answer is never RECORD_MORE.
 * Fields that do not fit into max_fields are counted only.
 */
extern RecordStatus record_next(const RecordFormat *format, const char *data,
								size_t len, bool at_end, RecordField *fields,
								int max_fields, Record *record);

/* A field without its doubled quotes, at most field->len bytes; the length. */
extern size_t record_copy(const RecordField *field, char quote, char *out);

/*
 * What the first line tells of the format.  A delimiter of NUL is guessed;
 * so is the quote, if guess_quote.
 */
extern void record_sniff(const char *data, size_t len, bool guess_quote,
						 RecordFormat *format);

#endif /* P2PTEXT_RECORD_H */
