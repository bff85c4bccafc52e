/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  The aggregate audience_tally(), which counts what a launch would do.
 *
 * One text for each phone: to the voter whose key sorts first by its bytes, as
 * a launch has it.  Voters are noted one after another, in 16 bytes and their
 * key each, and sorted at the end, which costs less than a hash table of their
 * phones would by its cache misses; those who are dropped are just counted.
 * Each parallel worker hands over a sorted run, and the runs are merged.
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

/* A voter and the text that he would get. */
typedef struct Place
{
	uint64 text; /* of the digits of the phone as a number, and the text */
	char *key;	 /* what KeyHead says, and its bytes */
} Place;

#define TEXT_BITS 13
#define MAX_SEGMENTS 0xfff
#define PLACE_OF(phone, segments, ucs2) \
	((phone) << TEXT_BITS | (uint64) Min(segments, MAX_SEGMENTS) << 1 | (ucs2))
#define PHONE_OF(place) ((place)->text >> TEXT_BITS)
#define SEGMENTS_OF(text) ((int) ((text) >> 1 & MAX_SEGMENTS))
#define IS_UCS2(text) (((text) &1) != 0)

typedef struct KeyHead
{
	uint32 zones; /* which of the tally's, or NO_ZONES */
	uint32 len;	  /* of the key, or NO_KEY */
} KeyHead;

#define NO_ZONES PG_UINT32_MAX
#define NO_KEY PG_UINT32_MAX
#define KEY_BYTES(key) ((key) + sizeof(KeyHead))

static inline KeyHead
key_head(const char *key)
{
	KeyHead head;

	memcpy(&head, key, sizeof(head));
	return head;
}

static inline Size
key_size(KeyHead head)
{
	return sizeof(head) + (head.len == NO_KEY ? 0 : head.len);
}

/* In order of their bytes; those who have none come last. */
static int
compare_keys(const char *a, const char *b)
{
	uint32 a_len = key_head(a).len;
	uint32 b_len = key_head(b).len;
	int order = 0;

	if (a_len != NO_KEY && b_len != NO_KEY)
		order = memcmp(KEY_BYTES(a), KEY_BYTES(b), Min(a_len, b_len));
	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static inline int
compare_places(const Place *a, const Place *b)
{
	if (PHONE_OF(a) != PHONE_OF(b))
		return PHONE_OF(a) < PHONE_OF(b) ? -1 : 1;
	return compare_keys(a->key, b->key);
}

#define ST_SORT sort_places
#define ST_ELEMENT_TYPE Place
#define ST_COMPARE(a, b) compare_places(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* Places, in order but for those that are being noted. */
typedef struct Run
{
	Place *places;
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
	uint64 id; /* zones << 32 | text */
	int64 texts;
	int64 voters;
	char status;
} LikeTexts;

#define SH_PREFIX groups
#define SH_ELEMENT_TYPE LikeTexts
#define SH_KEY_TYPE uint64
#define SH_KEY id
#define SH_HASH_KEY(table, key) \
	murmurhash32((uint32) (key) ^ murmurhash32((uint32) ((key) >> 32)))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Room for keys is taken by so many bytes. */
#define KEY_BLOCK (256 * 1024)

typedef struct Tally
{
	MemoryContext context;
	words_hash *reasons;
	words_hash *zones;
	struct varlena *last_zones; /* mostly those of the next voter, too */
	uint32 last_zones_id;
	Run noted; /* by this process */
	uint64 places_room;
	char *key_room;
	Size key_room_left;
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
	tally->places_room = 1024;
	tally->noted.places =
		MemoryContextAlloc(context, sizeof(Place) * tally->places_room);
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

static char *
keep_key(Tally *tally, const text *key, uint32 zones)
{
	KeyHead head = {zones, key == NULL ? NO_KEY : VARSIZE_ANY_EXHDR(key)};
	Size need = key_size(head);
	char *kept;

	if (need > KEY_BLOCK / 8)
		kept = MemoryContextAlloc(tally->context, need);
	else
	{
		if (need > tally->key_room_left)
		{
			tally->key_room = MemoryContextAlloc(tally->context, KEY_BLOCK);
			tally->key_room_left = KEY_BLOCK;
		}
		kept = tally->key_room;
		tally->key_room += need;
		tally->key_room_left -= need;
	}
	memcpy(kept, &head, sizeof(head));
	if (key != NULL)
		memcpy(KEY_BYTES(kept), VARDATA_ANY(key), head.len);
	return kept;
}

static Place *
note_place(Tally *tally)
{
	if (tally->noted.n == tally->places_room)
	{
		tally->places_room *= 2;
		tally->noted.places = repalloc_huge(tally->noted.places,
											sizeof(Place) * tally->places_room);
	}
	return &tally->noted.places[tally->noted.n++];
}

/* A phone has up to 15 digits, which take 50 bits. */
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

/* Arguments: the tally, reason, phone, key, zones, body. */
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
	text *key;
	uint32 zones;
	Place *place;

	if (!PG_ARGISNULL(1))
	{
		word(tally, tally->reasons, PG_GETARG_TEXT_P(1))->voters++;
		PG_RETURN_POINTER(tally);
	}
	if (PG_ARGISNULL(2) || PG_ARGISNULL(5))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("a voter who is not dropped has a phone and a "
							   "text")));
	phone = phone_number(PG_GETARG_TEXT_PP(2));
	body = PG_GETARG_UTF8(5);
	size = sms_measure(body.str, body.len);
	key = PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3);
	zones = PG_ARGISNULL(4)
				? NO_ZONES
				: zones_id(tally, (struct varlena *) PG_GETARG_ARRAYTYPE_P(4));
	place = note_place(tally);
	place->text = PLACE_OF(phone, size.segments, !size.gsm);
	place->key = keep_key(tally, key, zones);
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

/* Words, the number of places, places, and their keys in the same order. */
PG_FUNCTION_INFO_V1(p2ptext_tally_pack);
Datum
p2ptext_tally_pack(PG_FUNCTION_ARGS)
{
	Tally *tally = (Tally *) PG_GETARG_POINTER(0);
	Run *run = &tally->noted;
	uint64 size = sizeof(Place) * run->n;
	StringInfoData out;

	sort_places(run->places, run->n);
	for (uint64 i = 0; i < run->n; i++)
		size += key_size(key_head(run->places[i].key));
	if (size > MaxAllocSize / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many voters for parallel workers"),
						errdetail("One of them has " UINT64_FORMAT ".", run->n),
						errhint("Set max_parallel_workers_per_gather to 0.")));
	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	pack_words(&out, tally->reasons);
	pack_words(&out, tally->zones);
	enlargeStringInfo(&out, size + sizeof(run->n));
	appendBinaryStringInfo(&out, (char *) &run->n, sizeof(run->n));
	appendBinaryStringInfo(&out, (char *) run->places, sizeof(Place) * run->n);
	for (uint64 i = 0; i < run->n; i++)
	{
		const char *key = run->places[i].key;

		appendBinaryStringInfo(&out, key, key_size(key_head(key)));
	}
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

/* The run that is packed from p to end, its zones by our numbers. */
static Run
unpack_run(Tally *tally, const char *p, const char *end, const Word *zones)
{
	Run run;
	char *key;

	take(&p, &run.n, sizeof(run.n));
	run.places =
		MemoryContextAllocHuge(tally->context, sizeof(Place) * Max(run.n, 1));
	take(&p, run.places, sizeof(Place) * run.n);
	key = MemoryContextAlloc(tally->context, Max(end - p, 1));
	memcpy(key, p, end - p);
	for (uint64 i = 0; i < run.n; i++)
	{
		KeyHead head = key_head(key);

		run.places[i].key = key;
		if (head.zones != NO_ZONES)
		{
			head.zones = zones[head.zones].id;
			memcpy(key, &head, sizeof(head));
		}
		key += key_size(head);
	}
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
	runs[tally->nruns++] =
		unpack_run(tally, p, (char *) packed + VARSIZE(packed), zones);
	tally->runs = runs;
	PG_RETURN_POINTER(tally);
}

/* Takes the first place off the runs that are not at their end, or NULL. */
static Place *
next_place(Run *runs, int nruns)
{
	Run *first = NULL;

	for (int i = 0; i < nruns; i++)
	{
		if (runs[i].n > 0 &&
			(first == NULL ||
			 compare_places(runs[i].places, first->places) < 0))
			first = &runs[i];
	}
	if (first == NULL)
		return NULL;
	first->n--;
	return first->places++;
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

/* The final function may be called again, and leaves the runs as they are. */
static groups_hash *
group_places(Tally *tally)
{
	groups_hash *groups = groups_create(CurrentMemoryContext, 64, NULL);
	LikeTexts *group = NULL;
	Run *runs = palloc(sizeof(Run) * (tally->nruns + 1));
	uint64 phone = 0;
	uint64 exchange = 0;
	uint32 exchange_zones = NO_ZONES;
	Place *place;

	sort_places(tally->noted.places, tally->noted.n);
	runs[0] = tally->noted;
	if (tally->nruns > 0)
		memcpy(runs + 1, tally->runs, sizeof(Run) * tally->nruns);
	while ((place = next_place(runs, tally->nruns + 1)) != NULL)
	{
		uint32 zones = key_head(place->key).zones;
		bool found;

		if (group != NULL && PHONE_OF(place) == phone)
		{
			group->voters++;
			continue;
		}
		phone = PHONE_OF(place);
		if (zones == NO_ZONES && phone / 10000 != exchange)
		{
			exchange = phone / 10000;
			exchange_zones = zones_by_phone(tally, phone);
		}
		if (zones == NO_ZONES)
			zones = exchange_zones;
		group = groups_insert(groups,
							  (uint64) zones << 32 |
								  (place->text & ((1 << TEXT_BITS) - 1)),
							  &found);
		if (!found)
			group->texts = group->voters = 0;
		group->texts++;
		group->voters++;
	}
	return groups;
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

/*
 * Rows of reason, timezones, sms_encoding, sms_segments, voters, duplicates:
 * one for each reason, and one for texts that are alike.
 */
static ArrayType *
tally_rows(Tally *tally, Oid row_type)
{
	groups_hash *groups = group_places(tally);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(row_type, -1);
	struct varlena **zones = words_by_id(tally->zones);
	Datum *rows =
		palloc(sizeof(Datum) * (tally->reasons->members + groups->members + 1));
	int n = 0;
	words_iterator i;
	groups_iterator j;
	Word *reason;
	LikeTexts *group;

	words_start_iterate(tally->reasons, &i);
	while ((reason = words_iterate(tally->reasons, &i)) != NULL)
	{
		Datum values[6] = {PointerGetDatum(reason->value),
						   0,
						   0,
						   0,
						   Int64GetDatum(reason->voters),
						   Int64GetDatum(0)};
		bool nulls[6] = {false, true, true, true, false, false};

		rows[n++] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	groups_start_iterate(groups, &j);
	while ((group = groups_iterate(groups, &j)) != NULL)
	{
		uint32 zones_id = group->id >> 32;
		Datum values[6] = {
			0,
			zones_id == NO_ZONES ? 0 : PointerGetDatum(zones[zones_id]),
			CStringGetTextDatum(IS_UCS2(group->id) ? "UCS-2" : "GSM-7"),
			Int32GetDatum(SEGMENTS_OF(group->id)),
			Int64GetDatum(group->texts),
			Int64GetDatum(group->voters - group->texts)};
		bool nulls[6] = {true, zones_id == NO_ZONES, false, false, false,
						 false};

		rows[n++] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	return construct_array(rows, n, row_type, -1, false, TYPALIGN_DOUBLE);
}

PG_FUNCTION_INFO_V1(p2ptext_tally_rows);
Datum
p2ptext_tally_rows(PG_FUNCTION_ARGS)
{
	Oid row_type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));

	(void) tally_context(fcinfo);
	if (!OidIsValid(row_type))
		elog(ERROR, "could not determine the type of audience_tally's rows");
	if (PG_ARGISNULL(0))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(row_type));
	PG_RETURN_ARRAYTYPE_P(tally_rows((Tally *) PG_GETARG_POINTER(0), row_type));
}
