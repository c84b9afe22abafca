// The head ends at an empty line; its Content-Length says where the body does.
#include "wire/sip/frame.h"

#include "wire/sip/msg_scan.h"

// Up to with the empty line, or 0: not here yet.
static uint32_t head_length(struct str bytes, uint32_t *looked)
{
	uint32_t at = *looked > 3 ? *looked - 3 : 0;
	for (; at + 4 <= bytes.n; at++)
		if (memcmp(bytes.p + at, "\r\n\r\n", 4) == 0) return at + 4;
	*looked = bytes.n;
	return 0;
}

static bool is_length_name(struct str name)
{
	return str_eq_nocase(name, STR("Content-Length")) || str_eq_nocase(name, STR("l"));
}

// The value of the one Content-Length; false: there is none, or several, or it is no number, or its line is folded, or
// an empty line of another spelling stands before, where others may see the end of the head.
static bool body_length(uint32_t *out, struct str head)
{
	bool found = false;
	struct str rest = head;
	while (rest.n) {
		struct str line = str_cut(&rest, '\n'), value = line, name = str_trim(str_cut(&value, ':'));
		bool continues = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		if (rest.n && (line.n == 0 || str_eq(line, STR("\r")))) return false;
		if (continues || name.n == line.n || !is_length_name(name)) continue;
		bool folded = rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t');
		if (found || folded || str_to_u32(out, str_trim(value), SIP_FRAME_MAX) != OK) return false;
		found = true;
	}
	return found;
}

enum sip_frame sip_frame_next(uint32_t *length, uint32_t *looked, struct str bytes)
{
	uint32_t body = 0;
	*length = 0;
	if (bytes.n && bytes.p[0] == '\r') {
		if (bytes.n >= 4 && memcmp(bytes.p, "\r\n\r\n", 4) == 0) return *length = 4, SIP_FRAME_PING;
		if (bytes.n < 4 && memcmp(bytes.p, "\r\n\r\n", bytes.n) == 0) return SIP_FRAME_MORE;
		return bytes.p[1] == '\n' ? (*length = 2, SIP_FRAME_PONG) : SIP_FRAME_BROKEN;
	}
	uint32_t head = head_length(bytes, looked);
	if (!head) return bytes.n > SIP_FRAME_MAX ? SIP_FRAME_BROKEN : SIP_FRAME_MORE;
	bool sound = head <= SIP_FRAME_MAX && body_length(&body, str_head(bytes, head)) && body <= SIP_FRAME_MAX - head;
	if (!sound) return *length = head <= SIP_FRAME_MAX ? head : 0, SIP_FRAME_BROKEN;
	if (bytes.n < head + body) return SIP_FRAME_MORE;
	*length = head + body;
	return SIP_FRAME_MESSAGE;
}
