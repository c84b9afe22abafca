// Requests of a leg that a carrier challenges (RFC 3261 §22.2, §22.3): sent once more, with the credentials of the trunk
// group. The leg's machine sees nothing of it: the transaction that it waits for is another now.
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

static bool send_again(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_login *login)
{
	const struct sip_legs_setup *s = &leg->legs->setup;
	struct env *env = s->env;
	char lines[SIP_CREDENTIALS_MAX];
	struct buf b = out_room(leg->legs), credentials = buf_on(lines, sizeof lines);
	const struct sip_again a = { .login = login, .challenge = m, .sent = sip_client_challenged(s->stack),
		.sent_by = s->listeners[leg->listener], .branch = arena_dup(&env->scratch, sip_stack_branch(s->stack)),
		.cnonce = arena_printf(&env->scratch, "%016llx", (unsigned long long)random_u64(&env->random)),
		.cseq = next_cseq(leg, m) };
	if (!a.cseq || !put_sip_again(&b, &credentials, &a)) return false;
	const struct sip_client_request r = { .method = m->method, .branch = a.branch, .message = buf_str(&b),
		.identity = { m->from.tag, m->call_id, a.cseq, to_tag_of(a.sent) },
		.to = leg->dialog.text ? leg->dialog.flow_peer : leg->peer, .listener = leg->listener, .owner = leg_ref(leg),
		.may_call = leg->trunk_group != 0 };
	ref again;
	if (sip_client_send(&again, s->stack, &r) != OK) return false;
	if (txn == leg->invite_txn) leg->invite_txn = again;
	else if (txn == leg->bye_txn) leg->bye_txn = again;
	else if (txn == leg->update_txn) leg->update_txn = again;
	if (m->method == SIP_INVITE) leg_keep(leg, &leg->credentials, buf_str(&credentials));
	if (m->method != SIP_INVITE || leg->state != LEG_CALLING_STATE) return true;
	leg->first_cseq = a.cseq;
	branch_enter(leg, NULL); // what was said early was said to the one before
	early_free(leg);
	return true;
}

bool credentials_answer(struct sip_leg *leg, ref txn, const struct sip_msg *m)
{
	const struct office_trunk_group *g = office_trunk_group(office_rules(leg->legs->setup.office), leg->trunk_group);
	struct sip_login login;
	if (!g) return false; // a phone's: it means nothing to us
	if (!credentials_of(&login, g) || leg->challenges == CHALLENGES_MAX || !send_again(leg, txn, m, &login)) {
		COUNT(sip_credentials_refused);
		return false;
	}
	COUNT(sip_credentials_sent);
	leg->challenges++;
	return true;
}
