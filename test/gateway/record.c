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

/* A prefix and 32 hexadecimal digits, or these in the form of a UUID. */
void
record_id(char id[40], const char *prefix)
{
	unsigned long long n = ++serial;
	unsigned long long key = process_key;

	if (prefix != NULL)
		snprintf(id, 40, "%.7s%016llx%016llx", prefix, key, n);
	else
		snprintf(id, 40, "%08llx-%04llx-%04llx-%04llx-%012llx", key >> 32,
				 key >> 16 & 0xffff, key & 0xffff, n >> 48, n & 0xffffffffffff);
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

/* The texts of a number are found by these lines, so names go unescaped. */
static void
put_member(const char *name, const char *value)
{
	buffer_puts(&line, name);
	buffer_json(&line, value);
}

void
record_add(Message *m)
{
	int64_t mono = now_us(CLOCK_MONOTONIC);
	int64_t wall = now_us(CLOCK_REALTIME);

	m->accepted_us = wall;
	buffer_printf(
		&line, "{\"n\":%llu,\"mono_ms\":%lld.%03d,\"wall_ms\":%lld.%03d",
		(unsigned long long) ++count, (long long) (mono / 1000),
		(int) (mono % 1000), (long long) (wall / 1000), (int) (wall % 1000));
	buffer_printf(&line, ",\"sid\":\"%s\",\"dialect\":\"%s\"", m->id,
				  m->dialect->name);
	put_member(",\"account\":", m->account);
	put_member(",\"to\":", m->to);
	put_member(",\"from\":", m->from);
	put_member(",\"service\":", m->service);
	put_member(",\"body\":", m->body);
	put_member(",\"status_callback\":", m->status_callback);
	put_member(",\"ref\":", m->ref);
	buffer_puts(&line, ",\"media\":");
	buffer_strings(&line, m->media, m->nmedia);
	if (m->validity_s != UNLIMITED)
		buffer_printf(&line, ",\"validity\":%lld", (long long) m->validity_s);
	else
		buffer_puts(&line, ",\"validity\":null");
	if (m->error_code != 0)
		buffer_printf(&line, ",\"error_code\":%d", m->error_code);
	else
		buffer_puts(&line, ",\"error_code\":null");
	buffer_printf(&line, ",\"segments\":%d,\"conn\":%llu,\"answer\":%d}\n",
				  m->segments, (unsigned long long) m->conn, m->answer);
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
 * The next line that has all of what is wanted, which is exact: in a JSON
 * string every quote has a backslash before it.
 */
static const char *
next_line(const char **next, const char *end, const Buffer *wanted, size_t n,
		  size_t *len)
{
	while (*next < end)
	{
		const char *found = *next;
		bool fits = true;

		*len = (const char *) memchr(found, '\n', end - found) - found;
		*next = found + *len + 1;
		for (size_t i = 0; i < n && fits; i++)
			fits = wanted[i].len == 0 ||
				   memmem(found, *len, wanted[i].data, wanted[i].len) != NULL;
		if (fits)
			return found;
	}
	return NULL;
}

/* Nothing is wanted of a member whose value is NULL. */
static void
want(Buffer *wanted, const char *member, const char *value)
{
	if (value == NULL)
		return;
	buffer_printf(wanted, ",\"%s\":", member);
	buffer_json(wanted, value);
}

/* The records as a JSON array. */
void
record_json(Buffer *buf, const char *to)
{
	Buffer lines = read_back();
	Buffer wanted = {0};
	const char *next = lines.data;
	const char *end = next + lines.len;
	const char *found;
	const char *separator = "";
	size_t len;

	want(&wanted, "to", to);
	buffer_puts(buf, "[");
	while ((found = next_line(&next, end, &wanted, 1, &len)) != NULL)
	{
		buffer_puts(buf, separator);
		buffer_add(buf, found, len);
		separator = ",\n";
	}
	buffer_puts(buf, "]");
	buffer_free(&wanted);
	buffer_free(&lines);
}

/* Parsed, oldest first; what is NULL may be anything. */
json_t *
record_find(const char *dialect, const char *to, const char *from)
{
	Buffer lines = read_back();
	Buffer wanted[3] = {{0}, {0}, {0}};
	const char *next = lines.data;
	const char *end = next + lines.len;
	const char *found;
	json_t *records = json_array();
	size_t len;

	want(&wanted[0], "to", to);
	want(&wanted[1], "from", from);
	want(&wanted[2], "dialect", dialect);
	while ((found = next_line(&next, end, wanted, 3, &len)) != NULL)
		json_array_append_new(records, json_loadb(found, len, 0, NULL));
	for (int i = 0; i < 3; i++)
		buffer_free(&wanted[i]);
	buffer_free(&lines);
	return records;
}

static const char *
text_of(const json_t *record, const char *member)
{
	return json_string_value(json_object_get(record, member));
}

/* Valid as long as the record. */
void
record_message(const json_t *record, Message *m)
{
	json_t *media = json_object_get(record, "media");

	memset(m, 0, sizeof(*m));
	m->dialect = api_dialect(text_of(record, "dialect"));
	snprintf(m->id, sizeof(m->id), "%s", text_of(record, "sid"));
	m->account = text_of(record, "account");
	m->to = text_of(record, "to");
	m->from = text_of(record, "from");
	m->service = text_of(record, "service");
	m->body = text_of(record, "body");
	m->status_callback = text_of(record, "status_callback");
	m->ref = text_of(record, "ref");
	m->segments = (int) json_integer_value(json_object_get(record, "segments"));
	m->accepted_us = (int64_t) (1000 * json_number_value(
										   json_object_get(record, "wall_ms")));
	for (size_t i = 0; i < json_array_size(media); i++)
		m->media[m->nmedia++] = json_string_value(json_array_get(media, i));
}

/* When each text came, and how long it was. */
void
record_log(Buffer *buf, const char *from)
{
	json_t *records = record_find(NULL, NULL, from);
	json_t *record;
	size_t i;

	buffer_puts(buf, "[");
	json_array_foreach(records, i, record)
	{
		Message m;

		record_message(record, &m);
		buffer_printf(buf, "%s{\"mono_ms\":%.3f", i > 0 ? ",\n" : "",
					  json_number_value(json_object_get(record, "mono_ms")));
		buffer_member(buf, "dialect", m.dialect->name);
		buffer_member(buf, "to", m.to);
		buffer_member(buf, "from", m.from);
		buffer_printf(buf, ",\"segments\":%d}", m.segments);
	}
	buffer_puts(buf, "]");
	json_decref(records);
}

/* The most that any stretch of time of this length has seen. */
void
record_rate(Buffer *buf, const char *from, int64_t window_ms)
{
	json_t *records = record_find(NULL, NULL, from);
	size_t n = json_array_size(records);
	json_int_t segments = 0;
	json_int_t most_segments = 0;
	size_t most_texts = 0;
	size_t first = 0;

	for (size_t i = 0; i < n; i++)
	{
		const json_t *last = json_array_get(records, i);
		double since =
			json_number_value(json_object_get(last, "mono_ms")) - window_ms;

		segments += json_integer_value(json_object_get(last, "segments"));
		for (;; first++)
		{
			const json_t *old = json_array_get(records, first);

			if (json_number_value(json_object_get(old, "mono_ms")) > since)
				break;
			segments -= json_integer_value(json_object_get(old, "segments"));
		}
		if (segments > most_segments)
			most_segments = segments;
		if (i + 1 - first > most_texts)
			most_texts = i + 1 - first;
	}
	buffer_printf(buf, "{\"texts\":%zu,\"segments\":%lld,\"window_ms\":%lld}",
				  most_texts, (long long) most_segments, (long long) window_ms);
	json_decref(records);
}

void
record_close(void)
{
	close(record_fd);
	buffer_free(&line);
}
