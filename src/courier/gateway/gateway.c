/*-------------------------------------------------------------------------
 *
 * gateway.c
 *	  The gateways a courier was told of, and what all adapters share.
 *
 * Owns the list of gateways.  An entry keeps its address for the life of the
 * process, so that a transfer may point to it; a gateway that was removed
 * only loses its adapter.
 *
 * src/courier/gateway/gateway.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

#include <stdlib.h>
#include <string.h>

#include "url.h"

static const GatewayAdapter *const adapters[] = {
	&bandwidth_adapter, &generic_adapter, &kannel_adapter,
	&loopback_adapter,	&plivo_adapter,	  &signalwire_adapter,
	&telnyx_adapter,	&twilio_adapter,  &vonage_adapter,
};

static Gateway **gateways;
static size_t n_gateways;

Gateway *
gateway_by_id(uint32_t id)
{
	for (size_t i = 0; i < n_gateways; i++)
	{
		if (gateways[i]->id == id)
			return gateways[i];
	}
	return NULL;
}

Gateway *
gateway_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < n_gateways; i++)
	{
		Gateway *gateway = gateways[i];

		if (gateway->adapter && strlen(gateway->name) == len &&
			memcmp(gateway->name, name, len) == 0)
			return gateway;
	}
	return NULL;
}

static const GatewayAdapter *
find_adapter(const char *provider)
{
	for (size_t i = 0; i < sizeof(adapters) / sizeof(adapters[0]); i++)
	{
		if (strcmp(adapters[i]->provider, provider) == 0)
			return adapters[i];
	}
	return NULL;
}

static void
clear_fields(Gateway *gateway)
{
	free(gateway->name);
	free(gateway->base_url);
	free(gateway->account);
	if (gateway->secret)
		explicit_bzero(gateway->secret, strlen(gateway->secret));
	free(gateway->secret);
	if (gateway->webhook_secret)
		explicit_bzero(gateway->webhook_secret,
					   strlen(gateway->webhook_secret));
	free(gateway->webhook_secret);
	free(gateway->public_url);
	free(gateway->ca_file);
	cidr_free(&gateway->webhook_addresses);
	free(gateway->problem);
	json_decref(gateway->settings);
}

/* Why the gateway cannot be used, if it cannot. */
static char *
find_problem(const Gateway *gateway, const char *provider)
{
	Buf text = {0};
	const char *problem = NULL;

	if (gateway->adapter == NULL)
	{
		if (*provider)
			buf_printf(&text, "provider \"%s\" is not known", provider);
		else
			buf_puts(&text, "the gateway was removed");
	}
	else if (!json_is_object(gateway->settings))
		buf_puts(&text, "the gateway's settings are not a JSON object");
	else
	{
		problem = url_problem(gateway->base_url, gateway->plain_http);
		if (problem == NULL && gateway->adapter->check)
			problem = gateway->adapter->check(gateway);
	}
	if (problem)
		buf_puts(&text, problem);
	return text.data;
}

/* Paths are appended to our URLs, and begin with one. */
static void
trim_slashes(char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
}

/* Take a WIRE_GATEWAY frame: a new gateway, or new values for a known one. */
Gateway *
gateway_update(WireFrame *frame)
{
	uint32_t id = wire_get_u32(frame);
	Gateway next = {.id = id};
	Gateway *gateway;
	char *provider;
	char *settings;
	char *addresses;

	next.name = frame_str(frame);
	provider = frame_str(frame);
	next.base_url = frame_str(frame);
	next.account = frame_str(frame);
	next.secret = frame_str(frame);
	next.webhook_secret = frame_str(frame);
	settings = frame_str(frame);
	next.public_url = frame_str(frame);
	next.ca_file = frame_str(frame);
	addresses = frame_str(frame);
	next.plain_http = wire_get_u32(frame) == 1;
	next.max_in_flight = wire_get_u32(frame);
	next.timeout_ms = wire_get_u32(frame);
	trim_slashes(next.base_url);
	trim_slashes(next.public_url);
	next.settings = json_loads(*settings ? settings : "{}", 0, NULL);
	next.adapter = find_adapter(provider);
	next.problem = find_problem(&next, provider);
	if (!cidr_parse(&next.webhook_addresses, addresses))
		frame->ok = false;
	free(provider);
	free(settings);
	free(addresses);
	if (!wire_done(frame))
	{
		clear_fields(&next);
		return NULL;
	}

	gateway = gateway_by_id(id);
	if (gateway == NULL)
	{
		gateways = xrealloc(gateways, (n_gateways + 1) * sizeof(Gateway *));
		gateway = gateways[n_gateways++] = xalloc(sizeof(Gateway));
	}
	else
		clear_fields(gateway);
	next.memory = gateway->memory;
	next.window = gateway->window;
	next.version = gateway->version + 1;
	*gateway = next;
	return gateway;
}

void
gateway_free_all(void)
{
	for (size_t i = 0; i < n_gateways; i++)
	{
		clear_fields(gateways[i]);
		json_decref(gateways[i]->memory);
		free(gateways[i]);
	}
	free(gateways);
	gateways = NULL;
	n_gateways = 0;
}

/* Copy what fits, without cutting a character in two. */
void
copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (len >= size)
	{
		len = size - 1;
		while (len > 0 && (src[len] & 0xC0) == 0x80)
			len--;
	}
	memcpy(dst, src, len);
	dst[len] = '\0';
}

void
result_set(SendResult *result, WireOutcome outcome, const char *code,
		   const char *text)
{
	result->outcome = outcome;
	copy_text(result->code, sizeof(result->code), code);
	copy_text(result->text, sizeof(result->text), text);
}

/* Not now, and not the text's fault. */
void
result_defer(SendResult *result, WireScope scope, uint32_t ms, const char *code,
			 const char *text)
{
	result_set(result, WIRE_DEFERRED, code, text);
	result->scope = scope;
	result->retry_after_ms = ms;
}

/*
 * What an HTTP status alone says.  "refused" is the outcome of a 4xx that
 * faults the request itself.  After a 5xx, or a 2xx that makes no sense, the
 * text may well be on its way.
 */
void
result_by_status(const HttpResponse *res, WireOutcome refused,
				 SendResult *result)
{
	char code[32];

	snprintf(code, sizeof(code), "http-%ld", res->status);
	if (res->status == 429)
		result_defer(result, WIRE_SCOPE_GATEWAY, GATEWAY_BUSY_MS, code,
					 "the gateway is busy");
	else if (res->status == 401 || res->status == 403)
		result_defer(result, WIRE_SCOPE_GATEWAY, GATEWAY_MEND_MS, code,
					 "the gateway refuses our account or secret");
	else if ((res->status / 100 == 3 && res->status != 303) ||
			 res->status == 404 || res->status == 405)
		result_defer(result, WIRE_SCOPE_GATEWAY, GATEWAY_MEND_MS, code,
					 "no such API there: look at the gateway's base_url and "
					 "account");
	else if (res->status / 100 == 4)
		result_set(result, refused, code, "the gateway refuses the request");
	else
		result_set(result, WIRE_UNKNOWN, code,
				   "the gateway did not say whether it took the text");

	if (result->outcome == WIRE_DEFERRED && res->retry_after_ms > 0)
		result->retry_after_ms = res->retry_after_ms;
}

/* One more text that the gateway has and that may be the one asked for. */
void
found_add(FindResult *result, const char *provider_id)
{
	if (result->n < WIRE_MAX_FOUND)
		copy_text(result->provider_ids[result->n++],
				  sizeof(result->provider_ids[0]), provider_id);
}

/* Where the gateway is to send receipts of a text; nothing if we listen not. */
void
put_status_url(Buf *out, const Gateway *gateway, const Text *text)
{
	if (*gateway->public_url)
		buf_printf(out, "%s/webhook/%s/status/%s", gateway->public_url,
				   gateway->name, text->ref);
}

/* A setting that is a text, or "". */
const char *
setting_text(const Gateway *gateway, const char *key)
{
	const char *value =
		json_string_value(json_object_get(gateway->settings, key));

	return value ? value : "";
}

char *
frame_str(WireFrame *frame)
{
	WireStr str = wire_get_str(frame);

	if (memchr(str.data, '\0', str.len))
		frame->ok = false;
	return xstrndup(str.data, str.len);
}

char *
hook_str(const char *str)
{
	return str ? xstrndup(str, strlen(str)) : NULL;
}

HookEvent *
hook_add_event(Hook *hook, WireEventKind kind)
{
	HookEvent *event;

	hook->events =
		xrealloc(hook->events, (hook->n_events + 1) * sizeof(HookEvent));
	event = &hook->events[hook->n_events++];
	*event = (HookEvent){.kind = kind};
	return event;
}

/* How the webhook proves itself: one more signature of which one must hold. */
void
hook_signature(Hook *hook, WireProof proof, const void *data, size_t len)
{
	hook->proof = proof;
	if (hook->n_signatures < HOOK_MAX_SIGNATURES)
		buf_put(&hook->signatures[hook->n_signatures++], data, len);
}

/* One more string that may be what the provider signed. */
void
hook_signed(Hook *hook, const void *data, size_t len)
{
	for (size_t i = 0; i < hook->n_signed; i++)
	{
		if (hook->signed_strings[i].len == len &&
			memcmp(buf_str(&hook->signed_strings[i]), data, len) == 0)
			return;
	}
	if (hook->n_signed < HOOK_MAX_SIGNED)
		buf_put(&hook->signed_strings[hook->n_signed++], data, len);
}

void
event_free(HookEvent *event)
{
	free(event->dedupe_key);
	free(event->provider_id);
	free(event->ref);
	free(event->from);
	free(event->to);
	free(event->body);
	free(event->status);
	free(event->code);
	free(event->detail);
	free(event->media);
}

void
hook_free(Hook *hook)
{
	for (size_t i = 0; i < hook->n_signatures; i++)
		buf_free(&hook->signatures[i]);
	for (size_t i = 0; i < hook->n_signed; i++)
		buf_free(&hook->signed_strings[i]);
	for (size_t i = 0; i < hook->n_events; i++)
		event_free(&hook->events[i]);
	free(hook->events);
	memset(hook, 0, sizeof(*hook));
}

/* An event as wire.h describes it within WIRE_WEBHOOK. */
void
event_put(WireBuf *wire, const HookEvent *event)
{
	wire_put_u32(wire, event->kind);
	wire_put_str(wire, event->dedupe_key);
	wire_put_str(wire, event->provider_id);
	wire_put_str(wire, event->ref);
	wire_put_str(wire, event->from);
	wire_put_str(wire, event->to);
	wire_put_str(wire, event->body);
	wire_put_str(wire, event->status);
	wire_put_str(wire, event->code);
	wire_put_str(wire, event->detail);
	wire_put_str(wire, event->media ? event->media : "[]");
}
