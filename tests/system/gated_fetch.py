#!/usr/bin/env python3
"""scitq-fetch with a log and gates, for tests: $SCITQ_GATES names a folder.  Every job's
"op uri" goes into its file `log`, and before them its words; a job whose op is a FIFO there
says its pid in `op.at` and waits until somebody has opened and closed the FIFO; then it is
the true program.  With a file `op.dies` it removes that, does all jobs but the last, and
dies."""

import json
import os
import signal
import subprocess
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
asked = json.loads(text)
dies = [d for d in (os.path.join(gates, job["op"] + ".dies") for job in asked["jobs"])
        if os.path.exists(d)]
if dies:
    os.unlink(dies[0])
    asked["jobs"].pop()
    subprocess.run([os.environ["SCITQ_TRUE_FETCH"]] + sys.argv[1:],
                   input=json.dumps(asked).encode())
    os.kill(os.getpid(), signal.SIGKILL)
memory = os.memfd_create("list")
os.write(memory, text.encode())
os.lseek(memory, 0, os.SEEK_SET)
os.dup2(memory, 0)
os.execv(os.environ["SCITQ_TRUE_FETCH"], sys.argv)
