// An arrow of a ladder, understood: who sends what to whom, and what is said about it.
//
//     A -> sw   INVITE 6035550102 sdp sendonly  with "Privacy: id"  without Contact  lost
//     sw -> B   200 (BYE)  has Reason cause=16  lacks Contact  within 3 s
#pragma once

#include "ladders/ladder.h"

#define ARROW_RULES_MAX 24
#define ARROW_CODECS_MAX 8

enum rule_kind { RULE_WITH, RULE_ALSO, RULE_WITHOUT, RULE_HAS, RULE_LACKS };
struct rule {
	enum rule_kind kind;
	struct str name, value; // value empty: whatever it is
};

enum arrow_kind { ARROW_REQUEST, ARROW_RESPONSE, ARROW_RAW };
enum arrow_credentials { CREDENTIALS_WHEN_ASKED, CREDENTIALS_NONE, CREDENTIALS_NOW, CREDENTIALS_REPLAYED };

struct arrow {
	uint32_t line;
	struct actor *from, *to; // NULL: the switch
	struct actor *as;        // whose call it pretends to belong to
	enum arrow_kind kind;
	enum sip_method method; // of a response: of the request that it answers, if `method_said`
	struct str method_name;
	bool method_said, re, fresh;
	uint16_t status;
	struct str user;   // called user, or a whole URI
	struct str caller; // calling user
	struct str raw;    // file of the whole message
	bool sdp, no_sdp, sdp_same;
	struct str sdp_direction, sdp_text;
	struct str codecs[ARROW_CODECS_MAX];
	uint32_t codec_count;
	uint16_t media_port; // 0: the party's own
	struct rule rules[ARROW_RULES_MAX];
	uint32_t rule_count;
	struct str content_type, body;
	enum arrow_credentials credentials;
	bool lost, returned, again, silent; // silent: no ACK of its own
	uint32_t call;            // 0: none said
	uint64_t within_ms;
};

// Reads an item whose second word is "->". False: failed, with the reason in the ladder.
bool arrow_read(struct arrow *a, struct ladder *l, const struct item *item);
// Does this item concern what the party gets from the switch? For the look ahead of automatic rules.
bool arrow_is_to(const struct ladder *l, const struct item *item, const struct actor *p);
