/*-------------------------------------------------------------------------
 *
 * limits.c
 *	  Token buckets, day counts and rests, in shared memory.
 *
 * Every gateway, number, brand and campaign that a sender knows has a bucket
 * here, which all senders draw from.  Tokens are SMS segments.  They come at
 * the limit's rate up to a tenth of a second's worth; a bucket may run into
 * debt by what is longer than one segment, and pays it off before it gives
 * again.
 *
 * All is lost with the server, and nothing is gained by that: a fresh bucket
 * is empty, and what was sent today is counted anew from the tables before
 * the first token of a day limit is given.
 *
 * src/outbox/limits.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "outbox/limits.h"
#include "p2ptext.h"
#include "worker/worker.h"

#define MAX_BUCKETS 4096
#define BURST_S 0.1
/* Less than this is not worth a claim of its own. */
#define GRAIN_S 0.05
/* A gateway that gave no answer so often in a row rests. */
#define FAILURES_TO_REST 5
#define FIRST_REST_MS 500
#define LONGEST_REST_MS 60000
#define COUNTING_MS 50

PG_FUNCTION_INFO_V1(p2ptext_stat_get_limits);

typedef struct BucketKey
{
	Oid database;
	LimitKind kind;
	int32 id;
	char name[64];
} BucketKey;

struct Bucket
{
	BucketKey key;
	slock_t mutex; /* for what follows */
	double tokens;
	TimestampTz filled_at;
	TimestampTz counted_from; /* the day that "used" is of; 0: not counted */
	int64 used;
	int failures; /* since the last answer */
	int rests;	  /* likewise */
	TimestampTz rests_until;
	bool on_probation; /* has rested, and not answered since */
	char why[128];
};

const char *const limit_kinds[] = {
	[LIMIT_GATEWAY] = "gateway",
	[LIMIT_SENDER] = "sender",
	[LIMIT_BRAND] = "brand",
	[LIMIT_CAMPAIGN] = "campaign",
};

static HTAB *buckets;
static LWLock *lock; /* of the table, not of what is in it */

Size
limits_size(void)
{
	return hash_estimate_size(MAX_BUCKETS, sizeof(Bucket));
}

/* At startup, with AddinShmemInitLock held. */
void
limits_create(void)
{
	HASHCTL control = {.keysize = sizeof(BucketKey),
					   .entrysize = sizeof(Bucket)};

	lock = &GetNamedLWLockTranche(EXTENSION_NAME)[1].lock;
	buckets = ShmemInitHash("p2ptext limits", MAX_BUCKETS, MAX_BUCKETS,
							&control, HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

/* Find the bucket of a limit, or make it. */
void
limit_attach(SendLimit *limit)
{
	BucketKey key;
	bool found;

	MemSet(&key, 0, sizeof(key));
	key.database = MyDatabaseId;
	key.kind = limit->kind;
	key.id = limit->id;
	strlcpy(key.name, limit->name, sizeof(key.name));

	LWLockAcquire(lock, LW_EXCLUSIVE);
	limit->bucket = hash_search(buckets, &key, HASH_ENTER_NULL, &found);
	if (limit->bucket != NULL && !found)
	{
		MemSet((char *) limit->bucket + sizeof(key), 0,
			   sizeof(Bucket) - sizeof(key));
		SpinLockInit(&limit->bucket->mutex);
		limit->bucket->filled_at = GetCurrentTimestamp();
	}
	LWLockRelease(lock);
	if (limit->bucket != NULL && limit->per_day < 0)
	{
		/* From now on nobody counts. */
		SpinLockAcquire(&limit->bucket->mutex);
		limit->bucket->counted_from = 0;
		SpinLockRelease(&limit->bucket->mutex);
	}
	if (limit->bucket == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many gateways, numbers, brands and campaigns"),
				 errdetail("At most %d can send since the server started.",
						   MAX_BUCKETS),
				 errhint("Archive campaigns that are over, and restart the "
						 "server.")));
}

/* Caller holds the mutex. */
static void
fill(Bucket *bucket, const SendLimit *limit, TimestampTz now)
{
	double seconds = (now - bucket->filled_at) / (double) USECS_PER_SEC;
	double most = Max(limit->per_second * BURST_S, 1);

	bucket->tokens =
		Min(bucket->tokens + Max(seconds, 0) * limit->per_second, most);
	bucket->filled_at = now;
}

static double
grain(const SendLimit *limit)
{
	return Max(floor(limit->per_second * GRAIN_S), 1);
}

/* Caller holds the mutex.  Whoever counted yesterday begins today at zero. */
static bool
is_counted(Bucket *bucket, const SendLimit *limit)
{
	if (bucket->counted_from != 0 && bucket->counted_from < limit->day_begins)
	{
		bucket->counted_from = limit->day_begins;
		bucket->used = 0;
	}
	return bucket->counted_from != 0;
}

static bool
is_free(const SendLimit *limit)
{
	return limit->per_second == 0 && limit->per_day < 0;
}

/*
 * How many texts of so many segments each there are tokens for.  A rate may
 * run into debt for one, a day never does.  Caller holds the mutex.
 */
static int
available(Bucket *bucket, const SendLimit *limit, int each)
{
	int n = INT_MAX;

	if (limit->per_second > 0)
		n = bucket->tokens < grain(limit) ? 0
										  : Max((int) bucket->tokens / each, 1);
	if (limit->per_day >= 0)
		n = is_counted(bucket, limit)
				? Max(Min(n, (limit->per_day - bucket->used) / each), 0)
				: 0;
	return n;
}

/* How many texts it would let go now; 0 if that is not worth a claim. */
int
limit_offers(const SendLimit *limit, int each, TimestampTz now)
{
	Bucket *bucket = limit->bucket;
	int n;

	if (is_free(limit))
		return INT_MAX;
	SpinLockAcquire(&bucket->mutex);
	fill(bucket, limit, now);
	n = available(bucket, limit, each);
	SpinLockRelease(&bucket->mutex);
	return n;
}

/* Take what up to "most" texts cost; returns for how many there was enough. */
int
limit_take(const SendLimit *limit, int most, int each)
{
	Bucket *bucket = limit->bucket;
	int n;

	if (is_free(limit))
		return most;
	SpinLockAcquire(&bucket->mutex);
	n = Min(most, available(bucket, limit, each));
	bucket->tokens -= n * each;
	bucket->used += n * each;
	SpinLockRelease(&bucket->mutex);
	return n;
}

/* Segments that did not leave; a negative number are some more that did. */
void
limit_give_back(const SendLimit *limit, int n)
{
	Bucket *bucket = limit->bucket;

	if (n == 0 || is_free(limit))
		return;
	SpinLockAcquire(&bucket->mutex);
	bucket->tokens += n;
	bucket->used = Max(bucket->used - n, 0);
	SpinLockRelease(&bucket->mutex);
}

/* When it will let a text of so many segments go, at the earliest. */
TimestampTz
limit_ready_at(const SendLimit *limit, int each, TimestampTz now)
{
	Bucket *bucket = limit->bucket;
	TimestampTz ready = now;

	if (is_free(limit))
		return now;
	SpinLockAcquire(&bucket->mutex);
	if (limit->per_second > 0)
	{
		double lacking;

		fill(bucket, limit, now);
		lacking = grain(limit) - bucket->tokens;
		if (lacking > 0)
			ready += ceil(lacking / limit->per_second * USECS_PER_SEC);
	}
	if (limit->per_day >= 0)
	{
		if (!is_counted(bucket, limit))
			ready = Max(ready, TimestampTzPlusMilliseconds(now, COUNTING_MS));
		else if (bucket->used + each > limit->per_day)
			ready = Max(ready, limit->day_ends);
	}
	SpinLockRelease(&bucket->mutex);
	return ready;
}

/* Whether it must be told how much was sent today before it gives any. */
bool
limit_wants_count(const SendLimit *limit)
{
	bool counted;

	if (limit->per_day < 0)
		return false;
	SpinLockAcquire(&limit->bucket->mutex);
	counted = is_counted(limit->bucket, limit);
	SpinLockRelease(&limit->bucket->mutex);
	return !counted;
}

void
limit_set_count(const SendLimit *limit, int64 used)
{
	SpinLockAcquire(&limit->bucket->mutex);
	limit->bucket->counted_from = limit->day_begins;
	limit->bucket->used = used;
	SpinLockRelease(&limit->bucket->mutex);
}

/*
 * It took nothing, or did not say.  If it told how long to stay away, or that
 * was once too often, it rests: longer each time that it fails right after.
 * True if that has just begun.
 */
bool
limit_failed(const SendLimit *limit, int32 told_ms, const char *why,
			 TimestampTz now)
{
	Bucket *bucket = limit->bucket;
	bool begins = false;
	double jitter = 0.75 + 0.5 * random() / (double) RAND_MAX;
	char short_why[sizeof(bucket->why)];

	copy_message(short_why, why, sizeof(short_why));
	SpinLockAcquire(&bucket->mutex);
	bucket->failures++;
	/* What was begun before it rested says nothing new. */
	if (now >= bucket->rests_until && (told_ms > 0 || bucket->on_probation ||
									   bucket->failures >= FAILURES_TO_REST))
	{
		double ms = Min(FIRST_REST_MS * pow(2, Min(bucket->rests, 10)),
						LONGEST_REST_MS);

		ms = Max(ms * jitter, told_ms);
		bucket->rests++;
		bucket->rests_until = now + (TimestampTz) (ms * 1000);
		bucket->on_probation = true;
		begins = true;
		memcpy(bucket->why, short_why, sizeof(bucket->why));
	}
	SpinLockRelease(&bucket->mutex);
	return begins;
}

/* It took something, or said why not.  While it rests that is old news. */
void
limit_answered(const SendLimit *limit, TimestampTz now)
{
	Bucket *bucket = limit->bucket;

	SpinLockAcquire(&bucket->mutex);
	if (now >= bucket->rests_until)
	{
		bucket->failures = bucket->rests = 0;
		bucket->on_probation = false;
	}
	SpinLockRelease(&bucket->mutex);
}

/* Whatever it did before, it may be tried at once. */
void
limit_reset(const SendLimit *limit)
{
	SpinLockAcquire(&limit->bucket->mutex);
	limit->bucket->failures = limit->bucket->rests = 0;
	limit->bucket->rests_until = 0;
	SpinLockRelease(&limit->bucket->mutex);
}

TimestampTz
limit_rests_until(const SendLimit *limit)
{
	TimestampTz until;

	SpinLockAcquire(&limit->bucket->mutex);
	until = limit->bucket->rests_until;
	SpinLockRelease(&limit->bucket->mutex);
	return until;
}

bool
limit_on_probation(const SendLimit *limit)
{
	bool on_probation;

	SpinLockAcquire(&limit->bucket->mutex);
	on_probation = limit->bucket->on_probation;
	SpinLockRelease(&limit->bucket->mutex);
	return on_probation;
}

static const char *
state_of(const Bucket *bucket, TimestampTz now)
{
	if (bucket->rests_until > now)
		return "open";
	return bucket->on_probation ? "half_open" : "closed";
}

static void
put_row(ReturnSetInfo *result, const Bucket *bucket, TimestampTz now)
{
	Datum values[8];
	bool nulls[8] = {false};

	values[0] = CStringGetTextDatum(limit_kinds[bucket->key.kind]);
	values[1] = Int32GetDatum(bucket->key.id);
	values[2] = CStringGetTextDatum(bucket->key.name);
	values[3] = CStringGetTextDatum(state_of(bucket, now));
	values[4] = TimestampTzGetDatum(bucket->rests_until);
	nulls[4] = bucket->rests_until <= now;
	values[5] = CStringGetTextDatum(bucket->why);
	nulls[5] = !bucket->on_probation;
	values[6] = Int32GetDatum(bucket->failures);
	values[7] = Int64GetDatum(bucket->used);
	nulls[7] = bucket->counted_from == 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
p2ptext_stat_get_limits(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();
	HASH_SEQ_STATUS scan;
	Bucket *bucket;

	InitMaterializedSRF(fcinfo, 0);
	if (buckets == NULL)
		return (Datum) 0;
	LWLockAcquire(lock, LW_SHARED);
	hash_seq_init(&scan, buckets);
	while ((bucket = hash_seq_search(&scan)) != NULL)
	{
		Bucket copy;

		if (bucket->key.database != MyDatabaseId)
			continue;
		SpinLockAcquire(&bucket->mutex);
		copy = *bucket;
		SpinLockRelease(&bucket->mutex);
		put_row((ReturnSetInfo *) fcinfo->resultinfo, &copy, now);
	}
	LWLockRelease(lock);
	return (Datum) 0;
}
