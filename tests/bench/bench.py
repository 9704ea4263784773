#!/usr/bin/env python3
"""What scitq costs: the lines of "Speed" that exist by now, each with the reference
measured in the same run, its target, and OK or MISS.

The load comes through the public API from tests/bench/load.c, which shares no code with
the server; the reference for task rates is a bare loop of posix_spawn and wait
(tests/bench/spawn.c), alternated with what it is compared with, medians of several
rounds.  Machines are noisy: the ratio is what counts.  Databases are durable: their
settings are read back and the syncs are counted.

    make bench                     every line, both databases
    make bench BENCH=latency,post  some; BENCH_DB=sqlite one database
    make bench BENCH_LONG=1        with the million queued, the ten thousand workers, and
                                   a gigabyte to and from every storage (data.py)
"""

import datetime
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "system"))
from harness import (BUILD, Folder, Postgres, Server, Worker, databases,  # noqa: E402
                     diag, stop_all, wait_until)
import figures  # noqa: E402
from data import bench_data  # noqa: E402,F401
from figures import Peak, cpu_s, line, smaps  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
LONG = os.environ.get("BENCH_LONG") == "1"


# ---- tools

def tool(name, *args):
    out = subprocess.run([os.path.join(BUILD, "tests", "bench", name)] +
                         [str(a) for a in args], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout.splitlines()[-1])


def load(server, *args):
    return tool("load", server.port, *args)


def spawn_rate(parallel, count, *command):
    return tool("spawn", parallel, count, *command)


def syncs_per_s(folder):
    """fdatasync of one small append, alone: what a durable answer costs at least."""
    fd = os.open(folder.join("sync"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begin, n = time.monotonic(), 0
    while time.monotonic() - begin < 0.5:
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
        n += 1
    os.close(fd)
    return n / (time.monotonic() - begin)


# ---- tasks

def supervisor_of(worker):
    """Of a worker: the supervisor's pid, known by the folder it serves."""
    for pid in worker.leftovers():
        with open("/proc/%d/comm" % pid) as f:
            if f.read().startswith("scitq-superv"):
                return pid
    return None


def count(api, batch, status="succeeded"):
    for row in api.get("/batch/").json:
        if row["batch"] == batch:
            return row[status] or 0
    return 0


def succeeded(api, task, every_s):
    wait_until("task %d succeeded" % task, lambda: api.get(
        "/tasks/%d" % task).json["status"] == "succeeded", 600, every_s)


def finished(api, batch, n, last, every_s=0.01):
    """Wait for n successes in the batch.  Looked for through its last task first: its
    row costs the server little, counting a batch is a scan."""
    succeeded(api, last, every_s)
    wait_until("%d tasks of %s succeeded" % (n, batch),
               lambda: count(api, batch) >= n, 600, every_s)


def last_end(api, batch, limit):
    """When the last of them ended, as the tasks' dates say (seconds since 1970): asking
    every few milliseconds would take a tenth of a processor from what is measured."""
    rows = api.get("/tasks/?batch=%s&fields=modification_date&limit=%d" % (batch, limit))
    return max(datetime.datetime.fromisoformat(row["modification_date"]).replace(
        tzinfo=datetime.timezone.utc).timestamp() for row in rows.json)


def queue(api, n, batch, command="true"):
    """In one call; (seconds, id of the last one)."""
    body = json.dumps([{"command": command, "batch": batch}] * n).encode()
    begin = time.monotonic()
    answer = api.post("/tasks/", body)
    if answer.status != 201:
        raise RuntimeError("POST /tasks/: %d %s" % (answer.status, answer.body[:300]))
    took = time.monotonic() - begin
    return took, answer.json[-1]["task_id"]


def wait_running(server, worker):
    api = server.api()
    return wait_until("%s registered" % worker.name, lambda: worker.row(api), 30)


def rate_of(server, worker_options, batch, n, concurrency, command="true", prefetch=0):
    """Tasks a second of one worker over n queued ones, and the server's CPU for each:
    from letting the worker go to the last success."""
    api = server.api()
    with Worker(server, concurrency, options=["-b", batch, "-s", "paused"] +
                worker_options) as worker:
        row = wait_running(server, worker)
        api.put("/workers/%d" % row["worker_id"], {"prefetch": prefetch})
        _, last = queue(api, n, batch, command)
        used, begin = cpu_s(server.pid), time.time()
        api.put("/workers/%d" % row["worker_id"], {"status": "running"})
        finished(api, batch, n, last, 0.1)
        used = cpu_s(server.pid) - used
        return n / (last_end(api, batch, n) - begin), used / n * 1e6


# ---- the lines, one function each

def bench_durability(db):
    with Server(db=db) as server:
        if db == "postgresql":
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                diag("postgresql %s = %s" % (name, Postgres.get().sql(
                    "show " + name, server.uri)[0][0]))
            return
        api = server.api()
        api.task("true", batch="sync")
        perf = subprocess.Popen(
            ["perf", "stat", "-x", ",", "-e", "syscalls:sys_enter_fdatasync,"
             "syscalls:sys_enter_fsync", "-p", str(server.pid)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)  # perf has no way to say that it counts
        for _ in range(100):
            api.task("true", batch="sync")
        perf.send_signal(2)
        counts = [t.split(",")[0] for t in perf.communicate()[1].splitlines()]
        synced = sum(int(c) for c in counts if c.isdigit())
        mode = server.sql("pragma journal_mode")[0][0]
        diag("sqlite journal_mode = %s; syncs for 100 acknowledged tasks: %d (%s)" % (
            mode, synced, "synchronous=FULL" if synced >= 100 else "NOT DURABLE"))


def bench_latency(db):
    with Server(db=db) as server, Worker(server, 1) as worker:
        wait_running(server, worker)
        load(server, "latency", 5)
        got = load(server, "latency", 100)
        p50, p99 = got["p50_us"] / 1000, got["p99_us"] / 1000
        line("one task, submit to success (%s)" % db,
             "p50 %.1f ms, p99 %.1f ms" % (p50, p99), "p50 <= 8, p99 <= 30 ms",
             p50 <= 8 and p99 <= 30)


def bench_rate(db):
    """Without prefetch a slot is empty for a round trip after each task; with it, what
    the next tasks are is known already, as it should be where they are this short."""
    bare, ours = [], {0: [], 16: []}
    with Server(db=db) as server:
        for i in range(ROUNDS):
            bare.append(spawn_rate(4, 1000, "/bin/true"))
            for prefetch in ours:
                ours[prefetch].append(rate_of(server, [], "rate%d-%d" % (i, prefetch),
                                              1000, 4, prefetch=prefetch)[0])
    reference = statistics.median(bare)
    for prefetch in ours:
        rate = statistics.median(ours[prefetch])
        line("1,000 tasks, concurrency 4, prefetch %d (%s)" % (prefetch, db),
             "%.0f/s = %.2f of bare" % (rate, rate / reference),
             ">= 0.60 of bare spawn", rate >= 0.6 * reference,
             "bare spawn %.0f/s" % reference)


def bench_makespan(db):
    bare, ours = [], []
    with Server(db=db) as server:
        for i in range(ROUNDS):
            bare.append(1000 / spawn_rate(4, 1000, "/bin/sleep", "0.01"))
            ours.append(1000 / rate_of(server, [], "ms%d" % i, 1000, 4,
                                       "sleep 0.01")[0])
    reference, took = statistics.median(bare), statistics.median(ours)
    line("1,000 tasks of 10 ms, concurrency 4 (%s)" % db,
         "%.2f s = %.2f x bare" % (took, took / reference), "<= 1.10 x bare spawn",
         took <= 1.1 * reference, "bare spawn %.2f s" % reference)


def bench_control(db):
    n, floor = 100000, 10000 if db == "sqlite" else 5000
    with Server(db=db) as server:
        rate, cpu_us = rate_of(server, ["--no-spawn"], "control", n, 64)
    line("control plane, 100,000 tasks (%s)" % db,
         "%.0f/s, server %.0f us CPU a task" % (rate, cpu_us),
         ">= %d/s, <= 60 us" % floor, rate >= floor and cpu_us <= 60)


def bench_post(db):
    one, eight = (1000, 4000) if db == "sqlite" else (600, 4000)
    with Server(db=db) as server:
        reference = "one fdatasync: %.0f/s" % syncs_per_s(server.folder)
        load(server, "post", 1, 200)
        rates = [load(server, "post", 1, 2000)["rate"] for _ in range(ROUNDS)]
        rate = statistics.median(rates)
        line("POST /tasks/, 1 client (%s)" % db, "%.0f/s" % rate, ">= %d/s" % one,
             rate >= one, reference)
        rates = [load(server, "post", 8, 8000)["rate"] for _ in range(ROUNDS)]
        rate = statistics.median(rates)
        line("POST /tasks/, 8 clients (%s)" % db, "%.0f/s" % rate, ">= %d/s" % eight,
             rate >= eight, reference)


def bench_array(db):
    with Server(db=db) as server:
        api = server.api()
        queue(api, 100, "warm")
        with Peak(server.pid) as peak:
            took, _ = queue(api, 100000, "array")
        line("100,000 tasks in one POST (%s)" % db,
             "%.2f s, server +%.0f MiB" % (took, peak.growth), "<= 3 s, <= 100 MiB",
             took <= 3 and peak.growth <= 100)


def bench_list(db):
    with Server(db=db) as server:
        api = server.api()
        queue(api, 10000, "list")
        times = []
        for _ in range(5):
            begin = time.monotonic()
            size = len(api.get("/tasks/").body)
            times.append(time.monotonic() - begin)
        took = statistics.median(times)
        line("GET /tasks/ of 10,000 (%s)" % db,
             "%.3f s (%.1f MB)" % (took, size / 1e6), "<= 0.1 s", took <= 0.1)


def bench_output(db):
    size = 50 * 1000 * 1000
    with Server(db=db) as server, Worker(server, 1) as worker:
        wait_running(server, worker)
        api = server.api()
        api.wait_task(api.task("true"))
        with Peak(server.pid) as peak:
            begin = time.monotonic()
            task = api.task("sh -c 'yes scitq | head -c %d'" % size)
            api.wait_task(task, timeout_s=120)
            took = time.monotonic() - begin
        execution = api.get("/executions/", {"task_id": task, "no_output": True,
                                             "fields": "execution_id"}).json[0]
        whole = len(api.raw_log(execution["execution_id"])) == size
        line("50 MB of output (%s)" % db, "%.2f s, server +%.0f MiB%s" % (
            took, peak.growth, "" if whole else ", BYTES MISSING"),
             "<= 2 s, <= 16 MiB", took <= 2 and peak.growth <= 16 and whole)


def bench_idle(db):
    with Server(db=db) as server:
        time.sleep(3)  # a sweep or two: what is idle is measured when it is
        rss, anonymous = smaps(server.pid)
        line("idle server (%s)" % db, "%.1f MiB, %.1f anonymous" % (rss, anonymous),
             "<= 18, <= 5 anonymous", rss <= 18 and anonymous <= 5)
        if db != "sqlite":
            return
        with Worker(server, 1) as worker:
            wait_running(server, worker)
            time.sleep(3)
            rss, anonymous = smaps(worker.pid)
            pid = supervisor_of(worker)
            more = "; supervisor %.1f" % smaps(pid)[0] if pid else ""
            line("idle worker", "%.1f MiB, %.1f anonymous%s" % (rss, anonymous, more),
                 "<= 13, <= 3 anonymous", rss <= 13 and anonymous <= 3)


def bench_million(db):
    if not LONG:
        return
    n = 20000
    with Server(db=db) as server:
        api = server.api()
        few, _ = rate_of(server, ["--no-spawn"], "few", n, 64)
        with Peak(server.pid) as peak:
            ends = [queue(api, 100000, "many")[1] for _ in range(10)]
        with Worker(server, 64, options=["-b", "many", "-s", "paused",
                                         "--no-spawn"]) as worker:
            row = wait_running(server, worker)
            begin = time.monotonic()
            api.put("/workers/%d" % row["worker_id"], {"status": "running"})
            succeeded(api, ends[0] - 100000 + n, 0.1)
            many = n / (time.monotonic() - begin)
            api.put("/workers/%d" % row["worker_id"], {"status": "paused"})
        server.end()
        begin = time.monotonic()
        server.start()
        server.api().get("/healthz")
        restart = time.monotonic() - begin
        rss = smaps(server.pid)[0]
    line("1,000,000 queued (%s)" % db, "+%.0f MiB, restart %.1f s, %.0f MiB" % (
        peak.growth, restart, rss), "<= 150 MiB, <= 3 s", rss <= 150 and restart <= 3)
    line("  dispatch with 1,000,000 queued (%s)" % db, "%.0f/s" % many,
         ">= 0.8 of the rate with few", many >= 0.8 * few,
         "%d queued: %.0f/s" % (n, few))


def bench_workers(db):
    if not LONG:
        return
    n, seconds = 10000, 30
    with Server(db=db) as server:
        client = subprocess.Popen(
            [os.path.join(BUILD, "tests", "bench", "load"), str(server.port), "idle",
             str(n), str(seconds)], stdout=subprocess.PIPE, text=True)
        client.stdout.readline()
        time.sleep(5)  # registering is not idling
        used, begin = cpu_s(server.pid), time.monotonic()
        time.sleep(20)
        share = (cpu_s(server.pid) - used) / (time.monotonic() - begin)
        rss = smaps(server.pid)[0]
        polls = json.loads(client.stdout.readline())["polls"]
        client.wait()
    line("10,000 idle workers (%s)" % db, "%.0f%% of a core, %.0f MiB (%d polls)" % (
        share * 100, rss, polls), "<= 25%, <= 300 MiB", share <= 0.25 and rss <= 300)


BENCHES = ["durability", "idle", "latency", "rate", "makespan", "post", "array", "list",
           "output", "data", "control", "million", "workers"]


def main():
    wanted = os.environ.get("BENCH", "").replace(",", " ").split() or BENCHES
    folder = Folder()
    diag("%d cores, load %s, fdatasync %.0f/s, client: C, raw sockets" % (
        os.cpu_count(), os.getloadavg()[0], syncs_per_s(folder)))
    diag("bare spawn of /bin/true: %.0f/s alone, %.0f/s with 4 in flight" % (
        spawn_rate(1, 1000, "/bin/true"), spawn_rate(4, 2000, "/bin/true")))
    for db in [os.environ["BENCH_DB"]] if os.environ.get("BENCH_DB") else databases():
        for name in wanted:
            try:
                globals()["bench_" + name](db)
            except Exception as e:  # one line that fails does not hide the others
                line("%s (%s)" % (name, db), "%s: %.200s" % (type(e).__name__, e), "",
                     False)
    stop_all()
    print("%d missed" % figures.missed)
    sys.stdout.flush()
    os._exit(1 if figures.missed else 0)


if __name__ == "__main__":
    main()
