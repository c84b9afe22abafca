// Deliberate bugs: the proof that tests can fail. A build with -Dbugs=true has them all, each asleep until it is named;
// in every other build BUG is false, and the compiler leaves nothing of it.
//
//     if (c->timer_armed && !BUG(timer_left_running)) wheel_stop(...);
//
// Their list, and how soon each must be found, is test/sim/bugs.tab.
#pragma once

#include <stdbool.h>

#ifdef DIALTONE_BUGS
#include <string.h>
extern const char *bug_awake; // its name; "" for none
#define BUG(name) (strcmp(bug_awake, #name) == 0)
#else
#define BUG(name) false
#endif
