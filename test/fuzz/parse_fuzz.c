/*-------------------------------------------------------------------------
 *
 * parse_fuzz.c
 *	  Fuzzes the frames that a session sends to a courier that takes webhooks
 *	  apart.
 *
 * The input is a stream of frames.  Each request must have one answer, after
 * the frame of a webhook that the worker can keep or, if refused, none.
 *
 * test/fuzz/parse_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "parse.c"

#include "fuzz.h"

static void
check_answer(uint64_t id)
{
	WireFrame frame;
	WireStr type, body;
	bool kept = false;
	uint32_t status;

	CHECK(next_out(&frame));
	if (frame.type == WIRE_WEBHOOK)
	{
		KeptWebhook webhook = check_webhook_frame(frame);

		CHECK(webhook.id == id);
		json_decref(webhook.headers);
		kept = true;
		CHECK(next_out(&frame));
	}
	CHECK(frame.type == WIRE_ANSWER);
	CHECK(wire_get_u64(&frame) == id);
	status = wire_get_u32(&frame);
	type = wire_get_str(&frame);
	body = wire_get_str(&frame);
	CHECK(wire_done(&frame));
	CHECK(kept ? status / 100 == 2 : status / 100 == 4);
	CHECK(utf8_valid(type.data, type.len) && utf8_valid(body.data, body.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WireBuf buf = {.data = malloc(size + 1), .end = size, .size = size + 1};
	WireFrame frame;
	bool going_on = true;

	memcpy(buf.data, data, size);
	while (going_on && wire_next(&buf, &frame) > 0)
	{
		bool request = frame.type == WIRE_REQUEST;
		WireFrame copy = frame;

		going_on = take_frame(&frame);
		if (going_on && request)
			check_answer(wire_get_u64(&copy));
		CHECK(!next_out(&copy));
	}
	gateway_free_all();
	wire_free(&buf);
	return 0;
}
