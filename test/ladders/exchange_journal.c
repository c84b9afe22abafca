// The journal of a ladder: records in memory, on "disk" after a time that the script sets; and what scripts ask of
// them.
#include "ladders/exchange_inside.h"

#include "ladders/weather.h"

#include <stdlib.h>

#define RECORD_MS 40000 // patience in weather
#define LATE_MS 200 // a commit that takes longer makes the journal unhealthy

static enum err put_record(void *self, uint32_t worker, const struct call_record *r, uint64_t owner)
{
	struct exchange *x = self;
	struct memory_journal *j = &x->journal;
	(void)worker;
	if (j->full || j->count == JOURNAL_RECORDS_MAX) return ERR_FULL;
	struct journal_entry *e = calloc(1, sizeof *e);
	if (!e) return ERR_FULL;
	e->record = *r;
	e->owner = owner;
	e->put_ms = x->ladder->now_ms;
	e->done_ms = e->put_ms + j->delay_ms;
	if (x->ladder->weather && !j->delay_ms) e->done_ms += weather_disk_ms(x->ladder);
	if (r->kind == RECORD_RELEASE) e->record.sequence = ++j->sequence;
	j->entries[j->count++] = e;
	return OK;
}

static bool healthy(void *self)
{
	const struct exchange *x = self;
	const struct memory_journal *j = &x->journal;
	for (uint32_t i = 0; i < j->count; i++) {
		const struct journal_entry *e = j->entries[i];
		if (!e->told && x->ladder->now_ms >= e->put_ms + LATE_MS && e->done_ms > x->ladder->now_ms)
			return false;
	}
	return !j->full && !j->failing;
}

static bool has_room(void *self, uint32_t worker)
{
	const struct exchange *x = self;
	(void)worker;
	return !x->journal.full;
}

static const struct journal_ops ops = { put_record, healthy, has_room };

void journal_init(struct memory_journal *j)
{
	*j = (struct memory_journal){ 0 };
}

void journal_fini(struct memory_journal *j)
{
	for (uint32_t i = 0; i < j->count; i++) free(j->entries[i]);
	j->count = 0;
}

struct journal journal_of(struct exchange *x)
{
	return (struct journal){ &ops, x };
}

bool journal_step(struct exchange *x)
{
	struct memory_journal *j = &x->journal;
	bool any = false;
	for (uint32_t i = 0; i < j->count; i++) {
		struct journal_entry *e = j->entries[i];
		if (e->told || e->done_ms > x->ladder->now_ms) continue;
		e->told = any = true;
		j->last_life_wall_ms = exchange_wall_ms(x->ladder);
		if (e->owner == 0) continue;
		struct journal_done done = { e->owner, e->record.kind, j->failing ? ERR_SYSTEM : OK };
		worker_journal_done(x->worker, &done);
	}
	return any;
}

uint64_t journal_next(const struct exchange *x)
{
	uint64_t next = UINT64_MAX;
	for (uint32_t i = 0; i < x->journal.count; i++) {
		const struct journal_entry *e = x->journal.entries[i];
		if (!e->told && e->done_ms < next) next = e->done_ms;
	}
	return next;
}

bool exchange_disk_rests(const struct ladder *l)
{
	return !l->exchange || l->exchange->journal.delay_ms || journal_next(l->exchange) == UINT64_MAX;
}

void journal_crash(struct exchange *x)
{
	struct memory_journal *j = &x->journal;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < j->count; i++) {
		if (j->entries[i]->told) j->entries[kept++] = j->entries[i];
		else free(j->entries[i]);
	}
	j->count = kept;
	// The process was alive until now, and said so.
	j->last_life_wall_ms = exchange_wall_ms(x->ladder);
}

static bool released(const struct memory_journal *j, uint64_t call)
{
	for (uint32_t i = 0; i < j->count; i++)
		if (j->entries[i]->record.kind == RECORD_RELEASE && j->entries[i]->record.call == call) return true;
	return false;
}

void journal_recover(struct exchange *x)
{
	struct memory_journal *j = &x->journal;
	uint32_t count = j->count; // recovery adds
	for (uint32_t i = 0; i < count; i++) {
		const struct call_record *r = &j->entries[i]->record;
		if (r->kind != RECORD_ANSWER || released(j, r->call)) continue;
		uint32_t done = 0;
		if (worker_recover(x->worker, r, j->last_life_wall_ms, &done) != OK)
			ladder_fail(x->ladder, NULL, "a call cut off by the restart could not be recovered");
	}
}

bool journal_statement(struct ladder *l, const struct item *item)
{
	const struct word *w = ladder_words(l, item);
	if (!exchange_need(l)) return false;
	struct memory_journal *j = &l->exchange->journal;
	j->full = item->count == 2 && word_is(&w[1], "full");
	j->failing = item->count == 2 && word_is(&w[1], "fails");
	uint64_t delay = 0;
	bool slow = item->count == 4 && word_is(&w[1], "slow") && words_duration(&delay, w + 2, 2);
	j->delay_ms = delay;
	if (l->message_count) ladder_remark(l, ladder_text(l, "journal %.*s", STR_FMT(w[1].text)));
	return slow || j->full || j->failing || (item->count == 2 && word_is(&w[1], "ok")) ||
	       ladder_fail(l, NULL, "journal ok, slow TIME, full, or fails");
}

// RECORDS ASKED FOR: "cdr answered 10.0 s cause 16 by caller"

struct question {
	struct ladder *l;
	const struct word *words;
	uint32_t at, count;
	const struct call_record *r;
};

static struct str word_after(struct question *q)
{
	return q->at < q->count ? q->words[q->at++].text : STR("");
}

static bool differs(struct question *q, const char *what, struct str is)
{
	return ladder_fail(q->l, NULL, "the record says %s %.*s", what, STR_FMT(is));
}

static struct str number_text(struct ladder *l, const struct number *n)
{
	char text[NUMBER_DIGITS_MAX + 1];
	struct buf b = buf_on(text, sizeof text);
	put_number(&b, n);
	return ladder_text(l, "%.*s", STR_FMT(buf_str(&b)));
}

static bool same_number(struct question *q, const char *what, const struct number *n)
{
	struct str is = number_text(q->l, n);
	return str_eq(word_after(q), is) || differs(q, what, is);
}

static bool same_value(struct question *q, const char *what, uint64_t value)
{
	struct str is = ladder_text(q->l, "%llu", (unsigned long long)value);
	return str_eq(word_after(q), is) || differs(q, what, is);
}

static bool released_by(struct question *q)
{
	static const char *const names[] = { "caller", "called", "switch", "operator" };
	struct str is = str_from(q->r->released_by < ARRAY_LEN(names) ? names[q->r->released_by] : "?");
	return str_eq(word_after(q), is) || differs(q, "by", is);
}

static bool flag(struct question *q, const char *what, bool is)
{
	return is || ladder_fail(q->l, NULL, "the record does not say %s", what);
}

// A side of it was replaced by another call, or brought by one, which the record names.
static bool tied(struct question *q, const char *what, uint8_t as)
{
	const struct record_party *const sides[] = { &q->r->o, &q->r->t };
	for (uint32_t i = 0; i < ARRAY_LEN(sides); i++)
		if (sides[i]->tied_as == as && sides[i]->tied_to && sides[i]->tied_to != q->r->call) return true;
	return flag(q, what, false);
}

static const char *trunk_name(struct ladder *l, uint32_t id)
{
	const struct office_trunk_group *g = office_trunk_group(office_rules(l->exchange->office), id);
	return g ? g->name : "none";
}

// In weather a call lasts longer than it was written, but not by more than the time that weather took.
static bool lasted(const struct question *q, uint64_t ms)
{
	const struct ladder *l = q->l;
	uint64_t lost_ms = l->weather ? l->now_ms - l->began_ms - l->waited_ms : 0;
	return q->r->answered_for_ms >= ms && q->r->answered_for_ms <= ms + lost_ms;
}

static bool question_word(struct question *q, const struct word *w)
{
	const struct call_record *r = q->r;
	uint64_t ms;
	if (words_duration(&ms, w, q->count - q->at + 1)) {
		q->at++;
		struct str is = ladder_text(q->l, "%llu ms", (unsigned long long)r->answered_for_ms);
		return lasted(q, ms) || differs(q, "answered for", is);
	}
	if (word_is(w, "answered")) return flag(q, "answered", r->answered && r->answered_wall_ms);
	if (word_is(w, "unanswered")) return flag(q, "unanswered", !r->answered && r->answered_for_ms == 0);
	if (word_is(w, "emergency")) return flag(q, "emergency", r->emergency);
	if (word_is(w, "unsynced")) return flag(q, "unsynced", r->unsynced);
	if (word_is(w, "synced")) return flag(q, "synced", !r->unsynced);
	if (word_is(w, "recovered")) return flag(q, "recovered", r->recovered);
	if (word_is(w, "cause")) return same_value(q, "cause", r->cause.value);
	if (word_is(w, "location")) return same_value(q, "location", r->cause.location);
	if (word_is(w, "sequence")) return same_value(q, "sequence", r->sequence);
	if (word_is(w, "by")) return released_by(q);
	if (word_is(w, "from")) return same_number(q, "from", &r->o.party.number);
	if (word_is(w, "to")) return same_number(q, "to", &r->called);
	if (word_is(w, "transferred")) return tied(q, "transferred", RECORD_TIED_TRANSFERRED);
	if (word_is(w, "begun")) return tied(q, "begun", RECORD_TIED_BEGUN);
	if (word_is(w, "joined")) return tied(q, "joined", RECORD_TIED_JOINED);
	if (word_is(w, "forwarded-from")) return same_number(q, "forwarded from", &r->diverted_from);
	if (word_is(w, "dialled"))
		return str_eq(word_after(q), str_from(r->dialled)) || differs(q, "dialled", str_from(r->dialled));
	if (word_is(w, "codec"))
		return str_eq(word_after(q), str_from(r->codec)) || differs(q, "codec", str_from(r->codec));
	if (word_is(w, "trunk")) {
		const char *is = trunk_name(q->l, r->t.trunk_group ? r->t.trunk_group : r->o.trunk_group);
		return str_eq(word_after(q), str_from(is)) || differs(q, "trunk", str_from(is));
	}
	return ladder_fail(q->l, NULL, "\"%.*s\" is no part of a record", STR_FMT(w->text));
}

// Times in a record follow each other, whatever the script asks.
static bool in_order(struct ladder *l, const struct call_record *r)
{
	bool good = r->began_wall_ms && r->began_wall_ms <= r->ended_wall_ms;
	if (r->alerted_wall_ms) good &= r->began_wall_ms <= r->alerted_wall_ms && r->alerted_wall_ms <= r->ended_wall_ms;
	if (r->answered_wall_ms) good &= r->began_wall_ms <= r->answered_wall_ms && r->answered_wall_ms <= r->ended_wall_ms;
	return good || ladder_fail(l, NULL, "the times of the record are out of order");
}

// What a party asked inside the call has its answer in the record's ladder, up to the 200 that comes after the record.
static bool is_answered(struct ladder *l, const struct call_record *r)
{
	for (uint32_t i = 0; i < r->ladder_n && r->ladder_n < RECORD_LADDER_MAX; i++) {
		const struct ladder_row *in = &r->ladder[i];
		uint32_t answers = 0;
		if (in->out || in->status || (in->method != SIP_BYE && in->method != SIP_INFO)) continue;
		for (uint32_t j = i + 1; j < r->ladder_n; j++) {
			const struct ladder_row *out = &r->ladder[j];
			answers += out->out && out->status && out->leg == in->leg && out->method == in->method && out->cseq == in->cseq;
		}
		if (answers == 0) return ladder_fail(l, NULL, "the record's ladder has no answer to the %s of leg %u",
			in->method == SIP_BYE ? "BYE" : "INFO", in->leg);
	}
	return true;
}

static struct journal_entry *unread(struct ladder *l)
{
	struct memory_journal *j = l->exchange ? &l->exchange->journal : NULL;
	for (uint32_t i = 0; j && i < j->count; i++)
		if (j->entries[i]->record.kind == RECORD_RELEASE && !j->entries[i]->read) return j->entries[i];
	return NULL;
}

static bool is_meant(struct ladder *l, const struct item *item, struct journal_entry *e)
{
	struct question q = { .l = l, .words = ladder_words(l, item), .at = 1, .count = item->count, .r = &e->record };
	e->read = true;
	l->exchange->journal.cdr = &e->record;
	while (q.at < q.count) {
		const struct word *w = &q.words[q.at++];
		if (!question_word(&q, w)) return false;
	}
	return in_order(l, &e->record) && is_answered(l, &e->record);
}

// In weather the calls of a ladder may end in another order: any record that no line named yet.
static bool is_any_meant(struct ladder *l, const struct item *item)
{
	struct memory_journal *j = &l->exchange->journal;
	for (uint32_t i = 0; i < j->count; i++) {
		struct journal_entry *e = j->entries[i];
		if (e->record.kind != RECORD_RELEASE || e->read) continue;
		l->failed = false;
		if (is_meant(l, item, e)) return true;
		e->read = false;
	}
	return false;
}

bool journal_cdr(struct ladder *l, const struct item *item)
{
	uint64_t until = l->now_ms + RECORD_MS;
	while (l->weather && l->exchange && !is_any_meant(l, item)) {
		bool failed = l->failed; // so does the record that came last; another may come
		l->failed = false;
		if (net_advance(l, until)) continue;
		l->failed |= failed;
		return ladder_fail(l, NULL, "no call has left a record");
	}
	if (l->weather) return true;
	struct journal_entry *e = unread(l);
	return e ? is_meant(l, item, e) : ladder_fail(l, NULL, "no call has left a record");
}

// TRAILS

static void put_trail_name(void *self, struct buf *b, char what, uint32_t id)
{
	struct ladder *l = self;
	const struct office_line *line = what == 'L' ? office_line(l->exchange->office, id) : NULL;
	if (line) put_z(b, line->name);
	if (what == 'T') put_z(b, trunk_name(l, id));
}

static void put_trail(struct buf *b, struct ladder *l, const struct call_record *r)
{
	struct trail_names names = { .self = l, .put_name = put_trail_name };
	for (uint32_t i = 0; i < r->trail_n && i < TRAIL_MAX; i++) {
		const struct trail_row *row = &r->trail[i];
		put_fmt(b, "    %5u.%03u  %s  ", row->at_ms / 1000, row->at_ms % 1000, row->side ? "T" : "O");
		put_trail_row(b, row, &names);
		put_z(b, "\n");
	}
}

// trail "is forwarded", of the record that the last cdr line named
bool journal_trail(struct ladder *l, const struct item *item)
{
	const struct call_record *r = l->exchange ? l->exchange->journal.cdr : NULL;
	char text[8192];
	struct buf b = buf_on(text, sizeof text - 1);
	if (!r) return ladder_fail(l, NULL, "trail comes after cdr: it asks about that record");
	put_trail(&b, l, r);
	text[b.n] = 0;
	for (uint32_t i = 1; i < item->count; i++) {
		struct str want = ladder_words(l, item)[i].text;
		bool found = false;
		for (uint32_t at = 0; at + want.n <= b.n && !found; at++) found = memcmp(text + at, want.p, want.n) == 0;
		if (!found) return ladder_fail(l, NULL, "the trail does not say \"%.*s\"", STR_FMT(want));
	}
	return true;
}

struct str journal_unread(struct ladder *l)
{
	const struct journal_entry *e = unread(l);
	if (!e) return STR("");
	const struct call_record *r = &e->record;
	return ladder_text(l, "%s, %llu ms, cause %u, dialled %s", r->answered ? "answered" : "unanswered",
	                   (unsigned long long)r->answered_for_ms, r->cause.value, r->dialled);
}

// Calls that stand when the ladder fails: what they decided so far is what one wants to know.
static void put_live_trails(struct buf *b, struct ladder *l)
{
	struct exchange *x = l->exchange;
	struct call_record *r = calloc(1, sizeof *r);
	uint32_t at = 0;
	struct call *c;
	while (r && x && x->worker && (c = calls_each(worker_calls(x->worker), &at))) {
		call_record(r, c, RECORD_RELEASE);
		put_fmt(b, "\nthe trail of the call to \"%s\", which stands:\n", r->dialled);
		put_trail(b, l, r);
	}
	free(r);
}

void put_journal_trails(struct buf *b, struct ladder *l)
{
	put_live_trails(b, l);
	for (uint32_t i = 0; l->exchange && i < l->exchange->journal.count; i++) {
		const struct call_record *r = &l->exchange->journal.entries[i]->record;
		if (r->kind != RECORD_RELEASE) continue;
		put_fmt(b, "\nthe trail of the call to \"%s\" (%s, cause %u):\n", r->dialled,
		        r->answered ? "answered" : "unanswered", r->cause.value);
		put_trail(b, l, r);
	}
}
