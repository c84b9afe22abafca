// What the last run left: reads all segments, finds torn ends and damage, and the calls that were never released.
#include "keep/journal_core.h"

#include <fcntl.h>
#include <stdlib.h>

COUNTER(journal_torn, "Segments whose end was a torn write, cut off at start");
COUNTER(journal_damaged, "Places in segments that the disk damaged, passed over");
COUNTER(journal_not_understood, "Records in the journal that could not be understood");

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
	uint64_t synced; // octets of which a later batch says that they were on disk
};

static enum err scan_frame(struct scan *s, const struct journal_frame *f)
{
	struct journal_log *j = s->j;
	if (f->kind == JOURNAL_SEGMENT && f->payload.n == sizeof j->id) memcpy(&j->id, f->payload.p, sizeof j->id);
	if (f->boot > j->boot) j->boot = f->boot;
	if (f->sequence > j->sequence) j->sequence = f->sequence;
	if (f->committed > s->synced && f->committed <= s->at) s->synced = f->committed;
	struct open_call *none = NULL;
	enum err err = journal_note(j, f, (struct journal_place){ s->number, s->at }, &none);
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

// Cuts the file to what was read, so that nobody ever sees the rest as records. And what was read of the last batch goes to
// the disk: when the process died before its sync, or after one that failed, only the system's memory may have it. Numbers
// that are built on it would leave a gap when the power fails.
static enum err settle_segment(const struct scan *s)
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
		return OK;
	}
	int fd = f->ops->open(f->self, path, O_RDWR, 0);
	if (fd < 0) return ERR_SYSTEM;
	if (f->ops->ftruncate(f->self, fd, (off_t)s->at)) {} // the rest is found again, and so is its end
	struct journal_segment last = { .fd = fd, .number = s->number, .end = s->synced };
	struct str unsure = str_from_at(str_head(s->bytes, s->at), (uint32_t)s->synced);
	enum err err = journal_segment_append(&last, f, unsure);
	f->ops->close(f->self, fd);
	return err == OK || err == ERR_FULL ? OK : ERR_SYSTEM; // full: then nothing can be built on it, either
}

static enum err scan_segment(struct journal_log *j, uint64_t number)
{
	const struct journal_files *f = &j->files;
	int fd = journal_segment_open(f, number);
	off_t size = fd >= 0 ? f->ops->size(f->self, fd) : -1;
	char *memory = size >= 0 && size <= UINT32_MAX ? malloc((size_t)size + 1) : NULL;
	ssize_t n = memory ? journal_read_at(f, fd, memory, (size_t)size, 0) : -1;
	if (fd >= 0) f->ops->close(f->self, fd);
	struct scan s = { .j = j, .number = number, .bytes = { memory, n > 0 ? (uint32_t)n : 0 } };
	enum err err = n < 0 ? ERR_SYSTEM : journal_add_segment(j, number, 0);
	if (err == OK) err = scan_frames(&s);
	if (err == OK) {
		err = settle_segment(&s);
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

struct numbers { // of the segments that are there
	uint64_t *numbers; // owned
	uint32_t count, max;
	enum err err;
};

static bool add_number(void *to, const char *name)
{
	struct numbers *n = to;
	uint64_t number;
	if (!segment_number(&number, name)) return true;
	if (n->count == n->max) {
		uint32_t max = n->max ? n->max * 2 : 64;
		uint64_t *more = realloc(n->numbers, max * sizeof *more);
		if (!more) {
			n->err = ERR_FULL;
			return false;
		}
		n->numbers = more;
		n->max = max;
	}
	n->numbers[n->count++] = number;
	return true;
}

// Where the answers of the calls that stand open are: read one by one later, when the workers have time for them.
static enum err note_recovered(struct journal_log *j)
{
	uint32_t count = atomic_load(&j->open_count), i = 0;
	j->recovered = count ? calloc(count, sizeof *j->recovered) : NULL;
	if (count && !j->recovered) return ERR_FULL;
	LIST_EACH(it, &j->open_calls) {
		const struct open_call *c = LIST_OF(it, struct open_call, in_order);
		j->recovered[i++] = (struct recovered){ .call = c->call, .segment = c->segment, .offset = c->offset,
			                                    .boot = c->boot };
	}
	j->recovered_count = count;
	return OK;
}

enum err journal_scan(struct journal_log *j)
{
	struct numbers n = { 0 };
	enum err err = j->files.ops->list(j->files.self, j->folder, add_number, &n) == 0 ? n.err : ERR_SYSTEM;
	if (n.count) qsort(n.numbers, n.count, sizeof *n.numbers, by_number);
	for (uint32_t i = 0; i < n.count && err == OK; i++) {
		j->number = n.numbers[i];
		err = scan_segment(j, n.numbers[i]);
	}
	free(n.numbers);
	atomic_store(&j->sequence_done, j->sequence);
	return err == OK ? note_recovered(j) : err;
}

enum err journal_frame_at(const struct journal_log *j, uint64_t segment, uint64_t offset, char *memory,
                          struct journal_frame *out)
{
	int fd = journal_segment_open(&j->files, segment);
	if (fd < 0) return ERR_SYSTEM;
	ssize_t n = journal_read_at(&j->files, fd, memory, JOURNAL_FRAME_MAX, offset);
	j->files.ops->close(j->files.self, fd);
	if (n < 0) return ERR_SYSTEM;
	return n > 0 && journal_frame_parse(out, (struct str){ memory, (uint32_t)n }) == PARSE_OK ? OK : ERR_BAD;
}

// ---- The calls ------------------------------------------------------------------------------------------------------

bool journal_next_recovered(struct journal_log *j, struct call_record *answer, uint64_t *last_life_wall_ms)
{
	char memory[JOURNAL_FRAME_MAX];
	while (atomic_load(&j->recovered_next) < j->recovered_count) { // else it is counted beyond its end for ever
		uint32_t i = atomic_fetch_add(&j->recovered_next, 1);
		if (i >= j->recovered_count) return false;
		const struct recovered *r = &j->recovered[i];
		struct journal_frame f;
		enum err err = journal_frame_at(j, r->segment, r->offset, memory, &f);
		atomic_fetch_add(&j->recovered_read, 1);
		*last_life_wall_ms = journal_life_of(j, r->boot);
		if (err == OK && call_record_parse(answer, f.payload) == OK) return true;
		COUNT(journal_not_understood);
		LOG(ERROR, "journal_not_understood", LOG_TEXT("an answered call is not recovered"), LOG_U64("call", r->call));
	}
	return false;
}

uint32_t journal_recovered_count(const struct journal_log *j)
{
	return j->recovered_count;
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
