#!/usr/bin/env python3
"""Runs the scenarios with real programs, each in a process and a network of its own, several at once; prints TAP.

    test/interop/run.py [--program build/dialtone] [--jobs N] [--keep] [--list] [WORD ...]

WORD: only scenarios whose title holds one of the words. --keep leaves the folders with logs, recordings and captures.
--program kamailio runs those that any SIP server can pass against one that we did not write: a test of the tests.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback

import lab as labs

import attacker  # noqa: F401  each of these adds its scenarios
import calls  # noqa: F401
import dialing  # noqa: F401
import edge  # noqa: F401
import flows  # noqa: F401
import lamps  # noqa: F401
import linphone  # noqa: F401
import names  # noqa: F401
import records  # noqa: F401
import secure  # noqa: F401
import selftest  # noqa: F401
import strangers  # noqa: F401
import streams  # noqa: F401
import tls  # noqa: F401
import trouble  # noqa: F401
import websocket  # noqa: F401

PROGRAMS = ["baresip", "sipp", "tshark", "dumpcap", "svwar", "svmap", "svcrack",
            "linphone-daemon", "kamailio"]

def run_one(title, program, keep):
    """In the child: one scenario, its results as lines, and the reasons when one failed."""
    labs.end_on_signals()
    good = True

    def tell(name, passed, detail):
        nonlocal good
        good = good and passed
        print(f"{'ok' if passed else 'not ok'} - {title}: {name}")
        for line in detail.splitlines() if not passed else []:
            print(f"#   {line}")

    with labs.Lab(program, tell, keep) as lab:
        try:
            labs.SCENARIOS[title].walk(lab)
            lab.close()
        except Exception as error:
            if good:
                tell("ran to its end", False, f"{error}" if isinstance(error, labs.Failed) else traceback.format_exc())
        if not good:
            print(*(f"#   {line}" for line in lab.logs()), sep="\n")
            if keep:
                print(f"#   kept: {lab.folder}")
    return 0 if good else 1

class Run:
    """One scenario's process and what it printed."""

    def __init__(self, title, args):
        self.title = title
        self.ends = time.monotonic() + labs.SCENARIO_S
        command = [sys.executable, "-B", __file__, "--one", title, "--program", args.program]
        self.output = os.memfd_create("output")
        self.process = subprocess.Popen(command + (["--keep"] if args.keep else []), stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=self.output, start_new_session=True,
                                        preexec_fn=labs.die_with_parent)

    def ended(self):
        """Polled: True once it is over. After its time it is told to end, and a little later made to."""
        if self.process.poll() is None and time.monotonic() > self.ends:
            os.killpg(self.process.pid, signal.SIGTERM if time.monotonic() < self.ends + 10 else signal.SIGKILL)
            time.sleep(0.2)
        if self.process.poll() is None:
            return False
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # what it may have left behind
        except ProcessLookupError:
            pass
        return True

    def lines(self):
        text = os.pread(self.output, os.fstat(self.output).st_size, 0).decode(errors="replace")
        os.close(self.output)
        lines = text.splitlines()
        if not any(line.startswith(("ok - ", "not ok - ")) for line in lines) or (
                self.process.returncode and not any(line.startswith("not ok - ") for line in lines)):
            lines.insert(0, f"not ok - {self.title}: ended by itself (exit code {self.process.returncode})")
        return lines

def run_all(titles, args):
    waiting, running, number, failed = list(titles), [], 0, 0
    while waiting or running:
        while waiting and len(running) < args.jobs:
            running.append(Run(waiting.pop(0), args))
        for run in [run for run in running if run.ended()]:
            running.remove(run)
            for line in run.lines():
                result, _, name = line.partition(" - ")
                if result in ("ok", "not ok"):
                    number += 1
                    failed += result == "not ok"
                    line = f"{result} {number} - {name}"
                print(line, flush=True)
        time.sleep(0.05)
    print(f"1..{number}")
    return 1 if failed or not number else 0

def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--program", default="build/dialtone")
    words.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 2))
    words.add_argument("--keep", action="store_true")
    words.add_argument("--list", action="store_true")
    words.add_argument("--one", help=argparse.SUPPRESS)
    words.add_argument("word", nargs="*")
    args = words.parse_args()
    if "/" in args.program:
        args.program = str(pathlib.Path(args.program).resolve())
    if args.one:
        return run_one(args.one, args.program, args.keep)
    labs.have(*PROGRAMS)
    titles = [title for title, each in labs.SCENARIOS.items()
              if (each.any_server or args.program != "kamailio")
              and (not args.word or any(word in title for word in args.word))]
    if args.list:
        print(*titles, sep="\n")
        return 0
    return run_all(titles, args)

if __name__ == "__main__":
    sys.exit(main())
