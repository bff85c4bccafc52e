/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  Which databases want workers, and which workers there are.
 *
 * All in shared memory, lost with it: after a crash the launcher looks into
 * every database again.  Backends announce and hold databases here, workers
 * report here, the launcher acts on what it finds.
 *
 * src/worker/registry.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/wait_event.h"

#include "outbox/limits.h"
#include "p2ptext.h"
#include "worker/worker.h"

Shared *shared;
Worker *my_worker;

Size
registry_size(void)
{
	return sizeof(Shared);
}

void
registry_create(void)
{
	bool found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(EXTENSION_NAME, sizeof(Shared), &found);
	if (!found)
	{
		MemSet(shared, 0, sizeof(Shared));
		shared->lock = &GetNamedLWLockTranche(EXTENSION_NAME)->lock;
		ConditionVariableInit(&shared->worker_gone);
		for (int i = 0; i < MAX_WORKERS; i++)
		{
			Worker *worker = &shared->workers[i];

			pg_atomic_init_u32(&worker->news, 0);
			pg_atomic_init_u32(&worker->in_flight, 0);
			for (int c = 0; c < N_COUNTERS; c++)
				pg_atomic_init_u64(&worker->counters[c], 0);
		}
	}
	limits_create();
	LWLockRelease(AddinShmemInitLock);
}

/* The entry of a database, or a free one, or NULL.  Caller holds the lock. */
Database *
registry_find(Oid database)
{
	Database *free_entry = NULL;

	for (int i = 0; i < MAX_DATABASES; i++)
	{
		Database *entry = &shared->databases[i];

		if (entry->oid == database)
			return entry;
		if (!OidIsValid(entry->oid) && free_entry == NULL)
			free_entry = entry;
	}
	return free_entry;
}

static void
wake_launcher(void)
{
	if (shared->launcher_latch != NULL)
		SetLatch(shared->launcher_latch);
}

/* The extension was created here, and the transaction has committed. */
void
registry_announce(Oid database)
{
	Database *entry;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = registry_find(database);
	if (entry != NULL)
	{
		entry->oid = database;
		entry->state = DATABASE_WANTED;
		entry->announced++;
	}
	shared->databases_changed = true;
	wake_launcher();
	LWLockRelease(shared->lock);
	if (entry == NULL)
		ereport(WARNING,
				(errmsg("too many databases with p2ptext for its workers"),
				 errdetail("At most %d are served.", MAX_DATABASES)));
}

/* How often CREATE EXTENSION was announced for this database so far. */
uint32
registry_announced(void)
{
	Database *entry;
	uint32 announced;

	LWLockAcquire(shared->lock, LW_SHARED);
	entry = registry_find(MyDatabaseId);
	announced =
		entry != NULL && entry->oid == MyDatabaseId ? entry->announced : 0;
	LWLockRelease(shared->lock);
	return announced;
}

/* A worker that went to look found the extension. */
void
registry_extension_found(void)
{
	Database *entry;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = registry_find(MyDatabaseId);
	if (entry != NULL && entry->oid == MyDatabaseId)
		entry->state = DATABASE_WANTED;
	wake_launcher();
	LWLockRelease(shared->lock);
}

/* A worker found no extension, unless it was created again since it began. */
void
registry_extension_gone(uint32 announced)
{
	Database *entry;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = registry_find(MyDatabaseId);
	if (entry != NULL && entry->oid == MyDatabaseId &&
		entry->announced == announced)
		entry->state = DATABASE_ABSENT;
	wake_launcher();
	LWLockRelease(shared->lock);
}

/* Ask the workers of a database to leave; false once none is there. */
static bool
workers_remain(Oid database)
{
	bool remain = false;

	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		Worker *worker = &shared->workers[i];

		if (worker->database != database || worker->state == WORKER_STOPPED)
			continue;
		remain = true;
		if (worker->pid != 0)
			kill(worker->pid, SIGTERM);
	}
	LWLockRelease(shared->lock);
	return remain;
}

/*
 * Keep a database free of workers until it is released.  Returns when they
 * have gone; should one not go, the command that needs the database to itself
 * will say so.
 */
void
registry_hold(Oid database)
{
	Database *entry;
	TimestampTz give_up =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 5000);

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = registry_find(database);
	if (entry != NULL)
	{
		if (entry->oid != database)
		{
			entry->oid = database;
			entry->state = DATABASE_PROBED;
		}
		entry->holders++;
	}
	LWLockRelease(shared->lock);

	ConditionVariablePrepareToSleep(&shared->worker_gone);
	while (workers_remain(database) && GetCurrentTimestamp() < give_up)
		ConditionVariableTimedSleep(&shared->worker_gone, 200,
									PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

void
registry_release(Oid database)
{
	Database *entry;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	entry = registry_find(database);
	if (entry != NULL && entry->oid == database && entry->holders > 0)
		entry->holders--;
	shared->databases_changed = true;
	wake_launcher();
	LWLockRelease(shared->lock);
}

void
registry_wake(Oid database, int whom)
{
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		Worker *worker = &shared->workers[i];
		int wanted;

		if (worker->database != database || worker->latch == NULL)
			continue;
		wanted = WAKE_SETTINGS | WAKE_RECALL |
				 (worker->kind == WORKER_SENDER ? WAKE_SENDER : WAKE_RECEIVER);
		pg_atomic_fetch_or_u32(&worker->news, whom & wanted);
		if (worker->kind == WORKER_RECEIVER)
			wanted &= ~WAKE_RECALL;
		if (whom & wanted)
			SetLatch(worker->latch);
	}
	LWLockRelease(shared->lock);
}

static void
detach(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_worker->pid = 0;
	my_worker->courier_pid = 0;
	my_worker->latch = NULL;
	my_worker->state = WORKER_STOPPED;
	my_worker->state_since = GetCurrentTimestamp();
	pg_atomic_write_u32(&my_worker->in_flight, 0);
	wake_launcher();
	LWLockRelease(shared->lock);
	ConditionVariableBroadcast(&shared->worker_gone);
}

/* The launcher reserved an entry for this process: take it. */
void
registry_attach(int index)
{
	my_worker = &shared->workers[index];
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_worker->pid = MyProcPid;
	my_worker->latch = MyLatch;
	my_worker->starts++;
	LWLockRelease(shared->lock);
	pg_atomic_write_u32(&my_worker->news, WAKE_SETTINGS);
	before_shmem_exit(detach, 0);
}

void
worker_set_state(WorkerState state)
{
	if (my_worker->state == state)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_worker->state = state;
	my_worker->state_since = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}

void
worker_set_courier(pid_t pid)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	my_worker->courier_pid = pid;
	LWLockRelease(shared->lock);
}

/* As much as fits, without cutting a character in two. */
void
copy_message(char *dst, const char *src, size_t size)
{
	strlcpy(dst, src, pg_mbcliplen(src, strlen(src), size - 1) + 1);
}

void
worker_note_error(const char *message)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	copy_message(my_worker->last_error, message, sizeof(my_worker->last_error));
	my_worker->last_error_at = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}
