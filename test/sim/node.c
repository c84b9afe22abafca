// The switch of a run: a process that boots, does what is due on the run's time, and dies.
#include "sim/node_inside.h"

#include "call/half/call.h"
#include "ladders/replayed.h"
#include "keep/journal_core.h"

#include <stdlib.h>

#define CALLS_MAX 4096 // of a worker, as all here
#define TRANSACTIONS_MIN 8192 // more where more calls begin, since each is kept for 32 s
#define TRANSACTIONS_MAX 65536
#define TRANSACTIONS_OF_RATE 512u // for each call that begins in a second
#define MESSAGE_BYTES_MAX (64u << 20)
#define MAIL_MAX 64
#define SEGMENT_BYTES (128 * 1024)
#define CONTROL_MS 250 // the longest between two steps of the control thread
#define SAVE_MS 1000
#define SAVE_LINES 5000
#define LOAD_MS 200
#define BOOT_AGAIN_MS 1000 // the supervisor of the process tries again when it cannot start
#define REPLAYED_SEEDS 32  // the calls of one seed in so many are replayed: that takes longer than the call
#define INPUTS_BYTES (32u << 20)

// ---- Alarms ---------------------------------------------------------------------------------------------------------

// The event of an alarm carries the life of the process that set it.
static uint64_t life_and(const struct node_sim *n, uint32_t worker)
{
	return (uint64_t)n->life << 32 | worker;
}

// Comes at this time or before.
void node_set_alarm(struct node_sim *n, struct alarm *a, uint64_t at_ms, sim_event *run, uint32_t worker)
{
	if (at_ms < a->due_ms) a->due_ms = at_ms;
	if (a->due_ms < sim_now_ms(n->sim)) a->due_ms = sim_now_ms(n->sim);
	if (a->due_ms >= a->armed_ms) return; // what is on its way comes first, and looks again
	a->armed_ms = a->due_ms;
	sim_at(n->sim, a->due_ms, run, n, life_and(n, worker));
}

// Is this event the one that counts, and is it time?
bool node_alarm_rings(struct node_sim *n, struct alarm *a, uint64_t arg, sim_event *run)
{
	uint64_t now_ms = sim_now_ms(n->sim);
	if (arg >> 32 != n->life || !n->up || a->armed_ms != now_ms) return false;
	a->armed_ms = UINT64_MAX;
	if (a->due_ms > now_ms) {
		node_set_alarm(n, a, a->due_ms, run, (uint32_t)arg);
		return false;
	}
	a->due_ms = UINT64_MAX;
	return true;
}

void node_enter(struct node_sim *n)
{
	weather_enter(sim_weather(n->sim));
}

void node_leave(struct node_sim *n)
{
	rcu_quiescent();
	weather_leave();
	if (sim_checker(n->sim)) check_event(sim_checker(n->sim));
}

// ---- The journal's thread -------------------------------------------------------------------------------------------

static void commit(struct sim *s, void *self, uint64_t arg);

static void look_at_journal(struct node_sim *n)
{
	if (!n->committing) node_set_alarm(n, &n->commit, journal_due_ms(n->journal), commit, 0);
}

static void committed(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	(void)s;
	if (arg >> 32 != n->life || !n->up) return;
	node_enter(n);
	n->committing = false;
	journal_finish(n->journal);
	look_at_journal(n);
	node_leave(n);
}

static void commit(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	if (!node_alarm_rings(n, &n->commit, arg, commit)) return;
	node_enter(n);
	disk_took_ms(sim_disk(s));
	n->committing = journal_begin(n->journal);
	uint64_t done_ms = sim_now_ms(s) + disk_took_ms(sim_disk(s));
	if (n->committing) sim_at(s, done_ms, committed, n, arg);
	else look_at_journal(n);
	node_leave(n);
}

static struct journal_time time_of(void *self)
{
	const struct node_sim *n = self;
	return (struct journal_time){ sim_now_ms(n->sim), sim_wall_ms(n->sim) };
}

// ---- The workers' threads -------------------------------------------------------------------------------------------

static void turn(struct sim *s, void *self, uint64_t arg);

static void plane_event(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	if (!node_alarm_rings(n, &n->plane, arg, plane_event)) return;
	plane_tick(sim_plane(s));
	node_set_alarm(n, &n->plane, plane_next_ms(sim_plane(s)), plane_event, 0);
}

// A call that is over runs again from its inputs, and goes as it went (run/replay.h).
static void replay_calls(struct node_sim *n, uint32_t worker)
{
	char text[512];
	struct buf wrong = buf_on(text, sizeof text);
	while (n->inputs && replayed_next(n->inputs[worker], &wrong)) {
		if (wrong.n) sim_fail(n->sim, "replayed, a call goes otherwise: %.*s", STR_FMT(buf_str(&wrong)));
		wrong.n = 0;
	}
}

static void turn(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	uint32_t worker = (uint32_t)arg;
	if (arg >> 32 != n->life || n->closing || !node_alarm_rings(n, &n->turns[worker], arg, turn)) return;
	struct member *m = &n->crew->members[worker];
	node_enter(n);
	uint64_t next_ms = crew_turn(m, sim_now_ms(s), sim_wall_ms(s));
	if (!crew_may_sleep(m)) next_ms = 0;
	node_set_alarm(n, &n->turns[worker], next_ms, turn, worker);
	node_set_alarm(n, &n->plane, plane_next_ms(sim_plane(s)), plane_event, 0);
	look_at_journal(n);
	node_leave(n);
	replay_calls(n, worker);
}

static void receive(struct sim *s, struct endpoint *e, const struct packet *p)
{
	static const struct hash_key flows = { { 0x666c6f7773 } };
	struct node_sim *n = e->self;
	struct packet copy = *p;
	copy.listener = (uint16_t)(e - n->sockets);
	copy.arrived_ms = sim_now_ms(s);
	// As the kernel spreads flows over the sockets that share a port.
	uint64_t flow = hash_str(&flows, (struct str){ (const char *)&p->peer, ADDR_PLACE_BYTES });
	uint32_t worker = (uint32_t)(flow % n->worker_count);
	struct member *m = &n->crew->members[worker];
	if (sim_checker(s)) check_got(sim_checker(s), &copy);
	node_enter(n);
	worker_at(m->worker, sim_now_ms(s), sim_wall_ms(s));
	crew_input(m, &copy);
	node_set_alarm(n, &n->turns[worker], sim_now_ms(s), turn, worker);
	node_leave(n);
}

static void send_packets(void *self, uint32_t worker, struct outbox *o)
{
	struct node_sim *n = self;
	(void)worker;
	weather_leave();
	for (uint32_t i = 0; i < o->count; i++) {
		const struct packet *p = &o->packets[i];
		if (sim_checker(n->sim)) check_sent(sim_checker(n->sim), p);
		net_send(sim_net(n->sim), &n->sockets[p->listener].addr, &p->peer, p->data);
	}
	node_enter(n);
}

static void wake(void *self, uint32_t worker)
{
	struct node_sim *n = self;
	node_set_alarm(n, &n->turns[worker], sim_now_ms(n->sim), turn, worker);
}

static void wake_for_answers(void *self, uint32_t worker)
{
	crew_wake(((struct node_sim *)self)->crew, worker);
}

void node_media_waits(struct node_sim *n, uint32_t worker)
{
	if (n->up && worker < n->worker_count) crew_wake(n->crew, worker);
}

static struct media *media_of(void *self, uint32_t worker)
{
	return plane_of(sim_plane(((struct node_sim *)self)->sim), worker);
}

// ---- The control thread and the loader's ----------------------------------------------------------------------------

static void change_feature(struct node_sim *n, uint32_t worker, const struct feature_change *c)
{
	const struct office_line *known = office_line(n->office, c->line);
	enum err err = ERR_NOT_FOUND;
	if (known) {
		struct office_line changed = *known;
		struct office_feature_state *state = &changed.features[c->feature];
		state->active = c->active;
		if (c->active) str_to_z(state->target, sizeof state->target, str_from(c->target));
		err = office_put_line(n->office, &changed);
	}
	crew_feature_done(n->crew, worker, c, err);
}

void node_save_registrations(struct node_sim *n, uint32_t max)
{
	const struct env env = { .now_ms = sim_now_ms(n->sim), .wall_ms = sim_wall_ms(n->sim) };
	uint32_t count;
	n->saved_ms = env.now_ms;
	if (registration_save(n->registrations, n->live->location, &env, max, &count) != OK) n->saved_ms = 0;
}

static void control(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	struct feature_change c;
	if (!node_alarm_rings(n, &n->control, arg, control)) return;
	node_enter(n);
	for (uint32_t i = 0; i < n->worker_count; i++)
		while (crew_next_feature(n->crew, i, &c)) change_feature(n, i, &c);
	if (sim_now_ms(s) - n->saved_ms >= SAVE_MS) node_save_registrations(n, SAVE_LINES);
	node_set_alarm(n, &n->control, sim_now_ms(s) + CONTROL_MS, control, 0);
	node_leave(n);
}

static void wake_control(void *self)
{
	struct node_sim *n = self;
	node_set_alarm(n, &n->control, sim_now_ms(n->sim) + sim_below(n->sim, SIM_NODE, 50), control, 0);
}

static void load(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	if (!node_alarm_rings(n, &n->loading, arg, load)) return;
	node_enter(n);
	node_store_load(n);
	weather_leave();
	node_set_alarm(n, &n->loading, sim_now_ms(s) + LOAD_MS, load, 0);
}

// ---- Life -----------------------------------------------------------------------------------------------------------

static enum err open_journal(struct node_sim *n)
{
	disk_boot(sim_disk(n->sim));
	return journal_open(&n->journal, &(struct journal_setup){ .folder = DISK_FOLDER, .workers = n->worker_count,
		.segment_bytes = SEGMENT_BYTES, .sequence_least = node_store_sequence(n), .id = sim_plan(n->sim)->seed | 1,
		.files = disk_ops(), .files_self = sim_disk(n->sim), .clock = time_of, .clock_self = n, .wake = wake_for_answers,
		.wake_self = n });
}

static enum err restore_registrations(struct node_sim *n)
{
	const struct env env = { .now_ms = sim_now_ms(n->sim), .wall_ms = sim_wall_ms(n->sim) };
	uint32_t count;
	return registration_restore(n->registrations, n->live->location, n->office, n->worker_count, &env, &count);
}

static struct inputs *inputs_of(void *self, uint32_t worker)
{
	struct node_sim *n = self;
	return n->inputs ? n->inputs[worker] : NULL;
}

static void free_inputs(struct node_sim *n)
{
	for (uint32_t i = 0; n->inputs && i < n->worker_count; i++) inputs_free(n->inputs[i]);
	free(n->inputs);
	n->inputs = NULL;
}

// What was refused memory, or found a pool empty, is no input.
static enum err make_inputs(struct node_sim *n)
{
	const struct sim_plan *plan = sim_plan(n->sim);
	if (plan->seed % REPLAYED_SEEDS || plan->faults & (1u << FAULT_ALLOCATION | 1u << FAULT_POOLS)) return OK;
	n->inputs = calloc(n->worker_count, sizeof *n->inputs);
	for (uint32_t i = 0; n->inputs && i < n->worker_count; i++)
		if (inputs_new(&n->inputs[i], INPUTS_BYTES, INPUTS_ALL) != OK) return ERR_FULL;
	return n->inputs ? OK : ERR_FULL;
}

// To clear the tables of the largest at each start would take as long as some hundred calls.
static uint32_t transactions_max(const struct sim_plan *plan)
{
	uint64_t max = TRANSACTIONS_MIN + (uint64_t)plan->calls_per_s * TRANSACTIONS_OF_RATE;
	return max < TRANSACTIONS_MAX ? (uint32_t)max : TRANSACTIONS_MAX;
}

// Between these, and each power of two as often as the next.
static uint32_t some(struct node_sim *n, uint32_t least, uint32_t doublings)
{
	uint32_t floor = least << sim_below(n->sim, SIM_POOLS, doublings);
	return sim_between(n->sim, SIM_POOLS, floor, 2 * floor);
}

// Another room at each boot of a run whose pools are to run empty.
static struct node_room draw_room(struct node_sim *n)
{
	struct node_room room = { CALLS_MAX, transactions_max(sim_plan(n->sim)), MESSAGE_BYTES_MAX };
	if (!(sim_plan(n->sim)->faults & 1u << FAULT_POOLS)) return room;
	room.calls = some(n, 1, 7);
	room.transactions = some(n, 128, 6);
	room.message_bytes = some(n, 1u << 16, 8);
	return room;
}

static enum err make_crew(struct node_sim *n)
{
	n->room = draw_room(n);
	struct crew_setup s = { .count = n->worker_count, .mail_max = MAIL_MAX, .journal = n->journal, .media = media_of,
		.inputs = inputs_of, .send = send_packets, .wake = wake, .wake_control = wake_control, .self = n };
	s.worker = (struct worker_setup){ .seed = random_u64(sim_random(n->sim, SIM_NODE)), .now_ms = sim_now_ms(n->sim),
		.wall_ms = sim_wall_ms(n->sim), .listener_count = NODE_LISTENERS, .calls_max = n->room.calls,
		.transactions_max = n->room.transactions, .message_bytes_max = n->room.message_bytes,
		.subscriptions_max = 256, .office = n->office, .live = n->live };
	for (uint32_t i = 0; i < NODE_LISTENERS; i++)
		s.worker.listeners[i] = (struct worker_listener){ n->sockets[i].addr, n->sockets[i].addr };
	for (uint32_t i = 0; i < sizeof s.worker.nonce_secret.octets; i++) // made anew at each start
		s.worker.nonce_secret.octets[i] = (uint8_t)random_u32(sim_random(n->sim, SIM_NODE));
	return crew_new(&n->crew, &s);
}

// As run/node.c does it.
static enum err start(struct node_sim *n)
{
	n->live = live_new(&(struct live_limits){ .lines_max = sim_plan(n->sim)->lines, .trunk_groups_max = 16,
	                                          .nonces = 4096, .guard_entries = 1024 }, sim_plan(n->sim)->seed);
	enum err err = n->live ? open_journal(n) : ERR_FULL;
	if (err == OK) err = restore_registrations(n);
	if (err == OK) err = node_store_open(n);
	if (err == OK) err = make_inputs(n);
	if (err == OK) err = make_crew(n);
	return err;
}

// All memory of the process, however far it had come.
static void free_process(struct node_sim *n)
{
	n->crew = crew_free(n->crew);
	free_inputs(n);
	node_store_close(n);
	n->journal = journal_close(n->journal);
	n->live = live_free(n->live);
	rcu_drain();
}

static void reset_alarms(struct node_sim *n)
{
	const struct alarm none = { UINT64_MAX, UINT64_MAX };
	n->plane = n->commit = n->control = n->loading = n->stopping = none;
	for (uint32_t i = 0; i < n->worker_count; i++) n->turns[i] = none;
	n->committing = n->closing = n->sheds = false;
}

static void boot_again(struct sim *s, void *self, uint64_t life)
{
	struct node_sim *n = self;
	if (life == n->life && !node_boot(n)) sim_fail(s, "the node does not boot");
}

void node_boot_later(struct node_sim *n, uint32_t after_ms)
{
	sim_at(n->sim, sim_now_ms(n->sim) + after_ms, boot_again, n, n->life);
}

bool node_boot(struct node_sim *n)
{
	struct sim *s = n->sim;
	if (n->up) return true;
	n->life++;
	reset_alarms(n);
	node_enter(n);
	enum err err = start(n);
	weather_leave();
	n->up = err == OK;
	for (uint32_t i = 0; i < NODE_LISTENERS && n->up; i++)
		if (net_bind(sim_net(s), &n->sockets[i]) != OK) return false;
	if (!n->up) {
		disk_crash(sim_disk(s));
		free_process(n);
		node_boot_later(n, BOOT_AGAIN_MS);
		return sim_weather(s)->storm; // else nothing was in its way
	}
	if (sim_checker(s)) check_boot(sim_checker(s));
	for (uint32_t i = 0; i < n->worker_count; i++) node_set_alarm(n, &n->turns[i], sim_now_ms(s), turn, i);
	node_set_alarm(n, &n->control, sim_now_ms(s), control, 0);
	node_set_alarm(n, &n->loading, sim_now_ms(s), load, 0);
	look_at_journal(n);
	return true;
}

void node_hang_up(struct node_sim *n)
{
	const struct alarm none = { UINT64_MAX, UINT64_MAX };
	for (uint32_t i = 0; i < NODE_LISTENERS; i++) net_unbind(sim_net(n->sim), &n->sockets[i]);
	n->control = n->loading = none;
}

void node_end(struct node_sim *n)
{
	n->up = false;
	plane_crash(sim_plane(n->sim));
	free_process(n);
	weather_leave();
}

bool node_crash(struct node_sim *n)
{
	if (!n->up) return false;
	if (sim_checker(n->sim)) check_crash(sim_checker(n->sim));
	if (!n->closing) node_hang_up(n);
	disk_crash(sim_disk(n->sim));
	node_end(n);
	return true;
}

bool node_is_up(const struct node_sim *n)
{
	return n->up && !n->closing;
}

uint32_t node_boots(const struct node_sim *n)
{
	return n->life;
}

struct node_sim *node_sim_new(struct sim *s)
{
	const char *const addresses[] = { NODE_ADDR_4, NODE_ADDR_6 };
	struct node_sim *n = calloc(1, sizeof *n);
	if (!n) return NULL;
	n->sim = s;
	n->worker_count = sim_plan(s)->workers;
	n->turns = calloc(n->worker_count, sizeof *n->turns);
	enum err err = n->turns ? node_office_make(&n->office, sim_plan(s)->lines) : ERR_FULL;
	for (uint32_t i = 0; i < NODE_LISTENERS && err == OK; i++) {
		n->sockets[i] = (struct endpoint){ .receive = receive, .self = n };
		err = addr_parse(&n->sockets[i].addr, str_from(addresses[i]));
	}
	if (err == OK) err = node_store_make(n);
	return err == OK ? n : node_sim_free(n);
}

struct node_sim *node_sim_free(struct node_sim *n)
{
	if (!n) return NULL;
	if (n->up) {
		disk_crash(sim_disk(n->sim));
		free_process(n);
	}
	node_store_remove(n);
	office_free(n->office);
	free(n->turns);
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
	return n->worker_count;
}

struct worker *node_worker(struct node_sim *n, uint32_t index)
{
	return node_is_up(n) ? n->crew->members[index].worker : NULL;
}

struct live *node_live(struct node_sim *n)
{
	return n->live;
}

const struct call_record *node_cdr(struct node_sim *n, uint32_t index)
{
	return index < n->record_count ? n->records[index] : NULL;
}

struct left { // what stands or waits
	struct worker_use use;
	struct journal_status journal;
	uint32_t recovering, sessions;
	uint64_t unloaded; // records
};

struct node_room node_room(const struct node_sim *n)
{
	return n->room;
}

static struct left left_of(struct node_sim *n)
{
	struct left l = { .sessions = plane_open(sim_plane(n->sim)) };
	if (!n->up) return l;
	for (uint32_t i = 0; i < n->worker_count; i++) {
		const struct worker_use use = worker_use(n->crew->members[i].worker);
		l.use.calls += use.calls;
		l.use.legs += use.legs;
		l.use.transactions += use.transactions;
		l.use.tombstones += use.tombstones;
		l.recovering += n->crew->members[i].recovering != NULL;
	}
	l.journal = journal_status(n->journal);
	l.unloaded = l.journal.sequence - node_store_sequence(n);
	return l;
}

bool node_has_answer(struct node_sim *n, uint64_t call)
{
	return journal_open_call(n->journal, call);
}

// Between two rounds of OPTIONS to trunk peers: their transactions come and go for ever.
bool node_is_quiet(struct node_sim *n)
{
	struct left l = left_of(n);
	return n->up && l.use.calls + l.use.legs + l.use.transactions + l.use.tombstones + l.sessions + l.recovering +
		l.journal.waiting + l.journal.open_calls == 0 && l.unloaded == 0;
}

// The first call that stands is the one whose story is told.
static void tell_of_call(struct node_sim *n)
{
	const struct call *c = NULL;
	for (uint32_t i = 0, at = 0; n->up && i < n->worker_count && !c; i++, at = 0)
		c = calls_each(worker_calls(n->crew->members[i].worker), &at);
	if (c) sim_about(n->sim, str_from(c->call_ids[SIDE_O]));
}

void put_node_left(struct buf *b, struct node_sim *n)
{
	struct left l = left_of(n);
	tell_of_call(n);
	put_fmt(b, "%s: %u calls, %u legs, %u transactions, %u tombstones, %u media sessions, ", n->up ? "up" : "down",
	        l.use.calls, l.use.legs, l.use.transactions, l.use.tombstones, l.sessions);
	put_fmt(b, "%u records on their way to the disk, %u open calls in the journal, %llu records not loaded, "
	        "%u workers that recover", l.journal.waiting, l.journal.open_calls, (unsigned long long)l.unloaded, l.recovering);
}
