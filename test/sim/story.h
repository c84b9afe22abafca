// A failure told: the ladder of the call concerned, its trail, what its parties saw. Of a run that kept its messages
// (plan.keep).
//
//     0.000  6035550101 (impatient) -> sw    INVITE 6035550102 sdp
//     0.012  sw -> 6035550102 (ordinary)     INVITE 6035550102 sdp     lost
#pragma once

#include "base/buf.h"
#include "sim/net.h"

// One message as a line.
void put_net_message(struct buf *b, struct sim *s, const struct net_message *m);
// At once, to stdout.
void print_net_message(struct sim *s, const struct net_message *m);
// All messages of these Call-IDs; count 0: the last ones of all.
void put_net_ladder(struct buf *b, struct sim *s, const struct str *call_ids, uint32_t count);
// The whole story of the call that sim_about named (or, if none was named, of the last messages).
void put_story(struct buf *b, struct sim *s);
