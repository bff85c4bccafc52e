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
	bool find; /* ask for it, rather than send it */
	Text text;
	char *memory[]; /* the media of the text, then all its strings */
} Job;

extern void http_init(void);
extern void http_submit(Job *job);			/* takes over the job */
extern void http_changed(Gateway *gateway); /* it has new values */
extern void http_give_back(void);			/* whatever has not begun */
extern void http_recall(uint64_t id);		/* this, if it has not begun */
extern bool http_busy(void);				/* anything begun? */
extern void http_perform(void);
extern int http_held_ms(uint64_t now); /* until a window goes on; -1: none */
extern bool http_wait(int timeout_ms, bool flush); /* worker is readable? */
extern void http_free(void);

/* Tell the worker what became of a text, or what a gateway knows of it. */
extern void put_result(uint64_t id, const SendResult *result);
extern void put_found(uint64_t id, const FindResult *result);

#endif /* COURIER_HTTP_H */
