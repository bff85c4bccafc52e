/*-------------------------------------------------------------------------
 *
 * name.h
 *	  Names as people write them, from files that shout.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_NAME_H
#define P2PTEXT_NAME_H

#include <stddef.h>
#include <stdint.h>

/* Writes at most 3 * len bytes to out; returns how many. */
extern size_t proper_name(const char *name, size_t len, char *out);

/* Simple case mapping of Latin, Greek and Cyrillic; others as they are. */
extern uint32_t code_lower(uint32_t code);
extern uint32_t code_upper(uint32_t code);

#endif
