/*-------------------------------------------------------------------------
 *
 * parse.h
 *	  p2ptext-courier parse.  See parse.c.
 *
 * src/courier/parse.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_PARSE_H
#define COURIER_PARSE_H

extern int parse_run(void);

#endif /* COURIER_PARSE_H */
