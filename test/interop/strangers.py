"""What no sound peer does over a connection: those who smuggle, dawdle, say nothing, or send the torture messages."""

import pathlib
import socket
import struct

import streams
from calls import connect, talk
from lab import PATIENCE_S, Failed, scenario, wait_until

TORTURE = pathlib.Path(__file__).resolve().parent.parent / "torture" / "rfc4475"

# What the switch answers to those that are no message, of the torture messages; to the others it answers as the office
# and the methods are, or not at all.
REFUSED = {name: 400 for name in ("badinv01", "ncl", "scalar02", "quotbal", "ltgtruri", "lwsruri", "lwsstart", "escruri",
                                  "badaspec", "mismatch01", "mismatch02", "insuf", "multi01", "mcl01")} | {"badvers": 505}


class Caller:
    """A connection from an address of its own."""

    def __init__(self, lab, server, number, host=66):
        self.number = number
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.bind((lab.address(host), 0))
        self.socket.settimeout(PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect((server.address, 5060))
        self.where = "{}:{}".format(*self.socket.getsockname())
        self.got = b""
        lab.at_end(self.socket.close)

    def options(self, headers="Content-Length: 0\r\n", more=""):
        return (f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP {self.where};branch=z9hG4bKstranger{self.number}{len(more)}\r\n"
                f"From: <sip:x@x.example>;tag=t{self.number}\r\nTo: <sip:x@x.example>\r\nCall-ID: stranger{self.number}\r\n"
                f"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n{headers}\r\n{more}").encode()

    def send(self, octets, step=None):
        """False: the switch has ended the connection by now."""
        try:
            for at in range(0, len(octets), step or len(octets)):
                self.socket.sendall(octets[at:at + (step or len(octets))])
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def read(self):
        """False: the connection has ended."""
        try:
            new = self.socket.recv(65536)
        except ConnectionResetError:
            new = b""
        except TimeoutError:
            raise Failed(f"stranger {self.number} waits in vain: {self.got!r}") from None
        self.got += new
        return bool(new)

    def read_to(self, text):
        """Until this came, or the connection ended."""
        while text not in self.got and self.read():
            pass
        return text in self.got

    def is_answered(self):
        return self.send(self.options()) and self.read_to(f"Call-ID: stranger{self.number}\r\n".encode())


@scenario("those who smuggle and dawdle are cut off, others go on")
def cut_off(lab):
    server = streams.start(lab)
    sound = Caller(lab, server, 1, host=67)
    lab.check("a sound peer is answered", sound.is_answered())
    for number, lengths in enumerate(("Content-Length: 0\r\nContent-Length: 60\r\n", "l: 0\r\nContent-Length: 0\r\n", "",
                                      "Content-Length: -1\r\n", "Content-Length: 70000\r\n", "Content-Length: 1 1\r\n"), 10):
        smuggler = Caller(lab, server, number)
        smuggler.send(smuggler.options(lengths, more="INVITE sip:911@x SIP/2.0\r\nContent-Length: 0\r\n\r\n"))
        while smuggler.read():
            pass
        lab.check(f"{lengths.encode()}: refused once, and ended", smuggler.got.count(b"SIP/2.0 ") == 1 and
                  smuggler.got.startswith(b"SIP/2.0 400"), smuggler.got)
    slow = [Caller(lab, server, number) for number in range(20, 24)]
    for caller, words in zip(slow, (b"O", b"\r\n\r\n", b"\r\n\r\n\r\n", slow[3].options("Content-Length: 5\r\n", "hal"))):
        caller.send(words)
    endless = Caller(lab, server, 30)
    while endless.send(b"X-Endless: endless\r\n" * 100):
        pass
    for caller in slow:
        while caller.read():
            pass
    lab.check("who dawdles hears no answer but to keep-alives", all(not caller.got.strip() for caller in slow))
    sound.got, sound.number = b"", 2
    lab.check("the sound peer's connection stands", sound.is_answered())


@scenario("torture messages over TCP, whole and octet by octet")
def torture(lab):
    server = streams.start(lab)
    for step, how in ((None, "whole"), (1, "octet by octet")):
        missed = []
        for number, file in enumerate(sorted(TORTURE.iterdir())):
            caller = Caller(lab, server, f"{number}x{step}")
            caller.send(file.read_bytes(), step)
            if file.name in REFUSED:
                if not caller.read_to(f"SIP/2.0 {REFUSED[file.name]} ".encode()):
                    missed.append((file.name, caller.got))
            else:
                caller.send(caller.options())  # is answered, or taken for a part of what came before
                while b"stranger" not in caller.got and caller.read():
                    pass
            caller.socket.close()
        lab.check(f"{how}: what is no message is refused as over UDP", not missed, missed)
        lab.check(f"{how}: the switch survives", Caller(lab, server, f"after{step}").is_answered())


@scenario("two hundred connections that say nothing are closed while a call passes")
def silent(lab):
    server = streams.start(lab)
    crowd = [Caller(lab, server, number) for number in range(200)]
    tcp, udp = streams.phone(server, 0, "tcp", "tcp", says_hz=697), streams.phone(server, 1, "udp", "udp", says_hz=1209)
    connect(lab, tcp, udp, server.lines[1].number)
    talk(lab, tcp, udp)
    lab.check("all are closed", not any(caller.read() for caller in crowd))
    talk(lab, tcp, udp, " after that")
    tcp.hang_up()
    udp.wait("CALL_CLOSED")


@scenario("peers that reset their connections leave nothing behind")
def resets(lab):
    server = streams.start(lab)
    for number in range(100):
        caller = Caller(lab, server, number)
        caller.send(caller.options() * 3 + b"OPT"[:number % 4])
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", number & 1, 0))
        caller.socket.close()
    folder = pathlib.Path(f"/proc/{server.program.process.pid}/fd")
    port = f":{5060:04X} "

    def standing():
        rows = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        ours = {row.split()[9] for row in rows if port in row.split()[1] + " " and row.split()[3] != "0A"}
        return {link for file in folder.iterdir() if (link := _target(file)) and link[8:-1] in ours}
    lab.check("no descriptor stays", wait_until(lambda: not standing()), standing())
    lab.check("the switch answers", Caller(lab, server, "after").is_answered())


def _target(file):
    try:
        return str(file.readlink())
    except OSError:
        return None
