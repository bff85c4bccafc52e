/*-------------------------------------------------------------------------
 *
 * hours.c
 *	  When it is the texting hours in several time zones at once.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/hours.h"

#define DAY INT64_C(86400000000)

/* A change of the clocks can move an opening by a day; two weeks are ample. */
#define HORIZON (14 * DAY)

static int64_t
time_of_day(int64_t at, int64_t offset)
{
	int64_t t = (at + offset) % DAY;

	return t < 0 ? t + DAY : t;
}

static bool
inside(int64_t t, int64_t start, int64_t end)
{
	return start <= end ? t >= start && t < end : t >= start || t < end;
}

/*
 * The first instant from "at" on at which the zone's clock is inside (or
 * outside) the hours; the horizon when there is none before it.  A clock runs
 * evenly up to the next change of its offset.
 */
static int64_t
next_in_zone(ZoneClock *clock, ZoneLookup lookup, int64_t start, int64_t end,
			 bool want, int64_t at, int64_t horizon)
{
	int64_t target = want ? start : end;

	while (at < horizon)
	{
		int64_t t;
		int64_t wait;

		if (at < clock->from || at >= clock->until)
			lookup(clock, at);
		t = time_of_day(at, clock->offset);
		if (inside(t, start, end) == want)
			return at;
		wait = target > t ? target - t : target - t + DAY;
		at = clock->until - at <= wait ? clock->until : at + wait;
	}
	return horizon;
}

bool
hours_next(ZoneClock **clocks, int nclocks, ZoneLookup lookup, int64_t start,
		   int64_t end, int64_t at, int64_t *next)
{
	int64_t horizon = at + HORIZON;
	int agreeing = 0;

	for (int i = 0; agreeing < nclocks; i = (i + 1) % nclocks)
	{
		int64_t open =
			next_in_zone(clocks[i], lookup, start, end, true, at, horizon);

		if (open == horizon)
			return false;
		agreeing = open == at ? agreeing + 1 : 1;
		at = open;
	}
	*next = at;
	return true;
}

bool
hours_close(ZoneClock **clocks, int nclocks, ZoneLookup lookup, int64_t start,
			int64_t end, int64_t at, int64_t *close)
{
	int64_t horizon = at + HORIZON;

	*close = horizon;
	for (int i = 0; i < nclocks; i++)
	{
		int64_t outside =
			next_in_zone(clocks[i], lookup, start, end, false, at, horizon);

		if (outside < *close)
			*close = outside;
	}
	return *close < horizon;
}
