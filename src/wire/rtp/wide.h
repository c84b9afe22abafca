// G.722 at 64 kbit/s, by spandsp, as sound of 8 kHz: its lower band, which is what a tone of ours is made of and what
// G.711 could carry on. An octet of it is a sample of ours, and its RTP clock says 8,000 Hz too (RFC 3551 §4.5.2).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct wide; // what encoder and decoder remember of one stream

// Both make *w when it is NULL. False: there is no memory.
bool wide_encode(struct wide **w, uint8_t *out, const int16_t *samples, uint32_t n);
bool wide_decode(struct wide **w, int16_t *out, const uint8_t *octets, uint32_t n);
// NULL is fine; returns NULL.
struct wide *wide_free(struct wide *w);
