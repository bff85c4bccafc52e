/*-------------------------------------------------------------------------
 *
 * signature.c
 *	  Does a webhook come from who holds the gateway's secret?
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

#define ED25519_KEY 32

static bool
same(WireStr a, const void *b, size_t len)
{
	return a.len == len && CRYPTO_memcmp(a.data, b, len) == 0;
}

static bool
hmac_ok(const EVP_MD *digest, const char *secret, WireStr signature,
		WireStr signed_string)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int len;

	return HMAC(digest, secret, strlen(secret),
				(const unsigned char *) signed_string.data, signed_string.len,
				mac, &len) != NULL &&
		   same(signature, mac, len);
}

/* The secret is the provider's public key, in base64. */
static bool
ed25519_ok(const char *secret, WireStr signature, WireStr signed_string)
{
	unsigned char key[ED25519_KEY + 16];
	EVP_PKEY *public_key;
	EVP_MD_CTX *context;
	bool ok;

	if (strlen(secret) != 44 ||
		EVP_DecodeBlock(key, (const unsigned char *) secret, 44) < ED25519_KEY)
		return false;
	public_key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY);
	context = EVP_MD_CTX_new();
	ok = public_key != NULL && context != NULL &&
		 EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
		 EVP_DigestVerify(context, (const unsigned char *) signature.data,
						  signature.len,
						  (const unsigned char *) signed_string.data,
						  signed_string.len) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	return ok;
}

static bool
signature_ok(const Proof *proof, const char *secret, WireStr signature,
			 WireStr signed_string)
{
	switch (proof->kind)
	{
		case WIRE_PROOF_HMAC_SHA1:
			return hmac_ok(EVP_sha1(), secret, signature, signed_string);
		case WIRE_PROOF_HMAC_SHA256:
			return hmac_ok(EVP_sha256(), secret, signature, signed_string);
		case WIRE_PROOF_ED25519:
			return ed25519_ok(secret, signature, signed_string);
		case WIRE_PROOF_TOKEN:
			return same(signature, secret, strlen(secret));
		case WIRE_PROOF_NONE:
			break;
	}
	return false;
}

static bool
take_strings(WireFrame *frame, uint32 *n, WireStr *strings)
{
	*n = wire_get_u32(frame);
	if (*n > PROOF_STRINGS)
		return false;
	for (uint32 i = 0; i < *n; i++)
		strings[i] = wire_get_str(frame);
	return true;
}

/* Read what a WIRE_WEBHOOK frame has of it; false if that is too much. */
bool
proof_take(Proof *proof, WireFrame *frame)
{
	proof->kind = wire_get_u32(frame);
	return take_strings(frame, &proof->n_signatures, proof->signatures) &&
		   take_strings(frame, &proof->n_signed, proof->signed_strings);
}

/*
 * Whether any of the signatures is that of any of the strings by any of the
 * secrets.  All are tried, however soon one fits.
 */
bool
proof_ok(const Proof *proof, const List *secrets)
{
	static const WireStr nothing = {"", 0};
	bool ok = false;

	for (int i = 0; i < list_length(secrets); i++)
		for (uint32 j = 0; j < proof->n_signatures; j++)
			for (uint32 k = 0; k < Max(proof->n_signed, 1); k++)
				ok |= signature_ok(
					proof, list_nth(secrets, i), proof->signatures[j],
					k < proof->n_signed ? proof->signed_strings[k] : nothing);
	return ok;
}
