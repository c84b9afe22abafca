// ITU-T G.711: both laws to and from linear samples of 16 bits (the left part of the word: 0 dBm0 is a sine of peak
// G711_0DBM0). Encoding is the ITU's: a negative sample is taken as its ones' complement, so that the decision values
// of tables 1 and 2 hold on both sides of zero. Much software negates instead, and differs in 508 of the 65,536
// inputs.
#pragma once

#include <stdint.h>

// The largest sine of the mu-law (peak 8,159 of table 2a, in 14 bits) is 3.17 dBm0; A-law's 3.14 differs by 0.06 dB at
// the same amplitude, which nobody hears, so that tones are made once for both.
#define G711_0DBM0 22657

uint8_t g711_mu_encode(int16_t sample);
uint8_t g711_a_encode(int16_t sample);
int16_t g711_mu_decode(uint8_t octet);
int16_t g711_a_decode(uint8_t octet);

// From one law to the other by way of the linear value.
uint8_t g711_mu_to_a(uint8_t octet);
uint8_t g711_a_to_mu(uint8_t octet);
