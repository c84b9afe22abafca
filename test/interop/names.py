"""Trunk peers that are names: a small DNS server of our own says what they stand for, and then something else, or
nothing, or nonsense."""

import socket
import struct
import threading

import switch
from flows import CALLED, CALLER, CALLER_TRUNK, line, walk
from lab import scenario, wait_until
from sipp import Sipp

PORT = 5353
A, SRV, NAPTR = 1, 33, 35


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def wire_text(text):
    return bytes([len(text)]) + text.encode()


class Dns:
    """A zone: {(type, name): [(ttl, data), ...]}; a name that is not in it does not exist. how: "answers", "silent",
    "cut" (over UDP, whole over TCP), "nonsense"."""

    def __init__(self, lab, address):
        self.zone, self.how, self.asked, self.over_tcp = {}, "answers", [], 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for sock in (self.udp, self.tcp):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, PORT))
        self.tcp.listen()
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()
        lab.at_close(self.close)

    def close(self):
        self.udp.close()
        self.tcp.close()

    def add_host(self, name, address, ttl=5):
        self.zone.setdefault((A, name), []).append((ttl, socket.inet_aton(address)))

    def add_service(self, name, priority, weight, port, target, ttl=5):
        self.zone.setdefault((SRV, name), []).append((ttl, struct.pack(">3H", priority, weight, port) + wire_name(target)))

    def add_pointer(self, name, order, service, target, ttl=5):
        self.zone.setdefault((NAPTR, name), []).append(
            (ttl, struct.pack(">2H", order, 10) + wire_text("s") + wire_text(service) + b"\0" + wire_name(target)))

    def answer(self, question):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        name, (kind,) = ".".join(labels), struct.unpack(">H", question[at + 1:at + 3])
        self.asked.append((kind, name))
        rows = self.zone.get((kind, name), [])
        code = 0 if any(known == name for _, known in self.zone) else 3
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data for ttl, data in rows)
        return (question[:2] + struct.pack(">5H", 0x8180 | code, 1, len(rows), 0, 0) + question[12:at + 5] + records)

    def serve_udp(self):
        while True:
            try:
                question, peer = self.udp.recvfrom(4096)
                answer = self.answer(question)
                if self.how == "cut":
                    answer = answer[:2] + struct.pack(">5H", 0x8380, 1, 0, 0, 0) + answer[12:answer.index(b"\0", 12) + 5]
                elif self.how == "nonsense":
                    answer = answer[:7] + b"\xff" + answer[8:-3]
                if self.how != "silent":
                    self.udp.sendto(answer, peer)
            except OSError:
                return

    def serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
                with connection:
                    connection.settimeout(10)
                    size, = struct.unpack(">H", connection.recv(2))
                    answer = self.answer(connection.recv(size))
                    self.over_tcp += 1
                    connection.sendall(struct.pack(">H", len(answer)) + answer)
            except (OSError, struct.error):
                if self.tcp.fileno() < 0:
                    return


def start(lab):
    dns = Dns(lab, lab.address(53))
    server = switch.Switch(lab, f'dns = "{lab.address(53)}:{PORT}"').start()
    lab.at_close(server.stop)
    return server, dns


def peers(server):
    return {row["address"]: row for row in server.ask("peer", "list")}


def stands_for(lab, server, title, *addresses):
    found = wait_until(lambda: (now := peers(server)).keys() == set(addresses) and now, step_s=0.1)
    lab.check(title, bool(found), str(peers(server)))


def call_out(lab, server, title, address, number):
    """A line calls out, and the switch at this address answers."""
    walk(lab, title, Sipp(lab, f"far-{number}", CALLED, address, server.where, who=server.far_number),
         line(server, 0, f"out-{number}", CALLER, server.far_number))


@scenario("the peers of a trunk are what DNS says of their name")
def names(lab):
    server, dns = start(lab)
    verdict = server.judged()
    first, second, other = lab.address(21), lab.address(20), lab.address(22)
    dns.add_pointer("carrier.example", 10, "SIP+D2U", "_sip._udp.carrier.example")
    dns.add_service("_sip._udp.carrier.example", 10, 1, 5060, "one.carrier.example")
    dns.add_service("_sip._udp.carrier.example", 20, 1, 5060, "two.carrier.example")
    dns.add_host("one.carrier.example", first)
    dns.add_host("two.carrier.example", second)
    server.say("trunk", "set", "far", "peers=carrier.example/0")
    stands_for(lab, server, "NAPTR, SRV and A are followed", f"{first}:5060", f"{second}:5060")
    row = peers(server)[f"{second}:5060"]
    lab.check("the list of peers says by which name, when, and for how long", row["name"] == "carrier.example" and
              row["found"] and row["good_for_s"] <= 5, str(row))
    call_out(lab, server, "who does not answer is passed over in order", second, 1)
    phone = server.phone(1, "two", auto=True)
    walk(lab, "a switch that DNS names is known by its address", Sipp(
        lab, "far-calls", CALLER_TRUNK, second, server.where, who=server.far_number, dials=server.lines[1].number))
    lab.check("its call rang the phone", phone.program.runs())

    dns.zone = {key: rows for key, rows in dns.zone.items() if "one." not in key[1]}
    dns.add_host("one.carrier.example", other)
    stands_for(lab, server, "a new address is found when the time of the old is over", f"{other}:5060", f"{second}:5060")
    call_out(lab, server, "and called", other, 2)

    dns.how = "silent"
    stale = wait_until(lambda: peers(server)[f"{other}:5060"]["stale"], step_s=0.2)
    lab.check("DNS falls silent, and the list of peers says so", bool(stale))
    call_out(lab, server, "calls go on as before", other, 3)
    dns.how = "nonsense"
    asked = len(dns.asked)
    wait_until(lambda: len(dns.asked) > asked + 3)
    call_out(lab, server, "nonsense changes nothing", other, 4)
    dns.how = "cut"
    fresh = wait_until(lambda: not peers(server)[f"{other}:5060"]["stale"], step_s=0.2)
    lab.check("what is cut off is asked for over TCP", bool(fresh) and dns.over_tcp > 0, f"{dns.over_tcp} over TCP")

    dns.how, dns.zone = "answers", {}
    gone = wait_until(lambda: None in peers(server), step_s=0.2)
    lab.check("a name that is gone has no address", bool(gone), str(peers(server)))
    refused = server.refused("trunk", "set", "far", "peers=carrier..example/0")
    lab.check("what is no name is refused", "sip.example.com" in refused, refused)
    verdict()
