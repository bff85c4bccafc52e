/*-------------------------------------------------------------------------
 *
 * import.h
 *	  Importing voter files: the parts that do it.
 *
 * src/voter/import.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_IMPORT_H
#define P2PTEXT_IMPORT_H

#include "compat.h"

#include "access/tableam.h"
#include "utils/rel.h"

#include "voter/record.h"

/* So much of a file is looked at to find its format. */
#define IMPORT_HEAD (256 * 1024)

/*
 * Where bytes come from (import_input.c).
 */
typedef struct ImportInput
{
	const char *name;	 /* for messages */
	const char *program; /* or NULL */
	int fd;
	FILE *pipe;
	int64 size;			  /* of the file */
	TimestampTz modified; /* the file was */
	int64 position;		  /* of what is read next */
	char *buffer;
	size_t start; /* of what has been read and not been used */
	size_t end;
	bool at_end; /* nothing comes after it */
} ImportInput;

extern ImportInput *input_open_file(const char *path, int64 position);
extern ImportInput *input_open_program(const char *program);
extern void input_expect(ImportInput *input, int64 size, TimestampTz modified);
extern bool input_fill(ImportInput *input);
extern bytea *input_head(ImportInput *input);
extern void input_close(ImportInput *input);

/*
 * What the bytes mean (import_encoding.c).
 */
typedef struct ImportEncoding
{
	int id;
	Oid conversion; /* to that of the database, or InvalidOid */
	bool sure;		/* a line has shown it, or somebody has said so */
} ImportEncoding;

extern void encoding_open(ImportEncoding *encoding, const char *name,
						  bool sure);
extern void encoding_decide(ImportEncoding *encoding, const char *data,
							size_t len);
extern int encoding_convert(const ImportEncoding *encoding, const char *data,
							size_t len, char *room, size_t room_size);
extern bool is_ascii(const char *data, size_t len);

/*
 * Where rows and rejected lines go (import_output.c).
 */
typedef enum RejectReason
{
	REJECT_TOO_FEW_FIELDS,
	REJECT_TOO_MANY_FIELDS,
	REJECT_UNTERMINATED_QUOTE,
	REJECT_LINE_TOO_LONG,
	REJECT_NUL_BYTE,
	REJECT_BAD_ENCODING,
	REJECT_ROW_TOO_BIG,
	N_REJECT_REASONS
} RejectReason;

extern const char *const reject_reasons[N_REJECT_REASONS];

typedef struct ImportOutput ImportOutput;

extern ImportOutput *output_open(int32 import_id, Oid relid, int n_columns);
extern char *output_room(ImportOutput *output, size_t size);
extern bool output_row(ImportOutput *output, const Datum *values,
					   const bool *nulls);
extern void output_reject(ImportOutput *output, int64 line, RejectReason reason,
						  const char *detail, const char *content, size_t len);
extern void output_close(ImportOutput *output);

#endif /* P2PTEXT_IMPORT_H */
