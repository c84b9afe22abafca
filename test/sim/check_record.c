// At the end of a run: the records of calls, against what was seen of the calls at the node and by the parties.
#include "sim/check_inside.h"

#include <stdlib.h>

#define EXACT_MS 20
#define ACK_MS 32000        // how long an ACK is waited for
#define ROOM_MS 20000      // how long its BYE waits for room, unless all is full
#define LIFE_MS 1000      // how old the last proof of life may be
#define CALLED_OFF_MS 1000 // how long what rings may go on when its call is over
#define WRITTEN_MS 1000   // by when the record of an attempt is on disk, in good weather

struct record_seen { // records of one Call-ID, or of one call number
	struct map_node node;
	char key[RECORD_TEXT_MAX];
	const struct call_record *record; // an answered one, if there is one
	uint32_t count;
	struct record_seen *next;
};

struct records {
	struct map by_call_id, by_number;
	struct record_seen *first; // owned, all
	uint32_t count;
};

static bool has_fault(const struct checker *c, uint32_t faults)
{
	return sim_plan(c->sim)->faults & faults;
}

static struct record_seen *note(struct records *all, struct map *map, struct str key, const struct call_record *r)
{
	struct map_node *n = map_find(map, key);
	struct record_seen *seen = n ? LIST_OF(n, struct record_seen, node) : calloc(1, sizeof *seen);
	if (!seen) abort();
	if (!n) {
		str_to_z(seen->key, sizeof seen->key, key);
		seen->record = r;
		seen->next = all->first;
		all->first = seen;
		map_add(map, &seen->node, str_from(seen->key));
	}
	if (r->answered) seen->record = r; // before it may come one that was refused, and forgotten by a crash
	seen->count++;
	return seen;
}

static struct record_seen *note_number(struct records *all, const struct call_record *r)
{
	char text[24];
	struct buf b = buf_on(text, sizeof text);
	put_u64(&b, r->call);
	return note(all, &all->by_number, buf_str(&b), r);
}

static const struct record_seen *find(const struct map *map, struct str key)
{
	struct map_node *n = map_find(map, key);
	return n ? LIST_OF(n, struct record_seen, node) : NULL;
}

// ONE RECORD

#define ABOUT(c, r, ...) FAIL(c, str_from((r)->o.call_id), "record %llu: " __VA_ARGS__)
#define NUMBER(r) (unsigned long long)(r)->sequence

static bool in_order(const struct call_record *r)
{
	uint64_t at[] = { r->began_wall_ms, r->alerted_wall_ms, r->answered_wall_ms, r->ended_wall_ms }, last = 0;
	for (uint32_t i = 0; i < ARRAY_LEN(at); i++) {
		if (at[i] && at[i] < last) return false;
		if (at[i]) last = at[i];
	}
	return r->began_wall_ms && r->ended_wall_ms && !r->answered == !r->answered_wall_ms;
}

static uint64_t least(uint64_t a, uint64_t b) // of those that are not 0
{
	return !a ? b : !b || a < b ? a : b;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

static bool is_hostile(const struct checker *c, const struct call_record *r)
{
	const struct ledger_call *o = ledger_find(c->ledger, str_from(r->o.call_id), LEDGER_CALLER);
	const struct ledger_call *t = ledger_find(c->ledger, str_from(r->t.call_id), LEDGER_CALLED);
	return (o && o->hostile) || (t && t->hostile);
}

// What no BYE of theirs ended, the first of ours tells; but where there was no transaction or memory for that one, the
// other may have waited for an ACK (RFC 3261 15), or for the end of a call whose party was lost.
static bool ended_untold(const struct checker *c, const struct call_record *r, const struct leg_seen *o,
                         const struct leg_seen *t)
{
	uint64_t ended_ms = least(o->ended_ms, t->ended_ms), said_ms = t->answered_ms + r->answered_for_ms;
	bool ours = ended_ms && (ended_ms == o->bye_sent_ms || ended_ms == t->bye_sent_ms);
	bool late = ended_ms > said_ms && ended_ms < said_ms + ACK_MS + ROOM_MS;
	return ours && late && has_fault(c, FAULT(POOLS) | FAULT(ALLOCATION));
}

// A phone whose call is over hears that as soon as there is room for a BYE, and need not find it out by its own.
static void check_told(struct checker *c, const struct call_record *r, const struct leg_seen *l,
                       const struct leg_seen *t)
{
	uint64_t over_ms = t->answered_ms + r->answered_for_ms;
	for (uint32_t i = 0; i < c->crash_count; i++) // who still waited for room, a new start knows nothing of
		if (c->crashes[i].at_ms >= over_ms && c->crashes[i].at_ms <= l->left_ms) return;
	if (!l->ended_ms && l->left_ms > over_ms + ACK_MS + ROOM_MS)
		ABOUT(c, r, "is of a call that was over at %llu ms; a phone was not told, and found it out at %llu ms", NUMBER(r),
		      (unsigned long long)over_ms, (unsigned long long)l->left_ms);
}

// To the millisecond, whatever the wall clock did: from the answer that came to the first end of either leg.
static void check_seconds(struct checker *c, const struct call_record *r, const struct leg_seen *o,
                          const struct leg_seen *t)
{
	uint64_t ended_ms = least(o->ended_ms, t->ended_ms), is_ms = ended_ms - t->answered_ms;
	// There was no transaction for our BYE, or for theirs, or no memory for either's message.
	if (has_fault(c, FAULT(POOLS) | FAULT(ALLOCATION)) && !ended_ms) return;
	if (has_fault(c, FAULT(POOLS)) && is_hostile(c, r)) return; // nobody knows whether its BYE was meant
	if (ended_untold(c, r, o, t)) return;
	if (!ended_ms || ended_ms < t->answered_ms || apart(is_ms, r->answered_for_ms) > EXACT_MS)
		ABOUT(c, r, "says %llu ms of talk; it was answered at %llu ms, and ended at %llu ms", NUMBER(r),
		      (unsigned long long)r->answered_for_ms, (unsigned long long)t->answered_ms, (unsigned long long)ended_ms);
}

static bool crashed_between(const struct checker *c, uint64_t from_ms, uint64_t to_ms)
{
	for (uint32_t i = 0; i < c->crash_count; i++)
		if (!c->crashes[i].orderly && c->crashes[i].at_ms >= from_ms && c->crashes[i].at_ms <= to_ms) return true;
	return false;
}

// By when what is written is on disk. Where the journal has no memory for a record its call keeps it, and tries again.
static uint64_t written_ms(const struct checker *c, uint64_t at_ms)
{
	return has_fault(c, DISK_FAULTS | FAULT(ALLOCATION)) ? UINT64_MAX : at_ms + WRITTEN_MS;
}

// The call was over, and the crash came before that was on disk.
static bool ended_unwritten(const struct checker *c, const struct leg_seen *o, const struct leg_seen *t)
{
	uint64_t ended_ms = least(o->ended_ms, t->ended_ms);
	return ended_ms && crashed_between(c, ended_ms, written_ms(c, ended_ms));
}

// A switch that stops lets calls finish until it is time.
static void check_may_finish(struct checker *c, const struct call_record *r, const struct leg_seen *o,
                             const struct leg_seen *t)
{
	uint64_t ended_ms = least(o->ended_ms, t->ended_ms);
	bool released = r->released_by == BY_SWITCH && r->cause.value == CAUSE_TEMPORARY && !r->recovered;
	for (uint32_t i = 0; i < c->crash_count && released; i++) {
		const struct crash *stop = &c->crashes[i];
		uint64_t until_ms = stop->release_ms ? stop->release_ms : stop->at_ms;
		if (stop->stop_ms && ended_ms >= stop->stop_ms && ended_ms < until_ms)
			ABOUT(c, r, "is of a call that was released at %llu ms; until %llu ms it might have finished", NUMBER(r),
			      (unsigned long long)ended_ms, (unsigned long long)until_ms);
	}
}

// The caller hears of the answer when its record is on disk, or when the office would wait no longer; who calls for help
// at once.
static void check_wait(struct checker *c, const struct call_record *r, const struct leg_seen *o,
                       const struct leg_seen *t)
{
	const struct ledger_call *row = ledger_find(c->ledger, str_from(r->o.call_id), LEDGER_CALLER);
	uint32_t most_ms = r->emergency ? 0 : office_rules(node_office(sim_node(c->sim)))->settings.answer_commit_ms;
	if (!o->answered_ms || (row && row->dial_tone)) return; // opened by the switch itself
	if (o->answered_ms > t->answered_ms + most_ms)
		ABOUT(c, r, "%s was answered at %llu ms, and its caller heard of it at %llu ms", NUMBER(r),
		      r->emergency ? "911" : "the call", (unsigned long long)t->answered_ms, (unsigned long long)o->answered_ms);
}

// A call that a crash cut off ended when the switch last showed life. Its seconds are the wall clock's.
static void check_recovered(struct checker *c, const struct call_record *r, const struct leg_seen *o,
                            const struct leg_seen *t)
{
	uint64_t cut_ms = o->cut_ms ? o->cut_ms : t->cut_ms, early_ms = LIFE_MS;
	if (!cut_ms && ended_unwritten(c, o, t)) return;
	if (!cut_ms) {
		ABOUT(c, r, "is of a call that no crash cut off, and says that one did", NUMBER(r));
		return;
	}
	bool told = !has_fault(c, FAULT(POOLS)); // else there may have been no transaction for it
	if (told && !o->bye_sent_ms && !o->ended_ms) ABOUT(c, r, "is recovered, and its caller got no BYE", NUMBER(r));
	if (told && !t->bye_sent_ms && !t->ended_ms) ABOUT(c, r, "is recovered, and its called party got no BYE", NUMBER(r));
	if (has_fault(c, CLOCK_FAULTS)) return;
	uint64_t most_ms = cut_ms - t->answered_ms, least_ms = most_ms > early_ms ? most_ms - early_ms : 0;
	if (has_fault(c, DISK_FAULTS)) least_ms = 0; // life could not be shown
	if (r->answered_for_ms > most_ms + EXACT_MS || r->answered_for_ms + EXACT_MS < least_ms)
		ABOUT(c, r, "says %llu ms of talk; the crash came %llu ms after the answer", NUMBER(r),
		      (unsigned long long)r->answered_for_ms, (unsigned long long)most_ms);
}

// What the two parties say by themselves: each knows between which two moments the switch heard of what it did. (A BYE
// that crosses the switch's own ended nothing.)
static void check_heard(struct checker *c, const struct call_record *r, const struct ledger_call *o,
                        const struct ledger_call *t)
{
	const struct ledger_call *first = o->by_me ? o : t, *other = o->by_me ? t : o;
	bool clear = first->by_me && !other->by_me && first->bye_heard_ms && other->ended_ms >= first->ended_ms;
	if (!clear || r->released_by == BY_SWITCH || !t->acked_ms) return;
	if (o->hostile || t->hostile || o->forgets || t->forgets) return;
	uint64_t least_ms = first->ended_ms > t->acked_ms ? first->ended_ms - t->acked_ms : 0;
	uint64_t most_ms = first->bye_heard_ms - t->answered_ms;
	// The call of a party that was lost is over before the other is told, where there is no room for that.
	bool late = r->cause.value == CAUSE_TIMER && has_fault(c, FAULT(POOLS) | FAULT(ALLOCATION));
	if (late && r->answered_for_ms < least_ms) return;
	if (r->answered_for_ms + EXACT_MS < least_ms || r->answered_for_ms > most_ms + EXACT_MS)
		ABOUT(c, r, "says %llu ms of talk; the parties heard each other for %llu to %llu ms", NUMBER(r),
		      (unsigned long long)r->answered_for_ms, (unsigned long long)least_ms, (unsigned long long)most_ms);
}

// What was dialled by keys is what was said, as far as the switch wanted to hear it.
static void check_dialled(struct checker *c, const struct call_record *r, const struct ledger_call *o)
{
	struct str said = str_from(o->dial_tone ? o->said : o->dialled), is = str_from(r->dialled);
	bool differs = o->dialled[0] && !(o->dial_tone ? str_starts(said, is) : str_eq(said, is));
	if (differs && !has_fault(c, FAULT(SPOILED))) // an octet of the number itself may have been changed
		ABOUT(c, r, "says that \"%s\" was dialled, and it was \"%.*s\"", NUMBER(r), r->dialled, STR_FMT(said));
}

static void check_parties(struct checker *c, const struct call_record *r)
{
	const struct ledger_call *o = ledger_find(c->ledger, str_from(r->o.call_id), LEDGER_CALLER);
	const struct ledger_call *t = ledger_find(c->ledger, str_from(r->t.call_id), LEDGER_CALLED);
	if (!o || o->hostile) return;
	if (r->o.line != o->line) ABOUT(c, r, "names line %u, and line %u called", NUMBER(r), r->o.line, o->line);
	check_dialled(c, r, o);
	if (!r->answered || !t) return;
	// What had no room with its credentials, whoever overheard it may say again.
	if (t->hostile && has_fault(c, FAULT(POOLS))) return;
	if (r->t.line != t->line) ABOUT(c, r, "names line %u, and line %u answered", NUMBER(r), r->t.line, t->line);
	if (!r->recovered) check_heard(c, r, o, t);
}

// A call for help that the switch gives up was tried on a trunk at least. (No media port at all is left in the storm of
// that name, nor memory in its own; and an offer that the weather changed, or who overheard it, may be none.)
static void check_emergency(struct checker *c, const struct call_record *r, const struct leg_seen *o)
{
	const struct ledger_call *row = ledger_find(c->ledger, str_from(r->o.call_id), LEDGER_CALLER);
	bool given_up = r->emergency && !r->answered && r->released_by == BY_SWITCH;
	bool changed = has_fault(c, FAULT(SPOILED)) || (row && !addr_host_eq(&row->party, &o->peer));
	if (changed && r->cause.value == CAUSE_INCOMPATIBLE) return;
	if (given_up && !r->t.call_id[0] && !has_fault(c, FAULT(MEDIA_FULL) | FAULT(ALLOCATION)))
		ABOUT(c, r, "is of 911, which no trunk was asked to take", NUMBER(r));
}

// Nobody rings for a call that is over: it is cancelled then, or as soon as it says that it was reached (RFC 3261 9.1).
// Without room or memory there may be no CANCEL, and what rings when a crash comes is forgotten.
static void check_called_off(struct checker *c, const struct call_record *r, const struct leg_seen *o,
                             const struct leg_seen *t)
{
	uint64_t over_ms = least(o->refused_ms, o->ended_ms);
	if (!t || !t->rang_ms || !over_ms || has_fault(c, FAULT(ALLOCATION) | FAULT(POOLS) | FAULT(SPOILED))) return;
	uint64_t from_ms = over_ms > t->rang_ms ? over_ms : t->rang_ms;
	bool rings_on = !t->final_ms || t->final_ms > from_ms + CALLED_OFF_MS;
	if (rings_on && !t->cancelled_ms && !crashed_between(c, t->began_ms, UINT64_MAX))
		ABOUT(c, r, "is of a call that was over at %llu ms; it rang since %llu ms, and got no CANCEL", NUMBER(r),
		      (unsigned long long)over_ms, (unsigned long long)t->rang_ms);
}

static void check_record(struct checker *c, const struct call_record *r)
{
	const struct leg_seen *o = wire_leg(c, r->o.call_id), *t = wire_leg(c, r->t.call_id);
	if (!o || !(o->theirs || o->reused)) {
		ABOUT(c, r, "is of a call that nobody began", NUMBER(r));
		return;
	}
	if (!in_order(r)) ABOUT(c, r, "has times that are out of order", NUMBER(r));
	if (!r->answered && r->answered_for_ms) ABOUT(c, r, "is unanswered, and has seconds", NUMBER(r));
	// What was written and not yet said when the crash came is a call of no length.
	bool unheard = r->recovered && !o->answered_ms;
	if (r->answered && ((!o->answered_ms && !unheard) || !t || !t->answered_ms)) {
		bool renamed = !t && has_fault(c, FAULT(SPOILED)); // the answer named another call when it came
		if (!renamed) ABOUT(c, r, "is answered, and no party answered or heard so", NUMBER(r));
		return;
	}
	check_emergency(c, r, o);
	if (o->attempts > 1 || o->reused) return; // several calls of one Call-ID: whose seconds these are nobody can tell
	if (r->answered && r->recovered) check_recovered(c, r, o, t);
	else if (r->answered) check_seconds(c, r, o, t);
	if (r->answered) check_may_finish(c, r, o, t);
	if (r->answered && !r->recovered) check_told(c, r, o, t), check_told(c, r, t, t);
	if (r->answered) check_wait(c, r, o, t);
	else check_called_off(c, r, o, t);
	check_parties(c, r);
}

// EACH CALL

// An attempt that was refused leaves a record, unless the switch died before it could be written.
static bool may_be_lost(const struct checker *c, const struct leg_seen *l)
{
	if (!l->refused_ms && !l->answered_ms) return true; // it died before any final answer: nobody was told anything
	uint64_t at_ms = l->refused_ms ? l->refused_ms : l->answered_ms;
	if (l->answered_ms) return l->unsynced && crashed_between(c, at_ms, UINT64_MAX);
	return crashed_between(c, at_ms, written_ms(c, at_ms));
}

static void check_caller(struct checker *c, const struct records *all, const struct leg_seen *l)
{
	const struct record_seen *seen = find(&all->by_call_id, str_from(l->call_id));
	const struct ledger_call *row = ledger_find(c->ledger, str_from(l->call_id), LEDGER_CALLER);
	struct str id = str_from(l->call_id);
	// Of each attempt that was refused by a leg, and one more where a crash forgot that there was one.
	uint32_t most = (l->attempts ? l->attempts : 1) + crashed_between(c, l->began_ms, UINT64_MAX);
	if (seen && seen->count > most) FAIL(c, id, "a call has %u records, of %u attempts", seen->count, most);
	bool opened = row && row->dial_tone; // by the switch itself: whether somebody answered, the record alone says
	if (!seen && l->made && !may_be_lost(c, l) && !(opened && crashed_between(c, l->answered_ms, UINT64_MAX)))
		FAIL(c, id, "a call has no record: it was %s at %llu ms", l->answered_ms ? "answered" : "refused",
		     (unsigned long long)(l->answered_ms ? l->answered_ms : l->refused_ms));
	if (!seen || opened || !row || row->hostile) return;
	if (!row->answered_ms || (!l->answered_ms && has_fault(c, FAULT(SPOILED)))) return; // a 180 came as a 280
	if (!l->answered_ms) FAIL(c, id, "a caller says that it was answered, and nobody told it so");
	else if (!seen->record->answered && !may_be_lost(c, l)) // an earlier attempt has the record
		FAIL(c, id, "a caller was answered, and its record denies it");
}

void check_records(struct checker *c)
{
	struct records all = { 0 };
	const struct call_record *r;
	const struct hash_key key = { { 5, 6 } };
	if (map_init(&all.by_call_id, 1024, key) != OK || map_init(&all.by_number, 1024, key) != OK) abort();
	for (uint32_t i = 0; (r = node_cdr(sim_node(c->sim), i)); i++) {
		if (r->sequence != i + 1) ABOUT(c, r, "stands where number %u is due: a gap, or a double", NUMBER(r), i + 1);
		note(&all, &all.by_call_id, str_from(r->o.call_id), r);
		if (note_number(&all, r)->count > 1)
			ABOUT(c, r, "has the number of another call: %llu", NUMBER(r), (unsigned long long)r->call);
		check_record(c, r);
	}
	for (const struct leg_seen *l = c->first_leg; l; l = l->next)
		if (l->theirs) check_caller(c, &all, l);
	for (struct record_seen *s = all.first, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	map_fini(&all.by_call_id);
	map_fini(&all.by_number);
}
