/*-------------------------------------------------------------------------
 *
 * link.c
 *	  The courier's end of the socket to its worker.  See link.h.
 *
 * src/courier/link.c
 *
 *-------------------------------------------------------------------------
 */
#include "link.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

WireBuf link_out;
static WireBuf link_in;

void
link_end(void)
{
	if (!wire_end(&link_out))
		_exit(1); /* no memory left, not even to say so */
}

void
link_flush(void)
{
	if (wire_pending(&link_out) > 0 && wire_flush(&link_out, WIRE_FD) < 0)
		_exit(0);
}

void
link_read(LinkHandler handler)
{
	WireFrame frame;
	int found;

	if (wire_fill(&link_in, WIRE_FD) < 0)
		_exit(0);
	while ((found = wire_next(&link_in, &frame)) > 0)
	{
		if (!handler(&frame))
			link_fatal("the worker sent a frame of type %d that does not parse",
					   (int) frame.type);
	}
	if (found < 0)
		link_fatal("the worker sent a frame of impossible length");
}

void
link_hello(void)
{
	wire_begin(&link_out, WIRE_HELLO);
	wire_put_u32(&link_out, WIRE_VERSION);
	link_end();
}

static void
put_log(WireLogLevel level, const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	wire_begin(&link_out, WIRE_LOG);
	wire_put_u32(&link_out, level);
	wire_put_str(&link_out, text);
	link_end();
}

void
link_log(WireLogLevel level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_log(level, format, args);
	va_end(args);
}

void
link_fatal(const char *format, ...)
{
	struct pollfd worker = {.fd = WIRE_FD, .events = POLLOUT};
	va_list args;

	va_start(args, format);
	put_log(WIRE_LOG_FATAL, format, args);
	va_end(args);

	/* The worker must be quick to listen to its courier's last words. */
	while (wire_pending(&link_out) > 0 && poll(&worker, 1, 1000) > 0)
	{
		if (wire_flush(&link_out, WIRE_FD) < 0)
			break;
	}
	_exit(1);
}

uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}
