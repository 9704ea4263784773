"""A gigabyte through the worker: as a task's input, and as its output, against the same
file moved by hand with rclone, from and to the same server.

Pairs alternate, by hand and through the worker, each on synced disks; the figure is the
median of the pairs' ratios.  A task takes from its POST to the date of its success: to
ask for that all the time would cost what is measured.  The memory is the growth of the
worker's own peak; those of its child and of the rclone that one starts are told beside
it.

    make bench BENCH=data                         S3 and Azure Blob
    make bench BENCH=data BENCH_DATA="file sftp"  others; BENCH_MB: another size"""

import datetime
import os
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "servers"))
from figures import Peak, line  # noqa: E402
from harness import BUILD, Folder, Server, Worker, wait_until  # noqa: E402
from servers import Servers, environment  # noqa: E402

PAIRS = int(os.environ.get("BENCH_ROUNDS", "5"))
MB = int(os.environ.get("BENCH_MB", "1000"))
LONG = os.environ.get("BENCH_LONG") == "1"
STORAGES = ("s3", "azure", "dav", "sftp", "ftpd", "file") if LONG else ("s3", "azure")
LIMIT_S = 900


class Children:
    """The peaks of scitq-fetch and of rclone below a worker, looked at while they run
    (MiB)."""

    def __init__(self, pid):
        self.root, self.peaks, self.over = pid, {}, threading.Event()
        self.thread = threading.Thread(target=self.look_on)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def look_on(self):
        while not self.over.wait(0.25):
            self.look(self.root)

    def look(self, pid):
        """At what `pid` started, and what those did."""
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                children = [int(word) for word in f.read().split()]
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                    children += [int(word) for word in f.read().split()]
            for child in set(children):
                self.note(child)
                self.look(child)
        except OSError:
            pass  # it ended meanwhile

    def note(self, pid):
        with open("/proc/%d/status" % pid) as f:
            fields = dict(text.split(":", 1) for text in f if ":" in text)
        name = fields["Name"].strip()
        peak = int(fields.get("VmHWM", "0").split()[0]) / 1024
        self.peaks[name] = max(peak, self.peaks.get(name, 0))


class Direct(Worker):
    """With the program itself as scitq-fetch, and not the script that libtool puts
    before it in a build folder, which costs 60 ms more than an installed one."""
    fetch = os.path.join(BUILD, ".libs", "scitq-fetch")


class Bench:
    def __init__(self, server, worker, servers, folder):
        self.api, self.worker, self.servers = server.api(), worker, servers
        self.folder, self.growth, self.peaks = folder, 0, {}
        self.big = folder.join("big")
        with open(self.big, "wb") as f:
            for _ in range(MB):
                f.write(os.urandom(1000000))
        wait_until("the worker is there", lambda: worker.row(self.api), 30)

    def place(self, storage, name):
        """(by hand, to scitq)"""
        if storage == "file":
            path = self.folder.join("store", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return path, "file://" + path
        return "%s:lab/%s" % (storage, name), "%s://lab/%s" % (storage, name)

    def rclone(self, *words):
        os.sync()
        begin = time.monotonic()
        subprocess.run(["rclone", "--config", self.servers.conf, *words], check=True,
                       env=environment(), stdout=subprocess.DEVNULL)
        return time.monotonic() - begin

    def task(self, command, **fields):
        os.sync()
        with Peak(self.worker.pid) as peak, Children(self.worker.pid) as children:
            begin = time.time()
            task = self.api.task(command, **fields)
            wait_until("the task is over", lambda: self.api.get(
                "/tasks/%d" % task).json["status"] in ("succeeded", "failed"),
                LIMIT_S, 0.5)
        row = self.api.get("/tasks/%d" % task).json
        if row["status"] != "succeeded":
            raise RuntimeError("%s: %s" % (fields, self.api.get(
                "/executions/?task_id=%d" % task).json[0]["error"]))
        self.growth = max(self.growth, peak.growth)
        for name, peak_mib in children.peaks.items():
            self.peaks[name] = max(peak_mib, self.peaks.get(name, 0))
        end = datetime.datetime.fromisoformat(row["modification_date"])
        return end.replace(tzinfo=datetime.timezone.utc).timestamp() - begin

    def fetch_by_hand(self, storage):
        got = self.folder.join("got")
        took = self.rclone("copyto", self.place(storage, "big")[0], got)
        os.unlink(got)
        return took

    def fetch(self, storage):
        return self.task("sh -c 'test $(stat -c %%s $INPUT/big) = %d'" % (MB * 1000000),
                         input=self.place(storage, "big")[1])

    def store_by_hand(self, storage):
        there = self.place(storage, "hand/big")[0]
        took = self.rclone("copyto", self.big, there)
        self.rclone("deletefile", there)
        return took

    def store(self, storage):
        there, uri = self.place(storage, "ours/")
        took = self.task("sh -c 'ln %s $OUTPUT/big'" % self.big, output=uri)
        self.rclone("deletefile", there + "big")
        return took

    def pairs(self, storage, what, by_hand, ours):
        hand, through = [], []
        for _ in range(PAIRS):
            hand.append(by_hand(storage))
            through.append(ours(storage))
        ratio = statistics.median(b / a for a, b in zip(hand, through))
        line("%d MB %s %s" % (MB, what, storage), "%.2f s = %.2f x rclone by hand" % (
            statistics.median(through), ratio), "<= 1.15 x", ratio <= 1.15,
            "by hand %.2f s" % statistics.median(hand))


def bench_data(db):
    if db != "sqlite":
        return  # no byte of it passes through the database
    storages = os.environ.get("BENCH_DATA", "").replace(",", " ").split() or STORAGES
    folder = Folder()
    os.makedirs(folder.join("servers"))
    with Servers([s for s in storages if s != "file"], folder.join("servers"),
                 gates=False) as servers, Server() as server, \
            Direct(server, RCLONE_CONFIG=servers.conf) as worker:
        bench = Bench(server, worker, servers, folder)
        for storage in storages:
            there = bench.place(storage, "big")[0]
            bench.rclone("copyto", bench.big, there)
            bench.pairs(storage, "fetched from", bench.fetch_by_hand, bench.fetch)
            bench.rclone("deletefile", there)
            bench.pairs(storage, "stored in", bench.store_by_hand, bench.store)
        line("  memory of the worker meanwhile", "+%.1f MiB (%s)" % (
            bench.growth, ", ".join("%s %.0f" % p for p in sorted(bench.peaks.items()))),
             "<= 16 MiB", bench.growth <= 16)
    folder.stop()
