// Any octets as a WebSocket: a request, and what follows as frames, all at once and cut as the first octet says: both
// come to the same messages.
#include "wire/net/ws.h"
#include "wire/net/ws_upgrade.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 4096u

struct heard {
	uint64_t sum;
	uint32_t messages, n;
};

static void must(bool holds)
{
	if (!holds) abort();
}

static bool on_part(void *self, struct str octets)
{
	struct heard *h = self;
	if (octets.n > MESSAGE_MAX - h->n) return false;
	h->n += octets.n;
	for (uint32_t i = 0; i < octets.n; i++) h->sum = h->sum * 31 + (unsigned char)octets.p[i];
	return true;
}

static void on_whole(void *self)
{
	struct heard *h = self;
	must(h->n <= MESSAGE_MAX);
	h->messages++;
	h->n = 0;
}

static void on_send(void *self, struct str octets)
{
	(void)self;
	must(octets.n <= 2 + 125 + 8);
}

static struct heard hear(struct str in, uint32_t pieces)
{
	struct heard h = { 0 };
	struct ws *w = ws_new(&(struct ws_user){ .self = &h, .part = on_part, .whole = on_whole, .send = on_send });
	must(w != NULL);
	for (bool goes_on = true; in.n && goes_on;) {
		uint32_t n = pieces && pieces < in.n ? pieces : in.n;
		char *own = malloc(n); // so that whoever reads past the end is caught
		must(own != NULL);
		memcpy(own, in.p, n);
		goes_on = ws_take(w, (struct str){ own, n });
		free(own);
		in = str_from_at(in, n);
	}
	ws_free(w);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[WS_ANSWER_MAX];
	struct buf answer = buf_on(text, sizeof text);
	uint32_t length = 0;
	if (size < 1 || size > 65536) return 0;
	char *own = malloc(size);
	must(own != NULL);
	memcpy(own, data + 1, size - 1);
	struct str in = { own, (uint32_t)size - 1 };
	enum ws_upgrade is = ws_upgrade(&length, &answer, in, data[0] & 1 ? STR("https://a.example") : STR(""));
	must(answer.err == OK && (is == WS_UPGRADE_MORE ? answer.n == 0 : answer.n > 0 && length <= in.n));
	if (is != WS_UPGRADE_MORE) in = str_from_at(in, is == WS_UPGRADE_GOOD ? length : 0);
	struct heard whole = hear(in, 0), cut = hear(in, 1u + data[0] / 2);
	must(whole.messages == cut.messages || whole.n + cut.n > 0 || whole.sum == cut.sum);
	free(own);
	return 0;
}
