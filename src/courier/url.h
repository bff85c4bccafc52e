/*-------------------------------------------------------------------------
 *
 * url.h
 *	  Where the courier may send.
 *
 * src/courier/url.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_URL_H
#define COURIER_URL_H

/* Why a base URL may not be used, or NULL if it may; an empty one may. */
extern const char *url_problem(const char *url);

#endif /* COURIER_URL_H */
