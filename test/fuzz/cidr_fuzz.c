/*-------------------------------------------------------------------------
 *
 * cidr_fuzz.c
 *	  Fuzzes lists of addresses, and who sent what came through proxies.
 *
 * The input is lines: a list of blocks, the value of X-Forwarded-For, and an
 * address.  What cidr.c says must be what is found by comparing bit by bit,
 * and from left to right.
 *
 * test/fuzz/cidr_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "cidr.h"
#include "fuzz.h"

static bool
same(const Address *a, const Address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void
check_printed(const Address *address)
{
	char text[ADDRESS_TEXT];
	Address again;

	address_print(address, text);
	CHECK(address_parse(&again, text, strlen(text)) && same(&again, address));
}

static bool
holds(const CidrList *list, const Address *address)
{
	for (size_t i = 0; i < list->n; i++)
	{
		const CidrBlock *block = &list->blocks[i];
		bool inside =
			address_is_ipv4(&block->address) == address_is_ipv4(address);

		for (unsigned bit = 0; bit < block->bits; bit++)
		{
			int differ =
				block->address.bytes[bit / 8] ^ address->bytes[bit / 8];

			inside = inside && (differ >> (7 - bit % 8) & 1) == 0;
		}
		if (inside)
			return true;
	}
	return false;
}

static void
check_list(const CidrList *list)
{
	Buf text = {0};
	CidrList again;

	for (size_t i = 0; i < list->n; i++)
	{
		const CidrBlock *block = &list->blocks[i];
		bool ipv4 = address_is_ipv4(&block->address) && block->bits >= 96;
		char address[ADDRESS_TEXT];

		CHECK(block->bits <= 128);
		CHECK(cidr_holds(list, &block->address));
		check_printed(&block->address);
		address_print(&block->address, address);
		buf_printf(&text, "%s%s%s/%u", i > 0 ? " , " : "",
				   address_is_ipv4(&block->address) && !ipv4 ? "::ffff:" : "",
				   address, block->bits - (ipv4 ? 96 : 0));
	}
	CHECK(cidr_parse(&again, buf_str(&text)) && again.n == list->n);
	for (size_t i = 0; i < list->n; i++)
	{
		CHECK(again.blocks[i].bits == list->blocks[i].bits);
		CHECK(same(&again.blocks[i].address, &list->blocks[i].address));
	}
	cidr_free(&again);
	buf_free(&text);
}

/* The first, or the last one that no trusted proxy has or that is no address. */
static bool
forwarded(const CidrList *trusted, const char *header, Address *client)
{
	bool ok = false;
	bool more = true;

	for (bool first = true; more; first = false)
	{
		size_t len = strcspn(header, ",");
		size_t skip = strspn(header, " \t");
		size_t end = len;
		Address address;
		bool parsed;

		while (end > skip && strchr(" \t", header[end - 1]))
			end--;
		parsed = address_parse(&address, header + skip, end - skip);
		if (first || !parsed || !holds(trusted, &address))
		{
			ok = parsed;
			*client = address;
		}
		more = header[len] == ',';
		header += len + more;
	}
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *next = (const char *) data;
	const char *end = next + size;
	char *blocks = take_line(&next, end);
	char *header = take_line(&next, end);
	char *word = take_line(&next, end);
	Address address, client, expected;
	CidrList list;

	if (cidr_parse(&list, blocks))
	{
		check_list(&list);
		if (address_parse(&address, word, strlen(word)))
		{
			check_printed(&address);
			CHECK(cidr_holds(&list, &address) == holds(&list, &address));
		}
		if (forwarded(&list, header, &expected))
		{
			CHECK(cidr_forwarded(&list, header, &client));
			CHECK(same(&client, &expected));
		}
		else
			CHECK(!cidr_forwarded(&list, header, &client));
	}
	cidr_free(&list);
	free(blocks);
	free(header);
	free(word);
	return 0;
}
