// Crashes: torn ends, damage, kill -9 at any moment, power lost with what the disk had not written.
#include "recover.c"

#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "keep/journal_fixture.h"

// ---- Torn and damaged files -----------------------------------------------------------------------------------------

// The newest segment that is not empty.
static void newest_file(const struct fixture *f, char path[400])
{
	DIR *folder = must(opendir(f->folder));
	char best[300] = "";
	for (struct dirent *e; (e = readdir(folder));)
		if (strstr(e->d_name, ".journal") && strcmp(e->d_name, best) > 0) snprintf(best, sizeof best, "%s", e->d_name);
	closedir(folder);
	snprintf(path, 400, "%s/%s", f->folder, best);
}

static void overwrite(const char *path, off_t at, const void *p, size_t n)
{
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), n);
	close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static uint32_t count_releases(struct fixture *f)
{
	static struct call_record r;
	struct journal_place after;
	struct journal_reader *reader = must(journal_reader_new(f->log, (struct journal_place){ 0, 0 }));
	uint32_t n = 0;
	while (journal_read(reader, &r, &after) == OK) n++;
	journal_reader_free(reader);
	return n;
}

// Ten releases, each in a commit of its own; closed. Where the last begins.
static off_t write_ten(struct fixture *f, char path[400])
{
	fixture_start(f);
	for (uint64_t call = 1; call <= 9; call++) fixture_keep(f, RECORD_RELEASE, call);
	off_t last = (off_t)f->log->now.end;
	fixture_keep(f, RECORD_RELEASE, 10);
	fixture_close_log(f);
	newest_file(f, path);
	return last;
}

static void a_torn_end_is_cut_off_at_any_octet(void **state)
{
	struct fixture *f = *state;
	char path[400];
	off_t last = write_ten(f, path), size = size_of(path);
	char *whole = must(malloc((size_t)size));
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, whole, (size_t)size), size);
	close(fd);
	for (off_t cut = size - 1; cut >= last; cut -= 7) {
		char kept[400];
		assert_int_equal(truncate(path, cut), 0);
		overwrite(path, cut, "xyz", 3); // what stood on the disk before
		fixture_open_log(f);
		assert_int_equal(count_releases(f), 9);
		assert_int_equal(f->log->sequence, 9);
		assert_int_equal(size_of(path), last);
		fixture_close_log(f);
		newest_file(f, kept); // of this start: the next shall see the torn one as the last
		unlink(kept);
		overwrite(path, 0, whole, (size_t)size);
	}
	free(whole);
}

static void damage_costs_only_what_is_damaged(void **state)
{
	struct fixture *f = *state;
	char path[400];
	uint64_t damaged = count_by_name("journal_damaged"), torn = count_by_name("journal_torn");
	off_t last = write_ten(f, path);
	overwrite(path, last / 2, "\xff\xff\xff", 3); // in the middle of what was told to be on disk
	fixture_open_log(f);
	assert_int_equal(count_by_name("journal_damaged"), damaged + 1);
	assert_int_equal(count_by_name("journal_torn"), torn);
	assert_int_equal(count_releases(f), 9);
	assert_int_equal(f->log->sequence, 10);
	assert_true(count_by_name("journal_reader_skipped") > 0);
}

static void a_damaged_head_is_survived(void **state)
{
	struct fixture *f = *state;
	char path[400];
	write_ten(f, path);
	overwrite(path, 0, "\xff", 1);
	fixture_open_log(f);
	assert_int_equal(count_releases(f), 10);
	assert_int_equal(journal_boot(f->log), 2);
}

// Two releases are written and never synced, and the process dies: whoever opens the journal writes them anew and syncs
// them, before a number is built on theirs.
static void what_was_left_unsynced_is_synced_first(void **state)
{
	struct fixture *f = *state;
	struct faulty_disk *d = &f->disk;
	f->setup.stop_ms = 20;
	fixture_start(f);
	fixture_keep(f, RECORD_RELEASE, 1);
	d->ftruncate_errno = d->fdatasync_errno = EIO;
	assert_int_equal(fixture_put(f, RECORD_RELEASE, 2), OK);
	fixture_becomes(f, false);
	fixture_close_log(f);
	assert_int_equal(journal_open(&f->log, &f->setup), ERR_SYSTEM);
	d->ftruncate_errno = d->fdatasync_errno = 0;
	d->fallocate_errno = ENOSPC; // no new segment: what is written is the old one
	int writes = d->writes, syncs = d->syncs;
	fixture_open_log(f);
	assert_int_equal(count_releases(f), 2);
	assert_int_equal(d->writes, writes + 1);
	assert_true(d->syncs > syncs);
}

static void foreign_files_are_left_alone(void **state)
{
	struct fixture *f = *state;
	char path[400];
	static const char *const names[] = { "notes.txt", "1.journal", "0000000000000000000x.journal", "20.journal~" };
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
		int fd = open(path, O_CREAT | O_WRONLY, 0600);
		assert_true(fd >= 0 && write(fd, "x", 1) == 1);
		close(fd);
	}
	fixture_start(f);
	fixture_keep(f, RECORD_RELEASE, 1);
	fixture_close_log(f);
	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
		assert_int_equal(size_of(path), 1);
	}
}

// ---- kill -9 --------------------------------------------------------------------------------------------------------

enum { KILLS = 50, CALLS_AT_ONCE = 8, CALLS_OF_A_LIFE = 400, CALLS_MOST = KILLS * CALLS_OF_A_LIFE };

struct told { // what a caller was told: through a pipe, so that it outlives the switch
	uint64_t call;
	uint64_t wall_ms; // when it was put; of RECOVERED the last proof of life
	enum { TOLD_ANSWERED, TOLD_RELEASED, TOLD_RECOVERED } what;
};

static void tell(int fd, uint8_t what, uint64_t call, uint64_t wall_ms)
{
	const struct told t = { .call = call, .wall_ms = wall_ms, .what = what };
	if (write(fd, &t, sizeof t) != sizeof t) _exit(2);
}

static void put_call(struct fixture *f, uint8_t kind, uint64_t call, uint64_t *put_ms)
{
	put_ms[call] = journal_clock_ms(CLOCK_REALTIME);
	if (fixture_put(f, kind, (uint64_t)f->log->boot << 32 | call) != OK) _exit(6);
}

// The switch: closes what it finds open, then answers and releases calls as fast as the disk takes them, until killed.
static void run_switch(struct fixture *f, int fd)
{
	static struct call_record answer, release;
	static uint64_t put_ms[CALLS_OF_A_LIFE]; // by call
	struct journal_done done;
	uint64_t life, next = 0;
	fixture_open_log(f);
	if (journal_start(f->log) != OK) _exit(3);
	while (journal_next_recovered(f->log, &answer, &life)) {
		journal_recovered_release(&release, &answer, life);
		tell(fd, TOLD_RECOVERED, answer.call, life);
		while (f->journal.ops->put(f->log, 1, &release, 0) == ERR_FULL) poll(NULL, 0, 1);
	}
	for (;;) {
		while (next < CALLS_AT_ONCE) put_call(f, RECORD_ANSWER, next++, put_ms);
		if (!journal_take(f->log, 0, &done)) {
			poll(NULL, 0, 1);
			continue;
		}
		if (done.err != OK) _exit(5);
		uint32_t call = (uint32_t)done.owner;
		tell(fd, done.kind == RECORD_ANSWER ? TOLD_ANSWERED : TOLD_RELEASED, done.owner, put_ms[call]);
		if (done.kind == RECORD_ANSWER && call % 5) put_call(f, RECORD_RELEASE, call, put_ms); // some stay
		else if (next < CALLS_OF_A_LIFE) put_call(f, RECORD_ANSWER, next++, put_ms);
	}
}

struct seen_call {
	uint64_t call;
	bool answered, released;
	uint32_t records;
};

struct seen { // over all kills
	struct seen_call calls[CALLS_MOST];
	uint32_t count;
	uint64_t boot; // the last start that was heard of
	uint64_t put_wall_ms[KILLS + 2], died_wall_ms[KILLS + 2]; // by start: the last record that was told of; the kill
};

static struct seen_call *seen_call(struct seen *s, uint64_t call)
{
	for (uint32_t i = s->count; i-- > 0;)
		if (s->calls[i].call == call) return &s->calls[i];
	assert_true(s->count < CALLS_MOST);
	s->calls[s->count] = (struct seen_call){ .call = call };
	return &s->calls[s->count++];
}

// Reads what has been told by now.
static void hear(int fd, struct seen *s)
{
	struct told t;
	while (read(fd, &t, sizeof t) == sizeof t) {
		struct seen_call *c = seen_call(s, t.call);
		uint64_t boot = t.call >> 32;
		assert_in_range(boot, 1, KILLS + 1);
		if (t.what == TOLD_RECOVERED) { // what was told had been written before, with the time
			if (s->died_wall_ms[boot]) assert_in_range(t.wall_ms, s->put_wall_ms[boot], s->died_wall_ms[boot]);
			continue;
		}
		if (t.what == TOLD_ANSWERED) c->answered = true;
		if (t.what == TOLD_RELEASED) c->released = true;
		if (t.wall_ms > s->put_wall_ms[boot]) s->put_wall_ms[boot] = t.wall_ms;
		s->boot = boot;
	}
}

static uint32_t told_answered(const struct seen *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->count; i++) n += s->calls[i].answered;
	return n;
}

static uint32_t answers_heard(int fd, struct seen *s)
{
	hear(fd, s);
	return told_answered(s);
}

// Kills a switch after a while that begins when it starts or, so that some get that far, when it has answered a call.
static void one_life(struct fixture *f, bool lives_on, uint32_t ms, struct seen *s)
{
	int ends[2], status;
	uint32_t answers = told_answered(s);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		run_switch(f, ends[1]);
	}
	close(ends[1]);
	pid_t gone = 0;
	if (lives_on) AWAIT(answers_heard(ends[0], s) > answers || (gone = waitpid(child, &status, WNOHANG)) != 0);
	poll(NULL, 0, (int)ms);
	kill(child, SIGKILL);
	if (!gone) assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status)); // it did not end by itself
	if (WTERMSIG(status) != SIGKILL) raise(WTERMSIG(status)); // it crashed: so does the test
	hear(ends[0], s);
	if (!s->died_wall_ms[s->boot]) s->died_wall_ms[s->boot] = journal_clock_ms(CLOCK_REALTIME);
	close(ends[0]);
}

static void nothing_told_is_lost_by_kills(void **state)
{
	struct fixture *f = *state;
	static struct seen seen;
	static struct call_record r;
	struct random random;
	uint32_t open = 0;
	uint64_t life;
	random_seed(&random, 0x5eed);
	f->setup.files = NULL;
	f->setup.in_flight_max = 64;
	for (uint32_t i = 0; i < KILLS; i++) one_life(f, i % 2, 1 + random_below(&random, 40), &seen);

	fixture_open_log(f);
	struct journal_place after;
	struct journal_reader *reader = must(journal_reader_new(f->log, (struct journal_place){ 0, 0 }));
	for (uint64_t number = 1; journal_read(reader, &r, &after) == OK; number++) {
		assert_int_equal(r.sequence, number);
		seen_call(&seen, r.call)->records++;
	}
	journal_reader_free(reader);
	for (; journal_next_recovered(f->log, &r, &life); open++) seen_call(&seen, r.call)->records++;
	for (uint32_t i = 0; i < seen.count; i++) {
		const struct seen_call *c = &seen.calls[i];
		assert_in_range(c->records, c->answered || c->released, 1);
	}
	assert_true(told_answered(&seen) >= KILLS / 2); // it did work in between
	assert_true(open > 0);
}

// ---- Power lost -----------------------------------------------------------------------------------------------------

// A disk with a cache: what is written is there for whoever reads, and a power cut throws away some of what was written
// since the last sync, each piece of 512 octets by itself.
enum { PIECE = 512, CACHE_PIECES = 4096 };

struct cached_piece {
	int fd;
	off_t at;
	char before[PIECE]; // what is there when it is lost
};

struct caching_disk {
	struct cached_piece pieces[CACHE_PIECES];
	uint32_t count;
	_Atomic int syncs_left; // then the power is cut: nothing reaches the disk any more
	_Atomic bool dark;
};

static ssize_t caching_pwrite(void *self, int fd, const void *p, size_t n, off_t at)
{
	struct caching_disk *d = self;
	if (d->dark) {
		errno = EIO;
		return -1;
	}
	for (off_t piece = at / PIECE * PIECE; piece < at + (off_t)n; piece += PIECE) {
		assert_true(d->count < CACHE_PIECES);
		struct cached_piece *c = &d->pieces[d->count++];
		c->fd = fd;
		c->at = piece;
		memset(c->before, 0, PIECE);
		if (pread(fd, c->before, PIECE, piece) < 0) return -1;
	}
	return pwrite(fd, p, n, at);
}

static void cut_power(struct caching_disk *d, struct random *random)
{
	for (uint32_t i = d->count; i-- > 0;) {
		const struct cached_piece *c = &d->pieces[i];
		if (random_below(random, 2) && pwrite(c->fd, c->before, PIECE, c->at) < 0) abort();
	}
	d->count = 0;
	d->dark = true;
}

static struct random cutting;
static int caching_fdatasync(void *self, int fd)
{
	struct caching_disk *d = self;
	if (!d->dark && atomic_fetch_sub(&d->syncs_left, 1) <= 0) cut_power(d, &cutting);
	if (d->dark) {
		errno = EIO;
		return -1;
	}
	uint32_t kept = 0;
	for (uint32_t i = 0; i < d->count; i++)
		if (d->pieces[i].fd != fd) d->pieces[kept++] = d->pieces[i];
	d->count = kept;
	return 0;
}

static int dark_ftruncate(void *self, int fd, off_t size)
{
	const struct caching_disk *d = self;
	errno = EIO;
	return d->dark ? -1 : ftruncate(fd, size);
}

static int dark_fallocate(void *self, int fd, off_t size)
{
	const struct caching_disk *d = self;
	errno = EIO;
	return d->dark ? -1 : file_ops_system.fallocate(NULL, fd, size);
}

static int dark_unlink(void *self, const char *path)
{
	const struct caching_disk *d = self;
	errno = EIO;
	return d->dark ? -1 : unlink(path);
}

static const struct file_ops caching_files = {
	fixture_open,   fixture_close, caching_pwrite, caching_fdatasync, dark_ftruncate, dark_fallocate,
	dark_unlink, fixture_pread, fixture_size,   fixture_lock,      fixture_list,
};

// Puts batches of calls until the power goes; what was told is in `told`.
static void run_until_dark(struct fixture *f, struct caching_disk *d, bool *told, uint64_t *next)
{
	struct journal_done done;
	if (journal_open(&f->log, &f->setup) != OK) return; // it went that early
	f->journal = journal_of(f->log);
	assert_int_equal(journal_start(f->log), OK);
	for (uint32_t idle = 0; idle < 100 || !d->dark;) {
		for (uint32_t i = 0; i < 5 && !d->dark; i++) *next += fixture_put(f, RECORD_RELEASE, *next) == OK;
		if (!journal_take(f->log, 0, &done)) {
			idle += d->dark;
			poll(NULL, 0, d->dark ? 0 : 1);
		} else if (done.err == OK) {
			told[done.owner] = true;
		}
	}
	fixture_close_log(f);
}

static void nothing_told_is_lost_with_the_power(void **state)
{
	struct fixture *f = *state;
	static struct caching_disk d;
	static bool told[100000], there[100000];
	static struct call_record r;
	uint64_t next = 1, last = 0;
	uint32_t told_n = 0;
	random_seed(&cutting, 0x5eed);
	f->setup.in_flight_max = 64; // so few that they fit into the cache, however long the journal's thread sleeps
	for (uint32_t cuts = 0; cuts < 4; cuts++) {
		f->setup.files = &caching_files;
		f->setup.files_self = &d;
		f->setup.stop_ms = 20;
		d.count = 0;
		d.dark = false;
		atomic_store(&d.syncs_left, 4 + (int)random_below(&cutting, 60));
		run_until_dark(f, &d, told, &next);
	}
	f->setup.files = NULL;
	fixture_open_log(f);
	struct journal_place after;
	struct journal_reader *reader = must(journal_reader_new(f->log, (struct journal_place){ 0, 0 }));
	while (journal_read(reader, &r, &after) == OK) {
		assert_int_equal(r.sequence, last + 1);
		last = r.sequence;
		assert_false(there[r.call]);
		there[r.call] = true;
	}
	journal_reader_free(reader);
	for (uint64_t call = 1; call < next; call++) {
		if (told[call]) assert_true(there[call]);
		told_n += told[call];
	}
	assert_true(told_n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_torn_end_is_cut_off_at_any_octet),
		FIXTURE_TEST(damage_costs_only_what_is_damaged),
		FIXTURE_TEST(a_damaged_head_is_survived),
		FIXTURE_TEST(what_was_left_unsynced_is_synced_first),
		FIXTURE_TEST(foreign_files_are_left_alone),
		FIXTURE_TEST(nothing_told_is_lost_by_kills),
		FIXTURE_TEST(nothing_told_is_lost_with_the_power),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
