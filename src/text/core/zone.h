/*-------------------------------------------------------------------------
 *
 * zone.h
 *	  Time zones by phone prefix, ZIP and state.
 *
 * Each gives IANA names separated by spaces, or NULL when nothing is known.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_ZONE_H
#define P2PTEXT_ZONE_H

#include <stddef.h>

/* digits: the ten national digits of a NANP number */
extern const char *zones_of_phone(const char *digits);

/* as written in a voter file: 5 digits, ZIP+4, or with lost leading zeros */
extern const char *zones_of_zip(const char *str, size_t len);

/* a two-letter postal code, in any case */
extern const char *zones_of_state(const char *str, size_t len);

#endif
