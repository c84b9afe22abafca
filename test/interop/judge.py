"""tshark as the judge of what we send: captures a lab's packets, and names each fault that it sees in ours."""

import os
import re
import signal
import socket
import subprocess

import tones
from baresip import PHONE_MEDIA
from lab import Failed, wait_until

# What the judge may say of our packets without being right: protocol, message, and why it does not count.
ALLOWED = [
]

# What tshark takes without a word and the RFC does not: what is wrong, and which packets have it.
MUST = [
    ("a mandatory header is missing (RFC 3261 8.1.1)",
     "sip && !(sip.Via && sip.From && sip.To && sip.Call-ID && sip.CSeq)"),
    ("a request without Max-Forwards (RFC 3261 8.1.1.6)", "sip.Method && !sip.Max-Forwards"),
    ("an INVITE without Contact (RFC 3261 8.1.1.8)", 'sip.Method == "INVITE" && !sip.Contact'),
    ("a 2xx to INVITE without Contact (RFC 3261 12.1.1)",
     'sip.Status-Code >= 200 && sip.Status-Code < 300 && sip.CSeq.method == "INVITE" && !sip.Contact'),
    ("From without a tag (RFC 3261 8.1.1.3)", "sip.Method && !sip.from.tag"),
    ("To without a tag in a response (RFC 3261 8.2.6.2)", "sip.Status-Code > 100 && !sip.to.tag"),
    ("CSeq of another method (RFC 3261 8.1.1.5)", "sip.Method && sip.Method != sip.CSeq.method"),
    ("a message without Content-Length", "sip && !sip.Content-Length"),
    ("405 without Allow (RFC 3261 21.4.6)", "sip.Status-Code == 405 && !sip.Allow"),
    ("420 without Unsupported (RFC 3261 21.4.15)", "sip.Status-Code == 420 && !sip.Unsupported"),
    ("401 without a challenge (RFC 3261 21.4.2)", "sip.Status-Code == 401 && !sip.WWW-Authenticate"),
    ("a session description without v, o, s, t or m (RFC 8866 5)",
     "sdp && !(sdp.version && sdp.owner && sdp.session_name && sdp.time && sdp.media)"),
]

WARNING = 0x600000
FIELDS = ["frame.number", "ip.src", "_ws.col.Protocol", "_ws.malformed", "_ws.expert.severity", "_ws.expert.group",
          "_ws.expert.message", "_ws.col.Info"]


class Capture:
    """The packets of one lab, from start() to stop()."""

    def __init__(self, lab):
        self.lab, self.file = lab, lab.folder / "wire.pcapng"
        # All signals and media of a switch have one end in the lab's own network; those of a proxy only the signals.
        wanted = f"net {lab.net}.0/24" + (f" or udp portrange {PHONE_MEDIA}" if lab.program == "kamailio" else "")
        self.program = lab.start("capture", ["dumpcap", "-q", "-i", "lo", "-f", wanted, "-w", self.file],
                                 telling=str)
        lab.explains.append(lambda: ["--- the signalling", *self.stop().ladder()[-200:]])
        wait_until(lambda: self.file.exists() or not self.program.runs())
        self.program.wait_said("File:")

    def stop(self):
        if self.program.runs():
            self.wait_for_the_last()
        self.program.stop(signal.SIGINT)
        return self

    def wait_for_the_last(self):
        """Until a packet of our own is in the file, and with it all that came before: they arrive there in blocks."""
        mark = os.urandom(16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marker:
            marker.bind((self.lab.address(250), 0))
            marker.sendto(mark, (self.lab.address(251), 9))
        wait_until(lambda: not self.program.runs() or mark in self.file.read_bytes(), step_s=0.1)

    def tshark(self, *words):
        """What tshark prints for the capture, as lines."""
        done = subprocess.run(["tshark", "-r", self.file, *words], capture_output=True, text=True, timeout=600,
                              env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False)
        if done.returncode != 0:
            raise Failed(f"tshark: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def rows(self, fields, wanted=""):
        words = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=|"]
        for field in fields:
            words += ["-e", field]
        lines = self.tshark(*(["-Y", wanted] if wanted else []), *words)
        return [line.split("\t") for line in lines]

    def faults(self, source):
        """What is wrong with the packets from this address: malformed, a warning that no rule of ALLOWED names, or
        short of what a rule of MUST asks."""
        ours = f"ip.src == {source} && !icmp"
        faults = [f"frame {row[0]} {row[2]}: {row[6] or row[3]} ({row[7]})"
                  for row in self.rows(FIELDS, f"{ours} && (_ws.malformed || _ws.expert.severity >= {WARNING})")
                  if not allowed(row)]
        if self.count(f"{ours} && ({' || '.join(f'({wrong})' for _, wrong in MUST)})"):
            for what, wrong in MUST:
                faults += [f"frame {row[0]}: {what} ({row[1]})"
                           for row in self.rows(["frame.number", "_ws.col.Info"], f"{ours} && ({wrong})")]
        return faults

    def count(self, wanted):
        return len(self.tshark("-Y", wanted))

    def lost_rtp(self, source):
        """(packets, missing) of the media from this address, by sequence numbers, for each stream."""
        streams = {}
        for ssrc, number in self.rows(["rtp.ssrc", "rtp.seq"], f"ip.src == {source} && rtp"):
            streams.setdefault(ssrc, []).append(int(number))
        return {ssrc: (len(numbers), missing(numbers)) for ssrc, numbers in streams.items()}

    def sound_to(self, phone, from_epoch_s, to_epoch_s):
        """What came in at a phone in that time, from its packets: its own recorder stops at the first re-INVITE."""
        own = f"udp.srcport == {phone.port} && sdp.media.port"
        port = int(self.rows(["sdp.media.port"], own)[-1][0].split("|")[0])
        rows = self.rows(["rtp.payload"], f"udp.dstport == {port} && rtp.p_type == 0 && frame.time_epoch >= "
                         f"{from_epoch_s} && frame.time_epoch <= {to_epoch_s}")
        return tones.Recording.of_mu_law(bytes.fromhex("".join(row[0] for row in rows).replace(":", "")))

    def ladder(self):
        """The signalling, a message a line, for a person."""
        rows = self.rows(["frame.time_relative", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "sip.CSeq.method",
                          "_ws.col.Info"], "sip && !icmp")
        return [f"{float(row[0]):8.3f}  {row[1]}:{row[2]} -> {row[3]}:{row[4]}  {row[6]}" for row in rows]


def missing(numbers):
    """How many sequence numbers are not there between the first and the last."""
    seen = {(number - numbers[0]) & 0xffff for number in numbers}
    return max(seen) + 1 - len(seen)


def allowed(row):
    return any(protocol == row[2].lower() and re.fullmatch(message, row[6]) for protocol, message, _ in ALLOWED)
