// What a party is to get.
#pragma once

#include "ladders/arrow.h"

// Takes the message that an arrow to a party names, waiting if the arrow allows it. False: failed.
bool expect_arrow(struct ladder *l, const struct arrow *a);
// Takes one message as the arrow says (it came another way than from the switch, or by itself).
bool expect_take(struct ladder *l, struct message *m, const struct arrow *a);
// In weather: takes provisional responses that the script has gone past. True: one came.
bool expect_late(struct ladder *l);

// CHECKS (check.c): is it a message that the RFCs allow here? A sentence, or NULL when all is well.
const char *check_message(struct ladder *l, const struct message *m);
