// Which m-line of one side belongs to which of the other: through the session's streams. The two sides need not have
// the same lines: a caller whose video we refused while it heard our dial tone has a dead line more.
//
//     side A: audio (stream 0)   video (dead)          side B: audio (stream 0)
#pragma once

#include "call/media/media.h"

// What passes through a medium: enum media_form; NONE where we cannot stand in the middle, or it is rejected.
uint8_t media_form_of(const struct sdp_media *m);

// The lines of a side once it has offered this: those that it had, in their streams, and new ones in free streams.
// ERR_BAD: lines are missing. ERR_REFUSED: too many, or none that we can carry.
MUST_CHECK enum err lines_of_offer(struct media_lines *out, const struct call_media *cm, enum media_side side,
                                   const struct sdp *sdp);

// The lines of the other side if that offer is passed on: those that it had, and one more for each new stream.
// sources[j]: the m-line of the offer that line j shows, or -1.
void lines_passed_on(struct media_lines *out, int8_t sources[MEDIA_LINES_MAX], const struct call_media *cm,
                     enum media_side to, const struct media_lines *from, const struct sdp *sdp);

// The lines of a side if we offer it our voice: those that it had, all dead, and the voice in its stream. The result is
// the index of the voice; -1 when there is no room.
int32_t lines_of_voice(struct media_lines *out, const struct call_media *cm, enum media_side side);

// Index of the line of a stream, or -1.
int32_t lines_find(const struct media_lines *lines, uint8_t stream);
