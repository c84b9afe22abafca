// The switch of a ladder: one worker (src/run/worker.h) with its office, its live state, a journal in memory and a
// media plane without sockets, all on the ladder's time.
#pragma once

#include "call/model/record.h"
#include "ladders/ladder.h"
#include "office/office.h"

#define EXCHANGE_ADDR_4 "192.0.2.1:5060"
#define EXCHANGE_ADDR_6 "[2001:db8::1]:5060"
#define EXCHANGE_PASSWORD "dial-tone" // of all lines

// "office NAME": reads the rows of NAME.office, beside the ladder. False: failed.
bool exchange_office(struct ladder *l, struct str name);
// "set line 6035550101 suspended", and the other rows (office.c).
bool exchange_set(struct ladder *l, const struct item *item);
bool exchange_drop(struct ladder *l, const struct item *item);
void exchange_free(struct ladder *l);

// Whom a party stands for; fills in what the office knows of it.
bool exchange_line_actor(struct ladder *l, struct actor *p, struct str number);
bool exchange_trunk_actor(struct ladder *l, struct actor *p, struct str name, uint32_t peer);

// A packet for the switch; it answers through net_receive.
bool exchange_input(struct ladder *l, const struct packet *p);
// Completions that are due: records on disk, what media heard, features set. True: something happened.
bool exchange_step(struct ladder *l);
// Fires timers that are due at this instant; gives the next deadline.
uint64_t exchange_tick(struct ladder *l);
// Is there no record on its way to a disk that only weather makes slow?
bool exchange_disk_rests(const struct ladder *l);
// The program dies and starts again: what was on disk is there, nothing else.
bool exchange_restart(struct ladder *l);
// The program is told to stop: it takes no new call, and waits for those that stand.
bool exchange_stop(struct ladder *l);
// All given back? A sentence with what is left, or NULL.
const char *exchange_left_over(struct ladder *l);

// Replays the calls that are over (replay.c). False: one does not go as before; failed.
bool exchange_replay(struct ladder *l);

// THE JOURNAL (journal.c): "journal slow 300 ms", "journal full", "journal ok"; "cdr ..."; "trail ...".
bool journal_statement(struct ladder *l, const struct item *item);
bool journal_cdr(struct ladder *l, const struct item *item);
bool journal_trail(struct ladder *l, const struct item *item);
// A record that no cdr line named, in words; empty: none.
struct str journal_unread(struct ladder *l);
// All trails, for a failure.
void put_journal_trails(struct buf *b, struct ladder *l);

// MEDIA (media.c): "A hears B", "A dials 603".
bool media_hears(struct ladder *l, const struct item *item);
bool media_dials(struct ladder *l, const struct item *item);
