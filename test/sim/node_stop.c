// The orderly end of a run's switch, by the steps of the program's own (run/crew.h, and node_stop of run/node.c): no new
// call, time to finish, what then stands is released; the workers end, the journal writes what it holds, and it boots
// again.
#include "sim/node_inside.h"

#include "call/half/inside.h"

#define DRAIN_LOOK_MS 100 // as run/main.c
#define JOURNAL_LOOK_MS 1
#define JOURNAL_STOP_MS 1000 // as keep/journal.h has it

static void look_at_records(struct sim *s, void *self, uint64_t arg);

// A record that the journal could not take waits in its call, and goes with it.
static bool sheds_a_record(const struct node_sim *n)
{
	const struct call *c;
	bool sheds = false;
	for (uint32_t i = 0; i < n->worker_count; i++)
		for (uint32_t at = 0; (c = calls_each(worker_calls(n->crew->members[i].worker), &at));)
			sheds |= c->o.pic < O_CLOSING || !c->release_kept;
	return sheds;
}

// Its memory goes, and nothing of what was written.
static void end(struct node_sim *n)
{
	struct checker *c = sim_checker(n->sim);
	bool lost = n->sheds || journal_status(n->journal).waiting;
	if (lost) check_crash(c);
	else check_stopped(c);
	node_end(n);
	node_boot_later(n, n->down_ms);
}

static void look_at_records(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	if (!node_alarm_rings(n, &n->stopping, arg, look_at_records)) return;
	const struct journal_status j = journal_status(n->journal);
	bool given_up = sim_now_ms(s) >= n->give_up_ms && !j.healthy;
	if (!n->committing && (!j.waiting || given_up)) end(n);
	else node_set_alarm(n, &n->stopping, sim_now_ms(s) + JOURNAL_LOOK_MS, look_at_records, 0);
}

static void end_workers(struct node_sim *n)
{
	node_enter(n);
	for (uint32_t i = 0; i < n->worker_count; i++) crew_leave(&n->crew->members[i]);
	node_save_registrations(n, UINT32_MAX);
	node_store_close(n);
	node_leave(n);
	n->sheds = sheds_a_record(n);
	check_stopping(sim_checker(n->sim), CREW_STOPPED);
	node_hang_up(n);
	n->closing = true;
	n->give_up_ms = sim_now_ms(n->sim) + JOURNAL_STOP_MS;
	node_set_alarm(n, &n->stopping, sim_now_ms(n->sim), look_at_records, 0);
}

static void look_at_calls(struct sim *s, void *self, uint64_t arg)
{
	struct node_sim *n = self;
	if (!node_alarm_rings(n, &n->stopping, arg, look_at_calls)) return;
	enum crew_phase before = (enum crew_phase)n->crew->phase, phase = crew_stopping(n->crew, sim_now_ms(s));
	if (phase == CREW_RELEASES && before != phase) check_stopping(sim_checker(s), phase);
	uint32_t wait_ms = phase == CREW_DRAINS ? DRAIN_LOOK_MS : CREW_LOOK_MS;
	if (phase == CREW_STOPPED) end_workers(n);
	else node_set_alarm(n, &n->stopping, sim_now_ms(s) + wait_ms, look_at_calls, 0);
}

void node_stop(struct node_sim *n, uint32_t limit_ms, uint32_t boot_ms)
{
	if (!node_is_up(n) || n->crew->phase != CREW_WORKS) return;
	n->down_ms = boot_ms;
	crew_stop(n->crew, sim_now_ms(n->sim) + limit_ms);
	check_stopping(sim_checker(n->sim), CREW_DRAINS);
	node_set_alarm(n, &n->stopping, sim_now_ms(n->sim), look_at_calls, 0);
}
