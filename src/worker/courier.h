/*-------------------------------------------------------------------------
 *
 * courier.h
 *	  A worker's end of its courier, or a session's.
 *
 * src/worker/courier.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_WORKER_COURIER_H
#define P2PTEXT_WORKER_COURIER_H

#include "postgres.h"

#include "courier/wire.h"
#include "utils/timestamp.h"

typedef struct Courier
{
	pid_t pid; /* 0: none */
	int fd;
	WireBuf in;
	WireBuf out;
	bool in_session; /* no worker's: with it, a statement fails */
	bool watched;	 /* will not outlive this process */
	bool ready;		 /* has said HELLO */
	bool ended;		 /* nothing more will come from it */
	uint64 put;		 /* bytes ever written to out ... */
	uint64 flushed;	 /* ... and those that left it */
	TimestampTz started;
	TimestampTz retry; /* not to be started before */
	int delay_ms;
} Courier;

extern bool courier_start(Courier *courier, const char *const args[]);
extern const char *courier_end(Courier *courier);
extern void courier_fail(Courier *courier, const char *why);
extern bool courier_frame_end(Courier *courier);
extern void courier_flush(Courier *courier);
extern void courier_exchange(Courier *courier);
extern bool courier_next(Courier *courier, WireFrame *frame);
extern long courier_delay(const Courier *courier);

/* A borrowed string as palloc'd text that the database may hold. */
extern char *wire_text(WireStr str);

#endif /* P2PTEXT_WORKER_COURIER_H */
