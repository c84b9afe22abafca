// The sample office is whole, and what it promises about dialling is true.
#include "sample.c"

#include "call/number/translate.h"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

static struct {
	struct store *store;
	struct office *office;
	struct provision *p;
	uint32_t told;
	char sentences[2048];
} test;

static void count_told(void *self, struct str line, struct str password)
{
	(void)self;
	test.told++;
	assert_int_equal(line.n, 10);
	assert_true(password.n >= PROVISION_PASSWORD_MIN);
}

static void make(const struct sample_options *options)
{
	struct store_fault fault;
	struct provision_answer answer;
	test.told = 0;
	assert_int_equal(store_create(&test.store, ":memory:", STR("Sample"), STR("sample.example"), &fault), OK);
	assert_int_equal(office_new(&test.office), OK);
	assert_int_equal(store_load(test.store, test.office, &fault), OK);
	assert_int_equal(provision_new(&test.p, test.store, test.office, NULL), OK);
	sample_office(&answer, test.p, options);
	if (answer.err != OK) fail_msg("%s: %s", answer.field, answer.why);
}

static int unmake(void **state)
{
	(void)state;
	test.p = provision_free(test.p);
	test.store = store_close(test.store);
	test.office = office_free(test.office);
	rcu_drain();
	return 0;
}

static void keep_sentence(void *self, enum store_severity severity, struct str sentence)
{
	struct buf *b = self;
	(void)severity;
	put(b, sentence);
	put_c(b, '\n');
}

static const char *check(void)
{
	struct buf b = buf_on(test.sentences, sizeof test.sentences - 1);
	store_check(test.store, keep_sentence, &b);
	test.sentences[b.n] = '\0';
	return test.sentences;
}

static void it_is_whole(void **state)
{
	(void)state;
	make(&(struct sample_options){ .far_peers = STR("192.0.2.10:5060/0"), .emergency = true, .told = count_told });
	assert_int_equal(test.told, 9);
	assert_int_equal(office_line_count(test.office), 9);
	const struct office_rules *r = office_rules(test.office);
	assert_int_equal(r->state_count, 3);
	assert_true(r->exchange_count > 400 && r->rate_centre_count > 100);
	assert_true(office_line_by_name(test.office, STR("6035550105"))->suspended);
	assert_true(office_emergency_group(r)->peer_count == 1);
	assert_string_equal(check(), "the state VT is not open: its lines (1) can make emergency calls only\n");
}

static void what_is_left_out_is_warned_of(void **state)
{
	(void)state;
	make(&(struct sample_options){ .random_passwords = true, .told = count_told });
	assert_int_equal(test.told, 9);
	check();
	assert_non_null(strstr(test.sentences, "no trunk group is marked for emergency calls"));
	assert_non_null(strstr(test.sentences, "the trunk group far has no peers"));
}

static struct translation dial(const char *line, const char *digits)
{
	struct translation out;
	struct env env = { 0 };
	struct dialling q = { .office = test.office, .rules = office_rules(test.office),
		.caller = office_line_by_name(test.office, str_from(line)), .digits = str_from(digits), .complete = true };
	number_translate(&out, &q, NULL, &env);
	return out;
}

static void it_dials_as_it_says(void **state)
{
	(void)state;
	make(&(struct sample_options){ .emergency = true });
	assert_int_equal(dial("6035550101", "2075550101").class, DIAL_LINE);
	assert_int_equal(dial("6035550101", "1-603-555-0102").class, DIAL_LINE);
	assert_int_equal(dial("6035550101", "5550102").intercept, INTERCEPT_NEED_AREA_CODE);
	assert_int_equal(dial("2075550101", "5550102").class, DIAL_LINE);
	assert_int_equal(dial("6035550101", "8025550101").intercept, INTERCEPT_CLOSED);
	assert_int_equal(dial("8025550101", "6035550101").intercept, INTERCEPT_LINE_CLOSED);
	assert_int_equal(dial("8025550101", "911").class, DIAL_EMERGENCY);
	assert_int_equal(dial("6035550105", "6035550101").intercept, INTERCEPT_SUSPENDED);
	assert_int_equal(dial("6035550101", "6035550190").intercept, INTERCEPT_VACANT);
	assert_int_equal(dial("6035550101", "6035550191").intercept, INTERCEPT_CHANGED);
	assert_int_equal(dial("6035550101", "6035550192").intercept, INTERCEPT_DISCONNECTED);
	assert_int_equal(dial("6035550101", "2125552368").class, DIAL_FOREIGN);
}

static void it_is_the_same_every_time(void **state)
{
	(void)state;
	make(&(struct sample_options){ 0 });
	struct office_line first = *office_line_by_name(test.office, STR("2075550103"));
	unmake(state);
	make(&(struct sample_options){ 0 });
	assert_memory_equal(&first, office_line_by_name(test.office, STR("2075550103")), sizeof first);
}

static void a_second_time_it_is_refused_whole(void **state)
{
	(void)state;
	struct provision_answer answer;
	make(&(struct sample_options){ 0 });
	sample_office(&answer, test.p, &(struct sample_options){ 0 });
	assert_int_equal(answer.err, ERR_EXISTS);
	assert_int_equal(office_line_count(test.office), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(it_is_whole, unmake),
		cmocka_unit_test_teardown(what_is_left_out_is_warned_of, unmake),
		cmocka_unit_test_teardown(it_dials_as_it_says, unmake),
		cmocka_unit_test_teardown(it_is_the_same_every_time, unmake),
		cmocka_unit_test_teardown(a_second_time_it_is_refused_whole, unmake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
