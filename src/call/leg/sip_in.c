// What a SIP leg receives: from a new INVITE, checked and made into an OFFER, to the ACK, BYE, INFO and re-INVITE of a
// dialog, each only from where it may come.
#include "call/leg/sip_inside.h"

#include "wire/sdp/sdp.h"

#define HOPS_MAX 70u

COUNTER(sip_in_stray_2xx,
	"Answers to INVITEs that we had given up, or of other branches of a fork: acknowledged and ended");
COUNTER(sip_in_unknown_dialog, "Requests in dialogs that do not exist");
COUNTER(sip_in_bad_target, "Contacts of requests in dialogs that could not be taken: the one before stays");
COUNTER(sip_in_wrong_source, "Requests in dialogs that came from elsewhere and were not authenticated");
COUNTER(sip_in_ack_unmatched, "ACKs that belong to nothing");
COUNTER(sip_in_more_digits, "INVITEs of trunks that dial in parts, answered 484: more digits are wanted");
COUNTER(sip_in_bad_sdp, "Session descriptions that could not be read");

// A body that is a session description, or none.
bool msg_sdp(const struct sip_msg *m, struct str *sdp)
{
	*sdp = (struct str){ "", 0 };
	if (m->body.n == 0) return true;
	struct str type = sip_msg_header(m, SIP_H_CONTENT_TYPE);
	type = str_trim(str_cut(&type, ';'));
	if (!str_eq_nocase(type, STR("application/sdp")) || sip_msg_has(m, SIP_H_CONTENT_ENCODING)) return false;
	*sdp = m->body;
	return true;
}

bool sdp_is_good(struct str text)
{
	struct sdp sdp;
	if (!text.n || sdp_parse(&sdp, text, NULL) == OK) return true;
	COUNT(sip_in_bad_sdp);
	return false;
}

// The ladder's row of a message: enough is read of its first lines, nothing else.
void leg_ladder(struct sip_leg *leg, bool out, struct str bytes)
{
	struct str rest = bytes, first = str_trim(str_cut(&rest, '\n')), method = str_cut(&first, ' ');
	struct ladder_row row = { .leg = leg->side == SIDE_O ? 0 : (uint8_t)(leg->index + 1), .out = out,
		.protocol = LADDER_SIP,
		.bytes = bytes.n };
	if (str_starts(method, STR("SIP/"))) {
		uint32_t status = 0;
		if (str_to_u32(&status, str_cut(&first, ' '), 699) != OK) return;
		row.status = (uint16_t)status;
	} else {
		row.method = (uint16_t)sip_method_from(method);
	}
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (line.n == 0 || line.p[0] == '\r') break; // what is left is the body
		if (row.cseq || !str_starts_nocase(line, STR("CSeq"))) continue;
		struct str name = str_trim(str_cut(&line, ':'));
		struct sip_cseq cseq;
		if (name.n != 4 || sip_cseq_parse(&cseq, str_trim(line)) != PARSE_OK) continue;
		row.cseq = cseq.number;
		if (row.status) row.method = (uint16_t)cseq.method;
	}
	row.body = rest.n != 0;
	calls_ladder(leg->legs->setup.calls, leg->call, &row, bytes);
}

void sip_leg_seen(struct sip_legs *ls, uint64_t owner, bool out, struct str bytes)
{
	struct sip_leg *leg = owner ? pool_at(&ls->pool, owner) : NULL;
	if (leg) leg_ladder(leg, out, bytes);
}

// What a request asks that we do not have: 420 with the list (RFC 3261 §8.2.2.3).
static bool refuse_extensions(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	char text[512];
	struct buf b = buf_on(text, sizeof text);
	struct sip_walk walk = { 0 };
	struct str option;
	put_z(&b, "Unsupported: ");
	uint32_t start = b.n;
	while (sip_msg_each(m, SIP_H_REQUIRE, &walk, &option)) {
		if (m->method == SIP_INVITE && str_eq_nocase(option, STR("100rel"))) continue; // RFC 3262 4
		if (m->method == SIP_REGISTER && str_eq_nocase(option, STR("gin"))) continue;    // RFC 6140 5.1
		if (m->method == SIP_INVITE && str_eq_nocase(option, STR("replaces"))) continue; // RFC 3891 4
		bool session = m->method == SIP_INVITE || m->method == SIP_UPDATE;
		if (session && str_eq_nocase(option, STR("timer"))) continue; // RFC 4028 7.4
		if (m->method == SIP_REFER && str_eq_nocase(option, STR("norefersub"))) continue; // RFC 4488 4
		if (b.n > start) put_z(&b, ", ");
		put(&b, option);
	}
	if (b.n == start) return false;
	put_z(&b, "\r\n");
	sip_reply(ls, txn, m, from, 420, b.err == OK ? buf_str(&b) : STR(""));
	return true;
}

// A sips URI promises TLS on the whole way, which ended before us (RFC 3261 §26.2.2). Of the Request-URI the user part
// is what counts: host, port and maddr told how to get here (§19.1.1).
bool sip_refuse_request(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct str scheme = m->uri.scheme;
	if (str_eq_nocase(scheme, STR("sip")) || str_eq_nocase(scheme, STR("tel")))
		return refuse_extensions(ls, txn, m, from);
	sip_reply(ls, txn, m, from, 416, STR(""));
	return true;
}

static bool wants_privacy(const struct sip_msg *m)
{
	struct str rest = sip_msg_header(m, SIP_H_PRIVACY);
	while (rest.n) {
		struct str token = str_trim(str_cut(&rest, ';'));
		// "history" hides who forwarded the call, not who calls (RFC 7044 10.1).
		if (token.n && !str_eq_nocase(token, STR("none")) && !str_eq_nocase(token, STR("history"))) return true;
	}
	return str_eq_nocase(m->from.uri.host, STR("anonymous.invalid")) || str_eq_nocase(m->from.uri.user, STR("anonymous"));
}

// Who calls, as a trunk tells it: the asserted identity when the trunk is trusted, else what From claims.
static void trunk_party(struct party *p, const struct sip_msg *m, const struct office_trunk_group *g, struct arena *arena)
{
	struct sip_name_addr who = m->from;
	struct sip_walk walk = { 0 };
	struct str value;
	p->screening = SCREENED_NOT;
	if (g->trusted && sip_msg_each(m, SIP_H_P_ASSERTED_IDENTITY, &walk, &value) &&
	    sip_name_addr_parse(&who, value) == PARSE_OK)
		p->screening = SCREENED_NETWORK;
	if (number_from_uri_user(&p->number, sip_number(arena, &who.uri)) != OK) p->number = (struct number){ 0 };
	struct str name = str_head(sip_unquote(arena, who.display), sizeof p->name);
	p->name_n = (uint8_t)name.n;
	if (name.n) memcpy(p->name, name.p, name.n);
	p->presentation = wants_privacy(m) ? PRESENT_RESTRICTED : p->number.n ? PRESENT_ALLOWED : PRESENT_UNAVAILABLE;
}

static struct str number_in(struct arena *arena, struct str name_addr)
{
	struct sip_name_addr who;
	return sip_name_addr_parse(&who, name_addr) == PARSE_OK && !who.star ? sip_number(arena, &who.uri) : STR("");
}

// A carrier with which we are registered may call the Contact that we gave it: then who is called stands beside it, in
// P-Called-Party-ID (RFC 7315 4.2) or in To.
static struct str called_beside(struct arena *arena, const struct sip_msg *m, const struct office_trunk_group *g)
{
	struct sip_uri aor;
	struct number number;
	if (sip_uri_parse(&aor, str_from(g->aor)) != PARSE_OK || !str_eq(aor.user, m->uri.user)) return STR("");
	struct str called = number_in(arena, sip_msg_header_named(m, STR("P-Called-Party-ID")));
	if (!called.n) called = sip_number(arena, &m->to.uri);
	return number_from_uri_user(&number, called) == OK ? called : STR("");
}

// The digits that the Request-URI asks for; empty asks for dial tone. `group`: the trunk group that asks; NULL: none.
static struct str dialled(const struct sip_msg *m, const struct office_trunk_group *group, struct arena *arena)
{
	struct str beside = group && group->aor[0] ? called_beside(arena, m, group) : STR("");
	if (beside.n) return beside;
	struct str user = sip_number(arena, &m->uri);
	return str_eq_nocase(user, STR("dialtone")) ? STR("") : user;
}

bool sip_leg_is_emergency(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from)
{
	const struct sip_legs_setup *s = &ls->setup;
	if (office_trunk_group_of(office_rules(s->office), &from->peer)) return false; // other carriers route their own
	return calls_is_emergency(s->calls, 0, dialled(m, NULL, &s->env->scratch));
}

// Refuses what an INVITE may not be, before anyone is asked who it is from.
static bool refuse_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct str sdp, too_short = session_too_short(ls, m);
	if (m->max_forwards == 0) sip_reply(ls, txn, m, from, 483, STR(""));
	else if (!msg_sdp(m, &sdp)) sip_reply(ls, txn, m, from, 415, STR("Accept: application/sdp\r\n"));
	else if (!sdp_is_good(sdp)) sip_reply(ls, txn, m, from, 400, STR(""));
	else if (too_short.n) sip_reply(ls, txn, m, from, 422, too_short);
	else return false;
	return true;
}

// Whose request is it? A trunk is told by its address, a line by its credentials.
static bool identify(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from,
                     const struct office_trunk_group **group, const struct office_line **line)
{
	const struct sip_legs_setup *s = &ls->setup;
	*group = office_trunk_group_of(office_rules(s->office), &from->peer);
	*line = NULL;
	if (*group) return true;
	uint16_t status = 0;
	struct buf answer = buf_on(arena_alloc(&s->env->scratch, 8192), 8192);
	if (!answer.p) answer.cap = 0;
	if (sip_auth_check(line, s->auth, m, from, &answer, &status) == OK) return true;
	if (answer.err != OK || answer.n == 0) return false;
	if (status == 401) sip_server_respond_stateless(s->stack, txn, buf_str(&answer));
	else if (sip_server_respond(s->stack, txn, status, buf_str(&answer)) != OK) COUNT(sip_in_wrong_source);
	return false;
}

// Who sent the call on before, as a trusted trunk tells it. How often, anyone may say: a circle ends sooner.
static void take_diversions(struct sip_diversions *d, struct verb_offer *o, const struct sip_msg *m,
                            const struct office_trunk_group *group, struct arena *arena)
{
	bool told = group && group->trusted && group->diversion;
	if (!sip_msg_has(m, SIP_H_DIVERSION) && !sip_msg_has(m, SIP_H_HISTORY_INFO)) return;
	divert_read(d, m, told ? group->diversion : OFFICE_DIVERSION_BOTH, arena);
	o->diverted = d->total;
	o->diversions = d->list;
	o->diversion_count = told ? d->n : 0;
}

// What is left of Max-Forwards; of more than anybody may begin with (RFC 3261 8.1.1.6), of that: else a call that goes
// round in a circle would take more of everyone on it.
static uint8_t hops_left(const struct sip_msg *m)
{
	return (uint8_t)((m->max_forwards < HOPS_MAX ? m->max_forwards : HOPS_MAX) - 1);
}

static void offer(struct sip_leg *leg, const struct sip_msg *m, const struct office_trunk_group *group)
{
	struct verb_offer o = { .hops = hops_left(m),
		.dialled = dialled(m, group, &leg->legs->setup.env->scratch) };
	struct verb v = { .kind = VERB_OFFER, .offer = &o };
	struct sip_walk walk = { 0 };
	struct sip_diversions diversions;
	struct str value;
	take_diversions(&diversions, &o, m, group, &leg->legs->setup.env->scratch);
	if (group) trunk_party(&o.caller, m, group, &leg->legs->setup.env->scratch);
	else o.caller.presentation = wants_privacy(m) ? PRESENT_RESTRICTED : PRESENT_ALLOWED;
	const struct office_line *line = office_line(leg->legs->setup.office, leg->line);
	if (line && line->pbx) pbx_caller(&o.caller, leg->legs->setup.auth, line, m);
	while (o.identity_count < OFFER_IDENTITIES_MAX && sip_msg_each(m, SIP_H_IDENTITY, &walk, &value))
		o.identities[o.identity_count++] = value;
	v.media = msg_sdp(m, &v.sdp) && v.sdp.n ? MEDIA_OFFER : MEDIA_ASK;
	session_heard(leg, v.sdp);
	v.early = v.media == MEDIA_ASK && reliable_may_offer(leg);
	oa_step(leg, v.media == MEDIA_OFFER ? OA_EV_GET_OFFER : OA_EV_GET_ASK);
	leg_tell(leg, &v);
}

// RFC 3261 13.3.1. An Expires that cannot be read says nothing.
static void start_expiry(struct sip_leg *leg, const struct sip_msg *m)
{
	uint32_t seconds;
	struct sip_legs *ls = leg->legs;
	if (str_to_u32(&seconds, sip_msg_header(m, SIP_H_EXPIRES), UINT32_MAX) != OK) return;
	wheel_start(&ls->wheel, &leg->expires, ls->setup.env->now_ms + seconds * 1000ull, LEG_TIMER_EXPIRES,
		leg_ref(leg));
}

struct sip_leg *leg_of_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from,
                              const struct invited *who)
{
	struct sip_leg *leg = leg_new(ls, who->reserve);
	if (!leg) {
		sip_reply(ls, txn, m, from, 503, STR(""));
		return NULL;
	}
	leg->state = LEG_INVITED_STATE;
	leg->side = SIDE_O;
	leg->line = who->line;
	leg->trunk_group = who->trunk_group;
	leg->listener = from->listener;
	leg->peer = from->peer;
	leg->invite_txn = txn;
	leg->invite_cseq = m->cseq.number;
	leg_keep(leg, &leg->head, out_head(leg, m, from));
	enum err e = leg->head.n
		? sip_dialog_init_uas(&leg->dialog, m, from, (struct str){ leg->tag, SIP_LEG_TAG_LEN }) : ERR_FULL;
	if (e == OK) return leg;
	leg_refuse_invite(leg, m, from, e == ERR_BAD ? 400 : 503, STR(""));
	return NULL;
}

void leg_refuse_invite(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
                       struct str extra)
{
	struct sip_legs *ls = leg->legs;
	ref txn = leg->invite_txn;
	leg->invite_txn = 0;
	leg_free(leg);
	sip_reply(ls, txn, m, from, status, extra);
}

void leg_take_invite(struct sip_leg *leg, const struct sip_msg *m)
{
	sip_server_own(leg->legs->setup.stack, leg->invite_txn, leg_ref(leg));
	leg_ladder(leg, false, m->bytes);
	start_expiry(leg, m);
	reliable_read(leg, m);
	update_learn(leg, m);
	session_asked(leg, m);
}

void sip_leg_on_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	const struct office_trunk_group *group;
	const struct office_line *line;
	if (refuse_invite(ls, txn, m, from) || !identify(ls, txn, m, from, &group, &line)) return;
	if (sip_msg_has(m, SIP_H_REPLACES)) {
		replaces_invite(ls, txn, m, from, line);
		return;
	}
	const struct str digits = dialled(m, group, &ls->setup.env->scratch);
	if (group && group->overlap && number_is_begun(digits)) { // the next INVITE brings more of it (RFC 3578 3)
		COUNT(sip_in_more_digits);
		sip_reply(ls, txn, m, from, 484, STR(""));
		return;
	}
	struct sip_leg *leg = leg_of_invite(ls, txn, m, from,
		&(struct invited){ .line = line ? line->id : 0, .trunk_group = group ? group->id : 0,
			.reserve = calls_reserve(ls->setup.calls, line ? line->id : 0, digits, SIP_LEGS_RESERVED) });
	if (!leg) return;
	const struct call_begin begin = { .leg = sip_leg_link(leg), .line = leg->line, .trunk_group = leg->trunk_group,
		.peer = from->peer, .dialled = digits };
	enum err e = calls_begin(&leg->call, ls->setup.calls, &begin);
	if (e != OK) { // ERR_STATE: this node leaves service
		leg_refuse_invite(leg, m, from, 503, e == ERR_STATE ? STR("Retry-After: 60\r\n") : STR(""));
		return;
	}
	leg_take_invite(leg, m);
	offer(leg, m, group);
}

static struct sip_leg *leg_of(struct sip_legs *ls, const struct sip_msg *m)
{
	struct map_node *node = map_find(&ls->by_tag, m->to.tag);
	return node ? LIST_OF(node, struct sip_leg, by_tag) : NULL;
}

// A request in the dialog comes from the leg's own flow or trunk group, or proves itself (a phone behind a NAT that
// rebound). False: it was answered.
static bool source_is_good(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	const struct office_trunk_group *group;
	const struct office_line *line;
	if (addr_flow_eq(&from->peer, &leg->dialog.flow_peer)) {
		sip_auth_spend(leg->legs->setup.auth, m);
		return true;
	}
	if (!identify(leg->legs, txn, m, from, &group, &line)) {
		COUNT(sip_in_wrong_source);
		return false;
	}
	if ((group && group->id == leg->trunk_group) || (line && line->id == leg->line)) {
		// The NAT's new binding, or another connection from the same host.
		if (line || (addr_is_stream(&from->peer) && addr_host_eq(&from->peer, &leg->dialog.flow_peer)))
			leg->dialog.flow_peer = from->peer;
		return true;
	}
	COUNT(sip_in_wrong_source);
	sip_reply(leg->legs, txn, m, from, 403, STR(""));
	return false;
}

void leg_refresh(struct sip_leg *leg, const struct sip_msg *m)
{
	if (sip_dialog_refresh(&leg->dialog, m) != OK) COUNT(sip_in_bad_target);
}

struct str retry_after(struct sip_leg *leg)
{
	struct env *env = leg->legs->setup.env;
	char text[32];
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, "Retry-After: %u\r\n", random_below(&env->random, 11));
	return arena_dup(&env->scratch, buf_str(&b));
}

// A digit in an INFO: "Signal=5\r\nDuration=160", or "5" alone.
static bool info_digit(const struct sip_msg *m, struct verb *v)
{
	struct str type = sip_msg_header(m, SIP_H_CONTENT_TYPE), rest = m->body;
	struct str digit = { "", 0 };
	uint32_t ms = 0;
	type = str_trim(str_cut(&type, ';'));
	if (str_eq_nocase(type, STR("application/dtmf"))) digit = str_trim(rest);
	else if (!str_eq_nocase(type, STR("application/dtmf-relay"))) return false;
	while (!digit.n && rest.n) {
		struct str line = str_cut(&rest, '\n'), name = str_trim(str_cut(&line, '='));
		if (str_eq_nocase(name, STR("Signal"))) digit = str_trim(line);
	}
	for (rest = m->body; rest.n;) {
		struct str line = str_cut(&rest, '\n'), name = str_trim(str_cut(&line, '='));
		if (str_eq_nocase(name, STR("Duration")) && str_to_u32(&ms, str_trim(line), 10000) != OK) ms = 0;
	}
	if (digit.n != 1 || !memchr("0123456789*#ABCDabcd", digit.p[0], 20)) return false;
	*v = (struct verb){ .kind = VERB_SIGNAL, .signal = SIGNAL_DIGIT, .digit = digit.p[0], .digit_ms = (uint16_t)ms };
	return true;
}

static void info(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct verb v;
	if (m->body.n == 0) {
		out_reply(leg, txn, m, from, 200, STR(""));
	} else if (info_digit(m, &v)) {
		out_reply(leg, txn, m, from, 200, STR(""));
		leg_tell(leg, &v);
	} else {
		out_reply(leg, txn, m, from, 415, STR("Accept: application/dtmf-relay, application/dtmf\r\n"));
	}
}

void sip_leg_on_request(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_leg *leg = leg_of(ls, m);
	const struct leg_input in = { .msg = m, .from = from, .txn = txn };
	if (!leg || (!leg->dialog.text && !leg->early)) {
		COUNT(sip_in_unknown_dialog);
		sip_auth_spend(ls->setup.auth, m);
		sip_reply(ls, txn, m, from, 481, STR(""));
		return;
	}
	if (leg->state == LEG_CALLING_STATE && !branch_of_request(leg, txn, m, from)) return;
	if (!source_is_good(leg, txn, m, from)) return;
	switch (sip_dialog_check_request(&leg->dialog, m)) {
	case SIP_DIALOG_OTHER:
		COUNT(sip_in_unknown_dialog);
		sip_reply(ls, txn, m, from, 481, STR(""));
		return;
	case SIP_DIALOG_OUT_OF_ORDER: out_reply(leg, txn, m, from, 500, STR("")); return;
	case SIP_DIALOG_OK: break;
	}
	leg_ladder(leg, false, m->bytes);
	sip_server_own(ls->setup.stack, txn, leg_ref(leg)); // its answer goes into the ladder too
	switch (m->method) {
	case SIP_INVITE: reinvite_request(leg, txn, m, from); break;
	case SIP_BYE: leg_step(leg, LEG_EV_RX_BYE, &in); break;
	case SIP_INFO: info(leg, txn, m, from); break;
	case SIP_PRACK: reliable_prack(leg, txn, m, from); break;
	case SIP_UPDATE: update_request(leg, txn, m, from); break;
	case SIP_OPTIONS: out_reply(leg, txn, m, from, 200, STR("")); break;
	case SIP_REFER: refer_take(leg, txn, m, from); break;
	case SIP_SUBSCRIBE: refer_subscribe(leg, txn, m, from); break;
	case SIP_NOTIFY: out_reply(leg, txn, m, from, 489, STR("")); break; // RFC 6665: no event package of ours
	default: out_reply(leg, txn, m, from, 405, STR(""));
	}
}

void sip_leg_on_ack(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_leg *leg = leg_of(ls, m);
	const struct leg_input in = { .msg = m, .from = from };
	if (!leg || sip_dialog_check_request(&leg->dialog, m) != SIP_DIALOG_OK || m->cseq.number != leg->invite_cseq) {
		COUNT(sip_in_ack_unmatched);
		return;
	}
	leg_ladder(leg, false, m->bytes);
	// Does it have our 2xx, or is there none yet? What is open may also be an UPDATE's.
	bool begins = leg->state == LEG_INVITED_STATE || leg->state == LEG_HOLDING_STATE;
	bool has_2xx = leg->update_txn || leg->oa == OA_STABLE || leg->oa == OA_LATE_OFFER_SENT;
	if (leg->invite_txn && has_2xx && !begins) {
		sip_server_acked(ls->setup.stack, leg->invite_txn);
		leg->invite_txn = 0;
	}
	leg_step(leg, LEG_EV_RX_ACK, &in);
}

void sip_leg_on_cancel(struct sip_legs *ls, uint64_t owner, const struct sip_msg *m)
{
	struct sip_leg *leg = owner ? pool_at(&ls->pool, owner) : NULL;
	// Of a re-INVITE: it is answered as if the CANCEL had come too late (RFC 3261 9.2), since the other side was asked.
	if (!leg || leg->state == LEG_UP_STATE) return;
	leg_ladder(leg, false, m->bytes);
	leg_step(leg, LEG_EV_RX_CANCEL, &(struct leg_input){ .msg = m });
}

// An answer that nobody waits for: acknowledge it and end what it began (RFC 3261 §13.2.2.4, RFC 6026).
static void end_stray(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_stray stray = sip_client_stray(ls->setup.stack, txn);
	struct str offer = { 0 };
	struct sip_leg leg = { .legs = ls, .listener = from->listener, .ack_cseq = m->cseq.number };
	COUNT(sip_in_stray_2xx);
	if (sip_dialog_init_uac(&leg.dialog, m, m, from) != OK) {
		if (!stray.again) sip_client_not_ended(ls->setup.stack, txn, m->to.tag);
		return;
	}
	leg.dialog.flow_peer = from->peer;
	if (!stray.offers || !msg_sdp(m, &offer)) offer = STR("");
	// Without room for the BYE there is no ACK: the 2xx comes again.
	if (stray.again) out_stray_ack(&leg, offer);
	else if (out_stray_bye(&leg, offer) != OK) sip_client_not_ended(ls->setup.stack, txn, m->to.tag);
	sip_dialog_fini(&leg.dialog);
}

void sip_leg_on_response(struct sip_legs *ls, ref txn, uint64_t owner, const struct sip_msg *m,
	const struct sip_source *from)
{
	struct sip_leg *leg = owner ? pool_at(&ls->pool, owner) : NULL;
	const struct leg_input in = { .msg = m, .from = from, .txn = txn };
	bool success = m->status >= 200 && m->status < 300;
	bool challenge = m->status == 401 || m->status == 407;
	if (leg && challenge && credentials_answer(leg, txn, m)) return;
	if (!owner && challenge && m->method == SIP_BYE) credentials_answer_bye(ls, m, from);
	if (leg && m->status == 422 && session_invite_again(leg, m)) return;
	if (leg && m->status >= 200) leg->challenges = 0;
	if (m->method != SIP_INVITE) {
		if (leg && m->method == SIP_NOTIFY && m->status >= 200) refer_notified(leg, txn, m->status);
		else if (leg && txn == leg->bye_txn && m->status >= 200) leg_step(leg, LEG_EV_BYE_DONE, &in);
		else if (leg && txn == leg->update_txn) update_response(leg, m);
		else if (leg) session_response(leg, txn, m);
		return;
	}
	bool calling = leg && leg->state == LEG_CALLING_STATE; // any branch may answer
	if (!leg || (!calling && leg->dialog.text && !str_eq(m->to.tag, leg->dialog.remote_tag))) {
		if (success) end_stray(ls, txn, m, from);
		return;
	}
	if (calling) {
		leg_step(leg, m->status < 200 ? LEG_EV_RX_PROVISIONAL : success ? LEG_EV_RX_2XX : LEG_EV_RX_FAILURE, &in);
	} else if (txn == leg->invite_txn) {
		reinvite_response(leg, m);
	} else if (success) {
		leg_step(leg, LEG_EV_RX_2XX, &in);
	}
}

static void on_invite_failure(struct sip_leg *leg, bool unreachable)
{
	const struct leg_input none = { .unreachable = unreachable };
	bool ours = leg->oa == OA_OFFER_SENT || leg->oa == OA_ASK_SENT;
	leg->invite_txn = 0;
	if (leg->state == LEG_CALLING_STATE) leg_step(leg, LEG_EV_RX_FAILURE, &none);
	else if (ours) reinvite_failed(leg, unreachable);
	else leg_step(leg, LEG_EV_NO_ACK, &none);
}

void sip_leg_on_failure(struct sip_legs *ls, ref txn, uint64_t owner, enum sip_failure why)
{
	struct sip_leg *leg = owner ? pool_at(&ls->pool, owner) : NULL;
	const struct leg_input none = { 0 };
	if (leg && leg->refer && txn == leg->refer->notify_txn) refer_notified(leg, txn, 0);
	else if (leg && leg->state == LEG_BYE_OUT_STATE && txn == leg->bye_txn) leg_step(leg, LEG_EV_BYE_DONE, &none);
	else if (leg && txn == leg->update_txn) update_failed(leg);
	else if (leg && session_response(leg, txn, NULL)) return;
	else if (!leg || txn != leg->invite_txn) return;
	else on_invite_failure(leg, why == SIP_FAILED_TRANSPORT);
}
