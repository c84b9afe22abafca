// Every allocation refused in turn. Linked into each unit test, around cmocka's runner and around what allocates in our
// own code (not in libraries). With REFUSE set, each test runs again and again, in a process of its own, each time with
// another of its allocations answered NULL:
//
//     REFUSE=0 build/keep_journal_test           each allocation of each of its tests
//     REFUSE=40 build/keep_journal_test          40 of them, evenly spread
//     REFUSE=places build/keep_journal_test      each place: see below
//     REFUSE=NAME:19 build/keep_journal_test     the 19th of the test NAME, in this process; it says whose that was
//     REFUSE_WHAT=io                             not its allocations, but what it asks of system and database (refuse_io.c)
//     REFUSE_SECONDS=5                           with the first three: no more after that time
//     REFUSE_PART=2/8                            the second eighth of them: for more than one at a time
//
// A test that fills an office with half a million lines allocates a million times, but always at the same few places. A
// place is the test and the way by which its code came to the allocation (the hash of the return addresses). Of the
// times that a place is come to, the 1st, 2nd, 4th, 8th and so on are refused, and the last: a table that grows does
// so at one of these, and what is true of the thousandth row and of the first is true of those between.
//
// A test may then fail by an assertion, for it wanted what it could not get; that ends the run. It must not crash,
// abort, trip a sanitizer, or leak when it passes all the same. Prints one line of TAP for the program. Only a build
// with ASan and UBSan sees all of this.
#include "refuse.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 10000        // a test that waits for what now never comes is ended: it has not crashed
#define WAIT_TIMES 4         // ... after this and so many times what it takes when nothing is refused,
#define WAIT_SOUND_MS 120000 // for which it has so long
#define FAULTS_MAX 3        // then enough is known
#define TESTS_MAX 128       // of one program

// Without these cmocka's own signal handlers make a failed test of a crash, and UBSan goes on.
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "abort_on_error=1:handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2";
}

const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

// WHAT IS REFUSED

#define WAYS_MAX 2000000 // of one test
#define FRAMES_MAX 40

// Shared with the parent; NULL: nothing is refused.
static struct counted {
	_Atomic uint32_t n;      // allocations of this run
	uint64_t ways[WAYS_MAX]; // the way to each, when nothing is refused and places are asked for
} *counted;
static uint32_t refuse_at; // the one to refuse; 0: none
static bool tells;         // says whose it was
static bool places;        // not each allocation is asked for, but each place
static enum refusable wanted;

void __sanitizer_print_stack_trace(void) __attribute__((weak));

static uint64_t way_here(void)
{
	void *frames[FRAMES_MAX];
	uint64_t hash = 14695981039346656037u;
	int n = backtrace(frames, FRAMES_MAX);
	for (int i = 0; i < n; i++) hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
	return hash;
}

bool refused(enum refusable what)
{
	if (!counted || what != wanted) return false;
	uint32_t n = atomic_fetch_add(&counted->n, 1);
	if (places && !refuse_at && n < WAYS_MAX) counted->ways[n] = way_here();
	if (n + 1 != refuse_at) return false;
	if (tells && __sanitizer_print_stack_trace) __sanitizer_print_stack_trace();
	errno = ENOMEM;
	return true;
}

// The linker's --wrap sends calls of `name` to __wrap_name, and those of __real_name to `name`.
#define REFUSABLE(type, name, parameters, arguments)                                                                   \
	type __real_##name parameters;                                                                                     \
	type __wrap_##name parameters;                                                                                     \
	type __wrap_##name parameters                                                                                      \
	{                                                                                                                  \
		return refused(REFUSE_MEMORY) ? NULL : __real_##name arguments;                                                             \
	}

REFUSABLE(void *, malloc, (size_t n), (n))
REFUSABLE(void *, calloc, (size_t count, size_t n), (count, n))
REFUSABLE(void *, realloc, (void *p, size_t n), (p, n))
REFUSABLE(void *, aligned_alloc, (size_t alignment, size_t n), (alignment, n))
REFUSABLE(char *, strdup, (const char *s), (s))
REFUSABLE(char *, strndup, (const char *s, size_t n), (s, n))
REFUSABLE(FILE *, fopen, (const char *path, const char *mode), (path, mode))
REFUSABLE(FILE *, fopen64, (const char *path, const char *mode), (path, mode)) // what fopen is called here
REFUSABLE(FILE *, open_memstream, (char **text, size_t *n), (text, n))
REFUSABLE(DIR *, opendir, (const char *path), (path))

typedef void *thread_function(void *arg);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, thread_function *f, void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, thread_function *f, void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, thread_function *f, void *arg)
{
	return refused(REFUSE_MEMORY) ? EAGAIN : __real_pthread_create(thread, attr, f, arg);
}

// ONE TEST, in a process of its own

static struct group {
	const char *name;
	const struct CMUnitTest *tests;
	size_t count;
	CMFixtureFunction setup, teardown;
} group;
static const struct CMUnitTest *chosen;
static bool passed;

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);

static void test(void **state)
{
	chosen->test_func(state);
	passed = true; // a failed assertion does not come here
}

static int tear_down(void **state)
{
	if (!passed) _exit(1); // what a failed test left behind, threads even, is its own affair
	return chosen->teardown_func ? chosen->teardown_func(state) : 0;
}

// With its allocation `at` refused. Returns to main, and so to the search for leaks, only when it passed.
static int run_alone(const struct CMUnitTest *t, uint32_t at)
{
	struct CMUnitTest alone = *t;
	chosen = t;
	alone.test_func = test;
	alone.teardown_func = tear_down;
	refuse_at = at;
	if (__real__cmocka_run_group_tests(group.name, &alone, 1, group.setup, group.teardown) != 0) _exit(1);
	return 0;
}

// ALL RUNS, seen from the parent

enum result { IS_CHILD, SOUND, ENDED, FAULT };

static struct runs {
	char folder[64]; // the tests work in it; emptied after each run
	int output;      // a file in memory: what a run says
	struct list {
		uint32_t *at; // owned: those of a test to refuse, counted from 1
		uint32_t n;
		uint32_t takes_ms; // the test, when nothing is refused
	} lists[TESTS_MAX];
	uint64_t allocations, total; // of all tests; of these to refuse
	uint32_t runs, ended, faults;
} runs;

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag;
	return ftw->level > 0 ? remove(path) : 0;
}

// The child goes on as the test.
static void become_child(void)
{
	setpgid(0, 0);
	dup2(runs.output, 1);
	dup2(runs.output, 2);
}

// Waits for it to end. False: it had to be ended.
static bool await(pid_t child, int *status, uint32_t most_ms)
{
	for (uint64_t until_ms = now_ms() + most_ms; now_ms() < until_ms; poll(NULL, 0, 1))
		if (waitpid(child, status, WNOHANG) == child) return true;
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, status, 0);
	return false;
}

static void show_output(void)
{
	char text[4096];
	lseek(runs.output, 0, SEEK_SET);
	for (ssize_t n; (n = read(runs.output, text, sizeof text)) > 0;) fwrite(text, 1, (size_t)n, stdout);
}

// IS_CHILD: the caller is the child now. Else what became of the child.
static enum result run(const struct CMUnitTest *t, uint32_t at, uint32_t most_ms)
{
	int status;
	atomic_store(&counted->n, 0);
	if (ftruncate(runs.output, 0) != 0 || lseek(runs.output, 0, SEEK_SET) != 0) exit(2);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		become_child();
		return IS_CHILD;
	}
	bool by_itself = await(child, &status, most_ms);
	nftw(runs.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	bool failed = code == 1 || code == 255; // 255: cmocka's, when what fails an assertion is not the test's own thread
	if (by_itself && (code == 0 || (at && failed))) return SOUND;
	printf("# %s, %s:%u: %s %d\n", by_itself ? "fault" : "ended", t->name, at,
	       code >= 0 ? "exit code" : "signal", code >= 0 ? code : WTERMSIG(status));
	show_output();
	return by_itself ? FAULT : ENDED;
}

// One allocation, to be sorted by its way; and how often the same way was gone before.
struct visit {
	uint64_t way;
	uint32_t at;
};

static int compare_visits(const void *a, const void *b)
{
	const struct visit *x = a, *y = b;
	if (x->way != y->way) return x->way < y->way ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

// The 1st, 2nd, 4th ... and last visit to each place, of `n`. At most n of them.
static uint32_t choose_places(uint32_t *out, uint32_t n)
{
	uint32_t chosen_n = 0;
	struct visit *visits = __real_malloc(n * sizeof *visits);
	if (!visits) exit(2);
	for (uint32_t i = 0; i < n; i++) visits[i] = (struct visit){ counted->ways[i], i + 1 };
	qsort(visits, n, sizeof *visits, compare_visits);
	for (uint32_t i = 0, nth = 1; i < n; i++, nth++) {
		bool is_last = i + 1 == n || visits[i + 1].way != visits[i].way;
		if (is_last || (nth & (nth - 1)) == 0) out[chosen_n++] = visits[i].at;
		if (is_last) nth = 0;
	}
	free(visits);
	return chosen_n;
}

// What is to be refused of a test that made n allocations.
static void list_fill(struct list *l, uint32_t n)
{
	if (n == 0) return;
	if (!(l->at = __real_malloc(n * sizeof *l->at))) exit(2);
	if (places && n <= WAYS_MAX) {
		l->n = choose_places(l->at, n);
	} else {
		for (l->n = 0; l->n < n; l->n++) l->at[l->n] = l->n + 1;
	}
	runs.allocations += n;
	runs.total += l->n;
}

// One sound run of each test, which counts its allocations. False in a child.
static bool count_all(const struct CMUnitTest **child)
{
	for (size_t i = 0; i < group.count; i++) {
		uint64_t begin_ms = now_ms();
		enum result r = run(*child = &group.tests[i], 0, WAIT_SOUND_MS);
		if (r == IS_CHILD) return false;
		runs.faults += r == FAULT;
		runs.lists[i].takes_ms = (uint32_t)(now_ms() - begin_ms);
		if (r == SOUND) list_fill(&runs.lists[i], atomic_load(&counted->n));
	}
	return true;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	return b ? common_divisor(b, a % b) : a;
}

// Steps of the golden ratio: however many are taken, they are evenly spread; `total` of them meet each one once.
static uint64_t golden_step(uint64_t total)
{
	uint64_t step = (uint64_t)((double)total * 0.618);
	while (step < 1 || common_divisor(step, total) != 1) step++;
	return step;
}

// Which part of them, of how many (REFUSE_PART=2/8): all, when nothing is said. They begin at the same place.
static void read_part(uint64_t *from, uint64_t *part, uint64_t *parts)
{
	const char *text = getenv("REFUSE_PART");
	char *slash = NULL;
	*part = *parts = 1;
	if (!text) {
		if (getrandom(from, sizeof *from, 0) != sizeof *from) exit(2);
		return;
	}
	*part = strtoull(text, &slash, 10);
	if (*slash == '/') *parts = strtoull(slash + 1, NULL, 10);
	if (*part < 1 || *part > *parts) exit(2);
}

// `most` of what is on the lists of all tests (0: each). False in a child, which is to run *child with *at refused.
static bool refuse_many(uint64_t most, uint64_t seconds, const struct CMUnitTest **child, uint32_t *at)
{
	uint64_t from = 0, part, parts;
	if (!count_all(child)) return false;
	if (!runs.total) return true;
	read_part(&from, &part, &parts);
	uint64_t next = from %= runs.total, step = golden_step(runs.total), begin_ms = now_ms();
	printf("# from %llu in steps of %llu\n", (unsigned long long)from, (unsigned long long)step);
	if (!most || most > runs.total) most = runs.total;
	for (uint64_t i = 0; i < most && runs.faults < FAULTS_MAX; i++, next = (next + step) % runs.total) {
		uint64_t place = next;
		size_t t = 0;
		if (seconds && now_ms() - begin_ms > seconds * 1000) break;
		if (i % parts != part - 1) continue;
		while (place >= runs.lists[t].n) place -= runs.lists[t++].n;
		const struct list *l = &runs.lists[t];
		enum result r = run(*child = &group.tests[t], *at = l->at[place], WAIT_MS + WAIT_TIMES * l->takes_ms);
		if (r == IS_CHILD) return false;
		runs.runs++;
		runs.faults += r == FAULT;
		runs.ended += r == ENDED;
	}
	return true;
}

// A folder of its own, in memory where there is one; the tests make theirs below it.
static void prepare(void)
{
	runs.output = memfd_create("output", 0);
	strcpy(runs.folder, "/dev/shm/refuse-XXXXXX");
	if (access("/dev/shm", W_OK) != 0) strcpy(runs.folder, "/tmp/refuse-XXXXXX");
	if (runs.output < 0 || !mkdtemp(runs.folder) || chdir(runs.folder) != 0) exit(2);
	setenv("TMPDIR", runs.folder, 1);
}

static int run_named(const char *name, const char *colon)
{
	tells = true;
	for (size_t i = 0; i < group.count; i++)
		if (strlen(group.tests[i].name) == (size_t)(colon - name) &&
		    strncmp(group.tests[i].name, name, (size_t)(colon - name)) == 0)
			return run_alone(&group.tests[i], (uint32_t)strtoul(colon + 1, NULL, 10));
	return 2;
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	const char *asked = getenv("REFUSE"), *what = getenv("REFUSE_WHAT"), *seconds = getenv("REFUSE_SECONDS");
	const struct CMUnitTest *child = NULL;
	uint32_t at = 0;
	if (!asked) return __real__cmocka_run_group_tests(name, tests, count, setup, teardown);
	group = (struct group){ name, tests, count, setup, teardown };
	counted = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count > TESTS_MAX || counted == MAP_FAILED) exit(2);
	if (what && strcmp(what, "io") == 0) {
		wanted = REFUSE_IO;
		refuse_database();
	}
	if (strchr(asked, ':')) return run_named(asked, strchr(asked, ':'));
	places = strcmp(asked, "places") == 0;
	if (places) (void)way_here(); // what that needs is loaded before there are threads
	prepare();
	if (!refuse_many(strtoull(asked, NULL, 10), seconds ? strtoull(seconds, NULL, 10) : 0, &child, &at))
		return run_alone(child, at);
	const char *name_of = wanted == REFUSE_MEMORY ? "allocations" : "calls";
	printf("%sok - %u of %llu %s refused, one at a time; %llu %s, %u tests waited in vain\n1..1\n",
	       runs.faults ? "not " : "", runs.runs, (unsigned long long)runs.total, places ? "places" : name_of,
	       (unsigned long long)runs.allocations, name_of, runs.ended);
	for (size_t i = 0; i < count; i++) free(runs.lists[i].at);
	rmdir(runs.folder);
	return runs.faults != 0;
}
