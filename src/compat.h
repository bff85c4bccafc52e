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

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

#if PG_VERSION_NUM < 150001
#include "funcapi.h"
#include "miscadmin.h"

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old =
		MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);

	result->returnMode = SFRM_Materialize;
	if (get_call_result_type(fcinfo, NULL, &result->setDesc) !=
		TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result->setResult = tuplestore_begin_heap(
		(result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	MemoryContextSwitchTo(old);
}
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
