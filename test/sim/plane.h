// The media plane of a run: it carries no packet but obeys every command, and so knows who hears what: the party whose
// voice reaches an address, the tone that is played to it. Parties speak through it in digits.
#pragma once

#include "call/model/media.h"
#include "sim/sim.h"

struct plane;
struct plane *plane_new(struct sim *s);
struct plane *plane_free(struct plane *p);
// As worker number `worker` sees it, from node_boot to node_crash.
struct media *plane_of(struct plane *p, uint32_t worker);
// The node died: all sessions are gone.
void plane_crash(struct plane *p);
// When plane_tick has something to do, ms; UINT64_MAX: nothing. Of events for a worker the node hears (node_media_waits).
uint64_t plane_next_ms(const struct plane *p);
void plane_tick(struct plane *p);
uint32_t plane_open(const struct plane *p);        // sessions
// Is this a port of a session?
bool plane_has(const struct plane *p, const struct addr *port);
uint32_t plane_ports_taken(const struct plane *p); // pairs

// A party at `from` sends a telephone-event to the switch's port `to`; *ear: who hears it (family 0: no party). False:
// nobody listens to digits there.
bool plane_digit(struct plane *p, const struct addr *from, const struct addr *to, char digit, struct addr *ear);
// From now on no packet comes from the party that listens at `ear` and was told the switch's port `told`: it lost its
// power, or left without a word. The switch is told when it has been so for as long as it watches. false: it is back.
void plane_quiet(struct plane *p, const struct addr *ear, const struct addr *told, bool quiet);
// What a party hears that listens at `ear`, having been told the switch's port `told`: a tone, a prompt, or the address
// of whoever's voice is passed to it (family 0: silence). False: no session knows it.
struct plane_heard {
	uint8_t tone, prompt; // enum media_tone, media_prompt; 0 none
	struct addr voice;    // where the speaker said that it listens, should it speak
	char digit;           // the last one that was passed or made for it; 0 none
};
bool plane_hears(struct plane *p, const struct addr *ear, const struct addr *told, struct plane_heard *out);
