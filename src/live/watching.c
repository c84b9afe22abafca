// Three counters a line, 16 bits each.
#include "live/watching.h"

#include "base/count.h"

#include <stdatomic.h>
#include <stdlib.h>

COUNTER(watching_underflow, "Subscriptions that ended more often than they began: a fault of ours");

struct line_counts {
	_Atomic uint16_t watches, watchers;
	_Atomic uint16_t call_watchers; // of the watchers
};

struct watching {
	struct line_counts *lines; // owned
	uint32_t lines_max;
	_Atomic uint32_t call_watchers; // of all lines
};

struct watching *watching_new(uint32_t lines_max)
{
	struct watching *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->lines_max = lines_max;
	w->lines = calloc((size_t)lines_max + 1, sizeof *w->lines);
	return w->lines ? w : watching_free(w);
}

struct watching *watching_free(struct watching *w)
{
	if (!w) return NULL;
	free(w->lines);
	free(w);
	return NULL;
}

static bool take(_Atomic uint16_t *counter, uint32_t most)
{
	uint16_t now = atomic_load(counter);
	while (now < most && now < UINT16_MAX)
		if (atomic_compare_exchange_weak(counter, &now, (uint16_t)(now + 1))) return true;
	return false;
}

static void give(_Atomic uint16_t *counter)
{
	uint16_t now = atomic_load(counter);
	while (now)
		if (atomic_compare_exchange_weak(counter, &now, (uint16_t)(now - 1))) return;
	COUNT(watching_underflow);
}

bool watching_begin(struct watching *w, const struct watch *it)
{
	if (it->watcher > w->lines_max || it->watched > w->lines_max) return false;
	struct line_counts *watcher = &w->lines[it->watcher], *watched = &w->lines[it->watched];
	if (!take(&watcher->watches, WATCHES_MAX)) return false;
	if (!take(&watched->watchers, WATCHERS_MAX)) {
		give(&watcher->watches);
		return false;
	}
	if (!it->calls) return true;
	take(&watched->call_watchers, WATCHERS_MAX);
	atomic_fetch_add(&w->call_watchers, 1);
	return true;
}

void watching_end(struct watching *w, const struct watch *it)
{
	give(&w->lines[it->watcher].watches);
	give(&w->lines[it->watched].watchers);
	if (!it->calls) return;
	give(&w->lines[it->watched].call_watchers);
	atomic_fetch_sub(&w->call_watchers, 1);
}

bool watching_calls(const struct watching *w, uint32_t line)
{
	return line <= w->lines_max && atomic_load_explicit(&w->lines[line].call_watchers, memory_order_relaxed);
}

bool watching_any_calls(const struct watching *w)
{
	return atomic_load_explicit(&w->call_watchers, memory_order_relaxed);
}
