#include "media_plane.c"

#include "wire/rtp/rtcp.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 60       // sessions of a worker
#define LONG_MS 60000 // a machine may be busy

static struct media_plane *plane;
static struct media *media;
static struct udp a, b, evil;
static struct udp_reader reader;
static int woken[2][2]; // pipes: the plane wakes a worker

static uint64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct addr host(const char *z, uint16_t port)
{
	struct addr addr = { 0 };
	assert_int_equal(addr_parse(&addr, str_from(z)), OK);
	addr.port = port;
	return addr;
}

static void wake(void *self, uint32_t worker)
{
	int (*pipes)[2] = self;
	assert_int_equal(write(pipes[worker][1], "x", 1), 1);
}

static void open_phone(struct udp *u, const char *z)
{
	struct udp_settings settings = { .local = host(z, 0) };
	assert_int_equal(udp_open(u, &settings, 0, NULL), OK);
}

static bool is_free(uint16_t port)
{
	struct udp u;
	struct udp_settings settings = { .local = host("127.0.0.1", port) };
	if (udp_open(&u, &settings, 0, NULL) != OK) return false;
	udp_close(&u);
	return true;
}

// The first of so many ports that nobody has, somewhere below what systems give out by themselves.
static uint16_t free_range(uint16_t ports)
{
	uint16_t first = (uint16_t)(10000 + (uint32_t)getpid() % 1000 * 16), free = 0;
	while (free < ports) {
		if (is_free((uint16_t)(first + free))) free++;
		else first = (uint16_t)(first + free + 2) & 0xfffe, free = 0;
	}
	return first;
}

static struct media_setup setup_with(uint32_t workers, uint32_t threads, uint16_t pairs)
{
	struct media_setup s = { .workers = workers, .threads = threads, .sessions_max = MANY, .address_count = 2,
		                     .loopback = true, .seed = 1, .own_count = 1, .wake = wake, .wake_self = woken };
	uint16_t first = free_range((uint16_t)(2 * (pairs < 32 ? pairs : 32))); // of a long range others may have some
	s.addresses[0] = (struct media_address){ .bound = host("127.0.0.1", 0), .port_first = first,
		                                     .port_last = (uint16_t)(first + 2 * pairs - 1) };
	s.addresses[1] = s.addresses[0];
	s.addresses[1].bound = host("[::1]", 0);
	s.own[0] = host("127.0.0.1", 5060);
	return s;
}

static int set_up(void **state)
{
	(void)state;
	struct media_setup s = setup_with(2, 2, 2048);
	log_quiet = true;
	for (int i = 0; i < 2; i++) assert_int_equal(pipe(woken[i]), 0);
	assert_int_equal(media_plane_new(&plane, &s), OK);
	media = media_plane_of(plane, 0);
	open_phone(&a, "127.0.0.1");
	open_phone(&b, "127.0.0.1");
	open_phone(&evil, "127.0.0.2");
	assert_int_equal(udp_reader_init(&reader, 2048), OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	plane = media_plane_free(plane);
	udp_close(&a);
	udp_close(&b);
	udp_close(&evil);
	udp_reader_fini(&reader);
	for (int i = 0; i < 2; i++) close(woken[i][0]), close(woken[i][1]);
	return 0;
}

// Waits for the plane's next event as a worker does; false after a minute.
static bool event_of(struct media *m, uint32_t worker, struct media_event *e)
{
	char octet;
	uint64_t until = clock_ms() + LONG_MS;
	while (clock_ms() < until) {
		if (m->ops->take(m, e)) return true;
		struct pollfd p = { .fd = woken[worker][0], .events = POLLIN };
		if (poll(&p, 1, 100) == 1) assert_int_equal(read(p.fd, &octet, 1), 1);
	}
	return false;
}

static void tell(ref session, const struct media_command *c)
{
	assert_int_equal(media->ops->tell(media, session, c), OK);
	media_plane_wake(plane, 0);
}

// Waits until the session's thread has done all that it was told: it does so in order, and tells the end of a session.
static void settle(ref session)
{
	ref others[4];
	uint32_t n = 0;
	struct media_event e;
	do assert_true(n < ARRAY_LEN(others) && media->ops->open(media, &others[n], 0) == OK);
	while (session_at(worker_of(media), others[n++])->thread !=
	       session_at(worker_of(media), session)->thread);
	for (uint32_t i = 0; i < n; i++) tell(others[i], &(struct media_command){ .kind = MEDIA_DO_CLOSE });
	while (n--) assert_true(event_of(media, 0, &e) && e.kind == MEDIA_EV_CLOSED);
}

// Sets it, and waits until the thread has done so.
static void set_remote(ref session, enum media_side side, const struct addr *at)
{
	struct media_command c = { .kind = MEDIA_DO_REMOTE, .side = (uint8_t)side };
	c.remote = (struct media_remote){ .rtp = *at, .rtcp = *at, .form = MEDIA_FORM_AUDIO, .send = true, .receive = true,
		                              .law = MEDIA_LAW_MU, .event_pt_in = 101, .event_pt_out = 101, .clock_hz = 8000 };
	tell(session, &c);
	settle(session);
}

static struct addr port_of(ref session, enum media_side side, uint8_t family)
{
	struct addr rtp[MEDIA_STREAMS_MAX];
	struct media_want want = { .side = (uint8_t)side, .family = family, .count = 1 };
	assert_int_equal(media->ops->ports(media, session, &want, rtp), OK);
	return rtp[0];
}

static void send_to(const struct udp *from, const struct addr *to, const void *data, uint32_t n)
{
	char name[128];
	uint32_t length = addr_to_sockaddr((struct sockaddr *)(void *)name, to);
	assert_int_equal(sendto(from->fd, data, n, 0, (struct sockaddr *)(void *)name, length), n);
}

static void send_voice(const struct udp *from, const struct addr *to, uint16_t seq, uint8_t pt)
{
	uint8_t data[RTP_HEADER + 160] = { 0 };
	rtp_write(data, &(struct rtp_packet){ .pt = pt, .seq = seq, .ts = seq * 160u, .ssrc = from->local.port });
	send_to(from, to, data, sizeof data);
}

// Waits for packets; 0 when none comes within the time.
static uint32_t receive(const struct udp *u, uint32_t within_ms)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN };
	return poll(&p, 1, (int)within_ms) == 1 ? udp_read(u, &reader, 0) : 0;
}

static void close_session(ref session, struct media_event *closed)
{
	tell(session, &(struct media_command){ .kind = MEDIA_DO_CLOSE });
	assert_int_equal(media->ops->tell(media, session, &(struct media_command){ .kind = MEDIA_DO_STOP }), ERR_NOT_FOUND);
	do assert_true(event_of(media, 0, closed));
	while (closed->kind != MEDIA_EV_CLOSED);
	assert_int_equal(closed->session, session);
}

static void test_relay(void **state)
{
	(void)state;
	ref session;
	struct media_event e;
	assert_int_equal(media->ops->open(media, &session, 99), OK);
	struct addr to_a = port_of(session, MEDIA_A, 4), to_b = port_of(session, MEDIA_B, 4),
				again = port_of(session, MEDIA_A, 4);
	assert_true(addr_eq(&to_a, &again) && to_a.port % 2 == 0 && to_a.port != to_b.port);
	set_remote(session, MEDIA_A, &a.local);
	set_remote(session, MEDIA_B, &b.local);
	for (uint16_t i = 0; i < 50; i++) {
		send_voice(&a, &to_a, i, 0);
		assert_int_equal(receive(&b, LONG_MS), 1);
		assert_true(addr_eq(&reader.packets[0].peer, &to_b) && reader.packets[0].data.n == 172);
		send_voice(&b, &to_b, i, 0);
		assert_int_equal(receive(&a, LONG_MS), 1);
	}
	struct addr control = to_a;
	control.port++;
	send_to(&a, &control, "\x80\xc9\0\1\0\0\0\1", 8);
	assert_int_equal(receive(&b, LONG_MS), 1);
	assert_int_equal(reader.packets[0].peer.port, to_b.port + 1);
	close_session(session, &e);
	assert_int_equal(e.owner, 99);
	for (int side = 0; side < 2; side++)
		assert_true(e.legs[side].rx_packets == 50 && e.legs[side].tx_packets == 50 && e.legs[side].rx_lost == 0);
	send_voice(&a, &to_a, 60, 0); // the port is nobody's now
	assert_int_equal(receive(&b, 100), 0);
}

// Another host sends to both ports before, while and after the parties do.
static void test_attack(void **state)
{
	(void)state;
	ref session;
	struct media_event e;
	uint32_t strange = 0;
	assert_int_equal(media->ops->open(media, &session, 1), OK);
	struct addr to_a = port_of(session, MEDIA_A, 4), to_b = port_of(session, MEDIA_B, 4);
	for (uint16_t i = 0; i < 300; i++) {
		if (i == 50) set_remote(session, MEDIA_A, &a.local);
		if (i == 100) set_remote(session, MEDIA_B, &b.local);
		send_voice(&evil, &to_a, i, 0);
		send_voice(&evil, &to_b, i, 0);
		if (i >= 150 && i < 250) {
			send_voice(&a, &to_a, i, 0);
			send_voice(&b, &to_b, i, 0);
			for (uint32_t n = receive(&a, LONG_MS); n--;) strange += !addr_eq(&reader.packets[n].peer, &to_a);
			for (uint32_t n = receive(&b, LONG_MS); n--;) strange += !addr_eq(&reader.packets[n].peer, &to_b);
		}
	}
	assert_int_equal(strange, 0);
	assert_int_equal(receive(&evil, 50), 0);
	close_session(session, &e);
	assert_int_equal(e.legs[MEDIA_A].rx_packets, 100);
	assert_int_equal(e.legs[MEDIA_A].tx_packets, 100);
	assert_in_range(e.legs[MEDIA_A].refused, 250, 300);
}

static bool is_report(const struct packet *p)
{
	return (uint8_t)p->data.p[1] == RTCP_SR;
}

// Dial tone comes every 20 ms, in order; its end is told by RTCP; a key is told; an announcement's end too.
static void test_play(void **state)
{
	(void)state;
	ref session;
	struct media_event e;
	assert_int_equal(media->ops->open(media, &session, 7), OK);
	struct addr to_a = port_of(session, MEDIA_A, 4);
	set_remote(session, MEDIA_A, &a.local);
	tell(session, &(struct media_command){ .kind = MEDIA_DO_COLLECT, .side = MEDIA_A, .on = true });
	uint64_t begun_ms = clock_ms();
	tell(session,
	     &(struct media_command){ .kind = MEDIA_DO_PLAY, .side = MEDIA_A, .play = { .tone = MEDIA_TONE_DIAL } });
	struct rtp_packet p, last = { 0 };
	for (int count = 0; count < 51;) {
		uint32_t n = receive(&a, LONG_MS);
		assert_true(n > 0);
		for (uint32_t i = 0; i < n && count < 51; i++) {
			if (is_report(&reader.packets[i])) continue;
			assert_int_equal(rtp_parse(&p, (uint8_t *)(uintptr_t)reader.packets[i].data.p, reader.packets[i].data.n),
			                 OK);
			if (count++) assert_true(p.seq == (uint16_t)(last.seq + 1) && p.ts == last.ts + 160 && p.ssrc == last.ssrc);
			last = p;
		}
	}
	assert_true(clock_ms() - begun_ms >= 950); // 50 intervals; a busy machine may be late, never early
	uint8_t key[RTP_HEADER + 4] = { 0 };
	rtp_write(key, &(struct rtp_packet){ .pt = 101, .ts = 1 });
	key[12] = 5;
	send_to(&a, &to_a, key, sizeof key);
	assert_true(event_of(media, 0, &e) && e.kind == MEDIA_EV_DIGIT && e.digit == '5' && e.owner == 7 &&
	            e.side == MEDIA_A);
	tell(session, &(struct media_command){ .kind = MEDIA_DO_PLAY, .side = MEDIA_A,
	                                       .play = { .tone = MEDIA_TONE_CALL_WAITING_ALERT, .times = 1 } });
	assert_true(event_of(media, 0, &e) && e.kind == MEDIA_EV_PLAYED);
	close_session(session, &e);
	assert_true(e.legs[MEDIA_A].tx_packets > 50);
	for (bool goodbye = false; !goodbye;) {
		uint32_t n = receive(&a, LONG_MS);
		assert_true(n > 0);
		while (n--) goodbye |= is_report(&reader.packets[n]) && reader.packets[n].data.n == RTCP_OWN_MAX;
	}
}

static void test_families(void **state)
{
	(void)state;
	ref session;
	struct media_event e;
	struct udp six;
	open_phone(&six, "[::1]");
	assert_int_equal(media->ops->open(media, &session, 1), OK);
	struct addr to_a = port_of(session, MEDIA_A, 4), to_b = port_of(session, MEDIA_B, 6);
	port_of(session, MEDIA_B, 4); // another leg of the side was told of this one
	set_remote(session, MEDIA_A, &a.local);
	set_remote(session, MEDIA_B, &six.local);
	send_voice(&a, &to_a, 1, 0);
	assert_int_equal(receive(&six, LONG_MS), 1);
	assert_true(addr_eq(&reader.packets[0].peer, &to_b));
	send_voice(&six, &to_b, 1, 0);
	assert_int_equal(receive(&a, LONG_MS), 1);
	close_session(session, &e);
	udp_close(&six);
}

static void test_own(void **state)
{
	(void)state;
	ref session;
	struct media_event e;
	struct addr sip = host("127.0.0.1", 5060), other = host("127.0.0.1", 5061);
	assert_true(media->ops->is_own(media, &sip) && !media->ops->is_own(media, &other));
	assert_int_equal(media->ops->open(media, &session, 1), OK);
	struct addr mine = port_of(session, MEDIA_A, 4), control = mine;
	control.port++;
	assert_true(media->ops->is_own(media, &mine) && media->ops->is_own(media, &control));
	struct media *second = media_plane_of(plane, 1);
	assert_true(second->ops->is_own(second, &mine)); // another worker knows it too
	close_session(session, &e);
	assert_false(media->ops->is_own(media, &mine));
}

// All sessions and all ports can be used up, given back, and used again.
static void test_limits(void **state)
{
	(void)state;
	struct media_setup s = setup_with(1, 1, 8);
	struct media_event e;
	struct addr rtp[MEDIA_STREAMS_MAX];
	ref sessions[2 * MANY], session;
	uint32_t n = 0;
	struct udp in_the_way;
	media_plane_free(plane);
	struct udp_settings settings = { .local = host("127.0.0.1", (uint16_t)(s.addresses[0].port_first + 5)) };
	assert_int_equal(udp_open(&in_the_way, &settings, 0, NULL), OK);
	assert_int_equal(media_plane_new(&plane, &s), OK);
	media = media_plane_of(plane, 0);
	for (int round = 0; round < 3; round++) {
		n = 0;
		while (media->ops->open(media, &sessions[n], n) == OK) n++;
		assert_int_equal(n, MANY + 1);
		for (uint32_t i = 0; i < n; i++) close_session(sessions[i], &e);
		assert_int_equal(media->ops->open(media, &session, 1), OK);
		struct media_want want = { .side = MEDIA_A, .family = 4, .count = 4 };
		assert_int_equal(media->ops->ports(media, session, &want, rtp), OK);
		ref next;
		assert_int_equal(media->ops->open(media, &next, 1), OK);
		want.count = 1;
		while (media->ops->ports(media, next, &want, rtp) == OK) want.count++;
		assert_in_range(want.count, 2, 3); // of the eight one is in another's hand, two are kept
		want.emergency = true;
		while (media->ops->ports(media, next, &want, rtp) == OK) want.count++;
		assert_int_equal(want.count, 4); // all but that one
		close_session(session, &e);
		close_session(next, &e);
	}
	udp_close(&in_the_way);
}

static void test_refused(void **state)
{
	(void)state;
	struct media_plane *p;
	struct media_setup s = setup_with(1, 1, 8);
	s.addresses[0].port_first++;
	assert_int_equal(media_plane_new(&p, &s), ERR_BAD);
	s = setup_with(1, 1, 8);
	s.addresses[1].bound = host("192.0.2.77", 0);
	assert_int_equal(media_plane_new(&p, &s), ERR_SYSTEM);
	s = setup_with(0, 1, 8);
	assert_int_equal(media_plane_new(&p, &s), ERR_BAD);
	assert_null(p);
	assert_null(media_plane_free(NULL));
}

static char said[1024];

static void keep_line(enum log_level level, struct str line)
{
	if (level == LOG_WARN) str_to_z(said, sizeof said, line);
}

// The soft limit is raised to the hard one; too low a limit is told with the number of calls that it allows.
static void test_descriptor_limit(void **state)
{
	(void)state;
	struct media_setup s = setup_with(1, 1, 2048);
	struct rlimit before, low;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ .rlim_cur = before.rlim_cur / 2, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	log_also = keep_line;
	raise_descriptor_limit(1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(low.rlim_cur == before.rlim_max && !said[0]);
	assert_int_equal(descriptors_wanted(&s), 4 * MANY + DESCRIPTORS_OTHER);
	s.connections = 7;
	assert_int_equal(descriptors_wanted(&s), 4 * MANY + 7 + DESCRIPTORS_OTHER);
	s.connections = 0;
	s.sessions_max = 1u << 30; // there are no ports for so many
	assert_int_equal(descriptors_wanted(&s), 2 * 2 * 2048 + DESCRIPTORS_OTHER);
	raise_descriptor_limit(UINT64_MAX);
	assert_non_null(strstr(said, "LimitNOFILE"));
	log_also = NULL;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

// All that a worker says in a turn wakes a thread once, at its end.
static void test_one_wake_a_turn(void **state)
{
	(void)state;
	ref session;
	struct media_event e;
	const struct media_command stop = { .kind = MEDIA_DO_STOP }, close = { .kind = MEDIA_DO_CLOSE };
	struct plane_worker *w = worker_of(media);
	assert_int_equal(media->ops->open(media, &session, 1), OK);
	for (int i = 0; i < 10; i++) assert_int_equal(media->ops->tell(media, session, &stop), OK);
	assert_int_equal(media->ops->tell(media, session, &close), OK);
	assert_int_equal(w->told, 1ull << session_at(w, session)->thread);
	assert_false(atomic_load(&plane->threads[0].told) || atomic_load(&plane->threads[1].told));
	media_plane_wake(plane, 0);
	assert_int_equal(w->told, 0);
	assert_true(event_of(media, 0, &e) && e.kind == MEDIA_EV_CLOSED);
}

// A worker that opens, plays, asks and closes without rest, each session ending with its one last event.
static void *work(void *self)
{
	struct media *m = self;
	uint32_t worker = m == media_plane_of(plane, 1), closed = 0;
	struct media_event e;
	for (uint32_t round = 0; round < 40; round++) {
		ref sessions[20];
		for (uint32_t i = 0; i < 20; i++) {
			struct addr rtp[MEDIA_STREAMS_MAX];
			struct media_command remote = { .kind = MEDIA_DO_REMOTE, .side = MEDIA_A };
			remote.remote = (struct media_remote){ .rtp = evil.local,
				                                   .form = MEDIA_FORM_AUDIO,
				                                   .send = true,
				                                   .law = MEDIA_LAW_A,
				                                   .law_pt = 8,
				                                   .clock_hz = 8000,
				                                   .event_pt_in = 0xff,
				                                   .event_pt_out = 0xff };
			struct media_command play = { .kind = MEDIA_DO_PLAY, .side = MEDIA_A, .play = { .tone = MEDIA_TONE_BUSY } };
			if (m->ops->open(m, &sessions[i], i) != OK) abort();
			const struct media_want want = { .side = MEDIA_A, .family = 4, .count = 1 };
			if (m->ops->ports(m, sessions[i], &want, rtp) != OK) abort();
			if (m->ops->tell(m, sessions[i], &remote) != OK || m->ops->tell(m, sessions[i], &play) != OK) abort();
		}
		for (uint32_t i = 0; i < 20; i++)
			if (m->ops->tell(m, sessions[i], &(struct media_command){ .kind = MEDIA_DO_CLOSE }) != OK) abort();
		media_plane_wake(plane, worker); // for all that was said in this round
		while (closed < (round + 1) * 20 && event_of(m, worker, &e)) closed += e.kind == MEDIA_EV_CLOSED;
	}
	return closed == 800 ? self : NULL;
}

static void test_two_workers(void **state)
{
	(void)state;
	pthread_t threads[2];
	void *good;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, media_plane_of(plane, i)), 0);
	for (uint32_t i = 0; i < 2; i++) {
		pthread_join(threads[i], &good);
		assert_non_null(good);
	}
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t t = 0; t < 2; t++) assert_int_equal(plane->workers[i].sessions[t].used, 0);
}

// Two calls that a transfer tied send to each other's ports, which the world knows under another address.
static void test_tie(void **state)
{
	(void)state;
	struct media_setup setup = { .address_count = 1, .addresses = { { .port_first = 20000, .port_last = 20099 } } };
	struct addr ours, beyond, other;
	assert_int_equal(addr_parse(&setup.addresses[0].bound, STR("10.0.0.5:1")), OK);
	assert_int_equal(addr_parse(&setup.addresses[0].told, STR("198.51.100.7:1")), OK);
	assert_int_equal(addr_parse(&ours, STR("198.51.100.7:20010")), OK);
	assert_int_equal(addr_parse(&beyond, STR("198.51.100.7:30000")), OK);
	assert_int_equal(addr_parse(&other, STR("198.51.100.8:20010")), OK);
	const struct addr beyond_was = beyond, other_was = other;
	make_bound(&setup, &ours);
	make_bound(&setup, &beyond);
	make_bound(&setup, &other);
	assert_true(addr_host_eq(&ours, &setup.addresses[0].bound));
	assert_int_equal(ours.port, 20010);
	assert_true(addr_eq(&beyond, &beyond_was) && addr_eq(&other, &other_was));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_relay), T(test_attack), T(test_play),    T(test_families),
		T(test_own),   T(test_limits), T(test_refused), T(test_two_workers),
		T(test_descriptor_limit), T(test_one_wake_a_turn), cmocka_unit_test(test_tie),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
