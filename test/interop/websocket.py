"""SIP over WebSocket (RFC 7118), by a client of our own that keeps to the letter of RFC 6455, and one that does not.
Browsers' media come later: calls here have no sound."""

import base64
import hashlib
import os
import re
import socket
import ssl
import struct
import time

import streams
import switch
from calls import ONE
from lab import PATIENCE_S, Failed, scenario, wait_until

WS_PORT, WSS_PORT = 5080, 5081
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n")


def start(lab, of_ws=""):
    """A switch with a listener of each kind of WebSocket beside the usual one; of_ws: more settings of both."""
    server = switch.Switch(lab)
    server.certificate, server.key = streams.make_certificate(lab.folder, "switch", f"IP:{server.address}")
    with server.config.open("a") as config:
        config.write(f'\nlistener "ws" {{\n\taddress = "{server.address}:{WS_PORT}"\n\ttransport = "ws"\n{of_ws}}}\n'
                     f'listener "wss" {{\n\taddress = "{server.address}:{WSS_PORT}"\n\ttransport = "wss"\n'
                     f'\tcertificate = "{server.certificate}"\n\tkey = "{server.key}"\n{of_ws}}}\n')
    server.start()
    lab.at_close(server.stop)
    return server


class Socket:
    """A WebSocket: frames in and out, one call each."""

    def __init__(self, server, secure=False, **headers):
        self.bytes = b""
        self.socket = socket.create_connection((server.address, WSS_PORT if secure else WS_PORT), PATIENCE_S)
        if secure:
            context = ssl.create_default_context(cafile=server.certificate)
            self.socket = context.wrap_socket(self.socket, server_hostname=server.address)
        key = base64.b64encode(os.urandom(16)).decode()
        said = {"Host": "switch.example", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "sip"}
        said.update({name.replace("_", "-"): value for name, value in headers.items()})
        self.socket.sendall(("GET / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
                             + "\r\n").encode())
        while b"\r\n\r\n" not in self.bytes:
            self.fill()
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        self.answer = head.decode()
        digest = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.opened = self.answer.startswith("HTTP/1.1 101 ") and digest in self.answer and \
            "Sec-WebSocket-Protocol: sip" in self.answer

    def fill(self):
        more = self.socket.recv(65536)
        if not more:
            raise EOFError
        self.bytes += more

    def send(self, data, kind=TEXT, final=True, masked=True):
        data = data if isinstance(data, bytes) else data.encode()
        mask = os.urandom(4) if masked else b""
        size = len(data)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
        length = bytes([length[0] | (0x80 if masked else 0)]) + length[1:]
        body = bytes(octet ^ mask[i % 4] for i, octet in enumerate(data)) if masked else data
        self.socket.sendall(bytes([(0x80 if final else 0) | kind]) + length + mask + body)

    def take(self, n):
        while len(self.bytes) < n:
            self.fill()
        taken, self.bytes = self.bytes[:n], self.bytes[n:]
        return taken

    def receive(self):
        """(kind, payload) of the next frame."""
        first, size = self.take(2)
        if size == 126:
            size, = struct.unpack(">H", self.take(2))
        return first & 15, self.take(size)

    def code(self):
        """How the switch ends it: the code of its close; None: without one."""
        try:
            while True:
                kind, data = self.receive()
                if kind == CLOSE:
                    return struct.unpack(">H", data[:2])[0]
        except (EOFError, ConnectionError):
            return None

    def close(self):
        self.socket.close()


class Phone:
    """A telephone in a page: its Via and Contact name hosts that do not exist (RFC 7118 §5)."""

    number = 0

    def __init__(self, server, index, secure=False):
        Phone.number += 1
        self.server, self.line, self.ws = server, server.lines[index], Socket(server, secure)
        if not self.ws.opened:
            raise Failed(self.ws.answer)
        self.name = f"p{Phone.number}{os.urandom(4).hex()}.invalid"
        self.via = "WSS" if secure else "WS"
        self.contact = f"<sip:{self.line.name}@{self.name};transport=ws>"
        self.cseq = 0
        self.got = ""

    def request(self, method, to, call_id, headers="", body="", to_tag=""):
        self.cseq += method not in ("ACK", "CANCEL")
        tag = f";tag={to_tag}" if to_tag else ""
        realm = f"sip:{to}@{self.server.address}"
        text = (f"{method} {realm} SIP/2.0\r\nVia: SIP/2.0/{self.via} {self.name};branch=z9hG4bK{os.urandom(8).hex()}\r\n"
                f"From: <sip:{self.line.name}@{self.server.address}>;tag={self.name}\r\nTo: <{realm}>{tag}\r\n"
                f"Call-ID: {call_id}@{self.name}\r\nCSeq: {self.cseq} {method}\r\nMax-Forwards: 70\r\n"
                f"Contact: {self.contact}\r\n{headers}")
        # Each message is one of SIP: Content-Length may be left out (RFC 7118 §5).
        self.ws.send(text + (f"Content-Type: application/sdp\r\n\r\n{body}" if body else "\r\n"))

    def expect(self, begins):
        """The next message that begins so; others are passed over."""
        seen = []
        while True:
            kind, data = self.ws.receive()
            self.got = data.decode()
            seen.append(self.got.partition("\r\n")[0])
            if kind == TEXT and self.got.startswith(begins):
                return self.got
            if len(seen) > 50 or kind == CLOSE:
                raise Failed(f"waits for {begins}, and has got {seen}")

    def header(self, name):
        return re.search(rf"(?mi)^{name}: *(.*?)\r?$", self.got).group(1)

    def tag(self, name):
        found = re.search(r";tag=([^;]+)", self.header(name))
        return found.group(1) if found else ""

    def authorization(self, method, uri):
        challenge = dict(re.findall(r'(\w+)="?([^",]+)"?', self.header("WWW-Authenticate")))
        digest = hashlib.sha256 if challenge.get("algorithm") == "SHA-256" else hashlib.md5

        def hashed(text):
            return digest(text.encode()).hexdigest()
        secret = hashed(f"{self.line.name}:{challenge['realm']}:{self.line.password}")
        response = hashed(f"{secret}:{challenge['nonce']}:00000001:cn:auth:" + hashed(f"{method}:{uri}"))
        return (f'Authorization: Digest username="{self.line.name}", realm="{challenge["realm"]}", '
                f'nonce="{challenge["nonce"]}", uri="{uri}", response="{response}", qop=auth, nc=00000001, cnonce="cn", '
                f'algorithm={challenge.get("algorithm", "MD5")}\r\n')

    def ask(self, method, to, call_id, headers="", body=""):
        """A request that is challenged, with its credentials the second time."""
        self.request(method, to, call_id, headers, body)
        self.expect("SIP/2.0 401")
        if method == "INVITE":
            self.cseq -= 1
            self.request("ACK", to, call_id, to_tag=self.tag("To"))
            self.cseq += 1
        self.request(method, to, call_id, headers + self.authorization(method, f"sip:{to}@{self.server.address}"), body)

    def register(self):
        self.ask("REGISTER", self.line.name, "register", "Expires: 600\r\n")
        self.expect("SIP/2.0 200")

    def answer(self, status, body=""):
        lines = self.got.split("\r\n\r\n")[0].split("\r\n")[1:]
        kept = [line for line in lines if re.match(r"(?i)(Via|From|Call-ID|CSeq):", line)]
        to = self.header("To") + ("" if self.tag("To") else f";tag={self.name}")
        self.ws.send(f"SIP/2.0 {status}\r\n" + "".join(f"{line}\r\n" for line in kept) +
                     f"To: {to}\r\nContact: {self.contact}\r\n" +
                     (f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}" if body
                      else "Content-Length: 0\r\n\r\n"))


@scenario("pages call over WebSocket, with and without TLS")
def pages(lab):
    server = start(lab)
    one, two = Phone(server, 0), Phone(server, 1, secure=True)
    one.register()
    two.register()
    peers = {row["line"]: row["peer"] for row in server.ask("registration", "list")}
    lab.check("registrations show their transport", peers[one.line.name].endswith(";transport=ws") and
              peers[two.line.name].endswith(";transport=wss"), str(peers))
    one.ask("INVITE", two.line.number, "call", body=SDP)
    two.expect("INVITE")
    lab.check("its Via says WSS, and its Contact ws", "Via: SIP/2.0/WSS " in two.got and
              f"{WSS_PORT};transport=ws>" in two.header("Contact"), two.got)
    invite = two.got
    two.answer("180 Ringing")
    one.expect("SIP/2.0 180")
    two.got = invite
    two.answer("200 OK", SDP)
    two.expect("ACK")
    one.expect("SIP/2.0 200")
    tag = one.tag("To")
    one.cseq -= 0
    one.request("ACK", two.line.number, "call", to_tag=tag)
    one.request("BYE", two.line.number, "call", to_tag=tag)
    two.expect("BYE")
    two.answer("200 OK")
    one.expect("SIP/2.0 200")
    lab.check("the call has its record", server.last_record(one.line)["answered"] is not None)

    phone = server.phone(2, "udp", says_hz=ONE)
    phone.dial(one.line.number)
    one.expect("INVITE")
    one.answer("486 Busy Here")
    one.expect("ACK")
    phone.wait("CALL_CLOSED")
    one.ws.close()
    gone = wait_until(lambda: one.line.name not in {row["line"] for row in server.ask("registration", "list")})
    lab.check("who closes the page is registered no more", bool(gone))


@scenario("frames of every kind, and what is none")
def frames(lab):
    server = start(lab)
    phone = Phone(server, 0)
    options = ("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK{0}\r\nFrom: <sip:x@x>;tag=t\r\n"
               "To: <sip:x@x>\r\nCall-ID: {0}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n")
    whole = options.format("parts").encode()
    for i in range(0, len(whole), 7):
        phone.ws.send(whole[i:i + 7], TEXT if i == 0 else 0, final=False)
        if i == 70:
            phone.ws.send(b"there?", PING)
    phone.ws.send(b"", 0)
    kind, data = phone.ws.receive()
    lab.check("a ping between parts is answered", (kind, data) == (PONG, b"there?"), f"{kind} {data}")
    phone.expect("SIP/2.0 ")
    lab.check("a message in parts is one", "Call-ID: parts" in phone.got, phone.got)
    phone.ws.send(options.format("binary"), BINARY)
    phone.expect("SIP/2.0 ")
    lab.check("one of octets is taken", "Call-ID: binary" in phone.got, phone.got)
    phone.ws.send("\r\n\r\n")
    lab.check("a double CRLF is answered by one", phone.ws.receive() == (TEXT, b"\r\n"))
    phone.ws.send(struct.pack(">H", 1000), CLOSE)
    lab.check("a close is answered", phone.ws.code() == 1000)
    for title, code, send in (
            ("a frame without mask", 1002, lambda ws: ws.send("x", masked=False)),
            ("a kind that does not exist", 1002, lambda ws: ws.send("x", 11)),
            ("text that is none", 1007, lambda ws: ws.send(b"\xff\xfe")),
            ("an endless message", 1009, lambda ws: [ws.send(b"x" * 60000, TEXT if i == 0 else 0, final=False)
                                                     for i in range(4)])):
        ws = Socket(server)
        try:
            send(ws)
        except ConnectionError:
            pass
        told = ws.code()
        lab.check(f"{title}: {code}", told == code, f"{told}")
        ws.close()
    lab.check("the switch goes on", Socket(server).opened)


@scenario("what is no WebSocket for SIP is refused")
def refused(lab):
    server = start(lab, '\torigins = "https://console.example"\n')
    for title, status, headers in (
            ("another protocol", 400, {"Sec_WebSocket_Protocol": "chat"}),
            ("no protocol", 400, {"Sec_WebSocket_Protocol": None}),
            ("an old version", 426, {"Sec_WebSocket_Version": "8"}),
            ("no upgrade", 426, {"Upgrade": None}),
            ("a key that is none", 400, {"Sec_WebSocket_Key": "none"}),
            ("a page of somebody else", 403, {"Origin": "https://evil.example"}),
            ("a header without end", 431, {"X": "x" * 9000})):
        ws = Socket(server, **headers)
        lab.check(f"{title}: {status}", ws.answer.startswith(f"HTTP/1.1 {status} "), ws.answer)
        ws.close()
    page = Socket(server, Origin="https://console.example")
    lab.check("a page of ours is taken", page.opened, page.answer)
    page.close()
    sip = socket.create_connection((server.address, WS_PORT), PATIENCE_S)
    sip.sendall(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n\r\n")
    lab.check("SIP without WebSocket is told so", sip.recv(1000).startswith(b"HTTP/1.1 400 "))
    sip.close()


@scenario("a thousand pages come and go amid their first words")
def teardown(lab):
    server = start(lab)
    stays = Phone(server, 0, secure=True)
    stays.register()
    request = (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
    frame = b"\x81\x84\x00\x00\x00\x00\r\n\r\n"
    for i in range(1000):
        with socket.create_connection((server.address, WSS_PORT if i % 4 == 3 else WS_PORT), PATIENCE_S) as ws:
            if i % 2:
                ws.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            ws.sendall((request + frame)[:i % (len(request) + len(frame))] or b"G")
            if i % 5 == 0:
                time.sleep(0.001)
    stays.ws.send("\r\n\r\n")
    lab.check("who stayed is still heard", stays.ws.receive() == (TEXT, b"\r\n"))
