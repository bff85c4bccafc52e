/*-------------------------------------------------------------------------
 *
 * api.c
 *	  The APIs of the test gateway: accept, refuse or misbehave, and tell
 *	  later what was accepted.
 *
 * What providers have in common.  How each of them says it is in the file of
 * its name.
 *
 * test/gateway/api.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define MAX_PAGE 1000

char *api_auth;
char *api_webhook_secret;

static const Dialect *const dialects[] = {
	&twilio_dialect, &signalwire_dialect, &telnyx_dialect, &bandwidth_dialect,
	&plivo_dialect,	 &vonage_dialect,	  &kannel_dialect};

#define NDIALECTS (sizeof(dialects) / sizeof(dialects[0]))

const Dialect *
api_dialect(const char *name)
{
	for (size_t i = 0; i < NDIALECTS; i++)
		if (strcmp(dialects[i]->name, name) == 0)
			return dialects[i];
	return NULL;
}

bool
is_http(const char *url)
{
	return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

/* For those who write numbers without the plus; a short code has none. */
const char *
plain_number(const char *digits, char number[MAX_NUMBER])
{
	size_t len = digits ? strlen(digits) : 0;

	if (len > MAX_NUMBER - 2 || len < 8 || strspn(digits, "0123456789") != len)
		return digits;
	snprintf(number, MAX_NUMBER, "+%s", digits);
	return number;
}

const char *
without_plus(const char *number)
{
	return number != NULL && *number == '+' ? number + 1 : number;
}

/* A day, or a time in UTC. */
int64_t
parse_time(const char *str)
{
	struct tm tm = {0};
	int end = 0;
	char separator;

	if (sscanf(str, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			   &end) != 3)
		return -1;
	str += end;
	end = 0;
	if (*str != '\0' && (sscanf(str, "%c%2d:%2d:%2d%n", &separator, &tm.tm_hour,
								&tm.tm_min, &tm.tm_sec, &end) != 4 ||
						 strchr(" T", separator) == NULL))
		return -1;
	str += end;
	if (*str == '.')
		str += 1 + strspn(str + 1, "0123456789");
	if (*str != '\0' && strcmp(str, "Z") != 0 && strcmp(str, "+00:00") != 0)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t) timegm(&tm) * 1000000;
}

static enum MHD_Result
refuse(Request *request, const Dialect *dialect, const Refusal *refusal,
	   int delay_ms)
{
	Buffer body = {0};
	char seconds[16];

	dialect->refused(&body, refusal);
	reply_buffer(request, refusal->status,
				 dialect->content_type ? dialect->content_type
									   : "application/json",
				 &body);
	if (refusal->status == MHD_HTTP_UNAUTHORIZED)
		reply_header(request, "WWW-Authenticate", "Basic realm=\"API\"");
	if (refusal == &dialect->refusals[FAULT_BUSY] && behaviour.retry_after > 0)
	{
		snprintf(seconds, sizeof(seconds), "%d", behaviour.retry_after);
		reply_header(request, "Retry-After", seconds);
	}
	stats.rejected++;
	return reply_after(request, delay_ms);
}

static bool
is_number(const char *str)
{
	size_t digits = strspn(str + 1, "0123456789");

	return *str == '+' && digits >= 8 && digits <= 15 &&
		   str[1 + digits] == '\0';
}

static bool
is_present(const char *str)
{
	return str != NULL && *str != '\0';
}

/* A request that the provider would refuse, whatever the day. */
static Fault
find_fault(const Message *m)
{
	int length = is_present(m->body) ? utf8_length(m->body) : 0;

	if (length < 0)
		return FAULT_MALFORMED;
	if (!is_present(m->to))
		return FAULT_NO_TO;
	if (!is_number(m->to))
		return FAULT_BAD_TO;
	if (!is_present(m->from) && !is_present(m->service))
		return FAULT_NO_FROM;
	if (length == 0 && m->nmedia == 0)
		return FAULT_NO_TEXT;
	if (length > m->dialect->max_text)
		return FAULT_TOO_LONG;
	if (is_present(m->status_callback) && !is_http(m->status_callback))
		return FAULT_CALLBACK;
	if (m->dialect->late_opt_out == 0 && behaviour_opted_out(m->to))
		return FAULT_OPTED_OUT;
	return FAULT_NONE;
}

/* Our side's reference is the last piece of the URL it gave. */
static const char *
find_ref(Request *request, const char *url)
{
	static const char before[] = "/status/";
	const char *ref = url ? strstr(url, before) : NULL;

	if (ref == NULL)
		return NULL;
	ref += strlen(before);
	request->scratch.len = 0;
	buffer_add(&request->scratch, ref, strcspn(ref, "?#/"));
	return request->scratch.data;
}

/* Receipts in the order asked for, each perhaps twice. */
static void
queue_receipts(const Message *m, const char *token)
{
	Callback *c;
	Event final = m->error_code ? EVENT_UNDELIVERED : EVENT_DELIVERED;
	Event order[2] = {behaviour.shuffle ? final : EVENT_SENT,
					  behaviour.shuffle ? EVENT_SENT : final};
	const char *url =
		is_present(m->status_callback) ? m->status_callback : behaviour.webhook;

	if (!behaviour.callbacks || url == NULL)
		return;

	c = xalloc(sizeof(Callback));
	c->dialect = m->dialect;
	c->url = xstrdup(url);
	c->token = xstrdup(m->dialect->own_secret && api_webhook_secret
						   ? api_webhook_secret
						   : token);
	c->account = xstrdup(m->account ? m->account : "");
	c->id = xstrdup(m->id);
	c->from = xstrdup(m->from ? m->from : "");
	c->to = xstrdup(m->to);
	c->body = xstrdup(m->body ? m->body : "");
	c->ref = xstrdup_or_null(m->ref);
	c->segments = m->segments;
	c->error_code = m->error_code;
	c->delay_ms = behaviour.callback_delay_ms;
	for (int i = 0; i < 2; i++)
		for (int n = behaviour.repeat_callbacks ? 2 : 1; n > 0; n--)
			c->events[c->nevents++] = order[i];
	callback_queue(c);
}

static void
accept_message(Request *request, Message *m, int answer, int error_code,
			   const char *token)
{
	if (m->dialect->late_opt_out != 0 && behaviour_opted_out(m->to))
		error_code = m->dialect->late_opt_out;
	m->error_code = error_code;
	m->answer = answer;
	m->segments = m->body ? segments_count(m->body) : 0;
	if (m->segments == 0)
		m->segments = 1;
	if (m->ref == NULL)
		m->ref = find_ref(request, m->status_callback);
	record_id(m->id, m->dialect->id_prefix);
	record_add(m);
	stats.accepted++;
	queue_receipts(m, token);
}

/* What was decided about a text that has no fault of its own. */
static enum MHD_Result
settle(Request *request, Message *m, const char *token)
{
	const Dialect *dialect = m->dialect;
	const Refusal *refusals = dialect->refusals;
	Refusal refusal;
	Buffer body = {0};
	int delay_ms;
	int error_code = 0;

	switch (behaviour_decide(m->to, &delay_ms))
	{
		case RATE_LIMIT:
			return refuse(request, dialect, &refusals[FAULT_BUSY], delay_ms);
		case SERVER_ERROR_AFTER:
			accept_message(request, m, (int) refusals[FAULT_BROKEN].status, 0,
						   token);
			stats.rejected--; /* it was not, whatever the answer says */
							  /* FALLTHROUGH */
		case SERVER_ERROR:
			return refuse(request, dialect, &refusals[FAULT_BROKEN], delay_ms);
		case DROP_AFTER:
			accept_message(request, m, 0, 0, token);
			/* FALLTHROUGH */
		case DROP_BEFORE:
			stats.dropped++;
			return reply_after(request, delay_ms);
		case HANG:
			accept_message(request, m, 0, 0, token);
			return reply_never(request);
		case FAIL:
			if (dialect->refuses(behaviour.fail_code, &refusal))
				return refuse(request, dialect, &refusal, delay_ms);
			error_code = behaviour.fail_code;
			break;
		case ACCEPT:
			break;
	}

	accept_message(request, m, (int) dialect->accepted_status, error_code,
				   token);
	dialect->accepted(&body, m);
	reply_buffer(request, dialect->accepted_status,
				 dialect->content_type ? dialect->content_type
									   : "application/json",
				 &body);
	return reply_after(request, delay_ms);
}

static enum MHD_Result
take_text(Request *request, const Dialect *dialect, const char *account)
{
	char credentials[256];
	const char *token;
	Fault fault;
	Message m = {.dialect = dialect,
				 .account = account,
				 .validity_s = UNLIMITED,
				 .conn = request_connection(request)};

	stats.requests++;
	token = dialect->authenticate(request, credentials, sizeof(credentials));
	if (token == NULL)
		fault = FAULT_AUTH;
	else if (request->malformed)
		fault = FAULT_MALFORMED;
	else
		fault = dialect->read(request, &m);
	if (fault == FAULT_NONE)
		fault = find_fault(&m);
	if (fault != FAULT_NONE)
		return refuse(request, dialect, &dialect->refusals[fault], 0);
	return settle(request, &m, token);
}

/* The page that was asked for, of what fits the question; newest first. */
static long
choose(const json_t *records, const Query *query, Message *messages,
	   long *total)
{
	long n = 0;

	*total = 0;
	for (size_t i = json_array_size(records); i-- > 0;)
	{
		Message m;

		record_message(json_array_get(records, i), &m);
		if (m.accepted_us < query->since_us || m.accepted_us > query->until_us)
			continue;
		if ((*total)++ >= query->offset && n < query->limit)
			messages[n++] = m;
	}
	return n;
}

static enum MHD_Result
answer_question(Request *request, const Dialect *dialect, const char *account)
{
	char credentials[256];
	Query query = {.limit = 50, .until_us = INT64_MAX};
	json_t *records;
	Message *messages;
	Buffer body = {0};
	long total;
	long n;

	(void) account;
	stats.asked++;
	if (dialect->authenticate(request, credentials, sizeof(credentials)) ==
		NULL)
		return refuse(request, dialect, &dialect->refusals[FAULT_AUTH], 0);
	if (!dialect->ask(request, &query) || query.limit < 1 ||
		query.limit > MAX_PAGE || query.offset < 0)
		return refuse(request, dialect, &dialect->refusals[FAULT_MALFORMED], 0);

	records = record_find(dialect->name, query.to, query.from);
	messages = xalloc(MAX_PAGE * sizeof(Message));
	n = choose(records, &query, messages, &total);
	dialect->list(&body, &query, messages, n, total);
	free(messages);
	json_decref(records);
	reply_buffer(request, MHD_HTTP_OK, "application/json", &body);
	return reply_after(request, behaviour.delay_ms);
}

/* Whether a path is as a pattern says, where "*" stands for the account. */
static bool
path_fits(const char *pattern, const char *path, char account[65])
{
	size_t fixed = strcspn(pattern, "*");
	size_t len;

	account[0] = '\0';
	if (strncmp(path, pattern, fixed) != 0)
		return false;
	if (pattern[fixed] == '\0')
		return path[fixed] == '\0';
	path += fixed;
	len = strcspn(path, "/");
	if (len == 0 || len > 64 || strcmp(path + len, pattern + fixed + 1) != 0)
		return false;
	memcpy(account, path, len);
	account[len] = '\0';
	return true;
}

/* Whose API a request is for, if it is for any. */
bool
api_route(const char *method, const char *url,
		  enum MHD_Result (**handle)(Request *, const Dialect *, const char *),
		  const Dialect **dialect, char account[65])
{
	for (size_t i = 0; i < NDIALECTS; i++)
	{
		const Dialect *d = dialects[i];

		*dialect = d;
		*handle = take_text;
		if (strcmp(method, d->method) == 0 &&
			(path_fits(d->paths[0], url, account) ||
			 (d->paths[1] != NULL && path_fits(d->paths[1], url, account))))
			return true;
		*handle = answer_question;
		if (d->ask_path != NULL && strcmp(method, MHD_HTTP_METHOD_GET) == 0 &&
			path_fits(d->ask_path, url, account))
			return true;
	}
	return false;
}
