/*-------------------------------------------------------------------------
 *
 * url.c
 *	  Where the courier may send.
 *
 * Voters' numbers and our credentials travel by TLS only; plain HTTP is for
 * a gateway on this very machine.  The URL is taken apart by libcurl, which
 * will also connect to it, so that the two cannot read it differently.
 *
 * src/courier/url.c
 *
 *-------------------------------------------------------------------------
 */
#include "url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

static bool
is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char bare[64] = "";
	size_t len = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (host[0] != '[' || len < 2 || len > sizeof(bare))
		return false;
	memcpy(bare, host + 1, len - 2);
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool
has_part(CURLU *parts, CURLUPart part)
{
	char *value = NULL;
	bool found = curl_url_get(parts, part, &value, 0) == CURLUE_OK;

	curl_free(value);
	return found;
}

const char *
url_problem(const char *url, bool plain_http)
{
	CURLU *parts = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	const char *problem = NULL;

	if (*url == '\0')
		;
	else if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
			 curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
			 curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		problem = "the gateway's base_url is not a URL";
	else if (has_part(parts, CURLUPART_USER) ||
			 has_part(parts, CURLUPART_QUERY) ||
			 has_part(parts, CURLUPART_FRAGMENT))
		problem = "the gateway's base_url may have a scheme, a host, a port "
				  "and a path, and nothing else";
	else if (strcmp(scheme, "http") == 0 && !plain_http && !is_loopback(host))
		problem = "the gateway's base_url must begin with https://, since "
				  "plain http is only for a gateway on this machine or one "
				  "whose row has plain_http";
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		problem = "the gateway's base_url must begin with https://";
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
	return problem;
}
