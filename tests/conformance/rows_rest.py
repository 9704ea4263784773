"""A.6 to A.8: batches, requirements, recruiters, flavors, configuration; where 1.3 did
otherwise; and the life of a 1.3 worker, call by call."""

import html

from engine import *  # noqa: F401,F403

OK = Exactly({"result": "Ok"})

# ---- batches

row("A6.01", "", task("a", batch="$batch-2"), task("b", batch="$batch-1"),
    task("c", batch="$batch-1", status="failed"),
    GET("/batch/", want=lambda v: [b["batch"] for b in v] == sorted(
        (b["batch"] for b in v), key=str.encode)),
    GET("/batch/", want=Among(BATCH(batch="$batch-1", failed=1))),
    GET("/batch/", want=Among(BATCH(batch="$batch-2"))))
row("A6.01", "none without tasks", worker("w"), task("t"), DELETE("/tasks/$t"),
    GET("/batch/", want=Among({"batch": "$batch"}, lacking=True)),
    GET("/batch/", want=Among({"batch": "$batch-workers"}, lacking=True)))
TWO = (worker("a", status="running"), worker("b", status="paused"),
       worker("o", batch="$batch-other", status="running"))
row("A6.02", "", *TWO, PUT("/batch/$batch-workers/stop", None, 200, OK),
    GET("/workers/$a", want={"status": "paused", "modification_date": is_now}),
    GET("/workers/$b", want={"status": "paused", "modification_date": None}),
    GET("/workers/$o", want={"status": "running"}))
row("A6.02", "one that is offline too: it does not run when it comes back",
    worker("w", status="offline"), PUT("/batch/$batch-workers/stop"),
    GET("/workers/$w", want={"status": "paused"}))
row("A6.03", "", *TWO, PUT("/batch/$batch-workers/go", None, 200, OK),
    GET("/workers/$a", want={"status": "running"}),
    GET("/workers/$b", want={"status": "running"}))
for verb, number in (("stop", 3), ("stop", 9), ("stop", 20), ("stop", 15), ("go", 18)):
    row("A6.04", "%s %d" % (verb, number), running("e"), task("p"),
        execution("pe", "$w", "$p"),
        PUT("/batch/$batch/" + verb, {"signal": number}, 200, OK),
        GET("/workers/$w/signals", want=Exactly([{"execution_id": "$e", "worker_id": "$w",
                                                  "signal": number}])),
        GET("/executions/$e", want={"status": "running"}))
for number in (12345, -1, 1, 2 ** 40):
    row("A6.04", "%d is none" % number, running("e"),
        PUT("/batch/$batch-workers/go", {"signal": number}, 400, Message(has="signal")),
        GET("/workers/$w", want={"status": "paused"}),
        GET("/workers/$w/signals", want=Exactly([])))
for body in ({"signal": 0}, {}, None, {"signal": None}):
    row("A6.05", json.dumps(body), running("e"), PUT("/batch/$batch/stop", body, 200, OK),
        PUT("/batch/$batch/go", body, 200, OK),
        GET("/workers/$w/signals", want=Exactly([])))
row("A6.06", "", counts("counts"), PUT("/batch/$batch/stop", {"signal": 9}, 200, OK),
    PUT("/batch/$batch/go", None, 200, OK), DELETE("/batch/$batch", None, 200, OK),
    step(nothing_came))
row("A6.07", "", running("e"), task("o", batch="$batch-other"),
    task("b", required_task_ids=["$t", "$o"]), task("x", batch="$batch-other",
                                                    required_task_ids=["$t"]),
    task("y", batch="$batch-other", status="waiting", required_task_ids=["$t"]),
    POST("/workers/$w/signals", {"execution_id": "$e", "signal": 20}, 200),
    POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f", "worker_concurrency": 1}),
    DELETE("/batch/$batch", None, 200, OK),
    GET("/tasks/", {"batch": "$batch"}, want=Exactly([])),
    GET("/executions/$e", None, 404),
    sql("select count(*) from signal where execution_id = $e and signal = 20", [["0"]]),
    GET("/requirement/", {"task_id": ["$b", "$x"]}, want=Exactly([])),
    GET("/recruiter/", {"batch": "$batch"}, want=Exactly([])),
    GET("/tasks/$y", want={"status": "pending", "required_task_ids": []}),
    GET("/tasks/$o", want={"status": "paused"}), GET("/workers/$w", want={"name": "w"}))

# ---- requirements

row("A6.08", "", task("a"), task("b"), task("t", required_task_ids=["$a", "$b"]),
    GET("/requirement/", {"task_id": "$t"}, want=[
        REQUIREMENT(task_id="$t", other_task_id="$a"),
        REQUIREMENT(task_id="$t", other_task_id="$b")]),
    GET("/requirement/", want=Among(REQUIREMENT(task_id="$t", other_task_id="$b"))))
row("A6.09", "", task("a"), task("t", status="waiting", required_task_ids=["$a"]), task("b"),
    POST("/requirement/", {"task_id": "$t", "other_task_id": "$b"}, 201,
         REQUIREMENT(task_id="$t", other_task_id="$b"), keep="r"),
    GET("/tasks/$t", want={"required_task_ids": ["$a", "$b"]}),
    PUT("/tasks/$a", {"status": "succeeded"}), GET("/tasks/$t", want={"status": "waiting"}),
    PUT("/tasks/$b", {"status": "succeeded"}), GET("/tasks/$t", want={"status": "pending"}))
row("A6.09", "of absent tasks", task("a"), counts("counts"),
    POST("/requirement/", {"task_id": "$a", "other_task_id": "$nobody"}, 404, Message()),
    POST("/requirement/", {"task_id": "$nobody", "other_task_id": "$a"}, 404, Message()),
    step(nothing_came))
row("A6.10", "", task("a"), task("t", required_task_ids=["$a"], status="waiting"),
    GET("/requirement/", {"task_id": "$t"}, want=[{}], whole="list"),
    step(lambda c: c.kept.update(r=c.kept["list"][0]["requirement_id"],
                                 it=c.kept["list"][0])),
    DELETE("/requirement/$r", want=Kept("it")), DELETE("/requirement/$r", None, 404),
    GET("/tasks/$t", want={"required_task_ids": [], "status": "pending"}))

# ---- recruiters

RULE = {"batch": "$batch", "rank": 1, "tasks_per_worker": 3, "worker_flavor": "f",
        "worker_provider": "none", "worker_region": "r", "worker_concurrency": 4,
        "worker_prefetch": 5, "minimum_tasks": 6, "maximum_workers": 7}
row("A6.11", "", POST("/recruiter/", dict(RULE, rank=2)), POST("/recruiter/", RULE),
    GET("/recruiter/", {"batch": "$batch"}, want=[RECRUITER(rank=1), RECRUITER(rank=2)]),
    GET("/recruiter/?batch=$batch", want=[{"rank": 1}, {"rank": 2}]),
    GET("/recruiter/", want=Each(RECRUITER())))
row("A6.12", "", POST("/recruiter/", RULE, 201, Exactly(RULE)),
    GET("/recruiter/$batch/1", want=Exactly(RULE)))
row("A6.13", "", POST("/recruiter/", RULE), POST("/recruiter/", dict(RULE, rank=2)),
    GET("/recruiter/$batch/2", want=Exactly(dict(RULE, rank=2))),
    PUT("/recruiter/$batch/2", {"maximum_workers": 9, "worker_region": None}, 200,
        Exactly(dict(RULE, rank=2, maximum_workers=9, worker_region=None))),
    GET("/recruiter/$batch/1", want=Exactly(RULE)),
    DELETE("/recruiter/$batch/2", want=Exactly(dict(RULE, rank=2, maximum_workers=9,
                                                    worker_region=None))),
    GET("/recruiter/$batch/2", None, 404), GET("/recruiter/$batch/1"),
    DELETE("/recruiter/$batch/1"))
row("A6.14", "", POST("/recruiter/", RULE),
    POST("/recruiter/", {"batch": "$batch", "rank": 1, "worker_flavor": "g",
                         "worker_concurrency": 2}, 201, {"worker_flavor": "g"}),
    GET("/recruiter/", {"batch": "$batch"}, want=[RECRUITER(
        worker_flavor="g", worker_concurrency=2, tasks_per_worker=2, minimum_tasks=None)]))
for flavor, part in (("auto:cpus>=2", "cpus"), ("auto:cpu=>2", "comparator"),
                     ("auto:cpu>=x", "number")):
    row("A6.15", flavor, counts("counts"),
        POST("/recruiter/", dict(RULE, worker_flavor=flavor), 400, Message(has=part)),
        step(nothing_came))
    row("A6.15", "PUT " + flavor, POST("/recruiter/", RULE),
        PUT("/recruiter/$batch/1", {"worker_flavor": flavor}, 400, Message(has=part)),
        GET("/recruiter/$batch/1", want=Exactly(RULE)))
row("A6.16", "by name", POST("/recruiter/", dict(RULE, worker_flavor="$batch-f")),
    worker("a", flavor="$batch-f", status="running"), worker("b", flavor="g",
                                                             status="running"),
    GET("/recruiter/match", {"batch": "$batch"}, want=[WORKER(worker_id="$a")]),
    GET("/recruiter/match", want=Among(WORKER(worker_id="$a"))))
UPDATED = (POST("/flavor/update", {"provider": "local"}, 201, keep="job"),
           GET("/jobs/$job", want={"status": "succeeded"}, until=True))
row("A6.16", "by protofilters", *UPDATED,
    POST("/recruiter/", dict(RULE, worker_flavor="auto:cpu>=8:ram>=64")),
    worker("a", flavor="gpu", provider="local", region="west", status="running"),
    worker("b", flavor="tiny", provider="local", region="west", status="running"),
    GET("/recruiter/match", {"batch": "$batch"}, want=Among(WORKER(worker_id="$a"))),
    GET("/recruiter/match", {"batch": "$batch"}, want=Among({"worker_id": "$b"},
                                                            lacking=True)))

# ---- flavors; those of the server: test_conformance.py

LIMIT = {"limit": 100}


def offered(number, variant, body, want):
    """Names and regions, in this order, by body and by query."""
    def names(answer):
        return [(f["name"], f["region"]) for f in answer] == want
    query = "&".join("%s=%s" % (k, urllib.parse.quote(str(v))) for k, v in body.items())
    row(number, variant, *UPDATED, GET("/flavor/", body, want=names),
        GET("/flavor/?" + query, want=names))


def places(*names):
    """The preferred region first, each in the order of prices."""
    return [(n, r) for r in ("west", "east") for n in names]


offered("A6.17", "min_cpu", dict(LIMIT, min_cpu=8), places("large", "gpu"))
offered("A6.17", "min_ram", dict(LIMIT, min_ram=4), places("small", "large", "gpu"))
offered("A6.17", "min_disk", dict(LIMIT, min_disk=400), places("large"))
offered("A6.18", "5 without it", LIMIT, places("tiny", "small", "large", "gpu"))
offered("A6.18", "20", dict(LIMIT, max_eviction=20),
        places("spot", "tiny", "small", "large", "gpu"))
offered("A6.18", "0", dict(LIMIT, max_eviction=0), places("tiny", "large"))
offered("A6.19", "2", {"limit": 2}, places("tiny", "small")[:2])
offered("A6.19", "0", {"limit": 0}, [])
row("A6.19", "10 without it", *UPDATED,
    GET("/flavor/", {"max_eviction": 100}, want=lambda v: len(v) == 10))
offered("A6.20", "region", dict(LIMIT, region="east"),
        [(n, "east") for n in ("tiny", "small", "large", "gpu")])
offered("A6.20", "provider", dict(LIMIT, provider="local", min_cpu=16), places("large"))
offered("A6.20", "auto leaves it open", dict(LIMIT, provider="auto", region="auto",
                                             min_cpu=16), places("large"))
offered("A6.20", "nobody's", {"provider": "nobody"}, [])
offered("A6.21", "", dict(LIMIT, protofilters="tags#G"), places("gpu"))
offered("A6.21", "with auto", dict(LIMIT, protofilters="auto:tags#M"), places("metal"))
row("A6.21", "a bad one", GET("/flavor/", {"protofilters": "cpus>1"}, 400,
                              Message(has="cpus")))
offered("A6.22", "", dict(LIMIT, max_eviction=100),
        places("spot", "tiny", "small", "large", "gpu"))

# ---- configuration and pages

row("A6.23", "", GET("/config/rclone", want=Exactly("[s3]\ntype = s3\n# \u00e9\n"),
                     head={"content-type": "application/json"}))
row("A6.24", "", GET("/config/rclone", None, 404, Message(has="rclone.conf")), server="bare")
row("A6.25", "", GET("/config/remote", want=Exactly("s3://lab/flows")))
row("A6.25", "not set", GET("/config/remote", None, 404, Message(has="REMOTE_URI")),
    server="bare")


def whole_page(context):
    """What the description for programs has is on the page, and the server does it."""
    page = context.api.get("/")
    if page.status != 200 or not page.headers["content-type"].startswith("text/html"):
        raise Wrong("%r %s" % (page, page.headers))
    text = html.unescape(page.body.decode())
    swagger = context.api.get("/swagger.json").json
    for path, methods in swagger["paths"].items():
        shown = path.replace("{id2}", "{id}").replace("{", "<").replace("}", ">")
        for method in methods:
            if not re.search(r"%s\b.*%s" % (method.upper(), re.escape(shown)), text):
                raise Wrong("%s %s is not on the page" % (method, path))


def bodies_on_page(context):
    """What a body may hold, what it must in bold; not what cannot be set."""
    text = context.api.get("/").body.decode()
    for call, has, lacks in (
            ("POST</td><td>/tasks/", ("<b>command</b>", "container"), ("creation_date", "task_id,")),
            ("PUT</td><td>/workers/&lt;id>/ping", ("load", "memory"), ("<b>",)),
            ("GET</td><td>/tasks/&lt;id>", (), ("<small>",))):
        shown = text.split(call + "</td>")[1].split("</tr>")[0]
        if not all(w in shown for w in has) or any(w in shown for w in lacks):
            raise Wrong("%s: %s" % (call, shown))


row("A6.26", "", step(whole_page))
row("A6.26", "what a body may hold", step(bodies_on_page))


def web_pages(context):
    """Each page, and all that it and its scripts name, of the right types; nothing of
    elsewhere."""
    todo, seen = ["/ui/", "/ui/task/", "/ui/batch/"], {}
    while todo:
        path = todo.pop()
        answer = context.api.get(path)
        seen[path] = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status != 200 or answer.headers.get("x-content-type-options") != "nosniff":
            raise Wrong("%s: %r %s" % (path, answer, answer.headers))
        text = answer.body.decode()
        for name in re.findall(r'(?:src|href)="(/ui/[^"]+)"', text) + [
                "/ui/" + n for n in re.findall(r'from "\./(\w+\.js)"', text)]:
            if name not in seen and name not in todo:
                todo.append(name)
    types = {"html": 0, "css": 0, "javascript": 0, "xml": 0}
    for path, kind in seen.items():
        types[re.search(r"html|css|javascript|xml", kind).group()] += 1
    if types["html"] != 3 or types["css"] != 1 or types["javascript"] < 10:
        raise Wrong("%r" % seen)


row("A6.28", "", step(web_pages))
row("A6.28", "others", GET("/ui/colour.js", None, 404, Message(has="colour.js")),
    POST("/ui/", {}, 405, Message()), GET("/ui/..%2ftasks", None, 404, Message()))
METHODS = {"get", "post", "put", "delete"}


def described(context):
    """It is Swagger 2.0, its references lead somewhere, and each operation has its
    parameters and its answer."""
    answer = context.api.get("/swagger.json")
    doc = answer.json
    check(context, doc, {"swagger": "2.0", "info": {"title": "scitq",
                                                    "version": re.compile(r"^\d")},
                         "consumes": ["application/json"],
                         "produces": ["application/json"]})
    for ref in re.findall(r'"#/definitions/(\w+)"', answer.body.decode()):
        if ref not in doc["definitions"]:
            raise Wrong("no definition of " + ref)
    for path, methods in doc["paths"].items():
        names = re.findall(r"\{(\w+)\}", path)
        for method, operation in methods.items():
            given = [(p["name"], p["type"], p["required"])
                     for p in operation["parameters"] if p["in"] == "path"]
            want = [(n, "integer" if n in ("id", "id2") else "string", True) for n in names]
            if method not in METHODS or given != want or not operation["summary"] or \
                    not operation["responses"]:
                raise Wrong("%s %s: %r" % (method, path, operation))


def defined(context):
    """The types are those of answers, in their order."""
    definitions = context.api.get("/swagger.json").json["definitions"]
    for name in ("Task", "Worker", "Execution", "Signal", "Requirement", "Recruiter",
                 "Flavor", "Job"):
        if list(definitions[name]["properties"]) != FIELDS[name]:
            raise Wrong("%s: %r" % (name, definitions[name]))
    check(context, definitions["Task"], {"required": ["command"], "properties": {
        "task_id": {"type": "integer", "readOnly": True},
        "status": {"type": "string", "enum": ["paused", "waiting", "pending", "assigned",
                                              "accepted", "running", "failed", "succeeded",
                                              "debug"]},
        "creation_date": {"type": "string", "format": "date-time"},
        "required_task_ids": {"type": "array"}, "use_cache": {"type": "boolean"}}})
    check(context, definitions["Worker"]["properties"]["memory"], {"type": "number"})


row("A6.27", "", step(described))
row("A6.27", "types", step(defined))
def taken(context):
    """What a call takes: a record, members of its own, filters; and nothing."""
    paths = context.api.get("/swagger.json").json["paths"]

    def parameters(path, method, where):
        return [p for p in paths[path][method]["parameters"] if p["in"] == where]
    for path, method, name in (("/tasks/", "post", "Task"), ("/tasks/{id}", "put", "Task"),
                               ("/workers/", "post", "Worker"),
                               ("/executions/", "post", "Execution"),
                               ("/recruiter/{name}/{id}", "put", "Recruiter")):
        check(context, parameters(path, method, "body"), [
            {"name": "body", "schema": Exactly({"$ref": "#/definitions/" + name})}])
    check(context, parameters("/workers/{id}/ping", "put", "body"), [{"schema": Exactly(
        {"type": "object", "properties": {"load": {"type": "string"},
                                          "memory": {"type": "number"},
                                          "stats": {"type": "string"}}})}])
    for path, method, members in (
            ("/workers/register", "post", {"facts": {"type": "object"},
                                           "concurrency": {"type": "integer"}}),
            ("/workers/{id}/sync", "put", {"records": {"type": "array"}})):
        check(context, parameters(path, method, "body"), [{"schema": {
            "properties": members}}])
    names = [p["name"] for p in parameters("/executions/", "get", "query")]
    check(context, names, [f for f in FIELDS["Execution"] if f != "freeze"] + [
        "task_name", "batch", "no_output", "trunc", "after", "reverse", "limit", "fields"])
    check(context, [p["name"] for p in parameters("/flavor/", "get", "query")][:2],
          ["min_cpu", "min_ram"])
    for path, method in (("/tasks/{id}", "get"), ("/tasks/{id}", "delete"),
                         ("/jobs/{id}/restart", "post")):
        check(context, [p["in"] for p in paths[path][method]["parameters"]], ["path"])


row("A6.27", "what a route takes", step(taken))
row("A6.27", "what a route answers", GET("/swagger.json", want={"paths": {
    "/tasks/": {"get": {"responses": {"200": {"schema": {
        "type": "array", "items": {"$ref": "#/definitions/Task"}}}}},
        "post": {"responses": {"201": {"schema": {"$ref": "#/definitions/Task"}}}}},
    "/tasks/{id}": {"put": {"responses": {"200": {"schema": {
        "$ref": "#/definitions/Task"}}}}}}}))

# ---- A.7

row("A7.01", "", running("e", "accepted"), PUT("/executions/$e", {"status": "refused"}),
    GET("/tasks/$t", want={"status": "pending"}))
row("A7.02", "", running("e", "accepted", retry=1),
    PUT("/executions/$e", {"status": "failed"}),
    GET("/tasks/$t", want={"status": "pending", "retry": 0}))
for body in ({"text": None}, {}, None):
    row("A7.03", json.dumps(body), running("e"), PUT("/executions/$e/output", {"text": "a"}),
        PUT("/executions/$e/error", {"text": "b"}),
        PUT("/executions/$e/output", body, 200, OK), PUT("/executions/$e/error", body, 200, OK),
        GET("/executions/$e", want={"output": "a", "error": "b"}))
row("A7.04", "", task("a"),
    POST("/tasks/", {"command": "c", "batch": "$batch", "required_task_ids": ["$a"]}, 201,
         {"status": "waiting"}))
row("A7.05", "", running("e", "pending"), PUT("/tasks/$t", {"status": "pending"}),
    GET("/executions/", {"task_id": "$t", "status": ["pending", "accepted", "running"]},
        want=Exactly([])),
    POST("/executions/", {"worker_id": "$w", "task_id": "$t"}),
    GET("/executions/", {"task_id": "$t", "status": ["pending", "accepted", "running"]},
        want=[{}]))
for path, body in (("/tasks/", b"{"), ("/tasks/", {}), ("/tasks/", {"command": []}),
                   ("/executions/", {"worker_id": "x"}), ("/workers/", [1])):
    row("A7.06", "%s %.20r" % (path, body), POST(path, body, 400, Message()))
row("A7.07", "", task("a"), counts("counts"),
    POST("/tasks/", [{"command": "c"}, {"command": "d", "required_task_ids": ["$nobody"]}],
         404, Message()), step(nothing_came))
row("A7.08", "", task("a"), task("t", required_task_ids=["$a"]),
    GET("/requirement/", want=Among({"task_id": "$t", "other_task_id": "$a"})))
row("A7.09", "", task("a", name="n"), task("b"),
    GET("/tasks/?batch=$batch&name=n", want=[{"task_id": "$a"}]))
row("A7.10", "", task("a"), task("t", required_task_ids=["$a"]),
    GET("/tasks/$t", want={"required_task_ids": ["$a"]}))
row("A7.11", "", POST("/recruiter/", {
    "batch": "$batch", "rank": 1, "tasks_per_worker": 1, "worker_flavor": "tiny",
    "worker_provider": "none", "worker_region": "r", "worker_concurrency": 1,
    "maximum_workers": 2}), POST("/recruiter/", {
        "batch": "$batch", "rank": 2, "tasks_per_worker": 1, "worker_flavor": "small",
        "worker_provider": "none", "worker_region": "r", "worker_concurrency": 1,
        "maximum_workers": 3}),
    POST("/tasks/", [{"command": "c", "batch": "$batch"}] * 5),
    GET("/workers/", {"batch": "$batch"}, until=True,
        want=lambda v: sorted(w["flavor"] for w in v) == ["small", "tiny", "tiny"]),
    DELETE("/batch/$batch"))

# ---- A.8

ME = {"name": "$batch-old", "hostname": "oldhost"}
BORN = (GET("/workers/", {}, want=Among(ME, lacking=True)),
        POST("/workers/", dict(ME, concurrency=2, batch="$batch"), 201,
             WORKER(status="paused", **ME), keep="w"),
        PUT("/workers/$w", {"status": "running", "flavor": "f"}, 200,
            WORKER(status="running", flavor="f")))
GIVEN = BORN + (task("t", status="pending", container="img"),
                GET("/workers/$w/executions/pending", until=True,
                    want=[SHORT(task_id="$t", status="pending", taskstatus="assigned",
                                batch="$batch")], whole="list"),
                step(lambda c: c.kept.update(e=c.kept["list"][0]["execution_id"])),
                GET("/tasks/$t", want=TASK(status="assigned", container="img")))
ACCEPTED = GIVEN + (PUT("/executions/$e", {"status": "accepted", "freeze": False}, 200,
                        EXECUTION(status="accepted", freeze=None)),
                    GET("/tasks/$t", want={"status": "accepted"}))
FROZEN = ACCEPTED + (GET("/tasks/$t/freeze/$e", want=TASK(task_id="$t")),
                     GET("/executions/$e", want=EXECUTION(command="c")))
RUNNING = FROZEN + (PUT("/executions/$e", {"status": "running", "pid": 1234,
                                           "freeze": False}, 200,
                        EXECUTION(status="running", pid="1234")),
                    GET("/tasks/$t", want={"status": "running"}))
row("A8.01", "", *BORN[:1])
row("A8.02", "", *BORN[:2], GET("/workers/", {}, want=Among(WORKER(worker_id="$w", **ME))))
row("A8.03", "", *BORN)
ROUND = (PUT("/workers/$w/ping", {"load": "0.1", "memory": 5.5, "stats": "{}"}, 200,
             WORKER(status="running", last_contact_date=is_now)),)
row("A8.04", "again and again: each tells what came since", *BORN, *ROUND,
    GET("/workers/$w/executions/pending", want=Exactly([])),
    GET("/workers/$w/signals", want=Exactly([])), GET("/workers/$w/executions", want=[]),
    task("t", status="pending"), *ROUND,
    GET("/workers/$w/executions/pending", want=[SHORT(task_id="$t")], until=True,
        whole="list"),
    step(lambda c: c.kept.update(e=c.kept["list"][0]["execution_id"])),
    GET("/workers/$w/executions", want=Exactly([])),
    PUT("/executions/$e", {"status": "accepted", "freeze": False}), *ROUND,
    GET("/workers/$w/executions/pending", want=Exactly([])),
    GET("/workers/$w/executions", want=[SHORT(execution_id="$e", status="accepted")]),
    PUT("/executions/$e", {"status": "running", "pid": 7, "freeze": False}),
    POST("/workers/$w/signals", {"execution_id": "$e", "signal": 15}, 200), *ROUND,
    GET("/workers/$w/signals", want=[SIGNAL(execution_id="$e", signal=15)]), *ROUND,
    GET("/workers/$w/signals", want=Exactly([])),
    GET("/workers/$w/executions", want=[SHORT(execution_id="$e", status="running")]))
row("A8.04", "", *BORN, PUT("/workers/$w/ping", {"load": "0.1", "memory": 5.5,
                                                 "stats": "{}"}, 200, WORKER()),
    GET("/workers/$w/executions/pending", want=Exactly([])),
    GET("/workers/$w/signals", want=Exactly([])),
    GET("/workers/$w/executions", want=Exactly([])))
row("A8.05", "", *GIVEN)
row("A8.06", "", *ACCEPTED)
row("A8.07", "", *FROZEN)
row("A8.08", "", *RUNNING, GET("/workers/$w/executions", want=[SHORT(execution_id="$e")]))
row("A8.09", "", *RUNNING, PUT("/executions/$e/output", {"text": "out\n"}, 200, OK),
    PUT("/executions/$e/error", {"text": "err\n"}, 200, OK),
    GET("/executions/$e", want={"output": "out\n", "error": "err\n"}))
row("A8.10", "", *RUNNING,
    PUT("/executions/$e", {"status": "succeeded", "return_code": 0, "freeze": True,
                           "output_files": "a b"}, 200,
        EXECUTION(status="succeeded", return_code=0, freeze=None, output_files="a b")),
    GET("/tasks/$t", want={"status": "succeeded"}),
    GET("/workers/$w/executions", want=Exactly([])))


def failed_transfer(context, return_code, **fields):
    """By a real worker."""
    batch, folder = context.kept["batch"], Folder()
    with Worker(context.server, name=batch, options=["-b", batch]):
        t = context.api.task(batch=batch, **{k: v.replace("FOLDER", folder.path)
                                             for k, v in fields.items()})
        context.api.wait_task(t, "failed")
    got = context.api.get("/executions/", {"task_id": t}).json[-1]
    if got["return_code"] != return_code or not got["error"]:
        raise Wrong(str(got))


row("A8.11", "of 1.3's worker", *ACCEPTED,
    PUT("/executions/$e", {"status": "failed", "return_code": -1001}, 200,
        EXECUTION(status="failed", return_code=-1001)))
row("A8.11", "of ours", step(lambda c: failed_transfer(
    c, -1001, command="true", input="FOLDER/absent")))
row("A8.12", "of 1.3's worker", *RUNNING,
    PUT("/executions/$e", {"status": "failed", "return_code": -1000}, 200,
        EXECUTION(status="failed", return_code=-1000)))
row("A8.12", "of ours", step(lambda c: failed_transfer(
    c, -1000, command="sh -c 'touch \"$OUTPUT/a\"; touch FOLDER/file'",
    output="FOLDER/file/below/")))
