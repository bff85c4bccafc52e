/*-------------------------------------------------------------------------
 *
 * parse.c
 *	  p2ptext-courier parse: webhooks that somebody else received.
 *
 * For p2ptext.receive() and replay_inbound(): one request after another, each
 * taken apart by its gateway's adapter as the listener would.  No network.
 *
 * src/courier/parse.c
 *
 *-------------------------------------------------------------------------
 */
#include "parse.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake.h"
#include "link.h"
#include "route.h"

static bool quitting;

static const char *
get_header(void *arg, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach(arg, key, value)
	{
		if (strcasecmp(key, name) == 0)
			return json_string_value(value);
	}
	return NULL;
}

static void
put_answer(uint64_t id, const HookAck *answer)
{
	wire_begin(&link_out, WIRE_ANSWER);
	wire_put_u64(&link_out, id);
	wire_put_u32(&link_out, answer->status);
	wire_put_str(&link_out, answer->content_type);
	wire_put_str(&link_out, answer->body);
	link_end();
}

/* How long the scheme and host before an URL's path are. */
static size_t
origin_len(const char *url)
{
	const char *host = *url == '/' ? NULL : strstr(url, "://");

	return host ? (size_t) (host + 3 - url) + strcspn(host + 3, "/?#") : 0;
}

/* What the listener checks of a request before it has the body, and after. */
static unsigned
take_apart(Gateway *gateway, const HookRequest *req, uint64_t id,
		   const HookAck **ack)
{
	const GatewayAdapter *adapter = gateway->adapter;
	int refusal;

	if (adapter == NULL || adapter->hook_forms == NULL)
		return 404;
	refusal = route_admits(adapter, req->method,
						   req->header(req->arg, "Content-Type"));
	if (refusal)
		return (unsigned) refusal;
	if (req->body_len > INTAKE_MAX_BODY)
		return 413;
	return intake(gateway, req, id, ack);
}

static bool
take_request(WireFrame *frame)
{
	uint64_t id = wire_get_u64(frame);
	Gateway *known = gateway_by_id(wire_get_u32(frame));
	char *method = frame_str(frame);
	char *url = frame_str(frame);
	char *address = frame_str(frame);
	char *headers_text = frame_str(frame);
	WireStr raw = wire_get_str(frame);
	int64_t now = (int64_t) wire_get_u64(frame);
	json_t *headers = json_loads(headers_text, 0, NULL);
	char *body = xstrndup(raw.data, raw.len); /* with a NUL after it */
	bool ok = wire_done(frame) && json_is_object(headers);

	if (ok)
	{
		Gateway gateway = known ? *known : (Gateway){0};
		const char *target = url + origin_len(url);
		char *origin = xstrndup(url, (size_t) (target - url));
		const char *query = strchr(target, '?');
		char ref[ROUTE_MAX_REF + 1];
		HookAck refusal = {.content_type = "text/plain"};
		const HookAck *answer = NULL;
		HookRequest req = {.method = method,
						   .target = target,
						   .query = query ? query + 1 : "",
						   .ref = ref,
						   .address = address,
						   .body = body,
						   .body_len = raw.len,
						   .now = now,
						   .header = get_header,
						   .arg = headers};

		/* What was signed is where the provider went, not where we thought. */
		if (*origin)
			gateway.public_url = origin;
		route_ref(target, ref);
		refusal.status = take_apart(&gateway, &req, id, &answer);
		refusal.body = refusal_text(refusal.status);
		put_answer(id, refusal.status ? &refusal : answer);
		free(origin);
	}
	json_decref(headers);
	free(method);
	free(url);
	free(address);
	free(headers_text);
	free(body);
	return ok;
}

static bool
take_frame(WireFrame *frame)
{
	switch ((int) frame->type)
	{
		case WIRE_GATEWAY:
			return gateway_update(frame) != NULL;
		case WIRE_REQUEST:
			return take_request(frame);
		case WIRE_QUIT:
			quitting = true;
			return wire_done(frame);
		default:
			return false;
	}
}

int
parse_run(void)
{
	struct pollfd worker = {.fd = WIRE_FD};

	while (!quitting || wire_pending(&link_out) > 0)
	{
		worker.events = POLLIN;
		if (wire_pending(&link_out) > 0)
			worker.events |= POLLOUT;
		poll(&worker, 1, -1);
		if (worker.revents & (POLLIN | POLLHUP | POLLERR))
			link_read(take_frame);
		link_flush();
	}
	gateway_free_all();
	return 0;
}
