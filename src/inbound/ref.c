/*-------------------------------------------------------------------------
 *
 * ref.c
 *	  The reference that a text bears at its gateway.
 *
 * src/inbound/ref.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "utils/builtins.h"

#define SECRET_DIGITS 32

PG_FUNCTION_INFO_V1(p2ptext_ref_id);

/* "17-0123456789abcdef0123456789abcdef" is of text 17; NULL for others. */
Datum
p2ptext_ref_id(PG_FUNCTION_ARGS)
{
	text *ref = PG_GETARG_TEXT_PP(0);
	const char *data = VARDATA_ANY(ref);
	int len = VARSIZE_ANY_EXHDR(ref) - SECRET_DIGITS - 1;
	int64 id = 0;

	if (len < 1 || len > 18 || data[len] != '-')
		PG_RETURN_NULL();
	for (int i = 0; i < len; i++)
	{
		if (data[i] < '0' || data[i] > '9')
			PG_RETURN_NULL();
		id = id * 10 + (data[i] - '0');
	}
	for (int i = len + 1; i <= len + SECRET_DIGITS; i++)
	{
		if (strchr("0123456789abcdef", data[i]) == NULL || data[i] == '\0')
			PG_RETURN_NULL();
	}
	PG_RETURN_INT64(id);
}
