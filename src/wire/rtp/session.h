// One call's media: packet in, packet and destination out. No socket and no clock in here; whoever has them (the media
// threads, the simulator) calls.
//
//     side A                                                                            side B
//     ──▶ (open) ─▶ latch ─▶ statistics ─▶ keys ─▶ direction ─▶ type map ─▶ numbering ─▶ (seal) ──▶
//     ◀── the same, the other way ◀──
//     ◀── player, keys: every 20 ms, in place of what is relayed toward that side
//
// A side has up to four streams; stream n of one side belongs to stream n of the other. Each may be SRTP (srtp.h): then
// a packet is opened before anything is made of it, and sealed when all is done.
#pragma once

#include "base/random.h"
#include "wire/rtp/event.h"
#include "wire/rtp/flow.h"
#include "wire/rtp/latch.h"
#include "wire/rtp/player.h"
#include "wire/rtp/srtp.h"
#include "wire/rtp/stats.h"
#include "wire/rtp/wide.h"

#define RTP_STREAMS_MAX 4
#define RTP_MAP_MAX 8
#define RTP_PT_NONE 0xff
#define RTP_TICK_US 20000u
#define RTP_REPORT_US 5000000u // between two reports of our own (RFC 3550 §6.2; the first after half of it)
#define RTP_FRAME (RTP_HEADER + PLAYER_FRAME + SRTP_GROWTH_MAX) // octets of a packet that we make

enum rtp_form {
	RTP_FORM_NONE,  // nothing passes
	RTP_FORM_AUDIO, // tones and keys can be played; numbering is continuous
	RTP_FORM_RTP,   // RTP passed as it is
	RTP_FORM_RAW,   // datagrams passed as they are (UDPTL)
};
enum rtp_law { RTP_LAW_NONE, RTP_LAW_MU = 1, RTP_LAW_A = 2, RTP_LAW_G722 = 4 };

// The other end of one stream of a side.
struct rtp_remote {
	struct addr rtp, rtcp;     // by SDP; family 0: unknown, or not to be sent to
	struct addr signalling;    // a second host to learn from; family 0: none
	uint8_t form;              // enum rtp_form
	bool send, receive;        // may we send to it, do we take from it
	uint8_t law, law_pt;       // enum rtp_law and payload type of what we play
	uint8_t event_pt_out, event_pt_in; // telephone-event to it and from it, or RTP_PT_NONE
	uint32_t clock_hz;         // of timestamps
};

// Payload types of what is sent to a side, when the two were not negotiated with each other. Empty: all pass as they
// are.
struct rtp_map {
	uint8_t count;
	struct {
		uint8_t from, to;
		uint8_t law_from, law_to; // enum rtp_law; the same (or NONE): as it is
	} pairs[RTP_MAP_MAX];
};

// Private to session.c, but for size: sessions lie in pools.
struct rtp_end { // one stream of one side
	struct rtp_remote remote;
	struct latch rtp, rtcp;
	struct rtp_map map;       // for packets to this side
	struct flow flow;         // the same
	struct rtp_stats stats;   // of packets from this side, as are the next
	struct event_rx keys;
	uint64_t rx_bytes, tx_bytes;
	uint32_t tx_packets, refused;
	int32_t far_lost;         // by its RTCP
	uint32_t far_jitter;
	struct srtp_pair *secret; // owned; NULL: in the clear
	struct wide *wide;        // owned; of what is sent to this side; NULL: no G.722 was made or read
};
struct rtp_side {
	struct player player;
	struct event_tx keys;
	struct tone key;           // the key that is sent as sound, to a side without telephone-event
	struct tone_play key_play; // its tone is NULL when there is none
	bool collect;
	bool own_run;              // what was sent last was our own
	bool heard;                // something came from it, ever
	uint8_t voice;             // stream that carries the voice; RTP_STREAMS_MAX: none
	uint64_t reported_us;      // last report of our own
	uint64_t quiet_us;         // since when it is quiet: the last packet, or when it was allowed to begin anew
	struct rtp_end first;      // its first stream; the others: rtp_more
};
// The streams beyond the first, which few calls have. They lie apart, so that the memory of those that no call ever
// used is never touched.
struct rtp_more {
	struct rtp_end ends[2][RTP_STREAMS_MAX - 1];
};
struct rtp_session {
	uint8_t streams;       // that were spoken of so far: those in `more` are made then
	struct rtp_more *more; // borrowed
	uint16_t silent_s; // told of a side that is quiet for so long; 0: never
	struct random random;
	uint64_t name; // in reports of our own
	struct rtp_side sides[2];
};

struct rtp_arrival {
	uint8_t side, stream;
	bool control; // on the RTCP port
	struct addr from;
	uint8_t *data; // changed in place; there is room for SRTP_GROWTH_MAX octets behind it
	uint32_t n;    // more than RTP_PACKET_MAX: dropped
	uint64_t now_us; // monotonic, never 0
};
struct rtp_departure {
	uint8_t side, stream;
	bool control;
	struct addr to;
	uint8_t *data; // the arrival's memory, or the frame's
	uint32_t n;
};
enum rtp_news_kind { RTP_NEWS_NONE, RTP_NEWS_KEY, RTP_NEWS_PLAYED, RTP_NEWS_SILENT };
struct rtp_news {
	uint8_t kind, side;
	char digit;        // KEY
	uint16_t silent_s; // SILENT
};

// `more` need not be zeroed, and belongs to the session as long as that is used. `seed`: of SSRCs and first numbers.
void rtp_session_init(struct rtp_session *s, struct rtp_more *more, uint64_t seed);
// Gives back what its streams own; keys are wiped.
void rtp_session_fini(struct rtp_session *s);
// The keys of a stream, from now on; suite PLAIN: it is in the clear. To be told before the remote that they belong to.
void rtp_session_keys(struct rtp_session *s, uint32_t side, uint32_t stream, const struct srtp_keys *keys);
// Opens the window of the latch; form NONE forgets the stream's remote wholly, its keys too.
void rtp_session_remote(struct rtp_session *s, uint32_t side, uint32_t stream, const struct rtp_remote *r,
                        uint64_t now_us);
void rtp_session_map(struct rtp_session *s, uint32_t side, uint32_t stream, const struct rtp_map *map);
MUST_CHECK enum err rtp_session_play(struct rtp_session *s, uint32_t side, const struct sound *sound, bool after);
void rtp_session_stop(struct rtp_session *s, uint32_t side);
MUST_CHECK enum err rtp_session_key(struct rtp_session *s, uint32_t side, char digit, uint16_t ms);

// A datagram came. True: *out is to be sent. *news may carry something either way.
bool rtp_session_input(struct rtp_session *s, const struct rtp_arrival *in, struct rtp_departure *out,
                       struct rtp_news *news);
// Is there something of our own to be sent to this side? Then rtp_session_tick wants to be called every 20 ms.
bool rtp_session_busy(const struct rtp_session *s, uint32_t side);
bool rtp_session_tick(struct rtp_session *s, uint32_t side, uint64_t now_us, uint8_t frame[RTP_FRAME],
                      struct rtp_departure *out, struct rtp_news *news);
// RTCP to a side that has heard nobody but us: who is connected to another side hears its reports. To be called now and
// then while something plays, and with `last` at the end of the session. True: *out is to be sent.
bool rtp_session_report(struct rtp_session *s, uint32_t side, bool last, uint64_t now_us, uint8_t frame[RTP_FRAME],
                        struct rtp_departure *out);
// From now on a side that falls silent is told of; 0: no more.
void rtp_session_watch(struct rtp_session *s, uint16_t silent_s, uint64_t now_us);
// Looks for silence; to be called now and then, each second will do. RTP and RTCP are signs of life alike, so that a
// telephone which suppresses its silences is not taken for a dead one. Silent is only who may both talk and listen (a
// hold is no silence), and who was ever heard: one that never was may just be unable (a listener, a firewall), unless
// the other side is quiet for as long, so that nobody is left who could miss anything. Told again when it lasts.
void rtp_session_look(struct rtp_session *s, uint32_t side, uint64_t now_us, struct rtp_news *news);

struct rtp_leg_stats {
	uint64_t rx_bytes, tx_bytes;
	uint32_t rx_packets, tx_packets, rx_lost, rx_jitter_us, refused;
	int32_t far_lost;
	uint32_t far_jitter_us;
};
// Of the voice, else of the first stream.
void rtp_session_stats(struct rtp_session *s, uint32_t side, struct rtp_leg_stats *out);
