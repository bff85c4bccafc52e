/*-------------------------------------------------------------------------
 *
 * vonage_sms.c
 *	  Tests of Vonage's SMS API, both ways, against what Vonage documents.
 *
 * test/unit/vonage_sms.c
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
						  .account = "abcd1234",
						  .secret = "secret",
						  .public_url = "https://text.example.org",
						  .adapter = &vonage_adapter};

static Text text = {.id = 1,
					.ref = "17-abc",
					.from = "+12025550100",
					.to = "+14155552345",
					.body = "Hi & bye 5€"};

#define HEAD                                              \
	"api_key=abcd1234&api_secret=secret&from=12025550100" \
	"&to=14155552345&text="

static void
test_build(void)
{
	char url[200] = "https://text.example.org/";
	Gateway other = gateway;
	Text more = text;
	HttpRequest req = {0};

	other.settings = gateway.settings;
	vonage_adapter.build(&other, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data, "https://rest.nexmo.com/sms/json", "build: URL");
	is_str(req.headers.data,
		   "Content-Type: application/x-www-form-urlencoded\n",
		   "build: headers");
	is_str(req.body.data,
		   HEAD "Hi+%26+bye+5%E2%82%AC&client-ref=17-abc"
				"&callback=https%3A%2F%2Ftext.example.org%2Fwebhook%2Fmain"
				"%2Fstatus%2F17-abc",
		   "build: body, of GSM-7");
	ok(req.user == NULL, "build: no Basic authentication");
	free_request(&req);

	/* ".../webhook/main/status/17-abc" has 27 characters beyond this. */
	while (strlen(url) < 100 - strlen("/webhook/main/status/17-abc"))
		strcat(url, "x");
	other.public_url = url;
	other.base_url = "http://localhost:1/x";
	more.body = "¡Hola, Zoë! ☺";
	more.validity_s = 600;
	vonage_adapter.build(&other, &more, &req);
	is_str(req.url.data, "http://localhost:1/x/sms/json",
		   "build: another base");
	ok(strstr(req.body.data, "&type=unicode&client-ref=17-abc&callback="),
	   "build: not of GSM-7, with a callback of 100 characters");
	ok(strstr(req.body.data, "&ttl=600000"), "build: a validity, in ms");
	free_request(&req);
	strcat(url, "x");
	vonage_adapter.build(&other, &more, &req);
	ok(strstr(req.body.data, "callback") == NULL, "build: with none of 101");
	free_request(&req);
	other.public_url = "";
	more.body = "a";
	more.validity_s = 1;
	vonage_adapter.build(&other, &more, &req);
	is_str(req.body.data, HEAD "a&client-ref=17-abc&ttl=20000",
		   "build: no shorter than Vonage takes");
	free_request(&req);
	more.validity_s = 1000000;
	vonage_adapter.build(&other, &more, &req);
	is_str(req.body.data, HEAD "a&client-ref=17-abc&ttl=604800000",
		   "build: no longer either");
	free_request(&req);
}

#define ANSWER(entries) "{\"message-count\":\"1\",\"messages\":[" entries "]}"
#define ERROR(code) ANSWER("{\"status\":\"" code "\",\"error-text\":\"e\"}")

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{200, ERROR("1"), WIRE_DEFERRED, "1", WIRE_SCOPE_GATEWAY, 1000},
		{200, ERROR("2"), WIRE_FAILED, "2", 0, 0},
		{200, ERROR("3"), WIRE_FAILED, "3", 0, 0},
		{200, ERROR("4"), WIRE_DEFERRED, "4", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("5"), WIRE_RETRY, "5", 0, 0},
		{200, ERROR("6"), WIRE_FAILED, "6", 0, 0},
		{200, ERROR("7"), WIRE_FAILED, "7", 0, 0},
		{200, ERROR("8"), WIRE_DEFERRED, "8", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("9"), WIRE_DEFERRED, "9", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("10"), WIRE_DEFERRED, "10", WIRE_SCOPE_GATEWAY, 1000},
		{200, ERROR("11"), WIRE_DEFERRED, "11", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("12"), WIRE_FAILED, "12", 0, 0},
		{200, ERROR("13"), WIRE_RETRY, "13", 0, 0},
		{200, ERROR("14"), WIRE_DEFERRED, "14", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("15"), WIRE_DEFERRED, "15", WIRE_SCOPE_SENDER, 30000},
		{200, ERROR("19"), WIRE_DEFERRED, "19", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("23"), WIRE_DEFERRED, "23", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("29"), WIRE_DEFERRED, "29", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("32"), WIRE_DEFERRED, "32", WIRE_SCOPE_GATEWAY, 30000},
		{200, ERROR("33"), WIRE_FAILED, "33", 0, 0},
		{200, ERROR("34"), WIRE_FAILED, "34", 0, 0},
		{200, ERROR("101"), WIRE_OPTED_OUT, "101", 0, 0},
		{200, ERROR("999"), WIRE_RETRY, "999", 0, 0},
		{200, ANSWER("{\"status\":4}"), WIRE_DEFERRED, "4", WIRE_SCOPE_GATEWAY,
		 30000},
		{200, ANSWER("{\"status\":0,\"message-id\":\"m\"}"), WIRE_SENT, "", 0,
		 0},
		{200, ANSWER(""), WIRE_UNKNOWN, "http-200", 0, 0},
		{200, ANSWER("{}"), WIRE_UNKNOWN, "http-200", 0, 0},
		{200, ANSWER("7"), WIRE_UNKNOWN, "http-200", 0, 0},
		{200, "{\"messages\":7}", WIRE_UNKNOWN, "http-200", 0, 0},
		{200, "{\"messages\":[{\"status\":\"4\"", WIRE_UNKNOWN, "http-200", 0,
		 0},
		{401, ERROR("4"), WIRE_DEFERRED, "http-401", WIRE_SCOPE_GATEWAY, 30000},
		{429, "", WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{500, ERROR("1"), WIRE_UNKNOWN, "http-500", 0, 0},
	};
	const GatewayAdapter *adapter = &vonage_adapter;
	SendResult result;

	result = parse_payload(adapter, 200, "vonage-sms-send-ok.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "0A0000000123ABCD1", "... and its id");
	is_num(result.segments, 1, "... and segments");
	result = parse_payload(adapter, 200, "vonage-sms-send-error.json");
	is_num(result.outcome, WIRE_DEFERRED, "too many texts");
	is_str(result.text,
		   "Throughput Rate Exceeded - please wait [ 702 ] and retry",
		   "... and what is said of it");
	test_parse_cases(adapter, cases, sizeof(cases) / sizeof(cases[0]));
	result = parse(adapter, 200, ERROR("1"), 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");

	result = parse(adapter, 200,
				   ANSWER("{\"status\":\"0\",\"message-id\":\"a\"},"
						  "{\"status\":\"0\",\"message-id\":\"b\"}"),
				   0);
	ok(result.outcome == WIRE_SENT && result.segments == 2 &&
		   strcmp(result.provider_id, "a") == 0,
	   "two segments are a text, of the first's id");
	result = parse(adapter, 200,
				   ANSWER("{\"status\":\"1\",\"error-text\":\"e\"},"
						  "{\"status\":\"0\",\"message-id\":\"b\"}"),
				   0);
	ok(result.outcome == WIRE_SENT && result.segments == 1 &&
		   strcmp(result.provider_id, "b") == 0,
	   "a text of which a segment was taken is not sent again");
	is_str(result.code, "1", "... and has the code of the other one");
}

static void
test_texts(void)
{
	Hook hook;

	is_num(events_payload(&gateway, "vonage-sms-inbound.form", "", &hook), 0,
		   "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "02000000DA7C52E7", "... with a key");
	is_str(hook.events[0].provider_id, "02000000DA7C52E7", "... and an id");
	is_str(hook.events[0].from, "+14845552121", "... from the voter");
	is_str(hook.events[0].to, "+16105553939", "... to us");
	is_str(hook.events[0].body, "Test this.", "... with its body");
	is_str(hook.events[0].detail, NULL, "... whole");
	is_num((long long) hook.n_signatures, 0, "... by MD5, which is no proof");
	hook_free(&hook);

	is_num(events_payload(&gateway, "vonage-sms-inbound-part.form", "", &hook),
		   0, "a part of a text");
	is_str(hook.events[0].dedupe_key, "02000000DA7C52E8:2", "... with a key");
	is_str(hook.events[0].detail, "108/2/2", "... and its place");
	is_str(hook.events[0].body, " the second half", "... and words");
	hook_free(&hook);
}

static void
test_receipts(void)
{
	static const char *const statuses[][2] = {
		{"accepted", "sent"},		{"buffered", "sent"},
		{"delivered", "delivered"}, {"expired", "undelivered"},
		{"failed", "failed"},		{"rejected", "failed"},
		{"unknown", NULL},			{"", NULL},
	};
	Hook hook;

	is_num(events_payload(&gateway, "vonage-sms-status.form", "", &hook), 0,
		   "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key, "14000000F9DBBBBB:delivered",
		   "... with a key");
	is_str(hook.events[0].ref, "my-ref", "... with the ref from within");
	is_str(hook.events[0].status, "delivered", "... and its status");
	is_str(hook.events[0].code, NULL, "... and no error");
	is_str(hook.events[0].from, "+16105553939", "... from us");
	is_str(hook.events[0].to, "+14845552121", "... to the voter");
	hook_free(&hook);

	is_num(events_payload(&gateway, "vonage-sms-status-failed.form", "17-abc",
						  &hook),
		   0, "a receipt of a text to one who opted out");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "failed", "... its status");
	is_str(hook.events[0].code, "9", "... and why");
	is_str(hook.events[0].from, "AcmeInc", "... from a name");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		char body[100];
		TestHook test = {.ref = "r", .body = body};
		int status;

		snprintf(body, sizeof(body), "messageId=m&msisdn=1&to=2&status=%s",
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
		"msisdn=1&to=2&text=x",
		"messageId=&msisdn=1&to=2&text=x",
		"messageId=m&to=2&text=x",
		"messageId=m&msisdn=1&text=x",
		"messageId=m&msisdn=1&to=2",
		"messageId=m&msisdn=1&to=2&text=%00",
		"messageId=m&msisdn=1&to=2&text=%FF",
		"{\"messageId\":\"m\",\"msisdn\":\"1\",\"to\":\"2\"}",
		"{\"messageId\":{},\"msisdn\":\"1\",\"to\":\"2\",\"text\":\"x\"}",
	};
	static const char *const parts[] = {
		"concat-ref=1&concat-part=1",
		"concat-ref=1&concat-part=&concat-total=2",
		"concat-ref=1&concat-part=1/2&concat-total=2",
		"concat-ref=1&concat-part=1&concat-total=1234567890",
		"concat-part=1&concat-total=2",
	};
	TestHook test = {.body = "messageId=m&msisdn=1&to=2&type=binary&data=00"};
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		TestHook one = {.body = bad[i]};

		is_num(events(&gateway, &one, &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
	is_num(events(&gateway, &test, &hook), 0, "bytes that are no words");
	is_num((long long) hook.n_events, 0, "... are no event");
	hook_free(&hook);
	test.ref = "r";
	test.body = "messageId=m&msisdn=1&to=2&text=x";
	is_num(events(&gateway, &test, &hook), 400, "a text where receipts belong");
	hook_free(&hook);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		char body[200];
		TestHook one = {.body = body};

		snprintf(body, sizeof(body), "messageId=m&msisdn=1&to=2&text=x&%s",
				 parts[i]);
		is_num(events(&gateway, &one, &hook), 0, parts[i]);
		is_str(hook.events[0].detail, NULL, "... is no part");
		hook_free(&hook);
	}
}

typedef enum How
{
	AS_FORM,
	AS_QUERY,
	AS_JSON
} How;

/* The same fields in each of the ways in which they may come. */
static int
events_how(How how, json_t *fields, Hook *hook)
{
	TestHook test = {0};
	Buf form = {0};
	Buf target = {0};
	char *json = json_dumps(fields, 0);
	HookRequest req = {.method = how == AS_QUERY ? "GET" : "POST",
					   .target = "/webhook/main",
					   .query = "",
					   .ref = "",
					   .body = "",
					   .header = get_header,
					   .arg = &test};
	const char *key;
	json_t *value;
	int status;

	json_object_foreach(fields, key, value)
	{
		form_add(&form, key, json_string_value(value));
	}
	if (how == AS_QUERY)
	{
		buf_printf(&target, "/webhook/main?%s", form.data);
		req.target = target.data;
		req.query = form.data;
	}
	else
		req.body = how == AS_FORM ? form.data : json;
	req.body_len = strlen(req.body);
	memset(hook, 0, sizeof(*hook));
	status = vonage_adapter.events(&gateway, &req, hook);
	buf_free(&form);
	buf_free(&target);
	free(json);
	return status;
}

/* As the worker does it. */
static bool
verify(const Hook *hook, const char *secret)
{
	const EVP_MD *digest =
		hook->proof == WIRE_PROOF_HMAC_SHA1 ? EVP_sha1() : EVP_sha256();
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (hook->n_signatures != 1 || hook->n_signed != 1)
		return false;
	HMAC(digest, secret, (int) strlen(secret),
		 (const unsigned char *) hook->signed_strings[0].data,
		 hook->signed_strings[0].len, mac, &len);
	return len == hook->signatures[0].len &&
		   memcmp(mac, hook->signatures[0].data, len) == 0;
}

static bool
accepts(How how, json_t *fields, const char *secret)
{
	bool found;
	Hook hook;

	events_how(how, fields, &hook);
	found = verify(&hook, secret);
	hook_free(&hook);
	return found;
}

static void
test_vector(json_t *vector)
{
	static const char *const ways[] = {"form", "query", "JSON"};
	const char *name = json_string_value(json_object_get(vector, "name"));
	const char *secret = json_string_value(json_object_get(vector, "secret"));
	const char *expected =
		json_string_value(json_object_get(vector, "expected"));
	json_t *fields = json_object_get(vector, "params");
	bool good = strcmp(name, "sig-sha256hmac") == 0 ||
				strcmp(name, "sig-sha1hmac") == 0;
	char *lower = strdup(expected);

	for (How how = AS_FORM; how <= AS_JSON; how++)
	{
		json_object_set_new(fields, "sig", json_string(expected));
		ok(accepts(how, fields, secret) == good, "%s of a %s %s", name,
		   ways[how], good ? "is good" : "proves nothing");
		ok(!accepts(how, fields, "54321"), "... by no other secret");
		json_object_set_new(fields, "text", json_string("Test again!"));
		ok(!accepts(how, fields, secret), "... nor for another text");
		json_object_set_new(fields, "text", json_string("Test again"));
		json_object_set_new(fields, "z", json_string(""));
		ok(!accepts(how, fields, secret), "... nor for more fields");
		json_object_del(fields, "z");
		json_object_del(fields, "sig");
		ok(!accepts(how, fields, secret), "... nor without");
	}
	for (char *c = lower; *c; c++)
		*c = (char) (*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	json_object_set_new(fields, "sig", json_string(lower));
	ok(accepts(AS_FORM, fields, secret) == good, "... and in small letters");
	lower[3] = 'g';
	json_object_set_new(fields, "sig", json_string(lower));
	ok(!accepts(AS_FORM, fields, secret), "... not if it is not hex");
	free(lower);
}

static void
is_signed_string(const char *body, const char *wanted)
{
	TestHook test = {.body = body};
	Hook hook;

	events(&gateway, &test, &hook);
	is_str(hook.n_signed ? hook.signed_strings[0].data : NULL, wanted, body);
	hook_free(&hook);
}

static void
test_signatures(void)
{
	json_t *root = json_load_file(PAYLOADS "vonage-signatures.json", 0, NULL);
	int n = 0;
	size_t i;
	json_t *vector;

	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		if (json_object_get(vector, "params"))
		{
			test_vector(vector);
			n++;
		}
	}
	is_num(n, 5, "the signatures are there");
	json_decref(root);

	is_signed_string("b=%26%3D&sig=0&a=_&c", "&a=_&b=__&c=");
	is_signed_string("a=1&b%3D2%26c=3&sig=0", NULL);
	is_signed_string("a%26b=1&sig=0", NULL);
	is_signed_string("a=1&a=1&sig=0", NULL);
	is_signed_string("a=1&sig=0&sig=1", "&a=1");
	is_signed_string("a=1", NULL);

	is_signed_string("{\"a\":\"x\",\"b\":7,\"c\":true,\"d\":{},"
					 "\"e\":false,\"sig\":\"0\"}",
					 "&a=x&b=7&c=true&e=false");
}

int
main(void)
{
	gateway.settings = json_pack("{s:s}", "api", "sms");
	test_build();
	test_parse();
	test_texts();
	test_receipts();
	test_refused();
	test_signatures();
	json_decref(gateway.settings);
	return done_testing();
}
