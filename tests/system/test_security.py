#!/usr/bin/env python3
"""Who may call what: every route as each role, tokens that are wrong in every way,
networks that are trusted, calls of other sites' pages, files that are not safe."""

import json
import os
import re
import signal
import socket
import time

from guards import (ADMIN, NODE, READ, WORKER, guarded, key_of, pass_of_job,
                    pass_of_worker, put_tokens, signed)
from harness import (NOBODY, TOP, Server, databases, diag, done, has, is_, ok, run,
                     wait_until)


# ---- every route as each role

def routes():
    """(method, path) of the table that routes requests."""
    with open(os.path.join(TOP, "core/http/routes.c")) as f:
        return re.findall(r'\{SQ_(GET|POST|PUT|DELETE), "([^"]+)"', f.read())


OPEN = {"/healthz", "/version", "/ui/", "/ui/task/", "/ui/batch/", "/ui/<name>"}
SECRET = {"/config/rclone", "/config/remote"}
CHANGING_GETS = {"/workers/<id>/signals", "/tasks/<id>/freeze/<id>"}
OF_WORKERS = {
    ("POST", "/workers/register"), ("PUT", "/workers/<id>/sync"), ("GET", "/workers/<id>"),
    ("PUT", "/workers/<id>"), ("PUT", "/workers/<id>/ping"),
    ("PUT", "/workers/<id>/callback"), ("GET", "/workers/<id>/executions"),
    ("GET", "/workers/<id>/executions/<status>"), ("GET", "/workers/<id>/signals"),
    ("GET", "/executions/<id>"), ("PUT", "/executions/<id>"),
    ("GET", "/executions/<id>/output"), ("PUT", "/executions/<id>/output"),
    ("PUT", "/executions/<id>/error"), ("PUT", "/executions/<id>/output_files"),
    ("GET", "/executions/<id>/log/<name>"), ("GET", "/tasks/<id>"),
    ("GET", "/tasks/<id>/freeze/<id>"), ("GET", "/config/rclone"), ("GET", "/config/remote")}


def may(role, method, path):
    if path in OPEN or role == "admin":
        return True
    if role == "read":
        return method == "GET" and path not in SECRET | CHANGING_GETS
    return role == "worker" and (method, path) in OF_WORKERS


def every_route(db):
    """Nobody's rows are named: who may gets whatever the route says of that, who may
    not 401, before anything is looked at."""
    with guarded(db) as server:
        callers = {"admin": ADMIN, "read": READ, "worker": WORKER, "nobody": None}
        calls = routes()
        ok(len(calls) > 50, "the table of routes is read")
        for role, token in callers.items():
            api, wrong = server.api(token=token), []
            for method, path in calls:
                if path == "/events":
                    continue  # never ends
                at = path.replace("<id>", str(NOBODY)).replace("<status>", "running")
                at = at.replace("<name>", "stdout")
                status = api.call(method, at, {} if method != "GET" else None).status
                if (status != 401) != may(role, method, path):
                    wrong.append((method, path, status))
            is_(wrong, [], "%s: %d routes as %s" % (db, len(calls), role))
        api = server.api(token=None)
        for method, path, status in (
                ("GET", "/nowhere", 401), ("PATCH", "/tasks/", 401), ("GET", "/tasks", 401),
                ("POST", "/healthz", 401), ("HEAD", "/healthz", 200), ("HEAD", "/tasks/", 401),
                ("OPTIONS", "/tasks/", 401), ("GET", "/healthz/", 401),
                ("GET", "/%2e%2e/tasks/", 401), ("GET", "//healthz", 401)):
            is_(api.call(method, path).status, status, "%s: nobody's %s %s" % (
                db, method, path))
        is_(server.api(token=READ).call("GET", "/nowhere").status, 404,
            "%s: who is known learns what is not there" % db)


# ---- tokens

def tokens(db):
    with guarded(db) as server:
        api = server.api(token=None)
        for header, status in (
                ("Bearer " + ADMIN, 200), ("bearer " + ADMIN, 200), ("BEARER   " + ADMIN, 200),
                ("Bearer " + ADMIN[:-1], 401), ("Bearer " + ADMIN + "x", 401),
                ("Bearer " + ADMIN.upper(), 401), ("Bearer", 401), ("Bearer ", 401), ("", 401),
                (ADMIN, 401), ("Basic YWRtaW46YWRtaW4=", 401), ("Token " + ADMIN, 401),
                ("Bearer " + ADMIN + " " + READ, 401), ("Bearer " + "x" * 3000, 401),
                ("Bearer \xe9\xe9\xe9", 401), ("Bearer admin:" + ADMIN, 401)):
            got = api.call("GET", "/tasks/", headers={"Authorization": header})
            is_(got.status, status, "%s: Authorization: %.40s" % (db, header))
            if status == 401:
                ok(got.message and got.headers.get("www-authenticate", "").startswith("Bearer"),
                   "%s: … in words" % db, got)
        got = api.get("/tasks/")
        has(got.message or "", "a token is needed", "%s: none at all" % db)
        got = api.call("GET", "/tasks/?token=" + ADMIN)
        is_(got.status, 401, "%s: not in the query" % db)
        got = server.api(token=READ).post("/tasks/", {"command": "x"})
        ok(got.status == 401 and "role read does not suffice for POST /tasks/" in got.message,
           "%s: a role that does not suffice" % db, got)
        is_(server.api().get("/tasks/").json, [], "%s: nothing was done" % db)
        reload_tokens(db, server)
        for token in (ADMIN, READ, WORKER, NODE):
            ok(token not in server.log(), "%s: no token is in the log" % db)


def listen_to(server, token, path):
    """The connection of an answer that has no end, once its headers are read."""
    s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
               "Authorization: Bearer %s\r\n\r\n" % (path, token)).encode())
    while b"\r\n\r\n" not in s.recv(65536):
        pass
    return s


def rest(s):
    """What comes until the connection's end."""
    with s:
        return b"".join(iter(lambda: s.recv(65536), b""))


def reload_tokens(db, server):
    path = server.settings["SCITQ_TOKEN_FILE"]
    api = server.api()
    w = api.post("/workers/", {"name": "w", "concurrency": 1, "batch": "w"}).json["worker_id"]
    t = api.task("c", batch="w", status="paused")
    e = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
    events = listen_to(server, READ, "/events")
    log = listen_to(server, READ, "/executions/%d/log/stdout?follow=1" % e)
    put_tokens(path, "admin:anotheranother-1\n")
    os.kill(server.pid, signal.SIGHUP)
    fresh = server.api(token="anotheranother-1")
    wait_until("the new token", lambda: fresh.get("/tasks/").status == 200)
    fresh.task("not-for-you")
    fresh.put("/executions/%d/output" % e, {"text": "not-for-you"})
    ok(b"not-for-you" not in rest(events) + rest(log),
       "%s: SIGHUP: what is listened to ends with its token" % db)
    is_(server.api(token=READ).get("/tasks/").status, 401, "%s: SIGHUP: an old token" % db)
    for text, mode, words in (("nonsense anotheranother-1\n", 0o600, "line 1: it is not role"),
                              ("admin:anotheranother-2\n", 0o644, "open to others")):
        put_tokens(path, text, mode)
        os.kill(server.pid, signal.SIGHUP)
        wait_until(words, lambda: words in server.log())
        is_(fresh.get("/tasks/").status, 200, "%s: a bad file changes nothing" % db)
    has(server.log(), "stay as they were", "%s: … and is told of" % db)
    ok("anotheranother" not in server.log(), "%s: … but not what stands in it" % db)


def wrong_again(db):
    """Ten wrong tokens, and the next ones are answered late, a second at least; right ones
    are not held up by them."""
    with guarded(db) as server:
        api = server.api(token="wrongwrong")
        statuses = {api.get("/tasks/").status for _ in range(11)}
        is_(statuses, {401}, "%s: each wrong token is 401" % db)
        wait_until("the warning", lambda: "again and again" in server.log())
        is_(server.log().count("a wrong token came from 127.0.0.1"), 2, "%s: two lines" % db)
        late = socket.create_connection(("127.0.0.1", server.port))
        begin = time.monotonic()
        late.sendall(b"GET /tasks/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n\r\n")
        is_(server.api().get("/tasks/").status, 200, "%s: a right one is not held up" % db)
        is_(late.recv(12), b"HTTP/1.1 401", "%s: and the late answer comes" % db)
        took = time.monotonic() - begin
        ok(took >= 0.99, "%s: … late" % db, took)
        late.close()


def long_bodies(db):
    """What a stranger sends is not kept."""
    with guarded(db) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"POST /tasks/ HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n"
                      b"Content-Type: application/json\r\n\r\n[")
            is_(s.recv(12), b"HTTP/1.1 401", "%s: an announced one is refused at once" % db)
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"POST /tasks/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            sent = 0
            try:
                while sent < 64 << 20:
                    s.sendall(chunk)
                    sent += len(chunk)
            except OSError:
                pass
            ok(sent < 64 << 20, "%s: an endless one is cut off" % db, sent)
        got = server.api(token=None).post("/tasks/", {"command": "x" * 10000})
        ok(got.status == 401 and got.message, "%s: a short one is answered" % db, got)


# ---- what is a worker's own

def two_workers(server):
    """Two workers with an execution each: {name: (worker_id, task_id, execution_id)}, of
    which no two are the same, that none be taken for another."""
    api, found = server.api(), {}
    for _ in range(20):
        api.task("c", status="paused")
    for name in ("node-a", "node-b"):
        w = api.post("/workers/", {"name": name, "concurrency": 1, "hostname": name,
                                   "batch": name}).json["worker_id"]
        for _ in range(4):
            t = api.task("c", batch=name, status="paused")
            e = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
        server.sql("update worker set token = 'm-%s' where worker_id = %d%s"
                   % (name, w, " returning 1" if server.db == "postgresql" else ""))
        found[name] = (w, t, e)
    return found


def calls_of(w, t, e):
    """Every call of a worker's life that names something."""
    return [("GET", "/workers/%d" % w, None), ("PUT", "/workers/%d" % w, {"status": "running"}),
            ("PUT", "/workers/%d/ping" % w, {"load": "1"}),
            ("GET", "/workers/%d/executions" % w, None),
            ("GET", "/workers/%d/executions/pending" % w, None),
            ("GET", "/workers/%d/signals" % w, None),
            ("PUT", "/workers/%d/callback" % w, {"message": "hello"}),
            ("GET", "/tasks/%d" % t, None), ("GET", "/tasks/%d/freeze/%d" % (t, e), None),
            ("GET", "/executions/%d" % e, None), ("PUT", "/executions/%d" % e, {"pid": "1"}),
            ("GET", "/executions/%d/output" % e, None),
            ("PUT", "/executions/%d/output" % e, {"text": "a"}),
            ("PUT", "/executions/%d/error" % e, {"text": "b"}),
            ("PUT", "/executions/%d/output_files" % e, {"text": "f"}),
            ("GET", "/executions/%d/log/stdout" % e, None)]


def statuses(api, rows):
    return [(m, p, api.call(m, p, body).status) for m, p, body in rows]


def own(db):
    with guarded(db) as server:
        two = two_workers(server)
        for what, token, mine in (
                ("a deployed worker's own token", pass_of_worker(server, two["node-a"][0],
                                                                 "m-node-a"), ["node-a"]),
                ("a worker's token with a name", NODE, ["node-a"]),
                ("a worker's token without one", WORKER, ["node-a", "node-b"])):
            api = server.api(token=token)
            for name in two:
                got = statuses(api, calls_of(*two[name]))
                bad = [row for row in got if (row[2] == 401) == (name in mine)]
                is_(bad, [], "%s: %s: %s" % (db, what, name))
            is_([api.get(p).status for p in ("/config/remote", "/tasks/", "/metrics")],
                [404, 401, 401], "%s: %s: what else" % (db, what))
            for path, fields in (("/workers/%d" % two["node-a"][0], (
                    "name", "permanent", "provider", "region", "task_properties", "worker_id")),
                                 ("/executions/%d" % two["node-a"][2], ("worker_id", "task_id"))):
                for field in fields:
                    got = api.put(path, {field: "1"})
                    ok(got.status == 401 and "does not change " + field in got.message,
                       "%s: %s does not change %s" % (db, what, field), got)
        rows = server.api().get("/workers/").json
        is_([r["name"] for r in rows], ["node-a", "node-b"], "%s: both are as they were" % db)
        dies(db, server, two)
        nobodys(db, server, two)


def nobodys(db, server, two):
    """What a deleted worker had is of no other worker."""
    w, _, e = two["node-a"][0], *two["node-b"][1:]
    is_(server.api().get("/executions/%d" % e).json["worker_id"], None,
        "%s: the execution of a deleted worker stays" % db)
    calls = [c for c in calls_of(*two["node-b"]) if "execution" in c[1] or "freeze" in c[1]]
    calls = [c for c in calls if not c[1].startswith("/workers/")]
    for what, token in (("a deployed worker's own token", pass_of_worker(server, w, "m-node-a")),
                        ("a worker's token with a name", NODE)):
        got = statuses(server.api(token=token), calls)
        is_([row for row in got if row[2] != 401], [], "%s: %s: and is not its own" % (db, what))


def dies(db, server, two):
    w = two["node-b"][0]
    token = pass_of_worker(server, w, "m-node-b")
    is_(server.api(token=token).get("/workers/%d" % w).status, 200, "%s: it lives" % db)
    for bad in (pass_of_worker(server, w, "m-other"), pass_of_worker(server, w + 7, "m-node-b"),
                signed("no key", "w.%d.m-node-b" % w), token[:-1], token + "0",
                signed(key_of(server), "w.%d" % w), signed(key_of(server), "a.%d.x" % w)):
        is_(server.api(token=bad).get("/workers/%d" % w).status, 401,
            "%s: one like it: %.30s" % (db, bad))
    is_(server.api().delete("/workers/%d" % w).status, 200, "%s: its row is deleted" % db)
    api = server.api(token=token)
    wait_until("the row is gone", lambda: api.get("/config/remote").status == 401)
    got = api.get("/config/remote")
    ok(got.status == 401 and "is no more" in got.message, "%s: its token dies with it" % db, got)
    is_((api.put("/workers/%d/sync" % w, {"spool": "s", "holding": []}).status,
         api.register("node-b", "s", launch_token="m-node-b").status,
         api.register("node-b", "s").status), (404, 410, 401),
        "%s: its worker is told that it is not wanted, and makes no row" % db)
    now = int(time.time())
    job = server.api(token=pass_of_job(server, now + 600))
    is_((job.get("/inventory/").status, job.post("/tasks/", {"command": "x"}).status,
         job.get("/config/rclone").status), (200, 401, 401), "%s: a job's token reads" % db)
    is_(server.api(token=pass_of_job(server, now - 600)).get("/inventory/").status, 401,
        "%s: for a while" % db)


def registering(db):
    with guarded(db) as server:
        api = server.api()
        row = api.register("node-a", "s1").json["worker"]["worker_id"]
        other = api.register("node-b", "s2").json["worker"]["worker_id"]
        server.sql("update worker set token = 'm-1' where worker_id = %d%s"
                   % (row, " returning 1" if db == "postgresql" else ""))
        mine = pass_of_worker(server, row, "m-1")
        for what, token, name, status in (
                ("its own row", mine, "node-a", 200), ("another's", mine, "node-b", 401),
                ("a new one", mine, "node-c", 401), ("its own name", NODE, "node-a", 200),
                ("another's name", NODE, "node-b", 401), ("a new name", NODE, "node-c", 401),
                ("any, without a name", WORKER, "node-b", 200),
                ("to read", READ, "node-a", 401), ("nobody", None, "node-a", 401)):
            spool = {"node-a": "s1", "node-b": "s2"}.get(name, "s3")
            got = server.api(token=token).register(name, spool)
            is_(got.status, status, "%s: registering: %s" % (db, what))
        is_([r["worker_id"] for r in api.get("/workers/").json], [row, other],
            "%s: no row was made" % db)
        body = {"spool": "s1", "holding": []}
        for what, token, worker, status in (
                ("own", mine, row, 200), ("another's", mine, other, 401),
                ("own by name", NODE, row, 200), ("another's by name", NODE, other, 401),
                ("to read", READ, row, 401)):
            got = server.api(token=token).put("/workers/%d/sync" % worker, body)
            is_(got.status, status, "%s: sync: %s" % (db, what))


# ---- trusted networks

def status_from(server, source, token=None, host="127.0.0.1"):
    api = server.api(token=token, source=source)
    api.host = host
    try:
        return api.get("/tasks/").status
    finally:
        api.close()


def networks(db):
    port6 = None
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
            port6 = s.getsockname()[1]
        except OSError:
            pass
    ok(port6, "there is IPv6 on this machine")
    with guarded(db, trusted="127.0.0.2 127.0.1.0/24, ::1/128", start=True) as server:
        server.end()
        server.start(SCITQ_LISTEN="127.0.0.1:%d [::1]:%d" % (server.port, server.port))
        for source, token, status in (
                ("127.0.0.2", None, 200), ("127.0.0.3", None, 401), ("127.0.1.77", None, 200),
                ("127.0.2.1", None, 401), ("127.0.0.1", None, 401),
                ("127.0.0.3", ADMIN, 200), ("127.0.0.2", "wrong", 401),
                ("127.0.0.2", WORKER, 401), ("127.0.0.2", READ, 200)):
            is_(status_from(server, source, token), status, "%s: from %s with %s" % (
                db, source, token and "a token"))
        is_(status_from(server, None, None, "::1"), 200, "%s: IPv6 is trusted" % db)
        is_(server.api(token=None, source="127.0.0.2").post("/tasks/", {"command": "x"}).status,
            201, "%s: who is trusted is admin" % db)
        for token, status in ((None, 401), (ADMIN, 201)):
            got = server.api(token=token, source="127.0.0.2").call(
                "POST", "/tasks/", b'{"command": "x"}',
                {"Content-Type": "application/json", "Host": "alias:5000", "User-Agent": UA})
            is_(got.status, status, "%s: a browser there that was led here by another name, "
                "with %s token" % (db, "a" if token else "no"))
    with Server(db=db, SCITQ_TRUSTED_NETWORKS="127.0.0.0/29") as server:
        is_((status_from(server, "127.0.0.1"), status_from(server, "127.0.0.9"),
             status_from(server, "127.0.0.1", "any")), (200, 401, 401),
            "%s: networks without tokens" % db)
    with Server(db=db) as server:
        is_((status_from(server, None), status_from(server, None, "any")), (200, 200),
            "%s: with neither, on loopback, everybody is admin" % db)


def listening(db):
    """Open to others, in plain words only."""
    with Server(db=db, start=False) as server:
        at = "0.0.0.0:%d" % server.port
        tokens = put_tokens(server.folder.join("tokens"))
        for settings, status, words in (
                ({"SCITQ_INSECURE": "1"}, 200, "whoever reaches this server can run"),
                ({"SCITQ_TRUSTED_NETWORKS": "127.0.0.1"}, 200, ""),
                ({"SCITQ_TOKEN_FILE": tokens}, 401, "tokens travel in clear"),
                ({"SCITQ_TOKEN_FILE": tokens, "SCITQ_INSECURE": "1"}, 401, "opens nothing"),
                ({"SCITQ_TRUSTED_NETWORKS": "10.0.0.0/8", "SCITQ_INSECURE": "1"}, 401,
                 "opens nothing"),
                ({"SCITQ_TRUSTED_NETWORKS": "0.0.0.0/0", "SCITQ_INSECURE": "1"}, 200, "")):
            old = dict(server.settings)
            server.start(SCITQ_LISTEN=at, **settings)
            is_(status_from(server, None), status, "%s: open with %s" % (db, sorted(settings)))
            has(server.log(), words, "%s: … and what is to be said" % db)
            server.end()
            server.settings = old


# ---- calls of other sites' pages

UA = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"


def sites(db):
    with Server(db=db) as server:
        api, here = server.api(), server.address
        task = {"command": "true"}
        for what, method, path, headers, status in (
                ("a script's", "POST", "/tasks/", {"Host": "alias:5000"}, 201),
                ("our own page's", "POST", "/tasks/",
                 {"Origin": "http://" + here, "User-Agent": UA}, 201),
                ("another site's", "POST", "/tasks/",
                 {"Origin": "http://evil.example", "User-Agent": UA}, 401),
                ("a form's of another site", "POST", "/tasks/",
                 {"Origin": "null", "Content-Type": "text/plain", "User-Agent": UA}, 401),
                ("another port's", "POST", "/tasks/", {"Origin": "http://127.0.0.1:1"}, 401),
                ("a name's that leads here", "POST", "/tasks/",
                 {"Origin": "http://evil.example:5000", "Host": "evil.example:5000"}, 401),
                ("a name's that leads here", "GET", "/tasks/",
                 {"Host": "evil.example:5000", "User-Agent": UA}, 401),
                ("a picture's of another site", "GET", "/workers/1/signals",
                 {"Sec-Fetch-Site": "cross-site", "User-Agent": UA}, 401),
                ("a picture's", "GET", "/workers/1/signals", {"User-Agent": UA}, 401),
                ("a visitor's", "GET", "/",
                 {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
                  "User-Agent": UA}, 200),
                ("another site's", "DELETE", "/batch/x", {"Origin": "http://evil.example"}, 401),
                ("another site's", "PUT", "/batch/x/stop", {"Origin": "https://" + here + "1"},
                 401)):
            body = json.dumps(task).encode() if method == "POST" else None
            got = api.call(method, path, body, dict({"Content-Type": "application/json"},
                                                    **headers))
            is_(got.status, status, "%s: %s %s %s" % (db, what, method, path))
        is_(len(api.get("/tasks/").json), 2, "%s: only what may be was done" % db)
        is_(api.get("/tasks/").headers.get("x-content-type-options"), "nosniff",
            "%s: browsers do not guess" % db)
        ok("access-control-allow-origin" not in api.get("/tasks/").headers,
           "%s: nor is it for other sites to read" % db)


# ---- strangers

def crowd(db):
    """From 127.0.0.0/8 nobody is turned away; the limits themselves are a unit test."""
    with guarded(db) as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(400)]
        is_(server.api().get("/tasks/").status, 200, "%s: 400 that say nothing" % db)
        for s in held:
            s.close()


def main():
    for db in databases():
        diag("over " + db)
        for part in (every_route, tokens, wrong_again, long_bodies, own, registering, networks,
                     listening, sites, crowd):
            run(part, db)
    done()


main()
