/*-------------------------------------------------------------------------
 *
 * lanes.c
 *	  Whose turn it is: shares of gateways, limits, and what ran dry.
 *
 * A lane is one kind of text, of one campaign, from one of our numbers.
 * Replies leave before initial texts; among their like, campaigns share a
 * gateway by weight, and a campaign's numbers evenly; no lane gets more than
 * the limits of its gateway, number, brand and campaign allow.
 *
 * Approval gives a text a position above all before it, so what was claimed
 * from a lane lies below a mark that only rises, and dead rows that an old
 * snapshot keeps are never looked at again.  A transaction may take a position
 * early and commit late, behind the mark.  So a lane that has run dry is swept
 * once from its beginning, after which it is left alone for a multiple of the
 * time the sweep took: cheap sweeps are frequent, dear ones are rare.
 *
 * src/outbox/lanes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox/lanes.h"
#include "p2ptext.h"
#include "worker/worker.h"

#define SWEEP_SHARE 20
#define SWEEP_LEAST_US 2000
#define SWEEP_LATEST_US (10 * 60 * INT64CONST(1000000))
#define RETRY_MS 1000

Lane *lanes;
int n_lanes;

static MemoryContext context; /* for lanes and limits */
static SendLimit *limits;
static int n_limits;
static LaneGateway *gateways;
static int n_gateways;
static double pace_now; /* of the lane served last */
static TimestampTz day_ends;

SendLimit *
queue_limit(LimitKind kind, int32 id, const char *name)
{
	for (int i = 0; i < n_limits; i++)
		if (limits[i].kind == kind && limits[i].id == id &&
			strcmp(limits[i].name, name) == 0)
			return &limits[i];
	return NULL;
}

static void
load_limit(SendLimit *limit, HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	Datum value;

	limit->kind = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
	limit->id = DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull));
	strlcpy(limit->name, SPI_getvalue(tuple, desc, 3), sizeof(limit->name));
	value = SPI_getbinval(tuple, desc, 4, &isnull);
	limit->per_second = isnull ? 0 : DatumGetFloat4(value);
	value = SPI_getbinval(tuple, desc, 5, &isnull);
	limit->per_day = isnull ? -1 : DatumGetInt32(value);
	limit->day_begins =
		DatumGetTimestampTz(SPI_getbinval(tuple, desc, 6, &isnull));
	limit->day_ends =
		DatumGetTimestampTz(SPI_getbinval(tuple, desc, 7, &isnull));
	limit_attach(limit);
}

static void
load_limits(void)
{
	if (SPI_execute("SELECT array_position('{gateway,sender,brand,campaign}', "
					"kind) - 1, id, name, max_per_second, max_per_day, "
					"day_begins, day_ends FROM p2ptext.send_limit",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read limits");
	limits = MemoryContextAllocZero(context,
									Max(SPI_processed, 1) * sizeof(SendLimit));
	n_limits = 0;
	day_ends = DT_NOEND;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		SendLimit *limit = &limits[n_limits++];

		load_limit(limit, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		if (limit->per_day >= 0)
			day_ends = Min(day_ends, limit->day_ends);
	}
}

/* When the first day of a limit is over, all is to be read again. */
TimestampTz
queue_day_ends(void)
{
	return day_ends;
}

static void
add_limit(Lane *lane, LimitKind kind, int32 id, const char *name)
{
	SendLimit *limit = queue_limit(kind, id, name);

	if (limit == NULL)
		return;
	lane->limits[lane->n_limits++] = limit;
	lane->gateway->has_rate |= limit->per_second > 0;
	lane->is_limited |= limit->per_second > 0 || limit->per_day >= 0;
}

static Lane *
find_lane(Lane *in, int n, const Lane *wanted)
{
	for (int i = 0; i < n; i++)
		if (in[i].campaign == wanted->campaign &&
			in[i].reply == wanted->reply &&
			strcmp(in[i].sender, wanted->sender) == 0)
			return &in[i];
	return NULL;
}

/* All gateways have a limit, if only to rest by. */
static void
load_gateways(void)
{
	gateways =
		MemoryContextAllocZero(context, Max(n_limits, 1) * sizeof(LaneGateway));
	n_gateways = 0;
	for (int i = 0; i < n_limits; i++)
	{
		if (limits[i].kind != LIMIT_GATEWAY)
			continue;
		gateways[n_gateways].id = limits[i].id;
		gateways[n_gateways++].limit = &limits[i];
	}
}

static LaneGateway *
find_gateway(int32 id)
{
	for (int i = 0; i < n_gateways; i++)
		if (gateways[i].id == id)
			return &gateways[i];
	elog(ERROR, "gateway %d has no limit", id);
}

static void
load_lane(Lane *lane, HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	char *brand = SPI_getvalue(tuple, desc, 4);

	lane->campaign = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
	lane->gateway =
		find_gateway(DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull)));
	strlcpy(lane->sender, SPI_getvalue(tuple, desc, 3), sizeof(lane->sender));
	lane->reply = DatumGetBool(SPI_getbinval(tuple, desc, 5, &isnull));
	lane->weight = DatumGetInt32(SPI_getbinval(tuple, desc, 6, &isnull));
	lane->recheck = DatumGetBool(SPI_getbinval(tuple, desc, 7, &isnull));
	lane->pace = pace_now;
	add_limit(lane, LIMIT_GATEWAY, lane->gateway->id, "");
	add_limit(lane, LIMIT_SENDER, lane->gateway->id, lane->sender);
	add_limit(lane, LIMIT_CAMPAIGN, lane->campaign, "");
	if (brand != NULL)
		add_limit(lane, LIMIT_BRAND, 0, brand);
}

/*
 * Read which campaigns may send, from which numbers and within which limits,
 * in a transaction of the caller's.  A lane's position outlives that.
 */
void
lanes_load(void)
{
	MemoryContext before = context;
	Lane *old_lanes = lanes;
	int n_old = n_lanes;

	context = AllocSetContextCreate(TopMemoryContext, "p2ptext lanes",
									ALLOCSET_DEFAULT_SIZES);
	lanes = NULL;
	n_lanes = 0;
	load_limits();
	load_gateways();
	if (SPI_execute("SELECT c.id, c.gateway_id, s.number, s.brand, reply, "
					"c.weight, c.recheck AND NOT reply "
					"FROM p2ptext.campaign c "
					"JOIN p2ptext.gateway g ON g.id = c.gateway_id "
					"JOIN p2ptext.sender s ON s.gateway_id = g.id, "
					"(VALUES (true), (false)) AS kind(reply) "
					"WHERE c.status = 'active' AND c.channel = 'text' "
					"AND g.enabled AND s.enabled AND p2ptext.is_home() "
					"ORDER BY reply DESC, c.id, s.number",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read campaigns");
	lanes =
		MemoryContextAllocZero(context, Max(SPI_processed, 1) * sizeof(Lane));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Lane *lane = &lanes[n_lanes];
		Lane *old;

		load_lane(lane, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		old = find_lane(old_lanes, n_old, lane);
		if (old != NULL)
		{
			lane->mark = old->mark;
			lane->sweep_due = old->sweep_due;
			lane->sweep_after = old->sweep_after;
			lane->pace = old->pace;
			lane->heaviest = old->heaviest;
		}
		n_lanes++;
	}
	if (before)
		MemoryContextDelete(before);
}

/* Have counted what limits by the day do not know yet. */
void
lanes_count_days(void (*count)(SendLimit *limit))
{
	for (int i = 0; i < n_limits; i++)
		if (limit_wants_count(&limits[i]))
			count(&limits[i]);
}

/* Somebody committed something: every lane may have texts. */
void
lanes_look_again(void)
{
	for (int i = 0; i < n_lanes; i++)
	{
		/* Who was idle has no claim to what it did not use. */
		if (lanes[i].dry)
			lanes[i].pace = Max(lanes[i].pace, pace_now);
		lanes[i].dry = false;
	}
}

/* Segments that did not leave after all. */
void
queue_refund(int32 campaign, const char *sender, int segments)
{
	for (int i = 0; i < n_lanes; i++)
	{
		Lane *lane = &lanes[i];

		if (lane->campaign != campaign || strcmp(lane->sender, sender) != 0)
			continue;
		for (int l = 0; l < lane->n_limits; l++)
			limit_give_back(lane->limits[l], segments);
		return;
	}
}

static void
give_back(Lane *lane, int n, int up_to)
{
	for (int l = 0; l < up_to; l++)
		limit_give_back(lane->limits[l], n);
}

/* What a text of this lane is reckoned to need. */
static int
segments_each(const Lane *lane)
{
	return Max(lane->heaviest, 1);
}

/* What its gateway and all limits of a lane would give it now. */
static int
allowance(Lane *lane, TimestampTz now)
{
	int most = Min(p2ptext_batch_size, lane->gateway->left);

	for (int l = 0; l < lane->n_limits && most > 0; l++)
		most = limit_rests_until(lane->limits[l]) > now
				   ? 0
				   : Min(most, limit_offers(lane->limits[l],
											segments_each(lane), now));
	/* One shows how long they are. */
	return lane->heaviest == 0 && lane->is_limited ? Min(most, 1) : most;
}

/* Take from all limits what a lane is to have, or as much as they give. */
static int
take(Lane *lane, int most)
{
	for (int l = 0; l < lane->n_limits && most > 0; l++)
	{
		int n = limit_take(lane->limits[l], most, segments_each(lane));

		give_back(lane, (most - n) * segments_each(lane), l);
		most = n;
	}
	return most;
}

/* The lanes that may have some divide their campaign's weight among them. */
static void
weigh(void)
{
	for (int i = 0; i < n_lanes;)
	{
		int first = i;
		int n = 0;

		for (; i < n_lanes && lanes[i].campaign == lanes[first].campaign &&
			   lanes[i].reply == lanes[first].reply;
			 i++)
			n += lanes[i].allowed > 0;
		for (int j = first; j < i; j++)
			lanes[j].share = (double) lanes[j].weight / Max(n, 1);
	}
}

static bool
wants_more(const Lane *lane, bool reply, const LaneGateway *gateway)
{
	return lane->gateway == gateway && lane->reply == reply &&
		   lane->quota < lane->allowed;
}

/* The lane that will have had least of what is its due. */
static Lane *
slowest(bool reply, const LaneGateway *gateway)
{
	Lane *found = NULL;
	double least = 0;

	for (int i = 0; i < n_lanes; i++)
	{
		double pace = lanes[i].pace + (lanes[i].quota + 1) / lanes[i].share;

		if (wants_more(&lanes[i], reply, gateway) &&
			(found == NULL || pace < least))
		{
			found = &lanes[i];
			least = pace;
		}
	}
	return found;
}

/*
 * Divide the room of one gateway among its lanes: by weight as far as that
 * gives whole texts, the rest to who is behind.
 */
static void
divide(bool reply, const LaneGateway *gateway, int room)
{
	for (int given = 1; given > 0 && room > 0;)
	{
		double total = 0;

		given = 0;
		for (int i = 0; i < n_lanes; i++)
			if (wants_more(&lanes[i], reply, gateway))
				total += lanes[i].share;
		for (int i = 0; i < n_lanes; i++)
		{
			Lane *lane = &lanes[i];
			int n;

			if (!wants_more(lane, reply, gateway))
				continue;
			n = Min((int) (room * lane->share / total),
					lane->allowed - lane->quota);
			lane->quota += n;
			given += n;
		}
		room -= given;
	}
	for (Lane *lane; room > 0 && (lane = slowest(reply, gateway)) != NULL;
		 room--)
		lane->quota++;
}

static int
compare_pace(const void *a, const void *b)
{
	const Lane *left = *(Lane *const *) a;
	const Lane *right = *(Lane *const *) b;

	return (left->pace > right->pace) - (left->pace < right->pace);
}

/* Limits that several lanes share may not give all: who is behind goes first.
 */
static int
take_quotas(bool reply)
{
	Lane **order = palloc(Max(n_lanes, 1) * sizeof(Lane *));
	int n = 0;
	int claiming = 0;

	for (int i = 0; i < n_lanes; i++)
		if (lanes[i].reply == reply && lanes[i].quota > 0)
			order[n++] = &lanes[i];
	qsort(order, n, sizeof(Lane *), compare_pace);
	for (int i = 0; i < n; i++)
	{
		Lane *lane = order[i];

		lane->quota = take(lane, lane->quota);
		lane->taken = lane->quota * segments_each(lane);
		lane->gateway->left -= lane->quota;
		claiming += lane->quota > 0;
	}
	pfree(order);
	return claiming;
}

/*
 * Give quotas to all lanes of one kind, and take what they cost from their
 * limits; returns how many have one.  What the gateways have room for was
 * asked by lanes_begin().
 */
int
lanes_share(bool reply, TimestampTz now)
{
	for (int i = 0; i < n_lanes; i++)
	{
		Lane *lane = &lanes[i];

		lane->allowed =
			lane->reply == reply && !lane->dry ? allowance(lane, now) : 0;
	}
	weigh();
	for (int i = 0; i < n_gateways; i++)
		divide(reply, &gateways[i],
			   Min(Min(gateways[i].left, p2ptext_batch_size),
				   limit_offers(gateways[i].limit, 1, now)));
	return take_quotas(reply);
}

/*
 * How much room a gateway has.  A claim costs a commit, so let it be worth
 * one, unless limits see to that.
 */
static int
worth_claiming(const LaneGateway *gateway, AskRoom ask)
{
	GatewayRoom room = ask(gateway->id);
	int reserve = gateway->has_rate ? 0 : room.reserve;
	int total = Max(room.window + reserve, 0);

	return reserve > 0 && total < p2ptext_batch_size / 2 ? 0 : total;
}

/* Before a claim. */
void
lanes_begin(AskRoom ask)
{
	for (int i = 0; i < n_gateways; i++)
		gateways[i].left = worth_claiming(&gateways[i], ask);
	for (int i = 0; i < n_lanes; i++)
	{
		Lane *lane = &lanes[i];

		lane->quota = lane->got = lane->sending = lane->segments = lane->taken =
			0;
		lane->put_aside = false;
	}
}

/* What lanes of this kind have not used is for others. */
void
lanes_claimed(bool reply)
{
	for (int i = 0; i < n_lanes; i++)
	{
		Lane *lane = &lanes[i];

		if (lane->reply != reply || lane->quota == 0)
			continue;
		lane->gateway->left += lane->quota - lane->sending;
		give_back(lane, lane->taken - lane->segments, lane->n_limits);
		lane->taken = lane->segments;
	}
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

/* The claim is over.  If it failed, look again after a while. */
void
lanes_settle(bool claimed, TimestampTz began)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < n_lanes; i++)
	{
		Lane *lane = &lanes[i];

		if (!claimed)
		{
			give_back(lane, lane->taken, lane->n_limits);
			lane->dry = lane->sweep_due = true;
			lane->sweep_after = TimestampTzPlusMilliseconds(now, RETRY_MS);
			continue;
		}
		if (lane->got < lane->quota && !lane->put_aside)
			ran_dry(lane, began, now);
		if (lane->got > 0)
		{
			lane->pace += lane->got / lane->share;
			pace_now = Max(pace_now, lane->pace);
		}
	}
}

/* When a lane that is not dry may go on; DT_NOEND: with some result. */
static TimestampTz
ready_at(Lane *lane, AskRoom ask, TimestampTz now)
{
	TimestampTz ready = now;

	for (int l = 0; l < lane->n_limits; l++)
	{
		ready = Max(ready, limit_rests_until(lane->limits[l]));
		ready = Max(ready,
					limit_ready_at(lane->limits[l], segments_each(lane), now));
	}
	if (ready == now && worth_claiming(lane->gateway, ask) == 0)
		ready = DT_NOEND;
	return ready;
}

/* When there is something to claim, as far as time alone brings it about. */
TimestampTz
lanes_ready_at(AskRoom ask, TimestampTz now)
{
	TimestampTz next = DT_NOEND;

	for (int i = 0; i < n_lanes && next > now; i++)
	{
		Lane *lane = &lanes[i];

		/* The clock may have been set back. */
		lane->sweep_after = Min(lane->sweep_after, now + SWEEP_LATEST_US);
		if (lane->dry && lane->sweep_due && now >= lane->sweep_after)
		{
			lane->dry = false;
			lane->sweeping = true;
		}
		if (!lane->dry)
			next = Min(next, ready_at(lane, ask, now));
		else if (lane->sweep_due)
			next = Min(next, lane->sweep_after);
	}
	return next;
}
