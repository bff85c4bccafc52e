/*-------------------------------------------------------------------------
 *
 * sms.c
 *	  SQL functions about SMS encoding and segments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
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
		size_t len =
			size.segments == 1 ? u.len : sms_segment(u.str, u.len, size.gsm);

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

/* The ASCII letter under an accent or a stroke, or 0: a for á, L for Ł. */
static pg_wchar
fold_accent(pg_wchar code)
{
	pg_wchar one[2] = {code, 0};
	pg_wchar *parts;

	switch (code)
	{
		case 0x0110:
			return 'D';
		case 0x0111:
			return 'd';
		case 0x0131:
			return 'i';
		case 0x0141:
			return 'L';
		case 0x0142:
			return 'l';
		default:
			break;
	}
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

static void
append_code(StringInfo out, pg_wchar code)
{
	char bytes[4];
	size_t n = utf8_put(code, bytes);

	appendBinaryStringInfo(out, bytes, n);
}

/*
 * Appends what GSM-7 has in place of a code point that it lacks; false when
 * it has nothing.
 */
static bool
append_replacement(StringInfo out, pg_wchar code, bool fold)
{
	const char *replacement = sms_replacement(code);
	pg_wchar base = fold ? fold_accent(code) : 0;

	if (replacement != NULL)
		appendStringInfoString(out, replacement);
	else if (base != 0)
		append_code(out, base);
	return replacement != NULL || base != 0;
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
		if (sms_septets(*codes) != 0 || !append_replacement(&out, *codes, fold))
			append_code(&out, *codes);
	}
	PG_RETURN_TEXT_P(utf8_to_text(out.data, out.len));
}

/* The characters of a text that GSM-7 lacks. */
typedef struct Culprits
{
	int n;
	int saves;
	pg_wchar *codes;
	int *counts;
} Culprits;

/*
 * Finds them in order of appearance, and what the text would save without
 * them: replaced where something can stand for them, else left out.
 */
static Culprits *
find_culprits(Utf8 u)
{
	pg_wchar *code = code_points(u);
	Culprits *found = palloc0(sizeof(Culprits));
	StringInfoData gsm;

	initStringInfo(&gsm);
	found->codes = palloc(sizeof(pg_wchar) * (u.len + 1));
	found->counts = palloc0(sizeof(int) * (u.len + 1));
	for (; *code != 0; code++)
	{
		int i = 0;

		if (sms_septets(*code) != 0)
		{
			append_code(&gsm, *code);
			continue;
		}
		append_replacement(&gsm, *code, true);
		while (i < found->n && found->codes[i] != *code)
			i++;
		if (i == found->n)
			found->codes[found->n++] = *code;
		found->counts[i]++;
	}
	found->saves = (int) sms_measure(u.str, u.len).segments -
				   (int) sms_measure(gsm.data, gsm.len).segments;
	return found;
}

PG_FUNCTION_INFO_V1(p2ptext_sms_why);
Datum
p2ptext_sms_why(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Culprits *culprits;
	pg_wchar code;
	StringInfoData self;
	StringInfoData replacement;
	Datum values[5];
	bool nulls[5] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &call->tuple_desc) !=
			TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		BlessTupleDesc(call->tuple_desc);
		call->user_fctx = find_culprits(PG_GETARG_UTF8(0));
		MemoryContextSwitchTo(old);
	}
	call = SRF_PERCALL_SETUP();
	culprits = call->user_fctx;
	if (call->call_cntr >= (uint64) culprits->n)
		SRF_RETURN_DONE(call);

	code = culprits->codes[call->call_cntr];
	initStringInfo(&self);
	initStringInfo(&replacement);
	append_code(&self, code);
	values[0] = PointerGetDatum(utf8_to_text(self.data, self.len));
	values[1] = PointerGetDatum(cstring_to_text(psprintf("U+%04X", code)));
	values[2] = Int32GetDatum(culprits->counts[call->call_cntr]);
	nulls[3] = !append_replacement(&replacement, code, true);
	values[3] =
		PointerGetDatum(utf8_to_text(replacement.data, replacement.len));
	values[4] = Int32GetDatum(culprits->saves);
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(heap_form_tuple(call->tuple_desc,
															values, nulls)));
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

	while (p < end && blank)
	{
		uint32_t code = utf8_next(&p, end);

		characters++;
		blank = code <= ' ' || code == 0x00A0;
	}
	if (blank)
		PG_RETURN_TEXT_P(cstring_to_text("empty"));
	/* No character has less than a byte. */
	while (u.len > SMS_MAX_LENGTH && p < end)
	{
		utf8_next(&p, end);
		characters++;
	}
	if (characters > SMS_MAX_LENGTH)
		PG_RETURN_TEXT_P(cstring_to_text("too_long"));
	PG_RETURN_NULL();
}
