// Legs by the Replaces that a party says of them (RFC 3891), and an INVITE that takes the place of one: of a phone that
// rings (call pick-up), or of a party that talks.
//
//     P ─INVITE, Replaces─▶ the call of A and Q, who rings:    Q is cancelled, A and P are answered
//                           the call of A and Q, who talk:     A gets a re-INVITE with what P offers, Q a BYE
//
// The call stays one, and its record: who paid pays on. Only a line of the same customer as Q's may do it.
#include "call/leg/sip_inside.h"

#include "wire/sip/replaces.h"

// Our tag begins with the worker, as two hexadecimal digits.
static uint32_t worker_of(struct str tag)
{
	uint32_t v = 0;
	if (tag.n != SIP_LEG_TAG_LEN) return UINT32_MAX;
	for (uint32_t i = 0; i < 2; i++) {
		char c = tag.p[i];
		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f')) return UINT32_MAX;
		v = v * 16 + (uint32_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return v;
}

// Which of the tags is ours: to_tag, but some phones turn them round when they learn them from somebody else's NOTIFY
// (RFC 4235: local and remote there are of the phone that is watched).
static struct str own_tag(const struct sip_replaces *r)
{
	return r->to_tag.n == SIP_LEG_TAG_LEN || r->from_tag.n != SIP_LEG_TAG_LEN ? r->to_tag : r->from_tag;
}

uint32_t sip_replaces_worker(struct str replaces)
{
	struct sip_replaces r;
	return sip_replaces_parse(&r, replaces) == PARSE_OK ? worker_of(own_tag(&r)) : UINT32_MAX;
}

static struct cause refused(uint8_t value, uint16_t status)
{
	struct cause c = cause_local(value);
	c.status = status;
	return c;
}

static const struct sip_leg *by_tag(struct sip_legs *ls, struct str ours, struct str theirs, struct str call_id)
{
	const struct map_node *node = map_find(&ls->by_tag, ours);
	const struct sip_leg *leg = node ? LIST_OF(node, struct sip_leg, by_tag) : NULL;
	if (!leg) return NULL;
	if (leg->dialog.text)
		return str_eq(leg->dialog.call_id, call_id) && str_eq(leg->dialog.remote_tag, theirs) ? leg : NULL;
	// It rings: there may be several early dialogs, whose tags are not all kept.
	return leg->state == LEG_CALLING_STATE && str_eq(call_id, (struct str){ leg->tag, SIP_LEG_TAG_LEN }) ? leg : NULL;
}

static const struct sip_leg *find(struct sip_legs *ls, const struct sip_replaces *r)
{
	const struct sip_leg *leg = by_tag(ls, r->to_tag, r->from_tag, r->call_id);
	return leg ? leg : by_tag(ls, r->from_tag, r->to_tag, r->call_id);
}

struct cause sip_replaces_find(struct sip_replaced *out, struct sip_legs *ls, struct str replaces)
{
	struct sip_replaces r;
	if (sip_replaces_parse(&r, replaces) != PARSE_OK) return refused(CAUSE_NORMAL_UNSPECIFIED, 400);
	const struct sip_leg *leg = find(ls, &r);
	if (!leg) return refused(CAUSE_NORMAL_UNSPECIFIED, 481);
	bool stands = leg->state == LEG_UP_STATE || leg->state == LEG_ANSWERED_STATE || leg->state == LEG_INVITED_STATE ||
		leg->state == LEG_CALLING_STATE;
	if (!stands) return refused(CAUSE_REJECTED, 603); // it ends
	if (r.early_only && leg->dialog.confirmed) return refused(CAUSE_BUSY, 486);
	*out = (struct sip_replaced){ .call = leg->call, .side = leg->side, .index = leg->index, .line = leg->line,
		.trunk_group = leg->trunk_group, .theirs = leg->state == LEG_INVITED_STATE,
		.rings = leg->state == LEG_CALLING_STATE };
	return (struct cause){ 0 };
}

// May this line take the place of that leg? 0: yes.
static uint16_t refusal(const struct sip_legs *ls, const struct sip_replaced *leg, const struct office_line *line)
{
	const struct office_line *other = leg->line ? office_line(ls->setup.office, leg->line) : NULL;
	bool may = line && other && !line->suspended && (line->id == other->id || line->customer == other->customer);
	if (!may) return 403;
	return leg->theirs ? 481 : 0; // RFC 3891 3: an early dialog that the other side began
}

void replaces_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from,
                     const struct office_line *line)
{
	struct sip_walk walk = { 0 };
	struct str value, another, sdp;
	struct sip_replaced leg;
	bool one = sip_msg_each(m, SIP_H_REPLACES, &walk, &value) && !sip_msg_each(m, SIP_H_REPLACES, &walk, &another);
	struct cause why = one ? sip_replaces_find(&leg, ls, value) : refused(CAUSE_NORMAL_UNSPECIFIED, 400);
	uint16_t status = why.value ? why.status : refusal(ls, &leg, line);
	if (!status && (!msg_sdp(m, &sdp) || !sdp.n)) status = 488; // who talks already is asked for nothing
	uint8_t seat = 0;
	if (!status && calls_seat(ls->setup.calls, leg.call, leg.side, leg.index, leg.rings, &seat) != OK) status = 603;
	if (status) {
		sip_reply(ls, txn, m, from, status, STR(""));
		return;
	}
	struct sip_leg *taker = leg_of_invite(ls, txn, m, from, &(struct invited){ .line = line->id });
	if (!taker) return;
	taker->call = leg.call;
	taker->side = leg.side;
	taker->index = seat;
	leg_take_invite(taker, m);
	oa_step(taker, OA_EV_GET_OFFER);
	calls_replace(ls->setup.calls, leg.call, leg.side, seat, &(struct call_replacement){ .by = sip_leg_link(taker),
		.line = line->id, .peer = from->peer, .offer = sdp, .rings = leg.rings });
}
