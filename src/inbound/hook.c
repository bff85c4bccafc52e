/*-------------------------------------------------------------------------
 *
 * hook.c
 *	  Which webhooks of a gateway are believed.
 *
 * The courier is told of a gateway all but its secrets, and takes webhooks
 * apart; whether one is the gateway's is judged here, for the listener's as
 * for those that an application received.
 *
 * src/inbound/hook.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/sha.h>

#include "executor/spi.h"
#include "utils/memutils.h"

#include "inbound/hook.h"
#include "p2ptext.h"
#include "worker/worker.h"

/* From a row of HOOK_GATEWAYS; a bad file of secrets is told at elevel. */
void
hook_gateway(HookGateway *gateway, HeapTuple tuple, TupleDesc desc, int elevel)
{
	bool isnull;

	gateway->id = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
	gateway->verify = DatumGetBool(SPI_getbinval(tuple, desc, 4, &isnull));
	gateway->secrets = webhook_secrets_of(SPI_getvalue(tuple, desc, 2), elevel);
}

void
hook_forget(HookGateway *gateway)
{
	for (int i = 0; i < list_length(gateway->secrets); i++)
	{
		char *secret = list_nth(gateway->secrets, i);

		explicit_bzero(secret, strlen(secret));
	}
}

/*
 * Tell a courier of a row of HOOK_GATEWAYS, and if wanted of the addresses
 * that webhooks may come from.  False if that makes too long a frame.
 */
bool
hook_tell(Courier *courier, HeapTuple tuple, TupleDesc desc, bool addresses)
{
	WireBuf *out = &courier->out;
	bool isnull;

	wire_begin(out, WIRE_GATEWAY);
	wire_put_u32(out, DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull)));
	wire_put_str(out, SPI_getvalue(tuple, desc, 2));
	wire_put_str(out, SPI_getvalue(tuple, desc, 3));
	wire_put_str(out, "");
	wire_put_str(out, "");
	wire_put_str(out, ""); /* it has no secret ... */
	wire_put_str(out, ""); /* ... of either kind */
	wire_put_str(out, SPI_getvalue(tuple, desc, 5));
	wire_put_str(out, p2ptext_public_url);
	wire_put_str(out, ""); /* it makes no connections */
	wire_put_str(out, addresses ? SPI_getvalue(tuple, desc, 6) : "");
	wire_put_u32(out, 0);
	wire_put_u32(out, 0);
	wire_put_u32(out, 0);
	return courier_frame_end(courier);
}

/* What was signed well, and what came with it. */
typedef struct Seen
{
	uint64 signed_string;
	uint64 content;
} Seen;

#define SEEN_MOST 65536

/* One that nobody can aim at. */
static uint64
digest_of(const void *data, size_t len)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	uint64 first;

	SHA256(data, len, digest);
	memcpy(&first, digest, sizeof(first));
	return first;
}

/*
 * Plivo's older signatures cover a nonce but no field, so one overheard would
 * do for any text.  It may come again only with what it came with before, as
 * far as this table remembers.  It goes by the string that was signed, since
 * strangers can put other signatures, but no other string, beside it.
 */
static bool
is_reused(const Proof *proof, const WireFrame *rest)
{
	static Seen *table;
	uint64 signed_string;
	uint64 content;
	Seen *seen;

	if (proof->kind != WIRE_PROOF_HMAC_SHA256 || proof->n_signed != 1)
		return false;
	if (table == NULL)
		table =
			MemoryContextAllocZero(TopMemoryContext, SEEN_MOST * sizeof(Seen));
	signed_string =
		digest_of(proof->signed_strings[0].data, proof->signed_strings[0].len);
	content = digest_of(rest->next, rest->end - rest->next);
	seen = &table[signed_string % SEEN_MOST];
	if (seen->signed_string == signed_string && seen->content != content)
		return true;
	*seen = (Seen){signed_string, content};
	return false;
}

/*
 * The rest of a WIRE_WEBHOOK frame, after the gateway's id.  The events join
 * the batch only if they are proved to be that gateway's, which is NULL when
 * it does not exist.
 */
HookVerdict
hook_judge(const HookGateway *gateway, int32 id, EventBatch *events,
		   WireFrame *frame)
{
	int before = events->n;
	Proof proof;
	WireFrame rest;

	if (!proof_take(&proof, frame))
		return HOOK_BROKEN;
	rest = *frame;
	if (!events_take(events, id, frame))
		return HOOK_BROKEN;
	if (gateway != NULL &&
		(!gateway->verify ||
		 (proof_ok(&proof, gateway->secrets) && !is_reused(&proof, &rest))))
		return HOOK_PROVED;
	events->n = before;
	return HOOK_UNPROVED;
}
