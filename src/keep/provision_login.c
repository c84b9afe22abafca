// What is stored of a trunk group's password. With the realm of the carrier that is its hashes (HA1), of which nobody
// can make the password; without, there is nothing to hash it with until a challenge comes, and it is stored as it is.
#include "keep/provision_inside.h"

#include "wire/sip/digest.h"

struct login { // as the row has it now
	char user[OFFICE_NAME_MAX], realm[OFFICE_NAME_MAX], secret[OFFICE_SECRET_MAX + 1];
	bool hashed;
};

static const struct provision_value *given(struct provision_step *s, const char *field)
{
	return &s->values[provision_field(s->q->kind, str_from(field)) - s->table->fields];
}

static enum err read_login(struct provision_step *s, struct login *l)
{
	struct store_query q = store_ask(s->p->db,
		"SELECT user, realm, secret, length(ha1_md5) FROM trunk_group WHERE id = ?");
	store_bind_u64(&q, s->id);
	if (store_next(&q)) {
		store_get_z(&q, l->user, sizeof l->user);
		store_get_z(&q, l->realm, sizeof l->realm);
		store_get_z(&q, l->secret, sizeof l->secret);
		l->hashed = store_get_u64(&q) != 0;
	}
	return store_end(&q);
}

static bool write_login(struct provision_step *s, const struct login *l, struct str password)
{
	uint8_t ha1[SIP_DIGEST_COUNT][32];
	bool hash = l->realm[0] && password.n;
	struct store_query q =
		store_ask(s->p->db, "UPDATE trunk_group SET secret = ?, ha1_md5 = ?, ha1_sha256 = ? WHERE id = ?");
	store_bind_str(&q, hash ? STR("") : password);
	for (uint32_t a = 0; a < SIP_DIGEST_COUNT; a++) {
		uint32_t n = hash ? sip_digest_ha1(ha1[a], a, str_from(l->user), str_from(l->realm), password) : 0;
		store_bind_octets(&q, ha1[a], n);
	}
	store_bind_u64(&q, s->id);
	enum err err = store_finish(&q);
	explicit_bzero(ha1, sizeof ha1);
	return err == OK || provision_fail_store(s->out, s->p, err, "store the password");
}

bool provision_write_login(struct provision_step *s)
{
	struct login l = { 0 };
	if (s->q->kind != PROVISION_TRUNK) return true;
	const struct provision_value *password = given(s, "password");
	if (!password->given && !given(s, "user")->given && !given(s, "realm")->given) return true;
	enum err err = read_login(s, &l);
	if (err != OK) return provision_fail_store(s->out, s->p, err, "read the password");
	bool good;
	if (password->given && password->text.n && !l.user[0])
		good = provision_fail(s->out, ERR_BAD, "user", "a password needs its user");
	else if (password->given || !l.user[0])
		good = write_login(s, &l, l.user[0] ? password->text : STR(""));
	else if (l.hashed)
		good = provision_fail(s->out, ERR_BAD, "password",
		                      "the password must be given again: what is stored of it hangs on user and realm");
	else good = write_login(s, &l, str_from(l.secret));
	explicit_bzero(&l, sizeof l);
	return good;
}
