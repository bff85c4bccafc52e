/*-------------------------------------------------------------------------
 *
 * text_sms_fuzz.c
 *	  Texts of any bytes: measure, cut into segments, put together again.
 *
 * FUZZ_SOURCES: src/text/core/sms.c
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/sms.h"

#include <stdlib.h>
#include <string.h>

#include "text/core/utf8.h"

#define CHECK(condition)  \
	do                    \
	{                     \
		if (!(condition)) \
			abort();      \
	} while (0)

/* Every segment is full as can be, and none is empty. */
static void
check_segments(const char *text, size_t len, SmsSize whole)
{
	size_t limit = whole.gsm ? 153 : 67;
	size_t segments = 0;
	size_t units = 0;

	while (len > 0)
	{
		size_t n = sms_segment(text, len, whole.gsm);
		const unsigned char *p = (const unsigned char *) text;
		const unsigned char *end = p + n;
		size_t filled = 0;

		CHECK(n > 0 && n <= len);
		while (p < end)
		{
			uint32_t code = utf8_next(&p, end);

			filled +=
				whole.gsm ? (size_t) sms_septets(code) : 1 + (code > 0xFFFF);
		}
		CHECK(filled <= limit);
		CHECK(n == len || filled >= limit - 1);
		units += filled;
		segments++;
		text += n;
		len -= n;
	}
	CHECK(units == whole.units);
	CHECK(whole.segments == 1 ? units <= (whole.gsm ? 160 : 70)
							  : segments == whole.segments);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const unsigned char *p = data;
	bool gsm = true;
	SmsSize whole;

	CHECK(text != NULL);
	memcpy(text, data, size);
	whole = sms_measure(text, size);
	check_segments(text, size, whole);
	while (p < data + size)
	{
		uint32_t code = utf8_next(&p, data + size);
		const char *replacement = sms_replacement(code);

		gsm &= sms_septets(code) != 0;
		if (replacement != NULL)
			CHECK(sms_measure(replacement, strlen(replacement)).gsm);
	}
	CHECK(gsm == whole.gsm);
	free(text);
	return 0;
}
