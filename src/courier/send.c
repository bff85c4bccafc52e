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

static bool quitting;

/* Take a WIRE_SEND frame, up to its end, as a job; NULL if it is bad. */
static Job *
take_job(WireFrame *frame)
{
	Text text = {.id = wire_get_u64(frame)};
	Gateway *gateway = gateway_by_id(wire_get_u32(frame));
	char **const fields[] = {&text.ref, &text.from, &text.to, &text.body};
	WireStr strings[4];
	size_t total = 0;
	char *memory;
	Job *job;

	for (size_t i = 0; i < 4; i++)
	{
		strings[i] = wire_get_str(frame);
		if (memchr(strings[i].data, '\0', strings[i].len))
			return NULL;
		total += strings[i].len + 1;
	}
	text.validity_s = wire_get_u32(frame);
	if (!wire_done(frame))
		return NULL;

	job = xalloc(sizeof(Job) + total);
	memory = job->memory;
	for (size_t i = 0; i < 4; i++)
	{
		*fields[i] = memory;
		memcpy(memory, strings[i].data, strings[i].len);
		memory += strings[i].len + 1;
	}
	job->text = text;
	job->gateway = gateway;
	return job;
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

static void
give_back(Job *job, WireOutcome outcome, const char *code, const char *text)
{
	SendResult result = {0};

	result_set(&result, outcome, code, text);
	result.retry_after_ms = outcome == WIRE_RETRY ? GATEWAY_MEND_MS : 0;
	put_result(job->text.id, &result);
	free(job);
}

static bool
take_frame(WireFrame *frame)
{
	Gateway *gateway;
	Job *job;

	switch ((int) frame->type)
	{
		case WIRE_GATEWAY:
			gateway = gateway_update(frame);
			if (gateway)
				http_changed(gateway);
			return gateway != NULL;
		case WIRE_SEND:
			job = take_job(frame);
			if (job == NULL)
				return false;
			if (quitting)
				give_back(job, WIRE_NOT_STARTED, "", "");
			else if (job->gateway == NULL)
				give_back(job, WIRE_RETRY, "config",
						  "the courier was not told of this gateway");
			else if (job->gateway->problem == NULL &&
					 job->gateway->adapter->simulate)
				simulate(job);
			else
				http_submit(job);
			return true;
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

		http_perform();
		timeout_ms = quitting ? -1 : later_run(now_ms());
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
