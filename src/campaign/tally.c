/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  The aggregate audience_tally(), which counts what a launch would do.
 *
 * A voter is noted as eight bytes, which are sorted at the end: that costs less
 * than a hash table of the phones would by its cache misses.  Each parallel
 * worker hands over a sorted run, and the runs are merged.  Voters who are
 * dropped are just counted.
 *
 * src/campaign/tally.c
 *
 *-------------------------------------------------------------------------
 */
#include "campaign/tally.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "text/core/sms.h"
#include "text/utf8_text.h"

/* Places are sorted by so many bits at a time. */
#define DIGIT_BITS 11
#define DIGITS 6
#define DIGIT_VALUES (1 << DIGIT_BITS)
#define DIGIT(place, i) ((place) >> (DIGIT_BITS * (i)) & (DIGIT_VALUES - 1))

/* The most that a place takes in a run: 64 bits, seven to a byte. */
#define MAX_PACKED_PLACE 10

static Tally *
new_tally(MemoryContext context)
{
	Tally *tally = MemoryContextAllocZero(context, sizeof(Tally));

	tally->context = context;
	tally->reasons = words_create(context, 16, NULL);
	tally->zones = words_create(context, 16, NULL);
	tally->text_ids = texts_create(context, 64, NULL);
	tally->texts_room = 64;
	tally->texts =
		MemoryContextAlloc(context, sizeof(LikeTexts) * tally->texts_room);
	tally->places_room = 1024;
	tally->places =
		MemoryContextAlloc(context, sizeof(uint64) * tally->places_room);
	return tally;
}

static Word *
word(Tally *tally, words_hash *words, struct varlena *value)
{
	bool found;
	Word *w = words_insert(words, value, &found);

	if (!found)
	{
		w->id = words->members - 1;
		w->voters = 0;
		w->value = MemoryContextAlloc(tally->context, VARSIZE(value));
		memcpy(w->value, value, VARSIZE(value));
	}
	return w;
}

uint32
tally_zones(Tally *tally, struct varlena *zones)
{
	if (tally->last_zones == NULL || !same_word(tally->last_zones, zones))
	{
		Word *w = word(tally, tally->zones, zones);

		tally->last_zones = w->value;
		tally->last_zones_id = w->id;
	}
	return tally->last_zones_id;
}

uint32
tally_text(Tally *tally, LikeTexts text)
{
	uint64 key = TEXT_KEY(text);
	bool found;
	TextId *entry;

	if (tally->ntexts > 0 && key == tally->last_text)
		return tally->last_text_id;
	entry = texts_insert(tally->text_ids, key, &found);
	if (!found)
	{
		if (tally->ntexts == MAX_TEXTS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many different time zones"),
					 errdetail("Texts can be of %d kinds, by lists of time "
							   "zones and SMS segments.",
							   MAX_TEXTS)));
		if (tally->ntexts == tally->texts_room)
		{
			tally->texts_room *= 2;
			tally->texts =
				repalloc(tally->texts, sizeof(LikeTexts) * tally->texts_room);
		}
		entry->id = tally->ntexts++;
		tally->texts[entry->id] = text;
	}
	tally->last_text = key;
	tally->last_text_id = entry->id;
	return entry->id;
}

static void
note_place(Tally *tally, uint64 place)
{
	if (tally->nplaces == tally->places_room)
	{
		tally->places_room *= 2;
		tally->places =
			repalloc_huge(tally->places, sizeof(uint64) * tally->places_room);
	}
	tally->places[tally->nplaces++] = place;
}

static uint64
phone_number(const text *t)
{
	const char *s = VARDATA_ANY(t);
	int len = VARSIZE_ANY_EXHDR(t);
	uint64 number = 0;

	for (int i = 1; i < len; i++)
	{
		if (!isdigit((unsigned char) s[i]))
			len = 0;
		number = number * 10 + (s[i] - '0');
	}
	if (len < 2 || len > 16 || s[0] != '+')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid phone \"%s\"", text_to_cstring(t)),
						errhint("Phones are in E.164, as by phone().")));
	return number;
}

MemoryContext
tally_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "audience_tally called in non-aggregate context");
	return context;
}

/* Arguments: the tally, reason, phone, zones, body. */
PG_FUNCTION_INFO_V1(p2ptext_tally_add);
Datum
p2ptext_tally_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = tally_context(fcinfo);
	Tally *tally =
		PG_ARGISNULL(0) ? new_tally(context) : (Tally *) PG_GETARG_POINTER(0);
	uint64 phone;
	Utf8 body;
	SmsSize size;
	LikeTexts like;

	if (!PG_ARGISNULL(1))
	{
		word(tally, tally->reasons, PG_GETARG_TEXT_P(1))->voters++;
		PG_RETURN_POINTER(tally);
	}
	if (PG_ARGISNULL(2) || PG_ARGISNULL(4))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("a voter who is not dropped has a phone and a "
							   "text")));
	phone = phone_number(PG_GETARG_TEXT_PP(2));
	body = PG_GETARG_UTF8(4);
	size = sms_measure(body.str, body.len);
	like.zones = NO_ZONES;
	if (!PG_ARGISNULL(3))
		like.zones =
			tally_zones(tally, (struct varlena *) PG_GETARG_ARRAYTYPE_P(3));
	like.segments = Min(size.segments, PG_UINT16_MAX);
	like.ucs2 = !size.gsm;
	note_place(tally, PLACE(phone, tally_text(tally, like)));
	PG_RETURN_POINTER(tally);
}

Word **
words_by_id(words_hash *words)
{
	Word **by_id = palloc(sizeof(Word *) * (words->members + 1));
	words_iterator i;
	Word *w;

	words_start_iterate(words, &i);
	while ((w = words_iterate(words, &i)) != NULL)
		by_id[w->id] = w;
	return by_id;
}

static void
pack_words(StringInfo out, words_hash *words)
{
	Word **by_id = words_by_id(words);

	appendBinaryStringInfo(out, (char *) &words->members,
						   sizeof(words->members));
	for (uint32 id = 0; id < words->members; id++)
	{
		appendBinaryStringInfo(out, (char *) &by_id[id]->voters, sizeof(int64));
		appendBinaryStringInfo(out, (char *) by_id[id]->value,
							   VARSIZE(by_id[id]->value));
	}
}

/* By each digit in turn, the lowest first; most phones share the highest. */
static void
sort_places(uint64 *places, uint64 nplaces)
{
	uint64 *from = places;
	uint64 *to =
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * nplaces);
	uint64 *room = to;
	uint64(*starts)[DIGIT_VALUES] =
		palloc0(sizeof(uint64) * DIGITS * DIGIT_VALUES);

	for (uint64 i = 0; i < nplaces; i++)
	{
		for (int d = 0; d < DIGITS; d++)
			starts[d][DIGIT(from[i], d)]++;
	}
	for (int d = 0; d < DIGITS; d++)
	{
		uint64 start = 0;
		uint64 *swap = from;

		if (starts[d][DIGIT(from[0], d)] == nplaces)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int value = 0; value < DIGIT_VALUES; value++)
		{
			uint64 n = starts[d][value];

			starts[d][value] = start;
			start += n;
		}
		for (uint64 i = 0; i < nplaces; i++)
			to[starts[d][DIGIT(from[i], d)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != places)
		memcpy(places, from, sizeof(uint64) * nplaces);
	pfree(room);
	pfree(starts);
}

static int
text_bits(uint32 ntexts)
{
	return ntexts > 1 ? pg_leftmost_one_pos32(ntexts - 1) + 1 : 0;
}

/* Appends what this process noted, as a run; returns whether there is any. */
bool
pack_places(Tally *tally, StringInfo out)
{
	int bits = text_bits(tally->ntexts);
	uint64 before = 0;

	if (tally->nplaces == 0)
		return false;
	sort_places(tally->places, tally->nplaces);
	for (uint64 i = 0; i < tally->nplaces; i++)
	{
		uint64 phone = PHONE_OF(tally->places[i]);
		uint64 number = (phone - before) << bits | TEXT_OF(tally->places[i]);

		if (out->maxlen - out->len <= MAX_PACKED_PLACE)
			enlargeStringInfo(out, out->maxlen);
		for (; number > 0x7F; number >>= 7)
			out->data[out->len++] = (char) (0x80 | (number & 0x7F));
		out->data[out->len++] = (char) number;
		before = phone;
	}
	return true;
}

Run
open_run(const char *packed, Size len, const uint32 *ids, uint32 ntexts)
{
	Run run = {.next = (const unsigned char *) packed,
			   .end = (const unsigned char *) packed + len,
			   .text_bits = text_bits(ntexts),
			   .ids = ids};

	next_place(&run);
	return run;
}

void
next_place(Run *run)
{
	uint64 number = 0;
	int shift = 0;

	if (run->next == run->end)
	{
		run->place = NO_PLACE;
		return;
	}
	for (; *run->next & 0x80; shift += 7)
		number |= (uint64) (*run->next++ & 0x7F) << shift;
	number |= (uint64) *run->next++ << shift;
	run->phone += number >> run->text_bits;
	run->place =
		PLACE(run->phone,
			  run->ids[number & ((UINT64CONST(1) << run->text_bits) - 1)]);
}

/* Words, the number of texts, these, and the run. */
PG_FUNCTION_INFO_V1(p2ptext_tally_pack);
Datum
p2ptext_tally_pack(PG_FUNCTION_ARGS)
{
	Tally *tally = (Tally *) PG_GETARG_POINTER(0);
	StringInfoData out;

	if (tally->nplaces > MaxAllocSize / MAX_PACKED_PLACE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many voters for parallel workers"),
						errdetail("One of them has " UINT64_FORMAT ".",
								  tally->nplaces),
						errhint("Set max_parallel_workers_per_gather to 0.")));
	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	pack_words(&out, tally->reasons);
	pack_words(&out, tally->zones);
	appendBinaryStringInfo(&out, (char *) &tally->ntexts,
						   sizeof(tally->ntexts));
	appendBinaryStringInfo(&out, (char *) tally->texts,
						   sizeof(LikeTexts) * tally->ntexts);
	(void) pack_places(tally, &out);
	SET_VARSIZE(out.data, out.len);
	PG_RETURN_BYTEA_P((bytea *) out.data);
}

/* What is only added to another tally need not become one. */
PG_FUNCTION_INFO_V1(p2ptext_tally_unpack);
Datum
p2ptext_tally_unpack(PG_FUNCTION_ARGS)
{
	Tally *tally = palloc0(sizeof(Tally));

	tally->packed = PG_GETARG_BYTEA_P(0);
	PG_RETURN_POINTER(tally);
}

static void
take(const char **from, void *to, Size len)
{
	memcpy(to, *from, len);
	*from += len;
}

/* Returns our words by the ids of the other tally. */
static Word *
unpack_words(Tally *tally, words_hash *words, const char **from)
{
	uint32 n;
	Word *ours;

	take(from, &n, sizeof(n));
	ours = palloc(sizeof(Word) * (n + 1));
	for (uint32 id = 0; id < n; id++)
	{
		int64 voters;
		int32 header;
		struct varlena *value;
		Word *w;

		take(from, &voters, sizeof(voters));
		memcpy(&header, *from, sizeof(header));
		value = palloc(VARSIZE(&header));
		take(from, value, VARSIZE(&header));
		w = word(tally, words, value);
		w->voters += voters;
		ours[id] = *w;
	}
	return ours;
}

/* The run that is packed from p on, its zones and texts by our numbers. */
static Run
unpack_run(Tally *tally, const char *p, const char *end, const Word *zones)
{
	uint32 ntexts;
	uint32 *ids;
	char *packed;

	take(&p, &ntexts, sizeof(ntexts));
	ids = MemoryContextAlloc(tally->context, sizeof(uint32) * (ntexts + 1));
	for (uint32 i = 0; i < ntexts; i++)
	{
		LikeTexts text;

		take(&p, &text, sizeof(text));
		if (text.zones != NO_ZONES)
			text.zones = zones[text.zones].id;
		ids[i] = tally_text(tally, text);
	}
	packed = MemoryContextAlloc(tally->context, end - p);
	memcpy(packed, p, end - p);
	return open_run(packed, end - p, ids, ntexts);
}

PG_FUNCTION_INFO_V1(p2ptext_tally_combine);
Datum
p2ptext_tally_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = tally_context(fcinfo);
	Tally *tally =
		PG_ARGISNULL(0) ? new_tally(context) : (Tally *) PG_GETARG_POINTER(0);
	bytea *packed;
	const char *p;
	Word *zones;
	Run *runs;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(tally);
	packed = ((Tally *) PG_GETARG_POINTER(1))->packed;
	if (packed == NULL)
		elog(ERROR, "only tallies of other processes can be combined");
	p = VARDATA(packed);
	(void) unpack_words(tally, tally->reasons, &p);
	zones = unpack_words(tally, tally->zones, &p);
	runs = MemoryContextAlloc(context, sizeof(Run) * (tally->nruns + 1));
	if (tally->nruns > 0)
		memcpy(runs, tally->runs, sizeof(Run) * tally->nruns);
	runs[tally->nruns++] =
		unpack_run(tally, p, (const char *) packed + VARSIZE(packed), zones);
	tally->runs = runs;
	PG_RETURN_POINTER(tally);
}
