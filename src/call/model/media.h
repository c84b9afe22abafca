// What a call may ask of the media plane, as values: sessions with two sides, their ports, what is sent where, tones,
// digits, statistics. The plane runs elsewhere (threads of its own, or the simulator); every function here returns at
// once, and what happens later comes back as an event.
//
//     leg O ── side A ┌─────────┐ side B ── leg(s) T
//      phone  ◀─RTP──▶│ session │◀──RTP─▶  phone, trunk
//                     └─────────┘
//        tones and prompts can be played to either side, digits collected from either; a side may be alone
#pragma once

#include "base/addr.h"
#include "base/pool.h"

#define MEDIA_STREAMS_MAX 4 // of one session: audio, video, a fax, a second video

enum media_side { MEDIA_A, MEDIA_B, MEDIA_SIDES };

static inline enum media_side media_other(enum media_side side)
{
	return side == MEDIA_A ? MEDIA_B : MEDIA_A;
}

// The precise tone plan: what can be heard. The rows (frequencies, levels, cadences) are call/media/tone_plan.c.
#define MEDIA_TONES(X)                                                                                                 \
	X(DIAL) X(RECALL_DIAL) X(STUTTER_DIAL) X(CONFIRMATION) X(RINGBACK) X(BUSY) X(REORDER) X(CALL_WAITING)              \
	X(CALL_WAITING_ALERT) X(OFF_HOOK) X(BUSY_VERIFICATION) X(RECORDING_WARNING) X(MILLIWATT)                           \
	X(SIT_IC) X(SIT_VC) X(SIT_RO1) X(SIT_RO2) X(SIT_NC1) X(SIT_NC2) X(SIT_IO)                                          \
	X(MF_1) X(MF_2) X(MF_3) X(MF_4) X(MF_5) X(MF_6) X(MF_7) X(MF_8) X(MF_9) X(MF_0) X(MF_KP) X(MF_ST) X(MF_ST1)        \
	X(MF_ST2) X(MF_ST3)
#define MEDIA_TONE_ENUM(name) MEDIA_TONE_##name,
enum media_tone { MEDIA_TONE_NONE, MEDIA_TONES(MEDIA_TONE_ENUM) MEDIA_TONE_COUNT };

// Announcements; the words are call/media/prompts.tab, one row for each of these.
#define MEDIA_PROMPTS(X)                                                                                               \
	X(VACANT) X(NOT_IN_SERVICE) X(CARRIER_CANNOT) X(CANNOT_COMPLETE) X(DIAL_AREA_CODE) X(NO_PREFIX) X(MUST_DIAL_1)     \
	X(NO_ANSWER) X(REJECTED) X(CHANGED) X(TROUBLE) X(INCOMPLETE) X(CIRCUITS_BUSY) X(CARRIER_CIRCUITS_BUSY)             \
	X(NOT_ALLOWED) X(HANG_UP) X(SUSPENDED) X(NO_EMERGENCY_TRUNK) X(NO_OPERATOR) X(NO_SERVICE_CODE) X(STAR_CODE_BAD)    \
	X(FORWARDING_ON) X(FORWARDING_OFF) X(FORWARDING_BAD) X(LINE_BUSY_LIMIT) X(GOODBYE)
#define MEDIA_PROMPT_ENUM(name) MEDIA_PROMPT_##name,
enum media_prompt { MEDIA_PROMPT_NONE, MEDIA_PROMPTS(MEDIA_PROMPT_ENUM) MEDIA_PROMPT_COUNT };

// The codecs that we make and understand, as bits: how tones are encoded toward a side. G.711 first, where there is a
// choice.
enum media_law { MEDIA_LAW_NONE, MEDIA_LAW_MU = 1, MEDIA_LAW_A = 2, MEDIA_LAW_G722 = 4 };
// What a stream is made of.
enum media_form {
	MEDIA_FORM_NONE,  // nothing passes
	MEDIA_FORM_AUDIO, // RTP; tones and digits can be played, numbering stays continuous over changes of source
	MEDIA_FORM_RTP,   // other RTP, passed as it is (video, text)
	MEDIA_FORM_RAW,   // datagrams that are no RTP, passed as they are (T.38 over UDPTL)
};
#define MEDIA_PT_NONE 0xff

// Where the far end of one stream of a side is, and what it understands. Taking it opens the window in which its
// source address may be learnt (the window's rules: wire/rtp/latch.h).
struct media_remote {
	struct addr rtp, rtcp;   // by its SDP; family 0: not known, or it must not be sent to
	struct addr signalling;  // where its signalling comes from, a second host to learn from; family 0: none
	uint8_t form;            // enum media_form
	bool send, receive;      // may we send to it, do we take from it (a hold is a direction)
	uint8_t law, law_pt;     // enum media_law and its payload type, for what we play; MEDIA_LAW_NONE: cannot play
	uint8_t event_pt_out;    // telephone-event (RFC 4733) as it understands it, and
	uint8_t event_pt_in;     // as we said that it should send it; or MEDIA_PT_NONE
	uint32_t clock_hz;       // of the RTP timestamp
};

// SRTP of one stream of a side (RFC 3711, RFC 7714), told before the REMOTE that it belongs to: the same keys again change
// nothing, PLAIN ends it.
#define MEDIA_SUITES(X)                                                                                                \
	X(AEAD_AES_256_GCM) X(AEAD_AES_128_GCM) X(AES_CM_128_HMAC_SHA1_80) X(AES_CM_128_HMAC_SHA1_32)
#define MEDIA_SUITE_ENUM(name) MEDIA_##name,
enum media_suite { MEDIA_PLAIN, MEDIA_SUITES(MEDIA_SUITE_ENUM) MEDIA_SUITE_COUNT };
#define MEDIA_KEY_MAX 44
struct media_keys { // master keys, each followed by its salt
	uint8_t suite; // enum media_suite
	uint8_t in[MEDIA_KEY_MAX], out[MEDIA_KEY_MAX];
};

// Renumbering of payload types in packets sent *to* a side, when the legs were not negotiated end to end. With an empty
// list all pass as they are; with a list, only what it names.
#define MEDIA_MAP_MAX 8
struct media_map {
	uint8_t count;
	struct {
		uint8_t from, to;         // payload types
		uint8_t law_from, law_to; // enum media_law; the same (or NONE): as it is
	} pairs[MEDIA_MAP_MAX];
};

// Something to be heard: a tone, or a prompt with its special information tone before it.
struct media_play {
	uint8_t tone;   // enum media_tone, or
	uint8_t prompt; // enum media_prompt
	uint8_t times;  // a finite tone or prompt: how often (0: for ever); an endless tone plays until stopped
	bool after;     // after what plays now (up to four wait), else in place of it all
};

#define MEDIA_COMMANDS(X)                                                                                              \
	X(KEYS) X(REMOTE) X(MAP) X(PLAY) X(STOP) X(COLLECT) X(DIGIT) X(WATCH) X(CLOSE)
#define MEDIA_COMMAND_ENUM(name) MEDIA_DO_##name,
enum media_command_kind { MEDIA_COMMANDS(MEDIA_COMMAND_ENUM) MEDIA_DO_COUNT };

struct media_command {
	uint8_t kind; // enum media_command_kind
	uint8_t side; // enum media_side
	uint8_t stream;
	union {
		struct media_keys keys;     // KEYS
		struct media_remote remote; // REMOTE
		struct media_map map;       // MAP: for packets to this side
		struct media_play play;     // PLAY to this side; MEDIA_EV_PLAYED follows when it ends by itself
		bool on;                    // COLLECT digits from this side, or no more
		struct {                    // DIGIT to this side: RFC 4733 where it is understood, else in-band
			char digit;             // 0-9 * # A-D
			uint16_t ms;            // 0: the usual
		} digit;
		uint16_t silent_s;              // WATCH both sides for silence; 0: no more
	}; // STOP: nothing plays to this side any more. CLOSE: MEDIA_EV_CLOSED follows.
};

// What one leg sent and got, as seen here, over the audio stream (else the first). RFC 3550 A.3, A.8.
struct media_leg_stats {
	uint64_t rx_bytes, tx_bytes; // RTP, with headers
	uint32_t rx_packets, tx_packets;
	uint32_t rx_lost;      // expected and never come
	uint32_t rx_jitter_us; // interarrival, at the end
	uint32_t refused;      // not from the leg, or not to be understood: dropped
	int32_t far_lost;      // of what we sent: as the leg's own RTCP says; 0 when it says nothing
	uint32_t far_jitter_us;
};

enum media_event_kind {
	MEDIA_EV_DIGIT,  // a digit began at this side (told once, at its first packet, so that dial tone breaks at once)
	MEDIA_EV_PLAYED, // all that was to be played to this side is over, or it cannot hear what we play
	MEDIA_EV_SILENT, // neither RTP nor RTCP came from this side for as long as WATCH said (wire/rtp/session.h)
	MEDIA_EV_CLOSED, // the last event of a session; its ports are free again
};

struct media_event {
	uint64_t owner; // as given at open
	ref session;
	uint8_t kind; // enum media_event_kind
	uint8_t side;
	char digit;                              // DIGIT
	uint16_t silent_s;                       // SILENT
	struct media_leg_stats legs[MEDIA_SIDES]; // CLOSED
};

// Which local ports a session wants.
struct media_want {
	uint8_t side;   // enum media_side
	uint8_t family; // 4 or 6
	uint8_t count;  // of streams, from 0
	bool emergency; // may have those that are kept for emergency calls
};

// The media plane as one worker sees it. An implementation embeds it as its first member.
struct media {
	const struct media_ops *ops;
	bool loopback; // the switch itself is bound to loopback: addresses there are no attack
};

struct media_ops {
	// A session without ports, for the object that `owner` names (a handle of the caller's). ERR_FULL: no more.
	enum err (*open)(struct media *m, ref *session, uint64_t owner);
	// Makes sure that a side has the local ports that it wants and tells them: RTP on an even port, RTCP on the next.
	// Asked again, the same. ERR_FULL: no port is free, or no address of that family.
	enum err (*ports)(struct media *m, ref session, const struct media_want *want, struct addr rtp[MEDIA_STREAMS_MAX]);
	// Hands over a command. After CLOSE the handle finds nothing. ERR_NOT_FOUND: no such session. ERR_FULL: the plane
	// is behind (a CLOSE is never refused for that: it is done later).
	enum err (*tell)(struct media *m, ref session, const struct media_command *command);
	// The next event for this worker, or false.
	bool (*take)(struct media *m, struct media_event *out);
	// Octets that nobody can guess, for keys. ERR_SYSTEM: there are none.
	enum err (*secret)(struct media *m, uint8_t *out, uint32_t n);
	// Is this an address of ours (a media port, a signalling or control port)? Media is never sent there.
	bool (*is_own)(const struct media *m, const struct addr *a);
};
