#!/usr/bin/env python3
"""Workers that the server deploys get a token of their own: it is for them alone, dies
with them, and stands in no log, command line, environment or job."""

import glob
import os

from fleet import (Folder, ansible, databases, diag, done, has, is_, jobs, new_server, ok,
                   run, until)
from guards import ADMIN, key_of, pass_of_worker, put_tokens
from harness import Server


def asking(db, folder, **settings):
    """A server that asks for tokens and lends machines."""
    Server.token = ADMIN
    try:
        return new_server(db, SCITQ_TOKEN_FILE=put_tokens(folder.join("tokens")),
                          LOG_LEVEL="debug", **settings)
    finally:
        Server.token = None


def deploy(server, api, provider="local", region="here", flavor="local", batch="b"):
    is_(api.put("/workers/deploy", {"flavor": flavor, "provider": provider, "region": region,
                                    "batch": batch, "number": 1}).status, 200, "one is asked for")


def row_of(server, batch="b"):
    rows = server.sql("select worker_id, token, spool from worker where batch = '%s'" % batch)
    return rows[0] if rows else None


def telling(token, but=()):
    """Processes that show it."""
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                with open(os.path.join(path, name), "rb") as f:
                    if token.encode() in f.read():
                        found.append((path, name))
            except OSError:
                pass
    return found


def local(db):
    folder = Folder()
    with asking(db, folder) as server:
        api = server.api(token=ADMIN)
        deploy(server, api)
        until("%s: it has come" % db, lambda: (row_of(server) or [0, 0, None])[2],
              lambda: jobs(server, "worker_deploy"))
        worker, machine, _ = row_of(server)
        worker = int(worker)
        token = pass_of_worker(server, worker, machine)
        files = glob.glob(server.settings["SCITQ_STATE_DIR"] + "/providers/local/*/token")
        is_(len(files), 1, "%s: its token is in a file" % db)
        with open(files[0]) as f:
            is_(f.read(), token, "%s: that of its row" % db)
        is_(os.stat(files[0]).st_mode & 0o777, 0o600, "%s: which only its owner reads" % db)
        task = api.task("sh -c 'env; echo done'", batch="b")
        api.wait_task(task)
        e = api.get("/executions/", {"task_id": task}).json[0]["execution_id"]
        text = api.raw_log(e).decode()
        ok("done" in text and token not in text, "%s: a task does not find it" % db, text)
        is_(telling(token), [], "%s: no process shows it" % db)
        is_(telling(key_of(server)), [], "%s: nor the key" % db)
        own = server.api(token=token)
        is_((own.get("/workers/%d" % worker).status, own.post("/tasks/", {"command": "x"}).status,
             own.get("/executions/%d" % e).status, own.get("/tasks/").status),
            (200, 401, 200, 401), "%s: it is for the worker's own calls" % db)
        logs = glob.glob(server.settings["SCITQ_STATE_DIR"] + "/providers/local/*/log")
        said = server.log() + str(jobs(server, "worker_deploy"))
        for path in logs:
            with open(path) as f:
                said += f.read()
        ok(logs and token not in said and key_of(server) not in said,
           "%s: no log and no job has it" % db)
        api.delete("/workers/%d" % worker)
        until("%s: it has gone" % db, lambda: row_of(server) is None,
              lambda: jobs(server, "worker_destroy"))
        is_(own.get("/config/remote").status, 401, "%s: and its token with it" % db)
        is_(glob.glob(files[0]), [], "%s: and the file" % db)


def bare(db):
    """By Ansible, on a machine that is lent bare."""
    folder, held = Folder(), Folder()
    with open(held.join("machines"), "w") as f:
        f.write("one address=10.99.0.1 flavor=big region=lab cpu=4 ram=8 disk=100\n")
    with open(held.join("ca.pem"), "w") as f:
        f.write("authority\n")
    settings, env = ansible(folder)
    server = asking(db, held, STATIC_MACHINES=held.join("machines"), SCITQ_CA=held.join("ca.pem"),
                    WORKER_CREATE_RETRY=0, **settings)
    server.end()
    server.env = dict(server.env, **env)
    with server.start():
        api = server.api(token=ADMIN)
        deploy(server, api, "static", "lab", "big")
        until("%s: its worker has come" % db, lambda: (row_of(server) or [0, 0, None])[2],
              lambda: jobs(server, "worker_deploy"))
        worker, machine, _ = row_of(server)
        with open(folder.join("token")) as f:
            reading = server.api(token=f.read())
        is_((reading.get("/inventory/").status, reading.post("/tasks/", {"command": "x"}).status),
            (200, 401), "%s: the inventory reads with a token of its own" % db)
        is_(os.listdir(server.settings["SCITQ_STATE_DIR"] + "/ansible"), [],
            "%s: nothing of it is left" % db)
        token = pass_of_worker(server, int(worker), machine)
        ok(token not in server.log() + str(jobs(server, "worker_deploy")),
           "%s: no log has the worker's" % db)
        api.delete("/workers/%d" % int(worker))
        until("%s: it has gone" % db, lambda: row_of(server) is None,
              lambda: jobs(server, "worker_destroy"))
        babbles(db, folder, server, api)


def babbles(db, folder, server, api):
    """A playbook that says what it was told: the log has stars."""
    open(folder.join("babble"), "w").close()
    deploy(server, api, "static", "lab", "big", "c")
    until("%s: a playbook that babbles fails" % db,
          lambda: api.get("/jobs/", {"action": "worker_deploy", "status": "failed"}).json)
    text = api.get("/jobs/", {"action": "worker_deploy", "status": "failed"}).json[0]["log"]
    has(text, "*** and ***", "%s: the log hides it" % db)
    has(text, "it is ***", "%s: and what failed does" % db)
    ok("w.%s." % row_of(server, "c")[0] not in text + server.log(),
       "%s: it is nowhere" % db, text)


def main():
    for db in databases():
        diag("over " + db)
        run(local, db)
        run(bare, db)
    done()


main()
