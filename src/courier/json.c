/*-------------------------------------------------------------------------
 *
 * json.c
 *	  Single members of a JSON text, without building all of it.
 *
 * The walk only tells strings from structure, and gives up where the text
 * does not fit; it never reads outside of it.
 *
 * src/courier/json.c
 *
 *-------------------------------------------------------------------------
 */
#include "json.h"

#include <jansson.h>
#include <string.h>

#include "gateway/gateway.h"

typedef struct Walk
{
	const char *next;
	const char *end;
} Walk;

static void
skip_space(Walk *walk)
{
	while (walk->next < walk->end &&
		   (*walk->next == ' ' || *walk->next == '\t' || *walk->next == '\r' ||
			*walk->next == '\n'))
		walk->next++;
}

static bool
skip_char(Walk *walk, char c)
{
	skip_space(walk);
	if (walk->next == walk->end || *walk->next != c)
		return false;
	walk->next++;
	return true;
}

/* Past a string, whose first quote is next. */
static bool
skip_string(Walk *walk)
{
	for (walk->next++; walk->next < walk->end; walk->next++)
	{
		if (*walk->next == '"')
		{
			walk->next++;
			return true;
		}
		if (*walk->next == '\\')
			walk->next++;
	}
	walk->next = walk->end;
	return false;
}

/* Past a value of any kind, up to what ends it. */
static bool
skip_value(Walk *walk)
{
	const char *start = walk->next;
	int depth = 0;

	while (walk->next < walk->end)
	{
		switch (*walk->next)
		{
			case '"':
				if (!skip_string(walk))
					return false;
				continue;
			case '{':
			case '[':
				depth++;
				break;
			case '}':
			case ']':
				if (--depth < 0)
					return walk->next > start;
				break;
			case ',':
				if (depth == 0)
					return walk->next > start;
				break;
		}
		walk->next++;
	}
	return depth == 0 && walk->next > start;
}

bool
json_member(WireStr object, const char *key, WireStr *value)
{
	Walk walk = {object.data, object.data + object.len};
	size_t key_len = strlen(key);

	if (!skip_char(&walk, '{'))
		return false;
	do
	{
		const char *name;
		const char *start;
		bool found;

		skip_space(&walk);
		name = walk.next + 1;
		if (walk.next == walk.end || *walk.next != '"' || !skip_string(&walk))
			return false;
		found = (size_t) (walk.next - 1 - name) == key_len &&
				memcmp(name, key, key_len) == 0;
		if (!skip_char(&walk, ':'))
			return false;
		skip_space(&walk);
		start = walk.next;
		if (!skip_value(&walk))
			return false;
		if (found)
		{
			*value = (WireStr){start, (size_t) (walk.next - start)};
			return true;
		}
	} while (skip_char(&walk, ','));
	return false;
}

/* The member's value, decoded; NULL if there is none or it is malformed. */
static json_t *
decode_member(WireStr object, const char *key)
{
	WireStr value;

	if (!json_member(object, key, &value))
		return NULL;
	return json_loadb(value.data, value.len, JSON_DECODE_ANY, NULL);
}

bool
json_member_text(WireStr object, const char *key, char *dst, size_t size)
{
	json_t *value = decode_member(object, key);
	bool is_text = json_is_string(value);

	if (is_text)
		copy_text(dst, size, json_string_value(value));
	json_decref(value);
	return is_text;
}

bool
json_member_int(WireStr object, const char *key, int64_t *number)
{
	json_t *value = decode_member(object, key);
	bool is_int = json_is_integer(value);

	if (is_int)
		*number = json_integer_value(value);
	json_decref(value);
	return is_int;
}
