/*-------------------------------------------------------------------------
 *
 * bare-curl.c
 *	  The limit that send.http is measured against: libcurl and nothing else.
 *
 * Posts numbered texts to a gateway that speaks Twilio's Messages API, with
 * a window of them in flight over kept-alive connections, and prints the
 * rate.  The requests are those of the courier: same path, Basic auth, form
 * fields and sizes.  There is no database, no queue and no record, so what
 * this program reaches is what libcurl, the kernel and the gateway allow.
 *
 * test/bench/bare-curl.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#define ACCOUNT "AC00000000000000000000000000000000"

typedef struct Transfer
{
	CURL *easy;
	char form[2048];
} Transfer;

static char *url;
static const char *auth = ACCOUNT ":bench";
static long count = 100000;
static long window = 64;

static CURLM *multi;
static long started;
static long accepted;

static void
fail(const char *problem, const char *detail)
{
	fprintf(stderr, "bare-curl: %s%s\n", problem, detail);
	exit(1);
}

/* Append name=value, form-encoded. */
static char *
add_field(char *form, const char *name, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";

	form += sprintf(form, "%s=", name);
	for (; *value != '\0'; value++)
	{
		unsigned char c = (unsigned char) *value;

		if ((c >= '0' && c <= '9') ||
			((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '.' ||
			c == '_' || c == '~')
			*form++ = (char) c;
		else
		{
			*form++ = '%';
			*form++ = hex[c >> 4];
			*form++ = hex[c & 15];
		}
	}
	*form++ = '&';
	*form = '\0';
	return form;
}

static void
start_next(Transfer *transfer)
{
	char to[16];
	char body[256];
	char callback[128];
	char *end = transfer->form;
	long n = ++started;

	snprintf(to, sizeof(to), "+1919%07ld", n % 10000000);
	snprintf(body, sizeof(body),
			 "Hi Elizabeth, it's Ana with the Rivera campaign. Early voting "
			 "is open: can we count on your vote? No %06ld",
			 n);
	snprintf(callback, sizeof(callback),
			 "http://127.0.0.1:8080/webhook/bench/status/%ld-0123456789abcdef"
			 "#rc=3&rp=ct,rt,5xx",
			 n);
	end = add_field(end, "To", to);
	end = add_field(end, "From", "+19195550100");
	end = add_field(end, "Body", body);
	end = add_field(end, "StatusCallback", callback);

	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE,
					 (long) (end - 1 - transfer->form));
	if (curl_multi_add_handle(multi, transfer->easy) != CURLM_OK)
		fail("cannot start a request", "");
}

static size_t
discard(char *data, size_t size, size_t n, void *arg)
{
	(void) data, (void) arg;
	return size * n;
}

static void
prepare(Transfer *transfer)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_USERPWD, auth);
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->form);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
	transfer->easy = easy;
}

/* Only a text that was accepted counts. */
static void
finish(CURL *easy, CURLcode result)
{
	Transfer *transfer;
	long status = 0;

	if (result != CURLE_OK)
		fail("a request failed: ", curl_easy_strerror(result));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 201)
		fail("a text was refused; is --auth right?", "");
	accepted++;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
	curl_multi_remove_handle(multi, easy);
	if (started < count)
		start_next(transfer);
}

static void
run(void)
{
	while (accepted < count)
	{
		int running;
		int left;
		CURLMsg *msg;

		if (curl_multi_perform(multi, &running) != CURLM_OK)
			fail("libcurl cannot go on", "");
		while ((msg = curl_multi_info_read(multi, &left)) != NULL)
			if (msg->msg == CURLMSG_DONE)
				finish(msg->easy_handle, msg->data.result);
		if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

static long
positive(const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (end == value || *end != '\0' || n < 1)
		fail("wanted a number of 1 or more, not ", value);
	return n;
}

static void
parse_options(int argc, char **argv)
{
	static const char path[] = "/2010-04-01/Accounts/" ACCOUNT "/Messages.json";

	for (int i = 1; i < argc; i += 2)
	{
		const char *value = argv[i + 1];

		if (value == NULL)
			fail("no value for ", argv[i]);
		if (strcmp(argv[i], "--url") == 0)
		{
			free(url);
			url = malloc(strlen(value) + sizeof(path));
			if (url == NULL)
				fail("out of memory", "");
			sprintf(url, "%s%s", value, path);
		}
		else if (strcmp(argv[i], "--auth") == 0)
			auth = value;
		else if (strcmp(argv[i], "--count") == 0)
			count = positive(value);
		else if (strcmp(argv[i], "--window") == 0)
			window = positive(value);
		else
			fail("unknown option ", argv[i]);
	}
	if (url == NULL)
		fail("usage: bare-curl --url http://127.0.0.1:PORT [--count R] "
			 "[--window W] [--auth USER:PASSWORD]",
			 "");
	if (window > count)
		window = count;
}

int
main(int argc, char **argv)
{
	Transfer *transfers;
	struct timespec begin;
	struct timespec end;
	double seconds;

	parse_options(argc, argv);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, window);
	transfers = calloc(window, sizeof(Transfer));
	if (transfers == NULL)
		fail("out of memory", "");

	for (long i = 0; i < window; i++)
		prepare(&transfers[i]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < window; i++)
		start_next(&transfers[i]);
	run();
	clock_gettime(CLOCK_MONOTONIC, &end);

	seconds = (double) (end.tv_sec - begin.tv_sec) +
			  (double) (end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("requests %ld seconds %.3f rate %.0f\n", accepted, seconds,
		   (double) accepted / seconds);

	for (long i = 0; i < window; i++)
		curl_easy_cleanup(transfers[i].easy);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
	free(transfers);
	free(url);
	return 0;
}
