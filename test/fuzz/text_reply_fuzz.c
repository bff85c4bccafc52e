/*-------------------------------------------------------------------------
 *
 * text_reply_fuzz.c
 *	  Replies and names of any bytes.
 *
 * FUZZ_SOURCES: src/text/core/reply*.c src/text/core/name.c
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/core/name.h"

#define CHECK(condition)  \
	do                    \
	{                     \
		if (!(condition)) \
			abort();      \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *words = malloc(4 * size + 1);
	char *name = malloc(3 * size + 1);
	char *again = malloc(9 * size + 1);
	size_t len;

	CHECK(text != NULL && words != NULL && name != NULL && again != NULL);
	memcpy(text, data, size);
	CHECK(reply_classify(text, size) <= REPLY_WRONG_NUMBER);
	CHECK(reply_words(text, size, words) <= 4 * size);
	len = proper_name(text, size, name);
	CHECK(len <= 3 * size);
	CHECK(proper_name(name, len, again) <= 3 * len);
	free(text);
	free(words);
	free(name);
	free(again);
	return 0;
}
