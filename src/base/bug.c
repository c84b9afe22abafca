// Only in builds with -Dbugs=true.
#include "base/bug.h"

const char *bug_awake = "";
