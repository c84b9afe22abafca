#!/usr/bin/env python3
"""Replay from production: a call through the real program, its inputs kept, the call run again offline. TAP.

    test/replay.py DIALTONE
"""

import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
PATIENCE_S = 120
RESULTS = []
CALLER, CALLED, SECRET = "6035550101", "6035550102", "a-password-of-the-test"


def check(name, good, said=""):
    RESULTS.append(good)
    print(f"{'ok' if good else 'not ok'} {len(RESULTS)} - {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()), flush=True)


def await_true(what):
    """Waits until what() is true: no test concludes anything from how long that took."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


class Switch:
    """A node in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.config = folder, folder / "dialtone.conf"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.ask("init", "--sample", "--listen", f"127.0.0.1:{self.port}", "--media", "127.0.0.1:43000-43099", folder)
        self.process = None

    def ask(self, *words):
        return subprocess.run([PROGRAM, "-c", self.config, *map(str, words)], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)

    def start(self):
        with open(self.folder / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", self.config, "serve"], stderr=log)
        self.await_log("started")
        for line in (CALLER, CALLED):
            self.ask("line", "set", line, f"password={SECRET}")

    def await_log(self, event):
        return await_true(lambda: f'"{event}"' in (self.folder / "log").read_text())

    def keep_all(self):
        """As an operator who was told of calls that fail: from now on."""
        self.config.write_text(self.config.read_text().replace('inputs = "none"', 'inputs = "all"'))
        self.process.send_signal(signal.SIGHUP)
        self.await_log("setting_changed")
        self.await_log("reload")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
            self.process = None


class Phone:
    """A telephone that says what a test tells it to."""

    def __init__(self, switch, user):
        self.switch, self.user, self.cseq = switch, user, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)
        self.at = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.call_id, self.realm, self.remote = f"{user}-{self.at}", None, None

    def sdp(self):
        return (f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")

    def send(self, text, body=""):
        if body:
            text += "Content-Type: application/sdp\r\n"
        text += f"Content-Length: {len(body)}\r\n\r\n{body}"
        self.socket.sendto(text.encode(), ("127.0.0.1", self.switch.port))

    def request(self, method, user, *more, body="", cseq=None, to=None):
        if cseq is None:
            self.cseq += 1
        number = cseq or self.cseq
        host = f"127.0.0.1:{self.switch.port}"
        self.send(f"{method} sip:{user}@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {self.at};rport;branch=z9hG4bK{number}{method}"
                  f"{self.user}\r\nMax-Forwards: 70\r\nFrom: <sip:{self.user}@{host}>;tag={self.user}\r\n"
                  f"To: {to or f'<sip:{user}@{host}>'}\r\nCall-ID: {self.call_id}\r\nCSeq: {number} {method}\r\n"
                  f"Contact: <sip:{self.user}@{self.at}>\r\n" + "".join(f"{line}\r\n" for line in more), body)

    def get(self, first):
        """The next message whose first line begins so; others are passed over."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            text = self.socket.recv(65536).decode()
            if text.startswith(first):
                return text
        raise TimeoutError(first)

    def answer(self, request, status, body=""):
        keep = [line for line in request.split("\r\n\r\n")[0].split("\r\n")
                if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Record-Route")]
        to = header(request, "To")
        if ";tag=" not in to:
            to += f";tag={self.user}"
        self.send(f"SIP/2.0 {status}\r\n" + "".join(f"{line}\r\n" for line in keep)
                  + f"To: {to}\r\nContact: <sip:{self.user}@{self.at}>\r\n", body)

    def credentials(self, challenge, method, user):
        offered = next(v for v in headers(challenge, "WWW-Authenticate") if "MD5" in v)
        realm, nonce = re.search('realm="([^"]+)"', offered)[1], re.search('nonce="([^"]+)"', offered)[1]
        uri = f"sip:{user}@127.0.0.1:{self.switch.port}"
        digest = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
        ha1, ha2 = digest(f"{self.user}:{realm}:{SECRET}"), digest(f"{method}:{uri}")
        response = digest(f"{ha1}:{nonce}:00000001:abc:auth:{ha2}")
        return (f'Authorization: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
                f'response="{response}", algorithm=MD5, cnonce="abc", qop=auth, nc=00000001'), response

    def request_with_password(self, method, user, body="", ack=False):
        self.request(method, user, body=body)
        challenge = self.get("SIP/2.0 401")
        if ack:
            self.request("ACK", user, cseq=self.cseq, to=header(challenge, "To"))
        line, response = self.credentials(challenge, method, user)
        self.request(method, user, line, body=body)
        return response


def headers(message, name):
    return [line.split(":", 1)[1].strip() for line in message.split("\r\n") if line.lower().startswith(f"{name.lower()}:")]


def header(message, name):
    return headers(message, name)[0]


def talk(switch):
    """One phone calls the other, which answers; the caller hangs up. What of its password could be told."""
    caller, called = Phone(switch, CALLER), Phone(switch, CALLED)
    called.request_with_password("REGISTER", CALLED)
    called.get("SIP/2.0 200")
    response = caller.request_with_password("INVITE", CALLED, caller.sdp(), ack=True)
    invite = called.get("INVITE")
    called.answer(invite, "180 Ringing")
    caller.get("SIP/2.0 180")
    called.answer(invite, "200 OK", called.sdp())
    ok = caller.get("SIP/2.0 200")
    caller.request("ACK", CALLED, cseq=caller.cseq, to=header(ok, "To"))
    caller.request("BYE", CALLED, to=header(ok, "To"))
    called.answer(called.get("BYE"), "200 OK")
    while "BYE" not in header(caller.get("SIP/2.0 200"), "CSeq"):
        pass
    return response


def replay(switch, path):
    done = switch.ask("replay", path)
    return done.returncode, done.stdout, done.stderr


def go(switch):
    switch.start()
    talk(switch)
    switch.keep_all()
    secret = talk(switch)
    folder = switch.folder / "inputs"
    kept = await_true(lambda: list(folder.glob("*.call")))
    check("the inputs of the call are kept", kept)
    check("of the one after the word was given alone", len(list(folder.glob("*.call"))) == 1)
    path = next(folder.glob("*.call"))
    text = path.read_text()
    check("without its credentials", secret not in text and "(left out)" in text, text)
    check("in a file for nobody else", path.stat().st_mode & 0o007 == 0)
    listed = switch.ask("inputs", "list", "--json")
    check("the command line lists it", [row["call"] for row in json.loads(listed.stdout)] == [path.stem], listed.stderr)
    check("and shows it", switch.ask("inputs", "show", path.stem).stdout == text)
    switch.stop()
    code, out, err = replay(switch, path)
    check("without the switch it runs again, as before", code == 0 and "decides as before" in out, out + err)
    check("with its ladder and its trail", "200 OK" in out and f"the number is that of line {CALLED}" in out, out)
    changed = switch.folder / "changed"
    changed.write_text(re.sub(r"(?m)^(  line id=\d+ name=%s .*)$" % CALLED, r"\1 suspended=yes", text))
    code, out, err = replay(switch, changed)
    check("in another office it goes otherwise", code == 1 and "decides otherwise" in out and "is suspended" in out,
          out + err)
    document = json.loads(switch.ask("replay", "--json", changed).stdout)
    check("and says so to programs", document["as_before"] is False and document["differences"], document)
    changed.write_text(text.replace("\nend cause=16", "\nend cause=sixteen"))
    code, out, err = replay(switch, changed)
    line = 2 + text[:text.index("\nend cause=16")].count("\n")
    check("a damaged file is refused with its line", code == 1 and f"changed:{line}: cause cannot be" in err, out + err)


def main():
    with tempfile.TemporaryDirectory(prefix="dialtone-replay-") as folder:
        switch = Switch(pathlib.Path(folder) / "node")
        try:
            go(switch)
        finally:
            if switch.process:
                switch.process.kill()
    print(f"1..{len(RESULTS)}")
    return 0 if all(RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
