"""A.2: what things are made of, and what they are before anybody says otherwise."""

from engine import *  # noqa: F401,F403

ONE = {"command": "c", "batch": "$batch"}
FULL = {"name": "n", "status": "paused", "command": "c \u00e9", "batch": "$batch",
        "input": "s3://a/b /c/d", "output": "s3://o/", "container": "img",
        "container_options": "-v /a:/b", "resource": "r", "retry": 2,
        "download_timeout": 3, "run_timeout": 4, "use_cache": True}
row("A2.01", "", POST("/tasks/", FULL, 201, TASK(required_task_ids=[], **FULL), keep="t"),
    GET("/tasks/$t", want=TASK(required_task_ids=[], **FULL)),
    GET("/tasks/", {"batch": "$batch"}, want=[TASK(**FULL)]),
    PUT("/tasks/$t", {"name": "m"}, want=TASK(**dict(FULL, name="m"))),
    DELETE("/tasks/$t", want=TASK(**dict(FULL, name="m"))))
row("A2.02", "several are taken as they are",
    POST("/tasks/", dict(ONE, status="paused", input="s3://a/b|untar  /x/y",
                         resource="https://h/p run+fastq://ERR1"), 201,
         {"input": "s3://a/b|untar  /x/y", "resource": "https://h/p run+fastq://ERR1"}))
for name in ("input", "resource"):
    row("A2.02", "one of %s is malformed" % name, counts("counts"),
        POST("/tasks/", dict(ONE, **{name: "s3://a/b ://c"}), 400, Message(has=name)),
        step(nothing_came))
row("A2.03", "", POST("/tasks/", dict(ONE, status="paused", output="s3://b/o/"), 201,
                      {"output": "s3://b/o/"}))
row("A2.03", "two are none", counts("counts"),
    POST("/tasks/", dict(ONE, output="s3://a/b/ s3://c/d/"), 400, Message(has="output")),
    step(nothing_came))
row("A2.04", "", POST("/tasks/", ONE, 201, {"status": "pending"}, keep="t"),
    GET("/tasks/$t", want={"status": "pending"}))
row("A2.05", "", POST("/tasks/", {"command": "c", "status": "paused"}, 201,
                      {"batch": "Default"}, keep="t"), DELETE("/tasks/$t"))
row("A2.06", "", POST("/tasks/", ONE, 201, {"retry": 0}))
row("A2.07", "", POST("/tasks/", ONE, 201, {"use_cache": False}))
row("A2.08", "", POST("/tasks/", ONE, 201, TASK(**{k: None for k in (
    "name", "modification_date", "status_date", "input", "output", "container",
    "container_options", "resource", "download_timeout", "run_timeout")}),
    keep="t"))
row("A2.08", "a null given is as nothing given",
    POST("/tasks/", dict(ONE, status=None, retry=None, use_cache=None, name=None), 201,
         TASK(status="pending", retry=0, use_cache=False, name=None)))
REQUIRING = (task("a"), task("b"), task("t", required_task_ids=["$b", "$a"]))
row("A2.09", "", *REQUIRING, GET("/tasks/", {"task_id": ["$t", "$a"]}, want=[
    {"required_task_ids": []}, {"required_task_ids": lambda v: len(v) == 2}]),
    GET("/tasks/", {"task_id": "$t"}, want=[{"required_task_ids": ["$b", "$a"]}]))
row("A2.10", "", *REQUIRING, GET("/tasks/$t", want={"required_task_ids": ["$b", "$a"]}),
    PUT("/tasks/$t", {"name": "n"}, want={"required_task_ids": ["$b", "$a"]}),
    DELETE("/tasks/$t", want={"required_task_ids": ["$b", "$a"]}))


# ---- time limits, by a real worker

def silent_server():
    """A port where whoever calls is let wait."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(8)
    return s


def time_limit(context, **fields):
    """The task's last execution, after a real worker tried it."""
    batch = context.kept["batch"]
    with Worker(context.server, name=batch, options=["-b", batch]):
        t = context.api.task(batch=batch, **fields)
        context.api.wait_task(t, "failed")
    return context.api.get("/executions/", {"task_id": t}).json[-1]


def download_limit(context):
    silent = silent_server()
    got = time_limit(context, command="true", download_timeout=1,
                     input="http://127.0.0.1:%d/x" % silent.getsockname()[1])
    silent.close()
    if "download time limit of 1 s" not in got["error"]:
        raise Wrong(str(got))


def run_limit(context):
    got = time_limit(context, command="sleep 600", run_timeout=1)
    if "run time limit of 1 s" not in got["error"]:
        raise Wrong(str(got))


row("A2.11", "", step(download_limit))
row("A2.12", "", step(run_limit))

# ---- workers

WHOLE = {"name": "n", "concurrency": 3, "prefetch": 4, "hostname": "h",
         "status": "offline", "batch": "$batch", "permanent": True, "flavor": "f",
         "region": "r", "provider": "p"}
NEW = {"name": "n", "concurrency": 1}


def new_worker(**want):
    """What a worker of name and concurrency alone is, and its end."""
    return (POST("/workers/", NEW, 201, WORKER(**want), keep="w"),
            GET("/workers/$w", want=WORKER(**want)), DELETE("/workers/$w"))


row("A2.13", "", POST("/workers/", WHOLE, 201, WORKER(**WHOLE), keep="w"),
    GET("/workers/$w", want=WORKER(**WHOLE)),
    GET("/workers/", {"worker_id": "$w"}, want=[WORKER(**WHOLE)]),
    PUT("/workers/$w", {"name": "m"}, want=WORKER(**dict(WHOLE, name="m"))),
    DELETE("/workers/$w", want=WORKER(**dict(WHOLE, name="m"))))
row("A2.14", "", worker("w"),
    PUT("/workers/$w/ping", {"load": "12.0\u2193 / 0.3", "memory": 31.5,
                             "stats": '{"load":"0.2 0.1 0.1"}'}),
    GET("/workers/$w", want=WORKER(memory=31.5, stats='{"load":"0.2 0.1 0.1"}',
                                   load="12.0\u2193 / 0.3", task_properties="{}")))
row("A2.15", "", *new_worker(status="paused"))
row("A2.16", "", *new_worker(prefetch=0))
row("A2.17", "", *new_worker(batch="Default"))
row("A2.18", "", *new_worker(permanent=True))
row("A2.19", "", *new_worker(task_properties="{}"))

# ---- executions

row("A2.20", "", running("e"),
    PUT("/executions/$e", {"pid": 1234, "return_code": 3, "freeze": True}, 200,
        EXECUTION(pid="1234", return_code=3, freeze=None, latest=True, worker_id="$w",
                  task_id="$t")),
    GET("/executions/$e", want=EXECUTION(pid="1234", freeze=None)),
    GET("/executions/", {"execution_id": "$e"}, want=[EXECUTION(freeze=None)]))
row("A2.20", "a new one", task("t"), worker("w"),
    POST("/executions/", {"worker_id": "$w", "task_id": "$t"}, 201,
         EXECUTION(status="pending", return_code=None, pid=None, modification_date=None,
                   output=None, error=None, output_files=None, freeze=None, latest=True)))
row("A2.21", "", running("e"), PUT("/executions/$e", {"pid": 7}),
    GET("/workers/$w/executions", want=[SHORT(execution_id="$e", status="running",
                                              task_id="$t", pid="7", latest=True,
                                              output_files=None)]))
row("A2.22", "", running("e"),
    GET("/workers/$w/executions", want=[SHORT(batch="$batch", taskstatus="running")]),
    PUT("/tasks/$t", {"batch": "$batch-2"}),
    GET("/workers/$w/executions", want=[SHORT(batch="$batch-2", taskstatus="running")]))

# ---- signals

row("A2.23", "", running("e"), POST("/workers/$w/signals",
                                    {"execution_id": "$e", "signal": 9}, 200),
    GET("/workers/$w/signals", want=[SIGNAL(execution_id="$e", worker_id="$w", signal=9)]))
row("A2.24", "", worker("w"), POST("/workers/$w/signals", {"signal": -1}, 200),
    GET("/workers/$w/signals", want=[SIGNAL(execution_id=None, worker_id="$w",
                                            signal=-1)]))
for number in (3, 9, 15, 18, 20):
    row("A2.25", "%d" % number, running("e"),
        POST("/workers/$w/signals", {"execution_id": "$e", "signal": number}, 200),
        GET("/workers/$w/signals", want=[{"execution_id": "$e", "signal": number}]))
for number in (-1, -2, -3):
    row("A2.26", "%d" % number, worker("w"),
        POST("/workers/$w/signals", {"execution_id": None, "signal": number}, 200),
        GET("/workers/$w/signals", want=[{"execution_id": None, "signal": number}]))

# ---- batches

row("A2.27", "", task("t", status="failed"),
    GET("/batch/", want=Among(BATCH(batch="$batch"))), GET("/batch/", want=Each(BATCH())))
row("A2.28", "", task("a", status="failed"), task("b", status="failed"),
    task("c", status="succeeded"),
    GET("/batch/", want=Among(BATCH(batch="$batch", pending=None, accepted=None,
                                    running=None, failed=2, succeeded=1))))
row("A2.28", "each of them", task("p"), PUT("/tasks/$p", {"status": "pending"}),
    worker("w"), task("a"), execution("ea", "$w", "$a", "accepted"), task("r"),
    execution("er", "$w", "$r", "running"),
    GET("/batch/", want=Among(BATCH(batch="$batch", pending=1, accepted=1, running=1,
                                    failed=None, succeeded=None))))
row("A2.29", "some", task("t"), worker("w1", batch="$batch"), worker("w2", batch="$batch"),
    GET("/batch/", want=Among(BATCH(batch="$batch", workers="w1,w2"))))
row("A2.29", "none", task("t"), GET("/batch/", want=Among(BATCH(batch="$batch",
                                                                workers=None))))

# ---- requirements, recruiters, offers, jobs

row("A2.30", "", task("a"), task("b"),
    POST("/requirement/", {"task_id": "$b", "other_task_id": "$a"}, 201,
         REQUIREMENT(task_id="$b", other_task_id="$a"), keep="r"),
    GET("/requirement/", {"requirement_id": "$r"},
        want=[REQUIREMENT(requirement_id="$r", task_id="$b", other_task_id="$a")]))
RULE = {"batch": "$batch", "rank": 2, "tasks_per_worker": 3, "worker_flavor": "auto:cpu>=2",
        "worker_provider": "local", "worker_region": "west", "worker_concurrency": 4,
        "worker_prefetch": 5, "minimum_tasks": 6, "maximum_workers": 7}
row("A2.31", "", POST("/recruiter/", RULE, 201, Exactly(RULE)),
    GET("/recruiter/$batch/2", want=Exactly(RULE)),
    GET("/recruiter/", {"batch": "$batch"}, want=Exactly([RULE])))
row("A2.31", "where little is said",
    POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f", "worker_concurrency": 4},
         201, RECRUITER(rank=1, tasks_per_worker=4, worker_prefetch=0,
                        worker_provider=None, worker_region=None, minimum_tasks=None,
                        maximum_workers=None)))
row("A2.32", "", POST("/recruiter/", RULE), POST("/recruiter/", dict(RULE, rank=1)),
    POST("/recruiter/", dict(RULE, batch="$batch-2")),
    GET("/recruiter/", {"batch": "$batch"}, want=[{"rank": 1}, {"rank": 2}]),
    GET("/recruiter/$batch-2/2", want={"rank": 2}))
UPDATED = (POST("/flavor/update", {"provider": "local"}, 201, keep="job"),
           GET("/jobs/$job", want={"status": "succeeded"}, until=True))
row("A2.33", "", *UPDATED,
    GET("/flavor/", want=Each(FLAVOR(provider="local"))),
    GET("/flavor/", {"min_cpu": 8, "region": "east"}, want=Among(
        FLAVOR(name="gpu", region="east", cpu=8, ram=64, disk=200, cost=2, eviction=5))))
row("A2.34", "without a quota", *UPDATED, GET("/flavor/", want=Each(FLAVOR(available=None))),
    server="bare")
row("A2.34", "with one", *UPDATED,
    GET("/flavor/", want=Each(FLAVOR(available=lambda v: type(v) is int))))
DEPLOY = {"number": 1, "flavor": "f", "provider": "none", "region": "r",
          "batch": "$batch"}


def job(name, action, status="failed"):
    """Of this row's only worker, `w`: its job of that action, kept as $name."""
    def do(context):
        GET("/workers/", {"batch": "$batch"}, want=[{}], whole="workers")(context)
        context.kept["target"] = context.kept["workers"][0]["name"]
        context.kept["w"] = context.kept["workers"][0]["worker_id"]
        GET("/jobs/", {"target": "$target", "action": action, "status": status},
            want=lambda v: v and v[-1]["args"]["batch"] == context.kept["batch"],
            whole="jobs", until=True)(context)
        context.kept[name] = context.kept["jobs"][-1]["job_id"]
    return step(do)


row("A2.35", "", PUT("/workers/deploy", DEPLOY), job("j", "worker_deploy"),
    GET("/jobs/$j", want=JOB(job_id="$j", target="$target", retry=0,
                             args={"worker_id": "$w", "provider": "none",
                                   "flavor": "f"}, log=re.compile("none"))),
    GET("/jobs/", {"job_id": "$j"}, want=[JOB(job_id="$j")]))
row("A2.36", "", PUT("/workers/deploy", DEPLOY), job("c", "worker_create", "succeeded"),
    job("d", "worker_deploy"), DELETE("/workers/$w"),
    GET("/jobs/", {"target": "$target", "action": "worker_destroy"},
        want=lambda v: len(v) >= 1))
row("A2.37", "", PUT("/workers/deploy", DEPLOY), job("c", "worker_create", "succeeded"),
    job("d", "worker_deploy", ["pending", "running", "failed"]),
    GET("/jobs/$d", want={"status": "failed"}, until=True))
row("A2.38", "", PUT("/workers/deploy", DEPLOY), job("c", "worker_create", "succeeded"),
    GET("/jobs/$c", want=JOB(progression=100)),
    GET("/jobs/", want=Each(JOB(progression=lambda v: v is None or 0 <= v <= 100))))
