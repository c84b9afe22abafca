// Parties: phones of lines and far switches of trunk groups, each with a character. They speak by their own means, not
// with the switch's writers; what they saw goes to the ledger.
#pragma once

#include "sim/net.h"
#include "sim/sim.h"

// How a party behaves: chances of 10,000, times in ms. The rows are character.c.
struct character {
	const char *name; // ordinary, slow, impatient, forgetful, chatty, behind NAT, rebooting, forking, mute, hostile,
	                  // wrong clock
	uint32_t share;   // how common it is
	uint32_t answer_min_ms, answer_max_ms;
	uint32_t talk_min_ms, talk_max_ms;
	uint32_t busy, declines, never_answers;    // as the called one
	uint32_t gives_up, gives_up_at_answer;     // CANCEL while it rings, CANCEL against the 200
	uint32_t no_ack, no_bye, no_bye_answer;    // forgets
	uint32_t holds, hold_in_hold, glare, reinvites; // in a call
	uint32_t rebinds_nat, reboots;             // in a call: a new port; all state gone, then it registers anew
	uint32_t contacts;                         // phones of the line: 1, or more that ring together
	uint32_t mute;                             // takes messages and says nothing for a while
	uint32_t hostile;                          // sends mutated and replayed messages of others beside its own
	uint32_t early_media, dial_tone, star_codes; // 183 with SDP; opens without digits and dials DTMF; sets features
	int32_t clock_off_s;                       // Date, Expires
};
extern const struct character characters[];
extern const uint32_t character_count;

struct parties;
// Makes a party for each line of the office and each peer of its trunk groups; they register, and begin calls at the
// plan's rate until its number of calls is reached.
struct parties *parties_new(struct sim *s);
struct parties *parties_free(struct parties *p);
void parties_start(struct parties *p);
// Begins no more calls, hangs up what stands, answers what comes; hostile ones are silent.
void parties_end(struct parties *p);
// All calls were begun, and no party has a call, a transaction or a timer of one.
bool parties_done(const struct parties *p);
// What is left, in words, for a failure.
struct buf;
void put_parties_left(struct buf *b, const struct parties *p);
uint32_t parties_begun(const struct parties *p); // calls
uint64_t parties_hostile_sequences(const struct parties *p); // of 3 to 30 messages, begun
uint32_t parties_of_line(const struct parties *p, uint32_t line); // phones that ring together
// Was this the last description that the party of a call that stands heard, and this the last that it said, and does it
// wait for no answer and owe none? By hashes.
struct ledger_call;
struct party_words {
	uint64_t heard, said;
};
bool party_agrees(const struct parties *p, const struct ledger_call *row, const struct party_words *last);
// Who listens at this address, in words, for ladders: "6035550101 (impatient)"; NULL: nobody.
const char *party_name_at(struct parties *p, const struct addr *a);
