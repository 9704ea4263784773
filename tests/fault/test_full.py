"""A disk gets full while its daemon works, then has room again.

The server answers 5xx in words, goes on reading and lives; what was acknowledged is there
afterwards, also after kill -9, and the output of a task that ended meanwhile is whole.
The worker, whose state is on the disk, tells what ended meanwhile all the same, to a
server that was away too, and takes up what ran when it was killed.

The disk is a tmpfs in a mount namespace of this test, which ends with it: the database
(SQLite's file; a tablespace of PostgreSQL's, whose journal would end the cluster
itself) and the state directory are on it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "system"))
from disk import Disk, namespace  # noqa: E402
from harness import *  # noqa: E402,F403
from fleet import ansible  # noqa: E402

BIG = "true " + "x" * 20000  # a task that needs pages of its own
OUTPUT = 3000000  # bytes that no full disk has room for
TRIES = 5000
MANY = 100  # tasks whose records are more than the pages that files have already


def database_on(disk, db):
    if db == "sqlite":
        return "sqlite:///" + disk.join("scitq.db")
    cluster = Postgres.get()
    os.mkdir(disk.join("tables"))
    shutil.chown(disk.join("tables"), "nobody", "nogroup")  # who pg.sh runs it as
    cluster.sql("create tablespace small location '%s'" % disk.join("tables"))
    uri = cluster.database()
    name = uri.split("?")[0].rsplit("/", 1)[1]
    cluster.sql("alter database %s set tablespace small" % name)
    return uri


def post_until_refused(api, told):
    """Tasks told 201 are noted in `told`; the first other answer."""
    for _ in range(TRIES):
        answer = api.post("/tasks/", {"command": BIG, "status": "paused"})
        if answer.status != 201:
            return answer
        told.append(answer.json["task_id"])
    raise RuntimeError("%d tasks fit on a full disk" % TRIES)


def all_there(api, told, name):
    listed = {t["task_id"] for t in api.get("/tasks/?fields=task_id").json}
    is_([t for t in told if t not in listed], [],
        "%s: %d acknowledged tasks are there" % (name, len(told)))


def while_full(db, server, worker, api, gate):
    """Nothing can be stored; the tasks told 201 all the same."""
    told = []
    refused = post_until_refused(api, told)
    ok(500 <= refused.status < 600, "%s: a full disk is 5xx" % db, refused)
    ok("full" in refused.message or "space" in refused.message,
       "%s: and said in words" % db, refused)
    again = [api.post("/tasks/", [{"command": BIG}] * 50).status for _ in range(20)]
    is_(again, [refused.status] * 20, "%s: again and again" % db)
    is_((api.get("/healthz").status, api.get("/tasks/?limit=1").status), (200, 200),
        "%s: what is there can be read" % db)
    with open(gate, "w") as f:
        f.write("go\n")
    wait_until("the worker keeps what it cannot tell",
               lambda: "trying again" in worker.log())
    ok(server.alive(), "%s: the server lives" % db)
    return told


def server_full(db):
    disk = Disk()
    folder = Folder()
    gate = folder.join("gate")
    os.mkfifo(gate)
    with Server(db, database_on(disk, db), SCITQ_STATE_DIR=disk.join("state")) as server, \
            Worker(server) as worker:
        api = server.api()
        told = [api.task("true", status="paused") for _ in range(20)]
        running = api.task("sh -c 'cat %s; head -c %d /dev/zero | tr \"\\0\" x'"
                           % (gate, OUTPUT))
        api.wait_task(running, "running")
        disk.fill()
        told += while_full(db, server, worker, api, gate)
        disk.make_room()
        api.wait_task(running)
        row = api.get("/executions/", {"task_id": running, "no_output": True}).json[0]
        is_(len(api.raw_log(row["execution_id"])), OUTPUT + 3,
            "%s: with room again its output is whole" % db)
        told.append(api.task(BIG, status="paused"))
        all_there(api, told, db)
        disk.fill()
        post_until_refused(api, told)
        server.kill()
        disk.make_room()
        server.start()
        all_there(server.api(), told, "%s, killed on a full disk" % db)
    folder.stop()


class Gated:
    """A task that runs until it is let go; then it writes."""

    def __init__(self, api, folder, name):
        self.api, self.gate = api, folder.join(name)
        os.mkfifo(self.gate)
        self.id = api.task("sh -c 'echo before; cat %s; echo after; exit 3'" % self.gate)
        api.wait_task(self.id, "running")

    def let_go(self):
        with open(self.gate, "w") as f:
            f.write("during\n")

    def check(self, name):
        self.api.wait_task(self.id, "failed")
        rows = self.api.get("/executions/", {"task_id": self.id}).json
        is_([(r["return_code"], r["output"]) for r in rows],
            [(3, "before\nduring\nafter\n")], name)


def worker_full():
    disk, folder = Disk(), Folder()
    with Server() as server, \
            Worker(server, concurrency=4, SCITQ_STATE_DIR=disk.join("state")) as worker:
        api = server.api()
        now, away, killed = (Gated(api, folder, n) for n in ("now", "away", "killed"))
        disk.fill()
        for i in [api.task("true") for _ in range(MANY)]:
            api.wait_task(i, ("succeeded", "failed"))
        has(worker.log(), "No space left on device", "the worker says what is the matter")
        now.let_go()
        now.check("what ends while the worker's disk is full is told")
        server.end()
        away.let_go()
        wait_until("the worker misses the server", lambda: "no server" in worker.log())
        server.start()
        away.check("also when the server was away meanwhile")
        worker.kill()
        disk.make_room()
        worker.start()
        killed.let_go()
        killed.check("what ran when it was killed on a full disk is taken up")
        api.wait_task(api.task("true"))
        ok(True, "and it works on")
    folder.stop()


def keep_full(api, condition):
    """Until then: what a change frees of the disk is taken at once."""
    def full():
        for n in (50, 1):
            while api.post("/tasks/", [{"command": "true", "status": "paused"}] * n
                           ).status == 201:
                pass
        return condition()
    wait_until("it happens on a full disk", full, every_s=0)


def fleet_full():
    """A job that ends while nothing can be stored: told when there is room again, with
    what became of its worker, and not left running until another server comes."""
    disk, folder = Disk(), Folder()
    ends = folder.join("worker")
    with open(ends, "w") as f:
        f.write("#!/bin/sh\nexit 0\n")
    os.chmod(ends, 0o755)
    with Server("sqlite", database_on(disk, "sqlite"), LOCAL_WORKER=ends,
                WORKER_CREATE_RETRY=0) as server:
        api = server.api()
        api.put("/workers/deploy", {"flavor": "local", "provider": "local",
                                    "region": "here", "batch": "b"})
        job = lambda: api.get("/jobs/").json[-1]  # noqa: E731
        wait_until("its worker is awaited", lambda: "waiting for" in job()["log"])
        disk.fill()
        keep_full(api, lambda: "a job waits until" in server.log())
        is_(job()["status"], "running", "a job ends on a full disk")
        disk.make_room()
        wait_until("its end is told", lambda: job()["status"] == "failed")
        is_([w["status"] for w in api.get("/workers/").json], ["failed"],
            "with room again it has failed, and its worker")
    folder.stop()


def static_full():
    """A machine that is lent to somebody stays so, whatever cannot be written of it."""
    disk, folder = Disk(), Folder()
    settings, env = ansible(folder, workers=False)
    with open(folder.join("machines"), "w") as f:
        f.write("m1 address=127.0.0.1 flavor=own region=lab\n")
    server = Server("sqlite", SCITQ_STATE_DIR=disk.join("state"), WORKER_CREATE_RETRY=0,
                    start=False, STATIC_MACHINES=folder.join("machines"), **settings)
    server.env = env
    leases = disk.join("state", "providers", "static")
    with server.start():
        api = server.api()

        def fails(words, what):
            api.put("/workers/deploy", {"flavor": "own", "provider": "static",
                                        "region": "lab", "batch": "b"})
            job = lambda: api.get("/jobs/").json[-1]  # noqa: E731
            wait_until("it fails", lambda: job()["status"] == "failed")
            has(job()["log"], words, what)
            is_(os.listdir(leases), ["m1.lease"], "and stays as it is")
        os.makedirs(leases, exist_ok=True)
        with open(os.path.join(leases, "m1.lease"), "w") as f:
            f.write("sother w1-1 other-node1\n")
        fails("every machine of flavor own in lab is lent", "it is another's")
        disk.fill()
        fails("No space left on device", "it cannot be taken on a full disk")
        disk.make_room()
        open(os.path.join(leases, "m1.lease"), "w").close()
        fails("does not say to whom", "a lease that is damaged is told")
    folder.stop()


if namespace():
    for database in databases():
        run(server_full, database)
        stop_all()
    run(fleet_full)
    run(static_full)
    run(worker_full)
else:
    lacking("a disk that gets full", "root, for a mount namespace of its own")
done()
