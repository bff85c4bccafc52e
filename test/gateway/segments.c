/*-------------------------------------------------------------------------
 *
 * segments.c
 *	  How many SMS parts a text is billed as.
 *
 * Written apart from the extension's own counting on purpose, so that a
 * test which compares the two compares two opinions.  The alphabet is
 * 3GPP TS 23.038's.
 *
 * test/gateway/segments.c
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "gateway.h"

/* GSM-7 beyond ASCII, and the ASCII it can only say with an escape. */
static const char gsm_more[] = "£¥èéùìòÇØøÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüàΔΦΓΛΩΠΨΣΘΞ";
static const char gsm_escaped[] = "\f^{}\\[~]|";

/* Bytes of the UTF-8 character at str, 0 if it is none. */
static int
utf8_size(const char *str)
{
	const unsigned char *s = (const unsigned char *) str;
	int size = s[0] < 0x80					 ? 1
			   : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
			   : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
			   : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
											 : 0;

	for (int i = 1; i < size; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	/* overlong forms, surrogates, and what lies beyond U+10FFFF */
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
		(s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return size;
}

/* Septets of one character, 0 if GSM-7 cannot say it. */
static int
gsm_septets(const char *c, int size)
{
	if (size == 1)
	{
		if (strchr(gsm_escaped, *c) != NULL)
			return 2;
		return (*c >= ' ' && *c != '`' && *c != 0x7F) || *c == '\n' ||
			   *c == '\r';
	}
	if (strncmp(c, "€", size) == 0)
		return 2;
	for (const char *g = gsm_more; *g != '\0'; g += utf8_size(g))
		if (strncmp(g, c, size) == 0)
			return 1;
	return 0;
}

int
utf8_length(const char *str)
{
	int length = 0;

	while (*str != '\0')
	{
		int size = utf8_size(str);

		if (size == 0)
			return -1;
		str += size;
		length++;
	}
	return length;
}

bool
segments_gsm(const char *body)
{
	for (const char *c = body; *c != '\0'; c += utf8_size(c))
		if (gsm_septets(c, utf8_size(c)) == 0)
			return false;
	return true;
}

/* What is left of a text that is forced into GSM-7. */
void
gsm_replace(Buffer *buf, const char *body)
{
	for (const char *c = body; *c != '\0'; c += utf8_size(c))
	{
		if (gsm_septets(c, utf8_size(c)) > 0)
			buffer_add(buf, c, utf8_size(c));
		else
			buffer_puts(buf, "?");
	}
}

/*
 * Fill parts greedily: an escaped pair and a surrogate pair stay together,
 * which can waste the last unit of a part.
 */
int
segments_count(const char *body)
{
	bool gsm;
	int total = 0;
	int parts = 1;
	int filled = 0;

	if (utf8_length(body) < 0)
		return -1;
	gsm = segments_gsm(body);
	for (const char *c = body; *c != '\0'; c += utf8_size(c))
	{
		int size = utf8_size(c);
		int units = gsm ? gsm_septets(c, size) : size == 4 ? 2 : 1;

		total += units;
		if (filled + units > (gsm ? 153 : 67))
		{
			parts++;
			filled = 0;
		}
		filled += units;
	}
	return total <= (gsm ? 160 : 70) ? 1 : parts;
}
