/*-------------------------------------------------------------------------
 *
 * receipt-load.c
 *	  Webhooks at a fixed rate, and how long each waited for its answer.
 *
 * Sends complete HTTP requests, which a file holds each with a NUL after it,
 * over 64 kept-alive connections.  When one is due does not depend on the
 * answers before it, and its time counts from there: a listener that stalls
 * is charged for all that would have come meanwhile.
 *
 * test/bench/receipt-load.c
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 64
#define SECOND 1000000000L
#define PATIENCE (30 * SECOND)

typedef struct Connection
{
	char answer[4096];
	size_t len;
	long due; /* of its request, 0 for none */
} Connection;

static Connection connections[CONNECTIONS];
static struct pollfd waits[CONNECTIONS];
static int port;
static long rate;
static char *next_request;
static char *end_of_requests;
static long started; /* requests */
static long *times;	 /* of those that were answered 2xx */
static long n_taken;
static long n_refused;

static void
fail(const char *problem, const char *detail)
{
	fprintf(stderr, "receipt-load: %s%s\n", problem, detail);
	exit(1);
}

static long
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

static void
read_requests(const char *path)
{
	FILE *file = fopen(path, "r");
	long size;
	long count = 0;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
		(size = ftell(file)) <= 0)
		fail("cannot read ", path);
	rewind(file);
	next_request = malloc((size_t) size);
	if (next_request == NULL ||
		fread(next_request, 1, (size_t) size, file) != (size_t) size ||
		next_request[size - 1] != '\0')
		fail("not whole: ", path);
	fclose(file);
	end_of_requests = next_request + size;
	for (long i = 0; i < size; i++)
		count += next_request[i] == '\0';
	times = malloc((size_t) count * sizeof(long));
	if (times == NULL)
		fail("out of memory", "");
}

static void
connect_all(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons((unsigned short) port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	for (int i = 0; i < CONNECTIONS; i++)
	{
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 ||
			connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
			fail("nobody listens on the port", "");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		waits[i].fd = fd;
		waits[i].events = POLLIN;
	}
}

/* Requests are small, and a connection has one at a time: none can block. */
static void
start(int i, long due)
{
	size_t len = strlen(next_request);

	if (send(waits[i].fd, next_request, len, MSG_NOSIGNAL) != (ssize_t) len)
		fail("cannot send", "");
	connections[i].due = due;
	next_request += len + 1;
	started++;
}

/* Whether the answer is here whole, with its body. */
static bool
is_whole(const Connection *c)
{
	const char *head_end = strstr(c->answer, "\r\n\r\n");
	const char *length = strcasestr(c->answer, "\r\nContent-Length:");

	return head_end != NULL && length != NULL &&
		   c->len >= (size_t) (head_end + 4 - c->answer) +
						 strtoul(length + 17, NULL, 10);
}

static void
receive(int i)
{
	Connection *c = &connections[i];
	ssize_t n = recv(waits[i].fd, c->answer + c->len,
					 sizeof(c->answer) - 1 - c->len, 0);

	if (n <= 0 || c->due == 0)
		fail("the listener closed a connection", "");
	c->len += (size_t) n;
	c->answer[c->len] = '\0';
	if (!is_whole(c))
		return;
	if (strncmp(c->answer, "HTTP/1.1 2", 10) == 0)
		times[n_taken++] = now() - c->due;
	else
		n_refused++;
	c->len = 0;
	c->due = 0;
}

/* Start what is due by now; returns when the next one will be. */
static long
start_due(long began)
{
	static int turn;
	long due = began + started * SECOND / rate;

	for (int n = 0; n < CONNECTIONS; n++)
	{
		if (next_request == end_of_requests || due > now())
			break;
		/* in turn, so that none is idle for long */
		turn = (turn + 1) % CONNECTIONS;
		if (connections[turn].due != 0)
			continue;
		start(turn, due);
		due = began + started * SECOND / rate;
	}
	return due;
}

static void
run(void)
{
	long began = now();
	long heard = began;

	while (next_request < end_of_requests || n_taken + n_refused < started)
	{
		long due = start_due(began);
		long until = due - now();
		bool open = started - n_taken - n_refused < CONNECTIONS;
		struct timespec timeout = {1, 0};

		if (open && next_request < end_of_requests && until < SECOND)
			timeout = (struct timespec){0, until > 0 ? until : 0};
		if (ppoll(waits, CONNECTIONS, &timeout, NULL) > 0)
			heard = now();
		else if (now() - heard > PATIENCE)
			fail("no answer", "");
		for (int i = 0; i < CONNECTIONS; i++)
			if (waits[i].revents != 0)
				receive(i);
	}
}

static int
compare(const void *a, const void *b)
{
	long left = *(const long *) a;
	long right = *(const long *) b;

	return (left > right) - (left < right);
}

static double
percentile(long percent)
{
	return n_taken > 0 ? (double) times[n_taken * percent / 100] / 1e6 : 0;
}

static int
positive(const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (end == value || *end != '\0' || n < 1 || n > 1000000)
		fail("wanted a number from 1 to 1000000, not ", value);
	return (int) n;
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		fail("usage: receipt-load PORT RATE FILE", "");
	port = positive(argv[1]);
	rate = positive(argv[2]);
	read_requests(argv[3]);
	connect_all();
	run();
	qsort(times, (size_t) n_taken, sizeof(long), compare);
	printf("answered %ld refused %ld p50 %.3f p99 %.3f\n", n_taken, n_refused,
		   percentile(50), percentile(99));
	return 0;
}
