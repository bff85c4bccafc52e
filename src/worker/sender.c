/*-------------------------------------------------------------------------
 *
 * sender.c
 *	  Moves approved texts from the outbox to the courier and results back.
 *
 * Claims are committed before the courier hears of them, and no transaction
 * is open while it works.  If the courier dies, what it may have begun is of
 * unknown fate and is never sent again by itself; what still lay in our
 * buffer goes back into the queue.  So does, at any time, what is called back
 * because of an opt-out, a pause or a gateway that has to rest, as far as the
 * courier has not begun it.
 *
 * src/worker/sender.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "inbound/events.h"
#include "outbox/queue.h"
#include "p2ptext.h"
#include "worker/courier.h"
#include "worker/sender.h"
#include "worker/worker.h"

/* Results are gathered this long unless a batch is full sooner. */
#define GATHER_MS 5
#define RETRY_MS 1000
/* A shutdown lets requests that have begun end within this time. */
#define WIND_DOWN_MS 1500

static Courier courier;
static HTAB *in_flight;
static EventBatch events;
static TimestampTz gathering_since; /* 0: no results wait */
static TimestampTz record_after;
static bool settings_stale = true;
static bool recall_wanted;

static void
hand_over(const Claimed *text, bool find)
{
	Gateway *gateway = find_gateway(text->gateway);
	InFlight *entry;

	wire_begin(&courier.out, find ? WIRE_FIND : WIRE_SEND);
	wire_put_u64(&courier.out, text->id);
	wire_put_u32(&courier.out, text->gateway);
	wire_put_str(&courier.out, text->ref);
	wire_put_str(&courier.out, text->sender);
	wire_put_str(&courier.out, text->phone);
	wire_put_str(&courier.out, text->body);
	wire_put_u32(&courier.out, text->n_media);
	for (int i = 0; i < text->n_media; i++)
		wire_put_str(&courier.out, text->media[i]);
	wire_put_u32(&courier.out, Max(text->validity_s, 0));
	wire_put_u64(&courier.out, timestamptz_to_time_t(text->claimed_at));
	if (!courier_frame_end(&courier))
	{
		if (find)
			return;
		results_add(text->id, text->campaign, WIRE_FAILED, "", "too_long",
					"the text is too long for any gateway", 0, 0);
		return;
	}
	entry = hash_search(in_flight, &text->id, HASH_ENTER, NULL);
	entry->campaign = text->campaign;
	entry->gateway = text->gateway;
	entry->segments = text->segments;
	strlcpy(entry->sender, text->sender, sizeof(entry->sender));
	entry->find = find;
	entry->end = courier.put;
	/* Questions take no room from texts. */
	gateway->in_flight += !find;
}

static void
forget(InFlight *entry)
{
	Gateway *gateway = find_gateway(entry->gateway);

	if (gateway != NULL && !entry->find)
		gateway->in_flight--;
	hash_search(in_flight, &entry->id, HASH_REMOVE, NULL);
}

static void
landed(InFlight *entry)
{
	forget(entry);
	if (gathering_since == 0)
		gathering_since = GetCurrentTimestamp();
}

static void
recall(int64 id)
{
	wire_begin(&courier.out, WIRE_RECALL);
	wire_put_u64(&courier.out, id);
	courier_frame_end(&courier);
}

/*
 * Something has changed: what of that on its way must not leave any more?  The
 * courier gives back as much of it as it has not begun.
 */
static void
recall_forbidden(void)
{
	int64 *ids = palloc((hash_get_num_entries(in_flight) + 1) * sizeof(int64));
	TimestampTz now = GetCurrentTimestamp();
	int64 *forbidden;
	int n = 0;
	HASH_SEQ_STATUS scan;
	InFlight *entry;

	hash_seq_init(&scan, in_flight);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->find)
			continue;
		if (!p2ptext_sending || is_resting(entry, now))
			recall(entry->id);
		else
			ids[n++] = entry->id;
	}
	n = n == 0 ? 0 : queue_recall(ids, n, &forbidden);
	recall_wanted = n < 0;
	for (int i = 0; i < n; i++)
		recall(forbidden[i]);
}

static void
take_result(WireFrame *frame)
{
	int64 id = wire_get_u64(frame);
	WireOutcome outcome = wire_get_u32(frame);
	char *provider_id = wire_text(wire_get_str(frame));
	char *code = wire_text(wire_get_str(frame));
	char *text = wire_text(wire_get_str(frame));
	WireScope scope = wire_get_u32(frame);
	uint32 delay_ms = wire_get_u32(frame);
	uint32 segments = wire_get_u32(frame);
	InFlight *entry = hash_search(in_flight, &id, HASH_FIND, NULL);

	if (!wire_done(frame) || entry == NULL || entry->find ||
		outcome < WIRE_SENT || outcome > WIRE_UNKNOWN ||
		scope > WIRE_SCOPE_GATEWAY)
	{
		courier_fail(&courier, "courier told of a text it was not given");
		return;
	}
	delay_ms = Min(delay_ms, 24 * 3600 * 1000);
	judge_gateway(entry, outcome, scope, delay_ms, *text ? text : code);
	if (outcome == WIRE_DEFERRED || outcome == WIRE_RETRY)
		queue_refund(entry->campaign, entry->sender, entry->segments);
	/* What rests keeps its texts back by itself. */
	if (scope != WIRE_SCOPE_TEXT)
		delay_ms = 0;
	results_add(id, entry->campaign, outcome, provider_id, code, text, delay_ms,
				Min(segments, 1000));
	landed(entry);
}

static void
take_found(WireFrame *frame)
{
	int64 id = wire_get_u64(frame);
	bool asked = wire_get_u32(frame) != 0;
	uint32 n = wire_get_u32(frame);
	char *provider_ids[WIRE_MAX_FOUND];
	InFlight *entry = hash_search(in_flight, &id, HASH_FIND, NULL);

	for (uint32 i = 0; i < n && n <= WIRE_MAX_FOUND; i++)
		provider_ids[i] = wire_text(wire_get_str(frame));
	if (n > WIRE_MAX_FOUND || !wire_done(frame))
		courier_fail(&courier, "courier sent a broken frame");
	else if (entry != NULL && entry->find)
	{
		queue_found(id, entry->campaign, asked, provider_ids, n);
		forget(entry);
	}
}

/* Only the simulated voters of a loopback gateway write from here. */
static void
take_webhook(WireFrame *frame)
{
	Gateway *gateway;
	Proof proof;
	int32 id;

	(void) wire_get_u64(frame);
	id = wire_get_u32(frame);
	gateway = find_gateway(id);
	if (gateway == NULL || !gateway->loopback || !proof_take(&proof, frame) ||
		!events_take(&events, id, frame))
	{
		courier_fail(&courier, "courier sent an event it cannot have");
		return;
	}
	if (gathering_since == 0)
		gathering_since = GetCurrentTimestamp();
}

static void
take_frames(void)
{
	WireFrame frame;

	while (courier_next(&courier, &frame))
	{
		if (frame.type == WIRE_RESULT)
			take_result(&frame);
		else if (frame.type == WIRE_FOUND)
			take_found(&frame);
		else if (frame.type == WIRE_WEBHOOK)
			take_webhook(&frame);
		else
			courier_fail(&courier, "courier sent an unknown frame");
	}
}

/* The courier is gone, with all it had been given. */
static void
abandon_in_flight(void)
{
	HASH_SEQ_STATUS scan;
	InFlight *entry;

	hash_seq_init(&scan, in_flight);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		bool handed = entry->end <= courier.flushed;

		if (entry->find)
		{
			forget(entry);
			continue;
		}
		if (!handed)
			queue_refund(entry->campaign, entry->sender, entry->segments);
		results_add(entry->id, entry->campaign,
					handed ? WIRE_UNKNOWN : WIRE_DEFERRED, "", "", "", 0, 0);
		landed(entry);
	}
}

/* Move bytes and frames; false when there is no courier to talk to. */
static bool
talk(void)
{
	if (courier.pid > 0)
		courier_exchange(&courier);
	take_frames();
	if (courier.pid > 0)
		return true;
	if (hash_get_num_entries(in_flight) > 0)
		abandon_in_flight();
	settings_stale = true;
	return false;
}

static void
claim_and_hand_over(void)
{
	Claimed *rows;
	int n = queue_claim(gateway_room, &rows);

	for (int i = 0; i < n; i++)
		hand_over(&rows[i], false);
}

/* Ask gateways for texts of unknown fate, where they can be asked. */
static void
find_unknown(void)
{
	int32 *ids;
	Claimed *rows;
	int n;

	if (!p2ptext_sending)
		return;
	n = gateways_to_ask(&ids);
	n = queue_find(ids, n, &rows);
	for (int i = 0; i < n; i++)
		hand_over(&rows[i], true);
}

/*
 * What simulated voters wrote.  An event that cannot be stored when results
 * just could must not hold them up for ever.
 */
static void
record_events(void)
{
	if (!events_record(&events, 0, events.n))
	{
		for (int i = 0; i < events.n; i++)
			events_record(&events, i, 1);
	}
	events_reset(&events);
}

/* Record results when there are enough, or when they waited long enough. */
static void
record_when_due(bool now)
{
	TimestampTz time = GetCurrentTimestamp();

	if (gathering_since == 0 || time < record_after)
		return;
	if (!now && results_pending() < p2ptext_batch_size &&
		hash_get_num_entries(in_flight) > 0 &&
		time < TimestampTzPlusMilliseconds(gathering_since, GATHER_MS))
		return;
	if (results_record())
	{
		record_events();
		gathering_since = 0;
	}
	else
		record_after = TimestampTzPlusMilliseconds(time, RETRY_MS);
}

static long
wait_time(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long timeout;

	if (courier.pid == 0)
		timeout = courier_delay(&courier) + 1;
	else if (settings_stale)
		timeout = RETRY_MS;
	else
		timeout = queue_delay(gateway_room);
	if (gathering_since != 0)
	{
		TimestampTz due =
			TimestampTzPlusMilliseconds(gathering_since, GATHER_MS);

		timeout =
			Min(timeout,
				TimestampDifferenceMilliseconds(now, Max(due, record_after)));
	}
	return timeout;
}

static void
sender_init(void)
{
	HASHCTL control = {.keysize = sizeof(int64), .entrysize = sizeof(InFlight)};

	in_flight = hash_create("p2ptext in flight", 1024, &control,
							HASH_ELEM | HASH_BLOBS);
	events_init(&events);
	results_init();
}

/*
 * Asked to stop: what has not begun goes back, what has begun may end for a
 * moment, the rest is of unknown fate.
 */
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
	while (courier.pid > 0 && hash_get_num_entries(in_flight) > 0 &&
		   GetCurrentTimestamp() < give_up)
	{
		(void) worker_stopping();
		if (talk())
			(void) worker_wait(courier.fd, wire_pending(&courier.out) > 0, 50);
	}
	if (courier.pid > 0)
		courier_fail(&courier, "stopping");
	abandon_in_flight();
	if (worker_extension_gone())
		return;
	if (results_record())
		record_events();
	else
		ereport(LOG, (errmsg("p2ptext sender stopped without recording %d "
							 "results; those texts are of unknown fate",
							 results_pending())));
}

void
sender_run(void)
{
	static const char *const args[] = {"send", NULL};
	MemoryContext loop = AllocSetContextCreate(
		TopMemoryContext, "p2ptext sender", ALLOCSET_DEFAULT_SIZES);

	sender_init();
	MemoryContextSwitchTo(loop);
	while (!worker_stopping() && !queue_recover())
		(void) worker_wait(-1, false, RETRY_MS);

	while (!worker_stopping())
	{
		int news;

		MemoryContextReset(loop);
		news = worker_take_news();
		settings_stale |= (news & WAKE_SETTINGS) != 0 ||
						  GetCurrentTimestamp() >= queue_day_ends();
		recall_wanted |= news != 0;
		if (courier_start(&courier, args) && courier.ready)
		{
			if (settings_stale)
				settings_stale = !worker_transaction("p2ptext: read settings",
													 gateways_load, &courier);
			if (!settings_stale)
			{
				if (recall_wanted)
					recall_forbidden();
				queue_requeue();
				find_unknown();
				claim_and_hand_over();
			}
		}
		record_when_due(!talk());
		pg_atomic_write_u32(&my_worker->in_flight,
							hash_get_num_entries(in_flight));
		if (courier.pid > 0)
			worker_set_state(hash_get_num_entries(in_flight) > 0 ? WORKER_BUSY
																 : WORKER_IDLE);
		if (worker_wait(courier.pid > 0 ? courier.fd : -1,
						courier.pid > 0 && wire_pending(&courier.out) > 0,
						wait_time()))
			queue_look_again();
	}
	wind_down();
}
