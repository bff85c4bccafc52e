/*-------------------------------------------------------------------------
 *
 * http.c
 *	  Sending texts to gateways over HTTP, many at a time.
 *
 * Owns the connections, one window of transfers per gateway, and the answer
 * to one question: when a transfer failed, can the gateway have the text?
 * libcurl likes to help by sending a request again on a fresh connection when
 * a kept one turns out dead, and it cannot know whether the gateway had taken
 * the text before it hung up.  So every attempt has to pass begin_request(),
 * which lets only the first one through.  That it has not been called, or no
 * byte was written after it, is also how we know that a text surely never
 * left.
 *
 * src/courier/http.c
 *
 *-------------------------------------------------------------------------
 */
#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "link.h"

_Static_assert(LIBCURL_VERSION_NUM >= 0x075000,
			   "libcurl 7.80 or newer is needed for CURLOPT_PREREQFUNCTION");

#define MAX_RESPONSE 65536
#define DEFAULT_TIMEOUT_MS 10000L
#define CONNECT_TIMEOUT_MS 10000L
#define MAX_IDLE_S 30L		   /* before a kept connection is too old */
#define MAX_RETRY_AFTER_S 3600 /* whatever a gateway says */
#define UNREACHABLE_MS 1000	   /* at least, between attempts to reach it */
#define IDLE_MS 5000		   /* so long ago, an answer is old news */
#define SPARE_FILES 16		   /* for other things than connections */
#define HOLD_MS 1000		   /* at most, for the worker to take note */
#define WARN_EVERY_MS 10000

/*
 * In flight to a gateway that has not answered yet, or failed to just now.
 * It keeps a gateway that is down from being stormed, and from turning a
 * whole window of texts into unknowns at once.
 */
#define PROBES 4

/* What a gateway has on its way, and what waits for its turn. */
typedef struct Window
{
	Job *first;
	Job *last;
	uint32_t in_flight;
	bool open; /* the last transfer got an answer that says something */
	uint64_t answered_at;
	uint64_t hold_until;
	uint64_t warned_at;
} Window;

typedef struct Transfer
{
	CURL *easy;
	Job *job;
	const GatewayAdapter *adapter; /* which built the request */
	const Gateway *gateway;		   /* whose settings the handle has, ... */
	uint32_t version;			   /* ... as of this version */
	HttpRequest req;
	struct curl_slist *headers;
	Buf headers_made; /* what "headers" was made from */
	Buf response;
	bool begun;
	char error[CURL_ERROR_SIZE];
	struct Transfer *next_free;
} Transfer;

static CURLM *multi;
static const char *default_ca_file; /* libcurl's own */
static Transfer *free_transfers;
static long n_transfers; /* made, whether busy or free */
static size_t n_busy;
static Gateway **windows; /* gateways that have one */
static size_t n_windows;

void
put_result(uint64_t id, const SendResult *result)
{
	wire_begin(&link_out, WIRE_RESULT);
	wire_put_u64(&link_out, id);
	wire_put_u32(&link_out, result->outcome);
	wire_put_str(&link_out, result->provider_id);
	wire_put_str(&link_out, result->code);
	wire_put_str(&link_out, result->text);
	wire_put_u32(&link_out, result->scope);
	wire_put_u32(&link_out, result->retry_after_ms);
	wire_put_u32(&link_out, result->segments);
	link_end();
}

void
put_found(uint64_t id, const FindResult *result)
{
	wire_begin(&link_out, WIRE_FOUND);
	wire_put_u64(&link_out, id);
	wire_put_u32(&link_out, result->answered);
	wire_put_u32(&link_out, result->n);
	for (uint32_t i = 0; i < result->n; i++)
		wire_put_str(&link_out, result->provider_ids[i]);
	link_end();
}

/* The end of a job that did not begin, or whose answer is "result". */
static void
finish_job(Job *job, const SendResult *result)
{
	FindResult not_asked = {0};

	if (job->find)
		put_found(job->text.id, &not_asked);
	else
		put_result(job->text.id, result);
	free(job);
}

/* Called by libcurl with a connection in hand, before it writes a request. */
static int
begin_request(void *arg, char *remote_ip, char *local_ip, int remote_port,
			  int local_port)
{
	Transfer *transfer = arg;

	(void) remote_ip, (void) local_ip, (void) remote_port, (void) local_port;
	if (transfer->begun)
		return CURL_PREREQFUNC_ABORT;
	transfer->begun = true;
	return CURL_PREREQFUNC_OK;
}

static size_t
take_response(char *data, size_t size, size_t n, void *arg)
{
	Transfer *transfer = arg;

	if (size * n > MAX_RESPONSE - transfer->response.len)
		return 0;
	buf_put(&transfer->response, data, size * n);
	return size * n;
}

/* A handle with all that is the same for every request. */
static Transfer *
make_transfer(void)
{
	Transfer *transfer = xalloc(sizeof(Transfer));
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		link_fatal("libcurl cannot make a handle: out of memory");
	transfer->easy = easy;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, begin_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_response);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "p2ptext");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_S);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
					 (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif

	/* By default libcurl drops connections as a burst of texts runs out. */
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, ++n_transfers);
	return transfer;
}

/* Make the header list anew only if the adapter's headers have changed. */
static void
set_headers(Transfer *transfer)
{
	const Buf *wanted = &transfer->req.headers;
	Buf *made = &transfer->headers_made;
	char *line;
	char *next;

	if (transfer->headers && made->len == wanted->len &&
		memcmp(buf_str(made), buf_str(wanted), made->len) == 0)
		return;

	curl_slist_free_all(transfer->headers);
	transfer->headers = curl_slist_append(NULL, "Expect:"); /* never ask */
	buf_clear(made);
	buf_put(made, buf_str(wanted), wanted->len);
	for (line = wanted->data; line && *line; line = next)
	{
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		transfer->headers = curl_slist_append(transfer->headers, line);
	}
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

/* A handle that last served another gateway, or other settings of it. */
static void
set_ca_file(Transfer *transfer, const Gateway *gateway)
{
	curl_easy_setopt(transfer->easy, CURLOPT_CAINFO,
					 *gateway->ca_file ? gateway->ca_file : default_ca_file);
	transfer->gateway = gateway;
	transfer->version = gateway->version;
}

static void
start_transfer(Job *job)
{
	Gateway *gateway = job->gateway;
	Transfer *transfer = free_transfers;
	HttpRequest *req;

	if (transfer)
		free_transfers = transfer->next_free;
	else
		transfer = make_transfer();
	transfer->job = job;
	transfer->adapter = gateway->adapter;
	transfer->begun = false;
	transfer->error[0] = '\0';
	buf_clear(&transfer->response);

	req = &transfer->req;
	buf_clear(&req->url);
	buf_clear(&req->headers);
	buf_clear(&req->body);
	if (job->find)
		gateway->adapter->find(gateway, &job->text, req);
	else
		gateway->adapter->build(gateway, &job->text, req);
	set_headers(transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_URL, buf_str(&req->url));
	curl_easy_setopt(transfer->easy, CURLOPT_USERNAME, req->user);
	curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD, req->password);
	if (transfer->gateway != gateway || transfer->version != gateway->version)
		set_ca_file(transfer, gateway);
	curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS,
					 gateway->timeout_ms ? (long) gateway->timeout_ms
										 : DEFAULT_TIMEOUT_MS);
	if (strcmp(req->method, "GET") == 0)
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
	else
	{
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE,
						 (long) req->body.len);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS,
						 buf_str(&req->body));
	}
	if (curl_multi_add_handle(multi, transfer->easy) != CURLM_OK)
		link_fatal("libcurl cannot start a transfer: out of memory");
	gateway->window->in_flight++;
	n_busy++;
}

/* Start what the gateway's window has room for. */
static void
start_waiting(Gateway *gateway)
{
	Window *window = gateway->window;

	while (window->first)
	{
		Job *job = window->first;
		uint32_t room = gateway->max_in_flight ? gateway->max_in_flight : 1;

		if (!window->open && room > PROBES)
			room = PROBES;
		if (gateway->problem == NULL && window->in_flight >= room)
			return;
		if (window->hold_until != 0 && now_ms() < window->hold_until)
			return;
		window->first = job->next;
		if (gateway->problem)
		{
			SendResult result = {0};

			result_defer(&result, WIRE_SCOPE_GATEWAY, GATEWAY_MEND_MS, "config",
						 gateway->problem);
			finish_job(job, &result);
		}
		else
			start_transfer(job);
	}
}

void
http_submit(Job *job)
{
	Window *window = job->gateway->window;

	if (window == NULL)
	{
		window = job->gateway->window = xalloc(sizeof(Window));
		windows = xrealloc(windows, (n_windows + 1) * sizeof(Gateway *));
		windows[n_windows++] = job->gateway;
	}
	/* Much may have happened since; begin with probes again. */
	if (window->in_flight == 0 && now_ms() - window->answered_at > IDLE_MS)
		window->open = false;
	job->next = NULL;
	if (window->first)
		window->last->next = job;
	else
		window->first = job;
	window->last = job;
	start_waiting(job->gateway);
}

void
http_changed(Gateway *gateway)
{
	if (gateway->window)
		start_waiting(gateway);
}

void
http_give_back(void)
{
	SendResult result = {0};

	result_defer(&result, WIRE_SCOPE_TEXT, 0, "", "");
	for (size_t i = 0; i < n_windows; i++)
	{
		Window *window = windows[i]->window;

		while (window->first)
		{
			Job *job = window->first;

			window->first = job->next;
			finish_job(job, &result);
		}
	}
}

void
http_recall(uint64_t id)
{
	SendResult result = {0};

	result_defer(&result, WIRE_SCOPE_TEXT, 0, "", "");
	for (size_t i = 0; i < n_windows; i++)
	{
		Window *window = windows[i]->window;
		Job *before = NULL;

		for (Job *job = window->first; job; before = job, job = job->next)
		{
			if (job->text.id != id || job->find)
				continue;
			if (before)
				before->next = job->next;
			else
				window->first = job->next;
			if (window->last == job)
				window->last = before;
			finish_job(job, &result);
			return;
		}
	}
}

/* Let windows go on whose time has come; how long until the next does. */
int
http_held_ms(uint64_t now)
{
	int ms = -1;

	for (size_t i = 0; i < n_windows; i++)
	{
		Window *window = windows[i]->window;

		if (window->hold_until == 0)
			continue;
		if (now >= window->hold_until)
		{
			window->hold_until = 0;
			start_waiting(windows[i]);
			ms = 0;
		}
		else if (ms < 0 || window->hold_until - now < (uint64_t) ms)
			ms = (int) (window->hold_until - now);
	}
	return ms;
}

bool
http_busy(void)
{
	return n_busy > 0;
}

/* A word for a failure, short and stable enough to be counted by. */
static const char *
failure_code(CURLcode failure)
{
	switch (failure)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
			return "resolve";
		case CURLE_COULDNT_CONNECT:
			return "connect";
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
			return "tls";
		case CURLE_OPERATION_TIMEDOUT:
			return "timeout";
		default:
			return "lost";
	}
}

/* No answer came.  Can the gateway have the text? */
static void
judge_failure(Transfer *transfer, CURLcode failure, SendResult *result)
{
	Gateway *gateway = transfer->job->gateway;
	Window *window = gateway->window;
	const char *text = transfer->error;
	long written = 0;
	uint64_t now = now_ms();

	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &written);
	if (failure == CURLE_ABORTED_BY_CALLBACK)
		text = "the gateway closed the connection without an answer";
	else if (*text == '\0')
		text = curl_easy_strerror(failure);

	if (transfer->begun && written > 0)
		result_set(result, WIRE_UNKNOWN, failure_code(failure), text);
	else
		result_defer(result, WIRE_SCOPE_GATEWAY, UNREACHABLE_MS,
					 failure_code(failure), text);

	window->open = false;
	if (window->warned_at == 0 || now - window->warned_at > WARN_EVERY_MS)
	{
		link_log(WIRE_LOG_WARNING, "gateway \"%s\" does not answer: %s",
				 gateway->name, text);
		window->warned_at = now;
	}
}

static void
read_response(Transfer *transfer, HttpResponse *res)
{
	curl_off_t seconds = 0;

	res->body = buf_str(&transfer->response);
	res->body_len = transfer->response.len;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &res->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds > 0)
		res->retry_after_ms =
			(uint32_t) (seconds < MAX_RETRY_AFTER_S ? seconds
													: MAX_RETRY_AFTER_S) *
			1000;
}

static void
finish_find(Transfer *transfer, CURLcode code)
{
	Job *job = transfer->job;
	FindResult result = {0};
	HttpResponse res = {0};

	if (code == CURLE_OK)
	{
		read_response(transfer, &res);
		transfer->adapter->found(job->gateway, &job->text, &res, &result);
	}
	put_found(job->text.id, &result);
	free(job);
}

static void
finish_send(Transfer *transfer, CURLcode code)
{
	Gateway *gateway = transfer->job->gateway;
	SendResult result = {0};
	HttpResponse res = {0};

	if (code == CURLE_OK)
	{
		read_response(transfer, &res);
		transfer->adapter->parse(gateway, &res, &result);
		gateway->window->open = result.outcome != WIRE_UNKNOWN;
		gateway->window->answered_at = now_ms();
	}
	else
		judge_failure(transfer, code, &result);

	/* Wait for what the worker makes of it before starting more. */
	if (result.scope != WIRE_SCOPE_TEXT && result.retry_after_ms > 0)
		gateway->window->hold_until =
			now_ms() +
			(result.retry_after_ms < HOLD_MS ? result.retry_after_ms : HOLD_MS);
	finish_job(transfer->job, &result);
}

static void
finish_transfer(Transfer *transfer, CURLcode code)
{
	Gateway *gateway = transfer->job->gateway;

	if (transfer->job->find)
		finish_find(transfer, code);
	else
		finish_send(transfer, code);
	curl_multi_remove_handle(multi, transfer->easy);
	transfer->job = NULL;
	transfer->next_free = free_transfers;
	free_transfers = transfer;
	n_busy--;
	gateway->window->in_flight--;
	start_waiting(gateway);
}

void
http_perform(void)
{
	CURLMsg *message;
	int n;

	curl_multi_perform(multi, &n);
	while ((message = curl_multi_info_read(multi, &n)))
	{
		Transfer *transfer = NULL;
		CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		finish_transfer(transfer, code);
	}
}

bool
http_wait(int timeout_ms, bool flush)
{
	struct curl_waitfd worker = {.fd = WIRE_FD};

	worker.events = CURL_WAIT_POLLIN | (flush ? CURL_WAIT_POLLOUT : 0);
	curl_multi_poll(multi, &worker, 1, timeout_ms, NULL);
	return (worker.revents & CURL_WAIT_POLLIN) != 0;
}

void
http_init(void)
{
	struct rlimit files;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		(multi = curl_multi_init()) == NULL)
		link_fatal("libcurl does not start");
	/* More would fail for want of descriptors; so they wait instead. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > SPARE_FILES)
		curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
						  (long) files.rlim_cur - SPARE_FILES);
	default_ca_file = curl_version_info(CURLVERSION_NOW)->cainfo;
}

void
http_free(void)
{
	while (free_transfers)
	{
		Transfer *transfer = free_transfers;

		free_transfers = transfer->next_free;
		curl_easy_cleanup(transfer->easy);
		curl_slist_free_all(transfer->headers);
		buf_free(&transfer->headers_made);
		buf_free(&transfer->response);
		buf_free(&transfer->req.url);
		buf_free(&transfer->req.headers);
		buf_free(&transfer->req.body);
		free(transfer);
	}
	for (size_t i = 0; i < n_windows; i++)
		free(windows[i]->window);
	free(windows);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
}
