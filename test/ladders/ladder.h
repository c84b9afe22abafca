// One ladder while it runs: the scripted parties, the messages that passed, virtual time, and the switch between them.
//
//     script ──item──▶ run ──▶ send ──▶ wire ──▶ switch (src/run/worker.h) ──▶ wire ──▶ inbox of a party
//                          └─▶ expect ◀── takes from the inbox what the item names; what nobody names is a failure
//
// Time stands still unless an item lets it pass. The first failure ends the ladder.
#pragma once

#include "base/env.h"
#include "base/packet.h"
#include "ladders/script.h"
#include "wire/sip/msg.h"

#define ACTORS_MAX 16
#define ACTOR_CALLS_MAX 16
#define ACTOR_REQUESTS_MAX 32
#define LADDER_MESSAGES_MAX 4096
#define LADDER_EVENTS_MAX 8192
#define LADDER_TEXT_MAX 4096
#define LADDER_COUNTERS_MAX 512
#define LADDER_LATE_MAX 64
#define DRAFT_HEADERS_MAX 48
#define LADDER_MEMORY (24u << 20)

struct actor;
struct actor_call;
struct exchange;
struct weather;

struct message {
	uint64_t at_ms;
	struct actor *from, *to; // NULL: the switch
	struct actor_call *call; // of the party, once it is known
	struct str bytes;
	struct sip_msg *m; // NULL: it is none
	const char *fault; // then: why
	uint32_t line;  // of the script: where it was sent or taken; 0: by nobody yet
	bool taken;     // expected, or dealt with by an automatic rule
	bool lost;      // sent, never arrived
	bool again;     // the octets of an earlier message
	bool automatic; // sent or taken without a word in the script
	bool dealt;     // the automatic rules know it
	// In weather:
	bool away;      // it was not handed up to its party yet
	bool arrived;   // a copy of it came
	bool gone;      // its sender will not say it again
	uint32_t sent;  // so often
};

// A message to be written: all that a script may change before it becomes octets.
struct draft {
	enum sip_method method; // of a request, and of the request that a response answers
	struct str method_name, uri;
	uint16_t status; // 0: a request
	uint32_t count;
	struct { struct str name, value; } headers[DRAFT_HEADERS_MAX];
	struct str content_type, body;
};

struct sent_request {
	struct draft *draft;
	struct actor *to; // NULL: the switch
	struct str bytes, branch;
	uint32_t cseq;
	uint32_t credentials_sent; // how often a challenge was answered already
	uint16_t final_status;     // 0: none yet
	struct str last_to;        // To of its last response, for checks
	struct str answer;         // the session description of the first response that had one
	bool has_sdp;
};

struct got_request {
	struct message *message;
	uint16_t final_status; // that we gave; 0: none yet
	bool final_lost, acknowledged;
	struct str answers[8]; // the octets of our responses, the last at the end
	uint32_t answer_count;
};

struct actor_call {
	struct actor *actor;
	uint32_t number; // as scripts count: 1, 2, ...
	struct str call_id, local_tag, remote_tag;
	struct str other_tag;             // of a second branch that the script pretends
	struct str local_uri, remote_uri; // as in From and To, without tag
	struct str target;                // URI of the switch's Contact
	struct str contact;               // URI of its own, as it last said it
	struct str routes[8];
	uint32_t route_count;
	uint32_t local_cseq, remote_cseq;
	uint32_t invite_cseq;             // of the last INVITE that got a 2xx
	struct sent_request sent[24];
	uint32_t sent_count;
	struct got_request got[ACTOR_REQUESTS_MAX];
	uint32_t got_count;
	uint32_t rseq;                    // of the last reliable provisional response that came
	// Session descriptions: ours, and the switch's.
	struct str sdp;
	uint32_t sdp_version, key_number; // key_number: changes of its key for SRTP
	struct addr media;                // where we listen
	struct str switch_sdp;
	struct addr switch_media;         // where the switch listens for us
	uint64_t switch_sdp_id, switch_sdp_version;
	struct str switch_sdp_rest;       // all but its o= line, to tell whether it changed
};

enum actor_kind { ACTOR_LINE, ACTOR_TRUNK, ACTOR_STRANGER };

struct actor {
	struct str name;
	enum actor_kind kind;
	uint32_t index;
	struct addr addr;    // whence it sends, where it receives
	struct addr contact; // what it says of itself; behind a NAT not the same
	struct addr sw;      // where it believes the switch
	struct str user, number, password, display, host; // host: of its own URIs
	uint32_t line, trunk_group;                       // ids in the office; 0 none
	uint16_t listener;
	struct actor_call *calls[ACTOR_CALLS_MAX];
	uint32_t call_count;
	struct actor_call *current;
	struct actor_call *registration; // its REGISTERs: one Call-ID, rising CSeq
	uint32_t branches, nonce_count;
	struct str challenge; // the last that it answered
	bool proxy_challenge;
	uint64_t ignores; // methods, as bits; bit 63: everything
	bool mute;        // answers no challenge and no OPTIONS by itself
	bool silent;      // sends no media
	uint64_t silent_ms; // ... since then
};

struct event { // for the picture: a message, a remark, or both
	uint64_t at_ms;
	const struct message *message;
	struct str remark;
	bool lost;
};

struct ladder {
	const struct script *script;
	const struct scene *scene;
	struct arena arena; // all text of one run
	uint32_t at;              // item being done, as an index into the script
	const struct item *item;  // the same
	uint64_t now_ms, began_ms;
	struct actor actors[ACTORS_MAX];
	uint32_t actor_count;
	struct str realm;
	struct message *messages; // owned
	uint32_t message_count, dealt; // dealt: of so many the automatic rules know
	struct weather *weather; // not owned; NULL: calm
	uint32_t late[LADDER_LATE_MAX], late_count; // items: provisional responses that did not come yet
	uint64_t waited_ms;      // as the script said; the rest of the time that passed is the weather's
	struct event *events; // owned
	uint32_t event_count;
	struct exchange *exchange; // the switch and its surroundings; NULL until a message goes to it
	uint64_t counted[LADDER_COUNTERS_MAX]; // what counters said at the start
	struct str expected_failure; // how its failure begins: a test of the tests
	struct str awaits;           // what must be mended in the switch before it can go well
	bool failed;
	struct message *culprit;
	char failure[LADDER_TEXT_MAX];
};

// RUNNING (run.c). The memory for one ladder after the other; NULL: there is none.
struct ladder *ladder_new(void);
struct ladder *ladder_free(struct ladder *l);
// True: it went as written (or failed as it was to fail). What passed stays to be drawn until the next run.
// In calm weather (NULL), or in this one.
bool ladder_run(struct ladder *l, const struct script *s, const struct scene *scene, struct weather *w);
// Writes down the first failure; later ones are ignored. False always, to be returned.
bool ladder_fail(struct ladder *l, struct message *culprit, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void ladder_remark(struct ladder *l, struct str text);
// What became of a message in weather.
void ladder_note(struct ladder *l, const struct message *m, bool lost, struct str text);
struct actor *ladder_actor(struct ladder *l, struct str name);
const struct word *ladder_words(const struct ladder *l, const struct item *item);
const char *ladder_z(struct ladder *l, struct str text); // the same, ended by NUL
// Text of the ladder's own life.
struct str ladder_text(struct ladder *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

// THE WAY BETWEEN (net.c)
// Gives the switch the beginning of what it sent back: nobody is there.
bool net_return(struct ladder *l, const struct message *m);
// Hands a party's message to the switch or to the other party, at once (lost: to nobody).
struct message *net_send(struct ladder *l, struct actor *from, struct actor *to, struct str bytes, bool lost);
// Takes a packet of the switch into the inbox of its party.
void net_receive(struct ladder *l, const struct packet *p);
// In weather: a message of the switch that is not in the inbox yet, and one that now is.
struct message *net_hold(struct ladder *l, struct actor *to, struct str bytes);
void net_hand_up(struct ladder *l, struct message *m);
// Lets everything happen that happens at this instant.
void net_settle(struct ladder *l);
// Lets time pass; a message that comes before the end and that nobody expects ends it: false.
bool net_wait(struct ladder *l, uint64_t ms);
// Lets time pass to the next thing that happens, at the longest until a time. False: it is reached.
bool net_advance(struct ladder *l, uint64_t until_ms);
// In weather: lets time pass until all that was said is heard, or until a party may speak.
void net_rest(struct ladder *l);
void net_turn(struct ladder *l, const struct actor *p);
// Is there a message that nobody expected?
struct message *net_unexpected(struct ladder *l);
