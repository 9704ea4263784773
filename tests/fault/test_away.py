"""The other faults: the server is away for a while, another one is in its place, the
supervisor is killed.

Away: tasks run on, end, and are reported in order when it returns; each has one
execution and its whole output.  SCITQ_TEST_LONG=1: a minute; else a few seconds, past
the offline delay in both."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "system"))
from harness import *  # noqa: E402,F403

AWAY_S = 60 if LONG else 5


def away(db):
    """Tasks that end during the absence, one that goes on through it, one after."""
    with Server(db=db, WORKER_OFFLINE_DELAY=2) as server, \
            Worker(server, concurrency=6) as worker:
        folder, api = Folder(), server.api()
        gate = folder.join("gate")
        os.mkfifo(gate)
        ids = [api.task("sh -c 'echo one; sleep %d; echo two; exit %d'" % (n, n % 2))
               for n in range(1, 5)]
        long_task = api.task("sh -c 'echo before; cat %s; echo after'" % gate)
        for i in ids + [long_task]:
            api.wait_task(i, ("running", "succeeded", "failed"))
        waiting = api.task("echo later", required_task_ids=[long_task])
        is_(server.end(), 0, "%s: the server stops cleanly" % db)
        with open("/proc/%d/stat" % worker.pid) as f:
            born = f.read().split()[21]
        time.sleep(AWAY_S)  # the absence itself: this is what is tested
        with open(gate, "w") as f:
            f.write("during\n")
        server.start()
        with open("/proc/%d/stat" % worker.pid) as f:
            is_(f.read().split()[21], born, "%s: the worker is the same process" % db)
        for n, i in enumerate(ids, 1):
            api.wait_task(i, "failed" if n % 2 else "succeeded")
        api.wait_task(long_task)
        api.wait_task(waiting)
        ok(True, "%s: every task ended as it should" % db)
        rows = api.get("/executions/", {"task_id": ids + [long_task, waiting]}).json
        is_(len(rows), 6, "%s: one execution each" % db)
        outputs = {r["task_id"]: r["output"] for r in rows}
        is_([outputs[i] for i in ids], ["one\ntwo\n"] * 4, "%s: whole outputs" % db)
        is_(outputs[long_task], "before\nduring\nafter\n",
            "%s: output written before, during and after" % db)
        is_([r["return_code"] for r in rows if r["task_id"] in ids], [1, 0, 1, 0],
            "%s: exit statuses" % db)
        is_(worker.row(api)["status"], "running", "%s: the worker is running again" % db)
        folder.stop()


def gated(api, folder):
    """A running task that ends when somebody writes to the gate: (its id, the gate)."""
    gate = folder.join("gate")
    os.mkfifo(gate)
    task = api.task("sh -c 'echo before; cat %s'" % gate)
    api.wait_task(task, "running")
    return task, gate


def wrong_server(db):
    """A server on another database takes the place of ours for a while."""
    with Server(db=db, WORKER_OFFLINE_DELAY=600) as server, Worker(server) as worker:
        folder, api = Folder(), server.api()
        task, gate = gated(api, folder)
        server.end()
        with Server(db=db, start=False) as other:
            other.port = server.port
            other.start(SCITQ_LISTEN=server.address)
            wait_until("it is noticed", lambda: "is the wrong one" in worker.log())
            is_(other.api().get("/workers/").json, [], "%s: no row is made there" % db)
            worker.end()
            worker.start()
            wait_until("noticed again",
                       lambda: worker.log().count("is the wrong one") == 2)
            is_(other.end(), 0, "%s: the other ends" % db)
        server.start()
        with open(gate, "w") as f:
            f.write("after\n")
        api.wait_task(task)
        rows = api.get("/executions/", {"task_id": task}).json
        is_([r["output"] for r in rows], ["before\nafter\n"],
            "%s: the task went on, and all of it arrives" % db)
        is_(worker.log().count("is the wrong one"), 2, "%s: it is said once" % db)
        folder.stop()


def database_made_anew(db):
    """Somebody starts from scratch: workers that are idle need no restart."""
    with Server(db=db, WORKER_OFFLINE_DELAY=600) as server, Worker(server) as worker:
        is_(server.api().wait_task(server.api().task("true"))["status"], "succeeded",
            "%s: a worker" % db)
        wait_until("it is told", lambda: worker.row())
        server.end()
        with Server(db=db, start=False) as other:
            other.port = server.port
            other.start(SCITQ_LISTEN=server.address)
            api = other.api()
            wait_until("a row there", lambda: worker.row(api))
            is_(api.wait_task(api.task("echo new"))["status"], "succeeded",
                "%s: it works for the new database" % db)
            has(worker.log(), "has another database: registering there",
                "%s: and says that it changed" % db)


def row_lost(db):
    """The same database, without the row of the worker and of what it runs."""
    with Server(db=db, WORKER_OFFLINE_DELAY=2) as server, Worker(server) as worker:
        folder, api = Folder(), server.api()
        task, _ = gated(api, folder)
        first = worker.row(api)["worker_id"]
        server.sql("delete from worker where worker_id = %d" % first)
        api.wait_task(task, "failed")
        ok(True, "%s: what it ran has failed" % db)
        wait_until("a new row",
                   lambda: (worker.row(api) or {"worker_id": first})["worker_id"] != first)
        is_(api.wait_task(api.task("echo new"))["status"], "succeeded",
            "%s: it goes on under another" % db)
        folder.stop()


def called(worker, name):
    """The pids of what it left that is called so."""
    found = []
    for pid in worker.leftovers():
        try:
            with open("/proc/%d/comm" % pid) as f:
                if f.read().startswith(name):
                    found.append(pid)
        except OSError:
            pass
    return found


def supervisor_killed(db):
    with Server(db=db) as server, Worker(server, concurrency=4) as worker:
        api = server.api()
        ids = [api.task("sh -c 'sleep 1000 & setsid sleep 1000 & wait'")
               for _ in range(4)]
        for i in ids:
            api.wait_task(i, "running")
        pid = wait_until("a supervisor", lambda: called(worker, "scitq-superviso"))[0]
        os.kill(pid, signal.SIGKILL)
        for i in ids:
            api.wait_task(i, "failed")
        rows = api.get("/executions/", {"task_id": ids}).json
        is_([r["status"] for r in rows], ["failed"] * 4, "%s: executions failed" % db)
        ok(all("supervisor" in (r["error"] or "") for r in rows),
           "%s: the reason is said" % db, [r["error"] for r in rows])
        wait_until("nothing of them is left", lambda: not called(worker, "sleep"))
        ok(True, "%s: nothing of them is left" % db)
        again = api.task("echo alive")
        api.wait_task(again)
        ok(True, "%s: the worker goes on with another supervisor" % db)


for database in databases():
    run(away, database)
    run(wrong_server, database)
    run(database_made_anew, database)
    run(row_lost, database)
    run(supervisor_killed, database)
done()
