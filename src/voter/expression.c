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

Datum
p2ptext_check_expression(PG_FUNCTION_ARGS)
{
	char *expression = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback context = {error_context_stack, point_into_text,
									expression};
	SelectStmt bare = {.type = T_SelectStmt};
	RawStmt *raw;
	SelectStmt *select;
	ResTarget *target;

	error_context_stack = &context;
	raw =
		linitial_node(RawStmt, raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR));
	error_context_stack = context.previous;

	/* The grammar takes all that may follow SELECT; we take one target. */
	select = castNode(SelectStmt, raw->stmt);
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
