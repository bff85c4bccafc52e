/*-------------------------------------------------------------------------
 *
 * later.h
 *	  Simulated events, told to the worker when their time has come.
 *
 * src/courier/later.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_LATER_H
#define COURIER_LATER_H

#include "gateway/gateway.h"

/* Takes over the event's memory. */
extern void later_add(uint32_t gateway, uint64_t now,
					  const SimulatedEvent *simulated);

/* Tell what is due; returns how many ms until the next, or -1 for none. */
extern int later_run(uint64_t now);

#endif /* COURIER_LATER_H */
