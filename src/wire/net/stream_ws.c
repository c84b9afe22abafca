// Connections of WebSocket (RFC 7118): their beginning, and messages in frames. Each message is one of SIP, whatever
// its Content-Length says.
#include "wire/net/stream_core.h"
#include "wire/net/ws_upgrade.h"

#include "base/count.h"

COUNTER(stream_ws_opened, "WebSockets that others opened to us");
COUNTER(stream_ws_refused, "WebSockets refused: no WebSocket, none for SIP, or from a page that may not");
COUNTER(stream_ws_ended, "WebSockets ended by a close, theirs or ours");

// ---- Messages -------------------------------------------------------------------------------------------------------

static bool on_part(void *self, struct str octets)
{
	struct conn *c = self;
	return !c->failed && stream_hold_more(c, octets);
}

// A double CRLF is a ping of SIP's own, a single one its answer (RFC 7118 §6).
static void on_whole(void *self)
{
	struct conn *c = self;
	const struct str message = { c->held, c->held_n };
	if (c->failed) return;
	c->said_something = true;
	wheel_stop(&c->streams->wheel, &c->timer);
	if (str_eq(message, STR("\r\n\r\n"))) stream_send_frame(c, c->streams->user.pong);
	else if (message.n && !str_eq(message, STR("\r\n"))) stream_tell(c, message, false);
	if (!c->failed && !stream_hold(c, STR(""))) stream_end_full(c);
}

static void on_send(void *self, struct str octets)
{
	struct conn *c = self;
	if (!c->failed) stream_send_octets(c, octets);
}

void stream_take_frames(struct conn *c, struct str new)
{
	if (!ws_take(c->ws, new) && !c->failed) {
		COUNT(stream_ws_ended);
		stream_refuse(c);
	} else {
		stream_restart_timer(c);
	}
}

void stream_send_frame(struct conn *c, struct str message)
{
	struct streams *s = c->streams;
	if (message.n > sizeof s->frame - WS_HEAD_MAX) {
		stream_count_unsent();
		return;
	}
	uint32_t head = ws_head(s->frame, message.n);
	memcpy(s->frame + head, message.p, message.n);
	stream_send_octets(c, (struct str){ s->frame, head + message.n });
}

// ---- Beginning ------------------------------------------------------------------------------------------------------

// Who waits for the answer before it speaks has sent nothing after the request.
static bool open_frames(struct conn *c, struct str rest)
{
	const struct ws_user user = { .self = c, .part = on_part, .whole = on_whole, .send = on_send };
	c->ws = ws_new(&user);
	c->phase = OPEN;
	return c->ws && rest.n == 0 && stream_hold(c, STR(""));
}

void stream_take_upgrade(struct conn *c, struct str new)
{
	char text[WS_ANSWER_MAX];
	struct buf answer = buf_on(text, sizeof text);
	uint32_t length = 0;
	if (!stream_hold_more(c, new)) {
		stream_end_full(c);
		return;
	}
	const struct str all = { c->held, c->held_n };
	enum ws_upgrade is = ws_upgrade(&length, &answer, all, c->streams->listening[c->key.listener].origins);
	if (is == WS_UPGRADE_MORE) return;
	stream_send_octets(c, buf_str(&answer));
	if (c->failed) return;
	if (is == WS_UPGRADE_BAD) {
		COUNT(stream_ws_refused);
		stream_refuse(c);
	} else if (open_frames(c, str_from_at(all, length))) {
		COUNT(stream_ws_opened);
		stream_restart_timer(c);
	} else {
		stream_fail(c);
	}
}
