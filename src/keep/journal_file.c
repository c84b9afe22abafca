// Frames and segments.
#include "keep/journal_file.h"

#include "base/bug.h"
#include "base/random.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- The system -----------------------------------------------------------------------------------------------------

static int system_open(void *self, const char *path, int flags, unsigned mode)
{
	(void)self;
	return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(void *self, int fd)
{
	(void)self;
	return close(fd);
}

static ssize_t system_pwrite(void *self, int fd, const void *p, size_t n, off_t at)
{
	(void)self;
	return pwrite(fd, p, n, at);
}

static int system_fdatasync(void *self, int fd)
{
	(void)self;
	return fdatasync(fd);
}

static int system_ftruncate(void *self, int fd, off_t size)
{
	(void)self;
	return ftruncate(fd, size);
}

// Where a file system cannot reserve, the file grows as it is written.
static int system_fallocate(void *self, int fd, off_t size)
{
	(void)self;
	return fallocate(fd, 0, 0, size) == 0 || errno == EOPNOTSUPP ? 0 : -1;
}

static int system_unlink(void *self, const char *path)
{
	(void)self;
	return unlink(path);
}

static ssize_t system_pread(void *self, int fd, void *p, size_t n, off_t at)
{
	(void)self;
	return pread(fd, p, n, at);
}

static off_t system_size(void *self, int fd)
{
	struct stat st;
	(void)self;
	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static int system_lock(void *self, int fd)
{
	(void)self;
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int system_list(void *self, const char *folder, bool (*each)(void *to, const char *name), void *to)
{
	DIR *d = opendir(folder);
	(void)self;
	if (!d) return -1;
	for (struct dirent *e; (e = readdir(d)) && each(to, e->d_name);) {}
	closedir(d);
	return 0;
}

const struct file_ops file_ops_system = {
	.open = system_open, .close = system_close, .pwrite = system_pwrite, .fdatasync = system_fdatasync,
	.ftruncate = system_ftruncate, .fallocate = system_fallocate, .unlink = system_unlink, .pread = system_pread,
	.size = system_size, .lock = system_lock, .list = system_list,
};

// ---- Frames ---------------------------------------------------------------------------------------------------------

#define MARK 0x4c4e524au // "JRNL"
#define VERSION 1

struct head { // as it stands in the file
	uint32_t mark, payload_n;
	uint64_t check; // of the head and the payload
	uint64_t committed, wall_ms, sequence, call;
	uint32_t boot;
	uint8_t kind, version;
	uint16_t unused;
};
static_assert(sizeof(struct head) == 56, "the form of the file");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers stand in the file with their least octet first");

// The hash of the head with the hash of the payload in the place of the check.
static uint64_t check_of(const struct head *h, struct str payload)
{
	static const struct hash_key key = { { 0x6a6f75726e616c31, 0x6469616c746f6e65 } };
	struct head copy = *h;
	copy.check = hash_str(&key, payload);
	return hash_str(&key, (struct str){ (const char *)&copy, sizeof copy });
}

void put_journal_frame(struct buf *b, const struct journal_frame *f)
{
	struct head h = { .mark = MARK, .payload_n = f->payload.n, .committed = f->committed, .wall_ms = f->wall_ms,
		              .sequence = f->sequence, .call = f->call, .boot = f->boot, .kind = f->kind, .version = VERSION };
	h.check = check_of(&h, f->payload);
	put(b, (struct str){ (const char *)&h, sizeof h });
	put(b, f->payload);
}

enum parse journal_frame_parse(struct journal_frame *out, struct str bytes)
{
	static const uint32_t mark = MARK;
	struct head h;
	if (memcmp(bytes.p, &mark, bytes.n < sizeof mark ? bytes.n : sizeof mark) != 0) return PARSE_BAD;
	if (bytes.n < sizeof h) return PARSE_MORE;
	memcpy(&h, bytes.p, sizeof h);
	if (h.version != VERSION || h.payload_n > JOURNAL_FRAME_MAX - sizeof h) return PARSE_BAD;
	if (bytes.n - sizeof h < h.payload_n) return PARSE_MORE;
	struct str payload = { bytes.p + sizeof h, h.payload_n };
	if (h.check != check_of(&h, payload)) return PARSE_BAD;
	*out = (struct journal_frame){ .kind = h.kind, .boot = h.boot, .call = h.call, .sequence = h.sequence,
		                           .committed = h.committed, .wall_ms = h.wall_ms, .payload = payload,
		                           .size = (uint32_t)sizeof h + h.payload_n };
	return PARSE_OK;
}

// ---- Segments -------------------------------------------------------------------------------------------------------

void put_journal_path(struct buf *b, const char *folder, uint64_t number)
{
	put_fmt(b, "%s/%020llu.journal", folder, (unsigned long long)number);
	put_c(b, '\0');
}

int journal_segment_open(const struct journal_files *f, uint64_t number)
{
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	put_journal_path(&b, f->folder, number);
	return b.err == OK ? f->ops->open(f->self, path, O_RDONLY, 0) : -1;
}

ssize_t journal_read_at(const struct journal_files *f, int fd, char *p, size_t n, uint64_t at)
{
	size_t got = 0;
	while (got < n) {
		ssize_t more = f->ops->pread(f->self, fd, p + got, n - got, (off_t)(at + got));
		if (more < 0 && errno == EINTR) continue;
		if (more < 0) return -1;
		if (more == 0) break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

static enum err err_of_errno(void)
{
	return errno == EEXIST ? ERR_EXISTS : errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_SYSTEM;
}

// The folder's entry for a new file is on disk only when the folder is.
static enum err sync_folder(const struct journal_files *f)
{
	int fd = f->ops->open(f->self, f->folder, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0) return ERR_SYSTEM;
	int failed = f->ops->fdatasync(f->self, fd);
	f->ops->close(f->self, fd);
	return failed ? ERR_SYSTEM : OK;
}

enum err journal_segment_make(struct journal_segment *s, const struct journal_files *f, uint64_t number)
{
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	*s = (struct journal_segment){ .fd = -1, .number = number };
	put_journal_path(&b, f->folder, number);
	if (b.err != OK) return ERR_SYSTEM;
	int fd = f->ops->open(f->self, path, O_CREAT | O_EXCL | O_RDWR, 0600);
	if (fd < 0) return err_of_errno();
	enum err err = OK;
	if (f->ops->fallocate(f->self, fd, (off_t)f->segment_bytes) || f->ops->fdatasync(f->self, fd)) err = err_of_errno();
	if (err == OK) err = sync_folder(f);
	if (err != OK) {
		int why = errno;
		f->ops->close(f->self, fd);
		f->ops->unlink(f->self, path);
		errno = why; // for the log
		return err;
	}
	s->fd = fd;
	return OK;
}

static enum err write_all(const struct journal_files *f, int fd, struct str bytes, uint64_t at)
{
	while (bytes.n) {
		ssize_t n = f->ops->pwrite(f->self, fd, bytes.p, bytes.n, (off_t)at);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return err_of_errno();
		bytes = str_from_at(bytes, (uint32_t)n);
		at += (uint64_t)n;
	}
	return OK;
}

enum err journal_segment_append(struct journal_segment *s, const struct journal_files *f, struct str bytes)
{
	enum err err = write_all(f, s->fd, bytes, s->end);
	if (err != OK) return err == ERR_FULL ? ERR_FULL : ERR_SYSTEM;
	// The system may have thrown away what it could not write, and says so once: nothing of it can be trusted.
	if (f->ops->fdatasync(f->self, s->fd) && !BUG(failed_sync_believed)) return ERR_STATE;
	s->end += bytes.n;
	return OK;
}

void journal_segment_close(struct journal_segment *s, const struct journal_files *f)
{
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	if (s->fd < 0) return;
	// If it cannot be cut, what lies past the end is found to be so when it is read.
	if (s->end && f->ops->ftruncate(f->self, s->fd, (off_t)s->end)) {}
	f->ops->close(f->self, s->fd);
	s->fd = -1;
	put_journal_path(&b, f->folder, s->number);
	if (s->end == 0) f->ops->unlink(f->self, path);
}
