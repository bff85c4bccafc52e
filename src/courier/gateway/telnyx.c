/*-------------------------------------------------------------------------
 *
 * telnyx.c
 *	  Telnyx' Messaging API and its webhooks.
 *
 * JSON in both directions.  The secret is an API key; the account, which may
 * be left out, is the id of a messaging profile.  Webhooks are signed by
 * Ed25519, so the webhook secret is the public key of the Telnyx account, in
 * base64.
 *
 * src/courier/gateway/telnyx.c
 *
 *-------------------------------------------------------------------------
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "json.h"

#define TELNYX_API "https://api.telnyx.com"

/* A webhook whose time is further off may be a replay. */
#define SIGNATURE_WINDOW_S 300

static const char *
telnyx_check(const Gateway *gateway)
{
	if (*gateway->secret == '\0')
		return "no API key is known for the gateway: add it to the file named "
			   "by p2ptext.secrets_file";
	return NULL;
}

static void
begin_request(const Gateway *gateway, HttpRequest *req)
{
	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : TELNYX_API);
	buf_printf(&req->headers, "Authorization: Bearer %s\n", gateway->secret);
}

static void
telnyx_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	json_t *message = json_object();
	Buf url = {0};

	req->method = "POST";
	begin_request(gateway, req);
	buf_puts(&req->url, "/v2/messages");
	buf_puts(&req->headers, "Content-Type: application/json\n");

	json_object_set_new(message, "from", json_string(text->from));
	json_object_set_new(message, "to", json_string(text->to));
	if (*text->body || text->n_media == 0)
		json_object_set_new(message, "text", json_string(text->body));
	if (*gateway->account)
		json_object_set_new(message, "messaging_profile_id",
							json_string(gateway->account));
	if (text->n_media > 0)
	{
		json_t *media = json_array();

		for (uint32_t i = 0; i < text->n_media; i++)
			json_array_append_new(media, json_string(text->media[i]));
		json_object_set_new(message, "media_urls", media);
	}
	put_status_url(&url, gateway, text);
	if (url.len > 0)
		json_object_set_new(message, "webhook_url", json_string(url.data));
	buf_free(&url);
	put_json(&req->body, message);
}

/*
 * What is wrong with one text or its recipient is final; that includes a
 * region that the profile may not text.  What is wrong with the account, the
 * profile or a number stops it until somebody has mended it.
 */
static Verdict
judge(long code)
{
	switch (code)
	{
		case 40300: /* the recipient has sent STOP */
			return VERDICT_OPTED_OUT;
		case 10011: /* too many requests */
			return VERDICT_BUSY;
		case 40318: /* the queue is full */
			return VERDICT_SENDER_BUSY;
		case 10009: /* wrong credentials */
		case 20100: /* no credit */
		case 40312: /* profile disabled */
		case 40314: /* messaging disabled on the account */
		case 40321: /* no usable number in the pool */
		case 40333: /* spend limit reached */
			return VERDICT_MEND;
		case 40305: /* From is not ours */
		case 40315: /* unhealthy sender */
		case 40320: /* sender unusable for a while */
		case 40329: /* toll-free number not verified */
			return VERDICT_SENDER_MEND;
		case 10016: /* To is not in E.164 */
		case 40301: /* no such type of message between these numbers */
		case 40302: /* too large */
		case 40309: /* region not enabled */
		case 40310: /* To is not valid */
		case 40316: /* no content */
		case 40322: /* content blocked */
			return VERDICT_FAILED;
		default:
			return VERDICT_BY_STATUS;
	}
}

/* The first of an array of errors, into code and text as far as they go. */
static void
read_error(const json_t *errors, char *code, size_t code_size, char *text,
		   size_t text_size)
{
	json_t *error = json_array_get(errors, 0);

	json_text(json_object_get(error, "code"), code, code_size);
	json_text(json_object_get(error, "detail"), text, text_size);
	if (*text == '\0')
		json_text(json_object_get(error, "title"), text, text_size);
}

static void
parse_error(const HttpResponse *res, SendResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	char code[sizeof(result->code)];
	char text[sizeof(result->text)];

	read_error(json_object_get(root, "errors"), code, sizeof(code), text,
			   sizeof(text));
	if (*code)
		result_by_code(res, judge(strtol(code, NULL, 10)), code, text, result);
	else
		result_by_status(res, WIRE_RETRY, result);
	json_decref(root);
}

static void
telnyx_parse(const Gateway *gateway, const HttpResponse *res,
			 SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	WireStr data;
	int64_t parts = 0;

	(void) gateway;
	if (res->status / 100 == 2 && json_member(body, "data", &data) &&
		json_member_text(data, "id", result->provider_id,
						 sizeof(result->provider_id)) &&
		*result->provider_id)
	{
		result_set(result, WIRE_SENT, "", "");
		if (json_member_int(data, "parts", &parts) && parts > 0)
			result->segments = (uint32_t) parts;
	}
	else if (res->status / 100 == 4)
		parse_error(res, result);
	else
		result_by_status(res, WIRE_RETRY, result);
}

/* The day of a time, and no more of it. */
static void
add_day(Buf *query, const char *key, int64_t time)
{
	Buf day = {0};

	put_time(&day, time);
	if (day.len > 0)
		day.data[strcspn(day.data, "T")] = '\0';
	form_add(query, key, buf_str(&day));
	buf_free(&day);
}

/* Detail records are searched by day; found() takes those of the right time. */
static void
telnyx_find(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	Buf query = {0};

	req->method = "GET";
	begin_request(gateway, req);
	form_add(&query, "filter[record_type]", "messaging");
	form_add(&query, "filter[direction]", "outbound");
	form_add(&query, "filter[cli]", text->from);
	form_add(&query, "filter[cld]", text->to);
	add_day(&query, "filter[created_at][gte]",
			text->claimed_at - FIND_BEFORE_S);
	add_day(&query, "filter[created_at][lt]",
			text->claimed_at + FIND_AFTER_S + 86400);
	form_add(&query, "page[size]", "50");
	buf_printf(&req->url, "/v2/detail_records?%s", query.data);
	buf_free(&query);
}

static void
telnyx_found(const Gateway *gateway, const Text *text, const HttpResponse *res,
			 FindResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	json_t *records = json_object_get(root, "data");
	json_t *pages =
		json_object_get(json_object_get(root, "meta"), "total_pages");
	size_t i;
	json_t *record;

	(void) gateway;
	json_array_foreach(records, i, record)
	{
		const char *id, *from, *to, *direction, *created;
		int64_t time;

		if (json_unpack(record, "{s:s, s:s, s:s, s:s, s:s}", "uuid", &id, "cli",
						&from, "cld", &to, "direction", &direction,
						"created_at", &created) == 0 &&
			id_fits(id) && strcmp(from, text->from) == 0 &&
			strcmp(to, text->to) == 0 && strcmp(direction, "outbound") == 0 &&
			time_from_iso(created, &time) && found_in_time(text, time))
			found_add(result, id);
	}
	/* Only a list that is whole says that a text is not there. */
	result->answered = res->status / 100 == 2 && json_is_array(records) &&
					   json_integer_value(pages) <= 1;
	json_decref(root);
}

static void
list_proof(const HookRequest *req, Hook *hook)
{
	const char *signature = req->header(req->arg, "telnyx-signature-ed25519");
	const char *time = req->header(req->arg, "telnyx-timestamp");
	Buf bytes = {0};

	if (signature && time && strlen(time) <= 18 &&
		strspn(time, "0123456789") == strlen(time) &&
		llabs(req->now - strtoll(time, NULL, 10)) <= SIGNATURE_WINDOW_S &&
		base64_decode(&bytes, signature))
	{
		hook_signature(hook, WIRE_PROOF_ED25519, buf_str(&bytes), bytes.len);
		buf_clear(&bytes);
		buf_printf(&bytes, "%s|", time);
		buf_put(&bytes, req->body, req->body_len);
		hook_signed(hook, bytes.data, bytes.len);
	}
	buf_free(&bytes);
}

static char *
list_media(const json_t *payload)
{
	json_t *media = json_array();
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(payload, "media"), i, item)
	{
		media_add(media, json_string_value(json_object_get(item, "url")),
				  json_string_value(json_object_get(item, "content_type")),
				  json_integer_value(json_object_get(item, "size")));
	}
	return media_text(media);
}

/* Our word for one of Telnyx', or NULL. */
static const char *
map_word(const char *const words[][2], size_t n, const char *word)
{
	for (size_t i = 0; word && i < n; i++)
	{
		if (strcmp(words[i][0], word) == 0)
			return words[i][1];
	}
	return NULL;
}

static void
add_text(const json_t *payload, HookEvent *event)
{
	static const char *const types[][2] = {
		{"STOP", "stop"}, {"START", "start"}, {"HELP", "help"}};
	const char *type =
		json_string_value(json_object_get(payload, "autoresponse_type"));
	const char *body = json_string_value(json_object_get(payload, "text"));

	event->body = hook_str(body ? body : "");
	event->media = list_media(payload);
	event->status = hook_str(map_word(types, 3, type));
}

static void
add_receipt(const HookRequest *req, const json_t *payload, const char *status,
			HookEvent *event)
{
	char code[64];
	char text[512];

	read_error(json_object_get(payload, "errors"), code, sizeof(code), text,
			   sizeof(text));
	event->ref = hook_str(req->ref);
	event->status = hook_str(status);
	event->code = hook_str(code);
	event->detail = hook_str(text);
}

/* "delivery_unconfirmed" was sent; no more is known of it. */
static const char *
map_status(const char *status)
{
	static const char *const words[][2] = {
		{"queued", "queued"},
		{"sending", "sending"},
		{"sent", "sent"},
		{"delivery_unconfirmed", "sent"},
		{"delivered", "delivered"},
		{"delivery_failed", "undelivered"},
		{"sending_failed", "failed"},
		{"expired", "failed"},
	};

	return map_word(words, sizeof(words) / sizeof(words[0]), status);
}

/* One event is the whole of a body; false if it lacks what it must have. */
static bool
find_event(const HookRequest *req, const json_t *root, Hook *hook)
{
	const char *type, *key, *id, *from, *to, *status;
	json_t *payload, *recipient;
	HookEvent *event;
	bool is_text;

	if (json_unpack((json_t *) root, "{s:{s:s, s:s, s:o}}", "data",
					"event_type", &type, "id", &key, "payload", &payload) != 0)
		return false;
	is_text = strcmp(type, "message.received") == 0;
	if (!is_text && strcmp(type, "message.sent") != 0 &&
		strcmp(type, "message.finalized") != 0)
		return true;
	if (json_unpack(payload, "{s:s, s:{s:s}, s:[o]}", "id", &id, "from",
					"phone_number", &from, "to", &recipient) != 0 ||
		json_unpack(recipient, "{s:s}", "phone_number", &to) != 0 ||
		!id_fits(key) || !id_fits(id))
		return false;
	status =
		map_status(json_string_value(json_object_get(recipient, "status")));
	if (!is_text && status == NULL)
		return true;

	event =
		hook_add_event(hook, is_text ? WIRE_EVENT_TEXT : WIRE_EVENT_RECEIPT);
	event->dedupe_key = hook_str(key);
	event->provider_id = hook_str(id);
	event->from = hook_str(from);
	event->to = hook_str(to);
	if (is_text)
		add_text(payload, event);
	else
		add_receipt(req, payload, status, event);
	return true;
}

static int
telnyx_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	json_t *root = json_loadb(req->body, req->body_len, 0, NULL);
	bool complete;

	(void) gateway;
	list_proof(req, hook);
	complete = root && find_event(req, root, hook);
	json_decref(root);
	return complete ? 0 : 400;
}

static const HookForm telnyx_forms[] = {{"POST", "application/json"},
										{NULL, NULL}};

const GatewayAdapter telnyx_adapter = {
	.provider = "telnyx",
	.check = telnyx_check,
	.build = telnyx_build,
	.parse = telnyx_parse,
	.find = telnyx_find,
	.found = telnyx_found,
	.hook_forms = telnyx_forms,
	.events = telnyx_events,
	.text_ack = {200, NULL, ""},
	.receipt_ack = {200, NULL, ""},
};
