// The trail: each decision of a call as one row of 16 octets, made into words when someone asks.
#pragma once

#include "base/env.h"
#include "call/model/cause.h"
#include "call/model/number.h"

// kind; words, in which $a and $b are replaced by the row's operands, told by the third and fourth column:
// N a number as it is, L line, T trunk group, R route, F feature, C cause, D dialling class, P prompt or tone, S SIP
// status, K rate centre, I invariant of a call, E encryption of media, - unused. "(s)" is left out after a 1. The
// rule's version stands beside each row.
#define TRAIL_KINDS(X)                                                                                                 \
	X(LINE_CALLS, "line $a opens a call", 'L', '-')                                                                    \
	X(TRUNK_CALLS, "trunk group $a brings a call", 'T', '-')                                                           \
	X(LINE_SUSPENDED, "line $a is suspended: only emergency and repair may be called", 'L', '-')                       \
	X(STATE_CLOSED, "rate centre $a lies in a state that is not open", 'K', '-')                                       \
	X(LINE_FULL, "line $a has its $b call(s) already", 'L', 'N')                                                       \
	X(DIAL_TONE, "gets dial tone", '-', '-')                                                                           \
	X(DIGIT_TIMEOUT, "no digit for $a ms after $b digit(s)", 'N', 'N')                                                 \
	X(DIALLED, "$b digit(s) dialled: $a", 'D', 'N')                                                                    \
	X(NUMBER_INVALID, "the number is not valid: cause $a", 'C', '-')                                                   \
	X(SEVEN_NOT_SERVED, "7 digits do not serve in area code $a", 'N', '-')                                             \
	X(NUMBER_OF_LINE, "the number is that of line $a", 'L', '-')                                                       \
	X(NUMBER_VACANT, "the number is ours and vacant", '-', '-')                                                        \
	X(NUMBER_CHANGED, "the number is ours and has changed", '-', '-')                                                  \
	X(NUMBER_DISCONNECTED, "the number is ours and disconnected", '-', '-')                                            \
	X(NUMBER_NOT_OURS, "the number is none of ours, and no call goes from trunk to trunk", '-', '-')                   \
	X(NUMBER_INCOMPLETE, "$a digit(s): not enough", 'N', '-')                                                          \
	X(ONE_IN_ERROR, "1 is dialled where none belongs", '-', '-')                                                       \
	X(NOT_OFFERED, "the service dialled is not offered", '-', '-')                                                     \
	X(NUMBER_FOREIGN, "the number is another network's", '-', '-')                                                     \
	X(STAR_CODE, "star code $a for feature $b", 'N', 'F')                                                              \
	X(FEATURE_REFUSED, "feature $a is not subscribed", 'F', '-')                                                       \
	X(FEATURE_SET, "feature $a is set", 'F', '-')                                                                      \
	X(FEATURE_CLEARED, "feature $a is cleared", 'F', '-')                                                              \
	X(CALLER_ID_BLOCKED, "the caller's number is withheld", '-', '-')                                                  \
	X(FORWARDED, "feature $a of line $b forwards the call", 'F', 'L')                                                  \
	X(FORWARD_LOOP, "forwarded $a time(s): no further", 'N', '-')                                                      \
	X(EMERGENCY, "an emergency call: no limit, screening or feature applies", '-', '-')                                \
	X(NO_EMERGENCY_TRUNK, "no trunk group is marked for emergency calls", '-', '-')                                    \
	X(ROUTE, "route $a answers, $b choice(s)", 'R', 'N')                                                               \
	X(NO_ROUTE, "no route answers", '-', '-')                                                                          \
	X(TRUNK_CHOSEN, "trunk group $a is tried, peer $b", 'T', 'N')                                                      \
	X(TRUNK_OUT_OF_SERVICE, "trunk group $a is out of service", 'T', '-')                                              \
	X(TRUNK_SILENT, "trunk group $a, peer $b does not answer OPTIONS", 'T', 'N')                                       \
	X(TRUNK_FULL, "trunk group $a has its $b call(s) already", 'T', 'N')                                               \
	X(TRUNK_FAILED, "trunk group $a refuses: cause $b", 'T', 'C')                                                      \
	X(TRUNK_NO_ANSWER, "trunk group $a is silent for $b ms", 'T', 'N')                                                 \
	X(NOT_REGISTERED, "line $a has no phone registered", 'L', '-')                                                     \
	X(PHONES, "line $a is rung on $b phone(s)", 'L', 'N')                                                              \
	X(PHONE_REFUSED, "phone $a answers $b", 'N', 'S')                                                                  \
	X(ALERTING, "the far party is alerted", '-', '-')                                                                  \
	X(ANSWERED, "leg $a answers", 'N', '-')                                                                            \
	X(ANSWER_UNSYNCED, "the answer's record was not on disk after $a ms: passed on, marked", 'N', '-')                 \
	X(NO_ANSWER, "no answer after $a ms", 'N', '-')                                                                    \
	X(RECORDS_LATE, "records reach the disk late: no new call is taken", '-', '-')                                     \
	X(ABANDONED, "the caller gives up", '-', '-')                                                                      \
	X(RELEASED_BY_CALLER, "the caller hangs up: cause $a", 'C', '-')                                                   \
	X(RELEASED_BY_CALLED, "the called party hangs up: cause $a", 'C', '-')                                             \
	X(RELEASED_BY_SWITCH, "the switch releases: cause $a", 'C', '-')                                                   \
	X(RELEASED_BY_OPERATOR, "an operator released the call", '-', '-')                                                 \
	X(TREATMENT, "the caller hears $a", 'P', '-')                                                                      \
	X(HELD, "side $a holds", 'N', '-')                                                                                 \
	X(RESUMED, "side $a resumes", 'N', '-')                                                                            \
	X(MEDIA_REFUSED, "the media offer is refused: cause $a", 'C', '-')                                                 \
	X(NO_MEDIA_PORTS, "no media port is free", '-', '-')                                                               \
	X(CALL_TOO_LONG, "longer than $a s", 'N', '-')                                                                     \
	X(INVARIANT, "an invariant of the call broke, and it is given up: $a", 'I', '-')                                   \
	X(RECOVERED, "closed at restart, at the last proof of life", '-', '-')                                             \
	X(MEDIA_SILENT, "nothing has been heard from this side for $a s: it is gone", 'N', '-')                            \
	X(NO_MEDIA_MEMORY, "no memory is left for what the sides say of their media", '-', '-')                            \
	X(ON_RESERVE, "the switch takes no new call but to 911, which may be dialled yet", '-', '-')                       \
	X(CAME_FORWARDED, "the call was forwarded $a time(s) before it came here", 'N', '-')                               \
	X(TRANSFER_ASKED, "line $a asks to transfer the call to $b digit(s) that it dials", 'L', 'N')                      \
	X(TRANSFER_JOIN, "line $a asks to join the call with another one of its own", 'L', '-')                            \
	X(TRANSFER_REFUSED, "the transfer is refused: cause $a", 'C', '-')                                                 \
	X(TRANSFER_ALERTS, "the target of the transfer is alerted", '-', '-')                                              \
	X(TRANSFER_FAILED, "the transfer fails: cause $a", 'C', '-')                                                       \
	X(TRANSFER_LEFT, "line $a hangs up before the transfer is done, which goes on", 'L', '-')                          \
	X(TRANSFERRED, "line $a leaves: its place is taken by the other call of the transfer", 'L', '-')                   \
	X(ON_BEHALF, "line $a opens it by a transfer, and pays", 'L', '-')                                                 \
	X(MEDIA_SECURED, "the media of this side are encrypted with $a", 'E', '-')                                         \
	X(MEDIA_BARE, "the media of this side are encrypted no more", '-', '-')                                            \
	X(MEDIA_NOT_SECURE, "the media of this side must be encrypted, and would not be", '-', '-')                        \
	X(MEDIA_KEYS_BARE, "the media of this side must be encrypted, and their keys would go in the clear", '-', '-')     \
	X(TAKEN_OVER, "line $a takes the place of line $b", 'L', 'L')                                                      \
	X(UNREFRESHED, "this side did not say within $a s that its session still stands: it is gone", 'N', '-')            \
	X(PLAYS_WIDE, "what we play to this side is made in G.722, which is all that it speaks", '-', '-')                 \
	X(CANNOT_PLAY, "nothing can be played to this side: it speaks neither G.711 nor G.722", '-', '-')
#define TRAIL_TONE 0x100u // of a P operand: it is a tone, not an announcement
#define TRAIL_ENUM(id, words, a, b) TRAIL_##id,
enum trail_kind { TRAIL_KINDS(TRAIL_ENUM) TRAIL_KIND_COUNT };

struct trail_row {
	uint32_t at_ms;   // since the call began
	uint8_t kind, side; // side: 0 O, 1 T
	uint16_t version; // of the rules that answered, low 16 bits
	uint32_t a, b;
};
_Static_assert(sizeof(struct trail_row) == 16, "a decision is 16 octets");

#define TRAIL_MAX 48 // rows of a call; the last is kept for the end
struct trail {
	uint64_t began_ms;
	uint32_t n;
	struct trail_row rows[TRAIL_MAX];
};
// A cause as an operand, and back.
static inline uint32_t trail_cause(struct cause c)
{
	return (uint32_t)c.standard << 16 | (uint32_t)c.location << 8 | c.value;
}
static inline struct cause trail_cause_of(uint32_t operand)
{
	return (struct cause){ .standard = (uint8_t)(operand >> 16), .value = (uint8_t)operand,
		.location = (uint8_t)(operand >> 8) };
}

// Adds a row. When all are taken the newest takes the place of the last, so that the end of the call is always there.
void trail_add(struct trail *t, uint64_t now_ms, uint8_t side, uint32_t version, enum trail_kind kind, uint32_t a,
               uint32_t b);

// Names for ids, given by whoever has the office at hand; each writes the name or nothing.
struct trail_names {
	void *self;
	void (*put_name)(void *self, struct buf *b, char what, uint32_t id); // what: the column's letter
};
// One row in words, without time and line end. Where names (which may be NULL) have none, the number stands.
void put_trail_row(struct buf *b, const struct trail_row *row, const struct trail_names *names);

// The ladder of a call in short form: one message, 24 octets.
struct ladder_row {
	uint32_t at_ms;   // since the call began
	uint8_t leg;      // 0 the caller's; 1 and up the called ones
	uint8_t out;      // 1: sent by us
	uint8_t protocol; // enum ladder_protocol
	uint8_t body;     // 1: carries a media description
	uint16_t method;  // the protocol's request; of a response the request that it answers
	uint16_t status;  // 0: a request
	uint32_t cseq;
	uint32_t bytes;
	uint32_t text;    // offset in the full trace, or UINT32_MAX
};
_Static_assert(sizeof(struct ladder_row) == 24, "a message is 24 octets");
enum ladder_protocol { LADDER_SIP, LADDER_MGCP, LADDER_ISUP };
