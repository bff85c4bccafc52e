/*-------------------------------------------------------------------------
 *
 * buffer.c
 *	  Growing strings for the test gateway, with JSON and form encoding.
 *
 * Running out of memory ends the program: nothing a test does needs more
 * than that.
 *
 * test/gateway/buffer.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

static void *
check_memory(void *ptr)
{
	if (ptr == NULL)
	{
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return ptr;
}

void *
xalloc(size_t size)
{
	return check_memory(calloc(1, size));
}

void *
xrealloc(void *ptr, size_t size)
{
	return check_memory(realloc(ptr, size));
}

char *
xstrdup(const char *str)
{
	return check_memory(strdup(str));
}

char *
xstrdup_or_null(const char *str)
{
	return str != NULL ? xstrdup(str) : NULL;
}

/* Make room for so many more bytes and a NUL. */
static void
buffer_reserve(Buffer *buf, size_t more)
{
	size_t need = buf->len + more + 1;

	if (need <= buf->size)
		return;
	buf->size = need < 128 ? 128 : need + need / 2;
	buf->data = xrealloc(buf->data, buf->size);
}

void
buffer_add(Buffer *buf, const void *data, size_t len)
{
	buffer_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
buffer_puts(Buffer *buf, const char *str)
{
	buffer_add(buf, str, strlen(str));
}

void
buffer_printf(Buffer *buf, const char *format, ...)
{
	va_list args;
	int len;

	/* mostly it fits, and is formatted only once */
	buffer_reserve(buf, 0);
	for (;;)
	{
		size_t room = buf->size - buf->len;

		va_start(args, format);
		len = vsnprintf(buf->data + buf->len, room, format, args);
		va_end(args);
		if (len < 0)
			return;
		if ((size_t) len < room)
			break;
		buffer_reserve(buf, len);
	}
	buf->len += len;
}

/* Add a string as JSON; it is UTF-8, which callers have checked. */
void
buffer_json(Buffer *buf, const char *str)
{
	if (str == NULL)
	{
		buffer_puts(buf, "null");
		return;
	}

	buffer_puts(buf, "\"");
	while (*str != '\0')
	{
		size_t plain = 0;

		while ((unsigned char) str[plain] >= 0x20 && str[plain] != '"' &&
			   str[plain] != '\\')
			plain++;
		buffer_add(buf, str, plain);
		str += plain;
		if (*str == '\0')
			break;
		if (*str == '"' || *str == '\\')
			buffer_printf(buf, "\\%c", *str);
		else
			buffer_printf(buf, "\\u%04x", (unsigned char) *str);
		str++;
	}
	buffer_puts(buf, "\"");
}

/* A comma, unless this is the first member, and the name. */
void
buffer_key(Buffer *buf, const char *name)
{
	char last = buf->len > 0 ? buf->data[buf->len - 1] : '{';

	buffer_printf(buf, "%s\"%s\":", last == '{' ? "" : ",", name);
}

void
buffer_member(Buffer *buf, const char *name, const char *str)
{
	buffer_key(buf, name);
	buffer_json(buf, str);
}

void
buffer_member_time(Buffer *buf, const char *name, int64_t us)
{
	buffer_key(buf, name);
	buffer_puts(buf, "\"");
	buffer_time(buf, us, TIME_ISO);
	buffer_printf(buf, ".%06dZ\"", (int) (us % 1000000));
}

void
buffer_strings(Buffer *buf, const char *const *strs, int n)
{
	buffer_puts(buf, "[");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			buffer_puts(buf, ",");
		buffer_json(buf, strs[i]);
	}
	buffer_puts(buf, "]");
}

/* A time in UTC. */
void
buffer_time(Buffer *buf, int64_t us, TimeForm form)
{
	time_t seconds = (time_t) (us / 1000000);
	struct tm tm;
	char str[64];

	gmtime_r(&seconds, &tm);
	switch (form)
	{
		case TIME_ISO:
			strftime(str, sizeof(str), "%Y-%m-%dT%H:%M:%S", &tm);
			break;
		case TIME_BLANK:
			strftime(str, sizeof(str), "%Y-%m-%d %H:%M:%S+00:00", &tm);
			break;
		case TIME_MAIL:
			strftime(str, sizeof(str), "%a, %d %b %Y %H:%M:%S +0000", &tm);
			break;
		case TIME_MINUTES:
			strftime(str, sizeof(str), "%Y%m%d%H%M", &tm);
			break;
	}
	buffer_puts(buf, str);
}

/* Encode for a form or a query. */
void
buffer_percent(Buffer *buf, const char *str)
{
	for (; *str != '\0'; str++)
	{
		unsigned char c = (unsigned char) *str;

		if (c == ' ')
			buffer_puts(buf, "+");
		else if ((c >= '0' && c <= '9') ||
				 ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
				 strchr("-._*", c) != NULL)
			buffer_add(buf, &c, 1);
		else
			buffer_printf(buf, "%%%02X", c);
	}
}

/* Add name=value to an application/x-www-form-urlencoded body. */
void
buffer_form(Buffer *buf, const char *name, const char *value)
{
	buffer_printf(buf, "%s%s=", buf->len > 0 ? "&" : "", name);
	buffer_percent(buf, value);
}

void
buffer_free(Buffer *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}
