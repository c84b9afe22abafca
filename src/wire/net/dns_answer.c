// Reading an answer: header, question, then the records in one pass for each alias that the name goes by.
#include "wire/net/dns_answer.h"

#define CLASS_IN 1
#define TYPE_CNAME 5
#define TYPE_SOA 6
#define ALIASES_MAX 8       // a name that is an alias of an alias of ...
#define RRS_MAX 256         // that are looked at
#define POINTERS_MAX 32     // of one compressed name
#define TTL_MAX_S 604800u   // RFC 8767 §4: more is a mistake
#define NONE_TTL_S 60u      // of an answer of none that does not say how long

struct reader {
	const uint8_t *p;
	uint32_t n, at;
	bool bad;
};

struct rr {
	char owner[DNS_NAME_MAX];
	uint16_t type, class;
	uint32_t ttl_s, data, data_n; // place of its data
};

static uint32_t get(struct reader *r, uint32_t octets)
{
	uint32_t v = 0;
	if (r->bad || r->n - r->at < octets) {
		r->bad = true;
		return 0;
	}
	while (octets--) v = v << 8 | r->p[r->at++];
	return v;
}

static void put_label(struct buf *b, const uint8_t *label, uint32_t n)
{
	if (b->n) put_c(b, '.');
	for (uint32_t i = 0; i < n; i++) {
		char c = ascii_lower((char)label[i]);
		// What cannot stand in a host's name is no name that is asked for again, or compared with one.
		if (c <= ' ' || c == '.' || (unsigned char)c >= 0x7f) b->err = ERR_BAD;
		put_c(b, c);
	}
}

// Each pointer goes to an earlier place (RFC 1035 §4.1.4), and there are few: it ends.
static void get_name(struct reader *r, char out[DNS_NAME_MAX])
{
	struct buf b = buf_on(out, DNS_NAME_MAX - 1);
	uint32_t at = r->at, end = 0, pointers = 0;
	while (!r->bad) {
		if (at >= r->n) break;
		uint32_t n = r->p[at];
		if (n == 0) {
			r->at = end ? end : at + 1;
			r->bad = b.err != OK;
			out[b.n] = '\0';
			return;
		}
		if (n >= 0xc0 && at + 1 < r->n) {
			uint32_t to = (n & 0x3f) << 8 | r->p[at + 1];
			if (!end) end = at + 2;
			if (to >= at || ++pointers > POINTERS_MAX) break;
			at = to;
		} else if (n < 0x40 && n < r->n - at) {
			put_label(&b, r->p + at + 1, n);
			at += n + 1;
		} else {
			break;
		}
	}
	r->bad = true;
	out[0] = '\0';
}

static void get_rr(struct reader *r, struct rr *rr)
{
	get_name(r, rr->owner);
	rr->type = (uint16_t)get(r, 2);
	rr->class = (uint16_t)get(r, 2);
	rr->ttl_s = get(r, 4);
	if (rr->ttl_s > TTL_MAX_S) rr->ttl_s = rr->ttl_s > INT32_MAX ? 0 : TTL_MAX_S; // RFC 2181 §8
	rr->data_n = get(r, 2);
	rr->data = r->at;
	if (rr->data_n > r->n - r->at) r->bad = true;
	else r->at += rr->data_n;
}

// A <character-string>, in small letters; false: it does not fit.
static bool get_text(struct reader *r, char *out, uint32_t cap)
{
	uint32_t n = get(r, 1);
	bool fits = n < cap;
	for (uint32_t i = 0; i < n; i++) {
		char c = ascii_lower((char)get(r, 1));
		if (fits) out[i] = c;
	}
	out[fits ? n : 0] = '\0';
	return fits;
}

static bool read_naptr(struct reader *r, struct dns_record *out)
{
	char flags[8], regexp[DNS_NAME_MAX];
	out->first = (uint16_t)get(r, 2);
	out->second = (uint16_t)get(r, 2);
	bool fits = get_text(r, flags, sizeof flags);
	fits = get_text(r, out->service, sizeof out->service) && fits;
	fits = get_text(r, regexp, sizeof regexp) && fits && !regexp[0]; // RFC 3263 §4.1 wants a replacement
	get_name(r, out->name);
	out->final = strcmp(flags, "s") == 0;
	return fits;
}

// False: it is not worth keeping. What is cut off makes the whole answer bad.
static bool read_record(struct reader *whole, const struct rr *rr, struct dns_record *out)
{
	struct reader r = { .p = whole->p, .n = rr->data + rr->data_n, .at = rr->data };
	bool keep = true;
	*out = (struct dns_record){ 0 };
	if (rr->type == DNS_A || rr->type == DNS_AAAA) {
		uint32_t n = rr->type == DNS_A ? 4 : 16;
		if (rr->data_n != n) r.bad = true;
		out->addr.family = rr->type == DNS_A ? 4 : 6;
		for (uint32_t i = 0; i < n; i++) out->addr.ip[i] = (uint8_t)get(&r, 1);
		keep = !addr_is_special(&out->addr) || addr_is_loopback(&out->addr);
	} else if (rr->type == DNS_SRV) {
		out->first = (uint16_t)get(&r, 2);
		out->second = (uint16_t)get(&r, 2);
		out->port = (uint16_t)get(&r, 2);
		get_name(&r, out->name);
		keep = out->port != 0;
	} else {
		keep = read_naptr(&r, out);
	}
	whole->bad = whole->bad || r.bad;
	return keep && !r.bad;
}

struct reading {
	struct dns_answer *out;
	enum dns_type type;
	char name[DNS_NAME_MAX]; // that the records are to be of
	uint32_t counts[3];      // answers, authorities, additional
	uint32_t begin;          // of the records
	uint32_t ttl_s;          // least of all that were used
	bool none;               // there is no such name
};

static void use_ttl(struct reading *k, uint32_t ttl_s)
{
	if (ttl_s < k->ttl_s) k->ttl_s = ttl_s;
}

// Takes the records of k->name; true: it has none and is an alias, whose name is now k->name.
static bool take_records(struct reading *k, struct reader *r)
{
	char alias[DNS_NAME_MAX] = "";
	struct rr rr;
	r->at = k->begin;
	for (uint32_t i = 0; i < k->counts[0] && i < RRS_MAX && !r->bad; i++) {
		get_rr(r, &rr);
		if (r->bad || rr.class != CLASS_IN || strcmp(rr.owner, k->name) != 0) continue;
		struct reader data = { .p = r->p, .n = rr.data + rr.data_n, .at = rr.data };
		if (rr.type == TYPE_CNAME) {
			get_name(&data, alias);
			r->bad = r->bad || data.bad;
			use_ttl(k, rr.ttl_s);
		} else if (rr.type == k->type && k->out->count < DNS_RECORDS_MAX) {
			if (read_record(r, &rr, &k->out->records[k->out->count])) k->out->count++;
			use_ttl(k, rr.ttl_s);
		}
	}
	if (k->out->count || !alias[0]) return false;
	memcpy(k->name, alias, sizeof k->name);
	return true;
}

// How long none may be believed: the SOA of the authority, its own time or its last field (RFC 2308 §5).
static uint32_t none_ttl(const struct reading *k, struct reader *r)
{
	struct rr rr;
	r->at = k->begin;
	for (uint32_t i = 0; i < k->counts[0] + k->counts[1] && i < RRS_MAX && !r->bad; i++) {
		get_rr(r, &rr);
		if (r->bad || i < k->counts[0] || rr.type != TYPE_SOA || rr.data_n < 4) continue;
		struct reader last = { .p = r->p, .n = r->n, .at = rr.data + rr.data_n - 4 };
		uint32_t minimum = get(&last, 4);
		return minimum < rr.ttl_s ? minimum : rr.ttl_s;
	}
	return NONE_TTL_S;
}

// Header and question; ERR_NOT_FOUND: it says that there is no answer.
static enum err read_head(struct reading *k, struct reader *r, const char *name)
{
	char asked[DNS_NAME_MAX];
	get(r, 2); // whose it is, the socket's owner has seen
	uint32_t flags = get(r, 2), questions = get(r, 2);
	for (uint32_t i = 0; i < 3; i++) k->counts[i] = get(r, 2);
	get_name(r, asked);
	uint32_t type = get(r, 2), class = get(r, 2), code = flags & 15;
	struct buf wanted = buf_on(k->name, sizeof k->name - 1);
	for (; *name; name++) put_c(&wanted, ascii_lower(*name));
	k->name[wanted.n] = '\0';
	if (r->bad || !(flags & 0x8000) || questions != 1 || wanted.err != OK) return ERR_BAD;
	if (strcmp(asked, k->name) != 0 || type != k->type || class != CLASS_IN) return ERR_BAD;
	if (flags & 0x0200) return ERR_BAD; // cut off: what is missing was to come over TCP
	if (code != 0 && code != 3) return ERR_NOT_FOUND; // 3: no such name
	k->none = code == 3;
	k->begin = r->at;
	return OK;
}

enum err dns_answer_parse(struct dns_answer *out, struct str bytes, enum dns_type type, const char *name)
{
	struct reader r = { .p = (const uint8_t *)bytes.p, .n = bytes.n };
	struct reading k = { .out = out, .type = type, .ttl_s = UINT32_MAX };
	*out = (struct dns_answer){ 0 };
	enum err e = read_head(&k, &r, name);
	if (e != OK) return e;
	for (uint32_t i = 0; !k.none && i < ALIASES_MAX && take_records(&k, &r); i++) continue;
	uint32_t none_s = out->count ? 0 : none_ttl(&k, &r);
	if (r.bad) {
		out->count = 0;
		return ERR_BAD;
	}
	out->ttl_s = out->count ? k.ttl_s : none_s;
	return OK;
}

const char *dns_type_name(enum dns_type type)
{
	return type == DNS_A ? "A" : type == DNS_AAAA ? "AAAA" : type == DNS_SRV ? "SRV" : "NAPTR";
}
