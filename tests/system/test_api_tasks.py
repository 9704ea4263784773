#!/usr/bin/env python3
"""Tasks in the HTTP API (A.3 of its description), call by call, on SQLite and again on
PostgreSQL."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from uris import MALFORMED  # noqa: E402

TASK_STATUSES = ["paused", "waiting", "pending", "assigned", "accepted", "running",
                 "failed", "succeeded", "debug"]
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$")


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
    for field, text, words in MALFORMED:
        bad, what = {"command": "c", "batch": "tasks", field: text}, "%s %.40r" % (field, text)
        for call, path, body, prefix in [
                ("POST", "/tasks/", bad, field + ": "),
                ("POST", "/tasks/", [dict(b, command="c"), bad], "tasks[1]: %s: " % field),
                ("PUT", "/tasks/%d" % one, {"name": "changed", field: text}, field + ": ")]:
            answer = getattr(api, call.lower())(path, body)
            is_((answer.status, answer.message.startswith(prefix), words in answer.message),
                (400, True, True), "%s of a malformed URI: %s" % (prefix + call, what))
    is_((len(api.get("/tasks/", b).json), api.get("/tasks/%d" % one).json),
        (before, dict(api.get("/tasks/%d" % one).json, **full)),
        "and nothing was queued or changed")
    old = {"input": "i x/y", "resource": "r", "output": ""}
    expect(api, "what 1.3 takes: words that are no URIs, and none", "POST", "/tasks/",
           dict(b, command="c", status="paused", **old), 201, old)
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
        ("huge id", "GET", "/tasks/99999999999999999999", None, 404, None,
         "the id 99999999999999999999 doesn't exist"),
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


def main():
    for db in databases():
        with Server(db) as server:
            run_groups([tasks, freezing], server)
    done()


main()
