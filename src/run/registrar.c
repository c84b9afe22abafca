// REGISTER: a request becomes the line's next set of bindings, which is put whole or not at all (RFC 3261 §10.3).
#include "run/registrar.h"

#include "base/count.h"

#include <time.h>

COUNTER(registrar_registered, "REGISTERs that put or refreshed a binding");
COUNTER(registrar_refused, "REGISTERs with right credentials that were refused");
COUNTER(registrar_displaced, "Bindings that gave way to a newer one of the same host because the line had its most");
COUNTER(registrar_unanswerable, "REGISTERs whose answer could not be sent: too large, or too late");

struct change { // a REGISTER at work
	const struct registrar *r;
	const struct sip_msg *m;
	const struct sip_source *from;
	const struct office_line *line;
	uint64_t now_ms;
	struct binding bindings[LOCATION_BINDINGS_MAX]; // as they will be
	bool touched[LOCATION_BINDINGS_MAX];            // by this request
	uint32_t count;
	uint16_t status; // 0 while all is well
	const char *why;
};

static bool refuse(struct change *c, uint16_t status, const char *why)
{
	c->status = status;
	c->why = why;
	return false;
}

// What may stand between angle brackets or quotes in a message of ours: no control octet, space, bracket or quote. (The
// parser lets none pass in a URI; that our own requests stay whole does not hang on that.)
static bool is_harmless(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || memchr("\"<>\\", s.p[i], 4)) return false;
	return true;
}

// The instance in its angle brackets, or empty when it is none that we would repeat.
static struct str instance_of(struct str params)
{
	struct str s;
	if (!sip_param(&s, params, STR("+sip.instance")) || s.n < 3 || s.n > LOCATION_INSTANCE_MAX) return STR("");
	struct str inside = { s.p + 1, s.n - 2 };
	return s.p[0] == '<' && s.p[s.n - 1] == '>' && is_harmless(inside) ? s : STR("");
}

static struct str user_agent_of(const struct change *c)
{
	struct str said = str_head(sip_msg_header(c->m, SIP_H_USER_AGENT), LOCATION_AGENT_MAX);
	struct str kept = arena_dup(&c->r->auth.env->scratch, said);
	char *text = (char *)(uintptr_t)kept.p; // ours: just copied
	for (uint32_t i = 0; i < kept.n; i++)
		if (text[i] < ' ' || text[i] >= 0x7f) text[i] = '?';
	return kept;
}

// Seconds asked for: ;expires, else Expires, else what we give. What cannot be read is an hour (RFC 3261 §20.19).
static uint32_t seconds_of(const struct change *c, struct str params)
{
	uint32_t seconds, most = office_rules(c->r->auth.office)->settings.register_max_s;
	struct str text;
	if (!sip_param(&text, params, STR("expires"))) {
		if (!sip_msg_has(c->m, SIP_H_EXPIRES)) return most;
		text = sip_msg_header(c->m, SIP_H_EXPIRES);
	}
	if (str_to_u32(&seconds, text, UINT32_MAX) != OK) seconds = 3600;
	return seconds < most ? seconds : most;
}

// "0.7" as 700; what is no q-value counts as 1.
static uint16_t q_of(struct str params)
{
	struct str rest;
	uint32_t q = 0;
	if (!sip_param(&rest, params, STR("q")) || rest.n > 5) return 1000;
	struct str whole = str_cut(&rest, '.');
	if (!str_eq(whole, STR("0"))) return 1000;
	if (rest.n && str_to_u32(&q, rest, 999) != OK) return 1000;
	for (uint32_t digits = rest.n; digits < 3; digits++) q *= 10;
	return (uint16_t)q;
}

static bool is_same_phone(const struct binding *b, const struct sip_uri *uri, struct str instance)
{
	struct sip_uri stored;
	if (instance.n && str_eq(b->instance, instance)) return true; // restarted: RFC 5626 §6
	return sip_uri_parse(&stored, b->contact) == PARSE_OK && sip_uri_eq(&stored, uri);
}

static void drop(struct change *c, uint32_t i)
{
	c->count--;
	memmove(&c->bindings[i], &c->bindings[i + 1], (c->count - i) * sizeof c->bindings[0]);
	memmove(&c->touched[i], &c->touched[i + 1], (c->count - i) * sizeof c->touched[0]);
}

// RFC 3261 §10.3 step 7: within one Call-ID only a higher CSeq changes a binding.
static bool in_order(const struct change *c, uint32_t i)
{
	return c->touched[i] || !str_eq(c->bindings[i].call_id, c->m->call_id) || c->m->cseq.number > c->bindings[i].cseq;
}

// A line that has its most: the binding of the same host that would expire first gives way, since a phone that restarts
// comes back with another port and never takes leave. Any other phone is one too many.
static bool make_room(struct change *c)
{
	uint32_t oldest = c->count;
	if (c->count < c->line->contacts_max && c->count < LOCATION_BINDINGS_MAX) return true;
	for (uint32_t i = 0; i < c->count; i++) {
		const struct binding *b = &c->bindings[i];
		if (c->touched[i] || !addr_host_eq(&b->peer, &c->from->peer)) continue;
		if (oldest == c->count || b->expires_ms < c->bindings[oldest].expires_ms) oldest = i;
	}
	if (oldest == c->count) return refuse(c, 403, "Too many contacts");
	drop(c, oldest);
	COUNT(registrar_displaced);
	return true;
}

static bool set_contact(struct change *c, const struct sip_name_addr *contact, uint32_t seconds)
{
	struct str instance = instance_of(contact->params);
	uint64_t since_wall_ms = c->r->auth.env->wall_ms;
	for (uint32_t i = c->count; i-- > 0;) {
		if (!is_same_phone(&c->bindings[i], &contact->uri, instance)) continue;
		if (!in_order(c, i)) return refuse(c, 500, "CSeq out of order");
		since_wall_ms = c->bindings[i].since_wall_ms;
		drop(c, i);
	}
	if (seconds == 0) return true;
	if (!make_room(c)) return false;
	c->touched[c->count] = true;
	c->bindings[c->count++] = (struct binding){
		.contact = contact->uri.text,
		.call_id = c->m->call_id,
		.instance = instance,
		.user_agent = user_agent_of(c),
		.peer = c->from->peer,
		.listener = c->from->listener,
		.q = q_of(contact->params),
		.cseq = c->m->cseq.number,
		.expires_ms = c->now_ms + seconds * 1000ull,
		.since_wall_ms = since_wall_ms,
	};
	return true;
}

static bool take_contact(struct change *c, struct str value)
{
	struct sip_name_addr contact;
	struct str bnc;
	uint32_t least = office_rules(c->r->auth.office)->settings.register_min_s;
	if (sip_name_addr_parse(&contact, value) != PARSE_OK) return refuse(c, 400, "Contact not understood");
	const struct sip_uri *uri = &contact.uri;
	if (!str_eq_nocase(uri->scheme, STR("sip")) || uri->headers.n || uri->host.n == 0 || !is_harmless(uri->text))
		return refuse(c, 400, "Contact not usable");
	if (sip_param(&bnc, uri->params, STR("bnc"))) { // for all numbers of a PBX (RFC 6140 §5.2)
		if (uri->user.n) return refuse(c, 400, "A bnc Contact has no user");
		if (!c->line->pbx) return refuse(c, 403, "Not a PBX");
	}
	if (uri->text.n > LOCATION_CONTACT_MAX) return refuse(c, 400, "Contact too long");
	uint32_t seconds = seconds_of(c, contact.params);
	if (seconds > 0 && seconds < least) return refuse(c, 423, NULL);
	return set_contact(c, &contact, seconds);
}

// "Contact: *" takes all bindings away; it stands alone and with Expires: 0 (RFC 3261 §10.3 step 6).
static bool take_all_away(struct change *c)
{
	if (!str_eq(sip_msg_header(c->m, SIP_H_EXPIRES), STR("0"))) return refuse(c, 400, "Contact * wants Expires: 0");
	for (uint32_t i = 0; i < c->count; i++)
		if (!in_order(c, i)) return refuse(c, 500, "CSeq out of order");
	c->count = 0;
	return true;
}

static bool take_contacts(struct change *c)
{
	struct sip_walk walk = { 0 };
	struct str value;
	uint32_t stars = 0, contacts = 0;
	while (sip_msg_each(c->m, SIP_H_CONTACT, &walk, &value)) contacts++, stars += str_eq(value, STR("*"));
	if (contacts == 0) return true; // a question
	if (stars && contacts > 1) return refuse(c, 400, "Contact * stands alone");
	if (contacts > LOCATION_BINDINGS_MAX) return refuse(c, 403, "Too many contacts");
	if (c->m->call_id.n > LOCATION_CALL_ID_MAX) return refuse(c, 400, "Call-ID too long");
	if (stars) return take_all_away(c);
	walk = (struct sip_walk){ 0 };
	while (sip_msg_each(c->m, SIP_H_CONTACT, &walk, &value))
		if (!take_contact(c, value)) return false;
	return true;
}

static void change_bindings(struct change *c)
{
	const struct sip_auth *a = &c->r->auth;
	c->count = location_get(a->live->location, c->line->id, c->now_ms, c->bindings, LOCATION_BINDINGS_MAX);
	if (!str_eq(sip_unescape(&a->env->scratch, c->m->to.uri.user), str_from(c->line->name))) {
		refuse(c, 403, "Address of record is not yours");
		return;
	}
	if (!take_contacts(c) || !sip_msg_has(c->m, SIP_H_CONTACT)) return;
	enum err err = location_put(a->live->location, c->line->id, c->r->home, c->bindings, c->count);
	if (err != OK) refuse(c, 500, "No room");
	else COUNT(registrar_registered);
}

// RFC 3261 §20.17
static void put_date(struct buf *b, uint64_t wall_ms)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm t;
	gmtime_r(&seconds, &t);
	put_fmt(b, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
	        t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void put_bindings(struct buf *b, const struct change *c)
{
	struct binding now[LOCATION_BINDINGS_MAX];
	uint32_t n = location_get(c->r->auth.live->location, c->line->id, c->now_ms, now, LOCATION_BINDINGS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		put_fmt(b, "Contact: <%.*s>;expires=%u", STR_FMT(now[i].contact),
		        (uint32_t)((now[i].expires_ms - c->now_ms + 999) / 1000));
		if (now[i].q != 1000) put_fmt(b, ";q=0.%03u", now[i].q);
		if (now[i].instance.n) put_fmt(b, ";+sip.instance=\"%.*s\"", STR_FMT(now[i].instance));
		put(b, STR("\r\n"));
	}
}

static void put_answer(struct buf *b, const struct change *c)
{
	const struct sip_auth *a = &c->r->auth;
	put_sip_response(b, c->m, c->from, c->status ? c->status : 200, str_from(c->why), sip_auth_stateless_tag(a, c->m));
	if (c->status == 0) {
		put_bindings(b, c);
		put_date(b, a->env->wall_ms);
	}
	if (c->status == 423) put_fmt(b, "Min-Expires: %u\r\n", office_rules(a->office)->settings.register_min_s);
	put_sip_body(b, STR(""), STR(""));
}

// No extension that a REGISTER could require but RFC 6140: Path (RFC 3327) and outbound (RFC 5626) neither.
static void put_420(struct buf *b, const struct registrar *r, const struct sip_msg *m, const struct sip_source *from)
{
	struct sip_walk walk = { 0 };
	struct str option;
	put_sip_response(b, m, from, 420, STR(""), sip_auth_stateless_tag(&r->auth, m));
	while (sip_msg_each(m, SIP_H_REQUIRE, &walk, &option))
		if (!str_eq_nocase(option, STR("gin"))) put_sip_header(b, SIP_H_UNSUPPORTED, option);
	put_sip_body(b, STR(""), STR(""));
}

static bool needs_more(const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str option;
	while (sip_msg_each(m, SIP_H_REQUIRE, &walk, &option))
		if (!str_eq_nocase(option, STR("gin"))) return true;
	return false;
}

uint16_t registrar_answer(struct buf *out, const struct registrar *r, const struct sip_msg *m,
                          const struct sip_source *from)
{
	uint16_t status;
	struct change c = { .r = r, .m = m, .from = from, .now_ms = r->auth.env->now_ms };
	if (needs_more(m)) {
		put_420(out, r, m, from);
		return 420;
	}
	if (sip_auth_check(&c.line, &r->auth, m, from, out, &status) != OK) return status;
	change_bindings(&c);
	if (c.status) COUNT(registrar_refused);
	put_answer(out, &c);
	return c.status ? c.status : 200;
}

void registrar_request(const struct registrar *r, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	char text[SIP_MESSAGE_MAX];
	struct buf answer = buf_on(text, sizeof text);
	uint16_t status = registrar_answer(&answer, r, m, from);
	if (answer.err != OK) COUNT(registrar_unanswerable); // 64 KB of Via: the transaction dies of age
	else if (status == 401) sip_server_respond_stateless(r->stack, txn, buf_str(&answer));
	else if (sip_server_respond(r->stack, txn, status, buf_str(&answer)) != OK) COUNT(registrar_unanswerable);
}
