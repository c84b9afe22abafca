// What the node's files share: a thread per worker with its sockets, and jobs that the control thread waits for.
#pragma once

#include "keep/cdr.h"
#include "keep/line_state.h"
#include "keep/registration.h"
#include "run/crew.h"
#include "run/inputs_keep.h"
#include "run/media_plane.h"
#include "run/node.h"
#include "run/resolver.h"
#include "wire/net/dns.h"
#include "wire/net/loop.h"
#include "wire/net/stream.h"
#include "wire/net/tls.h"
#include "wire/net/udp.h"

#include <pthread.h>

struct node_worker;

struct node_watch {
	struct loop_watch watch;
	struct node_worker *worker;
	struct udp *socket;
};

struct node_worker {
	struct node *node;
	uint32_t index;
	pthread_t thread;
	bool started;
	struct loop loop;
	struct udp sockets[LISTENERS_MAX];
	struct node_watch watches[LISTENERS_MAX];
	struct udp_reader reader;
	struct udp_sender sender;
	struct streams *streams; // owned, as tls; NULL: no listener is for connections
	struct tls *tls[LISTENERS_MAX];
};

struct node {
	struct node_setup setup;
	uint32_t worker_count;
	struct node_worker *workers; // owned, and all below
	struct crew *crew;
	struct live *live;
	struct media_plane *media;
	struct journal_log *journal;
	struct cdr_loader *loader;
	struct registration_store *registrations;
	struct line_state_store *line_states;
	struct inputs_keep *inputs;
	uint8_t ticket_key[TLS_TICKET_KEY_BYTES];  // of TLS sessions: they resume with any worker
	struct loop control_loop; // its wake-up, and questions to DNS
	struct dns *dns;           // owned; NULL: the machine has none
	struct resolver *resolver; // owned
	struct addr listening[LISTENERS_MAX];
	_Atomic bool stopping;
	uint64_t started_wall_ms, started_ms, saved_ms, audited_ms;
};

// Runs a job on a worker and waits: OK, and the job is the caller's to free. On an error (ERR_TIMEOUT, ERR_FULL; a job
// that is NULL) it is not.
MUST_CHECK enum err node_ask(struct node *n, uint32_t worker, struct job *j);
// Saves at most `max` lines' registrations.
void node_save_registrations(struct node *n, uint32_t max);
// CONNECTIONS (node_stream.c). Listens as a worker, on those listeners that are for connections; as udp_open.
MUST_CHECK enum err node_open_streams(struct node_worker *nw, struct buf *why);
void node_close_streams(struct node_worker *nw);
// Takes out of the outbox what goes over connections: sends it, or passes it on to whose the connection is.
void node_send_streams(struct node_worker *nw, struct outbox *o);
void node_adopt_stream(void *self, uint32_t worker, int fd, uint16_t listener, const struct addr *peer);
// New sessions use what the files of certificates and keys now hold. On an error nothing changed.
MUST_CHECK enum err node_reload_tls(struct node *n);

// DNS (node_resolve.c), on the control thread. As udp_open.
MUST_CHECK enum err node_open_resolver(struct node *n, struct buf *why);
void node_close_resolver(struct node *n);
// When to come again, monotonic ms.
uint64_t node_resolve(struct node *n, uint64_t now_ms);

// Saves messages and subscriptions, as long as there are some.
void node_save_line_states(struct node *n);
// Compares what calls hold with the counters of occupancy; on the control thread.
void node_audit(struct node *n);
