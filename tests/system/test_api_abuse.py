#!/usr/bin/env python3
"""What the HTTP API makes of bad input: JSON and HTTP of every wrong shape, bodies over
the limits, clients that hang up at each moment, conflicting calls at once, and a stop
in the midst of it all.  The server answers precisely, keeps nothing of what it refused
and lives.  On SQLite and again on PostgreSQL."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403


def raw(server, data, timeout_s=60, shut=False):
    """Bytes sent as they are; the first line of what comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout_s) as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while b"\r\n" not in got:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except ConnectionResetError:
            pass
    return got.split(b"\r\n")[0].decode("latin1")


def bad_json(api, server):
    count = len(api.get("/tasks/", {"batch": "bad"}).json)
    deep = b"[" * 100000 + b"]" * 100000
    for name, body in (
            ("nothing", b""), ("half", b'{"command":'), ("a word", b"command"),
            ("two", b"{}{}"), ("a comma", b'{"command":"x",}'),
            ("a comment", b'{"command":"x"} // no'), ("single quotes", b"{'command':1}"),
            ("NUL escaped", b'{"command":"a\\u0000b"}'),
            ("NUL", b'{"command":"a\x00b"}'),
            ("invalid UTF-8", b'{"command":"\xff\xfe"}'),
            ("a lone surrogate", b'{"command":"\\ud800"}'),
            ("control character", b'{"command":"a\x01b"}'),
            ("a key twice", b'{"command":"a","command":"b"}'),
            ("a huge integer", b'{"command":"a","retry":99999999999999999999999999}'),
            ("a huge real", b'{"command":"a","retry":1e999}'),
            ("not a number", b'{"command":"a","retry":NaN}'),
            ("deep", b'{"command":' + deep + b"}"), ("deep array", deep),
            ("an object's depth", b'{"a":' * 5000 + b"1" + b"}" * 5000),
            ("a string", b'"x"'), ("a number", b"3"), ("true", b"true"),
            ("null", b"null")):
        answer = api.call("POST", "/tasks/", body, {"Content-Type": "application/json"})
        ok(answer.status == 400 and answer.message, "400 for JSON: %s" % name, answer)
    for kind, body, status in (
            ("text/plain", b'{"command":"true","status":"paused"}', 415),
            ("multipart/form-data; boundary=x", b"--x--", 415),
            ("application/xml", b"<a/>", 415),
            ("application/x-www-form-urlencoded", b"command=true", 415),
            ("application/x-www-form-urlencoded",
             b'{"command":"true","status":"paused","batch":"form"}', 201),
            ("application/json; charset=utf-8",
             b'{"command":"true","status":"paused","batch":"form"}', 201),
            ("application/json", b"<a/>", 400)):
        answer = api.call("POST", "/tasks/", body, {"Content-Type": kind})
        is_(answer.status, status, "%s %r" % (kind, body[:20]))
    is_(api.call("POST", "/tasks/", {"command": "x"},
                 {"Origin": "http://evil.example"}).status, 401,
        "another site's page is refused")
    is_(api.call("POST", "/tasks/", {"command": "x", "batch": "form",
                                     "status": "paused"},
                 {"Origin": server.url}).status, 201, "our own page is not")
    wrong = {"tasks/": [{"command": v} for v in ([], {}, True, None)]
             + [{"command": "c", k: v} for k in ("retry", "run_timeout")
                for v in ("", "x", [], {}, True, 1.5, "1e3x", 2 ** 31, -2 ** 31 - 1)]
             + [{"command": "c", "use_cache": v} for v in ("maybe", [], {})]
             + [{"command": "c", "required_task_ids": v}
                for v in (3, "3", {}, [[]], [{}], ["#0"], [1.5], [True], ["x"])],
             "workers/": [{"name": "n", "concurrency": v}
                          for v in ([], {}, "x", True, 1.5, 2 ** 31)],
             "executions/": [{"worker_id": "x", "task_id": 1}, {"task_id": []}],
             "requirement/": [{"task_id": "x", "other_task_id": 1}]}
    for where, bodies in wrong.items():
        for body in bodies:
            answer = api.post("/" + where, body)
            ok(answer.status == 400 and answer.message,
               "400 for %s %s" % (where, json.dumps(body)), answer)
    is_(len(api.get("/tasks/", {"batch": "bad"}).json), count, "nothing was kept")
    is_(api.get("/healthz").status, 200, "the server lives")


def bad_http(api, server):
    limit = 16 << 20
    memory = server.memory()[0]
    for where in ("/workers/", "/tasks/1", "/nothing"):
        got = api.call("PUT" if where[-1] == "1" else "POST", where,
                       b'{"name":"' + b"x" * (100 << 20) + b'"}')
        is_((got.status, got.headers.get("connection")), (413, "close"),
            "413 for 100 MB to %s" % where)
    grown = (server.memory()[0] - memory) >> 20
    ok(grown < 64, "which were not kept in memory", "grew by %d MiB" % grown)
    just = b'{"command":"' + b"x" * (limit - 60) + b'","status":"paused","batch":"big"}'
    just = just[:limit] if len(just) > limit else just
    answer = api.call("POST", "/tasks/", just)
    ok(answer.status in (201, 400), "a body just under the limit is looked at",
       "%d" % answer.status)
    api.delete("/batch/big")
    answer = api.call("POST", "/tasks/", b'{"command":"' + b"x" * (17 << 20) + b'"}')
    is_(answer.status, 413, "a single task over 16 MiB is 413, array or not")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    is_(raw(server, b"POST /workers/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
            b"\r\n\r\n" + chunk * 300 + b"0\r\n\r\n").split(" ")[1:2], ["413"],
        "413 when chunks pass the limit")
    for name, data in (
            ("garbage", b"\x00\x01\x02\xff\r\n\r\n"),
            ("no version", b"GET /tasks/\r\n\r\n"),
            ("a negative length", b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                                  b"Content-Length: -5\r\n\r\n{}"),
            ("a huge length", b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                              b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
            ("a bad chunk", b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            ("long header", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 100000
             + b"\r\n\r\n"),
            ("long path", b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("path 5000", b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")):
        try:
            line = raw(server, data)
        except OSError:
            line = ""
        ok(line == "" or line.split(" ")[1:2][0][0] in "45", "refused: %s" % name, line)
    # Beyond what its library has memory for, one was never answered.
    for n, text in ((80, "a="), (64, "a" * 30 + "=2"), (90, "a="), (117, "a="), (150, "&a="),
                    (300, "a"), (70, "b" * 60), (60, "b" * 80), (1000, "a=b"),
                    (99, "task_id=1234567")):
        target = "/healthz?" + (text + "&") * (n - 1) + text
        size = len(target) + 64 * (target.count("&") + 1)
        status = "200" if size <= 6144 else "414"
        line = raw(server, ("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target).encode())
        is_(line.split(" ")[1:2], [status], "%d parameters like %.10s" % (n, text))
    has(api.get("/tasks/?" + "task_id=1&" * 500).message, "filters may be in the body",
        "with words")
    is_(api.get("/tasks/?task_id=1&task_id=2&limit=1").status, 200, "a short one is read")
    is_(raw(server, b"GET /healthz HTTP/1.0\r\n\r\n").split(" ")[1], "200", "HTTP/1.0")
    # half requests and hang-ups, at each place
    whole = (b"POST /tasks/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
             b"Content-Length: 52\r\n\r\n"
             b'{"command":"hung up","status":"paused","batch":"hu"}')
    for cut in range(0, len(whole), 7):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(whole[:cut])
    for _ in range(50):  # whole, but nobody waits for the answer
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(whole)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         b"\x01\x00\x00\x00\x00\x00\x00\x00")
    for _ in range(20):  # a list whose reader leaves
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"GET /tasks/ HTTP/1.1\r\nHost: x\r\n\r\n")
            s.recv(10)
    is_(api.get("/healthz").status, 200, "the server lives after hang-ups")
    api.delete("/batch/hu")
    # pipelined requests are answered in order
    with socket.create_connection(("127.0.0.1", server.port), 60) as s:
        s.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n" * 3 +
                  b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    is_(got.count(b"HTTP/1.1 200"), 4, "pipelined requests")


def heads(api, server):
    """After a HEAD comes the next answer, be the GET's one without an end or a length."""
    made = api.post("/tasks/", [{"command": "true", "batch": "head", "status": "paused",
                                 "name": "n" * 1000} for _ in range(500)]).json
    w = api.post("/workers/", {"name": "of heads", "concurrency": 1}).json["worker_id"]
    e = api.post("/executions/", {"worker_id": w, "task_id": made[0]["task_id"]}).json
    log = "/executions/%d/log/stdout" % e["execution_id"]
    for path in ("/events", "/tasks/?batch=head", log, log + "?follow=1", "/ui/", "/metrics"):
        with socket.create_connection(("127.0.0.1", server.port), 60) as s:
            s.sendall(b"HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n"
                      b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                      % path.encode())
            got = b""
            while (piece := s.recv(65536)):
                got += piece
        head, rest = got.split(b"\r\n\r\n", 1)
        ok(b" 200 " in head[:20] and (not rest or rest.startswith(b"HTTP/1.1 200 ")),
           "HEAD %s has no body" % path, got[-1000:])
    api.delete("/batch/head")
    api.delete("/workers/%d" % w)


def slow(api, server):
    """Who takes longer than a minute to say what he wants is shut out."""
    if not LONG:
        skip("slow clients are closed", "takes a minute: ./check long")
        return
    starts = {"silence": b"", "half a line": b"GET /ver",
              "a header by drips": b"GET /version HTTP/1.1\r\nHost: x\r\nX: ",
              "a body by drips": b"POST /tasks/ HTTP/1.1\r\nHost: x\r\n"
                                 b"Content-Length: 1000\r\n\r\n{"}
    left = {}
    for name, start in starts.items():
        left[name] = socket.create_connection(("127.0.0.1", server.port))
        left[name].sendall(start)
        left[name].setblocking(False)

    def closed():
        for name, s in list(left.items()):
            try:
                if "drips" in name:
                    s.send(b" ")
                gone = s.recv(1) == b""
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone:
                s.close()
                del left[name]
        return not left
    try:
        wait_until("slow clients are closed", closed, 200, 1)
    except TimeoutError:
        pass
    is_(sorted(left), [], "slow clients are closed")


def database_away(api, server):
    """A database that refuses: 503 in words, and recovery without a restart."""
    if server.db != "postgresql":
        return
    name, pg = urllib.parse.urlsplit(server.uri).path[1:], Postgres.get()
    pg.sql("alter database %s allow_connections false" % name)
    pg.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'"
           % name)
    body = {"command": "c", "batch": "away", "status": "paused"}
    table(api, [("reading", "GET", "/tasks/", None, 503, None, ""),
                ("health", "GET", "/healthz", None, 503, None, "database"),
                ("writing", "POST", "/tasks/", body, 503, None, ""),
                ("version", "GET", "/version", None, 200)])
    pg.sql("alter database %s allow_connections true" % name)
    wait_until("the server reads again", lambda: api.get("/healthz").status == 200)
    wait_until("and writes", lambda: api.post("/tasks/", body).status == 201)
    is_(len(api.get("/tasks/", {"batch": "away"}).json), 1,
        "what was refused was not kept")


def at_once(api, server):
    """Conflicting requests at the same moment: one wins, the others are told."""
    w = api.post("/workers/", {"name": "aw", "concurrency": 1,
                               "batch": "nobody"}).json["worker_id"]
    clients = [server.api() for _ in range(8)]

    def together(calls):
        answers = [None] * len(calls)
        gate = threading.Barrier(len(calls))

        def one(i):
            gate.wait()
            answers[i] = clients[i].call(*calls[i])
        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(calls))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(120)
        return answers

    for _ in range(10):
        t = api.task("c", batch="once", status="paused")
        got = together([("POST", "/executions/", {"worker_id": w, "task_id": t})] * 8)
        statuses = sorted(a.status for a in got)
        if statuses != [201] + [500] * 7:
            ok(False, "one execution of eight", got)
            break
        e = api.get("/executions/", {"task_id": t}).json[0]["execution_id"]
        got = together([("PUT", "/executions/%d" % e, {"status": s})
                        for s in ("succeeded", "failed") * 4])
        won = api.get("/executions/%d" % e).json["status"]
        task = api.get("/tasks/%d" % t).json["status"]
        # from pending, failed gives the task back
        if task != {"succeeded": "succeeded", "failed": "pending"}[won] or any(
                a.status not in (200, 500) for a in got):
            ok(False, "one end of an execution", (won, task, got))
            break
        got = together([("DELETE", "/tasks/%d" % t, None)] * 8)
        if sorted(a.status for a in got) != [200] + [404] * 7:
            ok(False, "one delete of eight", got)
            break
    else:
        ok(True, "of conflicting requests at once, one wins")
    got = together([("POST", "/tasks/", {"command": "c%d" % i, "batch": "once",
                                         "status": "paused"}) for i in range(8)])
    is_(len({a.json["task_id"] for a in got}), 8, "eight tasks at once have eight ids")


def stopping(api, server):
    """A server asked to stop lets a poll and a follower end at once: it would not end
    in time if it waited for theirs."""
    w = api.register("stop", "z").json["worker"]["worker_id"]
    t = api.task("c", batch="stop")
    e = api.put("/workers/%d/sync" % w,
                {"spool": "z", "wait": 30}).json["executions"][0]["execution_id"]
    api.put("/executions/%d" % e, {"status": "running"})
    api.put("/executions/%d/output" % e, {"text": "so far"})
    follower = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    follower.request("GET", "/executions/%d/log/stdout?follow=1" % e)
    follow = follower.getresponse()
    is_(follow.read(6), b"so far", "following")
    poller = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    poller.request("PUT", "/workers/%d/sync" % w, json.dumps(
        {"spool": "z", "wait": 60, "holding": [e]}))
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"POST /tasks/ HTTP/1.1\r\nContent-Le")
    wait_until("they are read", lambda: server.has_read(poller.sock) and
               server.has_read(half))
    is_(server.end(), 0, "the server ends with 0 under a poll, a follower and half a "
        "request")
    ok(poller.getresponse().status in (200, 503), "the poll was answered")
    is_(follow.read(), b"", "the follower's log ended")
    half.close()
    server.start()
    fresh = server.api()
    is_(fresh.get("/tasks/%d" % t).json["status"], "running", "and starts again")


def listeners(api, server):
    """What those are told who do not read is not kept for each, however large it is."""
    many, mb = 12, "x" * 1000000
    query = b"GET /events?kind=task&batch=large HTTP/1.1\r\nHost: x\r\n\r\n"
    deaf = []
    for _ in range(24):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", server.port))
        s.sendall(query)
        s.recv(20)
        deaf.append(s)
    hears = socket.create_connection(("127.0.0.1", server.port), 60)
    hears.sendall(query)
    text = hears.recv(65536)
    before = server.memory()[1]
    task = {"command": mb, "batch": "large", "status": "paused"}
    ids = [t["task_id"] for t in api.post("/tasks/", [task] * many).json]
    while not all(b'"task_id":%d,' % i in text for i in ids):
        text += hears.recv(1 << 20)
    ok(True, "who listens hears of %d tasks of 1 MB" % many)
    grown = server.memory()[1] - before
    ok(SANITIZED or grown < 300e6, "%d who do not read cost little" % len(deaf), grown)
    for s in deaf + [hears]:
        s.close()
    api.delete("/batch/large")


def main():
    for db in databases():
        with Server(db, WORKER_OFFLINE_DELAY=600) as server:
            run_groups([bad_json, bad_http, heads, slow, database_away, at_once, listeners,
                        stopping], server)
    done()


main()
