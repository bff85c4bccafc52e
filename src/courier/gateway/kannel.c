/*-------------------------------------------------------------------------
 *
 * kannel.c
 *	  Kannel: texts for its smsbox, and what its smsbox fetches from us.
 *
 * Sending: a GET of smsbox's sendsms, which answers with a line of text and
 * gives no id, so the URL of a text's receipts is the only tie to it.
 * Webhooks: GETs, or forms from a relay, proved by a token in the query.
 *
 * In the configuration of smsbox, an sms-service with "catch-all" fetches
 *
 *	<public URL>/webhook/<gateway>?token=<webhook secret>
 *		&from=%p&to=%P&text=%b&id=%I&coding=%c&charset=%C
 *
 * in which the secret is percent-encoded, with each % then doubled.  Its
 * "max-messages = 0" and "omit-empty = true" and four empty "reply-..." are
 * needed, or Kannel texts to the voter what we answer, or that we did not.
 * "http-request-retry" should be 3 or so, since by default Kannel forgets a
 * text that it could not bring; and the "max-messages" of the sendsms-user as
 * long as any text, since Kannel cuts off the rest.  A whole configuration is
 * in test/data/kannel.
 *
 * Settings, all optional:
 *	  smsc				the smsc-id to send by
 *
 * src/courier/gateway/kannel.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common.h"
#include "form.h"
#include "text/core/sms.h"
#include "text/core/utf8.h"

/* The bits of a receipt's %d.  An expired text is failed as well. */
#define DLR_DELIVERED 1
#define DLR_FAILED 2
#define DLR_BUFFERED 4
#define DLR_ACCEPTED 8
#define DLR_REJECTED 16
#define DLR_EXPIRED 32

static const char *
kannel_check(const Gateway *gateway)
{
	json_t *smsc = json_object_get(gateway->settings, "smsc");

	if (*gateway->base_url == '\0')
		return "the gateway has no base_url: set it to where smsbox answers, "
			   "such as http://127.0.0.1:13013";
	if (*gateway->account == '\0')
		return "the gateway has no account: set it to the username of a "
			   "sendsms-user";
	if (*gateway->secret == '\0')
		return "no password is known for the gateway: add it to the file "
			   "named by p2ptext.secrets_file";
	if (smsc && !json_is_string(smsc))
		return "the gateway's setting \"smsc\" is not a text";
	return NULL;
}

/* Add what Kannel, which fills in escapes of its own, will leave as it is. */
static void
put_literal(Buf *out, const char *str)
{
	for (; *str; str++)
		buf_put(out, *str == '%' ? "%%" : str, *str == '%' ? 2 : 1);
}

/* What Kannel is to fetch when it knows more of a text. */
static void
put_dlr_url(Buf *out, const Gateway *gateway, const Text *text)
{
	Buf url = {0};

	put_status_url(&url, gateway, text);
	if (*gateway->webhook_secret)
	{
		buf_puts(&url, "?token=");
		percent_encode(&url, gateway->webhook_secret);
	}
	put_literal(out, buf_str(&url));
	buf_puts(out, *gateway->webhook_secret ? "&" : "?");
	buf_puts(out, "d=%d&a=%A&f=%F");
	buf_free(&url);
}

static void
kannel_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	const char *smsc = setting_text(gateway, "smsc");
	Buf query = {0};

	form_add(&query, "username", gateway->account);
	form_add(&query, "password", gateway->secret);
	form_add(&query, "from", text->from);
	form_add(&query, "to", text->to);
	form_add(&query, "text", text->body);
	form_add(&query, "charset", "UTF-8");
	form_add(&query, "coding",
			 sms_measure(text->body, strlen(text->body)).gsm ? "0" : "2");
	if (*smsc)
		form_add(&query, "smsc", smsc);
	if (text->validity_s > 0)
	{
		char minutes[16];

		snprintf(minutes, sizeof(minutes), "%u",
				 text->validity_s < 60 ? 1 : text->validity_s / 60);
		form_add(&query, "validity", minutes);
	}
	if (*gateway->public_url)
	{
		Buf url = {0};

		put_dlr_url(&url, gateway, text);
		form_add(&query, "dlr-mask", "31");
		form_add(&query, "dlr-url", url.data);
		buf_free(&url);
	}

	req->method = "GET";
	buf_puts(&req->url, gateway->base_url);
	buf_puts(&req->url, "/cgi-bin/sendsms?");
	buf_put(&req->url, buf_str(&query), query.len);
	buf_free(&query);
}

static bool
begins(const HttpResponse *res, long status, const char *words)
{
	return res->status == status && res->body_len >= strlen(words) &&
		   memcmp(res->body, words, strlen(words)) == 0;
}

/*
 * The words are those of gw/smsbox.c.  Unlike the 503 of whatever stands
 * before it, Kannel's own means that the text was not taken.  A route may be
 * missing for this number only, or for all until somebody mends it, so such a
 * text is tried again, but not for ever.
 */
static void
kannel_parse(const Gateway *gateway, const HttpResponse *res,
			 SendResult *result)
{
	(void) gateway;
	if (begins(res, 202, "0:") || begins(res, 202, "3:"))
	{
		result_set(result, WIRE_SENT, "", "");
		return;
	}
	if (begins(res, 403, "Not routable"))
		result_set(result, WIRE_RETRY, "http-403", "");
	else if (begins(res, 503, "Temporal failure"))
		result_defer(result, WIRE_SCOPE_GATEWAY,
					 res->retry_after_ms ? res->retry_after_ms
										 : GATEWAY_BUSY_MS,
					 "http-503", "");
	else
		result_by_status(res, res->status == 400 ? WIRE_FAILED : WIRE_RETRY,
						 result);
	if (res->body_len > 0 && utf8_valid(res->body, res->body_len))
		copy_text(result->text, sizeof(result->text), res->body);
}

/* Find a parameter in "key=value&..." and add its bytes; false if not there. */
static bool
find_param(const char *data, size_t len, const char *key, Buf *out)
{
	const char *end = data + len;
	size_t key_len = strlen(key);

	while (data < end)
	{
		const char *next = memchr(data, '&', (size_t) (end - data));
		const char *stop = next ? next : end;

		if ((size_t) (stop - data) > key_len && data[key_len] == '=' &&
			memcmp(data, key, key_len) == 0)
		{
			percent_decode(out, data + key_len + 1,
						   (size_t) (stop - data) - key_len - 1);
			return true;
		}
		data = next ? next + 1 : end;
	}
	return false;
}

static bool
take_bytes(const HookRequest *req, const char *key, Buf *out)
{
	return find_param(req->query, strlen(req->query), key, out) ||
		   find_param(req->body, req->body_len, key, out);
}

/* A parameter that is text and not empty, or NULL. */
static char *
take_word(const HookRequest *req, const char *key)
{
	Buf bytes = {0};

	if (take_bytes(req, key, &bytes) && bytes.len > 0 &&
		utf8_valid(bytes.data, bytes.len))
		return bytes.data;
	buf_free(&bytes);
	return NULL;
}

static uint32_t
next_utf16(const unsigned char **next, const unsigned char *end)
{
	uint32_t units[2] = {UTF8_REPLACEMENT, 0};

	for (int i = 0; i < 2 && end - *next >= 2 * (i + 1); i++)
		units[i] = (uint32_t) (*next)[2 * i] << 8 | (*next)[2 * i + 1];
	*next += end - *next < 2 ? 1 : 2;
	if ((units[0] & 0xFC00) == 0xD800 && (units[1] & 0xFC00) == 0xDC00)
	{
		*next += 2;
		return 0x10000 + ((units[0] & 0x3FF) << 10 | (units[1] & 0x3FF));
	}
	return (units[0] & 0xF800) == 0xD800 ? UTF8_REPLACEMENT : units[0];
}

/*
 * What a phone sent, as UTF-8.  Kannel brings UTF-8 unless it was told not to
 * recode UTF-16, or the text came as bytes of no known meaning.  A character
 * that is wrong there is better than a STOP that nobody reads.
 */
static char *
to_utf8(const Buf *bytes, bool utf16)
{
	const unsigned char *next = (const unsigned char *) buf_str(bytes);
	const unsigned char *end = next + bytes->len;
	bool utf8 = utf8_valid(buf_str(bytes), bytes->len);
	Buf out = {0};

	buf_puts(&out, "");
	while (next < end)
	{
		uint32_t code = utf16  ? next_utf16(&next, end)
						: utf8 ? utf8_next(&next, end)
							   : *next++;
		char encoded[4];

		if (code != 0)
			buf_put(&out, encoded, utf8_put(code, encoded));
	}
	return out.data;
}

static bool
is_utf16(const HookRequest *req)
{
	char *charset = take_word(req, "charset");
	bool found = charset && (strncasecmp(charset, "UTF-16", 6) == 0 ||
							 strncasecmp(charset, "UCS-2", 5) == 0);

	free(charset);
	return found;
}

/* The order matters: several bits may be set. */
static const char *
status_of(long bits)
{
	if (bits & DLR_DELIVERED)
		return "delivered";
	if (bits & (DLR_EXPIRED | DLR_FAILED))
		return "undelivered";
	if (bits & DLR_REJECTED)
		return "failed";
	if (bits & DLR_ACCEPTED)
		return "sent";
	if (bits & DLR_BUFFERED)
		return "queued";
	return NULL;
}

static bool
add_receipt(const HookRequest *req, Hook *hook)
{
	char *word = take_word(req, "d");
	bool is_number =
		word && strlen(word) <= 4 && strspn(word, "0123456789") == strlen(word);
	long bits = is_number ? strtol(word, NULL, 10) : 0;
	const char *status = status_of(bits);
	char *id = take_word(req, "f");

	if (status)
	{
		HookEvent *event = hook_add_event(hook, WIRE_EVENT_RECEIPT);
		Buf key = {0};
		Buf reason = {0};

		buf_printf(&key, "%s:%ld", req->ref, bits);
		event->dedupe_key = key.data;
		event->ref = hook_str(req->ref);
		event->status = hook_str(status);
		if (id_fits(id))
			event->provider_id = hook_str(id);
		if (strcmp(status, "undelivered") == 0 || strcmp(status, "failed") == 0)
		{
			event->code = hook_str(word);
			if (take_bytes(req, "a", &reason))
				event->detail = to_utf8(&reason, false);
		}
		buf_free(&reason);
	}
	free(word);
	free(id);
	return is_number;
}

static bool
add_text(const HookRequest *req, Hook *hook)
{
	char *id = take_word(req, "id");
	char *from = take_word(req, "from");
	char *to = take_word(req, "to");
	Buf body = {0};
	bool complete = take_bytes(req, "text", &body) && id_fits(id) && from && to;

	if (complete)
	{
		HookEvent *event = hook_add_event(hook, WIRE_EVENT_TEXT);

		event->dedupe_key = hook_str(id);
		event->provider_id = hook_str(id);
		event->from = hook_str(from);
		event->to = hook_str(to);
		event->body = to_utf8(&body, is_utf16(req));
	}
	free(id);
	free(from);
	free(to);
	buf_free(&body);
	return complete;
}

static int
kannel_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	Buf token = {0};

	(void) gateway;
	if (take_bytes(req, "token", &token))
		hook_signature(hook, WIRE_PROOF_TOKEN, buf_str(&token), token.len);
	buf_free(&token);
	return (*req->ref ? add_receipt(req, hook) : add_text(req, hook)) ? 0 : 400;
}

static const HookForm kannel_forms[] = {
	{"GET", NULL}, {"POST", "application/x-www-form-urlencoded"}, {NULL, NULL}};

/* An answer with anything in it would be texted to the voter. */
const GatewayAdapter kannel_adapter = {
	.provider = "kannel",
	.check = kannel_check,
	.build = kannel_build,
	.parse = kannel_parse,
	.hook_forms = kannel_forms,
	.events = kannel_events,
	.text_ack = {200, NULL, ""},
	.receipt_ack = {200, NULL, ""},
};
