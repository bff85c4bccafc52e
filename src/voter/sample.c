/*-------------------------------------------------------------------------
 *
 * sample.c
 *	  Random samples that are the same whenever they are drawn.
 *
 * SHA-256, so that others can draw the same sample with a tool of theirs, and
 * so that it stays the same on every version of the server and every machine.
 *
 * src/voter/sample.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "fmgr.h"
#include "text/utf8_text.h"

/* A double holds so many bits exactly. */
#define SHARE_BITS 53

PG_FUNCTION_INFO_V1(p2ptext_hash_share);

/* The first bits of SHA-256(seed, zero byte, key), as a number in [0, 1). */
Datum
p2ptext_hash_share(PG_FUNCTION_ARGS)
{
	/* Kept, since to look an algorithm up takes longer than to use it. */
	static EVP_MD_CTX *context = NULL;
	Utf8 key = PG_GETARG_UTF8(0);
	Utf8 seed = PG_GETARG_UTF8(1);
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint64 bits = 0;
	bool ok;

	if (context == NULL)
		context = EVP_MD_CTX_new();
	ok = context != NULL &&
		 EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(context, seed.str, seed.len) == 1 &&
		 EVP_DigestUpdate(context, "", 1) == 1 &&
		 EVP_DigestUpdate(context, key.str, key.len) == 1 &&
		 EVP_DigestFinal_ex(context, digest, NULL) == 1;
	if (!ok)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not compute a SHA-256 hash")));
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | digest[i];
	PG_RETURN_FLOAT8((double) (bits >> (64 - SHARE_BITS)) /
					 (double) (UINT64CONST(1) << SHARE_BITS));
}
