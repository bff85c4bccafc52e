/*-------------------------------------------------------------------------
 *
 * init.c
 *	  At preload: shared memory, the launcher's registration, the hook.
 *
 * src/worker/init.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "compat.h"
#include "p2ptext.h"
#include "outbox/limits.h"
#include "worker/worker.h"

static shmem_startup_hook_type prev_shmem_startup;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type prev_shmem_request;
#endif

static void
request_shmem(void)
{
#if PG_VERSION_NUM >= 150000
	if (prev_shmem_request)
		prev_shmem_request();
#endif
	RequestAddinShmemSpace(registry_size());
	RequestAddinShmemSpace(limits_size());
	RequestNamedLWLockTranche(EXTENSION_NAME, 2);
}

static void
startup_shmem(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();
	registry_create();
}

static void
register_launcher(void)
{
	BackgroundWorker launcher = {
		.bgw_name = "p2ptext launcher",
		.bgw_type = "p2ptext launcher",
		.bgw_flags =
			BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		/* so never on a standby, and by itself after promotion */
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = 5,
		.bgw_library_name = EXTENSION_NAME,
		.bgw_function_name = "p2ptext_launcher_main",
	};

	RegisterBackgroundWorker(&launcher);
}

void
worker_init(void)
{
#if PG_VERSION_NUM >= 150000
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
#else
	request_shmem();
#endif
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
	utility_hook_init();
	register_launcher();
}
