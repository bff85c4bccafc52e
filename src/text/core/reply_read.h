/*-------------------------------------------------------------------------
 *
 * reply_read.h
 *	  A reply as clauses of plainly spelled words, and the dictionary.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_REPLY_READ_H
#define P2PTEXT_REPLY_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_WORDS 400 /* of a reply; 1600 characters hold no more */
#define MAX_WORD 23	  /* letters of a word that are looked at */
#define CLASS_LIMIT 256

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef struct ClassSet
{
	uint64_t bits[CLASS_LIMIT / 64];
} ClassSet;

typedef struct Word
{
	char text[MAX_WORD + 1];
	uint8_t len;
	bool capital; /* begins with a capital and goes on small */
	int clause_end;
	const ClassSet *classes;
} Word;

typedef struct Reply
{
	int n;
	Word word[MAX_WORDS];
	bool lead[MAX_WORDS + 1];  /* only filling from the clause's start */
	bool trail[MAX_WORDS + 1]; /* only filling to the clause's end */
	ClassSet all;
} Reply;

typedef struct Entry
{
	char text[MAX_WORD + 1];
	int own; /* the class of this word alone, or 0 */
	ClassSet classes;
} Entry;

static inline void
add_class(ClassSet *set, int class)
{
	set->bits[class / 64] |= UINT64_C(1) << class % 64;
}

static inline bool
has_class(const ClassSet *set, int class)
{
	return (set->bits[class / 64] >> class % 64 & 1) != 0;
}

static inline bool
overlap(const ClassSet *a, const ClassSet *b)
{
	uint64_t both = 0;

	for (size_t i = 0; i < LENGTH(a->bits); i++)
		both |= a->bits[i] & b->bits[i];
	return both != 0;
}

/* Is every class of a in b? */
static inline bool
within(const ClassSet *a, const ClassSet *b)
{
	uint64_t missing = 0;

	for (size_t i = 0; i < LENGTH(a->bits); i++)
		missing |= a->bits[i] & ~b->bits[i];
	return missing == 0;
}

/* The word's place in the dictionary, where it is or would be. */
extern Entry *dictionary_entry(const char *text, size_t len);

extern void dictionary_add(const char *text, size_t len, int class);

/* Fills in all but the classes. */
extern void reply_read(Reply *reply, const char *text, size_t len);

#endif
