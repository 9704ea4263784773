"""A.3: tasks."""

from engine import *  # noqa: F401,F403

STATUSES = ("paused", "waiting", "pending", "assigned", "accepted", "running", "failed",
            "succeeded", "debug")
BOGUS = ("Status bogus is not possible (only paused waiting pending assigned accepted "
         "running failed succeeded debug)")
NEW = {"command": "c", "batch": "$batch"}

row("A3.01", "", task("a"), task("b"), task("c"), PUT("/tasks/$a", {"name": "n"}),
    GET("/tasks/", {"batch": "$batch"},
        want=[{"task_id": "$a"}, {"task_id": "$b"}, {"task_id": "$c"}]),
    GET("/tasks/", want=lambda v: [t["task_id"] for t in v] == sorted(
        t["task_id"] for t in v)))
row("A3.02", "", task("a"), task("b"), task("c"),
    GET("/tasks/", {"task_id": ["$c", "$a"]}, want=[{"task_id": "$a"}, {"task_id": "$c"}]))
row("A3.03", "", POST("/tasks/", NEW, 201, TASK(command="c", batch="$batch",
                                                creation_date=is_now), keep="t"),
    GET("/tasks/", {"batch": "$batch"}, want=[TASK(task_id="$t", command="c")]))
row("A3.04", "", task("a"),
    POST("/tasks/", dict(NEW, required_task_ids=["$a"]), 201,
         TASK(status="waiting", required_task_ids=["$a"]), keep="t"),
    GET("/tasks/$t", want={"status": "waiting"}),
    PUT("/tasks/$a", {"status": "succeeded"}),
    GET("/tasks/$t", want={"status": "pending"}))
row("A3.04", "also where they have all succeeded: then it is pending at once",
    task("a", status="succeeded"),
    POST("/tasks/", dict(NEW, required_task_ids=["$a"]), keep="t"),
    GET("/tasks/$t", want={"status": "pending"}, until=True))
row("A3.04", "an empty list is none",
    POST("/tasks/", dict(NEW, required_task_ids=[]), 201, {"status": "pending"}))
for status in ("paused", "pending", "debug"):
    row("A3.05", status, task("a"),
        POST("/tasks/", dict(NEW, status=status, required_task_ids=["$a"]), 201,
             {"status": status, "required_task_ids": ["$a"]}))
row("A3.06", "", task("a"), task("b"),
    POST("/tasks/", dict(NEW, required_task_ids=["$a", "$b"]), keep="t"),
    GET("/requirement/", {"task_id": "$t"}, want=[
        REQUIREMENT(task_id="$t", other_task_id="$a"),
        REQUIREMENT(task_id="$t", other_task_id="$b")]))
row("A3.07", "", task("a"), counts("counts"),
    POST("/tasks/", dict(NEW, required_task_ids=["$a", "$nobody"]), 404,
         Message("Task $nobody doesn't exist")), step(nothing_came))
row("A3.07", "in a PUT", task("a"), task("t", required_task_ids=["$a"]),
    GET("/tasks/$t", whole="was"), counts("counts"),
    PUT("/tasks/$t", {"name": "x", "required_task_ids": ["$nobody"]}, 404,
        Message("Task $nobody doesn't exist")),
    GET("/tasks/$t", want=Kept("was")), step(nothing_came))
row("A3.08", "", task("a"), task("b", status="failed"),
    GET("/tasks/status", {"task_id": ["$b", "$a", "$b", "$a", "$a"]},
        want=Exactly([6, 0, 6, 0, 0])),
    GET("/tasks/status", {"task_id": []}, want=Exactly([])),
    GET("/tasks/status", {"task_id": ["$nobody"]}, 404,
        Message("Task $nobody doesn't exist")))


def in_status(status):
    """A task $t that came to be so."""
    if status == "waiting":
        return (task("a"), task("t", status="waiting", required_task_ids=["$a"]))
    if status in ("assigned", "accepted", "running"):
        return (running("e", {"assigned": "pending"}.get(status, status)),)
    return (task("t", status=status),)


for number, status in enumerate(STATUSES):
    row("A3.09", status, *in_status(status),
        GET("/tasks/status", {"task_id": ["$t"]}, want=Exactly([number])),
        GET("/tasks/$t", want={"status": status}))
row("A3.10", "", task("t", name="n"), GET("/tasks/$t", want=TASK(task_id="$t", name="n")))
CHANGES = {"name": "m", "command": "d", "batch": "$batch-2", "input": "i", "output": "/o",
           "container": "img", "container_options": "-v", "resource": "r", "retry": 4,
           "download_timeout": 5, "run_timeout": 6, "use_cache": True, "status": "debug"}
for name, value in CHANGES.items():
    row("A3.11", name, task("t"), GET("/tasks/$t", whole="was"),
        PUT("/tasks/$t", {name: value}, 200, TASK(**{name: value})),
        GET("/tasks/$t", want=Kept("was", **{
            name: value, "modification_date": is_now, **(
                {"status_date": is_now} if name == "status" else {})})))
row("A3.11", "all at once", task("t"), PUT("/tasks/$t", CHANGES, 200, TASK(**CHANGES)),
    GET("/tasks/$t", want=TASK(**CHANGES)))
row("A3.11", "nulls", task("t", name="n", input="i", run_timeout=3),
    PUT("/tasks/$t", {"name": None, "input": None, "run_timeout": None}, 200,
        TASK(name=None, input=None, run_timeout=None)))
row("A3.11", "what the server sets is not", task("t"), GET("/tasks/$t", whole="was"),
    PUT("/tasks/$t", {"task_id": 5, "creation_date": "2020-01-01T00:00:00"}, 200,
        Kept("was")))
row("A3.12", "", task("a"), task("b"), task("c"),
    task("t", required_task_ids=["$a", "$b"]),
    PUT("/tasks/$t", {"required_task_ids": ["$c"]}, 200, {"required_task_ids": ["$c"]}),
    GET("/requirement/", {"task_id": "$t"}, want=[{"other_task_id": "$c"}]),
    PUT("/tasks/$t", {"required_task_ids": []}, 200, {"required_task_ids": []}),
    GET("/requirement/", {"task_id": "$t"}, want=Exactly([])))
row("A3.13", "", task("t"), GET("/tasks/$t", whole="was"),
    DELETE("/tasks/$t", want=Kept("was")), GET("/tasks/$t", None, 404),
    DELETE("/tasks/$t", None, 404))

# ---- freeze

FROZEN = {"container": "img", "container_options": "-e A", "output": "/o/", "input": "i",
          "resource": "r"}
row("A3.14", "", worker("w"), task("t", command="first", **FROZEN),
    execution("e", "$w", "$t"), PUT("/tasks/$t", {"command": "frozen"}), GET("/tasks/$t/freeze/$e"),
    sql("select command, container, container_options, output_folder, input, resource "
        "from execution where execution_id = $e",
        [["frozen", "img", "-e A", "/o/", "i", "r"]]),
    GET("/executions/$e", want={"command": "frozen"}))
# (its key: rows_executions.py, with what else the cache has to do with calls)
row("A3.15", "not without use_cache", worker("w"), task("t", use_cache=False),
    execution("e", "$w", "$t", "accepted"), GET("/tasks/$t/freeze/$e"),
    PUT("/executions/$e", {"status": "running"}),
    PUT("/executions/$e", {"status": "succeeded", "freeze": True}),
    sql("select count(*) from execution where execution_id = $e and "
        "input_hash is not null", [["0"]]))
row("A3.16", "", running("e", "accepted"), GET("/tasks/$t", whole="was"),
    GET("/tasks/$t/freeze/$e", want=Kept("was")))
row("A3.17", "", running("e", "accepted"), task("o"),
    GET("/tasks/$o/freeze/$e", None, 404, Message()),
    GET("/tasks/$t/freeze/$nobody", None, 404, Message()),
    GET("/tasks/$nobody/freeze/$e", None, 404, Message("Task $nobody doesn't exist")),
    GET("/executions/$e", want={"command": "c"}))

# ---- statuses

for status in ("paused", "waiting", "pending", "failed", "succeeded", "debug"):
    row("A3.18", "POST " + status, task("a"),
        POST("/tasks/", dict(NEW, status=status, required_task_ids=["$a"]), 201,
             {"status": status}))
    row("A3.18", "PUT " + status, task("a"), task("t", required_task_ids=["$a"]),
        PUT("/tasks/$t", {"status": status}, 200, {"status": status}))
row("A3.19", "POST", counts("counts"),
    POST("/tasks/", dict(NEW, status="bogus"), 500, Message(BOGUS)), step(nothing_came))
row("A3.19", "PUT", task("t"), GET("/tasks/$t", whole="was"),
    PUT("/tasks/$t", {"status": "bogus"}, 500, Message(BOGUS)),
    GET("/tasks/$t", want=Kept("was")))
for text in ("", "Paused", "refused", " paused"):
    row("A3.19", "%r" % text, task("t"),
        PUT("/tasks/$t", {"status": text}, 500, Message(BOGUS.replace("bogus", text))))
row("A3.20", "POST", counts("counts"),
    POST("/tasks/", {"command": "c", "batch": "a/b"}, 400, Message(has="batch")),
    step(nothing_came))
row("A3.20", "PUT", task("t"), PUT("/tasks/$t", {"batch": "a/b"}, 400, Message(has="batch")),
    GET("/tasks/$t", want={"batch": "$batch"}))
row("A3.20", "of a worker", worker("w"),
    PUT("/workers/$w", {"batch": "a/b"}, 400, Message(has="batch")),
    POST("/workers/", {"name": "n", "concurrency": 1, "batch": "/"}, 400,
         Message(has="batch")))
for status in ("paused", "waiting", "pending", "failed", "succeeded", "debug"):
    row("A3.21", status, running("e"), PUT("/tasks/$t", {"status": status}, 200),
        GET("/executions/$e", want={"status": "failed"}),
        GET("/workers/$w/signals", want=Exactly([{"execution_id": "$e", "worker_id": "$w",
                                                  "signal": 9}])),
        GET("/tasks/$t", want={"status": {"waiting": "pending"}.get(status, status)},
            until=status == "waiting"))
for number, held in (("A3.22", "pending"), ("A3.23", "accepted")):
    for status in ("paused", "pending", "failed", "succeeded", "debug"):
        row(number, status, running("e", held), PUT("/tasks/$t", {"status": status}, 200,
                                                    {"status": status}),
            GET("/executions/$e", want={"status": "refused"}),
            GET("/tasks/$t", want={"status": status}))


def given(*records):
    """A worker of ours, $w, that was given the task $t as the execution $e."""
    def do(context):
        registered("w")(context)
        task("t", status="pending")(context)
        answer = context.api.put(context.fill("/workers/$w/sync"),
                                 {"spool": "s", "wait": 60}).json
        context.kept["e"] = answer["executions"][0]["execution_id"]
        if records:
            sync("$w", records=[dict(r, execution_id="$e") for r in records])(context)
    return step(do)


row("A3.24", "ours", given({"seq": 1, "status": "accepted"}),
    PUT("/tasks/$t", {"status": "paused"}),
    sync("$w", {"withdrawn": ["$e"]}, holding=["$e"]))
row("A3.24", "ours, of one it has not accepted", given(),
    PUT("/tasks/$t", {"status": "paused"}),
    sync("$w", {"withdrawn": ["$e"]}, holding=["$e"]))
row("A3.24", "1.3's, which sees that it is no longer there", running("e", "accepted"),
    PUT("/tasks/$t", {"status": "paused"}),
    GET("/workers/$w/executions", want=[SHORT(execution_id="$e", status="refused")]),
    GET("/workers/$w/executions/pending", want=Exactly([])))
row("A3.25", "", running("e"), PUT("/tasks/$t", {"status": "paused"}),
    POST("/executions/", {"worker_id": "$w", "task_id": "$t"}, keep="f"),
    POST("/executions/", {"worker_id": "$w", "task_id": "$t"}, 500),
    GET("/executions/", {"task_id": "$t", "status": ["pending", "accepted", "running"]},
        want=[{"execution_id": "$f"}]))
row("A3.25", "when eight ask at once", worker("w"), task("t"), at_once(
    8, "POST", "/executions/", {"worker_id": "$w", "task_id": "$t"}, [201] + [500] * 7),
    GET("/executions/", {"task_id": "$t"}, want=[{"status": "pending"}]))
for status in ("pending", "waiting"):
    row("A3.26", status, registered("w"), task("t", status="debug"),
        task("o", status="pending"),
        GET("/tasks/$o", want={"status": "assigned"}, until=True),
        GET("/tasks/$t", want={"status": "debug"}),
        PUT("/tasks/$t", {"status": status}),
        GET("/tasks/$t", want={"status": "assigned"}, until=True))
row("A3.27", "", task("t", retry=2),
    PUT("/tasks/$t", {"status": "failed"}, 200, {"status": "pending", "retry": 1}),
    PUT("/tasks/$t", {"status": "failed"}, 200, {"status": "pending", "retry": 0}),
    PUT("/tasks/$t", {"status": "failed"}, 200, {"status": "failed", "retry": 0}))
row("A3.28", "", task("t", retry=0),
    PUT("/tasks/$t", {"status": "failed", "retry": 3}, 200, {"status": "pending", "retry": 2}),
    PUT("/tasks/$t", {"status": "failed", "retry": 0}, 200, {"status": "failed", "retry": 0}))
row("A3.29", "", task("t"), PUT("/tasks/$t", {"status": "failed"}, 200,
                                {"status": "failed", "retry": 0}))
row("A3.30", "", task("t"), PUT("/tasks/$t", {"name": "x"}, 200, {"status_date": None}),
    PUT("/tasks/$t", {"status": "debug"}, 200, {"status_date": is_now},
        keep={"was": "status_date"}),
    PUT("/tasks/$t", {"name": "y"}, 200, {"status_date": "$was"}),
    PUT("/tasks/$t", {"status": "debug"}, 200, {"status_date": "$was"}),
    PUT("/tasks/$t", {"status": "paused"}, 200, {"status_date": Other("was")}))
row("A3.30", "by an execution", running("e", "accepted"),
    GET("/tasks/$t", keep={"was": "status_date"}),
    PUT("/executions/$e", {"status": "running"}),
    GET("/tasks/$t", want={"status_date": Other("was")}))

# ---- deletion

row("A3.31", "", running("e", "failed"), PUT("/tasks/$t", {"status": "paused"}),
    execution("f", "$w", "$t", "running"), DELETE("/tasks/$t"),
    GET("/executions/$e", None, 404), GET("/executions/$f", None, 404),
    GET("/executions/", {"task_id": "$t"}, want=Exactly([])))
row("A3.32", "", running("e", "failed"), POST("/workers/$w/signals",
                                    {"execution_id": "$e", "signal": 20}, 200),
    POST("/workers/$w/signals", {"signal": -1}, 200), DELETE("/tasks/$t"),
    sql("select count(*) from signal where execution_id = $e", [["0"]]),
    GET("/workers/$w/signals", want=[{"execution_id": None, "signal": -1}]))
row("A3.32", "but for the one that kills it", running("e"),
    POST("/workers/$w/signals", {"execution_id": "$e", "signal": 20}, 200),
    DELETE("/tasks/$t"),
    GET("/workers/$w/signals", want=[{"execution_id": "$e", "signal": 9}]))
row("A3.33", "", task("a"), task("t", required_task_ids=["$a"]),
    task("b", required_task_ids=["$t"], status="waiting"), DELETE("/tasks/$t"),
    GET("/requirement/", {"task_id": "$t"}, want=Exactly([])),
    GET("/requirement/", {"other_task_id": "$t"}, want=Exactly([])),
    GET("/tasks/$b", want={"required_task_ids": []}))
row("A3.34", "", given({"seq": 1, "status": "running"}), DELETE("/tasks/$t"),
    sync("$w", {"withdrawn": ["$e"], "executions": []}, holding=["$e"]))
