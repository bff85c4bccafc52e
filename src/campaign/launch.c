/*-------------------------------------------------------------------------
 *
 * launch.c
 *	  How far a launch is, for other sessions to see, and in which order it
 *	  takes the voters.
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

#include "compat.h"
#include "p2ptext.h"

PG_FUNCTION_INFO_V1(p2ptext_note_launch);
PG_FUNCTION_INFO_V1(p2ptext_launch_order);

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

/*
 * One number for a part of the audience, the length of a key and its first
 * bytes: 16, 8 and 40 bits.  To sort by it costs half of what sorting by the
 * three does.
 */
Datum
p2ptext_launch_order(PG_FUNCTION_ARGS)
{
	uint64 order = (uint64) PG_GETARG_INT64(0);
	text *key = PG_GETARG_TEXT_PP(1);
	size_t len = VARSIZE_ANY_EXHDR(key);
	const unsigned char *bytes = (const unsigned char *) VARDATA_ANY(key);

	order = (order << 8) | Min(len, 255);
	for (size_t i = 0; i < 5; i++)
		order = (order << 8) | (i < len ? bytes[i] : 0);
	PG_RETURN_INT64((int64) order);
}
