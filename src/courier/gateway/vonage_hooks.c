/*-------------------------------------------------------------------------
 *
 * vonage_hooks.c
 *	  Webhooks of Vonage's Messages API.
 *
 * JSON, proved by a JSON Web Token that holds a hash of the body.  The hash
 * and the token's age need no secret and are checked here; the token's
 * signature (HS256) is left to the worker.
 *
 * src/courier/gateway/vonage_hooks.c
 *
 *-------------------------------------------------------------------------
 */
#include "vonage.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "form.h"
#include "number.h"

/* A token that was made longer ago, or is from the future, proves nothing. */
#define TOKEN_WINDOW_S 300

/* Base64 with "-" and "_", and without padding, as RFC 7515 has it. */
static bool
base64url_decode(Buf *out, const char *str, size_t len)
{
	char *copy;
	bool ok = true;

	copy = xalloc(len + 4);
	for (size_t i = 0; i < len; i++)
	{
		ok = ok && strchr("+/=", str[i]) == NULL;
		copy[i] = str[i] == '-' ? '+' : str[i] == '_' ? '/' : str[i];
	}
	while (len % 4 != 0)
		copy[len++] = '=';
	ok = ok && base64_decode(out, copy);
	free(copy);
	return ok;
}

/* A part of a token, as an object; NULL if it is none. */
static json_t *
decode_part(const char *str, size_t len)
{
	Buf text = {0};
	json_t *part = NULL;

	if (base64url_decode(&text, str, len))
		part = json_loadb(buf_str(&text), text.len, 0, NULL);
	buf_free(&text);
	return part;
}

/* Is it a hash of this body? */
static bool
hash_fits(const char *hash, const HookRequest *req)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];

	SHA256((const unsigned char *) req->body, req->body_len, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return strcasecmp(hash, hex) == 0;
}

/* A listening courier is not told the account, and cannot compare it. */
static bool
claims_hold(const Gateway *gateway, const HookRequest *req, json_t *claims)
{
	json_int_t issued;
	const char *hash;
	const char *key = json_string_value(json_object_get(claims, "api_key"));

	if (json_unpack(claims, "{s:I, s:s}", "iat", &issued, "payload_hash",
					&hash) != 0)
		return false;
	if (key && *gateway->account && strcmp(key, gateway->account) != 0)
		return false;
	return issued >= req->now - TOKEN_WINDOW_S &&
		   issued <= req->now + TOKEN_WINDOW_S && hash_fits(hash, req);
}

static void
list_proof(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	static const char bearer[] = "Bearer ";
	const char *token = req->header(req->arg, "Authorization");
	const char *first, *second, *algorithm;
	json_t *header, *claims;
	Buf signature = {0};

	if (token == NULL || strncasecmp(token, bearer, strlen(bearer)) != 0)
		return;
	token += strlen(bearer);
	first = strchr(token, '.');
	second = first ? strchr(first + 1, '.') : NULL;
	if (second == NULL)
		return;
	header = decode_part(token, (size_t) (first - token));
	claims = decode_part(first + 1, (size_t) (second - first - 1));
	algorithm = json_string_value(json_object_get(header, "alg"));
	if (algorithm && strcmp(algorithm, "HS256") == 0 &&
		claims_hold(gateway, req, claims) &&
		base64url_decode(&signature, second + 1, strlen(second + 1)))
	{
		hook_signature(hook, WIRE_PROOF_HMAC_SHA256, buf_str(&signature),
					   signature.len);
		hook_signed(hook, token, (size_t) (second - token));
	}
	buf_free(&signature);
	json_decref(header);
	json_decref(claims);
}

const char *
vonage_status(const char *status)
{
	static const char *const words[][2] = {
		/* of the Messages API, or of both */
		{"submitted", "sent"},
		{"delivered", "delivered"},
		{"rejected", "failed"},
		{"undeliverable", "failed"},
		/* of the SMS API */
		{"accepted", "sent"},
		{"buffered", "sent"},
		{"expired", "undelivered"},
		{"failed", "failed"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(words[i][0], status) == 0)
			return words[i][1];
	}
	return NULL;
}

static HookEvent *
add_event(const json_t *root, WireEventKind kind, const char *id, Hook *hook)
{
	HookEvent *event = hook_add_event(hook, kind);

	event->provider_id = hook_str(id);
	event->from = number_full(json_string_value(json_object_get(root, "from")));
	event->to = number_full(json_string_value(json_object_get(root, "to")));
	return event;
}

/* The code is the error's title, or else it is what its type ends in. */
static char *
error_code(const json_t *error)
{
	const char *type = json_string_value(json_object_get(error, "type"));
	const char *hash = type ? strrchr(type, '#') : NULL;
	char title[32];

	json_text(json_object_get(error, "title"), title, sizeof(title));
	if (*title && strspn(title, "0123456789") == strlen(title))
		return hook_str(title);
	return hook_str(hash ? hash + 1 : NULL);
}

static void
add_receipt(const HookRequest *req, const json_t *root, const char *id,
			const char *status, Hook *hook)
{
	const char *ref = json_string_value(json_object_get(root, "client_ref"));
	json_t *error = json_object_get(root, "error");
	const char *word = vonage_status(status);
	HookEvent *event;
	Buf key = {0};

	if (word == NULL)
		return;
	event = add_event(root, WIRE_EVENT_RECEIPT, id, hook);
	buf_printf(&key, "%s:%s", id, status);
	event->dedupe_key = key.data;
	event->ref = hook_str(*req->ref ? req->ref : ref);
	event->status = hook_str(word);
	event->code = error_code(error);
	event->detail =
		hook_str(json_string_value(json_object_get(error, "detail")));
}

/* One file that came with a text, and the words beneath it if any. */
static void
add_media(json_t *media, const json_t *object, const char **words)
{
	const char *caption = json_string_value(json_object_get(object, "caption"));

	media_add(media, json_string_value(json_object_get(object, "url")), NULL,
			  0);
	if (*words == NULL)
		*words = caption;
}

static void
add_text(const json_t *root, const char *id, Hook *hook)
{
	static const char *const kinds[] = {"image", "audio", "video", "vcard",
										"file"};
	HookEvent *event = add_event(root, WIRE_EVENT_TEXT, id, hook);
	const char *words = json_string_value(json_object_get(root, "text"));
	json_t *media = json_array();
	size_t i;
	json_t *object;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		add_media(media, json_object_get(root, kinds[i]), &words);
	json_array_foreach(json_object_get(root, "content"), i, object)
	{
		add_media(media, object, &words);
	}
	event->dedupe_key = hook_str(id);
	event->body = hook_str(words ? words : "");
	event->media = media_text(media);
}

/* What comes by other channels than texts is no business of ours. */
static bool
is_text_channel(const json_t *root)
{
	const char *channel = json_string_value(json_object_get(root, "channel"));

	return channel == NULL || strcmp(channel, "sms") == 0 ||
		   strcmp(channel, "mms") == 0;
}

static int
messages_events(const Gateway *gateway, const HookRequest *req, json_t *root,
				Hook *hook)
{
	const char *status = json_string_value(json_object_get(root, "status"));
	const char *id, *from, *to;

	list_proof(gateway, req, hook);
	if (!is_text_channel(root))
		return 0;
	if (json_unpack(root, "{s:s, s:s, s:s}", "message_uuid", &id, "from", &from,
					"to", &to) != 0 ||
		!id_fits(id) || (status == NULL && *req->ref))
		return 400;
	if (status)
		add_receipt(req, root, id, status, hook);
	else
		add_text(root, id, hook);
	return 0;
}

/* Only the Messages API gives a message a UUID. */
int
vonage_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	json_t *root = json_loadb(req->body, req->body_len, 0, NULL);
	int status;

	if (json_object_get(root, "message_uuid"))
		status = messages_events(gateway, req, root, hook);
	else
		status = vonage_sms_events(req, root, hook);
	json_decref(root);
	return status;
}
