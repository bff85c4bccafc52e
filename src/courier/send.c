/*-------------------------------------------------------------------------
 *
 * send.c
 *	  p2ptext-courier send: texts from the worker to their gateways.
 *
 * One loop waits for the worker, for gateways and for the time of simulated
 * events.  It reads from the worker whatever happens, so the two cannot wait
 * for each other; how much is on its way is for the worker to bound.
 *
 * src/courier/send.c
 *
 *-------------------------------------------------------------------------
 */
#include "send.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "later.h"
#include "link.h"

/* More than any gateway takes with one text. */
#define MAX_MEDIA 10

static bool quitting;

/* Copy strings to the end of a job; false if one of them holds a NUL. */
static bool
copy_strings(char **fields[], const WireStr *strings, size_t n, char *memory)
{
	for (size_t i = 0; i < n; i++)
	{
		if (memchr(strings[i].data, '\0', strings[i].len))
			return false;
		*fields[i] = memory;
		memcpy(memory, strings[i].data, strings[i].len);
		memory += strings[i].len + 1;
	}
	return true;
}

/* Take a WIRE_SEND or WIRE_FIND frame as a job; NULL if it is bad. */
static Job *
take_job(WireFrame *frame)
{
	Text text = {.id = wire_get_u64(frame)};
	Gateway *gateway = gateway_by_id(wire_get_u32(frame));
	WireStr strings[4 + MAX_MEDIA];
	char **fields[4 + MAX_MEDIA];
	size_t n = 4;
	size_t total = 0;
	Job *job;

	for (size_t i = 0; i < 4; i++)
		strings[i] = wire_get_str(frame);
	text.n_media = wire_get_u32(frame);
	if (text.n_media > MAX_MEDIA)
		return NULL;
	for (; n < 4 + text.n_media; n++)
		strings[n] = wire_get_str(frame);
	text.validity_s = wire_get_u32(frame);
	text.claimed_at = (int64_t) wire_get_u64(frame);
	if (!wire_done(frame))
		return NULL;
	for (size_t i = 0; i < n; i++)
		total += strings[i].len + 1;

	job = xalloc(sizeof(Job) + text.n_media * sizeof(char *) + total);
	job->text = text;
	job->text.media = job->memory;
	job->gateway = gateway;
	fields[0] = &job->text.ref;
	fields[1] = &job->text.from;
	fields[2] = &job->text.to;
	fields[3] = &job->text.body;
	for (size_t i = 4; i < n; i++)
		fields[i] = &job->text.media[i - 4];
	if (copy_strings(fields, strings, n, (char *) &job->memory[text.n_media]))
		return job;
	free(job);
	return NULL;
}

static void
simulate(Job *job)
{
	Gateway *gateway = job->gateway;
	SimulatedEvent events[SIMULATED_MAX];
	SendResult result = {0};
	uint64_t now = now_ms();
	size_t n;

	n = gateway->adapter->simulate(gateway, &job->text, &result, events);
	put_result(job->text.id, &result);
	for (size_t i = 0; i < n; i++)
		later_add(gateway->id, now, &events[i]);
	free(job);
}

/* Nothing was done about it; "ms" until there is a point in trying again. */
static void
give_back(Job *job, uint32_t ms, const char *code, const char *text)
{
	SendResult result = {0};
	FindResult not_asked = {0};

	if (job->find)
		put_found(job->text.id, &not_asked);
	else
	{
		result_defer(&result, WIRE_SCOPE_TEXT, ms, code, text);
		put_result(job->text.id, &result);
	}
	free(job);
}

static void
start(Job *job)
{
	if (quitting)
		give_back(job, 0, "", "");
	else if (job->gateway == NULL)
		give_back(job, GATEWAY_MEND_MS, "config",
				  "the courier was not told of this gateway");
	else if (job->find &&
			 (job->gateway->problem || job->gateway->adapter->find == NULL))
		give_back(job, 0, "", "");
	else if (job->gateway->problem == NULL && job->gateway->adapter->simulate)
		simulate(job);
	else
		http_submit(job);
}

static bool
take_frame(WireFrame *frame)
{
	Gateway *gateway;
	uint64_t id;
	Job *job;

	switch ((int) frame->type)
	{
		case WIRE_GATEWAY:
			gateway = gateway_update(frame);
			if (gateway)
				http_changed(gateway);
			return gateway != NULL;
		case WIRE_SEND:
		case WIRE_FIND:
			job = take_job(frame);
			if (job == NULL)
				return false;
			job->find = frame->type == WIRE_FIND;
			start(job);
			return true;
		case WIRE_RECALL:
			id = wire_get_u64(frame);
			http_recall(id);
			return wire_done(frame);
		case WIRE_QUIT:
			quitting = true;
			http_give_back();
			return wire_done(frame);
		default:
			return false;
	}
}

void
send_init(void)
{
	http_init();
}

int
send_run(void)
{
	for (;;)
	{
		int timeout_ms;
		int held_ms;

		http_perform();
		timeout_ms = quitting ? -1 : later_run(now_ms());
		held_ms = http_held_ms(now_ms());
		if (held_ms >= 0 && (timeout_ms < 0 || held_ms < timeout_ms))
			timeout_ms = held_ms;
		link_flush();
		if (quitting && !http_busy() && wire_pending(&link_out) == 0)
			break;
		if (http_wait(timeout_ms < 0 ? 60000 : timeout_ms,
					  wire_pending(&link_out) > 0))
			link_read(take_frame);
	}
	http_free();
	gateway_free_all();
	return 0;
}
