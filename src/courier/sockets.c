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
cannot_bind(const char *name, const char *port, const SocketSettings *settings,
			int error)
{
	const char *setting = settings->address;
	const char *fix = "addresses of this machine";

	if (error == EADDRINUSE || error == EACCES)
	{
		setting = settings->port;
		fix = error == EACCES ? "a port above 1023" : "a free port";
	}
	link_fatal("cannot listen on address \"%s\", port %s: %s; set %s to %s",
			   name, port, strerror(error), setting, fix);
}

/* A name may stand for several addresses, of which one kind may be absent. */
static size_t
bind_name(const char *name, const char *port, const SocketSettings *settings,
		  int *sockets, size_t room)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
							 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	size_t n = 0;
	int last_error = EADDRNOTAVAIL;
	int error =
		getaddrinfo(strcmp(name, "*") == 0 ? NULL : name, port, &hints, &found);

	if (error != 0)
		link_fatal("cannot listen on address \"%s\", port %s: %s; set %s to "
				   "addresses of this machine",
				   name, port, gai_strerror(error), settings->address);
	for (struct addrinfo *one = found; one && n < room; one = one->ai_next)
	{
		int fd = bind_one(one);

		if (fd >= 0)
			sockets[n++] = fd;
		else if ((last_error = errno) == EADDRINUSE)
			cannot_bind(name, port, settings, EADDRINUSE);
	}
	freeaddrinfo(found);
	if (n == 0)
		cannot_bind(name, port, settings, last_error);
	return n;
}

size_t
sockets_bind(const char *addresses, const char *port,
			 const SocketSettings *settings, int sockets[SOCKETS_MAX])
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
			n += bind_name(name, port, settings, sockets + n, SOCKETS_MAX - n);
	}
	free(list);
	if (n == 0)
		link_fatal("there is no address to listen on; set %s",
				   settings->address);
	return n;
}

size_t
sockets_bind_pair(const char *pair, const char *setting,
				  int sockets[SOCKETS_MAX])
{
	const SocketSettings settings = {setting, setting};
	const char *colon = strrchr(pair, ':');
	bool in_brackets = colon && *pair == '[' && colon[-1] == ']';
	char *address;
	size_t n;

	if (colon == NULL || colon[1] == '\0' ||
		(!in_brackets && memchr(pair, ':', (size_t) (colon - pair))))
		link_fatal("\"%s\" is no address and port; set %s to one such as "
				   "127.0.0.1:9187 or [::1]:9187",
				   pair, setting);
	address = xstrndup(pair + in_brackets,
					   (size_t) (colon - pair) - 2 * (size_t) in_brackets);
	n = sockets_bind(address, colon + 1, &settings, sockets);
	free(address);
	return n;
}
