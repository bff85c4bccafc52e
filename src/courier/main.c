/*-------------------------------------------------------------------------
 *
 * main.c
 *	  p2ptext-courier: the process of p2ptext that talks to the network.
 *
 *	  p2ptext-courier send
 *	  p2ptext-courier listen --address ADDRESS[,ADDRESS...] --port PORT
 *			[--trusted-proxies CIDR[,CIDR...]] [--metrics ADDRESS:PORT]
 *	  p2ptext-courier parse
 *
 * A server process starts it with one end of a socketpair as descriptor 3
 * and rules it by frames on that (wire.h); it is of no use alone.  It knows
 * the gateways and no SQL, has no access to the server's memory, and reads no
 * configuration file and no environment.
 *
 * src/courier/main.c
 *
 *-------------------------------------------------------------------------
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "link.h"
#include "listen.h"
#include "parse.h"
#include "sandbox.h"
#include "send.h"

static int
usage(void)
{
	fputs("p2ptext-courier is started by PostgreSQL, not by hand:\n"
		  "add p2ptext to shared_preload_libraries.\n",
		  stderr);
	return 2;
}

static bool
has_worker(void)
{
	struct stat status;

	return fstat(WIRE_FD, &status) == 0 && S_ISSOCK(status.st_mode);
}

static int
send_main(void)
{
	sandbox_start(SANDBOX_SEND);
	send_init();
	sandbox_enter(SANDBOX_SEND);
	link_hello();
	return send_run();
}

static int
parse_main(void)
{
	sandbox_start(SANDBOX_PARSE);
	sandbox_enter(SANDBOX_PARSE);
	link_hello();
	return parse_run();
}

static int
listen_main(int argc, char **argv)
{
	static const struct option options[] = {
		{"address", required_argument, NULL, 'a'},
		{"port", required_argument, NULL, 'p'},
		{"trusted-proxies", required_argument, NULL, 't'},
		{"metrics", required_argument, NULL, 'm'},
		{NULL, 0, NULL, 0},
	};
	ListenOptions given = {.trusted_proxies = "", .metrics = ""};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		if (option == 'a')
			given.addresses = optarg;
		else if (option == 'p')
			given.port = optarg;
		else if (option == 't')
			given.trusted_proxies = optarg;
		else if (option == 'm')
			given.metrics = optarg;
		else
			return usage();
	}
	if (given.addresses == NULL || given.port == NULL || optind != argc)
		return usage();

	sandbox_start(SANDBOX_LISTEN);
	listen_init(&given);
	sandbox_enter(SANDBOX_LISTEN);
	link_hello();
	return listen_run();
}

int
main(int argc, char **argv)
{
	if (argc < 2 || !has_worker())
		return usage();
	if (strcmp(argv[1], "send") == 0 && argc == 2)
		return send_main();
	if (strcmp(argv[1], "parse") == 0 && argc == 2)
		return parse_main();
	if (strcmp(argv[1], "listen") == 0)
		return listen_main(argc - 1, argv + 1);
	return usage();
}
