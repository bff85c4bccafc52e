/*-------------------------------------------------------------------------
 *
 * server.c
 *	  HTTP for the test gateway: requests in, replies out, at once or later.
 *
 * libmicrohttpd runs in our own loop, one thread for everything, which
 * spares the record and the behaviour their locks.  A delayed reply waits in
 * a heap with its connection suspended; a hung one waits until its client
 * gives up.
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

int64_t
now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- replies ---- */

/* Decide the reply; takes over the buffer's memory. */
void
reply_buffer(Request *request, unsigned int status, const char *content_type,
			 Buffer *body)
{
	request->status = status;
	request->response = MHD_create_response_from_buffer(body->len, body->data,
														MHD_RESPMEM_MUST_FREE);
	memset(body, 0, sizeof(*body));
	reply_header(request, "Content-Type", content_type);
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
	if (stats.hanging == MAX_CONNECTIONS)
		return MHD_NO;
	suspend(request);
	hung[stats.hanging++] = request;
	return MHD_YES;
}

/* Let go of the hung requests whose clients did; or of all. */
static void
release_hung(bool all)
{
	for (size_t i = stats.hanging; i-- > 0;)
	{
		int fd = MHD_get_connection_info(hung[i]->connection,
										 MHD_CONNECTION_INFO_CONNECTION_FD)
					 ->connect_fd;
		char byte;
		ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		if (!all && (n > 0 || (n < 0 && errno == EAGAIN)))
			continue;
		resume(hung[i]);
		hung[i] = hung[--stats.hanging];
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
	static const char control[] = "/control/";
	enum MHD_Result (*handle)(Request *, const Dialect *, const char *);
	const Dialect *dialect;
	char account[65];
	Buffer error = {0};

	if (api_route(method, url, &handle, &dialect, account))
		return handle(request, dialect, account);
	if (strncmp(url, control, strlen(control)) == 0)
		return control_handle(request, method, url + strlen(control));

	buffer_printf(&error, "{\"code\":20404,\"message\":\"%s\",\"status\":404}",
				  "The requested resource was not found");
	reply_buffer(request, MHD_HTTP_NOT_FOUND, "application/json", &error);
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
		*context = request_new(connection);
		return MHD_YES;
	}
	if (*upload_data_size > 0)
	{
		request_receive(request, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (request->decided)
		return reply_now(request);
	request_complete(request);
	return route(request, url, method);
}

static void
completed(void *arg, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode code)
{
	(void) arg, (void) connection, (void) code;

	if (*context != NULL)
		request_free(*context);
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
	if (stats.hanging > 0 && timeout > 1000000)
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
		if (stats.hanging > 0 && now - swept > 1000000)
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
