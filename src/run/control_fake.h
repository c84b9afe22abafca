// A switch for tests of the edge: it holds two calls, one registration and one far switch, and notes what it is told.
#pragma once

#include "run/control.h"

#define FAKE_CALL 7001
#define FAKE_CALL_TWO 7002

struct control_fake {
	enum err fails;      // what every question is answered with, unless OK
	uint64_t released;   // the last call
	uint64_t traced;     // the last call or line
	bool trace_on, stopping, sick, reloaded;
	uint64_t sequence;   // of the last record on disk
	uint32_t dialled_line;
	struct waiting messages; // of every line
	char dialled[64];
};

static enum err fake_status(void *self, struct control_status *out)
{
	const struct control_fake *f = self;
	*out = (struct control_status){
		.started_wall_ms = 1769860800000, .up_ms = 90061000, .workers = 2, .media_threads = 1, .calls = 2,
		.calls_max = 100, .transactions = 3, .transactions_max = 1000, .media_ports = 8, .media_ports_max = 400,
		.registrations = 1, .cdr_sequence = f->sequence, .journal_healthy = !f->sick, .stopping = f->stopping,
	};
	return f->fails;
}

static struct control_call fake_call_row(uint64_t call)
{
	struct control_call row = { .call = call, .answered_wall_ms = 1769860803000 };
	row.began_wall_ms = 1769860800000 + call;
	row.o.line = 1;
	row.t.line = 2;
	memcpy(row.o.state, "ACTIVE", 7);
	memcpy(row.t.state, "ACTIVE", 7);
	return row;
}

static enum err fake_calls(void *self, const struct control_calls_query *q, struct control_call *out, uint32_t max,
                           uint32_t *count)
{
	const struct control_fake *f = self;
	*count = q->line > 2 || q->trunk_group ? 0 : 2;
	for (uint32_t i = 0; i < *count && i < max; i++) out[i] = fake_call_row(i ? FAKE_CALL : FAKE_CALL_TWO);
	return f->fails;
}

static void fake_record(struct call_record *r, uint64_t call)
{
	*r = (struct call_record){ .kind = RECORD_ANSWER, .call = call, .answered = true, .began_wall_ms = 1769860800000,
		                       .answered_wall_ms = 1769860803000, .dialled = "5550102", .codec = "PCMU" };
	r->o.line = 1;
	r->t.line = 2;
	r->trail_n = 2;
	r->trail[0] = (struct trail_row){ .kind = TRAIL_LINE_CALLS, .a = 1, .version = 1 };
	r->trail[1] = (struct trail_row){ .at_ms = 3000, .side = 1, .kind = TRAIL_ANSWERED, .a = 1, .version = 1 };
	r->ladder_n = 2;
	r->ladder[0] = (struct ladder_row){ .cseq = 1, .bytes = 700, .body = 1, .text = 0 };
	r->ladder[1] = (struct ladder_row){ .at_ms = 1, .out = 1, .status = 100, .text = UINT32_MAX };
}

static enum err fake_call(void *self, uint64_t call, struct control_call *out, struct call_record *record)
{
	const struct control_fake *f = self;
	if (f->fails != OK) return f->fails;
	if (call != FAKE_CALL && call != FAKE_CALL_TWO) return ERR_NOT_FOUND;
	*out = fake_call_row(call);
	fake_record(record, call);
	return OK;
}

static enum err fake_release(void *self, uint64_t call)
{
	struct control_fake *f = self;
	if (f->fails != OK) return f->fails;
	if (call != FAKE_CALL && call != FAKE_CALL_TWO) return ERR_NOT_FOUND;
	f->released = call;
	return OK;
}

static enum err fake_trace_call(void *self, uint64_t call, bool on)
{
	struct control_fake *f = self;
	if (call != FAKE_CALL) return ERR_NOT_FOUND;
	f->traced = call;
	f->trace_on = on;
	return f->fails;
}

static enum err fake_trace_line(void *self, uint32_t line, bool on)
{
	struct control_fake *f = self;
	f->traced = line;
	f->trace_on = on;
	return f->fails;
}

static enum err fake_trace_text(void *self, uint64_t call, uint32_t text, struct buf *out)
{
	(void)self;
	if (call != FAKE_CALL || text != 0) return ERR_NOT_FOUND;
	put_z(out, "INVITE sip:5550102@example SIP/2.0\r\n\r\n");
	return out->err;
}

static enum err fake_dial(void *self, const struct control_dial *q, struct call_record *record)
{
	struct control_fake *f = self;
	f->dialled_line = q->line;
	str_to_z(f->dialled, sizeof f->dialled, q->digits);
	fake_record(record, 0);
	record->answered = false;
	record->ladder_n = 0;
	if (!str_eq(q->digits, STR("5550102"))) record->t.line = 0, record->cause = cause_local(CAUSE_UNALLOCATED);
	return f->fails;
}

static enum err fake_registrations(void *self, uint32_t line, struct control_registration *out, uint32_t max,
                                   uint32_t *count)
{
	const struct control_fake *f = self;
	*count = line <= 1;
	if (*count && max) {
		out[0] = (struct control_registration){ .line = 1, .contact = "sip:a@192.0.2.5", .agent = "phone \xE9",
			                                    .since_wall_ms = 1769860800000, .expires_wall_ms = 1769864400000 };
		out[0].peer = (struct addr){ .family = 4, .port = 5060, .ip = { 192, 0, 2, 5 } };
	}
	return f->fails;
}

static enum err fake_messages(void *self, uint32_t line, const struct waiting *set, struct waiting *out)
{
	struct control_fake *f = self;
	(void)line;
	if (set) f->messages = *set;
	*out = f->messages;
	return f->fails;
}

static enum err fake_peers(void *self, struct control_peer *out, uint32_t max, uint32_t *count)
{
	const struct control_fake *f = self;
	*count = 1;
	if (max) out[0] = (struct control_peer){ .trunk_group = 1, .supervised = true, .addr = { .family = 4, .port = 5060,
		                                     .ip = { 198, 51, 100, 1 } },
		.registered = { REGISTERED_REFUSED, 403, 1769860800000 } };
	return f->fails;
}

static enum err fake_reload(void *self, const struct config *config)
{
	(void)config;
	((struct control_fake *)self)->reloaded = true;
	return OK;
}

static int fake_wake_fd(void *self)
{
	(void)self;
	return -1;
}

static uint32_t fake_step(void *self)
{
	(void)self;
	return 1000;
}

static const struct control_ops fake_ops = {
	.status = fake_status, .calls = fake_calls, .call = fake_call, .call_release = fake_release,
	.trace_call = fake_trace_call, .trace_line = fake_trace_line, .trace_text = fake_trace_text, .dial = fake_dial,
	.registrations = fake_registrations, .messages = fake_messages, .peers = fake_peers, .reload = fake_reload,
	.wake_fd = fake_wake_fd, .step = fake_step,
};
