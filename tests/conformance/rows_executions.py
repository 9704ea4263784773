"""A.5: executions, and the table of their changes of status."""

from engine import *  # noqa: F401,F403

ENDED = "An execution cannot change status from %s (only from pending, running or accepted)"
RUNNING = "An execution cannot change status from running to %s"
BOGUS = ("Status bogus is not possible (only pending accepted running failed succeeded "
         "refused)")
BOTH = (worker("w"), task("a", name="$batch-a"), task("b", name="$batch-b"),
        execution("ea", "$w", "$a", "running"), execution("eb", "$w", "$b", "failed"))

row("A5.01", "", *BOTH,
    GET("/executions/", {"worker_id": "$w"},
        want=[EXECUTION(execution_id="$ea"), EXECUTION(execution_id="$eb")]),
    GET("/executions/", {"worker_id": "$w", "status": "failed"},
        want=[{"execution_id": "$eb"}]),
    GET("/executions/", {"task_id": ["$a", "$b"], "latest": True}, want=[
        {"execution_id": "$ea"}, {"execution_id": "$eb"}]))
row("A5.02", "", *BOTH, GET("/executions/", {"task_name": "$batch-b"},
                            want=[{"execution_id": "$eb"}]),
    GET("/executions/?task_name=$batch-a", want=[{"execution_id": "$ea"}]),
    GET("/executions/", {"task_name": ["$batch-a", "$batch-b"]}, want=[{}, {}]),
    PUT("/tasks/$b", {"name": "$batch-c"}),
    GET("/executions/", {"task_name": "$batch-b"}, want=Exactly([])))
row("A5.03", "", *BOTH, GET("/executions/", {"batch": "$batch"}, want=[{}, {}]),
    PUT("/tasks/$b", {"batch": "$batch-2"}),
    GET("/executions/", {"batch": "$batch-2"}, want=[{"execution_id": "$eb"}]),
    GET("/executions/?batch=$batch", want=[{"execution_id": "$ea"}]))
row("A5.04", "", *BOTH,
    GET("/executions/", {"batch": "$batch", "limit": 1}, want=[{"execution_id": "$ea"}]),
    GET("/executions/", {"batch": "$batch", "limit": "5"}, want=[{}, {}]),
    GET("/executions/?batch=$batch&limit=0", want=Exactly([])))
row("A5.05", "", *BOTH,
    GET("/executions/", {"batch": "$batch", "reverse": True},
        want=[{"execution_id": "$eb"}, {"execution_id": "$ea"}]),
    GET("/executions/", {"batch": "$batch", "reverse": True, "limit": 1},
        want=[{"execution_id": "$eb"}]),
    GET("/executions/", {"batch": "$batch", "reverse": False},
        want=[{"execution_id": "$ea"}, {"execution_id": "$eb"}]))


def wrote(name="e", output="one\nt\u00e9w\U0001f600\n", error="oops"):
    return (PUT("/executions/$%s/output" % name, {"text": output}),
            PUT("/executions/$%s/error" % name, {"text": error}))


row("A5.06", "", running("e"), *wrote(),
    GET("/executions/", {"execution_id": "$e", "no_output": True},
        want=[EXECUTION(output=None, error=None)]),
    GET("/executions/?execution_id=$e&no_output=false",
        want=[{"output": "one\nt\u00e9w\U0001f600\n", "error": "oops"}]))
row("A5.07", "", running("e"), *wrote(),
    GET("/executions/", {"execution_id": "$e", "trunc": 3},
        want=[EXECUTION(output="w\U0001f600\n", error="ops")]),
    GET("/executions/?execution_id=$e&trunc=100", want=[{"error": "oops"}]),
    GET("/executions/", {"execution_id": "$e", "trunc": 0},
        want=[EXECUTION(output="", error="")]))
NEW = {"worker_id": "$w", "task_id": "$t"}
for status in ("pending", "paused"):
    row("A5.08", status, worker("w"), task("t", status=status),
        POST("/executions/", NEW, 201, EXECUTION(status="pending", worker_id="$w",
                                                 task_id="$t"), keep="e"),
        GET("/tasks/$t", want={"status": "assigned"}),
        GET("/workers/$w/executions/pending", want=[{"execution_id": "$e"}]))
row("A5.08", "with the status pending", worker("w"), task("t"),
    POST("/executions/", dict(NEW, status="pending"), 201, {"status": "pending"}),
    GET("/tasks/$t", want={"status": "assigned"}))
row("A5.09", "", worker("w"), task("t"),
    POST("/executions/", dict(NEW, status="running"), 201, EXECUTION(status="running")),
    GET("/tasks/$t", want={"status": "running", "status_date": is_now}))
row("A5.25", "", worker("w"), task("t"),
    POST("/executions/", dict(NEW, status="paused"), 201, EXECUTION(status="pending")),
    GET("/tasks/$t", want={"status": "assigned"}))
for status in ("waiting", "failed", "succeeded", "debug"):
    row("A5.10", status, worker("w"), task("o"),
        task("t", status=status, required_task_ids=["$o"]), counts("counts"),
        POST("/executions/", NEW, 500,
             Message("A new execution for task $t is not possible")), step(nothing_came),
        GET("/tasks/$t", want={"status": status}))
for status in ("pending", "accepted", "running"):
    row("A5.10", "with an execution " + status, running("e", status), counts("counts"),
        POST("/executions/", NEW, 500,
             Message("A new execution for task $t is not possible")), step(nothing_came))
for status in ("accepted", "failed", "succeeded", "refused"):
    row("A5.11", status, worker("w"), task("t"), counts("counts"),
        POST("/executions/", dict(NEW, status=status), 500,
             Message("A new execution cannot be created with a status " + status)),
        step(nothing_came), GET("/tasks/$t", want={"status": "paused"}))
row("A5.12", "GET", running("e"), GET("/executions/$e", want=EXECUTION(execution_id="$e")))
for name, value, after in (("return_code", 3, 3), ("pid", 12, "12"), ("pid", "a", "a"),
                           ("output_files", "a b", "a b"), ("command", "d", "d"),
                           ("output", "all of it", "all of it"), ("error", "e", "e"),
                           ("return_code", -1001, -1001)):
    row("A5.12", "PUT %s %s" % (name, value), running("e"),
        GET("/executions/$e", whole="was"),
        PUT("/executions/$e", {name: value}, 200, EXECUTION(**{name: after})),
        GET("/executions/$e", want=Kept("was", **{name: after,
                                                  "modification_date": is_now})))
row("A5.12", "PUT of what the server sets", running("e"),
    PUT("/executions/$e", {"latest": False, "execution_id": 5,
                           "creation_date": "2020-01-01T00:00:00"}, 200,
        EXECUTION(latest=True, execution_id="$e", creation_date=is_now)))


def cached(context, freeze):
    """A use_cache task done by a 1.3 worker's calls; has it a result to be reused?"""
    folder = Folder()
    os.mkdir(folder.join("out"))
    api, b = context.api, context.kept["batch"]
    w = api.post("/workers/", {"name": b, "hostname": socket.gethostname(), "concurrency": 1,
                               "batch": b, "status": "running"}).json["worker_id"]
    body = {"batch": b, "use_cache": True, "output": folder.join("out") + "/"}
    t = api.task("make " + b, **body)
    e = wait_until("assigned", lambda: api.get(
        "/workers/%d/executions/pending" % w).json)[0]["execution_id"]
    path = "/executions/%d" % e
    api.put(path, {"status": "accepted", "freeze": False})
    api.get("/tasks/%d/freeze/%d" % (t, e))
    api.put(path, {"status": "running", "pid": 1, "freeze": False})
    with open(folder.join("out", "made"), "w") as f:
        f.write("by hand")
    api.put(path, {"status": "succeeded", "return_code": 0, "freeze": freeze,
                   "output_files": "made"})
    context.kept.update(e=e, w=w)
    if freeze:
        until_sql("select count(*) from execution where execution_id = $e and "
                  "input_hash is not null and output_hash is not null", [["1"]])(context)
    again = api.task("make " + b, **body)
    if freeze:
        api.wait_task(again, "succeeded")
    else:
        wait_until("assigned", lambda: api.get(
            "/workers/%d/executions/pending" % w).json)
        sql("select count(*) from execution where execution_id = $e and "
            "output_hash is not null", [["0"]])(context)
    api.delete("/workers/%d" % w)


row("A5.13", "", step(lambda c: cached(c, True)))
row("A3.15", "", step(lambda c: cached(c, True)))
row("A5.13", "not without freeze", step(lambda c: cached(c, False)))
OK = Exactly({"result": "Ok"})
for number, name, other in (("A5.14", "output", "error"), ("A5.15", "error", "output")):
    row(number, "", running("e"),
        PUT("/executions/$e/" + name, {"text": "one\n"}, 200, OK),
        PUT("/executions/$e/" + name, {"text": "t\u00e9w\U0001f600"}, 200, OK),
        GET("/executions/$e", want=EXECUTION(**{name: "one\nt\u00e9w\U0001f600",
                                                other: None})))
for path in ("/executions/$nobody/output", "/executions/$nobody/error"):
    row("A5.16", path, PUT(path, {"text": "x"}, 200, OK))
row("A5.16", "deleted meanwhile", running("e"), PUT("/executions/$e/delete"),
    PUT("/executions/$e/output", {"text": "x"}, 200, OK),
    GET("/executions/$e", None, 404))
ALL = "one\nt\u00e9w\U0001f600\n"
for variant, body in (("bare", lambda v: v), ("in data", lambda v: {"data": v})):
    row("A5.17", variant, running("e"), *wrote(),
        GET("/executions/$e/output", body({"output_position": 5, "error_position": 2}),
            want=Exactly({"output": ALL[4:], "error": "ops"})),
        GET("/executions/$e/output", body({"output": True, "error": False}),
            want=Exactly({"output": ALL})))
row("A5.17", "nothing said is all", running("e"), *wrote(),
    GET("/executions/$e/output", want=Exactly({"output": ALL, "error": "oops"})))
for at, rest in ((0, ALL), (1, ALL), (2, ALL[1:]), (8, ALL[7:]), (9, ALL[8:]), (10, ""),
                 (1000, "")):
    row("A5.18", "%d" % at, running("e"), *wrote(),
        GET("/executions/$e/output", {"output_position": at, "error": False},
            want=Exactly({"output": rest})))
row("A5.18", "of error", running("e"), *wrote(),
    GET("/executions/$e/output", {"output": False, "error_position": 3},
        want=Exactly({"error": "ps"})))
row("A5.19", "", running("e"), *wrote(),
    GET("/executions/$e/output", {"output": False}, want=Exactly({"error": "oops"})),
    GET("/executions/$e/output", {"error": False}, want=Exactly({"output": ALL})),
    GET("/executions/$e/output", {"output": False, "error": False}, want=Exactly({})))
row("A5.20", "", running("e"), PUT("/executions/$e/output_files", {"text": "a b%20c"}, 200, OK),
    GET("/executions/$e", want={"output_files": "a b%20c"}),
    PUT("/executions/$e/output_files", {"text": "d"}, 200, OK),
    GET("/executions/$e", want={"output_files": "d"}))
row("A5.21", "", running("e", "failed"), POST("/workers/$w/signals",
                                              {"execution_id": "$e", "signal": 9}, 200),
    PUT("/executions/$e/delete", None, 200, Exactly({"result": "ok"})),
    GET("/executions/$e", None, 404),
    GET("/executions/", {"task_id": "$t"}, want=Exactly([])))
for status, after in (("pending", "pending"), ("accepted", "pending"),
                      ("running", "failed")):
    row("A5.21", "one that is " + status, running("e", status),
        PUT("/executions/$e/delete", None, 200, Exactly({"result": "ok"})),
        GET("/executions/$e", None, 404), GET("/executions/", {"task_id": "$t"},
                                              want=Exactly([])),
        GET("/tasks/$t", want={"status": after}))
row("A5.22", "", PUT("/executions/$nobody/delete", None, 200, Exactly({"result": "ok"})))
row("A5.23", "", running("e", "failed"), GET("/executions/$e", want={"latest": True}),
    PUT("/tasks/$t", {"status": "paused"}), execution("f", "$w", "$t"),
    GET("/executions/$e", want={"latest": False}),
    GET("/executions/$f", want={"latest": True}),
    GET("/executions/", {"task_id": "$t", "latest": True}, want=[{"execution_id": "$f"}]))
row("A5.24", "", running("e"), GET("/executions/$e", whole="was"),
    PUT("/executions/$e", {"status": "bogus", "pid": "9"}, 500, Message(BOGUS)),
    GET("/executions/$e", want=Kept("was")))
row("A5.24", "POST", worker("w"), task("t"), counts("counts"),
    POST("/executions/", dict(NEW, status="bogus"), 500, Message(BOGUS)),
    step(nothing_came))

# ---- changes of status: number, from, to, what becomes of the task, with a retry left

CHANGES = (("A5.31", "pending", "accepted", "accepted", "accepted", 1),
           ("A5.32", "pending", "running", "running", "running", 1),
           ("A5.33", "pending", "failed", "pending", "pending", 1),
           ("A5.34", "pending", "succeeded", "succeeded", "succeeded", 1),
           ("A5.35", "pending", "refused", "pending", "pending", 1),
           ("A5.42", "accepted", "running", "running", "running", 1),
           ("A5.43", "accepted", "failed", "failed", "pending", 0),
           ("A5.44", "accepted", "succeeded", "succeeded", "succeeded", 1),
           ("A5.45", "accepted", "refused", "pending", "pending", 1),
           ("A5.46", "accepted", "pending", "pending", "pending", 1),
           ("A5.53", "running", "failed", "failed", "pending", 0),
           ("A5.54", "running", "succeeded", "succeeded", "succeeded", 1))
for number, start, to, task_after, retried, left in CHANGES:
    for retry, after, rest in ((0, task_after, 0), (1, retried, left)):
        row(number, "retry %d" % retry, running("e", start, retry=retry),
            GET("/tasks/$t", keep={"was": "status_date"}),
            PUT("/executions/$e", {"status": to}, 200,
                EXECUTION(status=to, modification_date=is_now)),
            GET("/executions/$e", want={"status": to}),
            GET("/tasks/$t", want={"status": after, "retry": rest,
                                   "status_date": Other("was")}))
SAME = (("A5.36", "pending"), ("A5.41", "accepted"), ("A5.52", "running"),
        ("A5.63", "failed"), ("A5.64", "succeeded"), ("A5.65", "refused"))
for number, status in SAME:
    row(number, "from itself", running("e", status, retry=1),
        GET("/executions/$e", whole="was"), GET("/tasks/$t", whole="task"),
        PUT("/executions/$e", {"status": status}, 200, Kept("was")),
        GET("/executions/$e", want=Kept("was")), GET("/tasks/$t", want=Kept("task")))
    row("A5.69", status, running("e", status), GET("/executions/$e", whole="was"),
        PUT("/executions/$e", {"status": status}, 200, Kept("was")))
ERRORS = [("A5.51", "running", "accepted"), ("A5.55", "running", "refused"),
          ("A5.56", "running", "pending"), ("A5.67", "running", "accepted"),
          ("A5.67", "running", "pending"), ("A5.68", "failed", "running"),
          ("A5.68", "succeeded", "accepted"), ("A5.68", "refused", "pending")]
ERRORS += [(number, start, to) for number, to in (
    ("A5.61", "accepted"), ("A5.62", "running"), ("A5.63", "failed"),
    ("A5.64", "succeeded"), ("A5.65", "refused"), ("A5.66", "pending"))
    for start in ("failed", "succeeded", "refused") if start != to]
for number, start, to in ERRORS:
    row(number, "%s to %s" % (start, to), running("e", start, retry=1),
        GET("/executions/$e", whole="was"), GET("/tasks/$t", whole="task"),
        PUT("/executions/$e", {"status": to, "return_code": 7, "pid": "x"}, 500,
            Message(RUNNING % to if start == "running" else ENDED % start)),
        GET("/executions/$e", want=Kept("was")), GET("/tasks/$t", want=Kept("task")))
