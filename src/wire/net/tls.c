// OpenSSL's contexts and sessions.
#include "wire/net/tls.h"

#include "base/addr.h"
#include "base/count.h"

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE
#include <stdlib.h>

COUNTER(tls_resumed, "TLS sessions resumed without a full handshake");
COUNTER(tls_full, "TLS sessions with a full handshake");

struct tls {
	SSL_CTX *accepts, *connects;
};

struct tls_session {
	SSL *ssl;
	unsigned long fault; // OpenSSL's first word on what broke it
	long verified;       // X509_V_OK, or why not
	bool must_be_new;    // one that resumes is not believed
};

// ---- Contexts -------------------------------------------------------------------------------------------------------

static enum err refuse(struct buf *why, const char *what, const char *file)
{
	unsigned long first = ERR_peek_error(); // what follows it says where, not why
	const char *reason = ERR_SYSTEM_ERROR(first) ? strerror(ERR_GET_REASON(first)) : ERR_reason_error_string(first);
	put_fmt(why, "%s%s%s: %s", what, file[0] ? " " : "", file, reason ? reason : "not in PEM, or of no kind that we know");
	ERR_clear_error();
	return ERR_BAD;
}

// RFC 8446; of 1.2 only what keeps secrets secret when a key is lost (RFC 9325 §4.2).
static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);
	if (!c) return NULL;
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM") == 1)
		return c;
	SSL_CTX_free(c);
	return NULL;
}

static enum err show_certificate(SSL_CTX *c, const struct tls_settings *s, struct buf *why)
{
	if (SSL_CTX_use_certificate_chain_file(c, s->certificate) != 1)
		return refuse(why, "the certificate cannot be used:", s->certificate);
	if (SSL_CTX_use_PrivateKey_file(c, s->key, SSL_FILETYPE_PEM) != 1)
		return refuse(why, "the private key cannot be used:", s->key);
	return OK;
}

static enum err set_accepting(SSL_CTX *c, const struct tls_settings *s, struct buf *why)
{
	static const unsigned char name[] = "dialtone";
	uint8_t key[TLS_TICKET_KEY_BYTES];
	enum err e = show_certificate(c, s, why);
	if (e != OK) return e;
	memcpy(key, s->ticket_key, sizeof key);
	SSL_CTX_set_session_id_context(c, name, sizeof name - 1);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); // who resumes has a ticket; nobody takes memory of ours
	SSL_CTX_set_tlsext_ticket_keys(c, key, sizeof key);
	if (!s->clients[0]) return OK;
	if (SSL_CTX_load_verify_file(c, s->clients) != 1)
		return refuse(why, "the authorities of clients cannot be used:", s->clients);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return OK;
}

// Our certificate is shown to whoever asks for it: carriers know each other so.
static enum err set_connecting(SSL_CTX *c, const struct tls_settings *s, struct buf *why)
{
	enum err e = show_certificate(c, s, why);
	if (e != OK) return e;
	int loaded = s->authorities[0] ? SSL_CTX_load_verify_file(c, s->authorities) : SSL_CTX_set_default_verify_paths(c);
	if (loaded != 1) return refuse(why, "the authorities cannot be used:", s->authorities);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return OK;
}

enum err tls_reload(struct tls *t, const struct tls_settings *settings, struct buf *why)
{
	struct tls new = { .accepts = context_new(TLS_server_method()), .connects = context_new(TLS_client_method()) };
	enum err e = new.accepts && new.connects ? OK : ERR_FULL;
	if (e == OK) e = set_accepting(new.accepts, settings, why);
	if (e == OK) e = set_connecting(new.connects, settings, why);
	struct tls gone = e == OK ? *t : new;
	if (e == OK) *t = new;
	SSL_CTX_free(gone.accepts);
	SSL_CTX_free(gone.connects);
	return e;
}

enum err tls_new(struct tls **out, const struct tls_settings *settings, struct buf *why)
{
	struct tls *t = calloc(1, sizeof *t);
	enum err e = t ? tls_reload(t, settings, why) : ERR_FULL;
	*out = e == OK ? t : tls_free(t);
	return e;
}

struct tls *tls_free(struct tls *t)
{
	if (!t) return NULL;
	SSL_CTX_free(t->accepts);
	SSL_CTX_free(t->connects);
	free(t);
	return NULL;
}

int32_t tls_days_left(const struct tls *t)
{
	int days = 0, seconds = 0;
	const X509 *ours = SSL_CTX_get0_certificate(t->accepts);
	if (!ours || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(ours)) != 1) return -1;
	return days < 0 || seconds < 0 ? -1 : days;
}

// ---- Sessions -------------------------------------------------------------------------------------------------------

static struct tls_session *session_new(SSL_CTX *context, int fd)
{
	struct tls_session *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	s->ssl = SSL_new(context);
	if (s->ssl && SSL_set_fd(s->ssl, fd) == 1) return s;
	return tls_session_free(s);
}

static bool expect_host(SSL *ssl, const char *host)
{
	struct addr a;
	if (addr_parse(&a, str_from(host)) == OK) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_WILDCARDS); // RFC 5922 §7.2
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

// A session that resumes shows no certificate: for such a peer there is none.
static bool demand_host(SSL *ssl, const char *host)
{
	struct addr a;
	SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_WILDCARDS); // RFC 5922 §7.2
	if (addr_parse(&a, str_from(host)) == OK) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1;
}

struct tls_session *tls_accept(struct tls *t, int fd, const char *must_be)
{
	struct tls_session *s = session_new(t->accepts, fd);
	if (!s) return NULL;
	if (must_be && !demand_host(s->ssl, must_be)) return tls_session_free(s);
	s->must_be_new = must_be != NULL;
	SSL_set_accept_state(s->ssl);
	return s;
}

struct tls_session *tls_connect(struct tls *t, int fd, const char *host)
{
	struct tls_session *s = session_new(t->connects, fd);
	if (!s) return NULL;
	if (!expect_host(s->ssl, host)) return tls_session_free(s);
	SSL_set_connect_state(s->ssl);
	return s;
}

struct tls_session *tls_session_free(struct tls_session *s)
{
	if (!s) return NULL;
	if (s->ssl && SSL_is_init_finished(s->ssl)) SSL_shutdown(s->ssl); // says goodbye, and does not wait
	SSL_free(s->ssl);
	ERR_clear_error();
	free(s);
	return NULL;
}

static enum tls_result result_of(struct tls_session *s, int returned)
{
	switch (SSL_get_error(s->ssl, returned)) {
	case SSL_ERROR_WANT_READ: return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE: return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN: return TLS_OVER;
	default:
		s->fault = ERR_peek_error();
		s->verified = SSL_get_verify_result(s->ssl);
		ERR_clear_error();
		return TLS_FAILED;
	}
}

enum tls_result tls_shake_hands(struct tls_session *s)
{
	ERR_clear_error();
	int returned = SSL_do_handshake(s->ssl);
	if (returned != 1) return result_of(s, returned);
	if (s->must_be_new && SSL_session_reused(s->ssl)) return TLS_FAILED;
	if (SSL_session_reused(s->ssl)) COUNT(tls_resumed);
	else COUNT(tls_full);
	return TLS_DONE;
}

enum tls_result tls_read(struct tls_session *s, char *p, uint32_t cap, uint32_t *n)
{
	size_t got = 0;
	ERR_clear_error();
	int returned = SSL_read_ex(s->ssl, p, cap, &got);
	*n = (uint32_t)got;
	return returned == 1 ? TLS_DONE : result_of(s, returned);
}

enum tls_result tls_write(struct tls_session *s, struct str data, uint32_t *n)
{
	size_t taken = 0;
	ERR_clear_error();
	int returned = SSL_write_ex(s->ssl, data.p, data.n, &taken);
	*n = (uint32_t)taken;
	return returned == 1 ? TLS_DONE : result_of(s, returned);
}

void put_tls_fault(struct buf *b, const struct tls_session *s)
{
	if (s->verified != X509_V_OK) {
		put_z(b, X509_verify_cert_error_string(s->verified));
		return;
	}
	const char *reason = ERR_reason_error_string(s->fault);
	put_z(b, reason ? reason : "the connection broke");
}
