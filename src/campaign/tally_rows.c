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

#include "text/core/phone.h"
#include "text/core/zone.h"
#include "text/utf8_text.h"

/* What the tally comes to. */
typedef struct Count
{
	int64 *texts;	 /* by which they are */
	int64 *voters;	 /* with those phones */
	uint64 exchange; /* of the last phone whose zones were looked up */
	uint32 exchange_zones;
	const char *zones; /* of the last exchange that has any, mostly the same */
	uint32 zones_id;
	ArrayBuildState *shared; /* phones whose voters' texts differ */
	int64 shared_voters;
} Count;

/* What is known of the zones of phones that begin like this one. */
static uint32
zones_by_phone(Tally *tally, Count *count, uint64 phone)
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
	if (zones != count->zones)
	{
		count->zones = zones;
		count->zones_id =
			tally_zones(tally, (struct varlena *) words_array(zones));
	}
	return count->zones_id;
}

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
		count->exchange_zones = zones_by_phone(tally, count, phone);
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

/* All runs, at their beginnings: the final function may be called again. */
static Run *
all_runs(Tally *tally, int *nruns)
{
	Run *runs = palloc(sizeof(Run) * (tally->nruns + 1));
	StringInfoData own;

	*nruns = tally->nruns;
	if (*nruns > 0)
		memcpy(runs, tally->runs, sizeof(Run) * *nruns);
	initStringInfo(&own);
	if (pack_places(tally, &own))
	{
		uint32 *ids = palloc(sizeof(uint32) * tally->ntexts);

		for (uint32 id = 0; id < tally->ntexts; id++)
			ids[id] = id;
		runs[(*nruns)++] = open_run(own.data, own.len, ids, tally->ntexts);
	}
	return runs;
}

/* The run whose first phone is the lowest; there is at least one. */
static Run *
lowest_run(Run *runs, int nruns)
{
	Run *lowest = runs;

	for (int i = 1; i < nruns; i++)
	{
		if (PHONE_OF(runs[i].place) < PHONE_OF(lowest->place))
			lowest = &runs[i];
	}
	return lowest;
}

static void
count_places(Tally *tally, Count *count)
{
	int nruns;
	Run *runs = all_runs(tally, &nruns);
	uint64 first = NO_PLACE;
	int64 voters = 0;
	bool alike = true;

	memset(count, 0, sizeof(Count));
	count->exchange_zones = NO_ZONES; /* of the exchange 0 */
	count->texts = palloc0(sizeof(int64) * MAX_TEXTS);
	count->voters = palloc0(sizeof(int64) * MAX_TEXTS);
	while (nruns > 0)
	{
		Run *run = lowest_run(runs, nruns);
		uint64 place = run->place;

		if (voters > 0 && PHONE_OF(place) != PHONE_OF(first))
		{
			count_phone(tally, count, PHONE_OF(first), TEXT_OF(first), voters,
						alike);
			voters = 0;
			alike = true;
		}
		if (place == NO_PLACE)
			break;
		if (voters == 0)
			first = place;
		alike &= place == first;
		voters++;
		next_place(run);
	}
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
	Word **zones;
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
			set_column(rows, TIMEZONES,
					   PointerGetDatum(zones[text.zones]->value));
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
