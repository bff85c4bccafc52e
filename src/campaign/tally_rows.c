/*-------------------------------------------------------------------------
 *
 * tally_rows.c
 *	  What the aggregate audience_tally() comes to.
 *
 * Where the file tells no time zones, the phone does: one look for all phones
 * of an exchange, once they are in order.
 *
 * src/campaign/tally_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "campaign/tally.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "text/core/phone.h"
#include "text/core/zone.h"
#include "text/utf8_text.h"

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
	return tally_zones(tally, (struct varlena *) words_array(zones));
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
	return tally_text(tally, text);
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
