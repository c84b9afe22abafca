// Announcements: recordings that the build makes from the words of prompts.tab.
#pragma once

#include "call/model/media.h"

// The recording, mu-law at 8 kHz; empty for what is no announcement.
struct str media_prompt(uint8_t prompt);
// "VACANT"; "NONE" for what is none.
const char *media_prompt_name(uint8_t prompt);
// Its words, for people; and the special information tone before it, or MEDIA_TONE_NONE.
const char *media_prompt_text(uint8_t prompt);
uint8_t media_prompt_sit(uint8_t prompt);
