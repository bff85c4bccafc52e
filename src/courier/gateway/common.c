/*-------------------------------------------------------------------------
 *
 * common.c
 *	  What the adapters of several providers have in common.
 *
 * src/courier/gateway/common.c
 *
 *-------------------------------------------------------------------------
 */
#include "common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * A carrier's limit is mostly one for the day.  Texts to other carriers pass
 * meanwhile, and asking again for each of these every second helps nobody.
 */
#define CARRIER_BUSY_MS (15 * 60 * 1000)

void
result_by_code(const HttpResponse *res, Verdict verdict, const char *code,
			   const char *text, SendResult *result)
{
	uint32_t told_ms = res->retry_after_ms;
	uint32_t busy_ms = told_ms ? told_ms : GATEWAY_BUSY_MS;
	uint32_t mend_ms = told_ms ? told_ms : GATEWAY_MEND_MS;

	switch (verdict)
	{
		case VERDICT_FAILED:
			result_set(result, WIRE_FAILED, code, text);
			break;
		case VERDICT_OPTED_OUT:
			result_set(result, WIRE_OPTED_OUT, code, text);
			break;
		case VERDICT_BUSY:
			result_defer(result, WIRE_SCOPE_GATEWAY, busy_ms, code, text);
			break;
		case VERDICT_SENDER_BUSY:
			result_defer(result, WIRE_SCOPE_SENDER, busy_ms, code, text);
			break;
		case VERDICT_CARRIER_BUSY:
			result_defer(result, WIRE_SCOPE_TEXT, CARRIER_BUSY_MS, code, text);
			break;
		case VERDICT_MEND:
			result_defer(result, WIRE_SCOPE_GATEWAY, mend_ms, code, text);
			break;
		case VERDICT_SENDER_MEND:
			result_defer(result, WIRE_SCOPE_SENDER, mend_ms, code, text);
			break;
		case VERDICT_BY_STATUS:
			result_by_status(res, WIRE_FAILED, result);
			copy_text(result->code, sizeof(result->code), code);
			if (*text)
				copy_text(result->text, sizeof(result->text), text);
			break;
	}
}

void
json_text(const json_t *value, char *dst, size_t size)
{
	if (json_is_integer(value))
		snprintf(dst, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		copy_text(dst, size,
				  json_is_string(value) ? json_string_value(value) : "");
}

void
put_json(Buf *out, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	if (text)
		buf_puts(out, text);
	free(text);
	json_decref(value);
}

/* An event's media, from an array of what media_add() put there. */
char *
media_text(json_t *media)
{
	char *text = json_dumps(media, JSON_COMPACT);

	json_decref(media);
	return text;
}

void
media_add(json_t *media, const char *url, const char *type, json_int_t size)
{
	json_t *one;

	if (!url)
		return;
	one = json_pack("{s:s, s:s}", "url", url, "content_type", type ? type : "");
	if (size > 0)
		json_object_set_new(one, "size", json_integer(size));
	json_array_append_new(media, one);
}

bool
id_fits(const char *id)
{
	return id && *id && strlen(id) < sizeof(((SendResult *) NULL)->provider_id);
}

void
put_time(Buf *out, int64_t time)
{
	time_t seconds = (time_t) time;
	struct tm tm;
	char str[32];

	if (gmtime_r(&seconds, &tm) &&
		strftime(str, sizeof(str), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		buf_puts(out, str);
}

/* The end of both forms: what is left must be the zone, and all of it. */
static bool
finish_time(const char *rest, struct tm *tm, int64_t *time)
{
	long offset;

	rest = rest ? strptime(rest, "%z", tm) : NULL;
	if (rest == NULL || *rest)
		return false;
	offset = tm->tm_gmtoff; /* which timegm() forgets */
	*time = (int64_t) timegm(tm) - offset;
	return true;
}

bool
time_from_iso(const char *str, int64_t *time)
{
	struct tm tm = {0};
	const char *rest = strptime(str, "%Y-%m-%dT%H:%M:%S", &tm);

	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return finish_time(rest, &tm, time);
}

bool
time_from_mail(const char *str, int64_t *time)
{
	struct tm tm = {0};

	return finish_time(strptime(str, "%a, %d %b %Y %H:%M:%S ", &tm), &tm, time);
}

bool
found_in_time(const Text *text, int64_t created)
{
	return created >= text->claimed_at - FIND_BEFORE_S &&
		   created <= text->claimed_at + FIND_AFTER_S;
}
