/*-------------------------------------------------------------------------
 *
 * signalwire.c
 *	  SignalWire's Compatibility API: Twilio's, with limits, error codes and
 *	  a signature header of its own.
 *
 * It needs a base_url, such as https://example.signalwire.com/api/laml; the
 * account is the Project ID, and webhooks are signed with the Signing Key.
 * Settings: messaging_service_sid, as for Twilio.
 *
 * src/courier/gateway/signalwire.c
 *
 *-------------------------------------------------------------------------
 */
#include "twilio.h"

/* Some of Twilio's codes have another meaning here. */
static Verdict
judge(int64_t code)
{
	switch (code)
	{
		case 21610: /* the recipient has sent STOP */
			return VERDICT_OPTED_OUT;
		case 21611: /* the queue of this sender is full */
		case 30022: /* the campaign's limit at the carriers */
			return VERDICT_SENDER_BUSY;
		case 30027: /* the day's limit at T-Mobile */
			return VERDICT_CARRIER_BUSY;
		case 30002: /* balance too low */
			return VERDICT_MEND;
		case 21606: /* To is not a mobile number */
		case 21612: /* media cannot be sent */
		case 21614: /* To is not a mobile number */
		case 30001: /* validity period over */
		case 30003: /* unreachable */
		case 30004: /* blocked by the recipient's carrier */
		case 30005: /* unknown handset */
		case 30006: /* no route */
		case 30007: /* content not allowed */
		case 30008: /* unknown, upstream */
			return VERDICT_FAILED;
		default:
			return VERDICT_BY_STATUS;
	}
}

static const TwilioDialect dialect = {
	.retries = "",
	.max_validity_s = 172800,
	.signature_header = "X-SignalWire-Signature",
	.judge = judge,
};

static const char *
signalwire_check(const Gateway *gateway)
{
	return twilio_check_in(&dialect, gateway);
}

static void
signalwire_build(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	twilio_build_in(&dialect, gateway, text, req);
}

static void
signalwire_parse(const Gateway *gateway, const HttpResponse *res,
				 SendResult *result)
{
	(void) gateway;
	twilio_parse_in(&dialect, res, result);
}

static void
signalwire_find(const Gateway *gateway, const Text *text, HttpRequest *req)
{
	twilio_find_in(&dialect, gateway, text, req);
}

static int
signalwire_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	return twilio_events_in(&dialect, gateway, req, hook);
}

const GatewayAdapter signalwire_adapter = {
	.provider = "signalwire",
	.check = signalwire_check,
	.build = signalwire_build,
	.parse = signalwire_parse,
	.find = signalwire_find,
	.found = twilio_found,
	.hook_forms = twilio_forms,
	.events = signalwire_events,
	.text_ack = {200, "text/xml", TWIML_NOTHING},
	.receipt_ack = {200, NULL, ""},
};
