/*-------------------------------------------------------------------------
 *
 * phone.c
 *	  SQL functions about phone numbers and the time zones of places.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/datum.h"

#include "compat.h"
#include "text/core/phone.h"
#include "text/core/zone.h"
#include "text/utf8_text.h"

/* Reads the region argument into region, or raises. */
static void
get_region(const text *t, char region[3])
{
	const char *s = VARDATA_ANY(t);

	if (VARSIZE_ANY_EXHDR(t) != 2 || !isalpha((unsigned char) s[0]) ||
		!isalpha((unsigned char) s[1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid region \"%s\"", text_to_cstring(t)),
				 errhint("Use a two-letter ISO 3166 country code, such as "
						 "US.")));
	region[0] = pg_ascii_toupper(s[0]);
	region[1] = pg_ascii_toupper(s[1]);
	region[2] = '\0';
}

static void
parse(FunctionCallInfo fcinfo, Phone *phone)
{
	Utf8 u = PG_GETARG_UTF8(0);
	char region[3] = "US";

	if (PG_NARGS() > 1)
		get_region(PG_GETARG_TEXT_PP(1), region);
	phone_parse(u.str, u.len, region, phone);
}

PG_FUNCTION_INFO_V1(p2ptext_phone);
Datum
p2ptext_phone(PG_FUNCTION_ARGS)
{
	Phone phone;

	parse(fcinfo, &phone);
	if (!PHONE_VALID(phone.problem))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(phone.e164));
}

/* For launches, which ask of every voter. */
PG_FUNCTION_INFO_V1(p2ptext_textable_phone);
Datum
p2ptext_textable_phone(PG_FUNCTION_ARGS)
{
	Phone phone;

	parse(fcinfo, &phone);
	if (phone.problem != PHONE_OK)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(phone.e164));
}

/* Checked whenever a row with a phone is written, so not by a pattern. */
PG_FUNCTION_INFO_V1(p2ptext_is_e164);
Datum
p2ptext_is_e164(PG_FUNCTION_ARGS)
{
	text *t = PG_GETARG_TEXT_PP(0);
	const char *s = VARDATA_ANY(t);
	int len = VARSIZE_ANY_EXHDR(t);

	if (len < 8 || len > 16 || s[0] != '+' || s[1] == '0')
		PG_RETURN_BOOL(false);
	for (int i = 1; i < len; i++)
		if (!isdigit((unsigned char) s[i]))
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(p2ptext_phone_problem);
Datum
p2ptext_phone_problem(PG_FUNCTION_ARGS)
{
	Phone phone;

	parse(fcinfo, &phone);
	if (phone.problem == PHONE_OK)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(phone_problem_name(phone.problem)));
}

/*
 * Of several phones in order of preference, the first that can be texted; if
 * none can, the first that is not blank, which will say why.
 */
PG_FUNCTION_INFO_V1(p2ptext_first_textable);
Datum
p2ptext_first_textable(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	char region[3];
	Datum *phones;
	bool *nulls;
	int n;
	int fallback = -1;

	get_region(PG_GETARG_TEXT_PP(1), region);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &phones, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
	{
		Phone phone;
		Utf8 u;

		if (nulls[i])
			continue;
		u = utf8_from_text(DatumGetTextPP(phones[i]));
		phone_parse(u.str, u.len, region, &phone);
		if (phone.problem == PHONE_OK)
			PG_RETURN_DATUM(phones[i]);
		if (fallback < 0 && phone.problem != PHONE_EMPTY)
			fallback = i;
	}
	if (fallback < 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(phones[fallback]);
}

/* All that is known of one cell, as a row. */
PG_FUNCTION_INFO_V1(p2ptext_phone_details);
Datum
p2ptext_phone_details(PG_FUNCTION_ARGS)
{
	Phone phone;
	TupleDesc desc;
	const char *columns[4];
	Datum values[4];
	bool nulls[4];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	parse(fcinfo, &phone);
	columns[0] = phone.e164;
	columns[1] = phone.country;
	columns[2] = phone_problem_name(phone.problem);
	columns[3] = phone_note_name(phone.note);
	for (int i = 0; i < 4; i++)
	{
		nulls[i] = columns[i] == NULL || columns[i][0] == '\0';
		values[i] =
			nulls[i] ? (Datum) 0 : PointerGetDatum(cstring_to_text(columns[i]));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

static Datum
return_zones(FunctionCallInfo fcinfo, const char *zones)
{
	if (zones == NULL)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(words_array(zones));
}

/*
 * Zones that are often those of the next phone, too.  Of one list of zones
 * there is one string.
 */
typedef struct LastZones
{
	const char *zones;
	ArrayType *array;
} LastZones;

static void
keep_zones(LastZones *last, const char *zones, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	if (last->array != NULL)
		pfree(last->array);
	last->zones = NULL;
	last->array = words_array(zones);
	last->zones = zones;
	MemoryContextSwitchTo(old);
}

PG_FUNCTION_INFO_V1(p2ptext_phone_timezones);
Datum
p2ptext_phone_timezones(PG_FUNCTION_ARGS)
{
	LastZones *last = fcinfo->flinfo->fn_extra;
	const char *zones;
	Phone phone;

	parse(fcinfo, &phone);
	if (!PHONE_VALID(phone.problem) || phone.country[0] == '\0')
		PG_RETURN_NULL();
	zones = zones_of_phone(phone.e164 + 2);
	if (zones == NULL)
		PG_RETURN_NULL();
	if (last == NULL)
		last = fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(LastZones));
	if (last->zones != zones)
		keep_zones(last, zones, fcinfo->flinfo->fn_mcxt);
	PG_RETURN_DATUM(datumCopy(PointerGetDatum(last->array), false, -1));
}

PG_FUNCTION_INFO_V1(p2ptext_phone_state);
Datum
p2ptext_phone_state(PG_FUNCTION_ARGS)
{
	Phone phone;

	parse(fcinfo, &phone);
	if (!PHONE_VALID(phone.problem) || phone.state[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(phone.state));
}

PG_FUNCTION_INFO_V1(p2ptext_zip_timezones);
Datum
p2ptext_zip_timezones(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);

	return return_zones(fcinfo, zones_of_zip(u.str, u.len));
}

PG_FUNCTION_INFO_V1(p2ptext_state_timezones);
Datum
p2ptext_state_timezones(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);

	return return_zones(fcinfo, zones_of_state(u.str, u.len));
}
