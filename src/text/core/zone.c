/*-------------------------------------------------------------------------
 *
 * zone.c
 *	  Time zones by phone prefix, ZIP and state.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/zone.h"

#include <stdint.h>
#include <string.h>

/* Sorted by digits, then value; sets are numbered as in zone_sets. */
typedef struct ZonePrefix
{
	int32_t value;
	uint8_t digits;
	uint8_t set;
} ZonePrefix;

typedef struct StateZones
{
	char state[3];
	uint8_t set;
} StateZones;

#include "text/core/zone_tables.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The longest prefix of the digits that the table has. */
static const char *
longest_prefix(const ZonePrefix *table, size_t n, const char *digits,
			   int longest, int shortest)
{
	for (int length = longest; length >= shortest; length--)
	{
		size_t low = 0;
		size_t high = n;
		int32_t value = 0;

		for (int i = 0; i < length; i++)
			value = value * 10 + (digits[i] - '0');
		while (low < high)
		{
			size_t middle = (low + high) / 2;
			const ZonePrefix *entry = &table[middle];

			if (entry->digits == length && entry->value == value)
				return zone_sets[entry->set];
			if (entry->digits < length ||
				(entry->digits == length && entry->value < value))
				low = middle + 1;
			else
				high = middle;
		}
	}
	return NULL;
}

const char *
zones_of_phone(const char *digits)
{
	return longest_prefix(phone_zones, LENGTH(phone_zones), digits, 6, 3);
}

const char *
zones_of_zip(const char *str, size_t len)
{
	char digits[9];
	size_t n = 0;
	size_t pad;

	while (len > 0 && (*str == ' ' || *str == '\'' || *str == '"'))
		str++, len--;
	while (n < len && n < sizeof(digits) && str[n] >= '0' && str[n] <= '9')
	{
		digits[n] = str[n];
		n++;
	}
	/* what may follow: "-1234", a spreadsheet's ".0", blanks */
	if (n < len && str[n] != '-' && str[n] != '.' && str[n] != ' ' &&
		str[n] != '"')
		return NULL;
	if (n < 3 || n == 6 || n == 7)
		return NULL;

	/* a spreadsheet drops the zeros that ZIPs of the Northeast begin with */
	pad = n < 5 ? 5 - n : 9 - n;
	if (n != 5 && pad > 0)
	{
		memmove(digits + pad, digits, n);
		memset(digits, '0', pad);
	}
	return longest_prefix(zip_zones, LENGTH(zip_zones), digits, 5, 1);
}

const char *
zones_of_state(const char *str, size_t len)
{
	char state[2];

	while (len > 0 && *str == ' ')
		str++, len--;
	while (len > 0 && str[len - 1] == ' ')
		len--;
	if (len != 2)
		return NULL;
	for (int i = 0; i < 2; i++)
		state[i] = str[i] >= 'a' && str[i] <= 'z' ? str[i] - 'a' + 'A' : str[i];
	for (size_t i = 0; i < LENGTH(state_zones); i++)
	{
		if (memcmp(state_zones[i].state, state, 2) == 0)
			return zone_sets[state_zones[i].set];
	}
	return NULL;
}
