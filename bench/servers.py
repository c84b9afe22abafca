"""The servers that are measured, each with its data in memory, on one core: dialtone, and its peer Kamailio."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
REALM, PASSWORD = "bench.example", "dial-tone"
FIRST_NUMBER = 6035530000
TRUNK_ADDRESS = "127.0.0.2"  # where calls of another carrier come from
TICKS = os.sysconf("SC_CLK_TCK")


class ServerFailed(Exception):
    """It did not start, or ended: the text says why."""


class Use:
    """Processor time of a server, seconds: all, and the kernel's part of it."""

    def __init__(self, total=0.0, system=0.0):
        self.total, self.system = total, system

    def __sub__(self, other):
        return Use(self.total - other.total, self.system - other.system)


class Server:
    """A program with all its processes and threads on core 0."""

    name = port = None

    def __init__(self, folder, environment=None):
        self.folder, self.process, self.where = folder, None, f"127.0.0.1:{self.port}"
        self.environment = {**os.environ, **(environment or {})}
        folder.mkdir(exist_ok=True)

    def launch(self, command):
        self.log = (self.folder / f"{self.name}.log").open("wb")
        self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True, env=self.environment,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {0}))

    def processes(self):
        """All of them: they are the session that the first one began."""
        found = []
        for each in pathlib.Path("/proc").iterdir():
            if not each.name.isdigit():
                continue
            try:
                fields = (each / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            if int(fields[3]) == self.process.pid:
                found.append((each, fields))
        if not found or self.process.poll() is not None:
            raise ServerFailed(f"{self.name} ended with {self.process.poll()}:\n{self.last_words()}")
        return found

    def last_words(self):
        return "\n".join((self.folder / f"{self.name}.log").read_text(errors="replace").splitlines()[-10:])

    def use(self):
        """What it used since it started: the scheduler's nanoseconds, parted by the kernel's ticks."""
        total = user = system = 0.0
        for path, fields in self.processes():
            user += int(fields[11])
            system += int(fields[12])
            for task in (path / "task").iterdir():
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
        return Use(total, system / TICKS)

    def quiet(self, wait_s=30):
        """Waits until it does nothing any more: what it does after the last answer belongs to the work, too."""
        end, before = time.monotonic() + wait_s, self.use().total
        while time.monotonic() < end:
            time.sleep(0.5)
            now = self.use().total
            if now - before < 0.005:
                return
            before = now

    def memory(self):
        """Octets that are its own: not the programs and libraries, which it shares with whatever else runs."""
        return sum(int(re.search(r"(?m)^Pss_Anon: +(\d+)", (path / "smaps_rollup").read_text())[1]) * 1024
                   for path, _ in self.processes())

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


class LocalApi(http.client.HTTPConnection):
    """HTTP over the switch's socket."""

    def __init__(self, path):
        super().__init__("switch")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, method, path, **body):
        """What it answers. The switch closes what is idle: then it is asked once more."""
        for attempt in range(2):
            try:
                return self.ask_once(method, path, body)
            except (BrokenPipeError, http.client.RemoteDisconnected):
                self.close()
                if attempt:
                    raise

    def ask_once(self, method, path, body):
        self.request(method, "/v1" + path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise ServerFailed(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


class Dialtone(Server):
    """One worker; the sample office with so many lines more."""

    name, port = "dialtone", 15060
    SETTINGS = {"workers": 1, "calls_max": 20000, "transactions_max": 2000000, "registrations_max": 100000,
                "stop_limit_s": 0, "log_level": '"warn"'}

    def __init__(self, folder, program, lines, environment):
        super().__init__(folder, environment)
        self.program, self.lines, self.config = program, lines, folder / "node" / "dialtone.conf"

    def start(self):
        init = subprocess.run([self.program, "init", "--sample", "--listen", self.where, "--realm", REALM,
                               self.config.parent], capture_output=True, text=True, check=False)
        if init.returncode != 0:
            raise ServerFailed(init.stderr)
        text = self.config.read_text()
        for name, value in self.SETTINGS.items():
            text = re.sub(rf"(?m)^(\s*){name} = .*$", rf"\g<1>{name} = {value}", text)
        self.config.write_text(text)
        self.launch([self.program, "-c", self.config, "serve"])
        self.api = self.wait_for_api()
        self.provision()

    def wait_for_api(self):
        for _ in range(200):
            self.processes()
            try:
                api = LocalApi(self.config.parent / "api.sock")
                api.ask("GET", "/status")
                return api
            except OSError:
                time.sleep(0.05)
        raise ServerFailed(f"{self.name} does not answer its API:\n{self.last_words()}")

    def provision(self):
        self.api.ask("PATCH", "/office/trunk/far", peers=f"{TRUNK_ADDRESS}:{self.port + 2000}/0", **{"options-s": "0"})
        for i in range(self.lines):
            number = FIRST_NUMBER + i
            self.api.ask("POST", "/office/line", name=str(number), number=f"+1{number}", customer="Granite Bakery",
                         password=PASSWORD, **{"rate-centre": "NH/Concord", "calls-max": "100", "digest": "md5"})

    def version(self):
        return subprocess.run([self.program, "version"], capture_output=True, text=True, check=True).stdout.strip()


class Kamailio(Server):
    """One worker of a stateful proxy: see kamailio.cfg."""

    name, port = "kamailio", 15160
    program = shutil.which("kamailio", path=os.environ.get("PATH", "") + ":/usr/sbin")

    def start(self):
        self.control = f"unix:{self.folder}/kamailio.ctl"
        self.launch([self.program, "-DD", "-E", "-f", HERE / "kamailio.cfg", "-l", f"udp:{self.where}", "-n", "1",
                     "-m", "2048", "-M", "32", "-x", "fm", "-w", self.folder, "-A", f'CONTROL="{self.control}"'])
        time.sleep(2)
        self.processes()

    def memory(self):
        """Shared memory in use: what was freed stays with its processes, so that their size says nothing."""
        told = subprocess.run(["kamcmd", "-s", self.control, "core.shmmem"], capture_output=True, text=True, check=True)
        return int(re.search(r"real_used: (\d+)", told.stdout)[1])

    def version(self):
        told = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=True).stdout
        return re.search(r"version: (.*?) \(", told)[1]
