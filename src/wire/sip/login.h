// Answering who challenges a request of ours (RFC 3261 §22.2, §22.3; RFC 7616, RFC 8760): the request goes out again,
// with a new branch, the next CSeq number and credentials.
//
//     request ─▶          ◀─ 401 or 407          request, CSeq + 1, Authorization or Proxy-Authorization ─▶
#pragma once

#include "wire/sip/digest.h"

#define SIP_CREDENTIALS_MAX 2048 // octets of the header lines that answer one response

struct sip_login { // borrowed
	struct str user;
	struct str realm;    // the only one that is answered; empty: any, with the password itself
	struct str password; // without a realm
	const uint8_t *ha1[SIP_DIGEST_COUNT]; // with one
};

struct sip_again {
	const struct sip_login *login;
	const struct sip_msg *challenge; // the 401 or 407
	struct str sent;                 // the request that was challenged, as it went out
	struct addr sent_by;             // as its Via says it
	struct str branch, cnonce;
	uint32_t cseq;
};
// Writes the request again, and into `credentials` the lines that were added to it. False: there is no challenge that
// we have an answer to; or it was given already, and the nonce is not said to be stale.
bool put_sip_again(struct buf *b, struct buf *credentials, const struct sip_again *a);
