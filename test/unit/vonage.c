/*-------------------------------------------------------------------------
 *
 * vonage.c
 *	  Tests of sending by Vonage's Messages API against what Vonage documents.
 *
 * test/unit/vonage.c
 *
 *-------------------------------------------------------------------------
 */
#include "adapter.h"

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
					.body = "Hi & \"bye\""};

#define HEAD "{\"channel\":\"sms\",\"to\":\"14155552345\","
#define MMS_HEAD "{\"channel\":\"mms\",\"to\":\"14155552345\","

static void
is_body(const Gateway *from, const Text *what, const char *wanted,
		const char *name)
{
	HttpRequest req = {0};

	vonage_adapter.build(from, what, &req);
	is_str(req.body.data, wanted, name);
	free_request(&req);
}

static void
test_build(void)
{
	Gateway other = gateway;
	Text more = text;
	HttpRequest req = {0};

	vonage_adapter.build(&gateway, &text, &req);
	is_str(req.method, "POST", "build: method");
	is_str(req.url.data, "https://api.nexmo.com/v1/messages", "build: URL");
	is_str(req.headers.data, "Content-Type: application/json\n",
		   "build: headers");
	is_str(req.body.data,
		   HEAD "\"from\":\"12025550100\",\"message_type\":\"text\","
				"\"text\":\"Hi & \\\"bye\\\"\",\"client_ref\":\"17-abc\","
				"\"webhook_url\":\"https://text.example.org/webhook/main"
				"/status/17-abc\",\"webhook_version\":\"v1\"}",
		   "build: body");
	is_str(req.user, "abcd1234", "build: user");
	is_str(req.password, "secret", "build: password");
	free_request(&req);

	other.base_url = "http://localhost:1/x";
	other.public_url = "";
	other.settings = json_pack("{s:s}", "api", "messages");
	more.from = "12345";
	more.validity_s = 600;
	vonage_adapter.build(&other, &more, &req);
	is_str(req.url.data, "http://localhost:1/x/v1/messages",
		   "build: another base");
	is_str(req.body.data,
		   HEAD "\"from\":\"12345\",\"message_type\":\"text\","
				"\"text\":\"Hi & \\\"bye\\\"\",\"client_ref\":\"17-abc\","
				"\"ttl\":600}",
		   "build: a short code, a validity, no callback");
	free_request(&req);
	more.body = "";
	more.validity_s = 1;
	is_body(&other, &more,
			HEAD "\"from\":\"12345\",\"message_type\":\"text\",\"text\":\"\","
				 "\"client_ref\":\"17-abc\",\"ttl\":20}",
			"build: no shorter than Vonage takes");
	more.validity_s = 1000000;
	is_body(&other, &more,
			HEAD "\"from\":\"12345\",\"message_type\":\"text\",\"text\":\"\","
				 "\"client_ref\":\"17-abc\",\"ttl\":604800}",
			"build: no longer either");
	json_decref(other.settings);
}

static void
test_build_media(void)
{
	static const char *const kinds[][2] = {
		{"h:a.png", "image"},		 {"h:a", "image"},
		{"h:a.MP4?x=.pdf", "video"}, {"h:a.3gp", "video"},
		{"h:a.mov", "video"},		 {"h:a.mp3#b", "audio"},
		{"h:a.wav", "audio"},		 {"h:a.amr", "audio"},
		{"h:a.vcf", "vcard"},		 {"h:a.pdf", "file"},
		{"h:a.png?b=.mp4", "image"},
	};
	char *media[] = {"h:a.png", "h:\"b\".mp4"};
	Gateway other = gateway;
	Text more = text;

	other.public_url = "";
	other.settings = json_pack("{s:s}", "api", "sms");
	more.media = media;
	more.n_media = 2;
	more.validity_s = 1;
	is_body(&other, &more,
			MMS_HEAD "\"from\":\"12025550100\",\"message_type\":\"content\","
					 "\"content\":[{\"url\":\"h:a.png\","
					 "\"caption\":\"Hi & \\\"bye\\\"\",\"type\":\"image\"},"
					 "{\"url\":\"h:\\\"b\\\".mp4\",\"type\":\"video\"}],"
					 "\"client_ref\":\"17-abc\",\"ttl\":300}",
			"build: two files, which the SMS API cannot send");
	more.n_media = 1;
	more.validity_s = 1000000;
	is_body(&other, &more,
			MMS_HEAD "\"from\":\"12025550100\",\"message_type\":\"image\","
					 "\"image\":{\"url\":\"h:a.png\","
					 "\"caption\":\"Hi & \\\"bye\\\"\"},"
					 "\"client_ref\":\"17-abc\",\"ttl\":259200}",
			"build: a picture");
	more.body = "";
	more.validity_s = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		char wanted[300];

		media[0] = (char *) kinds[i][0];
		snprintf(wanted, sizeof(wanted),
				 MMS_HEAD "\"from\":\"12025550100\",\"message_type\":\"%s\","
						  "\"%s\":{\"url\":\"%s\"},\"client_ref\":\"17-abc\"}",
				 kinds[i][1], kinds[i][1], kinds[i][0]);
		is_body(&other, &more, wanted, kinds[i][0]);
	}
	json_decref(other.settings);
}

static void
test_check(void)
{
	Gateway other = gateway;

	is_str(vonage_adapter.check(&gateway), NULL, "check: all is there");
	other.account = "";
	ok(strstr(vonage_adapter.check(&other), "API key"), "check: no account");
	other = gateway;
	other.secret = "";
	ok(strstr(vonage_adapter.check(&other), "API secret"), "check: no secret");
	other = gateway;
	other.settings = json_pack("{s:s}", "api", "smpp");
	ok(strstr(vonage_adapter.check(&other), "\"sms\""), "check: no such API");
	json_decref(other.settings);
	other.settings = json_pack("{s:i}", "api", 1);
	ok(strstr(vonage_adapter.check(&other), "\"sms\""), "check: no name");
	json_decref(other.settings);
	other.settings = json_pack("{s:s}", "api", "sms");
	is_str(vonage_adapter.check(&other), NULL, "check: the SMS API");
	json_decref(other.settings);
}

#define ERROR(code) \
	"{\"type\":\"https://developer.vonage.com/api-errors/messages#" code "\"}"
#define FIELD(name)                                                  \
	"{\"type\":\"https://developer.vonage.com/api-errors#invalid\"," \
	"\"invalid_parameters\":[{\"name\":\"" name "\",\"reason\":\"r\"}]}"

static void
test_parse(void)
{
	static const ParseCase cases[] = {
		{422, ERROR("1000"), WIRE_DEFERRED, "1000", WIRE_SCOPE_GATEWAY, 1000},
		{422, ERROR("1010"), WIRE_FAILED, "1010", 0, 0},
		{422, ERROR("1020"), WIRE_FAILED, "1020", 0, 0},
		{422, ERROR("1030"), WIRE_RETRY, "1030", 0, 0},
		{500, ERROR("1030"), WIRE_UNKNOWN, "http-500", 0, 0},
		{422, ERROR("1040"), WIRE_FAILED, "1040", 0, 0},
		{403, ERROR("1050"), WIRE_FAILED, "1050", 0, 0},
		{403, ERROR("1060"), WIRE_DEFERRED, "1060", WIRE_SCOPE_GATEWAY, 30000},
		{422, ERROR("1070"), WIRE_DEFERRED, "1070", WIRE_SCOPE_GATEWAY, 30000},
		{422, ERROR("1080"), WIRE_DEFERRED, "1080", WIRE_SCOPE_GATEWAY, 30000},
		{422, ERROR("1090"), WIRE_FAILED, "1090", 0, 0},
		{422, ERROR("1100"), WIRE_RETRY, "1100", 0, 0},
		{503, ERROR("1100"), WIRE_RETRY, "1100", 0, 0},
		{422, ERROR("1120"), WIRE_DEFERRED, "1120", WIRE_SCOPE_SENDER, 30000},
		{422, ERROR("1130"), WIRE_FAILED, "1130", 0, 0},
		{422, ERROR("1140"), WIRE_DEFERRED, "1140", WIRE_SCOPE_GATEWAY, 30000},
		{422, ERROR("1150"), WIRE_FAILED, "1150", 0, 0},
		{422, ERROR("1160"), WIRE_DEFERRED, "1160", WIRE_SCOPE_GATEWAY, 30000},
		{422, ERROR("1170"), WIRE_FAILED, "1170", 0, 0},
		{422, ERROR("9999"), WIRE_FAILED, "9999", 0, 0},
		{401, ERROR("1050"), WIRE_DEFERRED, "1050", WIRE_SCOPE_GATEWAY, 30000},
		{402, ERROR("low-balance"), WIRE_DEFERRED, "low-balance",
		 WIRE_SCOPE_GATEWAY, 30000},
		{403, ERROR("forbidden"), WIRE_DEFERRED, "forbidden",
		 WIRE_SCOPE_GATEWAY, 30000},
		{422, FIELD("to"), WIRE_FAILED, "invalid", 0, 0},
		{422, FIELD("from"), WIRE_DEFERRED, "invalid", WIRE_SCOPE_SENDER,
		 30000},
		{422, ERROR(""), WIRE_FAILED, "http-422", 0, 0},
		{422, "{\"type\":\"about:blank\"}", WIRE_FAILED, "http-422", 0, 0},
		{429, "", WIRE_DEFERRED, "http-429", WIRE_SCOPE_GATEWAY, 1000},
		{401, "", WIRE_DEFERRED, "http-401", WIRE_SCOPE_GATEWAY, 30000},
		{404, "", WIRE_DEFERRED, "http-404", WIRE_SCOPE_GATEWAY, 30000},
		{400, "<html>", WIRE_RETRY, "http-400", 0, 0},
		{302, "", WIRE_DEFERRED, "http-302", WIRE_SCOPE_GATEWAY, 30000},
		{503, "", WIRE_UNKNOWN, "http-503", 0, 0},
		{202, "", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":\"\"}", WIRE_UNKNOWN, "http-202", 0, 0},
		{202, "{\"message_uuid\":7}", WIRE_UNKNOWN, "http-202", 0, 0},
		{200, "{\"message_uuid\":\"u\"}", WIRE_SENT, "", 0, 0},
	};
	const GatewayAdapter *adapter = &vonage_adapter;
	SendResult result;

	result = parse_payload(adapter, 202, "vonage-messages-send-ok.json");
	is_num(result.outcome, WIRE_SENT, "an accepted text");
	is_str(result.provider_id, "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
		   "... and its id");
	result = parse_payload(adapter, 422, "vonage-messages-send-error.json");
	is_num(result.outcome, WIRE_FAILED, "a bad request");
	is_str(result.code, "1150", "... and its code");
	is_str(result.text,
		   "The value of one or more parameters is invalid. "
		   "(messenger.tag: invalid value)",
		   "... and text");
	result =
		parse_payload(adapter, 429, "vonage-messages-send-error-rate.json");
	ok(result.outcome == WIRE_DEFERRED && result.scope == WIRE_SCOPE_GATEWAY,
	   "too many requests, whatever the code");
	test_parse_cases(adapter, cases, sizeof(cases) / sizeof(cases[0]));
	result = parse(adapter, 429, ERROR("1000"), 7000);
	is_num(result.retry_after_ms, 7000, "Retry-After is heeded");
}

int
main(void)
{
	test_build();
	test_build_media();
	test_check();
	test_parse();
	return done_testing();
}
