"""A task that is stopped while its data moves gives its place to the next one at once:
for S3, Azure Blob and HTTP, behind a gate that lets the first bytes through and then
nothing more, so that the transfer hangs in the midst of a body.

What is shown is the order: the next command runs, and the old transfer's processes are
gone, while the gate is still stalled.  The time from the signal to the next command's
start is printed; SCITQ_TEST_LONG=1 asserts that its median is under a second."""

import os
import signal
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "servers")]
from harness import *  # noqa: E402,F403
from fetch import write  # noqa: E402
from servers import Servers, environment  # noqa: E402
from worker import ended, registered, send  # noqa: E402

ROUNDS = 10 if LONG else 1
STALL = "stall:50000"
BODY = os.urandom(1000000)


def movers(worker):
    """Pids of what moves data for this worker."""
    found = []
    for pid in worker.leftovers():
        try:
            with open("/proc/%d/comm" % pid) as f:
                name = f.read().strip()
            with open("/proc/%d/stat" % pid) as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if name in ("scitq-fetch", "rclone", "aria2c") and state not in "ZX":
            found.append(pid)
    return found


def coming(worker):
    """Something has come into a hidden folder of this worker's."""
    base = worker.settings["BASE_WORKDIR"]
    return [os.path.join(folder, name) for folder, _, names in os.walk(base)
            for name in names if ".scitq-fetch-" in folder]


def started_at(path):
    """When a command wrote its first line there, by the clock."""
    with open(path) as f:
        return float(f.read())


class Scene:
    def __init__(self, server, api, worker, gate, folder):
        self.server, self.api, self.worker = server, api, worker
        self.gate, self.folder = gate, folder
        self.times = []

    def stop_by(self, how, task):
        """Stop the task; when."""
        now = time.time()
        if how == "deleted":
            self.api.delete("/tasks/%d" % task)
        else:
            send(self.api, self.worker, how, task)
        return now

    def round(self, name, how, **fields):
        connections = len(self.gate.requests("opened"))
        self.gate.set(STALL)
        first = self.api.task("echo never", batch="cancel", **fields)
        mark = self.folder.join("mark")
        second = self.api.task("sh -c 'date +%%s.%%N > %s.new; mv %s.new %s; echo free'" % (
            mark, mark, mark), batch="cancel")
        wait_until("its bytes come", lambda: coming(self.worker) and
                   len(self.gate.requests("opened")) > connections)
        pids = movers(self.worker)
        ok(pids and self.api.get("/tasks/%d" % second).json["status"] == "pending",
           "%s: %s in mid-download, the next one waits for its place" % (name, how))
        then = self.stop_by(how, first)
        wait_until("the next one runs", lambda: os.path.exists(mark))
        self.times.append(started_at(mark) - then)
        is_(ended(self.api, second)[:3], ("succeeded", 0, b"free\n"),
            "%s: it runs while the gate is stalled" % name)
        wait_until("the old transfer is gone", lambda: not set(pids) & set(movers(
            self.worker)))
        is_(self.gate.mode(), STALL, "%s: and nothing is left of the transfer" % name)
        if how != "deleted":
            out = ended(self.api, first)
            is_(out[:3], ("failed", -how, b""), "%s: the first one failed" % name)
        os.unlink(mark)
        self.gate.set("pass")


def cancel(world, server, api, name, uri):
    gate, folder = world[name].gate(), Folder()
    with Worker(server, options=["-b", "cancel"],
                RCLONE_CONFIG=world.conf) as worker:
        registered(worker, api)
        scene = Scene(server, api, worker, gate, folder)
        for n in range(ROUNDS):
            for how in (signal.SIGKILL, signal.SIGTERM, "deleted"):
                scene.round("%s, input" % name, how, input=uri)
            scene.round("%s, resource" % name, signal.SIGKILL,
                        resource="%s|mv:r%d" % (uri, n))
        median = statistics.median(scene.times)
        diag("%s: from the signal to the next command's start: median %.3f s, %.3f to "
             "%.3f s, %d times" % (name, median, min(scene.times), max(scene.times),
                                   len(scene.times)))
        if LONG:
            ok(median < 1, "%s: in under a second" % name, scene.times)
        is_(ended(api, api.task("sh -c 'md5sum < $INPUT/f'", batch="cancel",
                                input=uri))[0], "succeeded",
            "%s: afterwards the same input is fetched" % name)


def main():
    folder = Folder()
    os.mkdir(folder.join("servers"))
    with Servers(["s3", "azure", "web"], folder.join("servers")) as world:
        write(folder.join("f"), BODY)
        write(os.path.join(world["web"].root, "lab", "f"), BODY)
        for name in ("s3", "azure"):
            subprocess.run(["rclone", "--config", world.conf, "copyto", folder.join("f"),
                            name + ":lab/f"], check=True, env=environment())
        server = Server()
        api = server.api()
        for name, uri in (
                ("s3", "s3_gate://lab/f"), ("azure", "azure_gate://lab/f"),
                ("web", "http://127.0.0.1:%d/lab/f" % world["web"].gate().port)):
            run(cancel, world, server, api, name, uri)
        server.stop()
    done()


main()
