/*-------------------------------------------------------------------------
 *
 * results.c
 *	  What gateways answered, gathered and recorded in batches.
 *
 * Results stay here until their transaction has committed: an error while
 * recording loses none of them.
 *
 * src/outbox/results.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "outbox/queue.h"
#include "worker/worker.h"

/* In the order of finish()'s arguments. */
enum
{
	ID,
	CAMPAIGN,
	OUTCOME,
	PROVIDER_ID,
	CODE,
	DETAIL,
	DELAY,
	SEGMENTS,
	N_COLUMNS
};

static const Oid element_types[N_COLUMNS] = {
	INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID};

static MemoryContext context;
static Datum *columns[N_COLUMNS];
static int n_results;
static int size;
static uint64 tally[N_COUNTERS];
static bool deferred;

static const char *const outcome_names[] = {
	[WIRE_SENT] = "sent",			[WIRE_FAILED] = "failed",
	[WIRE_OPTED_OUT] = "opted_out", [WIRE_RETRY] = "retry",
	[WIRE_DEFERRED] = "deferred",	[WIRE_UNKNOWN] = "unknown",
};

static void
reset(void)
{
	MemoryContextReset(context);
	MemSet(tally, 0, sizeof(tally));
	n_results = size = 0;
	deferred = false;
}

void
results_init(void)
{
	context = AllocSetContextCreate(TopMemoryContext, "p2ptext results",
									ALLOCSET_DEFAULT_SIZES);
	reset();
}

int
results_pending(void)
{
	return n_results;
}

static void
make_room(void)
{
	if (n_results < size)
		return;
	size = size == 0 ? 256 : size * 2;
	for (int c = 0; c < N_COLUMNS; c++)
		columns[c] = n_results == 0
						 ? palloc(size * sizeof(Datum))
						 : repalloc(columns[c], size * sizeof(Datum));
}

static void
count(WireOutcome outcome, const char *code)
{
	switch (outcome)
	{
		case WIRE_SENT:
			tally[COUNT_SENT]++;
			break;
		case WIRE_FAILED:
		case WIRE_OPTED_OUT:
			tally[COUNT_FAILED]++;
			break;
		case WIRE_RETRY:
			tally[COUNT_RETRIED]++;
			deferred = true;
			break;
		case WIRE_DEFERRED:
			tally[COUNT_RETRIED] += *code != '\0';
			deferred = true;
			break;
		case WIRE_UNKNOWN:
			tally[COUNT_UNKNOWN]++;
			break;
	}
}

void
results_add(int64 id, int32 campaign, WireOutcome outcome,
			const char *provider_id, const char *code, const char *text,
			int32 delay_ms, int32 segments)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	make_room();
	columns[ID][n_results] = Int64GetDatum(id);
	columns[CAMPAIGN][n_results] = Int32GetDatum(campaign);
	columns[OUTCOME][n_results] = CStringGetTextDatum(outcome_names[outcome]);
	columns[PROVIDER_ID][n_results] = CStringGetTextDatum(provider_id);
	columns[CODE][n_results] = CStringGetTextDatum(code);
	columns[DETAIL][n_results] = CStringGetTextDatum(text);
	columns[DELAY][n_results] = Int32GetDatum(delay_ms);
	columns[SEGMENTS][n_results] = Int32GetDatum(segments);
	n_results++;
	count(outcome, code);
	MemoryContextSwitchTo(old);
}

static Datum
column_array(int c)
{
	int16 len;
	bool byval;
	char align;

	get_typlenbyvalalign(element_types[c], &len, &byval, &align);
	return PointerGetDatum(construct_array(
		columns[c], n_results, element_types[c], len, byval, align));
}

static void
record_work(void *arg)
{
	static SPIPlanPtr plan;
	Datum args[N_COLUMNS];

	if (plan == NULL)
	{
		Oid types[N_COLUMNS];

		for (int c = 0; c < N_COLUMNS; c++)
			types[c] = get_array_type(element_types[c]);
		plan =
			SPI_prepare("SELECT p2ptext.finish($1, $2, $3, $4, $5, $6, $7, $8)",
						N_COLUMNS, types);
		SPI_keepplan(plan);
	}
	for (int c = 0; c < N_COLUMNS; c++)
		args[c] = column_array(c);
	SPI_execute_plan(plan, args, NULL, false, 0);
}

/* Record all results.  False if that failed; then they are all still here. */
bool
results_record(void)
{
	if (n_results == 0)
		return true;
	if (!worker_transaction("p2ptext: record results", record_work, NULL))
		return false;
	for (int c = 0; c < N_COUNTERS; c++)
		worker_count(c, tally[c]);
	if (deferred)
		queue_expect_deferred();
	reset();
	return true;
}
