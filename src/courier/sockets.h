/*-------------------------------------------------------------------------
 *
 * sockets.h
 *	  The sockets a listening courier accepts on.
 *
 * src/courier/sockets.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_SOCKETS_H
#define COURIER_SOCKETS_H

#include <stddef.h>

#define SOCKETS_MAX 16

/* Where an address and a port come from, for who has to mend them. */
typedef struct SocketSettings
{
	const char *address;
	const char *port;
} SocketSettings;

/*
 * Bind to a comma-separated list of addresses; "*" is all of them.  Returns
 * how many sockets that made.  An address that cannot be had is fatal.
 */
extern size_t sockets_bind(const char *addresses, const char *port,
						   const SocketSettings *settings,
						   int sockets[SOCKETS_MAX]);

/* The same for "address:port" or "[address]:port". */
extern size_t sockets_bind_pair(const char *pair, const char *setting,
								int sockets[SOCKETS_MAX]);

#endif /* COURIER_SOCKETS_H */
