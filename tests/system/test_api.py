#!/usr/bin/env python3
"""What holds everywhere in the HTTP API of the real server, and its smaller objects
(A.1 and A.6 of its description), on SQLite and again on PostgreSQL: tables of
(method, path, body) -> (status, what the answer holds).  Each group works in a batch of
its own, without workers that would take its tasks, so that groups do not meet.
test_api_tasks.py and test_api_workers.py have the others."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

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
                  "/metrics", "/version", "/", "/swagger.json"):
        answer, full = api.call("HEAD", where), api.get(where)
        is_((answer.status, answer.body, answer.headers["content-type"]),
            (full.status, b"", full.headers["content-type"]), "HEAD %s" % where)
    for where in ("/nothing", "/tasks/x", "/tasks/-1", path + "/", "/tasks//",
                  "/recruiter/a/b", "/recruiter/a/1", "/jobs/x", "/jobs/1", "/uix",
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
        ("unknown signal", "PUT", path + "/stop", {"signal": 12345}, 400, None,
         "signal must be 0 (none), 3 (quit)"),
        ("a worker's signal", "PUT", path + "/stop", {"signal": -1}, 400, None, "signal"),
        ("unknown field", "PUT", path + "/stop", {"signl": 9}, 400, None, "signl"),
        ("unknown field", "PUT", path + "/go", {"signal": 18, "x": 1}, 400, None,
         "This call has no field x"),
        ("changed nothing", "GET", "/workers/%d" % running, None, 200,
         {"status": "running"}),
        ("no signal", "PUT", path + "/go", {"signal": None}, 200, {"result": "Ok"}),
        ("as text", "PUT", path + "/go", {"signal": "18"}, 200, {"result": "Ok"}),
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


def metrics(api, server):
    """Prometheus' text: each line is a comment or a sample; the counts are the lists'."""
    odd = 'a "quoted"\\ batch\nof two lines'
    for _ in range(3):
        api.task("true", batch=odd)
    worker = api.post("/workers/", {"name": "counted", "concurrency": 1}).json["worker_id"]
    api.post("/executions/", {"worker_id": worker, "task_id": api.task("c", status="paused")})
    server.sql("insert into job (target, action, status) values ('a', 'worker_deploy', "
               "'failed'), ('b', 'worker_deploy', 'failed'), ('c', 'worker_deploy', "
               "'succeeded')")
    answer = api.get("/metrics")
    is_(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8",
        "metrics are Prometheus' text")
    text = answer.body.decode()
    sample = re.compile(r'[a-z_]+({[a-z]+="(\\.|[^"\\])*"(,[a-z]+="(\\.|[^"\\])*")*})?'
                        r' [0-9.]+')
    is_([line for line in text.split("\n")[:-1]
         if not line.startswith(("# HELP ", "# TYPE ")) and not sample.fullmatch(line)], [],
        "each line is a comment or a sample")
    ok('scitq_tasks{batch="a \\"quoted\\"\\\\ batch\\nof two lines",status="pending"} 3\n'
       in text, "tasks by batch, which may be called anything")
    is_(sum(int(n) for n in re.findall(r"^scitq_tasks{.*} (\d+)$", text, re.M)),
        len(api.get("/tasks/").json), "all tasks are counted")
    is_(sum(int(n) for n in re.findall(r"^scitq_workers{.*} (\d+)$", text, re.M)),
        len(api.get("/workers/").json), "all workers are counted")
    ok(re.search(r"^process_resident_memory_bytes [1-9]", text, re.M), "and memory")
    counted = [e for e in api.get("/executions/", {"no_output": True}).json
               if e["status"] in ("pending", "accepted", "running")]
    is_(sum(int(n) for n in re.findall(r"^scitq_executions{.*} (\d+)$", text, re.M)),
        len(counted), "executions that have not ended are counted")
    is_(sorted(re.findall(r'^scitq_jobs{status="(\w+)"} (\d+)$', text, re.M)),
        [("failed", "2"), ("succeeded", "1")], "and jobs")


def settings(api, server):
    expect(api, "remote", "GET", "/config/remote", None, 200, "s3://lab/flows")
    expect(api, "rclone", "GET", "/config/rclone", None, 200,
           "[s3]\ntype = s3\n# \u00e9\n")
    expect(api, "version", "GET", "/version", None, 200,
           {"version": re.compile(r"^\d+\.\d+")})
    expect(api, "healthz", "GET", "/healthz", None, 200)
    page = api.get("/")
    ok(page.status == 200 and b"/tasks/&lt;id>/why" in page.body
       and page.headers["content-type"].startswith("text/html"), "the page", page)
    metrics(api, server)
    swagger = expect(api, "for programs", "GET", "/swagger.json", None, 200,
                     {"swagger": "2.0"})
    is_(sorted(swagger["paths"]["/tasks/{id}"]), ["delete", "get", "put"],
        "names the methods of a path")
    ok("/tasks/{id}/freeze/{id2}" in swagger["paths"], "and its parameters")


GROUPS = [rules, filters, batches, requirements, settings]


def main():
    for db in databases():
        folder = Folder()
        with open(folder.join("rclone.conf"), "w") as f:
            f.write("[s3]\ntype = s3\n# \u00e9\n")
        with Server(db, RCLONE_CONFIG=folder.join("rclone.conf"),
                    REMOTE_URI="s3://lab/flows") as server:
            run_groups(GROUPS, server)
    done()


main()
