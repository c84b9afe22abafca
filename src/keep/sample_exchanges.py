#!/usr/bin/env python3
"""Makes sample_exchanges.tab from a list of telephone prefixes and their towns.

    sample_exchanges.py PREFIXES > sample_exchanges.tab

The list is the English geocoding resource for +1 of libphonenumber (Apache-2.0): lines "1603224|Concord, NH". Towns are
not rate centres; in a sample a town that bears the rate centre's name will do. A carrier imports the complete tables.
"""

import re
import sys

HEAD = """\
// Exchanges of New Hampshire, Maine and Vermont with their towns, which stand for rate centres in the sample office.
// Derived by sample_exchanges.py from the geocoding data of libphonenumber:
//     Copyright (C) 2011 The Libphonenumber Authors, licensed under the Apache License, Version 2.0
//
// X(state, town, area code and exchange)
"""


def main():
    print(HEAD, end="")
    rows = []
    for line in open(sys.argv[1], encoding="utf-8"):
        found = re.fullmatch(r"1((?:603|207|802)[2-9]\d\d)\|(.+), (NH|ME|VT)\n", line)
        if found:
            rows.append((found[3], found[2], found[1]))
    for state, town, npa_nxx in sorted(rows):
        print(f'X({state}, "{town}", {npa_nxx})')


main()
