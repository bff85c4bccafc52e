/*-------------------------------------------------------------------------
 *
 * record.c
 *	  The test gateway's record of every text it accepted.
 *
 * One JSON object per line, in order of arrival.  A text is in the file
 * before its sender has the answer, so that a test which has one finds the
 * other, and a gateway that is killed keeps its word.  The file is appended
 * to, for a test may restart its gateway.
 *
 * test/gateway/record.c
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway.h"

static int record_fd = -1;
static off_t record_start; /* what earlier runs left is not ours to tell */
static Buffer line;		   /* kept for its memory */
static uint64_t count;
static uint64_t serial;
static uint64_t process_key; /* keeps sids apart from those of other runs */

bool
record_open(const char *path)
{
	char unnamed[] = "/tmp/test-gateway-XXXXXX";

	if (path != NULL)
		record_fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	else if ((record_fd = mkostemp(unnamed, O_APPEND | O_CLOEXEC)) >= 0)
		unlink(unnamed);
	if (record_fd < 0)
	{
		fprintf(stderr, "cannot open the log \"%s\": %s\n",
				path ? path : unnamed, strerror(errno));
		return false;
	}
	record_start = lseek(record_fd, 0, SEEK_END);
	return getrandom(&process_key, sizeof(process_key), 0) ==
		   sizeof(process_key);
}

void
record_sid(char sid[35])
{
	snprintf(sid, 35, "SM%016llx%016llx", (unsigned long long) process_key,
			 (unsigned long long) ++serial);
}

static void
write_line(void)
{
	size_t done = 0;

	while (done < line.len)
	{
		ssize_t n = write(record_fd, line.data + done, line.len - done);

		if (n < 0 && errno != EINTR)
		{
			/* a record with a hole in it would prove nothing */
			fprintf(stderr, "cannot write the log: %s\n", strerror(errno));
			exit(1);
		}
		done += n > 0 ? (size_t) n : 0;
	}
	line.len = 0;
}

void
record_add(Message *m)
{
	int64_t mono = now_us(CLOCK_MONOTONIC);
	int64_t wall = now_us(CLOCK_REALTIME);

	record_sid(m->sid);
	buffer_printf(
		&line, "{\"n\":%llu,\"mono_ms\":%lld.%03d,\"wall_ms\":%lld.%03d",
		(unsigned long long) ++count, (long long) (mono / 1000),
		(int) (mono % 1000), (long long) (wall / 1000), (int) (wall % 1000));
	buffer_printf(&line, ",\"sid\":\"%s\",\"account\":", m->sid);
	buffer_json(&line, m->account);
	buffer_puts(&line, ",\"to\":");
	buffer_json(&line, m->to);
	buffer_puts(&line, ",\"from\":");
	buffer_json(&line, m->from);
	buffer_puts(&line, ",\"body\":");
	buffer_json(&line, m->body);
	buffer_puts(&line, ",\"status_callback\":");
	buffer_json(&line, m->status_callback);
	buffer_printf(&line, ",\"validity\":%s,\"conn\":%llu,\"answer\":%d}\n",
				  m->validity ? m->validity : "null",
				  (unsigned long long) m->conn, m->answer);
	write_line();
}

/* Read what this process has written so far. */
static Buffer
read_back(void)
{
	Buffer lines = {0};
	char chunk[64 * 1024];
	off_t offset = record_start;
	ssize_t n;

	buffer_puts(&lines, ""); /* so that it is never NULL */
	while ((n = pread(record_fd, chunk, sizeof(chunk), offset)) > 0)
	{
		buffer_add(&lines, chunk, n);
		offset += n;
	}
	return lines;
}

/*
 * The records as a JSON array.  A line is chosen by its text, which is
 * exact: in a JSON string every quote has a backslash before it.
 */
void
record_json(Buffer *buf, const char *to)
{
	Buffer lines = read_back();
	Buffer wanted = {0};
	const char *next = lines.data;
	const char *end = next + lines.len;
	const char *separator = "";

	buffer_puts(&wanted, ",\"to\":");
	buffer_json(&wanted, to ? to : "");
	buffer_puts(buf, "[");
	while (next < end)
	{
		const char *newline = memchr(next, '\n', end - next);
		size_t len = newline - next;

		if (to == NULL || memmem(next, len, wanted.data, wanted.len) != NULL)
		{
			buffer_puts(buf, separator);
			buffer_add(buf, next, len);
			separator = ",\n";
		}
		next = newline + 1;
	}
	buffer_puts(buf, "]");
	buffer_free(&wanted);
	buffer_free(&lines);
}

void
record_close(void)
{
	close(record_fd);
	buffer_free(&line);
}
