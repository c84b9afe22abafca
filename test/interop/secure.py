"""Encrypted media: telephones with SRTP (keys in the description, RFC 4568) over TLS, and who listens on their way."""

import socket
import struct
import time

import streams
import tones
from calls import ONE, TWO, connect, talk
from lab import scenario, wait_until


def phone(server, index, name, mediaenc, **how):
    """One that registers over TLS. mediaenc: baresip's words, "srtp-mand" (RTP/SAVP alone) or "srtp" (if it can be)."""
    return streams.phone(server, index, name, "tls", mediaenc=mediaenc, **how)


def trail(server, index, count=1):
    return server.say("call", "explain", server.last_record(server.lines[index], count)["call"])


class Eavesdropper:
    """Sees every packet on the wire, and puts some back: as they were, and changed."""

    def __init__(self, lab, ports):
        self.ports = ports
        self.ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.ear.bind(("lo", 0x0800))
        self.ear.settimeout(0.2)
        self.mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        lab.at_end(self.ear.close)
        lab.at_end(self.mouth.close)

    def media(self, address, count, sent=False):
        """The next IP packets with sound to the switch at this address, or from it."""
        found, end = [], time.monotonic() + 60
        while len(found) < count and time.monotonic() < end:
            try:
                packet = self.ear.recv(65536)
            except TimeoutError:
                continue
            head, at = 4 * (packet[0] & 15), 12 if sent else 16
            if packet[9] != socket.IPPROTO_UDP or packet[at:at + 4] != socket.inet_aton(address):
                continue
            port, = struct.unpack_from(">H", packet, head + (0 if sent else 2))
            if port in self.ports and len(packet) > head + 100:
                found.append(packet)
        return found

    def sound(self, address):
        """Half a second of what the switch sends in the clear: G.711 behind twelve octets of RTP."""
        return tones.Recording.of_mu_law(b"".join(
            packet[40:] for packet in self.media(address, 100, sent=True) if len(packet) == 40 + 160))

    def say(self, packet, address, forged=False):
        again, udp = bytearray(packet), 4 * (packet[0] & 15)
        again[udp + 6:udp + 8] = b"\0\0"  # a datagram without a checksum
        if forged:
            seq, = struct.unpack_from(">H", again, udp + 10)
            struct.pack_into(">H", again, udp + 10, (seq + 300) % 65536)  # one that was not seen yet
        self.mouth.sendto(bytes(again), (address, 0))


@scenario("phones that must be encrypted talk, hear our tones and are understood")
def both_encrypted(lab):
    server = streams.start(lab)
    one, two = phone(server, 0, "one", "srtp-mand", says_hz=ONE), phone(server, 1, "two", "srtp-mand", says_hz=TWO)
    server.say("line", "set", server.lines[1].name, "srtp=required")
    server.say("call", "trace", f"line={server.lines[0].name}", "on")
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    standing, = server.ask("call", "list")
    texts = server.say("call", "ladder", standing["call"])
    lab.check("no key stands in the traced messages", "RTP/SAVP" in texts and "inline:AAAAAAAA" in texts and
              texts.count("inline:") == texts.count("inline:AAAAAAAA"), texts)
    one.hang_up()
    two.wait("CALL_CLOSED")
    said = trail(server, 0)
    lab.check("the trail says so of both sides", said.count("the media of this side are encrypted with") >= 2, said)
    one.dial("")
    lab.check("dial tone is heard, encrypted", one.hears(350, 440))
    one.press(server.lines[1].number)
    two.wait("CALL_INCOMING")
    lab.check("digits were understood, and ring-back is heard", one.hears(440, 480))
    two.answer()
    talk(lab, one, two, " after digits")


@scenario("a phone that must be encrypted and one that knows nothing of it")
def one_encrypted(lab):
    server = streams.start(lab)
    stranger = Eavesdropper(lab, range(server.MEDIA_PORTS[0], server.MEDIA_PORTS[1] + 1))
    secure, plain = phone(server, 0, "secure", "srtp-mand", says_hz=ONE), server.phone(1, "plain", says_hz=TWO)
    for caller, called, digits in ((secure, plain, 1), (plain, secure, 0)):
        server.say("line", "set", server.lines[0].name, f"srtp={'required' if digits == 0 else 'offered'}")
        connect(lab, caller, called, server.lines[digits].number)
        talk(lab, caller, called, f", {caller.name} to {called.name}")
        secure.hold()
        plain.wait("CALL_REMOTE_SDP", param="offer")
        secure.resume()
        plain.wait("CALL_REMOTE_SDP", param="offer")
        lab.check(f"and after a hold, {caller.name} to {called.name}",
                  wait_until(lambda: stranger.sound(server.address).is_tone(ONE)))
        caller.hang_up()
        called.wait("CALL_CLOSED")


@scenario("a phone that is encrypted if it can be")
def encrypted_if_it_can_be(lab):
    server = streams.start(lab)
    one, two = phone(server, 0, "one", "srtp", says_hz=ONE), phone(server, 1, "two", "srtp", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    one.hang_up()
    two.wait("CALL_CLOSED")
    said = trail(server, 0)
    lab.check("both are", said.count("the media of this side are encrypted with") == 2, said)
    server.say("line", "set", server.lines[0].name, "srtp=never")
    server.say("line", "set", server.lines[1].name, "srtp=never")
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two, " in the clear")
    one.hang_up()
    two.wait("CALL_CLOSED")
    said = trail(server, 0, 2)
    lab.check("neither is", "encrypted" not in said, said)


@scenario("packets of an encrypted call that are forged or come again are dropped and counted")
def forged_and_replayed(lab):
    server = streams.start(lab)
    one, two = phone(server, 0, "one", "srtp-mand", says_hz=ONE), phone(server, 1, "two", "srtp-mand", says_hz=TWO)
    server.say("line", "set", server.lines[1].name, "srtp=required")
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    stranger = Eavesdropper(lab, range(server.MEDIA_PORTS[0], server.MEDIA_PORTS[1] + 1))
    heard = stranger.media(server.address, 100)
    lab.check("what goes by is no sound: no octet is more frequent than chance has it",
              max(b"".join(packet[-170:-10] for packet in heard).count(octet) for octet in range(256)) < len(heard) * 5)
    for packet in heard:
        stranger.say(packet, server.address)
        stranger.say(packet, server.address, forged=True)

    def counted(name):
        return sum(row["value"] for row in server.ask("counters", name))
    lab.check("replays are counted", wait_until(lambda: counted("srtp_rx_replayed") >= len(heard)))
    lab.check("forgeries are counted", wait_until(lambda: counted("srtp_rx_forged") >= len(heard)))
    talk(lab, one, two, " all the while")

