/*-------------------------------------------------------------------------
 *
 * vonage.h
 *	  Vonage's two APIs for texts.
 *
 * vonage.c sends by the Messages API, vonage_hooks.c reads its webhooks;
 * vonage_sms.c does both for the SMS API.
 *
 * src/courier/gateway/vonage.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_VONAGE_H
#define COURIER_VONAGE_H

#include "common.h"

/* Within these bounds, or not told at all. */
extern uint32_t vonage_ttl(const Text *text, uint32_t least, uint32_t most);

/* Our word for one of Vonage's, of either API; NULL if it tells nothing. */
extern const char *vonage_status(const char *status);

/* The SMS API; "messages" is that member of its answer. */
extern void vonage_sms_build(const Gateway *gateway, const Text *text,
							 HttpRequest *req);
extern void vonage_sms_parse(const HttpResponse *res, WireStr messages,
							 SendResult *result);

/* Webhooks; "root" is the body as JSON, NULL if it is none. */
extern int vonage_events(const Gateway *gateway, const HookRequest *req,
						 Hook *hook);
extern int vonage_sms_events(const HookRequest *req, json_t *root, Hook *hook);

#endif /* COURIER_VONAGE_H */
