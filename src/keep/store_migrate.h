// How the tables came to be: numbered SQL files, applied in their order, each in one transaction, and never changed
// afterwards. schema_version says which a file has, with a checksum of each.
//
// A new one: migrations/NNNN_name.sql, and its name in the list of keep/meson.build.
#pragma once

#include "keep/store_db.h"

struct store_migration {
	uint32_t number;
	const char *name, *sql;
};
// In the order of their numbers; number 0 ends them. Made from migrations/ while building.
extern const struct store_migration store_migrations[];

// Applies what the database does not have yet. ERR_BAD: it is none of ours, or of a newer program, or one that was
// applied has been changed since.
MUST_CHECK enum err store_migrate(struct store_db *db, const struct store_migration *all, struct store_fault *fault);
