#!/usr/bin/env python3
"""The main job of a switch, shown with real programs: two telephones (baresip), another carrier's switch (SIPp).

    tools/demo.py [--program FILE]                      the show; ends by itself
    tools/demo.py --keep [--address ADDRESS]            a switch that stays, for a telephone of one's own

`make demo` and `make demo KEEP=1 ADDR=...` build the program first.
"""

import argparse
import os
import pathlib
import socket
import sys
import tempfile
import textwrap
import time
import traceback

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "test" / "interop"))

import lab as labs  # noqa: E402
import switch  # noqa: E402
import tones  # noqa: E402
from flows import far  # noqa: E402

ONE, TWO = 700, 1100  # what the two telephones say, Hz

# What a person may want to know of the sample's lines (keep/sample.h).
WHERE = {
    "6035550101": "Concord NH", "6035550102": "Concord NH", "6035550103": "Manchester NH", "6035550104": "Nashua NH",
    "6035550105": "Keene NH, suspended: only 911 and 611", "2075550101": "Portland ME", "2075550102": "Bangor ME",
    "2075550103": "Augusta ME", "8025550101": "Burlington VT, not open for service yet",
}

FAR_ANSWERS = """
    < INVITE
    > 180 Ringing
    wait 800
    > 200 OK sdp
    < ACK
    < BYE
    > 200 OK
"""
FAR_CALLS = """
    > INVITE sdp
    < 100 ?
    < 180
    < 200
    > ACK
    wait 2500
    > BYE
    < 200
"""


class Show:
    """What the terminal shows. Colours only where a person looks."""

    def __init__(self):
        self.colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.began = time.monotonic()
        self.scenes = 0

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colours else text

    def title(self, text):
        print(f"\n  {self.paint(text, '1')}")

    def scene(self, text):
        self.scenes += 1
        print(f"\n  {self.paint(f'{self.scenes}  {text}', '1;36')}\n", flush=True)

    def done(self, what, how=""):
        print(f"     {self.paint('✓', '32')} {what:<58}{self.paint(how, '2')}", flush=True)

    def check(self, what, good, how=""):
        if good:
            self.done(what, how)
            return
        print(f"     {self.paint('✗', '1;31')} {what:<58}{how}", flush=True)
        raise labs.Failed(what)

    def hears(self, who, phone, *hz, seconds=0.6):
        """Proved by what the phone recorded."""
        good = phone.hears(*hz, seconds=seconds)
        heard = phone.heard().last(seconds)
        tone = " + ".join(str(each) for each in hz)
        self.check(f"{who} hears {tone} Hz", good,
                   f"{100 * heard.share(*hz):.1f} % of what it recorded, {heard.dbm0():.1f} dBm0")

    def command(self, server, *words):
        """A command to the switch as a person types it, and what it prints."""
        print(f"     {self.paint('$ dialtone ' + ' '.join(map(str, words)), '1')}")
        print(textwrap.indent(server.say(*words), "     "), flush=True)


def pretty(number):
    return f"{number[:3]}-{number[3:6]}-{number[6:]}"


def open_office(show, lab):
    server = switch.start(lab)
    show.title("dialtone: the switch of a carrier, with real telephones and another carrier's switch")
    print(f"     The switch is at {server.where}; its sample office serves New Hampshire (LATA 122), with 10 and 1+10 "
          "digits,\n     and Maine (LATA 120), where 7 digits still do. Telephones are baresip, the other carrier is SIPp.")
    return server


def two_phones(show, server):
    one, two = (server.phone(index, name, says_hz=hz) for index, name, hz in ((0, "phone-1", ONE), (1, "phone-2", TWO)))
    number = server.lines[1].number
    show.scene("Two telephones talk")
    show.done("two telephones register", f"lines {server.lines[0].name} and {server.lines[1].name}, digest authentication")
    began = time.monotonic()
    one.dial(number)
    two.wait("CALL_INCOMING")
    show.done(f"one dials {pretty(number)}, the other rings", f"after {1000 * (time.monotonic() - began):.0f} ms")
    one.wait("CALL_RINGING")
    two.answer()
    one.wait("CALL_ESTABLISHED")
    show.done("it answers")
    show.hears("the caller", one, TWO)
    show.hears("the called party", two, ONE)
    one.hang_up()
    two.wait("CALL_CLOSED")
    show.done("they hang up")
    return one, two


def other_carrier(show, server, one):
    number = server.far_number
    show.scene("To and from another carrier")
    carrier = far(server, "far-answers", FAR_ANSWERS)
    one.dial(number)
    one.wait("CALL_ESTABLISHED")
    show.done(f"a line dials 1 {pretty(number[1:])}: the other carrier answers", f"over the trunk to {server.far_where}")
    show.hears("the far telephone sends all back: the line", one, ONE)
    one.hang_up()
    show.check("they hang up", carrier.finish() == "")
    caller = far(server, "far-calls", FAR_CALLS, server.lines[0].number)
    one.wait("CALL_INCOMING")
    one.answer()
    one.wait("CALL_ESTABLISHED")
    show.done(f"the other carrier calls {pretty(server.lines[0].number)}, it answers")
    show.hears("the line", one, ONE)
    one.wait("CALL_CLOSED")
    show.check("the far party hangs up", caller.finish() == "")


def dial_tone(show, server, one, two):
    number = server.lines[1].number
    show.scene("Dial tone")
    one.dial("")
    one.wait("CALL_ESTABLISHED")
    show.done("a telephone asks for dial tone", "a call without digits")
    show.hears("it", one, *tones.DIAL)
    one.press(number[0])
    show.check("it presses a digit: the tone breaks", one.hears_nothing(0.4))
    one.press(number[1:])
    show.done(f"it presses the rest of {pretty(number)}", "DTMF, RFC 4733")
    two.wait("CALL_INCOMING")
    show.hears("it", one, *tones.RING_BACK)
    two.answer()
    two.wait("CALL_ESTABLISHED")
    show.done("the other telephone answers", "charged from here, not from the dial tone")
    show.hears("the caller", one, TWO)
    show.hears("the called party", two, ONE)
    two.hang_up()
    one.wait("CALL_CLOSED")
    show.done("they hang up")


def what_is_left(show, server):
    record = server.last_record(server.lines[0], 4)
    show.scene("What the switch remembers of that call: its ladder, its decisions, its record")
    show.command(server, "call", "ladder", record["call"])
    show.command(server, "call", "explain", record["call"])
    show.command(server, "cdr", "show", record["sequence"])
    show.command(server, "cdr", "list")


def play(program):
    labs.have("baresip", "sipp")
    labs.end_on_signals()
    show = Show()
    with labs.Lab(program) as lab:
        try:
            server = open_office(show, lab)
            one, two = two_phones(show, server)
            other_carrier(show, server, one)
            dial_tone(show, server, one, two)
            what_is_left(show, server)
            lab.tell = lambda name, passed, detail: show.check(name, passed, detail)
            lab.close()
        except Exception as error:
            print(f"\n  {show.paint('The demo failed:', '1;31')} {error}", flush=True)
            if not isinstance(error, labs.Failed):
                traceback.print_exc()
            print(*(f"    {line}" for line in lab.logs()), sep="\n")
            return 1
    show.title(f"That was all, in {time.monotonic() - show.began:.0f} seconds. "
               "A switch that stays, for a telephone of your own: make demo KEEP=1")
    print()
    return 0


# ---- A switch that stays ----

def own_address():
    """The address that others reach this machine at: the one it would send from. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def sip_port(address):
    """5060, or when that is taken one that the kernel has free."""
    for port in (5060, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, port))
                return probe.getsockname()[1]
            except OSError as error:
                if port == 0:
                    sys.exit(f"{address} is no address of this machine: {error.strerror}")
    return 0


def stay(program, address):
    show = Show()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="demo-", dir=TOP))
    address = address or own_address()
    server = switch.Standing(program, folder, f"{address}:{sip_port(address)}")
    config = os.path.relpath(server.config)
    show.title(f"A switch at {server.where}, which stays until you press ^C")
    print("\n     Register a telephone, any that speaks SIP over UDP or TCP, as one of these lines:\n")
    for line in server.lines:
        print(f"       {pretty(line.number)}   server {server.where}   user {line.name}   password {line.password}"
              f"   {WHERE.get(line.name, '')}".rstrip())
    first, second = server.lines[0], server.lines[1]
    print("\n     Then dial, for instance:\n")
    for digits, what in ((second.number, f"the line {pretty(second.number)}, if a telephone is registered as it"),
                         ("dialtone", "a call to this name: dial tone; press the digits"),
                         ("*67" + second.number, "the same line, without showing who calls"),
                         ("*72" + second.number, f"forward your calls to it, as {first.name} may; *73 ends that"),
                         ("6035550190", "a number that is not in service: you are told")):
        print(f"       {digits:<16}{what}")
    print("\n     And look at what it does, from another terminal:\n")
    for words in ("status", "registration list", "call list", "cdr list", f"dial {first.name} {second.number}"):
        print(f"       {os.path.relpath(program)} -c {config} {words}")
    print(f"\n     Its office and its log stay in {os.path.relpath(folder)}/ when it has ended.\n", flush=True)
    return server.wait()


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--program", default=str(TOP / "build" / "dialtone"))
    words.add_argument("--keep", action="store_true", help="a switch that stays")
    words.add_argument("--address", default="", help="of this machine, where telephones reach it")
    args = words.parse_args()
    program = str(pathlib.Path(args.program).resolve()) if "/" in args.program else args.program
    return stay(program, args.address) if args.keep else play(program)


if __name__ == "__main__":
    sys.exit(main())
