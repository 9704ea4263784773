#!/usr/bin/env python3
"""The part of the HTTP API that 1.3 never had: arrays of tasks, register and sync with
its long poll, raw logs, why.  On SQLite and again on PostgreSQL."""

import base64
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

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
                     "tasks[1]: Task %d doesn't exist" % NOBODY),
                    ("a field of the only one", [{"command": "x", "batch": "a/b"}], 400,
                     "tasks[0]: batch must be"),
                    ("no such element", [{"command": "x", "batch": "arrays",
                                          "required_task_ids": ["#1"]}], 400, "tasks[0]: required_task_ids: the array has no #1"),
                    ("a status", [{"command": "x", "batch": "arrays", "status": "s"}],
                     500, "tasks[0]: Status s is not possible"),
                    ("not closed", b'[{"command":"x","batch":"arrays"}', 400, "tasks[0]"),
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


def b64(data):
    return base64.b64encode(data).decode()


def syncing(api, server):
    answer = api.register("sw", "s1")
    is_(answer.status, 201, "register makes a row")
    is_(sorted(answer.json), ["acked", "database", "settings", "worker"],
        "and answers")
    is_(list(answer.json["worker"]), WORKER_FIELDS, "the worker")
    is_((answer.json["acked"], answer.json["worker"]["status"]), (0, "running"),
        "nothing acknowledged yet, running")
    is_(sorted(answer.json["settings"]),
        ["first_task_delay_s", "idle_delay_s", "offline_delay_s", "poll_s", "stats_s"],
        "the settings")
    w = answer.json["worker"]["worker_id"]
    path = "/workers/%d/sync" % w
    again = api.register("sw", "s1", concurrency=9)
    is_((again.status, again.json["worker"]["worker_id"],
         again.json["worker"]["concurrency"]), (200, w, 2),
        "registering again takes the row back")
    for status, told, want in (("paused", {}, "paused"),
                               ("paused", {"status": "running"}, "running"),
                               ("paused", {"status": None}, "paused"),
                               ("offline", {}, "running")):
        api.put("/workers/%d" % w, {"status": status})
        is_(api.register("sw", "s1", **told).json["worker"]["status"], want,
            "a %s one registering with %s" % (status, told or "no status"))
    is_(api.register("sw", "s2").status, 409, "another spool while it lives: 409")
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
        ("no number of a record", "PUT", path, {"spool": "s1", "records": [
            {"seq": 2 ** 53 + 1, "execution_id": 1, "status": "running"}]}, 400, None,
         "seq"),
        ("bad base64", "PUT", path, {"spool": "s1", "records": [
            {"seq": 1, "execution_id": 1, "stream": "stdout", "offset": 0,
             "data": "a"}]}, 400, None, "base64"),
        ("bad stream", "PUT", path, {"spool": "s1", "records": [
            {"seq": 1, "execution_id": 1, "stream": "stdin", "offset": 0,
             "data": ""}]}, 400, None, "stream"),
        ("bad stats", "PUT", path, {"spool": "s1", "stats": 3}, 400, None, "stats"),
        ("negative ahead", "PUT", path, {"spool": "s1", "ahead": -1}, 400, None, "ahead"),
        ("too far ahead", "PUT", path, {"spool": "s1", "ahead": 1001}, 400, None,
         "ahead"),
        ("bad ahead", "PUT", path, {"spool": "s1", "ahead": "four"}, 400, None, "ahead"),
        ("bad holding", "PUT", path, {"spool": "s1", "holding": "7"}, 400, None,
         "holding"),
    ])
    known = answer.json["database"]
    is_([[known]], server.sql("select identity from scitq_identity"), "its database")
    is_(api.register("sw", "s1", database=known).status, 200, "named: taken back")
    is_(api.put(path, {"spool": "s1", "database": known}).json["database"], known,
        "named and told in a sync")
    before = len(api.get("/workers/").json)
    expect(api, "register in another database", "POST", "/workers/register",
           {"name": "lost", "hostname": "h", "concurrency": 1, "spool": "s9",
            "database": "other"}, 421, None, "other")
    is_(len(api.get("/workers/").json), before, "makes no row")
    for gone in (w, 99999):
        expect(api, "sync in another database", "PUT", "/workers/%d/sync" % gone,
               {"spool": "s1", "database": "other", "signals_seen": [1]}, 421, None,
               "other")
    for body in ({"spool": "s2"}, {"spool": "s2", "wait": 5},
                 {"spool": "s2", "signals_seen": [1]}):
        expect(api, "of another process", "PUT", path, body, 409, None, "another")
    bare = api.put(path, {"spool": "s1", "stats": {"load": "1", "memory": 2.5}}).json
    is_(sorted(bare), ["acked", "database", "executions", "settings", "signals", "withdrawn",
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
    w = api.register("pw", "p1").json["worker"]["worker_id"]
    path = "/workers/%d/sync" % w

    class Poll(threading.Thread):
        def __init__(self, wait, **more):
            super().__init__(daemon=True)
            self.body = dict(more, spool="p1", wait=wait)
            self.api, self.answer = server.api(), None
            self.start()

        def run(self):
            self.answer = self.api.put(path, self.body)

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
    polls = [Poll(50), Poll(50)]
    api.post("/workers/%d/signals" % w, {"signal": -1})
    heard = [[x["signal"] for x in p.result().json["signals"]] for p in polls]
    ok([-1] in heard, "of polls that overlap, one hears of the signal", heard)
    now = api.put(path, {"spool": "p1"}).json
    row = api.put(path, {"spool": "p1", "signals_seen": [
        x["signal_id"] for x in now["signals"]]}).json["worker"]
    poll = Poll(50, row_date=row["modification_date"])
    api.put("/workers/%d" % w, {"concurrency": 17})
    is_(poll.result().json["worker"]["concurrency"], 17,
        "a poll hears that the concurrency was changed")
    gone = socket.create_connection(("127.0.0.1", server.port))
    body = json.dumps({"spool": "p1", "wait": 50}).encode()
    gone.sendall(b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                 % (path.encode(), len(body), body))
    gone.close()
    api.delete("/workers/%d" % w)
    is_(api.put(path, {"spool": "p1", "wait": 50}).status, 404,
        "after a poll that hung up all goes on")


def ahead(api, server):
    """With what ended a worker may ask for more than it has places for, once, and give
    back what it cannot start."""
    w = api.register("aw", "a1", concurrency=1).json["worker"]["worker_id"]
    path = "/workers/%d/sync" % w
    tasks = [row["task_id"] for row in
             api.post("/tasks/", [{"command": "true", "batch": "aw"}] * 9).json]

    def told(*records, **more):
        answer = api.put(path, dict(more, spool="a1", records=[
            dict({"execution_id": e, "seq": seq, "status": status},
                 **({"return_code": 0, "stdout_bytes": 0, "stderr_bytes": 0}
                    if status == "succeeded" else {}))
            for seq, e, status in records])).json
        return [x["execution_id"] for x in answer["executions"]], [
            x["task"]["task_id"] for x in answer["executions"]]

    first, names = told(ahead=4)
    is_(names, tasks[:1], "a place holds one task; without anything told, no more")
    given, names = told((1, first[0], "succeeded"), ahead=4)
    is_(names, tasks[1:6], "with an end, as many more as were asked for")
    is_(told(holding=given), ([], []), "those that it holds are not told again")
    is_(told(holding=given[:3])[0], given[3:], "the others are")
    is_(told((2, given[0], "succeeded"), holding=given[1:])[0], [],
        "later nothing before a place is free")
    is_(told((3, given[4], "refused"), holding=given[1:4])[0], [],
        "one given back leaves it as full as it is")
    is_(api.get("/tasks/%d" % tasks[5]).json["status"], "pending",
        "its task is anybody's again")
    is_([x["status"] for x in api.get("/executions/", {"task_id": tasks[5]}).json],
        ["refused"], "its execution was refused")
    other = api.register("aw2", "a2", concurrency=5, batch="aw").json["worker"]
    got = api.put("/workers/%d/sync" % other["worker_id"], {"spool": "a2"}).json
    is_([x["task"]["task_id"] for x in got["executions"]], tasks[5:9],
        "another worker gets it, lowest id first")


def leaving(api, server):
    """A worker that says goodbye is given nothing more and keeps what it runs."""
    w = api.register("lv", "l1").json["worker"]["worker_id"]
    path = "/workers/%d" % w
    t = api.task("stays", batch="lv")
    e = api.put(path + "/sync", {"spool": "l1"}).json["executions"][0]["execution_id"]
    table(api, [
        ("bad leaving", "PUT", path + "/sync", {"spool": "l1", "leaving": "soon"}, 400,
         None, "leaving"),
        ("bad date", "PUT", path + "/sync", {"spool": "l1", "row_date": "soon"}, 400,
         None, "row_date"),
        ("another process cannot say it", "PUT", path + "/sync",
         {"spool": "l2", "leaving": True}, 409, None, "another"),
    ])
    is_(api.get(path).json["status"], "running", "it is there")
    got = api.put(path + "/sync", {"spool": "l1", "leaving": True, "wait": 50, "records": [
        {"seq": 1, "execution_id": e, "status": "running"}]}).json
    is_((got["acked"], got["worker"]["status"]), (1, "offline"),
        "it tells the rest and is offline at once")
    later = api.task("later", batch="lv")
    is_(api.get("/tasks/%d" % later).json["status"], "pending", "nothing more is given")
    api.put(path + "/sync", {"spool": "l1"})  # one that was still on its way
    is_(api.get("/executions/%d" % e).json["status"], "running", "its execution is intact")
    api.register("lv", "l1")
    is_(api.get(path).json["status"], "running", "it is back when it registers")
    is_(api.wait_task(later, "assigned")["status"], "assigned", "and is given more")
    api.put(path + "/sync", {"spool": "l1", "leaving": True})
    is_(api.register("lv", "l2").status, 200,
        "after a goodbye another process may take its place at once")
    api.delete(path)


def evicted(api, server):
    """A worker whose machine is taken back: what it tells with it counts, the rest of its
    tasks are others' at once, and no retry is used up."""
    w = api.register("ev", "e1", concurrency=2).json["worker"]["worker_id"]
    path = "/workers/%d" % w
    tasks = [api.task("t%d" % i, batch="ev") for i in range(2)]
    ids = [x["execution_id"] for x in
           api.put(path + "/sync", {"spool": "e1"}).json["executions"]]
    api.put(path + "/sync", {"spool": "e1", "records": [
        {"seq": i + 1, "execution_id": e, "status": "running"} for i, e in enumerate(ids)]})
    table(api, [("bad evicted", "PUT", path + "/sync", {"spool": "e1", "evicted": "soon"},
                 400, None, "evicted"),
                ("another process cannot say it", "PUT", path + "/sync",
                 {"spool": "e2", "evicted": True}, 409, None, "another")])
    got = api.put(path + "/sync", {"spool": "e1", "evicted": True, "wait": 50,
                                   "holding": ids, "records": [
        {"seq": 3, "execution_id": ids[0], "status": "succeeded", "return_code": 0}]}).json
    is_((got["acked"], got["worker"]["status"], got["withdrawn"]), (3, "evicted", ids),
        "it is evicted, and told to let go")
    is_([api.get("/tasks/%d" % t).json["status"] for t in tasks], ["succeeded", "pending"],
        "what it had ended has ended, the rest is pending again")
    is_(api.get("/executions/%d" % ids[1]).json["status"], "failed", "its execution failed")
    again = api.put(path + "/sync", {"spool": "e1", "evicted": True}).json
    is_((again["worker"]["status"], again["executions"]), ("evicted", []),
        "nothing more is given; telling it again changes nothing")
    is_("watch" in got["settings"], False, "a machine of nobody's is watched with nothing")
    server.sql("update worker set provider = 'local' where worker_id = %d" % w)
    is_(api.put(path + "/sync", {"spool": "e1"}).json["settings"]["watch"], "local",
        "one of a provider's with its plugin")
    server.sql("update worker set provider = 'static' where worker_id = %d" % w)
    ok("watch" not in api.put(path + "/sync", {"spool": "e1"}).json["settings"],
       "where that can tell")
    server.sql("update worker set provider = null where worker_id = %d" % w)
    is_(api.register("ev", "e1", status="running").json["worker"]["status"], "running",
        "it runs again when it comes back")
    for t in tasks:
        api.delete("/tasks/%d" % t)
    api.delete(path)


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


def sizes(api, server):
    """Large things in and out, and what the server's memory makes of them."""
    def small(name, mib):
        grown = server.peak_growth() / 1048576
        ok(SANITIZED or grown <= mib, "%s: at most %d MiB more memory" % (name, mib),
           "%.1f MiB" % grown)

    count = 20000 if SANITIZED else 100000
    body = json.dumps([{"command": "echo task %d" % i, "batch": "sizes",
                        "name": "task %d" % i, "status": "paused",
                        "required_task_ids": ["#%d" % (i - 1)] if i % 10 == 9 else []}
                       for i in range(count)]).encode()
    server.peak_reset()
    answer = api.call("POST", "/tasks/", body)
    is_((answer.status, len(answer.json)), (201, count), "%d tasks in one call" % count)
    small("an array of tasks", 60)
    server.peak_reset()
    is_(len(api.get("/tasks/?batch=sizes").json), count, "listed")
    small("a list of tasks", 16)
    api.delete("/batch/sizes")
    # 50 MB of output
    w = api.register("bw", "b1").json["worker"]["worker_id"]
    path = "/workers/%d/sync" % w
    api.task("c", batch="bw")
    e = api.put(path, {"spool": "b1", "wait": 60}).json["executions"][0]["execution_id"]
    api.put(path, {"spool": "b1", "records": [
        {"seq": 1, "execution_id": e, "status": "running"}]})
    piece = "".join("line %d of \u00e9 many\n" % i for i in range(100000)).encode()
    seq, size, total = 2, 0, 5000000 if SANITIZED else 50000000
    server.peak_reset()
    while size < total:
        records = []
        for at in range(0, len(piece), 262144):
            data = piece[at:at + 262144]
            records.append({"seq": seq, "execution_id": e, "stream": "stdout",
                            "offset": size, "data": b64(data)})
            seq, size = seq + 1, size + len(data)
        answer = api.put(path, {"spool": "b1", "records": records})
        if answer.status != 200:
            ok(False, "output is taken", answer)
            return
    small("output coming in", 24)
    server.peak_reset()
    whole = piece * (size // len(piece))
    ok(api.raw_log(e) == whole, "%d bytes of output, as they were" % size)
    small("a raw log", 16)
    server.peak_reset()
    ok(api.get("/executions/%d" % e).json["output"] == whole.decode(), "and as text")
    ok(api.get("/executions/", {"execution_id": e}).json[0]["output"] == whole.decode(),
       "and in a list")
    small("a log as text", 16)


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


def main():
    for db in databases():
        with Server(db, WORKER_OFFLINE_DELAY=600) as server:
            run_groups([arrays, syncing, polling, ahead, leaving, evicted, raw_log, sizes, why], server)
    done()


main()
