// Migrations: in order, once, whole or not at all.
#include "store_migrate.c"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the three above first
#include <cmocka.h>

static const struct store_migration first[] = { { 1, "one", "CREATE TABLE a (x INTEGER)" }, { 0, NULL, NULL } };
static const struct store_migration both[] = {
	{ 1, "one", "CREATE TABLE a (x INTEGER)" },
	{ 100, "two", "CREATE TABLE b (y INTEGER); INSERT INTO b VALUES (7)" },
	{ 0, NULL, NULL },
};
static const struct store_migration between[] = {
	{ 1, "one", "CREATE TABLE a (x INTEGER)" },
	{ 2, "of_another", "ALTER TABLE a ADD COLUMN z INTEGER" },
	{ 100, "two", "CREATE TABLE b (y INTEGER); INSERT INTO b VALUES (7)" },
	{ 0, NULL, NULL },
};
static const struct store_migration broken[] = {
	{ 1, "one", "CREATE TABLE a (x INTEGER)" },
	{ 2, "broken", "CREATE TABLE c (x INTEGER); CREATE TABLE a (x INTEGER)" },
	{ 0, NULL, NULL },
};

static struct {
	struct store_db db;
	struct store_fault fault;
} test;

static int open_db(void **state)
{
	(void)state;
	return store_db_open(&test.db, ":memory:", &test.fault);
}

static int close_db(void **state)
{
	(void)state;
	store_db_close(&test.db);
	return 0;
}

static uint64_t count(const char *sql)
{
	struct store_query q = store_ask_once(&test.db, sql);
	return store_count(&q);
}

static void they_are_applied_once_and_in_order(void **state)
{
	(void)state;
	assert_int_equal(store_migrate(&test.db, first, &test.fault), OK);
	assert_int_equal(count("SELECT count(*) FROM schema_version"), 1);
	assert_int_equal(store_migrate(&test.db, both, &test.fault), OK);
	assert_int_equal(store_migrate(&test.db, both, &test.fault), OK);
	assert_int_equal(count("SELECT sum(y) FROM b"), 7);
	// One that another engineer numbered between comes later here.
	assert_int_equal(store_migrate(&test.db, between, &test.fault), OK);
	assert_int_equal(count("SELECT count(*) FROM schema_version"), 3);
	assert_int_equal(store_migrate(&test.db, first, &test.fault), ERR_BAD);
	assert_string_equal(test.fault.why,
	                    "the file was made by a newer dialtone: this one does not know the migration 0002_of_another");
}

static void one_that_fails_leaves_nothing(void **state)
{
	(void)state;
	assert_int_not_equal(store_migrate(&test.db, broken, &test.fault), OK);
	assert_non_null(strstr(test.fault.why, "cannot apply the migration 0002_broken"));
	assert_int_equal(count("SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
	assert_int_equal(count("SELECT count(*) FROM schema_version"), 1);
	assert_int_equal(store_migrate(&test.db, both, &test.fault), OK);
}

static void ours_are_sorted_and_apply(void **state)
{
	(void)state;
	for (const struct store_migration *m = store_migrations; m[0].number && m[1].number; m++)
		assert_true(m[0].number < m[1].number);
	assert_int_equal(store_migrate(&test.db, store_migrations, &test.fault), OK);
	assert_int_equal(count("PRAGMA foreign_key_check"), 0);
}

int main(void)
{
#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, open_db, close_db)
	const struct CMUnitTest tests[] = {
		DB_TEST(they_are_applied_once_and_in_order),
		DB_TEST(one_that_fails_leaves_nothing),
		DB_TEST(ours_are_sorted_and_apply),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
