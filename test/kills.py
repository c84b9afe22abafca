#!/usr/bin/env python3
"""Kills the real program at random instants under a load of calls, starts it again on the same files, and holds its
records against what each telephone saw. TAP.

    test/kills.py DIALTONE SIPLOAD [--kills N] [--rate CALLS_A_SECOND] [--seed N]

Whatever a caller heard to be answered has one record, whichever of the starts wrote it. Nothing is concluded from how
long something took; the times of restarts are told as figures.
"""

import argparse
import pathlib
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "interop"))
import lab as labs  # noqa: E402
import switch  # noqa: E402
from audit import Audit, all_records  # noqa: E402
from load import Load, wall_ms  # noqa: E402

HOLD_MS = 400
AT_START = 0.25  # this part of the kills comes while the switch starts and ends what the last kill cut off


class Node(switch.Switch):
    """A switch that lets no call through whose record is not on disk, however slow that is."""

    MEDIA_PORTS = (20000, 29999)

    def launch(self):
        self.program = self.lab.start("switch", [self.lab.program, "serve", "-c", self.config], switch.SANITIZERS)

    def set_up(self):
        self.launch()
        self.program.wait_said('"started"')
        self.say("setting", "set", "answer_commit_ms", "value=10000")
        self.say("setting", "set", "slow_disk_refuses", "value=1")


class Killer:
    def __init__(self, lab, node, load, chance):
        self.lab, self.node, self.load, self.chance = lab, node, load, chance
        self.kills_ms, self.restarts_ms, self.early = [], [], 0  # when (UTC); until the first answer

    def launch(self):
        self.node.launch()
        self.launched_ms = wall_ms()

    def await_answer(self):
        """A call is answered: from then on the switch is there."""
        answered = labs.wait_until(lambda: self.died() or any(
            event[1:3] == ("caller", "answered") and event[0] > self.launched_ms for event in self.load.witness.read()),
                                   step_s=0.005)
        if not answered or self.died():
            raise labs.Failed(f"no call is answered after kill {len(self.kills_ms)}; exit code "
                              f"{self.node.program.process.poll()}")
        self.restarts_ms.append(wall_ms() - self.launched_ms)

    def died(self):
        return not self.node.program.runs()

    def wait_for_instant(self):
        if self.restarts_ms and self.chance.random() < AT_START:
            self.early += 1
            time.sleep(self.chance.uniform(0, 1.5 * self.restarts_ms[-1] / 1000))
        else:
            self.await_answer()
            time.sleep(self.chance.uniform(0, 1))

    def kill(self):
        if self.died():
            raise labs.Failed(f"it ended by itself, exit code {self.node.program.process.poll()}")
        self.node.kill()
        self.kills_ms.append(wall_ms())
        self.lab.programs.remove(self.node.program)

    def run(self, kills):
        for _ in range(kills):
            self.wait_for_instant()
            self.kill()
            self.launch()
        self.await_answer()


def figures(killer, audit, told):
    restarts = sorted(killer.restarts_ms)
    return (f"# {len(killer.kills_ms)} kills, {killer.early} of them during a start; "
            f"{told['operations'] + told['failures']} calls begun, {len(audit.heard())} heard answered, "
            f"{len(audit.records)} records, {len(audit.answered)} of answered calls, {len(audit.recovered)} of these "
            f"cut off by a kill and closed by the next start, at most {audit.late_ms()} ms before it; until the first "
            f"answer after a start: median {restarts[len(restarts) // 2]} ms, longest {restarts[-1]} ms")


def scenario(lab, args):
    node = Node(lab)
    node.set_up()
    load = Load(lab, args.sipload, node)
    load.register()
    node.stop()  # which saves what is registered; else it is saved once a second, and a kill before that would lose it
    killer = Killer(lab, node, load, random.Random(args.seed))
    killer.launch()
    load.start(args.rate, HOLD_MS)
    killer.run(args.kills)

    def all_told():
        load.witness.read()
        return not Audit(all_records(node), load.witness, killer.kills_ms).untold()
    labs.wait_until(all_told, step_s=1)
    told = load.stop()
    labs.wait_until(lambda: node.ask("status")["calls"]["now"] == 0, step_s=0.1)
    audit = Audit(all_records(node), load.witness, killer.kills_ms)
    print(figures(killer, audit, told), flush=True)
    audit.check(lab)
    lab.check("no answer went before its record", not audit.unsynced(), audit.unsynced()[:3])
    node.stop()


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("dialtone", type=pathlib.Path)
    words.add_argument("sipload", type=pathlib.Path)
    words.add_argument("--kills", type=int, default=20)
    words.add_argument("--rate", type=int, default=100)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    words.add_argument("--keep", action="store_true", help="leave the folder with journal, records and logs")
    args = words.parse_args()
    print(f"# --seed {args.seed}", flush=True)
    return labs.run_alone([lambda lab: scenario(lab, args)], args.dialtone, args.keep)


if __name__ == "__main__":
    sys.exit(main())
