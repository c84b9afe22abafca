// sipload: registrations or calls against a SIP server, at a set rate or as many as a window lets through.
//
//     sipload register --server 127.0.0.1:5060 --realm example --users 1000 --window 60 --count 100000
//     sipload call     --server 127.0.0.1:5060 --realm example --users 1000 --rate 2000 --count 20000
//     sipload call     ... --count 5000 --window 60 --keep      holds all calls until SIGTERM, then hangs up
//
// Prints one JSON object when all is done. With --keep it prints a line "held N" when all calls stand.
#include "load.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

static void usage(void)
{
	fputs("usage: sipload register|call --server ADDR:PORT --realm NAME [--users N] [--first NUMBER] [--password TEXT]\n"
	      "               [--caller ADDR:PORT] [--callee ADDR:PORT] [--from NUMBER] --window N | --rate N\n"
	      "               [--count N] [--hold MS] [--keep] [--limit SECONDS]\n", stderr);
	exit(2);
}

static struct addr address(const char *text)
{
	struct addr a;
	if (addr_parse(&a, str_from(text)) == OK && a.port) return a;
	fprintf(stderr, "sipload: \"%s\" is no address with a port\n", text);
	exit(2);
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "server", 1, NULL, 's' },   { "realm", 1, NULL, 'm' },  { "users", 1, NULL, 'u' }, { "first", 1, NULL, 'f' },
		{ "password", 1, NULL, 'p' }, { "caller", 1, NULL, 'a' }, { "callee", 1, NULL, 'b' }, { "window", 1, NULL, 'w' },
		{ "rate", 1, NULL, 'r' },     { "count", 1, NULL, 'c' },  { "hold", 1, NULL, 'h' },  { "keep", 0, NULL, 'k' },
		{ "limit", 1, NULL, 'l' },    { "from", 1, NULL, 'n' },   { NULL, 0, NULL, 0 },
	};
	*o = (struct options){ .first_user = 6035550000, .users = 1000, .password = "dial-tone", .count = 10000, .limit_s = 120,
		                   .caller = address("127.0.0.1:7080"), .callee = address("127.0.0.1:7090") };
	if (argc < 2) usage();
	if (strcmp(argv[1], "register") == 0) o->mode = LOAD_REGISTER;
	else if (strcmp(argv[1], "call") == 0) o->mode = LOAD_CALL;
	else usage();
	for (int c; (c = getopt_long(argc - 1, argv + 1, "", known, NULL)) != -1;) {
		switch (c) {
		case 's': o->server = address(optarg); break;
		case 'm': o->realm = optarg; break;
		case 'u': o->users = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'f': o->first_user = strtoull(optarg, NULL, 10); break;
		case 'p': o->password = optarg; break;
		case 'a': o->caller = address(optarg); break;
		case 'b': o->callee = address(optarg); break;
		case 'w': o->window = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'r': o->rate = strtod(optarg, NULL); break;
		case 'c': o->count = strtoull(optarg, NULL, 10); break;
		case 'h': o->hold_ms = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'k': o->keep = true; break;
		case 'l': o->limit_s = strtod(optarg, NULL); break;
		case 'n': o->caller_number = optarg; break;
		default: usage();
		}
	}
	if (!o->server.family || !o->realm || !o->users || (o->window == 0) == (o->rate <= 0) || !o->count) usage();
}

static bool prepare(struct load *l)
{
	// At a rate, as many slots as would stand if nothing were answered for a while; held calls need one each.
	uint64_t slots = l->o.keep ? l->o.count : l->o.window ? l->o.window : (uint64_t)(l->o.rate * (34 + l->o.hold_ms / 1000.0));
	if (slots > l->o.count) slots = l->o.count;
	l->op_count = (uint32_t)slots;
	l->ops = calloc(slots, sizeof *l->ops);
	l->free_ops = calloc(slots, sizeof *l->free_ops);
	l->ha1 = calloc(l->o.users, sizeof *l->ha1);
	if (!l->ops || !l->free_ops || !l->ha1 || arena_init(&l->scratch, 1 << 16) != OK ||
	    delays_init(&l->ringing, l->o.count) != OK || delays_init(&l->answer, l->o.count) != OK)
		return false;
	for (uint32_t i = 0; i < l->op_count; i++) l->free_ops[l->free_count++] = l->op_count - 1 - i;
	for (uint32_t i = 0; i < l->o.users; i++) {
		char text[24];
		struct buf b = buf_on(text, sizeof text);
		put_u64(&b, l->o.first_user + i);
		sip_digest_ha1(l->ha1[i], SIP_DIGEST_MD5, buf_str(&b), str_from(l->o.realm), str_from(l->o.password));
	}
	return port_open(&l->caller, &l->o.caller) == OK && port_open(&l->callee, &l->o.callee) == OK;
}

static bool may_begin(const struct load *l)
{
	if (l->begun >= l->o.count || told_to_end) return false;
	if (l->o.window == 0) return (double)(l->now_us - l->began_us) * l->o.rate / 1e6 >= (double)l->begun;
	uint64_t busy = l->standing;
	if (l->o.keep) busy -= l->answer.count; // what is held is not in the window
	return busy < l->o.window;
}

static void hang_up_all(struct load *l)
{
	for (uint32_t i = 0; i < l->op_count; i++)
		if (l->ops[i].state == OP_TALK) op_hang_up(l, &l->ops[i]);
}

static void run(struct load *l)
{
	bool ending = false, held_told = false;
	l->began_us = l->ended_us = l->now_us = clock_us();
	wheel_init(&l->wheel, l->now_us / 1000);
	while (l->done < l->o.count && (!ending || l->standing)) {
		struct timer *t;
		l->now_us = clock_us();
		if (l->now_us - l->began_us > (uint64_t)(l->o.limit_s * 1e6) && !l->o.keep) break;
		port_read(&l->caller, l, caller_take);
		port_read(&l->callee, l, callee_take);
		for (uint32_t n = 0; n < BATCH && may_begin(l) && op_begin(l);) n++;
		while ((t = wheel_expire(&l->wheel, l->now_us / 1000))) op_timer(l, &l->ops[t->owner - 1]);
		outbox_flush(&l->caller.out);
		outbox_flush(&l->callee.out);
		if (l->o.keep && !held_told && l->begun == l->o.count && l->answer.count + l->done >= l->o.count) {
			held_told = printf("held %u\n", l->answer.count) > 0;
			fflush(stdout);
		}
		if (told_to_end && !ending) {
			ending = true;
			hang_up_all(l);
		}
	}
}

static void report(struct load *l)
{
	double seconds = (double)(l->ended_us - l->began_us) / 1e6;
	uint64_t unfinished = l->standing, good = l->done - l->failed;
	printf("{\n  \"mode\": \"%s\", \"operations\": %llu, \"failures\": %llu, \"unfinished\": %llu, \"challenges\": %llu,\n"
	       "  \"retransmissions\": %llu, \"strays\": %llu, \"sent\": %llu, \"received\": %llu,\n"
	       "  \"seconds\": %.3f, \"per_second\": %.1f",
	       l->o.mode == LOAD_REGISTER ? "register" : "call", (unsigned long long)good, (unsigned long long)l->failed,
	       (unsigned long long)unfinished, (unsigned long long)l->challenged, (unsigned long long)l->repeated,
	       (unsigned long long)l->strays, (unsigned long long)(l->caller.sent + l->callee.sent),
	       (unsigned long long)(l->caller.received + l->callee.received), seconds, seconds > 0 ? (double)good / seconds : 0);
	delays_print(&l->ringing, "ringing");
	delays_print(&l->answer, l->o.mode == LOAD_REGISTER ? "registered" : "answer");
	printf(",\n  \"refusals\": {");
	for (uint32_t i = 0, n = 0; i < ARRAY_LEN(l->statuses); i++)
		if (l->statuses[i]) printf("%s\"%u\": %llu", n++ ? ", " : "", i, (unsigned long long)l->statuses[i]);
	printf("}\n}\n");
}

int main(int argc, char **argv)
{
	static struct load l;
	struct sigaction action = { .sa_handler = on_signal };
	read_options(&l.o, argc, argv);
	if (!prepare(&l)) {
		fputs("sipload: no memory, or an address that cannot be bound\n", stderr);
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	run(&l);
	report(&l);
	port_close(&l.caller);
	port_close(&l.callee);
	return l.failed || l.standing ? 1 : 0;
}
