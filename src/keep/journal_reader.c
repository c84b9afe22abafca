// Reads what is on disk, in the order in which it was written, while the journal goes on writing.
#include "keep/journal_core.h"

#include <assert.h>
#include <stdlib.h>

#define WINDOW_BYTES (256 * 1024)
static_assert(WINDOW_BYTES >= JOURNAL_FRAME_MAX, "a frame is seen whole");

COUNTER(journal_reader_skipped, "Octets of damaged segments that were passed over when records were loaded");

struct journal_reader {
	struct journal_log *j;
	struct journal_place at;
	int fd;            // of at.segment; -1: not open
	uint64_t fd_of;    // which segment
	char *window;      // owned
	uint64_t window_at; // its place in the segment
	uint32_t window_n;
};

struct journal_reader *journal_reader_new(struct journal_log *j, struct journal_place from)
{
	struct journal_reader *r = calloc(1, sizeof *r);
	if (!r) return NULL;
	*r = (struct journal_reader){ .j = j, .at = from, .fd = -1, .window = malloc(WINDOW_BYTES) };
	return r->window ? r : journal_reader_free(r);
}

static void close_segment(struct journal_reader *r)
{
	if (r->fd >= 0) r->j->files.ops->close(r->j->files.self, r->fd);
	r->fd = -1;
}

struct journal_reader *journal_reader_free(struct journal_reader *r)
{
	if (!r) return NULL;
	close_segment(r);
	free(r->window);
	free(r);
	return NULL;
}

// Makes r->at a place in a segment that is there; *end is how much of it is on disk. false: nothing more is there yet.
static bool find_place(struct journal_reader *r, uint64_t *end)
{
	struct journal_log *j = r->j;
	bool found = false;
	pthread_mutex_lock(&j->lock);
	for (uint32_t i = 0; i < j->segment_count && !found; i++) {
		const struct segment_info *s = &j->segments[i];
		if (s->number < r->at.segment || s->end == 0) continue;
		if (s->number > r->at.segment) r->at = (struct journal_place){ s->number, 0 };
		*end = s->end;
		found = r->at.offset < s->end;
	}
	pthread_mutex_unlock(&j->lock);
	return found;
}

static enum err open_segment(struct journal_reader *r)
{
	if (r->fd >= 0 && r->fd_of == r->at.segment) return OK;
	close_segment(r);
	r->fd = journal_segment_open(&r->j->files, r->at.segment);
	r->fd_of = r->at.segment;
	r->window_n = 0;
	return r->fd >= 0 ? OK : ERR_SYSTEM;
}

// What is on disk from r->at on, at least one whole frame if there is one.
static enum err look(struct journal_reader *r, uint64_t end, struct str *seen)
{
	uint64_t want = end - r->at.offset < JOURNAL_FRAME_MAX ? end - r->at.offset : JOURNAL_FRAME_MAX;
	if (open_segment(r) != OK) return ERR_SYSTEM;
	if (r->at.offset < r->window_at || r->at.offset + want > r->window_at + r->window_n) {
		uint64_t n = end - r->at.offset < WINDOW_BYTES ? end - r->at.offset : WINDOW_BYTES;
		ssize_t got = journal_read_at(&r->j->files, r->fd, r->window, (size_t)n, r->at.offset);
		if (got < (ssize_t)want) { // the disk
			r->window_n = 0;
			return ERR_SYSTEM;
		}
		r->window_at = r->at.offset;
		r->window_n = (uint32_t)got;
	}
	*seen = str_from_at((struct str){ r->window, r->window_n }, (uint32_t)(r->at.offset - r->window_at));
	return OK;
}

static void skip_damage(struct journal_reader *r, struct str seen, uint64_t end)
{
	uint32_t n = journal_next_sound(seen, r->at.offset);
	if (n == 0) n = seen.n > JOURNAL_FRAME_MAX ? seen.n - JOURNAL_FRAME_MAX : seen.n;
	if (r->at.offset + n > end) n = (uint32_t)(end - r->at.offset);
	LOG(ERROR, "journal_reader_skipped", LOG_TEXT("the disk damaged a segment of the journal: records may be missing"),
	    LOG_U64("segment", r->at.segment), LOG_U64("at", r->at.offset), LOG_U64("octets", n));
	COUNT_BY(journal_reader_skipped, n);
	r->at.offset += n;
}

enum err journal_read(struct journal_reader *r, struct call_record *out, struct journal_place *after)
{
	uint64_t end;
	while (find_place(r, &end)) {
		struct journal_frame f;
		struct str seen;
		enum err err = look(r, end, &seen);
		if (err != OK) return err;
		if (journal_frame_parse(&f, seen) != PARSE_OK) {
			skip_damage(r, seen, end);
			continue;
		}
		r->at.offset += f.size;
		if (f.kind != RECORD_RELEASE) continue;
		*after = r->at;
		if (call_record_parse(out, f.payload) == OK) {
			out->sequence = f.sequence;
			return OK;
		}
		LOG(ERROR, "journal_not_understood", LOG_TEXT("a release record cannot be loaded"), LOG_U64("call", f.call),
		    LOG_U64("sequence", f.sequence));
	}
	return ERR_NOT_FOUND;
}
