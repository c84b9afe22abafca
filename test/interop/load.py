"""Many calls at once, by our own load generator (bench/), and what each of its phones saw of them."""

import collections
import json
import pathlib
import time

from lab import PATIENCE_S, Failed

USERS, PASSWORD = 4, "a-password-of-the-test"


def wall_ms():
    """What the witness's times are told in: UTC, ms."""
    return time.time_ns() // 1000000


class Witness:
    """The file in which the phones write down what they see, read on as it grows: of each side, by Call-ID, when (UTC,
    ms) each event was first."""

    def __init__(self, path):
        self.path, self.at, self.rest = path, 0, b""
        self.callers, self.callees = collections.defaultdict(dict), collections.defaultdict(dict)

    def read(self):
        """Takes in what is new; gives its events: (when, side, what, status)."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.at)
            lines = (self.rest + file.read()).split(b"\n")
            self.at, self.rest = file.tell(), lines.pop()
        return [self.take(*line.decode().split(" ")) for line in lines]

    def take(self, at_ms, side, what, status, call_id):
        (self.callers if side == "caller" else self.callees)[call_id].setdefault(what, int(at_ms))
        return int(at_ms), side, what, int(status)


class Load:
    """Four lines of the sample office that call each other, all at one address."""

    def __init__(self, lab, program, server):
        self.lab, self.program, self.server = lab, pathlib.Path(program).resolve(), server
        self.address = lab.address(40)
        self.realm = next(row["value"] for row in server.ask("setting", "list") if row["name"] == "realm")
        for line in server.lines[:USERS]:
            server.say("line", "set", line.name, f"password={PASSWORD}", "calls-max=1000", "digest=md5")
        self.witness = Witness(lab.folder / "witness")
        self.generator = None

    def command(self, mode, *options):
        return [self.program, mode, "--server", self.server.where, "--realm", self.realm, "--password", PASSWORD,
                "--first", self.server.lines[0].name, "--users", USERS, "--caller", f"{self.address}:7080", "--callee",
                f"{self.address}:7090", *options]

    def register(self):
        done = self.lab.start("register", self.command("register", "--count", USERS, "--window", USERS))
        if done.wait() != 0:
            raise Failed(f"the phones do not register:\n{done.said()}")

    def start(self, rate, hold_ms, give_up_ms=4000):
        """Calls without end, so many a second."""
        self.generator = self.lab.start("load", self.command(
            "call", "--rate", rate, "--hold", hold_ms, "--give-up", give_up_ms, "--count", 10_000_000, "--limit", 86400,
            "--witness", self.witness.path))

    def stop(self):
        """Begins no more calls, and lets those that stand end. What it did, in figures."""
        self.generator.stop(timeout_s=PATIENCE_S)
        self.witness.read()
        return json.loads(self.generator.said())
