/*-------------------------------------------------------------------------
 *
 * feed.c
 *	  Makes a publication a part of the extension.
 *
 * CREATE PUBLICATION does not do so by itself, and ALTER EXTENSION ... ADD
 * knows no publications; one that is no part would be dumped beside the
 * extension that makes it, and stay when the extension goes.
 *
 * src/report/feed.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/pg_publication.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(p2ptext_keep_publication);

Datum
p2ptext_keep_publication(PG_FUNCTION_ARGS)
{
	ObjectAddress publication;

	ObjectAddressSet(publication, PublicationRelationId,
					 get_publication_oid(NameStr(*PG_GETARG_NAME(0)), false));
	recordDependencyOnCurrentExtension(&publication, false);
	PG_RETURN_VOID();
}
