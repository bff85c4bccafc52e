/*-------------------------------------------------------------------------
 *
 * send.h
 *	  p2ptext-courier send: texts from the worker to their gateways.
 *
 * src/courier/send.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_SEND_H
#define COURIER_SEND_H

extern void send_init(void); /* before the sandbox */
extern int send_run(void);	 /* in it; returns the exit status */

#endif /* COURIER_SEND_H */
