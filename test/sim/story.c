// Ladders, trails and ledgers of a run in words.
#include "sim/story.h"

#include "call/half/call.h"
#include "run/worker.h"
#include "sim/ledger.h"
#include "sim/node.h"
#include "sim/party.h"
#include "wire/sip/msg.h"

#include <stdio.h>
#include <stdlib.h>

#define BEGIN_MS 1000000u // of each run
#define LINE_MAX 512
#define UNFOLDED_MAX 65536
#define LAST_MESSAGES 40u // shown when no call was named
#define NAMES_WIDTH 50u

static void put_time(struct buf *b, uint64_t at_ms)
{
	uint64_t ms = at_ms >= BEGIN_MS ? at_ms - BEGIN_MS : 0;
	put_fmt(b, "%8llu.%03llu  ", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
}

static void put_plain(struct buf *b, struct str text) // no control octet
{
	for (uint32_t i = 0; i < text.n; i++) put_c(b, text.p[i] >= ' ' && text.p[i] < 0x7f ? text.p[i] : '.');
}

static void put_name(struct buf *b, struct sim *s, const struct addr *a)
{
	struct addr node[2];
	bool known = addr_parse(&node[0], STR(NODE_ADDR_4)) == OK && addr_parse(&node[1], STR(NODE_ADDR_6)) == OK;
	if (known && (addr_eq(a, &node[0]) || addr_eq(a, &node[1]))) {
		put_z(b, "sw");
		return;
	}
	const char *name = party_name_at(sim_parties(s), a);
	if (name) put_z(b, name);
	else put_addr(b, a);
}

static void put_label(struct buf *b, const struct sip_msg *m)
{
	if (!m->is_request) {
		put_fmt(b, "%u", m->status);
		if (m->cseq.method != SIP_INVITE) put_fmt(b, " (%.*s)", STR_FMT(m->cseq.method_name));
	} else {
		bool first = m->to.tag.n == 0 && m->method != SIP_ACK && m->method != SIP_CANCEL;
		if (m->method == SIP_INVITE && m->to.tag.n) put_z(b, "re-");
		put_plain(b, str_head(m->method_name, 16));
		if (first) put_c(b, ' ');
		if (first) put_plain(b, str_head(m->uri.user, 24));
	}
	bool sdp = m->body.n && str_starts_nocase(sip_msg_header(m, SIP_H_CONTENT_TYPE), STR("application/sdp"));
	put_z(b, sdp ? " sdp" : m->body.n ? " body" : "");
	put_fmt(b, "  %u", m->cseq.number);
}

// Parses for people: what is no message gives false.
static bool read_message(struct sip_msg *m, struct str text)
{
	static char unfolded[UNFOLDED_MAX];
	struct arena arena = { .p = unfolded, .cap = sizeof unfolded };
	struct sip_fault fault;
	return sip_msg_parse(m, text, &arena, &fault) == PARSE_OK;
}

void put_net_message(struct buf *b, struct sim *s, const struct net_message *m)
{
	struct sip_msg parsed;
	put_time(b, m->at_ms);
	uint32_t begin = b->n;
	put_name(b, s, &m->from);
	put_z(b, " -> ");
	put_name(b, s, &m->to);
	do put_c(b, ' '); while (b->n < begin + NAMES_WIDTH && b->err == OK);
	if (read_message(&parsed, m->text)) {
		put_label(b, &parsed);
	} else {
		struct str rest = m->text, line = str_cut(&rest, '\n');
		put_fmt(b, "(%u octets) ", m->text.n);
		put_plain(b, str_head(str_trim(line), 60));
	}
	if (m->fate[0]) put_fmt(b, "  [%s]", m->fate);
	put_c(b, '\n');
}

void print_net_message(struct sim *s, const struct net_message *m)
{
	char line[LINE_MAX];
	struct buf b = buf_on(line, sizeof line);
	put_net_message(&b, s, m);
	fwrite(line, 1, b.n, stdout);
}

static bool has_text(struct str in, struct str wanted)
{
	return wanted.n && in.n >= wanted.n && memmem(in.p, in.n, wanted.p, wanted.n);
}

void put_net_ladder(struct buf *b, struct sim *s, const struct str *call_ids, uint32_t count)
{
	const struct net_message *m;
	uint32_t all = 0;
	while (net_message(sim_net(s), all)) all++;
	for (uint32_t at = count || all < LAST_MESSAGES ? 0 : all - LAST_MESSAGES; (m = net_message(sim_net(s), at)); at++) {
		bool wanted = count == 0;
		for (uint32_t i = 0; i < count; i++) wanted |= has_text(m->text, call_ids[i]);
		if (wanted) put_net_message(b, s, m);
	}
}

// THE SWITCH'S OWN WORD

static bool is_of(const struct call_record *r, struct str call_id)
{
	return call_id.n && (str_eq(str_from(r->o.call_id), call_id) || str_eq(str_from(r->t.call_id), call_id));
}

static bool find_standing(struct call_record *r, struct sim *s, struct str call_id)
{
	for (uint32_t i = 0; i < node_worker_count(sim_node(s)); i++) {
		struct worker *w = node_worker(sim_node(s), i);
		uint32_t at = 0;
		struct call *c;
		while (w && (c = calls_each(worker_calls(w), &at))) {
			call_record(r, c, RECORD_RELEASE);
			if (is_of(r, call_id)) return true;
		}
	}
	return false;
}

static void put_trail(struct buf *b, const struct call_record *r)
{
	for (uint32_t i = 0; i < r->trail_n; i++) {
		put_fmt(b, "    %8u.%03u  %c  ", r->trail[i].at_ms / 1000, r->trail[i].at_ms % 1000, r->trail[i].side ? 'T' : 'O');
		put_trail_row(b, &r->trail[i], NULL);
		put_c(b, '\n');
	}
}

static void put_record(struct buf *b, const struct call_record *r, const char *what)
{
	static const char *const by[] = { "caller", "called", "switch", "operator" };
	put_fmt(b, "\n%s %016llx (sequence %llu): dialled \"%s\", %s %llu.%03llu s, cause %u by %s%s%s%s\n", what,
	        (unsigned long long)r->call, (unsigned long long)r->sequence, r->dialled,
	        r->answered ? "answered" : "unanswered", (unsigned long long)(r->answered_for_ms / 1000),
	        (unsigned long long)(r->answered_for_ms % 1000), r->cause.value, by[r->released_by % ARRAY_LEN(by)],
	        r->recovered ? ", recovered" : "", r->unsynced ? ", unsynced" : "", r->emergency ? ", emergency" : "");
	put_trail(b, r);
}

// THE PARTIES' WORD

static void put_at(struct buf *b, const char *what, uint64_t at_ms)
{
	uint64_t ms = at_ms >= BEGIN_MS ? at_ms - BEGIN_MS : 0;
	if (at_ms) put_fmt(b, ", %s %llu.%03llu", what, (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
}

static void put_seen(struct buf *b, struct sim *s, struct str call_id)
{
	for (uint32_t side = 0; side < 2; side++) {
		const struct ledger_call *c = ledger_find(sim_ledger(s), call_id, (enum ledger_side)side);
		if (!c) continue;
		put_z(b, "\n");
		put_name(b, s, &c->party);
		put_fmt(b, " saw, as %s of \"%s\" (%.*s): status %u", side == LEDGER_CALLER ? "caller" : "called", c->dialled,
		        STR_FMT(call_id), c->status);
		put_at(b, "began", c->began_ms);
		put_at(b, "rang", c->rang_ms);
		put_at(b, "answered", c->answered_ms);
		put_at(b, "ended", c->ended_ms);
		put_fmt(b, "%s%s%s%s\n", c->by_me ? ", by itself" : "", c->hostile ? ", hostile" : "",
		        c->forgets ? ", forgets" : "", c->dial_tone ? ", from dial tone" : "");
	}
}

void put_story(struct buf *b, struct sim *s)
{
	struct call_record *standing = calloc(1, sizeof *standing);
	struct str ids[2] = { sim_concerns(s), { 0 } };
	const struct call_record *r = standing && find_standing(standing, s, ids[0]) ? standing : NULL;
	const char *what = r ? "the call stands:" : "its record:";
	for (uint32_t i = 0; !r && ids[0].n; i++) {
		r = node_cdr(sim_node(s), i);
		if (!r) break;
		if (!is_of(r, ids[0])) r = NULL;
	}
	if (r) {
		struct str o = str_from(r->o.call_id), t = str_from(r->t.call_id);
		ids[1] = str_eq(ids[0], o) ? t : o;
	}
	put_net_ladder(b, s, ids, ids[0].n == 0 ? 0 : ids[1].n ? 2 : 1);
	for (uint32_t i = 0; i < 2; i++) put_seen(b, s, ids[i]);
	if (r) put_record(b, r, what);
	else if (ids[0].n) put_z(b, "\nthe switch knows no such call, and has no record of it\n");
	free(standing);
}
