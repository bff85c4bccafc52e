/*-------------------------------------------------------------------------
 *
 * webhook_fuzz.c
 *	  Fuzzes what becomes of a webhook between HTTP and the worker.
 *
 * The input is lines: the target of the request, the signature, and the body,
 * which is the rest.  What comes out must be a frame's worth of text.
 *
 * test/fuzz/webhook_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static const char *
get_header(void *arg, const char *name)
{
	(void) name;
	return arg;
}

static void
tell_gateway(void)
{
	WireBuf buf = {0};
	WireFrame frame;

	wire_begin(&buf, WIRE_GATEWAY);
	wire_put_u32(&buf, 1);
	wire_put_str(&buf, "main");
	wire_put_str(&buf, "twilio");
	wire_put_str(&buf, "");
	wire_put_str(&buf, "AC1");
	wire_put_str(&buf, "");
	wire_put_str(&buf, "");
	wire_put_str(&buf, "{}");
	wire_put_str(&buf, "https://user:pw@text.example.org:8443/x");
	wire_put_str(&buf, "");
	wire_put_u32(&buf, 0);
	wire_put_u32(&buf, 1);
	wire_put_u32(&buf, 1000);
	wire_end(&buf);
	check(wire_next(&buf, &frame) == 1 && gateway_update(&frame) != NULL);
	wire_free(&buf);
}

static void
check_str(const char *str)
{
	check(str == NULL || utf8_valid(str, strlen(str)));
}

static void
check_hook(const Hook *hook)
{
	WireBuf wire = {0};

	check(hook->n_signed <= HOOK_MAX_SIGNED);
	wire_begin(&wire, WIRE_WEBHOOK);
	for (size_t i = 0; i < hook->n_events; i++)
	{
		const HookEvent *event = &hook->events[i];

		check(event->kind == WIRE_EVENT_TEXT ||
			  event->kind == WIRE_EVENT_RECEIPT);
		check(event->dedupe_key && *event->dedupe_key);
		check_str(event->dedupe_key);
		check_str(event->provider_id);
		check_str(event->ref);
		check_str(event->from);
		check_str(event->to);
		check_str(event->body);
		check_str(event->status);
		check_str(event->code);
		check_str(event->detail);
		check_str(event->media);
		event_put(&wire, event);
	}
	wire_end(&wire);
	wire_free(&wire);
}

/* The next line of the input, as a string of its own. */
static char *
take_line(const char **data, const char *end)
{
	const char *start = *data;
	const char *newline = memchr(start, '\n', (size_t) (end - start));
	const char *stop = newline ? newline : end;
	char *line = xstrndup(start, (size_t) (stop - start));

	*data = newline ? newline + 1 : end;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *next = (const char *) data;
	const char *end = next + size;
	char *target;
	char *signature;
	Route route;

	if (gateway_by_id(1) == NULL)
		tell_gateway();
	target = take_line(&next, end);
	signature = take_line(&next, end);
	route = route_find(target);
	if (route.kind == ROUTE_WEBHOOK)
	{
		const char *query = strchr(target, '?');
		HookRequest req = {.method = "POST",
						   .target = target,
						   .query = query ? query + 1 : "",
						   .ref = route.ref,
						   .body_len = (size_t) (end - next),
						   .header = get_header,
						   .arg = *signature ? signature : NULL};
		char *body = malloc(req.body_len ? req.body_len : 1);
		Hook hook = {0};

		memcpy(body, next, req.body_len);
		req.body = body;
		if (route.gateway->adapter->events(route.gateway, &req, &hook) == 0)
			check_hook(&hook);
		else
			check(hook.n_events == 0);
		hook_free(&hook);
		free(body);
	}
	free(target);
	free(signature);
	return 0;
}
