/*-------------------------------------------------------------------------
 *
 * common.h
 *	  What the adapters of several providers have in common.
 *
 * Judging error codes, writing JSON, reading dates, and the window in which
 * a text asked for must have come to be.
 *
 * src/courier/gateway/common.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_COMMON_H
#define COURIER_COMMON_H

#include "gateway.h"

/* How far from its claim a text that is asked for may have been created. */
#define FIND_BEFORE_S 300
#define FIND_AFTER_S 900

/* What a provider's error code says of the text that it answers. */
typedef enum Verdict
{
	VERDICT_BY_STATUS, /* nothing beyond the HTTP status */
	VERDICT_FAILED,
	VERDICT_OPTED_OUT,
	VERDICT_BUSY,		  /* the account has reached a limit ... */
	VERDICT_SENDER_BUSY,  /* ... or the number has */
	VERDICT_CARRIER_BUSY, /* ... or one carrier's has been reached */
	VERDICT_MEND,		  /* somebody must see to the account ... */
	VERDICT_SENDER_MEND	  /* ... or to the number */
} Verdict;

extern void result_by_code(const HttpResponse *res, Verdict verdict,
						   const char *code, const char *text,
						   SendResult *result);

/* A string or an integer as text; anything else is "". */
extern void json_text(const json_t *value, char *dst, size_t size);

/* Write a value and let go of it. */
extern void put_json(Buf *out, json_t *value);
extern char *media_text(json_t *media);
extern void media_add(json_t *media, const char *url, const char *type,
					  json_int_t size);

/* An id that we can keep and compare: neither empty nor endless. */
extern bool id_fits(const char *id);

extern void put_time(Buf *out, int64_t time);
extern bool time_from_iso(const char *str, int64_t *time);	/* ISO 8601 */
extern bool time_from_mail(const char *str, int64_t *time); /* RFC 2822 */
extern bool found_in_time(const Text *text, int64_t created);

#endif /* COURIER_COMMON_H */
