// Where a call to another network goes: the longest prefix names trunk groups in order, each group its peers in order;
// the answer is the ranked list of what to try, and the trail says of each one left out why.
//
//     +1 207 555 0123 ──longest prefix──▶ route "1207": far, spare ──in service? room? answering?─▶ far/0 far/1 spare/0
#pragma once

#include "call/model/cause.h"
#include "call/model/trail.h"
#include "office/office.h"

#define ROUTE_ATTEMPTS_MAX (OFFICE_ROUTE_CHOICES * OFFICE_PEERS_MAX)

struct trunk_state {
	bool silent;    // the peer does not answer OPTIONS
	uint32_t calls; // that the whole group has now
};

struct route_query {
	const struct office_rules *rules;
	struct str digits; // E.164 without +; of an emergency call the short code
	bool emergency;    // to the marked groups: no limit; what is out of service or silent is tried last, not left out
	uint64_t chance;   // the same for the same call: which of its equals comes first (RFC 2782)
	// The live answer; NULL: all peers answer and no group has calls.
	struct trunk_state (*state)(void *self, uint32_t group, uint32_t peer);
	void *self;
};

struct route_attempt {
	uint32_t group; // id of the trunk group
	uint32_t peer;  // index into its peers
};

struct route_list {
	uint32_t route;     // its id; 0 none, or emergency
	uint32_t n;
	struct cause cause; // when there is nothing to try: 3 no route, 34 all full, 38 none answers
	struct route_attempt attempts[ROUTE_ATTEMPTS_MAX];
};

// OK: at least one attempt. ERR_NOT_FOUND: no route, or no group marked for emergency. ERR_FULL: all choices are full,
// out of service or silent. trail may be NULL.
MUST_CHECK enum err route_find(struct route_list *out, const struct route_query *q, struct trail *trail,
                               const struct env *env);

// The route of the longest prefix, or NULL.
const struct office_route *route_of(const struct office_rules *rules, struct str digits);
