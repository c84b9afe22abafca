// From whom media are taken, and where they are sent. Whoever may send us a packet must not so become the other end
// of a call ("RTP bleed"): the source is learnt only from hosts that signalling named, and only while a window is
// open.
//
//     offer or answer ──▶ OPEN ──first packet──▶ SETTLING ──3 s──▶ SHUT ──2 s of silence──▶ SILENT
//                         any port of the        another port, if       only the       another port, if it keeps the
//                         hosts named            it keeps the SSRC,     source         SSRC
//                                                or the source is
//                                                quiet for 200 ms
//
// The hosts are the one that SDP names and, where a NAT may stand between, the one that signalling comes from. In every
// state but SHUT the very address and port of the SDP are taken, whatever their SSRC, and keep their place while they
// send. Packets of the source itself are always taken. From all others nothing is relayed and nothing is learnt.
#pragma once

#include "base/addr.h"

#define LATCH_SETTLE_US 3000000u
#define LATCH_SILENCE_US 2000000u
#define LATCH_QUIET_US 200000u // a phone that moved to another port in mid-call leaves the old one at once

struct latch {
	struct addr said;       // by SDP; family 0: none
	struct addr signalling; // host to learn from besides; family 0: none
	struct addr source;     // learnt; family 0: none
	uint64_t first_us;      // first packet since the window was opened; 0: none yet
	uint64_t last_us;       // last packet of the source
	uint32_t ssrc;          // of the source's last packet
	bool ssrc_known;
};

// An offer or an answer named (or confirmed) the addresses: opens the window. When they changed, the source is
// forgotten.
void latch_open(struct latch *l, const struct addr *said, const struct addr *signalling);
// A packet came: is it of the other end? Learns. `ssrc` NULL: it has none (not RTP), so another port cannot prove
// itself.
bool latch_accept(struct latch *l, const struct addr *from, const uint32_t *ssrc, uint64_t now_us);
// Where to send: the learnt source, else what SDP said; NULL when neither is known.
const struct addr *latch_to(const struct latch *l);
