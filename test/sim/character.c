// The characters of phones. What is common in the field is common here; what is rare is common enough to meet the rest.
#include "sim/party_inside.h"

const struct character characters[] = {
	{ .name = "ordinary", .share = 40, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 1000,
	  .talk_max_ms = 60000, .busy = 300, .declines = 200, .never_answers = 300, .gives_up = 500, .holds = 500,
	  .reinvites = 300, .contacts = 1, .early_media = 500, .dial_tone = 1000, .star_codes = 100 },
	{ .name = "slow", .share = 5, .answer_min_ms = 15000, .answer_max_ms = 60000, .talk_min_ms = 30000,
	  .talk_max_ms = 240000, .never_answers = 1000, .gives_up = 100, .holds = 1000, .contacts = 1, .dial_tone = 3000 },
	{ .name = "impatient", .share = 8, .answer_min_ms = 100, .answer_max_ms = 2000, .talk_min_ms = 0,
	  .talk_max_ms = 5000, .declines = 1000, .gives_up = 4000, .gives_up_at_answer = 3000, .contacts = 1,
	  .dial_tone = 500 },
	{ .name = "forgetful", .share = 6, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 1000,
	  .talk_max_ms = 30000, .gives_up = 300, .no_ack = 2000, .no_bye = 2000, .no_bye_answer = 3000, .contacts = 1 },
	{ .name = "chatty", .share = 8, .answer_min_ms = 500, .answer_max_ms = 3000, .talk_min_ms = 5000,
	  .talk_max_ms = 60000, .holds = 9000, .hold_in_hold = 4000, .glare = 5000, .reinvites = 9000, .contacts = 1,
	  .early_media = 1000, .dial_tone = 500 },
	{ .name = "behind NAT", .share = 8, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 2000,
	  .talk_max_ms = 60000, .gives_up = 500, .holds = 1000, .rebinds_nat = 2500, .contacts = 1, .early_media = 500 },
	{ .name = "rebooting", .share = 5, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 2000,
	  .talk_max_ms = 60000, .gives_up = 500, .holds = 500, .reboots = 2500, .contacts = 1 },
	// All phones of a line answer at the same time, so that two often win.
	{ .name = "forking", .share = 8, .answer_min_ms = 2000, .answer_max_ms = 2002, .talk_min_ms = 1000,
	  .talk_max_ms = 30000, .busy = 300, .declines = 500, .never_answers = 1500, .gives_up = 1000, .contacts = 3,
	  .early_media = 1000 },
	{ .name = "mute", .share = 4, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 2000,
	  .talk_max_ms = 60000, .gives_up = 500, .mute = 3000, .contacts = 1 },
	{ .name = "hostile", .share = 4, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 1000,
	  .talk_max_ms = 30000, .gives_up = 2000, .contacts = 1, .hostile = 10000, .holds = 1000 },
	{ .name = "wrong clock", .share = 4, .answer_min_ms = 1000, .answer_max_ms = 8000, .talk_min_ms = 1000,
	  .talk_max_ms = 60000, .gives_up = 500, .holds = 500, .contacts = 1, .clock_off_s = -90000 },
	// Peers of trunk groups, never drawn.
	{ .name = "trunk", .share = 0, .answer_min_ms = 500, .answer_max_ms = 12000, .talk_min_ms = 1000,
	  .talk_max_ms = 60000, .busy = 1000, .declines = 500, .never_answers = 400, .gives_up = 500, .holds = 300,
	  .reinvites = 500, .contacts = 1, .early_media = 4000 },
};
const uint32_t character_count = ARRAY_LEN(characters);

const struct character *character_draw(struct sim *s, uint32_t line_phones)
{
	uint32_t sum = 0, at;
	for (uint32_t i = 0; i < character_count; i++)
		if (line_phones >= characters[i].contacts) sum += characters[i].share;
	at = sim_below(s, SIM_PARTIES, sum);
	for (uint32_t i = 0; i < character_count; i++) {
		if (line_phones < characters[i].contacts) continue;
		if (at < characters[i].share) return &characters[i];
		at -= characters[i].share;
	}
	return &characters[0];
}

const struct character *character_named(const char *name)
{
	for (uint32_t i = 0; i < character_count; i++)
		if (strcmp(characters[i].name, name) == 0) return &characters[i];
	return &characters[0];
}
