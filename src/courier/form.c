/*-------------------------------------------------------------------------
 *
 * form.c
 *	  Forms and other encodings in which gateways wrap their strings.
 *
 * This reads bytes from the network: no function here trusts a length or a
 * terminator that it has not checked.
 *
 * src/courier/form.c
 *
 *-------------------------------------------------------------------------
 */
#include "form.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/*
 * Undo percent encoding from "src" to "dst", which may be the same and never
 * needs more room.  Returns the number of bytes, or -1 if it is malformed.
 */
static long
unescape(char *dst, const char *src, size_t len)
{
	char *out = dst;

	for (size_t i = 0; i < len; i++)
	{
		if (src[i] == '%')
		{
			int high = len - i > 2 ? hex_value(src[i + 1]) : -1;
			int low = len - i > 2 ? hex_value(src[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			*out++ = (char) (high << 4 | low);
			i += 2;
		}
		else
			*out++ = src[i] == '+' ? ' ' : src[i];
	}
	return utf8_valid(dst, (size_t) (out - dst)) ? out - dst : -1;
}

/* One "key=value" in [src, end), written to *memory, which moves on. */
static bool
decode_field(FormField *field, char **memory, const char *src, const char *end)
{
	const char *equals = memchr(src, '=', (size_t) (end - src));
	const char *key_end = equals ? equals : end;
	const char *value = equals ? equals + 1 : end;
	long len;

	field->key = *memory;
	len = unescape(field->key, src, (size_t) (key_end - src));
	if (len < 0)
		return false;
	field->key[len] = '\0';

	field->value = field->key + len + 1;
	len = unescape(field->value, value, (size_t) (end - value));
	if (len < 0)
		return false;
	field->value[len] = '\0';
	*memory = field->value + len + 1;
	return true;
}

bool
form_decode(Form *form, const char *data, size_t len)
{
	const char *end = data + len;
	size_t most = 1;
	char *memory;

	for (size_t i = 0; i < len; i++)
		most += data[i] == '&';

	/* A field needs its own bytes, one NUL for the separator after it ... */
	memset(form, 0, sizeof(*form));
	if (most > FORM_MAX_FIELDS)
		return false;
	form->fields = xalloc(most * sizeof(FormField));
	form->memory = memory = xalloc(len + 2 * most); /* ... and one for "=" */

	while (data < end)
	{
		const char *next = memchr(data, '&', (size_t) (end - data));

		if (next == NULL)
			next = end;
		if (next > data &&
			!decode_field(&form->fields[form->n++], &memory, data, next))
		{
			form_free(form);
			return false;
		}
		data = next < end ? next + 1 : end;
	}
	return true;
}

const char *
form_get(const Form *form, const char *key)
{
	for (size_t i = 0; i < form->n; i++)
	{
		if (strcmp(form->fields[i].key, key) == 0)
			return form->fields[i].value;
	}
	return NULL;
}

void
form_free(Form *form)
{
	free(form->fields);
	free(form->memory);
	memset(form, 0, sizeof(*form));
}

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		   (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static void
encode(Buf *out, const char *str, const char *blank)
{
	static const char hex[] = "0123456789ABCDEF";

	while (*str)
	{
		const char *start = str;
		unsigned char c;

		while (is_plain(*str))
			str++;
		buf_put(out, start, (size_t) (str - start));
		c = (unsigned char) *str;
		if (c == '\0')
			break;
		if (c == ' ')
			buf_puts(out, blank);
		else
		{
			char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

			buf_put(out, escape, sizeof(escape));
		}
		str++;
	}
}

void
form_add(Buf *out, const char *key, const char *value)
{
	if (out->len > 0)
		buf_put(out, "&", 1);
	encode(out, key, "+");
	buf_put(out, "=", 1);
	encode(out, value, "+");
}

void
percent_encode(Buf *out, const char *str)
{
	encode(out, str, "%20");
}

void
percent_decode(Buf *out, const char *str, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		int high = str[i] == '%' && len - i > 2 ? hex_value(str[i + 1]) : -1;
		int low = high >= 0 ? hex_value(str[i + 2]) : -1;
		char c = str[i] == '+' ? ' ' : str[i];

		if (low >= 0)
		{
			c = (char) (high << 4 | low);
			i += 2;
		}
		buf_put(out, &c, 1);
	}
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padded base64, as in RFC 4648 section 4; nothing else is accepted. */
bool
base64_decode(Buf *out, const char *str)
{
	size_t len = strlen(str);
	size_t pad;

	if (len % 4 != 0)
		return false;
	pad = len > 0 && str[len - 1] == '=' ? 1 + (str[len - 2] == '=') : 0;
	for (size_t i = 0; i < len; i += 4)
	{
		size_t skip = i + 4 == len ? pad : 0;
		uint32_t bits = 0;
		char bytes[3];

		for (size_t j = 0; j < 4; j++)
		{
			int value = j < 4 - skip ? base64_value(str[i + j]) : 0;

			if (value < 0)
				return false;
			bits = bits << 6 | (uint32_t) value;
		}
		bytes[0] = (char) (bits >> 16);
		bytes[1] = (char) (bits >> 8);
		bytes[2] = (char) bits;
		buf_put(out, bytes, 3 - skip);
	}
	return true;
}

/* UTF-8 as RFC 3629 has it: shortest form, no surrogates, up to U+10FFFF. */
bool
utf8_valid(const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *) str;

	for (size_t i = 0; i < len;)
	{
		unsigned char c = s[i];
		size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

		if (c == 0 || (c >= 0x80 && c < 0xC2) || c > 0xF4 || n > len - i)
			return false;
		for (size_t j = 1; j < n; j++)
		{
			if ((s[i + j] & 0xC0) != 0x80)
				return false;
		}
		if ((c == 0xE0 && s[i + 1] < 0xA0) || (c == 0xED && s[i + 1] > 0x9F) ||
			(c == 0xF0 && s[i + 1] < 0x90) || (c == 0xF4 && s[i + 1] > 0x8F))
			return false;
		i += n;
	}
	return true;
}
