/*-------------------------------------------------------------------------
 *
 * parameter.c
 *	  Parameters of predicates: param.age_max stands for a value.
 *
 * The grammar is asked where they stand, so that one within a string or a
 * comment is left alone.
 *
 * src/voter/parameter.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "voter/expression.h"

#define PREFIX "param."

PG_FUNCTION_INFO_V1(p2ptext_expression_parameters);
PG_FUNCTION_INFO_V1(p2ptext_bind_parameters);

typedef struct Parameter
{
	const char *name;
	int location; /* where the expression has it */
} Parameter;

typedef struct Search
{
	const char *expression;
	List *parameters;
} Search;

/* A name that is written without quotes, as the keys of parameters are. */
static bool
stands_at(const char *expression, const char *name, int location)
{
	const char *at = expression + location;
	size_t prefix = strlen(PREFIX);
	const char *end = at + prefix + strlen(name);

	return pg_strncasecmp(at, PREFIX, prefix) == 0 &&
		   pg_strncasecmp(at + prefix, name, strlen(name)) == 0 &&
		   !isalnum((unsigned char) *end) && !IS_HIGHBIT_SET(*end) &&
		   *end != '_' && *end != '$';
}

static bool
find_parameters(Node *node, void *context)
{
	Search *search = context;
	ColumnRef *column = (ColumnRef *) node;
	Node *field;
	Parameter *parameter;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, find_parameters, context);
	if (list_length(column->fields) < 2 ||
		strcmp(strVal(linitial(column->fields)), "param") != 0)
		return false;
	field = lsecond(column->fields);
	if (list_length(column->fields) > 2 || !IsA(field, String) ||
		!stands_at(search->expression, strVal(field), column->location))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("a parameter is not written as %sname", PREFIX),
						errdetail("It stands at character %d.",
								  pg_mbstrlen_with_len(search->expression,
													   column->location) +
									  1),
						errhint("Names of parameters are letters, digits and "
								"underscores, without quotes.")));
	parameter = palloc(sizeof(Parameter));
	parameter->name = strVal(field);
	parameter->location = column->location;
	search->parameters = lappend(search->parameters, parameter);
	return false;
}

static int
compare_locations(const ListCell *a, const ListCell *b)
{
	return ((const Parameter *) lfirst(a))->location -
		   ((const Parameter *) lfirst(b))->location;
}

/* The parameters of an expression, in the order they stand. */
static List *
parameters_of(char *expression)
{
	Search search = {.expression = expression};

	(void) find_parameters(parse_expression(expression)->stmt, &search);
	list_sort(search.parameters, compare_locations);
	return search.parameters;
}

Datum
p2ptext_expression_parameters(PG_FUNCTION_ARGS)
{
	List *parameters = parameters_of(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Datum *names = palloc(sizeof(Datum) * Max(list_length(parameters), 1));
	int n = 0;
	ListCell *cell;

	foreach (cell, parameters)
		names[n++] =
			CStringGetTextDatum(((const Parameter *) lfirst(cell))->name);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
p2ptext_bind_parameters(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *rest = expression;
	Datum *names;
	Datum *values;
	bool *nulls;
	int n;
	int n_values;
	StringInfoData bound;
	ListCell *cell;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &n_values);
	initStringInfo(&bound);
	foreach (cell, parameters_of(expression))
	{
		const Parameter *parameter = lfirst(cell);
		int i = 0;

		while (i < n &&
			   (i >= n_values || nulls[i] ||
				strcmp(TextDatumGetCString(names[i]), parameter->name) != 0))
			i++;
		if (i == n)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_PARAMETER),
					 errmsg("parameter \"%s\" has no value", parameter->name)));
		appendBinaryStringInfo(&bound, rest,
							   expression + parameter->location - rest);
		appendStringInfo(&bound, "(%s)", TextDatumGetCString(values[i]));
		rest = expression + parameter->location + strlen(PREFIX) +
			   strlen(parameter->name);
	}
	appendStringInfoString(&bound, rest);
	PG_RETURN_TEXT_P(cstring_to_text(bound.data));
}
