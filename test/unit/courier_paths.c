/*-------------------------------------------------------------------------
 *
 * courier_paths.c
 *	  Tests of small things on the way through the courier: JSON members,
 *	  base URLs, routes, and cutting texts.
 *
 * test/unit/courier_paths.c
 *
 *-------------------------------------------------------------------------
 */
#include "json.h"
#include "route.h"
#include "url.h"

#include "tap.h"

static WireStr
as_str(const char *str)
{
	return (WireStr){str, strlen(str)};
}

static void
test_json(void)
{
	static const char *const good[][2] = {
		{"{\"a\":\"x\"}", "x"},
		{" { \"b\" : [ 1 , { \"a\" : \"no\" } ] , \"a\" : \"y\" } ", "y"},
		{"{\"b\":\"\\\"a\\\":\\\"no\\\"\",\"a\":\"q\\\"\\u00e9\\\\\"}",
		 "q\"\xC3\xA9\\"},
		{"{\"b\":{\"}\":\"]\"},\"a\":\"z\"}", "z"},
		{"{\"b\":-1.5e3,\"c\":null,\"d\":true,\"a\":\"w\"", "w"},
		{"{\"a\":\"\"}", ""},
		{"{\"a\":\"0123456789abcdefghijklm\"}", "0123456789abcdefghi"},
	};
	static const char *const bad[] = {
		"",
		"{",
		"[\"a\"]",
		"{}",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":}",
		"{\"a\":\"x",
		"{\"a\":\"\\",
		"{\"a\":7}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xFF\"}",
		"{\"b\":{\"a\":\"x\"}}",
		"{\"aa\":\"x\"}",
		"{\"b\":]1,\"a\":\"x\"}",
		"{a:\"x\"}",
		"null",

		"{\"b\":\"x\" \"a\":\"y\"}",
	};
	char text[20];
	int64_t number = 0;
	WireStr data;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		ok(json_member_text(as_str(good[i][0]), "a", text, sizeof(text)),
		   "%s has it", good[i][0]);
		is_str(text, good[i][1], "... and its text");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!json_member_text(as_str(bad[i]), "a", text, sizeof(text)),
		   "%s has it not", bad[i]);
	ok(json_member_int(as_str("{\"n\":-42}"), "n", &number) && number == -42,
	   "a number");
	ok(!json_member_int(as_str("{\"n\":4.5}"), "n", &number) &&
		   !json_member_int(as_str("{\"n\":\"4\"}"), "n", &number) &&
		   !json_member_int(as_str("{\"n\":99999999999999999999}"), "n",
							&number),
	   "things that are not whole numbers");
	ok(json_member(as_str("{\"data\":{\"id\":\"d\"}}"), "data", &data) &&
		   json_member_text(data, "id", text, sizeof(text)),
	   "a member of a member");
}

static void
test_urls(void)
{
	static const char *const good[] = {
		"",
		"https://api.example.org",
		"https://api.example.org:8443/base",
		"HTTPS://API.EXAMPLE.ORG",
		"http://localhost:8080",
		"http://LOCALHOST",
		"http://127.0.0.1:1",
		"http://127.9.8.7",
		"http://[::1]:80/x",
	};
	static const char *const bad[] = {
		"http://api.example.org",
		"http://10.0.0.1",
		"http://127.0.0.1.example.org",
		"http://localhost.example.org",
		"http://128.0.0.1",
		"http://[::2]",
		"http://[::ffff:10.0.0.1]",
		"http://0.0.0.0",
		"ftp://127.0.0.1",
		"file:///etc/passwd",
		"gopher://127.0.0.1",
		"https://user@example.org",
		"https://user:pw@example.org",
		"https://example.org/?x=1",
		"https://example.org/#x",
		"https://",
		"example.org",
		"nonsense://x",
		"http://127.0.0.1@example.org",
		"https://exa mple.org",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_str(url_problem(good[i], false), NULL, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(url_problem(bad[i], false) != NULL, "not %s", bad[i]);
}

static void
tell_gateway(uint32_t id, const char *name, const char *provider)
{
	WireBuf buf = {0};
	WireFrame frame;

	wire_begin(&buf, WIRE_GATEWAY);
	wire_put_u32(&buf, id);
	wire_put_str(&buf, name);
	wire_put_str(&buf, provider);
	for (int i = 0; i < 8; i++)
		wire_put_str(&buf, i == 4 ? "{}" : "");
	for (int i = 0; i < 3; i++)
		wire_put_u32(&buf, 1);
	wire_end(&buf);
	if (wire_next(&buf, &frame) != 1 || gateway_update(&frame) == NULL)
		abort();
	wire_free(&buf);
}

static void
test_routes(void)
{
	static const struct
	{
		const char *target;
		RouteKind kind;
		const char *ref;
	} cases[] = {
		{"/healthz", ROUTE_HEALTH, ""},
		{"/healthz?x", ROUTE_HEALTH, ""},
		{"/healthzz", ROUTE_NONE, ""},
		{"/webhook/main", ROUTE_WEBHOOK, ""},
		{"/webhook/main?a=/b", ROUTE_WEBHOOK, ""},
		{"/webhook/main/status/17-aB_c", ROUTE_WEBHOOK, "17-aB_c"},
		{"/webhook/main/status/1?x", ROUTE_WEBHOOK, "1"},
		{"/webhook/main/status/", ROUTE_NONE, ""},
		{"/webhook/main/status", ROUTE_NONE, ""},
		{"/webhook/main/status/%31", ROUTE_NONE, ""},
		{"/webhook/main/", ROUTE_NONE, ""},
		{"/webhook/main/x", ROUTE_NONE, ""},
		{"/webhook/mai", ROUTE_NONE, ""},
		{"/webhook/mainn", ROUTE_NONE, ""},
		{"/webhook/%6dain", ROUTE_NONE, ""},
		{"/webhook/", ROUTE_NONE, ""},
		{"/webhook/loop", ROUTE_NONE, ""},
		{"//webhook/main", ROUTE_NONE, ""},
		{"http://h/webhook/main", ROUTE_NONE, ""},
		{"", ROUTE_NONE, ""},
	};

	tell_gateway(1, "main", "twilio");
	tell_gateway(2, "loop", "loopback");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Route route = route_find(cases[i].target);

		ok(route.kind == cases[i].kind && strcmp(route.ref, cases[i].ref) == 0,
		   "route \"%s\"", cases[i].target);
	}
	is_num(route_admits(&twilio_adapter, "POST",
						"Application/x-www-form-urlencoded; charset=UTF-8"),
		   0, "a form");
	is_num(route_admits(&twilio_adapter, "POST", "application/x-www-form"), 415,
		   "half a form");
	is_num(route_admits(&twilio_adapter, "POST", NULL), 415, "nothing");
	is_num(route_admits(&twilio_adapter, "GET", NULL), 405, "no POST");

	tell_gateway(1, "new", "twilio");
	is_num(route_find("/webhook/main").kind, ROUTE_NONE, "an old name");
	is_num(route_find("/webhook/new").kind, ROUTE_WEBHOOK, "a new name");
	tell_gateway(1, "new", "");
	is_num(route_find("/webhook/new").kind, ROUTE_NONE, "a gateway removed");
	gateway_free_all();
}

static void
test_cutting(void)
{
	char text[4];

	copy_text(text, sizeof(text), "abc");
	is_str(text, "abc", "what fits");
	copy_text(text, sizeof(text), "abcd");
	is_str(text, "abc", "what does not");
	copy_text(text, sizeof(text), "ab\xC3\xA9");
	is_str(text, "ab", "no half characters");
	copy_text(text, sizeof(text), "\xF0\x9F\x91\x8D");
	is_str(text, "", "... however long");
}

int
main(void)
{
	test_json();
	test_urls();
	test_routes();
	test_cutting();
	return done_testing();
}
