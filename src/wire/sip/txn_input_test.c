#include "txn_input.c"

#include "wire/sip/txn_bench.h"

#define VIA(host_port, rest) .via = host_port ";branch=z9hG4bK" rest

static void end_all(struct bench *b)
{
	bench_run_to(b, 200000);
	b->log.n = 0;
	bench_free(b);
}

static void a_retransmission_has_branch_sent_by_and_method(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 200;
	bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS", VIA("Host.example.com:5060", "one") });
	bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS", VIA("host.EXAMPLE.com", "one") }); // the same
	bench_expect(b, "0 request OPTIONS\n0 tx 200 OPTIONS\n0 tx 200 OPTIONS\n");
	bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS", VIA("host.example.com:5061", "one"),
	                                        .call_id = "c2" });
	bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS", VIA("host.example.com", "two"), .call_id = "c3" });
	bench_rx_request(b, &(struct bench_rx){ .method = "MESSAGE", VIA("host.example.com", "one"), .call_id = "c4" });
	bench_expect(b, "0 request OPTIONS\n0 tx 200 OPTIONS\n0 request OPTIONS\n0 tx 200 OPTIONS\n"
	                "0 request MESSAGE\n0 tx 200 MESSAGE\n");
	end_all(b);
}

// §9.2. Somebody who overheard the INVITE sends another request under its branch: the CANCEL is the INVITE's all the same.
static void a_cancel_finds_its_invite_beside_another_request_of_that_branch(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &(struct bench_rx){ .method = "INVITE" });
	ref invite = b->request;
	bench_rx_request(b, &(struct bench_rx){ .method = "PRACK" });
	bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 request PRACK\n");
	bench_respond(b, 481);
	bench_expect(b, "0 tx 481 PRACK\n");
	b->request = invite;
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL" });
	bench_expect(b, "0 tx 200 CANCEL\n0 cancelled owner 7\n");
	sip_stack_disown(b->stack, invite);
	end_all(b);
}

// RFC 3261 §17.2.3, second half: clients whose branch is not unique.
static void a_client_of_rfc_2543_is_matched_by_its_fields(void **state)
{
	(void)state;
	const char *const vias[] = { "192.0.2.9:5062", "192.0.2.9:5062;branch=1", "192.0.2.9:5062;branch=z9hG4bK" };
	for (uint32_t i = 0; i < ARRAY_LEN(vias); i++) {
		struct bench *b = bench_new();
		struct bench_rx r = { .method = "INVITE", .via = vias[i] };
		bench_rx_request(b, &r);
		bench_rx_request(b, &r);
		r.cseq = 2;
		r.call_id = "another";
		bench_rx_request(b, &r); // by the branch it would be the same
		bench_expect(b, "0 request INVITE\n0 tx 100 INVITE\n0 tx 100 INVITE\n0 request INVITE\n0 tx 100 INVITE\n");
		r.method = "CANCEL";
		bench_rx_request(b, &r);
		bench_respond(b, 487);
		r.method = "ACK";
		r.to_tag = "ourtag";
		bench_rx_request(b, &r); // absorbed
		bench_run_to(b, 600);    // and the refusal is not repeated
		bench_expect(b, "0 tx 200 CANCEL\n0 cancelled owner 7\n0 tx 487 INVITE\n");
		r.cseq = 3;
		bench_rx_request(b, &r);
		bench_expect(b, "600 ack\n");
		sip_stack_disown(b->stack, 1ull << 32 | 1); // the first, which nobody answers
		end_all(b);
	}
}

static void a_request_that_came_by_two_ways_is_merged(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	b->answer_at_once = 404;
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "one") });
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "two") });
	bench_expect(b, "0 request INVITE\n0 tx 404 INVITE\n0 tx 482 INVITE\n");
	// Another number, tag or Call-ID is another request; a To tag says that it is one of a dialog.
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "three"), .cseq = 2 });
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "four"), .call_id = "other" });
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "five"), .from_tag = "other" });
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "six"), .method = "OPTIONS" });
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "seven"), .to_tag = "ours" });
	bench_expect(b, "0 request INVITE\n0 tx 404 INVITE\n0 request INVITE\n0 tx 404 INVITE\n0 request INVITE\n"
	                "0 tx 404 INVITE\n0 request OPTIONS\n0 tx 404 OPTIONS\n0 request INVITE\n0 tx 404 INVITE\n");
	bench_run_to(b, 100000);
	b->log.n = 0;
	bench_rx_request(b, &(struct bench_rx){ VIA("192.0.2.9", "two") }); // nothing is ongoing any more
	bench_expect(b, "100000 request INVITE\n100000 tx 404 INVITE\n");
	end_all(b);
}

static void responses_go_where_the_request_came_from(void **state)
{
	(void)state;
	static const struct {
		const char *via;
		uint16_t port;
	} cases[] = {
		{ "198.51.100.5:5099;branch=z9hG4bK1;rport", 5062 },
		{ "198.51.100.5:5099;branch=z9hG4bK1", 5099 },
		{ "198.51.100.5;branch=z9hG4bK1", 5060 },
		{ "198.51.100.5:5099;branch=z9hG4bK1;maddr=203.0.113.7;received=203.0.113.8", 5099 },
	};
	for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench *b = bench_new();
		struct addr expected = b->far.peer;
		expected.port = cases[i].port;
		b->answer_at_once = 200;
		bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS", .via = cases[i].via });
		assert_true(addr_eq(&b->tx_peer, &expected));
		b->answer_at_once = 0;
		bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL", .via = "h;branch=z9hG4bKnone" }); // stateless too
		expected.port = 5060;
		assert_true(addr_eq(&b->tx_peer, &expected));
		end_all(b);
	}
}

static void malformed_requests_get_their_answer_once(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	uint64_t malformed = count_by_name("sip_rx_malformed"), no_sip = count_by_name("sip_rx_no_sip");
	static const char rest[] = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKbad\r\nFrom: <sip:a@b>;tag=1\r\n"
	                           "To: <sip:b@b>\r\nCall-ID: bad\r\n";
	char text[1024];
	snprintf(text, sizeof text, "OPTIONS sip:b@b SIP/2.0\r\n%sCSeq: 1 OPTIONS\r\nContent-Length: -1\r\n\r\n", rest);
	bench_rx(b, text);
	bench_expect(b, "0 tx 400 OPTIONS\n");
	snprintf(text, sizeof text, "OPTIONS sip:b@b SIP/7.0\r\n%sCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", rest);
	bench_rx(b, text);
	bench_expect(b, "0 tx 505 OPTIONS\n");
	snprintf(text, sizeof text, "ACK sip:b@b SIP/2.0\r\n%sCSeq: 1 ACK\r\nContent-Length: -1\r\n\r\n", rest);
	bench_rx(b, text);
	snprintf(text, sizeof text, "SIP/2.0 200 OK\r\n%sCSeq: 1 OPTIONS\r\nContent-Length: -1\r\n\r\n", rest);
	bench_rx(b, text);
	bench_rx(b, "GET / HTTP/1.1\r\n\r\n");
	bench_rx(b, "\x16\x03\x01");
	bench_expect(b, "");
	assert_int_equal(count_by_name("sip_rx_malformed") - malformed, 2);
	assert_int_equal(count_by_name("sip_rx_no_sip") - no_sip, 4);
	end_all(b);
}

static void identifiers_of_any_length_are_survived(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	for (uint32_t n = 100; n <= 8000; n += 100) {
		static char text[70000], name[8001];
		const char *const methods[] = { "OPTIONS", "ACK", "CANCEL", "INVITE" };
		memset(name, 'x', n);
		name[n] = '\0';
		for (uint32_t i = 0; i < 4; i++) {
			snprintf(text, sizeof text,
			         "%s sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=%s\r\nFrom: <sip:a@b>;tag=%s\r\n"
			         "To: <sip:b@b>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			         methods[i], name, name, name, methods[i]);
			b->answer_at_once = 404;
			b->answer_stateless = true;
			bench_rx(b, text);
			b->log.n = 0;
		}
	}
	end_all(b);
}

static void keepalives_are_eaten(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	uint64_t keepalives = count_by_name("sip_rx_keepalive");
	bench_rx(b, "");
	bench_rx(b, "\r\n");
	bench_rx(b, "\r\n\r\n");
	const struct packet nul = { .peer = b->far.peer, .data = { "\0\0\0\0", 4 } };
	sip_stack_input(b->stack, &nul);
	assert_int_equal(count_by_name("sip_rx_keepalive") - keepalives, 4);
	bench_expect(b, "");
	end_all(b);
}

// RFC 4475 §3.1.2.19 and HOSTILE: nothing leaves for an address that is many's or nobody's.
static void nothing_is_said_to_special_addresses(void **state)
{
	(void)state;
	static const char *const sources[] = {
		"255.255.255.255:5060", "224.0.1.75:5060", "0.0.0.0:5060", "[ff02::1]:5060", "[::]:5060", "192.0.2.9:0",
		"[::ffff:255.255.255.255]:5060",
	};
	struct bench *b = bench_new();
	for (uint32_t i = 0; i < ARRAY_LEN(sources); i++) {
		assert_int_equal(addr_parse(&b->far.peer, str_from(sources[i])), OK);
		bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS" });
		bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL" });
		bench_rx(b, "OPTIONS sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb\r\nFrom: <sip:a@b>;tag=1\r\n"
		            "To: <sip:b@b>\r\nCall-ID: bad\r\nCSeq: 1 OPTIONS\r\nContent-Length: -1\r\n\r\n");
	}
	bench_expect(b, "");
	assert_int_equal(addr_parse(&b->far.peer, STR("127.0.0.1:5060")), OK); // one's own machine is somebody
	b->answer_at_once = 200;
	bench_rx_request(b, &(struct bench_rx){ .method = "OPTIONS" });
	bench_expect(b, "0 request OPTIONS\n0 tx 200 OPTIONS\n");
	end_all(b);
}

static void every_message_is_seen_with_its_owner(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	bench_rx_request(b, &(struct bench_rx){ .method = "INVITE" }); // in: nobody's yet; out: 100 of the owner
	assert_int_equal(b->seen_in, 1);
	assert_int_equal(b->seen_out, 1);
	assert_int_equal(b->seen_owned, 1);
	bench_rx_request(b, &(struct bench_rx){ .method = "CANCEL" }); // in and out
	bench_respond(b, 487);
	bench_rx_request(b, &(struct bench_rx){ .method = "ACK" });
	assert_int_equal(b->seen_in, 3);
	assert_int_equal(b->seen_out, 3);
	assert_int_equal(b->seen_owned, 5);
	assert_int_equal(bench_send(b, SIP_BYE), OK);
	bench_rx_response(b, b->tx, 200, "far");
	assert_int_equal(b->seen_in, 4);
	assert_int_equal(b->seen_out, 4);
	assert_int_equal(b->seen_owned, 7);
	end_all(b);
}

// RFC 3261 §8.2.6.2, §17.1.3. Whoever knows the branch, a broken peer of ours say, still has to repeat our From tag,
// Call-ID and CSeq number: a 2xx of another dialog would make one that its own maker does not know.
static void a_response_repeats_the_identity_of_its_request(void **state)
{
	(void)state;
	static const struct { const char *ours, *theirs; } spoiled[] = {
		{ ";tag=ours\r\n", "\r\n" }, { ";tag=ours\r\n", ";tag=oursX\r\n" }, { "Call-ID: out1", "Call-ID: out2" },
		{ "CSeq: 20", "CSeq: 21" },
	};
	static const enum sip_method methods[] = { SIP_INVITE, SIP_BYE };
	for (uint32_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct bench *b = bench_new();
		char sent[2048];
		uint64_t foreign = count_by_name("sip_rx_response_foreign");
		assert_int_equal(bench_send(b, methods[i]), OK);
		str_to_z(sent, sizeof sent, b->tx);
		b->log.n = 0;
		for (uint32_t j = 0; j < ARRAY_LEN(spoiled); j++) {
			char other[2100];
			const char *at = strstr(sent, spoiled[j].ours);
			assert_non_null(at);
			snprintf(other, sizeof other, "%.*s%s%s", (int)(at - sent), sent, spoiled[j].theirs,
			         at + strlen(spoiled[j].ours));
			bench_rx_response(b, str_from(other), 200, "far");
			bench_rx_response(b, str_from(other), 486, "far");
		}
		bench_expect(b, "");
		assert_int_equal(count_by_name("sip_rx_response_foreign") - foreign, 2 * ARRAY_LEN(spoiled));
		assert_int_equal(sip_stack_use(b->stack).transactions, 1);
		bench_rx_response(b, str_from(sent), 200, "far");
		bench_expect(b, "0 response 200 owner 7\n");
		end_all(b);
	}
}

// The same of the To tag, within a dialog: a 2xx that names another one begins none, and what refuses us is waited for.
static void in_a_dialog_a_response_repeats_the_to_tag(void **state)
{
	(void)state;
	static const enum sip_method methods[] = { SIP_INVITE, SIP_BYE };
	static const char *const tags[] = { "", ";tag=theirsX" };
	for (uint32_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct bench *b = bench_new();
		char sent[2048];
		uint64_t foreign = count_by_name("sip_rx_response_foreign");
		assert_int_equal(bench_send_in(b, methods[i], "theirs"), OK);
		str_to_z(sent, sizeof sent, b->tx);
		b->log.n = 0;
		for (uint32_t j = 0; j < ARRAY_LEN(tags); j++) {
			char other[2100];
			const char *at = strstr(sent, ";tag=theirs"), *after = at + strlen(";tag=theirs");
			snprintf(other, sizeof other, "%.*s%s%s", (int)(at - sent), sent, tags[j], after);
			bench_rx_response(b, str_from(other), 200, "far");
			bench_rx_response(b, str_from(other), 491, "far");
		}
		bench_expect(b, "");
		assert_int_equal(count_by_name("sip_rx_response_foreign") - foreign, 2 * ARRAY_LEN(tags));
		assert_int_equal(sip_stack_use(b->stack).transactions, 1);
		bench_rx_response(b, str_from(sent), 200, "far");
		bench_expect(b, "0 response 200 owner 7\n");
		end_all(b);
	}
}

static void give_back(struct bench *b, struct str text, const struct addr *peer)
{
	sip_stack_input(b->stack, &(struct packet){ .returned = true, .peer = *peer, .data = text });
}

// A request that comes back fails at once. The message that says so can be forged by anyone who knows the addresses, but
// not the branch; and whoever has answered is there.
static void what_comes_back_fails_its_request(void **state)
{
	(void)state;
	static const enum sip_method methods[] = { SIP_INVITE, SIP_OPTIONS };
	for (uint32_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct bench *b = bench_new();
		assert_int_equal(bench_send(b, methods[i]), OK);
		char text[1000], forged[1000];
		str_to_z(text, sizeof text, b->tx);
		str_to_z(forged, sizeof forged, b->tx);
		char *branch = strstr(forged, "branch=z9hG4bKw1") + strlen("branch=z9hG4bKw1");
		*branch = *branch == '0' ? '1' : '0';
		uint32_t whole = (uint32_t)(branch + 16 - forged);
		struct addr elsewhere = b->tx_peer;
		elsewhere.port++;
		b->log.n = 0;
		uint64_t unmatched = count_by_name("sip_rx_returned_unmatched");
		give_back(b, str_from(forged), &b->tx_peer);
		give_back(b, str_from(text), &elsewhere);
		give_back(b, str_head(str_from(text), whole), &b->tx_peer); // there may be more of the branch
		give_back(b, STR("ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"), &b->tx_peer);
		give_back(b, STR("SIP/2.0 200 OK\r\n"), &b->tx_peer);
		give_back(b, STR(""), &b->tx_peer);
		bench_expect(b, "");
		assert_int_equal(count_by_name("sip_rx_returned_unmatched") - unmatched, 6);
		give_back(b, str_head(str_from(text), whole + 1), &b->tx_peer);
		bench_expect(b, "0 failed 1 owner 7\n");
		assert_int_equal(sip_stack_use(b->stack).transactions, 0);

		assert_int_equal(bench_send(b, methods[i]), OK);
		str_to_z(text, sizeof text, b->tx);
		bench_rx_response(b, b->tx, 100, "far");
		b->log.n = 0;
		give_back(b, str_from(text), &b->tx_peer);
		bench_expect(b, "");
		bench_rx_response(b, str_from(text), 486, "far");
		end_all(b);
	}
}

// Only the Via's branch is ours: a phone may put one into its Contact, which our request names.
static void a_branch_in_the_request_uri_is_not_the_one(void **state)
{
	(void)state;
	struct bench *b = bench_new();
	char text[2000];
	assert_int_equal(bench_send(b, SIP_OPTIONS), OK);
	const char *rest = strstr(b->tx.p, " SIP/2.0\r\n");
	assert_non_null(rest);
	snprintf(text, sizeof text, "OPTIONS sip:b@192.0.2.9:5062;branch=z9hG4bKtheirs%.*s",
	         (int)(b->tx.p + b->tx.n - rest), rest);
	b->log.n = 0;
	give_back(b, str_from(text), &b->tx_peer);
	bench_expect(b, "0 failed 1 owner 7\n");
	end_all(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_retransmission_has_branch_sent_by_and_method),
		cmocka_unit_test(a_cancel_finds_its_invite_beside_another_request_of_that_branch),
		cmocka_unit_test(a_client_of_rfc_2543_is_matched_by_its_fields),
		cmocka_unit_test(a_request_that_came_by_two_ways_is_merged),
		cmocka_unit_test(responses_go_where_the_request_came_from),
		cmocka_unit_test(malformed_requests_get_their_answer_once),
		cmocka_unit_test(identifiers_of_any_length_are_survived),
		cmocka_unit_test(keepalives_are_eaten),
		cmocka_unit_test(nothing_is_said_to_special_addresses),
		cmocka_unit_test(every_message_is_seen_with_its_owner),
		cmocka_unit_test(a_response_repeats_the_identity_of_its_request),
		cmocka_unit_test(in_a_dialog_a_response_repeats_the_to_tag),
		cmocka_unit_test(what_comes_back_fails_its_request),
		cmocka_unit_test(a_branch_in_the_request_uri_is_not_the_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
