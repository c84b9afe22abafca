// What must hold of a call between two events, each with the number under which a trail says that it broke. Trails are
// kept for years: a new one goes to the end, and the words of one that is asked no more stay.
#pragma once

#include <stdint.h>

#define CALL_INVARIANTS(X)                                                                                             \
	X(O_PASSES, "the originating half rests in a state that it only passes")                                           \
	X(O_UNTIMED, "a state of the originating half has no timer")                                                       \
	X(O_TIMED, "the originating half has a timer that its state has not")                                              \
	X(COLLECTS_CLOSED, "it collects digits from a caller whose leg is not open")                                       \
	X(ACTIVE_UNANSWERED, "it is active, and the caller was not answered")                                              \
	X(ANSWERED_UNCONNECTED, "it is answered, and the far party was not connected")                                     \
	X(ANSWERED_NEVER, "it is answered at no time")                                                                     \
	X(NO_CALLER, "it goes on without its caller")                                                                      \
	X(END_UNTIMED, "its end has no time, or a call that stands has one")                                               \
	X(MEDIA_LEFT, "it is over, and its media session is open")                                                         \
	X(T_PASSES, "the terminating half rests in a state that it only passes")                                           \
	X(T_TIMER, "the terminating half has no timer while it rings, or one while it does not")                           \
	X(RINGS_NOBODY, "it rings, and no phone does")                                                                     \
	X(ACTIVE_NO_LEG, "it is active, and no leg has answered")                                                          \
	X(RINGS_ON, "a phone rings on, though another has answered")                                                       \
	X(LEG_LEFT, "a leg outlives the terminating half")                                                                 \
	X(LINE_UNTAKEN, "the called line's place is not taken")                                                            \
	X(TRUNK_UNTAKEN, "the trunk group's place is not taken")                                                           \
	X(TAKEN_FOR_NOBODY, "a place is taken for a party that is not there")                                              \
	X(SENT_TO_NOBODY, "it is sent, and presented to nobody")                                                           \
	X(ALERTS_NOBODY, "it alerts, and nobody rings")                                                                    \
	X(ANSWERED_BY_NOBODY, "it is answered, and nobody has answered")                                                   \
	X(CALLED_FOR_NOBODY, "somebody is called in a call that calls nobody")                                             \
	X(CALLER_LEG_GONE, "its caller's leg is gone, and it was not told")                                                \
	X(CALLED_LEG_GONE, "a called leg is gone, and it was not told")                                                    \
	X(NO_TRAIL, "it has no trail")                                                                                     \
	X(TRAIL_ORDER, "the rows of its trail are out of order")
#define CALL_INVARIANT_ENUM(id, words) INVARIANT_##id,
enum call_invariant { INVARIANTS_HOLD, CALL_INVARIANTS(CALL_INVARIANT_ENUM) CALL_INVARIANT_COUNT };

// The sentence; NULL for a number of a newer program.
const char *call_invariant_text(uint32_t invariant);
