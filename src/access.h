/*-------------------------------------------------------------------------
 *
 * access.h
 *	  On whose behalf a worker runs what users wrote.
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

#endif /* P2PTEXT_ACCESS_H */
