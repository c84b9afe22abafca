// Watched lines and their dialogs: two pools and a map.
#include "run/watched_lines.h"

#include "base/count.h"

COUNTER(watched_dialogs_full, "Calls of watched lines that were not shown at once because there was no room for them");
COUNTER(watched_dialogs_forgotten, "Calls of watched lines whose end was not told: they were forgotten when nobody repeated them");

enum err watched_lines_init(struct watched_lines *w, uint32_t max, struct hash_key key)
{
	*w = (struct watched_lines){ 0 };
	enum err e = map_init(&w->by_line, max, key);
	if (e == OK) e = pool_init(&w->lines, "watched lines", sizeof(struct watched_line), max);
	if (e == OK) e = pool_init(&w->dialogs, "watched dialogs", sizeof(struct watched_dialog), max + LINE_DIALOGS_MAX);
	if (e != OK) watched_lines_fini(w);
	return e;
}

void watched_lines_fini(struct watched_lines *w)
{
	map_fini(&w->by_line);
	pool_fini(&w->lines);
	pool_fini(&w->dialogs);
}

static struct str key_of(const uint32_t *line)
{
	return (struct str){ (const char *)line, sizeof *line };
}

struct watched_line *watched_line_find(const struct watched_lines *w, uint32_t line)
{
	struct map_node *node = map_find(&w->by_line, key_of(&line));
	return node ? LIST_OF(node, struct watched_line, by_line) : NULL;
}

struct watched_line *watched_line_need(struct watched_lines *w, uint32_t line)
{
	struct watched_line *l = watched_line_find(w, line);
	if (l || !(l = pool_get(&w->lines))) return l;
	l->line = line;
	list_init(&l->dialogs);
	list_init(&l->subscriptions);
	map_add(&w->by_line, &l->by_line, key_of(&l->line));
	return l;
}

static void drop_dialog(struct watched_lines *w, struct watched_line *l, struct watched_dialog *d)
{
	list_remove(&d->node);
	l->dialog_count--;
	pool_put(&w->dialogs, d);
}

void watched_line_drop(struct watched_lines *w, struct watched_line *l)
{
	LIST_EACH(it, &l->dialogs) drop_dialog(w, l, LIST_OF(it, struct watched_dialog, node));
	map_remove(&w->by_line, &l->by_line);
	pool_put(&w->lines, l);
}

static struct watched_dialog *dialog_of(struct watched_line *l, const struct line_dialog *d)
{
	LIST_EACH(it, &l->dialogs) {
		struct watched_dialog *known = LIST_OF(it, struct watched_dialog, node);
		if (known->is.call == d->call && known->is.called == d->called) return known;
	}
	return NULL;
}

static struct watched_dialog *new_dialog(struct watched_lines *w, struct watched_line *l)
{
	struct watched_dialog *d = l->dialog_count < LINE_DIALOGS_MAX ? pool_get(&w->dialogs) : NULL;
	if (!d) {
		COUNT(watched_dialogs_full);
		return NULL;
	}
	list_add_last(&l->dialogs, &d->node);
	l->dialog_count++;
	return d;
}

struct watched_line *watched_line_take(struct watched_lines *w, const struct line_dialog *d, uint64_t now_ms)
{
	struct watched_line *l = watched_line_find(w, d->line);
	struct watched_dialog *known = l ? dialog_of(l, d) : NULL;
	if (!l || (!known && !d->state)) return NULL;
	if (!d->state) {
		drop_dialog(w, l, known);
		return l;
	}
	uint8_t before = known ? known->is.state : DIALOG_NONE;
	if (!known && !(known = new_dialog(w, l))) return NULL;
	known->is = *d;
	known->heard_ms = now_ms;
	return before != d->state ? l : NULL;
}

void watched_line_forget(struct watched_lines *w, struct watched_line *l, bool in_no_call, uint64_t now_ms)
{
	LIST_EACH(it, &l->dialogs) {
		struct watched_dialog *d = LIST_OF(it, struct watched_dialog, node);
		if (!in_no_call && now_ms < d->heard_ms + LINE_DIALOG_FORGET_MS) continue;
		COUNT(watched_dialogs_forgotten);
		drop_dialog(w, l, d);
	}
}

uint64_t watched_line_print(const struct watched_line *l)
{
	static const struct hash_key key = { { 0x6469616c6f67 } };
	uint64_t sum = 1;
	for (const struct list *it = l->dialogs.next; it != &l->dialogs; it = it->next) {
		const struct line_dialog *d = &LIST_OF(it, const struct watched_dialog, node)->is;
		const uint64_t is[] = { d->call, (uint64_t)d->called << 8 | d->state };
		sum += hash_str(&key, (struct str){ (const char *)is, sizeof is });
	}
	return sum ? sum : 1;
}
