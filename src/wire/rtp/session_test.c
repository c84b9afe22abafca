#include "session.c"

#include "wire/rtp/detect.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS 1000ull
#define S 1000000ull
#define A 0u
#define B 1u

static const struct tone dial = { .count = 1, .parts = { { { 3500, 4400 }, -13, TONE_STEADY, 0, 0 } } };
static const struct tone busy = { .count = 1, .parts = { { { 4800, 6200 }, -24, 500, 500, TONE_FOREVER } } };
static const struct tone beep = { .count = 1, .parts = { { { 10000 }, -10, 100, 0, 1 } } };

static struct rtp_session session;
static struct rtp_more more;
static struct rtp_departure out;
static struct rtp_news news;
static uint8_t frame[RTP_FRAME], packet[RTP_PACKET_MAX + SRTP_GROWTH_MAX];
static uint64_t now;

static struct addr at(const char *z)
{
	struct addr a = { 0 };
	assert_int_equal(addr_parse(&a, str_from(z)), OK);
	return a;
}

static struct rtp_remote voice_at(const char *z)
{
	struct rtp_remote r = { .rtp = at(z), .form = RTP_FORM_AUDIO, .send = true, .receive = true, .law = RTP_LAW_MU,
		                    .law_pt = 0, .event_pt_in = 101, .event_pt_out = 101, .clock_hz = 8000 };
	r.rtcp = r.rtp;
	r.rtcp.port++;
	return r;
}

#define A_AT "192.0.2.1:4000"
#define B_AT "198.51.100.1:5000"
#define EVIL "203.0.113.66:4000"

// Two sides with a voice stream each.
static int set_up(void **state)
{
	(void)state;
	struct rtp_remote a = voice_at(A_AT), b = voice_at(B_AT);
	now = 10 * S;
	memset(&more, 0x5a, sizeof more); // as another session left it
	rtp_session_init(&session, &more, 42);
	rtp_session_remote(&session, A, 0, &a, now);
	rtp_session_remote(&session, B, 0, &b, now);
	return 0;
}

static bool datagram(uint32_t side, const char *from, bool control, uint32_t n)
{
	struct rtp_arrival in = { .side = (uint8_t)side, .control = control, .from = at(from), .data = packet, .n = n,
		                      .now_us = now };
	out = (struct rtp_departure){ 0 };
	return rtp_session_input(&session, &in, &out, &news);
}

// A voice packet of 160 times `fill`.
static bool voice(uint32_t side, const char *from, uint32_t ssrc, uint16_t seq, uint8_t fill)
{
	struct rtp_packet p = { .ssrc = ssrc, .seq = seq, .ts = seq * 160u };
	rtp_write(packet, &p);
	memset(packet + RTP_HEADER, fill, 160);
	return datagram(side, from, false, RTP_HEADER + 160);
}

static bool event(uint32_t side, const char *from, uint16_t seq, uint32_t ts, uint8_t code, bool end, uint8_t pt)
{
	struct rtp_packet p = { .ssrc = 7, .seq = seq, .ts = ts, .pt = pt };
	rtp_write(packet, &p);
	packet[12] = code;
	packet[13] = (uint8_t)(end ? 0x8a : 10);
	packet[14] = 1, packet[15] = 0x40;
	return datagram(side, from, false, RTP_HEADER + 4);
}

static struct rtp_packet sent(void)
{
	struct rtp_packet p;
	assert_int_equal(rtp_parse(&p, (uint8_t *)(uintptr_t)out.data, out.n), OK);
	return p;
}

static void test_relay(void **state)
{
	(void)state;
	struct addr a = at(A_AT), b = at(B_AT);
	uint8_t before[172];
	for (uint16_t i = 0; i < 100; i++, now += 20 * MS) {
		assert_true(voice(A, A_AT, 7, i, (uint8_t)i));
		assert_true(out.side == B && out.stream == 0 && !out.control && addr_eq(&out.to, &b) && out.n == 172);
		struct rtp_packet p = sent();
		assert_true(p.seq == i && p.ssrc == 7 && p.payload[159] == i);
		assert_true(voice(B, B_AT, 8, i, 0));
		assert_true(out.side == A && addr_eq(&out.to, &a));
	}
	voice(A, A_AT, 7, 100, 1);
	memcpy(before, packet, sizeof before);
	packet[1] = 96; // another type
	assert_true(datagram(A, A_AT, false, 172));
	before[1] = 96;
	assert_memory_equal(before, packet, sizeof before); // not an octet changed
	struct rtp_leg_stats stats;
	rtp_session_stats(&session, A, &stats);
	assert_true(stats.rx_packets == 102 && stats.rx_bytes == 102 * 172 && stats.tx_packets == 100);
	assert_true(stats.rx_lost == 0 && stats.rx_jitter_us < 1000 && stats.refused == 0);
}

// RTP bleed and injection: an attacker who sends to every port, before, during and after, with and without NAT.
static void test_attack(void **state)
{
	(void)state;
	for (int nat = 0; nat < 2; nat++) {
		struct addr evil = at(EVIL);
		struct rtp_remote a = voice_at(nat ? "10.0.0.5:4000" : A_AT);
		const char *a_at = nat ? "192.0.2.1:61000" : A_AT;
		if (nat) a.signalling = at("192.0.2.1:5060");
		set_up(NULL);
		rtp_session_remote(&session, A, 0, &a, now);
		uint32_t to_evil = 0, of_evil = 0, to_b = 0;
		for (uint32_t i = 0; i < 3000; i++, now += 20 * MS) { // 60 s; the parties talk from the second to the 40th
			if (i == 1000) rtp_session_remote(&session, A, 0, &a, now); // a re-INVITE opens the window
			for (uint32_t side = 0; side < 2; side++) {
				of_evil += voice(side, EVIL, i % 2 ? 7 : 666, (uint16_t)i, 0xee);
				to_evil += out.n && addr_eq(&out.to, &evil);
				packet[0] = 0x80, packet[1] = 200, packet[2] = 0, packet[3] = 6;
				of_evil += datagram(side, EVIL, true, 28);
				to_evil += out.n && addr_eq(&out.to, &evil);
			}
			if (i < 100 || i > 2000) continue;
			to_b += voice(A, a_at, 7, (uint16_t)i, 1);
			assert_true(voice(B, B_AT, 8, (uint16_t)i, 1));
			assert_true(addr_host_eq(&out.to, &(struct addr){ 4, 0, 0, { 192, 0, 2, 1 } }));
		}
		assert_int_equal(of_evil, 0);
		assert_int_equal(to_evil, 0);
		assert_int_equal(to_b, 1901);
	}
}

// Ticks for so long; the samples that side A hears. Checks that numbers go on without a gap.
static uint32_t listen(int16_t *samples, uint32_t ms, bool a_law)
{
	static struct rtp_packet last;
	uint32_t n = 0;
	for (uint32_t i = 0; i < ms / 20; i++, now += 20 * MS) {
		if (!rtp_session_tick(&session, A, now, frame, &out, &news)) continue;
		struct rtp_packet p = sent();
		assert_int_equal(p.payload_n, 160);
		if (n) assert_true(p.seq == (uint16_t)(last.seq + 1) && p.ts == last.ts + 160 && p.ssrc == last.ssrc);
		assert_int_equal(p.marker, n == 0);
		for (uint32_t k = 0; k < 160; k++)
			samples[n++] = a_law ? g711_a_decode(p.payload[k]) : g711_mu_decode(p.payload[k]);
		last = p;
	}
	return n;
}

// Our dial tone to a caller, before there is any other side; measured in what was sent.
static void test_dial_tone(void **state)
{
	(void)state;
	static int16_t samples[8 * 4000];
	for (int a_law = 0; a_law < 2; a_law++) {
		struct rtp_remote a = voice_at(A_AT);
		a.law = a_law ? RTP_LAW_A : RTP_LAW_MU;
		a.law_pt = a_law ? 8 : 0;
		rtp_session_init(&session, &more, 1);
		rtp_session_remote(&session, A, 0, &a, now);
		assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
		assert_int_equal(listen(samples, 4000, a_law), 32000);
		assert_true(fabs(detect_dbm0(samples + 8000, DETECT_WINDOW, 350) + 13) < 0.3);
		assert_true(fabs(detect_dbm0(samples + 8000, DETECT_WINDOW, 440) + 13) < 0.3);
		assert_int_equal(sent().pt, a.law_pt);
		rtp_session_stop(&session, A);
		assert_int_equal(listen(samples, 100, a_law), 0);
	}
}

static void test_cadence(void **state)
{
	(void)state;
	static int16_t samples[8 * 4000];
	struct detect_burst bursts[8];
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &busy }, false), OK);
	uint32_t n = listen(samples, 4000, false);
	assert_int_equal(detect_bursts(bursts, 8, samples, n, -50), 8);
	for (int i = 0; i < 8; i++) assert_true(bursts[i].ms == 500 && bursts[i].on == (i % 2 == 0));
}

// Ring-back, then the peer, then an announcement, then the peer: what A gets is one stream.
static void test_continuity(void **state)
{
	(void)state;
	struct rtp_packet last = { 0 };
	uint32_t count = 0;
	for (uint32_t i = 0; i < 400; i++, now += 20 * MS) {
		if (i == 0 || i == 200)
			assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
		if (i == 100 || i == 300) rtp_session_stop(&session, A);
		bool relayed = voice(B, B_AT, 99, (uint16_t)(1000 + i), 1);
		if (!relayed && !rtp_session_tick(&session, A, now, frame, &out, &news)) continue;
		struct rtp_packet p = sent();
		if (count++) {
			assert_true(p.seq == (uint16_t)(last.seq + 1) && p.ssrc == last.ssrc && p.ts == last.ts + 160);
			assert_int_equal(p.marker, i % 100 == 0);
		}
		assert_int_equal(relayed, i / 100 % 2);
		last = p;
	}
	assert_int_equal(count, 400);
}

static void test_played(void **state)
{
	(void)state;
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &beep, .times = 1 }, false), OK);
	uint32_t told = 0;
	for (int i = 0; i < 10; i++, now += 20 * MS) {
		rtp_session_tick(&session, A, now, frame, &out, &news);
		told += news.kind == RTP_NEWS_PLAYED && news.side == A;
	}
	assert_int_equal(told, 1);
	// A side that cannot hear us: told at once, so that nobody waits for ever.
	struct rtp_remote deaf = voice_at(A_AT);
	deaf.law = RTP_LAW_NONE;
	rtp_session_remote(&session, A, 0, &deaf, now);
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
	assert_false(rtp_session_tick(&session, A, now, frame, &out, &news));
	assert_true(news.kind == RTP_NEWS_PLAYED && !rtp_session_busy(&session, A));
}

static void test_hold(void **state)
{
	(void)state;
	assert_true(voice(A, A_AT, 7, 1, 1));
	struct rtp_remote a = voice_at(A_AT);
	a.send = false; // A put B on hold: it sends, and wants nothing
	rtp_session_remote(&session, A, 0, &a, now);
	assert_true(voice(A, A_AT, 7, 2, 1));
	assert_false(voice(B, B_AT, 8, 1, 1));
	a.receive = false;
	rtp_session_remote(&session, A, 0, &a, now);
	assert_false(voice(A, A_AT, 7, 3, 1));
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
	assert_false(rtp_session_tick(&session, A, now, frame, &out, &news)); // not even our tones
	a.send = a.receive = true;
	rtp_session_stop(&session, A);
	rtp_session_remote(&session, A, 0, &a, now);
	assert_true(voice(A, A_AT, 7, 4, 1) && voice(B, B_AT, 8, 2, 1));
}

static void test_map(void **state)
{
	(void)state;
	struct rtp_map map = { .count = 2, .pairs = { { 0, 8, RTP_LAW_MU, RTP_LAW_A }, { 96, 101, RTP_LAW_NONE, RTP_LAW_NONE } } };
	rtp_session_map(&session, B, 0, &map);
	assert_true(voice(A, A_AT, 7, 1, 0x1e));
	struct rtp_packet p = sent();
	assert_true(p.pt == 8 && p.payload[0] == g711_mu_to_a(0x1e) && p.payload[159] == g711_mu_to_a(0x1e));
	assert_true(event(A, A_AT, 2, 320, 5, false, 96));
	assert_int_equal(sent().pt, 101);
	voice(A, A_AT, 7, 3, 1);
	packet[1] = 18;
	assert_false(datagram(A, A_AT, false, 172)); // B did not agree to it
	assert_true(voice(B, B_AT, 8, 1, 1));        // the other way has no map
	assert_int_equal(sent().pt, 0);
}

static void test_keys_heard(void **state)
{
	(void)state;
	char heard[8] = "";
	uint32_t n = 0;
	struct rtp_leg_stats stats;
	session.sides[A].collect = true;
	assert_true(voice(A, A_AT, 7, 0, 1));
	for (uint16_t i = 1; i < 8; i++) {
		now += 20 * MS;
		assert_true(event(A, A_AT, i, 5000, 11, i >= 5, 101)); // passed on too
		if (news.kind == RTP_NEWS_KEY) heard[n++] = news.digit;
	}
	rtp_session_stats(&session, A, &stats);
	assert_true(stats.rx_packets == 8 && stats.rx_jitter_us == 0); // though they share a timestamp
	for (uint16_t i = 0; i < 7; i++) {
		event(A, A_AT, (uint16_t)(8 + i), 7000, 1, i >= 4, 101);
		if (news.kind == RTP_NEWS_KEY) heard[n++] = news.digit;
	}
	assert_string_equal(heard, "#1");
	event(A, EVIL, 30, 9000, 2, false, 101); // nobody else presses keys
	assert_int_equal(news.kind, RTP_NEWS_NONE);
	session.sides[A].collect = false;
	event(A, A_AT, 31, 11000, 3, false, 101);
	assert_int_equal(news.kind, RTP_NEWS_NONE);
}

static void test_keys_sent(void **state)
{
	(void)state;
	uint32_t packets = 0, ends = 0, markers = 0;
	uint32_t stamps[2] = { 0 };
	assert_int_equal(rtp_session_key(&session, A, '5', 100), OK);
	assert_int_equal(rtp_session_key(&session, A, '6', 100), OK);
	for (int i = 0; rtp_session_busy(&session, A); i++, now += 20 * MS) {
		assert_true(i < 100);
		assert_false(voice(B, B_AT, 8, (uint16_t)i, 1)); // silent meanwhile
		if (!rtp_session_tick(&session, A, now, frame, &out, &news)) continue;
		struct rtp_packet p = sent();
		assert_true(p.pt == 101 && p.payload_n == 4);
		uint32_t key = packets++ / 7;
		if (p.marker) stamps[key] = p.ts;
		markers += p.marker;
		assert_int_equal(p.ts, stamps[key]);
		assert_int_equal(p.payload[0], 5 + key);
		ends += p.payload[1] >> 7;
	}
	assert_true(packets == 14 && ends == 6 && markers == 2);
	assert_int_equal(stamps[1] - stamps[0], 8 * 200); // 140 ms of packets, 60 ms of gap
}

// A knows telephone-event, B does not: B hears the key.
static void test_keys_sounded(void **state)
{
	(void)state;
	struct rtp_remote b = voice_at(B_AT);
	struct rtp_map map = { .count = 1, .pairs = { { 0, 0, RTP_LAW_NONE, RTP_LAW_NONE } } };
	static int16_t samples[8000];
	uint32_t n = 0;
	b.event_pt_in = b.event_pt_out = RTP_PT_NONE;
	rtp_session_remote(&session, B, 0, &b, now);
	rtp_session_map(&session, B, 0, &map);
	for (uint16_t i = 0; i < 7; i++) assert_false(event(A, A_AT, i, 5000, 5, i >= 4, 101));
	for (; rtp_session_busy(&session, B); now += 20 * MS)
		if (rtp_session_tick(&session, B, now, frame, &out, &news))
			for (uint32_t k = 0; k < 160; k++) samples[n++] = g711_mu_decode(sent().payload[k]);
	struct detect_burst bursts[4];
	assert_int_equal(detect_bursts(bursts, 4, samples, n, -40), 2);
	assert_int_equal(bursts[0].ms, 100);
	assert_true(fabs(detect_dbm0(samples, 800, 770) + 7) < 0.3 && fabs(detect_dbm0(samples, 800, 1336) + 7) < 0.3);
}

static uint32_t make_sr(uint32_t ssrc, uint32_t ts, uint32_t heard, uint32_t highest)
{
	memset(packet, 0, 52 + 16);
	packet[0] = 0x81, packet[1] = RTCP_SR, packet[3] = 12;
	rtp_set32(packet + 4, ssrc);
	rtp_set32(packet + 16, ts);
	rtp_set32(packet + 28, heard);
	rtp_set32(packet + 32, 5);
	rtp_set32(packet + 36, highest);
	rtp_set32(packet + 40, 80);
	packet[52] = 0x81, packet[53] = RTCP_SDES, packet[55] = 3;
	rtp_set32(packet + 56, ssrc);
	packet[60] = 1, packet[61] = 1, packet[62] = 'x';
	return 68;
}

// RTCP speaks of the numbers that its reader knows.
static void test_rtcp(void **state)
{
	(void)state;
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &beep, .times = 1 }, false), OK);
	while (rtp_session_busy(&session, A)) rtp_session_tick(&session, A, now, frame, &out, &news), now += 20 * MS;
	assert_true(voice(B, B_AT, 99, 1000, 1));
	struct rtp_packet p = sent(); // as A knows B's packet 1000
	assert_true(p.seq != 1000 && p.ssrc != 99);
	uint32_t n = make_sr(99, 160000, 0, 0);
	assert_true(datagram(B, "198.51.100.1:5001", true, n));
	struct addr to = at("192.0.2.1:4001");
	assert_true(out.control && out.side == A && addr_eq(&out.to, &to));
	assert_int_equal(rtp_get32(packet + 4), p.ssrc);
	assert_int_equal(rtp_get32(packet + 16), p.ts);
	assert_int_equal(rtp_get32(packet + 56), p.ssrc);
	n = make_sr(7, 1, p.ssrc, p.seq); // A reports on what it heard
	assert_true(datagram(A, "192.0.2.1:4001", true, n));
	assert_int_equal(rtp_get32(packet + 28), 99);
	assert_int_equal(rtp_get32(packet + 36), 1000);
	assert_int_equal(rtp_get32(packet + 4), 7);
	struct rtp_leg_stats stats;
	rtp_session_stats(&session, A, &stats);
	assert_true(stats.far_lost == 5 && stats.far_jitter_us == 10000);
	packet[3] = 13;
	assert_false(datagram(A, "192.0.2.1:4001", true, n)); // lengths do not add up
}

// Ticks for so long, looking for a report each second as the media thread does; tells how many there were.
static uint32_t reports_in(uint32_t seconds, uint32_t side)
{
	uint32_t reports = 0;
	for (uint32_t i = 0; i < seconds * 50; i++, now += 20 * MS) {
		rtp_session_tick(&session, side, now, frame, &out, &news);
		if (i % 50 == 0 && rtp_session_report(&session, side, false, now, frame, &out)) reports++;
	}
	return reports;
}

// Whoever hears only us is told of what it should have got, and that it is over.
static void test_reports_of_our_own(void **state)
{
	(void)state;
	struct rtcp_item item;
	uint32_t at_octet = 0;
	assert_false(rtp_session_report(&session, A, true, now, frame, &out)); // it got nothing
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
	rtp_session_tick(&session, A, now, frame, &out, &news);
	struct rtp_packet first = sent();
	now += 20 * MS;
	assert_int_equal(reports_in(19, A), 4); // after 3, 8, 13 and 18 s
	assert_true(rtp_session_report(&session, A, true, now, frame, &out));
	struct addr to = at("192.0.2.1:4001");
	assert_true(out.control && out.side == A && addr_eq(&out.to, &to));
	assert_int_equal(rtcp_check(out.data, out.n), OK);
	assert_true(rtcp_next(&item, frame, out.n, &at_octet) && item.type == RTCP_SR && item.count == 0);
	assert_int_equal(rtp_get32(item.data + 4), first.ssrc);
	assert_int_equal(rtp_get32(item.data + 8), now / S);
	assert_int_equal(rtp_get32(item.data + 16), first.ts + 951 * 160);
	assert_int_equal(rtp_get32(item.data + 20), 951);
	assert_int_equal(rtp_get32(item.data + 24), 951 * 160);
	assert_true(rtcp_next(&item, frame, out.n, &at_octet) && item.type == RTCP_SDES && item.count == 1);
	assert_true(item.data[8] == 1 && item.data[9] == 16);
	assert_true(rtcp_next(&item, frame, out.n, &at_octet) && item.type == RTCP_BYE);
	assert_int_equal(rtp_get32(item.data + 4), first.ssrc);
	rtp_session_stop(&session, A);
	assert_int_equal(reports_in(20, A), 0); // nothing is sent, so nothing is said
	assert_true(voice(B, B_AT, 8, 1, 1));   // B is heard, whose own reports are passed on
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
	assert_int_equal(reports_in(20, A), 0);
	assert_false(rtp_session_report(&session, A, true, now, frame, &out));
}

static void test_fax(void **state)
{
	(void)state;
	struct rtp_remote a = { .rtp = at(A_AT), .form = RTP_FORM_RAW, .send = true, .receive = true,
		                    .event_pt_in = RTP_PT_NONE, .event_pt_out = RTP_PT_NONE };
	struct rtp_remote b = a;
	b.rtp = at(B_AT);
	rtp_session_remote(&session, A, 0, &a, now);
	rtp_session_remote(&session, B, 0, &b, now);
	memcpy(packet, "\0\1fax", 5);
	assert_true(datagram(A, A_AT, false, 5));
	assert_true(out.n == 5 && memcmp(out.data, "\0\1fax", 5) == 0);
	assert_false(datagram(A, EVIL, false, 5));
	assert_int_equal(rtp_session_play(&session, A, &(struct sound){ .tone = &dial }, false), OK);
	assert_false(rtp_session_tick(&session, A, now, frame, &out, &news));
}

// Video passes untouched, several sources in one stream too.
static void test_video(void **state)
{
	(void)state;
	struct rtp_remote a = voice_at("192.0.2.1:6000"), b = voice_at("198.51.100.1:6000");
	a.form = b.form = RTP_FORM_RTP;
	a.clock_hz = b.clock_hz = 90000;
	rtp_session_remote(&session, A, 1, &a, now);
	rtp_session_remote(&session, B, 1, &b, now);
	for (uint16_t i = 0; i < 20; i++) {
		struct rtp_packet p = { .ssrc = i % 2 + 50u, .seq = (uint16_t)(i % 2 * 1000 + i), .ts = 5, .pt = 99 };
		rtp_write(packet, &p);
		struct rtp_arrival in = { .side = A, .stream = 1, .from = at("192.0.2.1:6000"), .data = packet, .n = 100,
			                      .now_us = now };
		assert_true(rtp_session_input(&session, &in, &out, &news));
		struct rtp_packet got = sent();
		assert_true(out.stream == 1 && got.ssrc == p.ssrc && got.seq == p.seq && got.ts == 5);
	}
}

static bool is_silent(uint32_t side)
{
	rtp_session_look(&session, side, now, &news);
	return news.kind == RTP_NEWS_SILENT && news.side == side;
}

static void test_silence(void **state)
{
	(void)state;
	uint32_t told = 0;
	now += 100 * S;
	assert_false(is_silent(A)); // nobody asked
	rtp_session_watch(&session, 30, now);
	for (uint32_t i = 0; i < 79; i++, now += S) {
		if (i < 20) voice(A, A_AT, 7, (uint16_t)i, 1);
		voice(B, B_AT, 8, (uint16_t)i, 1);
		if (is_silent(A)) told++, assert_int_equal(i, 19 + 30), assert_int_equal(news.silent_s, 30);
		assert_false(is_silent(B));
	}
	assert_int_equal(told, 1);
	now += S;
	assert_true(is_silent(A)); // told again, since it lasts
	voice(A, A_AT, 7, 500, 1);
	now += 29 * S;
	assert_false(is_silent(A));
	rtp_session_watch(&session, 0, now);
	now += 31 * S;
	assert_false(is_silent(A));
}

// A telephone that suppresses silence sends RTCP, and strangers' packets are no sign of life.
static void test_silence_suppressed(void **state)
{
	(void)state;
	voice(A, A_AT, 7, 1, 1);
	rtp_session_watch(&session, 30, now);
	for (uint32_t i = 0; i < 100; i++, now += S) {
		uint32_t n = make_sr(7, 160 * i, 0, 0);
		if (i % 5 == 0) datagram(A, "192.0.2.1:4001", true, n);
		assert_false(is_silent(A));
	}
	for (uint32_t i = 0; i < 25; i++, now += S) {
		uint32_t n = make_sr(7, 160 * i, 0, 0);
		datagram(A, EVIL, true, n);
		voice(A, EVIL, 7, (uint16_t)i, 1);
		voice(B, B_AT, 8, (uint16_t)i, 1);
	}
	assert_true(is_silent(A));
}

// On hold nobody need talk; after it the time begins anew.
static void test_silence_on_hold(void **state)
{
	(void)state;
	struct rtp_remote holds = voice_at(A_AT), held = voice_at(B_AT);
	voice(A, A_AT, 7, 1, 1);
	voice(B, B_AT, 8, 1, 1);
	holds.send = held.receive = false;
	rtp_session_watch(&session, 30, now);
	rtp_session_remote(&session, A, 0, &holds, now);
	rtp_session_remote(&session, B, 0, &held, now);
	now += 100 * S;
	assert_false(is_silent(A) || is_silent(B));
	holds.send = held.receive = true;
	rtp_session_remote(&session, A, 0, &holds, now);
	rtp_session_remote(&session, B, 0, &held, now);
	now += 29 * S;
	assert_false(is_silent(A) || is_silent(B));
	now += S;
	assert_true(is_silent(A));
}

// One that never was heard may be unable to send: the other side decides by staying.
static void test_never_heard(void **state)
{
	(void)state;
	rtp_session_watch(&session, 30, now);
	for (uint32_t i = 0; i < 100; i++, now += S) {
		voice(A, A_AT, 7, (uint16_t)i, 1);
		assert_false(is_silent(A) || is_silent(B));
	}
	now += 29 * S;
	assert_true(is_silent(A) || is_silent(B)); // now nobody talks
}

static void test_loss_and_jitter(void **state)
{
	(void)state;
	struct rtp_leg_stats stats;
	for (uint32_t i = 0; i < 70000; i++) { // over the turn of the numbers
		now = 10 * S + i * 20 * MS + (i % 2) * 5 * MS;
		if (i % 10 != 3) voice(A, A_AT, 7, (uint16_t)(60000 + i), 1);
	}
	rtp_session_stats(&session, A, &stats);
	assert_int_equal(stats.rx_packets, 63000);
	assert_int_equal(stats.rx_lost, 7000);
	// Neighbours differ by 5 ms, but for those two apart (the eighth part: 2 of 9 pairs differ by 0).
	assert_true(stats.rx_jitter_us > 3000 && stats.rx_jitter_us < 5100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_relay, set_up),          cmocka_unit_test_setup(test_attack, set_up),
		cmocka_unit_test_setup(test_dial_tone, set_up),      cmocka_unit_test_setup(test_cadence, set_up),
		cmocka_unit_test_setup(test_continuity, set_up),     cmocka_unit_test_setup(test_played, set_up),
		cmocka_unit_test_setup(test_hold, set_up),           cmocka_unit_test_setup(test_map, set_up),
		cmocka_unit_test_setup(test_keys_heard, set_up),     cmocka_unit_test_setup(test_keys_sent, set_up),
		cmocka_unit_test_setup(test_keys_sounded, set_up),   cmocka_unit_test_setup(test_rtcp, set_up),
		cmocka_unit_test_setup(test_reports_of_our_own, set_up),
		cmocka_unit_test_setup(test_fax, set_up),            cmocka_unit_test_setup(test_video, set_up),
		cmocka_unit_test_setup(test_silence, set_up),        cmocka_unit_test_setup(test_silence_suppressed, set_up),
		cmocka_unit_test_setup(test_silence_on_hold, set_up), cmocka_unit_test_setup(test_never_heard, set_up),
		cmocka_unit_test_setup(test_loss_and_jitter, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
