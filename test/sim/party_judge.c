// What a strict phone refuses. The switch is judged by what it does to a party, as far as the weather does not excuse
// it: nothing was changed on the way, nothing lost, and the switch stood.
#include "sim/party_inside.h"
#include "sim/weather.h"

#define RECOVERS_MS 5000u // what a storm leaves behind is gone by then
#define ECHO_MS RINGS_MS  // what was said before may still come back so long: of an INVITE, when it has rung

void judge_weather(struct parties *all)
{
	const struct weather *w = sim_weather(all->sim);
	struct net_use use = net_use(sim_net(all->sim));
	uint64_t now = sim_now_ms(all->sim);
	uint32_t boots = node_boots(sim_node(all->sim));
	if (use.spoiled != all->spoiled) all->spoiled_ms = now;
	if (w->storm || use.spoiled != all->spoiled || use.lost + use.late != all->lost || boots != all->boots ||
	    !node_is_up(sim_node(all->sim)))
		all->disturbed_ms = now;
	all->spoiled = use.spoiled;
	all->lost = use.lost + use.late;
	all->boots = boots;
}

bool judge_calm_since(struct parties *all, uint64_t ms)
{
	judge_weather(all);
	return !all->disturbed_ms || all->disturbed_ms + RECOVERS_MS < ms;
}

bool judge_unspoiled(struct parties *all, uint64_t ms)
{
	judge_weather(all);
	return !all->spoiled_ms || all->spoiled_ms + ECHO_MS < ms;
}

void judge_fail(const struct ua *p, const struct sip_msg *m, const char *why)
{
	char at[64];
	struct buf b = buf_on(at, sizeof at - 1);
	if (p->as->hostile) return; // it knows what it did
	put_addr(&b, &p->end.addr);
	at[b.n] = '\0';
	if (m) sim_about(p->all->sim, m->call_id);
	sim_fail(p->all->sim, "%s at %s says of the switch: %s\n\n%.*s", party_name_at(p->all, &p->end.addr), at, why,
	         STR_FMT(m ? m->bytes : STR("")));
}

void judge_dialog(const struct dialog *d, const struct sip_msg *m, const char *why)
{
	if (judge_unspoiled(d->party->all, d->began_ms)) judge_fail(d->party, m, why);
}

static bool was_whole(const struct ua *p, uint64_t since_ms)
{
	return p->whole_since_ms <= since_ms;
}

static const char *fault_of_head(const struct sip_msg *m)
{
	if (!sip_msg_has(m, SIP_H_CONTENT_LENGTH)) return "no Content-Length";
	if (m->body.n && !sip_msg_has(m, SIP_H_CONTENT_TYPE)) return "a body without Content-Type";
	if (m->call_id.n == 0 || m->from.tag.n == 0 || m->to.uri.text.n == 0) return "no Call-ID, From tag or To";
	return NULL;
}

void judge_request(struct ua *p, const struct sip_msg *m)
{
	const char *wrong = fault_of_head(m);
	if (!str_starts(m->via.branch, STR("z9hG4bK"))) wrong = "its branch does not begin with z9hG4bK";
	else if (!m->via.rport_asked) wrong = "its Via asks for no rport";
	else if (!sip_msg_has(m, SIP_H_MAX_FORWARDS)) wrong = "no Max-Forwards";
	else if (m->method == SIP_INVITE && !sip_msg_has(m, SIP_H_CONTACT)) wrong = "an INVITE without Contact";
	else if (m->method == SIP_INVITE && !sip_msg_has(m, SIP_H_ALLOW)) wrong = "an INVITE without Allow";
	else if (m->method == SIP_BYE && !m->to.tag.n) wrong = "a BYE without To tag";
	if (wrong && judge_unspoiled(p->all, party_now(p))) judge_fail(p, m, wrong);
}

static const char *fault_of_response(const struct txn *t, const struct sip_msg *m)
{
	const char *wrong = fault_of_head(m);
	const struct dialog *d = t->dialog ? pool_at(&t->party->all->dialogs, t->dialog) : NULL;
	if (m->cseq.number != t->cseq) wrong = "its CSeq is not that of the request";
	else if (m->status > 100 && !m->to.tag.n) wrong = "its To has no tag";
	else if (d && !str_eq(m->call_id, str_from(d->call_id))) wrong = "its Call-ID is not that of the request";
	else if (d && !str_eq(m->from.tag, str_from(d->local_tag))) wrong = "its From tag is not that of the request";
	else if (m->method == SIP_INVITE && m->status / 100 == 2 && !sip_msg_has(m, SIP_H_CONTACT))
		wrong = "a 2xx without Contact";
	else if (m->status == 401 && !sip_msg_has(m, SIP_H_WWW_AUTHENTICATE)) wrong = "a 401 without a challenge";
	return wrong;
}

// What differs from the final response before. A challenge leaves no state, nor does a crash: what the weather doubled or
// held back may then be answered otherwise.
static const char *fault_of_repeated(const struct txn *t, const struct sip_msg *m)
{
	bool compares = t->to_tag[0] && m->status >= 200 && t->status != 401; // no tag: it gave up waiting, and had none
	if (!compares || !judge_calm_since(t->party->all, t->began_ms)) return NULL;
	if (m->status != t->status) return "a second final response, another one";
	return str_eq(m->to.tag, str_from(t->to_tag)) ? NULL : "its To tag changed within a transaction";
}

void judge_response(const struct txn *t, const struct sip_msg *m)
{
	const char *wrong = fault_of_response(t, m);
	if (!wrong) wrong = fault_of_repeated(t, m);
	if (wrong && judge_unspoiled(t->party->all, party_now(t->party))) judge_fail(t->party, m, wrong);
}

void judge_stray_response(struct ua *p, const struct sip_msg *m)
{
	uint64_t now = party_now(p), since = now > ECHO_MS ? now - ECHO_MS : 0;
	if (judge_unspoiled(p->all, now) && was_whole(p, since)) judge_fail(p, m, "it answers what was never asked");
}

void judge_stray_request(struct ua *p, const struct sip_msg *m)
{
	uint64_t now = party_now(p), since = now > ECHO_MS ? now - ECHO_MS : 0;
	if (!judge_unspoiled(p->all, now) || (m->to.tag.n && tag_is_of(p, m->call_id, m->to.tag))) return;
	if (!m->to.tag.n && !was_whole(p, since)) return; // a CANCEL of what a reboot forgot
	judge_fail(p, m, "a request in a dialog that never was");
}

void judge_cseq(struct dialog *d, const struct sip_msg *m)
{
	uint32_t n = m->cseq.number;
	if (n > d->remote_cseq || d->remote_cseq - n >= 64 || !(d->remote_seen >> (d->remote_cseq - n) & 1)) return;
	judge_dialog(d, m, "a new request has a CSeq that was used before");
}

void judge_silence(const struct txn *t)
{
	struct ua *p = t->party;
	const struct dialog *d = t->dialog ? pool_at(&p->all->dialogs, t->dialog) : NULL;
	char why[160];
	if (t->server && !t->status) return; // it does not answer itself
	// The ACK that answers our offer waits for the one of the caller, who may have none.
	if (t->server && d && d->my_offer_open) return;
	if (!was_whole(p, t->began_ms) || !judge_calm_since(p->all, t->began_ms)) return;
	struct buf b = buf_on(why, sizeof why - 1);
	put_z(&b, t->server ? "for 32 s no ACK of our " : "for 32 s no final answer to our ");
	if (t->server) {
		put_u64(&b, t->status);
		put_z(&b, " to its ");
	}
	put(&b, sip_method_name(t->method));
	why[b.n] = '\0';
	struct sip_msg m = { .bytes = t->text, .call_id = d ? str_from(d->call_id) : STR("") };
	judge_fail(p, &m, why);
}
