/*-------------------------------------------------------------------------
 *
 * number.h
 *	  Phone numbers of providers that write them without the "+".
 *
 * src/courier/gateway/number.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_NUMBER_H
#define COURIER_NUMBER_H

/* Past the "+", for such a provider. */
extern const char *number_bare(const char *number);

/* A copy with "+" if it is a whole number; NULL stays NULL. */
extern char *number_full(const char *number);

#endif /* COURIER_NUMBER_H */
