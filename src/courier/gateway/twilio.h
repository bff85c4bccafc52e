/*-------------------------------------------------------------------------
 *
 * twilio.h
 *	  Twilio's API, which others speak too.
 *
 * twilio.c sends, twilio_hooks.c reads webhooks; both are told in which
 * dialect.
 *
 * src/courier/gateway/twilio.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_TWILIO_H
#define COURIER_TWILIO_H

#include "common.h"

typedef struct TwilioDialect
{
	const char *api;	 /* where it answers; NULL: a base_url must say */
	const char *retries; /* a fragment for callback URLs, or "" */
	uint32_t max_validity_s;
	const char *signature_header;
	Verdict (*judge)(int64_t code);
} TwilioDialect;

/* The functions of an adapter, in a dialect. */
extern const char *twilio_check_in(const TwilioDialect *dialect,
								   const Gateway *gateway);
extern void twilio_build_in(const TwilioDialect *dialect,
							const Gateway *gateway, const Text *text,
							HttpRequest *req);
extern void twilio_parse_in(const TwilioDialect *dialect,
							const HttpResponse *res, SendResult *result);
extern void twilio_find_in(const TwilioDialect *dialect, const Gateway *gateway,
						   const Text *text, HttpRequest *req);
extern int twilio_events_in(const TwilioDialect *dialect,
							const Gateway *gateway, const HookRequest *req,
							Hook *hook);

/* ... and what is the same in all of them. */
extern void twilio_found(const Gateway *gateway, const Text *text,
						 const HttpResponse *res, FindResult *result);
extern const HookForm twilio_forms[];
#define TWIML_NOTHING "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"

#endif /* COURIER_TWILIO_H */
