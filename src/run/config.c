// The configuration file, read through libconfuse: it knows the syntax and the lines, the rows know the settings.
//
//     file ──libconfuse──▶ text per option ──row's type──▶ field of struct config
//                          └── checked as it is read, so that an error has its line
#include "run/config_setting.h"
#include "run/suggest.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>

// ---- Checks while libconfuse reads ----

static struct buf *problem; // where the error of the file being read goes: its callbacks get no context of ours

static const struct config_part *part_of(cfg_t *cfg)
{
	for (uint32_t i = PART_LISTENER; i < PART_COUNT; i++)
		if (strcmp(cfg_name(cfg), config_parts[i].section) == 0) return &config_parts[i];
	return &config_parts[PART_NODE];
}

static void put_nearest(struct buf *b, cfg_t *cfg, struct str word)
{
	const struct config_part *part = part_of(cfg);
	struct suggest s = suggest_for(word);
	for (uint32_t i = 0; i < part->count; i++) suggest_offer(&s, str_from(part->settings[i].name));
	for (uint32_t i = PART_LISTENER; !part->section && i < PART_COUNT; i++)
		suggest_offer(&s, str_from(config_parts[i].section));
	if (s.best.n) put_fmt(b, "; did you mean '%.*s'?", STR_FMT(s.best));
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	static const struct str unknown = STR_INIT("no such option '"); // libconfuse's words
	if (problem->n) return; // the first says what is wrong, the others what followed from it
	if (cfg && cfg->filename) put_fmt(problem, "%s:%d: ", cfg->filename, cfg->line);
	uint32_t start = problem->n;
	put_vfmt(problem, format, args);
	struct str words = str_from_at(buf_str(problem), start);
	if (!cfg || !str_starts(words, unknown)) return;
	words = str_from_at(words, unknown.n);
	put_nearest(problem, cfg, str_cut(&words, '\''));
}

static int check_setting(cfg_t *cfg, cfg_opt_t *opt)
{
	union { struct config node; struct config_listener listener; struct config_media media; } scratch;
	const struct config_part *part = part_of(cfg);
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	for (uint32_t i = 0; i < part->count; i++) {
		const struct setting *s = &part->settings[i];
		if (strcmp(s->name, cfg_opt_name(opt)) != 0) continue;
		if (text && setting_parse((char *)&scratch, s, str_from(text))) return 0;
		char words[256];
		struct buf b = buf_on(words, sizeof words - 1);
		put_setting_takes(&b, s);
		words[b.n] = '\0';
		cfg_error(cfg, "%s must be %s, not \"%s\"", s->name, words, text ? text : "");
	}
	return -1;
}

// A title names the section in logs and errors.
static bool title_check(cfg_t *section)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *title = cfg_title(section);
	size_t n = strlen(title);
	if (n > 0 && n < CONFIG_TEXT_MAX && strspn(title, letters) == n) return true;
	cfg_error(section, "a title is 1 to %d letters, digits, - _ or . and not \"%s\"", CONFIG_TEXT_MAX - 1, title);
	return false;
}

// A finished section as its struct; false (said) when a setting that must be given is not.
static bool section_read(char *out, cfg_t *section, const struct config_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		const struct setting *s = &part->settings[i];
		const char *text = cfg_getstr(section, s->name);
		if (!text) {
			cfg_error(section, "%s \"%s\" has no %s", part->section, cfg_title(section), s->name);
			return false;
		}
		if (!setting_parse(out, s, str_from(text))) return false; // said when the line was read
	}
	return true;
}

static bool listener_read(struct config_listener *out, cfg_t *section)
{
	if (!section_read((char *)out, section, &config_parts[PART_LISTENER])) return false;
	out->address.transport = (uint8_t)out->transport;
	return true;
}

static const char *listener_lacks(const struct config_listener *l)
{
	bool tls = transport_is_secure((enum transport)l->transport);
	if (tls && (!l->certificate[0] || !l->key[0])) return "needs a certificate and a key for tls";
	if (l->origins[0] && !transport_is_ws((enum transport)l->transport))
		return "has origins, and its transport is no WebSocket";
	if (!tls && (l->certificate[0] || l->key[0] || l->authorities[0] || l->clients[0]))
		return "has settings of tls, and its transport is another";
	return NULL;
}

static int check_listener(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config_listener mine, other;
	uint32_t last = cfg_opt_size(opt) - 1;
	cfg_t *section = cfg_opt_getnsec(opt, last);
	if (!title_check(section) || !listener_read(&mine, section)) return -1;
	if (last >= CONFIG_LISTENERS_MAX) {
		cfg_error(cfg, "more than %d listeners", CONFIG_LISTENERS_MAX);
		return -1;
	}
	const char *lacks = listener_lacks(&mine);
	if (lacks) {
		cfg_error(cfg, "listener \"%s\" %s", cfg_title(section), lacks);
		return -1;
	}
	for (uint32_t i = 0; i < last; i++) {
		cfg_t *before = cfg_opt_getnsec(opt, i);
		if (!listener_read(&other, before)) return -1;
		if (!addr_eq(&mine.address, &other.address)) continue;
		cfg_error(cfg, "listener \"%s\" has the address of listener \"%s\"", cfg_title(section), cfg_title(before));
		return -1;
	}
	return 0;
}

static int check_media(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config_media mine, other;
	uint32_t last = cfg_opt_size(opt) - 1;
	cfg_t *section = cfg_opt_getnsec(opt, last);
	const char *title = cfg_title(section);
	if (!title_check(section) || !section_read((char *)&mine, section, &config_parts[PART_MEDIA])) return -1;
	const char *wrong = last >= CONFIG_MEDIA_MAX ? "is one too many"
	    : mine.address.port || mine.public.port ? "has a port in its address: ports go into port_first and port_last"
	    : mine.port_first % 2 != 0 ? "has an odd port_first: RTP goes to even ports (RFC 3550 11)"
	    : mine.port_last % 2 == 0 ? "has an even port_last: it is the RTCP port of the last pair"
	    : mine.port_first > mine.port_last ? "has its port_last before its port_first" : NULL;
	if (wrong) {
		cfg_error(cfg, "media \"%s\" %s", title, wrong);
		return -1;
	}
	for (uint32_t i = 0; i < last; i++) {
		cfg_t *before = cfg_opt_getnsec(opt, i);
		if (!section_read((char *)&other, before, &config_parts[PART_MEDIA])) return -1;
		bool apart = !addr_host_eq(&mine.address, &other.address) || mine.port_last < other.port_first ||
		    other.port_last < mine.port_first;
		if (apart) continue;
		cfg_error(cfg, "media \"%s\" has ports of media \"%s\"", title, cfg_title(before));
		return -1;
	}
	return 0;
}

// ---- Reading a file ----

static void options_of(cfg_opt_t *out, const struct config_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		out[i] = (cfg_opt_t)CFG_STR(part->settings[i].name, part->settings[i].dflt, CFGF_NONE);
		out[i].validcb = check_setting;
	}
	out[part->count] = (cfg_opt_t)CFG_END();
}

// "data" and "api_socket" start at a folder: joins it, unless the path is absolute.
static bool path_join(char *path, struct str folder)
{
	char joined[CONFIG_PATH_MAX];
	struct buf b = buf_on(joined, sizeof joined);
	if (path[0] == '/' || folder.n == 0) return true;
	put(&b, folder);
	if (strcmp(path, ".") != 0) put_fmt(&b, "/%s", path);
	return b.err == OK && str_to_z(path, CONFIG_PATH_MAX, buf_str(&b));
}

static struct str folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash) return STR(".");
	return slash == path ? STR("/") : (struct str){ path, (uint32_t)(slash - path) };
}

static bool listener_paths_resolve(struct config_listener *l, struct str folder)
{
	char *const paths[] = { l->certificate, l->key, l->authorities, l->clients };
	for (uint32_t i = 0; i < ARRAY_LEN(paths); i++)
		if (paths[i][0] && !path_join(paths[i], folder)) return false;
	return true;
}

static bool paths_resolve(struct config *c, const char *path)
{
	for (uint32_t i = 0; i < c->listener_count; i++)
		if (!listener_paths_resolve(&c->listeners[i], folder_of(path))) return false;
	return str_to_z(c->path, sizeof c->path, str_from(path)) && path_join(c->data, folder_of(path)) &&
	    path_join(c->api_socket, str_from(c->data));
}

// The sections of one part in a config: an array of structs that open with their title.
struct sections {
	char *first;
	uint32_t size, count;
};

static struct sections sections_of(struct config *c, uint32_t part)
{
	if (part == PART_LISTENER)
		return (struct sections){ (char *)c->listeners, sizeof c->listeners[0], c->listener_count };
	return (struct sections){ (char *)c->media, sizeof c->media[0], c->media_count };
}

static bool sections_fill(struct config *c, cfg_t *cfg, uint32_t part)
{
	struct sections s = sections_of(c, part);
	for (uint32_t i = 0; i < s.count; i++) {
		cfg_t *from = cfg_getnsec(cfg, config_parts[part].section, i);
		char *to = s.first + i * s.size;
		if (!section_read(to, from, &config_parts[part])) return false;
		if (!str_to_z(to, CONFIG_TEXT_MAX, str_from(cfg_title(from)))) return false;
	}
	return true;
}

static enum err config_fill(struct config *c, cfg_t *cfg, const char *path, struct buf *why)
{
	config_default(c);
	if (!section_read((char *)c, cfg, &config_parts[PART_NODE])) return ERR_BAD;
	c->listener_count = cfg_size(cfg, "listener");
	c->media_count = cfg_size(cfg, "media");
	for (uint32_t i = PART_LISTENER; i < PART_COUNT; i++)
		if (!sections_fill(c, cfg, i)) return ERR_BAD;
	for (uint32_t i = 0; i < c->listener_count; i++)
		c->listeners[i].address.transport = (uint8_t)c->listeners[i].transport;
	const char *lacks = c->listener_count == 0 ? "listener" : c->media_count == 0 ? "media" : NULL;
	if (lacks) put_fmt(why, "%s: no %s: nothing could be called", path, lacks);
	else if (!paths_resolve(c, path)) put_fmt(why, "%s: a path is too long", path);
	return why->n ? ERR_BAD : OK;
}

enum err config_load(struct config *c, const char *path, struct buf *why)
{
	cfg_opt_t node[CONFIG_SETTINGS_MAX + 3], listener[CONFIG_SETTINGS_MAX + 1], media[CONFIG_SETTINGS_MAX + 1];
	struct config read;
	options_of(listener, &config_parts[PART_LISTENER]);
	options_of(media, &config_parts[PART_MEDIA]);
	options_of(node, &config_parts[PART_NODE]);
	cfg_opt_t *end = node + config_parts[PART_NODE].count;
	end[0] = (cfg_opt_t)CFG_SEC("listener", listener, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	end[0].validcb = check_listener;
	end[1] = (cfg_opt_t)CFG_SEC("media", media, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	end[1].validcb = check_media;
	end[2] = (cfg_opt_t)CFG_END();
	cfg_t *cfg = cfg_init(node, CFGF_NONE);
	if (!cfg) return ERR_SYSTEM;
	problem = why;
	cfg_set_error_function(cfg, on_error);
	int parsed = cfg_parse(cfg, path);
	enum err e = ERR_BAD;
	if (parsed == CFG_SUCCESS) {
		e = config_fill(&read, cfg, path, why);
	} else if (parsed == CFG_FILE_ERROR) {
		e = ERR_SYSTEM;
		put_fmt(why, "%s: %s", path, strerror(errno));
	}
	cfg_free(cfg);
	if (e == OK) *c = read;
	return e;
}

void config_default(struct config *c)
{
	*c = (struct config){ 0 };
	const struct config_part *node = &config_parts[PART_NODE];
	for (uint32_t i = 0; i < node->count; i++) {
		bool good = setting_parse((char *)c, &node->settings[i], str_from(node->settings[i].dflt));
		assert(good);
		(void)good;
	}
}

// ---- What changed ----

static bool setting_eq(const char *a, const char *b, const struct setting *s)
{
	char text_a[CONFIG_PATH_MAX], text_b[CONFIG_PATH_MAX];
	struct buf in_a = buf_on(text_a, sizeof text_a), in_b = buf_on(text_b, sizeof text_b);
	put_setting(&in_a, a, s);
	put_setting(&in_b, b, s);
	return str_eq(buf_str(&in_a), buf_str(&in_b));
}

// Tells each setting of one part that differs; title: NULL for the node.
static void part_compare(const char *a, const char *b, const struct config_part *part, const char *title,
                         config_change *tell)
{
	for (uint32_t i = 0; i < part->count; i++) {
		const struct setting *s = &part->settings[i];
		if (!setting_eq(a, b, s)) tell(part->section, title, s->name, s->when == AT_RESTART);
	}
}

static const char *sections_find(struct sections s, const char *title)
{
	for (uint32_t i = 0; i < s.count; i++)
		if (strcmp(s.first + i * s.size, title) == 0) return s.first + i * s.size;
	return NULL;
}

static void sections_compare(struct sections running, struct sections read, const struct config_part *part,
                             config_change *tell)
{
	for (uint32_t i = 0; i < read.count; i++) {
		const char *new = read.first + i * read.size, *old = sections_find(running, new);
		if (old) part_compare(old, new, part, new, tell);
		else tell(part->section, new, NULL, true);
	}
	for (uint32_t i = 0; i < running.count; i++) {
		const char *old = running.first + i * running.size;
		if (!sections_find(read, old)) tell(part->section, old, NULL, true);
	}
}

void config_compare(struct config *running, struct config *read, config_change *tell)
{
	part_compare((const char *)running, (const char *)read, &config_parts[PART_NODE], NULL, tell);
	for (uint32_t i = PART_LISTENER; i < PART_COUNT; i++)
		sections_compare(sections_of(running, i), sections_of(read, i), &config_parts[i], tell);
}

static void part_take_reloadable(char *running, const char *read, const struct config_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		char text[CONFIG_PATH_MAX];
		struct buf b = buf_on(text, sizeof text);
		if (part->settings[i].when != AT_RELOAD) continue;
		put_setting(&b, read, &part->settings[i]);
		bool good = setting_parse(running, &part->settings[i], buf_str(&b));
		assert(good);
		(void)good;
	}
}

void config_take_reloadable(struct config *running, const struct config *read)
{
	part_take_reloadable((char *)running, (const char *)read, &config_parts[PART_NODE]);
	for (uint32_t i = 0; i < read->listener_count; i++)
		for (uint32_t k = 0; k < running->listener_count; k++)
			if (strcmp(read->listeners[i].title, running->listeners[k].title) == 0)
				part_take_reloadable((char *)&running->listeners[k], (const char *)&read->listeners[i],
					&config_parts[PART_LISTENER]);
}
