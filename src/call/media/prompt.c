// Announcements.
#include "call/media/prompt.h"

static const struct {
	uint8_t sit;
	const char *text;
} prompts[MEDIA_PROMPT_COUNT] = {
	[MEDIA_PROMPT_NONE] = { MEDIA_TONE_NONE, "" },
#define PROMPT(name, sit, text) [MEDIA_PROMPT_##name] = { MEDIA_TONE_##sit, text },
#include "call/media/prompts.tab"
#undef PROMPT
};
static const char *const names[MEDIA_PROMPT_COUNT] = { "NONE", MEDIA_PROMPTS(X_TEXT) };

// Made by the build (tools/prompts.c): one recording behind the other, number n from starts[n] to starts[n + 1].
extern const uint8_t media_prompt_octets[];
extern const uint32_t media_prompt_starts[MEDIA_PROMPT_COUNT + 1];

struct str media_prompt(uint8_t prompt)
{
	if (prompt >= MEDIA_PROMPT_COUNT) return (struct str){ "", 0 };
	uint32_t start = media_prompt_starts[prompt];
	return (struct str){ (const char *)media_prompt_octets + start, media_prompt_starts[prompt + 1] - start };
}

const char *media_prompt_name(uint8_t prompt)
{
	return names[prompt < MEDIA_PROMPT_COUNT ? prompt : MEDIA_PROMPT_NONE];
}

const char *media_prompt_text(uint8_t prompt)
{
	return prompts[prompt < MEDIA_PROMPT_COUNT ? prompt : MEDIA_PROMPT_NONE].text;
}

uint8_t media_prompt_sit(uint8_t prompt)
{
	return prompts[prompt < MEDIA_PROMPT_COUNT ? prompt : MEDIA_PROMPT_NONE].sit;
}
