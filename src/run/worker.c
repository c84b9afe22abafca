// The worker: wires stack, legs, halves, registrar and office of one core to each other, and tells which worker a
// packet is for.
#include "run/worker.h"

#include "base/bug.h"
#include "base/log.h"
#include "call/feature/feature.h"
#include "call/leg/sip_leg.h"
#include "keep/journal.h"
#include "run/inputs.h"
#include "run/keepalive.h"
#include "run/publish.h"
#include "run/registrant.h"
#include "run/registrar.h"
#include "run/subscriptions.h"
#include "run/supervise.h"
#include "run/trace.h"

#include <stdlib.h>

COUNTER(worker_options, "OPTIONS that asked for the switch's state");
COUNTER(worker_refused_methods, "Requests of methods that are not offered");

#define SCRATCH_BYTES (1u << 20)
#define SHOW_SHARES 20

struct worker {
	struct worker_setup setup;
	struct env env;
	struct sip_stack *stack;
	struct sip_auth auth;
	struct registrar registrar;
	struct sip_legs legs;
	struct ties ties;
	struct calls *calls;
	struct supervise supervise;
	struct registrant registrant;
	struct keepalive keepalive;
	struct subscriptions subscriptions;
	struct publish publish;
	struct {
		uint64_t at_ms;    // when the next share is told
		uint64_t round_ms; // when the next round begins
		uint32_t at;       // in the pool of calls
		bool in_round;
	} showing; // again what calls are to the lines that are watched
	struct hash_key call_id_key; // the same in all workers
	bool stopping;
};

// How the switch is (RFC 3261 11.2): what it takes, or that it will be gone soon.
static void answer_options(struct worker *w, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	char text[128];
	struct buf b = buf_on(text, sizeof text);
	COUNT(worker_options);
	if (w->stopping) {
		sip_reply(&w->legs, txn, m, from, 503, STR("Retry-After: 60\r\n"));
		return;
	}
	put_z(&b, "Allow-Events: ");
	put_event_packages(&b);
	put_z(&b, "\r\n");
	sip_reply(&w->legs, txn, m, from, 200, buf_str(&b));
}

static void on_request(void *self, ref txn, const struct sip_msg *m, const struct sip_source *from)
{
	struct worker *w = self;
	if (sip_refuse_request(&w->legs, txn, m, from)) return;
	if (m->method == SIP_REGISTER) {
		registrar_request(&w->registrar, txn, m, from);
	} else if (m->method == SIP_SUBSCRIBE && m->to.tag.n != SIP_LEG_TAG_LEN) {
		subscriptions_request(&w->subscriptions, txn, m, from);
	} else if (m->to.tag.n) {
		sip_leg_on_request(&w->legs, txn, m, from);
	} else if (m->method == SIP_INVITE) {
		sip_leg_on_invite(&w->legs, txn, m, from);
	} else if (m->method == SIP_OPTIONS) {
		answer_options(w, txn, m, from);
	} else if (m->method == SIP_PUBLISH || m->method == SIP_NOTIFY) {
		publish_request(&w->publish, txn, m, from);
	} else {
		COUNT(worker_refused_methods);
		bool in_dialog_only = m->method == SIP_BYE || m->method == SIP_INFO || m->method == SIP_PRACK ||
			m->method == SIP_UPDATE;
		sip_reply(&w->legs, txn, m, from, in_dialog_only ? 481 : 405, STR(""));
	}
}

static bool is_urgent(void *self, const struct sip_msg *m, const struct sip_source *from)
{
	return sip_leg_is_emergency(&((struct worker *)self)->legs, m, from);
}

static void on_ack(void *self, const struct sip_msg *m, const struct sip_source *from)
{
	sip_leg_on_ack(&((struct worker *)self)->legs, m, from);
}

static void on_cancelled(void *self, ref txn, uint64_t owner, const struct sip_msg *cancel)
{
	(void)txn;
	sip_leg_on_cancel(&((struct worker *)self)->legs, owner, cancel);
}

static void on_response(void *self, ref txn, uint64_t owner, const struct sip_msg *m, const struct sip_source *from)
{
	struct worker *w = self;
	if (supervise_on_response(&w->supervise, owner, m)) return;
	if (subscriptions_on_response(&w->subscriptions, owner, m)) return;
	if (registrant_on_response(&w->registrant, owner, m)) return;
	sip_leg_on_response(&w->legs, txn, owner, m, from);
}

static void on_failed(void *self, ref txn, uint64_t owner, enum sip_failure why)
{
	struct worker *w = self;
	arena_reset(&w->env.scratch); // comes from a timer: an event of its own
	if (supervise_on_failure(&w->supervise, owner)) return;
	if (subscriptions_on_failure(&w->subscriptions, owner)) return;
	if (registrant_on_failure(&w->registrant, owner)) return;
	sip_leg_on_failure(&w->legs, txn, owner, why);
}

static void on_seen(void *self, uint64_t owner, bool out, struct str bytes, const struct addr *peer)
{
	(void)peer;
	if (supervise_owns(owner) || subscriptions_own(owner) || registrant_owns(owner)) return;
	sip_leg_seen(&((struct worker *)self)->legs, owner, out, bytes);
}

static enum err set_feature(void *self, uint64_t owner, uint32_t line, uint8_t feature, bool active, struct str target)
{
	struct worker *w = self;
	const struct worker_setup *s = &w->setup;
	if (!s->set_feature) return ERR_FULL;
	return s->set_feature(s->set_feature_self, s->index, owner, line, feature, active, target);
}

static uint32_t keep_text(void *self, uint64_t call, struct str bytes)
{
	return trace_keep(self, call, bytes);
}

static bool is_traced(void *self, uint32_t line)
{
	return trace_has_line(self, line);
}

// ---- What calls are to lines that others watch -----------------------------------------------------------------------

static void tell(struct worker *w, uint32_t to, const struct line_news *n)
{
	if (to == w->setup.index) worker_news(w, n);
	else if (w->setup.tell) w->setup.tell(w->setup.tell_self, to, n);
}

static void show(void *self, const struct line_dialog *d)
{
	struct worker *w = self;
	const struct office_line *line = office_line(w->setup.office, d->line);
	if (line)
		tell(w, live_home(str_from(line->name), w->setup.count), &(struct line_news){ .kind = NEWS_DIALOG, .dialog = *d });
}

static void ask_all(void *self, uint32_t line)
{
	struct worker *w = self;
	const struct line_news n = { .kind = NEWS_ASKED, .dialog.line = line };
	for (uint32_t to = 0; to < w->setup.count; to++) tell(w, to, &n);
}

static void messages_changed(void *self, uint32_t id)
{
	struct worker *w = self;
	const struct office_line *line = office_line(w->setup.office, id);
	const struct line_news n = { .kind = NEWS_CHANGED, .dialog.line = id };
	if (line) tell(w, live_home(str_from(line->name), w->setup.count), &n);
}

void worker_news(struct worker *w, const struct line_news *n)
{
	switch ((enum line_news_kind)n->kind) {
	case NEWS_DIALOG: subscriptions_take(&w->subscriptions, &n->dialog); break;
	case NEWS_ASKED: calls_show_line(w->calls, n->dialog.line); break;
	case NEWS_CHANGED: subscriptions_look(&w->subscriptions, n->dialog.line); break;
	}
}

void worker_restore(struct worker *w, const struct kept_subscription *row)
{
	subscriptions_restore(&w->subscriptions, row);
}

// Tells all of it again in rounds, a share at a time; the next deadline.
static uint64_t show_again(struct worker *w)
{
	uint64_t now_ms = w->env.now_ms;
	if (!watching_any_calls(w->setup.live->watching) || !calls_count(w->calls)) return UINT64_MAX;
	if (now_ms < w->showing.at_ms) return w->showing.at_ms;
	w->showing.at_ms = now_ms + LINE_DIALOG_REPEAT_MS / SHOW_SHARES;
	if (!w->showing.in_round && now_ms >= w->showing.round_ms) {
		w->showing.in_round = true;
		w->showing.at = 0;
		w->showing.round_ms = now_ms + LINE_DIALOG_REPEAT_MS;
	}
	if (w->showing.in_round)
		w->showing.in_round = calls_show_some(w->calls, &w->showing.at, calls_count(w->calls) / SHOW_SHARES + 1);
	return w->showing.at_ms;
}

static enum err make_subscriptions(struct worker *w)
{
	const struct worker_setup *s = &w->setup;
	const struct hash_key key = { { random_u64(&w->env.random), random_u64(&w->env.random) } };
	return subscriptions_init(&w->subscriptions, &(struct subscriptions_setup){ .env = &w->env, .stack = w->stack,
		.auth = &w->auth, .listener_count = s->listener_count, .listeners = w->legs.setup.listeners,
		.max = s->subscriptions_max, .transactions_max = s->transactions_max, .ask = ask_all, .self = w,
		.keep = s->keep, .keep_self = s->keep_self }, key);
}

static enum err make_stack(struct worker *w)
{
	const struct sip_user user = { .self = w, .request = on_request, .is_urgent = is_urgent, .ack = on_ack,
		.cancelled = on_cancelled, .response = on_response, .failed = on_failed, .seen = on_seen };
	const struct sip_stack_limits limits = { .transactions_max = w->setup.transactions_max,
		.bytes_max = w->setup.message_bytes_max };
	char prefix[8];
	struct buf b = buf_on(prefix, sizeof prefix);
	put_hex(&b, w->setup.index, 2);
	w->stack = sip_stack_new(&w->env, w->setup.out, &user, &w->setup.times, &limits, buf_str(&b));
	return w->stack ? OK : ERR_FULL;
}

static enum err send_no_tie(void *self, const struct tie_letter *l)
{
	(void)self, (void)l;
	return ERR_FULL;
}

static enum err make_calls(struct worker *w)
{
	const struct worker_setup *s = &w->setup;
	struct sip_legs_setup legs = { .env = &w->env, .stack = w->stack, .out = s->out, .office = s->office,
		.live = s->live, .auth = &w->auth, .legs_max = s->calls_max * 3 + SIP_LEGS_RESERVED,
		.listener_count = s->listener_count, .refuses = s->refuses_leg, .refuses_self = s->refuses_leg_self };
	for (uint32_t i = 0; i < s->listener_count; i++) legs.listeners[i] = s->listeners[i].advertised;
	const struct hash_key key = { { random_u64(&w->env.random), random_u64(&w->env.random) } };
	enum err e = sip_legs_init(&w->legs, &legs, key);
	if (e != OK) return e;
	struct calls_setup calls = { .env = &w->env, .office = s->office, .live = s->live, .media = s->media,
		.journal = s->journal, .legs = sip_leg_factory(&w->legs), .ties = tie_factory(&w->ties), .features = feature_table(),
		.calls_max = s->calls_max, .boot = s->boot, .set_feature = set_feature, .set_feature_self = w,
		.keep_text = s->trace ? keep_text : NULL, .trace_line = is_traced, .trace_self = s->trace, .show = show,
		.show_self = w };
	if (s->inputs) {
		inputs_bind(s->inputs, &(struct inputs_site){ .env = &w->env, .office = s->office, .media = s->media,
			.listener_count = s->listener_count, .listeners = w->legs.setup.listeners });
		calls.watch = inputs_watch(s->inputs);
		calls.media = inputs_media(s->inputs);
	}
	e = calls_new(&w->calls, &calls);
	w->legs.setup.calls = w->calls;
	sip_stack_listens(w->stack, w->legs.setup.listeners, s->listener_count);
	if (e != OK) return e;
	return ties_init(&w->ties, &(struct ties_setup){ .env = &w->env, .calls = w->calls, .legs = &w->legs,
		.ends_max = 2 * s->calls_max, .send = s->send_tie ? s->send_tie : send_no_tie, .send_self = s->send_tie_self });
}

struct worker *worker_new(const struct worker_setup *setup)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->setup = *setup;
	w->env = (struct env){ .now_ms = setup->now_ms, .wall_ms = setup->wall_ms, .worker = setup->index };
	random_seed(&w->env.random, setup->seed + setup->index);
	w->call_id_key = (struct hash_key){ { 0x6469616c746f6e65, 0x63616c6c2d696421 } };
	w->auth = (struct sip_auth){ .office = setup->office, .live = setup->live, .secret = &w->setup.nonce_secret,
		.env = &w->env };
	if (arena_init(&w->env.scratch, SCRATCH_BYTES) != OK || make_stack(w) != OK || make_calls(w) != OK ||
	    make_subscriptions(w) != OK)
		return worker_free(w);
	w->registrar = (struct registrar){ .auth = w->auth, .stack = w->stack, .home = setup->index };
	w->publish = (struct publish){ .env = &w->env, .legs = &w->legs, .stack = w->stack, .auth = &w->auth,
		.report = setup->report, .report_self = setup->report_self, .changed = messages_changed, .self = w };
	supervise_init(&w->supervise, &(struct supervise_setup){ .env = &w->env, .stack = w->stack, .office = setup->office,
		.live = setup->live, .listener_count = setup->listener_count, .listeners = w->legs.setup.listeners,
		.worker = setup->index, .workers = setup->count });
	const struct registrant_setup registrant = { .env = &w->env, .stack = w->stack, .office = setup->office,
		.live = setup->live, .listener_count = setup->listener_count, .listeners = w->legs.setup.listeners,
		.worker = setup->index, .workers = setup->count };
	if (registrant_init(&w->registrant, &registrant) != OK) return worker_free(w);
	keepalive_init(&w->keepalive, &(struct keepalive_setup){ .env = &w->env, .out = setup->out, .office = setup->office,
		.live = setup->live, .worker = setup->index, .workers = setup->count });
	return w;
}

struct worker *worker_free(struct worker *w)
{
	if (!w) return NULL;
	w->calls = calls_free(w->calls);
	subscriptions_fini(&w->subscriptions);
	registrant_fini(&w->registrant);
	sip_legs_fini(&w->legs);
	ties_fini(&w->ties);
	w->stack = sip_stack_free(w->stack);
	arena_fini(&w->env.scratch);
	free(w);
	return NULL;
}

void worker_at(struct worker *w, uint64_t now_ms, uint64_t wall_ms)
{
	w->env.now_ms = now_ms;
	w->env.wall_ms = wall_ms;
}

// Each of these is an event of its own.
static void begin(struct worker *w, const struct input *i)
{
	arena_reset(&w->env.scratch);
	if (w->setup.inputs) inputs_begin(w->setup.inputs, i);
}

static void end(struct worker *w)
{
	if (w->setup.inputs) inputs_end(w->setup.inputs);
}

void worker_input(struct worker *w, const struct packet *p)
{
	begin(w, &(struct input){ .kind = ENTRY_PACKET, .packet = p });
	sip_stack_input(w->stack, p);
	end(w);
}

uint64_t worker_tick(struct worker *w)
{
	begin(w, &(struct input){ .kind = ENTRY_TIMER });
	uint64_t next = sip_stack_tick(w->stack), other = sip_legs_tick(&w->legs);
	if (other < next) next = other;
	other = calls_tick(w->calls);
	if (other < next) next = other;
	other = ties_tick(&w->ties);
	if (other < next) next = other;
	other = supervise_tick(&w->supervise);
	if (other < next) next = other;
	other = registrant_tick(&w->registrant);
	if (other < next) next = other;
	other = keepalive_tick(&w->keepalive);
	if (other < next) next = other;
	other = show_again(w);
	if (other < next) next = other;
	other = subscriptions_tick(&w->subscriptions);
	if (other < next) next = other;
	// What calls did meanwhile may have started timers of the stack.
	other = sip_stack_tick(w->stack);
	end(w);
	return other < next ? other : next;
}

void worker_media_event(struct worker *w, const struct media_event *e)
{
	begin(w, &(struct input){ .kind = ENTRY_MEDIA, .media = e });
	calls_on_media(w->calls, e);
	end(w);
}

void worker_journal_done(struct worker *w, const struct journal_done *d)
{
	begin(w, &(struct input){ .kind = ENTRY_JOURNAL, .journal = d });
	calls_on_journal(w->calls, d);
	end(w);
}

void worker_feature_done(struct worker *w, uint64_t owner, enum err result)
{
	begin(w, &(struct input){ .kind = ENTRY_FEATURE, .failed = result != OK });
	calls_on_feature_done(w->calls, owner, result);
	end(w);
}

void worker_tie(struct worker *w, const struct tie_letter *l)
{
	begin(w, &(struct input){ .kind = ENTRY_TIE, .tie = l });
	ties_take(&w->ties, l);
	end(w);
}

enum err worker_release(struct worker *w, uint64_t call_id)
{
	begin(w, &(struct input){ .kind = ENTRY_RELEASE, .by_operator = true });
	enum err e = calls_release(w->calls, call_id);
	end(w);
	return e;
}

void worker_release_all(struct worker *w)
{
	begin(w, &(struct input){ .kind = ENTRY_RELEASE });
	calls_release_all(w->calls, cause_local(CAUSE_TEMPORARY));
	end(w);
}

void worker_stop(struct worker *w)
{
	w->stopping = true;
	calls_stop(w->calls);
	registrant_stop(&w->registrant);
}

void worker_leave(struct worker *w)
{
	sip_legs_leave(&w->legs);
}

struct calls *worker_calls(struct worker *w)
{
	return w->calls;
}

enum err worker_recover(struct worker *w, const struct call_record *answer, uint64_t last_life_wall_ms, uint32_t *done)
{
	const struct record_party *const parties[] = { &answer->o, &answer->t };
	const struct sip_stack_use use = sip_stack_use(w->stack);
	if (use.transactions + use.tombstones > w->setup.transactions_max / 4 * 3) return ERR_FULL; // calls go first
	arena_reset(&w->env.scratch);
	if (BUG(record_lost_at_crash)) return OK;
	if (*done == 0) {
		struct call_record release;
		journal_recovered_release(&release, answer, last_life_wall_ms);
		enum err e = w->setup.journal.ops->put(w->setup.journal.self, w->setup.index, &release, 0);
		if (e != OK) return e;
		*done = 1;
	}
	for (; *done <= 2u - BUG(bye_forgotten_after_crash); ++*done) {
		const struct record_party *p = parties[*done - 1];
		enum err e =
			p->dialog_n ? sip_leg_bye_frozen(&w->legs, p->dialog, p->dialog_n, cause_local(CAUSE_TEMPORARY)) : OK;
		if (e == ERR_FULL) return e;
		if (e != OK)
			LOG(WARN, "recover_no_bye", LOG_TEXT("a phone of a call cut off by the restart could not be told"),
			    LOG_U64("call", answer->call));
	}
	return OK;
}

const char *worker_wrong(const struct worker *w, struct str *call_id)
{
	const struct call *c;
	const char *wrong = NULL;
	for (uint32_t at = 0; !wrong && (c = calls_each(w->calls, &at));) {
		enum call_invariant broken = call_wrong(c);
		if (broken) wrong = call_invariant_text(broken);
		*call_id = str_from(c->call_ids[SIDE_O]);
	}
	return wrong ? wrong : sip_legs_wrong(&w->legs, call_id);
}

struct worker_use worker_use(const struct worker *w)
{
	const struct sip_stack_use use = sip_stack_use(w->stack);
	return (struct worker_use){ .calls = calls_count(w->calls), .legs = w->legs.pool.used, .ties = w->ties.pool.used,
		.transactions = use.transactions, .tombstones = use.tombstones,
		.text_bytes = use.bytes + w->legs.texts.used_bytes + calls_text_bytes(w->calls),
		.subscriptions = w->subscriptions.pool.used, .leaving = registrant_leaving(&w->registrant) };
}

// ---- Whose packet is it? -------------------------------------------------------------------------------------------

// From the first c on; empty when there is none.
static struct str from_char(struct str s, char c)
{
	int32_t at = str_find_char(s, c);
	return at < 0 ? (struct str){ "", 0 } : str_from_at(s, (uint32_t)at);
}

// The worker that two hexadecimal digits name, or `count` when they name none.
static uint32_t worker_named(struct str digits, uint32_t count)
{
	uint32_t v = 0;
	if (digits.n < 2) return count;
	for (uint32_t i = 0; i < 2; i++) {
		char c = digits.p[i];
		if (ascii_is_digit(c)) v = v * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f') v = v * 16 + (uint32_t)(c - 'a') + 10;
		else return count;
	}
	return v < count ? v : count;
}

static uint32_t worker_of_register(const struct worker *w, struct str bytes)
{
	struct sip_name_addr to;
	char user[OFFICE_NAME_MAX];
	struct arena a = { .p = user, .cap = sizeof user };
	if (sip_name_addr_parse(&to, sip_raw_header(bytes, STR("To"), 't')) != PARSE_OK) return 0;
	return live_home(sip_unescape(&a, to.uri.user), w->setup.count);
}

static uint32_t worker_of_subscribe(const struct worker *w, struct str bytes)
{
	struct sip_name_addr to;
	if (sip_name_addr_parse(&to, sip_raw_header(bytes, STR("To"), 't')) != PARSE_OK) return 0;
	const struct office_line *line = sip_auth_line_of(&w->auth, &to.uri);
	return line ? live_home(str_from(line->name), w->setup.count) : 0;
}

// By the branch, which is ours.
uint32_t worker_of_returned(const struct worker *w, struct str bytes)
{
	uint32_t count = w->setup.count, named = count;
	struct str branch = sip_raw_branch(bytes);
	if (branch.n > 7) named = worker_named(str_from_at(branch, 7), count);
	return named < count ? named : 0;
}

uint32_t worker_of_packet(const struct worker *w, struct str bytes)
{
	uint32_t count = w->setup.count, named = count;
	struct str value;
	if (count == 1) return 0;
	if (str_starts(bytes, STR("SIP/2.0 "))) return worker_of_returned(w, bytes); // a response
	if (str_starts(bytes, STR("REGISTER "))) return worker_of_register(w, bytes);
	struct str to = sip_raw_header(bytes, STR("To"), 't');
	if (str_find_char(to, '>') >= 0) to = from_char(to, '>');
	if (sip_param(&value, from_char(to, ';'), STR("tag")) && value.n == SIP_LEG_TAG_LEN)
		named = worker_named(value, count);
	if (named < count) return named;
	if (str_starts(bytes, STR("SUBSCRIBE "))) return worker_of_subscribe(w, bytes);
	return (uint32_t)(hash_str(&w->call_id_key, sip_raw_header(bytes, STR("Call-ID"), 'i')) % count);
}
