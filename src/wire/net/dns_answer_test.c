#include "dns_answer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/testing.h"
#include "wire/net/dns_fixture.h"

#define RESPONSE 0x8180u

static char text[4096];
static struct dns_answer got;

static enum err read_it(const struct buf *b, enum dns_type type, const char *name)
{
	char *own = must(malloc(b->n ? b->n : 1)); // so that whoever reads past the end is caught
	memcpy(own, b->p, b->n);
	enum err e = dns_answer_parse(&got, (struct str){ own, b->n }, type, name);
	free(own);
	return e;
}

static struct buf answer(const char *name, uint32_t type, uint32_t count)
{
	struct buf b = buf_on(text, sizeof text);
	put_dns_head(&b, RESPONSE, name, type, count);
	return b;
}

static void put_srv(struct buf *b, const char *owner, uint32_t ttl_s, uint32_t priority, uint32_t weight, uint32_t port,
                    const char *target)
{
	char data[300];
	struct buf d = buf_on(data, sizeof data);
	put_dns_u16(&d, priority);
	put_dns_u16(&d, weight);
	put_dns_u16(&d, port);
	put_dns_name(&d, target);
	put_dns_rr(b, owner, DNS_SRV, ttl_s, buf_str(&d));
}

static void addresses_come_with_their_time(void **state)
{
	(void)state;
	struct buf b = answer("Sip.Example", DNS_A, 4);
	put_dns_rr(&b, "sip.EXAMPLE", DNS_A, 300, (struct str){ "\xc0\x00\x02\x01", 4 });
	put_dns_rr(&b, "other.example", DNS_A, 1, (struct str){ "\xc0\x00\x02\x09", 4 }); // nobody asked for it
	put_dns_rr(&b, "sip.example", DNS_A, 60, (struct str){ "\xc0\x00\x02\x02", 4 });
	put_dns_rr(&b, "sip.example", DNS_A, 70, (struct str){ "\xe0\x00\x00\x01", 4 }); // multicast: nobody's
	assert_int_equal(read_it(&b, DNS_A, "sip.example"), OK);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.ttl_s, 60);
	assert_int_equal(got.records[1].addr.ip[3], 2);
}

static void services_come_with_their_order(void **state)
{
	(void)state;
	struct buf b = answer("_sip._udp.example", DNS_SRV, 2);
	put_srv(&b, "_sip._udp.example", 100, 10, 60, 5060, "One.Example");
	put_srv(&b, "_sip._udp.example", 50, 20, 0, 5070, "");
	assert_int_equal(read_it(&b, DNS_SRV, "_sip._udp.example"), OK);
	assert_int_equal(got.count, 2);
	const struct dns_record *r = got.records;
	assert_true(r->first == 10 && r->second == 60 && r->port == 5060 && strcmp(r->name, "one.example") == 0);
	assert_string_equal(got.records[1].name, "");
	b = answer("example", DNS_NAPTR, 2);
	put_dns_rr(&b, "example", DNS_NAPTR, 9, (struct str){ "\0\x32\0\x05\1S\7SIP+D2T\0\4_sip\4_tcp\7example", 34 });
	put_dns_rr(&b, "example", DNS_NAPTR, 9, (struct str){ "\0\1\0\1\1u\7E2U+sip\5!a!b!\0", 21 }); // a rule, not a name
	assert_int_equal(read_it(&b, DNS_NAPTR, "example"), OK);
	assert_int_equal(got.count, 1);
	r = got.records;
	assert_true(r->first == 50 && r->second == 5 && r->final && strcmp(r->service, "sip+d2t") == 0);
	assert_string_equal(r->name, "_sip._tcp.example");
}

static void aliases_are_followed(void **state)
{
	(void)state;
	struct buf b = answer("a.example", DNS_A, 3);
	put_dns_rr(&b, "c.example", DNS_A, 30, (struct str){ "\xc0\x00\x02\x01", 4 });
	put_dns_rr(&b, "b.example", TYPE_CNAME, 20, (struct str){ "\1c\7example", 11 });
	put_dns_rr(&b, "a.example", TYPE_CNAME, 10, (struct str){ "\1b\7example", 11 });
	assert_int_equal(read_it(&b, DNS_A, "a.example"), OK);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.ttl_s, 10);
	b = answer("a.example", DNS_A, 1);
	put_dns_rr(&b, "a.example", TYPE_CNAME, 10, (struct str){ "\1a\7example", 11 }); // of itself
	assert_int_equal(read_it(&b, DNS_A, "a.example"), OK);
	assert_int_equal(got.count, 0);
}

static void none_has_its_time_too(void **state)
{
	(void)state;
	struct buf b = buf_on(text, sizeof text);
	put_dns_head(&b, RESPONSE | 3, "gone.example", DNS_A, 0);
	b.p[9] = 1; // an authority
	put_dns_rr(&b, "example", TYPE_SOA, 900, (struct str){ "\0\0........\0\0\0\0........\0\0\0\x78", 26 });
	assert_int_equal(read_it(&b, DNS_A, "gone.example"), OK);
	assert_int_equal(got.count, 0);
	assert_int_equal(got.ttl_s, 120);
	b = answer("gone.example", DNS_A, 0);
	assert_int_equal(read_it(&b, DNS_A, "gone.example"), OK);
	assert_int_equal(got.ttl_s, NONE_TTL_S);
}

static void what_answers_nothing_or_something_else_is_told_apart(void **state)
{
	(void)state;
	struct buf b = buf_on(text, sizeof text);
	put_dns_head(&b, RESPONSE | 2, "a.example", DNS_A, 0); // the server fails
	assert_int_equal(read_it(&b, DNS_A, "a.example"), ERR_NOT_FOUND);
	assert_int_equal(read_it(&b, DNS_A, "b.example"), ERR_BAD);
	assert_int_equal(read_it(&b, DNS_SRV, "a.example"), ERR_BAD);
	b = buf_on(text, sizeof text);
	put_dns_head(&b, RESPONSE | 0x200, "a.example", DNS_A, 0); // cut off
	assert_int_equal(read_it(&b, DNS_A, "a.example"), ERR_BAD);
	b = buf_on(text, sizeof text);
	put_dns_head(&b, 0x0100, "a.example", DNS_A, 0); // a question
	assert_int_equal(read_it(&b, DNS_A, "a.example"), ERR_BAD);
}

static void names_that_point_anywhere_end(void **state)
{
	(void)state;
	static const struct { const char *data; uint32_t n; } wrong[] = {
		{ "\0\1\0\1\x13\xc4\xc0\x00", 8 },     // the header, which is no name
		{ "\0\1\0\1\x13\xc4\xc1\xff", 8 },     // past the end
		{ "\0\1\0\1\x13\xc4\xc0", 7 },         // half a pointer
		{ "\0\1\0\1\x13\xc4\x40sdfsdf\0", 14 }, // a length that is none
		{ "\0\1\0\1\x13\xc4\x05" "ab", 9 },       // a label past the end
		{ "\0\1\0\1\x13\xc4\1.\0", 9 },        // a dot in a label
		{ "\0\1\0\1\x13", 5 },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct buf b = answer("s.example", DNS_SRV, 1);
		put_dns_rr(&b, "s.example", DNS_SRV, 1, (struct str){ wrong[i].data, wrong[i].n });
		if (read_it(&b, DNS_SRV, "s.example") != ERR_BAD) fail_msg("answer %u is taken", i);
	}
	struct buf b = answer("s.example", DNS_SRV, 1); // a pointer to itself, and one ahead
	uint32_t at = b.n;
	put(&b, (struct str){ (char[]){ (char)(0xc0 | at >> 8), (char)at }, 2 });
	put(&b, (struct str){ "\0\x21\0\1\0\0\0\1\0\0", 10 });
	assert_int_equal(read_it(&b, DNS_SRV, "s.example"), ERR_BAD);
}

// Cut at every octet it is no answer, and nothing is read past its end.
static void what_is_cut_is_refused(void **state)
{
	(void)state;
	struct buf b = answer("_sip._udp.example", DNS_SRV, 2);
	put_srv(&b, "_sip._udp.example", 100, 10, 60, 5060, "one.example");
	put_srv(&b, "_sip._udp.example", 50, 20, 0, 5070, "two.example");
	for (uint32_t n = b.n; b.n-- > 0; n--) assert_int_equal(read_it(&b, DNS_SRV, "_sip._udp.example"), ERR_BAD);
}

static void more_than_there_is_room_for_is_left_out(void **state)
{
	(void)state;
	struct buf b = answer("a.example", DNS_A, 40);
	for (uint32_t i = 0; i < 40; i++)
		put_dns_rr(&b, "a.example", DNS_A, 300 - i, (struct str){ "\xc0\x00\x02\x01", 4 });
	assert_int_equal(read_it(&b, DNS_A, "a.example"), OK);
	assert_int_equal(got.count, DNS_RECORDS_MAX);
}

static void times_that_make_no_sense_are_bounded(void **state)
{
	(void)state;
	struct buf b = answer("a.example", DNS_A, 1);
	put_dns_rr(&b, "a.example", DNS_A, 0x7fffffff, (struct str){ "\xc0\x00\x02\x01", 4 });
	assert_int_equal(read_it(&b, DNS_A, "a.example"), OK);
	assert_int_equal(got.ttl_s, TTL_MAX_S);
	b = answer("a.example", DNS_A, 1);
	put_dns_rr(&b, "a.example", DNS_A, 0x80000000, (struct str){ "\xc0\x00\x02\x01", 4 });
	assert_int_equal(read_it(&b, DNS_A, "a.example"), OK);
	assert_int_equal(got.ttl_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_with_their_time),
		cmocka_unit_test(services_come_with_their_order),
		cmocka_unit_test(aliases_are_followed),
		cmocka_unit_test(none_has_its_time_too),
		cmocka_unit_test(what_answers_nothing_or_something_else_is_told_apart),
		cmocka_unit_test(names_that_point_anywhere_end),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(more_than_there_is_room_for_is_left_out),
		cmocka_unit_test(times_that_make_no_sense_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
