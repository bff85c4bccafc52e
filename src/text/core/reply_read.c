/*-------------------------------------------------------------------------
 *
 * reply_read.c
 *	  A reply as clauses of plainly spelled words, and the dictionary.
 *
 *-------------------------------------------------------------------------
 */
#include "text/core/reply_read.h"

#include <string.h>

#include "text/core/name.h"
#include "text/core/utf8.h"

#define TABLE_SIZE 4096 /* a power of two, several times the dictionary */

static Entry dictionary[TABLE_SIZE];

Entry *
dictionary_entry(const char *text, size_t len)
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

void
dictionary_add(const char *text, size_t len, int class)
{
	Entry *entry = dictionary_entry(text, len);

	memcpy(entry->text, text, len);
	add_class(&entry->classes, class);
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

void
reply_read(Reply *reply, const char *text, size_t len)
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
		else if (sign_word(code) != NULL &&
				 (code != '#' || p == end || plain_letter(*p) == '\0'))
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
