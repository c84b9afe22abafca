// What the last run left: reads all segments, finds torn ends and damage, and the calls that were never released.
#include "keep/journal_core.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

COUNTER(journal_torn, "Segments whose end was a torn write, cut off at start");
COUNTER(journal_damaged, "Places in segments that the disk damaged, passed over");
COUNTER(journal_not_understood, "Records in the journal that could not be understood");

// Reading does not go through file_ops: what is made to fail there is writing.
static int open_segment(const struct journal_log *j, uint64_t number, int flags)
{
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	put_journal_path(&b, j->folder, number);
	return b.err == OK ? open(path, flags | O_CLOEXEC) : -1;
}

static ssize_t read_at(int fd, char *p, size_t n, uint64_t at)
{
	size_t got = 0;
	while (got < n) {
		ssize_t more = pread(fd, p + got, n - got, (off_t)(at + got));
		if (more < 0 && errno == EINTR) continue;
		if (more < 0) return -1;
		if (more == 0) break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

uint32_t journal_next_sound(struct str rest, uint64_t at)
{
	struct journal_frame f;
	for (uint32_t i = 1; i < rest.n; i++) {
		const char *mark = memchr(rest.p + i, 'J', rest.n - i);
		if (!mark) return 0;
		i = (uint32_t)(mark - rest.p);
		if (journal_frame_parse(&f, str_from_at(rest, i)) == PARSE_OK && f.committed > at) return i;
	}
	return 0;
}

static bool all_zero(struct str s)
{
	return s.n == 0 || (s.p[0] == 0 && memcmp(s.p, s.p + 1, s.n - 1) == 0);
}

// ---- Lives of former starts -----------------------------------------------------------------------------------------

static enum err note_life(struct journal_log *j, uint32_t boot, uint64_t wall_ms)
{
	uint32_t i = 0;
	while (i < j->life_count && j->lives[i].boot != boot) i++;
	if (i == j->life_count) {
		struct life *more = realloc(j->lives, (i + 1) * sizeof *more);
		if (!more) return ERR_FULL;
		j->lives = more;
		j->lives[j->life_count++] = (struct life){ .boot = boot };
	}
	if (wall_ms > j->lives[i].wall_ms) j->lives[i].wall_ms = wall_ms;
	return OK;
}

// ---- One segment ----------------------------------------------------------------------------------------------------

struct scan {
	struct journal_log *j;
	uint64_t number;
	struct str bytes;
	uint32_t at;
};

static enum err scan_frame(struct scan *s, const struct journal_frame *f)
{
	struct journal_log *j = s->j;
	if (f->kind == JOURNAL_SEGMENT && f->payload.n == sizeof j->id) memcpy(&j->id, f->payload.p, sizeof j->id);
	if (f->boot > j->boot) j->boot = f->boot;
	if (f->sequence > j->sequence) j->sequence = f->sequence;
	enum err err = journal_note(j, f, s->number, s->at);
	return err == OK ? note_life(j, f->boot, f->wall_ms) : err;
}

// Reads the frames up to the end or the torn write; s->at is then where the segment ends.
static enum err scan_frames(struct scan *s)
{
	enum err err = OK;
	while (err == OK) {
		struct journal_frame f;
		struct str rest = str_from_at(s->bytes, s->at);
		if (rest.n && journal_frame_parse(&f, rest) == PARSE_OK) {
			err = scan_frame(s, &f);
			s->at += f.size;
			continue;
		}
		uint32_t skip = all_zero(rest) ? 0 : journal_next_sound(rest, s->at);
		if (skip == 0) return OK;
		COUNT(journal_damaged);
		LOG(ERROR, "journal_damaged", LOG_TEXT("the disk damaged a segment of the journal: records may be missing"),
		    LOG_U64("segment", s->number), LOG_U64("at", s->at), LOG_U64("octets", skip));
		s->at += skip;
	}
	return err;
}

// Cuts the file to what was read, so that nobody ever sees the rest as records.
static void cut_segment(const struct scan *s)
{
	const struct journal_files *f = &s->j->files;
	struct str rest = str_from_at(s->bytes, s->at);
	if (!all_zero(rest)) {
		COUNT(journal_torn);
		LOG(WARN, "journal_torn", LOG_TEXT("the last write before the stop was torn: cut off, nobody was told of it"),
		    LOG_U64("segment", s->number), LOG_U64("at", s->at));
	}
	char path[4096];
	struct buf b = buf_on(path, sizeof path);
	put_journal_path(&b, s->j->folder, s->number);
	if (s->at == 0) {
		f->ops->unlink(f->self, path);
		return;
	}
	int fd = f->ops->open(f->self, path, O_RDWR, 0);
	if (fd < 0) return; // it is found again, and so is its end
	if (f->ops->ftruncate(f->self, fd, (off_t)s->at) == 0) f->ops->fdatasync(f->self, fd);
	f->ops->close(f->self, fd);
}

static enum err scan_segment(struct journal_log *j, uint64_t number)
{
	struct stat st;
	int fd = open_segment(j, number, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > UINT32_MAX) {
		if (fd >= 0) close(fd);
		return ERR_SYSTEM;
	}
	char *memory = malloc((size_t)st.st_size + 1);
	ssize_t n = memory ? read_at(fd, memory, (size_t)st.st_size, 0) : -1;
	close(fd);
	struct scan s = { .j = j, .number = number, .bytes = { memory, n > 0 ? (uint32_t)n : 0 } };
	enum err err = !memory ? ERR_FULL : n < 0 ? ERR_SYSTEM : journal_add_segment(j, number, 0);
	if (err == OK) err = scan_frames(&s);
	if (err == OK) {
		cut_segment(&s);
		if (s.at) journal_segment_info(j, number)->end = s.at;
		else j->segment_count--;
	}
	free(memory);
	return err;
}

// ---- The folder -----------------------------------------------------------------------------------------------------

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static bool segment_number(uint64_t *out, const char *name)
{
	struct str rest = str_from(name), number = str_cut(&rest, '.');
	return number.n == 20 && str_eq(rest, STR("journal")) && str_to_u64(out, number, UINT64_MAX - 1) == OK;
}

static enum err list_segments(const struct journal_log *j, uint64_t **numbers, uint32_t *count)
{
	DIR *folder = opendir(j->folder);
	enum err err = folder ? OK : ERR_SYSTEM;
	uint32_t max = 0;
	for (struct dirent *e; err == OK && (e = readdir(folder));) {
		uint64_t number;
		if (!segment_number(&number, e->d_name)) continue;
		if (*count == max) {
			max = max ? max * 2 : 64;
			uint64_t *more = realloc(*numbers, max * sizeof *more);
			if (!more) err = ERR_FULL;
			else *numbers = more;
		}
		if (err == OK) (*numbers)[(*count)++] = number;
	}
	if (folder) closedir(folder);
	if (*count) qsort(*numbers, *count, sizeof **numbers, by_number);
	return err;
}

enum err journal_scan(struct journal_log *j)
{
	uint64_t *numbers = NULL;
	uint32_t count = 0;
	enum err err = list_segments(j, &numbers, &count);
	for (uint32_t i = 0; i < count && err == OK; i++) {
		j->number = numbers[i];
		err = scan_segment(j, numbers[i]);
	}
	free(numbers);
	atomic_store(&j->sequence_done, j->sequence);
	j->recovered_at = j->open_calls.next;
	return err;
}

enum err journal_frame_at(const struct journal_log *j, uint64_t segment, uint64_t offset, char *memory,
                          struct journal_frame *out)
{
	int fd = open_segment(j, segment, O_RDONLY);
	if (fd < 0) return ERR_SYSTEM;
	ssize_t n = read_at(fd, memory, JOURNAL_FRAME_MAX, offset);
	close(fd);
	if (n < 0) return ERR_SYSTEM;
	return n > 0 && journal_frame_parse(out, (struct str){ memory, (uint32_t)n }) == PARSE_OK ? OK : ERR_BAD;
}

// ---- The calls ------------------------------------------------------------------------------------------------------

bool journal_next_recovered(struct journal_log *j, struct call_record *answer, uint64_t *last_life_wall_ms)
{
	char memory[JOURNAL_FRAME_MAX];
	while (j->recovered_at != &j->open_calls) {
		const struct open_call *c = LIST_OF(j->recovered_at, struct open_call, in_order);
		struct journal_frame f;
		j->recovered_at = j->recovered_at->next;
		enum err err = journal_frame_at(j, c->segment, c->offset, memory, &f);
		*last_life_wall_ms = journal_life_of(j, c->boot);
		if (err == OK && call_record_parse(answer, f.payload) == OK) return true;
		COUNT(journal_not_understood);
		LOG(ERROR, "journal_not_understood", LOG_TEXT("an answered call is not recovered"), LOG_U64("call", c->call));
	}
	return false;
}

void journal_recovered_release(struct call_record *release, const struct call_record *answer,
                               uint64_t last_life_wall_ms)
{
	*release = *answer;
	release->kind = RECORD_RELEASE;
	release->recovered = true;
	release->answered = true;
	release->released_by = 2;
	release->cause = cause_local(CAUSE_TEMPORARY);
	uint64_t answered = answer->answered_wall_ms;
	release->ended_wall_ms = last_life_wall_ms > answered ? last_life_wall_ms : answered;
	release->answered_for_ms = release->ended_wall_ms - answered;
	uint64_t since = release->ended_wall_ms - answer->began_wall_ms;
	if (release->ended_wall_ms < answer->began_wall_ms) since = 0; // the clock was set
	uint32_t row = release->trail_n < TRAIL_MAX ? release->trail_n++ : TRAIL_MAX - 1;
	release->trail[row] = (struct trail_row){ .at_ms = since < UINT32_MAX ? (uint32_t)since : UINT32_MAX,
		                                      .kind = TRAIL_RECOVERED, .version = (uint16_t)answer->rules_version };
	release->o.dialog_n = release->t.dialog_n = 0; // they have served
}
