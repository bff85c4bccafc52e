/*-------------------------------------------------------------------------
 *
 * receive.c
 *	  Webhooks in SQL: a courier takes one apart for the session.
 *
 * The server parses no byte from outside, also when the bytes are an
 * argument.  A session that has webhooks taken apart keeps a courier for
 * that, and tells it of the gateway each time, so that no change of a row or
 * a secret is missed.  After an error or a cancel its answer might still
 * come, and be taken for the next one's; so it is ended.
 *
 * src/inbound/receive.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "inbound/hook.h"
#include "worker/worker.h"

#define ANSWER_MS 10000

#define HTTP_FORBIDDEN 403
#define HTTP_TOO_LONG 413

PG_FUNCTION_INFO_V1(p2ptext_take_apart);

/* In the order of take_apart()'s arguments. */
enum
{
	GATEWAY,
	METHOD,
	URL,
	REMOTE,
	HEADERS,
	RAW,
	RECEIVED_AT,
	VERIFY
};

/* A webhook on its way through the courier. */
typedef struct Request
{
	uint64 id;
	HeapTuple row; /* of HOOK_GATEWAYS */
	TupleDesc desc;
	int32 gateway;
	bool verify;
	HookVerdict verdict; /* HOOK_BROKEN also before there is any */
	uint32 status;		 /* 0: not answered yet */
	char *content_type;
	char *body;
} Request;

static Courier courier = {.in_session = true};
static EventBatch events;

static void
find_gateway(Request *request, int32 id)
{
	static SPIPlanPtr plan;
	Oid types[] = {INT4OID};
	Datum args[] = {Int32GetDatum(id)};

	if (plan == NULL)
	{
		plan = SPI_prepare(HOOK_GATEWAYS "WHERE id = $1", 1, types);
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, args, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed == 0)
		elog(ERROR, "gateway %d does not exist", id);
	request->row = SPI_tuptable->vals[0];
	request->desc = SPI_tuptable->tupdesc;
	request->gateway = id;
}

static void
answer(Request *request, uint32 status, const char *type, const char *body)
{
	request->status = status;
	request->content_type = pstrdup(type);
	request->body = pstrdup(body);
}

/* What somebody else may have sent is answered, and otherwise forgotten. */
static void
refuse(Request *request)
{
	ereport(LOG, (errmsg("p2ptext.receive() refused a webhook of gateway "
						 "\"%s\": the signature is missing or wrong",
						 SPI_getvalue(request->row, request->desc, 2)),
				  errhidestmt(true), errhidecontext(true)));
	answer(request, HTTP_FORBIDDEN, "text/plain",
		   "the signature is missing or wrong\n");
}

static bool
take_webhook(Request *request, WireFrame *frame)
{
	HookGateway gateway;

	if (wire_get_u64(frame) != request->id ||
		(int32) wire_get_u32(frame) != request->gateway || events.n > 0)
		return false;
	hook_gateway(&gateway, request->row, request->desc, ERROR);
	gateway.verify &= request->verify;
	request->verdict = hook_judge(&gateway, request->gateway, &events, frame);
	hook_forget(&gateway);
	return request->verdict != HOOK_BROKEN;
}

static bool
take_answer(Request *request, WireFrame *frame)
{
	bool ours = wire_get_u64(frame) == request->id;
	uint32 status = wire_get_u32(frame);
	char *type = wire_text(wire_get_str(frame));
	char *body = wire_text(wire_get_str(frame));

	if (!wire_done(frame) || !ours || status < 200 || status > 599 ||
		(status < 400 && request->verdict == HOOK_BROKEN))
		return false;
	if (status < 400 && request->verdict == HOOK_UNPROVED)
		refuse(request);
	else
		answer(request, status, type, body);
	return true;
}

static void
take_frame(Request *request, WireFrame *frame)
{
	if (!(frame->type == WIRE_WEBHOOK  ? take_webhook(request, frame)
		  : frame->type == WIRE_ANSWER ? take_answer(request, frame)
									   : false))
		courier_fail(&courier, "courier sent a broken frame");
}

/* False if that makes too long a frame. */
static bool
put_request(const Request *request, FunctionCallInfo fcinfo)
{
	bytea *raw = PG_GETARG_BYTEA_PP(RAW);

	wire_begin(&courier.out, WIRE_REQUEST);
	wire_put_u64(&courier.out, request->id);
	wire_put_u32(&courier.out, request->gateway);
	for (int i = METHOD; i <= HEADERS; i++)
		wire_put_str(&courier.out, text_to_cstring(PG_GETARG_TEXT_PP(i)));
	wire_put_bytes(&courier.out, VARDATA_ANY(raw), VARSIZE_ANY_EXHDR(raw));
	wire_put_u64(&courier.out,
				 timestamptz_to_time_t(PG_GETARG_TIMESTAMPTZ(RECEIVED_AT)));
	return courier_frame_end(&courier);
}

/* One that lives: the last one may have ended meanwhile. */
static void
have_courier(void)
{
	static const char *const args[] = {"parse", NULL};

	if (courier.pid > 0)
		courier_exchange(&courier);
	if (courier.ended)
		courier_end(&courier);
	(void) courier_start(&courier, args);
}

static void
await_answer(Request *request)
{
	TimestampTz give_up =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ANSWER_MS);

	for (;;)
	{
		WireFrame frame;
		long left =
			TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);

		courier_exchange(&courier);
		while (request->status == 0 && courier_next(&courier, &frame))
			take_frame(request, &frame);
		if (request->status != 0)
			return;
		if (left <= 0)
			courier_fail(&courier, "courier took too long to answer");
		(void) worker_wait(courier.fd, wire_pending(&courier.out) > 0, left);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
ask(Request *request, FunctionCallInfo fcinfo)
{
	PG_TRY();
	{
		have_courier();
		if (!hook_tell(&courier, request->row, request->desc, request->verify))
			elog(ERROR, "settings of gateway %d are too long",
				 request->gateway);
		if (put_request(request, fcinfo))
			await_answer(request);
		else
			answer(request, HTTP_TOO_LONG, "text/plain",
				   "the request is too long\n");
	}
	PG_CATCH();
	{
		courier_end(&courier);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* The answer, and if it is a good one the arguments of store_inbound(). */
static Datum
result(const Request *request, FunctionCallInfo fcinfo)
{
	Datum values[3 + EVENT_COLUMNS];
	bool nulls[3 + EVENT_COLUMNS] = {false};
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(request->status);
	values[1] = CStringGetTextDatum(request->content_type);
	values[2] = CStringGetTextDatum(request->body);
	if (request->status < 400)
		events_arrays(&events, 0, events.n, values + 3);
	else
		memset(nulls + 3, true, EVENT_COLUMNS);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
p2ptext_take_apart(PG_FUNCTION_ARGS)
{
	static uint64 last_id;
	Request request = {.id = ++last_id, .verify = PG_GETARG_BOOL(VERIFY)};
	MemoryContext caller = CurrentMemoryContext;
	Datum row;

	if (events.context == NULL)
		events_init(&events);
	events_reset(&events);
	SPI_connect();
	find_gateway(&request, PG_GETARG_INT32(GATEWAY));
	ask(&request, fcinfo);
	MemoryContextSwitchTo(caller);
	row = result(&request, fcinfo);
	SPI_finish();
	events_reset(&events);
	PG_RETURN_DATUM(row);
}
