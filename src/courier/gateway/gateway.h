/*-------------------------------------------------------------------------
 *
 * gateway.h
 *	  What the courier knows of a gateway, and the interface that one file
 *	  per provider implements.
 *
 * An adapter is a set of pure functions from bytes to bytes: it opens no
 * socket, reads no clock and holds no state but what is passed in, so each
 * can be tested and fuzzed alone.  Sending, waiting and telling the worker
 * are done by the courier around it.  To add a provider, write one file and
 * add its name to the list in gateway.c.
 *
 * src/courier/gateway/gateway.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_GATEWAY_H
#define COURIER_GATEWAY_H

#include <jansson.h>

#include "buf.h"
#include "cidr.h"
#include "wire.h"

/* Wait so long before an attempt that needs somebody to mend something. */
#define GATEWAY_MEND_MS 30000

/* ... and before one that a busy gateway put off without saying how long. */
#define GATEWAY_BUSY_MS 1000

typedef struct GatewayAdapter GatewayAdapter;

/* A row of p2ptext.gateway, as the last WIRE_GATEWAY frame gave it. */
typedef struct Gateway
{
	uint32_t id;
	char *name;
	char *base_url;
	char *account;
	char *secret;		  /* empty in a listening courier, ... */
	char *webhook_secret; /* ... as is this, for callback URLs */
	char *public_url;
	char *ca_file;				/* empty: the system's */
	CidrList webhook_addresses; /* empty: any */
	json_t *settings;
	bool plain_http; /* allowed also to other machines */
	uint32_t max_in_flight;
	uint32_t timeout_ms;
	uint32_t version;			   /* counts the changes */
	const GatewayAdapter *adapter; /* NULL once removed, or not known */
	char *problem;				   /* why nothing can be sent; or NULL */

	json_t *memory;		   /* for adapters that simulate */
	struct Window *window; /* the sending side's; see http.c */
} Gateway;

/* A text to be sent. */
typedef struct Text
{
	uint64_t id;
	char *ref;
	char *from;
	char *to;
	char *body;
	char **media; /* URLs */
	uint32_t n_media;
	uint32_t validity_s; /* 0: no limit */
	int64_t claimed_at;	 /* seconds since 1970 */
} Text;

typedef struct HttpRequest
{
	const char *method; /* "POST", or "GET" with everything in the URL */
	Buf url;
	Buf headers; /* lines "Name: value\n" */
	Buf body;
	const char *user; /* for Basic authentication, or NULL */
	const char *password;
} HttpRequest;

typedef struct HttpResponse
{
	long status;	  /* never 1xx */
	const char *body; /* followed by a NUL */
	size_t body_len;
	uint32_t retry_after_ms; /* 0: not told */
} HttpResponse;

typedef struct SendResult
{
	WireOutcome outcome;
	char provider_id[128];
	char code[64];
	char text[512];
	WireScope scope; /* of the delay */
	uint32_t retry_after_ms;
	uint32_t segments; /* 0: not told */
} SendResult;

/* What a gateway said when asked for a text. */
typedef struct FindResult
{
	bool answered;
	uint32_t n;
	char provider_ids[WIRE_MAX_FOUND][128]; /* texts that may be the one */
} FindResult;

/* A webhook, after it was routed to its gateway by its path. */
typedef struct HookRequest
{
	const char *method;
	const char *target;	 /* path and query as received */
	const char *query;	 /* the part of it after "?", or "" */
	const char *ref;	 /* from the path of a receipt's URL, or "" */
	const char *address; /* who sent it, or "" where that is not known */
	const char *body;	 /* followed by a NUL */
	size_t body_len;
	int64_t now;										/* seconds since 1970 */
	const char *(*header)(void *arg, const char *name); /* or NULL */
	const bool *twice; /* a header asked for came more than once; or NULL */
	void *arg;
} HookRequest;

typedef struct HookEvent
{
	WireEventKind kind;
	char *dedupe_key;
	char *provider_id;
	char *ref;
	char *from;
	char *to;
	char *body;
	char *status;
	char *code;
	char *detail;
	char *media; /* JSON array; NULL is an empty one */
} HookEvent;

#define HOOK_MAX_SIGNATURES 4
#define HOOK_MAX_SIGNED 4

/* What an adapter found in a webhook; free with hook_free(). */
typedef struct Hook
{
	WireProof proof;
	Buf signatures[HOOK_MAX_SIGNATURES]; /* one is enough */
	size_t n_signatures;
	Buf signed_strings[HOOK_MAX_SIGNED];
	size_t n_signed;
	HookEvent *events;
	size_t n_events;
} Hook;

/* Which requests a provider's webhooks come as; ends with a NULL method. */
typedef struct HookForm
{
	const char *method;
	const char *content_type; /* NULL: any, or none */
} HookForm;

/* What the provider wants to hear after we kept its webhook. */
typedef struct HookAck
{
	unsigned status;
	const char *content_type; /* NULL: none */
	const char *body;
} HookAck;

/* An event that a simulating adapter makes happen later. */
typedef struct SimulatedEvent
{
	uint32_t delay_ms;
	HookEvent event;
} SimulatedEvent;

#define SIMULATED_MAX 2

struct GatewayAdapter
{
	const char *provider;

	/* Why the gateway cannot send as configured; NULL if it can. */
	const char *(*check)(const Gateway *gateway);

	/* Sending over HTTP ... */
	void (*build)(const Gateway *gateway, const Text *text, HttpRequest *req);
	void (*parse)(const Gateway *gateway, const HttpResponse *res,
				  SendResult *result);

	/* ... with a way to ask for a text of unknown fate, or NULL ... */
	void (*find)(const Gateway *gateway, const Text *text, HttpRequest *req);
	void (*found)(const Gateway *gateway, const Text *text,
				  const HttpResponse *res, FindResult *result);

	/* ... or, with no network, deciding at once; returns how many events. */
	size_t (*simulate)(Gateway *gateway, const Text *text, SendResult *result,
					   SimulatedEvent events[SIMULATED_MAX]);

	/* Webhooks; returns 0 or the HTTP status to refuse with. */
	const HookForm *hook_forms; /* NULL: has no webhooks */
	int (*events)(const Gateway *gateway, const HookRequest *req, Hook *hook);
	HookAck text_ack;
	HookAck receipt_ack;
};

/* the adapters, one file each */
extern const GatewayAdapter bandwidth_adapter;
extern const GatewayAdapter generic_adapter;
extern const GatewayAdapter kannel_adapter;
extern const GatewayAdapter loopback_adapter;
extern const GatewayAdapter plivo_adapter;
extern const GatewayAdapter signalwire_adapter;
extern const GatewayAdapter telnyx_adapter;
extern const GatewayAdapter twilio_adapter;
extern const GatewayAdapter vonage_adapter;

/* the gateways this courier was told of; NULL if there is none */
extern Gateway *gateway_update(WireFrame *frame); /* NULL: bad frame */
extern Gateway *gateway_by_id(uint32_t id);
extern Gateway *gateway_by_name(const char *name, size_t len);
extern void gateway_free_all(void);

/* for adapters */
extern void result_set(SendResult *result, WireOutcome outcome,
					   const char *code, const char *text);
extern void result_defer(SendResult *result, WireScope scope, uint32_t ms,
						 const char *code, const char *text);
extern void result_by_status(const HttpResponse *res, WireOutcome refused,
							 SendResult *result);
extern void found_add(FindResult *result, const char *provider_id);
extern void put_status_url(Buf *out, const Gateway *gateway, const Text *text);
extern const char *setting_text(const Gateway *gateway, const char *key);
extern void copy_text(char *dst, size_t size, const char *src);
extern HookEvent *hook_add_event(Hook *hook, WireEventKind kind);
extern char *hook_str(const char *str); /* a copy; NULL stays NULL */
extern void hook_signature(Hook *hook, WireProof proof, const void *data,
						   size_t len);
extern void hook_signed(Hook *hook, const void *data, size_t len);

/* for those who use adapters */
extern void hook_free(Hook *hook);
extern void event_free(HookEvent *event);
extern void event_put(WireBuf *wire, const HookEvent *event);
extern char *frame_str(WireFrame *frame); /* a copy; a NUL spoils the frame */

#endif /* COURIER_GATEWAY_H */
