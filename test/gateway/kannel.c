/*-------------------------------------------------------------------------
 *
 * kannel.c
 *	  The test gateway as Kannel's smsbox.
 *
 * Answers and receipts are those that Kannel 1.4.5 gave, or that its user
 * guide and gw/smsbox.c name.  Nothing is signed: what the URL holds is all.
 * As there, what a webhook answers would be texted to the phone, so only an
 * empty 200 or 202 counts as taken.  Kannel knows of no opt-outs; a phone
 * that has one rejects the text.
 *
 * test/gateway/kannel.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define DLR_DELIVERED 1
#define DLR_FAILED 2
#define DLR_ACCEPTED 8
#define DLR_REJECTED 16

static const char *
authenticate(const Request *request, char *credentials, size_t size)
{
	const char *username = request_query(request, "username");
	const char *password = request_query(request, "password");

	if (username == NULL || password == NULL)
		return NULL;
	snprintf(credentials, size, "%s:%s", username, password);
	if (api_auth != NULL && strcmp(credentials, api_auth) != 0)
		return NULL;
	return password;
}

/*
 * The alphabet is the sender's to choose: what GSM-7 cannot say is lost where
 * it is chosen, and UCS-2 is not what the bytes are unless charset says so.
 */
static Fault
read_text(Request *request, Message *m)
{
	const char *text = request_query(request, "text");
	const char *coding = request_query(request, "coding");
	const char *charset = request_query(request, "charset");
	bool utf8 = charset != NULL && strcmp(charset, "UTF-8") == 0;

	m->body = text;
	if (text == NULL || utf8_length(text) < 0)
		return text ? FAULT_MALFORMED : FAULT_NONE;
	if (coding != NULL && strcmp(coding, "2") == 0)
		return utf8 ? FAULT_NONE : FAULT_MALFORMED;
	if (!segments_gsm(text))
	{
		gsm_replace(&request->raw, text);
		m->body = request->raw.data;
	}
	return FAULT_NONE;
}

static Fault
read_query(Request *request, Message *m)
{
	const char *mask = request_query(request, "dlr-mask");
	const char *validity = request_query(request, "validity");

	m->account = request_query(request, "username");
	m->to = request_query(request, "to");
	m->from = request_query(request, "from");
	if (mask != NULL &&
		(atoi(mask) & (DLR_DELIVERED | DLR_FAILED | DLR_REJECTED)) != 0)
		m->status_callback = request_query(request, "dlr-url");
	if (validity != NULL)
	{
		m->validity_s = INT64_C(60) * atoi(validity);
		if (m->validity_s <= 0)
			return FAULT_VALIDITY;
	}
	return read_text(request, m);
}

static void
accepted(Buffer *body, const Message *m)
{
	(void) m;
	buffer_puts(body, "0: Accepted for delivery");
}

static void
refused(Buffer *body, const Refusal *r)
{
	buffer_puts(body, r->text);
}

static const Refusal refusals[N_FAULTS] = {
	[FAULT_AUTH] = {403, 0, NULL, "Authorization failed for sendsms"},
	[FAULT_MALFORMED] = {400, 0, NULL, "Invalid charset"},
	[FAULT_NO_TO] = {400, 0, NULL, "Missing receiver number, rejected"},
	[FAULT_BAD_TO] = {400, 0, NULL,
					  "Number(s) has/have been denied by white- and/or "
					  "black-lists."},
	[FAULT_NO_FROM] = {400, 0, NULL,
					   "Sender missing and no global set, rejected"},
	[FAULT_NO_TEXT] = {400, 0, NULL, "Missing text"},
	[FAULT_TOO_LONG] = {400, 0, NULL, "Text too long"},
	[FAULT_VALIDITY] = {400, 0, NULL, "Validity out of range"},
	[FAULT_CALLBACK] = {400, 0, NULL, "Bad dlr-url"},
	[FAULT_BUSY] = {503, 0, NULL, "Temporal failure, try again later."},
	[FAULT_BROKEN] = {500, 0, NULL, "Internal error"}};

/* HTTP's codes are sendsms', those below 64 a receipt's. */
static bool
refuses(int code, Refusal *refusal)
{
	*refusal = (Refusal){(unsigned) code, code, NULL,
						 code == 403 ? "Not routable. Do not try again."
									 : "Refused as configured"};
	return code >= 400 && code < 600;
}

/* ---- webhooks: URLs with escapes to fill in ---- */

static int
receipt_mask(const Callback *c)
{
	switch (c->events[c->step])
	{
		case EVENT_SENT:
			return DLR_ACCEPTED;
		case EVENT_UNDELIVERED:
			return c->error_code;
		default:
			return DLR_DELIVERED;
	}
}

static const char *
receipt_text(int mask)
{
	if (mask & DLR_ACCEPTED)
		return "ACK/";
	if (mask & DLR_REJECTED)
		return "NACK/0x0000000b/Invalid Destination Address";
	return mask & DLR_DELIVERED
			   ? "id:00000001 sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
			   : "id:00000001 sub:001 dlvrd:000 stat:UNDELIV err:005 text:";
}

static void
expand(Buffer *url, char escape, const Callback *c)
{
	bool inbound = c->events[c->step] == EVENT_TEXT;

	switch (escape)
	{
		case 'd':
			buffer_printf(url, "%d", inbound ? 0 : receipt_mask(c));
			break;
		case 'A':
			buffer_percent(url, inbound ? "" : receipt_text(receipt_mask(c)));
			break;
		case 'F': /* the carrier's id */
			buffer_puts(url, inbound ? "" : c->id + strlen(c->id) - 12);
			break;
		case 'I': /* a receipt has one of its own each time */
			buffer_printf(url, "%s%s", c->id, inbound ? "" : "-dlr");
			break;
		case 'p':
			buffer_percent(url, inbound ? c->from : c->to);
			break;
		case 'P':
			buffer_percent(url, inbound ? c->to : c->from);
			break;
		case 'b':
		case 'a':
			buffer_percent(url, c->body);
			break;
		case 'c':
			buffer_puts(url, segments_gsm(c->body) ? "0" : "2");
			break;
		case 'C':
			buffer_puts(url, "UTF-8");
			break;
		case '%':
			buffer_puts(url, "%");
			break;
		default:
			buffer_printf(url, "%%%c", escape);
	}
}

static void
hook(const Callback *c, Post *post)
{
	Buffer pattern = post->url;

	post->url = (Buffer){0};
	for (const char *s = pattern.data; *s != '\0'; s++)
	{
		if (*s == '%' && s[1] != '\0')
			expand(&post->url, *++s, c);
		else
			buffer_add(&post->url, s, 1);
	}
	buffer_free(&pattern);
	post->method = MHD_HTTP_METHOD_GET;
}

const Dialect kannel_dialect = {
	.name = "kannel",
	.paths = {"/cgi-bin/sendsms"},
	.method = MHD_HTTP_METHOD_GET,
	.authenticate = authenticate,
	.read = read_query,
	.max_text = 10000,
	.accepted_status = MHD_HTTP_ACCEPTED,
	.content_type = "text/html",
	.accepted = accepted,
	.refused = refused,
	.refusals = refusals,
	.refuses = refuses,
	.late_opt_out = DLR_REJECTED,
	.hook = hook,
	.retries = 3,
	.retry_on = "ct,rt,5xx,4xx",
	.timeout_ms = 10000,
	.texts_answers = true,
};
