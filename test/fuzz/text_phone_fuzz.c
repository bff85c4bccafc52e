/*-------------------------------------------------------------------------
 *
 * text_phone_fuzz.c
 *	  Cells of any bytes: is what comes out a phone number?
 *
 * FUZZ_SOURCES: src/text/core/phone.c src/text/core/zone.c
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/phone.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/core/zone.h"

#define CHECK(condition)  \
	do                    \
	{                     \
		if (!(condition)) \
			abort();      \
	} while (0)

/* A valid number is E.164, and stays what it is when read again. */
static void
check_phone(const Phone *phone)
{
	size_t len = strlen(phone->e164);
	Phone again;

	if (phone->problem != PHONE_OK)
		CHECK(phone_problem_name(phone->problem) != NULL);
	if (!PHONE_VALID(phone->problem))
	{
		CHECK(len == 0);
		return;
	}
	CHECK(len >= 8 && len <= 16 && phone->e164[0] == '+' &&
		  phone->e164[1] != '0' &&
		  strspn(phone->e164 + 1, "0123456789") == len - 1);
	phone_parse(phone->e164, len, "US", &again);
	CHECK(again.problem == phone->problem && again.note == PHONE_PLAIN &&
		  strcmp(again.e164, phone->e164) == 0);
	if (phone->country[0] != '\0')
	{
		CHECK(len == 12 && phone->e164[1] == '1');
		(void) zones_of_phone(phone->e164 + 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const regions[] = {"US", "JM", "GB", "ZZ"};
	char *cell = malloc(size + 1);
	Phone phone;

	CHECK(cell != NULL);
	memcpy(cell, data, size);
	for (int i = 0; i < 4; i++)
	{
		phone_parse(cell, size, regions[i], &phone);
		check_phone(&phone);
	}
	(void) zones_of_zip(cell, size);
	(void) zones_of_state(cell, size);
	free(cell);
	return 0;
}
