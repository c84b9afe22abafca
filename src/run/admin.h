// The API's HTTP server on a Unix socket: libmicrohttpd, driven by the control thread, which waits for one descriptor.
//
//     poll(admin_fd) ─▶ admin_run ─▶ connection ─▶ body whole? ─▶ api_answer ─▶ reply, or a stream of it
#pragma once

#include "run/api.h"

#define ADMIN_BODY_MAX (256u * 1024) // octets; more: 413
#define ADMIN_CONNECTIONS_MAX 64
#define ADMIN_IDLE_S 30

struct admin;

// Listens at `path` (mode 0660); a socket that a dead switch left is replaced. ERR_EXISTS: a switch answers there;
// ERR_SYSTEM: `why` says what failed. `api` is borrowed.
MUST_CHECK enum err admin_start(struct admin **out, const char *path, struct api *api, struct buf *why);
// Ends all connections, removes the socket. NULL is fine; returns NULL.
struct admin *admin_stop(struct admin *a);

// Readable when there is something to do.
int admin_fd(const struct admin *a);
// Does it. Returns after how many ms it must be called again at the latest.
uint32_t admin_run(struct admin *a);
