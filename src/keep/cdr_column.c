// Fields of a record by their row in the list.
#include "keep/cdr_column.h"

#include <assert.h>

static const struct cdr_column columns[] = { CDR_COLUMNS(CDR_COLUMN_ROW) CDR_HEARD_COLUMNS(CDR_COLUMN_ROW) };
static_assert(sizeof(struct call_record) <= UINT16_MAX, "places of fields fit");

const struct cdr_column *cdr_columns(uint32_t *count)
{
	*count = ARRAY_LEN(columns);
	return columns;
}

bool cdr_column_is_text(const struct cdr_column *c)
{
	return c->kind >= CDR_TEXT;
}

uint64_t cdr_column_uint(const struct cdr_column *c, const struct call_record *r)
{
	uint64_t value = 0;
	memcpy(&value, (const char *)r + c->at, c->size); // the least octet stands first, here and there
	return value;
}

void cdr_column_set_uint(const struct cdr_column *c, struct call_record *r, uint64_t value)
{
	if (c->kind == CDR_FLAG) value = value != 0;
	memcpy((char *)r + c->at, &value, c->size);
}

void put_cdr_column(struct buf *b, const struct cdr_column *c, const struct call_record *r)
{
	const void *at = (const char *)r + c->at;
	if (c->kind == CDR_TEXT) {
		put(b, (struct str){ at, (uint32_t)strnlen(at, c->size) });
	} else if (c->kind == CDR_NUMBER) {
		put_number(b, at);
	} else if (c->kind == CDR_NAME) {
		const struct party *p = at;
		put(b, (struct str){ p->name, p->name_n });
	} else if (c->kind == CDR_ADDR) {
		const struct addr *a = at;
		if (a->family) put_addr(b, a);
	}
}

static void set_number(struct number *n, struct str text)
{
	bool international = text.n && text.p[0] == '+';
	enum number_nature nature = international ? NUMBER_INTERNATIONAL : text.n ? NUMBER_UNKNOWN : NUMBER_NONE;
	if (number_set(n, nature, str_from_at(text, international)) != OK) *n = (struct number){ 0 };
}

void cdr_column_set_text(const struct cdr_column *c, struct call_record *r, struct str text)
{
	void *at = (char *)r + c->at;
	if (c->kind == CDR_TEXT) {
		str_to_z(at, c->size, text);
	} else if (c->kind == CDR_NUMBER) {
		set_number(at, text);
	} else if (c->kind == CDR_NAME) {
		struct party *p = at;
		text = str_head(text, PARTY_NAME_MAX);
		p->name_n = (uint8_t)text.n;
		if (text.n) memcpy(p->name, text.p, text.n);
	} else if (c->kind == CDR_ADDR && text.n) {
		if (addr_parse(at, text) != OK) memset(at, 0, c->size);
	}
}
