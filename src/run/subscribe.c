// SUBSCRIBE (RFC 6665 §4.2.1): a request becomes a subscription, refreshes one, ends one, or is refused.
//
//     whose? 401   package? 489   refresh: known? 481   whose line? 404   of another customer? 403   body's type? 406
//     Contact? 400   too short? 423   too many? 503   else 200, and a NOTIFY at once
#include "run/subscriptions.h"

#include "base/count.h"

COUNTER(subscribe_refused, "SUBSCRIBEs with right credentials, or in their dialog, that were refused");
COUNTER(subscribe_full, "SUBSCRIBEs refused because a line, or the switch, has its most subscriptions");
COUNTER(subscribe_unanswerable, "SUBSCRIBEs whose answer could not be sent: too large, or too late");

#define RETRY_AFTER_S 60

struct asking { // a SUBSCRIBE at work
	struct subscriptions *s;
	ref txn;
	const struct sip_msg *m;
	const struct sip_source *from;
	const struct office_line *line; // who asks
	enum event_package package;
	struct str event_id;
	uint32_t seconds;
};

static void answer(const struct asking *a, uint16_t status, struct str tag, struct str extra)
{
	const struct subscriptions_setup *s = &a->s->setup;
	char text[SIP_MESSAGE_MAX];
	struct buf b = buf_on(text, sizeof text);
	if (!tag.n) tag = sip_auth_stateless_tag(s->auth, a->m);
	put_sip_response(&b, a->m, a->from, status, STR(""), tag);
	put(&b, extra);
	put_sip_body(&b, STR(""), STR(""));
	if (b.err != OK || sip_server_respond(s->stack, a->txn, status, buf_str(&b)) != OK) COUNT(subscribe_unanswerable);
}

static bool refuse(const struct asking *a, uint16_t status, struct str extra)
{
	COUNT(subscribe_refused);
	answer(a, status, STR(""), extra);
	return false;
}

// May it be written into an Event header as it is?
static bool is_plain(struct str id)
{
	for (uint32_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] >= 0x7f || memchr("\"<>,;", id.p[i], 6)) return false;
	return id.n <= SUBSCRIPTION_EVENT_ID_MAX;
}

static bool refuse_package(const struct asking *a)
{
	char text[128];
	struct buf b = buf_on(text, sizeof text);
	put_z(&b, "Allow-Events: ");
	put_event_packages(&b);
	put_z(&b, "\r\n");
	return refuse(a, 489, buf_str(&b));
}

// The event package, and the id that tells several subscriptions of one dialog apart (RFC 6665 8.2.1).
static bool read_event(struct asking *a)
{
	struct str value = sip_msg_header(a->m, SIP_H_EVENT), name = value;
	int32_t at = str_find_char(value, ';');
	if (at >= 0) name = str_head(value, (uint32_t)at);
	a->package = event_package_from(str_trim(name));
	a->event_id = STR("");
	if (a->package == EVENT_PACKAGE_COUNT) return refuse_package(a);
	if (at >= 0 && sip_param(&a->event_id, str_from_at(value, (uint32_t)at), STR("id")) && !is_plain(a->event_id))
		return refuse(a, 400, STR(""));
	return true;
}

// Whose is it? In the dialog of a subscription its flow says so, as in a call.
static bool identify(struct asking *a, const struct subscription *known)
{
	const struct subscriptions_setup *s = &a->s->setup;
	char text[SIP_MESSAGE_MAX];
	struct buf b = buf_on(text, sizeof text);
	uint16_t status;
	if (known && addr_eq(&a->from->peer, &known->dialog.flow_peer)) {
		sip_auth_spend(s->auth, a->m);
		a->line = office_line(s->auth->office, known->watcher);
		if (a->line) return true;
	}
	if (sip_auth_check(&a->line, s->auth, a->m, a->from, &b, &status) == OK) return true;
	if (b.err != OK) COUNT(subscribe_unanswerable);
	else if (status == 401) sip_server_respond_stateless(s->stack, a->txn, buf_str(&b));
	else if (sip_server_respond(s->stack, a->txn, status, buf_str(&b)) != OK) COUNT(subscribe_unanswerable);
	return false;
}

// No Expires is an hour (RFC 4235 3.4, RFC 3842 3.4, RFC 3680 4.4), and no more is given than the office says.
static bool read_expires(struct asking *a)
{
	const struct office_rules *r = office_rules(a->s->setup.auth->office);
	char text[32];
	struct buf b = buf_on(text, sizeof text);
	uint32_t most = r->settings.register_max_s, least = r->settings.register_min_s;
	a->seconds = 3600;
	if (sip_msg_has(a->m, SIP_H_EXPIRES) &&
	    str_to_u32(&a->seconds, sip_msg_header(a->m, SIP_H_EXPIRES), UINT32_MAX) != OK)
		a->seconds = 3600;
	if (a->seconds > most) a->seconds = most;
	if (a->seconds == 0 || a->seconds >= least) return true;
	put_fmt(&b, "Min-Expires: %u\r\n", least);
	return refuse(a, 423, buf_str(&b));
}

static bool accepts_body(const struct asking *a)
{
	struct sip_walk walk = { 0 };
	struct str value, type = event_package_type(a->package);
	bool any = false;
	while (sip_msg_each(a->m, SIP_H_ACCEPT, &walk, &value)) {
		struct str range = str_trim(str_cut(&value, ';'));
		if (str_eq_nocase(range, type) || str_eq(range, STR("*/*")) || str_eq_nocase(range, STR("application/*")))
			return true;
		any = true;
	}
	return !any;
}

static void accept(const struct asking *a, struct subscription *sub)
{
	char text[128];
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, "Expires: %u\r\nContact: <sip:dialtone@", a->seconds);
	put_uri_addr(&b, &a->s->setup.listeners[sub->dialog.flow_listener]);
	put_z(&b, ">\r\n");
	answer(a, 200, (struct str){ sub->tag, SUBSCRIPTION_TAG_LEN }, buf_str(&b));
	subscription_accept(sub, a->seconds);
}

static void refresh(struct asking *a, struct subscription *sub)
{
	bool ends = sub && (sub->state == SUBSCRIPTION_CLOSING || sub->state == SUBSCRIPTION_LAST);
	if (!sub || ends || sub->package != a->package || !str_eq(str_from(sub->event_id), a->event_id)) {
		refuse(a, 481, STR(""));
		return;
	}
	if (!identify(a, sub) || !read_expires(a)) return;
	enum sip_dialog_check check = sip_dialog_check_request(&sub->dialog, a->m);
	if (check != SIP_DIALOG_OK || a->line->id != sub->watcher) {
		refuse(a, check == SIP_DIALOG_OTHER ? 481 : check == SIP_DIALOG_OUT_OF_ORDER ? 500 : 403, STR(""));
		return;
	}
	if (sip_dialog_refresh(&sub->dialog, a->m) != OK) COUNT(subscribe_unanswerable);
	sub->dialog.flow_peer = a->from->peer; // the NAT's new binding
	sub->dialog.flow_listener = a->from->listener;
	accept(a, sub);
}

static void refuse_full(const struct asking *a)
{
	char text[32];
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, "Retry-After: %u\r\n", RETRY_AFTER_S);
	COUNT(subscribe_full);
	refuse(a, 503, buf_str(&b));
}

static void begin(struct asking *a)
{
	const struct sip_auth *auth = a->s->setup.auth;
	if (!identify(a, NULL)) return;
	const struct office_line *watched = sip_auth_line_of(auth, &a->m->to.uri);
	if (!watched || !subscription_is_allowed(a->s, a->line->id, watched->id)) {
		refuse(a, watched ? 403 : 404, STR(""));
		return;
	}
	if (!accepts_body(a)) {
		refuse(a, 406, STR(""));
		return;
	}
	if (!read_expires(a)) return;
	struct subscription *sub = subscription_new(a->s, a->line->id, watched->id, a->package);
	if (!sub) {
		refuse_full(a);
		return;
	}
	str_to_z(sub->event_id, sizeof sub->event_id, a->event_id);
	enum err e = sip_dialog_init_uas(&sub->dialog, a->m, a->from, (struct str){ sub->tag, SUBSCRIPTION_TAG_LEN });
	if (e == OK) {
		accept(a, sub);
		return;
	}
	subscription_free(sub);
	if (e == ERR_BAD) refuse(a, 400, STR(""));
	else refuse_full(a);
}

void subscriptions_request(struct subscriptions *s, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct asking a = { .s = s, .txn = txn, .m = m, .from = from };
	if (!read_event(&a)) return;
	if (m->to.tag.n) refresh(&a, subscription_of(s, m));
	else begin(&a);
}
