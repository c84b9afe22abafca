// Matching what came with what the script says.
#include "ladders/expect.h"

#include "ladders/draft.h"
#include "ladders/actor.h"

// In weather: what is sure to come, and a provisional response, which may be lost: each way takes 200 ms at most.
#define SURE_MS 40000
#define PROVISIONAL_MS 450

static bool names_user(struct ladder *l, const struct arrow *a, const struct sip_msg *m)
{
	if (a->user.n == 0) return true;
	if (str_find_char(a->user, ':') >= 0) return str_eq(draft_fill_in(l, a->user, NULL, STR("")), m->uri_text);
	return str_eq(sip_unescape(&l->arena, m->uri.user), a->user);
}

static bool fits(struct ladder *l, const struct arrow *a, const struct message *m)
{
	const struct sip_msg *s = m->m;
	if (m->again != a->again || (a->call && (!m->call || m->call->number != a->call))) return false;
	if (s->is_request != (a->kind == ARROW_REQUEST)) return false;
	if (a->kind == ARROW_RESPONSE) return s->status == a->status && (!a->method_said || s->method == a->method);
	if (!str_eq(s->method_name, a->method_name)) return false;
	if (s->method == SIP_INVITE && a->re != (s->to.tag.n != 0)) return false;
	return names_user(l, a, s);
}

static bool is_waiting(const struct message *m, const struct actor *p)
{
	return m->to == p && !m->from && !m->taken && !m->away;
}

static struct message *find(struct ladder *l, const struct arrow *a)
{
	for (uint32_t i = 0; i < l->message_count; i++)
		if (is_waiting(&l->messages[i], a->to) && fits(l, a, &l->messages[i])) return &l->messages[i];
	return NULL;
}

// Messages of different transactions may pass each other within an instant; those of one may not.
static struct message *overtaken(struct ladder *l, const struct message *m)
{
	for (struct message *o = l->messages; o < m; o++)
		if (is_waiting(o, m->to) && o->m->is_request == m->m->is_request && o->m->method == m->m->method &&
		    str_eq(o->m->via.branch, m->m->via.branch))
			return o;
	return NULL;
}

// HEADERS

// Stands the rule's text in the value? A number at its end is a whole one: cause=1 is not in cause=16.
static bool value_has(const struct rule *r, struct str value)
{
	int32_t at = -1;
	for (uint32_t i = 0; at < 0 && i + r->value.n <= value.n; i++)
		if (str_starts_nocase(str_from_at(value, i), r->value)) at = (int32_t)i;
	if (at < 0) return false;
	uint32_t end = (uint32_t)at + r->value.n;
	bool digits = r->value.n && ascii_is_digit(r->value.p[r->value.n - 1]);
	return !(digits && end < value.n && ascii_is_digit(value.p[end]));
}

// A header, or body, or uri.
static bool message_has(const struct sip_msg *m, const struct rule *r)
{
	if (str_eq(r->name, STR("body"))) return value_has(r, m->body);
	if (str_eq(r->name, STR("uri"))) return value_has(r, m->uri_text);
	for (uint32_t i = 0; i < m->header_count; i++) {
		struct str name = m->headers[i].id == SIP_H_OTHER ? m->headers[i].name
		                                                  : sip_header_name((enum sip_header_id)m->headers[i].id);
		if (str_eq_nocase(name, r->name) && value_has(r, m->headers[i].value)) return true;
	}
	return false;
}

static bool check_rules(struct ladder *l, struct message *m, const struct arrow *a)
{
	for (uint32_t i = 0; i < a->rule_count; i++) {
		struct rule r = a->rules[i];
		r.value = draft_fill_in(l, r.value, m->call, m->m->via.branch);
		if (r.kind == RULE_HAS && !message_has(m->m, &r))
			return ladder_fail(l, m, "%.*s has no \"%.*s\"", STR_FMT(r.name), STR_FMT(r.value));
		if (r.kind == RULE_LACKS && message_has(m->m, &r))
			return ladder_fail(l, m, "%.*s has \"%.*s\", which it must not", STR_FMT(r.name), STR_FMT(r.value));
	}
	return true;
}

// SESSION DESCRIPTIONS

static bool check_sdp(struct ladder *l, struct message *m, const struct arrow *a)
{
	struct str body = m->m->body;
	if (a->no_sdp && body.n) return ladder_fail(l, m, "there is a body, and none was expected");
	if (!a->sdp) return true;
	if (body.n == 0) return ladder_fail(l, m, "there is no session description");
	struct str direction = a->sdp_direction.n ? a->sdp_direction : STR("sendrecv");
	if (!str_eq(sdp_direction(body), direction))
		return ladder_fail(l, m, "the direction is %.*s, not %.*s", STR_FMT(sdp_direction(body)), STR_FMT(direction));
	for (uint32_t i = 0; i < a->codec_count; i++)
		if (!sdp_lists(body, a->codecs[i]))
			return ladder_fail(l, m, "%.*s is not among the codecs", STR_FMT(a->codecs[i]));
	return true;
}

// An answer has as many m-lines as its offer (RFC 3264 6), in an INVITE, UPDATE or PRACK, and an INVITE has one answer,
// said again or not (RFC 3261 13.2.1: a caller ignores what comes after the first).
static bool check_answer(struct ladder *l, struct message *m)
{
	const struct sip_msg *s = m->m;
	struct sent_request *r = m->call && !s->is_request ? actor_sent(m->call, s) : NULL;
	if (!r || !r->has_sdp || s->body.n == 0 || s->status >= 300) return true;
	if (r->answer.n && !str_eq(r->answer, s->body)) return ladder_fail(l, m, "a second, different answer to one offer");
	r->answer = s->body;
	return sdp_media_count(s->body) == sdp_media_count(r->draft->body) ||
	       ladder_fail(l, m, "the answer has not as many m-lines as the offer");
}

static bool check_body(struct ladder *l, struct message *m, const struct arrow *a)
{
	if (a->content_type.n && !str_eq_nocase(sip_msg_header(m->m, SIP_H_CONTENT_TYPE), a->content_type))
		return ladder_fail(l, m, "the body is of another type");
	struct rule r = { RULE_HAS, STR("body"), a->body };
	if (a->body.n && !message_has(m->m, &r)) return ladder_fail(l, m, "the body has no \"%.*s\"", STR_FMT(a->body));
	return check_sdp(l, m, a) && check_answer(l, m);
}

bool expect_take(struct ladder *l, struct message *m, const struct arrow *a)
{
	m->taken = true;
	m->line = a->line;
	m->lost = a->lost;
	const char *wrong = check_message(l, m);
	if (wrong) return ladder_fail(l, m, "%s", wrong);
	if (!check_rules(l, m, a) || !check_body(l, m, a)) return false;
	if (m->call && m->call->number) m->to->current = m->call;
	if (a->returned) return net_return(l, m);
	if (m->lost) return true;
	actor_learn(l, m);
	bool refused = !m->m->is_request && m->m->method == SIP_INVITE && m->m->status >= 300;
	if (refused && m->call && !a->silent) actor_ack_failure(l, m);
	return !l->failed;
}

static bool not_there(struct ladder *l, const struct arrow *a)
{
	struct message *other = NULL;
	for (uint32_t i = 0; i < l->message_count && !other; i++)
		if (is_waiting(&l->messages[i], a->to)) other = &l->messages[i];
	return ladder_fail(l, other, other ? "%.*s got something else" : "%.*s got nothing", STR_FMT(a->to->name));
}

static bool is_provisional(const struct arrow *a)
{
	if (a->kind != ARROW_RESPONSE || a->status >= 200) return false;
	for (uint32_t i = 0; i < a->rule_count; i++) // one that is reliable will come (RFC 3262)
		if (a->rules[i].kind == RULE_HAS && str_eq(a->rules[i].name, STR("RSeq"))) return false;
	return true;
}

bool expect_late(struct ladder *l)
{
	bool any = false;
	for (uint32_t i = 0; i < l->late_count && !l->failed;) {
		struct arrow a;
		if (!arrow_read(&a, l, &l->script->items[l->late[i]])) return false;
		struct message *m = find(l, &a);
		if (m) {
			l->late[i] = l->late[--l->late_count];
			any = expect_take(l, m, &a);
		} else i++;
	}
	return any;
}

// The script goes on without it; it is taken when it comes.
static bool go_past(struct ladder *l)
{
	if (l->late_count == LADDER_LATE_MAX) return ladder_fail(l, NULL, "too many provisional responses are late");
	l->late[l->late_count++] = l->at;
	return true;
}

bool expect_arrow(struct ladder *l, const struct arrow *a)
{
	bool unsure = l->weather && is_provisional(a);
	uint64_t until = l->now_ms + a->within_ms;
	if (l->weather) until += unsure ? PROVISIONAL_MS : SURE_MS;
	struct message *m = find(l, a);
	while (!m && l->now_ms < until && net_advance(l, until)) m = find(l, a);
	if (!m && unsure && !l->failed) return go_past(l);
	if (!m) return not_there(l, a);
	struct message *before = l->weather ? NULL : overtaken(l, m); // in weather parties are told in order
	if (before) return ladder_fail(l, before, "this came first, in the same transaction");
	return expect_take(l, m, a);
}
