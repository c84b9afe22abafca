#!/usr/bin/env python3
"""Makes C of the migrations, so that the program carries them.

    embed.py OUTPUT.c 0001_name.sql ...
"""

import pathlib
import re
import sys


def main():
    files = sorted((pathlib.Path(name) for name in sys.argv[2:]), key=lambda file: file.name)
    texts, rows = [], []
    for file in files:
        parts = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", file.name)
        if not parts:
            sys.exit(f"{file.name}: a migration is named NNNN_name.sql")
        number, name = parts.groups()
        octets = file.read_bytes()
        lines = (", ".join(map(str, octets[at:at + 32])) for at in range(0, len(octets), 32))
        texts.append(f"static const char sql_{number}[] = {{\n\t" + ",\n\t".join(lines) + ", 0,\n};\n")
        rows.append(f'\t{{ {int(number)}, "{name}", sql_{number} }},\n')
    if len({file.name[:4] for file in files}) != len(files):
        sys.exit("two migrations have one number")
    pathlib.Path(sys.argv[1]).write_text(
        '// Made by embed.py from the migrations.\n#include "keep/store_migrate.h"\n\n' + "\n".join(texts) +
        "\nconst struct store_migration store_migrations[] = {\n" + "".join(rows) + "\t{ 0, NULL, NULL },\n};\n")


main()
