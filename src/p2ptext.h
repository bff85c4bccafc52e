/*-------------------------------------------------------------------------
 *
 * p2ptext.h
 *	  Settings, for every room of the house.
 *
 * src/p2ptext.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_H
#define P2PTEXT_H

#include "postgres.h"

#define EXTENSION_NAME "p2ptext"

extern char *p2ptext_listen_addresses;
extern int p2ptext_port;
extern char *p2ptext_public_url;
extern char *p2ptext_trusted_proxies;
extern char *p2ptext_metrics_address;
extern int p2ptext_inbound_retention;
extern int p2ptext_senders;
extern int p2ptext_batch_size;
extern int p2ptext_max_in_flight;
extern int p2ptext_request_timeout;
extern char *p2ptext_secrets_file;
extern char *p2ptext_ca_file;
extern bool p2ptext_sending;
extern char *p2ptext_databases;

#endif /* P2PTEXT_H */
