// What a call leaves in the journal: at its answer, and at its end.
#include "call/half/inside.h"

#include "base/bug.h"

COUNTER(call_records_refused, "Records that the journal could not take");

static void fill_party(struct record_party *p, const struct call *c, uint32_t line, uint32_t trunk_group,
                       const struct call_leg *leg, const struct record_media *stats)
{
	const struct office_line *row = call_line(c, line);
	p->line = line;
	p->trunk_group = trunk_group;
	p->customer = row ? row->customer : 0;
	if (leg) p->peer = leg->peer;
	p->media = *stats;
}

static void fill_tie(struct record_party *p, const struct call_tie *t)
{
	if (!t) return;
	p->tied_to = t->other;
	p->tied_as = t->phase == TIE_STANDS ? t->as : RECORD_TIED_NOT; // else the transfer came to nothing
}

uint64_t call_wall_ms(const struct call *c, uint64_t ms)
{
	return ms ? c->began_wall_ms + (ms - c->began_ms) : 0;
}

static void freeze(struct record_party *p, const struct call_leg *leg)
{
	if (leg->phase == LEG_GONE || leg->phase == LEG_FREE || !leg->link.ops->freeze) return;
	p->dialog_n = leg->link.ops->freeze(leg->link.self, leg->link.leg, p->dialog, sizeof p->dialog);
}

void call_record(struct call_record *r, struct call *c, enum record_kind kind)
{
	const struct env *env = call_env(c);
	*r = (struct call_record){ .kind = (uint8_t)kind, .released_by = c->released_by, .answered = c->answered,
		.emergency = c->emergency, .unsynced = c->unsynced, .call = c->id, .began_wall_ms = c->began_wall_ms,
		.alerted_wall_ms = call_wall_ms(c, c->alerted_ms), .called = c->called, .diverted_from = c->diverted_from,
		.diversion_feature = c->diversion_feature, .cause = c->cause, .rules_version = call_rules(c)->version };
	fill_party(&r->o, c, c->o_line, c->o_trunk, &c->o_leg, &c->stats[SIDE_O]);
	fill_party(&r->t, c, c->t_line, c->t_line ? 0 : c->trunk_last, t_leg(c), &c->stats[SIDE_T]);
	str_to_z(r->o.call_id, sizeof r->o.call_id, str_from(c->call_ids[SIDE_O]));
	str_to_z(r->t.call_id, sizeof r->t.call_id, str_from(c->call_ids[SIDE_T]));
	fill_tie(&r->o, c->ties[SIDE_O]);
	fill_tie(&r->t, c->ties[SIDE_T]);
	r->o.party = c->caller;
	r->t.party.number = c->called;
	if (c->answered || kind == RECORD_ANSWER) r->answered_wall_ms = call_wall_ms(c, c->answered_ms);
	if (kind == RECORD_ANSWER) {
		freeze(&r->o, &c->o_leg);
		if (c->t_answered) freeze(&r->t, &c->t_legs[c->t_answered - 1]);
		r->answered = true;
	} else {
		uint64_t ended = c->ended_ms ? c->ended_ms : env->now_ms;
		r->ended_wall_ms = call_wall_ms(c, ended);
		if (c->answered) r->answered_for_ms = ended - c->answered_ms;
		if (BUG(seconds_by_the_clock) && c->answered) r->answered_for_ms = env->wall_ms - r->answered_wall_ms;
	}
	str_to_z(r->dialled, sizeof r->dialled, str_from(c->dialled));
	str_to_z(r->codec, sizeof r->codec, str_from(c->media.halves[MEDIA_A].codec));
	r->trail_n = c->trail.n;
	memcpy(r->trail, c->trail.rows, sizeof r->trail[0] * c->trail.n);
	r->ladder_n = c->ladder_n;
	memcpy(r->ladder, c->ladder, sizeof r->ladder[0] * c->ladder_n);
}

static enum err to_journal(struct call *c, enum record_kind kind, uint64_t owner)
{
	const struct calls_setup *s = &c->calls->setup;
	struct call_record *r = &c->calls->record;
	call_record(r, c, kind);
	enum err e = s->journal.ops->put(s->journal.self, s->env->worker, r, owner);
	if (e != OK) call_looked_up(c, &(struct call_lookup){ .kind = LOOKUP_REFUSED, .id = REFUSED_RECORD });
	return e;
}

void call_put_answer(struct call *c)
{
	bool kept = to_journal(c, RECORD_ANSWER, call_ref(c)) == OK;
	if (!kept) COUNT(call_records_refused);
	// What is refused is as good as late: the policy decides. Whoever calls for help waits for no disk.
	if (!kept || (c->emergency && !BUG(emergency_waits))) o_post(c, O_EV_TIMER, NULL);
}

static void note_end(const struct call_leg *leg)
{
	const struct leg_link *l = &leg->link;
	if (leg->phase != LEG_GONE && l->ops && l->ops->closing) l->ops->closing(l->self, l->leg);
}

void call_put_release(struct call *c)
{
	if (c->bye_waits) note_end(&c->o_leg);
	if (c->bye_waits && c->t_answered) note_end(&c->t_legs[c->t_answered - 1]);
	// Only a side that waits for its release is told; all else ends at once.
	c->release_kept = to_journal(c, RECORD_RELEASE, c->bye_waits ? call_ref(c) : 0) == OK;
	if (BUG(release_written_twice) && c->answered) c->release_kept &= to_journal(c, RECORD_RELEASE, 0) == OK;
	if (!c->release_kept) COUNT(call_records_refused);
	else if (!c->bye_waits) o_post(c, O_EV_RECORDED, NULL);
}
