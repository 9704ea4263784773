#!/usr/bin/env python3
"""The HTTP API of the real server, call by call, in the order of its description, on
SQLite and again on PostgreSQL: tables of (method, path, body) -> (status, what the
answer holds).  Each group works in a batch of its own, without workers that would
take its tasks, so that groups do not meet."""

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
TASK_STATUSES = ["paused", "waiting", "pending", "assigned", "accepted", "running",
                 "failed", "succeeded", "debug"]
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$")


# ---- A.1

def rules(api, server):
    task = api.task("true", batch="rules", status="paused")
    path = "/tasks/%d" % task
    for redirected in ("/tasks", "/workers", "/executions", "/batch", "/requirement"):
        answer = api.get(redirected + "?limit=1&name=a%20b")
        is_((answer.status, answer.headers.get("location")),
            (308, redirected + "/?limit=1&name=a%20b"), "308 for %s" % redirected)
    is_(api.call("POST", "/tasks", {"command": "x"}).status, 308, "308 for a POST too")
    for method, where, allow in (("PATCH", "/tasks/", "GET, HEAD, POST"),
                                 ("DELETE", "/tasks/", "GET, HEAD, POST"),
                                 ("POST", path, "GET, HEAD, PUT, DELETE"),
                                 ("GET", "/batch/x/stop", "PUT")):
        answer = api.call(method, where)
        is_((answer.status, answer.headers.get("allow")), (405, allow),
            "405 for %s %s" % (method, where))
    for where in ("/tasks/", path, "/workers/", "/executions/", "/batch/", "/healthz",
                  "/version", "/", "/swagger.json"):
        answer, full = api.call("HEAD", where), api.get(where)
        is_((answer.status, answer.body, answer.headers["content-type"]),
            (full.status, b"", full.headers["content-type"]), "HEAD %s" % where)
    for where in ("/nothing", "/tasks/x", "/tasks/-1", path + "/", "/tasks//",
                  "/recruiter/", "/flavor/", "/jobs/", "/events", "/metrics", "/ui/",
                  "/tasks/%00", "/..", "/%2e%2e/etc/passwd"):
        answer = api.get(where)
        ok(answer.status in (400, 404) and answer.message, "no route: %s" % where, answer)
    answer = api.get("/tasks/")
    is_(answer.headers["content-type"], "application/json", "lists are JSON")
    is_(list(answer.json[0]), TASK_FIELDS, "a task has its fields in their order")
    single = api.get(path).json
    is_(list(single), TASK_FIELDS, "so has a single one")
    ok(DATE.match(single["creation_date"]), "a date is ISO without a zone", single)
    is_(single["required_task_ids"], [], "required_task_ids is filled in")


def filters(api, server):
    ids = [api.task("c%d" % i, batch="filters", name="n%d" % (i % 2), status="paused",
                    retry=i) for i in range(5)]
    lone = api.task("c9", batch="filters2", status="paused")
    everything = {"batch": "filters"}

    def listed(name, body, want, query=""):
        answer = api.get("/tasks/" + query, body)
        got = [t["task_id"] for t in answer.json] if answer.status == 200 else answer
        is_(got, want, "GET /tasks/%s %s: %s" % (query, json.dumps(body), name))

    listed("by body", everything, ids)
    listed("by query", None, ids, "?batch=filters")
    listed("the body wins", everything, ids, "?batch=filters2")
    listed("both join", everything, [ids[1], ids[3]], "?name=n1")
    listed("a list is in", {"batch": ["filters", "filters2"]}, ids + [lone])
    listed("a repeated parameter is in", None, ids + [lone],
           "?batch=filters&batch=filters2")
    listed("an empty list matches nothing", {"batch": []}, [])
    listed("null is null", {"batch": ["filters", "filters2"], "name": None}, [lone])
    listed("null among others", {"batch": ["filters", "filters2"], "name": ["n1", None]},
           [ids[1], ids[3], lone])
    listed("ids", {"task_id": [ids[3], ids[0]]}, [ids[0], ids[3]])
    listed("a number as text", dict(everything, retry="3"), [ids[3]])
    listed("limit", dict(everything, limit=2), ids[:2])
    listed("limit 0", dict(everything, limit=0), [])
    listed("after", dict(everything, after=ids[2]), ids[3:])
    listed("after and limit by query", None, [ids[2]],
           "?batch=filters&after=%d&limit=1" % ids[1])
    listed("an escaped value", None, [], "?batch=a%20b%2Fc")
    listed("plus is a space", None, [], "?batch=a+b")
    listed("status", dict(everything, status="paused"), ids)
    listed("unknown words match nothing", {"status": "bogus"}, [])
    ok(api.get("/tasks/", {}).status == 200 and len(api.get("/tasks/", {}).json) > 5,
       "{} is no filter")
    ok(len(api.call("GET", "/tasks/", b"null").json) > 5, "null is no filter")
    ok(len(api.call("GET", "/tasks/", b"").json) > 5, "an empty body is no filter")
    ok(len(api.call("GET", "/tasks/", b" \n").json) > 5, "a blank body is no filter")
    answer = api.get("/tasks/?batch=filters&fields=task_id,status")
    is_(answer.json, [{"task_id": i, "status": "paused"} for i in ids], "fields")
    table(api, [
        ("unknown filter", "GET", "/tasks/", {"colour": "red"}, 400, None, "colour"),
        ("unknown filter", "GET", "/tasks/?colour=red", None, 400, None, "colour"),
        ("hidden column", "GET", "/tasks/", {"waits_on": 1}, 400, None, "waits_on"),
        ("not an integer", "GET", "/tasks/", {"retry": "x"}, 400, None, "retry"),
        ("not a scalar", "GET", "/tasks/", {"name": {"a": 1}}, 400, None, "name"),
        ("not a limit", "GET", "/tasks/", {"limit": "many"}, 400, None, "limit"),
        ("negative limit", "GET", "/tasks/?limit=-1", None, 400, None, "limit"),
        ("two limits", "GET", "/tasks/", {"limit": [1, 2]}, 400, None, "limit"),
        ("unknown field", "GET", "/tasks/?fields=task_id,x", None, 400, None, "x"),
        ("an array is no filter", "GET", "/tasks/", [1], 400, None, "object"),
        ("bad escape", "GET", "/tasks/?name=%zz", None, 200, None),
        ("an id over 32 bits", "GET", "/tasks/", {"task_id": 99999999999999}, 200, []),
    ])


# ---- A.3

def tasks(api, server):
    made = expect(api, "defaults", "POST", "/tasks/",
                  {"command": "echo hi", "status": "paused"}, 201,
                  {"status": "paused", "batch": "Default", "retry": 0,
                   "use_cache": False, "name": None, "input": None, "container": None,
                   "required_task_ids": [], "command": "echo hi",
                   "creation_date": DATE})
    api.delete("/tasks/%d" % made["task_id"])
    b = {"batch": "tasks"}
    full = {"command": "c \u00e9\U0001f600 '\"", "name": "n", "status": "paused",
            "batch": "tasks", "input": "s3://a/b file", "output": "s3://o/",
            "container": "img", "container_options": "-v /a:/b", "resource": "r",
            "retry": 2, "download_timeout": 3, "run_timeout": 4, "use_cache": True}
    one = expect(api, "every field", "POST", "/tasks/", full, 201, full)["task_id"]
    expect(api, "read back", "GET", "/tasks/%d" % one, None, 200, full)
    expect(api, "escapes", "POST", "/tasks/",
           b'{"command":"\\ud83d\\ude00\\u00e9","batch":"tasks","status":"paused"}', 201,
           {"command": "\U0001f600\u00e9"})
    expect(api, "no status: pending", "POST", "/tasks/", dict(b, command="c"), 201,
           {"status": "pending"})
    needs = expect(api, "requirements: waiting", "POST", "/tasks/",
                   dict(b, command="c", required_task_ids=[one]), 201,
                   {"status": "waiting", "required_task_ids": [one]})["task_id"]
    expect(api, "in a list too", "GET", "/tasks/", {"task_id": needs}, 200,
           [{"required_task_ids": [one]}])
    before = len(api.get("/tasks/", b).json)
    requirements = len(api.get("/requirement/").json)
    expect(api, "an absent requirement keeps nothing", "POST", "/tasks/",
           dict(b, command="c", required_task_ids=[one, NOBODY]), 404, None,
           "Task %d doesn't exist" % NOBODY)
    is_((len(api.get("/tasks/", b).json), len(api.get("/requirement/").json)),
        (before, requirements), "and neither task nor requirement is there")
    expect(api, "unknown status", "POST", "/tasks/", dict(b, command="c", status="bogus"),
           500, None, "Status bogus is not possible (only paused waiting pending "
           "assigned accepted running failed succeeded debug)")
    expect(api, "a / in the batch", "POST", "/tasks/", {"command": "c", "batch": "a/b"},
           400, None, "batch")
    is_(api.get("/tasks/status", {"task_id": [needs, one, needs]}).json, [1, 0, 1],
        "statuses as numbers in the order asked")
    is_(api.get("/tasks/status", {"task_id": []}).json, [], "no id, no status")
    for number, status in enumerate(TASK_STATUSES):
        if status in ("assigned", "accepted", "running"):
            continue
        t = api.task("c", batch="tasks", status=status, retry=0,
                     required_task_ids=[one] if status == "waiting" else [])
        is_(api.get("/tasks/status", {"task_id": [t]}).json, [number],
            "%s is %d" % (status, number))
    table(api, [
        ("absent", "GET", "/tasks/status", {"task_id": [NOBODY]}, 404, None,
         "Task %d doesn't exist" % NOBODY),
        ("no list", "GET", "/tasks/status", None, 400, None, "task_id"),
        ("not ids", "GET", "/tasks/status", {"task_id": ["x"]}, 400, None, "task_id"),
        ("absent", "GET", "/tasks/99999", None, 404, None, "Task 99999 doesn't exist"),
        ("absent", "PUT", "/tasks/99999", {"name": "x"}, 404, None,
         "Task 99999 doesn't exist"),
        ("absent", "DELETE", "/tasks/99999", None, 404, None,
         "Task 99999 doesn't exist"),
        ("huge id", "GET", "/tasks/99999999999999999999", None, 404, None, "exist"),
    ])
    # PUT
    t = api.get("/tasks/%d" % one).json
    same = expect(api, "the whole object back", "PUT", "/tasks/%d" % one, t, 200)
    is_(same, t, "changes nothing, modification_date included")
    new = expect(api, "a field", "PUT", "/tasks/%d" % one, {"command": "new"}, 200,
                 {"command": "new", "status_date": t["status_date"]})
    ok(new["modification_date"] != t["modification_date"], "modification_date is set")
    new = expect(api, "a status", "PUT", "/tasks/%d" % one, {"status": "debug"}, 200,
                 {"status": "debug"})
    ok(new["status_date"] not in (None, t["status_date"]), "status_date is set", new)
    expect(api, "a null", "PUT", "/tasks/%d" % one, {"name": None, "run_timeout": None},
           200, {"name": None, "run_timeout": None})
    expect(api, "requirements replaced", "PUT", "/tasks/%d" % needs,
           {"required_task_ids": []}, 200, {"required_task_ids": []})
    expect(api, "none left: pending", "GET", "/tasks/%d" % needs, None, 200,
           {"status": "pending"})
    expect(api, "unknown status", "PUT", "/tasks/%d" % one, {"status": "bogus"}, 500,
           None, "Status bogus is not possible (only paused")
    table(api, [(n, "PUT", "/tasks/%d" % one, body, 400, None, part) for n, body, part in (
        ("unknown field", {"colour": 1}, "colour"),
        ("wrong type", {"retry": "x"}, "retry"),
        ("out of range", {"retry": 2 ** 40}, "retry"),
        ("null command", {"command": None}, "command"),
        ("null status", {"status": None}, "status"),
        ("null batch", {"batch": None}, "batch"),
        ("null retry", {"retry": None}, "retry"),
        ("no body", None, "body"),
        ("an array", [1], "object"))])
    is_(api.get("/tasks/%d" % one).json["command"], "new", "and nothing was changed")
    retried = api.task("c", batch="tasks", status="paused", retry=1)
    expect(api, "failed with a retry left", "PUT", "/tasks/%d" % retried,
           {"status": "failed"}, 200, {"status": "pending", "retry": 0})
    expect(api, "failed without", "PUT", "/tasks/%d" % retried, {"status": "failed"},
           200, {"status": "failed", "retry": 0})
    expect(api, "failed with the body's retry", "PUT", "/tasks/%d" % retried,
           {"status": "failed", "retry": 3}, 200, {"status": "pending", "retry": 2})
    gone = api.delete("/tasks/%d" % one)
    is_((gone.status, gone.json["command"]), (200, "new"), "DELETE answers the task")
    is_(api.get("/tasks/%d" % one).status, 404, "and it is gone")


def freezing(api, server):
    w = api.post("/workers/", {"name": "freezer", "concurrency": 1,
                               "batch": "freeze"}).json["worker_id"]
    fields = {"container": "img", "container_options": "-e A", "output": "/o/",
              "input": "i", "resource": "r"}
    t = api.task("frozen", batch="freeze", status="paused", **fields)
    other = api.task("other", batch="freeze", status="paused")
    e = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
    expect(api, "copies", "GET", "/tasks/%d/freeze/%d" % (t, e), None, 200,
           {"task_id": t, "command": "frozen"})
    row = server.sql("select command, container, container_options, output_folder, "
                     "input, resource from execution where execution_id = %d" % e)[0]
    is_(row, ["frozen", "img", "-e A", "/o/", "i", "r"], "what will be run is kept")
    table(api, [
        ("not its execution", "GET", "/tasks/%d/freeze/%d" % (other, e), None, 404),
        ("no execution", "GET", "/tasks/%d/freeze/%d" % (t, NOBODY), None, 404),
        ("no task", "GET", "/tasks/%d/freeze/%d" % (NOBODY, e), None, 404)])


# ---- A.4

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


# ---- A.5

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


# ---- A.6

def batches(api, server):
    name = "b \u00e9%"
    path = "/batch/" + urllib.parse.quote(name)
    running = api.post("/workers/", {"name": "bw", "concurrency": 1, "batch": name,
                                     "status": "running"}).json["worker_id"]
    a = api.task("c", batch=name)
    api.task("c", batch=name, status="failed")
    row = [r for r in api.get("/batch/").json if r["batch"] == name]
    is_([list(r) for r in row], [["batch", "pending", "accepted", "running", "failed",
                                  "succeeded", "workers"]], "a batch has its fields")
    ok(row and row[0]["failed"] == 1 and row[0]["workers"] == "bw"
       and row[0]["succeeded"] is None, "and its counts", row)
    e = wait_until("the scheduler gives the task",
                   lambda: api.get("/executions/", {"task_id": a}).json)[0]
    api.put("/executions/%d" % e["execution_id"], {"status": "running"})
    expect(api, "stop", "PUT", path + "/stop", {"signal": 20}, 200, {"result": "Ok"})
    expect(api, "pauses", "GET", "/workers/%d" % running, None, 200,
           {"status": "paused"})
    is_([(s["execution_id"], s["signal"])
         for s in api.get("/workers/%d/signals" % running).json],
        [(e["execution_id"], 20)], "and signals")
    expect(api, "go", "PUT", path + "/go", None, 200, {"result": "Ok"})
    expect(api, "resumes", "GET", "/workers/%d" % running, None, 200,
           {"status": "running"})
    is_(api.get("/workers/%d/signals" % running).json, [], "without a signal")
    table(api, [
        ("unknown", "PUT", "/batch/nobody-has-this/stop", {}, 200, {"result": "Ok"}),
        ("unknown", "PUT", "/batch/nobody-has-this/go", {}, 200, {"result": "Ok"}),
        ("bad signal", "PUT", path + "/stop", {"signal": "x"}, 400, None, "signal"),
        ("delete", "DELETE", path, None, 200, {"result": "Ok"}),
        ("its tasks are gone", "GET", "/tasks/", {"batch": name}, 200, []),
        ("unknown", "DELETE", "/batch/nobody-has-this", None, 200, {"result": "Ok"}),
    ])
    api.delete("/workers/%d" % running)


def requirements(api, server):
    a = api.task("a", batch="requirements", status="paused")
    b = api.task("b", batch="requirements", status="waiting", required_task_ids=[a])
    c = api.task("c", batch="requirements", status="paused")
    rows = [r for r in api.get("/requirement/").json if r["task_id"] == b]
    is_([r["other_task_id"] for r in rows], [a], "listed")
    made = expect(api, "create", "POST", "/requirement/",
                  {"task_id": b, "other_task_id": c}, 201,
                  {"task_id": b, "other_task_id": c})
    expect(api, "by task", "GET", "/requirement/", {"task_id": b}, 200,
           [{"other_task_id": a}, {"other_task_id": c}])
    table(api, [
        ("absent task", "POST", "/requirement/",
         {"task_id": NOBODY, "other_task_id": a}, 404),
        ("missing field", "POST", "/requirement/", {"task_id": b}, 400, None,
         "other_task_id"),
        ("delete", "DELETE", "/requirement/%d" % made["requirement_id"], None, 200,
         made),
        ("absent", "DELETE", "/requirement/%d" % made["requirement_id"], None, 404),
    ])
    api.put("/tasks/%d" % a, {"status": "succeeded"})
    expect(api, "satisfied: pending", "GET", "/tasks/%d" % b, None, 200,
           {"status": "pending"})


def settings(api, server):
    expect(api, "remote", "GET", "/config/remote", None, 200, "s3://work/flows")
    expect(api, "rclone", "GET", "/config/rclone", None, 200,
           "[s3]\ntype = s3\n# \u00e9\n")
    expect(api, "version", "GET", "/version", None, 200,
           {"version": re.compile(r"^\d+\.\d+")})
    expect(api, "healthz", "GET", "/healthz", None, 200)
    page = api.get("/")
    ok(page.status == 200 and b"/tasks/&lt;id>/why" in page.body
       and page.headers["content-type"].startswith("text/html"), "the page", page)
    swagger = expect(api, "for programs", "GET", "/swagger.json", None, 200,
                     {"swagger": "2.0"})
    is_(sorted(swagger["paths"]["/tasks/{id}"]), ["delete", "get", "put"],
        "names the methods of a path")
    ok("/tasks/{id}/freeze/{id2}" in swagger["paths"], "and its parameters")


GROUPS = [rules, filters, tasks, freezing, workers, transitions, executions, batches,
          requirements, settings]


def main():
    for db in databases():
        folder = Folder()
        with open(folder.join("rclone.conf"), "w") as f:
            f.write("[s3]\ntype = s3\n# \u00e9\n")
        with Server(db, RCLONE_CONFIG=folder.join("rclone.conf"),
                    REMOTE_URI="s3://work/flows") as server:
            run_groups(GROUPS, server)
    done()


main()
