// How connections begin: others call us, we call others; and TLS shakes hands.
#include "wire/net/stream_core.h"

#include "base/count.h"
#include "base/log.h"
#include "wire/net/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

COUNTER(stream_accepted, "Connections that others opened to us");
COUNTER(stream_connected, "Connections that we opened");
COUNTER(stream_refused_full, "Connections refused because there are too many, or too many of one address");
COUNTER(stream_accept_failed, "Times when connections had to wait because the system had no descriptor or memory left");
COUNTER(stream_ended_tls, "Connections ended because TLS failed: no common version, a certificate that is not believed");

#define ACCEPT_ROUNDS 64
#define NO_ROOM_MS 100    // without descriptors nobody is accepted for so long
#define PROBE_IDLE_S 120  // TCP asks a peer that says nothing whether he is there
#define UNHEARD_MS 20000  // what he does not acknowledge in this time he never will

// ---- Opening --------------------------------------------------------------------------------------------------------

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
	stream_fail(c);
}

static void open_now(struct conn *c)
{
	c->phase = c->streams->listening[c->key.listener].websocket ? UPGRADING : OPEN;
	stream_write_unsent(c);
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
		stream_count_unreachable();
		stream_fail(c);
		return;
	}
	COUNT(stream_connected);
	c->phase = SHAKING;
	if (!c->tls) open_now(c);
}

void stream_on_ready(void *self, uint32_t events)
{
	struct conn *c = self;
	c->streams->now_ms = clock_monotonic_ms();
	c->tls_wants_write = false;
	if (c->phase == CONNECTING && (events & LOOP_WRITE)) connected(c);
	if (c->phase == SHAKING && !c->failed) shake_hands(c);
	if (c->phase >= UPGRADING && !c->failed && (events & LOOP_WRITE)) stream_write_unsent(c);
	if (c->refused && (events & LOOP_READ)) stream_fail(c); // not asked for: he has gone
	if (c->phase >= UPGRADING && !c->failed && !c->refused) stream_read(c);
	stream_watch(c);
	stream_restart_timer(c);
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
	char host[STREAM_HOST_MAX];
	struct listening *l = &s->listening[listener];
	struct conn *old = stream_find(s, listener, peer);
	if (old) stream_fail(old); // its peer has begun anew
	bool full = s->conns.used >= s->limits.connections_max || stream_host_has_too_many(s, peer);
	struct conn *c = full ? NULL : stream_conn_new(s, fd, listener, peer);
	s->now_ms = clock_monotonic_ms();
	if (!c) {
		COUNT(stream_refused_full);
		close(fd);
		return;
	}
	COUNT(stream_accepted);
	set_options(fd, peer->family, l->dscp);
	c->phase = l->tls ? SHAKING : l->websocket ? UPGRADING : OPEN;
	c->flow = s->user.began(s->user.self);
	bool must = l->tls && s->user.must_be(s->user.self, peer, host);
	if (!c->flow || (l->tls && !(c->tls = tls_accept(l->tls, fd, must ? host : NULL)))) stream_fail(c);
	stream_watch(c);
	stream_restart_timer(c);
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

static bool may_call(struct streams *s, uint16_t listener, const struct addr *peer, char *host)
{
	const struct listening *l = &s->listening[listener];
	return l->open && l->local.transport == peer->transport && s->user.may_open(s->user.self, peer, host);
}

// A connection to a peer whose certificate has this name, or, without one, one that has failed and gives back what it is
// to send.
static struct conn *open_to(struct streams *s, uint16_t listener, const struct addr *peer, const char *host)
{
	struct listening *l = &s->listening[listener];
	int fd = host ? start_connecting(l, peer) : -1;
	struct conn *c = stream_conn_new(s, fd, listener, peer);
	if (!c) {
		if (fd >= 0) close(fd);
		return NULL;
	}
	c->is_ours = c->said_something = true; // he need not say anything first
	if (fd >= 0) c->flow = s->user.began(s->user.self);
	else stream_count_unreachable();
	if (fd >= 0 && l->tls) c->tls = tls_connect(l->tls, fd, host);
	if (!c->flow || (l->tls && !c->tls)) stream_fail(c);
	stream_watch(c);
	stream_restart_timer(c);
	return c;
}

// The connection that stands, if it is the one that the address names; else one that may be there in its place.
static struct conn *conn_for(struct streams *s, uint16_t listener, const struct addr *peer)
{
	char host[STREAM_HOST_MAX];
	struct conn *c = stream_find(s, listener, peer);
	if (c && (peer->flow == 0 || peer->flow == c->flow)) return c;
	bool may = may_call(s, listener, peer, host);
	return c && may ? c : open_to(s, listener, peer, may ? host : NULL);
}

void streams_send(struct streams *s, const struct packet *p, bool asks)
{
	struct conn *c = p->listener < STREAM_LISTENERS_MAX ? conn_for(s, p->listener, &p->peer) : NULL;
	if (!c) {
		stream_count_unsent();
		return;
	}
	c->asked |= asks;
	stream_send_on(c, p->data);
}

// ---- Listening ------------------------------------------------------------------------------------------------------

void stream_rest_for_room(struct listening *l)
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
		if (no_room) stream_rest_for_room(l);
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
		.websocket = settings->websocket, .origins = settings->origins, .open = true, .watch = { .fd = fd, .ready = on_listening, .self = l } };
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
