// A new node: its configuration file and its office, empty or with the sample carrier.
#include "run/cli.h"

#include "keep/sample.h"
#include "keep/store.h"
#include "wire/net/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_FILE "dialtone.conf"
#define CONFIG_TEXT_OCTETS 16384
#define PATH_OCTETS (CONFIG_PATH_MAX + 32)

struct init {
	struct cli *cli;
	const char *folder;
	char config_path[PATH_OCTETS], office_path[PATH_OCTETS];
	struct store *store;       // owned, these three
	struct office *office;
	struct provision *provision;
	json_t *lines;             // owned: of the sample, with their passwords
};

// ---- Where it listens ----

// ADDRESS:FIRST-LAST
static bool media_parse(struct config_media *m, struct str text)
{
	struct addr first;
	int32_t dash = -1;
	for (uint32_t i = 0; i < text.n; i++)
		if (text.p[i] == '-') dash = (int32_t)i;
	if (dash < 0 || addr_parse(&first, str_head(text, (uint32_t)dash)) != OK || first.port == 0) return false;
	if (str_to_u32(&m->port_last, str_from_at(text, (uint32_t)dash + 1), 65535) != OK) return false;
	m->port_first = first.port;
	m->address = first;
	m->address.port = 0;
	return true;
}

// What is received as datagrams is received over connections too: telephones come with either.
static void add_tcp(struct config *config)
{
	struct config_listener *tcp = &config->listeners[config->listener_count++];
	*tcp = config->listeners[0];
	strcpy(tcp->title, "access-tcp");
	tcp->transport = tcp->address.transport = TRANSPORT_TCP;
}

// From the options; false (said): one is malformed. Without any, only this machine can reach the switch: who opens it
// to others says where.
static bool addresses_of(struct config *config, struct cli *c)
{
	const char *listen = c->options.listen ? c->options.listen : "127.0.0.1:5060";
	struct config_listener *l = &config->listeners[0];
	struct config_media *m = &config->media[0];
	*l = (struct config_listener){ .title = "access" };
	*m = (struct config_media){ .title = "access", .port_first = 20000, .port_last = 29999 };
	config->listener_count = config->media_count = 1;
	if (addr_parse(&l->address, str_from(listen)) != OK || l->address.port == 0) {
		cli_say(c, "--listen wants ADDRESS:PORT, such as 192.0.2.1:5060, not \"%s\"", listen);
		return false;
	}
	m->address = l->address;
	m->address.port = 0;
	if (c->options.media && !media_parse(m, str_from(c->options.media))) {
		cli_say(c, "--media wants ADDRESS:FIRST-LAST, such as 192.0.2.1:20000-29999, not \"%s\"", c->options.media);
		return false;
	}
	if (c->options.public && addr_parse(&l->public, str_from(c->options.public)) != OK) {
		cli_say(c, "--public wants an address, such as 203.0.113.5, not \"%s\"", c->options.public);
		return false;
	}
	m->public = l->public;
	m->public.port = 0;
	add_tcp(config);
	return true;
}

// ---- Files ----

static bool write_config(struct init *i, const struct config *config)
{
	char *text = malloc(CONFIG_TEXT_OCTETS);
	struct buf b = buf_on(text, text ? CONFIG_TEXT_OCTETS : 0);
	put_config(&b, config);
	FILE *f = b.err == OK ? fopen(i->config_path, "wx") : NULL; // never over one that is there
	bool written = f && fwrite(b.p, 1, b.n, f) == b.n;
	if (f && fclose(f) != 0) written = false;
	if (!written) cli_say(i->cli, "cannot write %s: %s", i->config_path, strerror(errno));
	free(text);
	return written;
}

// What was written is read as a start would read it: ranges of ports, for instance, are checked there.
static bool check_config(struct init *i)
{
	char why[1024];
	struct buf b = buf_on(why, sizeof why - 1);
	if (config_load(&i->cli->config, i->config_path, &b) == OK) return true;
	why[b.n] = '\0';
	cli_say(i->cli, "%s", why);
	return false;
}

static void keep_line(void *self, struct str line, struct str password)
{
	struct init *i = self;
	json_array_append_new(i->lines, json_pack("{s:s%,s:s%}", "name", line.p, (size_t)line.n, "password", password.p,
	                                          (size_t)password.n));
}

// The numbers of the lines, which stand in the office once all is committed.
static void add_numbers(struct init *i)
{
	json_t *line;
	size_t at;
	json_array_foreach(i->lines, at, line) {
		const struct office_line *l = office_line_by_name(i->office, str_from(cli_text(line, "name")));
		if (l) json_object_update_new(line, json_pack("{s:s+}", "number", "+", l->number));
	}
}

static bool make_office(struct init *i)
{
	const struct cli *c = i->cli;
	const char *name = c->options.name ? c->options.name : c->options.sample ? "Sample Telephone" : "Dialtone";
	struct str realm = str_from(c->options.realm ? c->options.realm : "dialtone");
	struct store_fault fault = { "" };
	struct provision_answer answer = { .err = OK };
	enum err e = store_create(&i->store, i->office_path, str_from(name), realm, &fault);
	if (e == OK && c->options.sample) {
		e = office_new(&i->office);
		if (e == OK) e = store_load(i->store, i->office, &fault);
		if (e == OK) e = provision_new(&i->provision, i->store, i->office, NULL);
		struct sample_options sample = { .emergency = true, .random_passwords = true, .wall_ms = clock_wall_ms(),
			                             .told = keep_line, .self = i };
		if (e == OK) sample_office(&answer, i->provision, &sample);
		if (e == OK && answer.err == OK) add_numbers(i);
	}
	const char *why = fault.why[0] ? fault.why : answer.why[0] ? answer.why : err_text(e);
	if (e != OK || answer.err != OK) cli_say(i->cli, "cannot make %s: %s", i->office_path, why);
	return e == OK && answer.err == OK;
}

static void remove_office(const struct init *i)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	for (uint32_t k = 0; k < ARRAY_LEN(ends); k++) {
		char path[PATH_OCTETS + 8];
		snprintf(path, sizeof path, "%s%s", i->office_path, ends[k]);
		unlink(path);
	}
}

// All of it or nothing.
static bool make_files(struct init *i, const struct config *config)
{
	if (mkdir(i->folder, 0750) != 0 && errno != EEXIST) {
		cli_say(i->cli, "cannot make %s: %s", i->folder, strerror(errno));
		return false;
	}
	if (access(i->office_path, F_OK) == 0) {
		cli_say(i->cli, "%s is there already: an office is not overwritten", i->office_path);
		return false;
	}
	if (!write_config(i, config)) return false;
	bool good = check_config(i) && make_office(i);
	i->provision = provision_free(i->provision);
	i->office = office_free(i->office);
	i->store = store_close(i->store);
	if (!good) {
		remove_office(i);
		unlink(i->config_path);
	}
	return good;
}

// ---- What is said ----

static void say_made(const struct init *i)
{
	static const char *const heads[] = { "LINE", "NUMBER", "PASSWORD", NULL };
	const struct config *config = &i->cli->config;
	FILE *out = i->cli->out;
	char where[64];
	struct buf b = buf_on(where, sizeof where);
	const json_t *line;
	size_t at;
	struct table t;
	put_addr(&b, &config->listeners[0].address);
	fprintf(out, "%s and %s are made; the switch will listen at %.*s.\n", i->config_path, i->office_path,
	        STR_FMT(buf_str(&b)));
	if (addr_is_loopback(&config->listeners[0].address))
		fprintf(out, "Only this machine can reach it there: --listen or the file says otherwise.\n");
	if (json_array_size(i->lines)) {
		fprintf(out, "\nThe sample's lines, with passwords that are not shown again:\n\n");
		table_begin(&t, out, heads);
		json_array_foreach(i->lines, at, line) {
			const char *cells[] = { cli_cell(line, "name"), cli_cell(line, "number"), cli_cell(line, "password") };
			table_add(&t, cells);
		}
		table_end(&t);
	}
	fprintf(out, "\nStart it with: dialtone -c %s serve\n", i->config_path);
}

int cli_init(struct cli *c, int argc, char **argv)
{
	struct config config;
	struct init i = { .cli = c, .folder = argv[0], .lines = json_array() };
	(void)argc;
	umask(027); // the office holds what passwords are checked with
	snprintf(i.config_path, sizeof i.config_path, "%s/" CONFIG_FILE, argv[0]);
	snprintf(i.office_path, sizeof i.office_path, "%s/" CONFIG_OFFICE_FILE, argv[0]);
	config_default(&config);
	bool fits = strlen(argv[0]) < CONFIG_PATH_MAX;
	if (!fits) cli_say(c, "the path of the folder is too long");
	bool good = fits && addresses_of(&config, c);
	int exit_with = !good ? CLI_USAGE : make_files(&i, &config) ? CLI_OK : CLI_FAILED;
	if (exit_with == CLI_OK && c->options.json) {
		json_t *told = json_pack("{s:s,s:s,s:O}", "config", i.config_path, "office", i.office_path, "lines", i.lines);
		cli_print_json(c, told);
		json_decref(told);
	} else if (exit_with == CLI_OK) {
		say_made(&i);
	}
	json_decref(i.lines);
	return exit_with;
}
