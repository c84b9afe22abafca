// What stands in the configuration file and can be read, and yet will not work: told by `dialtone check`, and by the log
// of a start.
#pragma once

#include "keep/store.h"
#include "run/config.h"

// Certificates that cannot be used (errors), have ended or will within 30 days; peers of trunk groups, if there are
// rules, that no listener can reach. Reads the files of TLS.
struct store_findings config_check(const struct config *c, const struct office_rules *rules, store_report *report,
                                   void *self);
