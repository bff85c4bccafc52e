/*-------------------------------------------------------------------------
 *
 * hours.c
 *	  SQL functions about texting hours in the recipient's own time zone.
 *
 * Zones and their rules are the server's.  A call site keeps the zones it has
 * met, each with the stretch of constant offset it is in, so that a call
 * costs a few comparisons.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "text/core/hours.h"
#include "text/utf8_text.h"

/* Seconds from the epoch of pg_time_t to that of TimestampTz. */
#define EPOCH_SECONDS \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

#define MAX_ZONES 64 /* in one call */

typedef struct KnownZone
{
	ZoneClock clock; /* must be first */
	size_t len;
	char *name;
	struct KnownZone *next;
} KnownZone;

/* The arguments of one call, read. */
typedef struct Hours
{
	int nclocks;
	ZoneClock *clocks[MAX_ZONES];
	TimeADT start;
	TimeADT end;
	TimestampTz at;
} Hours;

static int64
floor_seconds(int64 usec)
{
	return usec / USECS_PER_SEC - (usec % USECS_PER_SEC < 0 ? 1 : 0);
}

static void
look_up_offset(ZoneClock *clock, int64 at)
{
	pg_time_t t = floor_seconds(at) + EPOCH_SECONDS;
	pg_time_t boundary;
	long before;
	long after;
	int before_dst;
	int after_dst;
	int found =
		pg_next_dst_boundary(&t, &before, &before_dst, &boundary, &after,
							 &after_dst, (const pg_tz *) clock->zone);

	if (found < 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
	clock->from = at;
	clock->offset = (int64) before * USECS_PER_SEC;
	clock->until =
		found == 0 ? PG_INT64_MAX : (boundary - EPOCH_SECONDS) * USECS_PER_SEC;
}

static KnownZone *
add_zone(FunctionCallInfo fcinfo, const char *name, size_t len)
{
	KnownZone *zone;
	char *copy = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, len + 1);
	pg_tz *tz;

	memcpy(copy, name, len);
	copy[len] = '\0';
	tz = pg_tzset(copy);
	if (tz == NULL || !pg_tz_acceptable(tz))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("time zone \"%s\" not recognized", copy),
						errhint("Names of time zones are in the view "
								"pg_timezone_names.")));
	zone = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(KnownZone));
	zone->clock.zone = tz;
	zone->clock.from = PG_INT64_MAX; /* nothing looked at yet */
	zone->clock.until = PG_INT64_MIN;
	zone->name = copy;
	zone->len = len;
	zone->next = fcinfo->flinfo->fn_extra;
	fcinfo->flinfo->fn_extra = zone;
	return zone;
}

static ZoneClock *
get_zone(FunctionCallInfo fcinfo, const char *name, size_t len)
{
	KnownZone *zone = fcinfo->flinfo->fn_extra;

	while (zone != NULL &&
		   (zone->len != len || memcmp(zone->name, name, len) != 0))
		zone = zone->next;
	if (zone == NULL)
		zone = add_zone(fcinfo, name, len);
	return &zone->clock;
}

static void
read_zones(FunctionCallInfo fcinfo, Hours *hours)
{
	ArrayType *zones = PG_GETARG_ARRAYTYPE_P(0);
	char *p = ARR_DATA_PTR(zones);

	hours->nclocks = ArrayGetNItems(ARR_NDIM(zones), ARR_DIMS(zones));
	if (hours->nclocks == 0 || array_contains_nulls(zones))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zones must be named and not null"),
				 errhint("Give the campaign's time zone when the voter's is "
						 "not known.")));
	if (hours->nclocks > MAX_ZONES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("more than %d time zones", MAX_ZONES)));
	for (int i = 0; i < hours->nclocks; i++)
	{
		hours->clocks[i] =
			get_zone(fcinfo, VARDATA_ANY(p), VARSIZE_ANY_EXHDR(p));
		p = (char *) att_align_nominal(p + VARSIZE_ANY(p), TYPALIGN_INT);
	}
}

/* Reads the arguments; false when there can be no answer. */
static bool
read_hours(FunctionCallInfo fcinfo, Hours *hours)
{
	read_zones(fcinfo, hours);
	hours->start = PG_GETARG_TIMEADT(1);
	hours->end = PG_GETARG_TIMEADT(2);
	hours->at = PG_GETARG_TIMESTAMPTZ(3);
	return !TIMESTAMP_NOT_FINITE(hours->at) &&
		   hours->at < END_TIMESTAMP - 366 * USECS_PER_DAY;
}

static bool
next_open(const Hours *hours, TimestampTz *next)
{
	return hours_next((ZoneClock **) hours->clocks, hours->nclocks,
					  look_up_offset, hours->start, hours->end, hours->at,
					  next);
}

PG_FUNCTION_INFO_V1(p2ptext_next_texting_time);
Datum
p2ptext_next_texting_time(PG_FUNCTION_ARGS)
{
	Hours hours;
	TimestampTz next;

	if (!read_hours(fcinfo, &hours) || !next_open(&hours, &next))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next);
}

/* Whether it is open, and the bounds of this or the next opening. */
PG_FUNCTION_INFO_V1(p2ptext_texting_window);
Datum
p2ptext_texting_window(PG_FUNCTION_ARGS)
{
	Hours hours;
	TupleDesc desc;
	TimestampTz opens;
	TimestampTz closes;
	Datum values[3] = {BoolGetDatum(false)};
	bool nulls[3] = {false, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (read_hours(fcinfo, &hours) && next_open(&hours, &opens))
	{
		values[0] = BoolGetDatum(opens == hours.at);
		values[1] = TimestampTzGetDatum(opens);
		nulls[1] = false;
		nulls[2] = !hours_close(hours.clocks, hours.nclocks, look_up_offset,
								hours.start, hours.end, opens, &closes);
		if (!nulls[2])
			values[2] = TimestampTzGetDatum(closes);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
