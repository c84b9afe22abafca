#include "flow.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000ull
static const struct flow_fresh fresh = { .ssrc = 0xabcd, .ts = 4000000000u, .seq = 65530 };
static struct rtp_packet p;

static bool relay(struct flow *f, uint32_t ssrc, uint16_t seq, uint32_t ts, uint64_t now_us)
{
	p = (struct rtp_packet){ .ssrc = ssrc, .seq = seq, .ts = ts };
	return flow_relay(f, &p, 8000, now_us);
}

static void own(struct flow *f, bool first, uint64_t now_us)
{
	p = (struct rtp_packet){ .pt = 0 };
	flow_own(f, &p, first, false, &fresh, 8000, now_us);
}

// Nothing of ours was ever sent: packets pass untouched, disorder and jumps included.
static void test_untouched(void **state)
{
	(void)state;
	struct flow f = { 0 };
	static const uint16_t seqs[] = { 65534, 65535, 0, 2, 1, 3, 3, 30000, 30001, 100, 101 };
	for (uint32_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
		assert_true(relay(&f, 7, seqs[i], seqs[i] * 160u, S + i * 20000));
		assert_true(p.ssrc == 7 && p.seq == seqs[i] && p.ts == seqs[i] * 160u && !p.marker);
	}
}

// Ring-back, then the peer, then an announcement, then the peer again: one SSRC, no gap, the clock goes on.
static void test_changes(void **state)
{
	(void)state;
	struct flow f = { 0 };
	uint64_t now = S;
	own(&f, true, now);
	uint16_t seq = p.seq;
	uint32_t ts = p.ts;
	for (int i = 0; i < 1000; i++) {
		now += 20000;
		bool playing = i / 100 % 2 == 0, change = i % 100 == 0 && i;
		if (change) now += 300000; // a pause in between
		uint32_t source = 100 + (uint32_t)i / 300;
		if (playing) own(&f, change, now);
		else assert_true(relay(&f, source, (uint16_t)(9000 + i), (uint32_t)(77 + i * 160), now));
		assert_int_equal(p.seq, (uint16_t)(seq + 1));
		assert_int_equal(p.ssrc, fresh.ssrc);
		assert_int_equal(p.ts, ts + (change ? 2560 : 160)); // 320 ms, 20 ms
		if (!playing) assert_int_equal(p.marker, change);
		seq = p.seq;
		ts = p.ts;
	}
}

// The other source is the same stream for the one who listens.
static void test_sources(void **state)
{
	(void)state;
	struct flow f = { 0 };
	assert_true(relay(&f, 1, 500, 1000, S));
	assert_true(relay(&f, 2, 9, 555555, S + 40000));
	assert_true(p.ssrc == 1 && p.seq == 501 && p.ts == 1320 && p.marker);
	assert_false(relay(&f, 2, 8, 555395, S + 41000)); // 500 was given away
	assert_true(relay(&f, 2, 11, 555875, S + 60000));
	assert_true(p.seq == 503 && p.ts == 1640);
	assert_true(relay(&f, 2, 10, 555715, S + 61000)); // disorder within the stretch
	assert_int_equal(p.seq, 502);
}

// A whole turn of the sequence numbers later nothing is taken for late, nor when a source starts anew.
static void test_turn(void **state)
{
	(void)state;
	struct flow f = { 0 };
	own(&f, true, S);
	uint32_t count = 0;
	for (uint32_t i = 0; i < 140000; i++) count += relay(&f, 1, (uint16_t)i, i * 160, S + i * 20000ull);
	assert_int_equal(count, 140000);
	assert_true(relay(&f, 1, 60000, 5, 4000 * S));
	assert_true(relay(&f, 1, 60001, 165, 4000 * S));
}

static void test_event(void **state)
{
	(void)state;
	struct flow f = { 0 };
	assert_true(relay(&f, 1, 10, 1000, S));
	p = (struct rtp_packet){ .pt = 101 };
	flow_own(&f, &p, true, false, &fresh, 8000, S + 20000);
	assert_true(p.seq == 11 && p.ts == 1160 && p.ssrc == 1);
	for (uint16_t i = 1; i < 7; i++) {
		flow_own(&f, &p, false, true, &fresh, 8000, S + 20000 + i * 20000u);
		assert_true(p.seq == 11 + i && p.ts == 1160);
	}
	assert_true(relay(&f, 1, 18, 1000 + 8 * 160, S + 160000)); // the peer talked on meanwhile
	assert_true(p.seq == 18 && p.marker && p.ts == 1160 + 7 * 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched), cmocka_unit_test(test_changes), cmocka_unit_test(test_sources),
		cmocka_unit_test(test_turn),      cmocka_unit_test(test_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
