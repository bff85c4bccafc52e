/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  Just enough of the Test Anything Protocol for tests in plain C.
 *
 * Each test includes this once.  A failure tells what was compared, on
 * standard error.
 *
 * test/unit/tap.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_TAP_H
#define TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failures;

__attribute__((format(printf, 2, 3))) static inline bool
ok(bool passed, const char *format, ...)
{
	va_list args;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	tap_failures += !passed;
	return passed;
}

static inline bool
is_num(long long got, long long wanted, const char *name)
{
	if (!ok(got == wanted, "%s", name))
	{
		fprintf(stderr, "#    got: %lld\n# wanted: %lld\n", got, wanted);
		return false;
	}
	return true;
}

static inline bool
is_str(const char *got, const char *wanted, const char *name)
{
	bool same = got == wanted || (got && wanted && strcmp(got, wanted) == 0);

	if (!ok(same, "%s", name))
		fprintf(stderr, "#    got: %s\n# wanted: %s\n", got ? got : "NULL",
				wanted ? wanted : "NULL");
	return same;
}

/* The whole of a file, from where the tests are run; ends with a NUL. */
static inline char *
read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *data = malloc(1 << 20);

	if (file == NULL || data == NULL)
	{
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	*len = fread(data, 1, (1 << 20) - 1, file);
	data[*len] = '\0';
	fclose(file);
	return data;
}

/* To be returned by main(). */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures ? 1 : 0;
}

#endif /* TEST_TAP_H */
