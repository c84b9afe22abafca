// Files of a run, in memory: what programs see of each, and what a crash would leave of it.
#include "sim/disk.h"

#include "sim/weather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>

#define FILES_MAX 256
#define NAME_MAX_OCTETS 64
#define HANDLES_MAX 64
#define CHANGES_MAX 256
#define PIECE 512
#define SIZE_MAX_OCTETS (4u << 20) // of a file
#define GARBAGE 600                // of 10,000 pieces that were being written when the power failed

struct image { // of a file
	char *bytes; // owned
	uint32_t size;
};

struct file {
	char name[NAME_MAX_OCTETS]; // empty: a free place
	bool linked;                // programs find it by its name
	bool stays;                 // its name is on disk
	struct image seen, stable;
	bool dirty[SIZE_MAX_OCTETS / PIECE]; // written since the last sync
	uint32_t dirty_from, dirty_to;       // none is outside
	int locked_by;              // a handle; -1: none
};

struct change { // of the folder, not on disk yet
	struct file *file;
	bool linked; // it was made; else removed
};

struct disk {
	struct sim *sim;
	struct file *files[FILES_MAX]; // owned
	struct {
		struct file *file; // NULL: the folder
		bool open;
	} handles[HANDLES_MAX];
	struct change changes[CHANGES_MAX];
	uint32_t change_count;
	uint64_t took_ms;
	bool dark;
};

static int refuse(int why)
{
	errno = why;
	return -1;
}

static bool happens(struct disk *d, uint32_t of_10000)
{
	return sim_chance(d->sim, SIM_DISK, of_10000);
}

// Production code asks for it, whose allocations may be refused; the disk's are not.
static void resize(struct disk *d, struct image *i, uint32_t size)
{
	weather_leave();
	char *bytes = realloc(i->bytes, size ? size : 1);
	if (!bytes) abort();
	weather_enter(sim_weather(d->sim));
	if (size > i->size) memset(bytes + i->size, 0, size - i->size);
	i->bytes = bytes;
	i->size = size;
}

static void copy_image(struct disk *d, struct image *to, const struct image *from)
{
	resize(d, to, from->size);
	if (from->size) memcpy(to->bytes, from->bytes, from->size);
}

// ---- Names ----------------------------------------------------------------------------------------------------------

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static struct file *find(struct disk *d, const char *path)
{
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		struct file *f = d->files[i];
		if (f && f->linked && strcmp(f->name, name_of(path)) == 0) return f;
	}
	return NULL;
}

static struct file *drop_file(struct disk *d, struct file *f)
{
	for (uint32_t i = 0; i < FILES_MAX; i++)
		if (d->files[i] == f) d->files[i] = NULL;
	free(f->seen.bytes);
	free(f->stable.bytes);
	free(f);
	return NULL;
}

// Whom neither the folder nor the disk knows any more, and nobody has open.
static void drop_unknown(struct disk *d)
{
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		bool used = d->files[i] && (d->files[i]->linked || d->files[i]->stays);
		for (uint32_t h = 0; d->files[i] && h < HANDLES_MAX; h++)
			used |= d->handles[h].open && d->handles[h].file == d->files[i];
		for (uint32_t c = 0; c < d->change_count; c++) used |= d->changes[c].file == d->files[i];
		if (d->files[i] && !used) drop_file(d, d->files[i]);
	}
}

static void sync_folder(struct disk *d)
{
	for (uint32_t i = 0; i < d->change_count; i++) d->changes[i].file->stays = d->changes[i].linked;
	d->change_count = 0;
	drop_unknown(d);
}

static void change_folder(struct disk *d, struct file *f, bool linked)
{
	f->linked = linked;
	if (d->change_count == CHANGES_MAX) sync_folder(d); // the system does, now and then
	d->changes[d->change_count++] = (struct change){ f, linked };
}

static struct file *make_file(struct disk *d, const char *path)
{
	uint32_t i = 0;
	while (i < FILES_MAX && d->files[i]) i++;
	if (i == FILES_MAX) return NULL;
	weather_leave();
	struct file *f = calloc(1, sizeof *f);
	if (!f) abort();
	weather_enter(sim_weather(d->sim));
	snprintf(f->name, sizeof f->name, "%s", name_of(path));
	f->locked_by = -1;
	d->files[i] = f;
	change_folder(d, f, true);
	return f;
}

// ---- System calls ---------------------------------------------------------------------------------------------------

static struct file *file_of(const struct disk *d, int fd)
{
	return !d->dark && fd >= 0 && fd < HANDLES_MAX && d->handles[fd].open ? d->handles[fd].file : NULL;
}

static int disk_open(void *self, const char *path, int flags, unsigned mode)
{
	struct disk *d = self;
	int fd = 0;
	(void)mode;
	while (fd < HANDLES_MAX && d->handles[fd].open) fd++;
	if (d->dark || fd == HANDLES_MAX) return refuse(d->dark ? EIO : EMFILE);
	struct file *f = flags & O_DIRECTORY ? NULL : find(d, path);
	if (f && flags & O_EXCL) return refuse(EEXIST);
	if (!f && !(flags & O_DIRECTORY)) {
		if (!(flags & O_CREAT)) return refuse(ENOENT);
		if (sim_weather(d->sim)->disk_full) return refuse(ENOSPC);
		f = make_file(d, path);
		if (!f) return refuse(ENOSPC);
	}
	d->handles[fd].open = true;
	d->handles[fd].file = f;
	return fd;
}

static int disk_close(void *self, int fd)
{
	struct disk *d = self;
	struct file *f = file_of(d, fd);
	if (d->dark || fd < 0 || fd >= HANDLES_MAX || !d->handles[fd].open) return refuse(EBADF);
	if (f && f->locked_by == fd) f->locked_by = -1;
	d->handles[fd].open = false;
	return 0;
}

// Puts octets where programs see them.
static void put_seen(struct disk *d, struct file *f, const char *p, uint32_t n, uint32_t at)
{
	if (at + n > f->seen.size) resize(d, &f->seen, at + n);
	memcpy(f->seen.bytes + at, p, n);
	uint32_t from = at / PIECE, to = (at + n - 1) / PIECE + 1;
	for (uint32_t i = from; i < to; i++) f->dirty[i] = true;
	if (f->dirty_from == f->dirty_to) f->dirty_from = from, f->dirty_to = to;
	if (from < f->dirty_from) f->dirty_from = from;
	if (to > f->dirty_to) f->dirty_to = to;
}

static void be_clean(struct file *f)
{
	memset(f->dirty + f->dirty_from, 0, (f->dirty_to - f->dirty_from) * sizeof *f->dirty);
	f->dirty_from = f->dirty_to = 0;
}

// One piece goes to the disk as programs see it.
static void write_piece(struct file *f, uint32_t i)
{
	uint32_t at = i * PIECE, least = f->seen.size < f->stable.size ? f->seen.size : f->stable.size;
	if (at < least) memcpy(f->stable.bytes + at, f->seen.bytes + at, least - at < PIECE ? least - at : PIECE);
}

static ssize_t disk_pwrite(void *self, int fd, const void *p, size_t n, off_t at)
{
	struct disk *d = self;
	struct file *f = file_of(d, fd);
	if (!f) return refuse(EIO);
	if (n == 0 || (uint64_t)at + n > SIZE_MAX_OCTETS) return refuse(EFBIG);
	bool grows = (uint64_t)at + n > f->seen.size, full = grows && sim_weather(d->sim)->disk_full;
	uint32_t some = (uint32_t)n;
	if (full || happens(d, sim_weather(d->sim)->write_fails)) {
		some = sim_below(d->sim, SIM_DISK, (uint32_t)n + 1); // what it did before it failed
		if (some && !full) put_seen(d, f, p, some, (uint32_t)at);
		return refuse(full ? ENOSPC : EIO);
	}
	if (happens(d, 100)) some = 1 + sim_below(d->sim, SIM_DISK, (uint32_t)n);
	put_seen(d, f, p, some, (uint32_t)at);
	return some;
}

static void settle(struct disk *d, struct file *f)
{
	if (f->stable.size != f->seen.size) resize(d, &f->stable, f->seen.size);
	for (uint32_t i = f->dirty_from; i < f->dirty_to; i++)
		if (f->dirty[i]) write_piece(f, i);
	be_clean(f);
}

// Some of it got there, the rest is forgotten.
static void lose_some(struct disk *d, struct file *f)
{
	if (f->stable.size < f->seen.size) resize(d, &f->stable, f->seen.size);
	for (uint32_t i = f->dirty_from; i < f->dirty_to; i++)
		if (f->dirty[i] && happens(d, 5000)) write_piece(f, i);
	be_clean(f);
}

static int disk_fdatasync(void *self, int fd)
{
	struct disk *d = self;
	const struct weather *w = sim_weather(d->sim);
	if (d->dark || fd < 0 || fd >= HANDLES_MAX || !d->handles[fd].open) return refuse(EIO);
	struct file *f = d->handles[fd].file;
	d->took_ms += sim_between(d->sim, SIM_DISK, w->sync_min_ms, w->sync_max_ms);
	if (happens(d, w->sync_fails)) {
		if (f) lose_some(d, f);
		return refuse(EIO);
	}
	if (f) settle(d, f);
	else sync_folder(d);
	return 0;
}

static int disk_ftruncate(void *self, int fd, off_t size)
{
	struct disk *d = self;
	struct file *f = file_of(d, fd);
	if (!f || happens(d, sim_weather(d->sim)->write_fails)) return refuse(EIO);
	resize(d, &f->seen, (uint32_t)size);
	return 0;
}

static int disk_fallocate(void *self, int fd, off_t size)
{
	struct disk *d = self;
	struct file *f = file_of(d, fd);
	if (!f) return refuse(EIO);
	if (size > SIZE_MAX_OCTETS || sim_weather(d->sim)->disk_full) return refuse(ENOSPC);
	if ((uint64_t)size > f->seen.size) resize(d, &f->seen, (uint32_t)size);
	return 0;
}

static int disk_unlink(void *self, const char *path)
{
	struct disk *d = self;
	struct file *f = d->dark ? NULL : find(d, path);
	if (!f) return refuse(d->dark ? EIO : ENOENT);
	change_folder(d, f, false);
	return 0;
}

static ssize_t disk_pread(void *self, int fd, void *p, size_t n, off_t at)
{
	struct disk *d = self;
	struct file *f = file_of(d, fd);
	if (!f) return refuse(EIO);
	if ((uint64_t)at >= f->seen.size) return 0;
	if (n > f->seen.size - (uint64_t)at) n = f->seen.size - (size_t)at;
	memcpy(p, f->seen.bytes + at, n);
	return (ssize_t)n;
}

static off_t disk_size(void *self, int fd)
{
	const struct file *f = file_of(self, fd);
	return f ? (off_t)f->seen.size : refuse(EIO);
}

static int disk_lock(void *self, int fd)
{
	struct file *f = file_of(self, fd);
	if (!f || f->locked_by >= 0) return refuse(f ? EWOULDBLOCK : EIO);
	f->locked_by = fd;
	return 0;
}

// In no order, as the system has it: newest places first.
static int disk_list(void *self, const char *folder, bool (*each)(void *to, const char *name), void *to)
{
	struct disk *d = self;
	(void)folder;
	if (d->dark) return refuse(EIO);
	for (uint32_t i = FILES_MAX; i-- > 0;)
		if (d->files[i] && d->files[i]->linked && !each(to, d->files[i]->name)) break;
	return 0;
}

const struct file_ops *disk_ops(void)
{
	static const struct file_ops ops = {
		.open = disk_open, .close = disk_close, .pwrite = disk_pwrite, .fdatasync = disk_fdatasync,
		.ftruncate = disk_ftruncate, .fallocate = disk_fallocate, .unlink = disk_unlink, .pread = disk_pread,
		.size = disk_size, .lock = disk_lock, .list = disk_list,
	};
	return &ops;
}

uint64_t disk_took_ms(struct disk *d)
{
	uint64_t ms = d->took_ms;
	d->took_ms = 0;
	return ms;
}

uint64_t disk_use(const struct disk *d)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < FILES_MAX; i++) sum += d->files[i] && d->files[i]->linked ? d->files[i]->seen.size : 0;
	return sum;
}

// ---- The power ------------------------------------------------------------------------------------------------------

// What a sync has put into the same piece before stays: disks that lose it would fail every database, too.
static void spoil_piece(struct disk *d, struct file *f, uint32_t i)
{
	for (uint32_t at = i * PIECE; at < (i + 1) * PIECE && at < f->stable.size; at++) {
		char garbage = (char)sim_below(d->sim, SIM_DISK, 256);
		bool written = at >= f->seen.size || f->seen.bytes[at] != f->stable.bytes[at];
		if (written) f->stable.bytes[at] = garbage;
	}
}

static void tear(struct disk *d, struct file *f)
{
	if (f->stable.size != f->seen.size && happens(d, 5000)) resize(d, &f->stable, f->seen.size);
	for (uint32_t i = f->dirty_from; i < f->dirty_to; i++) {
		if (!f->dirty[i]) continue;
		if (happens(d, GARBAGE)) spoil_piece(d, f, i);
		else if (happens(d, 5000)) write_piece(f, i);
	}
	be_clean(f);
	copy_image(d, &f->seen, &f->stable);
	f->locked_by = -1;
}

void disk_crash(struct disk *d)
{
	uint32_t kept = d->change_count ? sim_below(d->sim, SIM_DISK, d->change_count + 1) : 0;
	d->change_count = kept;
	memset(d->handles, 0, sizeof d->handles);
	sync_folder(d);
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		struct file *f = d->files[i];
		if (!f) continue;
		f->linked = f->stays;
		tear(d, f);
	}
	drop_unknown(d);
	weather_leave();
	d->took_ms = 0;
	d->dark = true;
}

void disk_boot(struct disk *d)
{
	d->dark = false;
}

struct disk *disk_new(struct sim *s)
{
	struct disk *d = calloc(1, sizeof *d);
	if (d) d->sim = s;
	return d;
}

struct disk *disk_free(struct disk *d)
{
	if (!d) return NULL;
	for (uint32_t i = 0; i < FILES_MAX; i++)
		if (d->files[i]) drop_file(d, d->files[i]);
	free(d);
	return NULL;
}
