/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the fuzzers of the courier have in common: taking lines from the
 *	  input, gateways of any provider, and what a webhook's frame must be.
 *
 * test/fuzz/fuzz.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "gateway/gateway.h"
#include "link.h"

#define MAIN_GATEWAY 1

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const providers[] = {"bandwidth", "generic", "kannel",
										"plivo",	 "telnyx",	"signalwire",
										"twilio",	 "vonage"};

#define CHECK(condition)                                               \
	do                                                                 \
	{                                                                  \
		if (!(condition))                                              \
		{                                                              \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
					#condition);                                       \
			abort();                                                   \
		}                                                              \
	} while (0)

/* Text that PostgreSQL can store. */
static inline void
check_str(const char *str)
{
	CHECK(str == NULL || utf8_valid(str, strlen(str)));
}

/* The next line of the input, as a string of its own. */
static inline char *
take_line(const char **next, const char *end)
{
	const char *start = *next;
	const char *newline = memchr(start, '\n', (size_t) (end - start));
	const char *stop = newline ? newline : end;
	char *line = xstrndup(start, (size_t) (stop - start));

	*next = newline ? newline + 1 : end;
	return line;
}

/* Any word stands for some provider. */
static inline const char *
pick_provider(const char *word)
{
	size_t n = sizeof(providers) / sizeof(providers[0]);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(providers[i], word) == 0)
			return word;
	}
	return providers[(unsigned char) *word % n];
}

/* Tell of the gateway "main", as a worker does. */
static inline Gateway *
tell_gateway(const char *provider, const char *base_url, const char *settings)
{
	WireBuf buf = {0};
	WireFrame frame;
	Gateway *gateway;

	wire_begin(&buf, WIRE_GATEWAY);
	wire_put_u32(&buf, MAIN_GATEWAY);
	wire_put_str(&buf, "main");
	wire_put_str(&buf, provider);
	wire_put_str(&buf, base_url);
	wire_put_str(&buf, "AC1");
	wire_put_str(&buf, "secret");
	wire_put_str(&buf, "hook secret%&");
	wire_put_str(&buf, settings);
	wire_put_str(&buf, "https://user:pw@text.example.org:8443/x");
	wire_put_str(&buf, "");
	wire_put_str(&buf, "");
	wire_put_u32(&buf, 0);
	wire_put_u32(&buf, 1);
	wire_put_u32(&buf, 1000);
	CHECK(wire_end(&buf));
	CHECK(wire_next(&buf, &frame) == 1);
	gateway = gateway_update(&frame);
	CHECK(gateway != NULL);
	wire_free(&buf);
	return gateway;
}

static inline bool
is_one_of(WireStr word, const char *const *words)
{
	for (; *words; words++)
	{
		if (strlen(*words) == word.len &&
			memcmp(*words, word.data, word.len) == 0)
			return true;
	}
	return false;
}

static inline void
check_media(WireStr media)
{
	json_t *list = json_loadb(media.data, media.len, 0, NULL);
	size_t i;
	json_t *one;

	CHECK(json_is_array(list));
	json_array_foreach(list, i, one)
	{
		CHECK(json_is_string(json_object_get(one, "url")));
		CHECK(json_is_string(json_object_get(one, "content_type")));
	}
	json_decref(list);
}

static inline void
check_event(WireFrame *frame)
{
	static const char *const statuses[] = {"queued",	"sending",	   "sent",
										   "delivered", "undelivered", "failed",
										   NULL};
	static const char *const wishes[] = {"", "stop", "start", "help", NULL};
	enum
	{
		KEY,
		PROVIDER_ID,
		REF,
		FROM,
		TO,
		BODY,
		STATUS,
		CODE,
		DETAIL,
		MEDIA,
		N_FIELDS
	};
	uint32_t kind = wire_get_u32(frame);
	WireStr field[N_FIELDS];

	for (int i = 0; i < N_FIELDS; i++)
	{
		field[i] = wire_get_str(frame);
		CHECK(utf8_valid(field[i].data, field[i].len));
	}
	CHECK(field[KEY].len > 0);
	check_media(field[MEDIA]);
	if (kind == WIRE_EVENT_RECEIPT)
		CHECK(is_one_of(field[STATUS], statuses));
	else
	{
		CHECK(kind == WIRE_EVENT_TEXT);
		CHECK(is_one_of(field[STATUS], wishes));
		CHECK(field[FROM].len > 0 && field[TO].len > 0);
	}
}

/* What a WIRE_WEBHOOK frame says of the request itself. */
typedef struct KeptWebhook
{
	uint64_t id;
	WireStr token;	 /* what was presented as the secret, or nothing */
	json_t *headers; /* to be freed */
	WireStr raw;
} KeptWebhook;

/* The frame must be what the worker can keep, to its last byte. */
static inline KeptWebhook
check_webhook_frame(WireFrame frame)
{
	KeptWebhook kept = {.id = wire_get_u64(&frame)};
	uint32_t proof, n;
	WireStr headers;
	const char *name;
	json_t *value;

	CHECK(gateway_by_id(wire_get_u32(&frame)) != NULL);
	CHECK((proof = wire_get_u32(&frame)) <= WIRE_PROOF_TOKEN);
	CHECK((n = wire_get_u32(&frame)) <= HOOK_MAX_SIGNATURES);
	CHECK(n == 0 || proof != WIRE_PROOF_NONE);
	for (; n > 0; n--)
	{
		WireStr signature = wire_get_str(&frame);

		if (proof == WIRE_PROOF_TOKEN)
			kept.token = signature;
	}
	CHECK((n = wire_get_u32(&frame)) <= HOOK_MAX_SIGNED);
	for (; n > 0; n--)
		wire_get_str(&frame);
	headers = wire_get_str(&frame);
	kept.headers = json_loadb(headers.data, headers.len, 0, NULL);
	CHECK(json_is_object(kept.headers));
	json_object_foreach(kept.headers, name, value)
	{
		CHECK(json_is_string(value));
	}
	kept.raw = wire_get_str(&frame);
	for (n = wire_get_u32(&frame); n > 0 && frame.ok; n--)
		check_event(&frame);
	CHECK(wire_done(&frame));
	return kept;
}

/* The next frame for the worker; false if there is none. */
static inline bool
next_out(WireFrame *frame)
{
	int found = wire_next(&link_out, frame);

	CHECK(found >= 0);
	CHECK(found > 0 || wire_pending(&link_out) == 0);
	if (found == 0)
		link_out.start = link_out.end = 0;
	return found > 0;
}

#endif /* FUZZ_H */
