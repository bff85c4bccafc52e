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

#include "executor/spi.h"

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

	if (!proof_take(&proof, frame) || !events_take(events, id, frame))
		return HOOK_BROKEN;
	if (gateway != NULL &&
		(!gateway->verify || proof_ok(&proof, gateway->secrets)))
		return HOOK_PROVED;
	events->n = before;
	return HOOK_UNPROVED;
}
