/*-------------------------------------------------------------------------
 *
 * cidr.h
 *	  Addresses of machines, and blocks of them.
 *
 * IPv4 addresses are kept as IPv6 maps them (::ffff:a.b.c.d), so that both
 * forms are the same address.
 *
 * src/courier/cidr.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_CIDR_H
#define COURIER_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What an address is at most as text, with its NUL. */
#define ADDRESS_TEXT 46

typedef struct Address
{
	uint8_t bytes[16];
} Address;

typedef struct CidrBlock
{
	Address address;
	unsigned bits; /* of the 128, how many count */
} CidrBlock;

typedef struct CidrList
{
	CidrBlock *blocks;
	size_t n;
} CidrList;

/* False: neither IPv4 nor IPv6. */
extern bool address_of_socket(Address *address, const struct sockaddr *from);
extern bool address_parse(Address *address, const char *text, size_t len);
extern void address_print(const Address *address, char text[ADDRESS_TEXT]);
extern bool address_is_ipv4(const Address *address);

/* Blocks, or addresses, separated by commas; false if they are not. */
extern bool cidr_parse(CidrList *list, const char *text);
extern bool cidr_holds(const CidrList *list, const Address *address);
extern void cidr_free(CidrList *list);

/*
 * The client as told by X-Forwarded-For: the last address that is not itself
 * a trusted proxy, or the first if all are.  False: there is no telling.
 */
extern bool cidr_forwarded(const CidrList *trusted, const char *header,
						   Address *client);

#endif /* COURIER_CIDR_H */
