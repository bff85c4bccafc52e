/*-------------------------------------------------------------------------
 *
 * hours.h
 *	  When it is the texting hours in several time zones at once.
 *
 * Instants are microseconds since any epoch that is a whole number of seconds
 * from the zones' own; days are 24 hours of local clock time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_HOURS_H
#define P2PTEXT_HOURS_H

#include <stdbool.h>
#include <stdint.h>

/* A time zone, and the stretch of time we last looked at. */
typedef struct ZoneClock
{
	const void *zone;
	int64_t from;	/* first instant known to be in the stretch */
	int64_t until;	/* first instant after it; INT64_MAX for never */
	int64_t offset; /* kept throughout it; to be added to UTC */
} ZoneClock;

/* Moves the clock to the stretch that holds the instant. */
typedef void (*ZoneLookup)(ZoneClock *clock, int64_t at);

/*
 * The first instant, at or after "at", inside [start, end) of the local clock
 * in all zones; start after end spans midnight.  False when there is none.
 */
extern bool hours_next(ZoneClock **clocks, int nclocks, ZoneLookup lookup,
					   int64_t start, int64_t end, int64_t at, int64_t *next);

/*
 * The first instant after "at", which is inside in all zones, that is outside
 * in some.  False when it is far away, as with hours of 24 hours.
 */
extern bool hours_close(ZoneClock **clocks, int nclocks, ZoneLookup lookup,
						int64_t start, int64_t end, int64_t at, int64_t *close);

#endif
