"""testhost.made(): tests that start together make the tree of the hosts once."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "system"))
from tap import Folder, done, ok  # noqa: E402
from testhost import made  # noqa: E402

# What a maker must never meet is another one; the gate holds the first until all have
# begun, each of which would else find the tree neither made nor in the making.
MAKER = """#!/bin/sh
[ ! -e "$1/tree" ] || exit 0
mkdir "$1/making" || exit 1
read -r go <"$1/gate"
echo "$go" >>"$1/made"
mv "$1/making" "$1/tree"
"""

folder = Folder("scitq-made-")
script = folder.join("maker.sh")
with open(script, "w") as f:
    f.write(MAKER)
os.chmod(script, 0o755)
trees = folder.join("trees")
os.mkdir(trees)
os.mkfifo(os.path.join(trees, "gate"))

results = []
makers = [threading.Thread(target=lambda: results.append(made(script, trees)), daemon=True)
          for _ in range(4)]
for maker in makers:
    maker.start()
with open(os.path.join(trees, "gate"), "w") as gate:
    gate.write("go\n")
for maker in makers:
    maker.join(60)
ok(results == [True] * 4, "each of four that start together has the tree")
with open(os.path.join(trees, "made")) as f:
    ok(f.read() == "go\n", "and it was made once")
done()
