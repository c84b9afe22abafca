"""What goes wrong round a switch: carriers that are silent or refuse, a disk that is full; and the other address family."""

import re
import socket
import subprocess
import threading

import switch
from calls import ONE, TWO, connect, talk
from flows import CALLED, CALLER, far, line, walk
from lab import free_port, scenario, wait_until
from sipp import Sipp

REFUSES = "< INVITE\n> {} {}\n< ACK"


class Carrier:
    """The switch of a carrier that answers each kind of request with one status, or says nothing: {"OPTIONS": 503}."""

    def __init__(self, lab, address, answers):
        self.answers, self.asked = answers, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 5060))
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()
        lab.at_end(self.close)

    def answer(self):
        while True:
            message, where = self.socket.recvfrom(65536)
            if not message:
                return
            text = message.decode()
            method = text.split()[0]
            self.asked.append(method)
            if self.answers.get(method):
                told = re.findall(r"(?m)^(?:Via|From|To|Call-ID|CSeq): .*\r$", text)
                told = [row[:-1] + (";tag=carrier" if row.startswith("To:") else "") for row in told]
                self.socket.sendto("\r\n".join([f"SIP/2.0 {self.answers[method]} Answer", *told, "Content-Length: 0",
                                                "", ""]).encode(), where)

    def close(self):
        """Ends the thread with an empty packet; the address is free for another."""
        if self.thread.is_alive():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", self.socket.getsockname())
            self.thread.join()
            self.socket.close()


def refused(status):
    return CALLER.split("< 180")[0] + f"< 180 ?\n< {status}\n> ACK"


@scenario("a trunk's second choice")
def second_choice(lab):
    server = switch.start(lab)
    verdict = server.judged()
    first = lab.address(21)
    server.say("trunk", "set", "far", f"peers={first}:5060/0,{server.far_where}/1", "failover-ms=500")

    silent = Carrier(lab, first, {})
    walk(lab, "the first is silent: the second has the call", far(server, "spare", CALLED),
         line(server, 0, "out", CALLER, server.far_number))
    silent.close()
    lab.check("the first was asked", "INVITE" in silent.asked, silent.asked)

    server.say("trunk", "set", "far", "failover-ms=30000")  # too long for the telephone to wait
    for attempt in range(4):  # by one worker or another
        walk(lab, f"the first is not even there: the second has the call ({attempt})", far(server, f"spare-{attempt}", CALLED),
             line(server, 0, f"out-{attempt}", CALLER, server.far_number))
    trail = server.say("call", "explain", server.last_record(server.lines[0], 5)["call"])
    lab.check("the network said so", "network out of order" in trail, trail)

    def first_says(name, status, reason):
        return Sipp(lab, name, REFUSES.format(status, reason), first, server.where, who=server.far_number)

    walk(lab, "the first refuses with 503: the second has the call", first_says("first-503", 503, "Service Unavailable"),
         far(server, "spare-503", CALLED), line(server, 0, "out-503", CALLER, server.far_number))
    trail = server.say("call", "explain", server.last_record(server.lines[0], 6)["call"])
    lab.check("the trail says so", "503" in trail or "temporary failure" in trail, trail)

    walk(lab, "the far party is busy: nobody else is asked", first_says("first-486", 486, "Busy Here"),
         line(server, 0, "out-486", refused(486), server.far_number))
    verdict()


@scenario("OPTIONS tell which switch of a carrier lives")
def supervised(lab):
    server = switch.start(lab)
    first, second = (Carrier(lab, address, answers) for address, answers in (
        (lab.address(21), {"OPTIONS": 503, "INVITE": 486}), (server.far_address, {"OPTIONS": 200, "INVITE": 486})))
    server.say("trunk", "set", "far", f"peers={lab.address(21)}:5060/0,{server.far_where}/1", "options-s=1")
    lab.check("both are asked", wait_until(lambda: first.asked and second.asked), (first.asked, second.asked))
    server.program.wait_said("trunk_silent")
    walk(lab, "a call", line(server, 0, "out", refused(486), server.far_number))
    lab.check("goes to the one that lives", "INVITE" in second.asked and "INVITE" not in first.asked,
              (first.asked, second.asked))
    first.answers["OPTIONS"] = 200
    lab.check("the first is found alive again",
              wait_until(lambda: re.search(r'"trunk_answers".*"peer":0\b', server.program.said())))
    walk(lab, "and when the first lives again, the next", line(server, 0, "out-again", refused(486), server.far_number))
    lab.check("goes to the first", "INVITE" in first.asked, first.asked)


def small_disk(lab, folder, megabytes):
    """Puts a file system of this size at the folder. False: only root may, and this is not."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "dialtone-test", folder], check=False,
                          capture_output=True)
    if done.returncode == 0:
        lab.at_end(lambda: subprocess.run(["umount", "--lazy", folder], check=False))
    return done.returncode == 0


def fill(folder):
    """Leaves no room."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass


@scenario("a full disk: calls go on, changes are refused")
def full_disk(lab):
    folder = lab.folder / "switch"
    if not small_disk(lab, folder, 128):
        lab.tell("only root can make a small disk # skip", True, "")
        return
    server = switch.start(lab)
    one, two = server.phone(0, "one", says_hz=ONE), server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    fill(folder)
    talk(lab, one, two, " while the disk fills up")
    one.hang_up()
    two.wait("CALL_CLOSED")
    connect(lab, two, one, server.lines[0].number)
    talk(lab, two, one, ": a new call with the disk full")
    two.hang_up()
    one.wait("CALL_CLOSED")
    before = server.say("line", "show", server.lines[2].name)
    told = server.refused("line", "set", server.lines[2].name, "calls-max=7")
    lab.check("a change is refused, and why", "full" in told, told)
    lab.check("and nothing has changed", server.say("line", "show", server.lines[2].name) == before)
    (folder / "filler").unlink()
    records = wait_until(lambda: len(server.records()) == 2 and server.records(), step_s=0.2)
    lab.check("with room again, both calls are in the records",
              records and [record["is_answered"] for record in records] == [True, True], records)
    server.say("line", "set", server.lines[2].name, "calls-max=7")
    lab.check("and changes are taken", server.say("line", "show", server.lines[2].name) != before)


@scenario("a call between IPv6 and IPv4")
def two_families(lab):
    try:
        port = free_port(address="::1")
    except OSError:
        lab.tell("this machine has no IPv6 # skip", True, "")
        return
    first, last = 30000 + port % 5000 * 2, 30000 + port % 5000 * 2 + 99
    server = switch.Switch(lab)
    with server.config.open("a") as config:
        config.write(f'listener "six" {{\n\taddress = "[::1]:{port}"\n}}\n'
                     f'media "six" {{\n\taddress = "[::1]"\n\tport_first = {first}\n\tport_last = {last}\n}}\n')
    server.start()
    lab.at_close(server.stop)
    one = server.phone(0, "one", says_hz=ONE, address="::1", where=f"[::1]:{port}")
    two = server.phone(1, "two", says_hz=TWO)
    connect(lab, one, two, server.lines[1].number)
    talk(lab, one, two)
    one.hang_up()
    two.wait("CALL_CLOSED")
    connect(lab, two, one, server.lines[0].number)
    talk(lab, two, one, " the other way")
    two.hang_up()
    one.wait("CALL_CLOSED")
