// Any octets as a stream, cut anywhere: the pieces are the same however they come, each octet is looked at once, and what
// is one message here is the same one message for the parser. The first octet says how the stream is cut.
#include "wire/sip/frame.h"

#include "wire/sip/msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES_MAX 4096

struct piece {
	enum sip_frame is;
	uint32_t at, length;
};
struct pieces {
	struct piece of[PIECES_MAX];
	uint32_t count;
	bool broken;
};

static struct pieces whole, cut;
static struct sip_msg m;
static char arena_octets[1 << 17];

static void must(bool holds)
{
	if (!holds) abort();
}

// Takes what stands in the first `have` octets; from where the next piece begins.
static uint32_t take(struct pieces *p, struct str in, uint32_t at, uint32_t have, uint32_t *looked)
{
	while (at < have && !p->broken && p->count < PIECES_MAX) {
		uint32_t length, before = *looked;
		char *own = malloc(have - at); // so that whoever reads past the end is caught
		must(own != NULL);
		memcpy(own, in.p + at, have - at);
		enum sip_frame is = sip_frame_next(&length, looked, (struct str){ own, have - at });
		free(own);
		must(*looked >= before && *looked <= have - at && length <= have - at && length <= SIP_FRAME_MAX);
		if (is == SIP_FRAME_MORE) break;
		p->broken = is == SIP_FRAME_BROKEN;
		p->of[p->count++] = (struct piece){ is, at, length };
		at += length;
		*looked = 0;
		must(length || p->broken);
	}
	return at;
}

static void take_in_steps(struct pieces *p, struct str in, uint32_t step)
{
	uint32_t at = 0, looked = 0;
	*p = (struct pieces){ 0 };
	for (uint32_t have = 0; have < in.n && !p->broken;) {
		have = in.n - have > step ? have + step : in.n;
		at = take(p, in, at, have, &looked);
	}
}

// The parser sees the head and the body end where the stream does.
static void check_message(struct str piece)
{
	struct sip_fault fault;
	struct arena arena = { .p = arena_octets, .cap = sizeof arena_octets };
	if (sip_msg_parse(&m, piece, &arena, &fault) != PARSE_OK) return;
	if (m.body.n) must(m.body.p + m.body.n == piece.p + piece.n);
	else must(str_eq(str_from_at(piece, piece.n - 4), STR("\r\n\r\n")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t steps[] = { 1, 2, 3, 5, 7, 64, 1000, 16384 };
	if (size < 1 || size > 200000) return 0;
	const struct str in = { (const char *)data + 1, (uint32_t)size - 1 };
	uint32_t step = steps[data[0] % ARRAY_LEN(steps)];
	if (in.n > 4096 && step < 64) step = 64; // each step copies what is there
	take_in_steps(&whole, in, in.n ? in.n : 1);
	take_in_steps(&cut, in, step);
	must(whole.count == cut.count && whole.broken == cut.broken);
	for (uint32_t i = 0; i < whole.count; i++) {
		must(memcmp(&whole.of[i], &cut.of[i], sizeof whole.of[i]) == 0);
		if (whole.of[i].is == SIP_FRAME_MESSAGE) check_message(str_head(str_from_at(in, whole.of[i].at), whole.of[i].length));
	}
	return 0;
}
