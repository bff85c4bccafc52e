/*-------------------------------------------------------------------------
 *
 * control.c
 *	  What a test may ask of its gateway, under /control/.
 *
 *	GET  stats		counts
 *	GET  messages	accepted texts as a JSON array; ?to= chooses a number
 *	GET  log		when each was accepted (mono_ms), and its segments; ?from=
 *	GET  rate		the most accepted within any ?window_ms= (1000) of time;
 *					?from= chooses a number of ours
 *	GET  key		the public key that Telnyx' webhooks are signed for
 *	GET  config		the settings
 *	POST config		a form of settings to change: all of them, or none
 *	POST inbound	a form with url, from, to, body [, dialect] [, media]
 *					[, opt_out_type]: post an inbound text to that webhook
 *
 * test/gateway/control.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

static enum MHD_Result
answer(Request *request, unsigned int status, Buffer *json)
{
	reply_buffer(request, status, "application/json", json);
	return reply_after(request, 0);
}

static enum MHD_Result
complain(Request *request, unsigned int status, const char *error)
{
	Buffer json = {0};

	buffer_puts(&json, "{\"error\":");
	buffer_json(&json, error);
	buffer_puts(&json, "}");
	return answer(request, status, &json);
}

static enum MHD_Result
show_stats(Request *request)
{
	CallbackStats callbacks;
	Buffer json = {0};

	callback_stats(&callbacks);
	buffer_printf(
		&json,
		"{\"requests\":%llu,\"asked\":%llu,\"accepted\":%llu,"
		"\"rejected\":%llu,\"dropped\":%llu,\"open\":%llu,\"held\":%llu,"
		"\"hanging\":%llu,"
		"\"callbacks\":{\"pending\":%llu,\"delivered\":%llu,"
		"\"retried\":%llu,\"failed\":%llu}}",
		(unsigned long long) stats.requests, (unsigned long long) stats.asked,
		(unsigned long long) stats.accepted,
		(unsigned long long) stats.rejected, (unsigned long long) stats.dropped,
		(unsigned long long) stats.open, (unsigned long long) stats.held,
		(unsigned long long) stats.hanging,
		(unsigned long long) callbacks.pending,
		(unsigned long long) callbacks.delivered,
		(unsigned long long) callbacks.retried,
		(unsigned long long) callbacks.failed);
	return answer(request, MHD_HTTP_OK, &json);
}

/* In a query a bare + means a blank, which no number begins with. */
static char *
query_number(Request *request, const char *name)
{
	const char *value = request_query(request, name);
	Buffer number = {0};

	if (value != NULL)
		buffer_printf(&number, "%s%s", *value == ' ' ? "+" : "",
					  *value == ' ' ? value + 1 : value);
	return number.data;
}

static enum MHD_Result
show_messages(Request *request)
{
	char *to = query_number(request, "to");
	Buffer json = {0};

	record_json(&json, to);
	free(to);
	return answer(request, MHD_HTTP_OK, &json);
}

static enum MHD_Result
show_log(Request *request)
{
	char *from = query_number(request, "from");
	Buffer json = {0};

	record_log(&json, from);
	free(from);
	return answer(request, MHD_HTTP_OK, &json);
}

static enum MHD_Result
show_rate(Request *request)
{
	char *from = query_number(request, "from");
	const char *window = request_query(request, "window_ms");
	Buffer json = {0};

	record_rate(&json, from, window ? atoll(window) : 1000);
	free(from);
	return answer(request, MHD_HTTP_OK, &json);
}

static enum MHD_Result
show_key(Request *request)
{
	Buffer json = {0};

	buffer_puts(&json, "{");
	buffer_member(&json, "ed25519", sign_public_key());
	buffer_puts(&json, "}");
	return answer(request, MHD_HTTP_OK, &json);
}

static enum MHD_Result
show_config(Request *request)
{
	Buffer json = {0};

	behaviour_json(&json);
	return answer(request, MHD_HTTP_OK, &json);
}

static enum MHD_Result
change_config(Request *request)
{
	Behaviour changed = behaviour;
	Buffer error = {0};
	bool ok = true;
	enum MHD_Result result;

	changed.optout = xstrdup_or_null(behaviour.optout);
	changed.webhook = xstrdup_or_null(behaviour.webhook);
	for (int i = 0; i < request->nfields && ok; i++)
		ok = behaviour_set(
			&changed, request->text.data + request->fields[i].name,
			request->text.data + request->fields[i].value, &error);
	if (ok && behaviour_check(&changed, &error))
	{
		free(behaviour.optout);
		free(behaviour.webhook);
		behaviour = changed;
		return show_config(request);
	}
	free(changed.optout);
	free(changed.webhook);
	result = complain(request, MHD_HTTP_BAD_REQUEST, error.data);
	buffer_free(&error);
	return result;
}

/* What signs it: a secret for webhooks, or else that of the API. */
static char *
inbound_token(const Dialect *dialect)
{
	if (dialect->own_secret && api_webhook_secret != NULL)
		return xstrdup(api_webhook_secret);
	return xstrdup(dialect->whole_secret ? api_auth
										 : strchr(api_auth, ':') + 1);
}

static void
queue_inbound(Request *request, const Dialect *dialect, const char *id)
{
	Callback *c = xalloc(sizeof(Callback));

	c->dialect = dialect;
	c->url = xstrdup(request_field(request, "url"));
	c->token = inbound_token(dialect);
	c->account = xstrdup(api_auth);
	*strchr(c->account, ':') = '\0';
	c->id = xstrdup(id);
	c->from = xstrdup(request_field(request, "from"));
	c->to = xstrdup(request_field(request, "to"));
	c->body = xstrdup(request_field(request, "body"));
	c->opt_out = xstrdup_or_null(request_field(request, "opt_out_type"));
	c->media = xstrdup_or_null(request_field(request, "media"));
	c->segments = segments_count(c->body) > 0 ? segments_count(c->body) : 1;
	for (int n = behaviour.repeat_callbacks ? 2 : 1; n > 0; n--)
		c->events[c->nevents++] = EVENT_TEXT;
	callback_queue(c);
}

static enum MHD_Result
send_inbound(Request *request)
{
	const char *url = request_field(request, "url");
	const char *name = request_field(request, "dialect");
	const Dialect *dialect = api_dialect(name ? name : "twilio");
	char id[40];
	Buffer json = {0};

	if (url == NULL || request_field(request, "from") == NULL ||
		request_field(request, "to") == NULL ||
		request_field(request, "body") == NULL)
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"inbound needs url, from, to and body");
	if (!is_http(url))
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"url must begin with http:// or https://");
	if (dialect == NULL)
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"there is no such dialect");
	if (api_auth == NULL)
		return complain(request, MHD_HTTP_CONFLICT,
						"start the gateway with --auth USER:PASSWORD, whose "
						"password signs inbound texts");

	record_id(id, dialect->id_prefix);
	queue_inbound(request, dialect, id);
	buffer_printf(&json, "{\"sid\":\"%s\"}", id);
	return answer(request, MHD_HTTP_ACCEPTED, &json);
}

enum MHD_Result
control_handle(Request *request, const char *method, const char *what)
{
	static const struct
	{
		const char *method;
		const char *what;
		enum MHD_Result (*handle)(Request *request);
	} routes[] = {
		{"GET", "stats", show_stats},	   {"GET", "messages", show_messages},
		{"GET", "log", show_log},		   {"GET", "rate", show_rate},
		{"GET", "key", show_key},		   {"GET", "config", show_config},
		{"POST", "config", change_config}, {"POST", "inbound", send_inbound}};

	if (request->malformed)
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"the form is malformed or too long");
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(routes[i].method, method) == 0 &&
			strcmp(routes[i].what, what) == 0)
			return routes[i].handle(request);
	return complain(request, MHD_HTTP_NOT_FOUND,
					"there are GET stats, messages, log, rate, key, config and "
					"POST config, inbound");
}
