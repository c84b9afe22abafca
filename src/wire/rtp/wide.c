// G.722 by spandsp.
#include "wire/rtp/wide.h"

#include <spandsp/telephony.h>

#include <spandsp/g722.h>
#include <stdlib.h>

#define BITS_PER_SECOND 64000

struct wide {
	g722_encode_state_t *encoder; // owned
	g722_decode_state_t *decoder; // owned
};

static bool make(struct wide **w)
{
	if (*w) return true;
	struct wide *fresh = calloc(1, sizeof *fresh);
	if (!fresh) return false;
	fresh->encoder = g722_encode_init(NULL, BITS_PER_SECOND, G722_SAMPLE_RATE_8000);
	fresh->decoder = g722_decode_init(NULL, BITS_PER_SECOND, G722_SAMPLE_RATE_8000);
	if (!fresh->encoder || !fresh->decoder) fresh = wide_free(fresh);
	*w = fresh;
	return fresh;
}

bool wide_encode(struct wide **w, uint8_t *out, const int16_t *samples, uint32_t n)
{
	if (!make(w)) return false;
	g722_encode((*w)->encoder, out, samples, (int)n);
	return true;
}

bool wide_decode(struct wide **w, int16_t *out, const uint8_t *octets, uint32_t n)
{
	if (!make(w)) return false;
	g722_decode((*w)->decoder, out, octets, (int)n);
	return true;
}

struct wide *wide_free(struct wide *w)
{
	if (!w) return NULL;
	if (w->encoder) g722_encode_free(w->encoder);
	if (w->decoder) g722_decode_free(w->decoder);
	free(w);
	return NULL;
}
