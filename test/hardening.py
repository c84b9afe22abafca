#!/usr/bin/env python3
"""Are the defences of the release binary and of its service switched on? TAP, one line a defence.

    test/hardening.py BINARY [SERVICE]

A switch stands in the open: a static or unprotected build of a like program was a hole in the field before.
"""

import re
import shutil
import subprocess
import sys


def readelf(binary, *options):
    return subprocess.run(["readelf", "--wide", *options, binary], capture_output=True, text=True, check=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def defences(binary):
    header = readelf(binary, "--file-header", "--program-headers")
    dynamic = readelf(binary, "--dynamic")
    symbols = readelf(binary, "--dyn-syms")
    stack = re.search(r"GNU_STACK.*", header)
    yield "position independent (PIE)", "Type:" in header and "DYN" in header and "PIE" in dynamic
    yield "relocations read-only after start (full RELRO)", "GNU_RELRO" in header and "BIND_NOW" in dynamic
    yield "stack not executable", bool(stack) and "RWE" not in stack[0]
    yield "no segment both writable and executable", not re.search(r"LOAD.*RWE", header)
    yield "stack protector", "__stack_chk_fail" in symbols
    yield "library calls checked (FORTIFY)", bool(re.search(r"__\w+_chk@", symbols.replace("__stack_chk_fail", "")))
    yield "no library path of its own", not re.search(r"\((RPATH|RUNPATH)\)", dynamic)
    if "X86-64" in header:
        yield "shadow stack allowed (CET)", "SHSTK" in readelf(binary, "--notes")


def sandbox(service):
    """systemd's own judge of a unit: 10 is no protection, 0 as much as there is. Only where systemd is installed."""
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", service],
                              capture_output=True, text=True, check=False)
        yield "the service's sandbox is rated 1.5 or better", done.returncode == 0 and "exposure level" in done.stdout


def main():
    results = list(defences(sys.argv[1]))
    for service in sys.argv[2:]:
        results += sandbox(service)
    print(f"1..{len(results)}")
    for number, (name, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
