"""What phones know of lines: a busy lamp through a call and a killed switch, waiting messages, reports of quality."""

import hashlib
import re
import socket
import threading

import calls
import switch
from lab import Failed, scenario, wait_until

REPORT = ("VQSessionReport: CallTerm\r\nCallID: {call_id}\r\nLocalMetrics:\r\nPacketLoss:NLR=0.5 JDR=0.0\r\n"
          "Delay:RTD=20 ESD=40 IAJ=3\r\nQualityEst:MOSLQ=4.1 MOSCQ=4.0\r\n")


def header(message, name):
    found = re.search(rf"(?im)^{name}:\s*(.*?)\s*$", message)
    return found.group(1) if found else ""


class Desk:
    """A telephone that subscribes, answers every NOTIFY, and remembers the newest body."""

    def __init__(self, lab, server, index, host):
        self.server, self.line = server, server.lines[index]
        self.address = lab.address(host)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 0))
        self.where = f"{self.address}:{self.socket.getsockname()[1]}"
        self.number = 0
        self.answers = {}  # by CSeq
        self.body, self.told = "", 0
        lab.at_end(self.socket.close)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                message, peer = self.socket.recvfrom(65536)
            except OSError:
                return
            text = message.decode()
            if text.startswith("SIP/2.0"):
                self.answers[header(text, "CSeq")] = text
            elif text.startswith("NOTIFY"):
                self.socket.sendto(self.response(text).encode(), peer)
                self.body, self.told = text.partition("\r\n\r\n")[2], self.told + 1

    @staticmethod
    def response(request):
        copied = [f"{name}: {header(request, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        return "SIP/2.0 200 OK\r\n" + "\r\n".join(copied) + "\r\nContent-Length: 0\r\n\r\n"

    def ask(self, method, number, headers, body="", authorization=""):
        """The answer to a request, repeated until it comes."""
        self.number += 1
        cseq, uri = f"{self.number} {method}", f"sip:{number}@{self.server.where}"
        text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.where};branch=z9hG4bK{self.where}-{self.number};rport\r\n"
                f"From: <sip:{self.line.name}@{self.server.where}>;tag=desk\r\nTo: <{uri}>\r\nMax-Forwards: 70\r\n"
                f"Call-ID: {method}-{number}@{self.address}\r\nCSeq: {cseq}\r\nContact: <sip:desk@{self.where}>\r\n"
                f"{authorization}{headers}Content-Length: {len(body)}\r\n\r\n{body}")

        def answered():
            self.socket.sendto(text.encode(), (self.server.address, 5060))
            return wait_until(lambda: self.answers.get(cseq), timeout_s=1)
        answer = wait_until(answered)
        if not answer:
            raise Failed(f"no answer to {cseq}")
        if " 401 " not in answer.splitlines()[0] or authorization:
            return answer
        return self.ask(method, number, headers, body, self.credentials(answer, method, uri))

    def credentials(self, answer, method, uri):
        challenge = next(value for value in re.findall(r"(?im)^WWW-Authenticate:\s*(.*?)\s*$", answer) if "MD5" in value)
        realm, nonce = (re.search(rf'{name}="([^"]*)"', challenge).group(1) for name in ("realm", "nonce"))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        ha1, ha2 = md5(f"{self.line.name}:{realm}:{self.line.password}"), md5(f"{method}:{uri}")
        response = md5(f"{ha1}:{nonce}:00000001:desk:auth:{ha2}")
        return (f'Authorization: Digest username="{self.line.name}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
                f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="desk"\r\n')

    def watch(self, number, event):
        answer = self.ask("SUBSCRIBE", number, f"Event: {event}\r\nExpires: 600\r\n")
        if " 200 " not in answer.splitlines()[0]:
            raise Failed(answer)

    def shows(self, text):
        return bool(wait_until(lambda: text in self.body, step_s=0.05))


@scenario("a busy lamp")
def busy_lamp(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one, two = server.phone(0, "one", says_hz=calls.ONE), server.phone(1, "two", says_hz=calls.TWO)
    desk = Desk(lab, server, 0, 70)  # of the same customer
    stranger = Desk(lab, server, 2, 71).ask("SUBSCRIBE", server.lines[1].number, "Event: dialog\r\n")
    lab.check("another customer may not watch", " 403 " in stranger.splitlines()[0], stranger)
    desk.watch(server.lines[1].number, "dialog")
    lab.check("it is dark", desk.shows("<state>terminated</state>"), desk.body)
    one.dial(server.lines[1].number)
    two.wait("CALL_INCOMING")
    lab.check("it blinks while the line is called", desk.shows("<state>early</state>"), desk.body)
    two.answer()
    one.wait("CALL_ESTABLISHED")
    lab.check("it is lit while the line talks", desk.shows("<state>confirmed</state>"), desk.body)
    lab.check("it names who calls", server.lines[0].number in desk.body, desk.body)
    one.hang_up()
    two.wait("CALL_CLOSED")
    lab.check("it is dark again", desk.shows("<state>terminated</state>"), desk.body)
    calls.connect(lab, one, two, server.lines[1].number)
    lab.check("and lit", desk.shows("<state>confirmed</state>"), desk.body)
    verdict()


@scenario("a busy lamp outlives the switch")
def lamp_outlives(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=calls.ONE), server.phone(1, "two", says_hz=calls.TWO)
    desk = Desk(lab, server, 0, 70)  # of the same customer
    desk.watch(server.lines[1].number, "dialog")
    calls.connect(lab, one, two, server.lines[1].number)
    lab.check("it is lit", desk.shows("<state>confirmed</state>"), desk.body)
    records = server.folder / "records.db"

    def kept():
        import sqlite3  # noqa: PLC0415  only here
        with sqlite3.connect(f"file:{records}?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM subscription").fetchone()[0]
    lab.check("the subscription is on disk", bool(wait_until(kept, step_s=0.1)))
    server.kill()
    server.start()
    two.wait("CALL_CLOSED")
    lab.check("it is dark after the restart", desk.shows("<state>terminated</state>"), desk.body)


@scenario("waiting messages")
def waiting_messages(lab):
    server = switch.start(lab)
    verdict = server.judged()
    one = server.phone(0, "one", extra=("mwi", "mwi=yes"))
    server.say("line", "messages", server.lines[0].name, 3, 1)
    one.program.wait_said("Voice-Message: 3/1")
    lab.check("the phone shows them", True)
    server.say("line", "messages", server.lines[0].name, 0, 4)
    one.program.wait_said("Voice-Message: 0/4")
    lab.check("and when they were heard", True)
    verdict()


@scenario("a report of voice quality")
def voice_quality(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=calls.ONE), server.phone(1, "two", says_hz=calls.TWO)
    calls.connect(lab, one, two, server.lines[1].number)
    one.hang_up()
    two.wait("CALL_CLOSED")
    record = server.last_record(server.lines[0])
    desk = Desk(lab, server, 0, 70)
    report = REPORT.format(call_id=record["calling"]["sip_call_id"])
    answer = desk.ask("PUBLISH", server.lines[0].number, "Event: vq-rtcpxr\r\nContent-Type: application/vq-rtcpxr\r\n", report)
    lab.check("is taken after the call", " 200 " in answer.splitlines()[0], answer)

    def reported():
        return server.ask("cdr", "show", record["sequence"])["calling"]["reported"]
    lab.check("stands with its record", bool(wait_until(reported, step_s=0.2)))
    lab.check("as it was told", reported()["mos_lq"] == 4.1 and reported()["loss_percent"] == 0.5, str(reported()))
