/*-------------------------------------------------------------------------
 *
 * notice.c
 *	  Lines for the server's log of which strangers could cause any number.
 *
 * One a second of each kind goes out, and says for how many it stands.
 *
 * src/courier/notice.c
 *
 *-------------------------------------------------------------------------
 */
#include "notice.h"

#include <stdarg.h>
#include <stdio.h>

#include "link.h"

#define EVERY_MS 1000

typedef struct Notice
{
	char text[256]; /* the last */
	unsigned n;		/* of those not said yet */
	uint64_t due;
} Notice;

static Notice notices[NOTICE_KINDS];

void
notice(NoticeKind kind, const char *format, ...)
{
	Notice *one = &notices[kind];
	va_list args;

	va_start(args, format);
	vsnprintf(one->text, sizeof(one->text), format, args);
	va_end(args);
	one->n++;
	notice_flush();
}

bool
notice_flush(void)
{
	uint64_t now = now_ms();
	bool left = false;

	for (int kind = 0; kind < NOTICE_KINDS; kind++)
	{
		Notice *one = &notices[kind];

		if (one->n == 0)
			continue;
		if (one->due > now)
		{
			left = true;
			continue;
		}
		if (one->n == 1)
			link_log(WIRE_LOG_WARNING, "%s", one->text);
		else
			link_log(WIRE_LOG_WARNING, "%s (the last of %u)", one->text,
					 one->n);
		one->n = 0;
		one->due = now + EVERY_MS;
	}
	return left;
}
