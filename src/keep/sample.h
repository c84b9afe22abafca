// A sample carrier for the demo, the tests and whoever wants to look round: New Hampshire (LATA 122, open, 10 and 1+10
// digits), Maine (LATA 120, open, 7 digits serve too), Vermont (LATA 124, not open yet); customers on fictitious
// numbers (NPA-555-01XX), a trunk group "far" to the rest of the world. The same every time.
//
//     line        number           where           calling name     features
//     6035550101  +1 603 555 0101  Concord, NH     Granite Bakery   forwarding (all, busy, no answer), caller-ID block
//     6035550102  +1 603 555 0102  Concord, NH     Granite Oven     caller-ID block
//     6035550103  +1 603 555 0103  Manchester, NH  Amoskeag Legal   forwarding on busy and no answer
//     6035550104  +1 603 555 0104  Nashua, NH      Amoskeag Nashua  -
//     6035550105  +1 603 555 0105  Keene, NH       Elm City Books   suspended with its customer
//     2075550101  +1 207 555 0101  Portland, ME    Casco Boats      forwarding (all, busy, no answer), caller-ID block
//     2075550102  +1 207 555 0102  Bangor, ME      Casco Bangor     caller-ID block
//     2075550103  +1 207 555 0103  Augusta, ME     Kennebec Tea     -
//     8025550101  +1 802 555 0101  Burlington, VT  Green Mtn Cider  in a state that is not open
//
// Vacant, changed, disconnected: +16035550190, +16035550191 (now +16035550102), +16035550192; vacant: +12075550190.
#pragma once

#include "keep/provision.h"

struct sample_options {
	struct str far_peers;  // of the trunk group: "192.0.2.10:5060/0,..."; empty: to be set later
	bool emergency;        // it is marked for 911, 933 and 988
	bool random_passwords; // else each line's password is "sample-" and its name
	uint64_t wall_ms;
	// Tells each line's password, random or not; NULL: nobody wants to know.
	void (*told)(void *self, struct str line, struct str password);
	void *self;
};

// Fills an empty store (and its office) in one transaction. What is wrong stands in the answer, and nothing is done.
void sample_office(struct provision_answer *out, struct provision *p, const struct sample_options *options);
