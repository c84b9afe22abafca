// For tests only: keys and certificates as files, made anew.
#pragma once

#define ERR_STATE openssl_err_state // a type of OpenSSL's, and an error of ours
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "base/testing.h"

static inline void certificate_extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = must(X509V3_EXT_conf_nid(NULL, NULL, nid, value));
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

// A certificate of `name` ("DNS:a.example, IP:127.0.0.1") that signs itself, and so is its own authority; it ends in so
// many seconds.
static inline void certificate_make_for(const char *certificate, const char *key, const char *name, long seconds)
{
	EVP_PKEY *pkey = must(EVP_EC_gen("P-256"));
	X509 *cert = must(X509_new());
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
	X509_set_pubkey(cert, pkey);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	certificate_extend(cert, NID_basic_constraints, "critical,CA:TRUE");
	certificate_extend(cert, NID_subject_alt_name, name);
	assert_true(X509_sign(cert, pkey, EVP_sha256()) > 0);
	FILE *f = must(fopen(certificate, "w"));
	assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
	f = must(fopen(key, "w"));
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(pkey);
}

static inline void certificate_make(const char *certificate, const char *key, const char *name)
{
	certificate_make_for(certificate, key, name, 86400);
}
