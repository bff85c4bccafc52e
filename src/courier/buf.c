/*-------------------------------------------------------------------------
 *
 * buf.c
 *	  Growable byte strings for the courier.  See buf.h.
 *
 * src/courier/buf.c
 *
 *-------------------------------------------------------------------------
 */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
out_of_memory(void)
{
	fputs("p2ptext-courier: out of memory\n", stderr);
	abort();
}

void *
xalloc(size_t size)
{
	void *ptr = calloc(1, size);

	if (ptr == NULL)
		out_of_memory();
	return ptr;
}

void *
xrealloc(void *ptr, size_t size)
{
	ptr = realloc(ptr, size);
	if (ptr == NULL)
		out_of_memory();
	return ptr;
}

char *
xstrndup(const char *str, size_t len)
{
	char *copy = xrealloc(NULL, len + 1);

	memcpy(copy, str, len);
	copy[len] = '\0';
	return copy;
}

/* Room for "len" more bytes and the NUL. */
static void
buf_reserve(Buf *buf, size_t len)
{
	size_t size = buf->size ? buf->size : 256;

	if (len < buf->size - buf->len)
		return;
	while (size - buf->len <= len)
	{
		if (size * 2 < size)
			out_of_memory();
		size *= 2;
	}
	buf->data = xrealloc(buf->data, size);
	buf->size = size;
}

void
buf_put(Buf *buf, const void *data, size_t len)
{
	buf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
buf_puts(Buf *buf, const char *str)
{
	buf_put(buf, str, strlen(str));
}

void
buf_printf(Buf *buf, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t) len < sizeof(text))
	{
		buf_put(buf, text, (size_t) len);
		return;
	}
	buf_reserve(buf, (size_t) len);
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t) len + 1, format, args);
	va_end(args);
	buf->len += (size_t) len;
}

const char *
buf_str(const Buf *buf)
{
	return buf->data ? buf->data : "";
}

void
buf_clear(Buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void
buf_free(Buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}
