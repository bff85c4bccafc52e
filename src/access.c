/*-------------------------------------------------------------------------
 *
 * access.c
 *	  Who acts, that a person acts once for each message, and what of that
 *	  need not be on disk at once.
 *
 * src/access.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "access.h"

PG_FUNCTION_INFO_V1(p2ptext_caller);
PG_FUNCTION_INFO_V1(p2ptext_actor);
PG_FUNCTION_INFO_V1(p2ptext_one_action);
PG_FUNCTION_INFO_V1(p2ptext_commit_without_flush);

/* Whom a worker reads for; see voters_in_segment(). */
Oid acting_for = InvalidOid;

static Oid
acting_role(void)
{
	return OidIsValid(acting_for) ? acting_for : GetOuterUserId();
}

/*
 * The role set by login or SET ROLE.  Inside a SECURITY DEFINER function
 * current_user is the function's owner, and session_user knows nothing of SET
 * ROLE, on which connection poolers and PostgREST rely.
 */
Datum
p2ptext_caller(PG_FUNCTION_ARGS)
{
	Name name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(acting_role(), false));
	PG_RETURN_NAME(name);
}

/* As p2ptext_caller, but a background worker acts on nobody's behalf. */
Datum
p2ptext_actor(PG_FUNCTION_ARGS)
{
	if (MyBgworkerEntry != NULL && !OidIsValid(acting_for))
		PG_RETURN_TEXT_P(cstring_to_text(MyBgworkerEntry->bgw_type));
	PG_RETURN_TEXT_P(cstring_to_text(GetUserNameFromId(acting_role(), false)));
}

/*
 * Peer-to-peer means that a person sends each message by itself, so one
 * statement must not approve a whole table.  The start of the client's
 * statement tells one from the next, also within a DO block that commits.
 */
Datum
p2ptext_one_action(PG_FUNCTION_ARGS)
{
	static TimestampTz last = DT_NOBEGIN;
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (now == last)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("one statement can approve only one text"),
				 errdetail("Each message needs an action of its own by a "
						   "person."),
				 errhint("Managers of a broadcast campaign can use "
						 "approve_batch().")));
	last = now;
	PG_RETURN_VOID();
}

void
commit_without_flush(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * Spares a statement the wait for the disk, if it is a transaction by itself:
 * in a larger one there may be something else that must not be lost.
 */
Datum
p2ptext_commit_without_flush(PG_FUNCTION_ARGS)
{
	if (!IsTransactionBlock() && MyBgworkerEntry == NULL)
		commit_without_flush();
	PG_RETURN_VOID();
}
