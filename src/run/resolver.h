// What the names of trunk peers stand for (RFC 3263 §4): NAPTR says which transports, SRV which hosts in which order and
// share, A and AAAA their addresses. It asks in the background, again before the time of an answer is over, so that no
// call ever waits for DNS; what was good stays good while nobody answers (RFC 8767).
//
//     rules ─▶ resolver_want ─▶ names ─┐
//                                      ├─▶ resolver_tick ─▶ ask (type, host)
//     DNS ─▶ resolver_answer ─▶ answers┘         └─▶ found (name, addresses), when they are others than before
//
// It does no I/O; time is given. One thread uses it: that which changes the office.
#pragma once

#include "office/office.h"
#include "wire/net/dns_answer.h"

struct resolver_setup { // borrowed
	void *self;
	// Asks DNS; what comes of it is resolver_answer's, now or later.
	void (*ask)(void *self, enum dns_type type, const char *host);
	// A name stands for these now, the first to be tried first.
	void (*found)(void *self, const struct office_name *name, const struct office_target *targets, uint32_t count);
	const struct addr *listeners; // what we can speak: transports and families
	uint32_t listener_count;
};

struct resolver;
struct resolver *resolver_new(const struct resolver_setup *setup, uint64_t now_ms); // NULL: no memory
struct resolver *resolver_free(struct resolver *r);
// Which names there are from now on.
void resolver_want(struct resolver *r, const struct office_rules *rules);
// NULL: nobody answered.
void resolver_answer(struct resolver *r, enum dns_type type, const char *host, const struct dns_answer *answer);
// Asks and tells what is due; when to come again, monotonic ms (UINT64_MAX: when something comes).
uint64_t resolver_tick(struct resolver *r, uint64_t now_ms);

struct resolver_state {
	uint32_t count;    // addresses
	uint64_t since_ms; // when they were last found so, monotonic; 0: not yet
	uint64_t until_ms; // how long they may be believed
	bool stale;        // longer than that, since DNS is silent
};
// ERR_NOT_FOUND: nobody wants this name.
MUST_CHECK enum err resolver_state(struct resolver_state *out, const struct resolver *r,
                                   const struct office_name *name);
