// What a call leaves behind: the record that the journal keeps at answer and at release, and that becomes a CDR.
#pragma once

#include "base/addr.h"
#include "call/model/cause.h"
#include "call/model/number.h"
#include "call/model/trail.h"

#define RECORD_TEXT_MAX 128
#define RECORD_LADDER_MAX 64
#define RECORD_DIALOG_MAX 2048

enum record_kind {
	RECORD_ANSWER = 1, // the far party answered: on disk before the caller is told
	RECORD_RELEASE,    // the call ended, answered or not: the CDR
	RECORD_LIFE,       // the journal's own: this process was alive at this time
};

// What a call has to do with another one that a transfer tied it to.
enum record_tied {
	RECORD_TIED_NOT,
	RECORD_TIED_TRANSFERRED, // this party asked for the transfer and left: in its place stands the other call
	RECORD_TIED_BEGUN,       // the call was begun for it, by this party, who pays
	RECORD_TIED_JOINED,      // it was this party's second call, and it left this one too
};

#define RECORD_BY_TRANSFER 255 // as diversion_feature: who is named there sent the other party on by a transfer

struct record_media { // one side, as received from it
	uint32_t packets, octets, lost, jitter_us;
};

// What the telephone of a side reported that it heard (RFC 6035), beside what we counted: each one more than the figure,
// 0: not reported. It comes with the record when that is read, and is no part of what the journal keeps.
struct record_heard {
	uint16_t mos_lq, mos_cq;          // hundredths of MOS: listening and conversational quality
	uint16_t loss, discard;           // hundredths of a percent of packets: lost, and too late to be played
	uint16_t round_trip_ms, delay_ms; // of the network; of this end
	uint16_t jitter_ms;
};

struct record_party {
	uint32_t line, trunk_group, customer; // ids; 0 none
	struct party party;
	struct addr peer;                  // of its signalling
	char call_id[RECORD_TEXT_MAX];     // of its SIP dialog, cut
	struct record_media media;
	struct record_heard heard;
	uint64_t tied_to;                  // number of the other call; 0: none, or not known
	uint8_t tied_as;                   // enum record_tied
	uint32_t dialog_n;                 // of an ANSWER: what sends a BYE after a restart, in the leg's own form
	uint8_t dialog[RECORD_DIALOG_MAX];
};

struct call_record {
	uint8_t kind; // enum record_kind
	uint8_t released_by; // 0 caller, 1 called, 2 the switch, 3 an operator
	bool answered, emergency, unsynced, recovered;
	uint64_t call;     // its number, unique over restarts
	uint64_t sequence; // of RELEASE, without gaps; given by the journal
	uint64_t began_wall_ms, alerted_wall_ms, answered_wall_ms, ended_wall_ms; // UTC; 0 never
	uint64_t answered_for_ms; // from the monotonic clock
	struct record_party o, t;
	char dialled[NUMBER_DIGITS_MAX * 2]; // as it came
	struct number called;                // what it became
	struct number diverted_from;         // nature NUMBER_NONE: not forwarded
	uint8_t diversion_feature;           // enum office_feature, when diverted; or RECORD_BY_TRANSFER
	struct cause cause;
	char codec[24];
	uint32_t rules_version;
	uint32_t trail_n, ladder_n;
	struct trail_row trail[TRAIL_MAX];
	struct ladder_row ladder[RECORD_LADDER_MAX];
};

// What a call asks of the journal. put copies the record and returns at once; when it is on disk (or failed for good)
// the worker gets {owner, kind} back as an event. ERR_FULL: the journal cannot take it (its queue or the disk is full):
// the caller's policy decides. When `owner` is 0 nobody is told.
struct journal_ops {
	enum err (*put)(void *self, uint32_t worker, const struct call_record *r, uint64_t owner);
	bool (*healthy)(void *self); // false: commits are late or failing; new calls are refused or marked by policy
	// Could it take an answer of this worker now? If not, the call would have no record but in its own memory.
	bool (*has_room)(void *self, uint32_t worker);
};
struct journal {
	const struct journal_ops *ops;
	void *self;
};
struct journal_done {
	uint64_t owner;
	uint8_t kind;
	uint8_t err; // enum err: OK on disk
};
