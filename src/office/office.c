// Lines and numbers as rows that readers find without a lock; who writes is alone (see table.h).
//
//     id ────▶ line_index[id] ─┐
//     name ──▶ table by name ──┴──▶ struct line_row        digits ──▶ table by digits ──▶ struct number_row
//
// A change makes a new row, puts it in place of the old one with one store each, and leaves the old to RCU.
#include "office/rules.h"
#include "office/table.h"

#include <stdlib.h>

struct line_row {
	struct table_node by_name;
	struct office_line line;
};
struct number_row {
	struct table_node by_digits;
	struct office_number number;
};
_Static_assert(offsetof(struct line_row, by_name) == 0 && offsetof(struct number_row, by_digits) == 0,
               "a node is its row");

struct line_index {
	uint32_t size;
	_Atomic(struct line_row *) at[];
};

struct office {
	_Atomic(struct office_rules *) rules;  // owned
	_Atomic(struct line_index *) lines;    // owned, and its rows
	struct table lines_by_name;
	struct table numbers;                  // and its rows
	_Atomic uint32_t line_count;
	struct office_targets *targets;        // owned; whoever writes alone knows them
};

static struct line_row *line_row(struct table_node *by_name)
{
	return (struct line_row *)by_name;
}

static struct number_row *number_row(struct table_node *by_digits)
{
	return (struct number_row *)by_digits;
}

_Thread_local struct office_watch *office_watch;

// ---- Reading --------------------------------------------------------------------------------------------------------

const struct office_rules *office_rules(const struct office *o)
{
	return atomic_load_explicit(&o->rules, memory_order_acquire);
}

static struct line_row *row_of_id(const struct office *o, uint32_t id)
{
	const struct line_index *index = atomic_load_explicit(&o->lines, memory_order_acquire);
	return index && id < index->size ? atomic_load_explicit(&index->at[id], memory_order_acquire) : NULL;
}

const struct office_line *office_line(const struct office *o, uint32_t id)
{
	const struct line_row *row = row_of_id(o, id);
	return row ? office_found(OFFICE_ROW_line, &row->line) : NULL;
}

const struct office_line *office_line_by_name(const struct office *o, struct str name)
{
	struct table_node *node = table_find(&o->lines_by_name, name);
	return node ? office_found(OFFICE_ROW_line, &line_row(node)->line) : NULL;
}

const struct office_number *office_number(const struct office *o, struct str e164_digits)
{
	struct table_node *node = table_find(&o->numbers, e164_digits);
	return node ? office_found(OFFICE_ROW_number, &number_row(node)->number) : NULL;
}

uint32_t office_line_count(const struct office *o)
{
	return atomic_load_explicit(&o->line_count, memory_order_relaxed);
}

// ---- Life -----------------------------------------------------------------------------------------------------------

enum err office_new(struct office **out)
{
	struct office *o = calloc(1, sizeof *o);
	*out = o;
	if (!o) return ERR_FULL;
	enum err by_name = table_init(&o->lines_by_name), by_digits = table_init(&o->numbers);
	enum err rules = by_name == OK && by_digits == OK ? office_put_rules(o, office_rules_dup(NULL)) : ERR_FULL;
	if (rules != OK) *out = office_free(o);
	return rules;
}

struct office *office_free(struct office *o)
{
	if (!o) return NULL;
	struct line_index *lines = atomic_load(&o->lines);
	for (uint32_t i = 0; lines && i < lines->size; i++) free(atomic_load(&lines->at[i]));
	free(lines);
	uint32_t at = 0;
	for (struct table_node *node; atomic_load(&o->numbers.slots) && (node = table_each(&o->numbers, &at));)
		free(number_row(node));
	table_fini(&o->lines_by_name);
	table_fini(&o->numbers);
	office_rules_free(atomic_load(&o->rules));
	for (struct office_targets *next, *t = o->targets; t; t = next) {
		next = t->next;
		free(t);
	}
	free(o);
	return NULL;
}

// ---- Writing --------------------------------------------------------------------------------------------------------

static enum err reserve_id(struct office *o, uint32_t id)
{
	struct line_index *old = atomic_load(&o->lines);
	uint32_t size = old ? old->size : 64;
	if (old && id < size) return OK;
	while (size <= id) size *= 2;
	struct line_index *grown = calloc(1, sizeof *grown + size * sizeof grown->at[0]);
	if (!grown) return ERR_FULL;
	grown->size = size;
	for (uint32_t i = 0; old && i < old->size; i++) atomic_init(&grown->at[i], atomic_load(&old->at[i]));
	atomic_store_explicit(&o->lines, grown, memory_order_release);
	rcu_defer(free, old);
	return OK;
}

static void set_row_of_id(struct office *o, uint32_t id, struct line_row *row)
{
	atomic_store_explicit(&atomic_load(&o->lines)->at[id], row, memory_order_release);
}

enum err office_put_line(struct office *o, const struct office_line *line)
{
	struct str name = str_from(line->name);
	if (line->id == 0 || line->id >= OFFICE_LINE_ID_MAX || name.n == 0) return ERR_BAD;
	const struct office_line *namesake = office_line_by_name(o, name);
	if (namesake && namesake->id != line->id) return ERR_EXISTS;
	struct line_row *row = calloc(1, sizeof *row);
	if (!row || reserve_id(o, line->id) != OK || table_reserve(&o->lines_by_name) != OK) {
		free(row);
		return ERR_FULL;
	}
	row->line = *line;
	struct line_row *old = row_of_id(o, line->id);
	set_row_of_id(o, line->id, row);
	table_put(&o->lines_by_name, &row->by_name, str_from(row->line.name));
	if (!old) atomic_fetch_add_explicit(&o->line_count, 1, memory_order_relaxed);
	else if (!str_eq(str_from(old->line.name), name)) table_remove(&o->lines_by_name, str_from(old->line.name));
	rcu_defer(free, old);
	return OK;
}

void office_drop_line(struct office *o, uint32_t id)
{
	struct line_row *old = row_of_id(o, id);
	if (!old) return;
	table_remove(&o->lines_by_name, str_from(old->line.name));
	set_row_of_id(o, id, NULL);
	atomic_fetch_sub_explicit(&o->line_count, 1, memory_order_relaxed);
	rcu_defer(free, old);
}

enum err office_put_number(struct office *o, const struct office_number *number)
{
	if (number->digits[0] == '\0') return ERR_BAD;
	struct number_row *row = calloc(1, sizeof *row);
	if (!row || table_reserve(&o->numbers) != OK) {
		free(row);
		return ERR_FULL;
	}
	row->number = *number;
	rcu_defer(free, table_put(&o->numbers, &row->by_digits, str_from(row->number.digits)));
	return OK;
}

void office_drop_number(struct office *o, struct str e164_digits)
{
	rcu_defer(free, table_remove(&o->numbers, e164_digits));
}

static void free_rules(void *rules)
{
	office_rules_free(rules);
}

enum err office_put_rules(struct office *o, struct office_rules *rules)
{
	if (rules) office_rules_fill(rules, o->targets);
	enum err err = rules ? office_rules_finish(rules) : ERR_FULL;
	if (err != OK) {
		office_rules_free(rules);
		return err;
	}
	rcu_defer(free_rules, atomic_exchange_explicit(&o->rules, rules, memory_order_acq_rel));
	return OK;
}

static void drop_targets(struct office *o, const struct office_name *name)
{
	struct office_targets **at = &o->targets;
	while (*at && !office_name_eq(&(*at)->name, name)) at = &(*at)->next;
	struct office_targets *t = *at;
	if (t) *at = t->next;
	free(t);
}

enum err office_put_targets(struct office *o, const struct office_name *name, const struct office_target *targets,
                            uint32_t count)
{
	struct office_targets *before = o->targets, *t = calloc(1, sizeof *t);
	struct office_rules *rules = office_rules_dup(office_rules(o));
	if (!t || !rules) {
		free(t);
		office_rules_free(rules);
		return ERR_FULL;
	}
	t->name = *name;
	t->count = count < OFFICE_PEERS_MAX ? count : OFFICE_PEERS_MAX;
	if (t->count) memcpy(t->targets, targets, t->count * sizeof *targets);
	t->next = before;
	o->targets = t; // before the old one of the name, which is found no more
	enum err err = office_put_rules(o, rules);
	o->targets = before;
	if (err == OK) drop_targets(o, name);
	t->next = o->targets;
	if (err == OK && count) o->targets = t;
	else free(t);
	return err;
}
