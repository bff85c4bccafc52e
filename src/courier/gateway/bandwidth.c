/*-------------------------------------------------------------------------
 *
 * bandwidth.c
 *	  Bandwidth's Messaging API (V2) and its webhooks.
 *
 * JSON in both directions.  The account is the account id, the secret is
 * "user:password" of an API user, and settings.application_id names the
 * application that has our numbers.  The application also holds the URL for
 * webhooks, which prove themselves by HTTP Basic: the webhook secret is the
 * "user:password" set there.  That URL is the same for all texts, so our
 * reference travels as the tag.
 *
 * src/courier/gateway/bandwidth.c
 *
 *-------------------------------------------------------------------------
 */
#include "common.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "form.h"
#include "json.h"

#define BANDWIDTH_API "https://messaging.bandwidth.com"

static const char *
bandwidth_check(const Gateway *gateway)
{
	if (*gateway->account == '\0')
		return "the gateway has no account: set it to the account id";
	if (*setting_text(gateway, "application_id") == '\0')
		return "the gateway's settings have no application_id: set it to that "
			   "of the application with our numbers";
	if (strchr(gateway->secret, ':') == NULL)
		return "no user:password is known for the gateway: add it to the file "
			   "named by p2ptext.secrets_file";
	return NULL;
}

/* As curl would for a user and a password, which come here in one piece. */
static void
add_basic(Buf *headers, const char *secret)
{
	size_t len = strlen(secret);
	char *encoded = xalloc(4 * (len / 3 + 1) + 1);

	EVP_EncodeBlock((unsigned char *) encoded, (const unsigned char *) secret,
					(int) len);
	buf_printf(headers, "Authorization: Basic %s\n", encoded);
	free(encoded);
}

static void
begin_request(const Gateway *gateway, HttpRequest *req)
{
	add_basic(&req->headers, gateway->secret);
	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : BANDWIDTH_API);
	buf_puts(&req->url, "/api/v2/users/");
	percent_encode(&req->url, gateway->account);
	buf_puts(&req->url, "/messages");
}

static void
bandwidth_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	json_t *message = json_object();

	req->method = "POST";
	begin_request(gateway, req);
	buf_puts(&req->headers, "Content-Type: application/json\n");

	json_object_set_new(message, "applicationId",
						json_string(setting_text(gateway, "application_id")));
	json_object_set_new(message, "to", json_pack("[s]", text->to));
	json_object_set_new(message, "from", json_string(text->from));
	if (*text->body || text->n_media == 0)
		json_object_set_new(message, "text", json_string(text->body));
	if (text->n_media > 0)
	{
		json_t *media = json_array();

		for (uint32_t i = 0; i < text->n_media; i++)
			json_array_append_new(media, json_string(text->media[i]));
		json_object_set_new(message, "media", media);
	}
	json_object_set_new(message, "tag", json_string(text->ref));
	if (text->validity_s > 0)
	{
		Buf time = {0};

		put_time(&time, text->claimed_at + text->validity_s);
		json_object_set_new(message, "expiration", json_string(buf_str(&time)));
		buf_free(&time);
	}
	put_json(&req->body, message);
}

/* A request that fails validation names the fields that are to blame. */
static Verdict
judge_field(const char *field)
{
	if (strcmp(field, "from") == 0)
		return VERDICT_SENDER_MEND;
	if (strcmp(field, "applicationId") == 0)
		return VERDICT_MEND;
	return VERDICT_FAILED;
}

static Verdict
judge(const char *type, const char *field)
{
	if (strcmp(type, "request-validation") == 0)
		return judge_field(field);
	if (strcmp(type, "unauthorized") == 0 || strcmp(type, "forbidden") == 0)
		return VERDICT_MEND;
	if (strcmp(type, "max-message-queue-size-exceeded") == 0)
		return VERDICT_BUSY;
	return VERDICT_BY_STATUS;
}

/*
 * Bandwidth says that whatever it answers by a 4xx or a 5xx was not sent.  A
 * 5xx that does not look like an answer of its API may come from something in
 * between, which cannot know.
 */
static void
parse_error(const HttpResponse *res, SendResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	json_t *error = json_array_get(json_object_get(root, "fieldErrors"), 0);
	char type[sizeof(result->code)];
	char text[sizeof(result->text)];
	char field[64];

	json_text(json_object_get(root, "type"), type, sizeof(type));
	json_text(json_object_get(error, "fieldName"), field, sizeof(field));
	json_text(json_object_get(error ? error : root, "description"), text,
			  sizeof(text));
	if (*type == '\0')
		result_by_status(res, WIRE_RETRY, result);
	else if (res->status / 100 == 5)
		result_set(result, WIRE_RETRY, type, text);
	else
		result_by_code(res, judge(type, field), type, text, result);
	json_decref(root);
}

static void
bandwidth_parse(const Gateway *gateway, const HttpResponse *res,
				SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	int64_t segments = 0;

	(void) gateway;
	if (res->status / 100 == 2 &&
		json_member_text(body, "id", result->provider_id,
						 sizeof(result->provider_id)) &&
		*result->provider_id)
	{
		result_set(result, WIRE_SENT, "", "");
		if (json_member_int(body, "segmentCount", &segments) && segments > 0)
			result->segments = (uint32_t) segments;
	}
	else if (res->status >= 400)
		parse_error(res, result);
	else
		result_by_status(res, WIRE_RETRY, result);
}

static void
add_time(Buf *query, const char *key, int64_t time)
{
	Buf str = {0};

	put_time(&str, time);
	form_add(query, key, buf_str(&str));
	buf_free(&str);
}

static void
bandwidth_find(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	Buf query = {0};

	req->method = "GET";
	begin_request(gateway, req);
	form_add(&query, "messageDirection", "OUTBOUND");
	form_add(&query, "sourceTn", text->from);
	form_add(&query, "destinationTn", text->to);
	add_time(&query, "fromDateTime", text->claimed_at - FIND_BEFORE_S);
	add_time(&query, "toDateTime", text->claimed_at + FIND_AFTER_S);
	form_add(&query, "limit", "100");
	buf_printf(&req->url, "?%s", query.data);
	buf_free(&query);
}

/* The list holds neither bodies nor tags. */
static void
bandwidth_found(const Gateway *gateway, const Text *text,
				const HttpResponse *res, FindResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	json_t *messages = json_object_get(root, "messages");
	json_t *next =
		json_object_get(json_object_get(root, "pageInfo"), "nextPage");
	size_t i;
	json_t *message;

	(void) gateway;
	json_array_foreach(messages, i, message)
	{
		const char *id, *from, *to, *direction, *received;
		int64_t time;

		if (json_unpack(message, "{s:s, s:s, s:s, s:s, s:s}", "messageId", &id,
						"sourceTn", &from, "destinationTn", &to,
						"messageDirection", &direction, "receiveTime",
						&received) == 0 &&
			id_fits(id) && strcmp(from, text->from) == 0 &&
			strcmp(to, text->to) == 0 && strcmp(direction, "OUTBOUND") == 0 &&
			time_from_iso(received, &time) && found_in_time(text, time))
			found_add(result, id);
	}
	/* Only a list that is whole says that a text is not there. */
	result->answered = res->status / 100 == 2 && json_is_array(messages) &&
					   !json_is_string(next);
	json_decref(root);
}

/* The "user:password" of HTTP Basic is the secret itself. */
static void
list_proof(const HookRequest *req, Hook *hook)
{
	static const char basic[] = "Basic ";
	const char *value = req->header(req->arg, "Authorization");
	Buf secret = {0};

	if (value && strncasecmp(value, basic, strlen(basic)) == 0 &&
		base64_decode(&secret, value + strlen(basic)) && secret.len > 0)
		hook_signature(hook, WIRE_PROOF_TOKEN, secret.data, secret.len);
	buf_free(&secret);
}

static char *
list_media(const json_t *message)
{
	json_t *media = json_array();
	size_t i;
	json_t *url;

	json_array_foreach(json_object_get(message, "media"), i, url)
	{
		media_add(media, json_string_value(url), NULL, 0);
	}
	return media_text(media);
}

/* Our word for a type of event; NULL if it is no receipt. */
static const char *
map_type(const char *type)
{
	static const char *const words[][2] = {
		{"message-sending", "sending"},
		{"message-sent", "sent"},
		{"message-delivered", "delivered"},
		{"message-failed", "failed"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(words[i][0], type) == 0)
			return words[i][1];
	}
	return NULL;
}

static void
add_text(const json_t *message, HookEvent *event)
{
	const char *body = json_string_value(json_object_get(message, "text"));

	event->body = hook_str(body ? body : "");
	event->media = list_media(message);
}

/* Code 9902 is no failure: the carrier sent no receipt in two hours. */
static void
add_receipt(const HookRequest *req, const json_t *item, const json_t *message,
			const char *status, HookEvent *event)
{
	const char *tag = json_string_value(json_object_get(message, "tag"));
	char code[32];

	json_text(json_object_get(item, "errorCode"), code, sizeof(code));
	event->ref = hook_str(*req->ref ? req->ref : tag);
	event->status = hook_str(strcmp(code, "9902") == 0 ? "sent" : status);
	event->code = hook_str(code);
	if (*code)
		event->detail =
			hook_str(json_string_value(json_object_get(item, "description")));
}

/* One event of the array; false if it lacks what it must have. */
static bool
add_event(const HookRequest *req, json_t *item, Hook *hook)
{
	const char *type, *to, *id, *from;
	json_t *message;
	HookEvent *event;
	const char *status;
	bool is_text;
	Buf key = {0};

	if (json_unpack(item, "{s:s}", "type", &type) != 0)
		return false;
	is_text = strcmp(type, "message-received") == 0;
	status = map_type(type);
	if (!is_text && status == NULL)
		return true;
	if (json_unpack(item, "{s:s, s:o}", "to", &to, "message", &message) != 0 ||
		json_unpack(message, "{s:s, s:s}", "id", &id, "from", &from) != 0 ||
		!id_fits(id) || !id_fits(to))
		return false;

	event =
		hook_add_event(hook, is_text ? WIRE_EVENT_TEXT : WIRE_EVENT_RECEIPT);
	buf_printf(&key, "%s:%s:%s", id, to, type);
	event->dedupe_key = key.data;
	event->provider_id = hook_str(id);
	event->from = hook_str(from);
	event->to = hook_str(to);
	if (is_text)
		add_text(message, event);
	else
		add_receipt(req, item, message, status, event);
	return true;
}

/* An array is kept whole or refused whole, since it is answered as one. */
static int
bandwidth_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	json_t *root = json_loadb(req->body, req->body_len, 0, NULL);
	bool complete = json_is_array(root);
	size_t i;
	json_t *item;

	(void) gateway;
	list_proof(req, hook);
	json_array_foreach(root, i, item)
	{
		complete = complete && add_event(req, item, hook);
	}
	json_decref(root);
	if (complete)
		return 0;
	hook_free(hook);
	return 400;
}

static const HookForm bandwidth_forms[] = {{"POST", "application/json"},
										   {NULL, NULL}};

const GatewayAdapter bandwidth_adapter = {
	.provider = "bandwidth",
	.check = bandwidth_check,
	.build = bandwidth_build,
	.parse = bandwidth_parse,
	.find = bandwidth_find,
	.found = bandwidth_found,
	.hook_forms = bandwidth_forms,
	.events = bandwidth_events,
	.text_ack = {200, NULL, ""},
	.receipt_ack = {200, NULL, ""},
};
