// Mail, turns and wake-ups of the workers.
#include "run/crew.h"

#include <stdlib.h>
#include <unistd.h>

COUNTER(node_mail_full, "Packets and connections for another worker that were lost because its mail was full");
COUNTER(node_packets_passed, "Packets that landed on another worker's socket");
COUNTER(node_features_full, "Features set from phones that were refused because the control thread was behind");

#define MAIL_INLINE 2048 // octets of a packet that fit into a letter; longer ones go by pointer
#define FEATURES_MAX 64
#define REPORTS_MAX 256
#define SUBSCRIPTIONS_KEPT_MAX 512 // that wait for the control thread; more wait where they are
#define OUT_PACKETS 256
#define SWEEP_MS 1000
#define SWEEP_LINES 16384
#define RECOVER_AT_ONCE 64 // calls of a turn: who calls meanwhile waits no longer than for these
#define RECOVER_PAUSE_MS 5 // when the journal has no room

// Whoever wakes a member that is asleep calls setup.wake, once; one that is awake finds that it was called before it
// sleeps.
enum member_sleep { AWAKE, ASLEEP, CALLED };

enum mail_kind { MAIL_PACKET, MAIL_OUT, MAIL_SOCKET, MAIL_JOB, MAIL_NEWS, MAIL_TIE };
struct mail { // a value on a ring
	uint8_t kind;         // enum mail_kind
	union {
		struct packet packet; // its data is `text` or `large`; of a socket: whose it is
		struct tie_letter tie; // its text the same
	};
	int fd;
	uint32_t n;
	char *large; // owned by whoever took the letter; NULL: text
	struct job *job;
	union {
		char text[MAIL_INLINE];
		struct line_news news;
	};
};

// ---- Wake-ups -------------------------------------------------------------------------------------------------------

void crew_wake(struct crew *c, uint32_t index)
{
	if (atomic_exchange(&c->members[index].sleep, CALLED) == ASLEEP) c->setup.wake(c->setup.self, index);
}

bool crew_may_sleep(struct member *m)
{
	int awake = AWAKE;
	return atomic_compare_exchange_strong(&m->sleep, &awake, ASLEEP);
}

// ---- Mail -----------------------------------------------------------------------------------------------------------

static enum err mail_to(struct crew *c, uint32_t from, uint32_t to, const struct mail *m)
{
	enum err e = ring_put(&c->members[to].mail[from], m);
	if (e == OK) crew_wake(c, to);
	return e;
}

// A letter that is filled in, with the octets that go with it.
static enum err send_octets(struct member *m, uint32_t to, struct mail *letter, struct str octets)
{
	enum err e = ERR_FULL;
	letter->n = octets.n;
	letter->large = octets.n > MAIL_INLINE ? malloc(octets.n) : NULL;
	if (letter->large || octets.n <= MAIL_INLINE) {
		if (octets.n) memcpy(letter->large ? letter->large : letter->text, octets.p, octets.n);
		e = mail_to(m->crew, m->index, to, letter);
	}
	if (e == OK) return OK;
	COUNT(node_mail_full);
	free(letter->large);
	return e;
}

static struct str octets_of(const struct mail *letter)
{
	return (struct str){ letter->large ? letter->large : letter->text, letter->n };
}

static void pass_on(struct member *m, uint32_t to, enum mail_kind kind, const struct packet *p)
{
	struct mail letter;
	letter.kind = (uint8_t)kind;
	letter.packet = *p;
	COUNT(node_packets_passed);
	enum err lost = send_octets(m, to, &letter, p->data); // counted there
	(void)lost;
}

static enum err send_tie(void *self, const struct tie_letter *l)
{
	struct member *m = self;
	struct mail letter;
	if (l->to_worker >= m->crew->count) return ERR_BAD;
	letter.kind = MAIL_TIE;
	letter.tie = *l;
	return send_octets(m, l->to_worker, &letter, l->text);
}

void crew_input(struct member *m, const struct packet *p)
{
	uint32_t owner = p->returned ? worker_of_returned(m->worker, p->data) : worker_of_packet(m->worker, p->data);
	if (owner == m->index) worker_input(m->worker, p);
	else pass_on(m, owner, MAIL_PACKET, p);
}

uint32_t crew_of_peer(const struct crew *c, const struct addr *peer)
{
	static const struct hash_key same_in_all = { { 0x636f6e6e65637469, 0x6f6e732e6f662e61 } };
	char text[sizeof peer->ip + 2];
	memcpy(text, peer->ip, sizeof peer->ip);
	memcpy(text + sizeof peer->ip, &peer->port, 2);
	return (uint32_t)(hash_str(&same_in_all, (struct str){ text, sizeof text }) % c->count);
}

void crew_pass_out(struct member *m, uint32_t to, const struct packet *p)
{
	pass_on(m, to, MAIL_OUT, p);
}

void crew_connection_ended(struct member *m, const struct addr *peer)
{
	const struct packet p = { .peer = *peer, .returned = true, .data = STR("") };
	for (uint32_t i = 0; i < m->crew->count; i++) {
		if (i == m->index) worker_input(m->worker, &p);
		else pass_on(m, i, MAIL_PACKET, &p);
	}
}

enum err crew_pass_socket(struct member *m, uint32_t to, int fd, uint16_t listener, const struct addr *peer)
{
	struct mail letter;
	letter.kind = MAIL_SOCKET;
	letter.fd = fd;
	letter.large = NULL;
	letter.packet = (struct packet){ .peer = *peer, .listener = listener };
	enum err e = mail_to(m->crew, m->index, to, &letter);
	if (e != OK) COUNT(node_mail_full);
	return e;
}

// Lost when there is no room: it is told again, or missed and noticed (run/watched_lines.h).
static void tell(void *self, uint32_t to, const struct line_news *n)
{
	struct member *m = self;
	struct mail letter;
	letter.kind = MAIL_NEWS;
	letter.large = NULL;
	letter.news = *n;
	if (mail_to(m->crew, m->index, to, &letter) != OK) COUNT(node_mail_full);
}

static void run_job(struct member *m, struct job *j)
{
	int waits = JOB_WAITS;
	j->run(m, j);
	if (!atomic_compare_exchange_strong(&j->state, &waits, JOB_DONE)) job_free(j); // nobody waits any more
}

static void take_packet(struct member *m, struct mail *letter)
{
	struct packet *p = &letter->packet;
	p->data = octets_of(letter);
	if (letter->kind == MAIL_PACKET) worker_input(m->worker, p);
	else outbox_send(&m->out, p->listener, &p->peer, p->data);
	free(letter->large);
}

static void take_tie(struct member *m, struct mail *letter)
{
	letter->tie.text = octets_of(letter);
	worker_tie(m->worker, &letter->tie);
	free(letter->large);
}

static void take_letter(struct member *m, struct mail *letter)
{
	const struct crew_setup *s = &m->crew->setup;
	switch ((enum mail_kind)letter->kind) {
	case MAIL_PACKET:
	case MAIL_OUT: take_packet(m, letter); break;
	case MAIL_SOCKET: s->adopt(s->self, m->index, letter->fd, letter->packet.listener, &letter->packet.peer); break;
	case MAIL_JOB: run_job(m, letter->job); break;
	case MAIL_NEWS: worker_news(m->worker, &letter->news); break;
	case MAIL_TIE: take_tie(m, letter); break;
	}
}

static void take_mail(struct member *m)
{
	struct mail letter;
	for (uint32_t from = 0; from <= m->crew->count; from++)
		while (ring_take(&m->mail[from], &letter)) take_letter(m, &letter);
}

// ---- A turn ---------------------------------------------------------------------------------------------------------

static void take_answers(struct member *m)
{
	const struct crew_setup *s = &m->crew->setup;
	struct media *plane = s->media(s->self, m->index);
	struct media_event e;
	struct journal_done d;
	while (plane->ops->take(plane, &e)) worker_media_event(m->worker, &e);
	while (journal_take(s->journal, m->index, &d)) worker_journal_done(m->worker, &d);
}

// Ends calls that were answered when the switch died: all members share the work. When to go on.
static uint64_t recover(struct member *m, uint64_t now_ms)
{
	struct recovering *r = m->recovering;
	for (uint32_t i = 0; r && i < RECOVER_AT_ONCE; i++) {
		if (!r->waits && !journal_next_recovered(m->crew->setup.journal, &r->answer, &r->life_wall_ms)) {
			free(r);
			m->recovering = NULL;
			return UINT64_MAX;
		}
		if (!r->waits) r->done = 0;
		r->waits = worker_recover(m->worker, &r->answer, r->life_wall_ms, &r->done) != OK;
		if (r->waits) return now_ms + RECOVER_PAUSE_MS;
	}
	return r ? now_ms : UINT64_MAX;
}

// The end comes to all members as one number, so that nothing can keep it from them.
static int follow_phase(struct member *m)
{
	int phase = atomic_load(&m->crew->phase), heard = atomic_load(&m->heard);
	if (phase >= CREW_DRAINS && heard < CREW_DRAINS) worker_stop(m->worker);
	if (phase >= CREW_RELEASES && heard < CREW_RELEASES) worker_release_all(m->worker);
	return phase;
}

static void publish_use(struct member *m)
{
	const struct worker_use use = worker_use(m->worker);
	atomic_store_explicit(&m->use.calls, use.calls, memory_order_relaxed);
	atomic_store_explicit(&m->use.legs, use.legs, memory_order_relaxed);
	atomic_store_explicit(&m->use.transactions, use.transactions, memory_order_relaxed);
	atomic_store_explicit(&m->use.tombstones, use.tombstones, memory_order_relaxed);
	atomic_store_explicit(&m->use.recovering, m->recovering != NULL, memory_order_relaxed);
	atomic_store_explicit(&m->use.leaving, use.leaving, memory_order_relaxed);
}

static void flush(struct member *m)
{
	outbox_flush(&m->out);
	// Not before: after a crash in between, the next start would know nothing of phones that still are to be told.
	journal_let_go(m->crew->setup.journal, m->index);
}

uint64_t crew_turn(struct member *m, uint64_t now_ms, uint64_t wall_ms)
{
	atomic_exchange(&m->sleep, AWAKE); // before the look at what waits: what comes later calls again
	worker_at(m->worker, now_ms, wall_ms);
	take_mail(m);
	take_answers(m);
	int phase = follow_phase(m);
	uint64_t recover_ms = recover(m, now_ms), next_ms = worker_tick(m->worker);
	if (now_ms - m->swept_ms >= SWEEP_MS) {
		location_sweep(m->crew->setup.worker.live->location, m->index, now_ms, SWEEP_LINES);
		m->swept_ms = now_ms;
	}
	flush(m);
	publish_use(m);
	atomic_store(&m->heard, phase); // after what it made of that
	if (recover_ms < next_ms) next_ms = recover_ms;
	return next_ms < now_ms + SWEEP_MS ? next_ms : now_ms + SWEEP_MS;
}

void crew_leave(struct member *m)
{
	worker_leave(m->worker);
	flush(m);
}

// ---- The control thread ---------------------------------------------------------------------------------------------

struct job *job_new(void (*run)(struct member *m, struct job *j))
{
	struct job *j = calloc(1, sizeof *j);
	if (j) j->run = run;
	return j;
}

struct job *job_free(struct job *j)
{
	if (!j) return NULL;
	free(j->rows);
	free(j->copied.p);
	free(j);
	return NULL;
}

enum err crew_give(struct crew *c, uint32_t index, struct job *j)
{
	return mail_to(c, c->count, index, &(struct mail){ .kind = MAIL_JOB, .job = j });
}

void crew_tell(struct crew *c, uint32_t index, struct job *j)
{
	if (!j) return;
	atomic_store(&j->state, JOB_GIVEN_UP);
	if (crew_give(c, index, j) != OK) job_free(j);
}

bool crew_next_feature(struct crew *c, uint32_t index, struct feature_change *out)
{
	return ring_take(&c->members[index].features, out);
}

bool crew_next_subscription(struct crew *c, uint32_t index, struct kept_subscription *out)
{
	return ring_take(&c->members[index].subscriptions, out);
}

bool crew_next_report(struct crew *c, uint32_t index, struct quality_report *out)
{
	return ring_take(&c->members[index].reports, out);
}

void crew_restore(struct crew *c, const struct kept_subscription *row)
{
	const struct office_line *line = office_line(c->setup.worker.office, row->watched);
	if (line) worker_restore(c->members[live_home(str_from(line->name), c->count)].worker, row);
}

static void answer_feature(struct member *m, struct job *j)
{
	worker_feature_done(m->worker, j->feature.owner, j->feature.result);
}

// When there is no memory or room for it, the call's own timer goes on without.
void crew_feature_done(struct crew *c, uint32_t index, const struct feature_change *change, enum err result)
{
	struct job *j = job_new(answer_feature);
	if (!j) return;
	j->feature.owner = change->owner;
	j->feature.result = result;
	crew_tell(c, index, j);
}

struct worker_use crew_use(const struct crew *c)
{
	struct worker_use sum = { 0 };
	for (uint32_t i = 0; i < c->count; i++) {
		const struct member *m = &c->members[i];
		sum.calls += atomic_load_explicit(&m->use.calls, memory_order_relaxed);
		sum.legs += atomic_load_explicit(&m->use.legs, memory_order_relaxed);
		sum.transactions += atomic_load_explicit(&m->use.transactions, memory_order_relaxed);
		sum.tombstones += atomic_load_explicit(&m->use.tombstones, memory_order_relaxed);
	}
	return sum;
}

// ---- The end --------------------------------------------------------------------------------------------------------

static void begin_phase(struct crew *c, enum crew_phase phase, uint64_t until_ms)
{
	c->until_ms = until_ms;
	if (atomic_exchange(&c->phase, phase) == (int)phase) return;
	for (uint32_t i = 0; i < c->count; i++) crew_wake(c, i);
}

void crew_stop(struct crew *c, uint64_t until_ms)
{
	if (atomic_load(&c->phase) <= CREW_DRAINS) begin_phase(c, CREW_DRAINS, until_ms);
}

bool crew_has_heard(const struct crew *c)
{
	int phase = atomic_load(&c->phase);
	for (uint32_t i = 0; i < c->count; i++)
		if (atomic_load(&c->members[i].heard) != phase) return false;
	return true;
}

bool crew_is_drained(const struct crew *c, uint64_t now_ms)
{
	return now_ms >= c->until_ms || (crew_has_heard(c) && crew_use(c).calls == 0);
}

// A leg stands until its BYE is answered.
static bool is_released(const struct crew *c, uint64_t now_ms)
{
	const struct worker_use use = crew_use(c);
	uint32_t others = 0;
	for (uint32_t i = 0; i < c->count; i++)
		others += atomic_load(&c->members[i].use.recovering) + atomic_load(&c->members[i].use.leaving);
	return now_ms >= c->until_ms || (crew_has_heard(c) && use.calls + use.legs + others == 0);
}

enum crew_phase crew_stopping(struct crew *c, uint64_t now_ms)
{
	if (atomic_load(&c->phase) == CREW_DRAINS && crew_is_drained(c, now_ms))
		begin_phase(c, CREW_RELEASES, now_ms + CREW_RELEASE_MS);
	else if (atomic_load(&c->phase) == CREW_RELEASES && is_released(c, now_ms))
		begin_phase(c, CREW_STOPPED, 0);
	return (enum crew_phase)atomic_load(&c->phase);
}

static enum err set_feature(void *self, uint32_t index, uint64_t owner, uint32_t line, uint8_t feature, bool active,
                            struct str target)
{
	struct crew *c = self;
	struct feature_change change = { .owner = owner, .line = line, .feature = feature, .active = active };
	str_to_z(change.target, sizeof change.target, target);
	enum err e = ring_put(&c->members[index].features, &change);
	if (e == OK) c->setup.wake_control(c->setup.self);
	else COUNT(node_features_full);
	return e;
}

// ---- Life -----------------------------------------------------------------------------------------------------------

static void send_packets(struct outbox *o, void *self)
{
	const struct member *m = self;
	m->crew->setup.send(m->crew->setup.self, m->index, o);
}

static enum err keep_subscription(void *self, const struct kept_subscription *row)
{
	struct member *m = self;
	return ring_put(&m->subscriptions, row);
}

static enum err keep_report(void *self, const struct quality_report *r)
{
	struct member *m = self;
	return ring_put(&m->reports, r);
}

static enum err make_member(struct crew *c, uint32_t index)
{
	const struct crew_setup *s = &c->setup;
	struct member *m = &c->members[index];
	struct worker_setup w = s->worker;
	m->crew = c;
	m->index = index;
	m->mail = calloc(c->count + 1, sizeof *m->mail);
	enum err e = m->mail ? OK : ERR_FULL;
	for (uint32_t i = 0; i <= c->count && e == OK; i++) e = ring_init(&m->mail[i], sizeof(struct mail), s->mail_max);
	if (e == OK) e = ring_init(&m->features, sizeof(struct feature_change), FEATURES_MAX);
	if (e == OK) e = ring_init(&m->subscriptions, sizeof(struct kept_subscription), SUBSCRIPTIONS_KEPT_MAX);
	if (e == OK) e = ring_init(&m->reports, sizeof(struct quality_report), REPORTS_MAX);
	if (e == OK) e = outbox_init(&m->out, OUT_PACKETS, 4 * PACKET_MAX);
	if (e == OK) e = trace_init(&m->trace);
	m->out.flush = send_packets;
	m->out.self = m;
	if (e == OK && journal_recovered_count(s->journal)) {
		m->recovering = calloc(1, sizeof *m->recovering);
		if (!m->recovering) e = ERR_FULL;
	}
	w.index = index;
	w.count = c->count;
	w.boot = journal_boot(s->journal);
	w.journal = journal_of(s->journal);
	journal_hold(s->journal, index);
	w.media = s->media(s->self, index);
	w.out = &m->out;
	w.set_feature = set_feature;
	w.set_feature_self = c;
	w.keep = keep_subscription;
	w.report = keep_report;
	w.keep_self = w.report_self = m;
	w.tell = tell;
	w.tell_self = m;
	w.send_tie = send_tie;
	w.send_tie_self = m;
	w.trace = &m->trace;
	w.inputs = s->inputs ? s->inputs(s->self, index) : NULL;
	if (e == OK) m->worker = worker_new(&w);
	return e == OK && !m->worker ? ERR_FULL : e;
}

enum err crew_new(struct crew **out, const struct crew_setup *setup)
{
	struct crew *c = calloc(1, sizeof *c);
	*out = NULL;
	if (!c) return ERR_FULL;
	c->setup = *setup;
	c->members = calloc(setup->count, sizeof *c->members);
	c->count = c->members ? setup->count : 0;
	enum err e = c->members ? OK : ERR_FULL;
	for (uint32_t i = 0; i < c->count && e == OK; i++) e = make_member(c, i);
	if (e == OK) *out = c;
	else crew_free(c);
	return e;
}

// What came after its last turn.
static void drop_mail(struct member *m, uint32_t rings)
{
	struct mail letter;
	for (uint32_t i = 0; m->mail && i < rings; i++) {
		while (m->mail[i].items && ring_take(&m->mail[i], &letter)) {
			if (letter.kind == MAIL_JOB) job_free(letter.job);
			else if (letter.kind == MAIL_SOCKET) close(letter.fd);
			else free(letter.large);
		}
		ring_fini(&m->mail[i]);
	}
	free(m->mail);
}

struct crew *crew_free(struct crew *c)
{
	if (!c) return NULL;
	for (uint32_t i = 0; i < c->count; i++) {
		struct member *m = &c->members[i];
		worker_free(m->worker);
		drop_mail(m, c->count + 1);
		ring_fini(&m->features);
		ring_fini(&m->subscriptions);
		ring_fini(&m->reports);
		outbox_fini(&m->out);
		trace_fini(&m->trace);
		free(m->recovering);
	}
	free(c->members);
	free(c);
	return NULL;
}
