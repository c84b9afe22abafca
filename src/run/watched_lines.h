// The lines that others watch, at their home worker: what each does now, as the workers of its calls tell it.
//
//     worker of a call ──struct line_dialog──▶ home worker of the line: watched line ──▶ its subscriptions
//
// What is told is repeated as long as it is so (LINE_DIALOG_REPEAT_MS), and forgotten when it was not, or when the line
// holds no place of its limit any more (live/occupancy): whatever is lost on the way, no line looks busy for long.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "call/model/line_dialog.h"

#define LINE_DIALOG_REPEAT_MS 2000
#define LINE_DIALOG_FORGET_MS 20000
#define LINE_DIALOGS_MAX 16 // of a line; what is more is known when one of them ends

struct watched_dialog {
	struct list node;
	struct line_dialog is;
	uint64_t heard_ms;
};

struct watched_line {
	struct map_node by_line;
	uint32_t line, dialog_count, subscription_count;
	struct list dialogs;       // struct watched_dialog, as they began
	struct list subscriptions; // of run/subscriptions
};

struct watched_lines {
	struct map by_line;
	struct pool lines, dialogs;
};

MUST_CHECK enum err watched_lines_init(struct watched_lines *w, uint32_t max, struct hash_key key);
void watched_lines_fini(struct watched_lines *w);

// NULL: nobody watches it.
struct watched_line *watched_line_find(const struct watched_lines *w, uint32_t line);
// Makes it when there is none; NULL: too many.
struct watched_line *watched_line_need(struct watched_lines *w, uint32_t line);
// When nobody watches it any more.
void watched_line_drop(struct watched_lines *w, struct watched_line *line);

// Takes what a call says of a line; the line when it is watched, and this is a change to what stood there, else NULL.
struct watched_line *watched_line_take(struct watched_lines *w, const struct line_dialog *d, uint64_t now_ms);
// Forgets what was not told again, or all, when the line is in no call.
void watched_line_forget(struct watched_lines *w, struct watched_line *line, bool in_no_call, uint64_t now_ms);
// Stands for all that the line does: the same for the same. Never 0.
uint64_t watched_line_print(const struct watched_line *line);
