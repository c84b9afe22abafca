// The rows of the settings, and their types: text to value and back.
#include "run/config_setting.h"

#include <assert.h>

#define SETTING(name_, type_, dflt_, min_, max_, when_, help_)                                                         \
	{ #name_, type_, dflt_, min_, max_, when_, help_, (uint32_t)offsetof(struct SETTING_OF, name_) },
#define SETTING_OF config
static const struct setting node_settings[] = { CONFIG_NODE(SETTING) };
#undef SETTING_OF
#define SETTING_OF config_listener
static const struct setting listener_settings[] = { CONFIG_LISTENER(SETTING) };
#undef SETTING_OF
#define SETTING_OF config_media
static const struct setting media_settings[] = { CONFIG_MEDIA(SETTING) };
#undef SETTING_OF

const struct config_part config_parts[PART_COUNT] = {
	[PART_NODE] = { NULL, node_settings, ARRAY_LEN(node_settings), "The node" },
	[PART_LISTENER] = { "listener", listener_settings, ARRAY_LEN(listener_settings),
	                    "An address where SIP is received and sent from; trunks are called from the first" },
	[PART_MEDIA] = { "media", media_settings, ARRAY_LEN(media_settings),
	                 "An address and a range of ports where media is relayed" },
};
static_assert(ARRAY_LEN(node_settings) <= CONFIG_SETTINGS_MAX, "room for every option of a part");

#define CHOICE_TEXT(id, text) text,
static const char *const transports[] = { TRANSPORTS(CHOICE_TEXT) NULL };
static const char *const inputs[] = { CONFIG_INPUTS(CHOICE_TEXT) NULL };
const char *const config_level_names[LOG_LEVEL_COUNT + 1] = { "error", "warn", "info", "debug" };

static const char *const *choices_of(enum setting_type type)
{
	return type == LEVEL ? config_level_names : type == INPUTS ? inputs : transports;
}

static void put_choices(struct buf *b, enum setting_type type, const char *between)
{
	const char *const *choices = choices_of(type);
	for (uint32_t i = 0; choices[i]; i++) put_fmt(b, "%s%s", i ? between : "", choices[i]);
}

void put_setting_takes(struct buf *b, const struct setting *s)
{
	switch (s->type) {
	case U32: put_fmt(b, "%u to %u", s->min, s->max); break;
	case TEXT:
	case LINE:
	case PATH: put_fmt(b, "a text of %u to %u characters", s->min, s->max); break;
	case LEVEL:
	case TRANSPORT:
	case INPUTS: put_choices(b, s->type, " or "); break;
	case ADDR: put_z(b, "an address with its port, such as 192.0.2.1:5060 or [2001:db8::1]:5060"); break;
	case HOST: put_z(b, "an address, such as 192.0.2.1 or [2001:db8::1]"); break;
	case ADDRS: put_fmt(b, "at most %u addresses, such as 192.0.2.1,[2001:db8::1]:5353", CONFIG_ADDRS_MAX); break;
	}
}

static bool choice_parse(uint32_t *out, enum setting_type type, struct str text)
{
	const char *const *choices = choices_of(type);
	for (uint32_t i = 0; choices[i]; i++) {
		if (!str_eq(text, str_from(choices[i]))) continue;
		*out = i;
		return true;
	}
	return false;
}

static bool text_parse(char *out, const struct setting *s, struct str text)
{
	if (text.n < s->min || text.n > s->max) return false;
	for (uint32_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ') return false;
	return str_to_z(out, s->max + 1, text);
}

static bool addr_setting_parse(struct addr *out, const struct setting *s, struct str text)
{
	bool optional = s->dflt && s->dflt[0] == '\0';
	*out = (struct addr){ 0 };
	if (text.n == 0) return optional;
	return addr_parse(out, text) == OK && (s->type == HOST || out->port != 0);
}

static bool addrs_parse(struct config_addrs *out, struct str text)
{
	*out = (struct config_addrs){ 0 };
	while (text.n) {
		struct str one = str_trim(str_cut(&text, ','));
		if (out->count == CONFIG_ADDRS_MAX || addr_parse(&out->addrs[out->count++], one) != OK) return false;
	}
	return true;
}

static void put_addr_said(struct buf *b, const struct addr *a)
{
	if (a->port) put_addr(b, a);
	else if (a->family) put_addr_host(b, a);
}

static void put_addrs(struct buf *b, const struct config_addrs *addrs)
{
	for (uint32_t i = 0; i < addrs->count; i++) {
		if (i) put_c(b, ',');
		put_addr_said(b, &addrs->addrs[i]);
	}
}

bool setting_parse(char *part, const struct setting *s, struct str text)
{
	char *field = part + s->offset;
	switch (s->type) {
	case U32: return str_to_u32((uint32_t *)(void *)field, text, s->max) == OK && *(uint32_t *)(void *)field >= s->min;
	case LEVEL:
	case TRANSPORT:
	case INPUTS: return choice_parse((uint32_t *)(void *)field, s->type, text);
	case TEXT:
	case LINE:
	case PATH: return text_parse(field, s, text);
	case ADDR:
	case HOST: return addr_setting_parse((struct addr *)(void *)field, s, text);
	case ADDRS: return addrs_parse((struct config_addrs *)(void *)field, text);
	}
	return false;
}

void put_setting(struct buf *b, const char *part, const struct setting *s)
{
	const char *field = part + s->offset;
	const struct addr *addr = (const struct addr *)(const void *)field;
	switch (s->type) {
	case U32: put_u64(b, *(const uint32_t *)(const void *)field); break;
	case LEVEL:
	case TRANSPORT:
	case INPUTS: put_z(b, choices_of(s->type)[*(const uint32_t *)(const void *)field]); break;
	case TEXT:
	case LINE:
	case PATH: put_z(b, field); break;
	case ADDR:
	case HOST: put_addr_said(b, addr); break;
	case ADDRS: put_addrs(b, (const struct config_addrs *)(const void *)field); break;
	}
}
