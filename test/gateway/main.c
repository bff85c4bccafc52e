/*-------------------------------------------------------------------------
 *
 * main.c
 *	  The test gateway: options, start and end.
 *
 * test/gateway/main.c
 *
 *-------------------------------------------------------------------------
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gateway.h"

static unsigned int port;
static const char *log_path;
static const char *key_path;
static bool until_eof;

static void
usage(FILE *out)
{
	fputs("A gateway for tests that speaks the APIs of Twilio, SignalWire, "
		  "Telnyx,\nBandwidth, Plivo, Vonage and Kannel on 127.0.0.1.\n\n"
		  "Usage: gateway [--NAME VALUE]...\n\n"
		  "  --port               where to listen (0: any free port)\n"
		  "  --log                append each accepted text to this file\n"
		  "  --auth               the USER:PASSWORD to insist on\n"
		  "  --webhook-secret     signs the webhooks of SignalWire, Vonage "
		  "and, as\n                       USER:PASSWORD, Bandwidth (else "
		  "what --auth says)\n"
		  "  --ed25519-key        file with a private key for Telnyx' "
		  "webhooks (else a\n                       new one)\n"
		  "  --until-eof          (no value) end when standard input does\n\n"
		  "Settings, which POST /control/config changes later:\n",
		  out);
	behaviour_help(out);
}

static void
refuse_option(const char *problem)
{
	fprintf(stderr, "gateway: %s\nTry --help.\n", problem);
	exit(2);
}

static void
set_option(const char *name, const char *value)
{
	Buffer error = {0};
	char *end;

	if (strcmp(name, "port") == 0)
	{
		unsigned long number = strtoul(value, &end, 10);

		if (end == value || *end != '\0' || number > 65535)
			refuse_option("--port wants a number from 0 to 65535");
		port = (unsigned int) number;
	}
	else if (strcmp(name, "log") == 0)
		log_path = value;
	else if (strcmp(name, "auth") == 0)
	{
		if (strchr(value, ':') == NULL)
			refuse_option("--auth wants USER:PASSWORD");
		free(api_auth);
		api_auth = xstrdup(value);
	}
	else if (strcmp(name, "webhook_secret") == 0)
	{
		free(api_webhook_secret);
		api_webhook_secret = xstrdup(value);
	}
	else if (strcmp(name, "ed25519_key") == 0)
		key_path = value;
	else if (!behaviour_set(&behaviour, name, value, &error))
		refuse_option(error.data);
}

/* --name value and --name=value; - and _ are the same in a name. */
static void
parse_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		char *name = argv[i];
		char *value;

		if (strcmp(name, "--help") == 0)
		{
			usage(stdout);
			exit(0);
		}
		if (strcmp(name, "--until-eof") == 0)
		{
			until_eof = true;
			continue;
		}
		if (strncmp(name, "--", 2) != 0)
			refuse_option("options begin with --");
		name += 2;
		value = strchr(name, '=');
		if (value != NULL)
			*value++ = '\0';
		else if (i + 1 < argc)
			value = argv[++i];
		else
			refuse_option("the last option lacks its value");
		for (char *c = name; *c != '\0'; c++)
			if (*c == '-')
				*c = '_';
		set_option(name, value);
	}
}

/* One descriptor per connection; tests open many. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
main(int argc, char **argv)
{
	Buffer error = {0};
	sigset_t signals;
	int bound;

	parse_options(argc, argv);
	if (!behaviour_check(&behaviour, &error))
		refuse_option(error.data);

	/* before any thread, so that all leave them to the loop */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();

	if (!record_open(log_path) || !sign_open(key_path) || !callback_start())
		return 1;
	bound = server_start(port);
	if (bound != 0)
	{
		printf("listening on 127.0.0.1:%d\n"
			   "public key for Telnyx: %s\n",
			   bound, sign_public_key());
		fflush(stdout);
		server_loop(until_eof);
		server_stop();
	}
	callback_stop();
	record_close();
	sign_close();
	behaviour_free();
	free(api_webhook_secret);
	free(api_auth);
	return bound != 0 ? 0 : 1;
}
