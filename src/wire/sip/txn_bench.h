// For tests only: a stack on virtual time. What it sends and what it tells its user is written into a log, one line
// each with the time in ms, which a test compares whole:
//
//     0 tx INVITE
//     500 tx INVITE
//     620 response 180 owner 7
#pragma once

#include "wire/sip/txn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/testing.h"

#define BENCH_START_MS 1000000
#define BENCH_OWNER 7

struct bench {
	struct env env;
	struct outbox out;
	struct sip_stack *stack;
	struct sip_source far;   // where requests and responses come from
	char log_text[1 << 15];
	struct buf log;
	char tx_text[1 << 16];   // the last message sent
	struct str tx;
	struct addr tx_peer;
	ref request;             // the last one told
	ref client;              // the last one sent
	uint16_t answer_at_once; // what the user answers from inside its callback; 0: nothing
	bool answer_stateless;
	uint32_t seen_in, seen_out, seen_owned;
};

static inline void bench_line(struct bench *b, const char *format, ...)
{
	va_list args;
	put_u64(&b->log, b->env.now_ms - BENCH_START_MS);
	put_c(&b->log, ' ');
	va_start(args, format);
	put_vfmt(&b->log, format, args);
	va_end(args);
	put_c(&b->log, '\n');
}

static inline void bench_flush(struct outbox *o, void *self)
{
	struct bench *b = self;
	static struct sip_msg m;
	for (uint32_t i = 0; i < o->count; i++) {
		struct sip_fault fault;
		struct str data = o->packets[i].data;
		assert_true(data.n < sizeof b->tx_text);
		memcpy(b->tx_text, data.p, data.n);
		b->tx = (struct str){ b->tx_text, data.n };
		b->tx_peer = o->packets[i].peer;
		if (sip_msg_parse(&m, b->tx, &b->env.scratch, &fault) != PARSE_OK) bench_line(b, "tx malformed");
		else if (m.is_request) bench_line(b, "tx %.*s", STR_FMT(m.method_name));
		else bench_line(b, "tx %u %.*s", m.status, STR_FMT(m.cseq.method_name));
	}
}

static inline void bench_respond(struct bench *b, uint16_t status);

// RESPONSES of the user, from the last request that was told.
static struct sip_msg bench_request;
static char bench_request_text[1 << 16];

static inline void bench_on_request(void *self, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct bench *b = self;
	struct sip_fault fault;
	outbox_flush(&b->out);
	bench_line(b, "request %.*s", STR_FMT(m->method_name));
	assert_true(m->bytes.n <= sizeof bench_request_text);
	memcpy(bench_request_text, m->bytes.p, m->bytes.n);
	struct str kept = { bench_request_text, m->bytes.n };
	assert_int_equal(sip_msg_parse(&bench_request, kept, &b->env.scratch, &fault), PARSE_OK);
	b->far = *from;
	b->request = txn;
	sip_server_own(b->stack, txn, BENCH_OWNER);
	// Without a transaction only what keeps no state can be said.
	if (b->answer_at_once && (txn || b->answer_stateless)) bench_respond(b, b->answer_at_once);
}

static inline bool bench_is_urgent(void *self, const struct sip_msg *m, const struct sip_source *from)
{
	(void)self, (void)from;
	return str_eq(m->uri.user, STR("911"));
}

static inline void bench_on_ack(void *self, const struct sip_msg *m, const struct sip_source *from)
{
	struct bench *b = self;
	(void)m, (void)from;
	outbox_flush(&b->out);
	bench_line(b, "ack");
}

static inline void bench_on_cancelled(void *self, ref txn, uint64_t owner, const struct sip_msg *cancel)
{
	struct bench *b = self;
	outbox_flush(&b->out);
	assert_true(txn == b->request && cancel->method == SIP_CANCEL);
	bench_line(b, "cancelled owner %u", (unsigned)owner);
}

static inline void bench_on_response(void *self, ref txn, uint64_t owner, const struct sip_msg *m,
                                     const struct sip_source *from)
{
	struct bench *b = self;
	(void)txn, (void)from;
	outbox_flush(&b->out);
	bench_line(b, "response %u owner %u", m->status, (unsigned)owner);
}

static inline void bench_on_failed(void *self, ref txn, uint64_t owner, enum sip_failure why)
{
	struct bench *b = self;
	(void)txn;
	outbox_flush(&b->out);
	bench_line(b, "failed %u owner %u", (unsigned)why, (unsigned)owner);
}

static inline void bench_on_seen(void *self, uint64_t owner, bool out, struct str bytes, const struct addr *peer)
{
	struct bench *b = self;
	assert_true(bytes.n > 0 && peer->port > 0);
	if (out) b->seen_out++;
	else b->seen_in++;
	if (owner) b->seen_owned++;
}

static inline struct bench *bench_new_limited(uint32_t transactions_max, uint64_t bytes_max)
{
	struct bench *b = must(calloc(1, sizeof *b));
	const struct sip_stack_limits limits = { transactions_max, bytes_max };
	const struct sip_user user = {
		.self = b, .request = bench_on_request, .is_urgent = bench_is_urgent, .ack = bench_on_ack, .cancelled = bench_on_cancelled,
		.response = bench_on_response, .failed = bench_on_failed, .seen = bench_on_seen,
	};
	b->env.now_ms = BENCH_START_MS;
	random_seed(&b->env.random, 42);
	assert_int_equal(arena_init(&b->env.scratch, 1 << 20), OK);
	assert_int_equal(outbox_init(&b->out, 64, 1 << 18), OK);
	b->out.flush = bench_flush;
	b->out.self = b;
	b->log = buf_on(b->log_text, sizeof b->log_text);
	b->stack = sip_stack_new(&b->env, &b->out, &user, NULL, &limits, STR("w1"));
	assert_non_null(b->stack);
	assert_int_equal(addr_parse(&b->far.peer, STR("192.0.2.9:5062")), OK);
	b->far.listener = 3;
	return b;
}

static inline struct bench *bench_new(void)
{
	return bench_new_limited(64, 1 << 20);
}

// Ends the bench, which must hold nothing any more.
static inline void bench_free(struct bench *b)
{
	struct sip_stack_use use = sip_stack_use(b->stack);
	assert_int_equal(use.transactions, 0);
	assert_int_equal(use.tombstones, 0);
	assert_int_equal(use.bytes, 0);
	assert_true(sip_stack_tick(b->stack) == UINT64_MAX);
	sip_stack_free(b->stack);
	outbox_fini(&b->out);
	arena_fini(&b->env.scratch);
	free(b);
}

// Lets the time pass until `ms` after the start, with each timer at its own millisecond.
static inline void bench_run_to(struct bench *b, uint64_t ms)
{
	uint64_t until = BENCH_START_MS + ms, next;
	while ((next = sip_stack_tick(b->stack)) <= until) {
		outbox_flush(&b->out);
		b->env.now_ms = next;
	}
	outbox_flush(&b->out);
	b->env.now_ms = until;
	arena_reset(&b->env.scratch);
}

// The log since the last look must be this.
static inline void bench_expect(struct bench *b, const char *expected)
{
	outbox_flush(&b->out);
	put_c(&b->log, '\0');
	assert_int_equal(b->log.err, OK);
	assert_string_equal(b->log_text, expected);
	b->log.n = 0;
}

// IN. What a far end sends.
static inline void bench_rx(struct bench *b, const char *text)
{
	const struct packet p = { .peer = b->far.peer, .listener = b->far.listener, .data = str_from(text) };
	sip_stack_input(b->stack, &p);
	outbox_flush(&b->out);
}

// A request; NULL fields take what stands here.
struct bench_rx {
	const char *method, *uri, *via, *from_tag, *to_tag, *call_id, *extra;
	unsigned cseq;
};
static inline void bench_rx_request(struct bench *b, const struct bench_rx *r)
{
	char text[4096];
	const char *cseq_method = r->method ? r->method : "INVITE";
	snprintf(text, sizeof text,
	         "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=%s\r\n"
	         "To: <sip:b@example.com>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:a@192.0.2.9>\r\n%s"
	         "Content-Length: 0\r\n\r\n",
	         cseq_method, r->uri ? r->uri : "sip:b@example.com",
	         r->via ? r->via : "192.0.2.9:5062;branch=z9hG4bKone;rport",
	         r->from_tag ? r->from_tag : "fa", r->to_tag ? ";tag=" : "", r->to_tag ? r->to_tag : "",
	         r->call_id ? r->call_id : "call1", r->cseq ? r->cseq : 1, cseq_method, r->extra ? r->extra : "");
	bench_rx(b, text);
}

// OUT. Sends a request to far as a new client transaction; to_tag: of the dialog that it is in, or "".
static inline enum err bench_send_in(struct bench *b, enum sip_method method, const char *to_tag)
{
	char text[2048], z[40];
	struct str branch = sip_stack_branch(b->stack), name = sip_method_name(method);
	str_to_z(z, sizeof z, branch);
	snprintf(text, sizeof text,
	         "%.*s sip:b@192.0.2.9:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport\r\n"
	         "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>\r\nMax-Forwards: 70\r\n"
	         "From: <sip:a@example.com>;tag=ours\r\nTo: <sip:b@example.com>%s%s\r\nCall-ID: out1\r\nCSeq: 20 %.*s\r\n"
	         "Require: 100rel\r\nContent-Length: 4\r\n\r\nbody",
	         STR_FMT(name), z, *to_tag ? ";tag=" : "", to_tag, STR_FMT(name));
	const struct sip_client_request r = {
		.method = method, .branch = branch, .message = str_from(text), .to = b->far.peer, .listener = 3,
		.owner = BENCH_OWNER, .identity = { STR("ours"), STR("out1"), 20, str_from(to_tag) },
	};
	enum err err = sip_client_send(&b->client, b->stack, &r);
	outbox_flush(&b->out);
	return err;
}

static inline enum err bench_send(struct bench *b, enum sip_method method)
{
	return bench_send_in(b, method, "");
}

// Comes back a response to the message `to`, which was sent.
static inline void bench_rx_response(struct bench *b, struct str to, uint16_t status, const char *tag)
{
	static struct sip_msg m;
	struct sip_fault fault;
	char text[4096];
	struct buf out = buf_on(text, sizeof text);
	assert_int_equal(sip_msg_parse(&m, to, &b->env.scratch, &fault), PARSE_OK);
	put_sip_response(&out, &m, &b->far, status, STR(""), str_from(tag));
	put_sip_body(&out, STR(""), STR(""));
	put_c(&out, '\0');
	assert_int_equal(out.err, OK);
	bench_rx(b, text);
}

// The user answers the last request that it was told.
static inline struct str bench_response_text(struct buf *out, uint16_t status)
{
	const struct sip_source from = { .peer = { .family = 4, .port = 5062 } };
	put_sip_response(out, &bench_request, &from, status, STR(""), STR("ourtag"));
	put_sip_body(out, STR(""), STR(""));
	return buf_str(out);
}

static inline void bench_respond(struct bench *b, uint16_t status)
{
	static char text[1 << 16];
	struct buf out = buf_on(text, sizeof text);
	struct str message = bench_response_text(&out, status);
	if (b->answer_stateless) sip_server_respond_stateless(b->stack, b->request, message);
	else assert_int_equal(sip_server_respond(b->stack, b->request, status, message), OK);
	outbox_flush(&b->out);
}

// Timers without a row would be lost: every timer of every state must be an event that the state takes.
static inline void bench_check_timers(const struct fsm *m, uint32_t state, uint32_t timer)
{
	bool taken = timer == 0;
	for (uint32_t i = 0; i < m->row_count; i++)
		taken |= m->rows[i].event == timer && (m->rows[i].in >> state & 1);
	if (!taken) fail_msg("%s: no row for %s in %s", m->name, m->events[timer], m->states[state]);
}
