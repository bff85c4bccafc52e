/*-------------------------------------------------------------------------
 *
 * intake.c
 *	  From a webhook, however it came, to a frame for the worker.
 *
 * What is kept of the request is enough to take it apart again: how and where
 * it came, some headers and the body, all without the secret itself, which
 * some gateways bring along instead of a signature.
 *
 * src/courier/intake.c
 *
 *-------------------------------------------------------------------------
 */
#include "intake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "form.h"
#include "link.h"

#define MAX_NUMBER 255

const char *
refusal_text(unsigned status)
{
	static const struct
	{
		unsigned status;
		const char *text;
	} reasons[] = {
		{400, "the request is not what this provider sends\n"},
		{403, "not from this address, or the signature is wrong\n"},
		{404, "no such gateway here\n"},
		{405, "not by this method\n"},
		{413, "the body is too long\n"},
		{415, "not of this content type\n"},
		{503, "try again soon\n"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
	{
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "refused\n";
}

/* Whether a value is the secret itself, which some gateways bring along. */
static bool
is_secret(const Hook *hook, const char *value, size_t len)
{
	if (hook->proof != WIRE_PROOF_TOKEN || len == 0)
		return false;
	for (size_t i = 0; i < hook->n_signatures; i++)
	{
		if (hook->signatures[i].len == len &&
			memcmp(buf_str(&hook->signatures[i]), value, len) == 0)
			return true;
	}
	return false;
}

/* The same of a value as it stands in a form or query. */
static bool
holds_secret(const Hook *hook, const char *value, size_t len)
{
	Buf plain = {0};
	bool secret;

	percent_decode(&plain, value, len);
	secret = is_secret(hook, buf_str(&plain), plain.len);
	buf_free(&plain);
	return secret;
}

/* Copy "a=1&b=2..." without the secret. */
static void
put_without_secret(Buf *out, const char *data, size_t len, const Hook *hook)
{
	const char *end = data + len;

	while (data < end)
	{
		const char *next = memchr(data, '&', (size_t) (end - data));
		const char *stop = next ? next : end;
		const char *equals = memchr(data, '=', (size_t) (stop - data));
		bool secret = equals && holds_secret(hook, equals + 1,
											 (size_t) (stop - equals - 1));

		buf_put(out, data, (size_t) ((secret ? equals + 1 : stop) - data));
		if (next)
			buf_puts(out, "&");
		data = next ? next + 1 : end;
	}
}

/* A value that is not UTF-8 makes no string, and is left out. */
static void
keep(json_t *headers, const Hook *hook, const char *name, const char *value)
{
	if (value && !is_secret(hook, value, strlen(value)))
		json_object_set_new(headers, name, json_string(value));
}

static char *
kept_headers(const HookRequest *req, const Hook *hook)
{
	static const char *const names[] = {"content-type", "user-agent",
										"i-twilio-idempotency-token"};
	json_t *headers = json_object();
	Buf target = {0};
	char *text;

	buf_put(&target, req->target, strlen(req->target) - strlen(req->query));
	put_without_secret(&target, req->query, strlen(req->query), hook);
	keep(headers, hook, ":method", req->method);
	keep(headers, hook, ":target", buf_str(&target));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		keep(headers, hook, names[i], req->header(req->arg, names[i]));
	text = json_dumps(headers, JSON_COMPACT);
	buf_free(&target);
	json_decref(headers);
	return text;
}

static void
put_body(const HookRequest *req, const Hook *hook)
{
	Buf body = {0};

	if (hook->proof == WIRE_PROOF_TOKEN)
	{
		put_without_secret(&body, req->body, req->body_len, hook);
		wire_put_bytes(&link_out, buf_str(&body), body.len);
	}
	else
		wire_put_bytes(&link_out, req->body, req->body_len);
	buf_free(&body);
}

static void
put_strings(const Buf *strings, size_t n)
{
	wire_put_u32(&link_out, (uint32_t) n);
	for (size_t i = 0; i < n; i++)
		wire_put_bytes(&link_out, buf_str(&strings[i]), strings[i].len);
}

/* False if the frame would be too long. */
static bool
put_webhook(const Gateway *gateway, const HookRequest *req, uint64_t id,
			const Hook *hook)
{
	char *headers = kept_headers(req, hook);

	wire_begin(&link_out, WIRE_WEBHOOK);
	wire_put_u64(&link_out, id);
	wire_put_u32(&link_out, gateway->id);
	wire_put_u32(&link_out, hook->proof);
	put_strings(hook->signatures, hook->n_signatures);
	put_strings(hook->signed_strings, hook->n_signed);
	wire_put_str(&link_out, headers);
	put_body(req, hook);
	wire_put_u32(&link_out, (uint32_t) hook->n_events);
	for (size_t i = 0; i < hook->n_events; i++)
		event_put(&link_out, &hook->events[i]);
	free(headers);
	return wire_end(&link_out);
}

/* A number or a name, and no longer than an index holds. */
static bool
is_number(const char *number)
{
	return number && *number && strlen(number) <= MAX_NUMBER;
}

/* A text comes from somebody and goes to some number of ours. */
static bool
has_numbers(const Hook *hook)
{
	for (size_t i = 0; i < hook->n_events; i++)
	{
		const HookEvent *event = &hook->events[i];

		if (event->kind == WIRE_EVENT_TEXT &&
			(!is_number(event->from) || !is_number(event->to)))
			return false;
	}
	return true;
}

bool
intake_admits(const Gateway *gateway, const char *address)
{
	Address from;

	return gateway->webhook_addresses.n == 0 ||
		   (address_parse(&from, address, strlen(address)) &&
			cidr_holds(&gateway->webhook_addresses, &from));
}

unsigned
intake(Gateway *gateway, const HookRequest *req, uint64_t id,
	   const HookAck **ack)
{
	const GatewayAdapter *adapter = gateway->adapter;
	Hook hook = {0};
	unsigned status;

	if (!intake_admits(gateway, req->address))
		return 403;
	status = (unsigned) adapter->events(gateway, req, &hook);
	if (req->twice && *req->twice) /* which of them is the proof? */
		status = 400;
	if (status == 0 && !has_numbers(&hook))
		status = 400;
	if (status == 0 && !put_webhook(gateway, req, id, &hook))
		status = 413;
	if (*req->ref ||
		(hook.n_events > 0 && hook.events[0].kind == WIRE_EVENT_RECEIPT))
		*ack = &adapter->receipt_ack;
	else
		*ack = &adapter->text_ack;
	hook_free(&hook);
	return status;
}
