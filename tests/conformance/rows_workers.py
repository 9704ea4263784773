"""A.4: workers."""

from engine import *  # noqa: F401,F403

BOGUS = ("Status bogus is not possible (only paused running offline failed evicted)")
DEPLOY = {"number": 1, "flavor": "tiny", "provider": "none", "region": "r",
          "batch": "$batch", "concurrency": 3, "prefetch": 2}
RECRUITED = {"permanent": False, "provider": "none", "region": "r", "flavor": "f",
             "name": "$batch-recruited", "batch": "$batch"}

row("A4.01", "", worker("a"), worker("b"), worker("c"), PUT("/workers/$a", {"prefetch": 1}),
    GET("/workers/", {"batch": "$batch-workers"},
        want=[{"worker_id": "$a"}, {"worker_id": "$b"}, {"worker_id": "$c"}]),
    GET("/workers/", want=lambda v: [w["worker_id"] for w in v] == sorted(
        w["worker_id"] for w in v)))
row("A4.02", "", POST("/workers/", {"name": "n", "concurrency": 2, "batch": "$batch"}, 201,
                      WORKER(name="n", concurrency=2, creation_date=is_now), keep="w"),
    GET("/workers/", {"batch": "$batch"}, want=[WORKER(worker_id="$w")]))
for less, name in (({"concurrency": 1}, "name"), ({"name": "n"}, "concurrency")):
    row("A4.02", "without " + name, counts("counts"),
        POST("/workers/", less, 400, Message(has=name)), step(nothing_came))
row("A4.03", "", worker("a", name="twin"), worker("b", name="twin"),
    GET("/workers/", {"batch": "$batch-workers", "name": "twin"},
        want=[{"worker_id": "$a"}, {"worker_id": "$b"}]))
REGISTER = {"name": "$batch-n", "hostname": "h", "concurrency": 2, "batch": "$batch",
            "spool": "s"}
row("A4.04", "", POST("/workers/register", REGISTER, 201, whole="one"),
    step(lambda c: c.kept.update(w=c.kept["one"]["worker"]["worker_id"])),
    PUT("/workers/$w", {"concurrency": 7, "prefetch": 5}),
    POST("/workers/register", REGISTER, 200,
         {"worker": WORKER(worker_id="$w", concurrency=7, prefetch=5)}),
    GET("/workers/", {"name": "$batch-n"}, want=[{"worker_id": "$w"}]),
    POST("/workers/register", dict(REGISTER, hostname="other"), 201),
    GET("/workers/", {"name": "$batch-n"}, want=lambda v: len(v) == 2))
row("A4.05", "", worker("w"), task("a"), task("b"), task("c"),
    execution("ea", "$w", "$a", "running"), execution("eb", "$w", "$b", "running"),
    execution("ec", "$w", "$c", "succeeded"),
    GET("/workers/tasks", want=Among(Exactly({"worker_id": "$w", "status": "running",
                                              "count": 2}))),
    GET("/workers/tasks", want=Among(Exactly({"worker_id": "$w", "status": "succeeded",
                                              "count": 1}))))
row("A4.05", "only the latest", running("e", "failed"), PUT("/tasks/$t", {"status": "paused"}),
    worker("v"), execution("f", "$v", "$t", "running"),
    GET("/workers/tasks", want=Among({"worker_id": "$w"}, lacking=True)),
    GET("/workers/tasks", want=Among({"worker_id": "$v", "status": "running", "count": 1})))
row("A4.06", "", worker("w"), GET("/workers/$w", want=WORKER(worker_id="$w", name="w")))
CHANGES = {"name": "m", "concurrency": 5, "prefetch": 6, "hostname": "g",
           "status": "offline", "batch": "$batch-2", "flavor": "f", "region": "r",
           "provider": "p", "permanent": False, "load": "1", "memory": 2.5,
           "stats": "{}", "task_properties": '{"a":[1,1]}'}
for name, value in CHANGES.items():
    row("A4.07", name, worker("w"), GET("/workers/$w", whole="was"),
        PUT("/workers/$w", {name: value}, 200, WORKER(**{name: value})),
        GET("/workers/$w", want=Kept("was", **{name: value,
                                               "modification_date": is_now})))
row("A4.07", "concurrency 0 is refused", worker("w"), GET("/workers/$w", whole="was"),
    PUT("/workers/$w", {"concurrency": -1}, 400, Message(has="concurrency")),
    PUT("/workers/$w", {"prefetch": -1}, 400, Message(has="prefetch")),
    GET("/workers/$w", want=Kept("was")))
row("A4.08", "", worker("w"), GET("/workers/$w", whole="was"),
    DELETE("/workers/$w", want=Kept("was")),
    GET("/workers/$w", None, 404), DELETE("/workers/$w", None, 404),
    GET("/jobs/", {"target": "w", "action": "worker_destroy"}, want=Exactly([])))
for retry, after in ((1, "pending"), (0, "failed")):
    row("A4.09", "retry %d" % retry, running("e", "running", retry=retry),
        DELETE("/workers/$w"), GET("/executions/$e", want={"status": "failed"}),
        GET("/tasks/$t", want={"status": after, "retry": 0}))
for status in ("pending", "accepted"):
    row("A4.10", status, running("e", status), DELETE("/workers/$w"),
        GET("/executions/$e", want={"status": "refused"}),
        GET("/tasks/$t", want={"status": "pending"}))
row("A4.11", "", worker("w", **RECRUITED),
    DELETE("/workers/$w", want=WORKER(worker_id="$w", permanent=False)),
    GET("/jobs/", {"target": "$batch-recruited"},
        want=[JOB(action="worker_destroy", target="$batch-recruited")]))
row("A4.11", "once, however often it is asked", worker("w", **RECRUITED), DELETE("/workers/$w"),
    DELETE("/workers/$w", status=(200, 404)),  # 404: it is done already
    GET("/jobs/", {"target": "$batch-recruited", "action": "worker_destroy"}, want=[{}]))
row("A4.12", "", worker("w"),
    PUT("/workers/$w/ping", {"load": "1 / 2", "memory": 3.5, "stats": '{"a":1}'}, 200,
        WORKER(worker_id="$w", load="1 / 2", memory=3.5, stats='{"a":1}')),
    GET("/workers/$w", want=WORKER(load="1 / 2", memory=3.5, stats='{"a":1}')),
    PUT("/workers/$w/ping", {"memory": 4}, 200, WORKER(load="1 / 2", memory=4)))
row("A4.13", "", worker("w"), GET("/workers/$w", want={"last_contact_date": None}),
    PUT("/workers/$w/ping", {}, 200, {"last_contact_date": is_now},
        keep={"was": "last_contact_date"}),
    PUT("/workers/$w/ping", {}, 200, {"last_contact_date": Other("was")}),
    GET("/workers/", {"worker_id": "$w"}, want=[{"last_contact_date": is_now}]))
IDLE = {"message": "idle"}
row("A4.14", "", worker("w", **RECRUITED),
    PUT("/workers/$w/callback", IDLE, 200, Exactly({"result": "ok"})),
    GET("/jobs/", {"target": "$batch-recruited"}, want=[JOB(action="worker_destroy")]))
for status in ("pending", "accepted", "running"):
    row("A4.15", status, worker("w", **RECRUITED), task("t", batch="$batch-2"),
        execution("e", "$w", "$t", status),
        PUT("/workers/$w/callback", IDLE, 200,
            Exactly({"result": "still have running tasks"})),
        GET("/jobs/", {"target": "$batch-recruited"}, want=Exactly([])))
row("A4.16", "", worker("w", **RECRUITED), task("t", status="pending"),
    PUT("/workers/$w/callback", IDLE, 200,
        Exactly({"result": "still some work to do, lazy one!"})),
    GET("/jobs/", {"target": "$batch-recruited"}, want=Exactly([])))
row("A4.17", "", worker("w"), PUT("/workers/$w", {"task_properties": '{"a":[2,1]}'}),
    PUT("/workers/$w/callback", IDLE, 200),
    GET("/workers/$w", want={"task_properties": "{}"}),
    GET("/jobs/", {"target": "w"}, want=Exactly([])))
for message in ("bonjour", "", "IDLE", None):
    row("A4.18", "%r" % message, worker("w", **RECRUITED),
        PUT("/workers/$w", {"task_properties": '{"a":[2,1]}'}),
        PUT("/workers/$w/callback", {"message": message}, 200,
            Exactly({"result": "nothing to do"})),
        GET("/workers/$w", want={"task_properties": '{"a":[2,1]}'}),
        GET("/jobs/", {"target": "$batch-recruited"}, want=Exactly([])))
for number in (1, 3):
    row("A4.19", "%d" % number, PUT("/workers/deploy", dict(DEPLOY, number=number), 200,
                                    Exactly({"result": "ok"})),
        GET("/workers/", {"batch": "$batch"}, want=lambda v, number=number: len(v) == number,
            whole="workers"),
        jobs_of_workers("worker_create"))
row("A4.20", "", PUT("/workers/deploy", DEPLOY),
    GET("/workers/", {"batch": "$batch"}, want=[
        WORKER(name=re.compile(r"^\w+-node\d+$"), batch="$batch", concurrency=3, prefetch=2,
               flavor="tiny", provider="none", region="r", permanent=False)]))
row("A4.20", "a bad protofilter is refused", counts("counts"),
    PUT("/workers/deploy", dict(DEPLOY, flavor="auto:cpus>3"), 400, Message(has="cpus")),
    step(nothing_came))
ALL = tuple(s for status in ("pending", "accepted", "running", "failed", "succeeded",
                             "refused")
            for s in (task("t_" + status),
                      execution(status, "$w", "$t_" + status, status)))
row("A4.21", "", worker("w"), *ALL, GET("/workers/$w/executions", want=[
    SHORT(status="accepted", execution_id="$accepted"),
    SHORT(status="running", execution_id="$running"),
    SHORT(status="refused", execution_id="$refused")]))
for status in ("pending", "accepted", "running", "failed", "succeeded", "refused"):
    row("A4.22", status, worker("w"), *ALL,
        GET("/workers/$w/executions/" + status,
            want=[SHORT(execution_id="$" + status, status=status)]))
row("A4.22", "an unknown one", worker("w"), GET("/workers/$w/executions/bogus", None, 500,
                                                Message(has="Status bogus is not possible")))
row("A4.23", "", running("e"), PUT("/executions/$e", {"pid": 5, "output_files": "a b"}),
    *(GET("/workers/$w/executions" + end, want=[
        SHORT(execution_id="$e", command="c", status="running", task_id="$t", pid="5",
              output_files="a b", latest=True, batch="$batch", taskstatus="running")])
      for end in ("", "/running")))
row("A4.24", "", running("e"), worker("o"),
    POST("/workers/$w/signals", {"execution_id": "$e", "signal": 20}, 200),
    POST("/workers/$w/signals", {"execution_id": "$e", "signal": 18}, 200),
    POST("/workers/$o/signals", {"signal": -2}, 200),
    GET("/workers/$w/signals", want=[SIGNAL(execution_id="$e", worker_id="$w", signal=20),
                                     SIGNAL(execution_id="$e", worker_id="$w", signal=18)]),
    GET("/workers/$o/signals", want=[SIGNAL(execution_id=None, worker_id="$o",
                                            signal=-2)]))
row("A4.25", "", worker("w"), POST("/workers/$w/signals", {"signal": -1}, 200),
    HEAD("/workers/$w/signals"),
    GET("/workers/$w/signals", want=[{"signal": -1}]),
    GET("/workers/$w/signals", want=Exactly([])))
for number, what in (("A4.21", "executions"), ("A4.22", "executions/running"),
                     ("A4.24", "signals")):
    row(number, "of a worker that was deleted: none, as in 1.3", running("e"),
        POST("/workers/$w/signals", {"signal": -1}, 200), DELETE("/workers/$w"),
        GET("/workers/$w/" + what, want=Exactly([])))
row("A4.26", "", worker("w"), POST("/workers/$w/signals", {"signal": -1}, 200, raw=b"null\n"))
row("A4.27", "POST", counts("counts"),
    POST("/workers/", {"name": "n", "concurrency": 1, "status": "bogus"}, 500,
         Message(BOGUS)), step(nothing_came))
row("A4.27", "PUT", worker("w"), GET("/workers/$w", whole="was"),
    PUT("/workers/$w", {"status": "bogus", "prefetch": 5}, 500, Message(BOGUS)),
    GET("/workers/$w", want=Kept("was")))
for status in ("paused", "running", "offline", "failed", "evicted"):
    row("A4.28", status, worker("w"),
        PUT("/workers/$w", {"status": status}, 200, {"status": status}),
        POST("/workers/", {"name": "v", "concurrency": 1, "batch": "$batch-none",
                           "status": status}, 201, {"status": status}))
for status in ("paused", "offline", "failed"):
    row("A4.29", status, worker("w", status="evicted"), GET("/workers/$w", whole="was"),
        PUT("/workers/$w", {"status": status}, 200, {"status": "evicted"}),
        GET("/workers/$w", want={"status": "evicted"}))
row("A4.29", "the rest of such a PUT counts", worker("w", status="evicted"),
    PUT("/workers/$w", {"status": "paused", "prefetch": 4}, 200,
        {"status": "evicted", "prefetch": 4}))
row("A4.29", "running", worker("w", status="evicted"),
    PUT("/workers/$w", {"status": "running"}, 200, {"status": "running"}))
row("A4.29", "stop does not pause it", worker("w", batch="$batch", status="evicted"),
    PUT("/batch/$batch/stop"), GET("/workers/$w", want={"status": "evicted"}))
EVICTED = PUT("/workers/$w", {"status": "evicted"}, 200, {"status": "evicted"})
for status in ("pending", "accepted", "running"):
    row("A4.30", status, running("e", status, retry=2), EVICTED,
        GET("/tasks/$t", want={"status": "pending", "retry": 2}))
for status, after in (("pending", "refused"), ("accepted", "refused"),
                      ("running", "failed")):
    row("A4.31", status, running("e", status), EVICTED,
        GET("/executions/$e", want={"status": after}))
row("A4.31", "what has ended is as it was", running("e", "succeeded"),
    GET("/executions/$e", whole="was"), EVICTED, GET("/executions/$e", want=Kept("was")))
row("A4.32", "delete", worker("w", **RECRUITED), EVICTED,
    GET("/jobs/", {"target": "$batch-recruited"}, want=[JOB(action="worker_destroy")]))
row("A4.32", "replace", worker("w", concurrency=6, prefetch=2, **RECRUITED), EVICTED,
    GET("/jobs/", {"target": "$batch-recruited"}, want=[JOB(action="worker_destroy")]),
    GET("/workers/", {"batch": "$batch"}, want=Among(WORKER(
        name=re.compile(r"^\w+-node\d+$"), flavor="f", provider="none", region="r",
        concurrency=6, prefetch=2, permanent=False))), server="replacing")
row("A4.32", "of a permanent one nothing is done", worker("w", name="$batch-own"), EVICTED,
    GET("/jobs/", {"target": "$batch-own"}, want=Exactly([])))
row("A4.32", "none", worker("w", **RECRUITED), EVICTED,
    GET("/jobs/", {"target": "$batch-recruited"}, want=Exactly([])), server="bare")
