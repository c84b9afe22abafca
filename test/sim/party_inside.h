// The inside of the parties, for their own files only: who they are, their transactions and dialogs.
//
//     net ▶ party.c ▶ party_txn.c ▶ phone_answer.c, phone_call.c, phone_talk.c ▶ party_write.c ▶ net
//                     RFC 3261 17   dialogs: what its character does             words
//
// An own small user agent: of the switch's code it uses the parser and the digest, nothing else.
#pragma once

#include "base/list.h"
#include "base/pool.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "sim/ledger.h"
#include "sim/node.h"
#include "sim/party.h"
#include "sim/reading.h"
#include "wire/sip/digest.h"

#define T1_MS 500u
#define T2_MS 4000u
#define GIVE_UP_MS (64 * T1_MS) // timers B, F, H, J, and how long a 2xx is repeated
#define KNOWN_MS (GIVE_UP_MS + 16000u) // how long what comes late is still known for what it is
#define RINGS_MS 300000u // how long after its INVITE was given up a response to it may still come
#define MESSAGE_MAX 4096u
#define PHONES_OF_LINE_MAX 3u

enum party_timer { TIMER_GENERATE, TIMER_PARTY, TIMER_REGISTER, TIMER_DIALOG, TIMER_RESEND, TIMER_END };

struct ua {
	struct endpoint end; // where its packets come from, as the world sees it
	struct parties *all;
	const struct character *as;
	uint32_t index, line, group; // ids; of a phone the group is 0, of a trunk's peer the line
	char user[OFFICE_NAME_MAX];  // of its address of record
	char number[OFFICE_DIGITS_MAX + 1]; // that others dial
	char host[64];               // host:port of its Via and Contact: behind a NAT not its address
	char aor[128];               // <sip:user@host>
	char register_from[160];     // the same with a tag
	struct addr sw;              // the switch, in its family
	char sw_host[64];
	// Credentials: the last nonce, used until the switch wants another.
	uint8_t ha1[SIP_DIGEST_COUNT][32], ha1_known;
	char realm[OFFICE_NAME_MAX], nonce[128];
	uint8_t algorithm;
	uint32_t nonce_count;
	// Registration
	char register_id[48]; // Call-ID; "" before the first
	uint32_t register_cseq, register_tries, expires_s;
	bool registered;
	struct timer registering, own;
	struct list dialogs;       // that stand
	uint32_t standing;
	uint32_t idle_at;          // index + 1 in parties.idle; 0: not idle
	uint64_t whole_since_ms;   // it got all that was sent to it, and forgot nothing
	uint32_t left_to_send;     // of a hostile one's sequence
	uint64_t deaf_until_ms;    // mute, or rebooting: nothing comes in or goes out
	uint64_t silent_until_ms;  // a trunk's peer: new calls and OPTIONS go unanswered
	uint16_t media_port;
	uint8_t codecs;            // which it has, and in what order
};

enum talk { TALK_CALLING, TALK_INVITED, TALK_ANSWERED, TALK_UP, TALK_LEAVING };
enum sdp_way { WAY_INACTIVE, WAY_SENDONLY, WAY_RECVONLY, WAY_SENDRECV }; // bit 0 send, bit 1 receive

// What a description says, as far as a phone looks.
#define PTS_MAX 16
struct sdp_seen {
	uint64_t id, version, hash; // of the o= line; hash of all below it
	uint32_t media_count, pt_count;
	uint8_t pts[PTS_MAX], event_pt; // of the audio; 0xff none
	uint8_t way;
	struct addr audio; // port 0: rejected
};

struct dialog {
	struct map_node by_id; // Call-ID
	struct list of_party;
	struct ua *party;
	struct ledger_call *seen;
	char call_id[80], local_tag[17], remote_tag[80], target[128], local[192], remote[256], uri[96];
	uint8_t talk; // enum talk
	bool caller, late_offer, cancel_wanted, cancelled, dial_tone;
	bool held_by_me, held_by_far, lost_ack; // lost_ack: it will not acknowledge
	uint32_t local_cseq, remote_cseq, invite_cseq, tries;
	uint64_t remote_seen; // bit n: remote_cseq - n was used
	ref inviting; // own (re-)INVITE that has no final answer
	ref invited;  // the switch's, that has none; or its 2xx no ACK
	struct timer clock;
	uint64_t began_ms, hang_up_ms, act_ms, answer_ms;
	uint8_t act;  // what comes next in the call
	uint8_t ring; // steps done while it rings here
	char digits[40];
	uint8_t digit_at;
	// Offer and answer
	bool my_offer_open, far_offer_open;
	uint32_t my_version, my_media_count;
	uint64_t my_hash;
	uint8_t my_way, my_offer_way;
	uint8_t my_pts[PTS_MAX], my_pt_count;
	struct sdp_seen far; // version 0: none yet
	uint64_t heard, said, said_before; // hashes of the last descriptions that counted
	uint16_t media_port;
};

struct txn {
	struct map_node by_branch;
	char branch[80];
	struct ua *party;
	ref dialog;
	enum sip_method method;
	bool server, proceeding, acked;
	uint16_t status; // final; 0 none
	uint32_t cseq, interval_ms;
	struct str text; // in slab: the request of a client, the last response of a server
	struct str more; // in slab: client: the ACK; server: Via to CSeq of its INVITE
	char to_tag[80]; // of the first final response to a client
	struct timer resend, end;
	uint64_t began_ms;
};

struct parties {
	struct sim *sim;
	struct ua *list; // owned
	uint32_t count, phones, calls_begun;
	uint32_t *idle, idle_count; // owned; parties that could call now
	struct pool dialogs, txns;
	struct map by_id, by_branch;
	struct slab texts;
	struct wheel wheel;
	uint64_t wake_ms;
	struct timer generate;
	struct hash_key tag_key;
	uint64_t tags_made, ids_made;
	bool started, ending;
	uint32_t live_txns; // that wait for something: not yet only known
	// What the weather did, as far as it excuses what a party sees.
	uint64_t spoiled, lost, spoiled_ms, disturbed_ms;
	uint32_t boots;
	struct hostile *hostile;
};

// party.c
void party_send(struct ua *p, struct str text);
void party_timer(struct ua *p, struct timer *t, uint64_t after_ms, enum party_timer kind, ref owner);
void party_idle(struct ua *p);     // it may call again, if it may
void party_not_idle(struct ua *p);
void party_rebind(struct ua *p);   // another port, as a NAT gives it
void party_reboot(struct ua *p);
uint64_t party_now(const struct ua *p);
uint32_t party_between(const struct ua *p, uint32_t a, uint32_t b);
bool party_chance(const struct ua *p, uint32_t of_10000);
bool party_is_deaf(const struct ua *p);
const struct ua *party_random_line(struct ua *p); // to be called

// party_txn.c
struct request {
	enum sip_method method;
	struct str branch; // empty: a new one
	struct str uri, from, to, call_id, extra, body;
	uint32_t cseq;
	bool contact, credentials;
};
// Writes and sends; not ACK. NULL: no room.
struct txn *client_send(struct ua *p, struct dialog *d, const struct request *r);
void client_cancel(struct txn *t);
void client_forget(struct txn *t); // nobody waits for its answer any more; it will not wait for ever
void client_keep_ack(struct txn *t, struct str text); // of its 2xx: sent again when that comes again
void server_respond(struct txn *t, uint16_t status, struct str text);
void server_acked(struct txn *t); // the ACK of its 2xx
void ua_txn_receive(struct ua *p, const struct sip_msg *m);
void ua_txn_timer(struct parties *all, struct timer *t);
void ua_txn_free(struct parties *all, struct txn *t);

// party_write.c
void put_request(struct buf *b, struct ua *p, const struct request *r, struct str branch);
// "Via..., From, To with the tag, Call-ID, CSeq"
void put_echo(struct buf *b, const struct sip_msg *m, struct str to_tag);
void put_response(struct buf *b, struct ua *p, uint16_t status, struct str head, struct str extra, struct str sdp);
void reply(struct txn *t, const struct sip_msg *m, uint16_t status, struct str extra); // at once, without a dialog
struct str new_branch(struct ua *p, char memory[40]);
void new_tag(char out[17], struct ua *p, struct str call_id);
bool tag_is_of(const struct ua *p, struct str call_id, struct str tag); // of any dialog that it ever had
bool take_challenge(struct ua *p, const struct sip_msg *m); // remembers the nonce

// party_sdp.c: session descriptions
bool sdp_see(struct sdp_seen *out, struct str text);
// The party's own offer, or its answer to d->far.
struct str sdp_mine(struct dialog *d, bool answer, char memory[MESSAGE_MAX]);
// A description from the switch; fails the run when it may not be so. False: it is not to be used.
bool sdp_take(struct dialog *d, const struct sip_msg *m, bool is_answer);
// One that is refused unread: its version counts all the same.
void sdp_pass_over(struct dialog *d, const struct sip_msg *m);

// party_dialog.c
struct dialog *dialog_new(struct ua *p, struct str call_id, bool caller);
struct dialog *dialog_of(struct ua *p, const struct sip_msg *m); // NULL: none
void dialog_end(struct dialog *d, bool by_me);                      // and frees
void dialog_voice(const struct dialog *d, bool speaks);             // whether it sends media
void dialog_send(struct dialog *d, enum sip_method method, struct str body);
struct str dialog_ack(struct dialog *d, uint32_t cseq, struct str body, char memory[MESSAGE_MAX]);
void dialog_on_request(struct ua *p, struct txn *t, const struct sip_msg *m); // new, in a dialog or not
void dialog_on_ack(struct ua *p, const struct sip_msg *m);
void dialog_on_bye(struct dialog *d, struct txn *t, const struct sip_msg *m);

// phone_call.c: what it begins
bool call_begin(struct ua *p);
void call_give_up(struct dialog *d);
void call_on_response(struct dialog *d, struct txn *t, const struct sip_msg *m, bool again);
void call_on_timeout(struct dialog *d, struct txn *t);

// phone_answer.c: what comes in
void answer_on_invite(struct ua *p, struct txn *t, const struct sip_msg *m);
void answer_on_reinvite(struct dialog *d, struct txn *t, const struct sip_msg *m);
void answer_on_cancel(struct txn *invite, const struct sip_msg *m);
void answer_on_no_ack(struct dialog *d, struct txn *t);
void answer_timer(struct dialog *d);
void answer_end(struct dialog *d); // the run is to end: it rings no more
// A response to the INVITE in t, good until the next.
struct str answer_text(struct dialog *d, struct txn *t, uint16_t status, struct str sdp);

// phone_talk.c: what happens in a call
void talk_begin(struct dialog *d);
void talk_timer(struct dialog *d);
void talk_reinvite(struct dialog *d);
void talk_later(struct dialog *d, uint32_t after_ms); // the same again: it met the switch's
void talk_hang_up(struct dialog *d);

// phone_register.c
void register_begin(struct ua *p);
void register_on_response(struct ua *p, const struct sip_msg *m); // NULL: none came
void register_again(struct ua *p, uint32_t after_ms);

// trunk.c
void trunk_init(struct ua *p, const struct office_trunk_group *g, uint32_t peer);
void trunk_timer(struct ua *p);
void trunk_caller(const struct ua *p, char from[192]);
uint16_t trunk_refusal(const struct ua *p); // 0: it takes the call

// party_judge.c: what a strict phone refuses
void judge_weather(struct parties *all);
bool judge_calm_since(struct parties *all, uint64_t ms);    // nothing was lost, late or broken, and the node stood
bool judge_unspoiled(struct parties *all, uint64_t ms);     // at least nothing came changed since
void judge_fail(const struct ua *p, const struct sip_msg *m, const char *why);
void judge_dialog(const struct dialog *d, const struct sip_msg *m, const char *why); // unless something was changed
void judge_request(struct ua *p, const struct sip_msg *m);
void judge_response(const struct txn *t, const struct sip_msg *m);
void judge_stray_response(struct ua *p, const struct sip_msg *m);
void judge_stray_request(struct ua *p, const struct sip_msg *m);
void judge_cseq(struct dialog *d, const struct sip_msg *m);
void judge_silence(const struct txn *t); // no final answer, or no ACK, for 64 T1

// hostile.c
void hostile_overhears(struct parties *all, struct str text);
void hostile_timer(struct ua *p);
bool hostile_new(struct parties *all);
void hostile_free(struct parties *all);

// character.c
const struct character *character_draw(struct sim *s, uint32_t line_phones); // that a line with so many phones may have
const struct character *character_named(const char *name);
