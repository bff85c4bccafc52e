/*-------------------------------------------------------------------------
 *
 * record.c
 *	  Taking a voter file apart: records, and the fields of each.
 *
 * A quote counts where a field begins with one; elsewhere it is a character
 * like others.  Within quotes, one that is followed by neither a quote, a
 * delimiter nor a line end is a slip, "JACK "BUD" SMITH", and kept as it is;
 * but a field that has such a slip and also spans lines was never closed.
 * Then, as when lines that were joined by a quote have the wrong number of
 * fields, the first line is given up alone and the next is read afresh.
 *
 * src/voter/record.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/record.h"

#include <string.h>

typedef struct Scan
{
	const RecordFormat *format;
	const char *limit; /* of what may be looked at */
	bool at_end;	   /* ... because the file ends there */
	const char *end;   /* of the line, before its line end */
	const char *next;  /* line; NULL when that is not in sight */
	int lines;
} Scan;

/* Find the end of the line that p is in. */
static void
find_line_end(Scan *scan, const char *p)
{
	const char *found =
		memchr(p, scan->format->line_end, (size_t) (scan->limit - p));

	scan->end = found ? found : scan->limit;
	scan->next = found ? found + 1 : scan->at_end ? scan->limit : NULL;
	if (found)
		scan->lines++;
	if (found && *found == '\n' && found > p && found[-1] == '\r')
		scan->end--;
}

/*
 * The field that begins after a quote.  Sets *p to what follows the closing
 * one; false when nothing closes it.
 */
static bool
quoted_field(Scan *scan, const char **p, RecordField *field)
{
	const char quote = scan->format->quote;
	const char *q = *p;
	bool slip = false;
	bool joined = false;

	field->data = q;
	field->doubled = false;
	for (;;)
	{
		q = memchr(q, quote, (size_t) (scan->limit - q));
		if (q == NULL)
			return false;
		while (q > scan->end)
		{
			if (scan->next == NULL || scan->next == scan->limit)
				return false;
			find_line_end(scan, scan->next);
			joined = true;
		}
		if (slip && joined)
			return false;
		if (q + 1 < scan->limit && q[1] == quote)
		{
			field->doubled = true;
			q += 2;
			continue;
		}
		if (q + 1 == scan->limit && !scan->at_end)
			return false;
		if (q + 1 == scan->end || q[1] == scan->format->delimiter)
			break;
		field->doubled = slip = true;
		q++;
		if (joined)
			return false;
	}
	field->len = (size_t) (q - field->data);
	*p = q + 1;
	return true;
}

/* All fields; -1 when one of them is not closed. */
static int
split(Scan *scan, const char *p, RecordField *fields, int max_fields)
{
	const char delimiter = scan->format->delimiter;
	const char quote = scan->format->quote;
	RecordField spare = {0};
	int n = 0;

	for (;;)
	{
		RecordField *field = n < max_fields ? &fields[n] : &spare;
		const char *q;

		n++;
		if (quote != '\0' && p < scan->end && *p == quote)
		{
			p++;
			if (!quoted_field(scan, &p, field))
				return -1;
			if (p >= scan->end)
				return n;
			p++;
			continue;
		}
		q = memchr(p, delimiter, (size_t) (scan->end - p));
		field->data = p;
		field->doubled = false;
		field->len = (size_t) ((q ? q : scan->end) - p);
		if (q == NULL)
			return n;
		p = q + 1;
	}
}

RecordStatus
record_next(const RecordFormat *format, const char *data, size_t len,
			bool at_end, RecordField *fields, int max_fields, Record *record)
{
	Scan scan = {.format = format};
	bool all = len > RECORD_MAX;

	at_end = at_end && !all;
	scan.limit = data + (len < RECORD_MAX ? len : RECORD_MAX);
	scan.at_end = at_end;
	find_line_end(&scan, data);
	record->n_fields = 0;
	record->lines = scan.lines;
	record->len = (size_t) (scan.end - data);
	record->size = (size_t) ((scan.next ? scan.next : scan.limit) - data);
	if (scan.next == NULL)
		return all ? RECORD_TOO_LONG : RECORD_MORE;
	if (scan.end == data)
		return RECORD_BLANK;

	record->n_fields = split(&scan, data, fields, max_fields);
	if (record->n_fields < 0 || scan.next == NULL)
	{
		/* What closes the quote may be still to come. */
		record->n_fields = 0;
		return all || at_end ? RECORD_UNTERMINATED : RECORD_MORE;
	}
	if (format->n_fields > 0 && record->n_fields != format->n_fields)
	{
		if (scan.lines > record->lines)
			return RECORD_UNTERMINATED;
		return record->n_fields < format->n_fields ? RECORD_TOO_FEW
												   : RECORD_TOO_MANY;
	}
	record->lines = scan.lines;
	record->len = (size_t) (scan.end - data);
	record->size = (size_t) (scan.next - data);
	return RECORD_OK;
}

size_t
record_copy(const RecordField *field, char quote, char *out)
{
	const char *p = field->data;
	const char *end = p + field->len;
	char *start = out;

	if (!field->doubled)
	{
		memcpy(out, p, field->len);
		return field->len;
	}
	while (p < end)
	{
		*out++ = *p;
		p += *p == quote && p + 1 < end && p[1] == quote ? 2 : 1;
	}
	return (size_t) (out - start);
}

/* How often a byte stands outside of quotes. */
static int
count_outside(const char *p, const char *end, char byte)
{
	bool quoted = false;
	int n = 0;

	for (; p < end; p++)
	{
		if (*p == '"')
			quoted = !quoted;
		else if (*p == byte && !quoted)
			n++;
	}
	return n;
}

/* Whether a field, and not just its text, is in quotes. */
static bool
has_quoted_field(const char *p, const char *end, char delimiter)
{
	while (p < end)
	{
		const char *q = memchr(p, delimiter, (size_t) (end - p));

		if (q == NULL)
			q = end;
		if (q - p >= 2 && *p == '"' && q[-1] == '"')
			return true;
		p = q + 1;
	}
	return false;
}

void
record_sniff(const char *data, size_t len, bool guess_quote,
			 RecordFormat *format)
{
	static const char candidates[] = "\t,|;^~";
	Scan scan = {.format = format, .limit = data + len, .at_end = true};
	int most = 0;

	format->line_end =
		memchr(data, '\n', len) == NULL && memchr(data, '\r', len) != NULL
			? '\r'
			: '\n';
	find_line_end(&scan, data);
	if (format->delimiter == '\0')
	{
		/* A file of one column has none. */
		format->delimiter = ',';
		for (const char *c = candidates; *c; c++)
		{
			int n = count_outside(data, scan.end, *c);

			if (n > most)
			{
				most = n;
				format->delimiter = *c;
			}
		}
	}
	if (guess_quote)
		format->quote =
			format->delimiter != '\t' || has_quoted_field(data, scan.end, '\t')
				? '"'
				: '\0';
}
