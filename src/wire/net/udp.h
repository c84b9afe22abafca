// UDP sockets: datagrams in batches both ways, never blocking. What cannot be sent is dropped and counted, as the
// network itself would drop it: whatever matters is repeated by its protocol.
//
//     struct udp sockets[2];                       packet.listener is the index of the socket
//     udp_open ...
//     n = udp_read(&sockets[i], &reader, now_ms);  reader.packets[0..n), good until the next read
//     out.flush = udp_flush; out.self = &sender;   an outbox that is flushed is sent
#pragma once

#include "base/packet.h"

#define UDP_BATCH 64 // datagrams a system call

struct udp_settings {
	struct addr local;     // one address (answers leave from it); port 0: the kernel chooses
	bool returns;          // what comes back can be read, and must be: see udp_read_returned
	bool share_port;       // SO_REUSEPORT: several sockets, one a worker, share the port; all of them must say so
	uint8_t dscp;          // 0-63, RFC 2474; 0: best effort
	uint32_t buffer_bytes; // of the kernel, each way, as far as the system allows; 0: the system's
};

struct udp {
	int fd;            // -1: closed
	uint16_t listener; // what packets that it reads say
	struct addr local; // with the port that it got
};

// Opens and binds. ERR_EXISTS: the port is in use; ERR_REFUSED: not allowed; ERR_NOT_FOUND: no such address here;
// ERR_BAD: the settings make no sense; ERR_SYSTEM: anything else. `why` (may be NULL) gets a sentence with the address.
MUST_CHECK enum err udp_open(struct udp *u, const struct udp_settings *settings, uint16_t listener, struct buf *why);
void udp_close(struct udp *u);

// READING. Memory for one batch; sockets of one thread share it.
struct mmsghdr;
struct udp_reader {
	struct packet packets[UDP_BATCH]; // what was read last
	struct mmsghdr *msgs;             // owned, with all it points to
	char *bytes;                      // owned
	uint32_t datagram_max;
};
// Longer datagrams than `datagram_max` octets are dropped and counted (PACKET_MAX: none are).
MUST_CHECK enum err udp_reader_init(struct udp_reader *r, uint32_t datagram_max);
void udp_reader_fini(struct udp_reader *r);
// Reads what is there, at most a batch; gives the number of packets. UDP_BATCH: there may be more.
uint32_t udp_read(const struct udp *u, struct udp_reader *r, uint64_t now_ms);

// The same for datagrams of ours that came back (an ICMP or ICMPv6 message says that the host, the port or the way to
// it is not there): packets that are `returned`, with as much of our octets as was quoted. The system has matched
// addresses and ports; what can be forged all the same is for the reader to see in the octets. Until they are read, the
// socket's watch says LOOP_WRITE.
uint32_t udp_read_returned(const struct udp *u, struct udp_reader *r, uint64_t now_ms);

// SENDING. Packets leave by the socket that their `listener` is the index of.
struct udp_sender {
	const struct udp *sockets; // borrowed
	uint32_t socket_count;
	struct mmsghdr *msgs; // owned, with all it points to
};
MUST_CHECK enum err udp_sender_init(struct udp_sender *s, const struct udp *sockets, uint32_t socket_count);
void udp_sender_fini(struct udp_sender *s);
// Sends in order; gives how many the kernel took.
uint32_t udp_send(struct udp_sender *s, const struct packet *packets, uint32_t count);
// The flush of an outbox whose `self` is a struct udp_sender.
void udp_flush(struct outbox *o, void *self);
