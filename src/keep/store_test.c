// The file of the office: made, opened, loaded; and each way in which it cannot be, with its sentence.
#include "store.c"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
// cmocka wants the three above first
#include <cmocka.h>

#include "base/testing.h"

static struct {
	char folder[TEST_FOLDER_MAX], path[96];
	struct store *store;
	struct store_fault fault;
} test;

static int make_folder(void **state)
{
	(void)state;
	test_folder_make(test.folder);
	snprintf(test.path, sizeof test.path, "%s/office.db", test.folder);
	memset(&test.fault, 0, sizeof test.fault);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	test.store = store_close(test.store);
	test_folder_remove(test.folder);
	return 0;
}

static void create(void)
{
	assert_int_equal(store_create(&test.store, test.path, STR("Test"), STR("test.example"), &test.fault), OK);
}

// Something that this program would not do, by another connection.
static void tamper(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s", why);
	sqlite3_close(db);
}

static void cannot_open(enum err err, const char *words)
{
	assert_int_equal(store_open(&test.store, test.path, &test.fault), err);
	assert_null(test.store);
	if (!strstr(test.fault.why, words)) fail_msg("%s", test.fault.why);
}

static void write_file(const char *text)
{
	FILE *f = fopen(test.path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void what_is_made_can_be_opened_again(void **state)
{
	(void)state;
	struct stat st;
	create();
	test.store = store_close(test.store);
	assert_int_equal(stat(test.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(store_open(&test.store, test.path, &test.fault), OK);
	struct office *o;
	assert_int_equal(office_new(&o), OK);
	assert_int_equal(store_load(test.store, o, &test.fault), OK);
	assert_string_equal(office_rules(o)->name, "Test");
	assert_string_equal(office_rules(o)->realm, "test.example");
	assert_int_equal(office_rules(o)->settings.first_digit_ms, 16000);
	office_free(o);
	rcu_drain();
}

static void nothing_is_made_twice_or_without_a_name(void **state)
{
	(void)state;
	struct store *other;
	create();
	assert_int_equal(store_create(&other, test.path, STR("Test"), STR("test.example"), &test.fault), ERR_EXISTS);
	assert_null(other);
	assert_int_equal(store_create(&other, ":memory:", STR(""), STR("test.example"), &test.fault), ERR_BAD);
	assert_int_equal(store_create(&other, ":memory:", STR("Test"), STR("a\"b"), &test.fault), ERR_BAD);
	assert_non_null(strstr(test.fault.why, "without quotes"));
	assert_int_equal(store_create(&other, "no/such/folder/office.db", STR("T"), STR("t"), &test.fault), ERR_SYSTEM);
	assert_non_null(strstr(test.fault.why, "No such file"));
}

static void what_is_no_office_is_told(void **state)
{
	(void)state;
	cannot_open(ERR_NOT_FOUND, "dialtone init makes it");
	write_file("This is a letter, not a database, and it is long enough not to be taken for an empty file.\n"
	           "It goes on for a while so that a header of a hundred octets can be read from it.\n");
	cannot_open(ERR_BAD, "it is no database");
	unlink(test.path);
	tamper("CREATE TABLE recipes (name TEXT)");
	cannot_open(ERR_BAD, "not of dialtone");
	unlink(test.path);
	write_file("");
	cannot_open(ERR_BAD, "holds no office");
	unlink(test.path);
	assert_int_equal(mkdir(test.path, 0700), 0);
	cannot_open(ERR_SYSTEM, "is not a file");
	rmdir(test.path);
}

static void a_newer_file_is_refused(void **state)
{
	(void)state;
	create();
	test.store = store_close(test.store);
	tamper("INSERT INTO schema_version VALUES (9999, 'future', '0')");
	cannot_open(ERR_BAD, "does not know the migration 9999_future");
	tamper("DELETE FROM schema_version WHERE number = 9999; UPDATE schema_version SET checksum = 'x' WHERE number = 1");
	cannot_open(ERR_BAD, "0001_office was changed after");
}

static void a_damaged_file_is_told(void **state)
{
	(void)state;
	create();
	test.store = store_close(test.store);
	FILE *f = fopen(test.path, "r+");
	assert_non_null(f);
	for (long page = 1; page < 40; page++) { // all but the first page of 4096
		fseek(f, page * 4096 + 8, SEEK_SET);
		fputs("no such thing as a page", f);
	}
	fclose(f);
	enum err err = store_open(&test.store, test.path, &test.fault);
	assert_int_equal(err, ERR_BAD);
	assert_non_null(strstr(test.fault.why, "damaged"));
}

static void a_locked_file_is_told(void **state)
{
	(void)state;
	sqlite3 *db;
	create();
	test.store = store_close(test.store);
	assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	cannot_open(ERR_TIMEOUT, "another program has locked it");
	sqlite3_close(db);
}

static void settings_of_a_newer_program_appear(void **state)
{
	(void)state;
	create();
	test.store = store_close(test.store);
	tamper("DELETE FROM office WHERE name = 'call_max_s'; INSERT INTO office (name, value) VALUES ('of_old', '7')");
	assert_int_equal(store_open(&test.store, test.path, &test.fault), OK);
	struct store_query q = store_ask(store_db_of(test.store), "SELECT value FROM office WHERE name = 'call_max_s'");
	assert_int_equal(store_count(&q), 86400);
}

// 20,000 lines (or as many as STORE_TEST_LINES says; a node must hold 535,000), numbers and features: loaded, found.
static void a_large_office_loads(void **state)
{
	(void)state;
	const char *wanted = getenv("STORE_TEST_LINES");
	uint32_t lines = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 20000;
	char sql[1024];
	create();
	test.store = store_close(test.store);
	snprintf(sql, sizeof sql, "INSERT INTO state VALUES (1, 'NH', 'New Hampshire', 1);"
	         "INSERT INTO rate_centre VALUES (1, 1, 'Salem', 122);"
	         "INSERT INTO customer VALUES (1, 'A', 0);"
	         "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	         "INSERT INTO line (id, name, customer, rate_centre, number, display, ha1_md5, ha1_sha256, digest, calls_max, "
	         "no_answer_s, contacts_max, suspended) "
	         "SELECT i, 'line' || i, 1, 1, 16030000000 + i, '', zeroblob(16), zeroblob(32), 'both', "
	         "4, 24, 4, 0 FROM n;"
	         "INSERT INTO number SELECT id, number, 'line', id, '' FROM line;"
	         "INSERT INTO feature SELECT NULL, id, 'forward-all', 1, 1, '12075550101' FROM line WHERE id %% 2;"
	         "INSERT INTO feature SELECT NULL, id, 'caller-id-block', 1, 0, '' FROM line;", lines);
	tamper(sql);
	struct office *o;
	assert_int_equal(store_open(&test.store, test.path, &test.fault), OK);
	assert_int_equal(office_new(&o), OK);
	assert_int_equal(store_load(test.store, o, &test.fault), OK);
	assert_int_equal(office_line_count(o), lines);
	for (uint32_t id = 1; id <= lines; id += 199) {
		const struct office_line *line = office_line(o, id);
		assert_int_equal(office_number(o, str_from(line->number))->line, id);
		assert_int_equal(line->features[FEATURE_FORWARD_ALL].active, id % 2);
		assert_true(line->features[FEATURE_CALLER_ID_BLOCK].subscribed);
		assert_false(line->features[FEATURE_FORWARD_BUSY].subscribed);
	}
	office_free(o);
	rcu_drain();
}

int main(void)
{
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(what_is_made_can_be_opened_again),
		FOLDER_TEST(nothing_is_made_twice_or_without_a_name),
		FOLDER_TEST(what_is_no_office_is_told),
		FOLDER_TEST(a_newer_file_is_refused),
		FOLDER_TEST(a_damaged_file_is_told),
		FOLDER_TEST(a_locked_file_is_told),
		FOLDER_TEST(settings_of_a_newer_program_appear),
		FOLDER_TEST(a_large_office_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
