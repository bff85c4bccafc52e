/*-------------------------------------------------------------------------
 *
 * twilio.c
 *	  The test gateway as Twilio, and as SignalWire, which is like it.
 *
 * Shapes and codes are those of Twilio's public API specification
 * (github.com/twilio/twilio-oai, twilio_api_v2010), its error dictionary
 * (twilio.com/docs/api/errors) and SignalWire's (github.com/signalwire/docs).
 * Signing follows twilio.com/docs/usage/security, retrying twilio.com/docs/
 * usage/webhooks/webhooks-connection-overrides.
 *
 * test/gateway/twilio.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define MAX_PARAMS 24

static const char *
authenticate(const Request *request, char *credentials, size_t size)
{
	if (request_basic(request, credentials, size) == NULL ||
		(api_auth != NULL && strcmp(credentials, api_auth) != 0))
		return NULL;
	return strchr(credentials, ':') + 1;
}

/* Seconds within the limits, or that there are none. */
static bool
read_validity(const char *str, int most, int64_t *seconds)
{
	if (str == NULL)
		return true;
	if (strlen(str) > 6 || strspn(str, "0123456789") != strlen(str))
		return false;
	*seconds = atoi(str);
	return *seconds >= 1 && *seconds <= most;
}

static Fault
read_form(Request *request, Message *m, int most_validity, int most_media)
{
	const char *url;
	int at = 0;

	m->to = request_field(request, "To");
	m->from = request_field(request, "From");
	m->service = request_field(request, "MessagingServiceSid");
	m->body = request_field(request, "Body");
	m->status_callback = request_field(request, "StatusCallback");
	while ((url = request_next(request, "MediaUrl", &at)) != NULL)
	{
		if (m->nmedia == most_media || !is_http(url))
			return FAULT_MALFORMED;
		m->media[m->nmedia++] = url;
	}
	if (!read_validity(request_field(request, "ValidityPeriod"), most_validity,
					   &m->validity_s))
		return FAULT_VALIDITY;
	return FAULT_NONE;
}

static Fault
twilio_read(Request *request, Message *m)
{
	return read_form(request, m, 36000, MAX_MEDIA);
}

static Fault
signalwire_read(Request *request, Message *m)
{
	return read_form(request, m, 172800, 8);
}

/* A text as the API shows it. */
static void
put_resource(Buffer *json, const Message *m, const char *status)
{
	Buffer date = {0};

	buffer_time(&date, m->accepted_us, TIME_MAIL);
	buffer_puts(json, "{\"account_sid\":");
	buffer_json(json, m->account);
	buffer_puts(json, ",\"api_version\":\"2010-04-01\",\"body\":");
	buffer_json(json, m->body ? m->body : "");
	buffer_printf(json,
				  ",\"date_created\":\"%s\",\"date_sent\":null,"
				  "\"date_updated\":\"%s\",\"direction\":\"outbound-api\","
				  "\"error_code\":null,\"error_message\":null,\"from\":",
				  date.data, date.data);
	buffer_json(json, m->from);
	buffer_puts(json, ",\"messaging_service_sid\":");
	buffer_json(json, m->service);
	buffer_printf(json,
				  ",\"num_media\":\"%d\",\"num_segments\":\"%d\","
				  "\"price\":null,\"price_unit\":null,\"sid\":\"%s\","
				  "\"status\":\"%s\",\"subresource_uris\":{\"media\":"
				  "\"/2010-04-01/Accounts/",
				  m->nmedia, m->service ? 0 : m->segments, m->id, status);
	buffer_printf(json,
				  "%s/Messages/%s/Media.json\"},\"to\":\"%s\","
				  "\"uri\":\"/2010-04-01/Accounts/%s/Messages/%s.json\"}",
				  m->account, m->id, m->to, m->account, m->id);
	buffer_free(&date);
}

static void
accepted(Buffer *json, const Message *m)
{
	put_resource(json, m, m->service ? "accepted" : "queued");
}

static void
refused(Buffer *json, const Refusal *r)
{
	buffer_printf(json, "{\"code\":%d,\"message\":", r->code);
	buffer_json(json, r->text);
	buffer_printf(json,
				  ",\"more_info\":\"https://www.twilio.com/docs/errors/%d\","
				  "\"status\":%u}",
				  r->code, r->status);
}

/* SignalWire's newer errors are in an array. */
static void
signalwire_refused(Buffer *json, const Refusal *r)
{
	buffer_printf(json, "{\"errors\":[{\"code\":\"%d\",\"message\":", r->code);
	buffer_json(json, r->text);
	buffer_puts(json, "}]}");
}

static const Refusal refusals[N_FAULTS] = {
	[FAULT_AUTH] = {401, 20003, NULL, "Authenticate"},
	[FAULT_MALFORMED] = {400, 20001, NULL,
						 "The request body is malformed or too long"},
	[FAULT_NO_TO] = {400, 21604, NULL, "A 'To' phone number is required."},
	[FAULT_BAD_TO] = {400, 21211, NULL,
					  "The 'To' number is not a valid phone number."},
	[FAULT_NO_FROM] = {400, 21603, NULL, "A 'From' phone number is required."},
	[FAULT_NO_TEXT] = {400, 21602, NULL, "Message body is required."},
	[FAULT_TOO_LONG] = {400, 21617, NULL,
						"The concatenated message body exceeds the 1600 "
						"character limit"},
	[FAULT_VALIDITY] = {400, 20001, NULL, "ValidityPeriod is out of range"},
	[FAULT_CALLBACK] = {400, 21609, NULL,
						"The 'StatusCallback' URL is not a valid URL."},
	[FAULT_OPTED_OUT] = {400, 21610, NULL,
						 "Attempt to send to unsubscribed recipient"},
	[FAULT_BUSY] = {429, 20429, NULL, "Too Many Requests"},
	[FAULT_BROKEN] = {500, 20500, NULL, "Internal Server Error"}};

/* 2NNNN are errors of the API, 3NNNN of delivery. */
static bool
refuses(int code, Refusal *refusal)
{
	*refusal = (Refusal){400, code, NULL, "Refused as configured"};
	return code < 30000;
}

static bool
ask(const Request *request, Query *q)
{
	const char *since = request_query(request, "DateSent>");
	const char *until = request_query(request, "DateSent<");
	const char *day = request_query(request, "DateSent");
	const char *size = request_query(request, "PageSize");
	const char *page = request_query(request, "Page");

	q->to = request_query(request, "To");
	q->from = request_query(request, "From");
	if (day != NULL)
		since = until = day;
	if (since != NULL)
		q->since_us = parse_time(since);
	if (until != NULL)
		q->until_us =
			parse_time(until) +
			(strlen(until) == 10 ? INT64_C(86400) * 1000000 : INT64_C(0));
	if (size != NULL)
		q->limit = atol(size);
	if (page != NULL)
		q->offset = atol(page) * q->limit;
	return q->since_us >= 0 && q->until_us >= 0;
}

static void
list(Buffer *json, const Query *q, const Message *messages, long n, long total)
{
	buffer_puts(json, "{\"messages\":[");
	for (long i = 0; i < n; i++)
	{
		if (i > 0)
			buffer_puts(json, ",");
		put_resource(json, &messages[i], "sent");
	}
	buffer_printf(json, "],\"page\":%ld,\"page_size\":%ld,\"start\":%ld,",
				  q->offset / q->limit, q->limit, q->offset);
	buffer_printf(json, "\"end\":%ld,\"next_page_uri\":", q->offset + n);
	if (q->offset + n < total)
		buffer_printf(json, "\"?Page=%ld&PageSize=%ld\"",
					  q->offset / q->limit + 1, q->limit);
	else
		buffer_puts(json, "null");
	buffer_puts(json, ",\"previous_page_uri\":null}");
}

/* ---- webhooks ---- */

typedef struct Param
{
	const char *name;
	const char *value;
} Param;

typedef struct Params
{
	Param params[MAX_PARAMS];
	int n;
	char number[12]; /* what the values need memory for */
	Buffer date;
} Params;

static int
compare_params(const void *a, const void *b)
{
	return strcmp(((const Param *) a)->name, ((const Param *) b)->name);
}

static void
add_param(Params *p, const char *name, const char *value)
{
	p->params[p->n].name = name;
	p->params[p->n++].value = value;
}

static void
add_text(const Callback *c, Params *p)
{
	snprintf(p->number, sizeof(p->number), "%d", c->segments);
	add_param(p, "Body", c->body);
	add_param(p, "FromCity", "");
	add_param(p, "FromCountry", "US");
	add_param(p, "FromState", "NC");
	add_param(p, "NumMedia", c->media ? "1" : "0");
	add_param(p, "NumSegments", p->number);
	add_param(p, "SmsMessageSid", c->id);
	add_param(p, "ToCountry", "US");
	if (c->media != NULL)
	{
		add_param(p, "MediaUrl0", c->media);
		add_param(p, "MediaContentType0", "image/jpeg");
	}
	if (c->opt_out != NULL)
		add_param(p, "OptOutType", c->opt_out);
}

static void
add_receipt(const Callback *c, Params *p, const char *status)
{
	add_param(p, "MessageStatus", status);
	if (c->dialect == &signalwire_dialect)
		add_param(p, "Body", c->body);
	if (c->events[c->step] == EVENT_SENT)
		return;
	buffer_time(&p->date, now_us(CLOCK_REALTIME), TIME_MINUTES);
	add_param(p, "RawDlrDoneDate", p->date.data + strlen("20"));
	if (c->error_code != 0)
	{
		snprintf(p->number, sizeof(p->number), "%d", c->error_code);
		add_param(p, "ErrorCode", p->number);
	}
}

/* HMAC-SHA1 of the URL and each name and value in order of names. */
static void
sign(const Post *post, const Params *p, const char *token, Buffer *signature)
{
	Buffer text = {0};
	unsigned char mac[64];

	buffer_puts(&text, post->url.data);
	for (int i = 0; i < p->n; i++)
	{
		buffer_puts(&text, p->params[i].name);
		buffer_puts(&text, p->params[i].value);
	}
	add_base64(signature, mac, sign_hmac(mac, "SHA1", token, &text));
	buffer_free(&text);
}

static void
hook(const Callback *c, Post *post)
{
	static const char *const statuses[] = {"sent", "delivered", "undelivered",
										   "received"};
	const char *status = statuses[c->events[c->step]];
	Params p = {0};
	Buffer value = {0};

	add_param(&p, "AccountSid", c->account);
	add_param(&p, "ApiVersion", "2010-04-01");
	add_param(&p, "From", c->from);
	add_param(&p, "MessageSid", c->id);
	add_param(&p, "SmsSid", c->id);
	add_param(&p, "SmsStatus", status);
	add_param(&p, "To", c->to);
	if (c->events[c->step] == EVENT_TEXT)
		add_text(c, &p);
	else
		add_receipt(c, &p, status);
	qsort(p.params, p.n, sizeof(Param), compare_params);

	post->content_type = "application/x-www-form-urlencoded; charset=UTF-8";
	for (int i = 0; i < p.n; i++)
		buffer_form(&post->body, p.params[i].name, p.params[i].value);
	sign(post, &p, c->token, &value);
	post_header(post,
				c->dialect == &twilio_dialect ? "X-Twilio-Signature"
											  : "X-SignalWire-Signature",
				value.data);
	/* the same for all attempts and repeats, as it names the event */
	value.len = 0;
	buffer_printf(&value, "%s-%s", c->id, status);
	if (c->dialect == &twilio_dialect)
		post_header(post, "I-Twilio-Idempotency-Token", value.data);
	buffer_free(&value);
	buffer_free(&p.date);
}

const Dialect twilio_dialect = {
	.name = "twilio",
	.paths = {"/2010-04-01/Accounts/*/Messages.json"},
	.method = MHD_HTTP_METHOD_POST,
	.ask_path = "/2010-04-01/Accounts/*/Messages.json",
	.authenticate = authenticate,
	.read = twilio_read,
	.max_text = 1600,
	.accepted_status = MHD_HTTP_CREATED,
	.id_prefix = "SM",
	.accepted = accepted,
	.refused = refused,
	.refusals = refusals,
	.refuses = refuses,
	.ask = ask,
	.list = list,
	.hook = hook,
	.url_decides = true,
	.retries = 1,
	.retry_on = "ct",
	.timeout_ms = 15000,
};

const Dialect signalwire_dialect = {
	.name = "signalwire",
	.paths = {"/api/laml/2010-04-01/Accounts/*/Messages.json",
			  "/api/laml/2010-04-01/Accounts/*/Messages"},
	.method = MHD_HTTP_METHOD_POST,
	.ask_path = "/api/laml/2010-04-01/Accounts/*/Messages.json",
	.authenticate = authenticate,
	.read = signalwire_read,
	.max_text = 1600,
	.accepted_status = MHD_HTTP_CREATED,
	.accepted = accepted,
	.refused = signalwire_refused,
	.refusals = refusals,
	.refuses = refuses,
	.ask = ask,
	.list = list,
	.hook = hook,
	.own_secret = true,
	.retries = 2,
	.retry_on = "ct,rt,5xx,4xx",
	.timeout_ms = 5000,
};
