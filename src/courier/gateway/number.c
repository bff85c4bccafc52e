/*-------------------------------------------------------------------------
 *
 * number.c
 *	  Phone numbers of providers that write them without the "+".
 *
 * src/courier/gateway/number.c
 *
 *-------------------------------------------------------------------------
 */
#include "number.h"

#include <string.h>

#include "buf.h"

/* Up to this many digits it is a short code, which has no "+" anywhere. */
#define SHORT_CODE_DIGITS 8

const char *
number_bare(const char *number)
{
	return *number == '+' ? number + 1 : number;
}

char *
number_full(const char *number)
{
	size_t len = number ? strlen(number) : 0;
	Buf out = {0};

	if (number == NULL)
		return NULL;
	if (len > SHORT_CODE_DIGITS && strspn(number, "0123456789") == len)
		buf_puts(&out, "+");
	buf_puts(&out, number);
	return out.data;
}
