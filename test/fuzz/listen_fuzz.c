/*-------------------------------------------------------------------------
 *
 * listen_fuzz.c
 *	  Fuzzes a listening courier between its clients and its worker.
 *
 * The input is a stream of frames: those that a worker sends, and three that
 * stand for a client.  This file stands in for the HTTP server, and sees that
 * each request is answered once, and after it was held if that was needed.
 *
 *	'h'  u32 connection, str method, str target, str version, str header
 *		 lines "Name: value", u32 whether to the address for metrics
 *	'b'  u32 connection, str piece of its body
 *	'e'  u32 connection: its body ends
 *
 * test/fuzz/listen_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "listen.c"

#include <arpa/inet.h>

#include "fuzz.h"

#define CONNECTIONS 8
#define MAX_HEADERS 16

struct MHD_Connection
{
	union MHD_ConnectionInfo info;
	void *client;
	void *request;
	char *method;
	char *version;
	char *lines[MAX_HEADERS]; /* ... each cut after its name */
	size_t n_lines;
	bool for_metrics;
	bool ended; /* all of the request has come */
	bool suspended;
	unsigned status; /* of the answer; 0: none yet */
};

struct MHD_Response
{
	int nothing;
};

static struct MHD_Connection connections[CONNECTIONS];
static struct MHD_Response response;
static struct sockaddr_in client_address = {.sin_family = AF_INET};

struct MHD_Response *
MHD_create_response_from_buffer(size_t size, void *buffer,
								enum MHD_ResponseMemoryMode mode)
{
	(void) mode;
	CHECK(strlen(buffer) == size);
	return &response;
}

enum MHD_Result
MHD_add_response_header(struct MHD_Response *to, const char *header,
						const char *content)
{
	CHECK(to == &response && *header && *content);
	return MHD_YES;
}

void
MHD_destroy_response(struct MHD_Response *done)
{
	CHECK(done == &response);
}

enum MHD_Result
MHD_queue_response(struct MHD_Connection *c, unsigned status,
				   struct MHD_Response *answer)
{
	CHECK(answer == &response);
	CHECK(status >= 200 && status <= 599);
	CHECK(c->status == 0 && !c->suspended);
	c->status = status;
	return MHD_YES;
}

void
MHD_suspend_connection(struct MHD_Connection *c)
{
	CHECK(!c->suspended && c->status == 0);
	c->suspended = true;
}

void
MHD_resume_connection(struct MHD_Connection *c)
{
	CHECK(c->suspended);
	c->suspended = false;
}

int
MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind,
						  MHD_KeyValueIterator iterator, void *arg)
{
	CHECK(kind == MHD_HEADER_KIND);
	for (size_t i = 0; i < c->n_lines; i++)
		iterator(arg, kind, c->lines[i], c->lines[i] + strlen(c->lines[i]) + 1);
	return (int) c->n_lines;
}

const union MHD_ConnectionInfo *
MHD_get_connection_info(struct MHD_Connection *c,
						enum MHD_ConnectionInfoType type, ...)
{
	if (type == MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		c->info.socket_context = c->client;
	else if (type == MHD_CONNECTION_INFO_CONNECTION_FD)
		c->info.connect_fd = -1;
	else
		c->info.client_addr = (struct sockaddr *) &client_address;
	return &c->info;
}

/* The request is over, and with it the connection. */
static void
end_connection(struct MHD_Connection *c)
{
	CHECK(!c->suspended);
	if (c->request)
		request_end(NULL, c, &c->request, MHD_REQUEST_TERMINATED_COMPLETED_OK);
	if (c->client)
		clients_notify(NULL, c, &c->client, MHD_CONNECTION_NOTIFY_CLOSED);
	for (size_t i = 0; i < c->n_lines; i++)
		free(c->lines[i]);
	free(c->method);
	free(c->version);
	*c = (struct MHD_Connection){0};
}

/* One of the calls that the HTTP server makes. */
static void
call(struct MHD_Connection *c, const char *data, size_t len)
{
	size_t left = len;

	CHECK(on_request(c->for_metrics ? &metrics_apart : NULL, c, "", c->method,
					 c->version, data, &left, &c->request) == MHD_YES);
	CHECK(left == 0);
	CHECK(!c->ended || c->status != 0 || c->suspended);
	if (c->status != 0)
		end_connection(c);
}

static void
split_headers(struct MHD_Connection *c, const char *text)
{
	const char *next = text;
	const char *end = text + strlen(text);

	while (next < end && c->n_lines < MAX_HEADERS)
	{
		char *line = take_line(&next, end);
		char *colon = strstr(line, ": ");

		if (colon)
		{
			*colon = '\0';
			memmove(colon + 1, colon + 2, strlen(colon + 2) + 1);
			c->lines[c->n_lines++] = line;
		}
		else
			free(line);
	}
}

static struct MHD_Connection *
take_connection(WireFrame *frame)
{
	return &connections[wire_get_u32(frame) % CONNECTIONS];
}

static void
begin_request(WireFrame *frame)
{
	struct MHD_Connection *c = take_connection(frame);
	char *target, *lines;

	if (c->client) /* in use */
		return;
	c->method = frame_str(frame);
	target = frame_str(frame);
	c->version = frame_str(frame);
	lines = frame_str(frame);
	c->for_metrics = wire_get_u32(frame) == 1;
	split_headers(c, lines);
	clients_notify(NULL, c, &c->client, MHD_CONNECTION_NOTIFY_STARTED);
	c->request = request_begin(NULL, target, c);
	free(target);
	free(lines);
	call(c, NULL, 0);
}

static void
take_client(WireFrame *frame)
{
	struct MHD_Connection *c = take_connection(frame);
	WireStr piece = {0};

	if (frame->type == 'b')
		piece = wire_get_str(frame);
	if (c->client == NULL || c->ended || (frame->type == 'b' && piece.len == 0))
		return;
	c->ended = frame->type == 'e';
	call(c, piece.data, piece.len);
}

/* Those that were resumed go on. */
static void
resume(void)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
	{
		if (connections[i].ended && !connections[i].suspended)
			call(&connections[i], NULL, 0);
	}
}

static void
check_state(void)
{
	WireFrame frame;
	size_t n = 0;

	for (size_t i = 0; i < MAX_HELD; i++)
	{
		if (held[i].id == 0)
			continue;
		CHECK(held[i].request->connection->suspended);
		n++;
	}
	CHECK(n == n_held);
	for (size_t i = 0; i < CONNECTIONS; i++)
		n -= connections[i].suspended;
	CHECK(n == 0);
	while (next_out(&frame))
	{
		if (frame.type == WIRE_WEBHOOK)
		{
			KeptWebhook kept = check_webhook_frame(frame);

			CHECK(find_held(kept.id) != NULL);
			json_decref(kept.headers);
		}
		else if (frame.type == WIRE_METRICS)
			CHECK(find_held(wire_get_u64(&frame)) != NULL && wire_done(&frame));
		else
			CHECK(frame.type == WIRE_LOG);
	}
}

/* The worker has gone silent: all that is held is answered in the end. */
static void
end_all(void)
{
	for (size_t i = 0; i < MAX_HELD; i++)
		held[i].deadline = 0;
	sweep_held();
	resume();
	CHECK(n_held == 0);
	for (size_t i = 0; i < CONNECTIONS; i++)
		end_connection(&connections[i]);
	CHECK(!clients_waited_for());
	gateway_free_all();
	page_asked = last_id = 0;
	serving = quitting = false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WireBuf buf = {.data = malloc(size + 1), .end = size, .size = size + 1};
	WireFrame frame;
	bool going_on = true;

	client_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cidr_parse(&trusted_proxies, "127.0.0.0/8");
	clients_init(&trusted_proxies);
	metrics_apart = size % 2 == 1;
	memcpy(buf.data, data, size);
	while (going_on && wire_next(&buf, &frame) > 0)
	{
		if ((int) frame.type == 'h')
			begin_request(&frame);
		else if ((int) frame.type == 'b' || (int) frame.type == 'e')
			take_client(&frame);
		else
			going_on = take_frame(&frame);
		resume();
		check_state();
	}
	end_all();
	cidr_free(&trusted_proxies);
	wire_free(&buf);
	return 0;
}
