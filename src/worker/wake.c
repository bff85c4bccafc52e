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

static bool wake_sender;
static bool wake_receiver;
static bool wake_settings;
static bool announce;

static void
at_xact_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
	{
		if (announce)
			registry_announce(MyDatabaseId);
		if (wake_sender || wake_receiver || wake_settings)
			registry_wake(MyDatabaseId, wake_sender, wake_receiver,
						  wake_settings);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		wake_sender = wake_receiver = wake_settings = announce = false;
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
wake_at_commit(bool sender, bool receiver, bool settings)
{
	if (shared == NULL)
		return;
	register_once();
	wake_sender |= sender;
	wake_receiver |= receiver;
	wake_settings |= settings;
}

Datum
p2ptext_wake(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	const char *whom;

	if (!CALLED_AS_TRIGGER(fcinfo) || data->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("p2ptext.wake() is a trigger with one argument")));
	whom = data->tg_trigger->tgargs[0];

	/* A worker knows what it does itself, and changes no settings. */
	if (my_worker != NULL &&
		strcmp(whom,
			   my_worker->kind == WORKER_SENDER ? "receiver" : "sender") != 0)
		PG_RETURN_POINTER(NULL);
	wake_at_commit(strcmp(whom, "sender") == 0, strcmp(whom, "receiver") == 0,
				   strcmp(whom, "settings") == 0);
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
