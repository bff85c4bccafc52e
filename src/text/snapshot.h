/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *	  When rows read earlier by a call site must be read again.
 *
 * Functions that look something up in a small table (snippets, keywords) keep
 * what they read for as long as the active snapshot sees the same database:
 * no transaction has completed and this one has run no further command.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_SNAPSHOT_H
#define P2PTEXT_SNAPSHOT_H

#include "postgres.h"

#include "utils/snapmgr.h"

typedef struct SnapshotStamp
{
	TransactionId xmin;
	TransactionId xmax;
	CommandId curcid;
	uint64 completed;
} SnapshotStamp;

/* Has the world changed since the stamp was taken?  Takes it anew if so. */
static inline bool
snapshot_moved(SnapshotStamp *stamp)
{
	Snapshot now = GetActiveSnapshot();

	if (stamp->xmin == now->xmin && stamp->xmax == now->xmax &&
		stamp->curcid == now->curcid &&
		stamp->completed == now->snapXactCompletionCount)
		return false;
	stamp->xmin = now->xmin;
	stamp->xmax = now->xmax;
	stamp->curcid = now->curcid;
	stamp->completed = now->snapXactCompletionCount;
	return true;
}

#endif
