// Inside the CDR store: what the loader and those who ask share. Only for keep/cdr*.c.
#pragma once

#include "keep/cdr.h"
#include "keep/cdr_db.h"

struct cdr_store {
	struct store_db db;
};

// Puts one row. ERR_EXISTS: there is one of this sequence. Others as store_end.
MUST_CHECK enum err cdr_put(struct cdr_store *s, const struct call_record *r);
