#include "quality.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// RFC 6035 4.7.3
static const char session[] =
	"VQSessionReport: CallTerm\r\nCallID: 6dg37f1890463\r\nLocalID: Alice <sip:alice@example.org>\r\n"
	"RemoteID: Bill <sip:bill@example.net>\r\nLocalAddr: IP=10.10.1.100 PORT=5000 SSRC=1a3b5c7d\r\nLocalMetrics:\r\n"
	"Timestamps:START=2004-10-10T18:23:43Z STOP=2004-10-01T18:26:02Z\r\n"
	"SessionDesc:PT=18 PD=G729 SR=8000 FD=20 FO=20 FPP=2 PPS=50\r\n                FMTP=\"annexb=no\" PLC=3 SSUP=on\r\n"
	"PacketLoss:NLR=5.0 JDR=2.25\r\nDelay:RTD=200 ESD=140 SOWD=200 IAJ=2 MAJ=10\r\n"
	"QualityEst:RLQ=90 RCQ=85 EXTRI=90 MOSLQ=4.2\r\n  MOSCQ=4.375 QoEEstAlg=P.564\r\n"
	"RemoteMetrics:\r\nPacketLoss:NLR=9.0 JDR=9.0\r\nQualityEst:MOSLQ=1.0\r\n"
	"DialogID:1890463548@alice.example.org;to-tag=8472761;\r\n   from-tag=9123dh311\r\n";

static enum parse parse(struct sip_quality *q, const char *text)
{
	return sip_quality_parse(q, str_from(text));
}

static void the_report_of_the_rfc(void **state)
{
	(void)state;
	struct sip_quality q;
	assert_int_equal(parse(&q, session), PARSE_OK);
	assert_int_equal(q.kind, SIP_QUALITY_SESSION);
	assert_true(str_eq(q.call_id, STR("6dg37f1890463")));
	assert_int_equal(q.mos_lq, 420);
	assert_int_equal(q.mos_cq, 437);
	assert_int_equal(q.loss, 500);
	assert_int_equal(q.discard, 225);
	assert_int_equal(q.round_trip_ms, 200);
	assert_int_equal(q.delay_ms, 140);
	assert_int_equal(q.jitter_ms, 2);
}

static void what_is_not_said_is_not_known(void **state)
{
	(void)state;
	struct sip_quality q;
	assert_int_equal(parse(&q, "VQIntervalReport\nCallID:a@b\nLocalMetrics:\nQualityEst:MOSLQ=x MOSCQ=99999\n"
	                           "PacketLoss:NLR= NLR=3\nDelay:RTD=-1 ESD=65535 IAJ\n"), PARSE_OK);
	assert_int_equal(q.kind, SIP_QUALITY_INTERVAL);
	assert_true(str_eq(q.call_id, STR("a@b")));
	assert_int_equal(q.loss, 300);
	const uint16_t unknown[] = { q.mos_lq, q.mos_cq, q.discard, q.round_trip_ms, q.delay_ms, q.jitter_ms };
	for (uint32_t i = 0; i < ARRAY_LEN(unknown); i++) assert_int_equal(unknown[i], SIP_QUALITY_UNKNOWN);
}

static void what_is_no_report_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "\r\n", "CallID: x\r\n", "VQSessionReport: CallTerm\r\n",
		"VQSessionReport: CallTerm\r\nCallID:\r\n", "VQOtherReport: x\r\nCallID: x\r\n" };
	struct sip_quality q;
	for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) assert_int_equal(parse(&q, bad[i]), PARSE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_report_of_the_rfc),
		cmocka_unit_test(what_is_not_said_is_not_known),
		cmocka_unit_test(what_is_no_report_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
