// REFER (RFC 3515): a phone asks the switch to transfer its call. The switch does it itself, and tells by NOTIFY how it
// goes, in messages of one line (RFC 3420) over the subscription that the REFER made.
//
//     REFER ─▶ 4xx                                       it may not, or is not understood
//           ─▶ 202, NOTIFY 100 ─▶ NOTIFY 180 ─▶ NOTIFY 200, and a BYE: the phone is out of the call
//                                            └▶ NOTIFY 486 or the like: the call is as it was
//
// A target is what the phone could dial: a number here, in a sip: URI with our host or a tel: URI. A Replaces in it
// names another call of the same line.
#include "call/leg/sip_inside.h"

#include "wire/sip/replaces.h"

COUNTER(sip_refers, "REFERs that were taken");
COUNTER(sip_refers_refused, "REFERs that were refused");
COUNTER(sip_refers_full, "REFERs refused because too many are under way");
COUNTER(sip_refer_unheard, "NOTIFYs of a transfer that were refused or not answered");

#define SUBSCRIPTION_S 600u // longer than any target rings

// ---- What is asked --------------------------------------------------------------------------------------------------

// A refusal: the status, and why as a person is to read it (RFC 3261 20.43).
struct refusal {
	uint16_t status;
	const char *why;
};

// Is this host the switch? Its realm, an address of its own, or what the phone takes for its own domain.
static bool is_here(const struct sip_leg *leg, const struct sip_msg *m, struct str host)
{
	const struct sip_legs_setup *s = &leg->legs->setup;
	char text[64];
	if (str_eq_nocase(host, str_from(office_rules(s->office)->realm))) return true;
	if (str_eq_nocase(host, m->from.uri.host) || str_eq_nocase(host, m->to.uri.host)) return true;
	for (uint32_t i = 0; i < s->listener_count; i++) {
		struct buf own = buf_on(text, sizeof text);
		put_addr_host(&own, &s->listeners[i]);
		if (str_eq_nocase(host, buf_str(&own))) return true;
	}
	return false;
}

// The value of a header in a URI ("?Replaces=..."), made plain; empty: it is not there.
static struct str uri_header(struct arena *arena, const struct sip_uri *uri, struct str name)
{
	struct str rest = uri->headers;
	while (rest.n) {
		struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
		if (str_eq_nocase(key, name)) return sip_unescape(arena, value);
	}
	return STR("");
}

// Of another call it must be a leg of ours, whose tag is like no other's.
static struct refusal read_replaces(struct verb_transfer *out, const struct sip_leg *leg, struct str text)
{
	struct sip_replaces r;
	if (sip_replaces_parse(&r, text) != PARSE_OK) return (struct refusal){ 400, "Replaces is malformed" };
	if (r.to_tag.n != SIP_LEG_TAG_LEN) return (struct refusal){ 403, "the call to be replaced is not here" };
	if (str_eq(r.to_tag, leg->dialog.local_tag)) return (struct refusal){ 403, "a call cannot replace itself" };
	out->joins = text;
	return (struct refusal){ 0, NULL };
}

static struct refusal read_target(struct verb_transfer *out, const struct sip_leg *leg, const struct sip_msg *m)
{
	struct arena *arena = &leg->legs->setup.env->scratch;
	struct sip_walk walk = { 0 };
	struct sip_name_addr to;
	struct str value, second, method;
	*out = (struct verb_transfer){ .dialled = STR(""), .joins = STR("") };
	if (!sip_msg_each(m, SIP_H_REFER_TO, &walk, &value)) return (struct refusal){ 400, "there is no Refer-To" };
	if (sip_msg_each(m, SIP_H_REFER_TO, &walk, &second)) return (struct refusal){ 400, "there are two Refer-To" };
	if (sip_name_addr_parse(&to, value) != PARSE_OK) return (struct refusal){ 400, "Refer-To is malformed" };
	bool tel = str_eq_nocase(to.uri.scheme, STR("tel"));
	if (!tel && !str_eq_nocase(to.uri.scheme, STR("sip"))) return (struct refusal){ 416, "only sip: and tel: targets" };
	if (sip_param(&method, to.uri.params, STR("method")) && !str_eq(method, STR("INVITE")))
		return (struct refusal){ 403, "only calls can be made" };
	if (!tel && !is_here(leg, m, to.uri.host)) return (struct refusal){ 403, "the target is not of this switch" };
	struct str replaces = uri_header(arena, &to.uri, STR("Replaces"));
	if (replaces.n) return read_replaces(out, leg, replaces);
	struct str user = sip_unescape(arena, to.uri.user);
	out->dialled = str_cut(&user, ';');
	if (!out->dialled.n) return (struct refusal){ 404, "the target has no number" };
	if (out->dialled.n >= CALL_DIALLED_MAX) return (struct refusal){ 484, "the target is too long" };
	return (struct refusal){ 0, NULL };
}

// Who may ask at all: a line; a trunk group only if the office says so.
static bool may_ask(const struct sip_leg *leg)
{
	return leg->line != 0;
}

static void refuse(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from,
                   struct refusal r)
{
	char text[160];
	struct buf b = buf_on(text, sizeof text);
	COUNT(sip_refers_refused);
	if (r.why) put_fmt(&b, "Warning: 399 dialtone \"%s\"\r\n", r.why);
	out_reply(leg, txn, m, from, r.status, buf_str(&b));
}

static struct sip_refer *refer_new(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_refer *r = pool_get(&leg->legs->refers);
	if (!r) return NULL;
	*r = (struct sip_refer){ .id = m->cseq.number, .named = leg->referred, .txn = txn, .msg = m, .from = from,
		.until_ms = leg->legs->setup.env->now_ms + SUBSCRIPTION_S * 1000ull };
	r->quiet = str_eq_nocase(str_trim(sip_msg_header_named(m, STR("Refer-Sub"))), STR("false"));
	return r;
}

void refer_take(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct verb_transfer to;
	struct sip_legs *ls = leg->legs;
	ref self = leg_ref(leg);
	if (leg->state != LEG_UP_STATE || (leg->refer && !leg->refer->over)) {
		refuse(leg, txn, m, from, (struct refusal){ 491, NULL });
		return;
	}
	if (!may_ask(leg)) {
		refuse(leg, txn, m, from, (struct refusal){ 403, "this trunk group may not transfer" });
		return;
	}
	struct refusal no = read_target(&to, leg, m);
	if (no.status) {
		refuse(leg, txn, m, from, no);
		return;
	}
	refer_free(leg);
	leg->refer = refer_new(leg, txn, m, from);
	if (!leg->refer) {
		COUNT(sip_refers_full);
		refuse(leg, txn, m, from, (struct refusal){ 503, NULL });
		return;
	}
	leg_tell(leg, &(struct verb){ .kind = VERB_SIGNAL, .signal = SIGNAL_TRANSFER, .transfer = &to });
	leg = pool_at(&ls->pool, self);
	if (!leg || !leg->refer || !leg->refer->txn) return;
	refuse(leg, txn, m, from, (struct refusal){ 491, NULL }); // its call did not say anything
	refer_free(leg);
}

// ---- What is told ---------------------------------------------------------------------------------------------------

static void put_state(struct buf *b, const struct sip_refer *r, uint64_t now_ms)
{
	bool expired = now_ms >= r->until_ms;
	if (r->over) put_z(b, "terminated;reason=noresource"); // RFC 3515 2.4.7
	else if (expired) put_z(b, "terminated;reason=timeout");
	else put_fmt(b, "active;expires=%llu", (unsigned long long)((r->until_ms - now_ms + 999) / 1000));
}

static void notify(struct sip_leg *leg)
{
	struct sip_refer *r = leg->refer;
	uint64_t now_ms = leg->legs->setup.env->now_ms;
	char text[3][128];
	struct buf event = buf_on(text[0], sizeof text[0]), state = buf_on(text[1], sizeof text[1]),
			   body = buf_on(text[2], sizeof text[2]);
	put_z(&event, "refer");
	if (r->named) put_fmt(&event, ";id=%u", r->id);
	put_state(&state, r, now_ms);
	put_fmt(&body, "SIP/2.0 %u %.*s\r\n", r->status, STR_FMT(sip_status_text(r->status)));
	r->told = r->status;
	r->quiet = r->quiet || now_ms >= r->until_ms; // that was the last
	out_notify(leg, &(struct notify){ buf_str(&event), buf_str(&state), STR("message/sipfrag;version=2.0"),
		buf_str(&body) }, &r->notify_txn);
}

// Each NOTIFY waits for the answer to the one before, which might be passed on the way; the newest word counts.
static void tell(struct sip_leg *leg, uint16_t status, bool over)
{
	struct sip_refer *r = leg->refer;
	r->status = status;
	r->over = r->over || over;
	if (!r->quiet && !r->notify_txn && !r->txn) notify(leg);
}

static void accept(struct sip_leg *leg)
{
	struct sip_refer *r = leg->refer;
	char text[160];
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, "Contact: %.*s\r\n", STR_FMT(out_contact(leg)));
	if (r->quiet) put_z(&b, "Refer-Sub: false\r\n"); // RFC 4488 4
	COUNT(sip_refers);
	leg->referred = true;
	out_reply(leg, r->txn, r->msg, r->from, 202, buf_str(&b));
	r->txn = 0;
	r->msg = NULL;
	r->from = NULL;
}

void refer_news(struct sip_leg *leg, const struct verb *v)
{
	struct sip_refer *r = leg->refer;
	if (!r || r->over) return;
	switch ((enum transfer_news)v->news) {
	case TRANSFER_REFUSED:
	case TRANSFER_GLARE:
		if (!r->txn) return;
		refuse(leg, r->txn, r->msg, r->from,
			(struct refusal){ v->news == TRANSFER_GLARE ? 491 : sip_status_of_cause(v->cause), NULL });
		refer_free(leg);
		break;
	case TRANSFER_TRIED:
		if (r->txn) accept(leg);
		tell(leg, 100, false);
		break;
	case TRANSFER_ALERTS: tell(leg, 180, false); break;
	case TRANSFER_DONE: tell(leg, 200, true); break;
	case TRANSFER_FAILED: // as the target itself said it, if it spoke SIP
		tell(leg, v->cause.status >= 300 ? v->cause.status : sip_status_of_cause(v->cause), true);
		break;
	}
}

void refer_notified(struct sip_leg *leg, ref txn, uint16_t status)
{
	struct sip_refer *r = leg->refer;
	if (!r || txn != r->notify_txn) return;
	r->notify_txn = 0;
	if (status < 200 || status >= 300) { // RFC 6665 4.2.2: they do not want it, or are not there
		COUNT(sip_refer_unheard);
		r->quiet = true;
	}
	if (!r->quiet && r->told != r->status) notify(leg);
	else if (r->over) refer_free(leg);
}

// What waits for an answer is said at once, before the BYE. Of a transfer that they did not wait for, no more is told.
void refer_end(struct sip_leg *leg, bool they_left)
{
	struct sip_refer *r = leg->refer;
	if (!r || r->quiet || r->txn) return;
	if (!r->over) {
		r->over = true;
		r->status = they_left ? r->status : 487;
	} else if (r->told == r->status) {
		return;
	}
	notify(leg);
}

void refer_free(struct sip_leg *leg)
{
	struct sip_legs *ls = leg->legs;
	if (!leg->refer) return;
	if (leg->refer->notify_txn) sip_stack_disown(ls->setup.stack, leg->refer->notify_txn);
	leg->refer = pool_put(&ls->refers, leg->refer);
}

// ---- The subscription -----------------------------------------------------------------------------------------------

// Is this the event of the REFER (RFC 3515 2.4.6)? Without an id any one is meant.
static bool is_event(const struct sip_refer *r, const struct sip_msg *m)
{
	struct str params = sip_msg_header(m, SIP_H_EVENT), package = str_trim(str_cut(&params, ';')), id;
	uint32_t number;
	if (!r || !str_eq_nocase(package, STR("refer"))) return false;
	for (struct str rest = params; rest.n;) {
		id = str_cut(&rest, ';');
		if (!str_eq_nocase(str_trim(str_cut(&id, '=')), STR("id"))) continue;
		return str_to_u32(&number, str_trim(id), UINT32_MAX) == OK && number == r->id;
	}
	return true;
}

// Refreshed, or ended (Expires: 0). Either way its state is told once more (RFC 6665 4.2.1.4); the transfer goes on.
void refer_subscribe(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_refer *r = leg->refer;
	struct str event = sip_msg_header(m, SIP_H_EVENT), package = str_trim(str_cut(&event, ';'));
	uint32_t seconds = SUBSCRIPTION_S;
	char text[160];
	struct buf b = buf_on(text, sizeof text);
	if (!str_eq_nocase(package, STR("refer"))) {
		out_reply(leg, txn, m, from, 489, STR(""));
	} else if (!is_event(r, m) || r->over || r->quiet) {
		out_reply(leg, txn, m, from, 481, STR(""));
	} else if (sip_msg_has(m, SIP_H_EXPIRES) &&
	           str_to_u32(&seconds, sip_msg_header(m, SIP_H_EXPIRES), UINT32_MAX) != OK) {
		out_reply(leg, txn, m, from, 400, STR(""));
	} else {
		if (seconds > SUBSCRIPTION_S) seconds = SUBSCRIPTION_S;
		r->until_ms = leg->legs->setup.env->now_ms + seconds * 1000ull;
		put_fmt(&b, "Expires: %u\r\nContact: %.*s\r\n", seconds, STR_FMT(out_contact(leg)));
		out_reply(leg, txn, m, from, 200, buf_str(&b));
		r->told = 0;
		if (!r->notify_txn) notify(leg);
	}
}
