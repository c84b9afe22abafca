// Dialogs. All text of one lies in a single allocation that is just as long as it must be, since a held call keeps two.
#include "wire/sip/dialog.h"

#include <stdlib.h>

#define DIALOG_TEXT_MAX 8192 // octets of all a dialog keeps

// The slices of a dialog while its text is being gathered: in the order in which they lie.
struct parts {
	struct str call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target, routes;
};

static struct parts parts_of(const struct sip_dialog *d)
{
	return (struct parts){ d->call_id, d->local_tag, d->remote_tag, d->local_uri, d->remote_uri, d->remote_target,
		                   d->routes };
}

// What is kept is written into requests later: it must not hold the end of a line.
static bool is_clean(const struct buf *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		if ((unsigned char)b->p[i] < ' ' && b->p[i] != '\t') return false;
	return true;
}

static struct str take(char **at, struct str s)
{
	struct str kept = { *at, s.n };
	if (s.n) memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

// Copies the parts into an allocation of their own, which becomes the dialog's text.
static enum err keep(struct sip_dialog *d, const struct parts *p)
{
	uint32_t n = p->call_id.n + p->local_tag.n + p->remote_tag.n + p->local_uri.n + p->remote_uri.n +
	             p->remote_target.n + p->routes.n;
	char *text = malloc(n ? n : 1), *at = text;
	if (!text) return ERR_FULL;
	d->call_id = take(&at, p->call_id);
	d->local_tag = take(&at, p->local_tag);
	d->remote_tag = take(&at, p->remote_tag);
	d->local_uri = take(&at, p->local_uri);
	d->remote_uri = take(&at, p->remote_uri);
	d->remote_target = take(&at, p->remote_target);
	d->routes = take(&at, p->routes);
	d->text = text;
	return OK;
}

void sip_dialog_fini(struct sip_dialog *d)
{
	free(d->text);
	*d = (struct sip_dialog){ 0 };
}

// GATHERING. Pieces are written into one buffer and named by what was written since a mark.
static struct str since(const struct buf *b, uint32_t mark)
{
	return (struct str){ b->p + mark, b->n - mark };
}

// Can it stand between quotes as it is: each backslash escapes something, each quote is escaped.
static bool is_quotable(struct str display)
{
	for (uint32_t i = 0; i < display.n; i++)
		if (display.p[i] == '"' || (display.p[i] == '\\' && ++i == display.n)) return false;
	return true;
}

// From or To without tag and parameters: "A" <sip:a@b>. Escapes inside stand as they came; a display name that breaks
// the grammar is left out, for it means nothing to a dialog.
static struct str put_party(struct buf *b, const struct sip_name_addr *who)
{
	uint32_t mark = b->n;
	if (who->display.n && is_quotable(who->display)) {
		put_c(b, '"');
		put(b, who->display);
		put(b, STR("\" "));
	}
	put_c(b, '<');
	put(b, who->uri.text);
	put_c(b, '>');
	return since(b, mark);
}

// A Request-URI has no headers (RFC 3261 §19.1.1).
static struct str without_headers(const struct sip_uri *uri)
{
	return uri->headers.n ? str_head(uri->text, (uint32_t)(uri->headers.p - uri->text.p) - 1) : uri->text;
}

// The first Contact: the remote target (RFC 3261 §12.1). It must be one that we can send to. Host, port and maddr of it
// are said, not followed: requests go by the flow that they came by, which a NAT lets through and nobody can forge.
static enum err put_target(struct buf *b, struct str *target, const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct sip_name_addr contact;
	struct str value;
	if (!sip_msg_each(m, SIP_H_CONTACT, &walk, &value)) return ERR_BAD;
	if (sip_name_addr_parse(&contact, value) != PARSE_OK || contact.star) return ERR_BAD;
	struct str scheme = contact.uri.scheme;
	if (!str_eq_nocase(scheme, STR("sip")) && !str_eq_nocase(scheme, STR("sips"))) return ERR_BAD;
	if (contact.uri.host.n == 0 || contact.uri.text.n > SIP_URI_MAX) return ERR_BAD;
	uint32_t mark = b->n;
	put(b, without_headers(&contact.uri));
	*target = since(b, mark);
	return OK;
}

// The Record-Route values, in order for the UAS, in reverse for the UAC (RFC 3261 §12.1.1, §12.1.2).
static enum err put_routes(struct buf *b, struct str *routes, const struct sip_msg *m, bool reverse)
{
	struct str values[SIP_LIST_MAX], value;
	struct sip_walk walk = { 0 };
	uint32_t count = 0, mark = b->n;
	while (sip_msg_each(m, SIP_H_RECORD_ROUTE, &walk, &value)) {
		if (count == SIP_LIST_MAX) return ERR_BAD;
		values[count++] = value;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (i) put(b, STR(", "));
		put(b, values[reverse ? count - 1 - i : i]);
	}
	*routes = since(b, mark);
	return OK;
}

// First value of a route list and what follows; commas inside <> and quotes separate nothing.
static struct str first_route(struct str routes, struct str *rest)
{
	bool in_uri = false, in_quotes = false;
	for (uint32_t i = 0; i < routes.n; i++) {
		char c = routes.p[i];
		if (c == '\\' && in_quotes) i++;
		else if (c == '"' && !in_uri) in_quotes = !in_quotes;
		else if (c == '<' && !in_quotes) in_uri = true;
		else if (c == '>' && !in_quotes) in_uri = false;
		else if (c == ',' && !in_uri && !in_quotes) {
			*rest = str_trim(str_from_at(routes, i + 1));
			return str_trim(str_head(routes, i));
		}
	}
	*rest = (struct str){ "", 0 };
	return routes;
}

// Reads the first route: loose (;lr) or strict; ERR_BAD when it cannot be read, for nothing could be sent.
static enum err read_first_route(struct sip_dialog *d)
{
	struct sip_name_addr route;
	struct str rest, lr;
	d->first_route_loose = false;
	if (d->routes.n == 0) return OK;
	if (sip_name_addr_parse(&route, first_route(d->routes, &rest)) != PARSE_OK) return ERR_BAD;
	d->first_route_loose = sip_param(&lr, route.uri.params, STR("lr"));
	return OK;
}

// Takes what was gathered. On an error the dialog is as it was.
static enum err adopt(struct sip_dialog *d, const struct sip_dialog *fresh, const struct parts *p, const struct buf *b)
{
	struct sip_dialog made = *fresh;
	if (b->err != OK) return ERR_FULL;
	if (!is_clean(b)) return ERR_BAD;
	made.text = NULL;
	enum err err = keep(&made, p);
	if (err != OK) return err;
	err = read_first_route(&made);
	if (err != OK) {
		free(made.text);
		return err;
	}
	free(d->text);
	*d = made;
	return OK;
}

static struct str put_copy(struct buf *b, struct str s)
{
	uint32_t mark = b->n;
	put(b, s);
	return since(b, mark);
}

static bool ids_fit(const struct sip_msg *m, struct str a_tag, struct str b_tag)
{
	return m->call_id.n && m->call_id.n <= SIP_PARAM_MAX && a_tag.n <= SIP_PARAM_MAX && b_tag.n <= SIP_PARAM_MAX;
}

enum err sip_dialog_init_uas(struct sip_dialog *d, const struct sip_msg *request, const struct sip_source *from,
                             struct str local_tag)
{
	char text[DIALOG_TEXT_MAX];
	struct buf b = buf_on(text, sizeof text);
	struct sip_dialog fresh = { .remote_cseq = request->cseq.number, .flow_peer = from->peer,
		                        .flow_listener = from->listener };
	struct parts p;
	*d = (struct sip_dialog){ 0 };
	if (local_tag.n == 0 || !ids_fit(request, local_tag, request->from.tag)) return ERR_BAD;
	p.call_id = put_copy(&b, request->call_id);
	p.local_tag = put_copy(&b, local_tag);
	p.remote_tag = put_copy(&b, request->from.tag); // none: a peer of RFC 2543 (RFC 3261 §12.1.1)
	p.local_uri = put_party(&b, &request->to);
	p.remote_uri = put_party(&b, &request->from);
	if (put_target(&b, &p.remote_target, request) != OK) return ERR_BAD;
	if (put_routes(&b, &p.routes, request, false) != OK) return ERR_BAD;
	return adopt(d, &fresh, &p, &b);
}

enum err sip_dialog_init_uac(struct sip_dialog *d, const struct sip_msg *request, const struct sip_msg *response,
                             const struct sip_source *from)
{
	char text[DIALOG_TEXT_MAX];
	struct buf b = buf_on(text, sizeof text);
	struct sip_dialog fresh = { .local_cseq = request->cseq.number, .flow_peer = from->peer,
		                        .flow_listener = from->listener, .confirmed = response->status >= 200 };
	struct parts p;
	*d = (struct sip_dialog){ 0 };
	if (!ids_fit(request, request->from.tag, response->to.tag)) return ERR_BAD;
	if (response->status < 200 && response->to.tag.n == 0) return ERR_BAD; // makes no early dialog
	p.call_id = put_copy(&b, request->call_id);
	p.local_tag = put_copy(&b, request->from.tag);
	p.remote_tag = put_copy(&b, response->to.tag);
	p.local_uri = put_party(&b, &request->from);
	p.remote_uri = put_party(&b, &request->to);
	if (put_target(&b, &p.remote_target, response) != OK) return ERR_BAD;
	if (put_routes(&b, &p.routes, response, true) != OK) return ERR_BAD;
	return adopt(d, &fresh, &p, &b);
}

enum err sip_dialog_restore(struct sip_dialog *d, const struct sip_dialog *kept)
{
	const struct parts p = parts_of(kept);
	struct sip_dialog made = *kept;
	enum err err = keep(&made, &p);
	*d = (struct sip_dialog){ 0 };
	if (err != OK) return err;
	err = read_first_route(&made);
	if (err == OK) *d = made;
	else free(made.text);
	return err;
}

enum err sip_dialog_confirm(struct sip_dialog *d, const struct sip_msg *response)
{
	char text[DIALOG_TEXT_MAX];
	struct buf b = buf_on(text, sizeof text);
	struct parts p = parts_of(d);
	if (put_target(&b, &p.remote_target, response) != OK) return ERR_BAD;
	if (put_routes(&b, &p.routes, response, true) != OK) return ERR_BAD;
	enum err err = adopt(d, d, &p, &b);
	if (err == OK) d->confirmed = true;
	return err;
}

enum err sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m)
{
	char text[SIP_URI_MAX];
	struct buf b = buf_on(text, sizeof text);
	struct parts p = parts_of(d);
	if (put_target(&b, &p.remote_target, m) != OK) return OK; // nothing to change
	if (str_eq(p.remote_target, d->remote_target)) return OK;
	return adopt(d, d, &p, &b);
}

enum sip_dialog_check sip_dialog_check_request(struct sip_dialog *d, const struct sip_msg *m)
{
	bool ours = str_eq(m->call_id, d->call_id) && str_eq(m->to.tag, d->local_tag) && str_eq(m->from.tag, d->remote_tag);
	if (!d->text || !ours) return SIP_DIALOG_OTHER;
	if (m->method == SIP_ACK || m->method == SIP_CANCEL) return SIP_DIALOG_OK;
	if (d->remote_cseq != 0 && m->cseq.number < d->remote_cseq) return SIP_DIALOG_OUT_OF_ORDER;
	d->remote_cseq = m->cseq.number;
	return SIP_DIALOG_OK;
}

static void put_line(struct buf *b, struct str name, struct str value)
{
	put(b, name);
	put(b, value);
	put(b, STR("\r\n"));
}

static void put_tagged(struct buf *b, struct str name, struct str uri, struct str tag)
{
	put(b, name);
	put(b, uri);
	if (tag.n) put(b, STR(";tag="));
	put(b, tag);
	put(b, STR("\r\n"));
}

// RFC 3261 §12.2.1.1: with a loose first route (or none) the target is the Request-URI and the routes stand in Route; a
// strict one becomes the Request-URI, and the target the last Route.
static void put_request_line(struct buf *b, const struct sip_dialog *d, struct str method)
{
	struct str rest = d->routes;
	struct sip_name_addr route;
	bool strict = d->routes.n && !d->first_route_loose &&
	              sip_name_addr_parse(&route, first_route(d->routes, &rest)) == PARSE_OK;
	put(b, method);
	put_c(b, ' ');
	put(b, strict ? without_headers(&route.uri) : d->remote_target);
	put(b, STR(" SIP/2.0\r\n"));
	if (!strict) {
		if (d->routes.n) put_line(b, STR("Route: "), d->routes);
		return;
	}
	put(b, STR("Route: "));
	put(b, rest);
	if (rest.n) put(b, STR(", "));
	put_c(b, '<');
	put(b, d->remote_target);
	put(b, STR(">\r\n"));
}

void put_sip_dialog_request(struct buf *b, struct sip_dialog *d, const struct sip_dialog_request *r)
{
	struct str method = sip_method_name(r->method);
	uint32_t cseq = r->method == SIP_ACK ? r->ack_cseq : ++d->local_cseq;
	put_request_line(b, d, method);
	put_sip_via(b, &r->sent_by, r->branch);
	put(b, STR("Max-Forwards: 70\r\n"));
	put_tagged(b, STR("From: "), d->local_uri, d->local_tag);
	put_tagged(b, STR("To: "), d->remote_uri, d->remote_tag);
	put_line(b, STR("Call-ID: "), d->call_id);
	put(b, STR("CSeq: "));
	put_u64(b, cseq);
	put_c(b, ' ');
	put_line(b, STR(""), method);
	if (r->contact.n) put_line(b, STR("Contact: "), r->contact);
}
