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

#include "access/htup_details.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
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
#include "utils/typcache.h"

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

/*
 * The checks of a domain are its owner's, and may be asked whenever a value of
 * a type is read that has one somewhere within it.
 */
static bool
is_untrusted_type(Oid type, ObjectAddress *found)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	FormData_pg_type form;
	bool result = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = *(Form_pg_type) GETSTRUCT(tuple);
	ReleaseSysCache(tuple);
	check_stack_depth();

	switch (form.typtype)
	{
		case TYPTYPE_DOMAIN:
			if (superuser_arg(form.typowner))
				return is_untrusted_type(form.typbasetype, found);
			ObjectAddressSet(*found, TypeRelationId, type);
			return true;
		case TYPTYPE_RANGE:
			return is_untrusted_type(get_range_subtype(type), found);
		case TYPTYPE_MULTIRANGE:
			return is_untrusted_type(get_multirange_range(type), found);
		case TYPTYPE_COMPOSITE:
		{
			TupleDesc desc = lookup_rowtype_tupdesc(type, -1);

			for (int i = 0; i < desc->natts && !result; i++)
				result =
					!TupleDescAttr(desc, i)->attisdropped &&
					is_untrusted_type(TupleDescAttr(desc, i)->atttypid, found);
			ReleaseTupleDesc(desc);
			return result;
		}
		default:
			return OidIsValid(get_element_type(type)) &&
				   is_untrusted_type(get_element_type(type), found);
	}
}

static bool
has_untrusted_type(List *types, ObjectAddress *found)
{
	ListCell *cell;

	foreach (cell, types)
	{
		if (is_untrusted_type(lfirst_oid(cell), found))
			return true;
	}
	return false;
}

/* Where values are read from text, or come to be of a domain. */
static bool
reads_untrusted_type(Node *node, ObjectAddress *found)
{
	switch (nodeTag(node))
	{
		case T_CoerceToDomain:
			return is_untrusted_type(((CoerceToDomain *) node)->resulttype,
									 found);
		case T_CoerceViaIO:
			return is_untrusted_type(((CoerceViaIO *) node)->resulttype, found);
		case T_Const:
			return is_untrusted_type(((Const *) node)->consttype, found);
		case T_TableFunc:
			return has_untrusted_type(((TableFunc *) node)->coltypes, found);
		case T_RangeTblFunction:
			return has_untrusted_type(((RangeTblFunction *) node)->funccoltypes,
									  found);
		default:
			return false;
	}
}

static bool
find_untrusted(Node *node, void *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_untrusted, found,
								 QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
	{
		ListCell *cell;

		/* What they call, the walker goes on to. */
		foreach (cell, ((RangeTblEntry *) node)->functions)
		{
			if (reads_untrusted_type(lfirst(cell), found))
				return true;
		}
		return false;
	}
	return reads_untrusted_type(node, found) ||
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

/*
 * Prepares a query that others wrote parts of, to be looked at and not to be
 * run.  Literals are read meanwhile, so a superuser is none for as long: what
 * that calls can see data, but change nothing.
 */
SPIPlanPtr
prepare_to_look(const char *query, int n_args, Oid *types)
{
	Oid user;
	int security;
	SPIPlanPtr plan;

	GetUserIdAndSecContext(&user, &security);
	if (superuser())
		SetUserIdAndSecContext(ROLE_PG_READ_ALL_DATA,
							   security | SECURITY_LOCAL_USERID_CHANGE |
								   SECURITY_RESTRICTED_OPERATION);
	plan = SPI_prepare(query, n_args, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", query);
	SetUserIdAndSecContext(user, security);
	return plan;
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
	plan = prepare_to_look(query.data, 0, NULL);
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
