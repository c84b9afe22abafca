// For tests of the journal: a folder of its own, records, and a disk that fails on command.
#pragma once

#include "base/testing.h"
#include "keep/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// What the disk does; 0 is the system's own doing. Set by the test, read by the journal's thread.
struct faulty_disk {
	_Atomic int pwrite_errno, pread_errno, fdatasync_errno, fallocate_errno, ftruncate_errno;
	_Atomic int fdatasync_fails; // this many times, then no more
	_Atomic int write_at_most;   // octets that one pwrite takes
	_Atomic bool sync_hangs;     // until this is false again
	_Atomic int writes, syncs;   // so many were begun
};

static inline int fixture_open(void *self, const char *path, int flags, unsigned mode)
{
	return file_ops_system.open(self, path, flags, mode);
}

static inline ssize_t fixture_pwrite(void *self, int fd, const void *p, size_t n, off_t at)
{
	struct faulty_disk *d = self;
	int most = atomic_load(&d->write_at_most);
	atomic_fetch_add(&d->writes, 1);
	if (atomic_load(&d->pwrite_errno)) {
		// a disk that fills up takes the beginning
		if (n > 100 && most == 0) (void)!pwrite(fd, p, n / 2, at);
		errno = atomic_load(&d->pwrite_errno);
		return -1;
	}
	return pwrite(fd, p, most && (size_t)most < n ? (size_t)most : n, at);
}

static inline int fixture_fdatasync(void *self, int fd)
{
	struct faulty_disk *d = self;
	atomic_fetch_add(&d->syncs, 1);
	while (atomic_load(&d->sync_hangs)) poll(NULL, 0, 1);
	errno = atomic_load(&d->fdatasync_errno);
	if (atomic_load(&d->fdatasync_fails) > 0) {
		atomic_fetch_sub(&d->fdatasync_fails, 1);
		errno = EIO;
	}
	return errno ? -1 : fdatasync(fd);
}

static inline int fixture_ftruncate(void *self, int fd, off_t size)
{
	struct faulty_disk *d = self;
	errno = atomic_load(&d->ftruncate_errno);
	return errno ? -1 : ftruncate(fd, size);
}

static inline int fixture_fallocate(void *self, int fd, off_t size)
{
	struct faulty_disk *d = self;
	errno = atomic_load(&d->fallocate_errno);
	return errno ? -1 : file_ops_system.fallocate(NULL, fd, size);
}

static inline int fixture_close(void *self, int fd)
{
	return file_ops_system.close(self, fd);
}

static inline int fixture_unlink(void *self, const char *path)
{
	return file_ops_system.unlink(self, path);
}

static inline ssize_t fixture_pread(void *self, int fd, void *p, size_t n, off_t at)
{
	struct faulty_disk *d = self;
	errno = atomic_load(&d->pread_errno);
	return errno ? -1 : file_ops_system.pread(NULL, fd, p, n, at);
}

static inline off_t fixture_size(void *self, int fd)
{
	return file_ops_system.size(self, fd);
}

static inline int fixture_lock(void *self, int fd)
{
	return file_ops_system.lock(self, fd);
}

static inline int fixture_list(void *self, const char *folder, bool (*each)(void *to, const char *name), void *to)
{
	return file_ops_system.list(self, folder, each, to);
}

static const struct file_ops fixture_files = {
	fixture_open,   fixture_close, fixture_pwrite, fixture_fdatasync, fixture_ftruncate, fixture_fallocate,
	fixture_unlink, fixture_pread, fixture_size,   fixture_lock,      fixture_list,
};

struct fixture {
	char folder[TEST_FOLDER_MAX];
	struct faulty_disk disk;
	struct journal_setup setup;
	struct journal_log *log;
	struct journal journal;
};

// An empty folder below `parent`; the journal is not open yet.
static inline void fixture_init_below(struct fixture *f, const char *parent)
{
	memset(f, 0, sizeof *f);
	test_folder_below(f->folder, parent);
	f->setup = (struct journal_setup){ .folder = f->folder, .workers = 2, .segment_bytes = 64 * 1024,
		                               .files = &fixture_files, .files_self = &f->disk };
}

static inline void fixture_init(struct fixture *f)
{
	fixture_init_below(f, test_folder_parent());
}

static inline void fixture_open_log(struct fixture *f)
{
	assert_int_equal(journal_open(&f->log, &f->setup), OK);
	f->journal = journal_of(f->log);
}

static inline void fixture_start(struct fixture *f)
{
	fixture_open_log(f);
	assert_int_equal(journal_start(f->log), OK);
}

static inline void fixture_close_log(struct fixture *f)
{
	f->log = journal_close(f->log);
}

static inline uint32_t fixture_each_file(const struct fixture *f, void (*each)(const char *path))
{
	DIR *folder = opendir(f->folder);
	uint32_t segments = 0;
	assert_non_null(folder);
	for (struct dirent *e; (e = readdir(folder));) {
		char path[400];
		snprintf(path, sizeof path, "%s/%s", f->folder, e->d_name);
		if (e->d_name[0] == '.') continue;
		segments += strstr(e->d_name, ".journal") != NULL;
		if (each) each(path);
	}
	closedir(folder);
	return segments;
}

static inline void fixture_fini(struct fixture *f)
{
	fixture_close_log(f);
	test_folder_remove(f->folder);
}

// A test that has one of its own, for cmocka.
static inline int fixture_setup(void **state)
{
	struct fixture *f = must(malloc(sizeof *f));
	log_quiet = true;
	fixture_init(f);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static inline struct call_record *fixture_record(uint8_t kind, uint64_t call)
{
	static _Thread_local struct call_record r;
	memset(&r, 0, sizeof r);
	r.kind = kind;
	r.call = call;
	r.answered = true;
	r.began_wall_ms = 1700000000000;
	r.answered_wall_ms = 1700000005000;
	r.ladder_n = 8; // some size
	snprintf(r.dialled, sizeof r.dialled, "%llu", (unsigned long long)call);
	return &r;
}

static inline enum err fixture_put(struct fixture *f, uint8_t kind, uint64_t call)
{
	return f->journal.ops->put(f->journal.self, 0, fixture_record(kind, call), call);
}

// Waits for the next record to be on disk: is it this one?
static inline bool fixture_done(struct fixture *f, uint8_t kind, uint64_t call)
{
	struct journal_done done;
	AWAIT(journal_take(f->log, 0, &done));
	return done.owner == call && done.kind == kind && done.err == OK;
}

static inline void fixture_keep(struct fixture *f, uint8_t kind, uint64_t call)
{
	assert_int_equal(fixture_put(f, kind, call), OK);
	assert_true(fixture_done(f, kind, call));
}

static inline void fixture_becomes(struct fixture *f, bool healthy)
{
	AWAIT(f->journal.ops->healthy(f->journal.self) == healthy);
}

// All RELEASE records on disk: their numbers must be 1, 2, 3...; returns how many, and the calls in order.
static inline uint32_t fixture_releases(struct fixture *f, uint64_t *calls, uint32_t max)
{
	static struct call_record r;
	struct journal_place after;
	struct journal_reader *reader = journal_reader_new(f->log, (struct journal_place){ 0, 0 });
	uint32_t n = 0;
	uint64_t last = 0;
	assert_non_null(reader);
	while (journal_read(reader, &r, &after) == OK) {
		if (r.sequence <= last) continue; // written twice after a failed fdatasync: loaded once, by its number
		assert_int_equal(r.sequence, last + 1);
		last = r.sequence;
		if (n < max) calls[n] = r.call;
		n++;
	}
	journal_reader_free(reader);
	return n;
}

static inline uint32_t fixture_recovered(struct fixture *f, uint64_t *life)
{
	static struct call_record r;
	uint32_t n = 0;
	while (journal_next_recovered(f->log, &r, life)) n++;
	return n;
}
