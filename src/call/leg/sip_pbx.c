// Lines of several numbers: a PBX must be told which of them was dialled, and may show any of them. Registered in bulk
// (RFC 6140) its Contact has no user, and stands for all of them.
//
//     Contact: <sip:198.51.100.3:5060;bnc>      INVITE sip:+16035550102@198.51.100.3:5060
//     Contact: <sip:granite@198.51.100.3>       INVITE sip:+16035550102@198.51.100.3       of a line that is a PBX
#include "call/leg/sip_inside.h"

static void put_number_uri(struct buf *b, const struct number *n, struct str host)
{
	put_z(b, "sip:");
	put_number_user(b, n);
	put_c(b, '@');
	put(b, host);
}

// The contact with the number in the place of its user, and without ;bnc.
static void put_contact_of(struct buf *b, const struct pbx_target *t, const struct sip_uri *contact)
{
	put_number_uri(b, t->called, contact->host);
	if (contact->port) put_fmt(b, ":%u", contact->port);
	for (struct str rest = contact->params; rest.n;) {
		rest = str_from_at(rest, 1); // the ';'
		int32_t end = str_find_char(rest, ';');
		struct str param = end < 0 ? rest : str_head(rest, (uint32_t)end);
		rest = end < 0 ? STR("") : str_from_at(rest, (uint32_t)end);
		if (!str_eq_nocase(param, STR("bnc"))) put_fmt(b, ";%.*s", STR_FMT(param));
	}
}

void pbx_put_target(struct buf *uri, struct buf *to, const struct pbx_target *t)
{
	struct sip_uri contact;
	bool numbered = t->line->pbx && t->called->n && sip_uri_parse(&contact, t->contact) == PARSE_OK;
	if (numbered) {
		put_contact_of(uri, t, &contact);
		put_number_uri(to, t->called, t->realm);
		return;
	}
	put(uri, t->contact);
	put_z(to, "sip:");
	put_sip_user(to, str_from(t->line->name));
	put_fmt(to, "@%.*s", STR_FMT(t->realm));
}

void pbx_put_called(struct buf *b, const struct pbx_target *t)
{
	if (!t->called->n || (!t->line->pbx && str_eq(number_str(t->called), str_from(t->line->number)))) return;
	put_z(b, "P-Called-Party-ID: <");
	put_number_uri(b, t->called, t->realm);
	put_z(b, ">\r\n");
}

void pbx_caller(struct party *p, const struct sip_auth *a, const struct office_line *line, const struct sip_msg *m)
{
	static const enum sip_header_id ids[] = { SIP_H_P_PREFERRED_IDENTITY, SIP_H_P_ASSERTED_IDENTITY };
	struct sip_name_addr who;
	for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct str value = sip_msg_header(m, ids[i]);
		if (value.n && sip_name_addr_parse(&who, value) == PARSE_OK &&
		    sip_auth_own_number(&p->number, a, line, &who.uri)) return;
	}
	if (!sip_auth_own_number(&p->number, a, line, &m->from.uri)) p->number = (struct number){ 0 };
}
