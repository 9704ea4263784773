#!/usr/bin/env python3
"""SIGHUP: each setting that may change while the server runs is seen to count at once,
those that only a start can change are told of, and where anything is wrong nothing
changes."""

import glob
import os
import re
import signal
import ssl

from certificates import Authority
from fleet import manage, new_server, number, orphan
from guards import ADMIN, READ, put_tokens
from harness import (LONG, TOP, Folder, Server, Worker, databases, done, free_port, has, is_,
                     ok, run, wait_until)


def table():
    """{key: does it count at a start only} of the server's own settings."""
    with open(os.path.join(TOP, "core", "settings.c")) as f:
        rows = re.search(r"(?s)sq_conf_key keys\[\] = \{(.*?)\n\};", f.read())[1]
    every = set(re.findall(r'"([A-Z][A-Z_]+)"', rows))
    idle = set(re.findall(r'(?:LATER|OLD)\("([A-Z_]+)"', rows))
    start = set(re.findall(r'AT_START\("([A-Z_]+)"', rows))
    return {key: key in start for key in every - idle}


QUEUE = ("QUEUE_LOG_FILE", "QUEUE_LOG_FILE_MAX_SIZE", "QUEUE_LOG_FILE_KEEP")
SHOWN = set()  # keys that a test has seen to count


def reload(server, **settings):
    """… and each change is in the log."""
    mark = len(server.log())
    server.reload(**settings)
    for key in settings:
        wait_until("the log tells of " + key,
                   lambda: "%s has changed" % key in server.log()[mark:])
    SHOWN.update(settings)


def counts(what, seen):
    wait_until(what, seen)
    ok(True, what)


# ---- what callers and workers are told

def told(db):
    with Server(db, WORKER_OFFLINE_DELAY=3, WORKER_IDLE_DELAY=500,
                RCLONE_CONFIG="/nonexistent/rclone.conf") as server:
        api, folder = server.api(), server.folder
        conf = folder.join("rclone.conf")
        with open(conf, "w") as f:
            f.write("[remote]\ntype = local\n")
        is_((api.get("/config/remote").status, api.get("/config/rclone").status),
            (404, 404), db + ": nothing to tell yet")
        reload(server, REMOTE_URI="s3://lab/flows", RCLONE_CONFIG=conf)
        is_(api.get("/config/remote").json, "s3://lab/flows", db + ": REMOTE_URI")
        has(api.get("/config/rclone").json, "[remote]", db + ": RCLONE_CONFIG")
        has(server.log(), "REMOTE_URI has changed: it was not set, and is now "
            "s3://lab/flows", db + ": the log says from what to what")
        first = api.register("w", "spool-1").json
        is_((first["settings"]["offline_delay_s"], first["settings"]["idle_delay_s"]),
            (3, 500), db + ": what a worker was told")
        task = api.task("true", batch="w")
        counts(db + ": it has a task",
               lambda: api.get("/tasks/%d" % task).json["status"] != "pending")
        reload(server, WORKER_OFFLINE_DELAY=1, WORKER_IDLE_DELAY=7,
               WORKER_FIRST_TASK_DELAY=8, WORKER_LOST_DELAY=1)
        said = api.register("other", "spool-2").json["settings"]
        is_([said[k] for k in ("offline_delay_s", "idle_delay_s", "first_task_delay_s")],
            [1, 7, 8], db + ": another is told the new delays")
        counts(db + ": one that is silent goes offline, and its task is another's",
               lambda: api.get("/workers/%d" % first["worker"]["worker_id"]).json["status"]
               == "offline" and api.get("/tasks/%d" % task).json["status"] == "pending")


def logged():
    with Server() as server:
        old, new = server.folder.join("old.log"), server.folder.join("new.log")
        def text(path):
            return open(path).read() if os.path.exists(path) else ""
        reload(server, LOG_LEVEL="debug")
        counts("LOG_LEVEL: more is told", lambda: server.api().get("/tasks/7").status == 404
               and " debug [http]" in server.log())
        server.reload(LOG_FILE=old, LOG_LEVEL="error")
        counts("LOG_FILE: the log goes there", lambda: "LOG_LEVEL has changed" in text(old))

        def quiet():
            before = len(text(old))
            return server.api().get("/tasks/7").status == 404 and \
                " debug [http]" not in text(old)[before:]
        counts("LOG_LEVEL: less is told at once", quiet)
        server.reload(REMOTE_URI="s3://b/quiet")
        counts("it counts", lambda: server.api().get("/config/remote").status == 200)
        ok("REMOTE_URI" not in text(old), "LOG_LEVEL: less is told")
        os.rename(old, old + ".1")
        server.reload("no equal sign\n")
        counts("a log that was moved away is begun anew, though something is wrong",
               lambda: "stay as they were" in text(old))
        server.reload(LOG_FILE=new, LOG_LEVEL="info", LOG_FILE_MAX_SIZE=1000,
                      LOG_FILE_KEEP=2)
        counts("and elsewhere", lambda: "LOG_FILE_KEEP has changed" in text(new))
        for n in range(60):
            server.reload(REMOTE_URI="s3://b/%d" % n)
            wait_until("it counts", lambda: server.api().get("/config/remote").json
                       == "s3://b/%d" % n)
        server.end()  # else it may still be at it
        ok(os.path.getsize(new) <= 1000, "LOG_FILE_MAX_SIZE: no file is larger")
        is_(sorted(glob.glob(new + "*")), [new, new + ".1", new + ".2"],
            "LOG_FILE_KEEP: so many are kept")
        SHOWN.update(("LOG_FILE", "LOG_FILE_MAX_SIZE", "LOG_FILE_KEEP"))


# ---- who may call

def called(db):
    with Server(db) as server:
        api, reader = server.api(), server.api(token=READ)
        is_(api.get("/tasks/").status, 200, db + ": nobody is asked who he is")
        tokens = put_tokens(server.folder.join("tokens"))
        reload(server, SCITQ_TOKEN_FILE=tokens)
        is_((api.get("/tasks/").status, reader.get("/tasks/").status), (401, 200),
            db + ": SCITQ_TOKEN_FILE")
        put_tokens(tokens, "admin:%s:alice\n" % ADMIN)
        server.reload()
        counts(db + ": the same file, with others in it",
               lambda: reader.get("/tasks/").status == 401)
        reload(server, SCITQ_TRUSTED_NETWORKS="127.0.0.0/8, ::1")
        is_(api.get("/tasks/").status, 200, db + ": SCITQ_TRUSTED_NETWORKS")
        mark = len(server.log())
        reload(server, SCITQ_INSECURE=1)
        counts(db + ": SCITQ_INSECURE is judged",
               lambda: "opens nothing beside" in server.log()[mark:])
        reload(server, SCITQ_TRUSTED_NETWORKS=None, SCITQ_INSECURE=0)
        is_(api.get("/tasks/").status, 401, db + ": and taken back")
        ok(ADMIN not in server.log() and READ not in server.log(),
           db + ": no token is in the log")


def open_door():
    """A server that others reach stays closed to them, whatever the file says of where
    the next one listens."""
    with Server(start=False) as server:
        tokens = put_tokens(server.folder.join("tokens"))
        far = "0.0.0.0:%d" % server.port
        server.start(SCITQ_LISTEN=far, SCITQ_TOKEN_FILE=tokens)
        server.reload(SCITQ_LISTEN="127.0.0.1:%d" % server.port, SCITQ_TOKEN_FILE=None)
        wait_until("it is refused", lambda: "stay as they were" in server.log())
        has(server.log(), "as long as the server is not started again, ", "in words")
        has(server.log(), "SCITQ_LISTEN names " + far, "that name the address")
        is_(server.api().get("/tasks/").status, 401, "a token is needed as before")


def certified():
    """Another certificate by another name; TLS itself comes and goes with a start."""
    authority = Authority()
    trusts = ssl.create_default_context(cafile=authority.path)
    cert, key = authority.sign()
    with Server(start=False) as server:
        server.tls = trusts
        server.start(SCITQ_TLS_CERT=cert, SCITQ_TLS_KEY=key)
        is_(server.api().get("/tasks/").status, 200, "TLS")
        cert, key = authority.sign()
        reload(server, SCITQ_TLS_CERT=cert, SCITQ_TLS_KEY=key)
        is_(server.api().get("/tasks/").status, 200, "another certificate")
        server.reload(SCITQ_TLS_CERT=None, SCITQ_TLS_KEY=None)
        for name, path in (("CERT", cert), ("KEY", key)):
            wait_until("it is told", lambda: "SCITQ_TLS_%s changes at the next start: it "
                       "is %s, and will be not set" % (name, path) in server.log())
        is_(server.api().get("/tasks/").status, 200, "none counts at the next start")


# ---- machines

def rows(server):
    return {w["name"]: w for w in server.api().get("/workers/").json}


def deploy(server, provider="local", **more):
    got = server.api().put("/workers/deploy", dict(
        {"flavor": "local", "provider": provider, "region": "here", "batch": "b"}, **more))
    ok(got.status < 300, "a worker is asked for", got)


def flavors(server):
    return [(f["provider"], f["region"], f["name"])
            for f in server.api().get("/flavor/").json]


def sleeper(folder):
    """A worker's program that never comes as one, and writes down how it was called."""
    path = folder.join("scitq-worker")
    with open(path, "w") as f:
        f.write('#!/bin/sh\necho "$@" >>%s\nexec sleep 1000\n' % folder.join("seen"))
    os.chmod(path, 0o755)
    return path


def made(db):
    """Workers that are made: by whom, how many at once, for how long, from which set."""
    folder = Folder()
    seen = folder.join("seen")
    with new_server(db, LOCAL_WORKER=sleeper(folder), LOCAL_REGIONS="here", WORKER_CREATE_RETRY=0,
                    WORKER_CREATE_CONCURRENCY=1, JANITOR_PERIOD=0) as server:
        def waiting():
            return number(server, "select count(*) from job where status = 'running' and "
                          "log like '%waiting for its worker%'")
        deploy(server, number=2)
        counts(db + ": one is made", lambda: waiting() == 1)
        reload(server, WORKER_CREATE_CONCURRENCY=2)
        counts(db + ": WORKER_CREATE_CONCURRENCY: two at once", lambda: waiting() == 2)
        reload(server, WORKER_CREATE_RETRY=5, JOB_MAX_LIFETIME=2,
               SCITQ_SERVER="localhost:%d" % server.port, WORKER_CREATE_CONCURRENCY=9)
        deploy(server)
        counts(db + ": JOB_MAX_LIFETIME", lambda: number(
            server, "select count(*) from job where log like '%JOB_MAX_LIFETIME%'") == 1)
        counts(db + ": SCITQ_SERVER is what a worker is told",
               lambda: "localhost:%d" % server.port in open(seen).read())
        is_([int(r[0]) for r in server.sql("select max(retry) from job")], [5],
            db + ": WORKER_CREATE_RETRY")
        reload(server, EVICTION_ACTION="delete")
        name = [n for n, w in rows(server).items() if w["status"] == "offline"][0]
        server.api().put("/workers/%d" % rows(server)[name]["worker_id"],
                         {"status": "evicted"})
        counts(db + ": EVICTION_ACTION", lambda: name not in rows(server))
        home = os.path.join(server.settings["SCITQ_STATE_DIR"], "providers", "local")
        owner = os.path.basename(glob.glob(home + "/*-*")[0]).split("-")[0]
        lost = orphan(server, owner, "w999-1", "lost")
        reload(server, JANITOR_PERIOD=600, JANITOR_ACTION="destroy")
        counts(db + ": JANITOR_PERIOD, JANITOR_ACTION: what is lost is destroyed",
               lambda: not os.path.exists(lost))
        other = orphan(server, owner, "w998-1", "other")
        reload(server, JANITOR_PERIOD=1)
        counts(db + ": and the next sooner", lambda: not os.path.exists(other))


def dear(db):
    """The replacement of a worker that is taken back is as dear as is said by then."""
    with new_server(db, LOCAL_REGIONS="here", LOCAL_WORKER=sleeper(Folder()), JANITOR_PERIOD=0,
                    LOCAL_FLAVORS="local:1:2:10:1:0 big:2:4:20:9:0",
                    EVICTION_ACTION="replace", EVICTION_COST_MARGIN=2) as server:
        def replaced():
            """The flavor of what comes for one that is taken back."""
            before = rows(server)
            name = [n for n, w in before.items() if w["flavor"] == "local"][0]
            server.api().put("/workers/%d" % before[name]["worker_id"],
                             {"status": "evicted"})
            wait_until("another for it", lambda: set(rows(server)) - set(before)
                       and name not in rows(server))
            new = rows(server)[(set(rows(server)) - set(before)).pop()]
            return new["flavor"]
        counts(db + ": two flavors", lambda: len(flavors(server)) == 2)
        deploy(server)
        wait_until("a worker", lambda: rows(server))
        is_(replaced(), "local", db + ": the other is too dear")
        reload(server, EVICTION_COST_MARGIN=10)
        is_(replaced(), "big", db + ": EVICTION_COST_MARGIN")


def configured():
    """Ansible is run as is said by then; a file of machines is read anew."""
    folder = Folder()
    seen = folder.join("seen")
    with open(folder.join("ansible-inventory"), "w") as f:
        f.write('#!/bin/sh\necho "$ANSIBLE_CONFIG $*" >>%s\nexit 1\n' % seen)
    os.chmod(f.name, 0o755)
    for name in ("machines", "inventory", "other"):
        with open(folder.join(name), "w") as f:
            f.write("m1 address=10.0.0.1 flavor=own region=lab\n")
    with new_server(start=False, STATIC_MACHINES="/nonexistent/machines",
                    SCITQ_PROVIDERS="static=static", WORKER_CREATE_RETRY=0,
                    SCITQ_PLAYBOOKS="/one", SCITQ_INVENTORY=folder.join("inventory")) as server:
        server.env = {"PATH": folder.path + ":" + os.environ["PATH"]}
        server.start()
        reload(server, STATIC_MACHINES=folder.join("machines"))
        manage(server, "flavor", "update", "-P", "static")
        for playbooks, inventory in (("/one", "inventory"), ("/two", "other")):
            if playbooks == "/two":
                reload(server, SCITQ_PLAYBOOKS=playbooks, SCITQ_INVENTORY=folder.join("other"))
            deploy(server, "static", flavor="own", region="lab")
            words = "%s/ansible.cfg -i %s " % (playbooks, folder.join(inventory))
            counts("Ansible is run with " + words,
                   lambda: os.path.exists(seen) and words in open(seen).read())

        def last():
            return server.sql("select status, coalesce(log, '') from job where action = "
                              "'worker_deploy' order by job_id desc")[0]
        wait_until("its job ends", lambda: last()[0] == "failed")
        has(last()[1], "which only this machine can", "an address of this machine alone")
        reload(server, SCITQ_SERVER="lab7.example:5000")
        deploy(server, "static", flavor="own", region="lab")
        counts("SCITQ_SERVER is in the names of workers", lambda: [
            n for n in rows(server) if n.startswith("lab7-node")])
        wait_until("its job ends", lambda: last()[0] == "failed")
        ok("which only this machine can" not in last()[1], "and is no such address")


def offered(db):
    """What providers read is in the same file."""
    with new_server(db, LOCAL_REGIONS="here") as server:
        counts(db + ": a flavor", lambda: flavors(server) == [("local", "here", "local")])
        reload(server, LOCAL_FLAVORS="a:1:2:10:1:0 b:1:2:10:5:0", LOCAL_REGIONS="east west")
        counts(db + ": a provider's own settings",
               lambda: ("local", "west", "b") in flavors(server))
        reload(server, PREFERRED_REGIONS="local:w%")
        got = [region for _, region, name in flavors(server) if name == "a"]
        is_(got[0], "west", db + ": PREFERRED_REGIONS")
        reload(server, SCITQ_PROVIDERS="mine=local")
        counts(db + ": SCITQ_PROVIDERS", lambda: ("mine", "east", "a") in flavors(server))


# ---- what is wrong, and what waits

def wrong(db):
    with Server(db, REMOTE_URI="s3://b/before") as server:
        for more, words in (
                ("WORKER_LOST_DELAY=soon\n", "line %d: WORKER_LOST_DELAY must be an integer"),
                ("SCITQ_PROVIDERS=here=there\n", "line %d: SCITQ_PROVIDERS has here=there"),
                ("SCITQ_TOKEN_FILE=/nonexistent\n",
                 "line %d: SCITQ_TOKEN_FILE cannot be used"),
                ("LOG_FILE=/nonexistent/log\n", "line %d: LOG_FILE cannot be used"),
                ("no equal sign\n", "line %d: expected KEY=value"),
                ("SCITQ_LISTEN=bogus\n", "line %d: SCITQ_LISTEN must be"),
                ("LOCAL_QUOTA=many\n", "line %d: LOCAL_QUOTA must be an integer")):
            mark = len(server.log())
            server.reload(more, REMOTE_URI="s3://b/after", LOG_LEVEL="debug")
            wait_until("it is told", lambda: "stay as they were" in server.log()[mark:])
            said = server.log()[mark:]
            at = len(server.settings) + 1
            ok(re.search(words.replace("%d", "[^:]*%d" % at), said),
               "%s: %r is told with its line" % (db, more), said)
            ok(server.conf in said, "%s: and its file" % db, said)
            is_(server.api().get("/config/remote").json, "s3://b/before",
                "%s: and nothing else of it counts" % db)
        ok("debug" not in server.log(), "%s: nor was it more talkative" % db)
        os.rename(server.conf, server.conf + ".away")
        mark = len(server.log())
        os.kill(server.pid, signal.SIGHUP)
        wait_until("it is told", lambda: "stay as they were" in server.log()[mark:])
        reload(server, REMOTE_URI="s3://b/after")
        is_(server.api().get("/config/remote").json, "s3://b/after",
            "%s: and when all is right it counts" % db)
        mark = len(server.log())
        server.reload()
        wait_until("it is told", lambda: "none has changed" in server.log()[mark:])
        ok(True, "%s: the same again is told to be so" % db)


def later(db):
    """Each setting that only a start can change, changed."""
    with Server(db) as server:
        with open(server.folder.join("ca"), "w") as f:
            f.write("authorities\n")
        changes = {"SCITQ_DATABASE_URI": "sqlite:////nonexistent/unsaid.db",
                   "SQLALCHEMY_DATABASE_URI": "sqlite:////nonexistent/unsaid.db",
                   "SQLALCHEMY_POOL_SIZE": 7,
                   "SCITQ_LISTEN": "127.0.0.1:%d" % free_port(),
                   "SCITQ_SERVER_PROCESS": 9,
                   "SCITQ_STATE_DIR": server.folder.join("elsewhere"),
                   "SCITQ_CA": f.name,
                   "SCITQ_PLUGIN_PATH": server.folder.path}
        is_(set(changes), {k for k, start in table().items() if start},
            db + ": they are all there")
        for _ in range(2):  # told each time
            mark = len(server.log())
            server.reload(REMOTE_URI="s3://b/x%d" % mark, **changes)
            for key in changes:
                wait_until("%s is told of" % key, lambda: "%s changes at the next start" % key
                           in server.log()[mark:])
            wait_until("what can change has", lambda: server.api().get("/config/remote").json
                       == "s3://b/x%d" % mark)
        has(server.log(), "SQLALCHEMY_POOL_SIZE changes at the next start: it is 5, and "
            "will be 7", db + ": with both values")
        ok("unsaid" not in server.log(), db + ": but for secret ones", server.log())
        task = server.api().task("true")
        is_(server.api().get("/tasks/%d" % task).status, 200, db + ": it serves on")


def waiting():
    """One that stands by is not left behind: what it is told then counts when it
    schedules."""
    with Server("postgresql", role="queue") as first:
        with Server("postgresql", role="main", uri=first.uri) as main:
            with Server("postgresql", role="queue", uri=first.uri,
                        WORKER_OFFLINE_DELAY=2) as second:
                second.reload(WORKER_OFFLINE_DELAY=1, LOG_LEVEL="debug")
                wait_until("it is told", lambda: "WORKER_OFFLINE_DELAY has changed"
                           in second.log())
                own = second.folder.join("queue.log")
                second.reload(QUEUE_LOG_FILE=own, QUEUE_LOG_FILE_KEEP=3,
                              QUEUE_LOG_FILE_MAX_SIZE=100000)
                counts("QUEUE_LOG_FILE", lambda: os.path.exists(own) and
                       "QUEUE_LOG_FILE_KEEP has changed" in open(own).read())
                SHOWN.update(QUEUE)
                first.end()
                wait_until("it schedules", lambda: "] scheduling" in open(own).read())
                w = main.api().register("w", "spool-1").json["worker"]["worker_id"]
                counts("a worker is offline after the second that it was told of late",
                       lambda: main.api().get("/workers/%d" % w).json["status"]
                       == "offline")


def worker():
    """A worker takes over how it logs, and says what waits."""
    with Server() as server, Worker(server, SCITQ_FLAVOR="local") as w:
        wait_until("it has come", w.row)
        log, conf = w.folder.join("own.log"), w.folder.join("scitq-worker.conf")

        def told(words):
            return os.path.exists(log) and words in open(log).read()
        for flavor, level, *words in (
                ("big", "info", "LOG_FILE has changed",
                 "SCITQ_FLAVOR changes at the next start"),
                ("local", "loud", "stay as they were: %s line %d: LOG_LEVEL must be"
                 % (conf, len(w.settings) + 2)),
                ("local", "debug", "LOG_LEVEL has changed")):
            with open(conf + ".new", "w") as f:
                for key, value in dict(w.settings, SCITQ_FLAVOR=flavor, LOG_FILE=log,
                                       LOG_LEVEL=level).items():
                    f.write("%s=%s\n" % (key, value))
            os.rename(conf + ".new", conf)
            os.kill(w.pid, signal.SIGHUP)
            for part in words:
                counts("a worker: " + part, lambda: told(part))
        is_(w.row()["status"], "running", "it works on")


for test in (logged, open_door, certified, configured, worker):
    run(test)
for database in databases():
    for test in (told, called, wrong, later, made, dear, offered):
        if LONG or test is told or database == databases()[0]:
            run(test, database)
if "postgresql" in databases():
    run(waiting)
is_(SHOWN - {k for k in SHOWN if k.startswith(("LOCAL_", "STATIC_"))},
    {k for k, start in table().items() if not start} -
    (set() if "postgresql" in databases() else set(QUEUE)),
    "each setting that is not read at a start only was seen to count")
done()
