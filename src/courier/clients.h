/*-------------------------------------------------------------------------
 *
 * clients.h
 *	  Who is connected to a listening courier, and for how much longer.
 *
 * src/courier/clients.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_CLIENTS_H
#define COURIER_CLIENTS_H

#include <microhttpd.h>

#include "cidr.h"

/* For the HTTP server; it is reached by none of its daemons. */
#define CLIENTS_LIMIT 1100

/* A connection; in a list while the client has to do something. */
typedef struct Client
{
	struct Client *prev;
	struct Client *next;
	uint64_t deadline; /* 0: not in the list */
	int fd;
	bool ended; /* by us; not yet closed */
	bool proxy; /* one that we trust */
	Address address;
} Client;

extern void clients_init(const CidrList *trusted_proxies);

/* Called by the HTTP server, before and after it takes a connection. */
extern enum MHD_Result clients_admit(void *arg, const struct sockaddr *from,
									 socklen_t len);
extern void clients_notify(void *arg, struct MHD_Connection *connection,
						   void **context,
						   enum MHD_ConnectionNotificationCode code);

/* The client is to act within its time, counted from now; or need not. */
extern void client_expect(Client *client);
extern void client_leave(Client *client);

/* End those that took too long; is there anyone left to wait for? */
extern void clients_sweep(void);
extern bool clients_waited_for(void);

#endif /* COURIER_CLIENTS_H */
