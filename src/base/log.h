// Structured logs: one JSON object a line, to stderr (journald takes it from there).
//
//     LOG(WARN, "trunk_silent", LOG_TEXT("no answer to OPTIONS"), LOG_STR("trunk", name), LOG_U64("for_ms", ms));
//
// No secret and no raw control octet ever reaches a line: values are escaped as JSON.
#pragma once

#include "base/addr.h"

#include <stdatomic.h>

#define LOG_LEVELS(X) X(ERROR) X(WARN) X(INFO) X(DEBUG)
#define LOG_ENUM(name) LOG_##name,
enum log_level { LOG_LEVELS(LOG_ENUM) LOG_LEVEL_COUNT };

struct log_field {
	const char *name; // NULL ends a list
	enum { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_ADDR } kind;
	struct str text;
	uint64_t number;
	const struct addr *addr;
};
#define LOG_STR(name_, s) ((struct log_field){ .name = (name_), .kind = LOG_FIELD_STR, .text = (s) })
#define LOG_Z(name_, z) LOG_STR(name_, str_from(z))
#define LOG_U64(name_, v) ((struct log_field){ .name = (name_), .kind = LOG_FIELD_U64, .number = (v) })
#define LOG_ADDR(name_, a) ((struct log_field){ .name = (name_), .kind = LOG_FIELD_ADDR, .addr = (a) })

// What is above the level is not written; INFO at start. The control thread sets it, all read it.
extern _Atomic enum log_level log_level;
// Where lines go besides stderr, for tests and the tail that the console shows; NULL for nowhere.
typedef void log_sink(enum log_level level, struct str line);
extern log_sink *log_also;
// No line to stderr (tests).
extern bool log_quiet;

// What happened in words; the first field of every line.
#define LOG_TEXT(z) LOG_Z("text", z)

#define LOG(level, event, ...)                                                                                         \
	do {                                                                                                               \
		if (LOG_##level <= atomic_load_explicit(&log_level, memory_order_relaxed))                                     \
			log_write(LOG_##level, event, (const struct log_field[]){ __VA_ARGS__, { 0 } });                           \
	} while (0)
void log_write(enum log_level level, const char *event, const struct log_field *fields);
