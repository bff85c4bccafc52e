/*-------------------------------------------------------------------------
 *
 * server.c
 *	  HTTP for the test gateway: requests in, replies out, at once or later.
 *
 * libmicrohttpd runs in our own loop, one thread for everything, which
 * spares the record and the behaviour their locks.  A delayed reply waits in a heap with its connection
 * suspended; a hung one waits until its client gives up.
 *
 * test/gateway/server.c
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway.h"

#define MAX_CONNECTIONS 8192

Stats stats;

static struct MHD_Daemon *server;
static Heap delayed;
static Request *hung[MAX_CONNECTIONS];
static size_t nhung;

int64_t
now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- a request's form ---- */

/* The post processor hands over a value in pieces, each with its offset. */
static enum MHD_Result
add_field(void *arg, enum MHD_ValueKind kind, const char *key,
		  const char *filename, const char *content_type,
		  const char *transfer_encoding, const char *data, uint64_t offset,
		  size_t size)
{
	Request *request = arg;

	(void) kind, (void) filename, (void) content_type;
	(void) transfer_encoding;

	if (offset == 0)
	{
		if (request->nfields == MAX_FIELDS)
		{
			request->malformed = true;
			return MHD_NO;
		}
		if (request->text.len > 0)
			buffer_add(&request->text, "", 1);
		request->fields[request->nfields].name = request->text.len;
		buffer_add(&request->text, key, strlen(key) + 1);
		request->fields[request->nfields++].value = request->text.len;
	}
	if (memchr(data, '\0', size) != NULL)
		request->malformed = true;
	buffer_add(&request->text, data, size);
	return MHD_YES;
}

/* NULL if the form has no such field; valid as long as the request. */
const char *
request_field(const Request *request, const char *name)
{
	for (int i = 0; i < request->nfields; i++)
		if (strcmp(request->text.data + request->fields[i].name, name) == 0)
			return request->text.data + request->fields[i].value;
	return NULL;
}

uint64_t
request_connection(const Request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return (uintptr_t) info->socket_context;
}

/* ---- replies ---- */

/* Decide the reply; takes over the buffer's memory. */
void
reply_json(Request *request, unsigned int status, Buffer *json)
{
	request->status = status;
	request->response = MHD_create_response_from_buffer(json->len, json->data,
														MHD_RESPMEM_MUST_FREE);
	memset(json, 0, sizeof(*json));
	reply_header(request, "Content-Type", "application/json");
}

void
reply_header(Request *request, const char *name, const char *value)
{
	MHD_add_response_header(request->response, name, value);
}

/* A request without a response has its connection closed. */
static enum MHD_Result
reply_now(Request *request)
{
	enum MHD_Result result;

	if (request->response == NULL)
		return MHD_NO;
	result = MHD_queue_response(request->connection, request->status,
								request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	return result;
}

static void
suspend(Request *request)
{
	request->decided = true;
	stats.held++;
	MHD_suspend_connection(request->connection);
}

static void
resume(Request *request)
{
	stats.held--;
	MHD_resume_connection(request->connection);
}

enum MHD_Result
reply_after(Request *request, int delay_ms)
{
	if (delay_ms == 0)
		return reply_now(request);
	suspend(request);
	heap_push(&delayed, now_us(CLOCK_MONOTONIC) + (int64_t) delay_ms * 1000,
			  request);
	return MHD_YES;
}

enum MHD_Result
reply_never(Request *request)
{
	if (nhung == MAX_CONNECTIONS)
		return MHD_NO;
	suspend(request);
	hung[nhung++] = request;
	return MHD_YES;
}

/* Let go of the hung requests whose clients did; or of all. */
static void
release_hung(bool all)
{
	for (size_t i = nhung; i-- > 0;)
	{
		int fd = MHD_get_connection_info(hung[i]->connection,
										 MHD_CONNECTION_INFO_CONNECTION_FD)
					 ->connect_fd;
		char byte;
		ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		if (!all && (n > 0 || (n < 0 && errno == EAGAIN)))
			continue;
		resume(hung[i]);
		hung[i] = hung[--nhung];
	}
}

static void
release_delayed(int64_t until)
{
	while (heap_due(&delayed) <= until && delayed.count > 0)
		resume(heap_pop(&delayed));
}

/* ---- libmicrohttpd's callbacks ---- */

static enum MHD_Result
route(Request *request, const char *url, const char *method)
{
	static const char api[] = "/2010-04-01/Accounts/";
	static const char control[] = "/control/";
	Buffer error = {0};

	if (strncmp(url, control, strlen(control)) == 0)
		return control_handle(request, method, url + strlen(control));

	if (strncmp(url, api, strlen(api)) == 0)
	{
		char account[65];
		int used = 0;

		if (sscanf(url + strlen(api), "%64[^/]/Messages.json%n", account,
				   &used) == 1 &&
			used > 0 && url[strlen(api) + used] == '\0' &&
			strcmp(method, MHD_HTTP_METHOD_POST) == 0)
			return api_handle(request, account);
	}

	buffer_printf(&error, "{\"code\":20404,\"message\":\"%s\",\"status\":404}",
				  "The requested resource was not found");
	reply_json(request, MHD_HTTP_NOT_FOUND, &error);
	return reply_after(request, 0);
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *connection, const char *url,
	   const char *method, const char *version, const char *upload_data,
	   size_t *upload_data_size, void **context)
{
	Request *request = *context;

	(void) arg, (void) version;

	if (request == NULL)
	{
		request = *context = xalloc(sizeof(Request));
		request->connection = connection;
		request->form =
			MHD_create_post_processor(connection, 1024, add_field, request);
		return MHD_YES;
	}

	if (*upload_data_size > 0)
	{
		request->received += *upload_data_size;
		if (request->received > MAX_BODY)
			request->malformed = true;
		else if (request->form != NULL &&
				 MHD_post_process(request->form, upload_data,
								  *upload_data_size) != MHD_YES)
			request->malformed = true;
		*upload_data_size = 0;
		return MHD_YES;
	}

	if (request->decided)
		return reply_now(request);
	if (request->form != NULL)
	{
		/* hands over the last value */
		if (MHD_destroy_post_processor(request->form) != MHD_YES)
			request->malformed = true;
		request->form = NULL;
	}
	return route(request, url, method);
}

static void
completed(void *arg, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode code)
{
	Request *request = *context;

	(void) arg, (void) connection, (void) code;

	if (request == NULL)
		return;
	if (request->form != NULL)
		MHD_destroy_post_processor(request->form);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	buffer_free(&request->text);
	free(request);
	*context = NULL;
}

static void
connected(void *arg, struct MHD_Connection *connection, void **context,
		  enum MHD_ConnectionNotificationCode code)
{
	static uintptr_t serial;

	(void) arg, (void) connection;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		*context = (void *) ++serial;
		stats.open++;
	}
	else
		stats.open--;
}

/* ---- the loop ---- */

/* Returns the port, or 0 after saying why there is none. */
int
server_start(unsigned int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons(port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	server = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, NULL,
		MHD_OPTION_SOCK_ADDR, (struct sockaddr *) &address,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int) MAX_CONNECTIONS,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, connected, NULL, MHD_OPTION_END);
	if (server == NULL)
	{
		fprintf(stderr,
				"cannot listen on 127.0.0.1:%u: %s\n"
				"Choose another --port, or 0 for any that is free.\n",
				port, strerror(errno));
		return 0;
	}
	return MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* Sleep until something is due or comes in; false if woken for nothing. */
static bool
wait_for_work(struct pollfd *fds, nfds_t nfds)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	int64_t timeout = 60 * 1000000;
	int64_t due = heap_due(&delayed);
	struct timespec ts;

	if (MHD_get_timeout(server, &timeout_ms) == MHD_YES &&
		(int64_t) timeout_ms * 1000 < timeout)
		timeout = (int64_t) timeout_ms * 1000;
	if (due != INT64_MAX)
		due -= now_us(CLOCK_MONOTONIC);
	if (due < timeout)
		timeout = due > 0 ? due : 0;
	if (nhung > 0 && timeout > 1000000)
		timeout = 1000000;

	ts.tv_sec = timeout / 1000000;
	ts.tv_nsec = timeout % 1000000 * 1000;
	return ppoll(fds, nfds, &ts, NULL) >= 0;
}

/* Serve until SIGTERM or SIGINT, which the caller has blocked. */
void
server_loop(bool until_eof)
{
	int64_t swept = 0;
	sigset_t signals;
	struct pollfd fds[3] = {
		{.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	fds[0].fd = MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	fds[1].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	fds[2].fd = until_eof ? STDIN_FILENO : -1;

	for (;;)
	{
		int64_t now;
		char byte;

		if (!wait_for_work(fds, 3))
			continue;
		if (fds[1].revents != 0)
			break;
		if (fds[2].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0)
			break;

		/* before MHD_run, which is what goes on with them */
		now = now_us(CLOCK_MONOTONIC);
		release_delayed(now);
		if (nhung > 0 && now - swept > 1000000)
		{
			release_hung(false);
			swept = now;
		}
		MHD_run(server);
	}
	close(fds[1].fd);
}

void
server_stop(void)
{
	/* a suspended connection cannot be closed */
	release_hung(true);
	release_delayed(INT64_MAX);
	MHD_stop_daemon(server);
	free(delayed.entries);
}
