/*-------------------------------------------------------------------------
 *
 * listen.h
 *	  p2ptext-courier listen: webhooks from gateways to the worker.
 *
 * src/courier/listen.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_LISTEN_H
#define COURIER_LISTEN_H

typedef struct ListenOptions
{
	const char *addresses;
	const char *port;
	const char *trusted_proxies; /* CIDR blocks; may be empty */
	const char *metrics;		 /* "address:port"; empty: with the webhooks */
} ListenOptions;

/* Bind to the addresses; before the sandbox. */
extern void listen_init(const ListenOptions *options);

/* Serve until the worker says to quit; in the sandbox. */
extern int listen_run(void);

#endif /* COURIER_LISTEN_H */
