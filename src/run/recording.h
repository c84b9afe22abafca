// The recording of one call: what reached it, what it found when it asked, what it sent, how it ended. Kept in memory
// while the call stands (run/inputs.h), as a text that a person can read once it is over, and read again by `dialtone
// replay` (run/replay.h).
//
//     0.000 packet from=192.0.2.10:5060        an input, with its time since the call began
//       | INVITE sip:6035550102@example SIP/2.0
//       line id=1 name=6035550101 ...          what it found: rows of the office, the live state
//       sent leg=1                             what it sent
//       | INVITE sip:6035550102@192.0.2.20 SIP/2.0
//     0.012 journal record=answer              the next input
//
// Each entry is a struct and perhaps a text. Which fields its line has is a table (recording_kind.c), from which it is
// written and read.
#pragma once

#include "base/pool.h"
#include "call/half/call.h"

#define RECORDING_BLOCK_BYTES 16384u
#define RECORDING_BLOCKS_MAX 24  // of a call: what comes later is lost, and the recording says so
#define RECORDING_TEXT_MAX 12288u // octets of one message
#define RECORDING_FILE_MAX (16u << 20) // octets of one as text

// id, word, the struct of its fields, is it an input?, does a text follow?
#define RECORDING_ENTRIES(X)                                                                                           \
	X(BEGIN, "call", entry_begin, false, false)                                                                        \
	X(LISTENER, "listener", entry_listener, false, false)                                                              \
	X(PACKET, "packet", entry_packet, true, true)                                                                      \
	X(TIMER, "timer", entry_timer, true, false)                                                                        \
	X(MEDIA, "media", entry_media, true, false)                                                                        \
	X(JOURNAL, "journal", entry_journal, true, false)                                                                  \
	X(FEATURE, "feature", entry_feature, true, false)                                                                  \
	X(TIE, "tie", entry_tie, true, true)                                                                               \
	X(RELEASE, "release", entry_release, true, false)                                                                  \
	X(RULES, "rules", entry_rules, false, false)                                                                       \
	X(LINE, "line", office_line, false, false)                                                                         \
	X(NUMBER, "number", office_number, false, false)                                                                   \
	X(TRUNK_GROUP, "trunk", office_trunk_group, false, false)                                                          \
	X(RATE_CENTRE, "rate-centre", office_rate_centre, false, false)                                                    \
	X(STATE, "state", office_state, false, false)                                                                      \
	X(NPA, "npa", office_npa, false, false)                                                                            \
	X(ROUTE, "route", office_route, false, false)                                                                      \
	X(LINE_CALLS, "line-calls", entry_lookup, false, false)                                                            \
	X(TRUNK_CALLS, "trunk-calls", entry_lookup, false, false)                                                          \
	X(PEER, "peer", entry_lookup, false, false)                                                                        \
	X(PHONES, "phones", entry_lookup, false, false)                                                                    \
	X(PHONE, "phone", entry_phone, false, true)                                                                        \
	X(REFUSED, "refused", entry_refused, false, false)                                                                 \
	X(SENT, "sent", entry_sent, false, true)                                                                           \
	X(CUT, "cut", entry_cut, false, false)                                                                             \
	X(TRAIL, "trail", trail_row, false, false)                                                                         \
	X(END, "end", entry_end, false, false)
#define ENTRY_ENUM(id, word, body, input, text) ENTRY_##id,
enum entry_kind { RECORDING_ENTRIES(ENTRY_ENUM) ENTRY_KIND_COUNT };

struct entry_begin {
	uint64_t call, began_wall_ms; // its number; UTC
	char build[24];               // the version of the program
	bool loopback;                // the switch itself is bound to loopback
};
struct entry_listener {
	uint32_t index;
	struct addr address; // as Via and Contact say it
};
struct entry_packet { // text: the message, credentials left out
	struct addr from;
	uint32_t listener;
	bool broken;   // of a stream in which nothing could be told apart from there on
	bool returned; // the beginning of one that was sent there: the network gave it back
};
struct entry_timer { // timers of the call were due
	uint8_t unused;
};
struct entry_media {
	uint8_t event, side; // enum media_event_kind, enum media_side
	char digit;
	uint16_t silent_s;
	struct record_media legs[MEDIA_SIDES];
};
struct entry_journal {
	uint8_t record; // enum record_kind
	bool failed;
};
struct entry_feature { // the answer of the control thread
	bool failed;
};
struct entry_tie { // a letter of a tie (call/leg/tie.h); text: a session description, or the leg to be replaced
	uint8_t kind, to_side, hops;
	uint8_t verb, media, refusal, signal;
	char digit;
	bool in_band;
	uint16_t digit_ms;
	uint32_t from_worker, line, trunk_group;
	uint64_t from, call;
	struct cause cause;
	char dialled[CALL_DIALLED_MAX], diverted_from[NUMBER_DIGITS_MAX + 2];
	char number[NUMBER_DIGITS_MAX + 2], name[PARTY_NAME_MAX + 1]; // of the party
	uint8_t presentation, screening, diversion_presentation;
};
struct entry_release { // at somebody's word
	bool by_operator;  // else the switch was stopped
};
struct entry_rules {
	uint32_t version;
	char name[OFFICE_NAME_MAX], realm[OFFICE_NAME_MAX];
	struct { OFFICE_SETTINGS(OFFICE_SETTING_FIELD) } settings;
};
struct entry_lookup { // see enum call_lookup_kind
	uint32_t id, peer, calls;
	bool silent;
};
struct entry_phone { // text: its contact URI
	uint32_t line, listener, q;
	struct addr peer;
};
struct entry_refused { // what was handed over could not be taken, or what was asked for was not there
	uint8_t what; // enum call_refused, then enum recording_refused
	uint8_t side, family; // of ports: enum media_side; 4 or 6
	uint32_t streams;     // of ports; of a leg its index
};
enum recording_refused { REFUSED_SESSION = REFUSED_LEG + 1, REFUSED_PORTS };
struct entry_sent { // text: the message
	uint8_t leg;    // 0 the caller's; 1 and up the called ones
};
struct entry_cut { // what follows was lost, for lack of memory
	uint32_t lost; // entries
};
struct entry_end { // the record
	struct cause cause;
	uint8_t released_by;
	bool answered, emergency, unsynced;
	uint64_t answered_for_ms;
	uint32_t o_line, o_trunk, t_line, t_trunk;
	char dialled[NUMBER_DIGITS_MAX * 2], called[NUMBER_DIGITS_MAX + 2], diverted_from[NUMBER_DIGITS_MAX + 2], codec[24];
};

struct recording_entry { // its struct follows, then its text
	struct recording_entry *next;
	struct recording_entry *row_before; // of the recorder: the row of the office that was found before this one
	uint8_t kind;  // enum entry_kind
	uint32_t at_ms; // since the call began
	uint32_t line; // of the file that it was read from
	uint32_t text_n;
};

struct recording_block { // an item of a pool
	struct recording_block *next;
	uint32_t used;
	_Alignas(8) char bytes[RECORDING_BLOCK_BYTES - 16];
};

struct recording { // lives in its first block
	struct pool *pool; // borrowed: its blocks come from here
	struct recording_block *blocks, *last_block; // owned
	uint32_t block_count, blocks_max;
	struct recording_entry *first, *last;
	uint64_t began_ms; // monotonic; of the recorder, as the next three
	uint64_t step;     // the input that came last
	struct recording_entry *last_row;          // of the office
	const struct entry_rules *rules; // the last of them
	uint32_t lost; // entries for which there was no room
};

// NULL: the pool is empty. It may take `blocks_max` of them, and one more for its end.
struct recording *recording_new(struct pool *blocks, uint32_t blocks_max);
// Gives its blocks back to the pool. NULL is fine; returns NULL.
struct recording *recording_free(struct recording *r);
// Copies a body (the struct of its kind) and a text. NULL: there is no room; after the first such entry nothing more is
// taken, but what recording_add_end adds: how the call ended is there in a recording that was cut too.
struct recording_entry *recording_add(struct recording *r, enum entry_kind kind, uint32_t at_ms, const void *body,
                            struct str text);
// For what follows the last step (CUT, TRAIL, END), at no time. NULL: its last block is full too, or the pool is empty.
struct recording_entry *recording_add_end(struct recording *r, enum entry_kind kind, const void *body);

uint32_t entry_size(enum entry_kind kind);
const char *entry_word(enum entry_kind kind);
bool entry_is_input(enum entry_kind kind);
bool entry_has_text(enum entry_kind kind);
// The struct of an entry; good as long as the recording.
void *entry_body(const struct recording_entry *e);
struct str entry_text(const struct recording_entry *e);
// The first entry of a kind at or after `e`; NULL: none.
const struct recording_entry *entry_find(const struct recording_entry *e, enum entry_kind kind);

// ---- As text -------------------------------------------------------------------------------------------------------

// Writes it as text; ERR_FULL in the writer: no room.
void put_recording(struct buf *b, const struct recording *r);
// Octets that put_recording needs at most.
uint32_t recording_text_max(const struct recording *r);

struct recording_fault {
	uint32_t line; // of the text; 0: of none
	char why[160];
};
// Reads one, as long as the pool allows. ERR_BAD: fault says where and why.
MUST_CHECK enum err recording_read(struct recording **out, struct pool *blocks, struct str text,
                                   struct recording_fault *fault);

// The text of a file, from malloc. ERR_NOT_FOUND: it is not there; ERR_SYSTEM: it cannot be read, errno says why;
// ERR_BAD: too large for a recording; ERR_FULL: no memory.
MUST_CHECK enum err recording_load(char **out, uint32_t *n, const char *path);

// A message without its secrets: the credentials of Authorization and Proxy-Authorization become "(left out)" with the
// user, the realm and the URI that they were for, and keys of media as many "A" (wire/sdp/crypto.h).
void put_without_credentials(struct buf *b, struct str message);

// ---- Its fields ----------------------------------------------------------------------------------------------------

enum field_type { FIELD_NUMBER, FIELD_YES, FIELD_TEXT, FIELD_CHAR, FIELD_ADDR, FIELD_NET, FIELD_NAME };
struct entry_field {
	const char *name;
	uint8_t type;          // enum field_type
	bool always;           // written though it is zero
	uint16_t offset, size; // in the struct
	const char *const *names; // NAME: of its values; NULL ends
};
const struct entry_field *entry_fields(enum entry_kind kind, uint32_t *count);
// One field of a body as it is written, without its name.
void put_entry_field(struct buf *b, const struct entry_field *f, const void *body);
// Reads it; false: that is not what it takes.
bool entry_field_read(void *body, const struct entry_field *f, struct str value);
