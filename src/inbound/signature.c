/*-------------------------------------------------------------------------
 *
 * signature.c
 *	  Was a webhook signed with the gateway's secret?
 *
 * The courier, which has no secret, forms the bytes that must have been
 * signed; the worker, which parses nothing, signs them too and compares.
 *
 * src/inbound/signature.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "inbound/events.h"

/* Twilio: HMAC-SHA1 by the auth token; any form of the URL may be signed. */
static bool
hmac_sha1_ok(const char *secret, WireStr signature, const WireStr *candidates,
			 int n)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int len;
	bool ok = false;

	for (int i = 0; i < n; i++)
		if (HMAC(EVP_sha1(), secret, strlen(secret),
				 (const unsigned char *) candidates[i].data, candidates[i].len,
				 mac, &len) != NULL &&
			len == signature.len &&
			CRYPTO_memcmp(mac, signature.data, len) == 0)
			ok = true;
	return ok;
}

bool
signature_ok(const char *provider, const char *secret, WireStr signature,
			 const WireStr *candidates, int n)
{
	if (secret == NULL)
		return false;
	if (strcmp(provider, "twilio") == 0)
		return hmac_sha1_ok(secret, signature, candidates, n);
	return false;
}
