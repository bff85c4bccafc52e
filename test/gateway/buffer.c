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

/* Add name=value to an application/x-www-form-urlencoded body. */
void
buffer_form(Buffer *buf, const char *name, const char *value)
{
	buffer_printf(buf, "%s%s=", buf->len > 0 ? "&" : "", name);
	for (; *value != '\0'; value++)
	{
		unsigned char c = (unsigned char) *value;

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

void
buffer_free(Buffer *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}
