/*-------------------------------------------------------------------------
 *
 * sockets.c
 *	  The sockets a listening courier accepts on.  See sockets.h.
 *
 * src/courier/sockets.c
 *
 *-------------------------------------------------------------------------
 */
#include "sockets.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "link.h"

#define BACKLOG 1024

/* A listening socket, or -1 with errno. */
static int
bind_one(const struct addrinfo *address)
{
	int on = 1;
	int error;
	int fd = socket(address->ai_family,
					address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void
cannot_bind(const char *name, const char *port, int error)
{
	const char *fix = "set p2ptext.listen_addresses to addresses of this "
					  "machine";

	if (error == EADDRINUSE)
		fix = "set p2ptext.port to a free port";
	else if (error == EACCES)
		fix = "set p2ptext.port to a port above 1023";
	link_fatal("cannot listen on address \"%s\", port %s: %s; %s", name, port,
			   strerror(error), fix);
}

/* A name may stand for several addresses, of which one kind may be absent. */
static size_t
bind_name(const char *name, const char *port, int *sockets, size_t room)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
							 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	size_t n = 0;
	int last_error = EADDRNOTAVAIL;
	int error =
		getaddrinfo(strcmp(name, "*") == 0 ? NULL : name, port, &hints, &found);

	if (error != 0)
		link_fatal("cannot listen on address \"%s\", port %s: %s; set "
				   "p2ptext.listen_addresses to addresses of this machine",
				   name, port, gai_strerror(error));
	for (struct addrinfo *one = found; one && n < room; one = one->ai_next)
	{
		int fd = bind_one(one);

		if (fd >= 0)
			sockets[n++] = fd;
		else if ((last_error = errno) == EADDRINUSE)
			cannot_bind(name, port, EADDRINUSE);
	}
	freeaddrinfo(found);
	if (n == 0)
		cannot_bind(name, port, last_error);
	return n;
}

size_t
sockets_bind(const char *addresses, const char *port, int sockets[SOCKETS_MAX])
{
	char *list = xstrndup(addresses, strlen(addresses));
	char *rest = list;
	char *name;
	size_t n = 0;

	while ((name = strsep(&rest, ",")))
	{
		name += strspn(name, " \t");
		name[strcspn(name, " \t")] = '\0';
		if (*name)
			n += bind_name(name, port, sockets + n, SOCKETS_MAX - n);
	}
	free(list);
	if (n == 0)
		link_fatal("there is no address to listen on; set "
				   "p2ptext.listen_addresses");
	return n;
}
