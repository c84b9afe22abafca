"""The figures of a run as tables that read well in a terminal and in Markdown alike."""

import os
import pathlib
import platform
import re
import statistics
import subprocess
import time
from dataclasses import dataclass

TOP = pathlib.Path(__file__).resolve().parent.parent


@dataclass
class Summary:
    """The rounds of one work on one server."""

    use_us: float
    system_us: float
    least_us: float
    most_us: float
    per_second: float
    failures: int
    repeated: int       # by the generator
    repeated_by_server: int
    delays_us: dict     # median and p99 (medians of the rounds), worst of all
    delay_of: str


@dataclass
class Outcome:
    versions: list      # of the servers, dialtone first
    rounds: int
    works: dict         # title: {server: Summary}
    memory: dict        # of what: {server: octets}
    lost: dict          # server: held calls that did not end well

    @property
    def clean(self):
        """No operation of ours failed."""
        return not self.lost["dialtone"] and not any(each["dialtone"].failures for each in self.works.values())


def summary(work, rounds):
    loads = [each.load for each in rounds]
    of = "registered" if work.mode == "register" else "ringing"
    delays = [load[f"{of}_us"] for load in loads]
    use = [each.use_us for each in rounds]
    return Summary(
        use_us=statistics.median(use), system_us=statistics.median(each.system_us for each in rounds),
        least_us=min(use), most_us=max(use), per_second=statistics.median(load["per_second"] for load in loads),
        failures=sum(load["failures"] + load["unfinished"] for load in loads),
        repeated=sum(load["retransmissions"] for load in loads),
        repeated_by_server=sum(load["server_retransmissions"] for load in loads),
        delays_us={"median": statistics.median(each["median"] for each in delays),
                   "p99": statistics.median(each["p99"] for each in delays),
                   "worst": max(each["worst"] for each in delays)},
        delay_of=of)


def grid(heads, rows):
    """Columns of equal width; the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(cells):
        first, *others = (cell.ljust(width) if i == 0 else cell.rjust(width)
                          for i, (cell, width) in enumerate(zip(cells, widths)))
        return " | ".join([f"| {first}", *others]) + " |"
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(heads), line(rule), *map(line, rows)]) + "\n"


def use_table(outcome):
    names = list(next(iter(outcome.works.values())))
    heads = ["work"]
    for name in names:
        heads += [f"{name}, us", "all rounds"]
    rows = []
    for title, by_server in outcome.works.items():
        row = [title]
        for each in by_server.values():
            row += [f"{each.use_us:.1f} ({each.system_us:.0f})", f"{each.least_us:.1f}-{each.most_us:.1f}"]
        if len(names) > 1:
            row.append(f"{by_server[names[0]].use_us / by_server[names[1]].use_us:.2f}")
        rows.append(row)
    return grid(heads + (["ratio"] if len(names) > 1 else []), rows)


def load_table(outcome):
    rows = []
    for title, by_server in outcome.works.items():
        for name, each in by_server.items():
            delays = [f"{each.delays_us[which] / 1000:.2f}" for which in ("median", "p99", "worst")]
            rows.append([f"{title}: {name}", f"{each.per_second:,.0f}", str(each.failures), str(each.repeated),
                         str(each.repeated_by_server), *delays])
    return grid(["work: server", "a second", "failures", "repeated", "by server", "delay, ms", "99 %", "worst"], rows)


def memory_table(outcome):
    names = list(next(iter(outcome.memory.values())))
    rows = [[what, *(f"{by_server[name]:,.0f}" for name in names)] for what, by_server in outcome.memory.items()]
    return grid(["octets per", *names], rows)


def tables(outcome):
    lost = ", ".join(f"{name} {count}" for name, count in outcome.lost.items())
    return (f"Processor time per operation, microseconds: user and kernel together (the kernel's part), median of "
            f"{outcome.rounds} rounds:\n\n{use_table(outcome)}\n"
            "What the load generator saw; the delay is to the 180 of a call, or to the end of a registration:\n\n"
            f"{load_table(outcome)}\nMemory:\n\n{memory_table(outcome)}\n"
            f"Held calls that did not end well: {lost}.\n")


def machine():
    processor = re.search(r"(?m)^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text())
    guest = re.search(r"(?m)^flags.*\bhypervisor\b", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / (1 << 20)
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (f"{'a virtual machine, ' if guest else ''}{processor[1] if processor else platform.machine()}, "
            f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, {system}")


def commit():
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=TOP, capture_output=True, text=True,
                          check=False)
    return told.stdout.strip() or "without a history"


PAGE = """# What it costs

<!-- Made by `make bench`; the text stands in bench/table.py. -->

The last run of `make bench`: {date} UTC, on {machine}.
{versions}

Server on one core (one worker), load generator on the other, over loopback. A *registration* is REGISTER 401 REGISTER
200 with MD5. A *call* is INVITE 100 180 200 ACK BYE 200 without hold, answered at once, an INVITE of 1.0 kB with SDP;
*challenged* calls begin with INVITE 401 ACK. 60 operations stand at once, except where a rate is said. dialtone is a
back-to-back agent: two dialogs, media ports taken for both sides (no media flows), trail, ladder, journal and call
detail record. Kamailio, with `bench/kamailio.cfg`, is a stateful proxy with location, dialog, accounting and a log line
at the end of a call. All files are in memory, so that waiting for the disk costs nothing here, and what a server does
after the last answer counts. Kamailio is started anew for each work: its allocator slows down with what came before.
Differences under 25 % mean nothing on a machine like this.

{tables}
A registered line: what lines not registered before add, each with one contact. A held call: what it adds 40 s after the
last answer, both dialogs; what finished transactions keep is apart. dialtone: the process's own memory; Kamailio: its
shared memory in use.
"""


def page(outcome):
    return PAGE.format(date=time.strftime("%Y-%m-%d %H:%M", time.gmtime()), machine=machine(),
                       versions="; ".join(outcome.versions) + f" (commit {commit()}).",
                       tables=tables(outcome))
