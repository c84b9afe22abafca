// Early dialogs (RFC 3261 §12.1): before the 2xx to our INVITE there may be one for each branch of a fork downstream,
// each with numbers, routes and an offer/answer state of its own. The leg speaks in one at a time.
//
//     we ──INVITE──▶ fork ──▶ branch 1   ◀──183, PRACK, UPDATE──▶   leg.dialog, leg.oa
//                         └─▶ branch 2   ◀──180, PRACK──▶           branch.dialog, branch.oa
//
// Only an 18x that wants a PRACK makes a dialog here: in none other may we say anything before the 2xx.
#include "call/leg/sip_inside.h"

struct sip_early *early_of(struct sip_leg *leg)
{
	if (leg->early) return leg->early;
	leg->early = pool_get(&leg->legs->earlies);
	if (leg->early) leg->early->oa_before = leg->oa;
	return leg->early;
}

static void branch_free(struct sip_leg *leg, struct sip_branch *b)
{
	b->tag = slab_free(&leg->legs->texts, b->tag);
	b->answer = slab_free(&leg->legs->texts, b->answer);
	sip_dialog_fini(&b->dialog);
}

void early_free(struct sip_leg *leg)
{
	struct sip_early *e = leg->early;
	if (!e) return;
	for (uint32_t i = 0; i < SIP_LEG_BRANCHES_MAX; i++) branch_free(leg, &e->branches[i]);
	e->reliable.text = slab_free(&leg->legs->texts, e->reliable.text);
	wheel_stop(&leg->legs->wheel, &e->reliable.timer);
	leg->early = pool_put(&leg->legs->earlies, e);
}

struct sip_branch *branch_of(struct sip_leg *leg, struct str tag, bool make)
{
	struct sip_branch *free_place = NULL;
	struct sip_early *e = make ? early_of(leg) : leg->early;
	for (uint32_t i = 0; e && i < SIP_LEG_BRANCHES_MAX && tag.n; i++) {
		struct sip_branch *b = &e->branches[i];
		if (b->tag.n && str_eq(b->tag, tag)) return b;
		if (!b->tag.n && !free_place) free_place = b;
	}
	if (!make || !free_place) return NULL;
	leg_keep(leg, &free_place->tag, tag);
	free_place->oa = e->oa_before;
	return free_place->tag.n ? free_place : NULL;
}

bool branch_dialog(struct sip_leg *leg, struct sip_branch *b, const struct sip_msg *m, const struct sip_source *from)
{
	if (leg->early->at == b || b->dialog.text) return true;
	if (sip_dialog_init_uac(&b->dialog, m, m, from) != OK) return false;
	b->dialog.flow_peer = leg->peer;
	b->dialog.flow_listener = leg->listener;
	return true;
}

void branch_enter(struct sip_leg *leg, struct sip_branch *b)
{
	struct sip_early *e = leg->early;
	if (!e || e->at == b) return;
	if (e->at) {
		e->at->dialog = leg->dialog;
		e->at->oa = leg->oa;
	}
	leg->dialog = b ? b->dialog : (struct sip_dialog){ 0 };
	leg->oa = b ? b->oa : e->oa_before;
	if (b) b->dialog = (struct sip_dialog){ 0 };
	e->at = b;
}

struct sip_dialog *leg_dialog_of(struct sip_leg *leg, struct str tag)
{
	if (leg->dialog.text && str_eq(leg->dialog.remote_tag, tag)) return &leg->dialog;
	struct sip_branch *b = branch_of(leg, tag, false);
	return b && b->dialog.text ? &b->dialog : NULL;
}

bool branch_of_request(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_branch *b = branch_of(leg, m->from.tag, false);
	bool known = b && (b->dialog.text || leg->early->at == b);
	if (known && leg->early->at != b && leg->update_txn) { // an offer is open in another one: one at a time
		out_reply(leg, txn, m, from, 500, retry_after(leg));
		return false;
	}
	if (known) branch_enter(leg, b);
	// Nobody whom we call may hang up before his 2xx, nor invite us (RFC 3261 15, 14.1).
	bool fit = m->method == SIP_UPDATE || m->method == SIP_INFO || m->method == SIP_OPTIONS;
	if (known && fit) return true;
	out_reply(leg, txn, m, from, known && m->method != SIP_BYE && m->method != SIP_INVITE ? 405 : 481, STR(""));
	return false;
}
