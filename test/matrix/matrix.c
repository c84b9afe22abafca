// Prints the matrix of states and events of every machine into docs/fsm, or says which page is not as printed.
//
//     matrix FOLDER             writes the pages
//     matrix --check FOLDER     TAP: a line a page
#include "call/leg/sip_leg.h"
#include "call/leg/tie.h"
#include "run/registrant.h"
#include "run/subscriptions.h"
#include "wire/sip/txn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX (64u * 1024)

static const struct fsm *half_machine(uint32_t i)
{
	static const struct fsm *const machines[] = { &orig_machine, &term_machine };
	return i < ARRAY_LEN(machines) ? machines[i] : NULL;
}

static const struct fsm *leg_machine(uint32_t i)
{
	static const struct fsm *const machines[] = { &sip_leg_machine, &sip_oa_machine, &tie_machine };
	return i < ARRAY_LEN(machines) ? machines[i] : NULL;
}

static const struct fsm *subscription_machines(uint32_t i)
{
	return i == 0 ? &subscription_machine : NULL;
}

static const struct fsm *registrant_machines(uint32_t i)
{
	return i == 0 ? &registrant_machine : NULL;
}

static const struct page {
	const char *file, *title;
	const struct fsm *(*machine)(uint32_t i); // NULL past the last
} pages[] = {
	{ "half-calls.md", "The halves of a call (ITU-T Q.1224)", half_machine },
	{ "sip-leg.md", "A SIP leg, its offers and answers (RFC 3261, RFC 3264), and ties", leg_machine },
	{ "sip-registrations.md", "Our own registrations with carriers (RFC 3261 10.2)", registrant_machines },
	{ "sip-subscriptions.md", "Subscriptions, as who notifies sees them (RFC 6665)", subscription_machines },
	{ "sip-transactions.md", "Transactions of SIP (RFC 3261 17, RFC 6026)", sip_txn_machine },
};

static void put_page(struct buf *b, const struct page *page)
{
	put_fmt(b, "# %s\n\nMade by `make matrix`; a test compares. A row is a state, a column an event; a cell is the next state and\n"
	           "what is done. `-`: the event is dropped there, and counted.\n", page->title);
	const struct fsm *m;
	for (uint32_t i = 0; (m = page->machine(i)); i++) {
		put_fmt(b, "\n## %s\n\n", m->name);
		fsm_print(b, m);
	}
}

static bool same_as_file(const char *path, const struct buf *b)
{
	static char text[PAGE_MAX];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text, f) : 0;
	if (f) fclose(f);
	return n == b->n && memcmp(text, b->p, n) == 0;
}

static bool write_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "w");
	bool good = f && fwrite(b->p, 1, b->n, f) == b->n;
	if (f && fclose(f) != 0) good = false;
	if (!good) fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return good;
}

int main(int argc, char **argv)
{
	static char text[PAGE_MAX];
	bool check = argc == 3 && strcmp(argv[1], "--check") == 0, good = true;
	if (argc != 2 + check) {
		fprintf(stderr, "usage: matrix [--check] FOLDER\n");
		return 2;
	}
	if (check) printf("1..%zu\n", ARRAY_LEN(pages));
	for (uint32_t i = 0; i < ARRAY_LEN(pages); i++) {
		char path[4096];
		struct buf b = buf_on(text, sizeof text);
		snprintf(path, sizeof path, "%s/%s", argv[argc - 1], pages[i].file);
		put_page(&b, &pages[i]);
		bool fits = b.err == OK && (check ? same_as_file(path, &b) : write_file(path, &b));
		if (check)
			printf("%sok %u - docs/fsm/%s is as `make matrix` prints it\n", fits ? "" : "not ", i + 1, pages[i].file);
		good = good && fits;
	}
	return good ? 0 : 1;
}
