// A SIP message as an index over its octets (RFC 3261 §7, §25): one pass finds every header; each is decoded when first
// asked for, and once. Nothing is allocated, nothing is copied but unfolded values (which go to the arena).
//
//     INVITE sip:6035550102@example SIP/2.0      method, uri
//     Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK  headers[0]: VIA
//     From: "A" <sip:6035550101@example>;tag=1   headers[1]: FROM
//                                                 body
#pragma once

#include "base/addr.h"
#include "base/arena.h"

// The limits of a message, and what is past them:
#define SIP_HEADERS_MAX 128   // header lines; more: 400 "Too Many Headers"
#define SIP_MESSAGE_MAX 65535 // octets; more: dropped. What its folded lines need of a full arena: 513
#define SIP_URI_MAX 1024      // octets of any URI; a longer one is malformed, as Request-URI 414
#define SIP_PARAM_MAX 256     // octets of Call-ID, of the tags of From and To, of the topmost branch; longer: 400
#define SIP_LIST_MAX 64       // values of one list header that are walked; sip_walk.count tells that there are more

#define SIP_METHODS(X)                                                                                                 \
	X(INVITE) X(ACK) X(BYE) X(CANCEL) X(REGISTER) X(OPTIONS) X(INFO) X(PRACK) X(UPDATE) X(SUBSCRIBE) X(NOTIFY)         \
	X(PUBLISH) X(MESSAGE) X(REFER)
#define SIP_METHOD_ENUM(name) SIP_##name,
enum sip_method { SIP_METHODS(SIP_METHOD_ENUM) SIP_METHOD_UNKNOWN };

// One row a header: id, name, compact form, and whether commas separate values (RFC 3261 §20 and the RFC named).
#define SIP_SINGLE 0
#define SIP_COMMA 1
#define SIP_HEADERS(X)                                                                                                 \
	X(ACCEPT, "Accept", 0, SIP_COMMA)                                                                                  \
	X(ALERT_INFO, "Alert-Info", 0, SIP_COMMA)                                                                          \
	X(ALLOW, "Allow", 0, SIP_COMMA)                                                                                    \
	X(AUTHORIZATION, "Authorization", 0, SIP_SINGLE)                                                                   \
	X(CALL_ID, "Call-ID", 'i', SIP_SINGLE)                                                                             \
	X(CALL_INFO, "Call-Info", 0, SIP_COMMA)                                                                            \
	X(CONTACT, "Contact", 'm', SIP_COMMA)                                                                              \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0, SIP_SINGLE)                                                       \
	X(CONTENT_ENCODING, "Content-Encoding", 'e', SIP_COMMA)                                                            \
	X(CONTENT_LENGTH, "Content-Length", 'l', SIP_SINGLE)                                                               \
	X(CONTENT_TYPE, "Content-Type", 'c', SIP_SINGLE)                                                                   \
	X(CSEQ, "CSeq", 0, SIP_SINGLE)                                                                                     \
	X(DATE, "Date", 0, SIP_SINGLE)                                                                                     \
	X(DIVERSION, "Diversion", 0, SIP_COMMA)               /* RFC 5806 */                                               \
	X(EVENT, "Event", 'o', SIP_SINGLE)                    /* RFC 6665 */                                               \
	X(EXPIRES, "Expires", 0, SIP_SINGLE)                                                                               \
	X(FROM, "From", 'f', SIP_SINGLE)                                                                                   \
	X(HISTORY_INFO, "History-Info", 0, SIP_COMMA)         /* RFC 7044 */                                               \
	X(IDENTITY, "Identity", 'y', SIP_COMMA)               /* RFC 8224 */                                               \
	X(MAX_FORWARDS, "Max-Forwards", 0, SIP_SINGLE)                                                                     \
	X(MIN_EXPIRES, "Min-Expires", 0, SIP_SINGLE)                                                                       \
	X(MIN_SE, "Min-SE", 0, SIP_SINGLE)                    /* RFC 4028 */                                               \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, SIP_COMMA) /* RFC 3325 */                                         \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, SIP_COMMA)                                                      \
	X(PATH, "Path", 0, SIP_COMMA)                         /* RFC 3327 */                                               \
	X(PRIVACY, "Privacy", 0, SIP_SINGLE)                  /* RFC 3323 */                                               \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, SIP_SINGLE)                                                         \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, SIP_SINGLE)                                                       \
	X(PROXY_REQUIRE, "Proxy-Require", 0, SIP_COMMA)                                                                    \
	X(RACK, "RAck", 0, SIP_SINGLE)                        /* RFC 3262 */                                               \
	X(REASON, "Reason", 0, SIP_COMMA)                     /* RFC 3326 */                                               \
	X(RECORD_ROUTE, "Record-Route", 0, SIP_COMMA)                                                                      \
	X(REFER_TO, "Refer-To", 'r', SIP_SINGLE)              /* RFC 3515 */                                               \
	X(REFERRED_BY, "Referred-By", 'b', SIP_SINGLE)        /* RFC 3892 */                                               \
	X(REPLACES, "Replaces", 0, SIP_SINGLE)                /* RFC 3891 */                                               \
	X(REQUIRE, "Require", 0, SIP_COMMA)                                                                                \
	X(RETRY_AFTER, "Retry-After", 0, SIP_SINGLE)                                                                       \
	X(ROUTE, "Route", 0, SIP_COMMA)                                                                                    \
	X(RSEQ, "RSeq", 0, SIP_SINGLE)                        /* RFC 3262 */                                               \
	X(SERVER, "Server", 0, SIP_SINGLE)                                                                                 \
	X(SESSION_EXPIRES, "Session-Expires", 'x', SIP_SINGLE) /* RFC 4028 */                                              \
	X(SUBJECT, "Subject", 's', SIP_SINGLE)                                                                             \
	X(SUPPORTED, "Supported", 'k', SIP_COMMA)                                                                          \
	X(TO, "To", 't', SIP_SINGLE)                                                                                       \
	X(UNSUPPORTED, "Unsupported", 0, SIP_COMMA)                                                                        \
	X(USER_AGENT, "User-Agent", 0, SIP_SINGLE)                                                                         \
	X(VIA, "Via", 'v', SIP_COMMA)                                                                                      \
	X(WARNING, "Warning", 0, SIP_COMMA)                                                                                \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, SIP_SINGLE)
#define SIP_HEADER_ENUM(id, name, compact, kind) SIP_H_##id,
enum sip_header_id { SIP_HEADERS(SIP_HEADER_ENUM) SIP_H_OTHER, SIP_H_COUNT };

struct sip_header {
	struct str name, value; // value: trimmed, unfolded
	uint8_t id;             // enum sip_header_id
	uint8_t next;           // index + 1 of the next header of the same id; 0: none
};

// sip:user:password@host:port;params?headers, tel:number;params (RFC 3261 §19.1, RFC 3966)
struct sip_uri {
	struct str text;     // all of it
	struct str scheme;   // "sip", "sips", "tel", or what stands there
	struct str user;     // still escaped; for tel the number
	struct str password; // still escaped
	struct str host;     // IPv6 with its brackets
	uint16_t port;       // 0: none said
	struct str params;   // with the ';' that begins each
	struct str headers;  // without the '?'
};

// "Display" <uri>;params
struct sip_name_addr {
	struct str display; // without the quotes, escapes still inside
	struct sip_uri uri;
	struct str params; // after the '>' (or after a bare URI)
	struct str tag;    // of From and To; empty: none
	bool star;         // Contact: *
};

struct sip_via {
	struct str text;      // all of it
	struct str transport; // "UDP"
	struct str host;      // sent-by
	uint16_t port;        // 0: none said
	struct str params, branch, received;
	bool rport_asked;
	uint16_t rport; // of a response; 0: none
};

struct sip_cseq {
	uint32_t number;
	enum sip_method method;
	struct str method_name;
};

// Where and why a message is malformed, and what to answer (0: too broken to be answered).
struct sip_fault {
	uint16_t status; // 400, 413, 414, 505 ...
	uint32_t at;     // octet
	const char *why; // becomes the reason phrase
};

struct sip_msg {
	struct str bytes;
	bool is_request;
	enum sip_method method;  // of a request; of a response the CSeq's
	struct str method_name, uri_text; // of a request
	uint16_t status;         // of a response
	struct str reason;
	uint32_t header_count;
	uint8_t first[SIP_H_COUNT]; // index + 1 of the first header of an id; 0: none
	struct str body;
	// Decoded by sip_msg_parse, since nothing works without them:
	struct sip_via via; // the topmost
	struct sip_name_addr from, to;
	struct str call_id;
	struct sip_cseq cseq;
	uint8_t max_forwards; // 70 when the header is missing
	struct sip_uri uri;   // of a request; uri.text is empty when it is not parsable (fault said 400)
	struct sip_header headers[SIP_HEADERS_MAX]; // last: only the first header_count are ever written
};

// Parses one datagram. `in` must live as long as `m`; unfolded values go to `arena`. PARSE_BAD leaves in *fault what to
// answer; then m holds what was found until there, and sip_msg_can_answer says whether that is enough for a response.
enum parse sip_msg_parse(struct sip_msg *m, struct str in, struct arena *arena, struct sip_fault *fault);
// It is a request other than ACK, and its topmost Via says where an answer goes. (An answer to what lacks more of the
// mandatory headers than that lacks them too: RFC 4475 §3.3.1 wants it all the same.)
bool sip_msg_can_answer(const struct sip_msg *m);

// First value of a header ("" when there is none), of a list what stands before its first comma; and whether it is
// there at all. Unlisted headers by name, as whole lines.
struct str sip_msg_header(const struct sip_msg *m, enum sip_header_id id);
bool sip_msg_has(const struct sip_msg *m, enum sip_header_id id);
struct str sip_msg_header_named(const struct sip_msg *m, struct str name);

// Walks all values of a header over its lines and commas: start with a zeroed walk; false at the end.
struct sip_walk {
	uint32_t header; // index + 1
	struct str rest;
	uint32_t count; // values given; more than SIP_LIST_MAX: the walk ended there, with more to come
};
bool sip_msg_each(const struct sip_msg *m, enum sip_header_id id, struct sip_walk *walk, struct str *value);
// A token ("100rel", "timer") stands in a list header, whatever its case.
bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, struct str token);

// The decoded forms of single values.
enum parse sip_uri_parse(struct sip_uri *out, struct str text);
enum parse sip_name_addr_parse(struct sip_name_addr *out, struct str text);
enum parse sip_via_parse(struct sip_via *out, struct str text);
enum parse sip_cseq_parse(struct sip_cseq *out, struct str text);
// ;name=value;flag: the value of a parameter (quotes taken off), "" for a flag; false when it is not there.
bool sip_param(struct str *value, struct str params, struct str name);
// The value of a header in a message that was not parsed, by its full and its compact name; empty when it is not there.
struct str sip_raw_header(struct str bytes, struct str name, char compact);
// The branch of its topmost Via. The message may be cut off; a branch that may be is empty.
struct str sip_raw_branch(struct str bytes);
// A display name or another quoted text with its \" and the like made plain, into the arena when there is any.
struct str sip_unquote(struct arena *arena, struct str quoted);
// %41 and the like made plain, into the arena when there is any.
struct str sip_unescape(struct arena *arena, struct str escaped);
// The telephone number that a URI of either scheme names, as text: with '+' when it is global, which a phone-context of
// digits makes a local one; separators stay; ;isub, ;ext and all else is left out. Into the arena where it is changed.
struct str sip_number(struct arena *arena, const struct sip_uri *uri);
// Equal by RFC 3261 §19.1.4.
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);

enum sip_method sip_method_from(struct str name);
struct str sip_method_name(enum sip_method m);
struct str sip_header_name(enum sip_header_id id);
// The reason phrase of RFC 3261 §21 and later, "Unknown" where there is none.
struct str sip_status_text(uint16_t status);

// WRITING. A response: status line, then Via, From, To (with our tag when the request's has none and to_tag is not
// empty), Call-ID, CSeq copied, Record-Route copied where the response makes a dialog, Timestamp in a 100. received and
// rport are put into the topmost Via as RFC 3261 §18.2.1 and RFC 3581 §4 say. The caller adds more headers and ends
// with put_sip_body.
struct sip_source {
	struct addr peer;
	uint16_t listener;
};
void put_sip_response(struct buf *b, const struct sip_msg *request, const struct sip_source *from, uint16_t status,
                      struct str reason, struct str to_tag);
// The Via of a request of ours (RFC 3261 §18.1.1, RFC 3581): the transport is that of `sent_by`.
void put_sip_via(struct buf *b, const struct addr *sent_by, struct str branch);
// "Name: value\r\n"; a CR, LF or NUL in the value becomes a space, here and in the reason of a response.
void put_sip_header(struct buf *b, enum sip_header_id id, struct str value);
// Content-Type and Content-Length, the empty line, the body; an empty body has only Content-Length: 0.
void put_sip_body(struct buf *b, struct str content_type, struct str body);
// A display name from plain text (a received one goes through sip_unquote first), quoted and escaped as it must be;
// control characters are left out.
void put_sip_quoted(struct buf *b, struct str text);
// The user part of a URI from plain text (a received one goes through sip_unescape first), escaped as it must be.
void put_sip_user(struct buf *b, struct str text);
