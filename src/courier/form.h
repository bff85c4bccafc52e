/*-------------------------------------------------------------------------
 *
 * form.h
 *	  Forms (application/x-www-form-urlencoded), and other encodings in which
 *	  gateways wrap their strings.
 *
 * The decoders are strict: a form whose text PostgreSQL could not store
 * (a NUL, broken UTF-8) or that is not well formed is refused whole.
 *
 * src/courier/form.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_FORM_H
#define COURIER_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* No honest webhook has more fields. */
#define FORM_MAX_FIELDS 512

typedef struct FormField
{
	char *key;
	char *value;
} FormField;

typedef struct Form
{
	FormField *fields; /* in the order received */
	size_t n;
	char *memory; /* what the fields point into */
} Form;

extern bool form_decode(Form *form, const char *data, size_t len);
extern const char *form_get(const Form *form, const char *key); /* or NULL */
extern void form_free(Form *form);

/* Add "&key=value", without the "&" if the buffer is empty. */
extern void form_add(Buf *out, const char *key, const char *value);

extern void percent_encode(Buf *out, const char *str);

/* Decode to bytes that need not be text; what is no escape stays as it is. */
extern void percent_decode(Buf *out, const char *str, size_t len);

extern bool base64_decode(Buf *out, const char *str);
extern bool utf8_valid(const char *str, size_t len); /* and free of NUL */

#endif /* COURIER_FORM_H */
