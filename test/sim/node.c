// The switch of a run: workers, what they are told and what they send, on the run's time.
#include "sim/node_inside.h"

#include "base/log.h"
#include "call/half/call.h"

#include <stdlib.h>

#define CALLS_MAX 4096 // of a worker
#define TRANSACTIONS_MAX 65536

// ---- Turns of the workers -------------------------------------------------------------------------------------------

static void turn(struct sim *s, void *self, uint64_t arg);

static uint64_t turn_arg(const struct node_sim *n, uint32_t worker)
{
	return (uint64_t)n->life << 32 | worker;
}

// Has a turn at this time or before.
static void due(struct node_sim *n, uint32_t worker, uint64_t at_ms)
{
	struct member *m = &n->members[worker];
	if (at_ms < m->due_ms) m->due_ms = at_ms;
	if (m->due_ms >= m->armed_ms) return; // what is on its way comes first, and looks again
	m->armed_ms = m->due_ms;
	sim_at(n->sim, m->due_ms, turn, n, turn_arg(n, worker));
}

static void take_answers(struct node_sim *n, uint32_t worker)
{
	struct member *m = &n->members[worker];
	struct media *plane = plane_of(sim_plane(n->sim), worker);
	struct media_event e;
	while (plane->ops->take(plane, &e)) worker_media_event(m->worker, &e);
	for (uint32_t i = 0; i < m->done_count; i++) {
		const struct journal_done done = { .owner = m->dones[i].owner, .kind = m->dones[i].kind, .err = OK };
		worker_journal_done(m->worker, &done);
	}
	m->done_count = 0;
}

static void after_event(struct node_sim *n)
{
	if (sim_checker(n->sim)) check_event(sim_checker(n->sim));
}

static void turn(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	uint32_t worker = (uint32_t)arg;
	if (arg >> 32 != n->life || !n->up) return;
	struct member *m = &n->members[worker];
	if (m->armed_ms != sim_now_ms(s)) return; // an earlier one came instead, and has seen to the rest
	m->armed_ms = UINT64_MAX;
	uint64_t at_ms = m->due_ms;
	if (at_ms <= sim_now_ms(s)) {
		m->due_ms = UINT64_MAX;
		worker_at(m->worker, sim_now_ms(s), sim_wall_ms(s));
		take_answers(n, worker);
		at_ms = worker_tick(m->worker);
		outbox_flush(&m->out);
		rcu_quiescent();
		if (m->done_count) at_ms = sim_now_ms(s);
	}
	due(n, worker, at_ms);
	node_plane_due(n);
	after_event(n);
}

// ---- The plane ------------------------------------------------------------------------------------------------------

static void plane_event(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	if (arg != n->plane_ms || !n->up) return; // another time was set since
	n->plane_ms = UINT64_MAX;
	plane_tick(sim_plane(s));
	node_plane_due(n);
}

void node_plane_due(struct node_sim *n)
{
	uint64_t at_ms = plane_next_ms(sim_plane(n->sim));
	if (at_ms >= n->plane_ms) return;
	n->plane_ms = at_ms;
	sim_at(n->sim, at_ms, plane_event, n, at_ms);
}

void node_media_waits(struct node_sim *n, uint32_t worker)
{
	if (n->up && worker < n->member_count) due(n, worker, sim_now_ms(n->sim));
}

// ---- Packets --------------------------------------------------------------------------------------------------------

static void receive(struct sim *s, struct endpoint *e, const struct packet *p)
{
	struct node_sim *n = e->self;
	struct packet copy = *p;
	copy.listener = (uint16_t)(e - n->sockets);
	copy.arrived_ms = sim_now_ms(s);
	uint32_t worker = worker_of_packet(n->members[0].worker, p->data);
	struct member *m = &n->members[worker];
	worker_at(m->worker, sim_now_ms(s), sim_wall_ms(s));
	if (sim_checker(s)) check_got(sim_checker(s), &copy);
	worker_input(m->worker, &copy);
	due(n, worker, sim_now_ms(s));
	after_event(n);
}

static void deliver(struct outbox *o, void *self)
{
	struct node_sim *n = ((struct member *)self)->node;
	for (uint32_t i = 0; i < o->count; i++) {
		const struct packet *p = &o->packets[i];
		if (sim_chance(n->sim, SIM_NODE, sim_weather(n->sim)->socket_full)) continue;
		if (sim_checker(n->sim)) check_sent(sim_checker(n->sim), p);
		net_send(sim_net(n->sim), &n->sockets[p->listener].addr, &p->peer, p->data);
	}
}

// ---- Records: on disk at once, told at the next turn ----------------------------------------------------------------

static void *grown(void *items, uint32_t *max, size_t size)
{
	*max = *max ? *max * 2 : 64;
	items = realloc(items, *max * size);
	if (!items) abort(); // the simulator's own
	return items;
}

static void keep(struct node_sim *n, const struct call_record *r)
{
	struct kept_record *k = calloc(1, sizeof *k);
	if (!k) abort();
	k->record = *r;
	if (n->record_count == n->record_max) n->records = grown(n->records, &n->record_max, sizeof *n->records);
	n->records[n->record_count++] = k;
	if (r->kind != RECORD_RELEASE) return;
	for (uint32_t i = n->record_count; i-- > 0;)
		if (n->records[i]->record.kind == RECORD_ANSWER && n->records[i]->record.call == r->call)
			n->records[i]->released = true;
	if (n->cdr_count == n->cdr_max) n->cdrs = grown(n->cdrs, &n->cdr_max, sizeof *n->cdrs);
	k->record.sequence = n->cdr_count + 1;
	n->cdrs[n->cdr_count++] = &k->record;
}

static enum err put_record(void *self, uint32_t worker, const struct call_record *r, uint64_t owner)
{
	struct node_sim *n = self;
	struct member *m = &n->members[worker];
	keep(n, r);
	if (!owner) return OK;
	if (m->done_count == m->done_max) m->dones = grown(m->dones, &m->done_max, sizeof *m->dones);
	m->dones[m->done_count++] = (struct done_record){ owner, r->kind };
	due(n, worker, sim_now_ms(n->sim));
	return OK;
}

static bool healthy(void *self)
{
	(void)self;
	return true;
}

static void recover(struct node_sim *n)
{
	uint32_t count = n->record_count; // recovery adds
	struct member *m = &n->members[0];
	for (uint32_t i = 0; i < count; i++) {
		const struct kept_record *k = n->records[i];
		if (k->record.kind != RECORD_ANSWER || k->released) continue;
		if (worker_recover(m->worker, &k->record, sim_wall_ms(n->sim)) != OK)
			sim_fail(n->sim, "a call cut off by the restart could not be recovered");
	}
	outbox_flush(&m->out);
}

const struct call_record *node_cdr(struct node_sim *n, uint32_t index)
{
	return index < n->cdr_count ? n->cdrs[index] : NULL;
}

// ---- Life -----------------------------------------------------------------------------------------------------------

// A feature set from a phone: the office is changed at once, the call hears of it in a while.
static void feature_done(struct sim *s, void *self, uint64_t arg)
{
	struct feature_answer *a = self;
	struct node_sim *n = sim_node(s);
	(void)arg;
	if (n->up && a->life == n->life) {
		worker_at(n->members[a->worker].worker, sim_now_ms(s), sim_wall_ms(s));
		worker_feature_done(n->members[a->worker].worker, a->owner, a->result);
		due(n, a->worker, sim_now_ms(s));
		after_event(n);
	}
	free(a);
}

static enum err set_feature(void *self, uint32_t worker, uint64_t owner, uint32_t line, uint8_t feature, bool active,
                            struct str target)
{
	struct node_sim *n = self;
	struct feature_answer *a = calloc(1, sizeof *a);
	const struct office_line *known = office_line(n->office, line);
	if (!a) abort();
	*a = (struct feature_answer){ .life = n->life, .worker = worker, .owner = owner, .result = ERR_NOT_FOUND };
	if (known) {
		struct office_line changed = *known;
		struct office_feature_state *state = &changed.features[feature];
		state->active = active;
		if (active) str_to_z(state->target, sizeof state->target, target);
		a->result = office_put_line(n->office, &changed);
	}
	sim_at(n->sim, sim_now_ms(n->sim) + sim_below(n->sim, SIM_NODE, 50), feature_done, a, 0);
	return OK;
}

static bool make_member(struct node_sim *n, uint32_t index)
{
	struct member *m = &n->members[index];
	m->node = n;
	m->due_ms = m->armed_ms = UINT64_MAX;
	if (outbox_init(&m->out, 256, 4 * PACKET_MAX) != OK) return false;
	m->out.flush = deliver;
	m->out.self = m;
	static const struct journal_ops journal = { put_record, healthy };
	struct worker_setup setup = {
		.index = index, .count = n->member_count, .seed = random_u64(sim_random(n->sim, SIM_NODE)),
		.now_ms = sim_now_ms(n->sim), .wall_ms = sim_wall_ms(n->sim), .listener_count = NODE_LISTENERS,
		.calls_max = CALLS_MAX, .transactions_max = TRANSACTIONS_MAX, .message_bytes_max = 64u << 20,
		.office = n->office, .live = n->live, .media = plane_of(sim_plane(n->sim), index),
		.journal = { &journal, n }, .out = &m->out, .set_feature = set_feature, .set_feature_self = n,
	};
	for (uint32_t i = 0; i < NODE_LISTENERS; i++)
		setup.listeners[i] = (struct worker_listener){ n->sockets[i].addr, n->sockets[i].addr };
	memset(setup.nonce_secret.octets, 0x5a, sizeof setup.nonce_secret.octets);
	m->worker = worker_new(&setup);
	if (m->worker) due(n, index, sim_now_ms(n->sim));
	return m->worker;
}

static struct live *new_live(struct node_sim *n)
{
	return live_new(&(struct live_limits){ .lines_max = sim_plan(n->sim)->lines, .trunk_groups_max = 16,
	                                       .nonces = 4096, .guard_entries = 1024 }, sim_plan(n->sim)->seed);
}

// Registrations outlive a crash; of all else that is live nothing does.
static bool renew_live(struct node_sim *n)
{
	struct live *fresh = new_live(n);
	struct binding bindings[LOCATION_BINDINGS_MAX];
	if (!fresh) return false;
	for (uint32_t line = 1; n->live && line <= office_line_count(n->office); line++) {
		uint32_t count = location_get(n->live->location, line, sim_now_ms(n->sim), bindings, LOCATION_BINDINGS_MAX);
		const struct office_line *row = office_line(n->office, line);
		if (count && location_put(fresh->location, line, live_home(str_from(row->name), n->member_count), bindings,
		                          count) != OK) return false;
	}
	live_free(n->live);
	n->live = fresh;
	return true;
}

bool node_boot(struct node_sim *n)
{
	if (n->up) return true;
	n->life++;
	n->plane_ms = UINT64_MAX;
	if (!renew_live(n)) return false;
	n->up = true;
	for (uint32_t i = 0; i < n->member_count; i++)
		if (!make_member(n, i)) return false;
	if (sim_checker(n->sim)) check_boot(sim_checker(n->sim));
	recover(n);
	for (uint32_t i = 0; i < NODE_LISTENERS; i++)
		if (net_bind(sim_net(n->sim), &n->sockets[i]) != OK) return false;
	return true;
}

void node_crash(struct node_sim *n)
{
	if (!n->up) return;
	if (sim_checker(n->sim)) check_crash(sim_checker(n->sim));
	n->up = false;
	for (uint32_t i = 0; i < NODE_LISTENERS; i++) net_unbind(sim_net(n->sim), &n->sockets[i]);
	for (uint32_t i = 0; i < n->member_count; i++) {
		struct member *m = &n->members[i];
		worker_free(m->worker);
		outbox_fini(&m->out);
		free(m->dones);
		*m = (struct member){ 0 };
	}
	plane_crash(sim_plane(n->sim));
	rcu_drain();
}

bool node_is_up(const struct node_sim *n)
{
	return n->up;
}

struct node_sim *node_sim_new(struct sim *s)
{
	struct node_sim *n = calloc(1, sizeof *n);
	const char *const addresses[] = { NODE_ADDR_4, NODE_ADDR_6 };
	if (!n) return NULL;
	n->sim = s;
	n->member_count = sim_plan(s)->workers;
	n->members = calloc(n->member_count, sizeof *n->members);
	enum err e = node_office_make(&n->office, sim_plan(s)->lines);
	for (uint32_t i = 0; i < NODE_LISTENERS && e == OK; i++) {
		n->sockets[i] = (struct endpoint){ .receive = receive, .self = n };
		e = addr_parse(&n->sockets[i].addr, str_from(addresses[i]));
	}
	return e == OK && n->members ? n : node_sim_free(n);
}

struct node_sim *node_sim_free(struct node_sim *n)
{
	if (!n) return NULL;
	node_crash(n);
	live_free(n->live);
	office_free(n->office);
	for (uint32_t i = 0; i < n->record_count; i++) free(n->records[i]);
	free(n->records);
	free(n->cdrs);
	free(n->members);
	free(n);
	return NULL;
}

// ---- For checkers and parties ---------------------------------------------------------------------------------------

struct office *node_office(struct node_sim *n)
{
	return n->office;
}

uint32_t node_worker_count(const struct node_sim *n)
{
	return n->member_count;
}

struct worker *node_worker(struct node_sim *n, uint32_t index)
{
	return n->members[index].worker;
}

struct live *node_live(struct node_sim *n)
{
	return n->live;
}

static struct worker_use use_of(const struct node_sim *n)
{
	struct worker_use sum = { 0 };
	for (uint32_t i = 0; n->up && i < n->member_count; i++) {
		const struct worker_use use = worker_use(n->members[i].worker);
		sum.calls += use.calls;
		sum.legs += use.legs;
		sum.transactions += use.transactions;
		sum.tombstones += use.tombstones;
	}
	return sum;
}

// Between two rounds of OPTIONS to trunk peers: their transactions come and go for ever.
bool node_is_quiet(struct node_sim *n)
{
	struct worker_use use = use_of(n);
	return use.calls + use.legs + use.transactions + use.tombstones + plane_open(sim_plane(n->sim)) == 0;
}

void put_node_left(struct buf *b, struct node_sim *n)
{
	struct worker_use use = use_of(n);
	put_fmt(b, "%u calls, %u legs, %u transactions, %u tombstones, %u media sessions", use.calls, use.legs,
	        use.transactions, use.tombstones, plane_open(sim_plane(n->sim)));
}
