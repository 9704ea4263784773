#!/usr/bin/env python3
"""use_cache: what is reused, and what never is.  On real S3, Azure Blob and file://, over
both databases.

Whether a task would be reused is asked in a batch without workers: it succeeds there, or
it waits for a worker.  What runs writes a line into a file, so that runs are counted."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
from harness import *  # noqa: E402,F403
from fetch import environment, fetch  # noqa: E402
from gates import Gated  # noqa: E402
from servers import Servers  # noqa: E402
from test_worker import execution, registered  # noqa: E402


class GatedServer(Gated, Server):
    def __init__(self, db, gates, **settings):
        self.make_gates(gates)
        super().__init__(db, **settings)


PATIENCE_S = 300  # rclone on a busy machine; nothing is asserted of it


class Lab:
    """Data on one storage, and tasks that work on it."""
    counter = iter(range(1, 10 ** 9))

    def __init__(self, server, api, storage, conf, folder):
        self.server, self.api, self.conf, self.folder = server, api, conf, folder
        self.storage = storage
        number = next(Lab.counter)
        self.top = ("file://%s/%d/" % (folder.join("data"), number) if storage == "file"
                    else "%s://lab/%d/" % (storage, number))
        self.runs_path = folder.join("runs%d" % number)
        self.command = ("sh -c 'echo run >> %s; cat $INPUT/* $RESOURCE/db > "
                        "$OUTPUT/result; mkdir $OUTPUT/d; echo é > \"$OUTPUT/d/a b\"'"
                        % self.runs_path)
        self.write("in/x", b"one\n")
        self.write("db", b"db1\n")

    def tool(self, *words):
        code, out, error = fetch(*words, env=environment(RCLONE_CONFIG=self.conf))
        if code:
            raise RuntimeError("scitq-fetch %s: %s" % (words, error))
        return out

    def write(self, name, data):
        path = self.folder.join("scratch")
        with open(path, "wb") as f:
            f.write(data)
        self.tool("copy", path, self.top + name)

    def read(self, name):
        path = self.folder.join("back")
        if os.path.exists(path):
            os.unlink(path)
        self.tool("copy", self.top + name, path)
        with open(path, "rb") as f:
            return f.read()

    def fields(self, **more):
        base = dict(command=self.command, input=self.top + "in/", use_cache=True,
                    resource=self.top + "db", output=self.top + "out/", batch="lab")
        base.update(more)
        return base

    def runs(self):
        try:
            with open(self.runs_path) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def settled(self):
        """Nothing is left to be recorded."""
        wait_until("results are recorded", lambda: not int(self.server.sql(
            "select count(*) from execution where cache_state is not null and "
            "status = 'succeeded'")[0][0]), PATIENCE_S)

    def run(self, **more):
        task = self.api.task(**self.fields(**more))
        self.api.wait_task(task, timeout_s=PATIENCE_S)
        self.settled()
        return task

    def reused(self, **more):
        """The task that succeeded without a worker; None: it would run."""
        task = self.api.task(**self.fields(batch="nobody", **more))

        def look():
            why = self.api.get("/tasks/%d/why" % task).json
            return why["reason"] if why["reason"] in ("no_worker", "succeeded") else None
        if wait_until("task %d looked at" % task, look, PATIENCE_S) == "succeeded":
            return task
        self.api.delete("/tasks/%d" % task)
        return None


RESULT = b"one\ndb1\n"


def outcomes(lab, elsewhere):
    """The three of product.md, and what an execution that never ran looks like."""
    api = lab.api
    first = lab.run()
    is_((lab.runs(), lab.read("out/result")), (1, RESULT), "the first one runs")
    names = execution(api, first)["output_files"]
    task = lab.run()
    e = execution(api, task)
    is_(lab.runs(), 1, "the same again, in the same folder: nothing is run")
    is_({k: e[k] for k in ("worker_id", "status", "return_code", "output_files",
                           "command", "pid", "latest", "freeze")},
        {"worker_id": None, "status": "succeeded", "return_code": 0, "freeze": None,
         "output_files": names, "command": lab.command, "pid": None, "latest": True},
        "its execution is of no worker")
    has(api.raw_log(e["execution_id"], "stderr").decode(),
        "nothing was run: the result of execution %d of task %d is reused"
        % (execution(api, first)["execution_id"], first), "and says what was reused")
    has(api.get("/tasks/%d/why" % task).json["sentence"], "nothing was run", "so does why")
    task = lab.run(output=lab.top + "other")
    is_((lab.runs(), lab.read("other/result"), lab.read("other/d/a%20b")),
        (1, RESULT, "é\n".encode()), "another folder of the storage: it is copied there")
    has(api.raw_log(execution(api, task)["execution_id"], "stderr").decode(),
        "copied from " + lab.top + "out/", "and says so")
    lab.run(output=elsewhere)
    is_(lab.runs(), 2, "another storage: it runs")
    follower = api.task("true", batch="nobody", required_task_ids=[
        lab.reused(output=lab.top + "third/")])
    is_(api.wait_task(follower, ("pending", "waiting"))["status"], "pending",
        "a task that required it may go on")


def changed(lab):
    """Every part of what it runs on."""
    first = lab.run()
    ok(lab.reused(), "the same")
    rows = [("command", {"command": lab.command + " "}),
            ("container", {"container": "img"}),
            ("options", {"container": "img", "container_options": "-v /a:/a"}),
            ("one input more", {"input": lab.top + "in/ " + lab.top + "db"}),
            ("one resource less", {"resource": None}),
            ("input and resource exchanged", {"input": lab.top + "db",
                                              "resource": lab.top + "in/"}),
            ("an action", {"resource": lab.top + "db|mv:x"}),
            ("no use_cache", {"use_cache": False}),
            ("no output", {"output": None}),
            ("an input without a hash", {"input": "http://127.0.0.1:1/x"})]
    for name, more in rows:
        ok(not lab.reused(**more), "not with another " + name)
    lab.write("elsewhere/x", b"one\n")
    ok(lab.reused(input=lab.top + "elsewhere/x"), "the same file from another place")
    ok(lab.reused(run_timeout=77, name="other", retry=3), "what does not matter")
    for name, old, new in (("in/x", b"one\n", b"two\n"), ("db", b"db1\n", b"db2\n")):
        lab.write(name, new)
        ok(not lab.reused(), "%s changed, of the same size" % name)
        lab.write(name, old)
        ok(lab.reused(), "%s as it was" % name)
    lab.write("in/y", b"")
    ok(not lab.reused(), "an empty file more in the folder")
    lab.tool("delete", lab.top + "in/y")
    ok(lab.reused(), "gone again")
    lab.tool("delete", lab.top + "db")
    ok(not lab.reused(), "a resource that is gone")
    lab.write("db", b"db1\n")
    lab.api.put("/tasks/%d" % first, {"status": "failed"})
    ok(lab.reused(), "results of others are still there")


def spoilt(lab):
    """Outputs that are not what they were."""
    lab.run()
    ok(lab.reused(), "intact")
    good = lab.read("out/result")
    lab.write("out/result", good.replace(b"one", b"eno"))
    ok(not lab.reused(), "altered, of the same size")
    lab.write("out/result", good + b"more")
    ok(not lab.reused(), "altered, of another size")
    lab.write("out/result", good)
    ok(lab.reused(), "as it was")
    lab.write("out/more", b"of another task")
    ok(lab.reused(), "a file of somebody else beside it")
    lab.tool("delete", lab.top + "out/d/a%20b")
    ok(not lab.reused(), "one of its files deleted")
    ok(not lab.reused(output=lab.top + "copy/"), "nor is that copied elsewhere")
    runs = lab.runs()
    lab.run()
    is_((lab.runs(), lab.read("out/d/a%20b")), (runs + 1, "é\n".encode()),
        "it is run again")
    ok(lab.reused(), "and that result is reused")
    lab.write("out/result", b"")
    ok(lab.reused(output=lab.top + "new/") is None, "emptied: not copied")
    lab.run()
    ok(lab.reused(output=lab.top + "new/"), "mended: copied")
    lab.write("out/result", b"spoilt")
    ok(lab.reused(), "the folder is mended from an intact copy")
    is_(lab.read("out/result"), good, "with what it held")


def meanwhile(lab):
    """What changes between the look and the end of the run."""
    api, go = lab.api, lab.folder.join("go%d" % next(Lab.counter))
    slow = lab.command.replace("sh -c '", "sh -c 'until test -e %s; do sleep 0.05; done; "
                               % go)
    rows = [("an input changed", lambda: lab.write("in/x", b"two\n"),
             lambda: lab.write("in/x", b"one\n")),
            ("a resource changed and changed back",
             lambda: (lab.write("db", b"db2\n"), lab.write("db", b"db1\n")),
             lambda: None)]
    for name, spoil, mend in rows:
        task = api.task(**lab.fields(command=slow))
        api.wait_task(task, "running", PATIENCE_S)
        spoil()
        with open(go, "w"):
            pass
        api.wait_task(task, timeout_s=PATIENCE_S)
        lab.settled()
        mend()
        ok(not lab.reused(command=slow), name + " while it ran: it is run again")
        os.unlink(go)
    server = lab.server
    task = api.task(**lab.fields(command=slow))
    api.wait_task(task, "running", PATIENCE_S)
    server.close_gate("hash")
    with open(go, "w"):
        pass
    api.wait_task(task, timeout_s=PATIENCE_S)
    server.held("hash")
    lab.write("out/result", b"eno\ndb1\n")
    server.open_gate("hash")
    lab.settled()
    ok(not lab.reused(command=slow),
       "an output written over between its upload and the record is never reused")
    task = api.task(**lab.fields(command="sh -c 'exit 3'"))
    api.wait_task(task, "failed", PATIENCE_S)
    ok(not lab.reused(command="sh -c 'exit 3'"), "a failure is not reused")


def twins(lab):
    """Two at once, and many behind the first."""
    tasks = [lab.api.task(**lab.fields()) for _ in range(6)]
    for task in tasks:
        lab.api.wait_task(task, timeout_s=PATIENCE_S)
    is_(lab.read("out/result"), RESULT, "six at once succeed")
    lab.settled()
    runs = lab.runs()
    ok(1 <= runs <= 6 and lab.reused(), "and are reused afterwards", runs)


def restarts(lab):
    """The server killed before, in a look, in a copy, before it records."""
    server, api = lab.server, lab.api

    def again():
        server.kill()
        server.start()
        api.close()

    lab.run()
    again()
    ok(lab.reused(), "after a restart of the server")
    for op in ("hash", "copy"):
        server.close_gate(op)
        task = api.task(**lab.fields(batch="nobody", output=lab.top + op + "/"))
        server.held(op)
        why = api.get("/tasks/%d/why" % task).json
        is_(why["reason"], "cache", "why it is pending while %s is under way" % op)
        server.kill()
        server.open_gate(op)
        again()
        api.wait_task(task, timeout_s=PATIENCE_S)
        is_(lab.read(op + "/result"), RESULT, "killed in a %s: it is done again" % op)
    lab.tool("delete", lab.top + "out/")
    server.close_gate("hash")
    task = api.task(**lab.fields(command=lab.command + " new"))
    server.held("hash")
    server.open_gate("hash")
    wait_until("it was looked at", lambda: server.sql(
        "select count(*) from task where cache_key is not null or status <> 'pending'"))
    server.close_gate("hash")
    api.wait_task(task, timeout_s=PATIENCE_S)
    server.kill()
    server.open_gate("hash")
    again()
    lab.settled()
    ok(lab.reused(command=lab.command + " new"), "killed before it recorded")


def races(lab):
    """What others do while a result is looked for."""
    server, api = lab.server, lab.api
    first = lab.run()
    server.close_gate("hash")
    task = api.task(**lab.fields(batch="nobody"))
    server.held("hash")
    api.put("/tasks/%d" % task, {"command": lab.command + " else"})
    server.open_gate("hash")
    wait_until("it was looked at again", lambda: api.get(
        "/tasks/%d/why" % task).json["reason"] == "no_worker")
    ok(True, "a task edited meanwhile is not what was looked at")
    api.put("/tasks/%d" % task, {"command": lab.command})
    is_(api.wait_task(task)["status"], "succeeded", "edited back it is reused")
    api.delete("/tasks/%d" % task)

    good = lab.read("out/result")
    server.close_gate("copy")
    task = api.task(**lab.fields(batch="nobody", output=lab.top + "late/"))
    server.held("copy")
    lab.write("out/result", good.replace(b"one", b"eno"))
    server.open_gate("copy")
    reason = wait_until("it was copied", lambda: [
        r for r in [api.get("/tasks/%d/why" % task).json["reason"]] if r != "cache"])
    is_(reason, ["no_worker"], "an output altered before it was copied is not taken over")
    api.delete("/tasks/%d" % task)
    lab.write("out/result", good)

    server.close_gate("copy")
    task = api.task(**lab.fields(batch="nobody", output=lab.top + "copied/"))
    server.held("copy")
    api.delete("/tasks/%d" % first)
    server.open_gate("copy")
    wait_until("it was given up", lambda: api.get(
        "/tasks/%d/why" % task).json["reason"] == "no_worker")
    ok(True, "the earlier task deleted meanwhile: it is run")
    api.delete("/tasks/%d" % task)
    server.close_gate("hash")
    task = api.task(**lab.fields(batch="nobody"))
    server.held("hash")
    api.delete("/tasks/%d" % task)
    server.open_gate("hash")
    ok(lab.runs() and not lab.reused(), "a task deleted meanwhile harms nobody")


def hosts(lab):
    """A disk of this machine means nothing to a worker on another one."""
    lab.run()
    ok(lab.reused(), "no worker is elsewhere")
    other = lab.api.post("/workers/", {"name": "far", "hostname": "far.lab",
                                       "concurrency": 1, "batch": "nobody",
                                       "status": "paused"}).json["worker_id"]
    task = lab.api.task(**lab.fields(batch="nobody"))
    wait_until("looked at", lambda: lab.api.get(
        "/tasks/%d/why" % task).json["reason"] != "cache")
    is_(lab.api.get("/tasks/%d" % task).json["status"],
        "pending" if lab.storage == "file" else "succeeded",
        "a worker of its batch is on another machine")
    lab.api.delete("/tasks/%d" % task)
    lab.api.delete("/workers/%d" % other)


def legacy(lab):
    """A 1.3 worker's calls: with `freeze` its success is one; without it is somebody's
    word."""
    api = lab.api
    for i, (freeze, edit) in enumerate(((True, False), (False, False), (True, True))):
        batch = "old%d-%s" % (i, lab.storage)
        command = "made by hand %d" % i
        w = api.post("/workers/", {"name": batch, "hostname": socket.gethostname(),
                                   "concurrency": 1, "batch": batch,
                                   "status": "running"}).json["worker_id"]
        task = api.task(**lab.fields(command=command, batch=batch))
        path = "/executions/%d" % wait_until("assigned", lambda: api.get(
            "/workers/%d/executions/pending" % w).json)[0]["execution_id"]
        api.put(path, {"status": "accepted", "freeze": False})
        if edit:
            api.put("/tasks/%d" % task, {"command": "something else"})
        api.get("/tasks/%d/freeze/%s" % (task, path.rsplit("/")[-1]))
        api.put(path, {"status": "running", "pid": 1234, "freeze": False})
        lab.write("out/by%%20hand%d" % i, b"by hand")
        api.put(path, {"status": "succeeded", "return_code": 0, "freeze": freeze,
                       "output_files": "by%%20hand%d" % i})
        lab.settled()
        got = lab.reused(command="something else" if edit else command)
        is_(bool(got), freeze and not edit, "1.3: freeze %s, edited %s" % (freeze, edit))
        api.delete("/workers/%d" % w)


QUICK = (changed, spoilt, meanwhile)
FULL = QUICK + (twins, restarts, races, hosts, legacy)


def parts(db, storage):
    """Everything once over each database; over the remote storages what they may matter
    to, in the long run everything."""
    if storage == "file" or (LONG and db == "sqlite"):
        return FULL
    return QUICK if LONG or db == "sqlite" else ()


def main():
    top = Folder()
    os.makedirs(top.join("servers"))
    with Servers(["s3", "azure"], top.join("servers"), gates=False) as servers:
        for db in databases():
            folder = Folder()
            server = GatedServer(db, folder.join("gates"), RCLONE_CONFIG=servers.conf)
            api = server.api()
            with Worker(server, 4, options=["-b", "lab"],
                        RCLONE_CONFIG=servers.conf) as worker:
                registered(worker, api)
                for storage in ("file", "s3", "azure"):
                    def lab():
                        return Lab(server, api, storage, servers.conf, folder)
                    away = ("s3://lab/away/" if storage == "file" else
                            "file://%s/" % folder.join("away"))
                    diag("%s, %s" % (db, storage))
                    run(outcomes, lab(), away)
                    for part in parts(db, storage):
                        run(part, lab())
            conf = server.folder.join("scitq.conf")
            ok(server.logged("--worker", "-c", conf), "the server's settings are read")
            server.stop()
            folder.stop()
    done()


if __name__ == "__main__":
    main()
