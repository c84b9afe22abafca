"""Someone who should learn nothing and get nothing: sipvicious, and packets of our own making."""

import random
import re
import socket
import statistics
import struct
import subprocess
import time

import switch
from calls import ONE, TWO, connect, talk
from lab import PATIENCE_S, Failed, scenario, wait_until

UNKNOWN = ["6035550999", "2075550999", "admin", "1000"]


def sipvicious(lab, *command):
    """What the tool printed. Its table of findings is on its standard output, its opinions on the other. On a busy
    machine it may miss an answer and wait for ever: then it is asked again."""
    for _ in range(4):
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60,
                                  check=False, stdin=subprocess.DEVNULL, cwd=lab.folder,
                                  env={"HOME": str(lab.folder), "PATH": "/usr/bin:/bin"})
            return done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            pass
    raise Failed(f"{command[0]} does not end")


def dictionary(lab, name, words):
    file = lab.folder / name
    file.write_text("\n".join(words) + "\n")
    return file


@scenario("sipvicious learns nothing", any_server=True)
def learns_nothing(lab):
    server = switch.start(lab)
    server.phone(0, "one")
    told = sipvicious(lab, "svmap", "-m", "OPTIONS", server.address)
    lab.check("svmap finds a server, as it may", server.where in told, told)
    names = dictionary(lab, "names", [line.name for line in server.lines] + UNKNOWN)
    for method in ("REGISTER", "INVITE", "OPTIONS"):
        for force in ([], ["--force"]):
            for _ in range(5):  # a busy machine hides some answers now and then, a switch that tells does so always
                told = sipvicious(lab, "svwar", *force, "-m", method, "-d", names, server.address)
                found = [line for line in told.splitlines() if line.startswith("| ") and "Extension" not in line]
                different = {line.split("|")[2].strip() for line in found}
                everyone = len(found) in (0, len(server.lines) + len(UNKNOWN)) and len(different) <= 1
                if everyone:
                    break
            lab.check(f"svwar {method} {' '.join(force)}: every name is answered alike", everyone, told)
    words = dictionary(lab, "passwords", [f"password{i}" for i in range(20)])
    told = sipvicious(lab, "svcrack", "-u", server.lines[1].name, "-d", words, server.address)
    lab.check("svcrack finds no password", "found nothing" in told and "password" not in told, told)


class Stranger:
    """A socket at an address of its own, that sends what it likes."""

    def __init__(self, lab, host=66):
        self.address = lab.address(host)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 0))
        self.port = self.socket.getsockname()[1]
        lab.at_end(self.socket.close)
        self.number = 0

    def request(self, server, method, who, headers="", body=""):
        """A request as this user, of a dialog and transaction of its own."""
        self.number += 1
        target = server.where if method in ("REGISTER", "OPTIONS") else f"{who}@{server.where}"
        return (f"{method} sip:{target} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{self.number:08d};rport\r\n"
                f"From: <sip:{who}@{server.where}>;tag=t{self.number:08d}\r\nTo: <sip:{who}@{server.where}>\r\n"
                f"Call-ID: {self.number:08d}@{self.address}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:x@{self.address}:{self.port}>\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}")

    def ask(self, server, message):
        """(the first answer to this message, seconds until it came)"""
        self.drain()
        began = time.perf_counter()
        self.socket.sendto(message.encode(), (server.address, 5060))
        self.socket.settimeout(PATIENCE_S)
        while True:
            try:
                answer = self.socket.recv(65536).decode()
            except TimeoutError:
                raise Failed("no answer to " + message.splitlines()[0]) from None
            if f"{self.number:08d}@{self.address}" in answer:
                return answer, time.perf_counter() - began

    def drain(self):
        """All that came and was not read."""
        self.socket.setblocking(False)
        got = []
        try:
            while True:
                got.append(self.socket.recv(65536))
        except BlockingIOError:
            return got


def masked(answer, who):
    """An answer without what differs from one to the next by nature."""
    for pattern, mask in ((who, "USER"), (r'nonce="[^"]*"', "NONCE"), (r"tag=[^\s;>]+", "TAG"), (r"branch=[^\s;]+", "BRANCH"),
                          (r"\d{8}@", "ID@"), (r'opaque="[^"]*"', "OPAQUE"), (r"(?m)^Date:.*$", "DATE")):
        answer = re.sub(pattern, mask, answer)
    return answer


WRONG = ('Authorization: Digest username="{who}", realm="{realm}", nonce="{nonce}", uri="sip:{where}", '
         'response="0123456789abcdef0123456789abcdef", qop=auth, nc=00000001, cnonce="c", algorithm=MD5\r\n')


def probe(stranger, server, method, who, with_password):
    """One try as this user: the masked answer, and how long it took."""
    answer, seconds = stranger.ask(server, stranger.request(server, method, who))
    if with_password:
        found = re.search(r'realm="([^"]*)".*nonce="([^"]*)"', answer)
        if found:
            headers = WRONG.format(who=who, realm=found[1], nonce=found[2], where=server.where)
            answer, seconds = stranger.ask(server, stranger.request(server, method, who, headers))
    return masked(answer, who), seconds


@scenario("known and unknown lines answer alike", any_server=True)
def answer_alike(lab):
    server = switch.start(lab)
    server.phone(0, "one")
    stranger = Stranger(lab)
    known, unknown = [server.lines[0].name, server.lines[1].name], UNKNOWN[:2]
    for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "BYE", "FROBNICATE"):
        answers = {probe(stranger, server, method, who, False)[0] for who in known + unknown}
        lab.check(f"{method}: one answer for all", len(answers) == 1, "\n".join(answers))
    for method in ("REGISTER", "INVITE"):
        answers = {probe(stranger, server, method, who, True)[0] for who in known + unknown}
        lab.check(f"{method} with a wrong password: one answer for all", len(answers) == 1, "\n".join(answers))


@scenario("no amplifier", any_server=True)
def no_amplifier(lab):
    server = switch.start(lab)
    server.phone(0, "one")
    stranger = Stranger(lab)
    for method in ("REGISTER", "INVITE", "OPTIONS", "MESSAGE"):
        message = stranger.request(server, method, server.lines[0].name)
        first, _ = stranger.ask(server, message)
        time.sleep(0.3)
        got = first.encode() + b"".join(stranger.drain())
        lab.check(f"{method}: answered with at most 1.5 times its octets and 300",
                  len(got) <= 1.5 * len(message) + 300, f"{len(message)} brought {len(got)}")
    stranger.socket.sendto(stranger.request(server, "ACK", server.lines[0].name).encode(), (server.address, 5060))
    time.sleep(0.3)
    lab.check("ACK brings nothing", not stranger.drain())


@scenario("time does not tell a known line")
def time_tells_nothing(lab):
    server = switch.start(lab)
    stranger = Stranger(lab)
    for _ in range(10):  # what a busy machine does to a median passes, a difference of the switch's stays
        times = {True: [], False: []}
        for _ in range(1000):
            for known, who in ((True, server.lines[1].name), (False, UNKNOWN[0])):
                times[known].append(probe(stranger, server, "REGISTER", who, False)[1])
        apart = abs(statistics.median(times[True]) - statistics.median(times[False]))
        if apart < 0.001:
            break
    lab.check("medians of 1,000 answers are less than 1 ms apart", apart < 0.001, f"{apart * 1e3:.3f} ms")


@scenario("RTP of a stranger")
def rtp_of_a_stranger(lab):
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    stranger = Stranger(lab)
    ports = range(server.MEDIA_PORTS[0], server.MEDIA_PORTS[1] + 1)

    def attack():
        """A loud tone of his own to every media port, RTP and RTCP alike."""
        loud = bytes([0x00, 0x80] * 80)
        for port in ports:
            packet = struct.pack(">BBHII", 0x80, 0, random.getrandbits(16), random.getrandbits(32),
                                 random.getrandbits(32)) + loud
            stranger.socket.sendto(packet, (server.address, port))

    attack()
    connect(lab, one, two, server.lines[1].number)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        attack()
        time.sleep(0.05)
    lab.check("nothing of the call reaches him", not stranger.drain())
    loudest = max(max(map(abs, phone.heard().samples)) for phone in (one, two))
    lab.check("nothing of his is heard", loudest < 16000, loudest)  # a phone's tone is half as loud, his twice
    talk(lab, one, two)
    one.hang_up()
    two.wait("CALL_CLOSED")
    wait_until(lambda: False, 0.2)
    attack()
    lab.check("nor after it", not stranger.drain())
