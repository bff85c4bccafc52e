/*-------------------------------------------------------------------------
 *
 * form_fuzz.c
 *	  Fuzzes the decoders of what gateways and strangers send: forms, base64,
 *	  and the walk through a JSON reply.
 *
 * Besides not crashing, what a decoder accepts must be text that PostgreSQL
 * can store, and a form that was accepted must survive being encoded again.
 *
 * test/fuzz/form_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "gateway/gateway.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_form(const char *data, size_t size)
{
	Form form;
	Form again;
	Buf encoded = {0};

	if (!form_decode(&form, data, size))
		return;
	for (size_t i = 0; i < form.n; i++)
	{
		check(utf8_valid(form.fields[i].key, strlen(form.fields[i].key)));
		check(utf8_valid(form.fields[i].value, strlen(form.fields[i].value)));
		form_add(&encoded, form.fields[i].key, form.fields[i].value);
	}
	check(form_decode(&again, buf_str(&encoded), encoded.len));
	check(again.n == form.n);
	for (size_t i = 0; i < form.n; i++)
	{
		check(strcmp(form.fields[i].key, again.fields[i].key) == 0);
		check(strcmp(form.fields[i].value, again.fields[i].value) == 0);
	}
	buf_free(&encoded);
	form_free(&form);
	form_free(&again);
}

static void
check_reply(const char *data, size_t size)
{
	static const long statuses[] = {201, 400, 429, 500};

	for (size_t i = 0; i < 4; i++)
	{
		HttpResponse res = {statuses[i], data, size, 0};
		SendResult result = {0};

		twilio_adapter.parse(&res, &result);
		check(result.outcome >= WIRE_SENT && result.outcome <= WIRE_UNKNOWN);
		check(utf8_valid(result.text, strlen(result.text)));
		check(utf8_valid(result.provider_id, strlen(result.provider_id)));
		check(result.outcome != WIRE_SENT || *result.provider_id);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1); /* so that reading on is noticed */
	char *text = xstrndup((const char *) data, size);
	Buf decoded = {0};

	memcpy(exact, data, size);
	check_form(exact, size);
	check_reply(exact, size);
	if (base64_decode(&decoded, text))
		check(decoded.len <= size / 4 * 3);
	buf_free(&decoded);
	free(exact);
	free(text);
	return 0;
}
