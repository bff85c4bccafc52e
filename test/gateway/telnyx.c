/*-------------------------------------------------------------------------
 *
 * telnyx.c
 *	  The test gateway as Telnyx.
 *
 * Shapes are those of Telnyx' SDKs (github.com/team-telnyx/telnyx-node), codes
 * those of its error reference (developers.telnyx.com).  Which HTTP status
 * goes with 40300 is not documented; it is the code that tells.
 *
 * test/gateway/telnyx.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

static const char *
authenticate(const Request *request, char *credentials, size_t size)
{
	static const char scheme[] = "Bearer ";
	const char *header = request_header(request, "Authorization");

	if (header == NULL || strncmp(header, scheme, strlen(scheme)) != 0)
		return NULL;
	snprintf(credentials, size, "%s", header + strlen(scheme));
	if (api_auth != NULL && strcmp(credentials, strchr(api_auth, ':') + 1) != 0)
		return NULL;
	return credentials;
}

static Fault
read_json(Request *request, Message *m)
{
	json_t *json = request_json(request);
	json_t *media = NULL;

	if (json == NULL ||
		json_unpack(json, "{s?s, s?s, s?s, s?s, s?s, s?o}", "to", &m->to,
					"from", &m->from, "text", &m->body, "messaging_profile_id",
					&m->service, "webhook_url", &m->status_callback,
					"media_urls", &media) != 0 ||
		json_array_size(media) > MAX_MEDIA)
		return FAULT_MALFORMED;
	if (m->service != NULL)
		m->account = m->service;
	for (size_t i = 0; i < json_array_size(media); i++)
		m->media[m->nmedia++] = json_string_value(json_array_get(media, i));
	return FAULT_NONE;
}

static void
put_numbers(Buffer *json, const char *from, const char *to, const char *status)
{
	buffer_key(json, "from");
	buffer_puts(json, "{");
	buffer_member(json, "phone_number", from);
	buffer_member(json, "carrier", "Telnyx");
	buffer_puts(json, "}");
	buffer_key(json, "to");
	buffer_puts(json, "[{");
	buffer_member(json, "phone_number", to);
	buffer_member(json, "status", status);
	buffer_member(json, "carrier", "T-MOBILE USA, INC.");
	buffer_puts(json, "}]");
}

static void
accepted(Buffer *json, const Message *m)
{
	buffer_puts(json, "{\"data\":{");
	buffer_member(json, "record_type", "message");
	buffer_member(json, "direction", "outbound");
	buffer_member(json, "id", m->id);
	buffer_member(json, "type", m->nmedia ? "MMS" : "SMS");
	buffer_member(json, "messaging_profile_id", m->service);
	put_numbers(json, m->from, m->to, "queued");
	buffer_member(json, "text", m->body);
	buffer_key(json, "media");
	buffer_puts(json, "[");
	for (int i = 0; i < m->nmedia; i++)
	{
		buffer_puts(json, i > 0 ? ",{" : "{");
		buffer_member(json, "url", m->media[i]);
		buffer_puts(json, "}");
	}
	buffer_puts(json, "]");
	buffer_member(json, "webhook_url", m->status_callback);
	buffer_printf(json, ",\"parts\":%d", m->segments);
	buffer_member_time(json, "received_at", m->accepted_us);
	buffer_puts(json, ",\"wait_seconds\":0.0,\"errors\":[]}}");
}

static void
put_error(Buffer *json, int code, const char *title, const char *detail)
{
	buffer_printf(json, "{\"code\":\"%d\"", code);
	buffer_member(json, "title", title);
	buffer_member(json, "detail", detail);
	buffer_puts(json, "}");
}

static void
refused(Buffer *json, const Refusal *r)
{
	buffer_puts(json, "{\"errors\":[");
	put_error(json, r->code, r->type, r->text);
	buffer_puts(json, "]}");
}

static const Refusal refusals[N_FAULTS] = {
	[FAULT_AUTH] = {401, 10009, "Authentication failed",
					"No key found matching the one provided."},
	[FAULT_MALFORMED] = {400, 10015, "Bad Request",
						 "The request body is malformed."},
	[FAULT_NO_TO] = {400, 40310, "Invalid 'to' address", "'to' is missing."},
	[FAULT_BAD_TO] = {400, 10016, "Phone number must be in +E.164 format",
					  "The 'to' parameter is not."},
	[FAULT_NO_FROM] = {400, 40305, "Invalid 'from' address",
					   "'from' is missing."},
	[FAULT_NO_TEXT] = {400, 40316, "No content provided",
					   "The message has neither text nor media."},
	[FAULT_TOO_LONG] = {400, 40302, "Message too large",
						"The message has too many parts."},
	[FAULT_VALIDITY] = {400, 10015, "Bad Request", "There is no validity."},
	[FAULT_CALLBACK] = {400, 10015, "Bad Request",
						"'webhook_url' is not an URL."},
	[FAULT_OPTED_OUT] = {403, 40300, "Blocked due to STOP message",
						 "Messages cannot be sent due to an existing block "
						 "rule."},
	[FAULT_BUSY] = {429, 10011, "Too many requests",
					"You have exceeded the maximum number of allowed "
					"requests."},
	[FAULT_BROKEN] = {500, 10007, "Unexpected error",
					  "An unexpected error occurred."}};

/* 400NN and 401NN are known only later. */
static bool
refuses(int code, Refusal *refusal)
{
	*refusal = (Refusal){400, code, "Refused", "Refused as configured"};
	return code < 40000 || code >= 40300;
}

static bool
ask(const Request *request, Query *q)
{
	const char *type = request_query(request, "filter[record_type]");
	const char *since = request_query(request, "filter[created_at][gte]");
	const char *until = request_query(request, "filter[created_at][lt]");
	const char *size = request_query(request, "page[size]");
	const char *page = request_query(request, "page[number]");

	q->to = request_query(request, "filter[cld]");
	q->from = request_query(request, "filter[cli]");
	if (since != NULL)
		q->since_us = parse_time(since);
	if (until != NULL)
		q->until_us = parse_time(until) - 1;
	q->limit = size ? atol(size) : 20;
	if (page != NULL)
		q->offset = (atol(page) - 1) * q->limit;
	return type != NULL && strcmp(type, "messaging") == 0 && q->since_us >= 0 &&
		   q->until_us >= 0 && q->limit <= 50;
}

static void
list(Buffer *json, const Query *q, const Message *messages, long n, long total)
{
	buffer_puts(json, "{\"data\":[");
	for (long i = 0; i < n; i++)
	{
		const Message *m = &messages[i];

		buffer_puts(json, i > 0 ? ",{" : "{");
		buffer_member(json, "record_type", "messaging");
		buffer_member(json, "uuid", m->id);
		buffer_member(json, "direction", "outbound");
		buffer_member(json, "cli", m->from);
		buffer_member(json, "cld", m->to);
		buffer_member_time(json, "created_at", m->accepted_us);
		buffer_member_time(json, "sent_at", m->accepted_us);
		buffer_member(json, "message_type", m->nmedia ? "MMS" : "SMS");
		buffer_member(json, "status", "delivered");
		buffer_member(json, "delivery_status_webhook_url", m->status_callback);
		buffer_printf(json, ",\"parts\":%d}", m->segments);
	}
	buffer_printf(json,
				  "],\"meta\":{\"page_number\":%ld,\"page_size\":%ld,"
				  "\"total_pages\":%ld,\"total_results\":%ld}}",
				  q->offset / q->limit + 1, q->limit,
				  (total + q->limit - 1) / q->limit, total);
}

static void
put_payload(Buffer *json, const Callback *c)
{
	static const char *const statuses[] = {
		"sent", "delivered", "delivery_failed", "webhook_delivered"};
	Event event = c->events[c->step];
	bool inbound = event == EVENT_TEXT;

	buffer_puts(json, "{");
	buffer_member(json, "record_type", "message");
	buffer_member(json, "direction", inbound ? "inbound" : "outbound");
	buffer_member(json, "id", c->id);
	buffer_member(json, "type", c->media ? "MMS" : "SMS");
	put_numbers(json, c->from, c->to, statuses[event]);
	buffer_member(json, "text", c->body);
	buffer_key(json, "media");
	buffer_puts(json, "[");
	if (c->media != NULL)
	{
		buffer_puts(json, "{");
		buffer_member(json, "url", c->media);
		buffer_member(json, "content_type", "image/jpeg");
		buffer_puts(json, ",\"size\":102400}");
	}
	buffer_printf(json, "],\"parts\":%d,\"tags\":[]", c->segments);
	if (inbound)
		buffer_member(json, "autoresponse_type", c->opt_out);
	buffer_key(json, "errors");
	buffer_puts(json, "[");
	if (event == EVENT_UNDELIVERED)
		put_error(json, c->error_code, "Undeliverable",
				  "Carrier did not accept the message");
	buffer_puts(json, "]}");
}

/* Signed are the time, a bar and the body. */
static void
sign(const Post *post, int64_t now, Buffer *signature)
{
	Buffer text = {0};

	buffer_printf(&text, "%lld|", (long long) now);
	buffer_add(&text, post->body.data, post->body.len);
	sign_ed25519(signature, &text);
	buffer_free(&text);
}

static void
hook(const Callback *c, Post *post)
{
	static const char *const types[] = {"message.sent", "message.finalized",
										"message.finalized",
										"message.received"};
	int64_t now = now_us(CLOCK_REALTIME);
	Buffer *json = &post->body;
	char uuid[37];
	Buffer value = {0};

	sign_uuid(uuid, c);
	buffer_puts(json, "{\"data\":{");
	buffer_member(json, "event_type", types[c->events[c->step]]);
	buffer_member(json, "id", uuid);
	buffer_member_time(json, "occurred_at", now);
	buffer_key(json, "payload");
	put_payload(json, c);
	buffer_member(json, "record_type", "event");
	buffer_printf(
		json, "},\"meta\":{\"attempt\":%d,\"delivered_to\":", c->attempt + 1);
	buffer_json(json, post->url.data);
	buffer_puts(json, "}}");

	sign(post, now / 1000000, &value);
	post_header(post, "telnyx-signature-ed25519", value.data);
	value.len = 0;
	buffer_printf(&value, "%lld", (long long) (now / 1000000));
	post_header(post, "telnyx-timestamp", value.data);
	buffer_free(&value);
}

const Dialect telnyx_dialect = {
	.name = "telnyx",
	.paths = {"/v2/messages"},
	.method = MHD_HTTP_METHOD_POST,
	.ask_path = "/v2/detail_records",
	.authenticate = authenticate,
	.read = read_json,
	.max_text = 1600,
	.accepted_status = MHD_HTTP_OK,
	.accepted = accepted,
	.refused = refused,
	.refusals = refusals,
	.refuses = refuses,
	.ask = ask,
	.list = list,
	.hook = hook,
	.own_secret = true,
	.retries = 2,
	.retry_on = "ct,rt,5xx,4xx",
	.timeout_ms = 2000,
};
