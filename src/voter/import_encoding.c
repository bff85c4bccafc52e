/*-------------------------------------------------------------------------
 *
 * import_encoding.c
 *	  Importing voter files: which encoding a file has, and how it becomes that
 *	  of the database.
 *
 * src/voter/import_encoding.c
 *
 *-------------------------------------------------------------------------
 */
#include "voter/import.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

static int
find_encoding(const char *name)
{
	int encoding = pg_char_to_encoding(name);

	if (encoding < 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("encoding \"%s\" is not known", name),
						errhint("Names are those of PostgreSQL: UTF8, LATIN1, "
								"WIN1252, ...")));
	/* Others may have a delimiter within a character. */
	if (!PG_VALID_BE_ENCODING(encoding))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("files in encoding \"%s\" cannot be imported "
						"directly",
						name),
				 errhint("Pass program => 'iconv -f %s -t UTF-8 ...'.", name)));
	return encoding;
}

/* What converts to the encoding of the database; InvalidOid: nothing need. */
static Oid
find_conversion(int encoding)
{
	int server = GetDatabaseEncoding();
	Oid conversion;

	if (encoding == server || encoding == PG_SQL_ASCII ||
		server == PG_SQL_ASCII)
		return InvalidOid;
	conversion = FindDefaultConversionProc(encoding, server);
	if (!OidIsValid(conversion))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("there is no conversion from encoding \"%s\" to "
							   "\"%s\" of this database",
							   pg_encoding_to_char(encoding),
							   GetDatabaseEncodingName())));
	return conversion;
}

bool
is_ascii(const char *data, size_t len)
{
	uint64 seen = 0;
	size_t i = 0;

	for (; i + sizeof(uint64) <= len; i += sizeof(uint64))
	{
		uint64 word;

		memcpy(&word, data + i, sizeof(word));
		seen |= word;
	}
	for (; i < len; i++)
		seen |= (unsigned char) data[i];
	return (seen & UINT64CONST(0x8080808080808080)) == 0;
}

/*
 * Whether bytes that are not UTF-8 can be a Western text of single bytes: its
 * letters stand among others, and no name has a y with diaeresis.
 */
static bool
looks_western(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) data[i];

		if (IS_HIGHBIT_SET(c) &&
			(c < 0x91 || c == 0xFF ||
			 (i + 1 < len && IS_HIGHBIT_SET((unsigned char) data[i + 1]))))
			return false;
	}
	return true;
}

void
encoding_open(ImportEncoding *encoding, const char *name, bool sure)
{
	encoding->id = find_encoding(name);
	encoding->conversion = find_conversion(encoding->id);
	encoding->sure = sure;
}

/* The first characters beyond ASCII tell which encoding the file has. */
void
encoding_decide(ImportEncoding *encoding, const char *data, size_t len)
{
	if (encoding->sure || is_ascii(data, len))
		return;
	if (pg_encoding_verifymbstr(PG_UTF8, data, (int) len) == (int) len ||
		!looks_western(data, len))
		encoding->id = PG_UTF8;
	encoding->conversion = find_conversion(encoding->id);
	encoding->sure = true;
}

/* Converts into room; the length, or -1. */
int
encoding_convert(const ImportEncoding *encoding, const char *data, size_t len,
				 char *room, size_t room_size)
{
	int used = pg_do_encoding_conversion_buf(
		encoding->conversion, encoding->id, GetDatabaseEncoding(),
		(unsigned char *) unconstify(char *, data), (int) len,
		(unsigned char *) room, (int) room_size, true);

	return used == (int) len ? (int) strlen(room) : -1;
}
