/*-------------------------------------------------------------------------
 *
 * telnyx.c
 *	  Tests of the Telnyx adapter against what Telnyx documents.
 *
 * test/unit/telnyx.c
 *
 *-------------------------------------------------------------------------
 */
#include "adapter.h"

#include <openssl/evp.h>

#include "form.h"

static Gateway gateway = {.id = 1,
						  .name = "main",
						  .base_url = "",
						  .account = "",
						  .secret = "KEY1",
						  .public_url = "https://text.example.org",
						  .adapter = &telnyx_adapter};

static Text text = {.id = 1,
					.ref = "17-abc",
					.from = "+12025550100",
					.to = "+14155552345",
					.body = "Hi & bye",
					.claimed_at = 1700000000};

static void
test_build(void)
{
	char *media[] = {"https://m.example.org/a.png",
					 "https://m.example.org/\"b\".png"};
	Gateway other = gateway;
	Text picture = text;
	HttpRequest req = {0};

	telnyx_adapter.build(&gateway, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data, "https://api.telnyx.com/v2/messages", "build: URL");
	is_str(req.headers.data,
		   "Authorization: Bearer KEY1\nContent-Type: application/json\n",
		   "build: headers");
	is_str(req.body.data,
		   "{\"from\":\"+12025550100\",\"to\":\"+14155552345\","
		   "\"text\":\"Hi & bye\",\"webhook_url\":\"https://text.example.org"
		   "/webhook/main/status/17-abc\"}",
		   "build: body");
	ok(req.user == NULL, "build: no Basic authentication");
	free_request(&req);

	other.base_url = "http://localhost:1/x";
	other.account = "profile";
	other.public_url = "";
	picture.body = "";
	picture.media = media;
	picture.n_media = 2;
	telnyx_adapter.build(&other, &picture, &req);
	is_str(req.url.data, "http://localhost:1/x/v2/messages",
		   "build: another base");
	is_str(req.body.data,
		   "{\"from\":\"+12025550100\",\"to\":\"+14155552345\","
		   "\"messaging_profile_id\":\"profile\",\"media_urls\":"
		   "[\"https://m.example.org/a.png\","
		   "\"https://m.example.org/\\\"b\\\".png\"]}",
		   "build: a profile, and pictures without words");
	free_request(&req);

	is_str(telnyx_adapter.check(&gateway), NULL, "check: all is there");
	other.secret = "";
	ok(strstr(telnyx_adapter.check(&other), "API key"), "check: no key");
}

#define ERROR(code) "{\"errors\":[{\"code\":\"" code "\",\"title\":\"t\"}]}"

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{400, ERROR("40300"), WIRE_OPTED_OUT, "40300", 0, 0},
		{429, ERROR("10011"), WIRE_DEFERRED, "10011", WIRE_SCOPE_GATEWAY, 1000},
		{400, ERROR("40318"), WIRE_DEFERRED, "40318", WIRE_SCOPE_SENDER, 1000},
		{401, ERROR("10009"), WIRE_DEFERRED, "10009", WIRE_SCOPE_GATEWAY,
		 30000},
		{402, ERROR("20100"), WIRE_DEFERRED, "20100", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, ERROR("40312"), WIRE_DEFERRED, "40312", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, ERROR("40314"), WIRE_DEFERRED, "40314", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, ERROR("40321"), WIRE_DEFERRED, "40321", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, ERROR("40333"), WIRE_DEFERRED, "40333", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, ERROR("40305"), WIRE_DEFERRED, "40305", WIRE_SCOPE_SENDER, 30000},
		{400, ERROR("40315"), WIRE_DEFERRED, "40315", WIRE_SCOPE_SENDER, 30000},
		{400, ERROR("40320"), WIRE_DEFERRED, "40320", WIRE_SCOPE_SENDER, 30000},
		{400, ERROR("40329"), WIRE_DEFERRED, "40329", WIRE_SCOPE_SENDER, 30000},
		{400, ERROR("10016"), WIRE_FAILED, "10016", 0, 0},
		{400, ERROR("40301"), WIRE_FAILED, "40301", 0, 0},
		{400, ERROR("40302"), WIRE_FAILED, "40302", 0, 0},
		{403, ERROR("40309"), WIRE_FAILED, "40309", 0, 0},
		{400, ERROR("40310"), WIRE_FAILED, "40310", 0, 0},
		{400, ERROR("40316"), WIRE_FAILED, "40316", 0, 0},
		{403, ERROR("40322"), WIRE_FAILED, "40322", 0, 0},
		{422, ERROR("49999"), WIRE_FAILED, "49999", 0, 0},
		{403, ERROR("49999"), WIRE_DEFERRED, "49999", WIRE_SCOPE_GATEWAY,
		 30000},
		{429, "", WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{404, "", WIRE_DEFERRED, "http-404", WIRE_SCOPE_GATEWAY, 30000},
		{400, "<html>", WIRE_RETRY, "http-400", 0, 0},
		{400, "{\"errors\":[]}", WIRE_RETRY, "http-400", 0, 0},
		{400, "{\"errors\":[{\"code\":[]}]}", WIRE_RETRY, "http-400", 0, 0},
		{500, ERROR("40300"), WIRE_UNKNOWN, "http-500", 0, 0},
		{503, "", WIRE_UNKNOWN, "http-503", 0, 0},
		{200, "", WIRE_UNKNOWN, "http-200", 0, 0},
		{200, "{\"data\":7}", WIRE_UNKNOWN, "http-200", 0, 0},
		{200, "{\"data\":{\"id\":\"\"}}", WIRE_UNKNOWN, "http-200", 0, 0},
		{200, "{\"data\":{\"id\":null}}", WIRE_UNKNOWN, "http-200", 0, 0},
	};
	SendResult result =
		parse_payload(&telnyx_adapter, 200, "telnyx-send-ok.json");

	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "ac012cbf-5e09-46af-a69a-7c0e2d90993c",
		   "... and its id");
	is_num(result.segments, 1, "... and segments");
	result = parse(&telnyx_adapter, 200,
				   "{\"data\":{\"parts\":-1,\"id\":\"x\"}}", 0);
	is_num(result.segments, 0, "a senseless number of segments is none");
	result = parse_payload(&telnyx_adapter, 400, "telnyx-send-error.json");
	is_num(result.outcome, WIRE_OPTED_OUT, "an opt-out");
	is_str(result.code, "40300", "... and its code");
	is_str(result.text,
		   "Messages cannot be sent from '+13125550001' to '+13125550002' due "
		   "to an existing block rule.",
		   "... and text");
	result = parse_payload(&telnyx_adapter, 429, "telnyx-send-error-rate.json");
	is_num(result.outcome, WIRE_DEFERRED, "too many requests");
	result = parse(&telnyx_adapter, 400, ERROR("40310"), 0);
	is_str(result.text, "t", "without a detail the title is told");
	result =
		parse(&telnyx_adapter, 400, "{\"errors\":[{\"code\":\"49999\"}]}", 0);
	is_str(result.text, "the gateway refuses the request",
		   "without that either the status tells");
	result = parse(&telnyx_adapter, 429, ERROR("10011"), 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
	test_parse_cases(&telnyx_adapter, cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_find(void)
{
	HttpRequest req = {0};
	FindResult result;
	Text late = text;
	size_t len;
	char *list = read_payload("telnyx-list.json", &len);

	telnyx_adapter.find(&gateway, &text, &req);
	is_str(req.method, "GET", "find: method");
	is_str(req.headers.data, "Authorization: Bearer KEY1\n", "find: headers");
	is_str(req.url.data,
		   "https://api.telnyx.com/v2/detail_records"
		   "?filter%5Brecord_type%5D=messaging&filter%5Bdirection%5D=outbound"
		   "&filter%5Bcli%5D=%2B12025550100&filter%5Bcld%5D=%2B14155552345"
		   "&filter%5Bcreated_at%5D%5Bgte%5D=2023-11-14"
		   "&filter%5Bcreated_at%5D%5Blt%5D=2023-11-15&page%5Bsize%5D=50",
		   "find: URL");
	free_request(&req);
	late.claimed_at = 1700006399; /* a second before midnight */
	telnyx_adapter.find(&gateway, &late, &req);
	ok(strstr(req.url.data, "gte%5D=2023-11-14") &&
		   strstr(req.url.data, "lt%5D=2023-11-16"),
	   "find: around midnight, two days");
	free_request(&req);

	result = found(&gateway, &text, 200, list);
	ok(result.answered, "found: an answer");
	is_found(&result,
			 "3ca7bd3d-7d82-4e07-9df4-000000000001 "
			 "3ca7bd3d-7d82-4e07-9df4-000000000005 "
			 "3ca7bd3d-7d82-4e07-9df4-000000000007",
			 "found: those of the right numbers, way and time");
	free(list);

	result = found(&gateway, &text, 200, "{\"data\":[]}");
	ok(result.answered && result.n == 0, "found: nothing is an answer");
	result = found(&gateway, &text, 200,
				   "{\"data\":[],\"meta\":{\"total_pages\":2}}");
	ok(!result.answered, "found: one page of two is none");
	result = found(&gateway, &text, 500, "{\"data\":[]}");
	ok(!result.answered, "found: nor is a failure");
	result = found(&gateway, &text, 200, "{\"data\":{}}");
	ok(!result.answered, "found: nor what is no list");
	result = found(&gateway, &text, 200, "");
	ok(!result.answered, "found: nor nothing at all");
}

static void
test_texts(void)
{
	Hook hook;

	is_num(events_payload(&gateway, "telnyx-inbound.json", "", &hook), 0,
		   "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "b301ed3f-1490-491f-995f-6e64e69674d4",
		   "... with a key");
	is_str(hook.events[0].provider_id, "84cca175-9755-4859-b67f-4730d7f58aa3",
		   "... with its id");
	is_str(hook.events[0].from, "+13125550001", "... from the voter");
	is_str(hook.events[0].to, "+17735550002", "... to us");
	is_str(hook.events[0].body, "Hello from Telnyx!", "... with its body");
	is_str(hook.events[0].media, "[]", "... no media");
	is_str(hook.events[0].status, NULL, "... no opt-out type");
	is_num((long long) hook.n_signatures, 0, "... and unsigned");
	hook_free(&hook);

	is_num(events_payload(&gateway, "telnyx-inbound-stop.json", "", &hook), 0,
		   "a STOP");
	is_str(hook.events[0].status, "stop", "... that Telnyx knows as one");
	hook_free(&hook);

	is_num(events_payload(&gateway, "telnyx-inbound-mms.json", "", &hook), 0,
		   "a picture");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://media.telnyx.com/example-image.png\","
		   "\"content_type\":\"image/png\",\"size\":102400}]",
		   "... and where it is");
	hook_free(&hook);
}

static void
test_receipts(void)
{
	static const char *const statuses[][2] = {
		{"queued", "queued"},
		{"sending", "sending"},
		{"sent", "sent"},
		{"delivered", "delivered"},
		{"sending_failed", "failed"},
		{"delivery_failed", "undelivered"},
		{"delivery_unconfirmed", "sent"},
		{"expired", "failed"},
		{"webhook_delivered", NULL},
		{"", NULL},
	};
	Hook hook;

	is_num(events_payload(&gateway, "telnyx-status.json", "17-abc", &hook), 0,
		   "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key, "4ee8c3a6-4995-4309-a3c6-38e3db9ea4be",
		   "... with a key");
	is_str(hook.events[0].provider_id, "ac012cbf-5e09-46af-a69a-7c0e2d90993c",
		   "... with the text's id");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "delivered", "... and its status");
	is_str(hook.events[0].code, "", "... without an error");
	is_str(hook.events[0].from, "+13125550001", "... from us");
	is_str(hook.events[0].to, "+13125550002", "... to the voter");
	hook_free(&hook);

	is_num(events_payload(&gateway, "telnyx-status-failed.json", "", &hook), 0,
		   "a receipt without a ref");
	is_str(hook.events[0].status, "undelivered", "... that failed");
	is_str(hook.events[0].code, "40008", "... and why");
	is_str(hook.events[0].detail, "Carrier did not accept the message",
		   "... in words");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		char body[300];
		TestHook test = {.ref = "r", .body = body};
		int status;

		snprintf(body, sizeof(body),
				 "{\"data\":{\"event_type\":\"message.sent\",\"id\":\"e\","
				 "\"payload\":{\"id\":\"m\",\"from\":{\"phone_number\":\"1\"},"
				 "\"to\":[{\"phone_number\":\"2\",\"status\":\"%s\"}]}}}",
				 statuses[i][0]);
		status = events(&gateway, &test, &hook);
		ok(status == 0 && (statuses[i][1] ? hook.n_events == 1 &&
												strcmp(hook.events[0].status,
													   statuses[i][1]) == 0
										  : hook.n_events == 0),
		   "status \"%s\" is %s", statuses[i][0],
		   statuses[i][1] ? statuses[i][1] : "no event");
		hook_free(&hook);
	}
}

#define EVENT(type, payload)                                                   \
	"{\"data\":{\"event_type\":\"" type "\",\"id\":\"e\",\"payload\":" payload \
	"}}"

static void
test_refused(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"data\":{}}",
		"{\"data\":{\"event_type\":\"message.sent\",\"id\":\"e\"}}",
		EVENT("message.received", "{}"),
		EVENT("message.received", "[]"),
		EVENT("message.received", "{\"id\":\"\",\"from\":{\"phone_number\":"
								  "\"1\"},\"to\":[{\"phone_number\":\"2\"}]}"),
		EVENT("message.received", "{\"id\":\"m\",\"from\":{\"phone_number\":"
								  "\"1\"},\"to\":[]}"),
		EVENT("message.received", "{\"id\":\"m\",\"from\":\"1\","
								  "\"to\":[{\"phone_number\":\"2\"}]}"),
		EVENT("message.received", "{\"id\":\"m\\u0000\",\"from\":"
								  "{\"phone_number\":\"1\"},"
								  "\"to\":[{\"phone_number\":\"2\"}]}"),
	};
	TestHook other = {.body = EVENT("call.initiated", "{}")};
	TestHook latin = {.body = EVENT("call.initiated", "\"\xff\"")};
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		TestHook test = {.body = bad[i]};

		is_num(events(&gateway, &test, &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
	is_num(events(&gateway, &latin, &hook), 400, "what is not UTF-8");
	hook_free(&hook);
	is_num(events(&gateway, &other, &hook), 0, "an event of another kind");
	is_num((long long) hook.n_events, 0, "... is not for us");
	hook_free(&hook);
}

/* As the worker does it, with the public key for a secret. */
static bool
verify(const Hook *hook, const char *key)
{
	unsigned char raw[48];
	EVP_PKEY *public_key;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool valid;

	EVP_DecodeBlock(raw, (const unsigned char *) key, 44);
	public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
	valid =
		hook->n_signatures == 1 && hook->n_signed == 1 &&
		hook->proof == WIRE_PROOF_ED25519 &&
		EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
		EVP_DigestVerify(context, (unsigned char *) hook->signatures[0].data,
						 hook->signatures[0].len,
						 (unsigned char *) hook->signed_strings[0].data,
						 hook->signed_strings[0].len) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	return valid;
}

static bool
signature_holds(const TestHook *test, const char *key)
{
	Hook hook;
	bool valid;

	events(&gateway, test, &hook);
	valid = verify(&hook, key);
	hook_free(&hook);
	return valid;
}

static void
test_signatures(void)
{
	static const char *const other_key =
		"PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
	json_t *root = json_load_file(PAYLOADS "telnyx-signatures.json", 0, NULL);
	json_t *vector = json_array_get(json_object_get(root, "vectors"), 0);
	const char *key, *time, *body, *signature;
	TestHook good = {0};
	TestHook bad;
	Buf tampered = {0};
	Hook hook;

	if (!ok(json_unpack(vector, "{s:s, s:s, s:s, s:{s:s}}", "public_key_base64",
						&key, "timestamp", &time, "raw_body", &body, "headers",
						"telnyx-signature-ed25519", &signature) == 0,
			"the signature is there"))
		return;
	good.body = body;
	good.now = strtoll(time, NULL, 10);
	good.headers[0][0] = "telnyx-signature-ed25519";
	good.headers[0][1] = signature;
	good.headers[1][0] = "telnyx-timestamp";
	good.headers[1][1] = time;
	ok(signature_holds(&good, key), "a signature holds");
	ok(!signature_holds(&good, other_key), "... for no other key");

	for (int off = -301; off <= 301; off += 602)
	{
		bad = good;
		bad.now += off;
		ok(!signature_holds(&bad, key), "... nor %d s from its time", off);
		bad.now += off < 0 ? 1 : -1;
		ok(signature_holds(&bad, key), "... but a second nearer");
	}
	bad = good;
	buf_puts(&tampered, body);
	tampered.data[tampered.len - 3] ^= 1;
	bad.body = tampered.data;
	ok(!signature_holds(&bad, key), "... nor for another body");
	bad = good;
	bad.headers[1][1] = "1795476001";
	ok(!signature_holds(&bad, key), "... nor for another time");
	bad.headers[1][1] = "+1795476000";
	events(&gateway, &bad, &hook);
	is_num((long long) hook.n_signatures, 0,
		   "... and of one that is not all digits there is none");
	hook_free(&hook);
	bad.headers[1][1] = "9999999999999999999999";
	ok(!signature_holds(&bad, key), "... nor one beyond all times");
	bad.headers[1][1] = "";
	ok(!signature_holds(&bad, key), "... nor an empty one");
	bad.headers[1][0] = NULL;
	ok(!signature_holds(&bad, key), "... nor without one");
	bad = good;
	bad.headers[0][1] = "not base64";
	ok(!signature_holds(&bad, key), "... nor if it is not base64");
	bad.headers[0][1] = "AAAA";
	ok(!signature_holds(&bad, key), "... nor if it is too short");
	buf_free(&tampered);
	json_decref(root);
}

/* The primitive that verify() stands on. */
static void
test_rfc8032(void)
{
	json_t *root = json_load_file(PAYLOADS "telnyx-signatures.json", 0, NULL);
	json_t *vector = json_array_get(json_object_get(root, "vectors"), 1);
	const char *key, *hex;
	unsigned char signature[64] = {0};
	Hook hook = {0};

	if (!ok(json_unpack(vector, "{s:s, s:s}", "public_key_base64", &key,
						"expected_signature_hex", &hex) == 0,
			"RFC 8032's test is there"))
		return;
	for (size_t i = 0; i < sizeof(signature) && strlen(hex) == 128; i++)
		sscanf(&hex[2 * i], "%2hhx", &signature[i]);
	hook_signature(&hook, WIRE_PROOF_ED25519, signature, sizeof(signature));
	hook_signed(&hook, "", 0);
	ok(verify(&hook, key), "RFC 8032's signature holds");
	hook.signatures[0].data[0] ^= 1;
	ok(!verify(&hook, key), "... as it is");
	hook_free(&hook);
	json_decref(root);
}

int
main(void)
{
	test_build();
	test_parse();
	test_find();
	test_texts();
	test_receipts();
	test_refused();
	test_signatures();
	test_rfc8032();
	return done_testing();
}
