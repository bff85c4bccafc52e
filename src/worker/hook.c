/*-------------------------------------------------------------------------
 *
 * hook.c
 *	  Commands that the workers must know of before or after they happen.
 *
 * DROP DATABASE and its like need a database to themselves, so its workers
 * leave first and come back if the command fails.  DROP EXTENSION is told to
 * the workers once it has committed.
 *
 * src/worker/hook.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/acl.h"

#include "compat.h"
#include "p2ptext.h"
#include "worker/worker.h"

static ProcessUtility_hook_type prev_process_utility;

static const char *
template_name(CreatedbStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

static bool
moves_tablespace(AlterDatabaseStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->options)
		if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
			return true;
	return false;
}

static const char *
database_named(Node *statement)
{
	if (IsA(statement, DropdbStmt))
		return ((DropdbStmt *) statement)->dbname;
	if (IsA(statement, CreatedbStmt))
		return template_name((CreatedbStmt *) statement);
	if (IsA(statement, RenameStmt) &&
		((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
		return ((RenameStmt *) statement)->subname;
	if (IsA(statement, AlterDatabaseStmt) &&
		moves_tablespace((AlterDatabaseStmt *) statement))
		return ((AlterDatabaseStmt *) statement)->dbname;
	return NULL;
}

/* The database that a command wants to itself, if the caller owns it. */
static Oid
database_to_leave(Node *statement)
{
	const char *name = database_named(statement);
	Oid database;

	if (name == NULL || !IsTransactionState())
		return InvalidOid;
	database = get_database_oid(name, true);
	if (!OidIsValid(database) || database == MyDatabaseId ||
		!database_ownercheck(database, GetUserId()))
		return InvalidOid;
	return database;
}

static bool
drops_extension(Node *statement)
{
	ListCell *cell;

	if (!IsA(statement, DropStmt) ||
		((DropStmt *) statement)->removeType != OBJECT_EXTENSION)
		return false;
	foreach (cell, ((DropStmt *) statement)->objects)
		if (strcmp(strVal(lfirst(cell)), EXTENSION_NAME) == 0)
			return true;
	return false;
}

static void
release(int code, Datum database)
{
	registry_release(DatumGetObjectId(database));
}

/* Run a command while the workers of a database are away. */
static void
run_alone(Oid database, ProcessUtility_hook_type next, PlannedStmt *pstmt,
		  const char *query, bool read_only_tree, ProcessUtilityContext context,
		  ParamListInfo params, QueryEnvironment *environment,
		  DestReceiver *dest, QueryCompletion *completion)
{
	PG_ENSURE_ERROR_CLEANUP(release, ObjectIdGetDatum(database));
	{
		registry_hold(database);
		next(pstmt, query, read_only_tree, context, params, environment, dest,
			 completion);
	}
	PG_END_ENSURE_ERROR_CLEANUP(release, ObjectIdGetDatum(database));
	registry_release(database);
}

static void
process_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *dest,
				QueryCompletion *completion)
{
	ProcessUtility_hook_type next =
		prev_process_utility ? prev_process_utility : standard_ProcessUtility;
	Oid database = database_to_leave(pstmt->utilityStmt);

	if (drops_extension(pstmt->utilityStmt))
		wake_at_commit(false, false, true);
	if (OidIsValid(database))
		run_alone(database, next, pstmt, query, read_only_tree, context, params,
				  environment, dest, completion);
	else
		next(pstmt, query, read_only_tree, context, params, environment, dest,
			 completion);
}

void
utility_hook_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
