/*-------------------------------------------------------------------------
 *
 * wire_fuzz.c
 *	  Fuzzes the frames that one end of the socketpair reads from the other.
 *
 * The input is a stream of frames.  Each is read as every kind that a worker
 * expects, and by the sending courier's own take_frame(), for which this file
 * stands in for the network.
 *
 * test/fuzz/wire_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "send.c"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;
static uint64_t given_back; /* of jobs: how many were, ... */
static uint64_t submitted;	/* ... how many went to the network */

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
sum_str(const char *str)
{
	return sum((WireStr){str, strlen(str)});
}

static unsigned
read_strings(WireFrame *frame)
{
	unsigned total = 0;

	for (uint32_t n = wire_get_u32(frame); n > 0 && frame->ok; n--)
		total += sum(wire_get_str(frame));
	return total;
}

static unsigned
read_webhook(WireFrame frame)
{
	unsigned total = 0;

	wire_get_u64(&frame);
	wire_get_u32(&frame);
	wire_get_u32(&frame);
	total += read_strings(&frame); /* signatures */
	total += read_strings(&frame); /* signed strings */
	total += sum(wire_get_str(&frame));
	total += sum(wire_get_str(&frame));
	for (uint32_t n = wire_get_u32(&frame); n > 0 && frame.ok; n--)
	{
		wire_get_u32(&frame);
		for (int i = 0; i < 10; i++)
			total += sum(wire_get_str(&frame));
	}
	return total + wire_done(&frame);
}

static unsigned
read_result(WireFrame frame)
{
	unsigned total = 0;

	wire_get_u64(&frame);
	wire_get_u32(&frame);
	for (int i = 0; i < 3; i++)
		total += sum(wire_get_str(&frame));
	for (int i = 0; i < 3; i++)
		wire_get_u32(&frame);
	return total + wire_done(&frame);
}

static unsigned
read_found(WireFrame frame)
{
	unsigned total = 0;

	wire_get_u64(&frame);
	wire_get_u32(&frame);
	total += read_strings(&frame);
	return total + wire_done(&frame);
}

/*
 * Instead of http.c and later.c: the first half is called, ...
 */
void
http_submit(Job *job)
{
	const Text *text = &job->text;

	sink += sum_str(text->ref) + sum_str(text->from) + sum_str(text->to) +
			sum_str(text->body);
	for (uint32_t i = 0; i < text->n_media; i++)
		sink += sum_str(text->media[i]);
	submitted++;
	free(job);
}

void
http_changed(Gateway *gateway)
{
	if (gateway->problem)
		sink += sum_str(gateway->problem);
	else if (gateway->adapter == NULL)
		abort();
}

void
http_give_back(void)
{
}

void
http_recall(uint64_t id)
{
	sink += (unsigned) id;
}

void
put_result(uint64_t id, const SendResult *result)
{
	sink += (unsigned) id + sum_str(result->text);
	given_back++;
}

void
put_found(uint64_t id, const FindResult *result)
{
	sink += (unsigned) id + result->n;
	given_back++;
}

void
later_add(uint32_t gateway, uint64_t now, const SimulatedEvent *simulated)
{
	HookEvent event = simulated->event;

	sink += gateway + (unsigned) now;
	event_free(&event);
}

/*
 * ... and the second only has to be there.
 */
void
http_init(void)
{
}

void
http_perform(void)
{
}

int
http_held_ms(uint64_t now)
{
	(void) now;
	return -1;
}

bool
http_busy(void)
{
	return false;
}

bool
http_wait(int timeout_ms, bool flush)
{
	(void) timeout_ms, (void) flush;
	return false;
}

void
http_free(void)
{
}

int
later_run(uint64_t now)
{
	(void) now;
	return -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WireBuf buf = {.data = malloc(size + 1), .end = size, .size = size + 1};
	WireFrame frame;
	bool going_on = true;

	memcpy(buf.data, data, size);
	quitting = false;
	while (going_on && wire_next(&buf, &frame) > 0)
	{
		bool job = frame.type == WIRE_SEND || frame.type == WIRE_FIND;
		uint64_t before = given_back + submitted;

		sink += read_webhook(frame) + read_result(frame) + read_found(frame);
		going_on = take_frame(&frame);
		if (job && going_on && given_back + submitted != before + 1)
			abort(); /* a text was lost, or has two fates */
	}
	gateway_free_all();
	wire_free(&buf);
	return 0;
}
