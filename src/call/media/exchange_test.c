#include "exchange.c"

#include "call/media/media_sim.c"
#include "wire/rtp/g711.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct media_sim sim;
static struct media_worker worker;
static struct env env;
static struct call_media cm;
static struct str out;
static const struct media_leg leg_a = { .signalling = { .family = 4, .ip = { 192, 0, 2, 1 }, .port = 5060 } };
static const struct media_leg leg_b = { .signalling = { .family = 4, .ip = { 198, 51, 100, 1 }, .port = 5060 } };

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(media_sim_init(&sim, 64), OK);
	assert_int_equal(media_worker_init(&worker, &sim.media, 4), OK);
	assert_int_equal(arena_init(&env.scratch, 1 << 18), OK);
	random_seed(&env.random, 1);
	media_init(&cm, 77);
	return 0;
}

// Whatever a test did, all is given back.
static int tear_down(void **state)
{
	(void)state;
	struct media_event e;
	bool open = cm.session != 0, closed = false;
	assert_int_equal(media_close(&cm, &worker), open);
	while (sim.media.ops->take(&sim.media, &e)) closed = e.kind == MEDIA_EV_CLOSED && e.owner == 77;
	assert_int_equal(closed, open);
	assert_true(sim.sessions.used == 0 && worker.texts.used_bytes == 0);
	media_worker_fini(&worker);
	media_sim_fini(&sim);
	arena_fini(&env.scratch);
	return 0;
}

// A description from 192.0.2.1 (side A's phone) or 198.51.100.1 (side B's).
#define FROM_A "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define FROM_B "v=0\r\no=b 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
#define EVENT(pt) "a=rtpmap:" #pt " telephone-event/8000\r\n"
#define OFFER_A FROM_A "m=audio 4000 RTP/AVP 0 8 101\r\n" EVENT(101)
#define ANSWER_B FROM_B "m=audio 5000 RTP/AVP 0 101\r\n" EVENT(101)

static enum err offer(enum media_side side, const char *text)
{
	return media_offer_from(&cm, &worker, side, side == MEDIA_A ? &leg_a : &leg_b, str_from(text));
}

static enum err offer_to(enum media_side side)
{
	return media_offer_to(&cm, &worker, &env, side, side == MEDIA_A ? &leg_a : &leg_b, &out);
}

static enum err answer(enum media_side side, const char *text)
{
	return media_answer_from(&cm, &worker, &env, side, side == MEDIA_A ? &leg_a : &leg_b, str_from(text), &out);
}

static bool out_has(const char *z)
{
	static char text[65536];
	str_to_z(text, sizeof text, out);
	return strstr(text, z) != NULL;
}

static struct addr at(const char *z)
{
	struct addr a = { 0 };
	assert_int_equal(addr_parse(&a, str_from(z)), OK);
	return a;
}

// Sends a voice packet from a phone to our port; what the other phone gets: its type and first octet, or -1.
static int voice_from(const char *from, const char *to, uint8_t pt, uint8_t octet)
{
	static uint16_t seq = 1;
	char data[RTP_HEADER + 160];
	struct addr f = at(from), t = at(to);
	struct sim_sent s;
	struct rtp_packet p = { .pt = pt, .seq = seq, .ts = seq * 160u, .ssrc = f.port };
	seq++;
	rtp_write((uint8_t *)data, &p);
	memset(data + RTP_HEADER, octet, 160);
	sim.now_us += 20000;
	if (!media_sim_input(&sim, &f, &t, data, sizeof data, &s)) return -1;
	assert_int_equal(rtp_parse(&p, (uint8_t *)data, sizeof data), OK);
	return p.pt << 8 | p.payload[0];
}

#define A_PHONE "192.0.2.1:4000"
#define B_PHONE "198.51.100.1:5000"

// As simple as it gets; with what must not cross.
static void test_relayed(void **state)
{
	(void)state;
	assert_int_equal(offer(MEDIA_A,
	                       FROM_A "a=ice-lite\r\nm=audio 4000 RTP/AVP 96 0 101\r\na=rtpmap:96 opus/48000/2\r\n" EVENT(
							   101) "a=candidate:x\r\nm=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
	                                "m=audio 4010 RTP/SAVP 0\r\na=crypto:x\r\n"),
	                 OK);
	assert_true(media_offer_waits(&cm, MEDIA_A) && !media_can_play(&cm, MEDIA_A));
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has("c=IN IP4 192.0.2.100\r\n") &&
	            out_has("m=audio 40000 RTP/AVP 96 0 101\r\na=rtpmap:96 opus/48000/2\r\n"));
	assert_true(out_has("m=video 40002 RTP/AVP 99") && !out_has("SAVP") && !out_has("candidate") &&
	            !out_has("192.0.2.1\r"));
	assert_int_equal(answer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n" EVENT(101)
	                                 "m=video 0 RTP/AVP 99\r\n"), OK);
	assert_true(out_has("m=audio 40004 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n"));
	assert_true(out_has("m=video 0 RTP/AVP 99\r\n") && out_has("m=audio 0 RTP/SAVP 0\r\n"));
	assert_string_equal(cm.halves[MEDIA_A].codec, "opus");
	assert_false(media_can_play(&cm, MEDIA_A)); // they agreed on Opus alone
	assert_false(media_offer_waits(&cm, MEDIA_A));
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40004", 96, 5), 96 << 8 | 5);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40000", 96, 6), 96 << 8 | 6);
	assert_int_equal(voice_from("203.0.113.66:4000", "192.0.2.100:40004", 96, 7), -1);
}

// Legs that ring together get the same offer; the one that answers is connected; a 200 after a 183 changes nothing.
static void test_parallel(void **state)
{
	(void)state;
	assert_int_equal(offer(MEDIA_A, OFFER_A), OK);
	char first[2000], again[2000];
	for (int i = 0; i < 3; i++) {
		struct media_leg leg = { .signalling = { .family = 4, .ip = { 198, 51, 100, (uint8_t)(10 + i) } } };
		assert_int_equal(media_offer_to(&cm, &worker, &env, MEDIA_B, &leg, &out), OK);
		str_to_z(i ? again : first, sizeof first, out);
		if (i) assert_string_equal(first, again);
	}
	assert_int_equal(sim.pairs_left, 63); // one pair for all of them
	assert_int_equal(answer(MEDIA_B, ANSWER_B), OK);
	str_to_z(first, sizeof first, out);
	assert_int_equal(answer(MEDIA_B, ANSWER_B), OK);
	str_to_z(again, sizeof again, out);
	assert_string_equal(first, again);
	assert_true(media_can_play(&cm, MEDIA_A) && media_can_play(&cm, MEDIA_B));
	media_settled(&cm, &worker);
	assert_int_equal(worker.texts.used_bytes, 0);
}

static void connect_call(void)
{
	assert_int_equal(offer(MEDIA_A, OFFER_A), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(answer(MEDIA_B, ANSWER_B), OK);
	media_settled(&cm, &worker);
}
#define A_PORT "192.0.2.100:40002" // what A was told in connect_call
#define B_PORT "192.0.2.100:40000"

static void test_hold(void **state)
{
	(void)state;
	connect_call();
	assert_int_equal(offer(MEDIA_A, OFFER_A "a=sendonly\r\n"), OK);
	assert_int_equal(voice_from(B_PHONE, B_PORT, 0, 1), 1); // until the answer all stays
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has(" 2 IN IP4 ") && out_has("m=audio 40000 ") && out_has("a=sendonly\r\n"));
	assert_int_equal(answer(MEDIA_B, ANSWER_B "a=recvonly\r\n"), OK);
	assert_true(out_has("a=recvonly\r\n"));
	assert_int_equal(cm.halves[MEDIA_A].ways, 2);
	assert_int_equal(voice_from(B_PHONE, B_PORT, 0, 1), -1);
	assert_int_equal(voice_from(A_PHONE, A_PORT, 0, 1), 1); // music
	assert_int_equal(offer(MEDIA_A, OFFER_A), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has(" 3 IN IP4 ") && out_has("a=sendrecv\r\n"));
	assert_int_equal(answer(MEDIA_B, ANSWER_B), OK);
	assert_int_equal(voice_from(B_PHONE, B_PORT, 0, 1), 1);
	// The old way, from the other side: no address at all.
	assert_int_equal(
		offer(MEDIA_B, "v=0\r\no=b 1 2 IN IP4 198.51.100.1\r\nc=IN IP4 0.0.0.0\r\nm=audio 5000 RTP/AVP 0\r\n"), OK);
	assert_int_equal(offer_to(MEDIA_A), OK);
	assert_true(out_has("a=sendonly\r\n") && out_has("c=IN IP4 192.0.2.100\r\n"));
	assert_int_equal(answer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"), OK);
	assert_int_equal(voice_from(A_PHONE, A_PORT, 0, 1), -1);
}

static void test_refused_reinvite(void **state)
{
	(void)state;
	connect_call();
	assert_int_equal(offer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 18\r\na=inactive\r\n"), OK);
	assert_int_equal(offer_to(MEDIA_A), OK);
	assert_int_equal(offer(MEDIA_A, OFFER_A), ERR_STATE); // glare is for the legs to see
	media_offer_drop(&cm, &worker);                      // A said 488
	assert_int_equal(voice_from(B_PHONE, B_PORT, 0, 1), 1);
	assert_int_equal(answer(MEDIA_A, OFFER_A), ERR_STATE);
	assert_int_equal(offer(MEDIA_A, FROM_A), ERR_BAD); // its line is gone
}

static void test_delayed(void **state)
{
	(void)state;
	assert_int_equal(offer_to(MEDIA_B), ERR_NOT_FOUND);
	assert_int_equal(out.n, 0);
	assert_int_equal(offer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 0 8\r\n"), OK); // in the 200
	assert_int_equal(offer_to(MEDIA_A), OK);
	assert_true(out_has("m=audio 40000 RTP/AVP 0 8\r\n"));
	assert_int_equal(answer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 8\r\n"), OK); // in the ACK
	assert_true(out_has("m=audio 40002 RTP/AVP 8\r\n"));
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 8, 3), 8 << 8 | 3);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40002", 8, 3), 8 << 8 | 3);
}

// Our dial tone, digits, ring-back; then the far side answers in the other law and another number for its keys.
static void test_dial_tone_and_join(void **state)
{
	(void)state;
	char frame[RTP_FRAME], key[RTP_HEADER + 4] = { 0 };
	struct sim_sent s;
	struct media_event e;
	assert_int_equal(offer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 96 0 8 97\r\na=rtpmap:96 opus/48000/2\r\n" EVENT(97)
	                                "m=video 4002 RTP/AVP 99\r\n"), OK);
	assert_int_equal(media_answer_local(&cm, &worker, &env, MEDIA_A, &out), OK);
	assert_true(out_has("m=audio 40000 RTP/AVP 0 97\r\n") && out_has("m=video 0 RTP/AVP 99\r\n") &&
	            out_has(" 1 IN IP4 "));
	assert_int_equal(media_answer_local(&cm, &worker, &env, MEDIA_A, &out), OK); // the 200 after the 183
	assert_true(out_has(" 1 IN IP4 "));
	assert_int_equal(media_collect(&cm, &worker, MEDIA_A, true), OK);
	assert_int_equal(media_play(&cm, &worker, MEDIA_A, (struct media_play){ .tone = MEDIA_TONE_DIAL }), OK);
	assert_true(media_sim_tick(&sim, cm.session, MEDIA_A, frame, &s));
	struct addr phone = at(A_PHONE), port = at("192.0.2.100:40000");
	assert_true(addr_eq(&s.to, &phone) && addr_eq(&s.from, &port) && s.data.n == 172);
	rtp_write((uint8_t *)key, &(struct rtp_packet){ .pt = 97, .ssrc = 1, .ts = 5 });
	key[12] = 9;
	media_sim_input(&sim, &phone, &port, key, sizeof key, &s);
	assert_true(sim.media.ops->take(&sim.media, &e) && e.kind == MEDIA_EV_DIGIT && e.digit == '9' && e.owner == 77);
	assert_int_equal(media_stop(&cm, &worker, MEDIA_A), OK);
	assert_false(media_sim_tick(&sim, cm.session, MEDIA_A, frame, &s));

	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has("m=audio 40002 RTP/AVP 0 8 97\r\n") && !out_has("video"));
	assert_int_equal(answer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 8 101\r\n" EVENT(101)), OK);
	assert_int_equal(out.n, 0); // nothing for A: it has its answer
	uint8_t octet = 0x1e;
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 0, octet), 8 << 8 | g711_mu_to_a(octet));
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40002", 8, octet), g711_a_to_mu(octet));
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 97, 1), 101 << 8 | 1);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40002", 97, 1), 97 << 8 | 1);
	assert_string_equal(cm.halves[MEDIA_B].codec, "PCMA");
	media_settled(&cm, &worker);

	// A re-INVITE from B is between the two of them: A still has its dead video line.
	assert_int_equal(offer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 9 0\r\n"), OK);
	assert_int_equal(offer_to(MEDIA_A), OK);
	assert_true(out_has("m=audio 40000 RTP/AVP 9 0\r\n") && out_has("m=video 0 RTP/AVP 0\r\n") &&
	            out_has(" 2 IN IP4 "));
	assert_int_equal(answer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 9\r\nm=video 0 RTP/AVP 0\r\n"), OK);
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 9, 1), 9 << 8 | 1); // no map any more
}

// A speaks G.722 alone, B G.711: what passes between them is made anew.
static void test_wide_and_narrow(void **state)
{
	(void)state;
	char frame[RTP_FRAME];
	struct sim_sent s;
	assert_int_equal(offer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 9 101\r\n" EVENT(101)), OK);
	assert_int_equal(media_answer_local(&cm, &worker, &env, MEDIA_A, &out), OK);
	assert_true(out_has("m=audio 40000 RTP/AVP 9 101\r\na=rtpmap:9 G722/8000\r\n"));
	assert_int_equal(media_play(&cm, &worker, MEDIA_A, (struct media_play){ .tone = MEDIA_TONE_DIAL }), OK);
	assert_true(media_sim_tick(&sim, cm.session, MEDIA_A, frame, &s));
	assert_true(s.data.n == 172 && (s.data.p[1] & 127) == 9);
	assert_int_equal(media_stop(&cm, &worker, MEDIA_A), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has("RTP/AVP 9 0 8 101\r\n"));
	assert_int_equal(answer(MEDIA_B, ANSWER_B), OK);
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 9, 0xff) >> 8, 0);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40002", 0, 0xff) >> 8, 9);
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 101, 3), 101 << 8 | 3);
}

static void test_local_offer(void **state)
{
	(void)state;
	assert_int_equal(media_offer_local(&cm, &worker, &env, MEDIA_A, &leg_a, &out), OK);
	assert_true(out_has("m=audio 40000 RTP/AVP 0 8 101\r\n"));
	assert_int_equal(answer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 8 101\r\n" EVENT(101)), OK);
	assert_int_equal(out.n, 0);
	assert_true(media_can_play(&cm, MEDIA_A) && cm.halves[MEDIA_A].law == MEDIA_LAW_A);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has("RTP/AVP 8 0 101\r\n")); // the caller's law first
	assert_int_equal(answer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 8\r\n"), OK);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40002", 8, 7), 8 << 8 | 7);
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40000", 101, 7), -1); // B has no telephone-event
}

// Early media of a first leg; it fails, an announcement is heard; the next leg is offered what the caller was told
// then, and whatever it answers, the caller is told the same.
static void test_next_leg(void **state)
{
	(void)state;
	char frame[RTP_FRAME], told[2000];
	struct sim_sent s;
	assert_int_equal(offer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 0 8 101\r\n" EVENT(101)
	                       "m=video 4002 RTP/AVP 99\r\n"), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(answer(MEDIA_B, ANSWER_B "m=video 0 RTP/AVP 99\r\n"), OK); // a 183
	str_to_z(told, sizeof told, out);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40000", 0, 1), 1);
	media_leave(&cm, &worker, MEDIA_B);
	assert_int_equal(voice_from(B_PHONE, "192.0.2.100:40000", 0, 1), -1); // it still sends
	assert_true(media_can_play(&cm, MEDIA_A) && !media_offer_waits(&cm, MEDIA_A)); // it had its answer
	assert_int_equal(
		media_play(&cm, &worker, MEDIA_A, (struct media_play){ .prompt = MEDIA_PROMPT_NO_ANSWER, .times = 1 }), OK);
	assert_true(media_sim_tick(&sim, cm.session, MEDIA_A, frame, &s));
	assert_int_equal(media_stop(&cm, &worker, MEDIA_A), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_true(out_has("m=audio 40000 RTP/AVP 0 101\r\n") && out_has("m=video 0 "));
	assert_int_equal(answer(MEDIA_B, FROM_B "m=audio 6000 RTP/AVP 0\r\nm=video 0 RTP/AVP 99\r\n"), OK);
	assert_true(str_eq(out, str_from(told)));
	assert_int_equal(voice_from("198.51.100.1:6000", "192.0.2.100:40000", 0, 1), 1);
	media_settled(&cm, &worker);
	assert_int_equal(worker.texts.used_bytes, 0);
}

// While legs ring with the caller's whole offer we answer it ourselves; then one of them answers.
static void test_answered_meanwhile(void **state)
{
	(void)state;
	assert_int_equal(offer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 9 0 101\r\n" EVENT(101)), OK);
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(media_answer_local(&cm, &worker, &env, MEDIA_A, &out), OK);
	assert_int_equal(answer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 18 0\r\n"),
	                 ERR_REFUSED); // G.729, of which A was not told and of which we can make nothing
	assert_int_equal(answer(MEDIA_B, FROM_B "m=audio 5000 RTP/AVP 0 101\r\n" EVENT(101)), OK);
	assert_int_equal(out.n, 0);
	assert_int_equal(voice_from(A_PHONE, "192.0.2.100:40002", 0, 4), 4);
}

static void test_fax(void **state)
{
	(void)state;
	connect_call();
	assert_int_equal(offer(MEDIA_B, FROM_B "m=audio 0 RTP/AVP 0\r\nm=image 5008 udptl t38\r\na=T38FaxVersion:0\r\n"),
	                 OK);
	assert_int_equal(offer_to(MEDIA_A), OK);
	assert_true(out_has("m=audio 0 RTP/AVP 0\r\n") && out_has("m=image 40004 udptl t38\r\na=T38FaxVersion:0\r\n"));
	assert_int_equal(answer(MEDIA_A, FROM_A "m=audio 0 RTP/AVP 0\r\nm=image 4008 udptl t38\r\n"), OK);
	assert_true(out_has("m=image 40006 udptl t38\r\n"));
	char fax[] = "\0\1fax";
	struct addr from = at("198.51.100.1:5008"), to = at("192.0.2.100:40006"), a = at("192.0.2.1:4008");
	struct sim_sent s;
	assert_true(media_sim_input(&sim, &from, &to, fax, 5, &s));
	assert_true(addr_eq(&s.to, &a) && s.data.n == 5);
	assert_int_equal(voice_from(A_PHONE, A_PORT, 0, 1), -1);
	// And back, the audio in its old line.
	assert_int_equal(offer(MEDIA_B, ANSWER_B "m=image 0 udptl t38\r\n"), OK);
	assert_int_equal(offer_to(MEDIA_A), OK);
	assert_true(out_has("m=audio 40002 RTP/AVP 0 101\r\n") && out_has("m=image 0 udptl t38\r\n"));
	assert_int_equal(answer(MEDIA_A, OFFER_A "m=image 0 udptl t38\r\n"), OK);
	assert_int_equal(voice_from(A_PHONE, A_PORT, 0, 1), 1);
}

static void test_families(void **state)
{
	(void)state;
	struct media_leg six = { .signalling = at("[2001:db8::7]:5060") };
	assert_int_equal(offer(MEDIA_A, OFFER_A), OK);
	assert_int_equal(media_offer_to(&cm, &worker, &env, MEDIA_B, &six, &out), OK);
	assert_true(out_has("c=IN IP6 2001:db8::100\r\n"));
	assert_int_equal(offer_to(MEDIA_B), OK); // a second phone of the line, on IPv4
	assert_true(out_has("c=IN IP4 192.0.2.100\r\n"));
	assert_int_equal(media_answer_from(&cm, &worker, &env, MEDIA_B, &six,
	                                   STR("v=0\r\nc=IN IP6 2001:db8::7\r\nm=audio 5000 RTP/AVP 0\r\n"), &out), OK);
	assert_true(out_has("c=IN IP4 192.0.2.100\r\n"));
	assert_int_equal(voice_from("[2001:db8::7]:5000", "[2001:db8::100]:40000", 0, 1), 1);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		FROM_A "m=audio 4000 RTP/SAVP 0\r\n",
		FROM_A "m=audio 4000 TCP/RTP/AVP 0\r\n",
		FROM_A "m=audio 0 RTP/AVP 0\r\n",
		FROM_A,
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP6 ::1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP6 ::ffff:127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 224.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 169.254.1.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 192.0.2.100\r\nm=audio 40000 RTP/AVP 0\r\n", // our own
		FROM_A "m=audio 4000 RTP/AVP 0\r\na=rtcp:5060 IN IP4 127.0.0.1\r\n",
		FROM_A "m=audio 4000 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\n"
			   "m=audio 2 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\nm=audio "
		       "2 RTP/AVP 0\r\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) assert_int_equal(offer(MEDIA_A, refused[i]), ERR_REFUSED);
	assert_int_equal(offer(MEDIA_A, "hello"), ERR_BAD);
	assert_int_equal(cm.session, 0); // none of these costs a session
	sim.media.loopback = true;
	assert_int_equal(offer(MEDIA_A, refused[4]), OK);
	assert_int_equal(offer(MEDIA_A, FROM_A "m=audio 4000 RTP/AVP 18 3\r\n"), OK);
	assert_int_equal(media_answer_local(&cm, &worker, &env, MEDIA_A, &out), ERR_REFUSED); // none of ours
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(answer(MEDIA_B, FROM_B), ERR_BAD); // fewer lines than offered
	assert_int_equal(answer(MEDIA_B, ANSWER_B "m=video 1 RTP/AVP 99\r\n"), ERR_BAD);
	assert_int_equal(answer(MEDIA_B, "v=0\r\nc=IN IP4 0.0.0.1\r\nm=audio 4000 RTP/AVP 9\r\n"), ERR_REFUSED);
}

static void test_limits(void **state)
{
	(void)state;
	char text[MEDIA_TEXT_MAX + 2];
	struct buf b = buf_on(text, sizeof text);
	put_z(&b, OFFER_A);
	while (b.n < MEDIA_TEXT_MAX) put_z(&b, "a=x\n");
	text[MEDIA_TEXT_MAX - 1] = '\n';
	assert_int_equal(media_offer_from(&cm, &worker, MEDIA_A, &leg_a, (struct str){ text, MEDIA_TEXT_MAX + 1 }),
	                 ERR_REFUSED);
	assert_int_equal(media_offer_from(&cm, &worker, MEDIA_A, &leg_a, (struct str){ text, MEDIA_TEXT_MAX }), OK);
	sim.pairs_left = 0;
	assert_int_equal(offer_to(MEDIA_B), ERR_FULL);
	sim.pairs_left = 1;
	assert_int_equal(offer_to(MEDIA_B), OK);
	assert_int_equal(answer(MEDIA_B, ANSWER_B), ERR_FULL); // none for A
	assert_true(media_offer_waits(&cm, MEDIA_A));
}

// No memory is not the same as no port: the trail tells them apart.
static void without_memory_it_says_so(void **state)
{
	(void)state;
	slab_fini(&worker.texts);
	slab_init(&worker.texts, 0);
	assert_int_equal(media_offer_from(&cm, &worker, MEDIA_A, &leg_a, STR(OFFER_A)), ERR_SYSTEM);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_relayed),   T(test_parallel),           T(test_hold),        T(test_refused_reinvite),
		T(test_delayed),   T(test_dial_tone_and_join), T(test_local_offer), T(test_next_leg),
		T(test_wide_and_narrow),
		T(test_answered_meanwhile), T(test_fax),       T(test_families),    T(test_refused),
		T(test_limits), T(without_memory_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
