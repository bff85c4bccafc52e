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
#include "fuzz.h"
#include "json.h"

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
		CHECK(utf8_valid(form.fields[i].key, strlen(form.fields[i].key)));
		CHECK(utf8_valid(form.fields[i].value, strlen(form.fields[i].value)));
		form_add(&encoded, form.fields[i].key, form.fields[i].value);
	}
	CHECK(form_decode(&again, buf_str(&encoded), encoded.len));
	CHECK(again.n == form.n);
	for (size_t i = 0; i < form.n; i++)
	{
		CHECK(strcmp(form.fields[i].key, again.fields[i].key) == 0);
		CHECK(strcmp(form.fields[i].value, again.fields[i].value) == 0);
	}
	buf_free(&encoded);
	form_free(&form);
	form_free(&again);
}

/*
 * A member is looked for without parsing all of the text, which need not be
 * JSON; if it is, the two must agree.
 */
static void
check_member(WireStr object, const char *key)
{
	json_t *root = json_loadb(object.data, object.len, 0, NULL);
	const json_t *member = json_object_get(root, key);
	char text[128];
	int64_t number;
	WireStr value;
	bool found = json_member(object, key, &value);

	if (found)
		CHECK(value.data >= object.data &&
			  value.data + value.len <= object.data + object.len);
	if (json_member_text(object, key, text, sizeof(text)))
	{
		CHECK(utf8_valid(text, strlen(text)));
		CHECK(strlen(text) < sizeof(text));
	}
	(void) json_member_int(object, key, &number);
	if (member)
		CHECK(found);
	json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1); /* so that reading on is noticed */
	char *text = xstrndup((const char *) data, size);
	Buf decoded = {0};

	memcpy(exact, data, size);
	check_form(exact, size);
	check_member((WireStr){exact, size}, "sid");
	check_member((WireStr){exact, size}, "num_segments");
	if (base64_decode(&decoded, text))
		CHECK(decoded.len <= size / 4 * 3);
	buf_free(&decoded);
	free(exact);
	free(text);
	return 0;
}
