/*-------------------------------------------------------------------------
 *
 * deferred.c
 *	  What waits for a time: texts to be requeued, gateways to be asked.
 *
 * src/outbox/deferred.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "outbox/lanes.h"
#include "outbox/queue.h"
#include "p2ptext.h"
#include "worker/worker.h"

/* So late is found what woke nobody, as a COMMIT PREPARED. */
#define LOOK_AGAIN_MS 60000
/* Under load, what is approved one by one waits so long for company. */
#define LOOK_GAP_MS 30
#define RETRY_MS 1000

/* When to do the next of each; 0: ask, DT_NOEND: nothing waits. */
static TimestampTz next_requeue;
static TimestampTz next_find;
static TimestampTz next_look;
static TimestampTz looked;

/* Somebody committed something. */
void
queue_look_again(void)
{
	TimestampTz now = GetCurrentTimestamp();

	next_look = TimestampTzPlusMilliseconds(looked, LOOK_GAP_MS);
	/* Also if the clock was set back. */
	if (now >= looked && now < next_look)
		return;
	lanes_look_again();
	looked = now;
	next_look = TimestampTzPlusMilliseconds(now, LOOK_AGAIN_MS);
}

/* Texts were put aside until some time; ask when. */
void
queue_expect_deferred(void)
{
	next_requeue = next_find = 0;
}

static TimestampTz
first_time(void)
{
	bool isnull;
	Datum due =
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(due);
}

static void
requeue_work(void *arg)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID};
	Datum args[] = {Int32GetDatum(10 * p2ptext_batch_size)};

	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT p2ptext.requeue($1)", 1, types);
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not requeue");
	*(TimestampTz *) arg = first_time();
}

/* Let deferred texts back into their lanes when their time has come. */
void
queue_requeue(void)
{
	TimestampTz due = DT_NOEND;

	if (next_requeue > GetCurrentTimestamp())
		return;
	if (worker_transaction("p2ptext: requeue", requeue_work, &due))
		next_requeue = due;
	else
		next_requeue =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS);
	queue_look_again();
}

typedef struct Find
{
	MemoryContext context;
	const int32 *gateways;
	int n_gateways;
	Claimed *rows;
	int n;
	TimestampTz due;
} Find;

static void
find_row(Claimed *row, HeapTuple tuple, TupleDesc desc)
{
	bool isnull;

	MemSet(row, 0, sizeof(*row));
	row->id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	row->campaign = DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull));
	row->gateway = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &isnull));
	row->ref = SPI_getvalue(tuple, desc, 4);
	row->sender = SPI_getvalue(tuple, desc, 5);
	row->phone = SPI_getvalue(tuple, desc, 6);
	row->body = SPI_getvalue(tuple, desc, 7);
	row->claimed_at =
		DatumGetTimestampTz(SPI_getbinval(tuple, desc, 8, &isnull));
}

static void
find_work(void *arg)
{
	Find *find = arg;
	Oid types[] = {INT4ARRAYOID, INT4OID};
	Datum *gateways = palloc(Max(find->n_gateways, 1) * sizeof(Datum));
	Datum args[2];
	MemoryContext old;

	for (int i = 0; i < find->n_gateways; i++)
		gateways[i] = Int32GetDatum(find->gateways[i]);
	args[0] = PointerGetDatum(construct_array(gateways, find->n_gateways,
											  INT4OID, 4, true, TYPALIGN_INT));
	args[1] = Int32GetDatum(p2ptext_max_in_flight);
	if (SPI_execute_with_args("SELECT * FROM p2ptext.to_find($1, $2)",
							  lengthof(types), types, args, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for texts of unknown fate");
	old = MemoryContextSwitchTo(find->context);
	find->rows = palloc(Max(SPI_processed, 1) * sizeof(Claimed));
	for (uint64 i = 0; i < SPI_processed; i++)
		find_row(&find->rows[find->n++], SPI_tuptable->vals[i],
				 SPI_tuptable->tupdesc);
	MemoryContextSwitchTo(old);

	if (SPI_execute_with_args(
			"SELECT min(o.not_before) FROM p2ptext.outbox o "
			"JOIN p2ptext.campaign c ON c.id = o.campaign_id "
			"WHERE o.status = 'unknown' AND o.not_before < 'infinity' "
			"AND c.gateway_id = ANY ($1)",
			1, types, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for texts of unknown fate");
	find->due = first_time();
}

/* Texts of unknown fate that these gateways are to be asked for now. */
int
queue_find(const int32 *gateways, int n, Claimed **rows)
{
	Find find = {.context = CurrentMemoryContext,
				 .gateways = gateways,
				 .n_gateways = n,
				 .due = DT_NOEND};

	if (next_find > GetCurrentTimestamp())
		return 0;
	if (!worker_transaction("p2ptext: find", find_work, &find))
	{
		next_find =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS);
		return 0;
	}
	next_find = find.due;
	*rows = find.rows;
	return find.n;
}

typedef struct Found
{
	Datum args[4];
} Found;

static void
found_work(void *arg)
{
	Found *found = arg;
	Oid types[] = {INT8OID, INT4OID, BOOLOID, TEXTARRAYOID};

	if (SPI_execute_with_args("SELECT p2ptext.found($1, $2, $3, $4)",
							  lengthof(types), types, found->args, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not record what a gateway has");
}

/* A gateway's answer.  Should recording it fail, it will be asked again. */
void
queue_found(int64 id, int32 campaign, bool asked, char **provider_ids, int n)
{
	Datum *ids = palloc(Max(n, 1) * sizeof(Datum));
	Found found;

	for (int i = 0; i < n; i++)
		ids[i] = CStringGetTextDatum(provider_ids[i]);
	found.args[0] = Int64GetDatum(id);
	found.args[1] = Int32GetDatum(campaign);
	found.args[2] = BoolGetDatum(asked);
	found.args[3] = PointerGetDatum(
		construct_array(ids, n, TEXTOID, -1, false, TYPALIGN_INT));
	(void) worker_transaction("p2ptext: found", found_work, &found);
	queue_expect_deferred();
}

/* How long until there is something to do by itself, in ms; 0: at once. */
long
queue_delay(AskRoom ask)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;

	/* Also if the clock was set back. */
	if (now >= next_look ||
		next_look > TimestampTzPlusMilliseconds(now, LOOK_AGAIN_MS))
		queue_look_again();
	next = Min(next_requeue, next_look);
	if (p2ptext_sending) /* or no gateway is asked */
		next = Min(next, next_find);
	next = Min(next, queue_day_ends());
	next = Min(next, lanes_ready_at(ask, now));
	return next <= now ? 0 : TimestampDifferenceMilliseconds(now, next) + 1;
}
