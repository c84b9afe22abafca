// What a SIP leg sends: INVITE, ACK, BYE, responses. A message is written once, whole.
#include "call/leg/sip_inside.h"

#include "wire/sdp/sdp_write.h"

COUNTER(sip_leg_unsent, "Messages of SIP legs that could not be written or sent");

#define MESSAGE_ROOM 24576u
// Requests that a dialog may have seen of which nothing is known any more (re-INVITEs since it was frozen, PRACKs of a
// branch that lost): the BYE must come after them (RFC 3261 12.2.2).
#define UNKNOWN_CSEQ_GAP 1000u
#define METHODS "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE, REFER"
#define ALLOW "Allow: " METHODS "\r\n"
#define ALLOW_OF_SWITCH "Allow: " METHODS ", REGISTER, SUBSCRIBE, NOTIFY, PUBLISH\r\n" // to who asks outside of a dialog
#define SUPPORTED "Supported: 100rel, timer, replaces, norefersub\r\n"
#define SUPPORTED_LATE "Supported: timer, replaces, norefersub\r\n"

struct buf out_room(struct sip_legs *ls)
{
	char *p = arena_alloc(&ls->setup.env->scratch, MESSAGE_ROOM);
	return buf_on(p ? p : "", p ? MESSAGE_ROOM : 0);
}

void put_leg_contact(struct buf *b, const struct sip_leg *leg)
{
	put_z(b, "Contact: <sip:dialtone@");
	put_uri_addr(b, &leg->legs->setup.listeners[leg->listener]);
	put_z(b, ">\r\n");
}

void put_reason(struct buf *b, struct cause cause)
{
	if (!cause.value) return;
	put_fmt(b, "Reason: Q.850;cause=%u;text=\"%s\"\r\n", cause.value, cause_text(cause));
}

// A description of ours, or none.
static void put_sdp(struct buf *b, struct sip_leg *leg, struct str sdp)
{
	put_sip_body(b, sdp.n ? STR("application/sdp") : STR(""), sdp);
	session_said(leg, sdp);
}

static struct sip_identity identity_of(const struct sip_leg *leg)
{
	const struct sip_dialog *d = &leg->dialog;
	const struct str tag = { leg->tag, SIP_LEG_TAG_LEN }; // of the first INVITE, which says it twice
	if (!d->text) return (struct sip_identity){ .from_tag = tag, .call_id = tag, .cseq = 1 };
	return (struct sip_identity){ .from_tag = d->local_tag, .call_id = d->call_id, .cseq = d->local_cseq,
		.to_tag = d->remote_tag };
}

// Sends a request of a leg; it is told of the answer until it disowns the transaction.
static void send_request(struct sip_leg *leg, enum sip_method method, struct str branch, const struct buf *b, ref *txn)
{
	const struct sip_client_request r = { .method = method, .branch = branch, .message = buf_str(b),
		.identity = identity_of(leg), .to = leg->dialog.text ? leg->dialog.flow_peer : leg->peer,
		.listener = leg->listener, .owner = leg_ref(leg), .may_call = leg->trunk_group != 0 };
	if (b->err == OK && sip_client_send(txn, leg->legs->setup.stack, &r) == OK) return;
	COUNT(sip_leg_unsent);
	*txn = 0;
}

void put_number_user(struct buf *b, const struct number *n)
{
	char text[NUMBER_DIGITS_MAX + 1];
	struct buf plain = buf_on(text, sizeof text);
	put_number(&plain, n);
	put_sip_user(b, buf_str(&plain));
}

// The called number as the trunk group wants it.
static void put_called(struct buf *b, const struct office_trunk_group *g, const struct verb_offer *o)
{
	struct str digits = number_str(&o->called);
	bool national = o->called.nature == NUMBER_INTERNATIONAL && digits.n == 11 && digits.p[0] == '1';
	if (o->called.nature != NUMBER_INTERNATIONAL) put_sip_user(b, digits);
	else if (g->format == OFFICE_FORMAT_NATIONAL && national) put(b, str_from_at(digits, 1));
	else if (g->format == OFFICE_FORMAT_DIALLED) put_sip_user(b, digits);
	else put_number_user(b, &o->called);
}

// Who it is, as far as we vouch for it and may say it.
static void put_asserted(struct buf *b, const struct party *p, struct str host, bool trusted, bool emergency)
{
	struct str name = { p->name, p->name_n };
	bool known = p->number.n > 0, shown = known && (p->presentation == PRESENT_ALLOWED || emergency);
	if (known && (trusted || (shown && p->screening != SCREENED_NOT))) {
		put_z(b, "P-Asserted-Identity: ");
		if (name.n) {
			put_sip_quoted(b, name);
			put_c(b, ' ');
		}
		put_z(b, "<sip:");
		put_number_user(b, &p->number);
		put_fmt(b, "@%.*s>\r\n", STR_FMT(host));
	}
	if (p->presentation == PRESENT_RESTRICTED && !emergency) put_z(b, "Privacy: id\r\n");
}

// RFC 3323, RFC 3325: who is shown to whom. A restricted number goes only to a trunk that is trusted to keep it.
static void put_caller(struct buf *b, const struct sip_leg *leg, const struct verb_offer *o, struct str host, bool trusted)
{
	const struct party *p = &o->caller;
	struct str name = { p->name, p->name_n };
	bool known = p->number.n > 0, shown = known && (p->presentation == PRESENT_ALLOWED || o->emergency);
	put_z(b, "From: ");
	if (shown) {
		if (name.n) {
			put_sip_quoted(b, name);
			put_c(b, ' ');
		}
		put_z(b, "<sip:");
		put_number_user(b, &p->number);
		put_c(b, '@');
		put(b, host);
	} else {
		put_z(b, "\"Anonymous\" <sip:anonymous@anonymous.invalid");
	}
	put_fmt(b, ">;tag=%.*s\r\n", SIP_LEG_TAG_LEN, leg->tag);
	put_asserted(b, p, host, trusted, o->emergency);
}

// Request-URI and To.
static void put_target(struct buf *uri, struct buf *to, struct sip_leg *leg, const struct verb_offer *o, struct str realm)
{
	const struct sip_legs_setup *s = &leg->legs->setup;
	const struct office_line *line = office_line(s->office, leg->line);
	const struct office_trunk_group *g = office_trunk_group(office_rules(s->office), leg->trunk_group);
	if (line) {
		pbx_put_target(uri, to, &(struct pbx_target){ line, &o->called, leg->target, realm });
	} else if (g) {
		put_z(uri, "sip:");
		put_called(uri, g, o);
		put_c(uri, '@');
		struct str host = office_host_of(g, &leg->peer);
		if (host.n) put(uri, host);
		else put_addr(uri, &leg->peer);
		put(to, buf_str(uri));
	}
}

void out_invite(struct sip_leg *leg, const struct verb *v)
{
	struct sip_legs *ls = leg->legs;
	const struct sip_legs_setup *s = &ls->setup;
	const struct office_rules *rules = office_rules(s->office);
	const struct office_trunk_group *g = office_trunk_group(rules, leg->trunk_group);
	struct str realm = str_from(rules->realm), branch = arena_dup(&s->env->scratch, sip_stack_branch(s->stack));
	struct buf b = out_room(ls), uri = buf_on(arena_alloc(&s->env->scratch, 2048), 2048),
			   to = buf_on(arena_alloc(&s->env->scratch, 2048), 2048);
	if (!uri.p || !to.p) uri.cap = to.cap = 0;
	put_target(&uri, &to, leg, v->offer, realm);
	if (uri.err != OK || to.err != OK) b.err = ERR_FULL;
	put_fmt(&b, "INVITE %.*s SIP/2.0\r\n", STR_FMT(buf_str(&uri)));
	put_sip_via(&b, &s->listeners[leg->listener], branch);
	put_fmt(&b, "Max-Forwards: %u\r\n", v->offer->hops);
	put_caller(&b, leg, v->offer, realm, g && g->trusted);
	put_fmt(&b, "To: <%.*s>\r\nCall-ID: ", STR_FMT(buf_str(&to)));
	put(&b, (struct str){ leg->tag, SIP_LEG_TAG_LEN });
	put_z(&b, "\r\nCSeq: 1 INVITE\r\n");
	put_leg_contact(&b, leg);
	put_z(&b, ALLOW);
	// Without an offer of ours the first reliable 18x brings one, which its PRACK has to answer (RFC 3262 5): only where
	// the caller can do that before the answer to the call.
	leg->asks_early = v->media == MEDIA_ASK && v->early;
	put_z(&b, v->media == MEDIA_OFFER || leg->asks_early ? SUPPORTED : SUPPORTED_LATE);
	session_offer(leg);
	session_put_ask(&b, leg);
	const struct office_line *line = office_line(s->office, leg->line);
	if (line) pbx_put_called(&b, &(struct pbx_target){ line, &v->offer->called, leg->target, realm });
	put_diversions(&b, &(struct divert_told){ .offer = v->offer, .target = buf_str(&uri), .host = realm,
		.spoken = g ? g->diversion : OFFICE_DIVERSION_DIVERSION, .trusted = g && g->trusted });
	for (uint32_t i = 0; i < v->offer->identity_count; i++) put_sip_header(&b, SIP_H_IDENTITY, v->offer->identities[i]);
	put_sdp(&b, leg, v->sdp);
	oa_step(leg, v->media == MEDIA_OFFER ? OA_EV_SEND_OFFER : OA_EV_SEND_ASK);
	leg->first_cseq = 1;
	send_request(leg, SIP_INVITE, branch, &b, &leg->invite_txn);
	if (leg->invite_txn) return;
	leg_step(leg, LEG_EV_RX_FAILURE, &(struct leg_input){ 0 });
}

// The head of a request in the dialog.
static struct buf begin(struct sip_leg *leg, enum sip_method method, struct str branch, struct str contact,
	uint32_t ack_cseq)
{
	struct buf b = out_room(leg->legs);
	leg_find_flow(leg);
	put_sip_dialog_request(&b, &leg->dialog,
		&(struct sip_dialog_request){ .method = method, .sent_by = leg->legs->setup.listeners[leg->listener],
			.branch = branch, .contact = contact, .ack_cseq = ack_cseq });
	return b;
}

struct str out_branch(struct sip_leg *leg)
{
	return arena_dup(&leg->legs->setup.env->scratch, sip_stack_branch(leg->legs->setup.stack));
}

struct str out_contact(struct sip_leg *leg)
{
	struct buf b = buf_on(arena_alloc(&leg->legs->setup.env->scratch, 96), 96);
	if (!b.p) b.cap = 0;
	put_z(&b, "<sip:dialtone@");
	put_uri_addr(&b, &leg->legs->setup.listeners[leg->listener]);
	put_c(&b, '>');
	return buf_str(&b);
}

void out_notify(struct sip_leg *leg, const struct notify *n, ref *txn)
{
	struct str branch = out_branch(leg);
	struct buf b = begin(leg, SIP_NOTIFY, branch, out_contact(leg), 0);
	put_sip_header(&b, SIP_H_EVENT, n->event);
	put_fmt(&b, "Subscription-State: %.*s\r\n", STR_FMT(n->state));
	put_sip_body(&b, n->type, n->body);
	send_request(leg, SIP_NOTIFY, branch, &b, txn);
}

// Another call brought its party here: telephones show who it is (RFC 3325 9.3, RFC 5876).
static void put_new_party(struct buf *b, const struct sip_leg *leg, const struct party *party)
{
	const struct office_rules *rules = office_rules(leg->legs->setup.office);
	const struct office_trunk_group *g = office_trunk_group(rules, leg->trunk_group);
	put_asserted(b, party, str_from(rules->realm), g && g->trusted, false);
}

bool out_reinvite(struct sip_leg *leg, const struct verb *v)
{
	struct str branch = out_branch(leg);
	struct buf b = begin(leg, SIP_INVITE, branch, out_contact(leg), 0);
	leg->credentials = slab_free(&leg->legs->texts, leg->credentials);
	if (v->party) put_new_party(&b, leg, v->party);
	put_z(&b, ALLOW SUPPORTED_LATE);
	session_put_ask(&b, leg);
	put_sdp(&b, leg, v->sdp);
	send_request(leg, SIP_INVITE, branch, &b, &leg->invite_txn);
	return leg->invite_txn != 0;
}

void out_ack(struct sip_leg *leg, struct str sdp)
{
	struct sip_legs *ls = leg->legs;
	struct buf b = begin(leg, SIP_ACK, out_branch(leg), STR(""), leg->ack_cseq);
	put(&b, leg->credentials); // it cannot be challenged: those of its INVITE (RFC 3261 22.1)
	put_sdp(&b, leg, sdp);
	if (b.err != OK) {
		COUNT(sip_leg_unsent);
		return;
	}
	leg_keep(leg, &leg->ack, buf_str(&b));
	outbox_send(ls->setup.out, leg->listener, &leg->dialog.flow_peer, buf_str(&b));
	leg_ladder(leg, true, buf_str(&b));
}

void out_bye(struct sip_leg *leg)
{
	if (!leg->dialog.text) return;
	struct str branch = out_branch(leg);
	struct buf b = begin(leg, SIP_BYE, branch, STR(""), 0);
	put_reason(&b, leg->cause);
	put_sip_body(&b, STR(""), STR(""));
	send_request(leg, SIP_BYE, branch, &b, &leg->bye_txn);
}

struct str out_head(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from)
{
	struct buf b = out_room(leg->legs);
	put_sip_response(&b, m, from, 200, STR("OK"), (struct str){ leg->tag, SIP_LEG_TAG_LEN });
	if (b.err != OK) return STR("");
	struct str rest = buf_str(&b);
	str_cut(&rest, '\n');
	return rest;
}

void out_prack(struct sip_leg *leg, uint32_t rseq, uint32_t invite_cseq, struct str sdp)
{
	ref txn;
	struct str branch = out_branch(leg);
	struct buf b = begin(leg, SIP_PRACK, branch, STR(""), 0);
	put_fmt(&b, "RAck: %u %u INVITE\r\n", rseq, invite_cseq);
	put_sdp(&b, leg, sdp);
	send_request(leg, SIP_PRACK, branch, &b, &txn); // whatever is answered says nothing to the call
}

void out_update(struct sip_leg *leg, struct str sdp, ref *txn)
{
	struct str branch = out_branch(leg);
	struct buf b = begin(leg, SIP_UPDATE, branch, out_contact(leg), 0);
	put_z(&b, ALLOW);
	if (leg->state == LEG_UP_STATE) {
		put_z(&b, SUPPORTED_LATE);
		session_put_ask(&b, leg);
	}
	put_sdp(&b, leg, sdp);
	send_request(leg, SIP_UPDATE, branch, &b, txn);
}

bool out_invite_again(struct sip_leg *leg, const struct sip_msg *m, struct str branch, struct str text)
{
	ref txn;
	const struct sip_client_request r = { .method = SIP_INVITE, .branch = branch, .message = text,
		.identity = { .from_tag = m->from.tag, .call_id = m->call_id, .cseq = m->cseq.number + 1 }, .to = leg->peer,
		.listener = leg->listener, .owner = leg_ref(leg), .may_call = leg->trunk_group != 0 };
	if (text.n == 0 || sip_client_send(&txn, leg->legs->setup.stack, &r) != OK) return false;
	leg->invite_txn = txn;
	leg->first_cseq = m->cseq.number + 1;
	branch_enter(leg, NULL); // what was said early was said to the one before
	early_free(leg);
	return true;
}

void out_update_response(struct sip_leg *leg, uint16_t status, struct str extra, struct str sdp)
{
	struct buf b = out_room(leg->legs);
	put_fmt(&b, "SIP/2.0 %u %.*s\r\n", status, STR_FMT(sip_status_text(status)));
	put(&b, leg->other_head);
	put(&b, extra);
	put_sdp(&b, leg, sdp);
	if (b.err != OK || sip_server_respond(leg->legs->setup.stack, leg->update_txn, status, buf_str(&b)) != OK)
		COUNT(sip_leg_unsent);
	leg->other_head = slab_free(&leg->legs->texts, leg->other_head);
	leg->update_txn = 0;
}

static struct buf invite_response(struct sip_leg *leg, uint16_t status, struct str reason, struct str extra,
                                  struct str sdp)
{
	struct buf b = out_room(leg->legs);
	put_fmt(&b, "SIP/2.0 %u %.*s\r\n", status, STR_FMT(reason));
	put(&b, leg->head);
	if (status < 300) {
		put_leg_contact(&b, leg);
		put_z(&b, ALLOW);
	}
	if (status / 100 == 2) session_put_answer(&b, leg);
	put(&b, extra);
	put_sdp(&b, leg, sdp);
	return b;
}

void out_invite_response(struct sip_leg *leg, uint16_t status, struct str reason, struct str extra, struct str sdp)
{
	struct buf b = invite_response(leg, status, reason, extra, sdp);
	if (b.err != OK || sip_server_respond(leg->legs->setup.stack, leg->invite_txn, status, buf_str(&b)) != OK)
		COUNT(sip_leg_unsent);
	if (status >= 300) leg->invite_txn = 0; // a 2xx waits for its ACK
}

struct str out_reliable_response(struct sip_leg *leg, uint16_t status, uint32_t rseq, struct str sdp)
{
	char text[64];
	struct buf extra = buf_on(text, sizeof text);
	put_fmt(&extra, "Require: 100rel\r\nRSeq: %u\r\n", rseq);
	struct buf b = invite_response(leg, status, sip_status_text(status), buf_str(&extra), sdp);
	if (b.err == OK && sip_server_respond(leg->legs->setup.stack, leg->invite_txn, status, buf_str(&b)) == OK)
		return buf_str(&b);
	COUNT(sip_leg_unsent);
	return STR("");
}

static struct buf bye_response(struct sip_leg *leg)
{
	struct buf b = out_room(leg->legs);
	put_z(&b, "SIP/2.0 200 OK\r\n");
	put(&b, leg->other_head);
	put_sip_body(&b, STR(""), STR(""));
	return b;
}

void out_note_bye_response(struct sip_leg *leg)
{
	struct buf b = bye_response(leg);
	if (b.err == OK) leg_ladder(leg, true, buf_str(&b));
	sip_server_own(leg->legs->setup.stack, leg->bye_txn, 0); // not again when it leaves
}

void out_bye_response(struct sip_leg *leg)
{
	if (!leg->bye_txn) return;
	struct buf b = bye_response(leg);
	if (b.err != OK || sip_server_respond(leg->legs->setup.stack, leg->bye_txn, 200, buf_str(&b)) != OK)
		COUNT(sip_leg_unsent);
	leg->bye_txn = 0;
}

static struct buf reply(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
                        struct str extra)
{
	struct buf b = out_room(ls);
	put_sip_response(&b, m, from, status, sip_status_text(status), sip_auth_stateless_tag(ls->setup.auth, m));
	put(&b, extra);
	if (status == 405 || m->method == SIP_OPTIONS) put_z(&b, m->to.tag.n ? ALLOW : ALLOW_OF_SWITCH);
	if (m->method == SIP_OPTIONS && status == 200) put_z(&b, SUPPORTED "Accept: application/sdp\r\n");
	put_sip_body(&b, STR(""), STR(""));
	return b;
}

static void send_reply(struct sip_legs *ls, ref txn, uint16_t status, const struct buf *b)
{
	if (b->err != OK || sip_server_respond(ls->setup.stack, txn, status, buf_str(b)) != OK) COUNT(sip_leg_unsent);
}

void sip_reply(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
               struct str extra)
{
	struct buf b = reply(ls, m, from, status, extra);
	// Kept, the answer to an INVITE would be repeated ten times to whoever it names as its sender.
	if (b.err == OK && m->method == SIP_INVITE) sip_server_respond_stateless(ls->setup.stack, txn, buf_str(&b));
	else send_reply(ls, txn, status, &b);
}

void out_reply(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
               struct str extra)
{
	struct buf b = reply(leg->legs, m, from, status, extra);
	send_reply(leg->legs, txn, status, &b);
}

// A BYE of a dialog that has no leg in the pool.
static enum err bye_alone(struct sip_leg *leg, struct cause cause, struct str ack)
{
	ref txn;
	const struct sip_dialog *d = &leg->dialog;
	struct str branch = out_branch(leg);
	struct buf b = begin(leg, SIP_BYE, branch, STR(""), 0);
	put_reason(&b, cause);
	put_sip_body(&b, STR(""), STR(""));
	if (b.err != OK) return ERR_FULL;
	return sip_client_send(&txn, leg->legs->setup.stack,
		&(struct sip_client_request){ .method = SIP_BYE, .branch = branch, .message = buf_str(&b),
			.identity = { d->local_tag, d->call_id, d->local_cseq, d->remote_tag }, .to = d->flow_peer,
			.listener = leg->listener, .ack = ack });
}

// A valid answer that takes none of the media: an offer in a 2xx wants one, even when a BYE follows (RFC 3261 13.2.2.4).
static struct str refusing_answer(struct sip_leg *leg, struct str offer)
{
	struct env *env = leg->legs->setup.env;
	struct sdp *theirs = offer.n ? arena_alloc(&env->scratch, sizeof *theirs) : NULL;
	struct sdp_draft draft = { .host = leg->legs->setup.listeners[leg->listener] };
	struct sdp_origin origin = { .id = leg->ack_cseq };
	struct str answer;
	if (!theirs || sdp_parse(theirs, offer, NULL) != OK) return STR("");
	for (; draft.count < theirs->media_count; draft.count++) draft.slots[draft.count].source = &theirs->media[draft.count];
	return sdp_write(&answer, &env->scratch, &draft, &origin) == OK ? answer : STR("");
}

void out_refusing_ack(struct sip_leg *leg, struct str offer)
{
	// In a re-INVITE it would have to go on from what we said before; the BYE that follows says enough.
	out_ack(leg, leg->ack_cseq == leg->first_cseq ? refusing_answer(leg, offer) : STR(""));
}

static struct buf stray_ack(struct sip_leg *leg, struct str offer)
{
	struct str answer = refusing_answer(leg, offer);
	struct buf ack = begin(leg, SIP_ACK, out_branch(leg), STR(""), leg->ack_cseq);
	put_sip_body(&ack, answer.n ? STR("application/sdp") : STR(""), answer);
	if (ack.err != OK) COUNT(sip_leg_unsent);
	return ack;
}

void out_stray_ack(struct sip_leg *leg, struct str offer)
{
	struct buf ack = stray_ack(leg, offer);
	if (ack.err == OK) outbox_send(leg->legs->setup.out, leg->listener, &leg->dialog.flow_peer, buf_str(&ack));
}

enum err out_stray_bye(struct sip_leg *leg, struct str offer)
{
	struct buf ack = stray_ack(leg, offer);
	leg->dialog.local_cseq += UNKNOWN_CSEQ_GAP;
	enum err e = ack.err == OK ? bye_alone(leg, cause_local(CAUSE_NORMAL), buf_str(&ack)) : ack.err;
	if (e != OK) COUNT(sip_leg_unsent);
	return e;
}

enum err sip_leg_bye_frozen(struct sip_legs *ls, const uint8_t *frozen, uint32_t n, struct cause cause)
{
	struct str rest = { (const char *)frozen, n }, first = str_cut(&rest, '\n');
	struct str version = str_cut(&first, ' '), listener = str_cut(&first, ' '), peer = str_cut(&first, ' ');
	struct str cseq = str_cut(&first, ' ');
	struct sip_leg leg = { .legs = ls };
	struct sip_dialog *d = &leg.dialog;
	uint32_t index, number;
	if (!str_eq(version, STR("1")) || str_to_u32(&index, listener, SIP_LEG_LISTENERS_MAX - 1) != OK ||
	    str_to_u32(&number, cseq, UINT32_MAX) != OK || transport_addr_parse(&d->flow_peer, peer) != OK)
		return ERR_BAD;
	if (index >= ls->setup.listener_count) index = 0; // the configuration has changed since
	struct str *const texts[] = { &d->call_id, &d->local_tag, &d->remote_tag, &d->local_uri, &d->remote_uri,
		&d->remote_target, &d->routes };
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = str_cut(&rest, '\n');
	if (!d->call_id.n || !d->remote_target.n) return ERR_BAD;
	if (addr_is_stream(&d->flow_peer)) d->flow_peer.flow = ADDR_FLOW_ENDED;
	d->local_cseq = number + UNKNOWN_CSEQ_GAP;
	d->first_route_loose = str_eq(first, STR("1"));
	leg.listener = d->flow_listener = (uint16_t)index;
	return bye_alone(&leg, cause, STR(""));
}
