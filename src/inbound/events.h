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
#include "nodes/pg_list.h"

#define EVENT_COLUMNS 14

typedef struct EventBatch
{
	MemoryContext context;
	int n;
	int size;
	Datum *columns[EVENT_COLUMNS];
	int64 applied; /* of those stored last */
} EventBatch;

extern void events_init(EventBatch *batch);
extern bool events_take(EventBatch *batch, int32 gateway, WireFrame *frame);
extern void events_arrays(EventBatch *batch, int first, int n,
						  Datum arrays[EVENT_COLUMNS]);
extern void events_store(EventBatch *batch, int first, int n);
extern bool events_record(EventBatch *batch, int first, int n);
extern void events_reset(EventBatch *batch);

#define PROOF_STRINGS 8

/* What came with a webhook to show where it is from. */
typedef struct Proof
{
	WireProof kind;
	uint32 n_signatures;
	WireStr signatures[PROOF_STRINGS];
	uint32 n_signed;
	WireStr signed_strings[PROOF_STRINGS];
} Proof;

/* signature.c */
extern bool proof_take(Proof *proof, WireFrame *frame);
extern bool proof_ok(const Proof *proof, const List *secrets);

#endif /* P2PTEXT_EVENTS_H */
