// Who is this? The digest check of every out-of-dialog request that comes from no trunk (RFC 3261 §22, RFC 8760).
//
//     no credentials, not understood, wrong, user unknown, guessed too often   401, a fresh challenge
//     right, but the nonce is old, of another start, or used with this count   401, a fresh challenge, stale=true
//     right, but From or P-Preferred-Identity is another's                     403
//     right                                                                    the line
//
// A stranger cannot tell an unknown user from a wrong password: same answer, same work. An unknown user is answered as
// a line picked by the hash of its name would be. The challenge keeps no state and is short: one algorithm only for a
// source from which nobody authenticated lately (at most 1.5 x the request's octets + 300).
#pragma once

#include "call/model/number.h"
#include "live/live.h"
#include "office/office.h"
#include "wire/sip/digest.h"
#include "wire/sip/txn.h"

struct sip_auth { // all borrowed
	const struct office *office;
	struct live *live;
	const struct sip_nonce_secret *secret; // made anew at each start: used nonces are not remembered over one
	struct env *env;
};

// Which line sends this request? OK: *line, good until the caller's next rcu_quiescent. ERR_REFUSED: the answer to send
// stands whole in `answer`, its status in *status: a 401 with sip_server_respond_stateless, others with
// sip_server_respond. Not for ACK and CANCEL, which cannot be challenged.
MUST_CHECK enum err sip_auth_check(const struct office_line **line, const struct sip_auth *a, const struct sip_msg *m,
                                   const struct sip_source *from, struct buf *answer, uint16_t *status);
// A request in a dialog that was taken, or refused, without asking who sent it: right credentials that it may bring count
// as used, or whoever overheard it could begin a call with them.
void sip_auth_spend(const struct sip_auth *a, const struct sip_msg *m);
// May this line call itself so: its name, its number in any usual spelling, or a number that the office gives it? Also
// nobody's: sip:anonymous@anonymous.invalid (RFC 3323 §4.1.1.3).
bool sip_auth_is_own(const struct sip_auth *a, const struct office_line *line, const struct sip_uri *uri);
// The line whose name, or one of whose numbers, stands in this URI; NULL: none.
const struct office_line *sip_auth_line_of(const struct sip_auth *a, const struct sip_uri *uri);
// The number of this line that a URI names, in E.164; false: it names none, or another's.
bool sip_auth_own_number(struct number *out, const struct sip_auth *a, const struct office_line *line,
                         const struct sip_uri *uri);
// The tag for the To of an answer that keeps no state: the same for the same request (RFC 3261 §8.2.7). Into scratch.
struct str sip_auth_stateless_tag(const struct sip_auth *a, const struct sip_msg *m);
