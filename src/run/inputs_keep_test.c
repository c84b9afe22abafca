#include "inputs_keep.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/testing.h"

// Writes a recording as one that came from a worker.
static void keep_call(struct inputs_keep *k, uint64_t call, uint32_t octets)
{
	static char text[RECORDING_TEXT_MAX];
	struct pool blocks;
	memset(text, 'x', sizeof text);
	assert_int_equal(pool_init(&blocks, "test", sizeof(struct recording_block), 4), OK);
	struct recording *r = must(recording_new(&blocks, 4));
	recording_add(r, ENTRY_BEGIN, 0, &(struct entry_begin){ .call = call }, STR(""));
	recording_add(r, ENTRY_SENT, 0, &(struct entry_sent){ 0 }, (struct str){ text, octets });
	write_recording(k, r);
	make_room(k);
	pool_fini(&blocks);
}

static struct inputs_keep *keep_new(const char *folder, uint64_t bytes_max)
{
	struct inputs_keep *k;
	assert_int_equal(inputs_keep_new(&k, &(struct inputs_keep_setup){ .data = folder, .workers = 2, .mode = INPUTS_ALL,
		.bytes_max = bytes_max, .memory_max = 1u << 20 }), OK);
	return k;
}

static void the_oldest_make_room(void **state)
{
	char folder[TEST_FOLDER_MAX];
	struct inputs_file *files;
	uint32_t count;
	(void)state;
	test_folder_make(folder);
	assert_int_equal(inputs_files(&files, &count, folder), OK); // there is no such folder yet
	assert_int_equal(count, 0);
	struct inputs_keep *k = keep_new(folder, 30000);
	for (uint64_t call = 1; call <= 20; call++) {
		keep_call(k, call, 5000);
		assert_true(k->bytes <= 30000);
	}
	assert_int_equal(inputs_files(&files, &count, folder), OK);
	assert_in_range(count, 4, 6);
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(files[i].call, 20 - count + 1 + i);
		bytes += files[i].bytes;
	}
	assert_int_equal(bytes, k->bytes);
	free(files);
	k = inputs_keep_free(k);
	k = keep_new(folder, 12000); // what was there before counts
	assert_int_equal(k->bytes, bytes);
	inputs_keep_step(k);
	assert_true(k->bytes <= 12000);
	inputs_keep_set(k, INPUTS_NONE, 1);
	inputs_keep_step(k);
	assert_int_equal(inputs_files(&files, &count, folder), OK);
	assert_int_equal(count, 0);
	inputs_keep_free(k);
	test_folder_remove(folder);
}

static void what_is_no_recording_is_let_alone(void **state)
{
	static const char *const names[] = { "note.txt", "12.call.bak", "x.call", "99.tmp" };
	char folder[TEST_FOLDER_MAX], path[PATH_OCTETS + 64];
	struct inputs_file *files;
	uint32_t count;
	(void)state;
	test_folder_make(folder);
	struct inputs_keep *k = keep_new(folder, 6000);
	keep_call(k, 1, 100);
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", k->folder, names[i]);
		assert_true(write_file(path, STR("mine")));
	}
	for (uint64_t call = 2; call < 9; call++) keep_call(k, call, 5000);
	assert_int_equal(inputs_files(&files, &count, folder), OK);
	assert_int_equal(count, 1);
	free(files);
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", k->folder, names[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
	inputs_keep_free(k);
	test_folder_remove(folder);
}

static void a_folder_that_cannot_be_written_is_counted(void **state)
{
	char folder[TEST_FOLDER_MAX], path[PATH_OCTETS + 64];
	(void)state;
	test_folder_make(folder);
	struct inputs_keep *k = keep_new(folder, 1u << 20);
	snprintf(path, sizeof path, "%s/" INPUTS_FOLDER, folder);
	assert_true(write_file(path, STR("a file stands where the folder should be")));
	uint64_t before = count_by_name("inputs_unwritten");
	keep_call(k, 1, 100);
	keep_call(k, 2, 100);
	assert_int_equal(count_by_name("inputs_unwritten") - before, 2);
	assert_int_equal(k->bytes, 0);
	inputs_keep_free(k);
	test_folder_remove(folder);
}

// A symbolic link to itself stands for whatever makes opendir fail.
static void a_folder_that_cannot_be_read_is_let_alone(void **state)
{
	char folder[TEST_FOLDER_MAX], away[PATH_OCTETS + 64];
	struct inputs_file *files;
	uint32_t count;
	(void)state;
	test_folder_make(folder);
	struct inputs_keep *k = keep_new(folder, 12000);
	keep_call(k, 1, 5000);
	keep_call(k, 2, 5000);
	uint64_t bytes = k->bytes, before = count_by_name("inputs_unread");
	snprintf(away, sizeof away, "%s/away", folder);
	assert_int_equal(rename(k->folder, away), 0);
	assert_int_equal(symlink(INPUTS_FOLDER, k->folder), 0);
	assert_int_equal(inputs_files(&files, &count, folder), ERR_SYSTEM);
	assert_null(files);
	k->bytes_max = 6000;
	make_room(k);
	assert_int_equal(k->bytes, bytes);
	assert_int_equal(count_by_name("inputs_unread") - before, 1);
	assert_int_equal(unlink(k->folder), 0);
	assert_int_equal(rename(away, k->folder), 0);
	make_room(k);
	assert_true(k->bytes <= 6000);
	inputs_keep_free(k);
	test_folder_remove(folder);
}

static void what_a_crash_left_half_written_is_removed(void **state)
{
	char folder[TEST_FOLDER_MAX], rough[PATH_OCTETS + 64], mine[PATH_OCTETS + 64];
	(void)state;
	test_folder_make(folder);
	struct inputs_keep *k = keep_new(folder, 12000);
	keep_call(k, 1, 100);
	uint64_t bytes = k->bytes;
	file_path(rough, k, 2, ROUGH_SUFFIX);
	snprintf(mine, sizeof mine, "%s/x.tmp", k->folder);
	assert_true(write_file(rough, STR("half")) && write_file(mine, STR("mine")));
	inputs_keep_free(k);
	k = keep_new(folder, 12000);
	assert_int_equal(access(rough, F_OK), -1);
	assert_int_equal(access(mine, F_OK), 0);
	assert_int_equal(k->bytes, bytes);
	inputs_keep_free(k);
	test_folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(what_is_no_recording_is_let_alone),
		cmocka_unit_test(a_folder_that_cannot_be_written_is_counted),
		cmocka_unit_test(a_folder_that_cannot_be_read_is_let_alone),
		cmocka_unit_test(what_a_crash_left_half_written_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
