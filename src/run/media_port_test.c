#include "media_port.c"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define PAIRS 20

static struct media_setup setup;
static struct media_ports ports;
static struct random random_source;
static struct media_pair_opened opened[8 * PAIRS];
static struct media_pair taken[8 * PAIRS];
static uint32_t count;

static struct addr host(const char *z)
{
	struct addr addr = { 0 };
	assert_int_equal(addr_parse(&addr, str_from(z)), OK);
	return addr;
}

static void begin(const char *first, const char *second, uint16_t pairs)
{
	uint16_t port = (uint16_t)(10000 + (uint32_t)getpid() % 1000 * 16);
	setup = (struct media_setup){ .address_count = 2 };
	setup.addresses[0] = (struct media_address){ .bound = host(first), .port_first = port,
		                                         .port_last = (uint16_t)(port + 2 * pairs - 1) };
	setup.addresses[1] = setup.addresses[0];
	setup.addresses[1].bound = host(second);
	random_seed(&random_source, 1);
	count = 0;
	log_quiet = true;
	assert_int_equal(media_ports_init(&ports, &setup, 0, 1), OK);
}

static bool take(uint8_t family, bool emergency)
{
	struct media_port_want want = { .family = family, .emergency = emergency, .address = MEDIA_ADDRESSES_MAX };
	if (media_ports_take(&ports, &random_source, &want, &taken[count], &opened[count]) != OK) return false;
	count++;
	return true;
}

static void end(void)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!opened[i].fresh) continue;
		udp_close(&opened[i].rtp);
		udp_close(&opened[i].rtcp);
	}
	media_ports_fini(&ports);
}

// The ports of addresses that nobody else uses: 127.0.0.0/8 is wide.
static void test_kept_for_emergencies(void **state)
{
	(void)state;
	begin("127.0.5.1", "127.0.5.2", PAIRS);
	while (take(4, false)) assert_true(count <= 2 * PAIRS);
	assert_int_equal(count, 2 * PAIRS - 2); // a sixteenth of 40
	assert_false(take(4, false));
	assert_true(take(4, true) && take(4, true));
	assert_false(take(4, true));
	media_ports_give(&ports, taken[0]);
	assert_false(take(4, false)); // emergencies first
	assert_true(take(4, true));
	end();
}

static void test_kept_of_few(void **state)
{
	(void)state;
	assert_int_equal(kept_of(0), 0);
	assert_int_equal(kept_of(1), 0);
	assert_int_equal(kept_of(2), 1);
	assert_int_equal(kept_of(4), 2);
	assert_int_equal(kept_of(4096), 256);
}

// Leaves room for so many descriptors, or fewer if some of higher numbers are open. The limit is above the highest.
static void limit_descriptors(struct rlimit *before, rlim_t more)
{
	int next = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
	assert_true(next >= 0 && close(next) == 0);
	struct rlimit few = { .rlim_cur = (rlim_t)next + more, .rlim_max = before->rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

// Without descriptors what is open and idle serves, at whichever address it lies; the last two are for emergencies.
static void test_no_descriptors(void **state)
{
	(void)state;
	struct rlimit before;
	begin("127.0.5.3", "127.0.5.4", PAIRS);
	limit_descriptors(&before, 12); // six pairs
	while (take(4, false)) assert_true(count <= 6);
	assert_true(count > 2);
	uint32_t open = count;
	for (uint32_t round = 0; round < 50; round++) {
		media_ports_give(&ports, taken[round % open]); // one is idle, and there are fresh ones at both addresses
		assert_false(take(4, false));
		assert_true(take(4, true) && !opened[--count].fresh);
		assert_true(taken[count].address == taken[round % open].address);
		assert_true(taken[count].number == taken[round % open].number);
	}
	assert_false(take(4, true));
	for (uint32_t i = 0; i < 3; i++) media_ports_give(&ports, taken[i]);
	assert_true(take(4, false) && !opened[--count].fresh);
	assert_false(take(4, false));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(take(4, false) && opened[count - 1].fresh);
	assert_true(take(4, false)); // and fresh ones count again
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_for_emergencies),
		cmocka_unit_test(test_kept_of_few),
		cmocka_unit_test(test_no_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
