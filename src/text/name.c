/*-------------------------------------------------------------------------
 *
 * name.c
 *	  SQL functions about names: of people, of fields, of script variants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/varlena.h"

#include "compat.h"
#include "text/core/name.h"
#include "text/utf8_text.h"

PG_FUNCTION_INFO_V1(p2ptext_proper_name);
Datum
p2ptext_proper_name(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);
	char *out = palloc(3 * u.len + 1);
	size_t len = proper_name(u.str, u.len, out);

	PG_RETURN_TEXT_P(utf8_to_text(out, len));
}

/* Lower case, without what column names are spelled differently in. */
static int
plain_spelling(const text *name, char *out)
{
	const char *s = VARDATA_ANY(name);
	int n = 0;

	for (size_t i = 0; i < VARSIZE_ANY_EXHDR(name); i++)
	{
		if (s[i] != '_' && s[i] != ' ' && s[i] != '-')
			out[n++] = pg_ascii_tolower(s[i]);
	}
	return n;
}

PG_FUNCTION_INFO_V1(p2ptext_nearest_name);
Datum
p2ptext_nearest_name(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	ArrayType *names = PG_GETARG_ARRAYTYPE_P(1);
	char *wanted = palloc(VARSIZE_ANY_EXHDR(name) + 1);
	int wanted_len = plain_spelling(name, wanted);
	int nearest = Max(wanted_len / 3, 1) + 1; /* no more than a third wrong */
	Datum best = (Datum) 0;
	Datum *candidates;
	bool *nulls;
	int n;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &candidates,
					  &nulls, &n);
	for (int i = 0; i < n && nearest > 0; i++)
	{
		text *candidate;
		char *plain;
		int distance;

		if (nulls[i])
			continue;
		candidate = DatumGetTextPP(candidates[i]);
		plain = palloc(VARSIZE_ANY_EXHDR(candidate) + 1);
		distance = varstr_levenshtein_less_equal(
			wanted, wanted_len, plain, plain_spelling(candidate, plain), 1, 1,
			1, nearest - 1, true);
		if (distance < nearest)
		{
			nearest = distance;
			best = candidates[i];
		}
		pfree(plain);
	}
	if (best == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(best);
}

/* The same key and weights always pick the same variant, numbered from 1. */
PG_FUNCTION_INFO_V1(p2ptext_pick_variant);
Datum
p2ptext_pick_variant(PG_FUNCTION_ARGS)
{
	text *key = PG_GETARG_TEXT_PP(0);
	ArrayType *weights = PG_GETARG_ARRAYTYPE_P(1);
	const int32 *weight = (const int32 *) ARR_DATA_PTR(weights);
	int n = ArrayGetNItems(ARR_NDIM(weights), ARR_DIMS(weights));
	int64 total = 0;
	int64 point;

	if (ARR_HASNULL(weights) && array_contains_nulls(weights))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("weights must not contain nulls")));
	for (int i = 0; i < n; i++)
	{
		if (weight[i] < 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("weight %d is negative", weight[i]),
							errhint("Use 0 for a variant that is not to be "
									"picked.")));
		total += weight[i];
	}
	if (total == 0)
		PG_RETURN_NULL();
	point = DatumGetUInt64(
				hash_any_extended((const unsigned char *) VARDATA_ANY(key),
								  VARSIZE_ANY_EXHDR(key), 0)) %
			(uint64) total;
	for (int i = 0; i < n; i++)
	{
		point -= weight[i];
		if (point < 0)
			PG_RETURN_INT32(i + 1);
	}
	pg_unreachable();
}
