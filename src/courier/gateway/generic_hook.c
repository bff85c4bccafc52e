/*-------------------------------------------------------------------------
 *
 * generic_hook.c
 *	  Webhooks of a "generic" gateway, read as its settings tell.
 *
 * A webhook that fits no setting is refused rather than acknowledged, so that
 * wrong settings do not lose what voters write without a trace.
 *
 * src/courier/gateway/generic_hook.c
 *
 *-------------------------------------------------------------------------
 */
#include "generic.h"

#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "form.h"
#include "number.h"

/* Add fields to an object; of a name that comes twice the first counts. */
static bool
add_fields(json_t *object, const char *data, size_t len)
{
	Form form;

	if (!form_decode(&form, data, len))
		return false;
	for (size_t i = form.n; i-- > 0;)
		json_object_set_new(object, form.fields[i].key,
							json_string(form.fields[i].value));
	form_free(&form);
	return true;
}

/* The webhook as JSON, or NULL. */
static json_t *
read_hook(const HookRequest *req)
{
	size_t blank = 0;
	json_t *object;

	while (blank < req->body_len && strchr(" \t\r\n", req->body[blank]))
		blank++;
	if (blank < req->body_len && strchr("{[", req->body[blank]))
		return json_loadb(req->body, req->body_len, 0, NULL);
	object = json_object();
	if (add_fields(object, req->query, strlen(req->query)) &&
		add_fields(object, req->body, req->body_len))
		return object;
	json_decref(object);
	return NULL;
}

static void
present_token(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	json_t *token = json_object_get(gateway->settings, "token");
	const char *header = json_string_value(json_object_get(token, "header"));
	const char *query = json_string_value(json_object_get(token, "query"));
	const char *value = NULL;
	Form form = {0};

	if (header)
		value = req->header(req->arg, header);
	else if (query && form_decode(&form, req->query, strlen(req->query)))
		value = form_get(&form, query);
	if (value)
		hook_signature(hook, WIRE_PROOF_TOKEN, value, strlen(value));
	form_free(&form);
}

/* Whether all that "when" asks for holds. */
static bool
holds(json_t *event, json_t *when)
{
	const char *pointer;
	json_t *wanted;
	bool all = true;

	json_object_foreach(when, pointer, wanted)
	{
		const char *text = json_string_value(wanted);
		char *found = generic_to_text(generic_follow(event, pointer));

		all = all && found && text && strcmp(found, text) == 0;
		free(found);
	}
	return all;
}

/* Our word for one of the provider's, or NULL if it tells us nothing. */
static const char *
map_word(json_t *section, const char *word, const char *const *ours, size_t n)
{
	const char *mapped = json_string_value(
		json_object_get(json_object_get(section, "statuses"), word));

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(ours[i], mapped ? mapped : word) == 0)
			return ours[i];
	}
	return NULL;
}

/* A number as E.164 has it. */
static char *
number_at(const Gateway *gateway, json_t *event, json_t *section,
		  const char *key)
{
	char *number = generic_word(event, section, key);
	char *full;

	if (!json_is_false(json_object_get(gateway->settings, "plus")))
		return number;
	full = number_full(number);
	free(number);
	return full;
}

static bool
add_receipt(const HookRequest *req, json_t *event, json_t *section, Hook *hook)
{
	char *status = generic_word(event, section, "status");
	char *id = generic_word(event, section, "id");
	char *ref =
		*req->ref ? hook_str(req->ref) : generic_word(event, section, "ref");
	bool complete = id_fits(status) && id_fits(ref ? ref : id);
	const char *word =
		complete ? map_word(section, status, generic_statuses, GENERIC_STATUSES)
				 : NULL;

	if (word)
	{
		HookEvent *receipt = hook_add_event(hook, WIRE_EVENT_RECEIPT);
		Buf key = {0};

		buf_puts(&key, ref ? ref : id);
		buf_puts(&key, ":");
		buf_puts(&key, status);
		receipt->dedupe_key = key.data;
		receipt->ref = hook_str(ref);
		receipt->provider_id = id_fits(id) ? hook_str(id) : NULL;
		receipt->status = hook_str(word);
		if (strcmp(word, "undelivered") == 0 || strcmp(word, "failed") == 0)
		{
			receipt->code = generic_word(event, section, "code");
			receipt->detail = generic_word(event, section, "text");
		}
	}
	free(status);
	free(id);
	free(ref);
	return complete;
}

/* One of the media: a URL, or an object with one. */
static void
add_media(json_t *list, json_t *section, json_t *one)
{
	char *url = json_is_object(one) ? generic_word(one, section, "media_url")
									: generic_to_text(one);
	char *type =
		json_is_object(one) ? generic_word(one, section, "media_type") : NULL;

	media_add(list, url, type, 0);
	free(url);
	free(type);
}

static json_t *
list_media(json_t *event, json_t *section)
{
	json_t *found = generic_follow(
		event, json_string_value(json_object_get(section, "media")));
	json_t *list = json_array();
	json_t *one;
	size_t i;

	json_array_foreach(found, i, one)
	{
		add_media(list, section, one);
	}
	if (json_is_string(found) && *json_string_value(found))
		add_media(list, section, found);
	return list;
}

static bool
add_text(const Gateway *gateway, json_t *event, json_t *section, Hook *hook)
{
	char *id = generic_word(event, section, "id");
	char *status = generic_word(event, section, "status");
	char *body = generic_text(event, section, "text");
	json_t *media = list_media(event, section);
	char *from = number_at(gateway, event, section, "from");
	char *to = number_at(gateway, event, section, "to");
	bool complete =
		id_fits(id) && from && to && (body || json_array_size(media) > 0);

	if (complete)
	{
		HookEvent *text = hook_add_event(hook, WIRE_EVENT_TEXT);

		text->dedupe_key = hook_str(id);
		text->provider_id = hook_str(id);
		text->from = hook_str(from);
		text->to = hook_str(to);
		text->body = hook_str(body);
		text->media = media_text(json_incref(media));
		if (status)
			text->status = hook_str(
				map_word(section, status, generic_wishes, GENERIC_WISHES));
	}
	free(id);
	free(status);
	free(body);
	json_decref(media);
	free(from);
	free(to);
	return complete;
}

/* One event; false if it cannot be understood. */
static bool
read_event(const Gateway *gateway, const HookRequest *req, json_t *event,
		   Hook *hook)
{
	json_t *receipt = json_object_get(gateway->settings, "receipt");
	json_t *inbound = json_object_get(gateway->settings, "inbound");
	json_t *when = json_object_get(receipt, "when");
	char *status = generic_word(event, receipt, "status");
	bool has_status = status != NULL;

	free(status);
	if (receipt && (when ? holds(event, when) : *req->ref || has_status))
		return add_receipt(req, event, receipt, hook);
	if (*req->ref)
		return when != NULL;
	when = json_object_get(inbound, "when");
	if (inbound && (when == NULL || holds(event, when)))
		return add_text(gateway, event, inbound, hook);
	return when != NULL;
}

int
generic_events(const Gateway *gateway, const HookRequest *req, Hook *hook)
{
	json_t *webhook = read_hook(req);
	json_t *events =
		generic_follow(webhook, *setting_text(gateway, "events")
									? setting_text(gateway, "events")
									: "");
	bool understood = webhook != NULL;
	json_t *event;
	size_t i;

	present_token(gateway, req, hook);
	json_array_foreach(events, i, event)
	{
		understood = understood && read_event(gateway, req, event, hook);
	}
	if (!json_is_array(events))
		understood = understood && read_event(gateway, req, webhook, hook);
	json_decref(webhook);
	if (understood)
		return 0;
	hook_free(hook);
	return 400;
}
