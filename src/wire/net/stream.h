// Connections (TCP, TLS, WebSocket) of one thread: messages come out whole, and go to whoever is at the other end of an address. A
// connection is named by its listener and the peer's address, so that nobody keeps a handle of one: what is sent to an
// address goes by the connection that stands; when none does, one is opened. An address may name its connection, too
// (addr.flow), and then no other will do, unless the peer may be called.
//
//     streams_listen ─▶ accept ─▶ user.accepted ─▶ (the thread whose it is) streams_adopt ─▶ user.message ...
//     streams_send ─▶ the connection that stands, or a new one
//     streams_tick ─▶ what is late is closed; what could not be sent is given back (packet.returned)
//
// Never blocks, allocates only for what waits. What a peer may cost is bounded: connections, of one address too, octets
// of a message that is not whole, octets that wait to be sent, time for the first message and for each whole one.
// A peer that is gone without a word is found by TCP's own probes.
#pragma once

#include "base/packet.h"
#include "wire/net/loop.h"

#define STREAM_LISTENERS_MAX 8
#define STREAM_HOST_MAX 256
#define STREAM_OWN_MAX 256 // that we opened, or that only give back what they were to send: beside connections_max

// What stands at the beginning of what came.
enum stream_piece {
	STREAM_MORE,    // not whole yet
	STREAM_MESSAGE, // *length octets are a message
	STREAM_PING,    // *length octets are a keep-alive to be answered
	STREAM_SKIP,    // *length octets mean nothing
	STREAM_BROKEN,  // *length octets are a message, after which nothing can be told apart: the connection ends when the
	                // answer to it has had time to go out
};

struct stream_user {
	void *self;
	enum stream_piece (*piece)(uint32_t *length, uint32_t *looked, struct str bytes);
	struct str pong; // the answer to a ping
	// A message. Good until the call returns.
	void (*message)(void *self, const struct packet *p);
	// One of ours could not be sent (it is packet.returned), since no connection could be opened, or that which stood
	// has broken.
	void (*unsent)(void *self, const struct packet *p, bool stood);
	// Nobody else's address is connected to. true: one may be opened to this peer, whose certificate must have the name
	// that is written to host (STREAM_HOST_MAX octets, ended by NUL).
	bool (*may_open)(void *self, const struct addr *peer, char *host);
	// Of TLS: this peer, who has connected, must have a certificate of the name that is written to host.
	bool (*must_be)(void *self, const struct addr *peer, char *host);
	// A connection begins: its number; 0: it may not be. It has ended: the peer with that number; `asked`: a request of
	// ours went there.
	uint32_t (*began)(void *self);
	void (*ended)(void *self, const struct addr *peer, bool asked);
	// A connection was accepted: it is streams_adopt's, of this thread or of another, or to be closed.
	void (*accepted)(void *self, int fd, uint16_t listener, const struct addr *peer);
};

struct stream_limits {
	uint32_t connections_max; // that others opened, as the next
	uint32_t of_address_max;  // of one host (of IPv6: one /64); the rest are refused
	uint64_t memory_max;      // octets of all that are not a whole message yet, or wait to be sent
	uint32_t message_max;    // octets
	uint32_t unsent_max;     // octets that wait for one peer: past it he is too slow, and the connection ends
	uint32_t first_ms;       // to connect, to shake hands, to send a first message or the rest of one
	uint32_t idle_ms;        // nothing came for so long
	uint64_t seed;           // of the hash of its tables
};

struct tls;
struct streams;

// The loop, TLS contexts and user are borrowed and outlive it. NULL: no memory.
struct streams *streams_new(struct loop *loop, const struct stream_user *user, const struct stream_limits *limits,
                            uint64_t now_ms);
// Ends all connections; what they have not sent is lost.
struct streams *streams_free(struct streams *s);

// Listens at local (its transport says which), for packets of this listener; share_port: several threads do, each by a
// call of its own. tls: NULL but for TLS. Errors and `why` as udp_open.
struct stream_settings {
	struct addr local;
	bool share_port;
	uint8_t dscp; // 0-63, RFC 2474
	struct tls *tls;
	bool websocket;     // over TLS or not: a message is one of WebSocket, and its beginning an HTTP request
	struct str origins; // borrowed: whose pages may open one (ws_upgrade.h)
};
MUST_CHECK enum err streams_listen(struct streams *s, uint16_t listener, const struct stream_settings *settings,
                                   struct buf *why);
// Where it listens, with the port that it got.
struct addr streams_local(const struct streams *s, uint16_t listener);

// Takes over an accepted connection; closes it when it may not be.
void streams_adopt(struct streams *s, int fd, uint16_t listener, const struct addr *peer);
// Sends whole, in order. What cannot be sent comes back in streams_tick, with the peer it was for. asks: the peer owes
// an answer.
void streams_send(struct streams *s, const struct packet *p, bool asks);
// Ends what is late, gives back what could not be sent.
void streams_tick(struct streams *s, uint64_t now_ms);
// When to do so again, monotonic ms (UINT64_MAX: when something happens).
uint64_t streams_next(const struct streams *s);
// Connections that stand, of any state.
uint32_t streams_count(const struct streams *s);
