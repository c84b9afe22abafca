#!/usr/bin/env python3
"""The dependency rule, read from the #include lines: a file includes its own folder and lower levels, nothing else.

    tools/layers.py [SOURCE_FOLDER]        TAP, one line a folder

The levels are those of the design. Two more rules come with it: an include is written folder/file.h, and only the
folders at the edge include the headers that touch the system, so that a step of a call depends on its arguments only.
"""

import pathlib
import re
import sys
import tempfile

LEVELS = {
    "base": 0,
    "wire/net": 1, "wire/sip": 1, "wire/sdp": 1, "wire/rtp": 1, "wire/mgcp": 1, "wire/m3ua": 1, "wire/isup": 1,
    "office": 1, "call/model": 1,
    "live": 2, "call/number": 2, "call/route": 2, "call/charge": 2, "call/media": 2,
    "call/half": 3,
    "call/leg": 4, "call/feature": 4, "keep": 4,
    "run": 5,
}
SIDEWAYS = {("wire/sip", "wire/sdp"), ("wire/mgcp", "wire/sdp")}

# base holds what stands between us and the C library; the others are the edges that the design names.
EDGES = {"base", "wire/net", "keep", "run"}
SYSTEM = re.compile(r"(sys/(socket|epoll|eventfd|timerfd|stat|uio|mman|un|wait)|fcntl|unistd|netdb|poll|dirent|pthread"
                    r"|threads|signal|sqlite3|microhttpd|curl/curl)\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def faults_of(file, folder, source):
    """What is wrong with the include lines of one file, as lines for a person."""
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quote, name = found.groups()
        target = name.rpartition("/")[0]
        wrong = None
        if quote == "<":
            if SYSTEM.fullmatch(name) and folder not in EDGES and not file.name.endswith("_test.c"):
                wrong = "touches the system, which is for " + ", ".join(sorted(EDGES))
        elif not target:
            own = file.name.replace("_test.c", ".c").replace("_fuzz.c", ".c")
            if name != own:
                wrong = "is not written folder/file.h"
        elif target not in LEVELS:
            wrong = "is of a folder without a level"
        elif target != folder and LEVELS[target] >= LEVELS[folder] and (folder, target) not in SIDEWAYS:
            wrong = f"points up or sideways: {folder} is level {LEVELS[folder]}, {target} level {LEVELS[target]}"
        if wrong:
            yield f"{file.relative_to(source.parent)}:{number}: {name} {wrong}"


def check(source):
    """The faults of each folder that holds C files."""
    folders = {}
    for file in sorted(source.rglob("*.[ch]")) + sorted(source.rglob("*.tab")):
        folder = file.parent.relative_to(source).as_posix()
        faults = folders.setdefault(folder, [])
        if folder in LEVELS:
            faults += faults_of(file, folder, source)
        else:
            faults.append(f"{file.relative_to(source.parent)}: its folder has no level")
    return folders


def self_test():
    """The check itself must be able to fail: each kind of fault, in a tree made for it."""
    cases = {
        "an include upwards is refused": ("call/half/a.c", '#include "run/node.h"', 1),
        "an include sideways is refused": ("live/a.h", '#include "call/route/choice.h"', 1),
        "sip sees sdp": ("wire/sip/a.c", '#include "wire/sdp/sdp.h"', 0),
        "sdp does not see sip": ("wire/sdp/a.c", '#  include "wire/sip/msg.h"', 1),
        "a socket outside the edges is refused": ("call/leg/a.c", "#include <sys/socket.h>", 1),
        "a lower level is fine": ("run/a.c", '#include "call/leg/leg.h"', 0),
        "a bare name is refused": ("office/a.c", '#include "line.h"', 1),
        "a test includes what it tests": ("office/a_test.c", '#include "a.c"', 0),
        "a folder without a level is refused": ("call/magic/a.c", "", 1),
    }
    for name, (path, text, faults) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "src", path)
            file.parent.mkdir(parents=True)
            file.write_text(text + "\n")
            yield name, sum(map(len, check(pathlib.Path(folder, "src")).values())) == faults


def main():
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src").resolve()
    results = list(self_test())
    faults = check(source)
    results += [(f"includes of {folder}", not wrong) for folder, wrong in faults.items()]
    results.append(("there are sources to check", bool(faults)))
    print(f"1..{len(results)}")
    for number, (name, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    for line in (line for wrong in faults.values() for line in wrong):
        print(f"# {line}")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
