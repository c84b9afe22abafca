// The configuration as text: a fresh file, and the manual.
#include "run/config_setting.h"

static void put_quoted(struct buf *b, struct str s)
{
	put_c(b, '"');
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '$') put_c(b, '\\');
		put_c(b, s.p[i]);
	}
	put_c(b, '"');
}

static void put_part(struct buf *b, const char *from, const struct config_part *part, const char *indent)
{
	for (uint32_t i = 0; i < part->count; i++) {
		char text[CONFIG_PATH_MAX];
		const struct setting *s = &part->settings[i];
		struct buf value = buf_on(text, sizeof text);
		put_setting(&value, from, s);
		if (s->type == PATH && value.n == 0) continue; // a file that not every part of its kind has
		put_fmt(b, "%s# %s\n%s%s = ", indent, s->help, indent, s->name);
		if (s->type == U32) put(b, buf_str(&value));
		else put_quoted(b, buf_str(&value));
		put_c(b, '\n');
	}
}

void put_config(struct buf *b, const struct config *c)
{
	put_z(b, "# What this node must know before it can read its office. `dialtone check` tells what is wrong with it;\n"
	         "# docs/configuration.md has every setting.\n\n");
	put_part(b, (const char *)c, &config_parts[PART_NODE], "");
	for (uint32_t i = 0; i < c->listener_count; i++) {
		put_fmt(b, "\n# %s.\nlistener \"%s\" {\n", config_parts[PART_LISTENER].help, c->listeners[i].title);
		put_part(b, (const char *)&c->listeners[i], &config_parts[PART_LISTENER], "\t");
		put_z(b, "}\n");
	}
	for (uint32_t i = 0; i < c->media_count; i++) {
		put_fmt(b, "\n# %s.\nmedia \"%s\" {\n", config_parts[PART_MEDIA].help, c->media[i].title);
		put_part(b, (const char *)&c->media[i], &config_parts[PART_MEDIA], "\t");
		put_z(b, "}\n");
	}
}

static void put_part_manual(struct buf *b, const struct config_part *part)
{
	if (part->section)
		put_fmt(b, "\n## `%s \"title\" { ... }`\n\n%s. May stand several times, each with its own title.\n",
		        part->section, part->help);
	else
		put_fmt(b, "\n## %s\n", part->help);
	put_z(b, "\n| setting | takes | default | takes effect | what it is |\n| --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < part->count; i++) {
		const struct setting *s = &part->settings[i];
		put_fmt(b, "| `%s` | ", s->name);
		put_setting_takes(b, s);
		if (!s->dflt) put_z(b, " | must be given");
		else put_fmt(b, s->dflt[0] ? " | `%s`" : " | none%s", s->dflt);
		put_fmt(b, " | %s | %s |\n", s->when == AT_RELOAD ? "at reload" : "at restart", s->help);
	}
}

static const char intro[] =
    "# The configuration file\n\n"
    "<!-- Made by `dialtone manual configuration`; a test compares. Change the rows in src/run/config.h. -->\n\n"
    "The file holds what a node must know before it can read its office; customers, lines, trunks, routes and timers\n"
    "are office data, changed with [the command line](cli.md) while calls go on. `dialtone init DIR` writes a file to\n"
    "start from, `dialtone check` says what is wrong with one, with the line. It is looked for where `-c` says, else\n"
    "where the environment variable `DIALTONE_CONF` says, else at `/etc/dialtone/dialtone.conf`.\n\n"
    "```\n"
    "name = \"nashua-1\" # a comment\n"
    "listener \"access\" {\n\taddress = \"192.0.2.1:5060\"\n}\n"
    "media \"access\" {\n\taddress = \"192.0.2.1\"\n\tport_first = 20000\n\tport_last = 29999\n}\n"
    "```\n\n"
    "`SIGHUP` makes a running switch read the file again: settings marked *at reload* are taken over at once, of the\n"
    "others the log says that they wait for a restart. A file with an error changes nothing.\n";

static const char about_tls[] =
    "\n## TLS\n\n"
    "A listener with `transport = \"tls\"` speaks TLS 1.2 and 1.3 (RFC 5922: the name that a telephone calls must stand\n"
    "in the certificate as `DNS:` or `IP:`). An authority such as Let's Encrypt makes a certificate that everybody\n"
    "believes; for a test one is made by hand, and the telephones are given `cert.pem` as their authority:\n\n"
    "```\n"
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=sip.example.net \\\n"
    "    -addext subjectAltName=DNS:sip.example.net,IP:192.0.2.1 -keyout key.pem -out cert.pem\n"
    "```\n\n"
    "```\n"
    "listener \"tls\" {\n\taddress = \"192.0.2.1:5061\"\n\ttransport = \"tls\"\n"
    "\tcertificate = \"/etc/dialtone/cert.pem\"\n\tkey = \"/etc/dialtone/key.pem\"\n}\n"
    "```\n\n"
    "When the files are new, `SIGHUP` is enough: connections and calls stand, new sessions are shown the new\n"
    "certificate, and none is resumed from before. Files that cannot be used change nothing and are an error in the\n"
    "log. `dialtone check` and the log of a start say when a certificate ends within 30 days.\n";

void put_config_manual(struct buf *b)
{
	put_z(b, intro);
	for (uint32_t i = 0; i < PART_COUNT; i++) put_part_manual(b, &config_parts[i]);
	put_z(b, about_tls);
}
