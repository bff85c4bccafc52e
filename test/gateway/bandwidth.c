/*-------------------------------------------------------------------------
 *
 * bandwidth.c
 *	  The test gateway as Bandwidth (messaging API V2).
 *
 * Shapes are those of Bandwidth's OpenAPI file (github.com/Bandwidth/
 * node-sdk, bandwidth.yml), codes those of its docs (github.com/Bandwidth/
 * api-docs).  Webhooks go to the URL of the application, which here is the
 * setting "webhook".  A recipient who opted out shows only in a receipt.
 *
 * test/gateway/bandwidth.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define OPTED_OUT 4775

/* The token is all of "user:password". */
static const char *
authenticate(const Request *request, char *credentials, size_t size)
{
	if (request_basic(request, credentials, size) == NULL ||
		(api_auth != NULL && strcmp(credentials, api_auth) != 0))
		return NULL;
	return credentials;
}

static Fault
read_json(Request *request, Message *m)
{
	json_t *json = request_json(request);
	json_t *to = NULL;
	json_t *media = NULL;
	const char *application = NULL;
	const char *expiration = NULL;

	if (json == NULL ||
		json_unpack(json, "{s?s, s?o, s?s, s?s, s?s, s?s, s?o}",
					"applicationId", &application, "to", &to, "from", &m->from,
					"text", &m->body, "tag", &m->ref, "expiration", &expiration,
					"media", &media) != 0 ||
		application == NULL || json_array_size(to) > 1 ||
		json_array_size(media) > MAX_MEDIA ||
		(m->ref != NULL && strlen(m->ref) > 1024))
		return FAULT_MALFORMED;
	m->to = json_string_value(json_array_get(to, 0));
	for (size_t i = 0; i < json_array_size(media); i++)
		m->media[m->nmedia++] = json_string_value(json_array_get(media, i));
	if (expiration != NULL)
	{
		m->validity_s =
			(parse_time(expiration) - now_us(CLOCK_REALTIME)) / 1000000;
		if (m->validity_s <= 0)
			return FAULT_VALIDITY;
	}
	return FAULT_NONE;
}

static void
accepted(Buffer *json, const Message *m)
{
	buffer_puts(json, "{");
	buffer_member(json, "id", m->id);
	buffer_member(json, "owner", m->from);
	buffer_member(json, "applicationId",
				  "93de2206-9669-4e07-948d-329f4b722ee2");
	buffer_member_time(json, "time", m->accepted_us);
	buffer_printf(json, ",\"segmentCount\":%d", m->segments);
	buffer_member(json, "direction", "out");
	buffer_key(json, "to");
	buffer_strings(json, &m->to, 1);
	buffer_member(json, "from", m->from);
	buffer_member(json, "text", m->body);
	buffer_key(json, "media");
	buffer_strings(json, m->media, m->nmedia);
	buffer_member(json, "tag", m->ref);
	buffer_member(json, "priority", "default");
	buffer_puts(json, "}");
}

/* A fault of one field names it; for those the text begins with its name. */
static void
refused(Buffer *json, const Refusal *r)
{
	buffer_puts(json, "{");
	buffer_member(json, "type", r->type);
	if (strcmp(r->type, "request-validation") == 0)
	{
		char field[32];

		snprintf(field, sizeof(field), "%.*s", (int) strcspn(r->text, " "),
				 r->text);
		buffer_member(json, "description",
					  "Your request could not be accepted");
		buffer_puts(json, ",\"fieldErrors\":[{");
		buffer_member(json, "fieldName", field);
		buffer_member(json, "description", r->text);
		buffer_puts(json, "}]");
	}
	else
		buffer_member(json, "description", r->text);
	buffer_puts(json, "}");
}

static const Refusal refusals[N_FAULTS] = {
	[FAULT_AUTH] = {401, 0, "unauthorized", "Authentication failed"},
	[FAULT_MALFORMED] = {400, 0, "request-validation",
						 "body is malformed or lacks a field"},
	[FAULT_NO_TO] = {400, 0, "request-validation", "to must not be missing"},
	[FAULT_BAD_TO] = {400, 0, "request-validation",
					  "to must be a valid E164 formatted number"},
	[FAULT_NO_FROM] = {400, 0, "request-validation",
					   "from must not be missing"},
	[FAULT_NO_TEXT] = {400, 0, "request-validation", "text must not be blank"},
	[FAULT_TOO_LONG] = {400, 0, "request-validation",
						"text must have at most 2048 characters"},
	[FAULT_VALIDITY] = {400, 0, "request-validation",
						"expiration must be a time in the future"},
	[FAULT_BUSY] = {429, 0, "max-message-queue-size-exceeded",
					"The SMS queue for your account is full and cannot "
					"accept more messages right now."},
	[FAULT_BROKEN] = {500, 0, "internal-server-error",
					  "Something went wrong on our side"}};

/* Codes of delivery have four digits; those of the API are HTTP's. */
static bool
refuses(int code, Refusal *refusal)
{
	*refusal =
		(Refusal){(unsigned) code, code, "forbidden", "Refused as configured"};
	if (code == 400)
	{
		refusal->type = "request-validation";
		refusal->text = "to is refused as configured";
	}
	return code < 600;
}

static bool
ask(const Request *request, Query *q)
{
	const char *since = request_query(request, "fromDateTime");
	const char *until = request_query(request, "toDateTime");
	const char *limit = request_query(request, "limit");

	q->to = request_query(request, "destinationTn");
	q->from = request_query(request, "sourceTn");
	if (since != NULL)
		q->since_us = parse_time(since);
	if (until != NULL)
		q->until_us = parse_time(until);
	if (limit != NULL)
		q->limit = atol(limit);
	return q->since_us >= 0 && q->until_us >= 0;
}

/* Neither text nor tag is in the list. */
static void
list(Buffer *json, const Query *q, const Message *messages, long n, long total)
{
	buffer_printf(json, "{\"totalCount\":%ld,\"pageInfo\":{", total);
	if (q->offset + n < total)
		buffer_member(json, "nextPage", "https://127.0.0.1/next");
	buffer_puts(json, "},\"messages\":[");
	for (long i = 0; i < n; i++)
	{
		const Message *m = &messages[i];

		buffer_puts(json, i > 0 ? ",{" : "{");
		buffer_member(json, "messageId", m->id);
		buffer_member(json, "accountId", m->account);
		buffer_member(json, "sourceTn", m->from);
		buffer_member(json, "destinationTn", m->to);
		buffer_member(json, "messageStatus", "DELIVERED");
		buffer_member(json, "messageDirection", "OUTBOUND");
		buffer_member(json, "messageType", m->nmedia ? "mms" : "sms");
		buffer_printf(json, ",\"segmentCount\":%d,\"errorCode\":0",
					  m->segments);
		buffer_member_time(json, "receiveTime", m->accepted_us);
		buffer_puts(json, "}");
	}
	buffer_puts(json, "]}");
}

/* In receipts the text is empty. */
static void
put_message(Buffer *json, const Callback *c, int64_t now)
{
	bool inbound = c->events[c->step] == EVENT_TEXT;
	const char *to = c->to;

	buffer_puts(json, "{");
	buffer_member(json, "id", c->id);
	buffer_member(json, "owner", inbound ? c->to : c->from);
	buffer_member(json, "applicationId",
				  "93de2206-9669-4e07-948d-329f4b722ee2");
	buffer_member_time(json, "time", now);
	buffer_printf(json, ",\"segmentCount\":%d", c->segments);
	buffer_member(json, "direction", inbound ? "in" : "out");
	buffer_key(json, "to");
	buffer_strings(json, &to, 1);
	buffer_member(json, "from", c->from);
	buffer_member(json, "text", inbound ? c->body : "");
	if (c->media != NULL)
	{
		const char *media = c->media;

		buffer_key(json, "media");
		buffer_strings(json, &media, 1);
	}
	if (c->ref != NULL)
		buffer_member(json, "tag", c->ref);
	buffer_puts(json, "}");
}

static void
hook(const Callback *c, Post *post)
{
	static const char *const types[] = {"message-sending", "message-delivered",
										"message-failed", "message-received"};
	static const char *const descriptions[] = {
		"Message is sending to carrier.", "Message delivered to handset.",
		"rejected-carrier-does-not-exist", "Incoming message received"};
	Event event = c->events[c->step];
	int64_t now = now_us(CLOCK_REALTIME);
	Buffer *json = &post->body;
	Buffer basic = {0};

	buffer_puts(json, "[{");
	buffer_member_time(json, "time", now);
	buffer_member(json, "type", types[event]);
	buffer_member(json, "to", c->to);
	buffer_member(json, "description", descriptions[event]);
	if (event == EVENT_UNDELIVERED)
		buffer_printf(json, ",\"errorCode\":%d", c->error_code);
	buffer_key(json, "message");
	put_message(json, c, now);
	buffer_puts(json, "}]");

	buffer_puts(&basic, "Basic ");
	add_base64(&basic, c->token, strlen(c->token));
	post_header(post, "Authorization", basic.data);
	buffer_free(&basic);
}

const Dialect bandwidth_dialect = {
	.name = "bandwidth",
	.paths = {"/api/v2/users/*/messages"},
	.method = MHD_HTTP_METHOD_POST,
	.ask_path = "/api/v2/users/*/messages",
	.authenticate = authenticate,
	.read = read_json,
	.max_text = 2048,
	.accepted_status = MHD_HTTP_ACCEPTED,
	.id_prefix = "",
	.accepted = accepted,
	.refused = refused,
	.refusals = refusals,
	.refuses = refuses,
	.late_opt_out = OPTED_OUT,
	.ask = ask,
	.list = list,
	.hook = hook,
	.own_secret = true,
	.whole_secret = true,
	.retries = 100,
	.retry_on = "ct,rt,5xx,4xx",
	.timeout_ms = 10000,
};
