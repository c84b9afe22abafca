// Virtual time, the network and the weather, with a node that echoes and one party that speaks to it.
#include "sim.c"

#include "net.c"
#include "plan.c"
#include "weather.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

// THE OTHER PARTS, AS FAKES

struct node_sim {
	struct sim *sim;
	struct endpoint at;
	bool up;
	uint32_t boots, changes, got, stops;
};
struct parties {
	struct sim *sim;
	struct endpoint at;
	uint32_t begun, answers;
	uint64_t last_ms; // of an answer
	char last[64];
	bool ended;
};
struct checker {
	bool ended;
};

static void echo(struct sim *s, struct endpoint *e, const struct packet *p)
{
	struct node_sim *n = e->self;
	n->got++;
	net_send(sim_net(s), &e->addr, &p->peer, p->data);
}

struct node_sim *node_sim_new(struct sim *s)
{
	struct node_sim *n = calloc(1, sizeof *n);
	n->sim = s;
	n->at = (struct endpoint){ .receive = echo, .self = n };
	assert_int_equal(addr_parse(&n->at.addr, STR(NODE_ADDR_4)), OK);
	return n;
}

struct node_sim *node_sim_free(struct node_sim *n)
{
	free(n);
	return NULL;
}

bool node_boot(struct node_sim *n)
{
	assert_false(n->up);
	n->boots++;
	n->up = true;
	return net_bind(sim_net(n->sim), &n->at) == OK;
}

bool node_crash(struct node_sim *n)
{
	if (!n->up) return false;
	n->up = false;
	net_unbind(sim_net(n->sim), &n->at);
	return true;
}

void node_stop(struct node_sim *n, uint32_t limit_ms, uint32_t boot_ms)
{
	(void)limit_ms, (void)boot_ms;
	n->stops++;
}

bool node_is_up(const struct node_sim *n) { return n->up; }
bool node_is_quiet(struct node_sim *n) { return n->up; }
void node_change_office(struct node_sim *n) { n->changes++; }
void put_node_left(struct buf *b, struct node_sim *n) { put_u64(b, n->got); }

static void heard(struct sim *s, struct endpoint *e, const struct packet *p)
{
	struct parties *all = e->self;
	all->answers++;
	all->last_ms = sim_now_ms(s);
	str_to_z(all->last, sizeof all->last, p->data);
}

static void speak(struct sim *s, void *self, uint64_t arg)
{
	struct parties *p = self;
	(void)arg;
	net_send(sim_net(s), &p->at.addr, &sim_node(s)->at.addr, STR("a call, thirty-six octets of it at all"));
	if (!p->ended && ++p->begun < sim_plan(s)->calls)
		sim_at(s, sim_now_ms(s) + sim_below(s, SIM_PARTIES, 200), speak, p, 0);
}

struct parties *parties_new(struct sim *s)
{
	struct parties *p = calloc(1, sizeof *p);
	p->sim = s;
	p->at = (struct endpoint){ .receive = heard, .self = p };
	assert_int_equal(addr_parse(&p->at.addr, STR("203.0.113.1:5060")), OK);
	assert_int_equal(net_bind(sim_net(s), &p->at), OK);
	return p;
}

struct parties *parties_free(struct parties *p)
{
	free(p);
	return NULL;
}

void parties_start(struct parties *p) { sim_at(p->sim, sim_now_ms(p->sim), speak, p, 0); }
void parties_end(struct parties *p) { p->ended = true; }
bool parties_done(const struct parties *p) { return p->begun >= sim_plan(p->sim)->calls; }
uint32_t parties_begun(const struct parties *p) { return p->begun; }
void put_parties_left(struct buf *b, const struct parties *p) { put_fmt(b, "%u calls begun", p->begun); }

struct checker *checker_new(struct sim *s)
{
	(void)s;
	return calloc(1, sizeof(struct checker));
}

struct checker *checker_free(struct checker *c)
{
	free(c);
	return NULL;
}

void check_end(struct checker *c) { c->ended = true; }

struct disk { int unused; };
struct plane { int unused; };
struct ledger { int unused; };
static struct disk the_disk;
static struct plane the_plane;
static struct ledger the_ledger;
struct disk *disk_new(struct sim *s) { return (void)s, &the_disk; }
struct disk *disk_free(struct disk *d) { return (void)d, NULL; }
struct plane *plane_new(struct sim *s) { return (void)s, &the_plane; }
struct plane *plane_free(struct plane *p) { return (void)p, NULL; }
struct ledger *ledger_new(struct sim *s) { return (void)s, &the_ledger; }
struct ledger *ledger_free(struct ledger *l) { return (void)l, NULL; }
void print_net_message(struct sim *s, const struct net_message *m) { (void)s, (void)m; }

// TIME

static struct sim *make(uint64_t seed, uint32_t faults)
{
	struct sim *s = sim_new(&(struct sim_plan){ .seed = seed, .calls = 500, .faults = faults });
	assert_non_null(s);
	return s;
}

static void pass(struct sim *s, uint64_t ms) // lets time pass, without the course of a run
{
	uint64_t until_ms = s->now_ms + ms;
	while (s->count && s->heap[0].at_ms <= until_ms) {
		struct event e = take(s);
		assert_true(e.at_ms >= s->now_ms);
		s->now_ms = e.at_ms;
		e.run(s, e.self, e.arg);
	}
	s->now_ms = until_ms;
}

static void note_arg(struct sim *s, void *self, uint64_t arg)
{
	uint64_t *order = self;
	assert_int_equal(s->now_ms, BEGIN_MS + arg / 10);
	*order = *order * 31 + arg;
}

static uint64_t order_of(uint64_t seed)
{
	struct sim *s = make(seed, 0);
	uint64_t order = 0;
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t n = i * 1237 % 3000; // ten events in each of 300 ms, asked for in no order of time
		sim_at(s, BEGIN_MS + n / 10, note_arg, &order, n);
	}
	pass(s, 300);
	assert_int_equal(s->count, 0);
	sim_free(s);
	return order;
}

static void test_events_come_in_order_of_time_and_within_it_by_chance(void **state)
{
	(void)state;
	assert_int_equal(order_of(1), order_of(1));
	assert_int_not_equal(order_of(1), order_of(2));
}

static uint64_t sum_of(uint64_t seed, uint32_t faults)
{
	struct sim *s = make(seed, faults);
	assert_true(sim_run(s));
	assert_true(s->checker->ended && s->parties->ended && s->weather->ended);
	assert_int_equal(net_in_flight(s->net), 0);
	uint64_t sum = sim_sum(s);
	sim_free(s);
	return sum;
}

static void test_the_same_seed_gives_the_same_run(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		uint32_t faults = FAULTS_ALL & ~(1u << FAULT_ALLOCATION);
		assert_int_equal(sum_of(seed, faults), sum_of(seed, faults));
		assert_int_not_equal(sum_of(seed, faults), sum_of(seed + 20, faults));
	}
	assert_int_not_equal(sum_of(1, FAULTS_ALL), sum_of(1, 0));
}

static void test_the_sum_depends_on_each_octet(void **state)
{
	(void)state;
	char text[101] = { 0 };
	for (uint32_t n = 0; n <= 100; n++) {
		struct sim *s = make(1, 0), *t = make(1, 0);
		sim_note(s, (struct str){ text, n });
		if (n) {
			text[n / 2] = 1;
			sim_note(t, (struct str){ text, n });
			assert_int_not_equal(sim_sum(s), sim_sum(t));
			text[n / 2] = 0;
		}
		sim_free(s);
		sim_free(t);
	}
}

static void test_the_first_failure_ends_the_run(void **state)
{
	(void)state;
	struct sim *s = make(1, 0);
	sim_about(s, STR("this call"));
	sim_fail(s, "%s", "first");
	sim_about(s, STR("another"));
	sim_fail(s, "second");
	assert_string_equal(sim_failure(s), "first");
	assert_true(str_eq(sim_concerns(s), STR("this call")));
	assert_false(sim_run(s));
	sim_free(s);
}

// THE NETWORK

static struct sim *speaking(uint32_t times)
{
	struct sim *s = make(3, 0);
	s->plan.keep = true;
	s->plan.calls = 1;
	assert_true(node_boot(s->node));
	s->weather->delay_min_ms = s->weather->delay_max_ms = 10;
	for (uint32_t i = 0; i < times; i++) speak(s, s->parties, 0);
	return s;
}

static void test_in_calm_each_datagram_arrives_once_as_it_was_sent(void **state)
{
	(void)state;
	struct sim *s = speaking(50);
	assert_int_equal(net_in_flight(s->net), 50);
	pass(s, 19);
	assert_int_equal(s->parties->answers, 0);
	pass(s, 1);
	assert_int_equal(s->parties->answers, 50);
	assert_string_equal(s->parties->last, "a call, thirty-six octets of it at all");
	assert_int_equal(net_use(s->net).delivered, 100);
	assert_int_equal(net_in_flight(s->net), 0);
	assert_string_equal(net_message(s->net, 99)->fate, "");
	assert_null(net_message(s->net, 100));
	assert_true(node_crash(s->node));
	speak(s, s->parties, 0);
	pass(s, 100);
	assert_int_equal(net_use(s->net).to_nobody, 1);
	sim_free(s);
}

static void test_the_weather_has_its_way_with_datagrams(void **state)
{
	(void)state;
	struct sim *s = speaking(0);
	struct weather *w = s->weather;
	w->loss = 10000;
	speak(s, s->parties, 0);
	assert_int_equal(net_in_flight(s->net), 0);
	assert_string_equal(net_message(s->net, 0)->fate, "lost");
	w->loss = 0;
	w->doubled = 10000;
	speak(s, s->parties, 0);
	pass(s, 20);
	assert_int_equal(s->parties->answers, 4);
	w->doubled = 0;
	w->late = 10000;
	speak(s, s->parties, 0);
	pass(s, 2 * LATE_MS + 19);
	assert_int_equal(s->parties->answers, 4);
	pass(s, 1);
	assert_int_equal(s->parties->answers, 5);
	w->late = 0;
	w->spoiled = 10000;
	for (uint32_t i = 0; i < 50; i++) speak(s, s->parties, 0);
	pass(s, 20);
	assert_string_not_equal(s->parties->last, "a call, thirty-six octets of it at all");
	w->spoiled = 0;
	w->socket_full = 10000; // of the node's only
	uint64_t got = s->node->got;
	uint32_t answers = s->parties->answers;
	speak(s, s->parties, 0);
	pass(s, 20);
	assert_int_equal(s->node->got, got + 1);
	assert_int_equal(s->parties->answers, answers);
	sim_free(s);
}

static void test_a_clogged_link_holds_back_what_goes_to_the_node(void **state)
{
	(void)state;
	struct sim *s = speaking(5);
	s->weather->clogged = true;
	pass(s, 5000);
	assert_int_equal(s->node->got, 0);
	assert_int_equal(net_in_flight(s->net), 5);
	unclog(s, s->weather, 0);
	pass(s, 10);
	assert_int_equal(s->node->got, 5);
	assert_int_equal(s->parties->answers, 5);
	s->weather->clogged = true;
	for (uint32_t i = 0; i < HELD_MAX + 7; i++) speak(s, s->parties, 0);
	pass(s, 100);
	assert_int_equal(net_use(s->net).lost, 7);
	sim_free(s); // with all that is held back
}

static void test_an_address_has_one_listener(void **state)
{
	(void)state;
	struct sim *s = speaking(0);
	struct endpoint other = s->parties->at;
	assert_int_equal(net_bind(s->net, &other), ERR_EXISTS);
	net_unbind(s->net, &other); // is not bound: nothing
	assert_int_equal(net_bind(s->net, &other), ERR_EXISTS);
	net_unbind(s->net, &s->parties->at);
	assert_int_equal(net_bind(s->net, &other), OK);
	sim_free(s);
}

// THE WEATHER

static void test_calm_and_storm_alternate_with_the_faults_of_the_plan(void **state)
{
	(void)state;
	for (uint32_t fault = 0; fault < FAULT_COUNT; fault++) {
		struct sim *s = make(fault + 1, 1u << fault);
		uint32_t storms = 0, calms = 0;
		bool storm = false;
		assert_true(node_boot(s->node));
		weather_start(s->weather);
		for (uint32_t i = 0; i < 2000; i++) {
			pass(s, 500);
			if (s->weather->storm == storm) continue;
			storm = s->weather->storm;
			storms += storm;
			calms += !storm;
			assert_int_equal(s->weather->faults, storm ? 1u << fault : 0);
		}
		assert_in_range(storms, 20, 200);
		assert_in_range(calms, storms - 1, storms);
		weather_end(s->weather);
		pass(s, 1000000);
		assert_false(s->weather->storm);
		sim_free(s);
	}
}

static void test_a_crash_is_followed_by_a_boot(void **state)
{
	(void)state;
	uint32_t boots = 0;
	for (uint64_t seed = 1; seed < 50; seed++) {
		struct sim *s = make(seed, 1u << FAULT_CRASH);
		s->plan.calls = 3000;
		assert_true(sim_run(s));
		assert_true(s->node->up);
		boots += s->node->boots - 1;
		sim_free(s);
	}
	assert_in_range(boots, 50, 5000);
}

static void test_the_wall_clock_jumps_and_time_does_not(void **state)
{
	(void)state;
	struct sim *s = make(9, 0);
	uint64_t wall_ms = sim_wall_ms(s), jumped = 0;
	pass(s, 12345);
	assert_int_equal(sim_wall_ms(s), wall_ms + 12345);
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t before_ms = sim_wall_ms(s), now_ms = sim_now_ms(s);
		jump(s->weather);
		assert_int_equal(sim_now_ms(s), now_ms);
		jumped += sim_wall_ms(s) != before_ms;
	}
	assert_in_range(jumped, 90, 100); // twice to the same leap day is no jump
	wall_ms = sim_wall_ms(s);
	set_wall(s->weather, wall_ms, 500);
	pass(s, 1000000);
	assert_int_equal(sim_wall_ms(s), wall_ms + 1000500);
	be_calm(s->weather);
	assert_int_equal(sim_wall_ms(s), wall_ms + 1000500);
	pass(s, 1000);
	assert_int_equal(sim_wall_ms(s), wall_ms + 1001500);
	sim_free(s);
}

static void test_leap_days(void **state)
{
	(void)state;
	assert_int_equal(before_leap_day(0), 68169600000 - 10000);                  // 1972
	assert_int_equal(before_leap_day(1704067200000), 1709164800000 - 10000);    // from 2024-01-01: 2024-02-29
	assert_int_equal(before_leap_day(1709164800000), 1835395200000 - 10000);    // from there: 2028-02-29
}

static void test_production_code_may_be_refused_memory(void **state)
{
	(void)state;
	struct sim *s = make(1, 0);
	s->weather->refuse_allocation = 10000;
	char *p = malloc(1);
	assert_non_null(p); // the simulator's own
	weather_enter(s->weather);
	void *volatile refused[] = { malloc(10), calloc(1, 10), realloc(NULL, 10) };
	weather_leave();
	for (uint32_t i = 0; i < ARRAY_LEN(refused); i++) assert_null(refused[i]);
	free(p);
	sim_free(s);
}

// PLANS

static bool plan_eq(const struct sim_plan *a, const struct sim_plan *b)
{
	return a->seed == b->seed && a->calls == b->calls && a->lines == b->lines && a->workers == b->workers &&
	       a->calls_per_s == b->calls_per_s && a->faults == b->faults && a->loss == b->loss &&
	       a->events_max == b->events_max && a->character == b->character;
}

static void test_a_plan_is_read_as_it_is_written(void **state)
{
	(void)state;
	char text[512], *words[32], *rest = NULL;
	struct buf b = buf_on(text, sizeof text);
	struct sim_plan said = plan_unsaid(), read = plan_unsaid();
	put_plan(&b, &said, 7);
	assert_true(str_eq(buf_str(&b), STR("sim --seed 7")));
	said = (struct sim_plan){ .calls = 4, .lines = 5, .workers = 2, .calls_per_s = 9, .loss = 2000, .events_max = 17,
	                          .character = "slow", .faults = 1u << FAULT_LOSS | 1u << FAULT_OFFICE };
	b.n = 0;
	put_plan(&b, &said, 7);
	put_c(&b, 0);
	int count = 0;
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) words[count++] = w;
	for (int i = 3, took; i < count; i += took) {
		took = plan_read(&read, words + i, count - i);
		assert_in_range(took, 1, 2);
	}
	assert_string_equal(read.character, "slow");
	read.character = said.character;
	assert_true(plan_eq(&read, &said));
	char *wrong[] = { "--faults", "loss,rain" }, *calm[] = { "--calm" }, *other[] = { "--seconds", "1" };
	assert_int_equal(plan_read(&read, wrong, 2), -1);
	assert_int_equal(plan_read(&read, other, 2), 0);
	assert_int_equal(plan_read(&read, calm, 1), 1);
	assert_int_equal(read.faults, 0);
}

static void test_what_was_not_said_is_drawn_from_the_seed(void **state)
{
	(void)state;
	struct sim_plan unsaid = plan_unsaid();
	uint32_t alone = 0, calm = 0, all = 0;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct sim_plan p = plan_of(&unsaid, seed), again = plan_of(&unsaid, seed), said = unsaid;
		assert_true(plan_eq(&p, &again));
		assert_true(p.calls && p.lines && p.workers && p.calls_per_s && p.faults <= FAULTS_ALL);
		if (p.faults && !(p.faults & (p.faults - 1))) alone |= p.faults;
		calm += p.faults == 0;
		all += (p.faults & FIRST_FAULTS) == FIRST_FAULTS; // with one of the later ones, or without
		said.calls = 3;
		again.calls = 3;
		p = plan_of(&said, seed);
		assert_true(plan_eq(&p, &again));
	}
	assert_int_equal(alone, FAULTS_ALL); // each was alone in some
	assert_in_range(calm, 50, 250);
	assert_in_range(all, 50, 250);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_come_in_order_of_time_and_within_it_by_chance),
		cmocka_unit_test(test_the_same_seed_gives_the_same_run),
		cmocka_unit_test(test_the_sum_depends_on_each_octet),
		cmocka_unit_test(test_the_first_failure_ends_the_run),
		cmocka_unit_test(test_in_calm_each_datagram_arrives_once_as_it_was_sent),
		cmocka_unit_test(test_the_weather_has_its_way_with_datagrams),
		cmocka_unit_test(test_a_clogged_link_holds_back_what_goes_to_the_node),
		cmocka_unit_test(test_an_address_has_one_listener),
		cmocka_unit_test(test_calm_and_storm_alternate_with_the_faults_of_the_plan),
		cmocka_unit_test(test_a_crash_is_followed_by_a_boot),
		cmocka_unit_test(test_the_wall_clock_jumps_and_time_does_not),
		cmocka_unit_test(test_leap_days),
		cmocka_unit_test(test_production_code_may_be_refused_memory),
		cmocka_unit_test(test_a_plan_is_read_as_it_is_written),
		cmocka_unit_test(test_what_was_not_said_is_drawn_from_the_seed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
