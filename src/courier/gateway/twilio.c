/*-------------------------------------------------------------------------
 *
 * twilio.c
 *	  Twilio's Messages API and its webhooks.
 *
 * Sending: a form POST that is answered by JSON.  Webhooks: form POSTs, signed
 * by HMAC-SHA1 over our URL and all parameters.  The courier has no secret to
 * check that with: it lists the strings that Twilio may have signed, and the
 * worker compares.
 *
 * src/courier/gateway/twilio.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "json.h"

#define TWILIO_API "https://api.twilio.com"
#define TWILIO_MAX_VALIDITY 36000
#define TWILIO_MAX_MEDIA 10

/*
 * By default Twilio gives a webhook one more try, and only if it could not
 * connect.  The fragment asks for three after any failure, and is not signed.
 */
#define TWILIO_RETRIES "#rc=3&rp=ct,rt,5xx"

static const char *
twilio_check(const Gateway *gateway)
{
	if (*gateway->account == '\0')
		return "the gateway has no account: set it to the Account SID";
	if (*gateway->secret == '\0')
		return "no auth token is known for the gateway: add it to the file "
			   "named by p2ptext.secrets_file";
	return NULL;
}

static void
twilio_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	req->method = "POST";
	req->user = gateway->account;
	req->password = gateway->secret;
	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : TWILIO_API);
	buf_puts(&req->url, "/2010-04-01/Accounts/");
	percent_encode(&req->url, gateway->account);
	buf_puts(&req->url, "/Messages.json");
	buf_puts(&req->headers,
			 "Content-Type: application/x-www-form-urlencoded\n");

	form_add(&req->body, "To", text->to);
	form_add(&req->body, "From", text->from);
	form_add(&req->body, "Body", text->body);
	if (*gateway->public_url)
	{
		Buf url = {0};

		put_status_url(&url, gateway, text);
		buf_puts(&url, TWILIO_RETRIES);
		form_add(&req->body, "StatusCallback", url.data);
		buf_free(&url);
	}
	if (text->validity_s > 0)
	{
		char seconds[16];

		snprintf(seconds, sizeof(seconds), "%u",
				 text->validity_s < TWILIO_MAX_VALIDITY ? text->validity_s
														: TWILIO_MAX_VALIDITY);
		form_add(&req->body, "ValidityPeriod", seconds);
	}
}

/*
 * An error of the API.  What is wrong with the account is no fault of the
 * text, which waits until somebody has mended it; what is wrong with the text
 * is final.
 */
static void
parse_error(const HttpResponse *res, int64_t code, const char *message,
			SendResult *result)
{
	uint32_t busy_ms =
		res->retry_after_ms ? res->retry_after_ms : GATEWAY_BUSY_MS;
	char number[32];

	snprintf(number, sizeof(number), "%" PRId64, code);
	switch (code)
	{
		case 20429: /* too many requests */
			result_defer(result, WIRE_SCOPE_GATEWAY, busy_ms, number, message);
			return;
		case 21611: /* the queue of this sender is full */
			result_defer(result, WIRE_SCOPE_SENDER, busy_ms, number, message);
			return;
		case 21610: /* the recipient has sent STOP */
			result_set(result, WIRE_OPTED_OUT, number, message);
			return;
		case 20003: /* wrong credentials */
		case 20005: /* account not active */
			result_defer(result, WIRE_SCOPE_GATEWAY, GATEWAY_MEND_MS, number,
						 message);
			return;
	}
	result_by_status(res, WIRE_FAILED, result);
	copy_text(result->code, sizeof(result->code), number);
	copy_text(result->text, sizeof(result->text), message);
}

static void
twilio_parse(const Gateway *gateway, const HttpResponse *res,
			 SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	char *sid = result->provider_id;
	char segments[16] = "";
	char message[512] = "";
	int64_t code;

	(void) gateway;
	if (res->status / 100 == 2 &&
		json_member_text(body, "sid", sid, sizeof(result->provider_id)) && *sid)
	{
		result_set(result, WIRE_SENT, "", "");
		json_member_text(body, "num_segments", segments, sizeof(segments));
		result->segments = (uint32_t) strtoul(segments, NULL, 10);
	}
	else if (res->status / 100 == 4 && json_member_int(body, "code", &code))
	{
		json_member_text(body, "message", message, sizeof(message));
		parse_error(res, code, message, result);
	}
	else
		result_by_status(res, WIRE_RETRY, result);
}

/*
 * Our URL as Twilio may have seen it: with the port or without, and with an
 * apostrophe escaped or not, as its own libraries try.
 */
static void
url_form(Buf *out, const char *url, bool with_port, bool escaped)
{
	const char *scheme_end = strstr(url, "://");
	const char *authority = scheme_end ? scheme_end + 3 : url;
	const char *path = authority + strcspn(authority, "/?#");
	const char *host = memrchr(authority, '@', (size_t) (path - authority));
	const char *bracket;
	const char *port;

	host = host ? host + 1 : authority;
	bracket = memchr(host, ']', (size_t) (path - host));
	port = bracket ? bracket : host;
	port = memchr(port, ':', (size_t) (path - port));

	buf_put(out, url, (size_t) ((port ? port : path) - url));
	if (with_port && port)
		buf_put(out, port, (size_t) (path - port));
	else if (with_port)
		buf_puts(out, strncmp(url, "http:", 5) == 0 ? ":80" : ":443");
	for (; *path; path++)
	{
		if (*path == '\'' && escaped)
			buf_puts(out, "%27");
		else
			buf_put(out, path, 1);
	}
}

static int
compare_fields(const void *a, const void *b)
{
	const FormField *left = a;
	const FormField *right = b;
	int order = strcmp(left->key, right->key);

	return order ? order : strcmp(left->value, right->value);
}

/* Each key and value in order, once: what follows the URL when it is signed. */
static void
sign_fields(Buf *out, const Form *form)
{
	FormField *sorted = xalloc((form->n + 1) * sizeof(FormField));

	for (size_t i = 0; i < form->n; i++)
		sorted[i] = form->fields[i];
	qsort(sorted, form->n, sizeof(FormField), compare_fields);
	for (size_t i = 0; i < form->n; i++)
	{
		if (i > 0 && compare_fields(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		buf_puts(out, sorted[i].key);
		buf_puts(out, sorted[i].value);
	}
	free(sorted);
}

static void
list_signed_strings(const Gateway *gateway, const HookRequest *req,
					const Form *form, Hook *hook)
{
	Buf url = {0};
	Buf fields = {0};

	if (*gateway->public_url == '\0')
		return;
	buf_puts(&url, gateway->public_url);
	buf_puts(&url, req->target);
	sign_fields(&fields, form);
	for (int i = 0; i < 4; i++)
	{
		Buf candidate = {0};

		url_form(&candidate, url.data, i & 1, i & 2);
		buf_put(&candidate, buf_str(&fields), fields.len);
		hook_signed(hook, candidate.data, candidate.len);
		buf_free(&candidate);
	}
	buf_free(&url);
	buf_free(&fields);
}

/* The pictures and such that came with a text, as a JSON array. */
static char *
list_media(const Form *form)
{
	const char *count = form_get(form, "NumMedia");
	long n = count ? strtol(count, NULL, 10) : 0;
	json_t *media = json_array();
	char *text;

	for (long i = 0; i < n && i < TWILIO_MAX_MEDIA; i++)
	{
		char key[32];
		const char *url;
		const char *type;

		snprintf(key, sizeof(key), "MediaUrl%ld", i);
		url = form_get(form, key);
		snprintf(key, sizeof(key), "MediaContentType%ld", i);
		type = form_get(form, key);
		if (url)
			json_array_append_new(media,
								  json_pack("{s:s, s:s}", "url", url,
											"content_type", type ? type : ""));
	}
	text = json_dumps(media, JSON_COMPACT);
	json_decref(media);
	return text;
}

/* Our word for a status of Twilio's, or NULL if it tells us nothing. */
static const char *
map_status(const char *status)
{
	static const char *const words[][2] = {
		{"accepted", "queued"},
		{"scheduled", "queued"},
		{"queued", "queued"},
		{"sending", "sending"},
		{"sent", "sent"},
		{"delivered", "delivered"},
		{"undelivered", "undelivered"},
		{"failed", "failed"},
		{"canceled", "failed"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(words[i][0], status) == 0)
			return words[i][1];
	}
	return NULL;
}

static void
add_receipt(const HookRequest *req, const Form *form, const char *sid,
			const char *status, Hook *hook)
{
	const char *word = map_status(status);
	HookEvent *event;
	Buf key = {0};

	if (word == NULL)
		return;
	event = hook_add_event(hook, WIRE_EVENT_RECEIPT);
	buf_printf(&key, "%s:%s", sid, status);
	event->dedupe_key = key.data;
	event->ref = hook_str(req->ref);
	event->status = hook_str(word);
	event->code = hook_str(form_get(form, "ErrorCode"));
	event->detail = hook_str(form_get(form, "ErrorMessage"));
	event->provider_id = hook_str(sid);
	event->from = hook_str(form_get(form, "From"));
	event->to = hook_str(form_get(form, "To"));
}

static void
add_text(const Form *form, const char *sid, Hook *hook)
{
	static const char *const types[][2] = {
		{"STOP", "stop"}, {"START", "start"}, {"HELP", "help"}};
	const char *type = form_get(form, "OptOutType");
	HookEvent *event = hook_add_event(hook, WIRE_EVENT_TEXT);

	event->dedupe_key = hook_str(sid);
	event->provider_id = hook_str(sid);
	event->from = hook_str(form_get(form, "From"));
	event->to = hook_str(form_get(form, "To"));
	event->body = hook_str(form_get(form, "Body"));
	event->media = list_media(form);
	for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (strcmp(types[i][0], type) == 0)
			event->status = hook_str(types[i][1]);
	}
}

/* A receipt is known by its MessageStatus, wherever it was sent to. */
static bool
find_events(const HookRequest *req, const Form *form, Hook *hook)
{
	const char *sid = form_get(form, "MessageSid");
	const char *status = form_get(form, "MessageStatus");

	if (sid == NULL || *sid == '\0')
		return false;
	if (status)
		add_receipt(req, form, sid, status, hook);
	else if (*req->ref == '\0' && form_get(form, "From") &&
			 form_get(form, "To") && form_get(form, "Body"))
		add_text(form, sid, hook);
	else
		return false;
	return true;
}

static int
twilio_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	const char *signature = req->header(req->arg, "X-Twilio-Signature");
	Buf decoded = {0};
	bool complete;
	Form form;

	if (!form_decode(&form, req->body, req->body_len))
		return 400;
	if (signature && base64_decode(&decoded, signature))
		hook_signature(hook, WIRE_PROOF_HMAC_SHA1, buf_str(&decoded),
					   decoded.len);
	buf_free(&decoded);
	list_signed_strings(gateway, req, &form, hook);
	complete = find_events(req, &form, hook);
	form_free(&form);
	return complete ? 0 : 400;
}

static const HookForm twilio_forms[] = {
	{"POST", "application/x-www-form-urlencoded"}, {NULL, NULL}};

const GatewayAdapter twilio_adapter = {
	.provider = "twilio",
	.check = twilio_check,
	.build = twilio_build,
	.parse = twilio_parse,
	.hook_forms = twilio_forms,
	.events = twilio_events,
	.text_ack = {200, "text/xml",
				 "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"},
	.receipt_ack = {200, NULL, ""},
};
