/*-------------------------------------------------------------------------
 *
 * control.c
 *	  What a test may ask of its gateway, under /control/.
 *
 *	GET  stats		counts
 *	GET  messages	accepted texts as a JSON array; ?to= chooses a number
 *	GET  config		the settings
 *	POST config		a form of settings to change: all of them, or none
 *	POST inbound	a form with url, from, to, body [, opt_out_type]: post
 *					an inbound text to that webhook
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
	reply_json(request, status, json);
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
		"{\"requests\":%llu,\"accepted\":%llu,\"rejected\":%llu,"
		"\"dropped\":%llu,\"open\":%llu,\"held\":%llu,"
		"\"callbacks\":{\"pending\":%llu,\"delivered\":%llu,"
		"\"retried\":%llu,\"failed\":%llu}}",
		(unsigned long long) stats.requests,
		(unsigned long long) stats.accepted,
		(unsigned long long) stats.rejected, (unsigned long long) stats.dropped,
		(unsigned long long) stats.open, (unsigned long long) stats.held,
		(unsigned long long) callbacks.pending,
		(unsigned long long) callbacks.delivered,
		(unsigned long long) callbacks.retried,
		(unsigned long long) callbacks.failed);
	return answer(request, MHD_HTTP_OK, &json);
}

static enum MHD_Result
show_messages(Request *request)
{
	const char *to = MHD_lookup_connection_value(request->connection,
												 MHD_GET_ARGUMENT_KIND, "to");
	Buffer number = {0};
	Buffer json = {0};

	/* in a query a bare + means a blank, which no number begins with */
	if (to != NULL)
		buffer_printf(&number, "%s%s", *to == ' ' ? "+" : "",
					  *to == ' ' ? to + 1 : to);
	record_json(&json, number.data);
	buffer_free(&number);
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

	changed.optout = behaviour.optout ? xstrdup(behaviour.optout) : NULL;
	for (int i = 0; i < request->nfields && ok; i++)
		ok = behaviour_set(
			&changed, request->text.data + request->fields[i].name,
			request->text.data + request->fields[i].value, &error);
	if (ok && behaviour_check(&changed, &error))
	{
		free(behaviour.optout);
		behaviour = changed;
		return show_config(request);
	}
	free(changed.optout);
	result = complain(request, MHD_HTTP_BAD_REQUEST, error.data);
	buffer_free(&error);
	return result;
}

static enum MHD_Result
send_inbound(Request *request)
{
	const char *url = request_field(request, "url");
	const char *from = request_field(request, "from");
	const char *to = request_field(request, "to");
	const char *body = request_field(request, "body");
	const char *opt_out = request_field(request, "opt_out_type");
	char sid[35];
	Callback *c;
	Buffer json = {0};

	if (url == NULL || from == NULL || to == NULL || body == NULL)
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"inbound needs url, from, to and body");
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"url must begin with http:// or https://");
	if (api_auth == NULL)
		return complain(request, MHD_HTTP_CONFLICT,
						"start the gateway with --auth USER:PASSWORD, whose "
						"password signs inbound texts");

	record_sid(sid);
	c = xalloc(sizeof(Callback));
	c->url = xstrdup(url);
	c->token = xstrdup(strchr(api_auth, ':') + 1);
	c->account = xstrdup(api_auth);
	*strchr(c->account, ':') = '\0';
	c->sid = xstrdup(sid);
	c->from = xstrdup(from);
	c->to = xstrdup(to);
	c->body = xstrdup(body);
	c->opt_out = opt_out ? xstrdup(opt_out) : NULL;
	for (int n = behaviour.repeat_callbacks ? 2 : 1; n > 0; n--)
		c->statuses[c->nstatuses++] = "received";
	callback_queue(c);

	buffer_printf(&json, "{\"sid\":\"%s\"}", sid);
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
	} routes[] = {{"GET", "stats", show_stats},
				  {"GET", "messages", show_messages},
				  {"GET", "config", show_config},
				  {"POST", "config", change_config},
				  {"POST", "inbound", send_inbound}};

	if (request->malformed)
		return complain(request, MHD_HTTP_BAD_REQUEST,
						"the form is malformed or too long");
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(routes[i].method, method) == 0 &&
			strcmp(routes[i].what, what) == 0)
			return routes[i].handle(request);
	return complain(request, MHD_HTTP_NOT_FOUND,
					"there are GET stats, messages, config and POST config, "
					"inbound");
}
