// The snapshot of rules: sorted, checked, found again; whose packet is it.
#include "rules.c"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

#include "base/testing.h"

static struct addr addr_of(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(&a, str_from(text)), OK);
	return a;
}

static void add_group(struct office_rules *r, uint32_t id, const char *peer, const char *net)
{
	struct office_trunk_group g = { .id = id, .in_service = true };
	if (peer) g.peers[g.peer_count++].addr = addr_of(peer);
	if (net) assert_int_equal(addr_net_parse(&g.nets[g.net_count++], str_from(net)), OK);
	assert_int_equal(office_rules_add_trunk_group(r, &g), OK);
}

// Two states, a centre each, out of order.
static struct office_rules *some_rules(void)
{
	struct office_rules *r = office_rules_dup(NULL);
	assert_non_null(r);
	assert_int_equal(office_rules_add_state(r, &(struct office_state){ .code = "NH", .open = true }), OK);
	assert_int_equal(office_rules_add_state(r, &(struct office_state){ .code = "ME" }), OK);
	assert_int_equal(office_rules_add_rate_centre(r, &(struct office_rate_centre){ .id = 9, .state = "NH" }), OK);
	assert_int_equal(office_rules_add_rate_centre(r, &(struct office_rate_centre){ .id = 4, .state = "ME" }), OK);
	assert_int_equal(office_rules_add_npa(r, &(struct office_npa){ .npa = 603, .state = "NH" }), OK);
	struct office_npa maine = { .npa = 207, .state = "ME", .seven_digits = true };
	assert_int_equal(office_rules_add_npa(r, &maine), OK);
	assert_int_equal(office_rules_add_exchange(r, &(struct office_exchange){ 603224, 9 }), OK);
	assert_int_equal(office_rules_add_exchange(r, &(struct office_exchange){ 207774, 4 }), OK);
	assert_int_equal(office_rules_add_customer(r, &(struct office_customer){ .id = 3, .suspended = true }), OK);
	return r;
}

static void rows_are_sorted_and_found(void **state)
{
	(void)state;
	struct office_rules *r = some_rules();
	assert_int_equal(r->settings.critical_digit_ms, 4000);
	assert_int_equal(office_rules_finish(r), OK);
	assert_string_equal(r->states[0].code, "ME");
	assert_true(office_state(r, STR("NH"))->open);
	assert_null(office_state(r, STR("VT")));
	assert_null(office_state(r, STR("NHX")));
	assert_int_equal(office_rate_centre(r, 4)->id, 4);
	assert_null(office_rate_centre(r, 5));
	assert_true(office_npa(r, 207)->seven_digits);
	assert_null(office_npa(r, 802));
	assert_int_equal(office_exchange(r, 603224)->rate_centre, 9);
	assert_null(office_exchange(r, 603225));
	assert_true(office_customer(r, 3)->suspended);
	assert_null(office_trunk_group(r, 1));
	assert_null(office_emergency_group(r));
	office_rules_free(r);
}

static void a_copy_is_deep(void **state)
{
	(void)state;
	struct office_rules *r = some_rules();
	assert_int_equal(office_rules_finish(r), OK);
	struct office_rules *copy = must(office_rules_dup(r));
	copy->states[1].open = false;
	copy->settings.critical_digit_ms = 3000;
	assert_true(office_state(r, STR("NH"))->open);
	assert_int_equal(r->settings.critical_digit_ms, 4000);
	assert_int_equal(copy->exchange_count, 2);
	assert_int_equal(office_rules_finish(copy), OK);
	office_rules_free(copy);
	office_rules_free(r);
}

static void refuse(struct office_rules *r)
{
	assert_int_equal(office_rules_finish(r), ERR_BAD);
	office_rules_free(r);
}

static void contradictions_are_refused(void **state)
{
	(void)state;
	struct office_rules *r = some_rules(); // a key twice
	assert_int_equal(office_rules_add_npa(r, &(struct office_npa){ .npa = 603, .state = "NH" }), OK);
	refuse(r);
	r = some_rules(); // references to nothing, one kind each
	assert_int_equal(office_rules_add_npa(r, &(struct office_npa){ .npa = 802, .state = "VT" }), OK);
	refuse(r);
	r = some_rules();
	assert_int_equal(office_rules_add_rate_centre(r, &(struct office_rate_centre){ .id = 5, .state = "VT" }), OK);
	refuse(r);
	r = some_rules();
	assert_int_equal(office_rules_add_exchange(r, &(struct office_exchange){ 603225, 77 }), OK);
	refuse(r);
	r = some_rules();
	struct office_route route = { .id = 1, .choice_count = 1, .choices = { 42 } };
	assert_int_equal(office_rules_add_route(r, &route), OK);
	refuse(r);
	r = some_rules(); // more members than there is room for
	struct office_trunk_group group = { .id = 1, .peer_count = OFFICE_PEERS_MAX + 1 };
	assert_int_equal(office_rules_add_trunk_group(r, &group), OK);
	refuse(r);
}

static uint32_t group_of(const struct office_rules *r, const char *source)
{
	struct addr a = addr_of(source);
	const struct office_trunk_group *g = office_trunk_group_of(r, &a);
	return g ? g->id : 0;
}

static void a_source_address_tells_the_trunk(void **state)
{
	(void)state;
	struct office_rules *r = must(office_rules_dup(NULL));
	add_group(r, 1, "192.0.2.1:5060", "203.0.113.0/24");
	add_group(r, 2, "192.0.2.1:5062", NULL);
	add_group(r, 3, "192.0.2.3", "2001:db8:3::/48");
	add_group(r, 4, "[2001:db8::4]:5060", NULL);
	assert_int_equal(office_rules_finish(r), OK);
	assert_int_equal(group_of(r, "192.0.2.1:5060"), 1);
	assert_int_equal(group_of(r, "192.0.2.1:5062"), 2);
	assert_int_equal(group_of(r, "192.0.2.1:5061"), 0); // both list their ports
	assert_int_equal(group_of(r, "192.0.2.3:40000"), 3); // lists none
	assert_int_equal(group_of(r, "192.0.2.2:5060"), 0);
	assert_int_equal(group_of(r, "203.0.113.250:1"), 1);
	assert_int_equal(group_of(r, "203.0.114.1:5060"), 0);
	assert_int_equal(group_of(r, "[2001:db8::4]:5060"), 4);
	assert_int_equal(group_of(r, "[2001:db8:3::77]:5060"), 3);
	office_rules_free(r);
}

static void the_marked_group_takes_emergency_calls(void **state)
{
	(void)state;
	struct office_rules *r = must(office_rules_dup(NULL));
	add_group(r, 8, "192.0.2.8:5060", NULL);
	add_group(r, 5, "192.0.2.5:5060", NULL);
	r->trunk_groups[0].emergency = true;
	assert_int_equal(office_rules_finish(r), OK);
	assert_int_equal(office_emergency_group(r)->id, 8);
	office_rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sorted_and_found),
		cmocka_unit_test(a_copy_is_deep),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(a_source_address_tells_the_trunk),
		cmocka_unit_test(the_marked_group_takes_emergency_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
