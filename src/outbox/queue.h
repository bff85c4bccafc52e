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
#include "outbox/limits.h"

/* A text that is ours to hand over, or to ask for. */
typedef struct Claimed
{
	int64 id;
	int32 campaign;
	int32 gateway;
	int32 validity_s; /* 0: no limit */
	int32 segments;
	TimestampTz claimed_at;
	char *ref;
	char *sender;
	char *phone;
	char *body;
	char **media;
	int n_media;
} Claimed;

/*
 * How many more texts a gateway can take now: those that begin at once, and
 * those that may wait in the courier so that it never lacks one.
 */
typedef struct GatewayRoom
{
	int window;
	int reserve;
} GatewayRoom;

typedef GatewayRoom (*AskRoom)(int32 gateway);

/* lanes.c */
extern SendLimit *queue_limit(LimitKind kind, int32 id, const char *name);
extern TimestampTz queue_day_ends(void);
extern void queue_refund(int32 campaign, const char *sender, int segments);

/* claim.c */
extern void queue_load(void);
extern void queue_look_again(void);
extern int queue_claim(AskRoom ask, Claimed **rows);
extern bool queue_recover(void);
extern int queue_recall(const int64 *ids, int n, int64 **recalled);

/* deferred.c */
extern void queue_expect_deferred(void);
extern void queue_requeue(void);
extern int queue_find(const int32 *gateways, int n, Claimed **rows);
extern void queue_found(int64 id, int32 campaign, bool asked,
						char **provider_ids, int n);
extern long queue_delay(AskRoom ask);

/* results.c */
extern void results_init(void);
extern void results_add(int64 id, int32 campaign, WireOutcome outcome,
						const char *provider_id, const char *code,
						const char *text, int32 delay_ms, int32 segments);
extern int results_pending(void);
extern bool results_record(void);

#endif /* P2PTEXT_QUEUE_H */
