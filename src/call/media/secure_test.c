// Encrypted legs, by packets: telephones with SRTP of their own, whose keys and ours went through descriptions.
#include "secure.c"

#include "call/media/media_sim.c"
#include "wire/rtp/g711.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct media_sim sim;
static struct media_worker worker;
static struct env env;
static struct call_media cm;
static struct str out;
static struct media_leg legs[MEDIA_SIDES] = {
	{ .signalling = { .family = 4, .ip = { 192, 0, 2, 1 }, .port = 5060 }, .leg = 11, .security = MEDIA_OFFERED },
	{ .signalling = { .family = 4, .ip = { 198, 51, 100, 1 }, .port = 5060 }, .leg = 12, .security = MEDIA_OFFERED },
};
// What the two telephones have: SRTP by the keys that went to and fro.
static struct srtp_pair *phones[MEDIA_SIDES];
static uint16_t seqs[MEDIA_SIDES];
static uint8_t frame[RTP_FRAME];
static uint32_t frame_n;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(media_sim_init(&sim, 64), OK);
	assert_int_equal(media_worker_init(&worker, &sim.media, 4), OK);
	assert_int_equal(arena_init(&env.scratch, 1 << 18), OK);
	random_seed(&env.random, 1);
	media_init(&cm, 77);
	seqs[MEDIA_A] = seqs[MEDIA_B] = 1;
	return 0;
}

static int tear_down(void **state)
{
	struct media_event e;
	(void)state;
	media_close(&cm, &worker);
	while (sim.media.ops->take(&sim.media, &e)) continue;
	assert_null(cm.secret);
	assert_int_equal(worker.texts.used_bytes, 0);
	media_worker_fini(&worker);
	media_sim_fini(&sim);
	arena_fini(&env.scratch);
	for (uint32_t side = 0; side < MEDIA_SIDES; side++) phones[side] = srtp_pair_free(phones[side]);
	return 0;
}

#define FROM_A "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define FROM_B "v=0\r\no=b 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
#define EVENT "a=rtpmap:101 telephone-event/8000\r\n"
#define KEY_1 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define KEY_2 "ABNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define CRYPTO(key) "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" key "\r\n"
#define SECURE_A(key) FROM_A "m=audio 4000 RTP/SAVP 0 101\r\n" EVENT CRYPTO(key)
#define SECURE_B(key) FROM_B "m=audio 5000 RTP/AVP 0 101\r\n" EVENT CRYPTO(key)
#define CLEAR_B FROM_B "m=audio 5000 RTP/AVP 0 101\r\n" EVENT

static bool has(const char *z)
{
	return memmem(out.p, out.n, z, strlen(z)) != NULL;
}

static enum err offer(enum media_side side, const char *text)
{
	return media_offer_from(&cm, &worker, side, &legs[side], str_from(text));
}

static enum err offer_to(enum media_side side)
{
	return media_offer_to(&cm, &worker, &env, side, &legs[side], &out);
}

static enum err answer(enum media_side side, const char *text)
{
	return media_answer_from(&cm, &worker, &env, side, &legs[side], str_from(text), &out);
}

// A telephone said these keys, and got ours in this text.
static void learn(enum media_side side, const char *said, struct str got)
{
	struct sdp_crypto theirs, ours, found;
	struct srtp_keys keys = { 0 };
	struct str rest = got, value;
	assert_true(sdp_crypto_find(&theirs, str_from(said)));
	memset(&ours, 0, sizeof ours);
	while (sdp_attribute_next(&rest, STR("crypto"), &value))
		if (sdp_crypto_parse(&found, value) == OK && found.suite == theirs.suite) ours = found;
	assert_int_equal(ours.suite, theirs.suite);
	keys.suite = theirs.suite;
	memcpy(keys.out, theirs.key, sizeof keys.out);
	memcpy(keys.in, ours.key, sizeof keys.in);
	srtp_pair_set(&phones[side], &keys);
}

// A packet from a telephone, as it is; what the other one gets is in `frame`.
static bool send(enum media_side side, const uint8_t *data, uint32_t n)
{
	static const struct addr from[] = { { .family = 4, .ip = { 192, 0, 2, 1 }, .port = 4000 },
		                                { .family = 4, .ip = { 198, 51, 100, 1 }, .port = 5000 } };
	uint8_t memory[RTP_FRAME + 100] = { 0 };
	struct sim_sent s;
	sim.now_us += 20000;
	memcpy(memory, data, n);
	const struct sim_session *session = pool_at(&sim.sessions, cm.session);
	if (!media_sim_input(&sim, &from[side], &session->local[side][0][0], (char *)memory, n, &s)) return false;
	assert_true(s.data.n <= sizeof frame);
	memcpy(frame, s.data.p, s.data.n);
	frame_n = s.data.n;
	return true;
}

static uint32_t make(enum media_side side, uint8_t *data, uint8_t octet)
{
	uint32_t n = RTP_HEADER + 160;
	rtp_write(data, &(struct rtp_packet){ .seq = seqs[side], .ts = seqs[side] * 160u, .ssrc = 100u + (uint32_t)side });
	seqs[side]++;
	memset(data + RTP_HEADER, octet, 160);
	if (phones[side]) assert_int_equal(srtp_pair_seal(phones[side], false, data, &n), OK);
	return n;
}

// Voice goes from one telephone to the other: sealed by the one that has keys, opened by the other.
static void speaks(enum media_side side, uint8_t octet)
{
	uint8_t data[RTP_FRAME];
	struct rtp_packet p;
	uint32_t n = make(side, data, octet);
	struct srtp_pair *ear = phones[media_other(side)];
	assert_true(send(side, data, n));
	if (ear) assert_int_equal(srtp_pair_open(ear, false, frame, &frame_n), SRTP_OPENED);
	assert_int_equal(frame_n, RTP_HEADER + 160);
	assert_int_equal(rtp_parse(&p, frame, frame_n), OK);
	assert_true(p.payload[0] == octet && p.payload[159] == octet);
}

static void connect(const char *a, const char *b)
{
	assert_int_equal(offer(MEDIA_A, a), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	struct str to_b = out;
	assert_int_equal(answer(MEDIA_B, b), OK);
	if (strstr(a, "a=crypto")) learn(MEDIA_A, a, out);
	if (strstr(b, "a=crypto")) learn(MEDIA_B, b, to_b);
}

static void both_sides_have_keys_of_their_own(void **state)
{
	(void)state;
	connect(SECURE_A(KEY_1), SECURE_B(KEY_2));
	assert_true(has("RTP/SAVP") && has("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"));
	assert_false(has(KEY_1) || has(KEY_2));
	for (uint8_t i = 0; i < 5; i++) speaks(MEDIA_A, i), speaks(MEDIA_B, (uint8_t)(i + 100));
	assert_int_equal(cm.halves[MEDIA_A].suite, MEDIA_AES_CM_128_HMAC_SHA1_80);
}

static void one_side_in_the_clear(void **state)
{
	(void)state;
	connect(SECURE_A(KEY_1), CLEAR_B);
	for (uint8_t i = 0; i < 5; i++) speaks(MEDIA_A, i), speaks(MEDIA_B, (uint8_t)(i + 100));
	assert_int_equal(cm.halves[MEDIA_B].suite, MEDIA_PLAIN);
}

static void what_is_forged_or_replayed_goes_nowhere(void **state)
{
	uint8_t data[RTP_FRAME], forged[RTP_FRAME];
	(void)state;
	connect(SECURE_A(KEY_1), CLEAR_B);
	uint32_t n = make(MEDIA_A, data, 7);
	memcpy(forged, data, n);
	forged[40] ^= 1;
	assert_false(send(MEDIA_A, forged, n));
	assert_false(send(MEDIA_A, data, n - 10)); // without its tag
	assert_true(send(MEDIA_A, data, n));
	for (uint32_t i = 0; i < 3; i++) assert_false(send(MEDIA_A, data, n));
	rtp_write(forged, &(struct rtp_packet){ .seq = 9, .ssrc = 100 });
	assert_false(send(MEDIA_A, forged, RTP_HEADER + 160)); // in the clear
	const struct sim_session *s = pool_at(&sim.sessions, cm.session);
	assert_int_equal(s->rtp.sides[MEDIA_A].first.refused, 6);
	speaks(MEDIA_A, 9);
}

static void our_tones_are_encrypted_and_keys_are_read(void **state)
{
	uint8_t key[RTP_FRAME] = { 0 };
	struct sim_sent s;
	struct media_event e;
	uint32_t n = RTP_HEADER + 4;
	(void)state;
	assert_int_equal(offer(MEDIA_A, SECURE_A(KEY_1)), OK);
	assert_int_equal(media_answer_local(&cm, &worker, &env, MEDIA_A, &out), OK);
	assert_true(has("m=audio 40000 RTP/SAVP 0 101\r\n"));
	learn(MEDIA_A, SECURE_A(KEY_1), out);
	assert_int_equal(media_collect(&cm, &worker, MEDIA_A, true), OK);
	assert_int_equal(media_play(&cm, &worker, MEDIA_A, (struct media_play){ .tone = MEDIA_TONE_DIAL }), OK);
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(media_sim_tick(&sim, cm.session, MEDIA_A, (char *)frame, &s));
		frame_n = s.data.n;
		assert_int_equal(frame_n, RTP_HEADER + 160 + 10);
		assert_int_equal(srtp_pair_open(phones[MEDIA_A], false, frame, &frame_n), SRTP_OPENED);
	}
	rtp_write(key, &(struct rtp_packet){ .pt = 101, .ssrc = 1, .ts = 5 });
	key[12] = 9;
	assert_int_equal(srtp_pair_seal(phones[MEDIA_A], false, key, &n), OK);
	assert_false(send(MEDIA_A, key, n));
	assert_true(sim.media.ops->take(&sim.media, &e) && e.kind == MEDIA_EV_DIGIT && e.digit == '9');
}

// The same keys go on over the end of the sequence numbers and a hold; new ones begin anew, on our side too.
static void keys_that_stay_and_keys_that_change(void **state)
{
	(void)state;
	seqs[MEDIA_A] = seqs[MEDIA_B] = 65530;
	connect(SECURE_A(KEY_1), SECURE_B(KEY_2));
	for (uint8_t i = 0; i < 20; i++) speaks(MEDIA_A, i), speaks(MEDIA_B, i);
	media_settled(&cm, &worker);
	char first[4096];
	assert_int_equal(offer(MEDIA_A, SECURE_A(KEY_1) "a=sendrecv\r\n"), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(answer(MEDIA_B, SECURE_B(KEY_2)), OK);
	struct str crypto = { 0 };
	assert_true(sdp_attribute(out, STR("crypto"), &crypto) && str_to_z(first, sizeof first, crypto));
	for (uint8_t i = 0; i < 5; i++) speaks(MEDIA_A, i), speaks(MEDIA_B, i);
	connect(SECURE_A(KEY_2), SECURE_B(KEY_2)); // A names another
	assert_true(sdp_attribute(out, STR("crypto"), &crypto));
	assert_false(str_eq(crypto, str_from(first)));
	for (uint8_t i = 0; i < 5; i++) speaks(MEDIA_A, i), speaks(MEDIA_B, i);
}

static void the_next_leg_has_other_keys(void **state)
{
	(void)state;
	connect(SECURE_A(KEY_1), SECURE_B(KEY_2));
	media_leave(&cm, &worker, MEDIA_B);
	assert_int_equal(offer_to(MEDIA_B), OK);
	struct str again = out;
	legs[MEDIA_B].leg = 13;
	assert_int_equal(offer_to(MEDIA_B), OK);
	struct str a = { 0 }, b = { 0 };
	assert_true(sdp_attribute(again, STR("crypto"), &a) && sdp_attribute(out, STR("crypto"), &b));
	assert_false(str_eq(a, b));
	legs[MEDIA_B].leg = 12;
	phones[MEDIA_B] = srtp_pair_free(phones[MEDIA_B]);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(answer(MEDIA_B, CLEAR_B), OK);
	speaks(MEDIA_A, 1), speaks(MEDIA_B, 2);
}

// A telephone in the clear begins its numbers anew: what is encrypted of it goes on.
static void numbers_that_go_back_are_not_sealed_again(void **state)
{
	uint8_t data[RTP_FRAME];
	(void)state;
	connect(SECURE_A(KEY_1), CLEAR_B);
	seqs[MEDIA_B] = 30000;
	for (uint8_t i = 0; i < 5; i++) speaks(MEDIA_B, i);
	seqs[MEDIA_B] = 20000;
	uint32_t n = make(MEDIA_B, data, 1);
	assert_false(send(MEDIA_B, data, n)); // one is lost
	for (uint8_t i = 0; i < 5; i++) speaks(MEDIA_B, i);
}

static void without_memory_or_chance_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(offer(MEDIA_A, SECURE_A(KEY_1)), OK);
	uint64_t max = worker.texts.bytes_max;
	worker.texts.bytes_max = 0;
	while (slab_dup(&worker.texts, (struct str){ (const char *)&cm, 160 }).n) continue;
	assert_int_equal(offer_to(MEDIA_B), ERR_SYSTEM);
	media_offer_drop(&cm, &worker);
	slab_fini(&worker.texts);
	slab_init(&worker.texts, max);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(both_sides_have_keys_of_their_own),
		T(one_side_in_the_clear),
		T(what_is_forged_or_replayed_goes_nowhere),
		T(our_tones_are_encrypted_and_keys_are_read),
		T(keys_that_stay_and_keys_that_change),
		T(the_next_leg_has_other_keys),
		T(numbers_that_go_back_are_not_sealed_again),
		T(without_memory_or_chance_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
