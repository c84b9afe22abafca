// What a newer build decides otherwise: messages sent, rows of the trail, the record.
#include "run/replay_inside.h"

#include "run/api_json.h"

static struct replay_difference *differ(struct replay *r, uint32_t at_ms)
{
	static struct replay_difference overflow;
	struct replay_difference *d = r->difference_count < REPLAY_DIFFERENCES_MAX ? &r->differences[r->difference_count]
		: &overflow;
	r->difference_count++;
	*d = (struct replay_difference){ .at_ms = at_ms };
	return d;
}

// ---- Messages ------------------------------------------------------------------------------------------------------

// Was exactly this sent before? Repetitions are a matter of the network, not of the call.
static bool is_repeated(const struct recording *r, const struct recording_entry *e)
{
	const struct recording_entry *at = entry_find(r->first, ENTRY_SENT);
	for (; at != e; at = entry_find(at->next, ENTRY_SENT))
		if (str_eq(entry_text(at), entry_text(e))) return true;
	return false;
}

static const struct recording_entry *next_sent(const struct recording *r, const struct recording_entry *e)
{
	e = entry_find(e, ENTRY_SENT);
	while (e && is_repeated(r, e)) e = entry_find(e->next, ENTRY_SENT);
	return e;
}

static void put_sent(char *out, uint32_t cap, const struct recording_entry *e)
{
	struct buf b = buf_on(out, cap - 1);
	if (e) {
		struct str text = entry_text(e);
		const struct entry_sent *sent = entry_body(e);
		put_fmt(&b, "sends leg %u: ", sent->leg);
		put(&b, str_head(str_trim(str_cut(&text, '\n')), 120));
	}
	out[b.n] = '\0';
}

static void compare_sent(struct replay *r, const struct recording *was, const struct recording *is)
{
	const struct recording_entry *a = next_sent(was, was->first), *b = is ? next_sent(is, is->first) : NULL;
	char then[REPLAY_TEXT_MAX], now[REPLAY_TEXT_MAX];
	while (a || b) {
		put_sent(then, sizeof then, a);
		put_sent(now, sizeof now, b);
		if (strcmp(then, now) != 0) {
			if (r->cut && !a) return; // what else it sent is not in the recording
			struct replay_difference *d = differ(r, a ? a->at_ms : b->at_ms);
			memcpy(d->was, then, sizeof d->was);
			memcpy(d->is, now, sizeof d->is);
			return; // what follows differs because this does
		}
		a = next_sent(was, a->next);
		b = next_sent(is, b->next);
	}
}

// ---- The trail -----------------------------------------------------------------------------------------------------

static void put_row(char *out, uint32_t cap, const struct trail_row *row, struct office *office)
{
	const struct api names_from = { .office = office };
	const struct trail_names names = api_trail_names(&names_from);
	struct buf b = buf_on(out, cap - 1);
	if (row) put_trail_row(&b, row, &names);
	out[b.n] = '\0';
}

static void compare_trail(struct replay *r, const struct recording *was, const struct recording *is)
{
	const struct recording_entry *a = entry_find(was->first, ENTRY_TRAIL);
	const struct recording_entry *b = is ? entry_find(is->first, ENTRY_TRAIL) : NULL;
	while (a || b) {
		const struct trail_row *then = a ? entry_body(a) : NULL, *now = b ? entry_body(b) : NULL;
		if (!a || !b || then->kind != now->kind || then->side != now->side || then->a != now->a || then->b != now->b) {
			struct replay_difference *d = differ(r, then ? then->at_ms : now->at_ms);
			put_row(d->was, sizeof d->was, then, r->office);
			put_row(d->is, sizeof d->is, now, r->office);
			return; // what follows differs because this does
		}
		a = entry_find(a->next, ENTRY_TRAIL);
		b = entry_find(b->next, ENTRY_TRAIL);
	}
}

// ---- The record ----------------------------------------------------------------------------------------------------

static void compare_end(struct replay *r, const struct recording *was, const struct recording *is)
{
	const struct recording_entry *then = entry_find(was->first, ENTRY_END);
	const struct recording_entry *now = is ? entry_find(is->first, ENTRY_END) : NULL;
	uint32_t count;
	const struct entry_field *fields = entry_fields(ENTRY_END, &count);
	if (!then || !now) {
		if (!then == !now) return;
		struct replay_difference *d = differ(r, then ? then->at_ms : now->at_ms);
		str_to_z(then ? d->was : d->is, sizeof d->was, STR("the call ends"));
		str_to_z(then ? d->is : d->was, sizeof d->is, is ? STR("the call stands") : STR("there is no call"));
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct entry_field *f = &fields[i];
		if (memcmp((char *)entry_body(then) + f->offset, (char *)entry_body(now) + f->offset, f->size) == 0) continue;
		struct replay_difference *d = differ(r, then->at_ms);
		struct buf a = buf_on(d->was, sizeof d->was - 1), b = buf_on(d->is, sizeof d->is - 1);
		put_fmt(&a, "%s is ", f->name);
		put_entry_field(&a, f, entry_body(then));
		put_fmt(&b, "%s is ", f->name);
		put_entry_field(&b, f, entry_body(now));
	}
}

void replay_compare(struct replay *result, const struct recording *was, const struct recording *is)
{
	if (!result->cut) compare_trail(result, was, is);
	compare_sent(result, was, is);
	if (!result->cut) compare_end(result, was, is);
}
