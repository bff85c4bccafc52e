/*-------------------------------------------------------------------------
 *
 * plivo.c
 *	  The test gateway as Plivo.
 *
 * Shapes, codes and the signature (V3) are those of Plivo's SDKs and docs
 * (github.com/plivo/plivo-node, plivo.com/docs).  Numbers have no plus.  A
 * recipient who opted out shows only in a receipt.
 *
 * test/gateway/plivo.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define OPTED_OUT 200
#define MAX_PARAMS 16

static const char *
authenticate(const Request *request, char *credentials, size_t size)
{
	if (request_basic(request, credentials, size) == NULL ||
		(api_auth != NULL && strcmp(credentials, api_auth) != 0))
		return NULL;
	return strchr(credentials, ':') + 1;
}

static Fault
read_json(Request *request, Message *m)
{
	json_t *json = request_json(request);
	json_t *media = NULL;
	const char *to = NULL;
	const char *from = NULL;
	json_t *expiry = NULL;

	if (json == NULL ||
		json_unpack(json, "{s?s, s?s, s?s, s?s, s?s, s?o, s?o}", "dst", &to,
					"src", &from, "powerpack_uuid", &m->service, "text",
					&m->body, "url", &m->status_callback, "message_expiry",
					&expiry, "media_urls", &media) != 0 ||
		json_array_size(media) > MAX_MEDIA)
		return FAULT_MALFORMED;
	if (to != NULL && *to == '+')
		return FAULT_BAD_TO;
	m->to = plain_number(to, m->numbers[0]);
	m->from = plain_number(from, m->numbers[1]);
	for (size_t i = 0; i < json_array_size(media); i++)
		m->media[m->nmedia++] = json_string_value(json_array_get(media, i));
	if (expiry != NULL)
	{
		m->validity_s = json_integer_value(expiry);
		if (m->validity_s <= 0)
			return FAULT_VALIDITY;
	}
	return FAULT_NONE;
}

static void
accepted(Buffer *json, const Message *m)
{
	const char *id = m->id;

	buffer_puts(json, "{");
	buffer_member(json, "api_id", m->id);
	buffer_member(json, "message", "message(s) queued");
	buffer_key(json, "message_uuid");
	buffer_strings(json, &id, 1);
	buffer_puts(json, "}");
}

static void
refused(Buffer *json, const Refusal *r)
{
	buffer_puts(json, "{");
	buffer_member(json, "api_id", "948b53a2-3f08-11e7-b6f4-061564b78b75");
	buffer_member(json, "error", r->text);
	buffer_puts(json, "}");
}

static const Refusal refusals[N_FAULTS] = {
	[FAULT_AUTH] = {401, 0, NULL, "authentication failed"},
	[FAULT_MALFORMED] = {400, 0, NULL, "the request is malformed"},
	[FAULT_NO_TO] = {400, 0, NULL, "dst parameter not present"},
	[FAULT_BAD_TO] = {400, 0, NULL, "dst parameter is not valid"},
	[FAULT_NO_FROM] = {400, 0, NULL, "src parameter not present"},
	[FAULT_NO_TEXT] = {400, 0, NULL, "text parameter not present"},
	[FAULT_TOO_LONG] = {400, 0, NULL, "text is too long"},
	[FAULT_VALIDITY] = {400, 0, NULL, "message_expiry is not valid"},
	[FAULT_CALLBACK] = {400, 0, NULL, "url is not valid"},
	[FAULT_BUSY] = {429, 0, NULL, "too many requests"},
	[FAULT_BROKEN] = {500, 0, NULL, "internal server error"}};

/* The API has no codes but HTTP's, of which 420 is none. */
static bool
refuses(int code, Refusal *refusal)
{
	*refusal = (Refusal){(unsigned) code, code, NULL, "refused as configured"};
	return code >= 400 && code < 600 && code != 420;
}

static bool
ask(const Request *request, Query *q)
{
	const char *since = request_query(request, "message_time__gte");
	const char *until = request_query(request, "message_time__lte");
	const char *limit = request_query(request, "limit");
	const char *offset = request_query(request, "offset");

	q->to = plain_number(request_query(request, "to_number"), q->numbers[0]);
	q->from =
		plain_number(request_query(request, "from_number"), q->numbers[1]);
	if (since != NULL)
		q->since_us = parse_time(since);
	if (until != NULL)
		q->until_us = parse_time(until);
	q->limit = limit ? atol(limit) : 20;
	if (offset != NULL)
		q->offset = atol(offset);
	return q->since_us >= 0 && q->until_us >= 0 && q->limit <= 20;
}

static void
list(Buffer *json, const Query *q, const Message *messages, long n, long total)
{
	buffer_puts(json, "{");
	buffer_member(json, "api_id", "948b53a2-3f08-11e7-b6f4-061564b78b75");
	buffer_printf(json,
				  ",\"meta\":{\"limit\":%ld,\"offset\":%ld,"
				  "\"total_count\":%ld,\"previous\":null,\"next\":",
				  q->limit, q->offset, total);
	if (q->offset + n < total)
		buffer_printf(json, "\"?limit=%ld&offset=%ld\"", q->limit,
					  q->offset + n);
	else
		buffer_puts(json, "null");
	buffer_puts(json, "},\"objects\":[");
	for (long i = 0; i < n; i++)
	{
		const Message *m = &messages[i];

		buffer_puts(json, i > 0 ? ",{" : "{");
		buffer_member(json, "message_uuid", m->id);
		buffer_member(json, "from_number", without_plus(m->from));
		buffer_member(json, "to_number", without_plus(m->to));
		buffer_member(json, "message_direction", "outbound");
		buffer_member(json, "message_state", "delivered");
		buffer_member(json, "message_type", m->nmedia ? "mms" : "sms");
		buffer_key(json, "message_time");
		buffer_puts(json, "\"");
		buffer_time(json, m->accepted_us, TIME_BLANK);
		buffer_printf(json, "\",\"units\":%d,\"error_code\":\"000\"}",
					  m->segments);
	}
	buffer_puts(json, "]}");
}

/* ---- webhooks ---- */

typedef struct Params
{
	const char *pairs[MAX_PARAMS][2];
	int n;
} Params;

/* They are signed in order of their names, so that is how they are kept. */
static void
add_param(Params *p, const char *name, const char *value)
{
	int i = p->n++;

	for (; i > 0 && strcmp(p->pairs[i - 1][0], name) > 0; i--)
		memcpy(p->pairs[i], p->pairs[i - 1], sizeof(p->pairs[i]));
	p->pairs[i][0] = name;
	p->pairs[i][1] = value;
}

/*
 * HMAC-SHA256 of URL, names, values and nonce.  A query is followed by a dot;
 * where there is none, its question mark is there nevertheless.
 */
static void
sign(const Post *post, const Params *p, const char *nonce, const char *token,
	 Buffer *signature)
{
	Buffer text = {0};
	unsigned char mac[64];

	buffer_puts(&text, post->url.data);
	buffer_puts(&text, strchr(post->url.data, '?') != NULL ? "." : "?");
	for (int i = 0; i < p->n; i++)
		buffer_printf(&text, "%s%s", p->pairs[i][0], p->pairs[i][1]);
	buffer_printf(&text, ".%s", nonce);
	add_base64(signature, mac, sign_hmac(mac, "SHA256", token, &text));
	buffer_free(&text);
}

static void
add_receipt(const Callback *c, Params *p, char code[12])
{
	static const char *const statuses[] = {"sent", "delivered", "undelivered"};
	Event event = c->events[c->step];

	add_param(p, "Status", statuses[event]);
	add_param(p, "Sequence", event == EVENT_SENT ? "2" : "3");
	add_param(p, "Units", "1");
	add_param(p, "ParentMessageUUID", c->id);
	if (event == EVENT_UNDELIVERED)
	{
		snprintf(code, 12, "%d", c->error_code);
		add_param(p, "ErrorCode", code);
	}
}

static void
hook(const Callback *c, Post *post)
{
	Params p = {0};
	char code[12];
	char nonce[37];
	Buffer signature = {0};

	sign_uuid(nonce, c);
	add_param(&p, "MessageUUID", c->id);
	add_param(&p, "From", without_plus(c->from));
	add_param(&p, "To", without_plus(c->to));
	add_param(&p, "Type", c->media ? "mms" : "sms");
	if (c->media != NULL)
		add_param(&p, "Media0", c->media);
	if (c->events[c->step] == EVENT_TEXT)
		add_param(&p, "Text", c->body);
	else
		add_receipt(c, &p, code);

	post->content_type = "application/x-www-form-urlencoded";
	for (int i = 0; i < p.n; i++)
		buffer_form(&post->body, p.pairs[i][0], p.pairs[i][1]);
	sign(post, &p, nonce, c->token, &signature);
	post_header(post, "X-Plivo-Signature-V3", signature.data);
	post_header(post, "X-Plivo-Signature-V3-Nonce", nonce);
	buffer_free(&signature);
}

const Dialect plivo_dialect = {
	.name = "plivo",
	.paths = {"/v1/Account/*/Message/"},
	.method = MHD_HTTP_METHOD_POST,
	.ask_path = "/v1/Account/*/Message/",
	.authenticate = authenticate,
	.read = read_json,
	.max_text = 1600,
	.accepted_status = MHD_HTTP_ACCEPTED,
	.accepted = accepted,
	.refused = refused,
	.refusals = refusals,
	.refuses = refuses,
	.late_opt_out = OPTED_OUT,
	.ask = ask,
	.list = list,
	.hook = hook,
	.retries = 3,
	.retry_on = "ct,rt,5xx,4xx",
	.timeout_ms = 8000,
};
