// Requests of a leg that a carrier challenges (RFC 3261 §22.2, §22.3): sent once more, with the credentials of the
// trunk group. The leg's machine sees nothing of it: the transaction that it waits for is another now.
#include "call/leg/sip_credentials.h"

#include "call/leg/sip_inside.h"

COUNTER(sip_credentials_sent, "Requests that a carrier challenged, sent again with credentials");
COUNTER(sip_credentials_refused,
	"Challenges of carriers that were not answered: no credentials, of another realm, or refused already");

#define CHALLENGES_MAX 3 // before a request gets through: a proxy's, the server's, one that found the nonce stale

bool credentials_of(struct sip_login *out, const struct office_trunk_group *g)
{
	*out = (struct sip_login){ .user = str_from(g->user), .realm = str_from(g->realm), .password = str_from(g->secret),
		.ha1 = { [SIP_DIGEST_MD5] = g->ha1_md5, [SIP_DIGEST_SHA256] = g->ha1_sha256 } };
	return out->user.n > 0;
}

// 0: of a dialog that is not known any more.
static uint32_t next_cseq(struct sip_leg *leg, const struct sip_msg *m)
{
	if (m->method == SIP_INVITE && leg->state == LEG_CALLING_STATE) return m->cseq.number + 1;
	struct sip_dialog *d = leg_dialog_of(leg, m->to.tag);
	return d ? ++d->local_cseq : 0;
}

// Of the request, not of its answer: whoever challenges a request without one gives it a tag.
static struct str to_tag_of(struct str sent)
{
	struct sip_name_addr to;
	return sip_name_addr_parse(&to, sip_raw_header(sent, STR("To"), 't')) == PARSE_OK ? to.tag : STR("");
}

// How a request goes out again: to whom, and with what.
struct again {
	const struct sip_login *login;
	uint32_t cseq; // 0: it cannot
	struct addr to;
	uint16_t listener;
	uint64_t owner;
	bool may_call;
};

// `lines`: those that were added.
static bool send_again(ref *txn, struct buf *lines, struct sip_legs *ls, const struct sip_msg *m, const struct again *g)
{
	const struct sip_legs_setup *s = &ls->setup;
	struct env *env = s->env;
	struct buf b = out_room(ls);
	const struct sip_again a = { .login = g->login, .challenge = m, .sent = sip_client_refused(s->stack),
		.sent_by = s->listeners[g->listener], .branch = arena_dup(&env->scratch, sip_stack_branch(s->stack)),
		.cnonce = arena_printf(&env->scratch, "%016llx", (unsigned long long)random_u64(&env->random)),
		.cseq = g->cseq };
	if (!a.cseq || !put_sip_again(&b, lines, &a)) return false;
	return sip_client_send(txn, s->stack, &(struct sip_client_request){ .method = m->method, .branch = a.branch,
		.message = buf_str(&b), .identity = { m->from.tag, m->call_id, a.cseq, to_tag_of(a.sent) }, .to = g->to,
		.listener = g->listener, .owner = g->owner, .may_call = g->may_call }) == OK;
}

static bool answer(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_login *login)
{
	char text[SIP_CREDENTIALS_MAX];
	struct buf lines = buf_on(text, sizeof text);
	const struct again g = { .login = login, .cseq = next_cseq(leg, m), .listener = leg->listener,
		.owner = leg_ref(leg), .to = leg->dialog.text ? leg->dialog.flow_peer : leg->peer, .may_call = leg->trunk_group != 0 };
	ref again;
	if (!send_again(&again, &lines, leg->legs, m, &g)) return false;
	if (txn == leg->invite_txn) leg->invite_txn = again;
	else if (txn == leg->bye_txn) leg->bye_txn = again;
	else if (txn == leg->update_txn) leg->update_txn = again;
	else if (leg->session && txn == leg->session->update_txn) leg->session->update_txn = again;
	else if (leg->refer && txn == leg->refer->notify_txn) leg->refer->notify_txn = again;
	if (m->method == SIP_INVITE) leg_keep(leg, &leg->credentials, buf_str(&lines));
	if (m->method != SIP_INVITE || leg->state != LEG_CALLING_STATE) return true;
	leg->first_cseq = g.cseq;
	branch_enter(leg, NULL); // what was said early was said to the one before
	early_free(leg);
	return true;
}

bool credentials_answer(struct sip_leg *leg, ref txn, const struct sip_msg *m)
{
	const struct office_trunk_group *g = office_trunk_group(office_rules(leg->legs->setup.office), leg->trunk_group);
	struct sip_login login;
	if (!g) return false; // a phone's: it means nothing to us
	if (!credentials_of(&login, g) || leg->challenges == CHALLENGES_MAX || !answer(leg, txn, m, &login)) {
		COUNT(sip_credentials_refused);
		return false;
	}
	COUNT(sip_credentials_sent);
	leg->challenges++;
	return true;
}

void credentials_answer_bye(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from)
{
	const struct office_trunk_group *g = office_trunk_group_of(office_rules(ls->setup.office), &from->peer);
	char text[SIP_CREDENTIALS_MAX];
	struct buf lines = buf_on(text, sizeof text);
	struct str sent = sip_client_refused(ls->setup.stack);
	struct sip_login login;
	ref txn;
	bool tried = sip_raw_header(sent, STR("Authorization"), 0).n ||
		sip_raw_header(sent, STR("Proxy-Authorization"), 0).n;
	if (tried || !g || !credentials_of(&login, g) || from->listener >= ls->setup.listener_count) return;
	const struct again again = { .login = &login, .cseq = m->cseq.number + 1, .to = from->peer,
		.listener = from->listener };
	if (send_again(&txn, &lines, ls, m, &again)) COUNT(sip_credentials_sent);
	else COUNT(sip_credentials_refused);
}
