/*-------------------------------------------------------------------------
 *
 * callback.c
 *	  Posts receipts and inbound texts to webhooks, as Twilio does.
 *
 * A thread of its own, so that a slow webhook never slows the API.  It owns
 * every callback once callback_queue() has taken it.  Signing follows
 * twilio.com/docs/usage/security, retrying twilio.com/docs/usage/webhooks/
 * webhooks-connection-overrides: "#rc=3&rp=ct,rt,5xx" after the URL asks for
 * three retries after connection failures, read timeouts and 5xx; the
 * fragment itself is neither sent nor signed.  Only loopback is ever called.
 *
 * test/gateway/callback.c
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway.h"

#define MAX_TRANSFERS 64
#define MAX_PARAMS 24
#define RETRY_MS 100 /* doubles with each attempt */

typedef struct Param
{
	const char *name;
	const char *value;
} Param;

typedef struct Transfer
{
	CURL *easy;
	Callback *callback;
	struct curl_slist *headers;
	Buffer form;
} Transfer;

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Heap incoming; /* these three are under the lock */
static CallbackStats counts;
static bool stopping;

static CURLM *multi; /* the rest is the thread's */
static Heap waiting;
static Transfer transfers[MAX_TRANSFERS];
static Transfer *idle[MAX_TRANSFERS];
static int nidle;

/* ---- what is posted ---- */

static int
compare_params(const void *a, const void *b)
{
	return strcmp(((const Param *) a)->name, ((const Param *) b)->name);
}

static void
add_param(Param *params, int *nparams, const char *name, const char *value)
{
	params[*nparams].name = name;
	params[(*nparams)++].value = value;
}

/* code and date must live as long as the parameters. */
static int
make_params(const Callback *c, Param *params, char *code, char *date)
{
	int n = 0;
	const char *status = c->statuses[c->step];
	bool final = c->body == NULL && strcmp(status, "sent") != 0;

	add_param(params, &n, "AccountSid", c->account);
	add_param(params, &n, "ApiVersion", "2010-04-01");
	add_param(params, &n, "From", c->from);
	add_param(params, &n, "MessageSid", c->sid);
	add_param(params, &n, "SmsSid", c->sid);
	add_param(params, &n, "SmsStatus", status);
	add_param(params, &n, "To", c->to);
	if (c->body != NULL)
	{
		int segments = segments_count(c->body);

		snprintf(code, 12, "%d", segments > 0 ? segments : 1);
		add_param(params, &n, "Body", c->body);
		add_param(params, &n, "FromCity", "");
		add_param(params, &n, "FromCountry", "US");
		add_param(params, &n, "FromState", "NC");
		add_param(params, &n, "NumMedia", "0");
		add_param(params, &n, "NumSegments", code);
		add_param(params, &n, "SmsMessageSid", c->sid);
		add_param(params, &n, "ToCountry", "US");
		if (c->opt_out != NULL)
			add_param(params, &n, "OptOutType", c->opt_out);
	}
	else
		add_param(params, &n, "MessageStatus", status);
	if (final)
	{
		time_t now = time(NULL);
		struct tm tm;

		strftime(date, 16, "%Y%m%d%H%M", gmtime_r(&now, &tm));
		add_param(params, &n, "RawDlrDoneDate", date + strlen("20"));
	}
	if (final && c->error_code != 0)
	{
		snprintf(code, 12, "%d", c->error_code);
		add_param(params, &n, "ErrorCode", code);
	}
	qsort(params, n, sizeof(Param), compare_params);
	return n;
}

/* HMAC-SHA1 of the URL and each name and value in order of names. */
static void
sign(const char *url, const Param *params, int nparams, const char *token,
	 char signature[32])
{
	Buffer text = {0};
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int len;

	buffer_puts(&text, url);
	for (int i = 0; i < nparams; i++)
	{
		buffer_puts(&text, params[i].name);
		buffer_puts(&text, params[i].value);
	}
	HMAC(EVP_sha1(), token, (int) strlen(token),
		 (const unsigned char *) text.data, text.len, mac, &len);
	EVP_EncodeBlock((unsigned char *) signature, mac, (int) len);
	buffer_free(&text);
}

static void
add_header(Transfer *transfer, const char *name, const char *value)
{
	Buffer header = {0};

	buffer_printf(&header, "%s: %s", name, value);
	transfer->headers = curl_slist_append(transfer->headers, header.data);
	buffer_free(&header);
}

static void
start(Callback *c)
{
	Transfer *transfer = idle[--nidle];
	Param params[MAX_PARAMS];
	char code[12];
	char date[16];
	char signature[32];
	char token[64];
	int nparams = make_params(c, params, code, date);
	char *url = xstrdup(c->url);

	url[strcspn(url, "#")] = '\0';
	sign(url, params, nparams, c->token, signature);
	for (int i = 0; i < nparams; i++)
		buffer_form(&transfer->form, params[i].name, params[i].value);

	add_header(transfer, "Content-Type",
			   "application/x-www-form-urlencoded; charset=UTF-8");
	add_header(transfer, "X-Twilio-Signature", signature);
	/* the same for all attempts and repeats, as it names the event */
	snprintf(token, sizeof(token), "%s-%s", c->sid, c->statuses[c->step]);
	add_header(transfer, "I-Twilio-Idempotency-Token", token);

	transfer->callback = c;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE,
					 (long) transfer->form.len);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->form.data);
	curl_multi_add_handle(multi, transfer->easy);
	free(url);
}

/* ---- what came of it ---- */

/* The kind of failure in Twilio's words, NULL for none. */
static const char *
failure(CURL *easy, CURLcode result)
{
	long status = 0;
	curl_off_t connected = 0;

	if (result == CURLE_OK)
	{
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		return status >= 500 ? "5xx" : status >= 300 ? "4xx" : NULL;
	}
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	return connected > 0 ? "rt" : "ct";
}

static bool
should_retry(const Callback *c, const char *kind)
{
	const char *fragment = strchr(c->url, '#');
	const char *count = fragment ? strstr(fragment, "rc=") : NULL;
	const char *policy = fragment ? strstr(fragment, "rp=") : NULL;
	size_t len;

	if (c->attempt >= (count ? atoi(count + 3) : 1))
		return false;
	if (policy == NULL)
		return strcmp(kind, "ct") == 0;
	for (policy += 3; *policy != '\0' && *policy != '&'; policy += len)
	{
		policy += *policy == ',';
		len = strcspn(policy, ",&");
		if ((len == strlen(kind) && strncmp(policy, kind, len) == 0) ||
			(len == 3 && strncmp(policy, "all", len) == 0))
			return true;
	}
	return false;
}

static void
callback_free(Callback *c)
{
	free(c->url);
	free(c->token);
	free(c->account);
	free(c->sid);
	free(c->from);
	free(c->to);
	free(c->body);
	free(c->opt_out);
	free(c);
}

static Callback *
release(Transfer *transfer)
{
	Callback *c = transfer->callback;

	curl_multi_remove_handle(multi, transfer->easy);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	transfer->callback = NULL;
	transfer->form.len = 0;
	idle[nidle++] = transfer;
	return c;
}

static void
finish(CURL *easy, CURLcode result)
{
	Transfer *transfer;
	Callback *c;
	const char *kind = failure(easy, result);
	bool retry;
	int64_t due = now_us(CLOCK_MONOTONIC);

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
	c = release(transfer);
	retry = kind != NULL && should_retry(c, kind);

	pthread_mutex_lock(&lock);
	if (retry)
		counts.retried++;
	else if (kind != NULL)
		counts.failed++;
	else
		counts.delivered++;
	if (!retry)
		counts.pending--;
	pthread_mutex_unlock(&lock);

	if (retry)
		due += (int64_t) RETRY_MS * 1000 << c->attempt++;
	else
	{
		c->step++;
		c->attempt = 0;
	}
	if (c->step < c->nstatuses)
		heap_push(&waiting, due, c);
	else
		callback_free(c);
}

/* ---- the thread ---- */

static bool
take_incoming(void)
{
	bool go_on;

	pthread_mutex_lock(&lock);
	while (incoming.count > 0)
	{
		int64_t due = heap_due(&incoming);

		heap_push(&waiting, due, heap_pop(&incoming));
	}
	go_on = !stopping;
	pthread_mutex_unlock(&lock);
	return go_on;
}

static void *
run(void *arg)
{
	while (take_incoming())
	{
		int64_t now = now_us(CLOCK_MONOTONIC);
		int timeout_ms = 1000;
		int running;
		int left;
		CURLMsg *msg;

		while (nidle > 0 && heap_due(&waiting) <= now)
			start(heap_pop(&waiting));
		if (nidle > 0 && heap_due(&waiting) - now < 1000000)
			timeout_ms = (int) ((heap_due(&waiting) - now) / 1000 + 1);

		curl_multi_perform(multi, &running);
		while ((msg = curl_multi_info_read(multi, &left)) != NULL)
			if (msg->msg == CURLMSG_DONE)
			{
				finish(msg->easy_handle, msg->data.result);
				timeout_ms = 0;
			}
		curl_multi_poll(multi, NULL, 0, timeout_ms, NULL);
	}
	return arg;
}

static size_t
discard(char *data, size_t size, size_t count, void *arg)
{
	(void) data, (void) arg;
	return size * count;
}

/* A test that names a real host by mistake must not reach it. */
static curl_socket_t
open_loopback(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct sockaddr *addr = &address->addr;
	bool loopback = false;

	(void) arg, (void) purpose;

	if (addr->sa_family == AF_INET)
		loopback =
			ntohl(((const struct sockaddr_in *) addr)->sin_addr.s_addr) >> 24 ==
			127;
	else if (addr->sa_family == AF_INET6)
		loopback = IN6_IS_ADDR_LOOPBACK(
			&((const struct sockaddr_in6 *) addr)->sin6_addr);
	if (!loopback)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype, address->protocol);
}

bool
callback_start(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	for (int i = 0; i < MAX_TRANSFERS; i++)
	{
		CURL *easy = curl_easy_init();

		curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfers[i]);
		curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
		curl_easy_setopt(easy, CURLOPT_USERAGENT, "TwilioProxy/1.1");
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_loopback);
		/* Twilio's own limits */
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 15000L);
		transfers[i].easy = easy;
		idle[nidle++] = &transfers[i];
	}
	return pthread_create(&thread, NULL, run, NULL) == 0;
}

void
callback_queue(Callback *callback)
{
	int64_t due = now_us(CLOCK_MONOTONIC) + (int64_t) callback->delay_ms * 1000;

	pthread_mutex_lock(&lock);
	heap_push(&incoming, due, callback);
	counts.pending += callback->nstatuses;
	pthread_mutex_unlock(&lock);
	curl_multi_wakeup(multi);
}

void
callback_stats(CallbackStats *result)
{
	pthread_mutex_lock(&lock);
	*result = counts;
	pthread_mutex_unlock(&lock);
}

/* What has not been posted by now never will be. */
void
callback_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_mutex_unlock(&lock);
	curl_multi_wakeup(multi);
	pthread_join(thread, NULL);

	for (int i = 0; i < MAX_TRANSFERS; i++)
	{
		if (transfers[i].callback != NULL)
			callback_free(release(&transfers[i]));
		curl_easy_cleanup(transfers[i].easy);
		buffer_free(&transfers[i].form);
	}
	while (waiting.count > 0)
		callback_free(heap_pop(&waiting));
	free(waiting.entries);
	free(incoming.entries);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
}
