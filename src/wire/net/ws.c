// wslay reads frames, which may come in any pieces; ours are always whole, so that their head is all there is to write.
#include "wire/net/ws.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#define OPCODE_TEXT 1
#define FIN 0x80

struct ws {
	struct ws_user user;
	wslay_event_context_ptr frames; // owned
	struct str in;                  // what is taken now
	bool control;                   // the frame that comes is a ping, a pong or a close
	bool too_much;
};

static ssize_t on_recv(wslay_event_context_ptr frames, uint8_t *p, size_t cap, int flags, void *self)
{
	struct ws *w = self;
	(void)flags;
	uint32_t n = w->in.n < cap ? w->in.n : (uint32_t)cap;
	if (n == 0) {
		wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(p, w->in.p, n);
	w->in = str_from_at(w->in, n);
	return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr frames, const uint8_t *p, size_t n, int flags, void *self)
{
	const struct ws *w = self;
	(void)frames, (void)flags;
	w->user.send(w->user.self, (struct str){ (const char *)p, (uint32_t)n });
	return (ssize_t)n;
}

static void on_frame(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_start_arg *arg, void *self)
{
	struct ws *w = self;
	(void)frames;
	w->control = wslay_is_ctrl_frame(arg->opcode);
}

static void on_part(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_chunk_arg *arg, void *self)
{
	struct ws *w = self;
	const struct str octets = { (const char *)arg->data, (uint32_t)arg->data_length };
	if (w->control || w->too_much || w->user.part(w->user.self, octets)) return;
	w->too_much = true;
	wslay_event_queue_close(frames, WSLAY_CODE_MESSAGE_TOO_BIG, NULL, 0);
}

static void on_whole(wslay_event_context_ptr frames, const struct wslay_event_on_msg_recv_arg *arg, void *self)
{
	struct ws *w = self;
	(void)frames;
	if (!wslay_is_ctrl_frame(arg->opcode) && !w->too_much) w->user.whole(w->user.self);
}

struct ws *ws_new(const struct ws_user *user)
{
	static const struct wslay_event_callbacks callbacks = { .recv_callback = on_recv, .send_callback = on_send,
		.on_frame_recv_start_callback = on_frame, .on_frame_recv_chunk_callback = on_part,
		.on_msg_recv_callback = on_whole };
	struct ws *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->user = *user;
	if (wslay_event_context_server_init(&w->frames, &callbacks, w) != 0) w->frames = NULL;
	if (!w->frames) return ws_free(w);
	wslay_event_config_set_no_buffering(w->frames, 1);
	return w;
}

struct ws *ws_free(struct ws *w)
{
	if (w && w->frames) wslay_event_context_free(w->frames);
	free(w);
	return NULL;
}

bool ws_take(struct ws *w, struct str octets)
{
	w->in = octets;
	bool good = wslay_event_recv(w->frames) == 0;
	if (wslay_event_want_write(w->frames)) good = wslay_event_send(w->frames) == 0 && good;
	return good && !w->too_much && wslay_event_get_read_enabled(w->frames) && !wslay_event_get_close_sent(w->frames);
}

uint32_t ws_head(char head[WS_HEAD_MAX], uint32_t n)
{
	uint32_t at = 2, octets = n < 126 ? 0 : n < 65536 ? 2 : 8;
	head[0] = (char)(FIN | OPCODE_TEXT);
	head[1] = (char)(octets == 0 ? n : octets == 2 ? 126 : 127);
	for (uint32_t i = octets; i-- > 0;) head[at++] = (char)(i < 4 ? n >> 8 * i : 0);
	return at;
}
