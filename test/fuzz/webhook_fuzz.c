/*-------------------------------------------------------------------------
 *
 * webhook_fuzz.c
 *	  Fuzzes what becomes of a webhook between HTTP and the worker.
 *
 * The input is lines: the provider, the gateway's settings, the method and
 * the time, the target of the request, "Name: value" headers up to an empty
 * line, and the body, which is the rest.  The settings may be as wrong as can
 * be, since a gateway that cannot send still takes webhooks.  What comes out
 * must be what the worker can keep.
 *
 * test/fuzz/webhook_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include <strings.h>

#include "fuzz.h"
#include "route.h"

#define MAX_HEADERS 16

/* What the listener takes from a client; see listen.c. */
#define MAX_TARGET 16384
#define MAX_BODY 65536

typedef struct Headers
{
	char *lines[MAX_HEADERS]; /* ... cut into name and value */
	const char *values[MAX_HEADERS];
	size_t n;
} Headers;

static void
take_headers(Headers *headers, const char **next, const char *end)
{
	while (headers->n < MAX_HEADERS)
	{
		char *line = take_line(next, end);
		char *colon = strstr(line, ": ");

		if (colon == NULL)
		{
			free(line);
			return;
		}
		*colon = '\0';
		headers->values[headers->n] = colon + 2;
		headers->lines[headers->n++] = line;
	}
}

static const char *
get_header(void *arg, const char *name)
{
	const Headers *headers = arg;

	for (size_t i = 0; i < headers->n; i++)
	{
		if (strcasecmp(headers->lines[i], name) == 0)
			return headers->values[i];
	}
	return NULL;
}

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
	{
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

static void
check_media(const char *media)
{
	json_t *list = json_loads(media, 0, NULL);
	size_t i;
	json_t *one;

	CHECK(json_is_array(list));
	json_array_foreach(list, i, one)
	{
		CHECK(json_is_string(json_object_get(one, "url")));
		CHECK(json_is_string(json_object_get(one, "content_type")));
	}
	json_decref(list);
}

static void
check_event(const HookEvent *event)
{
	static const char *const statuses[] = {"queued",	"sending",	   "sent",
										   "delivered", "undelivered", "failed",
										   NULL};
	static const char *const wishes[] = {"", "stop", "start", "help", NULL};

	CHECK(event->dedupe_key && *event->dedupe_key);
	check_str(event->dedupe_key);
	check_str(event->provider_id);
	check_str(event->ref);
	check_str(event->from);
	check_str(event->to);
	check_str(event->body);
	check_str(event->code);
	check_str(event->detail);
	if (event->media)
		check_media(event->media);
	if (event->kind == WIRE_EVENT_RECEIPT)
		CHECK(event->status && is_one_of(event->status, statuses));
	else
	{
		CHECK(event->kind == WIRE_EVENT_TEXT);
		CHECK(event->status == NULL || is_one_of(event->status, wishes));
		CHECK(event->from && event->to);
	}
}

static void
check_hook(const Hook *hook)
{
	WireBuf wire = {0};

	CHECK(hook->n_signed <= HOOK_MAX_SIGNED);
	CHECK(hook->n_signatures <= HOOK_MAX_SIGNATURES);
	CHECK(hook->proof <= WIRE_PROOF_TOKEN);
	CHECK(hook->n_signatures == 0 || hook->proof != WIRE_PROOF_NONE);
	wire_begin(&wire, WIRE_WEBHOOK);
	for (size_t i = 0; i < hook->n_events; i++)
	{
		check_event(&hook->events[i]);
		event_put(&wire, &hook->events[i]);
	}
	wire_end(&wire);
	wire_free(&wire);
}

static void
take_webhook(const Route *route, const HookRequest *req)
{
	const GatewayAdapter *adapter = route->gateway->adapter;
	Hook hook = {0};
	int status;

	if (route_admits(adapter, req->method,
					 req->header(req->arg, "Content-Type")))
		return;
	status = adapter->events(route->gateway, req, &hook);
	CHECK(status == 0 || (status >= 400 && status < 500));
	if (status == 0)
		check_hook(&hook);
	hook_free(&hook);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *next = (const char *) data;
	const char *end = next + size;
	char *provider = take_line(&next, end);
	char *settings = take_line(&next, end);
	char *how = take_line(&next, end);
	char *target = take_line(&next, end);
	char *query = strchr(target, '?');
	char *now = strchr(how, ' ');
	Headers headers = {0};
	HookRequest req = {.target = target,
					   .query = query ? query + 1 : "",
					   .now = now ? strtoll(now, NULL, 10) : 0,
					   .header = get_header,
					   .arg = &headers};
	Route route;
	char *body;

	take_headers(&headers, &next, end);
	req.method = strncmp(how, "GET", 3) == 0 ? "GET" : "POST";
	req.body_len = (size_t) (end - next);
	req.body = body = xstrndup(next, req.body_len);
	tell_gateway(pick_provider(provider), "", settings);
	route = route_find(target);
	req.ref = route.ref;
	if (route.kind == ROUTE_WEBHOOK && strlen(target) <= MAX_TARGET &&
		req.body_len <= MAX_BODY)
		take_webhook(&route, &req);
	for (size_t i = 0; i < headers.n; i++)
		free(headers.lines[i]);
	free(provider);
	free(settings);
	free(how);
	free(target);
	free(body);
	gateway_free_all();
	return 0;
}
