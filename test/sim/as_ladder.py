#!/usr/bin/env python3
"""Conversations of simulated runs, printed as ladders, hold in the ladder runner.

    as_ladder.py SIM LADDERS SAMPLE_OFFICE
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

SEEDS = range(1, 13)


def main():
    sim, ladders, office = sys.argv[1:4]
    print(f"1..{len(SEEDS)}")
    failed = 0
    for number, seed in enumerate(SEEDS, 1):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(office, folder)
            shown = subprocess.run([sim, "--seed", str(seed), "--calm", "--calls", "60", "--as-ladder", "first"],
                                   capture_output=True, text=True)
            path = pathlib.Path(folder, "shown.ladder")
            path.write_text(shown.stdout)
            run = subprocess.run([ladders, str(path)], capture_output=True, text=True)
            good = shown.returncode == 0 and run.returncode == 0 and "\nok 1" in "\n" + run.stdout
            print(f"{'ok' if good else 'not ok'} {number} - the first conversation of seed {seed}")
            if not good:
                failed += 1
                for line in (shown.stdout + shown.stderr + run.stdout + run.stderr).splitlines():
                    print("#", line)
    return 1 if failed else 0


sys.exit(main())
