/*-------------------------------------------------------------------------
 *
 * sms.c
 *	  How a UTF-8 text travels as SMS: its encoding, units and segments.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/sms.h"

#include "text/core/utf8.h"

typedef struct SmartReplacement
{
	uint32_t code;
	const char *text;
} SmartReplacement;

#include "text/core/sms_tables.h"

#define GSM_ONE 160
#define GSM_PART 153
#define UCS2_ONE 70
#define UCS2_PART 67

int
sms_septets(uint32_t code)
{
	if (code < 0x400)
		return gsm_septets[code];
	return code == 0x20AC ? 2 : 0; /* the euro sign */
}

static inline size_t
units_of(uint32_t code, bool gsm)
{
	return gsm ? (size_t) sms_septets(code) : code > 0xFFFF ? 2 : 1;
}

/* Units of the text in the encoding it needs, as if in one segment. */
static SmsSize
count_units(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + len;
	size_t septets = 0;
	size_t units = 0;
	bool gsm = true;
	SmsSize size;

	while (p < end)
	{
		if (*p < 0x80)
		{
			uint8_t n = gsm_septets[*p++];

			septets += n;
			gsm &= n != 0;
			units++;
		}
		else
		{
			uint32_t code = utf8_next(&p, end);
			int n = sms_septets(code);

			septets += n;
			gsm &= n != 0;
			units += code > 0xFFFF ? 2 : 1;
		}
	}
	size.gsm = gsm;
	size.units = gsm ? septets : units;
	size.segments = 1;
	return size;
}

size_t
sms_segment(const char *text, size_t len, bool gsm)
{
	const unsigned char *start = (const unsigned char *) text;
	const unsigned char *p = start;
	const unsigned char *end = p + len;
	size_t room = gsm ? GSM_PART : UCS2_PART;

	while (p < end)
	{
		const unsigned char *next = p;
		size_t units = units_of(utf8_next(&next, end), gsm);

		if (units > room)
			break;
		room -= units;
		p = next;
	}
	return p - start;
}

SmsSize
sms_measure(const char *text, size_t len)
{
	SmsSize size = count_units(text, len);
	size_t done = 0;

	if (size.units > (size.gsm ? GSM_ONE : UCS2_ONE))
	{
		for (size.segments = 0; done < len; size.segments++)
			done += sms_segment(text + done, len - done, size.gsm);
	}
	return size;
}

/*
 * Twilio's table, except that a character which separates words becomes one
 * space rather than two or seven, that a combining mark stays with its letter,
 * and that a few everyday signs the table lacks are added.
 */
const char *
sms_replacement(uint32_t code)
{
	static const char letters[] = "a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0"
								  "n\0o\0p\0q\0r\0s\0t\0u\0v\0w\0x\0y\0z";
	size_t low = 0;
	size_t high = sizeof(smart_replacements) / sizeof(smart_replacements[0]);

	switch (code)
	{
		case 0x2011: /* non-breaking hyphen */
		case 0x2212: /* minus sign */
			return "-";
		case 0x2032: /* prime */
			return "'";
		case 0x2033: /* double prime */
			return "\"";
		default:
			break;
	}
	if (code >= 0xFF41 && code <= 0xFF5A)
		return letters + 2 * (code - 0xFF41); /* fullwidth a to z */
	if ((code >= 0x0300 && code <= 0x036F) ||
		(code >= 0x1DC0 && code <= 0x1DFF) ||
		(code >= 0x20D0 && code <= 0x20FF))
		return NULL;

	while (low < high)
	{
		size_t middle = (low + high) / 2;
		const SmartReplacement *entry = &smart_replacements[middle];

		if (entry->code == code)
			return entry->text[0] == ' ' ? " " : entry->text;
		if (entry->code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
