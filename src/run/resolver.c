// The walk from a name to addresses, over answers that are kept as long as some name's walk comes by them.
#include "run/resolver.h"

#include "base/count.h"
#include "base/list.h"
#include "base/log.h"

#include <stdlib.h>

COUNTER(resolver_stale, "Answers of DNS that are used past their time, since nobody answers");
COUNTER(resolver_full, "Names that were not asked of DNS because too many are");
COUNTER(resolver_changed, "Changes of what the name of a trunk peer stands for");

#define ANSWERS_MAX 512 // kept at once
#define TTL_MIN_S 5u    // what may be kept for less is kept for so long
#define TTL_MAX_S 86400u
#define RETRY_MIN_MS 2000 // after silence; doubled
#define RETRY_MAX_MS 60000

struct known { // an answer, or that none came yet
	struct list node;
	enum dns_type type;
	bool asking, came, failed, said_stale; // came: `answer` is one; failed: the last question had none
	uint32_t walk, retry_ms;
	uint64_t at_ms, until_ms, ask_at_ms; // when it came, how long it is good, when to ask again
	struct dns_answer answer;
	char host[DNS_NAME_MAX];
};

struct wanted {
	struct list node;
	struct office_name name;
	bool still, told;
	struct resolver_state state;
	struct office_target targets[OFFICE_PEERS_MAX];
};

struct resolver {
	struct resolver_setup setup;
	struct list known, wanted;
	uint32_t known_count, walk;
	uint64_t now_ms;
	bool changed; // an answer or a name came since the last walk
};

// ---- Answers --------------------------------------------------------------------------------------------------------

static struct known *known_find(const struct resolver *r, enum dns_type type, const char *host)
{
	LIST_EACH(it, &r->known) {
		struct known *k = LIST_OF(it, struct known, node);
		if (k->type == type && strcmp(k->host, host) == 0) return k;
	}
	return NULL;
}

static struct known *known_new(struct resolver *r, enum dns_type type, const char *host)
{
	struct known *k = r->known_count < ANSWERS_MAX ? calloc(1, sizeof *k) : NULL;
	if (!k) {
		COUNT(resolver_full);
		return NULL;
	}
	k->type = type;
	k->ask_at_ms = r->now_ms;
	str_to_z(k->host, sizeof k->host, str_from(host));
	list_add_last(&r->known, &k->node);
	r->known_count++;
	return k;
}

static void known_free(struct resolver *r, struct known *k)
{
	list_remove(&k->node);
	r->known_count--;
	free(k);
}

static void take_answer(struct resolver *r, struct known *k, const struct dns_answer *answer)
{
	uint32_t ttl_s = answer->ttl_s < TTL_MIN_S ? TTL_MIN_S : answer->ttl_s < TTL_MAX_S ? answer->ttl_s : TTL_MAX_S;
	if (k->said_stale)
		LOG(INFO, "dns_answers", LOG_TEXT("DNS answers again"), LOG_Z("name", k->host),
			LOG_Z("type", dns_type_name(k->type)));
	k->came = true;
	k->failed = k->said_stale = false;
	k->answer = *answer;
	k->retry_ms = 0;
	k->at_ms = r->now_ms;
	k->until_ms = r->now_ms + ttl_s * 1000ull;
	k->ask_at_ms = r->now_ms + ttl_s * 800ull; // before it is over
}

static void take_silence(struct resolver *r, struct known *k)
{
	k->failed = true;
	k->retry_ms = k->retry_ms ? 2 * k->retry_ms : RETRY_MIN_MS;
	if (k->retry_ms > RETRY_MAX_MS) k->retry_ms = RETRY_MAX_MS;
	k->ask_at_ms = r->now_ms + k->retry_ms;
}

void resolver_answer(struct resolver *r, enum dns_type type, const char *host, const struct dns_answer *answer)
{
	struct known *k = known_find(r, type, host);
	if (!k) return; // nobody wants it any more
	k->asking = false;
	r->changed = true;
	if (answer) take_answer(r, k, answer);
	else take_silence(r, k);
}

static void look_stale(struct resolver *r, struct known *k)
{
	if (!k->came || !k->failed || k->said_stale || k->until_ms > r->now_ms) return;
	k->said_stale = true;
	COUNT(resolver_stale);
	LOG(WARN, "dns_stale", LOG_TEXT("DNS is silent: its last answer is used past its time"), LOG_Z("name", k->host),
		LOG_Z("type", dns_type_name(k->type)));
}

// ---- The walk -------------------------------------------------------------------------------------------------------

struct walk {
	struct resolver *r;
	uint32_t count;
	uint8_t rank;
	bool waits, guesses; // an answer is not there yet; or none came, and the walk went on as if there were no records
	uint64_t since_ms, until_ms;
	struct office_target targets[OFFICE_PEERS_MAX];
};

// NULL: there is no answer.
static const struct dns_answer *look(struct walk *w, enum dns_type type, const char *host)
{
	struct known *k = known_find(w->r, type, host);
	if (!k) k = known_new(w->r, type, host);
	if (k) k->walk = w->r->walk;
	if (k && !k->came && !k->failed) w->waits = true;
	if (!k || !k->came) {
		w->guesses = true;
		return NULL;
	}
	if (k->at_ms > w->since_ms) w->since_ms = k->at_ms;
	if (k->until_ms < w->until_ms) w->until_ms = k->until_ms;
	return &k->answer;
}

static bool can_speak(const struct resolver *r, enum transport transport, uint8_t family)
{
	for (uint32_t i = 0; i < r->setup.listener_count; i++) {
		const struct addr *l = &r->setup.listeners[i];
		if (l->transport == transport && (!family || l->family == family)) return true;
	}
	return false;
}

// Somebody else's zone must not make this host itself a trunk's switch, unless we serve nothing else.
static bool may_be(const struct resolver *r, const struct addr *a)
{
	if (!addr_is_special(a)) return true;
	for (uint32_t i = 0; i < r->setup.listener_count; i++)
		if (!addr_is_loopback(&r->setup.listeners[i])) return false;
	return addr_is_loopback(a);
}

// Each address of a host has its part of the host's weight.
static void add_addresses(struct walk *w, enum dns_type type, const char *host, const struct office_target *like)
{
	uint8_t family = type == DNS_A ? 4 : 6;
	bool speaks = can_speak(w->r, (enum transport)like->addr.transport, family);
	const struct dns_answer *a = speaks ? look(w, type, host) : NULL;
	for (uint32_t i = 0; a && i < a->count && w->count < OFFICE_PEERS_MAX; i++) {
		struct office_target t = *like;
		if (!may_be(w->r, &a->records[i].addr)) continue;
		t.addr = a->records[i].addr;
		t.addr.port = like->addr.port;
		t.addr.transport = like->addr.transport;
		t.weight = (uint16_t)((like->weight + a->count - 1) / a->count);
		w->targets[w->count++] = t;
	}
}

static void add_host(struct walk *w, const char *host, enum transport transport, uint16_t port, uint16_t weight)
{
	const struct office_target like = { .addr = { .transport = (uint8_t)transport, .port = port }, .rank = w->rank,
		.weight = weight };
	add_addresses(w, DNS_A, host, &like);
	add_addresses(w, DNS_AAAA, host, &like);
}

static uint16_t usual_port(enum transport transport)
{
	return transport == TRANSPORT_TLS ? 5061 : 5060;
}

static void next_rank(struct walk *w)
{
	if (w->count && w->rank < UINT8_MAX && w->targets[w->count - 1].rank == w->rank) w->rank++;
}

// The places of an answer's records by their two numbers (of SRV the first alone counts).
static uint32_t sort_records(uint8_t sorted[DNS_RECORDS_MAX], const struct dns_answer *a, bool by_second)
{
	for (uint8_t i = 0; i < a->count; i++) {
		uint8_t at = i;
		const struct dns_record *x = &a->records[i];
		for (; at > 0; at--) {
			const struct dns_record *y = &a->records[sorted[at - 1]];
			if (y->first < x->first || (y->first == x->first && (!by_second || y->second <= x->second))) break;
			sorted[at] = sorted[at - 1];
		}
		sorted[at] = i;
	}
	return a->count;
}

// False: there are no SRV records.
static bool add_service(struct walk *w, const char *service, enum transport transport)
{
	const struct dns_answer *a = look(w, DNS_SRV, service);
	uint8_t sorted[DNS_RECORDS_MAX];
	uint32_t n = a ? sort_records(sorted, a, false) : 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct dns_record *srv = &a->records[sorted[i]];
		if (i == 0 || a->records[sorted[i - 1]].first != srv->first) next_rank(w);
		if (srv->name[0]) add_host(w, srv->name, transport, srv->port, srv->second ? srv->second : 1);
	}
	next_rank(w);
	return n > 0;
}

// The name of a service that has no NAPTR record (RFC 3263 §4.1).
static bool add_usual_service(struct walk *w, const char *host, enum transport transport)
{
	static const char *const prefixes[] = { [TRANSPORT_UDP] = "_sip._udp.", [TRANSPORT_TCP] = "_sip._tcp.",
		[TRANSPORT_TLS] = "_sips._tcp." };
	char service[DNS_NAME_MAX];
	struct buf b = buf_on(service, sizeof service - 1);
	put_z(&b, prefixes[transport]);
	put_z(&b, host);
	service[b.n] = '\0';
	return b.err == OK && can_speak(w->r, transport, 0) && add_service(w, service, transport);
}

static bool transport_of_service(enum transport *out, const char *service)
{
	static const char *const services[] = { [TRANSPORT_UDP] = "sip+d2u", [TRANSPORT_TCP] = "sip+d2t",
		[TRANSPORT_TLS] = "sips+d2t" };
	for (uint32_t i = 0; i < ARRAY_LEN(services); i++) {
		if (strcmp(service, services[i]) != 0) continue;
		*out = (enum transport)i;
		return true;
	}
	return false;
}

// False: no NAPTR record says a service that we can speak.
static bool add_pointed(struct walk *w, const char *host)
{
	const struct dns_answer *a = look(w, DNS_NAPTR, host);
	uint8_t sorted[DNS_RECORDS_MAX];
	uint32_t n = a ? sort_records(sorted, a, true) : 0;
	bool any = false;
	for (uint32_t i = 0; i < n; i++) {
		const struct dns_record *naptr = &a->records[sorted[i]];
		enum transport transport;
		if (!naptr->final || !naptr->name[0] || !transport_of_service(&transport, naptr->service)) continue;
		if (can_speak(w->r, transport, 0)) any = add_service(w, naptr->name, transport) || any;
	}
	return any;
}

static void walk_name(struct walk *w, const struct office_name *name)
{
	bool any = name->transport == OFFICE_TRANSPORT_ANY, found = false;
	enum transport transport = any ? TRANSPORT_UDP : (enum transport)name->transport;
	if (!name->port && any) {
		found = add_pointed(w, name->host);
		for (uint32_t t = TRANSPORT_UDP; !found && t <= TRANSPORT_TLS; t++)
			found = add_usual_service(w, name->host, (enum transport)t);
	} else if (!name->port) {
		found = add_usual_service(w, name->host, transport);
	}
	if (!found) add_host(w, name->host, transport, name->port ? name->port : usual_port(transport), 0);
}

// ---- Names ----------------------------------------------------------------------------------------------------------

static bool is_same(const struct wanted *n, const struct walk *w)
{
	if (!n->told || n->state.count != w->count) return false;
	for (uint32_t i = 0; i < w->count; i++) {
		const struct office_target *a = &n->targets[i], *b = &w->targets[i];
		if (!addr_eq(&a->addr, &b->addr) || a->rank != b->rank || a->weight != b->weight) return false;
	}
	return true;
}

static void tell(struct resolver *r, struct wanted *n, const struct walk *w)
{
	char text[OFFICE_HOST_MAX + 32];
	struct buf b = buf_on(text, sizeof text);
	put_office_name(&b, &n->name);
	n->told = true;
	n->state.count = w->count;
	memcpy(n->targets, w->targets, sizeof n->targets);
	COUNT(resolver_changed);
	if (w->count) LOG(INFO, "name_found", LOG_TEXT("the name of a trunk peer stands for other addresses now"),
		LOG_STR("name", buf_str(&b)), LOG_U64("addresses", w->count), LOG_ADDR("first", &w->targets[0].addr));
	else LOG(WARN, "name_gone", LOG_TEXT("DNS knows no address for the name of a trunk peer: no call can go there"),
		LOG_STR("name", buf_str(&b)));
	r->setup.found(r->setup.self, &n->name, n->targets, n->state.count);
}

static void settle(struct resolver *r, struct wanted *n)
{
	struct walk w = { .r = r, .until_ms = UINT64_MAX };
	walk_name(&w, &n->name);
	// Nothing is told before all answers are there; and silence takes nothing away.
	if (w.waits || (w.guesses && !w.count)) return;
	if (!is_same(n, &w)) tell(r, n, &w);
	n->state.since_ms = w.since_ms;
	n->state.until_ms = w.until_ms;
}

static void settle_all(struct resolver *r)
{
	r->changed = false;
	r->walk++;
	LIST_EACH(it, &r->wanted) settle(r, LIST_OF(it, struct wanted, node));
	LIST_EACH(it, &r->known) {
		struct known *k = LIST_OF(it, struct known, node);
		if (k->walk != r->walk && !k->asking) known_free(r, k);
	}
}

uint64_t resolver_tick(struct resolver *r, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;
	r->now_ms = now_ms;
	do {
		if (r->changed) settle_all(r);
		next_ms = UINT64_MAX;
		LIST_EACH(it, &r->known) {
			struct known *k = LIST_OF(it, struct known, node);
			look_stale(r, k);
			if (!k->asking && k->ask_at_ms <= now_ms) {
				k->asking = true;
				r->setup.ask(r->setup.self, k->type, k->host);
			}
			if (!k->asking && k->ask_at_ms < next_ms) next_ms = k->ask_at_ms;
		}
	} while (r->changed);
	return next_ms;
}

// ---- What is wanted -------------------------------------------------------------------------------------------------

static struct wanted *wanted_find(const struct resolver *r, const struct office_name *name)
{
	LIST_EACH(it, &r->wanted) {
		struct wanted *n = LIST_OF(it, struct wanted, node);
		if (office_name_eq(&n->name, name)) return n;
	}
	return NULL;
}

static void want(struct resolver *r, const struct office_name *name)
{
	struct wanted *n = wanted_find(r, name);
	if (!n && (n = calloc(1, sizeof *n))) {
		n->name = *name;
		list_add_last(&r->wanted, &n->node);
		r->changed = true;
	}
	if (n) n->still = true;
}

void resolver_want(struct resolver *r, const struct office_rules *rules)
{
	LIST_EACH(it, &r->wanted) LIST_OF(it, struct wanted, node)->still = false;
	for (uint32_t i = 0; i < rules->trunk_group_count; i++)
		for (uint32_t k = 0; k < rules->trunk_groups[i].name_count; k++) want(r, &rules->trunk_groups[i].names[k]);
	LIST_EACH(it, &r->wanted) {
		struct wanted *n = LIST_OF(it, struct wanted, node);
		if (n->still) continue;
		list_remove(&n->node);
		if (n->told) r->setup.found(r->setup.self, &n->name, NULL, 0);
		free(n);
		r->changed = true;
	}
}

enum err resolver_state(struct resolver_state *out, const struct resolver *r, const struct office_name *name)
{
	const struct wanted *n = wanted_find(r, name);
	if (!n) return ERR_NOT_FOUND;
	*out = n->state;
	out->stale = n->state.since_ms && n->state.until_ms <= r->now_ms;
	return OK;
}

struct resolver *resolver_new(const struct resolver_setup *setup, uint64_t now_ms)
{
	struct resolver *r = calloc(1, sizeof *r);
	if (!r) return NULL;
	r->setup = *setup;
	r->now_ms = now_ms;
	list_init(&r->known);
	list_init(&r->wanted);
	return r;
}

struct resolver *resolver_free(struct resolver *r)
{
	if (!r) return NULL;
	LIST_EACH(it, &r->known) known_free(r, LIST_OF(it, struct known, node));
	LIST_EACH(it, &r->wanted) free(LIST_OF(it, struct wanted, node));
	free(r);
	return NULL;
}
