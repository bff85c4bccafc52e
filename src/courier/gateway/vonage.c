/*-------------------------------------------------------------------------
 *
 * vonage.c
 *	  Sending through Vonage's Messages API (version 1): JSON in both
 *	  directions.
 *
 * The account is the API key, the secret is the API secret.  The webhook
 * secret is the account's signature secret.
 *
 * Settings: api, "messages" if left out, or "sms" for the older SMS API.
 * That one knows no pictures, so texts that have some go by the Messages API
 * all the same, and webhooks of both are understood whatever is set.
 *
 * src/courier/gateway/vonage.c
 *
 *-------------------------------------------------------------------------
 */
#include "vonage.h"

#include <string.h>
#include <strings.h>

#include "json.h"
#include "number.h"

#define MESSAGES_API "https://api.nexmo.com"

/* How long Vonage may be told to try, in seconds. */
#define SMS_MIN_TTL 20
#define SMS_MAX_TTL 604800
#define MMS_MIN_TTL 300
#define MMS_MAX_TTL 259200

static const char *
vonage_check(const Gateway *gateway)
{
	json_t *api = json_object_get(gateway->settings, "api");
	const char *name = setting_text(gateway, "api");

	if (*gateway->account == '\0')
		return "the gateway has no account: set it to the API key";
	if (*gateway->secret == '\0')
		return "no API secret is known for the gateway: add it to the file "
			   "named by p2ptext.secrets_file";
	if (api && strcmp(name, "sms") != 0 && strcmp(name, "messages") != 0)
		return "the gateway's setting \"api\" is neither \"messages\" nor "
			   "\"sms\"";
	return NULL;
}

uint32_t
vonage_ttl(const Text *text, uint32_t least, uint32_t most)
{
	uint32_t seconds = text->validity_s;

	if (seconds == 0)
		return 0;
	return seconds < least ? least : seconds < most ? seconds : most;
}

/* What the Messages API calls such a file; it wants to know. */
static const char *
media_kind(const char *url)
{
	static const char *const kinds[][2] = {
		{".mp4", "video"}, {".3gp", "video"}, {".mov", "video"},
		{".mp3", "audio"}, {".wav", "audio"}, {".amr", "audio"},
		{".vcf", "vcard"}, {".pdf", "file"},
	};
	size_t len = strcspn(url, "?#");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		size_t n = strlen(kinds[i][0]);

		if (len > n && strncasecmp(url + len - n, kinds[i][0], n) == 0)
			return kinds[i][1];
	}
	return "image";
}

/* One file; the first has the words beneath it. */
static json_t *
media_object(const Text *text, uint32_t i)
{
	json_t *object = json_pack("{s:s}", "url", text->media[i]);

	if (i == 0 && *text->body)
		json_object_set_new(object, "caption", json_string(text->body));
	return object;
}

static void
add_content(json_t *message, const Text *text)
{
	const char *kind;
	json_t *content;

	if (text->n_media == 0)
	{
		json_object_set_new(message, "message_type", json_string("text"));
		json_object_set_new(message, "text", json_string(text->body));
		return;
	}
	if (text->n_media == 1)
	{
		kind = media_kind(text->media[0]);
		json_object_set_new(message, "message_type", json_string(kind));
		json_object_set_new(message, kind, media_object(text, 0));
		return;
	}
	content = json_array();
	for (uint32_t i = 0; i < text->n_media; i++)
	{
		json_t *object = media_object(text, i);

		kind = media_kind(text->media[i]);
		json_object_set_new(object, "type", json_string(kind));
		json_array_append_new(content, object);
	}
	json_object_set_new(message, "message_type", json_string("content"));
	json_object_set_new(message, "content", content);
}

static void
messages_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	bool mms = text->n_media > 0;
	uint32_t ttl = vonage_ttl(text, mms ? MMS_MIN_TTL : SMS_MIN_TTL,
							  mms ? MMS_MAX_TTL : SMS_MAX_TTL);
	json_t *message = json_object();
	Buf url = {0};

	req->user = gateway->account;
	req->password = gateway->secret;
	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : MESSAGES_API);
	buf_puts(&req->url, "/v1/messages");
	buf_puts(&req->headers, "Content-Type: application/json\n");

	json_object_set_new(message, "channel", json_string(mms ? "mms" : "sms"));
	json_object_set_new(message, "to", json_string(number_bare(text->to)));
	json_object_set_new(message, "from", json_string(number_bare(text->from)));
	add_content(message, text);
	json_object_set_new(message, "client_ref", json_string(text->ref));
	put_status_url(&url, gateway, text);
	if (url.len > 0)
	{
		json_object_set_new(message, "webhook_url", json_string(url.data));
		json_object_set_new(message, "webhook_version", json_string("v1"));
	}
	if (ttl > 0)
		json_object_set_new(message, "ttl", json_integer(ttl));
	buf_free(&url);
	put_json(&req->body, message);
}

static void
vonage_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	req->method = "POST";
	if (strcmp(setting_text(gateway, "api"), "sms") == 0 && text->n_media == 0)
		vonage_sms_build(gateway, text, req);
	else
		messages_build(gateway, text, req);
}

/*
 * The same number stands for different errors in different places, so the
 * HTTP status goes first where it is plain enough.  A message that Vonage says
 * it failed to submit, or to process, may be tried again, but not for ever.
 */
static Verdict
judge(long status, const char *code, const char *field)
{
	static const struct
	{
		const char *code;
		Verdict verdict;
	} codes[] = {
		{"1000", VERDICT_BUSY},
		{"1010", VERDICT_FAILED}, /* missing parameters */
		{"1020", VERDICT_FAILED}, /* invalid parameters */
		{"1040", VERDICT_FAILED}, /* no such prefix of numbers */
		{"1050", VERDICT_FAILED}, /* number barred */
		{"1060", VERDICT_MEND},	  /* account barred */
		{"1070", VERDICT_MEND},	  /* no credit */
		{"1080", VERDICT_MEND},	  /* account not enabled for this */
		{"1090", VERDICT_FAILED}, /* too long */
		{"1120", VERDICT_SENDER_MEND},
		{"1130", VERDICT_FAILED}, /* invalid ttl */
		{"1140", VERDICT_MEND},	  /* facility not allowed */
		{"1150", VERDICT_FAILED}, /* invalid parameters */
		{"1160", VERDICT_MEND},	  /* a trial account, and To not listed */
		{"1170", VERDICT_FAILED}, /* To is not a number */
	};

	if (status == 429)
		return VERDICT_BUSY;
	if (status == 401 || status == 402)
		return VERDICT_MEND;
	if (strcmp(field, "from") == 0)
		return VERDICT_SENDER_MEND;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].verdict;
	}
	return VERDICT_BY_STATUS;
}

/* "The value of one ... is invalid." says little without which one it is. */
static void
put_reason(Buf *out, const json_t *root, const json_t *parameter)
{
	char detail[512];
	char name[64];
	char reason[256];

	json_text(json_object_get(root, "detail"), detail, sizeof(detail));
	json_text(json_object_get(parameter, "name"), name, sizeof(name));
	json_text(json_object_get(parameter, "reason"), reason, sizeof(reason));
	buf_puts(out, detail);
	if (*name)
		buf_printf(out, " (%s: %s)", name, reason);
}

/* {type, title, detail, ...}, as RFC 7807 has it; the type ends in a code. */
static void
parse_error(const HttpResponse *res, SendResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	const char *type = json_string_value(json_object_get(root, "type"));
	const char *code = type ? strrchr(type, '#') : NULL;
	json_t *parameter =
		json_array_get(json_object_get(root, "invalid_parameters"), 0);
	char field[64];
	char kept[sizeof(result->code)];
	Buf text = {0};

	json_text(json_object_get(parameter, "name"), field, sizeof(field));
	if (code && code[1])
		copy_text(kept, sizeof(kept), code + 1);
	else
		snprintf(kept, sizeof(kept), "http-%ld", res->status);
	put_reason(&text, root, parameter);

	if (strcmp(kept, "1100") == 0 ||
		(strcmp(kept, "1030") == 0 && res->status / 100 == 4))
		result_set(result, WIRE_RETRY, kept, buf_str(&text));
	else if (type && res->status / 100 == 4)
		result_by_code(res, judge(res->status, kept, field), kept,
					   buf_str(&text), result);
	else
		result_by_status(res, WIRE_RETRY, result);
	buf_free(&text);
	json_decref(root);
}

/* The answer shows which API it is of. */
static void
vonage_parse(const Gateway *gateway, const HttpResponse *res,
			 SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	WireStr messages;

	(void) gateway;
	if (res->status / 100 == 2 &&
		json_member_text(body, "message_uuid", result->provider_id,
						 sizeof(result->provider_id)) &&
		*result->provider_id)
		result_set(result, WIRE_SENT, "", "");
	else if (res->status / 100 == 2 && json_member(body, "messages", &messages))
		vonage_sms_parse(res, messages, result);
	else if (res->status >= 400)
		parse_error(res, result);
	else
		result_by_status(res, WIRE_RETRY, result);
}

static const HookForm vonage_forms[] = {
	{"POST", "application/json"},
	{"POST", "application/x-www-form-urlencoded"},
	{"GET", NULL},
	{NULL, NULL}};

const GatewayAdapter vonage_adapter = {
	.provider = "vonage",
	.check = vonage_check,
	.build = vonage_build,
	.parse = vonage_parse,
	.hook_forms = vonage_forms,
	.events = vonage_events,
	.text_ack = {200, NULL, ""},
	.receipt_ack = {200, NULL, ""},
};
