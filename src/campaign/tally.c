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
 * Where the file tells no time zones, the phone does: one look for all phones
 * of an exchange, once they are in order.
 *
 * src/campaign/tally.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "text/core/phone.h"
#include "text/core/sms.h"
#include "text/core/zone.h"
#include "text/utf8_text.h"

/*
 * A place is a phone, by its digits as a number, and which text of the tally's
 * a voter there would get.  A phone has up to 15 digits, which take 50 bits.
 */
#define TEXT_BITS 14
#define MAX_TEXTS (1 << TEXT_BITS)
#define PLACE(phone, text) ((phone) << TEXT_BITS | (text))
#define PHONE_OF(place) ((place) >> TEXT_BITS)
#define TEXT_OF(place) ((uint32) (place) & (MAX_TEXTS - 1))

/* Places are sorted by so many bits at a time. */
#define DIGIT_BITS 11
#define DIGITS 6
#define DIGIT_VALUES (1 << DIGIT_BITS)
#define DIGIT(place, i) ((place) >> (DIGIT_BITS * (i)) & (DIGIT_VALUES - 1))

/* Places, in order but for those that are being noted. */
typedef struct Run
{
	uint64 *places;
	uint64 n;
} Run;

/* Values of which there are few different ones: reasons, lists of zones. */
typedef struct Word
{
	struct varlena *value;
	uint32 id; /* from 0 */
	int64 voters;
	char status;
} Word;

#define WORD_BYTES(value) ((const unsigned char *) VARDATA(value))
#define WORD_LEN(value) ((int) (VARSIZE(value) - VARHDRSZ))

static inline bool
same_word(const struct varlena *a, const struct varlena *b)
{
	return VARSIZE(a) == VARSIZE(b) &&
		   memcmp(WORD_BYTES(a), WORD_BYTES(b), WORD_LEN(a)) == 0;
}

#define SH_PREFIX words
#define SH_ELEMENT_TYPE Word
#define SH_KEY_TYPE struct varlena *
#define SH_KEY value
#define SH_HASH_KEY(table, key) hash_bytes(WORD_BYTES(key), WORD_LEN(key))
#define SH_EQUAL(table, a, b) same_word(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Texts that are alike. */
typedef struct LikeTexts
{
	uint32 zones; /* which of the tally's, or NO_ZONES */
	uint16 segments;
	bool ucs2;
} LikeTexts;

#define NO_ZONES PG_UINT32_MAX

/* Which they are, by what they have in common. */
typedef struct TextId
{
	uint64 of;
	uint32 id;
	char status;
} TextId;

#define TEXT_KEY(text) \
	((uint64) (text).zones << 32 | (uint64) (text).segments << 1 | (text).ucs2)

#define SH_PREFIX texts
#define SH_ELEMENT_TYPE TextId
#define SH_KEY_TYPE uint64
#define SH_KEY of
#define SH_HASH_KEY(table, key) \
	murmurhash32((uint32) (key) ^ murmurhash32((uint32) ((key) >> 32)))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Tally
{
	MemoryContext context;
	words_hash *reasons;
	words_hash *zones;
	struct varlena *last_zones; /* mostly those of the next voter, too */
	uint32 last_zones_id;
	texts_hash *text_ids;
	LikeTexts *texts; /* by id */
	uint32 ntexts;
	uint32 texts_room;
	uint64 last_text; /* mostly that of the next voter, too */
	uint32 last_text_id;
	Run noted; /* by this process */
	uint64 places_room;
	Run *runs; /* of other processes */
	int nruns;
	bytea *packed; /* if not NULL, it is all that there is */
} Tally;

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
	tally->noted.places =
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

static uint32
zones_id(Tally *tally, struct varlena *zones)
{
	if (tally->last_zones == NULL || !same_word(tally->last_zones, zones))
	{
		Word *w = word(tally, tally->zones, zones);

		tally->last_zones = w->value;
		tally->last_zones_id = w->id;
	}
	return tally->last_zones_id;
}

static uint32
text_id(Tally *tally, LikeTexts text)
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
	if (tally->noted.n == tally->places_room)
	{
		tally->places_room *= 2;
		tally->noted.places = repalloc_huge(
			tally->noted.places, sizeof(uint64) * tally->places_room);
	}
	tally->noted.places[tally->noted.n++] = place;
}

/* By each digit in turn, the lowest first; most phones share the highest. */
static void
sort_places(Run *run)
{
	Size size = sizeof(uint64) * Max(run->n, 1);
	uint64 *from = run->places;
	uint64 *to = MemoryContextAllocHuge(CurrentMemoryContext, size);
	uint64 *room = to;
	uint64(*starts)[DIGIT_VALUES] =
		palloc0(sizeof(uint64) * DIGITS * DIGIT_VALUES);

	for (uint64 i = 0; i < run->n; i++)
	{
		for (int d = 0; d < DIGITS; d++)
			starts[d][DIGIT(from[i], d)]++;
	}
	for (int d = 0; d < DIGITS && run->n > 0; d++)
	{
		uint64 start = 0;
		uint64 *swap = from;

		if (starts[d][DIGIT(from[0], d)] == run->n)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int value = 0; value < DIGIT_VALUES; value++)
		{
			uint64 n = starts[d][value];

			starts[d][value] = start;
			start += n;
		}
		for (uint64 i = 0; i < run->n; i++)
			to[starts[d][DIGIT(from[i], d)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != run->places)
		memcpy(run->places, from, sizeof(uint64) * run->n);
	pfree(room);
	pfree(starts);
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

static MemoryContext
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
			zones_id(tally, (struct varlena *) PG_GETARG_ARRAYTYPE_P(3));
	like.segments = Min(size.segments, PG_UINT16_MAX);
	like.ucs2 = !size.gsm;
	note_place(tally, PLACE(phone, text_id(tally, like)));
	PG_RETURN_POINTER(tally);
}

static void
pack_words(StringInfo out, words_hash *words)
{
	Word **by_id = palloc(sizeof(Word *) * (words->members + 1));
	words_iterator i;
	Word *w;

	words_start_iterate(words, &i);
	while ((w = words_iterate(words, &i)) != NULL)
		by_id[w->id] = w;
	appendBinaryStringInfo(out, (char *) &words->members,
						   sizeof(words->members));
	for (uint32 id = 0; id < words->members; id++)
	{
		appendBinaryStringInfo(out, (char *) &by_id[id]->voters, sizeof(int64));
		appendBinaryStringInfo(out, (char *) by_id[id]->value,
							   VARSIZE(by_id[id]->value));
	}
}

/* Words, numbers of texts and of places, and these. */
PG_FUNCTION_INFO_V1(p2ptext_tally_pack);
Datum
p2ptext_tally_pack(PG_FUNCTION_ARGS)
{
	Tally *tally = (Tally *) PG_GETARG_POINTER(0);
	Run *run = &tally->noted;
	StringInfoData out;

	if (run->n > MaxAllocSize / 2 / sizeof(uint64))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many voters for parallel workers"),
						errdetail("One of them has " UINT64_FORMAT ".", run->n),
						errhint("Set max_parallel_workers_per_gather to 0.")));
	sort_places(run);
	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	pack_words(&out, tally->reasons);
	pack_words(&out, tally->zones);
	appendBinaryStringInfo(&out, (char *) &tally->ntexts,
						   sizeof(tally->ntexts));
	appendBinaryStringInfo(&out, (char *) &run->n, sizeof(run->n));
	appendBinaryStringInfo(&out, (char *) tally->texts,
						   sizeof(LikeTexts) * tally->ntexts);
	appendBinaryStringInfo(&out, (char *) run->places, sizeof(uint64) * run->n);
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

/* The run that is packed at p, its zones and texts by our numbers. */
static Run
unpack_run(Tally *tally, const char *p, const Word *zones)
{
	Run run;
	uint32 ntexts;
	uint32 *ids;

	take(&p, &ntexts, sizeof(ntexts));
	take(&p, &run.n, sizeof(run.n));
	ids = palloc(sizeof(uint32) * (ntexts + 1));
	for (uint32 i = 0; i < ntexts; i++)
	{
		LikeTexts text;

		take(&p, &text, sizeof(text));
		if (text.zones != NO_ZONES)
			text.zones = zones[text.zones].id;
		ids[i] = text_id(tally, text);
	}
	run.places =
		MemoryContextAllocHuge(tally->context, sizeof(uint64) * Max(run.n, 1));
	take(&p, run.places, sizeof(uint64) * run.n);
	for (uint64 i = 0; i < run.n; i++)
		run.places[i] =
			PLACE(PHONE_OF(run.places[i]), ids[TEXT_OF(run.places[i])]);
	return run;
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
	runs[tally->nruns++] = unpack_run(tally, p, zones);
	tally->runs = runs;
	PG_RETURN_POINTER(tally);
}

/* Takes the first place off runs that are not at their end. */
static bool
next_place(Run *runs, int nruns, uint64 *place)
{
	Run *first = NULL;

	for (int i = 0; i < nruns; i++)
	{
		if (runs[i].n > 0 && (first == NULL || PHONE_OF(*runs[i].places) <
												   PHONE_OF(*first->places)))
			first = &runs[i];
	}
	if (first == NULL)
		return false;
	*place = *first->places++;
	first->n--;
	return true;
}

/* What is known of the zones of phones that begin like this one. */
static uint32
zones_by_phone(Tally *tally, uint64 phone)
{
	char e164[32];
	Phone parsed;
	const char *zones = NULL;

	snprintf(e164, sizeof(e164), "+" UINT64_FORMAT, phone);
	phone_parse(e164, strlen(e164), "US", &parsed);
	if (PHONE_VALID(parsed.problem) && parsed.country[0] != '\0')
		zones = zones_of_phone(parsed.e164 + 2);
	if (zones == NULL)
		return NO_ZONES;
	return zones_id(tally, (struct varlena *) words_array(zones));
}

/* What the tally comes to. */
typedef struct Count
{
	int64 *texts;	 /* by which they are */
	int64 *voters;	 /* with those phones */
	uint64 exchange; /* of the last phone whose zones were looked up */
	uint32 exchange_zones;
	ArrayBuildState *shared; /* phones whose voters' texts differ */
	int64 shared_voters;
} Count;

/* The text by which those to the phone are counted. */
static uint32
text_at(Tally *tally, Count *count, uint64 phone, uint32 id)
{
	LikeTexts text = tally->texts[id];

	if (text.zones != NO_ZONES)
		return id;
	if (phone / 10000 != count->exchange)
	{
		count->exchange = phone / 10000;
		count->exchange_zones = zones_by_phone(tally, phone);
	}
	text.zones = count->exchange_zones;
	return text_id(tally, text);
}

static void
count_phone(Tally *tally, Count *count, uint64 phone, uint32 id, int64 voters,
			bool alike)
{
	if (!alike)
	{
		text *e164 = cstring_to_text(psprintf("+" UINT64_FORMAT, phone));

		count->shared = accumArrayResult(count->shared, PointerGetDatum(e164),
										 false, TEXTOID, CurrentMemoryContext);
		count->shared_voters += voters;
		return;
	}
	id = text_at(tally, count, phone, id);
	count->texts[id]++;
	count->voters[id] += voters;
}

/* The final function may be called again, and leaves the runs as they are. */
static void
count_places(Tally *tally, Count *count)
{
	Run *runs = palloc(sizeof(Run) * (tally->nruns + 1));
	uint64 first = 0;
	uint64 place;
	int64 voters = 0;
	bool alike = true;

	memset(count, 0, sizeof(Count));
	count->texts = palloc0(sizeof(int64) * MAX_TEXTS);
	count->voters = palloc0(sizeof(int64) * MAX_TEXTS);
	sort_places(&tally->noted);
	runs[0] = tally->noted;
	if (tally->nruns > 0)
		memcpy(runs + 1, tally->runs, sizeof(Run) * tally->nruns);
	while (next_place(runs, tally->nruns + 1, &place))
	{
		if (voters > 0 && PHONE_OF(place) == PHONE_OF(first))
		{
			voters++;
			alike &= place == first;
			continue;
		}
		if (voters > 0)
			count_phone(tally, count, PHONE_OF(first), TEXT_OF(first), voters,
						alike);
		first = place;
		voters = 1;
		alike = true;
	}
	if (voters > 0)
		count_phone(tally, count, PHONE_OF(first), TEXT_OF(first), voters,
					alike);
}

static struct varlena **
words_by_id(words_hash *words)
{
	struct varlena **values =
		palloc(sizeof(struct varlena *) * (words->members + 1));
	words_iterator i;
	Word *w;

	words_start_iterate(words, &i);
	while ((w = words_iterate(words, &i)) != NULL)
		values[w->id] = w->value;
	return values;
}

/* The columns of audience_group. */
enum
{
	REASON,
	TIMEZONES,
	SMS_ENCODING,
	SMS_SEGMENTS,
	VOTERS,
	DUPLICATES,
	PHONES,
	COLUMNS
};

typedef struct Rows
{
	Oid type;
	TupleDesc desc;
	ArrayBuildState *rows;
	Datum values[COLUMNS]; /* of the next row */
	bool nulls[COLUMNS];
} Rows;

static void
start_row(Rows *rows, int64 voters, int64 duplicates)
{
	memset(rows->nulls, true, sizeof(rows->nulls));
	rows->values[VOTERS] = Int64GetDatum(voters);
	rows->values[DUPLICATES] = Int64GetDatum(duplicates);
	rows->nulls[VOTERS] = rows->nulls[DUPLICATES] = false;
}

static void
set_column(Rows *rows, int column, Datum value)
{
	rows->values[column] = value;
	rows->nulls[column] = false;
}

static void
add_row(Rows *rows)
{
	HeapTuple tuple = heap_form_tuple(rows->desc, rows->values, rows->nulls);

	rows->rows = accumArrayResult(rows->rows, HeapTupleGetDatum(tuple), false,
								  rows->type, CurrentMemoryContext);
}

/*
 * A row for each reason, one for texts that are alike, and one for phones whose
 * voters' texts differ.
 */
static void
make_rows(Tally *tally, Rows *rows)
{
	Count count;
	struct varlena **zones;
	words_iterator i;
	Word *reason;

	count_places(tally, &count);
	zones = words_by_id(tally->zones);
	words_start_iterate(tally->reasons, &i);
	while ((reason = words_iterate(tally->reasons, &i)) != NULL)
	{
		start_row(rows, reason->voters, 0);
		set_column(rows, REASON, PointerGetDatum(reason->value));
		add_row(rows);
	}
	for (uint32 id = 0; id < tally->ntexts; id++)
	{
		LikeTexts text = tally->texts[id];

		if (count.texts[id] == 0)
			continue;
		start_row(rows, count.texts[id], count.voters[id] - count.texts[id]);
		if (text.zones != NO_ZONES)
			set_column(rows, TIMEZONES, PointerGetDatum(zones[text.zones]));
		set_column(rows, SMS_ENCODING,
				   CStringGetTextDatum(text.ucs2 ? "UCS-2" : "GSM-7"));
		set_column(rows, SMS_SEGMENTS, Int32GetDatum(text.segments));
		add_row(rows);
	}
	if (count.shared != NULL)
	{
		start_row(rows, count.shared_voters, 0);
		set_column(rows, PHONES,
				   makeArrayResult(count.shared, CurrentMemoryContext));
		add_row(rows);
	}
}

PG_FUNCTION_INFO_V1(p2ptext_tally_rows);
Datum
p2ptext_tally_rows(PG_FUNCTION_ARGS)
{
	Rows rows = {0};

	(void) tally_context(fcinfo);
	rows.type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	if (!OidIsValid(rows.type))
		elog(ERROR, "could not determine the type of audience_tally's rows");
	rows.desc = lookup_rowtype_tupdesc_copy(rows.type, -1);
	if (!PG_ARGISNULL(0))
		make_rows((Tally *) PG_GETARG_POINTER(0), &rows);
	if (rows.rows == NULL)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(rows.type));
	PG_RETURN_DATUM(makeArrayResult(rows.rows, CurrentMemoryContext));
}
