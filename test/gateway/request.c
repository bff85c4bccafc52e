/*-------------------------------------------------------------------------
 *
 * request.c
 *	  What a client of the test gateway sent: form, JSON, query and headers.
 *
 * Owns the memory of a request until its connection is done with it.
 *
 * test/gateway/request.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "gateway.h"

/* The post processor hands over a value in pieces, each with its offset. */
static enum MHD_Result
add_field(void *arg, enum MHD_ValueKind kind, const char *key,
		  const char *filename, const char *content_type,
		  const char *transfer_encoding, const char *data, uint64_t offset,
		  size_t size)
{
	Request *request = arg;

	(void) kind, (void) filename, (void) content_type;
	(void) transfer_encoding;

	if (offset == 0)
	{
		if (request->nfields == MAX_FIELDS)
		{
			request->malformed = true;
			return MHD_NO;
		}
		if (request->text.len > 0)
			buffer_add(&request->text, "", 1);
		request->fields[request->nfields].name = request->text.len;
		buffer_add(&request->text, key, strlen(key) + 1);
		request->fields[request->nfields++].value = request->text.len;
	}
	if (memchr(data, '\0', size) != NULL)
		request->malformed = true;
	buffer_add(&request->text, data, size);
	return MHD_YES;
}

Request *
request_new(struct MHD_Connection *connection)
{
	Request *request = xalloc(sizeof(Request));

	request->connection = connection;
	request->form =
		MHD_create_post_processor(connection, 1024, add_field, request);
	return request;
}

/* Take a piece of the body. */
void
request_receive(Request *request, const char *data, size_t size)
{
	request->received += size;
	if (request->received > MAX_BODY)
		request->malformed = true;
	else if (request->form == NULL)
		buffer_add(&request->raw, data, size);
	else if (MHD_post_process(request->form, data, size) != MHD_YES)
		request->malformed = true;
}

/* All of it is there. */
void
request_complete(Request *request)
{
	if (request->form == NULL)
		return;
	/* hands over the last value */
	if (MHD_destroy_post_processor(request->form) != MHD_YES)
		request->malformed = true;
	request->form = NULL;
}

void
request_free(Request *request)
{
	if (request->form != NULL)
		MHD_destroy_post_processor(request->form);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	buffer_free(&request->text);
	buffer_free(&request->raw);
	buffer_free(&request->scratch);
	json_decref(request->json);
	free(request);
}

/* The next field of this name, from *at on, which begins with 0. */
const char *
request_next(const Request *request, const char *name, int *at)
{
	while (*at < request->nfields)
	{
		const Field *field = &request->fields[(*at)++];

		if (strcmp(request->text.data + field->name, name) == 0)
			return request->text.data + field->value;
	}
	return NULL;
}

/* NULL if the form has no such field; valid as long as the request. */
const char *
request_field(const Request *request, const char *name)
{
	int at = 0;

	return request_next(request, name, &at);
}

const char *
request_query(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection,
									   MHD_GET_ARGUMENT_KIND, name);
}

const char *
request_header(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
									   name);
}

/* Valid as long as the request. */
json_t *
request_json(Request *request)
{
	static const char type[] = "application/json";
	const char *header = request_header(request, "Content-Type");

	if (request->json == NULL && request->raw.len > 0 && header != NULL &&
		strncasecmp(header, type, strlen(type)) == 0)
		request->json =
			json_loadb(request->raw.data, request->raw.len, 0, NULL);
	return json_is_object(request->json) ? request->json : NULL;
}

uint64_t
request_connection(const Request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return (uintptr_t) info->socket_context;
}

const char *
request_basic(const Request *request, char *credentials, size_t size)
{
	static const char scheme[] = "Basic ";
	const char *header = request_header(request, "Authorization");
	size_t len;

	if (header == NULL || strncmp(header, scheme, strlen(scheme)) != 0)
		return NULL;
	header += strlen(scheme);
	len = strlen(header);
	if (len / 4 * 3 >= size ||
		EVP_DecodeBlock((unsigned char *) credentials,
						(const unsigned char *) header, (int) len) < 0)
		return NULL;
	credentials[len / 4 * 3] = '\0';
	return strchr(credentials, ':') != NULL ? credentials : NULL;
}
