/*-------------------------------------------------------------------------
 *
 * plivo.c
 *	  Plivo's Message API and its webhooks.
 *
 * Sending: JSON in both directions; the account is the Auth ID, the secret the
 * Auth Token.  Webhooks: forms, or GETs with the same fields in the query,
 * signed by HMAC-SHA256 with the Auth Token, which so is the webhook secret
 * too.  Signatures of version 3 cover URL and fields.  Those of version 2,
 * which is what Plivo documents for texts, cover the URL without its query,
 * and no fields: whoever has seen one can put other words beneath it, so our
 * URL must be an https one.
 *
 * src/courier/gateway/plivo.c
 *
 *-------------------------------------------------------------------------
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "json.h"
#include "number.h"

#define PLIVO_API "https://api.plivo.com"

/* Plivo gives up on a text after three hours, or sooner if told so. */
#define MIN_EXPIRY_S 5
#define MAX_EXPIRY_S 10800

#define MAX_MEDIA 10
#define PAGE_SIZE "20" /* its largest */

static const char *
plivo_check(const Gateway *gateway)
{
	if (*gateway->account == '\0')
		return "the gateway has no account: set it to the Auth ID";
	if (*gateway->secret == '\0')
		return "no Auth Token is known for the gateway: add it to the file "
			   "named by p2ptext.secrets_file";
	return NULL;
}

/* What a request to the list of messages has whatever it wants there. */
static void
begin_request(const Gateway *gateway, HttpRequest *req)
{
	req->user = gateway->account;
	req->password = gateway->secret;
	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : PLIVO_API);
	buf_puts(&req->url, "/v1/Account/");
	percent_encode(&req->url, gateway->account);
	buf_puts(&req->url, "/Message/");
}

static json_t *
list_urls(const Text *text)
{
	json_t *urls = json_array();

	for (uint32_t i = 0; i < text->n_media; i++)
		json_array_append_new(urls, json_string(text->media[i]));
	return urls;
}

static uint32_t
expiry(uint32_t seconds)
{
	if (seconds < MIN_EXPIRY_S)
		return MIN_EXPIRY_S;
	return seconds < MAX_EXPIRY_S ? seconds : MAX_EXPIRY_S;
}

static void
plivo_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	json_t *message = json_object();
	Buf url = {0};

	req->method = "POST";
	begin_request(gateway, req);
	buf_puts(&req->headers, "Content-Type: application/json\n");

	json_object_set_new(message, "src", json_string(number_bare(text->from)));
	json_object_set_new(message, "dst", json_string(number_bare(text->to)));
	if (*text->body || text->n_media == 0)
		json_object_set_new(message, "text", json_string(text->body));
	json_object_set_new(message, "type",
						json_string(text->n_media > 0 ? "mms" : "sms"));
	if (text->n_media > 0)
		json_object_set_new(message, "media_urls", list_urls(text));
	put_status_url(&url, gateway, text);
	if (url.len > 0)
	{
		json_object_set_new(message, "url", json_string(url.data));
		json_object_set_new(message, "method", json_string("POST"));
	}
	if (text->validity_s > 0)
		json_object_set_new(message, "message_expiry",
							json_integer(expiry(text->validity_s)));
	buf_free(&url);
	put_json(&req->body, message);
}

/* Copy the first of an array of strings; false if there is none. */
static bool
first_text(WireStr object, const char *key, char *dst, size_t size)
{
	WireStr value;
	json_t *array = NULL;
	const char *first;

	if (json_member(object, key, &value))
		array = json_loadb(value.data, value.len, 0, NULL);
	first = json_string_value(json_array_get(array, 0));
	copy_text(dst, size, first ? first : "");
	json_decref(array);
	return *dst != '\0';
}

/*
 * Errors have words but no number.  403 is for a country that the account may
 * not text, so it is the end of this text, and of no other.
 */
static Verdict
judge(long status)
{
	switch (status)
	{
		case 402: /* no credit */
			return VERDICT_MEND;
		case 403:
			return VERDICT_FAILED;
		default:
			return VERDICT_BY_STATUS;
	}
}

static void
parse_error(const HttpResponse *res, SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	char code[32];
	char text[sizeof(result->text)];

	snprintf(code, sizeof(code), "http-%ld", res->status);
	if (json_member_text(body, "error", text, sizeof(text)))
		result_by_code(res, judge(res->status), code, text, result);
	else
		result_by_status(res, WIRE_RETRY, result);
}

/* A number that is none is refused by an answer of success. */
static void
plivo_parse(const Gateway *gateway, const HttpResponse *res, SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	char number[64];

	(void) gateway;
	if (res->status / 100 == 4)
		parse_error(res, result);
	else if (res->status / 100 != 2)
		result_by_status(res, WIRE_RETRY, result);
	else if (first_text(body, "message_uuid", result->provider_id,
						sizeof(result->provider_id)))
		result_set(result, WIRE_SENT, "", "");
	else if (first_text(body, "invalid_number", number, sizeof(number)))
		result_set(result, WIRE_FAILED, "invalid_number",
				   "the recipient's number is not valid");
	else
		result_by_status(res, WIRE_RETRY, result);
}

/* Times are asked for as "2026-01-31 23:59:00", in UTC. */
static void
add_time(Buf *query, const char *key, int64_t time)
{
	Buf str = {0};

	put_time(&str, time);
	if (str.len > 0)
	{
		str.data[strcspn(str.data, "T")] = ' ';
		str.data[strcspn(str.data, "Z")] = '\0';
	}
	form_add(query, key, buf_str(&str));
	buf_free(&str);
}

static void
plivo_find(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	Buf query = {0};

	req->method = "GET";
	begin_request(gateway, req);
	form_add(&query, "message_direction", "outbound");
	form_add(&query, "from_number", text->from);
	form_add(&query, "to_number", text->to);
	add_time(&query, "message_time__gte", text->claimed_at - FIND_BEFORE_S);
	add_time(&query, "message_time__lte", text->claimed_at + FIND_AFTER_S);
	form_add(&query, "limit", PAGE_SIZE);
	buf_printf(&req->url, "?%s", query.data);
	buf_free(&query);
}

/* "2017-05-22 21:36:14.5+05:30"; without a zone it is UTC. */
static bool
read_time(const char *str, int64_t *time)
{
	Buf iso = {0};
	char *clock;
	bool ok;

	buf_puts(&iso, str);
	clock = strchr(iso.data, ' ');
	if (clock)
		*clock = 'T';
	if (clock && strpbrk(clock, "+-Z") == NULL)
		buf_puts(&iso, "Z");
	ok = time_from_iso(iso.data, time);
	buf_free(&iso);
	return ok;
}

static bool
same_number(const char *a, const char *b)
{
	return strcmp(number_bare(a), number_bare(b)) == 0;
}

/* One of the list, which holds no bodies; false if it makes no sense. */
static bool
look_at(const Text *text, json_t *message, FindResult *result)
{
	const char *id, *from, *to, *direction, *created;
	int64_t time;

	if (json_unpack(message, "{s:s, s:s, s:s, s:s, s:s}", "message_uuid", &id,
					"from_number", &from, "to_number", &to, "message_direction",
					&direction, "message_time", &created) != 0 ||
		!id_fits(id) || !read_time(created, &time))
		return false;
	if (same_number(from, text->from) && same_number(to, text->to) &&
		strcmp(direction, "outbound") == 0 && found_in_time(text, time))
		found_add(result, id);
	return true;
}

/* Only a list that is whole says that a text is not there. */
static void
plivo_found(const Gateway *gateway, const Text *text, const HttpResponse *res,
			FindResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	json_t *messages = json_object_get(root, "objects");
	json_t *next = json_object_get(json_object_get(root, "meta"), "next");
	bool whole = json_is_array(messages) && !json_is_string(next);
	size_t i;
	json_t *message;

	(void) gateway;
	json_array_foreach(messages, i, message)
	{
		whole = look_at(text, message, result) && whole;
	}
	result->answered = res->status / 100 == 2 && whole;
	json_decref(root);
}

static int
compare_fields(const void *a, const void *b)
{
	const FormField *left = a;
	const FormField *right = b;
	int order = strcmp(left->key, right->key);

	return order ? order : strcmp(left->value, right->value);
}

/* Each key and value in order, with something between them and between two. */
static void
put_sorted(Buf *out, const Form *form, const char *equals, const char *comma)
{
	FormField *sorted = xalloc((form->n + 1) * sizeof(FormField));

	for (size_t i = 0; i < form->n; i++)
		sorted[i] = form->fields[i];
	qsort(sorted, form->n, sizeof(FormField), compare_fields);
	for (size_t i = 0; i < form->n; i++)
	{
		buf_puts(out, i > 0 ? comma : "");
		buf_puts(out, sorted[i].key);
		buf_puts(out, equals);
		buf_puts(out, sorted[i].value);
	}
	free(sorted);
}

/* What version 3 signs of URL and fields. */
static void
put_v3(Buf *out, const HookRequest *req, const Form *form)
{
	Form query = {0};

	if (strcmp(req->method, "POST") == 0)
		form_decode(&query, req->query, strlen(req->query));
	if (query.n > 0 || form->n > 0)
		buf_puts(out, "?");
	put_sorted(out, &query, "=", "&");
	if (query.n > 0 && form->n > 0)
		buf_puts(out, ".");
	if (strcmp(req->method, "POST") == 0)
		put_sorted(out, form, "", "");
	else
		put_sorted(out, form, "=", "&");
	buf_puts(out, ".");
	form_free(&query);
}

/* A header's signatures, of which Plivo lists one for each Auth Token. */
static bool
list_signatures(const HookRequest *req, const char *header, Hook *hook)
{
	const char *list = req->header(req->arg, header);
	const char *next = list;

	while (next && *next)
	{
		size_t skip = strspn(next, ", ");
		size_t len = strcspn(next + skip, ", ");
		char *one = xstrndup(next + skip, len);
		Buf decoded = {0};

		if (len > 0 && base64_decode(&decoded, one))
			hook_signature(hook, WIRE_PROOF_HMAC_SHA256, decoded.data,
						   decoded.len);
		buf_free(&decoded);
		free(one);
		next += skip + len;
	}
	return list != NULL;
}

/* Anything else could make of what version 3 signed a URL and a nonce. */
static bool
is_nonce(const char *nonce)
{
	return nonce && strspn(nonce, "abcdefghijklmnopqrstuvwxyz"
								  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
								  "0123456789-_") == strlen(nonce);
}

static void
list_proof(const Gateway *gateway, const HookRequest *req, const Form *form,
		   Hook *hook)
{
	bool v3 = list_signatures(req, "X-Plivo-Signature-V3", hook);
	bool v2 = !v3 && list_signatures(req, "X-Plivo-Signature-V2", hook);
	const char *nonce =
		req->header(req->arg, v3 ? "X-Plivo-Signature-V3-Nonce"
								 : "X-Plivo-Signature-V2-Nonce");
	Buf str = {0};

	if ((!v3 && !v2) || !is_nonce(nonce) || *gateway->public_url == '\0')
		return;
	buf_puts(&str, gateway->public_url);
	buf_put(&str, req->target, strcspn(req->target, "?"));
	if (v3)
		put_v3(&str, req, form);
	buf_puts(&str, nonce);
	hook_signed(hook, str.data, str.len);
	buf_free(&str);
}

/* Our word for one of Plivo's, or NULL if it tells us nothing. */
static const char *
map_word(const char *const words[][2], const char *word)
{
	for (size_t i = 0; word && words[i][0]; i++)
	{
		if (strcmp(words[i][0], word) == 0)
			return words[i][1];
	}
	return NULL;
}

static const char *const statuses[][2] = {
	{"queued", "queued"},
	{"sent", "sent"},
	{"delivered", "delivered"},
	{"undelivered", "undelivered"},
	{"failed", "failed"},
	{"rejected", "failed"},
	{NULL, NULL},
};

static const char *const intents[][2] = {
	{"optout", "stop"},
	{"optin", "start"},
	{"help", "help"},
	{NULL, NULL},
};

/* Numbered from 0 or from 1: Plivo's pages do not agree. */
static char *
list_media(const Form *form)
{
	json_t *media = json_array();

	for (int i = 0; i <= MAX_MEDIA; i++)
	{
		char key[16];

		snprintf(key, sizeof(key), "Media%d", i);
		media_add(media, form_get(form, key), NULL, 0);
	}
	return media_text(media);
}

static HookEvent *
add_event(const Form *form, WireEventKind kind, const char *id, Hook *hook)
{
	HookEvent *event = hook_add_event(hook, kind);

	event->provider_id = hook_str(id);
	event->from = number_full(form_get(form, "From"));
	event->to = number_full(form_get(form, "To"));
	return event;
}

/*
 * Each part of a long text has receipts of its own, and names the text that
 * it belongs to.  Error 000 is none.
 */
static void
add_receipt(const HookRequest *req, const Form *form, const char *id,
			const char *status, Hook *hook)
{
	const char *whole = form_get(form, "ParentMessageUUID");
	const char *code = form_get(form, "ErrorCode");
	const char *word = map_word(statuses, status);
	HookEvent *event;
	Buf key = {0};

	if (word == NULL)
		return;
	event =
		add_event(form, WIRE_EVENT_RECEIPT, id_fits(whole) ? whole : id, hook);
	buf_printf(&key, "%s:%s", id, status);
	event->dedupe_key = key.data;
	event->ref = hook_str(req->ref);
	event->status = hook_str(word);
	if (code && strcmp(code, "000") != 0)
		event->code = hook_str(code);
}

static void
add_text(const Form *form, const char *id, const char *body, Hook *hook)
{
	HookEvent *event = add_event(form, WIRE_EVENT_TEXT, id, hook);

	event->dedupe_key = hook_str(id);
	event->body = hook_str(body);
	event->media = list_media(form);
	event->status =
		hook_str(map_word(intents, form_get(form, "MessageIntent")));
}

/* The words of a text are its Text, or the Body of one with pictures. */
static bool
find_events(const HookRequest *req, const Form *form, Hook *hook)
{
	const char *id = form_get(form, "MessageUUID");
	const char *status = form_get(form, "Status");
	const char *body = form_get(form, "Text");

	if (body == NULL)
		body = form_get(form, "Body");
	if (body == NULL && form_get(form, "MediaCount"))
		body = "";
	if (!id_fits(id))
		return false;
	if (status)
		add_receipt(req, form, id, status, hook);
	else if (*req->ref == '\0' && body && form_get(form, "From") &&
			 form_get(form, "To"))
		add_text(form, id, body, hook);
	else
		return false;
	return true;
}

static int
plivo_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	bool post = strcmp(req->method, "POST") == 0;
	bool complete;
	Form form;

	if (!form_decode(&form, post ? req->body : req->query,
					 post ? req->body_len : strlen(req->query)))
		return 400;
	list_proof(gateway, req, &form, hook);
	complete = find_events(req, &form, hook);
	form_free(&form);
	return complete ? 0 : 400;
}

static const HookForm plivo_forms[] = {
	{"POST", "application/x-www-form-urlencoded"}, {"GET", NULL}, {NULL, NULL}};

const GatewayAdapter plivo_adapter = {
	.provider = "plivo",
	.check = plivo_check,
	.build = plivo_build,
	.parse = plivo_parse,
	.find = plivo_find,
	.found = plivo_found,
	.hook_forms = plivo_forms,
	.events = plivo_events,
	.text_ack = {200, "text/xml",
				 "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"},
	.receipt_ack = {200, NULL, ""},
};
