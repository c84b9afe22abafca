#!/usr/bin/env python3
"""make bench: what a registration and a call cost, in processor time and in memory; Kamailio beside it where it is
installed. The server stands on core 0 with its data in memory, the load generator spins on core 1.

    bench/run.py [--program build/dialtone] [--load build/bench/sipload] [--rounds N] [--quick] [--table FILE]

Ends by itself, in a few minutes. Servers alternate, the first round of each is not counted, medians are shown; failures
and repetitions of all rounds are added up. With --table, the last table is kept in a file.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "bench"))

import servers  # noqa: E402
import table  # noqa: E402

LINES_CALLING = 2000   # of these are the calls
LINES_WAITING = 18000  # these are registered to see what that takes
HELD = 2000            # calls at once: media has ports for 2,500
WINDOW = 60
TRUNK_CALLER = "2125550142"
REST_S = 40            # finished transactions are kept for 32 s
# What is freed in blocks goes back to the system, so that the size of the process says what is in use.
EXACT_MALLOC = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=32768:glibc.malloc.trim_threshold=32768"}


@dataclass
class Work:
    """What is measured: a title, and how the load generator is told."""

    title: str
    mode: str
    count: int
    options: list = field(default_factory=list)
    from_trunk: bool = False


def works(scale):
    """Closed loop is the figure; open loop shows the delays of a server that is not at its limit."""
    closed, steady = ["--window", WINDOW], ["--rate", 1000]
    return [
        Work("registration, challenged", "register", int(20000 * scale), closed),
        Work("call from line to line, challenged", "call", int(10000 * scale), closed),
        Work("call from another carrier to a line", "call", int(10000 * scale), closed, True),
        Work("call from line to line, 1,000 a second", "call", int(4000 * scale), steady),
    ]


@dataclass
class Round:
    """One run of one work on one server."""

    use_us: float     # processor time per operation that succeeded
    system_us: float  # the kernel's part
    load: dict        # what the generator reported


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.scale, self.rounds = (0.2, 2) if options.quick else (1, options.rounds)
        self.servers, self.results = [], {}

    def dialtone(self, folder, environment):
        """The first server: a fresh one each time."""
        lines = LINES_CALLING + LINES_WAITING
        say(f"an office of {lines} lines is made")
        if self.servers:
            self.servers.pop(0).stop()
        self.servers.insert(0, servers.Dialtone(self.folder / folder, self.options.program, lines, environment))
        self.servers[0].start()

    def kamailio(self):
        """The second, where it is installed: fresh for each work, since its allocator slows down with what came before."""
        if not servers.Kamailio.program:
            return
        if len(self.servers) > 1:
            self.servers.pop().stop()
        self.servers.append(servers.Kamailio(self.folder / "peer"))
        self.servers[1].start()

    def stop(self):
        for server in self.servers:
            server.stop()

    def command(self, server, mode, first, users, options, from_trunk=False):
        caller = servers.TRUNK_ADDRESS if from_trunk else "127.0.0.1"
        command = [self.options.load, mode, "--server", server.where, "--realm", servers.REALM, "--password",
                   servers.PASSWORD, "--first", servers.FIRST_NUMBER + first, "--users", users, *options,
                   "--caller", f"{caller}:{server.port + 2000}", "--callee", f"127.0.0.1:{server.port + 3000}"]
        return [str(word) for word in command + (["--from", TRUNK_CALLER] if from_trunk else [])]

    def load(self, server, mode, first, users, options, from_trunk=False):
        """Runs the generator to its end; what it reported."""
        done = subprocess.run(self.command(server, mode, first, users, options, from_trunk), capture_output=True,
                              text=True, check=False, preexec_fn=on_core_1)
        if not done.stdout:
            raise servers.ServerFailed(done.stderr)
        return json.loads(done.stdout)

    def round(self, server, work):
        server.quiet()
        before = server.use()
        told = self.load(server, work.mode, 0, LINES_CALLING, [*work.options, "--count", work.count], work.from_trunk)
        server.quiet()
        use = server.use() - before
        if not told["operations"]:
            raise servers.ServerFailed(f"{server.name}: no {work.title} succeeded: {told['refusals']}\n"
                                       + server.last_words())
        per_op = 1e6 / told["operations"]
        return Round(use.total * per_op, use.system * per_op, told)

    def measure(self, work):
        """All rounds of one work, the servers in turn."""
        self.kamailio()
        self.register_all()
        rounds = {server.name: [] for server in self.servers}
        for i in range(self.rounds + 1):
            for server in self.servers:
                done = self.round(server, work)
                if i:
                    rounds[server.name].append(done)
                say(f"{work.title}: {server.name} {done.use_us:.1f} us" + ("" if i else " (not counted)"))
        self.results[work.title] = {name: table.summary(work, done) for name, done in rounds.items()}

    def register_all(self):
        for server in self.servers:
            told = self.load(server, "register", 0, LINES_CALLING, ["--window", WINDOW, "--count", LINES_CALLING])
            if told["failures"] or told["unfinished"]:
                raise servers.ServerFailed(f"{server.name}: lines could not register: {told['refusals']}\n"
                                           + server.last_words())

    def rest(self, why):
        say(f"waiting {REST_S} s for {why}")
        time.sleep(REST_S)

    def memory(self):
        """Octets per registered line and per held call. A fresh switch: what finished transactions take is touched
        first, by registering the same lines again and again, and is free again when the figures are taken."""
        self.dialtone("memory", EXACT_MALLOC)
        self.kamailio()
        self.register_all()
        self.load(self.servers[0], "register", 0, LINES_CALLING, ["--window", WINDOW, "--count", 2 * LINES_WAITING])
        self.rest("finished transactions to go")
        before = self.octets()
        for server in self.servers:
            self.load(server, "register", LINES_CALLING, LINES_WAITING, ["--window", WINDOW, "--count", LINES_WAITING])
        self.rest("those of the registered lines")
        registered = self.octets()
        lost, held = self.hold()
        return {"registered line": {name: (registered[name] - before[name]) / LINES_WAITING for name in before},
                "held call": {name: (held[name] - registered[name]) / HELD for name in before}}, lost

    def octets(self):
        return {server.name: server.memory() for server in self.servers}

    def hold(self):
        """Holds calls: those of each server that did not end well, and memory while they stood."""
        options = ["--window", WINDOW, "--keep", "--count", HELD]
        holders = [subprocess.Popen(self.command(server, "call", 0, LINES_CALLING, options), stdout=subprocess.PIPE,
                                    text=True, preexec_fn=on_core_1) for server in self.servers]
        try:
            held = [holder.stdout.readline().strip() for holder in holders]
            if not all(held):
                raise servers.ServerFailed("the load generator could not begin")
            self.rest(" and ".join(f"{server.name} ({told})" for server, told in zip(self.servers, held)))
            octets = self.octets()
        finally:
            for holder in holders:
                holder.send_signal(signal.SIGTERM)
        ends = [json.loads(holder.communicate()[0]) for holder in holders]
        return {server.name: HELD - end["operations"] for server, end in zip(self.servers, ends)}, octets

    def run(self):
        if not servers.Kamailio.program:
            say("Kamailio is not installed: there will be nothing to compare with")
        self.dialtone("work", {})
        for work in works(self.scale):
            self.measure(work)
        memory, lost = self.memory()
        return table.Outcome([server.version() for server in self.servers], self.rounds, self.results, memory, lost)


def on_core_1():
    os.sched_setaffinity(0, {1})


def say(text):
    print(f"  {time.strftime('%H:%M:%S')}  {text}", flush=True)


def memory_folder():
    """Where files are in memory, so that the disk is not what is measured."""
    shared = pathlib.Path("/dev/shm")
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > 2 << 30 else None


def main():
    parser = argparse.ArgumentParser(description="What a registration and a call cost.")
    parser.add_argument("--program", type=pathlib.Path, default=TOP / "build" / "dialtone")
    parser.add_argument("--load", type=pathlib.Path, default=TOP / "build" / "bench" / "sipload")
    parser.add_argument("--rounds", type=int, default=5, help="that count, beside the first (5)")
    parser.add_argument("--quick", action="store_true", help="few operations and rounds: only to see that it works")
    parser.add_argument("--table", type=pathlib.Path, help="where to keep the table")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("make bench wants two processor cores: one for the server, one for the load")
    with tempfile.TemporaryDirectory(prefix="dialtone-bench-", dir=memory_folder()) as folder:
        bench = Bench(options, pathlib.Path(folder))
        try:
            outcome = bench.run()
        except servers.ServerFailed as failed:
            sys.exit(f"make bench: {failed}")
        finally:
            bench.stop()
    print("\n" + table.tables(outcome))
    if options.table:
        options.table.write_text(table.page(outcome), encoding="utf-8")
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    sys.exit(main())
