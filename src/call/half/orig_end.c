// The end of a call, whoever began it: the caller is released, the media are counted, the record is written.
#include "call/half/orig.h"

#include "base/bug.h"

#define RECORD_RETRY_MS 500

uint64_t orig_commit_ms(const struct call *c)
{
	uint32_t ms = call_rules(c)->settings.answer_commit_ms;
	if (BUG(answer_waits_on)) ms *= 2;
	return ms ? ms : 1;
}

// Whoever hung up may call again at once: that does not wait for the disk.
static void give_places(struct call *c)
{
	struct occupancy *o = c->calls->setup.live->occupancy;
	if (c->taken.o_line) occupancy_give(o, OCCUPANCY_LINE, c->taken.o_line);
	if (c->taken.o_trunk) occupancy_give(o, OCCUPANCY_TRUNK_GROUP, c->taken.o_trunk);
	c->taken.o_line = c->taken.o_trunk = 0;
}

// Counts what was heard, then writes the record: the common end.
static void begin_end(struct call *c)
{
	c->ended_ms = call_env(c)->now_ms;
	ties_drop(c);
	give_places(c);
	half_timer(c, SIDE_O, orig_commit_ms(c));
	if (BUG(port_leaked_on_cancel) && !c->answered) c->media.session = 0;
	if (!media_close(&c->media, &c->calls->media)) o_post(c, O_EV_STATS, NULL);
}

static void release_caller(struct call *c)
{
	o_tell(c, &(struct verb){ .kind = VERB_RELEASE, .cause = c->cause });
}

void orig_end(struct call *c, const struct verb *v)
{
	(void)v;
	release_caller(c);
	begin_end(c);
}

// The caller's leg is gone: of a call that stood, of one that was never answered, of one that failed.
static void caller_left(struct call *c, const struct verb *v)
{
	call_trail(c, SIDE_O, c->answered ? TRAIL_RELEASED_BY_CALLER : TRAIL_ABANDONED, v->cause.value, 0);
	c->bye_waits = c->answered;
	if (!c->bye_waits) release_caller(c);
	t_post(c, T_EV_O_RELEASE, 0, v);
	begin_end(c);
}

// The caller hung up, or gave up before an answer. What one of several routes or phones said before is not why it ends.
void orig_hang_up(struct call *c, const struct verb *v)
{
	c->cause = v->cause;
	c->released_by = BY_CALLER;
	caller_left(c, v);
}

// The caller heard why it failed: that stays the cause.
void orig_leave(struct call *c, const struct verb *v)
{
	caller_left(c, v);
}

void orig_far_hung_up(struct call *c, const struct verb *v)
{
	c->cause = v->cause;
	c->released_by = BY_CALLED;
	call_trail(c, SIDE_T, TRAIL_RELEASED_BY_CALLED, v->cause.value, 0);
	release_caller(c);
	c->bye_waits = c->answered;
	if (!c->bye_waits) t_release_all(c, c->cause, false);
	begin_end(c);
}

void orig_too_long(struct call *c, const struct verb *v)
{
	(void)v;
	call_trail(c, SIDE_O, TRAIL_CALL_TOO_LONG, call_rules(c)->settings.call_max_s, 0);
	c->cause = cause_local(CAUSE_NORMAL_UNSPECIFIED);
	c->released_by = BY_SWITCH;
	t_post(c, T_EV_O_RELEASE, 0, NULL);
	orig_end(c, v);
}

void orig_give_up(struct call *c, const struct verb *v)
{
	if (v->cause.value) c->cause = v->cause;
	t_post(c, T_EV_O_RELEASE, 0, NULL);
	orig_end(c, v);
}

void orig_write_record(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, orig_commit_ms(c));
	call_put_release(c);
}

// A late record stays in the journal's memory. One that the journal could not take stays here, with its call, until it
// can: so a full disk ends in refused calls, not in lost records. The phone that hung up does not wait for that.
void orig_close_late(struct call *c, const struct verb *v)
{
	(void)v;
	if (c->release_kept) {
		o_post(c, O_EV_RECORDED, NULL);
		return;
	}
	if (c->o_leg.phase != LEG_GONE) release_caller(c);
	t_release_all(c, c->cause, false);
	c->bye_waits = false;
	half_timer(c, SIDE_O, RECORD_RETRY_MS);
	call_put_release(c);
}

// The release is on disk (or as good as it gets): the side that hung up hears so, and nothing is left.
void orig_over(struct call *c, const struct verb *v)
{
	(void)v;
	half_timer(c, SIDE_O, 0);
	if (c->o_leg.phase != LEG_GONE) release_caller(c);
	t_release_all(c, c->cause, false);
}
