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
COUNTER(inputs_removed, "Recordings of calls that were removed to make room for newer ones");

#define PATH_OCTETS 1024
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

static bool is_recording(struct inputs_file *f, DIR *folder, const char *name)
{
	struct str rest = str_from(name), digits = str_cut(&rest, '.');
	struct stat s;
	if (!str_eq(rest, STR("call")) || str_to_u64(&f->call, digits, UINT64_MAX) != OK) return false;
	if (fstatat(dirfd(folder), name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode)) return false;
	f->bytes = (uint64_t)s.st_size;
	f->written_wall_ms = (uint64_t)s.st_mtim.tv_sec * 1000 + (uint64_t)s.st_mtim.tv_nsec / 1000000;
	return true;
}

uint32_t inputs_files(struct inputs_file **out, const char *data)
{
	char path[PATH_OCTETS];
	uint32_t count = 0, room = 0;
	snprintf(path, sizeof path, "%s/" INPUTS_FOLDER, data);
	DIR *folder = opendir(path);
	*out = NULL;
	for (struct dirent *e; folder && (e = readdir(folder));) {
		struct inputs_file f;
		if (!is_recording(&f, folder, e->d_name)) continue;
		if (count == room) {
			struct inputs_file *more = realloc(*out, (room = room * 2 + 64) * sizeof *more);
			if (!more) break;
			*out = more;
		}
		(*out)[count++] = f;
	}
	if (folder) closedir(folder);
	if (count) qsort(*out, count, sizeof **out, by_age);
	return count;
}

static void file_path(char path[PATH_OCTETS + 64], const struct inputs_keep *k, uint64_t call, const char *suffix)
{
	snprintf(path, PATH_OCTETS + 64, "%s/%llu%s", k->folder, (unsigned long long)call, suffix);
}

// Removes the oldest, down to a little below the limit, so that this is not done for each new one.
static void make_room(struct inputs_keep *k)
{
	char path[PATH_OCTETS + 64];
	struct inputs_file *files;
	if (k->bytes <= k->bytes_max) return;
	uint32_t count = inputs_files(&files, k->data);
	k->bytes = 0;
	for (uint32_t i = 0; i < count; i++) k->bytes += files[i].bytes;
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
	file_path(rough, k, began->call, ".tmp");
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
	uint32_t count = inputs_files(&files, s->data);
	for (uint32_t i = 0; i < count; i++) k->bytes += files[i].bytes;
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
