// The network: datagrams from address to address, as the weather lets them pass.
#pragma once

#include "base/packet.h"
#include "sim/sim.h"

struct endpoint { // who listens at an address; owned by whoever binds it
	struct addr addr;
	void (*receive)(struct sim *s, struct endpoint *e, const struct packet *p); // p->peer is the sender; data end with it
	void *self;
	struct endpoint *next; // the network's own
};

struct net;
struct net *net_new(struct sim *s);
struct net *net_free(struct net *n);
// ERR_EXISTS: somebody listens there.
MUST_CHECK enum err net_bind(struct net *n, struct endpoint *e);
void net_unbind(struct net *n, struct endpoint *e);
// Copies the octets; they arrive later, more than once, changed or never. Order is not kept. What arrives where nobody
// listens is gone (and counted).
void net_send(struct net *n, const struct addr *from, const struct addr *to, struct str bytes);
// Lets go what a clogged link held back.
void net_unclog(struct net *n);
// On its way now.
uint32_t net_in_flight(const struct net *n);

struct net_use {
	uint64_t sent, delivered, lost, doubled, late, spoiled, to_nobody;
};
struct net_use net_use(const struct net *n);

// What passed, of a run that keeps it (plan.keep), oldest first; NULL past the last.
struct net_message {
	uint64_t at_ms; // sent
	struct addr from, to;
	const char *fate; // what became of it: "" arrived as it was sent
	struct str text;  // owned by the network
};
const struct net_message *net_message(const struct net *n, uint32_t index);
