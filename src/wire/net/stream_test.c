// Two ends on loopback, each with its loop, in one thread: messages are lines that end in '\n', "?" is a ping.
#include "stream.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "wire/net/clock.h"
#include "wire/net/tls_fixture.h"

#define LINE_MAX_OCTETS 4000

struct end {
	struct loop loop;
	struct streams *streams;
	struct tls *tls;
	struct addr at;       // where it listens
	struct addr peer;     // of the last message
	char log[1 << 16];    // what it was told: "<text" came, ">text" came back, "!text" was broken
	uint32_t log_n, accepted, flows;
	struct addr ended;    // whose connection did, last
	uint32_t ended_count, ended_asked;
	bool refuses;         // to open connections
	const char *demands;  // a certificate of this name, of who connects
	const char *host;     // whom it believes to call
};

static char folder[TEST_FOLDER_MAX], certificate[128], key[128];
static const uint8_t ticket_key[80] = { 1, 2, 3 };

static enum stream_piece piece(uint32_t *length, uint32_t *looked, struct str bytes)
{
	(void)looked;
	int32_t at = str_find_char(bytes, '\n');
	if (bytes.p[0] == '?') return *length = 1, STREAM_PING;
	if (bytes.p[0] == '#') return *length = 1, STREAM_BROKEN;
	if (at < 0) return STREAM_MORE;
	*length = (uint32_t)at + 1;
	return STREAM_MESSAGE;
}

static void on_message(void *self, const struct packet *p)
{
	struct end *e = self;
	int n = snprintf(e->log + e->log_n, sizeof e->log - e->log_n, "%c%.*s", p->returned ? '>' : p->broken ? '!' : '<',
		(int)(p->data.n < 32 ? p->data.n : 32), p->data.p);
	e->log_n += (uint32_t)n;
	assert_true(e->log_n < sizeof e->log);
	e->peer = p->peer;
}

static void on_unsent(void *self, const struct packet *p, bool stood)
{
	(void)stood;
	on_message(self, p);
}

static uint32_t on_began(void *self)
{
	return ++((struct end *)self)->flows;
}

static void on_ended(void *self, const struct addr *peer, bool asked)
{
	struct end *e = self;
	e->ended = *peer;
	e->ended_count++;
	e->ended_asked += asked;
}

static bool must_be(void *self, const struct addr *peer, char *host)
{
	const struct end *e = self;
	(void)peer;
	if (e->demands) snprintf(host, STREAM_HOST_MAX, "%s", e->demands);
	return e->demands != NULL;
}

static bool may_open(void *self, const struct addr *peer, char *host)
{
	struct end *e = self;
	(void)peer;
	snprintf(host, STREAM_HOST_MAX, "%s", e->host);
	return !e->refuses;
}

static void on_accepted(void *self, int fd, uint16_t listener, const struct addr *peer)
{
	struct end *e = self;
	e->accepted++;
	streams_adopt(e->streams, fd, listener, peer);
}

static struct tls_settings settings_of(const char *clients)
{
	return (struct tls_settings){ .certificate = certificate, .key = key, .authorities = certificate,
		.clients = clients, .ticket_key = ticket_key };
}

static struct end *end_new(enum transport transport, const char *clients, const struct stream_limits *limits)
{
	static const struct stream_limits usual = { .connections_max = 8, .of_address_max = 8,
		.message_max = LINE_MAX_OCTETS, .unsent_max = 1u << 20, .memory_max = 64u << 20, .first_ms = 60000,
		.idle_ms = 600000 };
	struct end *e = must(calloc(1, sizeof *e));
	char text[256];
	struct buf why = buf_on(text, sizeof text);
	const struct stream_user user = { .self = e, .piece = piece, .pong = STR("pong\n"), .message = on_message,
		.unsent = on_unsent, .must_be = must_be, .began = on_began, .ended = on_ended, .may_open = may_open, .accepted = on_accepted };
	const struct tls_settings tls = settings_of(clients);
	e->host = "127.0.0.1";
	assert_int_equal(loop_init(&e->loop), OK);
	if (transport == TRANSPORT_TLS) assert_int_equal(tls_new(&e->tls, &tls, &why), OK);
	e->streams = must(streams_new(&e->loop, &user, limits ? limits : &usual, clock_monotonic_ms()));
	struct stream_settings listen = { .tls = e->tls };
	assert_int_equal(transport_addr_parse(&listen.local, STR("127.0.0.1:0")), OK);
	listen.local.transport = (uint8_t)transport;
	if (streams_listen(e->streams, 0, &listen, &why) != OK) fail_msg("%.*s", STR_FMT(buf_str(&why)));
	e->at = streams_local(e->streams, 0);
	return e;
}

static void end_free(struct end *e)
{
	streams_free(e->streams);
	tls_free(e->tls);
	loop_fini(&e->loop);
	free(e);
}

static void turn(struct end *e)
{
	streams_tick(e->streams, clock_monotonic_ms());
	loop_wait(&e->loop, 0);
}

#define UNTIL(a, b, condition) AWAIT((turn(a), turn(b), condition))

static void say(struct end *e, const struct addr *to, const char *text)
{
	streams_send(e->streams, &(struct packet){ .peer = *to, .data = str_from(text) }, text[0] != 'a');
}

static void both_say(enum transport transport)
{
	struct end *a = end_new(transport, "", NULL), *b = end_new(transport, "", NULL);
	say(a, &b->at, "one\n");
	say(a, &b->at, "two\n");
	UNTIL(a, b, strcmp(b->log, "<one\n<two\n") == 0);
	assert_int_equal(b->peer.transport, transport);
	say(b, &b->peer, "three\n"); // by the same connection
	UNTIL(a, b, strcmp(a->log, "<three\n") == 0);
	assert_true(addr_eq(&a->peer, &b->at));
	assert_int_equal(a->accepted + b->accepted, 1);
	assert_int_equal(streams_count(a->streams), 1);
	end_free(a);
	UNTIL(b, b, streams_count(b->streams) == 0);
	assert_string_equal(b->log, "<one\n<two\n");
	end_free(b);
}

static void messages_go_both_ways(void **state)
{
	(void)state;
	both_say(TRANSPORT_TCP);
	both_say(TRANSPORT_TLS);
}

// More than any buffer takes at once, in order.
static void much_goes_in_order(enum transport transport)
{
	struct end *a = end_new(transport, "", NULL), *b = end_new(transport, "", NULL);
	char line[LINE_MAX_OCTETS];
	uint32_t seen = 0, sent = 0;
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	AWAIT((
		sent < 2000 && streams_next(a->streams) != 0 && a->log_n == 0
			? (snprintf(line, 8, "%06u", sent), line[6] = ' ',
			   streams_send(a->streams, &(struct packet){ .peer = b->at, .data = { line, sizeof line } }, true), (void)sent++)
			: (void)0,
		turn(a), turn(b), b->log_n ? (seen += b->log_n / 33, b->log_n = 0) : 0, seen == 2000));
	assert_int_equal(a->log_n, 0);
	end_free(a);
	end_free(b);
}

static void much_goes_whole(void **state)
{
	(void)state;
	much_goes_in_order(TRANSPORT_TCP);
	much_goes_in_order(TRANSPORT_TLS);
}

static int dial(const struct end *to)
{
	struct sockaddr_in6 sa;
	struct sockaddr *any = (struct sockaddr *)(void *)&sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, any, addr_to_sockaddr(any, &to->at)), 0);
	return fd;
}

static void keep_alives_are_answered(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL);
	char text[16];
	int fd = dial(e);
	assert_int_equal(send(fd, "?", 1, 0), 1);
	ssize_t n = -1;
	AWAIT((turn(e), n = recv(fd, text, sizeof text, MSG_DONTWAIT), n > 0));
	assert_int_equal(n, 5);
	close(fd);
	UNTIL(e, e, streams_count(e->streams) == 0);
	end_free(e);
}

static void what_is_broken_ends_the_connection(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL);
	int fd = dial(e);
	assert_int_equal(send(fd, "good\n#after\n", 12, 0), 12);
	UNTIL(e, e, e->accepted == 1 && streams_count(e->streams) == 0);
	assert_string_equal(e->log, "<good\n!#");
	close(fd);
	fd = dial(e); // longer than any message
	static char endless[2 * LINE_MAX_OCTETS];
	memset(endless, 'x', sizeof endless);
	assert_int_equal(send(fd, endless, sizeof endless, 0), sizeof endless);
	UNTIL(e, e, e->accepted == 2 && streams_count(e->streams) == 0);
	close(fd);
	end_free(e);
}

// Time is the test's own from the first tick in the future on.
static void who_is_slow_is_cut_off(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL);
	uint64_t late = count_by_name("stream_ended_late"), idle = count_by_name("stream_ended_idle");
	int quiet = dial(e), slow = dial(e), good = dial(e);
	assert_int_equal(send(slow, "whole\nhal", 9, 0), 9);
	assert_int_equal(send(good, "whole\n", 6, 0), 6);
	UNTIL(e, e, streams_count(e->streams) == 3 && strcmp(e->log, "<whole\n<whole\n") == 0);
	assert_int_equal(send(slow, "f", 1, 0), 1); // gives no more time
	streams_tick(e->streams, clock_monotonic_ms() + 120000);
	assert_int_equal(streams_count(e->streams), 1);
	assert_int_equal(count_by_name("stream_ended_late") - late, 2);
	streams_tick(e->streams, clock_monotonic_ms() + 1200000);
	assert_int_equal(streams_count(e->streams), 0);
	assert_int_equal(count_by_name("stream_ended_idle") - idle, 1);
	close(quiet);
	close(slow);
	close(good);
	end_free(e);
}

static void connections_are_limited(void **state)
{
	(void)state;
	const struct stream_limits limits = { .connections_max = 3, .of_address_max = 2, .message_max = LINE_MAX_OCTETS,
		.unsent_max = 1u << 20, .memory_max = 1u << 20, .first_ms = 60000, .idle_ms = 600000 };
	struct end *e = end_new(TRANSPORT_TCP, "", &limits);
	int fds[3];
	for (int i = 0; i < 3; i++) fds[i] = dial(e);
	UNTIL(e, e, e->accepted == 3);
	assert_int_equal(streams_count(e->streams), 2);
	for (int i = 0; i < 3; i++) close(fds[i]);
	end_free(e);
}

// Its answer still goes out, and nothing more is read.
static void what_is_broken_is_answered(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL);
	char text[16];
	int fd = dial(e);
	ssize_t n = -1;
	assert_int_equal(send(fd, "#after\n", 7, 0), 7);
	UNTIL(e, e, strcmp(e->log, "!#") == 0);
	streams_tick(e->streams, clock_monotonic_ms()); // as between what came and the answer of another thread
	say(e, &e->peer, "no\n");
	AWAIT((turn(e), n = recv(fd, text, sizeof text, MSG_DONTWAIT), n > 0));
	assert_int_equal(n, 3);
	UNTIL(e, e, streams_count(e->streams) == 0);
	assert_string_equal(e->log, "!#");
	close(fd);
	end_free(e);
}

// Of all connections together no more is held than memory_max.
static void what_is_held_is_limited(void **state)
{
	(void)state;
	const struct stream_limits limits = { .connections_max = 8, .of_address_max = 8, .message_max = LINE_MAX_OCTETS,
		.unsent_max = 1u << 20, .memory_max = 3000, .first_ms = 60000, .idle_ms = 600000 };
	struct end *e = end_new(TRANSPORT_TCP, "", &limits);
	uint64_t ended = count_by_name("stream_ended_memory");
	int fds[4];
	for (int i = 0; i < 4; i++) {
		fds[i] = dial(e);
		assert_int_equal(send(fds[i], "half", 4, 0), 4);
	}
	UNTIL(e, e, count_by_name("stream_ended_memory") - ended == 2 && streams_count(e->streams) == 2);
	assert_int_equal(e->accepted, 4);
	for (int i = 0; i < 4; i++) close(fds[i]);
	UNTIL(e, e, streams_count(e->streams) == 0);
	assert_int_equal(e->streams->memory, 0);
	end_free(e);
}

// A peer that takes nothing: what waits for him comes back, with what was too much.
static void what_waits_too_much_comes_back(void **state)
{
	(void)state;
	const struct stream_limits limits = { .connections_max = 8, .of_address_max = 8, .message_max = LINE_MAX_OCTETS,
		.unsent_max = 10000, .memory_max = 1u << 20, .first_ms = 60000, .idle_ms = 600000 };
	struct end *e = end_new(TRANSPORT_TCP, "", &limits);
	char line[LINE_MAX_OCTETS];
	int fd = dial(e);
	memset(line, 'x', sizeof line);
	assert_int_equal(send(fd, "hello\n", 6, 0), 6);
	UNTIL(e, e, strcmp(e->log, "<hello\n") == 0);
	const struct packet p = { .peer = e->peer, .data = { line, sizeof line } };
	for (uint32_t i = 0; i < 100000 && list_empty(&e->streams->failed); i++) streams_send(e->streams, &p, true);
	assert_false(list_empty(&e->streams->failed));
	turn(e);
	assert_int_equal(streams_count(e->streams), 0);
	assert_int_equal(e->streams->memory, 0);
	assert_int_equal(e->log_n, 7 + 3 * 33);
	close(fd);
	end_free(e);
}

// Without descriptors whoever connects waits, and does not keep us busy.
static void who_comes_when_descriptors_are_out_waits(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL);
	struct rlimit before, none = { .rlim_cur = 3 };
	uint64_t waited = count_by_name("stream_accept_failed");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	int fd = dial(e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	UNTIL(e, e, count_by_name("stream_accept_failed") > waited);
	assert_true(e->streams->listening[0].timer.armed);
	assert_int_equal(e->accepted, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	UNTIL(e, e, e->accepted == 1);
	close(fd);
	end_free(e);
}

// Though no more may come, we may still call.
static void ours_are_beside_those_of_others(void **state)
{
	(void)state;
	const struct stream_limits limits = { .connections_max = 1, .of_address_max = 1, .message_max = LINE_MAX_OCTETS,
		.unsent_max = 1u << 20, .memory_max = 1u << 20, .first_ms = 60000, .idle_ms = 600000 };
	struct end *a = end_new(TRANSPORT_TCP, "", &limits), *b = end_new(TRANSPORT_TCP, "", NULL);
	int fd = dial(a);
	UNTIL(a, b, streams_count(a->streams) == 1);
	say(a, &b->at, "one\n");
	UNTIL(a, b, strcmp(b->log, "<one\n") == 0);
	close(fd);
	end_free(a);
	end_free(b);
}

// Its peer tears it down while messages of it are read and answers to it wait, in all orders.
static void a_teardown_amid_messages_loses_nobody_else(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL), *other = end_new(TRANSPORT_TCP, "", NULL);
	say(other, &e->at, "there\n");
	UNTIL(e, other, strcmp(e->log, "<there\n") == 0);
	for (uint32_t i = 0; i < 32; i++) {
		struct linger reset = { .l_onoff = i & 1 };
		int fd = dial(e);
		e->log_n = 0;
		assert_int_equal(send(fd, "one\ntwo\nthr", 11, 0), 11);
		UNTIL(e, other, e->log_n == 10);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
		struct addr peer = e->peer;
		if (i & 2) say(e, &peer, "answer\n");
		close(fd);
		if (i & 4) say(e, &peer, "answer\n");
		if (i & 8) turn(e);
		if (i & 16) say(e, &peer, "answer\n");
		UNTIL(e, other, streams_count(e->streams) == 1);
	}
	assert_int_equal(e->streams->memory, 0);
	other->log_n = 0;
	e->refuses = true;
	say(other, &e->at, "still\n");
	e->log_n = 0;
	UNTIL(e, other, e->log_n >= 7);
	end_free(e);
	end_free(other);
}

static int dial_from(const struct end *to, const struct addr *from)
{
	struct sockaddr_in6 sa;
	struct sockaddr *any = (struct sockaddr *)(void *)&sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct linger reset = { .l_onoff = 1 };
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0); // the port is free at once
	assert_int_equal(bind(fd, any, addr_to_sockaddr(any, from)), 0);
	assert_int_equal(connect(fd, any, addr_to_sockaddr(any, &to->at)), 0);
	return fd;
}

// RFC 5626: the port of a phone behind a NAT is given to somebody else, who must not get what is for the phone.
static void a_port_in_other_hands_gets_nothing(void **state)
{
	(void)state;
	struct end *e = end_new(TRANSPORT_TCP, "", NULL);
	struct addr from;
	char text[16];
	int first = dial(e);
	assert_int_equal(send(first, "one\n", 4, 0), 4);
	UNTIL(e, e, strcmp(e->log, "<one\n") == 0);
	struct addr phone = e->peer;
	assert_true(phone.flow != 0);
	struct linger reset = { .l_onoff = 1 };
	assert_int_equal(setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
	close(first);
	UNTIL(e, e, e->ended_count == 1);
	assert_true(addr_flow_eq(&e->ended, &phone));
	from = phone;
	int other = dial_from(e, &from);
	assert_int_equal(send(other, "two\n", 4, 0), 4);
	UNTIL(e, e, strcmp(e->log, "<one\n<two\n") == 0);
	assert_true(addr_eq(&e->peer, &phone) && e->peer.flow != phone.flow);
	e->refuses = true;
	e->log_n = 0;
	say(e, &phone, "secret\n");
	UNTIL(e, e, strcmp(e->log, ">secret\n") == 0);
	say(e, &e->peer, "any\n"); // e->peer is now that of what came back: without a flow
	ssize_t n = -1;
	AWAIT((turn(e), n = recv(other, text, sizeof text, MSG_DONTWAIT), n > 0));
	assert_int_equal(n, 4);
	assert_memory_equal(text, "any\n", 4);
	e->refuses = false; // whom we may call gets it, whatever his connection
	say(e, &phone, "call\n");
	AWAIT((turn(e), n = recv(other, text, sizeof text, MSG_DONTWAIT), n > 0));
	assert_memory_equal(text, "call\n", 5);
	close(other);
	UNTIL(e, e, e->ended_count == 2);
	assert_int_equal(e->ended_asked, 1); // "any" owes nothing, "call" does
	end_free(e);
}

static void what_cannot_be_sent_comes_back(void **state)
{
	(void)state;
	struct end *a = end_new(TRANSPORT_TCP, "", NULL), *b = end_new(TRANSPORT_TCP, "", NULL);
	struct addr nobody = b->at;
	end_free(b);
	say(a, &nobody, "lost\n");
	say(a, &nobody, "too\n");
	UNTIL(a, a, strcmp(a->log, ">lost\n>too\n") == 0);
	a->refuses = true;
	say(a, &nobody, "never\n");
	turn(a);
	assert_string_equal(a->log, ">lost\n>too\n>never\n");
	assert_int_equal(streams_count(a->streams), 0);
	end_free(a);
}

// RFC 5922 §7.2: a certificate of another name is not believed, nor one of an unknown authority.
static void certificates_are_checked(void **state)
{
	(void)state;
	struct end *a = end_new(TRANSPORT_TLS, "", NULL), *b = end_new(TRANSPORT_TLS, "", NULL);
	a->host = "elsewhere.example";
	say(a, &b->at, "lost\n");
	UNTIL(a, b, strcmp(a->log, ">lost\n") == 0);
	a->host = "b.example";
	say(a, &b->at, "heard\n");
	UNTIL(a, b, strcmp(b->log, "<heard\n") == 0);
	end_free(b);
	b = end_new(TRANSPORT_TLS, certificate, NULL); // asks for a certificate, and a has one of that authority
	say(a, &b->at, "known\n");
	UNTIL(a, b, strcmp(b->log, "<known\n") == 0);
	end_free(a);
	end_free(b);
}

// RFC 5922: whoever connects is whom we take him for by his certificate alone, whatever he had before.
static void who_connects_may_have_to_prove_himself(void **state)
{
	(void)state;
	struct end *a = end_new(TRANSPORT_TLS, "", NULL), *b = end_new(TRANSPORT_TLS, certificate, NULL);
	say(a, &b->at, "known\n");
	UNTIL(a, b, strcmp(b->log, "<known\n") == 0);
	end_free(a);
	UNTIL(b, b, streams_count(b->streams) == 0);
	a = end_new(TRANSPORT_TLS, "", NULL);
	b->demands = "b.example"; // as its certificate says
	say(a, &b->at, "named\n");
	UNTIL(a, b, strcmp(b->log, "<known\n<named\n") == 0);
	end_free(a);
	UNTIL(b, b, streams_count(b->streams) == 0);
	a = end_new(TRANSPORT_TLS, "", NULL);
	uint64_t failed = count_by_name("stream_ended_tls");
	b->demands = "carrier.example";
	say(a, &b->at, "lost\n");
	UNTIL(a, b, count_by_name("stream_ended_tls") > failed && streams_count(b->streams) == 0);
	end_free(a);
	assert_string_equal(b->log, "<known\n<named\n");
	end_free(b);
}

static void new_certificates_are_for_new_sessions(void **state)
{
	(void)state;
	struct end *a = end_new(TRANSPORT_TLS, "", NULL), *b = end_new(TRANSPORT_TLS, "", NULL);
	char text[512], other[160], other_key[160];
	struct buf why = buf_on(text, sizeof text - 1);
	say(a, &b->at, "one\n");
	UNTIL(a, b, strcmp(b->log, "<one\n") == 0);
	snprintf(other, sizeof other, "%s/other.pem", folder);
	snprintf(other_key, sizeof other_key, "%s/other.key", folder);
	certificate_make(other, other_key, "DNS:other.example");
	struct tls_settings settings = settings_of("");
	settings.certificate = other;
	assert_int_equal(tls_reload(b->tls, &settings, &why), ERR_BAD); // the key is of another
	text[why.n] = '\0';
	assert_non_null(strstr(text, key));
	settings.key = other_key;
	assert_int_equal(tls_reload(b->tls, &settings, &why), OK);
	say(a, &b->at, "two\n"); // by the session that stands
	UNTIL(a, b, strcmp(b->log, "<one\n<two\n") == 0);
	struct end *c = end_new(TRANSPORT_TLS, "", NULL);
	say(c, &b->at, "lost\n"); // whose authority is the old certificate
	UNTIL(b, c, strcmp(c->log, ">lost\n") == 0);
	end_free(a);
	end_free(b);
	end_free(c);
}

static int make_files(void **state)
{
	(void)state;
	test_folder_make(folder);
	snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
	snprintf(key, sizeof key, "%s/key.pem", folder);
	certificate_make(certificate, key, "DNS:b.example, IP:127.0.0.1");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_both_ways),
		cmocka_unit_test(much_goes_whole),
		cmocka_unit_test(keep_alives_are_answered),
		cmocka_unit_test(what_is_broken_ends_the_connection),
		cmocka_unit_test(who_is_slow_is_cut_off),
		cmocka_unit_test(connections_are_limited),
		cmocka_unit_test(what_is_broken_is_answered),
		cmocka_unit_test(what_is_held_is_limited),
		cmocka_unit_test(what_waits_too_much_comes_back),
		cmocka_unit_test(who_comes_when_descriptors_are_out_waits),
		cmocka_unit_test(ours_are_beside_those_of_others),
		cmocka_unit_test(a_teardown_amid_messages_loses_nobody_else),
		cmocka_unit_test(a_port_in_other_hands_gets_nothing),
		cmocka_unit_test(what_cannot_be_sent_comes_back),
		cmocka_unit_test(certificates_are_checked),
		cmocka_unit_test(who_connects_may_have_to_prove_himself),
		cmocka_unit_test(new_certificates_are_for_new_sessions),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
