// What stands behind exchange.h, for its own files.
#pragma once

#include "call/half/call.h"
#include "call/model/media.h"
#include "ladders/exchange.h"
#include "live/live.h"
#include "run/inputs.h"
#include "run/worker.h"
#include "wire/sip/digest.h"

// A journal in memory, as slow or full as the script wants it.
#define JOURNAL_RECORDS_MAX 256
struct journal_entry {
	struct call_record record;
	uint64_t owner, put_ms, done_ms; // done_ms: when it is on disk
	bool told, read;         // told: the worker knows; read: a cdr line named it
	bool recovered;          // an answer whose release a restart wrote
};
struct memory_journal {
	struct journal_entry *entries[JOURNAL_RECORDS_MAX]; // owned
	uint32_t count;
	uint64_t delay_ms, sequence, last_life_wall_ms;
	bool full, failing;
	const struct call_record *cdr; // the last that a cdr line named
};

// A media plane that carries no packet but knows who would hear what.
#define PLANE_SESSIONS_MAX 128
#define PLANE_EVENTS_MAX 256
#define PLANE_PLAYS_MAX 5
struct plane_side {
	struct addr local[MEDIA_STREAMS_MAX];
	struct media_remote remote[MEDIA_STREAMS_MAX];
	struct media_keys keys[MEDIA_STREAMS_MAX];
	struct media_play plays[PLANE_PLAYS_MAX]; // the first is heard, the others wait
	uint32_t play_count;
	uint64_t play_ends_ms; // of the first; 0: it does not end
	uint64_t quiet_ms;     // its clock of silence began then, if its party was silent then already
	bool collects;
	char digit; // the last that was played to this side
};
struct plane_session {
	bool open;
	uint32_t generation;
	uint64_t owner;
	uint16_t silent_s;   // told of a side that sends nothing for so long; 0: never
	struct plane_side sides[MEDIA_SIDES];
};
struct memory_plane {
	struct media media; // first: what the worker sees
	struct ladder *ladder;
	struct plane_session sessions[PLANE_SESSIONS_MAX];
	struct media_event events[PLANE_EVENTS_MAX];
	uint32_t event_first, event_count;
	uint16_t port_next;
	uint8_t secrets; // that were asked for
	bool no_ports;   // none is free,
	bool ports_kept; // ... but for emergency calls
	bool behind;     // it takes no order to play
};

#define SUBSCRIPTIONS_MAX 64

struct feature_request { // a feature set from a phone, on its way through the control thread
	bool waits;
	uint64_t owner;
	enum err result;
};

#define LETTERS_MAX 64
struct letter { // of a tie, on its way
	struct tie_letter letter;
	char *text; // owned
};

struct exchange {
	struct ladder *ladder;
	struct office *office;
	struct live *live;
	uint32_t boots; // chance differs from one to the next
	struct worker *worker; // made when the first message comes: until then the office is being set
	uint32_t transactions_max, calls_max;
	bool may_be_full; // its transactions were made few: what finds none is no input that a replay has
	struct inputs *inputs; // of all calls: each is replayed when it is over
	struct outbox out;
	struct memory_journal journal;
	struct memory_plane plane;
	struct feature_request feature;
	struct letter letters[LETTERS_MAX];
	uint32_t letter_first, letter_count;
	struct kept_subscription kept[SUBSCRIPTIONS_MAX]; // over a restart
	uint32_t kept_count;
};

// The exchange of this ladder, made when there is none.
bool exchange_need(struct ladder *l);
// UTC of the ladder's time.
uint64_t exchange_wall_ms(const struct ladder *l);

void journal_init(struct memory_journal *j);
void journal_fini(struct memory_journal *j);
struct journal journal_of(struct exchange *x);
bool journal_step(struct exchange *x);
uint64_t journal_next(const struct exchange *x);
// What was not on disk is gone.
void journal_crash(struct exchange *x);
void journal_recover(struct exchange *x);

void plane_init(struct exchange *x);
bool plane_step(struct exchange *x);
uint64_t plane_next(const struct exchange *x);
uint32_t plane_open_count(const struct exchange *x);
