// The file: made, opened, closed.
#include "keep/store_migrate.h"
#include "keep/store_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct store {
	struct store_db db;
};

struct store_db *store_db_of(struct store *s)
{
	return &s->db;
}

static enum err put_setting(struct store_db *db, const char *name, struct str value)
{
	struct store_query q = store_ask(db, "INSERT OR IGNORE INTO office (name, value) VALUES (?, ?)");
	store_bind_str(&q, str_from(name));
	store_bind_str(&q, value);
	return store_finish(&q);
}

// Settings that this program knows and the file does not have yet stand there with their presets.
static enum err add_settings(struct store_db *db, struct store_fault *fault)
{
	enum err err = store_run(db, "BEGIN IMMEDIATE");
#define ADD_SETTING(id, preset, min, max, help) \
	if (err == OK) err = put_setting(db, #id, STR(#preset));
	OFFICE_SETTINGS(ADD_SETTING)
	if (err == OK) err = store_run(db, "COMMIT");
	if (err != OK) store_explain(fault, db, err, "write the settings");
	return err;
}

static enum err open_store(struct store **out, const char *path, struct store_fault *fault)
{
	struct store *s = calloc(1, sizeof *s);
	*out = NULL;
	if (!s) {
		snprintf(fault->why, sizeof fault->why, "no memory");
		return ERR_FULL;
	}
	enum err err = store_db_open(&s->db, path, fault);
	if (err == OK) err = store_migrate(&s->db, store_migrations, fault);
	if (err == OK) err = add_settings(&s->db, fault);
	if (err != OK) store_close(s);
	else *out = s;
	return err;
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n >= OFFICE_NAME_MAX) return false;
	for (uint32_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '"' || s.p[i] == '\\') return false;
	return true;
}

// The file is only its owner's: it holds what passwords can be guessed from.
static enum err make_file(const char *path, struct store_fault *fault)
{
	if (strcmp(path, ":memory:") == 0) return OK;
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		bool there = errno == EEXIST;
		snprintf(fault->why, sizeof fault->why, "cannot make %s: %s", path, strerror(errno));
		return there ? ERR_EXISTS : ERR_SYSTEM;
	}
	close(fd);
	return OK;
}

enum err store_create(struct store **out, const char *path, struct str name, struct str realm,
                      struct store_fault *fault)
{
	*out = NULL;
	if (!is_name(name) || !is_name(realm)) {
		snprintf(fault->why, sizeof fault->why,
		         "the office's name and realm must have 1 to %d characters, without quotes", OFFICE_NAME_MAX - 1);
		return ERR_BAD;
	}
	enum err err = make_file(path, fault);
	if (err != OK) return err;
	err = open_store(out, path, fault);
	if (err == OK) err = put_setting(&(*out)->db, "name", name);
	if (err == OK) err = put_setting(&(*out)->db, "realm", realm);
	if (err == OK) return OK;
	if (*out) store_explain(fault, &(*out)->db, err, "write the office's name");
	*out = store_close(*out);
	if (strcmp(path, ":memory:") != 0) unlink(path);
	return err;
}

enum err store_open(struct store **out, const char *path, struct store_fault *fault)
{
	enum err err = open_store(out, path, fault);
	if (err != OK) return err;
	struct store_query q = store_ask(&(*out)->db, "SELECT count(*) FROM office WHERE name = 'realm'");
	if (store_count(&q) == 1) return OK;
	snprintf(fault->why, sizeof fault->why, "%s holds no office; dialtone init makes one", path);
	*out = store_close(*out);
	return ERR_BAD;
}

struct store *store_close(struct store *s)
{
	if (s) store_db_close(&s->db);
	free(s);
	return NULL;
}
