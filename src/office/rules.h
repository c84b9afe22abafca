// The folder's own: a snapshot is made ready to be read.
#pragma once

#include "office/office.h"

// What a name of a far switch stands for, as it was put last.
struct office_targets {
	struct office_targets *next; // owned
	struct office_name name;
	uint32_t count;
	struct office_target targets[OFFICE_PEERS_MAX];
};
const struct office_targets *office_targets_find(const struct office_targets *all, const struct office_name *name);
// Gives each trunk group the peers that its names stand for, in place of those that it had.
void office_rules_fill(struct office_rules *rules, const struct office_targets *all);

// Sorts and checks every table and makes the index of sources; ERR_BAD as told at office_put_rules.
MUST_CHECK enum err office_rules_finish(struct office_rules *rules);
