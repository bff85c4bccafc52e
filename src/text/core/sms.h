/*-------------------------------------------------------------------------
 *
 * sms.h
 *	  How a UTF-8 text travels as SMS: its encoding, units and segments.
 *
 * By the code-point rule of 3GPP TS 23.038/23.040: 160 septets or 70 UTF-16
 * units in one segment, 153 or 67 in each of several; neither an escape pair
 * nor a surrogate pair is split between segments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_SMS_H
#define P2PTEXT_SMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct SmsSize
{
	bool gsm;	  /* GSM-7, else UCS-2 */
	size_t units; /* septets or UTF-16 units */
	size_t segments;
} SmsSize;

extern SmsSize sms_measure(const char *text, size_t len);

/* Bytes of text that go into the next segment, of the given encoding. */
extern size_t sms_segment(const char *text, size_t len, bool gsm);

/* Septets of a code point: 1, 2, or 0 when GSM-7 has not got it. */
extern int sms_septets(uint32_t code);

/* What GSM-7 text may stand in for the code point; NULL when nothing does. */
extern const char *sms_replacement(uint32_t code);

#endif
