// The calls that stand open (answered, not released) and the segments that are there: what must be kept, and why.
#include "keep/journal_core.h"

#include <stdlib.h>

static struct str key_of(const uint64_t *call)
{
	return (struct str){ (const char *)call, sizeof *call };
}

struct open_call *journal_open_call(struct journal_log *j, uint64_t call)
{
	struct map_node *node = map_find(&j->open, key_of(&call));
	return node ? (struct open_call *)(void *)((char *)node - offsetof(struct open_call, node)) : NULL;
}

struct segment_info *journal_segment_info(struct journal_log *j, uint64_t number)
{
	for (uint32_t i = j->segment_count; i-- > 0;)
		if (j->segments[i].number == number) return &j->segments[i];
	return NULL;
}

enum err journal_add_segment(struct journal_log *j, uint64_t number, uint64_t end)
{
	if (j->segment_count == j->segment_max) {
		uint32_t max = j->segment_max ? j->segment_max * 2 : 16;
		struct segment_info *more = realloc(j->segments, max * sizeof *more);
		if (!more) return ERR_FULL;
		j->segments = more;
		j->segment_max = max;
	}
	j->segments[j->segment_count++] = (struct segment_info){ .number = number, .end = end };
	return OK;
}

uint64_t journal_life_of(const struct journal_log *j, uint32_t boot)
{
	for (uint32_t i = 0; i < j->life_count; i++)
		if (j->lives[i].boot == boot) return j->lives[i].wall_ms;
	return 0;
}

static void count_open(struct journal_log *j, const struct open_call *c, int by)
{
	struct segment_info *s = journal_segment_info(j, c->segment);
	if (s) s->open += (uint32_t)by;
	if (c->boot == j->boot) j->open_here += (uint32_t)by;
}

// An answer: of a new call, or a copy of one that is known.
static enum err note_answer(struct journal_log *j, const struct journal_frame *f, struct journal_place at,
                            struct open_call **open)
{
	struct open_call *c = journal_open_call(j, f->call);
	if (c) {
		count_open(j, c, -1);
		list_remove(&c->in_order);
	} else {
		c = *open ? *open : calloc(1, sizeof *c);
		if (!c) return ERR_FULL;
		*open = NULL;
		c->call = f->call;
		map_add(&j->open, &c->node, key_of(&c->call));
		atomic_fetch_add(&j->open_count, 1);
	}
	c->segment = at.segment;
	c->offset = at.offset;
	c->boot = f->boot;
	c->carrying = false;
	list_add_last(&j->open_calls, &c->in_order);
	count_open(j, c, 1);
	return OK;
}

static void note_release(struct journal_log *j, const struct journal_frame *f)
{
	struct open_call *c = journal_open_call(j, f->call);
	if (f->sequence > atomic_load(&j->sequence_done)) atomic_store(&j->sequence_done, f->sequence);
	if (!c) return; // it was never answered
	count_open(j, c, -1);
	list_remove(&c->in_order);
	map_remove(&j->open, &c->node);
	atomic_fetch_sub(&j->open_count, 1);
	free(c);
}

enum err journal_note(struct journal_log *j, const struct journal_frame *f, struct journal_place at,
                      struct open_call **open)
{
	if (f->kind == RECORD_ANSWER) return note_answer(j, f, at, open);
	if (f->kind == RECORD_RELEASE) note_release(j, f);
	return OK;
}

void journal_entry_free(struct entry *e)
{
	free(e->open);
	free(e);
}
