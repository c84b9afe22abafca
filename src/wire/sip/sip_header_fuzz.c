// Any octets as the value of a header: every decoder, and back through the writers.
#include "wire/sip/replaces.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char arena_octets[1 << 18], out_octets[1 << 18];
static struct arena arena;
static struct str in;

static void must(bool holds)
{
	if (!holds) abort();
}

static void check_inside(struct str s)
{
	must(s.n == 0 || (s.p >= in.p && s.p + s.n <= in.p + in.n));
}

// What is escaped again after it was made plain stands for the same, and nothing in it ends the user.
static void check_user(const struct sip_uri *u)
{
	struct buf b = buf_on(out_octets, sizeof out_octets);
	struct sip_uri back;
	put_z(&b, "sip:");
	put_sip_user(&b, sip_unescape(&arena, u->user));
	put_z(&b, "@h");
	if (b.n > SIP_URI_MAX) return;
	must(b.err == OK && sip_uri_parse(&back, buf_str(&b)) == PARSE_OK && str_eq(back.host, STR("h")));
	must(str_eq(sip_unescape(&arena, back.user), sip_unescape(&arena, u->user)));
}

static void check_uri(const struct sip_uri *u)
{
	const struct str parts[] = { u->text, u->scheme, u->user, u->password, u->host, u->params, u->headers };
	for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) check_inside(parts[i]);
	check_user(u);
}

// Two URIs with a line feed between: equality knows no order.
static void check_equality(void)
{
	struct str second = in, first = str_cut(&second, '\n');
	struct sip_uri a, b;
	if (sip_uri_parse(&a, first) != PARSE_OK || sip_uri_parse(&b, second) != PARSE_OK) return;
	must(sip_uri_eq(&a, &b) == sip_uri_eq(&b, &a));
	must(sip_uri_eq(&a, &b) || !str_eq(a.text, b.text) || a.params.n || a.headers.n);
}

static void check_display(struct str display)
{
	struct buf b = buf_on(out_octets, sizeof out_octets);
	struct sip_name_addr back;
	put_sip_quoted(&b, sip_unquote(&arena, display));
	put_z(&b, " <sip:h>");
	must(b.err == OK && sip_name_addr_parse(&back, buf_str(&b)) == PARSE_OK && str_eq(back.uri.host, STR("h")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_uri uri;
	struct sip_name_addr address;
	struct sip_via via;
	struct sip_cseq cseq;
	struct str value = { "", 0 };
	if (size > 16384) return 0;
	in = (struct str){ (const char *)data, (uint32_t)size };
	arena = (struct arena){ .p = arena_octets, .cap = sizeof arena_octets };
	if (sip_uri_parse(&uri, in) == PARSE_OK) check_uri(&uri);
	check_equality();
	if (sip_name_addr_parse(&address, in) == PARSE_OK && !address.star) {
		check_uri(&address.uri);
		check_inside(address.display);
		check_inside(address.params);
		check_inside(address.tag);
		check_display(address.display);
	}
	if (sip_via_parse(&via, in) == PARSE_OK) {
		must(via.host.n && via.transport.n);
		const struct str parts[] = { via.text, via.transport, via.host, via.params, via.branch, via.received };
		for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) check_inside(parts[i]);
	}
	struct sip_replaces replaces;
	if (sip_replaces_parse(&replaces, in) == PARSE_OK) {
		must(replaces.call_id.n && replaces.to_tag.n && replaces.from_tag.n);
		check_inside(replaces.call_id);
		check_inside(replaces.to_tag);
		check_inside(replaces.from_tag);
	}
	if (sip_cseq_parse(&cseq, in) == PARSE_OK) must(cseq.number <= INT32_MAX && cseq.method_name.n);
	if (sip_param(&value, in, STR("a"))) check_inside(value);
	return 0;
}
