/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  One process that keeps workers running wherever they are wanted.
 *
 * It reads pg_database and nothing else.  Whether a database has the
 * extension is found out by a receiver that goes and looks; from then on
 * CREATE EXTENSION announces itself.  A worker that stopped is started again,
 * later each time it stops soon after its start.
 *
 * src/worker/launcher.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "p2ptext.h"
#include "worker/worker.h"

/* Databases that appear without CREATE EXTENSION are found this late. */
#define SCAN_INTERVAL_MS 60000
#define SOON_MS 10000
#define FIRST_DELAY_MS 1000
#define LONGEST_DELAY_MS 60000

/* What only the launcher needs to know of a worker. */
typedef struct Attempt
{
	BackgroundWorkerHandle *handle;
	TimestampTz started;
	TimestampTz next;
	int delay_ms;
} Attempt;

static Attempt attempts[MAX_WORKERS];

/* Connectable databases, whether they have been looked into, as of the scan. */
typedef struct Candidate
{
	Oid oid;
	bool known;
} Candidate;

static Candidate *candidates;
static int n_candidates;

static bool
setting_allows(const char *name)
{
	char *copy = pstrdup(p2ptext_databases);
	List *names;
	ListCell *cell;

	if (!SplitIdentifierString(copy, ',', &names) || names == NIL)
		return true;
	foreach (cell, names)
		if (strcmp((char *) lfirst(cell), name) == 0)
			return true;
	return false;
}

static bool
known_before(const Candidate *before, int n, Oid oid)
{
	for (int i = 0; i < n; i++)
		if (before[i].oid == oid)
			return before[i].known;
	return false;
}

static void
scan_databases(void)
{
	Candidate *before = candidates;
	int n_before = n_candidates;
	int size = 16;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	candidates = MemoryContextAlloc(TopMemoryContext, size * sizeof(Candidate));
	n_candidates = 0;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (!form->datallowconn || form->datistemplate ||
			!setting_allows(NameStr(form->datname)))
			continue;
		if (n_candidates == size)
		{
			size *= 2;
			candidates = repalloc(candidates, size * sizeof(Candidate));
		}
		candidates[n_candidates].oid = form->oid;
		candidates[n_candidates++].known =
			known_before(before, n_before, form->oid);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	if (before)
		pfree(before);
}

static Candidate *
find_candidate(Oid oid)
{
	for (int i = 0; i < n_candidates; i++)
		if (candidates[i].oid == oid)
			return &candidates[i];
	return NULL;
}

/*
 * Enter what the scan found new, and forget what is gone.  Caller holds the
 * lock.
 */
static void
update_databases(void)
{
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		Database *entry = &shared->databases[i];
		Candidate *candidate;

		if (!OidIsValid(entry->oid))
			continue;
		candidate = find_candidate(entry->oid);
		if (candidate)
			candidate->known = true;
		if (entry->holders == 0 &&
			(candidate == NULL || entry->state == DATABASE_ABSENT))
			entry->oid = InvalidOid;
	}
	for (int i = 0; i < n_candidates; i++)
	{
		Database *entry;

		if (candidates[i].known)
			continue;
		entry = registry_find(candidates[i].oid);
		if (entry == NULL)
			break;
		entry->oid = candidates[i].oid;
		entry->state = DATABASE_PROBED;
		entry->announced = 0;
		entry->holders = 0;
		candidates[i].known = true;
	}
}

/* The worker's entry, or a free one made into it.  Caller holds the lock. */
static Worker *
find_worker(Oid database, WorkerKind kind, int number)
{
	Worker *free_entry = NULL;

	for (int i = 0; i < MAX_WORKERS; i++)
	{
		Worker *worker = &shared->workers[i];

		if (worker->database == database && worker->kind == kind &&
			worker->number == number)
			return worker;
		if (!OidIsValid(worker->database) && free_entry == NULL)
			free_entry = worker;
	}
	if (free_entry == NULL)
		return NULL;
	free_entry->database = database;
	free_entry->kind = kind;
	free_entry->number = number;
	free_entry->state = WORKER_STOPPED;
	free_entry->state_since = GetCurrentTimestamp();
	free_entry->starts = 0;
	free_entry->last_error[0] = '\0';
	free_entry->last_error_at = 0;
	for (int c = 0; c < N_COUNTERS; c++)
		pg_atomic_write_u64(&free_entry->counters[c], 0);
	MemSet(&attempts[free_entry - shared->workers], 0, sizeof(Attempt));
	return free_entry;
}

/* Start a stopped worker if its time has come; caller holds the lock. */
static void
want_worker(Oid database, WorkerKind kind, int number, TimestampTz *next)
{
	Worker *worker = find_worker(database, kind, number);
	Attempt *attempt;
	TimestampTz now = GetCurrentTimestamp();
	BackgroundWorker bgw = {
		.bgw_flags =
			BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = EXTENSION_NAME,
		.bgw_function_name = "p2ptext_worker_main",
		.bgw_notify_pid = MyProcPid,
	};

	if (worker == NULL || worker->state != WORKER_STOPPED)
		return;
	attempt = &attempts[worker - shared->workers];
	if (attempt->next > now)
	{
		*next = Min(*next, attempt->next);
		return;
	}
	snprintf(bgw.bgw_type, BGW_MAXLEN, "p2ptext %s",
			 kind == WORKER_SENDER ? "sender" : "receiver");
	snprintf(bgw.bgw_name, BGW_MAXLEN, "%s %d of database %u", bgw.bgw_type,
			 number, database);
	bgw.bgw_main_arg = Int32GetDatum((int32) (worker - shared->workers));

	/* The delay grows while it stops soon after each start. */
	if (TimestampDifferenceExceeds(attempt->started, worker->state_since,
								   SOON_MS))
		attempt->delay_ms = 0;
	attempt->delay_ms =
		Min(Max(attempt->delay_ms * 2, FIRST_DELAY_MS), LONGEST_DELAY_MS);
	attempt->started = now;
	attempt->next = TimestampTzPlusMilliseconds(now, attempt->delay_ms);

	if (attempt->handle)
		pfree(attempt->handle);
	attempt->handle = NULL;
	if (RegisterDynamicBackgroundWorker(&bgw, &attempt->handle))
	{
		worker->state = WORKER_STARTING;
		worker->state_since = now;
	}
	else
	{
		if (worker->last_error[0] == '\0')
			ereport(LOG, (errmsg("p2ptext cannot start a worker"),
						  errhint("Raise max_worker_processes.")));
		strlcpy(worker->last_error,
				"no free worker process: raise max_worker_processes",
				sizeof(worker->last_error));
		worker->last_error_at = now;
	}
	*next = Min(*next, attempt->next);
}

/* Workers that should not be: of too high a number, or of no database. */
static void
drop_worker(Worker *worker)
{
	Database *entry = registry_find(worker->database);
	bool wanted =
		entry != NULL && entry->oid == worker->database &&
		find_candidate(worker->database) != NULL &&
		(worker->kind == WORKER_RECEIVER ||
		 (entry->state == DATABASE_WANTED && worker->number < p2ptext_senders));

	if (wanted)
		return;
	if (worker->pid != 0)
		kill(worker->pid, SIGTERM);
	else if (worker->state == WORKER_STOPPED)
		worker->database = InvalidOid;
}

/* A worker may end before it ever attached; only the postmaster knows. */
static void
notice_stopped(int index)
{
	Worker *worker = &shared->workers[index];
	Attempt *attempt = &attempts[index];
	pid_t pid;

	if (worker->state == WORKER_STARTING && worker->pid == 0 &&
		attempt->handle != NULL &&
		GetBackgroundWorkerPid(attempt->handle, &pid) == BGWH_STOPPED)
	{
		worker->state = WORKER_STOPPED;
		worker->state_since = GetCurrentTimestamp();
		ConditionVariableBroadcast(&shared->worker_gone);
	}
}

/* One pass over everything; returns when to come back at the latest. */
static TimestampTz
launch_pass(TimestampTz next)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_WORKERS; i++)
		if (OidIsValid(shared->workers[i].database))
		{
			notice_stopped(i);
			drop_worker(&shared->workers[i]);
		}
	update_databases();
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		Database *entry = &shared->databases[i];

		if (!OidIsValid(entry->oid) || entry->holders > 0 ||
			entry->state == DATABASE_ABSENT || !find_candidate(entry->oid))
			continue;
		want_worker(entry->oid, WORKER_RECEIVER, 0, &next);
		if (entry->state == DATABASE_WANTED)
			for (int n = 0; n < p2ptext_senders; n++)
				want_worker(entry->oid, WORKER_SENDER, n, &next);
	}
	LWLockRelease(shared->lock);
	return next;
}

static void
launcher_exit(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_latch = NULL;
	LWLockRelease(shared->lock);
}

/* A launcher before this one may have left workers whose handles it had. */
static void
launcher_enter(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_latch = MyLatch;
	for (int i = 0; i < MAX_WORKERS; i++)
		if (shared->workers[i].pid != 0)
			kill(shared->workers[i].pid, SIGTERM);
		else if (shared->workers[i].state == WORKER_STARTING)
			shared->workers[i].state = WORKER_STOPPED;
	LWLockRelease(shared->lock);
	before_shmem_exit(launcher_exit, 0);
}

static bool
take_databases_changed(void)
{
	bool changed;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	changed = shared->databases_changed;
	shared->databases_changed = false;
	LWLockRelease(shared->lock);
	return changed;
}

void
p2ptext_launcher_main(Datum arg)
{
	TimestampTz next_scan = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	launcher_enter();
	pgstat_report_activity(STATE_IDLE, NULL);

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		long timeout;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			next_scan = 0;
		}
		if (take_databases_changed() || now >= next_scan)
		{
			scan_databases();
			next_scan = TimestampTzPlusMilliseconds(now, SCAN_INTERVAL_MS);
		}
		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												  launch_pass(next_scan));
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 timeout + 1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
