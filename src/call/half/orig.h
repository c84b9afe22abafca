// The actions of the originating half, one function each: orig_setup.c up to the called half, orig_call.c up to the
// answer and while they talk, transfer.c and takeover.c when a party is replaced, orig_end.c from the first word of the end.
#pragma once

#include "call/half/inside.h"

#define O_ACTIONS(X)                                                                                                \
	X(none) X(authorise) X(dial_tone) X(digit) X(digit_timeout) X(analyse) X(recall) X(confirm) X(select_route)     \
	X(send_call) X(progress) X(alert) X(record_answer) X(answer) X(answer_late) X(refuse_late) X(divert)            \
	X(treat) X(treat_on) X(media) X(pass_digit) X(hang_up) X(leave) X(far_hung_up) X(end) X(give_up)                \
	X(too_long) X(write_record) X(close_late) X(over)                                                               \
	X(transfer) X(refuse_transfer) X(tie) X(part) X(replace) X(refuse_replace) X(take)

// An action of a row: what the event brought stands in v (kind VERB_COUNT: nothing).
typedef void orig_action(struct call *c, const struct verb *v);
#define ORIG_ACTION(name) extern orig_action orig_##name;
O_ACTIONS(ORIG_ACTION)

// How long a record may take, ms: never without an end.
uint64_t orig_commit_ms(const struct call *c);
