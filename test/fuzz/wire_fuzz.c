/*-------------------------------------------------------------------------
 *
 * wire_fuzz.c
 *	  Fuzzes the frames that one end of the socketpair reads from the other.
 *
 * The input is a stream of frames.  Each is read as every kind that either
 * end expects; a WIRE_GATEWAY frame goes through the courier's own reader.
 *
 * test/fuzz/wire_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

/* Touch every byte of a string, so that a wrong length is noticed. */
static unsigned
sum(WireStr str)
{
	unsigned total = 0;

	for (size_t i = 0; i < str.len; i++)
		total += (unsigned char) str.data[i];
	return total;
}

static unsigned
read_webhook(WireFrame *frame)
{
	unsigned total = 0;

	wire_get_u64(frame);
	wire_get_u32(frame);
	wire_get_u32(frame);
	for (int i = 0; i < 2; i++)
		for (uint32_t n = wire_get_u32(frame); n > 0 && frame->ok; n--)
			total += sum(wire_get_str(frame));
	total += sum(wire_get_str(frame));
	total += sum(wire_get_str(frame));
	for (uint32_t n = wire_get_u32(frame); n > 0 && frame->ok; n--)
	{
		wire_get_u32(frame);
		for (int i = 0; i < 10; i++)
			total += sum(wire_get_str(frame));
	}
	return total + wire_done(frame);
}

static unsigned
read_result(WireFrame *frame)
{
	unsigned total = 0;

	wire_get_u64(frame);
	wire_get_u32(frame);
	for (int i = 0; i < 3; i++)
		total += sum(wire_get_str(frame));
	for (int i = 0; i < 3; i++)
		wire_get_u32(frame);
	return total + wire_done(frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WireBuf buf = {.data = malloc(size + 1), .end = size, .size = size + 1};
	WireFrame frame;

	memcpy(buf.data, data, size);
	while (wire_next(&buf, &frame) > 0)
	{
		WireFrame again = frame;

		sink += read_webhook(&again);
		again = frame;
		sink += read_result(&again);
		if (frame.type == WIRE_GATEWAY && gateway_update(&frame) == NULL)
			break;
	}
	gateway_free_all();
	wire_free(&buf);
	return 0;
}
