// The journal of ladders and tests: a list in memory, on the test's clock.
#include "keep/journal_fake.h"

#include <stdlib.h>

struct fake_item {
	struct call_record record;
	uint64_t owner, due_ms;
	uint32_t worker;
};

struct journal_fake {
	const uint64_t *now_ms; // borrowed
	struct fake_item *items; // owned, in the order in which they were put
	uint32_t count, max;
	uint32_t done; // items on disk
	uint64_t delay_ms, sequence;
	bool full, healthy;
};

struct journal_fake *journal_fake_new(const uint64_t *now_ms)
{
	struct journal_fake *j = calloc(1, sizeof *j);
	if (j) *j = (struct journal_fake){ .now_ms = now_ms, .healthy = true };
	return j;
}

struct journal_fake *journal_fake_free(struct journal_fake *j)
{
	if (j) free(j->items);
	free(j);
	return NULL;
}

static enum err put_record(void *self, uint32_t worker, const struct call_record *r, uint64_t owner)
{
	struct journal_fake *j = self;
	if (j->full) return ERR_FULL;
	if (j->count == j->max) {
		uint32_t max = j->max ? j->max * 2 : 16;
		struct fake_item *more = realloc(j->items, max * sizeof *more);
		if (!more) return ERR_FULL;
		j->items = more;
		j->max = max;
	}
	uint64_t due_ms = j->delay_ms == UINT64_MAX ? UINT64_MAX : *j->now_ms + j->delay_ms;
	j->items[j->count++] = (struct fake_item){ .record = *r, .owner = owner, .due_ms = due_ms, .worker = worker };
	return OK;
}

static bool is_healthy(void *self)
{
	const struct journal_fake *j = self;
	return j->healthy;
}

struct journal journal_fake_of(struct journal_fake *j)
{
	static const struct journal_ops ops = { put_record, is_healthy };
	return (struct journal){ &ops, j };
}

void journal_fake_delay(struct journal_fake *j, uint64_t ms)
{
	j->delay_ms = ms;
	for (uint32_t i = j->done; i < j->count; i++) // what waits takes as long as what comes
		j->items[i].due_ms = ms == UINT64_MAX ? UINT64_MAX : *j->now_ms + ms;
}

void journal_fake_full(struct journal_fake *j, bool full)
{
	j->full = full;
}

void journal_fake_healthy(struct journal_fake *j, bool healthy)
{
	j->healthy = healthy;
}

bool journal_fake_take(struct journal_fake *j, uint32_t *worker, struct journal_done *out)
{
	while (j->done < j->count && j->items[j->done].due_ms <= *j->now_ms) {
		struct fake_item *item = &j->items[j->done++];
		if (item->record.kind == RECORD_RELEASE) item->record.sequence = ++j->sequence;
		if (item->owner == 0) continue;
		*worker = item->worker;
		*out = (struct journal_done){ .owner = item->owner, .kind = item->record.kind, .err = OK };
		return true;
	}
	return false;
}

uint64_t journal_fake_next(const struct journal_fake *j)
{
	return j->done < j->count ? j->items[j->done].due_ms : UINT64_MAX;
}

const struct call_record *journal_fake_record(struct journal_fake *j, uint32_t i)
{
	return i < j->done ? &j->items[i].record : NULL;
}
