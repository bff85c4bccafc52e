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

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "text/core/reply_read.h"
#include "text/core/reply_rules.h"

#define MAX_ELEMENTS 10

#define NCLASSES (sizeof(word_classes) / sizeof(word_classes[0]))
#define NRULES (sizeof(rules) / sizeof(rules[0]))

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

/* Built from reply_rules.h at first use. */
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
static int class_modal;
static int class_name;
static int class_textv;

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
mentioned_class(const char *name, size_t len)
{
	int known = class_number(name, len);
	Entry *entry;

	if (known >= 0)
		return known;
	assert(name[0] < 'A' || name[0] > 'Z'); /* a class we have not got */
	entry = dictionary_entry(name, len);
	if (entry->own == 0)
	{
		assert(nclasses < CLASS_LIMIT);
		entry->own = nclasses++;
		dictionary_add(name, len, entry->own);
	}
	return entry->own;
}

static void
compile_pattern(const char *text, Pattern *pattern)
{
	while (*text != '\0')
	{
		size_t len = strcspn(text, " ");
		const char *end = text + len;
		const char *next = *end == ' ' ? end + 1 : end;
		Element *element = &pattern->element[pattern->n];
		int alternatives = 0;
		int class = 0;

		assert(pattern->n < MAX_ELEMENTS);
		pattern->n++;
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
				class = mentioned_class(text, len);
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
	nclasses = NCLASSES;
	for (size_t i = 0; i < NCLASSES; i++)
	{
		const char *word = word_classes[i][1];

		while (*word != '\0')
		{
			size_t len = strcspn(word, " ");

			dictionary_add(word, len, i);
			word += len + (word[len] == ' ');
		}
	}
	for (size_t i = 0; i < NRULES; i++)
		compile_pattern(rules[i].pattern, &patterns[i]);
	class_polite = class_number("POLITE", 6);
	class_fill = class_number("FILL", 4);
	class_key = class_number("KEY", 3);
	class_start = class_number("START", 5);
	class_help = class_number("HELPKEY", 7);
	class_negation = class_number("NEG", 3);
	class_link = class_number("LINK", 4);
	class_subject = class_number("SUBJ", 4);
	class_modal = class_number("MODAL", 5);
	class_name = class_number("NAME", 4);
	class_textv = class_number("TEXTV", 5);
	ready = true;
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

		word->classes = &dictionary_entry(word->text, word->len)->classes;
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
	static const ClassSet nothing;
	const ClassSet *before = i > start ? reply->word[i - 1].classes : &nothing;
	bool has_subject = has_class(before, class_subject);

	switch (guard)
	{
		case NOT_NEGATED:
			return !negated(reply, start, i);
		case UNLED:
			return !has_subject && !has_class(before, class_modal) &&
				   !negated(reply, start, i);
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
	reply_read(reply, text, len);
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
