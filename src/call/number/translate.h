// What the digits that somebody dialled mean here: a pure function of the office, the caller and the digits.
//
//     dialled as one string (SIP)  ─┐                                   ┌─▶ emergency, a line of ours, another network,
//     or digit by digit (DTMF)      ├─▶ form of the plan ──▶ screening ─┤   abroad, a short code, a star code
//     #, + and separators cleaned  ─┘   (NANP §3, §4)                   └─▶ intercept: cause and announcement
//
// Asked again after every digit, it also says whether more digits must, may or need not follow. The same digits mean
// the same however they came; only `complete` (en-bloc, # or time-out) turns "may be complete" into an answer.
#pragma once

#include "call/model/cause.h"
#include "call/model/number.h"
#include "call/model/trail.h"
#include "office/office.h"

enum dialling_progress {
	DIALLING_MORE,  // not complete whatever follows: wait for the inter-digit time
	DIALLING_MAYBE, // complete as it stands (and then means what the answer says), but longer numbers begin so: wait
	                // for the critical time
	DIALLING_DONE,  // nothing more need be dialled; also every answer when `complete` was said
};

// Classes in the order of the trail's D column.
#define DIAL_CLASSES(X)                                                                                                \
	X(NONE, "nothing yet")                                                                                             \
	X(EMERGENCY, "emergency")                   /* 911, 988, 933: `called` as it stands */                             \
	X(LINE, "a line of ours")                   /* `called` in E.164, `line` */                                        \
	X(FOREIGN, "another network's number")      /* `called` in E.164, of the North American plan: to be routed */      \
	X(INTERNATIONAL, "a number abroad")         /* `called` in E.164 */                                                \
	X(SHORT, "a short code")                    /* 0, 00, N11: `called` as it stands */                                \
	X(STAR, "a star code")                      /* `star`, `feature`; what was dialled after it is in `rest` */        \
	X(INTERCEPT, "intercept")                   /* `intercept`, `cause`, `new_number` */
#define DIAL_CLASS_ENUM(id, text) DIAL_##id,
enum dial_class { DIAL_CLASSES(DIAL_CLASS_ENUM) DIAL_CLASS_COUNT };

// Why a call goes to intercept, which is also what the announcement says.
#define INTERCEPTS(X)                                                                                                  \
	X(NONE, 0, "no intercept")                                                                                         \
	X(VACANT, CAUSE_UNALLOCATED, "the number is not in service")                                                       \
	X(DISCONNECTED, CAUSE_UNALLOCATED, "the number has been disconnected")                                             \
	X(CHANGED, CAUSE_CHANGED, "the number has been changed")                                                           \
	X(CLOSED, CAUSE_UNALLOCATED, "the number lies where we do not serve yet")                                          \
	X(NEED_AREA_CODE, CAUSE_INCOMPLETE, "the area code must be dialled")                                               \
	X(ONE_IN_ERROR, CAUSE_INCOMPLETE, "the 1 need not be dialled")                                                     \
	X(INVALID, CAUSE_INCOMPLETE, "the call cannot be completed as dialled")                                            \
	X(INCOMPLETE, CAUSE_INCOMPLETE, "not enough digits were dialled")                                                  \
	X(NOT_OFFERED, CAUSE_FACILITY_REJECTED, "the service is not offered here")                                         \
	X(LINE_CLOSED, CAUSE_BARRED, "the caller's line lies where we do not serve yet")                                   \
	X(SUSPENDED, CAUSE_BARRED, "the caller's line is suspended")                                                       \
	X(NOT_OURS, CAUSE_UNALLOCATED, "a trunk asks for a number that is not ours")
#define INTERCEPT_ENUM(id, cause, text) INTERCEPT_##id,
enum intercept { INTERCEPTS(INTERCEPT_ENUM) INTERCEPT_COUNT };

enum star_action {
	STAR_NONE,
	STAR_SET,     // *72 *90 *92: subscribe the target that follows
	STAR_CLEAR,   // *73 *91 *93
	STAR_BLOCK,   // *67: withhold the number on this call, then recall dial tone or `rest`
	STAR_UNBLOCK, // *82: show it on this call
};

struct translation {
	uint8_t progress;       // enum dialling_progress
	uint8_t class;          // enum dial_class
	uint8_t intercept;      // enum intercept
	uint8_t star_code;      // STAR: 67 for *67 and 1167
	uint8_t star, feature;  // enum star_action, enum office_feature
	struct cause cause;     // of an intercept
	uint32_t line;          // LINE; also of an intercept CLOSED
	struct number called;   // what it became
	struct number new_number; // CHANGED, when it may be told
	uint8_t rest_n;
	char rest[NUMBER_DIGITS_MAX]; // STAR: the digits after the code, cleaned, to be translated next
};

struct dialling { // what is asked
	const struct office *office;
	const struct office_rules *rules;
	const struct office_line *caller;
	struct str digits; // as dialled: 0-9 * #, a leading +; space - . ( ) are left out; # at the end completes
	bool complete;     // nothing more will come: en-bloc, or a timer ran out
};

// Total: any octets get an answer. The trail gets rows when the answer is final (progress DONE), or may be NULL.
// Emergency numbers are found before anything is screened, whatever the caller's line may do.
void number_translate(struct translation *out, const struct dialling *q, struct trail *trail, const struct env *env);

struct trunk_dialling {
	const struct office *office;
	const struct office_rules *rules;
	struct str user; // user part of the request's URI: +1603..., 1603... or 603...; parameters after ; are ignored
	bool overlap;    // what looks like no number is none, since 484 would ask for more digits
};
// Whose line a trunk calls: LINE, or INTERCEPT. No transit: what is no number of ours is NOT_OURS.
void number_of_trunk_call(struct translation *out, const struct trunk_dialling *q, struct trail *trail,
                          const struct env *env);

// Is this the beginning of a number that a trunk may ask for, and not yet one (RFC 3578)?
bool number_is_begun(struct str user);

// May calls be forwarded there? Lines of ours and numbers of the North American plan, no short codes, nothing abroad.
bool number_may_be_target(const struct translation *t);

// "a line of ours", "the number has been changed"; never NULL.
const char *dial_class_text(uint8_t class);
const char *intercept_text(uint8_t intercept);
