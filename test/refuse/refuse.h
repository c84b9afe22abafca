// Between the runner (refuse.c) and what is refused (refuse.c: memory; refuse_io.c: the system and the database).
#pragma once

#include <stdbool.h>

enum refusable { REFUSE_MEMORY, REFUSE_IO };

// Is this one to be refused? errno is set for memory only.
bool refused(enum refusable what);
// From now on SQLite's files may refuse, too.
void refuse_database(void);
