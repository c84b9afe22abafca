// Recordings on their way into files, and old files on their way out.
#include "run/inputs_keep.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

COUNTER(inputs_unwritten, "Recordings of calls that could not be written");
COUNTER(inputs_unread, "Times that the folder of recordings could not be read: none was removed to make room");
COUNTER(inputs_removed, "Recordings of calls that were removed to make room for newer ones");

#define PATH_OCTETS 1024
#define ROUGH_SUFFIX ".tmp" // until all of it is written
#define STEP_FILES 64 // of a worker in one step: the control thread has other things to do

struct inputs_keep {
	char folder[PATH_OCTETS];
	char data[PATH_OCTETS];
	uint64_t bytes, bytes_max; // of all files
	uint32_t workers;
	struct inputs **inputs; // owned, one a worker
	bool failing;           // said so already
};

// ---- The folder ----------------------------------------------------------------------------------------------------

static int by_age(const void *a, const void *b)
{
	const struct inputs_file *x = a, *y = b;
	if (x->written_wall_ms != y->written_wall_ms) return x->written_wall_ms < y->written_wall_ms ? -1 : 1;
	return x->call < y->call ? -1 : x->call > y->call;
}

// Is this the name of a call's file, which ends in `suffix`?
static bool is_named(uint64_t *call, const char *name, const char *suffix)
{
	struct str rest = str_from(name), digits = str_cut(&rest, '.');
	return str_eq(rest, str_from(suffix + 1)) && str_to_u64(call, digits, UINT64_MAX) == OK;
}

static bool is_recording(struct inputs_file *f, DIR *folder, const char *name)
{
	struct stat s;
	if (!is_named(&f->call, name, INPUTS_SUFFIX)) return false;
	if (fstatat(dirfd(folder), name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode)) return false;
	f->bytes = (uint64_t)s.st_size;
	f->written_wall_ms = (uint64_t)s.st_mtim.tv_sec * 1000 + (uint64_t)s.st_mtim.tv_nsec / 1000000;
	return true;
}

static bool add_file(struct inputs_file **files, uint32_t *count, uint32_t *room, const struct inputs_file *f)
{
	if (*count == *room) {
		struct inputs_file *more = realloc(*files, (*room * 2 + 64) * sizeof *more);
		if (!more) return false;
		*files = more;
		*room = *room * 2 + 64;
	}
	(*files)[(*count)++] = *f;
	return true;
}

// The next entry of a folder; NULL with errno 0: there is none.
static struct dirent *next_entry(DIR *folder)
{
	errno = 0;
	return readdir(folder);
}

static enum err read_folder(struct inputs_file **files, uint32_t *count, DIR *folder)
{
	uint32_t room = 0;
	for (struct dirent *e; (e = next_entry(folder));) {
		struct inputs_file f;
		if (is_recording(&f, folder, e->d_name) && !add_file(files, count, &room, &f)) return ERR_FULL;
	}
	return errno == 0 ? OK : ERR_SYSTEM;
}

enum err inputs_files(struct inputs_file **out, uint32_t *count, const char *data)
{
	char path[PATH_OCTETS];
	snprintf(path, sizeof path, "%s/" INPUTS_FOLDER, data);
	*out = NULL;
	*count = 0;
	DIR *folder = opendir(path);
	if (!folder) return errno == ENOENT ? OK : ERR_SYSTEM;
	enum err e = read_folder(out, count, folder);
	closedir(folder);
	if (e != OK) {
		free(*out);
		*out = NULL;
		*count = 0;
	}
	if (*count) qsort(*out, *count, sizeof **out, by_age);
	return e;
}

// What was being written when the program was killed.
static void remove_rough(const struct inputs_keep *k)
{
	uint64_t call;
	DIR *folder = opendir(k->folder);
	if (!folder) return;
	for (struct dirent *e; (e = next_entry(folder));)
		if (is_named(&call, e->d_name, ROUGH_SUFFIX)) unlinkat(dirfd(folder), e->d_name, 0);
	closedir(folder);
}

static void file_path(char path[PATH_OCTETS + 64], const struct inputs_keep *k, uint64_t call, const char *suffix)
{
	snprintf(path, PATH_OCTETS + 64, "%s/%llu%s", k->folder, (unsigned long long)call, suffix);
}

static uint64_t bytes_of(const struct inputs_file *files, uint32_t count)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < count; i++) bytes += files[i].bytes;
	return bytes;
}

// Removes the oldest, down to a little below the limit, so that this is not done for each new one.
static void make_room(struct inputs_keep *k)
{
	char path[PATH_OCTETS + 64];
	struct inputs_file *files;
	uint32_t count;
	if (k->bytes <= k->bytes_max) return;
	if (inputs_files(&files, &count, k->data) != OK) { // next time, perhaps
		COUNT(inputs_unread);
		return;
	}
	k->bytes = bytes_of(files, count);
	for (uint32_t i = 0; i < count && k->bytes > k->bytes_max / 10 * 9; i++) {
		file_path(path, k, files[i].call, INPUTS_SUFFIX);
		if (unlink(path) == 0) COUNT(inputs_removed);
		k->bytes -= files[i].bytes;
	}
	free(files);
}

// ---- Writing -------------------------------------------------------------------------------------------------------

static bool write_file(const char *path, struct str text)
{
	FILE *f = fopen(path, "we");
	if (!f) return false;
	bool written = fwrite(text.p, 1, text.n, f) == text.n;
	return fclose(f) == 0 && written;
}

static void complain(struct inputs_keep *k, bool good)
{
	if (!good) COUNT(inputs_unwritten);
	if (!good && !k->failing)
		LOG(WARN, "inputs_unwritten", LOG_TEXT("recordings of calls cannot be written"), LOG_Z("folder", k->folder),
		    LOG_Z("why", strerror(errno)));
	k->failing = !good;
}

static void write_recording(struct inputs_keep *k, const struct recording *r)
{
	char path[PATH_OCTETS + 64], rough[PATH_OCTETS + 64];
	const struct entry_begin *began = entry_body(r->first);
	uint32_t room = recording_text_max(r);
	char *memory = malloc(room);
	struct buf b = buf_on(memory, memory ? room : 0);
	put_recording(&b, r);
	file_path(path, k, began->call, INPUTS_SUFFIX);
	file_path(rough, k, began->call, ROUGH_SUFFIX);
	bool made = mkdir(k->folder, 0750) == 0 || errno == EEXIST;
	bool good = made && b.err == OK && write_file(rough, buf_str(&b)) && rename(rough, path) == 0;
	complain(k, good);
	if (good) k->bytes += b.n;
	else unlink(rough);
	free(memory);
}

static void write_some(struct inputs_keep *k, uint32_t worker, uint32_t max)
{
	struct recording *r;
	for (uint32_t i = 0; i < max && (r = inputs_take(k->inputs[worker])); i++) {
		write_recording(k, r);
		inputs_give_back(k->inputs[worker], r);
	}
}

void inputs_keep_step(struct inputs_keep *k)
{
	for (uint32_t w = 0; w < k->workers; w++) write_some(k, w, STEP_FILES);
	make_room(k);
}

// ---- Life ----------------------------------------------------------------------------------------------------------

enum err inputs_keep_new(struct inputs_keep **out, const struct inputs_keep_setup *s)
{
	struct inputs_file *files;
	uint32_t count;
	struct inputs_keep *k = calloc(1, sizeof *k);
	*out = k;
	if (!k) return ERR_FULL;
	snprintf(k->data, sizeof k->data, "%s", s->data);
	int n = snprintf(k->folder, sizeof k->folder, "%s/" INPUTS_FOLDER, s->data);
	k->bytes_max = s->bytes_max;
	k->inputs = calloc(s->workers, sizeof *k->inputs);
	enum err e = k->inputs && n < (int)sizeof k->folder ? OK : ERR_FULL;
	for (; k->workers < s->workers && e == OK; k->workers++)
		e = inputs_new(&k->inputs[k->workers], s->memory_max / s->workers, s->mode);
	if (e != OK) {
		*out = inputs_keep_free(k);
		return e;
	}
	remove_rough(k);
	// One that cannot be read now counts as full: it is read again before anything is removed.
	k->bytes = inputs_files(&files, &count, s->data) == OK ? bytes_of(files, count) : s->bytes_max + 1;
	free(files);
	return OK;
}

struct inputs_keep *inputs_keep_free(struct inputs_keep *k)
{
	if (!k) return NULL;
	for (uint32_t w = 0; w < k->workers; w++) {
		if (k->inputs[w]) write_some(k, w, UINT32_MAX);
		inputs_free(k->inputs[w]);
	}
	free(k->inputs);
	free(k);
	return NULL;
}

struct inputs *inputs_keep_of(struct inputs_keep *k, uint32_t worker)
{
	return k->inputs[worker];
}

void inputs_keep_set(struct inputs_keep *k, enum config_inputs mode, uint64_t bytes_max)
{
	k->bytes_max = bytes_max;
	for (uint32_t w = 0; w < k->workers; w++) inputs_set_mode(k->inputs[w], mode);
}
