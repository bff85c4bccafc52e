/*-------------------------------------------------------------------------
 *
 * vonage_hooks.c
 *	  Tests of the webhooks of Vonage's Messages API against what Vonage
 *	  documents.
 *
 * test/unit/vonage_hooks.c
 *
 *-------------------------------------------------------------------------
 */
#include "adapter.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

static Gateway gateway = {.id = 1,
						  .name = "main",
						  .base_url = "",
						  .account = "a1b2c3d",
						  .secret = "secret",
						  .public_url = "https://text.example.org",
						  .adapter = &vonage_adapter};

static void
test_texts(void)
{
	static const struct
	{
		const char *body;
		const char *words;
		const char *media;
	} cases[] = {
		{"{\"message_uuid\":\"u\",\"from\":\"14155552345\",\"to\":\"12345\","
		 "\"video\":{\"url\":\"h:v\"}}",
		 "", "[{\"url\":\"h:v\",\"content_type\":\"\"}]"},
		{"{\"message_uuid\":\"u\",\"from\":\"14155552345\",\"to\":\"12345\","
		 "\"content\":[{\"url\":\"h:a\"},{\"url\":\"h:b\",\"caption\":\"c\"},"
		 "7,{}]}",
		 "c",
		 "[{\"url\":\"h:a\",\"content_type\":\"\"},"
		 "{\"url\":\"h:b\",\"content_type\":\"\"}]"},
		{"{\"message_uuid\":\"u\",\"from\":\"14155552345\",\"to\":\"12345\","
		 "\"text\":\"t\",\"file\":{\"url\":\"h:f\",\"caption\":\"c\"}}",
		 "t", "[{\"url\":\"h:f\",\"content_type\":\"\"}]"},
	};
	Hook hook;

	is_num(events_payload(&gateway, "vonage-messages-inbound.json", "", &hook),
		   0, "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
		   "... with a key");
	is_str(hook.events[0].from, "+447700900001", "... from the voter");
	is_str(hook.events[0].to, "+447700900000", "... to us");
	is_str(hook.events[0].body, "Hello from Vonage!", "... with its body");
	is_str(hook.events[0].media, "[]", "... no media");
	is_num((long long) hook.n_signatures, 0, "... and no signature");
	hook_free(&hook);

	is_num(
		events_payload(&gateway, "vonage-messages-inbound-mms.json", "", &hook),
		0, "a picture");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://api-us.nexmo.com/v3/media/"
		   "1b456509-974c-458b-aafa-45fc48a4d976\",\"content_type\":\"\"}]",
		   "... and where it is");
	is_str(hook.events[0].body, "A nice sunset", "... with words");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TestHook test = {.body = cases[i].body};

		is_num(events(&gateway, &test, &hook), 0, cases[i].body);
		is_str(hook.events[0].to, "12345", "... to a short code");
		is_str(hook.events[0].body, cases[i].words, "... its words");
		is_str(hook.events[0].media, cases[i].media, "... its media");
		hook_free(&hook);
	}
}

static void
test_receipts(void)
{
	static const char *const statuses[][2] = {
		{"submitted", "sent"},	{"delivered", "delivered"},
		{"rejected", "failed"}, {"undeliverable", "failed"},
		{"read", NULL},			{"", NULL},
	};
	Hook hook;

	is_num(events_payload(&gateway, "vonage-messages-status.json", "17-abc",
						  &hook),
		   0, "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key,
		   "aaaaaaaa-bbbb-cccc-dddd-0123456789ab:delivered", "... with a key");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "delivered", "... and its status");
	is_str(hook.events[0].code, NULL, "... and no error");
	is_str(hook.events[0].from, "+447700900001", "... from us");
	is_str(hook.events[0].to, "+447700900000", "... to the voter");
	hook_free(&hook);

	is_num(events_payload(&gateway, "vonage-messages-status-failed.json", "",
						  &hook),
		   0, "a receipt of a failure");
	is_str(hook.events[0].ref, "outbox-42", "... with the ref from within");
	is_str(hook.events[0].status, "failed", "... its status");
	is_str(hook.events[0].code, "1000", "... its code");
	ok(strncmp(hook.events[0].detail, "Throttled - ", 12) == 0,
	   "... and its text");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		char body[250];
		TestHook test = {.ref = "r", .body = body};
		int status;

		snprintf(body, sizeof(body),
				 "{\"message_uuid\":\"u\",\"from\":\"1\",\"to\":\"2\","
				 "\"status\":\"%s\",\"error\":{\"title\":\"Rejected\","
				 "\"type\":\"h:#1240\"}}",
				 statuses[i][0]);
		status = events(&gateway, &test, &hook);
		ok(status == 0 &&
			   (statuses[i][1]
					? hook.n_events == 1 &&
						  strcmp(hook.events[0].status, statuses[i][1]) == 0 &&
						  strcmp(hook.events[0].code, "1240") == 0
					: hook.n_events == 0),
		   "status \"%s\" is %s", statuses[i][0],
		   statuses[i][1] ? statuses[i][1] : "no event");
		hook_free(&hook);
	}
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"message_uuid\":7,\"from\":\"1\",\"to\":\"2\",\"text\":\"x\"}",
		"{\"message_uuid\":\"\",\"from\":\"1\",\"to\":\"2\",\"text\":\"x\"}",
		"{\"message_uuid\":\"u\",\"from\":{},\"to\":\"2\",\"text\":\"x\"}",
		"{\"message_uuid\":\"u\",\"from\":\"1\",\"text\":\"x\"}",
		"{\"message_uuid\":\"u\",\"from\":\"1\",\"to\":\"2\","
		"\"text\":\"\\u0000\"}",
		"{\"message_uuid\":\"u\",\"from\":\"1\",\"to\":\"2\",\"text\":\"\xFF"
		"\"}",
	};
	TestHook test = {.ref = "r",
					 .body = "{\"message_uuid\":\"u\",\"from\":\"1\","
							 "\"to\":\"2\",\"text\":\"x\"}"};
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		TestHook one = {.body = bad[i]};

		is_num(events(&gateway, &one, &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
	is_num(events(&gateway, &test, &hook), 400, "a text where receipts belong");
	hook_free(&hook);
	test.ref = "";
	test.body = "{\"channel\":\"whatsapp\",\"message_uuid\":\"u\","
				"\"from\":\"1\",\"to\":\"2\",\"text\":\"x\"}";
	is_num(events(&gateway, &test, &hook), 0, "another channel");
	is_num((long long) hook.n_events, 0, "... is no event");
	hook_free(&hook);
}

/* As the worker does it. */
static bool
verify(const Hook *hook, const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (hook->n_signatures != 1 || hook->n_signed != 1 ||
		hook->proof != WIRE_PROOF_HMAC_SHA256)
		return false;
	HMAC(EVP_sha256(), secret, (int) strlen(secret),
		 (const unsigned char *) hook->signed_strings[0].data,
		 hook->signed_strings[0].len, mac, &len);
	return len == hook->signatures[0].len &&
		   memcmp(mac, hook->signatures[0].data, len) == 0;
}

static bool
accepts(const char *jwt, const char *body, int64_t now, const char *secret)
{
	char header[2000];
	TestHook test = {
		.body = body, .now = now, .headers = {{"Authorization", header}}};
	bool found;
	Hook hook;

	snprintf(header, sizeof(header), "Bearer %s", jwt);
	events(&gateway, &test, &hook);
	found = verify(&hook, secret);
	hook_free(&hook);
	return found;
}

static void
put_base64url(Buf *out, const void *data, size_t len)
{
	char encoded[2000];
	int n = EVP_EncodeBlock((unsigned char *) encoded, data, (int) len);

	for (int i = 0; i < n; i++)
	{
		char c = encoded[i] == '+' ? '-' : encoded[i] == '/' ? '_' : encoded[i];

		if (c != '=')
			buf_put(out, &c, 1);
	}
}

/* A token with a true signature, whatever it says. */
static char *
make_jwt(const char *header, const char *claims, const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	Buf jwt = {0};

	put_base64url(&jwt, header, strlen(header));
	buf_puts(&jwt, ".");
	put_base64url(&jwt, claims, strlen(claims));
	HMAC(EVP_sha256(), secret, (int) strlen(secret),
		 (const unsigned char *) jwt.data, jwt.len, mac, &len);
	buf_puts(&jwt, ".");
	put_base64url(&jwt, mac, len);
	return jwt.data;
}

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* ... for a body like this one, of which "hash" is put into the claims. */
static const char signed_body[] = "{\"message_uuid\":\"u\"}";

static bool
accepts_claims(const char *header, const char *claims)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hash[2 * SHA256_DIGEST_LENGTH + 1];
	char whole[500];
	char *jwt;
	bool found;

	SHA256((const unsigned char *) signed_body, strlen(signed_body), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hash + 2 * i, 3, "%02x", digest[i]);
	snprintf(whole, sizeof(whole), "{\"payload_hash\":\"%s\"%s}", hash, claims);
	jwt = make_jwt(header, whole, "s");
	found = accepts(jwt, signed_body, 1000000, "s");
	free(jwt);
	return found;
}

static void
test_claims(void)
{
	static const struct
	{
		const char *header;
		const char *claims;
		bool good;
	} cases[] = {
		{HS256, ",\"iat\":1000000", true},
		{HS256, ",\"iat\":999700", true},
		{HS256, ",\"iat\":999699", false},
		{HS256, ",\"iat\":1000300", true},
		{HS256, ",\"iat\":1000301", false},
		{HS256, ",\"iat\":-9223372036854775807", false},
		{HS256, ",\"iat\":9223372036854775807", false},
		{HS256, ",\"iat\":\"1000000\"", false},
		{HS256, "", false},
		{HS256, ",\"iat\":1000000,\"api_key\":\"a1b2c3d\"", true},
		{HS256, ",\"iat\":1000000,\"api_key\":\"a1b2c3e\"", false},
		{"{\"alg\":\"none\"}", ",\"iat\":1000000", false},
		{"{\"alg\":\"RS256\"}", ",\"iat\":1000000", false},
		{"{\"alg\":\"hs256\"}", ",\"iat\":1000000", false},
		{"{\"typ\":\"JWT\"}", ",\"iat\":1000000", false},
		{"[]", ",\"iat\":1000000", false},
		{"", ",\"iat\":1000000", false},
		{HS256, ",\"iat\":1000000,\"payload_hash\":\"00\"", false},
		{HS256, ",\"iat\":1000000,\"payload_hash\":null", false},
	};
	Gateway told = gateway;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(accepts_claims(cases[i].header, cases[i].claims) == cases[i].good,
		   "a token %s%s %s", cases[i].header, cases[i].claims,
		   cases[i].good ? "will do" : "will not do");
	gateway.account = "";
	ok(accepts_claims(HS256, ",\"iat\":1000000,\"api_key\":\"a1b2c3e\""),
	   "a courier that is not told the account takes any");
	gateway = told;
}

static void
test_vectors(void)
{
	json_t *root = json_load_file(PAYLOADS "vonage-signatures.json", 0, NULL);
	int n = 0;
	int n_with_body = 0;
	size_t i;
	json_t *vector;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		const char *jwt = json_string_value(json_object_get(vector, "jwt"));
		const char *secret =
			json_string_value(json_object_get(vector, "secret"));
		const char *name = json_string_value(json_object_get(vector, "name"));
		const char *body =
			json_string_value(json_object_get(vector, "raw_body"));
		json_int_t now = json_integer_value(json_object_get(vector, "iat"));
		char *tampered;

		if (jwt == NULL)
			continue;
		n++;
		if (body == NULL)
		{
			/* No body of theirs is published, so none may be taken. */
			ok(!accepts(jwt, signed_body, 1587494962, secret) &&
				   !accepts(jwt, signed_body, 1697634680, secret),
			   "signature %s: not for any body", name);
			continue;
		}
		n_with_body++;
		ok(accepts(jwt, body, now, secret), "signature %s", name);
		ok(!accepts(jwt, body, now, "54321"), "... by no other secret");
		ok(!accepts(jwt, body, now + 301, secret), "... nor later");
		ok(!accepts(jwt, body, now - 301, secret), "... nor before");
		tampered = strdup(body);
		tampered[strlen(body) - 3] ^= 1;
		ok(!accepts(jwt, tampered, now, secret), "... nor for another body");
		free(tampered);
		for (size_t j = 3; j < strlen(jwt); j += 40)
		{
			tampered = strdup(jwt);
			tampered[j] = tampered[j] == 'A' ? 'B' : 'A';
			ok(!accepts(tampered, body, now, secret), "... nor at byte %zu", j);
			free(tampered);
		}
		tampered = strdup(jwt);
		*strrchr(tampered, '.') = '\0';
		ok(!accepts(tampered, body, now, secret), "... nor without signature");
		strcat(tampered, ".");
		ok(!accepts(tampered, body, now, secret), "... nor an empty one");
		free(tampered);
	}
	is_num(n, 3, "the signatures are there");
	is_num(n_with_body, 1, "... one with its body");
	json_decref(root);
	ok(!accepts("", signed_body, 0, "s") &&
		   !accepts(".", signed_body, 0, "s") &&
		   !accepts("..", signed_body, 0, "s") &&
		   !accepts("a+/=.b.c", signed_body, 0, "s"),
	   "what is no token proves nothing");
}

int
main(void)
{
	test_texts();
	test_receipts();
	test_refused();
	test_claims();
	test_vectors();
	return done_testing();
}
