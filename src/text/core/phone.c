/*-------------------------------------------------------------------------
 *
 * phone.c
 *	  From what a voter file calls a phone to E.164.
 *
 * Numbers of the North American Numbering Plan are checked by its rules and
 * its table of area codes; all others only for the shape of E.164.  A cell
 * may hold labels, an extension, a second number, or what a spreadsheet made
 * of a number; the first number counts.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/phone.h"

#include <stdint.h>
#include <string.h>

#include "text/core/utf8.h"

typedef enum AreaKind
{
	AREA_NONE,
	AREA_GEOGRAPHIC,
	AREA_TOLL_FREE,
	AREA_PREMIUM,
	AREA_PERSONAL
} AreaKind;

typedef struct AreaCode
{
	uint8_t kind;
	char country[3];
	char state[3];
} AreaCode;

#include "text/core/phone_tables.h"

#define MAX_CHARS 120 /* of a cell; a longer one is no phone number */
#define MAX_DIGITS 40

/*
 * The cell in a small alphabet: digits, lower-case letters ('?' for those
 * beyond ASCII), '+', '#', '.', ',' between items of a list, ' ' for the rest.
 */
typedef struct Cell
{
	int len;
	char chars[MAX_CHARS + 1];
} Cell;

typedef struct Digits
{
	int n;
	bool plus; /* written with a '+' */
	char digit[MAX_DIGITS];
	bool gap[MAX_DIGITS]; /* something stands before it */
	int end;			  /* where the rest of the cell begins */
} Digits;

/* The small alphabet's letter for each ASCII character. */
static const char simple_ascii[129] = "          ,                     "
									  "   #  ,    +, . 0123456789 ,    "
									  " abcdefghijklmnopqrstuvwxyz     "
									  " abcdefghijklmnopqrstuvwxyz ,   ";

/* '\0' for what is invisible. */
static char
simplify(uint32_t code)
{
	static const uint32_t zeros[] = {0x0660, 0x06F0, 0x0966,
									 0x09E6, 0x0E50, 0xFF10};

	if (code < 0x80)
		return simple_ascii[code];
	for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
	{
		if (code >= zeros[i] && code <= zeros[i] + 9)
			return '0' + (code - zeros[i]);
	}
	if (code == 0x00AD || code == 0x061C || code == 0xFEFF ||
		(code >= 0x200B && code <= 0x200F) ||
		(code >= 0x202A && code <= 0x202E) ||
		(code >= 0x2060 && code <= 0x2069))
		return '\0';
	if (code >= 0xFF01 && code <= 0xFF5E)
		return simple_ascii[code - 0xFF01 + '!'];
	if (code < 0x00C0 || (code >= 0x2000 && code <= 0x2BFF) ||
		(code >= 0x3000 && code <= 0x303F) || code == 0x30FC ||
		code == UTF8_REPLACEMENT)
		return ' '; /* spaces, dashes, quotes, signs */
	return '?';
}

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || ch == '?';
}

static bool
read_cell(Cell *cell, const char *str, size_t len)
{
	const unsigned char *p = (const unsigned char *) str;
	const unsigned char *end = p + len;

	cell->len = 0;
	while (p < end)
	{
		char ch = simplify(utf8_next(&p, end));

		if (ch == '\0' || (ch == ' ' && cell->len == 0))
			continue;
		if (cell->len == MAX_CHARS)
			return false;
		cell->chars[cell->len++] = ch;
	}
	while (cell->len > 0 && cell->chars[cell->len - 1] == ' ')
		cell->len--;
	cell->chars[cell->len] = '\0';
	return true;
}

/*
 * Undoes 2024561414.0 and 2.024561414E9.  Returns false for a number that was
 * rounded on its way, such as 2.02456E+09.
 */
static bool
undo_spreadsheet(Cell *cell, bool *repaired)
{
	char *s = cell->chars;
	size_t whole = strspn(s, "0123456789");
	size_t fraction;
	char *exponent;
	int power = 0;

	*repaired = false;
	if (whole == 0 || s[whole] != '.')
		return true;
	fraction = strspn(s + whole + 1, "0123456789");
	exponent = s + whole + 1 + fraction;
	if (*exponent == '\0')
	{
		/* "2024561414.0", not "202.4561414" */
		if (fraction > 0 && whole >= 7 &&
			strspn(s + whole + 1, "0") == fraction)
		{
			s[whole] = '\0';
			*repaired = true;
		}
	}
	else if (*exponent == 'e' && whole == 1 && fraction > 0)
	{
		exponent += exponent[1] == '+' ? 2 : 1;
		while (is_digit(*exponent) && power < 20)
			power = power * 10 + (*exponent++ - '0');
		if (*exponent != '\0')
			return true;
		if (power > 15 || fraction < 6 || fraction > (size_t) power)
			return false;
		memmove(s + 1, s + 2, fraction);
		memset(s + 1 + fraction, '0', power - fraction);
		s[1 + power] = '\0';
		*repaired = true;
	}
	cell->len = strlen(s);
	return true;
}

/* Collects the first number; letters may label but not interrupt it. */
static PhoneProblem
read_digits(const Cell *cell, Digits *number, bool *labelled)
{
	const char *s = cell->chars;
	bool gap = false;
	int i = 0;

	number->n = 0;
	number->plus = false;
	*labelled = false;
	for (; s[i] != '\0' && !is_digit(s[i]); i++)
	{
		if (is_letter(s[i]))
		{
			*labelled = true;
			if (is_digit(s[i + 1]))
				return PHONE_LETTERS; /* O2024561414 */
		}
		number->plus = s[i] == '+' || (number->plus && !is_letter(s[i]));
	}
	if (s[i] == '\0')
		return *labelled ? PHONE_NO_DIGITS : PHONE_EMPTY;

	for (; s[i] != '\0'; i++)
	{
		if (is_digit(s[i]))
		{
			if (number->n == MAX_DIGITS)
				return PHONE_TOO_LONG;
			number->gap[number->n] = gap;
			number->digit[number->n++] = s[i];
			gap = false;
			continue;
		}
		gap = true;
		if (s[i] == ' ' || s[i] == '.')
			continue;
		if (number->n >= (number->plus ? 7 : 10))
			break;
		if (is_letter(s[i]))
			return number->n < 7 || strpbrk(s + i, "0123456789") != NULL
					   ? PHONE_LETTERS
					   : PHONE_TOO_SHORT;
	}
	number->end = i;
	return PHONE_OK;
}

/* What follows the number. */
static PhoneNote
note_rest(const char *rest)
{
	int digits = 0;
	bool letters = false;
	const char *p = rest + strspn(rest, " .");

	for (const char *q = p; *q != '\0'; q++)
	{
		digits += is_digit(*q);
		letters |= is_letter(*q);
	}
	if (digits == 0)
		return letters ? PHONE_LABEL_DROPPED : PHONE_PLAIN;
	if (digits < 7 &&
		(*p == 'x' || *p == '#' || *p == ',' || strncmp(p, "ext", 3) == 0))
		return PHONE_EXTENSION_DROPPED;
	return digits < 7 ? PHONE_LABEL_DROPPED : PHONE_SECOND_NUMBER_DROPPED;
}

static void
set_e164(Phone *phone, const char *prefix, const char *digits, int n)
{
	size_t len = strlen(prefix);

	memcpy(phone->e164, prefix, len);
	memcpy(phone->e164 + len, digits, n);
	phone->e164[len + n] = '\0';
}

static bool
all_same(const char *digits, int n)
{
	for (int i = 1; i < n; i++)
	{
		if (digits[i] != digits[0])
			return false;
	}
	return true;
}

/* Ten digits by the rules of the North American Numbering Plan. */
static PhoneProblem
check_nanp(const char *d, const AreaCode **area)
{
	int code = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0');
	bool same = all_same(d, 10);

	*area = code < 200 ? NULL : &area_codes[code - 200];
	if (*area == NULL || (*area)->kind == AREA_NONE)
	{
		if (same)
			return PHONE_REPEATED_DIGITS;
		/* 0XX, 1XX, N11, N9X, 37X, 96X and 555 can never be area codes */
		if (code < 200 || code % 100 == 11 || d[1] == '9' || code / 10 == 37 ||
			code / 10 == 96 || code == 555)
			return PHONE_INVALID_AREA_CODE;
		return PHONE_UNASSIGNED_AREA_CODE;
	}
	if (d[3] < '2')
		return PHONE_INVALID_EXCHANGE;
	if (same)
		return PHONE_VALID_REPEATED_DIGITS;
	switch ((*area)->kind)
	{
		case AREA_TOLL_FREE:
			return PHONE_TOLL_FREE;
		case AREA_PREMIUM:
			return PHONE_PREMIUM;
		case AREA_PERSONAL:
			return PHONE_PERSONAL;
		default:
			return d[4] == '1' && d[5] == '1' ? PHONE_SERVICE_EXCHANGE
											  : PHONE_OK;
	}
}

/* Ten digits; sets what there is to know of a number that is valid. */
static PhoneProblem
set_nanp(Phone *phone, const char *d)
{
	const AreaCode *area;
	PhoneProblem problem = check_nanp(d, &area);

	if (PHONE_VALID(problem))
	{
		memcpy(phone->country, area->country, sizeof(phone->country));
		memcpy(phone->state, area->state, sizeof(phone->state));
		set_e164(phone, "+1", d, 10);
	}
	return problem;
}

/* n national digits, perhaps after the country code 1 */
static PhoneProblem
parse_nanp(Phone *phone, const Digits *number)
{
	const char *d = number->digit;
	int n = number->n;
	int want = d[0] == '1' && (n > 10 || number->plus) ? 11 : 10;

	if (n > want)
	{
		int rest = n - want;

		if (!number->gap[want] || (rest != 7 && rest != 10 && rest != 11))
			return PHONE_TOO_LONG;
		phone->note = PHONE_SECOND_NUMBER_DROPPED;
	}
	if (n < want)
	{
		if (all_same(d, n) && n >= 7)
			return PHONE_REPEATED_DIGITS;
		return n == 7 ? PHONE_NO_AREA_CODE : PHONE_TOO_SHORT;
	}
	return set_nanp(phone, d + want - 10);
}

/* A country code and a national number, of any length that E.164 allows. */
static PhoneProblem
parse_international(Phone *phone, const Digits *number)
{
	if (number->digit[0] == '1')
		return parse_nanp(phone, number);
	if (number->digit[0] == '0')
		return PHONE_NO_COUNTRY_CODE;
	if (number->n < 7)
		return PHONE_TOO_SHORT;
	if (number->n > 15)
		return PHONE_TOO_LONG;
	if (all_same(number->digit, number->n))
		return PHONE_REPEATED_DIGITS;
	set_e164(phone, "+", number->digit, number->n);
	return PHONE_OK;
}

static bool
is_nanp_region(const char *region)
{
	static char cached[3]; /* regions come in long runs of one */

	if (strcmp(region, "US") == 0 || strcmp(region, cached) == 0)
		return true;
	for (size_t i = 0; i < sizeof(area_codes) / sizeof(area_codes[0]); i++)
	{
		if (strcmp(area_codes[i].country, region) == 0)
		{
			memcpy(cached, area_codes[i].country, sizeof(cached));
			return true;
		}
	}
	return false;
}

static void
drop_digits(Digits *number, int n)
{
	memmove(number->digit, number->digit + n, number->n - n);
	memmove(number->gap, number->gap + n, number->n - n);
	number->n -= n;
	number->plus = true;
}

static PhoneProblem
parse_number(Phone *phone, Digits *number, bool nanp)
{
	const AreaCode *area;

	if (number->plus)
		return parse_international(phone, number);
	if (nanp && number->n > 11 && memcmp(number->digit, "011", 3) == 0)
	{
		/* dialled abroad, or at home by someone who thought it was needed? */
		if (number->n == 13 &&
			PHONE_VALID(check_nanp(number->digit + 3, &area)))
			return PHONE_AMBIGUOUS_PREFIX;
		drop_digits(number, 3);
		return parse_international(phone, number);
	}
	if (nanp)
		return parse_nanp(phone, number);
	if (number->n > 8 && memcmp(number->digit, "00", 2) == 0)
	{
		drop_digits(number, 2);
		return parse_international(phone, number);
	}
	return PHONE_NO_COUNTRY_CODE;
}

/*
 * Reads ten digits, or eleven from a 1 on, that stand among nothing but
 * punctuation, as in nearly every cell of a file.  Returns the ten, or NULL
 * where there is more to think about, such as what a spreadsheet did.
 */
static const char *
plain_digits(const char *str, size_t len, char digits[11], bool *plus)
{
	int n = 0;

	*plus = len > 0 && str[0] == '+';
	for (size_t i = *plus; i < len; i++)
	{
		char ch = str[i];

		if (is_digit(ch))
		{
			if (n == 11)
				return NULL;
			digits[n++] = ch;
		}
		else if (ch == '.' ? n >= 7
						   : ch != '-' && ch != ' ' && ch != '(' && ch != ')')
			return NULL;
	}
	if (n == 11 && digits[0] == '1')
		return digits + 1;
	return n == 10 && !*plus ? digits : NULL;
}

void
phone_parse(const char *str, size_t len, const char *region, Phone *phone)
{
	char digits[11];
	bool plus;
	const char *plain;
	Cell cell;
	Digits number;
	bool labelled;
	bool repaired;

	phone->note = PHONE_PLAIN;
	phone->country[0] = '\0';
	phone->state[0] = '\0';
	phone->e164[0] = '\0';
	plain = len < MAX_CHARS ? plain_digits(str, len, digits, &plus) : NULL;
	if (plain != NULL && (plus || is_nanp_region(region)))
	{
		phone->problem = set_nanp(phone, plain);
		return;
	}
	if (!read_cell(&cell, str, len))
	{
		phone->problem = PHONE_TOO_LONG;
		return;
	}
	if (!undo_spreadsheet(&cell, &repaired))
	{
		phone->problem = PHONE_ROUNDED;
		return;
	}
	phone->problem = read_digits(&cell, &number, &labelled);
	if (phone->problem != PHONE_OK)
		return;
	phone->problem = parse_number(phone, &number, is_nanp_region(region));
	if (repaired)
		phone->note = PHONE_SPREADSHEET_REPAIRED;
	if (phone->note == PHONE_PLAIN)
		phone->note = note_rest(cell.chars + number.end);
	if (phone->note == PHONE_PLAIN && labelled)
		phone->note = PHONE_LABEL_DROPPED;
}

const char *
phone_problem_name(PhoneProblem problem)
{
	static const char *const names[] = {
		[PHONE_OK] = NULL,
		[PHONE_EMPTY] = "empty",
		[PHONE_NO_DIGITS] = "no_digits",
		[PHONE_LETTERS] = "letters",
		[PHONE_ROUNDED] = "rounded",
		[PHONE_TOO_SHORT] = "too_short",
		[PHONE_TOO_LONG] = "too_long",
		[PHONE_NO_AREA_CODE] = "no_area_code",
		[PHONE_NO_COUNTRY_CODE] = "no_country_code",
		[PHONE_AMBIGUOUS_PREFIX] = "ambiguous_prefix",
		[PHONE_REPEATED_DIGITS] = "repeated_digits",
		[PHONE_INVALID_AREA_CODE] = "invalid_area_code",
		[PHONE_UNASSIGNED_AREA_CODE] = "unassigned_area_code",
		[PHONE_INVALID_EXCHANGE] = "invalid_exchange",
		[PHONE_TOLL_FREE] = "toll_free",
		[PHONE_PREMIUM] = "premium",
		[PHONE_PERSONAL] = "personal",
		[PHONE_SERVICE_EXCHANGE] = "service_exchange",
		[PHONE_VALID_REPEATED_DIGITS] = "repeated_digits",
	};

	return names[problem];
}

const char *
phone_note_name(PhoneNote note)
{
	static const char *const names[] = {
		[PHONE_PLAIN] = NULL,
		[PHONE_EXTENSION_DROPPED] = "extension_dropped",
		[PHONE_SECOND_NUMBER_DROPPED] = "second_number_dropped",
		[PHONE_LABEL_DROPPED] = "label_dropped",
		[PHONE_SPREADSHEET_REPAIRED] = "spreadsheet_repaired",
	};

	return names[note];
}
