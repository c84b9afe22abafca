// Who hears whom: each of two parties that talk hears the other, and nobody hears anyone else.
#include "sim/check_inside.h"

#define SETTLES_MS 5000 // what a storm or a re-INVITE left behind is gone by then

// The party's row, when its word counts.
static struct ledger_call *row_of(const struct checker *c, const struct call *call, enum call_side side)
{
	struct str id = str_from(call->call_ids[side]);
	struct ledger_call *row = ledger_find(c->ledger, id, side == SIDE_O ? LEDGER_CALLER : LEDGER_CALLED);
	return row && !row->hostile && row->ear.family && row->told.family ? row : NULL;
}

static void put_who(struct buf *b, const struct ledger_call *row)
{
	put_fmt(b, "line %u at ", row->line);
	put_addr(b, &row->party);
}

static void check_ear(struct checker *c, const struct call *call, const struct ledger_call *ear,
                      const struct ledger_call *mouth, bool must)
{
	struct plane_heard heard;
	bool known = plane_hears(sim_plane(c->sim), &ear->ear, &ear->told, &heard);
	bool right = known && addr_host_eq(&heard.voice, &mouth->ear);
	bool wrong = known && heard.voice.family && !right;
	if (!wrong && (right || !must)) return;
	char text[256];
	struct buf b = buf_on(text, sizeof text - 1);
	put_who(&b, ear);
	if (wrong) {
		put_z(&b, " hears ");
		put_addr(&b, &heard.voice);
		put_z(&b, ", and talks with ");
	} else {
		put_z(&b, known ? " hears nothing of " : " is known to no media session, and talks with ");
	}
	put_who(&b, mouth);
	text[b.n] = '\0';
	FAIL(c, str_from(call->call_ids[SIDE_O]), "%s", text);
}

// Both ends of both legs agree on what was said last: neither is in the middle of a re-INVITE.
static bool is_settled(const struct checker *c, const struct call *call)
{
	const struct leg_seen *o = wire_leg(c, call->call_ids[SIDE_O]), *t = wire_leg(c, call->call_ids[SIDE_T]);
	uint64_t since = check_now(c) > SETTLES_MS ? check_now(c) - SETTLES_MS : 0;
	return o && t && o->described_ms < since && t->described_ms < since && c->calm_since_ms < since;
}

void check_media(struct checker *c, const struct call *call)
{
	bool spoiled = sim_plan(c->sim)->faults & FAULT(SPOILED); // so may be what they told each other
	if (call->o.pic != O_ACTIVE || !call->answered || spoiled) return;
	const struct ledger_call *o = row_of(c, call, SIDE_O), *t = row_of(c, call, SIDE_T);
	if (!o || !t) return;
	bool talk = media_talks(&call->media, MEDIA_A) && media_talks(&call->media, MEDIA_B);
	bool must = talk && !o->ended_ms && !t->ended_ms && is_settled(c, call);
	check_ear(c, call, o, t, must);
	check_ear(c, call, t, o, must);
}
