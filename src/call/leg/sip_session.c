// Session timers (RFC 4028): a session that nobody refreshes ends, so that no call stands on after one end forgot it.
//
//     they ──INVITE, Session-Expires: 1800─▶ us     ◀──200, 1800;refresher=uac──    they refresh, we wait for it
//     we ────INVITE, Session-Expires: 1800─▶ they   ──200, 1800;refresher=uac──▶    we refresh, after half of it
//
// A refresh is a matter of one leg. Ours is an UPDATE without an offer, where they allow it; else a re-INVITE that says
// our last description again. Theirs, when it says their last one again, is answered with our last one. For that both
// are kept, ours as text and theirs as a hash, while a timer runs.
#include "call/leg/sip_inside.h"

COUNTER(sip_session_refreshed, "Sessions that we refreshed");
COUNTER(sip_session_over, "Calls ended because their session was not refreshed");
COUNTER(sip_session_moved, "Refreshes of ours that were answered with other media than before, which are not taken");

#define MIN_SE_S 90u     // RFC 4028 4
#define GRACE_S 32u      // before the end of the session: then who waits for a refresh hangs up (10)
#define BUSY_MS 2000u    // something else is open in the dialog
#define REFUSED_MS 10000u

bool session_read(struct session_said *out, const struct sip_msg *m)
{
	struct str value = sip_msg_header(m, SIP_H_SESSION_EXPIRES), params = value, min = sip_msg_header(m, SIP_H_MIN_SE);
	struct str number = str_trim(str_cut(&value, ';')), refresher = { "", 0 };
	*out = (struct session_said){ .supported = sip_msg_has_token(m, SIP_H_SUPPORTED, STR("timer")) };
	if (str_to_u32(&out->min_s, str_trim(str_cut(&min, ';')), UINT32_MAX) != OK) out->min_s = 0;
	if (str_to_u32(&out->interval_s, number, UINT32_MAX) != OK) out->interval_s = 0;
	int32_t at = str_find_char(params, ';');
	if (at < 0 || !sip_param(&refresher, str_from_at(params, (uint32_t)at), STR("refresher"))) return out->interval_s > 0;
	out->uac = str_eq_nocase(refresher, STR("uac"));
	out->uas = str_eq_nocase(refresher, STR("uas"));
	return out->interval_s > 0;
}

static uint32_t min_s(const struct sip_legs *ls)
{
	return office_rules(ls->setup.office)->settings.session_min_s;
}

// What we ask for; 0: nothing.
static uint32_t wanted_s(const struct sip_legs *ls)
{
	uint32_t s = office_rules(ls->setup.office)->settings.session_s, min = min_s(ls);
	return s && s < min ? min : s;
}

static uint32_t longer(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

struct str session_too_short(struct sip_legs *ls, const struct sip_msg *m)
{
	struct session_said said;
	// Of one who does not know the timer a proxy said so, which must not be told (RFC 4028 9).
	if (!session_read(&said, m) || !said.supported || said.interval_s >= min_s(ls)) return STR("");
	return arena_printf(&ls->setup.env->scratch, "Min-SE: %u\r\n", min_s(ls));
}

static struct sip_session *session_of(struct sip_leg *leg)
{
	if (!leg->session) leg->session = pool_get(&leg->legs->sessions);
	return leg->session;
}

void session_free(struct sip_leg *leg)
{
	struct sip_session *s = leg->session;
	if (!s) return;
	wheel_stop(&leg->legs->wheel, &s->timer);
	if (s->update_txn) sip_stack_disown(leg->legs->setup.stack, s->update_txn);
	s->sdp = slab_free(&leg->legs->texts, s->sdp);
	s->sdp_open = slab_free(&leg->legs->texts, s->sdp_open);
	leg->session = pool_put(&leg->legs->sessions, s);
}

// WHEN

static uint64_t now_ms(const struct sip_leg *leg)
{
	return leg->legs->setup.env->now_ms;
}

static void look_again(struct sip_leg *leg, uint64_t in_ms)
{
	struct sip_session *s = leg->session;
	uint64_t at_ms = now_ms(leg) + in_ms;
	if (at_ms > s->ends_ms) at_ms = s->ends_ms;
	wheel_start(&leg->legs->wheel, &s->timer, at_ms, LEG_TIMER_SESSION, leg_ref(leg));
}

// It begins, or goes on.
static void start(struct sip_leg *leg)
{
	struct sip_session *s = leg->session;
	uint64_t interval_ms = s->interval_s * 1000ull, grace_ms = interval_ms / 3;
	if (grace_ms > GRACE_S * 1000ull) grace_ms = GRACE_S * 1000ull;
	s->ends_ms = now_ms(leg) + interval_ms - grace_ms;
	look_again(leg, s->ours ? interval_ms / 2 : interval_ms);
}

// THEIR REQUESTS

void session_asked(struct sip_leg *leg, const struct sip_msg *m)
{
	struct session_said said;
	uint32_t wanted = wanted_s(leg->legs);
	bool asked = session_read(&said, m);
	if (!asked && !(said.supported && wanted) && !leg->session) return;
	struct sip_session *s = session_of(leg);
	if (!s) return;
	uint32_t least = longer(longer(said.min_s, min_s(leg->legs)), MIN_SE_S);
	if (!asked && !said.supported) s->interval_s = 0; // they speak of it no more
	else if (!asked) s->interval_s = longer(wanted ? wanted : s->interval_s, least);
	else s->interval_s = wanted && longer(wanted, least) < said.interval_s ? longer(wanted, least) : said.interval_s;
	s->min_s = least;
	s->ours = !said.supported || said.uas; // whoever knows it and does not say, refreshes
}

void session_put_answer(struct buf *b, struct sip_leg *leg)
{
	struct sip_session *s = leg->session;
	if (!s) return;
	if (!s->interval_s) {
		session_free(leg);
		return;
	}
	put_fmt(b, "%sSession-Expires: %u;refresher=%s\r\n", s->ours ? "" : "Require: timer\r\n", s->interval_s,
		s->ours ? "uas" : "uac");
	start(leg);
}

bool session_is_refresh(const struct sip_leg *leg, struct str sdp)
{
	const struct sip_session *s = leg->session;
	return s && s->sdp.n && sdp.n && s->theirs == session_hash(sdp);
}

// OUR REQUESTS

void session_put_ask(struct buf *b, struct sip_leg *leg)
{
	struct sip_session *s = leg->session;
	if (!s || !s->interval_s) return;
	put_fmt(b, "Session-Expires: %u", s->interval_s);
	if (leg->dialog.confirmed || leg->side == SIDE_O) put_fmt(b, ";refresher=%s", s->ours ? "uac" : "uas");
	put_z(b, "\r\n");
	if (s->min_s > MIN_SE_S) put_fmt(b, "Min-SE: %u\r\n", s->min_s);
}

void session_offer(struct sip_leg *leg)
{
	uint32_t wanted = wanted_s(leg->legs);
	struct sip_session *s = wanted ? session_of(leg) : NULL;
	if (s) s->interval_s = wanted;
	if (s) s->min_s = min_s(leg->legs);
}

void session_answered(struct sip_leg *leg, const struct sip_msg *m)
{
	struct session_said said;
	bool runs = session_read(&said, m);
	struct sip_session *s = runs ? session_of(leg) : NULL;
	if (!s) { // they do not want one
		session_free(leg);
		return;
	}
	s->interval_s = longer(said.interval_s, MIN_SE_S);
	s->ours = !said.uas;
	start(leg);
}

// Their 422: so long it has to be at least.
static bool lengthen(struct sip_session *s, const struct sip_msg *m)
{
	struct session_said said;
	session_read(&said, m);
	if (said.min_s <= s->interval_s || said.min_s > 86400) return false;
	s->interval_s = s->min_s = said.min_s;
	return true;
}

static bool is_header(struct str line, struct str name)
{
	return str_eq_nocase(str_trim(str_cut(&line, ':')), name);
}

bool session_invite_again(struct sip_leg *leg, const struct sip_msg *m)
{
	struct str rest = sip_client_refused(leg->legs->setup.stack), branch = out_branch(leg);
	struct buf b = out_room(leg->legs);
	if (m->method != SIP_INVITE || leg->state != LEG_CALLING_STATE || !rest.n || !leg->session ||
	    !lengthen(leg->session, m))
		return false;
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (line.n <= 1) break;
		if (is_header(line, STR("Via"))) put_sip_via(&b, &leg->legs->setup.listeners[leg->listener], branch);
		else if (is_header(line, STR("CSeq"))) put_fmt(&b, "CSeq: %u INVITE\r\n", m->cseq.number + 1);
		else if (is_header(line, STR("Session-Expires"))) session_put_ask(&b, leg);
		else if (!is_header(line, STR("Min-SE"))) put_fmt(&b, "%.*s\n", STR_FMT(line));
	}
	put_z(&b, "\r\n");
	put(&b, rest);
	return b.err == OK && out_invite_again(leg, m, branch, buf_str(&b));
}

// REFRESHING

static void over(struct sip_leg *leg)
{
	COUNT(sip_session_over);
	leg_step(leg, LEG_EV_SESSION_OVER, &(struct leg_input){ 0 });
}

void session_due(struct sip_leg *leg)
{
	struct sip_session *s = leg->session;
	if (!s) return;
	bool open = leg->state != LEG_UP_STATE || leg->oa != OA_STABLE || leg->invite_txn || leg->update_txn || s->update_txn;
	if (now_ms(leg) >= s->ends_ms) {
		over(leg);
	} else if (open) {
		look_again(leg, BUSY_MS);
	} else if (leg->allows_update) {
		out_update(leg, STR(""), &s->update_txn);
		look_again(leg, s->update_txn ? UINT32_MAX : BUSY_MS);
	} else if (s->sdp.n && oa_step(leg, OA_EV_SEND_OFFER)) {
		const struct verb same = { .kind = VERB_MEDIA, .media = MEDIA_OFFER, .sdp = s->sdp };
		s->refreshing = out_reinvite(leg, &same);
		if (!s->refreshing) oa_step(leg, OA_EV_REFUSED);
		look_again(leg, s->refreshing ? UINT32_MAX : BUSY_MS);
	} else {
		look_again(leg, BUSY_MS);
	}
}

// RFC 3261 14.1: who made the Call-ID waits longer. What is refused else may be taken a while later.
static uint64_t pause_ms(struct sip_leg *leg, uint16_t status)
{
	struct random *r = &leg->legs->setup.env->random;
	if (status == 422 || status == 405 || status == 501) return 0;
	if (status != 491) return REFUSED_MS;
	return leg->side == SIDE_T ? 2100 + random_below(r, 1900) : random_below(r, 2000);
}

static void refused(struct sip_leg *leg, const struct sip_msg *m)
{
	if (!m || m->status == 408 || m->status == 481 || (m->status == 422 && !lengthen(leg->session, m))) {
		over(leg);
		return;
	}
	if (m->status == 405 || m->status == 501) leg->allows_update = false;
	look_again(leg, pause_ms(leg, m->status));
}

bool session_response(struct sip_leg *leg, ref txn, const struct sip_msg *m)
{
	struct sip_session *s = leg->session;
	if (!s || txn != s->update_txn) return false;
	if (m && m->status < 200) return true;
	s->update_txn = 0;
	if (!m || m->status >= 300) {
		refused(leg, m);
	} else {
		COUNT(sip_session_refreshed);
		leg_refresh(leg, m);
		session_answered(leg, m);
	}
	return true;
}

bool session_reinvited(struct sip_leg *leg, const struct sip_msg *m)
{
	struct str sdp;
	if (!leg->session || !leg->session->refreshing) return false;
	leg->session->refreshing = false;
	if (!m || m->status >= 300) {
		oa_step(leg, OA_EV_REFUSED);
		refused(leg, m);
		return true;
	}
	COUNT(sip_session_refreshed);
	if (!msg_sdp(m, &sdp) || session_hash(sdp) != leg->session->theirs) COUNT(sip_session_moved);
	oa_step(leg, OA_EV_GET_ANSWER);
	session_answered(leg, m);
	return true;
}

// DESCRIPTIONS

uint64_t session_hash(struct str sdp)
{
	const struct hash_key key = { 0 };
	str_cut(&sdp, '\n'); // v=
	str_cut(&sdp, '\n'); // o=, whose version some count up though nothing changed
	return hash_str(&key, sdp);
}

void session_said(struct sip_leg *leg, struct str sdp)
{
	struct sip_session *s = leg->session;
	if (!s || !sdp.n || str_eq(sdp, s->sdp)) return;
	leg_keep(leg, leg->oa == OA_STABLE ? &s->sdp : &s->sdp_open, sdp);
}

void session_heard(struct sip_leg *leg, struct str sdp)
{
	if (leg->session && sdp.n) leg->session->theirs_open = session_hash(sdp);
}

void session_agreed(struct sip_leg *leg, bool refused_it)
{
	struct sip_session *s = leg->session;
	if (!s) return;
	if (!refused_it && s->theirs_open) s->theirs = s->theirs_open;
	if (!refused_it && s->sdp_open.n) {
		slab_free(&leg->legs->texts, s->sdp);
		s->sdp = s->sdp_open;
		s->sdp_open = (struct str){ 0 };
	}
	s->sdp_open = slab_free(&leg->legs->texts, s->sdp_open);
	s->theirs_open = 0;
}
