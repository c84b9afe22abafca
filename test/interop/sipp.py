"""SIPp as far switch, caller and called telephone. What it does is written as a ladder, one message a line:

    > INVITE sdp          it sends a request, with a session description
    < 407 auth            it waits for a response, whose challenge the next request answers
    > ACK
    > INVITE sdp auth
    < 100 ?               it may come or not
    < 180 ?
    < 200
    > ACK
    wait 500              milliseconds
    > BYE
    < 200

A called party begins with "< INVITE" and answers with "> 180", "> 200 sdp". Words in braces add a header to what is
sent, or take the place of the one that would be: "> INVITE sdp {Max-Forwards: 0}"; "-" leaves it out. After "< 200 =SIP", the rest of the
line is a text that the message must hold.
"""

import re
import xml.sax.saxutils

from lab import PATIENCE_S, Failed, is_bound, wait_until

VIAS = "Via: [^[:cntrl:]]*([[:cntrl:]]+Via: [^[:cntrl:]]*)*"  # all of them, as they stand
VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}"
CALLER = "<sip:{who}@[local_ip]:[local_port]>;tag=[pid]c[call_number]"
CONTACT = "Contact: <sip:{who}@[local_ip]:[local_port]>"
SDP = ("v=0\no=sipp [pid] [call_number] IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\n"
       "t=0 0\nm=audio [media_port] RTP/AVP {formats}\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n"
       "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n")


class Flow:
    """A ladder on its way to SIPp's XML."""

    def __init__(self, text, who, formats="0 8 101"):
        self.who, self.formats = who, formats
        self.steps = [line.split("#")[0].strip() for line in text.splitlines()]
        self.steps = [step for step in self.steps if step]
        self.called = self.steps[0].startswith("< ") and self.steps[0].split()[1].isalpha()
        self.invite_at = None    # the message whose branch an ACK of a refusal and a CANCEL repeat
        self.answered = False    # a 2xx came: the ACK is a transaction of its own
        self.sent = ""           # our request that the next response answers
        self.request_seen = ""   # the peer's request that our next response answers
        self.established = False # in-dialog requests go to the peer's contact, with its tag

    def xml(self):
        body = "\n".join(self.step(index, step) for index, step in enumerate(self.steps))
        used = [name for name in ("vias", "cseq", "peer", "self", "held") if f'assign_to="{name}"' in body]
        if used:  # SIPp refuses variables that nothing reads
            body += f'\n<Reference variables="{",".join(used)}"/>'
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="flow">\n{body}\n</scenario>\n'

    def step(self, index, step):
        verb, rest = step.split(" ", 1)
        if verb == "wait":
            return f'<pause milliseconds="{int(rest)}"/>'
        if verb == "linger":  # the call is over; what is repeated because a packet was lost is still answered
            return f'<timewait milliseconds="{int(rest)}"/>'
        if verb == "<":
            return self.receive(rest)
        if verb == ">":
            return self.send(index, rest)
        raise ValueError(step)

    def receive(self, rest):
        rest, _, must_hold = rest.partition("=")
        words = rest.split()
        what = words[0]
        attributes = ""
        if what.isdigit():
            attributes += f' response="{what}"'
            if what.startswith("2") and self.sent == "INVITE":
                self.answered = self.established = True
        else:
            attributes += f' request="{what}"'
            self.request_seen = what
        attributes += ' optional="true"' if "?" in words else ""
        attributes += ' auth="true"' if "auth" in words else ""
        attributes += ' rrs="true"' if what in ("INVITE", "200") else ""
        actions = ""
        if what == "INVITE":
            actions += (f'<ereg regexp="{VIAS}" search_in="msg" assign_to="vias"/>'
                        '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
                        '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/>'
                        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="self"/>')
        if must_hold:
            actions += (f'<ereg regexp={xml.sax.saxutils.quoteattr(must_hold.strip())} search_in="msg" check_it="true" '
                        'assign_to="held"/>')
        return f"<recv{attributes}><action>{actions}</action></recv>" if actions else f"<recv{attributes}/>"

    def send(self, index, rest):
        own = dict(re.findall(r"\{([^:}]+): ?([^}]*)\}", rest))
        words = re.sub(r"\{[^}]*\}", "", rest).split()
        what, sdp = words[0], "sdp" in words
        if what.isdigit():
            if self.request_seen == "CANCEL" and what != "200":
                self.request_seen = "INVITE"  # what ends the INVITE after its CANCEL was answered
            lines, retrans = self.response(words), what >= "200" and self.request_seen == "INVITE"
        else:
            lines, retrans = self.request(index, what, words), what != "ACK"
        for name, value in own.items():
            lines = [line for line in lines if not line.lower().startswith(name.lower() + ":")]
            lines += [f"{name}: {value}"] if value != "-" else []
        lines.append("Content-Type: application/sdp" if sdp else "")
        lines.append("Content-Length: [len]")
        text = "\n".join(line for line in lines if line) + "\n\n" + (SDP.format(formats=self.formats) if sdp else "")
        return f'<send{" retrans=" + chr(34) + "500" + chr(34) if retrans else ""}><![CDATA[\n{text}\n]]></send>'

    def response(self, words):
        reason = " ".join(word for word in words[1:] if word != "sdp") or "-"
        tag = "" if words[0] == "100" else ";tag=[pid]u[call_number]"
        invite = self.request_seen == "INVITE"  # perhaps with a CANCEL between
        return [f"SIP/2.0 {words[0]} {reason}", "[$vias]" if invite else "[last_Via:]", "[last_From:]",
                f"[last_To:]{tag}", "[last_Call-ID:]", "CSeq:[$cseq]" if invite else "[last_CSeq:]",
                "[last_Record-Route:]", CONTACT.format(who=self.who)]

    def request(self, index, method, words):
        branch = "[branch]"
        self.sent = method
        if method == "INVITE":
            self.invite_at, self.answered = index, False
        elif method == "CANCEL" or (method == "ACK" and not self.answered):
            branch = f"[branch-{index - self.invite_at}]"
        if self.called:
            target, parties = "[next_url]", ["From: [$self];tag=[pid]u[call_number]", "To: [$peer]"]
        else:
            to = f"sip:{self.who}@[remote_ip]:[remote_port]" if method == "REGISTER" else \
                "sip:[service]@[remote_ip]:[remote_port]"
            target = "sip:[remote_ip]:[remote_port]" if method == "REGISTER" else to
            if self.established and method != "REGISTER" and method != "CANCEL":
                target = "[next_url]"
            tag = "[peer_tag_param]" if method in ("ACK", "BYE") or self.established else ""
            tag = "" if method in ("REGISTER", "CANCEL", "OPTIONS") else tag
            who = f"<sip:{self.who}@[remote_ip]:[remote_port]>;tag=[pid]c[call_number]" if method == "REGISTER" \
                else CALLER.format(who=self.who)
            parties = [f"From: {who}", f"To: <{to}>{tag}"]
        return [f"{method} {target} SIP/2.0", VIA.format(branch=branch), *parties, "Call-ID: [call_id]",
                f"CSeq: [cseq] {method}", "Max-Forwards: 70", CONTACT.format(who=self.who),
                "[routes]" if target == "[next_url]" else "", "[authentication]" if "auth" in words else ""]


def table(text):
    """Of all that SIPp prints, the last table of messages sent and received."""
    begin = text.rfind("Messages  Retrans")
    return text[begin:text.find("-" * 20, begin)] if begin >= 0 else text


class Sipp:
    """A SIPp that walks a ladder, once or for many calls. target: address:port, which only a caller needs."""

    def __init__(self, lab, name, flow, address, target=None, port=5060, who="sipp", dials="service", password="",
                 calls=1, rate=10, at_once=10, media_port=6000, lost_percent=0, timeout_s=PATIENCE_S, formats="0 8 101",
                 tcp=False, options=()):
        self.lab, self.name = lab, name
        self.errors = lab.folder / f"{name}.errors"
        self.messages = lab.folder / f"{name}.messages"
        file = lab.folder / f"{name}.xml"
        file.write_text(Flow(flow, who, formats).xml())
        command = ["sipp", *([target] if target else []), "-sf", file, "-i", address, "-p", port, "-mi", address, "-mp",
                   media_port, "-ci", address, "-m", calls, "-r", rate, "-l", at_once, "-s", dials, "-au", who, "-ap",
                   password or "-", "-rtp_echo", "-nostdin", "-trace_err", "-error_file", self.errors, "-trace_msg",
                   "-message_file", self.messages, "-timeout", f"{timeout_s}s", "-timeout_error", *options]
        if lost_percent:
            command += ["-lost", lost_percent]
        if tcp:  # one connection for all calls
            command += ["-t", "t1"]
        self.timeout_s = timeout_s
        self.program = lab.start(name, command, telling=table)
        wait_until(lambda: is_bound(address, port, "tcp" if tcp else "udp") or not self.program.runs())  # now it hears

    def finish(self):
        """Waits for its end: why it failed, or the empty text when every call went as the ladder says."""
        code = self.program.wait(self.timeout_s + PATIENCE_S)
        if code == 0:
            return ""
        why = self.errors.read_text(errors="replace") if self.errors.exists() else self.program.said()
        return f"{self.name}: SIPp's exit code {code}\n{why[-3000:]}"

    def got(self):
        """All messages that it sent and received, as text."""
        return self.messages.read_text(errors="replace") if self.messages.exists() else ""

    def must_finish(self):
        why = self.finish()
        if why:
            raise Failed(why)
