// The fields of a record, one row each. A tag is never given another meaning; a new field takes a new tag.
#include "keep/journal_record.h"

#include <assert.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers stand in records with their least octet first");
// These stand in records as they are in memory: a change of their form takes a new tag.
static_assert(sizeof(struct number) == 26 && sizeof(struct party) == 77 && offsetof(struct addr, flow) == ADDR_PLACE_BYTES,
	"forms of tags");
static_assert(sizeof(struct cause) == 6 && sizeof(struct record_media) == 16, "forms of tags");

enum form {
	FORM_OCTETS,  // a fixed number of octets, without the zeros at their end
	FORM_COUNTED, // an array and the count of its used members
};

struct field {
	uint8_t tag, form;
	uint32_t at, size;         // of the octets; COUNTED: of the array and of one member
	uint32_t count_at, most;   // COUNTED
};

#define MEMBER(member) (((struct call_record *)0)->member)
#define OCTETS(tag, member) { tag, FORM_OCTETS, offsetof(struct call_record, member), sizeof(MEMBER(member)), 0, 0 }
#define PLACE(tag, member) { tag, FORM_OCTETS, offsetof(struct call_record, member), ADDR_PLACE_BYTES, 0, 0 }
#define COUNTED(tag, member, count)                                                                                    \
	{ tag, FORM_COUNTED, offsetof(struct call_record, member), sizeof(MEMBER(member)[0]),                             \
	  offsetof(struct call_record, count), ARRAY_LEN(MEMBER(member)) }
#define PARTY(tag, side)                                                                                               \
	OCTETS(tag, side.line), OCTETS(tag + 1, side.trunk_group), OCTETS(tag + 2, side.customer),                        \
	    OCTETS(tag + 3, side.party), PLACE(tag + 4, side.peer), OCTETS(tag + 5, side.call_id),                       \
	    OCTETS(tag + 6, side.media), COUNTED(tag + 7, side.dialog, side.dialog_n), OCTETS(tag + 8, side.tied_to),     \
	    OCTETS(tag + 9, side.tied_as)

static const struct field fields[] = {
	OCTETS(1, kind),
	OCTETS(2, released_by),
	OCTETS(3, answered),
	OCTETS(4, emergency),
	OCTETS(5, unsynced),
	OCTETS(6, recovered),
	OCTETS(7, call),
	// 8 was never used: the sequence is the frame's
	OCTETS(9, began_wall_ms),
	OCTETS(10, alerted_wall_ms),
	OCTETS(11, answered_wall_ms),
	OCTETS(12, ended_wall_ms),
	OCTETS(13, answered_for_ms),
	OCTETS(14, dialled),
	OCTETS(15, called),
	OCTETS(16, diverted_from),
	OCTETS(17, diversion_feature),
	OCTETS(18, cause),
	OCTETS(19, codec),
	OCTETS(20, rules_version),
	COUNTED(21, trail, trail_n),
	COUNTED(22, ladder, ladder_n),
	PARTY(64, o),
	PARTY(80, t),
};

// Seven bits an octet, the lowest first, the top bit says that more follow.
static void put_length(struct buf *b, uint32_t n)
{
	for (; n >= 0x80; n >>= 7) put_c(b, (char)(n | 0x80));
	put_c(b, (char)n);
}

static bool take_length(struct str *rest, uint32_t *n)
{
	*n = 0;
	for (uint32_t shift = 0; rest->n && shift < 28; shift += 7) {
		uint8_t octet = (uint8_t)rest->p[0];
		*rest = str_from_at(*rest, 1);
		*n |= (octet & 0x7fu) << shift;
		if (octet < 0x80) return true;
	}
	return false;
}

static void put_octets(struct buf *b, uint8_t tag, const char *p, uint32_t n)
{
	while (n && p[n - 1] == 0) n--;
	if (n == 0) return;
	put_c(b, (char)tag);
	put_length(b, n);
	put(b, (struct str){ p, n });
}

static uint32_t count_of(const struct call_record *r, const struct field *f)
{
	uint32_t count;
	memcpy(&count, (const char *)r + f->count_at, sizeof count);
	return count < f->most ? count : f->most;
}

void put_call_record(struct buf *b, const struct call_record *r)
{
	for (uint32_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *f = &fields[i];
		const char *p = (const char *)r + f->at;
		if (f->form == FORM_OCTETS) {
			put_octets(b, f->tag, p, f->size);
		} else if (count_of(r, f)) {
			put_c(b, (char)f->tag);
			put_length(b, count_of(r, f) * f->size);
			put(b, (struct str){ p, count_of(r, f) * f->size });
		}
	}
}

// A bool holds 0 or 1 and nothing else; so do the two other things that later code indexes with.
static void make_sound(struct call_record *r, const uint8_t flags[4])
{
	struct record_party *sides[] = { &r->o, &r->t };
	struct number *numbers[] = { &r->called, &r->diverted_from, &r->o.party.number, &r->t.party.number };
	r->answered = flags[0] != 0;
	r->emergency = flags[1] != 0;
	r->unsynced = flags[2] != 0;
	r->recovered = flags[3] != 0;
	for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i]->n > NUMBER_DIGITS_MAX) numbers[i]->n = NUMBER_DIGITS_MAX;
	for (uint32_t i = 0; i < ARRAY_LEN(sides); i++) {
		if (sides[i]->party.name_n > PARTY_NAME_MAX) sides[i]->party.name_n = PARTY_NAME_MAX;
		sides[i]->call_id[sizeof sides[i]->call_id - 1] = '\0';
	}
	r->dialled[sizeof r->dialled - 1] = '\0';
	r->codec[sizeof r->codec - 1] = '\0';
}

// Copies what fits; of a newer program's longer field that is its beginning.
static void take_field(struct call_record *r, const struct field *f, struct str value)
{
	uint32_t most = f->form == FORM_COUNTED ? f->size * f->most : f->size;
	uint32_t n = value.n < most ? value.n : most;
	memset((char *)r + f->at, 0, most); // a field that stands twice: the last one counts
	if (f->form == FORM_COUNTED) {
		uint32_t count = n / f->size;
		memcpy((char *)r + f->count_at, &count, sizeof count);
		n = count * f->size;
	}
	memcpy((char *)r + f->at, value.p, n);
}

enum err call_record_parse(struct call_record *out, struct str bytes)
{
	uint8_t flags[4] = { 0 };
	memset(out, 0, sizeof *out);
	while (bytes.n) {
		uint8_t tag = (uint8_t)bytes.p[0];
		uint32_t n;
		bytes = str_from_at(bytes, 1);
		if (!take_length(&bytes, &n) || n > bytes.n) return ERR_BAD;
		for (uint32_t i = 0; i < ARRAY_LEN(fields); i++) {
			if (fields[i].tag != tag) continue;
			if (tag >= 3 && tag <= 6) flags[tag - 3] = n > 0; // never a bool that is neither
			else take_field(out, &fields[i], str_head(bytes, n));
		}
		bytes = str_from_at(bytes, n);
	}
	make_sound(out, flags);
	return out->kind == RECORD_ANSWER || out->kind == RECORD_RELEASE ? OK : ERR_BAD;
}
