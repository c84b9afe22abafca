#include "sip_early.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct sip_legs legs;

static int setup(void **state)
{
	(void)state;
	legs = (struct sip_legs){ 0 };
	slab_init(&legs.texts, 1 << 20);
	return pool_init(&legs.earlies, "early dialogs", sizeof(struct sip_early), 2) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(legs.texts.used_bytes, 0);
	assert_int_equal(legs.earlies.used, 0);
	slab_fini(&legs.texts);
	pool_fini(&legs.earlies);
	return 0;
}

static void branches_are_told_apart(void **state)
{
	(void)state;
	struct sip_leg leg = { .legs = &legs };
	assert_null(branch_of(&leg, STR("a"), false));
	assert_null(leg.early); // a question takes no memory
	assert_null(branch_of(&leg, STR(""), true)); // no tag, no dialog
	struct sip_branch *a = branch_of(&leg, STR("a"), true);
	assert_non_null(a);
	assert_ptr_equal(branch_of(&leg, STR("a"), true), a);
	assert_ptr_not_equal(branch_of(&leg, STR("A"), true), a); // tags are tokens of case (RFC 3261 19.3)
	assert_non_null(branch_of(&leg, STR("b"), true));
	assert_non_null(branch_of(&leg, STR("c"), true));
	assert_null(branch_of(&leg, STR("d"), true)); // all are taken
	assert_ptr_equal(branch_of(&leg, STR("a"), false), a);
	early_free(&leg);
	assert_null(branch_of(&leg, STR("a"), false));
}

#define RINGING \
	"SIP/2.0 183 Session Progress\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKabcdefgh\r\n" \
	"From: <sip:a@example.net>;tag=ours\r\nTo: <sip:b@example.net>;tag=%s\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" \
	"Contact: <sip:%s@192.0.2.2>\r\nContent-Length: 0\r\n\r\n"

static void parse(struct sip_msg *m, struct arena *arena, const char *tag)
{
	char text[1024];
	struct sip_fault fault;
	struct buf b = buf_on(text, sizeof text);
	put_fmt(&b, RINGING, tag, tag);
	assert_int_equal(sip_msg_parse(m, arena_dup(arena, buf_str(&b)), arena, &fault), PARSE_OK);
}

// Each has its own numbers and its own state, whichever the leg speaks in.
static void a_dialog_waits_while_the_leg_speaks_in_another(void **state)
{
	(void)state;
	struct arena arena;
	assert_int_equal(arena_init(&arena, 16384), OK);
	struct sip_leg leg = { .legs = &legs, .oa = OA_OFFER_SENT };
	const struct sip_source from = { 0 };
	struct sip_msg one, two;
	parse(&one, &arena, "one");
	parse(&two, &arena, "two");
	struct sip_branch *a = branch_of(&leg, STR("one"), true), *b = branch_of(&leg, STR("two"), true);
	assert_true(branch_dialog(&leg, a, &one, &from));
	assert_true(branch_dialog(&leg, b, &two, &from));
	branch_enter(&leg, a);
	assert_true(str_eq(leg.dialog.remote_tag, STR("one")));
	assert_true(branch_dialog(&leg, a, &one, &from)); // the one it is in
	leg.oa = OA_STABLE;
	leg.dialog.local_cseq = 7;
	branch_enter(&leg, b);
	assert_true(str_eq(leg.dialog.remote_tag, STR("two")));
	assert_int_equal(leg.oa, OA_OFFER_SENT);
	assert_int_equal(leg.dialog.local_cseq, 1);
	branch_enter(&leg, NULL); // a third branch answers
	assert_null(leg.dialog.text);
	assert_int_equal(leg.oa, OA_OFFER_SENT);
	branch_enter(&leg, a);
	assert_int_equal(leg.oa, OA_STABLE);
	assert_int_equal(leg.dialog.local_cseq, 7);
	early_free(&leg);
	assert_true(str_eq(leg.dialog.remote_tag, STR("one"))); // that one is the leg's now
	sip_dialog_fini(&leg.dialog);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(branches_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dialog_waits_while_the_leg_speaks_in_another, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
