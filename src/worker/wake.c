/*-------------------------------------------------------------------------
 *
 * wake.c
 *	  From a committed transaction to the latch of a worker.
 *
 * Triggers note what the transaction touched; at commit the workers of this
 * database are woken once.  A prepared transaction wakes nobody: its rows
 * leave when a worker next looks by itself.
 *
 * src/worker/wake.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "worker/worker.h"

PG_FUNCTION_INFO_V1(p2ptext_wake);
PG_FUNCTION_INFO_V1(p2ptext_announce);

static int waking;
static bool announce;

static void
at_xact_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
	{
		if (announce)
			registry_announce(MyDatabaseId);
		if (waking != 0)
			registry_wake(MyDatabaseId, waking);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
	{
		waking = 0;
		announce = false;
	}
}

static void
register_once(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_xact_end, NULL);
	registered = true;
}

void
wake_at_commit(int whom)
{
	if (shared == NULL)
		return;
	register_once();
	waking |= whom;
}

static int
wake_named(const char *name)
{
	if (strcmp(name, "sender") == 0)
		return WAKE_SENDER;
	if (strcmp(name, "receiver") == 0)
		return WAKE_RECEIVER;
	if (strcmp(name, "recall") == 0)
		return WAKE_RECALL;
	return WAKE_SETTINGS;
}

Datum
p2ptext_wake(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	int whom;

	if (!CALLED_AS_TRIGGER(fcinfo) || data->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("p2ptext.wake() is a trigger with one argument")));
	whom = wake_named(data->tg_trigger->tgargs[0]);

	/* A worker knows what it does itself, and changes no settings. */
	if (my_worker != NULL)
		whom &=
			~(WAKE_SETTINGS |
			  (my_worker->kind == WORKER_SENDER ? WAKE_SENDER : WAKE_RECEIVER));
	wake_at_commit(whom);
	PG_RETURN_POINTER(NULL);
}

Datum
p2ptext_announce(PG_FUNCTION_ARGS)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("p2ptext needs a database with encoding UTF8"),
						errdetail("This one has encoding %s.",
								  GetDatabaseEncodingName()),
						errhint("CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE "
								"template0;")));
	if (shared == NULL)
		ereport(WARNING,
				(errmsg("p2ptext is not loaded by shared_preload_libraries"),
				 errdetail("Without its workers no text leaves and none "
						   "comes in."),
				 errhint("ALTER SYSTEM SET shared_preload_libraries = "
						 "'p2ptext'; and restart the server.")));
	else
	{
		register_once();
		announce = true;
	}
	PG_RETURN_VOID();
}
