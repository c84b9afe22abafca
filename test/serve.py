#!/usr/bin/env python3
"""The program as an operator meets it: starts that fail and say why, reload, stop. TAP.

    test/serve.py DIALTONE
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "interop"))
from lab import PATIENCE_S, folder_parent, wait_until  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
RESULTS = []


def check(name, good, said=""):
    RESULTS.append(good)
    print(f"{'ok' if good else 'not ok'} {len(RESULTS)} - {name}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()), flush=True)


class Node:
    """A node in a folder of its own, at an address of the loopback net that nobody else has meanwhile."""

    def __init__(self, folder):
        self.folder, self.config = folder, folder / "dialtone.conf"
        self.address = f"127.2.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
        self.where = f"{self.address}:5060"
        self.ask("init", "--sample", "--listen", self.where, "--media", f"{self.address}:20000-20099", folder)
        self.process = None

    def ask(self, *words):
        command = [PROGRAM, "-c", self.config, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def start(self):
        self.log = open(self.folder / "log", "w+", encoding="utf-8")  # noqa: SIM115
        self.process = subprocess.Popen([PROGRAM, "-c", self.config, "serve"], stderr=self.log)
        return self.wait_for("started")

    def logged(self):
        lines = (self.folder / "log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, event):
        def is_logged():
            return any(line["event"] == event for line in self.logged())
        wait_until(lambda: is_logged() or self.process.poll() is not None)
        return is_logged()

    def change(self, old, new):
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        code = self.process.wait(PATIENCE_S)
        self.log.close()
        return code


def refused(name, done, *says):
    """It ended at once, with a sentence for a person among whatever it logged."""
    said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("{"))
    good = done.returncode == 1 and said.startswith("dialtone: ") and all(part in said for part in says)
    check(name, good, f"exit code {done.returncode}\n{done.stderr}")


def starts_that_fail(node):
    others = [path.name for path in node.folder.iterdir() if path.stat().st_mode & 0o007]
    check("what init made is nobody else's", not others, others)
    refused("no configuration file", subprocess.run([PROGRAM, "-c", "/nowhere.conf", "serve"], capture_output=True,
            text=True, timeout=PATIENCE_S, check=False), "/nowhere.conf: No such file or directory")
    node.change("calls_max = 10000", "calls_max = many")
    refused("an error in the file, with its line", node.ask("serve"), "dialtone.conf:", "calls_max must be 1 to 1000000")
    node.change("calls_max = many", "calls_max = 10000")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((node.address, 5060))
        refused("a port in use", node.ask("serve"), node.where)
    office = node.folder / "office.db"
    good = office.read_bytes()
    office.write_bytes(b"this is no database, whatever its name says" * 100)
    refused("an office that is no database", node.ask("serve"), "office.db", "cannot be used")
    office.rename(node.folder / "kept")
    refused("no office", node.ask("serve"), "office.db", "dialtone init DIR")
    (node.folder / "kept").rename(office)
    office.write_bytes(good)
    check("check is content again", node.ask("check").returncode == 0)


def start_and_ask(node):
    check("it starts", node.start(), (node.folder / "log").read_text())
    started = next(line for line in node.logged() if line["event"] == "started")
    check("and says where it listens", started["listens"] == node.where, started)
    check("with an emergency trunk marked, no word of one", not any(
        line["event"] == "no_emergency_trunk" for line in node.logged()))
    status = node.ask("status", "--json")
    check("it answers the command line", status.returncode == 0 and json.loads(status.stdout)["lines"] == 9,
          status.stdout + status.stderr)
    refused("a second one on the same files", node.ask("serve"), "another switch")
    check("which leaves the first alone", node.ask("status").returncode == 0)
    mode = (node.folder / "api.sock").stat().st_mode & 0o777
    check("its socket is for user and group", mode == 0o660, oct(mode))
    node.ask("trunk", "set", "far", "emergency=no")
    told = node.ask("check")
    check("check warns when no trunk is marked", told.returncode == 0 and "911" in told.stdout, told.stdout)


def reload_and_stop(node):
    node.change('log_level = "info"', 'log_level = "debug"')
    node.change("calls_max = 10000", "calls_max = 20000")
    node.process.send_signal(signal.SIGHUP)
    check("it reads its file again", node.wait_for("reload"))

    def changed():
        return {line["setting"]: line["text"] for line in node.logged() if line["event"] == "setting_changed"}
    wait_until(lambda: len(changed()) == 2)
    check("and says what it takes over and what waits", changed() == {
        "log_level": "is taken over", "calls_max": "waits for a restart"}, changed())
    check("the log level is the new one", "debug" in node.ask("log").stdout)
    node.change("calls_max = 20000", "calls_max = 0")
    node.change('log_level = "debug"', 'log_level = "error"')
    node.process.send_signal(signal.SIGHUP)
    said = node.wait_for("reload_refused")
    node.change("calls_max = 0", "calls_max = 10000")
    node.change('log_level = "error"', 'log_level = "info"')
    check("a file with an error changes nothing", said and "debug" in node.ask("log").stdout)
    code = node.stop()
    check("it stops in order", code == 0, f"exit code {code}")
    check("its socket is gone", not (node.folder / "api.sock").exists())
    check("the command line says that it does not run", node.ask("status").returncode == 3)


def start_again(node):
    check("it starts again, and says that no emergency trunk is marked", node.start()
          and node.wait_for("no_emergency_trunk"))
    node.process.kill()
    node.process.wait()
    check("and after it was killed, over its stale socket", node.start())
    code = node.stop(signal.SIGINT)
    check("it stops on ^C too", code == 0, f"exit code {code}")


def main():
    with tempfile.TemporaryDirectory(prefix="dialtone-serve-", dir=folder_parent()) as folder:
        node = Node(pathlib.Path(folder) / "node")
        try:
            starts_that_fail(node)
            start_and_ask(node)
            reload_and_stop(node)
            start_again(node)
        finally:
            if node.process and node.process.poll() is None:
                node.process.kill()
    print(f"1..{len(RESULTS)}")
    return 0 if all(RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
