/*-------------------------------------------------------------------------
 *
 * recheck.c
 *	  Which voters a segment still holds, as some role sees it.
 *
 * The predicate is a manager's, and the worker is a superuser: so it is read
 * as the role that launched the campaign, who can do nothing here but read.
 *
 * src/outbox/recheck.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

#include "access.h"
#include "voter/expression.h"

PG_FUNCTION_INFO_V1(p2ptext_voters_in_segment);
PG_FUNCTION_INFO_V1(p2ptext_is_among);

static char *
relation_name(Oid relation)
{
	return quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(relation)),
		get_rel_name(relation));
}

/* The type of the key, so that an index on it can be used. */
static char *
key_type(const char *relation, const char *key)
{
	StringInfoData query;
	SPIPlanPtr plan;
	CachedPlanSource *source;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT (%s\n) FROM %s AS v", key, relation);
	plan = prepare_to_look(query.data, 0, NULL);
	source = linitial(SPI_plan_get_plan_sources(plan));
	return format_type_be(TupleDescAttr(source->resultDesc, 0)->atttypid);
}

static Query *
query_of(SPIPlanPtr plan)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));

	return linitial_node(Query, source->query_list);
}

/*
 * A superuser may have launched the campaign, and what the segment asks may
 * have been changed since.
 */
static void
require_trust(SPIPlanPtr plan)
{
	char *stranger = untrusted_object(query_of(plan));

	if (stranger != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s would run with a superuser's rights", stranger),
				 errhint("Launch the campaign again as a manager.")));
}

static SPIPlanPtr
prepare(const char *relation, const char *key, const char *condition)
{
	Oid types[] = {TEXTARRAYOID};
	StringInfoData query;
	SPIPlanPtr plan;

	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT (%s\n)::text FROM %s AS v "
					 "WHERE (%s\n) = ANY ($1::%s[]) AND (%s\n)",
					 key, relation, key, key_type(relation, key), condition);
	if (superuser())
		require_trust(prepare_to_look(query.data, lengthof(types), types));
	plan = SPI_prepare(query.data, lengthof(types), types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", query.data);
	return plan;
}

/* Chance would give another answer each time it is asked. */
static bool
depends_on_chance(SPIPlanPtr plan)
{
	return contain_volatile_functions((Node *) query_of(plan));
}

static int
compare_keys(const void *a, const void *b)
{
	text *left = DatumGetTextPP(*(const Datum *) a);
	text *right = DatumGetTextPP(*(const Datum *) b);
	int order = VARSIZE_ANY_EXHDR(left) - VARSIZE_ANY_EXHDR(right);

	return order != 0 ? order
					  : memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
							   VARSIZE_ANY_EXHDR(left));
}

/* Which of the keys the query has found. */
static void
mark_found(const Datum *keys, int n, Datum *found)
{
	Datum *there = palloc(Max(SPI_processed, 1) * sizeof(Datum));

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		there[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
								 1, &isnull);
	}
	qsort(there, SPI_processed, sizeof(Datum), compare_keys);
	for (int i = 0; i < n; i++)
		found[i] = BoolGetDatum(bsearch(&keys[i], there, SPI_processed,
										sizeof(Datum), compare_keys) != NULL);
}

Datum
p2ptext_voters_in_segment(PG_FUNCTION_ARGS)
{
	Oid reader = get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *relation = relation_name(PG_GETARG_OID(2));
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(3));
	char *condition = text_to_cstring(PG_GETARG_TEXT_PP(4));
	Datum array = PG_GETARG_DATUM(5);
	int nest_level = NewGUCNestLevel();
	Datum *keys;
	Datum *found;
	int n;
	Oid user;
	int security;
	SPIPlanPtr plan;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &keys, NULL, &n);
	found = palloc(Max(n, 1) * sizeof(Datum));
	for (int i = 0; i < n; i++)
		found[i] = BoolGetDatum(true);

	/* An error on the way ends the (sub)transaction, which undoes all this. */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(reader, security | SECURITY_LOCAL_USERID_CHANGE |
									   SECURITY_RESTRICTED_OPERATION);
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	/* What it calls must not pass for the worker, who may do anything. */
	acting_for = reader;
	PG_TRY();
	{
		SPI_connect();
		plan = prepare(relation, key, condition);
		if (!depends_on_chance(plan))
		{
			if (SPI_execute_plan(plan, &array, NULL, true, 0) != SPI_OK_SELECT)
				elog(ERROR, "could not read a segment");
			mark_found(keys, n, found);
		}
	}
	PG_FINALLY();
	{
		acting_for = InvalidOid;
	}
	PG_END_TRY();
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(user, security);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(found, n, BOOLOID, 1, true, TYPALIGN_CHAR));
}

/* Whether a sorted array holds a number. */
Datum
p2ptext_is_among(PG_FUNCTION_ARGS)
{
	int64 wanted = PG_GETARG_INT64(0);
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(1);
	const int64 *numbers = (const int64 *) ARR_DATA_PTR(array);
	int low = 0;
	int high = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (numbers[middle] == wanted)
			PG_RETURN_BOOL(true);
		if (numbers[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	PG_RETURN_BOOL(false);
}
