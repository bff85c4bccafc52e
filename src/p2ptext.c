/*-------------------------------------------------------------------------
 *
 * p2ptext.c
 *	  Where the library is loaded: settings, and the way to the workers.
 *
 * Loaded by shared_preload_libraries it also runs the workers; loaded into a
 * single session it gives that session the SQL functions and no more.
 *
 * src/p2ptext.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "compat.h"
#include "p2ptext.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

char *p2ptext_listen_addresses;
int p2ptext_port;
char *p2ptext_public_url;
char *p2ptext_trusted_proxies;
char *p2ptext_metrics_address;
int p2ptext_inbound_retention;
int p2ptext_senders;
int p2ptext_batch_size;
int p2ptext_max_in_flight;
int p2ptext_request_timeout;
char *p2ptext_secrets_file;
char *p2ptext_ca_file;
bool p2ptext_sending;
char *p2ptext_databases;

void _PG_init(void);

/* "address" or "address/bits", as the listener reads it */
static bool
is_network(char *text)
{
	unsigned char address[16];
	char *slash = strchr(text, '/');
	char *end;
	long most;
	long bits;

	if (slash)
		*slash = '\0';
	most = inet_pton(AF_INET, text, address) == 1	 ? 32
		   : inet_pton(AF_INET6, text, address) == 1 ? 128
													 : -1;
	if (slash == NULL || most < 0)
		return most >= 0;
	*slash = '/';
	if (strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return false;
	bits = strtol(slash + 1, &end, 10);
	return end > slash + 1 && end <= slash + 4 && bits <= most;
}

/* The listener would not start with a list that it cannot read. */
static bool
check_trusted_proxies(char **newval, void **extra, GucSource source)
{
	char *copy = pstrdup(*newval);
	char *rest = copy;
	bool ok = true;

	while (ok && copy[strspn(copy, " \t")] != '\0' && rest != NULL)
	{
		char *text = strsep(&rest, ",");
		size_t len;

		text += strspn(text, " \t");
		len = strlen(text);
		while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
			text[--len] = '\0';
		ok = is_network(text);
		if (!ok)
			GUC_check_errdetail("\"%s\" is no address or network.", text);
	}
	pfree(copy);
	return ok;
}

/* Those of the listener may differ by database: ALTER DATABASE ... SET. */
static void
define_listener_settings(void)
{
	DefineCustomStringVariable(
		"p2ptext.listen_addresses",
		"Addresses on which webhooks are received, separated by commas.",
		"Put a reverse proxy with TLS in front of any address but loopback.",
		&p2ptext_listen_addresses, "127.0.0.1", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("p2ptext.port",
							"Port on which webhooks are received.",
							"0 means that none are.", &p2ptext_port, 0, 0,
							65535, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"p2ptext.public_url",
		"Where gateways reach the listener, such as https://sms.example.org.",
		"Receipts are asked for, and signed webhooks recognised, only when it "
		"is set.",
		&p2ptext_public_url, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"p2ptext.trusted_proxies",
		"Addresses of proxies that say in X-Forwarded-For whom they speak for.",
		"Addresses or networks separated by commas; from others the header is "
		"ignored.",
		&p2ptext_trusted_proxies, "", PGC_SUSET, 0, check_trusted_proxies, NULL,
		NULL);
	DefineCustomStringVariable(
		"p2ptext.metrics_address",
		"Address and port on which metrics are shown, such as 127.0.0.1:9464.",
		"Empty means at /metrics beside the webhooks.",
		&p2ptext_metrics_address, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"p2ptext.inbound_retention",
		"How long events in webhooks are kept after they were applied.",
		"0 means for ever.", &p2ptext_inbound_retention, 90 * 24 * 60, 0,
		INT_MAX, PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
}

static void
define_sender_settings(void)
{
	DefineCustomBoolVariable("p2ptext.sending", "Whether any text may leave.",
							 "Off stops all sending at once; nothing is lost.",
							 &p2ptext_sending, true, PGC_SIGHUP, 0, NULL, NULL,
							 NULL);
	DefineCustomIntVariable(
		"p2ptext.senders", "Sender workers of each database.", NULL,
		&p2ptext_senders, 1, 1, 8, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("p2ptext.batch_size",
							"Texts claimed, or results recorded, in one "
							"transaction.",
							NULL, &p2ptext_batch_size, 500, 1, 10000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("p2ptext.max_in_flight",
							"Requests a sender has open at one gateway.", NULL,
							&p2ptext_max_in_flight, 64, 1, 10000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("p2ptext.request_timeout",
							"How long a gateway may take to answer.",
							"After that it is unknown whether it has the "
							"text.",
							&p2ptext_request_timeout, 10000, 100, 600000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("p2ptext.secrets_file",
							   "File with the gateways' secrets.",
							   "Lines of the form \"gateway = secret\"; only "
							   "the server's user may be able to read it.",
							   &p2ptext_secrets_file, "", PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"p2ptext.ca_file",
		"File with the certificates of authorities that gateways' own are "
		"checked against.",
		"Empty means the system's.", &p2ptext_ca_file, "", PGC_SIGHUP, 0, NULL,
		NULL, NULL);
	DefineCustomStringVariable(
		"p2ptext.databases", "Databases in which workers may run.",
		"Names separated by commas; empty means every "
		"database that has the extension.",
		&p2ptext_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, NULL, NULL, NULL);
}

void
_PG_init(void)
{
	define_listener_settings();
	define_sender_settings();
	MarkGUCPrefixReserved("p2ptext");

	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		worker_init();
}
