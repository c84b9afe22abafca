// For tests only: a node in threads, on an address of its own, and phones that call by it.
#pragma once

#include "base/rcu.h"
#include "base/testing.h"
#include "keep/sample.h"
#include "keep/store.h"
#include "run/node_inside.h"
#include "wire/net/clock.h"
#include "wire/sip/digest.h"
#include "wire/sip/frame.h"

#include <arpa/inet.h>
#include <poll.h>

#define REALM "test.example"
#define PATIENCE_MS 120000
#define HAD_MAX 256

// ---- A switch on the loopback address, with the sample's office -----------------------------------------------------

struct bench {
	char folder[TEST_FOLDER_MAX];
	struct config config;
	struct store *store;
	struct office *office;
	struct provision *provision;
	struct node *node;
	struct control control;
	uint32_t ask_ms;
};

// An address of the loopback net that no other test has at the same time: its ports are free, and stay so.
static inline struct addr own_address(void)
{
	struct addr a;
	char text[20];
	snprintf(text, sizeof text, "127.%u.%u.1", 32 + (unsigned)getpid() / 256 % 32, (unsigned)getpid() % 256);
	assert_int_equal(addr_parse(&a, str_from(text)), OK);
	return a;
}

static inline enum err start_node(struct bench *b, struct buf *why)
{
	enum err e = node_start(&b->node, &(struct node_setup){ .config = &b->config, .office = b->office,
		.provision = b->provision, .ask_ms = b->ask_ms }, why);
	if (e == OK) b->control = node_control(b->node);
	return e;
}

static inline void must_start(struct bench *b)
{
	char text[512] = "";
	struct buf why = buf_on(text, sizeof text - 1);
	if (start_node(b, &why) != OK) fail_msg("%s", text);
}

static inline struct bench *bench_new(uint32_t workers)
{
	struct bench *b = must(calloc(1, sizeof *b));
	struct store_fault fault;
	struct provision_answer answer;
	char path[96];
	test_folder_make(b->folder);
	b->ask_ms = PATIENCE_MS;
	config_default(&b->config);
	snprintf(b->config.data, sizeof b->config.data, "%s", b->folder);
	b->config.workers = workers;
	b->config.calls_max = 256;
	b->config.transactions_max = 4096;
	b->config.listener_count = 2;
	b->config.media_count = 1;
	for (uint8_t i = 0; i < 2; i++) {
		b->config.listeners[i].address = own_address();
		b->config.listeners[i].address.port = 5060;
		b->config.listeners[i].transport = b->config.listeners[i].address.transport = i ? TRANSPORT_TCP : TRANSPORT_UDP;
	}
	b->config.media[0] = (struct config_media){ .address = own_address(), .port_first = 20000, .port_last = 20999 };
	snprintf(path, sizeof path, "%s/" CONFIG_OFFICE_FILE, b->folder);
	assert_int_equal(store_create(&b->store, path, STR("Test"), STR(REALM), &fault), OK);
	assert_int_equal(office_new(&b->office), OK);
	assert_int_equal(store_load(b->store, b->office, &fault), OK);
	assert_int_equal(provision_new(&b->provision, b->store, b->office, NULL), OK);
	sample_office(&answer, b->provision, &(struct sample_options){ .far_peers = STR(""), .wall_ms = 1769860800000 });
	assert_int_equal(answer.err, OK);
	must_start(b);
	return b;
}

static inline void bench_free(struct bench *b)
{
	b->node = node_stop(b->node);
	provision_free(b->provision);
	office_free(b->office);
	store_close(b->store);
	rcu_drain();
	test_folder_remove(b->folder);
	free(b);
}

static inline struct control_status status_of(struct bench *b)
{
	struct control_status s;
	assert_int_equal(b->control.ops->status(b->control.self, &s), OK);
	return s;
}

static inline void wait_for_records(struct bench *b, uint64_t count)
{
	AWAIT(status_of(b).cdr_sequence >= count);
	assert_int_equal(status_of(b).cdr_sequence, count);
}

// ---- A phone --------------------------------------------------------------------------------------------------------

struct phone {
	const char *line;
	int fd;
	struct addr me;
	struct sip_source sw;
	struct arena arena;
	char stream[65536]; // of a connection: what is not taken yet
	uint32_t stream_n;
	char got[65536]; // the last message
	struct sip_msg m;
	uint64_t had[HAD_MAX]; // the requests that it took lately
	uint32_t cseq, branch, had_count;
	char call_id[64], authorization[512];
	char to_tag[64]; // of the call that it made
};

#define SDP "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"

// Over UDP, or over a connection of its own.
static inline struct phone *phone_over(struct bench *b, enum transport transport, const char *line)
{
	struct phone *p = must(calloc(1, sizeof *p));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	bool tcp = transport == TRANSPORT_TCP;
	p->line = line;
	p->sw.peer = b->config.listeners[tcp].address;
	p->fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, n), 0);
	addr_to_sockaddr((struct sockaddr *)&a, &p->sw.peer);
	if (tcp) assert_int_equal(connect(p->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &n), 0);
	addr_from_sockaddr(&p->me, (struct sockaddr *)&a);
	p->me.transport = (uint8_t)transport;
	assert_int_equal(arena_init(&p->arena, 1 << 16), OK);
	return p;
}

static inline struct phone *phone_new(struct bench *b, const char *line)
{
	return phone_over(b, TRANSPORT_UDP, line);
}

static inline void phone_free(struct phone *p)
{
	close(p->fd);
	arena_fini(&p->arena);
	free(p);
}

static inline void send_text(struct phone *p, const struct buf *b)
{
	struct sockaddr_in a;
	assert_int_equal(b->err, OK);
	addr_to_sockaddr((struct sockaddr *)&a, &p->sw.peer);
	bool tcp = addr_is_stream(&p->me);
	assert_int_equal(sendto(p->fd, b->p, b->n, MSG_NOSIGNAL, tcp ? NULL : (struct sockaddr *)&a, tcp ? 0 : sizeof a), b->n);
}

static inline void send_request(struct phone *p, const char *method, const char *user, const char *headers, const char *body)
{
	char text[4096];
	struct buf b = buf_on(text, sizeof text);
	static uint32_t branches;
	bool refusal_acked = strcmp(method, "ACK") == 0 && p->m.status >= 300;
	if (!refusal_acked) p->branch = ++branches; // else that of the INVITE (RFC 3261 17.1.1.3)
	put_fmt(&b, "%s sip:%s%s" REALM " SIP/2.0\r\nVia: SIP/2.0/%s ", method, user, *user ? "@" : "",
		addr_is_stream(&p->me) ? "TCP" : "UDP");
	put_addr(&b, &p->me);
	put_fmt(&b, ";rport;branch=z9hG4bKphone%u\r\nFrom: <sip:%s@" REALM ">;tag=%s\r\nTo: <sip:%s@" REALM ">", p->branch,
		p->line, p->line, *user ? user : p->line);
	if (p->to_tag[0]) put_fmt(&b, ";tag=%s", p->to_tag);
	put_fmt(&b, "\r\nCall-ID: %s\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:%s@", p->call_id, p->cseq, method,
		p->line);
	put_transport_addr(&b, &p->me);
	put_fmt(&b, ">\r\n%s", p->authorization);
	put_z(&b, headers);
	put_sip_body(&b, *body ? STR("application/sdp") : STR(""), str_from(body));
	send_text(p, &b);
}

// A packet may be repeated at any time: on a busy machine what it asks for comes after T1. So a request counts once, by
// its transaction, and an answer when it is to the last request.
static inline bool is_news(struct phone *p)
{
	if (!p->m.is_request) return str_eq(p->m.call_id, str_from(p->call_id)) && p->m.cseq.number == p->cseq;
	uint64_t is = hash_str(&(struct hash_key){ 0 }, p->m.via.branch) + p->m.method;
	for (uint32_t i = 0; i < HAD_MAX; i++)
		if (p->had[i] == is) return false;
	p->had[p->had_count++ % HAD_MAX] = is;
	return true;
}

// The next message that came whole over a connection: its octets, at got.
static inline ssize_t take_whole(struct phone *p)
{
	uint32_t n, looked = 0;
	if (sip_frame_next(&n, &looked, (struct str){ p->stream, p->stream_n }) != SIP_FRAME_MESSAGE) return 0;
	memcpy(p->got, p->stream, n);
	memmove(p->stream, p->stream + n, p->stream_n -= n);
	return n;
}

// One datagram, or what a connection has; 0: no whole message.
static inline ssize_t receive(struct phone *p, int wait_ms)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	bool tcp = addr_is_stream(&p->me);
	ssize_t n = tcp ? take_whole(p) : 0;
	if (n || poll(&fd, 1, wait_ms) != 1) return n;
	if (!tcp) return recv(p->fd, p->got, sizeof p->got, 0);
	n = recv(p->fd, p->stream + p->stream_n, sizeof p->stream - p->stream_n, 0);
	if (n > 0) p->stream_n += (uint32_t)n;
	return take_whole(p);
}

// Takes the next message; false: it was none, or no news.
static inline bool take(struct phone *p, uint64_t until_ms)
{
	struct sip_fault fault;
	uint64_t now_ms = clock_monotonic_ms();
	ssize_t n = receive(p, now_ms < until_ms ? (int)(until_ms - now_ms) : 0);
	arena_reset(&p->arena);
	return n > 4 && sip_msg_parse(&p->m, (struct str){ p->got, (uint32_t)n }, &p->arena, &fault) == PARSE_OK &&
	       is_news(p);
}

// The next message that is this: "INVITE", or "200 INVITE". Others (provisional, repeated) are passed over.
static inline void expect(struct phone *p, const char *what)
{
	char is[64] = "nothing";
	uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
	while (clock_monotonic_ms() < until_ms) {
		if (!take(p, until_ms)) continue;
		if (p->m.is_request) snprintf(is, sizeof is, "%.*s", STR_FMT(p->m.method_name));
		else snprintf(is, sizeof is, "%u %.*s", p->m.status, STR_FMT(sip_method_name(p->m.method)));
		if (strcmp(is, what) == 0) return;
	}
	fail_msg("%s waits for %s, and has got %s", p->line, what, is);
}

static inline void answer(struct phone *p, uint16_t status, const char *body)
{
	char text[4096], me[64];
	struct buf b = buf_on(text, sizeof text), contact = buf_on(me, sizeof me);
	put_transport_addr(&contact, &p->me);
	put_sip_response(&b, &p->m, &p->sw, status, STR("OK"), str_from(p->line));
	put_fmt(&b, "Contact: <sip:%s@%.*s>\r\n", p->line, STR_FMT(buf_str(&contact)));
	put_sip_body(&b, *body ? STR("application/sdp") : STR(""), str_from(body));
	send_text(p, &b);
}

// Answers the challenge that was got with the sample's password.
static inline void authorize(struct phone *p, const char *method)
{
	struct sip_challenge c;
	char password[64];
	uint8_t ha1[32];
	struct buf b = buf_on(p->authorization, sizeof p->authorization - 1);
	assert_int_equal(sip_challenge_parse(&c, sip_msg_header(&p->m, SIP_H_WWW_AUTHENTICATE)), PARSE_OK);
	snprintf(password, sizeof password, "sample-%s", p->line);
	sip_digest_ha1(ha1, c.algorithm, str_from(p->line), c.realm, str_from(password));
	put_z(&b, "Authorization: ");
	put_sip_digest_answer(&b, &c, ha1, str_from(p->line), str_from(method), STR("sip:" REALM), STR("cn"), 1);
	put_z(&b, "\r\n");
	p->authorization[b.n] = '\0';
}

static inline void new_call_id(struct phone *p)
{
	static uint32_t calls;
	snprintf(p->call_id, sizeof p->call_id, "%s-%u@phone", p->line, ++calls);
	p->cseq = 1;
	p->to_tag[0] = p->authorization[0] = '\0';
}

static inline void phone_register(struct phone *p)
{
	new_call_id(p);
	send_request(p, "REGISTER", "", "Expires: 600\r\n", "");
	expect(p, "401 REGISTER");
	authorize(p, "REGISTER");
	p->cseq++;
	send_request(p, "REGISTER", "", "Expires: 600\r\n", "");
	expect(p, "200 REGISTER");
}

// Calls a number, up to the challenge's answer.
static inline void phone_call(struct phone *p, const char *user)
{
	new_call_id(p);
	send_request(p, "INVITE", user, "", SDP);
	expect(p, "401 INVITE");
	authorize(p, "INVITE");
	p->cseq++;
	send_request(p, "INVITE", user, "", SDP);
}

static inline void phone_acknowledge(struct phone *p, const char *user)
{
	str_to_z(p->to_tag, sizeof p->to_tag, p->m.to.tag);
	p->authorization[0] = '\0';
	send_request(p, "ACK", user, "", "");
}

// The phone that is called rings. If the caller is refused instead, the test says with what.
static inline void expect_ringing(struct phone *caller, struct phone *called)
{
	uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
	while (clock_monotonic_ms() < until_ms) {
		if (take(called, clock_monotonic_ms() + 20) && called->m.is_request && called->m.method == SIP_INVITE) return;
		if (take(caller, 0) && !caller->m.is_request && caller->m.status >= 180)
			fail_msg("%s calls %s and is told %u", caller->line, called->line, caller->m.status);
	}
	fail_msg("%s calls %s, which does not ring", caller->line, called->line);
}

// A talks to B.
static inline void talk(struct phone *a, struct phone *b)
{
	phone_call(a, b->line);
	expect_ringing(a, b);
	answer(b, 200, SDP);
	expect(b, "ACK");
	expect(a, "200 INVITE");
	phone_acknowledge(a, b->line);
}

static inline void hang_up(struct phone *a, struct phone *b)
{
	a->cseq++;
	send_request(a, "BYE", b->line, "", "");
	expect(b, "BYE");
	answer(b, 200, "");
	expect(a, "200 BYE");
}
