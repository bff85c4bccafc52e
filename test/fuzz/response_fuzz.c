/*-------------------------------------------------------------------------
 *
 * response_fuzz.c
 *	  Fuzzes the sending half of every adapter: the requests it builds from
 *	  any text, and what it makes of any reply.
 *
 * The input is lines: the provider, the gateway's settings, "status
 * retry_after_ms validity_s claimed_at", ref, from, to, a media URL, the
 * text's body, and the reply, which is the rest.  The reply is also sent as a
 * text, since it may have more than one line.
 *
 * A request must be one request, to where it ought to go, and carry the text
 * unharmed.  Of a reply to be feared is what would send a text twice, or lose
 * it: an outcome that is no outcome, or "not taken" where nobody said so.
 *
 * test/fuzz/response_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#define BASE_URL "http://127.0.0.1:1/base"

typedef struct Input
{
	char *provider;
	char *settings;
	char *numbers;
	char *ref;
	char *from;
	char *to;
	char *media;
	char *body;
	char *reply; /* has reply_len bytes */
	size_t reply_len;
} Input;

static bool
is(const char *provider, const Gateway *gateway)
{
	return strcmp(gateway->adapter->provider, provider) == 0;
}

/* Is the text a string somewhere in the JSON? */
static bool
json_has(const json_t *value, const char *text)
{
	const char *key;
	json_t *member;
	size_t i;
	bool found =
		json_is_string(value) && strcmp(json_string_value(value), text) == 0;

	json_object_foreach((json_t *) value, key, member)
	{
		found = found || json_has(member, text);
	}
	json_array_foreach(value, i, member)
	{
		found = found || json_has(member, text);
	}
	return found;
}

static bool
form_has(const char *data, size_t len, const char *text)
{
	Form form;
	bool found = false;

	CHECK(form_decode(&form, data, len));
	for (size_t i = 0; i < form.n; i++)
		found = found || strcmp(form.fields[i].value, text) == 0;
	form_free(&form);
	return found;
}

/* What has been built is there for whoever can read it. */
static void
check_carries(const HttpRequest *req, const char *text)
{
	const char *query = strchr(buf_str(&req->url), '?');
	json_t *root = NULL;
	bool found;

	if (strstr(buf_str(&req->headers), "Content-Type: application/json\n"))
	{
		root = json_loadb(buf_str(&req->body), req->body.len, 0, NULL);
		CHECK(root != NULL);
		found = json_has(root, text);
	}
	else if (req->body.len > 0)
		found = form_has(req->body.data, req->body.len, text);
	else
		found = query && form_has(query + 1, strlen(query + 1), text);
	json_decref(root);
	CHECK(found);
}

static void
check_headers(const char *headers)
{
	while (*headers)
	{
		const char *end = strchr(headers, '\n');

		CHECK(end != NULL);
		CHECK(strcspn(headers, ":") < (size_t) (end - headers));
		for (; headers < end; headers++)
			CHECK((unsigned char) *headers >= ' ' && *headers != 0x7F);
		headers++;
	}
}

static void
check_request(const HttpRequest *req)
{
	const char *url = buf_str(&req->url);

	CHECK(req->method && (strcmp(req->method, "GET") == 0 ||
						  strcmp(req->method, "POST") == 0));
	CHECK(strncmp(url, BASE_URL, strlen(BASE_URL)) == 0);
	CHECK(strchr("/?", url[strlen(BASE_URL)])); /* or the end */
	for (; *url; url++)
		CHECK((unsigned char) *url > ' ' && (unsigned char) *url < 0x7F);
	CHECK(strlen(buf_str(&req->url)) == req->url.len);
	CHECK(strlen(buf_str(&req->headers)) == req->headers.len);
	check_headers(buf_str(&req->headers));
	if (strcmp(req->method, "GET") == 0)
		CHECK(req->body.len == 0);
}

static void
free_request(HttpRequest *req)
{
	buf_free(&req->url);
	buf_free(&req->headers);
	buf_free(&req->body);
}

/* The worker hands over valid text; the rest is for crashing on. */
static bool
is_valid(const Text *text)
{
	return utf8_valid(text->ref, strlen(text->ref)) &&
		   utf8_valid(text->from, strlen(text->from)) &&
		   utf8_valid(text->to, strlen(text->to)) &&
		   utf8_valid(text->body, strlen(text->body)) &&
		   (text->n_media == 0 ||
			utf8_valid(text->media[0], strlen(text->media[0])));
}

static void
try_build(const Gateway *gateway, const Text *text)
{
	HttpRequest req = {0};

	gateway->adapter->build(gateway, text, &req);
	if (is_valid(text))
	{
		check_request(&req);
		if (!is("generic", gateway) && *text->body)
			check_carries(&req, text->body);
	}
	free_request(&req);
}

static void
try_find(const Gateway *gateway, const Text *text, const HttpResponse *res)
{
	HttpRequest req = {0};
	FindResult found = {0};

	gateway->adapter->find(gateway, text, &req);
	CHECK(strcmp(req.method, "GET") == 0);
	if (is_valid(text))
		check_request(&req);
	free_request(&req);

	gateway->adapter->found(gateway, text, res, &found);
	CHECK(!found.answered || res->status / 100 == 2);
	CHECK(found.n <= WIRE_MAX_FOUND);
	for (uint32_t i = 0; i < found.n; i++)
	{
		CHECK(*found.provider_ids[i]);
		check_str(found.provider_ids[i]);
	}
}

/*
 * Kannel gives no id and a generic gateway need not; neither does Vonage's SMS
 * API, in theory.  Kannel and Bandwidth take nothing that they answer by 5xx,
 * and a generic gateway is told so by its settings.
 */
static void
check_outcome(const Gateway *gateway, const HttpResponse *res,
			  const SendResult *result)
{
	bool told = is("kannel", gateway) || is("generic", gateway) ||
				is("bandwidth", gateway);

	CHECK(result->outcome >= WIRE_SENT && result->outcome <= WIRE_UNKNOWN);
	CHECK(result->scope <= WIRE_SCOPE_GATEWAY);
	if (result->outcome != WIRE_DEFERRED)
		CHECK(result->scope == WIRE_SCOPE_TEXT && result->retry_after_ms == 0);
	if (result->outcome == WIRE_SENT)
		CHECK(*result->provider_id || is("kannel", gateway) ||
			  is("generic", gateway) || is("vonage", gateway));
	else
		CHECK(*result->code);
	if (res->status >= 500 && !told)
		CHECK(result->outcome == WIRE_UNKNOWN);
	if (res->status / 100 == 2 && res->body_len == 0 && !told)
		CHECK(result->outcome == WIRE_UNKNOWN);
}

static void
try_parse(const Gateway *gateway, const HttpResponse *res)
{
	SendResult result = {0};

	gateway->adapter->parse(gateway, res, &result);
	check_str(result.provider_id);
	check_str(result.code);
	check_str(result.text);
	check_outcome(gateway, res, &result);
}

static void
try_all(const Gateway *gateway, Text *text, const Input *input,
		const HttpResponse *res)
{
	try_build(gateway, text);
	if (memchr(input->reply, '\0', input->reply_len) == NULL)
	{
		text->body = input->reply;
		text->n_media = 0;
		try_build(gateway, text);
		text->body = input->body;
	}
	try_parse(gateway, res);
	if (gateway->adapter->find)
		try_find(gateway, text, res);
}

static uint32_t
next_number(char **next)
{
	return (uint32_t) strtoul(*next, next, 10);
}

static void
try_input(const Input *input)
{
	char *next = input->numbers;
	char *media[] = {input->media};
	HttpResponse res = {.body = input->reply, .body_len = input->reply_len};
	Text text = {.ref = input->ref,
				 .from = input->from,
				 .to = input->to,
				 .body = input->body,
				 .media = media,
				 .n_media = *input->media ? 1 : 0};
	const Gateway *gateway;

	res.status = next_number(&next) % 600;
	if (res.status < 200)
		res.status += 200;
	res.retry_after_ms = next_number(&next);
	text.validity_s = next_number(&next);
	text.claimed_at = next_number(&next);
	gateway =
		tell_gateway(pick_provider(input->provider), BASE_URL, input->settings);
	if (gateway->problem == NULL)
		try_all(gateway, &text, input, &res);
	gateway_free_all();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *next = (const char *) data;
	const char *end = next + size;
	Input input = {0};
	char **const lines[] = {&input.provider, &input.settings, &input.numbers,
							&input.ref,		 &input.from,	  &input.to,
							&input.media,	 &input.body};
	size_t n = sizeof(lines) / sizeof(lines[0]);

	for (size_t i = 0; i < n; i++)
		*lines[i] = take_line(&next, end);
	input.reply_len = (size_t) (end - next);
	input.reply = xstrndup(next, input.reply_len);
	try_input(&input);
	for (size_t i = 0; i < n; i++)
		free(*lines[i]);
	free(input.reply);
	return 0;
}
