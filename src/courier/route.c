/*-------------------------------------------------------------------------
 *
 * route.c
 *	  Which gateway a request is for, by its path alone.  See route.h.
 *
 * src/courier/route.c
 *
 *-------------------------------------------------------------------------
 */
#include "route.h"

#include <string.h>
#include <strings.h>

#define NAME_CHARS               \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* The rest of "str" after "prefix", or NULL. */
static const char *
after(const char *str, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(str, prefix, len) == 0 ? str + len : NULL;
}

static bool
at_end(const char *path)
{
	return *path == '\0' || *path == '?';
}

/* Take the reference from "/status/REF" and nothing after it. */
static bool
take_ref(const char *path, char *ref)
{
	const char *start = after(path, "/status/");
	size_t len = start ? strspn(start, NAME_CHARS) : 0;

	if (len == 0 || len > ROUTE_MAX_REF || !at_end(start + len))
		return false;
	memcpy(ref, start, len);
	ref[len] = '\0';
	return true;
}

Route
route_find(const char *target)
{
	Route route = {.kind = ROUTE_NONE};
	const char *path;
	size_t len;

	if ((path = after(target, "/healthz")) && at_end(path))
		route.kind = ROUTE_HEALTH;
	if ((path = after(target, "/metrics")) && at_end(path))
		route.kind = ROUTE_METRICS;

	path = after(target, "/webhook/");
	if (path == NULL)
		return route;
	len = strspn(path, NAME_CHARS);
	route.gateway = gateway_by_name(path, len);
	path += len;
	if (route.gateway == NULL || route.gateway->adapter->hook_forms == NULL)
		return route;
	if (at_end(path) || take_ref(path, route.ref))
		route.kind = ROUTE_WEBHOOK;
	return route;
}

/*
 * An application may serve our paths below one of its own, so the reference
 * is looked for at the end of the path only.
 */
void
route_ref(const char *target, char *ref)
{
	size_t len = strcspn(target, "?");

	*ref = '\0';
	for (size_t i = 0; i < len && *ref == '\0'; i++)
	{
		if (target[i] == '/')
			take_ref(target + i, ref);
	}
}

int
route_admits(const GatewayAdapter *adapter, const char *method,
			 const char *content_type)
{
	size_t len = content_type ? strcspn(content_type, "; \t") : 0;
	int refusal = 405;

	for (const HookForm *form = adapter->hook_forms; form->method; form++)
	{
		if (strcmp(form->method, method) != 0)
			continue;
		if (form->content_type == NULL ||
			(strlen(form->content_type) == len &&
			 strncasecmp(form->content_type, content_type, len) == 0))
			return 0;
		refusal = 415;
	}
	return refusal;
}
