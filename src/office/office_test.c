// Lines and numbers: rows come, change and go; readers on other threads see whole rows all the while.
#include "office.c"

#include "base/random.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka wants the three above first
#include <cmocka.h>

#include "base/testing.h"

static struct office_line line_of(uint32_t id, const char *name)
{
	struct office_line line = { .id = id, .calls_max = 2 };
	str_to_z(line.name, sizeof line.name, str_from(name));
	return line;
}

static struct office_number number_of(const char *digits, uint32_t line)
{
	struct office_number number = { .kind = OFFICE_NUMBER_LINE, .line = line };
	str_to_z(number.digits, sizeof number.digits, str_from(digits));
	return number;
}

static void lines_are_found_by_id_and_name(void **state)
{
	(void)state;
	struct office *o;
	assert_int_equal(office_new(&o), OK);
	assert_null(office_line(o, 1));
	assert_null(office_line_by_name(o, STR("alice")));
	struct office_line alice = line_of(1, "alice"), bob = line_of(200, "bob");
	assert_int_equal(office_put_line(o, &alice), OK);
	assert_int_equal(office_put_line(o, &bob), OK);
	assert_int_equal(office_line_count(o), 2);
	assert_string_equal(office_line(o, 200)->name, "bob");
	assert_int_equal(office_line_by_name(o, STR("alice"))->id, 1);

	struct office_line renamed = line_of(1, "carol");
	assert_int_equal(office_put_line(o, &renamed), OK);
	assert_null(office_line_by_name(o, STR("alice")));
	assert_int_equal(office_line_by_name(o, STR("carol"))->id, 1);
	assert_int_equal(office_line_count(o), 2);

	office_drop_line(o, 1);
	office_drop_line(o, 1);
	assert_null(office_line(o, 1));
	assert_null(office_line_by_name(o, STR("carol")));
	assert_int_equal(office_line_count(o), 1);
	office_free(o);
	rcu_drain();
}

static void impossible_lines_are_refused(void **state)
{
	(void)state;
	struct office *o;
	assert_int_equal(office_new(&o), OK);
	struct office_line alice = line_of(1, "alice"), none = line_of(0, "x"), far = line_of(OFFICE_LINE_ID_MAX, "x");
	struct office_line nameless = line_of(2, ""), namesake = line_of(2, "alice");
	assert_int_equal(office_put_line(o, &alice), OK);
	assert_int_equal(office_put_line(o, &none), ERR_BAD);
	assert_int_equal(office_put_line(o, &far), ERR_BAD);
	assert_int_equal(office_put_line(o, &nameless), ERR_BAD);
	assert_int_equal(office_put_line(o, &namesake), ERR_EXISTS);
	assert_int_equal(office_line_count(o), 1);
	assert_null(office_line(o, 2));
	office_free(o);
	rcu_drain();
}

static void numbers_are_found_by_their_digits(void **state)
{
	(void)state;
	struct office *o;
	assert_int_equal(office_new(&o), OK);
	struct office_number n = number_of("16035550101", 7);
	assert_int_equal(office_put_number(o, &n), OK);
	assert_int_equal(office_number(o, STR("16035550101"))->line, 7);
	n.kind = OFFICE_NUMBER_VACANT;
	assert_int_equal(office_put_number(o, &n), OK);
	assert_int_equal(office_number(o, STR("16035550101"))->kind, OFFICE_NUMBER_VACANT);
	assert_null(office_number(o, STR("1603555010")));
	office_drop_number(o, STR("16035550101"));
	office_drop_number(o, STR("16035550101"));
	assert_null(office_number(o, STR("16035550101")));
	n.digits[0] = '\0';
	assert_int_equal(office_put_number(o, &n), ERR_BAD);
	office_free(o);
	rcu_drain();
}

// ---- Readers while rows change --------------------------------------------------------------------------------------

#define RACE_LINES 64
#define RACE_STEPS 20000

struct race {
	struct office *office;
	_Atomic bool over;
	_Atomic uint32_t torn, seen;
};

// Every version of a row carries the same value in three of its fields.
static struct office_line race_line(uint32_t id, uint32_t value)
{
	char name[OFFICE_NAME_MAX];
	snprintf(name, sizeof name, "line%u.%u", id, value % 3); // it is renamed too
	struct office_line line = line_of(id, name);
	line.customer = line.rate_centre = value;
	memset(line.ha1_sha256, (int)(value & 0xff), sizeof line.ha1_sha256);
	return line;
}

static bool line_is_whole(const struct office_line *line)
{
	return line->customer == line->rate_centre && line->ha1_sha256[0] == (line->customer & 0xff) &&
	       line->ha1_sha256[31] == (line->customer & 0xff);
}

static void *read_rows(void *argument)
{
	struct race *race = argument;
	uint32_t id = 1;
	rcu_join();
	while (!atomic_load(&race->over)) {
		char key[OFFICE_NAME_MAX];
		rcu_quiescent();
		id = id % RACE_LINES + 1;
		const struct office_line *line = office_line(race->office, id);
		if (line && (line->id != id || !line_is_whole(line))) atomic_fetch_add(&race->torn, 1);
		struct str name = { key, (uint32_t)snprintf(key, sizeof key, "line%u.%u", id, id % 3) };
		line = office_line_by_name(race->office, name);
		if (line && (line->id != id || !str_eq(str_from(line->name), name) || !line_is_whole(line)))
			atomic_fetch_add(&race->torn, 1);
		struct str digits = { key, (uint32_t)snprintf(key, sizeof key, "1603555%04u", id) };
		const struct office_number *number = office_number(race->office, digits);
		if (number && !str_eq(str_from(number->digits), digits)) atomic_fetch_add(&race->torn, 1);
		const struct office_rules *rules = office_rules(race->office);
		if (rules->customer_count != rules->version % 5) atomic_fetch_add(&race->torn, 1);
		atomic_fetch_add(&race->seen, line || number);
	}
	rcu_leave();
	return NULL;
}

static void change_one(struct office *o, struct random *random, uint32_t step)
{
	uint32_t id = random_below(random, RACE_LINES) + 1;
	char digits[OFFICE_DIGITS_MAX + 1];
	snprintf(digits, sizeof digits, "1603555%04u", id);
	struct office_line line = race_line(id, step);
	struct office_number number = number_of(digits, id);
	switch (random_below(random, 8)) {
	case 0: office_drop_line(o, id); break;
	case 1: office_drop_number(o, str_from(digits)); break;
	case 2: assert_int_equal(office_put_number(o, &number), OK); break;
	case 3:; // the rules, now and then
		struct office_rules *rules = step % 16 ? NULL : office_rules_dup(NULL);
		if (!rules) break;
		rules->version = step;
		for (uint32_t i = 0; i < step % 5; i++)
			assert_int_equal(office_rules_add_customer(rules, &(struct office_customer){ .id = i + 1 }), OK);
		assert_int_equal(office_put_rules(o, rules), OK);
		break;
	default: assert_int_equal(office_put_line(o, &line), OK);
	}
}

static void readers_see_whole_rows(void **state)
{
	(void)state;
	struct race race = { 0 };
	struct random random;
	pthread_t readers[2];
	random_seed(&random, 11);
	assert_int_equal(office_new(&race.office), OK);
	for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&readers[i], NULL, read_rows, &race), 0);
	for (uint32_t step = 0; step < RACE_STEPS; step++) change_one(race.office, &random, step);
	AWAIT(atomic_load(&race.seen) > 0);
	atomic_store(&race.over, true);
	for (int i = 0; i < 2; i++) pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&race.torn), 0);
	office_free(race.office);
	rcu_drain();
}

static size_t heap_used(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

// What one node must hold (DESIGN): 535,000 lines with a number each, and a change then costs what it changes.
static void the_largest_office_fits(void **state)
{
	(void)state;
	enum { LINES = 535000 };
	struct office *o;
	size_t before = heap_used();
	assert_int_equal(office_new(&o), OK);
	for (uint32_t id = 1; id <= LINES; id++) {
		char digits[OFFICE_DIGITS_MAX + 1];
		snprintf(digits, sizeof digits, "1%010u", id);
		struct office_line line = line_of(id, digits + 1);
		struct office_number number = number_of(digits, id);
		assert_int_equal(office_put_line(o, &line), OK);
		assert_int_equal(office_put_number(o, &number), OK);
	}
	rcu_drain(); // the outgrown indexes
	assert_int_equal(office_line_count(o), LINES);
	for (uint32_t id = 1; id <= LINES; id += 1001) {
		char digits[OFFICE_DIGITS_MAX + 1];
		snprintf(digits, sizeof digits, "1%010u", id);
		assert_int_equal(office_line_by_name(o, str_from(digits + 1))->id, id);
		assert_int_equal(office_number(o, str_from(digits))->line, id);
	}
	// Three index entries, the number's row, and what malloc rounds up (a sanitizer's malloc does not tell).
	size_t beside = (heap_used() - before) / LINES - sizeof(struct office_line);
	if (heap_used()) assert_in_range(beside, 1, 400);
	office_free(o);
	rcu_drain();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_found_by_id_and_name),
		cmocka_unit_test(impossible_lines_are_refused),
		cmocka_unit_test(numbers_are_found_by_their_digits),
		cmocka_unit_test(readers_see_whole_rows),
		cmocka_unit_test(the_largest_office_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
