// G.711. A code is sign, segment (three bits) and step (four bits); segments double in width.
#include "wire/rtp/g711.h"

// Position of the highest bit; v > 0.
static uint32_t top_bit(uint32_t v)
{
	return 31 - (uint32_t)__builtin_clz(v);
}

// Table 2: magnitudes of 13 bits, moved up by 33 so that segment k begins at 33 << k; all bits inverted.
uint8_t g711_mu_encode(int16_t sample)
{
	uint32_t magnitude = ((uint32_t)(sample < 0 ? ~sample : sample) >> 2) + 33;
	if (magnitude > 0x1fff) magnitude = 0x1fff;
	uint32_t segment = top_bit(magnitude) - 5;
	uint32_t code = segment << 4 | ((magnitude >> (segment + 1)) & 0xf);
	return (uint8_t)~(sample < 0 ? code | 0x80 : code);
}

int16_t g711_mu_decode(uint8_t octet)
{
	uint32_t code = (uint8_t)~octet;
	int32_t magnitude = (int32_t)((((code & 0xf) * 2 + 33) << ((code >> 4) & 7)) - 33) * 4;
	return (int16_t)(code & 0x80 ? -magnitude : magnitude);
}

// Table 1: magnitudes of 11 bits, the first two segments of the same width; even bits inverted.
uint8_t g711_a_encode(int16_t sample)
{
	uint32_t magnitude = (uint32_t)(sample < 0 ? ~sample : sample) >> 4, code = magnitude;
	if (magnitude >= 32) {
		uint32_t segment = top_bit(magnitude) - 3;
		code = segment << 4 | ((magnitude >> (segment - 1)) & 0xf);
	}
	return (uint8_t)((sample < 0 ? code : code | 0x80) ^ 0x55);
}

int16_t g711_a_decode(uint8_t octet)
{
	uint32_t code = octet ^ 0x55u, segment = (code >> 4) & 7, step = (code & 0xf) * 2 + 1;
	int32_t magnitude = (int32_t)(segment ? (step + 32) << (segment - 1) : step) * 8;
	return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}

uint8_t g711_mu_to_a(uint8_t octet)
{
	return g711_a_encode(g711_mu_decode(octet));
}

uint8_t g711_a_to_mu(uint8_t octet)
{
	return g711_mu_encode(g711_a_decode(octet));
}
