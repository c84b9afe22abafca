// The stack: its life, the engine that steps transactions, and what its user calls.
#include "wire/sip/txn_core.h"

#include <assert.h>
#include <stdlib.h>

COUNTER(sip_txn_full, "Transactions refused because the pool or the memory for their messages is full");
COUNTER(sip_text_not_kept, "Responses sent but not kept for repetition: the memory for messages is full");
COUNTER(sip_tx_repeated, "Messages sent again");
COUNTER(sip_txn_unreachable, "Requests of ours that failed at once because the network gave them back");
COUNTER(sip_txn_timeout, "Transactions that ended by a time limit: no final response, or no ACK");

static const struct txn_machine *const machines[TXN_KIND_COUNT] = {
	[TXN_INVITE_CLIENT] = &txn_invite_client,
	[TXN_INVITE_SERVER] = &txn_invite_server,
	[TXN_CLIENT] = &txn_client,
	[TXN_SERVER] = &txn_server,
};

const struct fsm *sip_txn_machine(uint32_t i)
{
	return i < ARRAY_LEN(machines) ? &machines[i]->fsm : NULL;
}

// LIFE

struct sip_stack *sip_stack_new(struct env *env, struct outbox *out, const struct sip_user *user,
                                const struct sip_times *times, const struct sip_stack_limits *limits,
                                struct str branch_prefix)
{
	struct sip_stack *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	*s = (struct sip_stack){
		.env = env, .out = out, .user = *user,
		.t1_ms = times && times->t1_ms ? times->t1_ms : 500,
		.t2_ms = times && times->t2_ms ? times->t2_ms : 4000,
		.t4_ms = times && times->t4_ms ? times->t4_ms : 5000,
	};
	for (uint32_t i = 0; i < 2; i++)
		s->keys[i] = (struct hash_key){ { random_u64(&env->random), random_u64(&env->random) } };
	struct hash_key map_key = { { random_u64(&env->random), random_u64(&env->random) } };
	struct buf b = buf_on(s->branch, sizeof s->branch);
	put(&b, STR("z9hG4bK"));
	put(&b, str_head(branch_prefix, 8));
	s->branch_prefix_n = b.n;
	wheel_init(&s->wheel, env->now_ms);
	slab_init(&s->texts, limits->bytes_max);
	if (pool_init(&s->txns, "sip transactions", sizeof(struct sip_txn), limits->transactions_max) != OK ||
	    map_init(&s->by_branch, limits->transactions_max, map_key) != OK ||
	    map_init(&s->by_identity, limits->transactions_max / 4, map_key) != OK ||
	    map_init(&s->by_peer, limits->transactions_max / 16, map_key) != OK)
		return sip_stack_free(s);
	return s;
}

struct sip_stack *sip_stack_free(struct sip_stack *s)
{
	if (!s) return NULL;
	slab_fini(&s->texts);
	map_fini(&s->by_peer);
	map_fini(&s->by_identity);
	map_fini(&s->by_branch);
	pool_fini(&s->txns);
	free(s);
	return NULL;
}

struct sip_stack_use sip_stack_use(const struct sip_stack *s)
{
	return (struct sip_stack_use){
		.transactions = s->txns.used - s->tombstones, .tombstones = s->tombstones, .bytes = s->texts.used_bytes,
	};
}

// ENGINE

static const struct txn_state *state_of(const struct sip_txn *t)
{
	return &machines[t->kind]->states[t->state];
}

static void start_timers(struct sip_stack *s, struct sip_txn *t, const struct txn_state *from,
                         const struct txn_state *to)
{
	ref r = pool_ref(&s->txns, t);
	uint64_t now = s->env->now_ms;
	bool stream = addr_is_stream(&t->peer);
	if (to->repeat != from->repeat) {
		wheel_stop(&s->wheel, &t->repeat);
		t->interval_ms = s->t1_ms;
		if (to->repeat && (!stream || to->repeats_end_to_end))
			wheel_start(&s->wheel, &t->repeat, now + s->t1_ms, to->repeat, r);
	}
	if (to->end != from->end) {
		wheel_stop(&s->wheel, &t->end);
		uint64_t after = stream && to->absorbs ? 0 : to->end_is_t4 ? s->t4_ms : 64ull * s->t1_ms;
		if (to->end) wheel_start(&s->wheel, &t->end, now + after, to->end, r);
	}
}

// What belongs to the state left goes, what belongs to the state entered comes.
static void enter(struct sip_stack *s, struct sip_txn *t, const struct txn_state *from, const struct txn_state *to)
{
	start_timers(s, t, from, to);
	if (!to->keeps_text) t->text = slab_free(&s->texts, t->text);
	if (to->is_finished && !from->is_finished) s->tombstones++;
	if (from->is_finished && !to->is_finished) s->tombstones--;
}

struct sip_txn *txn_new(struct sip_stack *s, enum txn_kind kind, const struct txn_key *branch_key,
                        const struct addr *peer)
{
	static const struct txn_state nowhere = { .keeps_text = true };
	struct sip_txn *t = pool_get(&s->txns);
	if (!t) {
		COUNT(sip_txn_full);
		return NULL;
	}
	t->kind = (uint8_t)kind;
	t->peer = *peer;
	t->started_ms = s->env->now_ms;
	t->branch_key = *branch_key;
	map_add(&s->by_branch, &t->node, (struct str){ (const char *)&t->branch_key, sizeof t->branch_key });
	enter(s, t, &nowhere, state_of(t));
	return t;
}

void txn_free(struct sip_stack *s, struct sip_txn *t)
{
	if (state_of(t)->is_finished) s->tombstones--;
	wheel_stop(&s->wheel, &t->repeat);
	wheel_stop(&s->wheel, &t->end);
	map_remove(&s->by_branch, &t->node);
	if (t->initial) map_remove(&s->by_identity, &t->other_node);
	else if (t->asks_peer) map_remove(&s->by_peer, &t->other_node);
	t->text = slab_free(&s->texts, t->text);
	t->reason = slab_free(&s->texts, t->reason);
	pool_put(&s->txns, t);
}

bool txn_step(struct sip_stack *s, struct sip_txn *t, uint32_t event, const struct txn_input *in)
{
	const struct txn_machine *machine = machines[t->kind];
	const struct txn_state *from = state_of(t);
	const struct fsm_row *row = fsm_step(&machine->fsm, &t->state, event);
	if (!row) return false;
	ref r = pool_ref(&s->txns, t);
	if (state_of(t) != from) enter(s, t, from, state_of(t));
	machine->actions[row->action](s, t, in);
	t = pool_at(&s->txns, r); // the user may have ended it inside the action
	if (t && state_of(t)->is_over) txn_free(s, t);
	return true;
}

uint64_t sip_stack_tick(struct sip_stack *s)
{
	const struct txn_input nothing = { 0 };
	struct timer *timer;
	while ((timer = wheel_expire(&s->wheel, s->env->now_ms))) {
		struct sip_txn *t = pool_at(&s->txns, timer->owner);
		assert(t); // timers stop when their transaction ends
		txn_step(s, t, timer->kind, &nothing);
	}
	return wheel_next(&s->wheel);
}

// WHAT ACTIONS ARE MADE OF

void txn_see(struct sip_stack *s, uint64_t owner, bool out, struct str bytes, const struct addr *peer)
{
	if (s->user.seen) s->user.seen(s->user.self, owner, out, bytes, peer);
}

void txn_keep(struct sip_stack *s, struct sip_txn *t, struct str text)
{
	// The last of the memory is for requests of ours, which cannot do without.
	bool room = s->texts.used_bytes < s->texts.bytes_max - s->texts.bytes_max / 32;
	struct str kept = room ? slab_dup(&s->texts, text) : (struct str){ "", 0 };
	if (kept.n == 0) COUNT(sip_text_not_kept);
	t->text = slab_free(&s->texts, t->text);
	t->text = kept;
}

void txn_send(struct sip_stack *s, const struct sip_txn *t, struct str text)
{
	if (text.n == 0) return;
	outbox_send(s->out, t->listener, &t->peer, text);
	txn_see(s, t->owner, true, text, &t->peer);
}

void txn_send_again(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	COUNT(sip_tx_repeated);
	txn_send(s, t, t->text);
}

void txn_repeat(struct sip_stack *s, struct sip_txn *t, uint32_t interval_ms_max)
{
	t->interval_ms = t->interval_ms > interval_ms_max / 2 ? interval_ms_max : 2 * t->interval_ms;
	wheel_start(&s->wheel, &t->repeat, s->env->now_ms + t->interval_ms, t->repeat.kind, pool_ref(&s->txns, t));
	COUNT(sip_tx_repeated);
	txn_send(s, t, t->text);
}

static bool was_told(const struct sip_txn *t, uint32_t tag)
{
	for (uint32_t i = 0; i < TXN_ANSWERS_MAX; i++)
		if (t->answer_tags[i] == tag) return true;
	return false;
}

static uint32_t tag_hash(const struct sip_stack *s, struct str to_tag)
{
	return (uint32_t)hash_str(&s->keys[0], to_tag) | 1; // 0 is none
}

static void note_answer(struct sip_txn *t, uint32_t tag)
{
	if (was_told(t, tag)) return;
	memmove(t->answer_tags + 1, t->answer_tags, sizeof t->answer_tags - sizeof t->answer_tags[0]);
	t->answer_tags[0] = tag;
}

void txn_tell_response(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	// A phone that answers an INVITE which nobody owns any more must be told so, or it waits for ever.
	bool answers = t->kind == TXN_INVITE_CLIENT && in->m->status >= 200 && in->m->status < 300;
	if (t->quiet && !answers) return;
	if (answers) {
		uint32_t tag = tag_hash(s, in->m->to.tag);
		t->told_before = was_told(t, tag);
		note_answer(t, tag);
	}
	s->user.response(s->user.self, pool_ref(&s->txns, t), t->owner, in->m, in->from);
}

void txn_tell_timeout(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	COUNT(sip_txn_timeout);
	if (!t->quiet) s->user.failed(s->user.self, pool_ref(&s->txns, t), t->owner, SIP_FAILED_TIMEOUT);
}

void txn_tell_unreachable(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)in;
	COUNT(sip_txn_unreachable);
	if (!t->quiet) s->user.failed(s->user.self, pool_ref(&s->txns, t), t->owner, SIP_FAILED_TRANSPORT);
}

void txn_do_nothing(struct sip_stack *s, struct sip_txn *t, const struct txn_input *in)
{
	(void)s, (void)t, (void)in;
}

// What had no answer yet is asked once more: a peer that may be called gets it over a new connection, and from any other
// it comes back. The timers deal with the rest.
bool txn_ask_again(struct sip_stack *s, struct sip_txn *t)
{
	if (t->again || !txn_is_asking(t)) return false;
	t->again = true;
	txn_send_again(s, t, NULL);
	return true;
}

bool txn_is_asking(const struct sip_txn *t)
{
	return state_of(t)->is_asking && !state_of(t)->is_given_up;
}

bool txn_is_unanswered(const struct sip_txn *t)
{
	return state_of(t)->is_asking;
}

void txn_repeat_from_now(struct sip_stack *s, struct sip_txn *t)
{
	t->interval_ms = s->t1_ms;
	wheel_start(&s->wheel, &t->repeat, s->env->now_ms + s->t1_ms, state_of(t)->repeat, pool_ref(&s->txns, t));
}

// WHAT THE USER CALLS

static struct sip_txn *server_at(const struct sip_stack *s, ref r)
{
	struct sip_txn *t = pool_at(&s->txns, r);
	return t && (t->kind == TXN_SERVER || t->kind == TXN_INVITE_SERVER) ? t : NULL;
}

enum err sip_server_respond(struct sip_stack *s, ref txn, uint16_t status, struct str message)
{
	struct sip_txn *t = server_at(s, txn);
	const struct txn_input in = { .text = message };
	if (status < 100 || status > 699 || message.n == 0 || message.n > PACKET_MAX) return ERR_BAD;
	if (!t) return ERR_NOT_FOUND;
	if (t->kind == TXN_INVITE_SERVER) return txn_invite_server_respond(s, t, status, &in) ? OK : ERR_STATE;
	if ((status > 100 && status < 200) || status == 408) return ERR_REFUSED; // RFC 4320 §4
	return txn_server_respond(s, t, status, &in) ? OK : ERR_STATE;
}

void sip_server_respond_stateless(struct sip_stack *s, ref txn, struct str message)
{
	struct sip_txn *t = server_at(s, txn);
	const struct txn_input in = { .text = message };
	if (!txn && s->roomless) {
		const struct addr to = txn_response_addr(s->roomless->m, s->roomless->from);
		outbox_send(s->out, s->roomless->from->listener, &to, message);
		s->roomless = NULL;
	}
	if (!t) return;
	if (t->kind == TXN_INVITE_SERVER) txn_invite_server_drop(s, t, &in);
	else txn_server_drop(s, t, &in);
}

void sip_server_acked(struct sip_stack *s, ref txn)
{
	struct sip_txn *t = server_at(s, txn);
	if (t && t->kind == TXN_INVITE_SERVER) txn_invite_server_acked(s, t);
}

void sip_server_own(struct sip_stack *s, ref txn, uint64_t owner)
{
	struct sip_txn *t = server_at(s, txn);
	if (t) t->owner = owner;
}

struct str sip_stack_branch(struct sip_stack *s)
{
	struct buf b = buf_on(s->branch, sizeof s->branch);
	b.n = s->branch_prefix_n;
	put_hex(&b, random_u64(&s->env->random), 16);
	return buf_str(&b);
}

struct sip_txn *txn_client_begin(struct sip_stack *s, const struct txn_key *key, const struct txn_key *identity,
                                 const struct sip_client_request *r)
{
	struct sip_txn *t = txn_new(s, r->method == SIP_INVITE ? TXN_INVITE_CLIENT : TXN_CLIENT, key, &r->to);
	if (!t) return NULL;
	t->method = (uint8_t)r->method;
	t->listener = r->listener;
	t->owner = r->owner;
	t->identity_key = *identity;
	t->in_dialog = r->identity.to_tag.n > 0;
	t->asks_peer = addr_is_stream(&t->peer);
	if (t->asks_peer) map_add(&s->by_peer, &t->other_node, txn_place(&t->peer));
	t->asks = r->method == SIP_INVITE && r->message.n > 4 && memcmp(r->message.p + r->message.n - 4, "\r\n\r\n", 4) == 0;
	t->text = slab_dup(&s->texts, r->message);
	if (t->text.n) return t;
	COUNT(sip_txn_full);
	txn_free(s, t);
	return NULL;
}

enum err sip_client_send(ref *txn, struct sip_stack *s, const struct sip_client_request *r)
{
	if (r->method == SIP_ACK || r->method == SIP_CANCEL || r->method == SIP_METHOD_UNKNOWN) return ERR_BAD;
	if (r->branch.n == 0 || r->branch.n >= sizeof s->branch) return ERR_BAD;
	if (r->message.n == 0 || r->message.n > PACKET_MAX) return ERR_BAD;
	struct txn_key key = txn_client_key(s, r->branch), identity;
	if (txn_identity_key(&identity, s, &r->identity) != OK) return ERR_BAD;
	uint32_t mark = s->env->scratch.n;
	struct sip_client_request sent = *r;
	bool by_size = txn_go_by_stream(s, &sent);
	struct sip_txn *t = txn_client_begin(s, &key, &identity, &sent);
	s->env->scratch.n = mark;
	if (!t) return ERR_FULL;
	t->by_size = by_size;
	*txn = pool_ref(&s->txns, t);
	if (r->ack.n) outbox_send(s->out, t->listener, &t->peer, r->ack);
	txn_send(s, t, t->text);
	return OK;
}

struct str sip_client_refused(const struct sip_stack *s)
{
	return s->refused;
}

void sip_client_cancel_for(struct sip_stack *s, ref txn, struct str reason)
{
	struct sip_txn *t = pool_at(&s->txns, txn);
	if (t && t->kind == TXN_INVITE_CLIENT) txn_invite_client_cancel(s, t, reason);
}

void sip_client_cancel(struct sip_stack *s, ref txn)
{
	sip_client_cancel_for(s, txn, STR(""));
}

struct sip_stray sip_client_stray(const struct sip_stack *s, ref txn)
{
	const struct sip_txn *t = pool_at(&s->txns, txn);
	if (!t) return (struct sip_stray){ 0 };
	return (struct sip_stray){ .offers = t->asks, .again = t->told_before };
}

void sip_client_not_ended(struct sip_stack *s, ref txn, struct str to_tag)
{
	struct sip_txn *t = pool_at(&s->txns, txn);
	for (uint32_t i = 0; t && i < TXN_ANSWERS_MAX; i++)
		if (t->answer_tags[i] == tag_hash(s, to_tag)) t->answer_tags[i] = 0;
}

void sip_client_ended(struct sip_stack *s, ref txn, struct str to_tag)
{
	struct sip_txn *t = pool_at(&s->txns, txn);
	if (t && t->kind == TXN_INVITE_CLIENT) note_answer(t, tag_hash(s, to_tag));
}

void sip_stack_disown(struct sip_stack *s, ref txn)
{
	struct sip_txn *t = pool_at(&s->txns, txn);
	if (!t) return;
	t->quiet = true;
	if (t->kind == TXN_INVITE_CLIENT) txn_invite_client_cancel(s, t, STR("")); // nobody is left to do it
	else if (t->kind == TXN_INVITE_SERVER) txn_invite_server_disown(s, t);
	if ((t = pool_at(&s->txns, txn))) t->owner = 0;
}
