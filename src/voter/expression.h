/*-------------------------------------------------------------------------
 *
 * expression.h
 *	  What users' expressions are, and what they call.
 *
 * src/voter/expression.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_EXPRESSION_H
#define P2PTEXT_EXPRESSION_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/parsenodes.h"

extern RawStmt *parse_expression(char *expression);
extern SPIPlanPtr prepare_to_look(const char *query, int n_args, Oid *types);
extern char *untrusted_object(Query *query);

#endif /* P2PTEXT_EXPRESSION_H */
