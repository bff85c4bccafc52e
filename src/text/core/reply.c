/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  What a reply asks for: to stop, to start, for help; or whom it reached.
 *
 * A reply is cut into clauses of plainly spelled words.  Each word stands for
 * a set of classes, and the rules of reply_rules.h are patterns of classes.
 * What no rule recognises is left to a person.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/reply.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "text/core/name.h"
#include "text/core/reply_rules.h"
#include "text/core/utf8.h"

#define MAX_WORDS 400 /* of a reply; 1600 characters hold no more */
#define MAX_WORD 23	  /* letters of a word that are looked at */
#define MAX_ELEMENTS 10
#define TABLE_SIZE 4096 /* a power of two, several times the dictionary */
#define CLASS_LIMIT 256

#define NCLASSES (sizeof(word_classes) / sizeof(word_classes[0]))
#define NRULES (sizeof(rules) / sizeof(rules[0]))
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

typedef enum ElementKind
{
	ONE,
	OPTIONAL,
	SEVERAL,
	FORBIDDEN,
	GAP,
	BEGIN,
	END
} ElementKind;

typedef struct Element
{
	ElementKind kind;
	bool any; /* whatever the word */
	ClassSet classes;
} Element;

typedef struct Pattern
{
	int n;
	Element element[MAX_ELEMENTS];
	ClassSet required; /* classes without which it cannot match */
} Pattern;

typedef struct Entry
{
	char text[MAX_WORD + 1];
	ClassSet classes;
} Entry;

/* Built from reply_rules.h at first use. */
static Entry dictionary[TABLE_SIZE];
static Pattern patterns[NRULES];
static bool ready;
static int nclasses;
static int class_polite;
static int class_fill;
static int class_key;
static int class_start;
static int class_help;
static int class_negation;
static int class_link;
static int class_subject;
static int class_name;
static int class_notname;
static int class_textv;
static const ClassSet no_classes;

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
static Entry *
look_up(const char *text, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) text[i]) * 16777619u;
	hash ^= hash >> 15;
	for (;;)
	{
		Entry *entry = &dictionary[hash++ % TABLE_SIZE];

		if (entry->text[0] == '\0' || (memcmp(entry->text, text, len) == 0 &&
									   entry->text[len] == '\0'))
			return entry;
	}
}

static void
define(const char *text, size_t len, int class)
{
	Entry *entry = look_up(text, len);

	memcpy(entry->text, text, len);
	add_class(&entry->classes, class);
}

static int
class_number(const char *name, size_t len)
{
	for (size_t i = 0; i < NCLASSES; i++)
	{
		if (strlen(word_classes[i][0]) == len &&
			memcmp(word_classes[i][0], name, len) == 0)
			return i;
	}
	return -1;
}

/*
 * The class a pattern means by a name: a class of words, or the one word by
 * itself, which gets a class of its own at its first mention.
 */
static int
mentioned_class(const char *name, size_t len, ClassSet singles[TABLE_SIZE])
{
	Entry *entry;
	int known = class_number(name, len);

	if (known >= 0)
		return known;
	entry = look_up(name, len);
	for (int i = NCLASSES; i < nclasses; i++)
	{
		if (has_class(&singles[entry - dictionary], i))
			return i;
	}
	define(name, len, nclasses);
	add_class(&singles[entry - dictionary], nclasses);
	return nclasses++;
}

static void
compile_pattern(const char *text, Pattern *pattern,
				ClassSet singles[TABLE_SIZE])
{
	while (*text != '\0')
	{
		size_t len = strcspn(text, " ");
		const char *end = text + len;
		const char *next = *end == ' ' ? end + 1 : end;
		Element *element = &pattern->element[pattern->n++];
		int alternatives = 0;
		int class = 0;

		element->kind = ONE;
		if (*text == '^' || *text == '$' || *text == '~')
			element->kind = *text == '^' ? BEGIN : *text == '$' ? END : GAP;
		else if (*text == '.')
			element->any = true;
		else
		{
			if (*text == '!')
			{
				element->kind = FORBIDDEN;
				text++;
			}
			else if (end[-1] == '?' || end[-1] == '*')
			{
				element->kind = end[-1] == '?' ? OPTIONAL : SEVERAL;
				end--;
			}
			while (text < end)
			{
				len = strcspn(text, "|?* ");
				class = mentioned_class(text, len, singles);
				add_class(&element->classes, class);
				alternatives++;
				text += len + 1;
			}
			if (element->kind == ONE && alternatives == 1)
				add_class(&pattern->required, class);
		}
		text = next;
	}
}

static void
build(void)
{
	static ClassSet singles[TABLE_SIZE];

	nclasses = NCLASSES;
	for (size_t i = 0; i < NCLASSES; i++)
	{
		const char *word = word_classes[i][1];

		while (*word != '\0')
		{
			size_t len = strcspn(word, " ");

			define(word, len, i);
			word += len + (word[len] == ' ');
		}
	}
	for (size_t i = 0; i < NRULES; i++)
		compile_pattern(rules[i].pattern, &patterns[i], singles);
	class_polite = class_number("POLITE", 6);
	class_fill = class_number("FILL", 4);
	class_key = class_number("KEY", 3);
	class_start = class_number("START", 5);
	class_help = class_number("HELPKEY", 7);
	class_negation = class_number("NEG", 3);
	class_link = class_number("LINK", 4);
	class_subject = class_number("SUBJ", 4);
	class_name = class_number("NAME", 4);
	class_notname = class_number("NOTNAME", 7);
	class_textv = class_number("TEXTV", 5);
	ready = true;
}

/* The plain letter or digit of a code point, or '\0'. */
static char
plain_letter(uint32_t code)
{
	static const char latin1[] = "aaaaaaaceeeeiiiidnooooo*ouuuuy*s";

	code = code_lower(code);
	if (code < 0x80)
		return (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9')
				   ? code
				   : '\0';
	if (code >= 0xE0 && code <= 0xFF && code != 0xF7)
		return code == 0xFF ? 'y' : latin1[code - 0xE0];
	/* beyond: some letter, so that it separates no words */
	return (code >= 0x100 && code < 0x2000) || (code >= 0x3040 && code < 0xD7FF)
			   ? '?'
			   : '\0';
}

static bool
ends_clause(uint32_t code)
{
	return code == '.' || code == ',' || code == '!' || code == '?' ||
		   code == ';' || code == ':' || code == '\n' || code == '(' ||
		   code == ')' || code == 0x2014 || code == 0x2013 || code == 0x2026 ||
		   code == 0x00BF || code == 0x00A1;
}

static bool
is_apostrophe(uint32_t code)
{
	return code == '\'' || code == 0x2019 || code == 0x2018 || code == '`' ||
		   code == 0x00B4;
}

/* Pairs read as one word; what they become must not be longer. */
static const char *
joined(const Word *a, const Word *b)
{
	static const char *const pairs[][3] = {
		{"do", "not", "dont"},		{"does", "not", "doesnt"},
		{"did", "not", "didnt"},	{"can", "not", "cant"},
		{"will", "not", "wont"},	{"is", "not", "isnt"},
		{"am", "not", "isnt"},		{"are", "not", "arent"},
		{"no", "longer", "nolonger"}, {"opt", "out", "optout"},
		{"opting", "out", "optout"}, {"opted", "out", "optout"},
		{"un", "subscribe", "unsubscribe"}, {"no", "one", "nobody"},
		{"i", "am", "im"},			{"don", "t", "dont"},
		{"isn", "t", "isnt"},		{"un", "stop", "unstop"},
		{"anymore", "text", "text"}, {"stop", "ping", "stopping"},
		{"i", "m", "im"},			{"dont", "not", "dont"}};

	for (size_t i = 0; i < LENGTH(pairs); i++)
	{
		if (strcmp(a->text, pairs[i][0]) == 0 &&
			strcmp(b->text, pairs[i][1]) == 0)
			return pairs[i][2];
	}
	return NULL;
}

static void
end_clause(Reply *reply, int *clause)
{
	for (int i = *clause; i < reply->n; i++)
		reply->word[i].clause_end = reply->n;
	*clause = reply->n;
}

/* Three or more of one letter are one: "stoooop". */
static void
append_letter(Word *word, char letter)
{
	int len = word->len;

	if (len == MAX_WORD)
		return;
	if (len >= 2 && word->text[len - 1] == letter &&
		word->text[len - 2] == letter && letter >= 'a')
	{
		word->text[len - 1] = '\0';
		word->len--;
		return;
	}
	word->text[len] = letter;
	word->len++;
}
