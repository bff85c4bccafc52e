/*-------------------------------------------------------------------------
 *
 * vonage.c
 *	  The test gateway as Vonage (Messages API v1, SMS and MMS).
 *
 * Shapes are those of Vonage's SDKs (github.com/Vonage/vonage-node-sdk),
 * codes those of developer.vonage.com/api-errors/messages.  Numbers have no
 * plus.  No code is documented for a recipient who opted out; that of a
 * barred number, in a receipt, stands for it.
 *
 * test/gateway/vonage.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define BARRED 1050

static const char *
authenticate(const Request *request, char *credentials, size_t size)
{
	if (request_basic(request, credentials, size) == NULL ||
		(api_auth != NULL && strcmp(credentials, api_auth) != 0))
		return NULL;
	return strchr(credentials, ':') + 1;
}

/* Who the key belongs to is not in the path, but in the credentials. */
static const char *
find_account(Request *request)
{
	char credentials[256];

	if (request_basic(request, credentials, sizeof(credentials)) != NULL)
		buffer_add(&request->text, credentials, strcspn(credentials, ":"));
	return request->text.data;
}

/* The picture of an MMS; its caption takes the place of the text. */
static Fault
read_image(json_t *json, Message *m)
{
	if (json_unpack(json, "{s:{s:s, s?s}}", "image", "url", &m->media[0],
					"caption", &m->body) != 0)
		return FAULT_MALFORMED;
	m->nmedia = 1;
	return FAULT_NONE;
}

static Fault
read_json(Request *request, Message *m)
{
	json_t *json = request_json(request);
	const char *to = NULL;
	const char *from = NULL;
	const char *type = NULL;
	const char *channel = NULL;
	json_t *ttl = NULL;

	if (json == NULL ||
		json_unpack(json, "{s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?o}",
					"message_type", &type, "channel", &channel, "to", &to,
					"from", &from, "text", &m->body, "client_ref", &m->ref,
					"webhook_url", &m->status_callback, "ttl", &ttl) != 0 ||
		type == NULL || channel == NULL ||
		(m->ref != NULL && strlen(m->ref) > 100))
		return FAULT_MALFORMED;
	if (to != NULL && *to == '+')
		return FAULT_BAD_TO;
	m->account = find_account(request);
	m->to = plain_number(to, m->numbers[0]);
	m->from = plain_number(from, m->numbers[1]);
	if (ttl != NULL)
	{
		m->validity_s = json_integer_value(ttl);
		if (m->validity_s <= 0)
			return FAULT_VALIDITY;
	}
	if (strcmp(channel, "mms") == 0 && strcmp(type, "image") == 0)
		return read_image(json, m);
	if (strcmp(channel, "sms") != 0 || strcmp(type, "text") != 0)
		return FAULT_MALFORMED;
	return FAULT_NONE;
}

static void
accepted(Buffer *json, const Message *m)
{
	buffer_puts(json, "{");
	buffer_member(json, "message_uuid", m->id);
	buffer_puts(json, "}");
}

static void
refused(Buffer *json, const Refusal *r)
{
	buffer_printf(json,
				  "{\"type\":\"https://developer.vonage.com/api-errors/"
				  "messages#%d\"",
				  r->code);
	buffer_member(json, "title", r->type);
	buffer_member(json, "detail", r->text);
	buffer_member(json, "instance", "bf0ca0bf927b3b52e3cb03217e1a1ddf");
	buffer_puts(json, "}");
}

static const Refusal refusals[N_FAULTS] = {
	[FAULT_AUTH] = {401, 401, "Unauthorized",
					"You did not provide correct credentials."},
	[FAULT_MALFORMED] = {422, 1150, "Invalid params",
						 "The value of one or more parameters is invalid."},
	[FAULT_NO_TO] = {422, 1010, "Missing params", "to is missing"},
	[FAULT_BAD_TO] = {422, 1020, "Invalid params", "to is invalid"},
	[FAULT_NO_FROM] = {422, 1010, "Missing params", "from is missing"},
	[FAULT_NO_TEXT] = {422, 1010, "Missing params", "text is missing"},
	[FAULT_TOO_LONG] = {422, 1020, "Invalid params", "text is too long"},
	[FAULT_VALIDITY] = {422, 1020, "Invalid params", "ttl is invalid"},
	[FAULT_CALLBACK] = {422, 1020, "Invalid params", "webhook_url is invalid"},
	[FAULT_BUSY] = {429, 1010, "Rate Limit Hit",
					"Please wait, then retry your request"},
	[FAULT_BROKEN] = {500, 1000, "Internal error", "Internal error"}};

/* HTTP's codes are the API's, 1NNN come later. */
static bool
refuses(int code, Refusal *refusal)
{
	*refusal =
		(Refusal){(unsigned) code, code, "Refused", "Refused as configured"};
	return code < 600;
}

static void
put_receipt(Buffer *json, const Callback *c)
{
	static const char *const statuses[] = {"submitted", "delivered",
										   "rejected"};
	Event event = c->events[c->step];

	buffer_member(json, "status", statuses[event]);
	if (c->ref != NULL)
		buffer_member(json, "client_ref", c->ref);
	if (event == EVENT_UNDELIVERED)
	{
		buffer_printf(json,
					  ",\"error\":{\"type\":\"https://developer.vonage.com/"
					  "api-errors/messages#%d\",\"title\":%d",
					  c->error_code, c->error_code);
		buffer_member(json, "detail", "Rejected as configured");
		buffer_puts(json, "}");
	}
	buffer_printf(json, ",\"sms\":{\"count_total\":\"%d\"}", c->segments);
	buffer_puts(json, ",\"usage\":{\"currency\":\"EUR\",\"price\":\"0.0333\"}");
}

static void
put_text(Buffer *json, const Callback *c)
{
	if (c->media != NULL)
	{
		buffer_member(json, "message_type", "image");
		buffer_key(json, "image");
		buffer_puts(json, "{");
		buffer_member(json, "url", c->media);
		buffer_member(json, "caption", c->body);
		buffer_puts(json, "}");
		return;
	}
	buffer_member(json, "message_type", "text");
	buffer_member(json, "text", c->body);
	buffer_printf(json, ",\"sms\":{\"num_messages\":\"%d\"}", c->segments);
}

/* A JSON web token over the hash of the body. */
static void
sign(const Post *post, const Callback *c, int64_t now, Buffer *jwt)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	Buffer claims = {0};
	Buffer token = {0};
	char hash[65];
	char uuid[37];
	unsigned char mac[64];
	size_t len;

	sign_sha256(hash, &post->body);
	sign_uuid(uuid, c);
	buffer_printf(&claims, "{\"iat\":%lld", (long long) now);
	buffer_member(&claims, "jti", uuid);
	buffer_member(&claims, "iss", "Vonage");
	buffer_member(&claims, "payload_hash", hash);
	buffer_member(&claims, "api_key", c->account);
	buffer_puts(&claims, "}");

	add_base64url(&token, header, strlen(header));
	buffer_puts(&token, ".");
	add_base64url(&token, claims.data, claims.len);
	len = sign_hmac(mac, "SHA256", c->token, &token);
	buffer_printf(jwt, "Bearer %s.", token.data);
	add_base64url(jwt, mac, len);
	buffer_free(&claims);
	buffer_free(&token);
}

static void
hook(const Callback *c, Post *post)
{
	int64_t now = now_us(CLOCK_REALTIME);
	Buffer *json = &post->body;
	Buffer jwt = {0};

	buffer_puts(json, "{");
	buffer_member(json, "channel", c->media ? "mms" : "sms");
	buffer_member(json, "message_uuid", c->id);
	buffer_member(json, "to", without_plus(c->to));
	buffer_member(json, "from", without_plus(c->from));
	buffer_member_time(json, "timestamp", now);
	if (c->events[c->step] == EVENT_TEXT)
		put_text(json, c);
	else
		put_receipt(json, c);
	buffer_puts(json, "}");

	sign(post, c, now / 1000000, &jwt);
	post_header(post, "Authorization", jwt.data);
	buffer_free(&jwt);
}

const Dialect vonage_dialect = {
	.name = "vonage",
	.paths = {"/v1/messages"},
	.method = MHD_HTTP_METHOD_POST,
	.authenticate = authenticate,
	.read = read_json,
	.max_text = 1000,
	.accepted_status = MHD_HTTP_ACCEPTED,
	.accepted = accepted,
	.refused = refused,
	.refusals = refusals,
	.refuses = refuses,
	.late_opt_out = BARRED,
	.hook = hook,
	.own_secret = true,
	.retries = 3,
	.retry_on = "ct,rt,5xx",
	.timeout_ms = 10000,
};
