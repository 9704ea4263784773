"""All tables of rows, and the numbers of statements.txt."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir,
                                "system"))
import rows_access  # noqa: F401
import rows_events  # noqa: F401
import rows_executions  # noqa: F401
import rows_own  # noqa: F401
import rows_rest  # noqa: F401
import rows_rules  # noqa: F401
import rows_tasks  # noqa: F401
import rows_types  # noqa: F401
import rows_workers  # noqa: F401
from engine import rows  # noqa: F401


def statements():
    """{number: sentence}, in their order; each number once, each sentence new."""
    found = {}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "statements.txt")
    with open(path) as f:
        for line in f:
            number, _, sentence = line.strip().partition(" ")
            if line.startswith("#") or not number:
                continue
            if number in found or not sentence:
                raise ValueError("statements.txt: %s" % line)
            found[number] = sentence
    return found
