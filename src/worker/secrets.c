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

/* The secret of a gateway, palloc'd, or NULL; a bad file is told at elevel. */
char *
secret_of(const char *gateway, int elevel)
{
	FILE *file = open_secrets(elevel);
	char line[LONGEST_LINE];
	char *secret = NULL;

	if (file == NULL)
		return NULL;
	while (secret == NULL && fgets(line, sizeof(line), file) != NULL)
	{
		char *equals = strchr(line, '=');

		if (line[0] == '#' || equals == NULL)
			continue;
		*equals = '\0';
		if (strcmp(trim(line), gateway) == 0 && *trim(equals + 1) != '\0')
			secret = pstrdup(trim(equals + 1));
	}
	explicit_bzero(line, sizeof(line));
	FreeFile(file);
	return secret;
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
