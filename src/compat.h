/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between PostgreSQL 14 and 18, in one place.
 *
 * src/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_COMPAT_H
#define P2PTEXT_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 140000
#error "p2ptext needs PostgreSQL 14 or later"
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#if PG_VERSION_NUM < 160000
#define database_ownercheck(database, role) \
	pg_database_ownercheck(database, role)
#else
#define database_ownercheck(database, role) \
	object_ownercheck(DatabaseRelationId, database, role)
#endif

#if PG_VERSION_NUM < 160000
#define errsave(context, ...) ereport(ERROR, __VA_ARGS__)
#endif

#endif /* P2PTEXT_COMPAT_H */
