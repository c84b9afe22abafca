// A dialog (RFC 3261 §12): what two user agents remember of each other between requests.
#pragma once

#include "wire/sip/msg.h"

struct sip_dialog {
	char *text; // owned, one allocation for all slices below; NULL: no dialog yet
	struct str call_id, local_tag, remote_tag;
	struct str local_uri, remote_uri; // From and To as name-addr without tag, ours first
	struct str remote_target;         // URI of their Contact
	struct str routes;                // Route value list, in the order to send; empty: none
	bool first_route_loose;
	uint32_t local_cseq, remote_cseq; // remote 0: none seen yet
	struct addr flow_peer;            // where requests go: the line's flow, or the trunk's peer
	uint16_t flow_listener;
	bool confirmed; // by a 2xx
};

// As UAS, from a request that may make a dialog (its Contact is the target, Record-Route the routes in order) and our
// tag. As UAC, from our request's text and a response with a To tag (Record-Route in reverse). The flow is where the
// message came from. ERR_BAD: no usable Contact or tag; ERR_FULL: no memory.
MUST_CHECK enum err sip_dialog_init_uas(struct sip_dialog *d, const struct sip_msg *request,
                                        const struct sip_source *from, struct str local_tag);
MUST_CHECK enum err sip_dialog_init_uac(struct sip_dialog *d, const struct sip_msg *request,
                                        const struct sip_msg *response, const struct sip_source *from);
// From what was kept of one: its texts are copied, all else is taken as it is. ERR_BAD: its routes cannot be read.
MUST_CHECK enum err sip_dialog_restore(struct sip_dialog *d, const struct sip_dialog *kept);
void sip_dialog_fini(struct sip_dialog *d);
// The 2xx of an early dialog that we began: its Contact and Record-Route replace what the provisional response said
// (RFC 3261 §13.2.2.4). ERR_BAD, ERR_FULL: nothing changed.
MUST_CHECK enum err sip_dialog_confirm(struct sip_dialog *d, const struct sip_msg *response);

// A target refresh: the Contact of a re-INVITE or its 2xx replaces the remote target (RFC 3261 §12.2). Unparsable or
// missing: nothing changes.
MUST_CHECK enum err sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m);

enum sip_dialog_check { SIP_DIALOG_OK, SIP_DIALOG_OTHER, SIP_DIALOG_OUT_OF_ORDER };
// Is this in-dialog request ours (Call-ID, both tags), and in order? OK advances remote_cseq (not for ACK and CANCEL).
// OTHER: 481. OUT_OF_ORDER: 500 (RFC 3261 §12.2.2).
enum sip_dialog_check sip_dialog_check_request(struct sip_dialog *d, const struct sip_msg *m);

// Writes the head of an in-dialog request: request line, Route, Via (sent_by, branch, rport),
// Max-Forwards 70, From, To, Call-ID, CSeq (the next number, or for ACK `ack_cseq`), Contact when `contact` is given.
// The caller adds headers and the body. CANCEL is the transaction layer's.
struct sip_dialog_request {
	enum sip_method method;
	struct addr sent_by;
	struct str branch, contact;
	uint32_t ack_cseq;
};
void put_sip_dialog_request(struct buf *b, struct sip_dialog *d, const struct sip_dialog_request *r);
