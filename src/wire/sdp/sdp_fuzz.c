// Any octets as a description; what parses is written anew, and what we write parses again with as many media.
#include "wire/sdp/sdp_write.h"

#include <stdlib.h>

static struct arena arena;

static void check_rewrite(const struct sdp *in)
{
	static struct sdp again;
	struct sdp_draft draft = { .source = in,
		                       .host = { .family = 4, .ip = { 192, 0, 2, 1 } },
		                       .count = in->media_count };
	for (uint32_t i = 0; i < in->media_count; i++)
		draft.slots[i] = (struct sdp_slot){ .source = &in->media[i], .port = in->media[i].port,
			                                .proto = in->media[i].proto, .direction = in->media[i].direction };
	struct sdp_origin origin = { .id = 1 };
	struct str out;
	arena_reset(&arena);
	if (sdp_write(&out, &arena, &draft, &origin) != OK) abort(); // there is room for the longest
	if (out.n > SDP_OCTETS_MAX) return;
	if (sdp_parse(&again, out, NULL) != OK || again.media_count != in->media_count) abort();
	for (uint32_t i = 0; i < in->media_count; i++)
		if (again.media[i].port != in->media[i].port) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sdp sdp;
	if (!arena.p && arena_init(&arena, 1 << 18) != OK) return 0;
	if (size > 2 * SDP_OCTETS_MAX) return 0;
	if (sdp_parse(&sdp, (struct str){ (const char *)data, (uint32_t)size }, NULL) != OK) return 0;
	for (uint32_t i = 0; i < sdp.media_count; i++) {
		struct str rest = sdp.media[i].formats;
		struct sdp_codec codec;
		while (sdp_codec_next(&sdp.media[i], &rest, &codec))
			if (codec.pt > 127 || codec.name.n > size) abort();
	}
	check_rewrite(&sdp);
	return 0;
}
