// Messages of the scripted parties.
#include "ladders/draft.h"

#include "ladders/actor.h"

void draft_add(struct draft *d, struct str name, struct str value)
{
	if (d->count == DRAFT_HEADERS_MAX) return;
	d->headers[d->count].name = name;
	d->headers[d->count++].value = value;
}

void draft_remove(struct draft *d, struct str name)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < d->count; i++)
		if (!str_eq_nocase(d->headers[i].name, name)) d->headers[kept++] = d->headers[i];
	d->count = kept;
}

// In the place of the first of that name, so that the order of headers stays.
void draft_set(struct draft *d, struct str name, struct str value)
{
	uint32_t kept = 0;
	bool done = false;
	for (uint32_t i = 0; i < d->count; i++) {
		bool same = str_eq_nocase(d->headers[i].name, name);
		if (same && done) continue;
		d->headers[kept] = d->headers[i];
		if (same) d->headers[kept].value = value;
		done |= same;
		kept++;
	}
	d->count = kept;
	if (!done) draft_add(d, name, value);
}

struct str draft_get(const struct draft *d, struct str name)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (str_eq_nocase(d->headers[i].name, name)) return d->headers[i].value;
	return STR("");
}

bool draft_lists(const struct draft *d, struct str name, struct str token)
{
	struct str rest = draft_get(d, name);
	while (rest.n)
		if (str_eq_nocase(str_trim(str_cut(&rest, ',')), token)) return true;
	return false;
}

struct str draft_write(struct ladder *l, const struct draft *d)
{
	struct buf b = buf_on(arena_alloc(&l->arena, PACKET_MAX), PACKET_MAX);
	if (!b.p) return STR("");
	if (d->status) put_fmt(&b, "SIP/2.0 %u %.*s\r\n", d->status, STR_FMT(sip_status_text(d->status)));
	else put_fmt(&b, "%.*s %.*s SIP/2.0\r\n", STR_FMT(d->method_name), STR_FMT(d->uri));
	for (uint32_t i = 0; i < d->count; i++)
		put_fmt(&b, "%.*s: %.*s\r\n", STR_FMT(d->headers[i].name), STR_FMT(d->headers[i].value));
	if (d->body.n && d->content_type.n && draft_get(d, STR("Content-Type")).n == 0)
		put_fmt(&b, "Content-Type: %.*s\r\n", STR_FMT(d->content_type));
	if (draft_get(d, STR("Content-Length")).n == 0) put_fmt(&b, "Content-Length: %u\r\n", d->body.n);
	put(&b, STR("\r\n"));
	put(&b, d->body);
	l->arena.n -= PACKET_MAX - b.n; // give back what was not used
	return buf_str(&b);
}

// {replaces A 2}: the Replaces that names A's second call; {replaced A 2}: the same as a header within a URI;
// {reversed A 2}: with the tags as A's own phone has them.
static struct str replaces(struct ladder *l, struct str words, bool escaped, bool reversed)
{
	const struct actor *p = ladder_actor(l, str_cut(&words, ' '));
	uint32_t number = 1;
	if (words.n && str_to_u32(&number, words, ACTOR_CALLS_MAX) != OK) p = NULL;
	const struct actor_call *c = p && number >= 1 && number <= p->call_count ? p->calls[number - 1] : NULL;
	if (!c) {
		ladder_fail(l, NULL, "there is no such call to be replaced");
		return STR("");
	}
	struct buf b = buf_on(arena_alloc(&l->arena, 512), 512);
	if (!b.p) return STR("");
	struct str to = reversed ? c->local_tag : c->remote_tag, from = reversed ? c->remote_tag : c->local_tag;
	struct str call_id = c->call_id, user = str_cut(&call_id, '@');
	put_fmt(&b, "%.*s%s%.*s", STR_FMT(user), call_id.n == 0 ? "" : escaped ? "%40" : "@", STR_FMT(call_id));
	put_fmt(&b, escaped ? "%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s" : ";to-tag=%.*s;from-tag=%.*s", STR_FMT(to), STR_FMT(from));
	return buf_str(&b);
}

// The value of {name}.
static struct str placeholder(struct ladder *l, struct str name, const struct actor_call *call, struct str branch)
{
	if (str_eq(name, STR("branch"))) return branch;
	if (call && str_eq(name, STR("sw"))) return actor_addr_text(l, &call->actor->sw);
	if (str_eq(name, STR("realm"))) return l->realm;
	if (call && str_eq(name, STR("call-id"))) return call->call_id;
	if (call && str_eq(name, STR("tag"))) return call->local_tag;
	if (call && str_eq(name, STR("remote-tag"))) return call->remote_tag;
	if (call && str_eq(name, STR("target"))) return call->target;
	if (str_starts(name, STR("replaces "))) return replaces(l, str_from_at(name, 9), false, false);
	if (str_starts(name, STR("replaced "))) return replaces(l, str_from_at(name, 9), true, false);
	if (str_starts(name, STR("reversed "))) return replaces(l, str_from_at(name, 9), false, true);
	const struct actor *p = ladder_actor(l, name);
	if (p) return actor_addr_text(l, &p->contact);
	ladder_fail(l, NULL, "nothing is known as {%.*s}", STR_FMT(name));
	return STR("");
}

struct str draft_fill_in(struct ladder *l, struct str text, const struct actor_call *call, struct str branch)
{
	struct str rest = text;
	if (str_find_char(text, '{') < 0) return text;
	uint32_t cap = text.n + 2048;
	struct buf b = buf_on(arena_alloc(&l->arena, cap), cap);
	if (!b.p) return text;
	while (rest.n) {
		put(&b, str_cut(&rest, '{'));
		if (rest.n == 0) break;
		put(&b, placeholder(l, str_cut(&rest, '}'), call, branch));
	}
	return buf_str(&b);
}

void draft_apply_rules(struct ladder *l, struct draft *d, const struct arrow *a, const struct actor_call *call)
{
	struct str branch = STR("");
	struct sip_via via;
	if (sip_via_parse(&via, draft_get(d, STR("Via"))) == PARSE_OK) branch = via.branch;
	for (uint32_t i = 0; i < a->rule_count; i++) {
		const struct rule *r = &a->rules[i];
		struct str value = draft_fill_in(l, r->value, call, branch);
		if (r->kind == RULE_WITH) draft_set(d, r->name, value);
		if (r->kind == RULE_ALSO) draft_add(d, r->name, value);
		if (r->kind == RULE_WITHOUT) draft_remove(d, r->name);
	}
}

static struct str request_uri(struct ladder *l, const struct actor_call *call, const struct arrow *a)
{
	bool trunk = call->actor->kind == ACTOR_TRUNK;
	struct str user = a->user, host = trunk ? actor_addr_text(l, &call->actor->sw) : l->realm;
	if (call->remote_tag.n && !a->fresh) return call->target;
	if (a->method == SIP_REGISTER || user.n == 0) return ladder_text(l, "sip:%.*s", STR_FMT(host));
	if (str_starts(user, STR("sip:")) || str_starts(user, STR("tel:")) || str_find_char(user, ':') >= 0)
		return draft_fill_in(l, user, call, STR(""));
	char escaped[256];
	struct buf b = buf_on(escaped, sizeof escaped);
	put_sip_user(&b, user);
	return ladder_text(l, "sip:%.*s@%.*s", STR_FMT(buf_str(&b)), STR_FMT(host));
}

static struct str with_tag(struct ladder *l, struct str uri, struct str tag)
{
	return tag.n ? ladder_text(l, "%.*s;tag=%.*s", STR_FMT(uri), STR_FMT(tag)) : uri;
}

static void add_capabilities(struct draft *d)
{
	draft_add(d, STR("Allow"), STR("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"));
	draft_add(d, STR("Supported"), STR("replaces"));
}

void draft_request(struct ladder *l, struct draft *d, struct actor_call *call, const struct arrow *a, struct str branch,
                   uint32_t cseq)
{
	const struct actor *p = call->actor;
	*d = (struct draft){ .method = a->method, .method_name = a->method_name, .uri = request_uri(l, call, a) };
	if (call->remote_uri.n == 0) // a dialog or a registration begins
		call->remote_uri = a->method == SIP_REGISTER ? call->local_uri : ladder_text(l, "<%.*s>", STR_FMT(d->uri));
	draft_add(d, STR("Via"), ladder_text(l, "SIP/2.0/UDP %.*s;branch=%.*s;rport",
	                                     STR_FMT(actor_addr_text(l, &p->contact)), STR_FMT(branch)));
	for (uint32_t i = 0; i < call->route_count; i++) draft_add(d, STR("Route"), call->routes[i]);
	draft_add(d, STR("Max-Forwards"), STR("70"));
	draft_add(d, STR("From"), with_tag(l, call->local_uri, call->local_tag));
	draft_add(d, STR("To"), with_tag(l, call->remote_uri, call->remote_tag));
	draft_add(d, STR("Call-ID"), call->call_id);
	draft_add(d, STR("CSeq"), ladder_text(l, "%u %.*s", cseq, STR_FMT(a->method_name)));
	bool refresh = a->method == SIP_INVITE || a->method == SIP_UPDATE || a->method == SIP_SUBSCRIBE;
	if (refresh || a->method == SIP_REGISTER) draft_add(d, STR("Contact"), actor_contact(l, p));
	if (a->method == SIP_INVITE) add_capabilities(d);
	if (a->method == SIP_REGISTER) draft_add(d, STR("Expires"), STR("3600"));
	if (a->method == SIP_PRACK)
		draft_add(d, STR("RAck"), ladder_text(l, "%u %u INVITE", call->rseq, call->invite_cseq));
}

void draft_response(struct ladder *l, struct draft *d, struct actor_call *call, const struct got_request *to,
                    const struct arrow *a)
{
	const struct sip_msg *m = to->message->m;
	*d = (struct draft){ .method = m->method, .method_name = m->method_name, .status = a->status };
	for (uint32_t i = 0; i < m->header_count; i++) {
		const struct sip_header *h = &m->headers[i];
		bool copied = h->id == SIP_H_VIA || h->id == SIP_H_FROM || h->id == SIP_H_CALL_ID || h->id == SIP_H_CSEQ ||
		              h->id == SIP_H_RECORD_ROUTE;
		bool tagged = h->id == SIP_H_TO && (m->to.tag.n || a->status == 100);
		if (copied || tagged) draft_add(d, h->name, h->value);
		else if (h->id == SIP_H_TO) draft_add(d, h->name, with_tag(l, h->value, call->local_tag));
	}
	bool dialog = m->method == SIP_INVITE && a->status > 100 && a->status < 300;
	if (dialog || (m->method == SIP_UPDATE && a->status < 300))
		draft_add(d, STR("Contact"), actor_contact(l, call->actor));
	if (dialog && a->status >= 200) add_capabilities(d);
}

void draft_beside(struct ladder *l, struct draft *d, const struct sent_request *invite, enum sip_method method,
                  struct str to)
{
	const struct draft *i = invite->draft;
	*d = (struct draft){ .method = method, .method_name = sip_method_name(method), .uri = i->uri };
	draft_add(d, STR("Via"), draft_get(i, STR("Via")));
	if (draft_get(i, STR("Route")).n) draft_add(d, STR("Route"), draft_get(i, STR("Route")));
	draft_add(d, STR("Max-Forwards"), STR("70"));
	draft_add(d, STR("From"), draft_get(i, STR("From")));
	draft_add(d, STR("To"), to);
	draft_add(d, STR("Call-ID"), draft_get(i, STR("Call-ID")));
	draft_add(d, STR("CSeq"), ladder_text(l, "%u %.*s", invite->cseq, STR_FMT(d->method_name)));
}
