/*-------------------------------------------------------------------------
 *
 * queue.h
 *	  The sender's side of the outbox.
 *
 * src/outbox/queue.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_QUEUE_H
#define P2PTEXT_QUEUE_H

#include "postgres.h"

#include "courier/wire.h"
#include "inbound/events.h"

/* A text that is ours to hand over. */
typedef struct Claimed
{
	int64 id;
	int32 campaign;
	int32 gateway;
	int32 validity_s; /* 0: no limit */
	char *ref;
	char *sender;
	char *phone;
	char *body;
} Claimed;

/* How many more texts a gateway can take now; -1: it cannot be used. */
typedef int (*GatewayRoom)(int32 gateway);

/* lanes.c */
extern void queue_load_lanes(void);
extern void queue_look_again(void);
extern int queue_claim(GatewayRoom room, Claimed **rows);
extern bool queue_recover(void);
extern void queue_expect_deferred(void);
extern void queue_requeue(void);
extern long queue_delay(void);

/* results.c */
extern void results_init(void);
extern void results_add(int64 id, int32 campaign, WireOutcome outcome,
						const char *provider_id, const char *code,
						const char *text, int32 delay_ms, int32 segments);
extern int results_pending(void);
extern bool results_record(EventBatch *events);

#endif /* P2PTEXT_QUEUE_H */
