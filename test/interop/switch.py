"""The switch under test, as the scenarios see it: its lines, its address, its command line."""

import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass

from baresip import Phone
from judge import Capture
from lab import PATIENCE_S, Failed, wait_until

# A broken rule of the language or of memory ends the switch at once, and the scenario with it.
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass
class Line:
    name: str      # as its phone registers
    number: str    # ten digits
    password: str


class Server:
    """What a switch and its stand-in have in common: lines at an address, and a far switch of another carrier."""

    def __init__(self, lab):
        self.lab, self.address, self.far_address = lab, lab.address(1), lab.address(20)
        self.where, self.far_where = f"{self.address}:5060", f"{self.far_address}:5060"
        self.far_number = "12125550142"
        self.lines = []  # the first four can call and be called

    def allow_calls(self, index, count):
        """Lets a line have so many calls at once."""

    def phone(self, index, name, where=None, **how):
        """A phone of the line with this index, registered; where: another listener than the first."""
        line = self.lines[index]
        return Phone(self.lab, name, line.name, where or self.where, line.password, **how)

    def judged(self):
        """Starts the judge: call it, when all is over, for the faults of our packets."""
        capture = Capture(self.lab)

        def verdict():
            capture.stop()
            faults = capture.faults(self.address)
            self.lab.check("the judge finds no fault in our packets", not faults, "\n".join(faults))
            return capture
        return verdict


class Switch(Server):
    """`dialtone` with the sample office (keep/sample.h), at the lab's first address; a far switch of its trunk stands
    at .20. Lines 0 to 3 are in New Hampshire, 5 to 7 in Maine; 0 and 5 have all features."""

    MEDIA_PORTS = (20000, 20199)

    def __init__(self, lab, settings=""):
        super().__init__(lab)
        self.folder = lab.folder / "switch"
        self.config = self.folder / "dialtone.conf"
        told = self.run("init", "--sample", "--json", "--listen", self.where, "--media",
                        f"{self.address}:{self.MEDIA_PORTS[0]}-{self.MEDIA_PORTS[1]}", self.folder)
        self.lines = [Line(line["name"], line["number"][-10:], line["password"]) for line in json.loads(told)["lines"]]
        self.set_in_config(f"stop_limit_s = 2\nworkers = 2\n{settings}")
        self.program = None

    def set_in_config(self, settings):
        """Lines NAME = VALUE that take the place of what init wrote."""
        text = self.config.read_text()
        for line in settings.strip().splitlines():
            text = re.sub(rf"(?m)^#?\s*{line.split('=')[0].strip()}\s*=.*\n", "", text)
        self.config.write_text(settings + "\n" + text)

    def run(self, *words, may_fail=False):
        """What the program prints, once, as a command."""
        done = subprocess.run([self.lab.program, *map(str, words)], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False, env={**os.environ, **SANITIZERS})
        if done.returncode != 0 and not may_fail:
            raise Failed(f"dialtone {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def say(self, *words, may_fail=False):
        """What a command to the running switch prints for a person."""
        return self.run("-c", self.config, *words, may_fail=may_fail)

    def refused(self, *words):
        """What a person is told by a command that must fail."""
        done = subprocess.run([self.lab.program, "-c", self.config, *map(str, words)], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False, env={**os.environ, **SANITIZERS})
        if done.returncode == 0:
            raise Failed(f"dialtone {' '.join(map(str, words))}: was not refused\n{done.stdout}")
        return done.stderr

    def ask(self, *words):
        """The same for a program: what its JSON says."""
        return json.loads(self.run("-c", self.config, "--json", *words))

    def start(self):
        self.program = self.lab.start("switch", [self.lab.program, "serve", "-c", self.config], SANITIZERS)
        wait_until(lambda: not self.program.runs() or self.say("status", may_fail=True), step_s=0.05)
        if not self.program.runs():
            raise Failed("the switch did not start")
        # SIPp is there for single calls only: it is not asked whether it lives.
        self.say("trunk", "set", "far", f"peers={self.far_where}", "options-s=0")
        return self

    def allow_calls(self, index, count):
        self.say("line", "set", self.lines[index].name, f"calls-max={count}")

    def stop(self):
        """Ends it as an operator would, which must end in order: with a sanitizer, that is also without a leak."""
        if self.program and self.program.runs():
            code = self.program.stop()
            self.lab.check("the switch ends in order", code == 0, f"exit code {code}")

    def kill(self):
        """As if the power went."""
        self.program.process.kill()
        self.program.process.wait()

    def records(self, **wanted):
        """The call detail records, oldest first."""
        return self.ask("cdr", "list", *(f"{name}={value}" for name, value in wanted.items()))

    def last_record(self, of_line, count=1):
        """The newest record of a line's calls, once so many are there: all of its calls have ended, or will. (A call
        may be over before its record is on a disk that is slow.)"""
        found = wait_until(lambda: len(rows := self.records(line=of_line.name)) >= count and rows, step_s=0.1)
        if not found:
            raise Failed(f"there are not {count} records of line {of_line.name}")
        return found[-1]


def start(lab, settings=""):
    """The server that this run is about, started; at the end of the scenario it is stopped, and must stop well."""
    if lab.program == "kamailio":
        from standin import StandIn  # noqa: PLC0415  which needs this module
        return StandIn(lab).start()
    server = Switch(lab, settings).start()
    lab.at_close(server.stop)
    return server


class Standing:
    """A switch outside any lab, with the sample office in a folder that stays: for a person's own telephone."""

    def __init__(self, program, folder, where):
        self.where, self.config = where, folder / "dialtone.conf"
        told = subprocess.run([program, "init", "--sample", "--json", "--listen", where, "--media",
                               f"{where.rpartition(':')[0]}:20000-29999", folder], capture_output=True, text=True,
                              check=False)
        if told.returncode != 0:
            raise SystemExit(told.stderr)
        self.lines = [Line(line["name"], line["number"][-10:], line["password"])
                      for line in json.loads(told.stdout)["lines"]]
        self.log = (folder / "log").open("ab")
        self.process = subprocess.Popen([program, "serve", "-c", self.config], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def wait(self):
        """Until ^C, which the switch gets too: it ends in its own time. So it does when only we are told to end."""
        signal.signal(signal.SIGTERM, lambda *_: self.process.terminate())
        while True:
            try:
                return self.process.wait()
            except KeyboardInterrupt:
                print("\n  It lets calls finish, and ends. ^C once more ends it at once.", flush=True)
                signal.signal(signal.SIGINT, lambda *_: self.process.kill())
