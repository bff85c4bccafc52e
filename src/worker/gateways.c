/*-------------------------------------------------------------------------
 *
 * gateways.c
 *	  The gateways of a sender: their settings, their room, and how they do.
 *
 * Reads the rows that hold settings and tells the courier of them, secrets
 * included.  A gateway that fails rests; so does a number that a gateway wants
 * left alone.
 *
 * src/worker/gateways.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "p2ptext.h"
#include "worker/sender.h"
#include "worker/worker.h"

static Gateway *gateways;
static int n_gateways;
static bool senders_rest; /* some number did, since settings were read */

Gateway *
find_gateway(int32 id)
{
	for (int i = 0; i < n_gateways; i++)
		if (gateways[i].id == id)
			return &gateways[i];
	return NULL;
}

/* Keep the courier's window full, with two batches in reserve. */
GatewayRoom
gateway_room(int32 id)
{
	Gateway *gateway = find_gateway(id);
	GatewayRoom room = {0, 0};

	if (gateway == NULL || !p2ptext_sending)
		return room;
	room.window = p2ptext_max_in_flight - gateway->in_flight;
	room.reserve = 2 * p2ptext_batch_size;
	/* After a rest, one text shows whether it works again. */
	if (limit_on_probation(gateway->limit))
	{
		room.window = 1 - gateway->in_flight;
		room.reserve = 0;
	}
	return room;
}

/* Returns a hash of what was told, the secret included. */
static uint32
tell_gateway(Courier *courier, HeapTuple tuple, TupleDesc desc,
			 const char *secret)
{
	static const int columns[] = {2, 3, 4, 5}; /* name ... account */
	char *name = SPI_getvalue(tuple, desc, 2);
	char *webhook_secret = webhook_secret_of(name, WARNING);
	bool isnull;

	wire_begin(&courier->out, WIRE_GATEWAY);
	wire_put_u32(&courier->out,
				 DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull)));
	for (int i = 0; i < (int) lengthof(columns); i++)
		wire_put_str(&courier->out, SPI_getvalue(tuple, desc, columns[i]));
	wire_put_str(&courier->out, secret);
	wire_put_str(&courier->out, webhook_secret);
	wire_put_str(&courier->out, SPI_getvalue(tuple, desc, 6));
	wire_put_str(&courier->out, p2ptext_public_url);
	wire_put_str(&courier->out, p2ptext_ca_file);
	wire_put_str(&courier->out, ""); /* it takes no webhooks */
	wire_put_u32(&courier->out,
				 DatumGetBool(SPI_getbinval(tuple, desc, 7, &isnull)));
	wire_put_u32(&courier->out, p2ptext_max_in_flight);
	wire_put_u32(&courier->out, p2ptext_request_timeout);
	if (!courier_frame_end(courier))
		elog(ERROR, "settings of gateway \"%s\" are too long", name);
	if (webhook_secret != NULL)
		explicit_bzero(webhook_secret, strlen(webhook_secret));
	return hash_bytes(courier->out.data + courier->out.frame,
					  courier->out.end - courier->out.frame);
}

/* Restored or copied, and nobody has said yet that it may send. */
static bool
is_copy(void)
{
	bool isnull;

	if (SPI_execute("SELECT EXISTS (SELECT FROM p2ptext.home) "
					"AND NOT p2ptext.is_home()",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read p2ptext.home");
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
									  SPI_tuptable->tupdesc, 1, &isnull));
}

/* Read all that a sender goes by, and tell the courier, in a transaction. */
void
gateways_load(void *courier)
{
	int n = 0;
	Gateway *fresh;

	queue_load();
	if (SPI_execute(
			"SELECT id, name, provider, coalesce(base_url, ''), "
			"coalesce(account, ''), settings, plain_http, needs_secret, "
			"has_find "
			"FROM p2ptext.gateway JOIN p2ptext.provider "
			"USING (provider) WHERE enabled ORDER BY id",
			true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read gateways");
	fresh = MemoryContextAllocZero(TopMemoryContext,
								   Max(SPI_processed, 1) * sizeof(Gateway));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		int32 id = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		char *name = SPI_getvalue(tuple, desc, 2);
		bool loopback = strcmp(SPI_getvalue(tuple, desc, 3), "loopback") == 0;
		char *secret = secret_of(name, WARNING);
		Gateway *before = find_gateway(id);

		if (secret == NULL &&
			DatumGetBool(SPI_getbinval(tuple, desc, 8, &isnull)))
		{
			worker_note_error(psprintf(
				"gateway \"%s\" has no credentials: put \"%s = <secret>\" "
				"into the file named by p2ptext.secrets_file and reload",
				name, name));
			continue;
		}
		fresh[n].told = tell_gateway(courier, tuple, desc, secret);
		if (secret != NULL)
			explicit_bzero(secret, strlen(secret));
		fresh[n].id = id;
		fresh[n].limit = queue_limit(LIMIT_GATEWAY, id, "");
		/* Somebody has mended something. */
		if (before != NULL && before->told != fresh[n].told)
			limit_reset(fresh[n].limit);
		fresh[n].has_find =
			DatumGetBool(SPI_getbinval(tuple, desc, 9, &isnull));
		fresh[n].loopback = loopback;
		fresh[n++].in_flight = before ? before->in_flight : 0;
	}
	if (gateways)
		pfree(gateways);
	gateways = fresh;
	n_gateways = n;
	senders_rest = false;
	if (is_copy())
		worker_note_error("this is a copy of a database, and nothing leaves "
						  "from it until SELECT p2ptext.start_sending()");
}

/* The gateways that can be asked for a text; returns how many. */
int
gateways_to_ask(int32 **ids)
{
	int n = 0;

	*ids = palloc((n_gateways + 1) * sizeof(int32));
	for (int i = 0; i < n_gateways; i++)
		if (gateways[i].has_find)
			(*ids)[n++] = gateways[i].id;
	return n;
}

/* Whether its gateway, or our number there, has to be left alone. */
bool
is_resting(const InFlight *entry, TimestampTz now)
{
	SendLimit *gateway = queue_limit(LIMIT_GATEWAY, entry->gateway, "");
	SendLimit *sender =
		queue_limit(LIMIT_SENDER, entry->gateway, entry->sender);

	return (gateway != NULL && limit_rests_until(gateway) > now) ||
		   (sender != NULL && limit_rests_until(sender) > now);
}

/*
 * What an outcome says of the gateway, or of our number there.  When one has
 * to rest, every sender calls back what it has there.
 */
void
judge_gateway(const InFlight *entry, WireOutcome outcome, WireScope scope,
			  int32 delay_ms, const char *why)
{
	Gateway *gateway = find_gateway(entry->gateway);
	SendLimit *sender =
		scope == WIRE_SCOPE_SENDER || senders_rest
			? queue_limit(LIMIT_SENDER, entry->gateway, entry->sender)
			: NULL;
	TimestampTz now = GetCurrentTimestamp();
	bool rests = false;

	if (gateway == NULL || (outcome == WIRE_DEFERRED && delay_ms == 0))
		return;
	if (outcome == WIRE_UNKNOWN || outcome == WIRE_RETRY ||
		(outcome == WIRE_DEFERRED && scope == WIRE_SCOPE_GATEWAY))
		rests = limit_failed(gateway->limit,
							 outcome == WIRE_DEFERRED ? delay_ms : 0, why, now);
	else if (outcome == WIRE_DEFERRED && scope == WIRE_SCOPE_SENDER)
	{
		senders_rest = true;
		rests = sender != NULL && limit_failed(sender, delay_ms, why, now);
	}
	else
	{
		limit_answered(gateway->limit, now);
		if (sender != NULL)
			limit_answered(sender, now);
	}
	if (rests)
		registry_wake(MyDatabaseId, WAKE_RECALL);
}
