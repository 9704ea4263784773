#!/usr/bin/env python3
"""How scitq-server starts, refuses to start, and stops: each refusal is a sentence on
standard error and exit 1 (2 for a bad option), and nothing is left behind."""

import glob
import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading

from harness import (TOP, Folder, Server, clean_env, databases, done, free_port, has, is_,
                     ok, program, run, wait_until, with_postgresql)


def start(folder, conf="", options=(), **env):
    """Run the server until it ends by itself: (status, standard error)."""
    path = folder.join("scitq.conf")
    with open(path, "w") as f:
        f.write(conf)
    out = subprocess.run([program("scitq-server"), "-c", path] + list(options),
                         env=clean_env(**env), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         timeout=60, cwd=folder.path)
    return out.returncode, out.stderr, out.stdout


def options():
    folder = Folder()
    for args, words in (
            (["--role=boss"], "--role is all, main or queue"),
            (["--db=drop"], "--db is init, check, upgrade"),
            (["--db=prune"], "--db prune and --days go together"),
            (["--days=3"], "--db prune and --days go together"),
            (["--db=prune", "--days=0"], "--days is a number from 1"),
            (["--db"], "requires an argument"),
            (["--bogus"], "unrecognized option"),
            (["--ready-fd=99"], "not an open descriptor"),
            (["now"], "unexpected argument: now")):
        status, text, _ = start(folder, options=args)
        is_(status, 2, "%s: exit 2" % args)
        has(text, words, "%s: says why" % args)
        has(text, "--help", "%s: says where help is" % args)
    is_(start(folder, options=["--help"])[0], 0, "--help")
    status, _, out = start(folder, options=["--version"])
    ok(status == 0 and re.match(r"scitq-server \d", out), "--version", out)


def settings():
    folder = Folder()
    state = "SCITQ_STATE_DIR=%s\n" % folder.join("state")
    for conf, args, words in (
            ("WORKER_OFFLINE_DELAY=soon\n", [], "scitq.conf line 2: WORKER_OFFLINE_DELAY "
             "must be an integer between 1 and"),
            ("\n\nSQLALCHEMY_POOL_SIZE=0\n", [], "line 4"),
            ("no equal sign\n", [], "line 2"),
            ("LOG_LEVEL=loud\n", [], "scitq.conf line 2: LOG_LEVEL must be error, "
             "warning, info or debug, not \"loud\""),
            ("SCITQ_STATE_DIR=here\n", [], "scitq.conf line 2: SCITQ_STATE_DIR must begin "
             "with /"),
            ("SCITQ_LISTEN=bogus\n", [], "scitq.conf line 2: SCITQ_LISTEN must be "
             "address:port"),
            ("SCITQ_LISTEN=bogus\n", [], "bogus is not"),
            ("SCITQ_LISTEN=0.0.0.0:5000\n", [], "SCITQ_INSECURE=1"),
            ("SCITQ_LISTEN=[::]:5000\n", [], "SCITQ_INSECURE=1"),
            ("SCITQ_LISTEN=[::]:5000\n", [], "scitq.conf line 2: SCITQ_LISTEN names"),
            ("FLASK_APP=x\n", [], "SCITQ_LISTEN=0.0.0.0:5000\nSCITQ_INSECURE=1"),
            ("SCITQ_TLS_CERT=/x\n", [], "scitq.conf line 2: SCITQ_TLS_CERT needs "
             "SCITQ_TLS_KEY beside it"),
            ("SCITQ_TLS_CERT=/x\nSCITQ_TLS_KEY=/y\n", [], "scitq.conf line 2: "
             "SCITQ_TLS_CERT cannot be used: cannot open /x"),
            ("SCITQ_CA=/x\n", [], "scitq.conf line 2: SCITQ_CA names /x"),
            ("SCITQ_LISTEN=[::]:5000\n", [], "SCITQ_TRUSTED_NETWORKS=10.0.0.0/8"),
            ("SCITQ_LISTEN=[::]:5000\n", [], "SCITQ_TOKEN_FILE"),
            ("SCITQ_LISTEN=[::]:5000\nSCITQ_TOKEN_FILE=\n", [], "SCITQ_LISTEN names"),
            ("SCITQ_LISTEN=[::]:5000\nSCITQ_TRUSTED_NETWORKS=\n", [], "SCITQ_LISTEN names"),
            ("SCITQ_TOKEN_FILE=/x\n", [], "scitq.conf line 2: SCITQ_TOKEN_FILE cannot be "
             "used: cannot open /x"),
            ("SCITQ_TRUSTED_NETWORKS=10.0.0.1/8\n", [], "scitq.conf line 2: "
             "SCITQ_TRUSTED_NETWORKS names \"10.0.0.1/8\""),
            ("SCITQ_TRUSTED_NETWORKS=0.0.0.0/0\n", [], "trusts everybody"),
            ("", ["--role=main"], "only --role=all"),
            ("SCITQ_DATABASE_URI=postgresql://127.0.0.1:1/d\n", ["--role=queue"],
             "database postgresql 127.0.0.1/d" if with_postgresql() else
             "this scitq was built without"),
            ("SCITQ_DATABASE_URI=mysql://u:pass@h/d\n", [], "scitq.conf line 2: "
             "SCITQ_DATABASE_URI is neither sqlite:////"),
            ("LOG_FILE=/nonexistent/dir/log\n", [], "/nonexistent/dir/log")):
        status, text, _ = start(folder, state + conf, args)
        is_(status, 1, "%r %s: exit 1" % (conf, args))
        has(text, words, "%r %s: says why" % (conf, args))
        ok("pass" not in text, "%r: no password is told" % conf, text)
    for name, value, words in (
            ("LOG_LEVEL", "loud", "must be error, warning"),
            ("SCITQ_LISTEN", "bogus", "must be address:port"),
            ("SCITQ_TLS_KEY", "/x", "needs SCITQ_TLS_CERT beside it"),
            ("SQLALCHEMY_DATABASE_URI", "mysql://", "is neither sqlite:////")):
        status, text, _ = start(folder, state, **{name: value})
        is_(status, 1, "%s=%s in the environment: exit 1" % (name, value))
        has(text, "the environment: %s %s" % (name, words), "%s: says where" % name)
    ok(not os.path.exists(folder.join("state")), "a refused start leaves nothing")
    status, text, _ = start(Folder(), options=["-c", "/nonexistent.conf"])
    ok(status == 1 and "/nonexistent.conf" in text, "absent settings file", text)


# A wrong value of each setting, and how what is said of it begins.
WRONG = {
    "SCITQ_DATABASE_URI": ("mysql://u:pass@h/d", "is neither sqlite:////"),
    "SQLALCHEMY_DATABASE_URI": ("mysql://u:pass@h/d", "is neither sqlite:////"),
    "SQLALCHEMY_POOL_SIZE": ("many", "must be an integer between 1 and 100"),
    "SCITQ_LISTEN": ("bogus", "must be address:port"),
    "SCITQ_INSECURE": ("perhaps", "must be 1 or 0"),
    "SCITQ_TRUSTED_NETWORKS": ("10.0.0.0/8, home", "names \"home\": it is no network"),
    "SCITQ_TOKEN_FILE": ("/nonexistent", "cannot be used: cannot open /nonexistent"),
    "SCITQ_TLS_CERT": ("/nonexistent", "needs SCITQ_TLS_KEY"),
    "SCITQ_TLS_KEY": ("/nonexistent", "needs SCITQ_TLS_CERT"),
    "SCITQ_CA": ("/nonexistent", "names /nonexistent: No such file"),
    "SCITQ_SERVER_PROCESS": ("0", "must be between 1 and 1024"),
    "SCITQ_STATE_DIR": ("here", "must begin with /"),
    "LOG_FILE": ("/nonexistent/log", "cannot be used: cannot open the log file"),
    "LOG_FILE_MAX_SIZE": ("1", "must be between 1000 and"),
    "LOG_FILE_KEEP": ("-1", "must be between 0 and 1000"),
    "QUEUE_LOG_FILE_MAX_SIZE": ("999", "must be between 1000 and"),
    "QUEUE_LOG_FILE_KEEP": ("1001", "must be between 0 and 1000"),
    "LOG_LEVEL": ("loud", "must be error, warning, info or debug"),
    "WORKER_OFFLINE_DELAY": ("0", "must be between 1 and"),
    "WORKER_IDLE_DELAY": ("5m", "must be an integer between 1 and"),
    "WORKER_FIRST_TASK_DELAY": ("1e3", "must be an integer between 1 and"),
    "WORKER_LOST_DELAY": ("never", "must be an integer between 0 and"),
    "REMOTE_URI": ("flows", "is no folder's URI: "),
    "RCLONE_CONFIG": ("rclone.conf", "must begin with /"),
    "SCITQ_PLUGIN_PATH": ("/usr:/nonexistent", "names /nonexistent: No such file"),
    "SCITQ_SERVER": ("ftp://here", ""),
    "SCITQ_PROVIDERS": ("cloud=clowd", "has cloud=clowd: no provider is called clowd"),
    "PREFERRED_REGIONS": ("here", "must be a list of provider:region"),
    "SCITQ_PLAYBOOKS": ("ansible", "must begin with /"),
    "WORKER_CREATE_CONCURRENCY": ("0", "must be between 1 and 1000"),
    "WORKER_CREATE_RETRY": ("-1", "must be between 0 and 100"),
    "JOB_MAX_LIFETIME": ("", "must be an integer between 1 and"),
    "JANITOR_PERIOD": ("-1", "must be between 0 and"),
    "JANITOR_ACTION": ("burn", "must be destroy or empty"),
    "EVICTION_ACTION": ("weep", "must be delete, replace or empty"),
    "EVICTION_COST_MARGIN": ("x10", "must be an integer between 1 and"),
}
# Ansible takes lists of hosts there too; only --role=queue opens the other.
NEVER_WRONG = {"SCITQ_INVENTORY", "QUEUE_LOG_FILE"}


def tables():
    """{key: kind} of the server's settings and of the providers' that are numbers."""
    found = {}
    with open(os.path.join(TOP, "core", "settings.c")) as f:
        rows = re.search(r"(?s)sq_conf_key keys\[\] = \{(.*?)\n\};", f.read())[1]
    idle = set(re.findall(r'(?:LATER|OLD)\("([A-Z_]+)"', rows))
    for key in set(re.findall(r'"([A-Z][A-Z_]+)"', rows)) - idle:
        found[key] = "OWN"
    for path in glob.glob(os.path.join(TOP, "providers", "*", "*.c")):
        with open(path) as f:
            found.update(re.findall(r'\{"([A-Z_]+)", SQ_SETTING_(INT|BOOL)', f.read()))
    return found


def every_setting():
    """What is wrong in a setting, whichever, is said with its file and line, and in a
    reload too (test_reload.py): nothing is started, nothing is left behind."""
    folder = Folder()
    found = tables()
    is_(set(WRONG) | NEVER_WRONG, {k for k, kind in found.items() if kind == "OWN"},
        "there is a wrong value for each setting")
    for key, kind in sorted(found.items()):
        value, words = WRONG.get(key) or (
            ("many", "must be an integer") if kind == "INT" else ("maybe", "must be 1 or 0"))
        if key in NEVER_WRONG:
            continue
        state = "" if key == "SCITQ_STATE_DIR" else \
            "SCITQ_STATE_DIR=%s\n" % folder.join("state")
        listen = "" if key == "SCITQ_LISTEN" else "SCITQ_LISTEN=127.0.0.1:%d\n" % free_port()
        conf = state + listen + "# wrong:\n%s=%s\n" % (key, value)
        status, text, _ = start(folder, conf)
        is_(status, 1, "%s=%s: exit 1" % (key, value))
        has(text, "scitq.conf line %d: %s %s" % (conf.count("\n"), key, words),
            "%s=%s: says where, and what would be right" % (key, value))
        ok("pass" not in text, "%s: no password is told" % key, text)
    for value, words in (("=local", "must be name=plugin"), ("a=", "must be name=plugin"),
                         ("a=local,a=static", "has the name a twice"),
                         ("a:b=local", "must be name=plugin"),
                         ("%s=local" % ("a" * 64), "each of 1 to 63")):
        status, text, _ = start(folder, "SCITQ_STATE_DIR=%s\nSCITQ_LISTEN=127.0.0.1:%d\n"
                                "SCITQ_PROVIDERS=%s\n"
                                % (folder.join("state"), free_port(), value))
        is_(status, 1, "SCITQ_PROVIDERS=%.20s: exit 1" % value)
        has(text, "scitq.conf line 3: SCITQ_PROVIDERS ",
            "SCITQ_PROVIDERS=%.20s: says where" % value)
        has(text, words, "SCITQ_PROVIDERS=%.20s: and why" % value)
    ok(not os.path.exists(folder.join("state")), "nothing is left behind")


def embedded():
    """SQLite files of every wrong kind."""
    folder = Folder()
    path = folder.join("a.db")
    conf = "SCITQ_DATABASE_URI=sqlite:///%s\nSCITQ_LISTEN=127.0.0.1:%d\n" % (path, free_port())

    def refused(what, words, conf=conf):
        status, text, _ = start(folder, conf)
        is_(status, 1, "%s: exit 1" % what)
        for word in words:
            has(text, word, "%s: says %r" % (what, word))

    refused("absent folder", ["/nonexistent"],
            conf.replace(path, "/nonexistent/a.db"))
    refused("a folder as database", [folder.path], conf.replace(path, folder.path))
    with open(path, "wb") as f:
        f.write(b"this is no database\n" * 1000)
    refused("not a database", [path])
    os.unlink(path)
    status, _, out = start(folder, conf, ["--db=init"])
    ok(status == 0 and path in out, "--db init makes it", out)
    is_(os.stat(path).st_mode & 0o777, 0o600, "for its owner alone")
    is_(start(folder, conf, ["--db=init"])[0], 0, "--db init again")
    is_(start(folder, conf, ["--db=check"])[0], 0, "--db check finds it right")
    db = sqlite3.connect(path)
    db.execute("insert into scitq_schema values (9999, '2026-01-01 00:00:00.000000')")
    db.commit()
    refused("newer", ["newer"])
    is_(start(folder, conf, ["--db=check"])[0], 1, "--db check: newer")
    db.execute("delete from scitq_schema where version = 9999")
    current = db.execute("select max(version) from scitq_schema").fetchone()[0]
    db.execute("delete from scitq_schema where version = %d" % current)
    db.commit()
    refused("older", ["db upgrade"])
    for action in ("init", "check"):
        status, text, out = start(folder, conf, ["--db=" + action])
        is_(status, 1, "--db %s: older" % action)
        has(text + out, "db upgrade", "--db %s: says what brings it forward" % action)
    db.executescript("insert into scitq_schema values (%d, '2026-01-01 00:00:00.000000');"
                     "pragma journal_mode = delete" % current)
    db.close()
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.seek(100)
        f.write(b"\xff" * (size - 200))
    refused("corrupt", [path])
    os.unlink(path)
    legacy = sqlite3.connect(path)
    legacy.executescript("create table task (task_id integer primary key, command text,"
                         "status text); create table worker (worker_id integer);"
                         "create table execution (execution_id integer);"
                         "create table signal (signal_id integer)")
    legacy.close()
    refused("of scitq 1.3", [path])
    is_(start(folder, conf.replace("a.db", "none/b.db"), ["--db=check"])[0], 1,
        "--db check: absent")


def ports():
    folder = Folder()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, text, _ = start(folder, "SCITQ_STATE_DIR=%s\nSCITQ_LISTEN=127.0.0.1:%d\n"
                                % (folder.join("state"), port))
    is_(status, 1, "port in use: exit 1")
    has(text, str(port), "port in use: names it")
    ok(not os.path.exists(folder.join("state")), "port in use: nothing is left behind")
    status, text, _ = start(folder, "SCITQ_STATE_DIR=%s\nSCITQ_LISTEN=nonsense\n"
                            "SCITQ_INSECURE=1\n" % folder.join("state"))
    is_(status, 1, "no address: exit 1")
    has(text, "nonsense", "no address: names it")


def life(db):
    with Server(db=db) as server:
        api = server.api()
        has(server.log(), "listening on http://127.0.0.1:%d, database %s"
            % (server.port, db), "%s: the log says where" % db)
        task = api.task("true")
        is_(server.end(signal.SIGTERM), 0, "%s: TERM ends it with 0" % db)
        server.start()
        is_(server.api().get("/tasks/%d" % task).json["status"], "pending",
            "%s: what was acknowledged is there" % db)
        is_(server.end(signal.SIGINT), 0, "%s: INT too" % db)


def second(db):
    """Two servers on one database would both schedule: the second refuses to start, and
    what only looks at the database goes on."""
    folder = Folder()
    with Server(db=db) as server:
        conf = ("SCITQ_DATABASE_URI=%s\nSCITQ_LISTEN=127.0.0.1:%d\nSCITQ_STATE_DIR=%s\n"
                % (server.uri, free_port(), folder.join("state")))
        status, text, _ = start(folder, conf)
        is_(status, 1, "%s: a second server: exit 1" % db)
        is_(text.count("\n"), 1, "%s: in one line" % db)
        for words in ("another scitq server", "database " + db, "stop it"):
            has(text, words, "%s: it says %r" % (db, words))
        is_(server.api().get("/healthz").status, 200, "%s: the first goes on" % db)
        for action in ("init", "check"):
            status, text, out = start(folder, conf, ["--db=" + action])
            is_(status, 0, "%s: --db %s beside a server" % (db, action))
        server.kill()
        server.start()
        is_(server.api().get("/healthz").status, 200,
            "%s: killed, it starts again at once" % db)


def post_and_forget(server):
    try:
        server.api().post("/tasks/", {"command": "x"})
    except (OSError, http.client.HTTPException):
        pass  # the server stops meanwhile


def locked():
    """Another session keeps a table of PostgreSQL for itself."""
    with Server(db="postgresql") as server:
        api = server.api()
        api.task("true", batch="before")
        other = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", server.uri],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        other.stdin.write("begin; lock table task in access exclusive mode; select 1;\n")
        other.stdin.flush()
        is_(other.stdout.readline(), "1\n", "a table is locked")
        for method, path, body in (("GET", "/tasks/", None),
                                   ("POST", "/tasks/", {"command": "x"})):
            got = api.call(method, path, body)
            is_(got.status, 503, "%s waits no longer than it should" % method)
            has(got.body.decode(), "holds a lock", "and says why")
        is_(api.get("/workers/").status, 200, "other tables can be read")
        threads = [threading.Thread(target=post_and_forget, args=(server,))
                   for _ in range(50)]
        for t in threads:
            t.start()
        wait_until("they wait", lambda: server.sql(
            "select 1 from pg_locks where not granted"))
        is_(server.end(), 0, "TERM ends it")
        ok(other.poll() is None, "while the lock is held")
        other.stdin.close()
        other.wait(60)
        for t in threads:
            t.join()
        server.start()
        is_(len(server.api().get("/tasks/", {"batch": "before"}).json), 1,
            "and nothing is lost")


def frozen():
    """PostgreSQL answers nothing any more, and keeps its connections open."""
    with Server(db="postgresql") as server:
        api = server.api()
        api.task("true", batch="before")
        mine = ("select pid from pg_stat_activity where datname = current_database() "
                "and pid <> pg_backend_pid()")
        pids = [int(row[0]) for row in server.sql(mine)]
        ok(len(pids) >= 2, "the server's connections", pids)
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            threads = [threading.Thread(target=post_and_forget, args=(server,))
                       for _ in range(20)]
            for t in threads:
                t.start()
            is_(server.end(), 0, "TERM ends it when the database is frozen")
            has(server.log(), "its connections are cut", "and it says what it did")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        for t in threads:
            t.join()
        wait_until("the connections end", lambda: not server.sql(mine))
        server.start()
        is_(len(server.api().get("/tasks/", {"batch": "before"}).json), 1,
            "nothing of before is lost")


def dispossessed():
    """PostgreSQL ends the session and another server is quicker."""
    key = "7330252, (select oid::int from pg_namespace where nspname = 'public')"
    held = "from pg_locks where locktype = 'advisory' and %s granted"
    with Server(db="postgresql") as server:
        other = subprocess.Popen(
            ["psql", "-X", "-q", "-d", server.uri], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True)
        other.stdin.write("select pg_advisory_lock(%s);\n" % key)
        other.stdin.flush()
        wait_until("the other waits", lambda: server.sql(
            "select 1 " + held % "not"))
        server.sql("select pg_terminate_backend(pid, 10000) " + held % "")
        status = server.process.wait(60)
        is_(status, 1, "a server that lost its database to another: exit 1")
        for words in ("another scitq server", "not its own any more"):
            has(server.log(), words, "it says %r" % words)
        server.process = None
        other.stdin.close()
        other.wait(60)


def hangup():
    """HUP opens the log file again."""
    folder = Folder()
    log, moved = folder.join("s.log"), folder.join("s.log.old")
    with Server(LOG_FILE=log, LOG_LEVEL="debug") as server:
        os.rename(log, moved)
        os.kill(server.pid, signal.SIGHUP)
        wait_until("the log is there again", lambda: os.path.exists(log))
        is_(server.api().get("/healthz").status, 200, "it serves on")
    with open(log) as f:
        has(f.read(), "stopping", "the new file is written")


def notified():
    """sd_notify's protocol, on each database: ready, signs of life only while the
    scheduler turns, reloading, stopping."""
    for db in databases():
        folder = Folder()
        path = folder.join("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)

            def told(words, within=60):
                """Is a message `words` among those that come?"""
                s.settimeout(within)
                try:
                    while s.recv(100) != words:
                        pass
                except socket.timeout:
                    return False
                return True

            env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(2 * BEAT_S * 10 ** 6)}
            os.environ.update(env)
            try:
                server = Server(db=db)
            finally:
                for name in env:
                    del os.environ[name]
            with server:
                s.settimeout(60)
                is_(s.recv(100), b"READY=1\n", db + ": ready is the first that is told")
                ok(told(b"WATCHDOG=1\n") and told(b"WATCHDOG=1\n"), db + ": signs of life")
                if db == "postgresql":
                    unanswered(server, told)
                os.kill(server.pid, signal.SIGHUP)
                s.settimeout(60)
                text = b""
                while not text.startswith(b"RELOADING=1\nMONOTONIC_USEC="):
                    text = s.recv(100)
                ok(told(b"READY=1\n"), db + ": ready again after a reload")
                ok(signalled(server, s), db + ": signs of life among many SIGHUPs")
                server.end()
                ok(told(b"STOPPING=1\n", 1), db + ": the stop is told")


BEAT_S = 1


def signalled(server, s):
    """Is a sign of life told while SIGHUP comes several times between two of them?"""
    for _ in range(600 * BEAT_S):
        os.kill(server.pid, signal.SIGHUP)
        s.settimeout(BEAT_S / 4)
        try:
            while True:
                if s.recv(100) == b"WATCHDOG=1\n":
                    return True
        except socket.timeout:
            pass
    return False


def unanswered(server, told):
    """A database that does not answer leaves nothing to boast of."""
    with subprocess.Popen(["psql", "-X", "-q", "-d", server.uri], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        holder.stdin.write("begin; lock table worker, task, execution in access exclusive "
                           "mode;\n\\echo held\n")
        holder.stdin.flush()
        holder.stdout.readline()
        wait_until("no sign of life for two periods",
                   lambda: not told(b"WATCHDOG=1\n", 2 * BEAT_S + 1))
        holder.stdin.write("rollback;\n")
        holder.stdin.flush()
        ok(told(b"WATCHDOG=1\n"), "and again when it answers")
        holder.stdin.close()


def old_settings():
    """A 1.3 file, with the two lines that the refusal asks for."""
    with Server(FLASK_APP="scitq.server", DEBUG="1", SQLALCHEMY_ECHO="0",
                SCITQ_INSECURE="1", PATH="/usr/bin", MATTERMOST_URL="x") as server:
        for key in ("FLASK_APP", "DEBUG", "SQLALCHEMY_ECHO", "MATTERMOST_URL"):
            has(server.log(), key, "%s: a note" % key)
        is_(server.api().get("/healthz").status, 200, "an old file serves")


def main():
    run(options)
    run(settings)
    run(every_setting)
    run(embedded)
    run(ports)
    for db in databases():
        run(life, db)
        run(second, db)
    if "postgresql" in databases():
        run(locked)
        run(frozen)
        run(dispossessed)
    run(hangup)
    run(notified)
    run(old_settings)
    done()


main()
