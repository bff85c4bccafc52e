/*-------------------------------------------------------------------------
 *
 * main.c
 *	  What sender and receiver have in common: start, transactions, waiting.
 *
 * A worker never keeps a transaction open while it waits, looks for the
 * extension at the start of each one, and survives an error in any of them.
 *
 * src/worker/main.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "p2ptext.h"
#include "worker/worker.h"

static uint32 announced_at_start;
static bool extension_gone = false;

/*
 * Asked to stop: cut short a statement that waits, and let the main loop wind
 * down with what is in flight.
 */
static void
stop_gracefully(SIGNAL_ARGS)
{
	int save_errno = errno;

	/* Once is enough: what winds down afterwards is not to be cut short. */
	if (!ShutdownRequestPending)
		QueryCancelPending = InterruptPending = true;
	ShutdownRequestPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

bool
worker_stopping(void)
{
	/* The request to cancel was for a statement, and none is running. */
	if (ShutdownRequestPending)
		QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	return ShutdownRequestPending || extension_gone;
}

bool
worker_extension_gone(void)
{
	return extension_gone;
}

static int
take_news(int of)
{
	if (my_worker == NULL) /* a session */
		return 0;
	return pg_atomic_fetch_and_u32(&my_worker->news, ~of) & of;
}

/* What has changed since last asked: WAKE_SETTINGS, WAKE_RECALL. */
int
worker_take_news(void)
{
	int news = take_news(WAKE_SETTINGS | WAKE_RECALL);

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		news |= WAKE_SETTINGS;
	}
	return news;
}

static void
note_error(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	worker_note_error(error->message);
	FreeErrorData(error);
}

/*
 * Whether there is an extension, which then stays until the transaction ends.
 * DROP EXTENSION takes this lock before any other, so the two cannot deadlock
 * over the tables.
 */
static bool
lock_extension(void)
{
	for (;;)
	{
		Oid extension = get_extension_oid(EXTENSION_NAME, true);

		if (!OidIsValid(extension))
			return false;
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
		/* It may have been dropped, and made again, while we waited. */
		if (get_extension_oid(EXTENSION_NAME, true) == extension)
			return true;
		UnlockDatabaseObject(ExtensionRelationId, extension, 0,
							 AccessShareLock);
	}
}

/*
 * Do some work in a transaction of its own.  On error the transaction is
 * rolled back, the error is reported and noted, and false returned.
 */
bool
worker_transaction(const char *activity, void (*work)(void *), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		pgstat_report_activity(STATE_RUNNING, activity);
		if (lock_extension())
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			SPI_connect();
			work(arg);
			SPI_finish();
			PopActiveSnapshot();
			done = true;
		}
		else
			extension_gone = true;
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		note_error(context);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		done = false;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return done;
}

/*
 * Wait for the latch, a descriptor (-1: none) or the timeout (-1: none); true
 * when somebody set the latch.  A commit that waits for a standby may have
 * reset it, so what it was set for counts too.
 */
bool
worker_wait(int fd, bool writable, long timeout_ms)
{
	int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	bool woken = take_news(WAKE_SENDER | WAKE_RECEIVER) != 0;

	if (woken)
		timeout_ms = 0;
	if (fd >= 0)
		events |= WL_SOCKET_READABLE | (writable ? WL_SOCKET_WRITEABLE : 0);
	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;
	events = WaitLatchOrSocket(MyLatch, events, fd >= 0 ? fd : PGINVALID_SOCKET,
							   timeout_ms, PG_WAIT_EXTENSION);
	if (events & WL_LATCH_SET)
		ResetLatch(MyLatch);
	return woken || (events & WL_LATCH_SET) != 0;
}

static void
look_for_extension(void *arg)
{
	/* worker_transaction() has looked. */
}

/* The claim must never turn to a plan that reads a table from end to end. */
static void
fix_plans(void)
{
	static const char *const off[] = {"enable_seqscan", "enable_hashjoin",
									  "enable_mergejoin", "jit"};

	for (int i = 0; i < (int) lengthof(off); i++)
		SetConfigOption(off[i], "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("plan_cache_mode", "force_generic_plan", PGC_USERSET,
					PGC_S_SESSION);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET,
					PGC_S_SESSION);
	/* What holds a lock that long, such as a DROP, will have its way. */
	SetConfigOption("lock_timeout",
					my_worker->kind == WORKER_SENDER ? "2s" : "500ms",
					PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_USERSET,
					PGC_S_SESSION);
	SetConfigOption("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET,
					PGC_S_SESSION);
}

void
p2ptext_worker_main(Datum arg)
{
	int index = DatumGetInt32(arg);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	registry_attach(index);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(my_worker->database, InvalidOid,
											  0);
	pgstat_report_appname(my_worker->kind == WORKER_SENDER
							  ? "p2ptext sender"
							  : "p2ptext receiver");
	fix_plans();
	pqsignal(SIGTERM, stop_gracefully);

	announced_at_start = registry_announced();
	(void) worker_transaction("p2ptext: look for the extension",
							  look_for_extension, NULL);
	if (!extension_gone)
	{
		registry_extension_found();
		PG_TRY();
		{
			if (my_worker->kind == WORKER_SENDER)
				sender_run();
			else
				receiver_run();
		}
		PG_CATCH();
		{
			note_error(TopMemoryContext);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	if (extension_gone)
		registry_extension_gone(announced_at_start);
	proc_exit(0);
}
