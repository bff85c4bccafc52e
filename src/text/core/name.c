/*-------------------------------------------------------------------------
 *
 * name.c
 *	  Names as people write them, from files that shout.
 *
 * A name with both cases was written by someone who knew; it is only trimmed.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/name.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "text/core/utf8.h"

/* Code points whose lower-case form is at a fixed distance. */
typedef struct CaseRange
{
	uint16_t first; /* upper case */
	uint16_t last;
	uint16_t distance; /* 1: upper and lower alternate */
} CaseRange;

static const CaseRange case_ranges[] = {
	{0x0041, 0x005A, 32}, {0x00C0, 0x00D6, 32}, {0x00D8, 0x00DE, 32},
	{0x0100, 0x012F, 1},  {0x0132, 0x0137, 1},	{0x0139, 0x0148, 1},
	{0x014A, 0x0177, 1},  {0x0179, 0x017E, 1},	{0x01CD, 0x01DC, 1},
	{0x01DE, 0x01EF, 1},  {0x01F8, 0x021F, 1},	{0x0222, 0x0233, 1},
	{0x0386, 0x0386, 38}, {0x0388, 0x038A, 37}, {0x038C, 0x038C, 64},
	{0x038E, 0x038F, 63}, {0x0391, 0x03A1, 32}, {0x03A3, 0x03AB, 32},
	{0x0400, 0x040F, 80}, {0x0410, 0x042F, 32}, {0x0460, 0x0481, 1},
	{0x048A, 0x04BF, 1},  {0x04D0, 0x052F, 1},	{0x1E00, 0x1E95, 1},
	{0x1EA0, 0x1EFF, 1}};

#define NRANGES (sizeof(case_ranges) / sizeof(case_ranges[0]))

uint32_t
code_lower(uint32_t code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z' ? code + 32 : code;
	if (code == 0x0178)
		return 0x00FF; /* Y with diaeresis */
	if (code == 0x0130)
		return 'i'; /* dotted capital I */
	for (size_t i = 0; i < NRANGES; i++)
	{
		const CaseRange *range = &case_ranges[i];

		if (code < range->first || code > range->last)
			continue;
		if (range->distance > 1)
			return code + range->distance;
		return (code - range->first) % 2 == 0 ? code + 1 : code;
	}
	return code;
}

uint32_t
code_upper(uint32_t code)
{
	if (code < 0x80)
		return code >= 'a' && code <= 'z' ? code - 32 : code;
	if (code == 0x00FF)
		return 0x0178;
	if (code == 0x0131)
		return 'I'; /* dotless i */
	for (size_t i = 0; i < NRANGES; i++)
	{
		const CaseRange *range = &case_ranges[i];
		uint32_t distance = range->distance == 1 ? 0 : range->distance;

		if (code < range->first + distance || code > range->last + distance)
			continue;
		if (distance > 0)
			return code - distance;
		return (code - range->first) % 2 == 1 ? code - 1 : code;
	}
	return code;
}

static bool
is_upper(uint32_t code)
{
	return code_lower(code) != code;
}

static bool
is_lower(uint32_t code)
{
	return code_upper(code) != code;
}

static bool
is_letter(uint32_t code)
{
	return is_upper(code) || is_lower(code) || code == 0x00DF;
}

static bool
is_space(uint32_t code)
{
	return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x00A0;
}

static bool
is_apostrophe(uint32_t code)
{
	return code == '\'' || code == 0x2019 || code == '`';
}

/* Upper-case letters that directly follow, counted to two. */
static int
capitals_at(const unsigned char *p, const unsigned char *end)
{
	int n = 0;

	while (p < end && n < 2 && is_upper(utf8_next(&p, end)))
		n++;
	return n;
}

/*
 * Are there letters of both cases?  The small letters of McDONALD or DeLUCA
 * do not count: the rest of the name shouts.
 */
static bool
mixed_case(const unsigned char *p, const unsigned char *end)
{
	bool upper = false;
	int letters = 0; /* so far in this word */
	int small = 0;	 /* of them small, directly before p */

	while (p < end)
	{
		uint32_t code = utf8_next(&p, end);

		if (!is_letter(code))
		{
			if (small > 0 && upper)
				return true;
			letters = small = 0;
			continue;
		}
		letters++;
		if (is_lower(code))
			small++;
		else
		{
			upper = true;
			/* a prefix is a capital and one or two small letters */
			if (small > 0 &&
				(small > 2 || letters != small + 2 || capitals_at(p, end) < 1))
				return true;
			small = 0;
		}
	}
	return small > 0 && upper;
}

static bool
same_word(const unsigned char *word, size_t len, const char *name)
{
	return strlen(name) == len &&
		   strncasecmp((const char *) word, name, len) == 0;
}

static bool
begins(const unsigned char *word, size_t len, const char *beginning)
{
	size_t n = strlen(beginning);

	return len > n && strncasecmp((const char *) word, beginning, n) == 0;
}

/* How many letters come before a second capital, as in McDonald; else 0. */
static size_t
prefix_length(const unsigned char *word, size_t len)
{
	static const char *const macs[] = {
		"MACALLISTER", "MACARTHUR", "MACAULAY",	  "MACDON",
		"MACDOU",	   "MACDUF",	"MACGREGOR",  "MACINNES",
		"MACKINNON",   "MACLAREN",	"MACLEAN",	  "MACLEOD",
		"MACMILLAN",   "MACNEIL",	"MACPHERSON", "MACTAVISH"};

	/* as it was written: De in DeLUCA, La in LaTOYA */
	for (size_t i = 1; i < 4 && i < len; i++)
	{
		if (i > 1 && word[i] >= 'A' && word[i] <= 'Z')
			return i;
		if (word[i] < 'a' || word[i] > 'z')
			break;
	}
	if (begins(word, len, "MC") && len > 3)
		return 2;
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
	{
		size_t n = strlen(macs[i]);

		if (len >= n && strncasecmp((const char *) word, macs[i], n) == 0)
			return 3;
	}
	return 0;
}

/*
 * Words with a form of their own.  Some suffixes are also names, and are taken
 * for suffixes only after another word.
 */
static const char *
fixed_form(const unsigned char *word, size_t len, bool first, bool last)
{
	static const char *const suffixes[] = {"II",   "III", "IV",	 "VII",
										   "VIII", "Jr",  "Sr",	 "VI",
										   "MD",   "DDS", "PhD", "CPA"};
	size_t n = sizeof(suffixes) / sizeof(suffixes[0]);

	while (len > 1 && (word[len - 1] == ',' || word[len - 1] == '.'))
		len--;
	if (!first && !last && same_word(word, len, "y"))
		return "y";
	for (size_t i = 0; i < (first ? 7 : n); i++)
	{
		if (same_word(word, len, suffixes[i]))
			return suffixes[i];
	}
	return NULL;
}

/* A short word without a vowel is initials (TJ, DJ), but Ng is a name. */

static bool
is_initials(const unsigned char *word, size_t len, bool first, bool last)
{
	if (len != 2 || !first || !last || same_word(word, len, "NG"))
		return false;
	if ((word[1] | 0x20) == 'j' && (word[0] | 0x20) >= 'a' &&
		(word[0] | 0x20) <= 'z')
		return true;
	for (size_t i = 0; i < len; i++)
	{
		if (word[i] >= 0x80 || (word[i] | 0x20) < 'a' ||
			(word[i] | 0x20) > 'z' || strchr("aeiouy", word[i] | 0x20) != NULL)
			return false;
	}
	return true;
}

static size_t
proper_word(const unsigned char *word, size_t len, bool first, bool last,
			char *out)
{
	const char *fixed = fixed_form(word, len, first, last);
	bool initials = is_initials(word, len, first, last);
	const unsigned char *p = word;
	const unsigned char *end = word + len;
	size_t n = 0;
	bool capital = true;
	size_t prefix = prefix_length(word, len);

	if (fixed != NULL)
	{
		n = strlen(fixed);
		memcpy(out, fixed, n);
		memcpy(out + n, word + n, len - n); /* a full stop or comma */
		return len;
	}
	while (p < end)
	{
		uint32_t code = utf8_next(&p, end);

		if (capital || initials ||
			(prefix > 0 && (size_t) (p - word - 1) == prefix))
			code = code_upper(code);
		else
			code = code_lower(code);
		n += utf8_put(code, out + n);

		/* O'Brien and D'Angelo, but the s of Sam's stays small */
		capital = code == '-' || code == '.' || code == '(' || code == '"' ||
				  code == '/' || (is_apostrophe(code) && end - p >= 2);
		if (capital)
		{
			prefix = prefix_length(p, end - p);
			if (prefix > 0)
				prefix += p - word;
		}
	}
	return n;
}

size_t
proper_name(const char *name, size_t len, char *out)
{
	const unsigned char *p = (const unsigned char *) name;
	const unsigned char *end = p + len;
	bool keep = mixed_case(p, end);
	bool first = true;
	size_t n = 0;

	for (;;)
	{
		const unsigned char *word;
		const unsigned char *next = p;
		const unsigned char *rest;

		while (p < end && is_space(utf8_next(&next, end)))
			p = next;
		if (p >= end)
			break;
		word = p;
		next = p;
		while (p < end && !is_space(utf8_next(&next, end)))
			p = next;
		rest = next = p;
		while (rest < end && is_space(utf8_next(&next, end)))
			rest = next;
		if (!first)
			out[n++] = ' ';
		if (keep)
		{
			memcpy(out + n, word, p - word);
			n += p - word;
		}
		else
			n += proper_word(word, p - word, first, rest == end, out + n);
		first = false;
	}
	return n;
}
