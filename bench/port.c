// Sockets in batches: recvmmsg in, sendmmsg out.
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_BYTES (8 << 20)

uint64_t clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// Sends all that waits. A full socket buffer is waited for: the generator loses nothing by itself.
static void flush(struct outbox *o, void *self)
{
	struct port *p = self;
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	struct sockaddr_in6 names[BATCH];
	for (uint32_t sent = 0; sent < o->count;) {
		uint32_t n = o->count - sent < BATCH ? o->count - sent : BATCH;
		for (uint32_t i = 0; i < n; i++) {
			const struct packet *packet = &o->packets[sent + i];
			parts[i] = (struct iovec){ (void *)(uintptr_t)packet->data.p, packet->data.n };
			uint32_t length = addr_to_sockaddr((struct sockaddr *)&names[i], &packet->peer);
			messages[i].msg_hdr =
				(struct msghdr){ .msg_name = &names[i], .msg_namelen = length, .msg_iov = &parts[i], .msg_iovlen = 1 };
		}
		int done = sendmmsg(p->fd, messages, n, 0);
		if (done < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) continue;
		if (done <= 0) p->unsent++;
		else p->sent += (uint64_t)done;
		sent += done > 0 ? (uint32_t)done : 1;
	}
}

enum err port_open(struct port *p, const struct addr *bind_to)
{
	struct sockaddr_in6 name;
	int bytes = SOCKET_BYTES;
	uint32_t length = addr_to_sockaddr((struct sockaddr *)&name, bind_to);
	*p = (struct port){ .fd = -1, .addr = *bind_to };
	if (outbox_init(&p->out, BATCH, 2 * PACKET_MAX + BATCH * DATAGRAM_MAX) != OK) return ERR_FULL;
	p->out.flush = flush;
	p->out.self = p;
	p->fd = socket(bind_to->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&name, length) != 0) return ERR_SYSTEM;
	setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	return OK;
}

void port_close(struct port *p)
{
	if (p->fd >= 0) close(p->fd);
	outbox_fini(&p->out);
}

uint32_t port_read(struct port *p, struct load *l, port_take *take)
{
	static char bytes[BATCH][DATAGRAM_MAX];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	struct sockaddr_in6 names[BATCH];
	for (uint32_t i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ bytes[i], DATAGRAM_MAX };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &names[i], .msg_namelen = sizeof names[i],
			                                   .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	int n = recvmmsg(p->fd, messages, BATCH, 0, NULL);
	for (int i = 0; i < n; i++) {
		struct addr from;
		addr_from_sockaddr(&from, (struct sockaddr *)&names[i]);
		p->received++;
		take(l, p, (struct str){ bytes[i], messages[i].msg_len }, &from);
	}
	return n > 0 ? (uint32_t)n : 0;
}
