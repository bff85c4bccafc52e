/*-------------------------------------------------------------------------
 *
 * claim.c
 *	  Claiming approved texts, and what else concerns claimed ones.
 *
 * A claim is a transaction of its own: first the replies of all lanes that
 * may have some, then initial texts as far as there is room left.
 *
 * src/outbox/claim.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "outbox/lanes.h"
#include "outbox/queue.h"
#include "p2ptext.h"
#include "text/core/sms.h"
#include "worker/worker.h"

/* In the order of claim()'s result. */
enum
{
	LANE = 1,
	ID,
	CAMPAIGN,
	POSITION,
	STATUS,
	GATEWAY,
	REF,
	SENDER,
	PHONE,
	BODY,
	MEDIA,
	VALIDITY
};

typedef struct Claim
{
	MemoryContext context; /* for the rows */
	Claimed *rows;
	int n;
	int size;
	bool deferred;
} Claim;

/* The lanes of one claim() as its arguments, each an array. */
typedef struct Asked
{
	Lane **lanes;
	int n;
	Datum *campaigns;
	Datum *kinds;
	Datum *senders;
	Datum *marks;
	Datum *quotas;
} Asked;

static Datum
array_of(Datum *values, int n, Oid type)
{
	switch (type)
	{
		case INT4OID:
			return PointerGetDatum(
				construct_array(values, n, type, 4, true, TYPALIGN_INT));
		case INT8OID:
			return PointerGetDatum(construct_array(
				values, n, type, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		default:
			return PointerGetDatum(
				construct_array(values, n, type, -1, false, TYPALIGN_INT));
	}
}

/* The lanes of one kind with a quota; all, or those that are rechecked. */
static void
list_asked(Asked *asked, bool reply, bool recheck_only)
{
	int size = Max(n_lanes, 1);

	asked->n = 0;
	asked->lanes = palloc(size * sizeof(Lane *));
	asked->campaigns = palloc(size * sizeof(Datum));
	asked->kinds = palloc(size * sizeof(Datum));
	asked->senders = palloc(size * sizeof(Datum));
	asked->marks = palloc(size * sizeof(Datum));
	asked->quotas = palloc(size * sizeof(Datum));
	for (int i = 0; i < n_lanes; i++)
	{
		Lane *lane = &lanes[i];
		int n = asked->n;

		if (lane->quota == 0 || lane->reply != reply ||
			(recheck_only && !lane->recheck))
			continue;
		asked->lanes[n] = lane;
		asked->campaigns[n] = Int32GetDatum(lane->campaign);
		asked->kinds[n] =
			CStringGetTextDatum(lane->reply ? "reply" : "initial");
		asked->senders[n] = CStringGetTextDatum(lane->sender);
		asked->marks[n] = Int64GetDatum(lane->sweeping ? 0 : lane->mark);
		asked->quotas[n] = Int32GetDatum(lane->quota);
		asked->n++;
	}
}

/* Texts whose voters are still wanted, of lanes where that is asked. */
static Datum
recheck(bool *none)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT4ARRAYOID};
	Datum args[lengthof(types)];
	Datum checked;
	Asked asked;
	bool isnull;

	list_asked(&asked, false, true);
	*none = asked.n == 0;
	if (*none)
		return (Datum) 0;
	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT * FROM p2ptext.recheck($1, $2, $3, $4)",
						   lengthof(types), types);
		SPI_keepplan(plan);
	}
	args[0] = array_of(asked.campaigns, asked.n, INT4OID);
	args[1] = array_of(asked.senders, asked.n, TEXTOID);
	args[2] = array_of(asked.marks, asked.n, INT8OID);
	args[3] = array_of(asked.quotas, asked.n, INT4OID);
	if (SPI_execute_plan(plan, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read segments again");
	checked =
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	/* A lane that gave some of these is not dry for that. */
	if (DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 2, &isnull)) > 0)
		for (int i = 0; i < asked.n; i++)
			asked.lanes[i]->put_aside = true;
	return checked;
}

static char **
take_media(HeapTuple tuple, TupleDesc desc, int *n)
{
	bool isnull;
	Datum array = SPI_getbinval(tuple, desc, MEDIA, &isnull);
	Datum *elements;
	char **urls;

	*n = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, n);
	urls = palloc(Max(*n, 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
		urls[i] = TextDatumGetCString(elements[i]);
	return urls;
}

static void
take_row(Claim *claim, Claimed *row, HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	MemoryContext old = MemoryContextSwitchTo(claim->context);

	row->id = DatumGetInt64(SPI_getbinval(tuple, desc, ID, &isnull));
	row->campaign =
		DatumGetInt32(SPI_getbinval(tuple, desc, CAMPAIGN, &isnull));
	row->gateway = DatumGetInt32(SPI_getbinval(tuple, desc, GATEWAY, &isnull));
	row->validity_s =
		DatumGetInt32(SPI_getbinval(tuple, desc, VALIDITY, &isnull));
	if (isnull)
		row->validity_s = 0;
	row->claimed_at = GetCurrentTransactionStartTimestamp();
	row->ref = SPI_getvalue(tuple, desc, REF);
	row->sender = SPI_getvalue(tuple, desc, SENDER);
	row->phone = SPI_getvalue(tuple, desc, PHONE);
	row->body = SPI_getvalue(tuple, desc, BODY);
	row->media = take_media(tuple, desc, &row->n_media);
	row->segments = sms_measure(row->body, strlen(row->body)).segments;
	MemoryContextSwitchTo(old);
}

static void
take_rows(Claim *claim, const Asked *asked)
{
	TupleDesc desc = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		char *status = SPI_getvalue(tuple, desc, STATUS);
		Lane *lane;
		bool isnull;
		int64 position;

		lane = asked->lanes[DatumGetInt32(
								SPI_getbinval(tuple, desc, LANE, &isnull)) -
							1];
		position = DatumGetInt64(SPI_getbinval(tuple, desc, POSITION, &isnull));
		lane->mark = Max(lane->mark, position);
		lane->got++;
		if (strcmp(status, "sending") != 0)
		{
			claim->deferred |= strcmp(status, "approved") == 0;
			continue;
		}
		take_row(claim, &claim->rows[claim->n], tuple, desc);
		lane->segments += claim->rows[claim->n].segments;
		lane->heaviest = Max(lane->heaviest, claim->rows[claim->n].segments);
		lane->sending++;
		claim->n++;
	}
}

/* Claim what the lanes of one kind were given quotas for. */
static void
claim_kind(Claim *claim, bool reply)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID,		 INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				   INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID};
	Datum args[lengthof(types)];
	char nulls[lengthof(types) + 1] = "       ";
	bool unchecked;
	Asked asked;

	if (lanes_share(reply, GetCurrentTimestamp()) == 0)
		return;
	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT * FROM p2ptext.claim($1, $2, $3, $4, $5, "
						   "$6, $7)",
						   lengthof(types), types);
		SPI_keepplan(plan);
	}
	args[6] = recheck(&unchecked);
	nulls[6] = unchecked ? 'n' : ' ';
	list_asked(&asked, reply, false);
	args[0] = Int32GetDatum(my_worker->number);
	args[1] = array_of(asked.campaigns, asked.n, INT4OID);
	args[2] = array_of(asked.kinds, asked.n, TEXTOID);
	args[3] = array_of(asked.senders, asked.n, TEXTOID);
	args[4] = array_of(asked.marks, asked.n, INT8OID);
	args[5] = array_of(asked.quotas, asked.n, INT4OID);
	if (SPI_execute_plan(plan, args, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not claim");

	if (claim->n + (int) SPI_processed > claim->size)
	{
		claim->size = claim->n + SPI_processed;
		claim->rows =
			claim->rows == NULL
				? MemoryContextAlloc(claim->context,
									 claim->size * sizeof(Claimed))
				: repalloc(claim->rows, claim->size * sizeof(Claimed));
	}
	take_rows(claim, &asked);
	lanes_claimed(reply);
}

static void
claim_work(void *arg)
{
	claim_kind(arg, true);
	claim_kind(arg, false);
}

/*
 * Claim texts of all lanes that may have some, in a transaction of its own.
 * Returns how many there are to hand over, allocated in the current context.
 */
int
queue_claim(AskRoom ask, Claimed **rows)
{
	Claim claim = {.context = CurrentMemoryContext};
	TimestampTz began = GetCurrentTimestamp();
	bool claimed;

	if (lanes_ready_at(ask, began) > began)
		return 0;
	lanes_begin(ask);
	claimed = worker_transaction("p2ptext: claim", claim_work, &claim);
	lanes_settle(claimed, began);
	if (!claimed)
		return 0;
	if (claim.deferred)
		queue_expect_deferred();
	worker_count(COUNT_CLAIMED, claim.n);
	*rows = claim.rows;
	return claim.n;
}

/* What was sent today counts against the limits of today. */
static void
count_today(SendLimit *limit)
{
	Oid types[] = {TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID};
	Datum args[] = {CStringGetTextDatum(limit_kinds[limit->kind]),
					Int32GetDatum(limit->id), CStringGetTextDatum(limit->name),
					TimestampTzGetDatum(limit->day_begins)};
	bool isnull;

	if (SPI_execute_with_args("SELECT p2ptext.sent_since($1, $2, $3, $4)",
							  lengthof(types), types, args, NULL, false,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not count what was sent today");
	limit_set_count(
		limit, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										   SPI_tuptable->tupdesc, 1, &isnull)));
}

/*
 * Read which texts may leave from where, in a transaction of the caller's.
 * One sender counts for all.
 */
void
queue_load(void)
{
	lanes_load();
	queue_expect_deferred();
	if (my_worker->number == 0)
		lanes_count_days(count_today);
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

typedef struct Recall
{
	MemoryContext context;
	const int64 *ids;
	int n;
	int64 *recalled;
	int n_recalled;
} Recall;

static void
recall_work(void *arg)
{
	Recall *recall = arg;
	Oid types[] = {INT8ARRAYOID};
	Datum *ids = palloc(recall->n * sizeof(Datum));
	Datum args[1];

	for (int i = 0; i < recall->n; i++)
		ids[i] = Int64GetDatum(recall->ids[i]);
	args[0] = array_of(ids, recall->n, INT8OID);
	if (SPI_execute_with_args("SELECT p2ptext.to_recall($1)", 1, types, args,
							  NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look at what is on its way");
	recall->recalled = MemoryContextAlloc(
		recall->context, Max(SPI_processed, 1) * sizeof(int64));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		recall->recalled[recall->n_recalled++] = DatumGetInt64(SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
}

/* Which of these claimed texts must not leave any more; -1: could not tell. */
int
queue_recall(const int64 *ids, int n, int64 **recalled)
{
	Recall recall = {.context = CurrentMemoryContext, .ids = ids, .n = n};

	if (!worker_transaction("p2ptext: recall", recall_work, &recall))
		return -1;
	*recalled = recall.recalled;
	return recall.n_recalled;
}
