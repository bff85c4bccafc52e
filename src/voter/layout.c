/*-------------------------------------------------------------------------
 *
 * layout.c
 *	  What voter files write in many ways: names of columns, dates.
 *
 * src/voter/layout.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

PG_FUNCTION_INFO_V1(p2ptext_plain_column);
PG_FUNCTION_INFO_V1(p2ptext_file_date);

/*
 * The letters and digits of a column's name, in small letters.  Neither
 * locale nor encoding matters for those of ASCII; other characters stay,
 * but for the byte order mark and the hard space that get into headers.
 */
Datum
p2ptext_plain_column(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	const char *s = VARDATA_ANY(name);
	int len = VARSIZE_ANY_EXHDR(name);
	text *plain = palloc(VARHDRSZ + len);
	char *out = VARDATA(plain);
	bool utf8 = GetDatabaseEncoding() == PG_UTF8;

	for (int i = 0; i < len; i++)
	{
		unsigned char c = s[i];

		if (utf8 && len - i >= 3 && memcmp(s + i, "\xEF\xBB\xBF", 3) == 0)
			i += 2;
		else if (utf8 && len - i >= 2 && memcmp(s + i, "\xC2\xA0", 2) == 0)
			i++;
		else if (c >= 'A' && c <= 'Z')
			*out++ = c + ('a' - 'A');
		else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
			*out++ = c;
	}
	SET_VARSIZE(plain, out - (char *) plain);
	PG_RETURN_TEXT_P(plain);
}

/* Up to max digits from *s on; -1 when there is none. */
static int
number(const char **s, const char *end, int max)
{
	int n = -1;

	for (; max > 0 && *s < end && **s >= '0' && **s <= '9'; max--, (*s)++)
		n = Max(n, 0) * 10 + (**s - '0');
	return n;
}

static bool
separator(const char **s, const char *end)
{
	if (*s == end || (**s != '-' && **s != '/' && **s != '.'))
		return false;
	(*s)++;
	return true;
}

/*
 * YYYY-MM-DD, YYYYMMDD or MM/DD/YYYY, where a time may follow.  What is no
 * day of the calendar, or has some digits masked, is NULL and not an error:
 * one voter must not hold up the others.
 */
Datum
p2ptext_file_date(PG_FUNCTION_ARGS)
{
	text *t = PG_GETARG_TEXT_PP(0);
	const char *s = VARDATA_ANY(t);
	const char *end = s + VARSIZE_ANY_EXHDR(t);
	const char *start;
	int year;
	int month;
	int day;

	while (s < end && *s == ' ')
		s++;
	start = s;
	year = number(&s, end, 4);
	if (s - start == 4)
	{
		bool dashed = separator(&s, end);

		month = number(&s, end, 2);
		if (separator(&s, end) != dashed)
			PG_RETURN_NULL();
		day = number(&s, end, 2);
	}
	else
	{
		month = year;
		if (!separator(&s, end))
			PG_RETURN_NULL();
		day = number(&s, end, 2);
		if (!separator(&s, end))
			PG_RETURN_NULL();
		start = s;
		year = number(&s, end, 4);
		if (s - start != 4)
			PG_RETURN_NULL();
	}
	if ((s < end && *s != ' ' && *s != 'T') || year < 1800 || month < 1 ||
		month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(date2j(year, month, day) - POSTGRES_EPOCH_JDATE);
}
