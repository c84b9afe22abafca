// One setting of the configuration file as a row, and what each of its types takes, holds and looks like.
#pragma once

#include "run/config.h"

enum setting_type { TEXT, LINE, PATH, U32, LEVEL, TRANSPORT, INPUTS, ADDR, HOST, ADDRS };
enum setting_when { AT_RESTART, AT_RELOAD };

struct setting {
	const char *name;
	enum setting_type type;
	const char *dflt; // NULL: must be given
	uint32_t min, max;
	enum setting_when when;
	const char *help;
	uint32_t offset; // of its field in the struct of its part
};

// The parts of a file: the node itself, and the sections that may stand several times, each with a title.
struct config_part {
	const char *section; // NULL: the node
	const struct setting *settings;
	uint32_t count;
	const char *help;
};
enum { PART_NODE, PART_LISTENER, PART_MEDIA, PART_COUNT };
extern const struct config_part config_parts[PART_COUNT];
#define CONFIG_SETTINGS_MAX 32 // of one part

// Fills the field of `s` in `part`, which is a struct config, config_listener or config_media as an array of octets.
// false: the text is not what the setting takes.
bool setting_parse(char *part, const struct setting *s, struct str text);
// The field as setting_parse would read it.
void put_setting(struct buf *b, const char *part, const struct setting *s);
// Says in words what the setting takes: "1 to 1000000".
void put_setting_takes(struct buf *b, const struct setting *s);
