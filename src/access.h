/*-------------------------------------------------------------------------
 *
 * access.h
 *	  On whose behalf a worker runs what users wrote; what need not be flushed.
 *
 * src/access.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_ACCESS_H
#define P2PTEXT_ACCESS_H

#include "postgres.h"

/* Takes the place of the worker's own role in caller(); or InvalidOid. */
extern Oid acting_for;

/* What this transaction does, the next one could do again. */
extern void commit_without_flush(void);

#endif /* P2PTEXT_ACCESS_H */
