// What two descriptions agree on, as values for the media plane.
#pragma once

#include "call/media/media.h"

// What a medium says of the voice that we know: G.711 and G.722 by their static types (RFC 3551), telephone-event at
// 8 kHz.
struct voice {
	uint8_t law;         // enum media_law: the first of G.711 that is there, else G.722
	uint8_t laws;        // which are there, as bits
	uint8_t event_pt;    // or MEDIA_PT_NONE
	uint32_t clock_hz;   // of the first codec
	struct str codec;    // name of the first codec
};
void voice_read(struct voice *v, const struct sdp_media *m);
static inline uint8_t law_pt(uint8_t law)
{
	return law == MEDIA_LAW_A ? 8 : law == MEDIA_LAW_G722 ? 9 : 0;
}

// May media go where this medium of a leg says? Not to special addresses, nor to our own, but over a tie.
bool remote_is_fit(const struct media *plane, const struct media_leg *leg, const struct sdp_media *m);

// The direction of a medium; one with the connection address 0.0.0.0 receives nothing (RFC 3264 §8.4).
uint8_t direction_of(const struct sdp_media *m);

// The far end of a stream by its description; without the clock, which is of the codec that was chosen. `peer` is
// what the other party of the agreement said, from which it is known what both understand.
void remote_read(struct media_remote *r, const struct sdp_media *m, const struct media_leg *leg,
                 const struct voice *own, const struct voice *peer);
// The same for the record of the side.
void half_read(struct media_half *h, const struct media_remote *r, const struct voice *own, const struct voice *peer,
               struct str codec);

// Payload types of packets from one side to the other, which were not negotiated with each other: the same law where it
// can be, else converted; telephone-event under the number that the receiver gave it.
void map_between(struct media_map *map, const struct media_half *from, const struct media_half *to);
