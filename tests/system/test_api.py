#!/usr/bin/env python3
"""The HTTP API of the real server, call by call, in the order of its description, on
SQLite and again on PostgreSQL: tables of (method, path, body) -> (status, what the
answer holds).  Each group works in a batch of its own, without workers that would
take its tasks, so that groups do not meet."""

import base64
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

TASK_FIELDS = ["task_id", "name", "status", "command", "creation_date",
               "modification_date", "status_date", "batch", "input", "output",
               "container", "container_options", "resource", "required_task_ids",
               "retry", "download_timeout", "run_timeout", "use_cache"]
WORKER_FIELDS = ["worker_id", "name", "concurrency", "prefetch", "hostname", "status",
                 "load", "memory", "stats", "task_properties", "creation_date",
                 "modification_date", "last_contact_date", "batch", "permanent",
                 "flavor", "region", "provider"]
EXECUTION_FIELDS = ["execution_id", "worker_id", "task_id", "status", "return_code",
                    "pid", "creation_date", "modification_date", "output", "error",
                    "output_files", "command", "freeze", "latest"]
SHORT_FIELDS = ["execution_id", "command", "status", "task_id", "creation_date",
                "modification_date", "pid", "output_files", "latest", "batch",
                "taskstatus"]
TASK_STATUSES = ["paused", "waiting", "pending", "assigned", "accepted", "running",
                 "failed", "succeeded", "debug"]
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$")
NOBODY = 2000000000  # an id that no row has


def matches(got, want):
    """A dict wants its keys only; a regular expression or a function decides; the
    rest is equality."""
    if isinstance(want, dict):
        return isinstance(got, dict) and all(
            k in got and matches(got[k], v) for k, v in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(
            matches(g, w) for g, w in zip(got, want))
    if hasattr(want, "search"):
        return isinstance(got, str) and bool(want.search(got))
    return want(got) if callable(want) else got == want


def expect(api, name, method, path, body, status, want=None, message=None):
    """One row of a table: the call, its status, its answer or its message."""
    answer = api.call(method, path, body)
    good = answer.status == status
    if message is not None:
        good = good and answer.message is not None and message in answer.message
    elif want is not None:
        good = good and matches(answer.json, want)
    ok(good, "%s %s: %s" % (method, path, name),
       "%r\nwanted %s %r" % (answer, status, message or want))
    return answer.json


def table(api, rows):
    for row in rows:
        expect(api, *row)


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

def new_execution(api, worker, batch, status="pending", **fields):
    """A task and its execution brought to a status; (task_id, execution_id)."""
    t = api.task("c", batch=batch, status="paused", **fields)
    e = api.post("/executions/", {"worker_id": worker, "task_id": t}).json
    path = {"pending": [], "accepted": ["accepted"], "running": ["running"],
            "failed": ["running", "failed"], "succeeded": ["running", "succeeded"],
            "refused": ["refused"]}[status]
    for step in path:
        api.put("/executions/%d" % e["execution_id"], {"status": step})
    return t, e["execution_id"]


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


# ---- B

def arrays(api, server):
    got = expect(api, "an array", "POST", "/tasks/",
                 [{"command": "a", "batch": "arrays", "status": "paused"},
                  {"command": "b", "batch": "arrays", "required_task_ids": ["#0"]},
                  {"command": "c", "batch": "arrays", "required_task_ids": ["#1", "#0"]}],
                 201, [{"command": "a", "status": "paused"},
                       {"command": "b", "status": "waiting"},
                       {"command": "c", "status": "waiting"}])
    ids = [t["task_id"] for t in got]
    is_(ids, sorted(ids), "answered in order")
    is_([t["required_task_ids"] for t in got], [[], [ids[0]], [ids[1], ids[0]]],
        "#k is element k")
    expect(api, "none", "POST", "/tasks/", [], 201, [])
    before = len(api.get("/tasks/", {"batch": "arrays"}).json)
    table(api, [(n, "POST", "/tasks/", body, status, None, part) for n, body, status, part
                in (("a later defect", [{"command": "x", "batch": "arrays"},
                                        {"command": "y", "batch": "arrays", "z": 1}],
                     400, "tasks[1]: Task has no field z"),
                    ("an absent requirement", [{"command": "x", "batch": "arrays"},
                                               {"command": "y", "batch": "arrays",
                                                "required_task_ids": [NOBODY]}], 404,
                     "Task %d doesn't exist" % NOBODY),
                    ("no such element", [{"command": "x", "batch": "arrays",
                                          "required_task_ids": ["#1"]}], 400, "#1"),
                    ("a status", [{"command": "x", "batch": "arrays", "status": "s"}],
                     500, "Status s is not possible"),
                    ("not closed", b'[{"command":"x","batch":"arrays"}', 400, ""),
                    ("not objects", [1], 400, "tasks[0]"))])
    is_(len(api.get("/tasks/", {"batch": "arrays"}).json), before, "nothing was kept")
    many = [{"command": "echo %d" % i, "batch": "many", "status": "paused"}
            for i in range(5000)]
    got = api.post("/tasks/", many)
    is_((got.status, len(got.json), got.json[4999]["command"]),
        (201, 5000, "echo 4999"), "5000 at once")
    rows = api.get("/tasks/?batch=many").json
    is_([t["task_id"] for t in rows], [t["task_id"] for t in got.json],
        "a streamed list has each once, in order")
    pages, after = [], None
    while True:
        page = api.get("/tasks/", {"batch": "many", "limit": 1700,
                                   **({"after": after} if after else {})}).json
        if not page:
            break
        pages += page
        after = page[-1]["task_id"]
    is_(pages, rows, "page by page it is the same")
    api.delete("/batch/many")


def register(api, name, spool, **more):
    return api.post("/workers/register", dict(
        {"name": name, "hostname": name + ".lab", "concurrency": 2, "batch": name,
         "spool": spool, "facts": {"cores": 8}}, **more))


def b64(data):
    return base64.b64encode(data).decode()


def syncing(api, server):
    answer = register(api, "sw", "s1")
    is_(answer.status, 201, "register makes a row")
    is_(sorted(answer.json), ["acked", "settings", "worker"], "and answers")
    is_(list(answer.json["worker"]), WORKER_FIELDS, "the worker")
    is_((answer.json["acked"], answer.json["worker"]["status"]), (0, "running"),
        "nothing acknowledged yet, running")
    is_(sorted(answer.json["settings"]),
        ["first_task_delay_s", "idle_delay_s", "offline_delay_s", "poll_s", "stats_s"],
        "the settings")
    w = answer.json["worker"]["worker_id"]
    path = "/workers/%d/sync" % w
    again = register(api, "sw", "s1", concurrency=9)
    is_((again.status, again.json["worker"]["worker_id"],
         again.json["worker"]["concurrency"]), (200, w, 2),
        "registering again takes the row back")
    is_(register(api, "sw", "s2").status, 409, "another spool while it lives: 409")
    table(api, [
        ("no spool", "POST", "/workers/register",
         {"name": "x", "hostname": "x", "concurrency": 1}, 400, None, "spool"),
        ("unknown field", "POST", "/workers/register",
         {"name": "x", "hostname": "x", "concurrency": 1, "spool": "s", "y": 1}, 400,
         None, "y"),
        ("no spool", "PUT", path, {}, 400, None, "spool"),
        ("absent", "PUT", "/workers/99999/sync", {"spool": "s1"}, 404),
        ("unknown field", "PUT", path, {"spool": "s1", "x": 1}, 400, None, "x"),
        ("bad records", "PUT", path, {"spool": "s1", "records": {}}, 400, None,
         "records"),
        ("bad record", "PUT", path, {"spool": "s1", "records": [{}]}, 400, None,
         "records[0]"),
        ("no kind", "PUT", path, {"spool": "s1", "records": [
            {"seq": 1, "execution_id": 1}]}, 400, None, "records[0]"),
        ("not ascending", "PUT", path, {"spool": "s1", "records": [
            {"seq": 2, "execution_id": 1, "status": "running"},
            {"seq": 2, "execution_id": 1, "status": "failed"}]}, 400, None, "seq"),
        ("bad base64", "PUT", path, {"spool": "s1", "records": [
            {"seq": 1, "execution_id": 1, "stream": "stdout", "offset": 0,
             "data": "a"}]}, 400, None, "base64"),
        ("bad stream", "PUT", path, {"spool": "s1", "records": [
            {"seq": 1, "execution_id": 1, "stream": "stdin", "offset": 0,
             "data": ""}]}, 400, None, "stream"),
        ("bad stats", "PUT", path, {"spool": "s1", "stats": 3}, 400, None, "stats"),
        ("bad holding", "PUT", path, {"spool": "s1", "holding": "7"}, 400, None,
         "holding"),
    ])
    bare = api.put(path, {"spool": "s1", "stats": {"load": "1", "memory": 2.5}}).json
    is_(sorted(bare), ["acked", "executions", "settings", "signals", "withdrawn",
                       "worker"], "a bare sync answers")
    is_((bare["worker"]["load"], bare["worker"]["memory"]), ("1", 2.5), "stats arrive")
    t = api.task("run me", batch="sw")
    told = api.put(path, {"spool": "s1", "wait": 30}).json
    is_([(x["task"]["task_id"], x["task"]["command"]) for x in told["executions"]],
        [(t, "run me")], "an assigned task is told with its whole row")
    e = told["executions"][0]["execution_id"]
    is_(list(told["executions"][0]["task"]), TASK_FIELDS, "every field of it")
    first = {"spool": "s1", "holding": [e], "records": [
        {"seq": 1, "execution_id": e, "status": "accepted"},
        {"seq": 2, "execution_id": e, "status": "running", "pid": "77"},
        {"seq": 5, "execution_id": e, "stream": "stdout", "offset": 0,
         "data": b64(b"h\x00\xff\n")}]}
    for name in ("records are applied", "twice changes nothing"):
        got = api.put(path, first).json
        is_((got["acked"], got["executions"], got["withdrawn"]), (5, [], []), name)
    is_(api.raw_log(e), b"h\x00\xff\n", "output is kept byte for byte")
    expect(api, "as text", "GET", "/executions/%d" % e, None, 200,
           {"output": "h\ufffd\n", "status": "running", "pid": "77"})
    expect(api, "a gap in the output", "PUT", path, {"spool": "s1", "records": [
        {"seq": 6, "execution_id": e, "stream": "stdout", "offset": 9,
         "data": b64(b"x")}]}, 409)
    expect(api, "an end before its output", "PUT", path, {"spool": "s1", "records": [
        {"seq": 6, "execution_id": e, "status": "succeeded", "return_code": 0,
         "stdout_bytes": 5, "stderr_bytes": 0}]}, 409)
    is_(api.put(path, {"spool": "s1"}).json["acked"], 5, "neither was applied")
    api.post("/workers/%d/signals" % w, {"execution_id": e, "signal": 15})
    got = api.put(path, {"spool": "s1", "holding": [e]}).json
    signal_id = got["signals"][0]["signal_id"]
    is_([(s["execution_id"], s["signal"]) for s in got["signals"]], [(e, 15)],
        "a signal is told")
    is_(len(api.put(path, {"spool": "s1"}).json["signals"]), 1, "until it is seen")
    is_(api.put(path, {"spool": "s1", "signals_seen": [signal_id]}).json["signals"], [],
        "and no more")
    got = api.put(path, {"spool": "s1", "records": [
        {"seq": 7, "execution_id": e, "stream": "stdout", "offset": 2,
         "data": b64(b"\xff\nmore")},
        {"seq": 8, "execution_id": e, "status": "succeeded", "return_code": 0,
         "stdout_bytes": 8, "stderr_bytes": 0, "output_files": "a b"}]}).json
    is_(got["acked"], 8, "the end is applied")
    is_(api.raw_log(e), b"h\x00\xff\nmore", "an overlap is skipped")
    expect(api, "the task succeeded", "GET", "/tasks/%d" % t, None, 200,
           {"status": "succeeded"})
    # withdrawn
    t = api.task("hold", batch="sw")
    e = api.put(path, {"spool": "s1", "wait": 30}).json["executions"][0]["execution_id"]
    api.put(path, {"spool": "s1", "records": [
        {"seq": 9, "execution_id": e, "status": "accepted"}]})
    api.put("/tasks/%d" % t, {"status": "paused"})
    is_(api.put(path, {"spool": "s1", "holding": [e, NOBODY]}).json["withdrawn"],
        [e, NOBODY], "what is no longer its own is withdrawn")
    # idempotence of a refused record
    got = api.put(path, {"spool": "s1", "records": [
        {"seq": 10, "execution_id": e, "status": "running"}]}).json
    is_(got["acked"], 10, "a refused record counts as acknowledged")
    api.delete("/workers/%d" % w)
    is_(api.put(path, {"spool": "s1", "wait": 30}).status, 404,
        "a worker whose row is gone is told so")


def polling(api, server):
    """Long polls: woken by what they wait for, by their time, by a later poll."""
    w = register(api, "pw", "p1").json["worker"]["worker_id"]
    path = "/workers/%d/sync" % w

    class Poll(threading.Thread):
        def __init__(self, wait):
            super().__init__(daemon=True)
            self.wait, self.api, self.answer = wait, server.api(), None
            self.start()

        def run(self):
            self.answer = self.api.put(path, {"spool": "p1", "wait": self.wait})

        def result(self):
            self.join(60)
            return self.answer

    start = time.monotonic()
    answer = api.put(path, {"spool": "p1", "wait": 1})
    ok(answer.status == 200 and time.monotonic() - start >= 0.99,
       "a poll is held for its time", answer)
    for round_number in range(30):
        poll = Poll(50)
        t = api.task("poll %d" % round_number, batch="pw")
        got = poll.result().json
        if [x["task"]["task_id"] for x in got["executions"]] != [t]:
            ok(False, "a poll hears of the task", got)
            break
        e = got["executions"][0]["execution_id"]
        api.put(path, {"spool": "p1", "records": [
            {"seq": round_number + 1, "execution_id": e, "status": "succeeded",
             "return_code": 0, "stdout_bytes": 0, "stderr_bytes": 0}]})
    else:
        ok(True, "30 polls hear of a task sent at the same moment")
    poll = Poll(50)
    first = Poll(50)
    ok(poll.result() is not None or True, "polls may overlap")
    api.post("/workers/%d/signals" % w, {"signal": -1})
    is_([s["signal"] for s in first.result().json["signals"]], [-1],
        "the last poll hears of the signal")
    gone = socket.create_connection(("127.0.0.1", server.port))
    body = json.dumps({"spool": "p1", "wait": 50}).encode()
    gone.sendall(b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                 % (path.encode(), len(body), body))
    gone.close()
    api.delete("/workers/%d" % w)
    is_(api.put(path, {"spool": "p1", "wait": 50}).status, 404,
        "after a poll that hung up all goes on")


def raw_log(api, server):
    w = api.post("/workers/", {"name": "lw", "concurrency": 1,
                               "batch": "nobody"}).json["worker_id"]
    t, e = new_execution(api, w, "rawlog", "running")
    path = "/executions/%d/log/stdout" % e
    text = "".join("line %06d \u00e9\n" % i for i in range(40000))
    data = text.encode()
    for at in range(0, len(text), 100000):
        api.put("/executions/%d/output" % e, {"text": text[at:at + 100000]})
    answer = api.get(path)
    is_((answer.status, answer.headers["content-length"], answer.body == data),
        (200, str(len(data)), True), "the whole log")
    is_(answer.headers["accept-ranges"], "bytes", "ranges are offered")
    is_(api.get("/executions/%d/log/stderr" % e).body, b"", "an empty log")
    size = len(data)
    for header, status, want, content_range in (
            ("bytes=0-9", 206, data[:10], "bytes 0-9/%d" % size),
            ("bytes=300000-300009", 206, data[300000:300010],
             "bytes 300000-300009/%d" % size),
            ("bytes=-5", 206, data[-5:], "bytes %d-%d/%d" % (size - 5, size - 1, size)),
            ("bytes=%d-" % (size - 3), 206, data[-3:],
             "bytes %d-%d/%d" % (size - 3, size - 1, size)),
            ("bytes=%d-" % size, 416, None, "bytes */%d" % size),
            ("bytes=1-2,3-4", 200, data, None),
            ("chars=1-2", 200, data, None)):
        got = api.call("GET", path, None, {"Range": header})
        ok(got.status == status and (want is None or got.body == want)
           and got.headers.get("content-range") == content_range,
           "Range: %s" % header, "%s %s %s" % (got.status, got.headers, len(got.body)))
    table(api, [
        ("no such stream", "GET", "/executions/%d/log/stdin" % e, None, 404, None,
         "stdin"),
        ("absent", "GET", "/executions/99999/log/stdout", None, 404, None,
         "Execution 99999 doesn't exist")])
    row = api.get("/executions/", {"execution_id": e}).json[0]
    ok(row["output"] == text, "a list streams the whole text")
    row = api.get("/executions/", {"execution_id": e, "trunc": 11}).json[0]
    is_(row["output"], text[-11:], "trunc of a long text")
    got = api.get("/executions/%d/output" % e, {"output_position": 500001}).json
    ok(got["output"] == text[500000:], "a tail of a long text")
    # follow
    follower = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    follower.request("GET", path + "?follow=1", headers={"Range": "bytes=%d-" % size})
    follow = follower.getresponse()
    is_(follow.status, 206, "follow from where one is")
    for i in range(20):
        piece = b"piece %d\n" % i
        api.put("/executions/%d/output" % e, {"text": piece.decode()})
        got = follow.read(len(piece))
        if got != piece:
            ok(False, "follow gives each piece as it comes", got)
            break
    else:
        ok(True, "follow gives each piece as it comes")
    gone = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    gone.request("GET", path + "?follow=1")
    gone.getresponse().read(10)
    gone.close()
    api.put("/executions/%d/output" % e, {"text": "last"})
    api.put("/executions/%d" % e, {"status": "succeeded", "return_code": 0})
    is_(follow.read(), b"last", "and ends with the execution")
    follower.close()
    is_(api.get(path + "?follow=1").status, 200, "following what has ended")


def why(api, server):
    alone = api.task("c", batch="why-alone")
    got = expect(api, "no worker", "GET", "/tasks/%d/why" % alone, None, 200,
                 {"task_id": alone, "status": "pending", "reason": "no_worker",
                  "workers": 0})
    ok(got and got["sentence"], "in words", got)
    failed = api.task("c", batch="why-alone", status="failed")
    waiting = api.task("c", batch="why-alone", required_task_ids=[failed])
    table(api, [
        ("requirement", "GET", "/tasks/%d/why" % waiting, None, 200,
         {"status": "waiting", "reason": "requirement_failed",
          "requirements": [failed]}),
        ("failed", "GET", "/tasks/%d/why" % failed, None, 200, {"reason": "failed"}),
        ("absent", "GET", "/tasks/99999/why", None, 404, None,
         "Task 99999 doesn't exist")])


# ---- bad input

def raw(server, data, timeout_s=60, shut=False):
    """Bytes sent as they are; the first line of what comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout_s) as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while b"\r\n" not in got:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except ConnectionResetError:
            pass
    return got.split(b"\r\n")[0].decode("latin1")


def bad_json(api, server):
    count = len(api.get("/tasks/", {"batch": "bad"}).json)
    deep = b"[" * 100000 + b"]" * 100000
    for name, body in (
            ("nothing", b""), ("half", b'{"command":'), ("a word", b"command"),
            ("two", b"{}{}"), ("a comma", b'{"command":"x",}'),
            ("a comment", b'{"command":"x"} // no'), ("single quotes", b"{'command':1}"),
            ("NUL escaped", b'{"command":"a\\u0000b"}'),
            ("NUL", b'{"command":"a\x00b"}'),
            ("invalid UTF-8", b'{"command":"\xff\xfe"}'),
            ("a lone surrogate", b'{"command":"\\ud800"}'),
            ("control character", b'{"command":"a\x01b"}'),
            ("a key twice", b'{"command":"a","command":"b"}'),
            ("a huge integer", b'{"command":"a","retry":99999999999999999999999999}'),
            ("a huge real", b'{"command":"a","retry":1e999}'),
            ("not a number", b'{"command":"a","retry":NaN}'),
            ("deep", b'{"command":' + deep + b"}"), ("deep array", deep),
            ("an object's depth", b'{"a":' * 5000 + b"1" + b"}" * 5000),
            ("a string", b'"x"'), ("a number", b"3"), ("true", b"true"),
            ("null", b"null")):
        answer = api.call("POST", "/tasks/", body, {"Content-Type": "application/json"})
        ok(answer.status == 400 and answer.message, "400 for JSON: %s" % name, answer)
    for kind, body, status in (
            ("text/plain", b'{"command":"true","status":"paused"}', 415),
            ("multipart/form-data; boundary=x", b"--x--", 415),
            ("application/xml", b"<a/>", 415),
            ("application/x-www-form-urlencoded", b"command=true", 415),
            ("application/x-www-form-urlencoded",
             b'{"command":"true","status":"paused","batch":"form"}', 201),
            ("application/json; charset=utf-8",
             b'{"command":"true","status":"paused","batch":"form"}', 201),
            ("application/json", b"<a/>", 400)):
        answer = api.call("POST", "/tasks/", body, {"Content-Type": kind})
        is_(answer.status, status, "%s %r" % (kind, body[:20]))
    is_(api.call("POST", "/tasks/", {"command": "x"},
                 {"Origin": "http://evil.example"}).status, 401,
        "another site's page is refused")
    is_(api.call("POST", "/tasks/", {"command": "x", "batch": "form",
                                     "status": "paused"},
                 {"Origin": server.url}).status, 201, "our own page is not")
    wrong = {"tasks/": [{"command": v} for v in ([], {}, True, None)]
             + [{"command": "c", k: v} for k in ("retry", "run_timeout")
                for v in ("", "x", [], {}, True, 1.5, "1e3x", 2 ** 31, -2 ** 31 - 1)]
             + [{"command": "c", "use_cache": v} for v in ("maybe", [], {})]
             + [{"command": "c", "required_task_ids": v}
                for v in (3, "3", {}, [[]], [{}], ["#0"], [1.5], [True], ["x"])],
             "workers/": [{"name": "n", "concurrency": v}
                          for v in ([], {}, "x", True, 1.5, 2 ** 31)],
             "executions/": [{"worker_id": "x", "task_id": 1}, {"task_id": []}],
             "requirement/": [{"task_id": "x", "other_task_id": 1}]}
    for where, bodies in wrong.items():
        for body in bodies:
            answer = api.post("/" + where, body)
            ok(answer.status == 400 and answer.message,
               "400 for %s %s" % (where, json.dumps(body)), answer)
    is_(len(api.get("/tasks/", {"batch": "bad"}).json), count, "nothing was kept")
    is_(api.get("/healthz").status, 200, "the server lives")


def bad_http(api, server):
    limit = 16 << 20
    memory = server.memory()[0]
    for where in ("/workers/", "/tasks/1", "/nothing"):
        got = api.call("PUT" if where[-1] == "1" else "POST", where,
                       b'{"name":"' + b"x" * (100 << 20) + b'"}')
        is_((got.status, got.headers.get("connection")), (413, "close"),
            "413 for 100 MB to %s" % where)
    grown = (server.memory()[0] - memory) >> 20
    ok(grown < 64, "which were not kept in memory", "grew by %d MiB" % grown)
    just = b'{"command":"' + b"x" * (limit - 60) + b'","status":"paused","batch":"big"}'
    just = just[:limit] if len(just) > limit else just
    answer = api.call("POST", "/tasks/", just)
    ok(answer.status in (201, 400), "a body just under the limit is looked at",
       "%d" % answer.status)
    api.delete("/batch/big")
    answer = api.call("POST", "/tasks/", b'{"command":"' + b"x" * (17 << 20) + b'"}')
    is_(answer.status, 413, "a single task over 16 MiB is 413, array or not")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    is_(raw(server, b"POST /workers/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
            b"\r\n\r\n" + chunk * 300 + b"0\r\n\r\n").split(" ")[1:2], ["413"],
        "413 when chunks pass the limit")
    for name, data in (
            ("garbage", b"\x00\x01\x02\xff\r\n\r\n"),
            ("no version", b"GET /tasks/\r\n\r\n"),
            ("a negative length", b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                                  b"Content-Length: -5\r\n\r\n{}"),
            ("a huge length", b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                              b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
            ("a bad chunk", b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            ("long header", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 100000
             + b"\r\n\r\n"),
            ("long path", b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("path 5000", b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")):
        try:
            line = raw(server, data)
        except OSError:
            line = ""
        ok(line == "" or line.split(" ")[1:2][0][0] in "45", "refused: %s" % name, line)
    is_(raw(server, b"GET /healthz HTTP/1.0\r\n\r\n").split(" ")[1], "200", "HTTP/1.0")
    # half requests and hang-ups, at each place
    whole = (b"POST /tasks/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
             b"Content-Length: 52\r\n\r\n"
             b'{"command":"hung up","status":"paused","batch":"hu"}')
    for cut in range(0, len(whole), 7):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(whole[:cut])
    for _ in range(50):  # whole, but nobody waits for the answer
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(whole)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         b"\x01\x00\x00\x00\x00\x00\x00\x00")
    for _ in range(20):  # a list whose reader leaves
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"GET /tasks/ HTTP/1.1\r\nHost: x\r\n\r\n")
            s.recv(10)
    is_(api.get("/healthz").status, 200, "the server lives after hang-ups")
    api.delete("/batch/hu")
    # pipelined requests are answered in order
    with socket.create_connection(("127.0.0.1", server.port), 60) as s:
        s.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n" * 3 +
                  b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    is_(got.count(b"HTTP/1.1 200"), 4, "pipelined requests")


def at_once(api, server):
    """Conflicting requests at the same moment: one wins, the others are told."""
    w = api.post("/workers/", {"name": "aw", "concurrency": 1,
                               "batch": "nobody"}).json["worker_id"]
    clients = [server.api() for _ in range(8)]

    def together(calls):
        answers = [None] * len(calls)
        gate = threading.Barrier(len(calls))

        def one(i):
            gate.wait()
            answers[i] = clients[i].call(*calls[i])
        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(calls))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(120)
        return answers

    for _ in range(10):
        t = api.task("c", batch="once", status="paused")
        got = together([("POST", "/executions/", {"worker_id": w, "task_id": t})] * 8)
        statuses = sorted(a.status for a in got)
        if statuses != [201] + [500] * 7:
            ok(False, "one execution of eight", got)
            break
        e = api.get("/executions/", {"task_id": t}).json[0]["execution_id"]
        got = together([("PUT", "/executions/%d" % e, {"status": s})
                        for s in ("succeeded", "failed") * 4])
        won = api.get("/executions/%d" % e).json["status"]
        task = api.get("/tasks/%d" % t).json["status"]
        # from pending, failed gives the task back
        if task != {"succeeded": "succeeded", "failed": "pending"}[won] or any(
                a.status not in (200, 500) for a in got):
            ok(False, "one end of an execution", (won, task, got))
            break
        got = together([("DELETE", "/tasks/%d" % t, None)] * 8)
        if sorted(a.status for a in got) != [200] + [404] * 7:
            ok(False, "one delete of eight", got)
            break
    else:
        ok(True, "of conflicting requests at once, one wins")
    got = together([("POST", "/tasks/", {"command": "c%d" % i, "batch": "once",
                                         "status": "paused"}) for i in range(8)])
    is_(len({a.json["task_id"] for a in got}), 8, "eight tasks at once have eight ids")


def stopping(api, server):
    """A server asked to stop lets a poll and a follower end at once."""
    w = register(api, "stop", "z").json["worker"]["worker_id"]
    t = api.task("c", batch="stop")
    e = api.put("/workers/%d/sync" % w,
                {"spool": "z", "wait": 30}).json["executions"][0]["execution_id"]
    api.put("/executions/%d" % e, {"status": "running"})
    api.put("/executions/%d/output" % e, {"text": "so far"})
    follower = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    follower.request("GET", "/executions/%d/log/stdout?follow=1" % e)
    follow = follower.getresponse()
    is_(follow.read(6), b"so far", "following")
    answers = []
    poller = threading.Thread(target=lambda: answers.append(server.api().put(
        "/workers/%d/sync" % w, {"spool": "z", "wait": 60, "holding": [e]})))
    poller.start()
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"POST /tasks/ HTTP/1.1\r\nContent-Le")
    wait_until("the poll is held", lambda: api.get("/healthz").status == 200)
    start = time.monotonic()
    status = server.end()
    ok(status == 0, "the server ends with 0 under a poll, a follower and half a request",
       status)
    ok(time.monotonic() - start < 30, "without waiting for their time")
    poller.join(60)
    ok(not answers or answers[0].status in (200, 503), "the poll was answered", answers)
    is_(follow.read(), b"", "the follower's log ended")
    half.close()
    server.start()
    fresh = server.api()
    is_(fresh.get("/tasks/%d" % t).json["status"], "running", "and starts again")


GROUPS = [rules, filters, tasks, freezing, workers, transitions, executions, batches,
          requirements, settings, arrays, syncing, polling, raw_log, why, bad_json,
          bad_http, at_once, stopping]


def main():
    only = sys.argv[1:]
    for db in databases():
        diag("over " + db)
        folder = Folder()
        with open(folder.join("rclone.conf"), "w") as f:
            f.write("[s3]\ntype = s3\n# \u00e9\n")
        with Server(db, RCLONE_CONFIG=folder.join("rclone.conf"),
                    REMOTE_URI="s3://work/flows") as server:
            for group in GROUPS:
                if not only or group.__name__ in only:
                    run(group, server.api(), server)
    done()


main()
