// Where each line is registered (RFC 3261 §10): its contacts, and the flow that each came by.
//
//     slots[line] ──▶ one block of this line's bindings with their text, never changed but for cseq and expiry
//
// Written by the line's home worker (live_home), read by all under RCU: a change builds a new block and swaps it in; a
// pure refresh writes two atomics of the old one and allocates nothing. Expired bindings are left out by every reader
// at once, and swept out of memory by the home worker when it comes by; so are those whose connection has ended.
#pragma once

#include "base/addr.h"
#include "live/flow.h"

#define LOCATION_BINDINGS_MAX 16   // of a line; office_line.contacts_max is what each may have
#define LOCATION_CONTACT_MAX 512   // octets of a contact URI
#define LOCATION_CALL_ID_MAX 256
#define LOCATION_INSTANCE_MAX 128
#define LOCATION_AGENT_MAX 64      // cut

struct binding {
	struct str contact;     // the URI without angle brackets and header parameters, as the phone wrote it
	struct str call_id;     // of the REGISTER that last wrote it
	struct str instance;    // +sip.instance, without quotes (RFC 5626); empty: none
	struct str user_agent;  // as the phone calls itself; for people only
	struct addr peer;       // where the REGISTER came from: requests to the phone go there, not to the contact's host
	uint16_t listener;      // through which socket
	uint16_t q;             // 0 to 1000; 1000 when the phone said none
	uint32_t cseq;          // of that REGISTER
	uint64_t expires_ms;    // monotonic
	uint64_t since_wall_ms; // when this contact was first registered; for people only
};

struct location;

// For lines 1 to lines_max. flows: borrowed, what tells that a binding's connection has
// ended (NULL: none does). NULL: no memory.
struct location *location_new(uint32_t lines_max, const struct flows *flows);
struct location *location_free(struct location *l);

// The bindings of a line that have not expired and whose flow stands, best q first, then as they were written; returns
// their number, at most `max`. The text is good until the caller's next rcu_quiescent.
uint32_t location_get(const struct location *l, uint32_t line, uint64_t now_ms, struct binding *out, uint32_t max);
// Does a phone of this line live at the other end of this flow?
bool location_has_flow(const struct location *l, uint32_t line, uint64_t now_ms, const struct addr *peer);

// Makes these the line's bindings, whatever it had (count 0: none). Copies; the text may be that of location_get. Only
// the line's home worker calls it (before the workers run: whoever restores), and says which it is. ERR_BAD: a text is
// too long, or the line's number; ERR_FULL: no memory; then nothing changed.
MUST_CHECK enum err location_put(struct location *l, uint32_t line, uint32_t home, const struct binding *bindings,
                                 uint32_t count);
// Takes what expired out of memory, among the next `slots` lines whose last writer was `home`; call it every second or
// so with lines_max / 100. Returns how many bindings went.
uint32_t location_sweep(struct location *l, uint32_t home, uint64_t now_ms, uint32_t slots);

// Walks the lines that may have bindings: start with *line = 0; false at the end.
bool location_next(const struct location *l, uint32_t *line);
// Walks the lines that changed since they were last given out here, and forgets that they did: for the one thread that
// saves them. Start each round with *line = 0; false at the end of the round.
bool location_next_changed(struct location *l, uint32_t *line);
// Marks a line as changed again, when it could not be saved.
void location_mark_changed(struct location *l, uint32_t line);

struct location_use {
	uint64_t bindings; // in memory, expired and not yet swept ones with them
	uint64_t bytes;    // of all blocks, text and allocation included
};
struct location_use location_use(const struct location *l);
