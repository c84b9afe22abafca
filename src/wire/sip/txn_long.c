// Requests that are too long for a datagram (RFC 3261 §18.1.1): to a peer that may be called they go over a connection,
// with the Via of that; when there is none to be had, as a datagram after all.
#include "wire/sip/txn_core.h"

COUNTER(sip_tx_long, "Requests sent over a connection because they are too long for a datagram");
COUNTER(sip_tx_long_failed, "Long requests that went as a datagram after all, since the peer takes no connection");

#define DATAGRAM_MAX 1300
#define REMEMBER_MS 3600000 // whoever takes no connection now takes none so soon

static struct txn_no_stream *find_no_stream(struct sip_stack *s, const struct addr *peer)
{
	for (uint32_t i = 0; i < TXN_NO_STREAM_MAX; i++)
		if (addr_host_eq(&s->no_stream[i].peer, peer) && s->no_stream[i].peer.port == peer->port &&
		    s->no_stream[i].until_ms > s->env->now_ms)
			return &s->no_stream[i];
	return NULL;
}

static void note_no_stream(struct sip_stack *s, const struct addr *peer)
{
	if (find_no_stream(s, peer)) return;
	s->no_stream[s->no_stream_at++ % TXN_NO_STREAM_MAX] =
		(struct txn_no_stream){ .peer = *peer, .until_ms = s->env->now_ms + REMEMBER_MS };
}

// The request with the transport and address of a listener in its topmost Via; empty: there is no room, or no Via.
static struct str with_via(struct sip_stack *s, struct str text, const struct addr *sent_by)
{
	static const struct str begins = STR_INIT("\r\nVia: SIP/2.0/");
	const char *at = memmem(text.p, text.n, begins.p, begins.n);
	uint32_t room = text.n + 64;
	struct buf b = buf_on(arena_alloc(&s->env->scratch, room), room);
	if (!at || !b.p) return STR("");
	struct str rest = str_from_at(text, (uint32_t)(at - text.p) + begins.n);
	put(&b, str_head(text, (uint32_t)(at - text.p) + begins.n));
	str_cut(&rest, ';');
	for (const char *p = transport_name((enum transport)sent_by->transport); *p; p++) put_c(&b, ascii_upper(*p));
	put_c(&b, ' ');
	put_addr(&b, sent_by);
	put_c(&b, ';');
	put(&b, rest);
	return b.err == OK ? buf_str(&b) : STR("");
}

void sip_stack_listens(struct sip_stack *s, const struct addr *listeners, uint32_t count)
{
	s->listeners = listeners;
	s->listener_count = count;
}

bool txn_go_by_stream(struct sip_stack *s, struct sip_client_request *r)
{
	struct addr peer = r->to;
	peer.transport = TRANSPORT_TCP;
	if (!r->may_call || r->message.n <= DATAGRAM_MAX || r->to.transport != TRANSPORT_UDP) return false;
	uint16_t listener;
	if (find_no_stream(s, &peer) || addr_local_for(&listener, s->listeners, s->listener_count, &peer) != OK) return false;
	struct str text = with_via(s, r->message, &s->listeners[listener]);
	if (!text.n) return false;
	COUNT(sip_tx_long);
	r->message = text;
	r->to = peer;
	r->listener = listener;
	return true;
}

bool txn_fall_back(struct sip_stack *s, struct sip_txn *t)
{
	struct addr peer = t->peer;
	uint16_t listener;
	if (!t->by_size || !txn_is_asking(t)) return false;
	t->by_size = false;
	note_no_stream(s, &peer);
	peer.transport = TRANSPORT_UDP;
	if (addr_local_for(&listener, s->listeners, s->listener_count, &peer) != OK) return false;
	uint32_t mark = s->env->scratch.n;
	struct str text = slab_dup(&s->texts, with_via(s, t->text, &s->listeners[listener]));
	s->env->scratch.n = mark;
	if (!text.n) return false;
	COUNT(sip_tx_long_failed);
	map_remove(&s->by_peer, &t->other_node);
	t->asks_peer = false;
	t->peer = peer;
	t->listener = listener;
	t->text = slab_free(&s->texts, t->text);
	t->text = text;
	txn_repeat_from_now(s, t);
	txn_send(s, t, t->text);
	return true;
}
