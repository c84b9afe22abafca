#!/usr/bin/env python3
"""Prints the longest functions, files and lines of the sources, longest first; a person judges.

    tools/tidy.py [COUNT]
"""

import json
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
FUNCTION_LINES, FILE_LINES, COLUMNS, TAB = 40, 450, 120, 4


def functions(files):
    """(lines, place, name) of each function, by universal-ctags."""
    command = ["ctags", "--output-format=json", "--fields=+ne", "--c-kinds=f", "--languages=C", "-o", "-", "-L", "-"]
    printed = subprocess.run(command, input="\n".join(map(str, files)), text=True, capture_output=True, check=True)
    for line in printed.stdout.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield tag["end"] - tag["line"] + 1, f"{tag['path']}:{tag['line']}", tag["name"]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=TOP, text=True,
                           capture_output=True, check=True)
    files = [pathlib.Path(name) for name in names.stdout.split()]
    found = sorted(functions(files), reverse=True)
    sizes = sorted(((len(file.read_text().splitlines()), file) for file in files), reverse=True)
    lengths = sorted(lines for lines, _, _ in found)
    if lengths:
        print(f"{len(lengths)} functions: median {lengths[len(lengths) // 2]} lines, "
              f"95 % under {lengths[len(lengths) * 95 // 100]}, longest {lengths[-1]}")
    for lines, place, name in found[:count]:
        if lines > FUNCTION_LINES:
            print(f"{place}: {name} is {lines} lines")
    for lines, file in sizes[:count]:
        if lines > FILE_LINES:
            print(f"{file}: {lines} lines")
    for file in files:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if len(line.expandtabs(TAB)) > COLUMNS:
                print(f"{file}:{number}: {len(line.expandtabs(TAB))} columns")


if __name__ == "__main__":
    os.chdir(TOP)
    main()
