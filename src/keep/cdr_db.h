// records.db: call records, how far they are loaded, registrations. Made when there is none; migrated like the office.
#pragma once

#include "keep/store_db.h"

// Errors as store_db_open.
MUST_CHECK enum err cdr_db_open(struct store_db *db, const char *path, struct store_fault *fault);
