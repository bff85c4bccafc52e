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
static int class_textv;

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

		if (entry->text[0] == '\0' ||
			(memcmp(entry->text, text, len) == 0 && entry->text[len] == '\0'))
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
	static const char *const pairs[][3] = {{"do", "not", "dont"},
										   {"does", "not", "doesnt"},
										   {"did", "not", "didnt"},
										   {"can", "not", "cant"},
										   {"will", "not", "wont"},
										   {"is", "not", "isnt"},
										   {"am", "not", "isnt"},
										   {"are", "not", "arent"},
										   {"no", "longer", "nolonger"},
										   {"opt", "out", "optout"},
										   {"opting", "out", "optout"},
										   {"opted", "out", "optout"},
										   {"un", "subscribe", "unsubscribe"},
										   {"no", "one", "nobody"},
										   {"i", "am", "im"},
										   {"don", "t", "dont"},
										   {"isn", "t", "isnt"},
										   {"un", "stop", "unstop"},
										   {"anymore", "text", "text"},
										   {"stop", "ping", "stopping"},
										   {"i", "m", "im"},
										   {"dont", "not", "dont"}};

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
squeeze(Word *word)
{
	int n = 0;

	for (int i = 0; i < word->len;)
	{
		int run = 1;

		while (i + run < word->len && word->text[i + run] == word->text[i])
			run++;
		for (int j = 0; j < (run > 2 && word->text[i] >= 'a' ? 1 : run); j++)
			word->text[n++] = word->text[i];
		i += run;
	}
	word->len = n;
	word->text[n] = '\0';
}

/* Takes in the word that was read into the next free place. */
static void
end_word(Reply *reply, int clause)
{
	Word *word = &reply->word[reply->n];
	const char *pair;

	if (word->len == 0)
		return;
	squeeze(word);
	pair = reply->n > clause ? joined(word - 1, word) : NULL;
	if (pair != NULL)
	{
		word--;
		word->len = strlen(pair);
		memcpy(word->text, pair, word->len + 1);
	}
	else
		reply->n++;
	reply->word[reply->n].len = 0;
	reply->word[reply->n].capital = false;
}

static void
add_letter(Word *word, char letter, bool upper)
{
	if (word->len == MAX_WORD)
		return;
	if (word->len == 0)
		word->capital = upper;
	else if (upper)
		word->capital = false;
	word->text[word->len++] = letter;
}

/* A sign that is a word by itself; NULL for all others. */
static const char *
sign_word(uint32_t code)
{
	switch (code)
	{
		case '#':
			return "#";
		case '&':
			return "and";
		case 0x1F6D1: /* stop sign */
			return "stop";
		default:
			return NULL;
	}
}

static void
add_sign(Reply *reply, const char *sign, int clause)
{
	Word *word;

	end_word(reply, clause);
	if (reply->n == MAX_WORDS - 1)
		return;
	word = &reply->word[reply->n];
	while (*sign != '\0')
		add_letter(word, *sign++, false);
	end_word(reply, clause);
}

/* Someone who spells S T O P, letter by letter. */
static void
join_letters(Reply *reply)
{
	Word *first = &reply->word[0];
	int n = reply->n;

	for (int i = 0; i < n; i++)
	{
		if (reply->word[i].len != 1)
			return;
	}
	if (n < 3 || n > 12)
		return;
	for (int i = 1; i < n; i++)
		first->text[i] = reply->word[i].text[0];
	first->text[n] = '\0';
	first->len = n;
	first->clause_end = 1;
	reply->n = 1;
}

static void
read_words(Reply *reply, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + len;
	int clause = 0;
	bool after_space = true;

	reply->n = 0;
	reply->word[0].len = 0;
	reply->word[0].capital = false;
	while (p < end && reply->n < MAX_WORDS - 1)
	{
		uint32_t code = utf8_next(&p, end);
		char letter = plain_letter(code);
		Word *word = &reply->word[reply->n];

		if (letter != '\0')
			add_letter(word, letter, code_lower(code) != code);
		else if (is_apostrophe(code) && word->len > 0)
			continue;
		else if (sign_word(code) != NULL)
			add_sign(reply, sign_word(code), clause);
		else
		{
			end_word(reply, clause);
			if (ends_clause(code) || (code == '-' && after_space))
				end_clause(reply, &clause);
		}
		after_space = code == ' ';
	}
	end_word(reply, clause);
	end_clause(reply, &clause);
	join_letters(reply);
}

static bool
is_filling(const Word *word)
{
	return has_class(word->classes, class_fill) ||
		   has_class(word->classes, class_polite);
}

/* What each word can stand for, and where only filling stands. */
static void
find_classes(Reply *reply)
{
	static ClassSet a_name;
	int start = 0;

	add_class(&a_name, class_name);
	memset(&reply->all, 0, sizeof(reply->all));
	for (int i = 0; i < reply->n; i++)
	{
		Word *word = &reply->word[i];

		word->classes = &look_up(word->text, word->len)->classes;
		if (!overlap(word->classes, word->classes) && word->capital &&
			i > start)
			word->classes = &a_name;
		for (size_t j = 0; j < LENGTH(reply->all.bits); j++)
			reply->all.bits[j] |= word->classes->bits[j];
		reply->lead[i] =
			i == start || (reply->lead[i - 1] && is_filling(word - 1));
		if (word->clause_end == i + 1)
			start = i + 1;
	}
	for (int i = reply->n - 1; i >= 0; i--)
		reply->trail[i] =
			is_filling(&reply->word[i]) &&
			(reply->word[i].clause_end == i + 1 || reply->trail[i + 1]);
}

static bool
matches(const Element *element, const Word *word)
{
	return element->any || overlap(&element->classes, word->classes);
}

/* Do the elements from e on match the words from i on, up to end? */
static bool
match(const Pattern *pattern, int e, const Reply *reply, int i, int end)
{
	const Element *element = &pattern->element[e];
	int most = 1;
	int least = 0;

	if (e == pattern->n)
		return true;
	switch (element->kind)
	{
		case BEGIN:
			return reply->lead[i] && match(pattern, e + 1, reply, i, end);
		case END:
			return (i == end || reply->trail[i]) &&
				   match(pattern, e + 1, reply, i, end);
		case FORBIDDEN:
			return (i == end || !matches(element, &reply->word[i])) &&
				   match(pattern, e + 1, reply, i, end);
		case GAP:
			for (int n = 0; n <= 3 && i + n <= end; n++)
			{
				if (match(pattern, e + 1, reply, i + n, end))
					return true;
			}
			return false;
		case ONE:
			least = 1;
			break;
		case OPTIONAL:
			break;
		case SEVERAL:
			most = 4;
			break;
	}
	for (int n = 0; n <= most; n++)
	{
		if (n > 0 &&
			(i + n > end || !matches(element, &reply->word[i + n - 1])))
			return false;
		if (n >= least && match(pattern, e + 1, reply, i + n, end))
			return true;
	}
	return false;
}

/* "don't [want you to] stop", "why did you stop" */
static bool
negated(const Reply *reply, int start, int i)
{
	while (--i >= start)
	{
		const ClassSet *classes = reply->word[i].classes;

		if (has_class(classes, class_negation))
			return true;
		if (!has_class(classes, class_link))
			return false;
	}
	return false;
}

static bool
allowed(Guard guard, const Reply *reply, int start, int i)
{
	bool has_subject =
		i > start && has_class(reply->word[i - 1].classes, class_subject);

	switch (guard)
	{
		case NOT_NEGATED:
			return !negated(reply, start, i);
		case IMPERATIVE:
			return !has_subject;
		case CALLS_ONLY:
			return !has_subject && !has_class(&reply->all, class_textv);
		default:
			return true;
	}
}

static bool
rule_applies(int r, const Reply *reply)
{
	int start = 0;

	if (!within(&patterns[r].required, &reply->all))
		return false;
	for (int i = 0; i < reply->n; i++)
	{
		int end = reply->word[i].clause_end;

		if (match(&patterns[r], 0, reply, i, end) &&
			allowed(rules[r].guard, reply, start, i))
			return true;
		if (end == i + 1)
			start = i + 1;
	}
	return false;
}

/* Is the message, but for courtesies, of this class? */
static bool
whole_message(const Reply *reply, int class)
{
	bool found = false;

	for (int i = 0; i < reply->n; i++)
	{
		if (has_class(reply->word[i].classes, class))
			found = true;
		else if (!has_class(reply->word[i].classes, class_polite))
			return false;
	}
	return found;
}

static void
read_reply(Reply *reply, const char *text, size_t len)
{
	if (!ready)
		build();
	read_words(reply, text, len);
	find_classes(reply);
}

ReplyMeaning
reply_classify(const char *text, size_t len)
{
	Reply reply;

	read_reply(&reply, text, len);
	if (whole_message(&reply, class_key))
		return REPLY_OPT_OUT;
	if (whole_message(&reply, class_start))
		return REPLY_OPT_IN;
	if (whole_message(&reply, class_help))
		return REPLY_HELP;
	for (size_t r = 0; r < NRULES; r++)
	{
		if (rule_applies(r, &reply))
			return rules[r].meaning;
	}
	return REPLY_NONE;
}

size_t
reply_words(const char *text, size_t len, char *out)
{
	Reply reply;
	int from = 0;
	int to;
	size_t n = 0;

	read_reply(&reply, text, len);
	to = reply.n;
	while (to > 0 && has_class(reply.word[to - 1].classes, class_polite))
		to--;
	while (from < to && has_class(reply.word[from].classes, class_polite))
		from++;
	for (int i = from; i < to; i++)
	{
		if (i > from)
			out[n++] = ' ';
		memcpy(out + n, reply.word[i].text, reply.word[i].len);
		n += reply.word[i].len;
	}
	return n;
}

const char *
reply_meaning_name(ReplyMeaning meaning)
{
	static const char *const names[] = {[REPLY_NONE] = NULL,
										[REPLY_OPT_OUT] = "opt_out",
										[REPLY_OPT_IN] = "opt_in",
										[REPLY_HELP] = "help",
										[REPLY_WRONG_NUMBER] = "wrong_number"};

	return names[meaning];
}
