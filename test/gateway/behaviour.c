/*-------------------------------------------------------------------------
 *
 * behaviour.c
 *	  What the test gateway was told to do, and to whom.
 *
 * Every choice follows from the seed, the number texted and how often that
 * number was tried before, so a run can be repeated whatever the timing and
 * the order in which connections are served.
 *
 * test/gateway/behaviour.c
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

Behaviour behaviour;

typedef enum SettingType
{
	COUNT,
	SHARE,
	FLAG,
	NUMBERS,
	URL
} SettingType;

static const struct
{
	const char *name;
	SettingType type;
	size_t offset;
	const char *help;
} settings[] = {
	{"delay_ms", COUNT, offsetof(Behaviour, delay_ms),
	 "wait before each answer"},
	{"jitter_ms", COUNT, offsetof(Behaviour, jitter_ms),
	 "wait up to so much longer"},
	{"rate429", SHARE, offsetof(Behaviour, rate429),
	 "share answered as the dialect says \"too many\""},
	{"retry_after", COUNT, offsetof(Behaviour, retry_after),
	 "Retry-After seconds of these (0: none)"},
	{"rate5xx", SHARE, offsetof(Behaviour, rate5xx),
	 "share answered 500, not recorded"},
	{"rate5xx_after", SHARE, offsetof(Behaviour, rate5xx_after),
	 "share recorded, then answered 500"},
	{"drop_before", SHARE, offsetof(Behaviour, drop_before),
	 "share closed without an answer, not recorded"},
	{"drop_after", SHARE, offsetof(Behaviour, drop_after),
	 "share recorded, then closed without an answer"},
	{"hang", SHARE, offsetof(Behaviour, hang),
	 "share recorded and never answered"},
	{"fail_rate", SHARE, offsetof(Behaviour, fail_rate),
	 "share that fails with fail_code"},
	{"fail_code", COUNT, offsetof(Behaviour, fail_code),
	 "refused with it where the dialect does that, else undelivered"},
	{"optout", NUMBERS, offsetof(Behaviour, optout),
	 "numbers that opted out, separated by commas"},
	{"callbacks", FLAG, offsetof(Behaviour, callbacks),
	 "post receipts of each text"},
	{"webhook", URL, offsetof(Behaviour, webhook),
	 "where, if the text does not say so"},
	{"callback_delay_ms", COUNT, offsetof(Behaviour, callback_delay_ms),
	 "wait before the first receipt of a text"},
	{"repeat_callbacks", FLAG, offsetof(Behaviour, repeat_callbacks),
	 "post each receipt and inbound text twice"},
	{"shuffle", FLAG, offsetof(Behaviour, shuffle),
	 "post delivered before sent"},
	{"seed", COUNT, offsetof(Behaviour, seed),
	 "makes other choices for the same numbers"},
};

#define NSETTINGS (sizeof(settings) / sizeof(settings[0]))

static const char *const type_names[] = {
	"a whole number of 0 or more", "a share from 0 to 1", "on or off",
	"numbers like +19195550100", "an URL, or nothing"};

static bool
parse_count(const char *value, int *result)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || n < 0 || n > INT32_MAX)
		return false;
	*result = (int) n;
	return true;
}

static bool
parse_share(const char *value, double *result)
{
	char *end;
	double share = strtod(value, &end);

	if (end == value || *end != '\0' || !(share >= 0 && share <= 1))
		return false;
	*result = share;
	return true;
}

static bool
parse_flag(const char *value, bool *result)
{
	*result = strcmp(value, "on") == 0 || strcmp(value, "1") == 0;
	return *result || strcmp(value, "off") == 0 || strcmp(value, "0") == 0;
}

/* Keep a comma at both ends, so that a number is found whole or not. */
static bool
parse_numbers(const char *value, char **result)
{
	Buffer list = {0};

	if (strspn(value, "+0123456789,") != strlen(value))
		return false;
	if (*value != '\0')
		buffer_printf(&list, ",%s,", value);
	free(*result);
	*result = list.data;
	return true;
}

static bool
parse_url(const char *value, char **result)
{
	if (*value != '\0' && strncmp(value, "http://", 7) != 0 &&
		strncmp(value, "https://", 8) != 0)
		return false;
	free(*result);
	*result = *value != '\0' ? xstrdup(value) : NULL;
	return true;
}

/* A private copy of the list and the URL belongs to whoever sets into b. */
bool
behaviour_set(Behaviour *b, const char *name, const char *value, Buffer *error)
{
	for (size_t i = 0; i < NSETTINGS; i++)
	{
		void *field = (char *) b + settings[i].offset;
		bool ok = false;

		if (strcmp(settings[i].name, name) != 0)
			continue;
		switch (settings[i].type)
		{
			case COUNT:
				ok = parse_count(value, field);
				break;
			case SHARE:
				ok = parse_share(value, field);
				break;
			case FLAG:
				ok = parse_flag(value, field);
				break;
			case NUMBERS:
				ok = parse_numbers(value, field);
				break;
			case URL:
				ok = parse_url(value, field);
				break;
		}
		if (!ok)
			buffer_printf(error, "%s wants %s, not \"%s\"", name,
						  type_names[settings[i].type], value);
		return ok;
	}
	buffer_printf(error, "there is no setting \"%s\"", name);
	return false;
}

/* Shares are of one whole, so that a request has exactly one outcome. */
bool
behaviour_check(const Behaviour *b, Buffer *error)
{
	double sum = b->rate429 + b->rate5xx + b->rate5xx_after + b->drop_before +
				 b->drop_after + b->hang + b->fail_rate;

	if (sum > 1.000001)
		buffer_printf(error, "the shares add up to %g; they may not exceed 1",
					  sum);
	else if (b->fail_rate > 0 && b->fail_code == 0)
		buffer_puts(error, "fail_rate needs a fail_code");
	else
		return true;
	return false;
}

void
behaviour_json(Buffer *buf)
{
	for (size_t i = 0; i < NSETTINGS; i++)
	{
		const void *field = (const char *) &behaviour + settings[i].offset;

		buffer_printf(buf, "%s\"%s\":", i == 0 ? "{" : ",", settings[i].name);
		switch (settings[i].type)
		{
			case COUNT:
				buffer_printf(buf, "%d", *(const int *) field);
				break;
			case SHARE:
				buffer_printf(buf, "%g", *(const double *) field);
				break;
			case FLAG:
				buffer_puts(buf, *(const bool *) field ? "true" : "false");
				break;
			case NUMBERS:
			case URL:
				buffer_json(buf, *(char *const *) field);
				break;
		}
	}
	buffer_puts(buf, "}");
}

void
behaviour_help(FILE *out)
{
	for (size_t i = 0; i < NSETTINGS; i++)
		fprintf(out, "  --%-18s %s\n", settings[i].name, settings[i].help);
}

bool
behaviour_opted_out(const char *to)
{
	const char *list = behaviour.optout;
	size_t len = strlen(to);

	while (list != NULL && (list = strstr(list, to)) != NULL)
	{
		if (list[-1] == ',' && list[len] == ',')
			return true;
		list++;
	}
	return false;
}

/* ---- how often a number was tried ---- */

typedef struct Tries
{
	uint64_t key; /* hash of the number, 0 = free slot */
	uint64_t count;
} Tries;

static Tries *tries;
static size_t tries_size; /* a power of two, at most half full */
static size_t tries_used;

static uint64_t
mix(uint64_t x)
{
	/* the finalizer of SplitMix64 */
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static uint64_t
hash_number(const char *number)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325); /* FNV-1a */

	for (; *number != '\0'; number++)
		hash = (hash ^ (unsigned char) *number) * UINT64_C(0x100000001B3);
	return mix(hash) | 1;
}

static Tries *
find_tries(Tries *table, size_t size, uint64_t key)
{
	size_t i = (key >> 1) & (size - 1);

	while (table[i].key != 0 && table[i].key != key)
		i = (i + 1) & (size - 1);
	return &table[i];
}

static uint64_t
count_try(uint64_t key)
{
	Tries *slot;

	if (2 * tries_used >= tries_size)
	{
		size_t size = tries_size ? 2 * tries_size : 4096;
		Tries *table = xalloc(size * sizeof(Tries));

		for (size_t i = 0; i < tries_size; i++)
			if (tries[i].key != 0)
				*find_tries(table, size, tries[i].key) = tries[i];
		free(tries);
		tries = table;
		tries_size = size;
	}

	slot = find_tries(tries, tries_size, key);
	if (slot->key == 0)
	{
		slot->key = key;
		tries_used++;
	}
	return ++slot->count;
}

/* A number in [0, 1). */
static double
uniform(uint64_t x)
{
	return (double) (x >> 11) * 0x1p-53;
}

Outcome
behaviour_decide(const char *to, int *delay_ms)
{
	const struct
	{
		double share;
		Outcome outcome;
	} shares[] = {{behaviour.rate429, RATE_LIMIT},
				  {behaviour.rate5xx, SERVER_ERROR},
				  {behaviour.rate5xx_after, SERVER_ERROR_AFTER},
				  {behaviour.drop_before, DROP_BEFORE},
				  {behaviour.drop_after, DROP_AFTER},
				  {behaviour.hang, HANG},
				  {behaviour.fail_rate, FAIL}};
	uint64_t key = hash_number(to);
	uint64_t draw =
		mix(key + mix((uint64_t) behaviour.seed + 1) + count_try(key) * 2);
	double u = uniform(draw);

	*delay_ms = behaviour.delay_ms +
				(int) (uniform(mix(draw)) * (behaviour.jitter_ms + 1));
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
	{
		if (u < shares[i].share)
			return shares[i].outcome;
		u -= shares[i].share;
	}
	return ACCEPT;
}

void
behaviour_free(void)
{
	free(behaviour.optout);
	free(behaviour.webhook);
	free(tries);
}
