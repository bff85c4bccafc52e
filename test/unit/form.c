/*-------------------------------------------------------------------------
 *
 * form.c
 *	  Tests of forms and of the other encodings.
 *
 * test/unit/form.c
 *
 *-------------------------------------------------------------------------
 */
#include "form.h"

#include "tap.h"

#define BYTES(s) (s), sizeof(s) - 1

static void
test_good_forms(void)
{
	Form form;
	Buf again = {0};

	ok(form_decode(&form, BYTES("a=1&b=x+y%26z%3d&c&=e&&a=2&d=")),
	   "a form with oddities");
	is_num((long long) form.n, 6, "... empty fields are no fields");
	is_str(form_get(&form, "a"), "1", "... the first of two counts");
	is_str(form_get(&form, "b"), "x y&z=", "... blanks and escapes");
	is_str(form_get(&form, "c"), "", "... a key alone");
	is_str(form_get(&form, "d"), "", "... a key without a value");
	is_str(form_get(&form, ""), "e", "... a value without a key");
	is_str(form_get(&form, "nothing"), NULL, "... and no more");
	form_free(&form);

	ok(form_decode(&form, BYTES("")) && form.n == 0, "an empty form");
	form_free(&form);
	ok(form_decode(&form, BYTES("a=b=c")), "a value with an equals sign");
	is_str(form_get(&form, "a"), "b=c", "... which stays");
	form_free(&form);

	form_add(&again, "To", "+1 (415)");
	form_add(&again, "Body", "50% off & \xC3\xA9\xF0\x9F\x91\x8D~*'\n");
	is_str(
		again.data,
		"To=%2B1+%28415%29&Body=50%25+off+%26+%C3%A9%F0%9F%91%8D%7E%2A%27%0A",
		"what we encode");
	ok(form_decode(&form, again.data, again.len) && form.n == 2, "decodes");
	is_str(form_get(&form, "Body"), "50% off & \xC3\xA9\xF0\x9F\x91\x8D~*'\n",
		   "... to the same");
	form_free(&form);
	buf_free(&again);

	percent_encode(&again, "a b/c");
	is_str(again.data, "a%20b%2Fc", "a path segment");
	buf_free(&again);
}

static void
test_bad_forms(void)
{
	static const struct
	{
		const char *name;
		const char *data;
		size_t len;
	} bad[] = {
		{"an escape cut short", BYTES("a=%4")},
		{"a lone percent sign", BYTES("a=%")},
		{"an escape that is not hexadecimal", BYTES("a=%G0")},
		{"an escape with a sign", BYTES("a=%+1")},
		{"a bad escape in a key", BYTES("%=1")},
		{"an escaped NUL", BYTES("a=x%00y")},
		{"a NUL", BYTES("a=x\0y")},
		{"a NUL in a key", BYTES("a%00=1")},
		{"a byte that is not UTF-8", BYTES("a=%FF")},
		{"a character cut short", BYTES("a=%C3")},
		{"a character over two fields", BYTES("a=%C3&%A9=1")},
		{"an overlong slash", BYTES("a=%C0%AF")},
		{"an overlong NUL", BYTES("a=%E0%80%80")},
		{"a surrogate", BYTES("a=%ED%A0%80")},
		{"beyond Unicode", BYTES("a=%F4%90%80%80")},
		{"a stray continuation", BYTES("a=\x80")},
	};
	char many[FORM_MAX_FIELDS * 2 + 2];
	Form form;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!form_decode(&form, bad[i].data, bad[i].len), "%s is refused",
		   bad[i].name);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 2 ? '&' : 'a';
	ok(form_decode(&form, many, FORM_MAX_FIELDS * 2 - 1), "many fields");
	is_num((long long) form.n, FORM_MAX_FIELDS, "... are all there");
	form_free(&form);
	ok(!form_decode(&form, many, sizeof(many)), "too many are refused");
}

static void
test_utf8(void)
{
	static const char *const good[] = {
		"",
		"a",
		"\xC2\x80",
		"\xDF\xBF",
		"\xE0\xA0\x80",
		"\xED\x9F\xBF",
		"\xEE\x80\x80",
		"\xEF\xBF\xBF",
		"\xF0\x90\x80\x80",
		"\xF4\x8F\xBF\xBF",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(utf8_valid(good[i], strlen(good[i])), "good UTF-8, number %zu", i);
	ok(!utf8_valid("\xF0\x90\x80\x80", 3), "the length counts, not the NUL");
}

static void
test_base64(void)
{
	static const char *const pairs[][2] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
	};
	static const char *const bad[] = {
		"Zg", "Zg=", "=", "====", "Z===", "Zg==Zg==", "Zm9 ", "Zm9-", "Zm\n9"};
	Buf out = {0};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
	{
		buf_clear(&out);
		ok(base64_decode(&out, pairs[i][0]), "base64 \"%s\"", pairs[i][0]);
		is_str(buf_str(&out), pairs[i][1], "... as in RFC 4648");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!base64_decode(&out, bad[i]), "bad base64, number %zu", i);
	buf_free(&out);
}

int
main(void)
{
	test_good_forms();
	test_bad_forms();
	test_utf8();
	test_base64();
	return done_testing();
}
