"""Several server processes on one PostgreSQL: two that serve (--role=main), two of which
one schedules and the other stands by (--role=queue).

What one commits the others know; any of them may be killed at any moment: nothing is
lost, nothing runs twice, and tasks are given out again within seconds.  Moments are
random; the seed is printed, and SCITQ_TEST_SEED gives it back.  SCITQ_TEST_LONG=1: kills
for ten minutes, and asserts that tasks are given out again within 5 s; else a few."""

import http.client
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "system"))
from harness import *  # noqa: E402,F403

SEED = int(os.environ.get("SCITQ_TEST_SEED", random.randrange(10 ** 6)))
LONG_S = 600
KILLS = 4


class Site:
    """Two of each, on a database of their own."""

    def __init__(self, **settings):
        self.uri = Postgres.get().database()
        self.queues, self.mains = [], []
        for role, daemons in (("queue", self.queues), ("main", self.mains)):
            for _ in range(2):
                daemons.append(Server("postgresql", self.uri, role=role, **settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in self.mains + self.queues:
            daemon.stop()

    def leader(self):
        """Who schedules: of those alive, the one that said so last of all it said of its
        part."""
        def schedules(queue):
            log = queue.log()
            return log.rfind("] scheduling, database") > log.rfind("] standing by")
        found = [q for q in self.queues if q.alive() and schedules(q)]
        return found[0] if len(found) == 1 else None

    def standby(self):
        return [q for q in self.queues if q is not self.leader()][0]


def whoever(site):
    return wait_until("somebody schedules", site.leader)


def test_together():
    with Site() as site:
        leader = whoever(site)
        one, two = (m.api() for m in site.mains)
        has(site.standby().log(), "standing by", "the other scheduler stands by")
        with Worker(site.mains[1], concurrency=2):
            task = one.task("sh -c 'echo out; echo err >&2'", name="here")
            is_(one.wait_task(task)["status"], "succeeded",
                "a task given to one process runs on a worker of the other")
            number = two.get("/executions/", {"task_id": task}).json[0]["execution_id"]
            is_(one.raw_log(number), b"out\n", "its output is read through either")
            gate = two.task("sleep 1000")
            two.wait_task(gate, "running")
            later = two.task("true", required_task_ids=[gate])
            is_(one.put("/tasks/%d" % gate, {"status": "paused"}).status, 200,
                "the other process stops a running one")
            wait_until("it has stopped", lambda: two.get("/tasks/%d" % gate).json[
                "status"] != "running")
            is_(two.get("/tasks/%d" % later).json["status"], "waiting",
                "what requires it waits")
            live(site, one, two)
        is_([r["status"] for r in one.get("/workers/").json], ["offline"],
            "a worker that stopped is offline at once, in every process")
        is_(leader.end(), 0, "the scheduler stops when asked to")
        wait_until("the standby schedules", site.leader)
        leader.start()
        has(leader.log(), "standing by", "and stands by when it comes back")
        is_(leader.end(), 0, "a standby stops when asked to")


def lines(api, path):
    """The lines of a stream, as they come, from a connection of its own."""
    conn = http.client.HTTPConnection(api.host, api.port, timeout=30)
    conn.request("GET", path)
    answer = conn.getresponse()
    while True:
        line = answer.readline()
        if not line:
            break
        yield line.rstrip(b"\n")
    conn.close()


def live(site, one, two):
    """What comes by one process is seen as it comes at the other."""
    folder = Folder()
    for name in ("first", "second"):
        os.mkfifo(folder.join(name))
    task = two.task("sh -c 'cat %s; cat %s'" % (folder.join("first"), folder.join("second")))
    two.wait_task(task, "running")
    number = two.get("/executions/", {"task_id": task}).json[0]["execution_id"]
    output = lines(one, "/executions/%d/log/stdout?follow=1" % number)
    events = lines(one, "/events?kind=task")
    wait_for_line(events, b"event: ready")
    with open(folder.join("first"), "w") as f:
        f.write("while it runs\n")
    is_(next(output), b"while it runs", "output is followed at the other process")
    is_(two.get("/tasks/%d" % task).json["status"], "running", "as it is written")
    two.put("/tasks/%d" % task, {"name": "renamed"})
    wait_for_line(events, b"renamed")
    ok(True, "a change is an event at the other process")
    with open(folder.join("second"), "w") as f:
        f.write("the end\n")
    is_(list(output), [b"the end"], "and so is its end")
    folder.stop()


def wait_for_line(stream, words):
    for line in stream:
        if words in line:
            return
    raise RuntimeError("the stream ended without %r" % words)


def refused(uri, role):
    """What a server of this role says that cannot start."""
    folder = Folder()
    conf = folder.join("scitq.conf")
    with open(conf, "w") as f:
        f.write("SCITQ_DATABASE_URI=%s\nSCITQ_LISTEN=127.0.0.1:%d\nSCITQ_STATE_DIR=%s\n"
                % (uri, free_port(), folder.path))
    out = subprocess.run([program("scitq-server"), "-c", conf, "--role=" + role],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=60, env=clean_env())
    folder.stop()
    return out.returncode, out.stdout


def test_alone():
    """--role=all has the database alone."""
    with Server("postgresql") as server:
        code, text = refused(server.uri, "main")
        is_(code, 1, "main beside all: exit 1")
        has(text, "--role=all", "and why")
    with Server("postgresql", role="main") as server:
        code, text = refused(server.uri, "all")
        is_(code, 1, "all beside main: exit 1")
        has(text, "another scitq server", "and why")


def test_silent():
    """Contacts that one process hears count in another."""
    with Site(WORKER_OFFLINE_DELAY=5) as site:
        whoever(site)
        one, two = (m.api() for m in site.mains)
        with Worker(site.mains[0]) as worker:
            row = wait_until("registered", lambda: worker.row(two))
            is_(two.wait_task(two.task("sleep 7"))["status"], "succeeded",
                "a worker heard only by one process stays running")
            is_(worker.row(two)["status"], "running", "as its row says")
            os.kill(worker.pid, 19)  # SIGSTOP: silent, and not gone
            wait_until("it is offline", lambda: worker.row(two)["status"] == "offline")
            os.kill(worker.pid, 18)
            wait_until("it runs again", lambda: worker.row(one)["status"] == "running")
            ok(row["worker_id"] == worker.row(one)["worker_id"], "silent, then heard again")


def test_stopped():
    """Whoever schedules is stopped, at any moment, and goes on when it is too late."""
    dice = random.Random(SEED)
    with Site() as site:
        leader = whoever(site)
        folder = Folder()
        clients = Clients(site, folder)
        with Worker(site.mains[0], concurrency=4):
            for _ in range(20):
                clients.give(dice.choice(site.mains))
            time.sleep(dice.random() * 0.3)  # any moment
            os.kill(leader.pid, signal.SIGSTOP)
            other = [q for q in site.queues if q is not leader][0]
            wait_until("the standby schedules",
                       lambda: "] scheduling, database" in other.log())
            given_out_again(clients, site)
            os.kill(leader.pid, signal.SIGCONT)
            is_(leader.process.wait(STOP_S), 1, "who lost the right to schedule ends")
            has(leader.log(), "not its own any more", "and says why")
            leader.start()
            check(site, clients)
        folder.stop()


# ---- kills

def command(folder, number):
    """Lines at its start and its end: two of one task at once would show."""
    out = folder.join("out%d" % number)
    return "sh -c 'echo start >> %s; sleep 0.%02d; echo end >> %s; echo %d'" % (
        out, number * 7 % 50, out, number)


class Clients:
    """Give tasks to either process, and remember what was acknowledged."""

    def __init__(self, site, folder):
        self.folder, self.told, self.number = folder, {}, 0
        self.apis = {m: m.api(timeout_s=30) for m in site.mains}

    def give(self, main):
        self.number += 1
        try:
            answer = self.apis[main].post("/tasks/", {
                "command": command(self.folder, self.number), "name": "t%d" % self.number})
            if answer.status == 201:
                self.told[answer.json["task_id"]] = self.number
                return answer.json["task_id"]
        except (OSError, http.client.HTTPException):
            pass  # killed as it was asked: it may have been stored
        return None


def given_out_again(clients, site):
    """Seconds until a task given now has run."""
    start = time.monotonic()
    task = None
    while task is None:
        task = clients.give(random.choice([m for m in site.mains if m.alive()]))

    def ended():
        for api in clients.apis.values():
            try:
                return api.get("/tasks/%d" % task).json["status"] == "succeeded"
            except (OSError, http.client.HTTPException):
                continue
        return False
    wait_until("it has run", ended, 120, every_s=0.05)
    return time.monotonic() - start


def check(site, clients):
    api = site.mains[0].api()
    ids = sorted(clients.told)

    def all_ended():
        return all(s in (6, 7) for s in api.call("GET", "/tasks/status",
                                                 {"task_id": ids}).json)
    wait_until("every task ends", all_ended, 180)
    tasks = api.get("/tasks/").json
    is_([i for i in ids if i not in {t["task_id"] for t in tasks}], [],
        "%d acknowledged tasks are there" % len(ids))
    is_([t["task_id"] for t in tasks if t["status"] != "succeeded"], [], "each succeeded")
    rows = api.get("/executions/", {"no_output": True}).json
    is_(sorted(r["task_id"] for r in rows), sorted(t["task_id"] for t in tasks),
        "each has one execution")
    wrong = []
    for t in tasks:
        with open(clients.folder.join("out" + t["name"][1:])) as f:
            if f.read() != "start\nend\n":
                wrong.append(t["name"])
    is_(wrong, [], "each command ran once")


def test_killed():
    dice = random.Random(SEED)
    with Site() as site:
        whoever(site)
        folder = Folder()
        clients = Clients(site, folder)
        workers = [Worker(m, concurrency=4) for m in site.mains]
        slow, kills, end = [], 0, time.monotonic() + LONG_S
        while time.monotonic() < end if LONG else kills < KILLS:
            for _ in range(dice.randrange(5, 40)):
                clients.give(dice.choice(site.mains))
            time.sleep(dice.random() * 0.3)  # any moment
            victims = site.queues + site.mains
            victim = victims[kills % 4] if not LONG else dice.choice(victims)
            victim.kill()
            kills += 1
            slow.append(given_out_again(clients, site) if victim.role == "queue" else 0)
            victim.start()
        diag("%d kills; tasks were given out again after %.2f s at most" % (
            kills, max(slow)))
        if LONG:
            ok(max(slow) <= 5, "tasks are given out again within 5 s", sorted(slow)[-5:])
        check(site, clients)
        for worker in workers:
            worker.stop()
        folder.stop()


diag("seed %d" % SEED)
if with_postgresql():
    for test in (test_together, test_alone, test_silent, test_killed):
        run(test)
    if LONG:  # ten seconds of waiting
        run(test_stopped)
    else:
        skip("a scheduler that is stopped", "only in the long version")
else:
    skip("several server processes", "built without PostgreSQL")
done()
