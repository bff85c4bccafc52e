/*-------------------------------------------------------------------------
 *
 * intake.h
 *	  From a webhook, however it came, to a frame for the worker.
 *
 * src/courier/intake.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_INTAKE_H
#define COURIER_INTAKE_H

#include "gateway/gateway.h"

/* Longer bodies are refused. */
#define INTAKE_MAX_BODY 65536

/*
 * Write the WIRE_WEBHOOK frame of request "id" to link_out; returns 0 and what
 * to answer once the worker has kept it, or the HTTP status to refuse with.
 */
extern unsigned intake(Gateway *gateway, const HookRequest *req, uint64_t id,
					   const HookAck **ack);

/* May the gateway's webhooks come from there? */
extern bool intake_admits(const Gateway *gateway, const char *address);

/* What to tell with a status that refuses. */
extern const char *refusal_text(unsigned status);

#endif /* COURIER_INTAKE_H */
