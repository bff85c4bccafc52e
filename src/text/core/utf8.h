/*-------------------------------------------------------------------------
 *
 * utf8.h
 *	  Reading and writing UTF-8 one code point at a time.
 *
 * The reader never looks past the end and never fails: a byte that starts no
 * valid character is read as U+FFFD.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_UTF8_H
#define P2PTEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xFFFD

/* Reads the code point at *p (p < end) and steps over it. */
static inline uint32_t
utf8_next(const unsigned char **p, const unsigned char *end)
{
	const unsigned char *s = *p;
	uint32_t code = *s;
	int more;

	*p = s + 1;
	if (code < 0x80)
		return code;
	if (code >= 0xC2 && code <= 0xDF)
		more = 1;
	else if (code >= 0xE0 && code <= 0xEF)
		more = 2;
	else if (code >= 0xF0 && code <= 0xF4)
		more = 3;
	else
		return UTF8_REPLACEMENT;
	if (end - s <= more)
		return UTF8_REPLACEMENT;
	code &= 0x3F >> more;
	for (int i = 1; i <= more; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return UTF8_REPLACEMENT;
		code = code << 6 | (s[i] & 0x3F);
	}
	if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) ||
		code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return UTF8_REPLACEMENT;
	*p = s + 1 + more;
	return code;
}

/* Writes at most four bytes; returns how many. */
static inline size_t
utf8_put(uint32_t code, char *out)
{
	if (code < 0x80)
	{
		out[0] = code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = 0xC0 | code >> 6;
		out[1] = 0x80 | (code & 0x3F);
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = 0xE0 | code >> 12;
		out[1] = 0x80 | (code >> 6 & 0x3F);
		out[2] = 0x80 | (code & 0x3F);
		return 3;
	}
	out[0] = 0xF0 | code >> 18;
	out[1] = 0x80 | (code >> 12 & 0x3F);
	out[2] = 0x80 | (code >> 6 & 0x3F);
	out[3] = 0x80 | (code & 0x3F);
	return 4;
}

#endif
