// The SIP legs of a worker: how one is made, what the call says to it, what is kept of it, how it ends.
#include "call/leg/sip_inside.h"

COUNTER(sip_leg_flow_found, "Phones in a call that were reached by another connection, since theirs had ended");
COUNTER(sip_legs_full, "Legs refused because all are taken");

ref leg_ref(const struct sip_leg *leg)
{
	return pool_ref(&leg->legs->pool, leg);
}

void leg_tell(struct sip_leg *leg, const struct verb *v)
{
	calls_take(leg->legs->setup.calls, leg->call, leg->side, leg->index, v);
}

void leg_keep(struct sip_leg *leg, struct str *slot, struct str text)
{
	*slot = slab_free(&leg->legs->texts, *slot);
	*slot = slab_dup(&leg->legs->texts, text);
}

static bool is_contact_of(const struct binding *b, struct str target)
{
	struct sip_uri registered, said;
	return sip_uri_parse(&registered, b->contact) == PARSE_OK && sip_uri_parse(&said, target) == PARSE_OK &&
	       sip_uri_eq(&registered, &said);
}

// It is the phone of the same contact; or, since some make a new one of each connection's port, the line's only one.
void leg_find_flow(struct sip_leg *leg)
{
	const struct sip_legs_setup *s = &leg->legs->setup;
	struct sip_dialog *d = &leg->dialog;
	struct binding b[LOCATION_BINDINGS_MAX];
	if (!leg->line || flow_stands(s->live->flows, d->flow_peer.flow)) return;
	uint32_t n = location_get(s->live->location, leg->line, s->env->now_ms, b, LOCATION_BINDINGS_MAX), i = 0;
	while (i < n && !is_contact_of(&b[i], d->remote_target)) i++;
	if (i == n && n != 1) return;
	if (i == n) i = 0;
	if (b[i].listener >= s->listener_count) return;
	COUNT(sip_leg_flow_found);
	d->flow_peer = b[i].peer;
	leg->listener = d->flow_listener = b[i].listener;
}

struct sip_leg *leg_new(struct sip_legs *ls, uint32_t reserve)
{
	bool has_room = ls->pool.used + SIP_LEGS_RESERVED < ls->pool.max + reserve;
	struct sip_leg *leg = has_room ? pool_get(&ls->pool) : NULL;
	if (!leg) {
		COUNT(sip_legs_full);
		return NULL;
	}
	leg->legs = ls;
	struct buf b = buf_on(leg->tag, sizeof leg->tag);
	put_hex(&b, ls->setup.env->worker, 2);
	put_hex(&b, random_u64(&ls->setup.env->random), 16);
	map_add(&ls->by_tag, &leg->by_tag, buf_str(&b));
	return leg;
}

void leg_free(struct sip_leg *leg)
{
	struct sip_legs *ls = leg->legs;
	map_remove(&ls->by_tag, &leg->by_tag);
	wheel_stop(&ls->wheel, &leg->expires);
	// A 2xx that still comes to a re-INVITE of a dialog that had its BYE is acknowledged, and gets no other.
	if (leg->invite_txn && leg->dialog.text)
		sip_client_ended(ls->setup.stack, leg->invite_txn, leg->dialog.remote_tag);
	if (leg->invite_txn) sip_stack_disown(ls->setup.stack, leg->invite_txn);
	if (leg->bye_txn) sip_stack_disown(ls->setup.stack, leg->bye_txn);
	sip_dialog_fini(&leg->dialog);
	struct str *const texts[] = { &leg->head, &leg->other_head, &leg->target, &leg->answer, &leg->ack,
		&leg->credentials };
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = slab_free(&ls->texts, *texts[i]);
	early_free(leg);
	session_free(leg);
	refer_free(leg);
	pool_put(&ls->pool, leg);
}

uint64_t sip_legs_tick(struct sip_legs *ls)
{
	const struct leg_input nothing = { 0 };
	struct timer *t;
	while ((t = wheel_expire(&ls->wheel, ls->setup.env->now_ms))) {
		struct sip_leg *leg = pool_at(&ls->pool, t->owner);
		arena_reset(&ls->setup.env->scratch); // each is an event of its own
		if (leg && t->kind == LEG_TIMER_RELIABLE) reliable_due(leg);
		else if (leg && t->kind == LEG_TIMER_SESSION) session_due(leg);
		else if (leg) leg_step(leg, LEG_EV_EXPIRED, &nothing);
	}
	return wheel_next(&ls->wheel);
}

void sip_legs_leave(struct sip_legs *ls)
{
	const struct leg_input nothing = { 0 };
	uint32_t at = 0;
	for (struct sip_leg *leg; (leg = pool_each(&ls->pool, &at));) {
		arena_reset(&ls->setup.env->scratch); // each is an event of its own
		if (leg->state == LEG_ENDING_STATE) leg_step(leg, LEG_EV_NO_ACK, &nothing);
	}
}

// Their offer in a 2xx is answered in its ACK, one in an 18x in its PRACK. RFC 3264 5.1 forbids silence: without an
// answer the media are rejected by ending the call.
static void answer_late_offer(struct sip_leg *leg, const struct verb *v)
{
	if (v->media != MEDIA_ANSWER || !oa_step(leg, OA_EV_SEND_ANSWER))
		leg_tell(leg, &(struct verb){ .kind = VERB_RELEASE, .cause = cause_local(CAUSE_INCOMPATIBLE) });
	else if (leg->state == LEG_UP_STATE) out_ack(leg, v->sdp);
	else out_prack(leg, leg->early->offer_rseq, leg->early->offer_cseq, v->sdp);
}

static void take_media(struct sip_leg *leg, const struct verb *v)
{
	bool up = leg->state == LEG_UP_STATE, offers = v->media == MEDIA_OFFER || v->media == MEDIA_ASK;
	if (leg->update_txn && leg->oa == OA_OFFER_GOT) update_answer(leg, v);
	else if (up && (leg->oa == OA_OFFER_GOT || leg->oa == OA_ASK_GOT)) reinvite_answer(leg, v);
	else if ((up || leg->state == LEG_CALLING_STATE) && leg->oa == OA_LATE_OFFER_GOT) answer_late_offer(leg, v);
	else if (!offers) return;
	else if (up && oa_step(leg, v->media == MEDIA_OFFER ? OA_EV_SEND_OFFER : OA_EV_SEND_ASK)) reinvite_send(leg, v);
	else if (v->media == MEDIA_OFFER && update_is_possible(leg)) update_send(leg, v);
	else leg_tell(leg, &(struct verb){ .kind = VERB_MEDIA, .media = MEDIA_REFUSED, .refusal = REFUSED_GLARE });
}

void leg_cleared(struct sip_leg *leg)
{
	bool waits = leg->state == LEG_INVITED_STATE || leg->state == LEG_HOLDING_STATE;
	if (waits && !reliable_waits(leg) && !leg->update_txn) leg_step(leg, LEG_EV_CLEARED, &(struct leg_input){ 0 });
}

// A verb from the call.
static void take(void *self, ref r, const struct verb *v)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = pool_at(&ls->pool, r);
	const struct leg_input in = { .verb = v };
	if (!leg) return; // it ended meanwhile: normal
	switch (v->kind) {
	case VERB_OFFER: leg_step(leg, LEG_EV_OFFER, &in); break;
	case VERB_PROGRESS: leg_step(leg, LEG_EV_PROGRESS, &in); break;
	case VERB_ALERT: leg_step(leg, LEG_EV_ALERT, &in); break;
	case VERB_ANSWER:
		leg_step(leg, reliable_waits(leg) || leg->update_txn ? LEG_EV_ANSWER_WAITS : LEG_EV_ANSWER, &in);
		break;
	case VERB_RELEASE:
		refer_end(leg, leg->state == LEG_BYE_IN_STATE);
		leg_step(leg, LEG_EV_RELEASE, &in);
		break;
	case VERB_MEDIA: take_media(leg, v); break;
	case VERB_SIGNAL:
		if (v->signal == SIGNAL_TRANSFERRED) refer_news(leg, v);
		break;
	default: break; // digits go in RTP
	}
}

// A first line with version, listener, peer, our CSeq, and whether the first route is loose; then a line for each text.
static uint32_t freeze(void *self, ref r, uint8_t *out, uint32_t cap)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = pool_at(&ls->pool, r);
	if (!leg || !leg->dialog.text) return 0;
	const struct sip_dialog *d = &leg->dialog;
	struct buf b = buf_on(out, cap);
	const struct str texts[] = { d->call_id, d->local_tag, d->remote_tag, d->local_uri, d->remote_uri, d->remote_target,
		d->routes };
	put_fmt(&b, "1 %u ", leg->listener);
	put_transport_addr(&b, &d->flow_peer);
	put_fmt(&b, " %u %d\n", d->local_cseq, d->first_route_loose);
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		put(&b, texts[i]);
		put_c(&b, '\n'); // none of them can hold one
	}
	return b.err == OK ? b.n : 0;
}

static void closing(void *self, ref r)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = pool_at(&ls->pool, r);
	if (leg && leg->bye_txn && leg->state == LEG_BYE_IN_STATE) out_note_bye_response(leg);
}

// Before there is a dialog it is the Call-ID of our INVITE.
static struct str call_id(void *self, ref r)
{
	struct sip_legs *ls = self;
	const struct sip_leg *leg = pool_at(&ls->pool, r);
	if (!leg) return STR("");
	return leg->dialog.text ? leg->dialog.call_id : (struct str){ leg->tag, SIP_LEG_TAG_LEN };
}

// Before the dialog stands, the telephone's end of it is that of an early one; if it has none yet, empty.
static struct leg_ends ends(void *self, ref r)
{
	struct sip_legs *ls = self;
	const struct sip_leg *leg = pool_at(&ls->pool, r);
	if (!leg) return (struct leg_ends){ 0 };
	struct leg_ends e = { .ours = { leg->tag, SIP_LEG_TAG_LEN }, .theirs = leg->dialog.remote_tag };
	for (uint32_t i = 0; !e.theirs.n && leg->early && i < SIP_LEG_BRANCHES_MAX; i++)
		e.theirs = leg->early->branches[i].tag;
	return e;
}

static bool may_offer(void *self, ref r)
{
	const struct sip_leg *leg = pool_at(&((struct sip_legs *)self)->pool, r);
	if (!leg) return false;
	return leg->state == LEG_UP_STATE ? leg->oa == OA_STABLE && !leg->invite_txn : update_is_possible(leg);
}

static const struct leg_ops ops = { .name = "SIP", .take = take, .freeze = freeze, .closing = closing, .call_id = call_id,
	.may_offer = may_offer, .ends = ends };

// A leg that leg_new has made, or could not.
static enum err link_leg(struct sip_leg *leg, struct leg_link *out, ref call, uint8_t index, struct str target)
{
	if (!leg) return ERR_FULL;
	leg->side = SIDE_T;
	leg->index = index;
	leg->call = call;
	leg_keep(leg, &leg->target, target);
	const struct sip_legs_setup *s = &leg->legs->setup;
	if ((target.n && !leg->target.n) || (s->refuses && s->refuses(s->refuses_self, index))) {
		leg_free(leg);
		return ERR_FULL;
	}
	*out = sip_leg_link(leg);
	return OK;
}

static enum err new_line_leg(void *self, struct leg_link *out, ref call, uint8_t index, const struct office_line *line,
                             const struct binding *binding)
{
	struct sip_legs *ls = self;
	struct sip_leg *leg = leg_new(ls, 0);
	enum err e = link_leg(leg, out, call, index, binding->contact);
	if (e != OK) return e;
	leg->line = line->id;
	leg->peer = binding->peer;
	leg->listener = binding->listener < ls->setup.listener_count ? binding->listener : 0;
	return OK;
}

static enum err new_trunk_leg(void *self, struct leg_link *out, ref call, uint8_t index,
                              const struct office_trunk_group *group, const struct addr *peer, bool emergency)
{
	struct sip_legs *ls = self;
	uint16_t listener;
	enum err e = addr_local_for(&listener, ls->setup.listeners, ls->setup.listener_count, peer);
	if (e != OK) return e;
	struct sip_leg *leg = leg_new(ls, emergency ? SIP_LEGS_RESERVED : 0);
	e = link_leg(leg, out, call, index, (struct str){ "", 0 });
	if (e != OK) return e;
	leg->trunk_group = group->id;
	leg->peer = *peer;
	leg->listener = listener;
	return OK;
}

struct leg_factory sip_leg_factory(struct sip_legs *ls)
{
	return (struct leg_factory){ .self = ls, .line = new_line_leg, .trunk = new_trunk_leg };
}

struct leg_link sip_leg_link(struct sip_leg *leg)
{
	return (struct leg_link){ .ops = &ops, .self = leg->legs, .leg = leg_ref(leg) };
}

enum err sip_legs_init(struct sip_legs *ls, const struct sip_legs_setup *setup, struct hash_key key)
{
	*ls = (struct sip_legs){ .setup = *setup };
	wheel_init(&ls->wheel, setup->env->now_ms);
	slab_init(&ls->texts, (uint64_t)setup->legs_max * 4096 + (1u << 20));
	enum err e = pool_init(&ls->pool, "sip legs", sizeof(struct sip_leg), setup->legs_max);
	if (e == OK) e = pool_init(&ls->refers, "REFERs", sizeof(struct sip_refer), SIP_REFERS_MAX);
	if (e == OK) e = pool_init(&ls->earlies, "early dialogs", sizeof(struct sip_early), setup->legs_max);
	if (e == OK) e = pool_init(&ls->sessions, "session timers", sizeof(struct sip_session), setup->legs_max);
	if (e == OK) e = map_init(&ls->by_tag, setup->legs_max, key);
	if (e != OK) sip_legs_fini(ls);
	return e;
}

void sip_legs_fini(struct sip_legs *ls)
{
	uint32_t at = 0;
	for (struct sip_leg *leg; ls->earlies.items && (leg = pool_each(&ls->pool, &at));) {
		early_free(leg);
		sip_dialog_fini(&leg->dialog);
	}
	pool_fini(&ls->pool);
	pool_fini(&ls->refers);
	pool_fini(&ls->earlies);
	pool_fini(&ls->sessions);
	map_fini(&ls->by_tag);
	slab_fini(&ls->texts);
}
