/*-------------------------------------------------------------------------
 *
 * twilio_hooks.c
 *	  Twilio's webhooks.
 *
 * Form POSTs, signed by HMAC-SHA1 over our URL and all parameters; or JSON,
 * signed over our URL alone, which then holds a hash of the body.  The courier
 * has no secret to check a signature with: it lists the strings that Twilio
 * may have signed, and the worker compares.
 *
 * src/courier/gateway/twilio_hooks.c
 *
 *-------------------------------------------------------------------------
 */
#include "twilio.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "form.h"

#define JSON_TYPE "application/json"
#define MAX_MEDIA 10

const HookForm twilio_forms[] = {{"POST", "application/x-www-form-urlencoded"},
								 {"POST", JSON_TYPE},
								 {NULL, NULL}};

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

/* "form" is NULL where only the URL is signed. */
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
	if (form)
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

/* Whether the URL, which is signed, vouches for this very body. */
static bool
body_hash_ok(const HookRequest *req)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];
	const char *told;
	bool ok;
	Form query;

	if (!form_decode(&query, req->query, strlen(req->query)))
		return false;
	SHA256((const unsigned char *) req->body, req->body_len, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(&hex[2 * i], 3, "%02x", hash[i]);
	told = form_get(&query, "bodySHA256");
	ok = told && strcasecmp(told, hex) == 0;
	form_free(&query);
	return ok;
}

static bool
is_json(const HookRequest *req)
{
	const char *type = req->header(req->arg, "Content-Type");

	return type && strncasecmp(type, JSON_TYPE, strlen(JSON_TYPE)) == 0;
}

/* The members of a JSON object are the fields that a form would have. */
static bool
decode_json(Form *form, const HookRequest *req)
{
	json_t *root = json_loadb(req->body, req->body_len, 0, NULL);
	bool ok = json_is_object(root);
	Buf encoded = {0};
	const char *key;
	json_t *value;
	char number[32];

	json_object_foreach(root, key, value)
	{
		json_text(value, number, sizeof(number));
		if (json_is_string(value))
			form_add(&encoded, key, json_string_value(value));
		else if (*number)
			form_add(&encoded, key, number);
	}
	ok = ok && form_decode(form, buf_str(&encoded), encoded.len);
	buf_free(&encoded);
	json_decref(root);
	return ok;
}

/* The pictures and such that came with a text, as a JSON array. */
static char *
list_media(const Form *form)
{
	const char *count = form_get(form, "NumMedia");
	long n = count ? strtol(count, NULL, 10) : 0;
	json_t *media = json_array();

	for (long i = 0; i < n && i < MAX_MEDIA; i++)
	{
		char key[32];
		const char *url;

		snprintf(key, sizeof(key), "MediaUrl%ld", i);
		url = form_get(form, key);
		snprintf(key, sizeof(key), "MediaContentType%ld", i);
		media_add(media, url, form_get(form, key), 0);
	}
	return media_text(media);
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

static bool
has_value(const Form *form, const char *key)
{
	const char *value = form_get(form, key);

	return value != NULL && *value != '\0';
}

/* A receipt is known by its MessageStatus, wherever it was sent to. */
static bool
find_events(const HookRequest *req, const Form *form, Hook *hook)
{
	const char *sid = form_get(form, "MessageSid");
	const char *status = form_get(form, "MessageStatus");

	if (!id_fits(sid))
		return false;
	if (status)
		add_receipt(req, form, sid, status, hook);
	else if (*req->ref == '\0' && has_value(form, "From") &&
			 has_value(form, "To") && form_get(form, "Body"))
		add_text(form, sid, hook);
	else
		return false;
	return true;
}

int
twilio_events_in(const TwilioDialect *dialect, const Gateway *gateway,
				 const HookRequest *req, Hook *hook)
{
	const char *signature = req->header(req->arg, dialect->signature_header);
	bool json = is_json(req);
	Buf decoded = {0};
	bool complete;
	Form form;

	if (!(json ? decode_json(&form, req)
			   : form_decode(&form, req->body, req->body_len)))
		return 400;
	if (signature && base64_decode(&decoded, signature) &&
		(!json || body_hash_ok(req)))
		hook_signature(hook, WIRE_PROOF_HMAC_SHA1, buf_str(&decoded),
					   decoded.len);
	buf_free(&decoded);
	list_signed_strings(gateway, req, json ? NULL : &form, hook);
	complete = find_events(req, &form, hook);
	form_free(&form);
	return complete ? 0 : 400;
}
