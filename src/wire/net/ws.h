// A WebSocket after its beginning, as the one who was called (RFC 6455 §5; wslay): octets in, parts of messages and
// octets out. It does no I/O and keeps no part of a message. Pings are answered, a close is, and what is against the
// rules is told why by a close.
#pragma once

#include "base/str.h"

#define WS_HEAD_MAX 10 // octets of a frame of ours before its text

struct ws_user {
	void *self;
	// A part of the message that comes; false: it is too much, and the connection ends (1009).
	bool (*part)(void *self, struct str octets);
	// The message is whole.
	void (*whole)(void *self);
	// Octets to send.
	void (*send)(void *self, struct str octets);
};

struct ws;
struct ws *ws_new(const struct ws_user *user); // NULL: no memory
struct ws *ws_free(struct ws *w);
// Takes what came. false: it is over, in order or not; what there is to say about it was sent.
bool ws_take(struct ws *w, struct str octets);
// The head of a frame with a whole message of n octets of text; its length.
uint32_t ws_head(char head[WS_HEAD_MAX], uint32_t n);
