// What was committed becomes what calls see: the changed rows are read again from the store and put in the office.
#include "keep/provision_inside.h"

#include "base/log.h"

#include <stdlib.h>

static bool touch_line(struct provision *p, uint64_t id)
{
	if (p->touched.mark.lines == p->touched.line_cap) {
		uint32_t cap = p->touched.line_cap ? p->touched.line_cap * 2 : 64;
		uint32_t *grown = realloc(p->touched.lines, cap * sizeof *grown);
		if (!grown) return false;
		p->touched.lines = grown;
		p->touched.line_cap = cap;
	}
	p->touched.lines[p->touched.mark.lines++] = (uint32_t)id;
	return true;
}

static bool touch_number(struct provision *p, struct str digits)
{
	if (p->touched.mark.numbers == p->touched.number_cap) {
		uint32_t cap = p->touched.number_cap ? p->touched.number_cap * 2 : 64;
		void *grown = realloc(p->touched.numbers, cap * sizeof *p->touched.numbers);
		if (!grown) return false;
		p->touched.numbers = grown;
		p->touched.number_cap = cap;
	}
	str_to_z(p->touched.numbers[p->touched.mark.numbers++].digits, OFFICE_DIGITS_MAX + 1, digits);
	return true;
}

static bool touch_lines(struct provision *p, const char *sql, uint64_t of)
{
	struct store_query q = store_ask(p->db, sql);
	bool room = true;
	store_bind_u64(&q, of);
	while (room && store_next(&q)) room = touch_line(p, store_get_u64(&q));
	return store_end(&q) == OK && room;
}

// Remembers what a step changed; of one that removes, before the row is gone.
bool provision_touch(struct provision_step *s)
{
	struct provision *p = s->p;
	bool done = true;
	p->touched.mark.rules |= s->table->rules;
	if (s->q->kind == PROVISION_LINE) {
		done = touch_line(p, s->id);
	} else if (s->q->kind == PROVISION_FEATURE) {
		done = touch_lines(p, "SELECT line FROM feature WHERE id = ?", s->id);
	} else if (s->q->kind == PROVISION_CUSTOMER && s->action == PROVISION_SET) {
		done = touch_lines(p, "SELECT id FROM line WHERE customer = ?", s->id); // suspended with it
	} else if (s->q->kind == PROVISION_NUMBER) {
		struct str key = provision_row_key(p, PROVISION_NUMBER, s->id); // with its +
		done = touch_number(p, str_from_at(key, 1));
	}
	return done || provision_fail(s->out, ERR_FULL, NULL, "no memory to publish the change");
}

static enum err publish_rules(struct provision *p)
{
	struct store_fault fault = { "" };
	struct office_rules *rules = office_rules_dup(office_rules(p->office));
	if (!rules) return ERR_FULL;
	enum err err = store_read_rules(p->db, rules, p->touched.mark.rules, &fault);
	if (err == OK) return office_put_rules(p->office, rules);
	office_rules_free(rules);
	LOG(ERROR, "office_not_published", LOG_TEXT("the rules cannot be read"), LOG_Z("why", fault.why));
	return err;
}

static enum err publish_line(struct provision *p, uint32_t id)
{
	struct office_line line;
	enum err err = store_read_line(p->db, id, &line);
	if (err == OK) return office_put_line(p->office, &line);
	if (err != ERR_NOT_FOUND) return err;
	office_drop_line(p->office, id);
	return OK;
}

static enum err publish_number(struct provision *p, struct str digits)
{
	struct office_number number;
	enum err err = store_read_number(p->db, digits, &number);
	if (err == OK) return office_put_number(p->office, &number);
	if (err != ERR_NOT_FOUND) return err;
	office_drop_number(p->office, digits);
	return OK;
}

static void note(enum err *first, enum err err)
{
	if (*first == OK) *first = err;
}

enum err provision_publish(struct provision *p)
{
	struct provision_mark all = p->touched.mark, *kept = &p->touched.mark;
	enum err first = OK;
	if (p->office && all.rules) first = publish_rules(p);
	*kept = (struct provision_mark){ .rules = first == OK ? 0 : all.rules };
	for (uint32_t i = 0; p->office && i < all.lines; i++) {
		enum err err = publish_line(p, p->touched.lines[i]);
		if (err != OK) p->touched.lines[kept->lines++] = p->touched.lines[i];
		note(&first, err);
	}
	for (uint32_t i = 0; p->office && i < all.numbers; i++) {
		enum err err = publish_number(p, str_from(p->touched.numbers[i].digits));
		if (err != OK) p->touched.numbers[kept->numbers++] = p->touched.numbers[i];
		note(&first, err);
	}
	return first;
}
