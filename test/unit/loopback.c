/*-------------------------------------------------------------------------
 *
 * loopback.c
 *	  Tests of the loopback gateway's voters.
 *
 * test/unit/loopback.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway/gateway.h"

#include "tap.h"

#define VOTERS 20000

static Gateway
electorate(const char *settings)
{
	Gateway gateway = {.id = 1, .name = "demo"};

	gateway.settings = json_loads(settings, 0, NULL);
	return gateway;
}

static void
disband(Gateway *gateway)
{
	json_decref(gateway->settings);
	json_decref(gateway->memory);
}

typedef struct Heard
{
	size_t n;
	char body[100];
	char status[20];
	uint32_t receipt_delay;
	uint32_t reply_delay;
} Heard;

/* Send one text to a voter, and listen. */
static Heard
text_voter(Gateway *gateway, unsigned voter, uint64_t id)
{
	char to[32];
	Text text = {
		.id = id, .ref = "ref", .from = "+12025550100", .to = to, .body = "Hi"};
	SimulatedEvent events[SIMULATED_MAX];
	SendResult result = {0};
	Heard heard = {0};

	snprintf(to, sizeof(to), "+1919%07u", voter);
	heard.n = loopback_adapter.simulate(gateway, &text, &result, events);
	if (result.outcome != WIRE_SENT || result.provider_id[0] != 'L')
		abort();
	strcpy(heard.status, events[0].event.status);
	heard.receipt_delay = events[0].delay_ms;
	if (heard.n > 1)
	{
		strcpy(heard.body, events[1].event.body);
		heard.reply_delay = events[1].delay_ms;
	}
	for (size_t i = 0; i < heard.n; i++)
		event_free(&events[i].event);
	return heard;
}

static void
test_events(void)
{
	Gateway gateway = electorate("{\"reply_rate\":1,\"undelivered_rate\":0,"
								 "\"mix\":{\"yes\":1}}");
	Text text = {.id = 42,
				 .ref = "42-ab",
				 .from = "+12025550100",
				 .to = "+19195550123",
				 .body = "Hi"};
	SimulatedEvent events[SIMULATED_MAX];
	SendResult result = {0};

	is_num(
		(long long) loopback_adapter.simulate(&gateway, &text, &result, events),
		2, "a text has two echoes");
	is_str(result.provider_id, "LB42", "... is accepted under an id");
	is_num(events[0].event.kind, WIRE_EVENT_RECEIPT, "a receipt");
	is_str(events[0].event.ref, "42-ab", "... with our ref");
	is_str(events[0].event.provider_id, "LB42", "... and that id");
	is_str(events[0].event.status, "delivered", "... delivered");
	is_num(events[1].event.kind, WIRE_EVENT_TEXT, "and an answer");
	is_str(events[1].event.from, "+19195550123", "... from the voter");
	is_str(events[1].event.to, "+12025550100", "... to us");
	ok(strcmp(events[0].event.dedupe_key, events[1].event.dedupe_key) != 0,
	   "... under another key");
	event_free(&events[0].event);
	event_free(&events[1].event);
	disband(&gateway);
}

/* The same voters answer alike, in whatever order they are asked. */
static void
test_deterministic(void)
{
	Gateway one = electorate("{\"seed\":1}");
	Gateway two = electorate("{\"seed\":1}");
	Gateway other = electorate("{\"seed\":2}");
	static Heard heard[VOTERS];
	int same = 0;
	int alike = 0;

	for (unsigned i = 0; i < VOTERS; i++)
		heard[i] = text_voter(&one, i, i);
	for (unsigned i = VOTERS; i-- > 0;)
	{
		Heard again = text_voter(&two, i, 1000000 + i);
		Heard different = text_voter(&other, i, i);

		same += memcmp(&heard[i], &again, sizeof(Heard)) == 0;
		alike += heard[i].n == 2 && different.n == 2 &&
				 strcmp(heard[i].body, different.body) == 0;
	}
	is_num(same, VOTERS, "the same seed gives the same answers");
	ok(alike < VOTERS / 20, "another seed gives others");
	disband(&one);
	disband(&two);
	disband(&other);
}

static void
test_proportions(void)
{
	Gateway gateway = electorate("{}");
	int replies = 0;
	int undelivered = 0;
	int stops = 0;
	int early = 0;
	int silent_phones = 0;

	for (unsigned i = 0; i < VOTERS; i++)
	{
		Heard heard = text_voter(&gateway, i, i);

		replies += heard.n == 2;
		stops += heard.n == 2 && strcasestr(heard.body, "stop") != NULL;
		undelivered += strcmp(heard.status, "undelivered") == 0;
		silent_phones +=
			strcmp(heard.status, "undelivered") == 0 && heard.n == 1;
		early +=
			heard.receipt_delay < 20 || heard.receipt_delay > 200 ||
			(heard.n == 2 && (heard.reply_delay < heard.receipt_delay + 200 ||
							  heard.reply_delay > heard.receipt_delay + 2000));
	}
	ok(replies > VOTERS * 0.23 && replies < VOTERS * 0.27,
	   "a quarter of the voters answer");
	ok(stops > replies * 0.05 && stops < replies * 0.15,
	   "a tenth of them STOP");
	ok(undelivered > VOTERS * 0.01 && undelivered < VOTERS * 0.03,
	   "one phone in fifty is not reached");
	is_num(silent_phones, undelivered, "... and does not answer");
	is_num(early, 0, "all in good time");
	disband(&gateway);
}

/* Nobody talks for ever, and whoever said STOP says no more. */
static void
test_conversations(void)
{
	static const char *const last_words[] = {
		"{\"reply_rate\":1,\"undelivered_rate\":0,\"mix\":{\"stop\":1}}",
		"{\"reply_rate\":1,\"undelivered_rate\":0,"
		"\"mix\":{\"wrong_number\":1}}"};
	Gateway gateway = electorate(
		"{\"reply_rate\":1,\"undelivered_rate\":0,\"mix\":{\"yes\":1}}");
	int answers[4] = {0};

	for (int round = 0; round < 4; round++)
	{
		for (unsigned i = 0; i < 1000; i++)
			answers[round] += text_voter(&gateway, i, i).n == 2;
	}
	is_num(answers[0], 1000, "all answer the first text");
	ok(answers[1] > 500 && answers[1] < 700, "most say thanks to the second");
	is_num(answers[2] + answers[3], 0, "nobody goes on");
	disband(&gateway);

	for (size_t i = 0; i < 2; i++)
	{
		gateway = electorate(last_words[i]);
		answers[0] = answers[1] = 0;
		for (unsigned j = 0; j < 2000; j++)
			answers[j / 1000] += text_voter(&gateway, j % 1000, j).n == 2;
		ok(answers[0] == 1000 && answers[1] == 0, "last words are the last: %s",
		   last_words[i]);
		disband(&gateway);
	}
}

static void
test_settings(void)
{
	static const char *const odd[] = {
		"{\"delay_ms\":-5,\"reply_delay_ms\":[1]}",
		"{\"delay_ms\":1e300,\"reply_delay_ms\":[\"x\",null]}",
		"{\"mix\":{}}",
		"{\"mix\":7}",
		"{\"mix\":{\"yes\":-1,\"no\":\"x\"}}",
		"{\"reply_rate\":\"much\",\"seed\":[]}",
		"{\"seed\":\"a seed that is longer than any buffer that one might "
		"have thought of for it, and then some\"}",
	};
	Gateway gateway = electorate("{\"delay_ms\":7,\"reply_delay_ms\":[3,3],"
								 "\"reply_rate\":1,\"undelivered_rate\":0}");
	Heard heard = text_voter(&gateway, 1, 1);

	is_num(heard.receipt_delay, 7, "a delay");
	is_num(heard.reply_delay, 10, "... and a range");
	disband(&gateway);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
	{
		int n = 0;

		gateway = electorate(odd[i]);
		for (unsigned j = 0; j < 100; j++)
			n += text_voter(&gateway, j, j).n >= 1;
		ok(n == 100, "odd settings do no harm: %s", odd[i]);
		disband(&gateway);
	}
}

int
main(void)
{
	test_events();
	test_deterministic();
	test_proportions();
	test_conversations();
	test_settings();
	return done_testing();
}
