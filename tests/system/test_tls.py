#!/usr/bin/env python3
"""The server over TLS: its certificate, who trusts it and who does not, which versions
are spoken, a new certificate while it serves, and all of a task's life through it."""

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import warnings

from certificates import Authority
from guards import ADMIN, NODE, put_tokens
from harness import (Folder, Server, Worker, clean_env, databases, diag, done, has, is_, ok,
                     program, run, wait_until)


def secured(db, authority, cert, key, **settings):
    """A server with its own copies of both files."""
    server = Server(db=db, start=False)
    server.tls = ssl.create_default_context(cafile=authority.path)
    server.token = ADMIN
    for name, source in (("cert", cert), ("key", key)):
        shutil.copy(source, server.folder.join(name))
        server.settings["SCITQ_TLS_" + name.upper()] = server.folder.join(name)
    server.settings["SCITQ_TOKEN_FILE"] = put_tokens(server.folder.join("tokens"))
    server.start(**settings)
    return server


def tool(server, *words, **env):
    out = subprocess.run([program(words[0])] + list(words[1:]), timeout=120, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=clean_env(**dict({"SCITQ_TOKEN": ADMIN}, **env)))
    return out.returncode, out.stdout


def refused_files(authority):
    """What is not right stops the start, in words."""
    folder = Folder()
    cert, key = authority.sign()
    other = authority.sign()
    open_key = shutil.copy(key, folder.join("open.key"))
    os.chmod(open_key, 0o644)
    with open(folder.join("nonsense"), "w") as f:
        f.write("no certificate\n")
    for what, c, k, words in (
            ("absent", "/nonexistent", key, "cannot open /nonexistent"),
            ("an absent key", cert, "/nonexistent", "cannot open /nonexistent"),
            ("nonsense", folder.join("nonsense"), key, "has no certificate that can be used"),
            ("a key that is nonsense", cert, folder.join("nonsense"),
             "nonsense"),
            ("another's key", cert, other[1], "is not that of the certificate"),
            ("a key that everybody reads", cert, open_key, "is open to everybody (mode 0644)"),
            ("a folder", folder.path, key, "is not a file")):
        if k == folder.join("nonsense"):
            os.chmod(k, 0o600)
        conf = folder.join("conf")
        with open(conf, "w") as f:
            f.write("SCITQ_STATE_DIR=%s\nSCITQ_TLS_CERT=%s\nSCITQ_TLS_KEY=%s\n"
                    % (folder.join("state"), c, k))
        out = subprocess.run([program("scitq-server"), "-c", conf], env=clean_env(),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=60)
        ok(out.returncode == 1 and words in out.stdout, "refused: %s" % what, out.stdout)
    ok(not os.path.exists(folder.join("state")), "and nothing is left behind")


def trust(authority):
    """Whose certificate it has to be, for tools and for workers."""
    stranger = Authority("Another")
    cases = (("right", authority.sign(), authority.path, 0, ""),
             ("of an authority that is not known", authority.sign(), stranger.path, 1,
              "cannot be trusted"),
             ("of no authority that the system knows", authority.sign(), None, 1,
              "cannot be trusted"),
             ("an absent file of authorities", authority.sign(), "/nonexistent", 1,
              "/nonexistent"),
             ("of another machine", authority.sign("DNS:other.example"), authority.path, 1,
              "cannot be trusted"),
             ("expired", authority.sign(ends="20210101000000Z"), authority.path, 1,
              "cannot be trusted"))
    for what, (cert, key), ca, code, words in cases:
        server = secured("sqlite", authority, cert, key)
        env = {"SCITQ_CA": ca} if ca else {}
        got, said = tool(server, "scitq-manage", "-s", server.url, "task", "list", **env)
        ok((got != 0) == (code != 0) and words in said, "a certificate: %s: a tool" % what, said)
        worker = Worker(server, name="node-a", SCITQ_TOKEN=NODE, **env)
        if code == 0:
            wait_until("it is registered", lambda: "worker 1 at https://" in worker.log())
        else:
            wait_until("it says why", lambda: "trying again" in worker.log())
            ok("certificate" in worker.log() or "nonexistent" in worker.log(),
               "a certificate: %s: a worker says why" % what, worker.log())
        worker.stop()
        if what == "expired":
            has(server.log(), "has expired", "the server says that it has expired")
        ok(ADMIN not in server.log() and NODE not in server.log() + worker.log(),
           "a certificate: %s: no token was told" % what)
        server.stop()


def versions(authority):
    """1.2 and 1.3, and nothing older; nor plain HTTP."""
    cert, key = authority.sign()
    warnings.simplefilter("ignore", DeprecationWarning)
    with secured("sqlite", authority, cert, key) as server:
        for version, good in ((ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False),
                              (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=authority.path)
            context.minimum_version = context.maximum_version = version
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            try:
                with socket.create_connection(("127.0.0.1", server.port)) as s:
                    with context.wrap_socket(s, server_hostname="127.0.0.1"):
                        got = True
            except (ssl.SSLError, OSError):
                got = False
            is_(got, good, "%s" % version.name)
        plain = server.api(tls=None)
        try:
            got = plain.get("/healthz")
            ok(False, "no plain HTTP", got)
        except (OSError, http.client.HTTPException):
            ok(True, "no plain HTTP")
        code, said = tool(server, "scitq-manage", "-s", server.address, "task", "list")
        ok(code and "https://" in said, "a tool without TLS says what may be wrong", said)
        with Server() as other:
            code, said = tool(server, "scitq-manage", "-s", "https://" + other.address,
                              "task", "list", SCITQ_CA=authority.path)
            ok(code and "http://" in said, "and one that is alone with it", said)


def peer(server):
    """The serial number that it shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        with context.wrap_socket(s) as t:
            return ssl.DER_cert_to_PEM_cert(t.getpeercert(True))


def put(source, to):
    shutil.copy(source, to + ".new")
    os.rename(to + ".new", to)


def ending(authority):
    """A certificate that ends soon is told of, while there is time; another is not."""
    for days, words in ((20.5, "expires in 20 days"), (40.5, "")):
        ends = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))
        with secured("sqlite", authority, *authority.sign(ends=ends)) as server:
            is_("expires in" in server.log(), bool(words), "%g days before its end" % days)
            has(server.log(), words, "… in words")


def anew(authority):
    """SIGHUP brings a new certificate; connections that are there go on."""
    cert, key = authority.sign()
    new_cert, new_key = authority.sign()
    with secured("sqlite", authority, cert, key) as server:
        api, first = server.api(), peer(server)
        is_(api.get("/tasks/").status, 200, "a connection")
        kept = api.conn
        put(new_cert, server.folder.join("cert"))
        os.kill(server.pid, signal.SIGHUP)
        wait_until("it is told", lambda: "is not that of the certificate" in server.log())
        is_(peer(server), first, "half of a new pair changes nothing")
        put(new_key, server.folder.join("key"))
        os.kill(server.pid, signal.SIGHUP)
        wait_until("the new one", lambda: peer(server) != first)
        ok(api.get("/tasks/").status == 200 and api.conn is kept, "the connection goes on")
        is_(server.api().get("/tasks/").status, 200, "a new one too")
        for _ in range(20):
            os.kill(server.pid, signal.SIGHUP)
        is_(server.api().get("/tasks/").status, 200, "again and again")


def life(db, authority):
    """Long polls, long bodies, followers: a task's life."""
    cert, key = authority.sign()
    with secured(db, authority, cert, key, LOG_LEVEL="debug",
                 WORKER_OFFLINE_DELAY=600) as server:
        has(server.log(), "listening on https://", "%s: the log says so" % db)
        api = server.api()
        with Worker(server, concurrency=2, name="node-a", SCITQ_TOKEN=NODE,
                    SCITQ_CA=authority.path) as worker:
            task = api.task("sh -c 'echo out; echo err >&2'")
            api.wait_task(task)
            execution = api.get("/executions/", {"task_id": task}).json[0]["execution_id"]
            is_((api.raw_log(execution), api.raw_log(execution, "stderr")),
                (b"out\n", b"err\n"), "%s: a task's output" % db)
            many = [{"command": "echo %d %s" % (i, "x" * 1000)} for i in range(2000)]
            is_(api.post("/tasks/", many).status, 201, "%s: a long body" % db)
            is_(len(api.get("/tasks/", {"batch": "Default"}).json), 2001,
                "%s: a long answer" % db)
            follow(db, server, api)
            code, said = tool(server, "scitq-manage", "-s", server.url, "worker", "list",
                              SCITQ_CA=authority.path)
            ok(code == 0 and "node-a" in said, "%s: a tool" % db, said)
            ok(NODE not in worker.log() and NODE not in server.log(), "%s: no token" % db)
        gone(db, server, api)


def follow(db, server, api):
    task = api.task("sh -c 'echo first; sleep 1000'", batch="follow", status="paused")
    w = api.register("follow", "f", concurrency=1).json["worker"]["worker_id"]
    execution = api.post("/executions/", {"worker_id": w, "task_id": task}).json
    e = execution["execution_id"]
    api.put("/executions/%d" % e, {"status": "running"})
    follower = server.api().connect()
    follower.request("GET", "/executions/%d/log/stdout?follow=1" % e,
                     headers={"Authorization": "Bearer " + ADMIN})
    answer = follower.getresponse()
    api.put("/executions/%d/output" % e, {"text": "first"})
    is_(answer.read(5), b"first", "%s: a follower reads" % db)
    api.put("/executions/%d/output" % e, {"text": "second"})
    is_(answer.read(6), b"second", "%s: … what comes later" % db)
    api.put("/executions/%d" % e, {"status": "succeeded"})
    is_(answer.read(), b"", "%s: … to its end" % db)
    follower.close()


def gone(db, server, api):
    """Clients that hang up in a poll are let go, with and without a goodbye."""
    w = api.register("poller", "p").json["worker"]["worker_id"]
    body = b'{"spool":"p","wait":60,"holding":[]}'
    for polite in (True, False):
        s = server.tls.wrap_socket(socket.create_connection(("127.0.0.1", server.port)),
                                   server_hostname="127.0.0.1")
        s.sendall(b"PUT /workers/%d/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                  b"Content-Length: %d\r\n\r\n" % (w, ADMIN.encode(), len(body)) + body)
        port = s.getsockname()[1]
        wait_until("the poll is read", lambda: server.has_read(s))
        is_(server.lets_go(port), False, "%s: it is held" % db)
        is_(api.get("/healthz").status, 200, "%s: a poll" % db)
        s.setblocking(False)
        try:
            if polite:
                s.unwrap()
        except ssl.SSLError:
            pass  # its answer is not waited for
        s.close()
        wait_until("it is let go", lambda: server.lets_go(port), 30)
        ok(True, "%s: whoever hangs up %s is let go" % (db, "politely" if polite else "rudely"))


def main():
    authority = Authority()
    for part in (refused_files, trust, versions, ending, anew):
        run(part, authority)
    for db in databases():
        diag("over " + db)
        run(life, db, authority)
    done()


main()
