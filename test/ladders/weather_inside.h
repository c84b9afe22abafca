// What stands behind weather.h, for its own files.
#pragma once

#include "base/random.h"
#include "ladders/weather.h"

#define FLIGHTS_MAX 4096
#define LETTERS_MAX 1024
#define PATIENCES_MAX 512

struct flight { // one datagram on its way
	uint64_t at_ms;      // when it arrives
	struct message *m;
	struct addr from;    // of a party's: it may move meanwhile
	bool doubled;        // a second copy, which may come very late
};

struct letter { // a party's message that is said until it is heard
	struct message *m;
	uint64_t next_ms, end_ms;
	uint32_t interval_ms;
	bool held; // it waits for what was said before it
	bool done;
};

struct patience { // what was lost of one transaction
	const struct actor *party;
	struct str call_id;
	uint32_t cseq, lost;
};

struct weather {
	struct random random;
	uint32_t loss, doubled; // of a hundred
	struct flight flights[FLIGHTS_MAX];
	struct letter letters[LETTERS_MAX];
	struct patience patiences[PATIENCES_MAX];
	uint32_t flight_count, letter_count, patience_count;
};

// Sends a message once more, or for the first time (weather.c).
void weather_transmit(struct ladder *l, struct message *m);

// BENEATH A PARTY (repeat.c)
// Says a message of a party, again and again where that is the custom.
void repeat_send(struct ladder *l, struct message *m);
bool repeat_step(struct ladder *l);
uint64_t repeat_next(const struct ladder *l);
bool repeat_rests(const struct ladder *l);
// A copy of a message of the switch came; `first`: none came before.
void repeat_came(struct ladder *l, struct message *m, bool first);
