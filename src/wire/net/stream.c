// Connections: their life, what they read, and what waits to be sent.
#include "wire/net/stream.h"

#include "base/count.h"
#include "base/log.h"
#include "base/map.h"
#include "base/wheel.h"
#include "wire/net/clock.h"
#include "wire/net/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

COUNTER(stream_accepted, "Connections that others opened to us");
COUNTER(stream_connected, "Connections that we opened");
COUNTER(stream_closed, "Connections that ended, for whatever reason");
COUNTER(stream_refused_full, "Connections refused because there are too many, or too many of one address");
COUNTER(stream_accept_failed, "Times when connections had to wait because the system had no descriptor or memory left");
COUNTER(stream_ended_memory, "Connections ended because too much of all of them waits to be whole, or to be sent");
COUNTER(stream_ended_late, "Connections ended because no whole message came in time");
COUNTER(stream_ended_idle, "Connections ended because nothing came for long");
COUNTER(stream_ended_slow, "Connections ended because the peer does not take what is sent to him");
COUNTER(stream_ended_broken, "Connections ended because what came cannot be told apart");
COUNTER(stream_ended_tls, "Connections ended because TLS failed: no common version, a certificate that is not believed");
COUNTER(stream_unreachable, "Connections that could not be opened");
COUNTER(stream_rx, "Messages received over connections");
COUNTER(stream_tx, "Messages sent over connections");
COUNTER(stream_tx_failed, "Messages that could not be sent over a connection");

#define READ_BYTES 65536u // at a time
#define READ_ROUNDS 4     // of one connection before others get their turn
#define ACCEPT_ROUNDS 64
#define OWN_MAX 256       // that we opened, or that only give back what they were to send: beside connections_max
#define REFUSED_MS 1000   // the answer to a broken message has so long to come and go
#define NO_ROOM_MS 100    // without descriptors nobody is accepted for so long
#define PROBE_IDLE_S 120  // TCP asks a peer that says nothing whether he is there
#define UNHEARD_MS 20000  // what he does not acknowledge in this time he never will

enum phase { CONNECTING, SHAKING, OPEN };
enum timer_kind { TIMER_LATE = 1, TIMER_IDLE, TIMER_REFUSED, TIMER_NO_ROOM };

struct waiting { // a message that is not sent whole yet
	struct list node;
	uint32_t n, sent;
	char text[];
};

struct conn_key { // how it is found: no padding
	struct addr peer;
	uint16_t listener;
};

struct conn {
	struct streams *streams;
	struct map_node by_key, by_host;
	struct conn_key key;
	struct loop_watch watch;
	struct tls_session *tls; // owned; NULL: TCP
	struct list unsent;      // struct waiting, owned
	struct list node;        // in streams.failed, when it has failed
	struct timer timer;      // of one kind at a time
	char *held;              // owned: of a message that is not whole yet
	uint32_t held_n, held_cap, looked, unsent_n, events;
	uint8_t phase; // enum phase
	bool tls_wants_write, said_something, failed, is_ours;
	bool refused; // nothing more is read, an answer may go out yet
};

struct listening {
	struct loop_watch watch;
	struct streams *streams;
	struct addr local;
	uint16_t listener;
	uint8_t dscp;
	struct tls *tls;
	struct timer timer; // TIMER_NO_ROOM
	bool open;
};

struct streams {
	struct loop *loop;
	struct stream_user user;
	struct stream_limits limits;
	struct listening listening[STREAM_LISTENERS_MAX];
	struct pool conns;
	struct map by_key, by_host;
	struct wheel wheel;
	struct list failed; // those that end at the next tick
	uint64_t now_ms;
	uint64_t memory; // octets that are held or wait, of all
	char read[READ_BYTES];
};

// ---- Life -----------------------------------------------------------------------------------------------------------

static struct str key_str(const struct conn_key *k)
{
	return (struct str){ (const char *)k, sizeof *k };
}

static struct conn *find(const struct streams *s, uint16_t listener, const struct addr *peer)
{
	const struct conn_key key = { .peer = *peer, .listener = listener };
	struct map_node *n = map_find(&s->by_key, key_str(&key));
	return n ? LIST_OF(n, struct conn, by_key) : NULL;
}

// Whoever has one address of IPv6 has all of its /64.
static struct str host_str(const struct addr *a)
{
	return (struct str){ (const char *)a->ip, a->family == 6 ? 8 : sizeof a->ip };
}

static bool host_has_too_many(const struct streams *s, const struct addr *host)
{
	uint32_t n = 0;
	struct map_node *node = map_find(&s->by_host, host_str(host));
	for (; node && n < s->limits.of_address_max; node = map_find_next(&s->by_host, node)) n++;
	return n >= s->limits.of_address_max;
}

static bool is_full(const struct streams *s, uint64_t more)
{
	return s->memory + more > s->limits.memory_max;
}

// It ends at the next tick: whoever works on it now may go on to look at it.
static void fail(struct conn *c)
{
	if (c->failed) return;
	c->failed = true;
	wheel_stop(&c->streams->wheel, &c->timer);
	if (c->watch.fd >= 0) loop_remove(c->streams->loop, &c->watch);
	list_add_last(&c->streams->failed, &c->node);
	map_remove(&c->streams->by_key, &c->by_key); // what is sent from now on opens another
}

static void fail_tls(struct conn *c)
{
	char text[160];
	struct buf b = buf_on(text, sizeof text - 1);
	put_tls_fault(&b, c->tls);
	text[b.n] = '\0';
	COUNT(stream_ended_tls);
	// Whoever connects may be anybody, as often as he likes.
	if (c->is_ours) LOG(WARN, "tls_failed", LOG_TEXT("a TLS connection failed"), LOG_ADDR("peer", &c->key.peer),
		LOG_Z("why", text));
	else LOG(DEBUG, "tls_failed", LOG_TEXT("a TLS connection failed"), LOG_ADDR("peer", &c->key.peer), LOG_Z("why", text));
	fail(c);
}

static void watch(struct conn *c)
{
	bool writes = c->phase == CONNECTING || c->tls_wants_write || (c->phase == OPEN && !list_empty(&c->unsent));
	uint32_t events = (c->refused ? 0 : LOOP_READ) | (writes ? LOOP_WRITE : 0);
	if (c->failed || events == c->events) return;
	c->events = events;
	if (loop_watch(c->streams->loop, &c->watch, events) != OK) fail(c);
}

// A message must be whole in time; between messages a connection may rest for long.
static void restart_timer(struct conn *c)
{
	struct streams *s = c->streams;
	if (c->failed || c->refused) return;
	bool late = c->phase != OPEN || !c->said_something || c->held_n;
	if (late && c->timer.armed && c->timer.kind == TIMER_LATE) return; // each octet does not give more time
	wheel_start(&s->wheel, &c->timer, s->now_ms + (late ? s->limits.first_ms : s->limits.idle_ms),
		late ? TIMER_LATE : TIMER_IDLE, pool_ref(&s->conns, c));
}

static void on_ready(void *self, uint32_t events);

static struct conn *conn_new(struct streams *s, int fd, uint16_t listener, const struct addr *peer)
{
	struct conn *c = pool_get(&s->conns);
	if (!c) return NULL;
	c->streams = s;
	c->key = (struct conn_key){ .peer = *peer, .listener = listener };
	c->watch = (struct loop_watch){ .fd = fd, .ready = on_ready, .self = c };
	list_init(&c->unsent);
	list_init(&c->node);
	map_add(&s->by_key, &c->by_key, key_str(&c->key));
	map_add(&s->by_host, &c->by_host, host_str(&c->key.peer));
	return c;
}

static void waiting_free(struct streams *s, struct waiting *w)
{
	s->memory -= sizeof *w + w->n;
	free(w);
}

static void conn_free(struct conn *c)
{
	struct streams *s = c->streams;
	c->tls = tls_session_free(c->tls);
	if (c->watch.fd >= 0) COUNT(stream_closed), close(c->watch.fd);
	map_remove(&s->by_host, &c->by_host);
	LIST_EACH(it, &c->unsent) waiting_free(s, LIST_OF(it, struct waiting, node));
	s->memory -= c->held_cap;
	free(c->held);
	pool_put(&s->conns, c);
}

// ---- Reading --------------------------------------------------------------------------------------------------------

static void send_on(struct conn *c, struct str data);

// Room for what is held, with what is there; false: there is none, or all connections hold too much.
static bool resize_held(struct conn *c, uint32_t cap)
{
	struct streams *s = c->streams;
	if (cap > c->held_cap && is_full(s, cap - c->held_cap)) return false;
	char *p = cap ? realloc(c->held, cap) : NULL;
	if (cap && !p) return false;
	if (!cap) free(c->held);
	s->memory = s->memory - c->held_cap + cap;
	c->held = p;
	c->held_cap = cap;
	return true;
}

// Keeps what is not a whole message yet.
static bool hold(struct conn *c, struct str rest)
{
	uint32_t cap = rest.n > c->held_cap ? (rest.n < 512 ? 1024 : rest.n * 2) : rest.n ? c->held_cap : 0;
	if (cap != c->held_cap && !resize_held(c, cap)) return false;
	if (rest.n) memmove(c->held, rest.p, rest.n);
	c->held_n = rest.n;
	return true;
}

static void tell(struct conn *c, struct str data, bool broken)
{
	const struct packet p = { .peer = c->key.peer, .listener = c->key.listener, .arrived_ms = c->streams->now_ms,
		.broken = broken, .data = data };
	COUNT(stream_rx);
	c->streams->user.message(c->streams->user.self, &p);
}

// Ends it when the answer, which may come from another thread, has had time to go out.
static void end_broken(struct conn *c, struct str head)
{
	COUNT(stream_ended_broken);
	if (head.n) tell(c, head, true);
	if (c->failed) return;
	if (!head.n) {
		fail(c);
		return;
	}
	c->refused = true;
	wheel_start(&c->streams->wheel, &c->timer, c->streams->now_ms + REFUSED_MS, TIMER_REFUSED,
		pool_ref(&c->streams->conns, c));
}

static void end_full(struct conn *c)
{
	COUNT(stream_ended_memory);
	fail(c);
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
		if (piece == STREAM_MESSAGE) tell(c, data, false);
		else if (piece == STREAM_PING) send_on(c, s->user.pong);
		else if (piece == STREAM_BROKEN) end_broken(c, data);
	}
	return rest;
}

// What was held and what is new, as one.
static void take(struct conn *c, struct str new)
{
	struct str all = new;
	if (c->held_n) {
		if (c->held_n + new.n > c->held_cap && !resize_held(c, c->held_n + new.n)) {
			end_full(c);
			return;
		}
		memcpy(c->held + c->held_n, new.p, new.n);
		all = (struct str){ c->held, c->held_n + new.n };
	}
	struct str rest = take_pieces(c, all);
	if (c->failed || c->refused) return;
	if (rest.n > c->streams->limits.message_max) end_broken(c, (struct str){ "", 0 });
	else if (!hold(c, rest)) end_full(c);
	else restart_timer(c);
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

static void read_conn(struct conn *c)
{
	for (uint32_t round = 0; round < READ_ROUNDS && !c->failed && !c->refused; round++) {
		uint32_t n;
		enum tls_result r = read_some(c, &n);
		if (r == TLS_DONE) take(c, (struct str){ c->streams->read, n });
		else if (r == TLS_WANTS_WRITE) c->tls_wants_write = true;
		else if (r != TLS_WANTS_READ) fail(c);
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
		if (r == TLS_OVER || r == TLS_FAILED) fail(c);
		if (r != TLS_DONE) return false;
	}
	COUNT(stream_tx);
	return true;
}

static void write_unsent(struct conn *c)
{
	while (!c->failed && !list_empty(&c->unsent)) {
		struct waiting *w = LIST_OF(c->unsent.next, struct waiting, node);
		if (!write_all(c, (struct str){ w->text, w->n }, &w->sent)) return;
		c->unsent_n -= w->n;
		list_remove(&w->node);
		waiting_free(c->streams, w);
	}
}

// What is too much for him waits, too, to be given back.
static void keep_unsent(struct conn *c, struct str data, uint32_t sent)
{
	struct streams *s = c->streams;
	bool full = is_full(s, sizeof(struct waiting) + data.n);
	struct waiting *w = full && c->failed ? NULL : malloc(sizeof *w + data.n);
	if (w) {
		w->n = data.n;
		w->sent = sent;
		memcpy(w->text, data.p, data.n);
		list_add_last(&c->unsent, &w->node);
		s->memory += sizeof *w + w->n;
		c->unsent_n += w->n;
	} else {
		COUNT(stream_tx_failed);
	}
	if (c->failed) return;
	if (full || !w) end_full(c);
	else if (c->unsent_n > s->limits.unsent_max) COUNT(stream_ended_slow), fail(c);
}

static void send_on(struct conn *c, struct str data)
{
	uint32_t sent = 0;
	bool waits = c->failed || c->phase != OPEN || !list_empty(&c->unsent);
	if (waits || !write_all(c, data, &sent)) keep_unsent(c, data, sent);
	watch(c);
}

// ---- Opening --------------------------------------------------------------------------------------------------------

static void open_now(struct conn *c)
{
	c->phase = OPEN;
	write_unsent(c);
}

static void shake_hands(struct conn *c)
{
	enum tls_result r = tls_shake_hands(c->tls);
	c->tls_wants_write = r == TLS_WANTS_WRITE;
	if (r == TLS_DONE) open_now(c);
	else if (r == TLS_OVER || r == TLS_FAILED) fail_tls(c);
}

static void connected(struct conn *c)
{
	int error = 0;
	socklen_t n = sizeof error;
	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error) {
		COUNT(stream_unreachable);
		fail(c);
		return;
	}
	COUNT(stream_connected);
	c->phase = SHAKING;
	if (!c->tls) open_now(c);
}

static void on_ready(void *self, uint32_t events)
{
	struct conn *c = self;
	c->streams->now_ms = clock_monotonic_ms();
	c->tls_wants_write = false;
	if (c->phase == CONNECTING && (events & LOOP_WRITE)) connected(c);
	if (c->phase == SHAKING && !c->failed) shake_hands(c);
	if (c->phase == OPEN && !c->failed && (events & LOOP_WRITE)) write_unsent(c);
	if (c->refused && (events & LOOP_READ)) fail(c); // not asked for: he has gone
	if (c->phase == OPEN && !c->failed && !c->refused) read_conn(c);
	watch(c);
	restart_timer(c);
}

static void set_options(int fd, uint8_t family, uint8_t dscp)
{
	int class = dscp << 2, one = 1, idle_s = PROBE_IDLE_S;
	unsigned unheard_ms = UNHEARD_MS;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms, sizeof unheard_ms);
	if (family == 4) setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof class);
	else setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
}

void streams_adopt(struct streams *s, int fd, uint16_t listener, const struct addr *peer)
{
	struct listening *l = &s->listening[listener];
	struct conn *old = find(s, listener, peer);
	if (old) fail(old); // its peer has begun anew
	bool full = s->conns.used >= s->limits.connections_max || host_has_too_many(s, peer);
	struct conn *c = full ? NULL : conn_new(s, fd, listener, peer);
	s->now_ms = clock_monotonic_ms();
	if (!c) {
		COUNT(stream_refused_full);
		close(fd);
		return;
	}
	COUNT(stream_accepted);
	set_options(fd, peer->family, l->dscp);
	c->phase = l->tls ? SHAKING : OPEN;
	if (l->tls && !(c->tls = tls_accept(l->tls, fd))) fail(c);
	watch(c);
	restart_timer(c);
}

// From our own address: those whom we call know us by it.
static int start_connecting(const struct listening *l, const struct addr *peer)
{
	struct sockaddr_in6 sa;
	struct sockaddr *any = (struct sockaddr *)(void *)&sa;
	struct addr from = l->local;
	int one = 1, fd = socket(peer->family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return -1;
	from.port = 0;
	set_options(fd, peer->family, l->dscp);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (bind(fd, any, addr_to_sockaddr(any, &from)) == 0 &&
	    (connect(fd, any, addr_to_sockaddr(any, peer)) == 0 || errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

// A connection to whom it may be opened to, or one that has failed and gives back what it is to send.
static struct conn *open_to(struct streams *s, uint16_t listener, const struct addr *peer)
{
	char host[STREAM_HOST_MAX];
	struct listening *l = &s->listening[listener];
	bool may = l->open && l->local.transport == peer->transport && s->user.may_open(s->user.self, peer, host);
	int fd = may ? start_connecting(l, peer) : -1;
	struct conn *c = conn_new(s, fd, listener, peer);
	if (!c) {
		if (fd >= 0) close(fd);
		return NULL;
	}
	c->is_ours = c->said_something = true; // he need not say anything first
	if (fd < 0) COUNT(stream_unreachable);
	if (fd >= 0 && l->tls) c->tls = tls_connect(l->tls, fd, host);
	if (fd < 0 || (l->tls && !c->tls)) fail(c);
	watch(c);
	restart_timer(c);
	return c;
}

void streams_send(struct streams *s, const struct packet *p)
{
	struct conn *c = p->listener < STREAM_LISTENERS_MAX ? find(s, p->listener, &p->peer) : NULL;
	if (!c && p->listener < STREAM_LISTENERS_MAX) c = open_to(s, p->listener, &p->peer);
	if (c) send_on(c, p->data);
	else COUNT(stream_tx_failed);
}

// ---- Listening ------------------------------------------------------------------------------------------------------

// Those who wait would wake us for ever.
static void rest_for_room(struct listening *l)
{
	struct streams *s = l->streams;
	COUNT(stream_accept_failed);
	loop_remove(s->loop, &l->watch);
	wheel_start(&s->wheel, &l->timer, clock_monotonic_ms() + NO_ROOM_MS, TIMER_NO_ROOM, l->listener);
}

static void on_listening(void *self, uint32_t events)
{
	struct listening *l = self;
	struct streams *s = l->streams;
	(void)events;
	for (uint32_t i = 0; i < ACCEPT_ROUNDS; i++) {
		struct sockaddr_in6 sa;
		struct sockaddr *any = (struct sockaddr *)(void *)&sa;
		socklen_t n = sizeof sa;
		struct addr peer;
		int fd = accept4(l->watch.fd, any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		bool no_room = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
		if (no_room) rest_for_room(l);
		if (fd < 0) return;
		addr_from_sockaddr(&peer, any);
		peer.transport = l->local.transport;
		s->user.accepted(s->user.self, fd, l->listener, &peer);
	}
}

static enum err refuse(struct buf *why, const struct addr *local, const char *what)
{
	int error = errno;
	put_transport_addr(why, local);
	put_fmt(why, ": %s: %s", what, strerror(error));
	return error == EADDRINUSE ? ERR_EXISTS : error == EACCES ? ERR_REFUSED : error == EADDRNOTAVAIL ? ERR_NOT_FOUND :
		ERR_SYSTEM;
}

static enum err bind_and_listen(struct listening *l, const struct stream_settings *settings, struct buf *why)
{
	struct sockaddr_in6 sa;
	struct sockaddr *any = (struct sockaddr *)(void *)&sa;
	socklen_t n = addr_to_sockaddr(any, &settings->local);
	int one = 1, fd = l->watch.fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); // connections of before may still be ending
	if (settings->local.family == 6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (settings->share_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0)
		return refuse(why, &settings->local, "cannot share the port");
	if (bind(fd, any, n) < 0) return refuse(why, &settings->local, "cannot bind");
	if (listen(fd, SOMAXCONN) < 0) return refuse(why, &settings->local, "cannot listen");
	n = sizeof sa;
	if (getsockname(fd, any, &n) < 0) return refuse(why, &settings->local, "cannot learn the port");
	addr_from_sockaddr(&l->local, any);
	l->local.transport = settings->local.transport;
	return OK;
}

enum err streams_listen(struct streams *s, uint16_t listener, const struct stream_settings *settings, struct buf *why)
{
	struct listening *l = &s->listening[listener];
	int fd = socket(settings->local.family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return refuse(why, &settings->local, "cannot open");
	*l = (struct listening){ .streams = s, .listener = listener, .dscp = settings->dscp, .tls = settings->tls,
		.open = true, .watch = { .fd = fd, .ready = on_listening, .self = l } };
	enum err e = bind_and_listen(l, settings, why);
	if (e == OK) e = loop_watch(s->loop, &l->watch, LOOP_READ);
	if (e == OK) return OK;
	close(fd);
	l->open = false;
	return e;
}

struct addr streams_local(const struct streams *s, uint16_t listener)
{
	return s->listening[listener].local;
}

// ---- Time, beginning and end ----------------------------------------------------------------------------------------

static void give_back(struct conn *c)
{
	struct streams *s = c->streams;
	LIST_EACH(it, &c->unsent) {
		const struct waiting *w = LIST_OF(it, struct waiting, node);
		const struct packet p = { .peer = c->key.peer, .listener = c->key.listener, .arrived_ms = s->now_ms,
			.returned = true, .data = { w->text, w->n } };
		COUNT(stream_tx_failed);
		s->user.message(s->user.self, &p);
	}
	conn_free(c);
}

static void on_timer(struct streams *s, const struct timer *t)
{
	if (t->kind == TIMER_NO_ROOM) {
		struct listening *l = &s->listening[t->owner];
		if (loop_watch(s->loop, &l->watch, LOOP_READ) != OK) rest_for_room(l);
		return;
	}
	struct conn *c = pool_at(&s->conns, t->owner);
	if (c->phase == CONNECTING) COUNT(stream_unreachable);
	else if (t->kind == TIMER_LATE) COUNT(stream_ended_late);
	else if (t->kind == TIMER_IDLE) COUNT(stream_ended_idle);
	fail(c);
}

void streams_tick(struct streams *s, uint64_t now_ms)
{
	struct timer *t;
	s->now_ms = now_ms;
	while ((t = wheel_expire(&s->wheel, now_ms))) on_timer(s, t);
	while (!list_empty(&s->failed)) {
		struct conn *c = LIST_OF(s->failed.next, struct conn, node);
		list_remove(&c->node);
		give_back(c);
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
	uint32_t max = limits->connections_max + OWN_MAX;
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
		if (!c->failed) fail(c);
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
