/*-------------------------------------------------------------------------
 *
 * receiver.c
 *	  Takes webhooks from its courier and applies them to conversations.
 *
 * A webhook is answered after the transaction that stored it has committed;
 * all that wait share that commit.  Applying comes after, in transactions of
 * its own, also for events that others stored.  Without a port there is no
 * courier, and only the applying is done.
 *
 * src/worker/receiver.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "access.h"
#include "inbound/events.h"
#include "inbound/hook.h"
#include "p2ptext.h"
#include "worker/courier.h"
#include "worker/worker.h"

#define RETRY_MS 1000
/* A receipt may come before the answer to its own send request. */
#define PARKED_MS 200
/* Under load a commit, or an application, waits so long for company. */
#define STORE_GAP_MS 5
#define STORE_ENOUGH 64
#define APPLY_GAP_MS 30
/* Old events go so often, and parts of texts are looked at that wait. */
#define HOUSEKEEPING_MS 60000
#define PRUNE_ROWS 10000
#define WIND_DOWN_MS 1000
#define REFUSALS_MS 10000 /* between two log lines that tell of them */

#define HTTP_OK 200
#define HTTP_FORBIDDEN 403
#define HTTP_UNAVAILABLE 503

/* A request that waits for its events to be stored. */
typedef struct Waiting
{
	uint64 request;
	int first; /* its events in the batch */
	int n;
} Waiting;

static Courier courier;
static MemoryContext settings_context;
static HookGateway *gateways;
static int n_gateways;
static EventBatch events;
static Waiting *waiting;
static int n_waiting;
static int waiting_size;
static int64 parked;
static bool apply_wanted = true;
static TimestampTz store_after; /* now, if that is past */
static TimestampTz apply_after;
static int64 applied_to; /* no event up to this waits */

static void
load_settings(void *arg)
{
	if (SPI_execute(HOOK_GATEWAYS "WHERE provider <> 'loopback' ORDER BY id",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read gateways");

	for (int i = 0; i < n_gateways; i++)
		hook_forget(&gateways[i]);
	MemoryContextReset(settings_context);
	n_gateways = 0;
	gateways = MemoryContextAllocZero(
		settings_context, Max(SPI_processed, 1) * sizeof(HookGateway));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		MemoryContext old = MemoryContextSwitchTo(settings_context);

		hook_gateway(&gateways[n_gateways++], tuple, desc, WARNING);
		MemoryContextSwitchTo(old);
		if (courier.pid > 0)
			hook_tell(&courier, tuple, desc, true);
	}
	if (courier.pid > 0)
	{
		wire_begin(&courier.out, WIRE_SERVE);
		courier_frame_end(&courier);
	}
}

static const HookGateway *
find_gateway(int32 id)
{
	for (int i = 0; i < n_gateways; i++)
		if (gateways[i].id == id)
			return &gateways[i];
	return NULL;
}

static void
answer(uint64 request, uint32 status)
{
	/* Another courier would take it for the answer to another request. */
	if (courier.pid == 0)
		return;
	wire_begin(&courier.out, WIRE_ACK);
	wire_put_u64(&courier.out, request);
	wire_put_u32(&courier.out, status);
	courier_frame_end(&courier);
}

/* One line for many: anybody may send what nobody signed. */
static void
tell_of_refusals(void)
{
	static TimestampTz told;
	static int untold;
	TimestampTz now = GetCurrentTimestamp();

	untold++;
	if (!TimestampDifferenceExceeds(told, now, REFUSALS_MS))
		return;
	ereport(LOG, (errmsg_plural("p2ptext receiver: refused %d webhook whose "
								"signature is missing or wrong",
								"p2ptext receiver: refused %d webhooks whose "
								"signatures are missing or wrong",
								untold, untold)));
	told = now;
	untold = 0;
}

static void
wait_for_commit(uint64 request, int first)
{
	if (n_waiting == waiting_size)
	{
		waiting_size = waiting_size == 0 ? 64 : waiting_size * 2;
		waiting = waiting == NULL
					  ? MemoryContextAlloc(TopMemoryContext,
										   waiting_size * sizeof(Waiting))
					  : repalloc(waiting, waiting_size * sizeof(Waiting));
	}
	waiting[n_waiting].request = request;
	waiting[n_waiting].first = first;
	waiting[n_waiting++].n = events.n - first;
}

static void
take_webhook(WireFrame *frame)
{
	uint64 request = wire_get_u64(frame);
	int32 id = wire_get_u32(frame);
	int first = events.n;

	switch (hook_judge(find_gateway(id), id, &events, frame))
	{
		case HOOK_BROKEN:
			courier_fail(&courier, "courier sent a broken frame");
			break;
		case HOOK_UNPROVED:
			worker_count(COUNT_REJECTED, 1);
			tell_of_refusals();
			answer(request, HTTP_FORBIDDEN);
			break;
		case HOOK_PROVED:
			wait_for_commit(request, first);
			break;
	}
}

static void
read_metrics(void *arg)
{
	char **page = arg;

	if (SPI_execute("SELECT p2ptext.metrics()", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read metrics");
	*page = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	*page = MemoryContextStrdup(TopMemoryContext, *page);
}

static void
take_metrics(WireFrame *frame)
{
	uint64 request = wire_get_u64(frame);
	char *page;

	if (!wire_done(frame))
		courier_fail(&courier, "courier sent a broken frame");
	else if (!worker_transaction("p2ptext: read metrics", read_metrics, &page))
		answer(request, HTTP_UNAVAILABLE);
	else
	{
		wire_begin(&courier.out, WIRE_PAGE);
		wire_put_u64(&courier.out, request);
		wire_put_str(&courier.out, page);
		if (!courier_frame_end(&courier))
			answer(request, HTTP_UNAVAILABLE);
		pfree(page);
	}
}

static void
take_frames(void)
{
	WireFrame frame;

	while (courier_next(&courier, &frame))
	{
		if (frame.type == WIRE_WEBHOOK)
			take_webhook(&frame);
		else if (frame.type == WIRE_METRICS)
			take_metrics(&frame);
		else
			courier_fail(&courier, "courier sent an unknown frame");
	}
}

static bool
store(int first, int n)
{
	if (!events_record(&events, first, n))
		return false;
	/* Replays count as left to apply, which does no harm. */
	apply_wanted |= events.applied < n;
	return true;
}

/*
 * Commit what came in, then answer.  Should the whole not be storable, each
 * request is tried by itself, so that one bad one does not hold up the rest.
 */
static void
store_and_answer(void)
{
	bool stored;

	stored = store(0, events.n);
	for (int i = 0; i < n_waiting; i++)
	{
		Waiting *one = &waiting[i];
		bool ok = stored || (!worker_stopping() && store(one->first, one->n));

		answer(one->request, ok ? HTTP_OK : HTTP_UNAVAILABLE);
	}
	n_waiting = 0;
	events_reset(&events);
	store_after =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STORE_GAP_MS);
}

static void
store_when_due(void)
{
	if (n_waiting == 0)
		events_reset(&events); /* those that were refused */
	else if (n_waiting >= STORE_ENOUGH || GetCurrentTimestamp() >= store_after)
		store_and_answer();
}

typedef struct Applied
{
	int64 applied;
	int64 parked;
	int64 mark;
} Applied;

static void
apply_work(void *arg)
{
	static SPIPlanPtr plan;
	Applied *result = arg;
	Oid types[] = {INT4OID, INT8OID};
	Datum args[] = {Int32GetDatum(p2ptext_batch_size + (int32) parked),
					Int64GetDatum(applied_to)};
	HeapTuple tuple;
	bool isnull;

	/* What a crash takes away is applied again. */
	commit_without_flush();
	if (plan == NULL)
	{
		plan = SPI_prepare(
			"SELECT applied, parked, mark FROM p2ptext.apply_inbound($1, $2)",
			2, types);
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not apply events");
	tuple = SPI_tuptable->vals[0];
	result->applied =
		DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
	result->parked =
		DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
	result->mark =
		DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &isnull));
}

/* One batch; more is wanted while batches come full. */
static void
apply_events(void)
{
	Applied result = {0};

	if (!worker_transaction("p2ptext: apply events", apply_work, &result))
	{
		parked = 1; /* try again soon */
		apply_wanted = false;
		return;
	}
	worker_count(COUNT_APPLIED, result.applied);
	parked = result.parked;
	applied_to = result.mark;
	apply_wanted = result.applied >= p2ptext_batch_size;
	if (!apply_wanted)
		apply_after =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), APPLY_GAP_MS);
}

typedef struct Pruned
{
	int64 rows;
	int64 mark; /* pruned up to this, and to go on from there */
} Pruned;

static void
prune_work(void *arg)
{
	Pruned *pruned = arg;
	HeapTuple tuple;
	TupleDesc desc;
	char query[160];
	bool isnull;

	snprintf(query, sizeof(query),
			 "SELECT pruned, mark FROM p2ptext.prune_inbound("
			 "make_interval(mins => %d), %d, " INT64_FORMAT ")",
			 p2ptext_inbound_retention, PRUNE_ROWS, pruned->mark);
	if (SPI_execute(query, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not prune events");
	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	pruned->rows = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	pruned->mark = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
}

/* What texters left for too long is anybody's again. */
static void
release_work(void *arg)
{
	if (SPI_execute("SELECT FROM p2ptext.release_stale()", false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not release what is stale");
}

/* What is done now and then, and never before anything else. */
static void
keep_house(void)
{
	static TimestampTz done;
	static Pruned pruned;
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(done, now, HOUSEKEEPING_MS))
		return;
	apply_wanted = true;
	applied_to = 0;
	pruned.rows = 0;
	if (p2ptext_inbound_retention > 0)
		(void) worker_transaction("p2ptext: prune events", prune_work, &pruned);
	if (pruned.rows >= PRUNE_ROWS)
		return;
	(void) worker_transaction("p2ptext: release stale texts", release_work,
							  NULL);
	done = now;
}

/* The courier listens where the settings say; other settings, another one. */
static void
keep_courier(bool *settings_stale)
{
	static char *told;
	char port[12];
	const char *args[] = {"listen", "--address", p2ptext_listen_addresses,
						  "--port", port,		 NULL,
						  NULL,		NULL,		 NULL,
						  NULL};
	char *wanted;
	int n = 5;

	snprintf(port, sizeof(port), "%d", p2ptext_port);
	if (*p2ptext_trusted_proxies)
	{
		args[n++] = "--trusted-proxies";
		args[n++] = p2ptext_trusted_proxies;
	}
	if (*p2ptext_metrics_address)
	{
		args[n++] = "--metrics";
		args[n++] = p2ptext_metrics_address;
	}
	wanted = psprintf("%s %s %s %s", p2ptext_listen_addresses, port,
					  p2ptext_trusted_proxies, p2ptext_metrics_address);
	if (courier.pid > 0 && strcmp(told, wanted) != 0)
		courier_fail(&courier, "listener settings changed");
	if (p2ptext_port == 0 || courier.pid > 0)
		return;
	n_waiting = 0;
	events_reset(&events);
	if (told)
		pfree(told);
	told = MemoryContextStrdup(TopMemoryContext, wanted);
	if (courier_start(&courier, args))
		*settings_stale = true;
}

static long
wait_time(bool settings_stale)
{
	TimestampTz now = GetCurrentTimestamp();
	long timeout = HOUSEKEEPING_MS;

	if (settings_stale)
		timeout = RETRY_MS;
	if (courier.pid == 0 && p2ptext_port > 0)
		timeout = Min(timeout, courier_delay(&courier) + 1);
	if (parked > 0)
		timeout = Min(timeout, PARKED_MS);
	if (apply_wanted)
		timeout =
			Min(timeout, TimestampDifferenceMilliseconds(now, apply_after));
	if (n_waiting > 0)
		timeout =
			Min(timeout, TimestampDifferenceMilliseconds(now, store_after));
	return timeout;
}

/* Webhooks that have come are still kept and answered; new ones are not taken. */
static void
wind_down(void)
{
	TimestampTz give_up =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WIND_DOWN_MS);

	if (courier.pid > 0)
	{
		wire_begin(&courier.out, WIRE_QUIT);
		courier_frame_end(&courier);
	}
	while (courier.pid > 0 && !worker_extension_gone() &&
		   GetCurrentTimestamp() < give_up)
	{
		(void) worker_stopping();
		courier_exchange(&courier);
		take_frames();
		if (n_waiting > 0)
			store_and_answer();
		if (courier.pid > 0)
			(void) worker_wait(courier.fd, wire_pending(&courier.out) > 0, 50);
	}
	if (courier.pid > 0)
		courier_fail(&courier, "stopping");
}

void
receiver_run(void)
{
	MemoryContext loop = AllocSetContextCreate(
		TopMemoryContext, "p2ptext receiver", ALLOCSET_DEFAULT_SIZES);
	bool settings_stale = true;

	settings_context = AllocSetContextCreate(
		TopMemoryContext, "p2ptext gateways", ALLOCSET_SMALL_SIZES);
	events_init(&events);
	MemoryContextSwitchTo(loop);

	while (!worker_stopping())
	{
		MemoryContextReset(loop);
		settings_stale |= (worker_take_news() & WAKE_SETTINGS) != 0;
		keep_courier(&settings_stale);
		if (courier.pid > 0)
			courier_exchange(&courier);
		take_frames();
		if (settings_stale && (courier.ready || p2ptext_port == 0))
			settings_stale = !worker_transaction("p2ptext: read settings",
												 load_settings, NULL);
		store_when_due();
		if (courier.pid > 0)
			courier_flush(&courier);
		if (apply_wanted && GetCurrentTimestamp() >= apply_after)
			apply_events();
		else if (!apply_wanted)
			keep_house();
		if (courier.pid > 0 || p2ptext_port == 0)
			worker_set_state(apply_wanted ? WORKER_BUSY : WORKER_IDLE);
		if (worker_wait(courier.pid > 0 ? courier.fd : -1,
						courier.pid > 0 && wire_pending(&courier.out) > 0,
						wait_time(settings_stale)))
		{
			/* What others stored may be older than what we did. */
			apply_wanted = true;
			applied_to = 0;
		}
		apply_wanted |= parked > 0;
	}
	wind_down();
}
