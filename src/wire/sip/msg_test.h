// What the tests of the index pass share: a message to parse into, and requests made of parts.
#pragma once

#include "wire/sip/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct sip_msg m;
static struct sip_fault fault;
static struct arena arena;

static inline enum parse parse(struct str in)
{
	arena_reset(&arena);
	return sip_msg_parse(&m, in, &arena, &fault);
}

static inline int set_up(void **state)
{
	(void)state;
	return arena_init(&arena, 65536) == OK ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static inline void assert_str(struct str got, const char *wanted)
{
	if (!str_eq(got, str_from(wanted))) fail_msg("got \"%.*s\", wanted \"%s\"", STR_FMT(got), wanted);
}

// A request made of a start line, the lines given, and the mandatory ones but those whose letter stands in
// `without`: V, F, T, I (Call-ID), S (CSeq).
static char made[SIP_MESSAGE_MAX + 2];
static inline struct str request(const char *start, const char *lines, const char *without)
{
	static const char *const usual[] = { "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n", "From: <sip:a@h>;tag=f\r\n",
		                                 "To: <sip:b@h>\r\n", "Call-ID: c1\r\n", "CSeq: 1 OPTIONS\r\n" };
	struct buf b = buf_on(made, sizeof made);
	put_z(&b, start);
	put_z(&b, lines);
	for (uint32_t i = 0; i < ARRAY_LEN(usual); i++)
		if (!strchr(without, "VFTIS"[i])) put_z(&b, usual[i]);
	put_z(&b, "\r\n");
	assert_int_equal(b.err, OK);
	return buf_str(&b);
}
#define OPTIONS_LINE "OPTIONS sip:b@h SIP/2.0\r\n"

static inline void assert_fault(struct str in, uint16_t status, const char *why)
{
	if (parse(in) != PARSE_BAD) fail_msg("taken, wanted %u %s", status, why);
	if (fault.status != status || strcmp(fault.why, why) != 0)
		fail_msg("got %u %s, wanted %u %s", fault.status, fault.why, status, why);
	assert_true(fault.at <= in.n);
}
