/*-------------------------------------------------------------------------
 *
 * lanes.h
 *	  The lanes of the outbox, as a sender sees them.
 *
 * src/outbox/lanes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_LANES_H
#define P2PTEXT_LANES_H

#include "outbox/limits.h"
#include "outbox/queue.h"

#define LANE_LIMITS 4

/* The room of a gateway in the claim under way. */
typedef struct LaneGateway
{
	int32 id;
	const SendLimit *limit;
	bool has_rate; /* so has a lane: what is claimed is to leave at once */
	int left;
} LaneGateway;

/* One kind of text, of one campaign, from one of our numbers. */
typedef struct Lane
{
	int32 campaign;
	LaneGateway *gateway;
	char sender[24];
	bool reply;
	bool recheck; /* the segment is read again before a text leaves */
	int weight;	  /* of its campaign */
	SendLimit *limits[LANE_LIMITS];
	int n_limits;
	bool is_limited; /* by any of them */

	int64 mark; /* the highest position claimed */
	bool dry;
	bool sweeping; /* the next claim begins at the bottom */
	bool sweep_due;
	TimestampTz sweep_after;
	int heaviest; /* segments of its longest text so far; 0: not known */
	double pace;  /* what it got so far, by weight; the least goes first */

	/* of the claim under way */
	double share;
	int allowed;
	int quota;
	int got;
	int sending;	/* of those it got; the rest was put aside */
	int segments;	/* of those */
	bool put_aside; /* its segment was read again, and some left */
	int taken;		/* from its limits */
} Lane;

extern Lane *lanes;
extern int n_lanes;

extern void lanes_load(void);
extern void lanes_look_again(void);
extern void lanes_count_days(void (*count)(SendLimit *limit));
extern void lanes_begin(AskRoom ask);
extern int lanes_share(bool reply, TimestampTz now);
extern void lanes_claimed(bool reply);
extern void lanes_settle(bool claimed, TimestampTz began);
extern TimestampTz lanes_ready_at(AskRoom ask, TimestampTz now);

#endif /* P2PTEXT_LANES_H */
