// A datagram as a value, and the outbox in which a step leaves those to be sent: a message is written once, into the
// memory that the system call reads.
#pragma once

#include "base/addr.h"

struct packet {
	struct addr peer;    // from whom, or to whom
	uint16_t listener;   // index of the local socket that got it, or is to send it
	uint64_t arrived_ms; // monotonic; of received ones
	bool returned;       // the beginning of one that we sent to `peer`, which the network gave back: nobody is there;
	                     // without octets: the connection to him has ended, with all that was under way on it
	bool broken;         // a message's head, of a stream in which nothing can be told apart from here on
	struct str data;     // borrowed
};

#define PACKET_MAX 65535

struct outbox {
	struct packet *packets; // owned
	uint32_t count, max;
	struct buf bytes; // owned memory
	// Sends all and empties; called when the outbox is full and at the end of a step. Set by the owner.
	void (*flush)(struct outbox *o, void *self);
	void *self;
};

MUST_CHECK enum err outbox_init(struct outbox *o, uint32_t packets_max, uint32_t bytes_max);
void outbox_fini(struct outbox *o);

// Opens a packet: write it through the result (room for PACKET_MAX octets), then close it.
struct buf *outbox_open(struct outbox *o, uint16_t listener, const struct addr *to);
// Closes it and gives its text, which is good until the next flush. On a sticky error the packet is dropped and the
// text is empty.
struct str outbox_close(struct outbox *o);
// Sends a copy of finished text.
void outbox_send(struct outbox *o, uint16_t listener, const struct addr *to, struct str data);
// Empties it through flush.
void outbox_flush(struct outbox *o);
