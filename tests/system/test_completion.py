"""What bash completes: the very scripts that are installed, asked as bash asks them."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def completed(*words):
    """What may stand for the last word."""
    name = words[0]
    out = subprocess.run(
        ["bash", "-c", ". \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
         "_%s; printf '%%s\\n' \"${COMPREPLY[@]}\"" % name, "bash",
         os.path.join(BUILD, "cli", "completions", name)] + list(words),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return out.stdout.split()


for line, wanted in (
        ("scitq-manage w", ["worker"]),
        ("scitq-manage task re", ["relaunch"]),
        ("scitq-manage --json task re", ["relaunch"]),
        ("scitq-manage db up", ["upgrade", "upgrade-or-init"]),
        ("scitq-manage worker list --no", ["--no-header"]),
        ("scitq-manage worker list -S off", ["offline"]),
        ("scitq-manage worker list --batch ", []),
        ("scitq-manage worker list --status =", "paused running offline failed "
         "evicted".split()),
        ("scitq-manage worker list --status = off", ["offline"]),
        ("scitq-manage worker list --js", ["--json"]),
        ("scitq-fetch nc", ["ncdu"]),
        ("scitq-launch --use", ["--use-cache"]),
        ("scitq-inventory --ver", ["--version"])):
    is_(completed(*line.split(" ")), wanted, line)
is_(len(completed("scitq-manage", "")) > 10, True, "objects and options are offered")
done()
