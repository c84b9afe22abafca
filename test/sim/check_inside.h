// What the checkers share, and nobody else sees.
//
//     check.c         after every event: invariants, places, timers, faults of ours that are counted
//     check_wire.c    transactions and legs as their messages tell: what comes
//     check_sent.c    what leaves: is it well-formed, what does it answer, when was a leg answered and ended
//     check_media.c   who hears whom
//     check_record.c  at the end: the records against what was seen
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "call/half/call.h"
#include "run/worker.h"
#include "sim/check.h"
#include "sim/ledger.h"
#include "sim/node.h"
#include "sim/plane.h"
#include "sim/reading.h"
#include "sim/weather.h"

#define FAULT(id) (1u << FAULT_##id)
#define DISK_FAULTS (FAULT(SLOW_DISK) | FAULT(SYNC_FAILS) | FAULT(WRITE_FAILS) | FAULT(DISK_FULL))
#define CLOCK_FAULTS (FAULT(CLOCK) | FAULT(SLEW))

// A leg of a call as its messages tell, by its Call-ID. Times are those of the run, at the node; 0 never.
struct leg_seen {
	struct map_node node;
	char call_id[RECORD_TEXT_MAX];
	bool theirs;        // they sent its INVITE
	bool reused;        // not theirs, and somebody sent an INVITE under its Call-ID
	bool made;          // of theirs: the switch made a leg of it; what was refused before leaves no record
	bool unsynced;      // its answer was passed on without its record on disk
	bool inviting;      // a re-INVITE of ours waits for its final response
	uint64_t remote_tag; // hash
	struct addr peer;    // where the switch knows its party to be
	uint64_t began_ms, answered_ms, refused_ms, ended_ms; // answered: first 2xx; ended: first good BYE, either way
	uint64_t left_ms;   // its party said BYE, and heard 481 or 503
	uint64_t bye_sent_ms, described_ms; // described: a description went either way, or an offer got its end
	uint64_t told, heard; // hashes of the last description that it was told, and that it said; 0: not to be told
	uint64_t told_before, heard_before; // what stands again if an offer is refused
	uint64_t rang_ms, cancelled_ms, final_ms; // of ours: its INVITE's first provisional, our CANCEL, the final response
	uint64_t keys_ms;   // when its party said digits by INFO:
	uint32_t keys_came; // in that millisecond so many,
	char keys[8];       // of which these were not passed on yet
	uint64_t cut_ms;    // a crash came upon it, answered and not ended
	uint64_t acked_cseqs[4]; // INVITEs of ours whose 2xx came lately
	uint32_t attempts;  // of theirs: INVITEs with a CSeq of their own that a leg gave a final response
	uint64_t bye_tag; // hash of our tag in the last BYE: of two calls of one Call-ID each has one
	uint32_t acked_at, answers, byes; // answers: 2xx, repeated ones with them; byes: ours, of that tag
	struct leg_seen *next; // in the order of their beginning
};

// A request either way, by its branch.
struct txn {
	struct map_node node;
	struct list recent;
	uint64_t key;
	uint64_t at_ms, request, final; // hashes of the request and of its final response; 0: none yet
	uint64_t identity; // of ours: hash of what its responses repeat
	uint64_t to_tag;
	uint64_t final_ms;
	uint16_t status; // of the final response, to ours
	uint8_t method;
	bool describes; // media
	bool provisional, initial, refused; // refused: by a challenge or for want of room, since it came
	bool forged; // another request came with its marks
	struct addr peer;
	uint64_t use; // of credentials: hash; 0 none
};

struct got { // what the last message that came has changed
	struct txn *txn;
	struct leg_seen *leg; // that it answers
	bool begins, ends;    // the transaction
	struct leg_seen *rings; // by the first provisional response
	struct leg_seen *says;  // a description
};

struct registered { // a line, since it was last renewed; since_ms 0: it is not
	uint64_t since_ms, until_ms;
};

struct crash { // or a stop
	uint64_t at_ms, boot_ms;
	uint64_t stop_ms, release_ms; // when it was told to stop, and when what stood was released; 0: it was not
	bool orderly; // all was written
};

struct checker {
	struct sim *sim;
	struct ledger *ledger;
	uint64_t events, noted_ms, calm_since_ms;
	struct short_of { // a worker has no room
		bool now;
		uint64_t last_ms; // when it was so after an event
	} full, half, spent; // for one call more; half of what is kept for 911 is gone; not even for 911
	uint64_t came_ms;
	uint32_t came; // messages to the switch in that millisecond
	// check.c
	struct fault_count {
		const struct counter *counter;
		uint64_t before;
	} faults[8];
	uint32_t fault_count;
	const struct counter *dropped; // packets for a worker that had no room for them
	uint64_t dropped_before;
	uint32_t *held[2]; // owned: places by line and by trunk group, of the sweep
	uint32_t held_max[2];
	struct registered *registered; // owned; by line
	struct crash *crashes;         // owned
	uint32_t crash_count;
	struct crash next; // what is known of it already
	// check_wire.c
	struct map legs, txns, uses;
	struct leg_seen *first_leg, **last_leg; // owned
	struct list recent;   // transactions, the oldest first
	struct list uses_all; // of nonces
	struct got got;
	uint64_t nonsense_ms; // when something came that cannot be understood
};

// Says the failure, of this call.
#define FAIL(c, call_id, ...)                                                                                          \
	do {                                                                                                               \
		sim_about((c)->sim, (call_id));                                                                                \
		sim_fail((c)->sim, __VA_ARGS__);                                                                               \
	} while (0)

static inline uint64_t check_now(const struct checker *c)
{
	return sim_now_ms(c->sim);
}

// check.c
// Was this caller told of its answer without the record on disk?
bool check_is_unsynced(const struct checker *c, const char *call_id);
// A new call is refused: the promise that this breaks; NULL: none.
const char *check_refusal(const struct checker *c, const struct sip_msg *m);
// Did this party dial 911, and nothing before it?
bool check_is_emergency(const struct checker *c, const char *call_id);
// check_wire.c
bool wire_init(struct checker *c);
void wire_fini(struct checker *c);
void wire_forget(struct checker *c); // a new start knows no transaction
void wire_crash(struct checker *c);
void wire_undo(struct checker *c);
uint64_t wire_hash(struct str s); // never 0
// The leg of this Call-ID, of this message; NULL: none, but that wire_leg_need makes it.
struct leg_seen *wire_leg(const struct checker *c, const char *call_id);
struct leg_seen *wire_leg_of(const struct checker *c, const struct sip_msg *m);
struct leg_seen *wire_leg_need(struct checker *c, const struct sip_msg *m, bool theirs);
void wire_note_end(struct leg_seen *l, uint64_t at_ms);
uint64_t wire_description(const struct sip_msg *m); // hash; 0: it brings none
// The marks of a transaction that the switch began, and of one that it was asked. Of a request and its responses, and of
// nothing else: branch and number; of theirs also who made the branch, and the rest of what tells requests apart; and
// the method, which ACK and CANCEL do not share with their INVITE. `to_tag`: of the request, whose response has one in
// any case.
uint64_t wire_our_key(const struct sip_msg *m, enum sip_method method);
uint64_t wire_their_key(const struct sip_msg *m, struct str to_tag);
struct txn *wire_txn(const struct checker *c, uint64_t key); // NULL: none
struct txn *wire_txn_add(struct checker *c, uint64_t key, const struct sip_msg *m, const struct addr *peer);
// A request was let in by its credentials. True: another was, by the same.
bool wire_note_use(struct checker *c, const struct txn *t);
// check_media.c: of a call that stands.
void check_media(struct checker *c, const struct call *call);
// An INFO came; and it was answered 200: the digit in it must have been passed on.
void media_got_info(struct checker *c, struct leg_seen *l, const struct sip_msg *m);
const char *media_took_info(struct checker *c, struct leg_seen *l);
// check_record.c
void check_records(struct checker *c);
