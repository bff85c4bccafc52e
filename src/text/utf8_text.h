/*-------------------------------------------------------------------------
 *
 * utf8_text.h
 *	  SQL texts as UTF-8, whatever the database's encoding.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_UTF8_TEXT_H
#define P2PTEXT_UTF8_TEXT_H

#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

typedef struct Utf8
{
	const char *str;
	size_t len;
} Utf8;

static inline Utf8
utf8_from_text(const text *t)
{
	Utf8 u = {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		u.str = pg_server_to_any(u.str, u.len, PG_UTF8);
		if (u.str != VARDATA_ANY(t))
			u.len = strlen(u.str);
	}
	return u;
}

static inline text *
utf8_to_text(const char *str, size_t len)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return cstring_to_text_with_len(str, len);
	return cstring_to_text(pg_any_to_server(pnstrdup(str, len), len, PG_UTF8));
}

#define PG_GETARG_UTF8(n) utf8_from_text(PG_GETARG_TEXT_PP(n))

/* An array of the words of str, which are separated by single spaces. */
static inline ArrayType *
words_array(const char *str)
{
	Datum words[16];
	int n = 0;

	while (*str != '\0' && n < 16)
	{
		size_t len = strcspn(str, " ");

		words[n++] = PointerGetDatum(cstring_to_text_with_len(str, len));
		str += len + (str[len] == ' ');
	}
	return construct_array(words, n, TEXTOID, -1, false, TYPALIGN_INT);
}

#endif
