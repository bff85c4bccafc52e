/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  What the launcher, the workers and ordinary backends share.
 *
 * src/worker/worker.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_WORKER_H
#define P2PTEXT_WORKER_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#define MAX_DATABASES 64
#define MAX_WORKERS 128

typedef enum WorkerKind
{
	WORKER_SENDER,
	WORKER_RECEIVER
} WorkerKind;

typedef enum WorkerState
{
	WORKER_STOPPED,
	WORKER_STARTING,
	WORKER_IDLE,
	WORKER_BUSY,
	WORKER_BACKOFF /* alive, but its courier keeps failing */
} WorkerState;

typedef enum WorkerCounter
{
	COUNT_CLAIMED,
	COUNT_SENT,
	COUNT_FAILED,
	COUNT_RETRIED,
	COUNT_UNKNOWN,
	COUNT_RECEIVED,
	COUNT_REJECTED,
	COUNT_APPLIED,
	N_COUNTERS
} WorkerCounter;

/*
 * One worker of one database, alive or not: what it counted and why it failed
 * stay to be read after it has gone.  The lock protects all but the atomics.
 */
typedef struct Worker
{
	Oid database; /* InvalidOid: free */
	WorkerKind kind;
	int number;
	pid_t pid; /* 0: not running */
	pid_t courier_pid;
	Latch *latch;
	WorkerState state;
	TimestampTz state_since;
	int starts;
	char last_error[256];
	TimestampTz last_error_at;
	pg_atomic_uint32 news; /* of WAKE_... */
	pg_atomic_uint32 in_flight;
	pg_atomic_uint64 counters[N_COUNTERS];
} Worker;

/* Whom to wake when a transaction commits, and what for. */
enum
{
	WAKE_SENDER = 1,
	WAKE_RECEIVER = 2,
	WAKE_SETTINGS = 4, /* rows that are settings have changed */
	WAKE_RECALL = 8	   /* something on its way may have to be called back */
};

typedef enum DatabaseState
{
	DATABASE_PROBED, /* nobody has looked yet for the extension */
	DATABASE_WANTED, /* has it */
	DATABASE_ABSENT	 /* has not; the launcher frees the entry */
} DatabaseState;

typedef struct Database
{
	Oid oid; /* InvalidOid: free */
	DatabaseState state;
	uint32 announced; /* counts CREATE EXTENSIONs */
	int holders;	  /* backends that want it left alone */
} Database;

typedef struct Shared
{
	LWLock *lock;
	ConditionVariable worker_gone;
	Latch *launcher_latch;
	bool databases_changed; /* pg_database is to be read again */
	Database databases[MAX_DATABASES];
	Worker workers[MAX_WORKERS];
} Shared;

extern Shared *shared; /* NULL unless preloaded */
extern Worker *my_worker;

/* init.c */
extern void worker_init(void);

/* wake.c */
extern void wake_at_commit(int whom);

/* registry.c: databases and workers in shared memory */
extern Size registry_size(void);
extern void registry_create(void);
extern void registry_announce(Oid database);
extern uint32 registry_announced(void);
extern void registry_extension_found(void);
extern void registry_extension_gone(uint32 announced);
extern void registry_hold(Oid database);
extern void registry_release(Oid database);
extern Database *registry_find(Oid database);
extern void registry_attach(int index);
extern void registry_wake(Oid database, int whom);
extern void worker_set_state(WorkerState state);
extern void worker_set_courier(pid_t pid);
extern void worker_note_error(const char *message);
extern void copy_message(char *dst, const char *src, size_t size);

static inline void
worker_count(WorkerCounter counter, uint64 n)
{
	pg_atomic_fetch_add_u64(&my_worker->counters[counter], n);
}

/* hook.c */
extern void utility_hook_init(void);

/* launcher.c, main.c: entry points named by their registrations */
extern PGDLLEXPORT void p2ptext_launcher_main(Datum arg);
extern PGDLLEXPORT void p2ptext_worker_main(Datum arg);

/* main.c: what sender and receiver have in common */
extern bool worker_transaction(const char *activity, void (*work)(void *),
							   void *arg);
extern bool worker_wait(int fd, bool writable, long timeout_ms);
extern bool worker_stopping(void);
extern bool worker_extension_gone(void);
extern int worker_take_news(void);

/* sender.c, receiver.c */
extern void sender_run(void);
extern void receiver_run(void);

/* secrets.c */
extern char *secret_of(const char *gateway, int elevel);
extern char *webhook_secret_of(const char *gateway, int elevel);
extern List *webhook_secrets_of(const char *gateway, int elevel);

#endif /* P2PTEXT_WORKER_H */
