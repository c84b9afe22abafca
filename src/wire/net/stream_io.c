// What connections read, and what waits to be sent.
#include "wire/net/stream_core.h"

#include "base/count.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

COUNTER(stream_ended_slow, "Connections ended because the peer does not take what is sent to him");
COUNTER(stream_ended_broken, "Connections ended because what came cannot be told apart");
COUNTER(stream_rx, "Messages received over connections");
COUNTER(stream_tx, "Messages sent over connections");

#define READ_ROUNDS 4     // of one connection before others get their turn
#define REFUSED_MS 1000   // the answer to a broken message has so long to come and go

// ---- Reading --------------------------------------------------------------------------------------------------------

// Room for what is held, with what is there; false: there is none, or all connections hold too much.
static bool resize_held(struct conn *c, uint32_t cap)
{
	struct streams *s = c->streams;
	if (cap > c->held_cap && stream_is_full(s, cap - c->held_cap)) return false;
	char *p = cap ? realloc(c->held, cap) : NULL;
	if (cap && !p) return false;
	if (!cap) free(c->held);
	s->memory = s->memory - c->held_cap + cap;
	c->held = p;
	c->held_cap = cap;
	return true;
}

// Keeps what is not a whole message yet.
bool stream_hold(struct conn *c, struct str rest)
{
	uint32_t cap = rest.n > c->held_cap ? (rest.n < 512 ? 1024 : rest.n * 2) : rest.n ? c->held_cap : 0;
	if (cap != c->held_cap && !resize_held(c, cap)) return false;
	if (rest.n) memmove(c->held, rest.p, rest.n);
	c->held_n = rest.n;
	return true;
}

void stream_tell(struct conn *c, struct str data, bool broken)
{
	const struct packet p = { .peer = stream_peer(c), .listener = (uint16_t)c->key.listener,
		.arrived_ms = c->streams->now_ms, .broken = broken, .data = data };
	COUNT(stream_rx);
	c->streams->user.message(c->streams->user.self, &p);
}

void stream_refuse(struct conn *c)
{
	c->refused = true;
	wheel_start(&c->streams->wheel, &c->timer, c->streams->now_ms + REFUSED_MS, TIMER_REFUSED,
		pool_ref(&c->streams->conns, c));
}

// Ends it when the answer, which may come from another thread, has had time to go out.
static void end_broken(struct conn *c, struct str head)
{
	COUNT(stream_ended_broken);
	if (head.n) stream_tell(c, head, true);
	if (c->failed) return;
	if (!head.n) {
		stream_fail(c);
		return;
	}
	stream_refuse(c);
}

// Takes the pieces off the beginning; gives what is left.
static struct str take_pieces(struct conn *c, struct str rest)
{
	struct streams *s = c->streams;
	while (rest.n && !c->failed && !c->refused) {
		uint32_t n = 0;
		enum stream_piece piece = s->user.piece(&n, &c->looked, rest);
		if (piece == STREAM_MORE) break;
		c->looked = 0;
		struct str data = str_head(rest, n);
		rest = str_from_at(rest, n);
		if (piece == STREAM_MESSAGE) c->said_something = true;
		if (c->said_something) wheel_stop(&s->wheel, &c->timer);
		if (piece == STREAM_MESSAGE) stream_tell(c, data, false);
		else if (piece == STREAM_PING) stream_send_on(c, s->user.pong);
		else if (piece == STREAM_BROKEN) end_broken(c, data);
	}
	return rest;
}

bool stream_hold_more(struct conn *c, struct str octets)
{
	uint32_t n = c->held_n + octets.n;
	if (n > c->streams->limits.message_max) return false;
	if (n > c->held_cap && !resize_held(c, n < 512 ? 1024 : n * 2)) return false;
	memcpy(c->held + c->held_n, octets.p, octets.n);
	c->held_n = n;
	return true;
}

// What was held and what is new, as one.
static void take(struct conn *c, struct str new)
{
	struct str all = new;
	if (c->held_n) {
		if (c->held_n + new.n > c->held_cap && !resize_held(c, c->held_n + new.n)) {
			stream_end_full(c);
			return;
		}
		memcpy(c->held + c->held_n, new.p, new.n);
		all = (struct str){ c->held, c->held_n + new.n };
	}
	struct str rest = take_pieces(c, all);
	if (c->failed || c->refused) return;
	if (rest.n > c->streams->limits.message_max) end_broken(c, (struct str){ "", 0 });
	else if (!stream_hold(c, rest)) stream_end_full(c);
	else stream_restart_timer(c);
}

// One read; what it came to as TLS says it.
static enum tls_result read_some(struct conn *c, uint32_t *n)
{
	struct streams *s = c->streams;
	*n = 0;
	if (c->tls) return tls_read(c->tls, s->read, READ_BYTES, n);
	ssize_t got = recv(c->watch.fd, s->read, READ_BYTES, 0);
	if (got > 0) *n = (uint32_t)got;
	return got > 0 ? TLS_DONE : got == 0 ? TLS_OVER : errno == EAGAIN || errno == EINTR ? TLS_WANTS_READ : TLS_FAILED;
}

void stream_read(struct conn *c)
{
	for (uint32_t round = 0; round < READ_ROUNDS && !c->failed && !c->refused; round++) {
		uint32_t n;
		enum tls_result r = read_some(c, &n);
		const struct str came = { c->streams->read, n };
		if (r == TLS_DONE && c->phase == UPGRADING) stream_take_upgrade(c, came);
		else if (r == TLS_DONE && c->ws) stream_take_frames(c, came);
		else if (r == TLS_DONE) take(c, came);
		else if (r == TLS_WANTS_WRITE) c->tls_wants_write = true;
		else if (r != TLS_WANTS_READ) stream_fail(c);
		if (r != TLS_DONE) return;
	}
}

// ---- Writing --------------------------------------------------------------------------------------------------------

static enum tls_result write_some(struct conn *c, struct str data, uint32_t *n)
{
	*n = 0;
	if (c->tls) return tls_write(c->tls, data, n);
	ssize_t taken = send(c->watch.fd, data.p, data.n, MSG_NOSIGNAL);
	if (taken >= 0) *n = (uint32_t)taken;
	return taken >= 0 ? TLS_DONE : errno == EAGAIN || errno == EINTR ? TLS_WANTS_WRITE : TLS_FAILED;
}

// Writes as much as goes; false: no more goes now, or ever.
static bool write_all(struct conn *c, struct str data, uint32_t *sent)
{
	while (*sent < data.n) {
		uint32_t n;
		enum tls_result r = write_some(c, str_from_at(data, *sent), &n);
		*sent += n;
		if (r == TLS_OVER || r == TLS_FAILED) stream_fail(c);
		if (r != TLS_DONE) return false;
	}
	COUNT(stream_tx);
	return true;
}

void stream_write_unsent(struct conn *c)
{
	while (!c->failed && !list_empty(&c->unsent)) {
		struct waiting *w = LIST_OF(c->unsent.next, struct waiting, node);
		if (!write_all(c, (struct str){ w->text, w->n }, &w->sent)) return;
		c->unsent_n -= w->n;
		list_remove(&w->node);
		stream_waiting_free(c->streams, w);
	}
}

// What is too much for him waits, too, to be given back.
static void keep_unsent(struct conn *c, struct str data, uint32_t sent)
{
	struct streams *s = c->streams;
	bool full = stream_is_full(s, sizeof(struct waiting) + data.n);
	struct waiting *w = full && c->failed ? NULL : malloc(sizeof *w + data.n);
	if (w) {
		w->n = data.n;
		w->sent = sent;
		memcpy(w->text, data.p, data.n);
		list_add_last(&c->unsent, &w->node);
		s->memory += sizeof *w + w->n;
		c->unsent_n += w->n;
	} else {
		stream_count_unsent();
	}
	if (c->failed) return;
	if (full || !w) stream_end_full(c);
	else if (c->unsent_n > s->limits.unsent_max) COUNT(stream_ended_slow), stream_fail(c);
}

void stream_send_octets(struct conn *c, struct str octets)
{
	uint32_t sent = 0;
	bool waits = c->failed || (c->phase != OPEN && c->phase != UPGRADING) || !list_empty(&c->unsent);
	if (waits || !write_all(c, octets, &sent)) keep_unsent(c, octets, sent);
	stream_watch(c);
}

void stream_send_on(struct conn *c, struct str data)
{
	if (c->ws) stream_send_frame(c, data);
	else stream_send_octets(c, data);
}
