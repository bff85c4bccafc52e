/*-------------------------------------------------------------------------
 *
 * twilio.c
 *	  Tests of the Twilio adapter against what Twilio documents.
 *
 * test/unit/twilio.c
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
						  .account = "AC1",
						  .secret = "token",
						  .public_url = "https://text.example.org",
						  .adapter = &twilio_adapter};

static Text text = {.id = 1,
					.ref = "17-abc",
					.from = "+12025550100",
					.to = "+14155552345",
					.body = "Hi & bye",
					.claimed_at = 1700000000};

#define MESSAGES "/2010-04-01/Accounts/AC1/Messages.json"

static void
test_build(void)
{
	Gateway other = gateway;
	Text brief = text;
	HttpRequest req = {0};

	twilio_adapter.build(&gateway, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data, "https://api.twilio.com" MESSAGES, "build: URL");
	is_str(req.headers.data,
		   "Content-Type: application/x-www-form-urlencoded\n",
		   "build: headers");
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100&Body=Hi+%26+bye"
		   "&StatusCallback=https%3A%2F%2Ftext.example.org%2Fwebhook%2Fmain"
		   "%2Fstatus%2F17-abc%23rc%3D3%26rp%3Dct%2Crt%2C5xx",
		   "build: body");
	is_str(req.user, "AC1", "build: user");
	is_str(req.password, "token", "build: password");
	free_request(&req);

	other.base_url = "http://localhost:1/x";
	other.account = "A/../C";
	other.public_url = "";
	brief.validity_s = 600;
	twilio_adapter.build(&other, &brief, &req);
	is_str(req.url.data,
		   "http://localhost:1/x/2010-04-01/Accounts/A%2F..%2FC/Messages.json",
		   "build: another base, and an account to be escaped");
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100&Body=Hi+%26+bye"
		   "&ValidityPeriod=600",
		   "build: no callback without a public URL; a validity");
	free_request(&req);
}

static void
test_build_more(void)
{
	char *media[] = {"https://m.example.org/a.png?x=1&y",
					 "https://m.example.org/b.png"};
	Gateway other = gateway;
	Text picture = text;
	HttpRequest req = {0};

	other.public_url = "";
	picture.media = media;
	picture.n_media = 2;
	picture.validity_s = 36001;
	twilio_adapter.build(&other, &picture, &req);
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100&Body=Hi+%26+bye"
		   "&MediaUrl=https%3A%2F%2Fm.example.org%2Fa.png%3Fx%3D1%26y"
		   "&MediaUrl=https%3A%2F%2Fm.example.org%2Fb.png"
		   "&ValidityPeriod=36000",
		   "build: pictures, for as long as may be");
	free_request(&req);

	picture.body = "";
	picture.n_media = 1;
	picture.validity_s = 0;
	other.settings = json_pack("{s:s}", "messaging_service_sid", "MG1");
	twilio_adapter.build(&other, &picture, &req);
	is_str(req.body.data,
		   "To=%2B14155552345&MessagingServiceSid=MG1"
		   "&MediaUrl=https%3A%2F%2Fm.example.org%2Fa.png%3Fx%3D1%26y",
		   "build: a service instead of a number, no words");
	json_decref(other.settings);
	free_request(&req);
}

static void
test_check(void)
{
	Gateway bad = gateway;

	is_str(twilio_adapter.check(&gateway), NULL, "check: all is there");
	bad.account = "";
	ok(strstr(twilio_adapter.check(&bad), "no account"), "check: no account");
	bad = gateway;
	bad.secret = "";
	ok(strstr(twilio_adapter.check(&bad), "no auth token"), "check: no token");
}

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{400, "{\"code\":21610}", WIRE_OPTED_OUT, "21610", 0, 0},
		{400, "{\"code\":21611}", WIRE_DEFERRED, "21611", WIRE_SCOPE_SENDER,
		 1000},
		{429, "{\"code\":20429}", WIRE_DEFERRED, "20429", WIRE_SCOPE_GATEWAY,
		 1000},
		{429, "", WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{429, "{\"code\":63038}", WIRE_DEFERRED, "63038", WIRE_SCOPE_GATEWAY,
		 1000},
		{401, "{\"code\":20003}", WIRE_DEFERRED, "20003", WIRE_SCOPE_GATEWAY,
		 30000},
		{403, "{\"code\":20005}", WIRE_DEFERRED, "20005", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, "{\"code\":21606}", WIRE_DEFERRED, "21606", WIRE_SCOPE_SENDER,
		 30000},
		{403, "{\"code\":21211}", WIRE_FAILED, "21211", 0, 0},
		{403, "{\"code\":21408}", WIRE_FAILED, "21408", 0, 0},
		{403, "{\"code\":21604}", WIRE_FAILED, "21604", 0, 0},
		{403, "{\"code\":21608}", WIRE_FAILED, "21608", 0, 0},
		{403, "{\"code\":21612}", WIRE_FAILED, "21612", 0, 0},
		{403, "{\"code\":21614}", WIRE_FAILED, "21614", 0, 0},
		{403, "{\"code\":21617}", WIRE_FAILED, "21617", 0, 0},
		{400, "{\"code\":1}", WIRE_FAILED, "1", 0, 0},
		{403, "{\"code\":1}", WIRE_DEFERRED, "1", WIRE_SCOPE_GATEWAY, 30000},
		{401, "", WIRE_DEFERRED, "http-401", WIRE_SCOPE_GATEWAY, 30000},
		{404, "{\"code\":20404}", WIRE_DEFERRED, "20404", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, "<html>", WIRE_RETRY, "http-400", 0, 0},
		{400, "{\"code\":null}", WIRE_RETRY, "http-400", 0, 0},
		{408, "", WIRE_RETRY, "http-408", 0, 0},
		{302, "", WIRE_DEFERRED, "http-302", WIRE_SCOPE_GATEWAY, 30000},
		{303, "", WIRE_UNKNOWN, "http-303", 0, 0},
		{500, "{\"code\":20500}", WIRE_UNKNOWN, "http-500", 0, 0},
		{503, "", WIRE_UNKNOWN, "http-503", 0, 0},
		{201, "", WIRE_UNKNOWN, "http-201", 0, 0},
		{201, "{}", WIRE_UNKNOWN, "http-201", 0, 0},
		{201, "{\"sid\":\"\"}", WIRE_UNKNOWN, "http-201", 0, 0},
		{201, "{\"sid\":7}", WIRE_UNKNOWN, "http-201", 0, 0},
		{201, "{\"sid\":\"SM\\u0000\"}", WIRE_UNKNOWN, "http-201", 0, 0},
		{204, "", WIRE_UNKNOWN, "http-204", 0, 0},
	};
	SendResult result;

	result = parse_payload(&twilio_adapter, 201, "twilio-send-ok.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		   "... and its id");
	is_num(result.segments, 1, "... and segments");
	result = parse_payload(&twilio_adapter, 201, "twilio-send-ok-service.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text, from null");
	result = parse_payload(&twilio_adapter, 400, "twilio-send-error.json");
	is_num(result.outcome, WIRE_FAILED, "a bad number");
	is_str(result.code, "21211", "... and its code");
	is_str(result.text,
		   "The 'To' number 5551234567 is not a valid phone number.",
		   "... and text");
	result =
		parse_payload(&twilio_adapter, 400, "twilio-send-error-optout.json");
	is_num(result.outcome, WIRE_OPTED_OUT, "an opt-out");
	result = parse_payload(&twilio_adapter, 429, "twilio-send-error-rate.json");
	is_num(result.outcome, WIRE_DEFERRED, "too many requests");

	test_parse_cases(&twilio_adapter, cases, sizeof(cases) / sizeof(cases[0]));
	result = parse(&twilio_adapter, 429, "{\"code\":20429}", 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
	result = parse(&twilio_adapter, 401, "", 60000);
	is_num(result.retry_after_ms, 60000, "... whatever the status");
	result = parse(&twilio_adapter, 400, "{\"code\":21606}", 60000);
	is_num(result.retry_after_ms, 60000, "... and whatever the code");
}

static void
test_find(void)
{
	Gateway other = gateway;
	HttpRequest req = {0};

	twilio_adapter.find(&gateway, &text, &req);
	is_str(req.method, "GET", "find: method");
	is_str(req.url.data,
		   "https://api.twilio.com" MESSAGES
		   "?To=%2B14155552345&From=%2B12025550100&PageSize=50",
		   "find: URL");
	is_str(req.user, "AC1", "find: user");
	is_str(req.password, "token", "find: password");
	ok(req.headers.len == 0 && req.body.len == 0, "find: nothing else");
	free_request(&req);

	other.settings = json_pack("{s:s}", "messaging_service_sid", "MG1");
	twilio_adapter.find(&other, &text, &req);
	is_str(req.url.data,
		   "https://api.twilio.com" MESSAGES "?To=%2B14155552345&PageSize=50",
		   "find: of a service, from any number");
	free_request(&req);
	json_decref(other.settings);
}

static void
test_found(void)
{
	Gateway other = gateway;
	Text picture = text;
	FindResult result;
	size_t len;
	char *list = read_payload("twilio-list.json", &len);

	result = found(&gateway, &text, 200, list);
	ok(result.answered, "found: an answer");
	is_found(&result,
			 "SM00000000000000000000000000000001 "
			 "SM00000000000000000000000000000005 "
			 "SM00000000000000000000000000000007",
			 "found: those of the right numbers, body and time");
	other.settings = json_pack("{s:s}", "messaging_service_sid", "MG1");
	result = found(&other, &text, 200, list);
	is_found(&result,
			 "SM00000000000000000000000000000001 "
			 "SM00000000000000000000000000000004",
			 "found: those of the service");
	json_decref(other.settings);
	free(list);

	picture.body = "";
	result = found(&gateway, &picture, 200,
				   "{\"messages\":[{\"sid\":\"MM1\",\"to\":\"+14155552345\","
				   "\"from\":\"+12025550100\",\"body\":null,\"date_created\":"
				   "\"Tue, 14 Nov 2023 22:13:20 +0000\"}]}");
	is_found(&result, "MM1", "found: a picture without words");
	result = found(&gateway, &text, 200, "{\"messages\":[]}");
	ok(result.answered && result.n == 0, "found: nothing is an answer");
	result = found(&gateway, &text, 200,
				   "{\"messages\":[],\"next_page_uri\":\"/x\"}");
	ok(!result.answered, "found: one page of two is none");
	result = found(&gateway, &text, 503, "{\"messages\":[]}");
	ok(!result.answered, "found: nor is a failure");
	result = found(&gateway, &text, 200, "{\"messages\":{}}");
	ok(!result.answered, "found: nor what is no list");
	result = found(&gateway, &text, 200, "<html>");
	ok(!result.answered, "found: nor what is no JSON");
}

static void
test_texts(void)
{
	Hook hook;

	is_num(events_payload(&gateway, "twilio-inbound.form", "", &hook), 0,
		   "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "SM00000000000000000000000000000001",
		   "... with a key");
	is_str(hook.events[0].from, "+14017122661", "... from the voter");
	is_str(hook.events[0].to, "+15558675310", "... to us");
	is_str(hook.events[0].body, "Ahoy! Let's build something amazing.",
		   "... with its body");
	is_str(hook.events[0].media, "[]", "... no media");
	is_str(hook.events[0].status, NULL, "... no opt-out type");
	hook_free(&hook);

	is_num(events_payload(&gateway, "twilio-inbound-stop.form", "", &hook), 0,
		   "a STOP");
	is_str(hook.events[0].status, "stop", "... that Twilio knows as one");
	hook_free(&hook);

	is_num(events_payload(&gateway, "twilio-inbound-mms.form", "", &hook), 0,
		   "a picture");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://api.twilio.com/2010-04-01/Accounts/"
		   "AC00000000000000000000000000000000/Messages/"
		   "MM00000000000000000000000000000004/Media/"
		   "ME00000000000000000000000000000005\","
		   "\"content_type\":\"image/jpeg\"}]",
		   "... and where it is");
	is_str(hook.events[0].body, "", "... without words");
	hook_free(&hook);
}

static void
test_receipts(void)
{
	static const char *const statuses[][2] = {
		{"accepted", "queued"},
		{"scheduled", "queued"},
		{"queued", "queued"},
		{"sending", "sending"},
		{"sent", "sent"},
		{"delivered", "delivered"},
		{"undelivered", "undelivered"},
		{"failed", "failed"},
		{"canceled", "failed"},
		{"read", NULL},
		{"", NULL},
		{"partially_delivered", NULL},
	};
	Hook hook;

	is_num(events_payload(&gateway, "twilio-status.form", "17-abc", &hook), 0,
		   "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key, "SM1342fe1b2c904d1ab04f0fc7a58abca9:sent",
		   "... with a key");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "sent", "... and its status");
	hook_free(&hook);

	is_num(events_payload(&gateway, "twilio-status-failed.form", "", &hook), 0,
		   "a receipt without a ref");
	is_str(hook.events[0].status, "undelivered", "... that failed");
	is_str(hook.events[0].code, "30003", "... and why");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		char body[100];
		TestHook test = {.ref = "r", .body = body};
		int status;

		snprintf(body, sizeof(body), "MessageSid=SM1&MessageStatus=%s",
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

static void
test_refused(void)
{
	static const char *const bad[] = {
		"",
		"From=1&To=2&Body=x",
		"MessageSid=&From=1&To=2&Body=x",
		"MessageSid=SM1&From=1&To=2",
		"MessageSid=SM1&To=2&Body=x",
		"MessageSid=SM1&From=1&To=2&Body=%00",
		"MessageSid=SM1&From=1&To=2&Body=%FF",
	};
	TestHook astray = {.ref = "r", .body = "MessageSid=SM1&From=1&To=2&Body=x"};
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		TestHook test = {.body = bad[i]};

		is_num(events(&gateway, &test, &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
	is_num(events(&gateway, &astray, &hook), 400, "a text for a receipt's URL");
	is_num((long long) hook.n_events, 0, "... is no event");
	hook_free(&hook);
}

/* As the worker does it: is one of the strings what was signed? */
static bool
verify(const Hook *hook, const char *token)
{
	for (size_t i = 0; i < hook->n_signed; i++)
	{
		unsigned char mac[EVP_MAX_MD_SIZE];
		unsigned len = 0;

		HMAC(EVP_sha1(), token, (int) strlen(token),
			 (const unsigned char *) hook->signed_strings[i].data,
			 hook->signed_strings[i].len, mac, &len);
		if (len == hook->signatures[0].len &&
			memcmp(mac, hook->signatures[0].data, len) == 0)
			return true;
	}
	return false;
}

static void
add_param(Buf *body, const char *key, const json_t *value)
{
	if (json_is_string(value))
		form_add(body, key, json_string_value(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		add_param(body, key, json_array_get(value, i));
}

/* A webhook as a vector of the file has it. */
static void
take_vector(json_t *vector, TestHook *test, Buf *body)
{
	const char *raw = json_string_value(json_object_get(vector, "raw_body"));
	json_t *params = json_object_get(vector, "params");
	const char *key;
	json_t *value;

	json_object_foreach(params, key, value)
	{
		add_param(body, key, value);
	}
	if (raw)
		buf_puts(body, raw);
	test->headers[0][0] = "X-Twilio-Signature";
	test->headers[0][1] =
		json_string_value(json_object_get(vector, "expected"));
	if (raw)
	{
		test->headers[1][0] = "Content-Type";
		test->headers[1][1] = "application/json; charset=utf-8";
	}
	test->body = buf_str(body);
}

static bool
signature_holds(const TestHook *test, const char *token)
{
	Hook hook;
	bool holds;

	events(&gateway, test, &hook);
	holds = hook.n_signatures == 1 && hook.proof == WIRE_PROOF_HMAC_SHA1 &&
			verify(&hook, token);
	hook_free(&hook);
	return holds;
}

static void
test_vector(json_t *vector)
{
	const char *name = json_string_value(json_object_get(vector, "name"));
	const char *url = json_string_value(json_object_get(vector, "request_url"));
	const char *token =
		json_string_value(json_object_get(vector, "auth_token"));
	const char *path = strchr(strstr(url, "://") + 3, '/');
	char *public_url = strndup(url, (size_t) (path - url));
	TestHook test = {.target = path};
	Buf body = {0};

	take_vector(vector, &test, &body);
	gateway.public_url = public_url;
	ok(signature_holds(&test, token), "signature %s", name);
	ok(!signature_holds(&test, "54321"), "... by no other secret");
	gateway.public_url = "https://evil.example.org";
	ok(!signature_holds(&test, token), "... nor for another URL");
	gateway.public_url = public_url;
	if (test.headers[1][0])
		buf_puts(&body, " "); /* still the same JSON */
	else
		form_add(&body, "Z", "more");
	test.body = body.data;
	ok(!signature_holds(&test, token), "... nor for another body");
	gateway.public_url = "https://text.example.org";
	buf_free(&body);
	free(public_url);
}

static void
test_json(void)
{
	static const char *const bad[] = {"", "[]", "7", "{\"MessageSid\":\"SM1\"",
									  "{\"MessageSid\":7}"};
	TestHook test = {.body = "{\"MessageSid\":\"SM1\",\"From\":\"+1\","
							 "\"To\":\"+2\",\"Body\":\"a&b=\\u20ac\","
							 "\"NumMedia\":1,\"MediaUrl0\":\"https://m/\","
							 "\"Else\":[null]}",
					 .headers = {{"Content-Type", "application/json"},
								 {"X-Twilio-Signature", "AAAA"}}};
	Hook hook;

	is_num(events(&gateway, &test, &hook), 0, "a text in JSON");
	is_str(hook.events[0].dedupe_key, "SM1", "... with a key");
	is_str(hook.events[0].body, "a&b=\xe2\x82\xac", "... and its body");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://m/\",\"content_type\":\"\"}]", "... and media");
	is_num((long long) hook.n_signatures, 0,
		   "... proves nothing without a hash in the URL");
	hook_free(&hook);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		test.body = bad[i];
		is_num(events(&gateway, &test, &hook), 400, bad[i]);
		hook_free(&hook);
	}
}

static void
test_signatures(void)
{
	static const char *const bases[][2] = {
		{"https://[::1]", "https://[::1]:443/w"},
		{"https://[::1]:8443", "https://[::1]/w"},
		{"http://h:1", "http://h/w"},
		{"https://u:p@h", "https://u:p@h:443/w"},
	};
	json_t *root = json_load_file(PAYLOADS "twilio-signatures.json", 0, NULL);
	json_t *vectors = json_object_get(root, "vectors");
	TestHook test = {.target = "/w",
					 .body = "",
					 .headers = {{"X-Twilio-Signature", "not base64"}}};
	Hook hook;

	ok(json_array_size(vectors) == 15, "the signatures are there");
	for (size_t i = 0; i < json_array_size(vectors); i++)
		test_vector(json_array_get(vectors, i));
	json_decref(root);

	for (size_t i = 0; i < 4; i++)
	{
		bool listed = false;

		gateway.public_url = (char *) bases[i][0];
		events(&gateway, &test, &hook);
		for (size_t j = 0; j < hook.n_signed; j++)
			listed =
				listed || strcmp(hook.signed_strings[j].data, bases[i][1]) == 0;
		ok(listed && hook.n_signed == 2, "%s may be signed as %s", bases[i][0],
		   bases[i][1]);
		is_num((long long) hook.n_signatures, 0,
			   "... but not by what is not base64");
		hook_free(&hook);
	}
	gateway.public_url = "";
	events(&gateway, &test, &hook);
	is_num((long long) hook.n_signed, 0,
		   "without a public URL nothing is signed");
	hook_free(&hook);
}

int
main(void)
{
	test_build();
	test_build_more();
	test_check();
	test_parse();
	test_find();
	test_found();
	test_texts();
	test_receipts();
	test_refused();
	test_json();
	test_signatures();
	return done_testing();
}
