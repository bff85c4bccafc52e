/*-------------------------------------------------------------------------
 *
 * limits.h
 *	  How fast, and how much in a day, may leave from where; and what must
 *	  rest for a while.
 *
 * src/outbox/limits.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_LIMITS_H
#define P2PTEXT_LIMITS_H

#include "postgres.h"

#include "courier/wire.h"
#include "datatype/timestamp.h"

typedef enum LimitKind
{
	LIMIT_GATEWAY,
	LIMIT_SENDER,
	LIMIT_BRAND,
	LIMIT_CAMPAIGN
} LimitKind;

/* As views and functions in SQL name them. */
extern const char *const limit_kinds[];

/* Its bucket in shared memory, for all senders of all databases to share. */
typedef struct Bucket Bucket;

/* What one row says, as a sender read it. */
typedef struct SendLimit
{
	LimitKind kind;
	int32 id;		   /* of the gateway or campaign; of a sender's gateway */
	char name[64];	   /* the number, or the brand */
	double per_second; /* 0: no limit */
	int32 per_day;	   /* -1: no limit */
	TimestampTz day_begins;
	TimestampTz day_ends;
	Bucket *bucket;
} SendLimit;

extern Size limits_size(void);
extern void limits_create(void);

extern void limit_attach(SendLimit *limit);
extern int limit_offers(const SendLimit *limit, int each, TimestampTz now);
extern int limit_take(const SendLimit *limit, int most, int each);
extern void limit_give_back(const SendLimit *limit, int n);
extern TimestampTz limit_ready_at(const SendLimit *limit, int each,
								  TimestampTz now);
extern bool limit_wants_count(const SendLimit *limit);
extern void limit_set_count(const SendLimit *limit, int64 used);

/* Resting: a gateway or a number that answered so, or not at all. */
extern bool limit_failed(const SendLimit *limit, int32 told_ms, const char *why,
						 TimestampTz now);
extern void limit_answered(const SendLimit *limit, TimestampTz now);
extern void limit_reset(const SendLimit *limit);
extern TimestampTz limit_rests_until(const SendLimit *limit);
extern bool limit_on_probation(const SendLimit *limit);

#endif /* P2PTEXT_LIMITS_H */
