"""A.1: what holds everywhere."""

from engine import *  # noqa: F401,F403

COLLECTIONS = ("tasks", "workers", "executions", "batch", "requirement", "recruiter",
               "flavor", "jobs")
NONE = b""


# ---- where it listens

def default_port(context):
    """A server of which only the database is set, in a network of its own."""
    if os.geteuid() != 0:
        lacking("A1.01", "root, for a network of its own")
        return
    server = Server("sqlite", start=False)
    del server.settings["SCITQ_LISTEN"]
    server.wrapper = ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$@\"", "-"]
    context.undo.append(server.stop)
    server.start()
    ask = ("import http.client\nc = http.client.HTTPConnection('127.0.0.1', 5000)\n"
           "c.request('GET', '/tasks/')\nprint(c.getresponse().status)")
    out = subprocess.run(["nsenter", "-n", "-t", str(server.pid), sys.executable, "-c", ask],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if out.stdout.strip() != "200":
        raise Wrong(out.stdout)


row("A1.01", "", step(default_port), server="none")

# ---- what answers are

for path in COLLECTIONS:
    row("A1.02", "GET /%s/" % path,
        GET("/%s/" % path, head={"content-type": "application/json"}))
row("A1.02", "of one object, of ok and of null",
    task("t"), worker("w"),
    GET("/tasks/$t", head={"content-type": "application/json"}),
    PUT("/batch/$batch/go", head={"content-type": "application/json"}),
    POST("/workers/$w/signals", {"signal": -1}, 200,
         head={"content-type": "application/json"}))
for path in COLLECTIONS:
    row("A1.03", "GET /%s/" % path, GET("/%s/" % path, want=lambda v: type(v) is list))
row("A1.03", "an object", task("t"), GET("/tasks/$t", want=lambda v: type(v) is dict))
row("A1.04", "a task", task("t"), GET("/tasks/$t", want=TASK()),
    GET("/tasks/", {"batch": "$batch"}, want=[TASK()]))
row("A1.04", "a worker", worker("w"), GET("/workers/$w", want=WORKER()),
    GET("/workers/", {"worker_id": "$w"}, want=[WORKER()]))
row("A1.04", "an execution", running("e"), GET("/executions/$e", want=EXECUTION()),
    GET("/executions/", {"execution_id": "$e"}, want=[EXECUTION()]))

SET_DATE = {"sqlite": "update task set creation_date = '2026-11-22 00:39:58%s' "
                      "where task_id = $t",
            "postgresql": "update task set creation_date = '2026-11-22 00:39:58%s' "
                          "where task_id = $t"}


def set_date(fraction):
    return lambda context: sql(SET_DATE[context.server.db] % fraction)(context)


row("A1.05", "six decimals", task("t"), set_date(".356020"),
    GET("/tasks/$t", want={"creation_date": "2026-11-22T00:39:58.356020"}))
row("A1.05", "of this moment, whatever the server's time zone", task("t"),
    GET("/tasks/$t", want={"creation_date": is_now}))
row("A1.05", "in a filter", task("t"), set_date(".356020"),
    GET("/tasks/", {"batch": "$batch", "creation_date": "2026-11-22T00:39:58.356020"},
        want=[{"task_id": "$t"}]))
row("A1.06", "", task("t"), set_date(""),
    GET("/tasks/$t", want={"creation_date": "2026-11-22T00:39:58"}),
    GET("/tasks/", {"batch": "$batch"}, want=[{"creation_date": "2026-11-22T00:39:58"}]))
row("A1.07", "", task("t", command="\u00e9\U0001f600"),
    GET("/tasks/$t", raw=lambda b: b.decode("utf-8") is not None,
        want={"command": "\u00e9\U0001f600"}))
row("A1.08", "", POST("/tasks/", b'{"command":"\\u00e9\\ud83d\\ude00","status":"paused"}',
                      201, {"command": "\u00e9\U0001f600"}))

# ---- filters

TWO = (task("a", name="n1", retry=1), task("b", name="n2"))
BOTH, FIRST, SECOND = [{"task_id": "$a"}, {"task_id": "$b"}], [{"task_id": "$a"}], [
    {"task_id": "$b"}]
row("A1.09", "", *TWO, GET("/tasks/", {"batch": "$batch"}, want=BOTH),
    GET("/tasks/", {"batch": "$batch", "name": "n2"}, want=SECOND))
row("A1.10", "", *TWO, GET("/tasks/?batch=$batch", want=BOTH),
    GET("/tasks/?batch=$batch&name=n2", want=SECOND),
    GET("/tasks/?batch=$batch&name=n1&name=n2", want=BOTH))
row("A1.11", "", *TWO, GET("/tasks/?name=n2", {"batch": "$batch", "name": "n1"}, want=FIRST),
    GET("/tasks/?batch=nobody", {"batch": "$batch"}, want=BOTH))
for variant, body in (("no body", None), ("an empty one", b""), ("null", b"null"),
                      ("{}", {})):
    for path in ("tasks", "workers", "executions", "requirement", "recruiter", "jobs"):
        row("A1.12", "%s: /%s/" % (variant, path), running("e"),
            task("o", required_task_ids=["$t"]),
            POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f",
                                 "worker_concurrency": 1}),
            PUT("/workers/deploy", {"number": 1, "flavor": "f", "provider": "none",
                                    "region": "r", "batch": "$batch"}),
            GET("/%s/" % path, body, want=lambda v: len(v) >= 1))
row("A1.13", "", *TWO, GET("/tasks/", {"batch": "$batch", "name": ["n1", "n2"]}, want=BOTH),
    GET("/tasks/", {"batch": "$batch", "name": ["n2", "n3"]}, want=SECOND))
row("A1.14", "", *TWO, GET("/tasks/", {"batch": "$batch", "name": []}, want=Exactly([])))
row("A1.15", "", *TWO, task("c"),
    GET("/tasks/", {"batch": "$batch", "name": None}, want=[{"task_id": "$c"}]),
    GET("/tasks/", {"batch": "$batch", "name": ["n1", None]},
        want=[{"task_id": "$a"}, {"task_id": "$c"}]))


def each_column(path, whole, also, but=()):
    """Every member of what was kept under `whole` finds it again; with its own value
    where it has one, else with null."""
    def do(context):
        for key, value in context.kept[whole].items():
            if key in but:
                continue
            GET(path, dict(also, **{key: value}), want=[Kept(whole)])(context)
            if value is not None:
                wrong = {"str": "\u00e9", "int": -77}.get(type(value).__name__)
                if wrong is not None and key not in also and not key.endswith(("_id", "_date")):
                    GET(path, dict(also, **{key: wrong}), want=Exactly([]))(context)
    return step(do)


row("A1.16", "tasks", task("t", name="n", input="i", output="/o", container="img",
                           container_options="-v", resource="r", retry=2,
                           download_timeout=3, run_timeout=4),
    GET("/tasks/$t", whole="it"),
    each_column("/tasks/", "it", {"task_id": "$t"}, ["required_task_ids"]))
row("A1.16", "workers", worker("w", hostname="h", flavor="f", region="r", provider="p"),
    PUT("/workers/$w/ping", {"load": "1", "memory": 2.5, "stats": "{}"}),
    sql("update worker set load = '1', memory = '2.5', stats = '{}' where worker_id = $w"),
    GET("/workers/$w", whole="it"),
    each_column("/workers/", "it", {"worker_id": "$w"}, ["last_contact_date"]))
row("A1.16", "executions", running("e"),
    PUT("/executions/$e", {"pid": "7", "return_code": 3, "output_files": "a"}, whole="it"),
    each_column("/executions/", "it", {"execution_id": "$e"}, ["freeze"]))
row("A1.16", "requirements", task("a"), task("b", required_task_ids=["$a"]),
    GET("/requirement/", {"task_id": "$b"}, want=lambda v: len(v) == 1, whole="list"),
    step(lambda c: c.kept.update(it=c.kept["list"][0])),
    each_column("/requirement/", "it", {"task_id": "$b"}))
row("A1.16", "recruiters",
    POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f", "worker_concurrency": 3,
                         "worker_region": "r", "maximum_workers": 5}, whole="it"),
    each_column("/recruiter/", "it", {"batch": "$batch"}))
row("A1.16", "jobs",
    PUT("/workers/deploy", {"number": 1, "flavor": "f", "provider": "none", "region": "r",
                            "batch": "$batch"}),
    GET("/workers/", {"batch": "$batch"}, want=[{}], whole="workers"),
    step(lambda c: c.kept.update(target=c.kept["workers"][0]["name"])),
    GET("/jobs/", {"target": "$target", "action": "worker_create"}, want=[{}],
        whole="list"),
    step(lambda c: c.kept.update(it=c.kept["list"][0])),
    each_column("/jobs/", "it", {"target": "$target", "action": "worker_create"}, ["args"]))
row("A1.17", "in a body", POST("/tasks/", {"command": "c", "status": "paused",
                                           "retry": "3"}, 201, {"retry": 3}))
row("A1.17", "in a filter", *TWO,
    GET("/tasks/", {"batch": "$batch", "retry": "1"}, want=FIRST))
row("A1.17", "in a list of ids", task("a"),
    step(lambda c: c.kept.update(text=str(c.kept["a"]))),
    POST("/tasks/", {"command": "c", "batch": "$batch", "required_task_ids": ["$text"]},
         201, {"required_task_ids": ["$a"]}))
row("A1.18", "in a body", POST("/tasks/", {"command": 5, "name": 2.5, "status": "paused"},
                               201, {"command": "5", "name": "2.5"}))
row("A1.18", "in a filter", task("t", name="7"),
    GET("/tasks/", {"batch": "$batch", "name": 7}, want=[{"task_id": "$t"}]))

# ---- paths and methods

for path in COLLECTIONS + ("inventory",):
    row("A1.19", "/" + path, GET("/%s?limit=1" % path, None, 308,
                                 head={"location": "/%s/?limit=1" % path}))
row("A1.19", "a POST too", POST("/tasks", {"command": "c"}, 308,
                                head={"location": "/tasks/"}))
row("A1.20", "", running("e"), GET("/tasks/$t/", None, 404, Message()),
    GET("/workers/$w/", None, 404, Message()), GET("/executions/$e/", None, 404, Message()))


def heads(context):
    """Every path that GET has, as the server's own description tells."""
    running("e")(context)
    paths = context.api.get("/swagger.json").json["paths"]
    fills = {"{id2}": "$e", "{status}": "running", "/log/{name}": "/log/stdout"}
    for path, methods in paths.items():
        if "get" not in methods:
            continue
        if path == "/events":  # GET of it never ends
            HEAD(path, head={"content-type": "text/event-stream"})(context)
            continue
        owner = {"tasks": "$t", "workers": "$w", "executions": "$e"}.get(
            path.split("/")[1], "$nobody")
        for mark, value in fills.items():
            path = path.replace(mark, value)
        path = context.fill(path.replace("{id}", owner).replace("{name}", "x"))
        head, get = context.api.call("HEAD", path), context.api.get(path)
        same = ("content-type",) + (("content-length",) if path not in (
            "/metrics", context.fill("/workers/$w/signals"),
            context.fill("/tasks/$t/freeze/$e")) else ())
        if (head.status, head.body) != (get.status, b"") or any(
                head.headers.get(h) != get.headers.get(h) for h in same):
            raise Wrong("HEAD %s: %r %s beside %r %s" % (path, head, head.headers, get,
                                                         get.headers))


row("A1.21", "", step(heads))


def wrong_methods(context):
    paths = context.api.get("/swagger.json").json["paths"]
    for path, methods in paths.items():
        allowed = [m.upper() for m in ("get", "post", "put", "delete") if m in methods]
        if "GET" in allowed:
            allowed.insert(1, "HEAD")
        path = path.replace("{id}", "1").replace("{id2}", "1")
        path = path.replace("{name}", "x").replace("{status}", "running")
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
            if method in allowed or reached_otherwise(paths, method, path):
                continue
            answer = context.api.call(method, path)
            if (answer.status, answer.headers.get("allow")) != (405, ", ".join(allowed)):
                raise Wrong("%s %s: %r, Allow: %s" % (method, path, answer,
                                                      answer.headers.get("allow")))
            check(context, answer.json, Message())


def reached_otherwise(paths, method, path):
    """Does a path with a name in it take this one too, by that method?"""
    for pattern, methods in paths.items():
        expression = re.sub(r"\{id2?\}", r"[0-9]+", pattern)
        expression = re.sub(r"\{\w+\}", r"[^/]+", expression)
        if re.fullmatch(expression, path) and method.lower() in methods:
            return True
    return False


row("A1.22", "", step(wrong_methods))
row("A1.22", "of an absent object", PUT("/tasks/$nobody/why", None, 405, Message(),
                                        head={"allow": "GET, HEAD"}))

# ---- what changes

row("A1.23", "", running("e"), PUT("/tasks/$t", {"name": "x"}, 200, TASK(name="x")),
    PUT("/workers/$w", {"prefetch": 3}, 200, WORKER(prefetch=3)),
    PUT("/executions/$e", {"pid": "5"}, 200, EXECUTION(pid="5")))
row("A1.24", "a task", task("t", name="n"), GET("/tasks/$t", whole="was"),
    PUT("/tasks/$t", {"name": "n", "status": "paused"}, 200, Kept("was")),
    PUT("/tasks/$t", "$was", 200, Kept("was")),
    PUT("/tasks/$t", {"name": "m"}, 200, {"modification_date": is_now}))
row("A1.24", "a worker", worker("w"), GET("/workers/$w", whole="was"),
    PUT("/workers/$w", {"concurrency": 1}, 200, Kept("was")),
    PUT("/workers/$w", "$was", 200, Kept("was")))
row("A1.24", "an execution", running("e"), GET("/executions/$e", whole="was"),
    PUT("/executions/$e", {"status": "running"}, 200, Kept("was")),
    PUT("/executions/$e", "$was", 200, Kept("was")))


def dates_move(context):
    """Two changes of the same object are at two dates."""
    running("e")(context)
    for path, change in (("/tasks/$t", {"name": "x"}), ("/workers/$w", {"prefetch": 9}),
                         ("/executions/$e", {"pid": "9"})):
        GET(path, keep={"was": "modification_date"})(context)
        PUT(path, change, 200, {"modification_date": Other("was")})(context)


row("A1.24", "another value sets it", step(dates_move))
row("A1.25", "", task("t"), worker("w"), task("o"),
    POST("/executions/", {"worker_id": "$w", "task_id": "$t"}, 201),
    POST("/requirement/", {"task_id": "$t", "other_task_id": "$o"}, 201),
    POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f",
                         "worker_concurrency": 1}, 201))
row("A1.26", "", task("t"), worker("w"), GET("/tasks/$t", whole="task"),
    GET("/workers/$w", whole="worker"),
    DELETE("/tasks/$t", None, 200, Kept("task")), GET("/tasks/$t", None, 404),
    DELETE("/workers/$w", None, 200, Kept("worker")), GET("/workers/$w", None, 404))

# ---- errors

row("A1.27", "", GET("/tasks/$nobody", None, 404, Message()),
    GET("/nothing", None, 404, Message()), PUT("/tasks/", {}, 405, Message()),
    POST("/tasks/", b"{", 400, Message()),
    POST("/tasks/", {"command": "c", "status": "bogus"}, 500, Message()))
UNCHANGED = GET("/tasks/", {"batch": "$batch"}, want=[Kept("was")])


def refuses(number, variant, *bodies, has):
    """POST and PUT of a task, PUT of a worker: nothing is kept of it."""
    for body in bodies:
        row(number, "%s: %.60r" % (variant, body), task("t", name="n"),
            GET("/tasks/$t", whole="was"),
            POST("/tasks/", body, 400, Message(has=has)), UNCHANGED,
            PUT("/tasks/$t", body, 400, Message(has=has)), UNCHANGED)


for text in (b'{"command":"x","batch":"$batch"', b"{]", b"", b"command=x", b"'x'",
             b'{"command":"x",}', b'{"command":"\xff"}', b"[[[[", b"[" * 90000):
    row("A1.29", "%.30r" % text, task("t"), GET("/tasks/$t", whole="was"),
        POST("/tasks/", text, 400, Message()), UNCHANGED,
        PUT("/tasks/$t", text, 400, Message()), UNCHANGED)
REQUIRED = (("/tasks/", {"command": "c", "batch": "$batch"}, ["command"]),
            ("/workers/", {"name": "n", "concurrency": 1, "batch": "$batch"},
             ["name", "concurrency"]),
            ("/executions/", {"worker_id": "$w", "task_id": "$t"}, ["worker_id", "task_id"]),
            ("/requirement/", {"task_id": "$t", "other_task_id": "$o"},
             ["task_id", "other_task_id"]),
            ("/recruiter/", {"batch": "$batch", "worker_flavor": "f",
                             "worker_concurrency": 1},
             ["batch", "worker_flavor", "worker_concurrency"]))


for path, body, names in REQUIRED:
    for name in names:
        for what, value in (("missing", None), ("null", {name: None})):
            less = {k: v for k, v in body.items() if k != name}
            row("A1.30", "POST %s: %s is %s" % (path, name, what), task("t"), task("o"),
                worker("w"), counts("counts"),
                POST(path, dict(less, **(value or {})), 400, Message(has=name)),
                step(nothing_came))
UNKNOWN = [(path, "POST", dict(body)) for path, body, _ in REQUIRED] + [
    ("/tasks/$t", "PUT", {"name": "x"}), ("/workers/$w", "PUT", {"prefetch": 5}),
    ("/executions/$e", "PUT", {"pid": "1"}), ("/workers/$w/ping", "PUT", {"memory": 1}),
    ("/workers/$w/callback", "PUT", {"message": "idle"}),
    ("/workers/$w/signals", "POST", {"signal": 9}),
    ("/workers/deploy", "PUT", {"flavor": "f", "provider": "none", "region": "r"}),
    ("/executions/$e/output", "PUT", {"text": "x"}),
    ("/executions/$e/error", "PUT", {"text": "x"}),
    ("/executions/$e/output_files", "PUT", {"text": "x"}),
    ("/batch/$batch-workers/go", "PUT", {"signal": 0}),
    ("/batch/$batch-workers/stop", "PUT", {"signal": 0}),
    ("/flavor/", "GET", {"limit": 1}), ("/tasks/", "GET", {"limit": 1}),
    ("/workers/", "GET", {"limit": 1}), ("/executions/", "GET", {"limit": 1}),
    ("/requirement/", "GET", {"limit": 1}), ("/recruiter/", "GET", {"batch": "$batch"}),
    ("/recruiter/match", "GET", {"batch": "$batch"}), ("/jobs/", "GET", {"limit": 1}),
    ("/tasks/status", "GET", {"task_id": ["$t"]}),
    ("/executions/$e/output", "GET", {"output": True}),
    ("/recruiter/$batch/1", "PUT", {"worker_prefetch": 1}),
    ("/flavor/update", "POST", {"provider": "none"}),
    ("/inventory/", "POST", {"host": "h"}), ("/inventory/h", "PUT", {"group": "g"}),
    ("/workers/register", "POST", {"name": "$batch", "hostname": "h", "concurrency": 1,
                                   "spool": "s"})]
RECRUITER_THERE = POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f",
                                       "worker_concurrency": 1})
for path, method, body in UNKNOWN:
    row("A1.31", "%s %s" % (method, path), running("e"), task("o"), RECRUITER_THERE,
        counts("counts"), GET("/tasks/$t", whole="task"), GET("/workers/$w", whole="worker"),
        GET("/executions/$e", whole="execution"),
        Call(method, path, dict(body, colour="red"), 400, Message(has="colour")),
        step(nothing_came), GET("/tasks/$t", want=Kept("task")),
        GET("/workers/$w", want=Kept("worker")),
        GET("/executions/$e", want=Kept("execution")))
WRONG = (("/tasks/", "POST", {"command": "c"}, "retry", ["x", "", [], {}, True, 1.5]),
         ("/tasks/", "POST", {"command": "c"}, "use_cache", ["maybe", [], {}]),
         ("/tasks/", "POST", {}, "command", [[], {}, True]),
         ("/tasks/", "POST", {"command": "c"}, "name", [[1], {}, False]),
         ("/tasks/", "POST", {"command": "c"}, "required_task_ids", ["3", 3, {}, ["x"]]),
         ("/tasks/$t", "PUT", {}, "run_timeout", ["soon", [1], {}]),
         ("/tasks/", "GET", {}, "retry", ["x", {}]),
         ("/workers/", "POST", {"name": "n"}, "concurrency", ["many", [], {}, 2.5]),
         ("/workers/$w", "PUT", {}, "permanent", ["perhaps", []]),
         ("/workers/$w", "PUT", {}, "memory", ["much", []]),
         ("/workers/$w/ping", "PUT", {}, "memory", ["much", [], {}]),
         ("/workers/$w/ping", "PUT", {}, "load", [[], {}]),
         ("/workers/$w/signals", "POST", {}, "signal", ["x", [], 1.5]),
         ("/workers/deploy", "PUT", {"flavor": "f"}, "number", ["x", [], 0, -1]),
         ("/executions/", "POST", {"worker_id": 1}, "task_id", ["x", [], {}]),
         ("/executions/$e", "PUT", {}, "return_code", ["x", [], {}]),
         ("/executions/$e/output", "PUT", {}, "text", [[], {}]),
         ("/executions/$e/output", "GET", {}, "output_position", ["x", [], {}]),
         ("/executions/", "GET", {}, "limit", ["x", -1, [1, 2]]),
         ("/executions/", "GET", {}, "reverse", ["maybe", [True, False]]),
         ("/requirement/", "POST", {"task_id": 1}, "other_task_id", ["x", []]),
         ("/recruiter/", "POST", {"batch": "b", "worker_flavor": "f"},
          "worker_concurrency", ["x", [], {}]),
         ("/flavor/", "GET", {}, "min_cpu", ["x", [], {}]),
         ("/flavor/", "GET", {}, "limit", ["x", -1]),
         ("/batch/x/stop", "PUT", {}, "signal", ["x", [], 1.5]))
for path, method, body, name, values in WRONG:
    for value in values:
        row("A1.32", "%s %s %s %s" % (method, path, name, json.dumps(value)), running("e"),
            counts("counts"), Call(method, path, dict(body, **{name: value}), 400,
                                   Message(has=name)), step(nothing_came))
for path, words in (("/tasks/99999", "Task 99999 doesn't exist"),
                    ("/workers/99999", "Worker 99999 doesn't exist"),
                    ("/executions/99999", "Execution 99999 doesn't exist"),
                    ("/jobs/99999", "Job 99999 doesn't exist"),
                    ("/tasks/99999/why", "Task 99999 doesn't exist"),
                    ("/executions/99999/output", "Execution 99999 doesn't exist"),
                    ("/executions/99999/log/stdout", "Execution 99999 doesn't exist"),
                    ("/tasks/99999/freeze/1", "Task 99999 doesn't exist"),
                    ("/recruiter/$batch/1", "Recruiter $batch/1 doesn't exist")):
    row("A1.33", "GET " + path, GET(path, None, 404, Message(words)))
for method, path, body, words in (
        ("PUT", "/tasks/99999", {"name": "x"}, "Task 99999 doesn't exist"),
        ("DELETE", "/tasks/99999", None, "Task 99999 doesn't exist"),
        ("PUT", "/workers/99999", {"prefetch": 1}, "Worker 99999 doesn't exist"),
        ("DELETE", "/workers/99999", None, "Worker 99999 doesn't exist"),
        ("PUT", "/workers/99999/ping", {}, "Worker 99999 doesn't exist"),
        ("PUT", "/workers/99999/callback", {"message": "idle"},
         "Worker 99999 doesn't exist"),
        ("POST", "/workers/99999/signals", {"signal": -1}, "Worker 99999 doesn't exist"),
        ("PUT", "/executions/99999", {"pid": "1"}, "Execution 99999 doesn't exist"),
        ("DELETE", "/requirement/99999", None, "Requirement 99999 doesn't exist"),
        ("PUT", "/recruiter/$batch/1", {"worker_prefetch": 1},
         "Recruiter $batch/1 doesn't exist"),
        ("DELETE", "/recruiter/$batch/1", None, "Recruiter $batch/1 doesn't exist"),
        ("DELETE", "/jobs/99999", None, "Job 99999 doesn't exist"),
        ("POST", "/jobs/99999/restart", None, "Job 99999 doesn't exist")):
    row("A1.33", "%s %s" % (method, path), Call(method, path, body, 404, Message(words)))
row("A1.33", "the parts of an execution", task("t"), worker("w"),
    POST("/executions/", {"worker_id": "$nobody", "task_id": "$t"}, 404,
         Message("Worker $nobody doesn't exist")),
    POST("/executions/", {"worker_id": "$w", "task_id": "$nobody"}, 404,
         Message("Task $nobody doesn't exist")),
    GET("/tasks/$t", want={"status": "paused"}))

MIB = 1 << 20
for method, path in (("POST", "/tasks/"), ("PUT", "/tasks/1"), ("POST", "/workers/"),
                     ("PUT", "/executions/1"), ("GET", "/tasks/"), ("PUT", "/batch/x/go")):
    row("A1.34", "%s %s" % (method, path),
        Call(method, path, b'{"name":"' + b"x" * (16 * MIB) + b'"}', 413, Message()))
row("A1.34", "just under it is looked at", task("t"),
    PUT("/tasks/$t", b'{"command":"' + b"x" * (16 * MIB - 100) + b'"}', 200))


def array(context, mib, status):
    """The body in pieces, of which one is kept."""
    one = b'{"status":"paused","batch":"%s","command":"%s"}' % (
        context.kept["batch"].encode(), b"x" * (MIB - 100))
    conn = http.client.HTTPConnection("127.0.0.1", context.server.port, timeout=180)
    conn.request("POST", "/tasks/", body=pieces(one, mib),
                 headers={"Content-Type": "application/json"}, encode_chunked=True)
    answer = conn.getresponse()
    head = answer.read(100)
    if answer.status != status:
        raise Wrong("%d %r" % (answer.status, head))
    while answer.read(MIB):
        pass
    conn.close()


def pieces(one, n):
    yield b"[" + one
    for _ in range(n - 1):
        yield b"," + one
    yield b"]"


def over_256(context):
    """It says how long it is; that it is too long is told before it was sent."""
    with socket.create_connection(("127.0.0.1", context.server.port), 60) as s:
        s.sendall(b"POST /tasks/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n[" % (257 * MIB))
        try:
            for _ in range(257):
                s.sendall(b" " * MIB)
        except OSError:
            pass
        got = s.recv(1000)
    if not got.startswith(b"HTTP/1.1 413 "):
        raise Wrong(repr(got))


row("A1.35", "17 MiB are taken", step(lambda c: array(c, 18, 201)),
    GET("/tasks/", {"batch": "$batch", "fields": "task_id"}, want=lambda v: len(v) == 18),
    DELETE("/batch/$batch"))
row("A1.35", "257 MiB are not", step(over_256))
row("A1.35", "a single task is no array",
    POST("/tasks/", b'{"command":"' + b"x" * (17 * MIB) + b'"}', 413, Message()))
for kind, body in (("text/plain", b'{"command":"x"}'), ("application/xml", b"<a/>"),
                   ("multipart/form-data; boundary=x", b"--x--"),
                   ("image/png", b"\x89PNG"),
                   ("application/x-www-form-urlencoded", b"command=x")):
    row("A1.36", kind, counts("counts"),
        POST("/tasks/", body, 415, Message(), headers={"Content-Type": kind}),
        PUT("/tasks/1", body, 415, Message(), headers={"Content-Type": kind}),
        step(nothing_came))
row("A1.36", "JSON by any of its names is",
    POST("/tasks/", b'{"command":"x","status":"paused"}', 201,
         headers={"Content-Type": "application/json; charset=utf-8"}),
    POST("/tasks/", b'{"command":"x","status":"paused"}', 201))
row("A1.37", "", task("t"), GET("/tasks/$t", whole="was"),
    PUT("/tasks/$t", {"status": "bogus", "name": "x"}, 500, Message()), UNCHANGED)
row("A1.38", "", running("e", "succeeded"), GET("/executions/$e", whole="was"),
    PUT("/executions/$e", {"status": "running", "pid": "9"}, 500, Message()),
    GET("/executions/$e", want=Kept("was")))
row("A1.39", "", running("e"), counts("counts"),
    POST("/executions/", {"worker_id": "$w", "task_id": "$t"}, 500, Message()),
    step(nothing_came))

# ---- bytes

BYTES = b"a\x00b\xff\xc3\xa9\xf0\x9f\x98\x80z"  # NUL, no UTF-8, two and four bytes
TEXT = "ab\ufffd\u00e9\U0001f600z"


def written(context):
    """An execution whose output and error are BYTES, as our worker sends them."""
    import base64
    registered("w")(context)
    task("t", status="pending")(context)
    e = context.api.put(context.fill("/workers/$w/sync"),
                        {"spool": "s", "wait": 60}).json["executions"][0]["execution_id"]
    context.kept["e"] = e
    records = [{"seq": 1, "execution_id": e, "status": "running"}] + [
        {"seq": 2 + i, "execution_id": e, "stream": s, "offset": 0,
         "data": base64.b64encode(BYTES).decode()} for i, s in enumerate(
             ("stdout", "stderr"))]
    sync("$w", {"acked": 3}, records=records)(context)


WRITTEN = step(written)
row("A1.40", "", WRITTEN,
    GET("/executions/$e", want={"output": lambda v: v.startswith("ab"),
                                "error": lambda v: v.startswith("ab")}),
    GET("/executions/$e/output", want={"output": lambda v: "\0" not in v}))
row("A1.40", "as text of a 1.3 worker", running("e"),
    PUT("/executions/$e/output", b'{"text":"a\\u0000b"}'),
    GET("/executions/$e", want={"output": "ab"}))
row("A1.41", "", WRITTEN, GET("/executions/$e", want={"output": TEXT, "error": TEXT}),
    GET("/executions/", {"execution_id": "$e"}, want=[{"output": TEXT, "error": TEXT}]))
row("A1.42", "", WRITTEN,
    GET("/executions/$e/output", {"output_position": 5, "error_position": 4},
        want=Exactly({"output": TEXT[4:], "error": TEXT[3:]})))
row("A1.43", "", WRITTEN, GET("/executions/$e/log/stdout", raw=BYTES),
    GET("/executions/$e/log/stderr", raw=BYTES))


def names_of_files(context):
    """A real worker finds the files that a task left in its output folder."""
    folder = Folder()
    os.mkdir(folder.join("out"))
    api, batch = context.api, context.kept["batch"]
    with Worker(context.server, name=batch, options=["-b", batch]):
        t = api.task("sh -c 'touch \"$OUTPUT/a b%c\" \"$OUTPUT/d\"'", batch=batch,
                     output=folder.join("out"))
        api.wait_task(t, "succeeded")
    got = api.get("/executions/", {"task_id": t}).json[0]["output_files"]
    if sorted(got.split(" ")) != ["a%20b%25c", "d"]:
        raise Wrong(got)


row("A1.44", "what a worker left", step(names_of_files))
ODD = "a%20b  c%zz \u00e9%2f"
row("A1.45", "", task("t", input="i%20j k", resource="r%25s"), running("e"),
    PUT("/executions/$e/output_files", {"text": ODD}),
    GET("/executions/$e", want={"output_files": ODD}),
    POST("/tasks/", {"command": "c", "status": "paused", "input": "i%20j  k",
                     "resource": "r%25s"}, 201, {"input": "i%20j  k", "resource": "r%25s"}))
