/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the fuzzers of adapters have in common: taking lines from the
 *	  input, and gateways of any provider.
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

#endif /* FUZZ_H */
