// The rows "digest replay and downgrade", "user enumeration", "auth missing" and "amplification" of what sank others.
#include "sip_auth.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "call/leg/sip_auth_fixture.h"

// The status of the check, 200 when it passes; then *line is the id.
static uint16_t ask(struct fixture *f, const struct phone_request *r, uint32_t *line)
{
	const struct office_line *found;
	uint16_t status;
	struct buf answer = buf_on(f->answer, sizeof f->answer);
	const struct sip_msg *m = phone_request(f, r);
	if (sip_auth_check(&found, &f->auth, m, &f->from, &answer, &status) == OK) {
		if (line) *line = found->id;
		return 200;
	}
	assert_int_equal(phone_answered(f, &answer)->status, status);
	return status;
}

static struct sip_challenge challenge_of(const struct fixture *f)
{
	struct sip_challenge c;
	assert_int_equal(sip_challenge_parse(&c, sip_msg_header(&f->response, SIP_H_WWW_AUTHENTICATE)), PARSE_OK);
	return c;
}

static uint32_t challenges(const struct fixture *f)
{
	struct sip_walk walk = { 0 };
	struct str value;
	uint32_t n = 0;
	while (sip_msg_each(&f->response, SIP_H_WWW_AUTHENTICATE, &walk, &value)) n++;
	return n;
}

static void right_credentials_pass_once(void **state)
{
	struct fixture *f = *state;
	uint32_t line = 0;
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	assert_false(challenge_of(f).stale);
	struct str first = phone_credentials(f, &(struct phone_secret){ 0 });
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = first }, &line), 200);
	assert_int_equal(line, 1);
	struct str next = phone_credentials(f, &(struct phone_secret){ .nc = 2 });
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = first }, NULL), 401); // replayed
	assert_true(challenge_of(f).stale);
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = next }, NULL), 200);
}

static void credentials_that_nobody_asked_for_are_spent(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	sip_auth_spend(&f->auth, phone_request(f, &(struct phone_request){ 0 })); // without any
	struct str guessed = phone_credentials(f, &(struct phone_secret){ .nc = 9, .password = "guess" });
	sip_auth_spend(&f->auth, phone_request(f, &(struct phone_request){ .authorization = guessed }));
	struct str seen = phone_credentials(f, &(struct phone_secret){ 0 });
	struct str next = phone_credentials(f, &(struct phone_secret){ .nc = 2 });
	sip_auth_spend(&f->auth, phone_request(f, &(struct phone_request){ .authorization = seen }));
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = seen }, NULL), 401);
	assert_true(challenge_of(f).stale);
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = next }, NULL), 200); // the wrong ones spent nothing
}

static void every_digest_setting_works_for_its_line(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "alice", "bob", "carol" };
	static const enum sip_digest_algorithm algorithms[] = { SIP_DIGEST_MD5, SIP_DIGEST_SHA256, SIP_DIGEST_MD5 };
	for (uint32_t i = 0; i < 3; i++) {
		char uri[64];
		uint32_t line = 0;
		snprintf(uri, sizeof uri, "sip:%s@example.com", names[i]);
		assert_int_equal(ask(f, &(struct phone_request){ .from = uri }, NULL), 401);
		assert_int_equal(challenge_of(f).algorithm, algorithms[i]);
		struct str c = phone_credentials(f, &(struct phone_secret){ .user = names[i] });
		assert_int_equal(ask(f, &(struct phone_request){ .from = uri, .authorization = c }, &line), 200);
		assert_int_equal(line, i + 1);
	}
}

static void a_known_source_is_offered_both(void **state)
{
	struct fixture *f = *state;
	const struct phone_request carol = { .from = "sip:carol@example.com" };
	assert_int_equal(ask(f, &carol, NULL), 401);
	assert_int_equal(challenges(f), 1);
	struct str c = phone_credentials(f, &(struct phone_secret){ .user = "carol" });
	assert_int_equal(ask(f, &(struct phone_request){ .from = "sip:carol@example.com", .authorization = c }, NULL), 200);
	assert_int_equal(ask(f, &carol, NULL), 401);
	assert_int_equal(challenges(f), 2);
	c = phone_credentials(f, &(struct phone_secret){ .user = "carol", .which = 1 });
	assert_int_equal(ask(f, &(struct phone_request){ .from = "sip:carol@example.com", .authorization = c }, NULL), 200);
}

static void nonces_age_and_belong_to_one_start(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	struct str old = phone_credentials(f, &(struct phone_secret){ 0 });
	f->env.now_ms += office_rules(f->office)->settings.nonce_life_s * 1000ull + 1;
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = old }, NULL), 401);
	assert_true(challenge_of(f).stale);
	struct str wrong = phone_credentials(f, &(struct phone_secret){ .password = "guess" });
	f->env.now_ms += office_rules(f->office)->settings.nonce_life_s * 1000ull + 1;
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = wrong }, NULL), 401);
	assert_false(challenge_of(f).stale); // says nothing of the password
	struct str other_start = phone_credentials(f, &(struct phone_secret){ 0 });
	f->secret.octets[0]++;
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = other_start }, NULL), 401);
	assert_true(challenge_of(f).stale);
}

// What may be changed in credentials that are right.
static const struct {
	const char *cut, *put;
} changes[] = {
	{ ", qop=auth", "" },
	{ "qop=auth", "qop=auth-int" },
	{ "qop=auth", "qop=\"auth,auth-int\"" },
	{ "algorithm=MD5", "algorithm=SHA-256" },
	{ "algorithm=MD5", "algorithm=MD5-sess" },
	{ "algorithm=MD5", "algorithm=unknown" },
	{ "algorithm=MD5", "algorithm=MD5, userhash=true" },
	{ "username=\"alice\"", "username*=UTF-8''alice" },
	{ "username=\"alice\"", "username=\"bob\"" },
	{ "username=\"alice\"", "username=\"ALICE\"" },
	{ "username=\"alice\"", "username=\"\"" },
	{ "realm=\"example.com\"", "realm=\"example.org\"" },
	{ "nc=00000001", "nc=00000002" },
	{ "nc=00000001", "nc=1" },
	{ "response=\"", "response=\"0" },
	{ "cnonce=\"cn\"", "cnonce=\"cm\"" },
	{ "uri=\"sip:example.com\"", "uri=\"sip:x@example.com\"" },
	{ "nonce=\"", "nonce=\"0" },
	{ "Digest ", "Basic " },
	{ "Digest ", "" },
};

static void put_changed(struct buf *b, struct str text, uint32_t change)
{
	char z[2048];
	assert_true(str_to_z(z, sizeof z, text));
	const char *at = strstr(z, changes[change].cut);
	assert_non_null(at);
	put(b, (struct str){ z, (uint32_t)(at - z) });
	put_z(b, changes[change].put);
	put_z(b, at + strlen(changes[change].cut));
}

static void nothing_gets_by(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < ARRAY_LEN(changes); i++) {
		char changed[2048];
		struct buf b = buf_on(changed, sizeof changed);
		assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
		put_changed(&b, phone_credentials(f, &(struct phone_secret){ 0 }), i);
		uint16_t status = ask(f, &(struct phone_request){ .authorization = buf_str(&b) }, NULL);
		if (status != 401) fail_msg("%s", changes[i].put);
		assert_false(challenge_of(f).stale);
		f->env.now_ms += GUARD_WINDOW_MS + 2000; // forget the failures
	}
}

// The response is right, but in an algorithm that this line is not to use.
static void no_line_is_talked_down_to_md5(void **state)
{
	struct fixture *f = *state;
	static const char *const users[] = { "bob", "alice" };
	static const enum sip_digest_algorithm others[] = { SIP_DIGEST_MD5, SIP_DIGEST_SHA256 };
	for (uint32_t i = 0; i < 2; i++) {
		char uri[64], text[1024];
		uint8_t ha1[32];
		struct buf b = buf_on(text, sizeof text);
		snprintf(uri, sizeof uri, "sip:%s@example.com", users[i]);
		assert_int_equal(ask(f, &(struct phone_request){ .from = uri }, NULL), 401);
		struct sip_challenge c = challenge_of(f);
		assert_int_not_equal(c.algorithm, others[i]);
		c.algorithm = others[i];
		sip_digest_ha1(ha1, c.algorithm, str_from(users[i]), c.realm, STR("secret"));
		put_sip_digest_answer(&b, &c, ha1, str_from(users[i]), STR("REGISTER"), STR("sip:example.com"), STR("cn"), 1);
		assert_int_equal(ask(f, &(struct phone_request){ .from = uri, .authorization = buf_str(&b) }, NULL), 401);
		assert_false(challenge_of(f).stale);
	}
}

static void two_sets_of_credentials_are_none(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	struct str right = phone_credentials(f, &(struct phone_secret){ 0 });
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = right, .second = right }, NULL), 401);
	// another realm's beside ours is not for us
	struct str other = STR("Digest username=\"a\", realm=\"other\", nonce=\"n\", uri=\"sip:a\", response=\"r\"");
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = other, .second = right }, NULL), 200);
}

static void every_method_is_challenged(void **state)
{
	struct fixture *f = *state;
	static const char *const methods[] = { "INVITE", "BYE", "REGISTER", "OPTIONS", "INFO", "PRACK", "UPDATE",
		                                   "SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE", "REFER", "FROBNICATE" };
	for (uint32_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct phone_request r = { .method = methods[i] };
		assert_int_equal(ask(f, &r, NULL), 401);
		struct str other_method = phone_credentials(f, &(struct phone_secret){ .method = "ACK" });
		struct str right = phone_credentials(f, &(struct phone_secret){ .method = methods[i] });
		r.authorization = other_method;
		assert_int_equal(ask(f, &r, NULL), 401);
		r.authorization = right;
		assert_int_equal(ask(f, &r, NULL), 200);
		assert_int_equal(ask(f, &r, NULL), 401);
		f->env.now_ms += GUARD_WINDOW_MS + 2000;
	}
}

// As carol, who may answer whatever challenge.
static uint16_t invite_as(struct fixture *f, const char *from, const char *headers)
{
	struct phone_request r = { .method = "INVITE", .uri = "sip:bob@example.com", .from = from, .headers = headers };
	assert_int_equal(ask(f, &r, NULL), 401);
	struct phone_secret secret = { "carol", .method = "INVITE", .uri = "sip:bob@example.com" };
	r.authorization = phone_credentials(f, &secret);
	return ask(f, &r, NULL);
}

static void a_line_calls_itself_by_its_own_names(void **state)
{
	struct fixture *f = *state;
	static const char *const own[] = {
		"sip:carol@example.com", "sip:carol@192.0.2.1:5060", "sip:%63arol@example.com", "tel:+1-603-555-0103",
		"sip:+16035550103@example.com", "sip:6035550103@example.com", "sip:16035550103@example.com;user=phone",
		"sip:+16035550103;phone-context=x@example.com", "sip:6035550203@example.com", "sip:anonymous@anonymous.invalid",
	};
	static const char *const foreign[] = {
		"sip:bob@example.com", "sip:+16035550102@example.com", "sip:Carol@example.com", "sip:example.com", "tel:911",
		"sip:+6035550103@example.com", "sip:6035550202@example.com", "sip:anonymous@example.com",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(own); i++)
		if (invite_as(f, own[i], NULL) != 200) fail_msg("%s refused", own[i]);
	for (uint32_t i = 0; i < ARRAY_LEN(foreign); i++)
		if (invite_as(f, foreign[i], NULL) != 403) fail_msg("%s passed", foreign[i]);
	const char *carol = "sip:carol@example.com";
	assert_int_equal(invite_as(f, carol, "P-Preferred-Identity: \"A\" <sip:+16035550103@example.com>\r\n"), 200);
	assert_int_equal(invite_as(f, carol, "P-Preferred-Identity: <sip:bob@example.com>\r\n"), 403);
	assert_int_equal(invite_as(f, carol, "P-Asserted-Identity: <sip:carol@x>, <tel:+16035550102>\r\n"), 403);
	struct phone_request hidden = { .from = "sip:anonymous@anonymous.invalid", .to = carol };
	assert_int_equal(ask(f, &hidden, NULL), 401);
	hidden.authorization = phone_credentials(f, &(struct phone_secret){ "carol" });
	assert_int_equal(ask(f, &hidden, NULL), 403); // a registration is somebody's
}

// A line that registers by name may call by number, or by no name: it is challenged as itself.
static void a_number_is_challenged_as_its_line(void **state)
{
	struct fixture *f = *state;
	struct phone_request r = { .method = "INVITE", .from = "sip:6035550202@example.com" };
	assert_int_equal(ask(f, &r, NULL), 401);
	assert_int_equal(challenge_of(f).algorithm, SIP_DIGEST_SHA256);
	r.from = "sip:anonymous@anonymous.invalid";
	assert_int_equal(ask(f, &r, NULL), 401);
	assert_int_equal(challenge_of(f).algorithm, SIP_DIGEST_MD5);
	r.headers = "P-Preferred-Identity: <sip:bob@example.com>\r\n";
	assert_int_equal(ask(f, &r, NULL), 401);
	assert_int_equal(challenge_of(f).algorithm, SIP_DIGEST_SHA256);
}

static void credentials_are_for_the_number_that_was_signed(void **state)
{
	struct fixture *f = *state;
	struct phone_request r = { .method = "INVITE", .uri = "sip:9005550000@example.com" };
	assert_int_equal(ask(f, &r, NULL), 401);
	r.authorization = phone_credentials(f, &(struct phone_secret){ .method = "INVITE", .uri = "sip:bob@example.com" });
	assert_int_equal(ask(f, &r, NULL), 400);
	r.uri = "sip:bob@192.0.2.1:5060;transport=udp"; // a gateway on the way changed the host
	assert_int_equal(ask(f, &r, NULL), 401);
	r.authorization = phone_credentials(f, &(struct phone_secret){ .method = "INVITE", .uri = "sip:bob@example.com" });
	assert_int_equal(ask(f, &r, NULL), 200);
	assert_int_equal(ask(f, &(struct phone_request){ .method = "INVITE", .uri = "sip:bob@example.com" }, NULL), 401);
	r.authorization = phone_credentials(f, &(struct phone_secret){ .method = "INVITE", .uri = "sip:example.com" });
	assert_int_equal(ask(f, &r, NULL), 200); // signed for the host alone
}

// Everything but what must differ (nonce, tag, the names it was asked with) is the same for a line and for nobody.
static void masked_answer(struct fixture *f, struct buf *out)
{
	struct str rest = { f->answer, f->answer_n };
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (str_starts(line, STR("Via:")) || str_starts(line, STR("From:"))) continue;
		if (str_starts(line, STR("To:"))) line = STR("To");
		put(out, str_starts(line, STR("WWW-Authenticate:")) ? str_head(line, 50) : line);
		put_c(out, '\n');
	}
}

static void unknown_users_are_answered_like_lines(void **state)
{
	struct fixture *f = *state;
	uint32_t sizes[2][2];
	char texts[2][2][2048];
	for (uint32_t i = 0; i < 2; i++) { // alice, and a name as long whose stand-in offers MD5 too
		const char *name = i ? "zzzz0" : "alice";
		char uri[64];
		snprintf(uri, sizeof uri, "sip:%s@example.com", name);
		for (uint32_t wrong = 0; wrong < 2; wrong++) {
			struct str c = STR("");
			if (wrong) c = phone_credentials(f, &(struct phone_secret){ .user = name, .password = "guess" });
			struct buf masked = buf_on(texts[i][wrong], sizeof texts[0][0] - 1);
			assert_int_equal(ask(f, &(struct phone_request){ .from = uri, .authorization = c }, NULL), 401);
			assert_int_equal(challenge_of(f).algorithm, SIP_DIGEST_MD5);
			sizes[i][wrong] = f->answer_n;
			masked_answer(f, &masked);
			put_c(&masked, '\0');
		}
	}
	assert_int_equal(sizes[0][0], sizes[1][0]);
	assert_int_equal(sizes[0][1], sizes[1][1]);
	assert_string_equal(texts[0][0], texts[1][0]);
	assert_string_equal(texts[0][1], texts[1][1]);
}

// Names of nobody are offered what lines are offered, each always the same.
static void unknown_users_are_offered_what_lines_are(void **state)
{
	struct fixture *f = *state;
	uint32_t seen[SIP_DIGEST_COUNT] = { 0 };
	for (uint32_t i = 0; i < 200; i++) {
		char uri[64];
		snprintf(uri, sizeof uri, "sip:nobody%u@example.com", i / 2);
		assert_int_equal(ask(f, &(struct phone_request){ .from = uri }, NULL), 401);
		assert_int_equal(challenges(f), 1);
		enum sip_digest_algorithm algorithm = challenge_of(f).algorithm;
		if (i % 2) assert_true(seen[algorithm] > 0);
		seen[algorithm]++;
		assert_int_equal(ask(f, &(struct phone_request){ .from = uri }, NULL), 401);
		assert_int_equal(challenge_of(f).algorithm, algorithm);
	}
	assert_in_range(seen[SIP_DIGEST_SHA256], 20, 180);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

// The processor's time that one wrong password costs.
static uint64_t check_ns(struct fixture *f, const char *name)
{
	char uri[64];
	struct timespec t0, t1;
	struct buf answer = buf_on(f->answer, sizeof f->answer);
	const struct office_line *line;
	uint16_t status;
	snprintf(uri, sizeof uri, "sip:%s@example.com", name);
	assert_int_equal(ask(f, &(struct phone_request){ .from = uri }, NULL), 401);
	struct str c = phone_credentials(f, &(struct phone_secret){ .user = name, .password = "guess" });
	const struct sip_msg *m = phone_request(f, &(struct phone_request){ .from = uri, .authorization = c });
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
	assert_int_equal(sip_auth_check(&line, &f->auth, m, &f->from, &answer, &status), ERR_REFUSED);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
	f->env.now_ms += GUARD_WINDOW_MS;
	return (uint64_t)(t1.tv_sec - t0.tv_sec) * 1000000000 + (uint64_t)t1.tv_nsec - (uint64_t)t0.tv_nsec;
}

// Of both in turn the fastest tenth: a busy machine makes some slower, none faster.
static void unknown_users_take_as_long(void **state)
{
	enum { SAMPLES = 2000 };
	static uint64_t known[SAMPLES], unknown[SAMPLES];
	for (uint32_t i = 0; i < SAMPLES; i++) {
		known[i] = check_ns(*state, "alice");
		unknown[i] = check_ns(*state, "zzzz0");
	}
	qsort(known, SAMPLES, sizeof known[0], by_size);
	qsort(unknown, SAMPLES, sizeof unknown[0], by_size);
	uint64_t line = known[SAMPLES / 10], nobody = unknown[SAMPLES / 10];
	uint64_t apart = line > nobody ? line - nobody : nobody - line;
	assert_in_range(apart, 0, 200000); // a fifth of the millisecond that is asked
	assert_true(nobody > 1000);        // it did compute
}

static void guessing_ends_and_the_owner_stays(void **state)
{
	struct fixture *f = *state;
	struct addr owner = f->from.peer, guesser;
	assert_int_equal(addr_parse(&guesser, STR("203.0.113.66:5060")), OK);
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	struct str c = phone_credentials(f, &(struct phone_secret){ 0 });
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = c }, NULL), 200);
	f->from.peer = guesser;
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
		c = phone_credentials(f, &(struct phone_secret){ .password = i < 99 ? "guess" : "secret" });
		assert_int_equal(ask(f, &(struct phone_request){ .authorization = c }, NULL), 401); // also the right one
	}
	f->from.peer = owner;
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	c = phone_credentials(f, &(struct phone_secret){ 0 });
	assert_int_equal(ask(f, &(struct phone_request){ .authorization = c }, NULL), 200);
}

// The smallest requests there are, in compact form: the answer has at most 1.5 x their octets plus 300.
static void challenges_do_not_amplify(void **state)
{
	struct fixture *f = *state;
	static const char *const requests[] = {
		"REGISTER sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK1\r\nf:<sip:carol@a>;tag=1\r\nt:<sip:carol@a>\r\n"
		"i:1\r\nCSeq:1 REGISTER\r\n\r\n",
		"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;rport;branch=z9hG4bK1\r\nf:sip:a;tag=1\r\nt:sip:a\r\ni:1\r\n"
		"CSeq:1 OPTIONS\r\n\r\n",
	};
	for (uint32_t i = 0; i < ARRAY_LEN(requests); i++) {
		const struct office_line *line;
		struct sip_fault fault;
		uint16_t status;
		struct buf answer = buf_on(f->answer, sizeof f->answer);
		struct str text = str_from(requests[i]);
		assert_int_equal(addr_parse(&f->from.peer, STR("[2001:db8:1111:2222:3333:4444:5555:6666]:65535")), OK);
		assert_int_equal(sip_msg_parse(&f->request, text, &f->env.scratch, &fault), PARSE_OK);
		assert_int_equal(sip_auth_check(&line, &f->auth, &f->request, &f->from, &answer, &status), ERR_REFUSED);
		assert_in_range(answer.n, 200, text.n * 3 / 2 + 300);
	}
}

static void the_same_request_gets_the_same_tag(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, &(struct phone_request){ 0 }, NULL), 401);
	struct str tag = sip_auth_stateless_tag(&f->auth, &f->request);
	assert_true(str_eq(tag, f->response.to.tag));
	assert_true(str_eq(tag, sip_auth_stateless_tag(&f->auth, &f->request)));
	f->request.cseq.number++;
	assert_false(str_eq(tag, sip_auth_stateless_tag(&f->auth, &f->request)));
}

static int setup(void **state)
{
	struct fixture *f = must(malloc(sizeof *f));
	fixture_init(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(right_credentials_pass_once),
		TEST(credentials_that_nobody_asked_for_are_spent),
		TEST(every_digest_setting_works_for_its_line),
		TEST(a_known_source_is_offered_both),
		TEST(nonces_age_and_belong_to_one_start),
		TEST(nothing_gets_by),
		TEST(no_line_is_talked_down_to_md5),
		TEST(two_sets_of_credentials_are_none),
		TEST(every_method_is_challenged),
		TEST(a_line_calls_itself_by_its_own_names),
		TEST(a_number_is_challenged_as_its_line),
		TEST(credentials_are_for_the_number_that_was_signed),
		TEST(unknown_users_are_answered_like_lines),
		TEST(unknown_users_are_offered_what_lines_are),
		TEST(unknown_users_take_as_long),
		TEST(guessing_ends_and_the_owner_stays),
		TEST(challenges_do_not_amplify),
		TEST(the_same_request_gets_the_same_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
