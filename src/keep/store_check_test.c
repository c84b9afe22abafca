// Each contradiction that a store can hold is found, and told in words that name it.
#include "store_check.c"

#include "keep/sample.h"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

static struct {
	struct store *store;
	char sentences[8192]; // of the last check, E or W before each
} test;

static int make_sample(void **state)
{
	(void)state;
	struct store_fault fault;
	struct provision *p;
	struct provision_answer answer;
	struct sample_options options = { .far_peers = STR("192.0.2.10:5060/0"), .emergency = true };
	assert_int_equal(store_create(&test.store, ":memory:", STR("Test"), STR("test.example"), &fault), OK);
	assert_int_equal(provision_new(&p, test.store, NULL, NULL), OK);
	sample_office(&answer, p, &options);
	provision_free(p);
	return answer.err == OK ? 0 : -1;
}

static int close_sample(void **state)
{
	(void)state;
	test.store = store_close(test.store);
	return 0;
}

static void keep_sentence(void *self, enum store_severity severity, struct str sentence)
{
	struct buf *b = self;
	put_z(b, severity == STORE_ERROR ? "E " : "W ");
	put(b, sentence);
	put_c(b, '\n');
}

static struct store_findings check(void)
{
	struct buf b = buf_on(test.sentences, sizeof test.sentences - 1);
	struct store_findings findings = store_check(test.store, keep_sentence, &b);
	test.sentences[b.n] = '\0';
	return findings;
}

// What SQL breaks, the check tells.
static void broken(const char *sql, const char *sentence)
{
	struct store_db *db = store_db_of(test.store);
	assert_int_equal(store_run(db, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; BEGIN"), OK);
	if (store_run(db, sql) != OK) fail_msg("%s", sql);
	check();
	if (!strstr(test.sentences, sentence)) fail_msg("%s\nnot in\n%s", sentence, test.sentences);
	assert_int_equal(store_run(db, "ROLLBACK"), OK);
}

static void the_sample_is_sound(void **state)
{
	(void)state;
	struct store_findings findings = check();
	assert_int_equal(findings.errors, 0);
	assert_int_equal(findings.warnings, 1);
	assert_string_equal(test.sentences, "W the state VT is not open: its lines (1) can make emergency calls only\n");
}

static void contradictions_are_errors(void **state)
{
	(void)state;
	broken("UPDATE line SET customer = 99 WHERE name = '6035550101'",
	       "E the row 1 of the table line refers to a row of customer that is not there\n");
	broken("UPDATE number SET line = 99 WHERE number = '16035550101'", " table number refers to a row of line");
	broken("UPDATE route_choice SET trunk_group = 99", " table route_choice refers to a row of trunk_group");
	broken("UPDATE customer SET name = hex(zeroblob(30)) WHERE id = 1", "\" is too long\n");
	broken("UPDATE number SET number = '+1603' WHERE number = '16035550190'",
	       "E the number \"+1603\" is not of E.164\n");
	broken("UPDATE line SET number = '12075550101' WHERE name = '6035550101'",
	       "E the line 6035550101 shows the number +12075550101, which belongs to the line 2075550101 of another "
	       "customer\n");
	broken("UPDATE feature SET feature = 'music' WHERE id = 1",
	       "E the line 6035550101 has a feature \"music\" that there is not\n");
	broken("UPDATE feature SET active = 1, subscribed = 0 WHERE id = 1",
	       "E the feature forward-all of the line 6035550101 is active, but not subscribed\n");
	broken("UPDATE feature SET active = 1 WHERE id = 1",
	       "E the feature forward-all of the line 6035550101 is active, but has no target\n");
	broken("UPDATE feature SET target = '16035550101' WHERE id = 1",
	       "E the line 6035550101 forwards its calls to itself by forward-all\n");
	broken("UPDATE npa SET state = 1 WHERE npa = 802",
	       "E the exchange 802222 lies in VT by its rate centre, but its area code in NH\n");
	broken("INSERT INTO trunk_group (id, name, host, in_service, trusted, emergency, format, calls_max, failover_ms, options_s) "
	       "SELECT 9, 'two', host, 1, 0, 0, format, 0, 500, 0 FROM trunk_group;"
	       "INSERT INTO trunk_peer VALUES (9, 0, '192.0.2.10:5060', 0)",
	       "E the peer 192.0.2.10:5060 stands in the trunk groups far and two\n");
	broken("DELETE FROM route_choice", "E the route default names no trunk group\n");
	broken("UPDATE office SET value = '1' WHERE name = 'call_max_s'",
	       "E the setting call_max_s must be between 60 and 604800\n");
	broken("UPDATE trunk_peer SET address = 'far..example'",
	       "E the trunk group far has a peer or network \"far..example\" that is no address or name\n");
}

static void what_was_forgotten_is_a_warning(void **state)
{
	(void)state;
	broken("UPDATE trunk_group SET emergency = 0",
	       "W no trunk group is marked for emergency calls: 911, 933 and 988 cannot be completed\n");
	broken("UPDATE trunk_group SET in_service = 0",
	       "W the trunk group far is marked for emergency calls, but out of service\n");
	broken("DELETE FROM trunk_peer", "W the trunk group far has no peers: no call can go there\n");
	broken("DELETE FROM route", "W no route stands for all other numbers: there is none with the prefix default\n");
	broken("DELETE FROM number WHERE number = '16035550101'",
	       "W the line 6035550101 has no number: nobody can call it\n");
	broken("UPDATE line SET number = '' WHERE id = 1", "W the line 6035550101 shows no number on its calls\n");
	broken("UPDATE line SET number = '16035550177' WHERE id = 1",
	       "W the line 6035550101 shows the number +16035550177, which is none of ours\n");
	broken("UPDATE line SET number = '16035550190' WHERE id = 1",
	       "W the line 6035550101 shows the number +16035550190, which is vacant\n");
	broken("DELETE FROM npa WHERE npa = 207", "W the area code 207 (of 3 lines) has no dialling plan\n");
}

static void many_of_a_kind_are_counted(void **state)
{
	(void)state;
	broken("WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 129)"
	       "INSERT INTO line (id, name, customer, rate_centre, number, display, ha1_md5, ha1_sha256, digest, calls_max, "
	       "no_answer_s, contacts_max, suspended) "
	       "SELECT i, 'line' || i, 1, 1, '', '', zeroblob(16), zeroblob(32), 'both', 4, 24, 4, 0 "
	       "FROM n",
	       "W ... and 20 more of this kind\n");
}

int main(void)
{
#define SAMPLE_TEST(name) cmocka_unit_test_setup_teardown(name, make_sample, close_sample)
	const struct CMUnitTest tests[] = {
		SAMPLE_TEST(the_sample_is_sound),
		SAMPLE_TEST(contradictions_are_errors),
		SAMPLE_TEST(what_was_forgotten_is_a_warning),
		SAMPLE_TEST(many_of_a_kind_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
