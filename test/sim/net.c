// Datagrams on their way: copied once, delivered by an event, or lost to the weather.
#include "sim/net.h"

#include "base/list.h"
#include "sim/story.h"
#include "sim/node.h"
#include "sim/weather.h"

#include <stdlib.h>

#define BUCKETS 4096u
#define SMALL 2048u    // octets of the blocks that are used again
#define HELD_MAX 4096u // datagrams that a clogged link holds; more are lost
#define LATE_MS 2000u
#define KEPT_MAX 1000000u

// Each datagram in a block of exactly its size, so that the sanitizer sees a read past its end.
#ifdef __SANITIZE_ADDRESS__
#define BLOCKS_ARE_EXACT true
#else
#define BLOCKS_ARE_EXACT false
#endif

struct flight { // a datagram on its way
	struct list all;     // of net.flights
	struct flight *next; // free, or held back
	struct addr from, to;
	bool small;
	uint32_t n;
	char octets[];
};

struct net {
	struct sim *sim;
	struct endpoint *buckets[BUCKETS]; // borrowed
	struct addr node[2];
	struct list flights;             // owned: those on their way
	struct flight *free;             // owned
	struct flight *held, **held_end; // behind the clogged link, in order
	uint32_t held_count, in_flight;
	struct net_use use;
	struct net_message *kept; // owned, with their texts
	uint32_t kept_count, kept_max;
};

static uint32_t bucket_of(const struct addr *a)
{
	uint64_t high, low;
	memcpy(&high, a->ip, 8);
	memcpy(&low, a->ip + 8, 8);
	uint64_t h = (high ^ low * 3 ^ (uint64_t)a->port << 40) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 40) % BUCKETS;
}

static struct endpoint **find(struct net *n, const struct addr *a)
{
	struct endpoint **at = &n->buckets[bucket_of(a)];
	while (*at && !addr_eq(&(*at)->addr, a)) at = &(*at)->next;
	return at;
}

enum err net_bind(struct net *n, struct endpoint *e)
{
	struct endpoint **at = find(n, &e->addr);
	if (*at) return ERR_EXISTS;
	e->next = NULL;
	*at = e;
	return OK;
}

void net_unbind(struct net *n, struct endpoint *e)
{
	struct endpoint **at = find(n, &e->addr);
	if (*at == e) *at = e->next;
}

static bool is_node(const struct net *n, const struct addr *a)
{
	return addr_eq(a, &n->node[0]) || addr_eq(a, &n->node[1]);
}

// KEEPING

static void keep(struct net *n, const struct net_message *m)
{
	if (n->kept_count == KEPT_MAX) return;
	if (n->kept_count == n->kept_max) {
		n->kept_max = n->kept_max ? n->kept_max * 2 : 1024;
		n->kept = realloc(n->kept, n->kept_max * sizeof *n->kept);
		if (!n->kept) abort();
	}
	char *text = malloc(m->text.n);
	if (!text) abort();
	memcpy(text, m->text.p, m->text.n);
	n->kept[n->kept_count] = *m;
	n->kept[n->kept_count++].text.p = text;
}

const struct net_message *net_message(const struct net *n, uint32_t index)
{
	return index < n->kept_count ? &n->kept[index] : NULL;
}

// ON THE WAY

static struct flight *flight_new(struct net *n, const struct addr *from, const struct addr *to, struct str bytes)
{
	bool small = bytes.n <= SMALL && !BLOCKS_ARE_EXACT;
	struct flight *f = small ? n->free : NULL;
	if (f) n->free = f->next;
	else f = malloc(sizeof *f + (small ? SMALL : bytes.n));
	if (!f) abort();
	f->next = NULL;
	f->from = *from;
	f->to = *to;
	f->small = small;
	f->n = bytes.n;
	memcpy(f->octets, bytes.p, bytes.n);
	list_add_last(&n->flights, &f->all);
	n->in_flight++;
	return f;
}

static void flight_free(struct net *n, struct flight *f)
{
	n->in_flight--;
	list_remove(&f->all);
	if (!f->small) {
		free(f);
		return;
	}
	f->next = n->free;
	n->free = f;
}

static bool held_back(struct net *n, struct flight *f)
{
	if (!sim_weather(n->sim)->clogged || !is_node(n, &f->to)) return false;
	if (n->held_count == HELD_MAX) {
		n->use.lost++;
		flight_free(n, f);
		return true;
	}
	*n->held_end = f;
	n->held_end = &f->next;
	n->held_count++;
	return true;
}

static void arrive(struct sim *s, void *self, uint64_t arg)
{
	struct net *n = sim_net(s);
	struct flight *f = self;
	(void)arg;
	if (held_back(n, f)) return;
	struct endpoint *e = *find(n, &f->to);
	struct packet p = { .peer = f->from, .arrived_ms = sim_now_ms(s), .data = { f->octets, f->n } };
	if (e) {
		n->use.delivered++;
		sim_note(s, p.data);
		e->receive(s, e, &p);
	} else {
		n->use.to_nobody++;
	}
	flight_free(n, f);
}

void net_unclog(struct net *n)
{
	struct flight *next;
	for (struct flight *f = n->held; f; f = next) {
		next = f->next;
		f->next = NULL;
		sim_at(n->sim, sim_now_ms(n->sim), arrive, f, 0);
	}
	n->held = NULL;
	n->held_end = &n->held;
	n->held_count = 0;
}

// Some octets turned into others, or the end cut off. (UDP's checksum lets few of these pass; what passes may be any.)
static void spoil(struct net *n, struct flight *f)
{
	struct random *r = sim_random(n->sim, SIM_NET);
	n->use.spoiled++;
	if (f->n == 0) return;
	if (random_below(r, 4) == 0) f->n = random_below(r, f->n);
	for (uint32_t i = 1 + random_below(r, 4); f->n && i; i--) {
		uint32_t at = random_below(r, f->n); // not in one statement: its order would be the compiler's
		f->octets[at] = (char)random_below(r, 256);
	}
}

static const char *send_one(struct net *n, const struct addr *from, const struct addr *to, struct str bytes)
{
	const struct weather *w = sim_weather(n->sim);
	const char *fate = "";
	struct flight *f = flight_new(n, from, to, bytes);
	uint64_t delay = sim_between(n->sim, SIM_NET, w->delay_min_ms, w->delay_max_ms);
	if (sim_chance(n->sim, SIM_NET, w->late)) {
		n->use.late++;
		delay += LATE_MS;
		fate = "late";
	}
	if (sim_chance(n->sim, SIM_NET, w->spoiled)) {
		spoil(n, f);
		fate = "spoiled";
	}
	sim_at(n->sim, sim_now_ms(n->sim) + delay, arrive, f, 0);
	return fate;
}

static const char *send(struct net *n, const struct addr *from, const struct addr *to, struct str bytes)
{
	const struct weather *w = sim_weather(n->sim);
	n->use.sent++;
	bool lost = sim_chance(n->sim, SIM_NET, w->loss) || sim_chance(n->sim, SIM_NET, sim_plan(n->sim)->loss);
	bool full = w->socket_full && is_node(n, from) && sim_chance(n->sim, SIM_NET, w->socket_full);
	if (lost || full) {
		n->use.lost++;
		return lost ? "lost" : "no room in the socket";
	}
	const char *fate = send_one(n, from, to, bytes);
	if (!sim_chance(n->sim, SIM_NET, w->doubled)) return fate;
	n->use.doubled++;
	send_one(n, from, to, bytes);
	return "doubled";
}

void net_send(struct net *n, const struct addr *from, const struct addr *to, struct str bytes)
{
	const struct sim_plan *plan = sim_plan(n->sim);
	if (bytes.n == 0) return;
	struct net_message m = { .at_ms = sim_now_ms(n->sim), .from = *from, .to = *to, .text = bytes,
	                         .fate = send(n, from, to, bytes) };
	if (plan->keep) keep(n, &m);
	if (plan->print) print_net_message(n->sim, &m);
}

uint32_t net_in_flight(const struct net *n)
{
	return n->in_flight;
}

struct net_use net_use(const struct net *n)
{
	return n->use;
}

struct net *net_new(struct sim *s)
{
	struct net *n = calloc(1, sizeof *n);
	if (!n) return NULL;
	n->sim = s;
	n->held_end = &n->held;
	list_init(&n->flights);
	if (addr_parse(&n->node[0], STR(NODE_ADDR_4)) == OK && addr_parse(&n->node[1], STR(NODE_ADDR_6)) == OK) return n;
	return net_free(n);
}

struct net *net_free(struct net *n)
{
	if (!n) return NULL;
	while (!list_empty(&n->flights)) {
		struct flight *f = LIST_OF(n->flights.next, struct flight, all);
		list_remove(&f->all);
		free(f);
	}
	for (struct flight *f = n->free, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	for (uint32_t i = 0; i < n->kept_count; i++) free((char *)n->kept[i].text.p);
	free(n->kept);
	free(n);
	return NULL;
}
