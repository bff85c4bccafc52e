/*-------------------------------------------------------------------------
 *
 * twilio.c
 *	  Sending through Twilio's Messages API: a form POST that is answered by
 *	  JSON.
 *
 * Settings: messaging_service_sid, to let a Messaging Service of Twilio's
 * choose the number to send from.
 *
 * src/courier/gateway/twilio.c
 *
 *-------------------------------------------------------------------------
 */
#include "twilio.h"

#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "json.h"

#define SERVICE "messaging_service_sid"

/* What fits into a response. */
#define PAGE_SIZE "50"

const char *
twilio_check_in(const TwilioDialect *dialect, const Gateway *gateway)
{
	if (dialect->api == NULL && *gateway->base_url == '\0')
		return "the gateway has no base_url: its provider gives each customer "
			   "an address of their own";
	if (*gateway->account == '\0')
		return "the gateway has no account: set it to the Account SID or "
			   "Project ID";
	if (*gateway->secret == '\0')
		return "no auth token is known for the gateway: add it to the file "
			   "named by p2ptext.secrets_file";
	return NULL;
}

/* What a request to the list of messages has whatever it wants there. */
static void
begin_request(const TwilioDialect *dialect, const Gateway *gateway,
			  HttpRequest *req)
{
	req->user = gateway->account;
	req->password = gateway->secret;
	buf_puts(&req->url, *gateway->base_url ? gateway->base_url : dialect->api);
	buf_puts(&req->url, "/2010-04-01/Accounts/");
	percent_encode(&req->url, gateway->account);
	buf_puts(&req->url, "/Messages.json");
}

static void
add_status_callback(const TwilioDialect *dialect, const Gateway *gateway,
					const Text *text, Buf *form)
{
	Buf url = {0};

	put_status_url(&url, gateway, text);
	if (url.len > 0)
	{
		buf_puts(&url, dialect->retries);
		form_add(form, "StatusCallback", url.data);
	}
	buf_free(&url);
}

static void
add_validity(uint32_t seconds, uint32_t most, Buf *form)
{
	char number[16];

	if (seconds == 0)
		return;
	snprintf(number, sizeof(number), "%u", seconds < most ? seconds : most);
	form_add(form, "ValidityPeriod", number);
}

void
twilio_build_in(const TwilioDialect *dialect, const Gateway *gateway,
				const Text *text, HttpRequest *req)
{
	const char *service = setting_text(gateway, SERVICE);

	req->method = "POST";
	begin_request(dialect, gateway, req);
	buf_puts(&req->headers,
			 "Content-Type: application/x-www-form-urlencoded\n");

	form_add(&req->body, "To", text->to);
	if (*service)
		form_add(&req->body, "MessagingServiceSid", service);
	else
		form_add(&req->body, "From", text->from);
	if (*text->body || text->n_media == 0)
		form_add(&req->body, "Body", text->body);
	for (uint32_t i = 0; i < text->n_media; i++)
		form_add(&req->body, "MediaUrl", text->media[i]);
	add_status_callback(dialect, gateway, text, &req->body);
	add_validity(text->validity_s, dialect->max_validity_s, &req->body);
}

/* {code, message, ...}, or, from SignalWire, {errors: [{code, message}]}. */
static void
parse_error(const TwilioDialect *dialect, const HttpResponse *res,
			SendResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	json_t *first = json_array_get(json_object_get(root, "errors"), 0);
	json_t *error = first ? first : root;
	char code[sizeof(result->code)];
	char text[sizeof(result->text)];

	json_text(json_object_get(error, "code"), code, sizeof(code));
	json_text(json_object_get(error, "message"), text, sizeof(text));
	if (*code)
		result_by_code(res, dialect->judge(strtoll(code, NULL, 10)), code, text,
					   result);
	else
		result_by_status(res, WIRE_RETRY, result);
	json_decref(root);
}

void
twilio_parse_in(const TwilioDialect *dialect, const HttpResponse *res,
				SendResult *result)
{
	WireStr body = {res->body, res->body_len};
	char *sid = result->provider_id;
	char segments[16] = "";

	if (res->status / 100 == 2 &&
		json_member_text(body, "sid", sid, sizeof(result->provider_id)) && *sid)
	{
		result_set(result, WIRE_SENT, "", "");
		json_member_text(body, "num_segments", segments, sizeof(segments));
		result->segments = (uint32_t) strtoul(segments, NULL, 10);
	}
	else if (res->status / 100 == 4)
		parse_error(dialect, res, result);
	else
		result_by_status(res, WIRE_RETRY, result);
}

/*
 * Ask for the texts to this number.  The list can be narrowed to days, but by
 * the time of sending, which a text that still waits at Twilio does not have:
 * so ask for all, of which found() takes those of the right time.
 */
void
twilio_find_in(const TwilioDialect *dialect, const Gateway *gateway,
			   const Text *text, HttpRequest *req)
{
	Buf query = {0};

	req->method = "GET";
	begin_request(dialect, gateway, req);
	form_add(&query, "To", text->to);
	if (*setting_text(gateway, SERVICE) == '\0')
		form_add(&query, "From", text->from);
	form_add(&query, "PageSize", PAGE_SIZE);
	buf_printf(&req->url, "?%s", query.data);
	buf_free(&query);
}

/* A member that is no string, such as null, is the empty one. */
static bool
member_is(const json_t *object, const char *key, const char *wanted)
{
	const char *value = json_string_value(json_object_get(object, key));

	return strcmp(value ? value : "", wanted) == 0;
}

/*
 * A Messaging Service chooses the number, and may put simpler characters into
 * the body ("Smart Encoding").
 */
static bool
is_alike(const Gateway *gateway, const Text *text, const json_t *message)
{
	const char *service = setting_text(gateway, SERVICE);

	if (*service)
		return member_is(message, SERVICE, service);
	return member_is(message, "from", text->from) &&
		   member_is(message, "body", text->body);
}

static bool
may_be(const Gateway *gateway, const Text *text, const json_t *message)
{
	const char *created =
		json_string_value(json_object_get(message, "date_created"));
	int64_t time;

	return member_is(message, "to", text->to) &&
		   is_alike(gateway, text, message) && created &&
		   time_from_mail(created, &time) && found_in_time(text, time);
}

/* Only a list that is whole says that a text is not there. */
void
twilio_found(const Gateway *gateway, const Text *text, const HttpResponse *res,
			 FindResult *result)
{
	json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
	json_t *messages = json_object_get(root, "messages");
	size_t i;
	json_t *message;

	json_array_foreach(messages, i, message)
	{
		const char *sid = json_string_value(json_object_get(message, "sid"));

		if (id_fits(sid) && may_be(gateway, text, message))
			found_add(result, sid);
	}
	result->answered = res->status / 100 == 2 && json_is_array(messages) &&
					   !json_is_string(json_object_get(root, "next_page_uri"));
	json_decref(root);
}

/*
 * What is wrong with one text or its recipient is final; that includes a
 * country that the account may not text.  What is wrong with the account, a
 * number or the service stops it until somebody has mended it.
 */
static Verdict
judge(int64_t code)
{
	switch (code)
	{
		case 21610: /* the recipient has sent STOP */
			return VERDICT_OPTED_OUT;
		case 20429: /* too many requests at once */
			return VERDICT_BUSY;
		case 21611: /* the queue of this sender is full */
			return VERDICT_SENDER_BUSY;
		case 20003: /* wrong credentials */
		case 20005: /* account not active */
			return VERDICT_MEND;
		case 21606: /* From cannot send texts */
			return VERDICT_SENDER_MEND;
		case 21211: /* To is not a number */
		case 21408: /* country not enabled */
		case 21604: /* no To */
		case 21608: /* a trial account, and To not verified */
		case 21612: /* no way from From to To */
		case 21614: /* To is not a mobile number */
		case 21617: /* too long */
			return VERDICT_FAILED;
		default:
			return VERDICT_BY_STATUS;
	}
}

/*
 * By default Twilio gives a webhook one more try, and only if it could not
 * connect.  The fragment asks for three after any failure, and is not signed.
 */
static const TwilioDialect dialect = {
	.api = "https://api.twilio.com",
	.retries = "#rc=3&rp=ct,rt,5xx",
	.max_validity_s = 36000,
	.signature_header = "X-Twilio-Signature",
	.judge = judge,
};

static const char *
twilio_check(const Gateway *gateway)
{
	return twilio_check_in(&dialect, gateway);
}

static void
twilio_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	twilio_build_in(&dialect, gateway, text, req);
}

static void
twilio_parse(const Gateway *gateway, const HttpResponse *res,
			 SendResult *result)
{
	(void) gateway;
	twilio_parse_in(&dialect, res, result);
}

static void
twilio_find(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	twilio_find_in(&dialect, gateway, text, req);
}

static int
twilio_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	return twilio_events_in(&dialect, gateway, req, hook);
}

const GatewayAdapter twilio_adapter = {
	.provider = "twilio",
	.check = twilio_check,
	.build = twilio_build,
	.parse = twilio_parse,
	.find = twilio_find,
	.found = twilio_found,
	.hook_forms = twilio_forms,
	.events = twilio_events,
	.text_ack = {200, "text/xml", TWIML_NOTHING},
	.receipt_ack = {200, NULL, ""},
};
