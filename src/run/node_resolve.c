// The node's questions to DNS: on the control thread, which alone changes the office.
#include "run/node_inside.h"

#include "base/log.h"
#include "wire/net/clock.h"

static void ask(void *self, enum dns_type type, const char *host)
{
	struct node *n = self;
	if (n->dns) dns_ask(n->dns, type, host);
	else resolver_answer(n->resolver, type, host, NULL);
}

static void answered(void *self, enum dns_type type, const char *host, const struct dns_answer *answer)
{
	resolver_answer(((struct node *)self)->resolver, type, host, answer);
}

static void found(void *self, const struct office_name *name, const struct office_target *targets, uint32_t count)
{
	const struct node *n = self;
	if (office_put_targets(n->setup.office, name, targets, count) != OK)
		LOG(ERROR, "name_not_taken", LOG_TEXT("no memory for the addresses of a trunk peer: it keeps those of before"),
			LOG_Z("name", name->host));
}

enum err node_open_resolver(struct node *n, struct buf *why)
{
	const struct config *c = n->setup.config;
	struct resolver_setup s = { .self = n, .ask = ask, .found = found, .listeners = n->listening,
		.listener_count = c->listener_count };
	for (uint32_t i = 0; i < c->listener_count; i++) n->listening[i] = c->listeners[i].address;
	n->resolver = resolver_new(&s, clock_monotonic_ms());
	if (!n->resolver) return ERR_FULL;
	enum err e = dns_new(&n->dns, &n->control_loop, &(struct dns_user){ .self = n, .answered = answered }, c->dns.addrs,
		c->dns.count);
	if (e == ERR_SYSTEM && !c->dns.count) return OK; // a machine without DNS needs none, unless a trunk names a name
	if (e != OK) put_fmt(why, "the DNS servers cannot be used: %s", err_text(e));
	return e;
}

uint64_t node_resolve(struct node *n, uint64_t now_ms)
{
	resolver_want(n->resolver, office_rules(n->setup.office));
	uint64_t next_ms = resolver_tick(n->resolver, now_ms), wait_ms = n->dns ? dns_tick(n->dns) : UINT64_MAX;
	if (wait_ms < UINT64_MAX - now_ms && now_ms + wait_ms < next_ms) next_ms = now_ms + wait_ms;
	return next_ms;
}

void node_close_resolver(struct node *n)
{
	n->dns = dns_free(n->dns);
	n->resolver = resolver_free(n->resolver);
}
