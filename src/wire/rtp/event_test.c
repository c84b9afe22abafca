#include "event.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool take(struct event_rx *e, uint8_t code, bool end, uint16_t duration, uint32_t ts, char *digit)
{
	uint8_t payload[4] = { code, (uint8_t)(10 | (end ? 0x80 : 0)), (uint8_t)(duration >> 8), (uint8_t)duration };
	*digit = '?';
	return event_rx_take(e, payload, 4, ts, digit);
}

// Whichever packets of a key are lost, it is told once.
static void test_once(void **state)
{
	(void)state;
	for (uint32_t lost = 0; lost < 127; lost++) { // 7 packets: 4 that grow, the end three times
		struct event_rx e = { 0 };
		uint32_t told = 0;
		char digit;
		for (uint32_t i = 0; i < 7; i++) {
			bool end = i >= 4;
			if (lost >> i & 1) continue;
			if (take(&e, 11, end, (uint16_t)(160 * (end ? 5 : i + 1)), 5000, &digit))
				told++, assert_int_equal(digit, '#');
		}
		assert_int_equal(told, 1);
	}
}

static void test_keys(void **state)
{
	(void)state;
	struct event_rx e = { 0 };
	char digit;
	uint32_t ts = UINT32_MAX - 1000; // over the turn of the clock
	for (uint8_t code = 0; code < 16; code++, ts += 1200) {
		assert_true(take(&e, code, false, 160, ts, &digit));
		assert_int_equal(digit, "0123456789*#ABCD"[code]);
		assert_false(take(&e, code, true, 800, ts, &digit));
	}
	assert_false(take(&e, 16, false, 160, ts, &digit)); // a flash is no key
	assert_false(event_rx_take(&e, (const uint8_t[]){ 1, 2, 3 }, 3, ts, &digit));
	assert_true(take(&e, 5, false, 160, ts, &digit)); // the same key twice, the first end lost: two keys
	assert_true(take(&e, 5, false, 160, ts + 1200, &digit));
	assert_false(take(&e, 5, true, 800, ts, &digit)); // late
}

static void test_long(void **state)
{
	(void)state;
	struct event_rx e = { 0 };
	char digit;
	assert_true(take(&e, 1, false, 160, 1000, &digit));
	assert_false(take(&e, 1, false, 0xffff, 1000, &digit));
	assert_false(take(&e, 1, false, 160, 1000 + 0xffff, &digit)); // goes on
	assert_true(take(&e, 2, false, 160, 1000 + 2 * 0xffff, &digit));
}

static void test_send(void **state)
{
	(void)state;
	struct event_tx tx = { 0 };
	struct event_rx rx = { 0 };
	uint8_t payload[4];
	char digit, heard[8] = "";
	uint32_t ts = 0, packets = 0, ends = 0, gaps = 0, at = 0;
	assert_int_equal(event_tx_add(&tx, '5', 100), OK);
	assert_int_equal(event_tx_add(&tx, '5', 0), OK);
	assert_int_equal(event_tx_add(&tx, 'x', 0), ERR_BAD);
	assert_int_equal(event_tx_add(&tx, '\0', 0), ERR_BAD);
	for (uint32_t frame = 0; event_tx_busy(&tx); frame++) {
		assert_true(frame < 100);
		enum event_step step = event_tx_next(&tx, payload);
		if (step == EVENT_GAP) {
			gaps++;
			continue;
		}
		if (step == EVENT_FIRST) ts = frame * 160;
		if (event_rx_take(&rx, payload, 4, ts, &digit)) heard[at++] = digit;
		packets++;
		ends += payload[1] >> 7;
		if (payload[1] & 0x80) assert_int_equal(payload[2] << 8 | payload[3], 800);
	}
	assert_string_equal(heard, "55");
	assert_int_equal(packets, 14); // 20, 40, 60, 80 ms, then 100 three times; twice
	assert_int_equal(ends, 6);
	assert_int_equal(gaps, 6);
	assert_int_equal(event_tx_next(&tx, payload), EVENT_IDLE);
}

static void test_queue(void **state)
{
	(void)state;
	struct event_tx tx = { 0 };
	char digit = 0;
	uint16_t ms = 0;
	for (uint32_t i = 0; i < EVENT_QUEUE; i++) assert_int_equal(event_tx_add(&tx, (char)('0' + i % 10), 65535), OK);
	assert_int_equal(event_tx_add(&tx, '1', 0), ERR_FULL);
	assert_true(event_tx_take(&tx, &digit, &ms));
	assert_true(digit == '0' && ms == EVENT_MS_MAX);
	assert_true(event_tx_take(&tx, &digit, &ms) && digit == '1');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once), cmocka_unit_test(test_keys),  cmocka_unit_test(test_long),
		cmocka_unit_test(test_send), cmocka_unit_test(test_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
