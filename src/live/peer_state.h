// Which peers of trunk groups answer OPTIONS, since when. Set by the worker that supervises a group, read by all.
#pragma once

#include "base/addr.h"

#include <stdbool.h>

enum peer_state { PEER_UNKNOWN, PEER_UP, PEER_SILENT }; // UNKNOWN: not asked yet or not supervised; counts as up

struct peer_states;

struct peer_states *peer_states_new(uint32_t trunk_groups_max);
struct peer_states *peer_states_free(struct peer_states *p);

// Peer `peer` (index in office_trunk_group.peers) of a group; true when this is a change.
bool peer_state_set(struct peer_states *p, uint32_t group, uint32_t peer, enum peer_state state, uint64_t now_ms);
// *since_ms (may be NULL): monotonic time of the last change.
enum peer_state peer_state_get(const struct peer_states *p, uint32_t group, uint32_t peer, uint64_t *since_ms);
// The peer has the address of this tag: what was known of another that had its place is forgotten. As peer_state_set.
void peer_state_is(struct peer_states *p, uint32_t group, uint32_t peer, uint16_t tag);
uint16_t peer_state_tag(const struct addr *a); // never 0
// Nobody supervises the group any more.
void peer_state_forget(struct peer_states *p, uint32_t group);
