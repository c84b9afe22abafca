// Commands and news of the media plane, as the session of wire/rtp understands them: one place for the media threads
// and for the simulated plane.
#pragma once

#include "call/model/media.h"
#include "wire/rtp/session.h"

// Carries out a command that concerns the session itself: all but CLOSE. What cannot be done (a sound that is
// none, a full queue) is left undone and counted.
void media_command_do(struct rtp_session *s, const struct media_command *c, uint64_t now_us);
// The event for a piece of news; owner and session are the caller's to fill in. News of kind NONE make none: false.
bool media_event_of(struct media_event *out, const struct rtp_news *news);
// What both legs sent and got, for CLOSED.
void media_stats_of(struct media_event *out, struct rtp_session *s);
