/*-------------------------------------------------------------------------
 *
 * webhook_fuzz.c
 *	  Fuzzes what becomes of a webhook between HTTP and the worker.
 *
 * The input is lines: the provider, the gateway's settings, the method and
 * the time, the target of the request, "Name: value" headers up to an empty
 * line, and the body, which is the rest.  The settings may be as wrong as can
 * be, since a gateway that cannot send still takes webhooks.  What comes out
 * must be what the worker can keep, and without the gateway's secret.
 *
 * test/fuzz/webhook_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include <strings.h>

#include "fuzz.h"
#include "intake.h"
#include "route.h"

#define MAX_HEADERS 16
#define MIN_SECRET 16 /* a shorter one may be part of anything */
#define REQUEST_ID 7

#define MAX_TARGET 16384 /* that the listener takes from a client */

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

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int) (digit - digits) & 15 : -1;
}

/* How often a token is there, whatever is percent-encoded. */
static size_t
count_token(WireStr token, const char *data, size_t len)
{
	char *plain = xalloc(len + 1);
	size_t plain_len = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
	{
		int high = data[i] == '%' && len - i > 2 ? hex_value(data[i + 1]) : -1;
		int low = high >= 0 ? hex_value(data[i + 2]) : -1;

		plain[plain_len++] = low >= 0		  ? (char) (high << 4 | low)
							 : data[i] == '+' ? ' '
											  : data[i];
		i += low >= 0 ? 2 : 0;
	}
	for (size_t i = 0; i + token.len <= plain_len; i++)
		n += memcmp(plain + i, token.data, token.len) == 0;
	free(plain);
	return n;
}

static const char *
kept_header(void *arg, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach(arg, key, value)
	{
		if (strcasecmp(key, name) == 0)
			return json_string_value(value);
	}
	return NULL;
}

static bool
token_is_parameter(const Gateway *gateway)
{
	json_t *token = json_object_get(gateway->settings, "token");

	return gateway->adapter == &kannel_adapter ||
		   (gateway->adapter == &generic_adapter &&
			!json_is_string(json_object_get(token, "header")));
}

/*
 * The secret that a webhook brings is not kept: it is there once less, and
 * what is kept does not bring it a second time.
 */
static void
check_kept(const Gateway *gateway, const HookRequest *req,
		   const KeptWebhook *kept)
{
	const GatewayAdapter *adapter = gateway->adapter;
	const char *target = kept_header(kept->headers, ":target");
	const char *query;
	char *body = xstrndup(kept->raw.data, kept->raw.len);
	HookRequest again = *req;
	Hook hook = {0};

	again.target = target ? target : "";
	query = strchr(again.target, '?');
	again.query = query ? query + 1 : "";
	again.header = kept_header;
	again.arg = kept->headers;
	again.body = body;
	again.body_len = kept->raw.len;
	if (adapter->events(gateway, &again, &hook) == 0 && hook.n_signatures > 0)
		CHECK(hook.signatures[0].len != kept->token.len ||
			  memcmp(buf_str(&hook.signatures[0]), kept->token.data,
					 kept->token.len) != 0);
	hook_free(&hook);
	if (kept->token.len >= MIN_SECRET && token_is_parameter(gateway))
		CHECK(count_token(kept->token, again.target, strlen(again.target)) +
				  count_token(kept->token, body, again.body_len) <
			  count_token(kept->token, req->target, strlen(req->target)) +
				  count_token(kept->token, req->body, req->body_len));
	free(body);
}

static void
take_webhook(const Route *route, const HookRequest *req)
{
	Gateway *gateway = route->gateway;
	const HookAck *ack = NULL;
	KeptWebhook kept;
	WireFrame frame;
	unsigned status;

	if (route_admits(gateway->adapter, req->method,
					 req->header(req->arg, "Content-Type")))
		return;
	status = intake(gateway, req, REQUEST_ID, &ack);
	if (status != 0)
	{
		CHECK(status / 100 == 4);
		CHECK(!next_out(&frame));
		return;
	}
	CHECK(ack->status / 100 == 2);
	CHECK(next_out(&frame) && frame.type == WIRE_WEBHOOK);
	kept = check_webhook_frame(frame);
	CHECK(kept.id == REQUEST_ID);
	if (kept.token.len > 0)
		check_kept(gateway, req, &kept);
	json_decref(kept.headers);
	CHECK(!next_out(&frame));
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
					   .address = "",
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
		req.body_len <= INTAKE_MAX_BODY)
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
