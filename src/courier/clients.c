/*-------------------------------------------------------------------------
 *
 * clients.c
 *	  Who is connected to a listening courier, and for how much longer.
 *
 * Owns the connections: their number, their number for each address, and the
 * time that each has.  One too many from an address is turned away; one too
 * many of all pushes out the client that we have waited for longest, so that
 * a crowd that says nothing keeps nobody out.
 *
 * src/courier/clients.c
 *
 *-------------------------------------------------------------------------
 */
#include "clients.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "buf.h"
#include "link.h"
#include "notice.h"

#define MAX_CLIENTS 1000
#define MAX_PER_ADDRESS 200
#define CLIENT_MS 10000 /* to send a request whole */

/* Addresses share counters; with the key unknown nobody can arrange it. */
#define N_COUNTERS 16384
#define KEY_LEN 16
#define IPV6_NETWORK 8 /* bytes of an address that one customer gets */

static const CidrList *trusted;
static unsigned char key[KEY_LEN];
static uint16_t counters[N_COUNTERS];
static unsigned n_clients;
static unsigned n_ended;
static Client clients = {.prev = &clients, .next = &clients};

void
clients_init(const CidrList *trusted_proxies)
{
	trusted = trusted_proxies;
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		link_fatal("there are no random numbers");
}

static uint16_t *
counter_of(const Address *address)
{
	unsigned char text[KEY_LEN + sizeof(address->bytes)] = {0};
	unsigned char digest[SHA256_DIGEST_LENGTH];

	memcpy(text, key, KEY_LEN);
	memcpy(text + KEY_LEN, address->bytes,
		   address_is_ipv4(address) ? sizeof(address->bytes) : IPV6_NETWORK);
	SHA256(text, sizeof(text), digest);
	return &counters[(digest[0] << 8 | digest[1]) % N_COUNTERS];
}

void
client_expect(Client *client)
{
	if (client->ended)
		return;
	client->deadline = now_ms() + CLIENT_MS;
	client->prev = clients.prev;
	client->next = &clients;
	client->prev->next = client;
	clients.prev = client;
}

void
client_leave(Client *client)
{
	if (client->deadline == 0)
		return;
	client->deadline = 0;
	client->prev->next = client->next;
	client->next->prev = client->prev;
}

/* The HTTP server notices, and closes the connection. */
static void
end_client(Client *client)
{
	client_leave(client);
	client->ended = true;
	n_ended++;
	shutdown(client->fd, SHUT_RDWR);
}

void
clients_sweep(void)
{
	uint64_t now = now_ms();

	while (clients.next != &clients && clients.next->deadline <= now)
		end_client(clients.next);
}

bool
clients_waited_for(void)
{
	return clients.next != &clients;
}

enum MHD_Result
clients_admit(void *arg, const struct sockaddr *from, socklen_t len)
{
	Address address;
	char text[ADDRESS_TEXT];

	(void) arg, (void) len;
	if (!address_of_socket(&address, from) || n_clients >= CLIENTS_LIMIT - 1)
		return MHD_NO;
	if (*counter_of(&address) < MAX_PER_ADDRESS ||
		cidr_holds(trusted, &address))
		return MHD_YES;
	address_print(&address, text);
	notice(NOTICE_CROWD,
		   "too many connections from %s; if that is a proxy of "
		   "yours, name it in p2ptext.trusted_proxies",
		   text);
	return MHD_NO;
}

static Client *
begin_client(struct MHD_Connection *connection)
{
	Client *client = xalloc(sizeof(Client));

	client->fd =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd;
	address_of_socket(
		&client->address,
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
			->client_addr);
	client->proxy = cidr_holds(trusted, &client->address);
	if (!client->proxy)
		++*counter_of(&client->address);
	n_clients++;
	client_expect(client);
	if (n_clients - n_ended > MAX_CLIENTS)
		end_client(clients.next);
	return client;
}

void
clients_notify(void *arg, struct MHD_Connection *connection, void **context,
			   enum MHD_ConnectionNotificationCode code)
{
	Client *client = *context;

	(void) arg;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = begin_client(connection);
	else if (client)
	{
		client_leave(client);
		if (!client->proxy)
			--*counter_of(&client->address);
		n_clients--;
		n_ended -= client->ended;
		free(client);
		*context = NULL;
	}
}
