// The workers' side of the media plane: sessions, ports, orders out, reports in.
#include "run/media_plane.h"

#include "base/count.h"
#include "base/log.h"
#include "run/media_thread.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>

COUNTER(media_sessions_full, "Calls without media because all sessions are in use");
COUNTER(media_orders_full, "Commands refused because a media thread is behind");

static_assert(MEDIA_THREADS_MAX <= 64, "threads are bits");

#define DESCRIPTORS_CALL 4    // sockets of a call: two pairs of RTP and RTCP
#define DESCRIPTORS_OTHER 256 // for listeners, the store, the API's clients

// A session as its worker knows it. Its thread is that of the pool that it comes from.
struct plane_session {
	uint64_t owner;
	uint8_t thread;
	bool closing;      // CLOSE was said; the slot is free when the thread has confirmed it
	bool close_waits;  // ... but there was no room on the ring
	uint8_t counts[MEDIA_SIDES][2]; // pairs taken, by family
	struct media_pair pairs[MEDIA_SIDES][2][MEDIA_STREAMS_MAX];
};

struct plane_worker {
	struct media media; // first
	struct media_plane *plane;
	uint32_t index, closes_waiting;
	uint64_t told; // threads that have orders from us and were not woken for them, as bits
	struct random random;
	struct pool *sessions;     // owned; by thread
	struct media_ports *ports; // owned; by thread
};

struct media_plane {
	struct media_setup setup;
	struct plane_worker *workers; // owned
	struct media_thread *threads; // owned
	struct media_line *lines;     // owned; [thread * workers + worker]
	_Atomic bool *worker_told;    // owned; by worker
	_Atomic bool *open[MEDIA_ADDRESSES_MAX]; // owned; by pair: it is a call's now
};

static struct plane_worker *worker_of(struct media *m)
{
	return (struct plane_worker *)(void *)m;
}

static struct media_line *line_of(struct plane_worker *w, uint32_t thread)
{
	return &w->plane->lines[thread * w->plane->setup.workers + w->index];
}

// Handles carry the thread above the pool's own: a pool has fewer than 2^24 places.
#define THREAD_SHIFT 24
#define INDEX_MASK ((1u << THREAD_SHIFT) - 1)

static ref ref_of(const struct plane_worker *w, const struct plane_session *s)
{
	return pool_ref(&w->sessions[s->thread], s) | (ref)s->thread << THREAD_SHIFT;
}

static struct plane_session *session_at(const struct plane_worker *w, ref r)
{
	uint32_t thread = (uint32_t)r >> THREAD_SHIFT;
	ref plain = r & ~((ref)0xff << THREAD_SHIFT);
	return thread < w->plane->setup.threads ? pool_at(&w->sessions[thread], plain) : NULL;
}

static uint32_t index_of(const struct plane_worker *w, const struct plane_session *s)
{
	return (uint32_t)(pool_ref(&w->sessions[s->thread], s) & INDEX_MASK) - 1;
}

static struct plane_session *at_index(const struct plane_worker *w, uint32_t thread, uint32_t index)
{
	const struct pool *p = &w->sessions[thread];
	return (struct plane_session *)(void *)(p->items + (size_t)index * p->item_size);
}

static enum err order(struct plane_worker *w, uint32_t thread, const struct media_order *o)
{
	if (ring_put(&line_of(w, thread)->orders, o) != OK) {
		COUNT(media_orders_full);
		return ERR_FULL;
	}
	w->told |= 1ull << thread;
	return OK;
}

// --- the operations

static enum err plane_open(struct media *m, ref *session, uint64_t owner)
{
	struct plane_worker *w = worker_of(m);
	uint32_t thread = 0;
	for (uint32_t t = 1; t < w->plane->setup.threads; t++)
		if (w->sessions[t].used < w->sessions[thread].used) thread = t;
	struct plane_session *s = pool_get(&w->sessions[thread]);
	if (!s) {
		COUNT(media_sessions_full);
		return ERR_FULL;
	}
	s->owner = owner;
	s->thread = (uint8_t)thread;
	struct media_order o = { .kind = MEDIA_ORDER_OPEN, .index = index_of(w, s), .open = { random_u64(&w->random) } };
	enum err e = order(w, thread, &o);
	if (e != OK) {
		pool_put(&w->sessions[thread], s);
		return e;
	}
	*session = ref_of(w, s);
	return OK;
}

static void set_open(const struct media_plane *p, struct media_pair pair, bool open)
{
	atomic_store_explicit(&p->open[pair.address][pair.number], open, memory_order_relaxed);
}

// One more pair for a side. All of a side are of one address: SDP names it once.
static enum err add_pair(struct plane_worker *w, struct plane_session *s, const struct media_want *want)
{
	uint8_t *count = &s->counts[want->side][want->family == 6];
	struct media_pair *pairs = s->pairs[want->side][want->family == 6];
	struct media_port_want port = { .family = want->family, .emergency = want->emergency,
		                            .address = *count ? pairs[0].address : MEDIA_ADDRESSES_MAX };
	struct media_order o = { .kind = MEDIA_ORDER_PORT, .index = index_of(w, s),
		                     .port = { .side = want->side, .stream = *count, .family = want->family } };
	enum err e = media_ports_take(&w->ports[s->thread], &w->random, &port, &o.port.pair, &o.port.opened);
	if (e != OK) return e;
	e = order(w, s->thread, &o);
	if (e != OK) { // its sockets, if they are new, have nobody yet
		media_ports_undo(&w->ports[s->thread], o.port.pair, &o.port.opened);
		return e;
	}
	set_open(w->plane, o.port.pair, true);
	pairs[(*count)++] = o.port.pair;
	return OK;
}

static struct addr told_address(const struct media_setup *setup, struct media_pair pair)
{
	const struct media_address *a = &setup->addresses[pair.address];
	struct addr told = a->told.family ? a->told : a->bound;
	told.port = media_pair_port(setup, pair);
	return told;
}

static enum err plane_ports(struct media *m, ref session, const struct media_want *want,
                            struct addr rtp[MEDIA_STREAMS_MAX])
{
	struct plane_worker *w = worker_of(m);
	struct plane_session *s = session_at(w, session);
	if (!s || s->closing) return ERR_NOT_FOUND;
	uint32_t family = want->family == 6;
	while (s->counts[want->side][family] < want->count) {
		enum err e = add_pair(w, s, want);
		if (e != OK) return e;
	}
	for (uint32_t i = 0; i < want->count; i++) rtp[i] = told_address(&w->plane->setup, s->pairs[want->side][family][i]);
	return OK;
}

static void close_later(struct plane_worker *w, struct plane_session *s, bool waits)
{
	if (waits != s->close_waits) w->closes_waiting += waits ? 1 : -1u;
	s->close_waits = waits;
}

static void retry_closes(struct plane_worker *w)
{
	for (uint32_t t = 0; w->closes_waiting && t < w->plane->setup.threads; t++) {
		struct plane_session *s;
		for (uint32_t at = 0; (s = pool_each(&w->sessions[t], &at));) {
			struct media_order o = { .kind = MEDIA_ORDER_COMMAND, .index = index_of(w, s),
				                     .command = { .kind = MEDIA_DO_CLOSE } };
			if (s->close_waits) close_later(w, s, order(w, t, &o) != OK);
		}
	}
}

// Over a tie media go to a port of our own: where its socket is, not where the world sees it (1:1 NAT).
static void make_bound(const struct media_setup *setup, struct addr *a)
{
	for (uint32_t i = 0; i < setup->address_count; i++) {
		const struct media_address *mine = &setup->addresses[i];
		if (!addr_host_eq(a, &mine->told) || a->port < mine->port_first || a->port > mine->port_last) continue;
		uint16_t port = a->port;
		*a = mine->bound;
		a->port = port;
		return;
	}
}

static enum err plane_tell(struct media *m, ref session, const struct media_command *command)
{
	struct plane_worker *w = worker_of(m);
	struct plane_session *s = session_at(w, session);
	if (!s || s->closing) return ERR_NOT_FOUND;
	struct media_order o = { .kind = MEDIA_ORDER_COMMAND, .index = index_of(w, s), .command = *command };
	if (command->kind == MEDIA_DO_REMOTE) {
		make_bound(&w->plane->setup, &o.command.remote.rtp);
		make_bound(&w->plane->setup, &o.command.remote.rtcp);
	}
	enum err e = order(w, s->thread, &o);
	if (command->kind == MEDIA_DO_KEYS) explicit_bzero(&o, sizeof o);
	if (command->kind != MEDIA_DO_CLOSE) return e;
	s->closing = true;
	close_later(w, s, e != OK);
	return OK;
}

// The thread has let go of the session: ports and place are free again.
static void free_session(struct plane_worker *w, struct plane_session *s)
{
	for (uint32_t side = 0; side < MEDIA_SIDES; side++)
		for (uint32_t family = 0; family < 2; family++)
			for (uint32_t i = 0; i < s->counts[side][family]; i++) {
				set_open(w->plane, s->pairs[side][family][i], false);
				media_ports_give(&w->ports[s->thread], s->pairs[side][family][i]);
			}
	pool_put(&w->sessions[s->thread], s);
}

static bool plane_take(struct media *m, struct media_event *out)
{
	struct plane_worker *w = worker_of(m);
	struct media_report r;
	if (w->closes_waiting) retry_closes(w);
	atomic_exchange(&w->plane->worker_told[w->index], false); // before looking: what comes later wakes us again
	for (uint32_t t = 0; t < w->plane->setup.threads; t++) {
		if (!ring_take(&line_of(w, t)->reports, &r)) continue;
		struct plane_session *s = at_index(w, t, r.index);
		*out = r.event;
		out->owner = s->owner;
		out->session = ref_of(w, s);
		if (r.event.kind == MEDIA_EV_CLOSED) free_session(w, s);
		return true;
	}
	return false;
}

static enum err plane_secret(struct media *m, uint8_t *out, uint32_t n)
{
	(void)m;
	return getrandom(out, n, 0) == (ssize_t)n ? OK : ERR_SYSTEM; // up to 256 octets come whole
}

static bool plane_is_own(const struct media *m, const struct addr *a)
{
	const struct plane_worker *w = (const struct plane_worker *)(const void *)m;
	const struct media_setup *setup = &w->plane->setup;
	for (uint32_t i = 0; i < setup->own_count; i++)
		if (addr_eq(a, &setup->own[i])) return true;
	for (uint32_t i = 0; i < setup->address_count; i++) {
		const struct media_address *mine = &setup->addresses[i];
		bool host = addr_host_eq(a, &mine->bound) || addr_host_eq(a, &mine->told);
		if (!host || a->port < mine->port_first || a->port > mine->port_last) continue;
		if (atomic_load_explicit(&w->plane->open[i][(a->port - mine->port_first) / 2], memory_order_relaxed))
			return true;
	}
	return false;
}

static const struct media_ops plane_ops = { plane_open, plane_ports, plane_tell, plane_take, plane_secret, plane_is_own };

// --- the life of the plane

static enum err check_addresses(const struct media_setup *s)
{
	if (!s->workers || s->workers > MEDIA_WORKERS_MAX || !s->threads || s->threads > MEDIA_THREADS_MAX) return ERR_BAD;
	for (uint32_t i = 0; i < s->address_count; i++) {
		const struct media_address *a = &s->addresses[i];
		char text[160];
		struct buf why = buf_on(text, sizeof text);
		struct udp probe;
		if (a->port_first % 2 || a->port_last <= a->port_first) {
			LOG(ERROR, "media_ports_bad", LOG_TEXT("ports must run from an even one to a higher"),
			    LOG_ADDR("address", &a->bound));
			return ERR_BAD;
		}
		struct udp_settings settings = { .local = a->bound };
		settings.local.port = 0;
		if (udp_open(&probe, &settings, 0, &why) != OK) {
			LOG(ERROR, "media_address_bad", LOG_STR("text", buf_str(&why)));
			return ERR_SYSTEM;
		}
		udp_close(&probe);
	}
	return OK;
}

// For two pairs of sockets in each call, as far as there are ports for them, for connections, and for all else.
static uint64_t descriptors_wanted(const struct media_setup *s)
{
	uint64_t calls = (uint64_t)s->sessions_max * s->workers, ports = 0;
	for (uint32_t i = 0; i < s->address_count; i++) ports += 2 * media_pair_count(&s->addresses[i]);
	return (calls * DESCRIPTORS_CALL < ports ? calls * DESCRIPTORS_CALL : ports) + s->connections + DESCRIPTORS_OTHER;
}

// As many as the system lets us have; where that is too few, whoever reads the log learns it before callers do.
static void raise_descriptor_limit(uint64_t wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
	if (limit.rlim_cur >= wanted) return;
	uint64_t left = limit.rlim_cur > DESCRIPTORS_OTHER ? limit.rlim_cur - DESCRIPTORS_OTHER : 0;
	LOG(WARN, "descriptors_few",
	    LOG_TEXT("the system lets this process open fewer files than calls_max calls and connections_max connections "
	             "need: raise LimitNOFILE of the service (ulimit -n), or calls beyond this number will be refused"),
	    LOG_U64("calls", left / DESCRIPTORS_CALL), LOG_U64("files", limit.rlim_cur), LOG_U64("wanted", wanted));
}

static enum err init_worker(struct media_plane *p, uint32_t index)
{
	struct plane_worker *w = &p->workers[index];
	const struct media_setup *s = &p->setup;
	*w = (struct plane_worker){ .media = { .ops = &plane_ops, .loopback = s->loopback }, .plane = p, .index = index };
	random_seed(&w->random, s->seed + index);
	w->sessions = calloc(s->threads, sizeof *w->sessions);
	w->ports = calloc(s->threads, sizeof *w->ports);
	if (!w->sessions || !w->ports) return ERR_FULL;
	for (uint32_t t = 0; t < s->threads; t++) {
		uint32_t max = s->sessions_max / s->threads + 1, share = index * s->threads + t;
		if (max > INDEX_MASK) return ERR_BAD;
		if (pool_init(&w->sessions[t], "media", sizeof(struct plane_session), max) != OK) return ERR_FULL;
		if (media_ports_init(&w->ports[t], s, share, s->workers * s->threads) != OK) return ERR_FULL;
	}
	return OK;
}

static enum err init_thread(struct media_plane *p, uint32_t index)
{
	struct media_thread *t = &p->threads[index];
	const struct media_setup *s = &p->setup;
	t->setup = s;
	t->index = index;
	t->slots_max = s->sessions_max / s->threads + 1;
	t->lines = &p->lines[index * s->workers];
	t->worker_told = p->worker_told;
	t->loop = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
	for (uint32_t w = 0; w < s->workers; w++) {
		if (ring_init(&t->lines[w].orders, sizeof(struct media_order), MEDIA_ORDERS) != OK) return ERR_FULL;
		if (ring_init(&t->lines[w].reports, sizeof(struct media_report), MEDIA_REPORTS) != OK) return ERR_FULL;
	}
	return OK;
}

static enum err allocate(struct media_plane *p)
{
	const struct media_setup *s = &p->setup;
	p->workers = calloc(s->workers, sizeof *p->workers);
	p->threads = calloc(s->threads, sizeof *p->threads);
	size_t lines = (size_t)s->workers * s->threads * sizeof *p->lines;
	p->lines = aligned_alloc(_Alignof(struct media_line), lines); // rings keep their two ends on lines of their own
	if (p->lines) memset(p->lines, 0, lines);
	p->worker_told = calloc(s->workers, sizeof *p->worker_told);
	for (uint32_t i = 0; i < s->address_count; i++) {
		p->open[i] = calloc(media_pair_count(&s->addresses[i]), sizeof *p->open[i]);
		if (!p->open[i]) return ERR_FULL;
	}
	return p->workers && p->threads && p->lines && p->worker_told ? OK : ERR_FULL;
}

enum err media_plane_new(struct media_plane **out, const struct media_setup *setup)
{
	*out = NULL;
	enum err e = check_addresses(setup);
	if (e != OK) return e;
	struct media_plane *p = calloc(1, sizeof *p);
	if (!p) return ERR_FULL;
	p->setup = *setup;
	raise_descriptor_limit(descriptors_wanted(&p->setup));
	e = allocate(p);
	for (uint32_t i = 0; e == OK && i < setup->workers; i++) e = init_worker(p, i);
	for (uint32_t i = 0; e == OK && i < setup->threads; i++) e = init_thread(p, i);
	for (uint32_t i = 0; e == OK && i < setup->threads; i++) e = media_thread_start(&p->threads[i]);
	if (e == OK) *out = p;
	else media_plane_free(p);
	return e;
}

static void fini_worker(struct plane_worker *w, uint32_t threads)
{
	for (uint32_t t = 0; t < threads; t++) {
		if (w->sessions) pool_fini(&w->sessions[t]);
		if (w->ports) media_ports_fini(&w->ports[t]);
	}
	free(w->sessions);
	free(w->ports);
}

struct media_plane *media_plane_free(struct media_plane *p)
{
	if (!p) return NULL;
	for (uint32_t i = 0; p->threads && i < p->setup.threads; i++) media_thread_fini(&p->threads[i]);
	for (uint32_t i = 0; p->workers && i < p->setup.workers; i++) fini_worker(&p->workers[i], p->setup.threads);
	for (uint32_t i = 0; p->lines && i < p->setup.workers * p->setup.threads; i++) {
		ring_fini(&p->lines[i].orders);
		ring_fini(&p->lines[i].reports);
	}
	for (uint32_t i = 0; i < MEDIA_ADDRESSES_MAX; i++) free(p->open[i]);
	free(p->worker_told);
	free(p->lines);
	free(p->threads);
	free(p->workers);
	free(p);
	return NULL;
}

struct media *media_plane_of(struct media_plane *p, uint32_t worker)
{
	return &p->workers[worker].media;
}

void media_plane_wake(struct media_plane *p, uint32_t worker)
{
	struct plane_worker *w = &p->workers[worker];
	for (uint32_t t = 0; w->told; t++, w->told >>= 1)
		if (w->told & 1) media_thread_wake(&p->threads[t]);
}

struct media_use media_plane_use(const struct media_plane *p)
{
	struct media_use use = { 0 };
	for (uint32_t a = 0; a < p->setup.address_count; a++) {
		uint32_t pairs = media_pair_count(&p->setup.addresses[a]);
		use.ports_max += 2 * pairs;
		for (uint32_t i = 0; i < pairs; i++)
			if (atomic_load_explicit(&p->open[a][i], memory_order_relaxed)) use.ports += 2;
	}
	return use;
}
