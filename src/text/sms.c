/*-------------------------------------------------------------------------
 *
 * sms.c
 *	  SQL functions about SMS encoding and segments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"

#include "compat.h"
#include "text/core/sms.h"
#include "text/core/utf8.h"
#include "text/utf8_text.h"

/* What providers take at most, in characters. */
#define SMS_MAX_LENGTH 1600

static SmsSize
measure(const text *t)
{
	Utf8 u = utf8_from_text(t);

	return sms_measure(u.str, u.len);
}

PG_FUNCTION_INFO_V1(p2ptext_sms_encoding);
Datum
p2ptext_sms_encoding(PG_FUNCTION_ARGS)
{
	bool gsm = measure(PG_GETARG_TEXT_PP(0)).gsm;

	PG_RETURN_TEXT_P(cstring_to_text(gsm ? "GSM-7" : "UCS-2"));
}

PG_FUNCTION_INFO_V1(p2ptext_sms_units);
Datum
p2ptext_sms_units(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(measure(PG_GETARG_TEXT_PP(0)).units);
}

PG_FUNCTION_INFO_V1(p2ptext_sms_segments);
Datum
p2ptext_sms_segments(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(measure(PG_GETARG_TEXT_PP(0)).segments);
}

PG_FUNCTION_INFO_V1(p2ptext_sms_split);
Datum
p2ptext_sms_split(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);
	SmsSize size = sms_measure(u.str, u.len);
	Datum *parts = palloc(sizeof(Datum) * size.segments);

	for (size_t i = 0; i < size.segments; i++)
	{
		size_t len = size.segments == 1 ? u.len
										: sms_segment(u.str, u.len, size.gsm);

		parts[i] = PointerGetDatum(utf8_to_text(u.str, len));
		u.str += len;
		u.len -= len;
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(parts, size.segments, TEXTOID, -1,
										  false, TYPALIGN_INT));
}

/* The code points of a text, zero-terminated. */
static pg_wchar *
code_points(Utf8 u)
{
	pg_wchar *codes = palloc(sizeof(pg_wchar) * (u.len + 1));
	const unsigned char *p = (const unsigned char *) u.str;
	const unsigned char *end = p + u.len;
	size_t n = 0;

	while (p < end)
		codes[n++] = utf8_next(&p, end);
	codes[n] = 0;
	return codes;
}

static bool
is_mark(pg_wchar code)
{
	return code >= 0x0300 && code <= 0x036F;
}

static bool
is_ascii_letter(pg_wchar code)
{
	return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

/* The ASCII letter under an accent, or 0: a for á, n for ñ, C for Ç. */
static pg_wchar
fold_accent(pg_wchar code)
{
	pg_wchar one[2] = {code, 0};
	pg_wchar *parts;

	if (code < 0x00C0 || code > 0x1EFF || (code > 0x024F && code < 0x1E00))
		return 0;
	parts = unicode_normalize(UNICODE_NFD, one);
	if (!is_ascii_letter(parts[0]) || parts[1] == 0)
		return 0;
	for (int i = 1; parts[i] != 0; i++)
	{
		if (!is_mark(parts[i]))
			return 0;
	}
	return parts[0];
}

PG_FUNCTION_INFO_V1(p2ptext_sms_gsm);
Datum
p2ptext_sms_gsm(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);
	bool fold = PG_GETARG_BOOL(1);
	pg_wchar *codes;
	StringInfoData out;

	if (sms_measure(u.str, u.len).gsm)
		PG_RETURN_TEXT_P(PG_GETARG_TEXT_P(0));

	codes = unicode_normalize(UNICODE_NFC, code_points(u));
	initStringInfo(&out);
	for (; *codes != 0; codes++)
	{
		const char *replacement = NULL;
		pg_wchar base = 0;

		if (sms_septets(*codes) == 0)
		{
			replacement = sms_replacement(*codes);
			if (fold)
				base = fold_accent(*codes);
		}
		if (replacement != NULL)
			appendStringInfoString(&out, replacement);
		else if (base != 0)
			appendStringInfoChar(&out, base);
		else
		{
			char bytes[4];
			size_t n = utf8_put(*codes, bytes);

			appendBinaryStringInfo(&out, bytes, n);
		}
	}
	PG_RETURN_TEXT_P(utf8_to_text(out.data, out.len));
}

PG_FUNCTION_INFO_V1(p2ptext_sms_problem);
Datum
p2ptext_sms_problem(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);
	const unsigned char *p = (const unsigned char *) u.str;
	const unsigned char *end = p + u.len;
	size_t characters = 0;
	bool blank = true;

	while (p < end)
	{
		uint32_t code = utf8_next(&p, end);

		characters++;
		blank &= code <= ' ' || code == 0x00A0;
	}
	if (blank)
		PG_RETURN_TEXT_P(cstring_to_text("empty"));
	if (characters > SMS_MAX_LENGTH)
		PG_RETURN_TEXT_P(cstring_to_text("too_long"));
	PG_RETURN_NULL();
}
