// Session descriptions (RFC 8866, RFC 3264) as a party writes and reads them, and what it demands of the switch's.
#include "sim/party_inside.h"

static struct str line_of(struct str *rest)
{
	struct str line = str_cut(rest, '\n');
	return line.n && line.p[line.n - 1] == '\r' ? str_head(line, line.n - 1) : line;
}

// READING

static void see_audio(struct sdp_seen *out, struct str value)
{
	uint32_t port, pt;
	str_cut(&value, ' ');
	if (str_to_u32(&port, str_cut(&value, ' '), 65535) == OK) out->audio.port = (uint16_t)port;
	str_cut(&value, ' ');
	while (value.n && out->pt_count < PTS_MAX)
		if (str_to_u32(&pt, str_cut(&value, ' '), 127) == OK) out->pts[out->pt_count++] = (uint8_t)pt;
}

static bool see_origin(struct sdp_seen *out, struct str value)
{
	str_cut(&value, ' ');
	return str_to_u64(&out->id, str_cut(&value, ' '), UINT64_MAX - 1) == OK &&
	       str_to_u64(&out->version, str_cut(&value, ' '), UINT64_MAX - 1) == OK;
}

static void see_host(struct sdp_seen *out, struct str value)
{
	uint16_t port = out->audio.port;
	str_cut(&value, ' ');
	str_cut(&value, ' ');
	if (addr_parse(&out->audio, value) != OK) out->audio = (struct addr){ 0 };
	out->audio.port = port;
}

static void see_attribute(struct sdp_seen *out, struct str a)
{
	static const struct str ways[] = { STR_INIT("inactive"), STR_INIT("sendonly"), STR_INIT("recvonly"),
		STR_INIT("sendrecv") };
	uint32_t pt;
	for (uint32_t i = 0; i < ARRAY_LEN(ways); i++)
		if (str_eq(a, ways[i])) out->way = (uint8_t)i;
	if (!str_starts(a, STR("rtpmap:"))) return;
	struct str map = str_from_at(a, 7), number = str_cut(&map, ' ');
	if (str_starts_nocase(map, STR("telephone-event/8000")) && str_to_u32(&pt, number, 127) == OK)
		out->event_pt = (uint8_t)pt;
}

bool sdp_see(struct sdp_seen *out, struct str text)
{
	static const struct hash_key key;
	bool origin = false, in_audio = true;
	*out = (struct sdp_seen){ .way = WAY_SENDRECV, .event_pt = 0xff };
	for (struct str rest = text; rest.n;) {
		struct str line = line_of(&rest), value = str_from_at(line, 2);
		if (line.n < 2 || line.p[1] != '=') return false;
		if (line.p[0] == 'o') {
			origin = see_origin(out, value);
			out->hash = hash_str(&key, rest);
		} else if (line.p[0] == 'm') {
			in_audio = str_starts(value, STR("audio "));
			out->media_count++;
			if (in_audio) see_audio(out, value);
		} else if (line.p[0] == 'c' && in_audio) {
			see_host(out, value);
		} else if (line.p[0] == 'a' && in_audio) {
			see_attribute(out, value);
		}
	}
	return origin && out->media_count && out->audio.family;
}

// WRITING

static bool far_offers(const struct dialog *d, uint8_t pt)
{
	for (uint32_t i = 0; i < d->far.pt_count; i++)
		if (d->far.pts[i] == pt) return true;
	return false;
}

// The payload types of an offer: as the party has them; of an answer: those of them that were offered, by their numbers
// there.
static void choose_pts(struct dialog *d, bool answer, uint8_t *event_pt)
{
	static const uint8_t orders[4][4] = { { 0, 8, 0xff, 0xff }, { 8, 0, 0xff, 0xff }, { 0, 18, 8, 0xff },
		{ 9, 0, 8, 18 } };
	const uint8_t *order = orders[d->party->codecs & 3];
	d->my_pt_count = 0;
	for (uint32_t i = 0; i < 4 && order[i] != 0xff; i++)
		if (!answer || far_offers(d, order[i])) d->my_pts[d->my_pt_count++] = order[i];
	*event_pt = answer ? d->far.event_pt : d->party->codecs & 4 ? 96 : 101;
	if (*event_pt != 0xff) d->my_pts[d->my_pt_count++] = *event_pt;
}

static uint8_t turned(uint8_t way)
{
	return (uint8_t)((way & 1) << 1 | way >> 1);
}

static void put_media(struct buf *b, struct dialog *d, bool answer)
{
	static const char *const names[] = { [0] = "PCMU/8000", [8] = "PCMA/8000", [9] = "G722/8000", [18] = "G729/8000" };
	static const char *const ways[] = { "a=inactive\r\n", "a=sendonly\r\n", "a=recvonly\r\n", "a=sendrecv\r\n" };
	uint8_t event_pt;
	choose_pts(d, answer, &event_pt);
	put(b, STR("m=audio "));
	put_u64(b, d->media_port);
	put(b, STR(" RTP/AVP"));
	for (uint32_t i = 0; i < d->my_pt_count; i++) {
		put_c(b, ' ');
		put_u64(b, d->my_pts[i]);
	}
	put(b, STR("\r\n"));
	for (uint32_t i = 0; i < d->my_pt_count; i++) {
		uint8_t pt = d->my_pts[i];
		put(b, STR("a=rtpmap:"));
		put_u64(b, pt);
		put_c(b, ' ');
		put_z(b, pt == event_pt ? "telephone-event/8000" : names[pt]);
		put(b, STR("\r\n"));
	}
	put_z(b, ways[d->my_way]);
}

static void put_below_origin(struct buf *b, struct dialog *d, bool answer, struct str host)
{
	bool video = d->party->codecs & 8;
	put(b, STR("s=-\r\nc="));
	put(b, host);
	put(b, STR("\r\nt=0 0\r\n"));
	put_media(b, d, answer);
	// An answer has the lines of the offer, a new offer all that were there before (RFC 3264 6, 8); audio is always the
	// first here, and what is not wanted has port 0.
	uint32_t least = video ? 2 : 1, before = d->my_media_count;
	if (before < d->far.media_count) before = d->far.media_count;
	d->my_media_count = answer ? d->far.media_count : before > least ? before : least;
	for (uint32_t i = 1; i < d->my_media_count; i++)
		if (answer || !video || i > 1) put(b, STR("m=video 0 RTP/AVP 97\r\n"));
		else put(b, STR("m=video 40000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"));
}

static void agreed(struct dialog *d, uint8_t way)
{
	d->seen->sends = way & 1;
	d->seen->receives = way & 2;
}

struct str sdp_mine(struct dialog *d, bool answer, char memory[MESSAGE_MAX])
{
	static const struct hash_key key;
	char below[2048], host[64];
	struct buf b = buf_on(memory, MESSAGE_MAX), rest = buf_on(below, sizeof below), h = buf_on(host, sizeof host);
	const struct addr *a = &d->party->end.addr;
	put_z(&h, a->family == 6 ? "IN IP6 " : "IN IP4 ");
	char bare[64];
	struct buf ip = buf_on(bare, sizeof bare);
	put_addr_host(&ip, a);
	struct str digits = buf_str(&ip);
	put(&h, a->family == 6 ? (struct str){ digits.p + 1, digits.n - 2 } : digits);
	uint8_t want = d->held_by_me ? WAY_SENDONLY : WAY_SENDRECV;
	d->my_way = answer ? (uint8_t)(turned(d->far.way) & want) : d->held_by_far && d->held_by_me ? WAY_INACTIVE : want;
	if (!answer) d->my_offer_way = d->my_way;
	put_below_origin(&rest, d, answer, buf_str(&h));
	if (answer) agreed(d, d->my_way);
	uint64_t hash = hash_str(&key, buf_str(&rest));
	if (hash != d->my_hash) d->my_version++;
	d->my_hash = hash;
	put(&b, STR("v=0\r\no=- "));
	put_u64(&b, 1000 + d->media_port);
	put_c(&b, ' ');
	put_u64(&b, d->my_version);
	put_c(&b, ' ');
	put(&b, buf_str(&h));
	put(&b, STR("\r\n"));
	put(&b, buf_str(&rest));
	d->said_before = d->said;
	d->said = sim_hash(buf_str(&b)) | 1;
	return buf_str(&b);
}

// JUDGING

static const char *fault_of_origin(const struct dialog *d, const struct sdp_seen *now)
{
	const struct sdp_seen *before = &d->far;
	if (!before->media_count) return NULL;
	if (now->id != before->id) return "the session id of its o= line changed within a dialog";
	if (now->media_count < before->media_count) return "m-lines are missing that were there before";
	// RFC 3264 8: one higher for each change. Changes that were lost, or come later, make it more.
	if (now->hash == before->hash && now->version == before->version + 1)
		return "the version of its o= line changed and nothing else did";
	if (now->hash != before->hash && now->version == before->version)
		return "its description changed, and the version of its o= line did not";
	return NULL;
}

static const char *fault_of_answer(const struct dialog *d, const struct sdp_seen *now)
{
	if (now->media_count != d->my_media_count) return "its answer has not as many m-lines as the offer";
	if (now->audio.port == 0) return NULL;
	if (now->pt_count == 0) return "its answer takes no payload type";
	for (uint32_t i = 0; i < now->pt_count; i++) {
		bool offered = false;
		for (uint32_t j = 0; j < d->my_pt_count; j++) offered |= d->my_pts[j] == now->pts[i];
		if (!offered) return "its answer has a payload type that was not offered";
	}
	if (now->way & ~turned(d->my_offer_way)) return "its answer sends or receives what the offer did not allow";
	return NULL;
}

void sdp_pass_over(struct dialog *d, const struct sip_msg *m)
{
	struct sdp_seen now;
	if (!m->body.n || !sdp_see(&now, m->body)) return;
	d->far.version = now.version;
	d->far.hash = now.hash;
}

bool sdp_take(struct dialog *d, const struct sip_msg *m, bool is_answer)
{
	struct sdp_seen now;
	const char *wrong = NULL;
	if (!sdp_see(&now, m->body)) wrong = "its description is not to be understood";
	if (!wrong) wrong = fault_of_origin(d, &now);
	if (!wrong && is_answer) wrong = fault_of_answer(d, &now);
	if (wrong) {
		judge_dialog(d, m, wrong);
		return false;
	}
	if (!now.pt_count && !is_answer) return false; // no audio, by that name
	d->far = now;
	d->heard = sim_hash(m->body) | 1;
	d->held_by_far = !(now.way & 2);
	d->seen->told = now.audio;
	if (is_answer) agreed(d, d->my_offer_way & turned(now.way));
	return true;
}

bool party_agrees(const struct parties *all, const struct ledger_call *row, const struct party_words *last)
{
	struct map_node *node = map_find(&all->by_id, str_from(row->call_id));
	for (; node; node = map_find_next(&all->by_id, node)) {
		const struct dialog *d = LIST_OF(node, struct dialog, by_id);
		if (d->seen != row) continue;
		bool waits = d->inviting || d->invited || d->my_offer_open || d->far_offer_open;
		return d->talk == TALK_UP && !waits && d->heard == last->heard && d->said == last->said;
	}
	return false;
}
