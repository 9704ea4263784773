#!/usr/bin/env python3
"""Tools and workers prove who they are, and nobody sees by what: no token stands in a
log, a command line, an environment, a job or what a task finds."""

import os
import signal
import socket
import subprocess

from guards import ADMIN, NODE, READ, WORKER, guarded, put_tokens
from harness import (Folder, Worker, clean_env, databases, diag, done, has, is_, ok, program,
                     run, wait_until)


def tool(server, *words, **env):
    out = subprocess.run([program(words[0])] + list(words[1:]), timeout=120, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=clean_env(SCITQ_SERVER=server.url, **env))
    return out.returncode, out.stdout, out.stderr


def tools(db):
    """Each place that a token may stand in, for each tool."""
    with guarded(db) as server:
        home = Folder()
        os.makedirs(home.join(".config/scitq"))
        bare, theirs = {"HOME": home.path}, Folder()
        put_tokens(home.join(".config/scitq/token"), ADMIN + "\n")
        in_file = put_tokens(theirs.join("token"), ADMIN + "\n")
        wrong = put_tokens(theirs.join("wrong"), "wrongwrong\n")
        calls = (("scitq-launch", "true"), ("scitq-manage", "task", "list"),
                 ("scitq-manage", "worker", "list"), ("scitq-inventory", "--list"))
        for words in calls:
            name = " ".join(words)
            for what, env, code, said in (
                    ("none", {"HOME": theirs.path}, 1, "a token is needed"),
                    ("a value", {"HOME": theirs.path, "SCITQ_TOKEN": ADMIN}, 0, ""),
                    ("a file", {"HOME": theirs.path, "SCITQ_TOKEN_FILE": in_file}, 0, ""),
                    ("a file at home", bare, 0, ""),
                    ("a wrong file before one at home", dict(bare, SCITQ_TOKEN_FILE=wrong), 1,
                     "not one that this server knows"),
                    ("a value before a file", dict(bare, SCITQ_TOKEN=ADMIN,
                                                   SCITQ_TOKEN_FILE=wrong), 0, ""),
                    ("an absent file", dict(bare, SCITQ_TOKEN_FILE="/nonexistent"), 1,
                     "/nonexistent")):
                got, _, err = tool(server, *words, **env)
                is_(got != 0, code != 0, "%s: %s: %s" % (db, name, what))
                has(err, said, "%s: … in words" % db)
                ok(ADMIN not in err, "%s: … without the token" % db)
        code, _, err = tool(server, "scitq-launch", "true", HOME=theirs.path, SCITQ_TOKEN=READ)
        ok(code and "role read does not suffice" in err, "%s: who may only read" % db, err)
        code, out, _ = tool(server, "scitq-manage", "task", "list", HOME=theirs.path,
                            SCITQ_TOKEN=READ)
        ok(code == 0 and "true" in out, "%s: … reads" % db, out)


def seen(pid):
    """What everybody, or the same user, sees of a process."""
    text = b""
    for name in ("cmdline", "environ", "comm"):
        try:
            with open("/proc/%d/%s" % (pid, name), "rb") as f:
                text += f.read()
        except OSError:
            pass
    return text.decode(errors="replace")


def hidden_tool():
    """A tool that waits for its server hides what it was given."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        for name, words in (("scitq-manage", ["task", "list"]), ("scitq-launch", ["true"]),
                            ("scitq-inventory", ["--list"])):
            child = subprocess.Popen(
                [program(name)] + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=clean_env(SCITQ_SERVER="127.0.0.1:%d" % server.getsockname()[1],
                              SCITQ_TOKEN=ADMIN, SCITQ_MARK="mark"))
            conn, _ = server.accept()
            got = b""
            while b"\r\n\r\n" not in got:
                got += conn.recv(65536)
            ok(("Bearer " + ADMIN).encode() in got, "%s sends its token" % name)
            ok(ADMIN not in seen(child.pid) and "mark" in seen(child.pid),
               "and nobody sees it", seen(child.pid))
            conn.close()
            child.wait(60)


LOOK = ("sh -c 'env; tr \"\\\\0\" \"\\\\n\" </proc/$PPID/environ; "
        "tr \"\\\\0\" \" \" </proc/$PPID/cmdline; echo done'")


def family(worker):
    """The processes of a worker."""
    return sorted(set(worker.leftovers()) | {worker.pid})


def workers(db):
    """A worker's token, from each place it may stand in; what a task and others see."""
    with guarded(db, LOG_LEVEL="debug") as server:
        api = server.api()
        held = Folder()
        in_file = put_tokens(held.join("token"), NODE + "\n")
        for what, settings, env in (
                ("in its settings", {"SCITQ_TOKEN": NODE}, {}),
                ("in a file", {"SCITQ_TOKEN_FILE": in_file}, {}),
                ("in its environment", {"SCITQ_TOKEN": "wrong"}, {"SCITQ_TOKEN": NODE})):
            worker = Worker(server, name="node-a", start=False, LOG_LEVEL="debug", **settings)
            worker.env = env
            with worker.start():
                task = api.task(LOOK, batch="Default")
                long = api.task("sleep 1000", batch="Default")
                api.wait_task(task)
                execution = api.get("/executions/", {"task_id": task}).json[0]
                text = api.raw_log(execution["execution_id"]).decode(errors="replace")
                ok("done" in text and NODE not in text, "%s: %s: no task sees it" % (db, what),
                   text)
                api.wait_task(long, "running")
                found = family(worker)
                ok(len(found) >= 3, "%s: %s: its processes are found" % (db, what), found)
                telling = [pid for pid in found if NODE in seen(pid)]
                is_(telling, [], "%s: %s: no process shows it" % (db, what))
                os.kill(worker.pid, signal.SIGTERM)
                worker.process.wait(60)
                worker.start()
                wait_until("it is back", lambda: worker.log().count(" at http") >= 2)
                restarted(db, api, worker, what)
                api.put("/tasks/%d" % long, {"status": "failed"})
                ok(NODE not in worker.log(), "%s: %s: its log has none" % (db, what))
            row = worker.row(api)
            api.delete("/workers/%d" % row["worker_id"])
        for token in (ADMIN, NODE):
            ok(token not in server.log(), "%s: the server's log has none" % db)
        refused(db, server, api)


def restarted(db, api, worker, what):
    """The server's signal -2: it becomes itself anew."""
    row = worker.row(api)["worker_id"]
    api.post("/workers/%d/signals" % row, {"execution_id": None, "signal": -2})
    wait_until("it starts anew", lambda: worker.log().count(" at http") >= 3)
    ok(NODE not in seen(worker.pid), "%s: %s: nor after a restart" % (db, what))


def refused(db, server, api):
    """A worker without a token, or with another's, keeps asking and says why."""
    for name, settings, words in (
            ("node-x", {}, "a token is needed"),
            ("node-x", {"SCITQ_TOKEN": NODE}, "is of the worker named node-a"),
            ("node-x", {"SCITQ_TOKEN": READ}, "role read does not suffice"),
            ("node-x", {"SCITQ_TOKEN": "wrong"}, "not one that this server knows")):
        worker = Worker(server, name=name, **settings)
        wait_until(words, lambda: words in worker.log())
        has(worker.log(), "trying again", "%s: refused: %s" % (db, words))
        worker.stop()
    worker = Worker(server, name="node-x", SCITQ_TOKEN=WORKER)
    wait_until("the row", lambda: worker.row(api))
    ok(True, "%s: a worker's token without a name is any worker's" % db)
    worker.stop()


def main():
    run(hidden_tool)
    for db in databases():
        diag("over " + db)
        run(tools, db)
        run(workers, db)
    done()


main()
