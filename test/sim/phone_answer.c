// What comes in: an INVITE, its ringing, its answer or refusal, CANCEL; and the answer to a re-INVITE.
#include "sim/party_inside.h"

enum ring { RING_FIRST, RING_EARLY, RING_ANSWER, RING_FOR_EVER };

struct str answer_text(struct dialog *d, struct txn *t, uint16_t status, struct str sdp)
{
	static char text[MESSAGE_MAX]; // copied at once by whoever sends it
	struct buf b = buf_on(text, sizeof text);
	put_response(&b, d->party, status, t->more, STR(""), sdp);
	return b.err == OK ? buf_str(&b) : STR("");
}

static struct txn *invite_of(struct dialog *d)
{
	return d->invited ? pool_at(&d->party->all->txns, d->invited) : NULL;
}

static void respond(struct dialog *d, uint16_t status, struct str sdp)
{
	struct txn *t = invite_of(d);
	if (t) server_respond(t, status, answer_text(d, t, status, sdp));
}

static void refuse(struct dialog *d, uint16_t status)
{
	struct txn *t = invite_of(d);
	respond(d, status, STR(""));
	d->seen->status = status;
	d->invited = 0; // the transaction goes on alone
	if (t) t->dialog = 0;
	dialog_end(d, true);
}

static void wait_for(struct dialog *d, uint32_t ms, enum ring then)
{
	struct parties *all = d->party->all;
	d->ring = (uint8_t)then;
	party_timer(d->party, &d->clock, ms, TIMER_DIALOG, pool_ref(&all->dialogs, d));
}

// Why it does not take the call; 0: it does.
static uint16_t refusal(struct ua *p)
{
	if (p->all->ending) return 480;
	if (p->group) return trunk_refusal(p);
	if (p->standing > 1 || party_chance(p, p->as->busy)) return 486;
	if (party_chance(p, p->as->declines)) return 603;
	return 0;
}

static void keep_head(struct dialog *d, struct txn *t, const struct sip_msg *m)
{
	char text[MESSAGE_MAX];
	struct buf b = buf_on(text, sizeof text);
	put_echo(&b, m, str_from(d->local_tag));
	wheel_stop(&d->party->all->wheel, &t->end);
	t->more = slab_dup(&d->party->all->texts, b.err == OK ? buf_str(&b) : STR(""));
	t->dialog = pool_ref(&d->party->all->dialogs, d);
	d->invited = pool_ref(&d->party->all->txns, t);
}

static void learn(struct dialog *d, const struct sip_msg *m)
{
	struct sip_name_addr contact;
	char text[sizeof d->local];
	struct buf b = buf_on(text, sizeof text - 1);
	put(&b, sip_msg_header(m, SIP_H_TO));
	put(&b, STR(";tag="));
	put_z(&b, d->local_tag);
	str_to_z(d->local, sizeof d->local, buf_str(&b));
	str_to_z(d->remote, sizeof d->remote, sip_msg_header(m, SIP_H_FROM));
	str_to_z(d->remote_tag, sizeof d->remote_tag, m->from.tag);
	if (sip_name_addr_parse(&contact, sip_msg_header(m, SIP_H_CONTACT)) == PARSE_OK)
		str_to_z(d->target, sizeof d->target, contact.uri.text);
	d->remote_cseq = m->cseq.number;
	d->remote_seen = 1;
	str_to_z(d->seen->dialled, sizeof d->seen->dialled, m->uri.user);
}

void answer_on_invite(struct ua *p, struct txn *t, const struct sip_msg *m)
{
	struct dialog *d;
	if (p->group && party_now(p) < p->silent_until_ms) return;
	d = dialog_new(p, m->call_id, false);
	if (!d) {
		reply(t, m, 503, STR(""));
		return;
	}
	learn(d, m);
	keep_head(d, t, m);
	uint16_t why_not = refusal(p);
	if (why_not) {
		refuse(d, why_not);
		return;
	}
	d->far_offer_open = m->body.n != 0;
	d->late_offer = !m->body.n;
	if (m->body.n && !sdp_take(d, m, false)) {
		refuse(d, 488);
		return;
	}
	d->answer_ms = party_now(p) + party_between(p, p->as->answer_min_ms, p->as->answer_max_ms);
	wait_for(d, party_between(p, 0, 300), RING_FIRST);
}

static void answer(struct dialog *d)
{
	char memory[MESSAGE_MAX];
	struct txn *t = invite_of(d);
	struct str sdp = sdp_mine(d, !d->late_offer, memory);
	if (!t) return;
	d->my_offer_open = d->late_offer;
	d->far_offer_open = false;
	d->talk = TALK_ANSWERED;
	d->seen->answered_ms = party_now(d->party);
	d->seen->status = 200;
	respond(d, 200, sdp);
}

// How long until it is answered, or rings for ever.
static void ring_on(struct dialog *d)
{
	uint64_t now = party_now(d->party);
	if (party_chance(d->party, d->party->as->never_answers)) wait_for(d, 240000, RING_FOR_EVER);
	else wait_for(d, d->answer_ms > now ? (uint32_t)(d->answer_ms - now) : 0, RING_ANSWER);
}

void answer_timer(struct dialog *d)
{
	char memory[MESSAGE_MAX];
	switch ((enum ring)d->ring) {
	case RING_FIRST:
		respond(d, 180, STR(""));
		d->seen->rang_ms = party_now(d->party);
		if (!d->late_offer && party_chance(d->party, d->party->as->early_media))
			wait_for(d, party_between(d->party, 100, 1000), RING_EARLY);
		else ring_on(d);
		break;
	case RING_EARLY:
		respond(d, 183, sdp_mine(d, true, memory));
		ring_on(d);
		break;
	case RING_ANSWER: answer(d); break;
	case RING_FOR_EVER: refuse(d, 480); break;
	}
}

void answer_end(struct dialog *d)
{
	if (d->talk == TALK_INVITED) refuse(d, 480);
}

void answer_on_cancel(struct txn *invite, const struct sip_msg *m)
{
	struct dialog *d = invite->dialog ? pool_at(&invite->party->all->dialogs, invite->dialog) : NULL;
	(void)m;
	if (!d || d->talk != TALK_INVITED) return; // of a re-INVITE: it has its answer already
	respond(d, 487, STR(""));
	d->seen->status = 487;
	d->invited = 0;
	invite->dialog = 0;
	dialog_end(d, false);
}

// RFC 3261 13.3.1.4: no ACK, so BYE.
void answer_on_no_ack(struct dialog *d, struct txn *t)
{
	if (d->invited != pool_ref(&d->party->all->txns, t)) return;
	d->invited = 0;
	d->seen->unacknowledged = t->status != 0;
	if (d->talk == TALK_ANSWERED || d->talk == TALK_UP) talk_hang_up(d);
}

// A re-INVITE: glare, a second one too early, or its answer at once.
void answer_on_reinvite(struct dialog *d, struct txn *t, const struct sip_msg *m)
{
	char memory[MESSAGE_MAX];
	if (invite_of(d) || d->inviting || d->talk != TALK_UP) sdp_pass_over(d, m);
	if (invite_of(d)) {
		reply(t, m, 500, STR("Retry-After: 2\r\n")); // RFC 3261 14.2
	} else if (d->inviting) {
		reply(t, m, 491, STR(""));
	} else if (d->talk != TALK_UP) {
		reply(t, m, d->talk == TALK_LEAVING ? 487 : 500, STR(""));
	} else if (m->body.n && !sdp_take(d, m, false)) {
		reply(t, m, 488, STR(""));
	} else {
		keep_head(d, t, m);
		bool offer = m->body.n == 0;
		struct str sdp = sdp_mine(d, !offer, memory);
		d->my_offer_open = offer;
		respond(d, 200, sdp);
	}
}
