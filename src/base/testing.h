// For tests only, below <cmocka.h>: what they need, how they wait for other threads, and where they put files.
//
// Machines stall: a disk for ten seconds, a core for one. So a test waits until something is so, and concludes nothing
// from how long that took.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

// A test cannot go on without it: when it is NULL, for there was no memory, the test fails here.
static inline void *must(void *p)
{
	assert_non_null(p);
	if (!p) abort(); // never: cmocka has left by a jump, which the compiler does not know
	return p;
}

// In turns of a millisecond at least, not by a clock: when the whole machine stands still, that is one turn.
#define AWAIT_TURNS 120000

static inline bool await_turn(uint32_t *turns)
{
	poll(NULL, 0, 1);
	return ++*turns < AWAIT_TURNS;
}

// Waits until the condition holds. A test that waits in vain fails, after two minutes or more.
#define AWAIT(condition)                                                                                               \
	do {                                                                                                               \
		uint32_t await_turns = 0;                                                                                      \
		while (!(condition))                                                                                           \
			if (!await_turn(&await_turns)) fail_msg("waited in vain for %s", #condition);                              \
	} while (0)

#define TEST_FOLDER_MAX 64

// TMPDIR when the person who tests has set it; else memory, where there is enough of it: no disk can stall it.
static inline const char *test_folder_parent(void)
{
	struct statvfs memory;
	const char *told = getenv("TMPDIR");
	if (told && *told) return told;
	if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &memory) == 0 &&
	    memory.f_bavail * memory.f_frsize >= (unsigned long)1 << 30) return "/dev/shm";
	return "/tmp";
}

// Makes a folder of the test's own below `parent`.
static inline void test_folder_below(char path[TEST_FOLDER_MAX], const char *parent)
{
	int n = snprintf(path, TEST_FOLDER_MAX, "%s/dialtone-test-XXXXXX", parent);
	if (n >= TEST_FOLDER_MAX || !mkdtemp(path)) fail_msg("no folder can be made below %s", parent);
}

static inline void test_folder_make(char path[TEST_FOLDER_MAX])
{
	test_folder_below(path, test_folder_parent());
}

// Removes it with all that is in it.
static inline void test_folder_remove(const char *path)
{
	char command[TEST_FOLDER_MAX + 16];
	snprintf(command, sizeof command, "rm -r '%s'", path);
	assert_int_equal(system(command), 0);
}
