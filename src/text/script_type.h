/*-------------------------------------------------------------------------
 *
 * script_type.h
 *	  The SQL type p2ptext.script: a varlena around a compiled script.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_SCRIPT_TYPE_H
#define P2PTEXT_SCRIPT_TYPE_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodes.h"

#include "compat.h"
#include "text/core/script.h"

/*
 * The compiled form of a script datum.  A datum written by another version of
 * the compiled form is compiled anew.
 */
extern const ScriptCode *script_code(struct varlena *datum);

/* Compiles text, or raises (softly, where escontext allows) what is wrong. */
extern struct varlena *script_from_text(const char *source, size_t len,
										Node *escontext);

#define DatumGetScript(d) script_code(PG_DETOAST_DATUM(d))
#define PG_GETARG_SCRIPT(n) DatumGetScript(PG_GETARG_DATUM(n))

#endif
