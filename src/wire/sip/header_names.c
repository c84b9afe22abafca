// Names of headers and methods, made from the lists in msg.h.
//
// A header's name is hashed by its length, first and last letter; the list is spread so over 256 slots before main
// that nearly every name is found by one look and one comparison.
#include "wire/sip/header_names.h"

#define SLOTS 256

struct header_row {
	struct str name;
	char compact;
	uint8_t kind;
};
#define ROW(id, name, compact, kind) [SIP_H_##id] = { STR_INIT(name), compact, kind },
static const struct header_row rows[SIP_H_COUNT] = { SIP_HEADERS(ROW) };

static uint8_t slots[SLOTS];     // id + 1; 0: free
static uint8_t compacts['z' + 1]; // id + 1 of a lower-case letter

static uint32_t slot_of(struct str name)
{
	uint32_t first = (uint32_t)ascii_lower(name.p[0]), last = (uint32_t)ascii_lower(name.p[name.n - 1]);
	return (name.n * 37 + first * 11 + last * 2) % SLOTS;
}

__attribute__((constructor)) static void slots_init(void)
{
	for (uint32_t id = 0; id < SIP_H_OTHER; id++) {
		uint32_t slot = slot_of(rows[id].name);
		while (slots[slot]) slot = (slot + 1) % SLOTS;
		slots[slot] = (uint8_t)(id + 1);
		if (rows[id].compact) compacts[(unsigned char)rows[id].compact] = (uint8_t)(id + 1);
	}
}

enum sip_header_id sip_header_from(struct str name)
{
	if (name.n == 0) return SIP_H_OTHER;
	if (name.n == 1) {
		unsigned char letter = (unsigned char)ascii_lower(name.p[0]);
		uint32_t id = letter < sizeof compacts ? compacts[letter] : 0;
		return id ? (enum sip_header_id)(id - 1) : SIP_H_OTHER;
	}
	for (uint32_t slot = slot_of(name); slots[slot]; slot = (slot + 1) % SLOTS) {
		uint32_t id = slots[slot] - 1u;
		if (str_eq(name, rows[id].name) || str_eq_nocase(name, rows[id].name)) return (enum sip_header_id)id;
	}
	return SIP_H_OTHER;
}

bool sip_header_is_list(enum sip_header_id id)
{
	return id < SIP_H_OTHER && rows[id].kind == SIP_COMMA;
}

struct str sip_header_name(enum sip_header_id id)
{
	return id < SIP_H_OTHER ? rows[id].name : (struct str){ "", 0 };
}

#define METHOD_NAME(name) [SIP_##name] = STR_INIT(#name),
static const struct str methods[] = { SIP_METHODS(METHOD_NAME) };

enum sip_method sip_method_from(struct str name)
{
	for (uint32_t m = 0; m < ARRAY_LEN(methods); m++)
		if (str_eq(name, methods[m])) return (enum sip_method)m;
	return SIP_METHOD_UNKNOWN;
}

struct str sip_method_name(enum sip_method m)
{
	return m < SIP_METHOD_UNKNOWN ? methods[m] : (struct str){ "", 0 };
}
