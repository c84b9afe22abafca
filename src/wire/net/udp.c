// Opening UDP sockets, and the two batched system calls.
#include "wire/net/udp.h"

#include "base/count.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h> // which the next one needs
#include <linux/errqueue.h>
#include <unistd.h>

COUNTER(udp_rx, "Datagrams received");
COUNTER(udp_rx_too_long, "Datagrams dropped because they are longer than what is read");
COUNTER(udp_rx_errors, "Errors of sockets while reading");
COUNTER(udp_rx_returned, "Datagrams of ours that came back: nobody was there");
COUNTER(udp_tx, "Datagrams sent");
COUNTER(udp_tx_dropped_full, "Datagrams dropped because the socket's buffer is full");
COUNTER(udp_tx_dropped_error, "Datagrams dropped because the system refused them: no route, wrong family, too long");

// OPENING

static enum err refuse(struct buf *why, const struct addr *local, const char *what, int error)
{
	if (why) {
		put_z(why, "UDP ");
		put_addr(why, local);
		put_fmt(why, ": %s: %s", what, strerror(error));
	}
	switch (error) {
	case EADDRINUSE: return ERR_EXISTS;
	case EACCES:
	case EPERM: return ERR_REFUSED;
	case EADDRNOTAVAIL: return ERR_NOT_FOUND;
	default: return ERR_SYSTEM;
	}
}

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

// Messages may be longer than a path's MTU (SIP over UDP, RFC 3261 §18.1.1): the kernel cuts them, and never refuses
// them for what an ICMP message, true or forged, has told it.
static int set_family(int fd, const struct udp_settings *settings)
{
	int class = settings->dscp << 2;
	if (settings->local.family == 4)
		return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT) | set_int(fd, IPPROTO_IP, IP_TOS, class) |
		       set_int(fd, IPPROTO_IP, IP_RECVERR, settings->returns);
	return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) | set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, class) |
	       set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, settings->returns) |
	       set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

static void set_buffers(int fd, uint32_t bytes)
{
	int most = bytes > INT32_MAX ? INT32_MAX : (int)bytes;
	// FORCE passes the system's limit where we may; the other always works, as far as that limit.
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, most) < 0) set_int(fd, SOL_SOCKET, SO_RCVBUF, most);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, most) < 0) set_int(fd, SOL_SOCKET, SO_SNDBUF, most);
}

static enum err set_up(struct udp *u, const struct udp_settings *settings, struct buf *why)
{
	struct sockaddr_in6 sa;
	struct sockaddr *any = (struct sockaddr *)(void *)&sa;
	socklen_t length = addr_to_sockaddr(any, &settings->local);
	const struct addr *local = &settings->local;
	if (set_family(u->fd, settings) != 0) return refuse(why, local, "cannot set options", errno);
	if (settings->share_port && set_int(u->fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
		return refuse(why, local, "cannot share the port", errno);
	if (settings->buffer_bytes) set_buffers(u->fd, settings->buffer_bytes);
	if (bind(u->fd, any, length) < 0) return refuse(why, local, "cannot bind", errno);
	length = sizeof sa;
	if (getsockname(u->fd, any, &length) < 0) return refuse(why, local, "cannot learn the port", errno);
	addr_from_sockaddr(&u->local, any);
	return OK;
}

enum err udp_open(struct udp *u, const struct udp_settings *settings, uint16_t listener, struct buf *why)
{
	int family = settings->local.family == 6 ? AF_INET6 : AF_INET;
	*u = (struct udp){ .fd = -1, .listener = listener };
	if (settings->local.family == 0 || settings->dscp > 63) {
		if (why) put_z(why, "UDP: an address and a DSCP of at most 63 are needed");
		return ERR_BAD;
	}
	u->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0) return refuse(why, &settings->local, "cannot open", errno);
	enum err err = set_up(u, settings, why);
	if (err != OK) udp_close(u);
	return err;
}

void udp_close(struct udp *u)
{
	if (u->fd >= 0) close(u->fd);
	u->fd = -1;
}

// BATCHES. Message headers with an address and a buffer each, in one allocation.
struct batch {
	struct mmsghdr msgs[UDP_BATCH]; // first: the batch is known by it
	struct iovec iovs[UDP_BATCH];
	struct sockaddr_in6 names[UDP_BATCH];
};

static struct mmsghdr *new_batch(void)
{
	struct batch *b = calloc(1, sizeof *b);
	if (!b) return NULL;
	for (uint32_t i = 0; i < UDP_BATCH; i++) {
		struct msghdr *m = &b->msgs[i].msg_hdr;
		m->msg_iov = &b->iovs[i];
		m->msg_iovlen = 1;
		m->msg_name = &b->names[i];
	}
	return b->msgs;
}

// READING

enum err udp_reader_init(struct udp_reader *r, uint32_t datagram_max)
{
	*r = (struct udp_reader){ .datagram_max = datagram_max, .msgs = new_batch() };
	r->bytes = malloc((size_t)UDP_BATCH * datagram_max); // touched only as far as datagrams are long
	if (!r->msgs || !r->bytes) {
		udp_reader_fini(r);
		return ERR_FULL;
	}
	for (uint32_t i = 0; i < UDP_BATCH; i++)
		*r->msgs[i].msg_hdr.msg_iov = (struct iovec){ r->bytes + (size_t)i * datagram_max, datagram_max };
	return OK;
}

void udp_reader_fini(struct udp_reader *r)
{
	free(r->msgs);
	free(r->bytes);
	*r = (struct udp_reader){ 0 };
}

// An error that may tell of a datagram sent earlier, by an ICMP message; telling it spends it.
static bool is_of_another(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EACCES ||
	       error == EPROTO || error == ENOPROTOOPT || error == EOPNOTSUPP || error == EHOSTDOWN || error == EMSGSIZE;
}

static int receive(const struct udp *u, struct udp_reader *r)
{
	for (uint32_t i = 0; i < UDP_BATCH; i++) r->msgs[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in6);
	for (;;) {
		int n = recvmmsg(u->fd, r->msgs, UDP_BATCH, MSG_DONTWAIT, NULL);
		if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK) return n;
		if (errno == EINTR) continue;
		COUNT(udp_rx_errors);
		if (!is_of_another(errno)) return n; // else it is spent: there may be more
	}
}

uint32_t udp_read(const struct udp *u, struct udp_reader *r, uint64_t now_ms)
{
	int n = receive(u, r);
	uint32_t count = 0;
	for (int i = 0; i < n; i++) {
		const struct msghdr *m = &r->msgs[i].msg_hdr;
		if (m->msg_flags & MSG_TRUNC) {
			COUNT(udp_rx_too_long);
			continue;
		}
		struct packet *p = &r->packets[count++];
		*p = (struct packet){ .listener = u->listener, .arrived_ms = now_ms,
			                  .data = { m->msg_iov->iov_base, r->msgs[i].msg_len } };
		addr_from_sockaddr(&p->peer, m->msg_name);
	}
	COUNT_BY(udp_rx, count);
	return count;
}

// RFC 3261 §18.4: unreachable counts; a packet too big, or a hop too far, says nothing of who is there.
static bool is_unreachable(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP) return e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED;
	return e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_DST_UNREACH;
}

static bool says_unreachable(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err e;
		bool told = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
		if (!told) continue;
		memcpy(&e, CMSG_DATA(c), sizeof e);
		return is_unreachable(&e);
	}
	return false;
}

uint32_t udp_read_returned(const struct udp *u, struct udp_reader *r, uint64_t now_ms)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < UDP_BATCH; i++) {
		union {
			struct cmsghdr header; // for its alignment
			char octets[512];
		} control;
		struct sockaddr_in6 name;
		struct msghdr m = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = r->msgs[count].msg_hdr.msg_iov,
			                .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
		ssize_t n = recvmsg(u->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (n < 0) break;
		if (!says_unreachable(&m)) continue;
		struct packet *p = &r->packets[count++];
		*p = (struct packet){ .listener = u->listener, .arrived_ms = now_ms, .returned = true,
			                  .data = { m.msg_iov->iov_base, (uint32_t)n } };
		addr_from_sockaddr(&p->peer, m.msg_name);
	}
	COUNT_BY(udp_rx_returned, count);
	return count;
}

// SENDING

enum err udp_sender_init(struct udp_sender *s, const struct udp *sockets, uint32_t socket_count)
{
	*s = (struct udp_sender){ .sockets = sockets, .socket_count = socket_count, .msgs = new_batch() };
	return s->msgs ? OK : ERR_FULL;
}

void udp_sender_fini(struct udp_sender *s)
{
	free(s->msgs);
	s->msgs = NULL;
}

// Sends a batch by one socket. An error is of the first datagram that is left, or tells of an earlier one: that one is
// tried once more, then dropped, and the others go on. A full buffer drops them all: to wait would hold up everybody.
static uint32_t send_batch(int fd, struct mmsghdr *msgs, uint32_t count)
{
	uint32_t sent = 0, tried = UINT32_MAX;
	for (uint32_t at = 0; at < count;) {
		int n = sendmmsg(fd, msgs + at, count - at, MSG_DONTWAIT);
		if (n > 0) {
			at += (uint32_t)n;
			sent += (uint32_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
			COUNT_BY(udp_tx_dropped_full, count - at);
			break;
		} else if (is_of_another(errno) && tried != at) {
			COUNT(udp_rx_errors);
			tried = at;
		} else if (errno != EINTR) {
			COUNT(udp_tx_dropped_error);
			at++;
		}
	}
	COUNT_BY(udp_tx, sent);
	return sent;
}

static void fill(struct mmsghdr *msg, const struct packet *p)
{
	struct msghdr *m = &msg->msg_hdr;
	m->msg_namelen = addr_to_sockaddr(m->msg_name, &p->peer);
	*m->msg_iov = (struct iovec){ (void *)(uintptr_t)p->data.p, p->data.n };
}

uint32_t udp_send(struct udp_sender *s, const struct packet *packets, uint32_t count)
{
	uint32_t sent = 0;
	for (uint32_t at = 0; at < count;) {
		uint16_t listener = packets[at].listener;
		uint32_t n = 0;
		for (; n < UDP_BATCH && at + n < count && packets[at + n].listener == listener; n++)
			fill(&s->msgs[n], &packets[at + n]);
		if (listener < s->socket_count) sent += send_batch(s->sockets[listener].fd, s->msgs, n);
		else COUNT_BY(udp_tx_dropped_error, n);
		at += n;
	}
	return sent;
}

void udp_flush(struct outbox *o, void *self)
{
	udp_send(self, o->packets, o->count);
}
