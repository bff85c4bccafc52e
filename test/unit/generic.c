/*-------------------------------------------------------------------------
 *
 * generic.c
 *	  Tests of the adapter that is told by settings how a provider speaks.
 *
 * Settings and JSON are written with ' for ".
 *
 * test/unit/generic.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway/gateway.h"

#include "tap.h"

/* More than we keep of an id. */
#define LONG                                                           \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123"

/* The least that can send. */
#define QUERY "'query': {'t': '{{to}}', 'b': '{{body}}'}"
#define TOKEN "'token': {'header': 'X-Token'}"
#define INBOUND                                                       \
	"'inbound': {'id': '/id', 'from': '/from', 'to': '/to', 'text': " \
	"'/text'}"

static Gateway gateway = {.id = 1,
						  .name = "any",
						  .base_url = "https://api.example.org",
						  .account = "acc/1",
						  .secret = "s3&\"ret",
						  .webhook_secret = "tok en",
						  .public_url = "https://text.example.org"};

static char *
quoted(const char *str)
{
	char *copy = strdup(str);

	for (char *c = copy; *c; c++)
	{
		if (*c == '\'')
			*c = '"';
	}
	return copy;
}

static void
set(const char *settings)
{
	char *text = quoted(settings);

	json_decref(gateway.settings);
	gateway.settings = json_loads(text, 0, NULL);
	if (gateway.settings == NULL)
		printf("Bail out! %s\n", settings);
	free(text);
}

/* What check() says must contain "wanted"; NULL is that all is well. */
static void
is_checked(const char *settings, const char *wanted)
{
	const char *got;

	set(settings);
	got = generic_adapter.check(&gateway);
	ok(wanted ? got && strstr(got, wanted) : got == NULL, "check: %s",
	   wanted ? wanted : settings);
	if (wanted ? !(got && strstr(got, wanted)) : got != NULL)
		fprintf(stderr, "# got: %s\n", got ? got : "NULL");
}

static void
test_check(void)
{
	Gateway whole = gateway;

	is_checked("{" QUERY "}", NULL);
	is_checked("{'method': 'GET', 'path': '/s/{{account}}', " QUERY ", " TOKEN
			   ", " INBOUND "}",
			   NULL);
	is_checked("{'body': [{'a': {'b': '{{to}}{{body}}', 'n': 1}}]}", NULL);
	is_checked("{}", "no template has {{to}}");
	is_checked("{'form': {'to': '{{to}}'}}", "none has {{body}}");
	is_checked("{'bodi': {}, " QUERY "}", "bodi is not known");
	is_checked("{'sent': {'ids': '/id'}, " QUERY "}", "sent.ids is not known");
	is_checked("{'method': 'PUT', " QUERY "}", "method is not");
	is_checked("{'method': 1, " QUERY "}", "method is not a text");
	is_checked("{'method': 'GET', 'form': {}, " QUERY "}", "a GET has no body");
	is_checked("{'body': {}, 'form': {}, " QUERY "}", "one is too many");
	is_checked("{'path': 'x', " QUERY "}", "path does not begin");
	is_checked("{'path': '/x?y', " QUERY "}", "path may have ASCII");
	is_checked("{'path': '/{{too}}', " QUERY "}", "unknown name: \"{{too}}\"");
	is_checked("{'path': '/{{media}}', " QUERY "}", "only as a field");
	is_checked("{'headers': {'X': '{{media}}'}, " QUERY "}", "only as a field");
	is_checked("{'headers': {'X Y': ''}, " QUERY "}", "name of a header");
	is_checked("{'headers': {'': ''}, " QUERY "}", "name of a header");
	is_checked("{'headers': {'X': 1}, " QUERY "}", "headers: \"X\" is not a");
	is_checked("{'query': 1}", "query is not an object");
	is_checked("{'query': {'x': '{{to'}}", "unknown name: \"{{to\"");
	is_checked("{'body': {'x': ['{{to}}{{media}}']}}", "only as a field");
	is_checked("{'basic': 1, " QUERY "}", "basic is not true or false");
	is_checked("{'plus': 'no', " QUERY "}", "plus is not true or false");
	is_checked("{'encodings': ['a'], " QUERY "}", "encodings are not two");
	is_checked("{'encodings': ['a', 1], " QUERY "}", "encodings are not two");
	is_checked("{'encodings': 'a', " QUERY "}", "encodings is not a list");
	is_checked("{'sent': {'id': 'id'}, " QUERY "}", "sent.id is not a pointer");
	is_checked("{'sent': {'status': ['200']}, " QUERY "}", "list of numbers");
	is_checked("{'sent': {'status': 200}, " QUERY "}",
			   "sent.status is not a list");
	is_checked("{'codes': {'7': 'oops'}, " QUERY "}", "codes: what \"7\"");
	is_checked("{'codes': {'7': 1}, " QUERY "}", "codes: what \"7\"");
	is_checked("{" INBOUND ", " QUERY "}", "token is needed");
	is_checked("{'token': {'header': 'a', 'query': 'b'}, " INBOUND ", " QUERY
			   "}",
			   "token is needed");
	is_checked("{'inbound': {'id': '', 'from': '', 'to': ''}, " TOKEN ", " QUERY
			   "}",
			   "inbound.text is missing");
	is_checked("{'receipt': {'ref': '/r'}, " TOKEN ", " QUERY "}",
			   "receipt.status is missing");
	is_checked(
		"{'receipt': {'status': '/s', 'statuses': {'OK': 'done'}}, " TOKEN
		", " QUERY "}",
		"receipt.statuses: what \"OK\"");
	is_checked("{'receipt': {'status': '/s', 'when': {'/a': 1}}, " TOKEN
			   ", " QUERY "}",
			   "receipt.when is not");
	is_checked("{'receipt': 'x', " QUERY "}", "receipt is not an object");
	gateway.account = "";
	is_checked("{'path': '/{{account}}', " QUERY "}", "has no account");
	is_checked("{'basic': true, " QUERY "}", NULL);
	gateway.secret = "";
	is_checked("{'basic': true, " QUERY "}", "no secret is known");
	is_checked("{'headers': {'K': '{{secret}}'}, " QUERY "}",
			   "no secret is known");
	is_checked("{" QUERY "}", NULL);
	whole.settings = gateway.settings;
	gateway = whole;
	gateway.base_url = "";
	is_checked("{" QUERY "}", "no base_url");
	gateway.base_url = whole.base_url;
}

static void
is_built(const char *settings, const Text *text, const char *url,
		 const char *headers, const char *body)
{
	HttpRequest req = {0};
	char *wanted = quoted(body);

	is_checked(settings, NULL);
	generic_adapter.build(&gateway, text, &req);
	is_str(req.url.data, url, "build: URL");
	is_str(buf_str(&req.headers), headers, "build: headers");
	is_str(buf_str(&req.body), wanted, "build: body");
	is_str(req.method, strstr(settings, "'GET'") ? "GET" : "POST",
		   "build: method");
	is_str(req.user, strstr(settings, "'basic'") ? "acc/1" : NULL,
		   "build: user");
	buf_free(&req.url);
	buf_free(&req.headers);
	buf_free(&req.body);
	free(wanted);
}

static void
test_build(void)
{
	Text text = {.id = 1,
				 .ref = "17-abc",
				 .from = "+12025550100",
				 .to = "+14155552345",
				 .body = "Say \"hi\"\n& {{to}} 👋"};
	Text whole = {.ref = "r",
				  .from = "72345",
				  .to = "+14155552345",
				  .body = "x",
				  .media = (char *[]){"https://m/1?a&b", "https://m/2"},
				  .n_media = 2,
				  .validity_s = 90};
	static const char all[] =
		"{'path': '/v1/{{account}}/send',"
		" 'headers': {'Authorization': 'Bearer {{secret}}'},"
		" 'body': {'messages': [{'to': ['{{to}}'], 'from': '{{from}}',"
		"  'text': '{{body}}', 'type': 'sms', 'n': 1, 'media': '{{media}}',"
		"  'ttl': '{{validity_s}}', 'ttl_text': '{{validity_s}} s',"
		"  'min': '{{validity_min}}', 'enc': '{{encoding}}',"
		"  'hook': {'url': '{{status_url}}'}, 'ref': '{{ref}}'}]}}";

	is_built(all, &text, "https://api.example.org/v1/acc%2F1/send",
			 "Authorization: Bearer s3&\"ret\nContent-Type: application/json\n",
			 "{'messages':[{'to':['+14155552345'],'from':'+12025550100',"
			 "'text':'Say \\'hi\\'\\n& {{to}} 👋','type':'sms','n':1,"
			 "'enc':'ucs2','hook':{'url':'https://text.example.org/webhook/"
			 "any/status/17-abc'},'ref':'17-abc'}]}");
	is_built(all, &whole, "https://api.example.org/v1/acc%2F1/send",
			 "Authorization: Bearer s3&\"ret\nContent-Type: application/json\n",
			 "{'messages':[{'to':['+14155552345'],'from':'72345','text':'x',"
			 "'type':'sms','n':1,'media':['https://m/1?a&b','https://m/2'],"
			 "'ttl':90,'ttl_text':'90 s','min':1,'enc':'gsm7',"
			 "'hook':{'url':'https://text.example.org/webhook/any/status/r'},"
			 "'ref':'r'}]}");
	is_built("{'form': {'a b': '{{to}}', 'f': '{{from}}', 'text': '{{body}}',"
			 " 'm': '{{media}}', 'v': '{{validity_s}}', 'e': '{{encoding}}',"
			 " 'u': '{{status_url}}', 'fix': 'ed'}, 'plus': false,"
			 " 'encodings': ['text', 'unicode'], 'basic': true,"
			 " 'token': {'query': 't&k'}}",
			 &whole, "https://api.example.org",
			 "Content-Type: application/x-www-form-urlencoded\n",
			 "a+b=14155552345&f=72345&text=x&m=https%3A%2F%2Fm%2F1%3Fa%26b"
			 "&m=https%3A%2F%2Fm%2F2&v=90&e=text&u=https%3A%2F%2F"
			 "text.example.org%2Fwebhook%2Fany%2Fstatus%2Fr%3Ft%2526k%3D"
			 "tok%2520en&fix=ed");

	gateway.public_url = "";
	whole.validity_s = 1;
	is_built("{'method': 'GET', 'path': '/{{to}}/{{ref}}', 'query': {'b':"
			 " '{{body}}', 'u': 'x{{status_url}}', 'v': '{{validity_min}}'},"
			 " 'headers': {'X-Text': '<{{body}}>', 'X-Url': '{{status_url}}'}}",
			 &text,
			 "https://api.example.org/%2B14155552345/17-abc?b=Say+%22hi"
			 "%22%0A%26+%7B%7Bto%7D%7D+%F0%9F%91%8B",
			 "X-Text: <Say \"hi\"& {{to}} 👋>\n", "");
	is_built("{'query': {'v': '{{validity_min}}'}, 'body': '{{to}} {{body}}',"
			 " 'headers': {'content-type': 'text/x-json'}}",
			 &whole, "https://api.example.org?v=1",
			 "content-type: text/x-json\n", "'+14155552345 x'");
	gateway.public_url = "https://text.example.org";
}

static SendResult
parse(long status, const char *body, uint32_t retry_after_ms)
{
	char *text = quoted(body);
	HttpResponse res = {status, text, strlen(text), retry_after_ms};
	SendResult result = {0};

	generic_adapter.parse(&gateway, &res, &result);
	free(text);
	return result;
}

static void
is_parsed(long status, const char *body, WireOutcome outcome, WireScope scope,
		  uint32_t ms, const char *code)
{
	SendResult result = parse(status, body, 0);

	ok(result.outcome == outcome && result.scope == scope &&
		   result.retry_after_ms == ms && strcmp(result.code, code) == 0,
	   "%ld %s", status, body);
}

static void
test_parse(void)
{
	SendResult result;

	is_checked("{'sent': {'status': [200, 202], 'id': '/m/0/id',"
			   " 'segments': '/m/0/parts'},"
			   " 'error': {'code': '/error/code', 'text': '/error/message'},"
			   " 'codes': {'30': 'opted_out', '45': 'failed', '99': 'retry',"
			   " 'rate': 'deferred', 'num': 'deferred_sender', 'key': 'mend',"
			   " 'ok': 'sent', '51': 'unknown', 'http-503': 'retry'}, " QUERY
			   "}",
			   NULL);
	result = parse(202, "{'m': [{'id': 'abc', 'parts': 2}]}", 0);
	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "abc", "... its id");
	is_num(result.segments, 2, "... and segments");
	result = parse(200, "{'m': [{'id': 17, 'parts': '3'}]}", 0);
	is_str(result.provider_id, "17", "an id that is a number");
	is_num(result.segments, 3, "segments that are a text");
	result = parse(400, "{'error': {'code': 45, 'message': 'no phone'}}", 0);
	is_str(result.text, "no phone", "an error's words");
	result = parse(400, "{'error': {'code': 'rate'}}", 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
	result = parse(400, "{'error': {'code': 45}}", 7000);
	is_num(result.retry_after_ms, 0,
		   "... where there is something to wait for");

	is_parsed(400, "{'error': {'code': 30}}", WIRE_OPTED_OUT, 0, 0, "30");
	is_parsed(400, "{'error': {'code': '45'}}", WIRE_FAILED, 0, 0, "45");
	is_parsed(500, "{'error': {'code': 99}}", WIRE_RETRY, 0, 0, "99");
	is_parsed(400, "{'error': {'code': 'rate'}}", WIRE_DEFERRED,
			  WIRE_SCOPE_GATEWAY, 1000, "rate");
	is_parsed(400, "{'error': {'code': 'num'}}", WIRE_DEFERRED,
			  WIRE_SCOPE_SENDER, 1000, "num");
	is_parsed(200, "{'error': {'code': 'key'}}", WIRE_DEFERRED,
			  WIRE_SCOPE_GATEWAY, 30000, "key");
	is_parsed(400, "{'error': {'code': 51}}", WIRE_UNKNOWN, 0, 0, "51");
	is_parsed(400, "{'error': {'code': 'ok'}}", WIRE_SENT, 0, 0, "");
	is_parsed(400, "{'error': {'code': 1}}", WIRE_FAILED, 0, 0, "1");
	is_parsed(400, "{'error': {'code': ''}}", WIRE_RETRY, 0, 0, "http-400");
	is_parsed(400, "{'error': {'code': null}}", WIRE_RETRY, 0, 0, "http-400");
	is_parsed(401, "{'error': {'code': 2}}", WIRE_DEFERRED, WIRE_SCOPE_GATEWAY,
			  30000, "2");
	is_parsed(429, "", WIRE_DEFERRED, WIRE_SCOPE_GATEWAY, 1000, "http-429");
	is_parsed(503, "", WIRE_RETRY, 0, 0, "http-503");
	is_parsed(500, "", WIRE_UNKNOWN, 0, 0, "http-500");
	is_parsed(200, "{'m': []}", WIRE_UNKNOWN, 0, 0, "http-200");
	is_parsed(200, "{'m': {'00': 1}}", WIRE_UNKNOWN, 0, 0, "http-200");
	is_parsed(200, "{'error': {'code': 1}}", WIRE_UNKNOWN, 0, 0, "1");
	is_parsed(201, "{'m': [{'id': 'abc'}]}", WIRE_UNKNOWN, 0, 0, "http-201");
	is_parsed(200, "{'m': [{'id': {}}]}", WIRE_UNKNOWN, 0, 0, "http-200");

	is_checked("{'error': {'code': '/a~1b/~0'}, 'codes': {'0': 'sent',"
			   " 'http-429': 'deferred', '*': 'failed'}, " QUERY "}",
			   NULL);
	is_parsed(200, "{'a/b': {'~': 0}}", WIRE_SENT, 0, 0, "");
	is_parsed(200, "{'a/b': {'~': '7'}}", WIRE_FAILED, 0, 0, "7");
	is_parsed(429, "{'a/b': {'~': '7'}}", WIRE_DEFERRED, WIRE_SCOPE_GATEWAY,
			  1000, "7");
	is_parsed(200, "{}", WIRE_SENT, 0, 0, "");

	/* Kannel's replies, which are plain text */
	is_checked("{'error': {'code': '', 'text': ''}, 'codes': {"
			   "'0: Accepted for delivery': 'sent',"
			   "'Temporal failure, try again later.': 'deferred'}, " QUERY "}",
			   NULL);
	is_parsed(202, " 0: Accepted for delivery\n", WIRE_SENT, 0, 0, "");
	is_parsed(503, "Temporal failure, try again later.", WIRE_DEFERRED,
			  WIRE_SCOPE_GATEWAY, 1000, "Temporal failure, try again later.");
	is_parsed(400, "Invalid \xFF", WIRE_RETRY, 0, 0, "http-400");
}

static const char *
get_header(void *arg, const char *name)
{
	return strcmp(name, "X-Token") == 0 ? arg : NULL;
}

static int
events(const char *query, const char *ref, const char *body, Hook *hook)
{
	char *text = quoted(body);
	HookRequest req = {.method = *body ? "POST" : "GET",
					   .target = "",
					   .query = query,
					   .ref = ref,
					   .body = text,
					   .body_len = strlen(text),
					   .header = get_header,
					   .arg = "presented"};
	int status;

	memset(hook, 0, sizeof(*hook));
	status = generic_adapter.events(&gateway, &req, hook);
	free(text);
	return status;
}

static void
test_texts(void)
{
	Hook hook;

	is_checked("{'inbound': {'id': '/d/id', 'from': '/d/from/n', 'to':"
			   " '/d/to/0', 'text': '/d/text', 'status': '/d/opt', 'statuses':"
			   " {'STOP': 'stop'}, 'media': '/d/media', 'media_url': '/url',"
			   " 'media_type': '/t', 'when': {'/type': 'mo', '/v': '1'}}, "
			   "'plus': false, " TOKEN ", " QUERY "}",
			   NULL);
	is_num(events("", "",
				  " {'type': 'mo', 'v': 1, 'd': {'id': 7, 'from': {'n':"
				  " '14155552345'}, 'to': ['72345'], 'text': 'Ja \\u00fc',"
				  " 'opt': 'STOP', 'media': [{'url': 'https://m/1', 't':"
				  " 'image/png'}, 'https://m/2', {}, 3]}}",
				  &hook),
		   0, "a text");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_TEXT, "... of its kind");
	is_str(hook.events[0].dedupe_key, "7", "... with a key");
	is_str(hook.events[0].from, "+14155552345", "... from the voter");
	is_str(hook.events[0].to, "72345", "... to us");
	is_str(hook.events[0].body, "Ja ü", "... with its body");
	is_str(hook.events[0].status, "stop", "... which is an opt-out");
	is_str(hook.events[0].media,
		   "[{\"url\":\"https://m/1\",\"content_type\":\"image/png\"},"
		   "{\"url\":\"https://m/2\",\"content_type\":\"\"},"
		   "{\"url\":\"3\",\"content_type\":\"\"}]",
		   "... and media");
	is_num(hook.proof, WIRE_PROOF_TOKEN, "... proved by a token");
	is_str(hook.signatures[0].data, "presented", "... of the header");
	hook_free(&hook);
	is_num(events("", "", "{'type': 'typing', 'v': 1}", &hook), 0,
		   "another type");
	is_num((long long) hook.n_events, 0, "... means nothing");
	hook_free(&hook);
	is_num(events("", "", "{'type': 'mo', 'v': 1, 'd': {'id': 7}}", &hook), 400,
		   "a text that is not whole");
	hook_free(&hook);

	is_checked("{" INBOUND ", 'token': {'query': 'k'}, " QUERY "}", NULL);
	is_num(events("k=a%26b&id=1&from=%2B1&to=2&text=", "", "", &hook), 0,
		   "a GET");
	is_str(hook.events[0].body, "", "... with an empty text");
	is_str(hook.signatures[0].data, "a&b", "... proved by a parameter");
	hook_free(&hook);
	is_num(events("k=x&id=1", "", "id=2&id=3&from=1&to=2&text=a+b", &hook), 0,
		   "a form");
	is_str(hook.events[0].body, "a b", "... is read");
	is_str(hook.events[0].dedupe_key, "2", "... before the query");
	hook_free(&hook);
}

static void
test_receipts(void)
{
	static const char *const bad[] = {
		"{'status': 'DELIVRD'}",
		"{'ref': 'r'}",
		"{'status': {}, 'ref': 'r'}",
		"{'status': '', 'ref': 'r'}",
		"{'status': 'DELIVRD', 'ref': 'r\\u0000'}",
		"{'status': 'DELIVRD', 'ref': '" LONG "'}",
		"{'from': '1', 'to': '2', 'text': 'x', 'id': '" LONG "'}",
		"{",
		"[",
		"[{'status': 'DELIVRD', 'ref': 'r'}, {}]",
		"[1]",
		"a=%FF",
		"x",
	};
	Hook hook;

	is_checked("{'receipt': {'status': '/status', 'ref': '/ref', 'id': '/id',"
			   " 'code': '/err', 'text': '/why', 'statuses': {'DELIVRD':"
			   " 'delivered', 'UNDELIV': 'undelivered', '0': 'sent'}},"
			   " 'events': '/results', " TOKEN ", " INBOUND ", " QUERY "}",
			   NULL);
	is_num(events("", "",
				  "{'results': [{'status': 'DELIVRD', 'ref': '1-a', 'err': 0},"
				  "{'status': 'UNDELIV', 'ref': '2-b', 'id': 'x', 'err': 5,"
				  " 'why': 'off'}, {'status': 0, 'id': 'y'},"
				  "{'status': 'failed', 'ref': '3'}, {'status': 'odd',"
				  " 'ref': '4'}, {'id': '5', 'from': '1', 'to': '2',"
				  " 'text': 'yes'}]}",
				  &hook),
		   0, "a list of events");
	is_num((long long) hook.n_events, 5, "... of which one means nothing");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT, "a receipt is one");
	is_str(hook.events[0].dedupe_key, "1-a:DELIVRD", "... with a key");
	is_str(hook.events[0].status, "delivered", "... a status");
	is_str(hook.events[0].ref, "1-a", "... our ref");
	is_str(hook.events[0].code, NULL, "... and no error");
	is_str(hook.events[1].status, "undelivered", "one that failed");
	is_str(hook.events[1].provider_id, "x", "... its id");
	is_str(hook.events[1].code, "5", "... its code");
	is_str(hook.events[1].detail, "off", "... and reason");
	is_str(hook.events[2].dedupe_key, "y:0", "one without a ref");
	is_str(hook.events[2].status, "sent", "... its status was a number");
	is_str(hook.events[3].status, "failed", "a word of ours needs no mapping");
	is_num(hook.events[4].kind, WIRE_EVENT_TEXT, "and a text");
	hook_free(&hook);

	is_num(events("status=DELIVRD", "17-abc", "", &hook), 0,
		   "a receipt to its own URL");
	is_str(hook.events[0].ref, "17-abc", "... has the ref of it");
	hook_free(&hook);
	is_num(events("from=1&to=2&id=3&text=x", "17-abc", "", &hook), 400,
		   "a text there is none");
	hook_free(&hook);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		is_num(events("", "", bad[i], &hook), 400, bad[i]);
		is_num((long long) hook.n_events, 0, "... is no event");
		hook_free(&hook);
	}

	/* What a courier that listens makes of settings that make no sense. */
	set("{'receipt': 7, 'inbound': {'id': 1, 'from': [], 'statuses': 3,"
		" 'when': {'x': 1}}, 'events': 'x', 'token': 'y', 'plus': 1}");
	events("", "", "{'id': 1, 'x': 1}", &hook);
	is_num((long long) hook.n_events, 0, "senseless settings make no events");
	hook_free(&hook);
	set("{}");
	is_num(events("", "", "{'id': 1}", &hook), 400, "... nor do none");
	hook_free(&hook);
	json_decref(gateway.settings);
}

int
main(void)
{
	test_check();
	test_build();
	test_parse();
	test_texts();
	test_receipts();
	return done_testing();
}
