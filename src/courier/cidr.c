/*-------------------------------------------------------------------------
 *
 * cidr.c
 *	  Addresses of machines, and blocks of them.  See cidr.h.
 *
 * src/courier/cidr.c
 *
 *-------------------------------------------------------------------------
 */
#include "cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define SPACE " \t"
#define IPV4_BITS 96 /* come before the address itself */

static const uint8_t ipv4_prefix[IPV4_BITS / 8] = {[10] = 0xFF, [11] = 0xFF};

static void
set_ipv4(Address *address, const void *bytes)
{
	memcpy(address->bytes, ipv4_prefix, sizeof(ipv4_prefix));
	memcpy(address->bytes + sizeof(ipv4_prefix), bytes, 4);
}

bool
address_is_ipv4(const Address *address)
{
	return memcmp(address->bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

bool
address_of_socket(Address *address, const struct sockaddr *from)
{
	if (from->sa_family == AF_INET)
		set_ipv4(address, &((const struct sockaddr_in *) from)->sin_addr);
	else if (from->sa_family == AF_INET6)
		memcpy(address->bytes, &((const struct sockaddr_in6 *) from)->sin6_addr,
			   sizeof(address->bytes));
	else
		return false;
	return true;
}

bool
address_parse(Address *address, const char *text, size_t len)
{
	char copy[ADDRESS_TEXT];
	struct in_addr ipv4;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, &ipv4) == 1)
	{
		set_ipv4(address, &ipv4);
		return true;
	}
	return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

void
address_print(const Address *address, char text[ADDRESS_TEXT])
{
	if (address_is_ipv4(address))
		inet_ntop(AF_INET, address->bytes + sizeof(ipv4_prefix), text,
				  ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT);
}

/* "address" or "address/bits" */
static bool
parse_block(CidrBlock *block, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);
	size_t address_len = slash ? (size_t) (slash - text) : len;
	size_t digits = len - address_len;
	bool ipv4;
	unsigned bits = 0;

	if (!address_parse(&block->address, text, address_len))
		return false;
	block->bits = 128;
	if (slash == NULL)
		return true;

	if (digits < 2 || digits > 4) /* the slash is one */
		return false;
	for (const char *digit = slash + 1; digit < text + len; digit++)
	{
		if (*digit < '0' || *digit > '9')
			return false;
		bits = bits * 10 + (unsigned) (*digit - '0');
	}
	ipv4 = memchr(text, ':', address_len) == NULL;
	block->bits = bits + (ipv4 ? IPV4_BITS : 0);
	return block->bits <= 128;
}

bool
cidr_parse(CidrList *list, const char *text)
{
	size_t most = 1;

	for (const char *c = text; *c; c++)
		most += *c == ',';
	list->n = 0;
	list->blocks = xalloc(most * sizeof(CidrBlock));
	if (text[strspn(text, SPACE)] == '\0')
		return true;
	for (;;)
	{
		size_t len;

		text += strspn(text, SPACE);
		len = strcspn(text, SPACE ",");
		if (!parse_block(&list->blocks[list->n++], text, len))
			break;
		text += len + strspn(text + len, SPACE);
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			break;
	}
	cidr_free(list);
	return false;
}

static bool
block_holds(const CidrBlock *block, const Address *address)
{
	size_t bytes = block->bits / 8;
	unsigned rest = block->bits % 8;

	/* ::/0 holds every address of IPv6, and no other. */
	if (address_is_ipv4(&block->address) != address_is_ipv4(address) ||
		memcmp(block->address.bytes, address->bytes, bytes) != 0)
		return false;
	return rest == 0 || (block->address.bytes[bytes] ^ address->bytes[bytes]) >>
								(8 - rest) ==
							0;
}

bool
cidr_holds(const CidrList *list, const Address *address)
{
	for (size_t i = 0; i < list->n; i++)
	{
		if (block_holds(&list->blocks[i], address))
			return true;
	}
	return false;
}

void
cidr_free(CidrList *list)
{
	free(list->blocks);
	*list = (CidrList){0};
}

bool
cidr_forwarded(const CidrList *trusted, const char *header, Address *client)
{
	size_t end = strlen(header);

	/* What stands before the last stranger may be of his invention. */
	for (;;)
	{
		size_t start = end;
		size_t from;
		size_t to = end;

		while (start > 0 && header[start - 1] != ',')
			start--;
		from = start + strspn(header + start, SPACE);
		while (to > from && strchr(SPACE, header[to - 1]))
			to--;
		if (!address_parse(client, header + from, to - from))
			return false;
		if (start == 0 || !cidr_holds(trusted, client))
			return true;
		end = start - 1;
	}
}
