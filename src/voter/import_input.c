/*-------------------------------------------------------------------------
 *
 * import_input.c
 *	  Importing voter files: the bytes of a file of the server, or of what a
 *	  program prints.
 *
 * Who may read them is who may COPY them.  A file must stay what it was when
 * its import began, since an import goes on at a position in it.
 *
 * src/voter/import_input.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/import.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* More than one record of the longest, so that it is always seen whole. */
#define BUFFER_SIZE (2 * RECORD_MAX)

static void
require_role(Oid role, const char *what, const char *role_name)
{
	if (!has_privs_of_role(GetUserId(), role))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to import from a %s", what),
			 errdetail("Only roles with privileges of the \"%s\" role may.",
					   role_name),
			 errhint("A superuser can allow it with GRANT %s TO %s. "
					 "Anyone can import a file from the client with "
					 "psql's \\copy.",
					 role_name,
					 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static ImportInput *
make_input(const char *name)
{
	ImportInput *input = palloc0(sizeof(ImportInput));

	input->name = name;
	input->buffer = palloc(BUFFER_SIZE);
	return input;
}

static void
file_state(int fd, const char *path, struct stat *state)
{
	if (fstat(fd, state) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not stat file \"%s\": %m", path)));
}

ImportInput *
input_open_file(const char *path, int64 position)
{
	ImportInput *input = make_input(path);
	struct stat state;
	bool elsewhere;

	require_role(ROLE_PG_READ_SERVER_FILES, "file of the server",
				 "pg_read_server_files");
	if (!is_absolute_path(path))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("path \"%s\" is not absolute", path),
						errhint("Name a file of the server's, from / on. A "
								"file on the client is read by psql's "
								"\\copy.")));
	/* A FIFO nobody writes to would not let us in, nor out again. */
	input->fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	elsewhere = errno == ENOENT || errno == EACCES;
	if (input->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", path),
				 elsewhere
					 ? errhint("The server reads the file, as its own user. A "
							   "file on the client is read by psql's \\copy.")
					 : 0));
	file_state(input->fd, path, &state);
	if (!S_ISREG(state.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is %s", path,
						S_ISDIR(state.st_mode) ? "a directory"
											   : "not a regular file"),
				 S_ISDIR(state.st_mode)
					 ? errhint("Import its files one by one, or pass program "
							   "=> 'cat ...' where only the first has a "
							   "header.")
					 : errhint("Pass program => 'cat %s'.", path)));
	input->size = state.st_size;
	input->modified = time_t_to_timestamptz(state.st_mtime);
	input->position = position;
	return input;
}

ImportInput *
input_open_program(const char *program)
{
	ImportInput *input = make_input(program);

	require_role(ROLE_PG_EXECUTE_SERVER_PROGRAM, "program of the server",
				 "pg_execute_server_program");
	input->program = program;
	input->pipe = OpenPipeStream(program, PG_BINARY_R);
	if (input->pipe == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not execute program \"%s\": %m", program)));
	input->fd = fileno(input->pipe);
	return input;
}

/* The file must be the one that the import began with. */
void
input_expect(ImportInput *input, int64 size, TimestampTz modified)
{
	struct stat state;

	file_state(input->fd, input->name, &state);
	if (state.st_size != size ||
		time_t_to_timestamptz(state.st_mtime) != modified)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" has changed since its import began",
						input->name),
				 errdetail("It had " INT64_FORMAT " bytes, last changed %s; it "
						   "has " INT64_FORMAT ", last changed %s.",
						   size, pstrdup(timestamptz_to_str(modified)),
						   (int64) state.st_size,
						   pstrdup(timestamptz_to_str(
							   time_t_to_timestamptz(state.st_mtime)))),
				 errhint("Put the file back, or drop the table and import the "
						 "file from its beginning.")));
}

/*
 * Read more; false when there is none.  What was used before makes room, so
 * pointers into the buffer are no longer good.
 */
bool
input_fill(ImportInput *input)
{
	ssize_t got;
	size_t room;

	if (input->at_end)
		return false;
	if (input->start > 0)
	{
		memmove(input->buffer, input->buffer + input->start,
				input->end - input->start);
		input->end -= input->start;
		input->start = 0;
	}
	room = BUFFER_SIZE - input->end;
	Assert(room > 0);
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (input->program != NULL)
			got = read(input->fd, input->buffer + input->end, room);
		else
			got = pg_pread(
				input->fd, input->buffer + input->end,
				Min(room, (size_t) Max(input->size - input->position, 0)),
				input->position);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not read from \"%s\": %m", input->name)));
	input->end += got;
	input->position += got;
	if (got == 0)
	{
		/* A program may have ended because we are to. */
		CHECK_FOR_INTERRUPTS();
		input->at_end = true;
	}
	return got > 0;
}

/* How a file begins that nothing has been read of. */
bytea *
input_head(ImportInput *input)
{
	while (input->end < IMPORT_HEAD && input_fill(input))
		;
	return cstring_to_text_with_len(input->buffer,
									(int) Min(input->end, IMPORT_HEAD));
}

/* A program must have ended well; a file must not have changed meanwhile. */
void
input_close(ImportInput *input)
{
	if (input->program == NULL)
	{
		input_expect(input, input->size, input->modified);
		if (CloseTransientFile(input->fd) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not close file \"%s\": %m", input->name)));
	}
	else
	{
		int status = ClosePipeStream(input->pipe);

		if (status == -1)
			ereport(ERROR, (errcode_for_file_access(),
							errmsg("could not close pipe to program \"%s\": %m",
								   input->name)));
		else if (status != 0)
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 errmsg("program \"%s\" failed", input->name),
					 errdetail_internal("%s", wait_result_to_str(status))));
	}
	pfree(input->buffer);
	pfree(input);
}
