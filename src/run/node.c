// Threads and sockets around the workers.
#include "run/node_inside.h"

#include "base/log.h"
#include "base/rcu.h"
#include "call/half/call.h"
#include "wire/net/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

COUNTER(node_mail_full, "Packets for another worker that were lost because its mail was full");
COUNTER(node_packets_passed, "Packets that landed on another worker's socket");
COUNTER(node_features_full, "Features set from phones that were refused because the control thread was behind");

#define MAIL_COUNT 1024
#define OUT_PACKETS 256
#define RECOVER_MS 10000
#define STOP_WAIT_MS 1000
#define READ_ROUNDS 4 // batches of one socket before timers and others get their turn

// ---- Mail ----------------------------------------------------------------------------------------------------------

static enum err mail_to(struct node *n, uint32_t from, uint32_t to, const struct mail *m)
{
	struct node_worker *nw = &n->workers[to];
	enum err e = ring_put(&nw->mail[from], m);
	if (e == OK && !atomic_exchange(&nw->mail_waits, true)) loop_wake(&nw->loop);
	return e;
}

static void pass_on(struct node_worker *nw, uint32_t to, const struct packet *p)
{
	struct mail m = { .kind = MAIL_PACKET, .packet = *p, .n = p->data.n };
	if (p->data.n > MAIL_INLINE) {
		m.large = malloc(p->data.n);
		if (!m.large) {
			COUNT(node_mail_full);
			return;
		}
	}
	memcpy(m.large ? m.large : m.text, p->data.p, p->data.n);
	COUNT(node_packets_passed);
	if (mail_to(nw->node, nw->index, to, &m) == OK) return;
	COUNT(node_mail_full);
	free(m.large);
}

struct job *node_job(void (*run)(struct node_worker *nw, struct job *j))
{
	struct job *j = calloc(1, sizeof *j);
	if (j) j->run = run;
	return j;
}

void node_job_free(struct job *j)
{
	if (!j) return;
	free(j->rows);
	free(j->copied.p);
	free(j);
}

static void run_job(struct node_worker *nw, struct job *j)
{
	int waits = JOB_WAITS;
	j->run(nw, j);
	if (!atomic_compare_exchange_strong(&j->state, &waits, JOB_DONE)) node_job_free(j); // nobody waits any more
}

static void take_mail(struct node_worker *nw)
{
	struct mail m;
	atomic_store(&nw->mail_waits, false);
	for (uint32_t from = 0; from <= nw->node->worker_count; from++) {
		while (ring_take(&nw->mail[from], &m)) {
			if (m.kind == MAIL_JOB) {
				run_job(nw, m.job);
				continue;
			}
			m.packet.data = (struct str){ m.large ? m.large : m.text, m.n };
			worker_input(nw->worker, &m.packet);
			free(m.large);
		}
	}
}

bool node_tell(struct node *n, uint32_t worker, struct job *j)
{
	atomic_store(&j->state, JOB_GIVEN_UP);
	return mail_to(n, n->worker_count, worker, &(struct mail){ .kind = MAIL_JOB, .job = j }) == OK;
}

enum err node_ask(struct node *n, uint32_t worker, struct job *j)
{
	uint64_t until = clock_monotonic_ms() + n->setup.ask_ms;
	int waits = JOB_WAITS;
	if (!j) return ERR_FULL;
	if (mail_to(n, n->worker_count, worker, &(struct mail){ .kind = MAIL_JOB, .job = j }) != OK) {
		node_job_free(j);
		return ERR_FULL;
	}
	while (atomic_load(&j->state) == JOB_WAITS && clock_monotonic_ms() < until) usleep(200);
	if (atomic_compare_exchange_strong(&j->state, &waits, JOB_GIVEN_UP)) return ERR_TIMEOUT; // the worker frees it
	return OK;
}

// ---- A worker's thread ---------------------------------------------------------------------------------------------

static void read_socket(struct node_worker *nw, struct udp *u)
{
	uint32_t n = UDP_BATCH;
	rcu_online(); // the loop calls from within its wait
	for (int round = 0; round < READ_ROUNDS && n == UDP_BATCH; round++) {
		uint64_t now_ms = clock_monotonic_ms();
		worker_at(nw->worker, now_ms, clock_wall_ms());
		n = udp_read(u, &nw->reader, now_ms);
		for (uint32_t i = 0; i < n; i++) {
			const struct packet *p = &nw->reader.packets[i];
			uint32_t owner = worker_of_packet(nw->worker, p->data);
			if (owner == nw->index) worker_input(nw->worker, p);
			else pass_on(nw, owner, p);
		}
	}
}

static void on_readable(void *self, uint32_t events)
{
	struct node_watch *w = self;
	(void)events;
	read_socket(w->worker, w->socket);
}

static void take_answers(struct node_worker *nw)
{
	struct media *plane = media_plane_of(nw->node->media, nw->index);
	struct media_event e;
	struct journal_done d;
	while (plane->ops->take(plane, &e)) worker_media_event(nw->worker, &e);
	while (journal_take(nw->node->journal, nw->index, &d)) worker_journal_done(nw->worker, &d);
}

static void *work(void *self)
{
	struct node_worker *nw = self;
	uint64_t swept_ms = 0;
	rcu_join();
	count_join();
	while (!atomic_load(&nw->node->stopping)) {
		rcu_quiescent();
		uint64_t now_ms = clock_monotonic_ms();
		worker_at(nw->worker, now_ms, clock_wall_ms());
		take_mail(nw);
		take_answers(nw);
		uint64_t next = worker_tick(nw->worker);
		if (now_ms - swept_ms >= 1000) {
			location_sweep(nw->node->live->location, nw->index, now_ms, 16384);
			swept_ms = now_ms;
		}
		media_plane_wake(nw->node->media, nw->index); // before anyone is told where to send
		outbox_flush(&nw->out);
		rcu_offline();
		uint64_t wait = next > now_ms ? next - now_ms : 0;
		loop_wait(&nw->loop, wait < 1000 ? wait : 1000);
	}
	media_plane_wake(nw->node->media, nw->index);
	outbox_flush(&nw->out);
	rcu_leave();
	return NULL;
}

static void wake_worker(void *self, uint32_t worker)
{
	struct node *n = self;
	loop_wake(&n->workers[worker].loop);
}

static enum err set_feature(void *self, uint32_t worker, uint64_t owner, uint32_t line, uint8_t feature, bool active,
                            struct str target)
{
	struct node *n = self;
	struct feature_change c = { .owner = owner, .line = line, .feature = feature, .active = active };
	str_to_z(c.target, sizeof c.target, target);
	enum err e = ring_put(&n->workers[worker].features, &c);
	if (e == OK) loop_wake(&n->control_loop);
	else COUNT(node_features_full);
	return e;
}

// ---- Start and stop ------------------------------------------------------------------------------------------------

static uint32_t count_workers(const struct config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return c->workers ? c->workers : cores > 0 && cores < 64 ? (uint32_t)cores : 1;
}

static struct addr told(const struct addr *public, const struct addr *bound)
{
	struct addr a = public->family ? *public : *bound;
	if (!a.port) a.port = bound->port;
	return a;
}

static enum err open_sockets(struct node *n, struct buf *why)
{
	const struct config *c = n->setup.config;
	for (uint32_t w = 0; w < n->worker_count; w++) {
		struct node_worker *nw = &n->workers[w];
		for (uint16_t i = 0; i < c->listener_count; i++) {
			const struct udp_settings s = { .local = c->listeners[i].address, .share_port = n->worker_count > 1,
				.dscp = 24,
				.buffer_bytes = 4u << 20 };
			enum err e = udp_open(&nw->sockets[i], &s, i, why);
			if (e != OK) return e;
			nw->watches[i] = (struct node_watch){ .worker = nw, .socket = &nw->sockets[i],
				.watch = { .fd = nw->sockets[i].fd, .ready = on_readable, .self = &nw->watches[i] } };
			if (loop_watch(&nw->loop, &nw->watches[i].watch, LOOP_READ) != OK) return ERR_SYSTEM;
		}
	}
	return OK;
}

static enum err start_media(struct node *n)
{
	const struct config *c = n->setup.config;
	struct media_setup s = { .workers = n->worker_count, .threads = c->media_threads,
		.sessions_max = c->calls_max / n->worker_count + 1 + CALLS_RESERVED, .wake = wake_worker, .wake_self = n };
	for (uint32_t i = 0; i < c->media_count; i++) {
		s.addresses[s.address_count++] = (struct media_address){ .bound = c->media[i].address, .told = c->media[i].public,
			.port_first = (uint16_t)c->media[i].port_first, .port_last = (uint16_t)c->media[i].port_last };
		s.loopback = s.loopback || addr_is_loopback(&c->media[i].address);
	}
	for (uint32_t i = 0; i < c->listener_count; i++) s.own[s.own_count++] = c->listeners[i].address;
	if (getrandom(&s.seed, sizeof s.seed, 0) != sizeof s.seed) return ERR_SYSTEM;
	return media_plane_new(&n->media, &s);
}

static enum err open_records(struct node *n, struct buf *why)
{
	char folder[CONFIG_PATH_MAX + 16], path[CONFIG_PATH_MAX + 16];
	struct store_fault fault = { 0 };
	struct env env = { .now_ms = clock_monotonic_ms(), .wall_ms = clock_wall_ms() };
	uint32_t count = 0;
	snprintf(folder, sizeof folder, "%s/journal", n->setup.config->data);
	snprintf(path, sizeof path, "%s/records.db", n->setup.config->data);
	if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
		put_fmt(why, "cannot make the journal's folder %s: %s", folder, strerror(errno));
		return ERR_SYSTEM;
	}
	enum err e = journal_open(&n->journal, &(struct journal_setup){ .folder = folder, .workers = n->worker_count,
		.sequence_least = cdr_last_sequence(path), .wake = wake_worker, .wake_self = n });
	if (e != OK) put_fmt(why, "the journal in %s cannot be opened: %s", folder,
		e == ERR_STATE ? "another switch has it open" : err_text(e));
	if (e == OK && (e = registration_open(&n->registrations, path, &fault)) != OK)
		put_fmt(why, "the records in %s cannot be opened: %s", path, fault.why);
	if (e == OK && registration_restore(n->registrations, n->live->location, n->setup.office, n->worker_count, &env,
		&count) != OK)
		LOG(WARN, "registrations_lost", LOG_TEXT("registrations of before could not be put back: phones register again"));
	if (e == OK && count)
		LOG(INFO, "registrations_restored", LOG_TEXT("registrations of before are put back"), LOG_U64("phones", count));
	if (e == OK) e = cdr_loader_start(&n->loader, &(struct cdr_loader_setup){ .journal = n->journal, .path = path });
	return e;
}

static enum err make_worker(struct node *n, uint32_t index, uint64_t seed, const struct sip_nonce_secret *secret)
{
	const struct config *c = n->setup.config;
	struct node_worker *nw = &n->workers[index];
	struct worker_setup s = { .index = index, .count = n->worker_count, .seed = seed, .now_ms = clock_monotonic_ms(),
		.wall_ms = clock_wall_ms(), .listener_count = c->listener_count, .calls_max = c->calls_max / n->worker_count + 1,
		.transactions_max = c->transactions_max / n->worker_count + 1, .nonce_secret = *secret, .office = n->setup.office,
		.live = n->live, .media = media_plane_of(n->media, index), .journal = journal_of(n->journal), .out = &nw->out,
		.set_feature = set_feature, .set_feature_self = n, .trace = &nw->trace };
	s.message_bytes_max = (uint64_t)s.transactions_max * 4096 + (4u << 20);
	for (uint32_t i = 0; i < c->listener_count; i++)
		s.listeners[i] = (struct worker_listener){ .bound = c->listeners[i].address,
			.advertised = told(&c->listeners[i].public, &c->listeners[i].address) };
	nw->worker = worker_new(&s);
	return nw->worker ? OK : ERR_FULL;
}

static enum err init_worker(struct node *n, uint32_t index)
{
	struct node_worker *nw = &n->workers[index];
	nw->node = n;
	nw->index = index;
	for (uint32_t i = 0; i < LISTENERS_MAX; i++) nw->sockets[i].fd = -1;
	nw->loop.epoll_fd = nw->loop.wake_fd = -1;
	nw->mail = calloc(n->worker_count + 1, sizeof *nw->mail);
	enum err e = nw->mail ? loop_init(&nw->loop) : ERR_FULL;
	for (uint32_t i = 0; i <= n->worker_count && e == OK; i++)
		e = ring_init(&nw->mail[i], sizeof(struct mail), MAIL_COUNT);
	if (e == OK) e = ring_init(&nw->features, sizeof(struct feature_change), 64);
	if (e == OK) e = outbox_init(&nw->out, OUT_PACKETS, 4 * PACKET_MAX);
	if (e == OK) e = udp_reader_init(&nw->reader, PACKET_MAX);
	if (e == OK) e = udp_sender_init(&nw->sender, nw->sockets, n->setup.config->listener_count);
	if (e == OK) e = trace_init(&nw->trace);
	nw->out.flush = udp_flush;
	nw->out.self = &nw->sender;
	return e;
}

// Letters that came after its thread had ended.
static void drop_mail(struct node_worker *nw)
{
	struct mail m;
	for (uint32_t i = 0; nw->mail && i <= nw->node->worker_count; i++) {
		while (nw->mail[i].items && ring_take(&nw->mail[i], &m)) {
			if (m.kind == MAIL_JOB) node_job_free(m.job);
			else free(m.large);
		}
		ring_fini(&nw->mail[i]);
	}
	free(nw->mail);
}

static void fini_worker(struct node_worker *nw)
{
	worker_free(nw->worker);
	for (uint32_t i = 0; i < LISTENERS_MAX; i++)
		if (nw->sockets[i].fd >= 0) udp_close(&nw->sockets[i]);
	loop_fini(&nw->loop);
	drop_mail(nw);
	ring_fini(&nw->features);
	outbox_fini(&nw->out);
	udp_reader_fini(&nw->reader);
	udp_sender_fini(&nw->sender);
	trace_fini(&nw->trace);
}

static void recover(struct node_worker *nw, struct job *j)
{
	j->err = worker_recover(nw->worker, &j->record, j->life_wall_ms);
}

struct recovered {
	struct call_record answer;
	uint64_t life_wall_ms;
};

// Calls that were answered when the switch died; the journal tells them before it starts.
static uint32_t find_recovered(struct node *n, struct recovered **out)
{
	struct recovered r, *all = NULL;
	uint32_t count = 0;
	while (journal_next_recovered(n->journal, &r.answer, &r.life_wall_ms)) {
		struct recovered *more = realloc(all, (count + 1) * sizeof *all);
		if (!more) break; // the rest is told at the next start
		all = more;
		all[count++] = r;
	}
	*out = all;
	return count;
}

// Worker 0 writes their release and says BYE to their phones. What a disk that fails does not take in time is told again
// at the next start.
static void end_recovered(struct node *n, const struct recovered *all, uint32_t count)
{
	uint64_t until = clock_monotonic_ms() + RECOVER_MS;
	for (uint32_t i = 0; i < count && clock_monotonic_ms() < until; i++) {
		struct job *j = node_job(recover);
		if (!j) return;
		j->record = all[i].answer;
		j->life_wall_ms = all[i].life_wall_ms;
		enum err e = node_ask(n, 0, j);
		bool full = e == OK && j->err == ERR_FULL;
		if (e == OK) node_job_free(j);
		if (full) {
			usleep(1000);
			i--;
		}
	}
	if (count)
		LOG(WARN, "calls_recovered", LOG_TEXT("calls that the last run left open are ended"), LOG_U64("calls", count));
}

static enum err start_threads(struct node *n)
{
	for (uint32_t i = 0; i < n->worker_count; i++) {
		if (pthread_create(&n->workers[i].thread, NULL, work, &n->workers[i]) != 0) return ERR_SYSTEM;
		n->workers[i].started = true;
	}
	return OK;
}

enum err node_start(struct node **out, const struct node_setup *setup, struct buf *why)
{
	struct node *n = calloc(1, sizeof *n);
	struct sip_nonce_secret secret;
	uint64_t seed;
	if (!n) return ERR_FULL;
	n->setup = *setup;
	if (!n->setup.ask_ms) n->setup.ask_ms = CONTROL_WAIT_MS;
	n->started_ms = clock_monotonic_ms();
	n->started_wall_ms = clock_wall_ms();
	n->worker_count = count_workers(setup->config);
	n->control_loop.epoll_fd = n->control_loop.wake_fd = -1;
	n->workers = calloc(n->worker_count, sizeof *n->workers);
	if (!n->workers) n->worker_count = 0;
	if (getrandom(&secret, sizeof secret, 0) != sizeof secret || getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = 0;
	n->live = live_new(&(struct live_limits){ 0 }, seed);
	enum err e = n->worker_count && n->live && seed ? loop_init(&n->control_loop) : ERR_FULL;
	for (uint32_t i = 0; i < n->worker_count && e == OK; i++) e = init_worker(n, i);
	if (e == OK) e = open_sockets(n, why);
	if (e == OK && (e = start_media(n)) != OK && !why->n)
		put_fmt(why, "the media addresses cannot be used: %s (the log says which)", err_text(e));
	if (e == OK) e = open_records(n, why);
	for (uint32_t i = 0; i < n->worker_count && e == OK; i++) e = make_worker(n, i, seed, &secret);
	struct recovered *recovered = NULL;
	uint32_t recovered_count = e == OK ? find_recovered(n, &recovered) : 0;
	if (e == OK) e = journal_start(n->journal);
	if (e == OK) e = start_threads(n);
	if (e == OK) end_recovered(n, recovered, recovered_count);
	free(recovered);
	if (e != OK) {
		if (!why->n) put_fmt(why, "the node cannot start: %s", err_text(e));
		node_stop(n);
		return e;
	}
	*out = n;
	return OK;
}

static void release_all(struct node_worker *nw, struct job *j)
{
	(void)j;
	worker_stop(nw->worker);
	calls_release_all(worker_calls(nw->worker), cause_local(CAUSE_TEMPORARY));
}

// Ends the calls that stand, and gives them the time that their records and BYEs need.
static void release_calls(struct node *n)
{
	uint64_t until = clock_monotonic_ms() + STOP_WAIT_MS;
	struct worker_use use;
	for (uint32_t i = 0; i < n->worker_count; i++)
		if (n->workers[i].started) {
			struct job *j = node_job(release_all);
			if (node_ask(n, i, j) == OK) node_job_free(j);
		}
	for (node_use(n, &use); (use.calls || use.legs) && clock_monotonic_ms() < until; node_use(n, &use)) usleep(10000);
}

struct node *node_stop(struct node *n)
{
	if (!n) return NULL;
	release_calls(n);
	atomic_store(&n->stopping, true);
	for (uint32_t i = 0; i < n->worker_count; i++) {
		if (!n->workers[i].started) continue;
		loop_wake(&n->workers[i].loop);
		pthread_join(n->workers[i].thread, NULL);
	}
	node_save_registrations(n, UINT32_MAX);
	n->registrations = registration_close(n->registrations);
	// The loader takes what the journal has committed; the journal commits what it still holds before it closes, and the
	// loader of the next run takes the rest.
	n->loader = cdr_loader_stop(n->loader);
	n->journal = journal_close(n->journal);
	n->media = media_plane_free(n->media);
	for (uint32_t i = 0; i < n->worker_count; i++)
		if (n->workers[i].node) fini_worker(&n->workers[i]);
	loop_fini(&n->control_loop);
	live_free(n->live);
	free(n->workers);
	free(n);
	return NULL;
}
