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

#define MAIL_MAX 1024
#define READ_ROUNDS 4 // batches of one socket before timers and others get their turn

enum err node_ask(struct node *n, uint32_t worker, struct job *j)
{
	uint64_t until = clock_monotonic_ms() + n->setup.ask_ms;
	int waits = JOB_WAITS;
	if (!j) return ERR_FULL;
	if (crew_give(n->crew, worker, j) != OK) {
		job_free(j);
		return ERR_FULL;
	}
	while (atomic_load(&j->state) == JOB_WAITS && clock_monotonic_ms() < until) usleep(200);
	if (atomic_compare_exchange_strong(&j->state, &waits, JOB_GIVEN_UP)) return ERR_TIMEOUT; // the worker frees it
	return OK;
}

// ---- A worker's thread ---------------------------------------------------------------------------------------------

static struct member *member_of(const struct node_worker *nw)
{
	return &nw->node->crew->members[nw->index];
}

static void read_returned(struct node_worker *nw, struct udp *u)
{
	struct member *m = member_of(nw);
	uint64_t now_ms = clock_monotonic_ms();
	rcu_online(); // the loop calls from within its wait
	worker_at(m->worker, now_ms, clock_wall_ms());
	uint32_t n = udp_read_returned(u, &nw->reader, now_ms);
	for (uint32_t i = 0; i < n; i++) crew_input(m, &nw->reader.packets[i]);
}

static void read_socket(struct node_worker *nw, struct udp *u)
{
	struct member *m = member_of(nw);
	uint32_t n = UDP_BATCH;
	rcu_online(); // the loop calls from within its wait
	for (int round = 0; round < READ_ROUNDS && n == UDP_BATCH; round++) {
		uint64_t now_ms = clock_monotonic_ms();
		worker_at(m->worker, now_ms, clock_wall_ms());
		n = udp_read(u, &nw->reader, now_ms);
		for (uint32_t i = 0; i < n; i++) crew_input(m, &nw->reader.packets[i]);
	}
}

static void on_readable(void *self, uint32_t events)
{
	struct node_watch *w = self;
	if (events & LOOP_WRITE) read_returned(w->worker, w->socket); // an error is there
	read_socket(w->worker, w->socket);
}

static void *work(void *self)
{
	struct node_worker *nw = self;
	struct member *m = member_of(nw);
	rcu_join();
	count_join();
	while (!atomic_load(&nw->node->stopping)) {
		rcu_quiescent();
		uint64_t now_ms = clock_monotonic_ms();
		worker_at(m->worker, now_ms, clock_wall_ms());
		if (nw->streams) streams_tick(nw->streams, now_ms);
		uint64_t next_ms = crew_turn(m, now_ms, clock_wall_ms());
		media_plane_wake(nw->node->media, nw->index); // of what no packet told
		rcu_offline();
		if (nw->streams && streams_next(nw->streams) < next_ms) next_ms = streams_next(nw->streams);
		loop_wait(&nw->loop, crew_may_sleep(m) && next_ms > now_ms ? next_ms - now_ms : 0);
	}
	crew_leave(m);
	rcu_leave();
	return NULL;
}

static void send_packets(void *self, uint32_t worker, struct outbox *o)
{
	struct node *n = self;
	media_plane_wake(n->media, worker); // before anyone is told where to send
	if (n->workers[worker].streams) node_send_streams(&n->workers[worker], o);
	udp_flush(o, &n->workers[worker].sender);
}

static void wake_thread(void *self, uint32_t worker)
{
	loop_wake(&((struct node *)self)->workers[worker].loop);
}

static void wake_control(void *self)
{
	loop_wake(&((struct node *)self)->control_loop);
}

// The media plane and the journal have something for a worker.
static void wake_worker(void *self, uint32_t worker)
{
	crew_wake(((struct node *)self)->crew, worker);
}

static struct media *media_of(void *self, uint32_t worker)
{
	return media_plane_of(((struct node *)self)->media, worker);
}

static struct inputs *inputs_of(void *self, uint32_t worker)
{
	return inputs_keep_of(((struct node *)self)->inputs, worker);
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
	a.transport = bound->transport;
	return a;
}

static enum err open_sockets(struct node *n, struct buf *why)
{
	const struct config *c = n->setup.config;
	for (uint32_t w = 0; w < n->worker_count; w++) {
		struct node_worker *nw = &n->workers[w];
		for (uint16_t i = 0; i < c->listener_count; i++) {
			if (c->listeners[i].transport != TRANSPORT_UDP) continue;
			const struct udp_settings s = { .local = c->listeners[i].address, .returns = true,
				.share_port = n->worker_count > 1, .dscp = (uint8_t)c->dscp_signalling, .buffer_bytes = 4u << 20 };
			enum err e = udp_open(&nw->sockets[i], &s, i, why);
			if (e != OK) return e;
			nw->watches[i] = (struct node_watch){ .worker = nw, .socket = &nw->sockets[i],
				.watch = { .fd = nw->sockets[i].fd, .ready = on_readable, .self = &nw->watches[i] } };
			if (loop_watch(&nw->loop, &nw->watches[i].watch, LOOP_READ) != OK) return ERR_SYSTEM;
		}
		enum err e = node_open_streams(nw, why);
		if (e != OK) return e;
	}
	return OK;
}

static enum err start_media(struct node *n)
{
	const struct config *c = n->setup.config;
	struct media_setup s = { .workers = n->worker_count, .threads = c->media_threads,
		.sessions_max = c->calls_max / n->worker_count + 1 + CALLS_RESERVED, .wake = wake_worker, .wake_self = n,
		.dscp = (uint8_t)c->dscp_media };
	for (uint32_t i = 0; i < c->listener_count; i++)
		if (addr_is_stream(&c->listeners[i].address)) s.connections = c->connections_max;
	for (uint32_t i = 0; i < c->media_count; i++) {
		s.addresses[s.address_count++] = (struct media_address){ .bound = c->media[i].address,
			.told = c->media[i].public, .port_first = (uint16_t)c->media[i].port_first,
			.port_last = (uint16_t)c->media[i].port_last };
		s.loopback = s.loopback || addr_is_loopback(&c->media[i].address);
	}
	for (uint32_t i = 0; i < c->listener_count; i++) s.own[s.own_count++] = c->listeners[i].address;
	if (getrandom(&s.seed, sizeof s.seed, 0) != sizeof s.seed) return ERR_SYSTEM;
	return media_plane_new(&n->media, &s);
}

// Starts come less often than minutes: those of a journal that was lost had lower numbers.
static uint32_t minutes_since_2020(void)
{
	const uint64_t begin_ms = 1577836800000;
	uint64_t now_ms = clock_wall_ms();
	return now_ms > begin_ms ? (uint32_t)((now_ms - begin_ms) / 60000) : 0;
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
		.segment_bytes = (uint64_t)n->setup.config->journal_file_mb << 20, .sequence_least = cdr_last_sequence(path),
		.boot_least = minutes_since_2020(), .wake = wake_worker, .wake_self = n });
	if (e != OK) put_fmt(why, "the journal in %s cannot be opened: %s", folder,
		e == ERR_STATE ? "another switch has it open" : err_text(e));
	if (e == OK && (e = registration_open(&n->registrations, path, &fault)) != OK)
		put_fmt(why, "the records in %s cannot be opened: %s", path, fault.why);
	if (e == OK && registration_restore(n->registrations, n->live->location, n->setup.office, n->worker_count, &env,
		&count) != OK)
		LOG(WARN, "registrations_lost",
		    LOG_TEXT("registrations of before could not be put back: phones register again"));
	if (e == OK && count)
		LOG(INFO, "registrations_restored", LOG_TEXT("registrations of before are put back"), LOG_U64("phones", count));
	if (e == OK && (e = line_state_open(&n->line_states, path, &fault)) != OK)
		put_fmt(why, "the records in %s cannot be opened: %s", path, fault.why);
	if (e == OK && line_state_restore_messages(n->line_states, n->live->waiting) != OK)
		LOG(WARN, "messages_lost", LOG_TEXT("the messages that wait could not be put back"));
	if (e == OK) e = cdr_loader_start(&n->loader, &(struct cdr_loader_setup){ .journal = n->journal, .path = path });
	return e;
}

static enum err start_inputs(struct node *n)
{
	const struct config *c = n->setup.config;
	return inputs_keep_new(&n->inputs, &(struct inputs_keep_setup){ .data = c->data, .workers = n->worker_count,
		.mode = c->inputs, .bytes_max = (uint64_t)c->inputs_max_mb << 20,
		.memory_max = (uint64_t)c->inputs_memory_mb << 20 });
}

static enum err make_crew(struct node *n, uint64_t seed, const struct sip_nonce_secret *secret)
{
	const struct config *c = n->setup.config;
	struct crew_setup s = { .count = n->worker_count, .mail_max = MAIL_MAX, .journal = n->journal, .media = media_of,
		.inputs = inputs_of, .send = send_packets, .adopt = node_adopt_stream, .wake = wake_thread, .wake_control = wake_control, .self = n };
	s.worker = (struct worker_setup){ .seed = seed, .now_ms = clock_monotonic_ms(), .wall_ms = clock_wall_ms(),
		.listener_count = c->listener_count, .calls_max = c->calls_max / n->worker_count + 1,
		.transactions_max = c->transactions_max / n->worker_count + 1, .nonce_secret = *secret,
		.subscriptions_max = c->subscriptions_max / n->worker_count + 1, .office = n->setup.office, .live = n->live };
	s.worker.message_bytes_max = (uint64_t)s.worker.transactions_max * 4096 + (4u << 20);
	for (uint32_t i = 0; i < c->listener_count; i++)
		s.worker.listeners[i] = (struct worker_listener){ .bound = c->listeners[i].address,
			.advertised = told(&c->listeners[i].public, &c->listeners[i].address) };
	return crew_new(&n->crew, &s);
}

static void restore_one(void *self, const struct kept_subscription *row)
{
	crew_restore(((struct node *)self)->crew, row);
}

static void restore_subscriptions(struct node *n)
{
	struct env env = { .now_ms = clock_monotonic_ms(), .wall_ms = clock_wall_ms() };
	uint64_t longest_ms = office_rules(n->setup.office)->settings.register_max_s * 1000ull;
	if (line_state_restore_subscriptions(n->line_states, &env, longest_ms, restore_one, n) != OK)
		LOG(WARN, "subscriptions_lost", LOG_TEXT("subscriptions of before could not be put back: phones ask again"));
}

static enum err init_worker(struct node *n, uint32_t index)
{
	struct node_worker *nw = &n->workers[index];
	nw->node = n;
	nw->index = index;
	for (uint32_t i = 0; i < LISTENERS_MAX; i++) nw->sockets[i].fd = -1;
	nw->loop.epoll_fd = nw->loop.wake_fd = -1;
	enum err e = loop_init(&nw->loop);
	if (e == OK) e = udp_reader_init(&nw->reader, PACKET_MAX);
	if (e == OK) e = udp_sender_init(&nw->sender, nw->sockets, n->setup.config->listener_count);
	return e;
}

static void fini_worker(struct node_worker *nw)
{
	for (uint32_t i = 0; i < LISTENERS_MAX; i++)
		if (nw->sockets[i].fd >= 0) udp_close(&nw->sockets[i]);
	node_close_streams(nw);
	loop_fini(&nw->loop);
	udp_reader_fini(&nw->reader);
	udp_sender_fini(&nw->sender);
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
	if (getrandom(&secret, sizeof secret, 0) != sizeof secret ||
	    getrandom(n->ticket_key, sizeof n->ticket_key, 0) != sizeof n->ticket_key || getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = 0;
	n->live = live_new(&(struct live_limits){ .connections =
		setup->config->connections_max + n->worker_count * (STREAM_OWN_MAX + 1) }, seed);
	enum err e = n->worker_count && n->live && seed ? loop_init(&n->control_loop) : ERR_FULL;
	for (uint32_t i = 0; i < n->worker_count && e == OK; i++) e = init_worker(n, i);
	if (e == OK) e = open_sockets(n, why);
	if (e == OK && (e = start_media(n)) != OK && !why->n)
		put_fmt(why, "the media addresses cannot be used: %s (the log says which)", err_text(e));
	if (e == OK) e = node_open_resolver(n, why);
	if (e == OK) e = open_records(n, why);
	if (e == OK) e = start_inputs(n);
	if (e == OK) e = make_crew(n, seed, &secret);
	if (e == OK) restore_subscriptions(n);
	if (e == OK) e = journal_start(n->journal);
	if (e == OK) e = start_threads(n);
	if (e != OK) {
		if (!why->n) put_fmt(why, "the node cannot start: %s", err_text(e));
		node_stop(n);
		return e;
	}
	*out = n;
	return OK;
}

// Ends the calls that stand, and gives them the time that their records and BYEs need.
static void release_calls(struct node *n)
{
	if (!n->workers[n->worker_count - 1].started) return; // it could not be started: no call was ever taken
	crew_stop(n->crew, clock_monotonic_ms());
	while (crew_stopping(n->crew, clock_monotonic_ms()) != CREW_STOPPED) usleep(CREW_LOOK_MS * 1000);
}

struct node *node_stop(struct node *n)
{
	if (!n) return NULL;
	if (n->crew) release_calls(n);
	atomic_store(&n->stopping, true);
	for (uint32_t i = 0; i < n->worker_count; i++) {
		if (!n->workers[i].started) continue;
		loop_wake(&n->workers[i].loop);
		pthread_join(n->workers[i].thread, NULL);
	}
	node_save_registrations(n, UINT32_MAX);
	n->registrations = registration_close(n->registrations);
	node_save_line_states(n);
	n->line_states = line_state_close(n->line_states);
	// The loader takes what the journal has committed; the journal commits what it still holds before it closes, and
	// the loader of the next run takes the rest.
	n->loader = cdr_loader_stop(n->loader);
	n->journal = journal_close(n->journal);
	n->media = media_plane_free(n->media); // until then it wakes workers
	n->crew = crew_free(n->crew);
	n->inputs = inputs_keep_free(n->inputs);
	for (uint32_t i = 0; i < n->worker_count; i++)
		if (n->workers[i].node) fini_worker(&n->workers[i]);
	node_close_resolver(n);
	loop_fini(&n->control_loop);
	live_free(n->live);
	free(n->workers);
	free(n);
	return NULL;
}
