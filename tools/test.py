#!/usr/bin/env python3
"""Runs every test there is, as `make test` and CI do, and closes with the line "N passed, N failed".

    tools/test.py [--build FOLDER] [--fuzz-seconds N] [--sim-seconds N] [STEP ...]

Five builds, each without a warning, in folders of their own: gcc with ASan and UBSan (every unit test, the ladders,
the real programs), gcc release (are the binary's defences on; the simulator), gcc with TSan (the unit tests again, for
their threads), gcc with deliberate bugs (bugs: the simulator must find each of them, which shows that its checkers can
fail), and clang with libFuzzer. Real programs mostly wait, builds never do: so the steps run in two lanes. STEP names
the ones to run (see --list); without it all but seeds, which looks for what nobody has seen yet.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import traceback

TOP = pathlib.Path(__file__).resolve().parent.parent
CORES = os.cpu_count() or 2
LIMIT_S = 3600  # of whatever is run: it ends what hangs; a machine may be busy, and a disk may stall for long
TAP = re.compile(r"^(not )?ok\b(?: \d+)?(?: - | )?(.*)")

# Not detect_stack_use_after_return: gcc 12 then puts what asks for 64 octets of alignment at 32, and UBSan objects.
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
BUILDS = {
    "asan": ("gcc", ["--buildtype=debug", "-Doptimization=1", "-Db_sanitize=address,undefined", "-Db_lundef=false"]),
    "release": ("gcc", []),  # as `make` builds it
    "tsan": ("gcc", ["--buildtype=debug", "-Doptimization=1", "-Db_sanitize=thread", "-Db_lundef=false"]),
    "bugs": ("gcc", ["--buildtype=debug", "-Doptimization=1", "-Dbugs=true"]), # deliberate ones, for the simulator
    "fuzz": ("clang", ["--buildtype=debug", "-Doptimization=1", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "-Dfuzz=true"]),
}


class Report:
    """Counts results as the steps bring them, and tells a person what failed as soon as it is known."""

    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()
        self.began = time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def add(self, title, results, log=""):
        """results: (name, passed) pairs; log is shown, its end at least, when one of them failed."""
        bad = [name for name, good in results if not good]
        with self.lock:
            self.passed += len(results) - len(bad)
            self.failed += len(bad)
            self.say(f"{title}: {len(results) - len(bad)} passed, {len(bad)} failed")
            for name in bad:
                print(f"    FAILED  {title}: {name}")
            if bad and log:
                telling = [line for line in log.splitlines() if not line.startswith("ok ")]
                print("\n".join("    | " + line for line in telling[-300:]), flush=True)


def run(command, timeout_s, env=None, cwd=TOP):
    """Runs a command to its end: (its exit code, what it printed). It and its children never outlive the time."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, env={**os.environ, **SANITIZERS, **(env or {})}, cwd=cwd,
                               start_new_session=True, text=True, errors="replace")
    try:
        output, _ = process.communicate(timeout=timeout_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        return 124, output + f"\nended after {timeout_s} s: {' '.join(map(str, command))}"


def tap_results(text):
    """The (name, passed) pairs of a TAP text. What is skipped does not count, nor what is known to fail (TODO); but it
    has failed when it does not fail any more: then the mark has to go."""
    results = []
    for match in filter(None, (TAP.match(line) for line in text.splitlines())):
        todo, skipped = "# todo" in match[2].lower(), "# skip" in match[2].lower()
        if not skipped and not (todo and match[1]):
            results.append((match[2], not match[1] and not todo))
    return results


class Suite:
    """The steps. Each takes no argument, reports what it found, and needs only the build that it names."""

    def __init__(self, args, report):
        self.folder, self.report = pathlib.Path(args.build).resolve(), report
        self.fuzz_seconds, self.fuzz_target = args.fuzz_seconds, args.fuzz_target
        self.refuse_seconds = args.refuse_seconds
        self.sim_seconds = args.sim_seconds

    def build(self, kind, jobs=CORES, target="all"):
        folder = self.folder / kind
        compiler, options = BUILDS[kind]
        log = ""
        code = 0
        if not (folder / "build.ninja").exists():
            code, log = run(["meson", "setup", folder, *options], LIMIT_S, {"CC": compiler})
        if code == 0:
            code, output = run(["ninja", "-C", folder, f"-j{jobs}", target], LIMIT_S)
            log += output
        self.report.add(f"build {kind} ({compiler}, no warning)", [(kind, code == 0)], log)
        return code == 0

    def meson_test(self, kind, title, timeout_factor, jobs, *words):
        """Everything that meson knows as a test, counted by subtest."""
        folder = self.folder / kind
        code, output = run(["meson", "test", "-C", folder, "--no-rebuild", "--num-processes", jobs, "-t",
                            timeout_factor, *words], LIMIT_S)
        logs = folder / "meson-logs" / "testlog.json"
        tests = [json.loads(line) for line in logs.read_text().splitlines()] if logs.exists() else []
        results, log = [], ""
        for test in tests:
            sub = tap_results(test["stdout"]) or [("", test["result"] in ("OK", "SKIP"))]
            # A program that crashed after its last "ok", or before all of them, has failed too.
            if test["result"] not in ("OK", "SKIP") and all(good for _, good in sub):
                sub.append((test["result"].lower(), False))
            results += [(f"{test['name']} {name}", good) for name, good in sub]
            if not all(good for _, good in sub):
                log += f"{test['name']}:\n{test['stdout']}{test.get('stderr', '')}\n"
        if not tests or (code != 0 and all(good for _, good in results)):
            results.append(("meson test", False))
            log += output
        self.report.add(title, results, log)

    def unit(self):
        self.meson_test("asan", "unit tests and ladders (ASan, UBSan)", 3, CORES)

    def refused(self):
        """The unit tests again, with one allocation refused in each run, and then with one call of the system or the
        database: in the time there is, each place that makes them, evenly spread from one that chance chooses. They may
        fail, not crash (test/refuse/refuse.c)."""
        self.refuse("memory", "without memory")
        self.refuse("io", "with a call of system or database that fails")

    def refuse(self, what, title):
        results, runs, logs = [], [], []

        def refuse_in(program):
            code, output = run([program], LIMIT_S, {"REFUSE": "places", "REFUSE_WHAT": what,
                                                    "REFUSE_SECONDS": str(self.refuse_seconds)})
            runs.extend(re.findall(r"^(?:not )?ok - (\d+) of", output, re.M))
            results.append((program.name, code == 0))
            if code != 0:
                logs.append(f"{program.name}:\n{output}")

        on_all_cores(self.report, "refused", (self.folder / "asan").glob("*_test"), refuse_in)
        self.report.add(f"unit tests, {sum(map(int, runs))} times {title}",
                        results or [("there are programs", False)], "\n".join(logs))

    def threads(self):
        if self.build("tsan"): # the simulator has no threads
            self.meson_test("tsan", "unit tests (TSan)", 5, CORES, "--no-suite", "sim")

    def hardening(self):
        if self.build("release"):
            code, output = run(["python3", TOP / "test" / "hardening.py", self.folder / "release" / "dialtone",
                                TOP / "packaging" / "dialtone.service"], LIMIT_S)
            self.report.add("defences of the release build", tap_results(output) or [("ran", code == 0)], output)

    def sim(self):
        """The simulator: a build with sanitizers goes the same way as one without."""
        if not self.build("release"):
            return
        program = pathlib.Path("test") / "sim" / "sim"
        few = [run([self.folder / kind / program, "--from", "1", "--seeds", "30"], LIMIT_S)
               for kind in ("asan", "release")]
        sums = [re.search(r"sum ([0-9a-f]+)", output) for _, output in few]
        same = all(code == 0 for code, _ in few) and sums[0] and sums[1] and sums[0][1] == sums[1][1]
        self.report.add("simulator, in two builds", [("the same seeds, the same runs", bool(same))],
                        "\n".join(output for _, output in few))

    def seeds(self):
        """A minute of one core on seeds that nobody has seen: the first failure is told, with how to see it again. Not
        among the steps that are run when none is named."""
        if not self.build("release"):
            return
        program = self.folder / "release" / "test" / "sim" / "sim"
        code, output = run([program, "--seconds", self.sim_seconds, "--failures",
                            self.folder / "sim-failures.txt"], self.sim_seconds + LIMIT_S)
        told = re.findall(r"^(?:\d+ calls in|seed \d+:|again:).*", output, re.M) # the last two only of a failure
        self.report.add("simulator, fresh seeds", [("; ".join(told), code == 0)], output)
        if code == 0:
            self.report.say(f"simulator, fresh seeds: {told[0]}")

    def bugs(self):
        """That the checkers can fail: each deliberate bug must be found."""
        if self.build("bugs", target="test/sim/bugs"):
            folder = TOP / "test" / "sim"
            code, output = run([self.folder / "bugs" / "test" / "sim" / "bugs", folder / "bugs.tab"], LIMIT_S)
            self.report.add("simulator, deliberate bugs", tap_results(output) or [("ran", code == 0)], output)

    def interop(self):
        code, output = run(["python3", TOP / "test" / "interop" / "run.py", "--program",
                            self.folder / "asan" / "dialtone"], LIMIT_S)
        results = tap_results(output)
        if not results or (code != 0 and all(good for _, good in results)):
            results.append((f"exit code {code}", False))
        self.report.add("real programs", results, output)

    def alone(self, title, script):
        """A test of the real program under the load generator's calls; what it saw, in figures, is told."""
        code, output = run(["python3", TOP / "test" / script, self.folder / "asan" / "dialtone",
                            self.folder / "asan" / "bench" / "sipload"], LIMIT_S)
        results = tap_results(output)
        if code != 0 and all(good for _, good in results):
            results.append((f"exit code {code}", False))
        self.report.add(title, results, output)
        for line in output.splitlines():
            if code == 0 and "# " in line:
                self.report.say(f"{title}: {line}")

    def kills(self):
        self.alone("killed under load", "kills.py")

    def disk(self):
        self.alone("a disk that is full", "full_disk.py")

    def fuzz(self):
        """A minute over all targets, shared out evenly, one target a core; each starts from its kept corpus."""
        if not self.build("fuzz"):
            return
        targets = sorted(file for file in (self.folder / "fuzz").glob("*_fuzz") if self.fuzz_target in file.name)
        if not targets:
            self.report.add("fuzz", [(f"there is a target {self.fuzz_target}", False)])
            return
        seconds = max(2, self.fuzz_seconds * CORES // len(targets))
        on_all_cores(self.report, "fuzz", targets, lambda target: self.report.add(
            f"fuzz {target.name} {seconds} s", *fuzz_one(target, seconds, self.folder)))


def fuzz_one(target, seconds, folder):
    """Fuzzes one target: its result and, if it fell, what libFuzzer said with the input that did it."""
    found, fell = folder / "corpus" / target.name, folder / "fell" / target.name
    for place in (found, fell):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    code, output = run([target, f"-max_total_time={seconds}", "-timeout=120", "-rss_limit_mb=2048",
                        "-print_final_stats=1", f"-artifact_prefix={fell}/", found,
                        TOP / "test" / "corpus" / target.name], seconds + LIMIT_S)
    for file in sorted(fell.iterdir()):
        output += f"\nthe input, also in {file}:\n{file.read_bytes()[:2000]!r}"
    return [(target.name, code == 0)], output


def guarded(report, title, step):
    """Runs a step; one that breaks down has failed, it is not silence."""
    try:
        step()
    except Exception:
        report.add(title, [("ran to its end", False)], traceback.format_exc())


def in_threads(functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def on_all_cores(report, title, items, work):
    """Works on each item, as many at a time as there are cores."""
    waiting, lock = list(items), threading.Lock()

    def work_on_what_waits():
        while True:
            with lock:
                if not waiting:
                    return
                item = waiting.pop()
            work(item)

    in_threads([lambda: guarded(report, title, work_on_what_waits)] * CORES)


def main():
    steps = ["unit", "refused", "interop", "kills", "disk", "hardening", "sim", "seeds", "bugs", "threads", "fuzz"]
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--build", default="build-test", help="where the builds go (default: build-test)")
    words.add_argument("--fuzz-seconds", type=int, default=60, help="time for all fuzz targets together")
    words.add_argument("--sim-seconds", type=int, default=60, help="time for the simulator's fresh seeds")
    words.add_argument("--refuse-seconds", type=int, default=1, help="time for one program's refused allocations")
    words.add_argument("--fuzz-target", default="", help="fuzz only those with this in their names")
    words.add_argument("--list", action="store_true", help="name the steps")
    words.add_argument("step", nargs="*", default=[], help="run these only")
    args = words.parse_args()
    if args.list or set(args.step) - set(steps):
        print(*steps)
        return 0 if args.list else 2
    # Fresh seeds still fail once in a million calls or so: they are asked for by name until they do not.
    wanted = args.step or [step for step in steps if step != "seeds"]
    report = Report()
    suite = Suite(args, report)
    needs_asan = {"unit", "refused", "interop", "kills", "disk", "sim"} & set(wanted)
    if not needs_asan or suite.build("asan"):
        waiting = {"interop", "kills", "disk"}
        lanes = [[step for step in wanted if step not in waiting], [step for step in wanted if step in waiting]]
        in_threads([lambda lane=lane: [guarded(report, step, getattr(suite, step)) for step in lane] for lane in lanes])
    report.say("done")
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return 0 if report.failed == 0 and report.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
