/*-------------------------------------------------------------------------
 *
 * stat.c
 *	  The workers as rows, for p2ptext.stat_worker.
 *
 * src/worker/stat.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "worker/worker.h"

#define N_COLUMNS 19

PG_FUNCTION_INFO_V1(p2ptext_stat_get_workers);

static const char *const state_names[] = {
	[WORKER_STOPPED] = "stopped", [WORKER_STARTING] = "starting",
	[WORKER_IDLE] = "idle",		  [WORKER_BUSY] = "busy",
	[WORKER_BACKOFF] = "backoff",
};

static Datum
worker_row(Worker *worker, TupleDesc desc)
{
	Datum values[N_COLUMNS];
	bool nulls[N_COLUMNS] = {false};
	int n = 0;

	values[n++] = ObjectIdGetDatum(worker->database);
	values[n++] = CStringGetTextDatum(
		worker->kind == WORKER_SENDER ? "sender" : "receiver");
	values[n++] = Int32GetDatum(worker->number);
	nulls[n] = worker->pid == 0;
	values[n++] = Int32GetDatum(worker->pid);
	nulls[n] = worker->courier_pid == 0;
	values[n++] = Int32GetDatum(worker->courier_pid);
	values[n++] = CStringGetTextDatum(state_names[worker->state]);
	values[n++] = TimestampTzGetDatum(worker->state_since);
	for (int c = COUNT_CLAIMED; c <= COUNT_UNKNOWN; c++)
		values[n++] = Int64GetDatum(pg_atomic_read_u64(&worker->counters[c]));
	values[n++] = Int32GetDatum(pg_atomic_read_u32(&worker->in_flight));
	for (int c = COUNT_RECEIVED; c <= COUNT_APPLIED; c++)
		values[n++] = Int64GetDatum(pg_atomic_read_u64(&worker->counters[c]));
	values[n++] = Int32GetDatum(worker->starts);
	nulls[n] = worker->last_error[0] == '\0';
	values[n++] = CStringGetTextDatum(worker->last_error);
	nulls[n] = worker->last_error[0] == '\0';
	values[n++] = TimestampTzGetDatum(worker->last_error_at);
	Assert(n == N_COLUMNS);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

Datum
p2ptext_stat_get_workers(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		TupleDesc desc;
		Worker *copy;
		int n = 0;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		context->tuple_desc = BlessTupleDesc(desc);
		copy = palloc(sizeof(Worker) * MAX_WORKERS);
		if (shared != NULL)
		{
			LWLockAcquire(shared->lock, LW_SHARED);
			for (int i = 0; i < MAX_WORKERS; i++)
				if (OidIsValid(shared->workers[i].database))
					copy[n++] = shared->workers[i];
			LWLockRelease(shared->lock);
		}
		context->max_calls = n;
		context->user_fctx = copy;
		MemoryContextSwitchTo(old);
	}

	context = SRF_PERCALL_SETUP();
	if (context->call_cntr < context->max_calls)
	{
		Worker *worker = context->user_fctx;
		Datum row =
			worker_row(&worker[context->call_cntr], context->tuple_desc);

		SRF_RETURN_NEXT(context, row);
	}
	SRF_RETURN_DONE(context);
}
