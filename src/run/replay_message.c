// Messages of a recording made fit for the new run: what chance made in it (tags, branches, Call-IDs, contacts) instead
// of what it made then, and credentials instead of the place where they were left out.
#include "run/replay_inside.h"

#include "wire/sip/digest.h"

#define MARK " (left out)"
#define TOKEN_MIN 8 // octets: shorter ones could stand anywhere

// ---- Tokens --------------------------------------------------------------------------------------------------------

static void learn(struct world *w, struct str was, struct str is)
{
	if (was.n < TOKEN_MIN || is.n == 0 || str_eq(was, is) || w->token_count == TOKENS_MAX) return;
	for (uint32_t i = 0; i < w->token_count; i++)
		if (str_eq(w->tokens[i].was, was)) return;
	w->tokens[w->token_count++] = (struct token){ was, is };
}

static void learn_contact(struct world *w, const struct sip_msg *was, const struct sip_msg *is)
{
	struct sip_name_addr a, b;
	if (sip_name_addr_parse(&a, sip_msg_header(was, SIP_H_CONTACT)) != PARSE_OK ||
	    sip_name_addr_parse(&b, sip_msg_header(is, SIP_H_CONTACT)) != PARSE_OK) return;
	learn(w, a.uri.user, b.uri.user);
}

static bool read_message(struct sip_msg *m, struct world *w, const struct recording_entry *e)
{
	struct sip_fault fault;
	return sip_msg_parse(m, entry_text(e), &w->arena, &fault) == PARSE_OK;
}

// The same message of the same leg: method or status, and CSeq.
static bool are_partners(const struct recording_entry *was, const struct recording_entry *is, const struct sip_msg *a,
                         const struct sip_msg *b)
{
	const struct entry_sent *x = entry_body(was), *y = entry_body(is);
	return x->leg == y->leg && a->is_request == b->is_request && a->method == b->method && a->status == b->status &&
		a->cseq.number == b->cseq.number && a->cseq.method == b->cseq.method;
}

static void find_partner(struct world *w, const struct recording_entry *is)
{
	struct sip_msg a, b;
	if (!read_message(&b, w, is)) return;
	for (uint32_t i = 0; i < w->tried_count; i++) {
		if (!read_message(&a, w, w->tried[i]) || !are_partners(w->tried[i], is, &a, &b)) continue;
		if (b.is_request) {
			learn(w, a.via.branch, b.via.branch);
			learn(w, a.call_id, b.call_id);
			learn(w, a.from.tag, b.from.tag);
		}
		learn(w, a.to.tag, b.to.tag);
		learn_contact(w, &a, &b);
		w->tried[i] = w->tried[--w->tried_count];
		return;
	}
}

void replay_learn(struct world *w)
{
	for (const struct recording_entry *e = w->step->next; e && !entry_is_input(e->kind); e = e->next)
		if (e->kind == ENTRY_SENT && w->tried_count < ARRAY_LEN(w->tried)) w->tried[w->tried_count++] = e;
	if (!w->again) return;
	const struct recording_entry *e = w->paired ? w->paired->next : w->again->first;
	for (; e; e = e->next) {
		w->paired = e;
		arena_reset(&w->arena);
		if (e->kind == ENTRY_SENT) find_partner(w, e);
	}
}

static struct str with_tokens(struct world *w, struct str text)
{
	struct buf b = buf_on(arena_alloc(&w->arena, PACKET_MAX), PACKET_MAX);
	if (!b.p) return text;
	while (text.n) {
		const struct token *t = NULL;
		for (uint32_t i = 0; i < w->token_count && !t; i++)
			if (str_starts(text, w->tokens[i].was)) t = &w->tokens[i];
		if (t) put(&b, t->is);
		else put_c(&b, text.p[0]);
		text = str_from_at(text, t ? t->was.n : 1);
	}
	return buf_str(&b);
}

// ---- Credentials ---------------------------------------------------------------------------------------------------

// The value of name="..." in a text.
static struct str quoted(struct str text, const char *name)
{
	char key[32];
	struct buf b = buf_on(key, sizeof key);
	put_fmt(&b, " %s=\"", name);
	const char *at = memmem(text.p, text.n, key, b.n);
	if (!at) return STR("");
	struct str rest = str_from_at(text, (uint32_t)(at - text.p) + b.n);
	return str_cut(&rest, '"');
}

// The lines of the new office have no password: their HA1 is all zero, and so is everybody's who answers for them.
static void put_credentials(struct buf *b, struct world *w, struct str header, struct str method)
{
	static const uint8_t no_password[32];
	const struct office_rules *rules = office_rules(w->result->office);
	const struct office_line *line = office_line_by_name(w->result->office, quoted(header, "username"));
	struct env env = { .now_ms = w->now_ms, .worker = 0 };
	char memory[SIP_NONCE_LEN];
	struct buf nonce = buf_on(memory, sizeof memory);
	struct sip_nonce_secret secret = { { 0 } };
	random_seed(&env.random, ++w->nonces); // none is used twice
	put_sip_nonce(&nonce, &secret, &env, str_from(rules->realm));
	bool md5 = line && line->digest == OFFICE_DIGEST_MD5;
	struct sip_challenge c = { .algorithm = md5 ? SIP_DIGEST_MD5 : SIP_DIGEST_SHA256, .algorithm_known = true,
		.qop_auth = true, .realm = quoted(header, "realm"), .nonce = buf_str(&nonce) };
	struct str user = quoted(header, "username"), uri = quoted(header, "uri");
	put_sip_digest_answer(b, &c, no_password, user, method, uri, STR("replay"), 1);
}

static struct str with_credentials(struct world *w, struct str text)
{
	struct buf b = buf_on(arena_alloc(&w->arena, PACKET_MAX), PACKET_MAX);
	struct str first = text, method = str_cut(&first, ' '), whole = text;
	const char *realm = office_rules(w->result->office)->realm;
	if (!b.p || !memmem(text.p, text.n, MARK, sizeof MARK - 1)) return text;
	while (text.n && text.p[0] != '\r') {
		struct str line = str_cut(&text, '\n'), value = line, name = str_cut(&value, ':');
		bool left_out = str_starts(value, STR(MARK)) && str_eq(quoted(value, "realm"), str_from(realm));
		if (left_out) {
			put(&b, name);
			put_z(&b, ": ");
			put_credentials(&b, w, value, method);
			put_z(&b, "\r\n");
		} else {
			put(&b, line);
			put_c(&b, '\n');
		}
	}
	put(&b, text);
	return b.err == OK ? buf_str(&b) : whole;
}

struct str replay_text(struct world *w)
{
	arena_reset(&w->arena);
	return with_tokens(w, entry_text(w->step));
}

struct str replay_message(struct world *w)
{
	arena_reset(&w->arena);
	return with_credentials(w, with_tokens(w, entry_text(w->step)));
}
