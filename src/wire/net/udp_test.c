#include "udp.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/testing.h"

static struct addr address(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(&a, str_from(text)), OK);
	return a;
}

static const char *const hosts[] = { "127.0.0.1", "::1" };

static bool have_ipv6(void)
{
	struct udp u;
	enum err err = udp_open(&u, &(struct udp_settings){ .local = address("::1") }, 0, NULL);
	udp_close(&u);
	return err == OK;
}

// The next batch of packets. Even on the way to itself a busy machine may hold some back.
static uint32_t read_some(const struct udp *u, struct udp_reader *r, uint64_t now_ms)
{
	AWAIT(poll(&(struct pollfd){ .fd = u->fd, .events = POLLIN }, 1, 0) == 1);
	return udp_read(u, r, now_ms);
}

struct got {
	struct addr peer;
	uint32_t n;
	char begins[8];
};

// Reads so many packets, in one batch or in several.
static void read_all(const struct udp *u, struct udp_reader *r, struct got *out, uint32_t wanted)
{
	for (uint32_t got = 0; got < wanted;) {
		uint32_t n = read_some(u, r, 0);
		assert_true(got + n <= wanted);
		for (uint32_t i = 0; i < n; i++, got++) {
			out[got] = (struct got){ .peer = r->packets[i].peer, .n = r->packets[i].data.n };
			str_to_z(out[got].begins, sizeof out[got].begins, str_head(r->packets[i].data, 7));
		}
	}
}

static bool is_text(const struct got *g, const struct addr *peer, const char *text)
{
	return addr_eq(&g->peer, peer) && strcmp(g->begins, text) == 0;
}

// Reads until `wanted` packets came; checks each by its number.
static uint32_t read_numbered(const struct udp *u, struct udp_reader *r, uint32_t wanted, const struct addr *from)
{
	uint32_t got = 0;
	while (got < wanted) {
		uint32_t n = read_some(u, r, 77);
		for (uint32_t i = 0; i < n; i++) {
			const struct packet *packet = &r->packets[i];
			assert_true(addr_eq(&packet->peer, from));
			assert_int_equal(packet->listener, u->listener);
			assert_int_equal(packet->arrived_ms, 77);
			assert_int_equal(packet->data.n, got % 100);
			for (uint32_t j = 0; j < packet->data.n; j++) assert_int_equal(packet->data.p[j], (char)got);
			got++;
		}
	}
	return got;
}

static void batches_pass_both_families(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < ARRAY_LEN(hosts); h++) {
		struct udp sockets[2];
		struct udp_reader reader;
		struct udp_sender sender;
		struct outbox out;
		if (h == 1 && !have_ipv6()) continue;
		const struct udp_settings settings = { .local = address(hosts[h]), .dscp = 46, .buffer_bytes = 1 << 20 };
		assert_int_equal(udp_open(&sockets[0], &settings, 0, NULL), OK);
		assert_int_equal(udp_open(&sockets[1], &settings, 1, NULL), OK);
		assert_true(sockets[0].local.port != 0 && sockets[0].local.port != sockets[1].local.port);
		assert_true(addr_host_eq(&sockets[0].local, &settings.local));
		assert_int_equal(udp_reader_init(&reader, PACKET_MAX), OK);
		assert_int_equal(udp_sender_init(&sender, sockets, 2), OK);
		assert_int_equal(outbox_init(&out, 100, 1 << 18), OK);
		out.flush = udp_flush;
		out.self = &sender;
		for (uint32_t i = 0; i < 150; i++) {
			char text[100];
			memset(text, (char)i, sizeof text);
			outbox_send(&out, 0, &sockets[1].local, (struct str){ text, i % 100 });
		}
		outbox_flush(&out);
		assert_int_equal(read_numbered(&sockets[1], &reader, 150, &sockets[0].local), 150);
		assert_int_equal(udp_read(&sockets[1], &reader, 0), 0); // nothing more, and it does not wait
		outbox_fini(&out);
		udp_sender_fini(&sender);
		udp_reader_fini(&reader);
		udp_close(&sockets[0]);
		udp_close(&sockets[1]);
	}
}

static void each_packet_leaves_by_its_socket(void **state)
{
	(void)state;
	struct udp sockets[3];
	struct udp_reader reader;
	struct udp_sender sender;
	const struct udp_settings settings = { .local = address("127.0.0.1") };
	for (uint16_t i = 0; i < 3; i++) assert_int_equal(udp_open(&sockets[i], &settings, i, NULL), OK);
	assert_int_equal(udp_reader_init(&reader, 2048), OK);
	assert_int_equal(udp_sender_init(&sender, sockets, 2), OK);
	const struct packet packets[] = {
		{ .listener = 0, .peer = sockets[2].local, .data = STR("a") },
		{ .listener = 1, .peer = sockets[2].local, .data = STR("b") },
		{ .listener = 5, .peer = sockets[2].local, .data = STR("c") }, // no such socket
		{ .listener = 1, .peer = sockets[2].local, .data = STR("d") },
	};
	assert_int_equal(udp_send(&sender, packets, 4), 3);
	struct got got[3];
	read_all(&sockets[2], &reader, got, 3);
	assert_true(is_text(&got[0], &sockets[0].local, "a"));
	assert_true(is_text(&got[1], &sockets[1].local, "b") && is_text(&got[2], &sockets[1].local, "d"));
	udp_sender_fini(&sender);
	udp_reader_fini(&reader);
	for (uint16_t i = 0; i < 3; i++) udp_close(&sockets[i]);
}

// What the system refuses is dropped alone: before, between and after it the others leave.
static void a_refused_datagram_holds_up_nobody(void **state)
{
	(void)state;
	struct udp sockets[2];
	struct udp_reader reader;
	struct udp_sender sender;
	static char huge[65535];
	const struct udp_settings settings = { .local = address("127.0.0.1") };
	uint64_t dropped = count_by_name("udp_tx_dropped_error"), too_long = count_by_name("udp_rx_too_long");
	assert_int_equal(udp_open(&sockets[0], &settings, 0, NULL), OK);
	assert_int_equal(udp_open(&sockets[1], &settings, 1, NULL), OK);
	assert_int_equal(udp_reader_init(&reader, 2048), OK);
	assert_int_equal(udp_sender_init(&sender, sockets, 2), OK);
	struct addr closed = sockets[1].local, wrong_family = address("[2001:db8::1]:5060"), no_port = address("127.0.0.1");
	closed.port ^= 1;
	const struct packet packets[] = {
		{ .peer = no_port, .data = STR("x") },
		{ .peer = sockets[1].local, .data = STR("first") },
		{ .peer = wrong_family, .data = STR("x") },
		{ .peer = closed, .data = STR("x") }, // the kernel takes it
		{ .peer = sockets[1].local, .data = { huge, sizeof huge } },
		{ .peer = sockets[1].local, .data = { huge, 2049 } }, // the reader's limit
		{ .peer = sockets[1].local, .data = { huge, 2048 } },
		{ .peer = sockets[1].local, .data = STR("") },
	};
	assert_int_equal(udp_send(&sender, packets, ARRAY_LEN(packets)), 5);
	assert_int_equal(count_by_name("udp_tx_dropped_error") - dropped, 3);
	struct got got[3];
	read_all(&sockets[1], &reader, got, 3);
	assert_int_equal(count_by_name("udp_rx_too_long") - too_long, 1);
	assert_true(is_text(&got[0], &sockets[0].local, "first"));
	assert_int_equal(got[1].n, 2048);
	assert_int_equal(got[2].n, 0);
	udp_sender_fini(&sender);
	udp_reader_fini(&reader);
	udp_close(&sockets[0]);
	udp_close(&sockets[1]);
}

// What nobody takes comes back, with enough of it to know it again; after it the socket is as good as before.
static void what_nobody_takes_comes_back(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < ARRAY_LEN(hosts); h++) {
		struct udp mine, gone;
		struct udp_reader reader;
		struct udp_sender sender;
		if (h == 1 && !have_ipv6()) continue;
		const struct udp_settings settings = { .local = address(hosts[h]), .returns = true };
		assert_int_equal(udp_open(&mine, &settings, 3, NULL), OK);
		assert_int_equal(udp_open(&gone, &settings, 0, NULL), OK);
		udp_close(&gone); // nobody has its port now
		struct udp sockets[4] = { [3] = mine };
		assert_int_equal(udp_reader_init(&reader, 2048), OK);
		assert_int_equal(udp_sender_init(&sender, sockets, 4), OK);
		const struct packet packets[] = {
			{ .listener = 3, .peer = gone.local, .data = STR("INVITE sip:x SIP/2.0") },
			{ .listener = 3, .peer = mine.local, .data = STR("to itself") },
		};
		assert_int_equal(udp_read_returned(&mine, &reader, 5), 0);
		assert_int_equal(udp_send(&sender, packets, 2), 2);
		struct pollfd p = { .fd = mine.fd };
		assert_int_equal(poll(&p, 1, 60000), 1);
		assert_true(p.revents & POLLERR);
		assert_int_equal(udp_read_returned(&mine, &reader, 5), 1);
		const struct packet *back = &reader.packets[0];
		assert_true(back->returned && back->listener == 3 && back->arrived_ms == 5);
		assert_true(addr_eq(&back->peer, &gone.local));
		assert_true(str_eq(back->data, packets[0].data));
		assert_int_equal(udp_read_returned(&mine, &reader, 5), 0);
		assert_int_equal(udp_read(&mine, &reader, 5), 1);
		assert_true(!reader.packets[0].returned && str_eq(reader.packets[0].data, STR("to itself")));
		udp_sender_fini(&sender);
		udp_reader_fini(&reader);
		udp_close(&mine);
	}
}

static void says_what_address_and_why(void **state)
{
	(void)state;
	struct udp first, second;
	char text[200], expected[200];
	struct buf why = buf_on(text, sizeof text);
	struct udp_settings settings = { .local = address("127.0.0.1") };
	assert_int_equal(udp_open(&first, &settings, 0, &why), OK);
	settings.local = first.local;
	assert_int_equal(udp_open(&second, &settings, 0, &why), ERR_EXISTS);
	assert_int_equal(second.fd, -1);
	snprintf(expected, sizeof expected, "UDP 127.0.0.1:%u: cannot bind: Address already in use", first.local.port);
	assert_true(str_eq(buf_str(&why), str_from(expected)));
	why.n = 0;
	settings.local = address("192.0.2.1:5060");
	assert_int_equal(udp_open(&second, &settings, 0, &why), ERR_NOT_FOUND);
	assert_true(str_eq(buf_str(&why), STR("UDP 192.0.2.1:5060: cannot bind: Cannot assign requested address")));
	settings.dscp = 64;
	assert_int_equal(udp_open(&second, &settings, 0, NULL), ERR_BAD);
	udp_close(&second);
	udp_close(&first);
}

static void a_port_is_shared_only_when_both_say_so(void **state)
{
	(void)state;
	struct udp first, second;
	struct udp_settings settings = { .local = address("127.0.0.1"), .share_port = true };
	assert_int_equal(udp_open(&first, &settings, 0, NULL), OK);
	settings.local = first.local;
	assert_int_equal(udp_open(&second, &settings, 0, NULL), OK);
	udp_close(&second);
	settings.share_port = false;
	assert_int_equal(udp_open(&second, &settings, 0, NULL), ERR_EXISTS);
	udp_close(&first);
}

static void a_class_and_buffers_are_set(void **state)
{
	(void)state;
	struct udp u;
	int value = 0;
	socklen_t n = sizeof value;
	assert_int_equal(udp_open(&u, &(struct udp_settings){ .local = address("127.0.0.1"), .dscp = 46,
	                                                      .buffer_bytes = 300000 }, 0, NULL), OK);
	assert_int_equal(getsockopt(u.fd, IPPROTO_IP, IP_TOS, &value, &n), 0);
	assert_int_equal(value, 46 << 2);
	n = sizeof value;
	assert_int_equal(getsockopt(u.fd, SOL_SOCKET, SO_RCVBUF, &value, &n), 0);
	assert_true(value >= 200000); // as far as the system allows
	udp_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_pass_both_families),
		cmocka_unit_test(each_packet_leaves_by_its_socket),
		cmocka_unit_test(a_refused_datagram_holds_up_nobody),
		cmocka_unit_test(what_nobody_takes_comes_back),
		cmocka_unit_test(says_what_address_and_why),
		cmocka_unit_test(a_port_is_shared_only_when_both_say_so),
		cmocka_unit_test(a_class_and_buffers_are_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
