/*-------------------------------------------------------------------------
 *
 * cidr.c
 *	  Tests of address blocks, and of who a proxy says the client is.
 *
 * test/unit/cidr.c
 *
 *-------------------------------------------------------------------------
 */
#include "cidr.h"

#include <netinet/in.h>

#include "tap.h"

static Address
address(const char *text)
{
	Address result = {{0}};

	ok(address_parse(&result, text, strlen(text)), "%s is an address", text);
	return result;
}

static void
test_addresses(void)
{
	static const char *const texts[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:C000:201", "192.0.2.1"},
		{"2001:DB8::1", "2001:db8::1"},
		{"::", "::"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	static const char *const bad[] = {
		"",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"::g",
		"1.2.3.4:80",
		"[::1]",
		"fe80::1%1",
		"1.2.3.4 ",
		"host",
		"1::2::3",
		"0x7f.0.0.1",
		"2130706433",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr other = {.sa_family = AF_UNIX};
	char text[ADDRESS_TEXT];
	Address one;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		one = address(texts[i][0]);
		address_print(&one, text);
		is_str(text, texts[i][1], "... and is printed");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!address_parse(&one, bad[i], strlen(bad[i])), "\"%s\" is no address",
		   bad[i]);
	ok(address_parse(&one, "1.2.3.45", 7), "an address ends where it is said");
	address_print(&one, text);
	is_str(text, "1.2.3.4", "... there");

	ipv4.sin_addr.s_addr = htonl(0xC0000201);
	ok(address_of_socket(&one, (struct sockaddr *) &ipv4), "IPv4 socket");
	address_print(&one, text);
	is_str(text, "192.0.2.1", "... has its address");
	ipv6.sin6_addr.s6_addr[0] = 0x20;
	ok(address_of_socket(&one, (struct sockaddr *) &ipv6), "IPv6 socket");
	address_print(&one, text);
	is_str(text, "2000::", "... has its address");
	ok(!address_of_socket(&one, &other), "others have none");
}

static void
test_blocks(void)
{
	static const struct
	{
		const char *list;
		const char *address;
		bool holds;
	} cases[] = {
		{"", "1.2.3.4", false},
		{"1.2.3.4", "1.2.3.4", true},
		{"1.2.3.4", "1.2.3.5", false},
		{"1.2.3.4/32", "::ffff:1.2.3.4", true},
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.1.2.3/8", "10.255.0.1", true},
		{"192.0.2.128/25", "192.0.2.129", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.4/30", "192.0.2.7", true},
		{"192.0.2.4/30", "192.0.2.8", false},
		{"0.0.0.0/0", "255.1.2.3", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "1.2.3.4", false},
		{"::ffff:10.0.0.0/104", "10.9.9.9", true},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"2001:db8::1/128", "2001:db8::1", true},
		{"2001:db8::1/128", "2001:db8::2", false},
		{" 1.2.3.4 ,\t5.6.0.0/16 , ::1", "5.6.7.8", true},
		{"1.2.3.4,5.6.0.0/16,::1", "::1", true},
		{"1.2.3.4,5.6.0.0/16,::1", "::2", false},
	};
	static const char *const bad[] = {
		",",		   "1.2.3.4,",			 "1.2.3.4,,1.2.3.5",
		"1.2.3.4/",	   "1.2.3.4/33",		 "1.2.3.4/-1",
		"1.2.3.4/+1",  "1.2.3.4/8x",		 "::/129",
		"::/1000",	   "1.2.3.4 5.6.7.8",	 "/8",
		"1.2.3.4/8/8", "1.2.3.4/ 8",		 "localhost",
		"1.2.3.4;::1", "1.2.3.4/4294967296",
	};
	CidrList list;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Address one = address(cases[i].address);

		ok(cidr_parse(&list, cases[i].list), "\"%s\" is a list", cases[i].list);
		ok(cidr_holds(&list, &one) == cases[i].holds, "... %s %s",
		   cases[i].holds ? "with" : "without", cases[i].address);
		cidr_free(&list);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!cidr_parse(&list, bad[i]), "\"%s\" is no list", bad[i]);
}

static void
test_forwarded(void)
{
	static const char *const cases[][2] = {
		{"203.0.113.9", "203.0.113.9"},
		{"  203.0.113.9\t", "203.0.113.9"},
		{"1.1.1.1, 203.0.113.9", "203.0.113.9"},
		{"1.1.1.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"},
		{"1.1.1.1,203.0.113.9,10.0.0.1,10.0.0.2", "203.0.113.9"},
		{"nonsense, 203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"10.0.0.1, 10.0.0.2", "10.0.0.1"},
		{"10.0.0.1", "10.0.0.1"},
		{"2001:db8::1, 2001:db8:ff::1", "2001:db8::1"},
		{"::ffff:203.0.113.9, ::ffff:10.0.0.1", "203.0.113.9"},
		{"", NULL},
		{" ", NULL},
		{",", NULL},
		{"nonsense", NULL},
		{"203.0.113.9,", NULL},
		{"203.0.113.9, , 10.0.0.1", NULL},
		{"nonsense, 10.0.0.1", NULL},
		{", 10.0.0.1", NULL},
		{"203.0.113.9:4711", NULL},
		{"203.0.113.9 10.0.0.1", NULL},
		{"203.0.113.9, unknown", NULL},
	};
	CidrList trusted;
	Address client;
	char text[ADDRESS_TEXT];

	ok(cidr_parse(&trusted, "10.0.0.0/8, 2001:db8:ff::/48"), "some proxies");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool told = cidr_forwarded(&trusted, cases[i][0], &client);

		if (told)
			address_print(&client, text);
		is_str(told ? text : NULL, cases[i][1], cases[i][0]);
	}
	cidr_free(&trusted);
}

int
main(void)
{
	test_addresses();
	test_blocks();
	test_forwarded();
	return done_testing();
}
