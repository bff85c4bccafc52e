/*-------------------------------------------------------------------------
 *
 * listen.c
 *	  p2ptext-courier listen: webhooks from gateways to the worker.
 *
 * One thread, one loop.  A webhook is taken apart by its gateway's adapter,
 * handed to the worker, and held until the worker says how to answer: only
 * after it has committed.  Everything a client can make us keep is bounded:
 * connections, headers, bodies, webhooks held, and the time for each.
 *
 * src/courier/listen.c
 *
 *-------------------------------------------------------------------------
 */
#include "listen.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake.h"
#include "link.h"
#include "route.h"
#include "sockets.h"

#define MAX_CONNECTIONS 1000
#define MAX_HELD 256
#define CONNECTION_MEMORY 16384 /* for headers */
#define CLIENT_MS 10000			/* to send a request whole */
#define WORKER_MS 10000			/* to acknowledge it */
#define SWEEP_MS 250			/* how exact these are */

/* A connection; in the list while the client has to do something. */
typedef struct Client
{
	struct Client *prev;
	struct Client *next;
	uint64_t deadline; /* 0: not in the list */
	int fd;
} Client;

/* A request, from its first line to its answer. */
typedef struct Request
{
	char *target;
	Client *client;
	bool begun;
	Route route;
	Buf body;
	bool too_long;
	unsigned status; /* what to answer, once that is known */
	const HookAck *ack;
} Request;

/* A request that waits for the worker. */
typedef struct Held
{
	uint64_t id; /* 0: slot is free */
	uint64_t deadline;
	struct MHD_Connection *connection;
	Request *request;
} Held;

static struct MHD_Daemon *daemons[SOCKETS_MAX];
static struct pollfd waits[SOCKETS_MAX + 1]; /* the worker, then daemons */
static size_t n_daemons;
static Client clients = {.prev = &clients, .next = &clients};
static Held held[MAX_HELD];
static size_t n_held;
static uint64_t last_id;
static bool serving; /* the worker has told us of every gateway */
static bool quitting;

/* The client is to act within its time, counted from now. */
static void
client_expect(Client *client)
{
	client->deadline = now_ms() + CLIENT_MS;
	client->prev = clients.prev;
	client->next = &clients;
	client->prev->next = client;
	clients.prev = client;
}

static void
client_leave(Client *client)
{
	if (client->deadline == 0)
		return;
	client->deadline = 0;
	client->prev->next = client->next;
	client->next->prev = client->prev;
}

static void
on_connection(void *arg, struct MHD_Connection *connection,
			  void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	Client *client = *socket_context;

	(void) arg;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		client = *socket_context = xalloc(sizeof(Client));
		client->fd = MHD_get_connection_info(connection,
											 MHD_CONNECTION_INFO_CONNECTION_FD)
						 ->connect_fd;
		client_expect(client);
	}
	else if (client)
	{
		client_leave(client);
		free(client);
		*socket_context = NULL;
	}
}

/* The request line has come.  What is returned is on_request()'s *context. */
static void *
on_request_line(void *arg, const char *target,
				struct MHD_Connection *connection)
{
	Request *request = xalloc(sizeof(Request));

	(void) arg;
	request->target = xstrndup(target, strlen(target));
	request->client =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;
	return request;
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	Request *request = *context;

	(void) arg, (void) connection, (void) code;
	if (request == NULL)
		return;
	client_leave(request->client);
	client_expect(request->client); /* the next request, or the end */
	free(request->target);
	buf_free(&request->body);
	free(request);
	*context = NULL;
}

static enum MHD_Result
respond(struct MHD_Connection *connection, unsigned status,
		const char *content_type, const char *body, const char *allow)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(body), (void *) body, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	if (content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
								content_type);
	if (allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status, const char *allow)
{
	return respond(connection, status, "text/plain", refusal_text(status),
				   allow);
}

static const char *
get_header(void *arg, const char *name)
{
	return MHD_lookup_connection_value(arg, MHD_HEADER_KIND, name);
}

/* Keep the connection quiet until the worker has answered. */
static void
hold(struct MHD_Connection *connection, Request *request, uint64_t id)
{
	Held *slot = &held[id % MAX_HELD];

	slot->id = id;
	slot->deadline = now_ms() + WORKER_MS;
	slot->connection = connection;
	slot->request = request;
	n_held++;
	client_leave(request->client);
	MHD_suspend_connection(connection);
}

static void
release(Held *slot, unsigned status)
{
	slot->request->status = status;
	slot->id = 0;
	n_held--;
	client_expect(slot->request->client);
	MHD_resume_connection(slot->connection);
}

/* An id that names its slot, so that an ACK finds it; 0 if all are taken. */
static uint64_t
free_id(void)
{
	for (size_t i = 0; i < MAX_HELD; i++)
	{
		last_id++;
		if (held[last_id % MAX_HELD].id == 0 && last_id != 0)
			return last_id;
	}
	return 0;
}

/* The request is here whole.  Hand it to the worker, or refuse it. */
static enum MHD_Result
submit(struct MHD_Connection *connection, Request *request, const char *method)
{
	Gateway *gateway = request->route.gateway;
	const char *query = strchr(request->target, '?');
	uint64_t id = quitting ? 0 : free_id();
	HookRequest hook_request = {.method = method,
								.target = request->target,
								.query = query ? query + 1 : "",
								.ref = request->route.ref,
								.body = buf_str(&request->body),
								.body_len = request->body.len,
								.now = (int64_t) time(NULL),
								.header = get_header,
								.arg = connection};
	unsigned status;

	if (request->too_long)
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, NULL);
	if (gateway->adapter == NULL) /* removed just now */
		return refuse(connection, MHD_HTTP_NOT_FOUND, NULL);
	if (id == 0)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);

	status = intake(gateway, &hook_request, id, &request->ack);
	if (status != 0)
		return refuse(connection, status, NULL);
	hold(connection, request, id);
	return MHD_YES;
}

/* The headers have come.  Refuse what can be refused by them. */
static enum MHD_Result
check_headers(struct MHD_Connection *connection, Request *request,
			  const char *method)
{
	const char *type = get_header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = get_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const GatewayAdapter *adapter;
	int refusal;

	request->route = route_find(request->target);
	switch (request->route.kind)
	{
		case ROUTE_NONE:
			return refuse(connection,
						  serving ? MHD_HTTP_NOT_FOUND
								  : MHD_HTTP_SERVICE_UNAVAILABLE,
						  NULL);
		case ROUTE_HEALTH:
			if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
				return respond(connection, 200, "text/plain", "ok\n", NULL);
			return refuse(connection, 405, "GET, HEAD");
		case ROUTE_WEBHOOK:
			break;
	}
	adapter = request->route.gateway->adapter;
	refusal = route_admits(adapter, method, type);
	if (refusal == 405)
		return refuse(connection, 405, adapter->hook_forms->method);
	if (refusal)
		return refuse(connection, (unsigned) refusal, NULL);
	if (length && strtoull(length, NULL, 10) > INTAKE_MAX_BODY)
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, NULL);
	return MHD_YES;
}

/*
 * MHD calls this with the headers, with each piece of the body, at the end of
 * it, and again when a connection held is resumed.
 */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url,
		   const char *method, const char *version, const char *data,
		   size_t *len, void **context)
{
	Request *request = *context;

	(void) arg, (void) url, (void) version;
	if (!request->begun)
	{
		request->begun = true;
		return check_headers(connection, request, method);
	}
	if (*len > 0)
	{
		if (*len > INTAKE_MAX_BODY - request->body.len)
			request->too_long = true; /* read on, so that we can say so */
		else
			buf_put(&request->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (request->status == 0)
		return submit(connection, request, method);
	if (request->status == 200)
		return respond(connection, request->ack->status,
					   request->ack->content_type, request->ack->body, NULL);
	return refuse(connection, request->status, NULL);
}

static bool
take_frame(WireFrame *frame)
{
	uint64_t id;
	uint32_t status;
	Held *slot;

	switch ((int) frame->type)
	{
		case WIRE_GATEWAY:
			return gateway_update(frame) != NULL;
		case WIRE_ACK:
			id = wire_get_u64(frame);
			status = wire_get_u32(frame);
			slot = &held[id % MAX_HELD];
			if (!wire_done(frame) || status < 200 || status > 599)
				return false;
			if (id != 0 && slot->id == id) /* else it came too late */
				release(slot, status);
			return true;
		case WIRE_SERVE:
			serving = true;
			return wire_done(frame);
		case WIRE_QUIT:
			quitting = true;
			return wire_done(frame);
		default:
			return false;
	}
}

/* Deal with those who took too long: clients, and the worker. */
static void
sweep(void)
{
	uint64_t now = now_ms();

	while (clients.next != &clients && clients.next->deadline <= now)
	{
		Client *client = clients.next;

		client_leave(client);
		shutdown(client->fd, SHUT_RDWR); /* MHD notices, and closes */
	}
	for (size_t i = 0; i < MAX_HELD && n_held > 0; i++)
	{
		if (held[i].id != 0 && held[i].deadline <= now)
			release(&held[i], MHD_HTTP_SERVICE_UNAVAILABLE);
	}
}

/*
 * Milliseconds until something must be done, or -1.  MHD stops accepting at
 * its limit, and needs one more run after the connections have gone to begin
 * again; so being idle counts only the second time.
 */
static int
next_timeout(void)
{
	static bool was_idle;
	bool idle = clients.next == &clients && n_held == 0;
	int most = idle && was_idle ? -1 : SWEEP_MS;

	was_idle = idle;
	for (size_t i = 0; i < n_daemons; i++)
	{
		MHD_UNSIGNED_LONG_LONG timeout;

		if (MHD_get_timeout(daemons[i], &timeout) == MHD_YES &&
			(most < 0 || timeout < (unsigned) most))
			most = timeout < SWEEP_MS ? (int) timeout : SWEEP_MS;
	}
	return most;
}

static struct MHD_Daemon *
start_daemon(int socket, size_t most)
{
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, socket, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, (intptr_t) most, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) on_connection, NULL},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) on_request_line, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) on_completed, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
		NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);

	if (daemon == NULL)
		link_fatal("cannot start the HTTP server");
	return daemon;
}

void
listen_init(const char *addresses, const char *port)
{
	int sockets[SOCKETS_MAX];

	n_daemons = sockets_bind(addresses, port, sockets);
	waits[0].fd = WIRE_FD;
	for (size_t i = 0; i < n_daemons; i++)
	{
		daemons[i] = start_daemon(sockets[i], MAX_CONNECTIONS / n_daemons);
		waits[i + 1].fd =
			MHD_get_daemon_info(daemons[i], MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
		waits[i + 1].events = POLLIN;
	}
}

int
listen_run(void)
{
	for (;;)
	{
		sweep();
		for (size_t i = 0; i < n_daemons; i++)
			MHD_run(daemons[i]);
		link_flush();
		if (quitting && n_held == 0 && wire_pending(&link_out) == 0)
			break;
		waits[0].events = POLLIN;
		if (wire_pending(&link_out) > 0)
			waits[0].events |= POLLOUT;
		poll(waits, (nfds_t) n_daemons + 1, next_timeout());
		if (waits[0].revents & (POLLIN | POLLHUP | POLLERR))
			link_read(take_frame);
	}
	for (size_t i = 0; i < n_daemons; i++)
		MHD_stop_daemon(daemons[i]);
	gateway_free_all();
	return 0;
}
