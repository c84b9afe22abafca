// PUBLISH and unsolicited NOTIFY: which event, from whom, and what the body says.
#include "run/publish.h"

#include "run/event_package.h"
#include "wire/sip/quality.h"
#include "wire/sip/summary.h"

#include <assert.h>

COUNTER(publish_reports, "Reports of voice quality that were taken");
COUNTER(publish_messages, "Message summaries of voicemail trunks that were taken");
COUNTER(publish_refused, "PUBLISHs and NOTIFYs outside of dialogs that were refused");
COUNTER(publish_reports_full, "Reports of voice quality refused because too many wait to be kept");

struct telling { // a request at work
	const struct publish *p;
	ref txn;
	const struct sip_msg *m;
	const struct sip_source *from;
};

static void refuse(const struct telling *t, uint16_t status, struct str extra)
{
	COUNT(publish_refused);
	sip_reply(t->p->legs, t->txn, t->m, t->from, status, extra);
}

// We keep no state of a PUBLISH that could be refreshed: it is over as soon as it is taken (RFC 3903 6).
static void accept(const struct telling *t)
{
	char text[64];
	struct buf b = buf_on(text, sizeof text);
	if (t->m->method == SIP_PUBLISH) {
		put_z(&b, "SIP-ETag: ");
		put_hex(&b, random_u64(&t->p->env->random), 16);
		put_z(&b, "\r\nExpires: 0\r\n");
	}
	sip_reply(t->p->legs, t->txn, t->m, t->from, 200, buf_str(&b));
}

static bool has_type(const struct telling *t, struct str type)
{
	struct str is = sip_msg_header(t->m, SIP_H_CONTENT_TYPE);
	return str_eq_nocase(str_trim(str_cut(&is, ';')), type) && !sip_msg_has(t->m, SIP_H_CONTENT_ENCODING);
}

// ---- Voice quality --------------------------------------------------------------------------------------------------

static const struct office_line *line_of(const struct telling *t)
{
	char text[SIP_MESSAGE_MAX];
	struct buf b = buf_on(text, sizeof text);
	const struct office_line *line;
	uint16_t status;
	if (sip_auth_check(&line, t->p->auth, t->m, t->from, &b, &status) == OK) return line;
	if (b.err == OK && status == 401) sip_server_respond_stateless(t->p->stack, t->txn, buf_str(&b));
	else if (b.err == OK && sip_server_respond(t->p->stack, t->txn, status, buf_str(&b)) != OK) COUNT(publish_refused);
	return NULL;
}

// One more than the figure; what is unknown to both becomes 0.
static uint16_t one_more(uint16_t figure)
{
	static_assert((uint16_t)(SIP_QUALITY_UNKNOWN + 1) == 0, "what is unknown stays so");
	return (uint16_t)(figure + 1);
}

static struct record_heard heard_of(const struct sip_quality *q)
{
	return (struct record_heard){ .mos_lq = one_more(q->mos_lq), .mos_cq = one_more(q->mos_cq),
		.loss = one_more(q->loss), .discard = one_more(q->discard), .round_trip_ms = one_more(q->round_trip_ms),
		.delay_ms = one_more(q->delay_ms), .jitter_ms = one_more(q->jitter_ms) };
}

static void take_report(const struct telling *t)
{
	const struct office_line *line = line_of(t);
	struct sip_quality q;
	if (!line) return;
	if (!has_type(t, STR("application/vq-rtcpxr"))) {
		refuse(t, 415, STR("Accept: application/vq-rtcpxr\r\n"));
		return;
	}
	struct quality_report r = { .line = line->id, .wall_ms = t->p->env->wall_ms };
	if (sip_quality_parse(&q, t->m->body) != PARSE_OK || !str_to_z(r.call_id, sizeof r.call_id, q.call_id)) {
		refuse(t, 400, STR(""));
		return;
	}
	r.heard = heard_of(&q);
	if (!t->p->report || t->p->report(t->p->report_self, &r) != OK) {
		COUNT(publish_reports_full);
		refuse(t, 503, STR("Retry-After: 30\r\n"));
		return;
	}
	COUNT(publish_reports);
	accept(t);
}

// ---- Messages -------------------------------------------------------------------------------------------------------

// The line whose mailbox it is: the account, else to whom the request goes.
static const struct office_line *mailbox_of(const struct telling *t, const struct sip_summary *s)
{
	struct sip_uri account;
	const struct office_line *line = NULL;
	if (s->account.n && sip_uri_parse(&account, s->account) == PARSE_OK) line = sip_auth_line_of(t->p->auth, &account);
	return line ? line : sip_auth_line_of(t->p->auth, &t->m->to.uri);
}

static void take_summary(const struct telling *t)
{
	const struct office_trunk_group *g = office_trunk_group_of(office_rules(t->p->auth->office), &t->from->peer);
	struct sip_summary s;
	if (!g || !g->voicemail) {
		refuse(t, 403, STR(""));
		return;
	}
	if (!has_type(t, event_package_type(PACKAGE_MESSAGES))) {
		refuse(t, 415, STR("Accept: application/simple-message-summary\r\n"));
		return;
	}
	bool good = sip_summary_parse(&s, t->m->body) == PARSE_OK;
	const struct office_line *line = good ? mailbox_of(t, &s) : NULL;
	if (!line) {
		refuse(t, good ? 404 : 400, STR(""));
		return;
	}
	const struct waiting w = { .fresh = (uint16_t)s.fresh, .old = (uint16_t)s.old,
		.fresh_urgent = (uint16_t)s.fresh_urgent, .old_urgent = (uint16_t)s.old_urgent };
	COUNT(publish_messages);
	if (waiting_set(t->p->auth->live->waiting, line->id, w)) t->p->changed(t->p->self, line->id);
	accept(t);
}

// ---- Which? ---------------------------------------------------------------------------------------------------------

static void refuse_event(const struct telling *t)
{
	if (t->m->method == SIP_PUBLISH) refuse(t, 489, STR("Allow-Events: vq-rtcpxr, message-summary\r\n"));
	else refuse(t, 481, STR(""));
}

void publish_request(const struct publish *p, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	const struct telling t = { p, txn, m, from };
	struct str event = sip_msg_header(m, SIP_H_EVENT), name = str_trim(str_cut(&event, ';'));
	if (str_eq_nocase(name, STR("vq-rtcpxr"))) take_report(&t);
	else if (event_package_from(name) == PACKAGE_MESSAGES) take_summary(&t);
	else refuse_event(&t);
}
