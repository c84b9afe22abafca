"""A lab: one scenario's own network, folder and processes. It always ends whole: what it started dies with it.

Every lab owns a /24 of the loopback net (127.x.y.0/24), so that switches and far switches have addresses of their own
and the well-known port, and two labs at once never meet. Phones, which send media from whatever address the kernel
likes, stand at 127.0.0.1 on ports that the kernel gives.
"""

import ctypes
import itertools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass

# Machines stall: a disk for ten seconds, a core for one. So every wait has the same long limit, which only ends what
# would hang, and nothing is concluded from how long something took.
PATIENCE_S = 120
SCENARIO_S = 900  # of a scenario whole

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """A check did not hold: the scenario ends here."""


def die_with_parent():
    """In a child, before it becomes the program: whatever happens to us, it ends too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(ready, timeout_s=PATIENCE_S, step_s=0.02):
    """Asks ready() until it says yes: what it said, or its last word when the time is up."""
    end = time.monotonic() + timeout_s
    while True:
        answer = ready()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step_s)


def folder_parent():
    """Where a test puts its files: TMPDIR when it is set, else memory where there is enough of it, which no disk can
    stall (base/testing.h does the same)."""
    memory = "/dev/shm"
    if os.environ.get("TMPDIR") or not os.access(memory, os.W_OK):
        return None
    room = os.statvfs(memory)
    return memory if room.f_bavail * room.f_frsize >= 1 << 30 else None


def free_port(kind=socket.SOCK_DGRAM, address="127.0.0.1"):
    """A port that the kernel has free."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def is_bound(address, port, protocol="udp"):
    """Has a program this port open? Told without opening it, which might be in the program's way."""
    wanted = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X}"
    rows = pathlib.Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]
    return any(row.split()[1] == wanted for row in rows)


class Program:
    """A running program whose output goes to NAME.log in the lab's folder."""

    def __init__(self, lab, name, command, env=None, telling=None, stdin=subprocess.DEVNULL):
        self.lab, self.name = lab, name
        self.telling = telling  # of all that it said, what tells a person why it failed; without it, all
        self.log = lab.folder / f"{name}.log"
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([str(word) for word in command], stdin=stdin, stdout=out,
                                            stderr=out, env={**os.environ, **(env or {})}, cwd=lab.folder,
                                            preexec_fn=die_with_parent)
        lab.programs.append(self)

    def said(self):
        return self.log.read_text(errors="replace")

    def runs(self):
        return self.process.poll() is None

    def wait_said(self, text, timeout_s=PATIENCE_S):
        wait_until(lambda: text in self.said() or not self.runs(), timeout_s)
        if text not in self.said():
            raise Failed(f"{self.name} never said {text!r}")

    def wait(self, timeout_s=PATIENCE_S):
        """Its exit code, or None when it is still running after the time."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, how=signal.SIGTERM, timeout_s=PATIENCE_S):
        if self.runs():
            self.process.send_signal(how)
            if self.wait(timeout_s) is None:
                self.process.kill()
        return self.process.wait()


class Lab:
    """Use it with `with`. Checks are told to `tell(name, passed, detail)` as they are made."""

    def __init__(self, program=None, tell=None, keep=False):
        self.program = program
        self.tell = tell or (lambda name, passed, detail: None)
        self.keep = keep
        self.programs, self.endings, self.closings = [], [], []
        self.explains = []  # what else tells a person why a scenario failed: functions that give lines

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dialtone-lab-", dir=folder_parent()))
        self.lock, self.net = self.take_network()
        return self

    def __exit__(self, *_):
        for ending in reversed(self.endings):
            ending()
        for program in reversed(self.programs):
            program.stop(timeout_s=5)
        self.lock.close()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def take_network():
        """A /24 that no other lab on this machine holds; the lock is a name that dies with this process."""
        while True:
            net = f"127.{random.randint(64, 126)}.{random.randint(0, 255)}"
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                lock.bind(f"\0dialtone-lab-{net}")
                return lock, net
            except OSError:
                lock.close()

    def own_port(self):
        """A port at 127.0.0.1 that no other lab takes, nor the next one, where a baresip listens for TLS; and that the
        kernel gives nobody by itself."""
        while True:
            port = random.randrange(26000, 32000, 2)
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                lock.bind(f"\0dialtone-port-{port}")
                for kind, where in itertools.product((socket.SOCK_DGRAM, socket.SOCK_STREAM), (port, port + 1)):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", where))
                self.at_end(lock.close)
                return port
            except OSError:
                lock.close()

    def address(self, host):
        return f"{self.net}.{host}"

    def start(self, name, command, env=None, telling=None, stdin=subprocess.DEVNULL):
        return Program(self, name, command, env, telling, stdin)

    def at_end(self, ending):
        """Called when all is over, whatever happened."""
        self.endings.append(ending)

    def at_close(self, closing):
        """Called when a scenario came to its end without a fault: checks that are due only then."""
        self.closings.append(closing)

    def close(self):
        while self.closings:
            self.closings.pop()()

    def check(self, name, passed, detail=""):
        """One result. The scenario goes no further after one that failed: the rest would only be its echo."""
        self.tell(name, bool(passed), str(detail))
        if not passed:
            raise Failed(name)

    def logs(self, lines=60):
        """The ends of all logs that tell something, for a person who asks why."""
        for program in self.programs:
            code = program.process.poll()
            if code == 0 and program.telling:
                continue
            said = program.telling(program.said()) if program.telling else program.said()
            yield f"--- {program.name} (pid {program.process.pid}, exit code {code})"
            yield from said.splitlines()[-lines:]
        for explain in self.explains:
            yield from explain()


def fail_on_signal(number, _):
    raise Failed(f"ended by signal {number}")


def end_on_signals():
    """A person's ^C and the runner's time limit end a lab in order, not in the middle."""
    signal.signal(signal.SIGTERM, fail_on_signal)
    signal.signal(signal.SIGINT, fail_on_signal)


def run_alone(walks, program, keep=False):
    """Runs scenarios that are a test of their own, one after the other, each in a lab; prints TAP. The exit code."""
    results = []

    def tell(name, passed, detail):
        results.append(passed)
        print(f"{'ok' if passed else 'not ok'} {len(results)} - {name}", flush=True)
        print("".join(f"# {line}\n" for line in detail.splitlines() if not passed), end="", flush=True)

    end_on_signals()
    for walk in walks:
        with Lab(program.resolve(), tell, keep) as lab:
            try:
                walk(lab)
                lab.close()
            except Exception as error:
                if all(results):
                    tell("ran to its end", False, f"{error}" if isinstance(error, Failed) else traceback.format_exc())
                print(*(f"# {line}" for line in lab.logs()), sep="\n", flush=True)
            if keep:
                print(f"# kept: {lab.folder}", flush=True)
    print(f"1..{len(results)}")
    return 0 if results and all(results) else 1


def have(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; `make test` and `make demo` install what they need")


SCENARIOS = {}


@dataclass
class Scenario:
    walk: callable
    any_server: bool  # any SIP server passes it, not only ours


def scenario(title, any_server=False):
    """Marks a function as a scenario: it is given a lab."""
    def keep(walk):
        SCENARIOS[title] = Scenario(walk, any_server)
        return walk
    return keep
