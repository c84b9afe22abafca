// c-ares: the exchange with servers (over TCP when an answer is cut off), not the reading of what they say.
#include "wire/net/dns.h"

#include "base/count.h"

#include <ares.h>
#include <stdlib.h>
#include <sys/time.h>

COUNTER(dns_asked, "Questions to DNS");
COUNTER(dns_silent, "Questions to DNS that no server answered, or only with a failure");
COUNTER(dns_bad, "Answers of DNS that could not be understood");

#define DNS_CLASS_IN 1
#define FIRST_MS 1000 // to wait for a server; doubled each round
#define ROUNDS 3
#define WATCHES_MAX 16 // sockets of c-ares: two a server

struct dns;
struct watch {
	struct loop_watch watch; // fd -1: free
	struct dns *dns;
};

struct dns {
	struct loop *loop;
	struct dns_user user;
	ares_channel channel;
	bool open;
	struct watch watches[WATCHES_MAX];
};

struct question {
	struct dns *dns;
	enum dns_type type;
	char name[];
};

static void on_ready(void *self, uint32_t events)
{
	struct watch *w = self;
	int fd = w->watch.fd;
	ares_process_fd(w->dns->channel, events & LOOP_READ ? fd : ARES_SOCKET_BAD,
		events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
}

// c-ares says what it waits for on a socket: 0, 0 before it closes it.
static void on_socket(void *self, int fd, int reads, int writes)
{
	struct dns *d = self;
	struct watch *w = NULL;
	uint32_t events = (reads ? LOOP_READ : 0u) | (writes ? LOOP_WRITE : 0u);
	for (uint32_t i = 0; i < WATCHES_MAX && (!w || w->watch.fd != fd); i++)
		if (d->watches[i].watch.fd == fd || (!w && d->watches[i].watch.fd < 0)) w = &d->watches[i];
	if (!w || (w->watch.fd != fd && !events)) return; // without a watch its questions end by time
	w->watch.fd = fd;
	if (events && loop_watch(d->loop, &w->watch, events) == OK) return;
	if (!events) loop_remove(d->loop, &w->watch);
	w->watch.fd = -1;
}

static void on_answer(void *self, int status, int timeouts, unsigned char *bytes, int n)
{
	struct question *q = self;
	struct dns *d = q->dns;
	struct dns_answer *answer = NULL;
	(void)timeouts;
	// Of a name that does not exist, or without records of the type, there are octets too.
	bool came = (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND) && bytes && n > 0;
	if (status != ARES_EDESTRUCTION) {
		const struct str text = { (const char *)bytes, came ? (uint32_t)n : 0 };
		answer = came ? malloc(sizeof *answer) : NULL;
		enum err e = answer ? dns_answer_parse(answer, text, q->type, q->name) : ERR_NOT_FOUND;
		if (e == ERR_BAD) COUNT(dns_bad);
		else if (e != OK) COUNT(dns_silent);
		d->user.answered(d->user.self, q->type, q->name, e == OK ? answer : NULL);
	}
	free(answer);
	free(q);
}

void dns_ask(struct dns *d, enum dns_type type, const char *name)
{
	uint32_t n = (uint32_t)strlen(name) + 1;
	struct question *q = malloc(sizeof *q + n);
	COUNT(dns_asked);
	if (!q) {
		COUNT(dns_silent);
		d->user.answered(d->user.self, type, name, NULL);
		return;
	}
	q->dns = d;
	q->type = type;
	memcpy(q->name, name, n);
	ares_query(d->channel, name, DNS_CLASS_IN, (int)type, on_answer, q);
}

uint64_t dns_tick(struct dns *d)
{
	struct timeval t;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (!ares_timeout(d->channel, NULL, &t)) return UINT64_MAX;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000 + 1;
}

static enum err set_servers(struct dns *d, const struct addr *servers, uint32_t count)
{
	struct ares_addr_port_node nodes[DNS_SERVERS_MAX] = { 0 };
	if (count > DNS_SERVERS_MAX) return ERR_BAD;
	for (uint32_t i = 0; i < count; i++) {
		bool six = servers[i].family == 6;
		nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
		nodes[i].family = six ? AF_INET6 : AF_INET;
		nodes[i].udp_port = nodes[i].tcp_port = servers[i].port ? servers[i].port : 53;
		memcpy(&nodes[i].addr, servers[i].ip, six ? 16 : 4);
	}
	return count && ares_set_servers_ports(d->channel, nodes) != ARES_SUCCESS ? ERR_SYSTEM : OK;
}

enum err dns_new(struct dns **out, struct loop *loop, const struct dns_user *user, const struct addr *servers,
                 uint32_t count)
{
	struct dns *d = *out = calloc(1, sizeof *d);
	if (!d) return ERR_FULL;
	*d = (struct dns){ .loop = loop, .user = *user };
	for (uint32_t i = 0; i < WATCHES_MAX; i++)
		d->watches[i] = (struct watch){ .dns = d, .watch = { .fd = -1, .ready = on_ready, .self = &d->watches[i] } };
	struct ares_options o = { .flags = ARES_FLAG_EDNS, .timeout = FIRST_MS, .tries = ROUNDS,
		.sock_state_cb = on_socket, .sock_state_cb_data = d };
	enum err e = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? OK : ERR_SYSTEM;
	if (e == OK && ares_init_options(&d->channel, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
		e = ERR_SYSTEM;
	d->open = e == OK;
	if (e == OK) e = set_servers(d, servers, count);
	if (e != OK) *out = dns_free(d);
	return e;
}

struct dns *dns_free(struct dns *d)
{
	if (d && d->open) {
		ares_destroy(d->channel);
		ares_library_cleanup();
	}
	free(d);
	return NULL;
}
