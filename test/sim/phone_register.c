// Registration of a phone (RFC 3261 §10): at start, before it runs out, and again whenever it failed.
#include "sim/party_inside.h"

#define TRIES_MAX 4u

void register_again(struct ua *p, uint32_t after_ms)
{
	party_timer(p, &p->registering, after_ms, TIMER_REGISTER, p->index + 1);
}

static void put_date(struct buf *b, const struct ua *p)
{
	if (!p->as->clock_off_s) return;
	put_z(b, p->index & 1 ? "Date: Thu, 01 Jan 1970 00:00:10 GMT\r\n" : "Date: Sat, 13 Nov 2077 23:59:60 GMT\r\n");
}

void register_begin(struct ua *p)
{
	char extra[128], uri[96];
	struct buf e = buf_on(extra, sizeof extra), u = buf_on(uri, sizeof uri);
	if (p->group || p->all->ending) return; // at the end all is to become quiet
	if (party_is_deaf(p)) {
		register_again(p, 5000);
		return;
	}
	if (!p->register_id[0]) {
		struct buf id = buf_on(p->register_id, sizeof p->register_id - 1);
		put_z(&id, "r-");
		put_hex(&id, random_u64(sim_random(p->all->sim, SIM_PARTIES)), 16);
		p->register_id[id.n] = '\0';
		p->register_cseq = party_between(p, 1, 1000);
		p->expires_s = party_chance(p, 200) ? 30 : party_between(p, 60, p->as->rebinds_nat ? 300 : 3600);
	}
	put(&u, STR("sip:"));
	put_z(&u, p->sw_host);
	put(&e, STR("Expires: "));
	put_u64(&e, p->expires_s);
	put(&e, STR("\r\n"));
	put_date(&e, p);
	client_send(p, NULL,
		&(struct request){ .method = SIP_REGISTER, .uri = buf_str(&u), .from = str_from(p->register_from),
			.to = str_from(p->aor), .call_id = str_from(p->register_id), .cseq = ++p->register_cseq, .extra = buf_str(&e),
			.contact = true, .credentials = true });
}

static bool is_own_contact(const struct ua *p, struct str value, uint32_t *expires_s)
{
	struct sip_name_addr c;
	struct str text;
	char host[80];
	struct buf b = buf_on(host, sizeof host);
	if (sip_name_addr_parse(&c, value) != PARSE_OK) return false;
	put(&b, c.uri.host);
	put_c(&b, ':');
	put_u64(&b, c.uri.port ? c.uri.port : 5060);
	if (!str_eq(buf_str(&b), str_from(p->host))) return false;
	return sip_param(&text, c.params, STR("expires")) && str_to_u32(expires_s, text, UINT32_MAX) == OK;
}

// Before it runs out; by a clock that is slow, after.
static void registered(struct ua *p, const struct sip_msg *m)
{
	struct sip_walk walk = { 0 };
	struct str value;
	uint32_t granted_s = 0;
	bool found = false;
	while (!found && sip_msg_each(m, SIP_H_CONTACT, &walk, &value)) found = is_own_contact(p, value, &granted_s);
	if (!found || granted_s > p->expires_s) {
		if (judge_unspoiled(p->all, party_now(p)))
			judge_fail(p, m, found ? "it registers us for longer than we asked" : "its 200 does not name our Contact");
		register_again(p, 10000);
		return;
	}
	uint32_t percent = p->as->clock_off_s ? party_between(p, 80, 140) : party_between(p, 50, 90);
	p->registered = true;
	p->register_tries = 0;
	register_again(p, granted_s * percent * 10);
	party_idle(p);
}

void register_on_response(struct ua *p, const struct sip_msg *m)
{
	uint32_t least;
	if (m && m->status / 100 == 2) {
		registered(p, m);
	} else if (m && m->status == 401 && ++p->register_tries < TRIES_MAX && take_challenge(p, m)) {
		register_begin(p);
	} else if (m && m->status == 423 && str_to_u32(&least, sip_msg_header(m, SIP_H_MIN_EXPIRES), 86400) == OK &&
	           ++p->register_tries < TRIES_MAX) {
		p->expires_s = least;
		register_begin(p);
	} else {
		p->register_tries = 0;
		register_again(p, party_between(p, 5000, 30000));
	}
}
