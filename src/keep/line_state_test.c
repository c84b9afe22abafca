#include "line_state.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"
#include "keep/cdr_core.h"

#define WALL_MS 1700000000000
#define NOW_MS 5000
#define LONGEST_MS 3600000

static struct bench {
	char folder[TEST_FOLDER_MAX], path[TEST_FOLDER_MAX + 16];
	struct line_state_store *store;
	struct kept_subscription seen[8];
	uint32_t seen_count;
} b;

static void open_store(void)
{
	struct store_fault fault;
	line_state_close(b.store);
	assert_int_equal(line_state_open(&b.store, b.path, &fault), OK);
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof b);
	test_folder_make(b.folder);
	snprintf(b.path, sizeof b.path, "%s/records.db", b.folder);
	open_store();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	b.store = line_state_close(b.store);
	test_folder_remove(b.folder);
	return 0;
}

static void messages_come_back(void **state)
{
	(void)state;
	struct waiting_table *t = must(waiting_new(16)), *again = must(waiting_new(16));
	uint32_t line = 0;
	waiting_set(t, 3, (struct waiting){ 1, 2, 1, 0 });
	waiting_set(t, 16, (struct waiting){ 7, 0, 0, 0 });
	assert_int_equal(line_state_save_messages(b.store, t), OK);
	waiting_set(t, 16, (struct waiting){ 0, 7, 0, 3 });
	assert_int_equal(line_state_save_messages(b.store, t), OK);
	assert_false(waiting_next_changed(t, &line));
	open_store();
	assert_int_equal(line_state_restore_messages(b.store, again), OK);
	const struct waiting three = waiting_get(again, 3), last = waiting_get(again, 16);
	assert_true(three.fresh == 1 && three.old == 2 && three.fresh_urgent == 1 && three.old_urgent == 0);
	assert_true(last.fresh == 0 && last.old == 7 && last.fresh_urgent == 0 && last.old_urgent == 3);
	line = 0;
	assert_false(waiting_next_changed(again, &line));
	waiting_free(t);
	waiting_free(again);
}

static void see(void *self, const struct kept_subscription *row)
{
	(void)self;
	b.seen[b.seen_count++] = *row;
}

static void restore(uint64_t wall_ms)
{
	const struct env env = { .now_ms = 9000, .wall_ms = wall_ms };
	b.seen_count = 0;
	assert_int_equal(line_state_restore_subscriptions(b.store, &env, LONGEST_MS, see, NULL), OK);
}

static struct kept_subscription row(const char *tag, uint32_t seconds)
{
	struct kept_subscription k = { .watcher = 1, .watched = 2, .local_cseq = 3, .remote_cseq = 4, .listener = 1,
		.first_route_loose = true, .expires_ms = NOW_MS + seconds * 1000ull };
	str_to_z(k.tag, sizeof k.tag, str_from(tag));
	k.text_n = (uint16_t)snprintf(k.text, sizeof k.text, "dialog\n\ncall\n%s\n", tag);
	assert_int_equal(addr_parse(&k.peer, STR("[2001:db8::5]:5062")), OK);
	return k;
}

static void save_rows(const struct kept_subscription *rows, uint32_t count)
{
	const struct env env = { .now_ms = NOW_MS, .wall_ms = WALL_MS };
	assert_int_equal(line_state_save_subscriptions(b.store, &env, rows, count), OK);
}

static void subscriptions_come_back(void **state)
{
	(void)state;
	struct kept_subscription rows[] = { row("a", 60), row("b", 600), row("c", 600) };
	save_rows(rows, 3);
	rows[1].local_cseq = 9; // refreshed
	rows[2].over = true;
	save_rows(&rows[1], 2);
	open_store();
	restore(WALL_MS + 30000);
	assert_int_equal(b.seen_count, 2);
	const struct kept_subscription *k = &b.seen[0], *refreshed = &b.seen[1];
	assert_string_equal(k->tag, "a");
	assert_int_equal(k->expires_ms, 9000 + 30000);
	assert_true(k->watcher == 1 && k->watched == 2 && k->local_cseq == 3 && k->remote_cseq == 4 && k->listener == 1);
	assert_true(k->first_route_loose && addr_eq(&k->peer, &rows[0].peer));
	assert_true(str_eq((struct str){ k->text, k->text_n }, STR("dialog\n\ncall\na\n")));
	assert_int_equal(refreshed->local_cseq, 9);
	restore(WALL_MS + 60000); // one expired meanwhile
	assert_int_equal(b.seen_count, 1);
	assert_string_equal(b.seen[0].tag, "b");
	restore(WALL_MS - 100000000); // the clock was set back
	assert_int_equal(b.seen_count, 1);
	assert_int_equal(b.seen[0].expires_ms, 9000 + LONGEST_MS);
}

// A report is found with the record of its call, on the side that reported, whichever came first.
static void reports_are_found_with_their_record(void **state)
{
	(void)state;
	struct store_fault fault;
	struct cdr_store *cdrs;
	struct call_record r = { .kind = RECORD_RELEASE, .sequence = 1, .o = { .line = 7 }, .t = { .line = 8 } }, found;
	struct quality_report of[] = { { .line = 7, .wall_ms = WALL_MS, .heard = { .mos_lq = 421, .loss = 1 } },
		{ .line = 9, .wall_ms = WALL_MS, .heard = { .mos_lq = 101 } } };
	strcpy(r.o.call_id, "a");
	strcpy(r.t.call_id, "b");
	strcpy(of[0].call_id, "a");
	strcpy(of[1].call_id, "b"); // of a line that was not in this call
	assert_int_equal(line_state_save_reports(b.store, of, 2), OK);
	assert_int_equal(cdr_open(&cdrs, b.path, &fault), OK);
	assert_int_equal(cdr_put(cdrs, &r), OK);
	assert_int_equal(cdr_find(cdrs, &(struct cdr_filter){ .sequence = 1 }, &found), OK);
	assert_true(found.o.heard.mos_lq == 421 && found.o.heard.loss == 1 && found.o.heard.jitter_ms == 0);
	assert_int_equal(found.t.heard.mos_lq, 0);
	of[1].line = 8; // late
	of[1].heard.delay_ms = 41;
	of[0].heard.mos_lq = 301; // the report of the end, after one of the middle
	assert_int_equal(line_state_save_reports(b.store, of, 2), OK);
	assert_int_equal(cdr_find(cdrs, &(struct cdr_filter){ .line = 8 }, &found), OK);
	assert_true(found.o.heard.mos_lq == 301 && found.t.heard.mos_lq == 101 && found.t.heard.delay_ms == 41);
	assert_int_equal(cdr_count(cdrs), 1);
	cdr_close(cdrs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = { TEST(messages_come_back), TEST(subscriptions_come_back),
		TEST(reports_are_found_with_their_record) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
