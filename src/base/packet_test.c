// The outbox: what is written leaves once, whole, in order.
#include "packet.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char sent[1 << 20];
static uint32_t sent_bytes, sent_packets, flushes;

static void collect(struct outbox *o, void *self)
{
	assert_ptr_equal(self, &flushes);
	assert_true(o->count > 0);
	for (uint32_t i = 0; i < o->count; i++) {
		struct str data = o->packets[i].data;
		assert_int_equal(o->packets[i].peer.port, 7);
		assert_int_equal(o->packets[i].listener, 3);
		assert_true(sent_bytes + data.n <= sizeof sent);
		memcpy(sent + sent_bytes, data.p, data.n);
		sent_bytes += data.n;
		sent_packets++;
	}
	flushes++;
}

static const struct addr peer = { .family = 4, .port = 7, .ip = { 192, 0, 2, 1 } };

static void outbox_start(struct outbox *o, uint32_t packets)
{
	sent_bytes = sent_packets = flushes = 0;
	assert_int_equal(outbox_init(o, packets, 1), OK);
	o->flush = collect;
	o->self = &flushes;
}

static void packets_leave_in_order(void **state)
{
	(void)state;
	struct outbox o;
	outbox_start(&o, 4);
	for (char c = 'a'; c < 'k'; c++) {
		struct buf *b = outbox_open(&o, 3, &peer);
		put_c(b, c);
		put_c(b, '.');
		struct str text = outbox_close(&o);
		assert_int_equal(text.n, 2);
		assert_int_equal(text.p[0], c);
	}
	outbox_send(&o, 3, &peer, STR("end"));
	assert_int_equal(flushes, 2); // ten packets, four at a time
	outbox_flush(&o);
	outbox_flush(&o); // empty: nothing is called
	assert_int_equal(flushes, 3);
	assert_int_equal(sent_packets, 11);
	assert_memory_equal(sent, "a.b.c.d.e.f.g.h.i.j.end", 23);
	outbox_fini(&o);
}

static void largest_packet_has_room_always(void **state)
{
	(void)state;
	static char large[PACKET_MAX + 1];
	struct outbox o;
	outbox_start(&o, 100);
	memset(large, 'x', sizeof large);
	for (uint32_t i = 0; i < 10; i++) {
		outbox_send(&o, 3, &peer, STR("small"));
		put(outbox_open(&o, 3, &peer), (struct str){ large, PACKET_MAX });
		assert_int_equal(outbox_close(&o).n, PACKET_MAX);
	}
	outbox_flush(&o);
	assert_int_equal(sent_packets, 20);
	assert_int_equal(sent_bytes, 10 * (PACKET_MAX + 5));
	outbox_fini(&o);
}

static void what_is_too_large_is_dropped_alone(void **state)
{
	(void)state;
	static char large[3 * PACKET_MAX];
	struct outbox o;
	outbox_start(&o, 100);
	outbox_send(&o, 3, &peer, STR("before,"));
	put(outbox_open(&o, 3, &peer), (struct str){ large, PACKET_MAX + 1 }); // fits the memory, not a datagram
	assert_int_equal(outbox_close(&o).n, 0);
	put(outbox_open(&o, 3, &peer), (struct str){ large, sizeof large }); // not even the memory
	assert_int_equal(outbox_close(&o).n, 0);
	struct buf *b = outbox_open(&o, 3, &peer);
	b->err = ERR_BAD; // a writer that gave up
	assert_int_equal(outbox_close(&o).n, 0);
	outbox_send(&o, 3, &peer, STR("after"));
	outbox_flush(&o);
	assert_int_equal(sent_packets, 2);
	assert_memory_equal(sent, "before,after", 12);
	outbox_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_leave_in_order),
		cmocka_unit_test(largest_packet_has_room_always),
		cmocka_unit_test(what_is_too_large_is_dropped_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
