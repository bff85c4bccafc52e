/*-------------------------------------------------------------------------
 *
 * link.h
 *	  The courier's end of the socket to its worker.
 *
 * There is one worker, so there is one link.  Losing it, or being sent
 * something that is not a frame, ends the courier on the spot: without a
 * worker nothing it does could be recorded.
 *
 * src/courier/link.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_LINK_H
#define COURIER_LINK_H

#include "wire.h"

/* Frames for the worker are written here, between wire_begin() and ... */
extern WireBuf link_out;

/* ... this, for frames that always fit ... */
extern void link_end(void);

/* ... and go out here, as far as the socket takes them. */
extern void link_flush(void);

/* Takes a frame field by field; false if it is not one that it expects. */
typedef bool (*LinkHandler)(WireFrame *frame);

/* Read once and handle all whole frames. */
extern void link_read(LinkHandler handler);

extern void link_hello(void);
extern void link_log(WireLogLevel level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say why the courier cannot work, and end it. */
extern void link_fatal(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* Milliseconds of a clock that never goes back. */
extern uint64_t now_ms(void);

#endif /* COURIER_LINK_H */
