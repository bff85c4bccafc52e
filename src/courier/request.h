/*-------------------------------------------------------------------------
 *
 * request.h
 *	  A request to a listening courier, and what its headers say.
 *
 * src/courier/request.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_REQUEST_H
#define COURIER_REQUEST_H

#include <microhttpd.h>

#include "clients.h"
#include "route.h"

/* A request, from its first line to its answer. */
typedef struct Request
{
	struct MHD_Connection *connection;
	Client *client;
	char *target;
	char address[ADDRESS_TEXT]; /* of who sent a webhook */
	bool begun;
	bool twice; /* a header asked for came more than once */
	bool too_long;
	Route route;
	Buf body;
	unsigned status; /* what to answer, once that is known */
	const HookAck *ack;
	char *page;
} Request;

/* Called by the HTTP server with the request line, and after the answer. */
extern void *request_begin(void *arg, const char *target,
						   struct MHD_Connection *connection);
extern void request_end(void *arg, struct MHD_Connection *connection,
						void **context, enum MHD_RequestTerminationCode code);

/* A header of the Request in "arg", or NULL; notes when there are several. */
extern const char *request_header(void *arg, const char *name);

/* Is it beyond doubt where the request ends? */
extern bool request_is_framed(Request *request, const char *version);

/* Who sent it?  False if a proxy of ours says so in no way we know. */
extern bool request_find_sender(Request *request,
								const CidrList *trusted_proxies);

#endif /* COURIER_REQUEST_H */
