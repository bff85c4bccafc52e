/*-------------------------------------------------------------------------
 *
 * sign.c
 *	  What proves a webhook: keys, digests and their encodings.
 *
 * The key for Ed25519 is made once, before there are threads.
 *
 * test/gateway/sign.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "gateway.h"

static EVP_PKEY *private_key;
static Buffer public_key;

bool
sign_open(const char *key_file)
{
	unsigned char raw[32];
	size_t len = sizeof(raw);

	if (key_file != NULL)
	{
		FILE *file = fopen(key_file, "r");

		if (file != NULL)
		{
			private_key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
			fclose(file);
		}
	}
	else
		private_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (private_key == NULL ||
		EVP_PKEY_get_raw_public_key(private_key, raw, &len) != 1 ||
		EVP_PKEY_id(private_key) != EVP_PKEY_ED25519)
	{
		fprintf(stderr, "gateway: no Ed25519 private key in PEM form: \"%s\"\n",
				key_file ? key_file : "");
		return false;
	}
	add_base64(&public_key, raw, len);
	return true;
}

const char *
sign_public_key(void)
{
	return public_key.data;
}

void
sign_close(void)
{
	EVP_PKEY_free(private_key);
	buffer_free(&public_key);
}

void
add_base64(Buffer *buf, const void *data, size_t len)
{
	unsigned char *str = xalloc(4 * (len / 3 + 1) + 1);

	EVP_EncodeBlock(str, data, (int) len);
	buffer_puts(buf, (char *) str);
	free(str);
}

void
add_base64url(Buffer *buf, const void *data, size_t len)
{
	size_t start = buf->len;

	add_base64(buf, data, len);
	while (buf->data[buf->len - 1] == '=')
		buf->data[--buf->len] = '\0';
	for (char *c = buf->data + start; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

void
sign_ed25519(Buffer *base64, const Buffer *text)
{
	unsigned char signature[64];
	size_t len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL &&
		EVP_DigestSignInit(context, NULL, NULL, NULL, private_key) == 1 &&
		EVP_DigestSign(context, signature, &len,
					   (const unsigned char *) text->data, text->len) == 1)
		add_base64(base64, signature, len);
	EVP_MD_CTX_free(context);
}

size_t
sign_hmac(unsigned char mac[64], const char *digest, const char *key,
		  const Buffer *text)
{
	unsigned int len = 0;

	HMAC(EVP_get_digestbyname(digest), key, (int) strlen(key),
		 (const unsigned char *) text->data, text->len, mac, &len);
	return len;
}

void
sign_sha256(char hex[65], const Buffer *text)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *) text->data, text->len, hash);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
}

/* An event's own id: the same however often it is posted. */
void
sign_uuid(char uuid[37], const Callback *c)
{
	char hex[65];
	Buffer text = {0};

	buffer_printf(&text, "%s/%d", c->id, c->events[c->step]);
	sign_sha256(hex, &text);
	snprintf(uuid, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
			 hex + 16, hex + 20);
	buffer_free(&text);
}
