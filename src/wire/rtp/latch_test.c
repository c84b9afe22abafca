#include "latch.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000ull
#define NOBODY ((struct addr){ 0 })

static struct addr at(const char *z)
{
	struct addr a = { 0 };
	assert_int_equal(addr_parse(&a, str_from(z)), OK);
	return a;
}

static bool accept_from(struct latch *l, const char *from, uint32_t ssrc, uint64_t now_us)
{
	struct addr a = at(from);
	return latch_accept(l, &a, &ssrc, now_us);
}

static struct latch opened(const char *said, const char *signalling)
{
	struct latch l = { 0 };
	struct addr s = at(said), g = signalling ? at(signalling) : NOBODY;
	latch_open(&l, &s, &g);
	return l;
}

#define PHONE "192.0.2.1:4000"
#define EVIL "198.51.100.66:4000"

// 50 packets a second, before, during and after: none is taken, nothing is ever sent there.
static void test_attack(void **state)
{
	(void)state;
	struct latch l = opened(PHONE, "192.0.2.1:5060");
	struct addr phone = at(PHONE);
	for (uint64_t now = S; now < 61 * S; now += 20000) {
		bool talks = now > 3 * S && (now < 20 * S || now > 40 * S); // a silence of 20 s in between
		if (talks) assert_true(accept_from(&l, PHONE, 7, now));
		assert_false(accept_from(&l, EVIL, 7, now)); // even with the right SSRC
		assert_false(accept_from(&l, "192.0.2.2:4000", 7, now));
		assert_true(addr_eq(latch_to(&l), &phone));
	}
}

static void test_nat(void **state)
{
	(void)state;
	struct latch l = opened("10.0.0.5:4000", "203.0.113.9:5060");
	assert_true(addr_host_eq(latch_to(&l), &l.said)); // before anything came
	assert_true(accept_from(&l, "203.0.113.9:61000", 7, S));
	struct addr learnt = at("203.0.113.9:61000");
	assert_true(addr_eq(latch_to(&l), &learnt));
	assert_false(accept_from(&l, "203.0.113.9:62000", 8, S + 20000)); // a neighbour behind the same NAT
	assert_true(accept_from(&l, "203.0.113.9:61000", 7, S + 40000));
}

// No NAT: only the host of the SDP counts.
static void test_no_learning_from_signalling(void **state)
{
	(void)state;
	struct latch l = opened(PHONE, NULL);
	assert_false(accept_from(&l, "203.0.113.9:4000", 7, S));
	assert_true(accept_from(&l, "192.0.2.1:4100", 7, S)); // another port of the host
}

static void test_windows(void **state)
{
	(void)state;
	struct latch l = opened("10.0.0.5:4000", "203.0.113.9:5060");
	assert_true(accept_from(&l, "203.0.113.9:61000", 7, 10 * S));
	assert_true(accept_from(&l, "203.0.113.9:61002", 7, 10 * S + 20000)); // settling: the SSRC is kept
	assert_false(accept_from(&l, "203.0.113.9:61004", 8, 10 * S + 40000));
	for (uint64_t now = 10 * S + 40000; now < 14 * S; now += 20000)
		assert_true(accept_from(&l, "203.0.113.9:61002", 7, now));
	assert_false(accept_from(&l, "203.0.113.9:61006", 7, 14 * S)); // shut
	assert_false(accept_from(&l, "10.0.0.5:4000", 7, 14 * S));     // even for what the SDP said
	assert_false(accept_from(&l, "203.0.113.9:61006", 7, 15 * S + 900000));
	assert_false(accept_from(&l, "203.0.113.9:61006", 8, 16 * S)); // silent for 2 s: only with the same SSRC
	assert_true(accept_from(&l, "203.0.113.9:61006", 7, 16 * S));
}

// A phone that moves in mid-call: new SDP, old packets still on the way, then another port with another SSRC.
static void test_moves(void **state)
{
	(void)state;
	struct latch l = opened("10.0.0.5:4000", "203.0.113.9:5060");
	assert_true(accept_from(&l, "203.0.113.9:61000", 7, 10 * S));
	struct addr said = at("10.0.0.5:4444"), signalling = at("203.0.113.9:5060");
	latch_open(&l, &said, &signalling);
	assert_true(addr_eq(latch_to(&l), &said));
	assert_true(accept_from(&l, "203.0.113.9:61000", 7, 20 * S));
	assert_false(accept_from(&l, "203.0.113.9:62000", 9, 20 * S + 100000));
	assert_true(accept_from(&l, "203.0.113.9:62000", 9, 20 * S + 200000));
	assert_false(accept_from(&l, "203.0.113.9:61000", 7, 20 * S + 220000));
}

static void test_exact_wins(void **state)
{
	(void)state;
	struct latch l = opened(PHONE, NULL);
	assert_true(accept_from(&l, "192.0.2.1:9999", 1, S));        // came first, from the same host
	assert_true(accept_from(&l, PHONE, 2, S + 20000));           // but this is what the SDP said
	assert_false(accept_from(&l, "192.0.2.1:9999", 1, S + 40000));
	assert_false(accept_from(&l, "192.0.2.1:9999", 2, S + 60000));
}

// The same offer again opens the window and keeps the source; a re-INVITE while both talk changes nothing.
static void test_again(void **state)
{
	(void)state;
	struct latch l = opened("10.0.0.5:4000", "203.0.113.9:5060");
	assert_true(accept_from(&l, "203.0.113.9:61000", 7, S));
	struct addr said = l.said, signalling = at("203.0.113.9:7777"); // the port of signalling does not count
	latch_open(&l, &said, &signalling);
	struct addr learnt = at("203.0.113.9:61000");
	assert_true(addr_eq(latch_to(&l), &learnt));
	assert_true(accept_from(&l, "203.0.113.9:63000", 9, 30 * S));
}

static void test_raw(void **state)
{
	(void)state;
	struct latch l = opened("10.0.0.5:4000", "203.0.113.9:5060");
	struct addr a = at("203.0.113.9:61000"), b = at("203.0.113.9:61002");
	assert_true(latch_accept(&l, &a, NULL, S));
	assert_false(latch_accept(&l, &b, NULL, S + 20000));
	assert_false(latch_accept(&l, &b, NULL, 9 * S)); // cannot prove itself
	latch_open(&l, &l.said, &l.signalling);
	assert_true(latch_accept(&l, &b, NULL, 10 * S));
}

static void test_nothing_said(void **state)
{
	(void)state;
	struct latch l = { 0 };
	struct addr none = NOBODY;
	latch_open(&l, &none, &none);
	assert_null(latch_to(&l));
	assert_false(accept_from(&l, PHONE, 1, S));
	assert_false(latch_accept(&l, &none, NULL, S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attack),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_no_learning_from_signalling),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_exact_wins),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_nothing_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
