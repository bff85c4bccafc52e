/*-------------------------------------------------------------------------
 *
 * expression.c
 *	  Is a text one SQL expression, and nothing else?
 *
 * Predicates and column mappings are stored as text and put into queries.
 * The grammar is asked, so that a stored text cannot close our parenthesis
 * and go on with something of its own.
 *
 * src/voter/expression.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "voter/expression.h"

/* Nobody writes so much; lists of voters belong into a table. */
#define MAX_EXPRESSION (1024 * 1024)

PG_FUNCTION_INFO_V1(p2ptext_check_expression);

static bool
has_subquery(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SelectStmt))
		return true;
	return raw_expression_tree_walker(node, has_subquery, context);
}

/* An error of the grammar points into the text, not into the client's query. */
static void
point_into_text(void *text)
{
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
}

/* The grammar takes it for what may follow SELECT. */
RawStmt *
parse_expression(char *expression)
{
	ErrorContextCallback context = {error_context_stack, point_into_text,
									expression};
	RawStmt *raw;

	if (strlen(expression) > MAX_EXPRESSION)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("an expression cannot be longer than %d bytes",
							   MAX_EXPRESSION)));
	error_context_stack = &context;
	raw =
		linitial_node(RawStmt, raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR));
	error_context_stack = context.previous;
	return raw;
}

Datum
p2ptext_check_expression(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SelectStmt bare = {.type = T_SelectStmt};
	SelectStmt *select;
	ResTarget *target;

	select = castNode(SelectStmt, parse_expression(expression)->stmt);
	/* We take one target and no more. */
	bare.targetList = select->targetList;
	bare.limitOption = select->limitOption;
	target = list_length(select->targetList) == 1
				 ? linitial_node(ResTarget, select->targetList)
				 : NULL;
	if (target == NULL || target->name != NULL || !equal(select, &bare))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"%s\" is not one SQL expression", expression)));
	else if (has_subquery(target->val, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an expression over voters cannot have subqueries")));
	PG_RETURN_VOID();
}
