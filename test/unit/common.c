/*-------------------------------------------------------------------------
 *
 * common.c
 *	  Tests of what the adapters of several providers have in common.
 *
 * test/unit/common.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway/common.h"

#include "tap.h"

static void
test_read_times(void)
{
	static const struct
	{
		const char *str;
		int64_t iso; /* -1: is none */
		int64_t mail;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, -1},
		{"2023-11-14T22:13:20Z", 1700000000, -1},
		{"2023-11-14T22:13:20.999Z", 1700000000, -1},
		{"2023-11-14T22:13:20.123456+00:00", 1700000000, -1},
		{"2023-11-14T17:13:20-05:00", 1700000000, -1},
		{"2023-11-15T03:43:20+0530", 1700000000, -1},
		{"2024-02-29T00:00:00Z", 1709164800, -1},
		{"2023-11-14T22:13:20", -1, -1},
		{"2023-11-14 22:13:20Z", -1, -1},
		{"2023-11-14T22:13Z", -1, -1},
		{"2023-13-14T22:13:20Z", -1, -1},
		{"2023-11-14T22:13:20Zulu", -1, -1},
		{"", -1, -1},
		{"Tue, 14 Nov 2023 22:13:20 +0000", -1, 1700000000},
		{"Tue, 14 Nov 2023 14:13:20 -0800", -1, 1700000000},
		{"Tue, 14 Nov 2023 22:13:20", -1, -1},
		{"Tue, 14 Nox 2023 22:13:20 +0000", -1, -1},
		{"14 Nov 2023 22:13:20 +0000", -1, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int64_t iso;
		int64_t mail;

		if (!time_from_iso(cases[i].str, &iso))
			iso = -1;
		if (!time_from_mail(cases[i].str, &mail))
			mail = -1;
		is_num(iso, cases[i].iso, cases[i].str);
		is_num(mail, cases[i].mail, "... in mail");
	}
}

static void
test_write_times(void)
{
	Buf buf = {0};

	put_time(&buf, 1700000000);
	is_str(buf.data, "2023-11-14T22:13:20Z", "a time is written");
	buf_clear(&buf);
	put_time(&buf, INT64_MAX);
	is_str(buf_str(&buf), "", "... but not one beyond all years");
	buf_free(&buf);
}

static void
test_window(void)
{
	Text text = {.claimed_at = 1700000000};

	ok(!found_in_time(&text, 1700000000 - 301) &&
		   found_in_time(&text, 1700000000 - 300) &&
		   found_in_time(&text, 1700000000 + 900) &&
		   !found_in_time(&text, 1700000000 + 901),
	   "five minutes before to fifteen after");
}

static void
test_ids(void)
{
	char id[129];

	memset(id, 'x', sizeof(id));
	id[128] = '\0';
	ok(!id_fits(id), "an id can be too long");
	id[127] = '\0';
	ok(id_fits(id), "... by one");
	ok(!id_fits("") && !id_fits(NULL), "... and must be there");
}

static void
test_json_text(void)
{
	static const char *const cases[][2] = {
		{"\"abcdefgh\"", "abcdefg"},
		{"-17", "-17"},
		{"1.5", ""},
		{"null", ""},
		{"[]", ""},
		{"\"\"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		json_t *value = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
		char text[8] = "?";

		json_text(value, text, sizeof(text));
		is_str(text, cases[i][1], cases[i][0]);
		json_decref(value);
	}
}

int
main(void)
{
	test_read_times();
	test_write_times();
	test_window();
	test_ids();
	test_json_text();
	return done_testing();
}
