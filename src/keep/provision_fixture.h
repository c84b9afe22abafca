// What the tests of provisioning share: an empty office with its store, and changes said as commands.
#pragma once

#include "keep/provision_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka wants the three above first
#include <cmocka.h>

static struct {
	struct store *store;
	struct office *office;
	struct provision *p;
	struct provision_answer answer;
	char rows[16384]; // of the last show or list: their JSON, a line each
} test;

static inline bool same_octets(uint8_t *out, uint32_t n)
{
	memset(out, 7, n); // "hhhh..."
	return true;
}

static inline int make_office(void **state)
{
	(void)state;
	struct store_fault fault;
	assert_int_equal(store_create(&test.store, ":memory:", STR("Test"), STR("test.example"), &fault), OK);
	assert_int_equal(office_new(&test.office), OK);
	assert_int_equal(store_load(test.store, test.office, &fault), OK);
	assert_int_equal(provision_new(&test.p, test.store, test.office, same_octets), OK);
	return 0;
}

static inline int free_office(void **state)
{
	(void)state;
	test.p = provision_free(test.p);
	test.store = store_close(test.store);
	test.office = office_free(test.office);
	rcu_drain();
	return 0;
}

// ---- Commands: "add line alice customer=Granite~Works rate-centre=NH/Salem" -----------------------------------------

// Words are parted by spaces; ~ stands for a space within one.
static inline void act(const char *command)
{
	static char text[2048];
	struct provision_pair pairs[PROVISION_FIELDS_MAX];
	assert_true(str_to_z(text, sizeof text, str_from(command)));
	struct str rest = str_from(text), action = str_cut(&rest, ' '), kind = str_cut(&rest, ' ');
	struct provision_request q = { .key = str_cut(&rest, ' '), .pairs = pairs, .who = STR("test"), .wall_ms = 1000 };
	assert_true(provision_kind_of(&q.kind, kind));
	while (rest.n) {
		struct str pair = str_cut(&rest, ' '), name = str_cut(&pair, '=');
		pairs[q.pair_count++] = (struct provision_pair){ name, pair };
	}
	for (char *c = text; *c; c++)
		if (*c == '~') *c = ' ';
	if (str_eq(action, STR("add"))) provision_add(&test.answer, test.p, &q);
	else if (str_eq(action, STR("set"))) provision_set(&test.answer, test.p, &q);
	else provision_remove(&test.answer, test.p, &q);
}

static inline void done(const char *command)
{
	act(command);
	if (test.answer.err != OK) fail_msg("%s: %s (%s)", command, test.answer.why, test.answer.field);
	assert_string_equal(test.answer.why, "");
}

// Refused, blaming a field, with a sentence that holds some words; and nothing is changed.
static inline void refused(const char *command, enum err err, const char *field, const char *words)
{
	const struct office_rules *rules = office_rules(test.office);
	uint32_t version = test.p->version, lines = office_line_count(test.office);
	act(command);
	if (test.answer.err != err || strcmp(test.answer.field, field) != 0 || !strstr(test.answer.why, words))
		fail_msg("%s: error %d, field \"%s\", \"%s\"", command, test.answer.err, test.answer.field, test.answer.why);
	assert_int_equal(test.answer.version, 0);
	assert_int_equal(test.p->version, version);
	assert_ptr_equal(office_rules(test.office), rules);
	assert_int_equal(office_line_count(test.office), lines);
}

static inline enum err keep_row(void *self, const struct provision_row *row)
{
	struct buf *b = self;
	put_provision_json(b, row);
	put_c(b, '\n');
	return b->err;
}

static inline const char *show(enum provision_kind kind, const char *key)
{
	struct buf b = buf_on(test.rows, sizeof test.rows - 1);
	provision_show(&test.answer, test.p, kind, str_from(key), keep_row, &b);
	test.rows[b.n] = '\0';
	return test.rows;
}

static inline const char *list(const struct provision_query *q)
{
	struct buf b = buf_on(test.rows, sizeof test.rows - 1);
	provision_list(&test.answer, test.p, q, keep_row, &b);
	test.rows[b.n] = '\0';
	return test.rows;
}

static inline void add_basics(void)
{
	done("add state NH name=New~Hampshire open=yes");
	done("add state ME name=Maine");
	done("add rate-centre NH/Salem lata=122");
	done("add rate-centre ME/Bath lata=120");
	done("add npa 603 state=NH");
	done("add npa 207 state=ME seven-digits=yes");
	done("add exchange 603555 rate-centre=NH/Salem");
	done("add customer Granite~Works");
}

static inline void add_line(const char *name, const char *number)
{
	char command[256];
	snprintf(command, sizeof command, "add line %s customer=Granite~Works rate-centre=NH/Salem number=%s "
	                                  "password=secret~word", name, number);
	done(command);
}

#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, make_office, free_office)
