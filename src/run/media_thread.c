// The media thread.
//
//     wait ─▶ packets: session ─▶ out by the other side's socket
//          ─▶ orders of the workers
//          ─▶ each 5 ms a quarter of the sessions that play sends its next packet
#include "run/media_thread.h"

#include "base/count.h"

#include <stdlib.h>
#include <time.h>

COUNTER(media_rx_no_session, "Packets on a media port of no call: dropped");
COUNTER(media_news_lost, "Digits and ends of tones that could not be told: the worker is behind");
COUNTER(media_sockets_deaf, "Media sockets that could not be watched: no memory in the kernel");
COUNTER(media_clock_late, "Times that the clock of tones fell behind and jumped");

#define QUARTER_US (RTP_TICK_US / 4)
#define BEHIND_MAX_US 200000u // more than that late, tones skip instead of catching up
#define WATCH_US 1000000u

struct media_socket {
	struct udp udp; // fd 0 and listener 0 until it is opened
	struct loop_watch watch;
	struct media_thread *thread;
	struct media_pair_state *pair;
	bool control;
};

struct media_pair_state {
	struct media_socket rtp, rtcp;
	struct media_slot *slot; // whose it is now; NULL: nobody's
	uint8_t side, stream;
};

struct media_slot {
	struct list playing; // in t->playing[] while something plays
	bool open, ended;    // ended: its last event could not be told yet
	uint8_t quarter;
	uint32_t worker, index;
	struct media_pair_state *pairs[MEDIA_SIDES][2][MEDIA_STREAMS_MAX]; // by family (4, 6)
	struct rtp_session rtp;
};

static uint64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool anything_plays(const struct media_thread *t)
{
	bool any = false;
	for (uint32_t i = 0; i < 4; i++) any |= !list_empty(&t->playing[i]);
	return any;
}

// --- to the workers

static bool report(struct media_thread *t, const struct media_slot *slot, const struct media_event *event)
{
	struct media_report r = { .index = slot->index, .event = *event };
	if (ring_put(&t->lines[slot->worker].reports, &r) != OK) return false;
	if (!atomic_exchange(&t->worker_told[slot->worker], true)) t->setup->wake(t->setup->wake_self, slot->worker);
	return true;
}

static void report_news(struct media_thread *t, const struct media_slot *slot, const struct rtp_news *news)
{
	struct media_event e;
	if (media_event_of(&e, news) && !report(t, slot, &e)) COUNT(media_news_lost);
}

static bool report_end(struct media_thread *t, struct media_slot *slot)
{
	struct media_event e = { .kind = MEDIA_EV_CLOSED };
	media_stats_of(&e, &slot->rtp);
	return report(t, slot, &e);
}

// Something plays, or a key is to be sounded: the clock serves it from now on.
static void serve_if_busy(struct media_thread *t, struct media_slot *slot, uint64_t now_us)
{
	bool busy = rtp_session_busy(&slot->rtp, MEDIA_A) || rtp_session_busy(&slot->rtp, MEDIA_B);
	if (!busy || !list_empty(&slot->playing)) return;
	if (!anything_plays(t)) t->quarter_us = now_us / QUARTER_US * QUARTER_US + QUARTER_US;
	list_add_last(&t->playing[slot->quarter], &slot->playing);
}

// --- packets

// The socket that a session sends by: of the family that the packet goes to.
static const struct udp *socket_of(const struct media_slot *slot, const struct rtp_departure *d)
{
	const struct media_pair_state *pair = slot->pairs[d->side][d->to.family == 6][d->stream];
	return !pair ? NULL : d->control ? &pair->rtcp.udp : &pair->rtp.udp;
}

static void send_all(struct media_thread *t, const struct udp *socket, const struct packet *packets, uint32_t count)
{
	t->sender.sockets = socket; // packets name it by the number 0
	t->sender.socket_count = 1;
	if (count) udp_send(&t->sender, packets, count);
}

static void send_one(struct media_thread *t, const struct media_slot *slot, const struct rtp_departure *d)
{
	const struct udp *by = socket_of(slot, d);
	struct packet p = { .peer = d->to, .data = { (const char *)d->data, d->n } };
	if (by) send_all(t, by, &p, 1);
}

// What came in one read goes to one place nearly always: sent with one system call then.
static void on_packets(void *self, uint32_t events)
{
	struct media_socket *s = self;
	struct media_thread *t = s->thread;
	struct media_slot *slot = s->pair->slot;
	struct packet out[UDP_BATCH];
	const struct udp *socket = NULL;
	uint32_t n = udp_read(&s->udp, &t->reader, 0), waiting = 0;
	uint64_t now_us = clock_us(); // once for the batch
	(void)events;
	if (!slot) COUNT_BY(media_rx_no_session, n);
	struct rtp_arrival in = { .side = s->pair->side, .stream = s->pair->stream, .control = s->control };
	in.now_us = now_us;
	for (uint32_t i = 0; slot && i < n; i++) {
		const struct packet *p = &t->reader.packets[i];
		in.from = p->peer;
		in.data = (uint8_t *)(uintptr_t)p->data.p; // the reader's own memory
		in.n = p->data.n;
		struct rtp_departure d;
		struct rtp_news news;
		bool sent = rtp_session_input(&slot->rtp, &in, &d, &news);
		report_news(t, slot, &news);
		serve_if_busy(t, slot, now_us);
		const struct udp *by = sent ? socket_of(slot, &d) : NULL;
		if (!by) continue;
		if (by != socket) send_all(t, socket, out, waiting), waiting = 0;
		socket = by;
		out[waiting++] = (struct packet){ .peer = d.to, .data = { (const char *)d.data, d.n } };
	}
	send_all(t, socket, out, waiting);
}

// --- what plays

static void tick_side(struct media_thread *t, struct media_slot *slot, uint32_t side, uint64_t now_us)
{
	uint8_t frame[RTP_FRAME];
	struct rtp_departure d;
	struct rtp_news news;
	bool sent = rtp_session_tick(&slot->rtp, side, now_us, frame, &d, &news);
	report_news(t, slot, &news);
	if (sent) send_one(t, slot, &d);
}

static void serve_quarter(struct media_thread *t, uint32_t quarter, uint64_t now_us)
{
	LIST_EACH(node, &t->playing[quarter]) {
		struct media_slot *slot = LIST_OF(node, struct media_slot, playing);
		bool busy = false;
		for (uint32_t side = 0; side < MEDIA_SIDES; side++) {
			if (rtp_session_busy(&slot->rtp, side)) tick_side(t, slot, side, now_us);
			busy |= rtp_session_busy(&slot->rtp, side);
		}
		if (!busy) list_remove(node);
	}
}

static void run_clock(struct media_thread *t, uint64_t now_us)
{
	if (!anything_plays(t)) return;
	if (now_us > t->quarter_us + BEHIND_MAX_US) {
		COUNT(media_clock_late);
		t->quarter_us = now_us / QUARTER_US * QUARTER_US;
	}
	for (; t->quarter_us <= now_us; t->quarter_us += QUARTER_US)
		serve_quarter(t, (uint32_t)(t->quarter_us / QUARTER_US % 4), now_us);
}

// --- orders

static void open_slot(struct media_thread *t, uint32_t worker, const struct media_order *o)
{
	struct media_slot *slot = &t->slots[worker][o->index];
	*slot = (struct media_slot){ .open = true, .worker = worker, .index = o->index, .quarter = o->index % 4 };
	if (o->index >= t->touched[worker]) t->touched[worker] = o->index + 1;
	list_init(&slot->playing);
	rtp_session_init(&slot->rtp, &t->more[worker][o->index], o->open.seed);
}

static void watch_socket(struct media_thread *t, struct media_pair_state *pair, struct media_socket *s,
                         const struct udp *udp, bool control)
{
	*s = (struct media_socket){ .udp = *udp, .thread = t, .pair = pair, .control = control };
	s->watch = (struct loop_watch){ .fd = udp->fd, .ready = on_packets, .self = s };
	if (loop_watch(&t->loop, &s->watch, LOOP_READ) != OK) COUNT(media_sockets_deaf);
}

static void take_port(struct media_thread *t, struct media_slot *slot, const struct media_order *o)
{
	struct media_pair_state *pair = &t->pairs[o->port.pair.address][o->port.pair.number];
	if (o->port.opened.fresh) {
		watch_socket(t, pair, &pair->rtp, &o->port.opened.rtp, false);
		watch_socket(t, pair, &pair->rtcp, &o->port.opened.rtcp, true);
	}
	pair->slot = slot;
	pair->side = o->port.side;
	pair->stream = o->port.stream;
	slot->pairs[o->port.side][o->port.family == 6][o->port.stream] = pair;
}

// RTCP of our own, where only we are heard.
static void report_own(struct media_thread *t, struct media_slot *slot, bool last, uint64_t now_us)
{
	uint8_t frame[RTP_FRAME];
	struct rtp_departure d;
	for (uint32_t side = 0; side < MEDIA_SIDES; side++)
		if (rtp_session_report(&slot->rtp, side, last, now_us, frame, &d)) send_one(t, slot, &d);
}

// The sockets stay open and lose their session; what still comes is dropped.
static void close_slot(struct media_thread *t, struct media_slot *slot, uint64_t now_us)
{
	report_own(t, slot, true, now_us);
	struct media_pair_state **pairs = &slot->pairs[0][0][0];
	for (uint32_t i = 0; i < sizeof slot->pairs / sizeof *pairs; i++)
		if (pairs[i]) pairs[i]->slot = NULL;
	list_remove(&slot->playing);
	rtp_session_fini(&slot->rtp);
	slot->open = false;
	slot->ended = !report_end(t, slot);
}

static void do_order(struct media_thread *t, uint32_t worker, const struct media_order *o, uint64_t now_us)
{
	struct media_slot *slot = &t->slots[worker][o->index];
	switch (o->kind) {
	case MEDIA_ORDER_OPEN: open_slot(t, worker, o); return;
	case MEDIA_ORDER_PORT: take_port(t, slot, o); return;
	default: break;
	}
	if (o->command.kind == MEDIA_DO_CLOSE) {
		close_slot(t, slot, now_us);
		return;
	}
	media_command_do(&slot->rtp, &o->command, now_us);
	serve_if_busy(t, slot, now_us);
}

static void take_orders(struct media_thread *t, uint64_t now_us)
{
	struct media_order o;
	atomic_exchange(&t->told, false); // before looking: what comes later wakes us again
	for (uint32_t worker = 0; worker < t->setup->workers; worker++)
		while (ring_take_wiping(&t->lines[worker].orders, &o)) do_order(t, worker, &o, now_us);
	explicit_bzero(&o, sizeof o); // there may have been keys in it
}

// --- now and then

static void watch_slot(struct media_thread *t, struct media_slot *slot, uint64_t now_us)
{
	struct rtp_news news;
	if (slot->ended) slot->ended = !report_end(t, slot);
	if (slot->open) report_own(t, slot, false, now_us);
	for (uint32_t side = 0; slot->open && side < MEDIA_SIDES; side++) {
		rtp_session_look(&slot->rtp, side, now_us, &news);
		report_news(t, slot, &news);
	}
}

static void each_second(struct media_thread *t, uint64_t now_us)
{
	if (now_us - t->watched_us < WATCH_US) return;
	t->watched_us = now_us;
	for (uint32_t worker = 0; worker < t->setup->workers; worker++)
		for (uint32_t i = 0; i < t->touched[worker]; i++) watch_slot(t, &t->slots[worker][i], now_us);
}

static uint64_t wait_ms(const struct media_thread *t, uint64_t now_us)
{
	uint64_t next_us = t->watched_us + WATCH_US;
	if (anything_plays(t) && t->quarter_us < next_us) next_us = t->quarter_us;
	return next_us <= now_us ? 0 : (next_us - now_us + 999) / 1000;
}

static void *run(void *self)
{
	struct media_thread *t = self;
	count_join();
	while (!atomic_load(&t->stop)) {
		loop_wait(&t->loop, wait_ms(t, clock_us()));
		uint64_t now_us = clock_us();
		take_orders(t, now_us);
		run_clock(t, now_us);
		each_second(t, now_us);
	}
	return NULL;
}

void media_thread_wake(struct media_thread *t)
{
	if (!atomic_exchange(&t->told, true)) loop_wake(&t->loop);
}

static enum err allocate(struct media_thread *t)
{
	for (uint32_t a = 0; a < t->setup->address_count; a++) {
		t->pairs[a] = calloc(media_pair_count(&t->setup->addresses[a]), sizeof *t->pairs[a]);
		if (!t->pairs[a]) return ERR_FULL;
	}
	for (uint32_t w = 0; w < t->setup->workers; w++) {
		t->slots[w] = calloc(t->slots_max, sizeof *t->slots[w]); // touched when used
		t->more[w] = calloc(t->slots_max, sizeof *t->more[w]);   // hardly ever
		if (!t->slots[w] || !t->more[w]) return ERR_FULL;
	}
	return OK;
}

enum err media_thread_start(struct media_thread *t)
{
	for (uint32_t i = 0; i < 4; i++) list_init(&t->playing[i]);
	t->watched_us = clock_us();
	enum err e = loop_init(&t->loop);
	if (e == OK) e = allocate(t);
	if (e == OK) e = udp_reader_init(&t->reader, RTP_PACKET_MAX + SRTP_GROWTH_MAX);
	if (e == OK) e = udp_sender_init(&t->sender, NULL, 0);
	if (e != OK) return e;
	if (pthread_create(&t->thread, NULL, run, t) != 0) return ERR_SYSTEM;
	t->started = true;
	return OK;
}

static void close_pairs(struct media_thread *t)
{
	for (uint32_t a = 0; a < t->setup->address_count; a++)
		for (uint32_t i = 0; t->pairs[a] && i < media_pair_count(&t->setup->addresses[a]); i++) {
			if (!t->pairs[a][i].rtp.thread) continue;
			udp_close(&t->pairs[a][i].rtp.udp);
			udp_close(&t->pairs[a][i].rtcp.udp);
		}
}

// Of sessions that nobody closed.
static void close_sessions(struct media_thread *t)
{
	for (uint32_t w = 0; w < t->setup->workers; w++)
		for (uint32_t i = 0; i < t->touched[w]; i++)
			if (t->slots[w][i].open) rtp_session_fini(&t->slots[w][i].rtp);
}

// Sockets that were handed over but not yet taken.
static void close_orders(struct media_thread *t)
{
	struct media_order o;
	for (uint32_t w = 0; w < t->setup->workers; w++)
		while (t->lines[w].orders.items && ring_take(&t->lines[w].orders, &o)) {
			if (o.kind != MEDIA_ORDER_PORT || !o.port.opened.fresh) continue;
			udp_close(&o.port.opened.rtp);
			udp_close(&o.port.opened.rtcp);
		}
}

void media_thread_fini(struct media_thread *t)
{
	if (!t->setup) return; // never begun
	atomic_store(&t->stop, true);
	if (t->started) {
		loop_wake(&t->loop);
		pthread_join(t->thread, NULL);
	}
	close_orders(t);
	close_pairs(t);
	close_sessions(t);
	for (uint32_t a = 0; a < MEDIA_ADDRESSES_MAX; a++) free(t->pairs[a]);
	for (uint32_t w = 0; w < MEDIA_WORKERS_MAX; w++) free(t->slots[w]), free(t->more[w]);
	udp_reader_fini(&t->reader);
	udp_sender_fini(&t->sender);
	loop_fini(&t->loop);
}
