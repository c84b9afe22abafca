// What each phone saw of its calls, written down as it happens: a test can hold the server's records against it.
// One line an event: when (UTC, ms), who, what, the status of a response or 0, Call-ID:
//
//     1795353284123 caller answered 200 4294967298-77120
//     1795353285121 callee bye 0 a81bc81e@127.64.3.1
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#define WAIT_MS 1 // timers and what is to be begun come no later than that

static const char *const sides[PORT_COUNT] = { [CALLERS] = "caller", [CALLEES] = "callee" };

bool witness_begin(struct load *l)
{
	if (!l->o.witness) return true;
	l->witness = fopen(l->o.witness, "w");
	return l->witness && setvbuf(l->witness, NULL, _IOLBF, BUFSIZ) == 0;
}

void witness_end(struct load *l)
{
	if (l->witness) fclose(l->witness);
}

void witness_wait(const struct load *l)
{
	struct pollfd fds[PORT_COUNT];
	if (!l->witness) return;
	for (uint32_t i = 0; i < PORT_COUNT; i++) fds[i] = (struct pollfd){ .fd = l->sockets[i].fd, .events = POLLIN };
	poll(fds, PORT_COUNT, WAIT_MS);
}

void witness_saw(const struct load *l, uint16_t port, const char *what, uint16_t status, struct str call_id)
{
	struct timespec t;
	if (!l->witness) return;
	clock_gettime(CLOCK_REALTIME, &t);
	fprintf(l->witness, "%lld%03ld %s %s %u %.*s\n", (long long)t.tv_sec, t.tv_nsec / 1000000, sides[port], what,
	        status, STR_FMT(call_id));
}

// What a phone is told. Challenges are no answers.
static const char *what_of(const struct sip_msg *m)
{
	if (m->is_request) return m->method == SIP_BYE ? "bye" : m->method == SIP_ACK ? "acknowledged" : NULL;
	if (m->status < 200 || m->status == 401 || m->status == 407) return NULL;
	if (m->method == SIP_BYE) return "released";
	return m->method != SIP_INVITE ? NULL : m->status < 300 ? "answered" : "refused";
}

void witness_received(const struct load *l, const struct packet *p, const struct sip_msg *m)
{
	const char *what = what_of(m);
	if (what) witness_saw(l, p->listener, what, m->is_request ? 0 : m->status, m->call_id);
}
