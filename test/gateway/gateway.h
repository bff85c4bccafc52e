/*-------------------------------------------------------------------------
 *
 * gateway.h
 *	  A test gateway that speaks Twilio's Messages API on loopback.
 *
 * The gateway keeps a record of every text it accepted, and can be told to
 * behave badly in the ways real gateways and networks do.  One thread runs
 * the HTTP server, the record and the behaviour, so none of those needs a
 * lock; a second thread delivers callbacks.  callback_queue() and
 * callback_stats() are the only crossing.
 *
 * test/gateway/gateway.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_GATEWAY_H
#define TEST_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <microhttpd.h>

/* ---- buffer.c: growing strings, and JSON from them ---- */

typedef struct Buffer
{
	char *data; /* always NUL-terminated once anything was added */
	size_t len;
	size_t size;
} Buffer;

extern void *xalloc(size_t size); /* zeroed; exits when out of memory */
extern void *xrealloc(void *ptr, size_t size);
extern char *xstrdup(const char *str);
extern void buffer_add(Buffer *buf, const void *data, size_t len);
extern void buffer_puts(Buffer *buf, const char *str);
extern void buffer_printf(Buffer *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void buffer_json(Buffer *buf, const char *str); /* NULL is null */
extern void buffer_form(Buffer *buf, const char *name, const char *value);
extern void buffer_free(Buffer *buf);

/* ---- heap.c: things that are due, soonest first ---- */

typedef struct HeapEntry
{
	int64_t due;
	uint64_t serial; /* equal times leave in the order they came */
	void *item;
} HeapEntry;

typedef struct Heap
{
	HeapEntry *entries;
	size_t count;
	size_t size;
	uint64_t serial;
} Heap;

extern void heap_push(Heap *heap, int64_t due, void *item);
extern void *heap_pop(Heap *heap);
extern int64_t heap_due(const Heap *heap); /* INT64_MAX if empty */

/* ---- segments.c ---- */

/* Parts a text is billed as; -1 if it is not UTF-8. */
extern int segments_count(const char *body);
extern int utf8_length(const char *str); /* characters; -1 as above */

/* ---- behaviour.c: what the gateway was told to do ---- */

typedef struct Behaviour
{
	int delay_ms;  /* before any answer ... */
	int jitter_ms; /* ... and up to so much more */
	int retry_after;
	double rate429;
	double rate5xx;
	double rate5xx_after;
	double drop_before;
	double drop_after;
	double hang;
	double fail_rate;
	int fail_code;
	bool callbacks;
	int callback_delay_ms;
	bool repeat_callbacks;
	bool shuffle;
	int seed;
	char *optout; /* ",+1...,+1...," */
} Behaviour;

/* What happens to one request.  All but ACCEPT have a share of their own. */
typedef enum Outcome
{
	ACCEPT,
	RATE_LIMIT,			/* 429 */
	SERVER_ERROR,		/* 500, and not recorded */
	SERVER_ERROR_AFTER, /* 500, though recorded */
	DROP_BEFORE,		/* closed, and not recorded */
	DROP_AFTER,			/* closed, though recorded */
	HANG,				/* recorded and never answered */
	FAIL				/* fail_code, refused or undelivered */
} Outcome;

extern Behaviour behaviour;

extern bool behaviour_set(Behaviour *b, const char *name, const char *value,
						  Buffer *error);
extern bool behaviour_check(const Behaviour *b, Buffer *error);
extern Outcome behaviour_decide(const char *to, int *delay_ms);
extern bool behaviour_opted_out(const char *to);
extern void behaviour_json(Buffer *buf);
extern void behaviour_help(FILE *out);
extern void behaviour_free(void);

/* ---- record.c: every accepted text ---- */

typedef struct Message
{
	char sid[35];
	const char *account;
	const char *to;
	const char *from; /* NULL with a messaging service */
	const char *service;
	const char *body;
	const char *status_callback;
	const char *validity;
	uint64_t conn;
	int answer; /* HTTP status given; 0 if the sender was left without */
} Message;

extern bool record_open(const char *path); /* NULL: an unnamed file */
extern void record_sid(char sid[35]);
extern void record_add(Message *message);			  /* fills in the sid */
extern void record_json(Buffer *buf, const char *to); /* NULL: all */
extern void record_close(void);

/* ---- server.c: requests in, replies out ---- */

typedef struct Field
{
	size_t name; /* offsets in Request.text */
	size_t value;
} Field;

#define MAX_FIELDS 64
#define MAX_BODY (64 * 1024)

typedef struct Request
{
	struct MHD_Connection *connection;
	struct MHD_PostProcessor *form; /* NULL unless the body is a form */
	size_t received;
	Buffer text; /* names and values, each ended by NUL */
	Field fields[MAX_FIELDS];
	int nfields;
	bool malformed; /* broken, too many or too long */
	bool decided;	/* the reply below is what waits */
	unsigned int status;
	struct MHD_Response *response; /* NULL: close without an answer */
} Request;

typedef struct Stats
{
	uint64_t requests; /* to Messages.json */
	uint64_t accepted;
	uint64_t rejected; /* answered with an error */
	uint64_t dropped;  /* closed without an answer */
	uint64_t open;	   /* connections */
	uint64_t held;	   /* waiting for a delayed answer, or hanging */
} Stats;

extern Stats stats;

extern int server_start(unsigned int port); /* 0 = failed */
extern void server_loop(bool until_eof);
extern void server_stop(void);
extern const char *request_field(const Request *request, const char *name);
extern uint64_t request_connection(const Request *request);
extern void reply_json(Request *request, unsigned int status, Buffer *json);
extern void reply_header(Request *request, const char *name, const char *value);
extern enum MHD_Result reply_after(Request *request, int delay_ms);
extern enum MHD_Result reply_never(Request *request);
extern int64_t now_us(clockid_t clock);

/* ---- api.c, control.c: the two sets of paths ---- */

extern char *api_auth; /* "user:password", or NULL: any */

extern enum MHD_Result api_handle(Request *request, const char *account);
extern enum MHD_Result control_handle(Request *request, const char *method,
									  const char *what);

/* ---- callback.c: webhooks, from a thread of their own ---- */

typedef struct CallbackStats
{
	uint64_t pending;
	uint64_t delivered;
	uint64_t retried;
	uint64_t failed;
} CallbackStats;

#define MAX_STATUSES 4

/* A chain of webhooks to one URL: each waits for the one before it. */
typedef struct Callback
{
	char *url; /* as given, with its fragment */
	char *token;
	char *account;
	char *sid;
	char *from;
	char *to;
	char *body;		/* NULL: a receipt */
	char *opt_out;	/* OptOutType of an inbound text, or NULL */
	int error_code; /* of the final status, or 0 */
	const char *statuses[MAX_STATUSES];
	int nstatuses;
	int step;
	int attempt;
	int delay_ms; /* before the first */
} Callback;

extern bool callback_start(void);
extern void callback_queue(Callback *callback); /* takes it over */
extern void callback_stats(CallbackStats *result);
extern void callback_stop(void);

#endif /* TEST_GATEWAY_H */
