/*-------------------------------------------------------------------------
 *
 * sender.h
 *	  Inside a sender: its gateways, and what is on its way to them.
 *
 * src/worker/sender.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_SENDER_H
#define P2PTEXT_SENDER_H

#include "outbox/queue.h"
#include "worker/courier.h"

typedef struct Gateway
{
	int32 id;
	bool loopback;
	bool has_find;
	int in_flight;
	SendLimit *limit;
	uint32 told; /* hash of what the courier was told of it */
} Gateway;

typedef struct InFlight
{
	int64 id;
	int32 campaign;
	int32 gateway;
	int32 segments;
	char sender[24];
	bool find;	/* asked for, not sent */
	uint64 end; /* where its frame ends in what was put for the courier */
} InFlight;

/* gateways.c */
extern void gateways_load(void *courier);
extern Gateway *find_gateway(int32 id);
extern GatewayRoom gateway_room(int32 id);
extern int gateways_to_ask(int32 **ids);
extern bool is_resting(const InFlight *entry, TimestampTz now);
extern void judge_gateway(const InFlight *entry, WireOutcome outcome,
						  WireScope scope, int32 delay_ms, const char *why);

#endif /* P2PTEXT_SENDER_H */
