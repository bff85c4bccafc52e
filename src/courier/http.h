/*-------------------------------------------------------------------------
 *
 * http.h
 *	  Sending texts to gateways over HTTP, many at a time.
 *
 * src/courier/http.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_HTTP_H
#define COURIER_HTTP_H

#include "gateway/gateway.h"

/* A text on its way through the courier; one piece of memory. */
typedef struct Job
{
	struct Job *next;
	Gateway *gateway;
	Text text;
	char memory[]; /* the strings of the text */
} Job;

extern void http_init(void);
extern void http_submit(Job *job);			/* takes over the job */
extern void http_changed(Gateway *gateway); /* it has new values */
extern void http_give_back(void);			/* whatever has not begun */
extern bool http_busy(void);				/* anything begun? */
extern void http_perform(void);
extern bool http_wait(int timeout_ms, bool flush); /* worker is readable? */
extern void http_free(void);

/* Tell the worker what became of a text. */
extern void put_result(uint64_t id, const SendResult *result);

#endif /* COURIER_HTTP_H */
