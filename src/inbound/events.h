/*-------------------------------------------------------------------------
 *
 * events.h
 *	  Events from a courier on their way into p2ptext.inbound.
 *
 * src/inbound/events.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_EVENTS_H
#define P2PTEXT_EVENTS_H

#include "postgres.h"

#include "courier/wire.h"

#define EVENT_COLUMNS 14

typedef struct EventBatch
{
	MemoryContext context;
	int n;
	int size;
	Datum *columns[EVENT_COLUMNS];
} EventBatch;

extern void events_init(EventBatch *batch);
extern bool events_take(EventBatch *batch, int32 gateway, WireFrame *frame);
extern void events_store(EventBatch *batch, int first, int n);
extern void events_reset(EventBatch *batch);

/* signature.c */
extern bool signature_ok(const char *provider, const char *secret,
						 WireStr signature, const WireStr *candidates, int n);

#endif /* P2PTEXT_EVENTS_H */
