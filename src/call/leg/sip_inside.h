// What the files of the SIP leg share and nobody else sees.
#pragma once

#include "call/leg/sip_leg.h"

ref leg_ref(const struct sip_leg *leg);
// One event through the leg's machine; what the action needs stands in `in`.
struct leg_input {
	const struct verb *verb;          // from the call
	const struct sip_msg *msg;        // from the network
	const struct sip_source *from;
	ref txn;
	bool unreachable;                 // RX_FAILURE without a message: it came back, else nobody answered
};
void leg_step(struct sip_leg *leg, enum sip_leg_event event, const struct leg_input *in);
// May this happen now? Advances the offer/answer machine if so.
bool oa_step(struct sip_leg *leg, enum sip_oa_event event);
void leg_tell(struct sip_leg *leg, const struct verb *v);
// NULL: all are taken, or only those are left that are kept for emergency calls.
// NULL: no room. `reserve`: of SIP_LEGS_RESERVED it may have so many.
struct sip_leg *leg_new(struct sip_legs *ls, uint32_t reserve);
void leg_free(struct sip_leg *leg);
// Before a request in the dialog: a phone whose connection has ended is reached by the one by which it registered again.
void leg_find_flow(struct sip_leg *leg);
void leg_keep(struct sip_leg *leg, struct str *slot, struct str text);
void leg_ladder(struct sip_leg *leg, bool out, struct str bytes);
enum leg_timer { LEG_TIMER_EXPIRES, LEG_TIMER_RELIABLE, LEG_TIMER_SESSION };

// Nothing that a 2xx to their INVITE must wait for is open any more?
void leg_cleared(struct sip_leg *leg);

// sip_early.c: early dialogs.
// NULL: no memory.
struct sip_early *early_of(struct sip_leg *leg);
void early_free(struct sip_leg *leg);
// The early dialog of a To tag; NULL: there is none, and no room for it or none to be made.
struct sip_branch *branch_of(struct sip_leg *leg, struct str tag, bool make);
// Makes the dialog of a branch from its 18x, if there is none. False: it names no Contact.
bool branch_dialog(struct sip_leg *leg, struct sip_branch *b, const struct sip_msg *m, const struct sip_source *from);
// The leg speaks in this one from now on (NULL: in none).
void branch_enter(struct sip_leg *leg, struct sip_branch *b);
// The dialog of a To tag, whether the leg speaks in it or not; NULL: none.
struct sip_dialog *leg_dialog_of(struct sip_leg *leg, struct str tag);
// A request of theirs before their 2xx: enters its dialog. False: it was answered.
bool branch_of_request(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from);

// sip_reliable.c: provisional responses that are acknowledged by PRACK (RFC 3262).
// Reads what their INVITE says of them.
void reliable_read(struct sip_leg *leg, const struct sip_msg *m);
// What of ours is not acknowledged yet?
bool reliable_waits(const struct sip_leg *leg);
bool reliable_said_sdp(const struct sip_leg *leg);
// May an 18x of ours bring an offer?
bool reliable_may_offer(const struct sip_leg *leg);
// Sends an 18x, reliably where that is asked for or of use; `sdp`: the answer, if this 18x has something to hear; or the
// offer, where they sent none.
void reliable_send(struct sip_leg *leg, uint16_t status, struct str sdp);
// The next one, if one waits for the PRACK of that before it.
void reliable_next(struct sip_leg *leg);
// The last one is due to be said again, or to be given up.
void reliable_due(struct sip_leg *leg);
// Its PRACK came, with an offer that has been answered too.
void reliable_acknowledged(struct sip_leg *leg);
void reliable_prack(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from);
// An 18x to our INVITE: acknowledged if it is to be. False: it says nothing, as a repetition or out of order.
// *brings: what its SDP is.
bool reliable_take(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from, enum verb_media *brings);

// sip_reinvite.c: INVITE in the dialog.
void reinvite_request(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from);
void reinvite_send(struct sip_leg *leg, const struct verb *v); // MEDIA_OFFER or MEDIA_ASK
// The call answers theirs, or refuses it.
void reinvite_answer(struct sip_leg *leg, const struct verb *v);
void reinvite_response(struct sip_leg *leg, const struct sip_msg *m);
// Ours had no answer, or came back.
void reinvite_failed(struct sip_leg *leg, bool unreachable);

// sip_update.c: offers and answers that go in no INVITE.
void update_request(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from);
// An offer of theirs in an UPDATE or PRACK: told to the call, or refused. True: it was told.
bool update_offer(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from, struct str sdp);
// Could an offer go out in an early dialog now?
bool update_is_possible(const struct sip_leg *leg);
// Sends the call's offer in an UPDATE.
void update_send(struct sip_leg *leg, const struct verb *v);
// The call answers, or refuses, the offer that came in an UPDATE or PRACK.
void update_answer(struct sip_leg *leg, const struct verb *v);
void update_response(struct sip_leg *leg, const struct sip_msg *m);
void update_failed(struct sip_leg *leg);
// The dialog ends: whatever is open is answered or forgotten.
void update_end(struct sip_leg *leg);
// What a message of theirs says that they allow.
void update_learn(struct sip_leg *leg, const struct sip_msg *m);

// sip_session.c: session timers (RFC 4028).
struct session_said { // by a message; 0, false: nothing
	uint32_t interval_s, min_s;
	bool supported, uac, uas; // refresher=uac, refresher=uas
};
// False: it names no interval.
bool session_read(struct session_said *out, const struct sip_msg *m);
// A request that wants a session shorter than we take: the lines of its 422; else empty.
struct str session_too_short(struct sip_legs *ls, const struct sip_msg *m);
// An INVITE or UPDATE of theirs, before its 2xx; and what that says: the session begins or goes on.
void session_asked(struct sip_leg *leg, const struct sip_msg *m);
void session_put_answer(struct buf *b, struct sip_leg *leg);
// Their offer is the one that was agreed last: it wants nothing but our answer to that.
bool session_is_refresh(const struct sip_leg *leg, struct str sdp);
// Our first INVITE offers one as the office wants it; what our requests say of it; their 2xx.
void session_offer(struct sip_leg *leg);
void session_put_ask(struct buf *b, struct sip_leg *leg);
void session_answered(struct sip_leg *leg, const struct sip_msg *m);
// A 422 to our first INVITE. False: it means what it says.
bool session_invite_again(struct sip_leg *leg, const struct sip_msg *m);
// Its time has come: to be refreshed, or to end.
void session_due(struct sip_leg *leg);
// The answer to an UPDATE, or to a re-INVITE, that was a refresh and nothing else; NULL: there was none. False: to another.
bool session_response(struct sip_leg *leg, ref txn, const struct sip_msg *m);
bool session_reinvited(struct sip_leg *leg, const struct sip_msg *m);
// Descriptions, ours that goes out and theirs that came; and what becomes of them.
void session_said(struct sip_leg *leg, struct str sdp);
void session_heard(struct sip_leg *leg, struct str sdp);
void session_agreed(struct sip_leg *leg, bool refused);
uint64_t session_hash(struct str sdp);
void session_free(struct sip_leg *leg);

// sip_credentials.c: a 401 or 407 to a request of the leg. False: it is not answered, and means what it says.
bool credentials_answer(struct sip_leg *leg, ref txn, const struct sip_msg *m);
// The same to a BYE that has no leg: of a call that a crash cut off, or of an answer that nobody waited for. Once.
void credentials_answer_bye(struct sip_legs *ls, const struct sip_msg *m, const struct sip_source *from);

// sip_pbx.c: lines of several numbers.
struct pbx_target {
	const struct office_line *line;
	const struct number *called;
	struct str contact, realm;
};
// Request-URI and To of an INVITE to a line, whose phone registered the contact.
void pbx_put_target(struct buf *uri, struct buf *to, const struct pbx_target *t);
// P-Called-Party-ID (RFC 7315 4.2), where the number dialled is not told by who is rung.
void pbx_put_called(struct buf *b, const struct pbx_target *t);
// The number that a PBX shows for its call: one of its own, or none.
void pbx_caller(struct party *p, const struct sip_auth *a, const struct office_line *line, const struct sip_msg *m);

// sip_divert.c: who sent a call on before, and why (RFC 5806, RFC 7044).
struct sip_diversions {
	struct diversion list[DIVERSIONS_MAX]; // oldest first
	uint8_t n, total; // total: how often it was sent on
};
// `spoken`: set of enum office_diversion, which headers count.
void divert_read(struct sip_diversions *out, const struct sip_msg *m, uint8_t spoken, struct arena *arena);
struct divert_told {
	const struct verb_offer *offer;
	struct str target, host; // where the call goes now (a URI); the host part of numbers
	uint8_t spoken;          // set of enum office_diversion
	bool trusted;            // to keep what may not be shown
};
void put_diversions(struct buf *b, const struct divert_told *t);

// sip_in.c: a leg of an INVITE that may become one of a call. NULL: it was answered.
struct invited {
	uint32_t line, trunk_group; // whose it is: one of the two
	uint32_t reserve;           // as for leg_new
};
struct sip_leg *leg_of_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from,
                              const struct invited *who);
// It does not, or it does.
void leg_refuse_invite(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
                       struct str extra);
void leg_take_invite(struct sip_leg *leg, const struct sip_msg *m);

// sip_replaces.c: an INVITE that wants the place of a party of a call that stands (RFC 3891); line NULL: of a trunk.
void replaces_invite(struct sip_legs *ls, ref txn, const struct sip_msg *m, const struct sip_source *from,
                     const struct office_line *line);

// sip_refer.c: a party asks to be replaced, and is told what becomes of it (RFC 3515).
void refer_take(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from);
// A SUBSCRIBE within the dialog: to what a REFER began, or 489.
void refer_subscribe(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from);
// The call's word.
void refer_news(struct sip_leg *leg, const struct verb *v);
// A NOTIFY was answered; status 0: it was not.
void refer_notified(struct sip_leg *leg, ref txn, uint16_t status);
// The call releases the leg: what is not told now is told no more.
void refer_end(struct sip_leg *leg, bool they_left);
void refer_free(struct sip_leg *leg);

// sip_out.c
// A buffer for one message, which dies with the event.
struct buf out_room(struct sip_legs *ls);
// A number as the user part of a URI; a '#' in it must be escaped.
void put_number_user(struct buf *b, const struct number *n);
// <sip:...>: where this leg is reached.
struct str out_contact(struct sip_leg *leg);
struct notify {
	struct str event, state, type, body;
};
// A NOTIFY in the dialog; *txn 0: it could not be sent.
void out_notify(struct sip_leg *leg, const struct notify *n, ref *txn);
void out_invite(struct sip_leg *leg, const struct verb *v);   // the first one
// With an offer, or without. False: it could not be sent.
bool out_reinvite(struct sip_leg *leg, const struct verb *v);
struct str out_branch(struct sip_leg *leg);
// The text of our first INVITE once more, which `m` refused.
bool out_invite_again(struct sip_leg *leg, const struct sip_msg *m, struct str branch, struct str text);
void out_ack(struct sip_leg *leg, struct str sdp);
// The ACK of a 2xx whose offer will not be answered by the other side: no to each medium (RFC 3261 13.2.2.4).
void out_refusing_ack(struct sip_leg *leg, struct str offer);
void out_bye(struct sip_leg *leg); // with its cause; bye_txn 0: there was no room
// Answers the open INVITE: its head, extra header lines, a body.
void out_invite_response(struct sip_leg *leg, uint16_t status, struct str reason, struct str extra, struct str sdp);
// The same, reliably: what was sent, to be said again until the PRACK comes; empty: it could not be sent.
struct str out_reliable_response(struct sip_leg *leg, uint16_t status, uint32_t rseq, struct str sdp);
// The PRACK of their 18x, in the dialog that the leg speaks in; `sdp`: the answer to the offer that it brought.
void out_prack(struct sip_leg *leg, uint32_t rseq, uint32_t invite_cseq, struct str sdp);
// *txn 0: it could not be sent.
void out_update(struct sip_leg *leg, struct str sdp, ref *txn);
// Answers the UPDATE or PRACK whose head was kept.
void out_update_response(struct sip_leg *leg, uint16_t status, struct str extra, struct str sdp);
// "Contact: <sip:...>\r\n", for an answer that is not to an INVITE.
void put_leg_contact(struct buf *b, const struct sip_leg *leg);
// Answers a request in the leg's dialog that came from where it may; of an INVITE it is repeated until the ACK comes.
void out_reply(struct sip_leg *leg, ref txn, const struct sip_msg *m, const struct sip_source *from, uint16_t status,
               struct str extra);
void out_bye_response(struct sip_leg *leg);
// It is decided and goes out later: into the ladder with it now.
void out_note_bye_response(struct sip_leg *leg);
// ACK and BYE of a dialog that has no leg: `leg` holds only what they need and is in no pool. Their 2xx may bring an offer
// (empty: none): the ACK answers it, with no to each medium, each time that it comes in the same way.
void out_stray_ack(struct sip_leg *leg, struct str offer);
// Both; on an error neither.
MUST_CHECK enum err out_stray_bye(struct sip_leg *leg, struct str offer);
struct leg_link sip_leg_link(struct sip_leg *leg);
// Keeps the part of a response that the request alone decides.
struct str out_head(struct sip_leg *leg, const struct sip_msg *m, const struct sip_source *from);
// "Reason: Q.850;cause=17;text=\"user busy\"\r\n"
void put_reason(struct buf *b, struct cause cause);
// SDP of a message; false: it carries something else, and 415 was what to say.
bool msg_sdp(const struct sip_msg *m, struct str *sdp);
bool sdp_is_good(struct str text);
// The Contact of a request or its 2xx is the remote target from now on (RFC 3261 12.2).
void leg_refresh(struct sip_leg *leg, const struct sip_msg *m);
// "Retry-After: 7\r\n", of 0 to 10 s; good until the step ends.
struct str retry_after(struct sip_leg *leg);
