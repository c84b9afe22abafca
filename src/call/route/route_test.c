// The longest prefix against a trivial search, and what is left out with which reason.
#include "route.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka wants the three above first
#include <cmocka.h>

#include "base/testing.h"

static struct {
	struct office *office;
	struct trail trail;
	struct env env;
	struct route_list list;
	struct trunk_state far, spare; // live answers of group 1 peer 0, and of group 2
} test;

static struct trunk_state live_state(void *self, uint32_t group, uint32_t peer)
{
	(void)self;
	if (group == 1) return (struct trunk_state){ .silent = peer == 0 && test.far.silent, .calls = test.far.calls };
	return group == 2 ? test.spare : (struct trunk_state){ 0 };
}

static void add_group(struct office_rules *r, uint32_t id, uint8_t first_priority, uint8_t second_priority)
{
	struct office_trunk_group g = { .id = id, .in_service = true, .calls_max = 10, .peer_count = 2 };
	struct addr host = { .family = 4, .port = 5060, .ip = { 192, 0, 2, (uint8_t)id } };
	g.peers[0] = (struct office_peer){ host, first_priority };
	host.port = 5062;
	g.peers[1] = (struct office_peer){ host, second_priority };
	assert_int_equal(office_rules_add_trunk_group(r, &g), OK);
}

static void add_route(struct office_rules *r, uint32_t id, const char *prefix, uint32_t first, uint32_t second)
{
	struct office_route route = { .id = id, .choice_count = second ? 2 : 1, .choices = { first, second } };
	str_to_z(route.prefix, sizeof route.prefix, str_from(prefix));
	assert_int_equal(office_rules_add_route(r, &route), OK);
}

static struct office_rules *some_rules(void)
{
	struct office_rules *r = office_rules_dup(NULL);
	assert_non_null(r);
	r->version = 7;
	add_group(r, 1, 0, 1);
	add_group(r, 2, 5, 3);
	add_group(r, 3, 0, 0);
	add_route(r, 11, "1", 1, 2);
	add_route(r, 12, "1207", 2, 0);
	add_route(r, 13, "12075", 3, 0);
	add_route(r, 14, "44", 3, 1);
	return r;
}

static int make_office(void **state)
{
	(void)state;
	test.far = test.spare = (struct trunk_state){ 0 };
	assert_int_equal(office_new(&test.office), OK);
	assert_int_equal(office_put_rules(test.office, some_rules()), OK);
	return 0;
}

static int free_office(void **state)
{
	(void)state;
	test.office = office_free(test.office);
	rcu_drain();
	return 0;
}

static enum err find(const char *digits, bool emergency)
{
	struct route_query q = { .rules = office_rules(test.office), .digits = str_from(digits), .emergency = emergency,
		.state = live_state };
	test.trail.n = 0;
	return route_find(&test.list, &q, &test.trail, &test.env);
}

// The attempts as text: "1/0 1/1".
static void check_attempts(const char *expected)
{
	char text[256] = "";
	struct buf b = buf_on(text, sizeof text - 1);
	for (uint32_t i = 0; i < test.list.n; i++)
		put_fmt(&b, "%s%u/%u", i ? " " : "", test.list.attempts[i].group, test.list.attempts[i].peer);
	assert_string_equal(text, expected);
}

static bool trail_has(enum trail_kind kind, uint32_t a, uint32_t b)
{
	for (uint32_t i = 0; i < test.trail.n; i++) {
		const struct trail_row *row = &test.trail.rows[i];
		if (row->kind == kind && row->a == a && row->b == b && row->version == 7) return true;
	}
	return false;
}

static void the_longest_prefix_answers(void **state)
{
	(void)state;
	const struct office_rules *r = office_rules(test.office);
	assert_int_equal(route_of(r, STR("12075550101"))->id, 13);
	assert_int_equal(route_of(r, STR("12074550101"))->id, 12);
	assert_int_equal(route_of(r, STR("1207"))->id, 12);
	assert_int_equal(route_of(r, STR("12125550101"))->id, 11);
	assert_int_equal(route_of(r, STR("442079460000"))->id, 14);
	assert_null(route_of(r, STR("4")));
	assert_null(route_of(r, STR("33140000000")));
	assert_null(route_of(r, STR("")));
}

static const struct office_route *search_plainly(const struct office_rules *r, struct str digits)
{
	const struct office_route *found = NULL;
	for (uint32_t i = 0; i < r->route_count; i++) {
		struct str prefix = str_from(r->routes[i].prefix);
		if (str_starts(digits, prefix) && (!found || prefix.n > strlen(found->prefix))) found = &r->routes[i];
	}
	return found;
}

// Random prefixes of few digits, so that they nest: the walk finds what a look at all of them finds.
static void the_walk_agrees_with_a_plain_search(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 11);
	for (uint32_t round = 0; round < 50; round++) {
		struct office_rules *r = must(office_rules_dup(NULL));
		add_group(r, 1, 0, 0);
		for (uint32_t id = 1; id < 40; id++) {
			char prefix[8] = "";
			uint32_t n = random_below(&random, 6);
			for (uint32_t i = 0; i < n; i++) prefix[i] = (char)('1' + random_below(&random, 3));
			bool taken = false;
			for (uint32_t i = 0; i < r->route_count; i++) taken |= strcmp(r->routes[i].prefix, prefix) == 0;
			if (!taken) add_route(r, id, prefix, 1, 0);
		}
		assert_int_equal(office_put_rules(test.office, r), OK);
		for (uint32_t i = 0; i < 300; i++) {
			char digits[12];
			uint32_t n = random_below(&random, 10);
			for (uint32_t d = 0; d < n; d++) digits[d] = (char)('1' + random_below(&random, 3));
			struct str path = { digits, n };
			assert_ptr_equal(route_of(r, path), search_plainly(r, path));
		}
	}
}

static void attempts_are_ranked(void **state)
{
	(void)state;
	assert_int_equal(find("12125550101", false), OK);
	assert_int_equal(test.list.route, 11);
	check_attempts("1/0 1/1 2/1 2/0"); // groups in order, peers by priority
	assert_true(trail_has(TRAIL_ROUTE, 11, 2));
	assert_int_equal(find("12075550101", false), OK);
	check_attempts("3/0 3/1"); // equal priorities as provisioned
}

static void what_cannot_take_the_call_is_left_out_with_its_reason(void **state)
{
	(void)state;
	test.far.silent = true;
	assert_int_equal(find("12125550101", false), OK);
	check_attempts("1/1 2/1 2/0");
	assert_true(trail_has(TRAIL_TRUNK_SILENT, 1, 0));

	test.far = (struct trunk_state){ .calls = 10 };
	assert_int_equal(find("12125550101", false), OK);
	check_attempts("2/1 2/0");
	assert_true(trail_has(TRAIL_TRUNK_FULL, 1, 10));

	struct office_rules *r = must(office_rules_dup(office_rules(test.office)));
	r->trunk_groups[1].in_service = false;
	assert_int_equal(office_put_rules(test.office, r), OK);
	assert_int_equal(find("12125550101", false), ERR_FULL);
	assert_true(trail_has(TRAIL_TRUNK_OUT_OF_SERVICE, 2, 0));
	assert_int_equal(test.list.cause.value, CAUSE_NO_CIRCUIT);
	assert_int_equal(find("12075550101", false), OK); // another group

	assert_int_equal(find("12074550101", false), ERR_FULL); // only the one out of service
	assert_int_equal(test.list.cause.value, CAUSE_NETWORK_OUT_OF_ORDER);
	assert_int_equal(find("33140000000", false), ERR_NOT_FOUND);
	assert_true(trail_has(TRAIL_NO_ROUTE, 0, 0));
	assert_int_equal(test.list.cause.value, CAUSE_NO_ROUTE);
}

static void emergency_calls_try_everything_marked(void **state)
{
	(void)state;
	assert_int_equal(find("911", true), ERR_NOT_FOUND);
	assert_true(trail_has(TRAIL_NO_EMERGENCY_TRUNK, 0, 0));
	struct office_rules *r = must(office_rules_dup(office_rules(test.office)));
	r->trunk_groups[0].emergency = r->trunk_groups[1].emergency = true;
	r->trunk_groups[1].in_service = false;
	assert_int_equal(office_put_rules(test.office, r), OK);
	test.far = (struct trunk_state){ .silent = true, .calls = 10 }; // full, its first peer silent
	assert_int_equal(find("911", true), OK);
	check_attempts("1/1 1/0 2/0 2/1");
	assert_false(trail_has(TRAIL_TRUNK_FULL, 1, 10));
}

static void nothing_live_is_needed(void **state)
{
	(void)state;
	struct route_query q = { .rules = office_rules(test.office), .digits = STR("442079460000") };
	assert_int_equal(route_find(&test.list, &q, NULL, &test.env), OK);
	check_attempts("3/0 3/1 1/0 1/1");
}

// RFC 2782: among equals the first is drawn by weight, the rest follow; priority and rank stand above it.
static void equals_share_by_weight(void **state)
{
	(void)state;
	struct office_trunk_group g = { .peer_count = 5, .peers = {
		{ .priority = 1, .weight = 9 }, { .rank = 1, .weight = 7 }, { .weight = 10 }, { .weight = 30 }, { .weight = 0 } } };
	uint32_t first[5] = { 0 };
	for (uint64_t chance = 0; chance < 4000; chance++) {
		uint8_t ranked[OFFICE_PEERS_MAX], seen = 0;
		rank_peers(&g, ranked, chance * 0x9e3779b97f4a7c15);
		for (uint32_t i = 0; i < 5; i++) seen |= (uint8_t)(1 << ranked[i]);
		assert_int_equal(seen, 31);
		assert_int_equal(ranked[2], 4); // without weight it comes last
		assert_int_equal(ranked[3], 1);
		assert_int_equal(ranked[4], 0);
		first[ranked[0]]++;
	}
	assert_int_equal(first[2] + first[3], 4000);
	assert_in_range(first[3], 2900, 3100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_share_by_weight),
#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, make_office, free_office)
		OFFICE_TEST(the_longest_prefix_answers),
		OFFICE_TEST(the_walk_agrees_with_a_plain_search),
		OFFICE_TEST(attempts_are_ranked),
		OFFICE_TEST(what_cannot_take_the_call_is_left_out_with_its_reason),
		OFFICE_TEST(emergency_calls_try_everything_marked),
		OFFICE_TEST(nothing_live_is_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
