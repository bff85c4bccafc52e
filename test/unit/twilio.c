/*-------------------------------------------------------------------------
 *
 * twilio.c
 *	  Tests of the Twilio adapter against what Twilio documents.
 *
 * test/unit/twilio.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway/gateway.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "form.h"
#include "tap.h"

#define PAYLOADS "test/data/payloads/"

static Gateway gateway = {.id = 1,
						  .name = "main",
						  .base_url = "",
						  .account = "AC1",
						  .secret = "token",
						  .public_url = "https://text.example.org"};

static void
test_build(void)
{
	Text text = {.id = 1,
				 .ref = "17-abc",
				 .from = "+12025550100",
				 .to = "+14155552345",
				 .body = "Hi & bye"};
	HttpRequest req = {0};

	twilio_adapter.build(&gateway, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data,
		   "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
		   "build: URL");
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100&Body=Hi+%26+bye"
		   "&StatusCallback=https%3A%2F%2Ftext.example.org%2Fwebhook%2Fmain"
		   "%2Fstatus%2F17-abc%23rc%3D3%26rp%3Dct%2Crt%2C5xx",
		   "build: body");
	is_str(req.user, "AC1", "build: user");
	is_str(req.password, "token", "build: password");

	buf_clear(&req.url);
	buf_clear(&req.body);
	gateway.base_url = "http://localhost:1/x";
	gateway.account = "A/../C";
	gateway.public_url = "";
	text.validity_s = 600;
	twilio_adapter.build(&gateway, &text, &req);
	is_str(req.url.data,
		   "http://localhost:1/x/2010-04-01/Accounts/A%2F..%2FC/Messages.json",
		   "build: another base, and an account to be escaped");
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100&Body=Hi+%26+bye"
		   "&ValidityPeriod=600",
		   "build: no callback without a public URL; a validity");
	buf_free(&req.url);
	buf_free(&req.headers);
	buf_free(&req.body);
}

static SendResult
parse(long status, const char *body, size_t len, uint32_t retry_after_ms)
{
	HttpResponse res = {status, body, len, retry_after_ms};
	SendResult result = {0};

	twilio_adapter.parse(NULL, &res, &result);
	return result;
}

static SendResult
parse_file(long status, const char *name)
{
	char path[200];
	size_t len;
	char *body;
	SendResult result;

	snprintf(path, sizeof(path), PAYLOADS "%s", name);
	body = read_file(path, &len);
	result = parse(status, body, len, 0);
	free(body);
	return result;
}

static void
test_parse(void)
{
	static const struct
	{
		long status;
		const char *body;
		WireOutcome outcome;
		const char *code;
		uint32_t retry_after_ms;
	} cases[] = {
		{400, "{\"code\":21610}", WIRE_OPTED_OUT, "21610", 0},
		{400, "{\"code\":21611}", WIRE_DEFERRED, "21611", 1000},
		{400, "{\"code\":21617}", WIRE_FAILED, "21617", 0},
		{429, "{\"code\":20429}", WIRE_DEFERRED, "20429", 1000},
		{429, "", WIRE_DEFERRED, "http-429", 1000},
		{429, "{\"code\":63038}", WIRE_DEFERRED, "63038", 1000},
		{401, "{\"code\":20003}", WIRE_DEFERRED, "20003", 30000},
		{403, "{\"code\":20005}", WIRE_DEFERRED, "20005", 30000},
		{403, "{\"code\":1}", WIRE_DEFERRED, "1", 30000},
		{401, "", WIRE_DEFERRED, "http-401", 30000},
		{404, "{\"code\":20404}", WIRE_DEFERRED, "20404", 30000},
		{400, "<html>", WIRE_RETRY, "http-400", 0},
		{408, "", WIRE_RETRY, "http-408", 0},
		{302, "", WIRE_DEFERRED, "http-302", 30000},
		{303, "", WIRE_UNKNOWN, "http-303", 0},
		{500, "{\"code\":20500}", WIRE_UNKNOWN, "http-500", 0},
		{503, "", WIRE_UNKNOWN, "http-503", 0},
		{201, "", WIRE_UNKNOWN, "http-201", 0},
		{201, "{}", WIRE_UNKNOWN, "http-201", 0},
		{201, "{\"sid\":\"\"}", WIRE_UNKNOWN, "http-201", 0},
		{201, "{\"sid\":7}", WIRE_UNKNOWN, "http-201", 0},
		{201, "{\"sid\":\"SM\\u0000\"}", WIRE_UNKNOWN, "http-201", 0},
		{204, "", WIRE_UNKNOWN, "http-204", 0},
	};
	SendResult result;

	result = parse_file(201, "twilio-send-ok.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		   "... and its id");
	is_num(result.segments, 1, "... and segments");
	result = parse_file(201, "twilio-send-ok-service.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text, from null");
	result = parse_file(400, "twilio-send-error.json");
	is_num(result.outcome, WIRE_FAILED, "a bad number");
	is_str(result.code, "21211", "... and its code");
	is_str(result.text,
		   "The 'To' number 5551234567 is not a valid phone number.",
		   "... and text");
	result = parse_file(400, "twilio-send-error-optout.json");
	is_num(result.outcome, WIRE_OPTED_OUT, "an opt-out");
	result = parse_file(429, "twilio-send-error-rate.json");
	is_num(result.outcome, WIRE_DEFERRED, "too many requests");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		result =
			parse(cases[i].status, cases[i].body, strlen(cases[i].body), 0);
		ok(result.outcome == cases[i].outcome &&
			   strcmp(result.code, cases[i].code) == 0 &&
			   result.retry_after_ms == cases[i].retry_after_ms,
		   "%ld %s", cases[i].status, cases[i].body);
	}
	result = parse(429, "{\"code\":20429}", 14, 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
	result = parse(401, "", 0, 60000);
	is_num(result.retry_after_ms, 60000, "... whatever the status");
}

static const char *
get_header(void *arg, const char *name)
{
	return strcmp(name, "X-Twilio-Signature") == 0 ? arg : NULL;
}

static int
events(const char *body, size_t len, const char *ref, const char *target,
	   const char *signature, Hook *hook)
{
	HookRequest req = {.method = "POST",
					   .target = target,
					   .query = "",
					   .ref = ref,
					   .body = body,
					   .body_len = len,
					   .header = get_header,
					   .arg = (void *) signature};

	memset(hook, 0, sizeof(*hook));
	return twilio_adapter.events(&gateway, &req, hook);
}

static int
events_file(const char *name, const char *ref, Hook *hook)
{
	char path[200];
	size_t len;
	char *body;
	int status;

	snprintf(path, sizeof(path), PAYLOADS "%s", name);
	body = read_file(path, &len);
	while (len > 0 && body[len - 1] == '\n')
		body[--len] = '\0';
	status = events(body, len, ref, "/webhook/main", NULL, hook);
	free(body);
	return status;
}

static void
test_texts(void)
{
	Hook hook;

	is_num(events_file("twilio-inbound.form", "", &hook), 0, "a text");
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

	is_num(events_file("twilio-inbound-stop.form", "", &hook), 0, "a STOP");
	is_str(hook.events[0].status, "stop", "... that Twilio knows as one");
	hook_free(&hook);

	is_num(events_file("twilio-inbound-mms.form", "", &hook), 0, "a picture");
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

	is_num(events_file("twilio-status.form", "17-abc", &hook), 0, "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key, "SM1342fe1b2c904d1ab04f0fc7a58abca9:sent",
		   "... with a key");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "sent", "... and its status");
	hook_free(&hook);

	is_num(events_file("twilio-status-failed.form", "", &hook), 0,
		   "a receipt without a ref");
	is_str(hook.events[0].status, "undelivered", "... that failed");
	is_str(hook.events[0].code, "30003", "... and why");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		char body[100];
		int len = snprintf(body, sizeof(body),
						   "MessageSid=SM1&MessageStatus=%s", statuses[i][0]);
		int status = events(body, (size_t) len, "r", "/", NULL, &hook);

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
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		is_num(events(bad[i], strlen(bad[i]), "", "/", NULL, &hook), 400,
			   bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
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

static void
test_vector(json_t *vector)
{
	const char *name = json_string_value(json_object_get(vector, "name"));
	const char *url = json_string_value(json_object_get(vector, "request_url"));
	const char *token =
		json_string_value(json_object_get(vector, "auth_token"));
	const char *expected =
		json_string_value(json_object_get(vector, "expected"));
	const char *path = strchr(strstr(url, "://") + 3, '/');
	char *public_url = strndup(url, (size_t) (path - url));
	Buf body = {0};
	json_t *params = json_object_get(vector, "params");
	Hook hook;

	for (void *one = json_object_iter(params); one;
		 one = json_object_iter_next(params, one))
		add_param(&body, json_object_iter_key(one),
				  json_object_iter_value(one));
	gateway.public_url = public_url;
	events(body.data, body.len, "", path, expected, &hook);
	ok(verify(&hook, token), "signature %s", name);
	ok(!verify(&hook, "54321"), "... by no other secret");
	hook_free(&hook);

	form_add(&body, "Z", "more");
	events(body.data, body.len, "", path, expected, &hook);
	ok(!verify(&hook, token), "... nor for another form");
	hook_free(&hook);
	gateway.public_url = "https://evil.example.org";
	buf_free(&body);
	free(public_url);
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
	Hook hook;

	ok(json_array_size(vectors) == 12, "the signatures are there");
	for (size_t i = 0; i < json_array_size(vectors); i++)
		test_vector(json_array_get(vectors, i));
	json_decref(root);

	for (size_t i = 0; i < 4; i++)
	{
		bool found = false;

		gateway.public_url = (char *) bases[i][0];
		events("", 0, "", "/w", NULL, &hook);
		for (size_t j = 0; j < hook.n_signed; j++)
			found =
				found || strcmp(hook.signed_strings[j].data, bases[i][1]) == 0;
		ok(found && hook.n_signed == 2, "%s may be signed as %s", bases[i][0],
		   bases[i][1]);
		hook_free(&hook);
	}
	events("", 0, "", "/w", "not base64", &hook);
	is_num((long long) hook.n_signatures, 0,
		   "a signature that is not base64 is none");
	hook_free(&hook);
	gateway.public_url = "";
	events("", 0, "", "/w", NULL, &hook);
	is_num((long long) hook.n_signed, 0,
		   "without a public URL nothing is signed");
	hook_free(&hook);
}

int
main(void)
{
	test_build();
	test_parse();
	test_texts();
	test_receipts();
	test_refused();
	test_signatures();
	return done_testing();
}
