// TLS 1.2 and 1.3 (OpenSSL) for connections: what we show, whom we believe, and a session over a socket that does not
// block. Certificates of SIP domains: RFC 5922.
#pragma once

#include "base/buf.h"

#define TLS_TICKET_KEY_BYTES 80

struct tls_settings {         // files, PEM; borrowed
	const char *certificate;  // ours, with those between it and its authority
	const char *key;
	const char *authorities;  // whom we believe, of those we call; "" : the system's
	const char *clients;      // whoever connects must show a certificate of these; "": nobody is asked
	const uint8_t *ticket_key; // TLS_TICKET_KEY_BYTES, the same in all threads: a session resumes on any of them, and not with
	                           // another key
};

struct tls; // what one listener shows and believes; of one thread

// ERR_BAD: `why` says which file and what is wrong with it; ERR_FULL: no memory.
MUST_CHECK enum err tls_new(struct tls **out, const struct tls_settings *settings, struct buf *why);
// Sessions that stand keep what they need. NULL is fine; returns NULL.
struct tls *tls_free(struct tls *t);
// Reads the files again: for new sessions from now on. On an error nothing changed.
MUST_CHECK enum err tls_reload(struct tls *t, const struct tls_settings *settings, struct buf *why);

// Days until our certificate ends; below 0: it has.
int32_t tls_days_left(const struct tls *t);

struct tls_session;
// As the one who was called, or who calls `host` (a name or an address as text, which its certificate must have;
// RFC 5922 §7.2). NULL: no memory.
// Whoever called must show a certificate of `must_be` (NULL: what the listener's settings ask for is enough).
struct tls_session *tls_accept(struct tls *t, int fd, const char *must_be);
struct tls_session *tls_connect(struct tls *t, int fd, const char *host);
struct tls_session *tls_session_free(struct tls_session *s);

// What an operation came to.
enum tls_result {
	TLS_DONE,
	TLS_WANTS_READ,  // again when there is something to read
	TLS_WANTS_WRITE, // again when there is room to write
	TLS_OVER,        // the peer has ended it, in order
	TLS_FAILED,      // the session is broken
};
enum tls_result tls_shake_hands(struct tls_session *s);
// *n: octets read, or taken.
enum tls_result tls_read(struct tls_session *s, char *p, uint32_t cap, uint32_t *n);
enum tls_result tls_write(struct tls_session *s, struct str data, uint32_t *n);
// Why it failed, in words; for the log.
void put_tls_fault(struct buf *b, const struct tls_session *s);
