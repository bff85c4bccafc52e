/*-------------------------------------------------------------------------
 *
 * loopback.c
 *	  A gateway without a network, and the voters behind it.
 *
 * Every text is accepted, most are delivered, and some voters answer.  What a
 * voter does follows from the seed and the voter's number alone, so that a
 * demonstration gives the same answers each time, however fast it runs.
 *
 * Settings, all optional:
 *	  seed				another seed is another electorate
 *	  reply_rate		share of voters who answer at all (0.25)
 *	  undelivered_rate	share of phones that cannot be reached (0.02)
 *	  delay_ms			until a receipt: a number, or [least, most]
 *	  reply_delay_ms	until an answer, likewise
 *	  mix				weights of yes, no, question, wrong_number, stop
 *
 * src/courier/gateway/loopback.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

#include <string.h>

typedef struct Wording
{
	const char *name; /* its key in "mix" */
	double weight;	  /* unless "mix" has another */
	bool last_word;	  /* whoever says so answers nothing more */
	const char *texts[12];
} Wording;

static const Wording wordings[] = {
	{"yes",
	 40,
	 false,
	 {"Yes", "yes!", "YES", "Yes I will 👍", "yep, count me in", "Absolutely",
	  "sure will", "Yeah already made my plan", "¡Sí, claro!", "y",
	  "you got it 🇺🇸", "Si, cuenten conmigo"}},
	{"no",
	 25,
	 false,
	 {"No", "no", "No thanks", "nope", "Not interested, sorry",
	  "I don't think so", "Not this time", "NO", "no gracias",
	  "Nah I'm voting for the other side", "n", "Probably not"}},
	{"question",
	 15,
	 false,
	 {"Where do I vote?", "What time do the polls close?", "who is this?",
	  "Do I need an ID?", "Is it too late to register?",
	  "What's her position on schools?", "can I vote by mail?",
	  "How did you get my number", "¿Dónde puedo votar?",
	  "Are you a real person?", "which day is it again", "Who's running?"}},
	{"wrong_number",
	 10,
	 true,
	 {"Wrong number", "wrong number", "You have the wrong number",
	  "wrong number sorry", "Sorry, wrong number.", "Wrong #",
	  "Número equivocado", "This is not her phone, wrong number",
	  "I think you have the wrong person", "wrong person",
	  "Nobody here by that name", "not my name, wrong number"}},
	{"stop",
	 10,
	 true,
	 {"STOP", "Stop", "stop", "STOP", "Stop.", "STOPALL", "Unsubscribe",
	  "stop texting me", "Stop please", "QUIT", "stop!!", "ALTO"}},
};

static const char *const thanks[] = {
	"Thanks!",
	"ok thanks",
	"Thank you 🙏",
	"Got it, thx",
	"👍",
	"great, thank you",
	"Gracias!",
	"Ok",
	"Good to know, thanks",
	"perfect thanks",
	"Thanks for the info",
	"will do",
};

#define N_WORDINGS (sizeof(wordings) / sizeof(wordings[0]))
#define N_THANKS (sizeof(thanks) / sizeof(thanks[0]))

/* How often a voter who still may answer has done so. */
enum
{
	NEVER = 0,
	ONCE,
	SILENT
};

/* Bits that depend on the seed, the voter, and what they are drawn for. */
static uint64_t
draw(const char *seed, const char *voter, const char *purpose)
{
	const char *parts[] = {seed, voter, purpose};
	uint64_t hash = UINT64_C(0xCBF29CE484222325); /* FNV-1a ... */

	for (size_t i = 0; i < 3; i++)
	{
		for (const char *c = parts[i]; *c; c++)
			hash = (hash ^ (unsigned char) *c) * UINT64_C(0x100000001B3);
		hash = (hash ^ 0xFF) * UINT64_C(0x100000001B3);
	}
	hash ^= hash >> 30; /* ... and the finish of splitmix64 */
	hash *= UINT64_C(0xBF58476D1CE4E5B9);
	hash ^= hash >> 27;
	hash *= UINT64_C(0x94D049BB133111EB);
	return hash ^ hash >> 31;
}

/* The same as a number in [0, 1). */
static double
chance(const char *seed, const char *voter, const char *purpose)
{
	return (double) (draw(seed, voter, purpose) >> 11) * 0x1p-53;
}

static double
number_setting(const Gateway *gateway, const char *key, double otherwise)
{
	json_t *value = json_object_get(gateway->settings, key);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* A delay between what the setting, or the caller, names as least and most. */
static uint32_t
pick_delay(const Gateway *gateway, const char *key, double least, double most,
		   double where)
{
	json_t *value = json_object_get(gateway->settings, key);
	double delay;

	if (json_is_number(value))
		least = most = json_number_value(value);
	else if (json_is_array(value) && json_array_size(value) == 2)
	{
		least = json_number_value(json_array_get(value, 0));
		most = json_number_value(json_array_get(value, 1));
	}
	delay = least + (most - least) * where;
	return delay < 0 ? 0 : delay > 86400e3 ? 86400000 : (uint32_t) delay;
}

static const char *
seed_setting(const Gateway *gateway, char *buffer, size_t size)
{
	json_t *value = json_object_get(gateway->settings, "seed");

	buffer[0] = '\0';
	if (json_is_string(value))
		copy_text(buffer, size, json_string_value(value));
	else if (json_is_integer(value))
		snprintf(buffer, size, "%lld", (long long) json_integer_value(value));
	return buffer;
}

static const Wording *
pick_wording(const Gateway *gateway, double where)
{
	json_t *mix = json_object_get(gateway->settings, "mix");
	double weights[N_WORDINGS];
	double total = 0;

	for (size_t i = 0; i < N_WORDINGS; i++)
	{
		json_t *weight = json_object_get(mix, wordings[i].name);

		weights[i] = mix ? json_number_value(weight) : wordings[i].weight;
		if (weights[i] < 0)
			weights[i] = 0;
		total += weights[i];
	}
	where *= total;
	for (size_t i = 0; i < N_WORDINGS; i++)
	{
		if (where < weights[i])
			return &wordings[i];
		where -= weights[i];
	}
	return NULL; /* all weights are zero */
}

/*
 * What the voter answers, or NULL.  The first text may get an answer, the
 * next a thank-you; whoever asked us to stop, or is not the voter, is silent
 * from then on.
 */
static const char *
answer(Gateway *gateway, const char *seed, const char *voter)
{
	int state;
	const char *text = NULL;

	if (chance(seed, voter, "replies") >=
		number_setting(gateway, "reply_rate", 0.25))
		return NULL;
	if (gateway->memory == NULL)
		gateway->memory = json_object();

	state = (int) json_integer_value(json_object_get(gateway->memory, voter));
	if (state == NEVER)
	{
		const Wording *wording =
			pick_wording(gateway, chance(seed, voter, "wording"));

		if (wording == NULL)
			return NULL;
		text = wording->texts[draw(seed, voter, "text") % 12];
		state = wording->last_word ? SILENT : ONCE;
	}
	else if (state == ONCE)
	{
		if (chance(seed, voter, "thanks") < 0.6)
			text = thanks[draw(seed, voter, "thanks text") % N_THANKS];
		state = SILENT;
	}
	json_object_set_new(gateway->memory, voter, json_integer(state));
	return text;
}

static void
fill_event(SimulatedEvent *simulated, WireEventKind kind, uint32_t delay_ms,
		   const char *provider_id, const char *suffix)
{
	char key[160];

	snprintf(key, sizeof(key), "%s%s", provider_id, suffix);
	memset(simulated, 0, sizeof(*simulated));
	simulated->delay_ms = delay_ms;
	simulated->event.kind = kind;
	simulated->event.dedupe_key = hook_str(key);
}

static size_t
loopback_simulate(Gateway *gateway, const Text *text, SendResult *result,
				  SimulatedEvent events[SIMULATED_MAX])
{
	char buffer[64];
	const char *seed = seed_setting(gateway, buffer, sizeof(buffer));
	const char *voter = text->to;
	bool delivered = chance(seed, voter, "delivered") >=
					 number_setting(gateway, "undelivered_rate", 0.02);
	uint32_t delay =
		pick_delay(gateway, "delay_ms", 20, 200, chance(seed, voter, "delay"));
	const char *body;
	HookEvent *event;

	result_set(result, WIRE_SENT, "", "");
	snprintf(result->provider_id, sizeof(result->provider_id), "LB%llu",
			 (unsigned long long) text->id);

	fill_event(&events[0], WIRE_EVENT_RECEIPT, delay, result->provider_id,
			   delivered ? ":delivered" : ":undelivered");
	event = &events[0].event;
	event->status = hook_str(delivered ? "delivered" : "undelivered");
	event->code = delivered ? NULL : hook_str("30003");
	event->provider_id = hook_str(result->provider_id);
	event->ref = hook_str(text->ref);
	event->from = hook_str(text->from);
	event->to = hook_str(voter);

	body = delivered ? answer(gateway, seed, voter) : NULL;
	if (body == NULL)
		return 1;
	delay += pick_delay(gateway, "reply_delay_ms", 200, 2000,
						chance(seed, voter, "reply delay"));
	fill_event(&events[1], WIRE_EVENT_TEXT, delay, result->provider_id,
			   ":reply");
	event = &events[1].event;
	event->provider_id = hook_str(event->dedupe_key);
	event->from = hook_str(voter);
	event->to = hook_str(text->from);
	event->body = hook_str(body);
	return 2;
}

const GatewayAdapter loopback_adapter = {
	.provider = "loopback",
	.simulate = loopback_simulate,
};
