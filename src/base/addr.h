// An Internet address, port and transport, as a value that can be compared, hashed and copied.
#pragma once

#include "base/buf.h"

// How messages travel. UDP is 0: what says nothing is a datagram.
#define TRANSPORTS(X) X(UDP, "udp") X(TCP, "tcp") X(TLS, "tls") X(WS, "ws") X(WSS, "wss")
#define TRANSPORT_ENUM(id, name) TRANSPORT_##id,
enum transport { TRANSPORTS(TRANSPORT_ENUM) TRANSPORT_COUNT };

struct addr {
	uint8_t family;    // 0 none, 4, 6
	uint8_t transport; // enum transport
	uint16_t port;     // host order
	uint8_t ip[16];    // network order; the first four for IPv4, the others zero
	uint32_t flow;     // number of the connection that stands to it (live/flow.h); 0: whichever does, or a datagram
};

#define ADDR_PLACE_BYTES 20u          // from its beginning: all but the flow
#define ADDR_FLOW_ENDED UINT32_MAX    // of a connection that has certainly ended: the number of none

// "udp", "tcp", "tls", "ws", "wss". ERR_BAD: none of them, in any case of letters.
const char *transport_name(enum transport t);
MUST_CHECK enum err transport_parse(enum transport *out, struct str name);
// Messages come in order, whole and once, over a connection (RFC 3261 §18: a reliable transport).
bool addr_is_stream(const struct addr *a);
// It is a WebSocket (RFC 7118): who opened it can be reached by it alone, and nobody is called so.
bool transport_is_ws(enum transport t);
// TLS lies below it.
bool transport_is_secure(enum transport t);

// "192.0.2.1:5060", "[2001:db8::1]:5060", "192.0.2.1" (port stays 0), "2001:db8::1". Names are not resolved.
MUST_CHECK enum err addr_parse(struct addr *out, struct str text);
// The host alone, with or without brackets, in the canonical spelling of RFC 5952; IPv6 written in brackets.
void put_addr_host(struct buf *b, const struct addr *a);
// host:port
void put_addr(struct buf *b, const struct addr *a);

// With the transport where it is not UDP, written as in a SIP URI: "192.0.2.1:5061;transport=tls".
MUST_CHECK enum err transport_addr_parse(struct addr *out, struct str text);
void put_transport_addr(struct buf *b, const struct addr *a);
// The same as a SIP URI of ours says it: of a WebSocket it is ws, over TLS too (RFC 7118 §5.2).
void put_uri_addr(struct buf *b, const struct addr *a);

// Host, port and transport.
bool addr_eq(const struct addr *a, const struct addr *b);
// And the connection: behind a NAT the next one from the same port may be somebody else's.
bool addr_flow_eq(const struct addr *a, const struct addr *b);
bool addr_host_eq(const struct addr *a, const struct addr *b);
// Not to be sent to at a stranger's word: unspecified, loopback, link-local, multicast, broadcast, and these mapped
// into IPv6 or written in a form that means the same.
bool addr_is_special(const struct addr *a);
bool addr_is_loopback(const struct addr *a);

// The first of some local addresses that can reach a peer: of its family and transport. ERR_NOT_FOUND: none can.
MUST_CHECK enum err addr_local_for(uint16_t *index, const struct addr *locals, uint32_t count, const struct addr *peer);

// A network, for lists of allowed peers: "192.0.2.0/24", "2001:db8::/32", or one address.
struct addr_net {
	struct addr base;
	uint8_t bits;
};
MUST_CHECK enum err addr_net_parse(struct addr_net *out, struct str text);
bool addr_in_net(const struct addr *a, const struct addr_net *net);

struct sockaddr;
// To and from the system's form; the result is the length of what was written (out must hold a sockaddr_in6).
uint32_t addr_to_sockaddr(struct sockaddr *out, const struct addr *a);
void addr_from_sockaddr(struct addr *out, const struct sockaddr *sa);
