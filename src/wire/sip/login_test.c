// A challenged request goes out again: what changes, what stays, and when it does not.
#include "login.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#define SENT                                                                                                           \
	"INVITE sip:+12125550123@far SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKold;rport\r\n"              \
	"Max-Forwards: 69\r\nFrom: <sip:a@us>;tag=1\r\nTo: <sip:+12125550123@far>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"
#define BODY "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"

static struct sip_msg challenge;
static char memory[4096], text[4096], out[8192], lines[SIP_CREDENTIALS_MAX];

static const struct sip_msg *refusal(const char *headers)
{
	struct arena arena = { .p = memory, .cap = sizeof memory };
	struct buf b = buf_on(text, sizeof text);
	struct sip_fault fault;
	put_fmt(&b,
		"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKold\r\nFrom: <sip:a@us>;tag=1\r\n"
		"To: <sip:b@far>;tag=2\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n%s\r\n", headers);
	assert_int_equal(sip_msg_parse(&challenge, buf_str(&b), &arena, &fault), PARSE_OK);
	return &challenge;
}

static const char *again(const struct sip_login *login, const char *sent, const char *headers)
{
	struct buf b = buf_on(out, sizeof out - 1), credentials = buf_on(lines, sizeof lines);
	struct sip_again a = { .login = login, .challenge = refusal(headers), .sent = str_from(sent),
		.branch = STR("z9hG4bKnew"), .cnonce = STR("0a4f113b"), .cseq = 8 };
	assert_int_equal(addr_parse(&a.sent_by, STR("192.0.2.20:5060")), OK);
	bool good = put_sip_again(&b, &credentials, &a);
	out[good ? b.n : 0] = 0;
	return out;
}

static const struct sip_login open_login = { .user = STR_INIT("Mufasa"), .password = STR_INIT("Circle Of Life") };

static void it_is_the_same_but_for_what_must_change(void **state)
{
	(void)state;
	const char *got = again(&open_login, SENT BODY,
		"WWW-Authenticate: Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b\", "
		"opaque=\"5ccc\"\r\n");
	static const char before[] = "INVITE sip:+12125550123@far SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKnew;rport\r\nMax-Forwards: 69\r\nFrom: <sip:a@us>;tag=1\r\n"
		"To: <sip:+12125550123@far>\r\nCall-ID: c\r\nCSeq: 8 INVITE\r\n"
		"Content-Type: application/sdp\r\nContent-Length: 5\r\nAuthorization: Digest username=\"Mufasa\"";
	assert_memory_equal(got, before, sizeof before - 1);
	assert_non_null(strstr(got, ", uri=\"sip:+12125550123@far\""));
	assert_non_null(strstr(got, ", qop=auth, nc=00000001, opaque=\"5ccc\"\r\n\r\nv=0\r\n"));
	assert_null(strstr(got, "Circle"));
}

// What of it all is the response: computed by hand with RFC 7616 §3.4.1 and RFC 2069.
static void each_kind_of_digest_is_right(void **state)
{
	(void)state;
	static const struct {
		const char *challenge;
		enum sip_digest_algorithm algorithm;
		bool session, qop;
	} rows[] = {
		{ "realm=\"r\", nonce=\"n\", qop=\"auth\"", SIP_DIGEST_MD5, false, true },
		{ "realm=\"r\", nonce=\"n\"", SIP_DIGEST_MD5, false, false },
		{ "realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5-sess", SIP_DIGEST_MD5, true, true },
		{ "realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256", SIP_DIGEST_SHA256, false, true },
		{ "realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=sha-256-SESS", SIP_DIGEST_SHA256, true, true },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
		char header[256], middle[160], wanted[96];
		uint8_t ha1[32], ha2[32], response[32];
		snprintf(header, sizeof header, "WWW-Authenticate: Digest %s\r\n", rows[i].challenge);
		const char *got = again(&open_login, SENT BODY, header);
		// H(a:b:c) is what sip_digest_ha1 computes; of two parts the middle one is cut out.
		uint32_t n = sip_digest_ha1(ha1, rows[i].algorithm, open_login.user, STR("r"), open_login.password);
		char hex1[65] = "", hex2[65] = "";
		for (uint32_t k = 0; k < n; k++) snprintf(hex1 + 2 * k, 3, "%02x", ha1[k]);
		if (rows[i].session) {
			sip_digest_ha1(ha1, rows[i].algorithm, str_from(hex1), STR("n"), STR("0a4f113b"));
			for (uint32_t k = 0; k < n; k++) snprintf(hex1 + 2 * k, 3, "%02x", ha1[k]);
		}
		sip_digest_ha1(ha2, rows[i].algorithm, STR("INVITE"), STR("sip"), STR("+12125550123@far"));
		for (uint32_t k = 0; k < n; k++) snprintf(hex2 + 2 * k, 3, "%02x", ha2[k]);
		snprintf(middle, sizeof middle, rows[i].qop ? "n:00000001:0a4f113b:auth" : "n");
		sip_digest_ha1(response, rows[i].algorithm, str_from(hex1), str_from(middle), str_from(hex2));
		uint32_t at = (uint32_t)snprintf(wanted, sizeof wanted, "response=\"");
		for (uint32_t k = 0; k < n; k++) at += (uint32_t)snprintf(wanted + at, sizeof wanted - at, "%02x", response[k]);
		if (!strstr(got, wanted)) fail_msg("%s: no %s in %s", rows[i].challenge, wanted, got);
		assert_int_equal(strstr(got, "qop=") != NULL, rows[i].qop);
	}
}

static void only_the_realm_that_is_known_is_answered(void **state)
{
	(void)state;
	uint8_t md5[16], sha256[32], ha1[32];
	memcpy(md5, ha1, sip_digest_ha1(ha1, SIP_DIGEST_MD5, STR("u"), STR("carrier"), STR("p")));
	sip_digest_ha1(sha256, SIP_DIGEST_SHA256, STR("u"), STR("carrier"), STR("p"));
	const struct sip_login login = { .user = STR("u"), .realm = STR("carrier"), .ha1 = { md5, sha256 } };
	assert_string_equal(again(&login, SENT BODY,
		"WWW-Authenticate: Digest realm=\"thief\", nonce=\"n\", qop=\"auth\"\r\n"), "");
	assert_non_null(strstr(again(&login, SENT BODY,
		"WWW-Authenticate: Digest realm=\"thief\", nonce=\"n\", qop=\"auth\"\r\n"
		"WWW-Authenticate: Digest realm=\"carrier\", nonce=\"m\", qop=\"auth\"\r\n"
		"WWW-Authenticate: Digest realm=\"carrier\", nonce=\"s\", qop=\"auth\", algorithm=SHA-256\r\n"),
		"nonce=\"s\""));
}

static void what_cannot_be_answered_is_not(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"", "WWW-Authenticate: Basic realm=\"r\"\r\n", "WWW-Authenticate: Digest realm=\"r\"\r\n",
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n",
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5\r\n",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) assert_string_equal(again(&open_login, SENT BODY, rows[i]), "");
	const struct sip_login nobody = { 0 };
	assert_string_equal(again(&nobody, SENT BODY, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), "");
	assert_string_equal(again(&open_login, "", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"), "");
}

// A wrong password is not tried twice; a nonce that grew old is, and each proxy on the way has its own.
static void once_is_enough(void **state)
{
	(void)state;
	static const char sent[] = SENT "Authorization: Digest username=\"Mufasa\", realm=\"r\", nonce=\"n\", uri=\"x\", "
		"response=\"1\"\r\n" BODY;
	assert_string_equal(again(&open_login, sent, "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\"\r\n"), "");
	const char *got = again(&open_login, sent, "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", stale=true\r\n");
	assert_non_null(strstr(got, "nonce=\"m\""));
	assert_null(strstr(got, "nonce=\"n\""));
	got = again(&open_login, sent, "Proxy-Authenticate: Digest realm=\"proxy\", nonce=\"m\"\r\n");
	assert_non_null(strstr(got, "\r\nAuthorization: Digest username=\"Mufasa\", realm=\"r\""));
	assert_non_null(strstr(got, "\r\nProxy-Authorization: Digest username=\"Mufasa\", realm=\"proxy\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_same_but_for_what_must_change),
		cmocka_unit_test(each_kind_of_digest_is_right),
		cmocka_unit_test(only_the_realm_that_is_known_is_answered),
		cmocka_unit_test(what_cannot_be_answered_is_not),
		cmocka_unit_test(once_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
