/*-------------------------------------------------------------------------
 *
 * vonage_sms.c
 *	  Vonage's SMS API and its webhooks.
 *
 * Sending: a form POST that is answered by JSON, and by HTTP status 200 even
 * if the text is refused.  Webhooks: by the settings of the account, forms,
 * JSON, or GETs with the same fields in the query; signed, if that is switched
 * on there, by HMAC over all fields.  Only SHA-256 and SHA-1 will do: of the
 * others that Vonage offers, "md5" is broken, "md5 hash" is not even an HMAC,
 * and SHA-512 is none of the worker's proofs.
 *
 * A long text from a voter comes in parts, each of them an event whose detail
 * is "reference/part/parts".
 *
 * src/courier/gateway/vonage_sms.c
 *
 *-------------------------------------------------------------------------
 */
#include "vonage.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "number.h"
#include "text/core/sms.h"

#define SMS_API "https://rest.nexmo.com"

/* How long Vonage may be told to try, in seconds. */
#define MIN_TTL 20
#define MAX_TTL 604800

/* It takes no longer callback than that; client-ref comes back anyhow. */
#define MAX_CALLBACK 100

void
vonage_sms_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	uint32_t ttl = vonage_ttl(text, MIN_TTL, MAX_TTL);
	Buf *form = &req->body;
	Buf url = {0};

	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : SMS_API);
	buf_puts(&req->url, "/sms/json");
	buf_puts(&req->headers,
			 "Content-Type: application/x-www-form-urlencoded\n");

	form_add(form, "api_key", gateway->account);
	form_add(form, "api_secret", gateway->secret);
	form_add(form, "from", number_bare(text->from));
	form_add(form, "to", number_bare(text->to));
	form_add(form, "text", text->body);
	if (!sms_measure(text->body, strlen(text->body)).gsm)
		form_add(form, "type", "unicode");
	form_add(form, "client-ref", text->ref);
	put_status_url(&url, gateway, text);
	if (url.len > 0 && url.len <= MAX_CALLBACK)
		form_add(form, "callback", url.data);
	if (ttl > 0)
	{
		char ms[16];

		snprintf(ms, sizeof(ms), "%u000", ttl);
		form_add(form, "ttl", ms);
	}
	buf_free(&url);
}

/* A refusal.  Every status but 0 means that the text was not taken. */
static void
refuse(const HttpResponse *res, const char *code, const char *text,
	   SendResult *result)
{
	static const struct
	{
		const char *code;
		Verdict verdict;
	} codes[] = {
		{"1", VERDICT_BUSY},
		{"2", VERDICT_FAILED},	/* missing parameters */
		{"3", VERDICT_FAILED},	/* invalid parameters */
		{"4", VERDICT_MEND},	/* wrong credentials */
		{"6", VERDICT_FAILED},	/* no such prefix of numbers */
		{"7", VERDICT_FAILED},	/* number barred */
		{"8", VERDICT_MEND},	/* account barred */
		{"9", VERDICT_MEND},	/* no credit */
		{"10", VERDICT_BUSY},	/* too many connections */
		{"11", VERDICT_MEND},	/* account not enabled for this */
		{"12", VERDICT_FAILED}, /* too long */
		{"14", VERDICT_MEND},	/* wrong signature */
		{"15", VERDICT_SENDER_MEND},
		{"19", VERDICT_MEND},	/* facility not allowed */
		{"23", VERDICT_MEND},	/* bad callback */
		{"29", VERDICT_MEND},	/* a trial account, and To not listed */
		{"32", VERDICT_MEND},	/* wrong signature */
		{"33", VERDICT_FAILED}, /* number deactivated */
		{"34", VERDICT_FAILED}, /* To is not a number */
		{"101", VERDICT_OPTED_OUT},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		if (strcmp(codes[i].code, code) == 0)
		{
			result_by_code(res, codes[i].verdict, code, text, result);
			return;
		}
	}
	result_set(result, WIRE_RETRY, code, text); /* such as 5, internal error */
}

/*
 * One entry for each segment.  If only some were taken, the voter gets a
 * piece; to send all of it again would be worse.
 */
void
vonage_sms_parse(const HttpResponse *res, WireStr messages, SendResult *result)
{
	json_t *root = json_loadb(messages.data, messages.len, 0, NULL);
	char refusal[sizeof(result->code)] = "";
	char text[sizeof(result->text)] = "";
	uint32_t taken = 0;
	size_t i;
	json_t *entry;

	json_array_foreach(root, i, entry)
	{
		char status[sizeof(refusal)];

		json_text(json_object_get(entry, "status"), status, sizeof(status));
		if (strcmp(status, "0") == 0 && taken++ == 0)
			json_text(json_object_get(entry, "message-id"), result->provider_id,
					  sizeof(result->provider_id));
		else if (strcmp(status, "0") != 0 && *refusal == '\0')
		{
			copy_text(refusal, sizeof(refusal), status);
			json_text(json_object_get(entry, "error-text"), text, sizeof(text));
		}
	}
	if (taken > 0)
	{
		result_set(result, WIRE_SENT, refusal, text);
		result->segments = taken;
	}
	else if (*refusal)
		refuse(res, refusal, text, result);
	else
		result_by_status(res, WIRE_RETRY, result);
	json_decref(root);
}

/* The members of a JSON object are the fields that a form would have. */
static bool
decode_json(Form *form, json_t *root)
{
	Buf encoded = {0};
	const char *key;
	json_t *value;
	char number[32];
	bool ok;

	json_object_foreach(root, key, value)
	{
		json_text(value, number, sizeof(number));
		if (json_is_string(value))
			form_add(&encoded, key, json_string_value(value));
		else if (json_is_boolean(value))
			form_add(&encoded, key, json_is_true(value) ? "true" : "false");
		else if (*number)
			form_add(&encoded, key, number);
	}
	ok = form_decode(form, buf_str(&encoded), encoded.len);
	buf_free(&encoded);
	return ok;
}

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int) (digit - digits) & 15 : -1;
}

/* The signature, of a length that tells what made it. */
static void
list_signature(const char *hex, Hook *hook)
{
	size_t len = strlen(hex);
	unsigned char bytes[SHA256_DIGEST_LENGTH];

	if (len != 2 * SHA256_DIGEST_LENGTH && len != 2 * SHA_DIGEST_LENGTH)
		return;
	for (size_t i = 0; i < len; i += 2)
	{
		int high = hex_value(hex[i]);
		int low = hex_value(hex[i + 1]);

		if (high < 0 || low < 0)
			return;
		bytes[i / 2] = (unsigned char) (high << 4 | low);
	}
	hook_signature(hook,
				   len == 2 * SHA_DIGEST_LENGTH ? WIRE_PROOF_HMAC_SHA1
												: WIRE_PROOF_HMAC_SHA256,
				   bytes, len / 2);
}

static int
compare_fields(const void *a, const void *b)
{
	return strcmp(((const FormField *) a)->key, ((const FormField *) b)->key);
}

/*
 * All fields but the signature, in order.  A key with "&" or "=" could make
 * other fields of the same bytes, and is none of Vonage's.
 */
static void
list_proof(const Form *form, Hook *hook)
{
	const char *signature = form_get(form, "sig");
	FormField *sorted = xalloc((form->n + 1) * sizeof(FormField));
	bool ok = signature != NULL;
	Buf str = {0};

	for (size_t i = 0; i < form->n; i++)
		sorted[i] = form->fields[i];
	qsort(sorted, form->n, sizeof(FormField), compare_fields);
	for (size_t i = 0; i < form->n && ok; i++)
	{
		if (strcmp(sorted[i].key, "sig") == 0)
			continue;
		if ((str.len > 0 && strcmp(sorted[i - 1].key, sorted[i].key) == 0) ||
			strpbrk(sorted[i].key, "&="))
			ok = false;
		buf_printf(&str, "&%s=", sorted[i].key);
		for (const char *c = sorted[i].value; *c; c++)
			buf_put(&str, *c == '&' || *c == '=' ? "_" : c, 1);
	}
	if (ok)
	{
		list_signature(signature, hook);
		hook_signed(hook, buf_str(&str), str.len);
	}
	buf_free(&str);
	free(sorted);
}

/* Here msisdn is the voter's phone, whoever wrote.  Error 0 is none. */
static void
add_receipt(const HookRequest *req, const Form *form, const char *id,
			const char *status, Hook *hook)
{
	const char *code = form_get(form, "err-code");
	const char *word = vonage_status(status);
	HookEvent *event;
	Buf key = {0};

	if (word == NULL)
		return;
	event = hook_add_event(hook, WIRE_EVENT_RECEIPT);
	buf_printf(&key, "%s:%s", id, status);
	event->dedupe_key = key.data;
	event->provider_id = hook_str(id);
	event->ref = hook_str(*req->ref ? req->ref : form_get(form, "client-ref"));
	event->status = hook_str(word);
	event->from = number_full(form_get(form, "to"));
	event->to = number_full(form_get(form, "msisdn"));
	if (code && strcmp(code, "0") != 0)
		event->code = hook_str(code);
}

static bool
is_number(const char *str)
{
	return str && *str && strlen(str) <= 9 &&
		   strspn(str, "0123456789") == strlen(str);
}

static void
add_text(const Form *form, const char *id, const char *body, Hook *hook)
{
	HookEvent *event = hook_add_event(hook, WIRE_EVENT_TEXT);
	const char *ref = form_get(form, "concat-ref");
	const char *part = form_get(form, "concat-part");
	const char *parts = form_get(form, "concat-total");
	Buf key = {0};
	Buf detail = {0};

	buf_puts(&key, id);
	if (ref && is_number(part) && is_number(parts))
	{
		buf_printf(&key, ":%s", part);
		buf_printf(&detail, "%s/%s/%s", ref, part, parts);
	}
	event->dedupe_key = key.data;
	event->detail = detail.data;
	event->provider_id = hook_str(id);
	event->from = number_full(form_get(form, "msisdn"));
	event->to = number_full(form_get(form, "to"));
	event->body = hook_str(body);
}

/* A text in bytes ("data") has no words for us. */
static bool
find_events(const HookRequest *req, const Form *form, Hook *hook)
{
	const char *id = form_get(form, "messageId");
	const char *status = form_get(form, "status");
	const char *body = form_get(form, "text");

	if (!id_fits(id) || !form_get(form, "msisdn") || !form_get(form, "to"))
		return false;
	if (status)
		add_receipt(req, form, id, status, hook);
	else if (*req->ref)
		return false;
	else if (body)
		add_text(form, id, body, hook);
	else
		return form_get(form, "data") != NULL;
	return true;
}

int
vonage_sms_events(const HookRequest *req, json_t *root, Hook *hook)
{
	bool get = strcmp(req->method, "GET") == 0;
	bool complete;
	Form form;

	if (!(root	? decode_json(&form, root)
		  : get ? form_decode(&form, req->query, strlen(req->query))
				: form_decode(&form, req->body, req->body_len)))
		return 400;
	list_proof(&form, hook);
	complete = find_events(req, &form, hook);
	form_free(&form);
	return complete ? 0 : 400;
}
