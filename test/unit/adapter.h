/*-------------------------------------------------------------------------
 *
 * adapter.h
 *	  What tests of several adapters do alike: recorded payloads in, results
 *	  out.
 *
 * test/unit/adapter.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_ADAPTER_H
#define TEST_ADAPTER_H

#include "gateway/gateway.h"

#include "tap.h"

#define PAYLOADS "test/data/payloads/"

/* A payload without the newline at its end. */
static inline char *
read_payload(const char *name, size_t *len)
{
	char path[200];
	char *data;

	snprintf(path, sizeof(path), PAYLOADS "%s", name);
	data = read_file(path, len);
	while (*len > 0 && data[*len - 1] == '\n')
		data[--*len] = '\0';
	return data;
}

static inline void
free_request(HttpRequest *req)
{
	buf_free(&req->url);
	buf_free(&req->headers);
	buf_free(&req->body);
}

static inline SendResult
parse(const GatewayAdapter *adapter, long status, const char *body,
	  uint32_t retry_after_ms)
{
	HttpResponse res = {status, body, strlen(body), retry_after_ms};
	SendResult result = {0};

	adapter->parse(NULL, &res, &result);
	return result;
}

static inline SendResult
parse_payload(const GatewayAdapter *adapter, long status, const char *name)
{
	size_t len;
	char *body = read_payload(name, &len);
	SendResult result = parse(adapter, status, body, 0);

	free(body);
	return result;
}

typedef struct ParseCase
{
	long status;
	const char *body;
	WireOutcome outcome;
	const char *code;
	WireScope scope;
	uint32_t retry_after_ms;
} ParseCase;

static inline void
test_parse_cases(const GatewayAdapter *adapter, const ParseCase *cases,
				 size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		const ParseCase *c = &cases[i];
		SendResult result = parse(adapter, c->status, c->body, 0);

		if (!ok(result.outcome == c->outcome &&
					strcmp(result.code, c->code) == 0 &&
					result.scope == c->scope &&
					result.retry_after_ms == c->retry_after_ms,
				"%ld %s", c->status, c->body))
			fprintf(stderr, "# outcome %d, code %s, scope %d, %u ms\n",
					result.outcome, result.code, result.scope,
					result.retry_after_ms);
	}
}

static inline FindResult
found(const Gateway *gateway, const Text *text, long status, const char *body)
{
	HttpResponse res = {status, body, strlen(body), 0};
	FindResult result = {0};

	gateway->adapter->found(gateway, text, &res, &result);
	return result;
}

/* Which texts of a recorded list may be the one, by the ends of their ids. */
static inline void
is_found(const FindResult *result, const char *wanted, const char *name)
{
	char ids[WIRE_MAX_FOUND * 128] = "";

	for (uint32_t i = 0; i < result->n; i++)
	{
		strcat(ids, i > 0 ? " " : "");
		strcat(ids, result->provider_ids[i]);
	}
	is_str(ids, wanted, name);
}

#define MAX_HEADERS 4

/* A webhook with headers, of which a NULL name is the end. */
typedef struct TestHook
{
	const char *target;
	const char *ref;
	const char *body;
	int64_t now;
	const char *headers[MAX_HEADERS][2];
} TestHook;

static inline const char *
get_header(void *arg, const char *name)
{
	const TestHook *test = arg;

	for (size_t i = 0; i < MAX_HEADERS && test->headers[i][0]; i++)
	{
		if (strcasecmp(test->headers[i][0], name) == 0)
			return test->headers[i][1];
	}
	return NULL;
}

static inline int
events(const Gateway *gateway, const TestHook *test, Hook *hook)
{
	const char *target = test->target ? test->target : "/webhook/main";
	const char *query = strchr(target, '?');
	HookRequest req = {.method = "POST",
					   .target = target,
					   .query = query ? query + 1 : "",
					   .ref = test->ref ? test->ref : "",
					   .body = test->body,
					   .body_len = strlen(test->body),
					   .now = test->now,
					   .header = get_header,
					   .arg = (void *) test};

	memset(hook, 0, sizeof(*hook));
	return gateway->adapter->events(gateway, &req, hook);
}

static inline int
events_payload(const Gateway *gateway, const char *name, const char *ref,
			   Hook *hook)
{
	size_t len;
	char *body = read_payload(name, &len);
	TestHook test = {.ref = ref, .body = body};
	int status = events(gateway, &test, hook);

	free(body);
	return status;
}

#endif /* TEST_ADAPTER_H */
