/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Tests of the frames between a worker and its courier.
 *
 * test/unit/wire.c
 *
 *-------------------------------------------------------------------------
 */
#include "wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

static bool
str_is(WireStr str, const char *wanted)
{
	return str.len == strlen(wanted) && memcmp(str.data, wanted, str.len) == 0;
}

/* All kinds of fields, one after the other. */
static void
put_sample(WireBuf *buf, uint64_t id)
{
	wire_begin(buf, WIRE_SEND);
	wire_put_u64(buf, id);
	wire_put_u32(buf, 7);
	wire_put_str(buf, "text");
	wire_put_str(buf, NULL);
	wire_put_bytes(buf, "a\0b", 3);
	wire_end(buf);
}

static bool
is_sample(WireFrame *frame, uint64_t id)
{
	WireStr bytes;

	if (frame->type != WIRE_SEND || wire_get_u64(frame) != id ||
		wire_get_u32(frame) != 7 || !str_is(wire_get_str(frame), "text") ||
		!str_is(wire_get_str(frame), ""))
		return false;
	bytes = wire_get_str(frame);
	return bytes.len == 3 && memcmp(bytes.data, "a\0b", 3) == 0 &&
		   wire_done(frame);
}

static void
test_round_trip(void)
{
	WireBuf buf = {0};
	WireFrame frame;

	put_sample(&buf, UINT64_MAX);
	wire_begin(&buf, WIRE_QUIT);
	ok(wire_end(&buf), "a frame without fields");
	is_num(wire_next(&buf, &frame), 1, "the first frame is found");
	ok(is_sample(&frame, UINT64_MAX), "... with all its fields");
	is_num(wire_next(&buf, &frame), 1, "so is the second");
	ok(frame.type == WIRE_QUIT && wire_done(&frame), "... which is empty");
	is_num(wire_next(&buf, &frame), 0, "and there are no more");
	is_num((long long) wire_pending(&buf), 0, "nothing is left");
	wire_free(&buf);
}

/* Frames that arrive byte by byte are found when their last byte is there. */
static void
test_partial(void)
{
	WireBuf whole = {0};
	WireBuf part = {0};
	WireFrame frame;
	int sockets[2];
	int found = 0;
	int early = 0;
	int wrong = 0;
	size_t total;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		abort();
	for (uint64_t i = 0; i < 3; i++)
		put_sample(&whole, i);
	total = wire_pending(&whole);
	is_num(wire_fill(&part, sockets[1]), 0, "nothing to read would block");
	for (size_t i = 0; i < total; i++)
	{
		if (write(sockets[0], whole.data + i, 1) != 1 ||
			wire_fill(&part, sockets[1]) != 1)
			abort();
		while (wire_next(&part, &frame) > 0)
		{
			early += (i + 1) % (total / 3) != 0;
			wrong += !is_sample(&frame, (uint64_t) found++);
		}
	}
	is_num(found, 3, "byte by byte, three frames arrive");
	is_num(early + wrong, 0, "... each when it is whole, and right");

	close(sockets[0]);
	errno = 1;
	is_num(wire_fill(&part, sockets[1]), -1, "the end is an error");
	is_num(errno, 0, "... with errno 0");
	put_sample(&whole, 1);
	is_num(wire_flush(&whole, sockets[1]), -1, "writing after it is, too");
	is_num(errno, EPIPE, "... with EPIPE, and no signal");
	close(sockets[1]);
	wire_free(&whole);
	wire_free(&part);
}

/* A socket that is full takes what it can, and the rest later. */
static void
test_full_socket(void)
{
	WireBuf out = {0};
	WireBuf in = {0};
	WireFrame frame;
	int sockets[2];
	uint64_t sent = 0;
	uint64_t got = 0;
	bool right = true;
	bool blocked = false;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		abort();
	while (got < 100000 && right)
	{
		ssize_t n;

		while (sent < 100000 && wire_pending(&out) < 500000)
			put_sample(&out, sent++);
		n = wire_flush(&out, sockets[0]);
		blocked = blocked || (n >= 0 && wire_pending(&out) > 0);
		if (n < 0 || wire_fill(&in, sockets[1]) < 0)
			right = false;
		while (wire_next(&in, &frame) > 0)
			right = right && is_sample(&frame, got++);
	}
	ok(right, "a hundred thousand frames arrive in order");
	ok(blocked, "... through a socket that was full at times");
	ok(out.size < 4000000 && in.size < 4000000, "... in little memory");
	close(sockets[0]);
	close(sockets[1]);
	wire_free(&out);
	wire_free(&in);
}

static void
test_too_long(void)
{
	static char big[WIRE_MAX_FRAME + 1];
	WireBuf buf = {0};
	WireFrame frame;

	put_sample(&buf, 1);
	wire_begin(&buf, WIRE_LOG);
	wire_put_bytes(&buf, big, sizeof(big));
	wire_put_u32(&buf, 1);
	ok(!wire_end(&buf), "a frame that is too long is refused");
	wire_begin(&buf, WIRE_LOG);
	wire_put_bytes(&buf, big, WIRE_MAX_FRAME - 100);
	wire_put_bytes(&buf, big, 200);
	ok(!wire_end(&buf), "... also when its parts are not");
	wire_begin(&buf, WIRE_LOG);
	wire_put_bytes(&buf, big, WIRE_MAX_FRAME - 1 - sizeof(uint32_t));
	ok(wire_end(&buf), "the longest one is not");
	put_sample(&buf, 2);

	ok(wire_next(&buf, &frame) == 1 && is_sample(&frame, 1),
	   "what was before it is intact");
	ok(wire_next(&buf, &frame) == 1 &&
		   wire_get_str(&frame).len == WIRE_MAX_FRAME - 1 - sizeof(uint32_t) &&
		   wire_done(&frame),
	   "so is the longest");
	ok(wire_next(&buf, &frame) == 1 && is_sample(&frame, 2),
	   "and what came after");
	wire_free(&buf);
}

/* Lengths that lie. */
static void
test_hostile(void)
{
	static const uint32_t lengths[] = {0, WIRE_MAX_FRAME + 1, UINT32_MAX,
									   INT32_MAX};
	WireFrame frame;
	uint8_t bytes[16] = {0};
	uint32_t len = 9;

	for (size_t i = 0; i < 4; i++)
	{
		WireBuf buf = {.data = bytes, .end = sizeof(bytes), .size = 16};

		memcpy(bytes, &lengths[i], 4);
		ok(wire_next(&buf, &frame) == -1, "a frame of %u bytes is refused",
		   lengths[i]);
	}
	memcpy(bytes, &len, 4);
	bytes[4] = 'S';
	for (size_t i = 1; i < 4; i++)
	{
		WireBuf buf = {.data = bytes, .end = sizeof(bytes), .size = 16};

		memcpy(bytes + 5, &lengths[i], 4);
		ok(wire_next(&buf, &frame) == 1 && wire_get_str(&frame).len == 0 &&
			   !wire_done(&frame),
		   "a string of %u bytes in a frame of 9 is empty, and an error",
		   lengths[i]);
		ok(wire_get_u64(&frame) == 0 && wire_get_u32(&frame) == 0 &&
			   !wire_done(&frame),
		   "... and so is all that follows");
	}
	len = 3;
	memcpy(bytes, &len, 4);
	{
		WireBuf buf = {.data = bytes, .end = sizeof(bytes), .size = 16};

		ok(wire_next(&buf, &frame) == 1 && wire_get_u32(&frame) == 0 &&
			   !wire_done(&frame),
		   "half a number is an error");
	}
	len = 10;
	memcpy(bytes, &len, 4);
	{
		WireBuf buf = {.data = bytes, .end = sizeof(bytes), .size = 16};

		ok(wire_next(&buf, &frame) == 1 && frame.ok, "a frame of 10");
		wire_get_u64(&frame);
		ok(frame.ok && !wire_done(&frame), "bytes left over are noticed");
	}
}

int
main(void)
{
	test_round_trip();
	test_partial();
	test_full_socket();
	test_too_long();
	test_hostile();
	return done_testing();
}
