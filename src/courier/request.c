/*-------------------------------------------------------------------------
 *
 * request.c
 *	  A request to a listening courier, and what its headers say.
 *
 * src/courier/request.c
 *
 *-------------------------------------------------------------------------
 */
#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"

#define TOKEN                    \
	"!#$%&'*+-.^_`|~0123456789"  \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

void *
request_begin(void *arg, const char *target, struct MHD_Connection *connection)
{
	Request *request = xalloc(sizeof(Request));

	(void) arg;
	request->connection = connection;
	request->target = xstrndup(target, strlen(target));
	request->client =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;
	return request;
}

void
request_end(void *arg, struct MHD_Connection *connection, void **context,
			enum MHD_RequestTerminationCode code)
{
	Request *request = *context;

	(void) arg, (void) connection, (void) code;
	if (request == NULL)
		return;
	client_leave(request->client);
	client_expect(request->client); /* the next request, or the end */
	free(request->target);
	free(request->page);
	buf_free(&request->body);
	free(request);
	*context = NULL;
}

typedef struct Lookup
{
	const char *name;
	const char *value; /* the first */
	Buf all;		   /* each after a comma */
	unsigned n;
} Lookup;

static enum MHD_Result
look_at_header(void *arg, enum MHD_ValueKind kind, const char *name,
			   const char *value)
{
	Lookup *lookup = arg;

	(void) kind;
	if (value && strcasecmp(name, lookup->name) == 0)
	{
		if (lookup->n++ == 0)
			lookup->value = value;
		buf_printf(&lookup->all, ",%s", value);
	}
	return MHD_YES;
}

const char *
request_header(void *arg, const char *name)
{
	Request *request = arg;
	Lookup lookup = {.name = name};

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND,
							  look_at_header, &lookup);
	buf_free(&lookup.all);
	if (lookup.n > 1)
		request->twice = true;
	return lookup.value;
}

static enum MHD_Result
count_odd_name(void *arg, enum MHD_ValueKind kind, const char *name,
			   const char *value)
{
	(void) kind, (void) value;
	if (name[strspn(name, TOKEN)] != '\0')
		++*(unsigned *) arg;
	return MHD_YES;
}

/*
 * A proxy in front of us must not see another end of the request than we do:
 * MHD takes the first of two lengths, and "Content-Length :" for another name.
 */
bool
request_is_framed(Request *request, const char *version)
{
	const char *coding =
		request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	const char *length =
		request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	unsigned odd = 0;

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND,
							  count_odd_name, &odd);
	request_header(request, MHD_HTTP_HEADER_HOST);
	if (odd > 0 || request->twice)
		return false;
	return coding == NULL ||
		   (length == NULL && strcmp(version, "HTTP/1.1") == 0 &&
			strcasecmp(coding, "chunked") == 0);
}

bool
request_find_sender(Request *request, const CidrList *trusted_proxies)
{
	Lookup forwarded = {.name = "X-Forwarded-For"};
	Address address = request->client->address;
	bool ok = true;

	if (request->client->proxy)
		MHD_get_connection_values(request->connection, MHD_HEADER_KIND,
								  look_at_header, &forwarded);
	if (forwarded.n > 0)
		ok = cidr_forwarded(trusted_proxies, forwarded.all.data + 1, &address);
	buf_free(&forwarded.all);
	address_print(&address, request->address);
	return ok;
}
