// One engine for every state machine that is a table.
//
//     static const struct fsm_row rows[] = {
//         { IN(CALLING) | IN(PROCEEDING), RX_2XX, ACCEPTED, DO_PASS_UP },   // RFC 6026 7.2
//         ...
//     };
//
// The engine is the only place that assigns a state: it does so before the machine acts on the row that it returns.
// Rows are tried in order and the first that fits holds. An event without a row is dropped and counted.
#pragma once

#include "base/buf.h"
#include "base/count.h"

#define IN(state) (1u << (state))
#define FSM_ANY UINT32_MAX
#define FSM_SAME 0xff // as next: the state stays
// For X lists of states, events and actions: each as an enumerator, or as its name.
#define FSM_ENUM(name) name,
#define FSM_NAME(name) #name,

struct fsm_row {
	uint32_t in; // set of states
	uint8_t event, next, action;
	const char *clause; // where the standard says so
};

struct fsm {
	const char *name;
	const struct fsm_row *rows;
	uint32_t row_count;
	const char *const *states, *const *events, *const *actions; // names
	uint32_t state_count, event_count;
	struct counter *dropped;
};

// Takes the event: assigns *state and returns the row whose action is to be done, or NULL (dropped, counted).
const struct fsm_row *fsm_step(const struct fsm *m, uint8_t *state, uint32_t event);
// Writes the matrix of states and events as a Markdown table, each cell the next state and the action, "-" if dropped.
void fsm_print(struct buf *b, const struct fsm *m);
