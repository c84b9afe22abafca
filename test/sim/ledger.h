// The ledger: what the parties saw of each call, by their own word. It is the truth that the switch's records are held
// against.
#pragma once

#include "base/addr.h"
#include "base/map.h"
#include "call/model/record.h"
#include "sim/sim.h"

enum ledger_side { LEDGER_CALLER, LEDGER_CALLED };

struct ledger_call { // one dialog of one party, as it saw it
	struct map_node node;
	char call_id[RECORD_TEXT_MAX];
	uint8_t side;          // enum ledger_side
	struct addr party;     // its address
	struct addr ear, told; // where it listens to media, and where the switch told it to send
	uint32_t line;         // id, or 0: a trunk's
	bool hostile;          // its messages may have been nonsense: nothing is promised
	bool dial_tone;        // the switch itself answered; `answered` is the far party's only when the digits got through
	bool forgets;          // it left the call without a word (no BYE, reboot): its end is not the switch's end
	char dialled[64];
	// ms of the run; 0 never
	uint64_t began_ms, rang_ms, answered_ms, ended_ms; // answered: 2xx sent or received
	uint16_t status;       // final one
	bool by_me;            // it ended the call itself
	// What else it knows. The switch got its 2xx by acked_ms, its BYE by bye_heard_ms (0: it cannot know): what the
	// switch writes down of them happened between answered_ms and acked_ms, ended_ms and bye_heard_ms.
	uint64_t acked_ms, bye_heard_ms;
	bool heard_bye;        // the switch's BYE
	bool unacknowledged;   // nobody acknowledged its 2xx for 32 s: it said BYE
	bool dialled_all;      // by DTMF: all digits were said to a port that listened
	char said[64];         // by DTMF, to a switch that listened
	bool sends, receives;  // media, as was agreed last
	bool recorded;         // the switch has a record of it, at the end of the run
};

struct ledger;
struct ledger *ledger_new(struct sim *s);
struct ledger *ledger_free(struct ledger *l);
// The party's dialog of this Call-ID, made when it is new. Stays good as long as the ledger.
struct ledger_call *ledger_call(struct ledger *l, const struct addr *party, struct str call_id, enum ledger_side side);
struct ledger_call *ledger_find(struct ledger *l, struct str call_id, enum ledger_side side); // NULL: none
struct ledger_call *ledger_each(struct ledger *l, uint32_t *at); // from 0; NULL past the last
