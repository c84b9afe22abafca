// What the node's files share: a thread per worker, its mail, and jobs that the control thread gives it.
#pragma once

#include "base/ring.h"
#include "keep/cdr.h"
#include "keep/journal.h"
#include "keep/registration.h"
#include "run/media_plane.h"
#include "run/node.h"
#include "run/trace.h"
#include "run/worker.h"
#include "wire/net/loop.h"
#include "wire/net/udp.h"

#include <pthread.h>

#define MAIL_INLINE 2048 // octets of a packet that fit into a letter; longer ones go by pointer

struct node_worker;
struct job;

enum mail_kind { MAIL_PACKET, MAIL_JOB };
struct mail { // a value on a ring
	uint8_t kind;         // enum mail_kind
	struct packet packet; // its data is `text` or `large`
	uint32_t n;
	char *large; // owned by whoever took the letter; NULL: text
	struct job *job;
	char text[MAIL_INLINE];
};

// Work for a worker that the control thread waits for, at most ask_ms. Whoever comes second frees it.
enum job_state { JOB_WAITS, JOB_DONE, JOB_GIVEN_UP };
struct job {
	void (*run)(struct node_worker *nw, struct job *j); // on the worker's thread
	_Atomic int state;                                  // enum job_state
	enum err err;
	// asked
	uint64_t call, life_wall_ms; // recover: of the call whose ANSWER stands in `record`
	uint32_t line, text;
	bool on;
	struct control_calls_query calls;
	struct {
		uint64_t owner;
		enum err result;
	} feature;
	struct occupancy_audit *audit; // borrowed
	// answered
	struct control_call *rows; // owned; of a list
	uint32_t count, max;
	struct control_call one;
	struct call_record record;
	struct worker_use use;
	struct {
		char *p;
		uint32_t n;
	} copied; // owned
};

struct feature_change { // a value on a ring
	uint64_t owner;
	uint32_t line;
	uint8_t feature;
	bool active;
	char target[OFFICE_DIGITS_MAX + 1];
};

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
	struct outbox out;
	struct worker *worker;
	struct trace trace;
	struct ring *mail;    // owned; one from each worker and, last, one from the control thread
	struct ring features; // to the control thread: features set from phones
	_Atomic bool mail_waits;
};

struct node {
	struct node_setup setup;
	uint32_t worker_count;
	struct node_worker *workers; // owned, and all below
	struct live *live;
	struct media_plane *media;
	struct journal_log *journal;
	struct cdr_loader *loader;
	struct registration_store *registrations;
	struct loop control_loop; // only for its wake-up
	_Atomic bool stopping;
	bool draining;
	uint64_t started_wall_ms, started_ms, saved_ms, audited_ms;
};

// A job; NULL: no memory.
struct job *node_job(void (*run)(struct node_worker *nw, struct job *j));
// Runs a job on a worker and waits: OK, and the job is the caller's to free. On an error (ERR_TIMEOUT, ERR_FULL; a job
// that is NULL) it is not.
MUST_CHECK enum err node_ask(struct node *n, uint32_t worker, struct job *j);
void node_job_free(struct job *j);
// Hands a job over without waiting; it is freed when it is done. False: the mail is full, the job is still the caller's.
bool node_tell(struct node *n, uint32_t worker, struct job *j);
// What stands on all workers; one that does not answer in time counts for nothing.
void node_use(struct node *n, struct worker_use *sum);
// Saves at most `max` lines' registrations.
void node_save_registrations(struct node *n, uint32_t max);
// Compares what calls hold with the counters of occupancy; on the control thread.
void node_audit(struct node *n);
