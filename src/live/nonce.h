// Which digest nonces were used, up to which count: so that a response that was seen is never taken again.
//
// Any worker may be shown any nonce: phones reuse that of their registration for a call, which the hash of its Call-ID
// takes to another worker. Hence one table of atomic words for all, written by one compare-and-swap, no lock, no mail.
// A nonce has exactly one place (its hash); the place holds {time of issue, tag, highest count used} of one nonce:
//
//     same nonce, higher count            swapped in: fresh
//     same nonce, same or lower count     used
//     place holds a nonce as new or newer forgotten: we cannot know any more, so it counts as used
//     place is empty or holds an older one  swapped in: fresh
//
// The time in a place only grows, so what was displaced never comes back: a table of any size never lets a replay
// through; a small one only sends phones back for a fresh challenge (stale=true) more often. Only valid credentials get
// this far: strangers cannot fill it.
#pragma once

#include "base/str.h"

#define NONCE_LIFE_MAX_MS (3600u * 1000) // the caller shows no nonce that is older

struct nonces;

// Room for about `count` nonces (a power of two, 8 octets each): the registrations and calls authenticated in a nonce's
// life, times four. NULL: no memory.
struct nonces *nonces_new(uint32_t count, uint64_t seed);
struct nonces *nonces_free(struct nonces *n);

// Takes this use of a nonce of ours, issued at issued_ms, with its count nc: true when it is the first. The caller has
// checked that the nonce is ours and alive and the response right.
bool nonce_use(struct nonces *n, struct str nonce, uint64_t issued_ms, uint32_t nc);
