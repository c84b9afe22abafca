// Inside the transaction layer, for txn*.c only: the stack, a transaction, and the engine that steps four machines.
//
//     txn_input.c ──names the event──▶ txn_invite_client.c  txn_client.c   (tables: state, event, next, action, clause)
//     txn.c tick  ──timer is event───▶ txn_invite_server.c  txn_server.c
//     txn.c API   ──names the event──▶        │ action
//                                             ▼
//                                      txn_send, txn_keep, txn_repeat, sip_user
//
// A user may call the stack from inside its callbacks, so a transaction may end there: an action tells the user last
// and touches the transaction no more; the engine finds it again by its handle.
#pragma once

#include "base/fsm.h"
#include "base/slab.h"
#include "wire/sip/txn.h"

// A digest of what identifies a message, by a secret key: 16 octets whatever the peers' branches and Call-IDs are, and
// nobody can make two that are equal.
struct txn_key {
	uint64_t h[2];
};

enum txn_kind { TXN_INVITE_CLIENT, TXN_INVITE_SERVER, TXN_CLIENT, TXN_SERVER, TXN_KIND_COUNT };

#define TXN_NO_STREAM_MAX 8
#define TXN_ANSWERS_MAX 4 // branches of one fork whose answers are remembered

struct sip_txn {
	struct map_node node; // in stack.by_branch
	struct txn_key branch_key;
	struct map_node other_node; // in stack.by_identity: initial requests of theirs; in by_peer: those of ours over
	                            // connections
	struct txn_key identity_key;   // From tag, Call-ID, CSeq number; of a request of ours in a dialog the To tag, too
	struct timer repeat, end;
	struct str text;   // owned, in the slab: what is repeated, or an INVITE of ours until it has its final response
	struct str reason; // owned, in the slab: of a CANCEL that waits for a provisional response
	uint64_t owner;
	uint64_t started_ms;
	uint32_t interval_ms; // of the repeat timer
	struct addr peer;     // where messages go
	uint16_t listener;
	uint8_t kind, state; // enum txn_kind; a state of that machine
	uint8_t method;      // enum sip_method
	bool quiet;          // nothing is told of it: disowned, or a CANCEL
	bool initial;        // of theirs: stands in stack.by_identity
	bool again;          // it was sent again, since its connection broke
	bool by_size;        // it went over a connection because it is long
	bool in_dialog;      // a request of ours with a To tag
	bool asks_peer;      // of ours: stands in stack.by_peer
	bool cut;            // its connection has ended, and it is to fail
	bool asks;           // an INVITE of ours without a body: its 2xx brings an offer
	bool told_before;    // the 2xx that is told now
	uint32_t answer_tags[TXN_ANSWERS_MAX]; // hashes of the To tags of 2xx that were told, the last first; 0: none
};

struct txn_input;
struct sip_stack {
	struct env *env;
	struct outbox *out;
	struct sip_user user;
	uint32_t t1_ms, t2_ms, t4_ms;
	struct wheel wheel;
	struct pool txns;       // of struct sip_txn
	struct slab texts;
	struct map by_branch;   // of struct sip_txn: branch and sent-by; client and server ones
	struct map by_identity; // server ones of initial requests, to know merged requests
	struct map by_peer;     // client ones over connections, to know what goes with one that ends
	const struct addr *listeners; // borrowed
	uint32_t listener_count;
	struct txn_no_stream {
		struct addr peer;
		uint64_t until_ms;
	} no_stream[TXN_NO_STREAM_MAX]; // who took no connection lately
	uint32_t no_stream_at;
	struct hash_key keys[2];
	uint32_t tombstones;
	struct str refused; // sip_client_refused; in scratch memory
	const struct txn_input *roomless; // a BYE without a transaction, while it is told and was not answered; NULL: none
	char branch[32];
	uint32_t branch_prefix_n; // of `branch`: cookie and prefix
};

// What came with an event.
struct txn_input {
	const struct sip_msg *m; // received; NULL for timers and the user's events
	const struct sip_source *from;
	struct str text; // of the user's events: the message to send, or the reason to cancel
};

typedef void txn_action(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);

// What holds while a transaction is in a state. A timer that the next state has too runs on.
struct txn_state {
	uint8_t repeat;   // timer that fires first after T1; 0: none
	uint8_t end;      // timer that ends the state; 0: none
	bool end_is_t4;   // it lasts T4, else 64*T1
	bool absorbs;     // it lasts for what may be repeated alone: over a stream it is over at once
	bool repeats_end_to_end; // over a stream too: the hop after it may be a datagram's (RFC 3261 §13.3.1.4)
	bool keeps_text;  // what is kept is needed still
	bool is_finished; // a final response was sent or received: a tombstone
	bool is_asking;   // a client's, and nothing has come
	bool is_given_up; // a client's that nobody wants any more
	bool is_over;     // to be freed at once
};

// Timers are events of their machine, and never its event 0.
struct txn_machine {
	struct fsm fsm;
	const struct txn_state *states;
	txn_action *const *actions;
};
extern const struct txn_machine txn_invite_client, txn_invite_server, txn_client, txn_server;

// ENGINE (txn.c). A new transaction in its machine's first state, or NULL when the pool is full.
struct sip_txn *txn_new(struct sip_stack *s, enum txn_kind kind, const struct txn_key *branch_key,
                        const struct addr *peer);
// A client transaction for a request whose first sending is the caller's, or NULL when pool or memory are full.
struct sip_txn *txn_client_begin(struct sip_stack *s, const struct txn_key *key, const struct txn_key *identity,
                                 const struct sip_client_request *r);
// Takes an event; false when the state has no row for it. The transaction may be gone afterwards.
bool txn_step(struct sip_stack *s, struct sip_txn *t, uint32_t event, const struct txn_input *in);
void txn_free(struct sip_stack *s, struct sip_txn *t);

// What actions are made of. txn_keep stores a message to be repeated, in place of what was kept; when the limit is
// reached nothing is kept (and nothing repeated).
void txn_keep(struct sip_stack *s, struct sip_txn *t, struct str text);
void txn_send(struct sip_stack *s, const struct sip_txn *t, struct str text);
void txn_send_again(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
// Sends again for a timer, and doubles its interval up to a limit.
void txn_repeat(struct sip_stack *s, struct sip_txn *t, uint32_t interval_ms_max);
void txn_tell_response(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_tell_timeout(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_tell_unreachable(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_do_nothing(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
bool txn_ask_again(struct sip_stack *s, struct sip_txn *t);
// Nothing has come yet, and it is still wanted.
bool txn_is_asking(const struct sip_txn *t);
// Nothing has come yet.
bool txn_is_unanswered(const struct sip_txn *t);
// Starts its repetitions, of one that goes as a datagram now.
void txn_repeat_from_now(struct sip_stack *s, struct sip_txn *t);

// LONG ONES (txn_long.c). Makes it one that goes over a connection; false: it stays as it is.
bool txn_go_by_stream(struct sip_stack *s, struct sip_client_request *r);
// The connection failed: it goes as a datagram. false: it cannot, or was to be sent over one anyway.
bool txn_fall_back(struct sip_stack *s, struct sip_txn *t);
// Of a peer, what its connection is found by.
static inline struct str txn_place(const struct addr *a)
{
	return (struct str){ (const char *)a, ADDR_PLACE_BYTES };
}
void txn_see(struct sip_stack *s, uint64_t owner, bool out, struct str bytes, const struct addr *peer);

// MACHINES. What each makes of a message or of a wish of the user: it names the event. false: no row for it.
void txn_invite_client_response(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_invite_client_cancel(struct sip_stack *s, struct sip_txn *t, struct str reason);
void txn_client_response(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_invite_client_returned(struct sip_stack *s, struct sip_txn *t);
void txn_client_returned(struct sip_stack *s, struct sip_txn *t);
void txn_invite_server_request(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_invite_server_ack(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_invite_server_cancel(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_invite_server_unanswered(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_invite_server_acked(struct sip_stack *s, struct sip_txn *t);
void txn_invite_server_disown(struct sip_stack *s, struct sip_txn *t);
bool txn_invite_server_respond(struct sip_stack *s, struct sip_txn *t, uint16_t status, const struct txn_input *in);
bool txn_invite_server_drop(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
void txn_server_request(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);
bool txn_server_respond(struct sip_stack *s, struct sip_txn *t, uint16_t status, const struct txn_input *in);
bool txn_server_drop(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in);

// INPUT (txn_input.c)
struct txn_key txn_client_key(const struct sip_stack *s, struct str branch);
// ERR_FULL: longer than any that we keep.
MUST_CHECK enum err txn_identity_key(struct txn_key *out, const struct sip_stack *s, const struct sip_identity *id);

// TEXT (txn_text.c). Requests that the layer makes itself out of an INVITE that it sent: CANCEL (RFC 3261 §9.1;
// `reason` is a Reason value or empty) and the ACK of a final response other than 2xx (§17.1.1.3). They are written to
// the outbox; the result is good until the next flush, and empty when it could not be made.
struct str txn_write_cancel(struct sip_stack *s, const struct sip_txn *invite, struct str reason);
struct str txn_write_ack(struct sip_stack *s, const struct sip_txn *invite, const struct sip_msg *response);
// Where the response to a request goes: see the definition for the rules.
struct addr txn_response_addr(const struct sip_msg *request, const struct sip_source *from);
// Answers a request without state. Without a `to_tag`, one is made from the request, so that its retransmission gets
// the same (RFC 3261 §8.2.7); a 100 has none.
struct txn_answer {
	uint16_t status;
	struct str reason; // empty: the usual one
	struct str to_tag;
};
void txn_answer(struct sip_stack *s, uint64_t owner, const struct txn_input *request, const struct txn_answer *a);
// The To tag of the response that is kept, or empty.
struct str txn_kept_to_tag(struct sip_stack *s, const struct sip_txn *t);
