/*-------------------------------------------------------------------------
 *
 * json.h
 *	  Single members of a JSON text, without building all of it.
 *
 * Each text sent is answered by a kilobyte of JSON of which one or two
 * members matter.  These functions walk to them; what they find is decoded by
 * jansson, as is everything that is not on the way of every text.
 *
 * src/courier/json.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_JSON_H
#define COURIER_JSON_H

#include "wire.h"

/* The text of a member's value, if "object" is an object that has it. */
extern bool json_member(WireStr object, const char *key, WireStr *value);

/* Copy a member that is a string, cut to size; false if there is none. */
extern bool json_member_text(WireStr object, const char *key, char *dst,
							 size_t size);

extern bool json_member_int(WireStr object, const char *key, int64_t *number);

#endif /* COURIER_JSON_H */
