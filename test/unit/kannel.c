/*-------------------------------------------------------------------------
 *
 * kannel.c
 *	  Tests of the Kannel adapter against what Kannel 1.4.5 says and fetches.
 *
 * test/unit/kannel.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway/gateway.h"

#include "tap.h"

#define PAYLOADS "test/data/payloads/"

static Gateway gateway = {.id = 1,
						  .name = "kn",
						  .base_url = "http://127.0.0.1:13013",
						  .account = "tester",
						  .secret = "p&w",
						  .webhook_secret = "s3/cr%t",
						  .public_url = "https://text.example.org"};

static void
test_check(void)
{
	Gateway bad = gateway;

	is_str(kannel_adapter.check(&gateway), NULL, "a gateway that can send");
	bad.base_url = "";
	ok(strstr(kannel_adapter.check(&bad), "no base_url"), "no base_url");
	bad = gateway;
	bad.account = "";
	ok(strstr(kannel_adapter.check(&bad), "no account"), "no account");
	bad = gateway;
	bad.secret = "";
	ok(strstr(kannel_adapter.check(&bad), "no password"), "no password");
	bad = gateway;
	bad.settings = json_pack("{s:i}", "smsc", 1);
	ok(strstr(kannel_adapter.check(&bad), "smsc"), "an smsc that is no text");
	json_decref(bad.settings);
}

static void
is_url(const Text *text, const char *wanted, const char *name)
{
	HttpRequest req = {0};

	kannel_adapter.build(&gateway, text, &req);
	is_str(req.method, "GET", name);
	is_str(req.url.data, wanted, "... its URL");
	ok(req.body.len == 0 && req.headers.len == 0 && req.user == NULL,
	   "... and nothing else");
	buf_free(&req.url);
}

static void
test_build(void)
{
	Gateway whole = gateway;
	Text text = {.id = 1,
				 .ref = "17-abc",
				 .from = "+12025550100",
				 .to = "+14155552345",
				 .body = "Hi & bye ~ 5€"};

	is_url(&text,
		   "http://127.0.0.1:13013/cgi-bin/sendsms?username=tester"
		   "&password=p%26w&from=%2B12025550100&to=%2B14155552345"
		   "&text=Hi+%26+bye+%7E+5%E2%82%AC&charset=UTF-8&coding=0&dlr-mask=31"
		   "&dlr-url=https%3A%2F%2Ftext.example.org%2Fwebhook%2Fkn%2Fstatus"
		   "%2F17-abc%3Ftoken%3Ds3%25%252Fcr%25%2525t%26d%3D%25d%26a%3D%25A"
		   "%26f%3D%25F",
		   "a text in GSM-7");

	text.body = "Hi 👋";
	gateway.public_url = "";
	gateway.settings = json_pack("{s:s}", "smsc", "A B");
	text.validity_s = 3599;
	is_url(&text,
		   "http://127.0.0.1:13013/cgi-bin/sendsms?username=tester"
		   "&password=p%26w&from=%2B12025550100&to=%2B14155552345"
		   "&text=Hi+%F0%9F%91%8B&charset=UTF-8&coding=2&smsc=A+B&validity=59",
		   "an emoji, a route, a validity, and no receipts");
	json_decref(gateway.settings);
	gateway = whole;

	gateway.webhook_secret = "";
	text.validity_s = 1;
	is_url(&text,
		   "http://127.0.0.1:13013/cgi-bin/sendsms?username=tester"
		   "&password=p%26w&from=%2B12025550100&to=%2B14155552345"
		   "&text=Hi+%F0%9F%91%8B&charset=UTF-8&coding=2&validity=1&dlr-mask=31"
		   "&dlr-url=https%3A%2F%2Ftext.example.org%2Fwebhook%2Fkn%2Fstatus"
		   "%2F17-abc%3Fd%3D%25d%26a%3D%25A%26f%3D%25F",
		   "a second of validity is a minute; no token");
	gateway = whole;
}

static SendResult
parse(long status, const char *body, size_t len, uint32_t retry_after_ms)
{
	HttpResponse res = {status, body, len, retry_after_ms};
	SendResult result = {0};

	kannel_adapter.parse(NULL, &res, &result);
	return result;
}

static SendResult
parse_file(const char *name)
{
	json_t *reply = json_load_file(name, 0, NULL);
	const char *body = json_string_value(json_object_get(reply, "body"));
	long status = (long) json_integer_value(json_object_get(reply, "status"));
	SendResult result = parse(status, body, strlen(body), 0);

	json_decref(reply);
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
		WireScope scope;
		const char *code;
		uint32_t retry_after_ms;
	} cases[] = {
		{400, "Missing receiver number, rejected", WIRE_FAILED, WIRE_SCOPE_TEXT,
		 "http-400", 0},
		{400, "Number(s) has/have been denied by white- and/or black-lists.",
		 WIRE_FAILED, WIRE_SCOPE_TEXT, "http-400", 0},
		{403, "Authorization failed for sendsms", WIRE_DEFERRED,
		 WIRE_SCOPE_GATEWAY, "http-403", 30000},
		{403, "Not routable. Do not try again.", WIRE_RETRY, WIRE_SCOPE_TEXT,
		 "http-403", 0},
		{503, "Temporal failure, try again later.", WIRE_DEFERRED,
		 WIRE_SCOPE_GATEWAY, "http-503", 1000},
		{503, "<html>upstream gone</html>", WIRE_UNKNOWN, WIRE_SCOPE_TEXT,
		 "http-503", 0},
		{404, "Unknown request.", WIRE_DEFERRED, WIRE_SCOPE_GATEWAY, "http-404",
		 30000},
		{408, "late", WIRE_RETRY, WIRE_SCOPE_TEXT, "http-408", 0},
		{202, "1: no such word", WIRE_UNKNOWN, WIRE_SCOPE_TEXT, "http-202", 0},
		{200, "0: Accepted for delivery", WIRE_UNKNOWN, WIRE_SCOPE_TEXT,
		 "http-200", 0},
		{500, "oh", WIRE_UNKNOWN, WIRE_SCOPE_TEXT, "http-500", 0},
	};
	SendResult result = parse_file(PAYLOADS "kannel-send-ok.json");

	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "", "... has no id");
	is_str(result.code, "", "... no code");
	is_str(result.text, "", "... and no complaint");
	result = parse_file(PAYLOADS "kannel-send-ok-queued.json");
	is_num(result.outcome, WIRE_SENT, "a text stored by Kannel");
	result = parse_file(PAYLOADS "kannel-send-error.json");
	is_num(result.outcome, WIRE_DEFERRED, "a wrong password");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		result =
			parse(cases[i].status, cases[i].body, strlen(cases[i].body), 0);
		ok(result.outcome == cases[i].outcome &&
			   result.scope == cases[i].scope &&
			   strcmp(result.code, cases[i].code) == 0 &&
			   strcmp(result.text, cases[i].body) == 0 &&
			   result.retry_after_ms == cases[i].retry_after_ms,
		   "%ld %s", cases[i].status, cases[i].body);
	}
	result = parse(202, "", 0, 0);
	is_num(result.outcome, WIRE_UNKNOWN, "202 with nothing");
	ok(*result.text != '\0', "... is explained");
	result = parse(503, "Temporal failure", 16, 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
	result = parse(400, "\xFF", 1, 0);
	ok((unsigned char) *result.text != 0xFF, "what is not UTF-8 is not told");
}

static const char *
get_header(void *arg, const char *name)
{
	(void) arg, (void) name;
	return NULL;
}

static int
events(const char *query, const char *ref, const char *body, Hook *hook)
{
	HookRequest req = {.method = *body ? "POST" : "GET",
					   .target = "",
					   .query = query,
					   .ref = ref,
					   .body = body,
					   .body_len = strlen(body),
					   .header = get_header};

	memset(hook, 0, sizeof(*hook));
	return kannel_adapter.events(&gateway, &req, hook);
}

static int
events_file(const char *path, const char *ref, Hook *hook)
{
	size_t len;
	char *query = read_file(path, &len);
	int status;

	query[strcspn(query, "\n")] = '\0';
	status = events(query, ref, "", hook);
	free(query);
	return status;
}

static void
test_texts(void)
{
	static const struct
	{
		const char *query; /* after from, to and id */
		const char *body;
	} bodies[] = {
		{"text=a%00b", "ab"},
		{"text=", ""},
		{"text=caf%E9&coding=1&charset=8-BIT", "café"},
		{"text=caf%C3%A9&coding=1&charset=8-BIT", "café"},
		{"text=%00S%00T%00O%00P&coding=2&charset=UTF-16BE", "STOP"},
		{"text=%D8%3D%DC%4B%20%AC&coding=2&charset=utf-16be", "👋€"},
		{"text=%D8%3D%00A%DC%4B%41&coding=2&charset=UCS-2", "\uFFFDA"
															"\uFFFD\uFFFD"},
		{"text=%D8&charset=UTF-16BE", "\uFFFD"},
		{"text=1+%2B+1%3D2%", "1 + 1=2%"},
		{"text=%zz%2", "%zz%2"},
		{"textual=no&text=x%26y&text=second", "x&y"},
	};
	Hook hook;

	is_num(events_file(PAYLOADS "kannel-inbound.form", "", &hook), 0, "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "6ce25dfa-2f49-4a18-9ddf-2372db5f0c7f",
		   "... with a key");
	is_str(hook.events[0].from, "+15550002222", "... from the voter");
	is_str(hook.events[0].to, "+15550001111", "... to us");
	is_str(hook.events[0].body, "Grüße 👋", "... with its body");
	is_num((long long) hook.n_signatures, 1, "... and a token");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
	{
		char query[200];

		snprintf(query, sizeof(query), "from=%%2B1&to=2&id=3&%s",
				 bodies[i].query);
		is_num(events(query, "", "", &hook), 0, bodies[i].query);
		is_str(hook.events[0].body, bodies[i].body, "... is read");
		hook_free(&hook);
	}

	is_num(events("token=x", "", "from=1&to=2&id=3&text=a+b", &hook), 0,
		   "a form");
	is_str(hook.events[0].body, "a b", "... is read");
	is_num((long long) hook.n_signatures, 1, "... with the token of the URL");
	hook_free(&hook);
}

static void
test_receipts(void)
{
	static const struct
	{
		const char *bits;
		const char *status;
	} cases[] = {
		{"1", "delivered"},	   {"2", "undelivered"}, {"4", "queued"},
		{"8", "sent"},		   {"16", "failed"},	 {"34", "undelivered"},
		{"32", "undelivered"}, {"9", "delivered"},	 {"12", "sent"},
		{"18", "undelivered"}, {"0", NULL},			 {"64", NULL},
	};
	Hook hook;

	is_num(events_file(PAYLOADS "kannel-status.form", "17-abc", &hook), 0,
		   "a receipt");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "... is of its kind");
	is_str(hook.events[0].dedupe_key, "17-abc:1", "... with a key");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "delivered", "... and its status");
	is_str(hook.events[0].code, NULL, "... no code");
	is_str(hook.events[0].detail, NULL, "... and no reason");
	hook_free(&hook);

	is_num(events_file(PAYLOADS "kannel-status-failed.form", "17-abc", &hook),
		   0, "a receipt of an expired text");
	is_str(hook.events[0].status, "undelivered", "... is undelivered");
	is_str(hook.events[0].code, "34", "... the bits are its code");
	is_str(hook.events[0].detail,
		   "id:00000003 sub:001 dlvrd:001 submit date:2611232300 done "
		   "date:2611232301 stat:EXPIRED err:006 text:Hi",
		   "... and the SMSC's words its reason");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char query[50];
		int status;

		snprintf(query, sizeof(query), "d=%s&f=7&a=%%FFx", cases[i].bits);
		status = events(query, "r", "", &hook);
		ok(status == 0 &&
			   (cases[i].status
					? hook.n_events == 1 &&
						  strcmp(hook.events[0].status, cases[i].status) == 0 &&
						  strcmp(hook.events[0].provider_id, "7") == 0
					: hook.n_events == 0),
		   "bits %s are %s", cases[i].bits,
		   cases[i].status ? cases[i].status : "no event");
		hook_free(&hook);
	}
	events("d=2&a=%FFx", "r", "", &hook);
	is_str(hook.events[0].detail, "ÿx", "a reason that is not UTF-8");
	is_str(hook.events[0].provider_id, NULL, "... and no id");
	hook_free(&hook);
}

static void
test_refused(void)
{
	static const char *const bad[][2] = {
		{"", ""},
		{"from=1&to=2&text=x", ""},
		{"from=1&to=2&text=x&id=", ""},
		{"from=1&id=2&text=x", ""},
		{"to=1&id=2&text=x", ""},
		{"from=1&to=2&id=3", ""},
		{"from=%FF&to=2&id=3&text=x", ""},
		{"from=1%00&to=2&id=3&text=x", ""},
		{"", "r"},
		{"d=", "r"},
		{"d=x", "r"},
		{"d=-1", "r"},
		{"d=10000", "r"},
		{"from=1&to=2&id=3&text=x", "r"},
	};
	Hook hook;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		is_num(events(bad[i][0], bad[i][1], "", &hook), 400, bad[i][0]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}
}

/* The worker compares what is presented here with the secret. */
static void
test_token(void)
{
	Hook hook;

	events("token=s3%2Fcr%25t&d=1", "r", "", &hook);
	is_num(hook.proof, WIRE_PROOF_TOKEN, "the proof is a token");
	is_num((long long) hook.n_signatures, 1, "... one");
	is_str(hook.signatures[0].data, gateway.webhook_secret, "... decoded");
	hook_free(&hook);
	events("Token=s3%2Fcr%25t&xtoken=1&d=1", "r", "", &hook);
	is_num((long long) hook.n_signatures, 0, "another parameter is no token");
	hook_free(&hook);
}

int
main(void)
{
	test_check();
	test_build();
	test_parse();
	test_texts();
	test_receipts();
	test_refused();
	test_token();
	return done_testing();
}
