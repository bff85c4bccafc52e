/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Frames between a worker and its courier.
 *
 * A frame is a 32-bit length (of all that follows it), a type byte and
 * fields in the order given beside each type below.  Integers are in host
 * order, since both ends always run on one machine; a string is a 32-bit
 * length and its bytes, with no terminator.  Neither end trusts the other:
 * every read is bounded by the frame, and a frame that does not parse to its
 * last byte ends the connection.
 *
 * This file knows neither PostgreSQL nor HTTP, and is compiled into both
 * p2ptext.so and p2ptext-courier.
 *
 * src/courier/wire.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_WIRE_H
#define P2PTEXT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_VERSION 3

/* No frame is longer; it bounds what either end buffers for the other. */
#define WIRE_MAX_FRAME (256 * 1024)

/* No more texts are named in answer to one question. */
#define WIRE_MAX_FOUND 16

/* The descriptor on which a courier finds its worker. */
#define WIRE_FD 3

typedef enum WireType
{
	/* worker to courier */
	WIRE_GATEWAY = 'G', /* u32 gateway, str name, str provider,
						 * str base_url, str account, str secret,
						 * str webhook_secret (what our callback URLs must
						 * carry), str settings (JSON object),
						 * str public_url, str ca_file ("": the system's),
						 * str webhook_addresses (CIDR blocks separated by
						 * commas; "": any), u32 plain_http (1: to any host),
						 * u32 max_in_flight, u32 timeout_ms.
						 * Sent again when the row changes. */
	WIRE_SEND = 'S',	/* u64 id, u32 gateway, str ref, str from, str to,
						 * str body, u32 n and n times str media URL,
						 * u32 validity_s (0 = no limit),
						 * u64 claimed_at (seconds since 1970) */
	WIRE_FIND = 'F',	/* the same: ask whether the gateway has that text */
	WIRE_RECALL = 'C',	/* u64 id: give back that text if not begun */
	WIRE_ACK = 'A',		/* u64 request, u32 HTTP status to answer with */
	WIRE_PAGE = 'P',	/* u64 request, str plain text to answer with */
	WIRE_REQUEST = 'I', /* u64 request, u32 gateway, str method, str URL (its
						 * scheme and host may be left out where they are
						 * those of public_url), str remote address ("": not
						 * known), str headers (JSON object), str body, u64
						 * now (seconds since 1970) */
	WIRE_SERVE = 'O',	/* none: every gateway has been told, so one that is
						 * not known does not exist */
	WIRE_QUIT = 'Q',	/* none: start nothing more, give back what has not
						 * begun, finish what has, then exit */

	/* courier to worker */
	WIRE_HELLO = 'H',	/* u32 WIRE_VERSION: sandboxed and ready */
	WIRE_RESULT = 'R',	/* u64 id, u32 WireOutcome, str provider_id,
						 * str code, str text, u32 WireScope,
						 * u32 retry_after_ms, u32 segments (0 = not
						 * told) */
	WIRE_FOUND = 'D',	/* u64 id, u32 asked (0: the gateway did not say),
						 * u32 n and n times str provider_id of a text that
						 * the gateway has and that may be this one */
	WIRE_WEBHOOK = 'W', /* u64 request (0 = wants no ack), u32 gateway,
						 * u32 WireProof, u32 n and n times str signature
						 * (raw bytes; one is enough), u32 n and n times
						 * str signed (the byte strings of which one must
						 * have been signed), str headers (JSON object),
						 * str raw body, u32 n and n events, each:
						 * u32 WireEventKind, str dedupe_key,
						 * str provider_id, str ref, str from, str to,
						 * str body, str status, str code, str detail,
						 * str media (JSON array) */
	WIRE_METRICS = 'M', /* u64 request: wants a WIRE_PAGE */
	WIRE_ANSWER = 'N',	/* u64 request, u32 HTTP status, str content type,
						 * str body: to a WIRE_REQUEST, after its WIRE_WEBHOOK
						 * unless the status refuses it */
	WIRE_LOG = 'L'		/* u32 WireLogLevel, str message */
} WireType;

/* What became of a text handed to the courier. */
typedef enum WireOutcome
{
	WIRE_SENT = 1,	/* the gateway accepted it */
	WIRE_FAILED,	/* refused for good */
	WIRE_OPTED_OUT, /* refused: the gateway holds an opt-out */
	WIRE_RETRY,		/* surely not accepted; one attempt more is used up */
	WIRE_DEFERRED,	/* surely not accepted, and the text is not to blame:
					   * to be tried again, and no attempt is used up */
	WIRE_UNKNOWN	/* may or may not have been accepted */
} WireOutcome;

/* For what else but the text itself a delay holds. */
typedef enum WireScope
{
	WIRE_SCOPE_TEXT,
	WIRE_SCOPE_SENDER, /* every text from this number */
	WIRE_SCOPE_GATEWAY /* every text to this gateway */
} WireScope;

/* How a webhook shows where it comes from. */
typedef enum WireProof
{
	WIRE_PROOF_NONE,
	WIRE_PROOF_HMAC_SHA1,
	WIRE_PROOF_HMAC_SHA256,
	WIRE_PROOF_ED25519, /* the secret is the public key, in base64 */
	WIRE_PROOF_TOKEN	/* the signature is the secret itself */
} WireProof;

typedef enum WireEventKind
{
	WIRE_EVENT_TEXT = 1, /* a voter wrote */
	WIRE_EVENT_RECEIPT	 /* status is one of queued sending sent delivered
						  * undelivered failed */
} WireEventKind;

typedef enum WireLogLevel
{
	WIRE_LOG_INFO = 1,
	WIRE_LOG_WARNING,
	WIRE_LOG_FATAL /* the courier cannot work and exits next */
} WireLogLevel;

/* Bytes on their way in or out; [start, end) is pending. */
typedef struct WireBuf
{
	uint8_t *data;
	size_t start;
	size_t end;
	size_t size;
	size_t frame; /* offset of the frame being written */
	bool failed;  /* out of memory or frame too long: drop connection */
} WireBuf;

/* A cursor over the fields of one received frame. */
typedef struct WireFrame
{
	WireType type;
	const uint8_t *next;
	const uint8_t *end;
	bool ok; /* false once any read went past the end */
} WireFrame;

/* A borrowed string: valid until the buffer it came from is filled again. */
typedef struct WireStr
{
	const char *data;
	size_t len;
} WireStr;

/* writing */
extern void wire_begin(WireBuf *buf, WireType type);
extern void wire_put_u32(WireBuf *buf, uint32_t value);
extern void wire_put_u64(WireBuf *buf, uint64_t value);
/* both write a str, with its length */
extern void wire_put_bytes(WireBuf *buf, const void *data, size_t len);
extern void wire_put_str(WireBuf *buf, const char *str); /* NULL is "" */
extern bool wire_end(WireBuf *buf); /* false: frame dropped, buffer intact */

/* reading; a failed read returns zero or an empty string */
extern int wire_next(WireBuf *buf, WireFrame *frame); /* 1, 0 = more, -1 */
extern uint32_t wire_get_u32(WireFrame *frame);
extern uint64_t wire_get_u64(WireFrame *frame);
extern WireStr wire_get_str(WireFrame *frame);
extern bool wire_done(const WireFrame *frame); /* ok and nothing left */

/* moving bytes; non-blocking: 0 = would block, -1 = gone (errno) */
extern ssize_t wire_fill(WireBuf *buf, int fd);
extern ssize_t wire_flush(WireBuf *buf, int fd);
extern size_t wire_pending(const WireBuf *buf);
extern void wire_free(WireBuf *buf);

#endif /* P2PTEXT_WIRE_H */
