// Questions to a server on loopback, in the same thread: it answers over UDP, cuts off and answers over TCP, says
// nothing, or nonsense.
#include "dns.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/testing.h"
#include "wire/net/dns_fixture.h"

#define NAME "sip.example"

struct bench {
	struct loop loop;
	struct dns *dns;
	int udp, tcp; // the server's
	struct addr at;
	uint32_t answers, found;
	bool silent; // the last answer was none
};

static void answered(void *self, enum dns_type type, const char *name, const struct dns_answer *answer)
{
	struct bench *b = self;
	assert_int_equal(type, DNS_A);
	assert_string_equal(name, NAME);
	b->answers++;
	b->silent = answer == NULL;
	b->found = answer ? answer->count : 0;
}

static struct bench *bench_new(void)
{
	struct bench *b = must(calloc(1, sizeof *b));
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sa;
	b->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	b->tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	for (uint32_t tries = 0; ; tries++) { // a port that is free for both
		close(b->udp);
		b->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		sa.sin_port = 0;
		assert_int_equal(bind(b->udp, (struct sockaddr *)&sa, sizeof sa), 0);
		assert_int_equal(getsockname(b->udp, (struct sockaddr *)&sa, &n), 0);
		if (bind(b->tcp, (struct sockaddr *)&sa, sizeof sa) == 0) break;
		assert_true(tries < 100);
	}
	assert_int_equal(listen(b->tcp, 8), 0);
	addr_from_sockaddr(&b->at, (struct sockaddr *)&sa);
	assert_int_equal(loop_init(&b->loop), OK);
	assert_int_equal(dns_new(&b->dns, &b->loop, &(struct dns_user){ .self = b, .answered = answered }, &b->at, 1), OK);
	return b;
}

static void bench_free(struct bench *b)
{
	dns_free(b->dns);
	loop_fini(&b->loop);
	close(b->udp);
	close(b->tcp);
	free(b);
}

static void turn(struct bench *b)
{
	loop_wait(&b->loop, 0);
	dns_tick(b->dns);
}

// The answer to a question, of which the id is taken.
static struct buf answer_to(char *out, uint32_t cap, const char *question, uint32_t flags, uint32_t count)
{
	struct buf a = buf_on(out, cap);
	put_dns_head(&a, flags, NAME, DNS_A, count);
	memcpy(a.p, question, 2);
	for (uint32_t i = 0; i < count; i++) put_dns_rr(&a, NAME, DNS_A, 60, (struct str){ "\xc0\x00\x02\x01", 4 });
	return a;
}

// Takes a question over UDP, if there is one; and answers it.
static bool serve(struct bench *b, uint32_t flags, uint32_t count, bool stranger)
{
	char question[512], text[4096];
	struct sockaddr_in from;
	socklen_t n = sizeof from;
	if (recvfrom(b->udp, question, sizeof question, 0, (struct sockaddr *)&from, &n) < 12) return false;
	struct buf a = answer_to(text, sizeof text, question, flags, count);
	if (stranger) a.p[0] ^= 1; // whoever did not see the question does not know its id
	assert_int_equal(sendto(b->udp, a.p, a.n, 0, (struct sockaddr *)&from, n), a.n);
	return true;
}

static void an_answer_comes(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	dns_ask(b->dns, DNS_A, NAME);
	AWAIT((turn(b), serve(b, 0x8180, 2, false)));
	AWAIT((turn(b), b->answers == 1));
	assert_int_equal(b->found, 2);
	dns_ask(b->dns, DNS_A, NAME);
	AWAIT((turn(b), serve(b, 0x8183, 0, false))); // there is no such name: an answer, too
	AWAIT((turn(b), b->answers == 2));
	assert_false(b->silent);
	assert_int_equal(b->found, 0);
	bench_free(b);
}

static void what_is_cut_off_comes_over_tcp(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	char question[514], text[4096], framed[4098];
	int fd = -1;
	uint32_t got = 0;
	dns_ask(b->dns, DNS_A, NAME);
	AWAIT((turn(b), serve(b, 0x8380, 0, false)));
	AWAIT((turn(b), fd = accept(b->tcp, NULL, NULL), fd >= 0));
	AWAIT((turn(b), got += (uint32_t)(recv(fd, question + got, sizeof question - got, MSG_DONTWAIT) > 0 ? 64 : 0), got >= 14));
	struct buf a = answer_to(text, sizeof text, question + 2, 0x8180, 16);
	struct buf f = buf_on(framed, sizeof framed);
	put_dns_u16(&f, a.n);
	put(&f, buf_str(&a));
	assert_int_equal(send(fd, f.p, f.n, 0), f.n);
	AWAIT((turn(b), b->answers == 1));
	assert_int_equal(b->found, 16);
	close(fd);
	bench_free(b);
}

static void silence_and_failure_are_none(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	dns_ask(b->dns, DNS_A, NAME);
	AWAIT((turn(b), serve(b, 0x8182, 0, false), b->answers == 1)); // it fails as often as it is asked
	assert_true(b->silent);
	dns_ask(b->dns, DNS_A, NAME);
	AWAIT((turn(b), b->answers == 2)); // it says nothing
	assert_true(b->silent);
	bench_free(b);
}

static void nobody_else_answers(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	dns_ask(b->dns, DNS_A, NAME);
	AWAIT((turn(b), serve(b, 0x8180, 2, true)));
	for (uint32_t i = 0; i < 100; i++) turn(b);
	assert_int_equal(b->answers, 0);
	AWAIT((turn(b), serve(b, 0x8180, 1, false))); // it is asked again
	AWAIT((turn(b), b->answers == 1));
	assert_int_equal(b->found, 1);
	bench_free(b);
}

static void what_is_asked_ends_with_who_asked(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	dns_ask(b->dns, DNS_A, NAME);
	b->dns = dns_free(b->dns);
	assert_int_equal(b->answers, 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes),
		cmocka_unit_test(what_is_cut_off_comes_over_tcp),
		cmocka_unit_test(silence_and_failure_are_none),
		cmocka_unit_test(nobody_else_answers),
		cmocka_unit_test(what_is_asked_ends_with_who_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
