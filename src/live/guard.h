// Who guesses passwords: failures of authentication by source, by user, and by both, and what follows. The owner of a
// line is never locked out by what others do:
//
//     pair (source, user)   PAIR_FAILURES_MAX failures, and this source is not heard for this user
//     user                  USER_FAILURES_MAX failures from anywhere, and a source that never authenticated as this
//                           user has PAIR_FAILURES_TIGHT attempts, no more: a guesser needs an address per attempt
//     source                SOURCE_FAILURES_MAX failures for any users, and only users that authenticated from there
//                           are heard: a guesser behind a shared address does not silence the phones behind it
//
// All within GUARD_WINDOW_MS. "Not heard": credentials are answered as wrong ones without a look; what counts and what
// is answered is the same for users that do not exist. Tables of fixed size; on a collision the newer entry stays.
#pragma once

#include "base/addr.h"

#define GUARD_WINDOW_MS (120u * 1000) // a phone with a wrong password tries every 30 s: not a guesser
#define PAIR_FAILURES_MAX 10
#define PAIR_FAILURES_TIGHT 2
#define USER_FAILURES_MAX 50
#define SOURCE_FAILURES_MAX 100

struct guard;

// Each table has `entries` places (a power of two, 8 octets each). NULL: no memory.
struct guard *guard_new(uint32_t entries, uint64_t seed);
struct guard *guard_free(struct guard *g);

// May this source's credentials for this user be looked at? A source is an IPv4 address or an IPv6 /64.
bool guard_heard(const struct guard *g, uint64_t now_ms, const struct addr *source, struct str user);
void guard_failed(struct guard *g, uint64_t now_ms, const struct addr *source, struct str user);
void guard_succeeded(struct guard *g, uint64_t now_ms, const struct addr *source, struct str user);
// Did any user authenticate from this source lately (a day)? Strangers get the short answers.
bool guard_knows(const struct guard *g, uint64_t now_ms, const struct addr *source);
