#!/usr/bin/env python3
"""Workers and their executions in the HTTP API (A.4 and A.5 of its description), call by
call, on SQLite and again on PostgreSQL."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

EXECUTION_FIELDS = ["execution_id", "worker_id", "task_id", "status", "return_code",
                    "pid", "creation_date", "modification_date", "output", "error",
                    "output_files", "command", "freeze", "latest"]
SHORT_FIELDS = ["execution_id", "command", "status", "task_id", "creation_date",
                "modification_date", "pid", "output_files", "latest", "batch",
                "taskstatus"]
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$")


def workers(api, server):
    made = expect(api, "defaults", "POST", "/workers/",
                  {"name": "w1", "concurrency": 2}, 201,
                  {"status": "paused", "prefetch": 0, "batch": "Default",
                   "permanent": True, "task_properties": "{}", "concurrency": 2,
                   "hostname": None, "load": None, "memory": None})
    is_(list(made), WORKER_FIELDS, "a worker has its fields in their order")
    w = made["worker_id"]
    expect(api, "listed", "GET", "/workers/", {"worker_id": w}, 200, [{"name": "w1"}])
    is_(list(api.get("/workers/").json[0]), WORKER_FIELDS, "in lists too")
    twin = expect(api, "a name may repeat", "POST", "/workers/",
                  {"name": "w1", "concurrency": 1}, 201, {"name": "w1"})["worker_id"]
    expect(api, "every field", "POST", "/workers/",
           {"name": "w2", "concurrency": "3", "prefetch": 4, "hostname": "h",
            "status": "offline", "batch": "workers", "flavor": "f", "region": "r",
            "provider": "p", "permanent": True}, 201,
           {"concurrency": 3, "prefetch": 4, "hostname": "h", "batch": "workers",
            "flavor": "f", "region": "r", "provider": "p"})
    table(api, [
        ("no concurrency", "POST", "/workers/", {"name": "x"}, 400, None, "concurrency"),
        ("no name", "POST", "/workers/", {"concurrency": 1}, 400, None, "name"),
        ("wrong type", "POST", "/workers/", {"name": "x", "concurrency": "many"}, 400,
         None, "concurrency"),
        ("unknown field", "POST", "/workers/", {"name": "x", "concurrency": 1, "a": 1},
         400, None, "a"),
        ("unknown status", "POST", "/workers/",
         {"name": "x", "concurrency": 1, "status": "bogus"}, 500, None,
         "Status bogus is not possible (only paused running offline failed evicted)"),
        ("unknown status", "PUT", "/workers/%d" % w, {"status": "bogus"}, 500, None,
         "Status bogus is not possible (only paused running offline failed evicted)"),
        ("a / in the batch", "PUT", "/workers/%d" % w, {"batch": "a/b"}, 400, None,
         "batch"),
        ("beyond a column", "GET", "/workers/99999999999", None, 404, None,
         "Worker 99999999999 doesn't exist"),
        ("beyond an integer", "DELETE", "/workers/99999999999999999999", None, 404, None,
         "the id 99999999999999999999 doesn't exist"),
        ("absent", "GET", "/workers/99999", None, 404, None,
         "Worker 99999 doesn't exist"),
        ("absent", "PUT", "/workers/99999", {"concurrency": 1}, 404, None,
         "Worker 99999 doesn't exist"),
        ("absent", "PUT", "/workers/99999/ping", {}, 404, None,
         "Worker 99999 doesn't exist"),
        ("absent", "DELETE", "/workers/99999", None, 404, None,
         "Worker 99999 doesn't exist"),
    ])
    before = api.get("/workers/%d" % w).json
    is_(api.put("/workers/%d" % w, before).json, before,
        "the whole object back changes nothing")
    expect(api, "a field", "PUT", "/workers/%d" % w, {"concurrency": 7, "batch": "b7"},
           200, {"concurrency": 7, "batch": "b7"})
    expect(api, "ping", "PUT", "/workers/%d/ping" % w,
           {"load": "12.0\u2193 / 0.3", "memory": 31.5, "stats": "{\"a\":1}"}, 200,
           {"load": "12.0\u2193 / 0.3", "memory": 31.5, "stats": "{\"a\":1}",
            "last_contact_date": DATE})
    expect(api, "is seen at once", "GET", "/workers/%d" % w, None, 200,
           {"memory": 31.5, "last_contact_date": DATE})
    expect(api, "is seen in lists", "GET", "/workers/", {"worker_id": w}, 200,
           [{"memory": 31.5, "last_contact_date": DATE}])
    expect(api, "ping with memory as text", "PUT", "/workers/%d/ping" % w,
           {"memory": "12.5"}, 200, {"memory": 12.5})
    expect(api, "ping with an unknown field", "PUT", "/workers/%d/ping" % w,
           {"memory": 99, "lode": "1"}, 400, None, "lode")
    expect(api, "which changed nothing", "GET", "/workers/%d" % w, None, 200,
           {"memory": 12.5})
    expect(api, "bad memory", "PUT", "/workers/%d/ping" % w, {"memory": "x"}, 400, None,
           "memory")
    for message, words in (("idle", None), ("bonjour", "nothing to do"), (None,
                                                                         "nothing to do")):
        answer = expect(api, "callback %s" % message, "PUT", "/workers/%d/callback" % w,
                        {"message": message}, 200)
        if words:
            is_(answer, {"result": words}, "says so")
    # signals
    expect(api, "signal", "POST", "/workers/%d/signals" % w, {"signal": -1}, 200)
    is_(api.post("/workers/%d/signals" % w, {"execution_id": None, "signal": -2}).body
        .strip(), b"null", "POST of a signal answers null")
    is_(api.call("HEAD", "/workers/%d/signals" % w).status, 200, "HEAD of the signals")
    is_(api.get("/workers/%d/signals" % w).json,
        [{"execution_id": None, "worker_id": w, "signal": -1},
         {"execution_id": None, "worker_id": w, "signal": -2}],
        "signals in order, not taken away by HEAD")
    is_(api.get("/workers/%d/signals" % w).json, [], "removed by being read")
    table(api, [
        ("no signal", "POST", "/workers/%d/signals" % w, {}, 400, None, "signal"),
        ("absent worker", "POST", "/workers/99999/signals", {"signal": -1}, 404),
        ("absent execution", "POST", "/workers/%d/signals" % w,
         {"execution_id": NOBODY, "signal": 9}, 404),
    ])
    # eviction
    expect(api, "evicted", "PUT", "/workers/%d" % twin, {"status": "evicted"}, 200,
           {"status": "evicted"})
    expect(api, "an evicted one stays so", "PUT", "/workers/%d" % twin,
           {"status": "paused"}, 200, {"status": "evicted"})
    expect(api, "or runs again", "PUT", "/workers/%d" % twin, {"status": "running"},
           200, {"status": "running"})
    gone = expect(api, "DELETE", "DELETE", "/workers/%d" % twin, None, 200,
                  {"name": "w1", "worker_id": twin})
    is_(api.get("/workers/%d" % twin).status, 404, "and it is gone")
    ok(gone is not None, "DELETE answers the worker")


# ---- executions

EXECUTION_STATUSES = ["pending", "accepted", "running", "failed", "succeeded", "refused"]
# from -> to -> the task's status afterwards; "same": nothing changes; None: an error.
TRANSITIONS = {
    "pending": {"pending": "same", "accepted": "accepted", "running": "running",
                "failed": "pending", "succeeded": "succeeded", "refused": "pending"},
    "accepted": {"pending": "pending", "accepted": "same", "running": "running",
                 "failed": "failed", "succeeded": "succeeded", "refused": "pending"},
    "running": {"pending": None, "accepted": None, "running": "same",
                "failed": "failed", "succeeded": "succeeded", "refused": None},
    "failed": {"failed": "same"}, "succeeded": {"succeeded": "same"},
    "refused": {"refused": "same"},
}


def transitions(api, server):
    w = api.post("/workers/", {"name": "tw", "concurrency": 1,
                               "batch": "nobody"}).json["worker_id"]
    for start in EXECUTION_STATUSES:
        for to in EXECUTION_STATUSES:
            t, e = new_execution(api, w, "transitions", start)
            before = api.get("/executions/%d" % e).json
            is_(before["status"], start, "an execution is %s" % start)
            task_before = api.get("/tasks/%d" % t).json["status"]
            effect = TRANSITIONS[start].get(to)
            answer = api.put("/executions/%d" % e, {"status": to})
            after = api.get("/executions/%d" % e).json["status"]
            task = api.get("/tasks/%d" % t).json["status"]
            name = "execution %s -> %s" % (start, to)
            if effect is None:
                words = ("An execution cannot change status from %s to %s" % (start, to)
                         if start == "running" else
                         "An execution cannot change status from %s (only from pending, "
                         "running or accepted)" % start)
                is_((answer.status, answer.message, after, task),
                    (500, words, start, task_before), name)
            elif effect == "same":
                is_((answer.status, answer.json, task), (200, before, task_before), name)
            else:
                is_((answer.status, after, task), (200, to, effect), name)
    for start in ("accepted", "running"):
        t, e = new_execution(api, w, "transitions", start, retry=1)
        api.put("/executions/%d" % e, {"status": "failed", "return_code": 3})
        task = api.get("/tasks/%d" % t).json
        is_((task["status"], task["retry"]), ("pending", 0),
            "%s -> failed uses a retry" % start)
    t, e = new_execution(api, w, "transitions")
    expect(api, "unknown status", "PUT", "/executions/%d" % e, {"status": "bogus"}, 500,
           None, "Status bogus is not possible (only pending accepted running failed "
           "succeeded refused)")


def executions(api, server):
    w = api.post("/workers/", {"name": "ew", "concurrency": 1,
                               "batch": "nobody"}).json["worker_id"]
    t = api.task("c", batch="executions", status="paused", name="named")
    made = expect(api, "create", "POST", "/executions/", {"worker_id": w, "task_id": t},
                  201, {"status": "pending", "worker_id": w, "task_id": t,
                        "latest": True, "freeze": None, "output": None, "error": None})
    is_(list(made), EXECUTION_FIELDS, "an execution has its fields in their order")
    e = made["execution_id"]
    expect(api, "assigned", "GET", "/tasks/%d" % t, None, 200, {"status": "assigned"})
    table(api, [
        ("not again", "POST", "/executions/", {"worker_id": w, "task_id": t}, 500, None,
         "A new execution for task %d is not possible" % t),
        ("in that status", "POST", "/executions/",
         {"worker_id": w, "task_id": t, "status": "accepted"}, 500, None,
         "A new execution cannot be created with a status accepted"),
        ("no task_id", "POST", "/executions/", {"worker_id": w}, 400, None, "task_id"),
        ("no worker", "POST", "/executions/", {"worker_id": NOBODY, "task_id": t}, 404),
        ("no task", "POST", "/executions/", {"worker_id": w, "task_id": NOBODY}, 404),
        ("absent", "GET", "/executions/99999", None, 404, None,
         "Execution 99999 doesn't exist"),
        ("absent", "PUT", "/executions/99999", {"pid": 1}, 404, None,
         "Execution 99999 doesn't exist"),
        ("absent", "GET", "/executions/99999/output", None, 404),
        ("output of one that is gone", "PUT", "/executions/99999/output", {"text": "x"},
         200, {"result": "Ok"}),
        ("error of one that is gone", "PUT", "/executions/99999/error", {"text": "x"},
         200, {"result": "Ok"}),
        ("delete one that is gone", "PUT", "/executions/99999/delete", None, 200,
         {"result": "ok"}),
    ])
    expect(api, "running", "PUT", "/executions/%d" % e,
           {"status": "running", "pid": 1234, "freeze": False}, 200,
           {"status": "running", "pid": "1234"})
    expect(api, "output", "PUT", "/executions/%d/output" % e, {"text": "one\n"}, 200,
           {"result": "Ok"})
    api.put("/executions/%d/output" % e, {"text": "t\u00e9w\U0001f600\n"})
    api.put("/executions/%d/error" % e, {"text": "oops"})
    for body in ({"text": None}, {}, None):
        expect(api, "appends nothing", "PUT", "/executions/%d/output" % e, body, 200,
               {"result": "Ok"})
    expect(api, "whole text", "GET", "/executions/%d" % e, None, 200,
           {"output": "one\nt\u00e9w\U0001f600\n", "error": "oops"})
    expect(api, "text is no number list", "PUT", "/executions/%d/output" % e,
           {"text": [1]}, 400, None, "text")
    path = "/executions/%d/output" % e
    table(api, [
        ("both tails", "GET", path, None, 200,
         {"output": "one\nt\u00e9w\U0001f600\n", "error": "oops"}),
        ("from the start", "GET", path, {"output_position": 1, "error_position": 1}, 200,
         {"output": "one\nt\u00e9w\U0001f600\n", "error": "oops"}),
        ("in characters", "GET", path, {"output_position": 8, "error_position": 2}, 200,
         {"output": "\U0001f600\n", "error": "ops"}),
        ("in data", "GET", path, {"data": {"output_position": 5, "error": False}}, 200,
         {"output": "t\u00e9w\U0001f600\n"}),
        ("by query", "GET", path + "?output_position=9&error=false", None, 200,
         {"output": "\n"}),
        ("past the end", "GET", path, {"output_position": 1000}, 200, {"output": ""}),
        ("not a position", "GET", path, {"output_position": "x"}, 400, None,
         "output_position"),
    ])
    expect(api, "output_files", "PUT", "/executions/%d/output_files" % e,
           {"text": "a b%20c"}, 200)
    expect(api, "succeeded", "PUT", "/executions/%d" % e,
           {"status": "succeeded", "return_code": 0, "freeze": True}, 200,
           {"status": "succeeded", "return_code": 0, "output_files": "a b%20c",
            "output": "one\nt\u00e9w\U0001f600\n"})
    expect(api, "the task too", "GET", "/tasks/%d" % t, None, 200,
           {"status": "succeeded"})
    # lists
    api.put("/tasks/%d" % t, {"status": "pending"})
    second = expect(api, "again", "POST", "/executions/",
                    {"worker_id": w, "task_id": t, "status": "running"}, 201,
                    {"status": "running"})["execution_id"]
    expect(api, "earlier ones are not the latest", "GET", "/executions/%d" % e, None,
           200, {"latest": False})

    def listed(name, body, want):
        got = api.get("/executions/", body)
        is_([x["execution_id"] for x in got.json] if got.status == 200 else got, want,
            "executions by %s" % name)
        return got.json
    listed("task", {"task_id": t}, [e, second])
    listed("task_name", {"task_name": "named"}, [e, second])
    listed("batch", {"batch": "executions"}, [e, second])
    listed("latest", {"batch": "executions", "latest": True}, [second])
    listed("latest as text", {"batch": "executions", "latest": "false"}, [e])
    listed("reverse", {"task_id": t, "reverse": True}, [second, e])
    listed("reverse and limit", {"task_id": t, "reverse": True, "limit": 1}, [second])
    listed("worker and status", {"worker_id": w, "status": ["succeeded"]}, [e])
    row = listed("text", {"execution_id": e}, [e])[0]
    is_((row["output"], row["error"]), ("one\nt\u00e9w\U0001f600\n", "oops"),
        "lists carry the whole text")
    row = listed("no_output", {"execution_id": e, "no_output": True}, [e])[0]
    is_((row["output"], row["error"]), (None, None), "no_output")
    row = listed("trunc", {"execution_id": e, "trunc": 3}, [e])[0]
    is_((row["output"], row["error"]), ("w\U0001f600\n", "ops"), "trunc")
    expect(api, "of the worker", "GET", "/workers/%d/executions" % w, None, 200,
           [{"execution_id": second, "taskstatus": "running", "batch": "executions"}])
    is_(list(api.get("/workers/%d/executions" % w).json[0]), SHORT_FIELDS,
        "the short form has its fields")
    expect(api, "in a status", "GET", "/workers/%d/executions/succeeded" % w, None, 200,
           [{"execution_id": e}])
    expect(api, "in an unknown status", "GET", "/workers/%d/executions/bogus" % w, None,
           500, None, "Status bogus is not possible")
    counts = api.get("/workers/tasks").json
    ok({"worker_id": w, "status": "running", "count": 1} in counts, "counted", counts)
    # a task's status by hand while it runs
    api.put("/tasks/%d" % t, {"status": "paused"})
    expect(api, "killed by a status of the task", "GET", "/executions/%d" % second, None,
           200, {"status": "failed"})
    is_([s["signal"] for s in api.get("/workers/%d/signals" % w).json], [9],
        "with signal 9")
    expect(api, "the task is what was asked", "GET", "/tasks/%d" % t, None, 200,
           {"status": "paused"})
    third = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
    api.put("/tasks/%d" % t, {"status": "pending"})
    expect(api, "an assigned one is withdrawn", "GET", "/executions/%d" % third, None,
           200, {"status": "refused"})
    expect(api, "delete", "PUT", "/executions/%d/delete" % third, None, 200,
           {"result": "ok"})
    is_(api.get("/executions/%d" % third).status, 404, "and it is gone")


def main():
    for db in databases():
        with Server(db) as server:
            run_groups([workers, transitions, executions], server)
    done()


main()
