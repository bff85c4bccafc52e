/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  p2ptext.classify_reply: the built-in rules, then the administrator's.
 *
 * The rows of p2ptext.reply_keyword add to what is built in and cannot take
 * from it.  A call site reads them once per snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "compat.h"
#include "text/core/reply.h"
#include "text/snapshot.h"
#include "text/utf8_text.h"

typedef struct Keyword
{
	size_t len;
	char *words; /* as reply_words() spells them */
	text *meaning;
} Keyword;

typedef struct KeywordList
{
	SnapshotStamp stamp;
	MemoryContext context;
	int n;
	Keyword *keywords;
} KeywordList;

static void
read_keyword(KeywordList *list, Keyword *keyword, HeapTuple row, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(list->context);
	bool isnull;
	Utf8 word =
		utf8_from_text(DatumGetTextPP(SPI_getbinval(row, desc, 1, &isnull)));

	keyword->words = palloc(4 * word.len + 1);
	keyword->len = reply_words(word.str, word.len, keyword->words);
	keyword->meaning = DatumGetTextPCopy(SPI_getbinval(row, desc, 2, &isnull));
	MemoryContextSwitchTo(old);
}

static void
read_keywords(KeywordList *list)
{
	MemoryContextReset(list->context);
	list->n = 0;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT word, meaning FROM p2ptext.reply_keyword", true,
					0) != SPI_OK_SELECT)
		elog(ERROR, "could not read p2ptext.reply_keyword");
	list->keywords = MemoryContextAlloc(list->context,
										sizeof(Keyword) * (SPI_processed + 1));
	for (uint64 i = 0; i < SPI_processed; i++)
		read_keyword(list, &list->keywords[list->n++], SPI_tuptable->vals[i],
					 SPI_tuptable->tupdesc);
	SPI_finish();
}

static KeywordList *
get_keywords(FunctionCallInfo fcinfo)
{
	KeywordList *list = fcinfo->flinfo->fn_extra;

	if (list == NULL)
	{
		list = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(KeywordList));
		list->context = AllocSetContextCreate(
			fcinfo->flinfo->fn_mcxt, "p2ptext keywords", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = list;
	}
	if (snapshot_moved(&list->stamp))
		read_keywords(list);
	return list;
}

/* What the administrator's rows make of the text; NULL for nothing. */
static text *
added_meaning(const KeywordList *list, Utf8 u)
{
	char *words;
	size_t len;

	if (list->n == 0)
		return NULL;
	words = palloc(4 * u.len + 1);
	len = reply_words(u.str, u.len, words);
	for (int i = 0; i < list->n; i++)
	{
		if (list->keywords[i].len == len &&
			memcmp(list->keywords[i].words, words, len) == 0)
			return list->keywords[i].meaning;
	}
	return NULL;
}

PG_FUNCTION_INFO_V1(p2ptext_classify_reply);
Datum
p2ptext_classify_reply(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);
	ReplyMeaning meaning = reply_classify(u.str, u.len);
	text *added;

	if (meaning != REPLY_NONE)
		PG_RETURN_TEXT_P(cstring_to_text(reply_meaning_name(meaning)));
	added = added_meaning(get_keywords(fcinfo), u);
	if (added == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(added);
}

/* For the table's constraint: a keyword must have a word in it. */
PG_FUNCTION_INFO_V1(p2ptext_reply_words);
Datum
p2ptext_reply_words(PG_FUNCTION_ARGS)
{
	Utf8 u = PG_GETARG_UTF8(0);
	char *words = palloc(4 * u.len + 1);
	size_t len = reply_words(u.str, u.len, words);

	PG_RETURN_TEXT_P(utf8_to_text(words, len));
}
