/*-------------------------------------------------------------------------
 *
 * callback.c
 *	  Brings receipts and inbound texts to webhooks, as providers do.
 *
 * A thread of its own, so that a slow webhook never slows the API.  It owns
 * every callback once callback_queue() has taken it.  What a webhook looks
 * like, how it is signed and when it is tried again is its dialect's.
 * Twilio lets the URL decide: "#rc=3&rp=ct,rt,5xx" after it asks for three
 * retries after connection failures, read timeouts and 5xx; the fragment
 * itself is neither sent nor signed.  Only loopback is ever called.
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

#include "gateway.h"

#define MAX_TRANSFERS 64
#define RETRY_MS 100  /* doubles with each attempt, ... */
#define MAX_DOUBLES 5 /* ... but not for ever */

typedef struct Transfer
{
	CURL *easy;
	Callback *callback;
	Post post;
	size_t answered; /* bytes of the answer */
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

void
post_header(Post *post, const char *name, const char *value)
{
	Buffer header = {0};

	buffer_printf(&header, "%s: %s", name, value);
	post->headers = curl_slist_append(post->headers, header.data);
	buffer_free(&header);
}

static void
start(Callback *c)
{
	Transfer *transfer = idle[--nidle];
	Post *post = &transfer->post;

	buffer_add(&post->url, c->url, strcspn(c->url, "#"));
	post->method = MHD_HTTP_METHOD_POST;
	post->content_type = "application/json";
	c->dialect->hook(c, post);
	post_header(post, "Content-Type", post->content_type);

	transfer->callback = c;
	transfer->answered = 0;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, post->url.data);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, post->headers);
	curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS,
					 (long) c->dialect->timeout_ms);
	if (strcmp(post->method, MHD_HTTP_METHOD_GET) == 0)
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
	else
	{
		curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE,
						 (long) post->body.len);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, post->body.data);
	}
	curl_multi_add_handle(multi, transfer->easy);
}

/* ---- what came of it ---- */

/* Whether an answer says that the webhook was taken. */
static bool
is_taken(const Transfer *transfer, long status)
{
	if (transfer->callback->dialect->texts_answers)
		return (status == 200 || status == 202) && transfer->answered == 0;
	return status / 100 == 2;
}

/* The kind of failure in Twilio's words, NULL for none. */
static const char *
failure(const Transfer *transfer, CURLcode result)
{
	long status = 0;
	curl_off_t connected = 0;

	if (result == CURLE_OK)
	{
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		if (is_taken(transfer, status))
			return NULL;
		return status >= 500 ? "5xx" : "4xx";
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	return connected > 0 ? "rt" : "ct";
}

static bool
in_list(const char *list, const char *word)
{
	size_t len;

	for (; *list != '\0' && *list != '&'; list += len)
	{
		list += *list == ',';
		len = strcspn(list, ",&");
		if ((len == strlen(word) && strncmp(list, word, len) == 0) ||
			(len == 3 && strncmp(list, "all", len) == 0))
			return true;
	}
	return false;
}

static bool
should_retry(const Callback *c, const char *kind)
{
	const char *fragment = c->dialect->url_decides ? strchr(c->url, '#') : NULL;
	const char *count = fragment ? strstr(fragment, "rc=") : NULL;
	const char *policy = fragment ? strstr(fragment, "rp=") : NULL;

	return c->attempt < (count ? atoi(count + 3) : c->dialect->retries) &&
		   in_list(policy ? policy + 3 : c->dialect->retry_on, kind);
}

static void
callback_free(Callback *c)
{
	free(c->url);
	free(c->token);
	free(c->account);
	free(c->id);
	free(c->from);
	free(c->to);
	free(c->body);
	free(c->ref);
	free(c->opt_out);
	free(c->media);
	free(c);
}

static Callback *
release(Transfer *transfer)
{
	Callback *c = transfer->callback;

	curl_multi_remove_handle(multi, transfer->easy);
	curl_slist_free_all(transfer->post.headers);
	transfer->post.headers = NULL;
	transfer->post.url.len = 0;
	transfer->post.body.len = 0;
	transfer->callback = NULL;
	idle[nidle++] = transfer;
	return c;
}

static void
finish(CURL *easy, CURLcode result)
{
	Transfer *transfer;
	Callback *c;
	const char *kind;
	bool retry;
	int64_t due = now_us(CLOCK_MONOTONIC);

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
	kind = failure(transfer, result);
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
	{
		due += (int64_t) RETRY_MS * 1000
			   << (c->attempt < MAX_DOUBLES ? c->attempt : MAX_DOUBLES);
		c->attempt++;
	}
	else
	{
		c->step++;
		c->attempt = 0;
	}
	if (c->step < c->nevents)
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
	Transfer *transfer = arg;

	(void) data;
	transfer->answered += size * count;
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
		curl_easy_setopt(easy, CURLOPT_USERAGENT, "p2ptext test gateway");
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfers[i]);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_loopback);
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
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
	counts.pending += callback->nevents;
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
		buffer_free(&transfers[i].post.url);
		buffer_free(&transfers[i].post.body);
	}
	while (waiting.count > 0)
		callback_free(heap_pop(&waiting));
	free(waiting.entries);
	free(incoming.entries);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
}
