/*-------------------------------------------------------------------------
 *
 * notice.h
 *	  Lines for the server's log of which strangers could cause any number.
 *
 * src/courier/notice.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_NOTICE_H
#define COURIER_NOTICE_H

#include <stdbool.h>

typedef enum NoticeKind
{
	NOTICE_CROWD,	/* too many connections from one address */
	NOTICE_ADDRESS, /* a webhook from where none may come */
	NOTICE_KINDS
} NoticeKind;

/* At once, or with others of its kind when a second has passed. */
extern void notice(NoticeKind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what is due; true while something is left to be said. */
extern bool notice_flush(void);

#endif /* COURIER_NOTICE_H */
