/*-------------------------------------------------------------------------
 *
 * route.h
 *	  Which gateway a request is for, by its path alone.
 *
 *	  /webhook/GATEWAY				a text from a voter
 *	  /webhook/GATEWAY/status/REF	a receipt for the text with that ref
 *	  /metrics						how the database is doing
 *	  /healthz						is anybody there?
 *
 * src/courier/route.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_ROUTE_H
#define COURIER_ROUTE_H

#include "gateway/gateway.h"

#define ROUTE_MAX_REF 128

typedef enum RouteKind
{
	ROUTE_NONE,
	ROUTE_HEALTH,
	ROUTE_METRICS,
	ROUTE_WEBHOOK
} RouteKind;

typedef struct Route
{
	RouteKind kind;
	Gateway *gateway; /* of a webhook; its adapter takes webhooks */
	char ref[ROUTE_MAX_REF + 1];
} Route;

extern Route route_find(const char *target);

/* The reference at the end of a target, or ""; of ROUTE_MAX_REF at most. */
extern void route_ref(const char *target, char *ref);

/*
 * 0 if the adapter takes webhooks by this method and of this content type,
 * else the HTTP status that says it does not.
 */
extern int route_admits(const GatewayAdapter *adapter, const char *method,
						const char *content_type);

#endif /* COURIER_ROUTE_H */
