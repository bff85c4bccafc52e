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

#include <stdbool.h>

/*
 * Why a base URL may not be used, or NULL if it may; an empty one may.
 * Without plain_http, http:// may lead to this machine only.
 */
extern const char *url_problem(const char *url, bool plain_http);

#endif /* COURIER_URL_H */
