// The checkers that look into the switch: after every event what is cheap, every few events all that stands.
#include "sim/check_inside.h"

#include "base/count.h"
#include "base/log.h"
#include "call/leg/sip_leg.h"
#include "run/crew.h"

#include <stdlib.h>

#define SWEEP_EVENTS 64
#define TRUNKS_MAX 16
#define LEGS_NEAR 4 // of one call, as these
#define TRANSACTIONS_NEAR 8
#define TEXTS_NEAR 8192
#define SAVED_MS 5000 // by when a registration is in the store
#define NOTED_MS 500  // how often it is looked who is registered

// Faults of ours that the switch itself notices and survives: here none may happen.
static const char *const faults[] = {
	"calls_broken", "calls_queue_full", "occupancy_underflow", "occupancy_corrected",
};

// The last error that was logged: what a noticed fault was.
static char last_error[512];

static void note_error(enum log_level level, struct str line)
{
	if (level == LOG_ERROR) str_to_z(last_error, sizeof last_error, line);
}

static struct counter *counter_named(const char *name)
{
	struct counter *k;
	for (uint32_t i = 0; (k = count_at(i)); i++)
		if (strcmp(k->name, name) == 0) return k;
	abort(); // it has another name now
}

struct checker *checker_new(struct sim *s)
{
	struct checker *c = calloc(1, sizeof *c);
	if (!c) return NULL;
	c->sim = s;
	c->ledger = sim_ledger(s);
	for (; c->fault_count < ARRAY_LEN(faults); c->fault_count++) {
		const struct counter *k = counter_named(faults[c->fault_count]);
		c->faults[c->fault_count] = (struct fault_count){ k, count_mine(k) };
	}
	c->dropped = counter_named("node_mail_full");
	c->dropped_before = count_mine(c->dropped);
	c->held_max[OCCUPANCY_LINE] = sim_plan(s)->lines + 1;
	c->held_max[OCCUPANCY_TRUNK_GROUP] = TRUNKS_MAX;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++) {
		c->held[kind] = calloc(c->held_max[kind], sizeof *c->held[kind]);
		if (!c->held[kind]) return checker_free(c);
	}
	c->registered = calloc(c->held_max[OCCUPANCY_LINE], sizeof *c->registered);
	if (!c->registered) return checker_free(c);
	log_also = note_error;
	return wire_init(c) ? c : checker_free(c);
}

struct checker *checker_free(struct checker *c)
{
	if (!c) return NULL;
	log_also = NULL;
	wire_fini(c);
	free(c->held[0]);
	free(c->held[1]);
	free(c->crashes);
	free(c->registered);
	free(c);
	return NULL;
}

// EACH EVENT

static void check_faults(struct checker *c)
{
	for (uint32_t i = 0; i < c->fault_count; i++)
		if (count_mine(c->faults[i].counter) != c->faults[i].before)
			sim_fail(c->sim, "a fault of the switch's own, which it noticed itself: %s\n%s", c->faults[i].counter->help,
			         last_error);
}

// SWEEPS

static void check_timers(struct checker *c, const struct call *call)
{
	uint64_t now = check_now(c);
	const struct half *const halves[] = { &call->o, &call->t };
	for (uint32_t i = 0; i < ARRAY_LEN(halves); i++)
		if (halves[i]->timer.armed && halves[i]->timer.at_ms < now)
			FAIL(c, str_from(call->call_ids[0]), "a call outlives its timer: it was due at %llu ms, now it is %llu ms",
			     (unsigned long long)halves[i]->timer.at_ms, (unsigned long long)now);
}

bool check_is_unsynced(const struct checker *c, const char *call_id)
{
	struct node_sim *n = sim_node(c->sim);
	const struct call *call;
	bool waits = !(sim_plan(c->sim)->faults & (DISK_FAULTS | FAULT(ALLOCATION)));
	if (waits && !check_is_emergency(c, call_id)) return false;
	for (uint32_t i = 0; i < node_worker_count(n); i++)
		for (uint32_t at = 0; node_worker(n, i) && (call = calls_each(worker_calls(node_worker(n, i)), &at));)
			if (strcmp(call->call_ids[0], call_id) == 0) return call->unsynced;
	return false;
}

static void hold(struct checker *c, enum occupancy_kind kind, uint32_t id)
{
	if (id && id < c->held_max[kind]) c->held[kind][id]++;
}

static void check_call(struct checker *c, const struct call *call)
{
	hold(c, OCCUPANCY_LINE, call->taken.o_line);
	hold(c, OCCUPANCY_LINE, call->taken.t_line);
	hold(c, OCCUPANCY_TRUNK_GROUP, call->taken.o_trunk);
	hold(c, OCCUPANCY_TRUNK_GROUP, call->trunk_at);
	check_timers(c, call);
	bool told = call->o.pic == O_ACTIVE && call->answered && !call->unsynced;
	// Without memory the journal may have forgotten what it wrote, until it reads it again.
	bool forgets = sim_plan(c->sim)->faults & FAULT(ALLOCATION);
	if (told && !forgets && !node_has_answer(sim_node(c->sim), call->id))
		FAIL(c, str_from(call->call_ids[0]), "a caller was told of the answer, and its record is not on disk");
	check_media(c, call);
}

static void check_places(struct checker *c)
{
	static const char *const names[] = { "line", "trunk group" };
	const struct occupancy *o = node_live(sim_node(c->sim))->occupancy;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++)
		for (uint32_t id = 1; id < c->held_max[kind]; id++) {
			uint32_t now = occupancy_now(o, (enum occupancy_kind)kind, id);
			if (now != c->held[kind][id])
				sim_fail(c->sim, "%s %u has %u calls by its counter, %u by the calls that stand", names[kind], id, now,
				         c->held[kind][id]);
		}
}

// ROOM

struct lacks {
	bool full, half, spent; // as in struct checker
};

// What room is lacking; when `more` calls may have come and gone within one event, as when a link lets go at once what it
// held: for so many more.
static struct lacks look_for_room(const struct checker *c, uint32_t more)
{
	struct node_sim *n = sim_node(c->sim);
	const struct node_room room = node_room(n);
	struct lacks l = { false };
	for (uint32_t i = 0; i < node_worker_count(n) && node_worker(n, i); i++) {
		const struct worker_use use = worker_use(node_worker(n, i));
		uint32_t calls = use.calls + more, legs = use.legs + more * LEGS_NEAR;
		uint32_t transactions = use.transactions + use.tombstones + more * TRANSACTIONS_NEAR;
		uint32_t legs_max = room.calls * 3 + SIP_LEGS_RESERVED;
		// A little before it is full: one event may fill it and end a call.
		bool texts = use.text_bytes + (more + 1) * TEXTS_NEAR >= room.message_bytes - room.message_bytes / 16;
		bool others = texts || transactions + TRANSACTIONS_NEAR >= room.transactions - room.transactions / 16;
		l.full |= others || calls + 1 >= room.calls || legs + LEGS_NEAR + SIP_LEGS_RESERVED >= legs_max;
		l.half |= others || calls + 1 >= room.calls + CALLS_RESERVED / 2 ||
			legs + LEGS_NEAR + SIP_LEGS_RESERVED / 2 >= legs_max;
		l.spent |= calls >= room.calls + CALLS_RESERVED || legs >= legs_max || transactions >= room.transactions;
	}
	return l;
}

static void note_short(const struct checker *c, struct short_of *s, bool now)
{
	s->now = now;
	if (now) s->last_ms = check_now(c);
}

static void note_room(struct checker *c)
{
	if (!(sim_plan(c->sim)->faults & FAULT(POOLS))) return;
	const struct lacks l = look_for_room(c, 0);
	note_short(c, &c->full, l.full);
	note_short(c, &c->half, l.half);
	note_short(c, &c->spent, l.spent);
}

// As this event began, or after one before it in this millisecond.
static bool was_short(const struct checker *c, const struct short_of *s)
{
	return s->now || s->last_ms == check_now(c);
}

bool check_is_emergency(const struct checker *c, const char *call_id)
{
	const struct ledger_call *row = ledger_find(c->ledger, str_from(call_id), LEDGER_CALLER);
	return row && row->line && !row->hostile && !row->dial_tone && strcmp(row->dialled, "911") == 0;
}

// A line, without digits.
static bool opens(const struct checker *c, const char *call_id)
{
	const struct ledger_call *row = ledger_find(c->ledger, str_from(call_id), LEDGER_CALLER);
	return row && row->line && !row->hostile && row->dial_tone;
}

const char *check_refusal(const struct checker *c, const struct sip_msg *m)
{
	char call_id[RECORD_TEXT_MAX];
	str_to_z(call_id, sizeof call_id, m->call_id);
	if (sim_plan(c->sim)->faults & FAULT(ALLOCATION)) return NULL;
	// What came before it in this millisecond took the rest: a worker handles it in one turn.
	const struct lacks l = look_for_room(c, c->came_ms == check_now(c) ? c->came - 1 : 0);
	bool may_need_help = check_is_emergency(c, call_id) || opens(c, call_id);
	if (c->next.stop_ms && !may_need_help) return NULL;
	bool refuses_all = c->next.release_ms != 0;
	if (!was_short(c, &c->full) && !l.full && !refuses_all) return "it refuses a call for which there is room";
	if (sip_msg_has(m, SIP_H_RETRY_AFTER)) return "its Retry-After stops emergency calls too";
	if (refuses_all) return NULL;
	if (opens(c, call_id) && !was_short(c, &c->half) && !l.half)
		return "it refuses who may dial 911 while half is kept for that";
	return check_is_emergency(c, call_id) && !was_short(c, &c->spent) && !l.spent ?
	       "it refuses 911 while something is kept for it" : NULL;
}

// REGISTRATIONS outlive a crash, if they had the time to be written down.

static void note_registrations(struct checker *c)
{
	c->noted_ms = check_now(c);
	const struct location *l = node_live(sim_node(c->sim))->location;
	struct binding b;
	for (uint32_t line = 1; line < c->held_max[OCCUPANCY_LINE]; line++) {
		struct registered *r = &c->registered[line];
		if (!location_get(l, line, check_now(c), &b, 1)) *r = (struct registered){ 0 };
		else if (!r->since_ms || r->until_ms != b.expires_ms) // what is on disk runs out earlier
			*r = (struct registered){ .since_ms = check_now(c), .until_ms = b.expires_ms };
	}
}

static void check_registrations(struct checker *c)
{
	const struct location *l = node_live(sim_node(c->sim))->location;
	const struct crash *crash = &c->crashes[c->crash_count - 1];
	struct binding b;
	for (uint32_t line = 1; line < c->held_max[OCCUPANCY_LINE]; line++) {
		const struct registered *r = &c->registered[line];
		bool saved = crash->orderly || r->since_ms + SAVED_MS < crash->at_ms;
		bool kept = r->since_ms && saved && r->until_ms > check_now(c) + SAVED_MS;
		if (kept && !location_get(l, line, check_now(c), &b, 1))
			sim_fail(c->sim, "line %u was registered for %llu ms when the switch died, and is not after its start",
			         line, (unsigned long long)(crash->at_ms - r->since_ms));
	}
}

static void sweep(struct checker *c)
{
	struct node_sim *n = sim_node(c->sim);
	uint32_t sessions = 0;
	for (int kind = 0; kind < OCCUPANCY_KINDS; kind++)
		memset(c->held[kind], 0, c->held_max[kind] * sizeof *c->held[kind]);
	for (uint32_t i = 0; i < node_worker_count(n); i++) {
		struct worker *w = node_worker(n, i);
		struct str call_id = { "", 0 };
		struct call *call;
		if (!w) return; // it is booting
		const char *wrong = worker_wrong(w, &call_id);
		if (wrong) FAIL(c, call_id, "an invariant broke: %s", wrong);
		for (uint32_t at = 0; (call = calls_each(worker_calls(w), &at));) {
			sessions += call->media.session != 0;
			check_call(c, call);
		}
	}
	check_places(c);
	uint32_t open = plane_open(sim_plane(c->sim));
	if (open != sessions) sim_fail(c->sim, "%u media sessions are open, and %u calls have one", open, sessions);
}

void check_event(struct checker *c)
{
	const struct weather *w = sim_weather(c->sim);
	if (w->storm || !node_is_up(sim_node(c->sim))) c->calm_since_ms = check_now(c);
	check_faults(c);
	note_room(c);
	if (count_mine(c->dropped) != c->dropped_before) wire_undo(c);
	c->dropped_before = count_mine(c->dropped);
	if (++c->events % SWEEP_EVENTS || !node_is_up(sim_node(c->sim))) return;
	sweep(c);
	if (c->noted_ms + NOTED_MS <= check_now(c)) note_registrations(c);
}

// CRASHES AND STOPS

static void note_crash(struct checker *c, bool orderly)
{
	struct crash *more = realloc(c->crashes, (c->crash_count + 1) * sizeof *more);
	if (!more) abort();
	c->crashes = more;
	c->next.at_ms = check_now(c);
	c->next.orderly = orderly;
	c->crashes[c->crash_count++] = c->next;
	c->next = (struct crash){ 0 };
}

void check_crash(struct checker *c)
{
	note_crash(c, false);
	sweep(c);
	note_registrations(c);
	wire_crash(c);
}

// Each phone of a call that is over was told, or has said so itself.
static void check_all_are_told(struct checker *c, const char *when, uint32_t excuses)
{
	for (const struct leg_seen *l = c->first_leg; l && !(sim_plan(c->sim)->faults & excuses); l = l->next)
		if (l->answered_ms && !l->ended_ms && !l->cut_ms && !l->left_ms)
			FAIL(c, str_from(l->call_id), "%s, and a phone that talks since %llu ms was not told", when,
			     (unsigned long long)l->answered_ms);
}

void check_stopping(struct checker *c, int phase)
{
	if (phase == CREW_DRAINS) c->next.stop_ms = check_now(c);
	if (phase == CREW_RELEASES) c->next.release_ms = check_now(c);
	if (phase != CREW_STOPPED) return;
	sweep(c);
	note_registrations(c);
	// Where there is no transaction or memory for it, a second is too short for another attempt.
	check_all_are_told(c, "the switch stops", FAULT(POOLS) | FAULT(ALLOCATION) | FAULT(SPOILED));
}

void check_stopped(struct checker *c)
{
	note_crash(c, true);
	wire_forget(c);
}

void check_boot(struct checker *c)
{
	if (!c->crash_count) return;
	c->crashes[c->crash_count - 1].boot_ms = check_now(c);
	// They may be over by a new time, or not be written down without a disk or memory.
	const uint32_t excuses = CLOCK_FAULTS | DISK_FAULTS | FAULT(ALLOCATION);
	if (!(sim_plan(c->sim)->faults & excuses)) check_registrations(c);
}

// THE END

static void check_nothing_left(struct checker *c)
{
	struct node_sim *n = sim_node(c->sim);
	const struct occupancy *o = node_live(n)->occupancy;
	uint32_t ports = plane_ports_taken(sim_plane(c->sim));
	for (uint32_t i = 0; i < node_worker_count(n); i++) {
		uint64_t bytes = worker_use(node_worker(n, i)).text_bytes;
		if (bytes) sim_fail(c->sim, "%llu octets of texts are still kept by a worker", (unsigned long long)bytes);
	}
	if (ports) sim_fail(c->sim, "%u pairs of media ports are still taken", ports);
	if (occupancy_total(o, OCCUPANCY_LINE) || occupancy_total(o, OCCUPANCY_TRUNK_GROUP))
		sim_fail(c->sim, "places are still taken when no call stands");
}

void check_end(struct checker *c)
{
	sweep(c);
	check_nothing_left(c);
	check_records(c);
	check_all_are_told(c, "all is quiet", FAULT(SPOILED));
}
