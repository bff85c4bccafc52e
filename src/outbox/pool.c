/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  Which of our numbers speaks to a voter.
 *
 * One with the voter's area code where there is one, else any from the same
 * country, else any; among those, voters are spread evenly, and a voter always
 * meets the same.
 *
 * src/outbox/pool.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(p2ptext_pick_sender);

#define NANP_AREA 5 /* as in +1919 */

/* How near a number is to the voter's: 2 area, 1 country code, 0 neither. */
static int
nearness(const char *phone, const char *number, int len)
{
	if (phone[0] != '+' || len < NANP_AREA || strlen(phone) < NANP_AREA)
		return 0;
	if (strncmp(phone, "+1", 2) == 0 && strncmp(phone, number, NANP_AREA) == 0)
		return 2;
	/* No country's code is longer than three digits, nor begins another's. */
	return strncmp(phone, number, phone[1] == '1' ? 2 : 3) == 0;
}

Datum
p2ptext_pick_sender(PG_FUNCTION_ARGS)
{
	char *phone = text_to_cstring(PG_GETARG_TEXT_PP(0));
	uint32 hash = hash_bytes((unsigned char *) phone, strlen(phone));
	Datum *senders;
	int n;
	int best = -1;
	int n_best = 0;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &senders, NULL, &n);
	/* Twice over the list: how many are nearest, then the one that is meant. */
	for (int i = 0; i < n; i++)
	{
		int near = nearness(phone, VARDATA_ANY(DatumGetPointer(senders[i])),
							VARSIZE_ANY_EXHDR(DatumGetPointer(senders[i])));

		if (near > best)
		{
			best = near;
			n_best = 0;
		}
		n_best += near == best;
	}
	if (n == 0)
		PG_RETURN_NULL();
	hash %= n_best;
	for (int i = 0;; i++)
	{
		int near = nearness(phone, VARDATA_ANY(DatumGetPointer(senders[i])),
							VARSIZE_ANY_EXHDR(DatumGetPointer(senders[i])));

		if (near == best && hash-- == 0)
			PG_RETURN_DATUM(senders[i]);
	}
}
