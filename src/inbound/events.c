/*-------------------------------------------------------------------------
 *
 * events.c
 *	  From a courier's frame to rows of p2ptext.inbound.
 *
 * The courier has parsed what came from outside; here its fields become
 * arrays for store_inbound().  Nothing is interpreted.
 *
 * src/inbound/events.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "inbound/events.h"
#include "worker/courier.h"
#include "worker/worker.h"

/* In the order of store_inbound()'s arguments. */
enum
{
	GATEWAY,
	KIND,
	KEY,
	PROVIDER_ID,
	REF,
	PHONE,
	SENDER,
	BODY,
	STATUS,
	CODE,
	DETAIL,
	MEDIA,
	HEADERS,
	RAW
};

void
events_init(EventBatch *batch)
{
	MemSet(batch, 0, sizeof(*batch));
	batch->context = AllocSetContextCreate(TopMemoryContext, "p2ptext events",
										   ALLOCSET_DEFAULT_SIZES);
}

void
events_reset(EventBatch *batch)
{
	MemoryContextReset(batch->context);
	batch->n = batch->size = 0;
}

static void
make_room(EventBatch *batch)
{
	if (batch->n < batch->size)
		return;
	batch->size = batch->size == 0 ? 64 : batch->size * 2;
	for (int c = 0; c < EVENT_COLUMNS; c++)
		batch->columns[c] =
			batch->n == 0
				? palloc(batch->size * sizeof(Datum))
				: repalloc(batch->columns[c], batch->size * sizeof(Datum));
}

static Datum
take_text(WireFrame *frame)
{
	return CStringGetTextDatum(wire_text(wire_get_str(frame)));
}

static void
take_event(EventBatch *batch, int32 gateway, Datum headers, Datum raw,
		   WireFrame *frame)
{
	int n = batch->n;
	Datum from;
	Datum to;
	bool receipt;

	make_room(batch);
	receipt = wire_get_u32(frame) == WIRE_EVENT_RECEIPT;
	batch->columns[GATEWAY][n] = Int32GetDatum(gateway);
	batch->columns[KIND][n] = CStringGetTextDatum(receipt ? "receipt" : "text");
	batch->columns[KEY][n] = take_text(frame);
	batch->columns[PROVIDER_ID][n] = take_text(frame);
	batch->columns[REF][n] = take_text(frame);
	from = take_text(frame);
	to = take_text(frame);
	/* A receipt speaks of a text of ours, from our number to the voter's. */
	batch->columns[PHONE][n] = receipt ? to : from;
	batch->columns[SENDER][n] = receipt ? from : to;
	batch->columns[BODY][n] = take_text(frame);
	batch->columns[STATUS][n] = take_text(frame);
	batch->columns[CODE][n] = take_text(frame);
	batch->columns[DETAIL][n] = take_text(frame);
	batch->columns[MEDIA][n] = take_text(frame);
	batch->columns[HEADERS][n] = headers;
	batch->columns[RAW][n] = raw;
	batch->n++;
}

/*
 * The rest of a WIRE_WEBHOOK frame, from its headers on.  False, with nothing
 * added, when the frame is broken.
 */
bool
events_take(EventBatch *batch, int32 gateway, WireFrame *frame)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);
	int before = batch->n;
	Datum headers = take_text(frame);
	WireStr raw = wire_get_str(frame);
	Datum raw_datum =
		PointerGetDatum(cstring_to_text_with_len(raw.data, raw.len));
	uint32 n = wire_get_u32(frame);

	for (uint32 i = 0; i < n && frame->ok; i++)
		take_event(batch, gateway, headers, raw_datum, frame);
	if (!wire_done(frame))
		batch->n = before;
	MemoryContextSwitchTo(old);
	return batch->n == before + (int) n && wire_done(frame);
}

static Oid
array_type(int column)
{
	return column == GATEWAY ? INT4ARRAYOID
		   : column == RAW	 ? BYTEAARRAYOID
							 : TEXTARRAYOID;
}

/* The arguments of store_inbound() for n of them, from the first given on. */
void
events_arrays(EventBatch *batch, int first, int n, Datum arrays[EVENT_COLUMNS])
{
	for (int c = 0; c < EVENT_COLUMNS; c++)
	{
		Datum *values = batch->columns[c] + first;

		if (c == GATEWAY)
			arrays[c] = PointerGetDatum(construct_array(
				values, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
		else
			arrays[c] = PointerGetDatum(
				construct_array(values, n, c == RAW ? BYTEAOID : TEXTOID, -1,
								false, TYPALIGN_INT));
	}
}

/* Store n of them, from the first given on, in the current transaction. */
void
events_store(EventBatch *batch, int first, int n)
{
	static SPIPlanPtr plan;
	Datum arrays[EVENT_COLUMNS];
	bool isnull;

	if (plan == NULL)
	{
		Oid types[EVENT_COLUMNS];

		for (int c = 0; c < EVENT_COLUMNS; c++)
			types[c] = array_type(c);
		plan = SPI_prepare("SELECT applied FROM p2ptext.store_inbound($1, $2, "
						   "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
						   "$14)",
						   EVENT_COLUMNS, types);
		SPI_keepplan(plan);
	}
	events_arrays(batch, first, n, arrays);
	if (SPI_execute_plan(plan, arrays, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not store events");
	batch->applied = DatumGetInt64(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Events of a batch that follow each other. */
typedef struct Span
{
	EventBatch *batch;
	int first;
	int n;
} Span;

static void
record_work(void *arg)
{
	Span *span = arg;

	events_store(span->batch, span->first, span->n);
}

/* Store n of them in a transaction of their own; false if that failed. */
bool
events_record(EventBatch *batch, int first, int n)
{
	Span span = {batch, first, n};

	if (n == 0)
		return true;
	if (!worker_transaction("p2ptext: store events", record_work, &span))
		return false;
	worker_count(COUNT_RECEIVED, n);
	worker_count(COUNT_APPLIED, batch->applied);
	return true;
}
