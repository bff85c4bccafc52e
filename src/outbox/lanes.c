/*-------------------------------------------------------------------------
 *
 * lanes.c
 *	  Claiming approved texts, without walking over those that left.
 *
 * A lane is one kind of text of one campaign: the replies of a campaign leave
 * before its initial texts, and campaigns share a gateway evenly.  Approval
 * gives a text a position above all before it, so what was claimed lies below
 * a mark that only rises, and dead rows that an old snapshot keeps are never
 * looked at again.
 *
 * A transaction may take a position early and commit late, behind the mark.
 * So a lane that has run dry is swept once from its beginning, after which it
 * is left alone for a multiple of the time the sweep took: cheap sweeps are
 * frequent, dear ones are rare.
 *
 * src/outbox/lanes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox/queue.h"
#include "p2ptext.h"
#include "worker/worker.h"

#define SWEEP_SHARE 20
#define SWEEP_LEAST_US 2000
#define RETRY_MS 1000
/* So late is found what woke nobody, as a COMMIT PREPARED. */
#define LOOK_AGAIN_MS 60000

typedef struct Lane
{
	int32 campaign;
	int32 gateway;
	bool reply;
	int64 mark; /* the highest position claimed */
	bool dry;
	bool sweeping; /* the next claim begins at the bottom */
	bool sweep_due;
	TimestampTz sweep_after;
	int quota; /* of the claim under way */
	int got;
} Lane;

static Lane *lanes;
static int n_lanes;
/* When to requeue next; 0: ask, DT_NOEND: nothing waits. */
static TimestampTz next_deferred;
static TimestampTz next_look;

static Lane *
find_lane(Lane *in, int n, int32 campaign, bool reply)
{
	for (int i = 0; i < n; i++)
		if (in[i].campaign == campaign && in[i].reply == reply)
			return &in[i];
	return NULL;
}

/* Read which campaigns may send, in a transaction of the caller's. */
void
queue_load_lanes(void)
{
	Lane *before = lanes;
	int n_before = n_lanes;

	if (SPI_execute("SELECT id, gateway_id, reply FROM p2ptext.campaign, "
					"(VALUES (true), (false)) AS kind(reply) "
					"WHERE status = 'active' AND channel = 'text' "
					"ORDER BY reply DESC, id",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read campaigns");

	n_lanes = 0;
	lanes = MemoryContextAllocZero(TopMemoryContext,
								   Max(SPI_processed, 1) * sizeof(Lane));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		Lane *lane = &lanes[n_lanes++];
		Lane *old;

		lane->campaign = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		lane->reply = DatumGetBool(SPI_getbinval(tuple, desc, 3, &isnull));
		old = find_lane(before, n_before, lane->campaign, lane->reply);
		if (old != NULL)
			*lane = *old;
		lane->gateway = DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull));
		lane->dry = false;
	}
	if (before)
		pfree(before);
}

/* Somebody committed something: every lane may have texts. */
void
queue_look_again(void)
{
	for (int i = 0; i < n_lanes; i++)
		lanes[i].dry = false;
	next_look =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_AGAIN_MS);
}

/* Texts were put aside until some time; ask when. */
void
queue_expect_deferred(void)
{
	next_deferred = 0;
}

/* Share the room of each gateway among its lanes; returns how many claim. */
static int
share_room(GatewayRoom room)
{
	int asking = 0;

	for (int i = 0; i < n_lanes; i++)
	{
		int sharing = 0;
		int free_now = room(lanes[i].gateway);

		lanes[i].quota = lanes[i].got = 0;
		lanes[i].dry |= free_now < 0;
		if (lanes[i].dry || free_now == 0)
			continue;
		for (int j = 0; j < n_lanes; j++)
			sharing += !lanes[j].dry && lanes[j].gateway == lanes[i].gateway;
		lanes[i].quota = Max(Min(free_now, p2ptext_batch_size) / sharing, 1);
		asking++;
	}
	return asking;
}

static SPIPlanPtr
claim_plan(void)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID, INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
				   INT4ARRAYOID};

	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT * FROM p2ptext.claim($1, $2, $3, $4, $5)",
						   lengthof(types), types);
		SPI_keepplan(plan);
	}
	return plan;
}

typedef struct Claim
{
	MemoryContext context; /* for the rows */
	Claimed *rows;
	int n;
	bool deferred;
} Claim;

static Datum
array_of(Datum *values, int n, Oid type, int len, bool byval, char align)
{
	return PointerGetDatum(construct_array(values, n, type, len, byval, align));
}

static void
take_row(Claim *claim, HeapTuple tuple, TupleDesc desc)
{
	Claimed *row = &claim->rows[claim->n];
	char *kind = SPI_getvalue(tuple, desc, 3);
	char *status = SPI_getvalue(tuple, desc, 5);
	int64 position;
	bool isnull;
	Lane *lane;
	MemoryContext old;

	row->id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	row->campaign = DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull));
	position = DatumGetInt64(SPI_getbinval(tuple, desc, 4, &isnull));
	lane = find_lane(lanes, n_lanes, row->campaign, strcmp(kind, "reply") == 0);
	lane->mark = Max(lane->mark, position);
	lane->got++;
	if (strcmp(status, "sending") != 0)
	{
		claim->deferred |= strcmp(status, "approved") == 0;
		return;
	}
	row->gateway = DatumGetInt32(SPI_getbinval(tuple, desc, 6, &isnull));
	row->validity_s = DatumGetInt32(SPI_getbinval(tuple, desc, 11, &isnull));
	if (isnull)
		row->validity_s = 0;
	old = MemoryContextSwitchTo(claim->context);
	row->ref = SPI_getvalue(tuple, desc, 7);
	row->sender = SPI_getvalue(tuple, desc, 8);
	row->phone = SPI_getvalue(tuple, desc, 9);
	row->body = SPI_getvalue(tuple, desc, 10);
	MemoryContextSwitchTo(old);
	claim->n++;
}

static void
claim_work(void *arg)
{
	Claim *claim = arg;
	Datum *campaigns = palloc(n_lanes * sizeof(Datum));
	Datum *kinds = palloc(n_lanes * sizeof(Datum));
	Datum *marks = palloc(n_lanes * sizeof(Datum));
	Datum *quotas = palloc(n_lanes * sizeof(Datum));
	Datum args[5];
	int n = 0;

	for (int i = 0; i < n_lanes; i++)
	{
		if (lanes[i].quota == 0)
			continue;
		campaigns[n] = Int32GetDatum(lanes[i].campaign);
		kinds[n] = CStringGetTextDatum(lanes[i].reply ? "reply" : "initial");
		marks[n] = Int64GetDatum(lanes[i].sweeping ? 0 : lanes[i].mark);
		quotas[n++] = Int32GetDatum(lanes[i].quota);
	}
	args[0] = Int32GetDatum(my_worker->number);
	args[1] = array_of(campaigns, n, INT4OID, 4, true, TYPALIGN_INT);
	args[2] = array_of(kinds, n, TEXTOID, -1, false, TYPALIGN_INT);
	args[3] = array_of(marks, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	args[4] = array_of(quotas, n, INT4OID, 4, true, TYPALIGN_INT);
	if (SPI_execute_plan(claim_plan(), args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not claim");

	claim->rows = MemoryContextAlloc(claim->context,
									 Max(SPI_processed, 1) * sizeof(Claimed));
	for (uint64 i = 0; i < SPI_processed; i++)
		take_row(claim, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
}

/* A lane gave less than it was asked for. */
static void
ran_dry(Lane *lane, TimestampTz began, TimestampTz now)
{
	if (lane->sweeping)
	{
		lane->sweeping = lane->sweep_due = false;
		lane->sweep_after =
			now + SWEEP_SHARE * Max(now - began, SWEEP_LEAST_US / SWEEP_SHARE);
		lane->dry = true;
	}
	else if (now >= lane->sweep_after)
		lane->sweeping = true;
	else
		lane->dry = lane->sweep_due = true;
}

/* Something is wrong: look again, from the bottom, after a while. */
static void
rest_lanes(void)
{
	for (int i = 0; i < n_lanes; i++)
	{
		lanes[i].dry = lanes[i].sweep_due = true;
		lanes[i].sweep_after =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS);
	}
}

/*
 * Claim texts of all lanes that may have some, in a transaction of its own.
 * Returns how many there are to hand over, allocated in the current context.
 */
int
queue_claim(GatewayRoom room, Claimed **rows)
{
	Claim claim = {.context = CurrentMemoryContext};
	TimestampTz began = GetCurrentTimestamp();
	TimestampTz now;

	if (share_room(room) == 0)
		return 0;
	if (!worker_transaction("p2ptext: claim", claim_work, &claim))
	{
		rest_lanes();
		return 0;
	}
	now = GetCurrentTimestamp();
	for (int i = 0; i < n_lanes; i++)
		if (lanes[i].quota > 0 && lanes[i].got < lanes[i].quota)
			ran_dry(&lanes[i], began, now);
	if (claim.deferred)
		queue_expect_deferred();
	worker_count(COUNT_CLAIMED, claim.n);
	*rows = claim.rows;
	return claim.n;
}

static void
recover_work(void *arg)
{
	Oid types[] = {INT4OID, INT4OID};
	Datum args[] = {Int32GetDatum(my_worker->number),
					Int32GetDatum(p2ptext_senders)};
	bool isnull;

	if (SPI_execute_with_args("SELECT p2ptext.recover($1, $2)", lengthof(types),
							  types, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not recover");
	worker_count(COUNT_UNKNOWN, DatumGetInt64(SPI_getbinval(
									SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 1, &isnull)));
}

/* Whatever a sender of this number had claimed before is of unknown fate. */
bool
queue_recover(void)
{
	queue_expect_deferred();
	return worker_transaction("p2ptext: recover", recover_work, NULL);
}

static void
requeue_work(void *arg)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID};
	Datum args[] = {Int32GetDatum(10 * p2ptext_batch_size)};
	Datum due;
	bool isnull;

	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT p2ptext.requeue($1)", 1, types);
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not requeue");
	due =
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	*(TimestampTz *) arg = isnull ? DT_NOEND : DatumGetTimestampTz(due);
}

/* Let deferred texts back into their lanes when their time has come. */
void
queue_requeue(void)
{
	TimestampTz due = DT_NOEND;

	if (next_deferred > GetCurrentTimestamp())
		return;
	if (worker_transaction("p2ptext: requeue", requeue_work, &due))
		next_deferred = due;
	else
		next_deferred =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 1000);
	queue_look_again();
}

/* How long until there is something to do by itself, in ms; 0: at once. */
long
queue_delay(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = Min(next_look, next_deferred);

	if (now >= next_look)
		queue_look_again();
	for (int i = 0; i < n_lanes; i++)
	{
		if (!lanes[i].dry)
			return 0;
		if (!lanes[i].sweep_due)
			continue;
		if (now >= lanes[i].sweep_after)
		{
			lanes[i].dry = false;
			lanes[i].sweeping = true;
			return 0;
		}
		next = Min(next, lanes[i].sweep_after);
	}
	return TimestampDifferenceMilliseconds(now, next) + 1;
}
