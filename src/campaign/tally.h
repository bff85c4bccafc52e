/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  What the aggregate audience_tally() keeps of the voters it has seen.
 *
 * src/campaign/tally.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_TALLY_H
#define P2PTEXT_TALLY_H

#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

#include "compat.h"

/*
 * A place is a phone, by its digits as a number, and which text of the tally's
 * a voter there would get.  A phone has up to 15 digits, which take 50 bits.
 */
#define TEXT_BITS 14
#define MAX_TEXTS (1 << TEXT_BITS)
#define PLACE(phone, text) ((phone) << TEXT_BITS | (text))
#define PHONE_OF(place) ((place) >> TEXT_BITS)
#define TEXT_OF(place) ((uint32) (place) & (MAX_TEXTS - 1))

/*
 * Places in order, one after the other: of each, how far its phone is from the
 * one before, and its text in the lowest text_bits, as a number of seven bits
 * to a byte.  So a worker hands over two or three bytes for each.
 */
typedef struct Run
{
	const unsigned char *next;
	const unsigned char *end;
	int text_bits;
	const uint32 *ids; /* our texts by those of the run */
	uint64 phone;
	uint64 place; /* the first that is left, or NO_PLACE */
} Run;

#define NO_PLACE PG_UINT64_MAX

/* Values of which there are few different ones: reasons, lists of zones. */
typedef struct Word
{
	struct varlena *value;
	uint32 id; /* from 0 */
	int64 voters;
	char status;
} Word;

#define WORD_BYTES(value) ((const unsigned char *) VARDATA(value))
#define WORD_LEN(value) ((int) (VARSIZE(value) - VARHDRSZ))

static inline bool
same_word(const struct varlena *a, const struct varlena *b)
{
	return VARSIZE(a) == VARSIZE(b) &&
		   memcmp(WORD_BYTES(a), WORD_BYTES(b), WORD_LEN(a)) == 0;
}

#define SH_PREFIX words
#define SH_ELEMENT_TYPE Word
#define SH_KEY_TYPE struct varlena *
#define SH_KEY value
#define SH_HASH_KEY(table, key) hash_bytes(WORD_BYTES(key), WORD_LEN(key))
#define SH_EQUAL(table, a, b) same_word(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Texts that are alike. */
typedef struct LikeTexts
{
	uint32 zones; /* which of the tally's, or NO_ZONES */
	uint16 segments;
	bool ucs2;
} LikeTexts;

#define NO_ZONES PG_UINT32_MAX

/* Which they are, by what they have in common. */
typedef struct TextId
{
	uint64 of;
	uint32 id;
	char status;
} TextId;

#define TEXT_KEY(text) \
	((uint64) (text).zones << 32 | (uint64) (text).segments << 1 | (text).ucs2)

#define SH_PREFIX texts
#define SH_ELEMENT_TYPE TextId
#define SH_KEY_TYPE uint64
#define SH_KEY of
#define SH_HASH_KEY(table, key) \
	murmurhash32((uint32) (key) ^ murmurhash32((uint32) ((key) >> 32)))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Tally
{
	MemoryContext context;
	words_hash *reasons;
	words_hash *zones;
	struct varlena *last_zones; /* mostly those of the next voter, too */
	uint32 last_zones_id;
	texts_hash *text_ids;
	LikeTexts *texts; /* by id */
	uint32 ntexts;
	uint32 texts_room;
	uint64 last_text; /* mostly that of the next voter, too */
	uint32 last_text_id;
	uint64 *places; /* noted by this process, in no order */
	uint64 nplaces;
	uint64 places_room;
	Run *runs; /* of other processes */
	int nruns;
	bytea *packed; /* if not NULL, it is all that there is */
} Tally;

/* tally.c */
extern MemoryContext tally_context(FunctionCallInfo fcinfo);
extern uint32 tally_zones(Tally *tally, struct varlena *zones);
extern uint32 tally_text(Tally *tally, LikeTexts text);
extern Word **words_by_id(words_hash *words);
extern bool pack_places(Tally *tally, StringInfo out);
extern Run open_run(const char *packed, Size len, const uint32 *ids,
					uint32 ntexts);
extern void next_place(Run *run);

#endif /* P2PTEXT_TALLY_H */
