/*-------------------------------------------------------------------------
 *
 * inbound_fuzz.c
 *	  Fuzzes the webhooks that a courier hands to its worker.
 *
 * The input is a stream of frames, of which each is judged as by a worker
 * whose gateway has two secrets.  A second look at the frame must come to the
 * same end, unless its signature came with another body before, and nothing
 * may be added but by one that is believed.  This file
 * stands in for the server: for what events.c and hook.c need of it here, and
 * by name only for the rest.
 *
 * FUZZ_SOURCES: src/inbound/events.c src/inbound/hook.c
 * FUZZ_SOURCES: src/inbound/signature.c src/courier/wire.c
 * FUZZ_LIBS: -lcrypto
 *
 * test/fuzz/inbound_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/hmac.h>

#include "common/hashfn.h"
#include "executor/spi.h"
#include "inbound/hook.h"
#include "p2ptext.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "worker/worker.h"

#define CHECK(condition)  \
	do                    \
	{                     \
		if (!(condition)) \
			abort();      \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As test/fuzz/seeds has them. */
static ListCell cells[] = {
	{.ptr_value = "not-for-others-b3b1"},
	{.ptr_value = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}};
static List secrets = {T_List, 2, 2, cells};

/* What was allocated since the last reset. */
typedef union Chunk
{
	union Chunk *next;
	max_align_t align;
} Chunk;

static Chunk *chunks;
MemoryContext CurrentMemoryContext;
MemoryContext TopMemoryContext;

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size smallest, Size first, Size largest)
{
	static MemoryContextData context;

	(void) parent, (void) name, (void) smallest, (void) first, (void) largest;
	return &context;
}

void *
palloc(Size size)
{
	Chunk *chunk = malloc(sizeof(Chunk) + size);

	CHECK(CurrentMemoryContext != NULL);
	chunk->next = chunks;
	chunks = chunk;
	return chunk + 1;
}

/* The old bytes stay behind, so that a pointer kept to them is no fault. */
void *
repalloc(void *pointer, Size size)
{
	void *copy = palloc(size);

	return memcpy(copy, pointer, size / 2); /* all double what they have */
}

void
MemoryContextReset(MemoryContext context)
{
	(void) context;
	while (chunks != NULL)
	{
		Chunk *next = chunks->next;

		free(chunks);
		chunks = next;
	}
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	(void) context;
	return calloc(1, size);
}

text *
cstring_to_text_with_len(const char *s, int len)
{
	text *result = palloc(len + VARHDRSZ);

	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), s, len);
	return result;
}

text *
cstring_to_text(const char *s)
{
	return cstring_to_text_with_len(s, strlen(s));
}

char *
wire_text(WireStr str)
{
	char *copy = palloc(str.len + 1);

	memcpy(copy, str.data, str.len);
	copy[str.len] = '\0';
	return copy;
}

/*
 * What is never called here.
 */
Worker *my_worker;
char *p2ptext_public_url;
uint64 SPI_processed;
SPITupleTable *SPI_tuptable;

#define NEVER(type, name, arguments) \
	type name arguments              \
	{                                \
		abort();                     \
	}

NEVER(SPIPlanPtr, SPI_prepare, (const char *src, int nargs, Oid *argtypes))
NEVER(int, SPI_keepplan, (SPIPlanPtr plan))
NEVER(int, SPI_execute_plan,
	  (SPIPlanPtr plan, Datum *values, const char *nulls, bool read_only,
	   long tcount))
NEVER(Datum, SPI_getbinval,
	  (HeapTuple tuple, TupleDesc desc, int number, bool *isnull))
NEVER(char *, SPI_getvalue, (HeapTuple tuple, TupleDesc desc, int number))
NEVER(ArrayType *, construct_array,
	  (Datum * elems, int nelems, Oid type, int len, bool byval, char align))
NEVER(bool, errstart_cold, (int elevel, const char *domain))
NEVER(bool, errstart, (int elevel, const char *domain))
NEVER(void, errfinish, (const char *file, int line, const char *function))
NEVER(int, errmsg_internal, (const char *format, ...))
NEVER(List *, webhook_secrets_of, (const char *gateway, int elevel))
NEVER(bool, courier_frame_end, (Courier * courier))
NEVER(bool, worker_transaction,
	  (const char *activity, void (*work)(void *), void *arg))

/* Whether one of the secrets made one of the signatures, one by one. */
static bool
signed_by(WireProof kind, WireStr signature, WireStr signed_string)
{
	const EVP_MD *digest =
		kind == WIRE_PROOF_HMAC_SHA1 ? EVP_sha1() : EVP_sha256();
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len;
	bool found = false;

	if (kind != WIRE_PROOF_HMAC_SHA1 && kind != WIRE_PROOF_HMAC_SHA256 &&
		kind != WIRE_PROOF_TOKEN)
		return false;
	for (int i = 0; i < list_length(&secrets); i++)
	{
		const char *secret = list_nth(&secrets, i);

		len = strlen(secret);
		if (kind == WIRE_PROOF_TOKEN)
			memcpy(mac, secret, len);
		else
			HMAC(digest, secret, (int) len,
				 (const unsigned char *) signed_string.data, signed_string.len,
				 mac, &len);
		found |= signature.len == len && memcmp(signature.data, mac, len) == 0;
	}
	return found;
}

static bool
believes(WireFrame frame)
{
	WireProof kind = wire_get_u32(&frame);
	WireStr signatures[PROOF_STRINGS];
	uint32_t n = wire_get_u32(&frame);
	uint32_t n_signed;
	bool found = false;

	for (uint32_t i = 0; i < n; i++)
		signatures[i] = wire_get_str(&frame);
	n_signed = wire_get_u32(&frame);
	for (uint32_t k = 0; k < Max(n_signed, 1); k++)
	{
		WireStr one = k < n_signed ? wire_get_str(&frame) : (WireStr){"", 0};

		for (uint32_t i = 0; i < n; i++)
			found |= signed_by(kind, signatures[i], one);
	}
	return found;
}

/* Every byte of what is to be stored is there. */
static void
check_events(const EventBatch *events, int32 gateway)
{
	static volatile unsigned sink;

	for (int i = 0; i < events->n; i++)
	{
		CHECK(DatumGetInt32(events->columns[0][i]) == gateway);
		for (int c = 1; c < EVENT_COLUMNS; c++)
		{
			text *value = (text *) DatumGetPointer(events->columns[c][i]);

			for (size_t at = 0; at < VARSIZE_ANY_EXHDR(value); at++)
				sink += (unsigned char) VARDATA_ANY(value)[at];
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WireBuf buf = {.data = malloc(size + 1), .end = size, .size = size + 1};
	HookGateway gateway = {.id = 1, .verify = true, .secrets = &secrets};
	HookVerdict verdict = HOOK_PROVED;
	EventBatch events;
	WireFrame frame;

	memcpy(buf.data, data, size);
	events_init(&events);
	while (verdict != HOOK_BROKEN && wire_next(&buf, &frame) > 0)
	{
		uint64_t request = wire_get_u64(&frame);
		int32 id = (int32) wire_get_u32(&frame);
		bool known = id == gateway.id;
		int before = events.n;
		WireFrame copy = frame;

		gateway.verify = request % 2 == 1;
		verdict =
			hook_judge(known ? &gateway : NULL, gateway.id, &events, &frame);
		CHECK(verdict == HOOK_PROVED ? events.n >= before : events.n == before);
		if (verdict != HOOK_BROKEN)
		{
			WireFrame head = copy;
			WireProof kind = wire_get_u32(&head);
			bool good = known && (!gateway.verify || believes(copy));

			CHECK(wire_done(&frame));
			if (verdict == HOOK_PROVED)
				CHECK(good || kind == WIRE_PROOF_ED25519);
			else
				CHECK(!good || kind == WIRE_PROOF_HMAC_SHA256);
		}
		check_events(&events, gateway.id);
	}
	events_reset(&events);
	wire_free(&buf);
	return 0;
}
