/*-------------------------------------------------------------------------
 *
 * edit.c
 *	  How far a text departs from what the script says.
 *
 * src/conversation/edit.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

/* No text has more, and the time goes with the square of it. */
#define MAX_CHARS 1600

PG_FUNCTION_INFO_V1(p2ptext_edit_share);

/*
 * The least number of characters to insert, remove or replace, as a share of
 * the longer text: 0 is the same, 1 has nothing in common.
 */
Datum
p2ptext_edit_share(PG_FUNCTION_ARGS)
{
	text *a = PG_GETARG_TEXT_PP(0);
	text *b = PG_GETARG_TEXT_PP(1);
	const char *a_data = VARDATA_ANY(a);
	const char *b_data = VARDATA_ANY(b);
	int a_bytes = VARSIZE_ANY_EXHDR(a);
	int b_bytes = VARSIZE_ANY_EXHDR(b);
	int longer = Max(pg_mbstrlen_with_len(a_data, a_bytes),
					 pg_mbstrlen_with_len(b_data, b_bytes));

	if (longer > MAX_CHARS)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
						errmsg("a text has at most %d characters", MAX_CHARS)));
	if (longer == 0)
		PG_RETURN_FLOAT4(0);
	PG_RETURN_FLOAT4((float4) varstr_levenshtein(a_data, a_bytes, b_data,
												 b_bytes, 1, 1, 1, true) /
					 longer);
}
