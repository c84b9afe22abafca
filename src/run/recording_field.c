// One field of an entry, from its struct to text and back.
#include "run/recording.h"

static uint64_t number_at(const char *at, uint32_t size)
{
	switch (size) {
	case 1: return *(const uint8_t *)at;
	case 2: return *(const uint16_t *)(const void *)at;
	case 4: return *(const uint32_t *)(const void *)at;
	default: return *(const uint64_t *)(const void *)at;
	}
}

static void set_number_at(char *at, uint32_t size, uint64_t v)
{
	switch (size) {
	case 1: *(uint8_t *)at = (uint8_t)v; break;
	case 2: *(uint16_t *)(void *)at = (uint16_t)v; break;
	case 4: *(uint32_t *)(void *)at = (uint32_t)v; break;
	default: *(uint64_t *)(void *)at = v;
	}
}

// A text that stands alone when nothing in it could be taken for the end of it.
static void put_text(struct buf *b, struct str text)
{
	bool plain = text.n > 0;
	for (uint32_t i = 0; i < text.n && plain; i++)
		plain = text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '"' && text.p[i] != '\\';
	if (plain) {
		put(b, text);
		return;
	}
	put_c(b, '"');
	for (uint32_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '"' || c == '\\') put_c(b, '\\');
		if (c >= ' ' && c != 0x7f) put_c(b, (char)c);
		else put_fmt(b, "\\x%02x", c);
	}
	put_c(b, '"');
}

static void put_net(struct buf *b, const struct addr_net *net)
{
	put_addr_host(b, &net->base);
	put_fmt(b, "/%u", net->bits);
}

static void put_name(struct buf *b, const struct entry_field *f, uint8_t v)
{
	uint32_t i = 0;
	while (f->names[i] && i < v) i++;
	if (f->names[i]) put_z(b, f->names[i]);
	else put_u64(b, v);
}

void put_entry_field(struct buf *b, const struct entry_field *f, const void *body)
{
	const char *at = (const char *)body + f->offset;
	switch (f->type) {
	case FIELD_NUMBER: put_u64(b, number_at(at, f->size)); break;
	case FIELD_YES: put_z(b, *at ? "yes" : "no"); break;
	case FIELD_TEXT: put_text(b, str_head((struct str){ at, (uint32_t)strnlen(at, f->size) }, f->size)); break;
	case FIELD_CHAR: put_text(b, (struct str){ at, 1 }); break;
	case FIELD_ADDR: put_transport_addr(b, (const struct addr *)(const void *)at); break;
	case FIELD_NET: put_net(b, (const struct addr_net *)(const void *)at); break;
	case FIELD_NAME: put_name(b, f, *(const uint8_t *)at); break;
	}
}

static bool read_number(char *at, uint32_t size, struct str value)
{
	uint64_t v, max = size < 8 ? (1ull << size * 8) - 1 : UINT64_MAX;
	if (str_to_u64(&v, value, max) != OK) return false;
	set_number_at(at, size, v);
	return true;
}

static bool read_name(char *at, const struct entry_field *f, struct str value)
{
	for (uint8_t i = 0; f->names[i]; i++) {
		if (!str_eq(value, str_from(f->names[i]))) continue;
		*at = (char)i;
		return true;
	}
	return false;
}

static bool read_text(char *at, const struct entry_field *f, struct str value)
{
	return !memchr(value.p, '\0', value.n) && str_to_z(at, f->size, value);
}

bool entry_field_read(void *body, const struct entry_field *f, struct str value)
{
	char *at = (char *)body + f->offset;
	switch (f->type) {
	case FIELD_NUMBER: return read_number(at, f->size, value);
	case FIELD_YES:
		*at = str_eq(value, STR("yes"));
		return *at || str_eq(value, STR("no"));
	case FIELD_TEXT: return value.n == 0 || read_text(at, f, value);
	case FIELD_CHAR:
		if (value.n == 1) *at = value.p[0];
		return value.n == 1;
	case FIELD_ADDR: return transport_addr_parse((struct addr *)(void *)at, value) == OK;
	case FIELD_NET: return addr_net_parse((struct addr_net *)(void *)at, value) == OK;
	case FIELD_NAME: return read_name(at, f, value);
	}
	return false;
}
