"""kill -9 at random moments under load: of the worker, of the server; nothing is lost,
nothing runs twice.

Every command appends a line to a file of its own and writes bytes that are no text
(NUL, invalid UTF-8).  At the end each file has one line, each task one execution,
succeeded, and the raw output is right to the byte.  Moments are random; the seed is
printed, and SCITQ_TEST_SEED gives it back.  SCITQ_TEST_LONG=1: 500 tasks, ten kills;
else a smaller version of the same."""

import hashlib
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "system"))
from harness import *  # noqa: E402,F403

TASKS = 500 if LONG else 150
KILLS = 10 if LONG else 3
RUNNING = 5
SEED = int(os.environ.get("SCITQ_TEST_SEED", random.randrange(10 ** 6)))


def expected_output(number):
    return (b"task %d\0\xff\xfe\xc3(" % number + b"x" * (number * 37 % 5000) + b"\n")


def command(folder, number):
    """Append a line to the file of this task, write its bytes, last a little: the first
    one until all kills are done, so that each meets a running command."""
    data = folder.join("in%d" % number)
    with open(data, "wb") as f:
        f.write(expected_output(number))
    last = "sleep 0.%02d" % (number * 7 % 20) if number else "cat " + gate(folder)
    return ("sh -c 'echo ran >> %s; head -c 7 %s; %s; tail -c +8 %s'"
            % (folder.join("out%d" % number), data, last, data))


def gate(folder):
    return folder.join("gate")


def let_go(folder):
    """The first task may end: its cat finds a writer that goes away again."""
    def written():
        try:
            os.close(os.open(gate(folder), os.O_WRONLY | os.O_NONBLOCK))
            return True
        except OSError:  # nobody reads yet
            return False
    wait_until("the first task runs", written)


def queue(api, folder):
    os.mkfifo(gate(folder))
    tasks = api.post("/tasks/", [{"command": command(folder, n), "name": "t%d" % n}
                                 for n in range(TASKS)])
    assert tasks.status == 201, tasks
    return [t["task_id"] for t in tasks.json]


def statuses(api, ids):
    """Asked on a connection that a killed server may take away."""
    try:
        answer = api.call("GET", "/tasks/status", {"task_id": ids})
        return answer.json if answer.status == 200 else None
    except OSError:
        return None


def under_load(api, ids, dice, daemon):
    """kill -9 the daemon KILLS times, each at a random moment while tasks are still to
    do: the next one when a random number more of them have ended.  What was seen at
    each kill: how the process ended, whether another one followed it, what the first
    task was doing."""
    seen = []
    marks = sorted(dice.sample(range(1, int(TASKS * 0.9)), KILLS))
    for mark in marks:
        def reached():
            now = statuses(api, ids)
            return now is not None and sum(s in (6, 7) for s in now) >= mark
        wait_until("%d tasks ended" % mark, reached, 120)
        time.sleep(dice.random() * 0.05)  # not always just after an end
        victim = daemon.process
        daemon.kill()
        daemon.start()
        now = wait_until("statuses", lambda: statuses(api, ids))
        seen.append((victim.returncode, daemon.pid != victim.pid, now[0]))
    return seen


KILLED = (-signal.SIGKILL, True, RUNNING)


def check(api, folder, ids, name):
    def all_ended():
        now = statuses(api, ids)
        return now is not None and all(s in (6, 7) for s in now)
    try:
        wait_until("all tasks ended", all_ended, 180)
    except TimeoutError:
        now = statuses(api, ids)
        for task_id, status in zip(ids, now or []):
            if status not in (6, 7):
                diag(api.get("/tasks/%d/why" % task_id))
                break
        ok(False, "%s: every task ends" % name, now)
        return
    rows = api.get("/executions/", {"task_id": ids, "no_output": True}).json
    by_task = {}
    for row in rows:
        by_task.setdefault(row["task_id"], []).append(row)
    is_([t for t in ids if len(by_task.get(t, [])) != 1], [],
        "%s: each task has one execution" % name)
    is_([(r["task_id"], r["status"], r["return_code"]) for r in rows
         if r["status"] != "succeeded"], [], "%s: each succeeded" % name)
    lines = []
    for n in range(TASKS):
        try:
            with open(folder.join("out%d" % n)) as f:
                lines.append(f.read())
        except FileNotFoundError:
            lines.append("")
    is_([n for n in range(TASKS) if lines[n] != "ran\n"], [],
        "%s: each command ran once" % name)
    wrong = []
    for n, task_id in enumerate(ids):
        want = hashlib.md5(expected_output(n)).hexdigest()
        for row in by_task.get(task_id, []):
            got = hashlib.md5(api.raw_log(row["execution_id"])).hexdigest()
            if got != want:
                wrong.append(n)
    is_(wrong, [], "%s: the MD5 of each output is right" % name)


def killed(what, db):
    """Kill the worker, or the server, while tasks run."""
    dice = random.Random(SEED + (what == "server"))
    name = "%s killed, %s" % (what, db)
    with Server(db=db) as server, Worker(server, concurrency=8) as worker:
        folder, api = Folder(), server.api()
        ids = queue(api, folder)
        daemon = worker if what == "worker" else server
        is_(under_load(api, ids, dice, daemon), [KILLED] * KILLS,
            "%s: %d times, while a task runs" % (name, KILLS))
        let_go(folder)
        check(api, folder, ids, name)
        folder.stop()


def acknowledged_survives(db):
    """Every task a client was told 201 for is there after kill -9 of the server."""
    dice = random.Random(SEED + 2)
    with Server(db=db) as server:
        told = []
        for _ in range(KILLS):
            api = server.api()
            for _ in range(dice.randrange(20, 60)):
                told.append(api.task("true"))
            server.kill()
            server.start()
        listed = {t["task_id"] for t in server.api().get("/tasks/").json}
        is_([t for t in told if t not in listed], [],
            "%s: %d acknowledged tasks are there" % (db, len(told)))


diag("seed %d" % SEED)
for database in databases():
    run(acknowledged_survives, database)
    run(killed, "worker", database)
    run(killed, "server", database)
done()
