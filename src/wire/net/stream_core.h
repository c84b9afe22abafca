// Inside the connections, for stream*.c only: what they are made of.
//
//     stream.c       their life and time          stream_io.c   what they read, and what waits to be sent
//     stream_open.c  how they begin: listening, calling, shaking hands       stream_ws.c  those of WebSocket
#pragma once

#include "base/map.h"
#include "base/wheel.h"
#include "wire/net/stream.h"
#include "wire/net/tls.h"
#include "wire/net/ws.h"

#define READ_BYTES 65536u // at a time

enum phase { CONNECTING, SHAKING, UPGRADING, OPEN };
enum timer_kind { TIMER_LATE = 1, TIMER_IDLE, TIMER_REFUSED, TIMER_NO_ROOM };

struct waiting { // a message that is not sent whole yet
	struct list node;
	uint32_t n, sent;
	char text[];
};

struct conn_key { // how it is found: no padding, no flow
	struct addr peer;
	uint32_t listener;
};

struct conn {
	struct streams *streams;
	struct map_node by_key, by_host;
	struct conn_key key;
	struct loop_watch watch;
	struct tls_session *tls; // owned; NULL: TCP
	struct ws *ws;           // owned; NULL: no WebSocket, or not yet
	struct list unsent;      // struct waiting, owned
	struct list node;        // in streams.failed, when it has failed
	struct timer timer;      // of one kind at a time
	char *held;              // owned: of a message that is not whole yet
	uint32_t held_n, held_cap, looked, unsent_n, events;
	uint32_t flow; // its number
	uint8_t phase; // enum phase
	bool tls_wants_write, said_something, failed, is_ours;
	bool asked;   // a request of ours went to it
	bool refused; // nothing more is read, an answer may go out yet
};

struct listening {
	struct loop_watch watch;
	struct streams *streams;
	struct addr local;
	uint16_t listener;
	uint8_t dscp;
	struct tls *tls;
	bool websocket;
	struct str origins;
	struct timer timer; // TIMER_NO_ROOM
	bool open;
};

struct streams {
	struct loop *loop;
	struct stream_user user;
	struct stream_limits limits;
	struct listening listening[STREAM_LISTENERS_MAX];
	struct pool conns;
	struct map by_key, by_host;
	struct wheel wheel;
	struct list failed; // those that end at the next tick
	uint64_t now_ms;
	uint64_t memory; // octets that are held or wait, of all
	char read[READ_BYTES];
	char frame[WS_HEAD_MAX + 65536]; // of WebSocket, while it is sent
};

// LIFE (stream.c). The peer, with the number of the connection.
struct addr stream_peer(const struct conn *c);
// The connection of a listener and a peer, or NULL.
struct conn *stream_find(const struct streams *s, uint16_t listener, const struct addr *peer);
bool stream_host_has_too_many(const struct streams *s, const struct addr *host);
// Would so many octets more be too much for all of them?
bool stream_is_full(const struct streams *s, uint64_t more);
// In its first phase; NULL: there are too many.
struct conn *stream_conn_new(struct streams *s, int fd, uint16_t listener, const struct addr *peer);
// It ends at the next tick: whoever works on it now may go on to look at it.
void stream_fail(struct conn *c);
void stream_end_full(struct conn *c);
void stream_waiting_free(struct streams *s, struct waiting *w);
// Waits for what its state needs.
void stream_watch(struct conn *c);
// A message must be whole in time; between messages a connection may rest for long.
void stream_restart_timer(struct conn *c);

// Counted from several places.
void stream_count_unsent(void);
void stream_count_unreachable(void);

// OCTETS (stream_io.c)
void stream_read(struct conn *c);
void stream_write_unsent(struct conn *c);
void stream_send_on(struct conn *c, struct str data);
// As they are.
void stream_send_octets(struct conn *c, struct str octets);
// Appends to what is held; false: there is no room.
bool stream_hold_more(struct conn *c, struct str octets);
// Holds this, and nothing else.
bool stream_hold(struct conn *c, struct str rest);
void stream_tell(struct conn *c, struct str data, bool broken);
// It ends when what was sent has had time to go out; nothing more is read.
void stream_refuse(struct conn *c);

// WEBSOCKET (stream_ws.c). What came, before it is open and after.
void stream_take_upgrade(struct conn *c, struct str new);
void stream_take_frames(struct conn *c, struct str new);
void stream_send_frame(struct conn *c, struct str message);

// BEGINNING (stream_open.c)
void stream_on_ready(void *self, uint32_t events);
// Who waits to be accepted would wake us for ever, when there are no descriptors left.
void stream_rest_for_room(struct listening *l);
