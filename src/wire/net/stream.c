// Connections: their life and time.
#include "wire/net/stream_core.h"

#include "base/count.h"

#include <stdlib.h>
#include <unistd.h>

COUNTER(stream_closed, "Connections that ended, for whatever reason");
COUNTER(stream_ended_memory, "Connections ended because too much of all of them waits to be whole, or to be sent");
COUNTER(stream_ended_late, "Connections ended because no whole message came in time");
COUNTER(stream_ended_idle, "Connections ended because nothing came for long");
COUNTER(stream_unreachable, "Connections that could not be opened");
COUNTER(stream_tx_failed, "Messages that could not be sent over a connection");

// ---- Life -----------------------------------------------------------------------------------------------------------

static struct str key_str(const struct conn_key *k)
{
	return (struct str){ (const char *)k, sizeof *k };
}

static struct conn_key key_of(uint16_t listener, const struct addr *peer)
{
	struct conn_key key = { .peer = *peer, .listener = listener };
	key.peer.flow = 0;
	return key;
}

struct addr stream_peer(const struct conn *c)
{
	struct addr a = c->key.peer;
	a.flow = c->flow;
	return a;
}

struct conn *stream_find(const struct streams *s, uint16_t listener, const struct addr *peer)
{
	const struct conn_key key = key_of(listener, peer);
	struct map_node *n = map_find(&s->by_key, key_str(&key));
	return n ? LIST_OF(n, struct conn, by_key) : NULL;
}

// Whoever has one address of IPv6 has all of its /64.
static struct str host_str(const struct addr *a)
{
	return (struct str){ (const char *)a->ip, a->family == 6 ? 8 : sizeof a->ip };
}

bool stream_host_has_too_many(const struct streams *s, const struct addr *host)
{
	uint32_t n = 0;
	struct map_node *node = map_find(&s->by_host, host_str(host));
	for (; node && n < s->limits.of_address_max; node = map_find_next(&s->by_host, node)) n++;
	return n >= s->limits.of_address_max;
}

bool stream_is_full(const struct streams *s, uint64_t more)
{
	return s->memory + more > s->limits.memory_max;
}

void stream_fail(struct conn *c)
{
	if (c->failed) return;
	c->failed = true;
	wheel_stop(&c->streams->wheel, &c->timer);
	if (c->watch.fd >= 0) loop_remove(c->streams->loop, &c->watch);
	list_add_last(&c->streams->failed, &c->node);
	map_remove(&c->streams->by_key, &c->by_key); // what is sent from now on opens another
}

void stream_watch(struct conn *c)
{
	bool writes = c->phase == CONNECTING || c->tls_wants_write || (c->phase >= UPGRADING && !list_empty(&c->unsent));
	uint32_t events = (c->refused ? 0 : LOOP_READ) | (writes ? LOOP_WRITE : 0);
	if (c->failed || events == c->events) return;
	c->events = events;
	if (loop_watch(c->streams->loop, &c->watch, events) != OK) stream_fail(c);
}

void stream_restart_timer(struct conn *c)
{
	struct streams *s = c->streams;
	if (c->failed || c->refused) return;
	bool late = c->phase != OPEN || !c->said_something || c->held_n;
	if (late && c->timer.armed && c->timer.kind == TIMER_LATE) return; // each octet does not give more time
	wheel_start(&s->wheel, &c->timer, s->now_ms + (late ? s->limits.first_ms : s->limits.idle_ms),
		late ? TIMER_LATE : TIMER_IDLE, pool_ref(&s->conns, c));
}

struct conn *stream_conn_new(struct streams *s, int fd, uint16_t listener, const struct addr *peer)
{
	struct conn *c = pool_get(&s->conns);
	if (!c) return NULL;
	c->streams = s;
	c->key = key_of(listener, peer);
	c->watch = (struct loop_watch){ .fd = fd, .ready = stream_on_ready, .self = c };
	list_init(&c->unsent);
	list_init(&c->node);
	map_add(&s->by_key, &c->by_key, key_str(&c->key));
	map_add(&s->by_host, &c->by_host, host_str(&c->key.peer));
	return c;
}

void stream_waiting_free(struct streams *s, struct waiting *w)
{
	s->memory -= sizeof *w + w->n;
	free(w);
}

static void conn_free(struct conn *c)
{
	struct streams *s = c->streams;
	c->tls = tls_session_free(c->tls);
	c->ws = ws_free(c->ws);
	if (c->watch.fd >= 0) COUNT(stream_closed), close(c->watch.fd);
	map_remove(&s->by_host, &c->by_host);
	LIST_EACH(it, &c->unsent) stream_waiting_free(s, LIST_OF(it, struct waiting, node));
	s->memory -= c->held_cap;
	free(c->held);
	pool_put(&s->conns, c);
}

void stream_end_full(struct conn *c)
{
	COUNT(stream_ended_memory);
	stream_fail(c);
}

void stream_count_unsent(void)
{
	COUNT(stream_tx_failed);
}

void stream_count_unreachable(void)
{
	COUNT(stream_unreachable);
}

// ---- Time, beginning and end ----------------------------------------------------------------------------------------

static void tell_end(struct conn *c)
{
	struct streams *s = c->streams;
	const struct addr peer = stream_peer(c);
	bool stood = c->phase == OPEN && c->watch.fd >= 0;
	if (c->flow) s->user.ended(s->user.self, &peer, stood && c->asked);
	LIST_EACH(it, &c->unsent) {
		const struct waiting *w = LIST_OF(it, struct waiting, node);
		const struct packet p = { .peer = peer, .listener = (uint16_t)c->key.listener, .arrived_ms = s->now_ms,
			.returned = true, .data = { w->text, w->n } };
		COUNT(stream_tx_failed);
		if (c->ws) continue; // whoever opened it can be reached by no other way
		s->user.unsent(s->user.self, &p, stood);
	}
	conn_free(c);
}

static void on_timer(struct streams *s, const struct timer *t)
{
	if (t->kind == TIMER_NO_ROOM) {
		struct listening *l = &s->listening[t->owner];
		if (loop_watch(s->loop, &l->watch, LOOP_READ) != OK) stream_rest_for_room(l);
		return;
	}
	struct conn *c = pool_at(&s->conns, t->owner);
	if (c->phase == CONNECTING) COUNT(stream_unreachable);
	else if (t->kind == TIMER_LATE) COUNT(stream_ended_late);
	else if (t->kind == TIMER_IDLE) COUNT(stream_ended_idle);
	stream_fail(c);
}

void streams_tick(struct streams *s, uint64_t now_ms)
{
	struct timer *t;
	s->now_ms = now_ms;
	while ((t = wheel_expire(&s->wheel, now_ms))) on_timer(s, t);
	while (!list_empty(&s->failed)) {
		struct conn *c = LIST_OF(s->failed.next, struct conn, node);
		list_remove(&c->node);
		tell_end(c);
	}
}

uint64_t streams_next(const struct streams *s)
{
	return list_empty(&s->failed) ? wheel_next(&s->wheel) : 0;
}

uint32_t streams_count(const struct streams *s)
{
	return s->conns.used;
}

struct streams *streams_new(struct loop *loop, const struct stream_user *user, const struct stream_limits *limits,
                            uint64_t now_ms)
{
	struct streams *s = calloc(1, sizeof *s);
	struct random random;
	if (!s) return NULL;
	*s = (struct streams){ .loop = loop, .user = *user, .limits = *limits, .now_ms = now_ms };
	random_seed(&random, limits->seed);
	list_init(&s->failed);
	wheel_init(&s->wheel, now_ms);
	struct hash_key key = { { random_u64(&random), random_u64(&random) } };
	uint32_t max = limits->connections_max + STREAM_OWN_MAX;
	if (pool_init(&s->conns, "connections", sizeof(struct conn), max) == OK && map_init(&s->by_key, max, key) == OK &&
	    map_init(&s->by_host, max, key) == OK)
		return s;
	return streams_free(s);
}

struct streams *streams_free(struct streams *s)
{
	if (!s) return NULL;
	struct conn *c;
	for (uint32_t at = 0; s->conns.items && (c = pool_each(&s->conns, &at));) {
		if (!c->failed) stream_fail(c);
		list_remove(&c->node);
		conn_free(c);
	}
	for (uint32_t i = 0; i < STREAM_LISTENERS_MAX; i++) {
		if (!s->listening[i].open) continue;
		loop_remove(s->loop, &s->listening[i].watch);
		close(s->listening[i].watch.fd);
	}
	map_fini(&s->by_host);
	map_fini(&s->by_key);
	pool_fini(&s->conns);
	free(s);
	return NULL;
}
