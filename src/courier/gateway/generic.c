/*-------------------------------------------------------------------------
 *
 * generic.c
 *	  Any provider with a plain HTTP API, told of by the gateway's settings.
 *
 * A text goes out as one request, whose parts are templates; what the reply
 * and the webhooks mean is told by pointers (RFC 6901) to where things are in
 * them.  A reply that is not JSON counts as one string, whose pointer is "".
 * A webhook that is a form, or a GET, counts as an object of its fields.
 *
 *	  method	"POST" (without it) or "GET"
 *	  path		what follows base_url
 *	  query		{name: template}, added to the URL
 *	  headers	{name: template}
 *	  basic		true: account and secret by HTTP Basic
 *	  body		JSON in which every string is a template, or instead of it ...
 *	  form		{name: template}
 *	  plus		false: E.164 numbers come and go without their "+"
 *	  encodings	what {{encoding}} is for GSM-7 and for UCS-2: ["gsm7", "ucs2"]
 *	  sent		status: the HTTP statuses of an accepted text, 2xx without it;
 *				id, segments: pointers into the reply
 *	  error		code, text: pointers into the reply
 *	  codes		{code: outcome}, also for "http-503" and such, and for "*", any
 *				other code.  The outcomes are sent, failed, opted_out, retry,
 *				unknown (it may have been taken), deferred (the gateway is
 *				busy), deferred_sender (the number is), and mend (the account
 *				is at fault).  The rest is judged by HTTP status.
 *	  token		header or query: the name of what carries the webhook secret;
 *				with "query" it is made part of {{status_url}}
 *	  events	pointer to the list of events in a webhook, if that is one
 *	  receipt	status: pointer; statuses: {its word: our word}; ref, id, code,
 *				text: pointers; when: {pointer: value}, what tells a receipt
 *				from a text, if not that it has a status
 *	  inbound	id, from, to, text: pointers; status, statuses: likewise, for
 *				the words stop, start and help; media: pointer to a list of
 *				URLs, or of objects with media_url and media_type, pointers in
 *				each; when: likewise
 *
 * Templates: {{to}}, {{from}}, {{body}}, {{ref}}, {{status_url}},
 * {{validity_s}}, {{validity_min}}, {{encoding}}, {{account}}, {{secret}} and,
 * by itself, {{media}}: a list, or a field for each.  Values are escaped for
 * where they go.  What names a value that is empty is left out.  A number by
 * itself in "body" is a number there.
 *
 * src/courier/gateway/generic.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "form.h"
#include "generic.h"
#include "number.h"
#include "text/core/sms.h"

/* What is being sent by which gateway. */
typedef struct Sending
{
	const Gateway *gateway;
	const Text *text;
} Sending;

typedef void (*Escape)(Buf *out, const char *str);

/* The name that is all of a template, or NAME_NONE. */
static GenericName
only_name(const char *template)
{
	const char *start;
	const char *end;
	GenericName name = generic_next_name(template, &start, &end);

	if (name == NAME_UNKNOWN || name == NAME_NONE || start != template || *end)
		return NAME_NONE;
	return name;
}

static const char *
outgoing_number(const Gateway *gateway, const char *number)
{
	return json_is_false(json_object_get(gateway->settings, "plus"))
			   ? number_bare(number)
			   : number;
}

static const char *
encoding_word(const Sending *sending)
{
	bool gsm =
		sms_measure(sending->text->body, strlen(sending->text->body)).gsm;
	json_t *words = json_object_get(sending->gateway->settings, "encodings");
	const char *word = json_string_value(json_array_get(words, gsm ? 0 : 1));

	return word ? word : gsm ? "gsm7" : "ucs2";
}

static void
put_hook_url(Buf *out, const Sending *sending)
{
	const Gateway *gateway = sending->gateway;
	json_t *token = json_object_get(gateway->settings, "token");
	const char *query = json_string_value(json_object_get(token, "query"));

	put_status_url(out, gateway, sending->text);
	if (out->len > 0 && query && *gateway->webhook_secret)
	{
		buf_puts(out, "?");
		percent_encode(out, query);
		buf_puts(out, "=");
		percent_encode(out, gateway->webhook_secret);
	}
}

static uint32_t
number_of(const Sending *sending, GenericName name)
{
	uint32_t seconds = sending->text->validity_s;

	if (name == NAME_VALIDITY_S)
		return seconds;
	return seconds > 0 && seconds < 60 ? 1 : seconds / 60;
}

static void
put_value(Buf *out, const Sending *sending, GenericName name)
{
	const Gateway *gateway = sending->gateway;
	const Text *text = sending->text;

	switch (name)
	{
		case NAME_TO:
			buf_puts(out, outgoing_number(gateway, text->to));
			break;
		case NAME_FROM:
			buf_puts(out, outgoing_number(gateway, text->from));
			break;
		case NAME_BODY:
			buf_puts(out, text->body);
			break;
		case NAME_REF:
			buf_puts(out, text->ref);
			break;
		case NAME_STATUS_URL:
			put_hook_url(out, sending);
			break;
		case NAME_VALIDITY_S:
		case NAME_VALIDITY_MIN:
			if (text->validity_s > 0)
				buf_printf(out, "%u", number_of(sending, name));
			break;
		case NAME_ENCODING:
			buf_puts(out, encoding_word(sending));
			break;
		case NAME_ACCOUNT:
			buf_puts(out, gateway->account);
			break;
		case NAME_SECRET:
			buf_puts(out, gateway->secret);
			break;
		default:
			break;
	}
}

/* Fill in a template; false if a value it names is empty. */
static bool
fill(Buf *out, const Sending *sending, const char *template, Escape escape)
{
	const char *start;
	const char *end;
	GenericName name;
	bool complete = true;

	while ((name = generic_next_name(template, &start, &end)) != NAME_NONE)
	{
		Buf value = {0};

		if (name == NAME_UNKNOWN)
			return false;
		buf_put(out, template, (size_t) (start - template));
		put_value(&value, sending, name);
		complete = complete && value.len > 0;
		escape(out, buf_str(&value));
		buf_free(&value);
		template = end;
	}
	buf_puts(out, template);
	return complete;
}

/* Add a field, or one for each of the media. */
static void
fill_field(Buf *out, const Sending *sending, const char *key,
		   const char *template)
{
	Buf value = {0};

	if (only_name(template) == NAME_MEDIA)
	{
		for (uint32_t i = 0; i < sending->text->n_media; i++)
			form_add(out, key, sending->text->media[i]);
	}
	else if (fill(&value, sending, template, buf_puts))
		form_add(out, key, buf_str(&value));
	buf_free(&value);
}

static void
fill_fields(Buf *out, const Sending *sending, json_t *fields)
{
	const char *key;
	json_t *template;

	json_object_foreach(fields, key, template)
	{
		fill_field(out, sending, key, json_string_value(template));
	}
}

/* The value of a string in "body"; NULL is to be left out. */
static json_t *
fill_string(const Sending *sending, const char *template)
{
	GenericName name = only_name(template);
	const Text *text = sending->text;
	json_t *value = NULL;
	Buf out = {0};

	if (name == NAME_MEDIA)
	{
		for (uint32_t i = 0; i < text->n_media; i++)
		{
			value = value ? value : json_array();
			json_array_append_new(value, json_string(text->media[i]));
		}
	}
	else if (name == NAME_VALIDITY_S || name == NAME_VALIDITY_MIN)
		value =
			text->validity_s ? json_integer(number_of(sending, name)) : NULL;
	else if (fill(&out, sending, template, buf_puts))
		value = json_string(buf_str(&out));
	buf_free(&out);
	return value;
}

static json_t *
fill_json(const Sending *sending, json_t *template)
{
	const char *key;
	json_t *value;
	json_t *filled;
	size_t i;

	if (json_is_string(template))
		return fill_string(sending, json_string_value(template));
	if (json_is_object(template))
	{
		filled = json_object();
		json_object_foreach(template, key, value)
		{
			value = fill_json(sending, value);
			if (value)
				json_object_set_new(filled, key, value);
		}
		return filled;
	}
	if (json_is_array(template))
	{
		filled = json_array();
		json_array_foreach(template, i, value)
		{
			value = fill_json(sending, value);
			if (value)
				json_array_append_new(filled, value);
		}
		return filled;
	}
	return json_incref(template);
}

/* What would end a header has no place in one. */
static void
put_header_value(Buf *out, const char *str)
{
	for (; *str; str++)
	{
		if ((unsigned char) *str >= ' ' && *str != 0x7F)
			buf_put(out, str, 1);
	}
}

/* Add the headers; the body's type is ours to tell unless they do. */
static void
fill_headers(Buf *out, const Sending *sending, const char *content_type)
{
	json_t *headers = json_object_get(sending->gateway->settings, "headers");
	const char *name;
	json_t *template;

	json_object_foreach(headers, name, template)
	{
		Buf value = {0};

		if (fill(&value, sending, json_string_value(template),
				 put_header_value))
			buf_printf(out, "%s: %s\n", name, buf_str(&value));
		buf_free(&value);
		if (strcasecmp(name, "Content-Type") == 0)
			content_type = NULL;
	}
	if (content_type)
		buf_printf(out, "Content-Type: %s\n", content_type);
}

static void
generic_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	const Sending sending = {gateway, text};
	json_t *settings = gateway->settings;
	json_t *body = json_object_get(settings, "body");
	json_t *form = json_object_get(settings, "form");
	Buf query = {0};

	req->method =
		strcmp(setting_text(gateway, "method"), "GET") == 0 ? "GET" : "POST";
	if (json_is_true(json_object_get(settings, "basic")))
	{
		req->user = gateway->account;
		req->password = gateway->secret;
	}
	buf_puts(&req->url, gateway->base_url);
	fill(&req->url, &sending, setting_text(gateway, "path"), percent_encode);
	fill_fields(&query, &sending, json_object_get(settings, "query"));
	if (query.len > 0)
	{
		buf_puts(&req->url, "?");
		buf_put(&req->url, query.data, query.len);
	}
	buf_free(&query);

	if (body)
	{
		json_t *filled = fill_json(&sending, body);
		char *dump = json_dumps(filled, JSON_COMPACT | JSON_ENCODE_ANY);

		buf_puts(&req->body, dump ? dump : "");
		free(dump);
		json_decref(filled);
	}
	else if (form)
		fill_fields(&req->body, &sending, form);
	fill_headers(&req->headers, &sending,
				 body	? "application/json"
				 : form ? "application/x-www-form-urlencoded"
						: NULL);
}

/* A reply as JSON; as one string, trimmed, if it is not; or NULL. */
static json_t *
read_reply(const HttpResponse *res)
{
	const char *start = res->body;
	const char *end = start + res->body_len;
	json_t *reply = json_loadb(start, res->body_len, JSON_DECODE_ANY, NULL);

	if (reply)
		return reply;
	while (start < end && isspace((unsigned char) *start))
		start++;
	while (end > start && isspace((unsigned char) end[-1]))
		end--;
	if (!utf8_valid(start, (size_t) (end - start)))
		return NULL;
	return json_stringn(start, (size_t) (end - start));
}

/* What "codes" says of a reply, or NULL. */
static const GenericOutcome *
find_outcome(json_t *codes, const char *code, long status)
{
	char http[32];
	json_t *word = code ? json_object_get(codes, code) : NULL;

	snprintf(http, sizeof(http), "http-%ld", status);
	if (word == NULL)
		word = json_object_get(codes, http);
	if (word == NULL && code)
		word = json_object_get(codes, "*");
	for (size_t i = 0; word && i < GENERIC_OUTCOMES; i++)
	{
		if (strcmp(generic_outcomes[i].word, json_string_value(word)) == 0)
			return &generic_outcomes[i];
	}
	return NULL;
}

static bool
is_sent_status(json_t *sent, long status)
{
	json_t *statuses = json_object_get(sent, "status");
	json_t *one;
	size_t i;

	json_array_foreach(statuses, i, one)
	{
		if (json_integer_value(one) == status)
			return true;
	}
	return statuses == NULL && status / 100 == 2;
}

static void
set_refusal(const HttpResponse *res, const GenericOutcome *outcome,
			const char *code, const char *message, SendResult *result)
{
	result_by_status(res, code ? WIRE_FAILED : WIRE_RETRY, result);
	if (outcome)
	{
		result->outcome = outcome->outcome;
		result->scope = outcome->scope;
		result->retry_after_ms = outcome->delay_ms && res->retry_after_ms
									 ? res->retry_after_ms
									 : outcome->delay_ms;
	}
	if (code)
		copy_text(result->code, sizeof(result->code), code);
	if (message)
		copy_text(result->text, sizeof(result->text), message);
}

static void
generic_parse(const Gateway *gateway, const HttpResponse *res,
			  SendResult *result)
{
	json_t *error = json_object_get(gateway->settings, "error");
	json_t *sent = json_object_get(gateway->settings, "sent");
	json_t *reply = read_reply(res);
	char *code = generic_word(reply, error, "code");
	char *message = generic_word(reply, error, "text");
	char *id = generic_word(reply, sent, "id");
	char *segments = generic_word(reply, sent, "segments");
	const GenericOutcome *outcome = find_outcome(
		json_object_get(gateway->settings, "codes"), code, res->status);

	if (outcome ? outcome->outcome == WIRE_SENT
				: is_sent_status(sent, res->status) &&
					  (id || json_object_get(sent, "id") == NULL))
	{
		result_set(result, WIRE_SENT, "", "");
		copy_text(result->provider_id, sizeof(result->provider_id),
				  id ? id : "");
		result->segments =
			segments ? (uint32_t) strtoul(segments, NULL, 10) : 0;
	}
	else
		set_refusal(res, outcome, code, message, result);
	free(code);
	free(message);
	free(id);
	free(segments);
	json_decref(reply);
}

static const HookForm generic_forms[] = {
	{"GET", NULL}, {"POST", NULL}, {NULL, NULL}};

const GatewayAdapter generic_adapter = {
	.provider = "generic",
	.check = generic_check,
	.build = generic_build,
	.parse = generic_parse,
	.hook_forms = generic_forms,
	.events = generic_events,
	.text_ack = {200, NULL, ""},
	.receipt_ack = {200, NULL, ""},
};
