/*-------------------------------------------------------------------------
 *
 * reply.h
 *	  What a reply asks for: to stop, to start, for help; or whom it reached.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_REPLY_H
#define P2PTEXT_REPLY_H

#include <stddef.h>

typedef enum ReplyMeaning
{
	REPLY_NONE, /* an answer, or something for a person to read */
	REPLY_OPT_OUT,
	REPLY_OPT_IN,
	REPLY_HELP,
	REPLY_WRONG_NUMBER
} ReplyMeaning;

extern ReplyMeaning reply_classify(const char *text, size_t len);

/*
 * The words of a text in plain spelling (lower case, no accents, apostrophes
 * or punctuation), without courtesies around a keyword, separated by single
 * spaces.  Writes at most 4 * len bytes to out; returns how many.
 */
extern size_t reply_words(const char *text, size_t len, char *out);

extern const char *reply_meaning_name(ReplyMeaning meaning);

#endif
