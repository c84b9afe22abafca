// The load generator: many phones on two sockets, driven by one thread that spins.
//
//     callers  INVITE, ACK, BYE ──▶ ┌────────┐ ──▶  callees: 180 and 200 to each INVITE, 200 to each BYE
//              ◀── 401, 100, 180, 200│ server │ ◀── REGISTER of each phone (where it registers, there it is called)
//                                   └────────┘
//
// It spins because a server that must wake a sleeping client pays for that; and it reads and writes in batches, so that
// it costs less than what it measures. An operation is a registration or a call; its handle is its Call-ID, so that an
// answer finds it without a search.
#pragma once

#include "base/map.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "wire/net/udp.h"
#include "wire/sip/digest.h"
#include "wire/sip/msg.h"

#include <stdio.h>

// RFC 3261 17.1.1.1: the first repetition, the longest interval, and when a called phone gives up.
#define T1_MS 500
#define T2_MS 4000
#define GIVE_UP_MS 32000

#define DATAGRAM_MAX 4096
#define KEPT_MAX 400 // octets of a challenge, target, route or To that are kept

enum load_mode { LOAD_REGISTER, LOAD_CALL };
enum load_port { CALLERS, CALLEES, PORT_COUNT }; // index of the socket, and `listener` of packets
enum load_timer { TIMER_OP, TIMER_RING };

struct options {
	enum load_mode mode;
	struct addr server, ports[PORT_COUNT];
	uint64_t first_user; // users are numbers, counted up from here
	uint32_t users;
	const char *realm, *password;
	const char *from;    // number of all callers, who are then another switch; NULL: callers are users
	uint32_t window;     // closed loop: operations at once; 0 with a rate
	double rate;         // open loop: operations begun a second
	uint64_t count;      // operations in all
	uint32_t hold_ms;    // from the 200 to the BYE
	bool keep;           // calls are held, all of them, until the program is told to end; then hung up
	uint32_t limit_s;    // give up after so long
	uint32_t give_up_ms; // a caller gives up a request after so long
	const char *witness; // file for what the phones saw; NULL: none
};

enum op_state { OP_REGISTER, OP_INVITE, OP_TALK, OP_BYE };

struct kept { // text that outlives its message
	uint16_t n;
	char text[KEPT_MAX];
};

struct op { // a registration or a call, as its phone sees it
	uint8_t state;             // enum op_state
	bool proxy;                // the challenge was a 407
	bool challenged;           // credentials are sent
	bool heard, rang;          // a provisional response came; a 180 did
	uint32_t user, cseq;
	uint32_t resend_ms;        // interval until the next repetition
	uint64_t began_us;         // the operation
	uint64_t asked_ms;         // the request that waits for its answer
	struct timer timer;
	struct kept challenge;     // value of WWW-Authenticate that is being answered
	struct kept target, route, to; // of the dialog
};

struct ring { // an INVITE at a called phone: its 200 is repeated until the ACK comes (RFC 3261 13.3.1.4)
	struct timer timer;
	struct map_node by_call_id;
	struct packet packet; // of the 200
	uint32_t resend_ms;
	uint64_t began_ms;
	uint16_t key_n, text_n;
	char key[64], text[1400];
};

#define SEEN_MAX 65536 // a power of two

struct callees {
	struct pool rings;
	struct map by_call_id;
	struct str session;     // SDP of the answer
	uint64_t seen[SEEN_MAX]; // hashes of branches by their low bits: what is there twice was repeated
	uint64_t unacknowledged; // 200s that no ACK followed
};

struct delays { // microseconds, one by one: medians and percentiles are exact
	uint32_t *samples; // owned
	uint32_t count, max;
};

struct load {
	struct options o;
	struct udp sockets[PORT_COUNT];
	struct udp_reader reader;
	struct udp_sender sender;
	struct outbox out;
	struct pool ops;
	uint32_t run;            // another one each time the program is started
	struct wheel wheel;
	struct arena scratch;    // of the message being read
	uint8_t (*ha1)[32];      // owned: MD5 of each user
	char texts[2048];        // of what is the same in all messages:
	struct str invite_headers, session;
	struct callees callees;
	uint64_t now_us, began_us, ended_us;
	uint64_t begun, done, failed, held;
	uint64_t challenged, stale; // all challenges; those that asked again, for a fresh nonce
	uint64_t repeated, repeated_by_server; // requests and 200s of ours; what the server sent twice
	uint64_t strays;         // malformed, or of nothing that stands
	uint64_t cut_off;        // calls that the server ended
	FILE *witness;           // owned; NULL: none
	uint64_t received, sent, unsent;
	uint32_t invite_octets;  // of the first INVITE
	uint64_t refusals[700];  // final responses that were failures, by status; [0]: none came
	struct delays ringing, answer;
};

static inline uint64_t load_now_ms(const struct load *l)
{
	return l->now_us / 1000;
}

// CALLERS (caller.c)
// Begins an operation; false when no more can stand at once.
bool op_begin(struct load *l);
void op_timer(struct load *l, struct op *op);
void op_hang_up(struct load *l, struct op *op);
void caller_take(struct load *l, const struct sip_msg *m);
// The server ends a call.
void caller_take_bye(struct load *l, const struct sip_msg *m);

// THEIR MESSAGES (write.c)
// What is the same in all messages.
void write_prepare(struct load *l);
// The request that the state of `op` waits for an answer to; written anew for each repetition.
void write_request(struct load *l, const struct op *op);
void write_ack(struct load *l, const struct op *op, const struct sip_msg *response);
// The name of the operation, which is its Call-ID: its handle, and the run's number, since a server remembers the last
// run for a while.
void put_op_name(struct buf *b, const struct load *l, const struct op *op);

// CALLEES (callee.c)
MUST_CHECK enum err callees_init(struct load *l);
void callee_take(struct load *l, const struct packet *p, const struct sip_msg *m);
void callee_timer(struct load *l, struct ring *r);

// WITNESS (witness.c): what the phones saw, in a file. All of these do nothing when there is none.
MUST_CHECK bool witness_begin(struct load *l);
void witness_end(struct load *l);
void witness_saw(const struct load *l, uint16_t port, const char *what, uint16_t status, struct str call_id);
void witness_received(const struct load *l, const struct packet *p, const struct sip_msg *m);
// Waits until a packet comes, a millisecond at most: nothing is measured, so that nobody need spin.
void witness_wait(const struct load *l);

// REPORT (report.c)
MUST_CHECK enum err delays_init(struct delays *d, uint64_t max);
void delays_add(struct delays *d, uint64_t us);
// One JSON object on standard output.
void report(struct load *l);
