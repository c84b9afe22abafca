// sipload: registrations or calls against a SIP server, at a set rate or as many as a window lets through. Prints one
// JSON object when all is done.
#include "load.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURN_MAX 64 // operations begun in one turn of the loop
#define OUTBOX_BYTES (2 * PACKET_MAX + 256 * 1024)
#define SOCKET_BYTES (8 << 20)

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

// OPTIONS

static const char usage_text[] =
	"usage: sipload register|call --server ADDR:PORT --realm NAME --window N|--rate N [options]\n"
	"  --window N          so many operations at once (closed loop)\n"
	"  --rate N            so many begun a second (open loop)\n"
	"  --count N           operations in all (10000)\n"
	"  --users N           phones (1000): numbers from --first on; each calls the one half of them away\n"
	"  --first NUMBER      the first phone's number (6035550000)\n"
	"  --password TEXT     of all phones (dial-tone)\n"
	"  --from NUMBER       calls come from this number of another switch, not from the phones\n"
	"  --caller ADDR:PORT  where calls come from (127.0.0.1:7080)\n"
	"  --callee ADDR:PORT  where phones register and are called (127.0.0.1:7090)\n"
	"  --hold MS           from a call's answer to its end (0)\n"
	"  --keep              hold all calls, say \"held N\" when the last is answered, hang up at SIGTERM\n"
	"  --limit SECONDS     give up after so long (120)\n"
	"  --give-up MS        a caller gives up a request after so long (32000)\n"
	"  --witness FILE      write what the phones see of their calls, and wait instead of spinning\n";

static void usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static uint64_t number(const char *text, uint64_t max)
{
	uint64_t n;
	if (str_to_u64(&n, str_from(text), max) == OK) return n;
	fprintf(stderr, "sipload: \"%s\" is no number up to %llu\n", text, (unsigned long long)max);
	exit(2);
}

static struct addr address(const char *text)
{
	struct addr a;
	if (addr_parse(&a, str_from(text)) == OK && a.port) return a;
	fprintf(stderr, "sipload: \"%s\" is no address with a port\n", text);
	exit(2);
}

static void set_option(struct options *o, int option)
{
	switch (option) {
	case 's': o->server = address(optarg); break;
	case 'm': o->realm = optarg; break;
	case 'u': o->users = (uint32_t)number(optarg, 10000000); break;
	case 'f': o->first_user = number(optarg, 999999999999999); break;
	case 'p': o->password = optarg; break;
	case 'a': o->ports[CALLERS] = address(optarg); break;
	case 'b': o->ports[CALLEES] = address(optarg); break;
	case 'w': o->window = (uint32_t)number(optarg, 1000000); break;
	case 'r': o->rate = (double)number(optarg, 1000000); break;
	case 'c': o->count = number(optarg, UINT32_MAX); break;
	case 'h': o->hold_ms = (uint32_t)number(optarg, 3600000); break;
	case 'k': o->keep = true; break;
	case 'l': o->limit_s = (uint32_t)number(optarg, 86400); break;
	case 'n': o->from = optarg; break;
	case 'g': o->give_up_ms = (uint32_t)number(optarg, GIVE_UP_MS); break;
	case 'i': o->witness = optarg; break;
	default: usage();
	}
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "server", 1, NULL, 's' }, { "realm", 1, NULL, 'm' },    { "users", 1, NULL, 'u' },
		{ "first", 1, NULL, 'f' },  { "password", 1, NULL, 'p' }, { "caller", 1, NULL, 'a' },
		{ "callee", 1, NULL, 'b' }, { "window", 1, NULL, 'w' },   { "rate", 1, NULL, 'r' },
		{ "count", 1, NULL, 'c' },  { "hold", 1, NULL, 'h' },     { "keep", 0, NULL, 'k' },
		{ "limit", 1, NULL, 'l' },  { "from", 1, NULL, 'n' },     { "give-up", 1, NULL, 'g' },
		{ "witness", 1, NULL, 'i' }, { NULL, 0, NULL, 0 },
	};
	*o = (struct options){ .first_user = 6035550000, .users = 1000, .password = "dial-tone", .count = 10000,
		                   .limit_s = 120, .give_up_ms = GIVE_UP_MS,
		                   .ports = { address("127.0.0.1:7080"), address("127.0.0.1:7090") } };
	if (argc < 2) usage();
	if (strcmp(argv[1], "register") == 0) o->mode = LOAD_REGISTER;
	else if (strcmp(argv[1], "call") == 0) o->mode = LOAD_CALL;
	else usage();
	for (int c; (c = getopt_long(argc - 1, argv + 1, "", known, NULL)) != -1;) set_option(o, c);
	if (!o->server.family || !o->realm || !o->users || !o->count || (o->window == 0) == (o->rate <= 0)) usage();
}

// PREPARATION

static uint64_t clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void flush(struct outbox *o, void *self)
{
	struct load *l = self;
	uint32_t taken = udp_send(&l->sender, o->packets, o->count);
	l->sent += taken;
	l->unsent += o->count - taken;
}

static bool open_sockets(struct load *l)
{
	char text[256];
	struct buf why = buf_on(text, sizeof text);
	for (uint16_t i = 0; i < PORT_COUNT; i++) {
		const struct udp_settings settings = { .local = l->o.ports[i], .buffer_bytes = SOCKET_BYTES };
		if (udp_open(&l->sockets[i], &settings, i, &why) == OK) continue;
		fprintf(stderr, "sipload: %.*s\n", STR_FMT(buf_str(&why)));
		return false;
	}
	return udp_reader_init(&l->reader, DATAGRAM_MAX) == OK && udp_sender_init(&l->sender, l->sockets, PORT_COUNT) == OK;
}

static bool make_credentials(struct load *l)
{
	l->ha1 = calloc(l->o.users, sizeof *l->ha1);
	for (uint32_t i = 0; l->ha1 && i < l->o.users; i++) {
		char text[24];
		struct buf user = buf_on(text, sizeof text);
		put_u64(&user, l->o.first_user + i);
		if (!sip_digest_ha1(l->ha1[i], SIP_DIGEST_MD5, buf_str(&user), str_from(l->o.realm), str_from(l->o.password)))
			return false;
	}
	return l->ha1;
}

// Operations that may stand at once: at a rate, what comes until the unanswered ones are given up.
static uint32_t ops_max(const struct options *o)
{
	double most = o->keep     ? (double)o->count
	              : o->window ? o->window
	                          : o->rate * ((double)(o->give_up_ms + o->hold_ms) / 1000 + 2);
	return (uint32_t)(most < (double)o->count ? most : (double)o->count);
}

static bool prepare(struct load *l)
{
	l->run = (uint32_t)clock_us();
	write_prepare(l);
	if (outbox_init(&l->out, UDP_BATCH, OUTBOX_BYTES) != OK) return false;
	l->out.flush = flush;
	l->out.self = l;
	return witness_begin(l) && open_sockets(l) && make_credentials(l) && callees_init(l) == OK &&
	       arena_init(&l->scratch, 1 << 16) == OK &&
	       pool_init(&l->ops, "operations", sizeof(struct op), ops_max(&l->o)) == OK &&
	       delays_init(&l->ringing, l->o.count) == OK && delays_init(&l->answer, l->o.count) == OK;
}

// THE LOOP

static void take(struct load *l, const struct packet *p)
{
	struct sip_msg m;
	struct sip_fault fault;
	arena_reset(&l->scratch);
	l->received++;
	if (sip_msg_parse(&m, p->data, &l->scratch, &fault) != PARSE_OK) {
		l->strays++;
		return;
	}
	witness_received(l, p, &m);
	if (m.is_request) callee_take(l, p, &m);
	else caller_take(l, &m);
}

static void receive(struct load *l)
{
	for (uint32_t i = 0; i < PORT_COUNT; i++) {
		uint32_t n = udp_read(&l->sockets[i], &l->reader, load_now_ms(l));
		for (uint32_t k = 0; k < n; k++) take(l, &l->reader.packets[k]);
	}
}

// Calls that are to be held do not count: the window is of what is being set up or taken down.
static bool window_open(const struct load *l)
{
	uint64_t busy = l->ops.used - (l->o.keep ? l->held : 0);
	return busy < (l->o.window ? l->o.window : TURN_MAX);
}

static bool may_begin(const struct load *l)
{
	if (l->begun >= l->o.count || told_to_end) return false;
	if (l->o.window) return window_open(l);
	return (double)(l->now_us - l->began_us) * l->o.rate / 1e6 >= (double)l->begun;
}

// Ends what is held, no faster than it was begun; round and round, since some are only now answered.
static void hang_up(struct load *l, uint32_t *at)
{
	while (l->held && window_open(l)) {
		struct op *op = pool_each(&l->ops, at);
		if (!op) *at = 0;
		else if (op->state == OP_TALK) op_hang_up(l, op);
	}
}

static void fire(struct load *l)
{
	struct timer *t;
	while ((t = wheel_expire(&l->wheel, load_now_ms(l)))) {
		if (t->kind == TIMER_OP) op_timer(l, pool_at(&l->ops, t->owner));
		else callee_timer(l, pool_at(&l->callees.rings, t->owner));
	}
}

static bool over(const struct load *l)
{
	if (l->done >= l->o.count) return true;
	if (told_to_end && l->ops.used == 0) return true;
	return !l->o.keep && l->now_us - l->began_us > l->o.limit_s * 1000000ull;
}

static void run(struct load *l)
{
	bool told = false;
	uint32_t at = 0;
	l->began_us = l->ended_us = l->now_us = clock_us();
	wheel_init(&l->wheel, load_now_ms(l));
	for (; !over(l); l->now_us = clock_us()) {
		receive(l);
		for (uint32_t n = 0; n < TURN_MAX && may_begin(l) && op_begin(l); n++) continue;
		fire(l);
		if (told_to_end) hang_up(l, &at);
		outbox_flush(&l->out);
		if (l->o.keep && !told && l->begun == l->o.count && l->held + l->done == l->o.count) {
			told = printf("held %llu\n", (unsigned long long)l->held) > 0;
			fflush(stdout);
		}
		witness_wait(l);
	}
}

static void finish(struct load *l)
{
	for (uint32_t i = 0; i < PORT_COUNT; i++) udp_close(&l->sockets[i]);
	udp_reader_fini(&l->reader);
	udp_sender_fini(&l->sender);
	outbox_fini(&l->out);
	pool_fini(&l->ops);
	pool_fini(&l->callees.rings);
	map_fini(&l->callees.by_call_id);
	arena_fini(&l->scratch);
	free(l->ha1);
	free(l->ringing.samples);
	free(l->answer.samples);
	witness_end(l);
}

int main(int argc, char **argv)
{
	static struct load l;
	const struct sigaction action = { .sa_handler = on_signal };
	read_options(&l.o, argc, argv);
	if (!prepare(&l)) {
		fputs("sipload: cannot begin: an address that cannot be bound, or no memory\n", stderr);
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	run(&l);
	report(&l);
	bool good = l.failed == 0 && l.ops.used == 0;
	finish(&l);
	return good ? 0 : 1;
}
