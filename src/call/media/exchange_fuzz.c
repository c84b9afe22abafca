// The offers and answers of a call in any order, from texts of any kind: the first octet of each line of the input
// says what happens, the rest of the line is the description (with \n for a line end). Whatever comes, each text of
// ours can be read, names only our address, and all is given back at the end.
#include "call/media/media_sim.c"
#include "call/media/media.h"

static struct media_sim sim;
static struct media_worker worker;
static struct env env;
static struct call_media cm;

static void check_text(struct str text)
{
	struct sdp sdp;
	if (text.n == 0) return;
	if (text.n <= SDP_OCTETS_MAX && sdp_parse(&sdp, text, NULL) != OK) abort();
	for (uint32_t i = 0; text.n <= SDP_OCTETS_MAX && i < sdp.media_count; i++) {
		const struct sdp_media *m = &sdp.media[i];
		if (m->port && (m->rtp.family == 0 || !sim.media.ops->is_own(&sim.media, &m->rtp))) abort();
		if (m->port && (m->port < 40000 || m->port % 2)) abort();
	}
}

// The line with its \n turned into line ends, in scratch memory.
static struct str text_of(const uint8_t *line, size_t n)
{
	char *p = arena_alloc(&env.scratch, n + 1);
	uint32_t used = 0;
	for (size_t i = 0; p && i < n; i++) {
		bool end = line[i] == '\\' && i + 1 < n && line[i + 1] == 'n';
		p[used++] = end ? '\n' : (char)line[i];
		i += end;
	}
	return (struct str){ p, p ? used : 0 };
}

static void step(uint8_t what, struct str text)
{
	enum media_side side = what & 1 ? MEDIA_B : MEDIA_A;
	struct media_leg leg = { .signalling = { .family = what & 2 ? 6 : 4, .ip = { 203, 0, 113, 5 } }, .nat = what & 4,
		                     .security = (uint8_t)(what & 128 ? what & 4 ? MEDIA_REQUIRED : MEDIA_OFFERED : MEDIA_NEVER) };
	struct str out = { "", 0 };
	struct media_play play = { .tone = MEDIA_TONE_DIAL };
	enum err e = OK;
	switch (what >> 3 & 15) {
	case 0:
	case 1:
	case 2: e = media_offer_from(&cm, &worker, side, &leg, text); break;
	case 3:
	case 4: e = media_offer_to(&cm, &worker, &env, side, &leg, &out); break;
	case 5:
	case 6:
	case 7: e = media_answer_from(&cm, &worker, &env, side, &leg, text, &out); break;
	case 8: e = media_answer_local(&cm, &worker, &env, side, &out); break;
	case 9: e = media_offer_local(&cm, &worker, &env, side, &leg, &out); break;
	case 10: media_offer_drop(&cm, &worker); break;
	case 11: media_leave(&cm, &worker, side); break;
	case 12: media_settled(&cm, &worker); break;
	case 13: e = media_play(&cm, &worker, side, play); break;
	default: e = media_collect(&cm, &worker, side, true); break;
	}
	if (e != OK && out.n) abort(); // an error leaves no text
	check_text(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct media_event e;
	if (!env.scratch.p && arena_init(&env.scratch, 1 << 20) != OK) return 0;
	if (media_sim_init(&sim, 64) != OK) abort();
	if (media_worker_init(&worker, &sim.media, 4) != OK) abort();
	media_init(&cm, 1);
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - (data + at)) : size - at;
		arena_reset(&env.scratch);
		if (n) step(data[at], text_of(data + at + 1, n - 1));
		at += n + 1;
		while (sim.media.ops->take(&sim.media, &e)) continue;
	}
	media_close(&cm, &worker);
	if (sim.sessions.used || worker.texts.used_bytes || sim.pairs_left != 64) abort();
	media_worker_fini(&worker);
	media_sim_fini(&sim);
	return 0;
}
