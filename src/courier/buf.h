/*-------------------------------------------------------------------------
 *
 * buf.h
 *	  Growable byte strings for the courier.
 *
 * The bytes are always followed by a NUL, so that "data" can be handed to C
 * functions.  Out of memory ends the courier: it holds nothing that its
 * worker does not know, and a fresh one is a fork away.
 *
 * src/courier/buf.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_BUF_H
#define COURIER_BUF_H

#include <stddef.h>

typedef struct Buf
{
	char *data; /* NULL until something was put in */
	size_t len;
	size_t size;
} Buf;

extern void buf_put(Buf *buf, const void *data, size_t len);
extern void buf_puts(Buf *buf, const char *str);
extern void buf_printf(Buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern const char *buf_str(const Buf *buf); /* never NULL */
extern void buf_clear(Buf *buf);			/* keeps the memory */
extern void buf_free(Buf *buf);

/* Allocate or end the courier. */
extern void *xalloc(size_t size); /* zeroed */
extern void *xrealloc(void *ptr, size_t size);
extern char *xstrndup(const char *str, size_t len);

#endif /* COURIER_BUF_H */
