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
#include <unistd.h>

#include "intake.h"
#include "link.h"
#include "notice.h"
#include "request.h"
#include "sockets.h"

#define MAX_HELD 256
#define MAX_UNREAD (16 << 20)	/* bytes that the worker has not taken */
#define CONNECTION_MEMORY 16384 /* for headers */
#define WORKER_MS 10000			/* to answer */
#define MAX_PAGE_HELD 16
#define PAGE_MS 1000 /* so long a page is shown again */
#define SWEEP_MS 250 /* how exact times are */
#define MAX_DAEMONS (2 * SOCKETS_MAX)
#define PAGE_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A request that waits for the worker. */
typedef struct Held
{
	uint64_t id; /* 0: slot is free */
	uint64_t deadline;
	Request *request;
} Held;

static struct MHD_Daemon *daemons[MAX_DAEMONS];
static struct pollfd waits[MAX_DAEMONS + 1]; /* the worker, then daemons */
static size_t n_daemons;
static CidrList trusted_proxies;
static bool metrics_apart; /* not beside the webhooks */
static Held held[MAX_HELD];
static size_t n_held;
static uint64_t last_id;
static uint64_t page_asked; /* the request for which the worker makes one */
static char *page;			/* the last that it made, ... */
static uint64_t page_made;	/* ... and when */
static size_t n_page_held;	/* of n_held, those that wait for one */
static bool serving;		/* the worker has told us of every gateway */
static bool quitting;

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

/* Keep the connection quiet until the worker has answered. */
static void
hold(Request *request, uint64_t id)
{
	Held *slot = &held[id % MAX_HELD];

	slot->id = id;
	slot->deadline = now_ms() + WORKER_MS;
	slot->request = request;
	n_held++;
	n_page_held += request->route.kind == ROUTE_METRICS;
	client_leave(request->client);
	MHD_suspend_connection(request->connection);
}

static void
release(Held *slot, unsigned status)
{
	slot->request->status = status;
	slot->id = 0;
	n_held--;
	n_page_held -= slot->request->route.kind == ROUTE_METRICS;
	client_expect(slot->request->client);
	MHD_resume_connection(slot->request->connection);
}

/* The slot of a request, if the answer did not come too late. */
static Held *
find_held(uint64_t id)
{
	Held *slot = &held[id % MAX_HELD];

	return id != 0 && slot->id == id ? slot : NULL;
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

static unsigned
submit_webhook(Request *request, const char *method, uint64_t id)
{
	Gateway *gateway = request->route.gateway;
	const char *query = strchr(request->target, '?');
	HookRequest hook_request = {.method = method,
								.target = request->target,
								.query = query ? query + 1 : "",
								.ref = request->route.ref,
								.address = request->address,
								.body = buf_str(&request->body),
								.body_len = request->body.len,
								.now = (int64_t) time(NULL),
								.header = request_header,
								.twice = &request->twice,
								.arg = request};
	unsigned status;

	/* Removed just now, or it has become one without webhooks. */
	if (gateway->adapter == NULL || gateway->adapter->events == NULL)
		return MHD_HTTP_NOT_FOUND;
	status = intake(gateway, &hook_request, id, &request->ack);
	if (status == MHD_HTTP_FORBIDDEN &&
		!intake_admits(gateway, request->address))
		notice(NOTICE_ADDRESS,
			   "refused a webhook for gateway \"%s\" from %s, which "
			   "is not among its webhook_addresses",
			   gateway->name, request->address);
	return status;
}

/* One page is for all who wait for one, however many they are. */
static void
ask_for_page(uint64_t id)
{
	if (find_held(page_asked))
		return;
	page_asked = id;
	wire_begin(&link_out, WIRE_METRICS);
	wire_put_u64(&link_out, id);
	link_end();
}

/* The request is here whole.  Hand it to the worker, or refuse it. */
static enum MHD_Result
submit(Request *request, const char *method)
{
	bool busy = quitting || wire_pending(&link_out) > MAX_UNREAD;
	uint64_t id = busy ? 0 : free_id();
	unsigned status = 0;

	if (request->too_long)
		status = MHD_HTTP_CONTENT_TOO_LARGE;
	else if (id == 0)
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	else if (request->route.kind == ROUTE_WEBHOOK)
		status = submit_webhook(request, method, id);
	else if (n_page_held == MAX_PAGE_HELD)
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	else
		ask_for_page(id);
	if (status != 0)
		return refuse(request->connection, status, NULL);
	hold(request, id);
	return MHD_YES;
}

static enum MHD_Result
check_webhook(Request *request, const char *method)
{
	const char *type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length =
		request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const GatewayAdapter *adapter = request->route.gateway->adapter;
	int refusal = route_admits(adapter, method, type);

	if (request->twice || !request_find_sender(request, &trusted_proxies))
		return refuse(request->connection, MHD_HTTP_BAD_REQUEST, NULL);
	if (refusal)
		return refuse(request->connection, (unsigned) refusal,
					  refusal == 405 ? adapter->hook_forms->method : NULL);
	if (length && strtoull(length, NULL, 10) > INTAKE_MAX_BODY)
		return refuse(request->connection, MHD_HTTP_CONTENT_TOO_LARGE, NULL);
	return MHD_YES;
}

/* The headers have come.  Refuse what can be refused by them. */
static enum MHD_Result
check_headers(Request *request, const char *method, const char *version,
			  bool for_metrics)
{
	struct MHD_Connection *connection = request->connection;
	bool get = strcmp(method, "GET") == 0;

	if (!request_is_framed(request, version))
		return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL);
	request->route = route_find(request->target);
	switch (request->route.kind)
	{
		case ROUTE_HEALTH:
			if (get || strcmp(method, "HEAD") == 0)
				return respond(connection, 200, "text/plain", "ok\n", NULL);
			return refuse(connection, 405, "GET, HEAD");
		case ROUTE_METRICS:
			if (for_metrics != metrics_apart)
				return refuse(connection, MHD_HTTP_NOT_FOUND, NULL);
			return get ? MHD_YES : refuse(connection, 405, "GET");
		case ROUTE_WEBHOOK:
			if (!for_metrics)
				return check_webhook(request, method);
			break;
		case ROUTE_NONE:
			break;
	}
	return refuse(connection,
				  serving || for_metrics ? MHD_HTTP_NOT_FOUND
										 : MHD_HTTP_SERVICE_UNAVAILABLE,
				  NULL);
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

	(void) url;
	if (!request->begun)
	{
		request->begun = true;
		return check_headers(request, method, version, arg != NULL);
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
	if (request->status == 0 && request->route.kind == ROUTE_METRICS && page &&
		now_ms() < page_made + PAGE_MS)
		request->page = xstrndup(page, strlen(page));
	else if (request->status == 0)
		return submit(request, method);
	if (request->page)
		return respond(connection, 200, PAGE_TYPE, request->page, NULL);
	if (request->status == 200)
		return respond(connection, request->ack->status,
					   request->ack->content_type, request->ack->body, NULL);
	return refuse(connection, request->status, NULL);
}

static bool
take_ack(WireFrame *frame)
{
	Held *slot = find_held(wire_get_u64(frame));
	uint32_t status = wire_get_u32(frame);

	if (!wire_done(frame) || status < 200 || status > 599)
		return false;
	if (slot && slot->request->route.kind != ROUTE_WEBHOOK && status == 200)
		return false; /* that takes a page */
	if (slot)
		release(slot, status);
	return true;
}

static bool
take_page(WireFrame *frame)
{
	uint64_t id = wire_get_u64(frame);
	char *made = frame_str(frame);

	if (!wire_done(frame) || id != page_asked)
	{
		free(made);
		return wire_done(frame);
	}
	page_asked = 0;
	free(page);
	page = made;
	page_made = now_ms();
	for (size_t i = 0; i < MAX_HELD; i++)
	{
		if (held[i].id == 0 || held[i].request->route.kind != ROUTE_METRICS)
			continue;
		held[i].request->page = xstrndup(page, strlen(page));
		release(&held[i], 200);
	}
	return true;
}

static bool
take_frame(WireFrame *frame)
{
	switch ((int) frame->type)
	{
		case WIRE_GATEWAY:
			return gateway_update(frame) != NULL;
		case WIRE_ACK:
			return take_ack(frame);
		case WIRE_PAGE:
			return take_page(frame);
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

/* The worker may have had its time. */
static void
sweep_held(void)
{
	uint64_t now = now_ms();

	for (size_t i = 0; i < MAX_HELD && n_held > 0; i++)
	{
		if (held[i].id != 0 && held[i].deadline <= now)
			release(&held[i], MHD_HTTP_SERVICE_UNAVAILABLE);
	}
}

/*
 * Milliseconds until something must be done, or -1.  MHD stops accepting when
 * it gets no more descriptors, and needs one more run after some were closed
 * to begin again; so being idle counts only the second time.
 */
static int
next_timeout(void)
{
	static bool was_busy;
	bool busy = notice_flush() || clients_waited_for() || n_held > 0;
	int most = busy || was_busy ? SWEEP_MS : -1;

	was_busy = busy;
	for (size_t i = 0; i < n_daemons; i++)
	{
		MHD_UNSIGNED_LONG_LONG timeout;

		if (MHD_get_timeout(daemons[i], &timeout) == MHD_YES &&
			(most < 0 || timeout < (unsigned) most))
			most = timeout < SWEEP_MS ? (int) timeout : SWEEP_MS;
	}
	return most;
}

static void
start_daemon(int socket, bool for_metrics)
{
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, socket, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, CLIENTS_LIMIT, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) clients_notify, NULL},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) request_begin, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) request_end, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, clients_admit, NULL,
		on_request, for_metrics ? &metrics_apart : NULL, MHD_OPTION_ARRAY,
		options, MHD_OPTION_END);

	if (daemon == NULL)
		link_fatal("cannot start the HTTP server");
	daemons[n_daemons++] = daemon;
	waits[n_daemons].fd =
		MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	waits[n_daemons].events = POLLIN;
}

void
listen_init(const ListenOptions *options)
{
	static const SocketSettings settings = {"p2ptext.listen_addresses",
											"p2ptext.port"};
	int sockets[SOCKETS_MAX];
	size_t n;

	if (!cidr_parse(&trusted_proxies, options->trusted_proxies))
		link_fatal("\"%s\" is no list of addresses; set "
				   "p2ptext.trusted_proxies to one such as "
				   "\"127.0.0.1, 10.0.0.0/8, ::1\"",
				   options->trusted_proxies);
	clients_init(&trusted_proxies);
	metrics_apart = *options->metrics != '\0';
	waits[0].fd = WIRE_FD;

	n = sockets_bind(options->addresses, options->port, &settings, sockets);
	for (size_t i = 0; i < n; i++)
		start_daemon(sockets[i], false);
	if (!metrics_apart)
		return;
	n = sockets_bind_pair(options->metrics, "p2ptext.metrics_address", sockets);
	for (size_t i = 0; i < n; i++)
		start_daemon(sockets[i], true);
}

int
listen_run(void)
{
	for (;;)
	{
		int timeout;

		clients_sweep();
		sweep_held();
		for (size_t i = 0; i < n_daemons; i++)
			MHD_run(daemons[i]);
		timeout = next_timeout();
		link_flush();
		if (quitting && n_held == 0 && wire_pending(&link_out) == 0)
			break;
		waits[0].events = POLLIN;
		if (wire_pending(&link_out) > 0)
			waits[0].events |= POLLOUT;
		poll(waits, (nfds_t) n_daemons + 1, timeout);
		if (waits[0].revents & (POLLIN | POLLHUP | POLLERR))
			link_read(take_frame);
	}
	for (size_t i = 0; i < n_daemons; i++)
		MHD_stop_daemon(daemons[i]);
	free(page);
	cidr_free(&trusted_proxies);
	gateway_free_all();
	return 0;
}
