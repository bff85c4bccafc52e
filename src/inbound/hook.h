/*-------------------------------------------------------------------------
 *
 * hook.h
 *	  Which webhooks of a gateway are believed.
 *
 * src/inbound/hook.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_HOOK_H
#define P2PTEXT_HOOK_H

#include "postgres.h"

#include "access/htup.h"
#include "inbound/events.h"
#include "worker/courier.h"

/* What the functions below read of a gateway's row. */
#define HOOK_GATEWAYS                                    \
	"SELECT id, name, provider, verify_webhooks, "       \
	"settings, array_to_string(webhook_addresses, ',') " \
	"FROM p2ptext.gateway "

typedef struct HookGateway
{
	int32 id;
	bool verify;
	List *secrets; /* of char *; any of them will do */
} HookGateway;

typedef enum HookVerdict
{
	HOOK_BROKEN, /* not what a courier may say */
	HOOK_UNPROVED,
	HOOK_PROVED
} HookVerdict;

extern void hook_gateway(HookGateway *gateway, HeapTuple tuple, TupleDesc desc,
						 int elevel);
extern void hook_forget(HookGateway *gateway);
extern bool hook_tell(Courier *courier, HeapTuple tuple, TupleDesc desc,
					  bool addresses);
extern HookVerdict hook_judge(const HookGateway *gateway, int32 id,
							  EventBatch *events, WireFrame *frame);

#endif /* P2PTEXT_HOOK_H */
