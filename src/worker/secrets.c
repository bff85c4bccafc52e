/*-------------------------------------------------------------------------
 *
 * secrets.c
 *	  The file with the gateways' secrets.
 *
 * Read when needed and forgotten; a secret is never in a table, a log line
 * or a process title.
 *
 * src/worker/secrets.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fmgr.h"
#include "storage/fd.h"
#include "utils/builtins.h"

#include "p2ptext.h"
#include "worker/worker.h"

#define LONGEST_LINE 4096

PG_FUNCTION_INFO_V1(p2ptext_has_secret);

/* Like libpq with its password file, insist that nobody else can read it. */
static FILE *
open_secrets(int elevel)
{
	FILE *file;
	struct stat status;

	if (p2ptext_secrets_file[0] == '\0')
		return NULL;
	file = AllocateFile(p2ptext_secrets_file, "r");
	if (file == NULL || fstat(fileno(file), &status) != 0)
		ereport(elevel, (errcode_for_file_access(),
						 errmsg("could not read the file named by "
								"p2ptext.secrets_file: %m")));
	else if (!S_ISREG(status.st_mode) ||
			 (status.st_mode & (S_IRWXG | S_IRWXO)) ||
			 status.st_uid != geteuid())
		ereport(elevel,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the file named by p2ptext.secrets_file has wrong "
						"permissions"),
				 errdetail("It must be a regular file that only the server's "
						   "user can read."),
				 errhint("chown it to the server's user and chmod 0600.")));
	else
		return file;
	if (file != NULL)
		FreeFile(file);
	return NULL;
}

static char *
trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char) end[-1]))
		*--end = '\0';
	while (isspace((unsigned char) *text))
		text++;
	return text;
}

/*
 * All that the file has under a name, palloc'd, as a List of strings; a bad
 * file is told at elevel.
 */
static List *
secrets_named(const char *name, int elevel)
{
	FILE *file = open_secrets(elevel);
	char line[LONGEST_LINE];
	List *found = NIL;

	if (file == NULL)
		return NIL;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char *equals = strchr(line, '=');

		if (line[0] == '#' || equals == NULL)
			continue;
		*equals = '\0';
		if (strcmp(trim(line), name) == 0 && *trim(equals + 1) != '\0')
			found = lappend(found, pstrdup(trim(equals + 1)));
	}
	explicit_bzero(line, sizeof(line));
	FreeFile(file);
	return found;
}

/* What a gateway wants to see of us, or NULL. */
char *
secret_of(const char *gateway, int elevel)
{
	List *found = secrets_named(gateway, elevel);

	return found == NIL ? NULL : linitial(found);
}

/*
 * What we want to see of a gateway's webhooks: any of the lines
 * "GATEWAY.webhook = ...", of which there are two while one takes the place
 * of the other, or else what it wants to see of us.
 */
List *
webhook_secrets_of(const char *gateway, int elevel)
{
	List *found = secrets_named(psprintf("%s.webhook", gateway), elevel);

	return found == NIL ? secrets_named(gateway, elevel) : found;
}

/* The one for our own callback URLs, or NULL; never the sending secret. */
char *
webhook_secret_of(const char *gateway, int elevel)
{
	return secret_of(psprintf("%s.webhook", gateway), elevel);
}

Datum
p2ptext_has_secret(PG_FUNCTION_ARGS)
{
	char *secret = secret_of(text_to_cstring(PG_GETARG_TEXT_PP(0)), ERROR);
	bool found = secret != NULL;

	if (found)
		explicit_bzero(secret, strlen(secret));
	PG_RETURN_BOOL(found);
}
