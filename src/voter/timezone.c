/*-------------------------------------------------------------------------
 *
 * timezone.c
 *	  Are these names of time zones?
 *
 * Voter files have them misspelled.  To ask here, without an error, keeps one
 * such voter from holding up the texts of all others.
 *
 * src/voter/timezone.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"

#define MAX_ZONES 64 /* as in next_texting_time() */

PG_FUNCTION_INFO_V1(p2ptext_known_timezones);

static bool
known(const char *name)
{
	pg_tz *tz = strlen(name) <= TZ_STRLEN_MAX ? pg_tzset(name) : NULL;

	return tz != NULL && pg_tz_acceptable(tz);
}

Datum
p2ptext_known_timezones(PG_FUNCTION_ARGS)
{
	Datum *zones;
	bool *nulls;
	int n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false,
					  TYPALIGN_INT, &zones, &nulls, &n);
	if (n == 0 || n > MAX_ZONES)
		PG_RETURN_BOOL(false);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || !known(TextDatumGetCString(zones[i])))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
