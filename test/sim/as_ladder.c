// From what passed on the network to arrows.
#include "sim/as_ladder.h"

#include "sim/ledger.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/party.h"
#include "wire/sip/msg.h"

#define PAUSE_MS 100u      // shorter ones are the network's
#define UNFOLDED_MAX 65536u
#define REQUESTS_MAX 12u   // of one party: what the ladder's parties remember
#define COLUMN 41u         // of the switch's first arrow in a row

struct player { // a party of the ladder
	const char *name;   // in it
	struct addr addr;
	char call_id[RECORD_TEXT_MAX];
	bool trunk;
	uint32_t requests;  // to and from it
	uint16_t refused;   // the final status of the INVITE under way, when it is a refusal
};

struct ladder_of {
	struct buf *b;
	struct sim *s;
	const struct call_record *record;
	struct player o, t;
	struct arena scratch;
	struct sip_msg m;
	uint64_t last_ms;            // of the last message of a party
	uint64_t answered_ms, for_ms; // waits since the answer
	bool answered;
	uint32_t row_from;
	const char *why;
};

static bool cannot(struct ladder_of *l, const char *why)
{
	l->why = why;
	return false;
}

static bool is_switch(const struct addr *a)
{
	struct addr node;
	return addr_parse(&node, a->family == 6 ? STR(NODE_ADDR_6) : STR(NODE_ADDR_4)) == OK && addr_eq(a, &node);
}

// WHICH MESSAGES

static bool parse(struct ladder_of *l, const struct net_message *n)
{
	struct sip_fault fault;
	arena_reset(&l->scratch);
	return sip_msg_parse(&l->m, n->text, &l->scratch, &fault) == PARSE_OK;
}

static struct player *player_of(struct ladder_of *l, const struct net_message *n)
{
	const struct addr *party = is_switch(&n->from) ? &n->to : &n->from;
	struct player *const both[] = { &l->o, &l->t };
	for (uint32_t i = 0; i < ARRAY_LEN(both); i++)
		if (addr_eq(party, &both[i]->addr) && str_eq(l->m.call_id, str_from(both[i]->call_id))) return both[i];
	return NULL;
}

// An INVITE that is answered by a challenge is not drawn: the ladder's phones see to that themselves.
static bool is_challenged(struct ladder_of *l, uint32_t index)
{
	char branch[SIP_PARAM_MAX + 1];
	const struct net_message *n;
	str_to_z(branch, sizeof branch, l->m.via.branch);
	for (uint32_t i = index + 1; (n = net_message(sim_net(l->s), i)); i++)
		if (parse(l, n) && !l->m.is_request && l->m.status == 401 && str_eq(l->m.via.branch, str_from(branch))) return true;
	return false;
}

// What the ladder's parties and its runner do without being told.
static bool goes_without_saying(struct ladder_of *l, struct player *p, uint32_t index, bool from_switch)
{
	const struct sip_msg *m = &l->m;
	if (!m->is_request) {
		if (m->method == SIP_INVITE && m->status >= 200) p->refused = m->status >= 300 ? m->status : 0;
		return m->status == 100 || m->status == 401;
	}
	if (m->method == SIP_ACK) return p->refused != 0;
	return m->method == SIP_INVITE && !from_switch && !p->trunk && is_challenged(l, index);
}

// WORDS

static void put_wait(struct ladder_of *l, uint64_t at_ms)
{
	uint64_t ms = l->last_ms ? (at_ms - l->last_ms + PAUSE_MS / 2) / PAUSE_MS * PAUSE_MS : 0;
	l->last_ms = at_ms;
	if (ms < PAUSE_MS) return;
	put_z(l->b, "wait ");
	put_u64(l->b, ms % 1000 ? ms : ms / 1000);
	put_z(l->b, ms % 1000 ? " ms\n" : " s\n");
	if (l->answered) l->for_ms += ms;
}

static void put_sdp(struct buf *b, const struct sip_msg *m)
{
	static const char *const ways[] = { "sendonly", "recvonly", "inactive" };
	char line[32];
	if (!m->body.n) return;
	put_z(b, " sdp");
	for (uint32_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct buf a = buf_on(line, sizeof line);
		put_fmt(&a, "a=%s\r", ways[i]);
		if (memmem(m->body.p, m->body.n, a.p, a.n)) put_fmt(b, " %s", ways[i]);
	}
}

static void put_called(struct ladder_of *l)
{
	if (l->t.trunk) put(l->b, str_from_at(str_from(l->record->dialled), l->record->dialled[0] == '+'));
	else put_z(l->b, l->o.trunk ? "+16035550102" : "6035550102");
}

static void put_words(struct ladder_of *l, bool from_switch)
{
	const struct sip_msg *m = &l->m;
	struct buf *b = l->b;
	if (m->is_request) {
		if (m->method == SIP_INVITE && m->to.tag.n) put_z(b, "re-");
		put(b, m->method_name);
		if (m->method == SIP_INVITE && !m->to.tag.n && !from_switch) {
			put_c(b, ' ');
			put_called(l);
		}
	} else {
		put_fmt(b, "%u", m->status);
		if (m->method != SIP_INVITE) put_fmt(b, " (%.*s)", STR_FMT(m->cseq.method_name));
	}
	put_sdp(b, m);
}

// A party's arrow begins a row; those of the switch that follow stand beside it.
static void put_arrow(struct ladder_of *l, const struct player *p, const struct net_message *n, bool from_switch)
{
	struct buf *b = l->b;
	if (!from_switch) {
		if (b->n > l->row_from) put_c(b, '\n');
		put_wait(l, n->at_ms);
		l->row_from = b->n;
		put_fmt(b, "%s -> sw   ", p->name);
	} else {
		while (b->n - l->row_from < COLUMN - 1 && b->err == OK) put_c(b, ' ');
		put_fmt(b, b->n - l->row_from > COLUMN - 1 ? "   sw -> %s   " : "sw -> %s   ", p->name);
	}
	put_words(l, from_switch);
	if (p == &l->t && !from_switch && !l->m.is_request && l->m.method == SIP_INVITE && l->m.status / 100 == 2)
		l->answered = true;
}

static bool put_message(struct ladder_of *l, const struct net_message *n, uint32_t index)
{
	bool from_switch = is_switch(&n->from);
	if (!parse(l, n)) return true; // nothing of this call, which has its record
	struct player *p = player_of(l, n);
	if (!p) return true;
	if (n->fate[0]) return cannot(l, "the weather had its say");
	if (goes_without_saying(l, p, index, from_switch)) return true;
	if (!parse(l, n)) return true; // is_challenged looked at others
	for (uint32_t i = 0; i < index; i++)
		if (str_eq(net_message(sim_net(l->s), i)->text, n->text)) return cannot(l, "a message was repeated");
	if (from_switch && n->at_ms >= l->last_ms + PAUSE_MS) return cannot(l, "timers of the switch are in it");
	if (l->m.is_request && ++p->requests > REQUESTS_MAX) return cannot(l, "it is too long");
	put_arrow(l, p, n, from_switch);
	return true;
}

static void put_cdr(struct ladder_of *l)
{
	static const char *const by[] = { "caller", "called", "switch", "operator" };
	const struct call_record *r = l->record;
	if (l->b->n > l->row_from) put_c(l->b, '\n');
	put_fmt(l->b, "cdr  %s", r->answered ? "answered" : "unanswered");
	if (r->answered) put_fmt(l->b, ", %llu ms", (unsigned long long)l->for_ms);
	put_fmt(l->b, ", cause %u, by %s\n", r->cause.value, by[r->released_by & 3]);
}

static void put_head(struct ladder_of *l)
{
	put_fmt(l->b, "# Of seed %llu.\noffice sample\n", (unsigned long long)sim_plan(l->s)->seed);
	put_z(l->b, l->o.trunk ? "far is trunk far\n" : "A is line 6035550101\n");
	put_z(l->b, l->t.trunk ? "far is trunk far\n" : "B is line 6035550102\n");
	put_fmt(l->b, "\n== %s calls %s, who %s ==\n", l->o.name, l->t.name,
	        l->record->answered ? "answers" : l->record->cause.value == 17 ? "is busy" : "does not");
}

// WHICH CALL

static bool find(struct ladder_of *l, const struct ledger_call *o)
{
	const struct call_record *r;
	const struct ledger_call *t;
	for (uint32_t i = 0; (r = node_cdr(sim_node(l->s), i)); i++)
		if (str_eq(str_from(r->o.call_id), str_from(o->call_id))) break;
	if (!r) return cannot(l, "it has no record");
	t = r->t.call_id[0] ? ledger_find(sim_ledger(l->s), str_from(r->t.call_id), LEDGER_CALLED) : NULL;
	if (!t) return cannot(l, "nobody was called");
	if (o->hostile || o->forgets || o->dial_tone || t->hostile || t->forgets) return cannot(l, "it is no ordinary one");
	if (r->diverted_from.n || r->recovered || r->emergency) return cannot(l, "it was forwarded, recovered, or for help");
	if (t->line && parties_of_line(sim_parties(l->s), t->line) > 1) return cannot(l, "several phones may have rung");
	if (!o->line && !t->line) return cannot(l, "it is of trunks alone");
	l->record = r;
	l->o = (struct player){ .name = o->line ? "A" : "far", .addr = o->party, .trunk = !o->line };
	l->t = (struct player){ .name = t->line ? "B" : "far", .addr = t->party, .trunk = !t->line };
	str_to_z(l->o.call_id, sizeof l->o.call_id, str_from(o->call_id));
	str_to_z(l->t.call_id, sizeof l->t.call_id, str_from(t->call_id));
	return true;
}

static bool put_call(struct buf *b, struct sim *s, const struct ledger_call *o, const char **why)
{
	struct ladder_of l = { .b = b, .s = s };
	const struct net_message *n;
	uint32_t start = b->n;
	bool good = arena_init(&l.scratch, UNFOLDED_MAX) == OK && find(&l, o);
	if (good) put_head(&l);
	l.row_from = b->n;
	for (uint32_t i = 0; good && (n = net_message(sim_net(s), i)); i++) good = put_message(&l, n, i);
	if (good) put_cdr(&l);
	arena_fini(&l.scratch);
	if (!good || b->err != OK) {
		b->n = start;
		b->err = OK;
	}
	*why = l.why ? l.why : "it is too long";
	return good;
}

bool put_as_ladder(struct buf *b, struct sim *s, struct str call_id, const char **why)
{
	const struct ledger_call *c;
	uint32_t at = 0;
	*why = "no party began a call of this Call-ID";
	while ((c = ledger_each(sim_ledger(s), &at))) {
		if (c->side != LEDGER_CALLER || (call_id.n && !str_eq(call_id, str_from(c->call_id)))) continue;
		if (put_call(b, s, c, why)) return true;
	}
	return false;
}
