// The load generator: many phones on two sockets, driven by one thread that spins.
//
//     caller socket  REGISTER, INVITE, ACK, BYE ──▶ ┌────────┐ ──▶  callee socket: 180 and 200 to each INVITE, 200 to
//                    ◀── 401, 180, 200              │ server │      each BYE
//                                                   └────────┘
//
// It spins because a server that must wake a sleeping client pays for that; and it reads and writes in batches, so that
// it costs less than what it measures. An operation is a registration or a call; it lives in a slot, and its Call-ID
// names the slot, so that an answer finds it without a search.
#pragma once

#include "base/packet.h"
#include "base/wheel.h"
#include "wire/sip/digest.h"
#include "wire/sip/msg.h"

#define BATCH 64
#define DATAGRAM_MAX 2048
#define TARGET_MAX 192
#define ROUTE_MAX 320
#define CHALLENGE_MAX 320

struct port { // a socket with its batches
	int fd;
	struct addr addr;
	struct outbox out;
	uint64_t sent, received, unsent; // unsent: refused by the system
};

enum load_mode { LOAD_REGISTER, LOAD_CALL };

struct options {
	enum load_mode mode;
	struct addr server, caller, callee;
	uint64_t first_user;     // users are numbers, counted up from here
	uint32_t users;
	const char *realm, *password, *caller_number;
	uint32_t window;         // closed loop: operations at once; 0 with a rate
	double rate;             // open loop: operations begun a second
	uint64_t count;          // operations in all
	uint32_t hold_ms;        // a call lasts so long
	bool keep;               // calls are held, all of them, until the program is told to end; then hung up
	double limit_s;          // give up after so long
};

enum op_state { OP_FREE, OP_REGISTER, OP_INVITE, OP_TALK, OP_BYE };

struct op {
	uint8_t state;          // enum op_state
	bool challenged, heard, rang; // credentials were sent; a provisional response came; a 180 did
	uint32_t generation, user, cseq, nc;
	uint32_t resend_ms;     // interval of the next repetition
	uint64_t began_us;
	struct timer timer;
	char *challenge;        // owned: WWW-Authenticate that is being answered
	char *target, *route, *to; // owned: of the dialog
	bool proxy;
};

struct delays { // microseconds, for medians
	uint32_t *samples; // owned
	uint32_t count, max;
};

struct load {
	struct options o;
	struct port caller, callee;
	struct op *ops; // owned
	uint32_t *free_ops; // owned: a stack of free slots
	uint32_t op_count, free_count;
	struct wheel wheel;
	struct arena scratch;
	uint8_t (*ha1)[32]; // owned: MD5 of each user
	uint64_t now_us, began_us, ended_us;
	uint64_t begun, done, failed, challenged, repeated, standing, strays;
	uint64_t statuses[700]; // final ones that were failures
	struct delays ringing, answer;
};

// SOCKETS (port.c)
MUST_CHECK enum err port_open(struct port *p, const struct addr *bind_to);
void port_close(struct port *p);
// Reads a batch and hands each datagram over; returns how many there were.
typedef void port_take(struct load *l, struct port *p, struct str data, const struct addr *from);
uint32_t port_read(struct port *p, struct load *l, port_take *take);
uint64_t clock_us(void);

// CALLERS (caller.c)
// Begins an operation; false when no slot is free.
bool op_begin(struct load *l);
void caller_take(struct load *l, struct port *p, struct str data, const struct addr *from);
void op_timer(struct load *l, struct op *op);
// Hangs up a call that is held.
void op_hang_up(struct load *l, struct op *op);
void op_end(struct load *l, struct op *op, bool good);

// CALLER'S MESSAGES (write.c)
void write_request(struct load *l, struct op *op);
void write_ack(struct load *l, struct op *op, const struct sip_msg *response);

// CALLEES (callee.c): no memory of calls, so that the generator's cost does not grow with them.
void callee_take(struct load *l, struct port *p, struct str data, const struct addr *from);

// DELAYS (delay.c)
MUST_CHECK enum err delays_init(struct delays *d, uint64_t max);
void delays_add(struct delays *d, uint64_t us);
void delays_print(struct delays *d, const char *name);
