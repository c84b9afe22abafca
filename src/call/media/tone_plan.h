// The precise tone plan of North America.
#pragma once

#include "call/model/media.h"
#include "wire/rtp/tone.h"

// The tone of an id; NULL for MEDIA_TONE_NONE and what is no tone.
const struct tone *media_tone(uint8_t tone);
// "DIAL"; "NONE" for what is no tone.
const char *media_tone_name(uint8_t tone);
