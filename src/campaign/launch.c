/*-------------------------------------------------------------------------
 *
 * launch.c
 *	  How far a launch is, for other sessions to see.
 *
 * The server keeps the progress of each backend's command, and forgets it when
 * the transaction fails.  It knows no launches; we count as a COPY into the
 * table p2ptext.launch.
 *
 * src/campaign/launch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "pgstat.h"
#include "utils/lsyscache.h"

#include "p2ptext.h"

PG_FUNCTION_INFO_V1(p2ptext_note_launch);

/* Phases are above 0.  The parameters are not those that COPY shows. */
Datum
p2ptext_note_launch(PG_FUNCTION_ARGS)
{
	Oid launch =
		get_relname_relid("launch", get_namespace_oid(EXTENSION_NAME, false));

	if (PG_GETARG_INT32(1) > 0)
	{
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, launch);
		for (int i = 0; i < 4; i++)
			pgstat_progress_update_param(i, i < 2 ? PG_GETARG_INT32(i)
												  : PG_GETARG_INT64(i));
	}
	else
		pgstat_progress_end_command();
	PG_RETURN_VOID();
}
