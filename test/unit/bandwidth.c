/*-------------------------------------------------------------------------
 *
 * bandwidth.c
 *	  Tests of the Bandwidth adapter against what Bandwidth documents.
 *
 * test/unit/bandwidth.c
 *
 *-------------------------------------------------------------------------
 */
#include "adapter.h"

#include "form.h"

static Gateway gateway = {.id = 1,
						  .name = "main",
						  .base_url = "",
						  .account = "9900000",
						  .secret = "Aladdin:open:sesame",
						  .public_url = "https://text.example.org",
						  .adapter = &bandwidth_adapter};

static Text text = {.id = 1,
					.ref = "17-abc",
					.from = "+12025550100",
					.to = "+14155552345",
					.body = "Hi & bye",
					.claimed_at = 1700000000};

static void
test_check(void)
{
	Gateway bad = gateway;

	is_str(bandwidth_adapter.check(&gateway), NULL, "check: all is there");
	bad.account = "";
	ok(strstr(bandwidth_adapter.check(&bad), "no account"),
	   "check: no account");
	bad = gateway;
	bad.settings = NULL;
	ok(strstr(bandwidth_adapter.check(&bad), "no application_id"),
	   "check: no application");
	bad = gateway;
	bad.secret = "Aladdin";
	ok(strstr(bandwidth_adapter.check(&bad), "no user:password"),
	   "check: no password");
}

static void
test_build(void)
{
	char *media[] = {"https://m.example.org/a.png"};
	Gateway other = gateway;
	Text picture = text;
	HttpRequest req = {0};

	bandwidth_adapter.build(&gateway, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data,
		   "https://messaging.bandwidth.com/api/v2/users/9900000/messages",
		   "build: URL");
	is_str(req.headers.data,
		   "Authorization: Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==\n"
		   "Content-Type: application/json\n",
		   "build: headers");
	is_str(req.body.data,
		   "{\"applicationId\":\"app-1\",\"to\":[\"+14155552345\"],"
		   "\"from\":\"+12025550100\",\"text\":\"Hi & bye\","
		   "\"tag\":\"17-abc\"}",
		   "build: body");
	free_request(&req);

	other.base_url = "http://localhost:1/x";
	other.account = "9/../1";
	other.secret = "u:p";
	picture.body = "";
	picture.media = media;
	picture.n_media = 1;
	picture.validity_s = 3600;
	bandwidth_adapter.build(&other, &picture, &req);
	is_str(req.url.data,
		   "http://localhost:1/x/api/v2/users/9%2F..%2F1/messages",
		   "build: another base, and an account to be escaped");
	is_str(req.headers.data,
		   "Authorization: Basic dTpw\nContent-Type: application/json\n",
		   "build: another secret");
	is_str(req.body.data,
		   "{\"applicationId\":\"app-1\",\"to\":[\"+14155552345\"],"
		   "\"from\":\"+12025550100\","
		   "\"media\":[\"https://m.example.org/a.png\"],\"tag\":\"17-abc\","
		   "\"expiration\":\"2023-11-14T23:13:20Z\"}",
		   "build: a picture without words, and until when it may come");
	free_request(&req);
}

#define ERROR(type) "{\"type\":\"" type "\",\"description\":\"d\"}"
#define FIELD(name)                                     \
	"{\"type\":\"request-validation\",\"fieldErrors\":" \
	"[{\"fieldName\":\"" name "\",\"description\":\"d\"}]}"

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{400, FIELD("to"), WIRE_FAILED, "request-validation", 0, 0},
		{400, FIELD("text"), WIRE_FAILED, "request-validation", 0, 0},
		{400, FIELD("from"), WIRE_DEFERRED, "request-validation",
		 WIRE_SCOPE_SENDER, 30000},
		{400, FIELD("applicationId"), WIRE_DEFERRED, "request-validation",
		 WIRE_SCOPE_GATEWAY, 30000},
		{400, ERROR("request-validation"), WIRE_FAILED, "request-validation", 0,
		 0},
		{401, ERROR("unauthorized"), WIRE_DEFERRED, "unauthorized",
		 WIRE_SCOPE_GATEWAY, 30000},
		{403, ERROR("forbidden"), WIRE_DEFERRED, "forbidden",
		 WIRE_SCOPE_GATEWAY, 30000},
		{429, ERROR("max-message-queue-size-exceeded"), WIRE_DEFERRED,
		 "max-message-queue-size-exceeded", WIRE_SCOPE_GATEWAY, 1000},
		{429, ERROR("else"), WIRE_DEFERRED, "else", WIRE_SCOPE_GATEWAY, 1000},
		{422, ERROR("else"), WIRE_FAILED, "else", 0, 0},
		{404, ERROR("not-found"), WIRE_DEFERRED, "not-found",
		 WIRE_SCOPE_GATEWAY, 30000},
		{429, "", WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{401, "", WIRE_DEFERRED, "http-401", WIRE_SCOPE_GATEWAY, 30000},
		{400, "<html>", WIRE_RETRY, "http-400", 0, 0},
		{500, ERROR("internal-server-error"), WIRE_RETRY,
		 "internal-server-error", 0, 0},
		{502, "<html>", WIRE_UNKNOWN, "http-502", 0, 0},
		{504, "", WIRE_UNKNOWN, "http-504", 0, 0},
		{202, "", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"id\":\"\"}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"id\":7}", WIRE_UNKNOWN, "http-202", 0, 0},
	};
	SendResult result =
		parse_payload(&bandwidth_adapter, 202, "bandwidth-send-ok.json");

	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "1589228074636lm4k2je7j7jklbn2",
		   "... and its id");
	is_num(result.segments, 1, "... and segments");
	result =
		parse_payload(&bandwidth_adapter, 400, "bandwidth-send-error.json");
	is_num(result.outcome, WIRE_DEFERRED, "a bad sender");
	is_str(result.text,
		   "'+invalid' must be replaced with a valid E164 formatted telephone "
		   "number",
		   "... and what is wrong with it");
	result = parse_payload(&bandwidth_adapter, 429,
						   "bandwidth-send-error-rate.json");
	is_num(result.outcome, WIRE_DEFERRED, "a full queue");
	ok(strncmp(result.text, "The SMS queue for your account is full", 38) == 0,
	   "... in words");
	result = parse(&bandwidth_adapter, 429,
				   ERROR("max-message-queue-size-exceeded"), 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
	test_parse_cases(&bandwidth_adapter, cases,
					 sizeof(cases) / sizeof(cases[0]));
}

static void
test_find(void)
{
	HttpRequest req = {0};
	FindResult result;
	size_t len;
	char *list = read_payload("bandwidth-list.json", &len);

	bandwidth_adapter.find(&gateway, &text, &req);
	is_str(req.method, "GET", "find: method");
	is_str(req.headers.data,
		   "Authorization: Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==\n",
		   "find: headers");
	is_str(req.url.data,
		   "https://messaging.bandwidth.com/api/v2/users/9900000/messages"
		   "?messageDirection=OUTBOUND&sourceTn=%2B12025550100"
		   "&destinationTn=%2B14155552345"
		   "&fromDateTime=2023-11-14T22%3A08%3A20Z"
		   "&toDateTime=2023-11-14T22%3A28%3A20Z&limit=100",
		   "find: URL");
	free_request(&req);

	result = found(&gateway, &text, 200, list);
	ok(result.answered, "found: an answer");
	is_found(&result,
			 "1700000000001lm4k2je7j7jklbn2 1700000000005lm4k2je7j7jklbn2 "
			 "1700000000007lm4k2je7j7jklbn2",
			 "found: those of the right numbers, way and time");
	free(list);

	result = found(&gateway, &text, 200, "{\"messages\":[]}");
	ok(result.answered && result.n == 0, "found: nothing is an answer");
	result = found(&gateway, &text, 200,
				   "{\"messages\":[],\"pageInfo\":{\"nextPage\":\"/x\"}}");
	ok(!result.answered, "found: one page of two is none");
	result = found(&gateway, &text, 429, "{\"messages\":[]}");
	ok(!result.answered, "found: nor is a refusal");
	result = found(&gateway, &text, 200, "[]");
	ok(!result.answered, "found: nor what is no list");
}

static void
test_texts(void)
{
	Hook hook;

	is_num(events_payload(&gateway, "bandwidth-inbound.json", "", &hook), 0,
		   "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key,
		   "14762070468292kw2fuqty55yp2b2:+12345678902:message-received",
		   "... with a key");
	is_str(hook.events[0].provider_id, "14762070468292kw2fuqty55yp2b2",
		   "... with its id");
	is_str(hook.events[0].from, "+12345678901", "... from the voter");
	is_str(hook.events[0].to, "+12345678902", "... to us");
	is_str(hook.events[0].body, "Hey, check out this SMS!",
		   "... with its body");
	is_str(hook.events[0].media, "[]", "... no media");
	hook_free(&hook);

	is_num(events_payload(&gateway, "bandwidth-inbound-mms.json", "", &hook), 0,
		   "a picture");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://messaging.bandwidth.com/api/v2/users/9900902/"
		   "media/14762070468292kw2fuqty55yp2b2/0/bw.png\","
		   "\"content_type\":\"\"}]",
		   "... and where it is");
	hook_free(&hook);
}

#define RECEIPT(type, more)                                           \
	"{\"type\":\"" type "\",\"to\":\"+1\",\"message\":{\"id\":\"m\"," \
	"\"from\":\"+2\",\"tag\":\"17-abc\"}" more "}"

static void
test_receipts(void)
{
	static const char *const statuses[][2] = {
		{RECEIPT("message-sending", ""), "sending"},
		{RECEIPT("message-sent", ""), "sent"},
		{RECEIPT("message-delivered", ""), "delivered"},
		{RECEIPT("message-failed", ",\"errorCode\":4775"), "failed"},
		{RECEIPT("message-failed", ",\"errorCode\":9902"), "sent"},
	};
	Hook hook;

	is_num(events_payload(&gateway, "bandwidth-status.json", "", &hook), 0,
		   "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key,
		   "14762070468292kw2fuqty55yp2b2:+12345678902:message-delivered",
		   "... with a key");
	is_str(hook.events[0].ref, NULL, "... no tag, no ref");
	is_str(hook.events[0].status, "delivered", "... its status");
	is_str(hook.events[0].code, "", "... no error");
	is_str(hook.events[0].detail, NULL, "... and no words for it");
	hook_free(&hook);

	events_payload(&gateway, "bandwidth-status-sending.json", "", &hook);
	is_str(hook.events[0].status, "sending", "a receipt on the way");
	is_str(hook.events[0].ref, "your tag here", "... its tag is the ref");
	hook_free(&hook);
	events_payload(&gateway, "bandwidth-status-sending.json", "17-abc", &hook);
	is_str(hook.events[0].ref, "17-abc", "... unless the path has one");
	hook_free(&hook);

	events_payload(&gateway, "bandwidth-status-failed.json", "", &hook);
	is_str(hook.events[0].status, "failed", "a receipt of a failure");
	is_str(hook.events[0].code, "4432", "... why");
	is_str(hook.events[0].detail, "forbidden to country", "... in words");
	is_str(hook.events[0].to, "+52345678903", "... for this recipient");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		Buf body = {0};
		TestHook test = {0};

		buf_printf(&body, "[%s]", statuses[i][0]);
		test.body = body.data;
		is_num(events(&gateway, &test, &hook), 0, statuses[i][0]);
		is_str(hook.events[0].status, statuses[i][1], "... is this status");
		is_str(hook.events[0].ref, "17-abc", "... of this text");
		hook_free(&hook);
		buf_free(&body);
	}
}

static void
test_arrays(void)
{
	TestHook two = {
		.body = "[" RECEIPT("message-sent", "") "," RECEIPT(
			"message-read", "") "," RECEIPT("message-delivered", "") "]"};
	TestHook none = {.body = "[]"};
	static const char *const bad[] = {
		"",
		"{}",
		RECEIPT("message-sent", ""),
		"[7]",
		"[{}]",
		"[{\"type\":\"message-sent\"}]",
		"[{\"type\":\"message-sent\",\"to\":\"+1\",\"message\":{}}]",
		"[{\"type\":\"message-sent\",\"to\":\"+1\",\"message\":"
		"{\"id\":\"\",\"from\":\"+2\"}}]",
		"[{\"type\":\"message-sent\",\"to\":\"\",\"message\":"
		"{\"id\":\"m\",\"from\":\"+2\"}}]",
		"[" RECEIPT("message-sent", "") ",{}]",
	};
	Hook hook;

	is_num(events(&gateway, &two, &hook), 0, "several receipts");
	is_num((long long) hook.n_events, 2, "... but those that tell us nothing");
	is_str(hook.events[1].dedupe_key, "m:+1:message-delivered",
		   "... in their order");
	hook_free(&hook);
	is_num(events(&gateway, &none, &hook), 0, "none at all");
	is_num((long long) hook.n_events, 0, "... is no event");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		TestHook test = {.body = bad[i]};

		is_num(events(&gateway, &test, &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
}

/* As the worker does it: is what was presented the secret? */
static bool
verify(const char *header, const char *secret)
{
	TestHook test = {.body = "[]",
					 .headers = {{header ? "Authorization" : NULL, header}}};
	Hook hook;
	bool same;

	events(&gateway, &test, &hook);
	same = hook.n_signatures == 1 && hook.proof == WIRE_PROOF_TOKEN &&
		   hook.signatures[0].len == strlen(secret) &&
		   memcmp(hook.signatures[0].data, secret, strlen(secret)) == 0;
	hook_free(&hook);
	return same;
}

static void
test_proof(void)
{
	json_t *root =
		json_load_file(PAYLOADS "bandwidth-signatures.json", 0, NULL);
	json_t *vector = json_array_get(json_object_get(root, "vectors"), 0);
	const char *user, *password, *header;
	Buf secret = {0};

	if (!ok(json_unpack(vector, "{s:s, s:s, s:s}", "user", &user, "password",
						&password, "expected", &header) == 0,
			"the signature is there"))
		return;
	buf_printf(&secret, "%s:%s", user, password);
	ok(verify(header, secret.data), "HTTP Basic holds");
	ok(!verify(header, "Aladdin:open"), "... for no other password");
	ok(verify("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", secret.data),
	   "... in small letters too");
	ok(!verify("Basic QWxhZGRpbjpvcGVuIHNlc2FtZA==", secret.data),
	   "... not if tampered with");
	ok(!verify("Token QWxhZGRpbjpvcGVuIHNlc2FtZQ==", secret.data),
	   "... nor by another name");
	ok(!verify("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", secret.data),
	   "... nor if it is not base64");
	ok(!verify("Basic ", "") && !verify("Basic", "") && !verify(NULL, ""),
	   "... and nothing is no proof");
	buf_free(&secret);
	json_decref(root);
}

int
main(void)
{
	gateway.settings = json_pack("{s:s}", "application_id", "app-1");
	test_check();
	test_build();
	test_parse();
	test_find();
	test_texts();
	test_receipts();
	test_arrays();
	test_proof();
	json_decref(gateway.settings);
	return done_testing();
}
