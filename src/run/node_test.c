#include "node.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/testing.h"
#include "keep/sample.h"
#include "keep/store.h"
#include "wire/sip/digest.h"

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
static struct addr own_address(void)
{
	struct addr a;
	char text[20];
	snprintf(text, sizeof text, "127.%u.%u.1", 32 + (unsigned)getpid() / 256 % 32, (unsigned)getpid() % 256);
	assert_int_equal(addr_parse(&a, str_from(text)), OK);
	return a;
}

static enum err start_node(struct bench *b, struct buf *why)
{
	enum err e = node_start(&b->node, &(struct node_setup){ .config = &b->config, .office = b->office,
		.provision = b->provision, .ask_ms = b->ask_ms }, why);
	if (e == OK) b->control = node_control(b->node);
	return e;
}

static void must_start(struct bench *b)
{
	char text[512] = "";
	struct buf why = buf_on(text, sizeof text - 1);
	if (start_node(b, &why) != OK) fail_msg("%s", text);
}

static struct bench *bench_new(uint32_t workers)
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
	b->config.listener_count = b->config.media_count = 1;
	b->config.listeners[0].address = own_address();
	b->config.listeners[0].address.port = 5060;
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

static void bench_free(struct bench *b)
{
	b->node = node_stop(b->node);
	provision_free(b->provision);
	office_free(b->office);
	store_close(b->store);
	rcu_drain();
	test_folder_remove(b->folder);
	free(b);
}

static struct control_status status_of(struct bench *b)
{
	struct control_status s;
	assert_int_equal(b->control.ops->status(b->control.self, &s), OK);
	return s;
}

static void wait_for_records(struct bench *b, uint64_t count)
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
	char got[65536]; // the last message
	struct sip_msg m;
	uint64_t had[HAD_MAX]; // the requests that it took lately
	uint32_t cseq, calls, branch, had_count;
	char call_id[64], authorization[512];
	char to_tag[64]; // of the call that it made
};

#define SDP "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"

static struct phone *phone_new(struct bench *b, const char *line)
{
	struct phone *p = must(calloc(1, sizeof *p));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	p->line = line;
	p->sw.peer = b->config.listeners[0].address;
	p->fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &n), 0);
	addr_from_sockaddr(&p->me, (struct sockaddr *)&a);
	assert_int_equal(arena_init(&p->arena, 1 << 16), OK);
	return p;
}

static void phone_free(struct phone *p)
{
	close(p->fd);
	arena_fini(&p->arena);
	free(p);
}

static void send_text(struct phone *p, const struct buf *b)
{
	struct sockaddr_in a;
	assert_int_equal(b->err, OK);
	addr_to_sockaddr((struct sockaddr *)&a, &p->sw.peer);
	assert_int_equal(sendto(p->fd, b->p, b->n, 0, (struct sockaddr *)&a, sizeof a), b->n);
}

static void send_request(struct phone *p, const char *method, const char *user, const char *headers, const char *body)
{
	char text[4096];
	struct buf b = buf_on(text, sizeof text);
	static uint32_t branches;
	bool refusal_acked = strcmp(method, "ACK") == 0 && p->m.status >= 300;
	if (!refusal_acked) p->branch = ++branches; // else that of the INVITE (RFC 3261 17.1.1.3)
	put_fmt(&b, "%s sip:%s%s" REALM " SIP/2.0\r\nVia: SIP/2.0/UDP ", method, user, *user ? "@" : "");
	put_addr(&b, &p->me);
	put_fmt(&b, ";rport;branch=z9hG4bKphone%u\r\nFrom: <sip:%s@" REALM ">;tag=%s\r\nTo: <sip:%s@" REALM ">", p->branch,
		p->line, p->line, *user ? user : p->line);
	if (p->to_tag[0]) put_fmt(&b, ";tag=%s", p->to_tag);
	put_fmt(&b, "\r\nCall-ID: %s\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:%s@", p->call_id, p->cseq, method,
		p->line);
	put_addr(&b, &p->me);
	put_fmt(&b, ">\r\n%s", p->authorization);
	put_z(&b, headers);
	put_sip_body(&b, *body ? STR("application/sdp") : STR(""), str_from(body));
	send_text(p, &b);
}

// A packet may be repeated at any time: on a busy machine what it asks for comes after T1. So a request counts once, by
// its transaction, and an answer when it is to the last request.
static bool is_news(struct phone *p)
{
	if (!p->m.is_request) return str_eq(p->m.call_id, str_from(p->call_id)) && p->m.cseq.number == p->cseq;
	uint64_t is = hash_str(&(struct hash_key){ 0 }, p->m.via.branch) + p->m.method;
	for (uint32_t i = 0; i < HAD_MAX; i++)
		if (p->had[i] == is) return false;
	p->had[p->had_count++ % HAD_MAX] = is;
	return true;
}

// Takes the next message; false: it was none, or no news.
static bool take(struct phone *p, uint64_t until_ms)
{
	struct sip_fault fault;
	uint64_t now_ms = clock_monotonic_ms();
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	if (poll(&fd, 1, now_ms < until_ms ? (int)(until_ms - now_ms) : 0) != 1) return false;
	ssize_t n = recv(p->fd, p->got, sizeof p->got, 0);
	arena_reset(&p->arena);
	return n > 4 && sip_msg_parse(&p->m, (struct str){ p->got, (uint32_t)n }, &p->arena, &fault) == PARSE_OK &&
	       is_news(p);
}

// The next message that is this: "INVITE", or "200 INVITE". Others (provisional, repeated) are passed over.
static void expect(struct phone *p, const char *what)
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

static void answer(struct phone *p, uint16_t status, const char *body)
{
	char text[4096], me[64];
	struct buf b = buf_on(text, sizeof text), contact = buf_on(me, sizeof me);
	put_addr(&contact, &p->me);
	put_sip_response(&b, &p->m, &p->sw, status, STR("OK"), str_from(p->line));
	put_fmt(&b, "Contact: <sip:%s@%.*s>\r\n", p->line, STR_FMT(buf_str(&contact)));
	put_sip_body(&b, *body ? STR("application/sdp") : STR(""), str_from(body));
	send_text(p, &b);
}

// Answers the challenge that was got with the sample's password.
static void authorize(struct phone *p, const char *method)
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

static void new_call_id(struct phone *p)
{
	snprintf(p->call_id, sizeof p->call_id, "%s-%u@phone", p->line, ++p->calls);
	p->cseq = 1;
	p->to_tag[0] = p->authorization[0] = '\0';
}

static void phone_register(struct phone *p)
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
static void phone_call(struct phone *p, const char *user)
{
	new_call_id(p);
	send_request(p, "INVITE", user, "", SDP);
	expect(p, "401 INVITE");
	authorize(p, "INVITE");
	p->cseq++;
	send_request(p, "INVITE", user, "", SDP);
}

static void phone_acknowledge(struct phone *p, const char *user)
{
	str_to_z(p->to_tag, sizeof p->to_tag, p->m.to.tag);
	p->authorization[0] = '\0';
	send_request(p, "ACK", user, "", "");
}

// The phone that is called rings. If the caller is refused instead, the test says with what.
static void expect_ringing(struct phone *caller, struct phone *called)
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
static void talk(struct phone *a, struct phone *b)
{
	phone_call(a, b->line);
	expect_ringing(a, b);
	answer(b, 200, SDP);
	expect(b, "ACK");
	expect(a, "200 INVITE");
	phone_acknowledge(a, b->line);
}

static void hang_up(struct phone *a, struct phone *b)
{
	a->cseq++;
	send_request(a, "BYE", b->line, "", "");
	expect(b, "BYE");
	answer(b, 200, "");
	expect(a, "200 BYE");
}

// ---- Tests ----------------------------------------------------------------------------------------------------------

static void two_phones_talk(void **state)
{
	(void)state;
	struct bench *b = bench_new(1);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	struct control_call rows[4], shown;
	struct call_record record;
	struct control_registration phones[4];
	uint32_t count;
	phone_register(one);
	phone_register(two);
	assert_int_equal(b->control.ops->registrations(b->control.self, 0, phones, 4, &count), OK);
	assert_int_equal(count, 2);
	talk(one, two);
	assert_int_equal(b->control.ops->calls(b->control.self, &(struct control_calls_query){ 0 }, rows, 4, &count), OK);
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].o.state, "ACTIVE");
	assert_int_equal(b->control.ops->call(b->control.self, rows[0].call, &shown, &record), OK);
	assert_true(record.answered && record.trail_n > 0 && record.ladder_n > 0);
	assert_string_equal(record.o.call_id, one->call_id);
	assert_true(str_eq(two->m.call_id, str_from(record.t.call_id)));
	assert_int_equal(b->control.ops->call(b->control.self, 12345, &shown, &record), ERR_NOT_FOUND);
	hang_up(one, two);
	wait_for_records(b, 1);
	AWAIT(node_calls(b->node) == 0);
	talk(two, one);
	assert_int_equal(b->control.ops->calls(b->control.self, &(struct control_calls_query){ 0 }, rows, 4, &count), OK);
	assert_int_equal(b->control.ops->call_release(b->control.self, rows[0].call), OK);
	expect(one, "BYE");
	answer(one, 200, "");
	expect(two, "BYE");
	answer(two, 200, "");
	wait_for_records(b, 2);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static void what_lands_on_another_worker_is_passed_on(void **state)
{
	(void)state;
	struct bench *b = bench_new(4);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	uint64_t passed = count_by_name("node_packets_passed"), lost = count_by_name("node_mail_full");
	phone_register(one);
	phone_register(two);
	// Each call has a worker of its own, and each phone's socket too.
	for (uint32_t i = 0; i < 12; i++) {
		talk(one, two);
		node_audit(b->node);
		hang_up(one, two);
	}
	wait_for_records(b, 12);
	assert_true(count_by_name("node_packets_passed") > passed);
	assert_int_equal(count_by_name("node_mail_full"), lost);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

// A packet that is longer than a letter goes by pointer; one that comes too late is freed with the letter.
static void long_packets_are_passed_on(void **state)
{
	(void)state;
	struct bench *b = bench_new(4);
	struct phone *p = phone_new(b, "6035550101");
	char *filler = must(calloc(1, 4096));
	struct buf header = buf_on(filler, 4095);
	put_z(&header, "Subject: ");
	while (header.n < 3000) put_c(&header, 'x');
	put_z(&header, "\r\n");
	for (uint32_t i = 0; i < 8; i++) {
		new_call_id(p);
		send_request(p, "OPTIONS", "", filler, "");
		expect(p, "200 OPTIONS");
	}
	b->node->stopping = true;
	for (uint32_t i = 0; i < 4; i++) {
		loop_wake(&b->node->workers[i].loop);
		pthread_join(b->node->workers[i].thread, NULL);
		b->node->workers[i].started = false;
	}
	uint64_t passed = count_by_name("node_packets_passed");
	for (uint32_t i = 0; i < 16; i++) { // nobody takes these any more
		char text[4096];
		int n = snprintf(text, sizeof text, "OPTIONS sip:x SIP/2.0\r\nCall-ID: %u\r\n%s\r\n", i, filler);
		crew_input(&b->node->crew->members[0], &(struct packet){ .data = { text, (uint32_t)n } });
	}
	assert_true(count_by_name("node_packets_passed") > passed);
	crew_tell(b->node->crew, 2, job_new(release_all));
	free(filler);
	phone_free(p);
	bench_free(b);
}

static _Atomic bool dawdles;

static void dawdle(struct member *m, struct job *j)
{
	(void)m;
	while (dawdles) usleep(1000);
	j->rows = calloc(1, sizeof *j->rows); // freed with the job, by whoever comes second
}

static void a_job_that_takes_too_long_is_given_up(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	b->node = node_stop(b->node);
	b->ask_ms = 20;
	must_start(b);
	dawdles = true;
	assert_int_equal(node_ask(b->node, 1, job_new(dawdle)), ERR_TIMEOUT);
	assert_int_equal(node_calls(b->node), 0); // as it was when the worker was last heard of
	dawdles = false;
	assert_int_equal(node_ask(b->node, 0, NULL), ERR_FULL);
	bench_free(b);
}

static void a_stop_ends_the_calls_that_stand(void **state)
{
	(void)state;
	struct bench *b = bench_new(3);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	phone_register(one);
	phone_register(two);
	talk(one, two);
	node_drain(b->node);
	assert_true(status_of(b).stopping);
	phone_call(two, "6035550101");
	expect(two, "503 INVITE");
	assert_true(sip_msg_has(&two->m, SIP_H_RETRY_AFTER));
	phone_call(two, "911"); // no trunk is marked: it is told so
	expect(two, "183 INVITE");
	AWAIT(node_calls(b->node) == 2);
	b->node = node_stop(b->node);
	expect(one, "BYE");
	assert_true(str_starts(sip_msg_header(&one->m, SIP_H_REASON), STR("Q.850;cause=41")));
	expect(two, "500 INVITE");
	must_start(b); // the records are there, the phones are still registered
	uint32_t count;
	struct control_registration phones[4];
	assert_true(status_of(b).cdr_sequence >= 1);
	assert_int_equal(b->control.ops->registrations(b->control.self, 0, phones, 4, &count), OK);
	assert_int_equal(count, 2);
	assert_int_equal(node_calls(b->node), 0);
	talk(two, one);
	hang_up(two, one);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static void a_full_switch_takes_emergency_calls(void **state)
{
	(void)state;
	struct bench *b = bench_new(1);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	b->node = node_stop(b->node);
	b->config.calls_max = 1; // a worker has one more
	must_start(b);
	phone_register(two);
	for (uint32_t i = 0; i < 2; i++) {
		phone_call(one, two->line);
		expect(two, "INVITE");
	}
	phone_call(one, two->line);
	expect(one, "503 INVITE");
	phone_call(one, "911");
	expect(one, "183 INVITE");
	AWAIT(node_calls(b->node) == 3);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

static void a_port_in_use_is_said(void **state)
{
	(void)state;
	struct bench *b = bench_new(1), second;
	char text[512] = "";
	struct buf why = buf_on(text, sizeof text - 1);
	second = *b;
	assert_int_equal(start_node(&second, &why), ERR_EXISTS);
	assert_non_null(strstr(text, "in use"));
	bench_free(b);
}

struct changer {
	struct provision *provision;
	_Atomic bool over;
	_Atomic uint32_t changes, refused;
};

static void *change_lines(void *self)
{
	struct changer *c = self;
	struct provision_pair pair = { STR_INIT("display"), STR_INIT("Granite") };
	struct provision_request q = { .pairs = &pair, .pair_count = 1, .who = STR("test"), .wall_ms = 1769860800000 };
	struct provision_answer told;
	rcu_join();
	if (!provision_kind_of(&q.kind, STR("line"))) abort();
	while (!c->over) {
		q.key = c->changes % 2 ? STR("6035550101") : STR("6035550102");
		pair.value = c->changes % 4 < 2 ? STR("Granite") : STR("Bakery");
		rcu_online();
		provision_set(&told, c->provision, &q);
		rcu_offline();
		c->refused += told.err != OK;
		c->changes++;
	}
	rcu_leave();
	return NULL;
}

// Rows of lines are replaced while their calls are made: what a worker reads lives as long as it reads it. A thread of
// its own does that, so that a disk that takes its time holds up no phone.
static void the_office_changes_under_calls(void **state)
{
	(void)state;
	struct bench *b = bench_new(2);
	struct phone *one = phone_new(b, "6035550101"), *two = phone_new(b, "6035550102");
	static struct changer changer; // a test that fails leaves the thread to it
	pthread_t thread;
	changer = (struct changer){ .provision = b->provision };
	phone_register(one);
	phone_register(two);
	rcu_offline();
	assert_int_equal(pthread_create(&thread, NULL, change_lines, &changer), 0);
	for (uint32_t i = 0; i < 20; i++) {
		uint32_t changes = changer.changes;
		phone_call(one, two->line);
		expect_ringing(one, two);
		answer(two, 486, "");
		expect(one, "486 INVITE");
		phone_acknowledge(one, two->line);
		AWAIT(changer.changes > changes);
	}
	changer.over = true;
	pthread_join(thread, NULL);
	assert_int_equal(changer.refused, 0);
	phone_free(one);
	phone_free(two);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_phones_talk),
		cmocka_unit_test(what_lands_on_another_worker_is_passed_on),
		cmocka_unit_test(long_packets_are_passed_on),
		cmocka_unit_test(a_job_that_takes_too_long_is_given_up),
		cmocka_unit_test(a_stop_ends_the_calls_that_stand),
		cmocka_unit_test(a_full_switch_takes_emergency_calls),
		cmocka_unit_test(a_port_in_use_is_said),
		cmocka_unit_test(the_office_changes_under_calls),
	};
	log_quiet = true;
	rcu_join();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_leave();
	return failed;
}
