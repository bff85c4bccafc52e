/*-------------------------------------------------------------------------
 *
 * generic.h
 *	  Between the files of the "generic" adapter.
 *
 * generic.c tells what the settings are, and sends; generic_settings.c reads
 * and checks them; generic_hook.c is for webhooks.
 *
 * src/courier/gateway/generic.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_GENERIC_H
#define COURIER_GENERIC_H

#include "gateway.h"

/* What a template may name. */
typedef enum GenericName
{
	NAME_NONE = -2,	   /* there is no name */
	NAME_UNKNOWN = -1, /* no such name, or no end to it */
	NAME_TO,
	NAME_FROM,
	NAME_BODY,
	NAME_REF,
	NAME_STATUS_URL,
	NAME_VALIDITY_S,
	NAME_VALIDITY_MIN,
	NAME_ENCODING,
	NAME_ACCOUNT,
	NAME_SECRET,
	NAME_MEDIA,
	GENERIC_NAMES
} GenericName;

/* A word of the setting "codes". */
typedef struct GenericOutcome
{
	const char *word;
	WireOutcome outcome;
	WireScope scope;
	uint32_t delay_ms;
} GenericOutcome;

#define GENERIC_OUTCOMES 8
#define GENERIC_STATUSES 6
#define GENERIC_WISHES 3

extern const GenericOutcome generic_outcomes[GENERIC_OUTCOMES];
extern const char *const generic_statuses[GENERIC_STATUSES]; /* of receipts */
extern const char *const generic_wishes[GENERIC_WISHES];	 /* of texts */

extern const char *generic_check(const Gateway *gateway);
extern GenericName generic_next_name(const char *template, const char **start,
									 const char **end);

/* JSON by pointers; the strings are the caller's to free. */
extern json_t *generic_follow(json_t *value, const char *pointer);
extern char *generic_to_text(json_t *value);
extern char *generic_text(json_t *value, json_t *section, const char *key);
extern char *generic_word(json_t *value, json_t *section, const char *key);

extern int generic_events(const Gateway *gateway, const HookRequest *req,
						  Hook *hook);

#endif /* COURIER_GENERIC_H */
