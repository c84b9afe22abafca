// Which fields the line of each entry has. A field that is zero is not written, unless zero means something.
#include "call/leg/tie.h"
#include "run/recording.h"

#include <assert.h>

#define SIZE_OF(s, m) (uint16_t)sizeof(((struct s *)0)->m)
#define OFFSET_OF(s, m) (uint16_t)offsetof(struct s, m)
#define FIELD(type, name, s, m) { name, FIELD_##type, false, OFFSET_OF(s, m), SIZE_OF(s, m), NULL }
#define FIELD_ALWAYS(type, name, s, m) { name, FIELD_##type, true, OFFSET_OF(s, m), SIZE_OF(s, m), NULL }
#define FIELD_OF(names, name, s, m) { name, FIELD_NAME, true, OFFSET_OF(s, m), SIZE_OF(s, m), names }
#define FIELD_OF_SOME(names, name, s, m) { name, FIELD_NAME, false, OFFSET_OF(s, m), SIZE_OF(s, m), names }

// Words for values; NULL ends.
static const char *const media_events[] = {
	[MEDIA_EV_DIGIT] = "digit", [MEDIA_EV_PLAYED] = "played", [MEDIA_EV_SILENT] = "silent",
	[MEDIA_EV_CLOSED] = "closed", [MEDIA_EV_CLOSED + 1] = NULL,
};
static const char *const sides[] = { [MEDIA_A] = "caller", [MEDIA_B] = "called", [MEDIA_SIDES] = NULL };
static const char *const records[] = { "-", [RECORD_ANSWER] = "answer", [RECORD_RELEASE] = "release",
	[RECORD_RELEASE + 1] = NULL };
static const char *const number_kinds[] = {
	[OFFICE_NUMBER_LINE] = "line", [OFFICE_NUMBER_VACANT] = "vacant", [OFFICE_NUMBER_CHANGED] = "changed",
	[OFFICE_NUMBER_DISCONNECTED] = "disconnected", [OFFICE_NUMBER_DISCONNECTED + 1] = NULL,
};
static const char *const refusals[] = { [REFUSED_RECORD] = "record", [REFUSED_FEATURE] = "feature", [REFUSED_LEG] = "leg",
	[REFUSED_SESSION] = "session", [REFUSED_PORTS] = "ports", [REFUSED_PORTS + 1] = NULL };
static const char *const releasers[] = { [BY_CALLER] = "caller", [BY_CALLED] = "called", [BY_SWITCH] = "switch",
	[BY_OPERATOR] = "operator", [BY_OPERATOR + 1] = NULL };
static const char *const digests[] = { [OFFICE_DIGEST_BOTH] = "both", [OFFICE_DIGEST_MD5] = "md5",
	[OFFICE_DIGEST_SHA256] = "sha256", [OFFICE_DIGEST_SHA256 + 1] = NULL };
static const char *const srtp[] = { [OFFICE_SRTP_NEVER] = "never", [OFFICE_SRTP_OFFERED] = "offered",
	[OFFICE_SRTP_REQUIRED] = "required", [OFFICE_SRTP_REQUIRED + 1] = NULL };
static const char *const formats[] = { [OFFICE_FORMAT_E164] = "e164", [OFFICE_FORMAT_NATIONAL] = "national",
	[OFFICE_FORMAT_DIALLED] = "dialled", [OFFICE_FORMAT_DIALLED + 1] = NULL };
static const char *const diversions[] = { [OFFICE_DIVERSION_NONE] = "none", [OFFICE_DIVERSION_DIVERSION] = "diversion",
	[OFFICE_DIVERSION_HISTORY] = "history-info", [OFFICE_DIVERSION_BOTH] = "both", [OFFICE_DIVERSION_BOTH + 1] = NULL };
static const char *const letters[] = { [TIE_LETTER_ASK] = "ask", [TIE_LETTER_ACCEPTED] = "accepted",
	[TIE_LETTER_VERB] = "verb", [TIE_LETTER_VERB + 1] = NULL };
static const char *const verbs[] = { VERBS(X_TEXT) NULL };
static const char *const trail_kinds[] = { TRAIL_KINDS(X_TEXT) NULL };

static const struct entry_field entry_begin_fields[] = {
	FIELD(NUMBER, "number", entry_begin, call), FIELD(NUMBER, "began", entry_begin, began_wall_ms),
	FIELD(TEXT, "build", entry_begin, build), FIELD(YES, "loopback", entry_begin, loopback),
};
static const struct entry_field entry_listener_fields[] = {
	FIELD_ALWAYS(NUMBER, "number", entry_listener, index), FIELD(ADDR, "address", entry_listener, address),
};
static const struct entry_field entry_packet_fields[] = {
	FIELD(ADDR, "from", entry_packet, from), FIELD(NUMBER, "listener", entry_packet, listener),
	FIELD(YES, "returned", entry_packet, returned),
	FIELD(YES, "broken", entry_packet, broken),
};
static const struct entry_field entry_timer_fields[] = { FIELD(YES, "unused", entry_timer, unused) };

#define FIELDS_OF_LEG(name, i)                                                                                         \
	FIELD(NUMBER, name ".packets", entry_media, legs[i].packets),                                                      \
	FIELD(NUMBER, name ".octets", entry_media, legs[i].octets),                                                        \
	FIELD(NUMBER, name ".lost", entry_media, legs[i].lost),                                                            \
	FIELD(NUMBER, name ".jitter-us", entry_media, legs[i].jitter_us)
static const struct entry_field entry_media_fields[] = {
	FIELD_OF(media_events, "event", entry_media, event), FIELD_OF(sides, "side", entry_media, side),
	FIELD(CHAR, "digit", entry_media, digit), FIELD(NUMBER, "silent-s", entry_media, silent_s),
	FIELDS_OF_LEG("caller", MEDIA_A), FIELDS_OF_LEG("called", MEDIA_B),
};
static const struct entry_field entry_journal_fields[] = {
	FIELD_OF(records, "record", entry_journal, record), FIELD(YES, "failed", entry_journal, failed),
};
static const struct entry_field entry_feature_fields[] = { FIELD(YES, "failed", entry_feature, failed) };
static const struct entry_field entry_tie_fields[] = {
	FIELD_OF(letters, "kind", entry_tie, kind), FIELD_OF(sides, "side", entry_tie, to_side),
	FIELD(NUMBER, "worker", entry_tie, from_worker), FIELD(NUMBER, "end", entry_tie, from),
	FIELD(NUMBER, "call", entry_tie, call), FIELD(NUMBER, "line", entry_tie, line),
	FIELD(NUMBER, "trunk", entry_tie, trunk_group), FIELD(NUMBER, "hops", entry_tie, hops),
	FIELD(TEXT, "dialled", entry_tie, dialled), FIELD(TEXT, "diverted-from", entry_tie, diverted_from),
	FIELD_OF(verbs, "verb", entry_tie, verb), FIELD(NUMBER, "media", entry_tie, media),
	FIELD(NUMBER, "refusal", entry_tie, refusal), FIELD(NUMBER, "signal", entry_tie, signal),
	FIELD(CHAR, "digit", entry_tie, digit), FIELD(NUMBER, "digit-ms", entry_tie, digit_ms),
	FIELD(YES, "in-band", entry_tie, in_band), FIELD(NUMBER, "cause", entry_tie, cause.value),
	FIELD(NUMBER, "standard", entry_tie, cause.standard), FIELD(NUMBER, "location", entry_tie, cause.location),
	FIELD(NUMBER, "status", entry_tie, cause.status), FIELD(TEXT, "number", entry_tie, number),
	FIELD(TEXT, "name", entry_tie, name), FIELD(NUMBER, "presentation", entry_tie, presentation),
	FIELD(NUMBER, "screening", entry_tie, screening),
	FIELD(NUMBER, "diversion-presentation", entry_tie, diversion_presentation),
};
static const struct entry_field entry_release_fields[] = { FIELD(YES, "by-operator", entry_release, by_operator) };

#define FIELD_OF_SETTING(id, preset, min, max, help) FIELD_ALWAYS(NUMBER, #id, entry_rules, settings.id),
static const struct entry_field entry_rules_fields[] = {
	FIELD_ALWAYS(NUMBER, "version", entry_rules, version), FIELD(TEXT, "name", entry_rules, name),
	FIELD(TEXT, "realm", entry_rules, realm), OFFICE_SETTINGS(FIELD_OF_SETTING)
};

// Passwords' hashes are left out.
#define FIELDS_OF_FEATURE(id, name, help)                                                                              \
	FIELD(YES, name ".subscribed", office_line, features[FEATURE_##id].subscribed),                                    \
	FIELD(YES, name ".active", office_line, features[FEATURE_##id].active),                                            \
	FIELD(TEXT, name ".target", office_line, features[FEATURE_##id].target),
static const struct entry_field office_line_fields[] = {
	FIELD(NUMBER, "id", office_line, id), FIELD(TEXT, "name", office_line, name),
	FIELD(TEXT, "number", office_line, number),
	FIELD(TEXT, "display", office_line, display), FIELD(NUMBER, "customer", office_line, customer),
	FIELD(NUMBER, "rate-centre", office_line, rate_centre), FIELD_OF(digests, "digest", office_line, digest),
	FIELD_OF_SOME(srtp, "srtp", office_line, srtp),
	FIELD(YES, "pbx", office_line, pbx), FIELD(YES, "suspended", office_line, suspended),
	FIELD(NUMBER, "calls-max", office_line, calls_max),
	FIELD(NUMBER, "no-answer-s", office_line, no_answer_s), FIELD(NUMBER, "contacts-max", office_line, contacts_max),
	OFFICE_FEATURES(FIELDS_OF_FEATURE)
};
static const struct entry_field office_number_fields[] = {
	FIELD(TEXT, "digits", office_number, digits), FIELD_OF(number_kinds, "kind", office_number, kind),
	FIELD(NUMBER, "line", office_number, line), FIELD(TEXT, "new-number", office_number, new_number),
};

#define FIELDS_OF_PEER(i)                                                                                              \
	FIELD(ADDR, "peer" #i, office_trunk_group, peers[i].addr),                                                         \
	FIELD(NUMBER, "peer" #i ".priority", office_trunk_group, peers[i].priority),                                       \
	FIELD(NUMBER, "peer" #i ".name", office_trunk_group, peers[i].name),                                               \
	FIELD(NUMBER, "peer" #i ".rank", office_trunk_group, peers[i].rank),                                               \
	FIELD(NUMBER, "peer" #i ".weight", office_trunk_group, peers[i].weight)
#define FIELD_OF_NAME(i) FIELD(TEXT, "name" #i, office_trunk_group, names[i].host)
#define FIELD_OF_NET(i) FIELD(NET, "net" #i, office_trunk_group, nets[i])
static const struct entry_field office_trunk_group_fields[] = {
	FIELD(NUMBER, "id", office_trunk_group, id), FIELD(TEXT, "name", office_trunk_group, name),
	FIELD(TEXT, "host", office_trunk_group, host), FIELD(YES, "in-service", office_trunk_group, in_service),
	FIELD(YES, "trusted", office_trunk_group, trusted), FIELD(YES, "certified", office_trunk_group, certified),
	FIELD(YES, "emergency", office_trunk_group, emergency),
	FIELD_OF(formats, "format", office_trunk_group, format),
	FIELD_OF_SOME(diversions, "diversion", office_trunk_group, diversion),
	FIELD(YES, "overlap", office_trunk_group, overlap),
	FIELD(TEXT, "user", office_trunk_group, user), FIELD(TEXT, "realm", office_trunk_group, realm), // no password
	FIELD(TEXT, "register", office_trunk_group, aor),
	FIELD_OF_SOME(srtp, "srtp", office_trunk_group, srtp), FIELD(NUMBER, "calls-max", office_trunk_group, calls_max),
	FIELD(NUMBER, "failover-ms", office_trunk_group, failover_ms),
	FIELD(NUMBER, "options-s", office_trunk_group, options_s), FIELD(NUMBER, "peers", office_trunk_group, peer_count),
	FIELDS_OF_PEER(0), FIELDS_OF_PEER(1), FIELDS_OF_PEER(2), FIELDS_OF_PEER(3), FIELDS_OF_PEER(4), FIELDS_OF_PEER(5),
	FIELDS_OF_PEER(6), FIELDS_OF_PEER(7), FIELD_OF_NAME(0), FIELD_OF_NAME(1), FIELD_OF_NAME(2), FIELD_OF_NAME(3),
	FIELD(NUMBER, "nets", office_trunk_group, net_count),
	FIELD_OF_NET(0), FIELD_OF_NET(1), FIELD_OF_NET(2), FIELD_OF_NET(3), FIELD_OF_NET(4), FIELD_OF_NET(5),
	FIELD_OF_NET(6), FIELD_OF_NET(7), FIELD_OF_NET(8), FIELD_OF_NET(9), FIELD_OF_NET(10), FIELD_OF_NET(11),
	FIELD_OF_NET(12), FIELD_OF_NET(13), FIELD_OF_NET(14), FIELD_OF_NET(15),
};
static_assert(OFFICE_PEERS_MAX == 8 && OFFICE_NAMES_MAX == 4 && OFFICE_NETS_MAX == 16 && OFFICE_ROUTE_CHOICES == 4, "each has its field");
static const struct entry_field office_rate_centre_fields[] = {
	FIELD(NUMBER, "id", office_rate_centre, id), FIELD(TEXT, "name", office_rate_centre, name),
	FIELD(TEXT, "state", office_rate_centre, state), FIELD(NUMBER, "lata", office_rate_centre, lata),
};
static const struct entry_field office_state_fields[] = {
	FIELD(TEXT, "code", office_state, code), FIELD(TEXT, "name", office_state, name),
	FIELD(YES, "open", office_state, open),
};
static const struct entry_field office_npa_fields[] = {
	FIELD(NUMBER, "npa", office_npa, npa), FIELD(TEXT, "state", office_npa, state),
	FIELD(YES, "seven-digits", office_npa, seven_digits),
};
static const struct entry_field office_route_fields[] = {
	FIELD(NUMBER, "id", office_route, id), FIELD(TEXT, "prefix", office_route, prefix),
	FIELD(NUMBER, "choices", office_route, choice_count), FIELD(NUMBER, "choice0", office_route, choices[0]),
	FIELD(NUMBER, "choice1", office_route, choices[1]), FIELD(NUMBER, "choice2", office_route, choices[2]),
	FIELD(NUMBER, "choice3", office_route, choices[3]),
};

static const struct entry_field entry_lookup_fields[] = {
	FIELD(NUMBER, "id", entry_lookup, id), FIELD(NUMBER, "peer", entry_lookup, peer),
	FIELD_ALWAYS(NUMBER, "count", entry_lookup, calls), FIELD(YES, "silent", entry_lookup, silent),
};
static const struct entry_field entry_phone_fields[] = {
	FIELD(NUMBER, "line", entry_phone, line), FIELD(ADDR, "peer", entry_phone, peer),
	FIELD(NUMBER, "listener", entry_phone, listener), FIELD(NUMBER, "q", entry_phone, q),
};
static const struct entry_field entry_refused_fields[] = {
	FIELD_OF(refusals, "what", entry_refused, what), FIELD_OF(sides, "side", entry_refused, side),
	FIELD(NUMBER, "family", entry_refused, family), FIELD(NUMBER, "streams", entry_refused, streams),
};
static const struct entry_field entry_sent_fields[] = { FIELD_ALWAYS(NUMBER, "leg", entry_sent, leg) };
static const struct entry_field entry_cut_fields[] = { FIELD(NUMBER, "lost", entry_cut, lost) };

static const struct entry_field trail_row_fields[] = {
	FIELD_ALWAYS(NUMBER, "at-ms", trail_row, at_ms), FIELD_OF(sides, "side", trail_row, side),
	FIELD_OF(trail_kinds, "kind", trail_row, kind), FIELD(NUMBER, "a", trail_row, a), FIELD(NUMBER, "b", trail_row, b),
	FIELD(NUMBER, "version", trail_row, version),
};
static const struct entry_field entry_end_fields[] = {
	FIELD_ALWAYS(NUMBER, "cause", entry_end, cause.value), FIELD(NUMBER, "standard", entry_end, cause.standard),
	FIELD_ALWAYS(NUMBER, "location", entry_end, cause.location), FIELD(NUMBER, "status", entry_end, cause.status),
	FIELD_OF(releasers, "released-by", entry_end, released_by), FIELD(YES, "answered", entry_end, answered),
	FIELD(NUMBER, "answered-for-ms", entry_end, answered_for_ms), FIELD(YES, "emergency", entry_end, emergency),
	FIELD(YES, "unsynced", entry_end, unsynced), FIELD(NUMBER, "calling-line", entry_end, o_line),
	FIELD(NUMBER, "calling-trunk", entry_end, o_trunk), FIELD(NUMBER, "called-line", entry_end, t_line),
	FIELD(NUMBER, "called-trunk", entry_end, t_trunk), FIELD(TEXT, "dialled", entry_end, dialled),
	FIELD(TEXT, "called", entry_end, called), FIELD(TEXT, "diverted-from", entry_end, diverted_from),
	FIELD(TEXT, "codec", entry_end, codec),
};

static const struct {
	const char *word;
	const struct entry_field *fields;
	uint16_t count, size;
	bool is_input, has_text;
} kinds[] = {
#define KIND_ROW(id, word, body, input, text)                                                                          \
	[ENTRY_##id] = { word, body##_fields, ARRAY_LEN(body##_fields), sizeof(struct body), input, text },
	RECORDING_ENTRIES(KIND_ROW)
};

uint32_t entry_size(enum entry_kind kind)
{
	return kinds[kind].size;
}

const char *entry_word(enum entry_kind kind)
{
	return kinds[kind].word;
}

bool entry_is_input(enum entry_kind kind)
{
	return kinds[kind].is_input;
}

bool entry_has_text(enum entry_kind kind)
{
	return kinds[kind].has_text;
}

const struct entry_field *entry_fields(enum entry_kind kind, uint32_t *count)
{
	*count = kinds[kind].count;
	return kinds[kind].fields;
}
