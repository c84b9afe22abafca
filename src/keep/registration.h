// Registrations over a restart: what live/location holds, saved in records.db by the control thread, put back at start.
#pragma once

#include "base/env.h"
#include "keep/store.h"
#include "live/live.h"

struct registration_store;

// Opens records.db (makes it when there is none) for registrations. Errors as store_open.
MUST_CHECK enum err registration_open(struct registration_store **out, const char *path, struct store_fault *fault);
struct registration_store *registration_close(struct registration_store *s);

// Puts back what has not expired, of lines that still are, before the workers run. *count: how many.
MUST_CHECK enum err registration_restore(struct registration_store *s, struct location *to, const struct office *office,
                                         uint32_t workers, const struct env *env, uint32_t *count);
// Saves the lines that changed since the last time, at most `max` of them; call it every second or so, and once with
// UINT32_MAX at the stop. On an error the lines stay changed. *count: how many were saved. The thread is one that
// base/rcu knows.
MUST_CHECK enum err registration_save(struct registration_store *s, struct location *from, const struct env *env,
                                      uint32_t max, uint32_t *count);
