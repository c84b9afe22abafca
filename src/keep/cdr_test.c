// The store of CDRs: what is put is asked for, by every filter; every field survives.
#include "cdr.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct call_record record(uint64_t sequence)
{
	struct call_record r = { .kind = RECORD_RELEASE, .sequence = sequence, .call = 1000 + sequence };
	r.began_wall_ms = 1700000000000 + sequence * 1000;
	r.alerted_wall_ms = r.began_wall_ms + 1;
	r.answered_wall_ms = r.began_wall_ms + 2;
	r.ended_wall_ms = r.began_wall_ms + 5002;
	r.answered_for_ms = 5000;
	r.answered = true;
	r.unsynced = true;
	r.released_by = 1;
	r.cause = (struct cause){ .value = CAUSE_NORMAL, .location = LOCATION_USER };
	snprintf(r.dialled, sizeof r.dialled, "6035550%03u", (unsigned)sequence);
	assert_int_equal(number_set(&r.called, NUMBER_INTERNATIONAL, STR("16035550102")), OK);
	snprintf(r.codec, sizeof r.codec, "PCMU");
	r.rules_version = 77;
	r.o.line = 7;
	r.o.customer = 3;
	assert_int_equal(number_set(&r.o.party.number, NUMBER_INTERNATIONAL, STR("16035550101")), OK);
	r.o.party.name_n = 5;
	memcpy(r.o.party.name, "Mar\xc3\xa9", 5);
	assert_int_equal(addr_parse(&r.o.peer, STR("192.0.2.1:5060")), OK);
	snprintf(r.o.call_id, sizeof r.o.call_id, "x'\"; DROP TABLE call_record; --");
	r.o.media = (struct record_media){ 1, 2, 3, UINT32_MAX };
	r.t.trunk_group = 9;
	r.t.media.lost = 5;
	assert_int_equal(addr_parse(&r.t.peer, STR("[2001:db8::1]:5061")), OK);
	r.trail_n = 2;
	r.trail[0] = (struct trail_row){ .kind = TRAIL_LINE_CALLS, .a = 7 };
	r.trail[1] = (struct trail_row){ .at_ms = 5, .kind = TRAIL_ANSWERED, .side = 1, .version = 77, .a = 1, .b = 2 };
	r.ladder_n = 1;
	r.ladder[0] = (struct ladder_row){ .at_ms = 9, .leg = 1, .out = 1, .method = 3, .status = 200, .text = UINT32_MAX };
	return r;
}

static struct cdr_store *filled(uint64_t rows)
{
	struct cdr_store *s;
	struct store_fault fault;
	assert_int_equal(cdr_open(&s, ":memory:", &fault), OK);
	for (uint64_t i = 1; i <= rows; i++) {
		struct call_record r = record(i);
		if (i == 4) r.o.line = 0, r.t.line = 8, r.t.trunk_group = 0;
		if (i == 5) r.o.trunk_group = 9, r.t.trunk_group = 0, r.o.party.number = (struct number){ 0 };
		assert_int_equal(cdr_put(s, &r), OK);
	}
	return s;
}

static void every_field_survives(void **state)
{
	(void)state;
	struct cdr_store *s = filled(1);
	struct call_record put_in = record(1), found;
	assert_int_equal(cdr_find(s, &(struct cdr_filter){ 0 }, &found), OK);
	assert_memory_equal(&found, &put_in, sizeof found);
	assert_int_equal(cdr_put(s, &put_in), ERR_EXISTS);
	assert_int_equal(cdr_count(s), 1);
	struct call_record empty = { .kind = RECORD_RELEASE, .sequence = 2 };
	assert_int_equal(cdr_put(s, &empty), OK);
	assert_int_equal(cdr_find(s, &(struct cdr_filter){ .sequence = 2 }, &found), OK);
	assert_memory_equal(&found, &empty, sizeof found);
	cdr_close(s);
}

// Sequence numbers of what fits, as one decimal number.
static uint64_t fitting(struct cdr_store *s, struct cdr_filter f)
{
	struct call_record r;
	enum err err;
	uint64_t all = 0;
	struct cdr_walk *w = cdr_walk_new(s, &f, &err);
	assert_non_null(w);
	while ((err = cdr_next(w, &r)) == OK) all = all * 10 + r.sequence;
	assert_int_equal(err, ERR_NOT_FOUND);
	assert_int_equal(cdr_next(w, &r), ERR_NOT_FOUND);
	cdr_walk_free(w);
	return all;
}

static void filters_fit_what_they_say(void **state)
{
	(void)state;
	struct cdr_store *s = filled(6);
	const uint64_t t0 = 1700000000000;
	assert_int_equal(fitting(s, (struct cdr_filter){ 0 }), 123456);
	assert_int_equal(fitting(s, (struct cdr_filter){ .newest_first = true, .limit = 2 }), 65);
	assert_int_equal(fitting(s, (struct cdr_filter){ .since_wall_ms = t0 + 2000, .until_wall_ms = t0 + 4000 }), 23);
	assert_int_equal(fitting(s, (struct cdr_filter){ .line = 7 }), 12356);
	assert_int_equal(fitting(s, (struct cdr_filter){ .line = 8 }), 4);
	assert_int_equal(fitting(s, (struct cdr_filter){ .trunk_group = 9 }), 12356);
	assert_int_equal(fitting(s, (struct cdr_filter){ .call = 1003 }), 3);
	assert_int_equal(fitting(s, (struct cdr_filter){ .after = 4 }), 56);
	assert_int_equal(fitting(s, (struct cdr_filter){ .sequence = 5 }), 5);
	assert_int_equal(fitting(s, (struct cdr_filter){ .sequence = 7 }), 0);
	assert_int_equal(fitting(s, (struct cdr_filter){ .number = STR("+16035550101") }), 12346);
	assert_int_equal(fitting(s, (struct cdr_filter){ .number = STR("6035550002") }), 2);
	assert_int_equal(fitting(s, (struct cdr_filter){ .number = STR("' OR 1 = 1 --") }), 0);
	struct cdr_filter many = { .line = 7, .after = 1, .number = STR("+16035550102"), .limit = 2 };
	assert_int_equal(fitting(s, many), 23);
	cdr_close(s);
}

// The columns of the list are those of the table: no more, no fewer.
static void list_and_table_agree(void **state)
{
	(void)state;
	struct cdr_store *s = filled(0);
	uint32_t count, found = 0;
	const struct cdr_column *columns = cdr_columns(&count);
	struct store_query q = store_ask(&s->db, "SELECT name FROM pragma_table_info('cdr')");
	while (store_next(&q)) {
		struct str name = store_get_str(&q);
		bool known = str_eq(name, STR("trail")) || str_eq(name, STR("ladder"));
		for (uint32_t i = 0; i < count; i++) known = known || str_eq(name, str_from(columns[i].name));
		if (!known) fail_msg("no row of the list: %.*s", STR_FMT(name));
		found++;
	}
	assert_int_equal(store_end(&q), OK);
	assert_int_equal(found, count + 2);
	cdr_close(s);
}

static void other_files_are_refused(void **state)
{
	(void)state;
	struct cdr_store *s;
	struct store_fault fault = { "" };
	assert_int_equal(cdr_open(&s, "no/such/folder/records.db", &fault), ERR_SYSTEM);
	assert_true(strlen(fault.why) > 10);
	FILE *f = fopen("cdr-test-not-a.db", "w");
	assert_non_null(f);
	fputs("this is no database, but long enough to be looked at as one, or so one would think at first sight....", f);
	fclose(f);
	assert_int_equal(cdr_open(&s, "cdr-test-not-a.db", &fault), ERR_BAD);
	remove("cdr-test-not-a.db");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(filters_fit_what_they_say),
		cmocka_unit_test(list_and_table_agree),
		cmocka_unit_test(other_files_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
