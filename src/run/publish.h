// What others tell the switch of a line outside of any dialog: PUBLISH, and the NOTIFY that nobody subscribed to.
//
//     vq-rtcpxr (RFC 6035), from a line by its digest    ─▶ a report of quality, which finds its record by itself
//     message-summary (RFC 3842), from a voicemail trunk ─▶ the counts of live/waiting
//     anything else                                      ─▶ 489 to PUBLISH, 481 to NOTIFY
#pragma once

#include "call/leg/sip_leg.h"
#include "keep/line_state.h"

struct publish { // all borrowed
	struct env *env;
	struct sip_legs *legs; // for answers
	struct sip_stack *stack;
	const struct sip_auth *auth;
	// A report is to be kept. ERR_FULL: not now.
	enum err (*report)(void *self, const struct quality_report *r);
	void *report_self;
	// The messages of a line changed.
	void (*changed)(void *self, uint32_t line);
	void *self;
};

// A PUBLISH or NOTIFY without To tag; answers it.
void publish_request(const struct publish *p, ref txn, const struct sip_msg *m, const struct sip_source *from);
