#!/usr/bin/env python3
"""Fills the disk of the real program with calls until nothing more fits, and makes room again; one
that dies meanwhile starts without room. TAP.

    test/full_disk.py DIALTONE SIPLOAD

The disk is a small tmpfs in a mount namespace of its own, which a user without rights may make too where the machine
lets them. It cannot be made read-only while the journal has its file open: the system refuses that.
"""

import argparse
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "interop"))
import lab as labs  # noqa: E402
import switch  # noqa: E402
import trouble  # noqa: E402
from audit import Audit, all_records  # noqa: E402
from flows import CALLED, CALLER, far, line  # noqa: E402
from load import Load, wall_ms  # noqa: E402

# The smallest disk that it starts on and can be given telephones: the journal has files of whole megabytes, of which it
# takes one before the first call; the office, the records and the logs of both have the rest.
SMALL_KB, LARGE_KB = 2560, 65536
RATE, HOLD_MS = 100, 300


class Node(switch.Switch):
    """A switch on a small disk."""

    MEDIA_PORTS = (20000, 29999)

    def __init__(self, lab):
        self.disk = lab.folder / "switch"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_KB}k", "dialtone-test", self.disk], check=True)
        lab.at_end(lambda: subprocess.run(["umount", "--lazy", self.disk], check=False))
        super().__init__(lab, "journal_file_mb = 1\n")

    def launch(self):
        self.program = self.lab.start("switch", [self.lab.program, "serve", "-c", self.config], switch.SANITIZERS)

    def make_room(self):
        subprocess.run(["mount", "-o", f"remount,size={LARGE_KB}k", self.disk], check=True)

    def is_healthy(self):
        return self.ask("status")["journal_healthy"]


def await_event(load, side, what, status, count=1):
    """So many events of a kind, from now on."""
    begin, seen = wall_ms(), 0

    def come():
        nonlocal seen
        seen += sum(event[0] > begin and event[1:] == (side, what, status) for event in load.witness.read())
        return seen >= count
    load.lab.check(f"{side} {what} {status}".strip(), labs.wait_until(come))


def emergency(lab, node, name):
    """A call to 911 from a telephone that has none of the load's lines."""
    psap = far(node, f"{name}-psap", CALLED)
    caller = line(node, 5, f"{name}-caller", CALLER, "911")
    why = caller.finish() or psap.finish()
    lab.check("an emergency call goes on", not why, why)


def fill(lab, args, policy, alarm, event, count):
    """A switch, its load, and calls until the disk is full and nothing goes on but what `policy` lets."""
    node = Node(lab).start()
    node.say("setting", "set", "slow_disk_refuses", f"value={policy}")
    load = Load(lab, args.sipload, node)
    load.register()
    load.start(RATE, HOLD_MS)
    node.program.wait_said(f'"{alarm}"')
    lab.check("the disk is full: the log says so", True)
    lab.check("and the status", labs.wait_until(lambda: not node.is_healthy()))
    await_event(load, *event, count)
    emergency(lab, node, "full")
    return node, load


def make_room(lab, node, load):
    """Room, and calls again; then all is written. Gives that."""
    node.make_room()
    lab.check("with room again the journal is well", labs.wait_until(node.is_healthy, step_s=0.1))
    await_event(load, "caller", "answered", 200, RATE)
    load.stop()
    labs.wait_until(lambda: node.ask("status")["calls"]["now"] == 0, step_s=0.1)
    audit = Audit(all_records(node), load.witness)
    audit.check(lab)
    lab.check("the emergency call has its record", sum(record["emergency"] for record in audit.records) == 1)
    node.stop()
    return audit


def refuses(lab, args):
    """By this policy the room that the journal still has is for the calls in progress, and for emergencies."""
    audit = make_room(lab, *fill(lab, args, 1, "journal_no_room", ("caller", "refused", 503), RATE))
    lab.check("no answer went before its record", not audit.unsynced(), audit.unsynced()[:3])


def goes_on(lab, args):
    """By this one calls go on, and their records wait in memory."""
    audit = make_room(lab, *fill(lab, args, 0, "journal_failing", ("caller", "answered", 200), 3 * RATE))
    late = len(audit.unsynced())
    lab.check("records that were late say so", late >= 3 * RATE, late)


def starts(lab, args):
    """A switch that dies while its disk is full starts again without room: emergency calls need it."""
    node, load = fill(lab, args, 1, "journal_no_room", ("caller", "refused", 503), RATE)
    load.stop()
    labs.wait_until(lambda: node.ask("status")["calls"]["now"] == 0, step_s=0.1)
    node.kill()
    lab.programs.remove(node.program)
    trouble.fill(node.disk)  # whatever the last program gave back
    node.launch()
    labs.wait_until(lambda: not node.program.runs() or node.say("status", may_fail=True), step_s=0.05)
    lab.check("a switch starts though its disk is full, and says so", not node.is_healthy())
    emergency(lab, node, "again")
    node.make_room()
    lab.check("with room its journal is well, though no call came", labs.wait_until(node.is_healthy, step_s=0.1))
    lab.check("both emergency calls have their records", labs.wait_until(
        lambda: sum(record["emergency"] for record in all_records(node)) == 2, step_s=0.1))
    node.stop()


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("dialtone", type=pathlib.Path)
    words.add_argument("sipload", type=pathlib.Path)
    words.add_argument("--keep", action="store_true", help="leave the folders with the logs")
    words.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = words.parse_args()
    if args.inside:
        return labs.run_alone([lambda lab, walk=walk: walk(lab, args) for walk in (refuses, goes_on, starts)], args.dialtone,
                              args.keep)
    alone = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "mount", "-t", "tmpfs", "none", "/tmp"], check=False, capture_output=True).returncode:
        print("ok 1 - a disk that is full # SKIP this machine lets nobody make a mount namespace\n1..1")
        return 0
    os.execvp(alone[0], [*alone, sys.executable, *sys.argv, "--inside"])
    return 1


if __name__ == "__main__":
    sys.exit(main())
