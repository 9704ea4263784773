#!/usr/bin/env python3
"""Every statement has its row, and every row its statement: what is promised and not
looked at is found here, and so is a row that nobody promised."""

import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tables  # noqa: E402
from tap import diag, done, is_, ok  # noqa: E402


def main():
    statements = tables.statements()
    counted = collections.Counter(row.number for row in tables.rows)
    for number, sentence in statements.items():
        ok(counted[number], "%s %s" % (number, sentence))
    is_(sorted(set(counted) - set(statements)), [], "no row is of no statement")
    names = collections.Counter((row.number, row.variant) for row in tables.rows)
    is_([n for n, times in names.items() if times > 1], [], "no two rows have one name")
    diag("%d statements, %d rows" % (len(statements), len(tables.rows)))
    done()


main()
