// Any octets as a datagram: what is found lies in them or in the arena, and what is answered is well formed.
#include "wire/sip/msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sip_msg m, answer;
static struct sip_fault fault;
static char arena_octets[1 << 17], answer_arena_octets[1 << 18], out_octets[1 << 18];
static struct arena arena;
static struct str in;

static void must(bool holds)
{
	if (!holds) abort();
}

static void check_inside(struct str s)
{
	if (s.n == 0) return;
	bool in_bytes = s.p >= in.p && s.p + s.n <= in.p + in.n;
	bool in_arena = s.p >= arena.p && s.p + s.n <= arena.p + arena.n;
	must(in_bytes || in_arena);
}

// A value that goes into other messages must not end a line there.
static void check_value(struct str s)
{
	check_inside(s);
	must(str_find_char(s, '\r') < 0 && str_find_char(s, '\n') < 0);
}

static void check_uri(const struct sip_uri *u)
{
	const struct str parts[] = { u->text, u->scheme, u->user, u->password, u->host, u->params, u->headers };
	for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) check_value(parts[i]);
}

static void check_index(void)
{
	uint32_t counted = 0;
	must(m.header_count <= SIP_HEADERS_MAX);
	for (uint32_t id = 0; id < SIP_H_COUNT; id++) {
		uint32_t before = 0;
		for (uint32_t i = m.first[id]; i; i = m.headers[i - 1].next, counted++) {
			must(i > before && i <= m.header_count && m.headers[i - 1].id == id); // in order, and without end
			before = i;
			check_value(m.headers[i - 1].name);
			check_value(m.headers[i - 1].value);
		}
	}
	must(counted == m.header_count);
}

static void walk_all(void)
{
	for (uint32_t id = 0; id < SIP_H_COUNT; id++) {
		struct sip_walk walk = { 0 };
		struct str value;
		struct sip_name_addr a;
		while (sip_msg_each(&m, (enum sip_header_id)id, &walk, &value)) {
			check_value(value);
			if (sip_name_addr_parse(&a, value) != PARSE_OK) continue;
			check_uri(&a.uri);
			check_value(a.display);
			check_value(a.params);
		}
		check_value(sip_msg_header(&m, (enum sip_header_id)id));
	}
}

// The answer has the lines that it should and no other, and says the same of the transaction.
static void check_answer(void)
{
	const struct sip_source from = { .peer = { .family = 4, .port = 9, .ip = { 192, 0, 2, 1 } } };
	struct arena answer_arena = { .p = answer_arena_octets, .cap = sizeof answer_arena_octets };
	struct buf b = buf_on(out_octets, sizeof out_octets);
	struct sip_fault answer_fault;
	bool good = !fault.why;
	if (!sip_msg_can_answer(&m)) return;
	put_sip_response(&b, &m, &from, good ? 200 : fault.status, good ? STR("") : str_from(fault.why), STR("tag"));
	put_sip_body(&b, STR("text/plain"), STR("x"));
	must(b.err == OK);
	if (b.n > SIP_MESSAGE_MAX) return;
	enum parse p = sip_msg_parse(&answer, buf_str(&b), &answer_arena, &answer_fault);
	must(str_eq(answer.body, STR("x")));
	must(answer.header_count <= m.header_count + 2); // and Content-Type and Content-Length
	if (!good) return;
	must(p == PARSE_OK);
	must(str_eq(answer.call_id, m.call_id) && answer.cseq.number == m.cseq.number && answer.method == m.method);
	must(str_eq(answer.from.tag, m.from.tag) && str_eq(answer.via.branch, m.via.branch));
	must(str_eq(answer.to.tag, m.to.tag.n ? m.to.tag : STR("tag")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct str){ (const char *)data, (uint32_t)size };
	arena = (struct arena){ .p = arena_octets, .cap = sizeof arena_octets };
	enum parse p = sip_msg_parse(&m, in, &arena, &fault);
	must(p == (fault.why ? PARSE_BAD : PARSE_OK) && fault.at <= in.n);
	check_index();
	check_inside(m.body);
	check_inside(m.method_name);
	check_inside(m.uri_text);
	check_inside(m.reason);
	check_uri(&m.uri);
	check_uri(&m.from.uri);
	check_uri(&m.to.uri);
	check_value(m.call_id);
	check_value(m.via.text);
	check_value(m.via.params);
	walk_all();
	check_answer();
	return 0;
}
