// The node: workers on threads with their sockets, the media plane, the journal, and the control thread's way to them.
//
//     sockets ─▶ worker thread ─▶ struct worker ─▶ outbox ─▶ sockets         one a core
//                  ▲  ▲  ▲
//       mail ──────┘  │  └── journal_done                what crosses threads is a value on a ring and a wake-up
//     (packets, jobs) └── media events
#pragma once

#include "keep/provision.h"
#include "run/config.h"
#include "run/control.h"

struct node_setup { // borrowed
	const struct config *config;
	struct office *office;
	struct provision *provision; // for features set from phones; used on the control thread
	uint32_t ask_ms;             // how long a worker may take to answer the control thread; 0: CONTROL_WAIT_MS
};

struct node;
// Opens journal, records and sockets, puts back registrations, starts media and workers, ends the calls that a crash
// cut off. On an error `why` says what in a sentence, and all is closed again.
// ERR_EXISTS: a port is in use; others as wire/net says.
MUST_CHECK enum err node_start(struct node **out, const struct node_setup *setup, struct buf *why);
// For the API; used on the control thread only.
struct control node_control(struct node *n);
// No new call is taken from now on; those that stand may finish, for so long. It is drained when they have, or may no
// more.
void node_drain(struct node *n, uint32_t limit_ms);
bool node_is_drained(const struct node *n);
uint32_t node_calls(struct node *n);
// Releases what still stands (cause 41, a record each), stops the threads and closes all. NULL is fine; returns NULL.
struct node *node_stop(struct node *n);
