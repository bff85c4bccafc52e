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

#include "inbound/events.h"
#include "p2ptext.h"
#include "worker/courier.h"
#include "worker/worker.h"

#define RETRY_MS 1000
/* A receipt may come before the answer to its own send request. */
#define PARKED_MS 200

#define HTTP_OK 200
#define HTTP_FORBIDDEN 403
#define HTTP_UNAVAILABLE 503

typedef struct Gateway
{
	int32 id;
	bool verify;
	List *secrets; /* of char *; any of them will do */
} Gateway;

/* A request that waits for its events to be stored. */
typedef struct Waiting
{
	uint64 request;
	int first; /* its events in the batch */
	int n;
} Waiting;

static Courier courier;
static MemoryContext settings_context;
static Gateway *gateways;
static int n_gateways;
static EventBatch events;
static Waiting *waiting;
static int n_waiting;
static int waiting_size;
static int64 parked;
static bool apply_wanted = true;

static void
tell_gateway(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;

	wire_begin(&courier.out, WIRE_GATEWAY);
	wire_put_u32(&courier.out,
				 DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull)));
	wire_put_str(&courier.out, SPI_getvalue(tuple, desc, 2));
	wire_put_str(&courier.out, SPI_getvalue(tuple, desc, 3));
	wire_put_str(&courier.out, "");
	wire_put_str(&courier.out, "");
	wire_put_str(&courier.out, ""); /* the listener has no secret ... */
	wire_put_str(&courier.out, ""); /* ... of either kind */
	wire_put_str(&courier.out, SPI_getvalue(tuple, desc, 5));
	wire_put_str(&courier.out, p2ptext_public_url);
	wire_put_str(&courier.out, ""); /* it makes no connections */
	wire_put_str(&courier.out, SPI_getvalue(tuple, desc, 6));
	wire_put_u32(&courier.out, 0);
	wire_put_u32(&courier.out, 0);
	wire_put_u32(&courier.out, 0);
	courier_frame_end(&courier);
}

static void
forget_secrets(Gateway *gateway)
{
	for (int i = 0; i < list_length(gateway->secrets); i++)
	{
		char *secret = list_nth(gateway->secrets, i);

		explicit_bzero(secret, strlen(secret));
	}
}

static void
load_settings(void *arg)
{
	if (SPI_execute("SELECT id, name, provider, verify_webhooks, settings, "
					"array_to_string(webhook_addresses, ',') "
					"FROM p2ptext.gateway WHERE provider <> 'loopback' "
					"ORDER BY id",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read gateways");

	for (int i = 0; i < n_gateways; i++)
		forget_secrets(&gateways[i]);
	MemoryContextReset(settings_context);
	n_gateways = 0;
	gateways = MemoryContextAllocZero(settings_context,
									  Max(SPI_processed, 1) * sizeof(Gateway));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		MemoryContext old = MemoryContextSwitchTo(settings_context);
		Gateway *gateway = &gateways[n_gateways++];
		bool isnull;

		gateway->id = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		gateway->verify = DatumGetBool(SPI_getbinval(tuple, desc, 4, &isnull));
		gateway->secrets =
			webhook_secrets_of(SPI_getvalue(tuple, desc, 2), WARNING);
		MemoryContextSwitchTo(old);
		if (courier.pid > 0)
			tell_gateway(tuple, desc);
	}
	if (courier.pid > 0)
	{
		wire_begin(&courier.out, WIRE_SERVE);
		courier_frame_end(&courier);
	}
}

static const Gateway *
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
	const Gateway *gateway = find_gateway(id);
	Proof proof;

	if (!proof_take(&proof, frame) || !events_take(&events, id, frame))
		courier_fail(&courier, "courier sent a broken frame");
	else if (gateway == NULL ||
			 (gateway->verify && !proof_ok(&proof, gateway->secrets)))
	{
		events.n = first;
		worker_count(COUNT_REJECTED, 1);
		answer(request, HTTP_FORBIDDEN);
	}
	else
		wait_for_commit(request, first);
}

static void
take_frames(void)
{
	WireFrame frame;

	while (courier_next(&courier, &frame))
	{
		if (frame.type == WIRE_WEBHOOK)
			take_webhook(&frame);
		else
			courier_fail(&courier, "courier sent an unknown frame");
	}
}

/*
 * Commit what came in, then answer.  Should the whole not be storable, each
 * request is tried by itself, so that one bad one does not hold up the rest.
 */
static void
store_and_answer(void)
{
	bool stored;

	if (n_waiting == 0)
	{
		events_reset(&events); /* those that were refused */
		return;
	}
	stored = events_record(&events, 0, events.n);
	for (int i = 0; i < n_waiting; i++)
	{
		Waiting *one = &waiting[i];
		bool ok = stored || (!worker_stopping() &&
							 events_record(&events, one->first, one->n));

		answer(one->request, ok ? HTTP_OK : HTTP_UNAVAILABLE);
	}
	n_waiting = 0;
	events_reset(&events);
}

typedef struct Applied
{
	int64 applied;
	int64 parked;
} Applied;

static void
apply_work(void *arg)
{
	static SPIPlanPtr plan;
	Applied *result = arg;
	Oid types[] = {INT4OID};
	Datum args[] = {Int32GetDatum(p2ptext_batch_size + (int32) parked)};
	HeapTuple tuple;
	bool isnull;

	if (plan == NULL)
	{
		plan = SPI_prepare(
			"SELECT applied, parked FROM p2ptext.apply_inbound($1)", 1, types);
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not apply events");
	tuple = SPI_tuptable->vals[0];
	result->applied =
		DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
	result->parked =
		DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
}

/* One batch; more is wanted while batches come full. */
static void
apply_events(void)
{
	Applied result = {0, 0};

	if (!worker_transaction("p2ptext: apply events", apply_work, &result))
	{
		parked = 1; /* try again soon */
		apply_wanted = false;
		return;
	}
	worker_count(COUNT_APPLIED, result.applied);
	parked = result.parked;
	apply_wanted = result.applied >= p2ptext_batch_size;
}

/* The courier listens where the settings say; other settings, another one. */
static void
keep_courier(bool *settings_stale)
{
	static char *addresses;
	static int port;
	char port_text[12];
	const char *args[] = {"listen", "--address", p2ptext_listen_addresses,
						  "--port", port_text,	 NULL};

	if (courier.pid > 0 && (port != p2ptext_port ||
							strcmp(addresses, p2ptext_listen_addresses) != 0))
		courier_fail(&courier, "listener settings changed");
	if (p2ptext_port == 0 || courier.pid > 0)
		return;
	n_waiting = 0;
	events_reset(&events);
	if (addresses)
		pfree(addresses);
	addresses = MemoryContextStrdup(TopMemoryContext, p2ptext_listen_addresses);
	port = p2ptext_port;
	snprintf(port_text, sizeof(port_text), "%d", port);
	if (courier_start(&courier, args))
		*settings_stale = true;
}

static long
wait_time(bool settings_stale)
{
	if (apply_wanted)
		return 0;
	if (parked > 0)
		return PARKED_MS;
	if (courier.pid == 0 && p2ptext_port > 0)
		return courier_delay(&courier) + 1;
	return settings_stale ? RETRY_MS : 60000;
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
		store_and_answer();
		if (courier.pid > 0)
			courier_flush(&courier);
		if (apply_wanted)
			apply_events();
		if (courier.pid > 0 || p2ptext_port == 0)
			worker_set_state(apply_wanted ? WORKER_BUSY : WORKER_IDLE);
		if (worker_wait(courier.pid > 0 ? courier.fd : -1,
						courier.pid > 0 && wire_pending(&courier.out) > 0,
						wait_time(settings_stale)) ||
			parked > 0)
			apply_wanted = true;
	}
	if (courier.pid > 0)
		courier_fail(&courier, "stopping");
}
