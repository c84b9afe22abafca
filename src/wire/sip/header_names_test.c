// Names of headers and methods.
#include "header_names.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void each_header_is_found_in_any_case(void **state)
{
	(void)state;
	char text[32];
	for (uint32_t id = 0; id < SIP_H_OTHER; id++) {
		struct str name = sip_header_name((enum sip_header_id)id);
		assert_true(name.n > 1 && name.n < sizeof text);
		assert_int_equal(sip_header_from(name), id);
		for (uint32_t i = 0; i < name.n; i++) text[i] = ascii_lower(name.p[i]);
		assert_int_equal(sip_header_from((struct str){ text, name.n }), id);
		for (uint32_t i = 0; i < name.n; i++)
			if (text[i] >= 'a' && text[i] <= 'z') text[i] = (char)(text[i] - 32);
		assert_int_equal(sip_header_from((struct str){ text, name.n }), id);
	}
	assert_int_equal(sip_header_name(SIP_H_OTHER).n, 0);
}

static void near_misses_are_other_headers(void **state)
{
	(void)state;
	char text[32];
	for (uint32_t id = 0; id < SIP_H_OTHER; id++) {
		struct str name = sip_header_name((enum sip_header_id)id);
		memcpy(text, name.p, name.n);
		text[name.n] = 'x';
		assert_int_equal(sip_header_from((struct str){ text, name.n + 1 }), SIP_H_OTHER);
		if (name.n > 2) // the "T" of "To" is its compact form
			assert_int_not_equal(sip_header_from((struct str){ text, name.n - 1 }), id);
		for (uint32_t i = 0; i < name.n; i++) {
			text[i] = '*';
			assert_int_equal(sip_header_from((struct str){ text, name.n }), SIP_H_OTHER);
			text[i] = name.p[i];
		}
	}
	assert_int_equal(sip_header_from(STR("")), SIP_H_OTHER);
	assert_int_equal(sip_header_from(STR("\xff")), SIP_H_OTHER);
	assert_int_equal(sip_header_from(STR("\xff\xff\xff")), SIP_H_OTHER);
}

// RFC 3261 §7.3.3 and the IANA table: which letters there are, and for whom.
static void compact_forms_are_found(void **state)
{
	(void)state;
	static const struct {
		char letter;
		enum sip_header_id id;
	} forms[] = { { 'b', SIP_H_REFERRED_BY }, { 'c', SIP_H_CONTENT_TYPE }, { 'e', SIP_H_CONTENT_ENCODING },
		          { 'f', SIP_H_FROM }, { 'i', SIP_H_CALL_ID }, { 'k', SIP_H_SUPPORTED }, { 'l', SIP_H_CONTENT_LENGTH },
		          { 'm', SIP_H_CONTACT }, { 'o', SIP_H_EVENT }, { 'r', SIP_H_REFER_TO }, { 's', SIP_H_SUBJECT },
		          { 't', SIP_H_TO }, { 'v', SIP_H_VIA }, { 'x', SIP_H_SESSION_EXPIRES }, { 'y', SIP_H_IDENTITY } };
	uint32_t found = 0;
	for (int c = 0; c < 256; c++) {
		char letter = (char)c;
		found += sip_header_from((struct str){ &letter, 1 }) != SIP_H_OTHER;
	}
	assert_int_equal(found, 2 * ARRAY_LEN(forms)); // large and small
	for (uint32_t i = 0; i < ARRAY_LEN(forms); i++) {
		char small = forms[i].letter, large = (char)(small - 32);
		assert_int_equal(sip_header_from((struct str){ &small, 1 }), forms[i].id);
		assert_int_equal(sip_header_from((struct str){ &large, 1 }), forms[i].id);
	}
}

// The hash is good enough: no name is found only after more than two others.
static void names_lie_near_their_slot(void **state)
{
	(void)state;
	for (uint32_t id = 0; id < SIP_H_OTHER; id++) {
		uint32_t slot = slot_of(rows[id].name), looks = 1;
		while (slots[slot] != id + 1) slot = (slot + 1) % SLOTS, looks++;
		if (looks > 3) fail_msg("%s: %u looks", rows[id].name.p, looks);
	}
}

static void methods_are_exact(void **state)
{
	(void)state;
	for (uint32_t m = 0; m < SIP_METHOD_UNKNOWN; m++)
		assert_int_equal(sip_method_from(sip_method_name((enum sip_method)m)), m);
	assert_int_equal(sip_method_from(STR("invite")), SIP_METHOD_UNKNOWN); // RFC 3261 §7.1
	assert_int_equal(sip_method_from(STR("INVITES")), SIP_METHOD_UNKNOWN);
	assert_int_equal(sip_method_from(STR("")), SIP_METHOD_UNKNOWN);
	assert_int_equal(sip_method_name(SIP_METHOD_UNKNOWN).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_header_is_found_in_any_case),
		cmocka_unit_test(near_misses_are_other_headers),
		cmocka_unit_test(compact_forms_are_found),
		cmocka_unit_test(names_lie_near_their_slot),
		cmocka_unit_test(methods_are_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
