/*-------------------------------------------------------------------------
 *
 * generic_settings.c
 *	  What may be in the settings of a "generic" gateway, and what it means.
 *
 * Whoever writes settings is told at once what is wrong with them, by name:
 * a member that nobody reads is as wrong as one of the wrong kind.
 *
 * src/courier/gateway/generic_settings.c
 *
 *-------------------------------------------------------------------------
 */
#include "generic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a header's name may be made of (RFC 9110, token). */
#define HEADER_CHARS             \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

static const char *const generic_names[GENERIC_NAMES] = {
	[NAME_TO] = "to",
	[NAME_FROM] = "from",
	[NAME_BODY] = "body",
	[NAME_REF] = "ref",
	[NAME_STATUS_URL] = "status_url",
	[NAME_VALIDITY_S] = "validity_s",
	[NAME_VALIDITY_MIN] = "validity_min",
	[NAME_ENCODING] = "encoding",
	[NAME_ACCOUNT] = "account",
	[NAME_SECRET] = "secret",
	[NAME_MEDIA] = "media",
};

const GenericOutcome generic_outcomes[GENERIC_OUTCOMES] = {
	{"sent", WIRE_SENT, WIRE_SCOPE_TEXT, 0},
	{"failed", WIRE_FAILED, WIRE_SCOPE_TEXT, 0},
	{"opted_out", WIRE_OPTED_OUT, WIRE_SCOPE_TEXT, 0},
	{"retry", WIRE_RETRY, WIRE_SCOPE_TEXT, 0},
	{"unknown", WIRE_UNKNOWN, WIRE_SCOPE_TEXT, 0},
	{"deferred", WIRE_DEFERRED, WIRE_SCOPE_GATEWAY, GATEWAY_BUSY_MS},
	{"deferred_sender", WIRE_DEFERRED, WIRE_SCOPE_SENDER, GATEWAY_BUSY_MS},
	{"mend", WIRE_DEFERRED, WIRE_SCOPE_GATEWAY, GATEWAY_MEND_MS},
};

const char *const generic_statuses[GENERIC_STATUSES] = {
	"queued", "sending", "sent", "delivered", "undelivered", "failed"};

const char *const generic_wishes[GENERIC_WISHES] = {"stop", "start", "help"};

/* The next "{{name}}" in a template: where it begins and ends, and its name. */
GenericName
generic_next_name(const char *template, const char **start, const char **end)
{
	size_t len;

	*start = strstr(template, "{{");
	if (*start == NULL)
		return NAME_NONE;
	*end = strstr(*start, "}}");
	if (*end == NULL)
		return NAME_UNKNOWN;
	len = (size_t) (*end - *start) - 2;
	*end += 2;
	for (int i = 0; i < GENERIC_NAMES; i++)
	{
		if (strlen(generic_names[i]) == len &&
			memcmp(generic_names[i], *start + 2, len) == 0)
			return (GenericName) i;
	}
	return NAME_UNKNOWN;
}

/* One step of a pointer, "/key", in which ~1 is a slash and ~0 a tilde. */
static json_t *
step(json_t *value, const char *key, size_t len)
{
	Buf name = {0};
	json_t *next = NULL;

	for (size_t i = 0; i < len; i++)
	{
		bool escaped = key[i] == '~' && i + 1 < len;

		i += escaped;
		buf_put(&name, escaped ? key[i] == '1' ? "/" : "~" : &key[i], 1);
	}
	if (json_is_object(value))
		next = json_object_get(value, buf_str(&name));
	else if (json_is_array(value) && name.len > 0 && name.len < 6 &&
			 strspn(name.data, "0123456789") == name.len)
		next = json_array_get(value, strtoul(name.data, NULL, 10));
	buf_free(&name);
	return next;
}

/* What a pointer leads to; NULL if nothing, or if there is no pointer. */
json_t *
generic_follow(json_t *value, const char *pointer)
{
	if (pointer == NULL)
		return NULL;
	while (value && *pointer)
	{
		size_t len = strcspn(pointer + 1, "/");

		value = step(value, pointer + 1, len);
		pointer += 1 + len;
	}
	return value;
}

/* A string, number or truth value as text; NULL if it is none of these. */
char *
generic_to_text(json_t *value)
{
	if (json_is_string(value))
		return hook_str(json_string_value(value));
	if (json_is_number(value) || json_is_boolean(value))
		return json_dumps(value, JSON_ENCODE_ANY);
	return NULL;
}

/* What the pointer that is section's "key" leads to, as text. */
char *
generic_text(json_t *value, json_t *section, const char *key)
{
	return generic_to_text(generic_follow(
		value, json_string_value(json_object_get(section, key))));
}

/* The same, unless it is empty. */
char *
generic_word(json_t *value, json_t *section, const char *key)
{
	char *text = generic_text(value, section, key);

	if (text && *text == '\0')
	{
		free(text);
		text = NULL;
	}
	return text;
}

/*
 * Checking.  The first thing that is wrong is kept in "problem".
 */
typedef struct Check
{
	const Gateway *gateway;
	char problem[300];
	bool names[GENERIC_NAMES]; /* that templates have */
} Check;

typedef enum Kind
{
	TEXT,
	POINTER,
	FLAG,
	LIST,
	OBJECT,
	TEMPLATES,
	ANYTHING
} Kind;

static const struct
{
	const char *section; /* "" is the settings themselves */
	const char *key;
	Kind kind;
} known[] = {
	{"", "method", TEXT},
	{"", "path", TEXT},
	{"", "query", TEMPLATES},
	{"", "headers", TEMPLATES},
	{"", "basic", FLAG},
	{"", "body", ANYTHING},
	{"", "form", TEMPLATES},
	{"", "plus", FLAG},
	{"", "encodings", LIST},
	{"", "sent", OBJECT},
	{"", "error", OBJECT},
	{"", "codes", OBJECT},
	{"", "token", OBJECT},
	{"", "events", POINTER},
	{"", "receipt", OBJECT},
	{"", "inbound", OBJECT},
	{"sent", "status", LIST},
	{"sent", "id", POINTER},
	{"sent", "segments", POINTER},
	{"error", "code", POINTER},
	{"error", "text", POINTER},
	{"token", "header", TEXT},
	{"token", "query", TEXT},
	{"receipt", "when", OBJECT},
	{"receipt", "status", POINTER},
	{"receipt", "statuses", OBJECT},
	{"receipt", "ref", POINTER},
	{"receipt", "id", POINTER},
	{"receipt", "code", POINTER},
	{"receipt", "text", POINTER},
	{"inbound", "when", OBJECT},
	{"inbound", "id", POINTER},
	{"inbound", "from", POINTER},
	{"inbound", "to", POINTER},
	{"inbound", "text", POINTER},
	{"inbound", "status", POINTER},
	{"inbound", "statuses", OBJECT},
	{"inbound", "media", POINTER},
	{"inbound", "media_url", POINTER},
	{"inbound", "media_type", POINTER},
};

__attribute__((format(printf, 2, 3))) static void
complain(Check *check, const char *format, ...)
{
	va_list args;

	if (check->problem[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(check->problem, sizeof(check->problem), format, args);
	va_end(args);
}

static bool
is_pointer(const char *str)
{
	return str && (*str == '\0' || *str == '/');
}

/* "place" says where the template is. */
static void
check_template(Check *check, const char *place, const char *template,
			   bool takes_media)
{
	const char *start;
	const char *end;
	const char *next = template;
	GenericName name;

	while ((name = generic_next_name(next, &start, &end)) != NAME_NONE)
	{
		if (name == NAME_UNKNOWN)
		{
			complain(check, "%s has a template with an unknown name: \"%s\"",
					 place, start);
			return;
		}
		if (name == NAME_MEDIA &&
			(!takes_media || start != template || *end != '\0'))
			complain(check, "%s may have {{media}} only as a field by itself",
					 place);
		check->names[name] = true;
		next = end;
	}
}

static void
check_templates(Check *check, const char *place, json_t *fields)
{
	bool headers = strcmp(place, "headers") == 0;
	const char *key;
	json_t *value;

	json_object_foreach(fields, key, value)
	{
		if (!json_is_string(value))
			complain(check, "%s: \"%s\" is not a text", place, key);
		else
			check_template(check, place, json_string_value(value), !headers);
		if (headers &&
			(*key == '\0' || strspn(key, HEADER_CHARS) != strlen(key)))
			complain(check, "%s: \"%s\" is not the name of a header", place,
					 key);
	}
}

static void
check_body(Check *check, json_t *body)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(body))
		check_template(check, "body", json_string_value(body), true);
	json_object_foreach(body, key, value)
	{
		check_body(check, value);
	}
	json_array_foreach(body, i, value)
	{
		check_body(check, value);
	}
}

static void
check_kind(Check *check, const char *section, const char *key, Kind kind,
		   json_t *value)
{
	const char *dot = *section ? "." : "";

	if (kind == TEXT && !json_is_string(value))
		complain(check, "%s%s%s is not a text", section, dot, key);
	else if (kind == FLAG && !json_is_boolean(value))
		complain(check, "%s%s%s is not true or false", section, dot, key);
	else if (kind == LIST && !json_is_array(value))
		complain(check, "%s%s%s is not a list", section, dot, key);
	else if ((kind == OBJECT || kind == TEMPLATES) && !json_is_object(value))
		complain(check, "%s%s%s is not an object", section, dot, key);
	else if (kind == POINTER && !is_pointer(json_string_value(value)))
		complain(check, "%s%s%s is not a pointer such as \"/a/0/b\"", section,
				 dot, key);
	else if (kind == TEMPLATES)
		check_templates(check, key, value);
}

static void
check_section(Check *check, const char *section, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) &&
			   (strcmp(known[i].section, section) != 0 ||
				strcmp(known[i].key, key) != 0))
			i++;
		if (i < sizeof(known) / sizeof(known[0]))
			check_kind(check, section, key, known[i].kind, value);
		else
			complain(check, "%s%s%s is not known", section, *section ? "." : "",
					 key);
	}
}

/* Every value of an object is one of some words. */
static void
check_words(Check *check, const char *place, json_t *object,
			const char *const *words, size_t n)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const char *word = json_string_value(value);
		size_t i = 0;

		while (word && i < n && strcmp(words[i], word) != 0)
			i++;
		if (word == NULL || i == n)
			complain(check, "%s: what \"%s\" is given is not a word for it",
					 place, key);
	}
}

static void
check_request(Check *check, json_t *settings)
{
	json_t *body = json_object_get(settings, "body");
	json_t *form = json_object_get(settings, "form");
	json_t *encodings = json_object_get(settings, "encodings");
	const char *method = setting_text(check->gateway, "method");
	const char *path = setting_text(check->gateway, "path");

	if (*method && strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
		complain(check, "method is not \"GET\" or \"POST\"");
	if (strcmp(method, "GET") == 0 && (body || form))
		complain(check, "a GET has no body and no form, but a query");
	if (body && form)
		complain(check, "there is a body and a form; one is too many");
	if (*path && *path != '/')
		complain(check, "path does not begin with \"/\"");
	for (const char *c = path; *c; c++)
	{
		if (*c <= ' ' || *c >= 0x7F || *c == '?' || *c == '#')
		{
			complain(check, "path may have ASCII without blanks, \"?\" and "
							"\"#\" only");
			break;
		}
	}
	check_template(check, "path", path, false);
	if (encodings && (json_array_size(encodings) != 2 ||
					  !json_is_string(json_array_get(encodings, 0)) ||
					  !json_is_string(json_array_get(encodings, 1))))
		complain(check, "encodings are not two texts");
	check_body(check, body);
	if (!check->names[NAME_TO] || !check->names[NAME_BODY])
		complain(check, "no template has {{to}}, or none has {{body}}");
}

static void
check_reply(Check *check, json_t *settings)
{
	json_t *statuses =
		json_object_get(json_object_get(settings, "sent"), "status");
	const char *words[GENERIC_OUTCOMES];
	json_t *status;
	size_t i;

	json_array_foreach(statuses, i, status)
	{
		if (!json_is_integer(status))
			complain(check, "sent.status is not a list of numbers");
	}
	for (i = 0; i < GENERIC_OUTCOMES; i++)
		words[i] = generic_outcomes[i].word;
	check_words(check, "codes", json_object_get(settings, "codes"), words,
				GENERIC_OUTCOMES);
}

static void
check_when(Check *check, const char *place, json_t *when)
{
	const char *pointer;
	json_t *value;

	json_object_foreach(when, pointer, value)
	{
		if (!is_pointer(pointer) || !json_is_string(value))
			complain(check, "%s is not {pointer: text}", place);
	}
}

static void
check_hooks(Check *check, json_t *settings)
{
	static const char *const needed[] = {"id", "from", "to", "text"};
	json_t *token = json_object_get(settings, "token");
	json_t *receipt = json_object_get(settings, "receipt");
	json_t *inbound = json_object_get(settings, "inbound");

	if ((receipt || inbound) && json_object_size(token) != 1)
		complain(check, "token is needed for receipt and inbound, and is one "
						"of {\"header\": name} and {\"query\": name}");
	if (receipt && json_object_get(receipt, "status") == NULL)
		complain(check, "receipt.status is missing");
	for (size_t i = 0; inbound && i < 4; i++)
	{
		if (json_object_get(inbound, needed[i]) == NULL)
			complain(check, "inbound.%s is missing", needed[i]);
	}
	check_when(check, "receipt.when", json_object_get(receipt, "when"));
	check_when(check, "inbound.when", json_object_get(inbound, "when"));
	check_words(check, "receipt.statuses", json_object_get(receipt, "statuses"),
				generic_statuses, GENERIC_STATUSES);
	check_words(check, "inbound.statuses", json_object_get(inbound, "statuses"),
				generic_wishes, GENERIC_WISHES);
}

const char *
generic_check(const Gateway *gateway)
{
	static const char *const sections[] = {"sent", "error", "token", "receipt",
										   "inbound"};
	static char problem[400];
	json_t *settings = gateway->settings;
	Check check = {.gateway = gateway};
	bool basic = json_is_true(json_object_get(settings, "basic"));

	if (*gateway->base_url == '\0')
		return "the gateway has no base_url";
	check_section(&check, "", settings);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		check_section(&check, sections[i],
					  json_object_get(settings, sections[i]));
	check_request(&check, settings);
	check_reply(&check, settings);
	check_hooks(&check, settings);
	if (check.problem[0])
	{
		snprintf(problem, sizeof(problem), "in the gateway's settings, %s",
				 check.problem);
		return problem;
	}
	if (check.names[NAME_ACCOUNT] && *gateway->account == '\0')
		return "the gateway has no account, which its settings name";
	if ((basic || check.names[NAME_SECRET]) && *gateway->secret == '\0')
		return "no secret is known for the gateway: add it to the file named "
			   "by p2ptext.secrets_file";
	return NULL;
}
