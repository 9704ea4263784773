"""B: what 1.3 never had.  The change feed has a table of its own, rows_events.py."""

import base64

from engine import *  # noqa: F401,F403

NEW = {"command": "c", "batch": "$batch", "status": "paused"}
THREE = [dict(NEW, name="a"), dict(NEW, name="b"), dict(NEW, name="c")]


def b64(data):
    return base64.b64encode(data).decode()


def keep_ids(context):
    for i, one in enumerate(context.kept["list"]):
        context.kept["t%d" % i] = one["task_id"]


MADE = (POST("/tasks/", THREE, 201, [TASK(name="a"), TASK(name="b"), TASK(name="c")],
             whole="list"), step(keep_ids))

# ---- arrays and lists

row("B.01", "", *MADE, GET("/tasks/", {"batch": "$batch"}, want=[
    {"task_id": "$t0", "name": "a"}, {"task_id": "$t1", "name": "b"},
    {"task_id": "$t2", "name": "c"}]))
row("B.01", "none", POST("/tasks/", [], 201, Exactly([])))
for variant, last, status, words in (
        ("an unknown member", dict(NEW, colour=1), 400, "tasks[1]: Task has no field colour"),
        ("an absent requirement", dict(NEW, required_task_ids=[NOBODY]), 404,
         "tasks[1]: Task %d doesn't exist" % NOBODY),
        ("an unknown status", dict(NEW, status="bogus"), 500, "tasks[1]: Status bogus"),
        ("no command", {"batch": "$batch"}, 400, "tasks[1]: "),
        ("no object", 5, 400, "tasks[1]")):
    row("B.01", "one that fails, all fail: " + variant, counts("counts"),
        POST("/tasks/", [NEW, last], status, Message(has=words)), step(nothing_came))
row("B.02", "", POST("/tasks/", [NEW, {"command": "c", "batch": "$batch",
                                       "required_task_ids": ["#0"]},
                                 {"command": "c", "batch": "$batch",
                                  "required_task_ids": ["#1", "#0"]}], 201, [
    TASK(required_task_ids=[]), TASK(status="waiting"), TASK(status="waiting")],
    whole="list"), step(keep_ids),
    GET("/tasks/$t1", want={"required_task_ids": ["$t0"]}),
    GET("/tasks/$t2", want={"required_task_ids": ["$t1", "$t0"]}),
    PUT("/tasks/$t0", {"status": "succeeded"}), GET("/tasks/$t1", want={"status": "pending"}),
    GET("/tasks/$t2", want={"status": "waiting"}))
row("B.02", "ids beside it", task("x"),
    POST("/tasks/", [NEW, dict(NEW, required_task_ids=["$x", "#0"])], 201, whole="list"),
    step(keep_ids), GET("/tasks/$t1", want={"required_task_ids": ["$x", "$t0"]}))
for reference in ("#2", "#x", "#-1", "#1"):
    row("B.02", reference, counts("counts"),
        POST("/tasks/", [NEW, dict(NEW, required_task_ids=[reference])], 400,
             Message(has="tasks[1]")), step(nothing_came))
COUNT = 20000 if SANITIZED else 100000


def many(context, count=COUNT):
    """A workflow in one call; then its list, in little memory."""
    server, b = context.server, context.kept["batch"]
    body = json.dumps([dict({"command": "c %d" % i, "batch": b, "status": "paused"}, **(
        {"required_task_ids": ["#%d" % (i - 1)]} if i % 10 == 9 else {}))
        for i in range(count)]).encode()
    answer = context.api.call("POST", "/tasks/", body)
    ids = [t["task_id"] for t in answer.json]
    if answer.status != 201 or len(ids) != count or ids != sorted(set(ids)):
        raise Wrong("%d, %d ids" % (answer.status, len(ids)))
    server.peak_reset()
    listed = context.api.get("/tasks/?batch=%s&fields=task_id" % b).json
    if [t["task_id"] for t in listed] != ids:
        raise Wrong("%d listed" % len(listed))
    grown = server.peak_growth() >> 20
    if not SANITIZED and grown > 16:
        raise Wrong("a list of %d grew the server by %d MiB" % (count, grown))
    context.api.delete("/batch/" + b)


row("B.03", "", step(many))
row("B.07", "", step(lambda c: many(c, COUNT // 5)))
row("B.04", "", *MADE, GET("/tasks/", {"batch": "$batch", "limit": 2},
                           want=[{"name": "a"}, {"name": "b"}]),
    GET("/tasks/?batch=$batch&limit=1", want=[{"name": "a"}]),
    GET("/tasks/", {"batch": "$batch", "limit": 0}, want=Exactly([])))
row("B.05", "", *MADE, GET("/tasks/", {"batch": "$batch", "after": "$t0"},
                           want=[{"name": "b"}, {"name": "c"}]),
    GET("/tasks/?batch=$batch&after=$t0&limit=1", want=[{"name": "b"}]),
    GET("/tasks/", {"batch": "$batch", "after": "$t2"}, want=Exactly([])))
row("B.37", "", *MADE, GET("/tasks/", {"batch": "$batch", "reverse": True},
                           want=[{"name": "c"}, {"name": "b"}, {"name": "a"}]),
    GET("/tasks/?batch=$batch&reverse=true&after=$t1", want=[{"name": "a"}]),
    GET("/tasks/?batch=$batch&reverse=true&limit=1", want=[{"name": "c"}]),
    GET("/tasks/?reverse=maybe", None, 400, Message(has="reverse")))
row("B.37", "the others", worker("a"), worker("b"),
    GET("/workers/?batch=$batch-workers&reverse=1",
        want=[{"worker_id": "$b"}, {"worker_id": "$a"}]),
    GET("/jobs/?reverse=true", want=lambda v: [j["job_id"] for j in v] == sorted(
        (j["job_id"] for j in v), reverse=True)),
    GET("/recruiter/?reverse=true", None, 400, Message(has="reverse")))
row("B.38", "", running("e"), task("o"), GET(
    "/tasks/?worker_id=$w", want=[{"task_id": "$t"}]),
    GET("/tasks/", {"worker_id": "$nobody"}, want=Exactly([])),
    GET("/tasks/", {"worker_id": "x"}, 400, Message(has="worker_id")))
row("B.39", "", *MADE, task("t", name="100% of <it>"),
    GET("/tasks/", {"batch": "$batch", "name_has": "% of <"}, want=[{"task_id": "$t"}]),
    GET("/tasks/?batch=$batch&name_has=a&name_has=b", want=[{"name": "a"}, {"name": "b"}]),
    GET("/tasks/", {"batch": "$batch", "name_has": "A"}, want=Exactly([])),
    GET("/tasks/", {"name_has": [{}]}, 400, Message(has="name_has")))
NONE = {"count": 0, "minimum": None, "mean": None, "maximum": None}
row("B.40", "none", GET("/batch/$batch/durations", want=Exactly(
    {"succeeded": NONE, "failed": NONE})))
row("B.40", "", running("e"), PUT("/executions/$e", {"status": "succeeded"}),
    GET("/batch/$batch/durations", want={"failed": NONE, "succeeded": lambda d: (
        d["count"] == 1 and 0 <= d["minimum"] == d["mean"] == d["maximum"] < 600)}))
row("B.06", "", *MADE, GET("/tasks/?batch=$batch&fields=task_id,name", want=Exactly(
    [{"task_id": "$t0", "name": "a"}, {"task_id": "$t1", "name": "b"},
     {"task_id": "$t2", "name": "c"}])),
    GET("/tasks/", {"batch": "$batch", "fields": "name", "limit": 1},
        want=Exactly([{"name": "a"}])),
    GET("/tasks/?fields=colour", None, 400, Message(has="colour")))
for path in ("workers", "executions", "requirement", "jobs", "recruiter"):
    row("B.04", path, running("e"), task("o", required_task_ids=["$t"]),
        POST("/recruiter/", {"batch": "$batch", "worker_flavor": "f",
                             "worker_concurrency": 1}),
        PUT("/workers/deploy", {"flavor": "f", "provider": "none", "region": "r",
                                "batch": "$batch"}),
        GET("/%s/?limit=1" % path, want=[{}]))



def after_and_fields(path, name):
    """Of this list too: what is after an id, and but a member of each."""
    def do(context):
        ids = [next(iter(one.values())) for one in context.api.get("/%s/" % path).json]
        rest = context.api.get("/%s/?after=%d" % (path, ids[0])).json
        if len(ids) < 2 or [next(iter(one.values())) for one in rest] != ids[1:]:
            raise Wrong("%r after %d of %r" % (rest, ids[0], ids))
        GET("/%s/?after=%d" % (path, ids[-1]), want=Exactly([]))(context)
        GET("/%s/?fields=%s" % (path, name),
            want=Each(lambda v: list(v) == [name]))(context)
        GET("/%s/?fields=colour" % path, None, 400, Message(has="colour"))(context)
    return step(do)


for path, member in (("workers", "name"), ("executions", "status"),
                     ("requirement", "other_task_id"), ("jobs", "action")):
    for number in ("B.05", "B.06"):
        row(number, path, running("e"), task("x"), execution("f", "$w", "$x"), worker("v"),
            task("o", required_task_ids=["$t", "$x"]), *(PUT("/workers/deploy", {
                "flavor": "f", "provider": "none", "region": "r", "batch": "$batch"}),) * 2,
            after_and_fields(path, member))

# ---- sync and register


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


def out(seq, data, offset=0, stream="stdout"):
    return {"seq": seq, "execution_id": "$e", "stream": stream, "offset": offset,
            "data": b64(data)}


def state(seq, status, **more):
    return dict({"seq": seq, "execution_id": "$e", "status": status}, **more)


ENDED = state(4, "succeeded", return_code=0, stdout_bytes=3, stderr_bytes=0,
              output_files="a b")
row("B.08", "", given(), sync("$w", {"acked": 4}, stats={"load": "1", "memory": 2.5},
                              records=[state(1, "accepted"), state(2, "running", pid="7"),
                                       out(3, b"out"), ENDED]),
    GET("/executions/$e", want=EXECUTION(status="succeeded", return_code=0, pid="7",
                                         output="out", output_files="a b")),
    GET("/tasks/$t", want={"status": "succeeded"}),
    GET("/workers/$w", want={"load": "1", "memory": 2.5, "last_contact_date": is_now}))
# As the server was told (test_conformance.py); the last two are its own.
SETTINGS = Exactly({"offline_delay_s": 600, "idle_delay_s": 3600,
                    "first_task_delay_s": 7200, "poll_s": 10, "stats_s": 4})
row("B.09", "", registered("w"), PUT("/workers/$w", {"concurrency": 9, "prefetch": 3}),
    sync("$w", {"settings": SETTINGS, "worker": WORKER(worker_id="$w", concurrency=9,
                                                       prefetch=3)}))
row("B.10", "", registered("w"), task("t", status="pending", container="img", retry=2),
    sync("$w", {"executions": [{"task": TASK(task_id="$t", container="img", retry=2,
                                             status="assigned")}]}, wait=60))
row("B.11", "", given({"seq": 1, "status": "running"}),
    POST("/workers/$w/signals", {"execution_id": "$e", "signal": 15}, 200),
    PUT("/workers/$w/sync", {"spool": "s", "holding": ["$e"]}, 200, {
        "signals": [{"execution_id": "$e", "signal": 15}]}, whole="told"),
    step(lambda c: c.kept.update(seen=c.kept["told"]["signals"][0]["signal_id"])),
    sync("$w", {"signals": [{"signal": 15}]}, holding=["$e"]),
    sync("$w", {"signals": []}, holding=["$e"], signals_seen=["$seen"]))
row("B.12", "", given({"seq": 1, "status": "accepted"}),
    PUT("/tasks/$t", {"status": "paused"}), sync("$w", {"withdrawn": ["$e"]}, holding=["$e"]))


def held(context):
    """Without anything to say, for its time; with something, at once."""
    registered("w")(context)
    start = time.monotonic()
    sync("$w", {"executions": []}, wait=1)(context)
    if time.monotonic() - start < 0.99:
        raise Wrong("answered after %.3f s" % (time.monotonic() - start))
    got = []
    poll = threading.Thread(target=lambda: got.append(Api(
        "127.0.0.1", context.server.port).put(context.fill("/workers/$w/sync"),
                                              {"spool": "s", "wait": 50})))
    poll.start()
    task("t", status="pending")(context)
    poll.join(60)
    check(context, got[0].json, {"executions": [{"task": {"task_id": "$t"}}]})


row("B.13", "", step(held))
row("B.14", "", given({"seq": 1, "status": "running"}), GET("/executions/$e", whole="was"),
    sync("$w", Message(), 409, records=[out(2, b"abc"), out(3, b"x", offset=9)]),
    sync("$w", Message(has="data"), 400, records=[
        out(2, b"abc"), dict(out(3, b""), data="?")]),
    sync("$w", {"acked": 1}), GET("/executions/$e", want=Kept("was")),
    GET("/executions/$e/log/stdout", raw=b""))
TWICE = [state(1, "accepted"), state(2, "running", pid="7"), out(3, b"out")]
row("B.15", "", given(), sync("$w", {"acked": 3}, records=TWICE),
    GET("/executions/$e", whole="was"), sync("$w", {"acked": 3}, records=TWICE),
    GET("/executions/$e", want=Kept("was")), GET("/executions/$e/log/stdout", raw=b"out"))
row("B.16", "", given({"seq": 5, "status": "running"}), sync("$w", {"acked": 5}),
    sync("$w", Message(has="another"), 409, spool="s2"),
    sync("$w", leaving=True), GET("/workers/$w", want={"status": "offline"}),
    POST("/workers/register", {"name": "$batch-w", "hostname": "h", "concurrency": 2,
                               "batch": "$batch", "spool": "s2"}, 200,
         {"acked": 0, "worker": {"worker_id": "$w"}}),
    sync("$w", {"acked": 1}, spool="s2", records=[out(1, b"new")]),
    GET("/executions/$e/log/stdout", raw=b"new"))
RAW = b"a\x00\xff\r\n" * 3
row("B.17", "", given({"seq": 1, "status": "running"}),
    sync("$w", {"acked": 3}, records=[out(2, RAW), out(3, b"err", stream="stderr")]),
    sync("$w", {"acked": 5}, records=[out(4, RAW[10:] + b"!", offset=10),
                                      out(5, b"+", offset=3, stream="stderr")]),
    GET("/executions/$e/log/stdout", raw=RAW + b"!"),
    GET("/executions/$e/log/stderr", raw=b"err+"))
ME = {"name": "$batch-me", "hostname": "h", "concurrency": 3, "flavor": "f",
      "batch": "$batch", "spool": "s"}
row("B.18", "", POST("/workers/register", ME, 201, {"worker": WORKER(
    name="$batch-me", hostname="h", concurrency=3, flavor="f", batch="$batch",
    status="running")}),
    GET("/workers/", {"batch": "$batch"}, want=[WORKER(name="$batch-me")]))
for name in ("name", "hostname", "concurrency", "spool"):
    row("B.18", "without " + name, counts("counts"),
        POST("/workers/register", {k: v for k, v in ME.items() if k != name}, 400,
             Message(has=name)), step(nothing_came))
FACTS = {"cores": 8, "memory_bytes": 2 ** 36, "disk_bytes": 10 ** 12, "gpu": "NVIDIA L4"}


def known(want):
    """What is kept of this row's workers, where it is asked for; else it is not told."""
    return (GET("/workers/", {"batch": "$batch", "fields": "name,facts"},
                want=Exactly([{"name": "$batch-me", "facts": want}])),
            GET("/workers/", {"batch": "$batch"}, want=[WORKER()]))


row("B.18", "facts", POST("/workers/register", dict(ME, facts=FACTS), 201,
                          {"worker": WORKER()}), *known(FACTS),
    POST("/workers/register", dict(ME, facts=dict(FACTS, cores=16, gpu="")), 200),
    *known(dict(FACTS, cores=16, gpu="")), POST("/workers/register", ME, 200),
    *known(dict(FACTS, cores=16, gpu="")),
    POST("/workers/register", dict(ME, facts={"cores": "4", "disk_bytes": None}), 200),
    *known({"cores": 4, "memory_bytes": None, "disk_bytes": None, "gpu": None}))
row("B.18", "no facts", POST("/workers/register", dict(ME, facts=None), 201), *known(None))
for name, values in (("cores", (-1, "x", 1.5, [], {}, True)), ("memory_bytes", (-5, "x", [])),
                     ("disk_bytes", (-1, "much", {})), ("gpu", ([], {}, True, "x" * 1001)),
                     ("colour", ("red",))):
    for value in values:
        row("B.18", "facts of a wrong %s: %.20r" % (name, value), counts("counts"),
            POST("/workers/register", dict(ME, facts=dict(FACTS, **{name: value})), 400,
                 Message(has=["facts", name])), step(nothing_came))
for value in (3, "x", [], True):
    row("B.18", "facts that are none: %r" % value, counts("counts"),
        POST("/workers/register", dict(ME, facts=value), 400, Message(has="facts")),
        step(nothing_came))
row("B.18", "facts are nobody else's to set", POST("/workers/register", dict(
    ME, facts=FACTS), 201, whole="one"),
    step(lambda c: c.kept.update(w=c.kept["one"]["worker"]["worker_id"])),
    PUT("/workers/$w", {"facts": {"cores": 1}}, 200, WORKER()), *known(FACTS),
    GET("/workers/", {"facts": "x"}, 400, Message(has="facts")))


def told_by_worker(context):
    """A real worker tells what this machine has."""
    batch = context.kept["batch"]
    with Worker(context.server, name=batch, options=["-b", batch]) as one:
        disk = os.statvfs(one.folder.path)
        wait_until("it registers", lambda: context.api.get("/workers/", {"batch": batch}).json)
        facts = context.api.get("/workers/", {"batch": batch, "fields": "facts"}).json
    pages = os.sysconf("SC_PHYS_PAGES")
    check(context, facts, [{"facts": {
        "cores": os.cpu_count(), "memory_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "disk_bytes": disk.f_blocks * disk.f_frsize, "gpu": lambda v: type(v) is str}}])


row("B.18", "of a machine that was given back", counts("counts"),
    POST("/workers/register", dict(ME, launch_token="$batch"), 410,
         Message(has=["$batch was given back", "$batch-me is not wanted any more"])),
    step(nothing_came))
row("B.18", "facts of a real worker", step(told_by_worker))
row("B.19", "", POST("/workers/register", ME, 201, {"worker": WORKER(), "acked": 0,
                                                    "settings": SETTINGS}))

# ---- logs

LOG = "".join("line %03d \u00e9\n" % i for i in range(300))
BYTES = LOG.encode()
LOGGED = (running("e"), PUT("/executions/$e/output", {"text": LOG}))


def ranged(header, status, raw, content_range=None):
    return Call("GET", "/executions/$e/log/stdout", None, status, raw=raw,
                headers={"Range": header}, head={"content-range": content_range})


row("B.26", "", *LOGGED, PUT("/executions/$e/error", {"text": "err"}),
    GET("/executions/$e/log/stdout", raw=BYTES),
    GET("/executions/$e/log/stderr", raw=b"err"),
    GET("/executions/$e/log/other", None, 404, Message(has="other")))
SIZE = len(BYTES)
row("B.27", "", *LOGGED, ranged("bytes=0-9", 206, BYTES[:10], "bytes 0-9/%d" % SIZE),
    ranged("bytes=100-", 206, BYTES[100:], "bytes 100-%d/%d" % (SIZE - 1, SIZE)),
    ranged("bytes=-5", 206, BYTES[-5:], "bytes %d-%d/%d" % (SIZE - 5, SIZE - 1, SIZE)),
    ranged("bytes=%d-" % SIZE, 416, None, "bytes */%d" % SIZE))


def followed(context):
    running("e")(context)
    PUT("/executions/$e/output", {"text": "one"})(context)
    conn = http.client.HTTPConnection("127.0.0.1", context.server.port, timeout=60)
    conn.request("GET", context.fill("/executions/$e/log/stdout?follow=1"))
    answer = conn.getresponse()
    for piece in ("one", "two", "three"):
        if piece != "one":
            PUT("/executions/$e/output", {"text": piece})(context)
        got = answer.read(len(piece))
        if got != piece.encode():
            raise Wrong(repr(got))
    PUT("/executions/$e", {"status": "succeeded"})(context)
    if answer.read() != b"":
        raise Wrong("more after the end")
    conn.close()


row("B.28", "", step(followed))


def followed_from(context):
    """Following goes on from a byte, be it one that is not written yet; of what has ended
    it gives the rest."""
    running("e")(context)
    PUT("/executions/$e/output", {"text": "0123456789"})(context)
    path = context.fill("/executions/$e/log/stdout?follow=1")
    for at, first in ((4, b"456789"), (10, b""), (12, b"")):
        conn = http.client.HTTPConnection("127.0.0.1", context.server.port, timeout=60)
        conn.request("GET", path, headers={"Range": "bytes=%d-" % at})
        answer = conn.getresponse()
        if (answer.status, first and answer.read(len(first))) != (206, first):
            raise Wrong("from %d: %d" % (at, answer.status))
        context.kept["from%d" % at] = answer
        context.undo.append(conn.close)
    PUT("/executions/$e/output", {"text": "abcd"})(context)
    PUT("/executions/$e", {"status": "succeeded"})(context)
    for at, rest in ((4, b"abcd"), (10, b"abcd"), (12, b"cd")):
        got = context.kept["from%d" % at].read()
        if got != rest:
            raise Wrong("from %d: %r" % (at, got))
    for at, rest in ((13, b"d"), (14, b"")):
        Call("GET", path, None, 206, raw=rest, headers={"Range": "bytes=%d-" % at})(context)


row("B.28", "from a byte on", step(followed_from))


def large_log(context):
    """50 MB in pieces, and out again."""
    given({"seq": 1, "status": "running"})(context)
    piece = b"".join(b"line %06d of many\n" % i for i in range(12000))
    seq, size, total = 2, 0, 2000000 if SANITIZED else 50000000
    while size < total:
        records = []
        for at in range(0, len(piece), 262144):
            data = piece[at:at + 262144]
            records.append(out(seq, data, size))
            seq, size = seq + 1, size + len(data)
        sync("$w", {"acked": seq - 1}, records=records)(context)
    context.server.peak_reset()
    conn = http.client.HTTPConnection("127.0.0.1", context.server.port, timeout=180)
    conn.request("GET", context.fill("/executions/$e/log/stdout"))
    answer, at = conn.getresponse(), 0
    while True:
        got = answer.read(len(piece))
        if not got:
            break
        if got != piece:
            raise Wrong("other bytes at %d" % at)
        at += len(got)
    conn.close()
    grown = context.server.peak_growth() >> 20
    if at != size or (not SANITIZED and grown > 16):
        raise Wrong("%d of %d bytes, %d MiB more memory" % (at, size, grown))


row("B.29", "", step(large_log))

# ---- jobs, why, and what watches the server

DEPLOY = {"number": 1, "flavor": "f", "provider": "none", "region": "r", "batch": "$batch"}


def job(name, status="failed"):
    """The deploy job of this row's worker, when it is so."""
    def do(context):
        GET("/workers/", {"batch": "$batch"}, want=[{}], whole="workers")(context)
        context.kept["target"] = context.kept["workers"][0]["name"]
        GET("/jobs/", {"target": "$target", "action": "worker_deploy", "status": status},
            want=lambda v: v and v[-1]["args"]["batch"] == context.kept["batch"],
            whole="jobs", until=True)(context)
        context.kept[name] = context.kept["jobs"][-1]["job_id"]
    return step(do)


FAILED = (PUT("/workers/deploy", DEPLOY), job("j"))
row("B.30", "", *FAILED, GET("/jobs/$j", want=JOB(job_id="$j", status="failed")),
    GET("/jobs/", want=Among(JOB(job_id="$j"))), GET("/jobs/", want=Each(JOB())))
row("B.31", "one", *FAILED, GET("/jobs/$j", whole="was"), DELETE("/jobs/$j", want=Kept("was")),
    GET("/jobs/$j", None, 404))
row("B.31", "all that ended", *FAILED, DELETE("/jobs/", None, 200, Exactly({"result": "ok"})),
    GET("/jobs/$j", None, 404),
    GET("/jobs/", {"status": ["succeeded", "failed"]}, want=Exactly([])))
row("B.31", "not one that runs", *FAILED,
    sql("update job set status = 'running' where job_id = $j"), GET("/jobs/$j", whole="was"),
    DELETE("/jobs/$j", None, 409, Message(has="running")),
    DELETE("/jobs/", None, 200, Exactly({"result": "ok"})), GET("/jobs/$j", want=Kept("was")),
    sql("update job set status = 'failed' where job_id = $j"), DELETE("/jobs/$j"))
row("B.32", "", *FAILED, GET("/jobs/$j", keep={"was": "modification_date"}),
    POST("/jobs/$j/restart", None, 200, JOB(job_id="$j", status="pending")),
    GET("/jobs/$j", want={"status": "failed", "modification_date": Other("was")}, until=True))
row("B.32", "not of one that succeeded", *FAILED,
    GET("/jobs/", {"target": "$target", "action": "worker_create"}, want=Each({}),
        whole="jobs"),
    step(lambda c: c.kept.update(done=c.kept["jobs"][-1]["job_id"])),
    POST("/jobs/$done/restart", None, 409, Message(has="has not failed")))
row("B.33", "no worker", task("t", status="pending"),
    GET("/tasks/$t/why", want={"task_id": "$t", "status": "pending", "reason": "no_worker",
                               "workers": 0, "sentence": lambda v: len(v) > 10}))
row("B.33", "a requirement", task("a", status="failed"),
    task("t", status="waiting", required_task_ids=["$a"]),
    GET("/tasks/$t/why", want={"reason": "requirement_failed", "requirements": ["$a"]}))
row("B.33", "paused workers", worker("w", batch="$batch"), task("t", status="pending"),
    GET("/tasks/$t/why", want={"workers": 1, "workers_running": 0}))
row("B.33", "it runs", running("e"), GET("/tasks/$t/why", want={"reason": "running"}))


def prometheus(context):
    task("t", status="failed")(context)
    answer = context.api.get("/metrics")
    line = 'scitq_tasks{batch="%s",status="failed"} 1\n' % context.kept["batch"]
    if not answer.headers["content-type"].startswith("text/plain; version=0.0.4") or \
            line not in answer.body.decode():
        raise Wrong("%s %.3000r" % (answer.headers, answer.body))
    for text in answer.body.decode().splitlines():
        if not re.fullmatch(r'# (HELP|TYPE) .*|[a-z_]+({.*})? [0-9.e+-]+', text):
            raise Wrong(text)


row("B.34", "", step(prometheus))
row("B.35", "", GET("/healthz", want={"status": "ok"}))


def database_away(context):
    """A server of its own, from which PostgreSQL is taken for a while.  (SQLite answers as
    long as its file can be read, which an open file always can.)"""
    if context.server.db != "postgresql":
        return
    server = Server(context.server.db)
    context.undo.append(server.stop)
    api, pg = server.api(), Postgres.get()
    name = urllib.parse.urlsplit(server.uri).path[1:]
    pg.sql("alter database %s allow_connections false" % name)
    pg.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'"
           % name)
    answer = api.get("/healthz")
    check(context, [answer.status, answer.json], [503, Message(has="database")])
    pg.sql("alter database %s allow_connections true" % name)
    wait_until("it is healthy again", lambda: api.get("/healthz").status == 200)


row("B.35", "and is not when it does not", step(database_away))
row("B.36", "", GET("/version", want={"version": re.compile(r"^\d+\.\d+")}))
