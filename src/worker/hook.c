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
#include "tcop/utility.h"
#include "utils/acl.h"

#include "compat.h"
#include "p2ptext.h"
#include "worker/worker.h"

#define MAX_HELD 16

static ProcessUtility_hook_type prev_process_utility;

/* Databases that this transaction wants left alone. */
static Oid held[MAX_HELD];
static int n_held;

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

/* Let the workers back when the command has been committed, or has not. */
static void
release_at_xact_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	for (int i = 0; i < n_held; i++)
		registry_release(held[i]);
	n_held = 0;
}

static void
hold_until_xact_end(Oid database)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(release_at_xact_end, NULL);
	registered = true;
	if (n_held == MAX_HELD)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many databases changed in one "
							   "transaction")));
	held[n_held++] = database;
	registry_hold(database);
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
		wake_at_commit(WAKE_SETTINGS);
	if (OidIsValid(database))
		hold_until_xact_end(database);
	next(pstmt, query, read_only_tree, context, params, environment, dest,
		 completion);
}

void
utility_hook_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
