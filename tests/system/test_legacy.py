#!/usr/bin/env python3
"""The life of a worker and of clients of scitq 1.3, call by call: what they send, on a
new connection each time as they do, and what they rely on in the answers.  On SQLite
and again on PostgreSQL."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


class Legacy:
    """1.3's worker: it polls, and knows only part A of the API."""

    def __init__(self, api, name, concurrency, batch):
        self.api = api
        known = [w for w in self.call("GET", "/workers/", {})
                 if w["name"] == name and w["hostname"] == name]
        if known:
            self.row = known[0]
        else:
            self.row = self.call("POST", "/workers/", {
                "name": name, "hostname": name, "concurrency": concurrency,
                "status": "running", "batch": batch})
        self.id = self.row["worker_id"]
        self.call("PUT", "/workers/%d" % self.id, {"status": "running",
                                                   "flavor": "local"})

    def call(self, method, path, body=None):
        answer = self.api.call(method, path, body, {"Connection": "close"})
        if answer.status not in (200, 201):
            raise RuntimeError("%s %s: %r" % (method, path, answer))
        return answer.json

    def poll(self):
        """What it asks every four seconds: (pending executions, signals)."""
        path = "/workers/%d" % self.id
        row = self.call("PUT", path + "/ping", {
            "load": "0.1\u2193 / 0.0", "memory": 12.5,
            "stats": json.dumps({"load": "0.1 0.1 0.1"})})
        assert row["worker_id"] == self.id and row["concurrency"] >= 1
        pending = self.call("GET", path + "/executions/pending")
        signals = self.call("GET", path + "/signals")
        self.active = self.call("GET", path + "/executions")
        return pending, signals

    def pending(self):
        return wait_until("an execution is pending", lambda: self.poll()[0])

    def execution(self, e, **fields):
        return self.call("PUT", "/executions/%d" % e["execution_id"], fields)

    def start(self, e):
        """Accept, download, freeze, run; the task."""
        path = "/executions/%d" % e["execution_id"]
        task = self.call("GET", "/tasks/%d" % e["task_id"])
        self.execution(e, status="accepted", freeze=False)
        frozen = self.call("GET", "/tasks/%d/freeze/%d" % (e["task_id"],
                                                           e["execution_id"]))
        is_(frozen["command"], task["command"], "freezing answers the task")
        self.call("GET", path)
        got = self.execution(e, status="running", pid=1234, freeze=False)
        is_((got["status"], got["pid"]), ("running", "1234"), "running with its pid")
        return task

    def write(self, e, output, error=""):
        path = "/executions/%d" % e["execution_id"]
        self.call("PUT", path + "/output", {"text": output})
        self.call("PUT", path + "/error", {"text": error})


def life(api, server):
    worker = Legacy(server.api(), "old", 2, "legacy")
    is_(Legacy(server.api(), "old", 2, "legacy").id, worker.id,
        "started again it finds its row")
    t = api.task("echo hello", batch="legacy", name="greeting", output="s3://out/")
    e = worker.pending()[0]
    is_((e["task_id"], e["command"], e["batch"], e["taskstatus"], e["latest"]),
        (t, "echo hello", "legacy", "assigned", True), "the short form says what to run")
    worker.start(e)
    is_([x["execution_id"] for x in (worker.poll(), worker.active)[1]],
        [e["execution_id"]], "it finds what it runs among its executions")
    worker.write(e, "hello\n")
    worker.write(e, "again\n", "warning\n")
    got = worker.execution(e, status="succeeded", return_code=0, freeze=True,
                           output_files="a.txt b/c.txt")
    is_((got["status"], got["return_code"], got["output_files"]),
        ("succeeded", 0, "a.txt b/c.txt"), "its end is taken")
    task = api.get("/tasks/%d" % t).json
    is_(task["status"], "succeeded", "the client sees the task succeed")
    listed = api.get("/executions/", {"task_id": t, "limit": 1, "reverse": True}).json
    is_((listed[0]["output"], listed[0]["error"]), ("hello\nagain\n", "warning\n"),
        "and reads its output")
    is_((worker.poll(), worker.active)[1], [], "it has nothing left")


def failures(api, server):
    worker = Legacy(server.api(), "older", 1, "legacy2")
    t = api.task("false", batch="legacy2", retry=1)
    e = worker.pending()[0]
    worker.start(e)
    worker.execution(e, status="failed", return_code=1, freeze=False)
    again = worker.pending()[0]
    ok(again["task_id"] == t and again["execution_id"] != e["execution_id"],
       "a failed task with a retry comes again", again)
    # refused: given back, and given again
    worker.execution(again, status="refused", freeze=False)
    third = worker.pending()[0]
    is_(third["task_id"], t, "a refused one comes again")
    # the download fails
    worker.execution(third, status="accepted", freeze=False)
    worker.call("PUT", "/executions/%d/error" % third["execution_id"],
                {"text": "no such object"})
    worker.execution(third, status="failed", return_code=-1001, freeze=False)
    is_(api.get("/tasks/%d" % t).json["status"], "failed", "no retry left: failed")
    rows = api.get("/executions/", {"task_id": t}).json
    is_([(x["status"], x["return_code"], x["latest"]) for x in rows],
        [("failed", 1, False), ("refused", None, False), ("failed", -1001, True)],
        "every attempt is remembered")
    api.put("/tasks/%d" % t, {"status": "pending"})
    relaunched = worker.pending()[0]
    worker.start(relaunched)
    # stopped by a person
    api.post("/workers/%d/signals" % worker.id,
             {"execution_id": relaunched["execution_id"], "signal": 9})
    signals = worker.poll()[1]
    is_([(s["execution_id"], s["signal"]) for s in signals],
        [(relaunched["execution_id"], 9)], "a signal reaches it")
    is_(worker.poll()[1], [], "once")
    worker.execution(relaunched, status="failed", return_code=-9, freeze=False)
    doomed = api.task("sleep 1000", batch=worker.row["batch"])
    execution = worker.pending()[0]
    worker.start(execution)
    api.delete("/tasks/%d" % doomed)
    is_([(s["execution_id"], s["signal"]) for s in worker.poll()[1]],
        [(execution["execution_id"], 9)], "a deleted task's worker is told to stop it")


def idle(api, server):
    """The idle callback, through each of its answers."""
    worker = Legacy(server.api(), "lazy", 1, "legacy-idle")
    path = "/workers/%d" % worker.id

    def says(message, answer, name):
        is_(worker.call("PUT", path + "/callback", {"message": message}),
            {"result": answer}, name)

    def jobs():
        return server.sql("select action, target from job where target = 'lazy'")

    says("bored", "nothing to do", "another message than idle: nothing to do")
    api.put(path, {"task_properties": '{"legacy-idle": [0.5, 1]}'})
    says("idle", "ok", "a permanent worker may be idle")
    is_(api.get(path).json["task_properties"], "{}", "its task_properties are reset")
    is_((api.get(path).status, jobs()), (200, []), "and it stays")
    api.put(path, {"permanent": False})
    api.task("c", batch="legacy-idle")
    e = worker.pending()[0]
    says("idle", "still have running tasks", "a recruited one with an assigned task")
    worker.start(e)
    says("idle", "still have running tasks", "with a running one")
    worker.execution(e, status="succeeded", return_code=0, freeze=False)
    api.put(path, {"status": "paused"})  # so that nothing is assigned
    t = api.task("c", batch="legacy-idle")
    says("idle", "still some work to do, lazy one!", "with a pending task of its batch")
    is_(jobs(), [], "until then it is not destroyed")
    api.put("/tasks/%d" % t, {"status": "paused"})
    says("bored", "nothing to do", "another message still does nothing")
    is_(jobs(), [], "nothing at all")
    says("idle", "ok", "with nothing running or due")
    is_(jobs(), [["worker_destroy", "lazy"]], "a job destroys it")
    wait_until("it is destroyed", lambda: api.get(path).status == 404)
    is_(len(jobs()), 1, "there is one job")


def any_bytes(api, server):
    """What a command wrote is no reason to refuse it: 1.3's worker sends it once."""
    worker = Legacy(server.api(), "bytes", 1, "legacy-bytes")
    t = api.task("cat /bin/true", batch="legacy-bytes")
    e = worker.pending()[0]
    worker.start(e)
    path = "/executions/%d/" % e["execution_id"]
    for stream in "output", "error":
        for body in (b'{"text":"nul \\u0000,"}', b'{"text":"lone \\udcff,"}',
                     b'{"text":"pair \\ud83d\\ude00,"}', b'{"text":"raw \xff\x00"}'):
            answer = api.call("PUT", path + stream, body,
                              {"Content-Type": "application/json"})
            is_(answer.status, 200, "%s is taken as %s" % (body, stream))
        is_(api.get(path + "output").json[stream],
            "nul ,lone \ufffd,pair \U0001f600,raw \ufffd",
            "NUL is dropped, what is no character replaced, in the " + stream)
    answer = api.call("PUT", path + "output", b'{"text":"open',
                      {"Content-Type": "application/json"})
    is_((answer.status, "malformed JSON" in answer.message), (400, True),
        "what is not JSON is refused all the same")
    worker.execution(e, status="succeeded", return_code=0, freeze=False)


def silence(api, server):
    worker = Legacy(server.api(), "quiet", 1, "legacy3")
    path = "/workers/%d" % worker.id
    worker.poll()
    wait_until("a silent worker is offline",
               lambda: api.get(path).json["status"] == "offline")
    ok(True, "silent, it is offline after the delay")

    def back():
        worker.poll()
        return api.get(path).json["status"] == "running"
    wait_until("a worker that pings runs again", back)
    ok(True, "heard again, it is running")


def main():
    for db in databases():
        with Server(db) as server:
            run_groups([life, failures, idle, any_bytes], server)
        with Server(db, WORKER_OFFLINE_DELAY=2) as server:
            run_groups([silence], server)
    done()


main()
