/*-------------------------------------------------------------------------
 *
 * gateway.h
 *	  A test gateway that speaks the APIs of several providers on loopback.
 *
 * The gateway keeps a record of every text it accepted, and can be told to
 * behave badly in the ways real gateways and networks do.  Which provider a
 * request is for shows in its path.  What all providers have in common is in
 * api.c; each has a file of its own for its words and shapes.
 *
 * One thread runs the HTTP server, the record and the behaviour, so none of
 * those needs a lock; a second thread delivers callbacks.  callback_queue()
 * and callback_stats() are the only crossing.
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

#include <jansson.h>
#include <microhttpd.h>

typedef struct Dialect Dialect;

/* ---- buffer.c: growing strings, and JSON from them ---- */

typedef struct Buffer
{
	char *data; /* always NUL-terminated once anything was added */
	size_t len;
	size_t size;
} Buffer;

typedef enum TimeForm
{
	TIME_ISO,	 /* 2026-11-03T18:00:00, and no zone */
	TIME_BLANK,	 /* 2026-11-03 18:00:00+00:00 */
	TIME_MAIL,	 /* Tue, 03 Nov 2026 18:00:00 +0000 */
	TIME_MINUTES /* 202611031800 */
} TimeForm;

extern void *xalloc(size_t size); /* zeroed; exits when out of memory */
extern void *xrealloc(void *ptr, size_t size);
extern char *xstrdup(const char *str);
extern char *xstrdup_or_null(const char *str);
extern void buffer_add(Buffer *buf, const void *data, size_t len);
extern void buffer_puts(Buffer *buf, const char *str);
extern void buffer_printf(Buffer *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void buffer_json(Buffer *buf, const char *str); /* NULL is null */
extern void buffer_form(Buffer *buf, const char *name, const char *value);
extern void buffer_percent(Buffer *buf, const char *str);
extern void buffer_time(Buffer *buf, int64_t us, TimeForm form);
extern void buffer_free(Buffer *buf);

/* members of a JSON object, with the comma where one belongs */
extern void buffer_key(Buffer *buf, const char *name);
extern void buffer_member(Buffer *buf, const char *name, const char *str);
extern void buffer_member_time(Buffer *buf, const char *name, int64_t us);
extern void buffer_strings(Buffer *buf, const char *const *strs, int n);

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
extern bool segments_gsm(const char *body); /* GSM-7 can say all of it */
extern int utf8_length(const char *str);	/* characters; -1 as above */
extern void gsm_replace(Buffer *buf, const char *body);

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
	char *optout;  /* ",+1...,+1...," */
	char *webhook; /* where receipts go that have no URL of their own */
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

/* ---- request.c: what came in ---- */

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
	Buffer raw;		/* a body that is no form, ... */
	json_t *json;	/* ... and what it says */
	Buffer scratch; /* for who needs memory as long as the request */
	bool malformed; /* broken, too many or too long */
	bool decided;	/* the reply below is what waits */
	unsigned int status;
	struct MHD_Response *response; /* NULL: close without an answer */
} Request;

extern Request *request_new(struct MHD_Connection *connection);
extern void request_receive(Request *request, const char *data, size_t size);
extern void request_complete(Request *request);
extern void request_free(Request *request);
extern const char *request_field(const Request *request, const char *name);
extern const char *request_next(const Request *request, const char *name,
								int *at); /* a field given several times */
extern const char *request_query(const Request *request, const char *name);
extern const char *request_header(const Request *request, const char *name);
extern json_t *request_json(Request *request); /* NULL: no JSON object */
extern uint64_t request_connection(const Request *request);

/* What shows who asks: "user:password", or NULL. */
extern const char *request_basic(const Request *request, char *credentials,
								 size_t size);

/* ---- record.c: every accepted text ---- */

#define MAX_MEDIA 10
#define MAX_NUMBER 20
#define UNLIMITED (-1)

typedef struct Message
{
	const Dialect *dialect;
	char id[40];
	const char *account;
	const char *to;	  /* numbers are E.164, whatever the dialect writes */
	const char *from; /* NULL with a messaging service */
	const char *service;
	const char *body;
	const char *status_callback;
	const char *ref; /* the sender's own, where one is to be seen */
	const char *media[MAX_MEDIA];
	int nmedia;
	int64_t validity_s; /* UNLIMITED: not told */
	int segments;
	int64_t accepted_us;
	uint64_t conn;
	int answer;		/* HTTP status given; 0 if the sender was left without */
	int error_code; /* why it will not be delivered; 0: it will */
	char numbers[2][MAX_NUMBER]; /* where to and from may be */
} Message;

extern bool record_open(const char *path); /* NULL: an unnamed file */
extern void record_id(char id[40], const char *prefix); /* NULL: a UUID */
extern void record_add(Message *message);
extern void record_json(Buffer *buf, const char *to); /* NULL: all */
extern void record_log(Buffer *buf, const char *from);
extern void record_rate(Buffer *buf, const char *from, int64_t window_ms);
extern json_t *record_find(const char *dialect, const char *to,
						   const char *from);
extern void record_message(const json_t *record, Message *message);
extern void record_close(void);

/* ---- api.c: what all dialects have in common ---- */

/* Why a text is refused. */
typedef enum Fault
{
	FAULT_NONE,
	FAULT_AUTH,
	FAULT_MALFORMED,
	FAULT_NO_TO,
	FAULT_BAD_TO,
	FAULT_NO_FROM,
	FAULT_NO_TEXT,
	FAULT_TOO_LONG,
	FAULT_VALIDITY,
	FAULT_CALLBACK,
	FAULT_OPTED_OUT,
	FAULT_BUSY,
	FAULT_BROKEN,
	N_FAULTS
} Fault;

/* How a dialect says it. */
typedef struct Refusal
{
	unsigned int status;
	int code;
	const char *type;
	const char *text;
} Refusal;

/* A question for texts of the past. */
typedef struct Query
{
	const char *to;	  /* NULL: any */
	const char *from; /* the same */
	int64_t since_us;
	int64_t until_us;
	long limit;
	long offset;
	char numbers[2][MAX_NUMBER];
} Query;

extern char *api_auth; /* "user:password", or NULL: any */

/* What signs webhooks where that is not the API's password; or NULL. */
extern char *api_webhook_secret;

extern bool api_route(const char *method, const char *url,
					  enum MHD_Result (**handle)(Request *, const Dialect *,
												 const char *),
					  const Dialect **dialect, char account[65]);
extern const Dialect *api_dialect(const char *name);
extern bool is_http(const char *url);
extern const char *plain_number(const char *digits, char number[MAX_NUMBER]);
extern const char *without_plus(const char *number);
extern int64_t parse_time(const char *str); /* microseconds; -1: it is none */

/* ---- callback.c: webhooks, from a thread of their own ---- */

typedef struct CallbackStats
{
	uint64_t pending;
	uint64_t delivered;
	uint64_t retried;
	uint64_t failed;
} CallbackStats;

typedef enum Event
{
	EVENT_SENT,
	EVENT_DELIVERED,
	EVENT_UNDELIVERED,
	EVENT_TEXT /* one that a phone sent us */
} Event;

#define MAX_EVENTS 4

/* A chain of webhooks to one URL: each waits for the one before it. */
typedef struct Callback
{
	const Dialect *dialect;
	char *url; /* as given, with its fragment */
	char *token;
	char *account;
	char *id;
	char *from;
	char *to;
	char *body;
	char *ref;
	char *opt_out; /* what the dialect flags an inbound text with, or NULL */
	char *media;   /* URL of an inbound text's picture, or NULL */
	int segments;
	int error_code; /* of the final receipt, or 0 */
	Event events[MAX_EVENTS];
	int nevents;
	int step;
	int attempt;
	int delay_ms; /* before the first */
} Callback;

/* A webhook as it leaves. */
typedef struct Post
{
	const char *method;
	const char *content_type;
	Buffer url;
	Buffer body;
	struct curl_slist *headers;
} Post;

extern bool callback_start(void);
extern void callback_queue(Callback *callback); /* takes it over */
extern void callback_stats(CallbackStats *result);
extern void callback_stop(void);
extern void post_header(Post *post, const char *name, const char *value);

/* ---- sign.c: what proves a webhook ---- */

extern bool sign_open(const char *key_file); /* NULL: a new key */
extern const char *sign_public_key(void);	 /* Ed25519, in base64 */
extern void sign_close(void);
extern void sign_ed25519(Buffer *base64, const Buffer *text);
extern size_t sign_hmac(unsigned char mac[64], const char *digest,
						const char *key, const Buffer *text);
extern void sign_sha256(char hex[65], const Buffer *text);
extern void sign_uuid(char uuid[37], const Callback *callback);
extern void add_base64(Buffer *buf, const void *data, size_t len);
extern void add_base64url(Buffer *buf, const void *data, size_t len);

/* ---- one file each: how the providers speak ---- */

struct Dialect
{
	const char *name;
	const char *paths[2]; /* where texts go; "*" is the account */
	const char *method;
	const char *ask_path; /* GET it to ask for texts; or NULL */

	/* Reading a text. */
	const char *(*authenticate)(const Request *request, char *credentials,
								size_t size); /* the secret shown; or NULL */
	Fault (*read)(Request *request, Message *message);
	int max_text; /* characters */

	/* Answering it. */
	unsigned int accepted_status;
	const char *content_type; /* NULL: JSON */
	const char *id_prefix;	  /* NULL: ids are UUIDs */
	void (*accepted)(Buffer *reply, const Message *message);
	void (*refused)(Buffer *reply, const Refusal *refusal);
	const Refusal *refusals; /* by Fault */

	/* Whether a text that is told to fail with a code is refused with it. */
	bool (*refuses)(int code, Refusal *refusal);
	int late_opt_out; /* accepted, then undelivered with this; 0: refused */

	/* Being asked; the newest come first. */
	bool (*ask)(const Request *request, Query *query);
	void (*list)(Buffer *reply, const Query *query, const Message *messages,
				 long n, long total);

	/* Calling back. */
	void (*hook)(const Callback *callback, Post *post);
	bool own_secret;	  /* webhooks have a secret of their own */
	bool whole_secret;	  /* and it is "user:password" */
	bool url_decides;	  /* the URL's fragment says what is tried again */
	int retries;		  /* unless it does, ... */
	const char *retry_on; /* ... after which failures */
	int timeout_ms;
	bool texts_answers; /* what is answered is texted to the phone */
};

extern const Dialect twilio_dialect;
extern const Dialect signalwire_dialect;
extern const Dialect telnyx_dialect;
extern const Dialect bandwidth_dialect;
extern const Dialect plivo_dialect;
extern const Dialect vonage_dialect;
extern const Dialect kannel_dialect;

/* ---- server.c, control.c: replies, and the paths of our own ---- */

typedef struct Stats
{
	uint64_t requests; /* to send a text */
	uint64_t asked;	   /* for texts of the past */
	uint64_t accepted;
	uint64_t rejected; /* answered with an error */
	uint64_t dropped;  /* closed without an answer */
	uint64_t open;	   /* connections */
	uint64_t held;	   /* waiting for a delayed answer, or hanging */
	uint64_t hanging;  /* never to be answered */
} Stats;

extern Stats stats;

extern int server_start(unsigned int port); /* 0 = failed */
extern void server_loop(bool until_eof);
extern void server_stop(void);
extern void reply_buffer(Request *request, unsigned int status,
						 const char *content_type, Buffer *body);
extern void reply_header(Request *request, const char *name, const char *value);
extern enum MHD_Result reply_after(Request *request, int delay_ms);
extern enum MHD_Result reply_never(Request *request);
extern int64_t now_us(clockid_t clock);
extern enum MHD_Result control_handle(Request *request, const char *method,
									  const char *what);

#endif /* TEST_GATEWAY_H */
