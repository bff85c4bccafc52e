/*-------------------------------------------------------------------------
 *
 * signalwire.c
 *	  Tests of the SignalWire adapter: where it differs from Twilio's.
 *
 * test/unit/signalwire.c
 *
 *-------------------------------------------------------------------------
 */
#include "adapter.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static Gateway gateway = {.id = 1,
						  .name = "main",
						  .base_url = "https://x.signalwire.com/api/laml",
						  .account = "P1",
						  .secret = "token",
						  .public_url = "https://text.example.org",
						  .adapter = &signalwire_adapter};

static Text text = {.id = 1,
					.ref = "17-abc",
					.from = "+12025550100",
					.to = "+14155552345",
					.body = "Hi & bye",
					.claimed_at = 1700000000};

#define MESSAGES "/2010-04-01/Accounts/P1/Messages.json"

static void
test_build(void)
{
	char *media[] = {"https://m.example.org/a.png",
					 "https://m.example.org/b.png"};
	Gateway other = gateway;
	Text picture = text;
	HttpRequest req = {0};

	signalwire_adapter.build(&gateway, &text, &req);
	is_str(req.url.data, "https://x.signalwire.com/api/laml" MESSAGES,
		   "build: URL");
	is_str(req.user, "P1", "build: user");
	is_str(req.password, "token", "build: password");
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100&Body=Hi+%26+bye"
		   "&StatusCallback=https%3A%2F%2Ftext.example.org%2Fwebhook%2Fmain"
		   "%2Fstatus%2F17-abc",
		   "build: a callback that does not ask for retries");
	free_request(&req);

	other.public_url = "";
	picture.body = "";
	picture.media = media;
	picture.n_media = 2;
	picture.validity_s = 172801;
	signalwire_adapter.build(&other, &picture, &req);
	is_str(req.body.data,
		   "To=%2B14155552345&From=%2B12025550100"
		   "&MediaUrl=https%3A%2F%2Fm.example.org%2Fa.png"
		   "&MediaUrl=https%3A%2F%2Fm.example.org%2Fb.png"
		   "&ValidityPeriod=172800",
		   "build: pictures without words, for as long as may be");
	free_request(&req);

	is_str(signalwire_adapter.check(&gateway), NULL, "check: all is there");
	other.base_url = "";
	ok(strstr(signalwire_adapter.check(&other), "no base_url"),
	   "check: no base_url");
}

#define ERROR(code) "{\"code\":" code ",\"message\":\"m\"}"

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{400, ERROR("21610"), WIRE_OPTED_OUT, "21610", 0, 0},
		{400, ERROR("21611"), WIRE_DEFERRED, "21611", WIRE_SCOPE_SENDER, 1000},
		{400, ERROR("30022"), WIRE_DEFERRED, "30022", WIRE_SCOPE_SENDER, 1000},
		{400, ERROR("30027"), WIRE_DEFERRED, "30027", WIRE_SCOPE_TEXT, 900000},
		{400, ERROR("30002"), WIRE_DEFERRED, "30002", WIRE_SCOPE_GATEWAY,
		 30000},
		{403, ERROR("21606"), WIRE_FAILED, "21606", 0, 0},
		{403, ERROR("21612"), WIRE_FAILED, "21612", 0, 0},
		{403, ERROR("21614"), WIRE_FAILED, "21614", 0, 0},
		{403, ERROR("30001"), WIRE_FAILED, "30001", 0, 0},
		{403, ERROR("30003"), WIRE_FAILED, "30003", 0, 0},
		{403, ERROR("30004"), WIRE_FAILED, "30004", 0, 0},
		{403, ERROR("30005"), WIRE_FAILED, "30005", 0, 0},
		{403, ERROR("30006"), WIRE_FAILED, "30006", 0, 0},
		{403, ERROR("30007"), WIRE_FAILED, "30007", 0, 0},
		{403, ERROR("30008"), WIRE_FAILED, "30008", 0, 0},
		{422, ERROR("99999"), WIRE_FAILED, "99999", 0, 0},
		{401, ERROR("99999"), WIRE_DEFERRED, "99999", WIRE_SCOPE_GATEWAY,
		 30000},
		{400, "{\"errors\":[" ERROR("21610") "]}", WIRE_OPTED_OUT, "21610", 0,
		 0},
		{422, "{\"errors\":[" ERROR("\"missing_to\"") "]}", WIRE_FAILED,
		 "missing_to", 0, 0},
		{400, "{\"errors\":[{}]}", WIRE_RETRY, "http-400", 0, 0},
		{500, ERROR("21610"), WIRE_UNKNOWN, "http-500", 0, 0},
	};

	test_parse_cases(&signalwire_adapter, cases,
					 sizeof(cases) / sizeof(cases[0]));
}

static void
test_find(void)
{
	HttpRequest req = {0};
	FindResult result;
	size_t len;
	char *list = read_payload("twilio-list.json", &len);

	signalwire_adapter.find(&gateway, &text, &req);
	is_str(req.url.data,
		   "https://x.signalwire.com/api/laml" MESSAGES
		   "?To=%2B14155552345&From=%2B12025550100&PageSize=50",
		   "find: URL");
	is_str(req.user, "P1", "find: user");
	free_request(&req);
	result = found(&gateway, &text, 200, list);
	ok(result.answered && result.n == 3, "found: as with Twilio");
	free(list);
}

/* Signed as Twilio would, but under a header of its own. */
static bool
signature_holds(const char *header, const char *target)
{
	size_t len;
	char *body = read_payload("signalwire-status.form", &len);
	TestHook test = {.target = target,
					 .ref = "17-abc",
					 .body = body,
					 /* of the strings below, by the key "signing-key" */
					 .headers = {{header, "7AMZx73ikqjAvMB70ej+H4AKMRo="}}};
	bool holds = false;
	Hook hook;

	events(&gateway, &test, &hook);
	for (size_t i = 0; i < hook.n_signed && hook.n_signatures == 1; i++)
	{
		unsigned char mac[EVP_MAX_MD_SIZE];
		unsigned mac_len = 0;

		HMAC(EVP_sha1(), "signing-key", 11,
			 (unsigned char *) hook.signed_strings[i].data,
			 hook.signed_strings[i].len, mac, &mac_len);
		holds = holds || (hook.signatures[0].len == mac_len &&
						  memcmp(hook.signatures[0].data, mac, mac_len) == 0);
	}
	hook_free(&hook);
	free(body);
	return holds;
}

static void
test_hooks(void)
{
	Hook hook;

	is_num(events_payload(&gateway, "signalwire-status.form", "17-abc", &hook),
		   0, "a receipt");
	is_num((long long) hook.n_events, 1, "... is one event");
	is_num(hook.events[0].kind, WIRE_EVENT_RECEIPT,
		   "... a receipt, though it has a body");
	is_str(hook.events[0].dedupe_key,
		   "b3877c40-da60-4998-90ad-b792e98472ms:delivered", "... with a key");
	is_str(hook.events[0].ref, "17-abc", "... with our ref");
	is_str(hook.events[0].status, "delivered", "... and its status");
	hook_free(&hook);

	ok(signature_holds("X-SignalWire-Signature", "/webhook/main/status/17-abc"),
	   "a signature holds");
	ok(!signature_holds("X-SignalWire-Signature", "/webhook/main"),
	   "... for no other URL");
	ok(!signature_holds("X-Twilio-Signature", "/webhook/main/status/17-abc"),
	   "... nor under Twilio's header");
}

int
main(void)
{
	test_build();
	test_parse();
	test_find();
	test_hooks();
	return done_testing();
}
