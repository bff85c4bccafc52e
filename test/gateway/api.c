/*-------------------------------------------------------------------------
 *
 * api.c
 *	  POST Messages.json of the test gateway: accept, refuse or misbehave.
 *
 * Shapes and codes are those of Twilio's public API specification
 * (github.com/twilio/twilio-oai, twilio_api_v2010) and error dictionary
 * (twilio.com/docs/api/errors).
 *
 * test/gateway/api.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway.h"

#define MAX_TEXT 1600 /* characters, as Twilio */

char *api_auth;

static enum MHD_Result
refuse(Request *request, unsigned int status, int code, const char *message,
	   int delay_ms)
{
	Buffer json = {0};
	char seconds[16];

	buffer_printf(&json, "{\"code\":%d,\"message\":", code);
	buffer_json(&json, message);
	buffer_printf(&json,
				  ",\"more_info\":\"https://www.twilio.com/docs/errors/%d\","
				  "\"status\":%u}",
				  code, status);
	reply_json(request, status, &json);
	if (status == MHD_HTTP_UNAUTHORIZED)
		reply_header(request, "WWW-Authenticate", "Basic realm=\"Twilio API\"");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS && behaviour.retry_after > 0)
	{
		snprintf(seconds, sizeof(seconds), "%d", behaviour.retry_after);
		reply_header(request, "Retry-After", seconds);
	}
	stats.rejected++;
	return reply_after(request, delay_ms);
}

/* Find the password of a request that may enter; NULL: it may not. */
static const char *
authenticate(Request *request, char *credentials, size_t size)
{
	static const char scheme[] = "Basic ";
	const char *header = MHD_lookup_connection_value(
		request->connection, MHD_HEADER_KIND, "Authorization");
	size_t len;
	char *colon;

	if (header == NULL || strncmp(header, scheme, strlen(scheme)) != 0)
		return NULL;
	header += strlen(scheme);
	len = strlen(header);
	if (len / 4 * 3 >= size ||
		EVP_DecodeBlock((unsigned char *) credentials,
						(const unsigned char *) header, (int) len) < 0)
		return NULL;
	credentials[len / 4 * 3] = '\0';
	colon = strchr(credentials, ':');
	if (colon == NULL || (api_auth && strcmp(credentials, api_auth) != 0))
		return NULL;
	return colon + 1;
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

/* A request that Twilio would refuse, whatever the day; 0 if it is fine. */
static int
find_fault(const Request *request, const Message *m, const char **message)
{
	int length = is_present(m->body) ? utf8_length(m->body) : 0;

	if (request->malformed || length < 0)
	{
		*message = "The request body is malformed or too long";
		return 20001;
	}
	if (!is_present(m->to))
	{
		*message = "A 'To' phone number is required.";
		return 21604;
	}
	if (!is_number(m->to))
	{
		*message = "The 'To' number is not a valid phone number.";
		return 21211;
	}
	if (!is_present(m->from) && !is_present(m->service))
	{
		*message = "A 'From' phone number is required.";
		return 21603;
	}
	if (length == 0)
	{
		*message = "Message body is required.";
		return 21602;
	}
	if (length > MAX_TEXT)
	{
		*message = "The concatenated message body exceeds the 1600 "
				   "character limit";
		return 21617;
	}
	if (m->validity != NULL &&
		(strlen(m->validity) > 5 ||
		 strspn(m->validity, "0123456789") != strlen(m->validity) ||
		 atoi(m->validity) < 1 || atoi(m->validity) > 36000))
	{
		*message = "ValidityPeriod must be between 1 and 36000";
		return 20001;
	}
	if (is_present(m->status_callback) &&
		strncmp(m->status_callback, "http://", 7) != 0 &&
		strncmp(m->status_callback, "https://", 8) != 0)
	{
		*message = "The 'StatusCallback' URL is not a valid URL.";
		return 21609;
	}
	if (behaviour_opted_out(m->to))
	{
		*message = "Attempt to send to unsubscribed recipient";
		return 21610;
	}
	return 0;
}

/* Twilio's answer to a text it took. */
static void
accepted_json(Buffer *json, const Message *m)
{
	char date[40];
	time_t now = time(NULL);
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000",
			 gmtime_r(&now, &tm));
	buffer_puts(json, "{\"account_sid\":");
	buffer_json(json, m->account);
	buffer_puts(json, ",\"api_version\":\"2010-04-01\",\"body\":");
	buffer_json(json, m->body);
	buffer_printf(json,
				  ",\"date_created\":\"%s\",\"date_sent\":null,"
				  "\"date_updated\":\"%s\",\"direction\":\"outbound-api\","
				  "\"error_code\":null,\"error_message\":null,\"from\":",
				  date, date);
	buffer_json(json, m->from);
	buffer_puts(json, ",\"messaging_service_sid\":");
	buffer_json(json, m->service);
	buffer_printf(json,
				  ",\"num_media\":\"0\",\"num_segments\":\"%d\","
				  "\"price\":null,\"price_unit\":null,\"sid\":\"%s\","
				  "\"status\":\"%s\",\"subresource_uris\":{\"media\":"
				  "\"/2010-04-01/Accounts/",
				  m->service ? 0 : segments_count(m->body), m->sid,
				  m->service ? "accepted" : "queued");
	buffer_printf(json,
				  "%s/Messages/%s/Media.json\"},\"to\":\"%s\","
				  "\"uri\":\"/2010-04-01/Accounts/%s/Messages/%s.json\"}",
				  m->account, m->sid, m->to, m->account, m->sid);
}

/* Receipts in the order asked for, each perhaps twice. */
static void
queue_receipts(const Message *m, int error_code, const char *token)
{
	Callback *c;
	const char *final = error_code ? "undelivered" : "delivered";
	const char *order[2] = {behaviour.shuffle ? final : "sent",
							behaviour.shuffle ? "sent" : final};

	if (!behaviour.callbacks || !is_present(m->status_callback))
		return;

	c = xalloc(sizeof(Callback));
	c->url = xstrdup(m->status_callback);
	c->token = xstrdup(token);
	c->account = xstrdup(m->account);
	c->sid = xstrdup(m->sid);
	c->from = xstrdup(m->from ? m->from : "");
	c->to = xstrdup(m->to);
	c->error_code = error_code;
	c->delay_ms = behaviour.callback_delay_ms;
	for (int i = 0; i < 2; i++)
		for (int n = behaviour.repeat_callbacks ? 2 : 1; n > 0; n--)
			c->statuses[c->nstatuses++] = order[i];
	callback_queue(c);
}

static void
accept_message(Message *m, int answer, int error_code, const char *token)
{
	m->answer = answer;
	record_add(m);
	stats.accepted++;
	queue_receipts(m, error_code, token);
}

enum MHD_Result
api_handle(Request *request, const char *account)
{
	char credentials[256];
	const char *token = authenticate(request, credentials, sizeof(credentials));
	const char *message = NULL;
	int fault;
	int delay_ms;
	int error_code = 0;
	Buffer json = {0};
	Message m = {.account = account,
				 .to = request_field(request, "To"),
				 .from = request_field(request, "From"),
				 .service = request_field(request, "MessagingServiceSid"),
				 .body = request_field(request, "Body"),
				 .status_callback = request_field(request, "StatusCallback"),
				 .validity = request_field(request, "ValidityPeriod"),
				 .conn = request_connection(request)};

	stats.requests++;
	if (token == NULL)
		return refuse(request, MHD_HTTP_UNAUTHORIZED, 20003, "Authenticate", 0);
	fault = find_fault(request, &m, &message);
	if (fault != 0)
		return refuse(request, MHD_HTTP_BAD_REQUEST, fault, message, 0);

	switch (behaviour_decide(m.to, &delay_ms))
	{
		case RATE_LIMIT:
			return refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, 20429,
						  "Too Many Requests", delay_ms);
		case SERVER_ERROR_AFTER:
			accept_message(&m, MHD_HTTP_INTERNAL_SERVER_ERROR, 0, token);
			stats.rejected--; /* it was not, whatever the answer says */
							  /* FALLTHROUGH */
		case SERVER_ERROR:
			return refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, 20500,
						  "Internal Server Error", delay_ms);
		case DROP_AFTER:
			accept_message(&m, 0, 0, token);
			/* FALLTHROUGH */
		case DROP_BEFORE:
			stats.dropped++;
			return reply_after(request, delay_ms);
		case HANG:
			accept_message(&m, 0, 0, token);
			return reply_never(request);
		case FAIL:
			if (behaviour.fail_code < 30000)
				return refuse(request, MHD_HTTP_BAD_REQUEST,
							  behaviour.fail_code, "Refused as configured",
							  delay_ms);
			error_code = behaviour.fail_code;
			break;
		case ACCEPT:
			break;
	}

	accept_message(&m, MHD_HTTP_CREATED, error_code, token);
	accepted_json(&json, &m);
	reply_json(request, MHD_HTTP_CREATED, &json);
	return reply_after(request, delay_ms);
}
