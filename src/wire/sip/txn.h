// SIP transactions over datagrams (RFC 3261 §17, RFC 6026): a stack takes packets and the time, and gives packets (in
// its outbox), calls of its user and its next deadline. It does no I/O and knows no call.
//
//     network ──packet──▶ sip_stack_input ──▶ server transaction ──▶ user.request / user.cancelled / user.ack
//                                         ──▶ client transaction ──▶ user.response / user.failed
//
// A finished transaction shrinks to a tombstone that absorbs retransmissions until its timer fires.
#pragma once

#include "base/env.h"
#include "base/fsm.h"
#include "base/map.h"
#include "base/packet.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "wire/sip/msg.h"

enum sip_failure {
	SIP_FAILED_TIMEOUT,   // timer B, F: no final response; timer H: no ACK (408 to the user)
	SIP_FAILED_TRANSPORT, // it came back: nobody is there (503 to the user)
};

// What the stack tells its user. Messages are good until the call returns.
struct sip_user {
	void *self;
	// A new request other than ACK and CANCEL. Answer it, now or later, with sip_server_respond. txn 0: a BYE for which
	// there is no transaction; it was answered 503, and counts all the same.
	void (*request)(void *self, ref txn, const struct sip_msg *m, const struct sip_source *from);
	// Asked only when nearly all transactions are taken: may this new INVITE have one of the last? NULL: none may.
	bool (*is_urgent)(void *self, const struct sip_msg *m, const struct sip_source *from);
	// An ACK that belongs to no transaction of ours: to a 2xx (RFC 3261 §13.2.2.4).
	void (*ack)(void *self, const struct sip_msg *m, const struct sip_source *from);
	// The INVITE of `txn` was cancelled; the CANCEL was answered 200. The INVITE still wants its final response (487).
	void (*cancelled)(void *self, ref txn, uint64_t owner, const struct sip_msg *cancel);
	// A response to a request of ours: provisional (not 100 after the first), final, and every 2xx to an INVITE, also
	// repeated ones and those of other branches of a fork (each wants an ACK).
	void (*response)(void *self, ref txn, uint64_t owner, const struct sip_msg *m, const struct sip_source *from);
	// A request of ours got no answer, or came back before it had any; or a final response of ours to an INVITE got no
	// ACK.
	void (*failed)(void *self, ref txn, uint64_t owner, enum sip_failure why);
	// For diagrams: every message in and out that belongs to an owner (0: to none). May be NULL. A request that begins
	// a transaction, and the ACK to a 2xx, come with owner 0, just before they are told: who knows the owner has them
	// there.
	void (*seen)(void *self, uint64_t owner, bool out, struct str bytes, const struct addr *peer);
};

// Timers of RFC 3261 table 4, in ms; zero fields take the RFC's values (500, 4000, 5000).
struct sip_times {
	uint32_t t1_ms, t2_ms, t4_ms;
};

struct sip_stack_limits {
	uint32_t transactions_max; // live ones and tombstones
	uint64_t bytes_max;        // of messages kept for retransmission
};

struct sip_stack;

// env, outbox and wheel-free: the stack has a wheel of its own. Owned by the caller: env, out, both outlive the stack.
// branch_prefix (at most 8 characters, made of token characters) starts every branch of ours after the magic cookie,
// so that a response's owner among several workers can be told from its branch.
struct sip_stack *sip_stack_new(struct env *env, struct outbox *out, const struct sip_user *user,
                                const struct sip_times *times, const struct sip_stack_limits *limits,
                                struct str branch_prefix);
struct sip_stack *sip_stack_free(struct sip_stack *s);

// Takes one packet (env->now_ms is the time). What is no SIP is counted; what is malformed is answered as its fault
// says (RFC 3261 §8.1.1, RFC 4475), when it can be. Keep-alives (CRLF; RFC 5626 §4.4.1 pong is for streams) are eaten.
// One that was returned fails its request (§17.1.4, §18.4), if that had no answer yet. When a connection has ended (one
// is returned without octets), what was asked over it and has no answer is sent once more, and fails the second time.
void sip_stack_input(struct sip_stack *s, const struct packet *p);
// The same for a packet that the caller has parsed already.
void sip_stack_input_msg(struct sip_stack *s, const struct sip_msg *m, const struct sip_source *from);
// Fires what is due at env->now_ms; gives the next deadline (UINT64_MAX: none).
uint64_t sip_stack_tick(struct sip_stack *s);

// Sends a response of a server transaction: whole text, as put_sip_response and friends wrote it. A final one is kept
// and repeated as RFC 3261 §17.2 says; a 2xx to an INVITE is repeated from T1 doubling to T2 until sip_server_acked,
// for 64*T1 (§13.3.1.4), which then is SIP_FAILED_TIMEOUT. ERR_NOT_FOUND: it ended (a request other than INVITE does
// after 64*T1: RFC 4320 §4.2). ERR_STATE: it had its final one. ERR_REFUSED: 101-199 or 408 to other than INVITE (§4).
MUST_CHECK enum err sip_server_respond(struct sip_stack *s, ref txn, uint16_t status, struct str message);
// The ACK of a 2xx came.
void sip_server_acked(struct sip_stack *s, ref txn);
// Names the owner (the user's handle) of a server transaction, given back in cancelled and failed.
void sip_server_own(struct sip_stack *s, ref txn, uint64_t owner);

// The listeners, as a Via says them; by their numbers. Borrowed. Without them long requests go as datagrams.
void sip_stack_listens(struct sip_stack *s, const struct addr *listeners, uint32_t count);

// A new branch, unique and with our prefix: "z9hG4bK<prefix><random>". Good until the next call.
struct str sip_stack_branch(struct sip_stack *s);
// Sends a request as a new client transaction: whole text whose topmost Via carries `branch`. Not for ACK. Its From tag,
// Call-ID, CSeq number and To tag stand here once more: a response that does not repeat them is none (RFC 3261
// §8.2.6.2). No To tag: the request begins a dialog or stands alone, and whoever answers gives one.
struct sip_identity {
	struct str from_tag, call_id;
	uint32_t cseq;
	struct str to_tag;
};
struct sip_client_request {
	enum sip_method method;
	struct str branch, message;
	struct sip_identity identity;
	struct addr to;
	uint16_t listener;
	uint64_t owner;
	bool may_call; // the peer may be called: one that is too long for a datagram goes over a connection, if one can be
	               // had (RFC 3261 §18.1.1)
	struct str ack; // of a 2xx: goes out right before it, when there is room for it; empty: none
};
MUST_CHECK enum err sip_client_send(ref *txn, struct sip_stack *s, const struct sip_client_request *r);
// While the 401, 407 or 422 to a request is told: the request as it went out. Empty at any other time.
struct str sip_client_refused(const struct sip_stack *s);
// Cancels an INVITE (RFC 3261 §9.1): the CANCEL leaves when a provisional response has come. The final response is told
// as ever, provisional ones no more. When none comes within 64*T1 of the CANCEL: failed(TIMEOUT).
void sip_client_cancel(struct sip_stack *s, ref txn);
// The same with a Reason header (RFC 3326) in the CANCEL: "SIP;cause=200;text=\"Call completed elsewhere\"".
void sip_client_cancel_for(struct sip_stack *s, ref txn, struct str reason);
// Forgets the owner: nothing of this transaction is told any more (the call ended), repetitions go on. A 2xx that still
// comes to a forgotten INVITE is told with owner 0: the user ends it by ACK and BYE. An INVITE of ours without a final
// response is cancelled, since nobody else would; one of theirs can still be answered, for 64*T1.
void sip_stack_disown(struct sip_stack *s, ref txn);
// Of a 2xx to an INVITE of ours that nobody owns any more, told with owner 0.
struct sip_stray {
	bool offers; // the INVITE went out without a body: the 2xx brings an offer, its ACK the answer (RFC 3261 §13.2.1)
	bool again;  // the 2xx of this To tag was told before, perhaps to the owner, who ended what it began
};
struct sip_stray sip_client_stray(const struct sip_stack *s, ref txn);
// While that 2xx is told: there was no room to end what it began. Its next copy is told as if it were the first.
void sip_client_not_ended(struct sip_stack *s, ref txn, struct str to_tag);
// The dialog in which this INVITE of ours went out has had its BYE: a 2xx of this To tag counts as told before.
void sip_client_ended(struct sip_stack *s, ref txn, struct str to_tag);
// Answers a request that shall have no state (a challenge, a refusal under load, any answer to a stranger, who may have
// forged his address and would have us repeat it): the transaction is dropped without tombstone, a retransmission is a
// new request (RFC 3261 §8.2.7). Of a BYE that is told without a transaction (0) it is the answer in place of our 503.
void sip_server_respond_stateless(struct sip_stack *s, ref txn, struct str message);

// For limits, tests and the metrics.
struct sip_stack_use {
	uint32_t transactions; // without a final response
	uint32_t tombstones;   // with one
	uint64_t bytes;        // of messages kept
};
struct sip_stack_use sip_stack_use(const struct sip_stack *s);
// Machine number i of the transactions, for printing their matrices; NULL past the last.
const struct fsm *sip_txn_machine(uint32_t i);
