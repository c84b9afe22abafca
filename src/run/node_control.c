// What the API asks of the running node: questions as jobs to each worker, answers as values.
#include "run/node_inside.h"

#include "base/log.h"
#include "base/rcu.h"
#include "call/half/call.h"
#include "run/dial.h"
#include "wire/net/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LIST_MAX 65536u // rows that one worker tells at most
#define SAVE_LINES 5000u
#define STEP_MS 250u
#define AUDIT_MS 60000u

static bool job_give(struct job *j, enum err e)
{
	j->err = e;
	return e == OK;
}

// Asks all workers in turn until `until_ok` finds one that answers OK; the answer's job is the caller's to free.
static enum err ask_each(struct node *n, struct job *(*make)(void *self), void *self, struct job **answer)
{
	enum err e = ERR_NOT_FOUND;
	for (uint32_t i = 0; i < n->worker_count; i++) {
		struct job *j = make(self);
		enum err asked = node_ask(n, i, j);
		if (asked != OK) {
			e = asked;
			continue;
		}
		if (j->err == OK) {
			*answer = j;
			return OK;
		}
		job_free(j);
	}
	return e;
}

// ---- Calls ---------------------------------------------------------------------------------------------------------

static void show_call(struct control_call *out, const struct call *c)
{
	static const char *const o_names[] = { O_PICS(FSM_NAME) };
	static const char *const t_names[] = { T_PICS(FSM_NAME) };
	*out = (struct control_call){ .call = c->id, .began_wall_ms = c->began_wall_ms,
		.alerted_wall_ms = call_wall_ms(c, c->alerted_ms),
		.answered_wall_ms = c->answered ? call_wall_ms(c, c->answered_ms) : 0, .emergency = c->emergency,
			.traced = c->traced };
	out->o = (struct control_side){ .line = c->o_line, .trunk_group = c->o_trunk, .number = c->caller.number };
	out->t = (struct control_side){ .line = c->t_line, .trunk_group = c->trunk_at, .number = c->called };
	snprintf(out->o.state, sizeof out->o.state, "%s", o_names[c->o.pic]);
	snprintf(out->t.state, sizeof out->t.state, "%s", t_names[c->t.pic]);
}

static struct call *find_call(struct member *m, uint64_t id)
{
	uint32_t at = 0;
	struct call *c;
	while ((c = calls_each(worker_calls(m->worker), &at)))
		if (c->id == id) return c;
	return NULL;
}

static void list_calls(struct member *m, struct job *j)
{
	const struct control_calls_query q = j->calls;
	uint32_t at = 0;
	struct call *c;
	j->rows = calloc(j->max ? j->max : 1, sizeof *j->rows);
	while (j->rows && (c = calls_each(worker_calls(m->worker), &at))) {
		if (q.line && c->o_line != q.line && c->t_line != q.line) continue;
		if (q.trunk_group && c->o_trunk != q.trunk_group && c->trunk_at != q.trunk_group) continue;
		if (j->count < j->max) show_call(&j->rows[j->count], c);
		j->count++;
	}
	job_give(j, j->rows ? OK : ERR_FULL);
}

static enum err calls(void *self, const struct control_calls_query *q, struct control_call *out, uint32_t max,
	uint32_t *count)
{
	struct node *n = self;
	*count = 0;
	for (uint32_t i = 0; i < n->worker_count; i++) {
		struct job *j = job_new(list_calls);
		if (!j) return ERR_FULL;
		j->calls = *q;
		j->max = *count < max ? (max - *count < LIST_MAX ? max - *count : LIST_MAX) : 0;
		enum err e = node_ask(n, i, j);
		if (e != OK) return e;
		uint32_t rows = j->count < j->max ? j->count : j->max;
		if (j->rows && rows) memcpy(out + *count, j->rows, rows * sizeof *out);
		*count += j->count;
		job_free(j);
	}
	return OK;
}

static void one_call(struct member *m, struct job *j)
{
	struct call *c = find_call(m, j->call);
	if (!job_give(j, c ? OK : ERR_NOT_FOUND)) return;
	show_call(&j->one, c);
	call_record(&j->record, c, RECORD_RELEASE);
}

struct by_call { // what is asked of the worker that holds a call
	void (*run)(struct member *m, struct job *j);
	uint64_t call;
	uint32_t text;
	bool on;
};

static struct job *make_by_call(void *self)
{
	const struct by_call *q = self;
	struct job *j = job_new(q->run);
	if (!j) return NULL;
	j->call = q->call;
	j->text = q->text;
	j->on = q->on;
	return j;
}

static enum err call(void *self, uint64_t id, struct control_call *out, struct call_record *record)
{
	struct job *j;
	enum err e = ask_each(self, make_by_call, &(struct by_call){ .run = one_call, .call = id }, &j);
	if (e != OK) return e;
	*out = j->one;
	*record = j->record;
	job_free(j);
	return OK;
}

static void release_call(struct member *m, struct job *j)
{
	job_give(j, worker_release(m->worker, j->call));
}

static enum err call_release(void *self, uint64_t id)
{
	struct job *j;
	enum err e = ask_each(self, make_by_call, &(struct by_call){ .run = release_call, .call = id }, &j);
	if (e == OK) job_free(j);
	return e;
}

// ---- Traces --------------------------------------------------------------------------------------------------------

static void trace_one(struct member *m, struct job *j)
{
	struct call *c = find_call(m, j->call);
	if (job_give(j, c ? OK : ERR_NOT_FOUND)) c->traced = j->on;
}

static enum err trace_call(void *self, uint64_t id, bool on)
{
	struct job *j;
	enum err e = ask_each(self, make_by_call, &(struct by_call){ .run = trace_one, .call = id, .on = on }, &j);
	if (e == OK) job_free(j);
	return e;
}

static void trace_of_line(struct member *m, struct job *j)
{
	job_give(j, trace_line(&m->trace, j->line, j->on));
}

static enum err trace_lines(void *self, uint32_t line, bool on)
{
	struct node *n = self;
	enum err e = OK;
	for (uint32_t i = 0; i < n->worker_count && e == OK; i++) {
		struct job *j = job_new(trace_of_line);
		if (!j) return ERR_FULL;
		j->line = line;
		j->on = on;
		e = node_ask(n, i, j);
		if (e != OK) return e;
		e = j->err;
		job_free(j);
	}
	return e;
}

static void copy_text(struct member *m, struct job *j)
{
	struct str text = trace_find(&m->trace, j->call, j->text);
	j->copied.p = text.n ? malloc(text.n) : NULL;
	if (!job_give(j, j->copied.p ? OK : ERR_NOT_FOUND)) return;
	memcpy(j->copied.p, text.p, text.n);
	j->copied.n = text.n;
}

static enum err trace_text(void *self, uint64_t id, uint32_t text, struct buf *out)
{
	struct job *j;
	enum err e = ask_each(self, make_by_call, &(struct by_call){ .run = copy_text, .call = id, .text = text }, &j);
	if (e != OK) return e;
	put(out, (struct str){ j->copied.p, j->copied.n });
	job_free(j);
	return out->err;
}

// ---- What needs no worker ------------------------------------------------------------------------------------------

static enum err dial(void *self, const struct control_dial *q, struct call_record *record)
{
	struct node *n = self;
	rcu_online(); // this thread alone changes the office, but workers change locations
	enum err e = dial_dry(record, q, n->setup.office, n->live, clock_monotonic_ms(), clock_wall_ms());
	rcu_offline();
	return e;
}

static uint32_t show_bindings(struct node *n, uint32_t line, struct control_registration *out, uint32_t room)
{
	struct binding b[LOCATION_BINDINGS_MAX];
	uint64_t now_ms = clock_monotonic_ms(), wall_ms = clock_wall_ms();
	uint32_t count = location_get(n->live->location, line, now_ms, b, ARRAY_LEN(b));
	for (uint32_t i = 0; i < count && i < room; i++) {
		out[i] = (struct control_registration){ .line = line, .peer = b[i].peer, .since_wall_ms = b[i].since_wall_ms,
			.expires_wall_ms = wall_ms + (b[i].expires_ms - now_ms) };
		str_to_z(out[i].contact, sizeof out[i].contact, b[i].contact);
		str_to_z(out[i].agent, sizeof out[i].agent, b[i].user_agent);
	}
	return count;
}

static enum err registrations(void *self, uint32_t line, struct control_registration *out, uint32_t max,
                              uint32_t *count)
{
	struct node *n = self;
	uint32_t at = 0;
	*count = 0;
	rcu_online();
	if (line) *count = show_bindings(n, line, out, max);
	while (!line && location_next(n->live->location, &at))
		*count += show_bindings(n, at, out + (*count < max ? *count : max), *count < max ? max - *count : 0);
	rcu_offline();
	return OK;
}

static void look_at_line(struct member *m, struct job *j)
{
	worker_news(m->worker, &(struct line_news){ .kind = NEWS_CHANGED, .dialog.line = j->line });
}

// Who subscribed to them is told at once; if this news is lost, when they are looked at the next time.
static void tell_home(struct node *n, uint32_t id)
{
	const struct office_line *line = office_line(n->setup.office, id);
	struct job *j = line ? job_new(look_at_line) : NULL;
	if (!j) return;
	j->line = id;
	crew_tell(n->crew, live_home(str_from(line->name), n->worker_count), j);
}

static enum err messages(void *self, uint32_t line, const struct waiting *set, struct waiting *out)
{
	struct node *n = self;
	if (set && waiting_set(n->live->waiting, line, *set)) tell_home(n, line);
	*out = waiting_get(n->live->waiting, line);
	return OK;
}

// What DNS said of a name, and how old that is.
static void show_name(const struct node *n, struct control_peer *p, const struct office_name *name, uint64_t now_ms)
{
	struct resolver_state s;
	struct buf b = buf_on(p->name, sizeof p->name - 1);
	put_office_name(&b, name);
	p->name[b.n] = '\0';
	if (resolver_state(&s, n->resolver, name) != OK || !s.since_ms) return;
	p->found_wall_ms = clock_wall_ms() - (now_ms - s.since_ms);
	p->good_for_s = s.until_ms > now_ms ? (uint32_t)((s.until_ms - now_ms) / 1000) : 0;
	p->stale = s.stale;
}

static struct control_registered show_registered(const struct node *n, uint32_t group)
{
	const struct trunk_registered own = trunk_registered_get(n->live->registered, group);
	uint64_t at_wall_ms = own.at_ms ? clock_wall_ms() + own.at_ms - clock_monotonic_ms() : 0;
	return (struct control_registered){ own.state, own.status, at_wall_ms };
}

static struct control_peer show_peer(const struct node *n, const struct office_trunk_group *g, uint32_t peer)
{
	uint64_t now_ms = clock_monotonic_ms(), since_ms;
	enum peer_state state = peer_state_get(n->live->peers, g->id, peer, &since_ms);
	struct control_peer p = { .trunk_group = g->id, .addr = g->peers[peer].addr, .supervised = g->options_s != 0,
		.answers = state != PEER_SILENT,
		.since_wall_ms = state == PEER_UNKNOWN ? 0 : clock_wall_ms() - (now_ms - since_ms),
		.calls = occupancy_now(n->live->occupancy, OCCUPANCY_TRUNK_GROUP, g->id) };
	p.registered = show_registered(n, g->id);
	if (g->peers[peer].name) show_name(n, &p, &g->names[g->peers[peer].name - 1], now_ms);
	return p;
}

static bool stands_for_something(const struct office_trunk_group *g, uint32_t name)
{
	for (uint32_t i = 0; i < g->peer_count; i++)
		if (g->peers[i].name == name + 1) return true;
	return false;
}

// A name that stands for nothing has a row without address.
static enum err peers(void *self, struct control_peer *out, uint32_t max, uint32_t *count)
{
	struct node *n = self;
	const struct office_rules *r = office_rules(n->setup.office);
	*count = 0;
	for (uint32_t i = 0; i < r->trunk_group_count; i++) {
		const struct office_trunk_group *g = &r->trunk_groups[i];
		for (uint32_t peer = 0; peer < g->peer_count; peer++, ++*count)
			if (*count < max) out[*count] = show_peer(n, g, peer);
		for (uint32_t name = 0; name < g->name_count; name++) {
			if (stands_for_something(g, name)) continue;
			if (*count < max) {
				out[*count] = (struct control_peer){ .trunk_group = g->id, .registered = show_registered(n, g->id) };
				show_name(n, &out[*count], &g->names[name], clock_monotonic_ms());
			}
			++*count;
		}
	}
	return OK;
}

uint32_t node_calls(struct node *n)
{
	return crew_use(n->crew).calls;
}

static enum err status(void *self, struct control_status *out)
{
	struct node *n = self;
	const struct config *c = n->setup.config;
	struct journal_status j = journal_status(n->journal);
	struct worker_use use = crew_use(n->crew);
	*out = (struct control_status){ .started_wall_ms = n->started_wall_ms,
		.up_ms = clock_monotonic_ms() - n->started_ms, .workers = n->worker_count, .media_threads = c->media_threads,
		.calls = use.calls, .calls_max = c->calls_max, .transactions = use.transactions + use.tombstones,
		.transactions_max = c->transactions_max,
		.registrations = (uint32_t)location_use(n->live->location).bindings, .cdr_sequence = j.sequence,
		.journal_healthy = j.healthy, .stopping = atomic_load(&n->crew->phase) != CREW_WORKS };
	struct media_use media = media_plane_use(n->media);
	out->media_ports = media.ports;
	out->media_ports_max = media.ports_max;
	return OK;
}

void node_drain(struct node *n, uint32_t limit_ms)
{
	uint64_t now_ms = clock_monotonic_ms();
	crew_stop(n->crew, now_ms + limit_ms);
	while (!crew_has_heard(n->crew) && clock_monotonic_ms() < now_ms + n->setup.ask_ms) usleep(200);
}

bool node_is_drained(const struct node *n)
{
	return crew_is_drained(n->crew, clock_monotonic_ms());
}

static enum err reload(void *self, const struct config *config)
{
	struct node *n = self;
	log_level = config->log_level;
	inputs_keep_set(n->inputs, config->inputs, (uint64_t)config->inputs_max_mb << 20);
	return node_reload_tls(n);
}

static int wake_fd(void *self)
{
	return ((struct node *)self)->control_loop.epoll_fd;
}

// A feature that a phone set: changed in store and office as any other change, then the call hears of it.
static void change_feature(struct node *n, uint32_t worker, const struct feature_change *c)
{
	struct provision_answer answer;
	const struct office_line *line = office_line(n->setup.office, c->line);
	char who[OFFICE_NAME_MAX + 8];
	snprintf(who, sizeof who, "phone:%s", line ? line->name : "?");
	provision_set_feature(&answer, n->setup.provision,
		&(struct provision_feature_change){ .line = c->line, .feature = c->feature, .active = c->active,
			.target = str_from(c->target), .who = str_from(who), .wall_ms = clock_wall_ms() });
	if (answer.err != OK)
		LOG(WARN, "feature_refused", LOG_TEXT("a feature set from a phone was refused"), LOG_Z("who", who),
		    LOG_Z("why", answer.why));
	crew_feature_done(n->crew, worker, c, answer.err);
}

void node_save_registrations(struct node *n, uint32_t max)
{
	const struct env env = { .now_ms = clock_monotonic_ms(), .wall_ms = clock_wall_ms() };
	uint32_t count = 0;
	if (!n->registrations) return;
	rcu_online();
	if (registration_save(n->registrations, n->live->location, &env, max, &count) != OK)
		LOG(WARN, "registrations_unsaved", LOG_TEXT("registrations could not be saved; they are tried again"));
	rcu_offline();
}

static uint32_t take_kept(struct node *n, struct kept_subscription *rows, uint32_t max)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < n->worker_count; i++)
		while (count < max && crew_next_subscription(n->crew, i, &rows[count])) count++;
	return count;
}

static enum err save_reports(struct node *n)
{
	static struct quality_report rows[256]; // of the one control thread
	enum err e = OK;
	for (uint32_t count = 1; e == OK && count;) {
		count = 0;
		for (uint32_t i = 0; i < n->worker_count; i++)
			while (count < ARRAY_LEN(rows) && crew_next_report(n->crew, i, &rows[count])) count++;
		if (count) e = line_state_save_reports(n->line_states, rows, count);
	}
	return e;
}

// What is not saved in time is lost with a crash: then its phone is answered 481 when it refreshes.
void node_save_line_states(struct node *n)
{
	const struct env env = { .now_ms = clock_monotonic_ms(), .wall_ms = clock_wall_ms() };
	static struct kept_subscription rows[256]; // of the one control thread
	enum err e = OK;
	if (!n->line_states || !n->crew) return;
	for (uint32_t count; e == OK && (count = take_kept(n, rows, ARRAY_LEN(rows)));)
		e = line_state_save_subscriptions(n->line_states, &env, rows, count);
	if (e == OK) e = save_reports(n);
	if (e == OK) e = line_state_save_messages(n->line_states, n->live->waiting);
	if (e != OK) LOG(WARN, "line_states_unsaved", LOG_TEXT("messages, subscriptions or reports could not be saved"));
}

static uint32_t step(void *self)
{
	struct node *n = self;
	struct feature_change c;
	uint64_t now_ms = clock_monotonic_ms();
	loop_wait(&n->control_loop, 0);
	for (uint32_t i = 0; i < n->worker_count; i++)
		while (crew_next_feature(n->crew, i, &c)) change_feature(n, i, &c);
	inputs_keep_step(n->inputs);
	if (now_ms - n->saved_ms >= 1000) {
		node_save_registrations(n, SAVE_LINES);
		node_save_line_states(n);
		n->saved_ms = now_ms;
	}
	if (now_ms - n->audited_ms >= AUDIT_MS) {
		node_audit(n);
		n->audited_ms = now_ms;
	}
	uint64_t resolve_ms = node_resolve(n, now_ms);
	return resolve_ms < now_ms + STEP_MS ? (uint32_t)(resolve_ms > now_ms ? resolve_ms - now_ms : 1) : STEP_MS;
}

static const struct control_ops node_control_ops = {
	.status = status, .calls = calls, .call = call, .call_release = call_release, .trace_call = trace_call,
	.trace_line = trace_lines, .trace_text = trace_text, .dial = dial, .registrations = registrations, .messages = messages,
	.peers = peers,
	.reload = reload, .wake_fd = wake_fd, .step = step,
};

struct control node_control(struct node *n)
{
	return (struct control){ .ops = &node_control_ops, .self = n };
}
