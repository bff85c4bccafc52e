/*-------------------------------------------------------------------------
 *
 * phone.h
 *	  From what a voter file calls a phone to E.164.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_PHONE_H
#define P2PTEXT_PHONE_H

#include <stdbool.h>
#include <stddef.h>

/* Why a string is no number, or is a number nobody can text. */
typedef enum PhoneProblem
{
	PHONE_OK,

	/* not a phone number */
	PHONE_EMPTY,
	PHONE_NO_DIGITS,
	PHONE_LETTERS,
	PHONE_ROUNDED,
	PHONE_TOO_SHORT,
	PHONE_TOO_LONG,
	PHONE_NO_AREA_CODE,
	PHONE_NO_COUNTRY_CODE,
	PHONE_AMBIGUOUS_PREFIX,
	PHONE_REPEATED_DIGITS,
	PHONE_INVALID_AREA_CODE,
	PHONE_UNASSIGNED_AREA_CODE,
	PHONE_INVALID_EXCHANGE,

	/* valid, but not textable; PHONE_VALID is true from here on */
	PHONE_TOLL_FREE,
	PHONE_PREMIUM,
	PHONE_PERSONAL,
	PHONE_SERVICE_EXCHANGE,
	PHONE_VALID_REPEATED_DIGITS
} PhoneProblem;

#define PHONE_VALID(problem) \
	((problem) == PHONE_OK || (problem) >= PHONE_TOLL_FREE)

typedef enum PhoneNote
{
	PHONE_PLAIN,
	PHONE_EXTENSION_DROPPED,
	PHONE_SECOND_NUMBER_DROPPED,
	PHONE_LABEL_DROPPED,
	PHONE_SPREADSHEET_REPAIRED
} PhoneNote;

typedef struct Phone
{
	PhoneProblem problem;
	PhoneNote note;
	char country[3]; /* of a valid NANP number, else empty */
	char state[3];	 /* of its area code, where that is in one, else empty */
	char e164[17];	 /* '+' and up to 15 digits, when valid */
} Phone;

/* region: two capital letters; unknown ones have no national format. */
extern void phone_parse(const char *str, size_t len, const char *region,
						Phone *phone);

extern const char *phone_problem_name(PhoneProblem problem);
extern const char *phone_note_name(PhoneNote note);

#endif
