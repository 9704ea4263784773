#!/usr/bin/env python3
"""scitq-fetch with a log and gates, for tests: $SCITQ_GATES names a folder.  Every job's
"op uri" goes into its file `log`, and before them its words; a job whose op is a FIFO there says its pid in `op.at`
and waits until somebody has opened and closed the FIFO; then it is the true program."""

import json
import os
import sys

gates = os.environ["SCITQ_GATES"]
text = sys.stdin.read()
with open(os.path.join(gates, "log"), "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
for job in json.loads(text)["jobs"]:
    with open(os.path.join(gates, "log"), "a") as log:
        log.write("%s %s\n" % (job["op"], job["uri"]))
for job in json.loads(text)["jobs"]:
    gate = os.path.join(gates, job["op"])
    if os.path.exists(gate):
        with open(gate + ".new", "w") as f:
            f.write("%d\n" % os.getpid())
        os.rename(gate + ".new", gate + ".at")
        with open(gate) as f:
            f.read()
        break
memory = os.memfd_create("list")
os.write(memory, text.encode())
os.lseek(memory, 0, os.SEEK_SET)
os.dup2(memory, 0)
os.execv(os.environ["SCITQ_TRUE_FETCH"], sys.argv)
