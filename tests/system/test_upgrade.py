#!/usr/bin/env python3
"""`scitq-manage db upgrade` of databases that scitq 1.3 made: every revision of its
schema becomes the one a new database has, no old value changes, what fails leaves
everything as it was; then the server goes on with them.  And `db prune`.  Over SQLite
and PostgreSQL."""

import random
import sqlite3

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from legacy13 import BASE, HEAD, Database  # noqa: E402

TASKS = 100000 if LONG else 10000
OUTPUT_MB = 2000 if LONG else 100


def manage(server, *words):
    """(exit code, what it printed)"""
    conf = server.folder.join("scitq.conf")
    with open(conf, "w") as f:
        for key, value in server.settings.items():
            f.write('%s="%s"\n' % (key, value))
    out = subprocess.run([program("scitq-manage"), "db", *words, "-c", conf],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         env=clean_env(), timeout=600)
    return out.returncode, out.stdout


SCHEMAS = {
    "sqlite": [
        "select m.name, c.name, lower(c.type), c.\"notnull\", c.pk from sqlite_master m "
        "join pragma_table_info(m.name) c where m.type = 'table' and m.name not in "
        "('sqlite_sequence', 'alembic_version') and c.name <> 'idle_callback' "
        "and c.pk = 0 order by 1, 2",
        "select m.name, f.\"from\", f.\"table\", f.on_delete from sqlite_master m "
        "join pragma_foreign_key_list(m.name) f where m.type = 'table' order by 1, 2, 3",
        "select name, lower(sql) like '%autoincrement%' from sqlite_master "
        "where type = 'table' and name <> 'alembic_version' order by 1",
        "select name, tbl_name, sql from sqlite_master where type in ('index', 'trigger') "
        "order by 1"],
    "postgresql": [
        "select table_name, column_name, data_type, is_nullable, column_default "
        "from information_schema.columns where table_schema = 'public' "
        "and table_name <> 'alembic_version' and column_name <> 'idle_callback' "
        "order by 1, 2",
        "select cast(conrelid as regclass), pg_get_constraintdef(oid) from pg_constraint "
        "where connamespace = cast('public' as regnamespace) "
        "and conrelid <> coalesce(to_regclass('alembic_version'), 0) order by 1, 2",
        "select indexname, indexdef from pg_indexes where schemaname = 'public' "
        "order by 1",
        "select tgname from pg_trigger where not tgisinternal",
        "select proname from pg_proc where pronamespace = "
        "cast('public' as regnamespace)"],
}


def schema(server, run):
    return sorted(str(tuple(row)) for sql in SCHEMAS[server.db] for row in run(sql))


def differences(a, b):
    return ["%s %s" % ("+" if row in b else "-", row) for row in sorted(set(a) ^ set(b))]


def fresh_schema(db):
    with Server(db=db) as server:
        return schema(server, server.sql)


def every_revision(db, fresh):
    for revision in range(BASE, HEAD + 1):
        for migrated, optional in ((True, True), (False, True), (False, False)):
            name = "%s, revision %d, %s, %s" % (
                db, revision, "migrated" if migrated else "created",
                "all tables" if optional else "the first five tables")
            with Server(db=db, start=False) as server:
                old = Database.of(server, Postgres.shared, revision=revision,
                                  migrated=migrated, optional=optional)
                old.fill()
                before = old.dump()
                code, said = manage(server, "upgrade")
                is_(code, 0, "%s: upgraded%s" % (name, ": " + said if code else ""))
                is_(old.dump(), before, "%s: old values are the same" % name)
                if revision == BASE:
                    is_([int(row[0]) for row in old.run("select distinct retry from task")],
                        [0], "%s: nothing is tried again that was not to be" % name)
                is_(differences(fresh, schema(server, old.run)), [],
                    "%s: its tables are those of a new database" % name)
                if db == "sqlite":
                    is_(old.run("pragma integrity_check"), [("ok",)],
                        "%s: SQLite finds nothing wrong" % name)


def refusals(db):
    """What is wrong before it begins, and what fails in the last step."""
    table = [
        ("a revision nobody knows", "update alembic_version set version_num = 'abcdef'",
         "at revision \"abcdef\""),
        ("a table of our own that is somebody's", "create table execution_log (i integer)",
         "named like scitq's and are not"),
        ("a column that a later migration adds", "alter table worker add column token text",
         "migration 0002-fleet"),
    ]
    for what, sql, words in table:
        with Server(db=db, start=False) as server:
            old = Database.of(server, Postgres.shared)
            old.fill()
            old.run(sql)
            before = old.dump(), schema(server, old.run)
            code, said = manage(server, "upgrade")
            ok(code == 1 and words in said, "%s: %s is refused: %s" % (db, what,
                                                                       said.strip()))
            if "revision" in what:
                code, said = manage(server, "check")
                ok(code == 1 and words in said, "%s: check says so too: %s" % (
                    db, said.strip()))
            ok((old.dump(), schema(server, old.run)) == before,
               "%s: %s: all is as it was" % (db, what))


def unstamped(db):
    """The table of revisions is there and empty, as when a migration was interrupted:
    which one it is, is told by the columns."""
    with Server(db=db, start=False) as server:
        old = Database.of(server, Postgres.shared)
        old.fill()
        old.run("delete from alembic_version")
        before = old.dump()
        code, said = manage(server, "upgrade")
        ok(code == 0 and old.dump() == before,
           "%s: one without a revision is upgraded: %s" % (db, said.strip()))
    with Server(db=db, start=False) as server:
        old = Database.of(server, Postgres.shared)
        old.fill()
        old.run("insert into alembic_version values ('abcdef')")
        code, said = manage(server, "upgrade")
        ok(code == 1 and 'at revision "abcdef"' in said,
           "%s: one of two revisions nobody knows is refused: %s" % (db, said.strip()))


def locked():
    """Somebody works on a table by hand: who upgrades is told so, and waits for nobody."""
    with Server(db="postgresql", start=False) as server:
        old = Database.of(server, Postgres.shared)
        old.fill()
        before = old.dump(), schema(server, old.run)
        other = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", server.uri],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        other.stdin.write("begin; lock table task in access share mode; select 1;\n")
        other.stdin.flush()
        is_(other.stdout.readline(), "1\n", "somebody reads a table")
        code, said = manage(server, "upgrade")
        has(said, "1 other session in it: should one be a server", "who else is there is told")
        ok(code == 1 and "another session holds a lock" in said,
           "an upgrade meanwhile is refused: %s" % said.strip())
        ok((old.dump(), schema(server, old.run)) == before, "all is as it was")
        is_(other.poll(), None, "while the lock is held")
        other.stdin.close()
        other.wait(60)
        code, said = manage(server, "upgrade")
        is_(code, 0, "then it is upgraded%s" % (": " + said if code else ""))


def without_rights():
    """Whoever may not read the tables is told that, and not that there are none."""
    with Server(db="postgresql") as server:
        server.end()
        server.sql("create role nobody_s login")
        server.settings["SCITQ_DATABASE_URI"] = server.uri.replace("//lab@", "//nobody_s@")
        for words in (["check"], ["init"], ["upgrade"], ["prune", "--days", "9"]):
            code, said = manage(server, *words)
            ok(code == 1 and "permission denied" in said, "%s without rights: %s" % (
                words[0], said.strip()))


def encodings():
    """A database that cannot hold every text is refused, by whoever opens it."""
    postgres = Postgres.get()
    for name, code in (("LATIN1", 1), ("SQL_ASCII", 0)):
        postgres.sql("create database %s encoding '%s' locale 'C' template template0"
                     % (name.lower(), name))
        with Server(db="postgresql", start=False,
                    uri=postgres.uri.replace("/postgres?", "/%s?" % name.lower())) as server:
            got, said = manage(server, "init")
            ok(got == code and (not code or "encoding LATIN1" in said), "a database of %s: %s"
               % (name, said.strip().split("\n")[-1]))


def other_states(db):
    with Server(db=db, start=False) as server:
        code, said = manage(server, "check")
        words = "there is no such file" if db == "sqlite" else "has no tables yet"
        ok(code == 1 and words + ": scitq-manage db init makes" in said,
           "%s: check of nothing: %s" % (db, said.strip()))
        code, said = manage(server, "upgrade")
        ok(code == 1 and "no tables yet: scitq-manage db init makes them" in said,
           "%s: nothing there: %s" % (db, said.strip()))
        code, said = manage(server, "upgrade-or-init")
        ok(code == 0 and "tables are made" in said, "%s: … is made when asked to" % db)
        code, said = manage(server, "upgrade")
        ok(code == 0 and "nothing to do" in said, "%s: a current one is left" % db)
    with Server(db=db, start=False) as server:
        Database.of(server, Postgres.shared).fill()
        code, said = manage(server, "check")
        ok(code == 1 and "by scitq 1.3: run scitq-manage db upgrade" in said,
           "%s: check says what to do" % db)
        out = subprocess.run([program("scitq-server"), "-c",
                              server.folder.join("scitq.conf")], stderr=subprocess.PIPE,
                             text=True, env=clean_env(), timeout=60)
        ok(out.returncode == 1 and "run scitq-manage db upgrade" in out.stderr,
           "%s: a server refuses 1.3's tables" % db)
        is_(manage(server, "upgrade-or-init")[0], 0, "%s: upgrade-or-init upgrades" % db)


def go_on(db):
    """1.3's tasks in a server and a worker of ours."""
    with Server(db=db, start=False) as server:
        old = Database.of(server, Postgres.shared)
        old.fill()
        old.run("update worker set status = 'paused'")
        manage(server, "upgrade")
        server.start()
        api = server.api()
        is_(api.delete("/tasks/24").status, 200, "%s: the last one goes" % db)
        api.put("/tasks/9", {"container": "", "input": "", "output": "",
                             "batch": "next", "command": "echo done"})
        api.put("/tasks/2", {"container": "", "input": "", "output": "",
                             "batch": "next", "command": "echo waited"})
        with Worker(server, concurrency=1, options=["-b", "next"]) as _:
            api.wait_task(9, "succeeded")
            ok(True, "%s: a pending task runs" % db)
            api.wait_task(2, "succeeded")
            ok(True, "%s: a waiting one, whose requirement had succeeded, too" % db)
        created = api.post("/tasks/", {"command": "true"}).json["task_id"]
        is_(created, 25, "%s: numbers go on, and none comes twice" % db)
        is_(api.delete("/tasks/3").status, 200, "%s: a task with executions goes" % db)
        is_(old.run("select count(*) from execution where task_id = 3")[0][0] in (0, "0"),
            True, "%s: and they with it" % db)


def line_of(i):
    return "line of task %d: é%s\n" % (i, "x" * 40)


def many(db):
    """Many rows, much text; random ones are read through the API."""
    with Server(db=db, start=False) as server:
        old = Database.of(server, Postgres.shared)
        date = "'2023-01-01 00:00:00.000001'"
        numbers = ("generate_series(1, %d) i" % TASKS if db == "postgresql" else
                   "(with recursive n(i) as (select 1 union all select i + 1 from n where "
                   "i < %d) select i from n)" % TASKS)
        times = OUTPUT_MB * 1000000 // TASKS // len(line_of(TASKS).encode())
        repeated = ("repeat(%s, %d)" if db == "postgresql" else
                    "replace(hex(zeroblob(%d)), '00', %s)")
        line = "'line of task ' || i || ': é%s\n'" % ("x" * 40)
        words = (line, times) if db == "postgresql" else (times, line)
        old.run("insert into worker (name, status, concurrency, batch) values "
                "('w', 'running', 1, 'Default')")
        old.run("insert into task (name, command, status, creation_date, batch, retry) "
                "select 'n' || i, 'echo ' || i, 'succeeded', %s, 'old', 0 from %s"
                % (date, numbers))
        # The trigger would look for earlier ones, row by row.
        old.run("drop trigger is_latest%s" % (
            " on execution" if db == "postgresql" else ""))
        old.run("insert into execution (worker_id, task_id, status, creation_date, output, "
                "error, return_code, latest) select 1, i, 'succeeded', %s, %s, "
                "'error ' || i, 0, true from %s" % (date, repeated % words, numbers))
        before = old.dump()
        begin = time.monotonic()
        code, said = manage(server, "upgrade")
        took = time.monotonic() - begin
        print("# %s: %d tasks and %d MB of outputs upgraded in %.1f s" % (
            db, TASKS, OUTPUT_MB, took))
        is_((code, "upgraded from scitq 1.3" in said), (0, True),
            "%s: a large database is upgraded" % db)
        if LONG and not SANITIZED:
            ok(took <= 30, "%s: within 30 s" % db, "it took %.1f s" % took)
        is_(old.dump(), before, "%s: its values are the same" % db)
        is_(old.run("select count(*) from execution_log")[0][0] in (0, "0"), True,
            "%s: old text stays in place" % db)
        server.start()
        api = server.api()
        wrong = []
        for i in random.Random(13).sample(range(1, TASKS + 1), 1000):
            task = api.get("/tasks/%d" % i).json
            execution = api.get("/executions/?task_id=%d" % i).json[0]
            log = api.call("GET", "/executions/%d/log/stdout" % execution["execution_id"])
            if (task["name"], task["command"], task["status"], execution["error"]) != (
                    "n%d" % i, "echo %d" % i, "succeeded", "error %d" % i) or not (
                    execution["output"] == log.body.decode() == line_of(i) * times):
                wrong.append(i)
        is_(wrong, [], "%s: 1000 random tasks and outputs are read as they were" % db)


def prune(db):
    """Beside a server: of what ended long ago only the ends are kept."""
    with Server(db=db) as server, Worker(server, concurrency=2):
        api = server.api()
        tasks = [api.post("/tasks/", {"command": command}).json["task_id"]
                 for command in ("seq 100000", "seq 100000", "echo short", "false")]
        for task in tasks:
            api.wait_task(task, ("succeeded", "failed"))
        server.sql("update execution set modification_date = '2020-01-01 00:00:00.000000' "
                   "where task_id <> %d" % tasks[1])
        whole = "".join("%d\n" % i for i in range(1, 100001))
        for words, code, said in ((["--days", "10000"], 0, "of 0 executions"),
                                  (["--days", "30"], 0, "of 2 executions"),
                                  (["--days", "30"], 0, "of 0 executions"),
                                  (["--days", "0"], 2, "days"), ([], 2, "days")):
            got, out = manage(server, "prune", *words)
            ok(got == code and said in out, "%s: prune %s: %s" % (
                db, " ".join(words), out.strip().split("\n")[0]))
        for task, want in zip(tasks, (whole[-65536:], whole, "short\n", "")):
            execution = api.get("/executions/?task_id=%d" % task).json[0]
            log = api.call("GET", "/executions/%d/log/stdout" % execution["execution_id"])
            ok(log.body.decode() == (execution["output"] or "") == want,
               "%s: what is left of task %d" % (db, task))


def prune_in_steps(db):
    """A long output goes some rows a transaction, since a server works beside: what
    fails half-way is half done, and the next one does the rest."""
    with Server(db=db) as server:
        api = server.api()
        w = api.post("/workers/", {"name": "w", "concurrency": 1, "batch": "w"}).json["worker_id"]
        t = api.task("c", batch="w", status="paused")
        e = api.post("/executions/", {"worker_id": w, "task_id": t}).json["execution_id"]
        api.put("/executions/%d" % e, {"status": "succeeded"})

        def sql(text):
            return server.sql(text) if db == "sqlite" else Postgres.get().sql(text, server.uri)
        sql("insert into execution_log (execution_id, stream, start, chars, data) select %d, 1, "
            "1000 * i, 1000 * i, %s from %s" % (
                (e, "zeroblob(1000)", "(with recursive n(i) as (select 0 union all select i + 1 "
                 "from n where i < 199) select i from n)") if db == "sqlite" else
                (e, "decode(repeat('41', 1000), 'hex')", "generate_series(0, 199) i")))
        sql("update execution set modification_date = '2020-01-01 00:00:00.000000'")
        sql("create trigger no before delete on execution_log when old.start = 0 begin "
            "select raise(abort, 'no'); end" if db == "sqlite" else
            "create function no() returns trigger as $$ begin raise 'no'; end $$ language plpgsql; "
            "create trigger no before delete on execution_log for each row when (old.start = 0) "
            "execute function no()")
        code, said = manage(server, "prune", "--days", "1")
        ok(code == 1 and "of 0 executions" in said, "%s: a prune that fails: %s" % (db, said))
        left = [int(r[0]) for r in sql("select start from execution_log order by start")]
        ok(0 < len(left) < 100 and left == list(range(0, 1000 * len(left), 1000)),
           "%s: what it did before stays done, from the end" % db, left)
        sql("drop trigger no%s" % (" on execution_log" if db == "postgresql" else ""))
        code, said = manage(server, "prune", "--days", "1")
        ok(code == 0 and "of 1 executions" in said, "%s: the next does the rest: %s" % (db, said))
        is_(int(sql("select count(*) from execution_log")[0][0]), 0, "%s: all of it" % db)


def main():
    for db in databases():
        if db == "postgresql":
            Postgres.get()
        fresh = fresh_schema(db)
        every_revision(db, fresh)
        refusals(db)
        unstamped(db)
        if db == "postgresql":
            locked()
            without_rights()
            encodings()
        other_states(db)
        go_on(db)
        prune(db)
        prune_in_steps(db)
        many(db)
    done()


main()
