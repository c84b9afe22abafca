// The transaction layer as a whole: an input is a little program of packets, wishes of the user, and time. Whatever it
// does, in the end nothing is left in the stack. An operation is an octet and its arguments, an octet each:
//
//     0 time            1 request from the network     2 response to one of ours     3 the user answers
//     4 the user wants  5 the user sends               6 raw packet                  7 what the user does in callbacks
#include "wire/sip/txn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT 8
#define INPUT_MAX 4096

struct fuzz {
	const uint8_t *p;
	size_t n;
	struct env env;
	struct outbox out;
	struct sip_stack *stack;
	ref requests[INPUT_MAX], clients[INPUT_MAX]; // all that were told, all that were sent
	uint32_t request_count, client_count;
	char sent[KEPT][600]; // requests of ours, to answer them
	uint32_t sent_n[KEPT], sent_count;
	uint8_t habit;
	uint32_t depth;
};

static uint8_t next(struct fuzz *f)
{
	if (f->n == 0) return 0;
	f->n--;
	return *f->p++;
}

static const struct addr far = { .family = 4, .port = 5062, .ip = { 192, 0, 2, 9 } };
static const uint16_t statuses[] = { 100, 180, 183, 199, 200, 202, 302, 401, 408, 486, 487, 503, 600, 99, 700, 0 };
static const char *const methods[] = { "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "FOO", "REGISTER", "INVITE" };

// What the stack sends, to be answered later.
static void on_flush(struct outbox *o, void *self)
{
	struct fuzz *f = self;
	for (uint32_t i = 0; i < o->count; i++) {
		struct str data = o->packets[i].data;
		if (str_starts(data, STR("SIP/2.0")) || data.n > sizeof f->sent[0]) continue;
		uint32_t at = f->sent_count++ % KEPT;
		memcpy(f->sent[at], data.p, data.n);
		f->sent_n[at] = data.n;
	}
}

static void respond(struct fuzz *f, ref txn, uint8_t how)
{
	static const char message[] = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
	                              "To: <sip:a@b>;tag=ours\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
	enum err err = sip_server_respond(f->stack, txn, statuses[how % 16], STR(message));
	(void)err;
}

static void send_own(struct fuzz *f, uint8_t how)
{
	char text[600], branch[32], call_id[16];
	enum sip_method method = how % 4 == 0 ? SIP_BYE : how % 4 == 1 ? SIP_OPTIONS : SIP_INVITE;
	ref txn = 0;
	str_to_z(branch, sizeof branch, sip_stack_branch(f->stack));
	snprintf(call_id, sizeof call_id, "own%u", how);
	int n = snprintf(text, sizeof text,
	                 "%.*s sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\r\nFrom: <sip:a@b>;tag=o\r\n"
	                 "To: <sip:b@c>\r\nCall-ID: %s\r\nCSeq: 1 %.*s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
	                 STR_FMT(sip_method_name(method)), branch, call_id, STR_FMT(sip_method_name(method)));
	const struct sip_client_request r = {
		.method = method, .branch = str_from(branch), .message = { text, (uint32_t)n }, .to = far, .owner = how,
		.identity = { STR("o"), str_from(call_id), 1, STR("") },
	};
	if (f->client_count == INPUT_MAX || sip_client_send(&txn, f->stack, &r) != OK) return;
	f->clients[f->client_count++] = txn;
}

// One of the last few handles.
static ref recent(const ref *all, uint32_t count, uint8_t which)
{
	uint32_t back = which % KEPT;
	return back < count ? all[count - 1 - back] : 0;
}

static ref recent_request(const struct fuzz *f, uint8_t which)
{
	return recent(f->requests, f->request_count, which);
}

// What the user wants of a transaction.
static void want(struct fuzz *f, uint8_t what, uint8_t which)
{
	ref server = recent_request(f, which), client = recent(f->clients, f->client_count, which);
	switch (what % 8) {
	case 0: sip_client_cancel(f->stack, client); break;
	case 1: sip_client_cancel_for(f->stack, client, STR("SIP;cause=200")); break;
	case 2: sip_stack_disown(f->stack, client); break;
	case 3: sip_stack_disown(f->stack, server); break;
	case 4: sip_server_acked(f->stack, server); break;
	case 5: sip_server_respond_stateless(f->stack, server, STR("SIP/2.0 500 x\r\n\r\n")); break;
	case 6: respond(f, server, which >> 3); break;
	default: send_own(f, which); break;
	}
}

// Inside a callback the user does what it is used to.
static void act(struct fuzz *f, ref txn)
{
	if (f->depth > 2) return;
	f->depth++;
	if (f->habit & 1) respond(f, txn, f->habit >> 4);
	if (f->habit & 2) want(f, f->habit >> 4, 0);
	if (f->habit & 4) want(f, f->habit >> 5, 0);
	if (f->habit & 8) sip_stack_disown(f->stack, txn);
	f->depth--;
}

static void on_request(void *self, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct fuzz *f = self;
	assert(m->method != SIP_ACK && m->method != SIP_CANCEL && from->peer.family);
	assert(f->request_count < INPUT_MAX);
	f->requests[f->request_count++] = txn;
	sip_server_own(f->stack, txn, f->request_count);
	act(f, txn);
}

static void on_ack(void *self, const struct sip_msg *m, const struct sip_source *from)
{
	struct fuzz *f = self;
	assert(m->method == SIP_ACK && from->peer.family);
	act(f, recent_request(f, 0));
}

static void on_cancelled(void *self, ref txn, uint64_t owner, const struct sip_msg *cancel)
{
	assert(owner && cancel->method == SIP_CANCEL);
	act(self, txn);
}

static void on_response(void *self, ref txn, uint64_t owner, const struct sip_msg *m, const struct sip_source *from)
{
	assert(!m->is_request && from->peer.family);
	(void)owner;
	act(self, txn);
}

static void on_failed(void *self, ref txn, uint64_t owner, enum sip_failure why)
{
	assert(why == SIP_FAILED_TIMEOUT || why == SIP_FAILED_TRANSPORT);
	(void)owner;
	act(self, txn);
}

static void on_seen(void *self, uint64_t owner, bool out, struct str bytes, const struct addr *peer)
{
	(void)self, (void)owner, (void)out;
	assert(bytes.n && peer->family);
}

static void input(struct fuzz *f, struct str text, uint8_t from)
{
	// A copy of its own, so that a read past the end is found.
	char *copy = malloc(text.n ? text.n : 1);
	struct packet p = { .peer = far, .listener = from, .data = { copy, text.n } };
	if (text.n) memcpy(copy, text.p, text.n);
	if (from & 8) p.peer.port++;
	if (from & 16) p.peer.ip[3]++;
	sip_stack_input(f->stack, &p);
	free(copy);
}

static void rx_request(struct fuzz *f)
{
	char text[600];
	uint8_t what = next(f), who = next(f);
	const char *method = methods[what % 8];
	int n = snprintf(text, sizeof text,
	                 "%s sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h%u;branch=%s%u%s\r\nFrom: <sip:a@b>;tag=f%u\r\n"
	                 "To: <sip:b@c>%s\r\nCall-ID: c%u\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
	                 method, who >> 7, what & 8 ? "" : "z9hG4bK", who & 3, what & 16 ? ";rport" : "", who >> 2 & 1,
	                 what & 32 ? ";tag=ours" : "", who >> 3 & 3, 1u + (who >> 5 & 1), method);
	input(f, (struct str){ text, (uint32_t)n }, what >> 6);
}

static void rx_response(struct fuzz *f)
{
	uint8_t which = next(f), how = next(f);
	uint32_t at = which % KEPT;
	char text[1000];
	struct buf b = buf_on(text, sizeof text);
	struct sip_msg m;
	struct sip_fault fault;
	const struct sip_source source = { .peer = far };
	if (how >= 240) { // it comes back instead, as much of it as is quoted
		const struct str quoted = str_head((struct str){ f->sent[at], f->sent_n[at] }, how == 255 ? 64 : UINT32_MAX);
		sip_stack_input(f->stack, &(struct packet){ .returned = true, .peer = far, .data = quoted });
		return;
	}
	if (sip_msg_parse(&m, (struct str){ f->sent[at], f->sent_n[at] }, &f->env.scratch, &fault) != PARSE_OK) return;
	put_sip_response(&b, &m, &source, statuses[how % 13], STR(""), how & 16 ? STR("t1") : STR("t2"));
	put_sip_body(&b, STR(""), STR(""));
	input(f, buf_str(&b), how >> 3);
}

static void rx_raw(struct fuzz *f)
{
	uint32_t n = 4u * next(f);
	if (n > f->n) n = (uint32_t)f->n;
	struct str text = { (const char *)f->p, n };
	f->p += n;
	f->n -= n;
	input(f, text, 0);
}

static void pass(struct fuzz *f, uint64_t ms)
{
	uint64_t until = f->env.now_ms + ms, due;
	while ((due = sip_stack_tick(f->stack)) <= until) f->env.now_ms = due;
	f->env.now_ms = until;
	sip_stack_tick(f->stack);
}

static void step(struct fuzz *f)
{
	uint8_t a;
	switch (next(f) % 8) {
	case 0: pass(f, 1ull << next(f) % 17); break;
	case 1: rx_request(f); break;
	case 2: rx_response(f); break;
	case 3: a = next(f); respond(f, recent_request(f, a), next(f)); break;
	case 4: a = next(f); want(f, a, next(f)); break;
	case 5: send_own(f, next(f)); break;
	case 6: rx_raw(f); break;
	default: f->habit = next(f); break;
	}
	outbox_flush(&f->out);
	arena_reset(&f->env.scratch);
	struct sip_stack_use use = sip_stack_use(f->stack);
	assert(use.transactions + use.tombstones <= 24);
}

// What the user never answered, or never cancelled, would ring for ever: it gives all up.
static void give_up_all(struct fuzz *f)
{
	for (uint32_t i = 0; i < f->request_count; i++) sip_stack_disown(f->stack, f->requests[i]);
	for (uint32_t i = 0; i < f->client_count; i++) sip_stack_disown(f->stack, f->clients[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	const struct sip_user user = {
		.self = &f, .request = on_request, .ack = on_ack, .cancelled = on_cancelled, .response = on_response,
		.failed = on_failed, .seen = on_seen,
	};
	const struct sip_stack_limits limits = { .transactions_max = 24, .bytes_max = 1 << 18 };
	if (size > INPUT_MAX) return 0;
	f.p = data;
	f.n = size;
	f.request_count = f.client_count = f.sent_count = f.depth = f.habit = 0;
	memset(f.sent_n, 0, sizeof f.sent_n);
	f.env.now_ms = 1000;
	random_seed(&f.env.random, 1);
	// Kept from run to run, for speed; every step leaves them empty.
	if (!f.env.scratch.p && arena_init(&f.env.scratch, 1 << 17) != OK) return 0;
	if (!f.out.packets && outbox_init(&f.out, 32, 1 << 18) != OK) return 0;
	f.out.flush = on_flush;
	f.out.self = &f;
	f.stack = sip_stack_new(&f.env, &f.out, &user, NULL, &limits, STR(""));
	while (f.stack && f.n) step(&f);
	if (f.stack) {
		f.habit = 0;
		give_up_all(&f);
		pass(&f, 200000);
		struct sip_stack_use use = sip_stack_use(f.stack);
		assert(use.transactions == 0 && use.tombstones == 0 && use.bytes == 0);
		assert(sip_stack_tick(f.stack) == UINT64_MAX);
	}
	f.stack = sip_stack_free(f.stack);
	outbox_flush(&f.out);
	return 0;
}
