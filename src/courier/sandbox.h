/*-------------------------------------------------------------------------
 *
 * sandbox.h
 *	  What a courier gives up before it touches the network.
 *
 * src/courier/sandbox.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef COURIER_SANDBOX_H
#define COURIER_SANDBOX_H

typedef enum SandboxKind
{
	SANDBOX_SEND,
	SANDBOX_LISTEN,
	SANDBOX_PARSE
} SandboxKind;

/* First thing in the process: die with the worker, and stay small. */
extern void sandbox_start(SandboxKind kind);

/* After everything that needs more: no way back. */
extern void sandbox_enter(SandboxKind kind);

#endif /* COURIER_SANDBOX_H */
