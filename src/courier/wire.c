/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Writing, reading and moving the frames described in wire.h.
 *
 * Compiled into both p2ptext.so and p2ptext-courier, so it uses nothing but
 * libc: no palloc, no elog, no jansson.  It never blocks and never aborts;
 * what to do about a bad frame or a lost peer is its caller's business.
 *
 * src/courier/wire.c
 *
 *-------------------------------------------------------------------------
 */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WIRE_LENGTH sizeof(uint32_t)
#define WIRE_HEADER (WIRE_LENGTH + 1) /* length and type */
#define WIRE_CHUNK 65536			  /* first size of a buffer */

/*
 * Make room for "len" more bytes at the end.  Sent or consumed bytes at the
 * front are dropped first, but only once they are most of the buffer, so that
 * each byte moves a bounded number of times.
 */
static bool
wire_reserve(WireBuf *buf, size_t len)
{
	size_t size = buf->size ? buf->size : WIRE_CHUNK;
	uint8_t *data;

	if (len <= buf->size - buf->end)
		return true;

	if (buf->start > buf->size / 2)
	{
		memmove(buf->data, buf->data + buf->start, buf->end - buf->start);
		buf->frame -= buf->frame < buf->start ? buf->frame : buf->start;
		buf->end -= buf->start;
		buf->start = 0;
		if (len <= buf->size - buf->end)
			return true;
	}

	while (size - buf->end < len)
	{
		if (size > SIZE_MAX / 2)
			return false;
		size *= 2;
	}
	data = realloc(buf->data, size);
	if (data == NULL)
		return false;
	buf->data = data;
	buf->size = size;
	return true;
}

/* Raw bytes; only the functions below know what they mean. */
static void
wire_append(WireBuf *buf, const void *data, size_t len)
{
	if (buf->failed)
		return;
	if (len > WIRE_LENGTH + WIRE_MAX_FRAME - (buf->end - buf->frame) ||
		!wire_reserve(buf, len))
	{
		buf->failed = true;
		return;
	}
	if (len > 0)
		memcpy(buf->data + buf->end, data, len);
	buf->end += len;
}

void
wire_begin(WireBuf *buf, WireType type)
{
	uint8_t header[WIRE_HEADER] = {0};

	header[WIRE_LENGTH] = (uint8_t) type; /* wire_end() sets the length */
	buf->failed = false;
	buf->frame = buf->end;
	wire_append(buf, header, sizeof(header));
}

void
wire_put_u32(WireBuf *buf, uint32_t value)
{
	wire_append(buf, &value, sizeof(value));
}

void
wire_put_u64(WireBuf *buf, uint64_t value)
{
	wire_append(buf, &value, sizeof(value));
}

void
wire_put_bytes(WireBuf *buf, const void *data, size_t len)
{
	if (len > WIRE_MAX_FRAME)
	{
		buf->failed = true;
		return;
	}
	wire_put_u32(buf, (uint32_t) len);
	wire_append(buf, data, len);
}

void
wire_put_str(WireBuf *buf, const char *str)
{
	wire_put_bytes(buf, str, str ? strlen(str) : 0);
}

/*
 * Close the frame.  One that grew too long or ran out of memory is taken back
 * whole, so what was written before it still goes out in order.
 */
bool
wire_end(WireBuf *buf)
{
	uint32_t len;

	if (buf->failed)
	{
		buf->end = buf->frame;
		buf->failed = false;
		return false;
	}
	len = (uint32_t) (buf->end - buf->frame - WIRE_LENGTH);
	memcpy(buf->data + buf->frame, &len, sizeof(len));
	return true;
}

/*
 * Take the next whole frame out of the buffer.  Its strings stay where they
 * are, so it must be dealt with before the next wire_fill().
 */
int
wire_next(WireBuf *buf, WireFrame *frame)
{
	size_t pending = buf->end - buf->start;
	uint32_t len;

	if (pending < WIRE_LENGTH)
		return 0;
	memcpy(&len, buf->data + buf->start, sizeof(len));
	if (len < 1 || len > WIRE_MAX_FRAME)
		return -1;
	if (pending - WIRE_LENGTH < len)
		return 0;

	frame->type = (WireType) buf->data[buf->start + WIRE_LENGTH];
	frame->next = buf->data + buf->start + WIRE_HEADER;
	frame->end = frame->next + len - 1;
	frame->ok = true;
	buf->start += WIRE_LENGTH + len;
	return 1;
}

/* The next "len" bytes of the frame, or NULL past its end. */
static const uint8_t *
wire_take(WireFrame *frame, size_t len)
{
	const uint8_t *data = frame->next;

	if (!frame->ok || len > (size_t) (frame->end - frame->next))
	{
		frame->ok = false;
		return NULL;
	}
	frame->next += len;
	return data;
}

uint32_t
wire_get_u32(WireFrame *frame)
{
	uint32_t value = 0;
	const uint8_t *data = wire_take(frame, sizeof(value));

	if (data)
		memcpy(&value, data, sizeof(value));
	return value;
}

uint64_t
wire_get_u64(WireFrame *frame)
{
	uint64_t value = 0;
	const uint8_t *data = wire_take(frame, sizeof(value));

	if (data)
		memcpy(&value, data, sizeof(value));
	return value;
}

WireStr
wire_get_str(WireFrame *frame)
{
	uint32_t len = wire_get_u32(frame);
	const uint8_t *data = wire_take(frame, len);
	WireStr str = {"", 0};

	if (data)
	{
		str.data = (const char *) data;
		str.len = len;
	}
	return str;
}

bool
wire_done(const WireFrame *frame)
{
	return frame->ok && frame->next == frame->end;
}

/*
 * Read once from a socket.  The buffer never holds more than one unfinished
 * frame of the longest kind and a chunk, so a peer cannot make it grow.  An
 * orderly end by the peer is -1 with errno 0.
 */
ssize_t
wire_fill(WireBuf *buf, int fd)
{
	size_t most = WIRE_LENGTH + WIRE_MAX_FRAME + WIRE_CHUNK;
	ssize_t n;

	if (buf->start == buf->end)
		buf->start = buf->end = 0;
	if (buf->end - buf->start >= most || !wire_reserve(buf, WIRE_CHUNK / 2))
	{
		errno = ENOMEM;
		return -1;
	}
	do
		n = recv(fd, buf->data + buf->end, buf->size - buf->end, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf->end += (size_t) n;
	else if (n == 0)
	{
		errno = 0;
		n = -1;
	}
	else if (errno == EAGAIN || errno == EWOULDBLOCK)
		n = 0;
	return n;
}

/* Write what the socket takes; how many bytes that was. */
ssize_t
wire_flush(WireBuf *buf, int fd)
{
	ssize_t total = 0;

	while (buf->start < buf->end)
	{
		ssize_t n = send(fd, buf->data + buf->start, buf->end - buf->start,
						 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? total : -1;
		buf->start += (size_t) n;
		total += n;
	}
	buf->start = buf->end = 0;
	return total;
}

size_t
wire_pending(const WireBuf *buf)
{
	return buf->end - buf->start;
}

void
wire_free(WireBuf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}
