// Weather on the way between parties and switch: what is sent is lost, doubled, delayed and passes what was sent before
// it, drawn from a seed. Beneath each party lies what a telephone has beneath it (repeat.c): it repeats what was not
// answered, answers what is repeated, and hands up each message once and in order, so that a script meets the same
// messages as in calm weather, only later. Never so much is lost that a transaction must time out:
//
//     a message leaves at 0, 0.5 and 1.5 s; two losses are the most in one transaction, both ways together, and each
//     way takes 0.2 s at most: by 1.9 s the first answer is there. With a far switch one loss is the most: 0.9 s, and
//     1.1 s for the script to speak, before the switch tries another trunk.
#pragma once

#include "ladders/ladder.h"

struct weather;

// The memory for one ladder after the other; NULL: there is none.
struct weather *weather_new(void);
struct weather *weather_free(struct weather *w);
// A new ladder under this sky: each has its own part of it.
void weather_begin(struct weather *w, uint64_t seed, struct str title);

// A party's message begins its way to the switch.
void weather_send(struct ladder *l, struct message *m);
// A datagram of the switch begins its way to a party.
void weather_receive(struct ladder *l, struct actor *to, struct str bytes);
// All that arrives and is repeated at this instant. True: something was.
bool weather_step(struct ladder *l);
// When it is next; UINT64_MAX: never.
uint64_t weather_next(const struct ladder *l);
// Parties speak in the order of the script: has the switch heard what the others said, and what this one said that is not
// repeated? What else a party says may pass what it said before.
bool weather_may_speak(const struct ladder *l, const struct actor *p);
// Is all that was said heard, and nothing on its way?
bool weather_rests(const struct ladder *l);
// The switch died: what was on its way to it is lost, and what it had said is not said again.
void weather_forget(struct ladder *l);
// How much later than at once a record is on disk, in ms.
uint64_t weather_disk_ms(struct ladder *l);
