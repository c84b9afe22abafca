// The event packages that a phone may subscribe to (RFC 6665), each a row: what its state is now, as a number that
// changes when it does, and as a body. Every body tells all of the state.
#pragma once

#include "live/live.h"
#include "office/office.h"
#include "run/watched_lines.h"

// id, name, type of the body, and where it is said
#define EVENT_PACKAGES(X)                                                                                              \
	X(DIALOG, dialog, "dialog", "application/dialog-info+xml")                      /* RFC 4235 */                     \
	X(MESSAGES, messages, "message-summary", "application/simple-message-summary")  /* RFC 3842 */                     \
	X(REGISTRATION, registration, "reg", "application/reginfo+xml")                 /* RFC 3680 */
#define EVENT_PACKAGE_ENUM(id, fn, name, type) PACKAGE_##id,
enum event_package { EVENT_PACKAGES(EVENT_PACKAGE_ENUM) EVENT_PACKAGE_COUNT };

struct event_view { // borrowed: what is looked at
	const struct watched_line *line;
	const struct live *live;
	uint64_t now_ms;
	struct str entity; // the URI that was subscribed to
	struct str realm;  // host part of URIs of numbers
	uint32_t version;  // of the body: more with each
};

// The package of an Event header's token; EVENT_PACKAGE_COUNT: none of ours.
enum event_package event_package_from(struct str name);
struct str event_package_name(enum event_package p);
struct str event_package_type(enum event_package p);
// "dialog, message-summary, reg": of Allow-Events (RFC 6665 8.2.2).
void put_event_packages(struct buf *b);
// Never 0.
uint64_t event_print(enum event_package p, const struct event_view *v);
void put_event_body(struct buf *b, enum event_package p, const struct event_view *v);
// Text inside XML, between tags or quotes: what must be escaped is; control octets and what is no UTF-8 become '?'.
void put_xml(struct buf *b, struct str text);
