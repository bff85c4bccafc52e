/*-------------------------------------------------------------------------
 *
 * plivo.c
 *	  Tests of the Plivo adapter against what Plivo documents.
 *
 * test/unit/plivo.c
 *
 *-------------------------------------------------------------------------
 */
#include "adapter.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "form.h"

static Gateway gateway = {.id = 1,
						  .name = "main",
						  .base_url = "",
						  .account = "MA1",
						  .secret = "token",
						  .public_url = "https://text.example.org",
						  .adapter = &plivo_adapter};

/* Claimed at 2023-11-14 22:13:20 UTC. */
static Text text = {.id = 1,
					.ref = "17-abc",
					.from = "+12025550100",
					.to = "+14155552345",
					.body = "Hi & \"bye\"",
					.claimed_at = 1700000000};

static void
is_body(const Gateway *from, const Text *what, const char *wanted,
		const char *name)
{
	HttpRequest req = {0};

	plivo_adapter.build(from, what, &req);
	is_str(req.body.data, wanted, name);
	free_request(&req);
}

static void
test_build(void)
{
	char *media[] = {"https://m.example.org/a.png",
					 "https://m.example.org/b.png"};
	Gateway other = gateway;
	Text more = text;
	HttpRequest req = {0};

	plivo_adapter.build(&gateway, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data, "https://api.plivo.com/v1/Account/MA1/Message/",
		   "build: URL");
	is_str(req.headers.data, "Content-Type: application/json\n",
		   "build: headers");
	is_str(req.body.data,
		   "{\"src\":\"12025550100\",\"dst\":\"14155552345\","
		   "\"text\":\"Hi & \\\"bye\\\"\",\"type\":\"sms\","
		   "\"url\":\"https://text.example.org/webhook/main/status/17-abc\","
		   "\"method\":\"POST\"}",
		   "build: body");
	is_str(req.user, "MA1", "build: user");
	is_str(req.password, "token", "build: password");
	free_request(&req);

	other.base_url = "http://localhost:1/x";
	other.account = "M/../A";
	plivo_adapter.build(&other, &text, &req);
	is_str(req.url.data, "http://localhost:1/x/v1/Account/M%2F..%2FA/Message/",
		   "build: another base, and an account to be escaped");
	free_request(&req);

	other.public_url = "";
	more.from = "12345";
	more.media = media;
	more.n_media = 2;
	more.body = "";
	more.validity_s = 600;
	is_body(&other, &more,
			"{\"src\":\"12345\",\"dst\":\"14155552345\",\"type\":\"mms\","
			"\"media_urls\":[\"https://m.example.org/a.png\","
			"\"https://m.example.org/b.png\"],\"message_expiry\":600}",
			"build: a short code, pictures, a validity, no callback");
	more.n_media = 0;
	more.validity_s = 20000;
	is_body(&other, &more,
			"{\"src\":\"12345\",\"dst\":\"14155552345\",\"text\":\"\","
			"\"type\":\"sms\",\"message_expiry\":10800}",
			"build: no longer than Plivo keeps a text");
	more.validity_s = 1;
	is_body(&other, &more,
			"{\"src\":\"12345\",\"dst\":\"14155552345\",\"text\":\"\","
			"\"type\":\"sms\",\"message_expiry\":5}",
			"build: no shorter than Plivo takes");

	is_str(plivo_adapter.check(&gateway), NULL, "check: all is there");
	other = gateway;
	other.account = "";
	ok(strstr(plivo_adapter.check(&other), "Auth ID"), "check: no account");
	other = gateway;
	other.secret = "";
	ok(strstr(plivo_adapter.check(&other), "Auth Token"), "check: no secret");
}

#define ERROR "{\"api_id\":\"1\",\"error\":\"e\"}"

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{400, ERROR, WIRE_FAILED, "http-400", 0, 0},
		{401, ERROR, WIRE_DEFERRED, "http-401", WIRE_SCOPE_GATEWAY, 30000},
		{402, ERROR, WIRE_DEFERRED, "http-402", WIRE_SCOPE_GATEWAY, 30000},
		{403, ERROR, WIRE_FAILED, "http-403", 0, 0},
		{404, ERROR, WIRE_DEFERRED, "http-404", WIRE_SCOPE_GATEWAY, 30000},
		{405, ERROR, WIRE_DEFERRED, "http-405", WIRE_SCOPE_GATEWAY, 30000},
		{409, ERROR, WIRE_FAILED, "http-409", 0, 0},
		{422, ERROR, WIRE_FAILED, "http-422", 0, 0},
		{429, ERROR, WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{429, "", WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{401, "", WIRE_DEFERRED, "http-401", WIRE_SCOPE_GATEWAY, 30000},
		{403, "<html>", WIRE_DEFERRED, "http-403", WIRE_SCOPE_GATEWAY, 30000},
		{400, "<html>", WIRE_RETRY, "http-400", 0, 0},
		{400, "{\"error\":7}", WIRE_RETRY, "http-400", 0, 0},
		{302, "", WIRE_DEFERRED, "http-302", WIRE_SCOPE_GATEWAY, 30000},
		{500, ERROR, WIRE_UNKNOWN, "http-500", 0, 0},
		{503, "", WIRE_UNKNOWN, "http-503", 0, 0},
		{202, "", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":7}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":[]}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":[\"\"]}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":[7]}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":[\"a\"", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":[],\"invalid_number\":[\"1\"]}", WIRE_FAILED,
		 "invalid_number", 0, 0},
		{202, "{\"message_uuid\":[\"a\"],\"invalid_number\":[\"1\"]}",
		 WIRE_SENT, "", 0, 0},
	};
	SendResult result;

	result = parse_payload(&plivo_adapter, 202, "plivo-send-ok.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "5b40a428-bfc7-4daf-9d06-726c558bf3b8",
		   "... and its id");
	is_num(result.segments, 0, "... and no segments, which are not told");
	result = parse_payload(&plivo_adapter, 400, "plivo-send-error.json");
	is_num(result.outcome, WIRE_FAILED, "a bad request");
	is_str(result.text, "dst parameter not present", "... and its text");
	test_parse_cases(&plivo_adapter, cases, sizeof(cases) / sizeof(cases[0]));
	result = parse(&plivo_adapter, 429, ERROR, 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
}

static void
test_find(void)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"objects\":{}}",
		"{\"objects\":[{}]}",
		"{\"objects\":[{\"message_uuid\":\"u\",\"from_number\":\"1\","
		"\"to_number\":\"2\",\"message_direction\":\"outbound\","
		"\"message_time\":\"yesterday\"}]}",
		"{\"objects\":[],\"meta\":{\"next\":\"/v1/Account/MA1/Message/\"}}",
	};
	HttpRequest req = {0};
	FindResult result;
	char *list;
	size_t len;

	plivo_adapter.find(&gateway, &text, &req);
	is_str(req.method, "GET", "find: method");
	is_str(req.url.data,
		   "https://api.plivo.com/v1/Account/MA1/Message/"
		   "?message_direction=outbound&from_number=%2B12025550100"
		   "&to_number=%2B14155552345"
		   "&message_time__gte=2023-11-14+22%3A08%3A20"
		   "&message_time__lte=2023-11-14+22%3A28%3A20&limit=20",
		   "find: URL");
	is_str(req.user, "MA1", "find: user");
	is_num((long long) req.body.len, 0, "find: no body");
	free_request(&req);

	list = read_payload("plivo-list.json", &len);
	result = found(&gateway, &text, 200, list);
	ok(result.answered, "found: a list that is whole is an answer");
	is_found(&result, "uuid-here uuid-last-second uuid-first-second",
			 "found: the texts of these numbers and this time");
	result = found(&gateway, &text, 500, list);
	ok(!result.answered, "found: an error is no answer");
	free(list);
	result = found(&gateway, &text, 200, "{\"objects\":[]}");
	ok(result.answered && result.n == 0, "found: nothing");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		result = found(&gateway, &text, 200, bad[i]);
		ok(!result.answered && result.n == 0, "found: no answer in %s", bad[i]);
	}
}

static void
test_texts(void)
{
	Hook hook;

	is_num(events_payload(&gateway, "plivo-inbound.form", "", &hook), 0,
		   "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "5b40a428-bfc7-4daf-9d06-726c558bf3b8",
		   "... with a key");
	is_str(hook.events[0].provider_id, "5b40a428-bfc7-4daf-9d06-726c558bf3b8",
		   "... and an id");
	is_str(hook.events[0].from, "+14152223333", "... from the voter");
	is_str(hook.events[0].to, "+14157778888", "... to us");
	is_str(hook.events[0].body, "Hello, from Plivo!", "... with its body");
	is_str(hook.events[0].media, "[]", "... no media");
	is_str(hook.events[0].status, NULL, "... no intent");
	is_num((long long) hook.n_signatures, 0, "... and no signature");
	hook_free(&hook);

	is_num(events_payload(&gateway, "plivo-inbound-stop.form", "", &hook), 0,
		   "a STOP");
	is_str(hook.events[0].status, "stop", "... that Plivo knows as one");
	is_str(hook.events[0].body, "STOP", "... with its body");
	hook_free(&hook);

	is_num(events_payload(&gateway, "plivo-inbound-mms.form", "", &hook), 0,
		   "pictures");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://media.plivo.com/Account/MA1/Message/1/Media/"
		   "a\",\"content_type\":\"\"},{\"url\":\"https://media.plivo.com/"
		   "Account/MA1/Message/1/Media/b\",\"content_type\":\"\"}]",
		   "... and where they are");
	is_str(hook.events[0].body, "Look!", "... with words");
	hook_free(&hook);
}

static void
test_variants(void)
{
	static const struct
	{
		const char *body;
		const char *status;
		const char *to;
		const char *media;
	} cases[] = {
		{"MessageUUID=u&From=12025550101&To=12345&Text=x&MessageIntent=optin",
		 "start", "12345", "[]"},
		{"MessageUUID=u&From=12025550101&To=12345678&Text=x&MessageIntent=help",
		 "help", "12345678", "[]"},
		{"MessageUUID=u&From=12025550101&To=123456789&Text=&MessageIntent=",
		 NULL, "+123456789", "[]"},
		{"MessageUUID=u&From=12025550101&To=%2B12025550100&MediaCount=1"
		 "&Media0=h%3A",
		 NULL, "+12025550100", "[{\"url\":\"h:\",\"content_type\":\"\"}]"},
	};
	Hook hook;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TestHook test = {.body = cases[i].body};

		is_num(events(&gateway, &test, &hook), 0, cases[i].body);
		is_str(hook.events[0].status, cases[i].status, "... its intent");
		is_str(hook.events[0].to, cases[i].to, "... its recipient");
		is_str(hook.events[0].media, cases[i].media, "... its media");
		hook_free(&hook);
	}
}

static void
test_receipts(void)
{
	static const char *const statuses[][2] = {
		{"queued", "queued"},
		{"sent", "sent"},
		{"delivered", "delivered"},
		{"undelivered", "undelivered"},
		{"failed", "failed"},
		{"rejected", "failed"},
		{"read", NULL},
		{"", NULL},
	};
	Hook hook;

	is_num(events_payload(&gateway, "plivo-status.form", "17-abc", &hook), 0,
		   "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key,
		   "5b40a428-bfc7-4daf-9d06-726c558bf3b8:delivered", "... with a key");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "delivered", "... and its status");
	is_str(hook.events[0].from, "+14157778888", "... from us");
	is_str(hook.events[0].to, "+14152223333", "... to the voter");
	hook_free(&hook);

	is_num(
		events_payload(&gateway, "plivo-status-failed.form", "17-abc", &hook),
		0, "a receipt of a text to one who opted out");
	is_str(hook.events[0].status, "undelivered", "... its status");
	is_str(hook.events[0].code, "200", "... and why");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		char body[100];
		TestHook test = {.ref = "r", .body = body};
		int status;

		snprintf(body, sizeof(body),
				 "MessageUUID=part&ParentMessageUUID=whole&ErrorCode=000"
				 "&Status=%s",
				 statuses[i][0]);
		status = events(&gateway, &test, &hook);
		ok(status == 0 &&
			   (statuses[i][1]
					? hook.n_events == 1 &&
						  strcmp(hook.events[0].status, statuses[i][1]) == 0 &&
						  strcmp(hook.events[0].provider_id, "whole") == 0 &&
						  hook.events[0].code == NULL
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
		"From=1&To=2&Text=x",
		"MessageUUID=&From=1&To=2&Text=x",
		"MessageUUID=u&From=1&To=2",
		"MessageUUID=u&To=2&Text=x",
		"MessageUUID=u&From=1&Text=x",
		"MessageUUID=u&From=1&To=2&Text=%00",
		"MessageUUID=u&From=1&To=2&Text=%FF",
	};
	TestHook at_receipts = {.ref = "r",
							.body = "MessageUUID=u&From=1&To=2&Text=x"};
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		TestHook test = {.body = bad[i]};

		is_num(events(&gateway, &test, &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
	is_num(events(&gateway, &at_receipts, &hook), 400,
		   "a text where receipts belong");
	hook_free(&hook);
}

/* As the worker does it: is one of the strings what was signed? */
static bool
verify(const Hook *hook, const char *token)
{
	bool found = false;

	for (size_t i = 0; i < hook->n_signatures; i++)
		for (size_t j = 0; j < hook->n_signed; j++)
		{
			unsigned char mac[EVP_MAX_MD_SIZE];
			unsigned len = 0;

			HMAC(EVP_sha256(), token, (int) strlen(token),
				 (const unsigned char *) hook->signed_strings[j].data,
				 hook->signed_strings[j].len, mac, &len);
			found |= len == hook->signatures[i].len &&
					 memcmp(mac, hook->signatures[i].data, len) == 0;
		}
	return found && hook->proof == WIRE_PROOF_HMAC_SHA256;
}

/* A signed request, as Plivo would send it. */
typedef struct Signed
{
	Gateway gateway;
	const char *method;
	const char *path; /* and query */
	const char *form; /* the fields, wherever they go */
	const char *version;
	const char *signature;
	const char *nonce;
} Signed;

static const char *
get_signed_header(void *arg, const char *name)
{
	const Signed *req = arg;
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "X-Plivo-Signature-%s", req->version);
	if (strcmp(name, wanted) == 0)
		return req->signature;
	strcat(wanted, "-Nonce");
	return strcmp(name, wanted) == 0 ? req->nonce : NULL;
}

static bool
accepts(const Signed *req, const char *token)
{
	bool get = strcmp(req->method, "GET") == 0;
	Buf target = {0};
	HookRequest hook_request = {.method = req->method,
								.ref = "",
								.body = get ? "" : req->form,
								.body_len = get ? 0 : strlen(req->form),
								.header = get_signed_header,
								.arg = (void *) req};
	const char *query;
	bool found;
	Hook hook = {0};

	buf_puts(&target, req->path);
	if (get)
	{
		buf_puts(&target, strchr(req->path, '?') ? "&" : "?");
		buf_puts(&target, req->form);
	}
	query = strchr(buf_str(&target), '?');
	hook_request.target = buf_str(&target);
	hook_request.query = query ? query + 1 : "";
	plivo_adapter.events(&req->gateway, &hook_request, &hook);
	found = verify(&hook, token);
	hook_free(&hook);
	buf_free(&target);
	return found;
}

/* The same, but for one thing; "V2" signs no fields. */
static void
test_tampered(const Signed *good, const char *token, const char *name)
{
	bool v2 = strcmp(good->version, "V2") == 0;
	Buf form = {0};
	Buf path = {0};
	Signed bad = *good;

	ok(!accepts(good, "54321"), "%s: by no other secret", name);
	buf_puts(&form, good->form);
	form_add(&form, "Z", "more");
	bad.form = buf_str(&form);
	ok(accepts(&bad, token) == v2, "%s: another form", name);
	bad = *good;
	buf_puts(&path, good->path);
	buf_puts(&path, strchr(good->path, '?') ? "&e=f" : "?e=f");
	bad.path = buf_str(&path);
	ok(accepts(&bad, token) == v2, "%s: another query", name);
	buf_clear(&path);
	buf_puts(&path, "/x");
	buf_puts(&path, good->path);
	bad.path = buf_str(&path);
	ok(!accepts(&bad, token), "%s: not for another path", name);
	bad = *good;
	bad.gateway.public_url = "https://evil.example.org";
	ok(!accepts(&bad, token), "%s: not for another host", name);
	bad = *good;
	bad.nonce = "12346";
	ok(!accepts(&bad, token), "%s: not with another nonce", name);
	bad.nonce = NULL;
	ok(!accepts(&bad, token), "%s: not without", name);
	bad = *good;
	bad.gateway.public_url = "";
	ok(!accepts(&bad, token), "%s: not without a public URL", name);
	buf_free(&form);
	buf_free(&path);
}

static const char *
member(const json_t *vector, const char *key)
{
	return json_string_value(json_object_get(vector, key));
}

static void
test_vector(json_t *vector)
{
	const char *name = member(vector, "name");
	const char *url = member(vector, "url");
	const char *token = member(vector, "auth_token");
	const char *host = strstr(url, "://") + 3;
	char *public_url = strndup(url, (size_t) (host - url) + strcspn(host, "/"));
	Signed req = {.gateway = gateway,
				  .method = "POST",
				  .path = url + strlen(public_url),
				  .version = strcmp(name, "v2") == 0 ? "V2" : "V3",
				  .signature = member(vector, "expected"),
				  .nonce = member(vector, "nonce")};
	json_t *params = json_object_get(vector, "params");
	const char *key;
	json_t *value;
	Buf form = {0};
	Buf list = {0};

	if (member(vector, "method"))
		req.method = member(vector, "method");
	req.gateway.public_url = public_url;
	json_object_foreach(params, key, value)
	{
		form_add(&form, key, json_string_value(value));
	}
	req.form = buf_str(&form);
	ok(accepts(&req, token), "signature %s", name);
	test_tampered(&req, token, name);

	buf_puts(&list, "AAAA, ,");
	buf_puts(&list, req.signature);
	buf_puts(&list, ",not base64");
	req.signature = list.data;
	ok(accepts(&req, token), "%s: as one of a list", name);
	buf_free(&form);
	buf_free(&list);
	free(public_url);
}

/* What version 3 signs is not to be passed off as a URL and a nonce. */
static void
test_downgrade(void)
{
	static const char string[] = "https://text.example.org/webhook/main?Text"
								 "yes.123";
	unsigned char mac[EVP_MAX_MD_SIZE];
	char encoded[2 * EVP_MAX_MD_SIZE];
	unsigned len = 0;
	Signed req = {.gateway = gateway,
				  .method = "POST",
				  .path = "/webhook/main",
				  .form = "Text=yes",
				  .version = "V3",
				  .signature = encoded,
				  .nonce = "123"};

	HMAC(EVP_sha256(), "token", 5, (const unsigned char *) string,
		 strlen(string), mac, &len);
	EVP_EncodeBlock((unsigned char *) encoded, mac, (int) len);
	ok(accepts(&req, "token"), "a signature of version 3");
	req.version = "V2";
	req.form = "Text=no";
	req.nonce = "?Textyes.123";
	ok(!accepts(&req, "token"), "... is none of version 2");
}

int
main(void)
{
	json_t *root = json_load_file(PAYLOADS "plivo-signatures.json", 0, NULL);
	json_t *vectors = json_object_get(root, "vectors");

	test_build();
	test_parse();
	test_find();
	test_texts();
	test_variants();
	test_receipts();
	test_refused();
	ok(json_array_size(vectors) == 5, "the signatures are there");
	for (size_t i = 0; i < json_array_size(vectors); i++)
		test_vector(json_array_get(vectors, i));
	json_decref(root);
	test_downgrade();
	return done_testing();
}
