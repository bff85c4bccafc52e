/*-------------------------------------------------------------------------
 *
 * calls.c
 *	  What a user's expression calls.
 *
 * An expression is analyzed as it would be in a query, with the names found
 * along the caller's search_path, and neither planned nor run: planning may
 * call functions already.
 *
 * src/voter/calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat.h"
#include "voter/expression.h"

PG_FUNCTION_INFO_V1(p2ptext_volatile_function);
PG_FUNCTION_INFO_V1(p2ptext_untrusted_object);
PG_FUNCTION_INFO_V1(p2ptext_note_voter);
PG_FUNCTION_INFO_V1(p2ptext_noted_voter);

/* Outlives the error of the query that is asked whose row is wrong. */
static char *noted_voter;

static bool
is_volatile(Oid function, void *found)
{
	if (func_volatile(function) != PROVOLATILE_VOLATILE)
		return false;
	*(Oid *) found = function;
	return true;
}

static bool
find_volatile(Node *node, void *found)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_volatile, found) ||
		   expression_tree_walker(node, find_volatile, found);
}

/* Somebody who is no superuser may make it do what they like. */
static bool
is_untrusted(Oid function, void *found)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	if (superuser_arg(owner))
		return false;
	ObjectAddressSet(*(ObjectAddress *) found, ProcedureRelationId, function);
	return true;
}

/* The checks of a domain are its owner's. */
static bool
is_untrusted_domain(Node *node, ObjectAddress *found)
{
	Oid type;
	HeapTuple tuple;
	Oid owner;

	if (!IsA(node, CoerceToDomain))
		return false;
	type = ((CoerceToDomain *) node)->resulttype;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	owner = ((Form_pg_type) GETSTRUCT(tuple))->typowner;
	ReleaseSysCache(tuple);
	if (superuser_arg(owner))
		return false;
	ObjectAddressSet(*found, TypeRelationId, type);
	return true;
}

static bool
find_untrusted(Node *node, void *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_untrusted, found, 0);
	return is_untrusted_domain(node, found) ||
		   check_functions_in_node(node, is_untrusted, found) ||
		   expression_tree_walker(node, find_untrusted, found);
}

/*
 * What in a query, its views included, would run with a superuser's rights
 * though another role wrote it; NULL when there is nothing, or when the user
 * is no superuser.
 */
char *
untrusted_object(Query *query)
{
	ObjectAddress found;

	if (!superuser() || !find_untrusted((Node *) query, &found))
		return NULL;
	return getObjectDescription(&found, false);
}

/* An expression over a relation, as a query's only condition, within SPI. */
static Query *
analyze(FunctionCallInfo fcinfo)
{
	StringInfoData query;
	SPIPlanPtr plan;
	CachedPlanSource *source;

	initStringInfo(&query);
	appendStringInfo(
		&query, "SELECT FROM %s AS v WHERE (%s\n) IS NULL",
		DatumGetCString(DirectFunctionCall1(regclassout, PG_GETARG_DATUM(0))),
		text_to_cstring(PG_GETARG_TEXT_PP(1)));
	plan = SPI_prepare(query.data, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", query.data);
	source = linitial(SPI_plan_get_plan_sources(plan));
	return linitial_node(Query, source->query_list);
}

/* The result of a search, which outlives SPI. */
static Datum
found_text(FunctionCallInfo fcinfo, const char *found)
{
	char *copy;

	if (found == NULL)
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	copy = SPI_palloc(strlen(found) + 1);
	strcpy(copy, found);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(copy));
}

Datum
p2ptext_volatile_function(PG_FUNCTION_ARGS)
{
	Oid function;
	char *found = NULL;

	SPI_connect();
	if (find_volatile(analyze(fcinfo)->jointree->quals, &function))
		found = format_procedure(function);
	return found_text(fcinfo, found);
}

Datum
p2ptext_untrusted_object(PG_FUNCTION_ARGS)
{
	SPI_connect();
	return found_text(fcinfo, untrusted_object(analyze(fcinfo)));
}

Datum
p2ptext_note_voter(PG_FUNCTION_ARGS)
{
	text *key = PG_GETARG_TEXT_PP(0);
	size_t len = VARSIZE_ANY_EXHDR(key);

	if (noted_voter != NULL)
		pfree(noted_voter);
	noted_voter = MemoryContextAlloc(TopMemoryContext, len + 1);
	memcpy(noted_voter, VARDATA_ANY(key), len);
	noted_voter[len] = '\0';
	PG_RETURN_BOOL(true);
}

Datum
p2ptext_noted_voter(PG_FUNCTION_ARGS)
{
	Datum key;

	if (noted_voter == NULL)
		PG_RETURN_NULL();
	key = CStringGetTextDatum(noted_voter);
	pfree(noted_voter);
	noted_voter = NULL;
	PG_RETURN_DATUM(key);
}
